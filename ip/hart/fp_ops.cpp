// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The F and D extensions: registers, NaN boxing, and one function per instruction and format.
#include "hart/fp_ops.h"

#include "hart/hart.h"
#include "hart/softfloat.h"

namespace memwall::hart {

/// Register access for the functions below.
struct FpAccess {
  static std::uint64_t& x(Hart& h, unsigned i) { return h.x_[i]; }
  static std::uint64_t& f(Hart& h, unsigned i) { return h.f_[i]; }
  static std::uint8_t& flags(Hart& h) { return h.fflags_; }
};

namespace {

using U64 = std::uint64_t;
using A = FpAccess;
constexpr U64 kBox = ~U64{0xffffffff};

template <class F>
typename F::Bits get(Hart& h, unsigned i);
template <>
std::uint32_t get<Binary32>(Hart& h, unsigned i) {
  const U64 raw = A::f(h, i);
  // Anything that is not a boxed single counts as the canonical NaN.
  return raw >= kBox ? static_cast<std::uint32_t>(raw) : SoftFloat<Binary32>::kCanonicalNan;
}
template <>
U64 get<Binary64>(Hart& h, unsigned i) {
  return A::f(h, i);
}
void put(Hart& h, unsigned i, std::uint32_t value) { A::f(h, i) = kBox | value; }
void put(Hart& h, unsigned i, U64 value) { A::f(h, i) = value; }

template <class F>
struct Ops {
  using S = SoftFloat<F>;
  using Bits = typename F::Bits;
  static Bits a(Hart& h, const Op& op) { return get<F>(h, op.rs1); }
  static Bits b(Hart& h, const Op& op) { return get<F>(h, op.rs2); }
  static Bits c(Hart& h, const Op& op) { return get<F>(h, op.rs3); }

  static void add(Hart& h, const Op& op, unsigned rm) {
    put(h, op.rd, S::add(a(h, op), b(h, op), rm, A::flags(h)));
  }
  static void sub(Hart& h, const Op& op, unsigned rm) {
    put(h, op.rd, S::sub(a(h, op), b(h, op), rm, A::flags(h)));
  }
  static void mul(Hart& h, const Op& op, unsigned rm) {
    put(h, op.rd, S::mul(a(h, op), b(h, op), rm, A::flags(h)));
  }
  static void div(Hart& h, const Op& op, unsigned rm) {
    put(h, op.rd, S::div(a(h, op), b(h, op), rm, A::flags(h)));
  }
  static void sqrt(Hart& h, const Op& op, unsigned rm) { put(h, op.rd, S::sqrt(a(h, op), rm, A::flags(h))); }

  static Bits flip(Bits v) { return S::is_nan(v) ? v : v ^ S::kSign; }
  template <bool NegateProduct, bool NegateAddend>
  static void fused(Hart& h, const Op& op, unsigned rm) {
    const Bits x = NegateProduct ? flip(a(h, op)) : a(h, op);
    const Bits z = NegateAddend ? flip(c(h, op)) : c(h, op);
    put(h, op.rd, S::fma(x, b(h, op), z, rm, A::flags(h)));
  }

  static void sgnj(Hart& h, const Op& op, unsigned) {
    put(h, op.rd, static_cast<Bits>((a(h, op) & ~S::kSign) | (b(h, op) & S::kSign)));
  }
  static void sgnjn(Hart& h, const Op& op, unsigned) {
    put(h, op.rd, static_cast<Bits>((a(h, op) & ~S::kSign) | (~b(h, op) & S::kSign)));
  }
  static void sgnjx(Hart& h, const Op& op, unsigned) {
    put(h, op.rd, static_cast<Bits>(a(h, op) ^ (b(h, op) & S::kSign)));
  }
  static void min(Hart& h, const Op& op, unsigned) { put(h, op.rd, S::min(a(h, op), b(h, op), A::flags(h))); }
  static void max(Hart& h, const Op& op, unsigned) { put(h, op.rd, S::max(a(h, op), b(h, op), A::flags(h))); }

  static void le(Hart& h, const Op& op, unsigned) {
    A::x(h, op.rd) = S::less_equal(a(h, op), b(h, op), A::flags(h));
  }
  static void lt(Hart& h, const Op& op, unsigned) {
    A::x(h, op.rd) = S::less(a(h, op), b(h, op), A::flags(h));
  }
  static void eq(Hart& h, const Op& op, unsigned) {
    A::x(h, op.rd) = S::equal(a(h, op), b(h, op), A::flags(h));
  }
  static void classify(Hart& h, const Op& op, unsigned) { A::x(h, op.rd) = S::classify(a(h, op)); }

  template <unsigned Width, bool Signed>
  static void to_integer(Hart& h, const Op& op, unsigned rm) {
    A::x(h, op.rd) = S::to_integer(a(h, op), Width, Signed, rm, A::flags(h));
  }
  template <unsigned Width, bool Signed>
  static void from_integer(Hart& h, const Op& op, unsigned rm) {
    U64 value = A::x(h, op.rs1);
    if (Width == 32) {
      value = Signed ? static_cast<U64>(static_cast<std::int64_t>(static_cast<std::int32_t>(value)))
                     : static_cast<std::uint32_t>(value);
    }
    const bool negative = Signed && value >> 63 != 0;
    put(h, op.rd, S::from_integer(negative ? 0 - value : value, negative, rm, A::flags(h)));
  }
};

void move_x_w(Hart& h, const Op& op, unsigned) {
  A::x(h, op.rd) = static_cast<U64>(static_cast<std::int64_t>(static_cast<std::int32_t>(A::f(h, op.rs1))));
}
void move_w_x(Hart& h, const Op& op, unsigned) { A::f(h, op.rd) = kBox | A::x(h, op.rs1); }
void move_x_d(Hart& h, const Op& op, unsigned) { A::x(h, op.rd) = A::f(h, op.rs1); }
void move_d_x(Hart& h, const Op& op, unsigned) { A::f(h, op.rd) = A::x(h, op.rs1); }
void narrow_to_s(Hart& h, const Op& op, unsigned rm) {
  put(h, op.rd, narrow(get<Binary64>(h, op.rs1), rm, A::flags(h)));
}
void widen_to_d(Hart& h, const Op& op, unsigned) {
  put(h, op.rd, widen(get<Binary32>(h, op.rs1), A::flags(h)));
}

template <class F>
FpChoice choose(std::uint32_t funct5, std::uint32_t rs2, std::uint32_t funct3) {
  using O = Ops<F>;
  constexpr bool single = sizeof(typename F::Bits) == 4;
  const auto pick = [funct3](FpFunction f0, FpFunction f1, FpFunction f2, bool integer) {
    return FpChoice{funct3 == 0 ? f0 : funct3 == 1 ? f1 : funct3 == 2 ? f2 : nullptr, false, integer, false};
  };
  switch (funct5) {
    case 0x00:
      return {O::add, true, false, false};
    case 0x01:
      return {O::sub, true, false, false};
    case 0x02:
      return {O::mul, true, false, false};
    case 0x03:
      return {O::div, true, false, true};
    case 0x0b:
      return {rs2 == 0 ? O::sqrt : nullptr, true, false, true};
    case 0x04:
      return pick(O::sgnj, O::sgnjn, O::sgnjx, false);
    case 0x05:
      return pick(O::min, O::max, nullptr, false);
    case 0x14:
      return pick(O::le, O::lt, O::eq, true);
    case 0x08:
      if (single) return {rs2 == 1 ? narrow_to_s : nullptr, true, false, false};
      return {rs2 == 0 ? widen_to_d : nullptr, true, false, false};
    case 0x18: {
      static constexpr FpFunction to[4] = {
          O::template to_integer<32, true>, O::template to_integer<32, false>,
          O::template to_integer<64, true>, O::template to_integer<64, false>};
      return {rs2 < 4 ? to[rs2] : nullptr, true, true, false};
    }
    case 0x1a: {
      static constexpr FpFunction from[4] = {
          O::template from_integer<32, true>, O::template from_integer<32, false>,
          O::template from_integer<64, true>, O::template from_integer<64, false>};
      return {rs2 < 4 ? from[rs2] : nullptr, true, false, false};
    }
    case 0x1c:
      if (rs2 != 0) return {};
      return pick(single ? move_x_w : move_x_d, O::classify, nullptr, true);
    case 0x1e:
      if (rs2 != 0) return {};
      return pick(single ? move_w_x : move_d_x, nullptr, nullptr, false);
    default:
      return {};
  }
}

template <class F>
FpChoice fused(std::uint32_t which) {
  using O = Ops<F>;
  static constexpr FpFunction functions[4] = {O::template fused<false, false>, O::template fused<false, true>,
                                              O::template fused<true, false>, O::template fused<true, true>};
  return {functions[which], true, false, false};
}

}  // namespace

FpChoice choose_fp(std::uint32_t funct5, std::uint32_t format, std::uint32_t rs2, std::uint32_t funct3) {
  if (format == 0) return choose<Binary32>(funct5, rs2, funct3);
  if (format == 1) return choose<Binary64>(funct5, rs2, funct3);
  return {};
}

FpChoice choose_fused(std::uint32_t which, std::uint32_t format) {
  if (format == 0) return fused<Binary32>(which);
  if (format == 1) return fused<Binary64>(which);
  return {};
}

}  // namespace memwall::hart
