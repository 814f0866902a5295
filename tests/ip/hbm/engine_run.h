// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Runs a list of requests through the engine and compares results: with the reference scheduler, or of two
/// engines with different options.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "hbm/engine.h"
#include "ip/hbm/reference_scheduler.h"

namespace memwall::hbm::testing_support {

struct EngineRun {
  std::map<std::uint64_t, Event> done;       ///< by tag
  std::map<std::uint64_t, TimePs> accepted;  ///< by tag
  std::vector<CommandRecord> log;
  Counters counters;
  TimePs reached = 0;

  void take(const std::vector<Event>& events) {
    for (const Event& event : events) {
      const bool is_new = event.kind == Event::Kind::kDone ? done.emplace(event.tag, event).second
                                                           : accepted.emplace(event.tag, event.at).second;
      EXPECT_TRUE(is_new) << "second event for tag " << event.tag;
    }
  }
};

enum class Log { kNo, kYes };

/// Submits `requests` in order, each once the time has come, and goes on for `idle` after the last is done, to
/// a clock edge.
inline EngineRun run_engine(const Preset& preset, const std::vector<Request>& requests, TimePs idle, Log log,
                            const Engine::Options& options = {}) {
  EngineRun run;
  Engine engine(preset, options);
  if (log == Log::kYes) {
    engine.set_command_sink([&run](const CommandRecord& record) { run.log.push_back(record); });
  }
  std::vector<Event> events;
  for (const Request& request : requests) {
    engine.advance(request.arrival, events);
    engine.submit(request);
  }
  TimePs now = requests.empty() ? 0 : requests.back().arrival;
  while (engine.in_flight() > 0) {
    engine.advance(now += static_cast<TimePs>(preset.refresh_interval()) * preset.tCK_ps, events);
  }
  run.reached = now;
  for (const Event& event : events) run.reached = std::max(run.reached, event.at);
  run.reached = (run.reached + idle + preset.tCK_ps - 1) / preset.tCK_ps * preset.tCK_ps;
  engine.advance(run.reached, events);
  run.counters = engine.counters(run.reached);
  run.take(events);
  return run;
}

inline std::string text(const CommandRecord& r) {
  std::string line = std::to_string(r.at) + " " + to_string(r.command) + " channel " +
                     std::to_string(r.where.channel);
  if (scope_of(r.command) >= Level::kPseudoChannel) line += " pc " + std::to_string(r.where.pseudo_channel);
  if (scope_of(r.command) == Level::kBank) line += " bank " + std::to_string(r.where.bank);
  if (r.command == Command::kACT || r.command == Command::kRD || r.command == Command::kWR) {
    line += " row " + std::to_string(r.where.row);
  }
  if (r.command == Command::kRD || r.command == Command::kWR) {
    line += " column " + std::to_string(r.where.column);
  }
  return line;
}

/// Equal in all fields that have a meaning for the command.
inline bool same_command(const CommandRecord& a, const CommandRecord& b) {
  const Level scope = scope_of(a.command);
  const bool column = a.command == Command::kRD || a.command == Command::kWR;
  return a.at == b.at && a.command == b.command && a.where.channel == b.where.channel &&
         (scope < Level::kPseudoChannel || a.where.pseudo_channel == b.where.pseudo_channel) &&
         (scope < Level::kBank || (a.where.bank == b.where.bank && a.where.group == b.where.group &&
                                   a.where.stack_id == b.where.stack_id)) &&
         ((!column && a.command != Command::kACT) || a.where.row == b.where.row) &&
         (!column || a.where.column == b.where.column);
}

/// The first difference of two logs with what came before it; empty if they are equal.
inline std::string first_difference(std::vector<CommandRecord> expected, std::vector<CommandRecord> got) {
  const auto by_channel = [](const CommandRecord& a, const CommandRecord& b) {
    return a.where.channel < b.where.channel;
  };
  std::stable_sort(expected.begin(), expected.end(), by_channel);
  std::stable_sort(got.begin(), got.end(), by_channel);
  for (std::size_t i = 0; i < std::max(expected.size(), got.size()); ++i) {
    if (i < expected.size() && i < got.size() && same_command(expected[i], got[i])) continue;
    const std::string want = i < expected.size() ? text(expected[i]) : "nothing";
    const std::string have = i < got.size() ? text(got[i]) : "nothing";
    std::string message;
    for (std::size_t j = i < 12 ? 0 : i - 12; j < i; ++j) message += "    " + text(expected[j]) + "\n";
    return message + "  reference: " + want + "\n  engine:    " + have + "\n";
  }
  return {};
}

/// Expects equal commands, completions and counters. `run` and `reference` must cover the same time.
inline void expect_equal(const Preset& preset, const Outcome& reference, const EngineRun& run) {
  const std::string difference = first_difference(reference.log, run.log);
  ASSERT_TRUE(difference.empty()) << difference;
  ASSERT_EQ(run.done.size(), reference.requests.size());
  const auto time = [&](Cycle cycle) { return static_cast<TimePs>(cycle) * preset.tCK_ps; };
  for (const auto& [tag, times] : reference.requests) {
    const auto event = run.done.find(tag);
    ASSERT_NE(event, run.done.end()) << "tag " << tag << " never done";
    ASSERT_EQ(event->second.at, time(times.last)) << "end of tag " << tag;
    ASSERT_EQ(event->second.first, time(times.first)) << "first data of tag " << tag;
    if (const auto accepted = run.accepted.find(tag); accepted != run.accepted.end()) {
      ASSERT_EQ(accepted->second, time(times.accepted)) << "acceptance of tag " << tag;
    }
  }
  const ChannelCounters& want = reference.counters;
  const ChannelCounters& have = run.counters.channels;
  for (std::size_t i = 0; i < kCommands; ++i) EXPECT_EQ(have.commands[i], want.commands[i]) << kCommandNames[i];
  EXPECT_EQ(have.row_hits, want.row_hits);
  EXPECT_EQ(have.row_misses, want.row_misses);
  EXPECT_EQ(have.row_conflicts, want.row_conflicts);
  EXPECT_EQ(have.forwarded, want.forwarded);
  EXPECT_EQ(have.pin_reads, want.pin_reads);
  EXPECT_EQ(have.pin_writes, want.pin_writes);
  EXPECT_EQ(have.active_cycles, want.active_cycles);
  EXPECT_EQ(have.precharged_cycles, want.precharged_cycles);
  EXPECT_EQ(have.power_down_cycles, want.power_down_cycles);
  EXPECT_EQ(have.self_refresh_cycles, want.self_refresh_cycles);
}

}  // namespace memwall::hbm::testing_support
