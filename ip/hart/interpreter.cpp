// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// One label per operation, each jumping straight to the next operation's label. Control stays in here while
/// blocks link to each other; everything rare is a call. x0 is never written: decoding redirects such writes
/// to x_[kSink].
#include "hart/interpreter.h"

#include <cstring>

// Labels as values are a GNU extension that GCC and Clang share.
#pragma GCC diagnostic ignored "-Wpedantic"

namespace memwall::hart {
namespace {

using U64 = std::uint64_t;
using I64 = std::int64_t;
using U32 = std::uint32_t;
using I32 = std::int32_t;
using WideSigned = __int128;
using WideUnsigned = unsigned __int128;

inline U64 word(U64 value) { return static_cast<U64>(static_cast<I64>(static_cast<I32>(value))); }

U64 divide(U64 a, U64 b) {
  const auto sa = static_cast<I64>(a), sb = static_cast<I64>(b);
  if (sb == 0) return ~U64{0};
  return sb == -1 ? 0 - a : static_cast<U64>(sa / sb);
}
U64 remainder(U64 a, U64 b) {
  const auto sa = static_cast<I64>(a), sb = static_cast<I64>(b);
  if (sb == 0) return a;
  return sb == -1 ? 0 : static_cast<U64>(sa % sb);
}
U64 divide_word(U64 a, U64 b) {
  const auto sa = static_cast<I32>(a), sb = static_cast<I32>(b);
  if (sb == 0) return ~U64{0};
  return sb == -1 ? word(0 - a) : static_cast<U64>(I64{sa / sb});
}
U64 remainder_word(U64 a, U64 b) {
  const auto sa = static_cast<I32>(a), sb = static_cast<I32>(b);
  if (sb == 0) return word(a);
  return sb == -1 ? 0 : static_cast<U64>(I64{sa % sb});
}
U64 divide_word_unsigned(U64 a, U64 b) {
  const auto ua = static_cast<U32>(a), ub = static_cast<U32>(b);
  return ub == 0 ? ~U64{0} : word(ua / ub);
}
U64 remainder_word_unsigned(U64 a, U64 b) {
  const auto ua = static_cast<U32>(a), ub = static_cast<U32>(b);
  return ub == 0 ? word(ua) : word(ua % ub);
}

}  // namespace

void Interpreter::run(Hart& hart, Block* block) { execute(&hart, block); }

const void* Interpreter::handler(Opcode opcode) {
  static const void* const* const labels = execute(nullptr, nullptr);
  return labels[static_cast<std::size_t>(opcode)];
}

/// With hart == nullptr only returns the table of labels.
const void* const* Interpreter::execute(Hart* hart, Block* block) {
#define MEMWALL_HART_LABEL(name) &&L_##name,
  static const void* const kLabels[] = {MEMWALL_HART_OPCODES(MEMWALL_HART_LABEL)};
#undef MEMWALL_HART_LABEL
  if (hart == nullptr) return kLabels;

  Hart& h = *hart;
  U64* const x = h.x_;
  Block* b = block;
  const Op* op = b->ops();
  U64 target = 0;
  h.left_ -= b->cycles;
  h.instret_ += b->instructions;
  goto * op->handler;

#define RD x[op->rd]
#define RS1 x[op->rs1]
#define RS2 x[op->rs2]
#define IMM static_cast<U64>(op->imm)
#define NEXT()          \
  do {                  \
    ++op;               \
    goto * op->handler; \
  } while (0)
#define COMPUTE(name, expression) \
  L_##name : RD = (expression);   \
  NEXT()
// Goes on with a linked block, unless the cycles are used up or something wants attention.
#define ENTER(successor)                                                          \
  do {                                                                            \
    b = (successor);                                                              \
    if (__builtin_expect(h.left_ <= 0, 0) ||                                      \
        __builtin_expect(h.attention_.load(std::memory_order_relaxed) != 0, 0)) { \
      h.pc_ = b->pc;                                                              \
      return kLabels;                                                             \
    }                                                                             \
    h.left_ -= b->cycles;                                                         \
    h.instret_ += b->instructions;                                                \
    op = b->ops();                                                                \
    goto * op->handler;                                                           \
  } while (0)

  COMPUTE(Li, IMM);
  COMPUTE(Mv, RS1);
  COMPUTE(Addi, RS1 + IMM);
  COMPUTE(Slti, static_cast<I64>(RS1) < op->imm ? 1 : 0);
  COMPUTE(Sltiu, RS1 < IMM ? 1 : 0);
  COMPUTE(Xori, RS1 ^ IMM);
  COMPUTE(Ori, RS1 | IMM);
  COMPUTE(Andi, RS1 & IMM);
  COMPUTE(Slli, RS1 << (op->imm & 63));
  COMPUTE(Srli, RS1 >> (op->imm & 63));
  COMPUTE(Srai, static_cast<U64>(static_cast<I64>(RS1) >> (op->imm & 63)));
  COMPUTE(Addiw, word(RS1 + IMM));
  COMPUTE(Slliw, word(RS1 << (op->imm & 31)));
  COMPUTE(Srliw, word(static_cast<U32>(RS1) >> (op->imm & 31)));
  COMPUTE(Sraiw, static_cast<U64>(I64{static_cast<I32>(RS1) >> (op->imm & 31)}));
  COMPUTE(Add, RS1 + RS2);
  COMPUTE(Sub, RS1 - RS2);
  COMPUTE(Sll, RS1 << (RS2 & 63));
  COMPUTE(Slt, static_cast<I64>(RS1) < static_cast<I64>(RS2) ? 1 : 0);
  COMPUTE(Sltu, RS1 < RS2 ? 1 : 0);
  COMPUTE(Xor, RS1 ^ RS2);
  COMPUTE(Srl, RS1 >> (RS2 & 63));
  COMPUTE(Sra, static_cast<U64>(static_cast<I64>(RS1) >> (RS2 & 63)));
  COMPUTE(Or, RS1 | RS2);
  COMPUTE(And, RS1 & RS2);
  COMPUTE(Addw, word(RS1 + RS2));
  COMPUTE(Subw, word(RS1 - RS2));
  COMPUTE(Sllw, word(RS1 << (RS2 & 31)));
  COMPUTE(Srlw, word(static_cast<U32>(RS1) >> (RS2 & 31)));
  COMPUTE(Sraw, static_cast<U64>(I64{static_cast<I32>(RS1) >> (RS2 & 31)}));
  COMPUTE(Mul, RS1 * RS2);
  COMPUTE(Mulh, static_cast<U64>(WideSigned{static_cast<I64>(RS1)} * static_cast<I64>(RS2) >> 64));
  COMPUTE(Mulhsu, static_cast<U64>(WideSigned{static_cast<I64>(RS1)} * static_cast<WideSigned>(RS2) >> 64));
  COMPUTE(Mulhu, static_cast<U64>(WideUnsigned{RS1} * RS2 >> 64));
  COMPUTE(Div, divide(RS1, RS2));
  COMPUTE(Divu, RS2 == 0 ? ~U64{0} : RS1 / RS2);
  COMPUTE(Rem, remainder(RS1, RS2));
  COMPUTE(Remu, RS2 == 0 ? RS1 : RS1 % RS2);
  COMPUTE(Mulw, word(RS1 * RS2));
  COMPUTE(Divw, divide_word(RS1, RS2));
  COMPUTE(Divuw, divide_word_unsigned(RS1, RS2));
  COMPUTE(Remw, remainder_word(RS1, RS2));
  COMPUTE(Remuw, remainder_word_unsigned(RS1, RS2));

// The masked address equals the tag only if the page is right and the access is aligned.
#define DIRECT(table, bytes)                                                                     \
  const U64 address = RS1 + IMM;                                                                 \
  const Hart::DirectEntry& entry = h.table[(address / Hart::kPageBytes) % Hart::kDirectEntries]; \
  const bool direct = __builtin_expect((address & (~(Hart::kPageBytes - 1) | (bytes - 1))) == entry.tag, 1)
#define HOST reinterpret_cast<std::uint8_t*>(address + entry.addend)
#define LOAD(type, widen, destination)                                                 \
  {                                                                                    \
    type value;                                                                        \
    DIRECT(load_entries_, sizeof(type));                                               \
    if (direct) {                                                                      \
      std::memcpy(&value, HOST, sizeof value);                                         \
      destination = widen;                                                             \
    } else {                                                                           \
      const Hart::Access access = h.load_slow(*b, *op, address, &value, sizeof value); \
      if (access == Hart::Access::kTrap) goto trap;                                    \
      destination = widen;                                                             \
      if (access == Hart::Access::kStop) goto stop_after;                              \
    }                                                                                  \
  }                                                                                    \
  NEXT()
#define STORE(type, source)                                                             \
  {                                                                                     \
    const auto value = static_cast<type>(source);                                       \
    DIRECT(store_entries_, sizeof(type));                                               \
    if (direct) {                                                                       \
      std::memcpy(HOST, &value, sizeof value);                                          \
    } else {                                                                            \
      const Hart::Access access = h.store_slow(*b, *op, address, &value, sizeof value); \
      if (access == Hart::Access::kTrap) goto trap;                                     \
      if (access == Hart::Access::kStop) goto stop_after;                               \
    }                                                                                   \
  }                                                                                     \
  NEXT()

L_Lb:
  LOAD(std::int8_t, static_cast<U64>(I64{value}), RD);
L_Lh:
  LOAD(std::int16_t, static_cast<U64>(I64{value}), RD);
L_Lw:
  LOAD(std::int32_t, static_cast<U64>(I64{value}), RD);
L_Ld:
  LOAD(U64, value, RD);
L_Lbu:
  LOAD(std::uint8_t, value, RD);
L_Lhu:
  LOAD(std::uint16_t, value, RD);
L_Lwu:
  LOAD(U32, value, RD);
L_Sb:
  STORE(std::uint8_t, RS2);
L_Sh:
  STORE(std::uint16_t, RS2);
L_Sw:
  STORE(U32, RS2);
L_Sd:
  STORE(U64, RS2);

#define FP_LOAD(name, type, boxed)                             \
  L_##name : if ((h.mstatus_ & kMstatusFs) == 0) goto illegal; \
  h.mstatus_ |= kMstatusFs;                                    \
  LOAD(type, boxed, h.f_[op->rd])
  FP_LOAD(Flw, U32, value | ~U64{0xffffffff});
  FP_LOAD(Fld, U64, value);
#define FP_STORE(name, type)                                   \
  L_##name : if ((h.mstatus_ & kMstatusFs) == 0) goto illegal; \
  STORE(type, h.f_[op->rs2])
  FP_STORE(Fsw, U32);
  FP_STORE(Fsd, U64);

L_Fp:
  if ((h.mstatus_ & kMstatusFs) == 0) goto illegal;
  h.mstatus_ |= kMstatusFs;
  op->fp(h, *op, 0);
  NEXT();
L_FpRm : {
  const unsigned rm = op->rm == 7 ? h.frm_ : op->rm;
  if ((h.mstatus_ & kMstatusFs) == 0 || rm > 4) goto illegal;
  h.mstatus_ |= kMstatusFs;
  op->fp(h, *op, rm);
}
  NEXT();

#define BRANCH(name, condition)               \
  L_##name : if (condition) {                 \
    if (b->taken != nullptr) ENTER(b->taken); \
    target = IMM;                             \
    goto find_taken;                          \
  }                                           \
  goto fall_through
  BRANCH(Beq, RS1 == RS2);
  BRANCH(Bne, RS1 != RS2);
  BRANCH(Blt, static_cast<I64>(RS1) < static_cast<I64>(RS2));
  BRANCH(Bge, static_cast<I64>(RS1) >= static_cast<I64>(RS2));
  BRANCH(Bltu, RS1 < RS2);
  BRANCH(Bgeu, RS1 >= RS2);
L_Jal:
  RD = b->end_pc;
  if (b->taken != nullptr) ENTER(b->taken);
  target = IMM;
  goto find_taken;
L_Jalr:
  target = (RS1 + IMM) & ~U64{1};
  RD = b->end_pc;
  if (h.left_ <= 0 || h.attention_.load(std::memory_order_relaxed) != 0) goto leave;
  ENTER(h.lookup(target));
L_BlockEnd:
fall_through:
  if (b->next != nullptr) ENTER(b->next);
  target = b->end_pc;
  if (h.left_ <= 0 || h.attention_.load(std::memory_order_relaxed) != 0) goto leave;
  {
    const U64 generation = h.blocks_.generation();
    Block* const found = h.lookup(target);
    if (h.blocks_.generation() == generation && found->instructions != 0) b->next = found;
    ENTER(found);
  }
find_taken:
  if (h.left_ <= 0 || h.attention_.load(std::memory_order_relaxed) != 0) goto leave;
  {
    const U64 generation = h.blocks_.generation();
    Block* const found = h.lookup(target);
    if (h.blocks_.generation() == generation && found->instructions != 0) b->taken = found;
    ENTER(found);
  }

L_Fence:
  NEXT();
L_FenceI:
  h.flush_code();
  target = b->end_pc;
  goto leave;

#define ATOMIC(name, method)                            \
  L_##name : {                                          \
    const Hart::Access access = h.method(*b, *op);      \
    if (access == Hart::Access::kTrap) goto trap;       \
    if (access == Hart::Access::kStop) goto stop_after; \
  }                                                     \
  NEXT()
  ATOMIC(Lr, load_reserved);
  ATOMIC(Sc, store_conditional);
  ATOMIC(Amo, amo);

L_Csr:
  if (!h.execute_csr(*op)) goto illegal;
  goto fall_through;
L_Mret:
  if (h.privilege_ != kMachine) goto illegal;
  h.return_from_trap();
  return kLabels;
L_Wfi:
  if (h.privilege_ != kMachine && (h.mstatus_ & kMstatusTw) != 0) goto illegal;
  target = b->end_pc;
  if (h.interrupt_pending()) goto leave;
  ++h.counters_.waits;
  h.waiting_ = true;
  goto leave;

L_Ecall:
  h.raise(h.privilege_ == kMachine ? kEcallMachine : kEcallUser, 0);
  goto trap;
L_Ebreak:
  if (h.ebreak_stops_) {
    target = b->pc + op->pc_offset;
    h.left_ += static_cast<I64>(b->cycles) - op->cycles_before;
    h.instret_ -= b->instructions - op->index;
    h.stop_with(StopReason::kEbreak);
    goto leave;
  }
  h.raise(kBreakpointTrap, 0);
  goto trap;
L_Illegal:
illegal:
  h.raise(kIllegalInstruction, op->bits);
  goto trap;
L_FetchFault:
  h.raise(kInstructionFault, IMM);
  goto trap;
L_Breakpoint:
  target = b->pc;
  h.pass_breakpoint_ = target;
  h.stop_with(StopReason::kBreakpoint);
  goto leave;

// The instruction at op did not happen: take back what the block's entry counted too early.
trap:
  h.left_ += static_cast<I64>(b->cycles) - op->cycles_before;
  h.instret_ -= b->instructions - op->index;
  h.pc_ = b->pc + op->pc_offset;
  ++h.counters_.traps;
  h.enter_trap(h.trap_cause_, h.trap_value_);
  return kLabels;

stop_after:
  ++op;
  h.left_ += static_cast<I64>(b->cycles) - op->cycles_before;
  h.instret_ -= b->instructions - op->index;
  target = b->pc + op->pc_offset;
leave:
  h.pc_ = target;
  return kLabels;
}

}  // namespace memwall::hart
