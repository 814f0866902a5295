/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/link.h"

#include "regs/link.h"

status_t link_start(mmio_t link) {
  if (mmio_read32(link, LINK_ID_OFFSET) != LINK_ID_RESET) return STATUS_NOT_FOUND;
  mmio_write32(link, LINK_IRQ_ENABLE_OFFSET,
               FIELD_OF(LINK_IRQ_ENABLE_SIGNAL, 1) | FIELD_OF(LINK_IRQ_ENABLE_DOWN, 1));
  mmio_write32(link, LINK_CONTROL_OFFSET, FIELD_OF(LINK_CONTROL_ENABLE, 1));
  return STATUS_OK;
}

void link_reset(mmio_t link) {
  mmio_write32(link, LINK_CONTROL_OFFSET, FIELD_OF(LINK_CONTROL_ENABLE, 1) | FIELD_OF(LINK_CONTROL_RESET, 1));
}

link_status_t link_status(mmio_t link) {
  const uint32_t status = mmio_read32(link, LINK_STATUS_OFFSET);
  return (link_status_t){.up = FIELD(LINK_STATUS_UP, status) != 0,
                         .down = FIELD(LINK_STATUS_DOWN, status) != 0,
                         .peer = FIELD(LINK_STATUS_PEER, status),
                         .tx_free = FIELD(LINK_STATUS_TX_FREE, status)};
}

status_t link_post(mmio_t link, uint64_t src, uint32_t offset, uint32_t bytes, uint32_t signal) {
  if (src % 32u != 0 || offset % 32u != 0 || bytes % 32u != 0 || bytes == 0 || bytes > LINK_MAX_MESSAGE ||
      signal >= LINK_SIGNAL_COUNT_COUNT)
    return STATUS_BAD_ARGUMENT;
  const link_status_t status = link_status(link);
  if (!status.up || status.down) return STATUS_HARDWARE;
  if (status.tx_free == 0) return STATUS_FULL;
  const uint32_t posted = mmio_read32(link, LINK_TX_POSTED_OFFSET);
  mmio_write32(link, LINK_TX_SRC_LO_OFFSET, (uint32_t)src);
  mmio_write32(link, LINK_TX_SRC_HI_OFFSET, (uint32_t)(src >> 32));
  mmio_write32(link, LINK_TX_DST_OFFSET, offset);
  mmio_write32(link, LINK_TX_LENGTH_OFFSET, bytes);
  mmio_write32(link, LINK_TX_SIGNAL_OFFSET, signal);
  mmio_write32(link, LINK_TX_POST_OFFSET, FIELD_OF(LINK_TX_POST_POST, 1));
  return mmio_read32(link, LINK_TX_POSTED_OFFSET) == posted + 1 ? STATUS_OK : STATUS_HARDWARE;
}

uint32_t link_signal_count(mmio_t link, uint32_t signal) {
  return mmio_read32(link, LINK_SIGNAL_COUNT_OFFSET(signal));
}

link_counters_t link_counters(mmio_t link) {
  link_counters_t counters;
  counters.posted = mmio_read32(link, LINK_TX_POSTED_OFFSET);
  counters.acked = mmio_read32(link, LINK_TX_ACKED_OFFSET);
  counters.rejected = mmio_read32(link, LINK_TX_REJECTED_OFFSET);
  counters.crc_errors = mmio_read32(link, LINK_CRC_ERRORS_OFFSET);
  counters.replays = mmio_read32(link, LINK_REPLAYS_OFFSET);
  return counters;
}

void link_clear_interrupt(mmio_t link) {
  const uint32_t causes = mmio_read32(link, LINK_IRQ_STATUS_OFFSET);
  if (causes != 0) mmio_write32(link, LINK_IRQ_STATUS_OFFSET, causes);
}
