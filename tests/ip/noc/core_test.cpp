// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Router core: decode, port calendar, counters.
#include "noc/core.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "common/error.h"

namespace memwall::noc {
namespace {

RouterConfig two_targets() {
  RouterConfig config;
  config.initiators = {"hart", "accel"};
  config.targets = {{"rom", {{0x1000, 0x1000, 0}}, 0}, {"hbm0", {{0x100000, 0x10000, 0}}, 32.0}};
  config.hop_latency_ns = 10;
  return config;
}

TEST(RouterDecode, BothEndsOfARangeAndNothingBeyond) {
  const RouterCore core(two_targets());
  EXPECT_EQ(core.route(0xfff).target, RouterCore::kNoTarget);
  EXPECT_EQ(core.route(0x1000).target, 0u);
  EXPECT_EQ(core.route(0x1fff).target, 0u);
  EXPECT_EQ(core.route(0x1fff).offset, 0xfffu);
  EXPECT_EQ(core.route(0x1fff).left, 1u);
  EXPECT_EQ(core.route(0x2000).target, RouterCore::kNoTarget);
  EXPECT_EQ(core.route(0x10ffff).target, 1u);
  EXPECT_EQ(core.route(0x110000).target, RouterCore::kNoTarget);
  EXPECT_EQ(core.route(0).target, RouterCore::kNoTarget);
  EXPECT_EQ(core.route(~0ull).target, RouterCore::kNoTarget);
}

TEST(RouterDecode, ATargetMayHaveSeveralRangesWithOffsets) {
  RouterConfig config = two_targets();
  config.targets[0].ranges.push_back({0x8000, 0x100, 0x4000});
  const RouterCore core(config);
  EXPECT_EQ(core.route(0x8010).target, 0u);
  EXPECT_EQ(core.route(0x8010).offset, 0x4010u);
  EXPECT_EQ(core.route(0x8010).left, 0xf0u);
}

TEST(RouterDecode, ARangeMayReachTheTopOfTheAddressSpace) {
  RouterConfig config = two_targets();
  config.targets[0].ranges = {{~0ull - 0xfff, 0x1000, 0}};
  const RouterCore core(config);
  EXPECT_EQ(core.route(~0ull).offset, 0xfffu);
}

TEST(RouterDecode, ImpossibleMapsAreRefused) {
  RouterConfig config = two_targets();
  config.targets[0].ranges = {{0x10ffff, 0x1000, 0}};
  EXPECT_THROW(RouterCore{config}, ConfigError);
  config.targets[0].ranges = {{0x1000, 0, 0}};
  EXPECT_THROW(RouterCore{config}, ConfigError);
  config.targets[0].ranges = {{~0ull - 0xfff, 0x1001, 0}};
  EXPECT_THROW(RouterCore{config}, ConfigError);
  config = two_targets();
  config.targets[0].bandwidth_gbytes_per_s = -1;
  EXPECT_THROW(RouterCore{config}, ConfigError);
  config = two_targets();
  config.targets[0].local_to = "nobody";
  EXPECT_THROW(RouterCore{config}, ConfigError);
  config = two_targets();
  config.hop_latency_ns = -1;
  EXPECT_THROW(RouterCore{config}, ConfigError);
}

TEST(RouterTiming, AFreePortCostsOneHopAndStreams) {
  RouterCore core(two_targets());
  const RouterCore::Slot slot = core.transfer(0, 1, 64, false, 5000, 0);
  EXPECT_EQ(slot.start, 15000u);
  EXPECT_EQ(slot.end, 17000u) << "64 bytes at 32 gbytes_per_s are 2 ns";
  const RouterCore::Slot rom = core.transfer(0, 0, 4096, false, 5000, 0);
  EXPECT_EQ(rom.end, rom.start) << "no bandwidth limit";
}

TEST(RouterTiming, InitiatorsShareAPortAndNothingElse) {
  RouterCore core(two_targets());
  EXPECT_EQ(core.transfer(0, 1, 320, true, 0, 0).end, 20000u);
  EXPECT_EQ(core.transfer(1, 1, 320, true, 5000, 0).start, 20000u);
  EXPECT_EQ(core.transfer(1, 0, 320, true, 5000, 0).start, 15000u);
}

TEST(RouterTiming, AnInitiatorThatRunsAheadDoesNotDelayOneThatIsBehind) {
  RouterCore core(two_targets());
  EXPECT_EQ(core.transfer(1, 1, 64, false, 900000, 0).start, 910000u);
  EXPECT_EQ(core.transfer(0, 1, 64, false, 0, 0).start, 10000u);
}

TEST(RouterTiming, SaturatedPortDeliversExactlyItsBandwidth) {
  RouterCore core(two_targets());
  TimePs end = 0;
  constexpr int kTransfers = 1000;
  for (int i = 0; i < kTransfers; ++i) end = std::max(end, core.transfer(i % 2, 1, 4096, false, 0, 0).end);
  const double expected = 32.0;
  const double measured = kTransfers * 4096.0 * 1e3 / static_cast<double>(end - 10000);
  printf("noc port bandwidth: expected %.3f gbytes_per_s, measured %.3f, deviation %.4f %%\n", expected,
         measured, 100 * (measured / expected - 1));
  EXPECT_NEAR(measured, expected, 1e-6 * expected);
}

TEST(RouterCounters, BytesAreCountedByInitiatorTargetAndDirection) {
  RouterCore core(two_targets());
  core.transfer(0, 0, 4, false, 0, 0);
  core.transfer(1, 1, 100, true, 0, 0);
  core.transfer(1, 1, 64, false, 0, 0);
  core.count_decode_error(0);
  std::vector<Stat> stats;
  StatSink sink(stats, "noc.");
  core.report(sink);
  std::map<std::string, std::uint64_t> counts;
  for (const Stat& stat : stats) {
    if (std::holds_alternative<std::uint64_t>(stat.value))
      counts[stat.name] = std::get<std::uint64_t>(stat.value);
    EXPECT_FALSE(stat.unit.empty());
  }
  EXPECT_EQ(counts.at("noc.hart.rom.bytes_read"), 4u);
  EXPECT_EQ(counts.at("noc.accel.hbm0.bytes_written"), 100u);
  EXPECT_EQ(counts.at("noc.accel.hbm0.bytes_read"), 64u);
  EXPECT_EQ(counts.at("noc.accel.hbm0.requests"), 2u);
  EXPECT_EQ(counts.at("noc.hart.decode_errors"), 1u);
  EXPECT_EQ(counts.count("noc.hart.hbm0.requests"), 0u);
}

}  // namespace
}  // namespace memwall::noc
