// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Number formats of the numerics contract: f32, f16, bf16 (IEEE 754 binary32/binary16, bfloat16) and MXINT8
/// (OCP Microscaling Formats v1.0: blocks of 32 int8 elements, value = element * 2^-6 * 2^(scale - 127)).
/// All conversions to a narrower format round to nearest, ties to even, keep subnormals, overflow to infinity
/// and turn every NaN into the format's canonical quiet NaN.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace memwall::numerics {

enum class Format : std::uint8_t { kF32 = 0, kF16 = 1, kBf16 = 2, kMxint8 = 3 };

/// Elements per MXINT8 block.
inline constexpr std::size_t kMxBlock = 32;
/// Every NaN that an engine stores has these bits.
inline constexpr std::uint32_t kCanonicalNan = 0x7fc00000u;

inline std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline float float_of(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline float canonical(float value) { return value != value ? float_of(kCanonicalNan) : value; }

/// Bytes per element; 1 for MXINT8 (its scales are stored apart).
inline constexpr std::size_t bytes_per_element(Format format) {
  return format == Format::kF32 ? 4 : format == Format::kMxint8 ? 1 : 2;
}

/// Exact.
float f32_from_f16(std::uint16_t bits);
std::uint16_t f16_from_f32(float value);
/// Exact.
inline float f32_from_bf16(std::uint16_t bits) { return float_of(static_cast<std::uint32_t>(bits) << 16); }
std::uint16_t bf16_from_f32(float value);

/// Quantises 32 floats to one MXINT8 block and returns its E8M0 scale.
/// scale = 127 + floor(log2(max |x|)), at least 0; element = round-to-nearest-even(x * 64 / 2^(scale - 127)),
/// clamped to [-127, 127]. All zeros: scale 0. Any infinity or NaN: scale 255 (the block is NaN), elements 0.
/// A maximum below 2^-127 uses scale 0.
std::uint8_t quantise_mxint8(const float in[kMxBlock], std::int8_t out[kMxBlock]);

/// Converts `count` elements between f32 and f32/f16/bf16. `format` is not MXINT8.
void to_f32(Format format, const void* in, float* out, std::size_t count);
void from_f32(Format format, const float* in, void* out, std::size_t count);

}  // namespace memwall::numerics
