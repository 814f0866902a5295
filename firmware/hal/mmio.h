/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The only way to a register: 32-bit loads and stores. Drivers compiled for host tests with MEMWALL_MMIO_MOCK
 * go to the test's mock instead, which lists every access.
 */
#ifndef MEMWALL_HAL_MMIO_H
#define MEMWALL_HAL_MMIO_H

#include <stdint.h>

/** Address of a block's first register. */
typedef uint64_t mmio_t;

#ifdef MEMWALL_MMIO_MOCK
uint32_t mmio_read32(mmio_t base, uint32_t offset);
void mmio_write32(mmio_t base, uint32_t offset, uint32_t value);
static inline void mmio_fence(void) {}
#else
static inline uint32_t mmio_read32(mmio_t base, uint32_t offset) {
  return *(volatile uint32_t*)(uintptr_t)(base + offset);
}
static inline void mmio_write32(mmio_t base, uint32_t offset, uint32_t value) {
  *(volatile uint32_t*)(uintptr_t)(base + offset) = value;
}
/** Everything written to memory so far is there before the next register access. */
static inline void mmio_fence(void) { __asm__ volatile("fence" ::: "memory"); }
#endif

/** Value of a field; names as the generated headers make them: FIELD(UART_STATUS_TX_FULL, word). */
#define FIELD(name, word) (((word)&name##_MASK) >> name##_SHIFT)
/** A field's bits in place. */
#define FIELD_OF(name, value) (((uint32_t)(value) << name##_SHIFT) & name##_MASK)

#endif
