// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "numerics/formats.h"

#include <cmath>

namespace memwall::numerics {

namespace {

// f16 bits moved into f32 places.
constexpr std::int32_t kInfinity = 0x0f800000;
constexpr std::int32_t kSmallestNormal = 1 << 23;
constexpr std::int32_t kRebias = 112 << 23;  ///< to the bias of f32

/// Branch-free and without subnormal f32 operands (which are slow on many hosts), so that loops over it
/// become fast vector code.
inline float widen_f16(std::uint32_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16;
  const auto magnitude = static_cast<std::int32_t>((bits & 0x7fffu) << 13);
  // A subnormal is a fraction of 2^-14: give it that exponent and take the implicit 1 away, exactly.
  const float fraction =
      float_of(static_cast<std::uint32_t>(magnitude + kRebias + kSmallestNormal)) - 0x1p-14f;
  std::int32_t result = magnitude + kRebias;
  result = magnitude < kSmallestNormal ? static_cast<std::int32_t>(bits_of(fraction)) : result;
  const std::int32_t special = magnitude > kInfinity ? static_cast<std::int32_t>(kCanonicalNan) : 0x7f800000;
  result = magnitude >= kInfinity ? special : result;
  return float_of(sign | static_cast<std::uint32_t>(result));
}

}  // namespace

float f32_from_f16(std::uint16_t bits) { return widen_f16(bits); }

std::uint16_t f16_from_f32(float value) {
  const std::uint32_t bits = bits_of(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return 0x7e00u;
  if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // 65520 and above
  if (magnitude < 0x38800000u) {
    // Below 2^-14: the result is a multiple of 2^-24; adding 0.5 * 2^0 aligns the rounding position.
    const float rounded = float_of(magnitude) + 0.5f;
    return static_cast<std::uint16_t>(sign | (bits_of(rounded) - 0x3f000000u));
  }
  const std::uint32_t round = 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<std::uint16_t>(sign | ((magnitude + round - 0x38000000u) >> 13));
}

std::uint16_t bf16_from_f32(float value) {
  const std::uint32_t bits = bits_of(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fc0u;
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

std::uint8_t quantise_mxint8(const float in[kMxBlock], std::int8_t out[kMxBlock]) {
  std::uint32_t largest = 0;
  for (std::size_t i = 0; i < kMxBlock; ++i) {
    const std::uint32_t magnitude = bits_of(in[i]) & 0x7fffffffu;
    if (magnitude > largest) largest = magnitude;
  }
  std::memset(out, 0, kMxBlock);
  if (largest >= 0x7f800000u) return 255;
  const std::uint32_t scale = largest >> 23;  // biased exponent; 0 for zero and subnormal maxima
  // x * 64 / 2^(scale - 127) is exact in double and at most 128; adding and subtracting 1.5 * 2^52 rounds it
  // to the nearest even integer.
  const double factor = std::ldexp(64.0, 127 - static_cast<int>(scale));
  for (std::size_t i = 0; i < kMxBlock; ++i) {
    double q = (static_cast<double>(in[i]) * factor + 0x1.8p52) - 0x1.8p52;
    if (q > 127.0) q = 127.0;
    if (q < -127.0) q = -127.0;
    out[i] = static_cast<std::int8_t>(q);
  }
  return static_cast<std::uint8_t>(scale);
}

void to_f32(Format format, const void* in, float* out, std::size_t count) {
  if (format == Format::kF32) {
    std::memcpy(out, in, count * sizeof(float));
    return;
  }
  const auto* from = static_cast<const std::uint8_t*>(in);
  const auto half = [from](std::size_t i) {
    std::uint16_t bits;
    std::memcpy(&bits, from + 2 * i, sizeof bits);
    return bits;
  };
  if (format == Format::kF16) {
    for (std::size_t i = 0; i < count; ++i) out[i] = widen_f16(half(i));
  } else {
    for (std::size_t i = 0; i < count; ++i) out[i] = f32_from_bf16(half(i));
  }
}

void from_f32(Format format, const float* in, void* out, std::size_t count) {
  auto* to = static_cast<std::uint8_t*>(out);
  for (std::size_t i = 0; i < count; ++i) {
    if (format == Format::kF32) {
      const float value = canonical(in[i]);
      std::memcpy(to + 4 * i, &value, sizeof value);
    } else {
      const std::uint16_t half = format == Format::kF16 ? f16_from_f32(in[i]) : bf16_from_f32(in[i]);
      std::memcpy(to + 2 * i, &half, sizeof half);
    }
  }
}

}  // namespace memwall::numerics
