// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Instruction encoders for tests, written from the format tables of the ISA manual.
#pragma once

#include <cstdint>

namespace rv {

using Word = std::uint32_t;

enum Reg : unsigned {
  zero,
  ra,
  sp,
  gp,
  tp,
  t0,
  t1,
  t2,
  s0,
  s1,
  a0,
  a1,
  a2,
  a3,
  a4,
  a5,
  a6,
  a7,
  s2,
  s3,
  s4,
  s5,
  s6,
  s7,
  s8,
  s9,
  s10,
  s11,
  t3,
  t4,
  t5,
  t6
};

inline Word r(Word f7, Word rs2, Word rs1, Word f3, Word rd, Word op) {
  return f7 << 25 | rs2 << 20 | rs1 << 15 | f3 << 12 | rd << 7 | op;
}
inline Word i(std::int32_t imm, Word rs1, Word f3, Word rd, Word op) {
  return static_cast<Word>(imm) << 20 | rs1 << 15 | f3 << 12 | rd << 7 | op;
}
inline Word s(std::int32_t imm, Word rs2, Word rs1, Word f3, Word op) {
  const Word u = static_cast<Word>(imm);
  return (u >> 5 & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | f3 << 12 | (u & 31) << 7 | op;
}
inline Word b(std::int32_t imm, Word rs2, Word rs1, Word f3) {
  const Word u = static_cast<Word>(imm);
  return (u >> 12 & 1) << 31 | (u >> 5 & 63) << 25 | rs2 << 20 | rs1 << 15 | f3 << 12 | (u >> 1 & 15) << 8 |
         (u >> 11 & 1) << 7 | 0x63;
}

inline Word addi(Word rd, Word rs1, std::int32_t imm) { return i(imm, rs1, 0, rd, 0x13); }
inline Word addiw(Word rd, Word rs1, std::int32_t imm) { return i(imm, rs1, 0, rd, 0x1b); }
inline Word slli(Word rd, Word rs1, unsigned shamt) {
  return i(static_cast<std::int32_t>(shamt), rs1, 1, rd, 0x13);
}
inline Word add(Word rd, Word rs1, Word rs2) { return r(0, rs2, rs1, 0, rd, 0x33); }
inline Word lui(Word rd, Word imm20) { return imm20 << 12 | rd << 7 | 0x37; }
inline Word auipc(Word rd, Word imm20) { return imm20 << 12 | rd << 7 | 0x17; }
inline Word lb(Word rd, Word rs1, std::int32_t imm) { return i(imm, rs1, 0, rd, 0x03); }
inline Word lw(Word rd, Word rs1, std::int32_t imm) { return i(imm, rs1, 2, rd, 0x03); }
inline Word ld(Word rd, Word rs1, std::int32_t imm) { return i(imm, rs1, 3, rd, 0x03); }
inline Word sb(Word rs2, Word rs1, std::int32_t imm) { return s(imm, rs2, rs1, 0, 0x23); }
inline Word sw(Word rs2, Word rs1, std::int32_t imm) { return s(imm, rs2, rs1, 2, 0x23); }
inline Word sd(Word rs2, Word rs1, std::int32_t imm) { return s(imm, rs2, rs1, 3, 0x23); }
inline Word beq(Word rs1, Word rs2, std::int32_t off) { return b(off, rs2, rs1, 0); }
inline Word bne(Word rs1, Word rs2, std::int32_t off) { return b(off, rs2, rs1, 1); }
inline Word jalr(Word rd, Word rs1, std::int32_t imm) { return i(imm, rs1, 0, rd, 0x67); }
inline Word jal(Word rd, std::int32_t off) {
  const Word u = static_cast<Word>(off);
  return (u >> 20 & 1) << 31 | (u >> 1 & 0x3ff) << 21 | (u >> 11 & 1) << 20 | (u >> 12 & 0xff) << 12 |
         rd << 7 | 0x6f;
}
inline Word csrrw(Word rd, Word csr, Word rs1) { return i(static_cast<std::int32_t>(csr), rs1, 1, rd, 0x73); }
inline Word csrrs(Word rd, Word csr, Word rs1) { return i(static_cast<std::int32_t>(csr), rs1, 2, rd, 0x73); }
inline Word csrrc(Word rd, Word csr, Word rs1) { return i(static_cast<std::int32_t>(csr), rs1, 3, rd, 0x73); }
inline Word csrr(Word rd, Word csr) { return csrrs(rd, csr, zero); }
inline Word csrw(Word csr, Word rs1) { return csrrw(zero, csr, rs1); }
inline Word mul(Word rd, Word rs1, Word rs2) { return r(1, rs2, rs1, 0, rd, 0x33); }
inline Word div(Word rd, Word rs1, Word rs2) { return r(1, rs2, rs1, 4, rd, 0x33); }
inline Word lr_w(Word rd, Word rs1) { return r(0x08, 0, rs1, 2, rd, 0x2f); }
inline Word sc_w(Word rd, Word rs2, Word rs1) { return r(0x0c, rs2, rs1, 2, rd, 0x2f); }
inline Word amoadd_d(Word rd, Word rs2, Word rs1) { return r(0x00, rs2, rs1, 3, rd, 0x2f); }
inline Word fadd_d(Word rd, Word rs1, Word rs2, Word rm = 7) { return r(0x01, rs2, rs1, rm, rd, 0x53); }
inline Word nop() { return addi(zero, zero, 0); }
inline Word ecall() { return 0x00000073; }
inline Word ebreak() { return 0x00100073; }
inline Word mret() { return 0x30200073; }
inline Word wfi() { return 0x10500073; }
inline Word fence_i() { return 0x0000100f; }

enum Csr : unsigned {
  fflags = 1,
  frm = 2,
  fcsr = 3,
  mstatus = 0x300,
  misa = 0x301,
  mie = 0x304,
  mtvec = 0x305,
  mcounteren = 0x306,
  mscratch = 0x340,
  mepc = 0x341,
  mcause = 0x342,
  mtval = 0x343,
  mip = 0x344,
  pmpcfg0 = 0x3a0,
  pmpaddr0 = 0x3b0,
  mcycle = 0xb00,
  minstret = 0xb02,
  cycle = 0xc00,
  time_ = 0xc01,
  instret = 0xc02,
  mhartid = 0xf14
};

}  // namespace rv
