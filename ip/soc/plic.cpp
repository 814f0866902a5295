// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "soc/plic.h"

namespace memwall::soc {

static_assert(PlicCore::kPriorityCount == PlicCore::kSources, "plic.regs.toml and chip_map.toml disagree");

void PlicCore::set_level(std::uint32_t source, bool level) {
  if (source == 0 || source >= kSources) return;
  level_[source] = level;
  forward();
}

void PlicCore::advance(TimePs now) {
  if (reopening_.any() && now >= reopen_at_) {
    in_flight_ &= ~reopening_;
    reopening_.reset();
  }
  forward();
}

void PlicCore::forward() {
  const auto fresh = level_ & ~in_flight_;
  waiting_ |= fresh;
  in_flight_ |= fresh;
  publish();
}

void PlicCore::publish() {
  for (std::uint32_t word = 0; word < kPendingCount; ++word) {
    std::uint32_t bits = 0;
    for (std::uint32_t bit = 0; bit < 32; ++bit) bits |= std::uint32_t{waiting_[32 * word + bit]} << bit;
    set_pending(word, bits);
  }
}

std::uint32_t PlicCore::best(std::uint32_t above) const {
  std::uint32_t source = 0;
  std::uint32_t highest = above;
  for (std::uint32_t s = 1; s < kSources; ++s) {  // ascending: the lowest number wins a tie
    if (!waiting_[s] || !enabled(s) || priority_level(s) <= highest) continue;
    source = s;
    highest = priority_level(s);
  }
  return source;
}

bool PlicCore::meip() const { return best(threshold_level()) != 0; }

void PlicCore::on_read_claim() {
  const std::uint32_t source = best(0);  // a claim ignores the threshold
  waiting_[source] = false;
  claimed_[source] = source != 0;
  publish();
  set_claim_source(source);
}

void PlicCore::on_write_claim(std::uint32_t written) {
  // Completion of a source that is not enabled here, or that was never claimed, is ignored.
  if (written == 0 || written >= kSources || !enabled(written) || !claimed_[written]) return;
  claimed_[written] = false;
  reopening_[written] = true;
  reopen_at_ = access_time_;
}

}  // namespace memwall::soc
