/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/timer.h"

#include "regs/timer.h"

_Static_assert(TIMER_CONTROL_COUNT == TIMER_CHANNELS, "channels");

uint64_t timer_now(mmio_t timer) {
  const uint32_t low = mmio_read32(timer, TIMER_COUNT_LO_OFFSET); /* latches the high half */
  return (uint64_t)mmio_read32(timer, TIMER_COUNT_HI_OFFSET) << 32 | low;
}

status_t timer_start(mmio_t timer, uint32_t channel, uint64_t compare) {
  if (channel >= TIMER_CHANNELS) return STATUS_BAD_ARGUMENT;
  mmio_write32(timer, TIMER_CONTROL_OFFSET(channel), 0);
  mmio_write32(timer, TIMER_COMPARE_LO_OFFSET(channel), (uint32_t)compare);
  mmio_write32(timer, TIMER_COMPARE_HI_OFFSET(channel), (uint32_t)(compare >> 32));
  mmio_write32(timer, TIMER_CONTROL_OFFSET(channel),
               FIELD_OF(TIMER_CONTROL_ENABLE, 1) | FIELD_OF(TIMER_CONTROL_IRQ_ENABLE, 1));
  return STATUS_OK;
}

status_t timer_stop(mmio_t timer, uint32_t channel) {
  if (channel >= TIMER_CHANNELS) return STATUS_BAD_ARGUMENT;
  mmio_write32(timer, TIMER_CONTROL_OFFSET(channel), 0);
  return STATUS_OK;
}

bool timer_take_expiry(mmio_t timer, uint32_t channel) {
  if (FIELD(TIMER_STATUS_EXPIRED, mmio_read32(timer, TIMER_STATUS_OFFSET(channel))) == 0) return false;
  mmio_write32(timer, TIMER_STATUS_OFFSET(channel), FIELD_OF(TIMER_STATUS_EXPIRED, 1));
  return true;
}
