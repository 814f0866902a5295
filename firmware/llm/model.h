/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The model as this chip sees it: the manifest and its tables, copied to fast memory and checked. What the
 * firmware cannot run is refused by name.
 */
#ifndef MEMWALL_LLM_MODEL_H
#define MEMWALL_LLM_MODEL_H

#include <stdbool.h>

#include "runtime/ops.h"

#define MODEL_MAX_LAYERS 256u
#define MODEL_MAX_LAYER_SLICES 512u /**< layers times slices of one chip */
#define MODEL_MAX_SLICES 64u

typedef struct {
  manifest_t m;
  manifest_norms_t norms[MODEL_MAX_LAYERS];
  manifest_slice_t slices[MODEL_MAX_LAYER_SLICES]; /**< [layer * n_local + local slice] */
  uint32_t first_slice;                            /**< of this chip */
  uint32_t n_local;                                /**< slices of this chip */
  uint32_t group;                                  /**< query heads that share a KV head */
  uint32_t first_row;                              /**< of the output matrix on this chip */
  uint32_t output_rows;
  uint32_t local_kv_heads;   /**< of all slices of this chip */
  uint64_t attention_slices; /**< bit s: slice s has KV heads */
  uint64_t hidden_slices;    /**< bit s: slice s has hidden units */
} model_t;

static inline uint32_t model_kv_heads(const model_t* model, uint32_t slice) {
  return manifest_kv_head_begin(model->m.n_kv_heads, model->m.n_slices, slice + 1) -
         manifest_kv_head_begin(model->m.n_kv_heads, model->m.n_slices, slice);
}
static inline uint32_t model_hidden(const model_t* model, uint32_t slice) {
  return manifest_hidden_begin(model->m.hidden_dim, model->m.n_slices, slice + 1) -
         manifest_hidden_begin(model->m.hidden_dim, model->m.n_slices, slice);
}
static inline const manifest_slice_t* model_slice(const model_t* model, uint32_t layer, uint32_t local) {
  return &model->slices[layer * model->n_local + local];
}

/** Reads and checks the manifest at `address`. STATUS_UNSUPPORTED after saying why on the console. */
status_t model_load(model_t* model, rt_t* rt, uint64_t address) MUST_USE;

/** Bytes that one row of a tensor takes in a tile, its scales included. */
static inline uint64_t model_row_bytes(const manifest_tensor_t* t) {
  return (uint64_t)t->row_stride + t->scale_stride;
}

#endif
