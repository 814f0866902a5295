// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// IEEE 754-2019 binary32 and binary64 arithmetic as RISC-V defines it: all five rounding modes, exact
/// accrued exceptions, tininess detected after rounding, canonical NaN results. The integer implementation is
/// the definition; where the host's FPU must give the same answer (round to nearest even, inexact already
/// set, result normal) it is used instead.
#pragma once

#include <cstdint>

namespace memwall::hart {

enum RoundingMode : unsigned { kRne = 0, kRtz = 1, kRdn = 2, kRup = 3, kRmm = 4 };
enum FpFlag : std::uint8_t { kInexact = 1, kUnderflow = 2, kOverflow = 4, kDivideByZero = 8, kInvalid = 16 };

struct Binary32 {
  using Bits = std::uint32_t;
  using Host = float;
  static constexpr int kFraction = 23;
  static constexpr int kExponent = 8;
};
struct Binary64 {
  using Bits = std::uint64_t;
  using Host = double;
  static constexpr int kFraction = 52;
  static constexpr int kExponent = 11;
};

/// Operations on bit patterns; `flags` accumulates FpFlag bits.
template <class F>
struct SoftFloat {
  using Bits = typename F::Bits;
  static constexpr Bits kSign = Bits{1} << (F::kFraction + F::kExponent);
  static constexpr Bits kInfinity = ((Bits{1} << F::kExponent) - 1) << F::kFraction;
  static constexpr Bits kCanonicalNan = kInfinity | Bits{1} << (F::kFraction - 1);

  static bool is_nan(Bits a) { return (a & ~kSign) > kInfinity; }
  static bool is_signaling_nan(Bits a) { return is_nan(a) && (a >> (F::kFraction - 1) & 1) == 0; }

  static Bits add(Bits a, Bits b, unsigned rm, std::uint8_t& flags);
  static Bits sub(Bits a, Bits b, unsigned rm, std::uint8_t& flags);
  static Bits mul(Bits a, Bits b, unsigned rm, std::uint8_t& flags);
  static Bits div(Bits a, Bits b, unsigned rm, std::uint8_t& flags);
  static Bits sqrt(Bits a, unsigned rm, std::uint8_t& flags);
  /// a * b + c with one rounding.
  static Bits fma(Bits a, Bits b, Bits c, unsigned rm, std::uint8_t& flags);

  static Bits min(Bits a, Bits b, std::uint8_t& flags);
  static Bits max(Bits a, Bits b, std::uint8_t& flags);
  static bool equal(Bits a, Bits b, std::uint8_t& flags);
  static bool less(Bits a, Bits b, std::uint8_t& flags);
  static bool less_equal(Bits a, Bits b, std::uint8_t& flags);
  /// The ten-bit FCLASS mask.
  static unsigned classify(Bits a);

  /// To a `bits`-wide integer (32 or 64), saturating as the ISA says, returned sign-extended from `bits`.
  static std::uint64_t to_integer(Bits a, unsigned bits, bool is_signed, unsigned rm, std::uint8_t& flags);
  static Bits from_integer(std::uint64_t magnitude, bool negative, unsigned rm, std::uint8_t& flags);
};

extern template struct SoftFloat<Binary32>;
extern template struct SoftFloat<Binary64>;

std::uint32_t narrow(std::uint64_t a, unsigned rm, std::uint8_t& flags);
std::uint64_t widen(std::uint32_t a, std::uint8_t& flags);

}  // namespace memwall::hart
