// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What the controller tells software about pages that were not answered with status 0: a short queue, oldest
/// first. Full: what comes is dropped, and that is told too.
#pragma once

#include <cstdint>
#include <deque>

namespace memwall::hbf {

/// One page, window offset of its first byte concerned.
struct PageEvent {
  std::uint64_t address = 0;
  bool is_write = false;
  bool data_valid = false;  ///< read 0x5
  bool prefetch = false;    ///< read ahead: nobody has seen its data
  unsigned code = 0;
  unsigned info = 0;
};

class EventQueue {
 public:
  static constexpr std::size_t kDepth = 64;

  void push(const PageEvent& event) {
    ++recorded_;
    if (events_.size() < kDepth) {
      events_.push_back(event);
    } else {
      lost_ = true;
    }
  }
  bool empty() const { return events_.empty(); }
  const PageEvent& front() const { return events_.front(); }
  /// Events were dropped since the last pop().
  bool lost() const { return lost_; }
  void pop() {
    if (!events_.empty()) events_.pop_front();
    lost_ = false;
  }
  std::uint64_t recorded() const { return recorded_; }  ///< dropped ones too

 private:
  std::deque<PageEvent> events_;
  bool lost_ = false;
  std::uint64_t recorded_ = 0;
};

}  // namespace memwall::hbf
