/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/queue.h"

#include <string.h>

#include "drivers/cmdq.h"
#include "hal/event.h"
#include "runtime/console.h"

#define FLAG_IRQ 1u
/* Bytes 96 to 127 of a descriptor are always 0 and written once. */
#define USED_WORDS 12u
#define WORDS (COMPUTE_DESCRIPTOR_SIZE_BYTES / 8u)

typedef uint64_t __attribute__((may_alias)) word_t;

static const char* opcode_name(uint32_t opcode) {
  static const char* const names[] = {"NOP", "MATVEC",  "ATTENTION", "RMSNORM", "ROPE",   "SWIGLU",
                                      "ADD", "SOFTMAX", "TOPK",      "COPY",    "CONVERT"};
  return opcode < sizeof names / sizeof names[0] ? names[opcode] : "unknown operation";
}

static const char* code_name(uint32_t code) {
  static const char* const names[] = {
      "OK",        "BAD_OPCODE", "BAD_FORMAT",    "BAD_ALIGNMENT", "BAD_SHAPE", "TILE_TOO_LARGE",
      "BAD_RANGE", "BUS_ERROR",  "UNCORRECTABLE", "BAD_RESERVED"};
  return code < sizeof names / sizeof names[0] ? names[code] : "unknown status";
}

/* The interrupt only has to end WFI; HEAD and STATUS say what happened. */
static void on_interrupt(void* context) { cmdq_clear_interrupt(((queue_t*)context)->registers); }

static uint32_t slot(uint32_t index) { return index % QUEUE_ENTRIES; }

status_t queue_init(queue_t* q, const char* name, mmio_t registers, compute_descriptor_t* shadow,
                    uint64_t ring, uint64_t completions) {
  memset(q, 0, sizeof *q);
  strncpy(q->name, name, sizeof q->name - 1);
  q->registers = registers;
  q->shadow = shadow;
  q->ring = (volatile uint64_t*)(uintptr_t)ring;
  q->retried = UINT32_MAX;
  memset(shadow, 0, QUEUE_ENTRIES * sizeof *shadow);
  for (uint32_t i = 0; ring != 0 && i < QUEUE_ENTRIES * WORDS; ++i) q->ring[i] = 0;
  return cmdq_start(registers, ring != 0 ? ring : (uint64_t)(uintptr_t)shadow, completions, QUEUE_ENTRIES);
}

static void ring_doorbell(queue_t* q) {
  if (q->rung == q->posted) return;
  for (; q->ring != 0 && q->rung != q->posted; ++q->rung) {
    const word_t* words = (const word_t*)&q->shadow[slot(q->rung)];
    volatile uint64_t* to = q->ring + slot(q->rung) * WORDS;
    for (uint32_t i = 0; i < USED_WORDS; ++i) to[i] = words[i];
  }
  q->rung = q->posted;
  mmio_fence(); /* descriptors before the doorbell */
  cmdq_ring(q->registers, q->posted);
}

/* After a reset: the descriptors from `index` on become the first ones. */
static void post_again(queue_t* q, uint32_t index) {
  static compute_descriptor_t rest[QUEUE_ENTRIES];
  const uint32_t n = q->posted - index;
  for (uint32_t i = 0; i < n; ++i) rest[i] = q->shadow[slot(index + i)];
  memcpy(q->shadow, rest, n * sizeof rest[0]);
  q->first += index;
  q->posted = n;
  q->rung = q->done = 0;
  ring_doorbell(q);
}

static void drop_all(queue_t* q, status_t status) {
  if (q->status == STATUS_OK) q->status = status;
  if (cmdq_reset(q->registers) != STATUS_OK) console_print("%s: does not take a reset", q->name);
  q->first += q->posted;
  q->posted = q->rung = q->done = 0;
}

static void recover(queue_t* q, const cmdq_error_t* error) {
  const uint32_t index = error->tag - q->first;
  if (index >= q->posted) {
    console_print("%s: %s at unknown descriptor, tag 0x%x", q->name, code_name(error->code),
                  (unsigned)error->tag);
    drop_all(q, STATUS_HARDWARE);
    return;
  }
  console_print("%s: descriptor %u %s: %s at 0x%llx", q->name, (unsigned)error->tag,
                opcode_name(q->shadow[slot(index)].opcode), code_name(error->code),
                (unsigned long long)error->address);
  q->attempts = q->retried == error->tag ? q->attempts + 1 : 1;
  q->retried = error->tag;
  if (q->retry == 0 || !q->retry(q->retry_context, error->code, error->address, q->attempts)) {
    drop_all(q, STATUS_HARDWARE);
    return;
  }
  console_print("%s: descriptor %u is tried again (%u)", q->name, (unsigned)error->tag,
                (unsigned)q->attempts);
  if (cmdq_reset(q->registers) != STATUS_OK) {
    drop_all(q, STATUS_HARDWARE);
    return;
  }
  post_again(q, index);
}

static void wait_all(queue_t* q) {
  uint64_t deadline = 0; /* from the last progress; 0: to be set before sleeping */
  while (q->posted != 0) {
    /* HEAD before STATUS: a failed descriptor counts as completed, and it may fail between the two reads. */
    const uint32_t head = cmdq_head(q->registers);
    const cmdq_error_t error = cmdq_error(q->registers);
    if (error.halted) {
      recover(q, &error);
      deadline = 0;
      continue;
    }
    if (head != q->done) deadline = 0;
    q->done = head;
    if (head == q->posted) return;
    if (deadline == 0) deadline = event_deadline(QUEUE_TIMEOUT_US);
    if (event_wait(deadline)) continue;
    if (cmdq_head(q->registers) != q->done || cmdq_error(q->registers).halted) continue;
    console_print("%s: descriptor %u %s: no answer for %u us", q->name, (unsigned)(q->first + q->done),
                  opcode_name(q->shadow[slot(q->done)].opcode), QUEUE_TIMEOUT_US);
    drop_all(q, STATUS_TIMEOUT);
    return;
  }
}

void queue_start(queue_t* q) {
  if (q->posted == q->rung) return;
  q->shadow[slot(q->posted - 1)].flags = FLAG_IRQ;
  ring_doorbell(q);
}

compute_descriptor_t* queue_next(queue_t* q) {
  static compute_descriptor_t dropped;
  if (q->posted - q->done == QUEUE_ENTRIES) {
    queue_start(q);
    wait_all(q);
  } else if (q->posted - q->rung >= QUEUE_BATCH) {
    ring_doorbell(q);
  }
  if (q->status != STATUS_OK) return &dropped;
  compute_descriptor_t* d = &q->shadow[slot(q->posted)];
  word_t* words = (word_t*)d;
  for (uint32_t i = 0; i < USED_WORDS; ++i) words[i] = 0; /* inline: this runs for every operation */
  d->tag = q->first + q->posted;
  ++q->posted;
  return d;
}

status_t queue_fence(queue_t* q) {
  queue_start(q);
  if (q->posted != q->done) wait_all(q);
  const status_t status = q->status;
  q->status = STATUS_OK;
  return status;
}

void queue_attach(queue_t* q, uint32_t irq) { event_attach(irq, on_interrupt, q); }
