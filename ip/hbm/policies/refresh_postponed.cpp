// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// All banks together, postponed while requests wait, up to `refresh_max_postponed` intervals.
#include "hbm/policy.h"

namespace memwall::hbm {
namespace {

class PostponedRefresh final : public RefreshPolicy {
 public:
  explicit PostponedRefresh(std::uint32_t postponable) : postponable_(postponable) {}
  bool starts(std::uint32_t owed, bool idle) const override { return idle || owed > postponable_; }

 private:
  std::uint32_t postponable_;
};

}  // namespace

void register_refresh_postponed(Policies& policies) {
  policies.refresh["postponed"] = [](const ControllerConfig& config) {
    return std::make_unique<PostponedRefresh>(config.refresh_max_postponed);
  };
}

}  // namespace memwall::hbm
