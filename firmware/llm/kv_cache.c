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
  kv_set_capacity(kv, kv->capacity);
}

void kv_set_capacity(kv_cache_t* kv, uint32_t capacity) {
  kv->capacity = capacity;
  if (kv->in_hbf) return;
  kv->value_bytes = (uint64_t)capacity * kv->kv_stride;
  kv->stream_bytes = 2u * kv->value_bytes;
}

status_t kv_init_hbf(kv_cache_t* kv, rt_t* rt, const kv_shape_t* shape, uint32_t slice_rows,
                     const manifest_arena_t* arena) {
  memset(kv, 0, sizeof *kv);
  const uint32_t rows = 2u * shape->n_layers * shape->n_kv_heads;
  const uint64_t buffer = align_up(arena->base + RT_ARENA_RESERVED_BYTES, 4096u);
  const uint64_t need = RT_KV_BUFFER_BYTES + kv_hbf_staging_bytes(slice_rows, shape->batch);
  if (need > arena->bytes || buffer + need > arena->base + arena->bytes) {
    rt_print(rt, "model refused: no room in HBM for %u KiB of pages on their way to HBF",
             (unsigned)(need >> 10));
    return STATUS_UNSUPPORTED;
  }
  const status_t status = rt_kv_open(rt, rows, shape->max_context, buffer, &kv->store);
  if (status != STATUS_OK) return status;
  if (kv->store.token_stride > UINT32_MAX) {
    rt_print(rt, "model refused: %u rows per token are too many for a KV cache in HBF", (unsigned)rows);
    return STATUS_UNSUPPORTED;
  }
  kv->in_hbf = true;
  kv->n_used = 1;
  kv->base[0] = kv->store.base;
  kv->n_kv_heads = shape->n_kv_heads;
  kv->capacity = kv->store.tokens;
  kv->kv_stride = (uint32_t)kv->store.token_stride;
  kv->value_bytes = 4096u;
  kv->stream_bytes = 2u * kv->value_bytes;
  kv->staging = buffer + RT_KV_BUFFER_BYTES;
  return STATUS_OK;
}
