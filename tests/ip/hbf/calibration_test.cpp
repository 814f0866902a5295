// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Measured against closed formulas on the shipped presets, through the controller; the table goes into
// ip/hbf/README.md. Runs last milliseconds: hbf_tlc is still cold, far from the heat that caps it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "controller_bench.h"

namespace memwall::hbf {
namespace {
using testing_support::ControllerBench;

double in_ns(TimePs t) { return static_cast<double>(t) / kPsPerNs; }
double gbytes_per_s(std::uint64_t bytes, TimePs time) {
  return static_cast<double>(bytes) / static_cast<double>(time) * 1000.0;
}

/// One row of the table.
void row(const std::string& preset, const std::string& what, double expected, double measured,
         const std::string& unit) {
  fmt::print("calibration: {:<19} {:<48} expected {:>11.3f} measured {:>11.3f} {:<5} deviation {:+.2f} %\n",
             preset, what, expected, measured, unit, (measured - expected) / expected * 100);
}

class HbfCalibration : public ::testing::TestWithParam<std::string> {
 protected:
  Config preset() const {
    Config config = load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/" + GetParam() + ".toml");
    config.functional = false;
    config.reliability.rate_scale = 0;  // errors have their own tests
    return config;
  }
  /// The same with data of `pages` pages from the start of the window.
  static void fill(ControllerBench& bench, std::uint64_t pages) {
    bench.controller.debug_write(0, nullptr, pages * kPageBytes);
  }
  /// AR flit, link, base die, sense, decode, R flits, link.
  static double cold_ns(const Config& c, unsigned beats) {
    const unsigned flits = (beats * c.link.r_granules + 47) / 48;
    return in_ns(c.link.flit_time() * (1 + flits) + 2 * c.link.latency + c.timing.tBASE + c.timing.tR +
                 c.timing.tECC);
  }
  static double limit(const Config& c) {
    return std::min(c.array_gbytes_per_s(), c.all_links_gbytes_per_s());
  }
  /// Pages to keep on their way: 2 x bandwidth x latency.
  static unsigned depth(const Config& c) {
    return static_cast<unsigned>(std::ceil(2 * limit(c) * cold_ns(c, kChunksPerPage) / kPageBytes));
  }
};

TEST_P(HbfCalibration, ColdReadIsSenseDecodeAndTwoLinkCrossings) {
  const Config config = preset();
  for (const unsigned beats : {64u, 1u}) {
    ControllerBench bench(config);
    fill(bench, 1);
    const double expected = cold_ns(config, beats), measured = in_ns(bench.read(0, beats * kChunkBytes).time);
    row(GetParam(), fmt::format("cold read of {} B", beats * kChunkBytes), expected, measured, "ns");
    EXPECT_DOUBLE_EQ(measured, expected);
  }
}

TEST_P(HbfCalibration, ReadsOfOneBankRunAtOnePagePerSenseTime) {
  const Config config = preset();
  ControllerBench bench(config);
  const std::uint64_t stride = config.planes();
  fill(bench, 200 * stride);
  std::uint64_t i = 0;
  const TimePs time = bench.load(64, [&](ControllerBench::Access& access) {
    access.address = i * stride * kPageBytes;
    return i++ < 200;
  });
  EXPECT_EQ(bench.controller.cube().channel(0).media().counters().senses, 200u);
  const double latency = cold_ns(config, kChunksPerPage) - in_ns(config.timing.tR);
  row(GetParam(), "one bank, 64 outstanding, time per page", in_ns(config.timing.tR),
      (in_ns(time) - latency) / 200, "ns");
  EXPECT_NEAR((in_ns(time) - latency) / 200, in_ns(config.timing.tR), 0.001 * in_ns(config.timing.tR));
}

TEST_P(HbfCalibration, StreamThroughReadAheadReachesNinetyFivePercent) {
  Config config = preset();
  const std::uint64_t pages = 40 * config.planes();
  config.controller.prefetch_bytes = std::max(config.controller.prefetch_bytes, depth(config) * kPageBytes);
  config.controller.outstanding_per_channel =
      std::max(config.controller.outstanding_per_channel, 2 * depth(config) / config.channels);
  ControllerBench bench(config);
  fill(bench, pages);
  bench.put_table({{0, pages * kPageBytes}});
  bench.controller.start_stream({0, 1}, depth(config), false);
  bench.run_for(bench.memory_latency);
  std::uint64_t i = 0;
  const TimePs time = bench.load(16, [&](ControllerBench::Access& access) {
    access.address = i * kPageBytes;
    return i++ < pages;
  });
  const double measured = gbytes_per_s(pages * kPageBytes, time);
  row(GetParam(), fmt::format("stream, {} pages ahead, 16 readers", depth(config)), limit(config), measured,
      "GB/s");
  EXPECT_GE(measured, 0.95 * limit(config));
  EXPECT_EQ(bench.controller.counters().misses, 0u);
}

TEST_P(HbfCalibration, StreamOfManyReadersReachesNinetyFivePercent) {
  Config config = preset();
  config.controller.outstanding_per_channel =
      std::max(config.controller.outstanding_per_channel, 2 * depth(config) / config.channels);
  const std::uint64_t pages = 40 * config.planes();
  ControllerBench bench(config);
  fill(bench, pages);
  std::uint64_t i = 0;
  const TimePs time = bench.load(depth(config), [&](ControllerBench::Access& access) {
    access.address = i * kPageBytes;
    return i++ < pages;
  });
  const double measured = gbytes_per_s(pages * kPageBytes, time);
  row(GetParam(), fmt::format("stream, {} readers, nothing ahead", depth(config)), limit(config), measured,
      "GB/s");
  EXPECT_GE(measured, 0.95 * limit(config));
}

/// GB/s of random page reads with `per_channel` pages on their way in each channel.
double random_pages(const Config& config, unsigned per_channel) {
  ControllerBench bench(config);
  const std::uint64_t pages = 50 * config.planes(), over = 4000 * config.planes();
  bench.controller.debug_write(0, nullptr, over * kPageBytes);
  Rng rng(3, "random_pages");
  const unsigned outstanding = per_channel * config.channels;
  std::uint64_t i = 0;
  // Neither the begin nor the end, when banks run dry one by one, is measured.
  TimePs from = 0, until = 0;
  bench.load(outstanding, [&](ControllerBench::Access& access) {
    if (i == 2 * outstanding) from = bench.controller.now();
    until = bench.controller.now();
    access.address = rng.below(over) * kPageBytes;
    return i++ < pages;
  });
  return gbytes_per_s((pages - 2 * outstanding) * kPageBytes, until - from);
}

TEST_P(HbfCalibration, RandomPageReadsReachNinetyPercentOfTheArray) {
  const Config shipped = preset();
  Config config = shipped;
  config.controller.outstanding_per_channel =
      std::max(config.controller.outstanding_per_channel, 16 * config.lanes_per_channel());
  const unsigned per_channel = 16 * config.lanes_per_channel();
  const double measured = random_pages(config, per_channel);
  row(GetParam(), fmt::format("random 4 KiB reads, {} per channel", per_channel), limit(config), measured,
      "GB/s");
  EXPECT_GE(measured, 0.9 * limit(config));

  // As many as the preset allows: banks wait for work by chance, no bank and no page is faster than alone.
  const unsigned allowed = shipped.controller.outstanding_per_channel;
  const double few = random_pages(shipped, allowed);
  row(GetParam(), fmt::format("random 4 KiB reads, {} per channel (shipped)", allowed), limit(shipped), few,
      "GB/s");
  const double latency = cold_ns(shipped, kChunksPerPage);
  EXPECT_LE(few, std::min(1.01 * limit(shipped),
                          allowed * shipped.channels * static_cast<double>(kPageBytes) / latency));
  // N requests on M banks chosen at random keep N / (N + M - 1) of them busy with exponential sense times
  // (closed queueing network); equal ones queue less.
  const double n = static_cast<double>(allowed) * shipped.channels, m = static_cast<double>(shipped.planes());
  EXPECT_GE(few, n / (n + m - 1) * limit(shipped));
}

TEST_P(HbfCalibration, RandomChunkReadsShowTheirSixtyFourthEfficiency) {
  Config config = preset();
  config.controller.outstanding_per_channel =
      std::max(config.controller.outstanding_per_channel, 16 * config.lanes_per_channel());
  ControllerBench bench(config);
  const std::uint64_t reads = 50 * config.planes(), over = 4000 * config.planes();
  fill(bench, over);
  Rng rng(3, "random_chunks");
  const auto outstanding = static_cast<unsigned>(16 * config.planes());
  std::uint64_t i = 0;
  TimePs from = 0, until = 0;
  bench.load(outstanding, [&](ControllerBench::Access& access) {
    if (i == 2 * outstanding) from = bench.controller.now();
    until = bench.controller.now();
    access.address = rng.below(over) * kPageBytes + rng.below(kChunksPerPage) * kChunkBytes;
    access.bytes = kChunkBytes;
    return i++ < reads;
  });
  const double expected = config.array_gbytes_per_s() / kChunksPerPage;
  const double measured = gbytes_per_s((reads - 2 * outstanding) * kChunkBytes, until - from);
  row(GetParam(), fmt::format("random 64 B reads, {} outstanding", outstanding), expected, measured, "GB/s");
  EXPECT_GE(measured, 0.9 * expected);
  EXPECT_LE(measured, 1.01 * expected);  // a few of them hit a page buffer
}

TEST_P(HbfCalibration, WriteBandwidthIsReadBandwidthTimesSenseOverProgram) {
  Config config = preset();
  config.controller.programs_per_channel =
      std::max(config.controller.programs_per_channel, 2 * config.lanes_per_channel());
  config.open_dlus = std::max(config.open_dlus, config.controller.programs_per_channel);
  ControllerBench bench(config);
  const std::uint64_t pages = config.planes();
  const auto write = [&](std::uint64_t from, std::uint64_t to) {
    return bench.load(static_cast<unsigned>(4 * pages), [&](ControllerBench::Access& access) {
      access.address = from * kPageBytes;
      access.is_write = true;
      return from++ < to;
    });
  };
  const TimePs first = write(0, pages);  // page 0 of every block of a row: with erase
  const TimePs rest = write(pages, 20 * pages);
  EXPECT_EQ(bench.controller.counters().refused_writes, 0u);
  const double reads = config.array_gbytes_per_s();
  const double expected = reads * in_ns(config.timing.tR) / in_ns(config.timing.tPROG);
  const double measured = gbytes_per_s(19 * pages * kPageBytes, rest);
  row(GetParam(), "sequential write, erases apart", expected, measured, "GB/s");
  EXPECT_NEAR(measured, expected, 0.05 * expected);
  const double cycle = in_ns(config.timing.tBERS) + in_ns(config.timing.tPROG);
  row(GetParam(), "page 0 of every block of a row", cycle, in_ns(first), "ns");
  EXPECT_NEAR(in_ns(first), cycle, 0.05 * cycle);
}

TEST_P(HbfCalibration, FewOutstandingReadsGiveTheirShareOfTheBandwidth) {
  const Config config = preset();
  ControllerBench bench(config);
  const std::uint64_t pages = 10 * config.planes();
  fill(bench, pages);
  std::uint64_t i = 0;
  const TimePs time = bench.load(40, [&](ControllerBench::Access& access) {
    access.address = i * kPageBytes;
    return i++ < pages;
  });
  const double expected = 40 * kPageBytes / cold_ns(config, kChunksPerPage);
  const double measured = gbytes_per_s(pages * kPageBytes, time);
  row(GetParam(), "stream, 40 readers, nothing ahead", expected, measured, "GB/s");
  EXPECT_NEAR(measured, expected, 0.05 * expected);
}

INSTANTIATE_TEST_SUITE_P(Presets, HbfCalibration,
                         ::testing::Values("hbf_slc_1us", "hbf_slc_1us_quarter", "hbf_slc_4us", "hbf_20us",
                                           "hbf_tlc"),
                         [](const auto& preset) { return preset.param; });

}  // namespace
}  // namespace memwall::hbf
