// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/thermal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

namespace memwall::hbf {
namespace {

constexpr double kPjPerJ = 1e12;

ThermalConfig heated() {
  ThermalConfig config;
  config.enabled = true;
  config.ambient_c = 40;
  config.resistance_k_per_w = 0.5;
  config.capacity_j_per_k = 0.2;  // 0.1 s
  config.light_c = 95;
  config.recover_c = 90;
  config.severe_c = 105;
  config.release_c = 100;
  config.shutdown_c = 120;
  config.step = 100 * kPsPerUs;
  return config;
}

void run(Thermal& thermal, double watts, unsigned steps) {
  for (unsigned i = 0; i < steps; ++i) thermal.end_step(watts * 100e-6 * kPjPerJ);
}

TEST(HbfThermal, ConstantPowerHeatsByTheClosedExponential) {
  Thermal thermal(heated());
  EXPECT_EQ(thermal.celsius(), 40);
  EXPECT_EQ(thermal.next_step(), 100 * kPsPerUs);
  double worst = 0;
  for (unsigned step = 1; step <= 5000; ++step) {
    run(thermal, 60, 1);
    const double expected = 40 + 30 * (1 - std::exp(-(step * 100e-6) / 0.1));
    worst = std::max(worst, std::abs(thermal.celsius() - expected));
  }
  std::printf("step response: expected 40 + 30 (1 - e^(-t/0.1 s)) C, worst deviation %.2g K\n", worst);
  EXPECT_LT(worst, 1e-9);
  EXPECT_EQ(thermal.next_step(), 5001 * 100 * kPsPerUs);
}

TEST(HbfThermal, LengthOfTheStepDoesNotMatterAtConstantPower) {
  ThermalConfig coarse = heated();
  coarse.step = 10 * kPsPerMs;
  Thermal one(coarse), many(heated());
  one.end_step(80 * 10e-3 * kPjPerJ);
  run(many, 80, 100);
  EXPECT_NEAR(one.celsius(), many.celsius(), 1e-10);
}

TEST(HbfThermal, LightThrottlingHasHysteresis) {
  Thermal thermal(heated());
  thermal.set_temperature(94.99);
  EXPECT_FALSE(thermal.light());
  thermal.set_temperature(95);
  EXPECT_TRUE(thermal.light());
  thermal.set_temperature(90);
  EXPECT_TRUE(thermal.light()) << "left only below the recovery threshold";
  thermal.set_temperature(89.99);
  EXPECT_FALSE(thermal.light());
  thermal.set_temperature(94);
  EXPECT_FALSE(thermal.light());
}

TEST(HbfThermal, SevereThrottlingTripsAndReleases) {
  Thermal thermal(heated());
  thermal.set_temperature(104.9);
  EXPECT_FALSE(thermal.severe());
  thermal.set_temperature(105);
  EXPECT_TRUE(thermal.severe());
  thermal.set_temperature(100);
  EXPECT_TRUE(thermal.severe());
  thermal.set_temperature(99.9);
  EXPECT_FALSE(thermal.severe());
  EXPECT_TRUE(thermal.light());
}

TEST(HbfThermal, ShutdownStaysUntilThePowerGoes) {
  Thermal thermal(heated());
  thermal.set_temperature(120);
  EXPECT_TRUE(thermal.shut_down());
  thermal.set_temperature(40);
  EXPECT_TRUE(thermal.shut_down());
}

TEST(HbfThermal, HostMovesAndDisablesTheThresholds) {
  Thermal thermal(heated());
  thermal.set_temperature(80);
  thermal.set_thresholds(true, 75, 70, true, 85);
  EXPECT_TRUE(thermal.light());
  EXPECT_FALSE(thermal.severe());
  thermal.set_temperature(85);
  EXPECT_TRUE(thermal.severe());
  thermal.set_thresholds(false, 75, 70, false, 85);
  EXPECT_FALSE(thermal.light());
  EXPECT_FALSE(thermal.severe());
}

TEST(HbfThermal, DisabledModelStaysAtAmbientButItsStepsGoOn) {
  ThermalConfig config = heated();
  config.enabled = false;
  Thermal thermal(config);
  run(thermal, 1000, 10);
  EXPECT_EQ(thermal.celsius(), 40);
  EXPECT_EQ(thermal.next_step(), 11 * 100 * kPsPerUs);
}

/// Reads as fast as the cube lets it, seen by the thermal model alone: full speed or, while LTMS = 1, full
/// speed / light_factor.
TEST(HbfThermal, TlcPresetSettlesAtThePublishedCap) {
  const Config config = load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbf_tlc.toml");
  ASSERT_TRUE(config.thermal.enabled);
  Thermal thermal(config.thermal);
  const double step_s = static_cast<double>(config.thermal.step) * 1e-12;
  const double full = config.peak_read_gbytes_per_s() * 1e9;
  const double pj_per_byte = 8 * (config.energy.sense_pj_per_bit + config.energy.transfer_pj_per_bit);
  EXPECT_GT(full, 500e9) << "the array alone is far above the cap";
  double bytes = 0, energy_pj = 0, seconds = 0;
  bool was_light = false;
  unsigned entries = 0;
  for (unsigned step = 0; step < 40000; ++step) {
    const double rate = thermal.light() ? full / config.thermal.light_factor : full;
    const double step_pj = rate * step_s * pj_per_byte + config.energy.idle_w * step_s * kPjPerJ;
    thermal.end_step(step_pj);
    ASSERT_FALSE(thermal.severe());
    entries += thermal.light() && !was_light ? 1 : 0;
    was_light = thermal.light();
    if (step >= 20000) bytes += rate * step_s, energy_pj += step_pj, seconds += step_s;
  }
  const double gbytes_per_s = bytes / seconds / 1e9, watts = energy_pj / kPjPerJ / seconds;
  std::printf(
      "TLC cap: expected 202 GB/s at 53.7 W, measured %.1f GB/s at %.2f W, deviation %.2f %%, %u entries\n",
      gbytes_per_s, watts, (gbytes_per_s / 202 - 1) * 100, entries);
  EXPECT_NEAR(gbytes_per_s, 202, 0.02 * 202);
  EXPECT_NEAR(watts, 53.7, 0.02 * 53.7);
  EXPECT_GT(entries, 10u) << "the cap is the average of a duty cycle";
}

TEST(HbfThermal, SlcPresetsStayBelowTheirThresholdAtFullSpeed) {
  for (const char* name : {"hbf_slc_1us", "hbf_slc_4us", "hbf_20us"}) {
    const Config c = load_preset(std::string(MEMWALL_SOURCE_DIR "/scenarios/memories/") + name + ".toml");
    const double watts = c.peak_read_gbytes_per_s() * 1e9 * 8 *
                             (c.energy.sense_pj_per_bit + c.energy.transfer_pj_per_bit) * 1e-12 +
                         c.energy.idle_w;
    const double settled = c.thermal.ambient_c + watts * c.thermal.resistance_k_per_w;
    EXPECT_LT(settled, c.thermal.light_c) << name;
    EXPECT_LE(watts, 80.05) << name;
  }
}

}  // namespace
}  // namespace memwall::hbf
