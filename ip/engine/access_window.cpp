// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "engine/access_window.h"

namespace memwall::engine {

void AccessWindow::add(bool is_write, std::uint64_t address, void* data, std::uint32_t bytes) {
  const std::size_t index = accesses_.size();
  accesses_.push_back({{is_write, address, data, bytes, 0}, 0, Status::kOk, false});
  if (index < outstanding_) {
    submit(index, start_);
  } else if (const Entry& before = accesses_[index - outstanding_]; before.answered) {
    submit(index, before.done);
  }
}

void AccessWindow::submit(std::size_t index, TimePs at) {
  if (at >= failed_at_) return;
  accesses_[index].request.at = at;
  ++submitted_;
  ++pending_;
  port_.submit(accesses_[index].request, *this, index);
}

void AccessWindow::access_done(std::uint64_t index, const AccessResult& result) {
  Entry& entry = accesses_[index];
  entry.done = result.done;
  entry.answered = true;
  --pending_;
  last_ = std::max(last_, result.done);
  if (!result.outcome.ok()) {
    entry.status = result.outcome.status;
    entry.request.address = result.outcome.fault_address;
    failed_at_ = std::min(failed_at_, result.done);
    pending_ -= port_.cancel(*this, failed_at_);
  }
  if (index + outstanding_ < accesses_.size()) submit(index + outstanding_, result.done);
  if (finished()) port_.progress();
}

AccessResult AccessWindow::result() const {
  const auto failure = std::find_if(accesses_.begin(), accesses_.end(),
                                    [](const Entry& entry) { return entry.status != Status::kOk; });
  if (failure == accesses_.end()) return {{}, last_};
  return {{failure->status, failure->request.address}, last_};
}

}  // namespace memwall::engine
