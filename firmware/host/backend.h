// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Host back-end of runtime/ops.h: every operation runs at once, on the numerics kernels. It holds operands
/// to the alignment, range and tile rules of the engines, so that a descriptor that hardware would refuse
/// fails here too.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/sparse_memory.h"
#include "reference/generator.h"
#include "runtime/ops.h"

/// The opaque type of runtime/ops.h.
struct rt {
  rt(memwall::reference::MemoryReader image, std::uint64_t sram_size);

  void read(std::uint64_t address, void* out, std::uint64_t bytes);
  void write(std::uint64_t address, const void* in, std::uint64_t bytes);
  /// Operand in the scratchpad; null (and a failure is kept) if it is not 4-byte aligned or not inside.
  float* vector(const char* operation, std::uint64_t address, std::uint64_t elements);
  void fail(const char* operation, const char* what, std::uint64_t address);
  bool aligned(const char* operation, std::uint64_t value, std::uint64_t to);

  struct Arena {
    std::uint64_t base;
    memwall::SparseMemory memory;
  };

  /// Links, for tests that run several chips in one process. Unset: there are no peers.
  using Send = std::function<status_t(std::uint32_t peer, const std::vector<std::uint8_t>& message,
                                      std::uint32_t inbox_offset, std::uint32_t signal)>;
  using Receive = std::function<status_t(std::uint32_t peer, std::uint32_t signal)>;
  std::uint32_t chip = 0, n_chips = 1;
  std::vector<std::uint8_t> inbox;
  Send send;
  Receive receive;

  memwall::reference::MemoryReader image;
  std::vector<float> sram;
  std::vector<Arena> arenas;
  std::uint64_t work_address = 0;
  std::uint32_t work_bytes = 0;
  status_t status = STATUS_OK;
  std::vector<float> logits;
  std::string console;
};
