/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/collectives.h"

void reduce_init(reduce_t* r, rt_t* rt, const rt_info_t* info, uint32_t n_slices, uint32_t slot_bytes,
                 arena_t* sram) {
  *r = (reduce_t){.rt = rt,
                  .chip = info->chip,
                  .n_chips = info->n_chips,
                  .n_local = n_slices / info->n_chips,
                  .inbox_base = info->inbox_base,
                  .inbox_bytes = info->inbox_bytes,
                  .slot_bytes = slot_bytes};
  const uint64_t chip_bytes = (uint64_t)r->n_local * slot_bytes;
  r->local[0] = arena_alloc(sram, chip_bytes);
  r->local[1] = r->n_chips > 1 ? arena_alloc(sram, chip_bytes) : r->local[0];
  r->remote = r->n_chips > 1 ? arena_alloc(sram, chip_bytes * (r->n_chips - 1)) : 0;
  r->sum = n_slices > 1 ? arena_alloc(sram, slot_bytes) : 0;
}

/* Partials lie side by side, absent ones left out, so that one message carries them. */
static uint32_t partials_before(const reduce_t* r, uint64_t present, uint32_t chip, uint32_t local) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < local; ++i) count += (uint32_t)(present >> (chip * r->n_local + i)) & 1u;
  return count;
}
static uint32_t partial_bytes(uint32_t n) { return rt_round_up(n * 4u, RT_LINK_ALIGN); }

uint64_t reduce_partial(const reduce_t* r, uint64_t present, uint32_t local, uint32_t n) {
  return r->local[r->round & 1u] + (uint64_t)partials_before(r, present, r->chip, local) * partial_bytes(n);
}

/* Place of chip `from`'s partials in everybody's inbox. */
static uint32_t inbox_partials(const reduce_t* r, uint32_t from) {
  return r->n_chips * INBOX_CONTROL_BYTES + (from * 2u + (r->round & 1u)) * r->n_local * r->slot_bytes;
}
/* A chip without partials still sends one line: the double buffering counts on a message per round. */
static uint32_t message_bytes(const reduce_t* r, uint64_t present, uint32_t chip, uint32_t n) {
  const uint32_t bytes = partials_before(r, present, chip, r->n_local) * partial_bytes(n);
  return bytes != 0 ? bytes : RT_LINK_ALIGN;
}

MUST_USE static status_t exchange(reduce_t* r, uint64_t present, uint32_t n) {
  status_t status = rt_fence(r->rt);
  for (uint32_t peer = 0; peer < r->n_chips && status == STATUS_OK; ++peer) {
    if (peer == r->chip) continue;
    status = rt_send(r->rt, peer, r->local[r->round & 1u], inbox_partials(r, r->chip),
                     message_bytes(r, present, r->chip, n), RT_SIGNAL_REDUCE);
  }
  uint64_t to = r->remote;
  for (uint32_t peer = 0; peer < r->n_chips && status == STATUS_OK; ++peer) {
    if (peer == r->chip) continue;
    status = rt_receive(r->rt, peer, message_bytes(r, present, peer, n), RT_SIGNAL_REDUCE, 0);
    const uint32_t bytes = partials_before(r, present, peer, r->n_local) * partial_bytes(n);
    if (status != STATUS_OK || bytes == 0) continue;
    rt_copy(r->rt, to, bytes, r->inbox_base + inbox_partials(r, peer), bytes, bytes, 1);
    to += bytes;
  }
  return status;
}

status_t reduce_finish(reduce_t* r, uint64_t present, uint32_t n, uint64_t* result) {
  if (r->n_chips > 1) {
    const status_t status = exchange(r, present, n);
    if (status != STATUS_OK) return status;
  }
  /* sum = ((p[0] + p[1]) + p[2]) + ..., ascending slices, over all chips. */
  uint64_t local = r->local[r->round & 1u], remote = r->remote, sum = 0;
  for (uint32_t slice = 0; slice < r->n_chips * r->n_local; ++slice) {
    if (((present >> slice) & 1u) == 0) continue;
    uint64_t* next = slice / r->n_local == r->chip ? &local : &remote;
    if (sum == 0) {
      sum = *next;
    } else {
      rt_add(r->rt, r->sum, sum, *next, n);
      sum = r->sum;
    }
    *next += partial_bytes(n);
  }
  *result = sum;
  ++r->round;
  return STATUS_OK;
}
