// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Compiled floating-point code: a series, a division, a square root, conversions. Returns 0 if all is right.
#include <stdint.h>

static double square_root(double x) {
  double y;
  __asm__("fsqrt.d %0, %1" : "=f"(y) : "f"(x));
  return y;
}

int main(void) {
  volatile double one = 1.0;
  double sum = 0.0;
  for (int i = 1; i <= 1000; ++i) sum += one / ((double)i * i);
  if (!(sum > 1.6439345 && sum < 1.6439346)) return 1;  // pi^2/6 minus the tail
  if (square_root(2.0 * one) != 1.4142135623730951) return 2;
  volatile float third = 1.0f / 3.0f;
  if ((double)third != 0.3333333432674408) return 3;
  if ((int32_t)(-2.75 * one) != -2) return 4;
  volatile double big = 1e300;
  if ((int64_t)big != INT64_MAX) return 5;
  float dot = 0.0f;
  for (int i = 0; i < 64; ++i) dot = __builtin_fmaf((float)i, 0.5f, dot);
  if (dot != 1008.0f) return 6;
  return 0;
}
