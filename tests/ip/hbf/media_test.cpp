// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/media.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <vector>

#include "common/error.h"
#include "ip/hbf/hbf_test_config.h"

namespace memwall::hbf {
namespace {

using testing_support::small_cube;

constexpr TimePs kSecond = 1000 * kPsPerMs;
constexpr TimePs kHour = 3600 * kSecond;

// DLU of a small cube's channel: lane + 2 x page + 8 x row.
std::uint64_t dlu(unsigned lane, unsigned row, unsigned page) { return lane + 2 * page + 8 * row; }

std::vector<std::uint8_t> contents_of(std::uint8_t value) {
  return std::vector<std::uint8_t>(kPageBytes, value);
}

/// Accepts and programs one page; the verdict of whichever refused it.
Media::WriteVerdict write(Media& media, std::uint64_t page, TimePs now = 0) {
  const Media::WriteVerdict chunk = media.check_chunk(page);
  if (chunk.status != WriteStatus::kOk) return chunk;
  const Media::WriteVerdict accepted = media.accept(page, contents_of(1).data());
  if (accepted.status != WriteStatus::kOk) return accepted;
  const Media::Started started = media.start_program(now, page);
  media.finish_program(now, page, started.verdict);
  return started.verdict;
}

void write_block(Media& media, unsigned lane, unsigned row, TimePs now = 0) {
  for (unsigned page = 0; page < 4; ++page) {
    ASSERT_EQ(write(media, dlu(lane, row, page), now).status, WriteStatus::kOk) << page;
  }
}

ReadStatus read(Media& media, std::uint64_t page, TimePs now = 0) {
  const Media::ReadVerdict look = media.look(page);
  return look.status == ReadStatus::kOk ? media.sense(now, page, false, 0).status : look.status;
}

Fault fault(std::uint64_t page, FaultKind kind, unsigned stages = 1, unsigned info = 0) {
  Fault f;
  f.address = page * kPageBytes;
  f.kind = kind;
  f.stages = stages;
  f.info = info;
  return f;
}

// --- Addresses ---

TEST(HbfMedia, ConsecutiveDlusWalkLanesThenPagesThenRows) {
  Config config = small_cube();
  const Media media(config, 0);
  std::uint64_t next = 0;
  for (std::uint32_t row = 0; row < 4; ++row) {
    for (std::uint32_t page = 0; page < 4; ++page) {
      for (unsigned lane = 0; lane < 2; ++lane) {
        const Media::Place place = media.place_of(next);
        EXPECT_EQ(place.lane, lane);
        EXPECT_EQ(place.page, page);
        EXPECT_EQ(place.row, row);
        EXPECT_EQ(media.dlu_of(place), next);
        ++next;
      }
    }
  }
  // The worked example of the digest: 4 dies x 16 banks, 256 pages: DLU 55589 is row 3, lane 37, page 100.
  config = load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbf_slc_4us.toml");
  const Media::Place place = Media(config, 0).place_of(55589);
  EXPECT_EQ(place.row, 3u);
  EXPECT_EQ(place.lane, 37u);
  EXPECT_EQ(place.page, 100u);
}

// --- Page order ---

TEST(HbfMedia, NeverWrittenPagesReadAsErasedAndBeyondTheCapacityThereIsNothing) {
  Media media(small_cube(), 0);
  EXPECT_EQ(media.look(0).status, ReadStatus::kErased);
  EXPECT_EQ(media.look(31).status, ReadStatus::kErased);
  EXPECT_EQ(media.look(32).status, ReadStatus::kOutOfRange);
  EXPECT_EQ(media.check_chunk(32).status, WriteStatus::kOutOfRange);
  EXPECT_EQ(write(media, dlu(1, 2, 0)).status, WriteStatus::kOk);
  EXPECT_EQ(media.look(dlu(1, 2, 0)).status, ReadStatus::kOk);
  EXPECT_EQ(media.look(dlu(1, 2, 1)).status, ReadStatus::kErased) << "above the frontier";
  EXPECT_EQ(media.look(dlu(0, 2, 0)).status, ReadStatus::kErased) << "another lane";
}

TEST(HbfMedia, PagesOfABlockComeInOrder) {
  Media media(small_cube(), 0);
  const auto skipped = write(media, dlu(0, 0, 1));
  EXPECT_EQ(skipped.status, WriteStatus::kOrderViolation);
  EXPECT_EQ(skipped.info, 1u);
  EXPECT_EQ(write(media, dlu(0, 0, 0)).status, WriteStatus::kOk);
  EXPECT_EQ(write(media, dlu(0, 0, 2)).info, 1u);
  EXPECT_EQ(media.look(dlu(0, 0, 2)).status, ReadStatus::kErased) << "nothing changed";
  EXPECT_EQ(write(media, dlu(0, 0, 1)).status, WriteStatus::kOk);
  EXPECT_EQ(write(media, dlu(0, 0, 2)).status, WriteStatus::kOk);
}

TEST(HbfMedia, AcceptedPagesCountForTheOrderBeforeTheyAreProgrammed) {
  Media media(small_cube(), 0);
  for (unsigned page = 0; page < 3; ++page) {
    EXPECT_EQ(media.accept(dlu(0, 0, page), nullptr).status, WriteStatus::kOk);
  }
  EXPECT_EQ(media.look(dlu(0, 0, 2)).status, ReadStatus::kOk);
  EXPECT_EQ(media.block_info(0, 0, 0).frontier, 0u);
  EXPECT_EQ(media.check_chunk(dlu(0, 0, 0)).status, WriteStatus::kOverlap) << "page 0 is on its way";
  for (unsigned page = 0; page < 3; ++page) {
    const auto started = media.start_program(0, dlu(0, 0, page));
    EXPECT_EQ(started.erases, page == 0 ? 1u : 0u);
    EXPECT_TRUE(started.programs);
    media.finish_program(0, dlu(0, 0, page), started.verdict);
    EXPECT_EQ(media.block_info(0, 0, 0).frontier, page + 1);
  }
  EXPECT_EQ(media.check_chunk(dlu(0, 0, 0)).status, WriteStatus::kOk);
}

TEST(HbfMedia, SeveralBlocksMayBeOpen) {
  Media media(small_cube(), 0);
  for (unsigned page = 0; page < 4; ++page) {
    for (unsigned row = 0; row < 4; ++row) {
      for (unsigned lane = 0; lane < 2; ++lane) {
        EXPECT_EQ(write(media, dlu(lane, row, page)).status, WriteStatus::kOk);
      }
    }
  }
  for (std::uint64_t page = 0; page < 32; ++page) EXPECT_EQ(media.look(page).status, ReadStatus::kOk);
}

TEST(HbfMedia, ProgrammedPageIsNotOverwritten) {
  for (const auto overwrite : {Readings::Overwrite::kOverlap, Readings::Overwrite::kOrder}) {
    Config config = small_cube();
    config.readings.overwrite = overwrite;
    Media media(config, 0);
    write_block(media, 0, 0);
    std::array<std::uint8_t, 1> byte{};
    const auto verdict = write(media, dlu(0, 0, 2));
    if (overwrite == Readings::Overwrite::kOverlap) {
      EXPECT_EQ(verdict.status, WriteStatus::kOverlap);
      EXPECT_EQ(verdict.info, 0u);
    } else {
      EXPECT_EQ(verdict.status, WriteStatus::kOrderViolation);
      EXPECT_EQ(verdict.info, 1u);
    }
    media.contents().read(dlu(0, 0, 2) * kPageBytes, byte.data(), 1);
    EXPECT_EQ(byte[0], 1);
    EXPECT_EQ(media.look(dlu(0, 0, 2)).status, ReadStatus::kOk);
  }
}

TEST(HbfMedia, PageZeroErasesTheBlockAndNoOther) {
  Media media(small_cube(), 0);
  write_block(media, 0, 0);
  write_block(media, 0, 1);
  ASSERT_EQ(media.accept(dlu(0, 0, 0), contents_of(7).data()).status, WriteStatus::kOk);
  EXPECT_EQ(media.look(dlu(0, 0, 0)).status, ReadStatus::kOk);
  for (unsigned page = 1; page < 4; ++page) {
    EXPECT_EQ(media.look(dlu(0, 0, page)).status, ReadStatus::kErased);
    EXPECT_EQ(media.look(dlu(0, 1, page)).status, ReadStatus::kOk);
    std::uint8_t byte = 0;
    media.contents().read(dlu(0, 0, page) * kPageBytes, &byte, 1);
    EXPECT_EQ(byte, 0xff);
  }
  std::uint8_t byte = 0;
  media.contents().read(dlu(0, 0, 0) * kPageBytes, &byte, 1);
  EXPECT_EQ(byte, 7);
}

TEST(HbfMedia, RestartWhilePagesAreOnTheirWayKeepsTheGenerationsApart) {
  Media media(small_cube(), 0);
  ASSERT_EQ(write(media, dlu(0, 0, 0)).status, WriteStatus::kOk);
  ASSERT_EQ(media.accept(dlu(0, 0, 1), nullptr).status, WriteStatus::kOk);
  ASSERT_EQ(media.accept(dlu(0, 0, 0), nullptr).status, WriteStatus::kOk);
  EXPECT_EQ(media.look(dlu(0, 0, 1)).status, ReadStatus::kErased);
  // The old page 1 goes into the array, before the erase.
  auto started = media.start_program(0, dlu(0, 0, 1));
  EXPECT_EQ(started.verdict.status, WriteStatus::kOk);
  media.finish_program(0, dlu(0, 0, 1), started.verdict);
  EXPECT_EQ(media.block_info(0, 0, 0).frontier, 0u);
  started = media.start_program(0, dlu(0, 0, 0));
  EXPECT_EQ(started.erases, 1u);
  media.finish_program(0, dlu(0, 0, 0), started.verdict);
  EXPECT_EQ(media.block_info(0, 0, 0).frontier, 1u);
  EXPECT_EQ(write(media, dlu(0, 0, 1)).status, WriteStatus::kOk);
}

TEST(HbfMedia, ProgramsOutOfOrderAreAContractViolation) {
  Media media(small_cube(), 0);
  ASSERT_EQ(media.accept(dlu(0, 0, 0), nullptr).status, WriteStatus::kOk);
  ASSERT_EQ(media.accept(dlu(0, 0, 1), nullptr).status, WriteStatus::kOk);
  EXPECT_THROW(media.start_program(0, dlu(0, 0, 1)), ModelError);
  EXPECT_THROW(media.finish_program(0, dlu(0, 3, 0), {}), ModelError);
}

// --- Program failures ---

TEST(HbfMedia, AfterAProgramFailureOnlyPageZeroHelps) {
  Media media(small_cube(), 0);
  media.inject(fault(dlu(0, 0, 1), FaultKind::kProgramFail));
  for (unsigned page = 0; page < 3; ++page) {
    ASSERT_EQ(media.accept(dlu(0, 0, page), nullptr).status, WriteStatus::kOk);
  }
  auto started = media.start_program(0, dlu(0, 0, 0));
  EXPECT_EQ(started.verdict.status, WriteStatus::kOk);
  media.finish_program(0, dlu(0, 0, 0), started.verdict);
  started = media.start_program(0, dlu(0, 0, 1));
  EXPECT_EQ(started.verdict.status, WriteStatus::kProgramFail);
  EXPECT_TRUE(started.programs) << "the array was busy with it";
  media.finish_program(0, dlu(0, 0, 1), started.verdict);
  started = media.start_program(0, dlu(0, 0, 2));
  EXPECT_EQ(started.verdict.status, WriteStatus::kOrderViolation);
  EXPECT_EQ(started.verdict.info, 2u);
  EXPECT_FALSE(started.programs);
  media.finish_program(0, dlu(0, 0, 2), started.verdict);

  EXPECT_EQ(media.look(dlu(0, 0, 0)).status, ReadStatus::kOk) << "what was programmed stays";
  EXPECT_EQ(media.look(dlu(0, 0, 1)).status, ReadStatus::kErased);
  EXPECT_TRUE(media.block_info(0, 0, 0).failed);
  for (unsigned page = 1; page < 4; ++page) {
    const auto verdict = write(media, dlu(0, 0, page));
    EXPECT_EQ(verdict.status, WriteStatus::kOrderViolation);
    EXPECT_EQ(verdict.info, 2u);
  }
  write_block(media, 0, 0);
  EXPECT_FALSE(media.block_info(0, 0, 0).failed);
  EXPECT_EQ(media.counters().program_fails, 1u);
}

TEST(HbfMedia, BlockThatFailedToProgramIsReplacedByASpare) {
  Media media(small_cube(), 0);
  media.inject(fault(dlu(0, 2, 0), FaultKind::kProgramFail));
  EXPECT_EQ(media.wear().spares_left, 2u);
  EXPECT_EQ(write(media, dlu(0, 2, 0)).status, WriteStatus::kProgramFail);
  const std::uint32_t bad = media.block_info(0, 0, 2).physical;
  write_block(media, 0, 2);
  EXPECT_NE(media.block_info(0, 0, 2).physical, bad);
  EXPECT_EQ(media.wear().spares_left, 1u);
  EXPECT_EQ(media.wear().retired_blocks, 1u);
  EXPECT_FALSE(media.reduced_capacity());
  // Without a spare the block is used again: it could be erased after all.
  media.inject(fault(dlu(0, 2, 0), FaultKind::kProgramFail));
  EXPECT_EQ(write(media, dlu(0, 2, 0)).status, WriteStatus::kProgramFail);
  write_block(media, 0, 2);
  EXPECT_FALSE(media.reduced_capacity());
}

// --- Wear ---

TEST(HbfMedia, PecFollowsThePhysicalBlock) {
  Media media(small_cube(), 0);
  media.set_wear_levelling(false);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(write(media, dlu(0, 0, 0)).status, WriteStatus::kOk);
  EXPECT_EQ(write(media, dlu(0, 2, 0)).status, WriteStatus::kOk);
  EXPECT_EQ(media.block_info(0, 0, 0).pec, 5);
  EXPECT_EQ(media.block_info(0, 0, 2).pec, 1);
  // Two zones of two rows: row 0 changes places with row 2.
  media.swap_zones(0, 1);
  EXPECT_EQ(media.block_info(0, 0, 0).pec, 1);
  EXPECT_EQ(media.block_info(0, 0, 2).pec, 5);
  EXPECT_EQ(media.block_info(0, 0, 0).physical, 2u);
  EXPECT_EQ(media.block_info(0, 0, 2).physical, 0u);
  EXPECT_EQ(media.wear().max_pec, 5);
  EXPECT_DOUBLE_EQ(media.wear().average_pec, 6.0 / 10);
}

TEST(HbfMedia, ZoneSwapLosesBothContentsAndMovesNone) {
  Media media(small_cube(), 0);
  for (unsigned row = 0; row < 4; ++row) {
    for (unsigned lane = 0; lane < 2; ++lane) write_block(media, lane, row);
  }
  const auto programs = media.counters().programs;
  media.swap_zones(0, 1);
  for (std::uint64_t page = 0; page < 32; ++page) EXPECT_EQ(media.look(page).status, ReadStatus::kErased);
  EXPECT_EQ(media.counters().programs, programs);
  write_block(media, 1, 3);
  EXPECT_THROW(media.swap_zones(0, 2), ModelError);
}

TEST(HbfMedia, ZonesAreEqualRunsOfRows) {
  Config config = small_cube();
  config.zones_per_channel = 3;  // 4 rows: one each, one row is left over
  const Media media(config, 0);
  EXPECT_EQ(media.zone_dlus(0), 8u);
  EXPECT_EQ(media.zone_first_dlu(2), 16u);
}

TEST(HbfMedia, WearLevellingKeepsTheSpreadSmall) {
  for (const bool levelled : {true, false}) {
    Media media(small_cube(), 0);
    media.set_wear_levelling(levelled);
    // One hot block; the others hold nothing.
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(write(media, dlu(0, 1, 0)).status, WriteStatus::kOk);
    std::printf("wear of 1000 erases of one block, levelling %d: max %.0f, 5 physical blocks\n", levelled,
                media.wear().max_pec);
    EXPECT_EQ(media.wear().max_pec, levelled ? 200 : 1000);
  }
}

TEST(HbfMedia, WearLevellingLeavesBlocksWithContentsAlone) {
  Media media(small_cube(), 0);
  for (unsigned row = 1; row < 4; ++row) write_block(media, 0, row);
  std::vector<std::uint32_t> before;
  for (unsigned row = 1; row < 4; ++row) before.push_back(media.block_info(0, 0, row).physical);
  // Only the block itself and the spare are free.
  for (int i = 0; i < 100; ++i) ASSERT_EQ(write(media, dlu(0, 0, 0)).status, WriteStatus::kOk);
  for (unsigned row = 1; row < 4; ++row) {
    EXPECT_EQ(media.block_info(0, 0, row).physical, before[row - 1]);
    EXPECT_EQ(media.block_info(0, 0, row).pec, 1);
    EXPECT_EQ(media.look(dlu(0, row, 3)).status, ReadStatus::kOk);
  }
  EXPECT_NEAR(media.wear().max_pec, 51, 1);
}

TEST(HbfMedia, EveryPhysicalBlockHasOneOwner) {
  Config config = small_cube();
  config.reliability.erase_fail_rate = 0.01;
  Media media(config, 0);
  Rng rng(3, "owners");
  for (int i = 0; i < 2000; ++i) {
    const auto lane = static_cast<unsigned>(rng.below(2)), row = static_cast<unsigned>(rng.below(4));
    if (rng.below(20) == 0) media.swap_zones(0, 1);
    if (rng.below(10) == 0) media.forget(dlu(0, row, 0), 8);
    write(media, dlu(lane, row, 0));
    for (unsigned l = 0; l < 2; ++l) {
      std::map<std::uint32_t, int> uses;
      for (unsigned r = 0; r < 4; ++r) {
        const auto info = media.block_info(0, l, r);
        if (!info.retired) {
          EXPECT_EQ(++uses[info.physical], 1);
        }
      }
    }
  }
  EXPECT_GT(media.counters().erase_fails, 2u);
  EXPECT_TRUE(media.reduced_capacity()) << "two spares did not last";
}

TEST(HbfMedia, WearLevellingDoesNotHandOnABlockThatFailedToProgram) {
  Media media(small_cube(), 0);
  media.set_wear_levelling(false);
  for (unsigned row = 1; row < 4; ++row) {
    for (int i = 0; i < 2; ++i) ASSERT_EQ(write(media, dlu(0, row, 0)).status, WriteStatus::kOk);
  }
  media.inject(fault(dlu(0, 0, 0), FaultKind::kProgramFail));
  ASSERT_EQ(write(media, dlu(0, 0, 0)).status, WriteStatus::kProgramFail);
  const std::uint32_t suspect = media.block_info(0, 0, 0).physical;
  media.set_wear_levelling(true);
  // Row 1 takes the fresh spare and wears it as far as the others; what failed is now the least worn.
  for (int i = 0; i < 2; ++i) ASSERT_EQ(write(media, dlu(0, 1, 0)).status, WriteStatus::kOk);
  ASSERT_EQ(write(media, dlu(0, 2, 0)).status, WriteStatus::kOk);
  for (unsigned row = 1; row < 4; ++row) EXPECT_NE(media.block_info(0, 0, row).physical, suspect);
}

// --- Spares and retirement ---

TEST(HbfMedia, EraseFailureTakesTheSpareAndThenTheCapacity) {
  Media media(small_cube(), 0);
  EXPECT_EQ(media.wear().spares_left, 2u) << "one in each lane";
  media.inject(fault(dlu(0, 1, 2), FaultKind::kEraseFail));
  ASSERT_EQ(media.accept(dlu(0, 1, 0), nullptr).status, WriteStatus::kOk);
  auto started = media.start_program(0, dlu(0, 1, 0));
  EXPECT_EQ(started.verdict.status, WriteStatus::kOk);
  EXPECT_EQ(started.erases, 2u) << "one failed, one of the spare";
  media.finish_program(0, dlu(0, 1, 0), started.verdict);
  EXPECT_EQ(media.wear().spares_left, 1u);
  EXPECT_FALSE(media.reduced_capacity());
  EXPECT_EQ(media.look(dlu(0, 1, 0)).status, ReadStatus::kOk);

  media.inject(fault(dlu(0, 1, 0), FaultKind::kEraseFail));
  ASSERT_EQ(media.accept(dlu(0, 1, 0), nullptr).status, WriteStatus::kOk);
  ASSERT_EQ(media.accept(dlu(0, 1, 1), nullptr).status, WriteStatus::kOk);
  started = media.start_program(0, dlu(0, 1, 0));
  EXPECT_EQ(started.verdict.status, WriteStatus::kUnusable);
  EXPECT_EQ(started.verdict.info, 1u) << "a block";
  EXPECT_FALSE(started.programs);
  media.finish_program(0, dlu(0, 1, 0), started.verdict);
  started = media.start_program(0, dlu(0, 1, 1));
  EXPECT_NE(started.verdict.status, WriteStatus::kOk) << "its followers fail too";
  media.finish_program(0, dlu(0, 1, 1), started.verdict);

  EXPECT_EQ(media.look(dlu(0, 1, 0)).status, ReadStatus::kOutOfRange);
  EXPECT_EQ(media.look(dlu(0, 1, 3)).status, ReadStatus::kOutOfRange);
  EXPECT_EQ(media.check_chunk(dlu(0, 1, 0)).status, WriteStatus::kOutOfRange);
  EXPECT_TRUE(media.reduced_capacity());
  EXPECT_TRUE(media.block_info(0, 0, 1).retired);
  EXPECT_EQ(media.logical_blocks(), 8u);
  for (std::uint64_t block = 0; block < 8; ++block) EXPECT_EQ(media.block_unusable(block), block == 2);
  EXPECT_EQ(media.counters().erase_fails, 2u);
  EXPECT_EQ(media.wear().retired_blocks, 2u);
  EXPECT_EQ(media.wear().spares_left, 1u) << "the other lane's";
  EXPECT_EQ(write(media, dlu(0, 0, 0)).status, WriteStatus::kOk) << "other blocks go on";
}

TEST(HbfMedia, LostCapacityIsSaidOnceAndThenGone) {
  Config config = small_cube();
  config.dies_per_channel = 2;
  config.planes_per_die = 1;
  for (unsigned info = 1; info <= 4; ++info) {
    Media media(config, 0);
    for (unsigned row = 0; row < 4; ++row) {
      for (unsigned lane = 0; lane < 2; ++lane) write_block(media, lane, row);
    }
    media.inject(fault(dlu(0, 1, 0), FaultKind::kUnusable, 1, info));
    EXPECT_TRUE(media.reduced_capacity());
    const auto lost = media.look(dlu(0, 1, 3));
    EXPECT_EQ(lost.status, ReadStatus::kUnusable);
    EXPECT_EQ(lost.info, info);
    for (unsigned lane = 0; lane < 2; ++lane) {
      for (unsigned row = 0; row < 4; ++row) {
        const bool gone = info == 4 || (info >= 2 && lane == 0) || (lane == 0 && row == 1);
        EXPECT_EQ(media.look(dlu(lane, row, 0)).status, gone ? ReadStatus::kOutOfRange : ReadStatus::kOk);
        EXPECT_EQ(media.check_chunk(dlu(lane, row, 0)).status,
                  gone ? WriteStatus::kOutOfRange : WriteStatus::kOk);
        EXPECT_EQ(media.block_unusable(row * 2 + lane), gone);
        EXPECT_EQ(media.plain_run(0, 1, {lane, row, 0}, 4), gone ? 0u : 4u);
      }
    }
    EXPECT_EQ(media.wear().retired_blocks, info == 1 ? 1u : info == 4 ? 10u : 5u);
  }
}

TEST(HbfMedia, LostCapacityIsSaidToAWriteAsWell) {
  Media media(small_cube(), 0);
  media.inject(fault(dlu(1, 0, 0), FaultKind::kUnusable, 1, 1));
  const auto verdict = media.check_chunk(dlu(1, 0, 0));
  EXPECT_EQ(verdict.status, WriteStatus::kUnusable);
  EXPECT_EQ(verdict.info, 1u);
  EXPECT_EQ(media.check_chunk(dlu(1, 0, 0)).status, WriteStatus::kOutOfRange);
}

TEST(HbfMedia, ABlockLostBetweenAcceptanceAndProgramFailsTheProgram) {
  Media media(small_cube(), 0);
  ASSERT_EQ(media.accept(dlu(0, 0, 0), nullptr).status, WriteStatus::kOk);
  media.inject(fault(dlu(0, 0, 0), FaultKind::kUnusable, 1, 2));
  const auto started = media.start_program(0, dlu(0, 0, 0));
  EXPECT_EQ(started.verdict.status, WriteStatus::kUnusable);
  EXPECT_EQ(started.verdict.info, 2u);
  EXPECT_EQ(started.erases, 0u);
  media.finish_program(0, dlu(0, 0, 0), started.verdict);
  EXPECT_EQ(media.look(dlu(0, 0, 0)).status, ReadStatus::kOutOfRange);
}

// --- Torn pages, emptied blocks ---

TEST(HbfMedia, TornPageReadsAsUncorrectableUntilPageZeroIsWritten) {
  Media media(small_cube(), 0);
  ASSERT_EQ(write(media, dlu(0, 0, 0)).status, WriteStatus::kOk);
  ASSERT_EQ(media.accept(dlu(0, 0, 1), nullptr).status, WriteStatus::kOk);
  ASSERT_EQ(media.accept(dlu(0, 0, 2), nullptr).status, WriteStatus::kOk);
  media.start_program(0, dlu(0, 0, 1));
  media.abandon(dlu(0, 0, 1), true);
  media.abandon(dlu(0, 0, 2), false);
  EXPECT_EQ(read(media, dlu(0, 0, 0)), ReadStatus::kOk) << "old data";
  EXPECT_EQ(read(media, dlu(0, 0, 1)), ReadStatus::kUncorrectable);
  EXPECT_EQ(read(media, dlu(0, 0, 2)), ReadStatus::kErased);
  EXPECT_EQ(media.plain_run(0, 1, {0, 0, 0}, 4), 1u);
  EXPECT_EQ(write(media, dlu(0, 0, 1)).info, 2u);
  EXPECT_EQ(write(media, dlu(0, 0, 2)).info, 2u);
  write_block(media, 0, 0);
  EXPECT_EQ(read(media, dlu(0, 0, 1)), ReadStatus::kOk);
}

TEST(HbfMedia, TornEraseLosesTheWholeBlock) {
  for (const bool follower_first : {true, false}) {
    Media media(small_cube(), 0);
    write_block(media, 0, 0);
    write_block(media, 0, 1);
    ASSERT_EQ(media.accept(dlu(0, 0, 0), nullptr).status, WriteStatus::kOk);
    ASSERT_EQ(media.accept(dlu(0, 0, 1), nullptr).status, WriteStatus::kOk);
    media.start_program(0, dlu(0, 0, 0));
    if (follower_first) media.abandon(dlu(0, 0, 1), false);
    media.abandon(dlu(0, 0, 0), true);
    if (!follower_first) media.abandon(dlu(0, 0, 1), false);
    for (unsigned page = 0; page < 4; ++page) {
      EXPECT_EQ(read(media, dlu(0, 0, page)), ReadStatus::kUncorrectable) << page;
      EXPECT_EQ(read(media, dlu(0, 1, page)), ReadStatus::kOk);
    }
    EXPECT_EQ(write(media, dlu(0, 0, 1)).info, 2u);
    write_block(media, 0, 0);
    EXPECT_EQ(read(media, dlu(0, 0, 3)), ReadStatus::kOk);
  }
}

TEST(HbfMedia, PagesThatNeverStartedReadAsNeverWritten) {
  Media media(small_cube(), 0);
  write_block(media, 0, 0);
  ASSERT_EQ(media.accept(dlu(0, 0, 0), nullptr).status, WriteStatus::kOk);
  ASSERT_EQ(media.accept(dlu(0, 0, 1), nullptr).status, WriteStatus::kOk);
  media.abandon(dlu(0, 0, 0), false);
  media.abandon(dlu(0, 0, 1), false);
  for (unsigned page = 0; page < 4; ++page) EXPECT_EQ(read(media, dlu(0, 0, page)), ReadStatus::kErased);
  write_block(media, 0, 0);
  ASSERT_EQ(write(media, dlu(1, 0, 0)).status, WriteStatus::kOk);
  ASSERT_EQ(media.accept(dlu(1, 0, 1), nullptr).status, WriteStatus::kOk);
  media.abandon(dlu(1, 0, 1), false);
  EXPECT_EQ(read(media, dlu(1, 0, 0)), ReadStatus::kOk);
  EXPECT_EQ(read(media, dlu(1, 0, 1)), ReadStatus::kErased);
  EXPECT_EQ(write(media, dlu(1, 0, 1)).status, WriteStatus::kOk) << "the page was not consumed";
}

TEST(HbfMedia, StartedProgramFinishesAfterItsFollowersWereDropped) {
  Media media(small_cube(), 0);
  ASSERT_EQ(write(media, dlu(0, 0, 0)).status, WriteStatus::kOk);
  for (unsigned page : {1u, 2u, 3u})
    ASSERT_EQ(media.accept(dlu(0, 0, page), nullptr).status, WriteStatus::kOk);
  ASSERT_EQ(media.accept(dlu(0, 0, 0), nullptr).status, WriteStatus::kOk);  // restart behind them
  const auto started = media.start_program(0, dlu(0, 0, 1));
  media.abandon(dlu(0, 0, 2), false);
  media.abandon(dlu(0, 0, 3), false);
  media.abandon(dlu(0, 0, 0), false);
  media.finish_program(0, dlu(0, 0, 1), started.verdict);
  EXPECT_EQ(media.look(dlu(0, 0, 0)).status, ReadStatus::kErased);
  write_block(media, 0, 0);
}

TEST(HbfMedia, ForgottenPagesReadAsNeverWrittenAndWearStays) {
  Media media(small_cube(), 0);
  for (unsigned row = 0; row < 4; ++row) {
    for (unsigned lane = 0; lane < 2; ++lane) write_block(media, lane, row);
  }
  const std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges = {
      {8, 8}, {3, 3}, {16, 3}, {29, 3}, {18, 100}, {0, ~std::uint64_t{0}}};
  std::vector<bool> gone(32);
  for (const auto& [first, count] : ranges) {
    media.forget(first, count);
    for (std::uint64_t page = 0; page < 32; ++page) {
      if (page >= first && page - first < count) gone[page] = true;
      EXPECT_EQ(media.look(page).status, gone[page] ? ReadStatus::kErased : ReadStatus::kOk)
          << page << " after " << first << " + " << count;
    }
  }
  EXPECT_EQ(media.wear().max_pec, 1);
  EXPECT_EQ(media.contents().resident_bytes() > 0, true);
  write_block(media, 1, 1);
}

TEST(HbfMedia, PowerOnEraseMakesEverythingUncorrectableUntilRewritten) {
  Media media(small_cube(), 0);
  write_block(media, 0, 0);
  ASSERT_EQ(write(media, dlu(1, 0, 0)).status, WriteStatus::kOk);
  media.obfuscate();
  EXPECT_EQ(read(media, dlu(0, 0, 3)), ReadStatus::kUncorrectable);
  EXPECT_EQ(read(media, dlu(1, 0, 0)), ReadStatus::kUncorrectable);
  EXPECT_EQ(read(media, dlu(1, 0, 1)), ReadStatus::kUncorrectable) << "never written, and every read fails";
  write_block(media, 0, 0);
  EXPECT_EQ(read(media, dlu(0, 0, 3)), ReadStatus::kOk);
}

/// What a block's pages are worth to a reader, told page by page: the slow, obvious way.
class WriteReference {
 public:
  enum Page { kNever, kThere, kLost };
  struct Block {
    std::array<Page, 4> pages{};
    unsigned end = 0;  // next page in order
    bool failed = false;
    unsigned generation = 0;
    std::vector<unsigned> failed_generations;
  };
  struct Queued {
    unsigned row, page, generation;
  };
  std::array<Block, 4> blocks;
  std::vector<Queued> queue;  // of the lane
  bool running = false;

  Media::WriteVerdict accept(unsigned row, unsigned page) {
    Block& b = blocks[row];
    if (page == 0) {
      empty(row);
    } else if (b.failed) {
      return {WriteStatus::kOrderViolation, 2};
    } else if (page != b.end) {
      return {WriteStatus::kOrderViolation, 1};
    }
    b.pages[page] = kThere;
    b.end = page + 1;
    queue.push_back({row, page, b.generation});
    return {};
  }
  bool overlaps(unsigned row, unsigned page) const {
    const Block& b = blocks[row];
    if (page > 0) return b.pages[page] == kThere;
    return std::any_of(queue.begin(), queue.end(), [&](const Queued& q) {
      return q.row == row && q.page == 0 && q.generation == b.generation;
    });
  }
  bool doomed() const {
    const auto& failed = blocks[queue.front().row].failed_generations;
    return std::count(failed.begin(), failed.end(), queue.front().generation) > 0;
  }
  void finish(bool failed) {
    const Queued q = queue.front();
    queue.erase(queue.begin());
    running = false;
    Block& b = blocks[q.row];
    if (!failed) return;
    b.failed_generations.push_back(q.generation);
    if (q.generation != b.generation) return;
    for (unsigned page = q.page; page < 4; ++page) b.pages[page] = kNever;
    b.end = q.page;
    b.failed = true;
  }
  void drop(std::size_t index) {
    const Queued q = queue[index];
    const bool started = running && index == 0;
    queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(index));
    if (started) running = false;
    Block& b = blocks[q.row];
    if (q.generation != b.generation) return;
    if (started) {
      for (unsigned page = q.page == 0 ? 0 : q.page; page < 4; ++page)
        b.pages[page] = q.page == 0 ? kLost : kNever;
      b.pages[q.page] = kLost;
      b.failed = true;
    } else if (!b.failed) {
      for (unsigned page = q.page; page < 4; ++page) b.pages[page] = kNever;
      b.end = std::min(b.end, q.page);
    }
  }
  void empty(unsigned row) {
    Block& b = blocks[row];
    b.pages.fill(kNever);
    b.end = 0;
    b.failed = false;
    ++b.generation;
  }
  void obfuscate() {
    for (Block& b : blocks) {
      b.pages.fill(kLost);
      b.failed = true;
    }
  }
};

TEST(HbfMedia, RandomWritesFailuresResetsAndErasuresLeaveWhatTheReferenceSays) {
  unsigned lost = 0, fails = 0, stale = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Config config = small_cube();
    config.seed = seed;
    config.reliability.program_fail_rate = seed % 2 == 0 ? 0.05 : 0;
    Media media(config, 0);
    WriteReference reference;
    Rng rng(seed, "writes");
    const auto drop = [&](std::size_t index) {
      const auto q = reference.queue[index];
      media.abandon(dlu(0, q.row, q.page), reference.running && index == 0);
      reference.drop(index);
    };
    for (int step = 0; step < 1500; ++step) {
      const auto row = static_cast<unsigned>(rng.below(4));
      const unsigned dice = static_cast<unsigned>(rng.below(100));
      if (dice < 50) {
        // Mostly the next page, sometimes any.
        const unsigned next = reference.blocks[row].end % 4;
        const auto page = static_cast<unsigned>(rng.below(5) == 0 ? rng.below(4) : next);
        const auto chunk = media.check_chunk(dlu(0, row, page));
        ASSERT_EQ(chunk.status == WriteStatus::kOverlap, reference.overlaps(row, page))
            << seed << " " << step;
        if (chunk.status == WriteStatus::kOk && reference.queue.size() < 8) {
          const auto expected = reference.accept(row, page);
          const auto got = media.accept(dlu(0, row, page), nullptr);
          ASSERT_EQ(got.status, expected.status) << seed << " " << step;
          ASSERT_EQ(got.info, expected.info);
        }
      } else if (dice < 92) {
        if (reference.queue.empty()) continue;
        const auto q = reference.queue.front();
        const std::uint64_t page = dlu(0, q.row, q.page);
        const bool doomed = reference.doomed();
        const auto started = media.start_program(0, page);
        reference.running = true;
        stale += q.generation != reference.blocks[q.row].generation ? 1 : 0;
        ASSERT_EQ(started.programs, !doomed) << seed << " " << step;
        if (doomed) {
          ASSERT_EQ(started.verdict.info, 2u);
        } else if (rng.below(20) == 0) {
          // Power loss while the array is at it: everything goes, in any order.
          while (!reference.queue.empty()) drop(rng.below(reference.queue.size()));
          if (rng.below(4) == 0) {
            media.obfuscate();
            reference.obfuscate();
          }
        } else if (rng.below(20) == 0) {
          // A reset that lets the array finish.
          while (reference.queue.size() > 1) drop(1 + rng.below(reference.queue.size() - 1));
        }
        if (reference.running) {
          media.finish_program(0, page, started.verdict);
          const bool failed = started.verdict.status == WriteStatus::kProgramFail;
          fails += failed ? 1 : 0;
          reference.finish(failed);
        }
      } else if (dice < 94) {
        while (!reference.queue.empty()) drop(rng.below(reference.queue.size()));
      } else if (dice < 96) {
        media.forget(8 * row, 8);
        reference.empty(row);
      }
      for (unsigned r = 0; r < 4; ++r) {
        for (unsigned page = 0; page < 4; ++page) {
          const auto expected = reference.blocks[r].pages[page];
          const auto got = read(media, dlu(0, r, page));
          ASSERT_EQ(got, expected == WriteReference::kNever   ? ReadStatus::kErased
                         : expected == WriteReference::kThere ? ReadStatus::kOk
                                                              : ReadStatus::kUncorrectable)
              << "seed " << seed << " step " << step << " row " << r << " page " << page;
          lost += expected == WriteReference::kLost ? 1 : 0;
        }
      }
    }
  }
  EXPECT_GT(lost, 100u);
  EXPECT_GT(fails, 100u);
  EXPECT_GT(stale, 100u);
}

// --- Planted faults ---

TEST(HbfMedia, ReadFaultsShowAtTheirPageUntilTheBlockIsErased) {
  Media media(small_cube(), 0);
  write_block(media, 0, 0);
  media.inject(fault(dlu(0, 0, 0), FaultKind::kCorrected));
  media.inject(fault(dlu(0, 0, 1), FaultKind::kCorrectedHigh));
  media.inject(fault(dlu(0, 0, 2), FaultKind::kUncorrectable));
  media.inject(fault(dlu(0, 0, 3), FaultKind::kRetry, 2));
  EXPECT_EQ(media.plain_run(0, 1, {0, 0, 0}, 4), 0u);

  auto sensed = media.sense(0, dlu(0, 0, 0), false, 0);
  EXPECT_EQ(sensed.status, ReadStatus::kOk);
  sensed = media.sense(0, dlu(0, 0, 1), false, 0);
  EXPECT_EQ(sensed.status, ReadStatus::kCorrectedHigh);
  EXPECT_EQ(sensed.info, 2u);
  sensed = media.sense(0, dlu(0, 0, 2), false, 0);
  EXPECT_EQ(sensed.status, ReadStatus::kUncorrectable);
  EXPECT_EQ(sensed.info, 2u);
  EXPECT_EQ(sensed.stages, 3u) << "the base die has tried everything";
  sensed = media.sense(0, dlu(0, 0, 3), false, 0);
  EXPECT_EQ(sensed.status, ReadStatus::kOk);
  EXPECT_EQ(sensed.stages, 2u);

  const auto& counters = media.counters();
  EXPECT_EQ(counters.senses, 4u + 3 + 2);
  EXPECT_EQ(counters.retry_senses, 5u);
  EXPECT_EQ(counters.corrected, 2u);
  EXPECT_EQ(counters.hints_health, 1u);
  EXPECT_EQ(counters.uncorrectable, 1u);
  EXPECT_EQ(counters.retried, 1u);
  EXPECT_EQ(media.block_info(0, 0, 0).reads, 9u);

  media.inject(fault(dlu(0, 0, 2), FaultKind::kNone));
  EXPECT_EQ(read(media, dlu(0, 0, 2)), ReadStatus::kOk);
  write_block(media, 0, 0);
  EXPECT_EQ(media.plain_run(0, 1, {0, 0, 0}, 4), 4u);
}

TEST(HbfMedia, HostDrivenRetryGoesFromStageToStage) {
  Media media(small_cube(), 0);
  write_block(media, 0, 0);
  media.inject(fault(dlu(0, 0, 0), FaultKind::kRetry, 2));
  media.inject(fault(dlu(0, 0, 1), FaultKind::kUncorrectable));
  for (unsigned stage = 0; stage < 2; ++stage) {
    const auto sensed = media.sense(0, dlu(0, 0, 0), true, stage);
    EXPECT_EQ(sensed.status, ReadStatus::kRetryWanted);
    EXPECT_EQ(sensed.info, stage + 1);
    EXPECT_EQ(sensed.stages, 0u);
  }
  EXPECT_EQ(media.sense(0, dlu(0, 0, 0), true, 2).status, ReadStatus::kOk);
  for (unsigned stage = 0; stage < 3; ++stage) {
    EXPECT_EQ(media.sense(0, dlu(0, 0, 1), true, stage).status, ReadStatus::kRetryWanted);
  }
  EXPECT_EQ(media.sense(0, dlu(0, 0, 1), true, 3).status, ReadStatus::kUncorrectable);
}

TEST(HbfMedia, OutcomeThatTheHostRetriesIsTheSameUntilItIsResolved) {
  Config config = small_cube();
  config.reliability.extra_retry = 0.2;
  config.reliability.extra_uncorrectable = 0.2;
  Media media(config, 0);
  media.mark_programmed(0, config.channel_bytes());
  unsigned retried = 0, lost = 0;
  for (int i = 0; i < 2000; ++i) {
    auto sensed = media.sense(0, dlu(0, 0, 0), true, 0);
    if (sensed.status == ReadStatus::kOk) continue;
    ASSERT_EQ(sensed.status, ReadStatus::kRetryWanted);
    unsigned stage = 0;
    while (sensed.status == ReadStatus::kRetryWanted) {
      EXPECT_EQ(sensed.info, ++stage);
      sensed = media.sense(0, dlu(0, 0, 0), true, stage);
    }
    if (sensed.status == ReadStatus::kOk) {
      EXPECT_EQ(stage, 1u);
      ++retried;
    } else {
      EXPECT_EQ(sensed.status, ReadStatus::kUncorrectable);
      EXPECT_EQ(stage, 3u);
      ++lost;
    }
  }
  EXPECT_NEAR(retried, 400, 5 * std::sqrt(2000 * 0.2 * 0.8));
  EXPECT_NEAR(lost, 400, 5 * std::sqrt(2000 * 0.2 * 0.8));
}

TEST(HbfMedia, ReadCountPastTheThresholdIsAHintUntilTheBlockIsErased) {
  Config config = small_cube();
  config.reliability.max_read_threshold = 10;
  Media media(config, 0);
  write_block(media, 0, 0);
  EXPECT_EQ(media.plain_run(0, 1, {0, 0, 0}, 4), 4u);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(read(media, dlu(0, 0, 0)), ReadStatus::kOk);
  EXPECT_EQ(media.plain_run(0, 1, {0, 0, 0}, 4), 2u);
  media.sense_run(0, {0, 0, 0}, 2);
  EXPECT_EQ(media.block_info(0, 0, 0).reads, 10u);
  auto sensed = media.sense(0, dlu(0, 0, 0), false, 0);
  EXPECT_EQ(sensed.status, ReadStatus::kCorrectedHigh);
  EXPECT_EQ(sensed.info, 1u);
  media.inject(fault(dlu(0, 0, 1), FaultKind::kUncorrectable));
  sensed = media.sense(0, dlu(0, 0, 1), false, 0);
  EXPECT_EQ(sensed.status, ReadStatus::kUncorrectable);
  EXPECT_EQ(sensed.info, 1u);
  EXPECT_EQ(media.counters().hints_reads, 2u);
  write_block(media, 0, 0);
  EXPECT_EQ(media.block_info(0, 0, 0).reads, 0u);
  EXPECT_EQ(read(media, dlu(0, 0, 0)), ReadStatus::kOk);
  media.set_max_read_threshold(0);
  EXPECT_EQ(read(media, dlu(0, 0, 0)), ReadStatus::kCorrectedHigh);
}

TEST(HbfMedia, PlantedReadCountShowsInItsWholeBlock) {
  Media media(small_cube(), 0);
  write_block(media, 0, 0);
  write_block(media, 0, 1);
  media.inject(fault(dlu(0, 0, 2), FaultKind::kReadCount));
  const auto sensed = media.sense(0, dlu(0, 0, 0), false, 0);
  EXPECT_EQ(sensed.status, ReadStatus::kCorrectedHigh);
  EXPECT_EQ(sensed.info, 1u);
  EXPECT_EQ(media.plain_run(0, 1, {0, 0, 0}, 4), 0u);
  EXPECT_EQ(read(media, dlu(0, 1, 0)), ReadStatus::kOk);
  write_block(media, 0, 0);
  EXPECT_EQ(read(media, dlu(0, 0, 0)), ReadStatus::kOk);
}

TEST(HbfMedia, RestrictedBlocksBlockedDiesAndVendorStatusesLastUntilTakenAway) {
  Config config = small_cube();
  config.dies_per_channel = 2;
  config.planes_per_die = 1;
  Media media(config, 0);
  for (unsigned lane = 0; lane < 2; ++lane) write_block(media, lane, 0);
  media.inject(fault(dlu(0, 0, 0), FaultKind::kRestricted));
  EXPECT_EQ(media.look(dlu(0, 0, 3)).status, ReadStatus::kRestricted);
  EXPECT_EQ(media.look(dlu(1, 0, 3)).status, ReadStatus::kOk);
  EXPECT_EQ(media.plain_run(0, 1, {0, 0, 0}, 4), 0u);
  media.inject(fault(dlu(0, 0, 0), FaultKind::kNone));
  EXPECT_EQ(media.look(dlu(0, 0, 3)).status, ReadStatus::kOk);

  media.inject(fault(dlu(0, 0, 0), FaultKind::kDieBlocked));
  EXPECT_EQ(media.look(dlu(0, 0, 1)).status, ReadStatus::kBlocked);
  EXPECT_EQ(media.check_chunk(dlu(0, 3, 0)).status, WriteStatus::kBlocked);
  EXPECT_EQ(media.look(dlu(1, 0, 1)).status, ReadStatus::kOk) << "the other die";
  EXPECT_EQ(media.plain_run(0, 1, {0, 0, 0}, 4), 0u);
  media.inject(fault(dlu(0, 0, 0), FaultKind::kNone));
  EXPECT_EQ(media.look(dlu(0, 0, 1)).status, ReadStatus::kOk);

  for (unsigned code = 0; code < 3; ++code) {
    media.inject(fault(dlu(1, 0, 0), FaultKind::kVendor, 1, code));
    EXPECT_EQ(static_cast<unsigned>(media.look(dlu(1, 0, 0)).status), 0xDu + code);
    EXPECT_EQ(static_cast<unsigned>(media.check_chunk(dlu(1, 0, 0)).status), 0xDu + code);
    EXPECT_EQ(media.look(dlu(1, 0, 1)).status, ReadStatus::kOk);
    media.inject(fault(dlu(1, 0, 0), FaultKind::kNone));
  }
  EXPECT_EQ(media.look(dlu(1, 0, 0)).status, ReadStatus::kOk);
}

TEST(HbfMedia, FaultsOfTheConfigurationBelongToTheirChannel) {
  Config config = small_cube();
  config.faults.push_back(fault(5, FaultKind::kVendor));
  config.faults.back().channel = 1;
  Media zero(config, 0), one(config, 1);
  for (Media* media : {&zero, &one}) media->mark_programmed(0, config.channel_bytes());
  EXPECT_EQ(zero.look(5).status, ReadStatus::kOk);
  EXPECT_EQ(one.look(5).status, ReadStatus::kVendorD);
  EXPECT_THROW(zero.inject(fault(32, FaultKind::kCorrected)), ConfigError);
}

// --- Contents that were there before ---

TEST(HbfMedia, MarkedPagesAreProgrammedWholeAndOthersAreNot) {
  Media media(small_cube(), 0);
  media.mark_programmed(5 * kPageBytes + 100, 2 * kPageBytes);  // DLUs 5, 6, 7
  for (std::uint64_t page = 0; page < 32; ++page) {
    EXPECT_EQ(media.look(page).status, page >= 5 && page <= 7 ? ReadStatus::kOk : ReadStatus::kErased)
        << page;
  }
  media.mark_programmed(0, 0);
  media.mark_programmed(31 * kPageBytes, 1u << 30);
  EXPECT_EQ(media.look(31).status, ReadStatus::kOk);
  EXPECT_EQ(media.look(0).status, ReadStatus::kErased);
  EXPECT_EQ(media.counters().programs, 0u);
  EXPECT_EQ(media.wear().max_pec, 0);
}

TEST(HbfMedia, WithoutContentsNothingIsKept) {
  Config config = small_cube();
  config.functional = false;
  Media media(config, 0);
  write_block(media, 0, 0);
  EXPECT_EQ(media.contents().resident_bytes(), 0u);
  EXPECT_EQ(media.look(dlu(0, 0, 0)).status, ReadStatus::kOk);
}

// --- Age ---

TEST(HbfMedia, ContentsAgeByTheTemperatureOfTheirTime) {
  Config config = small_cube();
  config.reliability.activation_ev = 1.1;
  config.reliability.reference_c = 85;
  config.reliability.hours_at_start = 3;
  config.thermal.ambient_c = 85;
  Media media(config, 0);
  media.mark_programmed(0, kPageBytes);
  write_block(media, 1, 0, 2 * kHour);
  EXPECT_NEAR(media.block_info(10 * kHour, 1, 0).hours, 8, 1e-9);
  EXPECT_NEAR(media.block_info(10 * kHour, 0, 0).hours, 13, 1e-9);
  media.set_temperature(10 * kHour, 45);
  // Ten hours at 45 C are ten times 0.011322 h at 85 C.
  EXPECT_NEAR(media.block_info(20 * kHour, 1, 0).hours, 8 + 0.11322, 2e-5);
  media.set_temperature(20 * kHour, 105);
  const double factor = std::exp(1.1 / 8.617333262e-5 * (1 / 358.15 - 1 / 378.15));
  EXPECT_NEAR(media.block_info(21 * kHour, 1, 0).hours, 8 + 0.11322 + factor, 2e-5);
  // Rewritten contents are young again.
  write_block(media, 1, 0, 21 * kHour);
  EXPECT_NEAR(media.block_info(21 * kHour, 1, 0).hours, 0, 1e-9);
}

TEST(HbfMedia, ContentsThatWereThereBeforeHaveBeenProgrammedOnce) {
  Config config = small_cube();
  Reliability& r = config.reliability;
  r.retention_factor = 1e-3;
  r.retention_wear_exponent = 0.5;  // nothing at all without a cycle
  r.correctable_bits = 8;
  r.high_bits = 8;
  r.retry_stages = 0;
  r.hours_at_start = 1;
  Media media(config, 0);
  media.mark_programmed(0, kPageBytes);
  EXPECT_EQ(media.block_info(0, 0, 0).pec, 0);
  const double p = ErrorModel(r).odds(1e-3).uncorrectable;  // of one cycle
  ASSERT_GT(p, 0.5);
  unsigned lost = 0;
  for (int i = 0; i < 1000; ++i) lost += read(media, 0) == ReadStatus::kUncorrectable ? 1 : 0;
  EXPECT_NEAR(lost, 1000 * p, 4.5 * std::sqrt(1000 * p * (1 - p)));
}

TEST(HbfMedia, OldContentsShowErrorsAndRefreshedOnesDoNot) {
  Config config = load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbf_slc_4us.toml");
  config.functional = false;
  config.reliability.pec_at_start = config.reliability.endurance_cycles;
  config.thermal.ambient_c = 85;
  Media media(config, 0);
  media.mark_programmed(0, std::uint64_t{256} * 64 * kPageBytes);  // a row
  const auto tally = [&](TimePs now) {
    std::map<ReadStatus, unsigned> seen;
    for (std::uint64_t page = 0; page < 256 * 64; ++page) ++seen[media.sense(now, page, false, 0).status];
    return seen;
  };
  auto young = tally(0);
  EXPECT_EQ(young[ReadStatus::kOk], 256u * 64);
  auto day = tally(24 * kHour);
  EXPECT_EQ(day[ReadStatus::kUncorrectable], 0u) << "retention is specified for this";
  auto fortnight = tally(336 * kHour);
  EXPECT_GT(fortnight[ReadStatus::kCorrectedHigh], 256u * 64 / 100);
  for (std::uint64_t page = 0; page < 256 * 64; ++page) {
    ASSERT_EQ(write(media, page, 336 * kHour).status, WriteStatus::kOk);
  }
  auto refreshed = tally(337 * kHour);
  EXPECT_EQ(refreshed[ReadStatus::kOk], 256u * 64);

  config.reliability.hours_at_start = 8760;
  Media forgotten(config, 0);
  forgotten.mark_programmed(0, std::uint64_t{256} * 64 * kPageBytes);
  unsigned lost = 0;
  for (std::uint64_t page = 0; page < 256 * 64; ++page) {
    lost += forgotten.sense(0, page, false, 0).status == ReadStatus::kUncorrectable ? 1 : 0;
  }
  EXPECT_GT(lost, 256u * 64 / 2);
}

// --- Drawn outcomes ---

TEST(HbfMedia, FrequenciesAreTheOddsOfTheErrorModel) {
  Config config = small_cube();
  Reliability& r = config.reliability;
  r.base_rber = 4e-3;
  r.codeword_bytes = 1024;
  r.correctable_bits = 40;
  r.high_bits = 34;
  r.retry_gain = 0.85;
  r.retry_stages = 3;
  r.extra_corrected = 0.05;
  r.extra_uncorrectable = 0.01;
  r.max_read_threshold = 1u << 30;
  const Odds model = ErrorModel(r).odds(4e-3);
  Media media(config, 0);
  media.mark_programmed(0, config.channel_bytes());
  constexpr unsigned kSenses = 200000;
  std::map<std::string, double> expected, seen;
  expected["high"] = model.corrected_high;
  for (unsigned stage = 1; stage <= 3; ++stage)
    expected["stage " + std::to_string(stage)] = model.retry[stage];
  expected["uncorrectable"] = model.uncorrectable + r.extra_uncorrectable;
  expected["corrected"] = r.extra_corrected;
  for (unsigned i = 0; i < kSenses; ++i) {
    const auto before = media.counters().corrected;
    const auto sensed = media.sense(i, i % 32, false, 0);
    if (sensed.status == ReadStatus::kUncorrectable) {
      ++seen["uncorrectable"];
    } else if (sensed.stages > 0) {
      ++seen["stage " + std::to_string(sensed.stages)];
      EXPECT_EQ(sensed.status, ReadStatus::kCorrectedHigh) << "worth a refresh";
      EXPECT_EQ(sensed.info, 2u);
    } else if (sensed.status == ReadStatus::kCorrectedHigh) {
      ++seen["high"];
    } else if (media.counters().corrected > before) {
      ++seen["corrected"];
    }
  }
  for (const auto& [name, p] : expected) {
    const double mean = kSenses * p, sigma = std::sqrt(mean * (1 - p));
    std::printf("%-14s expected %9.1f measured %7.0f deviation %+.2f sigma\n", name.c_str(), mean, seen[name],
                sigma > 0 ? (seen[name] - mean) / sigma : 0.0);
    // 4.5 sigma: 7 in a million of a right model would fail, for one fixed seed.
    EXPECT_NEAR(seen[name], mean, 4.5 * sigma + 1) << name;
  }
}

TEST(HbfMedia, RateScaleMultipliesEveryOutcomeUpToCertainty) {
  for (const double scale : {0.0, 1.0, 10.0, 1e9}) {
    Config config = small_cube();
    config.reliability.extra_corrected = 0.02;
    config.reliability.extra_retry = 0.01;
    config.reliability.extra_uncorrectable = 0.01;
    config.reliability.program_fail_rate = 0.001;
    config.reliability.rate_scale = scale;
    config.reliability.max_read_threshold = 1u << 30;
    Media media(config, 0);
    media.mark_programmed(0, config.channel_bytes());
    constexpr double kSenses = 20000;
    for (unsigned i = 0; i < kSenses; ++i) media.sense(0, i % 32, false, 0);
    const double factor = std::min(scale, 25.0);  // 1 / 0.04
    const auto near = [&](std::uint64_t measured, double p) {
      EXPECT_NEAR(static_cast<double>(measured), kSenses * p, 4.5 * std::sqrt(kSenses * p * (1 - p)) + 1e-9)
          << scale;
    };
    near(media.counters().corrected, 0.02 * factor);
    near(media.counters().retried, 0.01 * factor);
    near(media.counters().uncorrectable, 0.01 * factor);
    unsigned fails = 0;
    for (unsigned i = 0; i < 2000; ++i) {
      fails += write(media, dlu(0, i % 4, 0)).status == WriteStatus::kProgramFail ? 1 : 0;
    }
    const double p = std::min(1.0, 0.001 * scale);
    EXPECT_NEAR(fails, 2000 * p, 4.5 * std::sqrt(2000 * p * (1 - p)) + 1e-9) << scale;
  }
}

TEST(HbfMedia, SameSeedSameOutcomesOtherSeedOthers) {
  const auto outcomes = [](std::uint64_t seed, unsigned channel) {
    Config config = small_cube();
    config.seed = seed;
    config.reliability.extra_uncorrectable = 0.1;
    Media media(config, channel);
    media.mark_programmed(0, config.channel_bytes());
    std::vector<bool> result;
    for (unsigned i = 0; i < 400; ++i) {
      result.push_back(media.sense(0, i % 32, false, 0).status == ReadStatus::kUncorrectable);
    }
    return result;
  };
  EXPECT_EQ(outcomes(1, 0), outcomes(1, 0));
  EXPECT_NE(outcomes(1, 0), outcomes(2, 0));
  EXPECT_NE(outcomes(1, 0), outcomes(1, 1));
}

/// The same accesses, one page at a time in one model and in runs, as long as they are plain, in the other.
void compare_runs(const Config& config, std::uint64_t seed, TimePs most_step) {
  Media single(config, 0), runs(config, 0);
  for (Media* media : {&single, &runs}) {
    media->mark_programmed(0, config.channel_bytes() / 2);
    if (seed % 2 == 0) media->inject(fault(9, FaultKind::kRetry, 1));
  }
  Rng rng(seed, "interleaving");
  const unsigned lanes = config.lanes_per_channel();
  TimePs now = 0;
  std::uint64_t taken = 0, odd = 0;
  for (int i = 0; i < 4000; ++i) {
    now += rng.below(most_step) + 1;
    switch (rng.below(12)) {
      case 0: {
        const double celsius = 60 + static_cast<double>(rng.below(60));
        single.set_temperature(now, celsius);
        runs.set_temperature(now, celsius);
        break;
      }
      case 1: {
        const std::uint64_t row = rng.below(config.rows()), lane = rng.below(lanes);
        const std::uint64_t first = row * lanes * config.pages_per_block + lane;
        for (unsigned page = 0; page < config.pages_per_block; ++page) {
          const std::uint64_t number = first + std::uint64_t{page} * lanes;
          const auto a = write(single, number, now);
          const auto b = write(runs, number, now);
          ASSERT_EQ(a.status, b.status);
        }
        break;
      }
      default: {
        Media::Place place;
        place.lane = static_cast<unsigned>(rng.below(lanes));
        place.row = static_cast<std::uint32_t>(rng.below(config.rows()));
        place.page = static_cast<std::uint32_t>(rng.below(config.pages_per_block));
        // Into the next block, or its next one.
        const std::uint64_t in_lane = std::uint64_t{place.row} * config.pages_per_block + place.page;
        const std::uint64_t behind = config.rows() * config.pages_per_block - in_lane;
        const auto wanted = static_cast<std::uint32_t>(
            1 + rng.below(std::min<std::uint64_t>(behind, 2 * config.pages_per_block)));
        const TimePs until = now + rng.below(most_step) + 1;
        const std::uint32_t plain = runs.plain_run(now, until, place, wanted);
        ASSERT_LE(plain, wanted);
        if (plain > 0) runs.sense_run(now, place, plain);
        taken += plain;
        for (std::uint32_t k = 0; k < wanted; ++k) {
          Media::Place at = place;
          at.row = static_cast<std::uint32_t>((in_lane + k) / config.pages_per_block);
          at.page = static_cast<std::uint32_t>((in_lane + k) % config.pages_per_block);
          const std::uint64_t number = single.dlu_of(at);
          const TimePs when = k < plain ? now + k * (until - now) / wanted : until;
          const auto look = single.look(number);
          if (k < plain) {
            ASSERT_EQ(look.status, ReadStatus::kOk);
            const auto sensed = single.sense(when, number, false, 0);
            ASSERT_EQ(sensed.status, ReadStatus::kOk) << i;
            ASSERT_EQ(sensed.stages, 0u);
            continue;
          }
          ASSERT_EQ(look.status, runs.look(number).status);
          if (look.status != ReadStatus::kOk) continue;
          const auto a = single.sense(when, number, false, 0), b = runs.sense(when, number, false, 0);
          ASSERT_EQ(a.status, b.status) << i;
          ASSERT_EQ(a.info, b.info);
          ASSERT_EQ(a.stages, b.stages);
          if (a.status != ReadStatus::kOk || a.stages > 0) ++odd;
        }
        now = until;
      }
    }
    const auto &a = single.counters(), &b = runs.counters();
    ASSERT_EQ(a.senses, b.senses);
    ASSERT_EQ(a.corrected, b.corrected);
    ASSERT_EQ(a.uncorrectable, b.uncorrectable);
    ASSERT_EQ(a.program_fails, b.program_fails);
  }
  for (unsigned lane = 0; lane < lanes; ++lane) {
    for (std::uint32_t row = 0; row < config.rows(); ++row) {
      const auto a = single.block_info(now, lane, row), b = runs.block_info(now, lane, row);
      ASSERT_EQ(a.reads, b.reads);
      ASSERT_EQ(a.hours, b.hours);
      ASSERT_EQ(a.pec, b.pec);
      ASSERT_EQ(a.frontier, b.frontier);
    }
  }
  EXPECT_GT(taken, 1000u) << "runs were taken at once";
  EXPECT_GT(odd, 20u) << "and there was something to miss";
}

TEST(HbfMedia, RunsOfSensesAreThoseOneByOne) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Config config = small_cube();
    config.pages_per_block = 512;
    config.capacity_bytes = std::uint64_t{2} * 2 * 512 * 4 * kPageBytes;
    config.seed = seed;
    Reliability& r = config.reliability;
    r.base_rber = 1e-3;
    r.wear_factor = 1e-5;
    r.wear_exponent = 1;
    r.retention_factor = 2e-4;
    r.retention_exponent = 0.5;
    r.retention_wear_exponent = 0.1;
    r.read_factor = 1e-8;
    r.read_exponent = 1.2;
    r.read_wear_exponent = 0.1;
    r.correctable_bits = 24;
    r.high_bits = 22;
    r.extra_corrected = 1e-4;
    r.program_fail_rate = 1e-3;
    r.max_read_threshold = seed == 3 ? 5000 : 1u << 30;
    SCOPED_TRACE(seed);
    compare_runs(config, seed, seed % 3 == 0 ? 100 * kPsPerUs : 20 * kSecond);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(HbfMedia, BlocksOfALaneShareItsBudget) {
  Config config = small_cube();
  config.reliability.extra_uncorrectable = 0.05;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    config.seed = seed;
    Media runs(config, 0), single(config, 0);
    for (Media* media : {&runs, &single}) media->mark_programmed(0, config.channel_bytes());
    std::uint32_t expected = 0;
    while (expected < 16) {
      const std::uint64_t page = single.dlu_of({1, expected / 4, expected % 4});
      if (single.sense(0, page, false, 0).status != ReadStatus::kOk) break;
      ++expected;
    }
    EXPECT_EQ(runs.plain_run(0, 1, {1, 0, 0}, 16), expected);
    EXPECT_EQ(runs.plain_run(0, 1, {1, 0, 0}, 100), expected) << "no page behind the last";
    if (expected < 16) {
      EXPECT_THROW(runs.sense_run(0, {1, 0, 0}, expected + 1), ModelError);
    } else {
      EXPECT_THROW(runs.sense_run(0, {1, 0, 0}, 17), ModelError);
    }
  }
}

TEST(HbfMedia, RunEndsWhereTheAgeMayChangeTheOdds) {
  Config config = small_cube();
  config.reliability.retention_factor = 1e-6;
  config.thermal.ambient_c = config.reliability.reference_c;  // real hours
  Media media(config, 0);
  media.mark_programmed(0, config.channel_bytes());
  const TimePs edge = kHour / 64;
  EXPECT_EQ(media.plain_run(0, edge - 1, {0, 0, 0}, 4), 4u);
  EXPECT_EQ(media.plain_run(0, edge, {0, 0, 0}, 4), 0u);
  EXPECT_EQ(media.plain_run(edge, edge + kSecond, {0, 0, 0}, 4), 4u);
}

// --- Size ---

TEST(HbfMedia, LastRowMayBeAddressableInPart) {
  Config config = small_cube();
  config.capacity_bytes =
      std::uint64_t{2} * 27 * kPageBytes;  // 3 rows, then lane 0: pages 0, 1; lane 1: page 0
  config.zones_per_channel = 2;
  Media media(config, 0);
  EXPECT_EQ(media.logical_blocks(), 8u);
  media.mark_programmed(0, config.channel_bytes());
  EXPECT_EQ(media.plain_run(0, 1, {0, 3, 0}, 4), 2u);
  EXPECT_EQ(media.plain_run(0, 1, {1, 3, 0}, 4), 1u);
  EXPECT_EQ(media.look(27).status, ReadStatus::kOutOfRange);
  config.capacity_bytes = std::uint64_t{2} * 25 * kPageBytes;  // row 3 exists in lane 0 alone
  Media less(config, 0);
  EXPECT_EQ(less.logical_blocks(), 7u);
  EXPECT_TRUE(less.block_info(0, 1, 3).retired);
  EXPECT_EQ(less.wear().spares_left, 3u);
  less.swap_zones(0, 1);
}

TEST(HbfMedia, CubeOfHalfATebibyteIsCheap) {
  Config config = load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbf_slc_1us.toml");
  std::vector<std::unique_ptr<Media>> cube;
  for (unsigned channel = 0; channel < config.channels; ++channel) {
    cube.push_back(std::make_unique<Media>(config, channel));
    cube.back()->mark_programmed(0, config.channel_bytes());
  }
  EXPECT_LT(cube.size() * cube[0]->host_bytes(), 50u << 20) << "everything programmed";
  std::printf("512 GiB, all programmed: %.1f MiB of host memory\n",
              static_cast<double>(cube.size() * cube[0]->host_bytes()) / 1048576);
  EXPECT_LT(Media(config, 0).host_bytes(), 4096u) << "nothing written";
  // Every page of a channel in runs of one block.
  const std::uint64_t blocks = cube[0]->logical_blocks();
  std::uint64_t pages = 0;
  for (std::uint64_t block = 0; block < blocks; ++block) {
    const Media::Place place{static_cast<unsigned>(block % config.lanes_per_channel()),
                             static_cast<std::uint32_t>(block / config.lanes_per_channel()), 0};
    const std::uint32_t plain = cube[0]->plain_run(0, kSecond, place, config.pages_per_block);
    cube[0]->sense_run(0, place, plain);
    pages += plain;
  }
  EXPECT_EQ(pages, config.channel_pages());
}

}  // namespace
}  // namespace memwall::hbf
