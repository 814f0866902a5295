// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "common/error.h"
#include "config/scenario.h"

namespace memwall::cli {

void add_list(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("list", "describe the scenarios");
  auto dir = std::make_shared<std::string>(MEMWALL_SCENARIO_DIR);
  command->add_option("--dir", *dir, "folder to look in")->capture_default_str();
  command->callback([dir, &exit_code] {
    std::error_code error;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(*dir, error)) {
      if (entry.path().extension() == ".toml") files.push_back(entry.path());
    }
    if (error) throw ConfigError(*dir, error.message());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
      const config::Scenario s = config::load_scenario(file.string());
      fmt::print("{}\n    {}\n    chips {}, hbm stacks {}, hbf cubes {}, pnm {}, weights {} in {}\n",
                 std::filesystem::relative(file).string(), s.description, s.system.chips, s.hbm.stacks,
                 s.hbf.cubes, to_string(s.pnm.implementation), to_string(s.model.format),
                 to_string(s.model.weights));
    }
    exit_code = 0;
  });
}

}  // namespace memwall::cli
