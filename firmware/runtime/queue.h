/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * One engine's work list. Descriptors are written in the TCM and rung in batches; if the engine cannot reach
 * the TCM (a near-memory unit reaches its own stack only) they are copied to a ring beside it first. The last
 * descriptor before a wait carries the one interrupt.
 *
 * A failed descriptor is reported on the console. If the retry hook says it is worth it, the queue is reset
 * and the failed descriptor and everything after it is posted again. No operation that can fail on a memory
 * error (MATVEC, ATTENTION, COPY, CONVERT) is queued in place, so doing it again is safe.
 */
#ifndef MEMWALL_RUNTIME_QUEUE_H
#define MEMWALL_RUNTIME_QUEUE_H

#include <stdbool.h>

#include "desc/completion_record.h"
#include "desc/compute_descriptor.h"
#include "hal/mmio.h"
#include "status.h"

#define QUEUE_ENTRIES 64u
/** Descriptors that gather before the doorbell is rung without waiting for the fence. */
#define QUEUE_BATCH 8u
/** An engine that completes nothing for so long is lost. */
#define QUEUE_TIMEOUT_US 5000000u

/** Called for a failed descriptor; `attempt` counts from 1 for the same one. True: prepared, post it again.
 */
typedef bool (*queue_retry_t)(void* context, uint32_t code, uint64_t address, uint32_t attempt);

typedef struct {
  char name[8];
  mmio_t registers;
  compute_descriptor_t* shadow; /**< QUEUE_ENTRIES, in TCM */
  volatile uint64_t* ring;      /**< where the engine fetches, if not from shadow; else null */
  queue_retry_t retry;
  void* retry_context;
  uint32_t posted;   /**< descriptors written since the last reset */
  uint32_t rung;     /**< of those, shown to the engine */
  uint32_t done;     /**< of those, known to be complete */
  uint32_t first;    /**< number, since boot, of the first descriptor after the last reset */
  uint32_t retried;  /**< number of the descriptor that was last tried again */
  uint32_t attempts; /**< how often */
  status_t status;   /**< first failure since the last fence */
} queue_t;

/** Bytes that a ring beside the engine and its completion records take. */
#define QUEUE_REMOTE_BYTES (QUEUE_ENTRIES * (COMPUTE_DESCRIPTOR_SIZE_BYTES + COMPLETION_RECORD_SIZE_BYTES))

/** `ring` null: the engine fetches from shadow. `completions`: QUEUE_ENTRIES records, 32-byte aligned. */
status_t queue_init(queue_t* q, const char* name, mmio_t registers, compute_descriptor_t* shadow,
                    uint64_t ring, uint64_t completions) MUST_USE;
/** Lets interrupt source `irq` wake whoever waits for this queue. */
void queue_attach(queue_t* q, uint32_t irq);
/** The next descriptor, zero except for its tag. Stays valid until the next call. May wait for room. */
compute_descriptor_t* queue_next(queue_t* q);
/** Waits until all is done. Returns the first failure since the last fence, and forgets it. */
status_t queue_fence(queue_t* q) MUST_USE;
/** Rings for everything posted, so that several engines work while one is waited for. */
void queue_start(queue_t* q);

#endif
