/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file Driver of one chip-to-chip link port. */
#ifndef MEMWALL_DRIVERS_LINK_H
#define MEMWALL_DRIVERS_LINK_H

#include <stdbool.h>

#include "hal/mmio.h"
#include "status.h"

/** Longest message, bytes. */
#define LINK_MAX_MESSAGE (1u << 20)

typedef struct {
  bool up;
  bool down; /**< replay gave up; stays until reset */
  uint32_t peer;
  uint32_t tx_free; /**< messages that can be posted now */
} link_status_t;

typedef struct {
  uint32_t posted;
  uint32_t acked;
  uint32_t rejected;
  uint32_t crc_errors;
  uint32_t replays;
} link_counters_t;

/** Starts training, with interrupts on signals and when the port goes down. */
status_t link_start(mmio_t link) MUST_USE;
/** Drops the transmit queue and retrains. */
void link_reset(mmio_t link);
link_status_t link_status(mmio_t link);
/** Queues a message: `bytes` from `src` to `offset` in the peer's inbox, then its signal counter `signal`
 * goes up. BAD_ARGUMENT: not multiples of 32, or too long; FULL: no room; HARDWARE: the port is not up, or
 * refused it. */
status_t link_post(mmio_t link, uint64_t src, uint32_t offset, uint32_t bytes, uint32_t signal) MUST_USE;
/** How often the peer has raised `signal`, free running. */
uint32_t link_signal_count(mmio_t link, uint32_t signal);
link_counters_t link_counters(mmio_t link);
/** Clears the pending interrupt causes. */
void link_clear_interrupt(mmio_t link);

#endif
