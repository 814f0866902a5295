// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What the SystemC shell needs to know of a peripheral's core: how to bring it to a point in time and when
/// it next changes by itself. Plain C++.
#pragma once

#include "common/time.h"

namespace memwall::soc {

class TimedDevice {
 public:
  static constexpr TimePs kNever = ~TimePs{0};

  virtual ~TimedDevice() = default;

  /// Brings the device to `now`. An access from a temporally decoupled hart may lie ahead of the kernel's
  /// time, so `now` can be smaller than in the previous call; state that was reached stays reached.
  virtual void advance(TimePs now) = 0;
  /// An access follows, at the initiator's local time.
  virtual void begin_access(TimePs local_time) { advance(local_time); }
  /// The next time at which an output changes without an access, or kNever.
  virtual TimePs next_change() const { return kNever; }
};

/// Picoseconds per period of `hz`. Throws ConfigError at `place` unless the period is a whole number of
/// picoseconds, so that no clock drifts.
TimePs period_of(double hz, const char* place);

}  // namespace memwall::soc
