// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// First ready, first come, first served: row hits first, then the oldest. A row with hits in the active queue
// stays open.
#include "hbm/policy.h"

namespace memwall::hbm {
namespace {

class FrFcfs final : public SchedulerPolicy {
 public:
  void choose(const QueueView& view, Pick& column, Pick& row) const override {
    const Queue& q = view.queue;
    const std::uint64_t blocked = view.blocked_banks();
    std::uint64_t hits = q.hits;
    if ((q.hit_banks & blocked) != 0) {
      for (std::uint64_t left = hits; left != 0; left &= left - 1) {
        if ((blocked & bit(q.bank[lowest(left)])) != 0) hits &= ~bit(lowest(left));
      }
    }
    column = view.first_column(hits);
    row = view.first_row(q.pending_banks & ~q.hit_banks & ~blocked, view.all_positions() & ~q.hits);
  }
};

}  // namespace

void register_fr_fcfs(Policies& policies) {
  policies.scheduler["fr_fcfs"] = [](const ControllerConfig&) { return std::make_unique<FrFcfs>(); };
}

}  // namespace memwall::hbm
