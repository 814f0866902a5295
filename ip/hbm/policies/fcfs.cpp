// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// First come, first served: the oldest entry of the active queue gets whatever it needs next, nobody else
// anything.
#include "hbm/policy.h"

namespace memwall::hbm {
namespace {

class Fcfs final : public SchedulerPolicy {
 public:
  Pick column(const QueueView& view) const override {
    return view.first_column(view.without(view.queue.hits & 1, view.blocked_banks()));
  }
  Pick row(const QueueView& view) const override {
    if ((view.queue.hits & 1) != 0) return {};
    return view.first_row(bit(view.queue.bank[0]) & ~view.blocked_banks(), 1);
  }
};

}  // namespace

void register_fcfs(Policies& policies) {
  policies.scheduler["fcfs"] = [](const ControllerConfig&) { return std::make_unique<Fcfs>(); };
}

}  // namespace memwall::hbm
