// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// A row is closed as soon as no entry goes to it.
#include "hbm/policy.h"

namespace memwall::hbm {
namespace {

class ClosedPage final : public PagePolicy {
 public:
  Cycle close_from(Cycle) const override { return kLongAgo; }
};

}  // namespace

void register_page_closed(Policies& policies) {
  policies.page["closed"] = [](const ControllerConfig&) { return std::make_unique<ClosedPage>(); };
}

}  // namespace memwall::hbm
