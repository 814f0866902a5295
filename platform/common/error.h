// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The three kinds of error and their exit codes. Nothing in Memwall aborts and nothing fails silently:
/// a configuration error (exit 2) names file, line and column; a workload that ran and failed is exit 1; a
/// model error (something unimplemented, or a contract violated) is exit 3 and names its place.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace memwall {

enum class ExitCode : int { kOk = 0, kWorkloadFailed = 1, kConfiguration = 2, kModel = 3 };

/// Base of every error Memwall throws on purpose.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& what) : std::runtime_error(what), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// Bad input: scenario, preset, checkpoint, ELF, trace, command line.
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& what) : Error(ExitCode::kConfiguration, what) {}
  /// `place` is "file:line:column" or "file" or "--option".
  ConfigError(const std::string& place, const std::string& what)
      : Error(ExitCode::kConfiguration, place + ": " + what) {}
};

/// The simulated workload ended badly (firmware reported failure, tokens differ, time ran out).
class WorkloadError : public Error {
 public:
  explicit WorkloadError(const std::string& what) : Error(ExitCode::kWorkloadFailed, what) {}
};

/// The model itself cannot go on: unimplemented behaviour or a violated contract.
class ModelError : public Error {
 public:
  /// `category` is "unimplemented", "contract" or "internal"; `place` is the hierarchical module name.
  ModelError(const std::string& category, const std::string& place, const std::string& what)
      : Error(ExitCode::kModel, category + " at " + place + ": " + what) {}
};

/// Called from inside a SystemC process instead of throwing (an exception would lose its category on the way
/// through the kernel): records the first error and stops the simulation; the runner rethrows it.
void raise_in_simulation(const Error& error);
/// Throws the recorded error, if there is one. Called by whoever called sc_start().
void rethrow_simulation_error();

}  // namespace memwall
