// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Format conversions against oracles that share no code with them: tables of all values and exact arithmetic
// in double and long double.
#include "numerics/formats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "common/rng.h"

namespace memwall::numerics {
namespace {

/// A 16-bit IEEE-like format decoded by its definition.
struct HalfFormat {
  int mantissa_bits;
  int bias;
  int exponent_bits() const { return 15 - mantissa_bits; }
  double value(std::uint32_t bits) const {  // finite magnitudes only, no sign
    const int exponent = static_cast<int>(bits >> mantissa_bits);
    const double fraction = bits & ((1u << mantissa_bits) - 1);
    if (exponent == 0) return std::ldexp(fraction, 1 - bias - mantissa_bits);
    return std::ldexp(fraction + std::ldexp(1.0, mantissa_bits), exponent - bias - mantissa_bits);
  }
  std::uint32_t infinity() const { return ((1u << exponent_bits()) - 1) << mantissa_bits; }
};
constexpr HalfFormat kF16{10, 15};
constexpr HalfFormat kBf16{7, 127};

/// Nearest, ties to even: the two neighbours come from the table of all magnitudes. The step past the largest
/// finite value stands for infinity, as IEEE 754 rounds.
class NearestOracle {
 public:
  explicit NearestOracle(const HalfFormat& format) : format_(format) {
    for (std::uint32_t bits = 0; bits <= format.infinity(); ++bits) {
      values_.push_back(bits == format.infinity() ? 2 * format.value(bits - 1) - format.value(bits - 2)
                                                  : format.value(bits));
    }
  }
  std::uint16_t round(float x) const {
    const std::uint32_t sign = std::signbit(x) ? 0x8000u : 0u;
    const double magnitude = std::fabs(static_cast<double>(x));
    const auto above = std::lower_bound(values_.begin(), values_.end(), magnitude);
    if (above == values_.end()) return static_cast<std::uint16_t>(sign | format_.infinity());
    auto high = static_cast<std::uint32_t>(above - values_.begin());
    if (*above == magnitude) return static_cast<std::uint16_t>(sign | high);
    const std::uint32_t low = high - 1;
    const double down = magnitude - values_[low], up = values_[high] - magnitude;  // exact
    return static_cast<std::uint16_t>(sign | (down < up ? low : up < down ? high : (low & 1u) ? high : low));
  }
  const std::vector<double>& values() const { return values_; }

 private:
  HalfFormat format_;
  std::vector<double> values_;
};

template <class Convert>
void check_rounding(const HalfFormat& format, Convert convert) {
  const NearestOracle oracle(format);
  std::uint64_t checked = 0;
  const auto check = [&](float x) {
    ASSERT_EQ(convert(x), oracle.round(x)) << std::hexfloat << x;
    ASSERT_EQ(convert(-x), oracle.round(-x)) << std::hexfloat << -x;
    ++checked;
  };
  const auto& values = oracle.values();
  for (std::size_t i = 0; i + 1 < values.size(); ++i) {
    const auto here = static_cast<float>(values[i]);
    // bf16: the last midpoint is exact in f32, and so are all others.
    const auto middle = static_cast<float>((values[i] + values[i + 1]) / 2);
    ASSERT_EQ(static_cast<double>(middle), (values[i] + values[i + 1]) / 2);
    for (const float x : {here, middle}) {
      check(x);
      check(std::nextafterf(x, 0.0f));
      check(std::nextafterf(x, std::numeric_limits<float>::max()));
    }
  }
  Rng rng(1, "rounding");
  for (int i = 0; i < 1000000; ++i) {
    const auto bits = static_cast<std::uint32_t>(rng.next());
    const float x = float_of(bits);
    if (std::isfinite(x)) check(x);
  }
  check(std::numeric_limits<float>::max());
  EXPECT_EQ(convert(std::numeric_limits<float>::infinity()), format.infinity());
  EXPECT_EQ(convert(-std::numeric_limits<float>::infinity()), 0x8000u | format.infinity());
  const std::uint32_t quiet = format.infinity() | 1u << (format.mantissa_bits - 1);
  for (const std::uint32_t nan : {0x7f800001u, 0x7fc00000u, 0xffc12345u, 0xff800001u, 0x7fffffffu}) {
    EXPECT_EQ(convert(float_of(nan)), quiet) << std::hex << nan;
  }
  EXPECT_GT(checked, 1000000u);
}

TEST(Formats, F16FromF32RoundsToNearestEvenEverywhere) { check_rounding(kF16, f16_from_f32); }
TEST(Formats, Bf16FromF32RoundsToNearestEvenEverywhere) { check_rounding(kBf16, bf16_from_f32); }

template <class Widen, class Narrow>
void check_every_value(const HalfFormat& format, Widen widen, Narrow narrow) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float x = widen(half);
    const std::uint32_t magnitude = bits & 0x7fffu;
    EXPECT_EQ(std::signbit(x), bits >= 0x8000);
    if (magnitude < format.infinity()) {
      ASSERT_EQ(std::fabs(static_cast<double>(x)), format.value(magnitude)) << bits;
      ASSERT_EQ(narrow(x), half);
    } else if (magnitude == format.infinity()) {
      ASSERT_TRUE(std::isinf(x));
      ASSERT_EQ(narrow(x), half);
    } else {
      ASSERT_TRUE(std::isnan(x));
    }
  }
}

TEST(Formats, EveryF16ValueWidensExactlyAndComesBack) { check_every_value(kF16, f32_from_f16, f16_from_f32); }
TEST(Formats, EveryBf16ValueWidensExactlyAndComesBack) {
  check_every_value(
      kBf16, [](std::uint16_t bits) { return f32_from_bf16(bits); }, bf16_from_f32);
}

TEST(Formats, ArrayConversionEqualsElementConversion) {
  std::vector<std::uint16_t> all(0x10000 + 5);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  std::vector<float> out(all.size());
  to_f32(Format::kF16, all.data(), out.data(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(bits_of(out[i]), bits_of(f32_from_f16(all[i]))) << i;
  to_f32(Format::kBf16, all.data(), out.data(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(bits_of(out[i]), std::uint32_t{all[i]} << 16) << i;
  const float nan = float_of(0xffffffffu);
  float stored;
  from_f32(Format::kF32, &nan, &stored, 1);
  EXPECT_EQ(bits_of(stored), kCanonicalNan);
}

/// MXINT8 by its definition: scale from the exponent of the largest magnitude, elements by exact comparison.
void reference_quantise(const float in[kMxBlock], std::uint8_t& scale, std::int8_t out[kMxBlock]) {
  long double largest = 0;
  bool finite = true;
  for (std::size_t i = 0; i < kMxBlock; ++i) {
    if (!std::isfinite(in[i])) finite = false;
    largest = std::max(largest, std::fabs(static_cast<long double>(in[i])));
  }
  for (std::size_t i = 0; i < kMxBlock; ++i) out[i] = 0;
  if (!finite) {
    scale = 255;
    return;
  }
  int exponent = -127;  // 2^exponent is the block's scale
  if (largest >= std::ldexp(1.0L, -127)) {
    int e;
    std::frexp(largest, &e);
    exponent = e - 1;
  }
  scale = static_cast<std::uint8_t>(exponent + 127);
  if (largest < std::ldexp(1.0L, -126)) scale = 0;
  for (std::size_t i = 0; i < kMxBlock; ++i) {
    const long double target = std::ldexp(static_cast<long double>(in[i]), 6 + 127 - scale);
    long best = 0;
    long double best_distance = 1000;
    for (long q = -127; q <= 127; ++q) {  // ties to even: the even one replaces, the odd one does not
      const long double distance = std::fabs(target - static_cast<long double>(q));
      if (distance < best_distance || (distance == best_distance && q % 2 == 0))
        best = q, best_distance = distance;
    }
    out[i] = static_cast<std::int8_t>(best);
  }
}

TEST(Formats, Mxint8QuantisesToTheNearestElementOfTheStatedScale) {
  Rng rng(3, "mx");
  for (int trial = 0; trial < 4000; ++trial) {
    float in[kMxBlock];
    const int magnitude = static_cast<int>(rng.below(250)) - 149 + (trial % 3 == 0 ? 20 : 0);
    for (float& x : in) {
      // Every third block has values on rounding ties.
      const double unit = trial % 3 == 0 ? std::ldexp(static_cast<double>(rng.below(257)) - 128.0, -7)
                                         : 2.0 * rng.uniform() - 1.0;
      x = static_cast<float>(std::ldexp(unit, magnitude));
    }
    if (trial % 97 == 0) in[rng.below(kMxBlock)] = float_of(0x7f800000u);
    if (trial % 101 == 0) {
      for (float& x : in) x = 0.0f;
    }
    std::int8_t expected[kMxBlock], actual[kMxBlock];
    std::uint8_t expected_scale;
    reference_quantise(in, expected_scale, expected);
    const std::uint8_t scale = quantise_mxint8(in, actual);
    ASSERT_EQ(scale, expected_scale) << "trial " << trial;
    for (std::size_t i = 0; i < kMxBlock; ++i) {
      ASSERT_EQ(actual[i], expected[i])
          << "trial " << trial << " element " << i << " of " << std::hexfloat << in[i];
    }
  }
}

TEST(Formats, Mxint8KeepsValuesWithinHalfAStep) {
  Rng rng(4, "mx error");
  for (int trial = 0; trial < 1000; ++trial) {
    float in[kMxBlock];
    for (float& x : in) x = static_cast<float>(2.0 * rng.uniform() - 1.0);
    std::int8_t q[kMxBlock];
    const int scale = quantise_mxint8(in, q);
    const double step = std::ldexp(1.0, scale - 127 - 6);
    for (std::size_t i = 0; i < kMxBlock; ++i) {
      // The clamp at 127 costs up to one step just below the next power of two.
      const double limit = std::fabs(in[i]) > 127 * step ? step : step / 2;
      ASSERT_LE(std::fabs(q[i] * step - in[i]), limit);
    }
  }
}

}  // namespace
}  // namespace memwall::numerics
