// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A series of accesses with a bound on how many are in flight: access i starts when access i - outstanding
/// is done. No SystemC.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/memory_port.h"

namespace memwall::engine {

/// Add every access, then wait for finished(). After a failure no further access starts; result() is the
/// first failure in the order of the series. Must outlive its accesses.
class AccessWindow final : private AccessClient {
 public:
  /// The first accesses start at `start`.
  AccessWindow(AccessPort& port, TimePs start, std::uint32_t outstanding)
      : port_(port), start_(start), outstanding_(std::max(outstanding, 1u)), last_(start) {}
  AccessWindow(const AccessWindow&) = delete;
  AccessWindow& operator=(const AccessWindow&) = delete;

  void add(bool is_write, std::uint64_t address, void* data, std::uint32_t bytes);
  /// Every access has a result, which may lie in the future, or will not start.
  bool finished() const { return pending_ == 0 && (submitted_ == accesses_.size() || failed_at_ != kNever); }
  /// Suspends the calling process until finished().
  void wait() {
    while (!finished()) port_.wait_for_progress();
  }
  /// Once finished: `done` is when the last access was done.
  AccessResult result() const;

 private:
  struct Entry {
    AccessRequest request;
    TimePs done;
    Status status;
    bool answered;
  };
  static constexpr TimePs kNever = ~TimePs{0};
  void submit(std::size_t index, TimePs at);
  void access_done(std::uint64_t index, const AccessResult& result) override;

  AccessPort& port_;
  TimePs start_;
  std::uint32_t outstanding_;
  std::vector<Entry> accesses_;
  std::size_t submitted_ = 0;
  std::size_t pending_ = 0;  ///< submitted, no result yet
  TimePs failed_at_ = kNever;
  TimePs last_;
};

}  // namespace memwall::engine
