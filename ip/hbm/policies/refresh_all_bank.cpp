// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// All banks of a pseudo-channel together, every tREFI, exactly when due.
#include "hbm/policy.h"

namespace memwall::hbm {
namespace {

class AllBankRefresh final : public RefreshPolicy {
 public:
  bool starts(std::uint32_t, bool) const override { return true; }
};

}  // namespace

void register_refresh_all_bank(Policies& policies) {
  policies.refresh["all_bank"] = [](const ControllerConfig&) { return std::make_unique<AllBankRefresh>(); };
}

}  // namespace memwall::hbm
