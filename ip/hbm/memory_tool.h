// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// `./memwall memory PRESET.toml`: one stack behind its controller alone (engine.h), loaded with a trace
/// (trace.h) or with generated requests, and what it measured.
///
/// Every initiator presents its requests in order and has a bounded number of them outstanding: one beyond
/// that waits until the data of another are through. A request arrives when the trace or the interval says
/// so; without such times as soon as it may, so that the queues are full.
///
/// Not modelled: what lies between an initiator and the controller. A slot that is freed by a read answered
/// from the write queue is used again up to one write latency later.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "common/time.h"
#include "hbm/counters.h"
#include "hbm/preset.h"

namespace memwall::hbm {

/// As given; what is absent has a default or has no effect.
struct MemoryOptions {
  std::string preset_path;
  std::optional<std::string> trace_path;  ///< either this or a pattern
  /// "seq": ascending, each initiator in its own equal part of the stack, from the start again at its end.
  /// "random": uniform over the stack. "mix": the same, reads and writes.
  std::optional<std::string> pattern;
  std::optional<std::uint64_t> requests;       ///< of all initiators, 1 or more; required by a pattern
  std::optional<std::uint64_t> seed;           ///< default 1
  std::optional<std::uint64_t> bytes;          ///< per request; default one burst
  std::optional<std::uint64_t> write_percent;  ///< default 33 for "mix", else 0
  std::optional<std::uint64_t> initiators;     ///< 1 to 16; default 1
  /// Per initiator, at most 16384. Default: what all together need to have a burst for every entry of every
  /// queue, but at least 2.
  std::optional<std::uint64_t> outstanding;
  std::optional<std::uint64_t> interval_cycles;  ///< distance of arrivals: of lines, or of every initiator
  std::optional<std::string> commands_path;      ///< where to write every command, as CSV
};

/// In cycles of tCK. Percentile p: the least latency that p percent of the requests do not exceed.
struct LatencySummary {
  std::uint64_t requests = 0;
  double mean = 0;
  std::uint64_t p50 = 0, p95 = 0, p99 = 0, max = 0;
};

struct DirectionLatencies {
  LatencySummary read, write, all;
};

struct InitiatorResult {
  std::uint32_t initiator = 0;
  std::uint64_t reads = 0, writes = 0, bytes = 0;
  std::uint64_t cycles = 0;  ///< from its first arrival to the end of its last data
  double gbytes_per_s = 0;   ///< over that time
  DirectionLatencies latency;
};

struct MemoryResult {
  std::string preset_name;
  std::string load;  ///< in words
  TimePs tck_ps = 0;
  std::uint32_t pseudo_channels = 0;
  std::uint64_t outstanding = 0;                   ///< per initiator, at most
  std::uint64_t reads = 0, writes = 0, bytes = 0;  ///< as asked for
  std::uint64_t bursts = 0;                        ///< as moved, forwarded ones included
  std::uint64_t cycles = 0;                        ///< from the first arrival to the end of the last data
  double gbytes_per_s = 0, peak_gbytes_per_s = 0;
  double bus_busy = 0;  ///< share of the data buses' time, 0 to 1
  /// From the arrival of a request to the end of its last data.
  DirectionLatencies latency;
  std::vector<InitiatorResult> initiators;  ///< those with requests
  ChannelCounters channels;                 ///< during `cycles`, as all below
  EnergySums energy;
  std::optional<std::string> commands_path;
  std::uint64_t commands_written = 0;  ///< since cycle 0
  std::vector<std::string> assumed;    ///< figures of the preset without a source

  std::uint64_t refreshes() const {
    return channels.count(Command::kREFab) + channels.count(Command::kREFpb);
  }
  /// Of column commands.
  double row_hit_rate() const {
    const std::uint64_t all = channels.row_hits + channels.row_misses + channels.row_conflicts;
    return all == 0 ? 0.0 : static_cast<double>(channels.row_hits) / static_cast<double>(all);
  }
};

/// ConfigError for a bad preset or trace ("file:line: ..."), and for options that are out of range,
/// contradict each other or have no effect together ("--option: ..."). `sink` receives every command, in
/// order of time.
MemoryResult run_memory(const MemoryOptions& options, const CommandSink& sink = nullptr);

void print(const MemoryResult& result, std::ostream& out);
/// Without a newline at the end.
std::string to_json(const MemoryResult& result);

/// Header of the command file: comment lines that name the units, and the line of column names.
std::string command_file_header(const Preset& preset);
/// One line; fields that the command does not address are empty. `bank_group` and `bank` count within the
/// stack id and the bank group.
std::string command_file_line(const Preset& preset, const CommandRecord& record);

}  // namespace memwall::hbm
