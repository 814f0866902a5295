// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Temperature of a whole cube: closed forms, throttling that emerges from energy and thresholds, the
// bandwidth cap of the TLC preset, and the same results however time is walked through.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "conformance/hbf/bench.h"
#include "hbf/cube.h"

namespace memwall::hbf {
namespace {

using conformance::dlu;
using conformance::Host;
using conformance::small;
using conformance::us;
namespace mmio = conformance::mmio;

constexpr TimePs ms(std::uint64_t n) { return n * kPsPerMs; }

void wait_ready(Host& h) {
  while (!h.cube.ready() && h.cube.next_event() != kNever) h.run_until(h.cube.next_event());
  EXPECT_TRUE(h.cube.ready());
}

/// tau = R C = 10 ms; 20 K/W.
Config warm() {
  Config c = small();
  c.thermal.enabled = true;
  c.thermal.ambient_c = 40;
  c.thermal.resistance_k_per_w = 20;
  c.thermal.capacity_j_per_k = 0.0005;
  c.thermal.step = us(100);
  return c;
}

TEST(HbfCubeThermal, AnIdleCubeWarmsByTheClosedFormHoweverOftenItIsAsked) {
  Config c = warm();
  c.energy.idle_w = 2;
  for (const TimePs step : {us(7), us(100), ms(5), ms(50)}) {
    Host h(c);
    while (h.now() < ms(50)) h.run_until(std::min(h.now() + step, ms(50)));
    const double seconds = 0.05, tau = 20 * 0.0005;
    const double expected = 40 + 2 * 20 * (1 - std::exp(-seconds / tau));
    EXPECT_NEAR(h.cube.celsius(), expected, 1e-6);
    EXPECT_EQ(h.cube.ieee1500(0x3f0F)[0], static_cast<std::uint64_t>(std::lround(2 * expected)));
  }
}

TEST(HbfCubeThermal, ALongIdleTimeIsTheSameInOneGoOrInMany) {
  Config c = warm();
  c.energy.idle_w = 1.3;
  double celsius[2];
  double energy[2];
  TimePs read_at[2];
  for (const bool piecewise : {false, true}) {
    Host h(c);
    h.preload(0, 1);
    h.cube.set_temperature(70);
    const TimePs end = ms(30000) + us(33);
    if (piecewise) {
      while (h.now() < end) h.run_until(std::min(end, h.now() + us(3333)));
    } else {
      h.run_until(end);
    }
    read_at[piecewise] = h.read_now(0).at;
    h.run_for(us(500));
    celsius[piecewise] = h.cube.celsius();
    energy[piecewise] = h.cube.energy_pj();
  }
  EXPECT_EQ(celsius[0], celsius[1]) << "to the last bit";
  EXPECT_EQ(energy[0], energy[1]);
  EXPECT_EQ(read_at[0], read_at[1]);
  EXPECT_NEAR(celsius[0], 40 + 1.3 * 20, 1e-3);
}

TEST(HbfCubeThermal, DaysOfIdlenessAreJumpedOver) {
  Host h(warm());
  h.cube.set_temperature(110);
  std::uint32_t tmon = h.reg(Space::kMmio, mmio::kTmon);
  EXPECT_EQ(tmon, 3u);
  h.run_for(ms(std::uint64_t{100} * 24 * 3600 * 1000));  // 100 days in steps of 100 us
  EXPECT_NEAR(h.cube.celsius(), 40, 1e-9);
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmon), 1u) << "cool again, CES stays";
}

TEST(HbfCubeThermal, AColdCubeCoolsWhileThePowerIsOff) {
  Config c = warm();
  c.energy.idle_w = 2;
  Host h(c);
  h.cube.set_temperature(80);
  h.cube.power_off(h.now());
  h.run_for(ms(10));
  EXPECT_NEAR(h.cube.celsius(), 40 + 40 * std::exp(-1.0), 1e-6);
}

/// Sequential reads of channel 0, page by page, `window` at a time, for `time`; bytes per second.
double stream_for(Cube& cube, unsigned channel, std::uint64_t pages, TimePs start, TimePs time) {
  Stream stream;
  stream.pages = pages;
  stream.window = 16;
  stream.cookie = 1;
  cube.submit(channel, start, stream);
  std::vector<Response> responses;
  std::vector<Notice> notices;
  const std::uint64_t before = cube.channel(channel).counters().read_bytes;
  cube.advance(start + time, responses, notices);
  const std::uint64_t bytes = cube.channel(channel).counters().read_bytes - before;
  return static_cast<double>(bytes) / (static_cast<double>(time) * 1e-12);
}

/// Channel of 64 MiB with 16 lanes whose full-rate reads would heat it far beyond LTT.
Config hot_reader() {
  Config c = warm();
  c.channels = 1;
  c.dies_per_channel = 4;
  c.planes_per_die = 4;
  c.pages_per_block = 64;
  c.blocks_per_plane = 1024;
  c.capacity_bytes = std::uint64_t{16} * 64 * 1000 * kPageBytes;
  c.timing.tR = us(4);
  c.functional = false;
  c.thermal.resistance_k_per_w = 22;
  c.energy.sense_pj_per_bit = 20;
  c.energy.transfer_pj_per_bit = 1;
  return c;
}

TEST(HbfCubeThermal, LightThrottlingEmergesAndKeepsTheTemperatureBetweenItsThresholds) {
  const Config c = hot_reader();
  Cube cube(c);
  cube.enable_all();
  cube.channel(0).media().mark_programmed(0, c.capacity_bytes);
  const double full_rate = 16 * 4096.0 / (4e-6);  // lanes x page / tR
  const double pj_per_byte = 8 * (20 + 1);
  const double full_watts = full_rate * pj_per_byte * 1e-12;
  const double settles_full = 40 + 22 * full_watts;
  const double settles_half = 40 + 22 * full_watts / 2;
  ASSERT_GT(settles_full, 95.0);
  ASSERT_LT(settles_half, 90.0) << "so that it must swing";
  unsigned entries = 0, exits = 0;
  double hottest = 0, coolest_light = 1000;
  bool was_light = false;
  Stream stream;
  stream.pages = c.channel_pages() - 64;
  stream.window = 64;
  cube.submit(0, 0, stream);
  std::vector<Response> responses;
  std::vector<Notice> notices;
  const TimePs end = ms(200);
  while (cube.now() < end) {
    cube.advance(cube.now() + c.thermal.step, responses, notices);
    std::uint32_t tmon = 0;
    ASSERT_TRUE(cube.sideband_read(0, Space::kMmio, mmio::kTmon, tmon));
    const bool light = (tmon >> 1 & 1) != 0;
    if (light && !was_light) {
      ++entries;
      EXPECT_GE(cube.celsius(), 95.0);
    }
    if (!light && was_light) {
      ++exits;
      EXPECT_LT(cube.celsius(), 90.0);
    }
    was_light = light;
    hottest = std::max(hottest, cube.celsius());
    if (light) coolest_light = std::min(coolest_light, cube.celsius());
    if (cube.channel(0).in_flight() == 0) cube.submit(0, cube.now(), stream);
  }
  EXPECT_GE(entries, 3u);
  EXPECT_GE(exits, 3u);
  EXPECT_GE(coolest_light, 90.0);
  // Overshoot: at most what one step of full power adds; 5 % for steps in which more senses begin.
  const double share = 1 - std::exp(-static_cast<double>(c.thermal.step) * 1e-12 / (22 * 0.0005));
  EXPECT_LT(hottest, 95 + 1.05 * (settles_full - 95) * share);
  EXPECT_FALSE(cube.cattrip());
  const double rate = static_cast<double>(cube.channel(0).counters().read_bytes) / 0.2;
  EXPECT_LT(rate, 0.95 * full_rate);
  EXPECT_GT(rate, 0.5 * full_rate);
  std::printf("full rate %.1f GB/s, settles at %.1f C; throttled %.1f GB/s, %u swings\n", full_rate / 1e9,
              settles_full, rate / 1e9, entries);
  EXPECT_NEAR(static_cast<double>(cube.channel(0).counters().light_time),
              static_cast<double>(end) * (full_rate - rate) / (full_rate / 2),
              0.05 * static_cast<double>(end))
      << "half the rate while LTMS is 1";
}

TEST(HbfCubeThermal, FastForwardAndStepByStepAgreeUnderThrottling) {
  Config c = hot_reader();
  double temperature[2];
  std::uint64_t bytes[2];
  double energy[2];
  TimePs light[2];
  for (const bool fast : {false, true}) {
    Cube cube(c);
    cube.set_fast_forward(fast);
    cube.enable_all();
    cube.channel(0).media().mark_programmed(0, c.capacity_bytes);
    stream_for(cube, 0, c.channel_pages() - 64, 0, ms(60));
    temperature[fast] = cube.celsius();
    bytes[fast] = cube.channel(0).counters().read_bytes;
    energy[fast] = cube.energy_pj();
    light[fast] = cube.channel(0).counters().light_time;
    if (fast) {
      std::printf("pages jumped over: %llu of %llu\n",
                  static_cast<unsigned long long>(cube.channel(0).counters().fast_forwarded),
                  static_cast<unsigned long long>(bytes[fast] / kPageBytes));
    }
  }
  EXPECT_EQ(bytes[0], bytes[1]);
  EXPECT_EQ(light[0], light[1]);
  EXPECT_NEAR(temperature[0], temperature[1], 1e-6);
  EXPECT_NEAR(energy[0], energy[1], 1e-6 * energy[0]);
}

TEST(HbfCubeThermal, ThresholdsAreEachChannelsOwnAndTheTemperatureIsOne) {
  Host h(warm());
  const auto code = [](double celsius) { return static_cast<std::uint32_t>((celsius - 60) * 2); };
  h.channel = 1;
  h.set_reg(Space::kMmio, mmio::kTtTemp, 1u << 23 | code(110) << 16 | 1u << 15 | code(70) << 8 | code(65));
  h.cube.set_temperature(75);
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmon), 2u);
  h.channel = 0;
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmon), 0u);
  // A threshold that is below the temperature works at once.
  h.set_reg(Space::kMmio, mmio::kTtTemp, 1u << 15 | code(74) << 8 | code(65));
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kTmon), 2u);
  h.cube.set_temperature(109);
  EXPECT_FALSE(h.cube.cattrip()) << "channel 0 has it off, channel 1 at 110";
  h.cube.set_temperature(110);
  EXPECT_TRUE(h.cube.cattrip());
}

TEST(HbfCubeThermal, WhoFollowsTheNextEventSeesACommandThroughSevereThrottling) {
  Host h(warm());
  h.preload(0, 1);
  h.cube.set_temperature(110);
  const std::uint64_t held = h.read(0, 1, 1);
  const TimePs at = h.wait(held).at;
  // From 110 to 40 with tau = 10 ms: below 100 after 10 ms ln(70 / 60) = 1.54 ms, at the end of a step.
  const TimePs release = ms(1) + us(600);
  EXPECT_GT(at, release);
  EXPECT_LT(at, release + us(10));
}

TEST(HbfCubeThermal, BeyondTheShutdownTemperatureTheLinksFailUntilThePowerGoes) {
  Config c = warm();
  c.thermal.capacity_j_per_k = 1e9;  // stays where it is put
  Host h(c);
  h.preload(0, 1);
  h.cube.set_temperature(119);
  EXPECT_TRUE(h.cube.ready());
  h.cube.set_temperature(120);
  EXPECT_FALSE(h.cube.ready());
  EXPECT_TRUE(h.cube.cattrip());
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucsts) & 2, 2u) << "BUCFS; the sideband is alive";
  h.cube.set_temperature(50);
  EXPECT_FALSE(h.cube.cattrip());
  EXPECT_FALSE(h.cube.ready()) << "only a power cycle helps";
  h.cube.reset_base_die(h.now());
  h.run_for(c.timing.tBOOT);
  EXPECT_FALSE(h.cube.ready());
  h.cube.power_off(h.now());
  h.cube.power_on(h.now());
  wait_ready(h);
  EXPECT_EQ(h.reg(Space::kMmio, mmio::kBucsts) & 2, 0u);
  h.cube.enable_all();
  EXPECT_EQ(h.read_now(0).status(), 0u);
}

// Published, second-hand: 202 GB/s at 53.7 W. The preset has energy, resistance and thresholds; the cap has
// to come out of channels, links, media and temperature.
TEST(HbfCubeThermal, TheTlcPresetIsCappedByItsHeatAtThePublishedBandwidth) {
  const Config c = load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbf_tlc.toml");
  Cube cube(c);
  cube.enable_all();
  Stream stream;
  stream.pages = c.channel_pages();
  stream.window = c.controller.outstanding_per_channel;
  for (unsigned ch = 0; ch < c.channels; ++ch) {
    cube.channel(ch).media().mark_programmed(0, c.channel_bytes());
    cube.submit(ch, 0, stream);
  }
  std::vector<Response> responses;
  std::vector<Notice> notices;
  struct Sample {
    TimePs at;
    double bytes;
    double energy;
  };
  const auto sample = [&] {
    Sample s{cube.now(), 0, cube.energy_pj()};
    for (unsigned ch = 0; ch < c.channels; ++ch) {
      s.bytes += static_cast<double>(cube.channel(ch).counters().read_bytes);
    }
    return s;
  };
  // Bytes per ps are 1000 GB/s; pJ per ps are W.
  const auto gbytes_per_s = [](const Sample& a, const Sample& b) {
    return (b.bytes - a.bytes) / static_cast<double>(b.at - a.at) * 1000;
  };
  cube.advance(ms(1), responses, notices);
  const Sample cold = sample();
  cube.advance(ms(3), responses, notices);
  const double array = c.array_gbytes_per_s(), unthrottled = gbytes_per_s(cold, sample());
  std::printf("cold: expected %.1f GB/s (planes x page / tR), measured %.1f, deviation %.2f %%\n", array,
              unthrottled, (unthrottled / array - 1) * 100);
  EXPECT_NEAR(unthrottled, array, 0.02 * array);

  // Warm: whole swings, from one entry of light throttling to another.
  cube.set_temperature(c.thermal.light_c - 0.1);
  std::vector<Sample> entries;
  for (bool was_light = false; entries.size() < 7 && cube.now() < ms(3000);) {
    cube.advance(cube.now() + c.thermal.step, responses, notices);
    std::uint32_t tmon = 0;
    ASSERT_TRUE(cube.sideband_read(0, Space::kMmio, mmio::kTmon, tmon));
    const bool light = (tmon >> 1 & 1) != 0;
    if (light && !was_light) entries.push_back(sample());
    was_light = light;
    EXPECT_NEAR(cube.celsius(), c.thermal.light_c - 0.25, 0.5);
  }
  ASSERT_EQ(entries.size(), 7u);
  EXPECT_TRUE(responses.empty()) << "the streams were long enough";
  EXPECT_TRUE(notices.empty());
  const double capped = gbytes_per_s(entries.front(), entries.back());
  const double watts = (entries.back().energy - entries.front().energy) /
                       static_cast<double>(entries.back().at - entries.front().at);
  std::uint64_t jumped = 0, pages = 0;
  for (unsigned ch = 0; ch < c.channels; ++ch) {
    jumped += cube.channel(ch).counters().fast_forwarded;
    pages += cube.channel(ch).counters().page_reads;
  }
  std::printf(
      "capped: expected 202 GB/s at 53.7 W, measured %.1f GB/s at %.1f W over %.0f ms, deviation %.2f %%\n",
      capped, watts, static_cast<double>(entries.back().at - entries.front().at) * 1e-9,
      (capped / 202 - 1) * 100);
  std::printf("%.1f %% of %.1f M pages jumped over\n",
              100 * static_cast<double>(jumped) / static_cast<double>(pages),
              static_cast<double>(pages) / 1e6);
  EXPECT_NEAR(capped, 202, 0.03 * 202);
  EXPECT_NEAR(watts, 53.7, 0.03 * 53.7);
  EXPECT_FALSE(cube.cattrip());
}

}  // namespace
}  // namespace memwall::hbf
