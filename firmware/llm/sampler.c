/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "llm/sampler.h"

#include <string.h>

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}
static float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

float sampler_exp(float x) {
  const float log2e = 0x1.715476p+0f, rounder = 0x1.8p23f, ln2_high = 0x1.62ep-1f, ln2_low = 0x1.0bfbe8p-15f;
  if (x != x) return float_of(0x7fc00000u);
  if (x < -87.0f) return 0.0f;
  if (x > 88.0f) return float_of(0x7f800000u);
  const float t = x * log2e + rounder;
  const float n = t - rounder;
  const float r = (x - n * ln2_high) - n * ln2_low;
  float p = 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return float_of(bits_of(p) + ((bits_of(t) - bits_of(rounder)) << 23));
}

uint64_t sampler_next_random(uint64_t* state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

uint32_t sampler_choose(sampler_t* sampler, const candidate_t* candidates, uint32_t n) {
  if (!(sampler->temperature > 0.0f)) return candidates[0].index;
  const float u = (float)(sampler_next_random(&sampler->random) >> 40) * 0x1p-24f;

  float weight[SAMPLER_MAX_CANDIDATES];
  float total = 0.0f;
  uint32_t valid = 0;
  for (; valid < n && candidates[valid].index != 0xffffffffu; ++valid) {
    weight[valid] = sampler_exp((candidates[valid].value - candidates[0].value) / sampler->temperature);
    if (weight[valid] != weight[valid]) weight[valid] = 0.0f; /* NaN and infinity minus itself */
    total += weight[valid];
  }
  if (!(total > 0.0f)) return candidates[0].index;

  const float wanted = sampler->top_p * total;
  float nucleus = 0.0f;
  uint32_t kept = 0;
  do {
    nucleus += weight[kept++];
  } while (kept < valid && nucleus < wanted);

  const float target = u * nucleus;
  float running = 0.0f;
  for (uint32_t i = 0; i < kept; ++i) {
    running += weight[i];
    if (running > target) return candidates[i].index;
  }
  return candidates[kept - 1].index;
}

/* Value descending with NaN below everything, then index ascending: TOPK's order. */
static int comes_first(const candidate_t* a, const candidate_t* b) {
  const float low = float_of(0xff800000u);
  const float x = a->value != a->value ? low : a->value, y = b->value != b->value ? low : b->value;
  return x != y ? x > y : a->index < b->index;
}

void sampler_merge(const candidate_t* in, uint32_t n_lists, uint32_t k, candidate_t* out) {
  for (uint32_t i = 0; i < k; ++i) out[i] = in[i];
  candidate_t merged[SAMPLER_MAX_CANDIDATES];
  for (uint32_t list = 1; list < n_lists; ++list) {
    const candidate_t* other = in + (uint64_t)list * k;
    for (uint32_t i = 0, a = 0, b = 0; i < k; ++i)
      merged[i] = comes_first(&other[b], &out[a]) ? other[b++] : out[a++];
    for (uint32_t i = 0; i < k; ++i) out[i] = merged[i];
  }
}
