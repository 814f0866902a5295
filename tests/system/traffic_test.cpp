// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// data = "none": the same firmware and the same timing without tensor contents.
#include <gtest/gtest.h>

#include <cmath>

#include "system/cli.h"

namespace memwall::test {
namespace {

/// {time to first token, time per output token} in ns.
std::pair<double, double> times(const std::string& name, const std::string& data) {
  const RunResult r = run(name, {"data=" + data, "workload.max_new_tokens=16"});
  EXPECT_EQ(r.code, 0) << name << " " << data << ": " << r.err;
  EXPECT_EQ(r.result["tokens"].size(), 16u);
  EXPECT_EQ(r.result["reference_match"].is_null(), data == "none");
  return {r.result["time_to_first_token_ns"], r.result["time_per_output_token_ns"]};
}

TEST(Traffic, TimingOnOneChipIsIdenticalWithAndWithoutData) {
  for (const char* name : {"all_hbm", "hbf_weights", "pnm_model"}) {
    EXPECT_EQ(times(name, "none"), times(name, "functional")) << name;
  }
}

// With several chips the firmware merges candidate tokens, whose comparisons depend on the values.
TEST(Traffic, TimingOnTwoChipsDiffersOnlyByTheMergeOfCandidates) {
  const auto none = times("two_chips", "none"), functional = times("two_chips", "functional");
  EXPECT_NEAR(none.first / functional.first, 1.0, 0.005);
  EXPECT_NEAR(none.second / functional.second, 1.0, 0.005);
}

TEST(Traffic, RtlWithoutDataIsRefused) {
  const RunResult r = run("pnm_rtl", {"data=none"});
  EXPECT_EQ(r.code, 2);
  EXPECT_NE(r.err.find("needs data = \"functional\""), std::string::npos) << r.err;
}

}  // namespace
}  // namespace memwall::test
