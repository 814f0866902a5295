// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Contents and status rules of the cube, without time.
#include <gtest/gtest.h>

#include <set>

#include "hbf_test_config.h"

namespace memwall::hbf {
namespace {
using namespace testing_support;

Completion read(Core& core, std::uint64_t address, std::uint64_t bytes = kPageBytes) {
  return core.access(0, address, bytes, false);
}
Completion write(Core& core, std::uint64_t address, std::uint64_t bytes = kPageBytes) {
  return core.access(0, address, bytes, true);
}

TEST(HbfCore, UnwrittenPageReadsAsErased) {
  Core core(small_cube());
  const Completion completion = read(core, page(5) + 64, 64);
  EXPECT_EQ(completion.code, code(ReadStatus::kErased));
  EXPECT_EQ(completion.fault_address, page(5) + 64);
}

TEST(HbfCore, PageBufferOfAnErasedPageIsForgottenWhenThePageIsProgrammed) {
  Core core(small_cube());
  EXPECT_EQ(read(core, page(0)).code, code(ReadStatus::kErased));
  EXPECT_TRUE(write(core, page(0)).ok());
  EXPECT_TRUE(read(core, page(0)).ok());
}

TEST(HbfCore, AccessPastTheCapacityIsRefusedWithoutASense) {
  Core core(small_cube());
  EXPECT_EQ(read(core, page(48), 64).code, code(ReadStatus::kOutOfRange));
  EXPECT_EQ(read(core, page(47), 2 * kPageBytes).code, code(ReadStatus::kOutOfRange));
  EXPECT_EQ(write(core, ~std::uint64_t{0} - 10).code, code(WriteStatus::kOutOfRange));
  EXPECT_EQ(core.counters().senses, 0u);
  EXPECT_EQ(core.counters().programs, 0u);
}

TEST(HbfCore, SixtyFourChunkReadsOfOnePageCostOneSense) {
  Core core = loaded(small_cube());
  for (unsigned i = 0; i < 64; ++i) EXPECT_TRUE(read(core, page(3) + 64 * i, 64).ok());
  EXPECT_EQ(core.counters().senses, 1u);
  EXPECT_EQ(core.counters().buffer_hits, 63u);
  EXPECT_EQ(core.counters().read_bytes, kPageBytes);
}

TEST(HbfCore, AlternatingReadsOfTwoPagesOfABankCostTwoSenses) {
  Core core = loaded(small_cube());
  for (int i = 0; i < 10; ++i) {
    read(core, page(0), 64);
    read(core, page(4), 64);
  }
  EXPECT_EQ(core.counters().senses, 2u);
  EXPECT_EQ(core.counters().evictions, 0u);
}

TEST(HbfCore, ThirdPageOfABankEvictsTheOldest) {
  Core core = loaded(small_cube());
  read(core, page(0), 64);
  read(core, page(4), 64);
  read(core, page(8), 64);  // evicts page 0
  EXPECT_EQ(core.counters().evictions, 1u);
  read(core, page(4), 64);
  EXPECT_EQ(core.counters().senses, 3u);
  read(core, page(0), 64);
  EXPECT_EQ(core.counters().senses, 4u);
}

TEST(HbfCore, ConsecutivePagesWalkChannelsThenPlanesThenPagesThenBlocks) {
  Core core(small_cube());
  // Pages 0 to 15 are the first row of blocks: block of page p holds p, p+4, p+8, p+12.
  for (std::uint64_t p : {0u, 1u, 2u, 3u, 7u, 15u}) {
    const Core::BlockPages pages = core.block_pages(page(p));
    EXPECT_EQ(pages.first, page(p % 4));
    EXPECT_EQ(pages.stride, page(4));
    EXPECT_EQ(pages.count, 4u);
  }
  EXPECT_EQ(core.block_pages(page(16)).first, page(16));
  EXPECT_EQ(core.block_pages(page(47)).first, page(35));
}

TEST(HbfCore, EveryPageBelongsToExactlyOneBlock) {
  Config config = small_cube();
  config.planes_per_die = 3;
  config.capacity_bytes = 70 * kPageBytes;  // the last row of blocks is only partly addressable
  Core core(config);
  std::multiset<std::uint64_t> seen;
  std::set<std::uint64_t> firsts;
  for (std::uint64_t p = 0; p < 70; ++p) firsts.insert(core.block_pages(page(p)).first);
  for (std::uint64_t first : firsts) {
    const Core::BlockPages pages = core.block_pages(first);
    for (std::uint64_t i = 0; i < pages.count; ++i)
      seen.insert(pages.first / kPageBytes + i * pages.stride / kPageBytes);
  }
  ASSERT_EQ(seen.size(), 70u);
  for (std::uint64_t p = 0; p < 70; ++p) EXPECT_EQ(seen.count(p), 1u) << p;
}

TEST(HbfCore, PagesOfABlockAreProgrammedInOrder) {
  Core core(small_cube());
  const Completion skipped = write(core, page(4));
  EXPECT_EQ(skipped.code, code(WriteStatus::kOrderViolation));
  EXPECT_EQ(skipped.info, 1);
  for (std::uint64_t p : {0u, 4u, 8u, 12u}) EXPECT_TRUE(write(core, page(p)).ok()) << p;
  EXPECT_EQ(core.counters().programs, 4u);
  EXPECT_EQ(core.counters().erases, 1u);
}

TEST(HbfCore, ProgrammedPageOtherThanTheFirstIsNotOverwritten) {
  Core core(small_cube());
  write(core, page(0));
  write(core, page(4));
  EXPECT_EQ(write(core, page(4)).code, code(WriteStatus::kOverlap));
  EXPECT_EQ(core.counters().refused_writes, 1u);
  EXPECT_TRUE(read(core, page(4)).ok());
}

TEST(HbfCore, WritingPageZeroErasesTheRestOfTheBlockOnly) {
  Core core = loaded(small_cube());
  EXPECT_TRUE(write(core, page(0)).ok());
  EXPECT_TRUE(read(core, page(0)).ok());
  for (std::uint64_t p : {4u, 8u, 12u}) EXPECT_EQ(read(core, page(p)).code, code(ReadStatus::kErased)) << p;
  for (std::uint64_t p : {1u, 2u, 3u, 5u, 16u}) EXPECT_TRUE(read(core, page(p)).ok()) << p;
}

TEST(HbfCore, EraseEmptiesThePageBuffersOfItsBlock) {
  Core core = loaded(small_cube());
  EXPECT_TRUE(read(core, page(4)).ok());
  EXPECT_TRUE(read(core, page(16)).ok());  // same bank, next block
  EXPECT_TRUE(write(core, page(0)).ok());
  EXPECT_EQ(read(core, page(4)).code, code(ReadStatus::kErased));
  const std::uint64_t senses = core.counters().senses;
  EXPECT_TRUE(read(core, page(16)).ok());
  EXPECT_EQ(core.counters().senses, senses);
}

TEST(HbfCore, SeveralBlocksCanBeOpenAndInterleaved) {
  Core core(small_cube());
  EXPECT_TRUE(write(core, 0, 16 * kPageBytes).ok());  // walks four blocks page by page
  EXPECT_EQ(core.counters().erases, 4u);
  EXPECT_EQ(core.counters().programs, 16u);
}

TEST(HbfCore, PartialPageWriteIsRefusedAndChangesNothing) {
  Core core(small_cube());
  EXPECT_EQ(write(core, page(0), 64).code, code(WriteStatus::kGatherTimeout));
  EXPECT_EQ(write(core, page(0) + 2048).code, code(WriteStatus::kGatherTimeout));
  EXPECT_EQ(core.counters().programs, 0u);
  EXPECT_FALSE(core.is_programmed(page(0)));
}

TEST(HbfCore, FailedProgramBlocksTheBlockUntilPageZeroIsReplayed) {
  Core core(small_cube());
  core.inject({page(4), FaultKind::kProgramFail, 0});
  EXPECT_TRUE(write(core, page(0)).ok());
  EXPECT_EQ(write(core, page(4)).code, code(WriteStatus::kProgramFailure));
  const Completion follower = write(core, page(8));
  EXPECT_EQ(follower.code, code(WriteStatus::kOrderViolation));
  EXPECT_EQ(follower.info, 2);
  EXPECT_EQ(read(core, page(4)).code, code(ReadStatus::kErased));
  for (std::uint64_t p : {0u, 4u, 8u, 12u}) EXPECT_TRUE(write(core, page(p)).ok()) << p;
}

TEST(HbfCore, CorrectedErrorsAreCountedAndDeliverData) {
  Core core = loaded(small_cube());
  core.inject({page(7) + 100, FaultKind::kCorrected, 0});
  EXPECT_TRUE(read(core, page(7)).ok());
  EXPECT_EQ(core.counters().corrected, 1u);
}

TEST(HbfCore, UncorrectablePageIsReportedOnEveryReadAndNamesThePage) {
  Core core = loaded(small_cube());
  core.inject({page(2), FaultKind::kUncorrectable, 0});
  const Completion completion = read(core, page(0), 4 * kPageBytes);
  EXPECT_EQ(completion.code, code(ReadStatus::kUncorrectable));
  EXPECT_EQ(completion.fault_address, page(2));
  EXPECT_EQ(read(core, page(2), 64).code, code(ReadStatus::kUncorrectable));
  EXPECT_EQ(core.counters().uncorrectable, 2u);
  EXPECT_TRUE(read(core, page(3)).ok());
  core.inject({page(2), FaultKind::kNone, 0});
  EXPECT_TRUE(read(core, page(2)).ok());
}

TEST(HbfCore, EraseHealsAPlantedReadFault) {
  Core core = loaded(small_cube());
  core.inject({page(0), FaultKind::kUncorrectable, 0});
  EXPECT_FALSE(read(core, page(0)).ok());
  EXPECT_TRUE(write(core, page(0)).ok());
  EXPECT_TRUE(read(core, page(0)).ok());
}

TEST(HbfCore, AutoModeRetriesByItself) {
  Core core = loaded(small_cube());
  core.inject({page(1), FaultKind::kRetry, 2});
  EXPECT_TRUE(read(core, page(1)).ok());
  EXPECT_EQ(core.counters().retried, 1u);
  EXPECT_EQ(core.counters().senses, 3u);
}

TEST(HbfCore, HostModeWalksTheStagesUntilThePageDecodes) {
  Core core = loaded(small_cube());
  core.inject({page(1), FaultKind::kRetry, 2});
  core.set_retry(Core::RetryMode::kHost, 0);
  Completion completion = read(core, page(1));
  EXPECT_EQ(completion.code, code(ReadStatus::kRetryWanted));
  EXPECT_EQ(completion.info, 1);
  core.set_retry(Core::RetryMode::kHost, 1);
  completion = read(core, page(1));
  EXPECT_EQ(completion.code, code(ReadStatus::kRetryWanted));
  EXPECT_EQ(completion.info, 2);
  core.set_retry(Core::RetryMode::kHost, 2);
  EXPECT_TRUE(read(core, page(1)).ok());
  EXPECT_EQ(core.counters().senses, 3u);
}

TEST(HbfCore, HostModeEndsUncorrectableAtTheLastStage) {
  Core core = loaded(small_cube());
  core.inject({page(1), FaultKind::kUncorrectable, 0});
  for (unsigned stage = 0; stage < 3; ++stage) {
    core.set_retry(Core::RetryMode::kHost, stage);
    EXPECT_EQ(read(core, page(1)).code, code(ReadStatus::kRetryWanted)) << stage;
  }
  core.set_retry(Core::RetryMode::kHost, 3);
  EXPECT_EQ(read(core, page(1)).code, code(ReadStatus::kUncorrectable));
}

TEST(HbfCore, RandomRetryIsWorkedOffByTheHost) {
  Config config = small_cube();
  config.retry_per_sense = 1.0;
  Core core = loaded(config);
  core.set_retry(Core::RetryMode::kHost, 0);
  Completion completion = read(core, page(1));
  unsigned rounds = 0;
  while (completion.code == code(ReadStatus::kRetryWanted) && ++rounds < 10) {
    core.set_retry(Core::RetryMode::kHost, completion.info);
    completion = read(core, page(1));
  }
  EXPECT_TRUE(completion.ok());
  EXPECT_GE(rounds, 1u);
  EXPECT_LE(rounds, 3u);
}

TEST(HbfCore, PageThatWantsARetryKeepsWantingItUntilTheHostRetries) {
  Config config = small_cube();
  config.retry_per_sense = 0.5;
  Core core = loaded(config);
  core.set_retry(Core::RetryMode::kHost, 0);
  std::uint64_t p = 0;
  while (read(core, page(p)).ok()) ASSERT_LT(++p, 48u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(read(core, page(p)).code, code(ReadStatus::kRetryWanted));
}

TEST(HbfCore, RandomOutcomesFollowTheirRatesAndTheSeed) {
  Config config = small_cube();
  config.corrected_per_sense = 0.2;
  config.retry_per_sense = 0.1;
  config.uncorrectable_per_sense = 0.05;
  const auto run = [&](std::uint64_t seed) {
    config.seed = seed;
    Core core = loaded(config);
    for (unsigned i = 0; i < 40000; ++i) read(core, page(i * 4 % 48), 64);  // bank 0, every read a sense
    return core.counters();
  };
  const Counters a = run(7);
  const Counters b = run(7);
  const Counters c = run(8);
  EXPECT_EQ(a.corrected, b.corrected);
  EXPECT_EQ(a.retried, b.retried);
  EXPECT_NE(a.retried * 1000003 + a.corrected, c.retried * 1000003 + c.corrected);
  EXPECT_NEAR(static_cast<double>(a.corrected), 8000, 400);  // five standard deviations
  EXPECT_NEAR(static_cast<double>(a.uncorrectable), 2000, 220);
  EXPECT_NEAR(static_cast<double>(a.retried), 4000 + 2000,
              375);  // uncorrectable pages go through the stages, too
}

TEST(HbfCore, EnergyIsChargedPerSensedAndProgrammedPageAndMovedBit) {
  Core core(small_cube());
  write(core, page(0));
  EXPECT_DOUBLE_EQ(core.energy_pj(), 32768 * (100 + 0.5));
  read(core, page(0), 64);
  EXPECT_DOUBLE_EQ(core.energy_pj(), 32768 * (100 + 0.5 + 5.6) + 512 * 0.5);
  read(core, page(0), 64);  // from the page buffer
  EXPECT_DOUBLE_EQ(core.energy_pj(), 32768 * (100 + 0.5 + 5.6) + 2 * 512 * 0.5);
}

}  // namespace
}  // namespace memwall::hbf
