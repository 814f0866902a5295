// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The random instructions.
#include "builder.h"

namespace conformance {

void Builder::item() {
  switch (kind_) {
    case Kind::kInteger: {
      const unsigned pick = below(100);
      if (pick < 34) return integer();
      if (pick < 54) return memory_access();
      if (pick < 62) return atomic();
      if (pick < 78) return compressed();
      if (pick < 86) return control();
      if (pick < 90) return loop();
      if (pick < 95) return illegal();
      if (pick < 97) return self_modification();
      return csr();
    }
    case Kind::kFloat: {
      const unsigned pick = below(100);
      if (pick < 82) return float_operation();
      if (pick < 90) return float_memory();
      if (pick < 94) return csr();
      return illegal();
    }
    case Kind::kUser:
      return user_item();
    case Kind::kCsr:
      return chance(40) ? csr() : chance(60) ? csr_probe() : machine_status();
    case Kind::kPmp:
      return pmp();
    case Kind::kInterrupt:
      return interrupt();
  }
}

void Builder::integer() {
  const unsigned rd = target();
  if (chance(30)) load_integer(target());
  const auto imm = static_cast<std::int32_t>(below(4096)) - 2048;
  switch (below(7)) {
    case 0:
      subject(i(imm, any(), below(8), rd, 0x13));
      break;
    case 1:
      subject(r(below(2) * 0x20 | below(2), any(), any(), chance(50) ? 1 : 5, rd, 0x13));
      break;
    case 2:
      subject(i(imm, any(), 0, rd, 0x1b));
      break;
    case 3:
      subject(r(chance(50) ? 0 : 0x20, below(32), any(), chance(50) ? 1 : 5, rd, 0x1b));
      break;
    case 4:
      subject(r(chance(50) ? 1 : chance(60) ? 0 : 0x20, any(), any(), below(8), rd, 0x33));
      break;
    case 5:
      subject(r(chance(50) ? 1 : chance(60) ? 0 : 0x20, any(), any(), below(8), rd, 0x3b));
      break;
    default:
      subject((chance(50) ? lui(rd, static_cast<Word>(rng_.next()))
                          : auipc(rd, static_cast<Word>(rng_.next()) & 0xfffff)));
      break;
  }
  if (chance(60)) log_x(rd);
}

void Builder::memory_access() {
  const unsigned rd = target();
  if (chance(5)) {
    word(lui(kTempReg,
             0x8000));  // nothing is mapped there (aligned: QEMU reports a piece of a misaligned access)
    subject(chance(50) ? i(data_offset() & ~7, kTempReg, below(7), rd, 0x03)
                       : s(data_offset() & ~7, any(), kTempReg, below(4), 0x23));
    return;
  }
  if (chance(50)) {
    subject(i(data_offset(), kDataReg, below(8), rd, 0x03));
    if (chance(60)) log_x(rd);
  } else {
    subject(s(data_offset(), any(), kDataReg, below(5), 0x23));
  }
}

void Builder::atomic() {
  static constexpr Word kOperations[] = {0, 1, 4, 8, 12, 16, 20, 24, 28};
  const unsigned width = 2 + below(2);
  const auto offset = static_cast<std::int32_t>(below(500)) * 8 - 2000;
  const bool pair = chance(35);
  // QEMU 7.2 does not check the alignment of an SC whose reservation fails; the standard asks for it.
  const bool misaligned = !pair && chance(5);
  word(addi(kTempReg, kDataReg, misaligned ? offset + static_cast<std::int32_t>(below(8)) : offset));
  const Word order = below(4);
  const unsigned rd = target();
  if (misaligned) {
    subject(
        r(0x02u << 2 | order, 0, kTempReg, width, rd, 0x2f));  // QEMU 7.2 reports a misaligned AMO as a load
    return;
  }
  if (pair) {
    subject(r(0x02u << 2 | order, 0, kTempReg, width, rd, 0x2f));
    log_x(rd);
    if (chance(20)) word(sd(any(), kTempReg, 0));
    if (chance(10)) word(ecall());  // a trap loses the reservation
    if (chance(15)) word(addi(kTempReg, kTempReg, 8));
    subject(r(0x03u << 2 | order, any(), kTempReg, width, rd, 0x2f));
    log_x(rd);
    return;
  }
  subject(r(kOperations[below(9)] << 2 | order, any(), kTempReg, width, rd, 0x2f));
  if (chance(60)) log_x(rd);
}

void Builder::compressed() {
  const auto c = [](unsigned f3, unsigned quadrant, unsigned rest) {
    return static_cast<std::uint16_t>(f3 << 13 | rest << 2 | quadrant);
  };
  std::uint16_t bits = 0;
  unsigned rd = 0;
  switch (below(4)) {
    case 0: {  // arithmetic of any quadrant: anything that neither jumps nor touches memory nor a kept
               // register
      for (;;) {
        bits = static_cast<std::uint16_t>(rng_.next());
        const unsigned f3 = bits >> 13, quadrant = bits & 3;
        if (quadrant == 3) continue;
        if (quadrant == 0 && f3 != 0 && f3 != 4) continue;
        if (quadrant == 1 && f3 > 4) continue;
        if (quadrant == 2 && f3 != 0 && f3 != 4) continue;
        if (quadrant == 2 && f3 == 4 && (bits >> 2 & 31) == 0) continue;  // jumps
        const auto d = memwall::hart::decode(memwall::hart::expand_compressed(bits));
        rd = d.rd == memwall::hart::kSink ? 0 : d.rd;
        if (d.opcode != memwall::hart::Opcode::kIllegal && reserved(rd)) continue;
        break;
      }
      break;
    }
    case 1:  // register-based loads and stores through x8
      rd = short_target();
      bits = c(below(2) == 0 ? 2 + below(2) : 6 + below(2), 0,
               below(8) << 8 | 0u << 5 | below(4) << 3 | (rd - 8));
      break;
    case 2:  // stack-based loads
      rd = target();
      bits = c(2 + below(2), 2, below(2) << 10 | rd << 5 | below(32));
      break;
    default:
      bits = c(6 + below(2), 2, below(64) << 5 | any());
      break;
  }
  subject_half(bits);
  if (chance(60) && rd != 0) log_x(rd);
}

namespace {
std::uint16_t c_j(std::int32_t offset) {
  const auto o = static_cast<Word>(offset);
  return static_cast<std::uint16_t>(5u << 13 | (o >> 11 & 1) << 12 | (o >> 4 & 1) << 11 | (o >> 8 & 3) << 9 |
                                    (o >> 10 & 1) << 8 | (o >> 6 & 1) << 7 | (o >> 7 & 1) << 6 |
                                    (o >> 1 & 7) << 3 | (o >> 5 & 1) << 2 | 1);
}
std::uint16_t c_branch(bool not_zero, unsigned reg, std::int32_t offset) {
  const auto o = static_cast<Word>(offset);
  return static_cast<std::uint16_t>((not_zero ? 7u : 6u) << 13 | (o >> 8 & 1) << 12 | (o >> 3 & 3) << 10 |
                                    (reg - 8) << 7 | (o >> 6 & 3) << 5 | (o >> 1 & 3) << 3 |
                                    (o >> 5 & 1) << 2 | 1);
}
}  // namespace

/// Forward jumps and branches by compressed instructions over a few others.
void Builder::compressed_control() {
  const unsigned choice = below(4);
  if (choice >= 2) {
    word(auipc(kTempReg, 0));
    word(0);
  }
  const std::size_t at = code_.size();
  half(0x0001);
  for (unsigned n = 1 + below(4); n > 0; --n) word(addi(target(), any(), 1));
  const auto offset = static_cast<std::int32_t>(code_.size() - at);
  std::uint16_t bits = 0;
  if (choice == 0) bits = c_j(offset);
  if (choice == 1) bits = c_branch(chance(50), 8 + below(8), offset);
  if (choice >= 2) {
    patch(at - 4, addi(kTempReg, kTempReg, static_cast<std::int32_t>(code_.size() - (at - 8))));
    bits = static_cast<std::uint16_t>((choice == 2 ? 0x8002u : 0x9002u) | kTempReg << 7);
  }
  code_[at] = static_cast<std::uint8_t>(bits);
  code_[at + 1] = static_cast<std::uint8_t>(bits >> 8);
  subjects_.push_back(bits);
  what_ = hex(bits) + " at " + hex(kCode + at);
  log_x(ra);
}

void Builder::control() {
  if (chance(35)) return compressed_control();
  const std::size_t at = code_.size();
  const unsigned rd = target();
  const unsigned choice = below(6);
  const auto skipped = [&] {
    for (unsigned n = 1 + below(3); n > 0; --n) word(addi(target(), any(), 1));
    if (chance(30)) half(0x0001);
    return static_cast<std::int32_t>(code_.size() - at);
  };
  if (choice < 3) {
    const unsigned f3 = below(8);
    const Word x = any(), y = chance(20) ? x : any();
    word(0);
    const std::int32_t offset = skipped();
    patch(at, b(offset, y, x, f3));  // 2 and 3 are illegal
  } else if (choice == 3) {
    word(0);
    const std::int32_t offset = skipped();
    patch(at, jal(rd, offset));
    log_x(rd);
  } else if (choice == 4) {
    word(auipc(kTempReg, 0));
    word(0);
    const std::int32_t offset = skipped();
    patch(at + 4, jalr(rd, kTempReg, offset | static_cast<std::int32_t>(below(2))));
    log_x(rd);
  } else {
    word(lui(kTempReg, 0x8000 + below(16)));
    subject(jalr(ra, kTempReg, static_cast<std::int32_t>(below(64)) * 2));  // fetch fault, comes back to ra
  }
}

void Builder::loop() {
  if (in_loop_) return integer();
  in_loop_ = true;
  word(addi(kLoopReg, zero, static_cast<std::int32_t>(2 + below(4))));
  const std::size_t top = code_.size();
  const u64 log_before = log_base_;
  for (unsigned n = 2 + below(6); n > 0; --n) {
    if (chance(60))
      integer();
    else if (chance(50))
      memory_access();
    else
      compressed();
    if (log_base_ != log_before) break;  // the log pointer moved: this must not repeat
  }
  word(addi(kLoopReg, kLoopReg, -1));
  if (log_base_ == log_before) word(bne(kLoopReg, zero, static_cast<std::int32_t>(top - code_.size())));
  in_loop_ = false;
}

void Builder::float_operation() {
  const unsigned rd = any(), rs1 = any(), rs2 = any(), format = below(2);
  if (chance(75)) load_float(rs1);
  if (chance(75)) load_float(rs2);
  const unsigned rm = chance(3) ? 5 + below(2) : chance(30) ? 7 : below(5);
  if (chance(6)) {
    subject(i(static_cast<std::int32_t>(frm), chance(10) ? 5 + below(3) : below(5), 5, zero,
              0x73));  // csrrwi frm
  }
  static constexpr Word kRounded[] = {0x00, 0x01, 0x02, 0x03};
  bool integer_result = false;
  switch (below(12)) {
    case 0:
    case 1:
    case 2:
      subject(r(kRounded[below(4)] << 2 | format, rs2, rs1, rm, rd, 0x53));
      break;
    case 3:
      subject(r(0x0bu << 2 | format, chance(3) ? 1 : 0, rs1, rm, rd, 0x53));
      break;
    case 4:
    case 5: {
      const unsigned rs3 = any();
      if (chance(75)) load_float(rs3);
      subject(rs3 << 27 | r(format, rs2, rs1, rm, rd, 0x43 + 4 * below(4)));
      break;
    }
    case 6:
      subject(r(0x04u << 2 | format, rs2, rs1, below(chance(5) ? 8 : 3), rd, 0x53));
      break;
    case 7:
      subject(r(0x05u << 2 | format, rs2, rs1, below(2), rd, 0x53));
      break;
    case 8:
      subject(r(0x08u << 2 | format, 1 - format, rs1, rm, rd, 0x53));
      break;
    case 9: {
      const unsigned source = any();
      if (chance(60) && !reserved(source)) load_integer(source);
      if (chance(25))
        subject(r(0x1eu << 2 | format, 0, source, 0, rd, 0x53));
      else
        subject(r(0x1au << 2 | format, below(4), source, rm, rd, 0x53));
      break;
    }
    default:
      integer_result = true;
      break;
  }
  if (integer_result) {
    const unsigned xd = target();
    switch (below(3)) {
      case 0:
        subject(r(0x14u << 2 | format, rs2, rs1, below(3), xd, 0x53));
        break;
      case 1:
        subject(r(0x18u << 2 | format, below(4), rs1, rm, xd, 0x53));
        break;
      default:
        subject(r(0x1cu << 2 | format, 0, rs1, below(2), xd, 0x53));
        break;
    }
    log_x(xd);
  } else {
    log_f(rd);
  }
  if (chance(50)) {
    word(chance(70) ? csrrw(7, fflags, zero) : csrr(7, fcsr));
    log_x(7);
  }
}

void Builder::float_memory() {
  const unsigned reg = any();
  const auto offset = static_cast<std::int32_t>(below(500)) * 8 - 2000 +
                      (chance(20) ? static_cast<std::int32_t>(below(8)) : 0);
  switch (below(5)) {
    case 0:
      subject(i(offset, kDataReg, 2 + below(2), reg, 0x07));
      log_f(reg);
      break;
    case 1:
      subject(s(offset, reg, kDataReg, 2 + below(2), 0x27));
      break;
    case 2: {  // compressed: c.fld c.fsd through x8
      const unsigned f = below(8);
      subject_half(
          static_cast<std::uint16_t>((chance(50) ? 1u : 5u) << 13 | below(8) << 10 | below(4) << 5 | f << 2));
      log_f(8 + f);
      break;
    }
    case 3: {  // c.fldsp, c.fsdsp
      if (chance(50))
        subject_half(static_cast<std::uint16_t>(1u << 13 | below(2) << 12 | reg << 7 | below(32) << 2 | 2));
      else
        subject_half(static_cast<std::uint16_t>(5u << 13 | below(64) << 7 | reg << 2 | 2));
      log_f(reg);
      break;
    }
    default:  // switched off: everything traps
      word(lui(7, kFsBits));
      word(csrrc(zero, mstatus, 7));
      subject(i(offset, kDataReg, 2 + below(2), reg, 0x07));
      subject(r(below(2), any(), any(), 0, any(), 0x53));
      subject(csrr(target(), 1 + below(3)));
      word(lui(7, kFsBits));
      word(csrrs(zero, mstatus, 7));
      break;
  }
}

void Builder::csr() {
  static constexpr unsigned kNumbers[] = {fflags, frm, fcsr, mscratch, mcause, mtval, mepc, mcounteren};
  const unsigned number = kNumbers[kind_ == Kind::kInteger || kind_ == Kind::kUser ? 3 + below(5) : below(8)];
  const unsigned rd = target();
  const unsigned f3 = 1 + below(3) + 4 * below(2);
  // QEMU 7.2 keeps bit 0 of mepc, which must be zero: only even values go there.
  if (number == mepc) {
    subject(csrrw(rd, mepc, kDataReg));
    return log_x(rd);
  }
  subject(i(static_cast<std::int32_t>(number), any(), f3, rd, 0x73));
  // Logged except where QEMU keeps more or fewer bits than the standard asks for (mcounteren: 32 bits wide).
  if (number != mcounteren) log_x(rd);
  if (number == mcounteren) {
    word(addi(7, zero, 7));
    word(csrrw(zero, mcounteren, 7));
  }
  if (number == frm || number == fcsr) word(i(static_cast<std::int32_t>(frm), below(5), 5, zero, 0x73));
}

/// Sets or clears bits of mstatus that both sides have, by every form of CSR instruction, and logs those
/// bits. No interrupt is enabled and user mode may do everything, so that MIE and MPRV have no effect here.
void Builder::machine_status() {
  static constexpr u64 kBits[] = {1u << 3, 1u << 7, 1u << 17, 1u << 21};  // MIE, MPIE, MPRV, TW
  address(t0, kBits[below(4)] | kBits[below(4)]);
  const unsigned rd = short_target(), other = rd == 9 ? 10 : 9;
  subject(i(static_cast<std::int32_t>(mstatus), t0, 2 + below(2), rd, 0x73));
  if (chance(30))
    subject(i(static_cast<std::int32_t>(mstatus), 8, 6 + below(2), other, 0x73));  // MIE by immediate
  address(t0, 1u << 3 | 1u << 7 | 3u << 11 | 1u << 17 | 1u << 21);
  // QEMU 7.2 keeps SXL without S mode; the rest is compared.
  for (const unsigned reg : {rd, other}) word(r(0, reg, t0, 7, reg, 0x33));
  word(csrr(t1, mstatus));
  word(r(0, t1, t0, 7, t1, 0x33));
  log_x(t1);
}

/// Writes an instruction over one that follows, makes it visible by fence.i and executes it.
void Builder::self_modification() {
  const unsigned rd = target();
  const Word w = addi(rd, any(), static_cast<std::int32_t>(below(4096)) - 2048);
  const std::size_t base = code_.size();
  word(auipc(kTempReg, 0));
  const auto low = static_cast<std::int32_t>(w << 20) >> 20;
  word(lui(7, (w - static_cast<Word>(low)) >> 12));
  word(addiw(7, 7, low));
  if (chance(50)) word(i(static_cast<std::int32_t>(below(256)), 0, 0, 0, 0x0f));  // fence
  word(0);
  const std::size_t store = code_.size() - 4;
  subject(fence_i());
  const std::size_t slot = code_.size();
  word(chance(50) ? nop() : addi(rd, rd, 1));
  patch(store, sw(7, kTempReg, static_cast<std::int32_t>(slot - base)));
  log_x(rd);
}

/// Does a CSR exist, may it be read, may it be written? The value does not matter.
void Builder::csr_probe() {
  static constexpr struct {
    unsigned first, last;
  } kRanges[] = {{0x001, 0x003}, {0x100, 0x106}, {0x140, 0x144}, {0x180, 0x180}, {0x300, 0x301},
                 {0x304, 0x306}, {0x340, 0x344}, {0x3a0, 0x3a3}, {0x3b0, 0x3bf}, {0xb00, 0xb12},
                 {0xc00, 0xc12}, {0xf11, 0xf15}, {0x200, 0x205}, {0x7b0, 0x7b3}};
  const auto& range = kRanges[below(sizeof kRanges / sizeof kRanges[0])];
  const unsigned number = range.first + below(range.last - range.first + 1);
  const unsigned rd = target();
  // Reading is always tried; writing only where the register is read-only, so that nothing changes.
  // (QEMU 7.2 lets CSRRS pass if the bits to set are zero although rs1 is not x0, so x8 it is.)
  const bool write = number >> 10 == 3 && chance(50);
  subject(i(static_cast<std::int32_t>(number), write ? 8 : 0, 2 + below(2), rd, 0x73));
  word(addi(rd, zero, 0));
}

void Builder::illegal() {
  static constexpr Word kOpcodes[] = {0x13, 0x1b, 0x33, 0x3b, 0x53, 0x43, 0x47, 0x4b,
                                      0x4f, 0x2f, 0x0b, 0x2b, 0x5b, 0x7b, 0x77, 0x6b};
  Word w = static_cast<Word>(rng_.next());
  const Word opcode = kOpcodes[below(16)];
  w = (w & ~0xfffu) | target() << 7 | opcode;
  if (opcode == 0x2f) w = (w & ~(31u << 15)) | 8u << 15;  // atomics stay in the data area
  subject(w);
}

void Builder::user_item() {
  switch (below(9)) {
    case 0:
      subject(ecall());
      break;
    case 1:
      csr();
      break;
    case 2:
      csr_probe();
      break;
    case 3:
      subject(mret());
      break;
    case 4:
      subject(ebreak());
      break;
    case 5:
      float_operation();
      break;
    case 6:
      memory_access();
      break;
    case 7:
      illegal();
      break;
    default:
      integer();
      break;
  }
}

/// Random protection of the data area by entries 0-3, then loads and stores as user (MPRV) and as machine.
void Builder::pmp() {
  if (!pmp_ready_ || chance(12)) {
    pmp_ready_ = true;
    word(lui(7, 0x20));
    word(csrrc(zero, mstatus, 7));
    word(csrw(pmpcfg0, zero));
    Word config = 0;
    u64 previous = 0;
    for (unsigned e = 0; e < 4; ++e) {
      u64 at = (kData >> 2) + rng_.below(1024);
      const unsigned mode = below(4);
      if (mode == 3) {
        const unsigned ones = below(9);
        at = (at & ~((u64{1} << (ones + 1)) - 1)) | ((u64{1} << ones) - 1);
      }
      if (mode == 1 && chance(80) && at < previous) std::swap(at, previous);
      previous = at;
      unsigned rights = below(8);
      if ((rights & 3) == 2) rights |= 1;  // W without R is reserved
      config |= (mode << 3 | rights) << (8 * e);
      address(t0, at);
      word(csrw(pmpaddr0 + e, t0));
    }
    address(t0, config);
    what_ = "pmpcfg0=" + hex(config);
    word(csrw(pmpcfg0, t0));
    word(csrr(t0, pmpcfg0));
    log_x(t0);
    // Switch the catch-all off for half of the configurations: user mode then has no right elsewhere.
    word(addi(t0, zero, chance(50) ? 0x1f : 0x00));
    word(slli(t0, t0, 56));
    word(csrw(pmpcfg0 + 2, t0));
  }
  const unsigned rd = target();
  const unsigned size = below(4);
  const auto offset = static_cast<std::int32_t>(below(4096) & ~((1u << size) - 1)) - 2048;
  const bool as_user = chance(80);
  if (as_user) {
    word(lui(7, 2));  // MPP = U, then MPRV
    word(addi(7, 7, -0x800));
    word(csrrc(zero, mstatus, 7));
    word(lui(7, 0x20));
    word(csrrs(zero, mstatus, 7));
  }
  const unsigned value = any();
  if (chance(50))
    subject(i(offset, kDataReg, size == 3 ? 3 : size + 4 * below(2), rd, 0x03));
  else
    subject(s(offset, value, kDataReg, size, 0x23));
  word(lui(7, 0x20));
  word(csrrc(zero, mstatus, 7));
  log_x(rd);
}

/// Raises the software interrupt by the CLINT, in direct or vectored mode, or wakes from WFI with interrupts
/// off.
void Builder::interrupt() {
  address(t0, kCode + handler_ + below(2));
  word(csrw(mtvec, t0));
  const bool enabled = chance(70);
  word(addi(t0, zero, 8));
  word(csrw(mie, t0));
  word(enabled ? csrrs(zero, mstatus, t0) : csrrc(zero, mstatus, t0));
  word(lui(t1, 0x2000));
  word(addi(t2, zero, 1));
  subject(sw(t2, t1, 0));
  if (!enabled && chance(70)) subject(wfi());  // a taken interrupt would leave nothing to wake it
  // Give it some jumps to be noticed.
  for (unsigned n = 0; n < 4; ++n) word(jal(zero, 4));
  word(csrr(a0, mie));  // the handler clears it
  what_ = "mie after the interrupt";
  log_x(a0);
  word(sw(zero, t1, 0));
  word(csrw(mie, zero));
  word(addi(t0, zero, 8));
  word(csrrc(zero, mstatus, t0));
}

}  // namespace conformance
