// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Writes GGUF files for tests, including wrong ones: keys and tensors can be replaced, removed and renamed,
/// and nothing is checked.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace memwall::test {

using ByteVector = std::vector<std::uint8_t>;

template <typename T>
void append(ByteVector& out, T value) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(&value);
  out.insert(out.end(), begin, begin + sizeof value);
}

/// ggml type numbers.
inline constexpr std::uint32_t kGgmlF32 = 0, kGgmlF16 = 1, kGgmlQ4K = 12, kGgmlQ8_0 = 8, kGgmlBf16 = 30;

/// The f16 bits of a value that f16 holds exactly, by definition of the format (normal numbers and zero
/// only).
inline std::uint16_t exact_f16(float value) {
  if (value == 0.0f) return std::signbit(value) ? 0x8000 : 0;
  int exponent;
  const float fraction = std::frexp(std::abs(value), &exponent);  // in [0.5, 1)
  const auto mantissa = static_cast<std::uint32_t>(std::ldexp(fraction, 11));
  return static_cast<std::uint16_t>((std::signbit(value) ? 0x8000u : 0u) |
                                    (static_cast<std::uint32_t>(exponent + 14) << 10) | (mantissa & 0x3ffu));
}

/// Encodes multiples of 1/64 below 2 in magnitude, which every supported format holds exactly.
inline ByteVector encode_tensor(std::uint32_t ggml_type, const std::vector<float>& values) {
  ByteVector out;
  if (ggml_type == kGgmlQ8_0) {
    for (std::size_t block = 0; block < values.size(); block += 32) {
      append<std::uint16_t>(out, exact_f16(1.0f / 64));
      for (std::size_t i = 0; i < 32; ++i)
        append<std::int8_t>(out, static_cast<std::int8_t>(values[block + i] * 64.0f));
    }
    return out;
  }
  for (float value : values) {
    if (ggml_type == kGgmlF16) {
      append(out, exact_f16(value));
    } else if (ggml_type == kGgmlBf16) {
      std::uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      append(out, static_cast<std::uint16_t>(bits >> 16));
    } else {
      append(out, value);
    }
  }
  return out;
}

class GgufWriter {
 public:
  struct TensorEntry {
    std::string name;
    std::vector<std::uint64_t> extent;  ///< fastest first
    std::uint32_t type;
    ByteVector data;
  };

  std::uint32_t version = 3;
  std::uint64_t alignment = 32;
  std::vector<TensorEntry> tensors;

  void set_u32(const std::string& key, std::uint32_t value) { set(key, 4, scalar(value)); }
  void set_i32(const std::string& key, std::int32_t value) { set(key, 5, scalar(value)); }
  void set_u64(const std::string& key, std::uint64_t value) { set(key, 10, scalar(value)); }
  void set_f32(const std::string& key, float value) { set(key, 6, scalar(value)); }
  void set_bool(const std::string& key, bool value) { set(key, 7, scalar<std::uint8_t>(value ? 1 : 0)); }
  void set_string(const std::string& key, const std::string& value) { set(key, 8, text(value)); }
  void set_array(const std::string& key, const std::vector<std::string>& values) {
    ByteVector bytes = array_head(8, values.size());
    for (const auto& value : values) concatenate(bytes, text(value));
    set(key, 9, bytes);
  }
  void set_array(const std::string& key, const std::vector<float>& values) {
    ByteVector bytes = array_head(6, values.size());
    for (float value : values) append(bytes, value);
    set(key, 9, bytes);
  }
  void set_array(const std::string& key, const std::vector<std::int32_t>& values) {
    ByteVector bytes = array_head(5, values.size());
    for (std::int32_t value : values) append(bytes, value);
    set(key, 9, bytes);
  }
  /// A value of any type, right or wrong.
  void set_raw(const std::string& key, std::uint32_t type, const ByteVector& bytes) { set(key, type, bytes); }
  /// Adds a second entry with the same key.
  void duplicate(const std::string& key) {
    const auto entry = std::find_if(keys_.begin(), keys_.end(), [&](const Key& k) { return k.name == key; });
    keys_.push_back(Key(*entry));
  }
  void remove(const std::string& key) {
    keys_.erase(std::remove_if(keys_.begin(), keys_.end(), [&](const Key& k) { return k.name == key; }),
                keys_.end());
  }

  void add_tensor(const std::string& name, std::uint64_t rows, std::uint64_t cols, std::uint32_t type,
                  const std::vector<float>& values) {
    std::vector<std::uint64_t> extent = {cols};
    if (rows != 1) extent.push_back(rows);
    tensors.push_back({name, extent, type, encode_tensor(type, values)});
  }
  TensorEntry& tensor(const std::string& name) {
    return *std::find_if(tensors.begin(), tensors.end(),
                         [&](const TensorEntry& t) { return t.name == name; });
  }
  void remove_tensor(const std::string& name) {
    tensors.erase(
        std::remove_if(tensors.begin(), tensors.end(), [&](const TensorEntry& t) { return t.name == name; }),
        tensors.end());
  }

  ByteVector bytes() const {
    ByteVector out = {'G', 'G', 'U', 'F'};
    append(out, version);
    append<std::uint64_t>(out, tensors.size());
    append<std::uint64_t>(out, keys_.size());
    for (const Key& key : keys_) {
      concatenate(out, text(key.name));
      append(out, key.type);
      concatenate(out, key.value);
    }
    std::uint64_t offset = 0;
    for (const TensorEntry& tensor : tensors) {
      concatenate(out, text(tensor.name));
      append(out, static_cast<std::uint32_t>(tensor.extent.size()));
      for (std::uint64_t extent : tensor.extent) append(out, extent);
      append(out, tensor.type);
      append(out, offset);
      offset += padded(tensor.data.size());
    }
    out.resize(padded(out.size()));
    for (const TensorEntry& tensor : tensors) {
      concatenate(out, tensor.data);
      out.resize(out.size() + padded(tensor.data.size()) - tensor.data.size());
    }
    return out;
  }

 private:
  struct Key {
    std::string name;
    std::uint32_t type;
    ByteVector value;
  };

  std::uint64_t padded(std::uint64_t size) const { return (size + alignment - 1) / alignment * alignment; }
  template <typename T>
  static ByteVector scalar(T value) {
    ByteVector bytes;
    append(bytes, value);
    return bytes;
  }
  static void concatenate(ByteVector& out, const ByteVector& more) {
    out.insert(out.end(), more.begin(), more.end());
  }
  static ByteVector text(const std::string& value) {
    ByteVector bytes;
    append<std::uint64_t>(bytes, value.size());
    bytes.insert(bytes.end(), value.begin(), value.end());
    return bytes;
  }
  static ByteVector array_head(std::uint32_t type, std::uint64_t count) {
    ByteVector bytes;
    append(bytes, type);
    append(bytes, count);
    return bytes;
  }
  void set(const std::string& key, std::uint32_t type, const ByteVector& value) {
    for (Key& entry : keys_) {
      if (entry.name != key) continue;
      entry.type = type;
      entry.value = value;
      return;
    }
    keys_.push_back({key, type, value});
  }

  std::vector<Key> keys_;
};

}  // namespace memwall::test
