// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// How much arithmetic a descriptor asks for; the same count for every implementation of an engine.
#pragma once

#include <cstdint>

#include "desc/compute_descriptor.h"

namespace memwall::engine {

/// Multiply-adds of MATVEC (n * k per batch row) and ATTENTION (n * k for the scores and again for the
/// values, per head); 0 for every other operation.
inline std::uint64_t multiply_adds(const desc::ComputeDescriptor& d) {
  const std::uint64_t products = std::uint64_t{d.n} * d.k * d.m;
  switch (static_cast<desc::Opcode>(d.opcode)) {
    case desc::Opcode::kMatvec:
      return products;
    case desc::Opcode::kAttention:
      return 2 * products;
    default:
      return 0;
  }
}

}  // namespace memwall::engine
