// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Requirements 43 to 52: registers and admin commands. plan.toml says what each is.
#include "conformance/hbf/bench.h"

namespace memwall::hbf::conformance {
namespace {

/// A register by the mainband: opcode 0x20, offset in ADDR[31:8], USER[2] the space.
bool mainband_read(Host& h, Space space, std::uint32_t offset, std::uint32_t& value) {
  if (h.admin_now(false, admin_address(Opcode::kRegister, offset), 1, {}, space == Space::kMmio).status() !=
      0)
    return false;
  const Bytes& d = h.data(h.last);
  value = d[0] | d[1] << 8 | d[2] << 16 | static_cast<std::uint32_t>(d[3]) << 24;
  return true;
}
unsigned mainband_write(Host& h, Space space, std::uint32_t offset, std::uint32_t value) {
  Bytes beat(64, 0);
  for (unsigned i = 0; i < 4; ++i) beat[i] = static_cast<std::uint8_t>(value >> 8 * i);
  return h.admin_now(true, admin_address(Opcode::kRegister, offset), 1, beat, space == Space::kMmio).status();
}

TEST(Requirement43, EveryOffsetReadsTheSameOnMainbandAndSideband) {
  Host h;
  unsigned registers = 0;
  for (Space space : {Space::kConfig, Space::kMmio}) {
    const std::uint32_t end = space == Space::kConfig ? 0x400 : 0x300;
    for (std::uint32_t offset = 0; offset < end; offset += 4) {
      std::uint32_t main = 0, side = 0;
      const bool by_main = mainband_read(h, space, offset, main);
      const bool by_side = h.cube.sideband_read(0, space, offset, side);
      EXPECT_EQ(by_main, by_side) << offset;
      if (by_main && by_side) {
        EXPECT_EQ(main, side) << offset;
        ++registers;
      }
    }
  }
  EXPECT_GT(registers, 60u);
}

TEST(Requirement43, WhatOnePathWritesTheOtherReads) {
  Host h;
  EXPECT_EQ(mainband_write(h, Space::kMmio, mmio::kTmr, timer_ns(12345)), 0u);
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmr), timer_ns(12345));
  h.set_reg(Space::kConfig, 0x010, 0x1000);
  std::uint32_t value = 0;
  EXPECT_TRUE(mainband_read(h, Space::kConfig, 0x010, value));
  EXPECT_EQ(value, 0x1000u);
  // Read-only registers keep their value.
  const std::uint32_t vs = h.reg(Space::kMmio, mmio::kVs);
  h.cube.sideband_write(0, Space::kMmio, mmio::kVs, ~vs);
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kVs), vs);
}

TEST(Requirement43, CapabilitiesTellWhatTheCubeIs) {
  Host h;
  const Config& c = h.cube.config();
  const std::uint32_t low = h.reg(Space::kMmio, mmio::kBuccap), high = h.reg(Space::kMmio, mmio::kBuccap + 4);
  EXPECT_EQ(high >> 8 & 15, 1u) << "NCDU: log2 of 2 dies";
  EXPECT_EQ(high >> 4 & 15, 1u) << "NCBB: two buffers";
  EXPECT_EQ(high & 15, c.mocs_code);
  EXPECT_NE(low >> 24, 0u) << "TO";
  EXPECT_EQ(low >> 16 & 7, 1u << (c.link.grade - 1)) << "SSG";
  EXPECT_EQ(low >> 8 & 3, 3u) << "BCS: both bursts";
  EXPECT_EQ(low >> 6 & 3, 3u) << "WLS: both";
  EXPECT_EQ(low >> 4 & 1, 1u) << "SMEMS";
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kFiosz), c.port_bytes() / 4096);
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kSmemsz), c.scratchpad_bytes / 64);
  const std::uint32_t id = h.reg(Space::kConfig, 0);
  EXPECT_NE(id & 0xffff, 0xffffu) << "vendor id";
}

TEST(Requirement44, UndefinedAndUnalignedOffsetsAreAnswered0x1) {
  Host h;
  std::uint32_t value = 0;
  for (std::uint32_t offset : {0x2fcu, 0x068u, 0x0f0u, 0x154u}) {
    EXPECT_FALSE(mainband_read(h, Space::kMmio, offset, value)) << offset;
    EXPECT_EQ(h.answers[h.last].status(), 0x1u);
    EXPECT_EQ(mainband_write(h, Space::kMmio, offset, 1), 0x1u);
  }
  for (std::uint32_t offset : {0x001u, 0x00eu, 0x101u}) {
    EXPECT_FALSE(mainband_read(h, Space::kMmio, offset, value));
    EXPECT_EQ(h.answers[h.last].status(), 0x1u);
    EXPECT_FALSE(h.cube.sideband_read(0, Space::kMmio, offset, value));
  }
}

TEST(Requirement45, EnRaisesAndDropsRdyWithinToAndIoIsRefusedWithoutIt) {
  Host h(small(), false);
  h.preload(0, 1);
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucc) & 1u, 0u);
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucsts) & 1u, 0u);
  EXPECT_EQ(h.read_now(0).status(), 0x9u);
  EXPECT_EQ(h.write_now(dlu(16), pattern(kPageBytes, 1)).status(), 0x9u);
  const TimePs limit = (h.reg(Space::kMmio, mmio::kBuccap) >> 24) * 500 * kPsPerMs;
  const auto wait_for_rdy = [&](unsigned wanted) {
    const TimePs start = h.now();
    while ((h.reg(Space::kMmio, mmio::kBucsts) & 1u) != wanted && h.now() - start <= limit) h.run_for(us(1));
    EXPECT_LE(h.now() - start, limit);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucsts) & 1u, wanted);
  };
  const std::uint32_t bucc = h.reg(Space::kMmio, mmio::kBucc);
  h.set_reg(Space::kMmio, mmio::kBucc, bucc | 1u);
  wait_for_rdy(1);
  EXPECT_EQ(h.read_now(0).status(), 0x0u);
  EXPECT_EQ(h.reg(Space::kConfig, 4) >> 5 & 1, 1u) << "STS.ISR";
  h.set_reg(Space::kMmio, mmio::kBucc, bucc);
  wait_for_rdy(0);
  EXPECT_EQ(h.read_now(0).status(), 0x9u);
}

TEST(Requirement46, BucrFiresOnlyOnItsKeyReads0AndResetsItsScope) {
  Host h;
  h.preload(0, 1);
  h.set_reg(Space::kMmio, mmio::kTmr, timer_ns(777));
  for (std::uint32_t wrong : {0x484247u << 8 | 2, 2u, 0x464248u << 8 | 2}) {
    h.set_reg(Space::kMmio, mmio::kBucr, wrong);
    h.run_for(us(1000));
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucr), 0u);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmr), timer_ns(777));
    EXPECT_EQ(h.read_now(0).status(), 0u);
  }
  h.set_reg(Space::kMmio, mmio::kBucr, 0x484246u << 8 | 0);  // PHY: registers stay
  h.run_for(us(1000));
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmr), timer_ns(777));
  h.channel = 1;
  h.set_reg(Space::kMmio, mmio::kTmr, timer_ns(888));
  h.channel = 0;
  h.set_reg(Space::kMmio, mmio::kBucr, 0x484246u << 8 | 2);  // the channel
  h.run_for(us(1000));
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucr), 0u);
  EXPECT_NE(h.reg(Space::kMmio, mmio::kTmr), timer_ns(777)) << "back at its reset value";
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucc) & 1u, 0u);
  h.channel = 1;
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmr), timer_ns(888)) << "the other channel is not touched";
  h.channel = 0;
  h.cube.enable_all();
  h.read_now(0, 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 1)) << "NAND stays";
}

TEST(Requirement47, SecureErasePerScopeOneAtATimeAndOnlyWithAMethodItHas) {
  const auto erase = [](unsigned scope, unsigned method) {
    return admin_address(Opcode::kSecureErase, scope | method << 2);
  };
  Config c = small();
  c.ports_per_channel = 2;
  const Bytes none(64, 0);
  for (unsigned scope : {0u, 1u, 3u}) {
    Host h(c);
    h.preload(0, 1);
    h.preload(32, 2);  // port 1
    h.wait(h.write(0, pattern(64, 3), 1, user::scratchpad()));
    EXPECT_EQ(h.admin_now(true, erase(scope, 1), 1, none).status(), 0u);
    h.run_for(us(20000));
    const bool flash = scope != 3, scratch = scope != 1;
    EXPECT_EQ(h.read_now(0).status(), flash ? 0x7u : 0x0u) << scope;
    h.read_now(0, 1, user::scratchpad());
    EXPECT_EQ(h.data(h.last) == pattern(64, 3), !scratch) << scope;
    h.port = 1;
    EXPECT_EQ(h.read_now(0).status(), 0x0u) << "the other port is not touched";
  }
  Host h;
  EXPECT_EQ(h.admin_now(true, erase(1, 3), 1, none).status(), 0x1u) << "no such method";
  h.preload(0, 1);
  h.preload(16, 2);
  const auto first = h.admin(true, erase(1, 1), 1, none);
  const auto second = h.admin(true, erase(1, 1), 1, none);
  h.wait_all({first, second});
  std::vector<unsigned> both = {h.answers[first].status(), h.answers[second].status()};
  EXPECT_EQ(both, (std::vector<unsigned>{0x0, 0x3}));
  h.run_for(us(20000));
  Host zones;
  zones.preload(0, 1);
  zones.preload(16, 2);
  Bytes bitmap(64, 0);
  bitmap[0] = 1u << 1;
  EXPECT_EQ(zones.admin_now(true, erase(2, 1), 1, bitmap).status(), 0u);
  zones.run_for(us(20000));
  EXPECT_EQ(zones.read_now(0).status(), 0u);
  EXPECT_EQ(zones.read_now(dlu(16)).status(), 0x7u) << "zone 1 begins with row 1";
  bitmap[0] = 1u << 4;
  EXPECT_EQ(zones.admin_now(true, erase(2, 1), 1, bitmap).status(), 0x2u) << "there are four zones";
}

TEST(Requirement48, LogPagesCheckTypeOffsetAndLengthAndSayWhenTheyAreEmpty) {
  Host h;
  const auto log = [](unsigned type, unsigned offset) {
    return admin_address(Opcode::kGetLogPage, type | std::uint64_t{offset} << 8);
  };
  EXPECT_EQ(h.admin_now(false, log(0, 0)).status(), 0x0u) << "SMART is always there";
  EXPECT_EQ(h.admin_now(false, log(9, 0)).status(), 0x1u);
  EXPECT_EQ(h.admin_now(false, log(0, 5000)).status(), 0x2u);
  EXPECT_EQ(h.admin_now(false, log(1, 0)).status(), 0x3u) << "no HBF error yet";
  h.preload(0, 1);
  h.inject(0, FaultKind::kUncorrectable);
  EXPECT_EQ(h.read_now(0).status(), 0x4u);
  EXPECT_EQ(h.admin_now(false, log(1, 0)).status(), 0x0u) << "now there is one";
  EXPECT_NE(h.data(h.last), all_ones(64));
}

TEST(Requirement49, ZonesAreSwappedByTheHostOnlyAndNoDataMove) {
  Host h;
  h.program(0, 1);   // zone 0
  h.program(16, 2);  // zone 1
  h.program(32, 3);  // zone 2
  Bytes swap(64, 0);
  swap[0] = 0;  // source 0
  swap[2] = 1;  // destination 1
  EXPECT_EQ(h.admin_now(true, admin_address(Opcode::kZoneRemap), 1, swap).status(), 0x2u)
      << "the base die levels wear";
  const std::uint32_t bucc = h.reg(Space::kMmio, mmio::kBucc);
  h.set_reg(Space::kMmio, mmio::kBucc, (bucc & ~(3u << 6)) | 2u << 6);  // WLS = 10
  const double wear_0 = h.cube.channel(0).media().block_info(h.now(), 0, 0).pec;
  h.program(16, 4);
  const double wear_1 = h.cube.channel(0).media().block_info(h.now(), 0, 1).pec;
  EXPECT_NE(wear_0, wear_1);
  Bytes twice = swap;
  twice[4] = 0, twice[6] = 2;  // 0 again
  EXPECT_EQ(h.admin_now(true, admin_address(Opcode::kZoneRemap), 1, twice).status(), 0x1u);
  Bytes absent = swap;
  absent[2] = 4;
  EXPECT_EQ(h.admin_now(true, admin_address(Opcode::kZoneRemap), 1, absent).status(), 0x1u);
  EXPECT_EQ(h.admin_now(true, admin_address(Opcode::kZoneRemap, 1), 1, swap).status(), 0x2u)
      << "no such type";
  EXPECT_EQ(h.admin_now(true, admin_address(Opcode::kZoneRemap), 1, swap).status(), 0x0u);
  EXPECT_EQ(h.read_now(0).status(), 0x7u) << "contents of both zones are gone";
  EXPECT_EQ(h.read_now(dlu(16)).status(), 0x7u);
  h.read_now(dlu(32), 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 3));
  EXPECT_EQ(h.cube.channel(0).media().block_info(h.now(), 0, 0).pec, wear_1)
      << "wear follows the physical block";
  EXPECT_EQ(h.cube.channel(0).media().block_info(h.now(), 0, 1).pec, wear_0);
  h.program(0, 8);
  h.read_now(0, 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 8));
}

TEST(Requirement50, TheReducedCapacityBitmapIsLsbFirstInUnitsOf64Bytes) {
  // 32 GiB of 1 MiB blocks: 32768 bits, 64 beats.
  Config c = small();
  c.channels = 1;
  c.planes_per_die = 16;
  c.pages_per_block = 256;
  c.blocks_per_plane = 1024 + 4;
  c.capacity_bytes = std::uint64_t{32} << 30;
  Host h(c);
  const std::uint64_t lanes = c.lanes_per_channel();
  // Retire row 17, lane 3 and the last block.
  for (std::uint64_t block : {17 * lanes + 3, std::uint64_t{32767}}) {
    const std::uint64_t row = block / lanes, lane = block % lanes;
    h.inject(row * lanes * 256 + lane, FaultKind::kUnusable, 1, 1);
    h.read_now(dlu(row * lanes * 256 + lane));
  }
  const auto bitmap = [](unsigned type, unsigned offset) {
    return admin_address(Opcode::kReducedCapacity, type | std::uint64_t{offset} << 8);
  };
  ASSERT_EQ(h.admin_now(false, bitmap(0, 0), 64).status(), 0u);
  const Bytes whole = h.data(h.last);
  unsigned set = 0;
  for (unsigned i = 0; i < 32768; ++i) set += whole[i / 8] >> i % 8 & 1u;
  EXPECT_EQ(set, 2u);
  const std::uint64_t first = 17 * lanes + 3;
  EXPECT_EQ(whole[first / 8] >> first % 8 & 1u, 1u);
  EXPECT_EQ(whole[4095] >> 7, 1u);
  ASSERT_EQ(h.admin_now(false, bitmap(0, 63), 1).status(), 0u);
  EXPECT_EQ(h.data(h.last)[63] >> 7, 1u) << "offset counts 64 bytes";
  EXPECT_EQ(h.admin_now(false, bitmap(0, 63), 2).status(), 0x2u);
  EXPECT_EQ(h.admin_now(false, bitmap(0, 64), 1).status(), 0x2u);
  EXPECT_EQ(h.admin_now(false, bitmap(1, 0), 1).status(), 0x1u);
}

TEST(Requirement51, BistIsRefusedWhileIoOrBistRuns) {
  Host h;
  h.preload(0, 1);
  const Bytes none(64, 0);
  const auto bist = [](unsigned type) { return admin_address(Opcode::kBist, type); };
  EXPECT_EQ(h.admin_now(true, bist(0xff), 1, none).status(), 0x1u);
  h.read(0, 1, 1);
  EXPECT_EQ(h.admin_now(true, bist(0), 1, none).status(), 0x2u) << "a read is in flight";
  h.run_for(us(10));
  const auto first = h.admin(true, bist(0), 1, none), second = h.admin(true, bist(0), 1, none);
  h.wait_all({first, second});
  EXPECT_EQ(h.answers[first].status(), 0x0u);
  EXPECT_EQ(h.answers[second].status(), 0x2u);
}

TEST(Requirement52, MaxpecAndAvgpecTrackErases) {
  for (auto reading : {Readings::MaxPec::kCurrent, Readings::MaxPec::kLimit}) {
    Config c = small();
    c.readings.max_pec = reading;
    c.reliability.pec_at_start = 100;
    Host h(c);
    const bool current = reading == Readings::MaxPec::kCurrent;
    const auto limit = static_cast<std::uint32_t>(c.reliability.endurance_cycles);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kMaxPec), current ? 100u : limit);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kAvgPec), 100u);
    const std::uint32_t bucc = h.reg(Space::kMmio, mmio::kBucc);
    h.set_reg(Space::kMmio, mmio::kBucc, (bucc & ~(3u << 6)) | 2u << 6);  // the block stays where it is
    for (unsigned i = 0; i < 72; ++i) h.program(0, i);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kMaxPec), current ? 172u : limit);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kAvgPec), 103u) << "72 erases over 24 blocks";
  }
}

}  // namespace
}  // namespace memwall::hbf::conformance
