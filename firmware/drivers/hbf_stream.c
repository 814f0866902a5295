/* SPDX-FileCopyrightText: The Memwall authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/hbf_stream.h"

#include "regs/hbf.h"

uint32_t hbf_stream_depth(const hbf_t* hbf) {
  /* MB/s * ns = 1e-3 bytes. */
  const uint64_t bytes = 2u * hbf_read_mbytes_per_s(hbf) * ((uint64_t)hbf->tr_ns + hbf->latency_ns) / 1000u;
  uint64_t pages = (bytes + HBF_PAGE_BYTES - 1) / HBF_PAGE_BYTES;
  if (pages == 0) pages = 1;
  return pages < hbf->prefetch_pages ? (uint32_t)pages : hbf->prefetch_pages;
}

uint32_t hbf_stream_add(hbf_extent_t* table, uint32_t n, uint32_t max, uint64_t offset, uint64_t bytes) {
  if (bytes == 0) return n;
  uint64_t begin = offset / HBF_PAGE_BYTES * HBF_PAGE_BYTES;
  const uint64_t end = (offset + bytes + HBF_PAGE_BYTES - 1) / HBF_PAGE_BYTES * HBF_PAGE_BYTES;
  if (n != 0) {
    hbf_extent_t* last = &table[n - 1];
    const uint64_t last_end = last->offset + last->bytes;
    if (begin >= last->offset && begin <= last_end) {
      if (end > last_end) last->bytes = end - last->offset;
      return n;
    }
  }
  /* The scales of a tile may end in the page in which those of the next tile begin, one entry in between. */
  if (n > 1) {
    const hbf_extent_t* before = &table[n - 2];
    const uint64_t before_end = before->offset + before->bytes;
    if (begin >= before->offset && begin < before_end) begin = end < before_end ? end : before_end;
    if (begin == end) return n;
  }
  if (n == max) return max;
  table[n] = (hbf_extent_t){begin, end - begin};
  return n + 1;
}

status_t hbf_stream_start(hbf_t* hbf, uint64_t table, uint32_t entries, uint32_t depth, bool wrap) {
  if (table % 8u != 0 || entries == 0 || entries > 0xffffu || depth == 0 || depth > hbf->prefetch_pages)
    return STATUS_BAD_ARGUMENT;
  const mmio_t r = hbf->registers;
  hbf_stream_stop(r);
  mmio_fence();
  mmio_write32(r, HBF_STREAM_TABLE_LO_OFFSET, (uint32_t)table);
  mmio_write32(r, HBF_STREAM_TABLE_HI_OFFSET, (uint32_t)(table >> 32));
  mmio_write32(r, HBF_STREAM_COUNT_OFFSET, entries);
  mmio_write32(r, HBF_STREAM_DEPTH_OFFSET, depth);
  mmio_write32(r, HBF_STREAM_CONTROL_OFFSET,
               FIELD_OF(HBF_STREAM_CONTROL_ENABLE, 1) | FIELD_OF(HBF_STREAM_CONTROL_WRAP, wrap));
  return STATUS_OK;
}

void hbf_stream_restart(mmio_t hbf, bool wrap) {
  mmio_write32(hbf, HBF_STREAM_CONTROL_OFFSET,
               FIELD_OF(HBF_STREAM_CONTROL_ENABLE, 1) | FIELD_OF(HBF_STREAM_CONTROL_WRAP, wrap) |
                   FIELD_OF(HBF_STREAM_CONTROL_RESTART, 1));
}

void hbf_stream_stop(mmio_t hbf) { mmio_write32(hbf, HBF_STREAM_CONTROL_OFFSET, 0); }

uint32_t hbf_stream_held(mmio_t hbf) {
  return FIELD(HBF_STREAM_STATUS_HELD, mmio_read32(hbf, HBF_STREAM_STATUS_OFFSET));
}
