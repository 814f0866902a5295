// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Decoder of RV64GC. Reserved encodings decode to kIllegal, so that they trap.
#include "hart/fp_ops.h"
#include "hart/isa.h"

namespace memwall::hart {
namespace {

constexpr std::uint32_t field(std::uint32_t bits, unsigned low, unsigned count) {
  return (bits >> low) & ((1u << count) - 1);
}
constexpr std::int64_t sign_extend(std::uint64_t value, unsigned bits) {
  return static_cast<std::int64_t>(value << (64 - bits)) >> (64 - bits);
}

std::int64_t imm_i(std::uint32_t b) { return sign_extend(b >> 20, 12); }
std::int64_t imm_s(std::uint32_t b) { return sign_extend(field(b, 25, 7) << 5 | field(b, 7, 5), 12); }
std::int64_t imm_u(std::uint32_t b) { return sign_extend(b & 0xfffff000u, 32); }
std::int64_t imm_b(std::uint32_t b) {
  return sign_extend(
      field(b, 31, 1) << 12 | field(b, 7, 1) << 11 | field(b, 25, 6) << 5 | field(b, 8, 4) << 1, 13);
}
std::int64_t imm_j(std::uint32_t b) {
  return sign_extend(
      field(b, 31, 1) << 20 | field(b, 12, 8) << 12 | field(b, 20, 1) << 11 | field(b, 21, 10) << 1, 21);
}

using O = Opcode;

O decode_op_imm(std::uint32_t b, std::int64_t& imm) {
  const unsigned high = b >> 26;
  switch (field(b, 12, 3)) {
    case 0:
      return O::kAddi;
    case 1:
      imm &= 63;
      return high == 0 ? O::kSlli : O::kIllegal;
    case 2:
      return O::kSlti;
    case 3:
      return O::kSltiu;
    case 4:
      return O::kXori;
    case 5:
      imm &= 63;
      return high == 0 ? O::kSrli : high == 0x10 ? O::kSrai : O::kIllegal;
    case 6:
      return O::kOri;
    default:
      return O::kAndi;
  }
}

O decode_op_imm_32(std::uint32_t b, std::int64_t& imm) {
  const unsigned high = b >> 25;
  switch (field(b, 12, 3)) {
    case 0:
      return O::kAddiw;
    case 1:
      imm &= 31;
      return high == 0 ? O::kSlliw : O::kIllegal;
    case 5:
      imm &= 31;
      return high == 0 ? O::kSrliw : high == 0x20 ? O::kSraiw : O::kIllegal;
    default:
      return O::kIllegal;
  }
}

O decode_op(std::uint32_t b) {
  static constexpr O base[8] = {O::kAdd, O::kSll, O::kSlt, O::kSltu, O::kXor, O::kSrl, O::kOr, O::kAnd};
  static constexpr O mul_div[8] = {O::kMul, O::kMulh, O::kMulhsu, O::kMulhu,
                                   O::kDiv, O::kDivu, O::kRem,    O::kRemu};
  const unsigned f3 = field(b, 12, 3);
  switch (b >> 25) {
    case 0x00:
      return base[f3];
    case 0x01:
      return mul_div[f3];
    case 0x20:
      return f3 == 0 ? O::kSub : f3 == 5 ? O::kSra : O::kIllegal;
    default:
      return O::kIllegal;
  }
}

O decode_op_32(std::uint32_t b) {
  static constexpr O base[8] = {O::kAddw,    O::kSllw, O::kIllegal, O::kIllegal,
                                O::kIllegal, O::kSrlw, O::kIllegal, O::kIllegal};
  static constexpr O mul_div[8] = {O::kMulw, O::kIllegal, O::kIllegal, O::kIllegal,
                                   O::kDivw, O::kDivuw,   O::kRemw,    O::kRemuw};
  const unsigned f3 = field(b, 12, 3);
  switch (b >> 25) {
    case 0x00:
      return base[f3];
    case 0x01:
      return mul_div[f3];
    case 0x20:
      return f3 == 0 ? O::kSubw : f3 == 5 ? O::kSraw : O::kIllegal;
    default:
      return O::kIllegal;
  }
}

void decode_system(std::uint32_t b, Decoded& d) {
  d.ends_block = true;
  const unsigned f3 = field(b, 12, 3);
  if (f3 == 0) {
    switch (b) {
      case 0x00000073:
        d.opcode = O::kEcall;
        break;
      case 0x00100073:
        d.opcode = O::kEbreak;
        break;
      case 0x30200073:
        d.opcode = O::kMret;
        break;
      case 0x10500073:
        d.opcode = O::kWfi;
        break;
      default:
        break;
    }
  } else if (f3 != 4) {
    d.opcode = O::kCsr;
    d.rs3 = static_cast<std::uint8_t>(f3);
    d.imm = b >> 20;
  }
}

void decode_amo(std::uint32_t b, Decoded& d) {
  const unsigned f3 = field(b, 12, 3);
  const unsigned f5 = b >> 27;
  if (f3 != 2 && f3 != 3) return;
  d.imm = f3 == 2 ? 4 : 8;
  d.rm = static_cast<std::uint8_t>(f5);
  switch (f5) {
    case 0x02:
      d.opcode = d.rs2 == 0 ? O::kLr : O::kIllegal;
      break;
    case 0x03:
      d.opcode = O::kSc;
      break;
    case 0x00:
    case 0x01:
    case 0x04:
    case 0x08:
    case 0x0c:
    case 0x10:
    case 0x14:
    case 0x18:
    case 0x1c:
      d.opcode = O::kAmo;
      break;
    default:
      break;
  }
}

void set_fp(Decoded& d, const FpChoice& choice, std::uint8_t rd) {
  if (choice.function == nullptr) return;
  d.fp = choice.function;
  d.opcode = choice.uses_rm ? O::kFpRm : O::kFp;
  d.integer_result = choice.integer_result;
  d.slow_fp = choice.slow;
  if (!choice.integer_result) d.rd = rd;  // f0 is a register like any other
  if (choice.uses_rm && (d.rm == 5 || d.rm == 6)) d.opcode = O::kIllegal;
}

}  // namespace

Writes writes_of(const Decoded& d) {
  switch (d.opcode) {
    case O::kFlw:
    case O::kFld:
      return Writes::kFloat;
    case O::kFp:
    case O::kFpRm:
      if (d.integer_result) return d.rd == kSink ? Writes::kNothing : Writes::kInteger;
      return Writes::kFloat;
    case O::kSb:
    case O::kSh:
    case O::kSw:
    case O::kSd:
    case O::kFsw:
    case O::kFsd:
    case O::kBeq:
    case O::kBne:
    case O::kBlt:
    case O::kBge:
    case O::kBltu:
    case O::kBgeu:
    case O::kFence:
    case O::kFenceI:
    case O::kEcall:
    case O::kEbreak:
    case O::kMret:
    case O::kWfi:
    case O::kIllegal:
      return Writes::kNothing;
    default:
      return d.rd == kSink ? Writes::kNothing : Writes::kInteger;
  }
}

Decoded decode(std::uint32_t b) {
  Decoded d;
  const auto rd = static_cast<std::uint8_t>(field(b, 7, 5));
  d.rd = rd == 0 ? kSink : rd;
  d.rs1 = static_cast<std::uint8_t>(field(b, 15, 5));
  d.rs2 = static_cast<std::uint8_t>(field(b, 20, 5));
  d.rm = static_cast<std::uint8_t>(field(b, 12, 3));
  if ((b & 3) != 3) return d;
  static constexpr O loads[8] = {O::kLb, O::kLh, O::kLw, O::kLd, O::kLbu, O::kLhu, O::kLwu, O::kIllegal};
  static constexpr O branches[8] = {O::kBeq, O::kBne, O::kIllegal, O::kIllegal,
                                    O::kBlt, O::kBge, O::kBltu,    O::kBgeu};
  const unsigned f3 = field(b, 12, 3);
  switch (field(b, 2, 5)) {
    case 0x00:
      d.opcode = loads[f3];
      d.imm = imm_i(b);
      break;
    case 0x01:
      d.opcode = f3 == 2 ? O::kFlw : f3 == 3 ? O::kFld : O::kIllegal;
      d.rd = rd;
      d.imm = imm_i(b);
      break;
    case 0x03:
      d.opcode = f3 == 0 ? O::kFence : f3 == 1 ? O::kFenceI : O::kIllegal;
      d.ends_block = d.opcode == O::kFenceI;
      break;
    case 0x04:
      d.imm = imm_i(b);
      d.opcode = decode_op_imm(b, d.imm);
      if (d.opcode == O::kAddi && d.imm == 0) d.opcode = O::kMv;
      if (d.opcode == O::kAddi && d.rs1 == 0) d.opcode = O::kLi;
      break;
    case 0x05:
      d.opcode = O::kLi;
      d.imm = imm_u(b);
      d.pc_relative = true;
      break;
    case 0x06:
      d.imm = imm_i(b);
      d.opcode = decode_op_imm_32(b, d.imm);
      break;
    case 0x08:
      d.opcode = f3 == 0 ? O::kSb : f3 == 1 ? O::kSh : f3 == 2 ? O::kSw : f3 == 3 ? O::kSd : O::kIllegal;
      d.imm = imm_s(b);
      break;
    case 0x09:
      d.opcode = f3 == 2 ? O::kFsw : f3 == 3 ? O::kFsd : O::kIllegal;
      d.imm = imm_s(b);
      break;
    case 0x0b:
      decode_amo(b, d);
      break;
    case 0x0c:
      d.opcode = decode_op(b);
      break;
    case 0x0d:
      d.opcode = O::kLi;
      d.imm = imm_u(b);
      break;
    case 0x0e:
      d.opcode = decode_op_32(b);
      break;
    case 0x10:
    case 0x11:
    case 0x12:
    case 0x13:
      set_fp(d, choose_fused(field(b, 2, 2), field(b, 25, 2)), rd);
      if (d.opcode != O::kIllegal) d.rs3 = static_cast<std::uint8_t>(b >> 27);
      break;
    case 0x14:
      set_fp(d, choose_fp(b >> 27, field(b, 25, 2), d.rs2, f3), rd);
      break;
    case 0x18:
      d.opcode = branches[f3];
      d.imm = imm_b(b);
      d.pc_relative = true;
      d.ends_block = true;
      break;
    case 0x19:
      d.opcode = f3 == 0 ? O::kJalr : O::kIllegal;
      d.imm = imm_i(b);
      d.ends_block = true;
      break;
    case 0x1b:
      d.opcode = O::kJal;
      d.imm = imm_j(b);
      d.pc_relative = true;
      d.ends_block = true;
      break;
    case 0x1c:
      decode_system(b, d);
      break;
    default:
      break;
  }
  if (d.opcode == O::kIllegal) {
    d.ends_block = true;
    d.pc_relative = false;
  }
  return d;
}

}  // namespace memwall::hart
