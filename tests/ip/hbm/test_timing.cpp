// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Each gate from both sides: one cycle before its time a command is held back, at its time it goes.
#include <gtest/gtest.h>

#include <fstream>

#include "common/rng.h"
#include "hbm/core.h"
#include "hbm/queued_channel.h"
#include "hbm/trace_tool.h"
#include "ip/hbm/auditor.h"

namespace memwall::hbm {
namespace {

class HbmGates : public testing::Test {
 protected:
  HbmGates()
      : p(load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml")), t(p.timing), gates(p, 0) {}

  /// `group` counts over stack ids.
  Location at(std::uint32_t group, std::uint32_t bank, std::uint32_t row = 1) const {
    Location l;
    l.group = group;
    l.stack_id = group / p.organisation.bank_groups;
    l.bank = group * p.organisation.banks + bank;
    l.row = row;
    return l;
  }
  /// Opens a row and lets every gate of that activate pass.
  void open(const Location& l) {
    start += 200;
    gates.activate(l, start);
    start += 200;
  }

  // `open_at` is when the command must be allowed, asked one cycle before, at that cycle, and one after.
  void expect_column(const Location& l, bool write, Cycle open_at) {
    EXPECT_EQ(gates.column_ready(l, write, open_at - 1), open_at);
    EXPECT_EQ(gates.column_ready(l, write, open_at), open_at);
    EXPECT_EQ(gates.column_ready(l, write, open_at + 1), open_at + 1);
  }
  void expect_activate(const Location& l, Cycle open_at) {
    EXPECT_EQ(gates.activate_ready(l, open_at - 1), open_at);
    EXPECT_EQ(gates.activate_ready(l, open_at), open_at);
    EXPECT_EQ(gates.activate_ready(l, open_at + 1), open_at + 1);
  }
  void expect_precharge(const Location& l, Cycle open_at) {
    EXPECT_EQ(gates.precharge_ready(l, open_at - 1), open_at);
    EXPECT_EQ(gates.precharge_ready(l, open_at), open_at);
    EXPECT_EQ(gates.precharge_ready(l, open_at + 1), open_at + 1);
  }

  Preset p;
  Timing t;
  Gates gates;
  Cycle start = 0;
};

TEST_F(HbmGates, ReadWaitsForTrcdRdAfterActivate) {
  gates.activate(at(0, 0), 100);
  expect_column(at(0, 0), false, 100 + t.nRCDRD);
}
TEST_F(HbmGates, WriteWaitsForTrcdWrAfterActivate) {
  gates.activate(at(0, 0), 100);
  expect_column(at(0, 0), true, 100 + t.nRCDWR);
}
TEST_F(HbmGates, PrechargeWaitsForTrasAfterActivate) {
  gates.activate(at(0, 0), 100);
  expect_precharge(at(0, 0), 100 + t.nRAS);
}
TEST_F(HbmGates, ActivateWaitsForTrcAfterActivateOfTheSameBank) {
  gates.activate(at(0, 0), 100);
  gates.precharge(at(0, 0), 100 + t.nRAS);
  ASSERT_GT(t.nRC, t.nRAS + t.nRP) << "the preset hides tRC behind tRAS + tRP";
  expect_activate(at(0, 0, 2), 100 + t.nRC);
}
TEST_F(HbmGates, ActivateWaitsForTrpAfterPrecharge) {
  gates.activate(at(0, 0), 100);
  gates.precharge(at(0, 0), 300);
  expect_activate(at(0, 0, 2), 300 + t.nRP);
}
TEST_F(HbmGates, ActivatesOfDifferentBankGroupsKeepTrrdS) {
  gates.activate(at(0, 0), 100);
  expect_activate(at(1, 0), 100 + t.nRRDS);
}
TEST_F(HbmGates, ActivatesOfOneBankGroupKeepTrrdL) {
  gates.activate(at(0, 0), 100);
  expect_activate(at(0, 1), 100 + t.nRRDL);
}
TEST_F(HbmGates, FifthActivateWaitsForTfaw) {
  for (std::uint32_t i = 0; i < 4; ++i) gates.activate(at(i, 0), 100 + i * t.nRRDS);
  expect_activate(at(4, 0), 100 + t.nFAW);
}
TEST_F(HbmGates, ReadsOfDifferentBankGroupsKeepTccdS) {
  open(at(0, 0));
  open(at(1, 0));
  gates.column(at(0, 0), false, start);
  expect_column(at(1, 0), false, start + t.nCCDS);
}
TEST_F(HbmGates, ReadsOfOneBankGroupKeepTccdL) {
  open(at(0, 0));
  open(at(0, 1));
  gates.column(at(0, 0), false, start);
  expect_column(at(0, 1), false, start + t.nCCDL);
}
TEST_F(HbmGates, ReadsOfDifferentStackIdsKeepTccdR) {
  open(at(0, 0));
  open(at(4, 0));
  gates.column(at(0, 0), false, start);
  expect_column(at(4, 0), false, start + t.nCCDR);
}
TEST_F(HbmGates, WritesKeepTccdSLAndR) {
  open(at(0, 0));
  open(at(0, 1));
  open(at(1, 0));
  open(at(4, 0));
  gates.column(at(0, 0), true, start);
  expect_column(at(0, 1), true, start + t.nCCDL);
  expect_column(at(1, 0), true, start + t.nCCDS);
  expect_column(at(4, 0), true, start + t.nCCDR);
}
TEST_F(HbmGates, ReadAfterWriteOfAnotherBankGroupWaitsForTwtrS) {
  open(at(0, 0));
  open(at(1, 0));
  gates.column(at(0, 0), true, start);
  expect_column(at(1, 0), false, start + t.nWL + t.nBL + t.nWTRS);
}
TEST_F(HbmGates, ReadAfterWriteOfTheSameBankGroupWaitsForTwtrL) {
  open(at(0, 0));
  open(at(0, 1));
  gates.column(at(0, 0), true, start);
  expect_column(at(0, 1), false, start + t.nWL + t.nBL + t.nWTRL);
}
TEST_F(HbmGates, WriteAfterReadWaitsForTrtw) {
  open(at(0, 0));
  open(at(1, 0));
  gates.column(at(0, 0), false, start);
  expect_column(at(1, 0), true, start + t.nRTW);
}
TEST_F(HbmGates, PrechargeAfterReadWaitsForTrtp) {
  open(at(0, 0));
  gates.column(at(0, 0), false, start);
  expect_precharge(at(0, 0), start + t.nRTP);
}
TEST_F(HbmGates, PrechargeAfterWriteWaitsForWriteRecovery) {
  open(at(0, 0));
  gates.column(at(0, 0), true, start);
  expect_precharge(at(0, 0), start + t.nWL + t.nBL + t.nWR);
}
TEST_F(HbmGates, RefreshOfAClosedStackIsIssuedWhenDue) {
  EXPECT_EQ(gates.refresh_due(), t.nREFI);
  EXPECT_EQ(gates.refresh(), t.nREFI);
  EXPECT_EQ(gates.refresh_due(), 2 * t.nREFI);
  expect_activate(at(0, 0), t.nREFI + t.nRFCab);
}
TEST_F(HbmGates, RefreshClosesOpenRowsFirst) {
  gates.activate(at(0, 0), t.nREFI - 10);
  const Cycle refresh = gates.refresh();
  EXPECT_EQ(refresh, t.nREFI - 10 + t.nRC);  // PREab at tRAS, then tRP, but never before tRC
  EXPECT_FALSE(gates.any_row_open(at(0, 0)));
  EXPECT_EQ(gates.counts().precharge_alls, 1u);
}
TEST_F(HbmGates, OneRowCommandPerCycle) {
  open(at(0, 0));
  gates.activate(at(1, 0), start);
  EXPECT_EQ(gates.precharge_ready(at(0, 0), start), start + 1);
  EXPECT_EQ(gates.precharge_ready(at(0, 0), start - 1), start - 1);
}

// FR-FCFS channel

class HbmQueues : public HbmGates {
 protected:
  Request request(std::uint64_t id, Cycle arrival, const Location& l, bool write) {
    return {id, arrival, l, write};
  }
  std::vector<Served> served;
};

TEST_F(HbmQueues, RowHitOvertakesAnOlderConflict) {
  QueuedChannel channel(p, 0);
  channel.push(request(0, 0, at(0, 0, 1), false), served);
  channel.push(request(1, 0, at(0, 0, 2), false), served);
  channel.push(request(2, 0, at(0, 0, 1), false), served);
  channel.drain(served);
  ASSERT_EQ(served.size(), 3u);
  EXPECT_EQ(served[0].id, 0u);
  EXPECT_EQ(served[1].id, 2u);
  EXPECT_EQ(served[2].id, 1u);
  EXPECT_EQ(channel.row_hits(), 1u);
  EXPECT_EQ(channel.row_misses(), 1u);
  EXPECT_EQ(channel.row_conflicts(), 1u);
}

TEST_F(HbmQueues, WritesWaitUntilTheHighWatermark) {
  QueuedChannel channel(p, 0);
  const std::uint32_t high = p.controller.drain_high;
  // Reads keep coming; writes are pushed one by one. Reads of one row, writes of another bank.
  std::uint64_t id = 0;
  Cycle now = 0;
  std::uint32_t writes = 0;
  bool write_served = false;
  for (; writes < high; ++writes) {
    while (!channel.full(false)) {
      Location l = at(0, 0);
      l.column = static_cast<std::uint32_t>(id % 32);
      channel.push(request(id++, now, l, false), served);
    }
    Location l = at(1, 0);
    l.column = writes;
    channel.push(request(1000 + writes, now, l, true), served);
    now += 8;
    channel.run_until(now, served);
    for (const Served& s : served) write_served = write_served || s.is_write;
    if (writes + 1 < high) {
      ASSERT_FALSE(write_served) << "drained at " << writes + 1 << " writes";
    }
  }
  for (int i = 0; i < 100; ++i) {
    channel.run_until(now += 8, served);
    if (!channel.full(false)) channel.push(request(id++, now, at(0, 0), false), served);
  }
  const auto drained =
      std::count_if(served.begin(), served.end(), [](const Served& s) { return s.is_write; });
  EXPECT_EQ(drained, high - p.controller.drain_low);
}

TEST_F(HbmQueues, ReadOfAQueuedWriteIsAnsweredFromTheQueue) {
  QueuedChannel channel(p, 0);
  channel.push(request(0, 5, at(0, 0), true), served);
  channel.push(request(1, 5, at(0, 0), false), served);
  ASSERT_EQ(served.size(), 1u);
  EXPECT_EQ(served[0].id, 1u);
  EXPECT_EQ(served[0].done, 6);
  EXPECT_EQ(channel.forwarded(), 1u);
}

TEST_F(HbmQueues, FullQueueHasSpaceOnceAColumnCommandWentOut) {
  QueuedChannel channel(p, 0);
  for (std::uint32_t i = 0; i < p.controller.read_queue; ++i) {
    Location l = at(0, 0);
    l.column = i;
    channel.push(request(i, 0, l, false), served);
  }
  EXPECT_TRUE(channel.full(false));
  EXPECT_FALSE(channel.full(true));
  channel.run_until(t.nRCDRD, served);
  EXPECT_TRUE(channel.full(false));  // the first read goes out at tRCDRD
  EXPECT_EQ(channel.run_until_space(false, served), t.nRCDRD + 1);
  EXPECT_FALSE(channel.full(false));
}

TEST_F(HbmQueues, StarvedRequestIsServedAgainstAStreamOfHits) {
  p.controller.starvation_nck = 500;
  QueuedChannel channel(p, 0);
  channel.push(request(0, 0, at(0, 0, 1), false), served);
  channel.push(request(1, 0, at(0, 0, 2), false), served);  // conflicts with the stream
  Cycle now = 0;
  Cycle done = 0;
  for (std::uint64_t id = 2; id < 2000 && done == 0; ++id) {
    channel.run_until(++now, served);
    if (!channel.full(false)) channel.push(request(id, now, at(0, 0, 1), false), served);
    for (const Served& s : served) {
      if (s.id == 1) done = s.done;
    }
    served.clear();
  }
  EXPECT_GT(done, 500);
  EXPECT_LT(done, 500 + 3 * t.nRC);
}

class HbmQueueAudit : public HbmQueues, public testing::WithParamInterface<int> {};

TEST_P(HbmQueueAudit, EveryCommandUnderRandomStressObeysTheConstraints) {
  QueuedChannel channel(p, 0);
  std::vector<CommandRecord> log;
  const CommandSink sink = [&](const CommandRecord& record) { log.push_back(record); };
  channel.set_command_sink(&sink);
  Rng rng(GetParam(), "queues");
  Cycle now = 0;
  constexpr int kRequests = 8000;
  const std::uint64_t rows = GetParam() % 2 == 0 ? 2 : 1000;
  const std::uint64_t gap = GetParam() % 3 == 0 ? 1 : GetParam() % 3 == 1 ? 40 : 12;
  for (int i = 0; i < kRequests; ++i) {
    now += static_cast<Cycle>(rng.below(gap));
    if (rng.below(500) == 0) now += static_cast<Cycle>(rng.below(30000));
    const bool write = rng.below(5) < 2;
    channel.run_until(now, served);
    if (channel.full(write)) {
      now = std::max(now, channel.run_until_space(write, served));
      channel.run_until(now, served);
    }
    Location l = at(static_cast<std::uint32_t>(rng.below(8)), static_cast<std::uint32_t>(rng.below(4)),
                    static_cast<std::uint32_t>(rng.below(rows)));
    l.column = static_cast<std::uint32_t>(rng.below(32));
    channel.push(request(i, now, l, write), served);
  }
  channel.drain(served);
  EXPECT_EQ(served.size(), static_cast<std::size_t>(kRequests));
  const auto result = testing_support::audit(p, log);
  for (const auto& violation : result.violations) ADD_FAILURE() << violation;
}

/// The preset with every timing drawn anew, as long as the loader would accept it.
Preset random_timings(Rng& rng, Preset p) {
  const auto draw = [&](Cycle low, Cycle high) {
    return low + static_cast<Cycle>(rng.below(static_cast<std::uint64_t>(high - low + 1)));
  };
  Timing& t = p.timing;
  t.nBL = draw(1, 4);
  t.nRL = draw(3, 40);
  t.nWL = draw(1, 30);
  t.nRCDRD = draw(1, 40);
  t.nRCDWR = draw(1, 40);
  t.nRP = draw(1, 40);
  t.nRAS = draw(t.nRCDRD, 80);
  t.nRC = t.nRAS + t.nRP + draw(0, 10);
  t.nCCDS = draw(t.nBL, 6);
  t.nCCDL = draw(t.nCCDS, 9);
  t.nCCDR = draw(t.nCCDS, 12);
  t.nRRDS = draw(1, 8);
  t.nRRDL = draw(t.nRRDS, 12);
  t.nFAW = draw(t.nRRDS, 60);
  t.nWR = draw(1, 50);
  t.nRTP = draw(1, 20);
  t.nWTRS = draw(1, 12);
  t.nWTRL = draw(t.nWTRS, 20);
  t.nRTW = std::max<Cycle>(1, t.nRL + t.nBL - t.nWL) + draw(0, 10);
  t.nRFCab = draw(1, 600);
  t.nREFI = t.nRFCab + 2 * t.nRC + t.nWL + t.nBL + t.nWR + draw(1, 5000);
  return p;
}

TEST_P(HbmQueueAudit, AnyLegalSetOfTimingsIsObeyedByBothSchedulers) {
  Rng rng(GetParam(), "timings");
  for (int round = 0; round < 10; ++round) {
    p = random_timings(rng, p);
    std::vector<CommandRecord> log;
    const CommandSink sink = [&](const CommandRecord& record) { log.push_back(record); };
    QueuedChannel channel(p, 0);
    channel.set_command_sink(&sink);
    std::vector<CommandRecord> core_log;
    Core core(p);
    core.set_command_sink([&](const CommandRecord& record) { core_log.push_back(record); });
    Cycle now = 0;
    for (int i = 0; i < 1500; ++i) {
      if (rng.below(4) == 0) now += static_cast<Cycle>(rng.below(i % 100 == 0 ? 20000 : 60));
      Location l = at(static_cast<std::uint32_t>(rng.below(8)), static_cast<std::uint32_t>(rng.below(4)),
                      static_cast<std::uint32_t>(rng.below(3)));
      l.column = static_cast<std::uint32_t>(rng.below(32));
      const bool write = rng.below(5) < 2;
      core.access(static_cast<TimePs>(now) * p.timing.tCK_ps, p.map.encode(l), 32, write);
      channel.run_until(now, served);
      if (channel.full(write)) {
        now = std::max(now, channel.run_until_space(write, served));
        channel.run_until(now, served);
      }
      channel.push(request(static_cast<std::uint64_t>(i), now, l, write), served);
    }
    channel.drain(served);
    for (const auto& violation : testing_support::audit(p, log).violations)
      ADD_FAILURE() << "queued: " << violation;
    for (const auto& violation : testing_support::audit(p, core_log).violations)
      ADD_FAILURE() << "core: " << violation;
  }
}

TEST_F(HbmQueues, AuditorNoticesASchedulerThatUsesAnyTimingOneCycleShort) {
  const struct {
    const char* name;
    Cycle Timing::*value;
  } timings[] = {
      {"tRCDRD", &Timing::nRCDRD}, {"tRCDWR", &Timing::nRCDWR}, {"tRP", &Timing::nRP},
      {"tRAS", &Timing::nRAS},     {"tRC", &Timing::nRC},       {"tCCDS", &Timing::nCCDS},
      {"tCCDL", &Timing::nCCDL},   {"tCCDR", &Timing::nCCDR},   {"tRRDS", &Timing::nRRDS},
      {"tRRDL", &Timing::nRRDL},   {"tFAW", &Timing::nFAW},     {"tWR", &Timing::nWR},
      {"tRTP", &Timing::nRTP},     {"tWTRS", &Timing::nWTRS},   {"tWTRL", &Timing::nWTRL},
      {"tRTW", &Timing::nRTW},     {"tREFI", &Timing::nREFI},   {"tRFCab", &Timing::nRFCab},
      {"none", nullptr},
  };
  for (const auto& timing : timings) {
    Preset wrong = p;
    if (timing.value != nullptr) --(wrong.timing.*timing.value);
    QueuedChannel channel(wrong, 0);
    std::vector<CommandRecord> log;
    const CommandSink sink = [&](const CommandRecord& record) { log.push_back(record); };
    channel.set_command_sink(&sink);
    Rng rng(1, "short");
    Cycle now = 0;
    for (std::uint64_t i = 0; i < 20000; ++i) {
      // Phases of little and of much locality, sparse and dense, so that every rule is the tightest one
      // somewhere.
      const std::uint64_t phase = i / 500 % 4;
      if (phase == 1) now += static_cast<Cycle>(rng.below(60));
      Location l = at(static_cast<std::uint32_t>(rng.below(phase == 2 ? 1 : 8)),
                      static_cast<std::uint32_t>(rng.below(phase == 2 ? 2 : 4)),
                      static_cast<std::uint32_t>(rng.below(phase == 0 ? 1000 : 2)));
      l.column = static_cast<std::uint32_t>(rng.below(32));
      const bool write = rng.below(5) < 2;
      channel.run_until(now, served);
      if (channel.full(write)) {
        now = std::max(now, channel.run_until_space(write, served));
        channel.run_until(now, served);
      }
      channel.push(request(i, now, l, write), served);
    }
    channel.drain(served);
    EXPECT_EQ(testing_support::audit(p, log).violations.empty(), timing.value == nullptr) << timing.name;
  }
}

TEST_F(HbmQueues, ATraceOverTheWholeStackObeysTheConstraints) {
  const std::string path = testing::TempDir() + "hbm_stack.trace";
  {
    std::ofstream out(path);
    Rng rng(4, "trace");
    for (int i = 0; i < 20000; ++i) {
      // Half sequential, half anywhere.
      const std::uint64_t address = i % 2 == 0 ? static_cast<std::uint64_t>(i) * 16
                                               : rng.below(p.organisation.capacity_bytes / 32) * 32;
      out << (rng.below(3) == 0 ? "W 0x" : "R 0x") << std::hex << address << std::dec << "\n";
    }
  }
  std::vector<CommandRecord> log;
  const TraceResult result = run_trace({MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml", path, {}},
                                       [&](const CommandRecord& record) { log.push_back(record); });
  EXPECT_EQ(result.reads + result.writes, 20000u);
  EXPECT_EQ(result.row_hits + result.row_misses + result.row_conflicts + result.forwarded, 20000u);
  for (const auto& violation : testing_support::audit(p, log).violations) ADD_FAILURE() << violation;
}

INSTANTIATE_TEST_SUITE_P(Seeds, HbmQueueAudit, testing::Range(0, 6));

}  // namespace
}  // namespace memwall::hbm
