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
  for (unsigned lane = 0; lane < 4; ++lane)
    open[lane].push_back(h.write(dlu(lane), chunk_of(page, 0), 2 + lane));
  for (const auto& commands : open) {
    h.wait_all(commands);
    for (auto c : commands) EXPECT_EQ(h.answers[c].status(), 0u);
  }
  EXPECT_EQ(h.write_now(dlu(16), page).status(), 0u) << "there is room again";
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
  h.program(4, 2);
  h.program(8, 3);
  h.read_now(0, 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 1));
}

TEST(Requirement36, APageInNandOtherThanPage0IsNotOverwritten) {
  for (auto overwrite : {Readings::Overwrite::kOverlap, Readings::Overwrite::kOrder}) {
    Config c = small();
    c.readings.overwrite = overwrite;
    Host h(c);
    for (unsigned n : {0u, 4u, 8u}) h.program(n, n);
    const Response& r = h.write_now(dlu(4), pattern(kPageBytes, 99));
    EXPECT_EQ(r.status(), overwrite == Readings::Overwrite::kOverlap ? 0x2u : 0x6u);
    EXPECT_EQ(r.resp, 2u);
    h.read_now(dlu(4), 64);
    EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 4));
    EXPECT_EQ(h.cube.channel(0).media().counters().programs, 3u);
  }
}

TEST(Requirement37, WritingPage0ErasesTheBlock) {
  Host h;
  for (unsigned n : {0u, 4u, 8u, 1u}) h.program(n, n);
  const double before = h.cube.channel(0).media().block_info(h.now(), 0, 0).pec;
  h.program(0, 50);
  EXPECT_EQ(h.read_now(dlu(4)).status(), 0x7u);
  EXPECT_EQ(h.read_now(dlu(8)).status(), 0x7u);
  EXPECT_EQ(h.read_now(dlu(1)).status(), 0u) << "the block of the next lane is another one";
  h.read_now(0, 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 50));
  EXPECT_EQ(h.cube.channel(0).media().counters().erases, 3u) << "one for each page 0";
  // The base die may have put it on another physical block: wear over all blocks went up by one erase.
  EXPECT_GE(h.cube.channel(0).media().block_info(h.now(), 0, 0).pec + 1, before);
  EXPECT_NEAR(h.cube.channel(0).media().wear().average_pec, 3.0 / (4 * 6), 1e-12);
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

TEST(Requirement39, AProgramFailureIs0x7AndFollowersAre0x6Info2UntilPage0) {
  Host h;
  h.program(0, 1);
  h.inject(4, FaultKind::kProgramFail);
  std::vector<std::uint64_t> writes;
  for (unsigned n : {4u, 8u, 12u})
    writes.push_back(h.write(dlu(n), pattern(kPageBytes, n), n));  // all pending
  h.wait_all(writes);
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
  Host h;
  for (unsigned n = 0; n < 32; ++n) h.preload(n, n);
  // Rewrite row 1, lane 2, until page 3 fails: DLU 16 + 3 * 4 + 2.
  const std::uint64_t failed = 30;
  for (unsigned page = 0; page < 3; ++page) h.program(16 + page * 4 + 2, 60 + page);
  h.inject(failed, FaultKind::kProgramFail);
  EXPECT_EQ(h.write_now(dlu(failed), pattern(kPageBytes, 63)).status(), 0x7u);
  // The host's constants and the formulas of 5.7.
  const std::uint64_t geometry = h.feature(Feature::kGeometry);
  const std::uint64_t r1 = geometry >> 48, r2 = geometry >> 32 & 0xffff, r3 = geometry >> 16 & 0xffff,
                      r4 = 64, r5 = geometry & 0xffff;
  EXPECT_EQ(r5, r1 * r2);
  EXPECT_EQ(r1, std::uint64_t{1} << (h.reg(Space::kMmio, mmio::kBuccap + 4) >> 8 & 0xf)) << "BUCCAP.NCDU";
  const std::uint64_t a = dlu(failed) / 64;
  const std::uint64_t l1 = a / r4, b1 = l1 / (r1 * r2 * r3), p1 = l1 % (r1 * r2 * r3), bank = p1 % (r1 * r2);
  const std::uint64_t l2 = b1 * r1 * r2 * r3 + bank;
  EXPECT_EQ(l2, 18u);
  for (std::uint64_t k = 0; k < r3; ++k) h.program(l2 + k * r5, static_cast<unsigned>(80 + k));
  for (unsigned n = 0; n < 32; ++n) {
    h.read_now(dlu(n), 64);
    EXPECT_EQ(h.answers[h.last].status(), 0u);
    const bool replayed = n >= 16 && n % 4 == 2;
    EXPECT_EQ(h.data(h.last), pattern(kPageBytes, replayed ? 80 + (n - 18) / 4 : n)) << n;
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
  h.cube.power_off(h.now());
  h.cube.power_on(h.now() + us(10));
  while (!h.cube.ready()) h.run_until(h.cube.next_event());
  h.cube.enable_all();
  h.read_now(128, 1, user::scratchpad());
  EXPECT_NE(h.data(h.last), pattern(64, 3));
}

}  // namespace
}  // namespace memwall::hbf::conformance
