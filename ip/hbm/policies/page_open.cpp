// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// A row stays open until another row, a refresh or power-down needs the bank closed.
#include "hbm/policy.h"

namespace memwall::hbm {
namespace {

class OpenPage final : public PagePolicy {
 public:
  Cycle close_from(Cycle) const override { return kNever; }
};

}  // namespace

void register_page_open(Policies& policies) {
  policies.page["open"] = [](const ControllerConfig&) { return std::make_unique<OpenPage>(); };
}

}  // namespace memwall::hbm
