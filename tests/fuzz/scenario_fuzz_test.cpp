// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Hostile scenarios: whatever the text, only ConfigError may come out.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/rng.h"
#include "config/scenario.h"

namespace memwall {
namespace {

std::string slurp(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(ScenarioFuzz, MutatedScenariosAreAcceptedOrRefusedButNeverCrash) {
  const std::string dir = std::string(MEMWALL_SOURCE_DIR) + "/scenarios/";
  std::vector<std::string> seeds;
  for (const char* name : {"first_light", "all_hbm", "two_chips"}) {
    seeds.push_back(slurp(dir + name + ".toml"));
    ASSERT_FALSE(seeds.back().empty());
  }
  const std::vector<std::string> words = {"[",          "]",       "[[",
                                          "=",          "\"",      "'''",
                                          "-1",         "1e999",   "nan",
                                          "inf",        "0x",      "true",
                                          "1979-05-27", "{a=1}",   "[1,2]",
                                          "\n",         "#",       ".",
                                          "hbm",        "chips",   "99999999999999999999",
                                          "\xff",       "\\u0000", "9223372036854775807"};
  Rng rng(1, "scenario.fuzz");
  int accepted = 0, refused = 0;
  for (int i = 0; i < 6000; ++i) {
    std::string text = seeds[rng.below(seeds.size())];
    const std::uint64_t edits = 1 + rng.below(4);
    for (std::uint64_t e = 0; e < edits; ++e) {
      const std::size_t at = rng.below(text.size() + 1);
      switch (rng.below(4)) {
        case 0:
          text.insert(at, words[rng.below(words.size())]);
          break;
        case 1:
          text.erase(at, rng.below(12));
          break;
        case 2:
          if (at < text.size()) text[at] = static_cast<char>(rng.below(256));
          break;
        default:
          text.resize(at);
          break;
      }
      if (text.empty()) text = "x";
    }
    try {
      config::parse_scenario(text, "fuzz.toml");
      ++accepted;
    } catch (const ConfigError& error) {
      ++refused;
      ASSERT_NE(std::string(error.what()), "");
    }
  }
  // Both outcomes must occur, or the mutations test nothing.
  EXPECT_GT(accepted, 50);
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace memwall
