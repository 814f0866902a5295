// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The C extension as what it is: another spelling of 32-bit instructions (RV64DC).
#include "hart/isa.h"

namespace memwall::hart {
namespace {

/// Collects bits of `c` into an immediate: take(c, from, count, to) puts c[from+count-1:from] at bit `to`.
constexpr std::uint32_t take(std::uint32_t c, unsigned from, unsigned count, unsigned to) {
  return ((c >> from) & ((1u << count) - 1)) << to;
}
constexpr std::uint32_t reg(std::uint32_t c, unsigned low) { return (c >> low) & 31; }
constexpr std::uint32_t short_reg(std::uint32_t c, unsigned low) { return 8 + ((c >> low) & 7); }

constexpr std::uint32_t i_type(std::uint32_t imm, std::uint32_t rs1, std::uint32_t f3, std::uint32_t rd,
                               std::uint32_t opcode) {
  return (imm & 0xfff) << 20 | rs1 << 15 | f3 << 12 | rd << 7 | opcode;
}
constexpr std::uint32_t s_type(std::uint32_t imm, std::uint32_t rs2, std::uint32_t rs1, std::uint32_t f3,
                               std::uint32_t opcode) {
  return take(imm, 5, 7, 25) | rs2 << 20 | rs1 << 15 | f3 << 12 | take(imm, 0, 5, 7) | opcode;
}
constexpr std::uint32_t r_type(std::uint32_t f7, std::uint32_t rs2, std::uint32_t rs1, std::uint32_t f3,
                               std::uint32_t rd, std::uint32_t opcode) {
  return f7 << 25 | rs2 << 20 | rs1 << 15 | f3 << 12 | rd << 7 | opcode;
}
constexpr std::uint32_t b_type(std::uint32_t imm, std::uint32_t rs1, std::uint32_t f3) {
  return take(imm, 12, 1, 31) | take(imm, 5, 6, 25) | rs1 << 15 | f3 << 12 | take(imm, 1, 4, 8) |
         take(imm, 11, 1, 7) | 0x63;
}
constexpr std::uint32_t j_type(std::uint32_t imm, std::uint32_t rd) {
  return take(imm, 20, 1, 31) | take(imm, 1, 10, 21) | take(imm, 11, 1, 20) | take(imm, 12, 8, 12) | rd << 7 |
         0x6f;
}
constexpr std::uint32_t extend(std::uint32_t value, unsigned bits) {
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(value << (32 - bits)) >> (32 - bits));
}

constexpr std::uint32_t kOpImm = 0x13, kOpImm32 = 0x1b, kOp = 0x33, kOp32 = 0x3b, kLoad = 0x03, kStore = 0x23,
                        kLoadFp = 0x07, kStoreFp = 0x27, kJalr = 0x67, kLui = 0x37;

std::uint32_t quadrant0(std::uint32_t c) {
  const std::uint32_t low = short_reg(c, 2), base = short_reg(c, 7);
  const std::uint32_t off4 = take(c, 10, 3, 3) | take(c, 6, 1, 2) | take(c, 5, 1, 6);
  const std::uint32_t off8 = take(c, 10, 3, 3) | take(c, 5, 2, 6);
  switch (c >> 13) {
    case 0: {
      const std::uint32_t imm = take(c, 11, 2, 4) | take(c, 7, 4, 6) | take(c, 6, 1, 2) | take(c, 5, 1, 3);
      return imm == 0 ? 0 : i_type(imm, 2, 0, low, kOpImm);
    }
    case 1:
      return i_type(off8, base, 3, low, kLoadFp);
    case 2:
      return i_type(off4, base, 2, low, kLoad);
    case 3:
      return i_type(off8, base, 3, low, kLoad);
    case 5:
      return s_type(off8, low, base, 3, kStoreFp);
    case 6:
      return s_type(off4, low, base, 2, kStore);
    case 7:
      return s_type(off8, low, base, 3, kStore);
    default:
      return 0;
  }
}

std::uint32_t quadrant1_arithmetic(std::uint32_t c, std::uint32_t imm6) {
  const std::uint32_t rd = short_reg(c, 7), rs2 = short_reg(c, 2);
  switch (take(c, 10, 2, 0)) {
    case 0:
      return i_type(imm6 & 63, rd, 5, rd, kOpImm);
    case 1:
      return i_type((imm6 & 63) | 0x400, rd, 5, rd, kOpImm);
    case 2:
      return i_type(imm6, rd, 7, rd, kOpImm);
    default:
      break;
  }
  const bool word = (c >> 12 & 1) != 0;
  switch (take(c, 5, 2, 0)) {
    case 0:
      return r_type(0x20, rs2, rd, 0, rd, word ? kOp32 : kOp);
    case 1:
      return word ? r_type(0, rs2, rd, 0, rd, kOp32) : r_type(0, rs2, rd, 4, rd, kOp);
    case 2:
      return word ? 0 : r_type(0, rs2, rd, 6, rd, kOp);
    default:
      return word ? 0 : r_type(0, rs2, rd, 7, rd, kOp);
  }
}

std::uint32_t quadrant1(std::uint32_t c) {
  const std::uint32_t rd = reg(c, 7);
  const std::uint32_t imm6 = extend(take(c, 12, 1, 5) | take(c, 2, 5, 0), 6);
  switch (c >> 13) {
    case 0:
      return i_type(imm6, rd, 0, rd, kOpImm);
    case 1:
      return rd == 0 ? 0 : i_type(imm6, rd, 0, rd, kOpImm32);
    case 2:
      return i_type(imm6, 0, 0, rd, kOpImm);
    case 3: {
      if (rd == 2) {
        const std::uint32_t imm = extend(
            take(c, 12, 1, 9) | take(c, 6, 1, 4) | take(c, 5, 1, 6) | take(c, 3, 2, 7) | take(c, 2, 1, 5),
            10);
        return imm == 0 ? 0 : i_type(imm, 2, 0, 2, kOpImm);
      }
      return imm6 == 0 ? 0 : imm6 << 12 | rd << 7 | kLui;
    }
    case 4:
      return quadrant1_arithmetic(c, imm6);
    case 5: {
      const std::uint32_t imm = take(c, 12, 1, 11) | take(c, 11, 1, 4) | take(c, 9, 2, 8) |
                                take(c, 8, 1, 10) | take(c, 7, 1, 6) | take(c, 6, 1, 7) | take(c, 3, 3, 1) |
                                take(c, 2, 1, 5);
      return j_type(extend(imm, 12), 0);
    }
    default: {
      const std::uint32_t imm =
          take(c, 12, 1, 8) | take(c, 10, 2, 3) | take(c, 5, 2, 6) | take(c, 3, 2, 1) | take(c, 2, 1, 5);
      return b_type(extend(imm, 9), short_reg(c, 7), c >> 13 == 6 ? 0 : 1);
    }
  }
}

std::uint32_t quadrant2(std::uint32_t c) {
  const std::uint32_t rd = reg(c, 7), rs2 = reg(c, 2);
  const std::uint32_t load8 = take(c, 12, 1, 5) | take(c, 5, 2, 3) | take(c, 2, 3, 6);
  const std::uint32_t load4 = take(c, 12, 1, 5) | take(c, 4, 3, 2) | take(c, 2, 2, 6);
  const std::uint32_t store8 = take(c, 10, 3, 3) | take(c, 7, 3, 6);
  const std::uint32_t store4 = take(c, 9, 4, 2) | take(c, 7, 2, 6);
  switch (c >> 13) {
    case 0:
      return i_type(take(c, 12, 1, 5) | rs2, rd, 1, rd, kOpImm);
    case 1:
      return i_type(load8, 2, 3, rd, kLoadFp);
    case 2:
      return rd == 0 ? 0 : i_type(load4, 2, 2, rd, kLoad);
    case 3:
      return rd == 0 ? 0 : i_type(load8, 2, 3, rd, kLoad);
    case 4:
      if ((c >> 12 & 1) == 0) {
        if (rs2 != 0) return r_type(0, rs2, 0, 0, rd, kOp);
        return rd == 0 ? 0 : i_type(0, rd, 0, 0, kJalr);
      }
      if (rs2 != 0) return r_type(0, rs2, rd, 0, rd, kOp);
      return rd == 0 ? 0x00100073 : i_type(0, rd, 0, 1, kJalr);
    case 5:
      return s_type(store8, rs2, 2, 3, kStoreFp);
    case 6:
      return s_type(store4, rs2, 2, 2, kStore);
    default:
      return s_type(store8, rs2, 2, 3, kStore);
  }
}

}  // namespace

std::uint32_t expand_compressed(std::uint16_t bits) {
  switch (bits & 3) {
    case 0:
      return quadrant0(bits);
    case 1:
      return quadrant1(bits);
    case 2:
      return quadrant2(bits);
    default:
      return 0;
  }
}

}  // namespace memwall::hart
