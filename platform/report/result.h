// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What a run produced, and how it is written: DIR/result.json (reproducible byte for byte: simulated figures
/// only), DIR/host.json (wall-clock figures) and the table on the terminal. All three show the same data.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/stats.h"
#include "common/time.h"

namespace memwall::report {

/// A part of the run, cut out between two moments.
struct Phase {
  std::string name;  ///< "boot", "load", "freeze", "prefill", "decode"
  TimePs begin = 0;
  TimePs end = 0;
  std::uint64_t tokens = 0;    ///< tokens processed (prefill: of the prompt; decode: generated)
  std::vector<Stat> counters;  ///< growth during the phase; levels: their value at its end
};

struct RunResult {
  std::string scenario;
  std::string description;
  std::string model;
  std::uint64_t seed = 0;
  std::map<std::string, std::string> settings;  ///< what matters for comparing runs, as text
  std::vector<std::uint32_t> prompt_tokens;
  std::vector<std::uint32_t> tokens;  ///< generated
  std::string text;                   ///< prompt and generated text
  std::string finish;                 ///< "stop", "length", "context_full" or "error: ..."
  bool reference_checked = false;
  bool reference_match = false;
  std::int64_t first_mismatch = -1;  ///< index into tokens, -1 for none
  TimePs time_to_first_token = 0;
  TimePs time_per_output_token = 0;  ///< mean over the tokens after the first; 0 if there are none
  TimePs simulated = 0;
  std::vector<Phase> phases;
  std::vector<Stat> counters;                      ///< over the whole run
  std::map<std::string, std::uint64_t> footprint;  ///< bytes in place before the run, all chips
  std::vector<std::string> assumed;                ///< figures without a published source
  std::map<std::string, double> clocks_mhz;        ///< by the name that cycle counts give
};

/// Wall-clock figures, kept apart because they differ from run to run.
struct HostResult {
  double build_seconds = 0;      ///< elaboration and model placement
  double wall_seconds = 0;       ///< simulation only
  double reference_seconds = 0;  ///< host reference
  std::uint64_t instructions = 0;
};

/// Growth from `before` to `after`, matched by name; levels keep the later value.
std::vector<Stat> difference(const std::vector<Stat>& before, const std::vector<Stat>& after);

/// "340 B", "2.13 MiB".
std::string bytes_text(double bytes);

/// Sum of all counters whose name ends in `suffix` and contains `part`.
double sum(const std::vector<Stat>& stats, const std::string& part, const std::string& suffix);

/// What limited a phase: the largest of the shares below, each a part of the phase's time, averaged over
/// chips.
///   compute           matrix and vector engine at work
///   memory            matrix engine waiting for a tile
///   near-memory unit  the busiest unit of each chip at work
///   link              the busiest port of each chip sending
///   latency           the rest: firmware, descriptors, hops, waiting for one another
struct Bound {
  std::string name;
  std::map<std::string, double> shares;
};
Bound bound_of(const Phase& phase, const std::map<std::string, double>& clocks_mhz);

std::string to_json(const RunResult& result);
std::string to_json(const RunResult& result, const HostResult& host);
std::string to_table(const RunResult& result, const HostResult& host);
/// Writes result.json and host.json into `dir`, which is created. Throws ConfigError if it cannot.
void write_files(const std::string& dir, const RunResult& result, const HostResult& host);

}  // namespace memwall::report
