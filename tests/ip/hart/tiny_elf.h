// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Smallest useful ELF64 executable for tests: one segment at 0x80000000 and a symbol `tohost`.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <vector>

namespace memwall {

inline std::vector<std::uint8_t> tiny_elf(std::initializer_list<std::uint32_t> code, std::uint64_t tohost) {
  constexpr std::size_t kSections = 512, kSymbols = 1024, kStrings = 1536, kCode = 2048;
  std::vector<std::uint8_t> out(kCode + 4 * code.size(), 0);
  const auto put = [&out](std::size_t at, std::uint64_t value, unsigned bytes) {
    std::memcpy(&out[at], &value, bytes);
  };
  std::memcpy(out.data(),
              "\x7f"
              "ELF\x02\x01\x01",
              7);
  put(16, 2, 2);    // e_type: executable
  put(18, 243, 2);  // e_machine: RISC-V
  put(20, 1, 4);
  put(24, 0x80000000, 8);  // e_entry
  put(32, 64, 8);          // e_phoff
  put(40, kSections, 8);   // e_shoff
  put(52, 64, 2);
  put(54, 56, 2);
  put(56, 1, 2);
  put(58, 64, 2);
  put(60, 3, 2);
  put(64, 1, 4);  // PT_LOAD
  put(68, 5, 4);
  put(72, kCode, 8);
  put(80, 0x80000000, 8);
  put(88, 0x80000000, 8);
  put(96, 4 * code.size(), 8);
  put(104, 0x20000, 8);
  put(kSections + 64 + 4, 2, 4);  // section 1: symbols
  put(kSections + 64 + 24, kSymbols, 8);
  put(kSections + 64 + 32, 48, 8);
  put(kSections + 64 + 40, 2, 4);
  put(kSections + 64 + 56, 24, 8);
  put(kSections + 128 + 4, 3, 4);  // section 2: strings
  put(kSections + 128 + 24, kStrings, 8);
  put(kSections + 128 + 32, 8, 8);
  put(kSymbols + 24, 1, 4);
  put(kSymbols + 24 + 8, tohost, 8);
  std::memcpy(&out[kStrings + 1], "tohost", 6);
  std::size_t at = kCode;
  for (const std::uint32_t w : code) {
    put(at, w, 4);
    at += 4;
  }
  return out;
}

}  // namespace memwall
