// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Requirements 1 to 15: link and AXI. plan.toml says what each is.
#include "conformance/hbf/bench.h"

namespace memwall::hbf::conformance {
namespace {

TEST(Requirement01, A64ByteReadIsAnsweredWith64BytesAndItsId) {
  Host h;
  h.preload(0, 1);
  const Bytes page = pattern(kPageBytes, 1);
  for (unsigned chunk : {0u, 1u, 17u, 63u}) {
    const auto c = h.read(chunk * kChunkBytes, 1, 0x100 + chunk);
    const Response& r = h.wait(c);
    EXPECT_EQ(r.id, 0x100 + chunk);
    EXPECT_EQ(r.status(), 0u);
    EXPECT_EQ(h.data(c), Bytes(page.begin() + chunk * 64, page.begin() + chunk * 64 + 64)) << chunk;
  }
}

TEST(Requirement02, ABurstOfTwoTo64BeatsInsideAPageIsOneResponseWithAllBytes) {
  Host h;
  h.preload(1, 2);
  const Bytes page = pattern(kPageBytes, 2);
  for (unsigned beats : {2u, 3u, 63u, 64u}) {
    const auto c = h.read(dlu(1), beats, beats);
    const std::size_t before = h.order.size();
    EXPECT_EQ(h.wait(c).status(), 0u);
    h.run_for(us(5));
    EXPECT_EQ(h.order.size(), before + 1) << "one last beat for " << beats << " beats";
    EXPECT_EQ(h.data(c), Bytes(page.begin(), page.begin() + beats * 64));
    EXPECT_LE(h.answers[c].first_beat, h.answers[c].at);
  }
}

TEST(Requirement02, WithoutBurstReadsInTheCapabilityABurstIsRefused) {
  Config c = small();
  c.burst_reads = false;
  Host h(c);
  h.preload(0, 1);
  EXPECT_EQ(h.read_now(0, 2).status(), static_cast<unsigned>(ReadStatus::kUndefinedUser));
  EXPECT_EQ(h.read_now(0, 1).status(), 0u);
}

TEST(Requirement03, AReadAcrossAPageIsNeverExecutedAndItsStatusIsASwitch) {
  for (auto crossing : {Readings::Crossing::kUndefinedUser, Readings::Crossing::kOutOfRange}) {
    Config c = small();
    c.readings.crossing = crossing;
    Host h(c);
    h.preload(0, 1);
    h.preload(1, 2);
    const unsigned expected = crossing == Readings::Crossing::kUndefinedUser ? 0x3u : 0x1u;
    for (auto [address, beats] :
         {std::pair{kPageBytes - 64, 2u}, {kPageBytes - 64 * 63, 64u}, {std::uint64_t{32}, 1u}}) {
      const Response& r = h.read_now(address, beats);
      EXPECT_EQ(r.status(), expected) << address << " x " << beats;
      EXPECT_EQ(r.resp, 2u);
      EXPECT_EQ(h.data(h.last), all_ones(beats * 64));
    }
    EXPECT_EQ(h.senses(), 0u) << "nothing was sensed";
  }
}

TEST(Requirement04, IdsOf14BitsAndAddressesOf36BitsAreTakenWhole) {
  static_assert(kIdBits == 14 && kAddressBits == 36 && kUserBits == 9 && kChunkBytes * 8 == 512);
  Host h;
  h.preload(0, 1);
  for (unsigned id : {0u, 1u, 0x2aaau, 0x3fffu}) EXPECT_EQ(h.wait(h.read(0, 1, id)).id, id);
  // The highest address is not taken modulo the capacity.
  EXPECT_EQ(h.read_now((std::uint64_t{1} << 36) - 64).status(), 0x1u);
  EXPECT_EQ(h.read_now(std::uint64_t{1} << 35).status(), 0x1u);
}

TEST(Requirement05, ResponsesEchoThePacketType) {
  Host h;
  h.preload(0, 1);
  EXPECT_EQ(user::packet(h.read_now(0).user), Packet::kFlash);
  EXPECT_EQ(user::packet(h.write_now(dlu(4), pattern(kPageBytes, 1)).user), Packet::kFlash);
  EXPECT_EQ(user::packet(h.wait(h.write(0, pattern(64, 1), 3, user::scratchpad())).user),
            Packet::kScratchpad);
  EXPECT_EQ(user::packet(h.read_now(0, 1, user::scratchpad()).user), Packet::kScratchpad);
  EXPECT_EQ(user::packet(h.admin_now(false, admin_address(Opcode::kRegister)).user), Packet::kAdmin);
  EXPECT_EQ(user::packet(h.read_now(0, 1, 3).user), Packet::kReserved);
}

TEST(Requirement06, ReservedPacketTypesAndUserBitsAreAnswered0x3AndChangeNothing) {
  Host h;
  h.preload(0, 1);
  for (std::uint16_t user : {3, 3 | 4, 1 << 3, 1 << 4, 1 << 5}) {
    const Response& r = h.read_now(0, 1, user);
    EXPECT_EQ(r.status(), 0x3u) << user;
    EXPECT_EQ(r.info(), 0u);
    EXPECT_EQ(h.data(h.last), all_ones(64)) << "data are invalid";
  }
  EXPECT_EQ(h.senses(), 0u);
  for (std::uint16_t user : {3, 1 << 2, 1 << 3, 1 << 8}) {
    EXPECT_EQ(h.wait(h.write(dlu(16), pattern(kPageBytes, 1), 1, user)).status(), 0x3u) << user;
  }
  EXPECT_EQ(h.cube.channel(0).media().counters().programs, 0u);
  EXPECT_EQ(h.read_now(dlu(16)).status(), 0x7u) << "the refused page was not written";
}

TEST(Requirement07, ResponsesOfOneIdKeepTheOrderOfTheReadsEvenIfALaterOneHits) {
  Host h;
  h.preload(0, 1);
  h.preload(1, 2);
  h.read_now(dlu(1));  // page 1 is in a buffer now
  const auto miss = h.read(dlu(0), 1, 5), hit = h.read(dlu(1), 1, 5);
  h.wait_all({miss, hit});
  EXPECT_LT(h.position(miss), h.position(hit));
  EXPECT_LE(h.answers[miss].at, h.answers[hit].at);
}

TEST(Requirement08, ResponsesOfDifferentIdsOvertakeOneAnother) {
  Host h;
  h.preload(0, 1);
  h.preload(1, 2);
  h.read_now(dlu(1));
  const auto miss = h.read(dlu(0), 1, 5), hit = h.read(dlu(1), 1, 6);
  h.wait_all({miss, hit});
  EXPECT_LT(h.answers[hit].at + h.cube.config().timing.tR / 2, h.answers[miss].at);
}

TEST(Requirement09, AReadBehindAWriteOfTheChunkSeesTheNewDataOrThatTheyAreMissing) {
  Host h;
  h.preload(0, 1);
  const Bytes fresh = pattern(kPageBytes, 9);
  // Received: the new chunk. Not received: 0xA. Never the old contents.
  const auto w = h.write(dlu(0), Bytes(fresh.begin(), fresh.begin() + 64), 1);
  h.run_for(ns(100));
  h.read_now(dlu(0));
  EXPECT_EQ(h.answers[h.last].status(), 0u);
  EXPECT_EQ(h.data(h.last), Bytes(fresh.begin(), fresh.begin() + 64));
  EXPECT_EQ(h.read_now(dlu(0) + 64).status(), 0xAu);
  h.wait(w);  // times out: the old page is still there
  EXPECT_EQ(h.answers[w].status(), 0x5u);
  h.read_now(dlu(0), 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 1));
  // A whole page that is being programmed.
  const auto page = h.write(dlu(0), fresh, 2);
  h.run_for(ns(200));
  EXPECT_EQ(h.answers.count(page), 0u) << "still in the array";
  h.read_now(dlu(0), 64);
  EXPECT_EQ(h.data(h.last), fresh);
}

TEST(Requirement10, AReadInFrontOfAWriteOfTheChunkSeesTheOldData) {
  Host h;
  h.preload(0, 1);
  const auto r = h.read(dlu(0), 64, 1);
  const auto w = h.write(dlu(0), pattern(kPageBytes, 9), 2);
  h.wait_all({r, w});
  EXPECT_EQ(h.answers[r].status(), 0u);
  EXPECT_EQ(h.data(r), pattern(kPageBytes, 1));
  EXPECT_EQ(h.answers[w].status(), 0u);
  h.read_now(dlu(0), 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 9));
}

TEST(Requirement11, NoMoreCommandsAreOutstandingThanMocsSelectsAndNoneIsLost) {
  Host h;
  for (unsigned n = 0; n < 4; ++n) h.preload(n, n + 1);
  const std::uint32_t bucc = h.reg(Space::kMmio, mmio::kBucc);
  h.set_reg(Space::kMmio, mmio::kBucc, bucc & ~(0xfu << 24));  // code 0: one command
  std::vector<std::uint64_t> reads;
  const TimePs start = h.now();
  for (unsigned n = 0; n < 4; ++n) reads.push_back(h.read(dlu(n), 1, n));
  h.wait_all(reads);
  // One at a time, although the four lanes are free: each takes a whole cold read.
  EXPECT_EQ(h.answers[reads[3]].at - start, 4 * cold_read(h.cube.config(), 1));
  Host wide;
  for (unsigned n = 0; n < 4; ++n) wide.preload(n, n + 1);
  std::vector<std::uint64_t> together;
  for (unsigned n = 0; n < 4; ++n) together.push_back(wide.read(dlu(n), 1, n));
  wide.wait_all(together);
  EXPECT_LT(wide.answers[together[3]].at, 2 * cold_read(h.cube.config(), 1));
}

TEST(Requirement12, EachOfOneTwoOrFourPortsSeesItsShareOfFlashAndScratchpad) {
  for (unsigned ports : {1u, 2u, 4u}) {
    Config c = small();
    c.ports_per_channel = ports;
    Host h(c);
    const std::uint64_t share = c.channel_bytes() / ports, scratch = c.scratchpad_bytes / ports;
    EXPECT_EQ(1u << (h.reg(Space::kConfig, 0x58) & 3u), ports) << "UCONFIG";
    for (unsigned p = 0; p < ports; ++p) {
      h.port = static_cast<std::uint8_t>(p);
      EXPECT_EQ(h.reg(Space::kMmio, mmio::kFiosz + 4 * p), share / 4096);
      EXPECT_EQ(h.reg(Space::kMmio, mmio::kSmemsz + 4 * p), scratch / 64);
      EXPECT_EQ(h.write_now(0, pattern(kPageBytes, 10 + p)).status(), 0u);
      EXPECT_EQ(h.read_now(share).status(), 0x1u);
      EXPECT_EQ(h.read_now(share - 64).status(), 0x7u) << "the last chunk is there, and erased";
      EXPECT_EQ(h.wait(h.write(scratch - 64, pattern(64, 20 + p), 1, user::scratchpad())).status(), 0u);
      EXPECT_EQ(h.read_now(scratch, 1, user::scratchpad()).status(), 0x1u);
    }
    for (unsigned p = 0; p < ports; ++p) {
      h.port = static_cast<std::uint8_t>(p);
      h.read_now(0, 64);
      EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 10 + p)) << "ports do not share pages";
      h.read_now(scratch - 64, 1, user::scratchpad());
      EXPECT_EQ(h.data(h.last), pattern(64, 20 + p));
    }
  }
}

TEST(Requirement12, OnePortsBacklogDoesNotHoldUpAnother) {
  Config c = small();
  c.ports_per_channel = 2;
  Host h(c);
  h.port = 0;
  for (unsigned i = 0; i < 40; ++i) h.write(dlu(0), pattern(kPageBytes, i), i);
  h.port = 1;
  h.preload(32, 3);  // first page of port 1
  const TimePs start = h.now();
  const Response& r = h.wait(h.read(0, 1, 1));
  EXPECT_EQ(r.status(), 0u);
  // At most one burst of 64 beats (19 flits) is in the way.
  EXPECT_LE(r.at - start, cold_read(c, 1) + 20 * c.link.flit_time());
}

TEST(Requirement13, NoChannelReachesAnothersData) {
  Host h;
  h.channel = 0;
  h.program(0, 1);
  h.channel = 1;
  EXPECT_EQ(h.read_now(0).status(), 0x7u) << "the same address of the other channel is empty";
  h.program(0, 2);
  EXPECT_EQ(h.read_now(h.cube.config().channel_bytes()).status(), 0x1u);
  h.channel = 0;
  h.read_now(0, 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 1));
}

TEST(Requirement14, SustainedHitReadsReachThreeQuartersOfTheRawModuleRate) {
  for (unsigned grade : {1u, 2u, 3u}) {
    Config c = small();
    c.link.grade = grade;
    EXPECT_EQ(c.link.flit_time(), ns(4) >> (grade - 1));
    EXPECT_DOUBLE_EQ(c.link.raw_gbytes_per_s(), 64.0 * (1 << (grade - 1)));
    Host h(c);
    for (unsigned n = 0; n < 8; ++n) h.preload(n, n);
    for (unsigned n = 0; n < 8; ++n) h.read_now(dlu(n));  // every buffer of every lane
    const TimePs start = h.now();
    std::vector<std::uint64_t> reads;
    for (unsigned i = 0; i < 400; ++i) reads.push_back(h.read(dlu(i % 8), 64, i));
    h.wait_all(reads);
    TimePs end = 0;
    for (std::uint64_t r : reads) end = std::max(end, h.answers[r].at);
    const double rate = 400.0 * kPageBytes / static_cast<double>(end - start) * 1000.0;
    std::printf("grade %u: %.1f GB/s, %.1f %% of %.0f raw\n", grade, rate,
                100 * rate / c.link.raw_gbytes_per_s(), c.link.raw_gbytes_per_s());
    EXPECT_GE(rate, 0.75 * c.link.raw_gbytes_per_s());
    EXPECT_LE(rate, c.link.read_gbytes_per_s()) << "48 / 14 beats per flit are the ceiling";
    EXPECT_EQ(h.senses(), 8u);
  }
}

TEST(Requirement15, WritesThatWaitDoNotStallReads) {
  Host h;
  h.preload(63, 5);
  for (unsigned i = 0; i < 100; ++i) h.write(dlu(0), pattern(kPageBytes, i), i);
  const TimePs start = h.now();
  const Response& r = h.wait(h.read(dlu(63), 1, 1));
  EXPECT_EQ(r.status(), 0u);
  EXPECT_LE(r.at - start, cold_read(h.cube.config(), 1) + 20 * h.cube.config().link.flit_time())
      << "100 bursts take " << 100 * 19 * h.cube.config().link.flit_time() / kPsPerNs << " ns on the link";
}

}  // namespace
}  // namespace memwall::hbf::conformance
