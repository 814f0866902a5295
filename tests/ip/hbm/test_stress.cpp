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

// The auditor on traces that were clean and then changed in one place.

class HbmAuditor : public testing::Test {
 protected:
  /// A clean trace of the small device under a load that uses what `variant` sets.
  std::vector<CommandRecord> trace(void (*variant)(Preset&)) {
    variant(p);
    const auto requests = testing_support::probing_requests(p, 7, 400);
    std::vector<CommandRecord> log = testing_support::run_engine(p, requests, 0, Log::kYes).log;
    EXPECT_EQ(audit(p, log).violations, std::vector<std::string>{});
    return log;
  }
  static std::size_t position(const std::vector<CommandRecord>& log, Command command, std::size_t from = 0) {
    const auto found = std::find_if(log.begin() + static_cast<std::ptrdiff_t>(from), log.end(),
                                    [&](const CommandRecord& r) { return r.command == command; });
    EXPECT_NE(found, log.end()) << "no " << to_string(command);
    return static_cast<std::size_t>(found - log.begin());
  }
  /// Does the trace without its `index`-th command break `rule`?
  bool misses(std::vector<CommandRecord> log, std::size_t index, const char* rule) {
    log.erase(log.begin() + static_cast<std::ptrdiff_t>(index));
    return audit(p, log).broken.count(rule) != 0;
  }

  Preset p = testing_support::with_channels(testing_support::small_preset(), 1);
};

TEST_F(HbmAuditor, SeesAColumnCommandToAClosedBankOrToTheWrongRow) {
  const auto log = trace([](Preset&) {});
  EXPECT_TRUE(misses(log, position(log, Command::kACT), "state"));
  for (const Command command : {Command::kRD, Command::kWR}) {
    auto wrong = log;
    ++wrong[position(log, command)].where.row;
    EXPECT_EQ(audit(p, wrong).broken, std::set<std::string>{"state"});
  }
}

TEST_F(HbmAuditor, SeesAnActivateOfAnOpenBankAndARefreshWithOpenRows) {
  const auto log = trace([](Preset&) {});
  EXPECT_TRUE(misses(log, position(log, Command::kPRE), "state"));
  EXPECT_TRUE(misses(log, position(log, Command::kPREab), "state"));
  auto twice = log;
  const std::size_t pre = position(log, Command::kPRE);
  CommandRecord again = log[pre];
  again.at = log.back().at + 1000;
  again.where.bank = 0;
  twice.push_back(again);
  twice.push_back(again);
  twice.back().at += 1000;
  EXPECT_EQ(audit(p, twice).broken.count("state"), 1u) << "PRE of a closed bank";
}

TEST_F(HbmAuditor, SeesARefreshThatIsMissingOrEarlyOrOfTheWrongKind) {
  auto log = trace([](Preset&) {});
  const std::size_t refresh = position(log, Command::kREFab);
  EXPECT_TRUE(misses(log, refresh, "refresh"));
  EXPECT_FALSE(audit(p, log, log.back().at + p.refresh_interval() / 2).broken.count("refresh"));
  EXPECT_TRUE(audit(p, log, log.back().at + 3 * p.refresh_interval()).broken.count("refresh"));
  auto early = log;
  early.insert(early.begin() + static_cast<std::ptrdiff_t>(refresh), log[refresh]);
  EXPECT_TRUE(audit(p, early).broken.count("refresh"));
  log[refresh].command = Command::kREFpb;
  EXPECT_TRUE(audit(p, log).broken.count("refresh"));
}

TEST_F(HbmAuditor, SeesABankThatPerBankRefreshLeavesOut) {
  auto log = trace([](Preset& preset) { preset.controller.refresh = "per_bank"; });
  // Bank 0 instead of bank 1, from now on.
  for (CommandRecord& r : log) {
    if (r.command == Command::kREFpb && r.where.bank == 1) r.where.bank = 0;
  }
  EXPECT_TRUE(audit(p, log).broken.count("refresh"));
}

TEST_F(HbmAuditor, LetsPostponedRefreshesWaitAsLongAsThePolicyDoes) {
  p.controller.refresh = "postponed";
  p.controller.refresh_max_postponed = 2;
  const auto requests = testing_support::random_requests(p, testing_support::loads()[1], 7, 4000);
  const auto log = testing_support::run_engine(p, requests, 0, Log::kYes).log;
  EXPECT_TRUE(audit(p, log).clean());
  p.controller.refresh_max_postponed = 1;
  EXPECT_EQ(audit(p, log).broken, std::set<std::string>{"refresh"});
  p.controller.refresh = "all_bank";
  EXPECT_EQ(audit(p, log).broken, std::set<std::string>{"refresh"});
}

TEST_F(HbmAuditor, SeesACommandInPowerDownAndInSelfRefresh) {
  const auto log = trace([](Preset& preset) {
    preset.controller.power_down_after = 10;
    preset.controller.self_refresh_after = 100;
  });
  EXPECT_TRUE(misses(log, position(log, Command::kPDX), "power"));
  EXPECT_TRUE(misses(log, position(log, Command::kSRX), "power"));
  EXPECT_TRUE(misses(log, position(log, Command::kPDE), "power"));
  EXPECT_TRUE(misses(log, position(log, Command::kSRE), "power"));
}

TEST_F(HbmAuditor, SeesTooManyActivatesWithoutRefreshManagement) {
  const auto log = trace([](Preset& preset) { preset.refresh_management = {true, 3, true}; });
  EXPECT_TRUE(misses(log, position(log, Command::kRFMpb), "refresh management"));
}

TEST_F(HbmAuditor, SeesDataThatMeetOnTheBus) {
  p.constraints.clear();
  CommandRecord act{0, Command::kACT, {}};
  CommandRecord read{50, Command::kRD, {}};
  CommandRecord write{50 + p.cycles("tRL") - p.cycles("tWL") + p.burst(), Command::kWR, {}};
  EXPECT_TRUE(audit(p, {act, read, write}).clean());
  --write.at;
  EXPECT_EQ(audit(p, {act, read, write}).broken, std::set<std::string>{"data bus"});
  CommandRecord other = read;
  other.at = read.at + p.burst() - 1;
  EXPECT_EQ(audit(p, {act, read, other}).broken, std::set<std::string>{"data bus"});
  other.where.pseudo_channel = 1;
  act.where.pseudo_channel = 1;
  EXPECT_EQ(audit(p, {{0, Command::kACT, {}}, act, read, other}).broken, std::set<std::string>{});
}

TEST_F(HbmAuditor, SeesATraceThatGoesBackwards) {
  auto log = trace([](Preset&) {});
  std::swap(log[5].at, log[30].at);
  EXPECT_TRUE(audit(p, log).broken.count("order"));
}

TEST_F(HbmAuditor, DistanceOfTwoCommandsIsTheLongestRuleThatApplies) {
  const auto at = [&](Command command, std::uint32_t bank, std::uint32_t pc = 0) {
    CommandRecord r{0, command, {}};
    r.where.pseudo_channel = pc;
    r.where.bank = bank;
    r.where.group = bank / p.organisation.banks;
    r.where.stack_id = r.where.group / p.organisation.bank_groups;
    return r;
  };
  using C = Command;
  const auto distance = testing_support::required_distance;
  EXPECT_EQ(distance(p, at(C::kACT, 0), at(C::kACT, 0)), 27);    // RC
  EXPECT_EQ(distance(p, at(C::kACT, 0), at(C::kACT, 1)), 5);     // RRDL
  EXPECT_EQ(distance(p, at(C::kACT, 0), at(C::kACT, 2)), 3);     // RRDS
  EXPECT_EQ(distance(p, at(C::kACT, 0), at(C::kACT, 7)), 3);     // another stack id
  EXPECT_EQ(distance(p, at(C::kACT, 0), at(C::kACT, 0, 1)), 2);  // the command bus
  EXPECT_EQ(distance(p, at(C::kRD, 0), at(C::kRD, 1)), 4);       // CCDL
  EXPECT_EQ(distance(p, at(C::kRD, 0), at(C::kRD, 2)), 2);       // CCDS
  EXPECT_EQ(distance(p, at(C::kRD, 0), at(C::kRD, 4)), 3);       // CCDR
  EXPECT_EQ(distance(p, at(C::kRD, 0), at(C::kRD, 0, 1)), 1);
  EXPECT_EQ(distance(p, at(C::kRD, 0), at(C::kACT, 0)), 0);
  EXPECT_EQ(distance(p, at(C::kPRE, 5), at(C::kREFab, 0)), 8);
  EXPECT_EQ(distance(p, at(C::kPRE, 5), at(C::kREFab, 0, 1)), 1);
  EXPECT_EQ(distance(p, at(C::kREFpb, 5), at(C::kACT, 5)), 30);
  EXPECT_EQ(distance(p, at(C::kREFpb, 5), at(C::kACT, 4)), 6);
  EXPECT_EQ(distance(p, at(C::kSRX, 0), at(C::kRD, 3, 1)), 70);
}

TEST_F(HbmAuditor, CountsTheWindowOfFourActivates) {
  // One in each group of two, then the fifth: exactly at the window, and one cycle before.
  std::vector<CommandRecord> log;
  const Cycle at[] = {0, 3, 6, 9, 20};
  const std::uint32_t banks[] = {0, 2, 4, 6, 1};
  for (int i = 0; i < 5; ++i) {
    CommandRecord r{at[i], Command::kACT, {}};
    r.where.bank = banks[i];
    r.where.group = banks[i] / 2;
    r.where.stack_id = banks[i] / 4;
    log.push_back(r);
  }
  EXPECT_TRUE(audit(p, log).clean());
  EXPECT_EQ(audit(p, log).tight.count("FAW"), 1u);
  --log[4].at;
  EXPECT_EQ(audit(p, log).broken, std::set<std::string>{"FAW"});
}

}  // namespace
}  // namespace memwall::hbm
