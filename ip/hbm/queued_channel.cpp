// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/queued_channel.h"

#include <algorithm>
#include <cstring>

namespace memwall::hbm {
QueuedChannel::QueuedChannel(const Preset& preset, std::uint32_t channel)
    : t_(preset.timing), config_(preset.controller), gates_(preset, channel) {}

bool QueuedChannel::full(bool is_write) const {
  return is_write ? writes_.size >= config_.write_queue : reads_.size >= config_.read_queue;
}

void QueuedChannel::push(const Request& request, std::vector<Served>& served) {
  if (idle()) {
    chosen_ = false;
    gates_.refresh_idle(request.arrival);
  }
  now_ = std::max(now_, request.arrival);
  if (std::min(column_.at, row_.at) < now_) chosen_ = false;
  if (!request.is_write) {
    for (std::size_t i = 0; i < writes_.size; ++i) {
      if (writes_.row[i] != request.at.row || writes_.bank[i] != request.at.bank) continue;
      if (writes_.at(i).request.at.column != request.at.column) continue;
      ++forwarded_;
      served.push_back({request.id, request.arrival + 1, false});
      return;
    }
  }
  Queue& queue = request.is_write ? writes_ : reads_;
  queue.push(request, gates_.row_open(request.at));
  if (request.is_write == draining_) amend_choice(queue);
}

void QueuedChannel::Queue::push(const Request& request, bool hit) {
  const auto free = static_cast<std::uint8_t>(__builtin_ctzll(free_slots));
  free_slots &= free_slots - 1;
  entries[free] = {request};
  row[size] = request.at.row;
  bank[size] = static_cast<std::uint8_t>(request.at.bank);
  slot[size] = free;
  if (hit) hits |= std::uint64_t{1} << size;
  ++size;
}

void QueuedChannel::Queue::row_opened(const Location& opened) {
  for (std::size_t i = 0; i < size; ++i) {
    const bool hit = row[i] == opened.row && bank[i] == opened.bank;
    hits |= static_cast<std::uint64_t>(hit) << i;
  }
}

void QueuedChannel::Queue::row_closed(std::uint32_t closed_bank) {
  for (std::size_t i = 0; i < size; ++i) {
    if (bank[i] == closed_bank) hits &= ~(std::uint64_t{1} << i);
  }
}

void QueuedChannel::Queue::erase(std::size_t position) {
  free_slots |= std::uint64_t{1} << slot[position];
  const std::size_t behind = size - position - 1;
  std::memmove(&row[position], &row[position] + 1, behind * sizeof row[0]);
  std::memmove(&bank[position], &bank[position] + 1, behind * sizeof bank[0]);
  std::memmove(&slot[position], &slot[position] + 1, behind * sizeof slot[0]);
  --size;
  const std::uint64_t before = (std::uint64_t{1} << position) - 1;
  hits = (hits & before) | (hits >> 1 & ~before);
}

Cycle QueuedChannel::row_gate(const Request& request) const {
  // Row commands go forward in time, one per cycle, so that the bus is free from the next cycle on.
  const Cycle from = std::max({now_, last_row_command_ + 1, request.arrival});
  return gates_.open_row(request.at.bank) >= 0 ? gates_.precharge_gate(request.at.bank, from)
                                               : gates_.activate_gate(request.at, from);
}

void QueuedChannel::choose(const Queue& queue) {
  row_ = {};
  chosen_ = true;
  const auto bit = [](std::size_t n) { return std::uint64_t{1} << n; };
  const std::uint32_t oldest_bank = queue.bank[0];
  against_hits_ = starved(queue);
  // Row commands: the oldest request of each bank, unless an open row of the bank still has hits.
  std::uint64_t considered = 0;  // bit per bank; the preset loader refuses more than 64
  for (std::uint64_t left = queue.hits; left != 0; left &= left - 1) {
    considered |= bit(queue.bank[static_cast<std::size_t>(__builtin_ctzll(left))]);
  }
  if (against_hits_) considered &= ~bit(oldest_bank);
  const std::uint64_t all = queue.size == kMaxEntries ? ~std::uint64_t{0} : bit(queue.size) - 1;
  for (std::uint64_t left = ~queue.hits & all; left != 0; left &= left - 1) {
    const auto i = static_cast<std::size_t>(__builtin_ctzll(left));
    const std::uint32_t bank = queue.bank[i];
    if ((considered & bit(bank)) != 0) continue;
    considered |= bit(bank);
    const Cycle at = row_gate(queue.at(i).request);
    if (at < row_.at) row_ = {at, i};
  }
  choose_column(queue);
}

void QueuedChannel::choose_column(const Queue& queue) {
  column_ = {};
  for (std::uint64_t left = queue.hits; left != 0; left &= left - 1) {
    const auto i = static_cast<std::size_t>(__builtin_ctzll(left));
    const Request& request = queue.at(i).request;
    if (against_hits_ && request.at.bank == queue.bank[0]) continue;
    const Cycle at = gates_.column_ready(request.at, request.is_write, std::max(now_, request.arrival));
    if (at < column_.at) column_ = {at, i};
  }
}

void QueuedChannel::amend_choice(const Queue& queue) {
  if (!chosen_) return;
  chosen_ = false;
  if (queue.size == 1 || starved(queue)) return;
  const std::size_t newest = queue.size - 1;
  const Request& request = queue.at(newest).request;
  if ((queue.hits >> newest & 1) != 0) {
    // Its bank may no longer be closed.
    if (row_.at != std::numeric_limits<Cycle>::max() && queue.bank[row_.position] == queue.bank[newest])
      return;
    const Cycle at = gates_.column_ready(request.at, request.is_write, std::max(now_, request.arrival));
    if (at < column_.at) column_ = {at, newest};
  } else {
    for (std::size_t i = 0; i < newest; ++i) {
      if (queue.bank[i] != queue.bank[newest]) continue;
      chosen_ = true;  // an older request decides for that bank
      return;
    }
    const Cycle at = row_gate(request);
    if (at < row_.at) row_ = {at, newest};
  }
  chosen_ = true;
}

void QueuedChannel::amend_choice_after_column(const Queue& queue, std::size_t position, std::uint32_t bank) {
  chosen_ = false;
  if (queue.empty() || against_hits_ || starved(queue)) return;
  // A column command moves no gate of a row command but those of its own bank, which may now be closed.
  if (row_.at != std::numeric_limits<Cycle>::max() && row_.position > position) --row_.position;
  std::size_t oldest = queue.size;
  for (std::size_t i = queue.size; i-- > 0;) {
    if (queue.bank[i] == bank) oldest = (queue.hits >> i & 1) != 0 ? kMaxEntries : std::min(oldest, i);
    if (oldest == kMaxEntries) break;
  }
  if (oldest < queue.size) {
    const Cycle at = row_gate(queue.at(oldest).request);
    if (at < row_.at || (at == row_.at && oldest < row_.position)) row_ = {at, oldest};
  }
  choose_column(queue);
  chosen_ = true;
}

void QueuedChannel::issue_row(Entry& entry, Cycle at) {
  last_row_command_ = at;
  if (gates_.any_row_open(entry.request.at)) {
    gates_.precharge(entry.request.at, at);
    reads_.row_closed(entry.request.at.bank);
    writes_.row_closed(entry.request.at.bank);
    entry.closed_row = true;
  } else {
    gates_.activate(entry.request.at, at);
    reads_.row_opened(entry.request.at);
    writes_.row_opened(entry.request.at);
    entry.opened_row = true;
  }
}

void QueuedChannel::issue_column(Queue& queue, std::size_t position, Cycle at, std::vector<Served>& served) {
  const Entry& entry = queue.at(position);
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
  queue.erase(position);
}

bool QueuedChannel::step(Cycle limit, std::vector<Served>& served) {
  if (idle()) return false;
  const bool was_draining = draining_;
  if (draining_) {
    if (writes_.empty() || (writes_.size <= config_.drain_low && !reads_.empty())) draining_ = false;
  } else if (reads_.empty() || writes_.size >= config_.drain_high) {
    draining_ = true;
  }
  Queue& queue = draining_ ? writes_ : reads_;
  if (!chosen_ || draining_ != was_draining) choose(queue);
  const Cycle at = std::min(column_.at, row_.at);
  if (at >= gates_.refresh_due()) {
    if (gates_.refresh_due() >= limit) return false;
    chosen_ = false;
    gates_.refresh();
    reads_.hits = 0;
    writes_.hits = 0;
    return true;
  }
  if (at >= limit) return false;
  now_ = at;
  chosen_ = false;
  if (column_.at <= row_.at) {
    const std::size_t position = column_.position;
    const std::uint32_t bank = queue.bank[position];
    issue_column(queue, position, at, served);
    amend_choice_after_column(queue, position, bank);
  } else {
    issue_row(queue.at(row_.position), at);
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
