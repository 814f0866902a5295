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

hbm_reliability_t hbm_reliability(mmio_t hbm) {
  hbm_reliability_t counts;
  counts.on_die_corrected = mmio_read32(hbm, HBM_ECC_ON_DIE_CORRECTED_OFFSET);
  counts.poisoned = mmio_read32(hbm, HBM_ECC_POISONED_OFFSET);
  counts.scrub_corrected = mmio_read32(hbm, HBM_SCRUB_CORRECTED_OFFSET);
  counts.scrub_uncorrected = mmio_read32(hbm, HBM_SCRUB_UNCORRECTED_OFFSET);
  counts.scrub_passes = mmio_read32(hbm, HBM_SCRUB_PASSES_OFFSET);
  return counts;
}

void hbm_clear_errors(mmio_t hbm) {
  mmio_write32(hbm, HBM_ECC_CLEAR_OFFSET, FIELD_OF(HBM_ECC_CLEAR_CLEAR, 1));
}

static void inject(mmio_t hbm, uint64_t address, uint32_t what) {
  mmio_write32(hbm, HBM_INJECT_ADDRESS_LO_OFFSET, (uint32_t)address);
  mmio_write32(hbm, HBM_INJECT_ADDRESS_HI_OFFSET, (uint32_t)(address >> 32));
  mmio_write32(hbm, HBM_INJECT_OFFSET, what | FIELD_OF(HBM_INJECT_FIRE, 1));
}

status_t hbm_inject(mmio_t hbm, uint64_t address, uint32_t bits) {
  if (bits == 0 || bits > 64) return STATUS_BAD_ARGUMENT;
  inject(hbm, address, FIELD_OF(HBM_INJECT_BITS, bits));
  return STATUS_OK;
}

void hbm_inject_chip(mmio_t hbm, uint64_t address) { inject(hbm, address, FIELD_OF(HBM_INJECT_CHIP, 1)); }

status_t hbm_scrub_start(mmio_t hbm, uint64_t address, uint32_t interval_ns) {
  if (interval_ns == 0) return STATUS_BAD_ARGUMENT;
  mmio_write32(hbm, HBM_SCRUB_ADDRESS_LO_OFFSET, (uint32_t)address);
  mmio_write32(hbm, HBM_SCRUB_ADDRESS_HI_OFFSET, (uint32_t)(address >> 32));
  mmio_write32(hbm, HBM_SCRUB_INTERVAL_OFFSET, interval_ns);
  mmio_write32(hbm, HBM_SCRUB_CONTROL_OFFSET, FIELD_OF(HBM_SCRUB_CONTROL_ENABLE, 1));
  return STATUS_OK;
}

void hbm_scrub_stop(mmio_t hbm) { mmio_write32(hbm, HBM_SCRUB_CONTROL_OFFSET, 0); }

int32_t hbm_temperature(mmio_t hbm) { return (int32_t)mmio_read32(hbm, HBM_TEMPERATURE_OFFSET); }
