/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * All-reduce of a row-parallel product. Every chip computes one partial result per own slice, sends them to
 * every peer, and adds the partials of all slices in ascending slice order, so that every chip holds the same
 * bits however many chips there are.
 *
 * Partials are double buffered by round, in the scratchpad and in the peers' inboxes. That is enough: a chip
 * starts round r + 1 only after every peer's partials of round r have arrived, and a peer sends those only
 * after a fence behind its use of round r - 1.
 */
#ifndef MEMWALL_RUNTIME_COLLECTIVES_H
#define MEMWALL_RUNTIME_COLLECTIVES_H

#include "runtime/arena.h"
#include "runtime/ops.h"

/** Bytes at the start of a chip's inbox region for hello, commands and candidates. */
#define INBOX_HELLO_OFFSET 0x0u
#define INBOX_COMMAND_OFFSET 0x100u
#define INBOX_CANDIDATES_OFFSET 0x1100u
#define INBOX_CONTROL_BYTES 0x2000u

typedef struct {
  rt_t* rt;
  uint32_t chip;
  uint32_t n_chips;
  uint32_t n_local; /**< slices per chip */
  uint64_t inbox_base;
  uint64_t inbox_bytes;
  uint32_t slot_bytes; /**< room for one partial of a full batch */
  uint64_t local[2];   /**< n_local partials, by round parity */
  uint64_t remote;     /**< partials of the other chips */
  uint64_t sum;        /**< the result, when there is more than one partial */
  uint32_t round;
} reduce_t;

/** Where, in any chip's inbox, chip `from` may write. Control areas first, then reduce areas. */
static inline uint32_t inbox_control(uint32_t from) { return from * INBOX_CONTROL_BYTES; }

/** True if the inboxes hold two rounds of partials of slot_bytes from every chip. */
static inline bool reduce_fits(uint64_t inbox_bytes, uint32_t n_chips, uint32_t n_local,
                               uint32_t slot_bytes) {
  return n_chips == 1 ||
         (uint64_t)n_chips * (INBOX_CONTROL_BYTES + 2ull * n_local * slot_bytes) <= inbox_bytes;
}
/** Takes its buffers from sram. slot_bytes: bytes of one partial, a multiple of RT_LINK_ALIGN. */
void reduce_init(reduce_t* r, rt_t* rt, const rt_info_t* info, uint32_t n_slices, uint32_t slot_bytes,
                 arena_t* sram);
/** Where local slice `local` writes its partial (n elements) in this round. `present`: bit s, slice s has
 * one. */
uint64_t reduce_partial(const reduce_t* r, uint64_t present, uint32_t local, uint32_t n);
/** Exchanges and adds; *result is where the n elements of the sum are. Ends the round. */
status_t reduce_finish(reduce_t* r, uint64_t present, uint32_t n, uint64_t* result) MUST_USE;

#endif
