// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Checks a finished command trace against the timing constraints, pair by pair, from the log alone. Written
/// from the constraint list and shares no code with the scheduler: only the record type and the preset's
/// numbers.
#pragma once

#include <string>
#include <vector>

#include "hbm/gates.h"

namespace memwall::hbm::testing_support {

struct AuditResult {
  std::vector<std::string> violations;  ///< the first few, in words
  std::uint64_t commands = 0;
  std::uint64_t pairs = 0;  ///< pairs of commands compared
};

/// Least number of cycles that `b` must keep from an earlier `a` of the same pseudo-channel; 0 if no rule
/// applies. tFAW, which is about four commands, is not among the rules here.
Cycle required_distance(const Timing& t, const CommandRecord& a, const CommandRecord& b);

/// `log` may be in any order and hold several pseudo-channels.
AuditResult audit(const Preset& preset, std::vector<CommandRecord> log);

}  // namespace memwall::hbm::testing_support
