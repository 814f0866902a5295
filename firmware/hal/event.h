/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Waiting for the hardware. Interrupts stay globally disabled (mstatus.MIE = 0): WFI wakes on a pending one
 * all the same, and the waiter serves it itself. So there is no handler that could run at a bad moment, and
 * no wake-up is lost between looking at a condition and going to sleep, because a pending interrupt ends WFI
 * at once:
 *
 *   while (!done()) if (!event_wait(deadline)) return STATUS_TIMEOUT;
 */
#ifndef MEMWALL_HAL_EVENT_H
#define MEMWALL_HAL_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#define EVENT_FOREVER UINT64_MAX

typedef void (*event_handler_t)(void* context);

/** Sets up interrupt controller and timer. `timebase_hz`: rate of mtime. */
void event_init(uint32_t timebase_hz);
/** Serves interrupt `source` by calling handler, which must clear the cause in the device. */
void event_attach(uint32_t source, event_handler_t handler, void* context);
/** mtime now. */
uint64_t event_now(void);
/** Microseconds since the timer started. */
uint64_t event_now_us(void);
/** mtime after so many microseconds from now, or up to an eighth of them later. */
uint64_t event_deadline(uint32_t microseconds);
/** Sleeps until an interrupt was served; false: mtime has reached `deadline`. May wake without reason. */
bool event_wait(uint64_t deadline);

#endif
