/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "llm/kv_cache.h"

#include <string.h>

static uint64_t align_up(uint64_t value, uint64_t to) { return (value + to - 1u) / to * to; }

void kv_init(kv_cache_t* kv, const kv_shape_t* shape, const manifest_arena_t* arenas, uint32_t n_arenas) {
  memset(kv, 0, sizeof *kv);
  for (uint32_t i = 0; i < n_arenas; ++i) kv->near_memory |= shape->near_memory && arenas[i].has_pnm != 0;
  for (uint32_t i = 0; i < n_arenas; ++i) {
    if (!kv->near_memory || arenas[i].has_pnm != 0) kv->arena[kv->n_used++] = i;
  }
  kv->n_kv_heads = shape->n_kv_heads;
  kv->kv_stride = rt_round_up(shape->head_dim * shape->element_bytes, KV_ALIGN);
  kv->head_bytes = shape->batch * shape->group * kv_q_stride(shape->head_dim);
  kv->capacity = shape->max_context;

  const uint32_t streams = shape->n_layers * shape->n_kv_heads;
  for (uint32_t i = 0; i < kv->n_used; ++i) {
    const manifest_arena_t* arena = &arenas[kv->arena[i]];
    const uint64_t end = arena->base + arena->bytes;
    kv->q_base[i] = align_up(arena->base + RT_ARENA_RESERVED_BYTES, 128u);
    kv->base[i] = kv->q_base[i] + (kv->near_memory ? (uint64_t)shape->n_kv_heads * 2u * kv->head_bytes : 0u);
    const uint32_t here = streams / kv->n_used + (i < streams % kv->n_used ? 1u : 0u);
    if (here == 0) continue;
    const uint64_t room = end > kv->base[i] ? end - kv->base[i] : 0;
    const uint64_t tokens = room / ((uint64_t)here * 2u * kv->kv_stride);
    if (tokens < kv->capacity) kv->capacity = (uint32_t)tokens;
  }
}
