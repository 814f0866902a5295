// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The rules of time of one channel, each from both sides: what happens at t, and what 1 ps before or after.
#include <gtest/gtest.h>

#include "ip/hbf/channel_host.h"

namespace memwall::hbf {
namespace {

using namespace testing_support;

constexpr std::uint16_t kBatch = user::flash_read(true);

// --- Reads ---

TEST(ColdRead, MeetsTheFormulaToThePicosecond) {
  std::printf("grade  beats  tR ns  tECC ns  latency ns   expected ps   measured ps  deviation\n");
  for (const unsigned grade : {1u, 2u, 3u}) {
    for (const TimePs sense : {ns(1000), ns(4000), ns(20000), TimePs{1234567}}) {
      for (const TimePs decode : {TimePs{0}, ns(100)}) {
        for (const TimePs latency : {TimePs{0}, ns(10), TimePs{10333}}) {
          for (const unsigned beats : {1u, 3u, 4u, 64u}) {
            Config c = small_channel();
            c.link.grade = grade;
            c.link.latency = latency;
            c.timing.tR = sense;
            c.timing.tECC = decode;
            ChannelHost h(c);
            const std::uint64_t read = h.read(0, page(5) + (64 - beats) * 64, beats, 3);
            h.run();
            const TimePs expected = cold_read(c, beats);
            EXPECT_EQ(h.at(read), expected);
            if (latency == ns(10) && decode == ns(100) && (beats == 1 || beats == 64)) {
              std::printf("%5u %6u %6.0f %8.0f %11.0f %13llu %13llu %10lld\n", grade, beats, sense / 1e3,
                          decode / 1e3, latency / 1e3, static_cast<unsigned long long>(expected),
                          static_cast<unsigned long long>(h.at(read)),
                          static_cast<long long>(h.at(read) - expected));
            }
          }
        }
      }
    }
  }
}

TEST(ColdRead, OfAPageAtGrade2AndTheDefaultTimesIs1165Ns) {
  ChannelHost h;
  const std::uint64_t read = h.read(0, page(0), 64, 0);
  h.run();
  EXPECT_EQ(h.at(read), ns(1165));
  // The first beat comes with the first flit.
  EXPECT_EQ(h.answers[read].first_beat, ns(2 + 10 + 5 + 1000 + 100 + 2 + 10));
}

TEST(PageBuffer, SixtyFourChunkReadsOfAPageAreOneSense) {
  const Config c = small_channel();
  ChannelHost h(c);
  std::vector<std::uint64_t> reads;
  for (unsigned i = 0; i < 64; ++i) reads.push_back(h.read(0, page(0) + i * 64, 1, i));
  h.run();
  EXPECT_EQ(h.senses(), 1u);
  EXPECT_EQ(h.channel.counters().buffer_hits, 63u);
  EXPECT_EQ(h.at(reads.back()), cold_read(c, 64)) << "as one burst of 64";
}

TEST(PageBuffer, AHotSpotOnOneBankIsServedAtTr) {
  Config c = small_channel();
  ChannelHost h(c);
  std::vector<std::uint64_t> reads;
  for (unsigned i = 0; i < 16; ++i) reads.push_back(h.read(0, page(4 * i), 1, i));
  h.run();
  EXPECT_EQ(h.senses(), 16u);
  for (unsigned i = 0; i < 16; ++i) EXPECT_EQ(h.at(reads[i]), cold_read(c, 1) + i * c.timing.tR) << i;
}

TEST(PageBuffer, BanksSenseAtTheSameTime) {
  const Config c = small_channel();
  ChannelHost h(c);
  std::vector<std::uint64_t> reads;
  for (unsigned i = 0; i < 4; ++i) reads.push_back(h.read(0, page(i), 1, i));
  h.run();
  for (const std::uint64_t r : reads) EXPECT_LE(h.at(r), cold_read(c, 1) + flit(c));
}

TEST(PageBuffer, TwoPagesStayAndAThirdTakesThePlaceOfTheOlder) {
  ChannelHost h;
  TimePs now = 0;
  const auto senses_of = [&](std::uint64_t n) {
    const std::uint64_t before = h.senses();
    h.read(now, page(n), 1, 1);
    h.run(now += ns(3000));
    return h.senses() - before;
  };
  for (unsigned i = 0; i < 6; ++i) EXPECT_EQ(senses_of(i % 2 * 4), i < 2 ? 1u : 0u) << "pages 0 and 4";
  EXPECT_EQ(senses_of(8), 1u);
  EXPECT_EQ(h.channel.counters().evictions, 1u);
  EXPECT_EQ(senses_of(4), 0u) << "the younger of the two";
  EXPECT_EQ(senses_of(0), 1u) << "was evicted";
}

TEST(PageBuffer, AHitIsServedWhileTheBankSenses) {
  const Config c = small_channel();
  ChannelHost h(c);
  h.read(0, page(0), 1, 1);
  h.run(ns(5000));
  const std::uint64_t miss = h.read(ns(5000), page(4), 1, 1);
  const std::uint64_t hit = h.read(ns(5200), page(0) + 64, 1, 2);
  h.run();
  EXPECT_EQ(h.at(hit), ns(5200) + lookup(c) + home(c, 1));
  EXPECT_EQ(h.at(miss), ns(5000) + cold_read(c, 1));
}

TEST(PageBuffer, AReadOfAPageThatIsBeingSensedOrDecodedJoins) {
  const Config c = small_channel();
  for (const TimePs later : {ns(1), c.timing.tR, c.timing.tR + c.timing.tECC - 1}) {
    ChannelHost h(c);
    h.read(0, page(0), 1, 1);
    const std::uint64_t second = h.read(later, page(0) + 64, 1, 2);
    h.run();
    EXPECT_EQ(h.senses(), 1u);
    EXPECT_LE(h.at(second), cold_read(c, 1) + flit(c));
  }
}

TEST(PageBuffer, IsTakenWhenTheResponsesFromItHaveLeft) {
  Config c = small_channel();
  c.link.r_credits = 14;  // the link is far slower than the array
  // One beat per credit loop; the end of the flit with the last one.
  const TimePs left = lookup(c) + c.timing.tR + c.timing.tECC + 63 * 2 * (flit(c) + c.link.latency) + flit(c);
  ASSERT_GT(left, lookup(c) + 2 * c.timing.tR) << "else the test shows nothing";
  ChannelHost h(c);
  std::vector<std::uint64_t> reads;
  for (unsigned i = 0; i < 3; ++i) reads.push_back(h.read(0, page(4 * i), 64, i));
  h.run(left - 1);
  EXPECT_EQ(h.senses(), 2u);
  h.run(left);
  EXPECT_EQ(h.senses(), 3u);
  h.run();
  EXPECT_EQ(h.at(reads[0]), left + c.link.latency);
  EXPECT_EQ(h.channel.counters().evictions, 1u);
}

TEST(PageBuffer, AReadThatWaitsForItsIdHoldsNoBuffer) {
  // Reads of one id: the third page's sense needs a buffer that the fourth and fifth command, both hits,
  // must not hold, since they are answered after it.
  ChannelHost h;
  h.read(0, page(0), 1, 1);
  h.read(0, page(4), 1, 1);
  h.run(ns(5000));
  const std::uint64_t third = h.read(ns(5000), page(8), 1, 1);
  const std::uint64_t fourth = h.read(ns(5000), page(0), 1, 1);
  const std::uint64_t fifth = h.read(ns(5000), page(4), 1, 1);
  h.run();
  EXPECT_EQ(h.order[2], third);
  EXPECT_EQ(h.order[3], fourth);
  EXPECT_EQ(h.order[4], fifth);
  EXPECT_EQ(h.senses(), 3u);
}

TEST(PageBuffer, AnUncorrectablePageDoesNotStayACorrectedOneDoesWithItsStatus) {
  ChannelHost h;
  const auto plant = [&](std::uint64_t n, FaultKind kind) {
    Fault f;
    f.address = page(n);
    f.kind = kind;
    h.channel.media().inject(f);
  };
  plant(0, FaultKind::kUncorrectable);
  plant(1, FaultKind::kCorrectedHigh);
  TimePs now = 0;
  for (const std::uint64_t n : {0u, 0u, 1u, 1u}) {
    const std::uint64_t before = h.senses();
    const std::uint64_t read = h.read(now, page(n), 1, 1);
    h.run(now += ns(9000));
    EXPECT_EQ(h.status(read), n == 0 ? 4u : 5u);
    const bool hit = n == 1 && h.channel.counters().buffer_hits == 1;
    EXPECT_EQ(h.senses() == before, hit);
  }
  EXPECT_EQ(h.channel.counters().buffer_hits, 1u);
}

TEST(PageBuffer, RetryStagesOfTheBaseDieTakeTRetryEach) {
  const Config c = small_channel();
  for (const unsigned stages : {1u, 2u, 3u}) {
    ChannelHost h(c);
    Fault f;
    f.kind = FaultKind::kRetry;
    f.stages = stages;
    h.channel.media().inject(f);
    const std::uint64_t read = h.read(0, page(0), 1, 1);
    const std::uint64_t behind = h.read(0, page(4), 1, 2);
    h.run();
    EXPECT_EQ(h.status(read), 0u);
    EXPECT_EQ(h.at(read), cold_read(c, 1) + stages * c.timing.tRETRY);
    EXPECT_EQ(h.at(behind), h.at(read) + c.timing.tR) << "the lane was busy";
  }
}

// --- Order ---

TEST(Order, OneIdIsAnsweredInOrderOtherIdsAreNot) {
  const Config c = small_channel();
  ChannelHost h(c);
  h.read(0, page(0), 1, 9);
  h.run(ns(5000));
  const std::uint64_t miss = h.read(ns(5000), page(4), 1, 1);
  const std::uint64_t same = h.read(ns(5000), page(0), 1, 1);
  const std::uint64_t other = h.read(ns(5000), page(0), 1, 2);
  h.run();
  EXPECT_EQ(h.at(other), ns(5000) + lookup(c) + home(c, 1));
  EXPECT_EQ(h.at(miss), ns(5000) + cold_read(c, 1));
  EXPECT_EQ(h.at(same), h.at(miss)) << "packed behind it";
  EXPECT_EQ(h.order.back(), same);
}

TEST(Order, PortsAndDirectionsHaveTheirOwnIds) {
  Config c = small_channel();
  c.ports_per_channel = 2;
  ChannelHost h(c);
  h.read(0, page(0), 1, 9);
  h.run(ns(5000));
  h.read(ns(5000), page(4), 1, 1);
  h.port = 1;
  const std::uint64_t write = h.offer(ns(5000), true, 0, 1, 1, user::scratchpad());
  const std::uint64_t other = h.offer(ns(5000), false, 0, 1, 1, user::scratchpad());
  h.run(ns(5500));
  EXPECT_EQ(h.answers.count(write), 1u);
  EXPECT_EQ(h.answers.count(other), 1u);
}

TEST(Order, SensesOfABankStartInOrderOfArrival) {
  const Config c = small_channel();
  ChannelHost h(c);
  std::vector<std::uint64_t> reads;
  const unsigned pages[] = {12, 0, 8, 4, 28, 16};
  for (unsigned i = 0; i < 6; ++i) reads.push_back(h.read(i, page(pages[i]), 1, i));
  h.run();
  EXPECT_EQ(h.order, reads);
}

// --- Collecting reads ---

TEST(Accumulate, ALoneReadWaitsForTheTimer) {
  Config c = small_channel();
  c.timing.tACCUMULATE = ns(700);
  ChannelHost h(c);
  const std::uint64_t read = h.read(0, page(0), 1, 1);
  h.run();
  EXPECT_EQ(h.at(read), cold_read(c, 1) + ns(700));
}

TEST(Accumulate, AReadThatComesWithTheEndOfTheTimerIsReleasedWithIt) {
  Config c = small_channel();
  c.timing.tACCUMULATE = ns(700);
  for (const TimePs late : {TimePs{0}, TimePs{1}}) {
    ChannelHost h(c);
    const std::uint64_t first = h.read(0, page(0), 1, 1);
    const std::uint64_t second = h.read(ns(700) + late, page(1), 1, 2);
    h.run();
    EXPECT_EQ(h.at(first), ns(700) + cold_read(c, 1));
    const TimePs own = late == 0 ? 0 : c.timing.tACCUMULATE + late;
    EXPECT_GE(h.at(second), ns(700) + own + cold_read(c, 1));
    EXPECT_LE(h.at(second), ns(700) + own + cold_read(c, 1) + flit(c));
  }
}

TEST(Accumulate, HitsAreNotCollected) {
  Config c = small_channel();
  c.timing.tACCUMULATE = ns(700);
  ChannelHost h(c);
  h.read(0, page(0), 1, 1);
  h.run(ns(5000));
  const std::uint64_t hit = h.read(ns(5000), page(0) + 64, 1, 1);
  h.run();
  EXPECT_EQ(h.at(hit), ns(5000) + lookup(c) + home(c, 1));
}

TEST(Batch, ARunIsReleasedByTheNextRegularRead) {
  Config c = small_channel();
  c.timing.tACCUMULATE = ns(50000);
  ChannelHost h(c);
  std::vector<std::uint64_t> reads;
  for (unsigned i = 0; i < 3; ++i) reads.push_back(h.read(i * ns(100), page(i), 1, i, kBatch));
  reads.push_back(h.read(ns(1000), page(3), 1, 3));
  h.run();
  for (const std::uint64_t r : reads) {
    EXPECT_GE(h.at(r), ns(1000) + cold_read(c, 1));
    EXPECT_LE(h.at(r), ns(1000) + cold_read(c, 1) + flit(c));
  }
}

TEST(Batch, ARegularHitReleasesTheRunAsWell) {
  Config c = small_channel();
  c.timing.tACCUMULATE = ns(50000);
  ChannelHost h(c);
  h.read(0, page(0), 1, 0);
  h.run(ns(60000));
  const std::uint64_t run = h.read(ns(60000), page(1), 1, 1, kBatch);
  h.read(ns(61000), page(0), 1, 2);
  h.run();
  EXPECT_EQ(h.at(run), ns(61000) + cold_read(c, 1));
}

TEST(Batch, ARunThatNobodyEndsWaitsForTheTimer) {
  for (const TimePs timer : {TimePs{0}, ns(400), ns(7000)}) {
    Config c = small_channel();
    c.timing.tACCUMULATE = timer;
    ChannelHost h(c);
    const std::uint64_t run = h.read(0, page(1), 1, 1, kBatch);
    h.run();
    EXPECT_EQ(h.at(run), cold_read(c, 1) + (timer == 0 ? ns(1000) : timer)) << "1 us without a timer";

    c.readings.batch = Readings::Batch::kImmediate;
    ChannelHost immediate(c);
    const std::uint64_t at_once = immediate.read(0, page(1), 1, 1, kBatch);
    immediate.run();
    EXPECT_EQ(immediate.at(at_once), cold_read(c, 1));
  }
}

// --- Outstanding ---

TEST(Outstanding, TheNextCommandGoesWhenAResponseIsThere) {
  Config c = small_channel();
  c.mocs_code = 0;  // one
  ChannelHost h(c);
  const std::uint64_t first = h.read(0, page(0), 1, 1), second = h.read(0, page(1), 1, 2);
  h.run();
  EXPECT_EQ(h.at(first), cold_read(c, 1));
  EXPECT_EQ(h.at(second), 2 * cold_read(c, 1));
}

TEST(Outstanding, TheLimitIsReachedExactly) {
  Config c = small_channel();
  c.mocs_code = 7;  // 256
  ChannelHost h(c);
  std::vector<std::uint64_t> reads;
  for (unsigned i = 0; i < 257; ++i) reads.push_back(h.read(0, page(0) + i % 64 * 64, 1, i));
  h.run();
  const TimePs first_home = h.at(reads[0]);
  for (unsigned i = 0; i < 256; ++i) EXPECT_LE(h.at(reads[i]), first_home + ns(200)) << i;
  EXPECT_EQ(h.senses(), 1u);
  // Offered again when the first answer is there: a hit from then on.
  EXPECT_GE(h.at(reads[256]), first_home + lookup(c) + home(c, 1));
}

// --- Writes ---

TEST(Write, IsAnsweredWhenItsPageIsProgrammed) {
  for (const unsigned grade : {1u, 2u, 3u}) {
    Config c = small_channel();
    c.link.grade = grade;
    ChannelHost h(c, false);
    const std::uint64_t zero = h.write(0, page(0), 64, 1);
    h.run(ns(100000));
    const std::uint64_t one = h.write(ns(100000), page(4), 64, 1);
    h.run();
    const TimePs b = flit(c) + c.link.latency;
    const TimePs expected[] = {write_lookup(c, 64) + c.timing.tBERS + c.timing.tPROG + b,
                               ns(100000) + write_lookup(c, 64) + c.timing.tPROG + b};
    std::printf("grade %u: page 0 expected %llu measured %llu; page 1 expected %llu measured %llu ps\n",
                grade, static_cast<unsigned long long>(expected[0]),
                static_cast<unsigned long long>(h.at(zero)), static_cast<unsigned long long>(expected[1]),
                static_cast<unsigned long long>(h.at(one)));
    EXPECT_EQ(h.at(zero), expected[0]);
    EXPECT_EQ(h.at(one), expected[1]);
  }
}

TEST(Write, SixtyFourCommandsGetSixtyFourResponsesABurstOne) {
  Config c = small_channel();
  ChannelHost h(c, false);
  std::vector<std::uint64_t> writes;
  for (unsigned i = 0; i < 64; ++i) writes.push_back(h.write(0, page(0) + i * 64, 1, 63 - i));
  h.run();
  EXPECT_EQ(h.order, writes) << "in the order of the commands";
  for (const std::uint64_t w : writes) EXPECT_EQ(h.status(w), 0u);
  EXPECT_EQ(h.channel.media().counters().programs, 1u);
}

TEST(Write, ChunksMayComeInAnyOrderUntilTheDeadlineAndNotAPicosecondLater) {
  Config c = small_channel();
  for (const TimePs late : {TimePs{0}, TimePs{1}}) {
    ChannelHost h(c, false);
    std::vector<std::uint64_t> writes;
    writes.push_back(h.write(0, page(0) + 63 * 64, 1, 0));
    for (unsigned i = 1; i < 63; ++i) writes.push_back(h.write(ns(100), page(0) + i * 64, 1, i));
    const std::uint64_t last = h.write(c.timing.tGATHER + late, page(0), 1, 63);
    h.run();
    for (const std::uint64_t w : writes) EXPECT_EQ(h.status(w), late == 0 ? 0u : 5u);
    if (late == 0) {
      EXPECT_EQ(h.status(last), 0u);
      continue;
    }
    EXPECT_EQ(h.at(writes[0]), write_lookup(c, 1) + c.timing.tGATHER + flit(c) + c.link.latency);
    // It opened the DLU anew, and timed out on its own.
    EXPECT_EQ(h.status(last), 5u);
    EXPECT_EQ(h.channel.media().counters().programs, 0u);
    const std::uint64_t again = h.write(h.channel.now(), page(0), 64, 1);
    h.run(h.channel.now() + ns(200000));
    EXPECT_EQ(h.status(again), 0u) << "the page was not consumed";
  }
}

TEST(Write, OpensAsManyDlusAsTheLimitSays) {
  Config c = small_channel();
  c.open_dlus = 4;
  ChannelHost h(c, false);
  std::vector<std::uint64_t> firsts;
  for (unsigned i = 0; i < 4; ++i) firsts.push_back(h.write(0, page(i), 1, i));
  const std::uint64_t fifth = h.write(ns(100), page(16), 1, 4);
  std::vector<std::uint64_t> rest;
  for (unsigned i = 1; i < 64; ++i) rest.push_back(h.write(ns(200), page(0) + i * 64, 1, 10 + i));
  const std::uint64_t after = h.write(ns(1000), page(16), 64, 5);
  h.run();
  EXPECT_EQ(h.status(fifth), 4u);
  EXPECT_EQ(h.at(fifth), ns(100) + write_lookup(c, 1) + flit(c) + c.link.latency) << "refused at lookup";
  for (const std::uint64_t w : rest) EXPECT_EQ(h.status(w), 0u) << "an open DLU goes on";
  EXPECT_EQ(h.status(after), 0u) << "a complete DLU does not count";
  for (unsigned i = 1; i < 4; ++i) EXPECT_EQ(h.status(firsts[i]), 5u);
}

TEST(Write, ProgramsAndSensesOfALaneQueueInOrder) {
  Config c = small_channel();
  ChannelHost h(c, false);
  h.channel.media().mark_programmed(page(0), 4 * kPageBytes);
  const std::uint64_t write = h.write(0, page(4), 64, 1);
  const std::uint64_t same_lane = h.read(ns(100), page(0), 1, 1), other_lane = h.read(ns(100), page(1), 1, 2);
  h.run();
  const TimePs end = write_lookup(c, 64) + c.timing.tPROG;
  EXPECT_EQ(h.at(write), end + flit(c) + c.link.latency);
  EXPECT_EQ(h.at(same_lane), end + c.timing.tR + c.timing.tECC + home(c, 1));
  EXPECT_EQ(h.at(other_lane), ns(100) + cold_read(c, 1));
}

TEST(Write, AReadBeforeTheRestartOfItsBlockGetsTheOldContents) {
  for (const TimePs timer : {TimePs{0}, ns(5000)}) {
    Config c = small_channel();
    c.timing.tACCUMULATE = timer;
    ChannelHost h(c);
    // The lane is busy and the read still waits when page 0 is accepted.
    h.read(0, page(16), 1, 1);
    const std::uint64_t read = h.read(0, page(8), 1, 2);
    h.write(0, page(0), 64, 1);
    const std::uint64_t late = h.read(ns(20000), page(8), 1, 3);
    h.run();
    EXPECT_EQ(h.status(read), 0u);
    EXPECT_EQ(h.status(late), 7u);
  }
}

TEST(Write, AProgramTakesItsPageFromTheBuffers) {
  ChannelHost h;
  h.read(0, page(4), 1, 1);
  h.read(0, page(8), 1, 2);
  h.run(ns(5000));
  EXPECT_EQ(h.senses(), 2u);
  h.write(ns(5000), page(0), 64, 1, 0x11);
  h.write(ns(5000), page(4), 64, 2, 0x22);
  h.run(ns(100000));
  const std::uint64_t read = h.read(ns(100000), page(4), 1, 3);
  h.run();
  EXPECT_EQ(h.status(read), 0u);
  EXPECT_EQ(h.byte(read), 0x22);
  EXPECT_EQ(h.senses(), 3u) << "the old page 4 was no hit";
}

// --- Throttle ---

TEST(Throttle, LightStretchesWhatStartsUnderIt) {
  Config c = small_channel();
  c.thermal.light_factor = 2.5;
  ChannelHost h(c);
  h.channel.set_throttle(true, false, 96);
  const std::uint64_t slow = h.read(0, page(0), 1, 1);
  h.run(lookup(c));  // the sense has begun
  h.channel.set_throttle(false, false, 80);
  const std::uint64_t queued = h.read(h.channel.now(), page(4), 1, 2);
  h.run();
  const TimePs slowed = 5 * c.timing.tR / 2;
  EXPECT_EQ(h.at(slow), cold_read(c, 1) - c.timing.tR + slowed);
  EXPECT_EQ(h.at(queued), cold_read(c, 1) + slowed) << "started after light throttling";
  EXPECT_EQ(h.channel.counters().light_time, lookup(c));
}

TEST(Throttle, LightStretchesPrograms) {
  Config c = small_channel();
  c.thermal.light_factor = 3;
  ChannelHost h(c, false);
  h.channel.set_throttle(true, false, 96);
  const std::uint64_t write = h.write(0, page(0), 64, 1);
  h.run();
  EXPECT_EQ(h.at(write),
            write_lookup(c, 64) + 3 * (c.timing.tBERS + c.timing.tPROG) + flit(c) + c.link.latency);
}

TEST(Throttle, SevereSendsNothingAndLosesNothing) {
  const Config c = small_channel();
  ChannelHost h(c);
  const std::uint64_t before = h.read(0, page(0), 1, 1);
  h.run(ns(100));
  h.channel.set_throttle(true, true, 106);
  const std::uint64_t during = h.read(ns(200), page(1), 1, 2);
  h.run(ns(50000));
  EXPECT_EQ(h.at(before), cold_read(c, 1)) << "in flight: finishes";
  EXPECT_EQ(h.answers.count(during), 0u);
  h.channel.set_throttle(false, false, 90);
  h.run();
  EXPECT_EQ(h.at(during), ns(50000) + cold_read(c, 1));
  EXPECT_EQ(h.channel.counters().severe_time, ns(50000 - 100));
}

TEST(Throttle, SevereMayAnswerWhatIsInFlight) {
  Config c = small_channel();
  c.readings.severe_in_flight = Readings::SevereInFlight::kBlocked;
  ChannelHost h(c);
  const std::uint64_t sensing = h.read(0, page(0), 1, 1), queued = h.read(0, page(4), 1, 2);
  const std::uint64_t open = h.write(ns(20), page(16), 1, 3);
  h.run(ns(200));
  h.channel.set_throttle(true, true, 106);
  h.run(ns(5000));
  for (const std::uint64_t cookie : {sensing, queued, open}) {
    EXPECT_EQ(h.status(cookie), 9u);
    EXPECT_EQ(h.answers[cookie].info(), 1u);
    EXPECT_LE(h.at(cookie), ns(200) + 2 * flit(c) + c.link.latency);
  }
  EXPECT_EQ(h.byte(sensing), 0xff) << "no data";
  EXPECT_EQ(h.senses(), 1u) << "the queued one was dropped";
  h.channel.set_throttle(false, false, 90);
  const std::uint64_t hit = h.read(ns(5000), page(0), 1, 4);
  h.run();
  EXPECT_EQ(h.at(hit), ns(5000) + lookup(c) + home(c, 1)) << "the started sense has filled its buffer";
}

// --- Resets ---

TEST(Reset, WhatIsInFlightGetsNoResponse) {
  for (const ResetType type : {ResetType::kPhy, ResetType::kAou, ResetType::kChannel}) {
    const Config c = small_channel();
    ChannelHost h(c);
    h.read(0, page(0), 64, 1);
    h.read(ns(500), page(1), 64, 2);
    h.write(ns(10), page(16), 64, 3);
    Stream s;
    s.pages = 20;
    s.address = page(40);
    h.channel.submit(0, s);
    h.run(ns(600));
    h.channel.reset(ns(600), type);
    EXPECT_EQ(h.channel.in_flight(), 0u);
    // The link is down for tRESET.
    const std::uint64_t next = h.read(ns(700), page(2), 1, 1);
    h.run();
    EXPECT_EQ(h.answers.size(), 1u);
    EXPECT_EQ(h.at(next), ns(600) + c.timing.tRESET + cold_read(c, 1));
  }
}

TEST(Reset, OfTheLinkLeavesTheArrayAtWork) {
  const Config c = small_channel();
  ChannelHost h(c, false);
  h.write(0, page(0), 64, 1, 0x77);
  h.run(ns(5000));  // being programmed
  h.channel.reset(ns(5000), ResetType::kPhy);
  h.run(ns(500000));
  EXPECT_TRUE(h.answers.empty());
  const std::uint64_t read = h.read(ns(500000), page(0), 1, 1);
  h.run();
  EXPECT_EQ(h.status(read), 0u);
  EXPECT_EQ(h.byte(read), 0x77);
}

TEST(Reset, OfTheChannelTearsWhatIsBeingProgrammed) {
  const Config c = small_channel();
  ChannelHost h(c, false);
  h.write(0, page(0), 64, 1, 0x77);
  h.write(0, page(4), 64, 2, 0x78);
  h.run(ns(5000));
  h.channel.reset(ns(5000), ResetType::kChannel);
  h.run(ns(500000));
  const std::uint64_t zero = h.read(ns(500000), page(0), 1, 1);
  h.run();
  EXPECT_EQ(h.status(zero), 4u) << "lost until page 0 is written again";
  EXPECT_EQ(h.channel.counters().program_busy, ns(5000) - write_lookup(c, 64));
}

TEST(Reset, TheScratchpadIsLostWithThePowerOnly) {
  Config c = small_channel();
  ChannelHost h(c);
  h.offer(0, true, 0, 1, 1, user::scratchpad(), 0x42);
  h.run(ns(1000));
  h.channel.reset(ns(1000), ResetType::kChannel);
  const std::uint64_t kept = h.offer(ns(2000), false, 0, 1, 1, user::scratchpad());
  h.run(ns(200000));
  EXPECT_EQ(h.byte(kept), 0x42);
  h.channel.lose_power();
  h.channel.power_on(ns(300000), false);
  h.channel.management().enable_now(ns(300000));
  const std::uint64_t lost = h.offer(ns(300000), false, 0, 1, 1, user::scratchpad());
  h.run();
  EXPECT_EQ(h.byte(lost), 0);
  EXPECT_EQ(h.at(lost), ns(300000) + c.timing.tBOOT + lookup(c) + c.timing.tSCRATCHPAD + home(c, 1));
}

TEST(SecureErase, TakesBuffersOpenDlusAndWaitingReadsWithIt) {
  const Config c = small_channel();
  ChannelHost h(c);
  h.read(0, page(1), 1, 7);
  h.run(ns(3000));
  const std::uint64_t running = h.read(ns(3000), page(0), 1, 1), queued = h.read(ns(3000), page(4), 1, 2);
  const std::uint64_t open = h.write(ns(3000), page(2), 1, 3);
  h.run(ns(3200));
  h.channel.secure_erase(ns(3200), 0, EraseScope::kFlash, 0);
  const std::uint64_t buffered = h.read(ns(3300), page(1), 1, 4);
  h.run();
  EXPECT_EQ(h.status(running), 0u) << "its data were taken when it was looked up";
  EXPECT_EQ(h.status(queued), 7u);
  EXPECT_EQ(h.status(open), 5u) << "to be sent again";
  EXPECT_EQ(h.status(buffered), 7u);
}

// --- Other refusals ---

TEST(Refusals, OfAFormOrAPlaceAreAnsweredAtLookup) {
  Config c = small_channel();
  c.ports_per_channel = 2;
  ChannelHost h(c);
  struct Case {
    std::uint64_t address;
    unsigned beats;
    std::uint16_t user;
    unsigned status;
  };
  const Case cases[] = {
      {page(32), 1, 0, 1},       {page(31), 1, 0, 0},       {page(0) + 32, 1, 0, 3}, {page(0) + 64, 64, 0, 3},
      {page(0), 65, 0, 3},       {page(0), 1, 0x8, 3},      {page(0), 1, 0x3, 3},    {32 * 1024, 1, 1, 1},
      {32 * 1024 - 64, 1, 1, 0}, {32 * 1024 - 64, 2, 1, 1}, {64, 1, 0x9, 3},         {64, 1, 0x5, 0},
  };
  TimePs now = 0;
  for (const Case& x : cases) {
    const std::uint64_t read = h.offer(now, false, x.address, x.beats, 1, x.user);
    h.run(now + ns(3000));
    EXPECT_EQ(h.status(read), x.status) << x.address << " beats " << x.beats << " user " << x.user;
    if (x.status != 0) {
      EXPECT_EQ(h.at(read), now + lookup(c) + home(c, x.beats));
      EXPECT_EQ(h.byte(read), 0xff);
      EXPECT_EQ(h.answers[read].resp, 2);
    }
    now += ns(3000);
  }
}

TEST(Refusals, WithoutBurstsOnlySingleBeatsAreTaken) {
  Config c = small_channel();
  c.burst_reads = c.burst_writes = false;
  c.readings.crossing = Readings::Crossing::kOutOfRange;
  ChannelHost h(c);
  const std::uint64_t burst = h.read(0, page(0), 2, 1), single = h.read(0, page(0), 1, 2);
  const std::uint64_t askew = h.read(0, page(0) + 1, 1, 3), write = h.write(0, page(20), 64, 1);
  h.run();
  EXPECT_EQ(h.status(burst), 3u);
  EXPECT_EQ(h.status(single), 0u);
  EXPECT_EQ(h.status(askew), 1u) << "by the switch";
  EXPECT_EQ(h.status(write), 3u);
}

TEST(Refusals, WhileNotEnabledIoIsAnswered0x9) {
  Channel channel(small_channel(), 0);
  Command c;
  channel.submit(0, c);
  std::vector<Response> responses;
  std::vector<Notice> notices;
  channel.advance(ns(1000), responses, notices);
  ASSERT_EQ(responses.size(), 1u);
  EXPECT_EQ(responses[0].status(), 9u);
  EXPECT_EQ(responses[0].info(), 0u);
}

TEST(Refusals, WhatCannotCrossThePortIsAnError) {
  Config config = small_channel();
  Channel channel(config, 0);
  const auto refused = [&](const auto& change) {
    Command c;
    change(c);
    EXPECT_ANY_THROW(channel.submit(0, c));
  };
  refused([](Command& c) { c.port = 1; });
  refused([](Command& c) { c.id = 1u << kIdBits; });
  refused([](Command& c) { c.user = 1u << kUserBits; });
  refused([](Command& c) { c.address = std::uint64_t{1} << kAddressBits; });
  Stream s;
  EXPECT_ANY_THROW(channel.submit(0, s)) << "no pages";
  EXPECT_EQ(channel.in_flight(), 0u);
}

}  // namespace
}  // namespace memwall::hbf
