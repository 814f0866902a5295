// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Is the constraint table of a preset whole and free of contradictions? The engine knows no rule but the
/// table, so a rule that is missing from it would silently be a faster memory.
#pragma once

#include <functional>

#include "hbm/preset.h"

namespace memwall::hbm {

/// How two commands lie to each other; a constraint row holds for a set of these.
enum Relation : unsigned {
  kSameBank = 1,
  kSameGroup = 2,   ///< another bank of the bank group
  kSameStack = 4,   ///< another bank group of the stack id
  kOtherStack = 8,  ///< another stack id of the pseudo-channel
  kOtherPseudoChannel = 16,
  kWithinStack = 7,
  kWithinPseudoChannel = 15,
  kWithinChannel = 31
};

/// Relations for which a row of this level holds. A level's `different` means "within the same parent".
unsigned relations_of(Level level, bool different);
/// Relations that exist in this organisation.
unsigned relations_in(const Organisation& organisation);

/// Throws ConfigError for a rule that every DRAM needs and the table has not, or that the configured refresh,
/// refresh management or power policy needs; for latencies that contradict each other; for bursts that would
/// meet on the data bus. `where` gives the place of a row's figure, `missing` the place for a missing rule.
void check_rules(const Preset& preset, const std::function<std::string(const Constraint&)>& where,
                 const std::string& missing);

}  // namespace memwall::hbm
