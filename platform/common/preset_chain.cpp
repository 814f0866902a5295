// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "common/preset_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "common/error.h"

namespace memwall {
namespace {

PresetChain with_bases(TomlFile file, const std::string& path, const std::set<std::string>& appended,
                       std::vector<std::filesystem::path> seen) {
  TomlTable root = file.root();
  const std::string base = root.text("base", "");
  if (base.empty()) {
    if (root.has("base")) throw ConfigError(root.place("base"), "base is empty");
    return {std::move(file), {path}};
  }
  const std::filesystem::path base_path = std::filesystem::path(path).parent_path() / base;
  seen.push_back(std::filesystem::weakly_canonical(path));
  const auto canonical = std::filesystem::weakly_canonical(base_path);
  if (std::find(seen.begin(), seen.end(), canonical) != seen.end()) {
    throw ConfigError(root.place("base"), fmt::format("base = \"{}\" leads back to a preset that is based on "
                                                      "this one",
                                                      base));
  }
  if (!std::filesystem::is_regular_file(base_path)) {
    throw ConfigError(root.place("base"),
                      fmt::format("base = \"{}\": there is no file {}", base, base_path.string()));
  }
  PresetChain under =
      with_bases(TomlFile::load(base_path.string()), base_path.string(), appended, std::move(seen));
  // A source that means something else here would change what the figures of the base claim.
  TomlTable under_root = under.file.root();
  TomlTable known = under_root.table("sources");
  TomlTable added = root.table("sources");
  for (const std::string& key : added.keys()) {
    if (!known.has(key)) continue;
    throw ConfigError(added.place(key), fmt::format("sources.{} is already a source of the base, at {}", key,
                                                    known.place(key)));
  }
  under.file.overlay(std::move(file), appended);
  under.paths.insert(under.paths.begin(), path);
  return under;
}

}  // namespace

PresetChain with_bases(TomlFile file, const std::string& path, const std::set<std::string>& appended) {
  return with_bases(std::move(file), path, appended, {});
}

}  // namespace memwall
