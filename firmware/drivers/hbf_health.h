/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Keeps the contents of a cube alive: HBF neither moves nor refreshes data by itself (specification 11.5),
 * and it may lose them, so everything in it needs a source to write it from again.
 *
 *   0x5      data valid: the block is queued for a refresh, once
 *   0x4 0x7  lost, or never written: the block is written from its source at once, the read is tried again;
 *            a block lost HBF_LOST_ATTEMPTS times on the way is retired, after as many more it is given up
 *   0x1 0x8  the block is retired, a spare takes its place and gets the contents from the source
 *   0x6      host-driven retry: the reads that follow use the stage that the device asked for
 *   0x9      waits for the cube to cool (0x9/1), or for the die
 *   0x2 0xa  waits for the range, or for the write to end
 *   0x3      a mistake of the driver: given up
 *   0xd-0xf  tried HBF_READ_VENDOR_ATTEMPTS times, then given up and reported
 *
 * Refreshes come from hints, from the read counters (hbf_health_scan) and from age: a row of blocks is due
 * after HBF_REFRESH_PERCENT of the retention time. They run in hbf_health_service(), one block per call,
 * which the caller calls when nothing reads the cube; while it is busy only urgent ones run, between two
 * passes. A refresh is put off HBF_REFRESH_DEFERRALS times if the cube is read all the same (pages ahead, for
 * example).
 */
#ifndef MEMWALL_DRIVERS_HBF_HEALTH_H
#define MEMWALL_DRIVERS_HBF_HEALTH_H

#include "drivers/hbf_writer.h"

#define HBF_HEALTH_RANGES 4u
#define HBF_REFRESH_QUEUE 128u
/** Age at which a row is refreshed when the cube is idle, and at which it cannot wait for that. */
#define HBF_REFRESH_PERCENT 50u
#define HBF_URGENT_PERCENT 75u
/** Senses of a block, of the device's threshold, at which a scan queues it. */
#define HBF_READS_PERCENT 90u
/** Of how many blocks the age is asked: per row, and in how many rows; two admin commands each. */
#define HBF_AGE_BLOCKS 4u
#define HBF_AGE_ROWS 64u
#define HBF_REFRESH_DEFERRALS 4u
#define HBF_READ_VENDOR_ATTEMPTS 4u
#define HBF_LOST_ATTEMPTS 3u
#define HBF_READ_WAIT_US 1000000u

/** Contents: window pages [first, first + pages), `first` at the start of a row. */
typedef struct {
  uint64_t first;
  uint64_t pages;
  const hbf_source_t* source; /**< null: cannot be written again */
} hbf_range_t;

typedef struct {
  uint32_t hints_reads;  /**< 0x5, by read count */
  uint32_t hints_health; /**< 0x5, by health */
  uint32_t due_reads;    /**< blocks queued by a scan */
  uint32_t due_age;      /**< rows */
  uint32_t refreshes;    /**< blocks written again because of the above */
  uint32_t rewrites;     /**< blocks written again because they were lost */
  uint32_t retries;      /**< reads repeated at a stage */
  uint32_t waits;
  uint32_t unexplained; /**< failed reads without an event */
  uint32_t collapsed;   /**< hints for a block that was queued already */
  uint32_t dropped;     /**< hints that found the queue full; age or the next hint brings them back */
} hbf_health_counters_t;

typedef struct {
  hbf_t* hbf;
  hbf_writer_t writer;
  hbf_range_t ranges[HBF_HEALTH_RANGES];
  uint32_t n_ranges;
  hbf_block_t queue[HBF_REFRESH_QUEUE]; /**< oldest first */
  uint32_t n_queue;
  hbf_event_t faults[HBF_EVENTS]; /**< reads that failed and are to be dealt with */
  uint32_t n_faults;
  uint32_t* row_written; /**< per row, in age units, caller's memory; null: no refresh by age */
  uint32_t n_rows;
  uint64_t retention_ms; /**< 0: no refresh by age */
  uint32_t age_unit_ms;  /**< such that the retention time is at most 2^30 of them */
  /* Sweep over a row that is due, and over all blocks for the scan. */
  bool sweeping;
  uint32_t sweep_row, sweep_at, sweep_begin;
  uint32_t scan_row, scan_at;
  uint32_t deferred; /**< refreshes put off because the cube was read */
  uint32_t stage;    /**< RETRY_STAGE in force */
  uint32_t vendor_attempts;
  uint64_t vendor_offset;
  uint32_t blind_attempts;
  struct {
    hbf_block_t block;
    uint32_t times; /**< written again since the last read went through */
  } lost[64];
  uint32_t n_lost;
  hbf_health_counters_t counters;
} hbf_health_t;

/** `row_written`: n_rows words, or null. */
void hbf_health_init(hbf_health_t* health, hbf_t* hbf, uint32_t* row_written, uint32_t n_rows);
/** Declares contents, written now. FULL: no more ranges, or no spare for a block that is known as bad. */
status_t hbf_health_add(hbf_health_t* health, const hbf_range_t* range) MUST_USE;
/**
 * Declares contents that were there before; their age is asked of the device, of HBF_AGE_BLOCKS blocks in
 * each of at most HBF_AGE_ROWS rows (rows in between count as old as the one asked before). Errors as above,
 * and those of hbf_block_age(); a device without that feature: as if written now.
 */
status_t hbf_health_add_present(hbf_health_t* health, const hbf_range_t* range) MUST_USE;
/** Forgets a range that starts at `first`. */
void hbf_health_remove(hbf_health_t* health, uint64_t first);
/** Declares and writes contents from their source. */
status_t hbf_health_load(hbf_health_t* health, const hbf_range_t* range,
                         void (*progress)(void* context, uint64_t pages), void* context) MUST_USE;
/** From now on contents that start at `first` are written again from `source` (null: from nowhere). */
void hbf_health_set_source(hbf_health_t* health, uint64_t first, const hbf_source_t* source);
/** Writes every range again: after a power cycle, or when the contents are lost. */
status_t hbf_health_reload(hbf_health_t* health) MUST_USE;

/** hbf_write_runs(), with read events kept. */
status_t hbf_health_write_runs(hbf_health_t* health, const hbf_source_t* source, const hbf_run_t* runs,
                               uint32_t n) MUST_USE;

/** Takes events: hints are queued, failed reads are kept for hbf_health_recover(). */
void hbf_health_take_events(hbf_health_t* health);
/** True: a failed read has been dealt with; try it again. False: it cannot be cured; the console says why.
 * `attempt` counts from 1 for the same read. */
bool hbf_health_recover(hbf_health_t* health, uint32_t attempt);
/** The read has been repeated: no retry stage from now on. */
status_t hbf_health_settle(hbf_health_t* health) MUST_USE;

/** Something waits to be refreshed; `urgent`: and cannot wait until the cube is idle. */
bool hbf_health_pending(hbf_health_t* health, bool urgent);
/** Refreshes one block, if any is due (`idle`) or overdue. *done: one was. */
status_t hbf_health_service(hbf_health_t* health, bool idle, bool* done) MUST_USE;
/** Asks the device for the read counts of the next `blocks` used blocks and queues those near the threshold.
 */
status_t hbf_health_scan(hbf_health_t* health, uint32_t blocks) MUST_USE;

#endif
