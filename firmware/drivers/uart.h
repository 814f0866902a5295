/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file Driver of the console UART. */
#ifndef MEMWALL_DRIVERS_UART_H
#define MEMWALL_DRIVERS_UART_H

#include <stdbool.h>

#include "hal/mmio.h"
#include "status.h"

/** Queues one byte; STATUS_FULL if the FIFO has no room. */
status_t uart_put(mmio_t uart, uint8_t byte) MUST_USE;
/** True when every byte has left the line. */
bool uart_is_idle(mmio_t uart);
/** Interrupt while the transmitter is idle. */
void uart_interrupt_when_idle(mmio_t uart, bool enable);

#endif
