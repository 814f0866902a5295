/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hbf_map.h"

bool hbf_geometry_valid(const hbf_geometry_t* g) {
  return g->channels >= 1 && g->channels <= 16 && (g->ports == 1 || g->ports == 2 || g->ports == 4) &&
         g->dies >= 1 && g->banks >= 1 && g->lanes == g->dies * g->banks && g->lanes <= 0x1000u &&
         g->block_pages >= 1 && g->channel_pages >= 1 && g->channel_pages % g->ports == 0 &&
         (g->channel_pages - 1) / ((uint64_t)g->lanes * g->block_pages) < 0x10000u;
}

hbf_place_t hbf_place(const hbf_geometry_t* g, uint64_t window_page) {
  hbf_place_t at;
  const uint64_t port_pages = g->channel_pages / g->ports, row_pages = (uint64_t)g->lanes * g->block_pages;
  at.channel = (uint32_t)(window_page % g->channels);
  at.dlu = window_page / g->channels;
  at.port = (uint32_t)(at.dlu / port_pages);
  at.port_dlu = at.dlu % port_pages;
  at.row = (uint32_t)(at.dlu / row_pages);
  const uint64_t in_row = at.dlu % row_pages; /* P1 of 5.7 */
  at.lane = (uint32_t)(in_row % g->lanes);
  at.page = (uint32_t)(in_row / g->lanes);
  return at;
}

uint64_t hbf_window_page(const hbf_geometry_t* g, uint32_t channel, uint32_t lane, uint32_t row,
                         uint32_t page) {
  const uint64_t dlu = ((uint64_t)row * g->block_pages + page) * g->lanes + lane;
  return dlu * g->channels + channel;
}

hbf_block_t hbf_block_at(const hbf_geometry_t* g, uint64_t window_page) {
  const hbf_place_t at = hbf_place(g, window_page);
  return hbf_block_of(at.row, at.channel, at.lane);
}

uint64_t hbf_block_first(const hbf_geometry_t* g, hbf_block_t block) {
  return hbf_window_page(g, hbf_block_channel(block), hbf_block_lane(block), hbf_block_row(block), 0);
}

uint32_t hbf_block_pages_before(const hbf_geometry_t* g, hbf_block_t block, uint64_t end) {
  const uint64_t first = hbf_block_first(g, block);
  if (end <= first) return 0;
  const uint64_t pages = (end - first - 1) / hbf_stripe_pages(g) + 1;
  return pages < g->block_pages ? (uint32_t)pages : g->block_pages;
}
