// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Exact fast-forward of streams. While one stream is all that a channel does, the channel is described each
// time the stream has gone once around the lanes: everything that decides the future, as distances from the
// present time and from the stream's next page. Equal descriptions behave equally, so from the second one on
// whole periods can be jumped as long as the media answer with plain OK.
#include <algorithm>

#include "hbf/channel_state.h"

namespace memwall::hbf {

// --- What ends a period ---

void Channel::State::disturb() {
  reference.valid = false;
  at_match = false;
  forget_plain();
}

void Channel::State::forget_plain() {
  quiet_until = 0;
  plain_time = plain_issued = 0;
}

void Channel::State::sample_management() {
  management_due = management->next_event();
  const Registers now = {management->ready(time), management->host_retry(), management->outstanding_limit(),
                         management->accumulate_time(), management->max_read_threshold()};
  if (now == registers) return;
  registers = now;
  media.set_max_read_threshold(now.max_reads);
  disturb();
}

bool Channel::State::only_stream(std::uint32_t& stream) const {
  if (started_streams != 1 || severe || time < link_up || !registers.ready) return false;
  if (!open_gathers.empty() || !accepted.empty() || !delayed.empty() || !batch_run.empty() ||
      !b_queue.empty() ||
      std::any_of(ports.begin(), ports.end(), [](const Port& port) { return !port.aw.empty(); })) {
    return false;
  }
  stream = 0;
  while (!streams[stream].started) ++stream;
  std::size_t commands = 0;
  for (const PageRecord& record : streams[stream].records) commands += record.open;
  if (live_txns - offered != commands) return false;
  return std::none_of(lanes.begin(), lanes.end(),
                      [&](const Lane& lane) { return lane.running != kNone && ops[lane.running].program; });
}

// --- Description ---

namespace {

/// How far a jump looks ahead at once.
constexpr std::uint64_t kRowsAhead = 16;

class Words {
 public:
  explicit Words(std::vector<std::uint64_t>& words) : words_(words) { words_.clear(); }
  void put(std::uint64_t word) { words_.push_back(word); }
  std::vector<std::uint64_t>& all() { return words_; }

 private:
  std::vector<std::uint64_t>& words_;
};

}  // namespace

void Channel::State::describe(std::uint32_t index_of_stream, std::vector<std::uint64_t>& words) {
  const StreamState& stream = streams[index_of_stream];
  const std::uint64_t next = next_dlu(stream);
  Words w(words);
  const auto put_txn = [&](std::uint32_t slot) {
    const Txn& x = txns[slot];
    w.put(next - x.dlu);
    w.put(x.c.address % kPageBytes / kChunkBytes << 32 | x.messages_sent << 3 | (x.looked_up ? 4u : 0u) |
          (x.turn ? 2u : 0u) | (x.ready ? 1u : 0u));
    w.put(std::uint64_t{x.user} << 32 | x.hold);
    // Commands that wait for their turn may be in no queue.
    std::uint32_t follower = x.turn ? x.next_same_id : kNone;
    for (; follower != kNone; follower = txns[follower].next_same_id) {
      const Txn& f = txns[follower];
      w.put((next - f.dlu) << 1 | (f.ready ? 1u : 0u));
      w.put(f.c.address % kPageBytes << 16 | f.user);
    }
    w.put(kNoPage);
  };
  const auto put_op = [&](std::uint32_t op) {
    w.put(next - ops[op].dlu);
    w.put(ops[op].duration);
    w.put(ops[op].stage << 8 | ops[op].buffer << 4 | (ops[op].stale ? 1u : 0u));
    w.put(static_cast<std::uint64_t>(ops[op].sensed.status) << 8 | ops[op].sensed.info);
    for (std::uint32_t slot = ops[op].first_reader; slot != kNone; slot = txns[slot].next_reader) {
      put_txn(slot);
    }
    w.put(kNoPage);
  };
  const auto put_queue = [&](const std::deque<std::uint32_t>& queue) {
    w.put(queue.size());
    for (const std::uint32_t slot : queue) put_txn(slot);
  };
  const auto put_timed = [&](const std::deque<Timed>& queue) {
    w.put(queue.size());
    for (const Timed& entry : queue) {
      w.put(entry.at - time);
      put_txn(entry.slot);
    }
  };

  w.put(stream.issued % lanes.size());
  w.put(outstanding);
  w.put(run_open ? 1 : 0);
  down.describe(time, w.all());
  up.describe(time, w.all());
  for (Credits* credits : {&ar_credits, &w_credits, &r_credits, &b_credits}) credits->describe(time, w.all());
  w.put(stream.issued - stream.front);
  for (const PageRecord& record : stream.records) w.put(std::uint64_t{record.open} << 32 | record.user);
  w.put(ar_turn);
  for (const Port& port : ports) put_queue(port.ar);
  put_timed(lookups);
  put_queue(r_queue);
  put_timed(arrivals);
  w.put(regular_set.empty() ? 0 : regular_deadline - time);
  for (const std::uint32_t op : regular_set) put_op(op);
  w.put(decodes.size());
  for (const Timed& decode : decodes) {
    w.put(decode.at - time);
    put_op(decode.slot);
  }
  for (const Lane& lane : lanes) {
    w.put(lane.running == kNone ? 0 : lane.end - time + 1);
    if (lane.running != kNone) put_op(lane.running);
    for (std::uint32_t op = lane.head; op != kNone; op = ops[op].next) put_op(op);
    w.put(lane.newest);
    for (const Buffer& buffer : lane.buffers) {
      w.put((buffer.valid ? 2u : 0u) | (buffer.filling ? 1u : 0u));
      w.put(buffer.valid || buffer.filling ? next - buffer.dlu : 0);
      w.put(static_cast<std::uint64_t>(buffer.status) << 8 | buffer.info);
      w.put(std::uint64_t{buffer.waiting} << 48 | (buffer.link_until > time ? buffer.link_until - time : 0));
    }
  }
}

// --- Learning ---

Channel::State::Totals Channel::State::totals() const {
  return {counters.read_commands, counters.read_bytes, counters.page_reads,
          counters.buffer_hits,   counters.evictions,  counters.sense_busy,
          down.flits(),           up.flits(),          media.counters().senses};
}

std::uint64_t Channel::State::next_dlu(const StreamState& stream) const {
  return (stream.s.port * config.port_bytes() + stream.s.address) / kPageBytes + stream.issued;
}

bool Channel::State::try_jump(TimePs to) {
  if (at_match) return jump(to);
  if (!around) return false;
  around = false;
  if (!fast_forward) return false;
  std::uint32_t index_of_stream = 0;
  if (!only_stream(index_of_stream)) {
    disturb();
    return false;
  }
  describe(index_of_stream, description);
  const StreamState& stream = streams[index_of_stream];
  const bool known = reference.valid && reference.stream == index_of_stream && description == reference.words;
  if (known) {
    period.pages = stream.issued - reference.issued;
    period.time = time - reference.at;
    const Totals now = totals();
    for (std::size_t i = 0; i < now.size(); ++i) period.totals[i] = now[i] - reference.totals[i];
    at_match = period.totals.back() == period.pages;
  }
  // Brent's choice of references finds any period.
  if (known || !reference.valid || ++reference.steps >= reference.patience) {
    reference.patience = !reference.valid || known ? 1 : 2 * reference.patience;
    reference.steps = 0;
    reference.valid = true;
    reference.stream = index_of_stream;
    reference.at = time;
    reference.issued = stream.issued;
    reference.totals = totals();
    reference.words = description;
  }
  return at_match && jump(to);
}

// --- Jumping ---

/// Of each lane the first page that the stream has not sensed yet.
std::vector<std::uint64_t> Channel::State::unsensed(const StreamState& stream) const {
  const std::uint64_t n = lanes.size(), next = next_dlu(stream);
  std::vector<std::uint64_t> first(n);
  for (std::uint64_t i = 0; i < n; ++i) first[(next + i) % n] = next + i;
  const auto meet = [&](std::uint64_t dlu) { first[dlu % n] = std::min(first[dlu % n], dlu); };
  const auto meet_command = [&](std::uint32_t slot) {
    const std::uint64_t dlu = txns[slot].dlu;
    const auto& buffers = lanes[dlu % n].buffers;
    const bool sensed = std::any_of(buffers.begin(), buffers.end(), [&](const Buffer& buffer) {
      return (buffer.valid || buffer.filling) && buffer.dlu == dlu;
    });
    if (!sensed) meet(dlu);
  };
  for (const Port& port : ports) {
    for (const std::uint32_t slot : port.ar) meet_command(slot);
  }
  for (const Timed& entry : lookups) meet_command(entry.slot);
  for (const std::uint32_t op : regular_set) meet(ops[op].dlu);
  for (const Lane& lane : lanes) {
    for (std::uint32_t op = lane.head; op != kNone; op = ops[op].next) meet(ops[op].dlu);
  }
  return first;
}

/// How many of `periods` are certain to be plain; fewer may be found than there are.
std::uint64_t Channel::State::plain_periods(const StreamState& stream, std::uint64_t periods) {
  const std::uint64_t n = lanes.size(), next = next_dlu(stream);
  const std::vector<std::uint64_t> first = unsensed(stream);
  const auto check = [&](std::uint64_t k, std::uint64_t& obstacle) {
    const std::uint64_t end = next + k * period.pages;
    for (const std::uint64_t dlu : first) {
      if (dlu >= end) continue;
      const auto pages = static_cast<std::uint32_t>((end - dlu + n - 1) / n);
      const std::uint32_t plain = media.plain_run(time, time + k * period.time, media.place_of(dlu), pages);
      if (plain < pages) {
        obstacle = dlu + plain * n;
        return false;
      }
    }
    return true;
  };
  while (periods > 0) {
    std::uint64_t obstacle = 0;
    if (check(periods, obstacle)) return periods;
    const std::uint64_t before = obstacle > next ? (obstacle - next) / period.pages : 0;
    // Less time may also do.
    periods = before > 0 ? std::min(before, periods - 1) : periods / 2;
  }
  return 0;
}

bool Channel::State::jump(TimePs to) {
  std::uint32_t index_of_stream = 0;
  if (!only_stream(index_of_stream)) return false;
  const StreamState& stream = streams[index_of_stream];
  const std::uint64_t port_pages = config.port_bytes() / kPageBytes;
  const std::uint64_t last =
      std::min(stream.s.pages, port_pages - std::min(port_pages, stream.s.address / kPageBytes));
  const std::uint64_t ahead = kRowsAhead * config.pages_per_block * lanes.size();
  bool jumped = false;
  quiet_until = 0;
  while (true) {
    TimePs until = management_due;
    if (!offers.empty()) until = std::min(until, offers.top().at);
    if (until <= time || stream.issued >= last) break;
    const std::uint64_t reachable = to > time ? (to - time) / period.time : 0;
    std::uint64_t k = std::min((last - stream.issued) / period.pages, (until - time - 1) / period.time);
    k = std::min(k, std::max<std::uint64_t>(1, ahead / period.pages));
    k = std::min(k, known_plain(stream, std::min(k, reachable + 1), k));
    if (reachable < k) {
      // Nothing to be seen until then, unless somebody interferes.
      quiet_until = time + k * period.time;
      k = reachable;
    }
    if (k == 0) break;
    skip(index_of_stream, k);
    jumped = true;
  }
  return jumped;
}

/// Periods that are certain to be plain: what is known from before if it is `enough`, else what there is of
/// `most`.
std::uint64_t Channel::State::known_plain(const StreamState& stream, std::uint64_t enough,
                                          std::uint64_t most) {
  if (plain_time > time && plain_issued > stream.issued) {
    const std::uint64_t known =
        std::min((plain_time - time) / period.time, (plain_issued - stream.issued) / period.pages);
    if (known >= enough) return known;
  }
  const std::uint64_t plain = plain_periods(stream, most);
  plain_time = time + plain * period.time;
  plain_issued = stream.issued + plain * period.pages;
  return plain;
}

void Channel::State::skip(std::uint32_t index_of_stream, std::uint64_t periods) {
  StreamState& stream = streams[index_of_stream];
  const std::uint64_t pages = periods * period.pages;
  const TimePs by = periods * period.time;
  for (const std::uint64_t dlu : unsensed(stream)) {
    media.sense_run(time, media.place_of(dlu), static_cast<std::uint32_t>(pages / lanes.size()));
  }
  shift_commands(stream, by, pages);
  shift_array(by, pages);
  stream.issued += pages;
  stream.done += pages;
  stream.front += pages;
  counters.read_commands += periods * period.totals[0];
  counters.read_bytes += periods * period.totals[1];
  counters.page_reads += periods * period.totals[2];
  counters.buffer_hits += periods * period.totals[3];
  counters.evictions += periods * period.totals[4];
  counters.sense_busy += periods * period.totals[5];
  counters.fast_forwarded += pages;
  down.shift(by, periods * period.totals[6]);
  up.shift(by, periods * period.totals[7]);
  for (Credits* credits : {&ar_credits, &w_credits, &r_credits, &b_credits}) credits->shift(by);
  time += by;
  reference.at = time;
  reference.issued = stream.issued;
  reference.totals = totals();
}

void Channel::State::shift_commands(const StreamState& stream, TimePs by, std::uint64_t pages) {
  std::vector<std::uint32_t> newest;
  for (std::uint32_t slot = 0; slot < txns.size(); ++slot) {
    Txn& x = txns[slot];
    if (!x.live || x.stream == kNone) continue;
    std::uint32_t& last = last_of_id[id_key(x.c)];
    if (last == slot) {
      newest.push_back(slot);
      last = kNone;
    }
  }
  for (Txn& x : txns) {
    if (!x.live || x.stream == kNone) continue;
    x.c.address += pages * kPageBytes;
    const std::uint64_t page = (x.c.address - stream.s.address) / kPageBytes;
    x.c.id = static_cast<std::uint16_t>(stream.s.first_id + page % stream.s.window);
    x.dlu += pages;
    x.ready_at += by;
    x.first_beat += by;
  }
  for (const std::uint32_t slot : newest) last_of_id[id_key(txns[slot].c)] = slot;
  for (std::deque<Timed>* queue : {&lookups, &arrivals, &decodes}) {
    for (Timed& entry : *queue) entry.at += by;
  }
}

void Channel::State::shift_array(TimePs by, std::uint64_t pages) {
  std::vector<std::uint32_t> indexed;
  for_each_op([&](std::uint32_t op) {
    if (senses.find(sense_key(ops[op].dlu, ops[op].stage)) == op) indexed.push_back(op);
  });
  senses.clear();
  for_each_op([&](std::uint32_t op) { ops[op].dlu += pages; });
  for (const std::uint32_t op : indexed) senses.insert(sense_key(ops[op].dlu, ops[op].stage), op);
  if (regular_deadline != kNever) regular_deadline += by;
  EarliestFirst<Timed> moved;
  for (; !lane_events.empty(); lane_events.pop()) {
    moved.push({lane_events.top().at + by, lane_events.top().slot});
  }
  lane_events = std::move(moved);
  for (Lane& lane : lanes) {
    lane.end += by;
    for (Buffer& buffer : lane.buffers) {
      if (buffer.dlu != kNoPage) buffer.dlu += pages;
      buffer.link_until += by;
    }
  }
}

}  // namespace memwall::hbf
