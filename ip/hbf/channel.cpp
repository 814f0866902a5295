// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The loop over instants, and what every command meets first at the base die.
#include "hbf/channel.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "common/error.h"
#include "hbf/channel_state.h"

namespace memwall::hbf {
namespace {

std::string place(const Config& config, unsigned index) {
  return config.name + " channel " + std::to_string(index);
}

void check_credits(const Config& config) {
  const LinkConfig& l = config.link;
  const auto enough = [&](const char* name, unsigned credits, unsigned granules) {
    if (granules > 0 && credits >= granules) return;
    throw ConfigError(config.name,
                      std::string("link.") + name + " = " + std::to_string(credits) +
                          " does not hold one message of " + std::to_string(granules) +
                          " granules (accepted: as many granules or more, messages of at least 1)");
  };
  enough("ar_credits", l.ar_credits, l.ar_granules);
  enough("w_credits", l.w_credits, l.w_granules);
  enough("w_credits", l.w_credits, l.aw_granules);
  enough("r_credits", l.r_credits, l.r_granules);
  enough("b_credits", l.b_credits, l.b_granules);
}

}  // namespace

Channel::State::State(const Config& c, unsigned i)
    : config(c),
      index(i),
      media(c, i),
      flit(c.link.flit_time()),
      ports(c.ports_per_channel),
      down(flit, c.link.latency),
      up(flit, c.link.latency),
      ar_credits(c.link.ar_credits),
      w_credits(c.link.w_credits),
      r_credits(c.link.r_credits),
      b_credits(c.link.b_credits),
      last_of_id(std::size_t{c.ports_per_channel} << (kIdBits + 1), kNone),
      lanes(c.lanes_per_channel()),
      scratchpad(c.scratchpad_bytes),
      degrees(c.thermal.ambient_c) {}

Channel::Channel(const Config& config, unsigned index) {
  check_credits(config);
  state_ = std::make_unique<State>(config, index);
  state_->management = std::make_unique<Management>(config, index, *this);
}
Channel::~Channel() = default;

std::uint64_t Channel::local(unsigned port, std::uint64_t address) const {
  const Config& c = state_->config;
  if (port >= c.ports_per_channel || address >= c.port_bytes()) return ~std::uint64_t{0};
  return port * c.port_bytes() + address;
}

void Channel::State::check_command(const Command& c) const {
  const auto refuse = [&](const std::string& what) {
    throw ModelError("contract", place(config, index), "a command with " + what);
  };
  if (c.port >= config.ports_per_channel) refuse("port " + std::to_string(c.port));
  if (c.id >> kIdBits != 0) refuse("id " + std::to_string(c.id));
  if (c.user >> kUserBits != 0) refuse("user " + std::to_string(c.user));
  if (c.address >> kAddressBits != 0) refuse("address " + std::to_string(c.address));
}

void Channel::State::check_stream(const Stream& s) const {
  const auto refuse = [&](const std::string& what) {
    throw ModelError("contract", place(config, index), "a stream with " + what);
  };
  if (s.port >= config.ports_per_channel) refuse("port " + std::to_string(s.port));
  if (s.pages == 0) refuse("no pages");
  if (s.window == 0 || s.first_id + s.window > 1u << kIdBits) refuse("window " + std::to_string(s.window));
  if (s.address % kPageBytes != 0 || (s.address >> kAddressBits) != 0 ||
      s.pages > (std::uint64_t{1} << kAddressBits) / kPageBytes - s.address / kPageBytes) {
    refuse("address " + std::to_string(s.address));
  }
}

void Channel::submit(TimePs at, const Command& command) {
  State& s = *state_;
  if (at < now_) throw ModelError("contract", place(s.config, s.index), "a command offered in the past");
  s.check_command(command);
  s.disturb();
  const std::uint32_t slot = s.new_txn();
  State::Txn& x = s.txns[slot];
  x.c = command;
  const Packet packet = user::packet(command.user);
  if (s.config.readings.address_unit == Readings::AddressUnit::kChunks &&
      (packet == Packet::kFlash || packet == Packet::kScratchpad)) {
    x.c.address *= kChunkBytes;
  }
  if (command.is_write && (command.data != nullptr || user::packet(command.user) == Packet::kAdmin)) {
    x.data.assign(command.beats() * kChunkBytes, 0);
    if (command.data != nullptr) std::memcpy(x.data.data(), command.data, x.data.size());
  }
  ++s.offered;
  s.offers.push({at, s.sequence++, slot, false});
}

void Channel::submit(TimePs at, const Stream& stream) {
  State& s = *state_;
  if (at < now_) throw ModelError("contract", place(s.config, s.index), "a stream offered in the past");
  s.check_stream(stream);
  s.disturb();
  std::uint32_t slot = 0;
  while (slot < s.streams.size() && s.streams[slot].live) ++slot;
  if (slot == s.streams.size()) s.streams.emplace_back();
  s.streams[slot] = State::StreamState();
  s.streams[slot].s = stream;
  s.streams[slot].live = true;
  s.offers.push({at, s.sequence++, slot, true});
}

std::size_t Channel::in_flight() const {
  std::size_t n = state_->live_txns;
  for (const State::StreamState& stream : state_->streams) {
    if (!stream.live) continue;
    // A stream counts once.
    ++n;
    for (const State::PageRecord& record : stream.records) n -= record.open;
  }
  return n;
}

TimePs Channel::next_event() const { return std::max({now_, state_->next_time(), state_->quiet_until}); }

void Channel::advance(TimePs to, std::vector<Response>& responses, std::vector<Notice>& notices) {
  if (to < now_) throw ModelError("contract", place(state_->config, state_->index), "advance to the past");
  state_->run(to, responses, notices);
  now_ = to;
}

void Channel::State::run(TimePs to, std::vector<Response>& out, std::vector<Notice>& to_notices) {
  responses = &out;
  notices = &to_notices;
  sample_management();
  while (true) {
    TimePs next = next_time();
    if (next > time && try_jump(to)) next = next_time();
    if (next > to) break;
    time = std::max(time, next);
    instant(time);
  }
  time = to;
  management->advance(to);
  responses = nullptr;
  notices = nullptr;
}

TimePs Channel::State::next_time() const {
  TimePs next = management_due;
  const auto due = [&next](TimePs at) { next = std::min(next, at); };
  const auto front = [&due](const std::deque<Timed>& queue) {
    if (!queue.empty()) due(queue.front().at);
  };
  front(arrivals);
  front(lookups);
  front(decodes);
  if (!offers.empty()) due(offers.top().at);
  if (!lane_events.empty()) due(lane_events.top().at);
  if (!delayed.empty()) due(delayed.top().at);
  due(regular_deadline);
  due(batch_deadline);
  if (!gather_deadlines.empty()) due(gather_deadlines.begin()->first);
  if (!flagged.empty()) due(time);
  due(next_down());
  due(next_up());
  return std::max(next, time);
}

void Channel::State::instant(TimePs t) {
  at_match = false;
  if (management_due <= t) {
    management->advance(t);
    sample_management();
  }
  for (; !arrivals.empty() && arrivals.front().at <= t; arrivals.pop_front()) {
    arrive(arrivals.front().slot, t);
  }
  take_offers();
  send_down();
  while (!lane_events.empty() && lane_events.top().at <= t) {
    const unsigned lane = lane_events.top().slot;
    lane_events.pop();
    if (lanes[lane].running != kNone && lanes[lane].end <= t) {
      end_operation(lane);
    } else {
      flag(lane);
    }
  }
  for (; !decodes.empty() && decodes.front().at <= t; decodes.pop_front()) decoded(decodes.front().slot);
  for (; !delayed.empty() && delayed.top().at <= t; delayed.pop()) {
    const std::uint32_t slot = delayed.top().slot;
    respond(slot, user::status(txns[slot].user), user::info(txns[slot].user));
  }
  while (!lookups.empty() && lookups.front().at <= t) {
    const std::uint32_t slot = lookups.front().slot;
    lookups.pop_front();
    look_up(slot);
  }
  expire_sets();
  expire_gathers();
  start_lanes();
  send_up();
}

std::uint32_t Channel::State::new_txn() {
  std::uint32_t slot = kNone;
  if (free_txns.empty()) {
    slot = static_cast<std::uint32_t>(txns.size());
    txns.emplace_back();
  } else {
    slot = free_txns.back();
    free_txns.pop_back();
    std::vector<std::uint8_t> data = std::move(txns[slot].data);
    txns[slot] = Txn();
    data.clear();
    txns[slot].data = std::move(data);
  }
  txns[slot].live = true;
  ++live_txns;
  return slot;
}

void Channel::State::free_txn(std::uint32_t slot) {
  txns[slot].live = false;
  free_txns.push_back(slot);
  --live_txns;
}

void Channel::State::register_id(std::uint32_t slot) {
  Txn& x = txns[slot];
  const std::size_t key = id_key(x.c);
  const std::uint32_t before = last_of_id[key];
  x.looked_up = true;
  x.turn = before == kNone;
  if (before != kNone) txns[before].next_same_id = slot;
  last_of_id[key] = slot;
}

void Channel::State::look_up(std::uint32_t slot) {
  register_id(slot);
  Txn& x = txns[slot];
  const Packet packet = user::packet(x.c.user);
  if (packet == Packet::kAdmin) return look_up_admin(slot);
  ++io_pending;
  ++(x.c.is_write ? counters.write_commands : counters.read_commands);
  if (severe && config.readings.severe_in_flight == Readings::SevereInFlight::kBlocked) {
    return respond(slot, static_cast<unsigned>(ReadStatus::kBlocked), 1);
  }
  if (!registers.ready) return respond(slot, static_cast<unsigned>(ReadStatus::kBlocked), 0);
  if (packet == Packet::kReserved) {
    respond(slot, static_cast<unsigned>(ReadStatus::kUndefinedUser), 0);
  } else if (packet == Packet::kScratchpad) {
    look_up_scratchpad(slot);
  } else if (x.c.is_write) {
    look_up_write(slot);
  } else {
    look_up_read(slot);
  }
}

void Channel::State::look_up_admin(std::uint32_t slot) {
  ++counters.admin_commands;
  disturb();
  Command c = txns[slot].c;
  if (c.is_write) c.data = txns[slot].data.data();
  current = slot;
  const Management::Answer answer = management->admin(time, c);
  current = kNone;
  sample_management();
  Txn& x = txns[slot];
  if (!c.is_write && c.data != nullptr) {
    const std::size_t bytes = std::min<std::size_t>(answer.data.size(), c.beats() * kChunkBytes);
    std::memcpy(c.data, answer.data.data(), bytes);
    std::memset(c.data + bytes, 0, c.beats() * kChunkBytes - bytes);
  }
  x.user = user::response(Packet::kAdmin, answer.status, answer.info);
  delayed.push({time + answer.busy, slot});
}

void Channel::State::look_up_scratchpad(std::uint32_t slot) {
  Txn& x = txns[slot];
  const std::uint64_t size = config.scratchpad_bytes / config.ports_per_channel;
  const std::uint64_t bytes = x.c.beats() * kChunkBytes;
  if (x.c.address >= size || bytes > size - x.c.address) {
    return respond(slot, static_cast<unsigned>(ReadStatus::kOutOfRange), 0);
  }
  // Bit 2 is ignored; the rest is undefined.
  if ((x.c.user & ~7u) != 0) return respond(slot, static_cast<unsigned>(ReadStatus::kUndefinedUser), 0);
  if (x.c.address % kChunkBytes != 0 || bytes > kPageBytes) return respond(slot, misshapen_status(), 0);
  const std::uint64_t offset = x.c.port * size + x.c.address;
  if (x.c.is_write) {
    ++counters.scratchpad_writes;
    if (!x.data.empty()) scratchpad.write(offset, x.data.data(), bytes);
  } else {
    ++counters.scratchpad_reads;
    if (x.c.data != nullptr) scratchpad.read(offset, x.c.data, bytes);
  }
  x.user = user::response(Packet::kScratchpad, 0, 0);
  delayed.push({time + config.timing.tSCRATCHPAD, slot});
}

bool Channel::State::misshapen(const Txn& x) const {
  const std::uint64_t bytes = x.c.beats() * kChunkBytes;
  return x.c.address % kChunkBytes != 0 || x.c.address % kPageBytes + bytes > kPageBytes;
}

unsigned Channel::State::misshapen_status() const {
  return static_cast<unsigned>(config.readings.crossing == Readings::Crossing::kOutOfRange
                                   ? ReadStatus::kOutOfRange
                                   : ReadStatus::kUndefinedUser);
}

void Channel::State::respond(std::uint32_t slot, unsigned status, unsigned info, std::uint32_t hold) {
  Txn& x = txns[slot];
  const Packet packet = user::packet(x.c.user);
  x.user = user::response(packet, status, info);
  x.ready = true;
  const bool valid = status == 0 || status == static_cast<unsigned>(ReadStatus::kCorrectedHigh);
  if (!x.c.is_write && packet != Packet::kAdmin && !valid && x.c.data != nullptr) {
    std::memset(x.c.data, 0xff, x.c.beats() * kChunkBytes);
  }
  if (x.turn) queue_response(slot, hold);
}

void Channel::State::queue_response(std::uint32_t slot, std::uint32_t hold) {
  Txn& x = txns[slot];
  x.ready_at = time;
  x.hold = hold;
  if (hold != kNone) ++lanes[hold / 2].buffers[hold % 2].waiting;
  std::deque<std::uint32_t>& queue = x.c.is_write ? b_queue : r_queue;
  auto at = queue.end();
  // A response that has begun stays in front.
  while (at != queue.begin()) {
    const Txn& before = txns[*(at - 1)];
    if (before.messages_sent > 0 || before.ready_at < time || before.order < x.order) break;
    --at;
  }
  queue.insert(at, slot);
}

}  // namespace memwall::hbf
