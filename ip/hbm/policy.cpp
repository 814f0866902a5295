// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/policy.h"

#include <fmt/format.h>

#include "common/error.h"

namespace memwall::hbm {

void register_policies(Policies& policies);  // generated

const Policies& policies() {
  static const Policies all = [] {
    Policies p;
    register_policies(p);
    return p;
  }();
  return all;
}

namespace {

[[noreturn]] void refuse(const Preset& preset, const char* what, const std::string& name,
                         const std::vector<std::string>& accepted) {
  throw ModelError(
      "contract", preset.name,
      fmt::format("controller.{} = \"{}\"; accepted: {}", what, name, fmt::join(accepted, ", ")));
}

template <class Policy>
std::unique_ptr<Policy> make(const PolicyMap<Policy>& map, const char* what, const std::string& name,
                             const Preset& preset) {
  const auto found = map.find(name);
  if (found != map.end()) return found->second(preset.controller);
  std::vector<std::string> accepted;
  for (const auto& [known, maker] : map) accepted.push_back(known);
  refuse(preset, what, name, accepted);
}

template <class Policy>
std::vector<std::string> names(const PolicyMap<Policy>& map) {
  std::vector<std::string> all;
  for (const auto& [name, make] : map) all.push_back(name);
  return all;
}

}  // namespace

std::vector<std::string> scheduler_names() { return names(policies().scheduler); }
std::vector<std::string> page_names() { return names(policies().page); }
std::vector<std::string> write_drain_names() { return names(policies().write_drain); }
std::vector<std::string> refresh_names() { return names(policies().refresh); }

std::unique_ptr<SchedulerPolicy> make_scheduler(const Preset& preset) {
  return make(policies().scheduler, "scheduler", preset.controller.scheduler, preset);
}
std::unique_ptr<PagePolicy> make_page_policy(const Preset& preset) {
  return make(policies().page, "page", preset.controller.page, preset);
}
std::unique_ptr<DrainPolicy> make_drain_policy(const Preset& preset) {
  return make(policies().write_drain, "write_drain", preset.controller.write_drain, preset);
}
std::unique_ptr<RefreshPolicy> make_refresh_policy(const Preset& preset) {
  return make(policies().refresh, "refresh", preset.controller.refresh, preset);
}

bool serves_oldest_source(const Preset& preset) {
  const std::string& name = preset.controller.arbitration;
  if (name != "oldest" && name != "round_robin")
    refuse(preset, "arbitration", name, {"round_robin", "oldest"});
  return name == "oldest";
}

}  // namespace memwall::hbm
