// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Backing store of the memory models: bytes that exist only once they were written. Unwritten bytes read as
/// `fill`. Not a timing model. A 512 GiB cube costs host memory only for the pages that a run touches.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <unordered_map>

namespace memwall {

class SparseMemory {
 public:
  static constexpr std::uint64_t kPageBytes = 64 * 1024;

  explicit SparseMemory(std::uint64_t size_bytes, std::uint8_t fill = 0) : size_(size_bytes), fill_(fill) {}

  std::uint64_t size() const { return size_; }
  /// Bytes of host memory in use for contents.
  std::uint64_t resident_bytes() const { return pages_.size() * kPageBytes; }
  /// True if [offset, offset + bytes) lies inside.
  bool contains(std::uint64_t offset, std::uint64_t bytes) const {
    return offset <= size_ && bytes <= size_ - offset;
  }
  /// Caller checks contains() first.
  void read(std::uint64_t offset, void* out, std::uint64_t bytes) const;
  void write(std::uint64_t offset, const void* in, std::uint64_t bytes);
  /// Returns [offset, offset + bytes) to the fill value, releasing whole pages.
  void clear(std::uint64_t offset, std::uint64_t bytes);

 private:
  using Page = std::unique_ptr<std::uint8_t[]>;
  std::uint64_t size_;
  std::uint8_t fill_;
  std::unordered_map<std::uint64_t, Page> pages_;
};

}  // namespace memwall
