// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "program.h"

#include "builder.h"

namespace conformance {

u64 Builder::float_operand() {
  static constexpr u64 kDoubles[] = {0,
                                     0x8000000000000000,
                                     0x7ff0000000000000,
                                     0xfff0000000000000,
                                     0x7ff8000000000000,
                                     0x7ff0000000000001,
                                     0xfff8000000000123,
                                     0x7ff4000000000000,
                                     1,
                                     0x800fffffffffffff,
                                     0x0010000000000000,
                                     0x7fefffffffffffff,
                                     0x3ff0000000000000,
                                     0xbff0000000000000,
                                     0x3fe0000000000000,
                                     0x3ff8000000000000,
                                     0x4004000000000000,
                                     0x41dfffffffc00000,
                                     0x41e0000000000000,
                                     0xc1e0000000200000,
                                     0x41efffffffe00000,
                                     0x41f0000000000000,
                                     0x43e0000000000000,
                                     0xc3e0000000000000,
                                     0x43f0000000000000,
                                     0x43efffffffffffff,
                                     0xbfefffffffffffff,
                                     0x380fffffffffffff,
                                     0x36a0000000000000,
                                     0x3690000000000000,
                                     0x47efffffefffffff,
                                     0x47effffff0000000};
  static constexpr Word kSingles[] = {0,          0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001,
                                      0xffc00123, 0x7fa00000, 1,          0x807fffff, 0x00800000, 0x7f7fffff,
                                      0x3f800000, 0xbf800000, 0x3f000000, 0x3fc00000, 0x40200000, 0x4effffff,
                                      0x4f000000, 0xcf000000, 0xcf000001, 0x4f7fffff, 0x4f800000, 0x5f000000,
                                      0xdf000000, 0x5f800000, 0x5f7fffff, 0xbf7fffff};
  switch (below(8)) {
    case 0:
    case 1:
      return kDoubles[below(sizeof kDoubles / sizeof kDoubles[0])];
    case 2:
    case 3:
      return 0xffffffff00000000u | kSingles[below(sizeof kSingles / sizeof kSingles[0])];
    case 4:
      return 0xffffffff00000000u | rng_.next();
    case 5:
      return rng_.next();
    case 6: {  // doubles of middling size, with few or many significant bits
      const u64 fraction = rng_.next() >> 12 & ~u64{0} << below(52);
      return (rng_.next() & u64{1} << 63) | (1023 - 70 + rng_.below(140)) << 52 | fraction;
    }
    default: {
      const Word fraction = static_cast<Word>(rng_.next()) >> 9 & ~Word{0} << below(23);
      return 0xffffffff00000000u | (rng_.next() & 0x80000000u) | (127 - 40 + rng_.below(80)) << 23 | fraction;
    }
  }
}

void Builder::prologue() {
  for (u64 k = 0; k < kDataBytes; k += 8) poke(kData + k, rng_.next());
  for (u64 k = 0; k < kTableWords; ++k) {
    poke(kTable + 8 * k, kind_ == Kind::kInteger || chance(15) ? number() : float_operand());
  }
  word(jal(zero, 0));
  handler();
  patch(0, jal(zero, static_cast<std::int32_t>(code_.size())));
  address(t0, kCode + handler_);
  word(csrw(mtvec, t0));
  word(lui(t0, kFsBits));
  word(csrrs(zero, mstatus, t0));
  address(kSaveReg, kSave);
  address(kLogReg, kLog);
  address(kDataReg, kData + 2048);
  address(2, kData + 512);
  address(8, kData + 1024);
  address(kTableReg, kTable + 2048);
  poke(kSave + kTrapPointer, kTraps);
  // PMP: everything allowed, by the last entry, so that user mode runs.
  word(addi(t0, zero, -1));
  word(csrw(pmpaddr0 + 15, t0));
  word(addi(t0, zero, 0x1f));
  word(slli(t0, t0, 56));
  word(csrw(pmpcfg0 + 2, t0));
  address(31, kInit);
  for (unsigned k = 0; k < 32; ++k) {
    poke(kInit + 256 + 8 * k, float_operand());
    word(i(static_cast<std::int32_t>(256 + 8 * k), 31, 3, k, 0x07));
  }
  for (unsigned k = 1; k < 32; ++k) {
    poke(kInit + 8 * k, number());
    if (!reserved(k)) word(ld(k, 31, static_cast<std::int32_t>(8 * k)));
  }
  word(addi(kLoopReg, zero, 0));
  word(addi(kTempReg, zero, 0));
}

/// Logs mcause, mtval, mepc, mstatus; skips the instruction. Interrupts are silenced and logged by cause.
void Builder::handler() {
  while (code_.size() % 256 != 0) half(1);
  handler_ = code_.size();
  for (unsigned cause = 0; cause < 16;
       ++cause) {  // also the vector table: every entry jumps to the same code
    word(jal(zero, static_cast<std::int32_t>(4 * (16 - cause))));
  }
  word(sd(5, kSaveReg, 0));
  word(sd(6, kSaveReg, 8));
  word(sd(7, kSaveReg, 16));
  word(ld(5, kSaveReg, kTrapPointer));
  word(csrr(6, mcause));
  word(sd(6, 5, 0));
  word(csrr(7, mtval));
  word(sd(7, 5, 8));
  const std::size_t to_exception = code_.size();
  word(0);
  // Interrupt: clear the software interrupt and the enables, do not log where it hit.
  word(lui(7, 0x2000));
  word(sw(zero, 7, 0));
  word(csrw(mie, zero));
  word(sd(zero, 5, 16));
  word(sd(zero, 5, 24));
  word(addi(5, 5, 32));
  word(sd(5, kSaveReg, kTrapPointer));
  const std::size_t to_restore = code_.size();
  word(0);
  patch(to_exception, b(static_cast<std::int32_t>(code_.size() - to_exception), zero, 6, 5));  // bge x6, x0
  word(csrr(6, mstatus));
  word(lui(7, 0x8));  // MIE MPIE MPP FS
  word(addi(7, 7, -0x778));
  word(r(0, 7, 6, 7, 6, 0x33));
  word(sd(6, 5, 24));
  word(csrr(6, mepc));
  word(sd(6, 5, 16));
  word(addi(5, 5, 32));
  word(sd(5, kSaveReg, kTrapPointer));
  word(ld(7, kSaveReg, kEndPc));
  word(bne(6, 7, 8));
  to_finale_ = code_.size();
  word(0);
  // A fetch fault returns to ra, everything else to the next instruction.
  word(csrr(7, mcause));
  word(addi(7, 7, -1));
  word(bne(7, zero, 12));
  word(csrw(mepc, ra));
  const std::size_t skip = code_.size();
  word(0);
  word(i(0, 6, 5, 7, 0x03));  // lhu
  word(i(3, 7, 7, 7, 0x13));  // andi
  word(addi(6, 6, 2));
  word(addi(7, 7, -3));
  word(bne(7, zero, 8));
  word(addi(6, 6, 2));
  word(csrw(mepc, 6));
  patch(skip, jal(zero, static_cast<std::int32_t>(code_.size() - skip)));
  patch(to_restore, jal(zero, static_cast<std::int32_t>(code_.size() - to_restore)));
  word(ld(5, kSaveReg, 0));
  word(ld(6, kSaveReg, 8));
  word(ld(7, kSaveReg, 16));
  word(mret());
}

void Builder::enter_user() {
  word(lui(t0, 2));  // MPP
  word(addi(t0, t0, -0x800));
  word(csrrc(zero, mstatus, t0));
  word(auipc(t0, 0));
  word(addi(t0, t0, 16));
  word(csrw(mepc, t0));
  word(mret());
}

void Builder::finale() {
  patch(to_finale_, jal(zero, static_cast<std::int32_t>(code_.size() - to_finale_)));
  word(ld(5, kSaveReg, 0));
  word(ld(6, kSaveReg, 8));
  word(ld(7, kSaveReg, 16));
  for (unsigned k = 1; k < 32; ++k) word(sd(k, kSaveReg, static_cast<std::int32_t>(256 + 8 * k)));
  word(lui(5, kFsBits));
  word(csrrs(zero, mstatus, 5));
  for (unsigned k = 0; k < 32; ++k) word(s(static_cast<std::int32_t>(512 + 8 * k), k, kSaveReg, 3, 0x27));
  std::int32_t offset = 768;
  for (const unsigned csr :
       {+fcsr, +mscratch, +mtvec, +mcounteren, +misa, pmpaddr0 + 0u, pmpaddr0 + 1u, +pmpcfg0}) {
    word(csrr(5, csr));
    word(sd(5, kSaveReg, offset));
    offset += 8;
  }
  word(csrw(0x3a0, zero));
  dump(kSave + 256, 1024);
  dump(kData, kDataBytes);
  dump(kLog, (log_used_ + 7) & ~u64{7});
  word(ld(9, kSaveReg, kTrapPointer));
  address(5, kTraps);
  dump_loop();
  // The finisher ends the run.
  word(lui(5, 0x100));
  word(lui(6, 5));
  word(addi(6, 6, 0x555));
  word(sw(6, 5, 0));
  word(jal(zero, 0));
}
std::vector<std::uint8_t> Builder::elf() const {
  // One segment per contiguous piece would be tidy; one for all of it is simple: code, then memory from
  // kSave.
  std::vector<std::uint8_t> image((kTraps - kCode), 0);
  std::memcpy(image.data(), code_.data(), code_.size());
  for (const auto& [at, value] : memory_) std::memcpy(&image[at - kCode], &value, 8);
  std::vector<std::uint8_t> out(4096 + image.size(), 0);
  const auto put = [&out](std::size_t at, u64 value, unsigned bytes) {
    std::memcpy(&out[at], &value, bytes);
  };
  std::memcpy(out.data(),
              "\x7f"
              "ELF\x02\x01\x01",
              7);
  put(16, 2, 2);
  put(18, 243, 2);
  put(20, 1, 4);
  put(24, kCode, 8);
  put(32, 64, 8);
  put(48, 5, 4);  // RVC, double-float ABI
  put(52, 64, 2);
  put(54, 56, 2);
  put(56, 1, 2);
  put(64, 1, 4);
  put(68, 7, 4);
  put(72, 4096, 8);
  put(80, kCode, 8);
  put(88, kCode, 8);
  put(96, image.size(), 8);
  put(104, image.size() + kTrapBytes, 8);
  put(112, 4096, 8);
  std::memcpy(&out[4096], image.data(), image.size());
  return out;
}

Program make_program(Kind kind, std::uint64_t seed, unsigned items) {
  return Builder(kind, seed).build(items);
}

}  // namespace conformance
