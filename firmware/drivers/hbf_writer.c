/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hbf_writer.h"

#include <string.h>

#include "regs/hbf.h"

/* Without any page done for so long, and neither hot nor reset, the cube is lost. */
#define SILENCE_US 5000000u
#define MIN_WAIT_US 10u
#define MAX_WAIT_US 1000u

#define SAY(w, ...)                                                                     \
  do {                                                                                  \
    if ((w)->hbf->os.print != 0) (w)->hbf->os.print((w)->hbf->os.context, __VA_ARGS__); \
  } while (0)

static uint64_t now(const hbf_writer_t* w) { return w->hbf->os.now_us(w->hbf->os.context); }

void hbf_writer_init(hbf_writer_t* w, hbf_t* hbf, const hbf_source_t* source) {
  memset(w, 0, sizeof *w);
  w->hbf = hbf;
  w->source = source;
}

/* ---- What an answer means. ---- */

static hbf_suspect_t judge(const hbf_event_t* e) {
  hbf_suspect_t s = {.code = (uint8_t)e->code, .info = (uint8_t)e->info, .granule = HBF_GRANULE_BLOCK};
  switch (e->code) {
    case HBF_WRITE_OK:
      break;
    case HBF_WRITE_OUT_OF_RANGE:
      s.repair = HBF_REPAIR_RETIRE;
      break;
    case HBF_WRITE_UNUSABLE:
      s.repair = HBF_REPAIR_RETIRE;
      s.granule = (uint8_t)e->info;
      break;
    case HBF_WRITE_OVERLAP:
    case HBF_WRITE_PROGRAM_FAIL:
      s.repair = HBF_REPAIR_REPLAY;
      break;
    case HBF_WRITE_ORDER_VIOLATION:
      s.repair = e->info == HBF_ORDER_EARLIER_FAILED ? HBF_REPAIR_REPLAY : HBF_REPAIR_RESUME;
      break;
    case HBF_WRITE_OPEN_LIMIT:
    case HBF_WRITE_GATHER_TIMEOUT:
      s.repair = HBF_REPAIR_RESUME;
      break;
    case HBF_WRITE_BLOCKED:
      s.repair = HBF_REPAIR_RESUME;
      s.blocked = true;
      s.hot = e->info == HBF_BLOCKED_SEVERE;
      break;
    default:
      s.vendor = e->code >= HBF_STATUS_VENDOR;
      s.repair = s.vendor ? HBF_REPAIR_RESUME : HBF_REPAIR_GIVE_UP;
      break;
  }
  return s;
}

static void merge(hbf_suspect_t* into, const hbf_suspect_t* s) {
  if (s->page < into->page) into->page = s->page;
  if (s->end > into->end) into->end = s->end;
  into->blocked = into->blocked || s->blocked;
  into->hot = into->hot || s->hot;
  into->vendor = into->vendor || s->vendor;
  if (s->repair <= into->repair) return;
  into->repair = s->repair;
  into->granule = s->granule;
  into->code = s->code;
  into->info = s->info;
}

static void add_suspect(hbf_writer_t* w, const hbf_suspect_t* s) {
  for (uint32_t i = 0; i < w->n_suspects; ++i) {
    if (w->suspects[i].block != s->block) continue;
    merge(&w->suspects[i], s);
    return;
  }
  if (w->n_suspects < HBF_WRITER_PAGES)
    w->suspects[w->n_suspects++] = *s;
  else
    w->events_lost = true;
}

static void take_events(hbf_writer_t* w) {
  hbf_event_t e;
  /* Pages that are read ahead may fail faster than they are taken. */
  for (uint32_t i = 0; i < 4u * HBF_EVENTS && hbf_take_event(w->hbf, &e); ++i) {
    w->events_lost = w->events_lost || e.lost;
    if (!e.write) {
      if (w->on_read_event != 0) w->on_read_event(w->read_event_context, &e);
      continue;
    }
    if (e.offset / HBF_PAGE_BYTES >= hbf_window_pages(&w->hbf->geometry)) continue;
    hbf_suspect_t s = judge(&e);
    const hbf_place_t at = hbf_place(&w->hbf->geometry, e.offset / HBF_PAGE_BYTES);
    s.block = hbf_block_of(at.row, at.channel, at.lane);
    s.page = at.page;
    s.end = at.page + 1u;
    if (s.repair != HBF_REPAIR_NONE) add_suspect(w, &s);
  }
}

/* ---- The program queue. ---- */

static uint32_t in_flight(const hbf_writer_t* w) { return w->posted - w->finished; }

static uint32_t usable_slots(const hbf_writer_t* w) {
  const uint32_t entries = w->hbf->program_entries;
  return entries != 0 && entries < w->source->slots ? entries : w->source->slots;
}

/* At most *pages from `first` on; *pages becomes how many. */
MUST_USE static status_t post(hbf_writer_t* w, uint64_t first, uint32_t stride, uint32_t* pages) {
  const uint32_t slot = w->posted % w->source->slots;
  uint64_t address = 0;
  const status_t status = w->source->get(w->source->context, slot, first, stride, pages, &address);
  if (status != STATUS_OK) return status;
  const mmio_t r = w->hbf->registers;
  const uint64_t target = first * HBF_PAGE_BYTES;
  mmio_fence(); /* contents before the entry */
  mmio_write32(r, HBF_PROGRAM_SOURCE_LO_OFFSET, (uint32_t)address);
  mmio_write32(r, HBF_PROGRAM_SOURCE_HI_OFFSET, (uint32_t)(address >> 32));
  mmio_write32(r, HBF_PROGRAM_TARGET_LO_OFFSET, (uint32_t)target);
  mmio_write32(r, HBF_PROGRAM_TARGET_HI_OFFSET, (uint32_t)(target >> 32));
  mmio_write32(r, HBF_PROGRAM_STRIDE_OFFSET, stride);
  mmio_write32(r, HBF_PROGRAM_GO_OFFSET,
               FIELD_OF(HBF_PROGRAM_GO_PAGES, *pages) | FIELD_OF(HBF_PROGRAM_GO_TAG, w->posted));
  w->entries[slot] = (hbf_program_entry_t){.first = first, .stride = stride, .pages = *pages};
  ++w->posted;
  return STATUS_OK;
}

/* Notes what is done. */
static void take_done(hbf_writer_t* w) {
  const mmio_t r = w->hbf->registers;
  for (;;) {
    const uint32_t done = mmio_read32(r, HBF_PROGRAM_DONE_OFFSET);
    if (FIELD(HBF_PROGRAM_DONE_VALID, done) == 0) break;
    mmio_write32(r, HBF_PROGRAM_POP_OFFSET, FIELD_OF(HBF_PROGRAM_POP_POP, 1));
    /* Tags of entries in flight differ in their low bits. */
    for (uint32_t i = w->finished; i != w->posted; ++i) {
      hbf_program_entry_t* e = &w->entries[i % w->source->slots];
      if ((i & 0xffffu) != FIELD(HBF_PROGRAM_DONE_TAG, done)) continue;
      e->done = true;
      e->failed = FIELD(HBF_PROGRAM_DONE_FAILED, done) != 0 || FIELD(HBF_PROGRAM_DONE_BUS_ERROR, done) != 0;
      w->source_failed = w->source_failed || FIELD(HBF_PROGRAM_DONE_BUS_ERROR, done) != 0;
    }
  }
}

static bool oldest_is_done(hbf_writer_t* w) {
  take_done(w);
  return w->entries[w->finished % w->source->slots].done;
}

/* Waits until the oldest entry is done. */
MUST_USE static status_t wait_oldest(hbf_writer_t* w) {
  const uint64_t begin = now(w);
  uint32_t wait = MIN_WAIT_US;
  while (!oldest_is_done(w)) {
    if (now(w) - begin > SILENCE_US) {
      if (!hbf_is_enabled(w->hbf)) return STATUS_RESET;
      bool light;
      const status_t status = hbf_cool_down(w->hbf, HBF_HOT_PATIENCE_US, &light);
      if (status != STATUS_OK) return status;
      if (oldest_is_done(w)) return STATUS_OK;
      SAY(w, "a page program is not answered");
      return STATUS_TIMEOUT;
    }
    w->hbf->os.wait_us(w->hbf->os.context, wait);
    if (wait < MAX_WAIT_US) wait *= 2;
  }
  return STATUS_OK;
}

/* Entries that are done, oldest first; those behind one that is not are left. */
static void retire_entries(hbf_writer_t* w, bool counts) {
  while (w->finished != w->posted && w->entries[w->finished % w->source->slots].done) {
    const hbf_program_entry_t* e = &w->entries[w->finished % w->source->slots];
    if (counts) w->counters.pages += e->pages;
    ++w->finished;
  }
}

/* Which blocks of a failed entry are suspect when events were lost: all of them, from page 0 on. */
static void suspect_all(hbf_writer_t* w, const hbf_program_entry_t* e) {
  for (uint32_t k = 0; k < e->pages; ++k) {
    const hbf_place_t at = hbf_place(&w->hbf->geometry, e->first + (uint64_t)k * e->stride);
    const hbf_suspect_t s = {.block = hbf_block_of(at.row, at.channel, at.lane),
                             .page = 0,
                             .end = at.page + 1u,
                             .repair = HBF_REPAIR_REPLAY,
                             .granule = HBF_GRANULE_BLOCK};
    add_suspect(w, &s);
  }
}

/* ---- Repair of one block; nothing else is in flight. ---- */

MUST_USE static status_t wait_for_die(hbf_writer_t* w, const hbf_suspect_t* s, uint64_t since, uint32_t* us) {
  ++w->counters.waits;
  if (!hbf_is_enabled(w->hbf)) return STATUS_RESET;
  if (s->hot) {
    bool light;
    return hbf_cool_down(w->hbf, HBF_HOT_PATIENCE_US, &light);
  }
  if (now(w) - since > HBF_BLOCKED_PATIENCE_US) {
    SAY(w, "a die has been blocked for %u us", HBF_BLOCKED_PATIENCE_US);
    return STATUS_TIMEOUT;
  }
  hbf_sleep(w->hbf, *us);
  if (*us < MAX_WAIT_US) *us *= 2;
  return STATUS_OK;
}

/* Pages [from, to) of a block; *s says what went wrong, if anything. */
MUST_USE static status_t write_run(hbf_writer_t* w, hbf_block_t block, uint32_t from, uint32_t to,
                                   hbf_suspect_t* s) {
  const hbf_geometry_t* g = &w->hbf->geometry;
  const uint32_t stride = hbf_stripe_pages(g), slots = usable_slots(w);
  const uint64_t first = hbf_block_first(g, block);
  *s = (hbf_suspect_t){.block = block, .page = UINT32_MAX};
  for (uint32_t page = from; page < to && s->repair == HBF_REPAIR_NONE;) {
    while (page < to && in_flight(w) < slots) {
      uint32_t n = to - page < w->source->slot_pages ? to - page : w->source->slot_pages;
      const status_t status = post(w, first + (uint64_t)page * stride, stride, &n);
      if (status != STATUS_OK) return status;
      w->counters.replayed += n;
      page += n;
    }
    bool failed = false;
    while (in_flight(w) != 0 && (page == to || in_flight(w) == slots || failed)) {
      const status_t status = wait_oldest(w);
      if (status != STATUS_OK) return status;
      for (uint32_t i = w->finished; i != w->posted; ++i) {
        const hbf_program_entry_t* e = &w->entries[i % w->source->slots];
        failed = failed || (e->done && e->failed);
      }
      retire_entries(w, false);
    }
    if (!failed) continue;
    if (w->source_failed) {
      SAY(w, "the source of a page cannot be read");
      return STATUS_HARDWARE;
    }
    w->n_suspects = 0;
    w->events_lost = false;
    take_events(w);
    for (uint32_t i = 0; i < w->n_suspects; ++i)
      if (w->suspects[i].block == block) merge(s, &w->suspects[i]);
    if (s->repair == HBF_REPAIR_NONE || w->events_lost) {
      /* Failed without a reason that can be seen: from the start, unless the cube is gone. */
      if (!hbf_is_enabled(w->hbf)) return STATUS_RESET;
      if (s->repair < HBF_REPAIR_REPLAY) s->repair = HBF_REPAIR_REPLAY;
    }
  }
  return STATUS_OK;
}

static void say_why(const hbf_writer_t* w, const hbf_suspect_t* s, const char* then) {
  SAY(w, "block %u of lane %u, channel %u, page %u: write status 0x%x info %u%s, %s",
      (unsigned)hbf_block_row(s->block), (unsigned)hbf_block_lane(s->block),
      (unsigned)hbf_block_channel(s->block), (unsigned)s->page, (unsigned)s->code, (unsigned)s->info,
      s->code == HBF_WRITE_OK ? " (its event was lost)" : "", then);
}

/* Until pages [0, pages) of the suspect's block are there. */
MUST_USE static status_t repair_block(hbf_writer_t* w, hbf_suspect_t s, uint32_t pages) {
  const hbf_block_t block = s.block;
  const uint64_t since = now(w);
  uint32_t wait = MIN_WAIT_US, vendor = 0, resumes = 0, replays = 0, retirements = 0;
  while (s.repair != HBF_REPAIR_NONE) {
    if (s.repair == HBF_REPAIR_GIVE_UP || (s.vendor && ++vendor >= HBF_WRITE_VENDOR_ATTEMPTS)) {
      say_why(w, &s, "given up");
      return STATUS_HARDWARE;
    }
    status_t status = s.blocked ? wait_for_die(w, &s, since, &wait) : STATUS_OK;
    if (status != STATUS_OK) return status;
    uint32_t from = 0;
    if (s.repair == HBF_REPAIR_RESUME && !s.blocked && ++resumes > 2) s.repair = HBF_REPAIR_REPLAY;
    if (s.repair == HBF_REPAIR_REPLAY && ++replays > HBF_WRITE_ATTEMPTS) s.repair = HBF_REPAIR_RETIRE;
    if (s.repair == HBF_REPAIR_RESUME) {
      ++w->counters.resends;
      from = s.page;
    } else if (s.repair == HBF_REPAIR_REPLAY) {
      ++w->counters.replays;
    } else {
      if (++retirements > HBF_WRITE_SPARES) {
        say_why(w, &s, "no better on several spare blocks: given up");
        return STATUS_FULL;
      }
      if (retirements == 1) say_why(w, &s, "needs a spare block");
      ++w->counters.retired;
      resumes = replays = 0;
      status = hbf_retire(w->hbf, block, s.granule);
      if (status != STATUS_OK) return status;
    }
    status = write_run(w, block, from, pages, &s);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

/* Everything in flight has ended; blocks are made good up to `end`, 0: up to what was refused. */
MUST_USE static status_t repair_all(hbf_writer_t* w, uint64_t end) {
  /* The table is used again while a block is repaired. */
  uint32_t n = w->n_suspects;
  memcpy(w->kept, w->suspects, n * sizeof w->kept[0]);
  while (n-- != 0) {
    const hbf_suspect_t* s = &w->kept[n];
    const uint32_t pages = end != 0 ? hbf_block_pages_before(&w->hbf->geometry, s->block, end) : s->end;
    const status_t status = repair_block(w, *s, pages);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

static void begin(hbf_writer_t* w) {
  w->posted = w->finished = 0;
  w->n_suspects = 0;
  w->events_lost = w->source_failed = false;
}

/* Lets everything end; true in *failed if something did not go well. */
MUST_USE static status_t drain(hbf_writer_t* w, bool* failed) {
  hbf_program_entry_t bad[HBF_WRITER_SLOTS];
  uint32_t n_bad = 0;
  for (;;) {
    while (w->finished != w->posted && w->entries[w->finished % w->source->slots].done) {
      const hbf_program_entry_t* e = &w->entries[w->finished % w->source->slots];
      if (e->failed) bad[n_bad++] = *e;
      w->counters.pages += e->pages;
      ++w->finished;
    }
    if (w->finished == w->posted) break;
    const status_t status = wait_oldest(w);
    if (status != STATUS_OK) return status;
  }
  take_events(w);
  *failed = n_bad != 0;
  if (n_bad == 0) return STATUS_OK;
  if (w->source_failed) {
    SAY(w, "the source of a page cannot be read");
    return STATUS_HARDWARE;
  }
  if (w->n_suspects == 0 && !hbf_is_enabled(w->hbf)) return STATUS_RESET;
  if (w->events_lost || w->n_suspects == 0)
    for (uint32_t i = 0; i < n_bad; ++i) suspect_all(w, &bad[i]);
  w->events_lost = false;
  return STATUS_OK;
}

static bool any_failed(const hbf_writer_t* w) {
  for (uint32_t i = w->finished; i != w->posted; ++i) {
    const hbf_program_entry_t* e = &w->entries[i % w->source->slots];
    if (e->done && e->failed) return true;
  }
  return false;
}

static bool source_valid(const hbf_source_t* s) {
  return s->slots >= 1 && s->slots <= HBF_WRITER_SLOTS && s->slot_pages >= 1 &&
         s->slots * s->slot_pages <= HBF_WRITER_PAGES;
}

status_t hbf_write(hbf_writer_t* w, uint64_t first, uint64_t pages) {
  const uint64_t total = hbf_window_pages(&w->hbf->geometry), end = first + pages;
  if (first > total || pages > total - first || !source_valid(w->source)) return STATUS_BAD_ARGUMENT;
  begin(w);
  uint64_t next = first;
  const uint32_t slots = usable_slots(w);
  while (next < end || in_flight(w) != 0) {
    status_t status = STATUS_OK;
    while (status == STATUS_OK && next < end && in_flight(w) < slots && !any_failed(w)) {
      const uint64_t left = end - next;
      uint32_t n = left < w->source->slot_pages ? (uint32_t)left : w->source->slot_pages;
      status = post(w, next, 1, &n);
      next += n;
      take_done(w);
    }
    if (status == STATUS_OK && !any_failed(w)) {
      status = wait_oldest(w);
      if (status == STATUS_OK && !any_failed(w)) retire_entries(w, true);
    }
    if (status == STATUS_OK && any_failed(w)) {
      bool failed = false;
      status = drain(w, &failed);
      if (status == STATUS_OK && failed) status = repair_all(w, next);
    }
    if (status != STATUS_OK) {
      SAY(w, "writing ended at page %llu of %llu", (unsigned long long)(next - first),
          (unsigned long long)pages);
      return status;
    }
    if (w->on_progress != 0) w->on_progress(w->progress_context, next - first);
  }
  return STATUS_OK;
}

status_t hbf_write_runs(hbf_writer_t* w, const hbf_run_t* runs, uint32_t n) {
  if (!source_valid(w->source)) return STATUS_BAD_ARGUMENT;
  begin(w);
  const uint32_t slots = usable_slots(w);
  for (uint32_t i = 0; i < n; ++i) {
    for (uint32_t page = 0; page < runs[i].pages;) {
      status_t status = STATUS_OK;
      /* Every page is of another block, so the others go on whatever happens to one. */
      while (status == STATUS_OK && in_flight(w) == slots) {
        status = wait_oldest(w);
        if (status == STATUS_OK && any_failed(w)) break;
        if (status == STATUS_OK) retire_entries(w, true);
      }
      bool failed = false;
      if (status == STATUS_OK && in_flight(w) == slots) {
        status = drain(w, &failed);
        if (status == STATUS_OK && failed) status = repair_all(w, 0);
      }
      uint32_t pages = runs[i].pages - page;
      if (pages > w->source->slot_pages) pages = w->source->slot_pages;
      if (status == STATUS_OK)
        status = post(w, runs[i].first + (uint64_t)page * runs[i].stride, runs[i].stride, &pages);
      if (status != STATUS_OK) return status;
      page += pages;
    }
  }
  bool failed = false;
  status_t status = drain(w, &failed);
  if (status == STATUS_OK && failed) status = repair_all(w, 0);
  return status;
}

status_t hbf_write_block(hbf_writer_t* w, hbf_block_t block, uint32_t pages) {
  if (pages > w->hbf->geometry.block_pages || !source_valid(w->source)) return STATUS_BAD_ARGUMENT;
  begin(w);
  hbf_suspect_t s;
  status_t status = write_run(w, block, 0, pages, &s);
  if (status == STATUS_OK && s.repair != HBF_REPAIR_NONE) status = repair_block(w, s, pages);
  if (status == STATUS_OK) w->counters.pages += pages;
  return status;
}
