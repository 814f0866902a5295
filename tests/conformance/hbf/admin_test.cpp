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

/// What specification 5.9.1 and 5.9.2 list: every dword with its reset value and the bits that a write moves.
struct Register {
  const char* name;
  Space space;
  std::uint32_t offset;
  std::vector<std::uint32_t> reset;  // by dword
  std::uint32_t writable = 0;        // of each dword that `written` is for
  std::uint32_t written = 0;
  unsigned writable_dwords = 0;
};

std::vector<Register> registers_of(const Config& c) {
  constexpr Space kC = Space::kConfig, kM = Space::kMmio;
  const auto dwords = [](std::size_t n, std::vector<std::uint32_t> first = {}) {
    first.resize(n);
    return first;
  };
  const std::uint32_t ports = c.ports_per_channel == 4 ? 2 : c.ports_per_channel - 1;
  const std::uint32_t speed = c.link.grade == 1 ? 1 : c.link.grade == 2 ? 2 : 4;             // 8, 16, 32 GT/s
  const std::uint32_t max_read = c.burst_reads ? 3 : 0, max_write = c.burst_writes ? 3 : 0;  // 4096 or 64 B
  const bool scratchpad = c.scratchpad_bytes > 0;
  const std::uint32_t cap =
      7u << 16 | (scratchpad ? max_read << 14 | max_write << 12 : 0) | max_read << 6 | max_write << 4;
  const std::uint32_t grade = 1u << (c.link.grade - 1),
                      bcs = (c.burst_reads ? 2u : 0u) | (c.burst_writes ? 1u : 0u);
  const std::uint32_t wls = c.zones_per_channel > 0 ? 3 : 1;
  std::vector<std::uint32_t> scratch_sizes(4), flash_sizes(4);
  for (unsigned p = 0; p < c.ports_per_channel; ++p) {
    scratch_sizes[p] = static_cast<std::uint32_t>(c.scratchpad_bytes / c.ports_per_channel / 64);
    flash_sizes[p] = static_cast<std::uint32_t>(c.capacity_bytes / c.channels / c.ports_per_channel / 4096);
  }
  const auto celsius = [](double t) { return static_cast<std::uint32_t>((t - 60) * 2); };
  const std::uint32_t gather = static_cast<std::uint32_t>(c.timing.tGATHER / kPsPerNs) << 8,
                      accumulate = static_cast<std::uint32_t>(c.timing.tACCUMULATE / kPsPerNs) << 8;
  return {
      {"ID", kC, 0x000, {std::uint32_t{Management::kDeviceId} << 16 | Management::kVendorId}},
      {"STS", kC, 0x004, {1u << 6}},  // registers are ready, IO is not
      {"RID", kC, 0x008, {Management::kRevisionId}},
      {"MADDR", kC, 0x010, {0, 0}, ~0u, 0xdeadbeef, 1},
      {"PWR", kC, 0x018, {0, ~0u}, ~0u, 0x12345678, 1},
      {"UCONFIG", kC, 0x058, dwords(16, {speed << 8 | ports})},
      {"CAP", kC, 0x098, dwords(64, {cap})},
      {"VPR", kC, 0x200, {0}},
      {"VCONFIG", kC, 0x204, dwords(127)},
      {"BUCCAP",
       kM,
       0x000,
       {1u << 24 | grade << 16 | bcs << 8 | wls << 6 | (scratchpad ? 1u << 4 : 0u) | 1u,
        1u << 8 | 1u << 4 | c.mocs_code}},
      {"VS", kM, 0x008, {7}},
      {"BUCC", kM, 0x00C, {c.mocs_code << 24 | grade << 16 | 1u << 6 | ports << 4}, 0xf000000, 0, 1},  // MOCS
                                                                                                       // 0
      {"BUCSTS", kM, 0x010, {0}},
      {"BUCR", kM, 0x014, {0}},
      {"TMON", kM, 0x018, {0}},
      {"SMEMSA", kM, 0x01C, {0, 0}},
      {"SMEMSZ", kM, 0x024, scratch_sizes},
      {"FIOSA", kM, 0x034, {0, 0}},
      {"FIOSZ", kM, 0x03C, flash_sizes},
      {"SMSZ", kM, 0x04C, {1, Management::kSmartBytes}},
      {"VSTSZ",
       kM,
       0x054,
       {1, Management::kSnapshotBytes << 8 | Management::kSnapshotsKept},
       0xffff0000,
       0x00145555,
       1},
      {"ESZ", kM, 0x05C, {1u << 16 | 1u, Management::kLogEntryBytes << 16 | Management::kLogEntryBytes}},
      {"ENC", kM, 0x064, {Management::kMaxUcieEntries << 16 | Management::kMaxHbfEntries}},
      {"TMR", kM, 0x100, dwords(16, {gather, accumulate}), ~0u, 0x00012305, 16},
      {"LOCKOUT", kM, 0x140, {0}, 1, 1, 1},
      {"MAXPEC", kM, 0x144, {c.readings.max_pec == Readings::MaxPec::kLimit ? 100000u : 7u}},
      {"AVGPEC", kM, 0x148, {7}},
      {"REDCAP", kM, 0x14C, {0}},
      {"TTTEMP",
       kM,
       0x150,
       {1u << 23 | celsius(c.thermal.severe_c) << 16 | 1u << 15 | celsius(c.thermal.light_c) << 8 |
        celsius(c.thermal.recover_c)},
       0xffffff,
       0xffaa5533,
       1},
  };
}

TEST(Requirement43, EveryRegisterHasItsResetValueAndAccessOnEveryPathAndNothingElseIsThere) {
  for (unsigned variant = 0; variant < 3; ++variant) {
    Config c = small();
    c.reliability.pec_at_start = 7;
    if (variant == 2) c.readings.max_pec = Readings::MaxPec::kLimit;
    c.link.grade = 1 + variant;
    c.ports_per_channel = 1u << variant;
    c.burst_writes = variant != 1;
    c.burst_reads = variant != 2;
    if (variant == 1) c.zones_per_channel = 0;
    if (variant == 2) c.scratchpad_bytes = 0;
    c.timing.tACCUMULATE = ns(variant * 300);
    Host h(c, false);
    h.channel = 1;
    const auto ieee1500 = [&](Space space, std::uint32_t offset, std::uint32_t& value) {
      const std::uint64_t word =
          h.cube
              .ieee1500(static_cast<std::uint16_t>((space == Space::kConfig ? 0x21 : 0x23) | 1u << 8),
                        {offset})
              .at(0);
      value = static_cast<std::uint32_t>(word);
      return word >> 32 == 1;
    };
    const std::vector<Register> registers = registers_of(c);
    for (Space space : {Space::kConfig, Space::kMmio}) {
      std::map<std::uint32_t, std::pair<const char*, std::uint32_t>> expected;
      for (const Register& r : registers)
        for (unsigned i = 0; r.space == space && i < r.reset.size(); ++i)
          expected[r.offset + 4 * i] = {r.name, r.reset[i]};
      for (std::uint32_t offset = 0; offset < 0x500; offset += 4) {
        const auto e = expected.find(offset);
        std::uint32_t main = 0, side = 0, serial = 0;
        const bool there = e != expected.end();
        const char* name = there ? e->second.first : "reserved";
        EXPECT_EQ(mainband_read(h, space, offset, main), there) << name << " " << std::hex << offset;
        EXPECT_EQ(h.cube.sideband_read(1, space, offset, side), there) << name << " " << std::hex << offset;
        EXPECT_EQ(ieee1500(space, offset, serial), there) << name << " " << std::hex << offset;
        if (!there) continue;
        EXPECT_EQ(main, e->second.second) << name << " " << std::hex << offset << ", variant " << variant;
        EXPECT_EQ(side, e->second.second) << name << " " << std::hex << offset;
        EXPECT_EQ(serial, e->second.second) << name << " " << std::hex << offset;
      }
    }
    // A write moves what it may and nothing else, on every path in turn.
    unsigned path = 0;
    for (const Register& r : registers) {
      for (unsigned i = 0; i < r.reset.size(); ++i) {
        const std::uint32_t offset = r.offset + 4 * i;
        const bool moves = i < r.writable_dwords;
        std::uint32_t value = moves ? r.written : ~r.reset[i];
        if (r.offset == 0x014) value = 0x484247u << 8;  // any other key
        switch (path++ % 3) {
          case 0:
            EXPECT_EQ(mainband_write(h, r.space, offset, value), 0u) << r.name;
            break;
          case 1:
            EXPECT_TRUE(h.cube.sideband_write(1, r.space, offset, value)) << r.name;
            break;
          default:
            EXPECT_EQ(h.cube.ieee1500(static_cast<std::uint16_t>((r.space == Space::kConfig ? 0x20 : 0x22) |
                                                                 1u << 8),
                                      {offset | std::uint64_t{value} << 32})
                              .at(0) >>
                          32,
                      1u)
                << r.name;
        }
        const std::uint32_t mask = moves ? r.writable : 0;
        EXPECT_EQ(h.reg(r.space, offset), (r.reset[i] & ~mask) | (value & mask)) << r.name << " dword " << i;
      }
    }
    // The other channel has registers of its own.
    h.channel = 0;
    for (const Register& r : registers)
      for (unsigned i = 0; i < r.reset.size(); ++i)
        EXPECT_EQ(h.reg(r.space, r.offset + 4 * i), r.reset[i]) << r.name << " of channel 0";
  }
}

TEST(Requirement43, StatusBitsAreWhereTheyBelong) {
  for (bool scratchpad : {false, true}) {
    Config c = small();
    if (!scratchpad) c.scratchpad_bytes = 0;
    Host h(c);
    EXPECT_EQ(h.reg(Space::kConfig, 4), (scratchpad ? 1u << 7 : 0u) | 1u << 6 | 1u << 5)
        << "STS: SPR, CSR, ISR";
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucsts), 1u) << "RDY";
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucc) & 1u, 1u) << "EN";
    h.cube.set_temperature(c.thermal.light_c);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmon), 2u) << "LTMS";
    h.cube.set_temperature(c.thermal.severe_c);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmon), 3u) << "and CES";
    h.cube.set_temperature(25);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmon), 1u);
  }
}

TEST(Requirement43, IllegalValuesOfAFieldLeaveItAsItIs) {
  Host h(small(), false);
  const std::uint32_t bucc = h.reg(Space::kMmio, mmio::kBucc);
  for (std::uint32_t wrong :
       {bucc ^ 6u << 16, bucc | 3u << 6, bucc & ~(3u << 6), bucc ^ 3u << 4, bucc | 15u << 24}) {
    h.set_reg(Space::kMmio, mmio::kBucc, wrong);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucc), bucc) << std::hex << wrong;
  }
  const std::uint32_t timer = h.reg(Space::kMmio, mmio::kTmr);
  h.set_reg(Space::kMmio, mmio::kTmr, 6);  // there are units 0 to 5
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmr), timer);
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
    EXPECT_EQ(mainband_write(h, Space::kMmio, offset, 1), 0x1u);
    EXPECT_FALSE(h.cube.sideband_read(0, Space::kMmio, offset, value));
    EXPECT_FALSE(h.cube.sideband_write(0, Space::kMmio, offset, 1));
  }
  // Configuration space ends at 0x3ff, MMIO space at 0x2ff; ADDR[31:8] has 24 bits of offset.
  for (std::uint32_t offset :
       {0x00cu, 0x020u, 0x054u, 0x198u, 0x1fcu, 0x400u, 0x1000u, 0x010000u, 0xfffffcu, 0x002u}) {
    EXPECT_FALSE(mainband_read(h, Space::kConfig, offset, value)) << offset;
    EXPECT_EQ(h.answers[h.last].status(), 0x1u);
    EXPECT_EQ(mainband_write(h, Space::kConfig, offset, 1), 0x1u);
  }
  for (std::uint32_t offset : {0x300u, 0x400u, 0x100000u, 0x010010u})
    EXPECT_FALSE(mainband_read(h, Space::kMmio, offset, value)) << offset;
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

TEST(Requirement45, IoNeedsBothAndTheScratchpadToo) {
  for (TimePs time : {us(10), 1200 * kPsPerMs}) {  // one unit of TO, three units
    Config c = small();
    c.timing.tRDY = time;
    Host h(c, false);
    h.preload(0, 1);
    const TimePs limit = (h.reg(Space::kMmio, mmio::kBuccap) >> 24) * 500 * kPsPerMs;
    EXPECT_GE(limit, time);
    EXPECT_LT(limit, time + 500 * kPsPerMs);
    const auto refused = [&](const char* when) {
      for (auto command :
           {h.read(0, 1, 1), h.read(0, 1, 2, user::scratchpad()), h.write(dlu(16), pattern(kPageBytes, 1), 3),
            h.write(0, pattern(64, 1), 4, user::scratchpad())}) {
        EXPECT_EQ(h.wait(command).status(), 0x9u) << when;
        EXPECT_EQ(h.answers[command].info(), 0u) << when;
      }
    };
    const auto ready = [&] { return h.reg(Space::kMmio, mmio::kBucsts) & 1u; };
    const auto io_ready = [&] { return h.reg(Space::kConfig, 4) & (1u << 5 | 1u << 7); };
    const std::uint32_t bucc = h.reg(Space::kMmio, mmio::kBucc);
    EXPECT_EQ(bucc & 1u, 0u);
    refused("EN = 0");
    EXPECT_EQ(io_ready(), 0u);
    h.set_reg(Space::kMmio, mmio::kBucc, bucc | 1u);
    EXPECT_EQ(ready(), 0u);
    refused("EN = 1, RDY = 0");
    EXPECT_EQ(io_ready(), 0u);
    h.run_for(time);
    EXPECT_EQ(ready(), 1u);
    EXPECT_EQ(io_ready(), 1u << 5 | 1u << 7) << "ISR and SPR";
    EXPECT_EQ(h.read_now(0).status(), 0u);
    EXPECT_EQ(h.read_now(0, 1, user::scratchpad()).status(), 0u);
    h.set_reg(Space::kMmio, mmio::kBucc, bucc);
    EXPECT_EQ(ready(), 1u);
    refused("EN = 0, RDY = 1");
    h.run_for(time);
    EXPECT_EQ(ready(), 0u);
    EXPECT_EQ(io_ready(), 0u);
    refused("EN = 0 again");
    EXPECT_EQ(h.read_now(dlu(16)).status(), 0x9u);
    EXPECT_EQ(h.cube.channel(0).media().counters().programs, 0u);
  }
}

TEST(Requirement46, BucrFiresOnlyOnItsKeyReads0AndResetsItsScope) {
  Host h;
  h.preload(0, 1);
  h.set_reg(Space::kMmio, mmio::kTmr, timer_ns(777));
  for (std::uint32_t wrong :
       {0x484247u << 8 | 2, 2u, 0x464248u << 8 | 2, 0x004246u << 8 | 2, 0x484246u << 8 | 3}) {
    const auto flying = h.read(0, 1, 1);
    h.run_for(ns(15));
    h.set_reg(Space::kMmio, mmio::kBucr, wrong);
    EXPECT_EQ(h.wait(flying).status(), 0u);
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

TEST(Requirement46, LinkResetsKeepPageBuffersRegistersAndFeaturesAChannelResetDoesNot) {
  for (unsigned type : {0u, 1u, 2u}) {
    Host h;
    for (unsigned n : {0u, 1u, 16u}) h.preload(n, n);
    h.set_feature(Feature::kRetryMode, 1);
    h.set_feature(Feature::kMaxReadThreshold, 1234);
    h.set_reg(Space::kMmio, mmio::kTmr, timer_ns(777));
    h.read_now(dlu(0));
    const auto flying = h.read(dlu(1), 1, 1), written = h.write(dlu(16) + 64, pattern(64, 1), 2);
    h.run_for(ns(300));
    h.set_reg(Space::kMmio, mmio::kBucr, 0x484246u << 8 | type);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucr), 0u);
    if (type == 2) {
      h.run_for(h.cube.config().timing.tRESET);
      EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucsts) & 1u, 0u);
      h.cube.enable_all();
    }
    const TimePs start = h.now();
    EXPECT_EQ(h.read_now(dlu(0) + 64).status(), 0u) << type;
    if (type != 2) {
      EXPECT_GE(h.answers[h.last].at - start, h.cube.config().timing.tRESET) << "the link is down so long";
    }
    EXPECT_EQ(h.senses(), type == 2 ? 3u : 2u) << "page 0 and what was being read; page 0 anew";
    h.run_for(us(100));
    EXPECT_EQ(h.answers.count(flying) + h.answers.count(written), 0u) << "what was in flight has no response";
    EXPECT_EQ(h.feature(Feature::kRetryMode), type == 2 ? 0u : 1u);
    EXPECT_EQ(h.feature(Feature::kMaxReadThreshold), type == 2 ? 1000000u : 1234u);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmr) == timer_ns(777), type != 2);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucc) & 1u, 1u);
    for (unsigned n : {0u, 1u, 16u}) {
      h.read_now(dlu(n), 64);
      EXPECT_EQ(h.data(h.last), pattern(kPageBytes, n));
    }
  }
}

TEST(Requirement46, TheCommandThatOrdersAResetIsAnsweredBehindIt) {
  for (std::uint32_t type : {0u, 1u, 2u}) {
    Host h;
    const TimePs start = h.now();
    EXPECT_EQ(mainband_write(h, Space::kMmio, mmio::kBucr, 0x484246u << 8 | type), 0u);
    EXPECT_GE(h.answers[h.last].at - start, h.cube.config().timing.tRESET);
    h.cube.enable_all();
    EXPECT_EQ(h.read_now(0).status(), 0x7u) << "and the port goes on";
  }
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

TEST(Requirement47, TheScopesAreThoseOfThePortThatAsks) {
  Config c = small();
  c.ports_per_channel = 2;
  const Bytes none(64, 0);
  for (unsigned scope : {0u, 1u, 3u}) {
    Host h(c);
    for (unsigned n = 0; n < 64; ++n) h.preload(n, n);
    for (std::uint8_t port : {0, 1}) {
      h.port = port;
      h.wait(h.write(0, pattern(64, 3u + port), 1, user::scratchpad()));
      h.read_now(0);  // into a page buffer
    }
    h.port = 1;
    EXPECT_EQ(h.admin_now(true, admin_address(Opcode::kSecureErase, scope | 1u << 2), 1, none).status(), 0u);
    const bool flash = scope != 3, scratch = scope != 1;
    for (std::uint8_t port : {0, 1}) {
      h.port = port;
      for (unsigned n = 0; n < 32; ++n)
        EXPECT_EQ(h.read_now(dlu(n)).status(), flash && port == 1 ? 0x7u : 0x0u) << scope << " page " << n;
      h.read_now(0, 1, user::scratchpad());
      EXPECT_EQ(h.data(h.last) == pattern(64, 3u + port), !(scratch && port == 1)) << scope;
    }
    h.port = 1;
    if (flash) {
      EXPECT_EQ(h.write_now(dlu(4), pattern(kPageBytes, 1)).status(), 0x6u)
          << "an empty block begins with page 0";
      EXPECT_EQ(h.write_now(dlu(0), pattern(kPageBytes, 1)).status(), 0x0u);
    }
  }
}

TEST(Requirement47, MethodsBitmapsAndTheNextOne) {
  Host h;
  const Bytes none(64, 0);
  const auto erase = [](unsigned scope, unsigned method) {
    return admin_address(Opcode::kSecureErase, scope | method << 2);
  };
  for (unsigned n = 0; n < 64; ++n) h.preload(n, n);
  for (unsigned method : {2u, 3u})
    EXPECT_EQ(h.admin_now(true, erase(1, method), 1, none).status(), 0x1u) << method;
  EXPECT_EQ(h.admin_now(true, erase(1, 0), 1, none).status(), 0x0u) << "none: nothing is erased";
  EXPECT_EQ(h.admin_now(true, erase(2, 1), 1, none).status(), 0x2u) << "no zone at all";
  for (unsigned n = 0; n < 64; ++n) EXPECT_EQ(h.read_now(dlu(n)).status(), 0x0u) << n;
  Bytes bitmap(64, 0);
  bitmap[0] = 1u << 0 | 1u << 2;
  const auto chunk = h.write(dlu(32), pattern(64, 1), 1);  // an open DLU of zone 2
  h.run_for(ns(100));
  const TimePs start = h.now();
  EXPECT_EQ(h.admin_now(true, erase(2, 1), 1, bitmap).status(), 0x0u);
  EXPECT_GE(h.answers[h.last].at - start, h.cube.config().timing.tSECURE_ERASE) << "answered when it is done";
  ASSERT_EQ(h.answers.count(chunk), 1u);
  EXPECT_EQ(h.answers[chunk].status(), 0x5u) << "to be sent again";
  EXPECT_LT(h.answers[chunk].at - start, us(1)) << "at once, not when its time is over";
  for (unsigned n = 0; n < 64; ++n)
    EXPECT_EQ(h.read_now(dlu(n)).status(), n / 16 == 0 || n / 16 == 2 ? 0x7u : 0x0u) << n;
  EXPECT_EQ(h.admin_now(true, erase(1, 1), 1, none).status(), 0x0u) << "one after the other";
  for (unsigned n = 0; n < 64; ++n) EXPECT_EQ(h.read_now(dlu(n)).status(), 0x7u) << n;
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

std::uint64_t word_of(const Bytes& bytes, std::size_t at, unsigned count) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < count; ++i) value |= std::uint64_t{bytes[at + i]} << 8 * i;
  return value;
}

TEST(Requirement48, EachLogHasItsLengthAndItsContents) {
  Host h;
  const auto log = [&](unsigned type, unsigned offset, unsigned beats) {
    return h.admin_now(false, admin_address(Opcode::kGetLogPage, type | std::uint64_t{offset} << 8), beats)
        .status();
  };
  // SMART: SMSZ bytes.
  const unsigned smart = Management::kSmartBytes / 64;
  EXPECT_EQ(h.reg(Space::kMmio, 0x050), Management::kSmartBytes);
  EXPECT_EQ(log(0, 0, smart), 0x0u);
  EXPECT_EQ(log(0, 0, smart + 1), 0x2u);
  EXPECT_EQ(log(0, smart - 1, 1), 0x0u);
  EXPECT_EQ(log(0, smart - 1, 2), 0x2u);
  EXPECT_EQ(log(0, smart, 1), 0x2u);
  for (unsigned type = 4; type < 16; ++type) EXPECT_EQ(log(type, 0, 1), 0x1u) << type;
  for (unsigned type : {1u, 2u, 3u}) EXPECT_EQ(log(type, 0, 1), 0x3u) << "nothing yet in log " << type;
  // HBF errors: newest first, with status, information and address.
  for (unsigned n : {0u, 5u}) h.preload(n, n);
  h.inject(5, FaultKind::kCorrectedHigh);
  EXPECT_EQ(h.read_now(dlu(5)).status(), 0x5u);
  h.inject(2, FaultKind::kProgramFail);
  EXPECT_EQ(h.write_now(dlu(2), pattern(kPageBytes, 1)).status(), 0x7u);
  h.inject(0, FaultKind::kUncorrectable);
  EXPECT_EQ(h.read_now(0).status(), 0x4u);
  ASSERT_EQ(log(1, 0, 4), 0x0u);
  const Bytes entries = h.data(h.last);
  const unsigned statuses[] = {0x4, 0x7, 0x5}, infos[] = {2, 0, 2}, pages[] = {0, 2, 5}, writes[] = {0, 1, 0};
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(entries[i * 64], 1u) << i;
    EXPECT_EQ(entries[i * 64 + 1], writes[i]) << i;
    EXPECT_EQ(entries[i * 64 + 2], statuses[i]) << i;
    EXPECT_EQ(entries[i * 64 + 3], infos[i]) << i;
    EXPECT_EQ(word_of(entries, i * 64 + 8, 8), 3 - i) << "number";
    EXPECT_EQ(word_of(entries, i * 64 + 24, 8), dlu(pages[i])) << "address";
  }
  EXPECT_EQ(entries[3 * 64], 0u) << "no fourth one";
  ASSERT_EQ(log(1, 2, 1), 0x0u);
  EXPECT_EQ(h.data(h.last), Bytes(entries.begin() + 128, entries.begin() + 192))
      << "the offset counts 64 bytes";
  EXPECT_EQ(log(1, Management::kMaxHbfEntries, 1), 0x2u);
  // SMART counts what was done.
  ASSERT_EQ(log(0, 0, smart), 0x0u);
  EXPECT_EQ(word_of(h.data(h.last), 8 * (16 + static_cast<unsigned>(SmartCounter::kSenses)), 8), h.senses());
  EXPECT_EQ(word_of(h.data(h.last), 8 * (16 + static_cast<unsigned>(SmartCounter::kProgramFails)), 8), 1u);
  // UCIe errors and snapshots.
  h.set_reg(Space::kMmio, mmio::kBucr, 0x484246u << 8);
  h.run_for(us(1000));
  ASSERT_EQ(log(2, 0, 1), 0x0u);
  EXPECT_EQ(h.data(h.last)[4], 1u) << "a PHY reset";
  EXPECT_EQ(log(3, 0, 1), 0x3u);
  h.set_reg(Space::kMmio, 0x054, 1u << 18);  // a snapshot each second
  h.run_for(2500 * kPsPerMs);
  ASSERT_EQ(log(3, 0, 2), 0x0u);
  EXPECT_EQ(word_of(h.data(h.last), 0, 8), 2u) << "the newest first";
  EXPECT_EQ(word_of(h.data(h.last), 64, 8), 1u);
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
  Bytes target_twice = swap;
  target_twice[4] = 2, target_twice[6] = 1;  // 1 again
  Bytes source_absent = swap;
  source_absent[4] = 4, source_absent[6] = 2;
  for (const Bytes& bad : {target_twice, source_absent})
    EXPECT_EQ(h.admin_now(true, admin_address(Opcode::kZoneRemap), 1, bad).status(), 0x1u);
  EXPECT_EQ(h.admin_now(true, admin_address(Opcode::kZoneRemap, 1), 1, swap).status(), 0x2u)
      << "no such type";
  h.read_now(0, 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 1)) << "nothing was swapped so far";
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

TEST(Requirement49, UpTo16PairsOfWholeZones) {
  Config c = small();
  c.channels = 1;
  c.blocks_per_plane = 16 + 2;
  c.capacity_bytes = kLanes * kPages * 16 * kPageBytes;
  c.zones_per_channel = 8;  // of two rows each
  Host h(c);
  const std::uint32_t bucc = h.reg(Space::kMmio, mmio::kBucc);
  h.set_reg(Space::kMmio, mmio::kBucc, (bucc & ~(3u << 6)) | 2u << 6);
  // Row r, lane 0 is erased r + 1 times.
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned i = 0; i <= row; ++i) h.program(row * 16, row);
  const auto wear = [&](unsigned row) { return h.cube.channel(0).media().block_info(h.now(), 0, row).pec; };
  for (unsigned row = 0; row < 16; ++row) ASSERT_EQ(wear(row), row + 1);
  Bytes pairs(64, 0);
  const auto put = [&](unsigned at, unsigned destination, unsigned source) {
    pairs[4 * at] = static_cast<std::uint8_t>(source),
              pairs[4 * at + 2] = static_cast<std::uint8_t>(destination);
  };
  put(0, 1, 0);
  put(7, 2, 6);
  put(15, 7, 3);
  EXPECT_EQ(h.admin_now(true, admin_address(Opcode::kZoneRemap), 1, pairs).status(), 0x0u);
  const unsigned now_at[] = {1, 0, 6, 7, 4, 5, 2, 3};
  for (unsigned row = 0; row < 16; ++row) {
    const unsigned zone = row / 2, from = now_at[zone] * 2 + row % 2;
    EXPECT_EQ(wear(row), from + 1) << row;
    h.read_now(dlu(row * 16), 64);
    if (zone == 4 || zone == 5) {
      EXPECT_EQ(h.data(h.last), pattern(kPageBytes, row)) << "not swapped";
    } else {
      EXPECT_EQ(h.answers[h.last].status(), 0x7u) << row;
    }
    h.program(row * 16, 100 + row);
  }
  for (unsigned row = 0; row < 16; ++row) {
    h.read_now(dlu(row * 16), 64);
    EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 100 + row)) << row;
  }
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
  EXPECT_EQ(h.admin_now(false, bitmap(0, 256), 1).status(), 0x2u);
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

TEST(Requirement51, OpenDlusPagesThatAreProgrammedAndSecureEraseCountAsIo) {
  Host h;
  const Bytes none(64, 0);
  const auto bist = [&] { return h.admin_now(true, admin_address(Opcode::kBist), 1, none).status(); };
  for (unsigned i = 0; i < 2; ++i) EXPECT_EQ(bist(), 0x0u) << "one after the other";
  for (unsigned type : {3u, 0x80u})
    EXPECT_EQ(h.admin_now(true, admin_address(Opcode::kBist, type), 1, none).status(), 0x1u) << type;
  const auto chunk = h.write(dlu(0), pattern(64, 1), 1);
  h.run_for(ns(200));
  EXPECT_EQ(bist(), 0x2u) << "a DLU is open";
  h.wait(chunk);
  h.run_for(us(1));
  const auto page = h.write(dlu(0), pattern(kPageBytes, 1), 1);
  h.run_for(us(1));
  EXPECT_EQ(bist(), 0x2u) << "a page is being programmed";
  EXPECT_EQ(h.wait(page).status(), 0u);
  h.run_for(us(1));
  const auto erase = h.admin(true, admin_address(Opcode::kSecureErase, 1u | 1u << 2), 1, none);
  EXPECT_EQ(bist(), 0x2u) << "flash is being erased";
  h.wait(erase);
  EXPECT_EQ(bist(), 0x0u);
}

TEST(Requirement51, AlsoDlusAndPagesWhoseCommandsALinkResetHasDropped) {
  Config c = small();
  c.timing.tBERS = us(3000);
  Host h(c);
  const Bytes none(64, 0);
  const auto bist = [&] { return h.admin_now(true, admin_address(Opcode::kBist), 1, none).status(); };
  h.set_reg(Space::kMmio, mmio::kTmr, timer_ns(1000000));
  h.write(dlu(0), pattern(64, 1), 1);
  h.run_for(ns(200));
  h.set_reg(Space::kMmio, mmio::kBucr, 0x484246u << 8);
  EXPECT_EQ(bist(), 0x2u) << "the DLU is open until its time is over";
  h.run_for(us(1000));
  h.write(dlu(0), pattern(kPageBytes, 1), 1);
  h.run_for(ns(200));
  h.set_reg(Space::kMmio, mmio::kBucr, 0x484246u << 8);
  EXPECT_EQ(bist(), 0x2u) << "the array is at it";
  h.run_for(us(4000));
  EXPECT_EQ(bist(), 0x0u);
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
    for (unsigned i = 0; i < 72; ++i) {
      h.program(0, i);
      h.program(4, i);  // no erase
    }
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kMaxPec), current ? 172u : limit);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kAvgPec), 103u) << "72 erases over 24 blocks";
  }
}

TEST(Requirement43, TheCountsOfLogEntriesHaveFourOrEightBytesByTheSwitch) {
  for (auto size : {Readings::LogCounts::kFourBytes, Readings::LogCounts::kEightBytes}) {
    Config c = small();
    c.readings.log_counts = size;
    Host h(c);
    std::uint32_t value = 1;
    const bool wide = size == Readings::LogCounts::kEightBytes;
    EXPECT_EQ(h.cube.sideband_read(0, Space::kMmio, 0x068, value), wide);
    EXPECT_EQ(mainband_read(h, Space::kMmio, 0x068, value), wide);
    if (wide) {
      EXPECT_EQ(value, 0u);
    }
  }
}

TEST(Requirement48, TheIntervalOfSnapshotsIsReadWithOrWithoutItsUnitByTheSwitch) {
  for (auto interval : {Readings::SnapshotInterval::kSplit, Readings::SnapshotInterval::kWhole}) {
    Config c = small();
    c.readings.snapshot_interval = interval;
    Host h(c);
    // 5 in [31:18], unit 0 (s) in [17:16]: 5 s, or 20 s when the unit is part of the value.
    h.set_reg(Space::kMmio, 0x054, 5u << 18 | 0u << 16);
    const auto log = admin_address(Opcode::kGetLogPage, 3);
    h.run_for(us(5000000) - us(1000));
    EXPECT_EQ(h.admin_now(false, log).status(), 0x3u) << "none yet";
    h.run_for(us(10000));
    EXPECT_EQ(h.admin_now(false, log).status(), interval == Readings::SnapshotInterval::kSplit ? 0x0u : 0x3u);
    h.run_for(us(15000000));
    EXPECT_EQ(h.admin_now(false, log).status(), 0x0u);
  }
}

TEST(Requirement50, TheBitmapHasABitPerBlockOr1024BitsByTheSwitch) {
  for (auto reading : {Readings::Bitmap::kWords, Readings::Bitmap::kBits}) {
    Config c = small();
    c.channels = 1;
    c.planes_per_die = 16;
    c.pages_per_block = 256;
    c.blocks_per_plane = 1024 + 4;
    c.capacity_bytes = std::uint64_t{32} << 30;
    c.readings.bitmap = reading;
    Host h(c);
    const auto bitmap = [](unsigned offset) {
      return admin_address(Opcode::kReducedCapacity, std::uint64_t{offset} << 8);
    };
    EXPECT_EQ(h.admin_now(false, bitmap(0), 2).status(), 0x0u) << "1024 bits";
    EXPECT_EQ(h.admin_now(false, bitmap(2), 1).status(), reading == Readings::Bitmap::kWords ? 0x0u : 0x2u);
  }
}

}  // namespace
}  // namespace memwall::hbf::conformance
