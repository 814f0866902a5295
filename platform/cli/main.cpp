// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The command line tool behind ./memwall. Each command is one function; errors become exit codes here and
/// nowhere else.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <systemc>

#include "cli/commands.h"
#include "common/error.h"

int sc_main(int argc, char** argv) {
  using namespace memwall;
  CLI::App app{"Memwall: a virtual hardware platform for memory-centric LLM inference", "memwall"};
  app.require_subcommand(1);
  int exit_code = 0;
  cli::add_run(app, exit_code);
  cli::add_list(app, exit_code);
  cli::add_elf(app, exit_code);
  cli::add_memory(app, exit_code);
  cli::add_gdb(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : static_cast<int>(ExitCode::kConfiguration);
  } catch (const Error& error) {
    fmt::print(stderr, "memwall: {}\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    fmt::print(stderr, "memwall: internal error: {}\n", error.what());
    return static_cast<int>(ExitCode::kModel);
  }
  return exit_code;
}
