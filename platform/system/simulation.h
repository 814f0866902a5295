// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Runs a scenario: loads model and firmware, builds the node, simulates, compares with the host reference
/// and returns what happened. One run per process, because the SystemC kernel is global.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/error.h"
#include "config/scenario.h"
#include "report/result.h"

namespace memwall::system {

struct RunOptions {
  std::string out_dir;                              ///< UART logs and waveforms; created
  std::string firmware;                             ///< ELF, unless the scenario names one
  std::function<void(const std::string&)> on_text;  ///< text as it is generated, the prompt first
  std::function<void(const std::string&)> on_note;  ///< what the user should know: warnings, progress
  std::optional<std::uint16_t> gdb_port;  ///< serve gdb and wait for it before the first instruction
};

struct RunOutcome {
  report::RunResult result;
  report::HostResult host;
  ExitCode code = ExitCode::kOk;
  std::string failure;  ///< why code is not kOk
};

/// Throws ConfigError for anything wrong before the simulation starts and ModelError for a violated contract.
/// A workload that ran and failed (firmware error, wrong tokens, time limit) is an outcome, not an exception.
RunOutcome run(const config::Scenario& scenario, const RunOptions& options);

}  // namespace memwall::system
