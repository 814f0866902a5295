// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A small hash table from 64-bit keys (pages) to 32-bit slots, for what changes with every sense. Open
/// addressing, linear probing, no tombstones.
#pragma once

#include <cstdint>
#include <vector>

namespace memwall::hbf {

class PageIndex {
 public:
  static constexpr std::uint32_t kNone = ~0u;

  std::uint32_t find(std::uint64_t key) const {
    for (std::size_t i = place(key);; i = next(i)) {
      if (cells_[i].slot == kNone) return kNone;
      if (cells_[i].key == key) return cells_[i].slot;
    }
  }
  /// `key` is not there yet.
  void insert(std::uint64_t key, std::uint32_t slot) {
    if (2 * ++size_ > cells_.size()) grow();
    put(key, slot);
  }
  /// Does nothing if `key` is not there with `slot`.
  void erase(std::uint64_t key, std::uint32_t slot) {
    std::size_t hole = place(key);
    while (cells_[hole].slot != kNone && cells_[hole].key != key) hole = next(hole);
    if (cells_[hole].slot != slot) return;
    --size_;
    for (std::size_t i = next(hole); cells_[i].slot != kNone; i = next(i)) {
      const std::size_t home = place(cells_[i].key);
      // Moves back what the hole would cut off from its home.
      if (((i - home) & mask()) < ((i - hole) & mask())) continue;
      cells_[hole] = cells_[i];
      hole = i;
    }
    cells_[hole].slot = kNone;
  }
  void clear() {
    for (Cell& cell : cells_) cell.slot = kNone;
    size_ = 0;
  }
  std::size_t size() const { return size_; }

 private:
  struct Cell {
    std::uint64_t key = 0;
    std::uint32_t slot = kNone;
  };
  std::size_t mask() const { return cells_.size() - 1; }
  std::size_t next(std::size_t i) const { return (i + 1) & mask(); }
  std::size_t place(std::uint64_t key) const {
    return static_cast<std::size_t>(key * 0x9e3779b97f4a7c15u >> 32) & mask();
  }
  void put(std::uint64_t key, std::uint32_t slot) {
    std::size_t i = place(key);
    while (cells_[i].slot != kNone) i = next(i);
    cells_[i] = {key, slot};
  }
  void grow() {
    std::vector<Cell> old(cells_.size() * 2);
    old.swap(cells_);
    for (const Cell& cell : old) {
      if (cell.slot != kNone) put(cell.key, cell.slot);
    }
  }

  std::vector<Cell> cells_ = std::vector<Cell>(256);
  std::size_t size_ = 0;
};

}  // namespace memwall::hbf
