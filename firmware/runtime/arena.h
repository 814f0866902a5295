/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Hands out address ranges of one memory from its start; rewinding to a mark frees everything after it.
 * Touches no memory.
 */
#ifndef MEMWALL_RUNTIME_ARENA_H
#define MEMWALL_RUNTIME_ARENA_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint64_t base;
  uint64_t bytes;
  uint64_t used;
  uint64_t peak; /**< most bytes ever in use */
  bool overflow; /**< an allocation did not fit; addresses handed out since then are unusable */
} arena_t;

static inline void arena_init(arena_t* arena, uint64_t base, uint64_t bytes) {
  arena->base = base;
  arena->bytes = bytes;
  arena->used = 0;
  arena->peak = 0;
  arena->overflow = false;
}
/** 64-byte aligned if base is. */
static inline uint64_t arena_alloc(arena_t* arena, uint64_t bytes) {
  const uint64_t address = arena->base + arena->used;
  arena->used += (bytes + 63u) / 64u * 64u;
  if (arena->used > arena->bytes) arena->overflow = true;
  if (arena->used > arena->peak) arena->peak = arena->used;
  return address;
}
static inline uint64_t arena_mark(const arena_t* arena) { return arena->used; }
static inline void arena_rewind(arena_t* arena, uint64_t mark) { arena->used = mark; }

#endif
