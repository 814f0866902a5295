// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Decoded basic blocks: what the interpreter executes. Internal to the hart.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "hart/isa.h"

namespace memwall::hart {

/// One instruction ready to execute. Two fit in a host cache line.
struct Op {
  const void* handler;  ///< label inside the interpreter
  union {
    std::int64_t imm;  ///< immediate; absolute target or value for pc-relative instructions
    FpFunction fp;
  };
  std::uint32_t bits;  ///< encoding as fetched (16 or 32 bits)
  std::uint8_t rd, rs1, rs2, rs3, rm;
  std::uint8_t length;          ///< 2 or 4; 0 for the pseudo-operations
  std::uint16_t pc_offset;      ///< from the block's start
  std::uint16_t cycles_before;  ///< static cost of the instructions before this one
  std::uint16_t index;          ///< instructions before this one
};
static_assert(sizeof(Op) == 32);

/// A run of instructions with one entry and one exit. Its operations follow it in memory.
struct Block {
  std::uint64_t pc;
  std::uint64_t end_pc;  ///< address after the last instruction
  std::uint64_t key;     ///< pc, with bit 0 set for user mode
  Block* taken;          ///< successor when the final branch is taken, if known
  Block* next;           ///< successor on fall-through, if known
  Block* chain;          ///< next block in the same hash bucket
  std::uint32_t instructions;
  std::uint32_t cycles;  ///< static cost of the whole block

  Op* ops() { return reinterpret_cast<Op*>(this + 1); }
  const Op* ops() const { return reinterpret_cast<const Op*>(this + 1); }
};

/// Longest block, in instructions; every block has one pseudo-operation more at its end.
inline constexpr unsigned kMaxBlockInstructions = 32;

/// All decoded blocks, found by physical pc and privilege. They disappear together.
class BlockCache {
 public:
  BlockCache() : heads_(kBuckets, nullptr) {}

  Block* find(std::uint64_t key) const {
    Block* b = heads_[bucket(key)];
    while (b != nullptr && b->key != key) b = b->chain;
    return b;
  }
  /// Uninitialised storage for a block with `ops` operations; a cache that is full drops everything first.
  Block* allocate(unsigned ops);
  void insert(Block* block);
  void clear();
  /// Changes whenever blocks have disappeared: pointers from before are dead.
  std::uint64_t generation() const { return generation_; }

 private:
  static constexpr std::size_t kBuckets = 1 << 14;
  static constexpr std::size_t kChunkBytes = 256 * 1024;
  static constexpr std::size_t kMaxChunks = 256;
  static std::size_t bucket(std::uint64_t key) { return (key >> 1 ^ (key << 13)) & (kBuckets - 1); }

  std::vector<Block*> heads_;
  std::vector<std::unique_ptr<std::uint64_t[]>> chunks_;
  std::size_t chunk_ = 0;           // in use
  std::size_t used_ = kChunkBytes;  // bytes of that chunk
  std::uint64_t generation_ = 0;
};

}  // namespace memwall::hart
