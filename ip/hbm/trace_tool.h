// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// `./memwall memory PRESET.toml --trace FILE`: a trace through the controller alone, with FR-FCFS queues per
/// pseudo-channel. One source presents the requests in file order; if the queue of a request's pseudo-channel
/// is full, it and everything behind it wait.
///
/// Trace: one request per line, `R 0x40` or `W 40` (hexadecimal address of one access), optionally preceded
/// by its arrival in cycles of tCK (decimal, not decreasing; all lines or none). `#` starts a comment.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

#include "common/time.h"
#include "hbm/energy.h"

namespace memwall::hbm {

struct TraceOptions {
  std::string preset_path;
  std::string trace_path;
  std::optional<std::uint64_t> interval_cycles;  ///< distance of arrivals; only for traces without cycles
};

/// In cycles of tCK. Percentile p: the least latency that p percent of the requests do not exceed.
struct LatencySummary {
  std::uint64_t requests = 0;
  double mean = 0;
  std::uint64_t p50 = 0, p95 = 0, p99 = 0, max = 0;
};

struct TraceResult {
  std::string preset_name;
  TimePs tck_ps = 0;
  std::uint64_t reads = 0, writes = 0, bytes = 0;
  std::uint64_t cycles = 0;  ///< from the first arrival to the end of the last burst
  double gbytes_per_s = 0, peak_gbytes_per_s = 0;
  /// From arrival to the end of the data. Without given arrivals a request arrives when its queue accepts it.
  LatencySummary read_latency, write_latency, latency;
  std::uint64_t row_hits = 0, row_misses = 0, row_conflicts = 0;
  std::uint64_t forwarded = 0;  ///< reads answered from the write queue
  CommandCounts commands;
  EnergySums energy;
  double row_hit_rate() const {
    const std::uint64_t all = row_hits + row_misses + row_conflicts;
    return all == 0 ? 0.0 : static_cast<double>(row_hits) / static_cast<double>(all);
  }
};

/// ConfigError ("file:line: ...") for a bad preset or trace. `sink` receives every command, if given.
TraceResult run_trace(const TraceOptions& options, const CommandSink& sink = nullptr);

void print(const TraceResult& result, std::ostream& out);
std::string to_json(const TraceResult& result);

}  // namespace memwall::hbm
