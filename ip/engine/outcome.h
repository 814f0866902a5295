// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// How an access, a check or a whole descriptor ended.
#pragma once

#include <cstdint>

#include "desc/completion_record.h"

namespace memwall::engine {

using desc::Status;

struct Outcome {
  Status status = Status::kOk;
  std::uint64_t fault_address = 0;  ///< first address of the access or vector that failed; 0 where none did
  bool ok() const { return status == Status::kOk; }
};

}  // namespace memwall::engine
