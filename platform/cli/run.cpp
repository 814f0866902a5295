// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "config/scenario.h"
#include "report/result.h"
#include "system/simulation.h"

namespace memwall::cli {
namespace {

struct Options {
  std::string scenario;
  std::vector<std::string> overrides;
  std::string out_dir;
  bool quiet = false;
  std::uint16_t port = 3333;
};

void add_scenario_options(CLI::App* command, Options& options) {
  command->add_option("SCENARIO", options.scenario, "scenario file, e.g. scenarios/first_light.toml")
      ->required();
  command->add_option("--set", options.overrides, "override a setting: section.key=value; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_option("--out", options.out_dir,
                      "folder for result.json, host.json and logs (default out/<name>)");
}

int run_scenario(const Options& options, std::optional<std::uint16_t> gdb_port) {
  const config::Scenario scenario = config::load_scenario(options.scenario, options.overrides);
  system::RunOptions run;
  run.out_dir = options.out_dir.empty() ? "out/" + scenario.name : options.out_dir;
  run.firmware = MEMWALL_FIRMWARE_ELF;
  run.gdb_port = gdb_port;
  run.on_note = [](const std::string& text) {
    fmt::print(stderr, "memwall: {}\n", text);
    std::fflush(stderr);
  };
  if (!options.quiet) {
    run.on_text = [](const std::string& text) {
      std::fwrite(text.data(), 1, text.size(), stdout);
      std::fflush(stdout);
    };
  }
  const system::RunOutcome outcome = system::run(scenario, run);
  if (!options.quiet) fmt::print("\n\n");
  report::write_files(run.out_dir, outcome.result, outcome.host);
  fmt::print("{}\nresults in {}/result.json\n", report::to_table(outcome.result, outcome.host), run.out_dir);
  if (outcome.code != ExitCode::kOk) fmt::print(stderr, "memwall: {}\n", outcome.failure);
  return static_cast<int>(outcome.code);
}

}  // namespace

void add_run(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("run", "run a scenario, stream its text and print its table");
  auto options = std::make_shared<Options>();
  add_scenario_options(command, *options);
  command->add_flag("--quiet", options->quiet, "print the table only");
  command->callback([options, &exit_code] { exit_code = run_scenario(*options, std::nullopt); });
}

void add_gdb(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("gdb", "run a scenario and serve gdb-multiarch on the loopback interface");
  auto options = std::make_shared<Options>();
  add_scenario_options(command, *options);
  command->add_option("--port", options->port, "TCP port on 127.0.0.1; 0 takes a free one")
      ->capture_default_str();
  command->callback([options, &exit_code] { exit_code = run_scenario(*options, options->port); });
}

}  // namespace memwall::cli
