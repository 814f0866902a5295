// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The bytes of an input file, and a reader that never leaves them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/error.h"

namespace memwall::loader {

/// An immutable run of bytes: a file mapped read-only (so that a large checkpoint costs only the pages that
/// are read) or a buffer. The file must not shrink while it is mapped.
class Bytes {
 public:
  /// Throws ConfigError when the file cannot be opened, is no regular file or is empty.
  static std::shared_ptr<const Bytes> map_file(const std::string& path);
  static std::shared_ptr<const Bytes> from_memory(std::vector<std::uint8_t> buffer);
  ~Bytes();
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  const std::uint8_t* data() const { return data_; }
  std::uint64_t size() const { return size_; }

 private:
  Bytes() = default;
  std::vector<std::uint8_t> buffer_;
  const std::uint8_t* data_ = nullptr;
  std::uint64_t size_ = 0;
  bool mapped_ = false;
};

/// Reads little-endian values in sequence. Running past the end is a ConfigError that names what was read.
class ByteReader {
 public:
  ByteReader(const Bytes& bytes, std::string file) : bytes_(&bytes), file_(std::move(file)) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t remaining() const { return bytes_->size() - position_; }

  template <typename T>
  T read(const char* what) {
    static_assert(std::is_arithmetic_v<T>, "fixed-size numbers only");
    T value;
    std::memcpy(&value, take(sizeof(T), what), sizeof(T));
    return value;
  }
  std::string read_string(std::uint64_t length, const char* what) {
    const auto* begin = reinterpret_cast<const char*>(take(length, what));
    return std::string(begin, static_cast<std::size_t>(length));
  }
  /// Skips `count` bytes and returns where they begin.
  const std::uint8_t* take(std::uint64_t count, const char* what) {
    if (count > remaining())
      throw ConfigError(file_, std::string("truncated: ") + what + " at byte " + std::to_string(position_) +
                                   " needs " + std::to_string(count) + " bytes, the file has " +
                                   std::to_string(remaining()) + " more");
    const std::uint8_t* begin = bytes_->data() + position_;
    position_ += count;
    return begin;
  }

 private:
  const Bytes* bytes_;
  std::string file_;
  std::uint64_t position_ = 0;
};

}  // namespace memwall::loader
