// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Fetching, decoding and keeping basic blocks.
#include <cstring>
#include <new>

#include "hart/hart.h"
#include "hart/interpreter.h"

namespace memwall::hart {

Block* BlockCache::allocate(unsigned ops) {
  const std::size_t bytes = sizeof(Block) + ops * sizeof(Op);
  if (used_ + bytes > kChunkBytes) {
    if (chunks_.empty()) {
      chunk_ = 0;
    } else if (++chunk_ == kMaxChunks) {
      clear();
    }
    if (chunk_ == chunks_.size())
      chunks_.emplace_back(new std::uint64_t[kChunkBytes / sizeof(std::uint64_t)]);
    used_ = 0;
  }
  auto* at = reinterpret_cast<std::uint8_t*>(chunks_[chunk_].get()) + used_;
  used_ += bytes;
  return new (at) Block;
}

void BlockCache::insert(Block* block) {
  Block*& head = heads_[bucket(block->key)];
  block->chain = head;
  head = block;
}

void BlockCache::clear() {
  heads_.assign(kBuckets, nullptr);
  chunk_ = 0;
  used_ = chunks_.empty() ? kChunkBytes : 0;
  ++generation_;
}

Block* Hart::lookup(std::uint64_t pc) {
  if (Block* b = blocks_.find(pc | (privilege_ == kUser ? 1 : 0))) return b;
  pc_ = pc;  // what a debugger sees while the fetch waits
  return build(pc, nullptr, kMaxBlockInstructions, true);
}

Hart::Fetch Hart::fetch_parcel(std::uint64_t address, std::uint16_t& parcel) {
  if (!pmp_.allows(address, 2, AccessKind::kExecute, privilege_)) return Fetch::kFault;
  if (const DirectRegion* region = region_at(address, 2); region != nullptr && region->readable) {
    std::memcpy(&parcel, region->host + (address - region->base), 2);
    return Fetch::kOk;
  }
  const std::uint64_t line = address & ~std::uint64_t{63};
  if (line != line_address_) {
    const BusResult whole = bus_.fetch(line, line_.data(), 64);
    if (!whole.ok) {
      // The memory may end inside the line.
      const BusResult part = bus_.fetch(address, &parcel, 2);
      charge(part.latency_cycles);
      return part.ok ? Fetch::kOk : Fetch::kFault;
    }
    charge(whole.latency_cycles);
    line_address_ = line;
  }
  std::memcpy(&parcel, line_.data() + (address - line), 2);
  return Fetch::kOk;
}

unsigned Hart::cost_of(const Decoded& d) const {
  const CycleModel& c = config_.cycles;
  switch (d.opcode) {
    case Opcode::kMul:
    case Opcode::kMulh:
    case Opcode::kMulhsu:
    case Opcode::kMulhu:
    case Opcode::kMulw:
      return c.multiply;
    case Opcode::kDiv:
    case Opcode::kDivu:
    case Opcode::kRem:
    case Opcode::kRemu:
    case Opcode::kDivw:
    case Opcode::kDivuw:
    case Opcode::kRemw:
    case Opcode::kRemuw:
      return c.divide;
    case Opcode::kFp:
      return c.fp;
    case Opcode::kFpRm:
      return d.slow_fp ? c.fp_divide : c.fp;
    default:
      return c.base;
  }
}

/// Decodes a block at `pc`. Into the cache if `into` is nullptr, else into that storage (unlinked).
Block* Hart::build(std::uint64_t pc, Block* into, unsigned max_instructions, bool honour_breakpoints) {
  // Decode to the side first: the block's size is not known yet.
  Op ops[kMaxBlockInstructions + 1];
  unsigned n = 0, total = 0, cycles = 0;
  std::uint64_t at = pc;
  bool open = true;
  bool cacheable = true;
  const auto pseudo = [&](Opcode opcode, std::int64_t imm) {
    Op& op = ops[n];
    op = Op{};
    op.handler = Interpreter::handler(opcode);
    op.imm = imm;
    op.pc_offset = static_cast<std::uint16_t>(at - pc);
    op.cycles_before = static_cast<std::uint16_t>(cycles);
    op.index = static_cast<std::uint16_t>(n);
    open = false;
    total = n + 1;
  };
  while (open && n < max_instructions) {
    if (honour_breakpoints && !breakpoints_.empty() && breakpoints_.count(at) != 0) {
      pseudo(n == 0 ? Opcode::kBreakpoint : Opcode::kBlockEnd, 0);
      break;
    }
    std::uint16_t low = 0, high = 0;
    std::uint64_t fault_address = at;
    bool fault = fetch_parcel(at, low) == Fetch::kFault;
    const bool compressed = (low & 3) != 3;
    if (!fault && !compressed) {
      fault = fetch_parcel(at + 2, high) == Fetch::kFault ||
              !pmp_.allows(at, 4, AccessKind::kExecute, privilege_);
      fault_address = at + 2;
    }
    if (fault) {
      if (n == 0) cacheable = false;
      pseudo(n == 0 ? Opcode::kFetchFault : Opcode::kBlockEnd, static_cast<std::int64_t>(fault_address));
      break;
    }
    const std::uint32_t bits = compressed ? low : std::uint32_t{high} << 16 | low;
    Decoded d = decode(compressed ? expand_compressed(low) : bits);
    if (d.opcode == Opcode::kAdd && d.rs1 == 0) {
      d.opcode = Opcode::kMv;
      d.rs1 = d.rs2;
    }
    Op& op = ops[n];
    op.handler = Interpreter::handler(d.opcode);
    if (d.fp != nullptr) {
      op.fp = d.fp;
    } else {
      op.imm = d.pc_relative ? static_cast<std::int64_t>(at + static_cast<std::uint64_t>(d.imm)) : d.imm;
    }
    op.bits = bits;
    op.rd = d.rd;
    op.rs1 = d.rs1;
    op.rs2 = d.rs2;
    op.rs3 = d.rs3;
    op.rm = d.rm;
    op.length = compressed ? 2 : 4;
    op.pc_offset = static_cast<std::uint16_t>(at - pc);
    op.cycles_before = static_cast<std::uint16_t>(cycles);
    op.index = static_cast<std::uint16_t>(n);
    cycles += cost_of(d);
    at += op.length;
    total = ++n;
    if (d.ends_block) open = false;
  }
  if (open) pseudo(Opcode::kBlockEnd, 0);
  const bool cached = into == nullptr;
  if (cached) into = blocks_.allocate(total);
  into->pc = pc;
  into->end_pc = at;
  into->key = pc | (privilege_ == kUser ? 1 : 0);
  into->taken = into->next = into->chain = nullptr;
  into->instructions = n;
  into->cycles = cycles;
  std::memcpy(static_cast<void*>(into->ops()), ops, total * sizeof(Op));
  // A fault may go away without a fence.i, so it is looked at anew each time.
  if (cached && cacheable) blocks_.insert(into);
  ++counters_.blocks_decoded;
  return into;
}

}  // namespace memwall::hart
