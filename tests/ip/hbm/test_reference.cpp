// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The event-driven engine against a scheduler that ticks every cycle: every command, every completion time
// and every counter are equal, for every preset, policy and kind of load.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "ip/hbm/auditor.h"
#include "ip/hbm/engine_run.h"
#include "ip/hbm/reference_scheduler.h"
#include "ip/hbm/traffic.h"

namespace memwall::hbm {
namespace {

using testing_support::AuditResult;
using testing_support::EngineRun;
using testing_support::Load;
using testing_support::Log;
using testing_support::Outcome;
using testing_support::Variant;

/// Runs both to the same time: some refreshes and idle time past the last request.
void compare(const Preset& p, const std::vector<Request>& requests, bool audited = true) {
  const Cycle intervals = p.organisation.channels > 2 ? 0 : 2;
  const TimePs idle = static_cast<TimePs>(intervals * p.refresh_interval() + 500) * p.tCK_ps;
  const EngineRun run = testing_support::run_engine(p, requests, idle, Log::kYes);
  const auto end = static_cast<Cycle>(run.reached / p.tCK_ps);
  const Outcome reference = testing_support::reference_stack(p, requests, end);
  testing_support::expect_equal(p, reference, run);
  // Without a log the engine may share channels and jump over periods.
  EngineRun fast = testing_support::run_engine(p, requests, idle, Log::kNo);
  EXPECT_EQ(fast.reached, run.reached);
  fast.log = reference.log;
  testing_support::expect_equal(p, reference, fast);
  if (!audited) return;
  for (const auto& violation : testing_support::audit(p, reference.log, end).violations) {
    ADD_FAILURE() << violation;
  }
}

/// The number of requests that makes a test of this load last about equally long.
std::size_t count_of(const Load& load) {
  if (load.bursts > 100) return 8;
  if (load.bursts > 1) return 60;
  return load.gap > 100 ? 80 : load.idle_every > 0 ? 200 : 500;
}

std::vector<Request> requests_of(const Preset& p, const Load& load, std::uint64_t seed) {
  std::vector<Request> requests = testing_support::random_requests(p, load, seed, count_of(load));
  for (std::size_t i = 0; i < requests.size(); i += 3) requests[i].report_acceptance = true;
  return requests;
}

// Every policy with every load, on a device with short timings where everything collides.

class HbmReferenceVariant : public testing::TestWithParam<Variant> {};

TEST_P(HbmReferenceVariant, EqualsTheReferenceUnderEveryLoad) {
  std::uint32_t channels = 1;
  for (const Load& load : testing_support::loads()) {
    Preset p = testing_support::with_channels(testing_support::small_preset(), channels);
    GetParam().apply(p);
    SCOPED_TRACE(std::string(load.name) + ", channels " + std::to_string(channels));
    compare(p, requests_of(p, load, 1));
    if (HasFailure()) return;
    channels = 3 - channels;
  }
}

INSTANTIATE_TEST_SUITE_P(Variants, HbmReferenceVariant, testing::ValuesIn(testing_support::variants()),
                         [](const auto& variant) { return testing_support::test_name(variant.param.name); });

TEST(HbmReference, EqualsTheEngineForAnyTableOfConstraints) {
  Rng rng(3, "tables");
  const auto& loads = testing_support::loads();
  const auto& variants = testing_support::variants();
  for (std::size_t round = 0; round < 50; ++round) {
    const Preset small = testing_support::with_channels(testing_support::small_preset(), 1);
    Preset p = testing_support::with_random_latencies(small, rng, false);
    if (round % 2 == 1) {
      testing_support::remap(
          p, {"bank[0] ^ row[0] ^ row[3]", "stack_id[0] ^ row[1]", "pseudo_channel[0] ^ row[2] ^ column[3]"});
    }
    const Variant& variant = variants[rng.below(variants.size())];
    const Load& load = loads[rng.below(loads.size())];
    variant.apply(p);
    SCOPED_TRACE("round " + std::to_string(round) + ", " + variant.name + ", " + load.name);
    // The tables say nothing of the data bus, and refresh may come later than the auditor's patience.
    compare(p, requests_of(p, load, round), false);
    if (HasFailure()) return;
  }
}

/// A row that no standard has: any commands, any level that they fit, either relation or a window.
Constraint random_row(Rng& rng) {
  Constraint row;
  row.id = "random";
  row.level = static_cast<Level>(rng.below(kLevels));
  const auto some = [&] {
    std::vector<Command> commands;
    // Mostly commands of the loads; one or two of them.
    const std::uint64_t kinds = rng.below(3) == 0 ? kCommands : 5;
    const std::uint64_t count = 1 + rng.below(2);
    while (commands.size() < count) {
      const auto command = static_cast<Command>(rng.below(kinds));
      if (scope_of(command) < row.level) continue;
      if (std::find(commands.begin(), commands.end(), command) == commands.end()) commands.push_back(command);
    }
    return commands;
  };
  row.prev = some();
  row.next = some();
  row.different = row.level != Level::kChannel && rng.below(2) == 0;
  if (!row.different && rng.below(3) == 0) row.window = 2 + static_cast<unsigned>(rng.below(4));
  row.latency = 1 + static_cast<Cycle>(rng.below(row.window > 1 ? 60 : 30));
  return row;
}

std::string text(const Constraint& row) {
  std::string line = std::string(to_string(row.level)) + (row.different ? ", different:" : ", same:");
  for (const Command command : row.prev) line += std::string(" ") + to_string(command);
  line += " >";
  for (const Command command : row.next) line += std::string(" ") + to_string(command);
  return line + ", " + std::to_string(row.latency) + " cycles, window " + std::to_string(row.window);
}

TEST(HbmReference, EqualsTheEngineForAnyRowThatIsAddedToTheTable) {
  Rng rng(5, "rows");
  const auto& loads = testing_support::loads();
  const auto& variants = testing_support::variants();
  for (std::size_t round = 0; round < 40; ++round) {
    const Preset small = testing_support::with_channels(testing_support::small_preset(), 1);
    Preset p = testing_support::with_random_latencies(small, rng, false);
    p.constraints.push_back(random_row(rng));
    const Variant& variant = variants[rng.below(variants.size())];
    const Load& load = loads[rng.below(loads.size())];
    variant.apply(p);
    SCOPED_TRACE("round " + std::to_string(round) + ", " + variant.name + ", " + load.name + ", " +
                 text(p.constraints.back()));
    compare(p, requests_of(p, load, round), false);
    if (HasFailure()) return;
  }
}

// Every preset of the repository; policies and loads in turn.

class HbmReferencePreset : public testing::TestWithParam<std::string> {
 protected:
  Preset preset() const { return load_preset(GetParam()); }
};

TEST_P(HbmReferencePreset, EqualsTheReferenceUnderEveryPolicy) {
  const auto& loads = testing_support::loads();
  const auto& variants = testing_support::variants();
  const Preset p = preset();
  for (std::size_t i = 0; i < variants.size(); ++i) {
    for (const std::size_t shift : {std::size_t{0}, std::size_t{5}}) {
      const Load& load = loads[(i * 3 + shift + p.name.size()) % loads.size()];
      Preset one = testing_support::with_channels(p, 1);
      variants[i].apply(one);
      SCOPED_TRACE(std::string(variants[i].name) + ", " + load.name);
      compare(one, requests_of(one, load, i));
      if (HasFailure()) return;
    }
  }
}

TEST_P(HbmReferencePreset, EqualsTheReferenceOnTheWholeStackWithItsOwnMap) {
  const Preset p = preset();
  for (const Load& load : testing_support::loads()) {
    if (load.gap > 50) continue;
    SCOPED_TRACE(load.name);
    std::vector<Request> requests = requests_of(p, load, 1);
    requests.resize(std::min<std::size_t>(requests.size(), 300));
    compare(p, requests);
    if (HasFailure()) return;
  }
}

TEST_P(HbmReferencePreset, EqualsTheReferenceWhenAReadArrivesWhileWritesWakeTheChannel) {
  for (Cycle ControllerConfig::*const after :
       {&ControllerConfig::power_down_after, &ControllerConfig::self_refresh_after}) {
    Preset p = preset();
    p.controller.*after = 1;
    SCOPED_TRACE(after == &ControllerConfig::power_down_after ? "power-down" : "self-refresh");
    Request write;
    write.arrival = 2 * p.tCK_ps;
    write.bytes = std::uint64_t{16} * p.organisation.access_bytes * p.organisation.pseudo_channels_total();
    write.is_write = true;
    Request read = write;
    read.tag = 1;
    read.source = 1;
    read.arrival = 4 * p.tCK_ps;
    read.address = p.organisation.capacity_bytes / 2;
    read.bytes = p.organisation.access_bytes;
    read.is_write = false;
    compare(p, {write, read});
    if (HasFailure()) return;
  }
}

TEST_P(HbmReferencePreset, SaturatedBandwidthEqualsTheReference) {
  const Preset p = testing_support::with_channels(preset(), 1);
  for (const Load& load : testing_support::loads()) {
    if (load.gap > 1 || load.bursts > 1) continue;
    const auto requests = testing_support::random_requests(p, load, 7, 3000);
    const Outcome reference = testing_support::reference_stack(p, requests);
    const EngineRun run = testing_support::run_engine(p, requests, 0, Log::kNo);
    TimePs expected = 0;
    TimePs measured = 0;
    for (const auto& [tag, times] : reference.requests) {
      expected = std::max(expected, static_cast<TimePs>(times.last) * p.tCK_ps);
    }
    for (const auto& [tag, event] : run.done) measured = std::max(measured, event.at);
    const double bytes = 3000.0 * p.organisation.access_bytes;
    const double reference_rate = 1e3 * bytes / static_cast<double>(expected);
    const double rate = 1e3 * bytes / static_cast<double>(measured);
    std::printf("%-34s %-14s reference %7.3f GB/s, engine %7.3f GB/s, deviation %+.2f %%\n", p.name.c_str(),
                load.name, reference_rate, rate, 100.0 * (rate - reference_rate) / reference_rate);
    EXPECT_EQ(measured, expected) << load.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Presets, HbmReferencePreset, testing::ValuesIn(testing_support::preset_paths()),
                         [](const auto& path) { return testing_support::preset_test_name(path.param); });

}  // namespace
}  // namespace memwall::hbm
