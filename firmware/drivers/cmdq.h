/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/** @file Driver of a command queue: the same registers on the accelerator (per queue) and on a near-memory
 * unit. */
#ifndef MEMWALL_DRIVERS_CMDQ_H
#define MEMWALL_DRIVERS_CMDQ_H

#include <stdbool.h>

#include "hal/mmio.h"
#include "status.h"

/** Bytes between the queues of the accelerator. */
#define CMDQ_STRIDE 0x40u
#define CMDQ_MAX_ENTRIES 1024u
/** Polls of CONTROL.RESET before a reset counts as stuck. */
#define CMDQ_RESET_POLLS 100000u

typedef struct {
  bool halted;
  uint32_t code;    /**< COMPLETION_RECORD_STATUS_* of the descriptor that halted the queue */
  uint32_t tag;     /**< its tag */
  uint64_t address; /**< of the access that failed */
} cmdq_error_t;

/** Resets the queue and enables it with interrupts on completion and error. `queue`: its first register.
 * Rings: `entries` descriptors of 128 bytes (128-byte aligned) and as many completion records of 32 bytes
 * (32-byte aligned). */
status_t cmdq_start(mmio_t queue, uint64_t ring, uint64_t completions, uint32_t entries) MUST_USE;
/** Drops what is queued, HEAD = TAIL = 0, and leaves the queue enabled. TIMEOUT: the current descriptor does
 * not end. */
status_t cmdq_reset(mmio_t queue) MUST_USE;
/** Doorbell: descriptors below `tail` (free running) are ready. */
void cmdq_ring(mmio_t queue, uint32_t tail);
/** Descriptors completed (free running). */
uint32_t cmdq_head(mmio_t queue);
/** Whether the queue has stopped at a failed descriptor, and why. */
cmdq_error_t cmdq_error(mmio_t queue);
/** Clears the pending interrupt causes. */
void cmdq_clear_interrupt(mmio_t queue);

#endif
