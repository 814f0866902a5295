// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Running, stopping, traps and interrupts. Blocks, memory, CSRs and instructions have their own files.
#include "hart/hart.h"

#include <algorithm>

#include "hart/interpreter.h"

namespace memwall::hart {
namespace {
/// Cycles of one inner run; fits a signed counter with room for what blocks overshoot.
constexpr std::uint64_t kLongestRun = std::uint64_t{1} << 62;
}  // namespace

Hart::Hart(const Config& config, Bus& bus)
    : config_(config),
      bus_(bus),
      scratch_(new std::uint64_t[(sizeof(Block) + 2 * sizeof(Op)) / sizeof(std::uint64_t)]) {
  reset();
}

void Hart::reset() {
  flush_code();
  flush_direct();
  pc_ = config_.reset_pc & ~std::uint64_t{1};
  privilege_ = kMachine;
  mstatus_ = mie_ = mcause_ = mcounteren_ = menvcfg_ = 0;
  mtvec_ = 0;
  pmp_.reset();
  reserved_ = false;
  waiting_ = false;
}

void Hart::flush_code() { attention_.fetch_or(kAttentionFlush, std::memory_order_relaxed); }

void Hart::flush_direct() {
  regions_.clear();
  clear_direct_entries();
}

void Hart::set_interrupt(Interrupt line, bool level) {
  const std::uint64_t bit = std::uint64_t{1} << line;
  mip_ = level ? mip_ | bit : mip_ & ~bit;
  notice_interrupts();
}

bool Hart::interrupt_takeable() const {
  return (mip_ & mie_) != 0 && (privilege_ < kMachine || (mstatus_ & kMstatusMie) != 0);
}

void Hart::notice_interrupts() {
  if (interrupt_takeable()) attention_.fetch_or(kAttentionInterrupt, std::memory_order_relaxed);
}

void Hart::stop_with(StopReason reason) {
  halt_reason_ = reason;
  attention_.fetch_or(kAttentionHalt, std::memory_order_relaxed);
}

/// Deals with everything that asked for attention. True if the run ends, for `reason`.
bool Hart::attend(StopReason& reason) {
  const std::uint32_t what = attention_.exchange(0, std::memory_order_relaxed);
  if ((what & kAttentionFlush) != 0) {
    blocks_.clear();
    line_address_ = ~std::uint64_t{0};
  }
  if ((what & (kAttentionHalt | kAttentionStop)) != 0) {
    if ((what & kAttentionInterrupt) != 0) notice_interrupts();
    if ((what & kAttentionHalt) != 0) {
      // A stop request that came at the same moment has its wish, too.
      reason = halt_reason_;
    } else {
      reason = StopReason::kStopRequest;
    }
    return true;
  }
  if ((what & kAttentionInterrupt) != 0 && interrupt_takeable()) {
    const std::uint64_t ready = mip_ & mie_;
    const unsigned line = (ready >> kExternalInterrupt & 1) != 0   ? kExternalInterrupt
                          : (ready >> kSoftwareInterrupt & 1) != 0 ? kSoftwareInterrupt
                                                                   : kTimerInterrupt;
    ++counters_.interrupts;
    enter_trap(std::uint64_t{1} << 63 | line, 0);
  }
  return false;
}

StopReason Hart::loop() {
  StopReason reason = StopReason::kLimit;
  for (;;) {
    if (waiting_ && interrupt_pending()) waiting_ = false;
    if (attention_.load(std::memory_order_relaxed) != 0) {
      if (attend(reason)) return reason;
      continue;
    }
    if (waiting_) return StopReason::kWfi;
    if (left_ <= 0) return StopReason::kLimit;
    Interpreter::run(*this, lookup(pc_));
  }
}

StopReason Hart::step() {
  pass_breakpoint_ = ~std::uint64_t{0};
  StopReason reason = StopReason::kStep;
  if (waiting_ && interrupt_pending()) waiting_ = false;
  while (attention_.load(std::memory_order_relaxed) != 0) {
    if (attend(reason)) return reason;
  }
  if (waiting_) return StopReason::kWfi;
  const std::uint64_t now = cycles();
  left_ = 1;
  cycle_base_ = now + 1;
  const std::uint64_t traps = counters_.traps;
  Block* block = build(pc_, reinterpret_cast<Block*>(scratch_.get()), 1, false);
  const Op& op = block->ops()[0];
  retired_.pc = block->pc;
  retired_.bits = op.bits;
  retired_.length = op.length;
  Interpreter::run(*this, block);
  retired_.trapped = counters_.traps != traps;
  const Decoded d = decode(retired_.length == 2 ? expand_compressed(static_cast<std::uint16_t>(retired_.bits))
                                                : retired_.bits);
  retired_.writes = retired_.trapped || retired_.length == 0 ? Writes::kNothing : writes_of(d);
  retired_.rd = d.rd;
  if ((attention_.load(std::memory_order_relaxed) & kAttentionHalt) != 0) {
    attention_.fetch_and(~std::uint32_t{kAttentionHalt}, std::memory_order_relaxed);
    return halt_reason_;
  }
  return StopReason::kStep;
}

StopReason Hart::run(std::uint64_t max_instructions) {
  const auto progress = [this] { return instret_ + counters_.traps; };
  const std::uint64_t start = progress();
  for (;;) {
    const std::uint64_t done = progress() - start;
    if (done >= max_instructions) return StopReason::kLimit;
    const std::uint64_t remaining = max_instructions - done;
    StopReason reason;
    if (pass_breakpoint_ == pc_ || remaining <= kMaxBlockInstructions) {
      if (breakpoints_.count(pc_) != 0 && pass_breakpoint_ != pc_) {
        pass_breakpoint_ = pc_;
        return StopReason::kBreakpoint;
      }
      reason = step();
      if (reason == StopReason::kStep) continue;
    } else {
      // An instruction costs at least one cycle, so this cannot pass the limit.
      reason = run_cycles(remaining - kMaxBlockInstructions);
      if (reason == StopReason::kLimit) continue;
    }
    return reason;
  }
}

StopReason Hart::run_cycles(std::uint64_t cycles_wanted) {
  if (pass_breakpoint_ == pc_) {
    const StopReason reason = step();
    if (reason != StopReason::kStep) return reason;
  }
  pass_breakpoint_ = ~std::uint64_t{0};
  const std::uint64_t now = cycles();
  const std::uint64_t wanted = std::min(cycles_wanted, kLongestRun);
  left_ = static_cast<std::int64_t>(wanted);
  cycle_base_ = now + wanted;
  return loop();
}

void Hart::enter_trap(std::uint64_t cause, std::uint64_t tval) {
  mepc_ = pc_;
  mcause_ = cause;
  mtval_ = tval;
  const std::uint64_t mie_bit = (mstatus_ & kMstatusMie) != 0 ? kMstatusMpie : 0;
  mstatus_ = (mstatus_ & ~(kMstatusMie | kMstatusMpie | kMstatusMpp)) | mie_bit |
             static_cast<std::uint64_t>(privilege_) << 11;
  privilege_ = kMachine;
  privilege_changed();
  const std::uint64_t base = mtvec_ & ~std::uint64_t{3};
  const bool vectored = (mtvec_ & 3) == 1 && cause >> 63 != 0;
  pc_ = vectored ? base + 4 * (cause & 0x3f) : base;
  charge(config_.cycles.trap > 0 ? config_.cycles.trap : 1);
}

void Hart::return_from_trap() {
  pc_ = mepc_;
  privilege_ = (mstatus_ & kMstatusMpp) != 0 ? kMachine : kUser;
  const std::uint64_t mie_bit = (mstatus_ & kMstatusMpie) != 0 ? kMstatusMie : 0;
  mstatus_ = (mstatus_ & ~(kMstatusMie | kMstatusMpp)) | kMstatusMpie | mie_bit;
  if (privilege_ != kMachine) mstatus_ &= ~kMstatusMprv;
  privilege_changed();
  notice_interrupts();
}

Privilege Hart::data_privilege() const {
  if ((mstatus_ & kMstatusMprv) == 0) return privilege_;
  return (mstatus_ & kMstatusMpp) != 0 ? kMachine : kUser;
}

void Hart::privilege_changed() {
  reserved_ = false;
  const Privilege now = data_privilege();
  if (now != entries_privilege_) {
    entries_privilege_ = now;
    clear_direct_entries();
  }
}

void Hart::set_breakpoint(std::uint64_t pc) {
  breakpoints_.insert(pc);
  flush_code();
}

void Hart::clear_breakpoint(std::uint64_t pc) {
  breakpoints_.erase(pc);
  flush_code();
}

void Hart::set_watchpoint(std::uint64_t address, std::uint64_t bytes, WatchKind kind) {
  watches_.push_back({address, bytes, kind});
  clear_direct_entries();
}

void Hart::clear_watchpoint(std::uint64_t address, std::uint64_t bytes, WatchKind kind) {
  for (auto it = watches_.begin(); it != watches_.end(); ++it) {
    if (it->address == address && it->bytes == bytes && it->kind == kind) {
      watches_.erase(it);
      return;
    }
  }
}

}  // namespace memwall::hart
