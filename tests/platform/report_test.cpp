// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
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
