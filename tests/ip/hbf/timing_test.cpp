// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Every gate from both sides: not a picosecond before, and exactly then.
#include <gtest/gtest.h>

#include "hbf_test_config.h"

namespace memwall::hbf {
namespace {
using namespace testing_support;

// small_cube(): latency 10 ns each way, tR 1000 ns, ECC 100 ns, 1 ns per chunk.
constexpr TimePs kColdChunk = ns(10 + 1000 + 100 + 1 + 10);
constexpr TimePs kColdPage = ns(10 + 1000 + 100 + 64 + 10);

TEST(HbfTiming, ColdReadTakesLinkSenseDecodeTransferLink) {
  Core core = loaded(small_cube());
  EXPECT_EQ(core.access(ns(5), page(0), 64, false).done, ns(5) + kColdChunk);
  EXPECT_EQ(core.access(ns(5), page(1), kPageBytes, false).done, ns(5) + kColdPage);
}

TEST(HbfTiming, ReadIsChargedInWholeChunks) {
  Core core = loaded(small_cube());
  EXPECT_EQ(core.access(0, page(0) + 63, 1, false).done, kColdChunk);
  EXPECT_EQ(core.access(0, page(1) + 63, 2, false).done, kColdChunk + ns(1));
  EXPECT_EQ(core.counters().read_bytes, 3 * 64u);
}

TEST(HbfTiming, HitAfterTheSenseTakesLinkAndTransferOnly) {
  Core core = loaded(small_cube());
  core.access(0, page(0), 64, false);
  EXPECT_EQ(core.access(ns(5000), page(0) + 64, 64, false).done, ns(5000 + 10 + 1 + 10));
}

TEST(HbfTiming, HitDuringTheSenseWaitsForIt) {
  Core core = loaded(small_cube());
  const TimePs first = core.access(0, page(0), 64, false).done;
  EXPECT_EQ(core.access(ns(500), page(0) + 64, 64, false).done, first + ns(1));
}

TEST(HbfTiming, SensesOfOneBankFollowEachOtherAtTheSenseTime) {
  Core core = loaded(small_cube());
  const TimePs first = core.access(0, page(0), 64, false).done;
  EXPECT_EQ(core.access(0, page(4), 64, false).done, first + ns(1000));
  EXPECT_EQ(core.access(0, page(8), 64, false).done, first + ns(2000));
}

TEST(HbfTiming, BankIsFreeExactlyAtTheEndOfTheSense) {
  for (const std::uint64_t early : {0u, 1u}) {
    Core core = loaded(small_cube());
    core.access(ns(10), page(0), 64, false);  // senses from 20 ns to 1020 ns
    const TimePs arrival = ns(1010) - early;  // command at the bank `early` ps before the end
    EXPECT_EQ(core.access(arrival, page(4), 64, false).done, ns(1010) + kColdChunk);
  }
}

TEST(HbfTiming, DifferentBanksSenseAtTheSameTimeAndShareTheLink) {
  Core core = loaded(small_cube());
  EXPECT_EQ(core.access(0, page(0), kPageBytes, false).done, kColdPage);
  EXPECT_EQ(core.access(0, page(2), kPageBytes, false).done, kColdPage + ns(64));  // same channel
  EXPECT_EQ(core.access(0, page(1), kPageBytes, false).done, kColdPage);           // other channel
}

TEST(HbfTiming, HitOvertakesATransferThatWaitsForItsSense) {
  Core core = loaded(small_cube());
  core.access(0, page(2), kPageBytes, false);
  core.access(ns(3000), page(0), kPageBytes, false);  // same channel, still sensing at 3100 ns
  EXPECT_EQ(core.access(ns(3100), page(2), 64, false).done, ns(3100 + 10 + 1 + 10));
}

TEST(HbfTiming, SenseWaitsUntilItsPageBufferWasSent) {
  Config config = small_cube();
  config.link_gbytes_per_s = 1.024;  // a page takes 4000 ns on the link
  config.read_gbytes_per_s = 1;
  Core core = loaded(config);
  // Page 0 is sensed at 1010, decoded at 1110 and leaves its buffer at 5110; only then page 8 is sensed into
  // it.
  core.access(0, page(0), kPageBytes, false);
  core.access(0, page(4), 64, false);
  EXPECT_EQ(core.access(0, page(8), 64, false).done, ns(5110 + 1000 + 100) + 62500 + ns(10));
}

TEST(HbfTiming, EveryAutomaticRetryStageAddsItsTimeToReadAndBank) {
  Core core = loaded(small_cube());
  core.inject({page(0), FaultKind::kRetry, 2});
  const TimePs retried = core.access(0, page(0), 64, false).done;
  EXPECT_EQ(retried, kColdChunk + ns(2 * 1100));
  EXPECT_EQ(core.access(0, page(4), 64, false).done, retried + ns(1000));
}

TEST(HbfTiming, UncorrectablePageCostsAllStages) {
  Core core = loaded(small_cube());
  core.inject({page(0), FaultKind::kUncorrectable, 0});
  EXPECT_EQ(core.access(0, page(0), 64, false).done, kColdChunk + ns(3 * 1100));
}

TEST(HbfTiming, HostRetryStageTakesTheRetryTimeInsteadOfTheSenseTime) {
  Core core = loaded(small_cube());
  core.inject({page(0), FaultKind::kRetry, 1});
  core.set_retry(Core::RetryMode::kHost, 0);
  EXPECT_EQ(core.access(0, page(0), 64, false).done, kColdChunk);
  core.set_retry(Core::RetryMode::kHost, 1);
  EXPECT_EQ(core.access(ns(9000), page(0), 64, false).done, ns(9000 + 100) + kColdChunk);
}

TEST(HbfTiming, WriteAnswersAfterEraseAndProgram) {
  Core core(small_cube());
  const TimePs first = core.access(0, page(0), kPageBytes, true).done;
  EXPECT_EQ(first, ns(64 + 10 + 2000000 + 75000 + 10));
  EXPECT_EQ(core.access(first, page(4), kPageBytes, true).done, first + ns(64 + 10 + 75000 + 10));
}

TEST(HbfTiming, ReadWaitsForTheProgramOfItsBankOnly) {
  Core core = loaded(small_cube());
  const TimePs written = core.access(0, page(0), kPageBytes, true).done;
  EXPECT_EQ(core.access(0, page(16), 64, false).done, written - ns(10) + ns(1000 + 100 + 1 + 10));
  EXPECT_EQ(core.access(0, page(1), 64, false).done, kColdChunk);
}

TEST(HbfTiming, ProgramsOfOneBankFollowEachOther) {
  Core core(small_cube());
  const TimePs first = core.access(0, page(0), kPageBytes, true).done;
  EXPECT_EQ(core.access(0, page(16), kPageBytes, true).done,
            first + ns(2000000 + 75000));                            // same bank, next block
  EXPECT_EQ(core.access(0, page(1), kPageBytes, true).done, first);  // another channel
}

TEST(HbfTiming, WritesAndReadsUseTheirOwnDirectionOfTheLink) {
  Core core = loaded(small_cube());
  core.access(ns(1000), page(0), kPageBytes, true);  // on the link from 1000 to 1064 ns
  EXPECT_EQ(core.access(0, page(2), kPageBytes, false).done, kColdPage);
}

TEST(HbfTiming, RefusedAccessCostsTheRoundTripOnly) {
  Core core(small_cube());
  EXPECT_EQ(core.access(ns(7), page(48), 64, false).done, ns(27));
  EXPECT_EQ(core.access(ns(7), page(4), kPageBytes, true).done, ns(27));
}

}  // namespace
}  // namespace memwall::hbf
