// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Router core: address decode, per-target port occupancy and counters. Plain C++.
///
/// Abstraction: one hop between any initiator and any target, none to a target on its own local bus. A
/// transfer pays the request hop, waits until the target's port has room for all its bytes, occupies the port
/// for bytes / bandwidth, and pays the response hop. First come, first served in simulated time: temporally
/// decoupled initiators call out of order, so a port keeps a calendar and a transfer takes the earliest gap
/// at or after its arrival that is long enough. Not modelled: topology, packets, virtual channels,
/// priorities, separate read and write channels, back-pressure from a target into the router.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/calendar.h"
#include "common/stats.h"
#include "common/time.h"

namespace memwall::noc {

/// [base, base + size_bytes) on the chip is [target_offset, target_offset + size_bytes) at the target.
struct Range {
  std::uint64_t base = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t target_offset = 0;
};

struct TargetConfig {
  std::string name;
  std::vector<Range> ranges;
  double bandwidth_gbytes_per_s = 0;  ///< of the port, both directions together; 0: unlimited
  std::string local_to{};             ///< initiator on whose local bus the target sits: it pays no hop
};

struct RouterConfig {
  std::vector<std::string> initiators;  ///< names, in the order of the sockets
  std::vector<TargetConfig> targets;    ///< in the order of the sockets
  double hop_latency_ns = 10.0;         ///< one way (assumed: about ten cycles of a 1 GHz mesh)
};

class RouterCore {
 public:
  static constexpr std::uint32_t kNoTarget = ~std::uint32_t{0};
  static constexpr std::uint32_t kNoInitiator = ~std::uint32_t{0};

  struct Route {
    std::uint32_t target = kNoTarget;
    std::uint64_t offset = 0;  ///< address at the target
    std::uint64_t left = 0;    ///< bytes from there to the end of the range
    Range range;
  };

  /// Throws ConfigError on empty, overlapping or wrapping ranges and on negative rates.
  explicit RouterCore(const RouterConfig& config);

  std::size_t initiators() const { return initiator_names_.size(); }
  std::size_t targets() const { return targets_.size(); }
  /// One way between the two; 0 if the target sits on the initiator's local bus.
  TimePs hop(std::uint32_t initiator, std::uint32_t target) const {
    return targets_[target].local_to == initiator ? 0 : hop_;
  }
  /// One way to anywhere.
  TimePs hop() const { return hop_; }

  /// Where `address` leads; target == kNoTarget if nowhere.
  Route route(std::uint64_t address) const;

  struct Slot {
    TimePs start;  ///< the transfer reaches the target
    TimePs end;    ///< its last byte has passed the port
  };
  /// Takes the port for `bytes` that leave the initiator at `at`; counts them. `horizon`: the kernel's time.
  Slot transfer(std::uint32_t initiator, std::uint32_t target, std::uint64_t bytes, bool is_write, TimePs at,
                TimePs horizon);
  void count_decode_error(std::uint32_t initiator) { ++decode_errors_[initiator]; }

  void report(StatSink& sink) const;

 private:
  struct Target {
    std::string name;
    double ps_per_byte;
    std::uint32_t local_to;
    Calendar calendar;
    TimePs busy = 0;
    TimePs waited = 0;
  };
  struct Flow {
    std::uint64_t requests = 0;
    std::uint64_t bytes_read = 0;
    std::uint64_t bytes_written = 0;
  };
  struct Entry {
    Range range;
    std::uint32_t target;
  };

  std::vector<std::string> initiator_names_;
  std::vector<Target> targets_;
  std::vector<Entry> entries_;  ///< ascending by base
  std::vector<Flow> flows_;     ///< (initiators, targets)
  std::vector<std::uint64_t> decode_errors_;
  TimePs hop_;
};

}  // namespace memwall::noc
