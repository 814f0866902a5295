/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * memset and memcpy by words: the C library's, built for size, go byte by byte, and the hart writes a
 * descriptor for every operation. Not for registers (see mmio.h).
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t __attribute__((may_alias)) word_t;

/* Or the compiler turns the loops into calls of the functions they are in. */
#define PLAIN_LOOPS __attribute__((optimize("no-tree-loop-distribute-patterns")))

PLAIN_LOOPS void* memset(void* to, int value, size_t bytes) {
  unsigned char* out = to;
  for (; bytes != 0 && ((uintptr_t)out & 7u) != 0; --bytes) *out++ = (unsigned char)value;
  const word_t pattern = 0x0101010101010101ull * (unsigned char)value;
  for (; bytes >= 32; bytes -= 32, out += 32) {
    word_t* words = (word_t*)out;
    words[0] = pattern;
    words[1] = pattern;
    words[2] = pattern;
    words[3] = pattern;
  }
  for (; bytes >= 8; bytes -= 8, out += 8) *(word_t*)out = pattern;
  for (; bytes != 0; --bytes) *out++ = (unsigned char)value;
  return to;
}

PLAIN_LOOPS void* memcpy(void* restrict to, const void* restrict from, size_t bytes) {
  unsigned char* out = to;
  const unsigned char* in = from;
  if ((((uintptr_t)out ^ (uintptr_t)in) & 7u) == 0) {
    for (; bytes != 0 && ((uintptr_t)out & 7u) != 0; --bytes) *out++ = *in++;
    for (; bytes >= 8; bytes -= 8, out += 8, in += 8) *(word_t*)out = *(const word_t*)in;
  }
  for (; bytes != 0; --bytes) *out++ = *in++;
  return to;
}
