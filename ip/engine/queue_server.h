// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The body of the process that serves one command queue: fetch, check, execute, write the record, move HEAD.
/// Both engines run it; what they execute and how they reach memory comes from outside. Calls wait().
#pragma once

#include <systemc>

#include <array>
#include <cstdint>
#include <functional>

#include "common/stats.h"
#include "common/time.h"
#include "desc/compute_descriptor.h"
#include "engine/checks.h"
#include "engine/command_queue.h"
#include "engine/memory_port.h"

namespace memwall::engine {

class QueueServer {
 public:
  /// Runs a checked descriptor; returns once simulated time has reached its end.
  using Execute = std::function<Outcome(const desc::ComputeDescriptor& descriptor, std::uint32_t sequence)>;
  /// Called when the busy state or the interrupt level may have changed.
  using Changed = std::function<void()>;

  struct Timing {
    TimePs clock_period_ps = 1000;
    TimePs decode_ps = 0;  ///< from the descriptor's arrival to the start of the operation
  };

  QueueServer(CommandQueue& queue, MemoryPort& port, const EngineRules& rules, const Timing& timing,
              Execute execute, Changed changed);

  /// Thread body; never returns.
  void run();
  /// Software wrote TAIL or CONTROL.
  void doorbell() { doorbell_.notify(sc_core::SC_ZERO_TIME); }
  void report(StatSink& sink) const;

 private:
  void serve_one();
  void wait_until(TimePs when);

  CommandQueue& queue_;
  MemoryPort& port_;
  EngineRules rules_;
  Timing timing_;
  Execute execute_;
  Changed changed_;
  sc_core::sc_event doorbell_;
  std::array<std::uint64_t, 11> by_opcode_{};
  std::uint64_t rejected_opcodes_ = 0;
  std::array<std::uint64_t, 10> by_status_{};
};

}  // namespace memwall::engine
