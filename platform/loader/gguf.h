// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The GGUF container, version 3, little endian: metadata and a directory of tensors. No meaning is given to
/// keys here (see gguf_llama.cpp). After the specification in
/// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Every read is checked against the file's size,
/// so nothing allocates more than a small multiple of the file.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "loader/model.h"

namespace memwall::loader {

struct GgufArray;

/// All integer types are widened; unsigned 64-bit values beyond int64 are kept as uint64.
using GgufValue = std::variant<std::uint64_t, std::int64_t, double, bool, std::string, GgufArray>;

/// Arrays of one element kind; arrays of arrays are refused.
struct GgufArray {
  std::vector<std::int64_t> integers;
  std::vector<float> floats;
  std::vector<std::string> strings;
  std::uint64_t count = 0;
};

struct GgufTensor {
  std::string name;
  std::uint32_t type = 0;             ///< ggml type number
  std::vector<std::uint64_t> extent;  ///< fastest first, as stored
  std::uint64_t offset = 0;           ///< from the start of the data section
};

class GgufFile {
 public:
  GgufFile(std::shared_ptr<const Bytes> bytes, std::string file);

  const std::string& file() const { return file_; }
  const std::vector<GgufTensor>& tensors() const { return tensors_; }

  bool has(const std::string& key) const { return metadata_.count(key) != 0; }
  /// A missing key or another type is a ConfigError that names the key; with a fallback it may be missing.
  std::uint32_t get_u32(const std::string& key) const;
  std::uint32_t get_u32(const std::string& key, std::uint32_t fallback) const;
  float get_f32(const std::string& key) const;
  float get_f32(const std::string& key, float fallback) const;
  bool get_bool(const std::string& key, bool fallback) const;
  std::string get_string(const std::string& key) const;
  std::string get_string(const std::string& key, const std::string& fallback) const;
  const GgufArray& get_array(const std::string& key) const;

  /// A view of a tensor of this shape; rows 1 accepts a one-dimensional tensor. Checks presence, shape,
  /// format, and that its bytes are in the file.
  Tensor tensor(const std::string& name, std::uint64_t rows, std::uint64_t cols) const;

 private:
  const GgufValue& value(const std::string& key) const;

  std::shared_ptr<const Bytes> bytes_;
  std::string file_;
  std::map<std::string, GgufValue> metadata_;
  std::vector<GgufTensor> tensors_;
  std::map<std::string, std::size_t> tensor_index_;
  std::uint64_t alignment_ = 32;
  std::uint64_t data_begin_ = 0;
};

/// "Q4_K" for 12; "type 99" for an unknown number.
std::string ggml_type_name(std::uint32_t type);

}  // namespace memwall::loader
