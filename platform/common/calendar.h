// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// When a shared resource (a router port, one direction of a channel link) is busy: a list of intervals. A
/// reservation takes the first gap that is long enough, so whoever comes early in simulated time is not held
/// up by a reservation made before it for later. Not modelled: priorities, preemption.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>

#include "common/time.h"

namespace memwall {

class Calendar {
 public:
  /// Reserves `duration` at the earliest time >= `ready` and returns its start; 0 reserves nothing and starts
  /// at once.
  TimePs reserve(TimePs ready, TimePs duration) {
    if (duration == 0) return ready;
    // Most reservations go near the end: look there first, in steps that double.
    std::size_t from = busy_.size();
    for (std::size_t step = 1; from > 0 && busy_[from - 1].end > ready; step *= 2)
      from -= std::min(step, from);
    auto next = std::upper_bound(busy_.begin() + static_cast<std::ptrdiff_t>(from), busy_.end(), ready,
                                 [](TimePs t, const Interval& interval) { return t < interval.end; });
    TimePs start = ready;
    for (; next != busy_.end() && next->begin < start + duration; ++next) start = next->end;
    // Merge with the neighbours that the reservation touches.
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
  /// Forgets what ended before `t`; nothing that is ready before `t` may be reserved afterwards.
  void forget_before(TimePs t) {
    while (!busy_.empty() && busy_.front().end < t) busy_.pop_front();
  }
  /// Busy intervals that it remembers.
  std::size_t size() const { return busy_.size(); }

 private:
  struct Interval {
    TimePs begin;
    TimePs end;
  };
  std::deque<Interval> busy_;  // ascending, disjoint, not touching
};

}  // namespace memwall
