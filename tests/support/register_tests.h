// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Tests that hold for every register of every block, driven by the generated RegisterInfo table. Reusable on
/// anything that answers register reads and writes: a bank, a model behind its TLM socket, RTL behind
/// AXI-Lite.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iomanip>
#include <set>
#include <sstream>
#include <string>
#include <unordered_set>
#include <vector>

#include "common/register_bank.h"

namespace memwall::testing_support {

/// Both return false if the target refuses the access.
using RegisterRead = std::function<bool(std::uint32_t offset, std::uint32_t& value)>;
using RegisterWrite = std::function<bool(std::uint32_t offset, std::uint32_t value)>;

struct RegisterTestOptions {
  /// Registers (an array's name means all its elements) that are not touched at all.
  std::set<std::string> skip;
  /// Registers whose reset value is checked, but which are not written because that starts something.
  std::set<std::string> skip_write;
  /// Registers whose value after reset depends on the configuration or on time.
  std::set<std::string> skip_reset_value;
  /// True for a live target whose hardware clears w1s bits as soon as it has taken them.
  bool w1s_self_clears = false;
};

inline bool listed(const std::set<std::string>& names, const RegisterInfo& info) {
  const std::string name = info.name;
  return names.count(name) != 0 || names.count(name.substr(0, name.find('['))) != 0;
}

/// Checks every bit of `actual` (what a read returned after `written`) against its policy; `before` is what
/// the register held. Bits that hardware drives (ro) must not have moved.
inline void expect_bits(const RegisterInfo& info, std::uint32_t before, std::uint32_t written,
                        std::uint32_t actual, bool w1s_self_clears) {
  std::ostringstream wrong;
  for (unsigned bit = 0; bit < 32; ++bit) {
    const std::uint32_t mask = 1u << bit;
    const bool old_bit = (before & mask) != 0;
    const bool new_bit = (written & mask) != 0;
    bool expected = false;
    const char* policy = "reserved or wo";
    if ((info.readable_mask & mask) != 0) {
      policy = "ro or const";
      expected = old_bit;
      if ((info.writable_mask & mask) != 0) {
        policy = "rw";
        expected = new_bit;
      } else if ((info.w1c_mask & mask) != 0) {
        policy = "w1c";
        expected = old_bit && !new_bit;
      } else if ((info.w1s_mask & mask) != 0) {
        policy = "w1s";
        expected = w1s_self_clears ? false : old_bit || new_bit;
      }
    }
    if (((actual & mask) != 0) != expected)
      wrong << " bit " << bit << " (" << policy << ") should be " << expected;
  }
  EXPECT_TRUE(wrong.str().empty()) << info.name << std::hex << ": held 0x" << before << ", wrote 0x"
                                   << written << ", reads 0x" << actual << ":" << wrong.str();
}

/// Zero, all ones, checkerboards and each single bit.
inline std::vector<std::uint32_t> register_patterns() {
  std::vector<std::uint32_t> patterns = {0u, 0xffffffffu, 0x55555555u, 0xaaaaaaaau, 0u};
  for (unsigned bit = 0; bit < 32; ++bit) patterns.push_back(1u << bit);
  return patterns;
}

/// Reset value, access policy and every bit of every register that `options` does not exclude. The target
/// must be freshly reset; afterwards writable bits hold their reset values again.
inline void run_register_tests(const RegisterInfo* table, std::size_t n, const RegisterRead& read,
                               const RegisterWrite& write, const RegisterTestOptions& options = {}) {
  std::size_t checked = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const RegisterInfo& info = table[i];
    if (listed(options.skip, info) || listed(options.skip_reset_value, info)) continue;
    std::uint32_t value = 0;
    EXPECT_TRUE(read(info.offset, value)) << info.name << " refuses a read";
    EXPECT_EQ(value, info.reset & info.readable_mask) << info.name << " has a wrong reset value";
    ++checked;
  }
  for (std::size_t i = 0; i < n; ++i) {
    const RegisterInfo& info = table[i];
    if (listed(options.skip, info) || listed(options.skip_write, info)) continue;
    std::uint32_t before = 0;
    EXPECT_TRUE(read(info.offset, before)) << info.name << " refuses a read";
    for (const std::uint32_t pattern : register_patterns()) {
      std::uint32_t actual = 0;
      EXPECT_TRUE(write(info.offset, pattern)) << info.name << " refuses a write";
      EXPECT_TRUE(read(info.offset, actual)) << info.name << " refuses a read";
      expect_bits(info, before, pattern, actual, options.w1s_self_clears);
      before = actual;
    }
    write(info.offset, info.reset & info.writable_mask);
    ++checked;
  }
  EXPECT_GT(checked, 0u) << "the options exclude every register";
}

// What follows drives a generated bank with a hardware side: Bank::kTable, kTableSize, kSizeBytes,
// poke(index, value) and hook_calls.

template <class Bank>
void check_bank_reset_values() {
  Bank bank;
  for (int round = 0; round < 2; ++round) {
    for (const RegisterInfo& info : Bank::kTable) {
      std::uint32_t value = 0;
      EXPECT_TRUE(bank.read(info.offset, value)) << info.name;
      EXPECT_EQ(value, info.reset & info.readable_mask) << info.name;
    }
    for (std::size_t i = 0; i < Bank::kTableSize; ++i) bank.poke(i, ~Bank::kTable[i].reset);
    bank.reset();
  }
}

template <class Bank>
void check_bank_access_policy() {
  Bank bank;
  run_register_tests(
      Bank::kTable, Bank::kTableSize, [&](std::uint32_t o, std::uint32_t& v) { return bank.read(o, v); },
      [&](std::uint32_t o, std::uint32_t v) { return bank.write(o, v); });
  // From every bit set by hardware, and from every bit clear: the only way to see w1c and w1s act.
  for (std::size_t i = 0; i < Bank::kTableSize; ++i) {
    const RegisterInfo& info = Bank::kTable[i];
    for (const std::uint32_t start : {0xffffffffu, 0u}) {
      for (const std::uint32_t pattern : register_patterns()) {
        bank.poke(i, start);
        std::uint32_t before = 0;
        std::uint32_t actual = 0;
        bank.read(info.offset, before);
        const std::uint32_t held = (start & ~info.const_mask) | (info.reset & info.const_mask);
        EXPECT_EQ(before, held & info.readable_mask) << info.name;
        bank.write(info.offset, pattern);
        bank.read(info.offset, actual);
        expect_bits(info, before, pattern, actual, false);
      }
    }
  }
}

template <class Bank>
void check_bank_isolation() {
  Bank bank;
  const auto stamp = [](std::size_t i) { return 0x9e3779b9u * static_cast<std::uint32_t>(i + 1); };
  for (std::size_t i = 0; i < Bank::kTableSize; ++i) bank.write(Bank::kTable[i].offset, stamp(i));
  for (std::size_t i = 0; i < Bank::kTableSize; ++i) {
    const RegisterInfo& info = Bank::kTable[i];
    std::uint32_t value = 0;
    bank.read(info.offset, value);
    expect_bits(info, info.reset & info.readable_mask, stamp(i), value, false);
  }
}

template <class Bank>
void check_bank_undefined_offsets() {
  Bank bank;
  std::unordered_set<std::uint32_t> known;
  for (const RegisterInfo& info : Bank::kTable) known.insert(info.offset);
  EXPECT_EQ(known.size(), Bank::kTableSize);
  std::uint32_t refused = 0;
  for (std::uint32_t offset = 0; offset < Bank::kSizeBytes + 16; ++offset) {
    if (known.count(offset) != 0) continue;
    std::uint32_t value = 0;
    refused += !bank.defined(offset) && !bank.read(offset, value) && !bank.write(offset, ~0u) &&
               !bank.debug_read(offset, value);
  }
  EXPECT_EQ(refused, Bank::kSizeBytes + 16 - known.size());
  EXPECT_EQ(bank.hook_calls, 0u);
}

template <class Bank>
void check_bank_hooks() {
  Bank bank;
  for (const RegisterInfo& info : Bank::kTable) {
    std::uint32_t value = 0;
    std::uint32_t seen = 0;
    bank.hook_calls = 0;
    bank.debug_read(info.offset, seen);
    EXPECT_EQ(bank.hook_calls, 0u) << info.name << ": a debug read has a side effect";
    bank.read(info.offset, value);
    EXPECT_EQ(bank.hook_calls, info.has_read_hook ? 1u : 0u) << info.name << " read";
    EXPECT_EQ(seen, value) << info.name;
    bank.hook_calls = 0;
    bank.write(info.offset, 0);
    EXPECT_EQ(bank.hook_calls, info.has_write_hook ? 1u : 0u) << info.name << " write";
  }
}

}  // namespace memwall::testing_support
