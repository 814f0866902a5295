/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Turns candidates into a token. Plain f32, fixed order, own exponential: host and chip agree to the bit.
 *
 * Candidates come sorted by value descending, then index ascending. Greedy (temperature 0) takes the first.
 * Otherwise e[i] = exp((v[i] - v[0]) / temperature); total = sum of e in ascending i; the nucleus is the
 * shortest prefix whose running sum reaches top_p * total (at least one); u = 24 bits of the next random
 * number times 2^-24; the token is the first i whose running sum exceeds u * (sum of the nucleus). Random
 * numbers: splitmix64 from the request's seed, one per sampled token; greedy takes none.
 */
#ifndef MEMWALL_LLM_SAMPLER_H
#define MEMWALL_LLM_SAMPLER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SAMPLER_MAX_CANDIDATES 256u

/** As TOPK writes it; index 0xffffffff: no such candidate. */
typedef struct {
  float value;
  uint32_t index;
} candidate_t;

typedef struct {
  float temperature; /**< 0: greedy */
  float top_p;       /**< (0, 1] */
  uint64_t random;   /**< state of splitmix64 */
} sampler_t;

/** numerics::exp_f32, to the bit. */
float sampler_exp(float x);
uint64_t sampler_next_random(uint64_t* state);
/** The token of one step. n is 1..SAMPLER_MAX_CANDIDATES. */
uint32_t sampler_choose(sampler_t* sampler, const candidate_t* candidates, uint32_t n);
/** Merges n_lists sorted lists of k candidates into the k best, in order. Lists follow each other in `in`. */
void sampler_merge(const candidate_t* in, uint32_t n_lists, uint32_t k, candidate_t* out);

#ifdef __cplusplus
}
#endif
#endif
