// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Random traffic for every preset and policy through the auditor; and the auditor itself: it finds every rule
// that a scheduler takes one cycle too short, and every command that the state of a bank does not allow.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "ip/hbm/auditor.h"
#include "ip/hbm/engine_run.h"
#include "ip/hbm/traffic.h"

namespace memwall::hbm {
namespace {

using testing_support::audit;
using testing_support::AuditResult;
using testing_support::EngineRun;
using testing_support::Log;

class HbmStress : public testing::TestWithParam<std::string> {};

TEST_P(HbmStress, RandomTrafficToTheWholeStackObeysEveryRule) {
  const auto& loads = testing_support::loads();
  const Preset preset = load_preset(GetParam());
  std::size_t index = 0;
  AuditResult sum;
  for (const auto& variant : testing_support::variants()) {
    Preset p = preset;
    variant.apply(p);
    const auto& load = loads[index++ % loads.size()];
    if (!testing_support::has_rules_for_maintenance(p)) continue;
    SCOPED_TRACE(std::string(variant.name) + ", " + load.name);
    const std::size_t count = load.bursts > 100 ? 12 : load.bursts > 1 ? 300 : 3000;
    const auto requests = testing_support::random_requests(p, load, index, count);
    const EngineRun run = testing_support::run_engine(p, requests, 0, Log::kYes);
    EXPECT_EQ(run.done.size(), requests.size());
    const AuditResult result = audit(p, run.log, static_cast<Cycle>(run.reached / p.tCK_ps));
    for (const std::string& violation : result.violations) ADD_FAILURE() << violation;
    sum.commands += result.commands;
    sum.pairs += result.pairs;
  }
  std::printf("%s: %llu commands, %llu pairs\n", preset.name.c_str(),
              static_cast<unsigned long long>(sum.commands), static_cast<unsigned long long>(sum.pairs));
}

/// The traffic of test_timing.cpp in one configuration, and the rules that decided there.
struct Probe {
  Preset preset;
  std::vector<Request> requests;
  std::set<std::string> tight;
};

std::vector<Probe> probes_of(const Preset& preset, std::uint64_t seed) {
  std::vector<Probe> probes;
  for (const auto& variant : testing_support::probing_variants()) {
    Probe probe;
    probe.preset = preset;
    variant.apply(probe.preset);
    if (!testing_support::has_rules_for_maintenance(probe.preset)) continue;
    probe.requests = testing_support::probing_requests(probe.preset, seed, 600);
    const EngineRun run = testing_support::run_engine(probe.preset, probe.requests, 0, Log::kYes);
    const AuditResult result = audit(probe.preset, run.log);
    EXPECT_TRUE(result.clean()) << variant.name;
    probe.tight = result.tight;
    probes.push_back(std::move(probe));
  }
  return probes;
}

/// Does the auditor find that the engine had a rule of the probe's preset one cycle shorter?
bool finds_shortened(const Probe& probe, const std::string& id) {
  Preset shorter = probe.preset;
  auto& rules = shorter.constraints;
  const auto rule = std::find_if(rules.begin(), rules.end(), [&](const auto& r) { return r.id == id; });
  if (--rule->latency == 0) rules.erase(rule);
  const EngineRun run = testing_support::run_engine(shorter, probe.requests, 0, Log::kYes);
  return audit(probe.preset, run.log).broken.count(id) != 0;
}

TEST_P(HbmStress, AuditorFindsASchedulerThatTakesAnyRuleOneCycleTooShort) {
  const Preset preset = testing_support::with_channels(load_preset(GetParam()), 1);
  const auto never = testing_support::rules_that_never_decide(preset);
  const auto implied = testing_support::rules_that_others_imply(preset);
  std::set<std::string> undetected;
  for (const Constraint& rule : preset.constraints) {
    if (never.count(rule.id) == 0) undetected.insert(rule.id);
  }
  // Other traffic for the rules that the first one does not show.
  for (std::uint64_t seed = 1; seed <= 8 && undetected.size() > implied.size(); ++seed) {
    const std::vector<Probe> probes = probes_of(preset, seed);
    const std::set<std::string> left = undetected;
    for (const std::string& id : left) {
      if (seed > 1 && implied.count(id) != 0) continue;
      const bool found = std::any_of(probes.begin(), probes.end(), [&](const Probe& probe) {
        return probe.tight.count(id) != 0 && finds_shortened(probe, id);
      });
      if (found) undetected.erase(id);
    }
  }
  for (const auto& [id, why] : implied) {
    std::printf("  %-14s cannot be seen: %s\n", id.c_str(), why.c_str());
    EXPECT_EQ(undetected.count(id), 1u) << id << " is not implied by other rules";
    undetected.erase(id);
  }
  EXPECT_EQ(undetected, std::set<std::string>{});
  std::printf("%s: %zu rules, %zu found when one cycle too short\n", preset.name.c_str(),
              preset.constraints.size(), preset.constraints.size() - never.size() - implied.size());
}

INSTANTIATE_TEST_SUITE_P(Presets, HbmStress, testing::ValuesIn(testing_support::preset_paths()),
                         [](const auto& path) { return testing_support::preset_test_name(path.param); });

}  // namespace
}  // namespace memwall::hbm
