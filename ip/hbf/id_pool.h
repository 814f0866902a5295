// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// AXI ids of one channel and direction: unique among the commands in flight, so that responses may come in
/// any order. The lowest free id is taken.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

namespace memwall::hbf {

class IdPool {
 public:
  explicit IdPool(unsigned ids) : ids_(ids) {}
  unsigned free() const { return ids_ - used_; }
  std::uint16_t take() {
    ++used_;
    if (back_.empty()) return next_++;
    std::pop_heap(back_.begin(), back_.end(), std::greater<>());
    const std::uint16_t id = back_.back();
    back_.pop_back();
    return id;
  }
  void give_back(std::uint16_t id) {
    --used_;
    back_.push_back(id);
    std::push_heap(back_.begin(), back_.end(), std::greater<>());
  }

 private:
  unsigned ids_;
  unsigned used_ = 0;
  std::uint16_t next_ = 0;
  std::vector<std::uint16_t> back_;  ///< heap, the lowest in front
};

}  // namespace memwall::hbf
