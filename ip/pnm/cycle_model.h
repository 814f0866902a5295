// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Clock cycles of the near-memory decode unit by the structure of rtl/pnm_decode: 16 multiply-add lanes, one
/// 32-byte beat per cycle on the memory port. Plain arithmetic; README.md compares it with the RTL.
#pragma once

#include <cstdint>

#include "engine/streamer.h"

namespace memwall::pnm {

struct CycleModel {
  static constexpr std::uint32_t kBeatBytes = 32;
  static constexpr std::uint32_t kBurstBytes = 512;      ///< longest read burst: 16 beats
  static constexpr std::uint32_t kBoundaryBytes = 4096;  ///< AXI: no burst crosses it
  static constexpr std::uint32_t kOutstanding = 16;      ///< bursts in flight: a 256-beat FIFO
  static constexpr std::uint32_t kBufferBytes = 8192;    ///< each of the two stream buffers

  /// Rows per buffer: a multiple of 8, so that results fill whole beats.
  static std::uint32_t tile_rows(std::uint64_t row_bytes) {
    const std::uint64_t rows = kBufferBytes / row_bytes / 8 * 8;
    return rows < 8 ? 8 : static_cast<std::uint32_t>(rows);
  }
  std::uint32_t lanes = 16;
  std::uint32_t decode_cycles = 4;        ///< descriptor arrived to first operand request
  std::uint32_t row_overhead_cycles = 6;  ///< reduction tree and result of one dot product
  std::uint32_t exp_cycles = 20;          ///< one score to its weight, not overlapped
  std::uint32_t divide_cycles = 30;       ///< 1 / sum, once per head

  static std::uint64_t beats(std::uint64_t bytes) { return (bytes + kBeatBytes - 1) / kBeatBytes; }

  /// Cycles of the lanes on one tile.
  std::uint64_t tile(const engine::TileWork& work) const;
  /// Cycles from the last score to the first usable weight row.
  std::uint64_t softmax(std::uint32_t heads, std::uint32_t tokens) const {
    return std::uint64_t{heads} * (std::uint64_t{tokens} * exp_cycles + divide_cycles);
  }
};

}  // namespace memwall::pnm
