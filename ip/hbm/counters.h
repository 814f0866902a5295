// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What a stack counts. Integers throughout, so that a period counted k times is exactly k times its counts;
/// energy is a linear function of them.
#pragma once

#include <array>
#include <cstdint>

#include "common/time.h"
#include "hbm/command.h"
#include "hbm/preset.h"

namespace memwall::hbm {

/// Which way an access takes: over PHY and pins, or from the base die. Same banks, different energy.
enum class Port : std::uint8_t { kPins, kBaseDie };
inline constexpr std::size_t kPorts = 2;

/// Counted when a request is submitted.
struct PortCounters {
  std::uint64_t read_requests = 0, write_requests = 0;
  std::uint64_t read_bytes = 0, write_bytes = 0;  ///< as asked for
  std::uint64_t read_bursts = 0,
                write_bursts = 0;  ///< as moved, those answered from the write queue included
};

/// Of channels, summed; additive over time.
struct ChannelCounters {
  std::array<std::uint64_t, kCommands> commands{};                ///< indexed by Command
  std::uint64_t row_hits = 0, row_misses = 0, row_conflicts = 0;  ///< column commands
  std::uint64_t forwarded = 0;                                    ///< reads answered from the write queue
  std::uint64_t pin_reads = 0, pin_writes = 0;                    ///< column commands over the pins
  std::uint64_t active_cycles = 0, precharged_cycles = 0;         ///< background states, summed over
  std::uint64_t power_down_cycles = 0, self_refresh_cycles = 0;   ///< pseudo-channels

  std::uint64_t count(Command command) const { return commands[static_cast<std::size_t>(command)]; }
  /// `this` += `times` * `other`.
  void add(const ChannelCounters& other, std::uint64_t times = 1);
  /// Difference to an earlier state of the same counters.
  ChannelCounters since(const ChannelCounters& earlier) const;
  bool operator==(const ChannelCounters& other) const;
};

struct EnergySums {
  double activate_pj = 0, array_pj = 0, phy_pj = 0, refresh_pj = 0, background_pj = 0;
  double total_pj() const { return activate_pj + array_pj + phy_pj + refresh_pj + background_pj; }
};

struct Counters {
  PortCounters port[kPorts];
  ChannelCounters channels;
  TimePs bus_busy_ps = 0;  ///< data bus time, summed over pseudo-channels
  EnergySums energy;
};

/// Linear in the counters; no dependence on data.
EnergySums energy_of(const Preset& preset, const ChannelCounters& counters);

}  // namespace memwall::hbm
