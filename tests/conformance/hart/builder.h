// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Emits one random program; internal to program.cpp and program_items.cpp.
#pragma once

#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "hart/isa.h"
#include "program.h"

namespace conformance {

using namespace rv;
using memwall::Rng;
using u64 = std::uint64_t;

constexpr unsigned kLogReg = 26, kSaveReg = 27, kLoopReg = 28, kTempReg = 29, kDataReg = 30, kTableReg = 25;
constexpr unsigned kFsBits = 6;  // upper immediate of mstatus.FS
constexpr u64 kTrapPointer = 64, kEndPc = 72;

inline std::string hex(u64 value) {
  char text[32];
  std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(value));
  return text;
}

inline bool reserved(unsigned reg) { return reg == 2 || reg == 8 || (reg >= kTableReg && reg <= kDataReg); }

class Builder {
 public:
  Builder(Kind kind, u64 seed) : kind_(kind), rng_(seed, "conformance") {}

  Program build(unsigned items) {
    prologue();
    if (kind_ == Kind::kUser) enter_user();
    for (unsigned n = 0; n < items && log_used_ + 4096 < kLogBytes; ++n) item();
    const u64 end = kCode + code_.size();
    word(ecall());  // the handler knows this address and goes to the finale
    poke(kSave + kEndPc, end);
    finale();
    Program p;
    p.elf = elf();
    p.log_origin = origin_;
    p.subjects = subjects_;
    p.log_bytes = log_used_;
    return p;
  }

 private:
  // Emission.
  void word(Word w) {
    for (unsigned i = 0; i < 4; ++i) code_.push_back(static_cast<std::uint8_t>(w >> (8 * i)));
  }
  void half(std::uint16_t h) {
    code_.push_back(static_cast<std::uint8_t>(h));
    code_.push_back(static_cast<std::uint8_t>(h >> 8));
  }
  void patch(std::size_t at, Word w) {
    for (unsigned i = 0; i < 4; ++i) code_[at + i] = static_cast<std::uint8_t>(w >> (8 * i));
  }
  void address(unsigned rd, u64 value) {  // below 4 GiB
    const auto low = static_cast<std::int32_t>(value << 52 >> 52 << 20) >> 20;
    word(lui(rd, static_cast<Word>((value - static_cast<u64>(low)) >> 12) & 0xfffff));
    word(addiw(rd, rd, low));
    word(slli(rd, rd, 32));
    word(i(32, rd, 5, rd, 0x13));  // srli
  }
  void poke(u64 at, u64 value) { memory_[at] = value; }

  // Randomness.
  unsigned below(unsigned n) { return static_cast<unsigned>(rng_.below(n)); }
  bool chance(unsigned percent) { return below(100) < percent; }
  unsigned any() { return below(32); }
  unsigned target() {
    unsigned reg = below(32);
    while (reserved(reg)) reg = below(32);
    return reg;
  }
  unsigned short_target() { return 9 + below(7); }
  u64 number() {
    switch (below(6)) {
      case 0:
        return rng_.next();
      case 1:
        return static_cast<u64>(static_cast<std::int64_t>(static_cast<std::int32_t>(rng_.next())));
      case 2:
        return u64{1} << below(64);
      case 3:
        return (u64{1} << below(64)) - 1;
      case 4:
        return 0 - rng_.below(4);
      default:
        return rng_.below(64);
    }
  }
  u64 float_operand();

  // Fixed parts (program.cpp).
  void prologue();
  void handler();
  void enter_user();
  void finale();
  void dump(u64 from, u64 bytes) {
    address(5, from);
    address(9, from + bytes);
    dump_loop();
  }
  void dump_loop() {  // from x5 up to x9
    word(lui(6, 0x10000));
    word(beq(5, 9, 20));
    word(lb(7, 5, 0));
    word(sb(7, 6, 0));
    word(addi(5, 5, 1));
    word(bne(5, 9, -12));
  }

  // Logging of results.
  void log_slot(Word store_at_zero) {
    const auto offset = static_cast<std::int32_t>(log_used_ - log_base_);
    word(store_at_zero | (static_cast<Word>(offset) & 31) << 7 | (static_cast<Word>(offset) >> 5) << 25);
    log_used_ += 8;
    origin_.push_back(what_);
    if (log_used_ - log_base_ > 2000) {
      word(addi(kLogReg, kLogReg, 2000));
      log_base_ += 2000;
    }
  }
  void log_x(unsigned reg) { log_slot(sd(reg, kLogReg, 0)); }
  void log_f(unsigned reg) { log_slot(s(0, reg, kLogReg, 3, 0x27)); }
  /// Executes `w` and remembers it as the origin of what is logged next.
  void subject(Word w) {
    what_ = hex(w) + " at " + hex(kCode + code_.size());
    subjects_.push_back(w);
    word(w);
  }

  void subject_half(std::uint16_t bits) {
    what_ = hex(bits) + " at " + hex(kCode + code_.size());
    subjects_.push_back(bits);
    half(bits);
  }

  void item();
  void integer();
  void memory_access();
  void atomic();
  void compressed();
  void control();
  void compressed_control();
  void loop();
  void float_operation();
  void float_memory();
  void csr();
  void csr_probe();
  void machine_status();
  void self_modification();
  void illegal();
  void user_item();
  void pmp();
  void interrupt();
  void load_float(unsigned reg) {
    word(i(static_cast<std::int32_t>(8 * below(kTableWords)) - 2048, kTableReg, 3, reg, 0x07));
  }
  void load_integer(unsigned reg) {
    word(ld(reg, kTableReg, static_cast<std::int32_t>(8 * below(kTableWords)) - 2048));
  }
  std::int32_t data_offset() {
    const auto offset = static_cast<std::int32_t>(below(4080)) - 2040;
    return chance(60) ? offset & ~7 : offset;
  }
  std::vector<std::uint8_t> elf() const;

  Kind kind_;
  Rng rng_;
  std::vector<std::uint8_t> code_;
  std::map<u64, u64> memory_;
  std::size_t handler_ = 0, to_finale_ = 0;
  u64 log_used_ = 0, log_base_ = 0;
  std::vector<std::string> origin_;
  std::vector<Word> subjects_;
  std::string what_ = "start";
  bool in_loop_ = false;
  bool pmp_ready_ = false;
};

}  // namespace conformance
