// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// FR-FCFS that ends a run of row hits: after `row_hit_cap` column commands to an open row, entries of the
// same bank that want another row get it.
#include "hbm/policy.h"

namespace memwall::hbm {
namespace {

class FrFcfsCap final : public SchedulerPolicy {
 public:
  explicit FrFcfsCap(std::uint32_t cap) : cap_(cap) {}

  Pick column(const QueueView& view) const override {
    return view.first_column(view.without(view.queue.hits, view.blocked_banks() | capped_banks(view)));
  }
  Pick row(const QueueView& view) const override {
    const Queue& q = view.queue;
    return view.first_row(((q.pending_banks & ~q.hit_banks) | capped_banks(view)) & ~view.blocked_banks(),
                          view.all_positions() & ~q.hits);
  }

  std::uint32_t served_horizon() const override { return cap_; }

 private:
  std::uint64_t capped_banks(const QueueView& view) const {
    const Queue& q = view.queue;
    std::uint64_t capped = 0;
    for (std::uint64_t left = q.hit_banks & ~view.blocked_banks(); left != 0; left &= left - 1) {
      const std::size_t b = lowest(left);
      if (view.pc.banks[b].served >= cap_ && q.pending[b] > q.hit_count[b]) capped |= bit(b);
    }
    return capped;
  }
  std::uint32_t cap_;
};

}  // namespace

void register_fr_fcfs_cap(Policies& policies) {
  policies.scheduler["fr_fcfs_cap"] = [](const ControllerConfig& config) {
    return std::make_unique<FrFcfsCap>(config.row_hit_cap);
  };
}

}  // namespace memwall::hbm
