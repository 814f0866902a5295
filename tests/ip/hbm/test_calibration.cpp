// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Measured latencies and bandwidths against closed formulas, printed as expected / measured / deviation.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "common/rng.h"
#include "hbm/core.h"
#include "hbm/queued_channel.h"

namespace memwall::hbm {
namespace {

class HbmCalibration : public testing::Test {
 protected:
  /// Fails if the deviation is above `tolerance_percent`.
  void row(const char* what, const char* formula, double expected, double measured, const char* unit,
           double tolerance_percent) {
    const double deviation = 100.0 * (measured - expected) / expected;
    std::printf("%-34s %-34s %10.3f %10.3f %-5s %+7.2f %%\n", what, formula, expected, measured, unit,
                deviation);
    EXPECT_LE(std::abs(deviation), tolerance_percent) << what;
  }
  double ns(Cycle cycles) const { return static_cast<double>(cycles) * static_cast<double>(t.tCK_ps) * 1e-3; }
  /// GB/s of one pseudo-channel that moves a burst every `cycles`.
  double rate(double cycles) const {
    return 1e3 * p.organisation.access_bytes / (cycles * static_cast<double>(t.tCK_ps));
  }
  double without_refresh() const {
    return 1.0 - static_cast<double>(t.nRFCab) / static_cast<double>(t.nREFI);
  }
  Location at(std::uint32_t group, std::uint32_t bank, std::uint32_t row_index,
              std::uint32_t column = 0) const {
    Location l;
    l.group = group;
    l.stack_id = group / p.organisation.bank_groups;
    l.bank = group * p.organisation.banks + bank;
    l.row = row_index;
    l.column = column;
    return l;
  }

  Preset p = load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml");
  Timing t = p.timing;
};

TEST_F(HbmCalibration, UnloadedLatenciesEqualTheFormula) {
  for (const bool write : {false, true}) {
    Core core(p);
    const Cycle latency = (write ? t.nWL : t.nRL) + t.nBL;
    const Cycle rcd = write ? t.nRCDWR : t.nRCDRD;
    const auto measure = [&](TimePs start, std::uint32_t row_index, std::uint32_t column) {
      return static_cast<double>(
                 core.access(start, p.map.encode(at(0, 0, row_index, column)), 32, write).done - start) *
             1e-3;
    };
    row(write ? "write, closed row" : "read, closed row", write ? "tRCDWR+tWL+tBL" : "tRCDRD+tRL+tBL",
        ns(rcd + latency), measure(0, 0, 0), "ns", 0);
    row(write ? "write, row hit" : "read, row hit", write ? "tWL+tBL" : "tRL+tBL", ns(latency),
        measure(500 * kPsPerNs, 0, 1), "ns", 0);
    row(write ? "write, row conflict" : "read, row conflict",
        write ? "tRP+tRCDWR+tWL+tBL" : "tRP+tRCDRD+tRL+tBL", ns(t.nRP + rcd + latency),
        measure(1000 * kPsPerNs, 1, 0), "ns", 0);
  }
}

TEST_F(HbmCalibration, SequentialStreamReachesTheRefreshLimit) {
  for (const bool write : {false, true}) {
    Core core(p);
    const std::uint64_t bytes = 64 << 20;
    const auto done = core.access(0, 0, bytes, write).done;
    row(write ? "stack, one 64 MiB write" : "stack, one 64 MiB read", "peak (1 - tRFC/tREFI)",
        p.peak_gbytes_per_s() * without_refresh(),
        1e3 * static_cast<double>(bytes) / static_cast<double>(done), "GB/s", 3);
  }
}

TEST_F(HbmCalibration, QueuedSequentialStreamReachesTheRefreshLimit) {
  QueuedChannel channel(p, 0);
  std::vector<Served> served;
  Cycle now = 0;
  Cycle last = 0;
  std::uint64_t n = 0;
  while (now < 40 * t.nREFI) {
    now = channel.full(false) ? channel.run_until_space(false, served) : now;
    channel.run_until(now, served);
    const auto i = static_cast<std::uint32_t>(n);
    channel.push({n++, now, at(i % 4, i / 128 % 4, i / 512, i / 4 % 32), false}, served);
    for (const Served& s : served) last = std::max(last, s.done);
    served.clear();
  }
  channel.drain(served);
  for (const Served& s : served) last = std::max(last, s.done);
  row("queued reads, sequential", "32 B/tBL (1 - tRFC/tREFI)",
      rate(static_cast<double>(t.nBL)) * without_refresh(),
      rate(static_cast<double>(last) / static_cast<double>(n)), "GB/s", 3);
  const double due = std::floor(static_cast<double>(last) / static_cast<double>(t.nREFI));
  row("refreshes in that time", "floor(time/tREFI)", due, static_cast<double>(channel.counts().refreshes), "",
      0);
}

TEST_F(HbmCalibration, OneBankGroupIsLimitedByTccdL) {
  Core core(p);
  TimePs done = 0;
  constexpr std::uint32_t kBursts = 40000;
  for (std::uint32_t i = 0; i < kBursts; ++i) {
    done = core.access(0, p.map.encode(at(0, i / 32 % 4, i / 128, i % 32)), 32, false).done;
  }
  row("reads within one bank group", "32 B/tCCD_L (1 - tRFC/tREFI)",
      rate(static_cast<double>(t.nCCDL)) * without_refresh(), 1e3 * 32 * kBursts / static_cast<double>(done),
      "GB/s", 3);
}

TEST_F(HbmCalibration, RandomAccessesAreLimitedByTfaw) {
  QueuedChannel channel(p, 0);
  std::vector<Served> served;
  Rng rng(2, "faw");
  Cycle now = 0;
  Cycle last = 0;
  std::uint64_t n = 0;
  while (now < 60 * t.nREFI) {
    now = channel.full(false) ? channel.run_until_space(false, served) : now;
    channel.run_until(now, served);
    channel.push({n++, now,
                  at(static_cast<std::uint32_t>(rng.below(8)), static_cast<std::uint32_t>(rng.below(4)),
                     static_cast<std::uint32_t>(rng.below(p.organisation.rows)),
                     static_cast<std::uint32_t>(rng.below(32))),
                  false},
                 served);
    for (const Served& s : served) last = std::max(last, s.done);
    served.clear();
  }
  row("queued reads, random rows", "4 x 32 B/tFAW (1 - tRFC/tREFI)",
      rate(static_cast<double>(t.nFAW) / 4) * without_refresh(),
      rate(static_cast<double>(last) / static_cast<double>(n)), "GB/s", 5);
}

TEST_F(HbmCalibration, AlternatingReadsAndWritesPayBothTurnarounds) {
  Core core(p);
  TimePs done = 0;
  constexpr std::uint32_t kPairs = 20000;
  // Two open rows in different bank groups: nothing but the turnarounds and refresh.
  for (std::uint32_t i = 0; i < kPairs; ++i) {
    core.access(0, p.map.encode(at(0, 0, 0, i % 32)), 32, false);
    done = core.access(0, p.map.encode(at(1, 0, 0, i % 32)), 32, true).done;
  }
  const double pair = static_cast<double>(t.nRTW + t.nWL + t.nBL + t.nWTRS);
  row("read/write alternating", "64 B/(tRTW+tWL+tBL+tWTR_S) (1-...)", 2 * rate(pair) * without_refresh(),
      1e3 * 64 * kPairs / static_cast<double>(done), "GB/s", 3);
}

TEST_F(HbmCalibration, ActivatesAndBurstsCostTheEnergyOfThePreset) {
  Core core(p);
  const std::uint64_t bytes = 1 << 20;
  const auto done = core.access(0, 0, bytes, false).done;
  const EnergySums e = core.counters(done).energy;
  const double rows = static_cast<double>(bytes) / 1024;
  const double bits = 8.0 * static_cast<double>(bytes);
  row("array and pins, streaming read", "890 pJ/256 bit",
      (p.energy.read_array_pj + p.energy.read_phy_pj) / 256, (e.array_pj + e.phy_pj) / bits, "pJ/b", 1e-6);
  row("activates, 1 MiB read", "900 pJ per 1 KiB row", rows * p.energy.activate_pj * 1e-3,
      e.activate_pj * 1e-3, "nJ", 1e-6);
}

}  // namespace
}  // namespace memwall::hbm
