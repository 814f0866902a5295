// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Several accesses of one initiator in flight. A target may answer b_transport at once with a delay, or wait
/// until the data are there; a process that calls it can then do nothing else. The pool therefore has worker
/// processes, each of which carries one access through: it starts the access at its time, and if the target
/// lets time pass, another worker takes over what comes next. Workers are created when first needed and never
/// end.
///
/// Both kinds of target give the same times: an access starts at its time in simulated time, and its result
/// says when it is done. Cost: one process switch per access, two or three if the target waits.
#pragma once

#include <systemc>

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/memory_port.h"

namespace memwall::engine {

class AccessPool final : public AccessPort {
 public:
  /// `memory` carries out the accesses, from the workers' processes.
  explicit AccessPool(MemoryPort& memory) : memory_(memory) {}

  void submit(const AccessRequest& request, AccessClient& client, std::uint64_t cookie) override;
  std::uint32_t cancel(const AccessClient& client, TimePs from) override;
  void wait_for_progress() override { sc_core::wait(progress_); }
  void progress() override { progress_.notify(sc_core::SC_ZERO_TIME); }

  /// Worker processes so far: the largest number of accesses in flight, and one more.
  std::size_t workers() const { return workers_.size(); }

 private:
  struct Job {
    AccessRequest request;
    AccessClient* client;
    std::uint64_t cookie;
    std::uint64_t sequence;
  };
  struct Worker {
    sc_core::sc_event wake;
  };
  static bool later(const Job& a, const Job& b);
  void arm();
  void serve(Worker& worker);

  MemoryPort& memory_;
  std::vector<Job> jobs_;  ///< heap, the earliest in front
  std::uint64_t submitted_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> idle_;
  Worker* next_ = nullptr;  ///< waits for the time of the job in front
  sc_core::sc_event progress_;
};

}  // namespace memwall::engine
