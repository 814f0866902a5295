/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/uart.h"

#include "regs/uart.h"

status_t uart_put(mmio_t uart, uint8_t byte) {
  if (FIELD(UART_STATUS_TX_FULL, mmio_read32(uart, UART_STATUS_OFFSET)) != 0) return STATUS_FULL;
  mmio_write32(uart, UART_TXDATA_OFFSET, byte);
  return STATUS_OK;
}

bool uart_is_idle(mmio_t uart) {
  return FIELD(UART_STATUS_TX_IDLE, mmio_read32(uart, UART_STATUS_OFFSET)) != 0;
}

void uart_interrupt_when_idle(mmio_t uart, bool enable) {
  mmio_write32(uart, UART_IRQ_ENABLE_OFFSET, FIELD_OF(UART_IRQ_ENABLE_TX_IDLE, enable));
}
