/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cube_store.h"

#include "drivers/dma.h"
#include "hal/event.h"
#include "host_protocol.h"
#include "map/memory_map.h"
#include "runtime/console.h"
#include "runtime/cubes.h"

#define COPY_TIMEOUT_US 100000u
/* The mailbox RAM's staging area: nothing is loaded while a block of ours is rewritten. */
#define STAGING_BASE (MAP_MAILBOX_RAM_BASE + HOST_STAGING_OFFSET)
#define STAGING_PAGES ((MAP_MAILBOX_RAM_SIZE - HOST_STAGING_OFFSET) / HBF_PAGE_BYTES)

static hbf_t* cube(void) { return cubes_device(0); }
static uint64_t window_address(uint64_t page) { return MAP_HBF_BASE(0) + page * HBF_PAGE_BYTES; }

MUST_USE static status_t copy_page(uint64_t to, uint64_t from) {
  status_t status = dma_start(MAP_DMA_BASE, to, from, HBF_PAGE_BYTES);
  if (status != STATUS_OK) return status;
  const uint64_t deadline = event_deadline(COPY_TIMEOUT_US);
  uint32_t code;
  while (!dma_take_result(MAP_DMA_BASE, &status, &code)) {
    if (event_now() >= deadline) return STATUS_TIMEOUT;
    (void)event_wait(event_deadline(2));
  }
  return status;
}

/* The first pages of a block, read before its rewrite erases them. They serve every attempt of that rewrite.
 */
typedef struct {
  hbf_block_t block;
  uint32_t epoch; /* in which they were read */
} held_t;

/* Changes when a rewrite has ended, and when somebody else uses the staging area. */
static uint32_t epoch(void) {
  const hbf_health_t* h = cubes_health(0);
  return h->counters.refreshes + h->counters.rewrites + cubes_staging_uses();
}

MUST_USE static status_t hold(held_t* held, hbf_block_t block, uint32_t pages, uint64_t buffer) {
  const hbf_geometry_t* g = &cube()->geometry;
  const uint64_t begin = hbf_block_first(g, block);
  if (held->block == block) return STATUS_OK;
  held->block = HBF_NO_BLOCK;
  for (uint32_t i = 0; i < pages; ++i) {
    const status_t status =
        copy_page(buffer + i * HBF_PAGE_BYTES, window_address(begin + (uint64_t)i * hbf_stripe_pages(g)));
    if (status != STATUS_OK) return status;
  }
  held->block = block;
  return STATUS_OK;
}

/* ---- Frozen context. ---- */

/* While it is written its source is the memory it comes from; later a refresh reads the block before it
 * writes it. */
static struct {
  uint64_t first, pages; /* of the window; pages 0: nothing */
  uint64_t span_pages;
  rt_span_t span;
  void* context;
  hbf_source_t spans, own;
  held_t held;
} frozen;

static status_t get_span(void* context, uint32_t slot, uint64_t first, uint32_t stride, uint32_t* pages,
                         uint64_t* address) {
  (void)context, (void)slot;
  const uint64_t page = first - frozen.first, at = page % frozen.span_pages;
  const uint64_t left = stride == 1 ? frozen.span_pages - at : 1;
  if (*pages > left) *pages = (uint32_t)left;
  *address = frozen.span(frozen.context, (uint32_t)(page / frozen.span_pages)) + at * HBF_PAGE_BYTES;
  return STATUS_OK;
}

static status_t get_own(void* context, uint32_t slot, uint64_t first, uint32_t stride, uint32_t* pages,
                        uint64_t* address) {
  (void)context, (void)slot, (void)pages;
  const hbf_geometry_t* g = &cube()->geometry;
  if (stride != hbf_stripe_pages(g)) return STATUS_NOT_FOUND; /* a reload: it is gone */
  const hbf_block_t block = hbf_block_at(g, first);
  const uint32_t used = hbf_block_pages_before(g, block, frozen.first + frozen.pages);
  if (used > STAGING_PAGES) return STATUS_FULL;
  if (frozen.held.epoch != epoch()) frozen.held = (held_t){HBF_NO_BLOCK, epoch()};
  const status_t status = hold(&frozen.held, block, used, STAGING_BASE);
  *address = STAGING_BASE + (first - hbf_block_first(g, block)) / stride * HBF_PAGE_BYTES;
  return status;
}

/* Behind everything else; the rows are set aside for good. */
static uint64_t first_free_page(void) { return cube()->used_rows * hbf_row_pages(&cube()->geometry); }
static uint64_t last_page(void) {
  return hbf_full_rows(&cube()->geometry) * hbf_row_pages(&cube()->geometry);
}

status_t store_freeze(uint32_t n, uint64_t bytes, rt_span_t span, void* context, uint64_t* base) {
  if (cubes_count() == 0 || n == 0 || bytes == 0) {
    console_print("no HBF to freeze a context in");
    return STATUS_UNSUPPORTED;
  }
  hbf_health_t* health = cubes_health(0);
  if (frozen.pages != 0)
    hbf_health_remove(health, frozen.first);
  else
    frozen.first = first_free_page();
  frozen.span_pages = (bytes + HBF_PAGE_BYTES - 1) / HBF_PAGE_BYTES;
  frozen.pages = n * frozen.span_pages;
  if (frozen.first + frozen.pages > last_page()) {
    frozen.pages = 0;
    console_print("hbf0: no room for a frozen context of %u MiB", (unsigned)(n * bytes >> 20));
    return STATUS_UNSUPPORTED;
  }
  frozen.span = span;
  frozen.context = context;
  frozen.held = (held_t){HBF_NO_BLOCK, 0};
  frozen.spans = (hbf_source_t){
      .slots = HBF_WRITER_SLOTS, .slot_pages = HBF_WRITER_PAGES / HBF_WRITER_SLOTS, .get = get_span};
  frozen.own = (hbf_source_t){.slots = 8, .slot_pages = HBF_WRITER_PAGES / 8, .get = get_own};
  const hbf_range_t range = {.first = frozen.first, .pages = frozen.pages, .source = &frozen.spans};
  const uint64_t begin = event_now_us();
  const status_t status = hbf_health_load(health, &range, 0, 0);
  if (status != STATUS_OK) {
    console_print("hbf0: context not frozen");
    hbf_health_remove(health, frozen.first);
    frozen.pages = 0;
    return status;
  }
  hbf_health_set_source(health, frozen.first, &frozen.own);
  *base = window_address(frozen.first);
  console_print("hbf0: %u pages of context frozen in %u us", (unsigned)frozen.pages,
                (unsigned)(event_now_us() - begin));
  return STATUS_OK;
}

/* ---- KV cache. ---- */

#define KV_RUNS 64u

static struct {
  uint64_t first, pages;
  uint64_t buffer;          /* a block's pages, for a replay */
  const rt_kv_rows_t* rows; /* being written */
  uint32_t n_rows;
  hbf_source_t source;
  held_t held;
} kv;

/* A page of what is being written, or, for a replay, an earlier one of its block: read before the first write
 * of the replay erases it. */
static status_t get_kv(void* context, uint32_t slot, uint64_t first, uint32_t stride, uint32_t* pages,
                       uint64_t* address) {
  (void)context, (void)slot;
  const hbf_geometry_t* g = &cube()->geometry;
  for (uint32_t i = 0; i < kv.n_rows; ++i) {
    const rt_kv_rows_t* r = &kv.rows[i];
    const uint64_t begin = (r->target - MAP_HBF_BASE(0)) / HBF_PAGE_BYTES;
    const uint32_t step = r->target_stride / HBF_PAGE_BYTES;
    if (first < begin || (first - begin) % step != 0 || (first - begin) / step >= r->rows) continue;
    const uint32_t row = (uint32_t)((first - begin) / step);
    const uint32_t left = stride == step ? r->rows - row : 1u;
    if (*pages > left) *pages = left;
    *address = r->source + (uint64_t)row * HBF_PAGE_BYTES;
    return STATUS_OK;
  }
  if (stride != hbf_stripe_pages(g)) return STATUS_NOT_FOUND;
  const hbf_block_t block = hbf_block_at(g, first);
  const uint32_t page = (uint32_t)((first - hbf_block_first(g, block)) / stride);
  /* The pages before the one that is being written, which is the last. */
  uint32_t before = 0;
  for (uint32_t i = 0; i < kv.n_rows; ++i) {
    const uint64_t begin = (kv.rows[i].target - MAP_HBF_BASE(0)) / HBF_PAGE_BYTES;
    for (uint32_t row = 0; row < kv.rows[i].rows; ++row) {
      const uint64_t at = begin + (uint64_t)row * (kv.rows[i].target_stride / HBF_PAGE_BYTES);
      if (hbf_block_at(g, at) == block) before = hbf_place(g, at).page;
    }
  }
  const status_t status = hold(&kv.held, block, before, kv.buffer);
  *pages = 1;
  *address = kv.buffer + (uint64_t)page * HBF_PAGE_BYTES;
  return status;
}

static uint32_t gcd(uint32_t a, uint32_t b) {
  while (b != 0) {
    const uint32_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

status_t store_kv_open(uint32_t rows, uint32_t tokens, uint64_t buffer, rt_kv_store_t* store) {
  if (cubes_count() == 0 || rows == 0) {
    console_print("no HBF for a KV cache");
    return STATUS_UNSUPPORTED;
  }
  const hbf_geometry_t* g = &cube()->geometry;
  const uint32_t stripe = hbf_stripe_pages(g);
  if ((uint64_t)g->block_pages * HBF_PAGE_BYTES > RT_KV_BUFFER_BYTES) {
    console_print("hbf0: blocks of %u pages are too large for a KV cache", (unsigned)g->block_pages);
    return STATUS_UNSUPPORTED;
  }
  /* Tokens so far apart that those of one stream walk all lanes, and their senses overlap. */
  uint32_t step = rows;
  while (gcd(step, stripe) != 1) ++step;
  if (kv.pages == 0) kv.first = first_free_page();
  const uint64_t room = last_page() > kv.first ? (last_page() - kv.first) / step : 0;
  if (tokens > room) tokens = (uint32_t)room;
  if (tokens == 0) {
    console_print("hbf0: no room for a KV cache");
    return STATUS_UNSUPPORTED;
  }
  hbf_health_t* health = cubes_health(0);
  if (kv.pages != 0) hbf_health_remove(health, kv.first);
  kv.pages = (uint64_t)tokens * step;
  kv.buffer = buffer;
  kv.held = (held_t){HBF_NO_BLOCK, 0};
  kv.source = (hbf_source_t){
      .slots = HBF_WRITER_SLOTS, .slot_pages = HBF_WRITER_PAGES / HBF_WRITER_SLOTS, .get = get_kv};
  /* No source: what is lost of a request's cache ends the request. */
  const hbf_range_t range = {.first = kv.first, .pages = kv.pages};
  const status_t status = hbf_health_add(health, &range);
  if (status != STATUS_OK) return status;
  *store = (rt_kv_store_t){.base = window_address(kv.first),
                           .token_stride = (uint64_t)step * HBF_PAGE_BYTES,
                           .tokens = tokens,
                           .idle_rows = step - rows,
                           .batch = stripe / step != 0 ? stripe / step : 1u};
  console_print("hbf0: KV cache of %u tokens, %u pages per token", (unsigned)tokens, (unsigned)step);
  return STATUS_OK;
}

status_t store_kv_append(const rt_kv_rows_t* rows, uint32_t n) {
  hbf_run_t runs[KV_RUNS];
  hbf_health_t* health = cubes_health(0);
  for (uint32_t done = 0; done < n;) {
    const uint32_t now = n - done < KV_RUNS ? n - done : KV_RUNS;
    for (uint32_t i = 0; i < now; ++i)
      runs[i] = (hbf_run_t){.first = (rows[done + i].target - MAP_HBF_BASE(0)) / HBF_PAGE_BYTES,
                            .stride = rows[done + i].target_stride / HBF_PAGE_BYTES,
                            .pages = rows[done + i].rows};
    kv.rows = rows + done;
    kv.n_rows = now;
    kv.held.block = HBF_NO_BLOCK;
    const status_t status = hbf_health_write_runs(health, &kv.source, runs, now);
    kv.n_rows = 0;
    if (status != STATUS_OK) return status;
    done += now;
  }
  return STATUS_OK;
}
