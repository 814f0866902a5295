/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cubes.h"

#include <string.h>

#include "hal/event.h"
#include "map/memory_map.h"
#include "runtime/console.h"
#include "runtime/format.h"
#include "runtime/host_link.h"

/* Rows of blocks whose age is kept; a row of the usual cube is 400 MiB. The driver says if there are more. */
#define ROWS 2048u
#define STREAM_ENTRIES 4096u
/* The staging area of the mailbox RAM, cut into the writer's slots. */
#define STAGING_BYTES (MAP_MAILBOX_RAM_SIZE - HOST_STAGING_OFFSET)
#define STAGING_SLOTS 8u
#define SLOT_PAGES (STAGING_BYTES / STAGING_SLOTS / HBF_PAGE_BYTES)
/* Blocks whose read counter is asked for at a time. */
#define SCAN_BLOCKS 4u
/* Overdue blocks that are refreshed between two passes, at most. */
#define BLOCKS_PER_PASS 8u
#define SCAN_PERIOD_US 1000000u

_Static_assert(SLOT_PAGES >= 1 && SLOT_PAGES * STAGING_SLOTS <= HBF_WRITER_PAGES, "staging area");

typedef struct {
  uint32_t index;
  uint64_t base; /* of its window */
  hbf_t hbf;
  hbf_health_t health;
  hbf_source_t source;
  uint32_t first_extent, n_extents; /* of the stream table */
  uint64_t cut_bytes;               /* of a pass, that the stream table has no room for */
  bool streams;
  bool paused; /* reading ahead has stopped until the next pass */
} cube_t;

static const hbf_policy_t policy = HBF_DEFAULT_POLICY;
static cube_t cubes[MANIFEST_MAX_CUBES];
static uint32_t n_cubes;
static volatile uint32_t interrupted; /* bit i: cube i has raised its line */
static uint32_t row_written[MANIFEST_MAX_CUBES][ROWS];
/* One more than is used, to see that it would have been. */
static hbf_extent_t extents[STREAM_ENTRIES + 1] __attribute__((aligned(64), section(".noinit")));
static uint32_t learning; /* cube whose reads are listed, counting from 1 */
static uint64_t next_scan_us;
static bool retry_in_force;
static uint32_t staging_uses;

/* ---- What the driver needs. ---- */

static uint64_t now_us(void* context) {
  (void)context;
  return event_now_us();
}
static void wait_us(void* context, uint32_t us) {
  (void)context;
  (void)event_wait(event_deadline(us));
}
static void print(void* context, const char* format, ...) {
  char line[CONSOLE_LINE];
  va_list args;
  va_start(args, format);
  (void)format_line(line, sizeof line, format, args);
  va_end(args);
  console_print("hbf%u: %s", (unsigned)((const cube_t*)context)->index, line);
}

static void on_interrupt(void* context) {
  cube_t* cube = context;
  if (hbf_clear_interrupt(cube->hbf.registers) != 0) interrupted |= 1u << cube->index;
}

/* The host's copy, by the staging area. */
static status_t get_from_host(void* context, uint32_t slot, uint64_t first, uint32_t stride, uint32_t* pages,
                              uint64_t* address) {
  const cube_t* cube = context;
  const uint32_t offset = HOST_STAGING_OFFSET + slot * SLOT_PAGES * HBF_PAGE_BYTES;
  *address = MAP_MAILBOX_RAM_BASE + offset;
  ++staging_uses;
  return host_fetch(offset, cube->base + first * HBF_PAGE_BYTES, stride == 1 ? 0 : stride * HBF_PAGE_BYTES,
                    *pages * HBF_PAGE_BYTES);
}

/* ---- Bring-up and loading. ---- */

status_t cubes_open(uint32_t n) {
  n_cubes = n < MANIFEST_MAX_CUBES ? n : MANIFEST_MAX_CUBES;
  for (uint32_t i = 0; i < n_cubes; ++i) {
    cube_t* cube = &cubes[i];
    cube->index = i;
    cube->base = MAP_HBF_BASE(i);
    cube->source = (hbf_source_t){
        .context = cube, .slots = STAGING_SLOTS, .slot_pages = SLOT_PAGES, .get = get_from_host};
    cube->hbf.registers = MAP_HBF_CTRL_BASE(i);
    event_attach(IRQ_HBF(i), on_interrupt, cube);
    const hbf_os_t os = {.context = cube, .now_us = now_us, .wait_us = wait_us, .print = print};
    const status_t status = hbf_open(&cube->hbf, MAP_HBF_CTRL_BASE(i), &os, &policy);
    if (status != STATUS_OK) {
      console_print("hbf%u: not brought up", (unsigned)i);
      return status;
    }
    hbf_health_init(&cube->health, &cube->hbf, row_written[i], ROWS);
    const hbf_t* h = &cube->hbf;
    console_print("hbf%u: %u channels x %u lanes, %u MiB, grade %u, %u MB/s, tR %u ns, tPROG %u ns",
                  (unsigned)i, (unsigned)h->geometry.channels, (unsigned)h->geometry.lanes,
                  (unsigned)(hbf_bytes(h) >> 20), (unsigned)h->grade, (unsigned)hbf_read_mbytes_per_s(h),
                  (unsigned)h->tr_ns, (unsigned)h->tprog_ns);
  }
  return STATUS_OK;
}

uint32_t cubes_count(void) { return n_cubes; }
uint32_t cubes_staging_uses(void) { return staging_uses; }
hbf_t* cubes_device(uint32_t cube) { return &cubes[cube].hbf; }
hbf_health_t* cubes_health(uint32_t cube) { return &cubes[cube].health; }

typedef struct {
  cubes_progress_t tell;
  void* context;
  uint64_t before, total; /* pages */
  uint32_t told;          /* percent, rounded down to tens */
} progress_t;

static void on_pages(void* context, uint64_t pages) {
  progress_t* p = context;
  const uint64_t done = p->before + pages;
  const uint32_t percent = (uint32_t)(done * 100u / p->total);
  if (percent / 10u == p->told / 10u || p->tell == 0) return;
  p->told = percent;
  p->tell(p->context, percent, (uint32_t)(done * HBF_PAGE_BYTES >> 20));
}

status_t cubes_load(const manifest_t* m, cubes_progress_t tell, void* context) {
  if (m->n_hbf_ranges > n_cubes) {
    console_print("manifest names %u HBF cubes, there are %u", (unsigned)m->n_hbf_ranges, (unsigned)n_cubes);
    return STATUS_UNSUPPORTED;
  }
  progress_t progress = {.tell = tell, .context = context};
  for (uint32_t i = 0; i < m->n_hbf_ranges; ++i) {
    const manifest_hbf_range_t* r = &m->hbf_ranges[i];
    if (r->address != cubes[i].base || r->bytes % HBF_PAGE_BYTES != 0 ||
        r->bytes > hbf_bytes(&cubes[i].hbf)) {
      console_print("hbf%u: the manifest's contents do not fit", (unsigned)i);
      return STATUS_UNSUPPORTED;
    }
    progress.total += r->bytes / HBF_PAGE_BYTES;
  }
  if (progress.total == 0) return STATUS_OK;
  if (m->hbf_load != 0 && tell != 0) tell(context, 0, 0);
  for (uint32_t i = 0; i < m->n_hbf_ranges; ++i) {
    cube_t* cube = &cubes[i];
    const hbf_range_t range = {
        .first = 0, .pages = m->hbf_ranges[i].bytes / HBF_PAGE_BYTES, .source = &cube->source};
    if (range.pages == 0) continue;
    hbf_writer_init(&cube->health.writer, &cube->hbf, &cube->source);
    const uint64_t begin = event_now_us();
    const status_t status = m->hbf_load != 0 ? hbf_health_load(&cube->health, &range, on_pages, &progress)
                                             : hbf_health_add_present(&cube->health, &range);
    if (status != STATUS_OK) {
      console_print("hbf%u: %s, status %u", (unsigned)i,
                    m->hbf_load != 0 ? "not loaded" : "contents not taken over", (unsigned)status);
      return status;
    }
    progress.before += range.pages;
    if (m->hbf_load == 0) {
      console_print("hbf%u: already holds %u pages", (unsigned)i, (unsigned)range.pages);
      continue;
    }
    const hbf_writer_counters_t* c = &cube->health.writer.counters;
    const uint64_t us = event_now_us() - begin;
    console_print("hbf%u: %u pages programmed in %u us, %u MB/s; %u blocks replayed, %u resumed, %u retired",
                  (unsigned)i, (unsigned)c->pages, (unsigned)us,
                  (unsigned)(us != 0 ? c->pages * HBF_PAGE_BYTES / us : 0), (unsigned)c->replays,
                  (unsigned)c->resends, (unsigned)c->retired);
  }
  return STATUS_OK;
}

/* ---- Faults and maintenance. ---- */

bool cubes_recover(uint64_t address, uint32_t attempt) {
  const uint64_t i = (address - MAP_HBF_BASE(0)) / MAP_HBF_SIZE;
  if (address < MAP_HBF_BASE(0) || i >= n_cubes) return false;
  interrupted &= ~(1u << i);
  retry_in_force = true;
  cube_t* cube = &cubes[i];
  if (cube->streams && !cube->paused) {
    /* Its failures would crowd out those of the read that is to be cured. */
    hbf_stream_stop(cube->hbf.registers);
    cube->paused = true;
  }
  if (!hbf_is_enabled(&cube->hbf)) {
    /* NAND keeps its contents; what was torn shows as lost, page by page. */
    console_print("hbf%u: was reset or lost its power; brought up again", (unsigned)i);
    return hbf_reopen(&cube->hbf, &policy) == STATUS_OK;
  }
  return hbf_health_recover(&cube->health, attempt);
}

status_t cubes_fence(void) {
  status_t status = STATUS_OK;
  for (uint32_t i = 0; interrupted >> i != 0; ++i) {
    if ((interrupted >> i & 1u) == 0) continue;
    interrupted &= ~(1u << i);
    hbf_health_take_events(&cubes[i].health);
  }
  if (!retry_in_force) return STATUS_OK;
  retry_in_force = false;
  for (uint32_t i = 0; i < n_cubes; ++i) {
    const status_t settled = hbf_health_settle(&cubes[i].health);
    if (settled != STATUS_OK) status = settled;
  }
  return status;
}

bool cubes_idle(void) {
  for (uint32_t i = 0; i < n_cubes; ++i) {
    bool done = false;
    if (hbf_health_service(&cubes[i].health, true, &done) == STATUS_OK && done) return true;
  }
  if (n_cubes != 0 && event_now_us() >= next_scan_us) {
    next_scan_us = event_now_us() + SCAN_PERIOD_US;
    for (uint32_t i = 0; i < n_cubes; ++i)
      if (hbf_health_scan(&cubes[i].health, SCAN_BLOCKS) != STATUS_OK)
        console_print("hbf%u: read counters do not answer", (unsigned)i);
  }
  return false;
}

/* ---- Read-ahead. ---- */

MUST_USE static status_t start_stream(cube_t* cube) {
  cube->paused = false;
  return hbf_stream_start(&cube->hbf, (uint64_t)(uintptr_t)&extents[cube->first_extent], cube->n_extents,
                          hbf_stream_depth(&cube->hbf), true);
}

/* A pass per cube, so that the lists follow each other in one table. */
status_t cubes_learn(bool* more) {
  *more = learning != n_cubes;
  if (*more) {
    const uint32_t first =
        learning == 0 ? 0 : cubes[learning - 1].first_extent + cubes[learning - 1].n_extents;
    cubes[learning].first_extent = first;
    cubes[learning].n_extents = 0;
    cubes[learning].cut_bytes = 0;
    ++learning;
    return STATUS_OK;
  }
  learning = 0;
  for (uint32_t i = 0; i < n_cubes; ++i) {
    cube_t* cube = &cubes[i];
    const uint32_t depth = hbf_stream_depth(&cube->hbf);
    cube->streams = cube->n_extents != 0 && depth != 0;
    if (!cube->streams) continue;
    const status_t status = start_stream(cube);
    if (status != STATUS_OK) return status;
    console_print("hbf%u: reads %u extents ahead, %u pages deep", (unsigned)i, (unsigned)cube->n_extents,
                  (unsigned)depth);
    if (cube->cut_bytes != 0)
      console_print("hbf%u: the read-ahead table is full, %u KiB of a pass are not read ahead", (unsigned)i,
                    (unsigned)(cube->cut_bytes >> 10));
  }
  return STATUS_OK;
}

void cubes_reads(uint64_t address, uint64_t bytes) {
  if (learning == 0 || learning > n_cubes) return;
  cube_t* cube = &cubes[learning - 1];
  if (address < cube->base || address - cube->base >= MAP_HBF_SIZE) return;
  const uint32_t room = STREAM_ENTRIES - cube->first_extent;
  cube->n_extents =
      hbf_stream_add(&extents[cube->first_extent], cube->n_extents, room + 1u, address - cube->base, bytes);
  if (cube->n_extents <= room) return;
  cube->n_extents = room;
  cube->cut_bytes += bytes;
}

status_t cubes_pass(void) {
  for (uint32_t i = 0; i < n_cubes; ++i) {
    cube_t* cube = &cubes[i];
    bool done = true;
    for (uint32_t n = 0; n < BLOCKS_PER_PASS && done && hbf_health_pending(&cube->health, true); ++n) {
      const status_t status = hbf_health_service(&cube->health, false, &done);
      if (status != STATUS_OK) return status;
    }
    if (!cube->streams) continue;
    if (cube->paused) {
      const status_t status = start_stream(cube);
      if (status != STATUS_OK) return status;
    } else {
      hbf_stream_restart(cube->hbf.registers, true);
    }
  }
  return STATUS_OK;
}

void cubes_print_wear(void) {
  for (uint32_t i = 0; i < n_cubes; ++i) {
    hbf_wear_t wear;
    if (hbf_wear(&cubes[i].hbf, &wear) != STATUS_OK) continue;
    const hbf_health_counters_t* c = &cubes[i].health.counters;
    console_print(
        "hbf%u: wear %u of %llu cycles (average %u), %u blocks remapped; %u hints, %u refreshes, %u "
        "rewrites, "
        "%u retries, %u waits",
        (unsigned)i, (unsigned)wear.max_cycles, (unsigned long long)wear.endurance,
        (unsigned)wear.average_cycles, (unsigned)wear.remapped, (unsigned)(c->hints_reads + c->hints_health),
        (unsigned)c->refreshes, (unsigned)c->rewrites, (unsigned)c->retries, (unsigned)c->waits);
  }
}
