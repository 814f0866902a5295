// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// System controller: what firmware can know about its chip without asking the blocks, and the exit register.
/// Registers in sysctrl.regs.toml; the read-only ones come from the configuration. Not modelled: clock and
/// power control, a reset that firmware can trigger.
#pragma once

#include <cstdint>

#include "regs/sysctrl_regs.h"
#include "soc/timed_device.h"

namespace memwall::soc {

struct SysCtrlConfig {
  std::uint32_t version_major = 0, version_minor = 1, version_patch = 0;
  std::uint32_t chip_id = 0;
  std::uint32_t num_chips = 1;
  std::uint32_t num_hbm = 0, num_hbf = 0, num_pnm = 0, num_link = 0;
  std::uint32_t tcm_bytes = 0, sram_bytes = 0, inbox_bytes = 0, mailbox_ram_bytes = 0;
  std::uint64_t hbm_stack_bytes = 0, hbf_cube_bytes = 0;
  std::uint64_t manifest_address = 0;
  double timebase_hz = 10'000'000;  ///< of the CLINT
  regs::SysctrlRegs::ResetCauseCause reset_cause = regs::SysctrlRegs::ResetCauseCause::kPowerOn;
  double register_access_ns = 5.0;  ///< assumed
};

class SysCtrlCore : public regs::SysctrlRegs, public TimedDevice {
 public:
  explicit SysCtrlCore(const SysCtrlConfig& config);

  bool exited() const { return exited_; }
  /// Valid once exited(): the first code that firmware wrote.
  std::uint8_t exit_code() const { return exit_code_; }

  void advance(TimePs) override {}

 protected:
  void on_write_exit(std::uint32_t written) override;

 private:
  bool exited_ = false;
  std::uint8_t exit_code_ = 0;
};

}  // namespace memwall::soc
