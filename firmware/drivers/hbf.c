/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hbf.h"

#include "regs/hbf.h"

_Static_assert(HBF_MAX_RETRY_STAGE == HBF_CONTROL_RETRY_STAGE_MASK >> HBF_CONTROL_RETRY_STAGE_SHIFT,
               "stages");

hbf_fault_t hbf_take_fault(mmio_t hbf) {
  const uint32_t status = mmio_read32(hbf, HBF_STATUS_OFFSET);
  hbf_fault_t fault = {.code = FIELD(HBF_STATUS_CODE, status), .info = FIELD(HBF_STATUS_INFO, status)};
  fault.address = mmio_read32(hbf, HBF_FAULT_ADDRESS_LO_OFFSET);
  fault.address |= (uint64_t)mmio_read32(hbf, HBF_FAULT_ADDRESS_HI_OFFSET) << 32;
  const uint32_t control = mmio_read32(hbf, HBF_CONTROL_OFFSET);
  mmio_write32(hbf, HBF_CONTROL_OFFSET, control | FIELD_OF(HBF_CONTROL_CLEAR_STATUS, 1));
  return fault;
}

status_t hbf_set_retry_stage(mmio_t hbf, uint32_t stage) {
  if (stage > HBF_MAX_RETRY_STAGE) return STATUS_BAD_ARGUMENT;
  const uint32_t mode = stage == 0 ? HBF_CONTROL_RETRY_MODE_AUTO : HBF_CONTROL_RETRY_MODE_HOST;
  mmio_write32(hbf, HBF_CONTROL_OFFSET,
               FIELD_OF(HBF_CONTROL_RETRY_MODE, mode) | FIELD_OF(HBF_CONTROL_RETRY_STAGE, stage));
  return STATUS_OK;
}
