// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Memory as an engine sees it: timed accesses by chip address, with or without data. No SystemC here; a
/// shell turns an access into a TLM transaction.
#pragma once

#include <cstdint>

#include "common/time.h"
#include "engine/outcome.h"

namespace memwall::engine {

struct AccessResult {
  Outcome outcome;
  TimePs done = 0;  ///< when the last byte has arrived, also if the access failed
};

class MemoryPort {
 public:
  virtual ~MemoryPort() = default;
  /// One access of `bytes` > 0 that starts at `at` (not before now). `data` null: traffic without data, with
  /// the same timing. BUS_ERROR or UNCORRECTABLE carry `address`.
  virtual AccessResult access(bool is_write, std::uint64_t address, void* data, std::uint32_t bytes,
                              TimePs at) = 0;
};

}  // namespace memwall::engine
