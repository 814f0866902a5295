// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Requirements 1 to 15: link and AXI. plan.toml says what each is.
#include "common/error.h"
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

TEST(Requirement02, TheFirstBeatComesWithItsFlitAndTheResponseEndsWithTheLastBeat) {
  for (unsigned beats : {1u, 2u, 3u, 4u, 63u, 64u}) {
    Host h;
    h.preload(0, 1);
    const TimePs start = h.now();
    const Response& r = h.read_now(0, beats);
    EXPECT_EQ(r.first_beat - start, cold_read(h.cube.config(), 1)) << beats;
    EXPECT_EQ(r.at - start, cold_read(h.cube.config(), beats)) << beats;
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
    for (auto [address, beats] : {std::pair{kPageBytes - 64, 2u},
                                  {kPageBytes - 64 * 63, 64u},
                                  {std::uint64_t{32}, 1u},
                                  {std::uint64_t{0}, 65u},
                                  {std::uint64_t{0}, 256u}}) {
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

TEST(Requirement04, IdsThatDifferInTheirHighestBitAreDifferentOnes) {
  Host h;
  h.preload(0, 1);
  h.preload(1, 2);
  h.read_now(dlu(1));
  const auto miss = h.read(dlu(0), 1, 5), hit = h.read(dlu(1), 1, 5 | 1u << (kIdBits - 1));
  h.wait_all({miss, hit});
  EXPECT_LT(h.answers[hit].at, h.answers[miss].at);
}

TEST(Requirement04, WhatDoesNotFitIntoTheSignalsIsAnErrorOfTheCaller) {
  Host h;
  EXPECT_THROW(h.read(0, 1, 1u << kIdBits), ModelError);
  EXPECT_THROW(h.read(std::uint64_t{1} << kAddressBits, 1, 1), ModelError);
  EXPECT_THROW(h.read(0, 1, 1, 1u << kUserBits), ModelError);
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
  for (std::uint16_t user : {3, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 8}) {
    EXPECT_EQ(h.wait(h.write(dlu(16), pattern(kPageBytes, 1), 1, user)).status(), 0x3u) << user;
  }
  EXPECT_EQ(h.cube.channel(0).media().counters().programs, 0u);
  EXPECT_EQ(h.read_now(dlu(16)).status(), 0x7u) << "the refused page was not written";
}

TEST(Requirement06, UndefinedUserBitsOfScratchpadCommandsAreAnswered0x3AndChangeNothing) {
  Host h;
  h.wait(h.write(0, pattern(64, 1), 1, user::scratchpad()));
  for (unsigned bit = 3; bit < kUserBits; ++bit) {
    const auto user = static_cast<std::uint16_t>(user::scratchpad() | 1u << bit);
    EXPECT_EQ(h.wait(h.write(0, pattern(64, 9), 1, user)).status(), 0x3u) << bit;
    EXPECT_EQ(h.read_now(0, 1, user).status(), 0x3u) << bit;
    EXPECT_EQ(h.data(h.last), all_ones(64)) << bit;
  }
  h.read_now(0, 1, user::scratchpad());
  EXPECT_EQ(h.data(h.last), pattern(64, 1));
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

TEST(Requirement07, ScratchpadAndRefusedReadsKeepTheOrderOfTheirIdToo) {
  Host h;
  h.preload(0, 1);
  const auto miss = h.read(dlu(0), 1, 5), scratch = h.read(0, 1, 5, user::scratchpad()),
             refused = h.read(dlu(63), 1, 5), free = h.read(0, 1, 6, user::scratchpad());
  h.wait_all({miss, scratch, refused, free});
  EXPECT_EQ(h.order, (std::vector<std::uint64_t>{free, miss, scratch, refused}));
}

TEST(Requirement07, ResponsesOfOneIdKeepTheOrderOfTheWrites) {
  Host h;
  const auto program = h.write(dlu(0), pattern(kPageBytes, 1), 5),
             refused = h.write(dlu(5), pattern(kPageBytes, 1), 5),  // page 1 of a block without page 0
      scratch = h.write(0, pattern(64, 1), 5, user::scratchpad()),
             other = h.write(dlu(6), pattern(kPageBytes, 1), 6);
  h.wait_all({program, refused, scratch, other});
  EXPECT_EQ(h.order, (std::vector<std::uint64_t>{other, program, refused, scratch}));
  EXPECT_EQ(h.answers[refused].status(), 0x6u);
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

TEST(Requirement09, AReadOfferedTogetherWithTheWriteInFrontOfItDoesNotOvertakeIt) {
  Host h;
  h.preload(0, 1);
  const Bytes fresh = pattern(kPageBytes, 9);
  const auto w = h.write(dlu(0), fresh, 1);
  const auto last = h.read(dlu(0) + 63 * 64, 1, 2), around = h.read(dlu(0) + 10 * 64, 20, 3);
  h.wait_all({w, last, around});
  EXPECT_EQ(h.data(last), Bytes(fresh.end() - 64, fresh.end()));
  EXPECT_EQ(h.data(around), Bytes(fresh.begin() + 10 * 64, fresh.begin() + 30 * 64));
  // A chunk of a page that is not complete.
  const auto chunk = h.write(dlu(4) + 5 * 64, pattern(64, 7), 1);
  const auto it = h.read(dlu(4) + 5 * 64, 1, 2);
  h.wait_all({chunk, it});
  EXPECT_EQ(h.answers[it].status(), 0x0u);
  EXPECT_EQ(h.data(it), pattern(64, 7));
  // The scratchpad.
  h.wait(h.write(0, pattern(kPageBytes, 3), 1, user::scratchpad()));
  const auto big = h.write(0, pattern(kPageBytes, 4), 1, user::scratchpad());
  const auto end = h.read(63 * 64, 1, 2, user::scratchpad());
  h.wait_all({big, end});
  EXPECT_EQ(h.data(end), Bytes(h.data(big).end() - 64, h.data(big).end()));
}

TEST(Requirement09, APageBufferDoesNotKeepThePageThatWasReplaced) {
  Host h;
  h.preload(0, 1);
  h.read_now(dlu(0));
  h.program(0, 2);
  const std::uint64_t before = h.senses();
  h.read_now(dlu(0), 64);
  EXPECT_EQ(h.senses(), before + 1);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 2));
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

TEST(Requirement10, AWriteDoesNotOvertakeAReadThatWaitsForTheLink) {
  Config c = small();
  c.link.ar_credits = c.link.ar_granules;  // one AR at a time
  Host h(c);
  h.preload(0, 1);
  std::vector<std::uint64_t> reads;
  for (unsigned i = 0; i < 20; ++i) reads.push_back(h.read(dlu(0) + 64, 1, i));
  const auto w = h.write(dlu(0) + 64, pattern(64, 9), 1);
  h.wait_all(reads);
  const Bytes page = pattern(kPageBytes, 1);
  for (auto r : reads) {
    EXPECT_EQ(h.answers[r].status(), 0u);
    EXPECT_EQ(h.data(r), Bytes(page.begin() + 64, page.begin() + 128));
  }
  h.wait(w);
}

TEST(Requirement10, ReadsInFrontOfTheRestartOfTheirBlockSeeItsOldPages) {
  for (std::uint32_t accumulate : {0u, 200000u}) {
    Host h;
    for (unsigned n : {0u, 4u, 8u, 12u}) h.preload(n, n);
    h.set_reg(Space::kMmio, mmio::kTmr + 4, timer_ns(accumulate));
    std::vector<std::uint64_t> reads;
    for (unsigned n : {12u, 8u, 4u, 0u}) reads.push_back(h.read(dlu(n), 64, n));  // the bank is busy for long
    h.run_for(ns(50));
    const auto w = h.write(dlu(0), pattern(kPageBytes, 50), 1);
    for (unsigned i = 0; i < 4; ++i) {
      EXPECT_EQ(h.wait(reads[i]).status(), 0u) << i;
      EXPECT_EQ(h.data(reads[i]), pattern(kPageBytes, 12 - 4 * i)) << i;
      EXPECT_EQ(h.answers.count(w), 0u);
    }
    EXPECT_EQ(h.wait(w).status(), 0u);
  }
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

TEST(Requirement11, Code7Is256CommandsAndOnlyLegalCodesAreTaken) {
  Config c = small();
  c.mocs_code = 8;
  Host h(c);
  h.preload(0, 1);
  const std::uint32_t bucc = h.reg(Space::kMmio, mmio::kBucc);
  const auto select = [&](std::uint32_t code) {
    h.set_reg(Space::kMmio, mmio::kBucc, (bucc & ~(0xfu << 24)) | code << 24);
    return h.reg(Space::kMmio, mmio::kBucc) >> 24 & 0xfu;
  };
  EXPECT_EQ(select(7), 7u);
  EXPECT_EQ(select(3), 7u) << "reserved";
  EXPECT_EQ(select(9), 7u) << "above the capability";
  std::vector<std::uint64_t> reads;
  for (unsigned i = 0; i < 300; ++i) reads.push_back(h.read(i % 64 * 64, 1, i));
  h.run_for(ns(500));
  EXPECT_EQ(h.cube.channel(0).counters().read_commands, 256u);
  h.wait_all(reads);
  EXPECT_EQ(h.cube.channel(0).counters().read_commands, 300u);
}

TEST(Requirement11, WritesScratchpadAndAdminCommandsCountAsWell) {
  Host h;
  h.preload(0, 1);
  const std::uint32_t bucc = h.reg(Space::kMmio, mmio::kBucc);
  h.set_reg(Space::kMmio, mmio::kBucc, bucc & ~(0xfu << 24));
  // Each is short enough to be there before the answer to the one in front of it.
  std::vector<std::uint64_t> all = {h.admin(false, admin_address(Opcode::kRegister)),
                                    h.write(0, pattern(64, 1), 4, user::scratchpad())};
  all.push_back(h.read(0, 1, 1));
  all.push_back(h.read(0, 1, 3, user::scratchpad()));
  all.push_back(h.write(dlu(16), pattern(kPageBytes, 1), 2));
  while (h.answers.size() < all.size() && h.cube.next_event() != kNever) {
    h.run_until(h.cube.next_event());
    const ChannelCounters& seen = h.cube.channel(0).counters();
    EXPECT_LE(seen.read_commands + seen.write_commands + seen.admin_commands, h.answers.size() + 1)
        << "one at a time";
  }
  EXPECT_EQ(h.answers.size(), all.size());
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

TEST(Requirement12, APortsReadBehindItsOwnWriteDoesNotHoldUpTheReadsOfAnother) {
  Config c = small();
  c.ports_per_channel = 2;
  Host h(c);
  h.preload(32, 3);  // first page of port 1
  h.port = 0;
  for (unsigned i = 0; i < 40; ++i) h.write(dlu(0), pattern(kPageBytes, i), i);
  const auto behind = h.read(dlu(0), 1, 1);
  h.port = 1;
  const TimePs start = h.now();
  const Response& r = h.wait(h.read(0, 1, 1));
  EXPECT_LE(r.at - start, cold_read(c, 1) + 20 * c.link.flit_time());
  h.wait(behind);
}

TEST(Requirement12, APortThatHasAskedForMoreThanMocsAllowsLeavesPlacesToTheOthers) {
  for (bool writes : {false, true}) {
    Config c = small();
    c.ports_per_channel = 4;
    Host h(c);
    ASSERT_EQ(c.max_outstanding(), 256u);
    for (unsigned n : {0u, 4u, 8u}) h.preload(n, n);  // of one bank: each sense throws another page out
    h.preload(49, 3);                                 // second page of port 3, in another bank
    h.port = 0;
    std::vector<std::uint64_t> others;
    for (unsigned i = 0; i < 2000; ++i) {
      others.push_back(writes ? h.write(i % 4 * 64, pattern(64, i), i, user::scratchpad())
                              : h.read(dlu(i % 3 * 4), 1, i));
    }
    h.run_for(ns(400));
    EXPECT_EQ(h.answers.empty(), !writes) << "every place is taken";
    h.port = 3;
    const TimePs start = h.now();
    const auto mine = h.read(dlu(1), 1, 1), scratch = h.write(0, pattern(64, 1), 1, user::scratchpad());
    h.wait_all({mine, scratch});
    EXPECT_EQ(h.answers[mine].status(), 0u);
    // A place is free when the first sense of port 0 has ended, or all the time. What the base die already
    // has of port 0, at most MOCS responses, may leave first.
    const TimePs place = writes ? 0 : cold_read(c, 1), leave = 256 * 14 / 48 * c.link.flit_time();
    EXPECT_LE(h.answers[mine].at - start, place + cold_read(c, 1) + leave);
    EXPECT_LE(h.answers[scratch].at - start, place + hit_read(c, 1) + c.timing.tSCRATCHPAD + leave);
    h.wait_all(others);
  }
}

TEST(Requirement12, IdsOfOnePortHaveNoOrderWithThoseOfAnother) {
  Config c = small();
  c.ports_per_channel = 2;
  Host h(c);
  h.preload(0, 1);
  h.preload(33, 2);  // second page of port 1
  h.port = 1;
  h.read_now(dlu(1));
  h.port = 0;
  const auto miss = h.read(0, 1, 7);
  h.port = 1;
  const auto hit = h.read(dlu(1), 1, 7);
  h.wait_all({miss, hit});
  EXPECT_LT(h.answers[hit].at + c.timing.tR / 2, h.answers[miss].at);
}

TEST(Requirement13, NoChannelReachesAnothersData) {
  Host h;
  h.channel = 0;
  h.program(0, 1);
  h.channel = 1;
  EXPECT_EQ(h.read_now(0).status(), 0x7u) << "the same address of the other channel is empty";
  h.program(0, 2);
  EXPECT_EQ(h.read_now(h.cube.config().channel_bytes()).status(), 0x1u);
  h.wait(h.write(0, pattern(64, 6), 1, user::scratchpad()));
  h.set_reg(Space::kMmio, mmio::kTmr, timer_ns(4321));
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmr), timer_ns(4321));
  h.inject(0, FaultKind::kUncorrectable);
  h.channel = 0;
  EXPECT_EQ(h.read_now(0, 64).status(), 0x0u);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 1));
  h.read_now(0, 1, user::scratchpad());
  EXPECT_NE(h.data(h.last), pattern(64, 6));
  EXPECT_NE(h.reg(Space::kMmio, mmio::kTmr), timer_ns(4321));
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

TEST(Requirement15, ReadsDoNotWaitForThePlacesOfWritesThatAreNotEvenSent) {
  Host h;
  h.preload(63, 5);
  ASSERT_EQ(h.cube.config().max_outstanding(), 256u);
  for (unsigned i = 0; i < 1000; ++i) h.write(dlu(0), pattern(kPageBytes, i), i);
  const TimePs start = h.now();
  const Response& r = h.wait(h.read(dlu(63), 1, 1));
  EXPECT_LE(r.at - start, cold_read(h.cube.config(), 1) + 20 * h.cube.config().link.flit_time());
}

TEST(Requirement15, ReadsDoNotWaitForTheCreditsOfWrites) {
  Config c = small();
  c.link.w_credits = c.link.w_granules;  // one W at a time
  Host h(c);
  h.preload(63, 5);
  h.write(dlu(0), pattern(kPageBytes, 1), 1);
  for (unsigned i = 0; i < 20; ++i) {
    h.run_for(ns(7));
    const TimePs start = h.now();
    const TimePs took = h.wait(h.read(dlu(63), 1, 1)).at - start;
    EXPECT_LE(took, (i == 0 ? cold_read(c, 1) : hit_read(c, 1)) + 2 * c.link.flit_time());
    if (i == 0) h.write(dlu(1), pattern(kPageBytes, 1), 1);
  }
  EXPECT_LT(h.cube.channel(0).counters().write_bytes, 2 * kPageBytes)
      << "the second burst is still on its way";
}

TEST(Requirement15, WriteResponsesThatWaitForCreditsDoNotStallReadData) {
  Config c = small();
  c.link.b_credits = c.link.b_granules;  // one B at a time
  Host h(c);
  h.preload(5, 1);
  h.read_now(dlu(5));
  const Bytes page = pattern(kPageBytes, 1);
  for (unsigned i = 0; i < 64; ++i)
    h.write(dlu(0) + i * 64, Bytes(page.begin() + i * 64, page.begin() + (i + 1) * 64), i);
  while (h.order.size() < 3) h.run_until(h.cube.next_event());  // B after B
  const TimePs start = h.now();
  const Response& r = h.wait(h.read(dlu(5), 1, 1));
  EXPECT_LE(r.at - start, hit_read(c, 1) + 2 * c.link.flit_time());
  EXPECT_LT(h.order.size(), 40u) << "most B are still waiting";
}

TEST(Requirement15, ReadsThatWaitForCreditsDoNotStallWrites) {
  for (bool requests : {false, true}) {
    Config c = small();
    (requests ? c.link.ar_credits : c.link.r_credits) = requests ? c.link.ar_granules : c.link.r_granules;
    Host h(c);
    h.preload(0, 1);
    for (unsigned i = 0; i < 200; ++i) h.read(0, requests ? 1 : 64, i);
    h.run_for(us(2));
    const TimePs start = h.now();
    const Response& r = h.wait(h.write(0, pattern(64, 1), 1, user::scratchpad()));
    // AW and W are 17 granules, B is one: a flit each, behind what has begun.
    EXPECT_LE(r.at - start,
              2 * (c.link.latency + 3 * c.link.flit_time()) + c.timing.tBASE + c.timing.tSCRATCHPAD);
    EXPECT_LT(h.order.size(), 150u) << "most reads are still waiting";
  }
}

TEST(Requirement04, AddressesCountBytesOrChunksByTheSwitch) {
  for (auto unit : {Readings::AddressUnit::kBytes, Readings::AddressUnit::kChunks}) {
    Config c = small();
    c.readings.address_unit = unit;
    Host h(c);
    h.preload(1, 2);
    const Bytes page = pattern(kPageBytes, 2);
    const std::uint64_t per_chunk = unit == Readings::AddressUnit::kBytes ? 64 : 1;
    EXPECT_EQ(h.read_now((64 + 5) * per_chunk).status(), 0u);  // page 1, chunk 5
    EXPECT_EQ(h.data(h.last), Bytes(page.begin() + 5 * 64, page.begin() + 6 * 64));
    EXPECT_EQ(h.read_now(c.port_bytes() / 64 * per_chunk).status(), 0x1u);
    EXPECT_EQ(h.write_now(2 * 64 * per_chunk, pattern(kPageBytes, 3)).status(), 0u);
    h.read_now(2 * 64 * per_chunk, 64);
    EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 3));
    EXPECT_EQ(h.wait(h.write(3 * per_chunk, pattern(64, 4), 1, user::scratchpad())).status(), 0u);
    h.read_now(3 * per_chunk, 1, user::scratchpad());
    EXPECT_EQ(h.data(h.last), pattern(64, 4));
  }
}

}  // namespace
}  // namespace memwall::hbf::conformance
