/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * How fast firmware can stream from HBF: brings the cubes up, writes a matrix into each of them through the
 * driver, and multiplies with it by the accelerator, first without and then with reading ahead at the
 * computed depth, then once after a power cycle. Prints 10^6 bytes per second, and what array and links would
 * allow. The matrix is all ones, so every result must be the number of columns.
 */
#include <string.h>

#include "boot/boot.h"
#include "drivers/hbf_stream.h"
#include "drivers/sysctrl.h"
#include "hal/event.h"
#include "map/memory_map.h"
#include "runtime/console.h"
#include "runtime/cubes.h"
#include "runtime/device.h"

enum { EXIT_OK = 0, EXIT_NO_PLATFORM = 1, EXIT_BAD_DATA = 2, EXIT_HARDWARE = 3 };

#define COLS 2048u  /* f16: a row is a page */
#define ROWS 16384u /* 64 MiB per cube */
#define PASSES 4u
#define ONE_F16 0x3c003c00u /* two of them */
#define SLOT_PAGES 16u

static uint32_t ones[HBF_PAGE_BYTES * SLOT_PAGES / 4u] __attribute__((aligned(64), section(".noinit")));

/* Every page is the same, so every slot is. */
static status_t get_ones(void* context, uint32_t slot, uint64_t first, uint32_t stride, uint32_t* pages,
                         uint64_t* address) {
  (void)context, (void)slot, (void)first, (void)stride, (void)pages;
  *address = (uint64_t)(uintptr_t)ones;
  return STATUS_OK;
}

static const hbf_source_t source = {
    .slots = HBF_WRITER_PAGES / SLOT_PAGES, .slot_pages = SLOT_PAGES, .get = get_ones};

MUST_USE static status_t write_matrices(void) {
  for (uint32_t i = 0; i < sizeof ones / sizeof ones[0]; ++i) ones[i] = ONE_F16;
  for (uint32_t i = 0; i < cubes_count(); ++i) {
    const hbf_range_t range = {.first = 0, .pages = ROWS, .source = &source};
    const uint64_t begin = event_now_us();
    const status_t status = hbf_health_load(cubes_health(i), &range, 0, 0);
    if (status != STATUS_OK) {
      console_print("hbf%u: not written, status %u", (unsigned)i, (unsigned)status);
      return status;
    }
    const uint64_t us = event_now_us() - begin;
    console_print("hbf%u: %u pages written at %u MB/s", (unsigned)i, ROWS,
                  (unsigned)((uint64_t)ROWS * HBF_PAGE_BYTES / us));
  }
  return STATUS_OK;
}

static uint64_t x_at, y_at;

/* One pass over the matrices of all cubes. */
static void read_all(rt_t* rt) {
  rt_pass(rt);
  for (uint32_t i = 0; i < cubes_count(); ++i) {
    const manifest_tensor_t matrix = {.address = MAP_HBF_BASE(i),
                                      .rows = ROWS,
                                      .cols = COLS,
                                      .row_stride = COLS * 2u,
                                      .format = FORMAT_F16};
    rt_matvec(rt, y_at, x_at, &matrix, 1);
  }
}

MUST_USE static status_t measure(rt_t* rt, const char* how) {
  const uint64_t begin = event_now();
  for (uint32_t pass = 0; pass < PASSES; ++pass) {
    read_all(rt);
    const status_t status = rt_fence(rt);
    if (status != STATUS_OK) return status;
  }
  const uint64_t ticks = event_now() - begin;
  sysctrl_inventory_t chip;
  if (sysctrl_read_inventory(MAP_SYSCTRL_BASE, &chip) != STATUS_OK) return STATUS_NOT_FOUND;
  const uint64_t bytes = (uint64_t)PASSES * cubes_count() * ROWS * HBF_PAGE_BYTES;
  uint64_t limit = 0;
  for (uint32_t i = 0; i < cubes_count(); ++i) limit += hbf_read_mbytes_per_s(cubes_device(i));
  /* Cubes take turns, so one of them is what there is. */
  limit /= cubes_count();
  const uint64_t rate = bytes / ticks * (chip.timebase_hz / 1000u) / 1000u;
  console_print("stream %s: %u MB/s of %u, %u permille", how, (unsigned)rate, (unsigned)limit,
                (unsigned)(rate * 1000u / limit));
  return STATUS_OK;
}

MUST_USE static bool results_are_good(rt_t* rt) {
  const float expected = (float)COLS;
  float y[64];
  for (uint32_t row = 0; row < ROWS; row += 64u) {
    rt_read(rt, y_at + row * 4u, y, sizeof y);
    for (uint32_t i = 0; i < 64u; ++i)
      if (y[i] != expected) {
        console_print("stream: row %u is wrong", (unsigned)(row + i));
        return false;
      }
  }
  return true;
}

int main(void) {
  sysctrl_inventory_t chip;
  if (sysctrl_read_inventory(MAP_SYSCTRL_BASE, &chip) != STATUS_OK) return EXIT_NO_PLATFORM;
  event_init(chip.timebase_hz);
  console_use_interrupts(true);
  if (boot_open_pmp() != STATUS_OK) return EXIT_NO_PLATFORM;
  rt_t* rt;
  if (device_open(&chip, &rt) != STATUS_OK || cubes_count() == 0) return EXIT_HARDWARE;
  rt_info_t info;
  rt_info(rt, &info);
  x_at = info.sram_base;
  y_at = x_at + COLS * 4u;
  const uint64_t work = y_at + ROWS * 4u;
  rt_set_work(rt, work, (uint32_t)(info.sram_base + info.sram_bytes - work));
  const float one = 1.0f;
  for (uint32_t i = 0; i < COLS; ++i) rt_write(rt, x_at + i * 4u, &one, sizeof one);

  status_t status = write_matrices();
  if (status == STATUS_OK) status = measure(rt, "without reading ahead");
  if (status == STATUS_OK && !results_are_good(rt)) return EXIT_BAD_DATA;
  if (status == STATUS_OK) {
    while (rt_learn(rt) != 0) read_all(rt);
    status = measure(rt, "at the computed depth");
  }
  if (status == STATUS_OK && !results_are_good(rt)) return EXIT_BAD_DATA;
  /* Without power the cubes keep what they hold, and forget that they were enabled. */
  for (uint32_t i = 0; i < cubes_count() && status == STATUS_OK; ++i)
    status = hbf_power_cycle(cubes_device(i));
  if (status == STATUS_OK) {
    read_all(rt);
    status = rt_fence(rt);
  }
  if (status == STATUS_OK && !results_are_good(rt)) return EXIT_BAD_DATA;
  if (status != STATUS_OK) return EXIT_HARDWARE;
  console_print("stream: done");
  return EXIT_OK;
}
