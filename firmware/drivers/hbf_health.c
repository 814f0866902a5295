/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hbf_health.h"

#include <string.h>

#include "regs/hbf.h"

#define SAY(h, ...)                                                                     \
  do {                                                                                  \
    if ((h)->hbf->os.print != 0) (h)->hbf->os.print((h)->hbf->os.context, __VA_ARGS__); \
  } while (0)

static uint64_t now_us(const hbf_health_t* h) { return h->hbf->os.now_us(h->hbf->os.context); }
/* In age units; differences are right as long as they are below 2^32 of them. */
static uint32_t now_aged(const hbf_health_t* h) { return (uint32_t)(now_us(h) / 1000u / h->age_unit_ms); }

static void on_read_event(void* context, const hbf_event_t* event);

void hbf_health_init(hbf_health_t* h, hbf_t* hbf, uint32_t* row_written, uint32_t n_rows) {
  memset(h, 0, sizeof *h);
  h->hbf = hbf;
  h->row_written = row_written;
  h->n_rows = n_rows;
  h->retention_ms = hbf->retention_ns / 1000000u;
  h->age_unit_ms = 1u + (uint32_t)(h->retention_ms >> 30);
}

/* ---- Ranges. ---- */

static const hbf_range_t* range_of(const hbf_health_t* h, hbf_block_t block, uint32_t* pages) {
  const hbf_geometry_t* g = &h->hbf->geometry;
  const uint64_t first = hbf_block_first(g, block);
  for (uint32_t i = 0; i < h->n_ranges; ++i) {
    const hbf_range_t* r = &h->ranges[i];
    if (first < r->first || first >= r->first + r->pages) continue;
    *pages = hbf_block_pages_before(g, block, r->first + r->pages);
    return r;
  }
  return 0;
}

/* Block number `at` of a row, in window order. */
static hbf_block_t nth_block(const hbf_geometry_t* g, uint32_t row, uint32_t at) {
  return hbf_block_of(row, at % g->channels, at / g->channels);
}

static uint32_t last_row(const hbf_geometry_t* g, const hbf_range_t* r) {
  return (uint32_t)((r->first + r->pages - 1) / hbf_row_pages(g));
}

static void mark_written(hbf_health_t* h, const hbf_range_t* r) {
  const hbf_geometry_t* g = &h->hbf->geometry;
  for (uint32_t row = (uint32_t)(r->first / hbf_row_pages(g)); row <= last_row(g, r) && row < h->n_rows;
       ++row)
    if (h->row_written != 0) h->row_written[row] = now_aged(h);
}

status_t hbf_health_add(hbf_health_t* h, const hbf_range_t* range) {
  const hbf_geometry_t* g = &h->hbf->geometry;
  const uint64_t total = hbf_window_pages(g);
  if (range->pages == 0 || range->first % hbf_row_pages(g) != 0 || range->first >= total ||
      range->pages > total - range->first)
    return STATUS_BAD_ARGUMENT;
  if (h->n_ranges == HBF_HEALTH_RANGES) return STATUS_FULL;
  const status_t status = hbf_reserve_rows(h->hbf, last_row(g, range) + 1u);
  if (status != STATUS_OK) return status;
  h->ranges[h->n_ranges++] = *range;
  mark_written(h, range);
  if (h->row_written != 0 && h->retention_ms != 0 && last_row(g, range) >= h->n_rows)
    SAY(h, "contents in %u rows of blocks: only rows below %u are refreshed by age",
        (unsigned)last_row(g, range) + 1u, (unsigned)h->n_rows);
  return STATUS_OK;
}

/* Age of a row's contents: of the oldest of a few blocks, spread over those in use. */
MUST_USE static status_t ask_age(hbf_health_t* h, const hbf_range_t* r, uint32_t row, uint64_t* ms) {
  const hbf_geometry_t* g = &h->hbf->geometry;
  const uint64_t left = r->first + r->pages - row * hbf_row_pages(g);
  const uint32_t used = left < hbf_stripe_pages(g) ? (uint32_t)left : hbf_stripe_pages(g);
  const uint32_t asked = used < HBF_AGE_BLOCKS ? used : HBF_AGE_BLOCKS;
  *ms = 0;
  for (uint32_t i = 0; i < asked; ++i) {
    uint64_t ns = 0;
    const status_t status = hbf_block_age(h->hbf, nth_block(g, row, i * used / asked), &ns);
    if (status != STATUS_OK) return status;
    if (ns / 1000000u > *ms) *ms = ns / 1000000u;
  }
  return STATUS_OK;
}

status_t hbf_health_add_present(hbf_health_t* h, const hbf_range_t* range) {
  const hbf_geometry_t* g = &h->hbf->geometry;
  status_t status = hbf_health_add(h, range);
  if (status != STATUS_OK || h->row_written == 0 || h->retention_ms == 0) return status;
  const uint32_t first = (uint32_t)(range->first / hbf_row_pages(g));
  uint32_t end = last_row(g, range) + 1u;
  if (end > h->n_rows) end = h->n_rows;
  if (first >= end) return STATUS_OK;
  const uint32_t step = (end - first - 1u) / HBF_AGE_ROWS + 1u;
  uint64_t ms = 0;
  for (uint32_t row = first; row < end; ++row) {
    if ((row - first) % step == 0) {
      status = ask_age(h, range, row, &ms);
      if (status == STATUS_UNSUPPORTED) {
        SAY(h, "the cube does not tell the age of its blocks: taken as new");
        return STATUS_OK;
      }
      if (status != STATUS_OK) return status;
      /* Beyond the retention time all ages are the same. */
      if (ms > h->retention_ms) ms = h->retention_ms;
    }
    h->row_written[row] = now_aged(h) - (uint32_t)(ms / h->age_unit_ms);
  }
  return STATUS_OK;
}

void hbf_health_remove(hbf_health_t* h, uint64_t first) {
  for (uint32_t i = 0; i < h->n_ranges; ++i) {
    if (h->ranges[i].first != first) continue;
    h->ranges[i] = h->ranges[--h->n_ranges];
    return;
  }
}

void hbf_health_set_source(hbf_health_t* h, uint64_t first, const hbf_source_t* source) {
  for (uint32_t i = 0; i < h->n_ranges; ++i)
    if (h->ranges[i].first == first) h->ranges[i].source = source;
}

static void use_source(hbf_health_t* h, const hbf_source_t* source) {
  h->writer.hbf = h->hbf;
  h->writer.source = source;
  h->writer.on_read_event = on_read_event;
  h->writer.read_event_context = h;
  h->writer.on_progress = 0;
}

MUST_USE static status_t write_range(hbf_health_t* h, const hbf_range_t* r, void (*progress)(void*, uint64_t),
                                     void* context) {
  if (r->source == 0) return STATUS_BAD_ARGUMENT;
  use_source(h, r->source);
  h->writer.on_progress = progress;
  h->writer.progress_context = context;
  const status_t status = hbf_write(&h->writer, r->first, r->pages);
  if (status == STATUS_OK) mark_written(h, r);
  return status;
}

status_t hbf_health_load(hbf_health_t* h, const hbf_range_t* range, void (*progress)(void*, uint64_t),
                         void* context) {
  const status_t status = hbf_health_add(h, range);
  return status == STATUS_OK ? write_range(h, range, progress, context) : status;
}

status_t hbf_health_reload(hbf_health_t* h) {
  h->n_queue = h->n_faults = 0;
  h->sweeping = false;
  for (uint32_t i = 0; i < h->n_ranges; ++i) {
    if (h->ranges[i].source == 0) continue;
    const status_t status = write_range(h, &h->ranges[i], 0, 0);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

status_t hbf_health_write_runs(hbf_health_t* h, const hbf_source_t* source, const hbf_run_t* runs,
                               uint32_t n) {
  use_source(h, source);
  return hbf_write_runs(&h->writer, runs, n);
}

/* ---- Events. ---- */

static void forget(hbf_health_t* h, hbf_block_t block) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < h->n_queue; ++i)
    if (h->queue[i] != block) h->queue[kept++] = h->queue[i];
  h->n_queue = kept;
}

static void queue_refresh(hbf_health_t* h, hbf_block_t block) {
  uint32_t pages;
  const hbf_range_t* r = range_of(h, block, &pages);
  if (r == 0 || r->source == 0) return;
  for (uint32_t i = 0; i < h->n_queue; ++i) {
    if (h->queue[i] != block) continue;
    ++h->counters.collapsed;
    return;
  }
  if (h->n_queue == HBF_REFRESH_QUEUE) {
    ++h->counters.dropped;
    return;
  }
  h->queue[h->n_queue++] = block;
}

static void on_read_event(void* context, const hbf_event_t* e) {
  hbf_health_t* h = context;
  if (e->write || e->offset / HBF_PAGE_BYTES >= hbf_window_pages(&h->hbf->geometry)) return;
  if (e->code == HBF_READ_CORRECTED_HIGH) {
    if (e->info == HBF_HINT_READ_COUNT)
      ++h->counters.hints_reads;
    else
      ++h->counters.hints_health;
    queue_refresh(h, hbf_block_at(&h->hbf->geometry, e->offset / HBF_PAGE_BYTES));
    return;
  }
  if (e->code == HBF_READ_OK) return;
  if (e->prefetch) {
    /* Whoever wants the page reads it again, and most likely meets the same; until then there is time. */
    if (e->code == HBF_READ_UNCORRECTABLE)
      queue_refresh(h, hbf_block_at(&h->hbf->geometry, e->offset / HBF_PAGE_BYTES));
    return;
  }
  if (h->n_faults < sizeof h->faults / sizeof h->faults[0]) h->faults[h->n_faults++] = *e;
}

void hbf_health_take_events(hbf_health_t* h) {
  hbf_event_t e;
  for (uint32_t i = 0; i < 2u * HBF_EVENTS && hbf_take_event(h->hbf, &e); ++i) on_read_event(h, &e);
}

/* ---- Repair. ---- */

MUST_USE static status_t rewrite(hbf_health_t* h, hbf_block_t block) {
  uint32_t pages = 0;
  const hbf_range_t* r = range_of(h, block, &pages);
  if (r == 0) return STATUS_NOT_FOUND;
  if (r->source == 0) return STATUS_HARDWARE;
  use_source(h, r->source);
  const status_t status = hbf_write_block(&h->writer, block, pages);
  /* Requests that came up during the refresh are answered by it. */
  if (status == STATUS_OK) forget(h, block);
  return status;
}

static void say_lost(hbf_health_t* h, const hbf_event_t* e, const char* why) {
  SAY(h, "page at 0x%llx: read status 0x%x info %u: %s", (unsigned long long)e->offset, (unsigned)e->code,
      (unsigned)e->info, why);
}

MUST_USE static bool wait_a_little(hbf_health_t* h, const hbf_event_t* e, uint32_t attempt) {
  ++h->counters.waits;
  if (e->code == HBF_READ_BLOCKED && e->info == HBF_BLOCKED_SEVERE) {
    bool light;
    return hbf_cool_down(h->hbf, HBF_HOT_PATIENCE_US, &light) == STATUS_OK;
  }
  uint32_t ready = 0;
  if (e->code == HBF_READ_BLOCKED &&
      (hbf_sideband_read(h->hbf->registers,
                         (uint32_t)(e->offset / HBF_PAGE_BYTES % h->hbf->geometry.channels), HBF_SPACE_MMIO,
                         HBF_MM_BUCSTS_OFFSET, &ready) != STATUS_OK ||
       FIELD(HBF_MM_BUCSTS_RDY, ready) == 0)) {
    say_lost(h, e, "the channel is not enabled");
    return false;
  }
  /* 10 us, 20 us, ... 1 ms; together HBF_READ_WAIT_US. */
  const uint32_t us = attempt < 8 ? 10u << (attempt - 1u) : 1000u;
  if (attempt > HBF_READ_WAIT_US / 1000u) {
    say_lost(h, e, "still so after a second");
    return false;
  }
  hbf_sleep(h->hbf, us);
  return true;
}

/* How often a block has been lost since the last read went through. */
static uint32_t lost_again(hbf_health_t* h, hbf_block_t block) {
  for (uint32_t i = 0; i < h->n_lost; ++i)
    if (h->lost[i].block == block) return ++h->lost[i].times;
  if (h->n_lost < sizeof h->lost / sizeof h->lost[0]) {
    h->lost[h->n_lost].block = block;
    h->lost[h->n_lost++].times = 1;
  }
  return 1;
}

static bool cure(hbf_health_t* h, const hbf_event_t* e, uint32_t attempt) {
  const hbf_block_t block = hbf_block_at(&h->hbf->geometry, e->offset / HBF_PAGE_BYTES);
  status_t status = STATUS_OK;
  uint32_t times;
  switch (e->code) {
    case HBF_READ_OUT_OF_RANGE:
    case HBF_READ_UNUSABLE:
      status = hbf_retire(h->hbf, block, e->code == HBF_READ_UNUSABLE ? e->info : HBF_GRANULE_BLOCK);
      if (status == STATUS_OK) status = rewrite(h, block);
      ++h->counters.rewrites;
      break;
    case HBF_READ_UNCORRECTABLE:
    case HBF_READ_ERASED:
      times = lost_again(h, block);
      if (times > 2u * HBF_LOST_ATTEMPTS) {
        say_lost(h, e, "again and again, on a spare block too");
        return false;
      }
      if (times == HBF_LOST_ATTEMPTS + 1u) status = hbf_retire(h->hbf, block, HBF_GRANULE_BLOCK);
      if (status == STATUS_OK) status = rewrite(h, block);
      ++h->counters.rewrites;
      break;
    case HBF_READ_RETRY_WANTED:
      if (e->info > h->stage) h->stage = e->info;
      ++h->counters.retries;
      return hbf_set_retry_stage(h->hbf, h->stage) == STATUS_OK;
    case HBF_READ_RESTRICTED:
    case HBF_READ_BLOCKED:
    case HBF_READ_PENDING_CHUNK:
      return wait_a_little(h, e, attempt);
    case HBF_READ_UNDEFINED_USER:
      say_lost(h, e, "the command was malformed");
      return false;
    default:
      h->vendor_attempts = h->vendor_offset == e->offset ? h->vendor_attempts + 1 : 1;
      h->vendor_offset = e->offset;
      if (h->vendor_attempts <= HBF_READ_VENDOR_ATTEMPTS) return true;
      h->vendor_attempts = 0;
      say_lost(h, e, "a condition that only the vendor knows");
      return false;
  }
  if (status == STATUS_OK) return true;
  say_lost(h, e,
           status == STATUS_NOT_FOUND ? "nothing was written there"
           : status == STATUS_FULL    ? "no spare block is left"
                                      : "and it could not be written again");
  return false;
}

bool hbf_health_recover(hbf_health_t* h, uint32_t attempt) {
  hbf_health_take_events(h);
  if (h->n_faults == 0) {
    /* Events were lost, or another reader's recovery has cured it. */
    ++h->counters.unexplained;
    return ++h->blind_attempts <= 4u;
  }
  h->blind_attempts = 0;
  bool good = true;
  while (h->n_faults != 0 && good) {
    const hbf_event_t e = h->faults[0];
    /* One cure per block and code. */
    const hbf_block_t block = hbf_block_at(&h->hbf->geometry, e.offset / HBF_PAGE_BYTES);
    uint32_t kept = 0;
    for (uint32_t i = 1; i < h->n_faults; ++i)
      if (hbf_block_at(&h->hbf->geometry, h->faults[i].offset / HBF_PAGE_BYTES) != block ||
          h->faults[i].code != e.code)
        h->faults[kept++] = h->faults[i];
    h->n_faults = kept;
    good = cure(h, &e, attempt);
  }
  h->n_faults = 0;
  return good;
}

status_t hbf_health_settle(hbf_health_t* h) {
  h->blind_attempts = 0;
  h->n_lost = 0;
  if (h->stage == 0) return STATUS_OK;
  h->stage = 0;
  return hbf_set_retry_stage(h->hbf, 0);
}

/* ---- Refresh. ---- */

static bool row_is_older(const hbf_health_t* h, uint32_t row, uint32_t percent) {
  return h->retention_ms != 0 && row < h->n_rows && h->row_written != 0 &&
         (uint64_t)(now_aged(h) - h->row_written[row]) * h->age_unit_ms >= h->retention_ms * percent / 100u;
}

/* First used row of at least that age. */
static bool find_old_row(const hbf_health_t* h, uint32_t percent, uint32_t* row) {
  const hbf_geometry_t* g = &h->hbf->geometry;
  for (uint32_t i = 0; i < h->n_ranges; ++i) {
    const hbf_range_t* r = &h->ranges[i];
    if (r->source == 0) continue;
    for (uint32_t at = (uint32_t)(r->first / hbf_row_pages(g)); at <= last_row(g, r); ++at) {
      if (!row_is_older(h, at, percent)) continue;
      *row = at;
      return true;
    }
  }
  return false;
}

bool hbf_health_pending(hbf_health_t* h, bool urgent) {
  uint32_t row;
  if (find_old_row(h, urgent ? HBF_URGENT_PERCENT : HBF_REFRESH_PERCENT, &row)) return true;
  return urgent ? h->n_queue > HBF_REFRESH_QUEUE / 2u : h->n_queue != 0 || h->sweeping;
}

/* Next used block of the row that is being swept; false: the row is done. */
static bool sweep(hbf_health_t* h, hbf_block_t* block) {
  const hbf_geometry_t* g = &h->hbf->geometry;
  while (h->sweep_at < hbf_stripe_pages(g)) {
    uint32_t pages;
    *block = nth_block(g, h->sweep_row, h->sweep_at++);
    const hbf_range_t* r = range_of(h, *block, &pages);
    if (r != 0 && r->source != 0) return true;
  }
  if (h->sweep_row < h->n_rows) h->row_written[h->sweep_row] = h->sweep_begin;
  h->sweeping = false;
  return false;
}

status_t hbf_health_service(hbf_health_t* h, bool idle, bool* done) {
  *done = false;
  hbf_health_take_events(h);
  if (!hbf_health_pending(h, !idle)) return STATUS_OK;
  if (idle && !hbf_health_pending(h, true) && h->deferred < HBF_REFRESH_DEFERRALS && hbf_is_reading(h->hbf)) {
    ++h->deferred;
    return STATUS_OK;
  }
  h->deferred = 0;
  /* A hot cube gets hotter by programs: light throttling puts off what can wait. */
  bool light = false;
  status_t status = hbf_cool_down(h->hbf, HBF_HOT_PATIENCE_US, &light);
  if (status != STATUS_OK || (light && !hbf_health_pending(h, true))) return status;
  hbf_block_t block = HBF_NO_BLOCK;
  if (h->n_queue != 0) {
    block = h->queue[0];
  } else {
    if (!h->sweeping) {
      if (!find_old_row(h, idle ? HBF_REFRESH_PERCENT : HBF_URGENT_PERCENT, &h->sweep_row)) return STATUS_OK;
      h->sweeping = true;
      h->sweep_at = 0;
      h->sweep_begin = now_aged(h);
      ++h->counters.due_age;
    }
    if (!sweep(h, &block)) return STATUS_OK;
  }
  status = rewrite(h, block);
  if (status != STATUS_OK) {
    SAY(h, "block %u of lane %u, channel %u could not be refreshed", (unsigned)hbf_block_row(block),
        (unsigned)hbf_block_lane(block), (unsigned)hbf_block_channel(block));
    forget(h, block); /* the next hint, or its age, brings it back */
    return status;
  }
  ++h->counters.refreshes;
  *done = true;
  return STATUS_OK;
}

status_t hbf_health_scan(hbf_health_t* h, uint32_t blocks) {
  const hbf_geometry_t* g = &h->hbf->geometry;
  if (h->hbf->max_reads == 0 || h->n_ranges == 0) return STATUS_OK;
  for (uint32_t looked = 0; blocks != 0 && looked < 4u * hbf_stripe_pages(g); ++looked) {
    const hbf_block_t block = nth_block(g, h->scan_row, h->scan_at);
    if (++h->scan_at >= hbf_stripe_pages(g)) {
      h->scan_at = 0;
      if (++h->scan_row >= h->hbf->used_rows) h->scan_row = 0;
    }
    uint32_t pages;
    const hbf_range_t* r = range_of(h, block, &pages);
    if (r == 0 || r->source == 0) continue;
    --blocks;
    uint64_t reads = 0;
    const status_t status = hbf_block_reads(h->hbf, block, &reads);
    if (status != STATUS_OK) return status;
    if (reads < h->hbf->max_reads * HBF_READS_PERCENT / 100u) continue;
    ++h->counters.due_reads;
    queue_refresh(h, block);
  }
  return STATUS_OK;
}
