// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Trace tool: what it computes for a small trace, and what it refuses, by name and place.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/error.h"
#include "hbm/trace_tool.h"

namespace memwall::hbm {
namespace {

const char* const kPresetPath = MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml";

class HbmTrace : public testing::Test {
 protected:
  std::string write(const std::string& text) {
    const std::string path = testing::TempDir() + "hbm_trace_" +
                             testing::UnitTest::GetInstance()->current_test_info()->name() + ".txt";
    std::ofstream(path) << text;
    return path;
  }
  std::string refusal(const std::string& text, std::optional<std::uint64_t> interval = {}) {
    try {
      run_trace({kPresetPath, write(text), interval});
    } catch (const ConfigError& error) {
      const std::string what = error.what();
      return what.substr(what.find(".txt") + 4);
    }
    return "accepted";
  }
};

TEST_F(HbmTrace, SmallTraceHasTheLatenciesOfTheFormulas) {
  const TraceResult r = run_trace({kPresetPath, MEMWALL_SOURCE_DIR "/tests/ip/hbm/data/small.trace", {}});
  // A closed row at 0, a hit, a conflict, and a write to a closed row, all far apart: see the file.
  EXPECT_EQ(r.reads, 3u);
  EXPECT_EQ(r.writes, 1u);
  EXPECT_EQ(r.read_latency.max, 26u + 31 + 20 + 2);
  EXPECT_EQ(r.read_latency.p50, 31u + 20 + 2);
  EXPECT_EQ(r.write_latency.max, 15u + 10 + 2);
  EXPECT_DOUBLE_EQ(r.read_latency.mean, (53.0 + 22 + 79) / 3);
  EXPECT_EQ(r.row_hits, 1u);
  EXPECT_EQ(r.row_misses, 2u);
  EXPECT_EQ(r.row_conflicts, 1u);
  EXPECT_EQ(r.cycles, 900u + 27);
  EXPECT_EQ(r.commands.refreshes, 0u);
  std::ostringstream text;
  print(r, text);
  EXPECT_NE(text.str().find("row hit rate            25.0 %"), std::string::npos) << text.str();
  const auto json = nlohmann::json::parse(to_json(r));
  EXPECT_EQ(json["reads"], 3);
  EXPECT_DOUBLE_EQ(json["latency"]["read"]["max_ns"], 79 * 0.625);
}

TEST_F(HbmTrace, IntervalPacesTheRequests) {
  const std::string path = write("R 0\nR 20\nR 40\nR 60\n");
  const TraceResult fast = run_trace({kPresetPath, path, {}});
  const TraceResult paced = run_trace({kPresetPath, path, 1000});
  EXPECT_EQ(paced.cycles, 3000u + 53);
  EXPECT_LT(fast.cycles, 100u);
  EXPECT_EQ(paced.read_latency.max, 53u);
}

TEST_F(HbmTrace, BadLinesAreRefusedWithFileAndLine) {
  EXPECT_EQ(refusal("R 0\nX 0\n").rfind(":2: 'X' is neither R nor W", 0), 0u);
  EXPECT_EQ(refusal("R\n").rfind(":1: expected", 0), 0u);
  EXPECT_EQ(refusal("# c\n\n1 R 0 0\n").rfind(":3: expected", 0), 0u);
  EXPECT_EQ(refusal("R 0x\n").rfind(":1: address has no digits", 0), 0u);
  EXPECT_EQ(refusal("R 0xfg\n").rfind(":1: address 'fg'", 0), 0u);
  EXPECT_EQ(refusal("R 11\n").rfind(":1: address 0x11 is not a multiple", 0), 0u);
  EXPECT_EQ(refusal("R 400000000\n").rfind(":1: address 0x400000000 is outside", 0), 0u);
  EXPECT_EQ(refusal("R ffffffffffffffffffff\n").rfind(":1: address 'ffffffffffffffffffff' is too large", 0),
            0u);
  EXPECT_EQ(refusal("5 R 0\n4 R 0\n").rfind(":2: arrival cycle 4 is before", 0), 0u);
  EXPECT_EQ(refusal("5 R 0\nR 0\n").rfind(":2: either all", 0), 0u);
  EXPECT_EQ(refusal("-5 R 0\n").rfind(":1: arrival cycle '-5'", 0), 0u);
  EXPECT_EQ(refusal("99999999999999999 R 0\n").rfind(":1: arrival cycle", 0), 0u);
  EXPECT_EQ(refusal("5 R 0\n", 3).rfind(":1: the trace has its own", 0), 0u);
  EXPECT_EQ(refusal("# nothing\n"), ": holds no request");
  EXPECT_THROW(run_trace({kPresetPath, "/nonexistent/trace", {}}), ConfigError);
}

}  // namespace
}  // namespace memwall::hbm
