// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// First ready, first come, first served: row hits first, then the oldest. A row with hits in the active queue
// stays open.
#include "hbm/policy.h"

namespace memwall::hbm {
namespace {

class FrFcfs final : public SchedulerPolicy {
 public:
  Pick column(const QueueView& view) const override {
    const Queue& q = view.queue;
    const std::uint64_t blocked = view.blocked_banks();
    return view.first_column((q.hit_banks & blocked) == 0 ? q.hits : view.without(q.hits, blocked));
  }
  Pick row(const QueueView& view) const override {
    const Queue& q = view.queue;
    return view.first_row(q.pending_banks & ~q.hit_banks & ~view.blocked_banks(),
                          view.all_positions() & ~q.hits);
  }
  bool banks_are_independent() const override { return true; }
};

}  // namespace

void register_fr_fcfs(Policies& policies) {
  policies.scheduler["fr_fcfs"] = [](const ControllerConfig&) { return std::make_unique<FrFcfs>(); };
}

}  // namespace memwall::hbm
