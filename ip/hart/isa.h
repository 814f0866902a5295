// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The decoded form of instructions, and the numbers of the privileged architecture that several files share.
/// Source: RISC-V Instruction Set Manual, volume I 20191213 and volume II 20211203 (privileged 1.12).
#pragma once

#include <cstdint>

namespace memwall::hart {

class Hart;
struct Op;

/// Operations that the interpreter knows. Compressed instructions are expanded before they get here.
// clang-format off
#define MEMWALL_HART_OPCODES(X)                                                                    \
  X(Li) X(Mv) X(Addi) X(Slti) X(Sltiu) X(Xori) X(Ori) X(Andi) X(Slli) X(Srli) X(Srai)              \
  X(Addiw) X(Slliw) X(Srliw) X(Sraiw)                                                              \
  X(Add) X(Sub) X(Sll) X(Slt) X(Sltu) X(Xor) X(Srl) X(Sra) X(Or) X(And)                            \
  X(Addw) X(Subw) X(Sllw) X(Srlw) X(Sraw)                                                          \
  X(Mul) X(Mulh) X(Mulhsu) X(Mulhu) X(Div) X(Divu) X(Rem) X(Remu)                                  \
  X(Mulw) X(Divw) X(Divuw) X(Remw) X(Remuw)                                                        \
  X(Lb) X(Lh) X(Lw) X(Ld) X(Lbu) X(Lhu) X(Lwu) X(Sb) X(Sh) X(Sw) X(Sd) X(Flw) X(Fld) X(Fsw) X(Fsd) \
  X(Beq) X(Bne) X(Blt) X(Bge) X(Bltu) X(Bgeu) X(Jal) X(Jalr)                                       \
  X(Fence) X(FenceI) X(Fp) X(FpRm) X(Lr) X(Sc) X(Amo) X(Csr) X(Ecall) X(Ebreak) X(Mret) X(Wfi)     \
  X(Illegal) X(FetchFault) X(Breakpoint) X(BlockEnd)
// clang-format on

enum class Opcode : std::uint8_t {
#define MEMWALL_HART_ENUM(name) k##name,
  MEMWALL_HART_OPCODES(MEMWALL_HART_ENUM)
#undef MEMWALL_HART_ENUM
      kCount
};

/// Register number that takes writes to x0.
inline constexpr std::uint8_t kSink = 32;

/// Executes a floating-point instruction; `rm` is the resolved rounding mode. Never traps.
using FpFunction = void (*)(Hart& hart, const Op& op, unsigned rm);

/// One decoded instruction, independent of its address except for `imm` of pc-relative instructions, where
/// the block builder adds the pc.
struct Decoded {
  Opcode opcode = Opcode::kIllegal;
  std::uint8_t rd = 0;  ///< kSink if an integer destination is x0
  std::uint8_t rs1 = 0;
  std::uint8_t rs2 = 0;
  std::uint8_t rs3 = 0;  ///< third fp source; funct3 of a CSR instruction
  std::uint8_t rm = 0;   ///< rounding mode field; funct5 of an AMO
  std::int64_t imm = 0;
  FpFunction fp = nullptr;
  bool pc_relative = false;  ///< imm is relative to the instruction's address
  bool ends_block = false;
  bool slow_fp = false;         ///< division or square root
  bool integer_result = false;  ///< an fp instruction that writes an x register
};

/// What an instruction writes, for traces.
enum class Writes : std::uint8_t { kNothing, kInteger, kFloat };

Writes writes_of(const Decoded& d);

/// `bits` is a full 32-bit encoding.
Decoded decode(std::uint32_t bits);
/// Expands a compressed instruction to its 32-bit equivalent; 0 (an illegal instruction) if reserved.
std::uint32_t expand_compressed(std::uint16_t bits);

enum Privilege : std::uint8_t { kUser = 0, kMachine = 3 };

/// mcause exception codes.
enum Cause : std::uint64_t {
  kInstructionMisaligned = 0,
  kInstructionFault = 1,
  kIllegalInstruction = 2,
  kBreakpointTrap = 3,
  kLoadMisaligned = 4,
  kLoadFault = 5,
  kStoreMisaligned = 6,
  kStoreFault = 7,
  kEcallUser = 8,
  kEcallMachine = 11,
};

/// Interrupt numbers, the same in mie, mip and mcause.
enum Interrupt : unsigned { kSoftwareInterrupt = 3, kTimerInterrupt = 7, kExternalInterrupt = 11 };

inline constexpr std::uint64_t kMstatusMie = 1u << 3;
inline constexpr std::uint64_t kMstatusMpie = 1u << 7;
inline constexpr std::uint64_t kMstatusMpp = 3u << 11;
inline constexpr std::uint64_t kMstatusFs = 3u << 13;
inline constexpr std::uint64_t kMstatusMprv = 1u << 17;
inline constexpr std::uint64_t kMstatusTw = 1u << 21;
inline constexpr std::uint64_t kMstatusUxl64 = std::uint64_t{2} << 32;
inline constexpr std::uint64_t kMstatusSd = std::uint64_t{1} << 63;

}  // namespace memwall::hart
