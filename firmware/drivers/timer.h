/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file Driver of the compare timer. */
#ifndef MEMWALL_DRIVERS_TIMER_H
#define MEMWALL_DRIVERS_TIMER_H

#include <stdbool.h>

#include "hal/mmio.h"
#include "status.h"

#define TIMER_CHANNELS 2u

/** Counter now. */
uint64_t timer_now(mmio_t timer);
/** Expires once, with an interrupt, when the counter reaches `compare`. */
status_t timer_start(mmio_t timer, uint32_t channel, uint64_t compare) MUST_USE;
status_t timer_stop(mmio_t timer, uint32_t channel) MUST_USE;
/** True once after an expiry; clears the interrupt. */
bool timer_take_expiry(mmio_t timer, uint32_t channel);

#endif
