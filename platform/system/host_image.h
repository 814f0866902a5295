// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The host's copy of what belongs into the HBF cubes of one chip: what the firmware loads from, and what it
/// writes lost blocks from again (ADR 9).
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "common/sparse_memory.h"
#include "map/chip_map.h"

namespace memwall::system {

class HostImage {
 public:
  static constexpr std::uint64_t kPageBytes = 4096;

  static bool covers(std::uint64_t address) {
    return address >= map::hbf_base(0) && address < map::hbf_base(0) + map::kHbfCount * map::kHbfSize;
  }
  /// `bytes` null: belongs there, but has no contents.
  void write(std::uint64_t address, const void* bytes, std::uint64_t size) {
    const std::uint64_t offset = address - map::hbf_base(0);
    if (bytes != nullptr) contents_.write(offset, bytes, size);
    std::uint64_t& end = ends_[offset / map::kHbfSize];
    end = std::max(end, offset % map::kHbfSize + size);
  }
  /// False if any byte lies behind the last page that belongs into a cube.
  bool read(std::uint64_t address, void* out, std::uint64_t bytes) const {
    if (!covers(address)) return false;
    const std::uint64_t offset = address - map::hbf_base(0), in_cube = offset % map::kHbfSize;
    const std::uint64_t end = (ends_[offset / map::kHbfSize] + kPageBytes - 1) / kPageBytes * kPageBytes;
    if (in_cube > end || bytes > end - in_cube) return false;
    contents_.read(offset, out, bytes);
    return true;
  }
  /// What belongs into all cubes together.
  std::uint64_t bytes() const { return std::accumulate(ends_.begin(), ends_.end(), std::uint64_t{0}); }

 private:
  SparseMemory contents_{map::kHbfCount * map::kHbfSize};
  std::vector<std::uint64_t> ends_ = std::vector<std::uint64_t>(map::kHbfCount);  // bytes used, per cube
};

}  // namespace memwall::system
