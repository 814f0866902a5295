// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Each rule of each preset from both sides: one cycle before its time a command is held back, at its time it
// goes. Over traffic that makes every rule decide somewhere, no pair of commands is nearer than the latency
// and some pair is exactly there; rules for which no such traffic exists are listed with the reason.
#include <gtest/gtest.h>

#include <cstdio>

#include "ip/hbm/auditor.h"
#include "ip/hbm/engine_run.h"
#include "ip/hbm/traffic.h"

namespace memwall::hbm {
namespace {

using testing_support::AuditResult;
using testing_support::EngineRun;
using testing_support::Log;

class HbmGates : public testing::TestWithParam<std::string> {};

TEST_P(HbmGates, EveryRuleHoldsACommandUntilItsLatencyAndNoLonger) {
  const Preset preset = testing_support::with_channels(load_preset(GetParam()), 1);
  const auto never = testing_support::rules_that_never_decide(preset);
  std::set<std::string> tight;
  std::uint64_t commands = 0;
  // Other traffic for the rules that the first one does not show.
  for (std::uint64_t seed = 1; seed <= 8 && tight.size() + never.size() < preset.constraints.size(); ++seed) {
    for (const auto& variant : testing_support::probing_variants()) {
      Preset p = preset;
      variant.apply(p);
      if (!testing_support::has_rules_for_maintenance(p)) continue;
      SCOPED_TRACE(variant.name);
      const EngineRun run =
          testing_support::run_engine(p, testing_support::probing_requests(p, seed, 1000), 0, Log::kYes);
      const AuditResult result = testing_support::audit(p, run.log);
      for (const std::string& violation : result.violations) ADD_FAILURE() << violation;
      tight.insert(result.tight.begin(), result.tight.end());
      commands += result.commands;
    }
  }
  for (const Constraint& rule : preset.constraints) {
    const auto why = never.find(rule.id);
    if (why == never.end()) {
      EXPECT_EQ(tight.count(rule.id), 1u) << rule.place << ": no command waited for " << rule.id << ", "
                                          << rule.formula << " = " << rule.latency;
    } else {
      std::printf("  %-14s never decides: %s\n", rule.id.c_str(), why->second.c_str());
      EXPECT_EQ(tight.count(rule.id), 0u) << rule.place << ": " << rule.id << " does decide";
    }
  }
  std::printf("%s: %zu rules, %zu met exactly, in %llu commands\n", preset.name.c_str(),
              preset.constraints.size(), tight.size(), static_cast<unsigned long long>(commands));
}

INSTANTIATE_TEST_SUITE_P(Presets, HbmGates, testing::ValuesIn(testing_support::preset_paths()),
                         [](const auto& path) { return testing_support::preset_test_name(path.param); });

TEST(HbmGates, AnyTableOfConstraintsIsObeyed) {
  Rng rng(1, "tables");
  const auto& variants = testing_support::variants();
  for (int round = 0; round < 100; ++round) {
    const Preset small = testing_support::with_channels(testing_support::small_preset(), 1);
    Preset p = testing_support::with_random_latencies(small, rng, true);
    const auto& variant = variants[rng.below(variants.size())];
    variant.apply(p);
    SCOPED_TRACE("round " + std::to_string(round) + ", " + variant.name);
    const auto requests = testing_support::probing_requests(p, static_cast<std::uint64_t>(round), 500);
    const EngineRun run = testing_support::run_engine(p, requests, 0, Log::kYes);
    for (const auto& violation : testing_support::audit(p, run.log).violations) ADD_FAILURE() << violation;
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace memwall::hbm
