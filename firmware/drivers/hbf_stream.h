/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Read-ahead of an HBF controller: software says once in which order the cube will be read, the controller
 * keeps so many pages ahead that the sense time is hidden.
 */
#ifndef MEMWALL_DRIVERS_HBF_STREAM_H
#define MEMWALL_DRIVERS_HBF_STREAM_H

#include "drivers/hbf.h"

/** An entry of the table that the controller fetches: whole pages of the cube's window. */
typedef struct {
  uint64_t offset;
  uint64_t bytes;
} hbf_extent_t;

/** Pages ahead: twice bandwidth times latency, so that a pause as long as the latency does not run dry; at
 * most what the controller's SRAM holds. */
uint32_t hbf_stream_depth(const hbf_t* hbf);

/**
 * Appends [offset, offset + bytes) to a table of `n` entries, rounded to whole pages. A page that the last
 * entry already has is not listed again, and what follows it directly makes it longer. Returns the new number
 * of entries; `max` if it did not fit.
 */
uint32_t hbf_stream_add(hbf_extent_t* table, uint32_t n, uint32_t max, uint64_t offset, uint64_t bytes);

/** Starts reading ahead. `table` as the controller sees it, 8-byte aligned; it is fetched now. `wrap`: after
 * the last entry comes the first again. */
status_t hbf_stream_start(hbf_t* hbf, uint64_t table, uint32_t entries, uint32_t depth, bool wrap) MUST_USE;
/** The reader begins at the first entry again. */
void hbf_stream_restart(mmio_t hbf, bool wrap);
/** Stops, and drops what was read ahead. */
void hbf_stream_stop(mmio_t hbf);
/** Pages here or on the way. */
uint32_t hbf_stream_held(mmio_t hbf);

#endif
