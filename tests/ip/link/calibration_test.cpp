// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Measured against closed formulas; the table goes into ip/link/README.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "pair.h"

namespace memwall::link {
namespace {
using namespace testing_support;

void expect_near(const std::string& what, double expected, double measured, const std::string& unit,
                 double tolerance) {
  const double deviation = (measured - expected) / expected;
  fmt::print("calibration: {:<56} expected {:>12.3f} measured {:>12.3f} {:<5} deviation {:+.3f} %\n", what,
             expected, measured, unit, deviation * 100);
  EXPECT_LE(std::abs(deviation), tolerance) << what;
}

double in_ns(TimePs t) { return static_cast<double>(t) / kPsPerNs; }

TEST(LinkCalibration, MessageTakesItsFlitsPlusTheLatency) {
  for (const std::uint32_t length : {32u, 2048u, 65536u, 1048576u}) {
    const Config config = test_config();
    const double flits = std::ceil(length / 240.0);
    expect_near(fmt::format("message of {} B: latency + {} flits", length, flits), 10 + flits,
                in_ns(message_time(config, length)), "ns", 1e-9);
  }
}

TEST(LinkCalibration, OtherRatesAndFlitSizesFollowTheSameFormula) {
  Config config = test_config();
  config.flit_bytes = 80;
  config.gbytes_per_s = 100;
  config.latency = ns(150);
  config.receive_buffer_flits = 1024;
  config.replay_window_flits = 1024;
  const double flits = std::ceil(65536 / 64.0);
  expect_near("64 KiB over 100 GB/s, 150 ns, payload 64 of 80 B", 150 + flits * 0.8,
              in_ns(message_time(config, 65536)), "ns", 1e-6);
}

TEST(LinkCalibration, CreditsBoundTheBandwidthByBufferOverRoundTrip) {
  Config config = test_config();
  config.latency = ns(200);
  config.receive_buffer_flits = 64;
  config.ack_every_flits = 1;
  // 64 flits per round trip of 2 x (200 + 1) ns.
  const double expected = 64 * 240 / 402.0;
  expect_near("64 credits over a round trip of 402 ns", expected,
              1048576 / in_ns(message_time(config, 1 << 20)), "GB/s", 0.02);
}

TEST(LinkCalibration, BothDirectionsTogetherCostOnlyTheAcknowledgementsTheyCarry) {
  Pair pair(test_config());
  pair.bring_up();
  pair.a.memory = pair.b.memory = pattern(1 << 20, 1);
  const TimePs begin = pair.now;
  for (unsigned i = 0; i < 8; ++i) {
    pair.a.endpoint.post({0, 0, 1 << 20, 0}, begin);
    pair.b.endpoint.post({0, 0, 1 << 20, 0}, begin);
  }
  pair.run(begin + 100 * kPsPerUs);
  ASSERT_EQ(pair.b.signals[0], 8u);
  ASSERT_EQ(pair.a.signals[0], 8u);
  const double bytes = 8.0 * (1 << 20);
  expect_near("8 MiB each way at once, per direction", 240,
              bytes / in_ns(pair.b.signal_log.back().first - begin), "GB/s", 0.01);
  expect_near("... the other direction", 240, bytes / in_ns(pair.a.signal_log.back().first - begin), "GB/s",
              0.01);
}

TEST(LinkCalibration, EveryErrorCostsOneRoundTripOfReplay) {
  Config config = test_config();
  Pair pair(config);
  pair.bring_up();
  pair.a.memory = pattern(1 << 20, 1);
  const TimePs begin = pair.now;
  pair.a.endpoint.post({0, 0, 1 << 20, 0}, begin);
  for (unsigned i = 0; i < 20; ++i) {
    pair.run(begin + ns(100 + 150 * i));
    pair.a.faults.corrupt_next(1);
  }
  pair.run(begin + ns(100000));
  ASSERT_EQ(pair.b.signals[0], 1u);
  EXPECT_EQ(pair.a.endpoint.counters().replays, 20u);
  // A bad flit is sent at t, seen at t + 11; the NAK is back at t + 22 and finds the line free then: 22 flits
  // lost.
  expect_near("1 MiB with 20 bit errors", 10 + 4370 + 20 * 22, in_ns(pair.b.signal_log[0].first - begin),
              "ns", 0.005);
}

}  // namespace
}  // namespace memwall::link
