// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "report/hbf_summary.h"
#include "report/result.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace memwall::report {
namespace {

Stat count(const std::string& name, std::uint64_t value, const std::string& unit = "bytes") {
  return {name, value, unit, "", "test", StatKind::kCounter};
}

TEST(Report, DifferenceSubtractsCountersAndKeepsLevels) {
  const Stat level_before{"l", 5.0, "1", "", "test", StatKind::kLevel};
  Stat level_after = level_before;
  level_after.value = 7.0;
  const auto d = difference({count("a", 3), level_before}, {count("a", 10), level_after, count("new", 4)});
  ASSERT_EQ(d.size(), 3u);
  EXPECT_EQ(std::get<std::uint64_t>(d[0].value), 7u);
  EXPECT_EQ(std::get<double>(d[1].value), 7.0);
  EXPECT_EQ(std::get<std::uint64_t>(d[2].value), 4u);
}

TEST(Report, SumTakesNamesByPartAndSuffix) {
  const std::vector<Stat> stats = {count("chip0.hbm0.reads", 1), count("chip1.hbm0.reads", 2),
                                   count("chip1.hbf0.reads", 4), count("chip1.hbm0.reads_x", 8)};
  EXPECT_EQ(sum(stats, ".hbm", ".reads"), 3.0);
  EXPECT_EQ(sum(stats, "", ".reads"), 7.0);
}

TEST(Report, JsonKeepsTokensTextAndUnits) {
  RunResult r;
  r.scenario = "s";
  r.tokens = {1, 2, 3};
  r.text = std::string("ok\xff");  // not UTF-8
  r.time_to_first_token = 1500;
  r.reference_checked = r.reference_match = true;
  r.counters = {count("chip0.hbm0.reads", 9, "requests")};
  const auto j = nlohmann::json::parse(to_json(r));
  EXPECT_EQ(j["tokens"].size(), 3u);
  EXPECT_EQ(j["text"], "ok\xef\xbf\xbd");
  EXPECT_EQ(j["time_to_first_token_ns"], 1.5);
  EXPECT_EQ(j["reference_match"], true);
  EXPECT_EQ(j["counters"][0]["unit"], "requests");
}

TEST(Report, CubesAreSummedAndTheirLifetimeFollowsFromTheRateOfWriting) {
  const auto level = [](const std::string& name, double value) {
    Stat s = count(name, 0);
    s.kind = StatKind::kLevel;
    s.value = value;
    return s;
  };
  std::vector<Stat> stats;
  for (const std::string cube : {"chip0.hbf0.", "chip1.hbf0."}) {
    const bool second = cube[4] == '1';
    for (const Stat& s : {count(cube + "read_bytes", 1000), count(cube + "write_bytes", second ? 4000 : 2000),
                          count(cube + "prefetch_hits", 3), count(cube + "prefetch_misses", 1),
                          level(cube + "pec_max", second ? 7 : 9),
                          level(cube + "pec_average", second ? 2 : 4), count(cube + "erases", second ? 4 : 1),
                          level(cube + "block_bytes", 2000), level(cube + "write_amplification", 77),
                          level(cube + "endurance_cycles", 1000), level(cube + "peak_write_gbytes_per_s", 8),
                          level(cube + "capacity_bytes", 1e6), level(cube + "peak_read_gbytes_per_s", 100)})
      stats.push_back(s);
    stats.push_back(level(cube + "hidden_latency_ns", 800));
    stats.push_back(level(cube + "exposed_latency_ns", 400));
  }
  stats.push_back(count("chip0.noc.hart.hbf0.bytes_read", 5));  // no cube's
  const HbfSummary h = hbf_summary(stats, 1000 * 1000);         // 1000 ns
  EXPECT_EQ(h.cubes, 2u);
  EXPECT_DOUBLE_EQ(h.read_gbytes_per_s, 2.0);
  EXPECT_DOUBLE_EQ(h.write_gbytes_per_s, 6.0);
  EXPECT_DOUBLE_EQ(h.peak_gbytes_per_s, 200);
  EXPECT_DOUBLE_EQ(h.peak_write_gbytes_per_s, 16);
  EXPECT_DOUBLE_EQ(h.write_amplification, 2);
  EXPECT_DOUBLE_EQ(h.hidden_per_page_ns, 1600.0 / 8);
  EXPECT_DOUBLE_EQ(h.exposed_per_page_ns, 800.0 / 8);
  EXPECT_EQ(h.pec_max, 9);
  EXPECT_EQ(h.pec_average, 3);
  // The second cube: 4000 B in 1 us, twice that erased: 8e9 B/s of 1000 x 1e6 B.
  ASSERT_TRUE(h.lifetime_years.has_value());
  EXPECT_NEAR(*h.lifetime_years * 365.25 * 86400, 1000 * 1e6 / 8e9, 1e-12);
  EXPECT_EQ(lifetime_text(h).find("no writes"), std::string::npos);

  for (Stat& s : stats) {
    if (s.name.find("write_bytes") != std::string::npos) s.value = std::uint64_t{0};
  }
  EXPECT_EQ(lifetime_text(hbf_summary(stats, 1000 * 1000)), "no writes");
  EXPECT_EQ(hbf_summary({}, 1000).cubes, 0u);
}

/// Counters of a cube with blocks of 2000 B, 1000 cycles, 1 MB, that has written and erased so much.
std::vector<Stat> cube_after(std::uint64_t written, std::uint64_t erases) {
  const auto level = [](const std::string& name, double value) {
    return Stat{"chip0.hbf0." + name, value, "1", "", "test", StatKind::kLevel};
  };
  Stat peak = level("peak_read_gbytes_per_s", 100), write = level("peak_write_gbytes_per_s", 8);
  peak.unit = write.unit = "gbytes_per_s";
  return {count("chip0.hbf0.write_bytes", written),
          count("chip0.hbf0.read_bytes", 2 * written),
          count("chip0.hbf0.programs", written / 1000),
          count("chip0.hbf0.erases", erases),
          level("block_bytes", 2000),
          level("endurance_cycles", 1000),
          level("capacity_bytes", 1e6),
          level("write_amplification",
                written > 0 ? 2000.0 * static_cast<double>(erases) / static_cast<double>(written) : 0),
          peak,
          write};
}

TEST(Report, TheLifetimeOfAPhaseFollowsFromTheBlocksThatThisPhaseErased) {
  // 4000 B in ten blocks, then 40000 B in forty: amplification 5 and 2; 2.27 since the start.
  const auto start = cube_after(0, 0), middle = cube_after(4000, 10), end = cube_after(44000, 50);
  constexpr double kYear = 365.25 * 86400;
  const HbfSummary first = hbf_summary(difference(start, middle), 1000 * 1000);
  const HbfSummary second = hbf_summary(difference(middle, end), 2000 * 1000);
  EXPECT_DOUBLE_EQ(first.write_amplification, 5);
  EXPECT_DOUBLE_EQ(second.write_amplification, 2);
  // endurance x capacity / (bytes erased per second): 20000 B in 1 us, 80000 B in 2 us.
  EXPECT_NEAR(first.lifetime_years.value() * kYear, 1000 * 1e6 / (20000 / 1e-6), 1e-12);
  EXPECT_NEAR(second.lifetime_years.value() * kYear, 1000 * 1e6 / (80000 / 2e-6), 1e-12);
  // Into blocks that an earlier phase erased: what is written wears.
  const HbfSummary none = hbf_summary(difference(middle, cube_after(44000, 10)), 1000 * 1000);
  EXPECT_NEAR(none.lifetime_years.value() * kYear, 1000 * 1e6 / (40000 / 1e-6), 1e-12);
}

TEST(Report, AShortLifetimeIsSaidInDaysOrHours) {
  HbfSummary h;
  EXPECT_EQ(lifetime_text(h), "no writes");
  h.lifetime_years = 2.5;
  EXPECT_EQ(lifetime_text(h), "2.5 years");
  h.lifetime_years = 0.5;
  EXPECT_EQ(lifetime_text(h), "183 days");  // 182.6
  h.lifetime_years = 1.25 / (24 * 365.25);
  EXPECT_EQ(lifetime_text(h), "1.25 hours");
}

TEST(Report, TheTableHoldsReadsOfCubesAgainstTheReadPeakAndNoLifetimeOfWhatHappensOnce) {
  RunResult r;
  // 8000 B read, 4000 B written, in 1 us.
  r.phases.push_back({"load", 0, 1000 * 1000, 0, cube_after(4000, 2)});
  std::string table = to_table(r, {});
  EXPECT_NE(table.find("hbf read bandwidth           8 of 100 GB/s (8 %)"), std::string::npos) << table;
  EXPECT_NE(table.find("hbf write bandwidth          4 of 8 GB/s (50 %)"), std::string::npos) << table;
  EXPECT_EQ(table.find("lifetime"), std::string::npos) << table;
  EXPECT_NE(table.find("host reference               not compared: no tokens"), std::string::npos) << table;
  auto j = nlohmann::json::parse(to_json(r))["phases"][0];
  EXPECT_EQ(j["bandwidth"]["hbf"]["achieved_gbytes_per_s"], 8.0);
  EXPECT_EQ(j["bandwidth"]["hbf"]["peak_gbytes_per_s"], 100.0);
  EXPECT_TRUE(j["hbf"]["lifetime_years"].is_null());
  r.phases[0].name = "decode";
  table = to_table(r, {});
  EXPECT_NE(table.find("lifetime"), std::string::npos) << table;
  j = nlohmann::json::parse(to_json(r))["phases"][0];
  EXPECT_GT(j["hbf"]["lifetime_years"].get<double>(), 0);
}

TEST(Report, TheTableSaysWhenEverythingCameFromBuffers) {
  const std::string words = "no sense: everything is in page buffers or read-ahead SRAM";
  RunResult r;
  r.phases.push_back({"decode", 0, 1000 * 1000, 1, cube_after(0, 0)});
  EXPECT_EQ(to_table(r, {}).find(words), std::string::npos) << "nothing was read";
  r.phases[0].counters.push_back(count("chip0.hbf0.page_reads", 7));
  EXPECT_NE(to_table(r, {}).find(words), std::string::npos) << to_table(r, {});
  r.phases[0].counters.push_back(count("chip0.hbf0.senses", 3));
  r.phases[0].counters.push_back(count("chip0.hbf0.ecc_retried", 2));
  r.phases[0].counters.push_back(count("chip0.hbf0.blocks_rewritten", 5));
  const std::string table = to_table(r, {});
  EXPECT_EQ(table.find(words), std::string::npos) << table;
  EXPECT_NE(table.find("hbf retries                  2 pages"), std::string::npos) << table;
  EXPECT_NE(table.find("hbf blocks rewritten         5 (refresh or replay)"), std::string::npos) << table;
}

TEST(Report, NothingFromTheHostsClockIsInResultJson) {
  RunResult r;
  r.tokens = {1};
  HostResult fast, slow;
  fast.wall_seconds = 1;
  slow.wall_seconds = 99;
  EXPECT_EQ(to_json(r).find("wall"), std::string::npos);
  EXPECT_NE(to_json(r, fast), to_json(r, slow));
}

}  // namespace
}  // namespace memwall::report
