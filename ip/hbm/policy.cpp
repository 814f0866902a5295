// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/policy.h"

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

}  // namespace memwall::hbm
