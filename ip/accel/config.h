// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Settings of the accelerator. Every default marked "assumed" has no public source.
#pragma once

#include <cstdint>

#include "common/time.h"

namespace memwall::accel {

struct Config {
  TimePs clock_period_ps = 1000;  ///< 1 GHz, assumed
  /// Peak of the matrix engine. 8192 at 1 GHz is 16.4 TFLOPS, the compute of one unit of a published decode
  /// accelerator (RPU: 16 TFLOPS bf16 beside 512 GB/s of memory).
  std::uint32_t macs_per_cycle = 8192;
  std::uint32_t vector_lanes = 256;      ///< elements per cycle of the vector engine; assumed
  std::uint32_t op_latency_cycles = 32;  ///< decode, operand set-up and pipeline depth per operation; assumed
  std::uint64_t sram_bytes = 16ull << 20;     ///< 16 MiB, as the unit above
  std::uint64_t sram_base = 0x30000000;       ///< chip address of the scratchpad
  std::uint32_t sram_bytes_per_cycle = 4096;  ///< per direction; assumed
  TimePs sram_latency_ps = 2000;         ///< first byte, for accesses from outside and by the DMA; assumed
  std::uint32_t dma_chunk_bytes = 4096;  ///< longest DMA access; one HBF page
  /// DMA accesses in flight per queue; assumed. 1 MiB in flight hides 1 us at 1 TB/s.
  std::uint32_t dma_outstanding = 256;
  std::uint32_t copy_buffer_bytes =
      64 * 1024;                     ///< DMA staging buffer of COPY and CONVERT, two per queue; assumed
  TimePs register_access_ps = 5000;  ///< assumed
  bool functional = true;            ///< false: traffic without data
  /// Energy. Multiply-add with f32 accumulation: 0.4 pJ for bf16 and 0.38 for f16 published for 2-4 nm
  /// designs; one figure for all formats here. SRAM 0.20 pJ/bit read, 0.22 write (same sources).
  double mac_pj = 0.4;
  double sram_read_pj_per_bit = 0.20;
  double sram_write_pj_per_bit = 0.22;
};

}  // namespace memwall::accel
