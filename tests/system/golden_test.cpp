// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Exactly these tokens. Regenerate after a deliberate change with
//   MEMWALL_UPDATE_GOLDEN=1 build/tests/system/golden_test
// and say in the commit why they changed.
#include <gtest/gtest.h>

#include "system/cli.h"

namespace memwall::test {
namespace {

const char* const kGolden = MEMWALL_SOURCE_DIR "/tests/system/golden/first_light.json";

TEST(Golden, FirstLightTellsExactlyThisStory) {
  const RunResult r = run("first_light");
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(r.result["reference_match"], true);
  if (std::getenv("MEMWALL_UPDATE_GOLDEN") != nullptr) {
    nlohmann::ordered_json golden;
    for (const char* key : {"scenario", "seed", "prompt_tokens", "tokens", "text"})
      golden[key] = r.result[key];
    std::ofstream(kGolden) << golden.dump(1) << "\n";
    GTEST_SKIP() << "wrote " << kGolden;
  }
  const auto golden = nlohmann::json::parse(slurp(kGolden));
  EXPECT_EQ(r.result["tokens"], golden["tokens"]);
  EXPECT_EQ(r.result["text"], golden["text"]);
  // What was streamed is what is in the file.
  EXPECT_EQ(r.out.rfind(golden["text"].get<std::string>(), 0), 0u) << r.out.substr(0, 200);
}

TEST(Golden, FirstLightUsesEveryPartOfTheMachine) {
  const RunResult r = run("first_light", {"workload.max_new_tokens=4"});
  ASSERT_EQ(r.code, 0) << r.err;
  for (const std::string chip : {"chip0", "chip1"}) {
    EXPECT_GT(counter(r.result, chip + ".hart", ".instructions"), 10000) << chip;
    EXPECT_GT(counter(r.result, chip + ".hbf0", ".senses"), 100) << chip;
    EXPECT_GT(counter(r.result, chip + ".hbm", ".pnm.read_bytes"), 1000) << chip;
    EXPECT_GT(counter(r.result, chip + ".hbm", ".data.write_bytes"), 1000) << chip;
    EXPECT_GT(counter(r.result, chip + ".pnm", ".busy_cycles"), 1000) << chip;
    EXPECT_GT(counter(r.result, chip + ".accel", ".macs"), 1e5) << chip;
    EXPECT_GT(counter(r.result, chip + ".link0", ".tx_bytes"), 1000) << chip;
  }
  // Weights come from HBF: every token reads its half of them on each chip.
  const double weights = counter(r.result, ".hbf0", ".read_bytes");
  EXPECT_GT(weights, 4 * 1.5e6);
}

}  // namespace
}  // namespace memwall::test
