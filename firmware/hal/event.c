/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "hal/event.h"

#include "hal/csr.h"
#include "hal/mmio.h"
#include "map/memory_map.h"
#include "regs/clint.h"
#include "regs/plic.h"

static struct {
  event_handler_t handler;
  void* context;
} handlers[IRQ_SOURCES];
static uint32_t ticks_per_us;
static uint64_t armed;

static void arm(uint64_t deadline) {
  if (deadline == armed) return;
  /* High half first to the far future, so that no half-written value is in the past. */
  mmio_write32(MAP_CLINT_BASE, CLINT_MTIMECMP_HI_OFFSET, 0xffffffffu);
  mmio_write32(MAP_CLINT_BASE, CLINT_MTIMECMP_LO_OFFSET, (uint32_t)deadline);
  mmio_write32(MAP_CLINT_BASE, CLINT_MTIMECMP_HI_OFFSET, (uint32_t)(deadline >> 32));
  armed = deadline;
}

void event_init(uint32_t timebase_hz) {
  ticks_per_us = timebase_hz >= 1000000u ? timebase_hz / 1000000u : 1u;
  arm(EVENT_FOREVER - 1);
  arm(EVENT_FOREVER);
  mmio_write32(MAP_PLIC_BASE, PLIC_THRESHOLD_OFFSET, 0);
  for (uint32_t word = 0; word < PLIC_ENABLE_COUNT; ++word)
    mmio_write32(MAP_PLIC_BASE, PLIC_ENABLE_OFFSET(word), 0);
  csr_write(mie, MIP_MTIP | MIP_MEIP);
}

void event_attach(uint32_t source, event_handler_t handler, void* context) {
  handlers[source].handler = handler;
  handlers[source].context = context;
  mmio_write32(MAP_PLIC_BASE, PLIC_PRIORITY_OFFSET(source), 1);
  const uint32_t enabled = mmio_read32(MAP_PLIC_BASE, PLIC_ENABLE_OFFSET(source / 32u));
  mmio_write32(MAP_PLIC_BASE, PLIC_ENABLE_OFFSET(source / 32u), enabled | 1u << (source % 32u));
}

uint64_t event_now(void) { return csr_read(time); }

uint64_t event_now_us(void) { return event_now() / ticks_per_us; }

uint64_t event_deadline(uint32_t microseconds) {
  /* Rounded up to an eighth of the span, so that one wait after the other does not set the timer anew. */
  const uint64_t ticks = (uint64_t)microseconds * ticks_per_us;
  uint64_t grain = 1;
  while (grain < ticks / 16u) grain *= 2;
  return (event_now() + ticks + grain - 1) & ~(grain - 1);
}

bool event_wait(uint64_t deadline) {
  arm(deadline);
  uint64_t pending = csr_read(mip) & (MIP_MEIP | MIP_MTIP);
  if (pending == 0) {
    __asm__ volatile("wfi" ::: "memory");
    pending = csr_read(mip) & (MIP_MEIP | MIP_MTIP);
  }
  /* A bound, so that a source that cannot be silenced does not outlast the deadline. */
  for (uint32_t served = 0; (pending & MIP_MEIP) != 0 && served < IRQ_SOURCES; ++served) {
    const uint32_t source = mmio_read32(MAP_PLIC_BASE, PLIC_CLAIM_OFFSET);
    if (source == 0) break;
    if (source < IRQ_SOURCES && handlers[source].handler != 0)
      handlers[source].handler(handlers[source].context);
    mmio_write32(MAP_PLIC_BASE, PLIC_CLAIM_OFFSET, source);
    pending = csr_read(mip) & (MIP_MEIP | MIP_MTIP);
  }
  return (pending & MIP_MTIP) == 0;
}
