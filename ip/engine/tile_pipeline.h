// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Timing of a stream of tiles through two buffers: the load of tile i + 1 overlaps the work on tile i. Also
/// Timeline, a resource that serves one user at a time. Plain arithmetic, no SystemC.
///
/// Step i, at T[i] = max(load_done[i-1], work_end[i-2]): the work on tile i - 1 starts and, into the buffer
/// that tile i - 2 left, the load of tile i. With constant load time L and work time W, n tiles take L + (n -
/// 1) * max(L, W) + W.
#pragma once

#include <algorithm>

#include "common/time.h"

namespace memwall::engine {

/// A resource in use up to a point in time.
class Timeline {
 public:
  /// Takes the resource for `duration`, not before `earliest`; returns the start.
  TimePs take(TimePs earliest, TimePs duration) {
    const TimePs start = std::max(earliest, free_at_);
    free_at_ = start + duration;
    busy_ += duration;
    return start;
  }
  /// A visitor whose clock may run ahead of the simulation (temporal decoupling). It waits for the resource
  /// like everyone; it delays others only if it comes while the resource is in use or by `now`.
  TimePs visit(TimePs now, TimePs earliest, TimePs duration) {
    if (earliest <= std::max(free_at_, now)) return take(earliest, duration);
    busy_ += duration;
    return earliest;
  }
  TimePs free_at() const { return free_at_; }
  TimePs busy() const { return busy_; }

 private:
  TimePs free_at_ = 0;
  TimePs busy_ = 0;
};

/// Per step: next_step(), then worked() for the tile before (from the second step on), then loaded().
class TilePipeline {
 public:
  explicit TilePipeline(TimePs start) : load_done_(start), work_end_(start) {}

  /// T of the step that comes next.
  TimePs next_step() const { return std::max(load_done_, work_end_); }
  /// The work on the tile loaded last runs from `begin` (at least next_step()) to `end`.
  void worked(TimePs begin, TimePs end) {
    waiting_for_load_ += next_step() - work_end_;
    waiting_for_work_ += next_step() - load_done_;
    working_ += end - begin;
    work_end_ = end;
  }
  /// A load runs from `begin` to `done`.
  void loaded(TimePs begin, TimePs done) {
    loading_ += done - begin;
    load_done_ = done;
  }

  TimePs load_done() const { return load_done_; }
  TimePs loading() const { return loading_; }  ///< time with a load in flight
  TimePs working() const { return working_; }  ///< time with work in progress
  /// Time in which no work was in progress because a tile was still on its way; the first load counts.
  TimePs waiting_for_load() const { return waiting_for_load_; }
  /// Time in which no load was in flight because both buffers were full.
  TimePs waiting_for_work() const { return waiting_for_work_; }

 private:
  TimePs load_done_;
  TimePs work_end_;
  TimePs loading_ = 0, working_ = 0, waiting_for_load_ = 0, waiting_for_work_ = 0;
};

}  // namespace memwall::engine
