// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Framing of the GDB remote serial protocol ("Remote Protocol", GDB manual, appendix E.1): $data#checksum
/// with
/// '}' escapes. Pure functions; no sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace memwall::gdb {

/// "$data#xx", with '$', '#', '}' and '*' escaped.
std::string frame(const std::string& data);

/// Takes bytes as they come and yields what gdb said.
class Deframer {
 public:
  enum class Kind { kPacket, kBadChecksum, kInterrupt, kAck, kNak };
  struct Item {
    Kind kind;
    std::string data;  ///< kPacket only, unescaped
  };
  void push(const char* bytes, std::size_t count);
  /// Next complete item, nullopt if more bytes are needed. A packet over 64 KiB is dropped as a bad checksum.
  std::optional<Item> next();

 private:
  std::string buffer_;
};

std::string to_hex(const void* bytes, std::size_t count);
/// nullopt if `text` is not an even number of hexadecimal digits.
std::optional<std::vector<std::uint8_t>> from_hex(const std::string& text);
/// Parses a hexadecimal number from `at` on and moves `at` past it; nullopt if there is none or it is too
/// long.
std::optional<std::uint64_t> parse_hex(const std::string& text, std::size_t& at);

}  // namespace memwall::gdb
