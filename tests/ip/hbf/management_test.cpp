// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The management plane of one channel, alone: registers against a table typed from the specification's tables
// 15 and 16, every admin opcode with every status it may answer, features, logs, resets. The rest of the
// channel is a fake that writes down what it is told.
#include "hbf/management.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "common/error.h"

namespace memwall::hbf {
namespace {

constexpr TimePs ns(std::uint64_t n) { return n * kPsPerNs; }
constexpr TimePs us(std::uint64_t n) { return n * kPsPerUs; }
constexpr TimePs ms(std::uint64_t n) { return n * kPsPerMs; }

/// 4 dies x 4 planes, 8 pages per block, 16 block rows of 64 + 4 blocks per lane; two ports.
Config channel_config() {
  Config c;
  c.channels = 2;
  c.ports_per_channel = 2;
  c.dies_per_channel = 4;
  c.planes_per_die = 4;
  c.pages_per_block = 8;
  c.blocks_per_plane = 68;
  c.capacity_bytes = std::uint64_t{2} * 16 * 64 * 8 * kPageBytes;
  c.zones_per_channel = 8;
  c.scratchpad_bytes = 128 * 1024;
  c.mocs_code = 9;
  c.timing.tGATHER = us(20);
  c.timing.tACCUMULATE = ns(300);
  c.timing.tRDY = us(10);
  c.timing.tRESET = us(100);
  c.timing.tBOOT = ms(10);
  c.timing.tSECURE_ERASE = ms(5);
  c.timing.tBIST = ms(1);
  c.timing.tZONE_REMAP = us(10);
  return c;
}

struct FakeChannel : ChannelServices {
  bool io = false;
  double temperature = 45;
  Wear worn{12.9, 3.5, 2, 7, false};
  std::uint64_t blocks = 16 * 64;
  std::vector<std::uint64_t> bad;
  std::vector<std::string> calls;

  bool io_active() const override { return io; }
  void secure_erase(TimePs, unsigned port, EraseScope scope, std::uint32_t zones) override {
    calls.push_back("erase port " + std::to_string(port) + " scope " +
                    std::to_string(static_cast<unsigned>(scope)) + " zones " + std::to_string(zones));
  }
  void swap_zones(TimePs, unsigned a, unsigned b) override {
    calls.push_back("swap " + std::to_string(a) + " " + std::to_string(b));
  }
  void set_wear_levelling(bool base_die) override { calls.push_back(base_die ? "base die" : "host"); }
  void reset(TimePs, ResetType type) override {
    calls.push_back("reset " + std::to_string(static_cast<unsigned>(type)));
  }
  void set_thresholds(bool light_enable, double light_c, double recover_c, bool severe_enable,
                      double severe_c) override {
    calls.push_back("thresholds " + std::to_string(light_enable) + " " + std::to_string(light_c) + " " +
                    std::to_string(recover_c) + " " + std::to_string(severe_enable) + " " +
                    std::to_string(severe_c));
  }
  double celsius() const override { return temperature; }
  Wear wear() const override { return worn; }
  std::uint64_t logical_blocks() const override { return blocks; }
  bool block_unusable(std::uint64_t block) const override {
    return std::find(bad.begin(), bad.end(), block) != bad.end();
  }
  std::vector<std::uint64_t> smart() const override {
    std::vector<std::uint64_t> counters;
    for (unsigned i = 0; i < static_cast<unsigned>(SmartCounter::kCount); ++i) counters.push_back(1000 + i);
    return counters;
  }
  BlockState block_state(TimePs, std::uint64_t block) override {
    BlockState state;
    state.reads = 5 * block;
    state.pec = 10.5;
    state.hours = 2;
    state.frontier = 3;
    state.failed = block == 4;
    return state;
  }
  bool called(const std::string& what) const {
    return std::find(calls.begin(), calls.end(), what) != calls.end();
  }
};

using Bytes = std::vector<std::uint8_t>;

std::uint64_t word(const Bytes& bytes, std::size_t at, unsigned count = 8) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < count; ++i) value |= std::uint64_t{bytes.at(at + i)} << (8 * i);
  return value;
}

/// One channel's management and its clock.
struct Bench {
  explicit Bench(const Config& c = channel_config()) : config(c), management(config, 1, services) {}

  Config config;
  FakeChannel services;
  Management management;
  TimePs now = 0;

  Management::Answer admin(bool is_write, std::uint64_t address, unsigned beats = 1, Bytes data = {},
                           std::uint16_t user = user::admin(), std::uint8_t port = 0) {
    data.resize(beats * kChunkBytes);
    Command command;
    command.is_write = is_write;
    command.port = port;
    command.len = static_cast<std::uint8_t>(beats - 1);
    command.user = user;
    command.address = address;
    command.data = data.data();
    Management::Answer answer = management.admin(now, command);
    EXPECT_EQ(answer.data.size(), is_write ? 0 : beats * kChunkBytes);
    return answer;
  }
  Management::Answer write(Opcode opcode, std::uint64_t arguments, const std::vector<std::uint32_t>& words) {
    Bytes data(kChunkBytes);
    for (std::size_t i = 0; i < words.size(); ++i) {
      for (unsigned b = 0; b < 4; ++b) data[4 * i + b] = static_cast<std::uint8_t>(words[i] >> (8 * b));
    }
    return admin(true, static_cast<std::uint64_t>(opcode) | arguments << 8, 1, data);
  }
  Management::Answer read(Opcode opcode, std::uint64_t arguments, unsigned beats = 1) {
    return admin(false, static_cast<std::uint64_t>(opcode) | arguments << 8, beats);
  }
  std::uint32_t reg(Space space, std::uint32_t offset) {
    std::uint32_t value = 0;
    EXPECT_TRUE(management.read_register(now, space, offset, value)) << offset;
    return value;
  }
  void set(Space space, std::uint32_t offset, std::uint32_t value) {
    EXPECT_TRUE(management.write_register(now, space, offset, value)) << offset;
  }
  std::uint32_t mmio(std::uint32_t offset) { return reg(Space::kMmio, offset); }
  void set_mmio(std::uint32_t offset, std::uint32_t value) { set(Space::kMmio, offset, value); }
  std::uint64_t feature(Feature f) {
    const Management::Answer answer = read(Opcode::kGetFeature, static_cast<std::uint64_t>(f));
    EXPECT_EQ(answer.status, 0u);
    return word(answer.data, 0);
  }
  unsigned set_feature(Feature f, std::uint64_t value) {
    return write(Opcode::kSetFeature, static_cast<std::uint64_t>(f),
                 {static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(value >> 32)})
        .status;
  }
};

constexpr std::uint32_t kBucc = 0x00C, kBucsts = 0x010, kBucr = 0x014, kTmon = 0x018, kVstsz = 0x054,
                        kTmr = 0x100, kLockout = 0x140, kTttemp = 0x150;

// Registers.

struct Row {
  Space space;
  std::uint32_t offset;
  std::uint32_t dwords;
  const char* name;
  std::vector<std::uint32_t> reset;  // by dword; the rest 0
  std::vector<std::uint32_t> mask;   // by dword: bits that take what is written; the rest 0
};

/// Specification tables 15 and 16 with the values that channel_config() gives.
std::vector<Row> table() {
  constexpr Space cfg = Space::kConfig;
  constexpr Space mem = Space::kMmio;
  const auto temperature = [](double celsius) { return static_cast<std::uint32_t>((celsius - 60) / 0.5); };
  const std::uint32_t port_pages = 16 * 64 * 8 / 2, port_scratchpad = 128 * 1024 / 2 / 64;
  return {
      {cfg, 0x000, 1, "ID", {0x4846u << 16 | 0x4d57u}, {}},
      {cfg, 0x004, 1, "STS", {1u << 6}, {}},  // CSR ready; IO and scratchpad not before RDY
      {cfg, 0x008, 1, "RID", {1}, {}},
      {cfg, 0x010, 2, "MADDR", {}, {~0u}},
      {cfg, 0x018, 2, "PWR", {0, ~0u}, {~0u}},
      {cfg, 0x058, 16, "UCONFIG", {2u << 8 | 1u}, {}},  // 16 GT/s, two ports
      {cfg,
       0x098,
       64,
       "CAP",
       {7u << 16 | 3u << 14 | 3u << 12 | 0u << 10 | 0u << 8 | 3u << 6 | 3u << 4 | 0u << 2 | 0u},
       {}},
      {cfg, 0x200, 1, "VPR", {}, {}},
      {cfg, 0x204, 127, "VCONFIG", {}, {}},

      {mem,
       0x000,
       2,
       "BUCCAP",
       // TO 1, grade 2, BCS both, WLS both, scratchpad, version 1; 4 dies, 2 buffers, MOCS 9
       {1u << 24 | 2u << 16 | 3u << 8 | 3u << 6 | 1u << 4 | 1u, 2u << 8 | 1u << 4 | 9u},
       {}},
      {mem, 0x008, 1, "VS", {7}, {}},
      {mem, 0x00C, 1, "BUCC", {9u << 24 | 2u << 16 | 1u << 6 | 1u << 4}, {0}},  // fields: tests of their own
      {mem, 0x010, 1, "BUCSTS", {0}, {}},
      {mem, 0x014, 1, "BUCR", {0}, {}},
      {mem, 0x018, 1, "TMON", {0}, {}},
      {mem, 0x01C, 2, "SMEMSA", {}, {}},
      {mem, 0x024, 4, "SMEMSZ", {port_scratchpad, port_scratchpad}, {}},
      {mem, 0x034, 2, "FIOSA", {}, {}},
      {mem, 0x03C, 4, "FIOSZ", {port_pages, port_pages}, {}},
      {mem, 0x04C, 2, "SMSZ", {1, 512}, {}},
      {mem, 0x054, 2, "VSTSZ", {1, 64u << 8 | 16u}, {0}},
      {mem, 0x05C, 2, "ESZ", {1u << 16 | 1u, 64u << 16 | 64u}, {}},
      {mem, 0x064, 1, "ENC", {16u << 16 | 64u}, {}},
      {mem, 0x100, 16, "TMR", {20000u << 8, 300u << 8}, {}},  // ns; 20 us and 300 ns
      {mem, 0x140, 1, "LOCKOUT", {0}, {}},
      {mem, 0x144, 1, "MAXPEC", {12}, {}},
      {mem, 0x148, 1, "AVGPEC", {3}, {}},
      {mem, 0x14C, 1, "REDCAP", {0}, {}},
      {mem,
       0x150,
       1,
       "TTTEMP",
       {1u << 23 | temperature(105) << 16 | 1u << 15 | temperature(95) << 8 | temperature(90)},
       {0x00ffffff}},
  };
}

const Row* row_of(const std::vector<Row>& rows, Space space, std::uint32_t offset) {
  for (const Row& row : rows) {
    if (row.space == space && offset >= row.offset && offset < row.offset + 4 * row.dwords) return &row;
  }
  return nullptr;
}

std::uint32_t at(const std::vector<std::uint32_t>& words, std::size_t i) {
  return i < words.size() ? words[i] : 0;
}

TEST(HbfRegisters, EveryOffsetHasItsResetValueAndWhatIsNotInTheTableIsRefused) {
  Bench b;
  const std::vector<Row> rows = table();
  unsigned there = 0;
  for (const Space space : {Space::kConfig, Space::kMmio}) {
    for (std::uint32_t offset = 0; offset < 0x1000; ++offset) {
      const Row* row = offset % 4 == 0 ? row_of(rows, space, offset) : nullptr;
      std::uint32_t value = 0;
      ASSERT_EQ(b.management.read_register(0, space, offset, value), row != nullptr) << offset;
      if (row == nullptr) {
        EXPECT_FALSE(b.management.write_register(0, space, offset, ~0u)) << offset;
        continue;
      }
      EXPECT_EQ(value, at(row->reset, (offset - row->offset) / 4)) << row->name << " at " << offset;
      ++there;
    }
  }
  unsigned expected = 0;
  for (const Row& row : rows) expected += row.dwords;
  EXPECT_EQ(there, expected);
  EXPECT_FALSE(b.management.write_register(0, Space::kMmio, 0xfffffffc, 0));
}

TEST(HbfRegisters, OnlyTheWritableBitsTakeWhatIsWritten) {
  for (const Row& row : table()) {
    // These have rules of their own, tested below.
    const std::string name = row.name;
    if (name == "BUCC" || name == "VSTSZ" || name == "TMR" || name == "LOCKOUT" || name == "BUCR") continue;
    for (std::uint32_t i = 0; i < row.dwords; ++i) {
      Bench b;
      const std::uint32_t offset = row.offset + 4 * i;
      for (const std::uint32_t value : {~0u, 0x5a5a5a5au, 0u}) {
        b.set(row.space, offset, value);
        EXPECT_EQ(b.reg(row.space, offset), (at(row.reset, i) & ~at(row.mask, i)) | (value & at(row.mask, i)))
            << name << " " << i;
      }
    }
  }
}

TEST(HbfRegisters, TheMainbandReadsAndWritesTheSameRegisters) {
  Bench b;
  Bench twin;  // written by the sideband
  for (const Space space : {Space::kConfig, Space::kMmio}) {
    const std::uint16_t user = user::admin(space == Space::kMmio);
    for (std::uint32_t offset = 0; offset < 0x404; offset += 2) {
      const std::uint64_t address = 0x20 | std::uint64_t{offset} << 8;
      Bytes data(kChunkBytes);
      for (unsigned i = 0; i < 4; ++i) data[i] = static_cast<std::uint8_t>(0x01020304u >> (8 * i));
      const bool exists = twin.management.write_register(0, space, offset, 0x01020304u);
      EXPECT_EQ(b.admin(true, address, 1, data, user).status, exists ? 0u : 1u) << offset;
      const Management::Answer answer = b.admin(false, address, 1, {}, user);
      EXPECT_EQ(answer.status, exists ? 0u : 1u);
      if (!exists) continue;
      EXPECT_EQ(word(answer.data, 0, 4), twin.reg(space, offset)) << offset;
      EXPECT_EQ(word(answer.data, 4), 0u) << "the rest of the beat is 0";
    }
  }
}

TEST(HbfRegisters, CapabilitiesFollowTheConfiguration) {
  Config c = channel_config();
  c.burst_reads = false;
  c.scratchpad_bytes = 0;
  c.zones_per_channel = 0;
  c.ports_per_channel = 4;
  c.dies_per_channel = 3;
  c.planes_per_die = 16;
  c.link.grade = 3;
  c.mocs_code = 0;
  c.timing.tRDY = ms(1200);
  Bench b(c);
  const std::uint32_t low = b.mmio(0), high = b.mmio(4);
  EXPECT_EQ(low >> 24, 3u) << "TO: 1200 ms in units of 500 ms";
  EXPECT_EQ(low >> 16 & 0xff, 4u) << "SSG";
  EXPECT_EQ(low >> 8 & 3, 1u) << "BCS: writes only";
  EXPECT_EQ(low >> 6 & 3, 1u) << "WLS: base die only";
  EXPECT_EQ(low >> 4 & 1, 0u) << "SMEMS";
  EXPECT_EQ(high >> 8 & 15, 2u) << "NCDU: three dies need two bits";
  EXPECT_EQ(high & 15, 0u) << "MOCS";
  EXPECT_EQ(b.reg(Space::kConfig, 0x58), 4u << 8 | 2u) << "32 GT/s, four ports";
  EXPECT_EQ(b.reg(Space::kConfig, 0x98) & 0xffffu, 0u << 6 | 3u << 4) << "64 B reads, 4 KiB writes";
  EXPECT_EQ(b.management.outstanding_limit(), 1u);
  for (std::uint32_t port = 0; port < 4; ++port) EXPECT_EQ(b.mmio(0x3C + 4 * port), c.port_bytes() / 4096);
}

TEST(HbfRegisters, SelectionsThatTheDeviceDoesNotHaveLeaveTheFieldAsItIs) {
  Bench b;
  const std::uint32_t reset = b.mmio(kBucc);
  const auto with = [&](std::uint32_t shift, std::uint32_t mask, std::uint32_t value) {
    return (reset & ~(mask << shift)) | value << shift;
  };
  for (std::uint32_t code = 0; code < 16; ++code) {
    b.set_mmio(kBucc, reset);
    b.set_mmio(kBucc, with(24, 15, code));
    const bool legal = code == 0 || (code >= 7 && code <= 9);  // BUCCAP.MOCS is 9
    EXPECT_EQ(b.mmio(kBucc) >> 24 & 15, legal ? code : 9u);
    EXPECT_EQ(b.management.outstanding_limit(), legal ? (code == 0 ? 1u : 2u << code) : 1024u);
  }
  for (std::uint32_t grade = 0; grade < 256; ++grade) {
    b.set_mmio(kBucc, with(16, 255, grade));
    EXPECT_EQ(b.mmio(kBucc) >> 16 & 255, 2u) << "the only grade of this device";
  }
  for (std::uint32_t ports = 0; ports < 4; ++ports) {
    b.set_mmio(kBucc, with(4, 3, ports));
    EXPECT_EQ(b.mmio(kBucc) >> 4 & 3, 1u);
  }
  b.services.calls.clear();
  for (const auto& [written, read] : std::map<std::uint32_t, std::uint32_t>{{0, 1}, {2, 2}, {3, 1}, {1, 1}}) {
    b.set_mmio(kBucc, reset);
    b.set_mmio(kBucc, with(6, 3, written));
    EXPECT_EQ(b.mmio(kBucc) >> 6 & 3, read) << written;
  }
  EXPECT_EQ(b.services.calls, (std::vector<std::string>{"host", "base die"}));
}

TEST(HbfRegisters, RdyFollowsEnAfterItsTimeAndIoNeedsBoth) {
  Bench b;
  const std::uint32_t off = b.mmio(kBucc);
  EXPECT_FALSE(b.management.ready(0));
  b.now = us(5);
  b.set_mmio(kBucc, off | 1);
  EXPECT_TRUE(b.management.enabled());
  EXPECT_EQ(b.management.next_event(), us(15));
  b.now = us(15) - 1;
  EXPECT_EQ(b.mmio(kBucsts), 0u);
  EXPECT_FALSE(b.management.ready(b.now));
  b.now = us(15);
  b.management.advance(b.now);
  EXPECT_EQ(b.management.next_event(), kNever);
  EXPECT_EQ(b.mmio(kBucsts), 1u);
  EXPECT_EQ(b.reg(Space::kConfig, 4), 1u << 7 | 1u << 6 | 1u << 5) << "STS: scratchpad, CSR, IO";
  EXPECT_TRUE(b.management.ready(b.now));
  b.set_mmio(kBucc, off | 1);  // written again: nothing happens
  EXPECT_EQ(b.mmio(kBucsts), 1u);
  b.now = us(20);
  b.set_mmio(kBucc, off);
  EXPECT_FALSE(b.management.ready(b.now)) << "no IO without EN";
  EXPECT_EQ(b.mmio(kBucsts), 1u) << "RDY takes its time to fall";
  EXPECT_EQ(b.management.next_event(), us(30));
  b.now = us(30);
  EXPECT_EQ(b.mmio(kBucsts), 0u);
}

TEST(HbfRegisters, TimersHaveSixUnitsAndASeventhIsIgnored) {
  Bench b;
  EXPECT_EQ(b.management.gather_timeout(), us(20));
  EXPECT_EQ(b.management.accumulate_time(), ns(300));
  const TimePs second = 1000 * kPsPerMs;
  const TimePs units[] = {kPsPerNs, kPsPerUs, kPsPerMs, second, 60 * second, 3600 * second};
  for (std::uint32_t unit = 0; unit < 6; ++unit) {
    b.set_mmio(kTmr, 7u << 8 | unit);
    EXPECT_EQ(b.mmio(kTmr), 7u << 8 | unit);
    EXPECT_EQ(b.management.gather_timeout(), 7 * units[unit]);
  }
  b.set_mmio(kTmr, 3u << 8 | 6);
  EXPECT_EQ(b.mmio(kTmr), 7u << 8 | 5);
  b.set_mmio(kTmr, 0xffffff05);  // 16.7 million hours: far beyond the end of time
  EXPECT_EQ(b.management.gather_timeout(), Management::kLongest);
  for (std::uint32_t i = 0; i < 16; ++i) {
    b.set_mmio(kTmr + 4 * i, (100 + i) << 8);
    EXPECT_EQ(b.mmio(kTmr + 4 * i), (100 + i) << 8);
  }
  EXPECT_EQ(b.management.accumulate_time(), ns(101));
}

TEST(HbfRegisters, ATimeThatDoesNotFitInNanosecondsResetsToACoarserUnit) {
  Config c = channel_config();
  c.timing.tGATHER = ms(100);   // 10^8 ns needs 27 bits
  c.timing.tACCUMULATE = 1500;  // 1.5 ns: rounded up
  Bench b(c);
  EXPECT_EQ(b.mmio(kTmr), 100000u << 8 | 1);
  EXPECT_EQ(b.management.gather_timeout(), ms(100));
  EXPECT_EQ(b.mmio(kTmr + 4), 2u << 8);
}

TEST(HbfRegisters, CesIsStickyAndFallsOnlyToA1WithCattripLow) {
  Bench b;
  b.management.set_throttle(true, false);
  EXPECT_EQ(b.mmio(kTmon), 2u);
  b.set_mmio(kTmon, 0);
  EXPECT_EQ(b.mmio(kTmon), 2u) << "LTMS is read-only";
  b.management.set_throttle(true, true);
  EXPECT_EQ(b.mmio(kTmon), 3u);
  b.set_mmio(kTmon, 1);
  EXPECT_EQ(b.mmio(kTmon), 3u) << "CATTRIP is high";
  b.management.set_throttle(false, false);
  EXPECT_EQ(b.mmio(kTmon), 1u);
  b.set_mmio(kTmon, 0);
  b.set_mmio(kTmon, 2);
  EXPECT_EQ(b.mmio(kTmon), 1u);
  b.set_mmio(kTmon, 1);
  EXPECT_EQ(b.mmio(kTmon), 0u);
}

TEST(HbfRegisters, LockoutIsSetByItsValueAndNeverClearedByAWrite) {
  Bench b;
  for (const std::uint32_t wrong : {0u, 2u, 0x100u, 0xffu}) {
    b.set_mmio(kLockout, wrong);
    EXPECT_EQ(b.mmio(kLockout), 0u) << wrong;
  }
  b.set_mmio(kLockout, 0xabcdef01);
  EXPECT_EQ(b.mmio(kLockout), 1u);
  b.set_mmio(kLockout, 0);
  EXPECT_EQ(b.mmio(kLockout), 1u);
}

TEST(HbfRegisters, WearRegistersFollowTheMediaAndTheReadingOfMaxpec) {
  Bench b;
  b.services.worn = {200.7, 101.2, 1, 0, true};
  EXPECT_EQ(b.mmio(0x144), 200u);
  EXPECT_EQ(b.mmio(0x148), 101u);
  EXPECT_EQ(b.mmio(0x14C), 1u);
  Config c = channel_config();
  c.readings.max_pec = Readings::MaxPec::kLimit;
  c.reliability.endurance_cycles = 3000;
  Bench limit(c);
  EXPECT_EQ(limit.mmio(0x144), 3000u);
}

TEST(HbfRegisters, TttempTellsTheChannelItsThresholds) {
  Bench b;
  b.set_mmio(kTttemp, 0xff000000u | 1u << 23 | 100u << 16 | 0u << 15 | 40u << 8 | 20u);
  EXPECT_EQ(b.mmio(kTttemp), 1u << 23 | 100u << 16 | 40u << 8 | 20u) << "[31:24] are reserved";
  EXPECT_EQ(b.services.calls.back(), "thresholds 0 80.000000 70.000000 1 110.000000");
}

// Resets.

/// Everything a reset might touch, away from its reset value.
void disturb(Bench& b) {
  b.set(Space::kConfig, 0x010, 0x1000);
  b.set_mmio(kTmr, 777u << 8);
  b.set_mmio(kTttemp, 1u << 15);
  b.set_mmio(kVstsz, 5u << 18);
  b.set_mmio(kBucc, 7u << 24 | 2u << 16 | 2u << 6 | 1u << 4 | 1u);
  b.set_mmio(kLockout, 1);
  b.management.set_throttle(false, true);
  b.management.set_throttle(false, false);
  EXPECT_EQ(b.set_feature(Feature::kRetryMode, 1), 0u);
  EXPECT_EQ(b.set_feature(Feature::kMaxReadThreshold, 5), 0u);
  b.management.log_error(b.now, false, 4, 2, 4096);
  b.services.calls.clear();
}

void expect_reset_values(Bench& b, const char* what) {
  for (const Row& row : table()) {
    for (std::uint32_t i = 0; i < row.dwords; ++i) {
      const std::string name = row.name;
      if (name == "TMON" || name == "LOCKOUT") continue;
      EXPECT_EQ(b.reg(row.space, row.offset + 4 * i), at(row.reset, i)) << name << " after " << what;
    }
  }
  EXPECT_EQ(b.feature(Feature::kRetryMode), 0u);
  EXPECT_FALSE(b.management.host_retry());
  EXPECT_EQ(b.management.max_read_threshold(), b.config.reliability.max_read_threshold);
  EXPECT_EQ(b.management.gather_timeout(), us(20));
  EXPECT_TRUE(b.services.called("base die")) << what;
  EXPECT_TRUE(b.services.called("thresholds 1 95.000000 90.000000 1 105.000000")) << what;
}

TEST(HbfResets, BucrNeedsItsKeyReads0AndFiresOncePerType) {
  Bench b;
  disturb(b);
  for (const std::uint32_t wrong : {0u, 2u, 0x484247u << 8, 0x464248u << 8 | 2, 0x484246u << 8 | 3}) {
    b.set_mmio(kBucr, wrong);
    EXPECT_EQ(b.mmio(kBucr), 0u);
    EXPECT_TRUE(b.services.calls.empty()) << wrong;
    EXPECT_EQ(b.mmio(kTmr), 777u << 8);
  }
  for (const std::uint32_t type : {0u, 1u}) {  // link only
    b.services.calls.clear();
    b.set_mmio(kBucr, 0x484246u << 8 | type);
    EXPECT_EQ(b.services.calls, std::vector<std::string>{"reset " + std::to_string(type)});
    EXPECT_EQ(b.mmio(kTmr), 777u << 8) << "registers stay";
    EXPECT_EQ(b.mmio(kBucc) & 1, 1u);
    EXPECT_TRUE(b.management.host_retry());
    EXPECT_FALSE(b.management.ready(b.now)) << "the link is down";
    b.now += us(100);
    EXPECT_TRUE(b.management.ready(b.now)) << "and up again after tRESET";
  }
  b.services.calls.clear();
  b.set_mmio(kBucr, 0x484246u << 8 | 2);
  EXPECT_EQ(b.services.calls.front(), "reset 2");
  EXPECT_EQ(b.mmio(kBucr), 0u);
  expect_reset_values(b, "BUCR type 2");
  EXPECT_EQ(b.mmio(kLockout), 1u);
  EXPECT_EQ(b.mmio(kTmon), 1u);
}

TEST(HbfResets, AChannelResetEndsASelfTestAndASecureErase) {
  Bench b;
  EXPECT_EQ(b.write(Opcode::kBist, 0, {}).status, 0u);
  b.now = us(1);
  b.set_mmio(kBucr, 0x484246u << 8 | 2);
  EXPECT_EQ(b.feature(Feature::kBist), 0u) << "no result";
  EXPECT_EQ(b.write(Opcode::kSecureErase, 1u << 2, {}).status, 0u) << "nothing runs";
  b.now = us(2);
  b.set_mmio(kBucr, 0x484246u << 8 | 2);
  EXPECT_EQ(b.write(Opcode::kBist, 0, {}).status, 0u);
}

TEST(HbfResets, HbfResetKeepsLockoutAndCesPowerOnKeepsNothing) {
  Bench b;
  disturb(b);
  b.now = us(50);
  b.management.hbf_reset(b.now);
  expect_reset_values(b, "HBF_RESET");
  EXPECT_EQ(b.mmio(kLockout), 1u);
  EXPECT_EQ(b.mmio(kTmon), 1u);
  b.set_mmio(kBucc, b.mmio(kBucc) | 1);
  EXPECT_EQ(b.management.next_event(), us(50) + ms(10)) << "the end of the boot, then RDY";
  b.now = us(50) + ms(10) + us(10) - 1;
  EXPECT_FALSE(b.management.ready(b.now));
  b.now += 1;
  EXPECT_TRUE(b.management.ready(b.now));
  EXPECT_EQ(b.read(Opcode::kGetLogPage, 1).status, 0u) << "the log is still there";
  disturb(b);
  b.management.power_on(b.now);
  expect_reset_values(b, "power-on");
  EXPECT_EQ(b.mmio(kLockout), 0u);
  EXPECT_EQ(b.mmio(kTmon), 0u);
  EXPECT_EQ(b.read(Opcode::kGetLogPage, 1).status, 3u) << "logs are volatile";
}

// Admin commands.

TEST(HbfAdmin, WhatIsNoCommandIsAnInternalErrorWithItsReason) {
  Bench b;
  const std::map<unsigned, std::pair<bool, bool>> known = {
      // opcode: AR, AW
      {0x01, {false, true}}, {0x02, {true, false}}, {0x03, {false, true}},
      {0x04, {true, false}}, {0x07, {false, true}}, {0x08, {false, true}},
      {0x09, {true, false}}, {0x0A, {true, false}}, {0x20, {true, true}},
  };
  for (unsigned opcode = 0; opcode < 256; ++opcode) {
    const auto it = known.find(opcode);
    for (const bool is_write : {false, true}) {
      const Management::Answer answer = b.admin(is_write, opcode);
      const bool exists = it != known.end();
      const bool direction = exists && (is_write ? it->second.second : it->second.first);
      const auto detail = static_cast<AdminDetail>(answer.info);
      if (!exists) {
        EXPECT_EQ(answer.status, 4u) << opcode;
        EXPECT_EQ(detail, AdminDetail::kUnknownOpcode) << opcode;
      } else if (!direction) {
        EXPECT_EQ(answer.status, 4u) << opcode;
        EXPECT_EQ(detail, AdminDetail::kWrongDirection) << opcode;
      } else {
        EXPECT_NE(detail, AdminDetail::kUnknownOpcode);
      }
      // USER[8:3] is nobody's, USER[2] the register access's.
      for (unsigned bit = 2; direction && bit < 9; ++bit) {
        const Management::Answer undefined =
            b.admin(is_write, opcode, 1, {}, static_cast<std::uint16_t>(2u | 1u << bit));
        EXPECT_EQ(
            undefined.status == 4 && undefined.info == static_cast<unsigned>(AdminDetail::kUndefinedUser),
            !(bit == 2 && opcode == 0x20))
            << opcode << " bit " << bit;
      }
    }
  }
  Command command;
  command.is_write = true;
  command.address = 0x01;
  EXPECT_THROW(b.management.admin(0, command), ModelError) << "a write without data";
}

TEST(HbfAdmin, SetFeatureAnswersAddressValueAndDenial) {
  Bench b;
  EXPECT_EQ(b.set_feature(Feature::kRetryMode, 1), 0u);
  EXPECT_TRUE(b.management.host_retry());
  EXPECT_EQ(b.set_feature(static_cast<Feature>(0xfffffff), 0), 1u);
  EXPECT_EQ(b.set_feature(static_cast<Feature>(0), 0), 1u);
  EXPECT_EQ(b.set_feature(Feature::kRetryMode, 2), 2u);
  EXPECT_TRUE(b.management.host_retry()) << "unchanged";
  EXPECT_EQ(b.set_feature(Feature::kMaxReadThreshold, 0), 2u);
  EXPECT_EQ(b.set_feature(Feature::kMaxReadThreshold, 1ull << 40), 0u);
  EXPECT_EQ(b.management.max_read_threshold(), 1ull << 40);
  EXPECT_EQ(b.set_feature(Feature::kBlockReads, b.services.blocks), 2u);
  EXPECT_EQ(b.set_feature(Feature::kGeometry, 0), 3u);
  EXPECT_EQ(b.admin(true, 0x01 | 3u << 8, 2).status, 2u) << "LEN must be 0";
}

TEST(HbfAdmin, GetFeatureTellsWhatNoRegisterDoesAndDeniesTheRest) {
  Bench b;
  Config& c = b.config;
  EXPECT_EQ(b.feature(Feature::kGeometry), 16u | 8ull << 16 | 4ull << 32 | 4ull << 48);
  EXPECT_EQ(b.feature(Feature::kTimes), c.timing.tR / kPsPerNs | (c.timing.tPROG / kPsPerNs) << 32);
  EXPECT_EQ(b.feature(Feature::kRetryMode), 0u);
  EXPECT_EQ(b.feature(Feature::kRetryStages), 3u);
  EXPECT_EQ(b.feature(Feature::kMaxReadThreshold), 1000000u);
  EXPECT_EQ(b.feature(Feature::kRetention), 24ull * 3600 * 1000000000);
  EXPECT_EQ(b.feature(Feature::kEndurance), 100000u);
  EXPECT_EQ(b.feature(Feature::kEraseTime), 2000000u);
  EXPECT_EQ(b.feature(Feature::kOpenDlus), 128u);
  b.services.temperature = -5.25;
  EXPECT_EQ(static_cast<std::int64_t>(b.feature(Feature::kTemperature)), -5250);
  EXPECT_EQ(b.feature(Feature::kZones), 8u | (16ull * 64 / 8) << 32);
  EXPECT_EQ(b.feature(Feature::kBlocks), 1024u | 7ull << 32);
  EXPECT_EQ(b.feature(Feature::kRetired), 2u);
  b.management.set_firmware_version(0x10203);
  EXPECT_EQ(b.feature(Feature::kFirmware), 0x10203u);
  EXPECT_EQ(b.set_feature(Feature::kBlockReads, 4), 0u);
  EXPECT_EQ(b.feature(Feature::kBlockReads), 20u);
  EXPECT_EQ(b.feature(Feature::kBlockCycles), 10u);
  b.services.bad = {4};
  EXPECT_EQ(b.feature(Feature::kBlockState), 3u | 1ull << 32 | 1ull << 33);
  EXPECT_EQ(b.feature(Feature::kBlockAge), 2ull * 3600 * 1000000000);
  EXPECT_EQ(b.read(Opcode::kGetFeature, 0).status, 1u);
  EXPECT_EQ(b.read(Opcode::kGetFeature, 1, 2).status, 1u) << "LEN must be 0";
}

TEST(HbfAdmin, SecureErasePassesItsScopeOnAndRunsAlone) {
  const auto arguments = [](unsigned scope, unsigned method) { return scope | method << 2; };
  for (const unsigned scope : {0u, 1u, 2u, 3u}) {
    Bench b;
    const Management::Answer answer = b.write(Opcode::kSecureErase, arguments(scope, 1), {0x81});
    EXPECT_EQ(answer.status, 0u);
    EXPECT_EQ(answer.busy, ms(5));
    EXPECT_EQ(b.services.calls, std::vector<std::string>{"erase port 0 scope " + std::to_string(scope) +
                                                         " zones " + (scope == 2 ? "129" : "0")});
    EXPECT_EQ(b.management.next_event(), ms(5));
    b.now = ms(5) - 1;
    EXPECT_EQ(b.write(Opcode::kSecureErase, arguments(scope, 1), {0x81}).status, 3u);
    EXPECT_EQ(b.write(Opcode::kBist, 0, {}).status, 2u);
    b.now = ms(5);
    EXPECT_EQ(b.write(Opcode::kSecureErase, arguments(scope, 1), {0x81}).status, 0u);
    EXPECT_EQ(b.services.calls.size(), 2u);
  }
  Bench b;
  for (const unsigned method : {2u, 3u}) {
    EXPECT_EQ(b.write(Opcode::kSecureErase, arguments(0, method), {}).status, 1u) << method;
  }
  for (const std::uint32_t bitmap : {0u, 0x100u, 0x80000001u}) {  // eight zones
    EXPECT_EQ(b.write(Opcode::kSecureErase, arguments(2, 1), {bitmap}).status, 2u) << bitmap;
  }
  EXPECT_TRUE(b.services.calls.empty());
  const Management::Answer nothing = b.write(Opcode::kSecureErase, arguments(0, 0), {});
  EXPECT_EQ(nothing.status, 0u) << "method none";
  EXPECT_EQ(nothing.busy, 0u);
  EXPECT_TRUE(b.services.calls.empty());
  EXPECT_EQ(b.admin(true, 0x03 | 1u << 10, 1, {}, user::admin(), 1).status, 0u);
  EXPECT_EQ(b.services.calls.back(), "erase port 1 scope 0 zones 0") << "the port of the command";
  Config c = channel_config();
  c.scratchpad_bytes = 0;
  c.zones_per_channel = 32;
  Bench bare(c);
  EXPECT_EQ(bare.write(Opcode::kSecureErase, arguments(2, 1), {~0u}).status, 0u);
  bare.now = ms(5);
  const Management::Answer answer = bare.write(Opcode::kSecureErase, arguments(3, 1), {});
  EXPECT_EQ(answer.status, 4u);
  EXPECT_EQ(answer.info, static_cast<unsigned>(AdminDetail::kNoScratchpad));
}

TEST(HbfAdmin, BistIsRefusedUnderIoAndTellsItsResult) {
  Bench b;
  b.management.enable_now(0);
  EXPECT_EQ(b.write(Opcode::kBist, 3, {}).status, 1u);
  b.services.io = true;
  EXPECT_EQ(b.write(Opcode::kBist, 0, {}).status, 2u);
  b.services.io = false;
  EXPECT_EQ(b.feature(Feature::kBist), 0u);
  const Management::Answer answer = b.write(Opcode::kBist, 0, {});
  EXPECT_EQ(answer.status, 0u);
  EXPECT_EQ(answer.busy, ms(1));
  EXPECT_TRUE(b.services.calls.empty()) << "the logic test keeps contents";
  EXPECT_EQ(b.feature(Feature::kBist), 3u << 8);
  EXPECT_FALSE(b.management.ready(0)) << "no IO meanwhile";
  EXPECT_EQ(b.write(Opcode::kBist, 0, {}).status, 2u);
  EXPECT_EQ(b.write(Opcode::kSecureErase, 1u << 2, {}).status, 3u);
  EXPECT_EQ(b.read(Opcode::kGetLogPage, 0).status, 5u) << "SMART needs the media";
  b.now = ms(1);
  EXPECT_TRUE(b.management.ready(b.now));
  EXPECT_EQ(b.feature(Feature::kBist), 1u << 8);
  EXPECT_EQ(b.read(Opcode::kGetLogPage, 0).status, 0u);
  EXPECT_EQ(b.write(Opcode::kBist, 1, {}).status, 0u);
  EXPECT_EQ(b.services.calls,
            (std::vector<std::string>{"erase port 0 scope 3 zones 0", "erase port 1 scope 3 zones 0"}));
  b.now = ms(2);
  b.services.calls.clear();
  b.services.worn.reduced = true;
  EXPECT_EQ(b.write(Opcode::kBist, 2, {}).status, 5u) << "the media test meets unusable blocks";
  EXPECT_EQ(b.services.calls,
            (std::vector<std::string>{"erase port 0 scope 1 zones 0", "erase port 1 scope 1 zones 0"}));
  b.now = ms(3);
  EXPECT_EQ(b.feature(Feature::kBist), 2u | 2u << 8);
  Config c = channel_config();
  c.scratchpad_bytes = 0;
  EXPECT_EQ(Bench(c).write(Opcode::kBist, 1, {}).status, 1u) << "nothing to test";
}

TEST(HbfAdmin, ZonesAreRemappedInPairsByAHostThatLevelsWear) {
  const auto pair = [](unsigned target, unsigned source) { return target << 16 | source; };
  Bench b;
  EXPECT_EQ(b.write(Opcode::kZoneRemap, 0, {pair(1, 2)}).status, 2u) << "the base die levels wear";
  b.set_mmio(kBucc, (b.mmio(kBucc) & ~(3u << 6)) | 2u << 6);
  b.services.calls.clear();
  EXPECT_EQ(b.write(Opcode::kZoneRemap, 1, {pair(1, 2)}).status, 2u) << "no such type";
  for (const std::vector<std::uint32_t>& bad : {std::vector<std::uint32_t>{pair(8, 0)},
                                                {pair(0, 8)},
                                                {pair(3, 3)},
                                                {pair(1, 2), pair(2, 3)},
                                                {pair(1, 2), pair(4, 1)},
                                                {pair(0xffff, 1)}}) {
    EXPECT_EQ(b.write(Opcode::kZoneRemap, 0, bad).status, 1u);
  }
  EXPECT_TRUE(b.services.calls.empty()) << "all or nothing";
  std::vector<std::uint32_t> pairs(16, ~0u);
  pairs[0] = pair(1, 2);
  pairs[7] = pair(0, 7);
  pairs[8] = 0;  // padding
  const Management::Answer answer = b.write(Opcode::kZoneRemap, 0, pairs);
  EXPECT_EQ(answer.status, 0u);
  EXPECT_EQ(answer.busy, us(10));
  EXPECT_EQ(b.services.calls, (std::vector<std::string>{"swap 1 2", "swap 0 7"}));
}

TEST(HbfAdmin, TheReducedCapacityBitmapIsLsbFirst) {
  Bench b;
  b.services.bad = {0, 9, 511, 512, 1023};
  const Management::Answer answer = b.read(Opcode::kReducedCapacity, 0, 2);  // 1024 blocks: two beats
  EXPECT_EQ(answer.status, 0u);
  for (std::uint64_t block = 0; block < 1024; ++block) {
    EXPECT_EQ((answer.data[block / 8] >> (block % 8) & 1) != 0, b.services.block_unusable(block)) << block;
  }
  EXPECT_EQ(b.read(Opcode::kReducedCapacity, 1u << 8, 1).data[0], 1u) << "offset in 64 B: block 512";
  EXPECT_EQ(b.read(Opcode::kReducedCapacity, 1).status, 1u);
  EXPECT_EQ(b.read(Opcode::kReducedCapacity, 0, 3).status, 2u);
  EXPECT_EQ(b.read(Opcode::kReducedCapacity, 2u << 8).status, 2u);
}

TEST(HbfAdmin, LogPagesCheckTypeExtentAndEntries) {
  Bench b;
  const auto log = [&](unsigned type, unsigned offset, unsigned beats) {
    return b.read(Opcode::kGetLogPage, type | std::uint64_t{offset} << 8, beats);
  };
  const unsigned beats[] = {512 / 64, 64, 16, 16};  // SMSZ, ENC x ESZ, VSTSZ
  for (unsigned type = 4; type < 16; ++type) EXPECT_EQ(log(type, 0, 1).status, 1u);
  for (unsigned type = 0; type < 4; ++type) {
    EXPECT_EQ(log(type, beats[type], 1).status, 2u) << type;
    EXPECT_EQ(log(type, 0, beats[type] + 1).status, 2u) << type;
    EXPECT_EQ(log(type, 1, beats[type]).status, 2u) << type;
    EXPECT_EQ(log(type, 0, beats[type]).status, type == 0 ? 0u : 3u) << type;
    EXPECT_EQ(log(type, beats[type] - 1, 1).status, type == 0 ? 0u : 3u) << type;
  }
}

TEST(HbfAdmin, SmartTellsWearThrottlingAndTheChannelsCounters) {
  Bench b;
  b.now = us(3);
  b.management.set_throttle(true, true);
  b.management.set_throttle(false, false);
  const Management::Answer answer = b.read(Opcode::kGetLogPage, 0, 8);
  const auto field = [&](std::size_t i) { return word(answer.data, 8 * i); };
  EXPECT_EQ(field(0), 1u | 512u << 16 | 1ull << 32) << "revision, bytes, channel";
  EXPECT_EQ(field(1), 3000u);
  EXPECT_EQ(field(2), 45000u);
  EXPECT_EQ(field(3), 12u);
  EXPECT_EQ(field(4), 3500u) << "thousandths";
  EXPECT_EQ(field(5), 0u) << "3.5 of 100000 cycles, in percent";
  EXPECT_EQ(field(6), 2u);
  EXPECT_EQ(field(7), 7u);
  EXPECT_EQ(field(8), 1024u);
  EXPECT_EQ(field(9), 8u) << "CES";
  EXPECT_EQ(field(14), 1u | 1ull << 32) << "entries of light and severe throttling";
  for (unsigned i = 0; i < static_cast<unsigned>(SmartCounter::kCount); ++i)
    EXPECT_EQ(field(16 + i), 1000 + i);
  // Part of it.
  EXPECT_EQ(word(b.read(Opcode::kGetLogPage, 2u << 8).data, 0), 1000u) << "offset counts 64 B";
  std::uint64_t value = 0;
  EXPECT_TRUE(b.management.log_word(b.now, 0, 16, value));
  EXPECT_EQ(value, 1000u);
  EXPECT_FALSE(b.management.log_word(b.now, 0, 64, value));
  EXPECT_FALSE(b.management.log_word(b.now, 1, 0, value));
}

TEST(HbfAdmin, TheErrorLogKeepsTheNewest64EntriesNewestFirst) {
  Bench b;
  for (std::uint64_t i = 1; i <= 70; ++i) b.management.log_error(ns(100 * i), i % 2 == 0, 4, 2, 4096 * i);
  const Management::Answer answer = b.read(Opcode::kGetLogPage, 1, 64);
  ASSERT_EQ(answer.status, 0u);
  for (std::uint64_t k = 0; k < 64; ++k) {
    const std::uint64_t i = 70 - k;
    const std::size_t base = 64 * k;
    EXPECT_EQ(answer.data[base], 1u);
    EXPECT_EQ(answer.data[base + 1], i % 2 == 0 ? 1u : 0u);
    EXPECT_EQ(answer.data[base + 2], 4u);
    EXPECT_EQ(answer.data[base + 3], 2u);
    EXPECT_EQ(word(answer.data, base + 6, 2), 1u) << "channel";
    EXPECT_EQ(word(answer.data, base + 8), i);
    EXPECT_EQ(word(answer.data, base + 16), 100 * i);
    EXPECT_EQ(word(answer.data, base + 24), 4096 * i);
    EXPECT_EQ(word(answer.data, base + 32), 45000u);
  }
  EXPECT_EQ(word(b.read(Opcode::kGetLogPage, 0, 2).data, 80), 70u) << "SMART counts all of them";
}

TEST(HbfAdmin, LinkEventsAreInTheUcieLogAndItsSummary) {
  Bench b;
  EXPECT_EQ(word(b.read(Opcode::kReadUcieErrors, 0).data, 0), 0u);
  b.set_mmio(kBucr, 0x484246u << 8 | 0);
  b.now = us(200);
  b.set_mmio(kBucr, 0x484246u << 8 | 1);
  b.now = us(400);
  b.management.set_fatal(b.now, Management::UcieEvent::kThermalShutdown);
  EXPECT_EQ(b.mmio(kBucsts) & 2, 2u) << "BUCFS";
  const Management::Answer answer = b.read(Opcode::kGetLogPage, 2, 4);
  ASSERT_EQ(answer.status, 0u);
  EXPECT_EQ(answer.data[4], 3u);
  EXPECT_EQ(answer.data[64 + 4], 2u);
  EXPECT_EQ(word(answer.data, 64 + 16), 200000u);
  EXPECT_EQ(answer.data[128 + 4], 1u);
  EXPECT_EQ(answer.data[192], 0u) << "no fourth entry";
  const Management::Answer summary = b.read(Opcode::kReadUcieErrors, 0);
  EXPECT_EQ(summary.status, 0u);
  EXPECT_EQ(word(summary.data, 0, 4), 3u);
  EXPECT_EQ(word(summary.data, 4, 4), 2u) << "resets";
}

TEST(HbfAdmin, TelemetryTakesASnapshotEveryInterval) {
  Bench b;
  const TimePs second = 1000 * kPsPerMs;
  EXPECT_EQ(b.management.next_event(), kNever);
  b.set_mmio(kVstsz, 2u << 18 | 3u << 16);
  EXPECT_EQ(b.mmio(kVstsz), 1u) << "unit 3 is undefined";
  b.set_mmio(kVstsz, 2u << 18 | 1u << 16 | 0x55);
  EXPECT_EQ(b.mmio(kVstsz), 2u << 18 | 1u << 16 | 1u) << "[15:0] are read-only";
  EXPECT_EQ(b.management.next_event(), 120 * second) << "two minutes";
  b.set_mmio(kVstsz, 2u << 18);
  EXPECT_EQ(b.management.next_event(), 2 * second);
  for (unsigned i = 1; i <= 20; ++i) {
    b.now = b.management.next_event();
    EXPECT_EQ(b.now, i * 2 * second);
    b.services.temperature = 50 + i;
    b.management.advance(b.now);
  }
  const Management::Answer answer = b.read(Opcode::kGetLogPage, 3, 16);
  ASSERT_EQ(answer.status, 0u);
  for (std::uint64_t k = 0; k < 16; ++k) {
    EXPECT_EQ(word(answer.data, 64 * k), 20 - k);
    EXPECT_EQ(word(answer.data, 64 * k + 8), (20 - k) * 2000000000);
    EXPECT_EQ(word(answer.data, 64 * k + 16), (50 + 20 - k) * 1000);
    EXPECT_EQ(word(answer.data, 64 * k + 40), 1000u + static_cast<unsigned>(SmartCounter::kReadBytes));
    EXPECT_EQ(word(answer.data, 64 * k + 56), 1000u + static_cast<unsigned>(SmartCounter::kSenses));
  }
  EXPECT_EQ(b.write(Opcode::kBist, 0, {}).status, 0u);
  EXPECT_EQ(b.read(Opcode::kGetLogPage, 3).status, 5u) << "media taken";
  // Asked late, it still took them on time.
  b.now = 46 * second;
  b.management.advance(b.now);
  const Management::Answer late = b.read(Opcode::kGetLogPage, 3, 3);
  EXPECT_EQ(word(late.data, 0), 23u);
  EXPECT_EQ(word(late.data, 8), 46000000000u);
  EXPECT_EQ(word(late.data, 64 + 8), 44000000000u);
  b.set_mmio(kVstsz, 0);
  b.now += ms(1);
  b.management.advance(b.now);
  EXPECT_EQ(b.management.next_event(), kNever);
}

TEST(HbfAdmin, ADisabledChannelDoesNotBecomeReadyUntilTheBaseDieIsReset) {
  Bench b;
  b.management.enable_now(0);
  EXPECT_TRUE(b.management.ready(0));
  b.management.set_disabled(true);
  EXPECT_FALSE(b.management.ready(0));
  EXPECT_EQ(b.mmio(kBucsts), 2u << 2) << "SHST: shut down";
  b.set_mmio(kBucc, b.mmio(kBucc) | 1);
  EXPECT_FALSE(b.management.enabled());
  b.management.hbf_reset(0);
  EXPECT_EQ(b.mmio(kBucsts), 0u);
  b.management.enable_now(0);
  EXPECT_TRUE(b.management.ready(0));
}

}  // namespace
}  // namespace memwall::hbf
