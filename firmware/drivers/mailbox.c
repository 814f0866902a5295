/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mailbox.h"

#include "regs/mailbox.h"

status_t mailbox_start(mmio_t mailbox, uint32_t mask, uint32_t* ram_bytes) {
  if (mmio_read32(mailbox, MAILBOX_ID_OFFSET) != MAILBOX_ID_RESET) return STATUS_NOT_FOUND;
  *ram_bytes = mmio_read32(mailbox, MAILBOX_RAM_BYTES_OFFSET);
  mmio_write32(mailbox, MAILBOX_CHIP_IRQ_ENABLE_OFFSET, mask);
  return STATUS_OK;
}

uint32_t mailbox_take(mmio_t mailbox) {
  const uint32_t rung = mmio_read32(mailbox, MAILBOX_CHIP_DOORBELL_OFFSET);
  if (rung != 0) mmio_write32(mailbox, MAILBOX_CHIP_DOORBELL_OFFSET, rung);
  return rung;
}

void mailbox_ring_host(mmio_t mailbox, uint32_t mask) {
  mmio_write32(mailbox, MAILBOX_HOST_DOORBELL_SET_OFFSET, mask);
}
