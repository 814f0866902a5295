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
    for (const Stat& s :
         {count(cube + "read_bytes", 1000), count(cube + "write_bytes", second ? 4000 : 2000),
          count(cube + "prefetch_hits", 3), count(cube + "prefetch_misses", 1),
          level(cube + "pec_max", second ? 7 : 9), level(cube + "pec_average", second ? 2 : 4),
          level(cube + "write_amplification", second ? 2 : 0.5), level(cube + "endurance_cycles", 1000),
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
