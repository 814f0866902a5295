/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The token loop. The same source runs on every chip, and on the host as the reference.
 */
#ifndef MEMWALL_LLM_DECODE_H
#define MEMWALL_LLM_DECODE_H

#include "llm/kv_cache.h"
#include "llm/model.h"
#include "llm/sampler.h"
#include "runtime/collectives.h"
#include "runtime/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most prompt tokens per pass, whatever the manifest asks. */
#define DECODE_MAX_BATCH 512u

/** Scratchpad addresses. B tokens per pass, f32. */
typedef struct {
  uint32_t batch;      /**< B */
  uint64_t message;    /**< commands and candidates on their way out */
  uint64_t x;          /**< (B, dim) residual stream */
  uint64_t xn;         /**< (B, dim) normalised */
  uint64_t norm;       /**< (dim) norm weight */
  uint64_t rope;       /**< (B, head_dim) cos, sin */
  uint64_t q;          /**< (B, query heads of a slice, head_dim) */
  uint64_t k;          /**< (B, KV heads of a slice, head_dim) */
  uint64_t v;          /**< (B, KV heads of a slice, head_dim) */
  uint64_t attention;  /**< per slice: (B, its query heads, head_dim) */
  uint64_t gate;       /**< (B, hidden units of a slice) */
  uint64_t up;         /**< (B, hidden units of a slice) */
  uint64_t logits;     /**< (logit_rows) */
  uint64_t candidates; /**< (chunks, k) pairs */
  uint32_t logit_rows; /**< output rows per chunk */
  uint64_t work;       /**< tiles */
  uint32_t work_bytes;
} decode_buffers_t;

/** Chip 0's next pass, as the other chips get it. */
enum { COMMAND_FORWARD = 1, COMMAND_STOP = 2, COMMAND_FREEZE = 3, COMMAND_RESTORE = 4 };
typedef struct {
  uint32_t command;
  uint32_t n_tokens;
  uint32_t position; /**< FREEZE, RESTORE: tokens [0, position) */
  uint32_t k;
  uint32_t reserved[4];
  uint32_t tokens[DECODE_MAX_BATCH];
} command_t;
#define COMMAND_HEADER_BYTES 32u

typedef struct {
  rt_t* rt;
  rt_info_t info;
  model_t model;
  kv_cache_t kv;
  reduce_t reduce;
  decode_buffers_t at;
  uint32_t capacity;     /**< tokens, the least of all chips */
  float attention_scale; /**< 1 / sqrt(head_dim) */
  command_t command;
  rt_kv_rows_t kv_rows[64];                      /**< on their way to a cache in HBF */
  uint32_t frozen_tokens;                        /**< context kept in HBF; 0: none */
  uint64_t frozen_hash;                          /**< of its tokens */
  uint64_t frozen_base;                          /**< where this chip's part begins */
  bool broken;                                   /**< the chips lost step; nothing more can be generated */
  candidate_t lists[8 * SAMPLER_MAX_CANDIDATES]; /**< candidates waiting to be merged */
  candidate_t best[SAMPLER_MAX_CANDIDATES];
} decoder_t;

typedef struct {
  const uint32_t* prompt;
  uint32_t prompt_tokens;
  uint32_t frozen_tokens; /**< so many of them are frozen */
  uint32_t max_new_tokens;
  uint32_t eos_token;
  float temperature;
  float top_p;
  uint32_t top_k;
  uint64_t seed;
} generate_request_t;

/** Scores of one ATTENTION on the accelerator: at most half of the work area, the tiles get the rest. */
static inline uint32_t decode_accelerator_scores(uint32_t work_bytes) { return work_bytes / 8u; }

/** What the loop tells whoever asked. Both are optional. */
typedef struct {
  void* context;
  void (*prefill_done)(void* context);
  void (*token)(void* context, uint32_t token, uint32_t position);
} generate_sink_t;

/** Loads the model, lays out memory, meets the peers. */
status_t decoder_init(decoder_t* d, rt_t* rt, uint64_t manifest_address) MUST_USE;
/** Before the first request: shows the back-end in which order a pass reads the weights. */
status_t decoder_learn(decoder_t* d) MUST_USE;
/**
 * Chip 0: one request. OK at eos or max_new_tokens; CONTEXT_FULL when the KV cache is; the eos token is not
 * reported. Tokens reported before an error are valid.
 */
status_t decoder_generate(decoder_t* d, const generate_request_t* request,
                          const generate_sink_t* sink) MUST_USE;
/** Chip 0: prefills these tokens and keeps their keys and values in HBF, on every chip. */
status_t decoder_freeze(decoder_t* d, const uint32_t* tokens, uint32_t n_tokens) MUST_USE;
/** Chip 0: sends the peers home. */
status_t decoder_stop(decoder_t* d) MUST_USE;
/** Other chips: follows chip 0 until it says stop (STATUS_STOPPED) or something breaks. */
status_t decoder_follow(decoder_t* d) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
