// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// A compute loop as firmware has them: sieve, integer matrix product, sorting. Returns 0 if the results are
// right.
#include <stdint.h>

#define N 24
#define SIEVE 8192
#ifndef ROUNDS
#define ROUNDS 40
#endif

static uint8_t composite[SIEVE];
static int32_t a[N][N], b[N][N], c[N][N];
static uint32_t keys[512];

static unsigned primes(void) {
  unsigned count = 0;
  for (unsigned i = 0; i < SIEVE; ++i) composite[i] = 0;
  for (unsigned i = 2; i < SIEVE; ++i) {
    if (composite[i]) continue;
    ++count;
    for (unsigned k = i * i; k < SIEVE; k += i) composite[k] = 1;
  }
  return count;
}

static uint32_t product(uint32_t seed) {
  uint32_t sum = 0;
  for (int i = 0; i < N; ++i) {
    for (int j = 0; j < N; ++j) {
      a[i][j] = (int32_t)(seed = seed * 1664525u + 1013904223u) >> 16;
      b[i][j] = (int32_t)(seed = seed * 1664525u + 1013904223u) >> 16;
    }
  }
  for (int i = 0; i < N; ++i) {
    for (int j = 0; j < N; ++j) {
      int32_t s = 0;
      for (int k = 0; k < N; ++k) s += a[i][k] * b[k][j];
      c[i][j] = s;
      sum = sum * 31 + (uint32_t)s;
    }
  }
  return sum;
}

static int sorted(uint32_t seed) {
  for (int i = 0; i < 512; ++i) keys[i] = seed = seed * 1664525u + 1013904223u;
  for (int gap = 256; gap > 0; gap /= 2) {
    for (int i = gap; i < 512; ++i) {
      uint32_t key = keys[i];
      int j = i;
      for (; j >= gap && keys[j - gap] > key; j -= gap) keys[j] = keys[j - gap];
      keys[j] = key;
    }
  }
  for (int i = 1; i < 512; ++i) {
    if (keys[i - 1] > keys[i]) return 0;
  }
  return 1;
}

int main(void) {
  uint32_t first = 0;
  for (unsigned round = 0; round < ROUNDS; ++round) {
    if (primes() != 1028) return 1;
    uint32_t sum = product(7);
    if (round == 0) first = sum;
    if (sum != first) return 2;
    if (!sorted(round)) return 3;
  }
  return 0;
}
