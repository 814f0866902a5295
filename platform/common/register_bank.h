// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What all generated register banks share: the table that describes a register, the access policy of a
/// write, and the interface through which a bus adapter reaches any bank. Storage and policy only: no timing.
#pragma once

#include <cstdint>

namespace memwall {

/// One 32-bit register as software sees it. Masks say which bits follow which policy; a bit in none is
/// reserved.
struct RegisterInfo {
  const char* name;
  std::uint32_t offset;         ///< bytes from the start of the block
  std::uint32_t reset;          ///< value after reset
  std::uint32_t writable_mask;  ///< rw and wo bits: take the written value
  std::uint32_t w1c_mask;       ///< writing 1 clears
  std::uint32_t w1s_mask;       ///< writing 1 sets
  std::uint32_t readable_mask;  ///< bits that a read returns (all but wo and reserved)
  std::uint32_t const_mask;     ///< bits that never change
  bool has_read_hook;
  bool has_write_hook;
};

/// A register's contents after software wrote `value`.
constexpr std::uint32_t after_write(const RegisterInfo& info, std::uint32_t old, std::uint32_t value) {
  std::uint32_t next = (old & ~info.writable_mask) | (value & info.writable_mask);
  next &= ~(value & info.w1c_mask);
  next |= value & info.w1s_mask;
  return next;
}

/// Any bank of 32-bit registers.
class RegisterBank {
 public:
  RegisterBank() = default;
  RegisterBank(const RegisterBank&) = delete;
  RegisterBank& operator=(const RegisterBank&) = delete;
  virtual ~RegisterBank() = default;

  /// True if `offset` is aligned and holds a register.
  virtual bool defined(std::uint32_t offset) const = 0;
  /// Software access with side effects; false (and no effect) at an undefined or unaligned offset.
  virtual bool read(std::uint32_t offset, std::uint32_t& value) = 0;
  virtual bool write(std::uint32_t offset, std::uint32_t value) = 0;
  /// Read for a debugger: no side effects.
  virtual bool debug_read(std::uint32_t offset, std::uint32_t& value) const = 0;
};

}  // namespace memwall
