// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// First come, first served: the oldest entry of the active queue gets whatever it needs next, nobody else
// anything.
#include "hbm/policy.h"

namespace memwall::hbm {
namespace {

class Fcfs final : public SchedulerPolicy {
 public:
  void choose(const QueueView& view, Pick& column, Pick& row) const override {
    column = {};
    row = {};
    const std::uint64_t bank = bit(view.queue.bank[0]);
    if ((bank & view.blocked_banks()) != 0) return;
    if ((view.queue.hits & 1) != 0) {
      column = view.first_column(1);
    } else {
      row = view.first_row(bank, 1);
    }
  }
};

}  // namespace

void register_fcfs(Policies& policies) {
  policies.scheduler["fcfs"] = [](const ControllerConfig&) { return std::make_unique<Fcfs>(); };
}

}  // namespace memwall::hbm
