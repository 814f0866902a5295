// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// One function per command: registers its options and what runs when it is chosen. The callback may throw
/// memwall::Error; otherwise it stores the exit code.
#pragma once

namespace CLI {
class App;
}

namespace memwall::cli {

void add_run(CLI::App& app, int& exit_code);
void add_list(CLI::App& app, int& exit_code);
void add_elf(CLI::App& app, int& exit_code);
void add_memory(CLI::App& app, int& exit_code);
void add_gdb(CLI::App& app, int& exit_code);

}  // namespace memwall::cli
