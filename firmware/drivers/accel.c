/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/accel.h"

#include "regs/accel.h"

status_t accel_probe(mmio_t accel, accel_config_t* config) {
  if (mmio_read32(accel, ACCEL_ID_OFFSET) != ACCEL_ID_RESET) return STATUS_NOT_FOUND;
  config->sram_bytes = mmio_read32(accel, ACCEL_SRAM_BYTES_OFFSET);
  return STATUS_OK;
}
