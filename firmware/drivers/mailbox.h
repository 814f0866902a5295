/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file Driver of the doorbells between host and chip. */
#ifndef MEMWALL_DRIVERS_MAILBOX_H
#define MEMWALL_DRIVERS_MAILBOX_H

#include "hal/mmio.h"
#include "status.h"

/** NOT_FOUND, or the size of the RAM shared with the host. Doorbells in `mask` interrupt the chip from now
 * on. */
status_t mailbox_start(mmio_t mailbox, uint32_t mask, uint32_t* ram_bytes) MUST_USE;
/** Doorbells that the host has rung; clears them. */
uint32_t mailbox_take(mmio_t mailbox);
/** Rings the host. */
void mailbox_ring_host(mmio_t mailbox, uint32_t mask);

#endif
