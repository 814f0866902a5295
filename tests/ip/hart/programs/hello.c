// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Writes through the HTIF system call proxy, then through the console device, and ends with code 42.
#include <stdint.h>

extern volatile uint64_t tohost, fromhost;

static volatile uint64_t block[8] __attribute__((aligned(64)));

static uint64_t host_write(const char* text, uint64_t bytes) {
  block[0] = 64;
  block[1] = 1;
  block[2] = (uint64_t)text;
  block[3] = bytes;
  tohost = (uint64_t)block;
  while (fromhost == 0) {
  }
  fromhost = 0;
  return block[0];
}

int main(void) {
  static const char kText[] = "hello from the hart\n";
  if (host_write(kText, sizeof kText - 1) != sizeof kText - 1) return 1;
  tohost = (uint64_t)1 << 56 | (uint64_t)1 << 48 | '!';
  block[0] = 12345;  // no such call
  tohost = (uint64_t)block;
  if ((int64_t)block[0] >= 0) return 2;
  return 42;
}
