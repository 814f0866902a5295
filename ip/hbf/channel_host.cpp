// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The host side of a channel's ports, and both directions of the link.
#include <algorithm>

#include "hbf/channel_state.h"

namespace memwall::hbf {

void Channel::State::take_offers() {
  while (!offers.empty() && offers.top().at <= time) {
    const Offer next = offers.top();
    offers.pop();
    disturb();
    if (next.stream) {
      ++started_streams;
      streams[next.slot].started = true;
      feed(next.slot);
    } else {
      --offered;
      offer(next.slot);
    }
  }
}

void Channel::State::offer(std::uint32_t slot) {
  Txn& x = txns[slot];
  x.order = order++;
  const bool flash = user::packet(x.c.user) == Packet::kFlash;
  x.dlu = flash && x.c.address < config.port_bytes()
              ? (x.c.port * config.port_bytes() + x.c.address) / kPageBytes
              : kNoPage;
  Port& port = ports[x.c.port];
  (x.c.is_write ? port.aw : port.ar).push_back(slot);
}

bool Channel::State::overlaps(const Txn& a, const Txn& b) const {
  const Packet packet = user::packet(a.c.user);
  if (packet != user::packet(b.c.user) || packet == Packet::kAdmin || a.c.port != b.c.port) return false;
  return a.c.address < b.c.address + b.c.beats() * kChunkBytes &&
         b.c.address < a.c.address + a.c.beats() * kChunkBytes;
}

/// Reads and writes of one address keep their order (5.4.3), so neither class overtakes the other there.
bool Channel::State::overtakes(std::uint32_t slot, const std::deque<std::uint32_t>& others) const {
  for (const std::uint32_t other : others) {
    if (txns[other].order > txns[slot].order) return false;
    if (overlaps(txns[other], txns[slot])) return true;
  }
  return false;
}

/// The next command of its kind. Ports take turns; one whose turn it is and whose command must not overtake
/// is passed over.
std::uint32_t Channel::State::next_request(bool is_write) const {
  const auto count = static_cast<unsigned>(ports.size());
  unsigned turn = is_write ? aw_turn : ar_turn;
  for (unsigned i = 0; i < count; ++i) {
    const Port& port = ports[turn];
    if (++turn == count) turn = 0;  // no division: this is asked at every instant
    const std::deque<std::uint32_t>& queue = is_write ? port.aw : port.ar;
    if (!queue.empty() && !overtakes(queue.front(), is_write ? port.ar : port.aw)) return queue.front();
  }
  return kNone;
}

/// Whether MOCS has a place for the next command of its kind. Both kinds take turns for the last place, so
/// that neither starves.
bool Channel::State::has_place(std::uint32_t slot) const {
  const unsigned limit = registers.limit;
  if (outstanding + 1 != limit) return outstanding < limit;
  const bool is_write = txns[slot].c.is_write;
  return is_write == write_turn || (!is_write && burst != kNone) || next_request(!is_write) == kNone;
}

void Channel::State::begin_request(std::uint32_t slot) {
  const Command& c = txns[slot].c;
  (c.is_write ? aw_turn : ar_turn) = (c.port + 1u) % static_cast<unsigned>(ports.size());
  write_turn = !c.is_write;
  ++outstanding;
}

void Channel::State::send_down() {
  if (!may_send()) return;
  bool moved = true;
  while (moved) {
    moved = false;
    while (send_ar()) moved = true;
    if (send_aw()) moved = true;
  }
}

bool Channel::State::send_ar() {
  const unsigned granules = config.link.ar_granules;
  if (ar_credits.free(time) < granules) return false;
  const std::uint32_t slot = next_request(false);
  if (slot == kNone || !has_place(slot)) return false;
  begin_request(slot);
  ports[txns[slot].c.port].ar.pop_front();
  const LinkDirection::Sent sent = down.send(time, 1, granules, ar_credits);
  lookups.push_back({sent.last + config.timing.tBASE, slot});
  return true;
}

/// True when the whole burst is under way.
bool Channel::State::send_aw() {
  LinkDirection::Sent sent;
  if (burst == kNone) {
    if (w_credits.free(time) < config.link.aw_granules) return false;
    const std::uint32_t slot = next_request(true);
    if (slot == kNone || !has_place(slot)) return false;
    burst = slot;
    begin_request(slot);
    sent = down.send(time, 1, config.link.aw_granules, w_credits);
    txns[slot].messages_sent = 1;
  }
  const std::uint32_t slot = burst;
  Txn& x = txns[slot];
  const unsigned left = x.c.beats() + 1 - x.messages_sent;
  const unsigned n = std::min(left, w_credits.free(time) / config.link.w_granules);
  if (n > 0) {
    sent = down.send(time, n, config.link.w_granules, w_credits);
    x.messages_sent += n;
    counters.write_bytes += n * kChunkBytes;
  }
  if (n < left) return false;
  ports[x.c.port].aw.pop_front();
  burst = kNone;
  x.messages_sent = 0;
  lookups.push_back({sent.last + config.timing.tBASE, slot});
  return true;
}

TimePs Channel::State::next_down() const {
  if (severe) return kNever;
  const TimePs from = std::max(time, link_up);
  TimePs next = kNever;
  const auto request = [&](bool is_write, const Credits& credits, unsigned granules) {
    const std::uint32_t slot = next_request(is_write);
    if (slot != kNone && has_place(slot)) next = std::min(next, credits.when(from, granules));
  };
  request(false, ar_credits, config.link.ar_granules);
  if (burst != kNone) {
    next = std::min(next, w_credits.when(from, config.link.w_granules));
  } else {
    request(true, w_credits, config.link.aw_granules);
  }
  return next;
}

void Channel::State::send_up() {
  if (time < link_up) return;
  while (send_r() || send_b()) {
  }
}

/// True when the whole response is under way.
bool Channel::State::send_r() {
  if (r_queue.empty()) return false;
  const std::uint32_t slot = r_queue.front();
  Txn& x = txns[slot];
  const unsigned left = x.c.beats() - x.messages_sent;
  const unsigned n = std::min(left, r_credits.free(time) / config.link.r_granules);
  if (n == 0) return false;
  const LinkDirection::Sent s = up.send(time, n, config.link.r_granules, r_credits);
  if (x.messages_sent == 0) x.first_beat = s.first;
  x.messages_sent += n;
  counters.read_bytes += n * kChunkBytes;
  if (n < left) return false;
  r_queue.pop_front();
  sent(slot, s.last);
  return true;
}

bool Channel::State::send_b() {
  if (b_queue.empty() || b_credits.free(time) < config.link.b_granules) return false;
  const std::uint32_t slot = b_queue.front();
  b_queue.pop_front();
  const LinkDirection::Sent s = up.send(time, 1, config.link.b_granules, b_credits);
  txns[slot].first_beat = s.last;
  sent(slot, s.last);
  return true;
}

TimePs Channel::State::next_up() const {
  TimePs next = kNever;
  const TimePs from = std::max(time, link_up);
  if (!r_queue.empty()) next = std::min(next, r_credits.when(from, config.link.r_granules));
  if (!b_queue.empty()) next = std::min(next, b_credits.when(from, config.link.b_granules));
  return next;
}

void Channel::State::sent(std::uint32_t slot, TimePs last) {
  Txn& x = txns[slot];
  arrivals.push_back({last, slot});
  if (user::packet(x.c.user) != Packet::kAdmin) --io_pending;
  if (x.hold != kNone) {
    const unsigned lane = x.hold / 2;
    Buffer& buffer = lanes[lane].buffers[x.hold % 2];
    --buffer.waiting;
    buffer.link_until = std::max(buffer.link_until, last - config.link.latency);
    if (buffer.waiting == 0 && lanes[lane].head != kNone) flag(lane);
  }
  const std::size_t key = id_key(x.c);
  if (last_of_id[key] == slot) last_of_id[key] = kNone;
  if (x.next_same_id == kNone) return;
  Txn& next = txns[x.next_same_id];
  next.turn = true;
  if (next.ready) queue_response(x.next_same_id, kNone);
}

void Channel::State::arrive(std::uint32_t slot, TimePs at) {
  --outstanding;
  const Txn& x = txns[slot];
  if (x.stream != kNone) return arrive_of_stream(slot, at);
  disturb();
  Response r;
  r.cookie = x.c.cookie;
  r.channel = index;
  r.at = at;
  r.first_beat = x.first_beat;
  r.is_write = x.c.is_write;
  r.port = x.c.port;
  r.id = x.c.id;
  r.user = x.user;
  const unsigned status = user::status(x.user);
  const bool corrected = !x.c.is_write && user::packet(x.c.user) != Packet::kAdmin &&
                         status == static_cast<unsigned>(ReadStatus::kCorrectedHigh);
  r.resp = status == 0 || corrected ? 0 : 2;
  free_txn(slot);
  responses->push_back(r);
}

/// Offers pages as far as the window allows.
void Channel::State::feed(std::uint32_t index_of_stream) {
  StreamState& stream = streams[index_of_stream];
  const unsigned commands = config.burst_reads ? 1 : kChunksPerPage;
  while (stream.issued < stream.s.pages && stream.issued - stream.done < stream.s.window) {
    const std::uint64_t page = stream.issued++;
    around = around || stream.issued % lanes.size() == 0;
    stream.records.push_back({commands, 0});
    for (unsigned i = 0; i < commands; ++i) {
      const std::uint32_t slot = new_txn();
      Txn& x = txns[slot];
      x.stream = index_of_stream;
      x.c.port = stream.s.port;
      x.c.id = static_cast<std::uint16_t>(stream.s.first_id + page % stream.s.window);
      x.c.len = config.burst_reads ? kChunksPerPage - 1 : 0;
      x.c.address = stream.s.address + page * kPageBytes + i * kChunkBytes;
      offer(slot);
    }
  }
}

void Channel::State::arrive_of_stream(std::uint32_t slot, TimePs at) {
  const Txn x = txns[slot];
  free_txn(slot);
  StreamState& stream = streams[x.stream];
  const std::uint64_t page = (x.c.address - stream.s.address) / kPageBytes;
  PageRecord& record = stream.records[page - stream.front];
  stream.first_beat = std::min(stream.first_beat, x.first_beat);
  if (user::status(record.user) == 0) record.user = x.user;
  if (--record.open > 0) return;
  const unsigned status = user::status(record.user);
  if (status != 0) {
    const std::uint64_t address = stream.s.port * config.port_bytes() + x.c.address / kPageBytes * kPageBytes;
    notices->push_back({at, index, record.user, stream.s.cookie, address});
    const bool valid = status == static_cast<unsigned>(ReadStatus::kCorrectedHigh);
    if (!valid && user::status(stream.user) == 0) stream.user = record.user;
  }
  ++stream.done;
  while (!stream.records.empty() && stream.records.front().open == 0) {
    stream.records.pop_front();
    ++stream.front;
  }
  if (stream.done < stream.s.pages) return feed(x.stream);
  Response r;
  r.cookie = stream.s.cookie;
  r.channel = index;
  r.at = at;
  r.first_beat = stream.first_beat;
  r.port = stream.s.port;
  r.id = stream.s.first_id;
  r.user = stream.user;
  r.resp = user::status(stream.user) == 0 ? 0 : 2;
  stream.live = stream.started = false;
  --started_streams;
  disturb();
  responses->push_back(r);
}

}  // namespace memwall::hbf
