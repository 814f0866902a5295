// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "hbm/trace_tool.h"

namespace memwall::cli {

void add_memory(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("memory", "run a trace through one memory controller alone");
  auto options = std::make_shared<hbm::TraceOptions>();
  auto json = std::make_shared<bool>(false);
  command->add_option("PRESET", options->preset_path, "memory preset, e.g. scenarios/memories/hbm3_6400.toml")
      ->required();
  command
      ->add_option("--trace", options->trace_path,
                   "requests, one per line: [cycle] R|W hexaddress; # starts a comment")
      ->required();
  command->add_option("--interval", options->interval_cycles,
                      "cycles between arrivals, for a trace without cycles (default: as fast as accepted)");
  command->add_flag("--json", *json, "print JSON");
  command->callback([options, json, &exit_code] {
    const hbm::TraceResult result = hbm::run_trace(*options);
    if (*json) {
      std::cout << hbm::to_json(result) << "\n";
    } else {
      hbm::print(result, std::cout);
    }
    exit_code = 0;
  });
}

}  // namespace memwall::cli
