// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// One bank after the other, each once in tREFI, exactly when due; the other banks go on.
#include "hbm/policy.h"

namespace memwall::hbm {
namespace {

class PerBankRefresh final : public RefreshPolicy {
 public:
  bool per_bank() const override { return true; }
  bool starts(std::uint32_t, bool) const override { return true; }
};

}  // namespace

void register_refresh_per_bank(Policies& policies) {
  policies.refresh["per_bank"] = [](const ControllerConfig&) { return std::make_unique<PerBankRefresh>(); };
}

}  // namespace memwall::hbm
