/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/cmdq.h"

#include "regs/accel.h"
#include "regs/pnm.h"

/* One driver for both blocks stands on this. */
_Static_assert(ACCEL_QUEUE_BASE_LO_OFFSET(0) == PNM_QUEUE_BASE_LO_OFFSET, "");
_Static_assert(ACCEL_QUEUE_BASE_HI_OFFSET(0) == PNM_QUEUE_BASE_HI_OFFSET, "");
_Static_assert(ACCEL_QUEUE_SIZE_OFFSET(0) == PNM_QUEUE_SIZE_OFFSET, "");
_Static_assert(ACCEL_TAIL_OFFSET(0) == PNM_TAIL_OFFSET, "");
_Static_assert(ACCEL_HEAD_OFFSET(0) == PNM_HEAD_OFFSET, "");
_Static_assert(ACCEL_COMPLETION_BASE_LO_OFFSET(0) == PNM_COMPLETION_BASE_LO_OFFSET, "");
_Static_assert(ACCEL_COMPLETION_BASE_HI_OFFSET(0) == PNM_COMPLETION_BASE_HI_OFFSET, "");
_Static_assert(ACCEL_CONTROL_OFFSET(0) == PNM_CONTROL_OFFSET, "");
_Static_assert(ACCEL_STATUS_OFFSET(0) == PNM_STATUS_OFFSET, "");
_Static_assert(ACCEL_IRQ_STATUS_OFFSET(0) == PNM_IRQ_STATUS_OFFSET, "");
_Static_assert(ACCEL_IRQ_ENABLE_OFFSET(0) == PNM_IRQ_ENABLE_OFFSET, "");
_Static_assert(ACCEL_ERROR_TAG_OFFSET(0) == PNM_ERROR_TAG_OFFSET, "");
_Static_assert(ACCEL_ERROR_ADDRESS_LO_OFFSET(0) == PNM_ERROR_ADDRESS_LO_OFFSET, "");
_Static_assert(ACCEL_ERROR_ADDRESS_HI_OFFSET(0) == PNM_ERROR_ADDRESS_HI_OFFSET, "");
_Static_assert(ACCEL_TAIL_OFFSET(1) - ACCEL_TAIL_OFFSET(0) == CMDQ_STRIDE, "");

status_t cmdq_reset(mmio_t queue) {
  mmio_write32(queue, PNM_CONTROL_OFFSET, FIELD_OF(PNM_CONTROL_ENABLE, 1) | FIELD_OF(PNM_CONTROL_RESET, 1));
  for (uint32_t i = 0; i < CMDQ_RESET_POLLS; ++i) {
    if (FIELD(PNM_CONTROL_RESET, mmio_read32(queue, PNM_CONTROL_OFFSET)) == 0) return STATUS_OK;
  }
  return STATUS_TIMEOUT;
}

status_t cmdq_start(mmio_t queue, uint64_t ring, uint64_t completions, uint32_t entries) {
  if (entries == 0 || entries > CMDQ_MAX_ENTRIES || (entries & (entries - 1)) != 0)
    return STATUS_BAD_ARGUMENT;
  if (ring % 128u != 0 || completions % 32u != 0) return STATUS_BAD_ARGUMENT;
  mmio_write32(queue, PNM_CONTROL_OFFSET, 0);
  mmio_write32(queue, PNM_QUEUE_BASE_LO_OFFSET, (uint32_t)ring);
  mmio_write32(queue, PNM_QUEUE_BASE_HI_OFFSET, (uint32_t)(ring >> 32));
  mmio_write32(queue, PNM_COMPLETION_BASE_LO_OFFSET, (uint32_t)completions);
  mmio_write32(queue, PNM_COMPLETION_BASE_HI_OFFSET, (uint32_t)(completions >> 32));
  mmio_write32(queue, PNM_QUEUE_SIZE_OFFSET, entries);
  mmio_write32(queue, PNM_IRQ_ENABLE_OFFSET,
               FIELD_OF(PNM_IRQ_ENABLE_DONE, 1) | FIELD_OF(PNM_IRQ_ENABLE_ERROR, 1));
  return cmdq_reset(queue);
}

void cmdq_ring(mmio_t queue, uint32_t tail) { mmio_write32(queue, PNM_TAIL_OFFSET, tail); }

uint32_t cmdq_head(mmio_t queue) { return mmio_read32(queue, PNM_HEAD_OFFSET); }

cmdq_error_t cmdq_error(mmio_t queue) {
  cmdq_error_t error = {0};
  const uint32_t status = mmio_read32(queue, PNM_STATUS_OFFSET);
  if (FIELD(PNM_STATUS_HALTED, status) == 0) return error;
  error.halted = true;
  error.code = FIELD(PNM_STATUS_ERROR_CODE, status);
  error.tag = mmio_read32(queue, PNM_ERROR_TAG_OFFSET);
  error.address = mmio_read32(queue, PNM_ERROR_ADDRESS_LO_OFFSET);
  error.address |= (uint64_t)mmio_read32(queue, PNM_ERROR_ADDRESS_HI_OFFSET) << 32;
  return error;
}

void cmdq_clear_interrupt(mmio_t queue) {
  const uint32_t causes = mmio_read32(queue, PNM_IRQ_STATUS_OFFSET);
  if (causes != 0) mmio_write32(queue, PNM_IRQ_STATUS_OFFSET, causes);
}
