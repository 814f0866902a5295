/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The manifest: how whoever loaded the weights tells the firmware what is where. One per chip, at the address
 * in SYSCTRL.MANIFEST, little endian, shared by firmware (C11) and loader (C++17). All addresses are chip
 * physical addresses. All reads are plain loads, so the manifest may live in any memory.
 *
 * Reduction slices. Row-parallel matrices (wo, w2) are cut into n_slices along the reduction; slice s owns KV
 * heads [s*n_kv_heads/n_slices, (s+1)*n_kv_heads/n_slices), the query heads that share them, and the hidden
 * units [h(s), h(s+1)), h(s) = manifest_hidden_begin(). Chip c of n_chips runs
 * slices [c*n_slices/n_chips, (c+1)*n_slices/n_chips). Partial results of ALL slices are added in ascending
 * slice order, whatever the number of chips, so that the number of chips never changes a token. A slice may
 * be empty (n_kv_heads < n_slices): its tensors have rows or cols 0 and it contributes nothing, not even a
 * zero. The output matrix is cut by vocabulary rows, per chip: [c*vocab/n_chips, (c+1)*vocab/n_chips).
 */
#ifndef MEMWALL_MANIFEST_H
#define MEMWALL_MANIFEST_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MANIFEST_MAGIC 0x464e4d4du /* "MMNF" */
#define MANIFEST_VERSION 2u
#define MANIFEST_MAX_STACKS 16u
#define MANIFEST_MAX_CUBES 8u

/** Element formats; the values of the compute descriptor's format field. */
enum { FORMAT_F32 = 0, FORMAT_F16 = 1, FORMAT_BF16 = 2, FORMAT_MXINT8 = 3 };

/** A matrix (rows, cols), row-major, rows row_stride bytes apart. A vector is one row. */
typedef struct {
  uint64_t address;
  uint64_t scale_address; /**< MXINT8: E8M0 scales (rows, ceil(cols/32)); else 0 */
  uint32_t rows;
  uint32_t cols;
  uint32_t row_stride;   /**< bytes, multiple of 32 */
  uint32_t scale_stride; /**< bytes, multiple of 32; 0 without scales */
  uint32_t format;
  uint32_t reserved;
} manifest_tensor_t; /* 40 bytes */

/** Per layer and local slice. Rows are outputs, cols the reduction. */
typedef struct {
  manifest_tensor_t wq; /**< (slice q heads * head_dim, dim) */
  manifest_tensor_t wk; /**< (slice kv heads * head_dim, dim) */
  manifest_tensor_t wv; /**< (slice kv heads * head_dim, dim) */
  manifest_tensor_t wo; /**< (dim, slice q heads * head_dim) */
  manifest_tensor_t w1; /**< (slice hidden, dim), gate */
  manifest_tensor_t w3; /**< (slice hidden, dim), up */
  manifest_tensor_t w2; /**< (dim, slice hidden), down */
} manifest_slice_t;

/** Memory that the firmware manages itself: KV cache and engine buffers, in one HBM stack. */
typedef struct {
  uint64_t base;
  uint64_t bytes;
  uint32_t has_pnm; /**< 1: PNM unit i sits on this stack and can reach only it */
  uint32_t reserved;
} manifest_arena_t;

/** What belongs into one HBF cube: whole pages from the start of its window on. */
typedef struct {
  uint64_t address; /**< start of the cube's window */
  uint64_t bytes;   /**< multiple of 4096; 0: nothing */
} manifest_hbf_range_t;

typedef struct {
  uint32_t magic;
  uint32_t version;
  uint32_t size_bytes; /**< of the whole manifest */
  uint32_t chip;
  uint32_t n_chips;
  uint32_t n_slices;
  /* model shape */
  uint32_t dim;
  uint32_t hidden_dim;
  uint32_t n_layers;
  uint32_t n_heads;
  uint32_t n_kv_heads;
  uint32_t head_dim;
  uint32_t vocab_size;
  uint32_t max_context; /**< of the model; memory may allow less */
  float rms_epsilon;
  uint32_t kv_format;     /**< FORMAT_F32 or FORMAT_F16 */
  uint32_t prefill_batch; /**< prompt tokens per pass, at least 1 */
  uint32_t n_arenas;      /**< HBM stacks of this chip */
  /* where things are */
  uint64_t layers_address; /**< of manifest_layer tables: see manifest_norms_t and manifest_slice_t below */
  manifest_tensor_t token_embedding; /**< (vocab_size, dim), F32 or F16 */
  manifest_tensor_t output_norm;     /**< (1, dim), F32 */
  manifest_tensor_t output;          /**< (rows of this chip, dim) */
  manifest_tensor_t rope_table;      /**< (max_context, head_dim) F32: cos, sin of pair j at 2j, 2j+1 */
  manifest_arena_t arenas[MANIFEST_MAX_STACKS];
  /* HBF */
  uint32_t hbf_load;     /**< 0: the cubes hold their contents already; 1: the firmware writes them, see
                              HOST_COMPLETION_LOAD */
  uint32_t kv_in_hbf;    /**< 1: the KV cache lives in the first cube, not in the arenas */
  uint32_t n_hbf_ranges; /**< cubes of this chip */
  uint32_t reserved;
  manifest_hbf_range_t hbf_ranges[MANIFEST_MAX_CUBES];
} manifest_t;

/** For each layer, in order, at layers_address: one manifest_norms_t, then one manifest_slice_t per local
 * slice. */
typedef struct {
  manifest_tensor_t attention_norm; /**< (1, dim), F32 */
  manifest_tensor_t ffn_norm;       /**< (1, dim), F32 */
} manifest_norms_t;

/** First slice boundary helper shared by both sides: KV heads before slice s. */
static inline uint32_t manifest_kv_head_begin(uint32_t n_kv_heads, uint32_t n_slices, uint32_t s) {
  return (uint32_t)((uint64_t)n_kv_heads * s / n_slices);
}
/** Hidden units before slice s, a multiple of 32 except at the end. */
static inline uint32_t manifest_hidden_begin(uint32_t hidden_dim, uint32_t n_slices, uint32_t s) {
  const uint64_t blocks = ((uint64_t)hidden_dim + 31u) / 32u;
  const uint64_t begin = blocks * s / n_slices * 32u;
  return (uint32_t)(begin < hidden_dim ? begin : hidden_dim);
}

#ifdef __cplusplus
}
#endif
#endif
