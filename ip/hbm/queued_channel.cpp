// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/queued_channel.h"

#include <algorithm>
#include <bitset>

namespace memwall::hbm {
namespace {
constexpr std::size_t kMaxBanks = 256;  // the preset loader refuses more
}

QueuedChannel::QueuedChannel(const Preset& preset, std::uint32_t channel)
    : t_(preset.timing), config_(preset.controller), gates_(preset, channel) {
  reads_.reserve(config_.read_queue);
  writes_.reserve(config_.write_queue);
}

bool QueuedChannel::full(bool is_write) const {
  return is_write ? writes_.size() >= config_.write_queue : reads_.size() >= config_.read_queue;
}

void QueuedChannel::push(const Request& request, std::vector<Served>& served) {
  if (idle()) gates_.refresh_idle(request.arrival);
  now_ = std::max(now_, request.arrival);
  if (!request.is_write) {
    const auto same = [&](const Entry& e) {
      return e.request.at.bank == request.at.bank && e.request.at.row == request.at.row &&
             e.request.at.column == request.at.column;
    };
    if (std::any_of(writes_.begin(), writes_.end(), same)) {
      ++forwarded_;
      served.push_back({request.id, request.arrival + 1, false});
      return;
    }
  }
  (request.is_write ? writes_ : reads_).push_back({request});
}

void QueuedChannel::choose(const Queue& queue, Choice& column, Choice& row) const {
  std::bitset<kMaxBanks> hits;
  for (const Entry& entry : queue) {
    if (gates_.row_open(entry.request.at)) hits.set(entry.request.at.bank);
  }
  const Location& oldest = queue.front().request.at;
  const bool starved =
      now_ - queue.front().request.arrival > config_.starvation_nck && !gates_.row_open(oldest);
  std::bitset<kMaxBanks> considered;
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const Request& request = queue[i].request;
    const Cycle from = std::max(now_, request.arrival);
    const std::uint32_t bank = request.at.bank;
    const bool blocked_by_oldest = starved && i != 0 && bank == oldest.bank;
    if (gates_.row_open(request.at)) {
      if (blocked_by_oldest) continue;
      const Cycle at = gates_.column_ready(request.at, request.is_write, from);
      if (at < column.at) column = {at, i};
      continue;
    }
    if (considered[bank]) continue;
    considered.set(bank);
    Cycle at = 0;
    if (gates_.any_row_open(request.at)) {
      if (hits[bank] && !(starved && i == 0)) continue;
      at = gates_.precharge_ready(request.at, from);
    } else {
      at = gates_.activate_ready(request.at, from);
    }
    if (at < row.at) row = {at, i};
  }
}

void QueuedChannel::issue_row(Entry& entry, Cycle at) {
  if (gates_.any_row_open(entry.request.at)) {
    gates_.precharge(entry.request.at, at);
    entry.closed_row = true;
  } else {
    gates_.activate(entry.request.at, at);
    entry.opened_row = true;
  }
}

void QueuedChannel::issue_column(Queue& queue, std::size_t index, Cycle at, std::vector<Served>& served) {
  const Entry& entry = queue[index];
  const bool is_write = entry.request.is_write;
  gates_.column(entry.request.at, is_write, at);
  if (entry.closed_row) {
    ++row_conflicts_;
  } else if (entry.opened_row) {
    ++row_misses_;
  } else {
    ++row_hits_;
  }
  served.push_back({entry.request.id, at + (is_write ? t_.nWL : t_.nRL) + t_.nBL, is_write});
  queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(index));
}

bool QueuedChannel::step(Cycle limit, std::vector<Served>& served) {
  if (idle()) return false;
  if (draining_) {
    if (writes_.empty() || (writes_.size() <= config_.drain_low && !reads_.empty())) draining_ = false;
  } else if (reads_.empty() || writes_.size() >= config_.drain_high) {
    draining_ = true;
  }
  Queue& queue = draining_ ? writes_ : reads_;
  Choice column;
  Choice row;
  choose(queue, column, row);
  const Cycle at = std::min(column.at, row.at);
  if (at >= gates_.refresh_due()) {
    if (gates_.refresh_due() >= limit) return false;
    gates_.refresh();
    return true;
  }
  if (at >= limit) return false;
  now_ = at;
  if (column.at <= row.at) {
    issue_column(queue, column.index, at, served);
  } else {
    issue_row(queue[row.index], at);
  }
  return true;
}

void QueuedChannel::run_until(Cycle limit, std::vector<Served>& served) {
  while (step(limit, served)) {
  }
}

Cycle QueuedChannel::run_until_space(bool is_write, std::vector<Served>& served) {
  while (full(is_write)) step(std::numeric_limits<Cycle>::max(), served);
  return now_ + 1;
}

void QueuedChannel::drain(std::vector<Served>& served) {
  run_until(std::numeric_limits<Cycle>::max(), served);
}

}  // namespace memwall::hbm
