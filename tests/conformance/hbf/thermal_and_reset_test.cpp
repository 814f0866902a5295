// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Requirements 53 to 60: temperature, reset, power, security, retention. plan.toml says what each is.
#include "conformance/hbf/bench.h"
#include "hbf/firmware_image.h"

namespace memwall::hbf::conformance {
namespace {

/// Enough heat capacity that the temperature stays where a test puts it.
Config hot() {
  Config c = small();
  c.thermal.enabled = true;
  c.thermal.capacity_j_per_k = 1e12;
  c.thermal.light_c = 95;
  c.thermal.recover_c = 90;
  c.thermal.severe_c = 105;
  c.thermal.release_c = 100;
  c.thermal.light_factor = 2;
  return c;
}
bool light(Host& h) { return (h.reg(Space::kMmio, mmio::kTmon) >> 1 & 1u) != 0; }
bool severe_seen(Host& h) { return (h.reg(Space::kMmio, mmio::kTmon) & 1u) != 0; }

TEST(Requirement53, LightThrottlingSlowsWithoutErrorsAndEndsBelowItsOwnThreshold) {
  Host h(hot());
  const Config& c = h.cube.config();
  for (unsigned n = 0; n < 32; ++n) h.preload(n, n);
  unsigned page = 0;
  const auto cold = [&] {  // a page that was not read before, alone
    const TimePs start = h.now();
    const Response& r = h.read_now(dlu(page++));
    EXPECT_EQ(r.status(), 0u);
    return r.at - start;
  };
  EXPECT_EQ(cold(), cold_read(c, 1));
  h.cube.set_temperature(94.9);
  EXPECT_FALSE(light(h));
  h.cube.set_temperature(95);
  EXPECT_TRUE(light(h));
  EXPECT_EQ(cold(), cold_read(c, 1) + c.timing.tR) << "factor 2";
  h.cube.set_temperature(91);
  EXPECT_TRUE(light(h)) << "hysteresis";
  EXPECT_EQ(cold(), cold_read(c, 1) + c.timing.tR);
  h.cube.set_temperature(89.9);
  EXPECT_FALSE(light(h));
  EXPECT_EQ(cold(), cold_read(c, 1));
  // The host's own thresholds.
  const auto code = [](double celsius) { return static_cast<std::uint32_t>((celsius - 60) * 2); };
  h.set_reg(Space::kMmio, mmio::kTtTemp, 1u << 23 | code(105) << 16 | 1u << 15 | code(80) << 8 | code(70));
  h.cube.set_temperature(81);
  EXPECT_TRUE(light(h));
  h.cube.set_temperature(75);
  EXPECT_TRUE(light(h));
  h.cube.set_temperature(69);
  EXPECT_FALSE(light(h));
}

TEST(Requirement54, SevereThrottlingStopsNewCommandsAndLosesNone) {
  for (auto in_flight : {Readings::SevereInFlight::kFinish, Readings::SevereInFlight::kBlocked}) {
    Config c = hot();
    c.readings.severe_in_flight = in_flight;
    Host h(c);
    for (unsigned n = 0; n < 8; ++n) h.preload(n, n);
    const auto flying = h.read(0, 1, 1);
    h.run_for(ns(300));
    h.cube.set_temperature(106);
    EXPECT_TRUE(h.cube.cattrip());
    EXPECT_TRUE(severe_seen(h));
    const auto held = h.read(dlu(1), 1, 2), written = h.write(dlu(16), pattern(kPageBytes, 1), 3);
    h.run_for(us(500));
    ASSERT_EQ(h.answers.count(flying), 1u);
    if (in_flight == Readings::SevereInFlight::kFinish) {
      EXPECT_EQ(h.answers[flying].status(), 0x0u);
    } else {
      EXPECT_EQ(h.answers[flying].status(), 0x9u);
      EXPECT_EQ(h.answers[flying].info(), 1u);
    }
    EXPECT_EQ(h.answers.count(held), 0u) << "READY is low";
    EXPECT_EQ(h.answers.count(written), 0u);
    h.cube.set_temperature(101);
    h.run_for(us(500));
    EXPECT_TRUE(h.cube.cattrip());
    EXPECT_EQ(h.answers.count(held), 0u);
    h.cube.set_temperature(80);
    EXPECT_FALSE(h.cube.cattrip());
    EXPECT_TRUE(severe_seen(h)) << "CES is sticky";
    EXPECT_EQ(h.wait(held).status(), 0u);
    EXPECT_EQ(h.wait(written).status(), 0u);
    h.set_reg(Space::kMmio, mmio::kTmon, 1);
    EXPECT_FALSE(severe_seen(h)) << "written 1 with CATTRIP low";
  }
}

void power_cycle(Host& h) {
  h.cube.power_off(h.now());
  h.run_for(us(10));
  h.cube.power_on(h.now());
  while (!h.cube.ready() && h.cube.next_event() != kNever) h.run_until(h.cube.next_event());
}

TEST(Requirement55, CesSurvivesHbfResetAndLockoutEveryResetButNotThePower) {
  Host h(hot());
  h.cube.set_temperature(106);
  h.cube.set_temperature(50);
  h.set_reg(Space::kMmio, mmio::kLockout, 1);
  const auto check = [&](const char* after) {
    EXPECT_TRUE(severe_seen(h)) << after;
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kLockout) & 0xff, 1u) << after;
  };
  h.cube.ieee1500(0x05 | 0x3f << 8);  // HBF_RESET of the device
  h.run_for(us(50000));
  check("HBF_RESET");
  for (unsigned type : {0u, 1u, 2u}) {
    h.set_reg(Space::kMmio, mmio::kBucr, 0x484246u << 8 | type);
    h.run_for(us(1000));
    EXPECT_EQ(h.reg(Space::kMmio, mmio::kLockout) & 0xff, 1u) << "BUCR " << type;
  }
  h.cube.reset_base_die(h.now());
  h.run_for(us(50000));
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kLockout) & 0xff, 1u) << "RESETBD_n";
  h.set_reg(Space::kMmio, mmio::kLockout, 0);
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kLockout) & 0xff, 1u) << "writing 0 does not clear it";
  power_cycle(h);
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kLockout) & 0xff, 0u);
  EXPECT_FALSE(severe_seen(h));
}

TEST(Requirement56, AResetDuringAProgramLeavesOldNewOrAnErrorInThatBlockAndNothingElse) {
  for (TimePs when : {ns(30), us(1), us(30), us(55), us(59), us(65), us(75)}) {
    for (bool power : {false, true}) {
      Host h;
      for (unsigned n = 0; n < 16; ++n) h.preload(n, n);
      h.channel = 1;
      for (unsigned n = 0; n < 8; ++n) h.preload(n, 100 + n);
      const auto other = h.read(dlu(2), 64, 9);
      h.channel = 0;
      h.write(dlu(0), pattern(kPageBytes, 50), 1);
      h.write(dlu(4), pattern(kPageBytes, 54), 2);
      h.run_for(when);
      if (power) {
        power_cycle(h);
      } else {
        h.set_reg(Space::kMmio, mmio::kBucr, 0x484246u << 8 | 2);
        h.run_for(us(1000));
        EXPECT_EQ(h.wait(other).status(), 0u) << "the other channel is not touched";
        EXPECT_EQ(h.data(other), pattern(kPageBytes, 102));
      }
      h.cube.enable_all();
      for (unsigned n = 0; n < 16; ++n) {
        h.read_now(dlu(n), 64);
        const unsigned status = h.answers[h.last].status();
        const bool same_block = n % 4 == 0;
        if (!same_block) {
          EXPECT_EQ(status, 0u) << n;
          EXPECT_EQ(h.data(h.last), pattern(kPageBytes, n));
        } else if (status == 0) {
          EXPECT_TRUE(h.data(h.last) == pattern(kPageBytes, n) ||
                      h.data(h.last) == pattern(kPageBytes, 50 + n))
              << "page " << n << " after " << when / kPsPerNs << " ns";
        } else {
          EXPECT_TRUE(status == 0x4 || status == 0x7) << status;
        }
      }
      h.program(0, 70);  // and the block can be written again
      h.read_now(0, 64);
      EXPECT_EQ(h.data(h.last), pattern(kPageBytes, 70));
    }
  }
}

TEST(Requirement57, ReadyRisesOnlyAfterThePowerUpSequenceAndCattripStaysLow) {
  Host h;
  EXPECT_TRUE(h.cube.ready()) << "a cube starts booted";
  h.cube.power_off(h.now());
  EXPECT_FALSE(h.cube.ready());
  EXPECT_FALSE(h.cube.powered());
  std::uint32_t value = 0;
  EXPECT_FALSE(h.cube.sideband_read(0, Space::kConfig, 0, value)) << "no power";
  h.run_for(us(100));
  EXPECT_FALSE(h.cube.ready());
  const TimePs start = h.now();
  h.cube.power_on(start);
  h.run_until(start + h.cube.config().timing.tBOOT - 1);
  EXPECT_FALSE(h.cube.ready());
  EXPECT_FALSE(h.cube.cattrip());
  h.run_until(start + h.cube.config().timing.tBOOT);
  EXPECT_TRUE(h.cube.ready());
  EXPECT_FALSE(h.cube.cattrip());
  h.cube.reset_base_die(h.now());
  EXPECT_FALSE(h.cube.ready());
  h.run_for(h.cube.config().timing.tBOOT);
  EXPECT_TRUE(h.cube.ready());
}

TEST(Requirement58, WithPowerOnEraseEveryReadIs0x4UntilRewritten) {
  for (bool erase : {false, true}) {
    Config c = small();
    c.readings.power_on_erase = erase;
    Host h(c);
    for (unsigned n : {0u, 4u, 1u, 16u}) h.preload(n, n);
    power_cycle(h);
    h.cube.enable_all();
    for (unsigned n : {0u, 4u, 1u, 16u}) EXPECT_EQ(h.read_now(dlu(n)).status(), erase ? 0x4u : 0x0u) << n;
    h.program(0, 9);
    EXPECT_EQ(h.read_now(0).status(), 0u);
  }
}

/// Shifts an image in: START, DATA, COMMIT; returns GET_STATUS (8 bits) once the port is no longer busy.
unsigned update(Host& h, const Bytes& image) {
  constexpr std::uint16_t kDevice = 0x3f << 8;
  h.cube.ieee1500(kDevice | 0x30, {0});
  for (std::size_t at = 0; at < image.size(); at += kFirmwareTransferBytes) {
    std::vector<std::uint64_t> words(kFirmwareTransferBytes / 8);
    for (std::size_t i = 0; i < kFirmwareTransferBytes && at + i < image.size(); ++i)
      words[i / 8] |= std::uint64_t{image[at + i]} << (8 * (i % 8));
    h.cube.ieee1500(kDevice | 0x31, words);
  }
  h.cube.ieee1500(kDevice | 0x32);
  h.run_for(h.cube.config().timing.tFWCOM);
  return static_cast<unsigned>(h.cube.ieee1500(kDevice | 0x36).at(0));
}
void hbf_reset(Host& h) {
  h.cube.ieee1500(0x3f << 8 | 0x05);
  h.run_for(h.cube.config().timing.tBOOT);
}

TEST(Requirement59, AnImageWithAWrongSignatureOrChecksumLeavesTheOldOneActiveAGoodOneReplacesIt) {
  Host h(small(), false);
  hbf_reset(h);
  const std::uint32_t old = h.cube.firmware_version();
  const Bytes good = make_firmware_image(FirmwareTarget::kMission, old + 7, pattern(1000, 1));
  // Byte 24: signature; 20: checksum of the payload; 40: the payload itself; 0: magic.
  for (std::size_t byte : {24u, 20u, 40u, 0u}) {
    Bytes bad = good;
    bad[byte] ^= 1;
    EXPECT_GE(update(h, bad), 0x80u) << "byte " << byte;
    hbf_reset(h);
    EXPECT_EQ(h.cube.firmware_version(), old) << "byte " << byte;
  }
  EXPECT_EQ(update(h, good), static_cast<unsigned>(FirmwareStatus::kCommitted));
  EXPECT_EQ(h.cube.firmware_version(), old) << "until the reset";
  hbf_reset(h);
  EXPECT_EQ(h.cube.firmware_version(), old + 7);
}

TEST(Requirement60, DataOlderThanTheRetentionShowRisingErrorsAndRefreshedBlocksDoNot) {
  Config c = small();
  c.thermal.ambient_c = 85;  // the reference temperature: hours count as they are
  c.reliability.reference_c = 85;
  c.reliability.base_rber = 1e-6;
  c.reliability.retention_factor = 2e-5;
  c.reliability.retention_exponent = 1.5;
  c.reliability.correctable_bits = 40;
  c.reliability.high_bits = 25;
  c.reliability.retry_stages = 0;
  Host h(c);
  for (unsigned n = 0; n < 16; ++n) h.program(n, n);
  const auto bad = [&] {
    unsigned corrected_high = 0, uncorrectable = 0;
    for (unsigned round = 0; round < 8; ++round)
      for (unsigned n = 0; n < 16; ++n) {  // four pages of a bank: each read senses
        const unsigned status = h.read_now(dlu(n)).status();
        corrected_high += status == 0x5;
        uncorrectable += status == 0x4;
      }
    return std::pair{corrected_high, uncorrectable};
  };
  const TimePs hour = TimePs{3600} * 1000 * kPsPerMs;
  EXPECT_EQ(bad(), std::pair(0u, 0u)) << "fresh";
  // 8192 bits x 2e-5 x hours^1.5: 19 bits at 24 h, 38 at 38 h, 100 at 72 h.
  h.run_for(34 * hour);
  const auto old = bad();
  EXPECT_GT(old.first, 0u);
  h.run_for(38 * hour);
  const auto older = bad();
  // In each lane the page that was read last before the wait stays in its buffer.
  EXPECT_GT(older.second, 90u) << "nearly every sense";
  for (unsigned n = 0; n < 16; ++n) h.program(n, n);
  EXPECT_EQ(bad(), std::pair(0u, 0u)) << "refreshed";
}

}  // namespace
}  // namespace memwall::hbf::conformance
