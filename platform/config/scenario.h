// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A scenario: everything a run depends on. Same scenario and seed, same result, byte for byte.
/// Units are in the names. `load_scenario` refuses unknown keys and impossible values with file:line:column.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "accel/config.h"

namespace memwall::config {

enum class DataKind { kFunctional, kNone };
enum class PnmImplementation { kNone, kTlm, kRtl };
enum class WeightFormat { kF32, kF16, kMxint8 };
enum class WeightPlacement { kHbm, kHbf };
/// How contents come into the cubes: there before the simulation, or written by firmware through the driver.
enum class HbfLoad { kPreloaded, kDriver };

struct SystemConfig {
  std::uint32_t chips = 1;              ///< 1, 2 or 4, fully connected
  std::uint64_t quantum_ns = 10000;     ///< temporal decoupling of the hart; never changes a token
  std::uint64_t time_limit_ms = 60000;  ///< simulated time after which a run has failed
};

struct HartConfig {
  double clock_mhz = 1000;
};

struct NocConfig {
  double port_gbytes_per_s = 2048;
  double hop_latency_ns = 10;
};

/// As hbm::FaultKind: one bit of a 64-bit word (corrected), two (not), or a byte lane of a burst (not).
enum class HbmFaultKind { kSingle, kDouble, kChip };

/// Bits that are wrong before the run.
struct HbmFault {
  std::uint32_t chip = 0;
  std::uint32_t stack = 0;
  std::uint64_t address = 0;  ///< stack-local, bytes
  HbmFaultKind kind = HbmFaultKind::kSingle;
  bool persistent = true;  ///< false: a write of the word heals it
  std::string place;       ///< of the address in the scenario, for messages
};

struct HbmConfig {
  std::string preset;  ///< path, absolute after loading
  std::uint32_t stacks = 1;
  std::uint64_t capacity_mib = 0;  ///< 0: the preset's; smaller values cap what is offered to software
  std::vector<HbmFault> faults;
  double fault_rate_per_gib_hour = 0;  ///< transient faults while the run goes on, on every stack
  HbmFaultKind fault_rate_kind = HbmFaultKind::kSingle;
};

struct HbfConfig {
  std::string preset;
  std::uint32_t cubes = 0;
  HbfLoad load = HbfLoad::kPreloaded;
  bool allow_kv = false;      ///< lets model.kv = "hbf" wear the cubes out
  bool prefetch = true;       ///< false: the controllers have no SRAM for read-ahead
  double rate_scale = 1;      ///< multiplies the error model's odds of everything that is not plain OK
  double wear_cycles = 0;     ///< program/erase cycles of every block when the run starts
  double age_hours = 0;       ///< age of preloaded contents, at the preset's reference temperature
  double corrected_rate = 0;  ///< per page sense, besides the error model
  double retry_rate = 0;
  double uncorrectable_rate = 0;
};

struct PnmConfig {
  PnmImplementation implementation = PnmImplementation::kNone;
  double clock_mhz = 1000;
  bool waveform = false;  ///< RTL only: writes DIR/pnm_<chip>_<stack>.fst
};

struct LinkConfig {
  double gbytes_per_s = 256;  ///< per direction
  double latency_ns = 10;
  double flit_error_rate = 0;
  double dead_after_us = 0;  ///< 0: never; else the link drops everything from then on
};

struct ModelSettings {
  std::string path;
  std::string tokenizer;  ///< llama2.c checkpoints only
  WeightFormat format = WeightFormat::kF16;
  WeightFormat kv_format = WeightFormat::kF16;  ///< F32 or F16
  WeightPlacement weights = WeightPlacement::kHbm;
  WeightPlacement kv = WeightPlacement::kHbm;  ///< kHbf only with hbf.allow_kv
  std::uint32_t reduction_slices = 2;
  std::uint32_t prefill_batch = 8;
};

struct WorkloadConfig {
  std::string prompt;
  std::uint32_t max_new_tokens = 64;
  double temperature = 0;
  double top_p = 1;
  std::uint32_t top_k = 64;
  std::uint64_t seed = 1;
  std::uint32_t frozen_prefix_tokens =
      0;                        ///< keys and values of so many tokens go to HBF once, and come back
  bool check_reference = true;  ///< compare tokens with the host reference
};

enum class UartOutput { kFile, kTerminal };

struct UartSettings {
  UartOutput output = UartOutput::kFile;  ///< DIR/uart_chip<N>.log, or standard error with a prefix
};

struct FirmwareConfig {
  std::string path;  ///< ELF; empty: the bundled llm.elf
};

struct Scenario {
  std::string file;
  std::string name;
  std::string description;
  std::uint64_t seed = 1;
  DataKind data = DataKind::kFunctional;
  SystemConfig system;
  HartConfig hart;
  accel::Config accel;  ///< sram_base and functional are set when the chip is built
  NocConfig noc;
  HbmConfig hbm;
  HbfConfig hbf;
  PnmConfig pnm;
  LinkConfig link;
  ModelSettings model;
  WorkloadConfig workload;
  UartSettings uart;
  FirmwareConfig firmware;
  /// Settings that cannot change the result of this scenario, one sentence each.
  std::vector<std::string> warnings;
};

/// Reads `path`, applies `overrides` ("a.b=value") and checks everything that needs no other file.
Scenario load_scenario(const std::string& path, const std::vector<std::string>& overrides = {});
/// For tests and fuzzing. `name` stands for the path in messages; relative paths resolve against its folder.
Scenario parse_scenario(const std::string& text, const std::string& name);

/// Every setting as "section.key" -> text, files by name without their folder: what to compare runs by.
std::map<std::string, std::string> settings_of(const Scenario& scenario);

const char* to_string(HbmFaultKind value);
const char* to_string(PnmImplementation value);
const char* to_string(WeightFormat value);
const char* to_string(WeightPlacement value);
const char* to_string(HbfLoad value);

}  // namespace memwall::config
