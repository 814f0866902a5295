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

  void choose(const QueueView& view, Pick& column, Pick& row) const override {
    const Queue& q = view.queue;
    const std::uint64_t blocked = view.blocked_banks();
    std::uint64_t capped = 0;
    for (std::uint64_t left = q.hit_banks & ~blocked; left != 0; left &= left - 1) {
      const std::size_t b = lowest(left);
      if (view.pc.banks[b].served >= cap_ && q.pending[b] > q.hit_count[b]) capped |= bit(b);
    }
    std::uint64_t hits = q.hits;
    const std::uint64_t without = blocked | capped;
    if ((q.hit_banks & without) != 0) {
      for (std::uint64_t left = hits; left != 0; left &= left - 1) {
        if ((without & bit(q.bank[lowest(left)])) != 0) hits &= ~bit(lowest(left));
      }
    }
    column = view.first_column(hits);
    row = view.first_row(((q.pending_banks & ~q.hit_banks) | capped) & ~blocked,
                         view.all_positions() & ~q.hits);
  }

 private:
  std::uint32_t cap_;
};

}  // namespace

void register_fr_fcfs_cap(Policies& policies) {
  policies.scheduler["fr_fcfs_cap"] = [](const ControllerConfig& config) {
    return std::make_unique<FrFcfsCap>(config.row_hit_cap);
  };
}

}  // namespace memwall::hbm
