// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "common/sparse_memory.h"

#include <algorithm>

namespace memwall {

void SparseMemory::read(std::uint64_t offset, void* out, std::uint64_t bytes) const {
  auto* to = static_cast<std::uint8_t*>(out);
  while (bytes > 0) {
    const std::uint64_t in_page = offset % kPageBytes;
    const std::uint64_t n = std::min(bytes, kPageBytes - in_page);
    const auto page = pages_.find(offset / kPageBytes);
    if (page == pages_.end()) {
      std::memset(to, fill_, n);
    } else {
      std::memcpy(to, page->second.get() + in_page, n);
    }
    offset += n, to += n, bytes -= n;
  }
}

void SparseMemory::write(std::uint64_t offset, const void* in, std::uint64_t bytes) {
  const auto* from = static_cast<const std::uint8_t*>(in);
  while (bytes > 0) {
    const std::uint64_t in_page = offset % kPageBytes;
    const std::uint64_t n = std::min(bytes, kPageBytes - in_page);
    Page& page = pages_[offset / kPageBytes];
    if (!page) {
      page = Page(new std::uint8_t[kPageBytes]);
      std::memset(page.get(), fill_, kPageBytes);
    }
    std::memcpy(page.get() + in_page, from, n);
    offset += n, from += n, bytes -= n;
  }
}

void SparseMemory::clear(std::uint64_t offset, std::uint64_t bytes) {
  while (bytes > 0) {
    const std::uint64_t in_page = offset % kPageBytes;
    const std::uint64_t n = std::min(bytes, kPageBytes - in_page);
    const auto page = pages_.find(offset / kPageBytes);
    if (page != pages_.end()) {
      if (n == kPageBytes) {
        pages_.erase(page);
      } else {
        std::memset(page->second.get() + in_page, fill_, n);
      }
    }
    offset += n, bytes -= n;
  }
}

}  // namespace memwall
