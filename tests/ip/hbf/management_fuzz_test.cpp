// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Hostile hosts: random admin commands, register accesses by three paths, IEEE 1500 shifts, pins and
// temperatures in any order, with IO in between. The promise: nothing crashes, every command that no reset
// has dropped is answered exactly once with a status that the specification defines for it, and afterwards
// the cube still works.
#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <vector>

#include "common/rng.h"
#include "conformance/hbf/bench.h"
#include "hbf/firmware_image.h"

namespace memwall::hbf {
namespace {

using conformance::Bytes;
using conformance::dlu;
using conformance::pattern;
using conformance::us;

constexpr TimePs kMs = kPsPerMs;

/// A status that the specification defines for the command (tables 12 and 13, 5.2.4).
bool defined(const Command& c, unsigned status) {
  static const std::set<unsigned> read = {0x0, 0x1, 0x2, 0x3, 0x4, 0x5, 0x6,
                                          0x7, 0x8, 0x9, 0xA, 0xD, 0xE, 0xF};
  static const std::set<unsigned> write = {0x0, 0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9, 0xD, 0xE, 0xF};
  switch (user::packet(c.user)) {
    case Packet::kFlash:
      return (c.is_write ? write : read).count(status) != 0;
    case Packet::kScratchpad:
      return status == 0 || status == 1 || status == 3 || status == 9;
    case Packet::kReserved:
      return status == 3 || status == 9;
    case Packet::kAdmin:
      break;
  }
  if (status == 4) return true;
  switch (c.address & 0xffu) {
    case 0x01:
    case 0x03:
      return status <= 3;
    case 0x02:
    case 0x20:
      return status <= 1;
    case 0x04:
      return status <= 5;
    case 0x07:
      return status <= 2 || status == 5;
    case 0x08:
    case 0x0A:
      return status <= 2;
    case 0x09:
      return status == 0;
    default:
      return false;  // only 4
  }
}

struct Fuzzer {
  Fuzzer(const Config& config, std::uint64_t seed, bool allow_resets)
      : cube(config), rng(seed, "hbf_management_fuzz"), resets(allow_resets) {
    cube.enable_all();
  }

  Cube cube;
  Rng rng;
  bool resets;
  struct Sent {
    Command command;
    Bytes data;
    bool answered = false;
  };
  std::deque<Sent> sent;
  std::size_t answered = 0;
  unsigned refused = 0;

  std::uint32_t any32() { return static_cast<std::uint32_t>(rng.next()); }
  bool chance(unsigned one_in) { return rng.below(one_in) == 0; }

  void take(const std::vector<Response>& responses) {
    for (const Response& r : responses) {
      ASSERT_LT(r.cookie, sent.size());
      Sent& s = sent[r.cookie];
      ASSERT_FALSE(s.answered) << "answered twice";
      s.answered = true;
      ++answered;
      EXPECT_EQ(user::packet(r.user), user::packet(s.command.user));
      EXPECT_TRUE(defined(s.command, r.status()))
          << "status " << r.status() << " info " << r.info() << " for user " << s.command.user << " address "
          << s.command.address << (s.command.is_write ? " write" : " read");
      EXPECT_EQ(r.id, s.command.id);
      refused += r.status() != 0;
    }
  }
  void run_until(TimePs to) {
    std::vector<Response> responses;
    std::vector<Notice> notices;
    cube.advance(to, responses, notices);
    take(responses);
  }

  std::uint32_t offset() {
    static const std::uint32_t named[] = {0x000, 0x004, 0x00C, 0x010, 0x014, 0x018, 0x054, 0x058, 0x098,
                                          0x100, 0x104, 0x120, 0x140, 0x144, 0x148, 0x14C, 0x150, 0x200};
    if (chance(4)) return any32();
    if (chance(3)) return static_cast<std::uint32_t>(rng.below(0x500));
    return named[rng.below(std::size(named))];
  }
  /// Free but for what would only make the test wait: endless timers; and resets where there are to be none.
  std::uint32_t value(std::uint32_t offset) {
    std::uint32_t v = chance(2) ? any32() : static_cast<std::uint32_t>(rng.below(4));
    if (offset == 0x014 && chance(2)) v = 0x484246u << 8 | (v & 3u);
    if (offset == 0x014 && !resets) v &= 0xffu;
    if (offset == 0x00C && !chance(8)) v |= 1;
    if (offset == 0x100 || offset == 0x104) v &= 0x000fff01u;
    if (offset == 0x054) v = (v & 0x0007ffffu) | 1u << 16;  // minutes, few
    return v;
  }

  void submit(Command c, Bytes data) {
    if (!cube.ready()) return;
    sent.push_back({c, std::move(data), false});
    Sent& s = sent.back();
    s.command.cookie = sent.size() - 1;
    s.data.resize(c.beats() * kChunkBytes);
    s.command.data = s.data.data();
    cube.submit(static_cast<unsigned>(rng.below(2)), cube.now(), s.command);
  }

  void admin() {
    static const std::uint8_t opcodes[] = {0x01, 0x02, 0x03, 0x04, 0x07, 0x08, 0x09, 0x0A, 0x20, 0x20, 0x20};
    Command c;
    c.is_write = chance(2);
    c.port = static_cast<std::uint8_t>(rng.below(2));
    c.id = static_cast<std::uint16_t>(rng.below(1u << 14));
    c.len = static_cast<std::uint8_t>(chance(4) ? rng.below(256) : rng.below(2));
    c.user = static_cast<std::uint16_t>(chance(8) ? (any32() & 0x1ffu & ~3u) | 2u : 2u | rng.below(2) << 2);
    const std::uint64_t opcode = chance(8) ? rng.below(256) : opcodes[rng.below(std::size(opcodes))];
    std::uint64_t arguments = chance(3) ? rng.next() & 0xfffffff : rng.below(16);
    Bytes data(kChunkBytes);
    std::uint32_t word = chance(2) ? any32() : static_cast<std::uint32_t>(rng.below(8));
    if (opcode == 0x20) {
      const std::uint32_t where = offset() & 0xffffffu;
      arguments = where;
      word = value(where);
    } else if (opcode <= 0x02 && chance(2)) {
      arguments = chance(3) ? 0x100 + rng.below(4) : rng.below(0x11);
    } else if (opcode == 0x08 && chance(2)) {
      arguments = 0;
      word = static_cast<std::uint32_t>(rng.below(5) << 16 | rng.below(5));
    }
    for (unsigned i = 0; i < 4; ++i) data[i] = static_cast<std::uint8_t>(word >> (8 * i));
    if (chance(4)) {
      for (std::uint8_t& byte : data) byte = static_cast<std::uint8_t>(rng.next());
    }
    if (opcode == 0x20) {  // the filters of value() hold for what is written
      for (unsigned i = 0; i < 4; ++i) data[i] = static_cast<std::uint8_t>(word >> (8 * i));
    }
    c.address = (opcode | arguments << 8) & 0xfffffffffull;
    submit(c, std::move(data));
  }

  void io() {
    Command c;
    c.is_write = chance(2);
    c.port = static_cast<std::uint8_t>(rng.below(2));
    c.id = static_cast<std::uint16_t>(rng.below(64));
    c.user = static_cast<std::uint16_t>(rng.below(3) == 0 ? 1 : 0);
    if (chance(10)) c.user = static_cast<std::uint16_t>(rng.next() & 0x1ffu & ~2u);
    if (chance(20)) c.user = 3;
    const bool page = chance(2);
    c.len = page ? 63 : static_cast<std::uint8_t>(chance(8) ? rng.below(256) : 0);
    const std::uint64_t bytes = 32 * kPageBytes;  // of a port
    c.address = rng.below(bytes / 64) * 64;
    if (page) c.address = c.address / kPageBytes * kPageBytes;
    if (c.is_write && chance(2)) c.address %= 4 * kPageBytes;  // first pages of blocks
    if (c.user == 1) c.address %= 40 * 1024;
    if (chance(20)) c.address = rng.next() & 0xfffffffff;
    submit(c, pattern(c.beats() * kChunkBytes, static_cast<unsigned>(rng.below(100))));
  }

  void sideband() {
    const auto channel = static_cast<unsigned>(rng.below(3));
    const Space space = chance(3) ? Space::kConfig : Space::kMmio;
    const std::uint32_t where = offset();
    std::uint32_t old = 0;
    const bool there = cube.sideband_read(channel, space, where, old);
    if (chance(2)) {
      EXPECT_EQ(cube.sideband_write(channel, space, where, value(where)), there);
    }
  }

  void ieee1500() {
    static const std::uint8_t opcodes[] = {0x0E, 0x0F, 0x14, 0x15, 0x20, 0x21, 0x22, 0x23,
                                           0x24, 0x30, 0x31, 0x32, 0x33, 0x35, 0x36, 0x05};
    std::uint64_t opcode = chance(4) ? rng.below(256) : opcodes[rng.below(std::size(opcodes))];
    if (opcode == 0x05 && (!resets || !chance(4))) opcode = 0x36;
    if (opcode == 0x14 && !chance(10)) opcode = 0x24;
    const auto wir = static_cast<std::uint16_t>((chance(2) ? 0x3f : rng.below(64)) << 8 | opcode);
    std::vector<std::uint64_t> in(chance(3) ? 32 : rng.below(4));
    for (std::uint64_t& word : in) word = chance(2) ? rng.next() : rng.below(4);
    if (opcode == 0x20 || opcode == 0x22) {
      const std::uint32_t where = offset();
      in = {where | std::uint64_t{value(where)} << 32};
    }
    if (opcode == 0x30 && chance(2)) in = {rng.below(2)};
    cube.ieee1500(wir, in);
    if (opcode == 0x30 && chance(3)) {  // a whole image, perhaps with a wound
      Bytes image = make_firmware_image(FirmwareTarget::kMission,
                                        static_cast<std::uint32_t>(1 + rng.below(9)), pattern(400, 1));
      if (chance(2)) image[rng.below(image.size())] ^= 1;
      for (std::size_t at = 0; at < image.size(); at += kFirmwareTransferBytes) {
        std::vector<std::uint64_t> words(32);
        for (std::size_t i = 0; i < kFirmwareTransferBytes; ++i) {
          words[i / 8] |= std::uint64_t{image[at + i]} << (8 * (i % 8));
        }
        cube.ieee1500(0x3f31, words);
      }
      cube.ieee1500(0x3f32);
    }
    for (const std::uint64_t status : cube.ieee1500(0x3f36))
      EXPECT_TRUE(status <= 4 || (status >= 0x81 && status <= 0x87));
  }

  void fault() {
    Fault f;
    f.channel = static_cast<unsigned>(rng.below(2));
    f.address = dlu(rng.below(64));
    f.kind = static_cast<FaultKind>(rng.below(12));
    f.stages = static_cast<unsigned>(1 + rng.below(7));
    f.info = static_cast<unsigned>(1 + rng.below(4));
    if (f.kind == FaultKind::kUnusable && (f.info > 2 || !chance(8))) return;  // not the whole cube
    cube.inject(f);
  }

  void pins() {
    if (!resets) return;
    switch (rng.below(6)) {
      case 0:
        return cube.reset_base_die(cube.now() + rng.below(us(5)));
      case 1:
        return cube.power_off(cube.now() + rng.below(us(5)));
      case 2:
      case 3:
        return cube.power_on(cube.now() + rng.below(us(5)));
      default:
        cube.set_da(chance(2));
    }
  }

  void step() {
    const std::uint64_t what = rng.below(100);
    if (what < 30) {
      admin();
    } else if (what < 60) {
      io();
    } else if (what < 75) {
      sideband();
    } else if (what < 82) {
      ieee1500();
    } else if (what < 84) {
      fault();
    } else if (what < 85) {
      cube.set_temperature(static_cast<double>(resets && chance(20) ? 125 : 30 + rng.below(80)));
    } else if (what < 86) {
      pins();
    } else {
      const TimePs next = cube.next_event();
      TimePs to = cube.now() + rng.below(us(20));
      if (chance(3) && next != kNever) to = next;
      if (chance(50)) to = cube.now() + rng.below(20 * kMs);
      run_until(std::max(to, cube.now()));
    }
  }

  /// Cool, unthrottled, everything on: what waits gets its answer.
  void settle() {
    for (unsigned channel = 0; channel < 2; ++channel) {
      cube.sideband_write(channel, Space::kMmio, 0x150, 0);
      cube.sideband_write(channel, Space::kMmio, 0x054, 0);
    }
    cube.set_temperature(25);
    for (unsigned i = 0; i < 2000000 && cube.next_event() != kNever; ++i) {
      if (cube.channel(0).in_flight() + cube.channel(1).in_flight() == 0) break;
      run_until(cube.next_event());
    }
    EXPECT_EQ(cube.channel(0).in_flight(), 0u);
    EXPECT_EQ(cube.channel(1).in_flight(), 0u);
  }

  void works() {
    cube.power_off(cube.now());
    cube.set_temperature(25);  // or it shuts down again
    cube.power_on(cube.now() + us(10));
    run_until(cube.now() + cube.config().timing.tBOOT);
    ASSERT_TRUE(cube.ready());
    cube.enable_all();
    for (unsigned channel = 0; channel < 2; ++channel) {
      std::uint32_t value = 0;
      EXPECT_TRUE(cube.sideband_read(channel, Space::kMmio, 0x010, value));
      EXPECT_EQ(value, 1u) << "BUCSTS: ready, no failure, not shut down";
      EXPECT_TRUE(cube.sideband_read(channel, Space::kMmio, 0x140, value));
      EXPECT_EQ(value, 0u);
    }
  }
};

Config fuzzed() {
  Config c = conformance::small();
  c.ports_per_channel = 2;
  c.timing.tACCUMULATE = 200 * kPsPerNs;
  c.timing.tBOOT = 100 * kPsPerUs;
  c.timing.tSECURE_ERASE = 30 * kPsPerUs;
  c.timing.tBIST = 20 * kPsPerUs;
  c.timing.tFWCOM = 50 * kPsPerUs;
  c.thermal.step = 50 * kPsPerUs;
  return c;
}

TEST(HbfManagementFuzz, WithoutResetsEveryCommandIsAnsweredOnceWithADefinedStatus) {
  std::size_t total = 0;
  unsigned refused = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Config c = fuzzed();
    c.thermal.enabled = seed % 2 == 0;
    if (seed % 3 == 0) c.readings.severe_in_flight = Readings::SevereInFlight::kBlocked;
    Fuzzer f(c, seed, false);
    for (int i = 0; i < 4000 && !HasFailure(); ++i) f.step();
    f.settle();
    EXPECT_EQ(f.answered, f.sent.size()) << "seed " << seed;
    total += f.sent.size();
    refused += f.refused;
    f.works();
    if (HasFailure()) break;
  }
  EXPECT_GT(total, 20000u);
  EXPECT_GT(refused, total / 10) << "hostile enough";
  EXPECT_LT(refused, total - total / 10) << "and not only nonsense";
}

TEST(HbfManagementFuzz, WithResetsPowerLossAndTestPortsNothingIsAnsweredTwiceAndTheCubeRecovers) {
  std::size_t total = 0, answered = 0;
  for (std::uint64_t seed = 101; seed <= 112; ++seed) {
    Config c = fuzzed();
    c.thermal.enabled = seed % 2 == 0;
    c.readings.power_on_erase = seed % 3 == 0;
    Fuzzer f(c, seed, true);
    for (int i = 0; i < 4000 && !HasFailure(); ++i) f.step();
    total += f.sent.size();
    answered += f.answered;
    f.works();
    f.settle();
    if (HasFailure()) break;
  }
  EXPECT_GT(total, 3000u);
  EXPECT_GT(answered, total / 4);
}

}  // namespace
}  // namespace memwall::hbf
