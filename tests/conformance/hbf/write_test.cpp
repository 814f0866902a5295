// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Requirements 30 to 42: the write path. plan.toml says what each is.
#include "conformance/hbf/bench.h"

namespace memwall::hbf::conformance {
namespace {

Bytes chunk_of(const Bytes& page, unsigned chunk) {
  return Bytes(page.begin() + chunk * 64, page.begin() + chunk * 64 + 64);
}

/// Sends the chunks of a page as single beats, all but `without` (64: none).
std::vector<std::uint64_t> send_chunks(Host& h, std::uint64_t n, const Bytes& page, unsigned without = 64) {
  std::vector<std::uint64_t> commands;
  for (unsigned i = 0; i < 64; ++i) {
    const unsigned chunk = i * 37 % 64;  // any order
    if (chunk != without)
      commands.push_back(h.write(dlu(n) + chunk * 64, chunk_of(page, chunk), 0x200 + chunk));
  }
  return commands;
}

TEST(Requirement30, ADluOf64CommandsIsAnswered64TimesABurstOnce) {
  Host h;
  const Bytes page = pattern(kPageBytes, 1);
  const auto commands = send_chunks(h, 0, page);
  h.wait_all(commands);
  for (auto c : commands) EXPECT_EQ(h.answers[c].status(), 0u);
  EXPECT_EQ(h.order.size(), 64u);
  h.read_now(0, 64);
  EXPECT_EQ(h.data(h.last), page);
  const std::size_t before = h.order.size();
  h.program(1, 2);
  h.run_for(us(100));
  EXPECT_EQ(h.order.size(), before + 1);
}

TEST(Requirement30, BurstsOfPartOfAPageAreAnsweredOnceEachWhenThePageIsProgrammed) {
  Host h;
  const Bytes page = pattern(kPageBytes, 1);
  std::vector<std::uint64_t> commands;
  unsigned chunk = 0;
  for (unsigned beats : {1u, 15u, 16u, 17u, 15u}) {
    h.run_for(us(1));
    EXPECT_TRUE(h.order.empty());
    commands.push_back(
        h.write(chunk * 64, Bytes(page.begin() + chunk * 64, page.begin() + (chunk + beats) * 64), 1));
    chunk += beats;
  }
  ASSERT_EQ(chunk, 64u);
  h.wait_all(commands);
  EXPECT_EQ(h.order, commands);
  for (auto c : commands) EXPECT_EQ(h.answers[c].status(), 0u);
  h.read_now(0, 64);
  EXPECT_EQ(h.data(h.last), page);
}

TEST(Requirement30, WithoutBurstWritesInTheCapabilityABurstIsRefused) {
  Config c = small();
  c.burst_writes = false;
  Host h(c);
  EXPECT_EQ(h.write_now(0, pattern(kPageBytes, 1)).status(), 0x3u);
  EXPECT_EQ(h.read_now(0).status(), 0x7u);
  const auto commands = send_chunks(h, 0, pattern(kPageBytes, 1));
  h.wait_all(commands);
  for (auto command : commands) EXPECT_EQ(h.answers[command].status(), 0u);
}

TEST(Requirement31, NoWriteIsAnsweredBeforeItsProgramHasEnded) {
  Host h;
  const Config& c = h.cube.config();
  // 64 W beats and one AW; then the array; then B.
  const TimePs flit = c.link.flit_time();
  const unsigned flits = (64 * c.link.w_granules + c.link.aw_granules + 47) / 48;
  const TimePs array_0 = c.timing.tBERS + c.timing.tPROG, array_1 = c.timing.tPROG;
  const TimePs around = flits * flit + c.link.latency + c.timing.tBASE + flit + c.link.latency;
  TimePs start = h.now();
  EXPECT_EQ(h.write_now(dlu(0), pattern(kPageBytes, 1)).at - start, around + array_0);
  start = h.now();
  const auto w = h.write(dlu(4), pattern(kPageBytes, 2), 1);
  h.run_until(start + around + array_1 - flit - c.link.latency - 1);
  EXPECT_EQ(h.cube.channel(0).media().block_info(h.now(), 0, 0).frontier, 1u) << "not programmed yet";
  EXPECT_EQ(h.wait(w).at - start, around + array_1);
  EXPECT_EQ(h.cube.channel(0).media().block_info(h.now(), 0, 0).frontier, 2u);
}

TEST(Requirement32, AMissingChunkAtTheTimeoutIsAnswered0x5ToAllAndAFullResendSucceeds) {
  Host h;
  const Bytes page = pattern(kPageBytes, 3);
  const TimePs start = h.now();
  const auto commands = send_chunks(h, 0, page, 11);
  EXPECT_EQ(commands.size(), 63u);
  h.wait_all(commands);
  for (auto c : commands) {
    EXPECT_EQ(h.answers[c].status(), 0x5u);
    EXPECT_GE(h.answers[c].at - start, h.cube.config().timing.tGATHER);
    EXPECT_LE(h.answers[c].at - start, h.cube.config().timing.tGATHER + us(1));
  }
  EXPECT_EQ(h.read_now(0).status(), 0x7u) << "the page was not consumed";
  const auto again = send_chunks(h, 0, page);
  h.wait_all(again);
  for (auto c : again) EXPECT_EQ(h.answers[c].status(), 0u);
  h.read_now(0, 64);
  EXPECT_EQ(h.data(h.last), page);
}

TEST(Requirement32, TheTimerIsTheHostsRunsFromTheFirstChunkAndKeepsNothingForTheNextTry) {
  Host h;
  h.set_reg(Space::kMmio, mmio::kTmr, timer_ns(6000));
  const Bytes page = pattern(kPageBytes, 3);
  const TimePs start = h.now();
  const auto first = h.write(dlu(0), chunk_of(page, 0), 1);
  h.run_for(us(5));
  const auto late = h.write(dlu(0) + 64, chunk_of(page, 1), 2);
  h.wait_all({first, late});
  for (auto c : {first, late}) {
    EXPECT_EQ(h.answers[c].status(), 0x5u);
    EXPECT_EQ(h.answers[c].info(), 0u);
    EXPECT_LE(h.answers[c].at - start, ns(6100));
  }
  // Chunk 0 of the first try does not count in the second.
  const auto again = send_chunks(h, 0, page, 0);
  h.run_for(us(3));
  EXPECT_EQ(h.read_now(dlu(0)).status(), 0xAu);
  const auto missing = h.write(dlu(0), chunk_of(page, 0), 1);
  h.wait_all(again);
  EXPECT_EQ(h.wait(missing).status(), 0u) << "just in time";
}

TEST(Requirement33, AChunkThatIsPendingAlreadyIsAnswered0x2AndTheDluGoesOn) {
  Host h;
  const Bytes page = pattern(kPageBytes, 3);
  auto commands = send_chunks(h, 0, page, 63);
  const auto twice = h.write(dlu(0) + 5 * 64, pattern(64, 99), 1);
  h.run_for(us(1));
  ASSERT_EQ(h.answers.count(twice), 1u) << "answered at once";
  EXPECT_EQ(h.answers[twice].status(), 0x2u);
  commands.push_back(h.write(dlu(0) + 63 * 64, chunk_of(page, 63), 2));
  h.wait_all(commands);
  for (auto c : commands) EXPECT_EQ(h.answers[c].status(), 0u);
  h.read_now(0, 64);
  EXPECT_EQ(h.data(h.last), page) << "the first chunk counts";
}

TEST(Requirement33, AlsoBurstsThatOverlapInPartAndPagesThatWaitForTheirProgram) {
  Host h;
  const Bytes page = pattern(kPageBytes, 3);
  std::vector<std::uint64_t> commands = {h.write(dlu(0) + 64, chunk_of(page, 1), 1)};
  const auto overlap = h.write(dlu(0), Bytes(128, 7), 2);  // chunks 0 and 1
  commands.push_back(h.write(dlu(0), chunk_of(page, 0), 3));
  commands.push_back(h.write(dlu(0) + 128, Bytes(page.begin() + 128, page.end()), 4));
  const auto page_0 = h.write(dlu(0), page, 5);
  const auto page_1 = h.write(dlu(4), pattern(kPageBytes, 4), 6), twice = h.write(dlu(4), page, 7);
  h.run_for(us(5));
  for (auto c : {overlap, page_0, twice}) {
    ASSERT_EQ(h.answers.count(c), 1u) << "answered at once";
    EXPECT_EQ(h.answers[c].status(), 0x2u);
    EXPECT_EQ(h.answers[c].info(), 0u);
  }
  commands.push_back(page_1);
  h.wait_all(commands);
  for (auto c : commands) EXPECT_EQ(h.answers[c].status(), 0u);
  h.read_now(0, 64);
  EXPECT_EQ(h.data(h.last), page);
  h.read_now(dlu(4), 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 4));
}

TEST(Requirement34, OneDluMoreThanTheLimitIsAnswered0x4AndOpenOnesGoOn) {
  Host h;
  ASSERT_EQ(h.cube.config().open_dlus, 4u);
  EXPECT_EQ(h.feature(Feature::kOpenDlus), 4u);
  const Bytes page = pattern(kPageBytes, 3);
  std::vector<std::vector<std::uint64_t>> open;
  for (unsigned lane = 0; lane < 4; ++lane) open.push_back(send_chunks(h, lane, page, 0));
  const auto fifth = h.write(dlu(16), chunk_of(page, 0), 1);
  h.run_for(us(5));
  ASSERT_EQ(h.answers.count(fifth), 1u);
  EXPECT_EQ(h.answers[fifth].status(), 0x4u);
  EXPECT_EQ(h.answers[fifth].info(), 0u);
  for (unsigned lane = 0; lane < 4; ++lane)
    open[lane].push_back(h.write(dlu(lane), chunk_of(page, 0), 2 + lane));
  for (const auto& commands : open) {
    h.wait_all(commands);
    for (auto c : commands) EXPECT_EQ(h.answers[c].status(), 0u);
  }
  EXPECT_EQ(h.write_now(dlu(16), page).status(), 0u) << "there is room again";
}

TEST(Requirement34, PagesThatWaitForTheirProgramAreNotOpenAnyMore) {
  Host h;
  std::vector<std::uint64_t> pages;
  for (unsigned n = 0; n < 16; ++n) pages.push_back(h.write(dlu(n), pattern(kPageBytes, n), n));
  h.wait_all(pages);
  for (auto p : pages) EXPECT_EQ(h.answers[p].status(), 0u);
}

TEST(Requirement35, ASkippedPageIsAnswered0x6Info1AndTheBlockIsUnchanged) {
  Host h;
  h.program(0, 1);
  const auto commands = send_chunks(h, 8, pattern(kPageBytes, 3));  // page 2 before page 1
  h.wait_all(commands);
  for (auto c : commands) {
    EXPECT_EQ(h.answers[c].status(), 0x6u);
    EXPECT_EQ(h.answers[c].info(), 1u);
  }
  EXPECT_EQ(h.write_now(dlu(12), pattern(kPageBytes, 3)).status(), 0x6u);
  EXPECT_EQ(h.read_now(dlu(8)).status(), 0x7u);
  EXPECT_EQ(h.write_now(dlu(5), pattern(kPageBytes, 3)).status(), 0x6u)
      << "an empty block begins with page 0";
  EXPECT_EQ(h.answers[h.last].info(), 1u);
  // The next page may be sent before the one in front of it is programmed.
  const auto page_1 = h.write(dlu(4), pattern(kPageBytes, 2), 1),
             page_2 = h.write(dlu(8), pattern(kPageBytes, 3), 2);
  h.wait_all({page_1, page_2});
  EXPECT_EQ(h.answers[page_1].status(), 0u);
  EXPECT_EQ(h.answers[page_2].status(), 0u);
  h.read_now(dlu(8), 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 3));
  h.read_now(0, 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 1));
}

TEST(Requirement36, APageInNandOtherThanPage0IsNotOverwritten) {
  for (auto overwrite : {Readings::Overwrite::kOverlap, Readings::Overwrite::kOrder}) {
    Config c = small();
    c.readings.overwrite = overwrite;
    Host h(c);
    for (unsigned n : {0u, 4u, 8u}) h.program(n, n);
    for (unsigned n : {4u, 8u}) {
      const Response& r = h.write_now(dlu(n), pattern(kPageBytes, 99));
      EXPECT_EQ(r.status(), overwrite == Readings::Overwrite::kOverlap ? 0x2u : 0x6u);
      EXPECT_EQ(r.resp, 2u);
      h.read_now(dlu(n), 64);
      EXPECT_EQ(h.data(h.last), pattern(kPageBytes, n));
    }
    EXPECT_EQ(h.cube.channel(0).media().counters().programs, 3u);
  }
}

TEST(Requirement37, WritingPage0ErasesTheBlock) {
  Host h;
  for (unsigned n : {0u, 4u, 8u, 1u}) h.program(n, n);
  h.preload(16, 16);                               // the next block of the lane
  for (unsigned n : {4u, 8u}) h.read_now(dlu(n));  // in the page buffers
  const double before = h.cube.channel(0).media().block_info(h.now(), 0, 0).pec;
  h.program(0, 50);
  EXPECT_EQ(h.read_now(dlu(4)).status(), 0x7u);
  EXPECT_EQ(h.read_now(dlu(8)).status(), 0x7u);
  EXPECT_EQ(h.read_now(dlu(1)).status(), 0u) << "the block of the next lane is another one";
  EXPECT_EQ(h.read_now(dlu(16)).status(), 0u);
  h.read_now(0, 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 50));
  EXPECT_EQ(h.cube.channel(0).media().counters().erases, 3u) << "one for each page 0";
  // The base die may have put it on another physical block: wear over all blocks went up by one erase.
  EXPECT_GE(h.cube.channel(0).media().block_info(h.now(), 0, 0).pec + 1, before);
  EXPECT_NEAR(h.cube.channel(0).media().wear().average_pec, 3.0 / (4 * 6), 1e-12);
}

TEST(Requirement37, WithoutLevellingTheWearOfTheBlockGoesUpByOne) {
  Host h;
  const std::uint32_t bucc = h.reg(Space::kMmio, mmio::kBucc);
  h.set_reg(Space::kMmio, mmio::kBucc, (bucc & ~(3u << 6)) | 2u << 6);
  for (unsigned i = 1; i <= 5; ++i) {
    for (unsigned n : {0u, 4u}) h.program(n, n);
    EXPECT_EQ(h.cube.channel(0).media().block_info(h.now(), 0, 0).pec, i);
    EXPECT_EQ(h.cube.channel(0).media().block_info(h.now(), 0, 1).pec, 0);
  }
}

TEST(Requirement38, SeveralBlocksMayBeOpenAndInterleaved) {
  Host h;
  // Four lanes and two rows: eight blocks, page by page.
  for (unsigned page = 0; page < kPages; ++page)
    for (unsigned row = 0; row < 2; ++row)
      for (unsigned lane = 0; lane < kLanes; ++lane)
        h.program(row * 16 + page * 4 + lane, row * 100 + page * 10 + lane);
  for (unsigned page = 0; page < kPages; ++page)
    for (unsigned row = 0; row < 2; ++row)
      for (unsigned lane = 0; lane < kLanes; ++lane) {
        h.read_now(dlu(row * 16 + page * 4 + lane), 64);
        EXPECT_EQ(h.data(h.last), pattern(kPageBytes, row * 100 + page * 10 + lane));
      }
}

TEST(Requirement38, AlsoWithAllTheirPagesOnTheWay) {
  Host h;
  std::vector<std::uint64_t> pages;
  for (unsigned page = 0; page < kPages; ++page)
    for (unsigned row : {1u, 0u, 3u})
      for (unsigned lane = 0; lane < kLanes; ++lane) {
        const unsigned n = row * 16 + page * 4 + lane;
        pages.push_back(h.write(dlu(n), pattern(kPageBytes, n), n));
      }
  h.wait_all(pages);
  for (auto p : pages) EXPECT_EQ(h.answers[p].status(), 0u);
  for (unsigned n = 0; n < 64; ++n) {
    if (n / 16 == 2) continue;
    h.read_now(dlu(n), 64);
    EXPECT_EQ(h.data(h.last), pattern(kPageBytes, n)) << n;
  }
}

TEST(Requirement39, AProgramFailureIs0x7AndFollowersAre0x6Info2UntilPage0) {
  Host h;
  h.program(0, 1);
  h.inject(4, FaultKind::kProgramFail);
  std::vector<std::uint64_t> writes;
  for (unsigned n : {4u, 8u, 12u})
    writes.push_back(h.write(dlu(n), pattern(kPageBytes, n), n));  // all pending
  for (unsigned n : {16u, 20u, 1u})  // another block of the lane, and another lane
    writes.push_back(h.write(dlu(n), pattern(kPageBytes, n), n));
  h.wait_all(writes);
  for (unsigned i : {3u, 4u, 5u}) EXPECT_EQ(h.answers[writes[i]].status(), 0u) << "not of this block";
  EXPECT_EQ(h.read_now(dlu(4)).status(), 0x7u) << "the page that failed is not there";
  EXPECT_EQ(h.answers[writes[0]].status(), 0x7u);
  for (unsigned i : {1u, 2u}) {
    EXPECT_EQ(h.answers[writes[i]].status(), 0x6u);
    EXPECT_EQ(h.answers[writes[i]].info(), 2u);
  }
  EXPECT_EQ(h.write_now(dlu(4), pattern(kPageBytes, 4)).status(), 0x6u) << "only page 0 helps";
  EXPECT_EQ(h.answers[h.last].info(), 2u);
  h.read_now(0, 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 1)) << "pages before the failed one are still there";
  for (unsigned n : {0u, 4u, 8u, 12u}) h.program(n, n + 40);
  h.read_now(dlu(4), 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 44));
}

TEST(Requirement40, TheReplayListOfR1ToR5RewritesExactlyTheFailedBlock) {
  // Two dies of three banks, blocks of four pages: no two of R1, R2, R3, R5 are the same.
  Config c = small();
  c.planes_per_die = 3;
  c.capacity_bytes = 2 * 6 * kPages * kRows * kPageBytes;
  Host h(c);
  for (unsigned n = 0; n < 48; ++n) h.preload(n, n);
  // Rewrite row 1, lane 2, until page 3 fails: DLU 24 + 3 * 6 + 2.
  const std::uint64_t failed = 44;
  for (unsigned page = 0; page < 3; ++page) h.program(24 + page * 6 + 2, 60 + page);
  h.inject(failed, FaultKind::kProgramFail);
  EXPECT_EQ(h.write_now(dlu(failed), pattern(kPageBytes, 63)).status(), 0x7u);
  // The host's constants and the formulas of 5.7.
  const std::uint64_t geometry = h.feature(Feature::kGeometry);
  const std::uint64_t r1 = geometry >> 48, r2 = geometry >> 32 & 0xffff, r3 = geometry >> 16 & 0xffff,
                      r4 = 64, r5 = geometry & 0xffff;
  EXPECT_EQ(r1, 2u);
  EXPECT_EQ(r2, 3u);
  EXPECT_EQ(r3, 4u);
  EXPECT_EQ(r5, 6u);
  EXPECT_EQ(r1, std::uint64_t{1} << (h.reg(Space::kMmio, mmio::kBuccap + 4) >> 8 & 0xf)) << "BUCCAP.NCDU";
  const std::uint64_t a = dlu(failed) / 64;
  const std::uint64_t l1 = a / r4, b1 = l1 / (r1 * r2 * r3), p1 = l1 % (r1 * r2 * r3), bank = p1 % (r1 * r2);
  const std::uint64_t l2 = b1 * r1 * r2 * r3 + bank;
  EXPECT_EQ(l2, 26u);
  for (std::uint64_t k = 0; k < r3; ++k) h.program(l2 + k * r5, static_cast<unsigned>(80 + k));
  for (unsigned n = 0; n < 48; ++n) {
    h.read_now(dlu(n), 64);
    EXPECT_EQ(h.answers[h.last].status(), 0u);
    const bool replayed = n >= 24 && n % 6 == 2;
    EXPECT_EQ(h.data(h.last), pattern(kPageBytes, replayed ? 80 + (n - 26) / 6 : n)) << n;
  }
}

TEST(Requirement40, TheFormulasGiveTheWorkedExample) {
  const std::uint64_t r1 = 4, r2 = 16, r3 = 256, r4 = 64, r5 = 64, a = 3557701;
  const std::uint64_t l1 = a / r4, b1 = l1 / (r1 * r2 * r3), p1 = l1 % (r1 * r2 * r3);
  Config c = small();
  c.dies_per_channel = 4;
  c.planes_per_die = 16;
  c.pages_per_block = 256;
  c.blocks_per_plane = 8;
  c.channels = 1;
  c.capacity_bytes = 64ull * 256 * 8 * kPageBytes;
  c.read_gbytes_per_s = 1;
  const Media media(c, 0);
  const Media::Place place = media.place_of(l1);
  EXPECT_EQ(l1, 55589u);
  EXPECT_EQ(place.row, b1);
  EXPECT_EQ(place.lane, p1 % (r1 * r2));
  EXPECT_EQ(place.page, p1 / r5);
  EXPECT_EQ(place.row, 3u);
  EXPECT_EQ(place.lane, 37u);
  EXPECT_EQ(place.page, 100u);
  EXPECT_EQ(media.dlu_of({37, 3, 0}), 49189u);
  EXPECT_EQ(media.dlu_of({37, 3, 255}), 65509u);
}

TEST(Requirement41, WithoutSparesCapacityBecomesUnusableWithGranularityAndIsReported) {
  Host h;
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kRedCap), 0u);
  // Lane 0 has two spares; each failed erase takes one.
  unsigned status = 0, tries = 0;
  while (status == 0 && tries < 5) {
    h.inject(0, FaultKind::kEraseFail);
    status = h.write_now(0, pattern(kPageBytes, tries)).status();
    ++tries;
  }
  EXPECT_EQ(status, 0x8u);
  EXPECT_EQ(h.answers[h.last].info(), 1u) << "a block";
  EXPECT_EQ(tries, 3u) << "two spares helped twice";
  EXPECT_EQ(h.read_now(0).status(), 0x1u);
  EXPECT_EQ(h.write_now(0, pattern(kPageBytes, 1)).status(), 0x1u);
  EXPECT_EQ(h.read_now(dlu(1)).status(), 0x7u) << "other blocks live on";
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kRedCap), 1u);
  EXPECT_EQ(h.admin_now(false, admin_address(Opcode::kReducedCapacity)).status(), 0u);
  EXPECT_EQ(h.data(h.last)[0], 1u) << "bit 0: block 0 = row 0, lane 0";
  EXPECT_EQ(h.data(h.last)[1], 0u);
}

TEST(Requirement41, ABankADieAndAChannelAreLostWithTheirGranularity) {
  for (unsigned granularity : {1u, 2u, 3u, 4u}) {
    for (bool write : {false, true}) {
      Host h;
      for (unsigned n = 0; n < 64; ++n) h.preload(n, n);
      h.inject(17, FaultKind::kUnusable, 1, granularity);  // row 1, lane 1: bank 1 of die 0
      EXPECT_EQ(h.reg(Space::kMmio, mmio::kRedCap), 1u);
      const Response& r = write ? h.write_now(dlu(17), pattern(kPageBytes, 1)) : h.read_now(dlu(17));
      EXPECT_EQ(r.status(), 0x8u);
      EXPECT_EQ(r.info(), granularity);
      EXPECT_EQ(r.resp, 2u);
      EXPECT_EQ(h.admin_now(false, admin_address(Opcode::kReducedCapacity)).status(), 0u);
      const Bytes bitmap = h.data(h.last);
      for (unsigned n = 0; n < 64; ++n) {
        const unsigned lane = n % 4, row = n / 16;
        const bool lost = granularity == 1   ? lane == 1 && row == 1
                          : granularity == 2 ? lane == 1
                          : granularity == 3 ? lane < 2
                                             : true;
        EXPECT_EQ(h.read_now(dlu(n)).status(), lost ? 0x1u : 0x0u) << n << ", granularity " << granularity;
        const unsigned block = row * 4 + lane;
        EXPECT_EQ(bitmap[block / 8] >> block % 8 & 1u, lost) << block;
        if (lost && n < 32) {
          EXPECT_EQ(h.write_now(dlu(n), pattern(kPageBytes, 1)).status(), 0x1u) << n;
        }
      }
      h.channel = 1;
      EXPECT_EQ(h.reg(Space::kMmio, mmio::kRedCap), 0u);
      h.program(0, 1);
    }
  }
}

TEST(Requirement41, SparesAreThoseOfTheBank) {
  Host h;
  for (unsigned i = 0; i < 2; ++i) {
    h.inject(0, FaultKind::kEraseFail);
    h.program(0, i);
  }
  for (unsigned i = 0; i < 2; ++i) {  // the next lane still has its two
    h.inject(1, FaultKind::kEraseFail);
    h.program(1, i);
  }
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kRedCap), 0u);
  // 0x8 to all commands of the DLU.
  h.inject(1, FaultKind::kEraseFail);
  const auto commands = send_chunks(h, 1, pattern(kPageBytes, 3));
  h.wait_all(commands);
  for (auto c : commands) {
    EXPECT_EQ(h.answers[c].status(), 0x8u);
    EXPECT_EQ(h.answers[c].info(), 1u);
  }
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kRedCap), 1u);
}

TEST(Requirement42, ScratchpadWritesNeedNoGatherSurviveResetsAndAreLostWithThePower) {
  Host h;
  const TimePs start = h.now();
  const Response& r = h.wait(h.write(128, pattern(64, 3), 1, user::scratchpad()));
  EXPECT_EQ(r.status(), 0u);
  EXPECT_LT(r.at - start, us(1)) << "a few cycles, not a program";
  for (unsigned type : {0u, 1u, 2u}) {
    h.set_reg(Space::kMmio, mmio::kBucr, 0x484246u << 8 | type);
    h.run_for(us(1000));
    h.cube.enable_all();
    h.read_now(128, 1, user::scratchpad());
    EXPECT_EQ(h.data(h.last), pattern(64, 3)) << "reset type " << type;
  }
  h.cube.ieee1500(0x05 | 0x3f << 8);  // HBF_RESET
  h.run_for(h.cube.config().timing.tBOOT);
  h.cube.enable_all();
  h.read_now(128, 1, user::scratchpad());
  EXPECT_EQ(h.data(h.last), pattern(64, 3)) << "HBF_RESET";
  h.cube.power_off(h.now());
  h.cube.power_on(h.now() + us(10));
  while (!h.cube.ready()) h.run_until(h.cube.next_event());
  h.cube.enable_all();
  h.read_now(128, 1, user::scratchpad());
  EXPECT_NE(h.data(h.last), pattern(64, 3));
}

}  // namespace
}  // namespace memwall::hbf::conformance
