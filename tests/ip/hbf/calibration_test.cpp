// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Measured against closed formulas on the shipped preset; the table goes into ip/hbf/README.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "hbf/core.h"

namespace memwall::hbf {
namespace {

Config preset() { return load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbf_slc_1us.toml"); }

/// Prints one row and checks that the deviation stays within `tolerance` (relative).
void expect_near(const std::string& what, double expected, double measured, const std::string& unit,
                 double tolerance) {
  const double deviation = (measured - expected) / expected;
  fmt::print("calibration: {:<52} expected {:>12.3f} measured {:>12.3f} {:<5} deviation {:+.3f} %\n", what,
             expected, measured, unit, deviation * 100);
  EXPECT_LE(std::abs(deviation), tolerance) << what;
}

double gbytes_per_s(std::uint64_t bytes, TimePs time) {
  return static_cast<double>(bytes) / static_cast<double>(time) * 1000.0;
}
double in_ns(TimePs t) { return static_cast<double>(t) / kPsPerNs; }

/// Reads `bytes` from 0 in pieces with `window` pieces outstanding.
TimePs stream(Core& core, std::uint64_t bytes, std::uint64_t piece, unsigned window) {
  std::vector<TimePs> slots(window, 0);
  TimePs end = 0;
  unsigned next = 0;
  for (std::uint64_t at = 0; at < bytes; at += piece, next = (next + 1) % window) {
    slots[next] = core.access(slots[next], at, piece, false).done;
    end = std::max(end, slots[next]);
  }
  return end;
}

TEST(HbfCalibration, ColdPageReadIsSenseDecodeTransferAndTwoLinkCrossings) {
  const Config config = preset();
  Core core(config);
  core.mark_programmed(0, kPageBytes);
  const double expected = 1000 + 100 + 4096 / 109.7 + 2 * 10;
  expect_near("cold 4 KiB read", expected, in_ns(core.access(0, 0, kPageBytes, false).done), "ns", 1e-4);
}

TEST(HbfCalibration, ReadsOfOneBankRunAtOnePagePerSenseTime) {
  const Config config = preset();
  Core core(config);
  const std::uint64_t stride = config.planes() * kPageBytes;  // next page of the same bank
  core.mark_programmed(0, 200 * stride);
  TimePs end = 0;
  for (unsigned i = 0; i < 200; ++i) end = core.access(0, i * stride, kPageBytes, false).done;
  EXPECT_EQ(core.counters().senses, 200u);
  expect_near("hot bank, 200 pages, time per page", 1000, in_ns(end) / 200, "ns", 0.01);
}

TEST(HbfCalibration, LongReadReachesThePlaneBandwidth) {
  const Config config = preset();
  Core core(config);
  const std::uint64_t bytes = std::uint64_t{400} << 20;
  core.mark_programmed(0, bytes);
  const TimePs end = core.access(0, 0, bytes, false).done;
  EXPECT_GE(gbytes_per_s(bytes, end), 0.95 * config.peak_read_gbytes_per_s());
  expect_near("one read of 400 MiB", config.array_gbytes_per_s(), gbytes_per_s(bytes, end), "GB/s", 0.02);
}

TEST(HbfCalibration, StreamWithTheComputedPrefetchReachesNinetyFivePercent) {
  const Config config = preset();
  Core core(config);
  const std::uint64_t piece = 64 << 10;
  // Outstanding bytes of 2 x bandwidth x latency hide the latency.
  const double ahead = 2 * config.peak_read_gbytes_per_s() * (in_ns(config.timing.tR) + 157);
  const auto window = static_cast<unsigned>(std::ceil(ahead / static_cast<double>(piece)));
  const std::uint64_t bytes = 4096 * piece;
  core.mark_programmed(0, bytes);
  const TimePs end = stream(core, bytes, piece, window);
  expect_near(fmt::format("stream of 64 KiB reads, {} outstanding", window), config.array_gbytes_per_s(),
              gbytes_per_s(bytes, end), "GB/s", 0.05);
}

TEST(HbfCalibration, StreamIsBoundByTheLinksWhenTheyAreSlower) {
  Config config = preset();
  config.link_gbytes_per_s = 50;
  config.read_gbytes_per_s = 800;
  Core core(config);
  const std::uint64_t bytes = std::uint64_t{256} << 20;
  core.mark_programmed(0, bytes);
  const TimePs end = core.access(0, 0, bytes, false).done;
  expect_near("one read of 256 MiB, links of 50 GB/s", 800, gbytes_per_s(bytes, end), "GB/s", 0.05);
}

TEST(HbfCalibration, FewOutstandingSensesGiveTheirShareOfTheBandwidth) {
  const Config config = preset();
  Core core(config);
  const std::uint64_t bytes = 64 << 20;
  core.mark_programmed(0, bytes);
  const TimePs end = stream(core, bytes, kPageBytes, 40);
  const double latency = 1000 + 100 + 4096 / 109.7 + 20;
  expect_near("40 outstanding 4 KiB reads", 40 * 4096 / latency, gbytes_per_s(bytes, end), "GB/s", 0.05);
}

TEST(HbfCalibration, RandomChunkReadsShowTheirSixtyFourthEfficiency) {
  const Config config = preset();
  Core core(config);
  core.mark_programmed(0, std::uint64_t{1} << 30);
  Rng rng(3, "random_chunks");
  const unsigned count = 100000;
  TimePs end = 0;
  for (unsigned i = 0; i < count; ++i) {
    end = std::max(end, core.access(0, rng.below(1 << 18) * kPageBytes, 64, false).done);
  }
  // All at once: the fullest of 400 banks sets the end; its surplus over the mean is below 20 % for 250 reads
  // each.
  const double array = config.array_gbytes_per_s() / 64;
  fmt::print("calibration: {:<52} limit    {:>12.3f} measured {:>12.3f} GB/s\n", "random 64 B reads", array,
             gbytes_per_s(count * 64, end));
  EXPECT_LE(gbytes_per_s(count * 64, end), array * 1.01);  // a few of them hit a page buffer
  EXPECT_GE(gbytes_per_s(count * 64, end), array * 0.75);
}

TEST(HbfCalibration, WriteBandwidthIsReadBandwidthTimesSenseOverProgram) {
  const Config config = preset();
  Core core(config);
  const std::uint64_t row = config.planes() * kPageBytes;  // one page of every block of the first row
  const TimePs begin = core.access(0, 0, row, true).done;  // page 0: with erase
  const TimePs end = core.access(begin, row, 255 * row, true).done;
  EXPECT_EQ(core.counters().refused_writes, 0u);
  expect_near("sequential write without erase", config.array_gbytes_per_s() * 1.0 / 75,
              gbytes_per_s(255 * row, end - begin), "GB/s", 0.05);
  expect_near("sequential write of whole blocks", 400 * 4096.0 * 256 / (2e6 + 256 * 75e3),
              gbytes_per_s(256 * row, end), "GB/s", 0.05);
}

TEST(HbfCalibration, RetryRateLowersBandwidthByItsShareOfTheBankTime) {
  Config config = preset();
  config.retry_stages = 1;
  config.retry_per_sense = 0.1;
  Core core(config);
  const std::uint64_t bytes = std::uint64_t{1600} << 20;
  core.mark_programmed(0, bytes);
  const TimePs end = core.access(0, 0, bytes, false).done;
  // Mean bank time 1000 + 0.1 x 1100 ns; the slowest of 400 banks with 1024 senses each lies about 3.5
  // standard deviations above: 1024 x 1110 + 3.5 x sqrt(1024 x 0.09) x 1100 ns.
  const double slowest = 1024 * 1110.0 + 3.5 * std::sqrt(1024 * 0.09) * 1100;
  expect_near("one read of 1600 MiB, 10 % of senses retried", static_cast<double>(bytes) / slowest,
              gbytes_per_s(bytes, end), "GB/s", 0.03);
}

}  // namespace
}  // namespace memwall::hbf
