/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Writes contents into an HBF cube, block by block from page 0 on (specification 5.4, 11.5.2). NAND
 * acknowledges a page only after it has been programmed, and when a program fails everything of its block
 * since page 0 is to be written again; so the source must be able to give any page of a block that is not
 * complete yet.
 *
 * Many pages are in flight. When one of them is not answered with 0 the writer stops feeding, lets what is in
 * flight end, repairs block after block, and goes on:
 *
 *   0x0      done
 *   0x1 0x8  the block is retired, a spare takes its place, and everything is written there (hbf_retire);
 *            at most HBF_WRITE_SPARES spares for one block, then given up
 *   0x2 0x7 0x6/2  written again from page 0
 *   0x4 0x5 0x6/1  written again from the first page that was refused; from page 0 if that does not help
 *   0x9      waits, for the cube to cool (0x9/1) or for the die; then as 0x5
 *   0x3      a mistake of the driver: given up
 *   0xd-0xf  tried HBF_WRITE_VENDOR_ATTEMPTS times, then given up and reported
 */
#ifndef MEMWALL_DRIVERS_HBF_WRITER_H
#define MEMWALL_DRIVERS_HBF_WRITER_H

#include "drivers/hbf.h"

/** Buffers, and pages in flight in all of them. */
#define HBF_WRITER_SLOTS 32u
#define HBF_WRITER_PAGES 128u
/** A block is written so often before it is retired. */
#define HBF_WRITE_ATTEMPTS 4u
/** Spares that are tried for one block before the write ends as FULL: then it is not the block. */
#define HBF_WRITE_SPARES 4u
#define HBF_WRITE_VENDOR_ATTEMPTS 4u
/** Patience with a die that answers 0x9, and with a severely hot cube. */
#define HBF_BLOCKED_PATIENCE_US 1000000u
#define HBF_HOT_PATIENCE_US 60000000u

/** Where contents come from. Window pages are those of the cube. */
typedef struct {
  void* context;
  uint32_t slots;      /**< buffers, 1..HBF_WRITER_SLOTS */
  uint32_t slot_pages; /**< pages in each; slots * slot_pages <= HBF_WRITER_PAGES */
  /**
   * Puts *pages pages, `stride` pages apart in the window from `first` on, one after the other into buffer
   * `slot`, or as many of them as lie together, at least one: then *pages becomes less. *address is where, as
   * the controller sees it. They stay there until the slot is asked for again.
   */
  status_t (*get)(void* context, uint32_t slot, uint64_t first, uint32_t stride, uint32_t* pages,
                  uint64_t* address);
} hbf_source_t;

typedef struct {
  uint64_t pages;    /**< programmed and acknowledged, replays not counted */
  uint64_t replayed; /**< pages written again */
  uint32_t replays;  /**< blocks written again from page 0 */
  uint32_t resends;  /**< blocks continued at a page that was refused */
  uint32_t retired;  /**< blocks */
  uint32_t waits;    /**< for a hot cube or a blocked die */
} hbf_writer_counters_t;

/** What has to happen to a block; the larger, the more. */
enum { HBF_REPAIR_NONE = 0, HBF_REPAIR_RESUME, HBF_REPAIR_REPLAY, HBF_REPAIR_RETIRE, HBF_REPAIR_GIVE_UP };

typedef struct {
  hbf_block_t block;
  uint32_t page; /**< first that was refused */
  uint32_t end;  /**< behind the last that was refused */
  uint8_t repair;
  uint8_t granule;
  bool blocked; /**< 0x9 */
  bool hot;     /**< 0x9/1 */
  bool vendor;
  uint8_t code, info; /**< of the worst answer, for messages */
} hbf_suspect_t;

typedef struct {
  uint64_t first;
  uint32_t stride;
  uint32_t pages;
  bool done;
  bool failed;
} hbf_program_entry_t;

typedef struct {
  hbf_t* hbf;
  const hbf_source_t* source;
  /** Gets read events that come up meanwhile; may be null. */
  void (*on_read_event)(void* context, const hbf_event_t* event);
  void* read_event_context;
  /** After every few pages; may be null. */
  void (*on_progress)(void* context, uint64_t pages);
  void* progress_context;
  hbf_writer_counters_t counters;
  /* State of a write. */
  hbf_program_entry_t entries[HBF_WRITER_SLOTS];
  uint32_t posted, finished; /**< entries, free running; the slot is the remainder */
  hbf_suspect_t suspects[HBF_WRITER_PAGES];
  hbf_suspect_t kept[HBF_WRITER_PAGES]; /**< being repaired */
  uint32_t n_suspects;
  bool events_lost;
  bool source_failed;
} hbf_writer_t;

void hbf_writer_init(hbf_writer_t* writer, hbf_t* hbf, const hbf_source_t* source);

/**
 * Writes window pages [first, first + pages). `first` must start a block row, or continue where an earlier
 * call ended. FULL: no spare block is left, or none helps; RESET: the cube lost its power or was reset,
 * everything since the last complete row is undefined; TIMEOUT, HARDWARE: given up; the console says where.
 */
status_t hbf_write(hbf_writer_t* writer, uint64_t first, uint64_t pages) MUST_USE;
/** Pages that follow each other by `stride` in the window. */
typedef struct {
  uint64_t first;
  uint32_t stride;
  uint32_t pages;
} hbf_run_t;
/**
 * Writes the next page of many blocks: runs that have at most one page of a block between them. The source
 * must also be able to give the block's earlier pages, should one fail.
 */
status_t hbf_write_runs(hbf_writer_t* writer, const hbf_run_t* runs, uint32_t n) MUST_USE;
/** Writes pages [0, pages) of one block anew (refresh, reload). */
status_t hbf_write_block(hbf_writer_t* writer, hbf_block_t block, uint32_t pages) MUST_USE;

#endif
