// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// In-order core: burst trains, counters, arrival order, and every command it issues under random stress.
#include <gtest/gtest.h>

#include "common/error.h"
#include "common/rng.h"
#include "hbm/core.h"
#include "ip/hbm/auditor.h"

namespace memwall::hbm {
namespace {

Preset preset() { return load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml"); }

/// Address of a place; unnamed fields are 0.
std::uint64_t address_of(const Preset& p, std::uint32_t channel, std::uint32_t group,
                         std::uint32_t bank_in_group, std::uint32_t row, std::uint32_t column = 0) {
  Location at;
  at.channel = channel;
  at.group = group;
  at.stack_id = group / p.organisation.bank_groups;
  at.bank = group * p.organisation.banks + bank_in_group;
  at.row = row;
  at.column = column;
  return p.map.encode(at);
}

TEST(HbmCore, ReadToClosedRowTakesActivatePlusReadLatencyPlusBurst) {
  const Preset p = preset();
  Core core(p);
  const auto done = core.access(0, 0, 32, false);
  EXPECT_EQ(done.done, static_cast<TimePs>(p.timing.nRCDRD + p.timing.nRL + p.timing.nBL) * p.timing.tCK_ps);
  EXPECT_EQ(done.first, done.done);
  EXPECT_EQ(core.counters(0).row_misses, 1u);
}

TEST(HbmCore, ReadToOpenRowTakesReadLatencyPlusBurst) {
  const Preset p = preset();
  Core core(p);
  core.access(0, 0, 32, false);
  const TimePs start = 200 * kPsPerNs;
  const auto done = core.access(start, address_of(p, 0, 0, 0, 0, 7), 32, false);
  EXPECT_EQ(done.done - start, static_cast<TimePs>(p.timing.nRL + p.timing.nBL) * p.timing.tCK_ps);
  EXPECT_EQ(core.counters(0).row_hits, 1u);
}

TEST(HbmCore, ReadToOtherRowOfOpenBankAddsPrecharge) {
  const Preset p = preset();
  Core core(p);
  core.access(0, 0, 32, false);
  const TimePs start = 200 * kPsPerNs;
  const auto done = core.access(start, address_of(p, 0, 0, 0, 1), 32, false);
  EXPECT_EQ(
      done.done - start,
      static_cast<TimePs>(p.timing.nRP + p.timing.nRCDRD + p.timing.nRL + p.timing.nBL) * p.timing.tCK_ps);
  EXPECT_EQ(core.counters(0).row_conflicts, 1u);
}

TEST(HbmCore, ArrivalBetweenClockEdgesWaitsForTheNextEdge) {
  const Preset p = preset();
  Core a(p);
  Core b(p);
  EXPECT_EQ(a.access(1, 0, 32, false).done, b.access(p.timing.tCK_ps, 0, 32, false).done);
}

TEST(HbmCore, UnalignedAccessMovesEveryBurstItTouches) {
  Core core(preset());
  core.access(0, 31, 2, false);   // two bursts
  core.access(0, 40, 1, true);    // one
  core.access(0, 64, 64, true);   // two
  core.access(0, 100, 0, false);  // none
  const Counters c = core.counters(0);
  EXPECT_EQ(c.port[0].read_bursts, 2u);
  EXPECT_EQ(c.port[0].read_bytes, 2u);
  EXPECT_EQ(c.port[0].write_bursts, 3u);
  EXPECT_EQ(c.port[0].write_bytes, 65u);
  EXPECT_EQ(c.commands.reads, 2u);
  EXPECT_EQ(c.commands.writes, 3u);
}

TEST(HbmCore, LastByteIsServedAndTheNextOneIsRefused) {
  const Preset p = preset();
  Core core(p);
  const std::uint64_t size = p.organisation.capacity_bytes;
  EXPECT_GT(core.access(0, size - 1, 1, false).done, 0u);
  EXPECT_THROW(core.access(0, size, 1, false), ModelError);
  EXPECT_THROW(core.access(0, size - 1, 2, false), ModelError);
  EXPECT_THROW(core.access(0, 8, ~std::uint64_t{0}, false), ModelError);
}

TEST(HbmCore, IdleTimeCostsRefreshesButNoWork) {
  const Preset p = preset();
  Core core(p);
  core.access(0, 0, 32, false);
  const TimePs hour = 3600 * 1000 * kPsPerMs;
  core.access(hour, 0, 32, false);
  const auto refi = static_cast<TimePs>(p.timing.nREFI) * p.timing.tCK_ps;
  const Counters c = core.counters(hour);
  EXPECT_EQ(c.commands.refreshes, hour / refi * p.organisation.pseudo_channels);
  EXPECT_EQ(c.row_misses, 2u);  // refresh closed the row
}

TEST(HbmCore, AccessDuringRefreshWaitsForItsEnd) {
  const Preset p = preset();
  Core core(p);
  const auto due = static_cast<TimePs>(p.timing.nREFI) * p.timing.tCK_ps;
  const auto done = core.access(due + 10 * p.timing.tCK_ps, 0, 32, false);
  EXPECT_EQ(done.done,
            due + static_cast<TimePs>(p.timing.nRFCab + p.timing.nRCDRD + p.timing.nRL + p.timing.nBL) *
                      p.timing.tCK_ps);
}

TEST(HbmCore, BaseDieAccessHasEqualTimingAndNoPhyEnergy) {
  const Preset p = preset();
  Core pins(p);
  Core base(p);
  const auto a = pins.access(0, 0, 4096, false, Port::kPins);
  const auto b = base.access(0, 0, 4096, false, Port::kBaseDie);
  EXPECT_EQ(a.done, b.done);
  EXPECT_DOUBLE_EQ(pins.counters(0).energy.phy_pj, 128 * p.energy.read_phy_pj);
  EXPECT_DOUBLE_EQ(base.counters(0).energy.phy_pj, 0.0);
  EXPECT_DOUBLE_EQ(pins.counters(0).energy.array_pj, base.counters(0).energy.array_pj);
  EXPECT_EQ(base.counters(0).port[1].read_bytes, 4096u);
}

TEST(HbmCore, InitiatorThatRanAheadDoesNotDelayAnEarlierOne) {
  const Preset p = preset();
  Core alone(p);
  const auto expected = alone.access(1 * kPsPerUs, 0, 4096, false);
  Core core(p);
  core.access(3 * kPsPerUs, 1 << 20, 4096, false);  // another row of the same banks, two microseconds later
  const auto got = core.access(1 * kPsPerUs, 0, 4096, false);
  EXPECT_EQ(got.done, expected.done);
  EXPECT_EQ(core.counters(0).late_bursts, 128u);
}

TEST(HbmCore, StreamBehindAnInitiatorThatRanAheadStillPaysForRefresh) {
  const Preset p = preset();
  const std::uint64_t bytes = 16 << 20;
  Core alone(p);
  const TimePs expected = alone.access(0, 0, bytes, false).done;
  Core core(p);
  for (std::uint32_t channel = 0; channel < 32; ++channel) {
    core.access(kPsPerMs, address_of(p, channel, 0, 0, 99), 32, false);
  }
  const TimePs got = core.access(0, 0, bytes, false).done;
  EXPECT_EQ(core.counters(0).late_bursts, bytes / 32);
  EXPECT_NEAR(static_cast<double>(got), static_cast<double>(expected), 0.03 * static_cast<double>(expected));
}

TEST(HbmCore, GapsSellDataBusTimeOnlyOnce) {
  const Preset p = preset();
  Core core(p);
  std::vector<std::pair<TimePs, TimePs>> bursts;
  Rng rng(1, "gaps");
  for (int i = 0; i < 4000; ++i) {
    const TimePs arrival = rng.below(3 * kPsPerUs);
    const std::uint64_t address =
        address_of(p, 3, static_cast<std::uint32_t>(rng.below(8)), static_cast<std::uint32_t>(rng.below(4)),
                   static_cast<std::uint32_t>(rng.below(2)));
    const auto done = core.access(arrival, address, 32, rng.below(2) != 0);
    bursts.emplace_back(done.done - static_cast<TimePs>(p.timing.nBL) * p.timing.tCK_ps, done.done);
    ASSERT_GT(bursts.back().first, arrival);
  }
  EXPECT_GT(core.counters(0).late_bursts, 10u);
  std::sort(bursts.begin(), bursts.end());
  for (std::size_t i = 1; i < bursts.size(); ++i) ASSERT_GE(bursts[i].first, bursts[i - 1].second) << i;
}

TEST(HbmCore, EqualCallSequencesGiveEqualAnswers) {
  const Preset p = preset();
  Core a(p);
  Core b(p);
  Rng rng(7, "equal");
  for (int i = 0; i < 2000; ++i) {
    const TimePs at = rng.below(10 * kPsPerUs);
    const std::uint64_t address = rng.below(p.organisation.capacity_bytes - 4096);
    const std::uint64_t bytes = 1 + rng.below(4096);
    const bool write = rng.below(2) != 0;
    ASSERT_EQ(a.access(at, address, bytes, write).done, b.access(at, address, bytes, write).done);
  }
}

class HbmCoreAudit : public testing::TestWithParam<int> {};

TEST_P(HbmCoreAudit, EveryCommandUnderRandomStressObeysTheConstraints) {
  const Preset p = preset();
  Core core(p);
  std::vector<CommandRecord> log;
  core.set_command_sink([&](const CommandRecord& record) { log.push_back(record); });
  Rng rng(GetParam(), "stress");
  TimePs now = 0;
  const int pattern = GetParam() % 4;
  const int requests = pattern == 2 ? 400 : 6000;
  for (int i = 0; i < requests; ++i) {
    // 0 saturating random, 1 with idle gaps, 2 trains, 3 few rows of two channels with direction changes
    if (pattern == 1) now += rng.below(8) == 0 ? rng.below(9 * kPsPerUs) : rng.below(20 * kPsPerNs);
    if (pattern == 2) now += rng.below(100 * kPsPerNs);
    if (pattern == 3) now += rng.below(10 * kPsPerNs);
    std::uint64_t address = rng.below(p.organisation.capacity_bytes / 32) * 32;
    std::uint64_t bytes = 32;
    if (pattern == 2) bytes = 1 + rng.below(16384), address = rng.below(1 << 24);
    if (pattern != 2) {
      const auto group = static_cast<std::uint32_t>(rng.below(8));
      address = address_of(p, static_cast<std::uint32_t>(rng.below(2)), group,
                           static_cast<std::uint32_t>(rng.below(4)),
                           static_cast<std::uint32_t>(rng.below(pattern == 3 ? 2 : 100)),
                           static_cast<std::uint32_t>(rng.below(32)));
    }
    core.access(now, address, bytes, rng.below(3) == 0);
  }
  const auto result = testing_support::audit(p, log);
  EXPECT_GT(result.commands, 3000u);
  for (const auto& violation : result.violations) ADD_FAILURE() << violation;
}

INSTANTIATE_TEST_SUITE_P(Seeds, HbmCoreAudit, testing::Range(0, 8));

TEST(HbmAuditor, SeesACommandThatIsOneCycleEarly) {
  const Preset p = preset();
  Core core(p);
  std::vector<CommandRecord> log;
  core.set_command_sink([&](const CommandRecord& record) { log.push_back(record); });
  for (int i = 0; i < 40; ++i) core.access(0, address_of(p, 0, i % 8, i / 8 % 4, i), 32, i % 3 == 0);
  ASSERT_TRUE(testing_support::audit(p, log).violations.empty());
  // Every second-or-later activate is tight against some rule here: pulling any command forward must be seen.
  unsigned seen = 0;
  unsigned moved = 0;
  for (std::size_t i = 0; i < log.size(); ++i) {
    if (log[i].command != Command::kActivate || log[i].at == 0) continue;
    auto early = log;
    --early[i].at;
    ++moved;
    if (!testing_support::audit(p, early).violations.empty()) ++seen;
  }
  EXPECT_GT(moved, 30u);
  EXPECT_EQ(seen, moved);
}

}  // namespace
}  // namespace memwall::hbm
