// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A cube small enough to reason about by hand: 2 channels x 1 die x 2 planes, 4 pages per block, 4 rows of
/// addressable blocks and one spare block per plane (32 pages in each channel). DLU d of a channel: lane d %
/// 2, page d / 2 % 4, row d / 8. No errors, no wear, no heat unless a test asks for them.
#pragma once

#include "hbf/config.h"

namespace memwall::hbf::testing_support {

inline Config small_cube() {
  Config config;
  config.name = "small";
  config.channels = 2;
  config.ports_per_channel = 1;
  config.dies_per_channel = 1;
  config.planes_per_die = 2;
  config.pages_per_block = 4;
  config.blocks_per_plane = 5;
  config.capacity_bytes = 2 * 32 * kPageBytes;
  config.zones_per_channel = 2;
  config.scratchpad_bytes = 4096;
  config.mocs_code = 7;  // 256 outstanding
  config.open_dlus = 8;
  config.timing.tR = 1000 * kPsPerNs;
  config.timing.tPROG = 75000 * kPsPerNs;
  config.timing.tBERS = 2000000 * kPsPerNs;
  config.timing.tECC = 100 * kPsPerNs;
  config.timing.tRETRY = 1100 * kPsPerNs;
  config.timing.tBASE = 5 * kPsPerNs;
  config.link.grade = 2;  // a flit in 2 ns
  config.link.latency = 10 * kPsPerNs;
  config.reliability.retry_stages = 3;
  config.controller.prefetch_bytes = 16 * kPageBytes;
  config.controller.outstanding_per_channel = 64;
  config.controller.programs_per_channel = 8;
  config.read_gbytes_per_s = 16;
  return config;
}

inline constexpr std::uint64_t page(std::uint64_t number) { return number * kPageBytes; }
inline constexpr TimePs ns(std::uint64_t n) { return n * kPsPerNs; }

}  // namespace memwall::hbf::testing_support
