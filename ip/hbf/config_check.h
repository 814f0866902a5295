// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The first impossible value of a Config, with the preset key that it belongs to, so that the preset reader
/// can name its place. Not for use outside of this folder.
#pragma once

#include <optional>
#include <string>

#include "hbf/config.h"

namespace memwall::hbf {

struct Problem {
  std::string key;  ///< "section.key" as in a preset file
  std::string text;
};
std::optional<Problem> find_problem(const Config& config);

}  // namespace memwall::hbf
