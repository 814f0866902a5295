// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "hbm/memory_tool.h"

namespace memwall::cli {

void add_memory(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("memory", "run requests through one memory controller alone");
  auto options = std::make_shared<hbm::MemoryOptions>();
  auto json = std::make_shared<bool>(false);
  command->add_option("PRESET", options->preset_path, "memory preset, e.g. scenarios/memories/hbm3_6400.toml")
      ->required();
  command->add_option(
      "--trace", options->trace_path,
      "requests, one per line: [cycle] R|W hexaddress [bytes] [@initiator]; # starts a comment");
  command->add_option(
      "--pattern", options->pattern,
      "instead of a trace: seq (ascending, each initiator in its own part of the memory), random, "
      "or mix (random, reads and writes)");
  command->add_option("--requests", options->requests,
                      "with --pattern: how many, of all initiators together");
  command->add_option("--seed", options->seed, "with --pattern: of addresses and directions (default 1)");
  command->add_option("--bytes", options->bytes, "with --pattern: of each request (default one burst)");
  command->add_option("--write-percent", options->write_percent,
                      "with --pattern: share of writes (default 33 for mix, else 0)");
  command->add_option("--initiators", options->initiators, "with --pattern: 1 to 16 (default 1)");
  command->add_option("--outstanding", options->outstanding,
                      "requests of each initiator on their way (default: enough to fill all queues)");
  command->add_option(
      "--interval", options->interval_cycles,
      "cycles between arrivals: of the lines of a trace without cycles, or of each initiator's "
      "requests of a pattern (default: as fast as accepted)");
  command->add_option("--commands", options->commands_path,
                      "write every DRAM command to this file, as comma-separated values");
  command->add_flag("--json", *json, "print JSON");
  command->callback([options, json, &exit_code] {
    const hbm::MemoryResult result = hbm::run_memory(*options);
    if (*json) {
      std::cout << hbm::to_json(result) << "\n";
    } else {
      hbm::print(result, std::cout);
    }
    exit_code = 0;
  });
}

}  // namespace memwall::cli
