// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The integer floating-point arithmetic against the host's FPU: results and flags in the four rounding modes
/// that both have. RMM and canonical NaNs are checked by hand and against QEMU.
#include "hart/softfloat.h"

#include <gtest/gtest.h>

#include <cfenv>
#include <cmath>
#include <cstring>

#include "common/rng.h"

namespace memwall::hart {
namespace {

constexpr int kHostModes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};

std::uint8_t host_flags() {
  const int raised = std::fetestexcept(FE_ALL_EXCEPT);
  return static_cast<std::uint8_t>(
      (raised & FE_INEXACT ? kInexact : 0) | (raised & FE_UNDERFLOW ? kUnderflow : 0) |
      (raised & FE_OVERFLOW ? kOverflow : 0) | (raised & FE_DIVBYZERO ? kDivideByZero : 0) |
      (raised & FE_INVALID ? kInvalid : 0));
}

template <class F>
typename F::Bits random_operand(Rng& rng) {
  using Bits = typename F::Bits;
  using S = SoftFloat<F>;
  const auto raw = static_cast<Bits>(rng.next());
  const auto sign = static_cast<Bits>(raw & S::kSign);
  switch (rng.below(8)) {
    case 0:
      return sign | S::kInfinity;
    case 1:
      return sign;
    case 2:
      return sign | (raw & ((Bits{1} << F::kFraction) - 1));  // subnormal
    case 3:
      return sign | (S::kInfinity - 1 - (raw & 7));  // near the largest
    case 4:
      return sign |
             ((Bits{1} << F::kFraction) + static_cast<Bits>(rng.below(16)));  // near the smallest normal
    case 5: {                                                                 // around one, few bits
      const auto exponent = static_cast<Bits>((1 << (F::kExponent - 1)) - 4 + static_cast<int>(rng.below(8)));
      return sign | exponent << F::kFraction | (raw & (Bits{7} << (F::kFraction - 3)));
    }
    default:
      return raw;
  }
}

/// One operation on both sides. volatile keeps the compiler from moving it out of the rounding mode.
template <class F, class Soft, class Host>
void compare(const char* name, Soft soft, Host host, unsigned rounds) {
  using Bits = typename F::Bits;
  using S = SoftFloat<F>;
  Rng rng(1, name);
  for (unsigned n = 0; n < rounds; ++n) {
    const Bits a = random_operand<F>(rng), b = random_operand<F>(rng), c = random_operand<F>(rng);
    const auto rm = static_cast<unsigned>(rng.below(4));
    const std::uint8_t before = rng.below(2) != 0 ? kInexact : 0;  // with and without the host's help
    std::uint8_t flags = before;
    const Bits ours = soft(a, b, c, rm, flags);
    volatile typename F::Host x, y, z, r;
    typename F::Host value;
    std::memcpy(&value, &a, sizeof value), x = value;
    std::memcpy(&value, &b, sizeof value), y = value;
    std::memcpy(&value, &c, sizeof value), z = value;
    std::fesetround(kHostModes[rm]);
    std::feclearexcept(FE_ALL_EXCEPT);
    r = host(x, y, z);
    const std::uint8_t theirs_flags = static_cast<std::uint8_t>(host_flags() | before);
    std::fesetround(FE_TONEAREST);
    value = r;
    Bits theirs;
    std::memcpy(&theirs, &value, sizeof theirs);
    if (S::is_nan(theirs)) theirs = S::kCanonicalNan;
    ASSERT_EQ(ours, theirs) << name << std::hex << " a " << a << " b " << b << " c " << c << " rm " << rm;
    // x86 does not signal infinity times zero plus a quiet NaN; RISC-V does.
    ASSERT_EQ(flags & ~(S::is_nan(c) ? kInvalid : 0), theirs_flags & ~(S::is_nan(c) ? kInvalid : 0))
        << name << std::hex << " a " << a << " b " << b << " c " << c << " rm " << rm;
  }
}

template <class F>
void compare_all(unsigned rounds) {
  using S = SoftFloat<F>;
  using B = typename F::Bits;
  using H = typename F::Host;
  compare<F>(
      "add", [](B a, B b, B, unsigned rm, std::uint8_t& f) { return S::add(a, b, rm, f); },
      [](H a, H b, H) { return a + b; }, rounds);
  compare<F>(
      "sub", [](B a, B b, B, unsigned rm, std::uint8_t& f) { return S::sub(a, b, rm, f); },
      [](H a, H b, H) { return a - b; }, rounds);
  compare<F>(
      "mul", [](B a, B b, B, unsigned rm, std::uint8_t& f) { return S::mul(a, b, rm, f); },
      [](H a, H b, H) { return a * b; }, rounds);
  compare<F>(
      "div", [](B a, B b, B, unsigned rm, std::uint8_t& f) { return S::div(a, b, rm, f); },
      [](H a, H b, H) { return a / b; }, rounds);
  compare<F>(
      "sqrt", [](B a, B, B, unsigned rm, std::uint8_t& f) { return S::sqrt(a, rm, f); },
      [](H a, H, H) { return std::sqrt(a); }, rounds);
  compare<F>(
      "fma", [](B a, B b, B c, unsigned rm, std::uint8_t& f) { return S::fma(a, b, c, rm, f); },
      [](H a, H b, H c) { return std::fma(a, b, c); }, rounds);
}

TEST(SoftFloat, SinglePrecisionAgreesWithTheHostInResultAndFlags) { compare_all<Binary32>(200000); }
TEST(SoftFloat, DoublePrecisionAgreesWithTheHostInResultAndFlags) { compare_all<Binary64>(200000); }

TEST(SoftFloat, NarrowingAgreesWithTheHost) {
  Rng rng(1, "narrow");
  for (unsigned n = 0; n < 200000; ++n) {
    std::uint64_t a = random_operand<Binary64>(rng);
    if (rng.below(2) != 0) a = (a & ~(std::uint64_t{0x7ff} << 52)) | (1023 - 160 + rng.below(300)) << 52;
    const auto rm = static_cast<unsigned>(rng.below(4));
    std::uint8_t flags = 0;
    std::uint32_t ours = narrow(a, rm, flags);
    double value;
    std::memcpy(&value, &a, 8);
    volatile double x = value;
    std::fesetround(kHostModes[rm]);
    std::feclearexcept(FE_ALL_EXCEPT);
    volatile float r = static_cast<float>(x);
    const std::uint8_t theirs_flags = host_flags();
    std::fesetround(FE_TONEAREST);
    const float rounded = r;
    std::uint32_t theirs;
    std::memcpy(&theirs, &rounded, 4);
    if (SoftFloat<Binary32>::is_nan(theirs)) theirs = SoftFloat<Binary32>::kCanonicalNan;
    ASSERT_EQ(ours, theirs) << std::hex << a << " rm " << rm;
    ASSERT_EQ(flags, theirs_flags) << std::hex << a << " rm " << rm;
  }
}

TEST(SoftFloat, TiesAwayFromZeroRoundUpWhereTiesToEvenRoundDown) {
  using S = SoftFloat<Binary32>;
  std::uint8_t flags = 0;
  const std::uint32_t one = 0x3f800000, half_ulp = 0x33800000;
  EXPECT_EQ(S::add(one, half_ulp, kRne, flags), one);
  EXPECT_EQ(S::add(one, half_ulp, kRmm, flags), one + 1);
  EXPECT_EQ(S::add(one | 0x80000000, half_ulp | 0x80000000, kRmm, flags), (one + 1) | 0x80000000);
  EXPECT_EQ(S::to_integer(0x40200000, 32, true, kRne, flags), 2u);  // 2.5
  EXPECT_EQ(S::to_integer(0x40200000, 32, true, kRmm, flags), 3u);
  EXPECT_EQ(flags, kInexact);
}

TEST(SoftFloat, ConversionsSaturateAndSignalInvalid) {
  using D = SoftFloat<Binary64>;
  const auto convert = [](std::uint64_t a, unsigned bits, bool is_signed) {
    std::uint8_t flags = 0;
    const std::uint64_t value = D::to_integer(a, bits, is_signed, kRtz, flags);
    return std::make_pair(value, flags);
  };
  using P = std::pair<std::uint64_t, std::uint8_t>;
  EXPECT_EQ(convert(0x41e0000000000000, 32, true), P(0x7fffffff, kInvalid));
  EXPECT_EQ(convert(0xc1e0000000000000, 32, true), P(0xffffffff80000000u, 0));
  EXPECT_EQ(convert(0xc1e0000000200000, 32, true), P(0xffffffff80000000u, kInvalid));
  EXPECT_EQ(convert(0x41efffffffe00000, 32, false), P(0xffffffffffffffffu, 0));
  EXPECT_EQ(convert(0xbff0000000000000, 64, false), P(0, kInvalid));
  EXPECT_EQ(convert(0xbfe0000000000000, 64, false), P(0, kInexact));
  EXPECT_EQ(convert(0x7ff8000000000000, 32, true), P(0x7fffffff, kInvalid));
  EXPECT_EQ(convert(0x7ff8000000000000, 64, false), P(~std::uint64_t{0}, kInvalid));
  EXPECT_EQ(convert(0xfff0000000000000, 64, true), P(std::uint64_t{1} << 63, kInvalid));
  EXPECT_EQ(convert(0xc3e0000000000000, 64, true), P(std::uint64_t{1} << 63, 0));
}

TEST(SoftFloat, MinimumAndMaximumOrderZerosAndSkipNans) {
  using S = SoftFloat<Binary32>;
  std::uint8_t flags = 0;
  EXPECT_EQ(S::min(0, 0x80000000, flags), 0x80000000u);
  EXPECT_EQ(S::max(0x80000000, 0, flags), 0u);
  EXPECT_EQ(S::min(0x7fc00000, 0x3f800000, flags), 0x3f800000u);
  EXPECT_EQ(flags, 0);
  EXPECT_EQ(S::max(0x7f800001, 0x3f800000, flags), 0x3f800000u);
  EXPECT_EQ(flags, kInvalid);
  EXPECT_EQ(S::max(0x7fc00123, 0xffc00000, flags), S::kCanonicalNan);
}

}  // namespace
}  // namespace memwall::hart
