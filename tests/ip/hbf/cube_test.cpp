// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The cube around its channels: isolation, time, pins, resets and power, the IEEE 1500 port and firmware
// update. Temperature is cube_thermal_test.cpp.
#include "hbf/cube.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "common/error.h"
#include "common/rng.h"
#include "conformance/hbf/bench.h"
#include "hbf/firmware_image.h"

namespace memwall::hbf {
namespace {

using conformance::Bytes;
using conformance::dlu;
using conformance::Host;
using conformance::ns;
using conformance::pattern;
using conformance::small;
using conformance::us;
namespace mmio = conformance::mmio;
using Words = std::vector<std::uint64_t>;

constexpr TimePs ms(std::uint64_t n) { return n * kPsPerMs; }

constexpr std::uint16_t wir(unsigned opcode, unsigned select = 0x3f) {
  return static_cast<std::uint16_t>(select << 8 | opcode);
}

void wait_ready(Host& h) {
  while (!h.cube.ready() && h.cube.next_event() != kNever) h.run_until(h.cube.next_event());
  EXPECT_TRUE(h.cube.ready());
}

// Channels.

TEST(HbfCube, ABusyChannelDoesNotDelayAnother) {
  const auto alone = [](bool busy) {
    Host h;
    for (unsigned n = 0; n < 64; ++n) {
      h.preload(n, n);
      h.channel = 1;
      h.preload(n, 100 + n);
      h.channel = 0;
    }
    if (busy) {
      for (unsigned n = 0; n < 64; ++n) h.read(dlu(n), 64, n);
    }
    h.channel = 1;
    const std::uint64_t cookie = h.read(dlu(3), 64, 1);
    const TimePs at = h.wait(cookie).at;
    EXPECT_EQ(h.answers[cookie].channel, 1u);
    EXPECT_EQ(h.data(cookie), pattern(kPageBytes, 103));
    return at;
  };
  EXPECT_EQ(alone(true), alone(false));
}

TEST(HbfCube, ResponsesComeInOrderOfTimeThenChannel) {
  Config c = small();
  c.channels = 4;
  c.capacity_bytes *= 2;
  Cube cube(c);
  cube.enable_all();
  for (unsigned ch = 0; ch < 4; ++ch) cube.channel(ch).media().mark_programmed(0, 64 * kPageBytes);
  Command command;
  for (unsigned n = 0; n < 16; ++n) {
    for (unsigned ch : {3u, 1u, 2u, 0u}) {
      command.cookie = n;
      command.id = static_cast<std::uint16_t>(n);
      command.address = dlu(n);
      cube.submit(ch, ns(ch == 2 ? 1 : 0), command);
    }
  }
  std::vector<Response> responses;
  std::vector<Notice> notices;
  cube.advance(us(100), responses, notices);
  ASSERT_EQ(responses.size(), 64u);
  unsigned ties = 0;
  for (std::size_t i = 1; i < responses.size(); ++i) {
    EXPECT_LE(std::pair(responses[i - 1].at, responses[i - 1].channel),
              std::pair(responses[i].at, responses[i].channel));
    ties += responses[i - 1].at == responses[i].at && responses[i - 1].channel != responses[i].channel;
  }
  EXPECT_GT(ties, 10u) << "instants that channels share";
  EXPECT_EQ(
      std::count_if(responses.begin(), responses.end(), [](const Response& r) { return r.channel == 2; }),
      16);
}

TEST(HbfCube, TheSameHappensHoweverTimeIsWalkedThrough) {
  struct Seen {
    std::vector<std::tuple<TimePs, unsigned, std::uint64_t, unsigned>> responses;
    std::vector<std::uint64_t> counters;
    double energy;
  };
  const auto run = [](unsigned how) {
    Config c = small();
    c.channels = 4;
    c.capacity_bytes *= 2;
    c.thermal.enabled = true;
    c.thermal.step = us(3);
    c.energy.idle_w = 1;
    Cube cube(c);
    cube.enable_all();
    for (unsigned ch = 0; ch < 4; ++ch) cube.channel(ch).media().mark_programmed(0, 48 * kPageBytes);
    Rng rng(7, "hbf_cube_walk");
    std::vector<Response> responses;
    std::vector<Notice> notices;
    const Bytes data = pattern(kPageBytes, 1);
    for (unsigned n = 0; n < 400; ++n) {
      Command command;
      command.cookie = n;
      command.id = static_cast<std::uint16_t>(n % 7);
      command.is_write = rng.below(4) == 0;
      command.len = command.is_write || rng.below(2) == 0 ? 63 : 0;
      command.address = dlu(command.is_write ? 48 + rng.below(4) : rng.below(64));
      const auto channel = static_cast<unsigned>(rng.below(3));  // the last one idles
      Bytes copy = data;
      command.data = command.is_write ? copy.data() : nullptr;
      cube.submit(channel, cube.now() + rng.below(us(1)), command);
      const TimePs to = cube.now() + rng.below(us(4));
      while (cube.now() < to) {
        TimePs until = to;
        if (how == 1) until = std::min(to, std::max(cube.now() + 1, cube.next_event()));
        if (how == 2) until = std::min(to, cube.now() + ns(77));
        cube.advance(until, responses, notices);
        if (how == 2) cube.channel(static_cast<unsigned>(n % 4)).counters();
      }
    }
    while (cube.next_event() != kNever && responses.size() < 400) {
      cube.advance(cube.next_event(), responses, notices);
    }
    cube.advance(ms(2), responses, notices);
    Seen seen;
    for (const Response& r : responses) seen.responses.emplace_back(r.at, r.channel, r.cookie, r.user);
    const Cube& read_only = cube;
    for (unsigned ch = 0; ch < 4; ++ch) {
      const ChannelCounters& counters = read_only.channel(ch).counters();
      for (const std::uint64_t value : {counters.page_reads, counters.buffer_hits, counters.sense_busy,
                                        counters.program_busy, counters.flits_up, counters.flits_down}) {
        seen.counters.push_back(value);
      }
    }
    seen.energy = cube.energy_pj();
    return seen;
  };
  const Seen once = run(0);
  EXPECT_EQ(once.responses.size(), 400u);
  for (const unsigned how : {1u, 2u}) {
    const Seen other = run(how);
    EXPECT_EQ(other.responses, once.responses) << how;
    EXPECT_EQ(other.counters, once.counters) << how;
    EXPECT_EQ(other.energy, once.energy) << how;
  }
}

TEST(HbfCube, WhatAHostMustNotDoIsAModelError) {
  Host h;
  h.run_for(us(10));
  Command command;
  EXPECT_THROW(h.cube.submit(2, h.now(), command), ModelError);
  EXPECT_THROW(h.cube.submit(0, h.now() - 1, command), ModelError);
  std::vector<Response> responses;
  std::vector<Notice> notices;
  EXPECT_THROW(h.cube.advance(h.now() - 1, responses, notices), ModelError);
  EXPECT_THROW(h.cube.power_off(h.now() - 1), ModelError);
  Fault fault;
  fault.channel = 2;
  EXPECT_THROW(h.cube.inject(fault), ModelError);
  h.cube.power_off(h.now());
  EXPECT_THROW(h.cube.submit(0, h.now(), command), ModelError);
  h.cube.power_on(h.now());
  EXPECT_THROW(h.cube.submit(0, h.now(), command), ModelError) << "booting";
  EXPECT_THROW(h.cube.submit(0, h.now(), Stream{}), ModelError);
}

TEST(HbfCube, SidebandReachesEveryChannelsOwnRegisters) {
  Host h;
  for (unsigned ch = 0; ch < 2; ++ch) {
    h.channel = ch;
    h.set_reg(Space::kMmio, mmio::kTmr, conformance::timer_ns(100 + ch));
  }
  for (unsigned ch = 0; ch < 2; ++ch) {
    h.channel = ch;
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmr), conformance::timer_ns(100 + ch));
  }
  std::uint32_t value = 0;
  EXPECT_FALSE(h.cube.sideband_read(2, Space::kMmio, 0, value));
  EXPECT_FALSE(h.cube.sideband_write(2, Space::kMmio, 0, 0));
  EXPECT_FALSE(h.cube.sideband_write(0, Space::kMmio, 0x068, 0)) << "reserved";
}

// Resets and power.

TEST(HbfCube, ResetsDropWhatIsInFlightAndKeepWhatTheirScopeSays) {
  for (const bool pin : {false, true}) {
    Host h;
    h.preload(0, 1);
    h.preload(1, 2);
    EXPECT_EQ(h.wait(h.write(0, pattern(64, 9), 1, user::scratchpad())).status(), 0u);
    h.set_reg(Space::kMmio, mmio::kLockout, 1);
    h.set_reg(Space::kMmio, mmio::kTmr, conformance::timer_ns(777));
    const auto lost = h.read(dlu(1), 64, 1);
    h.run_for(ns(100));
    const TimePs start = h.now();
    if (pin) {
      h.cube.reset_base_die(start);
    } else {
      h.cube.ieee1500(wir(0x05));
    }
    EXPECT_FALSE(h.cube.ready());
    EXPECT_EQ(h.cube.next_event(), start + h.cube.config().timing.tBOOT);
    std::uint32_t value = 0;
    EXPECT_TRUE(h.cube.sideband_read(0, Space::kConfig, 0, value)) << "configuration space is always on";
    EXPECT_FALSE(h.cube.sideband_read(0, Space::kMmio, 0, value)) << "the base die boots";
    wait_ready(h);
    EXPECT_EQ(h.now(), start + h.cube.config().timing.tBOOT);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucc) & 1, 0u);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kLockout), 1u);
    EXPECT_NE(h.reg(Space::kMmio, mmio::kTmr), conformance::timer_ns(777));
    h.run_for(ms(1));
    EXPECT_EQ(h.answers.count(lost), 0u) << "what was in flight gets no response";
    h.cube.enable_all();
    h.read_now(0, 64);
    EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 1)) << "NAND stays";
    h.read_now(0, 1, user::scratchpad());
    EXPECT_EQ(h.data(h.last) == pattern(64, 9), !pin) << "the scratchpad outlives HBF_RESET";
  }
}

TEST(HbfCube, WithoutPowerNothingAnswersAndVolatileStateIsLost) {
  Host h;
  h.preload(0, 1);
  h.wait(h.write(0, pattern(64, 9), 1, user::scratchpad()));
  h.set_reg(Space::kMmio, mmio::kLockout, 1);
  const auto before = h.read(0, 64, 1);
  // The pin changes later: what is due until then is answered.
  h.cube.power_off(h.now() + us(100));
  EXPECT_FALSE(h.cube.powered());
  EXPECT_EQ(h.cube.next_event(), h.now()) << "answers wait to be fetched";
  h.run_until(h.now());
  EXPECT_EQ(h.answers.count(before), 1u);
  EXPECT_FALSE(h.cube.ready());
  std::uint32_t value = 0;
  for (const Space space : {Space::kConfig, Space::kMmio}) {
    EXPECT_FALSE(h.cube.sideband_read(0, space, 0, value));
    EXPECT_FALSE(h.cube.sideband_write(0, space, 0, 0));
  }
  EXPECT_TRUE(h.cube.ieee1500(wir(0x0E)).empty());
  h.cube.power_off(h.now());       // again: nothing
  h.cube.reset_base_die(h.now());  // no power: nothing
  EXPECT_EQ(h.cube.next_event(), kNever);
  h.run_for(ms(1));
  h.cube.power_on(h.now());
  h.cube.power_on(h.now());
  wait_ready(h);
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kLockout), 0u);
  h.cube.enable_all();
  h.read_now(0, 64);
  EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 1));
  h.read_now(0, 1, user::scratchpad());
  EXPECT_NE(h.data(h.last), pattern(64, 9));
}

TEST(HbfCube, IdlePowerIsDrawnOnlyWhilePowered) {
  Config c = small();
  c.energy.idle_w = 2;
  Host h(c);
  h.run_for(ms(3));
  h.cube.power_off(h.now());
  h.run_for(ms(10));
  h.cube.power_on(h.now());
  h.run_for(ms(1));
  // 2 W for 4 ms: 8 mJ.
  EXPECT_DOUBLE_EQ(h.cube.energy_pj(), 8e9);
}

TEST(HbfCube, EnergyIsThatOfSensesTransfersAndIdlePower) {
  Config c = small();
  c.energy.idle_w = 1;
  Host h(c);
  h.preload(0, 1);
  h.read_now(0, 64);
  h.run_until(us(10));
  const double bits = 4096 * 8;
  const double expected = bits * c.energy.sense_pj_per_bit + bits * c.energy.transfer_pj_per_bit + 1.0 * 1e7;
  EXPECT_NEAR(h.cube.energy_pj(), expected, expected * 1e-9);
}

// DA port.

TEST(HbfCube, TheDaPortIsShutByLockoutAndKillsTheLinks) {
  Host h;
  h.preload(0, 1);
  h.channel = 1;
  h.set_reg(Space::kMmio, mmio::kLockout, 1);  // of one channel
  h.channel = 0;
  EXPECT_FALSE(h.cube.set_da(true));
  EXPECT_TRUE(h.cube.ready());
  EXPECT_EQ(h.cube.ieee1500(wir(0x0E)).size(), 1u) << "IEEE 1500 stays usable";
  h.cube.power_off(h.now());
  EXPECT_FALSE(h.cube.set_da(true));
  h.cube.power_on(h.now());
  wait_ready(h);
  h.cube.enable_all();
  const auto lost = h.read(0, 1, 1);
  h.run_for(ns(50));
  EXPECT_TRUE(h.cube.set_da(true));
  EXPECT_FALSE(h.cube.ready());
  EXPECT_TRUE(h.cube.ieee1500(wir(0x0E)).empty());
  std::uint32_t value = 0;
  EXPECT_FALSE(h.cube.sideband_read(0, Space::kConfig, 0, value));
  h.run_for(ms(1));
  EXPECT_EQ(h.answers.count(lost), 0u);
  EXPECT_TRUE(h.cube.set_da(false));
  EXPECT_FALSE(h.cube.ready()) << "until RESETBD_n";
  EXPECT_FALSE(h.cube.ieee1500(wir(0x0E)).empty());
  h.cube.reset_base_die(h.now());
  wait_ready(h);
  h.cube.enable_all();
  EXPECT_EQ(h.read_now(0).status(), 0u);
}

// IEEE 1500.

Config sixteen() {
  Config c = small();
  c.channels = 16;
  c.capacity_bytes *= 8;
  return c;
}

TEST(HbfIeee1500, TheWirChoosesOneChannelAHalfAQuarterOrAll) {
  Cube cube(sixteen());
  for (unsigned ch = 0; ch < 16; ++ch) {
    ASSERT_TRUE(cube.sideband_write(ch, Space::kMmio, mmio::kTmr, conformance::timer_ns(500 + ch)));
  }
  const auto channels = [&](unsigned select) {
    std::vector<unsigned> chosen;
    for (const std::uint64_t word : cube.ieee1500(wir(0x23, select), {mmio::kTmr})) {
      EXPECT_EQ(word >> 32, 1u);
      chosen.push_back(static_cast<unsigned>((word & 0xffffffffu) >> 8) - 500);
    }
    return chosen;
  };
  const auto range = [](unsigned first, unsigned count) {
    std::vector<unsigned> out;
    for (unsigned i = 0; i < count; ++i) out.push_back(first + i);
    return out;
  };
  for (unsigned select = 0; select < 64; ++select) {
    std::vector<unsigned> expected;
    if (select < 16) expected = {select};
    if (select == 0x38) expected = range(0, 8);
    if (select == 0x39) expected = range(8, 8);
    if (select >= 0x3A && select <= 0x3D) expected = range(4 * (select - 0x3A), 4);
    if (select == 0x3F) expected = range(0, 16);
    EXPECT_EQ(channels(select), expected) << select;
  }
  Cube two(small());
  EXPECT_EQ(two.ieee1500(wir(0x21), {0}).size(), 2u);
  EXPECT_EQ(two.ieee1500(wir(0x21, 1), {0}).size(), 1u);
  EXPECT_TRUE(two.ieee1500(wir(0x21, 2), {0}).empty()) << "no such channel";
}

TEST(HbfIeee1500, WhatIsNotModelledIsBypass) {
  Host h;
  const std::vector<unsigned> modelled = {0x05, 0x0E, 0x0F, 0x14, 0x15, 0x20, 0x21, 0x22,
                                          0x23, 0x24, 0x30, 0x31, 0x32, 0x33, 0x35, 0x36};
  for (unsigned opcode = 0; opcode < 256; ++opcode) {
    if (std::find(modelled.begin(), modelled.end(), opcode) != modelled.end()) continue;
    EXPECT_TRUE(h.cube.ieee1500(wir(opcode), Words(32, ~0ull)).empty()) << opcode;
  }
  EXPECT_TRUE(h.cube.ready());
  EXPECT_EQ(h.cube.ieee1500(wir(0x36)), Words{0}) << "nothing happened";
}

TEST(HbfIeee1500, IdentityAndTemperatures) {
  Host h;
  EXPECT_EQ(h.cube.ieee1500(wir(0x0E)), Words{0x4d57ull | 0x4846ull << 16 | 1ull << 32 | 1ull << 40});
  for (const double celsius : {-3.0, 0.0, 45.0, 84.5, 119.0}) {
    h.cube.set_temperature(celsius);
    const auto code = static_cast<std::uint64_t>(std::max(0.0, celsius * 2));
    EXPECT_EQ(h.cube.ieee1500(wir(0x0F)), Words{code}) << "0.5 C steps, nine bits";
    const Words packed = h.cube.ieee1500(wir(0x15));
    ASSERT_EQ(packed.size(), 3u);
    for (unsigned channel = 0; channel < 16; ++channel) {
      std::uint64_t field = 0;
      for (unsigned bit = 0; bit < 9; ++bit) {
        const unsigned at = 9 * channel + bit;
        field |= (packed[at / 64] >> (at % 64) & 1) << bit;
      }
      EXPECT_EQ(field, code) << channel;
    }
    EXPECT_EQ(packed[2] >> 16, 0u) << "144 bits";
  }
}

TEST(HbfIeee1500, ReadsAndWritesTheSameRegistersAsTheSideband) {
  Host h;
  const auto access = [](std::uint32_t offset, std::uint32_t value) {
    return Words{offset | std::uint64_t{value} << 32};
  };
  for (std::uint32_t offset = 0; offset < 0x404; offset += 2) {
    for (const Space space : {Space::kConfig, Space::kMmio}) {
      std::uint32_t value = 0;
      const bool exists = h.cube.sideband_read(1, space, offset, value);
      const unsigned get = space == Space::kConfig ? 0x21 : 0x23;
      EXPECT_EQ(h.cube.ieee1500(wir(get, 1), {offset}), Words{exists ? 1ull << 32 | value : 0}) << offset;
    }
  }
  EXPECT_EQ(h.cube.ieee1500(wir(0x20), access(0x010, 0x1234)), (Words{1ull << 32, 1ull << 32}));
  EXPECT_EQ(h.cube.ieee1500(wir(0x22, 1), access(mmio::kTmr, 99u << 8)), Words{1ull << 32});
  EXPECT_EQ(h.cube.ieee1500(wir(0x22, 1), access(0x068, 1)), Words{0});
  for (unsigned ch = 0; ch < 2; ++ch) {
    h.channel = ch;
    EXPECT_EQ(h.reg(Space::kConfig, 0x010), 0x1234u);
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmr) == 99u << 8, ch == 1);
  }
  h.cube.reset_base_die(h.now());
  EXPECT_EQ(h.cube.ieee1500(wir(0x23, 0), {0}), Words{0}) << "MMIO only after the boot";
  EXPECT_EQ(h.cube.ieee1500(wir(0x21, 0), {0})[0] >> 32, 1u);
}

TEST(HbfIeee1500, DeviceInfoIsTheLogPageOfTheAdminCommand) {
  Host h;
  h.run_for(us(7));
  const auto info = [&](unsigned type, unsigned word) {
    return h.cube.ieee1500(wir(0x24, 0), {type | std::uint64_t{word} << 16})[0];
  };
  EXPECT_EQ(info(1, 0), ~0ull) << "empty log";
  EXPECT_EQ(info(0, 64), ~0ull) << "beyond the page";
  h.admin_now(false, conformance::admin_address(Opcode::kGetLogPage), 8);
  // Time, traffic and energy have gone on meanwhile.
  const unsigned moving[] = {1, 16 + static_cast<unsigned>(SmartCounter::kReadBytes),
                             16 + static_cast<unsigned>(SmartCounter::kEnergyUj)};
  for (unsigned word = 0; word < 64; ++word) {
    if (std::find(std::begin(moving), std::end(moving), word) != std::end(moving)) continue;
    std::uint64_t expected = 0;
    for (unsigned i = 0; i < 8; ++i) expected |= std::uint64_t{h.data(h.last)[8 * word + i]} << (8 * i);
    EXPECT_EQ(info(0, word), expected) << word;
  }
  EXPECT_EQ(info(0, 1), h.now() / kPsPerNs);
}

TEST(HbfIeee1500, ADisabledChannelAnswersBlockedAndTheOthersGoOn) {
  Host h;
  h.preload(0, 1);
  EXPECT_EQ(h.cube.ieee1500(wir(0x14, 0), {1}), Words{1});
  EXPECT_EQ(h.read_now(0).status(), 0x9u);
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucsts), 2u << 2) << "SHST";
  h.channel = 1;
  h.preload(0, 2);
  EXPECT_EQ(h.read_now(0).status(), 0x0u);
  h.channel = 0;
  EXPECT_EQ(h.cube.ieee1500(wir(0x14, 0), {0}), Words{0});
  h.cube.enable_all();
  EXPECT_EQ(h.read_now(0).status(), 0x0u);
}

// Firmware.

class HbfFirmware : public ::testing::Test {
 protected:
  HbfFirmware() : h(small(), false) {}

  FirmwareStatus status() { return static_cast<FirmwareStatus>(h.cube.ieee1500(wir(0x36))[0]); }
  void start(std::uint64_t target = 0) { h.cube.ieee1500(wir(0x30), {target}); }
  void data(const Bytes& image) {
    for (std::size_t at = 0; at < image.size(); at += kFirmwareTransferBytes) {
      Words words(kFirmwareTransferBytes / 8);
      for (std::size_t i = 0; i < kFirmwareTransferBytes; ++i) {
        words[i / 8] |= std::uint64_t{image[at + i]} << (8 * (i % 8));
      }
      h.cube.ieee1500(wir(0x31), words);
    }
  }
  void commit() { h.cube.ieee1500(wir(0x32)); }
  void hbf_reset() {
    h.cube.ieee1500(wir(0x05));
    wait_ready(h);
  }
  /// START to COMMIT; the status once the NVM write is over.
  FirmwareStatus load(const Bytes& image, std::uint64_t target = 0) {
    start(target);
    data(image);
    commit();
    h.run_for(h.cube.config().timing.tFWCOM);
    return status();
  }
  std::uint64_t version_by_feature() { return h.feature(Feature::kFirmware); }

  static Bytes payload() { return pattern(1000, 5); }
  static Bytes good(std::uint32_t version) {
    return make_firmware_image(FirmwareTarget::kMission, version, payload());
  }

  Host h;
};

TEST_F(HbfFirmware, AGoodImageIsActiveAfterHbfResetAndNotBefore) {
  EXPECT_EQ(h.cube.firmware_version(), 1u);
  EXPECT_EQ(status(), FirmwareStatus::kIdle);
  start();
  EXPECT_EQ(status(), FirmwareStatus::kReceiving);
  const Bytes image = good(0x020305);
  EXPECT_EQ(image.size() % kFirmwareTransferBytes, 0u);
  data(image);
  commit();
  EXPECT_EQ(status(), FirmwareStatus::kBusy);
  h.run_for(h.cube.config().timing.tFWCOM - 1);
  EXPECT_EQ(status(), FirmwareStatus::kBusy);
  h.run_for(1);
  EXPECT_EQ(status(), FirmwareStatus::kCommitted);
  EXPECT_EQ(h.cube.firmware_version(), 1u);
  hbf_reset();
  EXPECT_EQ(h.cube.firmware_version(), 0x020305u);
  EXPECT_EQ(status(), FirmwareStatus::kIdle);
  EXPECT_EQ(version_by_feature(), 0x020305u);
  EXPECT_EQ(h.cube.ieee1500(wir(0x0E))[0] >> 40, 0x020305u);
  // It is in non-volatile memory.
  h.cube.power_off(h.now());
  h.cube.power_on(h.now());
  wait_ready(h);
  EXPECT_EQ(h.cube.firmware_version(), 0x020305u);
}

TEST_F(HbfFirmware, ADamagedImageIsRefusedAndTheOldOneStaysActive) {
  ASSERT_EQ(load(good(2)), FirmwareStatus::kCommitted);
  hbf_reset();
  const Bytes image = good(3);
  const std::size_t used = kFirmwareHeaderBytes + payload().size();
  unsigned tried = 0;
  for (std::size_t at = 0; at < used; at += at < kFirmwareHeaderBytes ? 1 : 97) {
    Bytes damaged = image;
    damaged[at] ^= 0x10;
    const FirmwareStatus result = load(damaged);
    // Header fields, the length, or the signature, which covers header, checksum and payload.
    EXPECT_TRUE(result == FirmwareStatus::kBadHeader || result == FirmwareStatus::kBadLength ||
                result == FirmwareStatus::kBadSignature)
        << at << ": " << static_cast<unsigned>(result);
    EXPECT_TRUE(at < 20 || result == FirmwareStatus::kBadSignature) << at;
    ++tried;
  }
  EXPECT_GT(tried, 40u);
  hbf_reset();
  EXPECT_EQ(h.cube.firmware_version(), 2u);
}

TEST_F(HbfFirmware, AWrongChecksumIsFoundEvenUnderAGoodSignature) {
  // The signer signed a header with the checksum of something else.
  const Bytes other = make_firmware_image(FirmwareTarget::kMission, 9, pattern(1000, 6));
  Bytes image = good(9);
  std::copy(other.begin() + 20, other.begin() + 24, image.begin() + 20);
  sign_firmware_image(image);
  EXPECT_EQ(load(image), FirmwareStatus::kBadCrc);
  hbf_reset();
  EXPECT_EQ(h.cube.firmware_version(), 1u);
  // CRC-32 of "123456789", a published check value.
  const std::string digits = "123456789";
  EXPECT_EQ(firmware_crc(reinterpret_cast<const std::uint8_t*>(digits.data()), digits.size()), 0xcbf43926u);
}

TEST_F(HbfFirmware, StepsOutOfOrderAreRefused) {
  const Bytes image = good(7);
  const auto expect = [&](FirmwareStatus wanted, const char* what) { EXPECT_EQ(status(), wanted) << what; };
  data(image);
  expect(FirmwareStatus::kBadSequence, "DATA without START");
  commit();
  expect(FirmwareStatus::kBadSequence, "COMMIT without START");
  start(2);
  expect(FirmwareStatus::kBadTarget, "unknown target");
  h.cube.ieee1500(wir(0x30));
  expect(FirmwareStatus::kBadTarget, "no target");
  start(1);
  data(image);
  commit();
  expect(FirmwareStatus::kBadHeader, "an image for another target");
  start();
  commit();
  expect(FirmwareStatus::kBadLength, "nothing sent");
  start();
  h.cube.ieee1500(wir(0x31), Words(31));
  expect(FirmwareStatus::kBadLength, "a shift of 31 words");
  start();
  data(image);
  data(Bytes(kFirmwareTransferBytes));
  commit();
  expect(FirmwareStatus::kBadLength, "more than the header says");
  start();
  data(Bytes(image.begin(), image.end() - static_cast<std::ptrdiff_t>(kFirmwareTransferBytes)));
  commit();
  expect(FirmwareStatus::kBadLength, "less than the header says");
  h.cube.enable_all();
  start();
  expect(FirmwareStatus::kBadSequence, "HBF_RESET comes first: a channel is enabled");
  hbf_reset();
  EXPECT_EQ(h.cube.firmware_version(), 1u);
}

TEST_F(HbfFirmware, AnImageLargerThanTheMemoryIsRefusedWhileItArrives) {
  start();
  const Bytes block(kFirmwareTransferBytes);
  for (std::size_t sent = 0; sent <= kFirmwareMaxPayload; sent += block.size()) data(block);
  EXPECT_EQ(status(), FirmwareStatus::kReceiving) << "header and payload fit";
  data(block);
  EXPECT_EQ(status(), FirmwareStatus::kBadLength);
}

TEST_F(HbfFirmware, AResetOrPowerLossDuringTheNvmWriteLeavesTheOldImage) {
  for (const bool power : {false, true}) {
    start();
    data(good(4));
    commit();
    h.run_for(h.cube.config().timing.tFWCOM - 1);
    if (power) {
      h.cube.power_off(h.now());
      h.cube.power_on(h.now());
      wait_ready(h);
    } else {
      hbf_reset();
    }
    EXPECT_EQ(h.cube.firmware_version(), 1u);
    EXPECT_EQ(status(), FirmwareStatus::kIdle);
  }
  // What comes while the port is busy is ignored and does not harm the write.
  start();
  data(good(4));
  commit();
  start(1);
  data(good(5));
  commit();
  h.run_for(h.cube.config().timing.tFWCOM);
  EXPECT_EQ(status(), FirmwareStatus::kCommitted);
  hbf_reset();
  EXPECT_EQ(h.cube.firmware_version(), 4u);
}

TEST_F(HbfFirmware, TheSelfTestNeedsItsFirmwareAndARebootBringsTheMissionBack) {
  const auto execute = [&](unsigned select) { h.cube.ieee1500(wir(0x33, select)); };
  execute(0x3f);
  EXPECT_EQ(status(), FirmwareStatus::kNoSelfTest);
  EXPECT_EQ(load(make_firmware_image(FirmwareTarget::kSelfTest, 77, payload()), 1),
            FirmwareStatus::kCommitted);
  EXPECT_EQ(h.cube.firmware_version(), 1u);
  execute(0);  // channel 0 only
  EXPECT_EQ(status(), FirmwareStatus::kBusy);
  EXPECT_EQ(h.cube.ieee1500(wir(0x35)), (Words{0, 0})) << "not yet";
  h.run_for(h.cube.config().timing.tBIST);
  EXPECT_EQ(status(), FirmwareStatus::kTestDone);
  EXPECT_EQ(h.cube.ieee1500(wir(0x35)), (Words{1, 0})) << "channel 0 passed";
  // A channel that has lost capacity fails.
  h.channel = 1;
  h.preload(0, 1);
  h.cube.enable_all();
  h.inject(0, FaultKind::kUnusable, 1, 1);
  h.read_now(0);
  h.set_reg(Space::kMmio, mmio::kBucc, h.reg(Space::kMmio, mmio::kBucc) & ~1u);
  execute(0x3f);
  EXPECT_EQ(status(), FirmwareStatus::kBadSequence) << "channel 0 is still enabled";
  h.channel = 0;
  h.set_reg(Space::kMmio, mmio::kBucc, h.reg(Space::kMmio, mmio::kBucc) & ~1u);
  execute(0x3f);
  h.run_for(h.cube.config().timing.tBIST);
  EXPECT_EQ(h.cube.ieee1500(wir(0x35)), (Words{1, 2}));
  hbf_reset();
  execute(0x3f);
  EXPECT_EQ(status(), FirmwareStatus::kNoSelfTest);
  EXPECT_EQ(h.cube.firmware_version(), 1u);
}

}  // namespace
}  // namespace memwall::hbf
