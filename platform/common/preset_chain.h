// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Presets that are written as the difference from another one: `base = "file.toml"`, beside the file itself.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "common/toml_reader.h"

namespace memwall {

/// A preset file on top of its bases, and their paths, this file's first.
struct PresetChain {
  TomlFile file;
  std::vector<std::string> paths;
};

/// Loads the bases of `file` (which stands for `path`) and lays it on top; arrays named in `appended` are
/// joined, see TomlFile::overlay. ConfigError at its place: a base that is empty, not there or leads back,
/// and a source of [sources] that the base has already.
PresetChain with_bases(TomlFile file, const std::string& path, const std::set<std::string>& appended = {});

}  // namespace memwall
