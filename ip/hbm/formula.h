// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Latency formulas of the constraint table: "tWL + tBL + max(tWTRL, 4)". Integers, parameter names, + - *,
/// parentheses and max(a, b); in whole cycles.
#pragma once

#include <map>
#include <set>
#include <string>

#include "hbm/command.h"

namespace memwall::hbm {

/// Value of `text`. The names it uses are added to `used`. Throws ConfigError at `place` for a syntax error,
/// a name that `parameters` lacks, or a result beyond 64 bits.
Cycle evaluate_formula(const std::string& text, const std::map<std::string, Cycle>& parameters,
                       std::set<std::string>& used, const std::string& place);

}  // namespace memwall::hbm
