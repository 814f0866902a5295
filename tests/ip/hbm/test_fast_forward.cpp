// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Jumping over periods and simulating equal channels once change no result: the same script of requests and
// looks at the counters runs through the engine with both switched off and with either or both on.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

#include "common/error.h"
#include "hbm/steady_state.h"
#include "ip/hbm/engine_run.h"
#include "ip/hbm/traffic.h"

namespace memwall::hbm {
namespace {

using testing_support::EngineRun;
using testing_support::Variant;

/// What happens at a time: the caller asks for the counters, and perhaps sends a request.
struct Step {
  TimePs at = 0;
  bool look = false;
  std::optional<Request> request;
};

struct Result {
  EngineRun run;
  std::vector<Counters> looks;
};

Result play(const Preset& preset, const std::vector<Step>& script, const Engine::Options& options) {
  Result result;
  Engine engine(preset, options);
  std::vector<Event> events;
  for (const Step& step : script) {
    engine.advance(step.at, events);
    if (step.look) result.looks.push_back(engine.counters(step.at));
    if (step.request) engine.submit(*step.request);
  }
  result.run.reached = engine.finish(events);
  result.run.counters = engine.counters(result.run.reached);
  result.run.take(events);
  // Some time later, nothing but refreshes.
  const TimePs later =
      result.run.reached + 20 * static_cast<TimePs>(preset.refresh_interval()) * preset.tCK_ps;
  result.looks.push_back(engine.counters(later + 1));
  return result;
}

void expect_same_counters(const Counters& a, const Counters& b, const std::string& where) {
  EXPECT_TRUE(a.channels == b.channels) << where;
  for (std::size_t i = 0; i < kCommands; ++i) {
    EXPECT_EQ(a.channels.commands[i], b.channels.commands[i]) << where << ": " << kCommandNames[i];
  }
  EXPECT_EQ(a.channels.row_hits, b.channels.row_hits) << where;
  EXPECT_EQ(a.channels.row_misses, b.channels.row_misses) << where;
  EXPECT_EQ(a.channels.row_conflicts, b.channels.row_conflicts) << where;
  EXPECT_EQ(a.channels.forwarded, b.channels.forwarded) << where;
  EXPECT_EQ(a.channels.active_cycles, b.channels.active_cycles) << where;
  EXPECT_EQ(a.channels.precharged_cycles, b.channels.precharged_cycles) << where;
  EXPECT_EQ(a.channels.power_down_cycles, b.channels.power_down_cycles) << where;
  EXPECT_EQ(a.channels.self_refresh_cycles, b.channels.self_refresh_cycles) << where;
  for (std::size_t port = 0; port < kPorts; ++port) {
    EXPECT_EQ(a.port[port].read_bursts, b.port[port].read_bursts) << where;
    EXPECT_EQ(a.port[port].write_bursts, b.port[port].write_bursts) << where;
    EXPECT_EQ(a.port[port].read_bytes, b.port[port].read_bytes) << where;
    EXPECT_EQ(a.port[port].write_bytes, b.port[port].write_bytes) << where;
  }
  EXPECT_EQ(a.bus_busy_ps, b.bus_busy_ps) << where;
  // Bit for bit.
  EXPECT_EQ(a.energy.activate_pj, b.energy.activate_pj) << where;
  EXPECT_EQ(a.energy.array_pj, b.energy.array_pj) << where;
  EXPECT_EQ(a.energy.phy_pj, b.energy.phy_pj) << where;
  EXPECT_EQ(a.energy.refresh_pj, b.energy.refresh_pj) << where;
  EXPECT_EQ(a.energy.background_pj, b.energy.background_pj) << where;
}

void expect_same(const Result& expected, const Result& got) {
  ASSERT_EQ(expected.run.done.size(), got.run.done.size());
  for (const auto& [tag, event] : expected.run.done) {
    const auto other = got.run.done.find(tag);
    ASSERT_NE(other, got.run.done.end()) << tag;
    ASSERT_EQ(event.at, other->second.at) << "end of tag " << tag;
    ASSERT_EQ(event.first, other->second.first) << "first data of tag " << tag;
  }
  EXPECT_EQ(expected.run.accepted, got.run.accepted);
  EXPECT_EQ(expected.run.reached, got.run.reached);
  expect_same_counters(expected.run.counters, got.run.counters, "at the end");
  ASSERT_EQ(expected.looks.size(), got.looks.size());
  for (std::size_t i = 0; i < expected.looks.size() && !testing::Test::HasFailure(); ++i) {
    expect_same_counters(expected.looks[i], got.looks[i], "look " + std::to_string(i));
  }
}

/// Returns the result that all agreed on.
Result expect_options_change_nothing(const Preset& preset, const std::vector<Step>& script) {
  const Result plain = play(preset, script, {false, false});
  // The last engine finds the periods that the one before learned.
  const auto periods = make_periods();
  const struct {
    Engine::Options options;
    const char* name;
  } others[] = {{{true, false}, "fast-forward"},
                {{false, true}, "shared channels"},
                {{true, true, periods}, "both"},
                {{true, true, periods}, "both, with periods known before"}};
  for (const auto& other : others) {
    SCOPED_TRACE(other.name);
    expect_same(plain, play(preset, script, other.options));
    if (testing::Test::HasFailure()) break;
  }
  return plain;
}

/// Random trains of `max_bursts` at most, log-uniform, some at once, some after long gaps, with looks at the
/// counters at any time.
std::vector<Step> random_script(const Preset& p, Rng& rng, std::uint64_t max_bursts, std::uint64_t bursts) {
  std::vector<Step> script;
  TimePs now = 0;
  const std::uint64_t sources = 1 + rng.below(4);
  const std::uint64_t write_tenths = rng.below(3) == 0 ? 0 : rng.below(11);
  const bool aligned = rng.below(2) == 0;
  const std::uint64_t pace = 1 + rng.below(40);  // bursts per cycle that the arrivals suggest, in eighths
  const auto cycles = [&](std::uint64_t n) { return n * p.tCK_ps; };
  std::uint64_t sent = 0;
  for (std::uint64_t tag = 0; sent < bursts && tag < 3000; ++tag) {
    const double exponent = rng.uniform() * std::log2(static_cast<double>(max_bursts));
    const auto length = static_cast<std::uint64_t>(std::exp2(exponent));
    Request request;
    request.tag = tag;
    request.bytes = length * p.organisation.access_bytes;
    request.address = rng.below(p.organisation.capacity_bytes - request.bytes);
    if (aligned) {
      request.address -= request.address % p.organisation.access_bytes;
      if (rng.below(2) == 0) request.address -= request.address % p.map.stripe_bytes();
    }
    request.is_write = rng.below(10) < write_tenths;
    request.source = static_cast<std::uint32_t>(rng.below(sources));
    request.port = rng.below(3) == 0 ? Port::kBaseDie : Port::kPins;
    request.report_acceptance = rng.below(3) == 0;
    request.arrival = now;
    script.push_back({now, rng.below(4) == 0, request});
    sent += length;
    switch (rng.below(8)) {
      case 0:  // at the same time
        break;
      case 1:  // much later
        now += cycles(rng.below(30 * static_cast<std::uint64_t>(p.refresh_interval())));
        break;
      default:  // while the last one is under way, or soon after
        now += rng.below(1 + cycles(8 * length / pace));
    }
    while (rng.below(4) == 0) {
      const TimePs at = now + rng.below(cycles(2000));
      script.push_back({at, true, std::nullopt});
      now = at;
    }
  }
  return script;
}

class HbmFastForwardVariant : public testing::TestWithParam<Variant> {};

TEST_P(HbmFastForwardVariant, ChangesNothingOnRandomTrains) {
  Rng rng(11, GetParam().name);
  for (int round = 0; round < 4; ++round) {
    Preset p = testing_support::small_preset();
    // More rows, so that trains need not be short.
    p.organisation.rows = 4096;
    p.organisation.channels = 1u << rng.below(2);
    testing_support::remap(
        p, round % 2 == 0 ? std::vector<std::string>{}
                          : std::vector<std::string>{"bank[0] ^ row[0] ^ row[3]", "bank_group[0] ^ row[1]"});
    GetParam().apply(p);
    if (rng.below(3) == 0) {
      p = testing_support::with_random_latencies(p, rng, false);
    } else {
      // Short intervals: states recur after some tens of them.
      p.timing["tREFI"] = 300 + static_cast<Cycle>(rng.below(4)) * 100;
    }
    SCOPED_TRACE("round " + std::to_string(round));
    expect_options_change_nothing(p, random_script(p, rng, 65536, 70000));
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Variants, HbmFastForwardVariant, testing::ValuesIn(testing_support::variants()),
                         [](const auto& variant) { return testing_support::test_name(variant.param.name); });

class HbmFastForwardPreset : public testing::TestWithParam<std::string> {};

TEST_P(HbmFastForwardPreset, ChangesNothingOnRandomTrainsToTheWholeStack) {
  Rng rng(12, testing_support::preset_test_name(GetParam()));
  for (int round = 0; round < 3; ++round) {
    const Preset p = load_preset(GetParam());
    SCOPED_TRACE("round " + std::to_string(round));
    expect_options_change_nothing(p, random_script(p, rng, 131072, 200000));
    if (HasFailure()) return;
  }
}

TEST_P(HbmFastForwardPreset, ChangesNothingOnTrainsOfHundredsOfRefreshIntervals) {
  Preset p = testing_support::with_channels(load_preset(GetParam()), 1);
  // States recur after 30 to 950 intervals, depending on the preset; shorter ones make that cheap to run.
  p.timing["tREFI"] = std::max(p.cycles("tREFI") / 5, p.cycles("tRFCab") + 300);
  const auto interval = static_cast<std::uint64_t>(p.refresh_interval());
  const std::uint64_t per_interval =
      interval / static_cast<std::uint64_t>(p.burst()) * p.organisation.pseudo_channels;
  // A long read, and before it ends a long write of another source; a single burst and a short train come in
  // the way.
  Request read;
  read.bytes = std::min(700 * per_interval * p.organisation.access_bytes, p.organisation.capacity_bytes / 2);
  Request write = read;
  write.tag = 1;
  write.source = 1;
  write.is_write = true;
  write.address = p.organisation.capacity_bytes / 2;
  write.arrival = 1200 * interval * p.tCK_ps + 5;
  Request single = read;
  single.tag = 2;
  single.source = 2;
  single.bytes = 1;
  single.address = p.organisation.capacity_bytes / 4;
  single.arrival = 1270 * interval * p.tCK_ps + 17;
  Request other = single;
  other.tag = 3;
  other.bytes = 100 * p.organisation.access_bytes;
  other.arrival = 1400 * interval * p.tCK_ps + 3;
  const std::vector<Step> script = {{0, false, read},
                                    {write.arrival, true, write},
                                    {single.arrival, true, single},
                                    {other.arrival, true, other}};
  // One channel: there is nothing to share.
  const Result plain = play(p, script, {false, false});
  const auto periods = make_periods();
  expect_same(plain, play(p, script, {true, true, periods}));
  EXPECT_GT(periods->edges(), 0u);
  EXPECT_GT(periods->jumped_bursts(), 0u) << "every period was run";
  const std::uint64_t bursts =
      plain.run.counters.port[0].read_bursts + plain.run.counters.port[0].write_bursts;
  std::printf("%s: %.1f %% of %.1f million bursts jumped over\n", p.name.c_str(),
              100.0 * static_cast<double>(periods->jumped_bursts()) / static_cast<double>(bursts),
              1e-6 * static_cast<double>(bursts));
  EXPECT_LT(periods->jumped_bursts(), bursts);
  EXPECT_GT(plain.run.counters.channels.count(Command::kREFab), 500u * p.organisation.pseudo_channels);
}

INSTANTIATE_TEST_SUITE_P(Presets, HbmFastForwardPreset, testing::ValuesIn(testing_support::preset_paths()),
                         [](const auto& path) { return testing_support::preset_test_name(path.param); });

TEST(HbmFastForward, PeriodsAreNotSharedWithADeviceThatBehavesDifferently) {
  const Preset p = testing_support::small_preset();
  const auto periods = make_periods();
  const Engine first(p, {true, true, periods});
  const Engine equal(p, {true, true, periods});
  const auto refuses = [&](void (*change)(Preset&)) {
    Preset other = p;
    change(other);
    EXPECT_THROW(Engine(other, {true, true, periods}), ModelError);
  };
  refuses([](Preset& other) { ++other.constraints[5].latency; });
  refuses([](Preset& other) { other.constraints.pop_back(); });
  refuses([](Preset& other) { ++other.timing["tREFI"]; });
  refuses([](Preset& other) { ++other.timing["tRL"]; });
  refuses([](Preset& other) { other.controller.page = "closed"; });
  refuses([](Preset& other) { --other.controller.drain_high; });
  refuses([](Preset& other) { other.controller.refresh = "per_bank"; });
  refuses([](Preset& other) { other.refresh_management = {true, 100, true}; });
  refuses([](Preset& other) { other.controller.scheduler = "fcfs"; });
  refuses([](Preset& other) { other.controller.arbitration = "oldest"; });
  refuses([](Preset& other) { other.controller.write_drain = "read_first"; });
  refuses([](Preset& other) { other.controller.power_down_after = 50; });
  refuses([](Preset& other) { other.controller.self_refresh_after = 50; });
  refuses([](Preset& other) { testing_support::remap(other, {"bank[0] ^ row[0]"}); });
}

/// A read of `bytes` from the beginning, then a look some refreshes later.
std::vector<Step> one_read(std::uint64_t bytes) {
  Request read;
  read.bytes = bytes;
  return {{0, false, read}};
}

TEST(HbmFastForward, EightStacksThatShareTheirPeriodsEachReadAsOneThatRunsEveryBurst) {
  // Two channels of HBM4; shorter intervals, so that states recur within the read.
  Preset p =
      testing_support::with_channels(load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbm4_8000.toml"), 2);
  p.timing["tREFI"] = std::max(p.cycles("tREFI") / 5, p.cycles("tRFCab") + 300);
  const std::vector<Step> script = one_read(std::uint64_t{64} << 20);
  const Result plain = play(p, script, {false, false});
  const auto periods = make_periods();
  std::uint64_t jumped = 0;
  for (int stack = 0; stack < 8; ++stack) {
    SCOPED_TRACE("stack " + std::to_string(stack));
    expect_same(plain, play(p, script, {true, true, periods}));
    if (HasFailure()) return;
    const std::uint64_t now = periods->jumped_bursts();
    // Those that come later know the periods from the beginning.
    EXPECT_GT(now - jumped, stack == 0 ? 0 : jumped / static_cast<unsigned>(stack)) << "of this stack";
    if (stack == 0) {
      EXPECT_GT(periods->edges(), 0u);
    }
    jumped = now;
  }
}

TEST(HbmFastForward, EightWholeStacksThatShareTheirPeriodsEqualOnesThatLearnThemAlone) {
  const Preset p = load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbm4_8000.toml");
  for (const std::uint64_t mib : {4, 64}) {
    SCOPED_TRACE(std::to_string(mib) + " MiB");
    const std::vector<Step> script = one_read(mib << 20);
    // Every burst of the smaller one; the larger one against a stack of its own.
    const Result alone = play(p, script, mib == 4 ? Engine::Options{false, false} : Engine::Options());
    const auto periods = make_periods();
    // At the same time, step by step.
    std::vector<std::unique_ptr<Engine>> stacks;
    for (int i = 0; i < 8; ++i)
      stacks.push_back(std::make_unique<Engine>(p, Engine::Options{true, true, periods}));
    std::vector<std::vector<Event>> events(stacks.size());
    for (auto& stack : stacks) stack->submit(*script[0].request);
    for (TimePs now = 0; now < alone.run.reached; now += alone.run.reached / 7 + 1) {
      for (std::size_t i = 0; i < stacks.size(); ++i) stacks[i]->advance(now, events[i]);
    }
    for (std::size_t i = 0; i < stacks.size(); ++i) {
      SCOPED_TRACE("stack " + std::to_string(i));
      stacks[i]->finish(events[i]);
      ASSERT_EQ(events[i].size(), 1u);
      EXPECT_EQ(events[i][0].at, alone.run.done.at(0).at);
      EXPECT_EQ(events[i][0].first, alone.run.done.at(0).first);
      const TimePs later = alone.run.reached + 20 * static_cast<TimePs>(p.refresh_interval()) * p.tCK_ps;
      expect_same_counters(alone.looks.back(), stacks[i]->counters(later + 1), "20 intervals later");
    }
    EXPECT_GT(periods->jumped_cycles(), 0u);
  }
}

TEST(HbmFastForward, PeriodsAreSharedWithADeviceThatDiffersInEnergyAndNumberOfChannelsAlone) {
  const Preset p = testing_support::small_preset();
  const auto periods = make_periods();
  const Engine first(p, {true, true, periods});
  Preset other = p;
  other.name = other.path = "other";
  other.energy.activate_pj += 1;
  EXPECT_NO_THROW(Engine(other, {true, true, periods}));
  EXPECT_NO_THROW(Engine(testing_support::with_channels(other, 1), {true, true, periods}));
}

TEST(HbmFastForward, AnIdleDayCostsNothingAndCountsEveryRefresh) {
  for (const Variant& variant : testing_support::variants()) {
    Preset p = testing_support::with_channels(testing_support::small_preset(), 2);
    variant.apply(p);
    SCOPED_TRACE(variant.name);
    const auto periods = make_periods();
    Engine engine(p, {true, true, periods});
    const TimePs day = 86'400'000 * kPsPerMs;
    const auto interval = static_cast<std::uint64_t>(p.refresh_interval());
    std::vector<Event> events;
    engine.advance(day, events);
    const ChannelCounters c = engine.counters(day).channels;
    const std::uint64_t cycles = day / p.tCK_ps * p.organisation.pseudo_channels_total();
    EXPECT_EQ(c.active_cycles + c.precharged_cycles + c.power_down_cycles + c.self_refresh_cycles, cycles);
    if (p.controller.self_refresh_after > 0) {
      // There is nothing to jump over: no refresh interrupts it.
      EXPECT_GT(c.self_refresh_cycles, cycles - 10000);
      continue;
    }
    // All but what it takes to learn a period, of one channel that stands for both.
    EXPECT_GT(periods->jumped_cycles(), day / p.tCK_ps - 100 * interval) << "the day was run";
    EXPECT_EQ(periods->jumped_bursts(), 0u);
    // The last one or two may be under way.
    if (p.controller.refresh == "per_bank") {
      const std::uint64_t due = day / p.tCK_ps / (interval / p.organisation.banks_total());
      EXPECT_NEAR(static_cast<double>(c.count(Command::kREFpb)),
                  static_cast<double>(due * p.organisation.pseudo_channels_total()), 8);
    } else {
      const std::uint64_t due = day / p.tCK_ps / interval;
      EXPECT_NEAR(static_cast<double>(c.count(Command::kREFab)),
                  static_cast<double>(due * p.organisation.pseudo_channels_total()), 8);
    }
  }
}

}  // namespace
}  // namespace memwall::hbm
