// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Requirements 16 to 29: the read path. plan.toml says what each is.
#include "conformance/hbf/bench.h"

namespace memwall::hbf::conformance {
namespace {

// Pages 0, 4, 8 lie in lane 0, block row 0; page 1 in lane 1.
class Loaded : public Host {
 public:
  explicit Loaded(const Config& c = small()) : Host(c) {
    for (unsigned n = 0; n < 32; ++n) preload(n, n);
  }
};

TEST(Requirement16, TwoPagesOfABankStayResident) {
  Loaded h;
  for (unsigned i = 0; i < 20; ++i) EXPECT_EQ(h.read_now(dlu(i % 2 ? 4 : 0) + i * 64).status(), 0u);
  EXPECT_EQ(h.senses(), 2u);
}

TEST(Requirement17, AThirdPageEvictsTheFirst) {
  Loaded h;
  h.read_now(dlu(0));
  h.read_now(dlu(4));
  h.read_now(dlu(8));
  EXPECT_EQ(h.senses(), 3u);
  h.read_now(dlu(4));
  EXPECT_EQ(h.senses(), 3u) << "the second page is still there";
  h.read_now(dlu(0));
  EXPECT_EQ(h.senses(), 4u) << "the first is not";
  h.read_now(dlu(8));
  EXPECT_EQ(h.senses(), 4u) << "the second was the oldest, although it was read in between";
  h.read_now(dlu(4));
  EXPECT_EQ(h.senses(), 5u);
}

TEST(Requirement18, AHitIsServedWhileTheBankSenses) {
  Loaded h;
  h.read_now(dlu(0));
  const auto miss = h.read(dlu(4), 1, 1);
  h.run_for(ns(300));
  const TimePs start = h.now();
  const auto hit = h.read(dlu(0), 1, 2);
  h.wait_all({miss, hit});
  EXPECT_EQ(h.answers[hit].at - start, hit_read(h.cube.config(), 1));
  EXPECT_LT(h.answers[hit].at, h.answers[miss].at);
}

TEST(Requirement19, SensesOfABankStartInTheOrderOfArrivalAndBanksAreIndependent) {
  Loaded h;
  const TimePs start = h.now();
  std::vector<std::uint64_t> bank0, bank1;
  for (unsigned page : {8u, 0u, 12u, 4u}) bank0.push_back(h.read(dlu(page), 1, page));
  bank1.push_back(h.read(dlu(1), 1, 100));
  h.wait_all(bank0);
  h.wait_all(bank1);
  const Config& c = h.cube.config();
  for (unsigned i = 0; i < 4; ++i) {
    // The reads ride in one flit; each sense waits for the one before.
    EXPECT_EQ(h.answers[bank0[i]].at - start, cold_read(c, 1) + i * c.timing.tR) << i;
  }
  EXPECT_LT(h.answers[bank1[0]].at - start, cold_read(c, 1) + 2 * c.link.flit_time());
}

TEST(Requirement19, WhatWasCollectedIsSensedInTheOrderOfArrivalToo) {
  Loaded h;
  h.set_reg(Space::kMmio, mmio::kTmr + 4, timer_ns(3000));
  const Config& c = h.cube.config();
  const TimePs start = h.now();
  std::vector<std::uint64_t> reads;
  for (unsigned page : {8u, 0u, 12u, 4u}) reads.push_back(h.read(dlu(page), 1, page));
  h.wait_all(reads);
  for (unsigned i = 0; i < 4; ++i)
    EXPECT_EQ(h.answers[reads[i]].at - start, cold_read(c, 1) + ns(3000) + i * c.timing.tR) << i;
}

TEST(Requirement20, The64ChunksOfAPageCostOneSense) {
  Loaded h;
  const Bytes page = pattern(kPageBytes, 5);
  std::vector<std::uint64_t> reads;
  for (unsigned i = 0; i < 64; ++i) reads.push_back(h.read(dlu(5) + (i * 29 % 64) * 64, 1, i));
  h.wait_all(reads);
  EXPECT_EQ(h.senses(), 1u);
  // Also those that come while the page is sensed or decoded.
  const auto sensed = h.read(dlu(6), 1, 1);
  h.run_for(ns(500));
  const auto late = h.read(dlu(6) + 64, 1, 2);
  h.run_for(ns(550));
  const auto later = h.read(dlu(6) + 128, 1, 3);
  EXPECT_TRUE(h.answers.count(sensed) == 0);
  h.wait_all({sensed, late, later});
  EXPECT_EQ(h.senses(), 2u);
  for (unsigned i = 0; i < 64; ++i) {
    const unsigned chunk = i * 29 % 64;
    EXPECT_EQ(h.data(reads[i]), Bytes(page.begin() + chunk * 64, page.begin() + chunk * 64 + 64));
  }
}

TEST(Requirement21, ALoneRegularReadWaitsForTheAccumulateTimerAndNoLonger) {
  for (std::uint32_t timer : {0u, 100u, 5000u}) {
    Loaded h;
    h.set_reg(Space::kMmio, mmio::kTmr + 4, timer_ns(timer));
    const TimePs start = h.now();
    EXPECT_EQ(h.read_now(0).at - start, cold_read(h.cube.config(), 1) + ns(timer));
  }
}

TEST(Requirement21, LaterReadsDoNotMakeAReadWaitLongerAndTheTimerHasUnits) {
  Loaded h;
  h.set_reg(Space::kMmio, mmio::kTmr + 4, 3u << 8 | 1);  // 3 us
  const TimePs start = h.now();
  const auto first = h.read(dlu(0), 1, 1);
  h.run_for(us(2));
  const auto second = h.read(dlu(1), 1, 2);
  h.wait_all({first, second});
  EXPECT_EQ(h.answers[first].at - start, cold_read(h.cube.config(), 1) + us(3));
  EXPECT_LE(h.answers[second].at, h.answers[first].at + h.cube.config().link.flit_time());
}

TEST(Requirement22, ARunOfBatchReadsIsReleasedWithTheFirstRegularReadWithoutTheTimer) {
  for (auto batch : {Readings::Batch::kUntilRegular, Readings::Batch::kImmediate}) {
    Config c = small();
    c.readings.batch = batch;
    Loaded h(c);
    h.set_reg(Space::kMmio, mmio::kTmr + 4, timer_ns(50000));
    const TimePs start = h.now();
    std::vector<std::uint64_t> reads;
    for (unsigned lane = 0; lane < 3; ++lane)
      reads.push_back(h.read(dlu(lane), 1, lane, user::flash_read(true)));
    reads.push_back(h.read(dlu(3), 1, 3));
    h.wait_all(reads);
    for (std::uint64_t r : reads) {
      EXPECT_LE(h.answers[r].at - start, cold_read(c, 1) + 2 * c.link.flit_time()) << "no timer of 50 us";
    }
  }
}

TEST(Requirement22, ARunWithoutARegularReadWaitsForTheTimerOrIsReleasedAtOnceByTheSwitch) {
  for (auto batch : {Readings::Batch::kUntilRegular, Readings::Batch::kImmediate}) {
    Config c = small();
    c.readings.batch = batch;
    Loaded h(c);
    h.set_reg(Space::kMmio, mmio::kTmr + 4, timer_ns(7000));
    const TimePs start = h.now();
    const TimePs took = h.read_now(0, 1, user::flash_read(true)).at - start;
    EXPECT_EQ(took, cold_read(c, 1) + (batch == Readings::Batch::kUntilRegular ? ns(7000) : 0));
  }
}

TEST(Requirement22, TheSensesOfARunStartWithTheRegularReadThatEndsIt) {
  Loaded h;
  const Config& c = h.cube.config();
  h.read_now(dlu(6));  // in a buffer now
  h.set_reg(Space::kMmio, mmio::kTmr + 4, timer_ns(50000));
  for (bool hit : {false, true}) {
    const unsigned page = hit ? 8 : 0;
    std::vector<std::uint64_t> run;
    for (unsigned lane = 0; lane < 2; ++lane)
      run.push_back(h.read(dlu(page + lane), 1, lane, user::flash_read(true)));
    h.run_for(us(5));
    EXPECT_EQ(h.answers.count(run[0]), 0u) << "the run waits";
    const TimePs start = h.now();
    const auto regular = h.read(dlu(hit ? 6 : 3), 1, 9);
    h.wait_all(run);
    h.wait(regular);
    for (auto r : run) {
      EXPECT_GE(h.answers[r].at - start, cold_read(c, 1));
      EXPECT_LE(h.answers[r].at - start, cold_read(c, 1) + c.link.flit_time());
    }
    EXPECT_LE(h.answers[regular].at - start, (hit ? hit_read(c, 1) : cold_read(c, 1)) + c.link.flit_time());
  }
  // The run is over: the next regular read is collected as usual.
  const TimePs start = h.now();
  EXPECT_EQ(h.read_now(dlu(12)).at - start, cold_read(c, 1) + us(50));
}

TEST(Requirement22, WithoutATimerARunThatNobodyEndsWaitsForAMicrosecond) {
  Loaded h;
  ASSERT_EQ(h.reg(Space::kMmio, mmio::kTmr + 4) >> 8, 0u);
  const TimePs start = h.now();
  EXPECT_EQ(h.read_now(0, 1, user::flash_read(true)).at - start, cold_read(h.cube.config(), 1) + us(1));
}

TEST(Requirement23, TheBatchHintOnScratchpadReadsIsIgnored) {
  Host h;
  h.wait(h.write(0, pattern(64, 3), 1, user::scratchpad()));
  TimePs took[2];
  for (unsigned batch : {0u, 1u}) {
    const TimePs start = h.now();
    const auto user = static_cast<std::uint16_t>(user::scratchpad() | batch << 2);
    const Response& r = h.read_now(0, 1, user);
    took[batch] = r.at - start;
    EXPECT_EQ(r.status(), 0u);
    EXPECT_EQ(h.data(h.last), pattern(64, 3));
  }
  EXPECT_EQ(took[0], took[1]);
  // Nor does it open or end a run of the flash.
  h.preload(0, 1);
  h.preload(1, 1);
  h.set_reg(Space::kMmio, mmio::kTmr + 4, timer_ns(7000));
  const auto batch = h.read(0, 1, 2, static_cast<std::uint16_t>(user::scratchpad() | 4u));
  const TimePs start = h.now();
  EXPECT_EQ(h.read_now(0).at - start, cold_read(h.cube.config(), 1) + ns(7000));
  h.wait(batch);
}

TEST(Requirement24, BeyondTheCapacityAndInARetiredBlockReadsAnswer0x1) {
  Loaded h;
  EXPECT_EQ(h.read_now(h.cube.config().port_bytes()).status(), 0x1u);
  EXPECT_EQ(h.read_now(h.cube.config().port_bytes() - 64).status(), 0x7u);
  h.inject(0, FaultKind::kUnusable, 1, 1);
  EXPECT_EQ(h.read_now(0).status(), 0x8u);
  EXPECT_EQ(h.answers[h.last].info(), 1u);
  EXPECT_EQ(h.read_now(0).status(), 0x1u) << "retired from now on";
  EXPECT_EQ(h.answers[h.last].info(), 0u);
  EXPECT_EQ(h.data(h.last), all_ones(64));
  EXPECT_EQ(h.read_now(dlu(4)).status(), 0x1u) << "with every page of the block";
  EXPECT_EQ(h.read_now(dlu(1)).status(), 0u) << "and no other block of the row";
  EXPECT_EQ(h.read_now(dlu(16)).status(), 0u) << "or of the lane";
}

TEST(Requirement24, TheCapacityIsThatOfThePort) {
  Config c = small();
  c.ports_per_channel = 2;
  Host h(c);
  for (unsigned n = 0; n < 64; ++n) h.preload(n, n);
  for (unsigned port = 0; port < 2; ++port) {
    h.port = static_cast<std::uint8_t>(port);
    EXPECT_EQ(h.read_now(c.port_bytes() - 64).status(), 0x0u);
    EXPECT_EQ(h.read_now(c.port_bytes()).status(), 0x1u);
    EXPECT_EQ(h.read_now(c.channel_bytes()).status(), 0x1u);
  }
}

TEST(Requirement25, NeverWrittenPagesAnswer0x7AlsoAboveTheFrontierOfAnOpenBlock) {
  Host h;
  const Response& r = h.read_now(dlu(20));
  EXPECT_EQ(r.status(), 0x7u);
  EXPECT_EQ(r.info(), 0u);
  EXPECT_EQ(h.data(h.last), all_ones(64));
  h.program(0, 1);
  h.program(4, 2);  // page 1 of the same block
  EXPECT_EQ(h.read_now(dlu(4)).status(), 0u);
  EXPECT_EQ(h.read_now(dlu(8)).status(), 0x7u);
  EXPECT_EQ(h.read_now(dlu(12)).status(), 0x7u);
  EXPECT_EQ(h.read_now(dlu(12), 64).status(), 0x7u);
  EXPECT_EQ(h.answers[h.last].info(), 0u);
  EXPECT_EQ(h.data(h.last), all_ones(kPageBytes));
  EXPECT_EQ(h.senses(), 1u) << "only the page that is there";
}

TEST(Requirement26, ChunksOfAnOpenDluAreReadBackOrAnswered0xA) {
  Host h;
  const Bytes page = pattern(kPageBytes, 4);
  for (unsigned chunk : {0u, 7u, 63u})
    h.write(dlu(0) + chunk * 64, Bytes(page.begin() + chunk * 64, page.begin() + chunk * 64 + 64), chunk);
  h.run_for(ns(200));
  for (unsigned chunk : {0u, 1u, 7u, 62u, 63u}) {
    const bool received = chunk == 0 || chunk == 7 || chunk == 63;
    const Response& r = h.read_now(dlu(0) + chunk * 64);
    EXPECT_EQ(r.status(), received ? 0x0u : 0xAu) << chunk;
    EXPECT_EQ(r.info(), 0u);
    EXPECT_EQ(r.resp, received ? 0u : 2u);
    if (received) {
      EXPECT_EQ(h.data(h.last), Bytes(page.begin() + chunk * 64, page.begin() + chunk * 64 + 64));
    }
  }
  EXPECT_EQ(h.read_now(dlu(0), 64).status(), 0xAu) << "a burst that covers a missing chunk";
  EXPECT_EQ(h.senses(), 0u);
}

TEST(Requirement27, CorrectedErrorsGiveValidDataWith0x5UncorrectableOnesNone) {
  Loaded h;
  h.inject(0, FaultKind::kCorrectedHigh);
  h.read_now(0);
  EXPECT_EQ(h.answers[h.last].status(), 0x5u);
  EXPECT_EQ(h.answers[h.last].info(), 2u) << "block health";
  EXPECT_EQ(h.answers[h.last].resp, 0u);
  const Bytes page = pattern(kPageBytes, 0);
  EXPECT_EQ(h.data(h.last), Bytes(page.begin(), page.begin() + 64));
  h.inject(1, FaultKind::kUncorrectable);
  h.read_now(dlu(1));
  EXPECT_EQ(h.answers[h.last].status(), 0x4u);
  EXPECT_EQ(h.answers[h.last].info(), 2u);
  EXPECT_EQ(h.answers[h.last].resp, 2u);
  EXPECT_EQ(h.data(h.last), all_ones(64));
  h.inject(2, FaultKind::kReadCount);
  h.read_now(dlu(2));
  EXPECT_EQ(h.answers[h.last].status(), 0x5u);
  EXPECT_EQ(h.answers[h.last].info(), 1u) << "read count";
  h.inject(2, FaultKind::kUncorrectable);
  h.read_now(dlu(2 + 4));  // the buffer still has page 2 as it was
  h.read_now(dlu(2 + 8));
  h.read_now(dlu(2));
  EXPECT_EQ(h.answers[h.last].status(), 0x4u);
  EXPECT_EQ(h.answers[h.last].info(), 1u) << "uncorrectable, and read too often";
  EXPECT_EQ(h.data(h.last), all_ones(64));
}

TEST(Requirement27, CorrectionsBelowTheLimitAreNoHintAndAHitTellsWhatItsSenseTold) {
  Loaded h;
  h.inject(0, FaultKind::kCorrected);
  EXPECT_EQ(h.read_now(0).status(), 0x0u);
  EXPECT_EQ(h.cube.channel(0).media().counters().corrected, 1u);
  h.inject(1, FaultKind::kCorrectedHigh);
  for (unsigned chunk : {0u, 1u}) {
    const Response& r = h.read_now(dlu(1) + chunk * 64);
    EXPECT_EQ(r.status(), 0x5u);
    EXPECT_EQ(r.info(), 2u);
  }
  EXPECT_EQ(h.senses(), 2u);
  h.inject(2, FaultKind::kUncorrectable);
  for (unsigned i = 0; i < 2; ++i) EXPECT_EQ(h.read_now(dlu(2)).status(), 0x4u) << "not from a buffer";
  EXPECT_EQ(h.senses(), 2u + 2 * (1 + h.cube.config().reliability.retry_stages));
}

TEST(Requirement28, InHostModeAReadWalksThroughTheStagesItIsToldToAskFor) {
  Loaded h;
  h.set_feature(Feature::kRetryMode, 1);
  h.inject(0, FaultKind::kRetry, 2);
  EXPECT_EQ(h.read_now(0).status(), 0x6u);
  const unsigned first = h.answers[h.last].info();
  EXPECT_EQ(first, 1u);
  EXPECT_EQ(h.read_now(0, 1, user::flash_read(false, first)).status(), 0x6u);
  EXPECT_EQ(h.answers[h.last].info(), 2u);
  EXPECT_EQ(h.read_now(0, 1, user::flash_read(false, 2)).status(), 0x0u);
  const Bytes page = pattern(kPageBytes, 0);
  EXPECT_EQ(h.data(h.last), Bytes(page.begin(), page.begin() + 64));
  // Hopeless: ends in 0x4 after the last stage.
  h.inject(1, FaultKind::kUncorrectable);
  unsigned stage = 0, status = 0x6, tries = 0;
  while (status == 0x6 && tries++ < 10) {
    status = h.read_now(dlu(1), 1, user::flash_read(false, stage)).status();
    stage = h.answers[h.last].info();
  }
  EXPECT_EQ(status, 0x4u);
  EXPECT_EQ(tries, h.cube.config().reliability.retry_stages + 1);
}

TEST(Requirement28, InAutomaticModeTheBaseDieRetriesAndNeverAnswers0x6) {
  Loaded h;
  const Config& c = h.cube.config();
  for (unsigned stages = 1; stages <= c.reliability.retry_stages; ++stages) {
    h.inject(stages, FaultKind::kRetry, stages);
    const TimePs start = h.now();
    const Response& r = h.read_now(dlu(stages));
    EXPECT_EQ(r.status(), 0x0u);
    EXPECT_EQ(r.at - start, cold_read(c, 1) + stages * c.timing.tRETRY);
  }
  h.inject(5, FaultKind::kUncorrectable);
  EXPECT_EQ(h.read_now(dlu(5)).status(), 0x4u);
}

TEST(Requirement28, WhatWasDrawnForAPageStaysSoUntilItsRetriesHaveEnded) {
  Config c = small();
  c.reliability.extra_uncorrectable = 0.5;
  Loaded h(c);
  h.set_feature(Feature::kRetryMode, 1);
  unsigned good = 0, hopeless = 0, recovered = 0;
  std::map<std::uint64_t, bool> was_hopeless;
  for (unsigned i = 0; i < 120; ++i) {
    const std::uint64_t address = dlu(i % 3 * 4);
    unsigned status = h.read_now(address).status();
    const bool wanted = status == 0x6;
    for (unsigned stage = 1; status == 0x6 && stage < 8; ++stage)
      status = h.read_now(address, 1, user::flash_read(false, stage)).status();
    EXPECT_EQ(status, wanted ? 0x4u : 0x0u) << i;
    ++(wanted ? hopeless : good);
    if (!wanted && was_hopeless[address]) ++recovered;
    was_hopeless[address] = wanted;
  }
  EXPECT_GT(good, 10u);
  EXPECT_GT(hopeless, 10u);
  EXPECT_GT(recovered, 2u) << "the next read is drawn anew";
}

TEST(Requirement29, AReadCountPastTheThresholdGivesInfo1UntilPage0IsRewritten) {
  Loaded h;
  h.set_feature(Feature::kMaxReadThreshold, 6);
  unsigned first_hint = 0;
  for (unsigned i = 1; i <= 9; ++i) {
    const Response& r = h.read_now(dlu(i % 3 * 4));  // three pages of one bank: each read senses
    if (r.status() == 0x5 && r.info() == 1 && first_hint == 0) first_hint = i;
  }
  EXPECT_EQ(h.senses(), 9u);
  EXPECT_EQ(first_hint, 7u) << "the first sense past 6";
  for (unsigned n : {1u, 16u})
    EXPECT_EQ(h.read_now(dlu(n)).status(), 0u) << "other blocks have their own count";
  h.program(0, 77);
  h.read_now(dlu(0));
  EXPECT_EQ(h.answers[h.last].status(), 0u);
}

TEST(Requirement29, TheCountIsOfSensesAndIsReadByAFeature) {
  Loaded h;
  const auto reads = [&](std::uint64_t block) {
    h.set_feature(Feature::kBlockReads, block);
    return h.feature(Feature::kBlockReads);
  };
  for (unsigned i = 0; i < 9; ++i) h.read_now(dlu(i % 3 * 4));
  h.read_now(dlu(0) + 64);
  EXPECT_GE(h.cube.channel(0).counters().buffer_hits, 0u);
  EXPECT_EQ(reads(0), h.senses());
  EXPECT_EQ(reads(1), 0u);
  const std::uint64_t senses = h.senses();
  for (unsigned i = 0; i < 5; ++i) h.read_now(dlu(0) + i * 64);  // hits
  EXPECT_LE(h.senses(), senses + 1);
  EXPECT_EQ(reads(0), h.senses());
  h.inject(0, FaultKind::kReadCount);
  for (unsigned n : {4u, 8u}) h.read_now(dlu(n));
  EXPECT_EQ(h.read_now(0).status(), 0x5u);
  h.program(0, 1);
  EXPECT_EQ(reads(0), 0u);
  EXPECT_EQ(h.read_now(0).status(), 0x0u) << "a planted count goes too";
}

TEST(Requirement22, Bit2OfFlashReadsIsTheHintOrUndefinedByTheSwitch) {
  Config c = small();
  c.readings.batch_hint = Readings::BatchHint::kReserved;
  Loaded h(c);
  EXPECT_EQ(h.read_now(0, 1, user::flash_read(true)).status(), 0x3u);
  EXPECT_EQ(h.senses(), 0u);
  EXPECT_EQ(h.read_now(0).status(), 0x0u);
}

}  // namespace
}  // namespace memwall::hbf::conformance
