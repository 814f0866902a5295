// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "soc/timer.h"

#include <algorithm>
#include <cmath>

#include "common/error.h"

namespace memwall::soc {

TimePs period_of(double hz, const char* place) {
  const double period = hz > 0 ? 1e12 / hz : 0;
  if (period < 1 || period > 1e15 || period != std::floor(period)) {
    throw ConfigError(place, "the clock's period must be a whole number of picoseconds");
  }
  return static_cast<TimePs>(period);
}

TimerCore::TimerCore(const TimerConfig& config) : period_(period_of(config.clock_hz, "timer.clock_hz")) {
  set_clock_hz(static_cast<std::uint32_t>(std::min(config.clock_hz, 4294967295.0)));
}

void TimerCore::advance(TimePs now) {
  now_ = now;
  for (std::uint32_t c = 0; c < kControlCount; ++c) {
    if (control_enable(c) == 0 || count() < compare(c)) continue;
    set_status_expired(c, 1);
    if (control_periodic(c) == 0) {
      set_control_enable(c, 0);
      continue;
    }
    // Expiries that were slept through count as one.
    const std::uint64_t step = std::max<std::uint64_t>(1, period(c));
    const std::uint64_t next = compare(c) + ((count() - compare(c)) / step + 1) * step;
    set_compare_lo(c, static_cast<std::uint32_t>(next));
    set_compare_hi(c, static_cast<std::uint32_t>(next >> 32));
  }
}

TimePs TimerCore::next_change() const {
  TimePs next = kNever;
  for (std::uint32_t c = 0; c < kControlCount; ++c) {
    if (control_enable(c) == 0 || compare(c) > (kNever - origin_) / tick() - 1) continue;
    next = std::min(next, origin_ + compare(c) * tick());
  }
  return next;
}

bool TimerCore::irq() const {
  for (std::uint32_t c = 0; c < kControlCount; ++c) {
    if (control_irq_enable(c) != 0 && status_expired(c) != 0) return true;
  }
  return false;
}

void TimerCore::on_write_prescaler(std::uint32_t) { origin_ = now_; }

void TimerCore::on_read_count_lo() {
  const std::uint64_t value = count();
  set_count_lo(static_cast<std::uint32_t>(value));
  set_count_hi(static_cast<std::uint32_t>(value >> 32));
}

}  // namespace memwall::soc
