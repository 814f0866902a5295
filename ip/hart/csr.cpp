// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Control and status registers of a hart with M and U modes. Fields without function read zero (WARL).
#include <optional>

#include "hart/hart.h"

namespace memwall::hart {
namespace {

using U64 = std::uint64_t;

enum CsrNumber : unsigned {
  kFflags = 0x001,
  kFrm = 0x002,
  kFcsr = 0x003,
  kMstatus = 0x300,
  kMisa = 0x301,
  kMie = 0x304,
  kMtvec = 0x305,
  kMcounteren = 0x306,
  kMenvcfg = 0x30a,
  kMcountinhibit = 0x320,
  kMhpmevent3 = 0x323,
  kMhpmevent31 = 0x33f,
  kMscratch = 0x340,
  kMepc = 0x341,
  kMcause = 0x342,
  kMtval = 0x343,
  kMip = 0x344,
  kPmpcfg0 = 0x3a0,
  kPmpcfg2 = 0x3a2,
  kPmpaddr0 = 0x3b0,
  kPmpaddr15 = 0x3bf,
  kMcycle = 0xb00,
  kMinstret = 0xb02,
  kMhpmcounter3 = 0xb03,
  kMhpmcounter31 = 0xb1f,
  kCycle = 0xc00,
  kTime = 0xc01,
  kInstret = 0xc02,
  kHpmcounter3 = 0xc03,
  kHpmcounter31 = 0xc1f,
  kMvendorid = 0xf11,
  kMarchid = 0xf12,
  kMimpid = 0xf13,
  kMhartid = 0xf14,
  kMconfigptr = 0xf15,
};

constexpr U64 extension(char letter) { return U64{1} << (letter - 'A'); }
constexpr U64 kMisaValue = U64{2} << 62 | extension('A') | extension('C') | extension('D') | extension('F') |
                           extension('I') | extension('M') | extension('U');
constexpr U64 kInterruptMask = 1u << kSoftwareInterrupt | 1u << kTimerInterrupt | 1u << kExternalInterrupt;
constexpr U64 kMstatusWritable =
    kMstatusMie | kMstatusMpie | kMstatusMpp | kMstatusFs | kMstatusMprv | kMstatusTw;
constexpr U64 kMenvcfgFiom = 1;
constexpr bool in(unsigned n, unsigned first, unsigned last) { return n >= first && n <= last; }

}  // namespace

bool Hart::csr_exists(unsigned n) const {
  switch (n) {
    case kFflags:
    case kFrm:
    case kFcsr:
    case kMstatus:
    case kMisa:
    case kMie:
    case kMtvec:
    case kMcounteren:
    case kMenvcfg:
    case kMcountinhibit:
    case kMscratch:
    case kMepc:
    case kMcause:
    case kMtval:
    case kMip:
    case kPmpcfg0:
    case kPmpcfg2:
    case kMcycle:
    case kMinstret:
    case kCycle:
    case kTime:
    case kInstret:
    case kMvendorid:
    case kMarchid:
    case kMimpid:
    case kMhartid:
    case kMconfigptr:
      return true;
    default:
      break;
  }
  return in(n, kMhpmevent3, kMhpmevent31) || in(n, kPmpaddr0, kPmpaddr15) ||
         in(n, kMhpmcounter3, kMhpmcounter31) || in(n, kHpmcounter3, kHpmcounter31);
}

bool Hart::csr_accessible(unsigned n, bool write) const {
  if (!csr_exists(n)) return false;
  if (write && n >> 10 == 3) return false;
  if (static_cast<unsigned>(privilege_) < (n >> 8 & 3)) return false;
  if (n <= kFcsr && (mstatus_ & kMstatusFs) == 0) return false;
  if (in(n, kCycle, kHpmcounter31) && privilege_ == kUser) return (mcounteren_ >> (n - kCycle) & 1) != 0;
  return true;
}

std::uint64_t Hart::mstatus() const {
  U64 value = mstatus_ | kMstatusUxl64;
  if ((mstatus_ & kMstatusFs) == kMstatusFs) value |= kMstatusSd;
  return value;
}

std::uint64_t Hart::csr_value(unsigned n) const {
  switch (n) {
    case kFflags:
      return fflags_;
    case kFrm:
      return frm_;
    case kFcsr:
      return static_cast<U64>(frm_) << 5 | fflags_;
    case kMstatus:
      return mstatus();
    case kMisa:
      return kMisaValue;
    case kMie:
      return mie_;
    case kMtvec:
      return mtvec_;
    case kMcounteren:
      return mcounteren_;
    case kMenvcfg:
      return menvcfg_;
    case kMscratch:
      return mscratch_;
    case kMepc:
      return mepc_;
    case kMcause:
      return mcause_;
    case kMtval:
      return mtval_;
    case kMip:
      return mip_;
    case kMcycle:
    case kCycle:
      return cycles() + mcycle_offset_;
    case kMinstret:
    case kInstret:
      return instret_ + minstret_offset_;
    case kTime:
      return time_source_ ? time_source_() : 0;
    case kMhartid:
      return config_.hart_id;
    case kPmpcfg0:
    case kPmpcfg2: {
      U64 value = 0;
      const unsigned first = n == kPmpcfg0 ? 0 : 8;
      for (unsigned i = 0; i < 8; ++i) value |= U64{pmp_.config(first + i)} << (8 * i);
      return value;
    }
    default:
      break;
  }
  if (in(n, kPmpaddr0, kPmpaddr15)) return pmp_.address(n - kPmpaddr0);
  return 0;
}

void Hart::csr_assign(unsigned n, U64 value) {
  switch (n) {
    case kFflags:
      fflags_ = value & 31;
      mstatus_ |= kMstatusFs;
      return;
    case kFrm:
      frm_ = value & 7;
      mstatus_ |= kMstatusFs;
      return;
    case kFcsr:
      fflags_ = value & 31;
      frm_ = value >> 5 & 7;
      mstatus_ |= kMstatusFs;
      return;
    case kMstatus: {
      const U64 mpp = value & kMstatusMpp;
      // Only M and U exist; another MPP leaves the field as it was.
      if (mpp != 0 && mpp != kMstatusMpp) value = (value & ~kMstatusMpp) | (mstatus_ & kMstatusMpp);
      mstatus_ = value & kMstatusWritable;
      const bool reserved = reserved_;
      privilege_changed();
      reserved_ = reserved;
      notice_interrupts();
      return;
    }
    case kMie:
      mie_ = value & kInterruptMask;
      notice_interrupts();
      return;
    case kMtvec:
      if ((value & 3) < 2) mtvec_ = value;
      return;
    case kMcounteren:
      mcounteren_ = value & 0xffffffff;
      return;
    case kMenvcfg:
      menvcfg_ = value & kMenvcfgFiom;
      return;
    case kMscratch:
      mscratch_ = value;
      return;
    case kMepc:
      mepc_ = value & ~U64{1};
      return;
    case kMcause:
      mcause_ = value;
      return;
    case kMtval:
      mtval_ = value;
      return;
    case kMcycle:
      mcycle_offset_ = value - cycles();
      return;
    case kMinstret:
      minstret_offset_ = value - instret_;
      return;
    default:
      break;
  }
  bool protection_changed = false;
  if (n == kPmpcfg0 || n == kPmpcfg2) {
    for (unsigned i = 0; i < 8; ++i) {
      const bool changed =
          pmp_.write_config((n == kPmpcfg0 ? 0 : 8) + i, static_cast<std::uint8_t>(value >> (8 * i)));
      protection_changed = protection_changed || changed;
    }
  } else if (in(n, kPmpaddr0, kPmpaddr15)) {
    protection_changed = pmp_.write_address(n - kPmpaddr0, value);
  }
  if (protection_changed) {
    flush_code();
    clear_direct_entries();
  }
}

bool Hart::execute_csr(const Op& op) {
  const auto number = static_cast<unsigned>(op.imm);
  const unsigned operation = op.rs3 & 3;  // 1 write, 2 set, 3 clear
  const U64 source = (op.rs3 & 4) != 0 ? op.rs1 : x_[op.rs1];
  const bool writes = operation == 1 || op.rs1 != 0;
  if (!csr_accessible(number, writes)) return false;
  // This instruction is already counted; software must see the counters as they were before it.
  ahead_ = static_cast<std::int64_t>(config_.cycles.base);
  --instret_;
  const U64 old = csr_value(number);
  ahead_ = 0;
  ++instret_;
  if (writes) csr_assign(number, operation == 1 ? source : operation == 2 ? old | source : old & ~source);
  x_[op.rd] = old;
  return true;
}

std::optional<std::uint64_t> Hart::read_csr(unsigned number) const {
  if (!csr_exists(number)) return std::nullopt;
  return csr_value(number);
}

bool Hart::write_csr(unsigned number, U64 value) {
  if (!csr_exists(number) || number >> 10 == 3 || number == kMisa) return false;
  csr_assign(number, value);
  return true;
}

}  // namespace memwall::hart
