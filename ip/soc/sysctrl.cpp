// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "soc/sysctrl.h"

namespace memwall::soc {

namespace {
std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }
}  // namespace

SysCtrlCore::SysCtrlCore(const SysCtrlConfig& config) {
  set_platform_version_major(config.version_major);
  set_platform_version_minor(config.version_minor);
  set_platform_version_patch(config.version_patch);
  set_chip_id(config.chip_id);
  set_num_chips(config.num_chips);
  set_num_hbm(config.num_hbm);
  set_num_hbf(config.num_hbf);
  set_num_pnm(config.num_pnm);
  set_num_link(config.num_link);
  set_tcm_bytes(config.tcm_bytes);
  set_sram_bytes(config.sram_bytes);
  set_inbox_bytes(config.inbox_bytes);
  set_mailbox_ram_bytes(config.mailbox_ram_bytes);
  set_hbm_stack_bytes_lo(low(config.hbm_stack_bytes));
  set_hbm_stack_bytes_hi(high(config.hbm_stack_bytes));
  set_hbf_cube_bytes_lo(low(config.hbf_cube_bytes));
  set_hbf_cube_bytes_hi(high(config.hbf_cube_bytes));
  set_manifest_lo(low(config.manifest_address));
  set_manifest_hi(high(config.manifest_address));
  set_timebase_hz(static_cast<std::uint32_t>(config.timebase_hz));
  set_reset_cause_cause(config.reset_cause);
}

void SysCtrlCore::on_write_exit(std::uint32_t written) {
  if ((written & kExitValidMask) == 0 || exited_) return;
  exited_ = true;
  exit_code_ = static_cast<std::uint8_t>((written & kExitCodeMask) >> kExitCodeShift);
}

}  // namespace memwall::soc
