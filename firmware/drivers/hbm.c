/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hbm.h"

#include "regs/hbm.h"

hbm_errors_t hbm_errors(mmio_t hbm) {
  hbm_errors_t errors;
  errors.corrected = mmio_read32(hbm, HBM_ECC_CORRECTED_OFFSET);
  errors.uncorrected = mmio_read32(hbm, HBM_ECC_UNCORRECTED_OFFSET);
  errors.address = mmio_read32(hbm, HBM_ECC_ADDRESS_LO_OFFSET);
  errors.address |= (uint64_t)mmio_read32(hbm, HBM_ECC_ADDRESS_HI_OFFSET) << 32;
  return errors;
}

void hbm_clear_errors(mmio_t hbm) {
  mmio_write32(hbm, HBM_ECC_CLEAR_OFFSET, FIELD_OF(HBM_ECC_CLEAR_CLEAR, 1));
}

status_t hbm_inject(mmio_t hbm, uint64_t address, uint32_t bits) {
  if (bits == 0 || bits > 64) return STATUS_BAD_ARGUMENT;
  mmio_write32(hbm, HBM_INJECT_ADDRESS_LO_OFFSET, (uint32_t)address);
  mmio_write32(hbm, HBM_INJECT_ADDRESS_HI_OFFSET, (uint32_t)(address >> 32));
  mmio_write32(hbm, HBM_INJECT_OFFSET, FIELD_OF(HBM_INJECT_BITS, bits) | FIELD_OF(HBM_INJECT_FIRE, 1));
  return STATUS_OK;
}
