// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A cube small enough to reason about by hand: 2 channels x 1 die x 2 planes, 4 pages per block, 3 rows of
/// blocks (48 pages). Pages 0, 2 | 1, 3 lie in channel 0 | 1, planes 0, 1; the next page of bank 0 is page 4.
#pragma once

#include "hbf/core.h"

namespace memwall::hbf::testing_support {

inline Config small_cube() {
  Config config;
  config.name = "small";
  config.channels = 2;
  config.dies_per_channel = 1;
  config.planes_per_die = 2;
  config.pages_per_block = 4;
  config.blocks_per_plane = 3;
  config.capacity_bytes = 48 * kPageBytes;
  config.timing.tR = 1000 * kPsPerNs;
  config.timing.tPROG = 75000 * kPsPerNs;
  config.timing.tBERS = 2000000 * kPsPerNs;
  config.timing.tECC = 100 * kPsPerNs;
  config.timing.tRETRY = 1100 * kPsPerNs;
  config.retry_stages = 3;
  config.link_gbytes_per_s = 64;  // 64 B per ns, a page in 64 ns
  config.link_latency = 10 * kPsPerNs;
  config.read_gbytes_per_s = 16;
  return config;
}

inline constexpr std::uint64_t page(std::uint64_t number) { return number * kPageBytes; }
inline constexpr TimePs ns(std::uint64_t n) { return n * kPsPerNs; }
inline std::uint8_t code(ReadStatus status) { return static_cast<std::uint8_t>(status); }
inline std::uint8_t code(WriteStatus status) { return static_cast<std::uint8_t>(status); }

/// A small cube whose every page holds something.
inline Core loaded(const Config& config) {
  Core core(config);
  core.mark_programmed(0, config.capacity_bytes);
  return core;
}

}  // namespace memwall::hbf::testing_support
