// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "hart/bare_machine.h"

namespace memwall::cli {

void add_elf(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("elf", "run a bare RISC-V ELF (HTIF) on the hart");
  auto options = std::make_shared<hart::ElfRunOptions>();
  command->add_option("FILE", options->file, "ELF file with a tohost symbol")->required();
  command->add_option("--isa", options->isa, "instruction set: rv64")->capture_default_str();
  command->add_option("--max-instructions", options->max_instructions, "give up after this many")
      ->capture_default_str();
  command->add_option("--trace", options->trace_file, "write one line per instruction to this file");
  command->callback([options, &exit_code] {
    const hart::ElfRunResult result = hart::run_bare_elf(*options);
    fmt::print(stderr, "exit code {}, {} instructions, {} cycles, {:.3f} s, {:.1f} MIPS\n", result.code,
               result.instructions, result.cycles, result.host_seconds, result.mips());
    exit_code = result.code;
  });
}

}  // namespace memwall::cli
