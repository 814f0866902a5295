// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hart/softfloat.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace memwall::hart {
namespace {

__extension__ using Wide = unsigned __int128;
using U64 = std::uint64_t;

/// Bit that holds the leading one of a normalised significand in a 64-bit word.
constexpr int kLead = 62;

/// A finite, non-zero number: (-1)^negative * significand * 2^(exponent - kLead), leading one at kLead.
struct Number {
  bool negative;
  int exponent;
  U64 significand;
};

template <class F>
constexpr int kBias = (1 << (F::kExponent - 1)) - 1;

template <class F>
bool sign_of(typename F::Bits a) {
  return (a & SoftFloat<F>::kSign) != 0;
}
template <class F>
bool is_zero(typename F::Bits a) {
  return (a & ~SoftFloat<F>::kSign) == 0;
}
template <class F>
bool is_infinite(typename F::Bits a) {
  return (a & ~SoftFloat<F>::kSign) == SoftFloat<F>::kInfinity;
}
template <class F>
typename F::Bits signed_bits(bool negative, typename F::Bits magnitude) {
  return negative ? magnitude | SoftFloat<F>::kSign : magnitude;
}

template <class F>
Number unpack(typename F::Bits a) {
  const U64 fraction = a & ((U64{1} << F::kFraction) - 1);
  const int field = static_cast<int>((a & ~SoftFloat<F>::kSign) >> F::kFraction);
  if (field != 0) {
    return {sign_of<F>(a), field - kBias<F>, (fraction | U64{1} << F::kFraction) << (kLead - F::kFraction)};
  }
  const int shift = __builtin_clzll(fraction) - 1;
  return {sign_of<F>(a), 1 - kBias<F> + (kLead - F::kFraction) - shift, fraction << shift};
}

U64 shift_right_sticky(U64 value, int count) {
  if (count <= 0) return value;
  if (count > 63) return value != 0 ? 1 : 0;
  return value >> count | ((value & ((U64{1} << count) - 1)) != 0 ? 1 : 0);
}
Wide shift_right_sticky_wide(Wide value, int count) {
  if (count <= 0) return value;
  if (count > 127) return value != 0 ? 1 : 0;
  return value >> count | ((value & ((Wide{1} << count) - 1)) != 0 ? 1 : 0);
}

/// What is added below the last kept bit before truncation.
U64 increment(bool negative, unsigned rm, U64 half, U64 mask) {
  switch (rm) {
    case kRne:
    case kRmm:
      return half;
    case kRdn:
      return negative ? mask : 0;
    case kRup:
      return negative ? 0 : mask;
    default:
      return 0;
  }
}

/// Rounds a number whose lowest bit may be sticky.
template <class F>
typename F::Bits round_pack(Number n, unsigned rm, std::uint8_t& flags) {
  using Bits = typename F::Bits;
  constexpr int shift = kLead - F::kFraction;
  constexpr U64 mask = (U64{1} << shift) - 1;
  constexpr U64 half = U64{1} << (shift - 1);
  constexpr int max_field = (1 << F::kExponent) - 1;
  int field = n.exponent + kBias<F>;
  const U64 inc = increment(n.negative, rm, half, mask);
  bool tiny = false;
  if (field <= 0) {
    tiny = field < 0 || n.significand + inc < U64{1} << (kLead + 1);
    n.significand = shift_right_sticky(n.significand, 1 - field);
    field = 0;
  }
  const U64 lost = n.significand & mask;
  U64 kept = (n.significand + inc) >> shift;
  if (rm == kRne && lost == half) kept &= ~U64{1};
  if (lost != 0) flags |= static_cast<std::uint8_t>(kInexact | (tiny ? kUnderflow : 0));
  // A normal number's hidden bit adds one to the exponent field; so does a carry out of the fraction.
  const U64 packed = (static_cast<U64>(field == 0 ? 0 : field - 1) << F::kFraction) + kept;
  if (packed >> F::kFraction >= static_cast<U64>(max_field)) {
    flags |= kOverflow | kInexact;
    const bool to_infinity =
        rm == kRne || rm == kRmm || (rm == kRup && !n.negative) || (rm == kRdn && n.negative);
    const Bits magnitude = to_infinity ? SoftFloat<F>::kInfinity : SoftFloat<F>::kInfinity - 1;
    return signed_bits<F>(n.negative, magnitude);
  }
  return signed_bits<F>(n.negative, static_cast<Bits>(packed));
}

/// Brings a wide significand, value = sig * 2^(exponent - lead), to a Number.
Number normalise(bool negative, int exponent, Wide sig, int lead) {
  const auto high = static_cast<U64>(sig >> 64);
  const int top = high != 0 ? 127 - __builtin_clzll(high) : 63 - __builtin_clzll(static_cast<U64>(sig));
  exponent += top - lead;
  if (top > kLead) {
    return {negative, exponent, static_cast<U64>(shift_right_sticky_wide(sig, top - kLead))};
  }
  return {negative, exponent, static_cast<U64>(sig) << (kLead - top)};
}

template <class F>
typename F::Bits nan_result(bool invalid, std::uint8_t& flags) {
  if (invalid) flags |= kInvalid;
  return SoftFloat<F>::kCanonicalNan;
}

template <class F>
typename F::Bits soft_fma(typename F::Bits a, typename F::Bits b, typename F::Bits c, unsigned rm,
                          std::uint8_t& flags) {
  using S = SoftFloat<F>;
  const bool zero_times_infinity =
      (is_zero<F>(a) && is_infinite<F>(b)) || (is_infinite<F>(a) && is_zero<F>(b));
  if (S::is_nan(a) || S::is_nan(b) || S::is_nan(c) || zero_times_infinity) {
    return nan_result<F>(
        zero_times_infinity || S::is_signaling_nan(a) || S::is_signaling_nan(b) || S::is_signaling_nan(c),
        flags);
  }
  const bool negative = sign_of<F>(a) != sign_of<F>(b);
  if (is_infinite<F>(a) || is_infinite<F>(b)) {
    if (is_infinite<F>(c) && sign_of<F>(c) != negative) return nan_result<F>(true, flags);
    return signed_bits<F>(negative, S::kInfinity);
  }
  if (is_infinite<F>(c)) return c;
  if (is_zero<F>(a) || is_zero<F>(b)) {
    if (!is_zero<F>(c)) return c;
    return signed_bits<F>(negative == sign_of<F>(c) ? negative : rm == kRdn, 0);
  }
  const Number x = unpack<F>(a), y = unpack<F>(b);
  Wide product = Wide{x.significand} * y.significand;  // leading one at 124 or 125
  int exponent = x.exponent + y.exponent;              // of bit 124
  if (is_zero<F>(c)) return round_pack<F>(normalise(negative, exponent, product, 2 * kLead), rm, flags);
  const Number z = unpack<F>(c);
  Wide addend = Wide{z.significand} << kLead;  // leading one at 124
  if (z.exponent > exponent) {
    product = shift_right_sticky_wide(product, z.exponent - exponent);
    exponent = z.exponent;
  } else {
    addend = shift_right_sticky_wide(addend, exponent - z.exponent);
  }
  if (negative == z.negative) {
    return round_pack<F>(normalise(negative, exponent, product + addend, 2 * kLead), rm, flags);
  }
  if (product == addend) return signed_bits<F>(rm == kRdn, 0);
  const bool product_larger = product > addend;
  const Wide difference = product_larger ? product - addend : addend - product;
  return round_pack<F>(normalise(product_larger ? negative : z.negative, exponent, difference, 2 * kLead), rm,
                       flags);
}

template <class F>
typename F::Bits soft_div(typename F::Bits a, typename F::Bits b, unsigned rm, std::uint8_t& flags) {
  using S = SoftFloat<F>;
  if (S::is_nan(a) || S::is_nan(b)) {
    return nan_result<F>(S::is_signaling_nan(a) || S::is_signaling_nan(b), flags);
  }
  const bool negative = sign_of<F>(a) != sign_of<F>(b);
  if (is_infinite<F>(a)) {
    return is_infinite<F>(b) ? nan_result<F>(true, flags) : signed_bits<F>(negative, S::kInfinity);
  }
  if (is_infinite<F>(b)) return signed_bits<F>(negative, 0);
  if (is_zero<F>(b)) {
    if (is_zero<F>(a)) return nan_result<F>(true, flags);
    flags |= kDivideByZero;
    return signed_bits<F>(negative, S::kInfinity);
  }
  if (is_zero<F>(a)) return signed_bits<F>(negative, 0);
  const Number x = unpack<F>(a), y = unpack<F>(b);
  const Wide dividend = Wide{x.significand} << kLead;
  const Wide quotient = dividend / y.significand;
  const Wide sticky = dividend % y.significand != 0 ? 1 : 0;
  return round_pack<F>(normalise(negative, x.exponent - y.exponent, quotient << 1 | sticky, kLead + 1), rm,
                       flags);
}

template <class F>
typename F::Bits soft_sqrt(typename F::Bits a, unsigned rm, std::uint8_t& flags) {
  using S = SoftFloat<F>;
  if (S::is_nan(a)) return nan_result<F>(S::is_signaling_nan(a), flags);
  if (is_zero<F>(a)) return a;
  if (sign_of<F>(a)) return nan_result<F>(true, flags);
  if (is_infinite<F>(a)) return a;
  const Number x = unpack<F>(a);
  const bool odd = (x.exponent & 1) != 0;
  const Wide radicand = Wide{x.significand} << (odd ? kLead + 1 : kLead);
  // Bit by bit: the largest root with root^2 <= radicand; its leading one is at kLead.
  U64 root = 0;
  for (int bit = kLead; bit >= 0; --bit) {
    const U64 trial = root | U64{1} << bit;
    if (Wide{trial} * trial <= radicand) root = trial;
  }
  const U64 sticky = Wide{root} * root != radicand ? 1 : 0;
  const int half = (x.exponent - (odd ? 1 : 0)) / 2;
  return round_pack<F>(Number{false, half, root | sticky}, rm, flags);
}

template <class F>
typename F::Host to_host(typename F::Bits bits) {
  typename F::Host value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// The host's result is the right one, flags included, when it rounds to nearest even, the only flag it could
/// add (inexact) is set already, and it is a normal number (no overflow, no underflow, no NaN).
template <class F>
bool host_result_stands(typename F::Host result, typename F::Bits& out) {
  using Limits = std::numeric_limits<typename F::Host>;
  const typename F::Host magnitude = std::fabs(result);
  if (!(magnitude > Limits::min() && magnitude <= Limits::max())) return false;
  std::memcpy(&out, &result, sizeof out);
  return true;
}
bool may_use_host(unsigned rm, std::uint8_t flags) { return rm == kRne && (flags & kInexact) != 0; }

/// Orders bit patterns of non-NaN numbers; -0 equals +0.
template <class F>
bool ordered_less(typename F::Bits a, typename F::Bits b) {
  if (is_zero<F>(a) && is_zero<F>(b)) return false;
  if (sign_of<F>(a) != sign_of<F>(b)) return sign_of<F>(a);
  return sign_of<F>(a) ? a > b : a < b;
}

}  // namespace

template <class F>
typename F::Bits SoftFloat<F>::add(Bits a, Bits b, unsigned rm, std::uint8_t& flags) {
  Bits out;
  if (may_use_host(rm, flags) && host_result_stands<F>(to_host<F>(a) + to_host<F>(b), out)) return out;
  constexpr Bits one = Bits{kBias<F>} << F::kFraction;
  return soft_fma<F>(a, one, b, rm, flags);
}

template <class F>
typename F::Bits SoftFloat<F>::sub(Bits a, Bits b, unsigned rm, std::uint8_t& flags) {
  return add(a, is_nan(b) ? b : b ^ kSign, rm, flags);
}

template <class F>
typename F::Bits SoftFloat<F>::mul(Bits a, Bits b, unsigned rm, std::uint8_t& flags) {
  Bits out;
  if (may_use_host(rm, flags) && host_result_stands<F>(to_host<F>(a) * to_host<F>(b), out)) return out;
  return soft_fma<F>(a, b, (a ^ b) & kSign, rm, flags);
}

template <class F>
typename F::Bits SoftFloat<F>::div(Bits a, Bits b, unsigned rm, std::uint8_t& flags) {
  Bits out;
  if (may_use_host(rm, flags) && !is_zero<F>(b) &&
      host_result_stands<F>(to_host<F>(a) / to_host<F>(b), out)) {
    return out;
  }
  return soft_div<F>(a, b, rm, flags);
}

template <class F>
typename F::Bits SoftFloat<F>::sqrt(Bits a, unsigned rm, std::uint8_t& flags) {
  Bits out;
  if (may_use_host(rm, flags) && !sign_of<F>(a) && host_result_stands<F>(std::sqrt(to_host<F>(a)), out)) {
    return out;
  }
  return soft_sqrt<F>(a, rm, flags);
}

template <class F>
typename F::Bits SoftFloat<F>::fma(Bits a, Bits b, Bits c, unsigned rm, std::uint8_t& flags) {
  Bits out;
  if (may_use_host(rm, flags) &&
      host_result_stands<F>(std::fma(to_host<F>(a), to_host<F>(b), to_host<F>(c)), out)) {
    return out;
  }
  return soft_fma<F>(a, b, c, rm, flags);
}

template <class F>
typename F::Bits SoftFloat<F>::min(Bits a, Bits b, std::uint8_t& flags) {
  if (is_signaling_nan(a) || is_signaling_nan(b)) flags |= kInvalid;
  if (is_nan(a)) return is_nan(b) ? kCanonicalNan : b;
  if (is_nan(b)) return a;
  if (is_zero<F>(a) && is_zero<F>(b)) return a | b;
  return ordered_less<F>(a, b) ? a : b;
}

template <class F>
typename F::Bits SoftFloat<F>::max(Bits a, Bits b, std::uint8_t& flags) {
  if (is_signaling_nan(a) || is_signaling_nan(b)) flags |= kInvalid;
  if (is_nan(a)) return is_nan(b) ? kCanonicalNan : b;
  if (is_nan(b)) return a;
  if (is_zero<F>(a) && is_zero<F>(b)) return a & b;
  return ordered_less<F>(a, b) ? b : a;
}

template <class F>
bool SoftFloat<F>::equal(Bits a, Bits b, std::uint8_t& flags) {
  if (is_nan(a) || is_nan(b)) {
    if (is_signaling_nan(a) || is_signaling_nan(b)) flags |= kInvalid;
    return false;
  }
  return a == b || (is_zero<F>(a) && is_zero<F>(b));
}

template <class F>
bool SoftFloat<F>::less(Bits a, Bits b, std::uint8_t& flags) {
  if (is_nan(a) || is_nan(b)) {
    flags |= kInvalid;
    return false;
  }
  return ordered_less<F>(a, b);
}

template <class F>
bool SoftFloat<F>::less_equal(Bits a, Bits b, std::uint8_t& flags) {
  if (is_nan(a) || is_nan(b)) {
    flags |= kInvalid;
    return false;
  }
  return !ordered_less<F>(b, a);
}

template <class F>
unsigned SoftFloat<F>::classify(Bits a) {
  if (is_nan(a)) return is_signaling_nan(a) ? 1u << 8 : 1u << 9;
  const bool negative = sign_of<F>(a);
  if (is_infinite<F>(a)) return negative ? 1u << 0 : 1u << 7;
  if (is_zero<F>(a)) return negative ? 1u << 3 : 1u << 4;
  const bool subnormal = (a & kInfinity) == 0;
  if (negative) return subnormal ? 1u << 2 : 1u << 1;
  return subnormal ? 1u << 5 : 1u << 6;
}

template <class F>
std::uint64_t SoftFloat<F>::to_integer(Bits a, unsigned bits, bool is_signed, unsigned rm,
                                       std::uint8_t& flags) {
  const auto extend = [bits](U64 v) {
    return bits == 32 ? static_cast<U64>(static_cast<std::int64_t>(static_cast<std::int32_t>(v))) : v;
  };
  const bool negative = sign_of<F>(a) && !is_nan(a);
  const U64 max_magnitude = is_signed  ? (U64{1} << (bits - 1)) - (negative ? 0 : 1)
                            : negative ? 0
                                       : ~U64{0} >> (64 - bits);
  const auto saturated = [&] {
    flags |= kInvalid;
    if (!negative) return extend(max_magnitude);
    return is_signed ? extend(0 - (U64{1} << (bits - 1))) : U64{0};
  };
  if (is_nan(a) || is_infinite<F>(a)) return saturated();
  if (is_zero<F>(a)) return 0;
  const Number n = unpack<F>(a);
  if (n.exponent > 64) return saturated();
  // Integer part above bit 64, fraction below it.
  const int shift = n.exponent - kLead;
  Wide fixed = Wide{n.significand} << 62;  // value * 2^(kLead - exponent + 62)
  fixed = shift + 2 >= 0 ? fixed << (shift + 2 > 3 ? 3 : shift + 2)
                         : shift_right_sticky_wide(fixed, -(shift + 2));
  const auto fraction = static_cast<U64>(fixed);
  Wide integer = fixed >> 64;
  const U64 half = U64{1} << 63;
  const bool up = rm == kRne   ? fraction > half || (fraction == half && (integer & 1) != 0)
                  : rm == kRmm ? fraction >= half
                  : rm == kRdn ? negative && fraction != 0
                  : rm == kRup ? !negative && fraction != 0
                               : false;
  if (up) ++integer;
  if (n.exponent >= 64 || integer > max_magnitude) return saturated();
  if (fraction != 0) flags |= kInexact;
  const auto magnitude = static_cast<U64>(integer);
  return extend(negative ? 0 - magnitude : magnitude);
}

template <class F>
typename F::Bits SoftFloat<F>::from_integer(std::uint64_t magnitude, bool negative, unsigned rm,
                                            std::uint8_t& flags) {
  if (magnitude == 0) return 0;
  return round_pack<F>(normalise(negative, kLead, magnitude, kLead), rm, flags);
}

template struct SoftFloat<Binary32>;
template struct SoftFloat<Binary64>;

std::uint32_t narrow(std::uint64_t a, unsigned rm, std::uint8_t& flags) {
  using D = SoftFloat<Binary64>;
  const bool negative = sign_of<Binary64>(a);
  if (D::is_nan(a)) return nan_result<Binary32>(D::is_signaling_nan(a), flags);
  if (is_infinite<Binary64>(a)) return signed_bits<Binary32>(negative, SoftFloat<Binary32>::kInfinity);
  if (is_zero<Binary64>(a)) return signed_bits<Binary32>(negative, 0);
  return round_pack<Binary32>(unpack<Binary64>(a), rm, flags);
}

std::uint64_t widen(std::uint32_t a, std::uint8_t& flags) {
  using S = SoftFloat<Binary32>;
  const bool negative = sign_of<Binary32>(a);
  if (S::is_nan(a)) return nan_result<Binary64>(S::is_signaling_nan(a), flags);
  if (is_infinite<Binary32>(a)) return signed_bits<Binary64>(negative, SoftFloat<Binary64>::kInfinity);
  if (is_zero<Binary32>(a)) return signed_bits<Binary64>(negative, 0);
  return round_pack<Binary64>(unpack<Binary32>(a), kRne, flags);
}

}  // namespace memwall::hart
