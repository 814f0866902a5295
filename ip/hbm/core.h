// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Timing core of one HBM stack behind its controller: "this access arrives then; when is it done?". Plain
/// C++, no events: state advances lazily, only when an access asks. The SystemC shell, and nothing else,
/// depends on this interface, so that another engine can stand behind it.
///
/// An access of any length is split into bursts of `access_bytes` (a "burst train") that the address map
/// spreads over the pseudo-channels. Within a pseudo-channel bursts are served in call order; activates and
/// precharges run ahead of the data as far as the queue of the controller (32 reads, 32 writes) lets a burst
/// be known.
///
/// Arrival order. Callers with temporal decoupling may present arrivals that are earlier than ones already
/// served. Up to tRC the access is simply served in call order. An access that is earlier than that uses
/// gaps: a second set of gates places its commands, and its data go where the data bus was left idle (or
/// refresh did not run), a bus turnaround away from their neighbours; if there is no such gap it is served in
/// call order. So data bus time is never sold twice, an initiator that ran ahead does not delay the others to
/// its own time, and equal call sequences give equal answers. Approximated there: gates between such an
/// access and commands scheduled earlier by other initiators (bank conflicts, tFAW) are not seen.
///
/// Not modelled: reordering of requests (see queued_channel.h), burst-wise fairness between two trains,
/// controller and PHY pipeline latency.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "hbm/energy.h"
#include "hbm/gates.h"
#include "hbm/preset.h"

namespace memwall::hbm {

/// Which way an access takes: over PHY and pins, or from the base die. Same banks, different energy.
enum class Port : std::uint8_t { kPins, kBaseDie };
inline constexpr std::size_t kPorts = 2;

struct Completion {
  TimePs first = 0;  ///< end of the first burst's data
  TimePs done = 0;   ///< end of the last burst's data
};

struct PortCounters {
  std::uint64_t read_requests = 0, write_requests = 0;
  std::uint64_t read_bytes = 0, write_bytes = 0;    ///< as asked for
  std::uint64_t read_bursts = 0, write_bursts = 0;  ///< as moved
};

struct Counters {
  PortCounters port[kPorts];
  CommandCounts commands;
  std::uint64_t row_hits = 0, row_misses = 0, row_conflicts = 0;
  std::uint64_t late_bursts = 0;  ///< bursts placed into gaps because they arrived out of order
  TimePs bus_busy_ps = 0;         ///< data bus time, summed over pseudo-channels
  EnergySums energy;
};

class Core {
 public:
  explicit Core(const Preset& preset);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  const Preset& preset() const { return preset_; }

  /// Serves [address, address + bytes), which must lie inside the stack (ModelError otherwise). Zero bytes
  /// are done on arrival. Arrivals are rounded up to the next clock edge.
  Completion access(TimePs arrival, std::uint64_t address, std::uint64_t bytes, bool is_write,
                    Port port = Port::kPins);

  /// Everything counted so far; refreshes and background energy up to `now`.
  Counters counters(TimePs now) const;

  /// Every command of the in-order path, for audits. Not called for accesses placed into gaps.
  void set_command_sink(CommandSink sink);

 private:
  struct Channel;
  Cycle serve(Channel& channel, const Location& at, bool is_write, Cycle arrival);
  bool serve_in_gap(Channel& channel, const Location& at, bool is_write, Cycle arrival, Cycle& data_end);

  Preset preset_;
  std::vector<std::unique_ptr<Channel>> channels_;
  PortCounters ports_[kPorts];
  CommandSink sink_;
};

}  // namespace memwall::hbm
