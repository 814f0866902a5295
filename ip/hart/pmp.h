// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Physical memory protection: 16 entries, granularity 4 bytes, OFF/TOR/NA4/NAPOT, lock.
#pragma once

#include <array>
#include <cstdint>

#include "hart/isa.h"

namespace memwall::hart {

enum class AccessKind : std::uint8_t { kRead, kWrite, kExecute };

class Pmp {
 public:
  static constexpr unsigned kEntries = 16;

  void reset();
  /// May `privilege` touch [address, address + bytes)? The lowest-numbered entry that matches any byte
  /// decides, and must match all bytes. Nothing matches: machine mode may, user mode may not.
  bool allows(std::uint64_t address, std::uint64_t bytes, AccessKind kind, Privilege privilege) const;
  /// True if one answer holds for the whole naturally aligned page.
  bool uniform(std::uint64_t page, std::uint64_t bytes) const;

  std::uint8_t config(unsigned i) const { return config_[i]; }
  std::uint64_t address(unsigned i) const { return address_[i]; }
  /// WARL; locked entries keep their value. True if something changed.
  bool write_config(unsigned i, std::uint8_t value);
  bool write_address(unsigned i, std::uint64_t value);

 private:
  struct Range {
    std::uint64_t first = 1, last = 0;  ///< bytes, inclusive; empty if first > last
    bool empty() const { return first > last; }
  };
  void update_ranges();

  std::array<std::uint8_t, kEntries> config_{};
  std::array<std::uint64_t, kEntries> address_{};
  std::array<Range, kEntries> ranges_{};
  unsigned active_ = 0;  // entries up to the last one in use
};

}  // namespace memwall::hart
