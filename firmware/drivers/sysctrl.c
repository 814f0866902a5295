/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/sysctrl.h"

#include "regs/sysctrl.h"

status_t sysctrl_read_inventory(mmio_t sysctrl, sysctrl_inventory_t* inventory) {
  if (mmio_read32(sysctrl, SYSCTRL_ID_OFFSET) != SYSCTRL_ID_RESET) return STATUS_NOT_FOUND;
  inventory->chip = mmio_read32(sysctrl, SYSCTRL_CHIP_ID_OFFSET);
  inventory->n_chips = mmio_read32(sysctrl, SYSCTRL_NUM_CHIPS_OFFSET);
  inventory->n_hbm = mmio_read32(sysctrl, SYSCTRL_NUM_HBM_OFFSET);
  inventory->n_hbf = mmio_read32(sysctrl, SYSCTRL_NUM_HBF_OFFSET);
  inventory->n_pnm = mmio_read32(sysctrl, SYSCTRL_NUM_PNM_OFFSET);
  inventory->n_link = mmio_read32(sysctrl, SYSCTRL_NUM_LINK_OFFSET);
  inventory->sram_bytes = mmio_read32(sysctrl, SYSCTRL_SRAM_BYTES_OFFSET);
  inventory->inbox_bytes = mmio_read32(sysctrl, SYSCTRL_INBOX_BYTES_OFFSET);
  inventory->mailbox_ram_bytes = mmio_read32(sysctrl, SYSCTRL_MAILBOX_RAM_BYTES_OFFSET);
  inventory->timebase_hz = mmio_read32(sysctrl, SYSCTRL_TIMEBASE_HZ_OFFSET);
  inventory->manifest = mmio_read32(sysctrl, SYSCTRL_MANIFEST_LO_OFFSET);
  inventory->manifest |= (uint64_t)mmio_read32(sysctrl, SYSCTRL_MANIFEST_HI_OFFSET) << 32;
  return STATUS_OK;
}

uint32_t sysctrl_scratch(mmio_t sysctrl, uint32_t index) {
  return mmio_read32(sysctrl, SYSCTRL_SCRATCH_OFFSET(index));
}
