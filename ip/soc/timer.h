// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Timer: registers in timer.regs.toml. The counter is computed from time when it is looked at; nothing
/// ticks. Change COMPARE and PERIOD while the channel is disabled: a half-written COMPARE can expire. Not
/// modelled: capture inputs, watchdog reset.
#pragma once

#include <cstdint>

#include "regs/timer_regs.h"
#include "soc/timed_device.h"

namespace memwall::soc {

struct TimerConfig {
  double clock_hz = 100'000'000;    ///< input clock; its period must be whole picoseconds (assumed)
  double register_access_ns = 5.0;  ///< assumed
};

class TimerCore : public regs::TimerRegs, public TimedDevice {
 public:
  explicit TimerCore(const TimerConfig& config);

  bool irq() const;

  void advance(TimePs now) override;
  TimePs next_change() const override;

 protected:
  void on_write_prescaler(std::uint32_t written) override;
  void on_read_count_lo() override;

 private:
  TimePs tick() const { return period_ * (prescaler_divisor() + 1); }
  std::uint64_t count() const { return now_ > origin_ ? (now_ - origin_) / tick() : 0; }
  std::uint64_t compare(std::uint32_t channel) const {
    return static_cast<std::uint64_t>(compare_hi(channel)) << 32 | compare_lo(channel);
  }

  TimePs period_;
  TimePs now_ = 0;
  TimePs origin_ = 0;  ///< when the counter was 0
};

}  // namespace memwall::soc
