// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/core.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"

namespace memwall::hbm {
namespace {

/// What occupies the data bus. Neighbours of one direction may touch, others keep a turnaround's distance.
enum class BusUse : std::uint8_t { kRead, kWrite, kRefresh };

BusUse use_of(bool is_write) { return is_write ? BusUse::kWrite : BusUse::kRead; }

/// Data bus time that is taken, oldest first, with neighbours of one use merged if no burst fits between
/// them.
class BusCalendar {
 public:
  BusCalendar(Cycle burst, Cycle turnaround) : burst_(burst), turnaround_(turnaround) {}

  /// Begin must not be before the end of the last interval.
  void append(Cycle begin, Cycle end, BusUse use) {
    if (!busy_.empty() && busy_.back().use == use && begin - busy_.back().end < burst_) {
      busy_.back().end = end;
      return;
    }
    if (busy_.size() == kCapacity) forget_half();
    busy_.push_back({begin, end, use});
  }

  /// First begin >= `from` at which a burst fits before one of the intervals; -1 if there is none.
  Cycle find(Cycle from, BusUse use) const {
    Cycle begin = std::max(from, forgotten_ + turnaround_);
    for (const Busy& busy : busy_) {
      const Cycle guard = busy.use == use ? 0 : turnaround_;
      if (begin + burst_ + guard <= busy.begin) return begin;
      begin = std::max(begin, busy.end + guard);
    }
    return -1;
  }

  /// Takes [begin, begin + burst), as found by find().
  void insert(Cycle begin, BusUse use) {
    if (busy_.size() == kCapacity) forget_half();
    const Cycle end = begin + burst_;
    const auto after =
        std::find_if(busy_.begin(), busy_.end(), [&](const Busy& b) { return b.begin >= end; });
    if (after != busy_.begin() && std::prev(after)->use == use && begin - std::prev(after)->end < burst_) {
      std::prev(after)->end = end;
      return;
    }
    busy_.insert(after, {begin, end, use});
  }

 private:
  static constexpr std::size_t kCapacity = 256;
  struct Busy {
    Cycle begin, end;
    BusUse use;
  };
  void forget_half() {
    forgotten_ = busy_[kCapacity / 2 - 1].end;
    busy_.erase(busy_.begin(), busy_.begin() + kCapacity / 2);
  }
  Cycle burst_, turnaround_;
  std::vector<Busy> busy_;
  Cycle forgotten_ = 0;
};

/// Column times of the last `depth` requests: a new one is seen once the oldest of them has left the queue.
class Window {
 public:
  explicit Window(std::uint32_t depth) : left_(depth, 0) {}
  Cycle admit(Cycle arrival) const { return std::max(arrival, left_[next_]); }
  void leave(Cycle cycle) {
    left_[next_] = cycle + 1;
    if (++next_ == left_.size()) next_ = 0;
  }

 private:
  std::vector<Cycle> left_;
  std::size_t next_ = 0;
};

}  // namespace

struct Core::Channel {
  Channel(const Preset& preset, std::uint32_t index)
      : gates(preset, index),
        reads(preset.controller.read_queue),
        writes(preset.controller.write_queue),
        calendar(preset.timing.nBL, turnaround(preset.timing)) {}

  /// Idle data bus cycles between a read burst and the following write burst.
  static Cycle turnaround(const Timing& t) { return std::max<Cycle>(t.nRTW + t.nWL - t.nRL - t.nBL, 1); }

  Gates gates;
  Window reads, writes;
  BusCalendar calendar;
  std::unique_ptr<Gates> gap_gates;  // of accesses that come out of order; made on first use
  Cycle last_arrival = 0;
  std::uint64_t row_hits = 0, row_misses = 0, row_conflicts = 0, late_bursts = 0;

  void count(const Plan& plan) {
    if (plan.activate < 0) {
      ++row_hits;
    } else if (plan.precharge < 0) {
      ++row_misses;
    } else {
      ++row_conflicts;
    }
  }
};

Core::Core(const Preset& preset) : preset_(preset) {
  for (std::uint32_t i = 0; i < preset_.organisation.pseudo_channels; ++i) {
    channels_.push_back(std::make_unique<Channel>(preset_, i));
  }
}

Core::~Core() = default;

void Core::set_command_sink(CommandSink sink) {
  sink_ = std::move(sink);
  for (const auto& channel : channels_) channel->gates.set_command_sink(sink_ ? &sink_ : nullptr);
}

bool Core::serve_in_gap(Channel& channel, const Location& at, bool is_write, Cycle arrival, Cycle& data_end) {
  const Timing& t = preset_.timing;
  if (!channel.gap_gates) channel.gap_gates = std::make_unique<Gates>(preset_, at.channel, false);
  Gates& gates = *channel.gap_gates;
  Plan plan = gates.plan(at, is_write, arrival);
  const Cycle latency = is_write ? t.nWL : t.nRL;
  Cycle data = channel.calendar.find(plan.column + latency, use_of(is_write));
  // Refreshes that passed while nobody asked are in no calendar, but they are due at multiples of tREFI.
  while (data >= t.nREFI && data % t.nREFI < t.nRFCab + t.nRCDRD) {
    const Cycle after = data - data % t.nREFI + t.nRFCab + t.nRCDRD;
    data = channel.calendar.find(after, use_of(is_write));
  }
  if (data < 0) return false;
  plan.column = data - latency;
  gates.commit(at, is_write, plan);
  channel.count(plan);
  ++channel.late_bursts;
  channel.calendar.insert(data, use_of(is_write));
  data_end = data + t.nBL;
  return true;
}

Cycle Core::serve(Channel& channel, const Location& at, bool is_write, Cycle arrival) {
  const Timing& t = preset_.timing;
  Cycle data_end = 0;
  if (arrival + t.nRC < channel.last_arrival && serve_in_gap(channel, at, is_write, arrival, data_end)) {
    return data_end;
  }
  channel.last_arrival = std::max(channel.last_arrival, arrival);
  Gates& gates = channel.gates;
  Window& window = is_write ? channel.writes : channel.reads;
  const Cycle from = window.admit(arrival);
  if (from >= gates.refresh_due()) {
    const Cycle refresh = gates.refresh_idle(from);
    channel.calendar.append(refresh, refresh + t.nRFCab, BusUse::kRefresh);
  }
  Plan plan = gates.plan(at, is_write, from);
  while (plan.column >= gates.refresh_due()) {
    const Cycle refresh = gates.refresh();
    channel.calendar.append(refresh, refresh + t.nRFCab, BusUse::kRefresh);
    plan = gates.plan(at, is_write, from);
  }
  gates.commit(at, is_write, plan);
  channel.count(plan);
  window.leave(plan.column);
  const Cycle data = plan.column + (is_write ? t.nWL : t.nRL);
  channel.calendar.append(data, data + t.nBL, use_of(is_write));
  return data + t.nBL;
}

Completion Core::access(TimePs arrival, std::uint64_t address, std::uint64_t bytes, bool is_write,
                        Port port) {
  const std::uint64_t capacity = preset_.organisation.capacity_bytes;
  if (address > capacity || bytes > capacity - address) {
    throw ModelError("contract", preset_.name,
                     fmt::format("access of {} bytes at {:#x} is outside the stack of {} bytes", bytes,
                                 address, capacity));
  }
  if (bytes == 0) return {arrival, arrival};
  const TimePs tck = preset_.timing.tCK_ps;
  const std::uint64_t burst = preset_.organisation.access_bytes;
  const Cycle from = static_cast<Cycle>((arrival + tck - 1) / tck);
  const std::uint64_t begin = address / burst * burst;
  const std::uint64_t end = address + bytes;
  Cycle first = std::numeric_limits<Cycle>::max();
  Cycle last = 0;
  for (std::uint64_t at = begin; at < end; at += burst) {
    const Location location = preset_.map.decode(at);
    const Cycle done = serve(*channels_[location.channel], location, is_write, from);
    first = std::min(first, done);
    last = std::max(last, done);
  }
  PortCounters& counters = ports_[static_cast<std::size_t>(port)];
  const std::uint64_t bursts = (end - begin + burst - 1) / burst;
  if (is_write) {
    ++counters.write_requests;
    counters.write_bytes += bytes;
    counters.write_bursts += bursts;
  } else {
    ++counters.read_requests;
    counters.read_bytes += bytes;
    counters.read_bursts += bursts;
  }
  return {static_cast<TimePs>(first) * tck, static_cast<TimePs>(last) * tck};
}

Counters Core::counters(TimePs now) const {
  const Timing& t = preset_.timing;
  Counters sum;
  const Cycle now_cycle = static_cast<Cycle>(now / t.tCK_ps);
  for (const auto& channel : channels_) {
    sum.commands += channel->gates.counts();
    if (channel->gap_gates) sum.commands += channel->gap_gates->counts();
    const Cycle due = channel->gates.refresh_due();
    if (now_cycle >= due)
      sum.commands.refreshes += static_cast<std::uint64_t>((now_cycle - due) / t.nREFI + 1);
    sum.row_hits += channel->row_hits;
    sum.row_misses += channel->row_misses;
    sum.row_conflicts += channel->row_conflicts;
    sum.late_bursts += channel->late_bursts;
  }
  std::copy(std::begin(ports_), std::end(ports_), std::begin(sum.port));
  const PortCounters& pins = ports_[static_cast<std::size_t>(Port::kPins)];
  sum.bus_busy_ps = (sum.commands.reads + sum.commands.writes) * static_cast<std::uint64_t>(t.nBL) * t.tCK_ps;
  sum.energy = energy_of(preset_, sum.commands, pins.read_bursts, pins.write_bursts, now);
  return sum;
}

}  // namespace memwall::hbm
