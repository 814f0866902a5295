// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// CLINT of one hart: registers in clint.regs.toml, in the layout of the SiFive FU540 manual (chapter CLINT).
/// mtime is derived from simulated time; nothing ticks. Not modelled: more than one hart.
#pragma once

#include <cstdint>

#include "regs/clint_regs.h"
#include "soc/timed_device.h"

namespace memwall::soc {

struct ClintConfig {
  double timebase_hz = 10'000'000;  ///< rate of mtime; its period must be whole picoseconds (assumed)
  double register_access_ns = 5.0;  ///< assumed
};

class ClintCore : public regs::ClintRegs, public TimedDevice {
 public:
  explicit ClintCore(const ClintConfig& config)
      : period_(period_of(config.timebase_hz, "clint.timebase_hz")) {}

  std::uint64_t mtime() const { return mtime_at(now_); }
  std::uint64_t mtime_at(TimePs time) const { return time / period_ + offset_; }
  /// The timer interrupt; the software interrupt is msip().
  bool mtip() const { return mtime() >= mtimecmp(); }

  void advance(TimePs now) override { now_ = now; }
  TimePs next_change() const override;

 protected:
  void on_read_mtime_lo() override { latch(); }
  void on_read_mtime_hi() override { latch(); }
  void on_write_mtime_lo(std::uint32_t written) override;
  void on_write_mtime_hi(std::uint32_t written) override;

 private:
  std::uint64_t mtimecmp() const { return static_cast<std::uint64_t>(mtimecmp_hi()) << 32 | mtimecmp_lo(); }
  void latch();

  TimePs period_;
  TimePs now_ = 0;
  std::uint64_t offset_ = 0;  ///< what writes to mtime have added, modulo 2^64
};

}  // namespace memwall::soc
