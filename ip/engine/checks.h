// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The checks that a descriptor passes before it runs, in the order of the numerics contract, for any engine.
#pragma once

#include <cstdint>

#include "desc/compute_descriptor.h"
#include "engine/outcome.h"

namespace memwall::engine {

/// What an engine can do. Limits are inclusive.
struct EngineRules {
  std::uint32_t opcodes = 0;            ///< bit i: opcode i is supported
  std::uint32_t vector_alignment = 32;  ///< bytes; addresses and strides of vectors
  bool has_scratchpad = false;  ///< vectors and tiles must lie in the SRAM; else tile fields must be 0
  std::uint64_t sram_base = 0, sram_bytes = 0;
  std::uint32_t max_elements = 1u << 24;    ///< n, except for COPY
  std::uint32_t max_copy_bytes = 1u << 30;  ///< n of COPY
  std::uint32_t max_matvec_k = 1u << 20;
  std::uint32_t max_head_dim = 1u << 12;  ///< k of ATTENTION and ROPE
  std::uint32_t max_rows = 1u << 20;      ///< m of everything but MATVEC and ATTENTION
  std::uint32_t max_batch = 1u << 12;     ///< m of MATVEC
  std::uint32_t max_heads = 1u << 10;     ///< m of ATTENTION
  std::uint64_t max_scores = ~0ull;       ///< m * n of ATTENTION
};

constexpr std::uint32_t opcode_bit(desc::Opcode opcode) { return 1u << static_cast<unsigned>(opcode); }

/// Bytes of one row of W, K or V in a tile: its elements; for MXINT8 elements and scales, rounded up to 32.
std::uint64_t tile_row_bytes(desc::Format format, std::uint32_t k);

/// Kind is OK if the descriptor may run. Only BAD_RANGE carries an address: that of the vector outside SRAM.
Outcome check(const desc::ComputeDescriptor& descriptor, const EngineRules& rules);

}  // namespace memwall::engine
