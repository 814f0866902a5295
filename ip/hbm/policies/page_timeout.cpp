// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// A row to which no entry goes is closed `page_timeout` cycles after it was last used.
#include "hbm/policy.h"

namespace memwall::hbm {
namespace {

class TimeoutPage final : public PagePolicy {
 public:
  explicit TimeoutPage(Cycle timeout) : timeout_(timeout) {}
  Cycle close_from(Cycle last_use) const override { return last_use + timeout_; }
  Cycle horizon() const override { return timeout_; }

 private:
  Cycle timeout_;
};

}  // namespace

void register_page_timeout(Policies& policies) {
  policies.page["timeout"] = [](const ControllerConfig& config) {
    return std::make_unique<TimeoutPage>(config.page_timeout);
  };
}

}  // namespace memwall::hbm
