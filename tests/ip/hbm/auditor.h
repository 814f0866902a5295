// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Checks a finished command trace against the constraint table of the preset, pair by pair, and against the
/// rules about state that no distance expresses: which bank is open, data bus, power-down, refresh debt,
/// refresh management. Written from the table; shares no code with the scheduler but the record type.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "hbm/command.h"
#include "hbm/preset.h"

namespace memwall::hbm::testing_support {

struct AuditResult {
  std::vector<std::string> violations;  ///< the first ten, in words
  std::set<std::string> broken;         ///< ids of all constraints and names of all state rules violated
  std::set<std::string> tight;          ///< ids of constraints that some command met exactly
  std::uint64_t commands = 0;
  std::uint64_t pairs = 0;  ///< pairs of commands compared

  bool clean() const { return broken.empty(); }
};

/// Is `rule` about an earlier `a` and a later `b`? A command of wide scope lies in every instance of a
/// narrower level within its scope; `different` speaks only of commands that lie in one instance each.
bool applies(const Constraint& rule, const CommandRecord& a, const CommandRecord& b);

/// Least number of cycles that `b` must keep from an earlier `a`; 0 if no rule applies. Rules about a window
/// of several commands are not among them.
Cycle required_distance(const Preset& preset, const CommandRecord& a, const CommandRecord& b);

/// `log` is in order of issue within each channel and starts at cycle 0. Refreshes are expected up to `until`,
/// or up to the last command of each channel if that is 0.
AuditResult audit(const Preset& preset, const std::vector<CommandRecord>& log, Cycle until = 0);

}  // namespace memwall::hbm::testing_support
