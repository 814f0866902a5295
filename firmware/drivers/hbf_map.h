/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Where a page of a cube's window is. The controller lets consecutive pages walk the channels; in a channel
 * they walk its lanes (banks of all dies), then the pages of their blocks, then block rows
 * (specification 4.6, 5.7). So the pages of a row, in window order, are a stripe of page 0 of every block, a
 * stripe of page 1, and so on: writing them in that order fills all blocks of the row in the order that NAND
 * demands. Functions without state, no registers.
 */
#ifndef MEMWALL_DRIVERS_HBF_MAP_H
#define MEMWALL_DRIVERS_HBF_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/hbf_spec.h"

/** Constants of 5.7: R1 dies, R2 banks, R3 pages, R4 = HBF_CHUNKS_PER_PAGE, R5 = R1 * R2 = lanes. */
typedef struct {
  uint32_t channels;
  uint32_t ports;       /**< per channel */
  uint32_t dies;        /**< R1, per channel */
  uint32_t banks;       /**< R2, per die */
  uint32_t block_pages; /**< R3 */
  uint32_t lanes;       /**< R5, per channel */
  uint64_t channel_pages;
} hbf_geometry_t;

typedef struct {
  uint32_t channel;
  uint32_t port;
  uint64_t dlu; /**< within the channel: R1..R5 apply to it */
  uint64_t port_dlu;
  uint32_t lane; /**< die * banks + bank */
  uint32_t row;
  uint32_t page; /**< of the block */
} hbf_place_t;

/** A block as the remap registers name it: row << 16 | channel << 12 | lane. */
typedef uint32_t hbf_block_t;
#define HBF_NO_BLOCK 0xffffffffu

static inline hbf_block_t hbf_block_of(uint32_t row, uint32_t channel, uint32_t lane) {
  return row << 16 | channel << 12 | lane;
}
static inline uint32_t hbf_block_row(hbf_block_t block) { return block >> 16; }
static inline uint32_t hbf_block_channel(hbf_block_t block) { return block >> 12 & 0xfu; }
static inline uint32_t hbf_block_lane(hbf_block_t block) { return block & 0xfffu; }

/** Pages of one stripe, which is the distance in the window between consecutive pages of a block. */
static inline uint32_t hbf_stripe_pages(const hbf_geometry_t* g) { return g->channels * g->lanes; }
static inline uint64_t hbf_row_pages(const hbf_geometry_t* g) {
  return (uint64_t)hbf_stripe_pages(g) * g->block_pages;
}
static inline uint64_t hbf_window_pages(const hbf_geometry_t* g) { return g->channel_pages * g->channels; }
/** Rows whose blocks are all complete. */
static inline uint32_t hbf_full_rows(const hbf_geometry_t* g) {
  return (uint32_t)(g->channel_pages / ((uint64_t)g->lanes * g->block_pages));
}

/** True if the geometry can be (all counts at least 1, within what a block's name holds). */
bool hbf_geometry_valid(const hbf_geometry_t* g);
/** Page of the window -> place. The page must be inside. */
hbf_place_t hbf_place(const hbf_geometry_t* g, uint64_t window_page);
/** Place (channel, lane, row, page) -> page of the window. */
uint64_t hbf_window_page(const hbf_geometry_t* g, uint32_t channel, uint32_t lane, uint32_t row,
                         uint32_t page);

/** Block of a page of the window. */
hbf_block_t hbf_block_at(const hbf_geometry_t* g, uint64_t window_page);
/** First page of a block in the window; page k is k * hbf_stripe_pages() further. */
uint64_t hbf_block_first(const hbf_geometry_t* g, hbf_block_t block);
/** How many pages of `block` lie before `end` (a page of the window): its list for replay, from page 0 on. */
uint32_t hbf_block_pages_before(const hbf_geometry_t* g, hbf_block_t block, uint64_t end);

#endif
