// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Who uses one direction of a channel link and when: a list of busy intervals. A transfer takes the first
/// gap that is long enough, so a page-buffer hit is not held up by a transfer that waits for a later sense.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>

#include "common/time.h"

namespace memwall::hbf {

class LinkSchedule {
 public:
  /// Reserves `duration` at or after `ready`; returns the start.
  TimePs reserve(TimePs ready, TimePs duration) {
    // Most transfers go near the end: look there first, in steps that double.
    std::size_t from = busy_.size();
    for (std::size_t step = 1; from > 0 && busy_[from - 1].end > ready; step *= 2)
      from -= std::min(step, from);
    auto next = std::upper_bound(busy_.begin() + static_cast<std::ptrdiff_t>(from), busy_.end(), ready,
                                 [](TimePs t, const Interval& interval) { return t < interval.end; });
    TimePs start = ready;
    for (; next != busy_.end() && next->begin < start + duration; ++next) start = next->end;
    const bool joins_previous = next != busy_.begin() && std::prev(next)->end == start;
    const bool joins_next = next != busy_.end() && next->begin == start + duration;
    if (joins_previous && joins_next) {
      std::prev(next)->end = next->end;
      busy_.erase(next);
    } else if (joins_previous) {
      std::prev(next)->end = start + duration;
    } else if (joins_next) {
      next->begin = start;
    } else {
      busy_.insert(next, {start, start + duration});
    }
    return start;
  }
  /// Forgets what ended before `t`; no transfer that is ready before `t` may be reserved afterwards.
  void forget_before(TimePs t) {
    while (!busy_.empty() && busy_.front().end < t) busy_.pop_front();
  }
  std::size_t size() const { return busy_.size(); }

 private:
  struct Interval {
    TimePs begin;
    TimePs end;
  };
  std::deque<Interval> busy_;  // disjoint, ascending
};

}  // namespace memwall::hbf
