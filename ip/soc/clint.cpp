// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "soc/clint.h"

namespace memwall::soc {

TimePs ClintCore::next_change() const {
  if (mtip()) return kNever;
  const std::uint64_t ticks = mtimecmp() - offset_;  // since time 0, modulo 2^64
  return ticks <= kNever / period_ ? ticks * period_ : kNever;
}

void ClintCore::latch() {
  set_mtime_lo(static_cast<std::uint32_t>(mtime()));
  set_mtime_hi(static_cast<std::uint32_t>(mtime() >> 32));
}

void ClintCore::on_write_mtime_lo(std::uint32_t written) {
  const std::uint64_t wanted = (mtime() & ~std::uint64_t{0xffffffff}) | written;
  offset_ += wanted - mtime();
}

void ClintCore::on_write_mtime_hi(std::uint32_t written) {
  const std::uint64_t wanted = (mtime() & 0xffffffff) | static_cast<std::uint64_t>(written) << 32;
  offset_ += wanted - mtime();
}

}  // namespace memwall::soc
