/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Where keys and values live. One stream per (layer, KV head of this chip): K (capacity, head_dim), then
 * V (capacity, head_dim), rows kv_stride bytes apart. Streams are dealt round-robin over the HBM stacks with
 * a near-memory unit, or over all stacks if none has a usable one. Each used stack also holds, per KV head,
 * the query and result rows that pass through its unit.
 *
 * In HBF (kv_init_hbf) a row is a page and the rows of a token follow each other: kv_stride is the distance
 * of tokens, and rows pass through a staging area in the first stack, where they are laid out as pages.
 */
#ifndef MEMWALL_LLM_KV_CACHE_H
#define MEMWALL_LLM_KV_CACHE_H

#include <stdbool.h>

#include "runtime/ops.h"

typedef struct {
  uint32_t arena[MANIFEST_MAX_STACKS];  /**< arena index of used stack i */
  uint64_t base[MANIFEST_MAX_STACKS];   /**< first stream on used stack i */
  uint64_t q_base[MANIFEST_MAX_STACKS]; /**< query rows; result rows follow */
  uint32_t n_used;
  bool near_memory;      /**< attention runs on the stacks' units */
  uint32_t n_kv_heads;   /**< of this chip */
  uint32_t capacity;     /**< tokens */
  uint32_t kv_stride;    /**< bytes between tokens of a stream */
  uint64_t stream_bytes; /**< between streams of a stack */
  uint64_t value_bytes;  /**< from a stream's keys to its values */
  bool in_hbf;
  rt_kv_store_t store; /**< in_hbf */
  uint64_t staging;    /**< in_hbf: pages (row of a slice, token of the pass) */
  uint32_t head_bytes; /**< of the query (or result) rows of one KV head: batch * group * q_stride */
} kv_cache_t;

typedef struct {
  uint32_t n_layers;
  uint32_t n_kv_heads; /**< of this chip; may be 0 */
  uint32_t head_dim;
  uint32_t element_bytes; /**< of the KV format */
  uint32_t group;         /**< query heads per KV head */
  uint32_t batch;         /**< tokens per pass */
  uint32_t max_context;   /**< of the model */
  bool near_memory;       /**< use the units where arenas have them */
} kv_shape_t;

/** Near-memory rows and addresses are multiples of this. */
#define KV_ALIGN 32u

static inline uint32_t kv_q_stride(uint32_t head_dim) { return rt_round_up(head_dim * 4u, KV_ALIGN); }

/** Lays the cache out; capacity is max_context or what the fullest stack allows, and may come out 0. */
void kv_init(kv_cache_t* kv, const kv_shape_t* shape, const manifest_arena_t* arenas, uint32_t n_arenas);

/** Fewer tokens than kv_init() found room for. */
void kv_set_capacity(kv_cache_t* kv, uint32_t capacity);

/** Staging and buffer that a cache in HBF needs in the first arena; `rows`: of the largest slice. */
static inline uint64_t kv_hbf_staging_bytes(uint32_t rows, uint32_t batch) {
  return (uint64_t)rows * batch * 4096u;
}
/** A cache in HBF, whose first arena holds only staging and buffer. */
status_t kv_init_hbf(kv_cache_t* kv, rt_t* rt, const kv_shape_t* shape, uint32_t slice_rows,
                     const manifest_arena_t* arena) MUST_USE;

/** Used stack of a stream. */
static inline uint32_t kv_stack(const kv_cache_t* kv, uint32_t layer, uint32_t head) {
  return (layer * kv->n_kv_heads + head) % kv->n_used;
}
static inline uint64_t kv_key(const kv_cache_t* kv, uint32_t layer, uint32_t head, uint32_t token) {
  const uint64_t stream = (layer * kv->n_kv_heads + head) / kv->n_used;
  return kv->base[kv_stack(kv, layer, head)] + stream * kv->stream_bytes + (uint64_t)token * kv->kv_stride;
}
static inline uint64_t kv_value(const kv_cache_t* kv, uint32_t layer, uint32_t head, uint32_t token) {
  return kv_key(kv, layer, head, token) + kv->value_bytes;
}
/** Query rows of a KV head beside its stream; its result rows. (batch, group, head_dim), rows kv_q_stride. */
static inline uint64_t kv_query(const kv_cache_t* kv, uint32_t layer, uint32_t head) {
  return kv->q_base[kv_stack(kv, layer, head)] + (uint64_t)head * 2u * kv->head_bytes;
}
static inline uint64_t kv_result(const kv_cache_t* kv, uint32_t layer, uint32_t head) {
  return kv_query(kv, layer, head) + kv->head_bytes;
}

#endif
