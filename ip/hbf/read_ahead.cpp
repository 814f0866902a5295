// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/read_ahead.h"

#include <algorithm>
#include <cstring>

namespace memwall::hbf {
namespace {

/// Chunks that [offset, offset + bytes) of a page touches.
std::uint64_t chunks_of(std::uint32_t offset, std::uint32_t bytes) {
  const unsigned first = offset / static_cast<unsigned>(kChunkBytes);
  const unsigned last = (offset + bytes - 1) / static_cast<unsigned>(kChunkBytes);
  return (~std::uint64_t{0} >> (63 - (last - first))) << first;
}

}  // namespace

void ReadAhead::start(std::vector<Extent> table, unsigned depth, bool wrap) {
  drop_all();
  table_ = std::move(table);
  table_.erase(std::remove_if(table_.begin(), table_.end(), [](const Extent& e) { return e.pages == 0; }),
               table_.end());
  set(depth, wrap);
  running_ = true;
  restart();
}

void ReadAhead::set(unsigned depth, bool wrap) {
  depth_ = std::min(depth, capacity_);
  if (wrap && !wrap_ && finished_ && !table_.empty()) {
    entry_ = 0;
    finished_ = false;
  }
  wrap_ = wrap;
}

void ReadAhead::stop() {
  running_ = false;
  drop_all();
}

void ReadAhead::restart() {
  ++pass_;
  entry_ = 0;
  in_entry_ = 0;
  finished_ = table_.empty();
}

void ReadAhead::advance_walker() {
  if (++in_entry_ < table_[entry_].pages) return;
  in_entry_ = 0;
  if (++entry_ < table_.size()) return;
  if (wrap_) {
    entry_ = 0;
  } else {
    finished_ = true;
  }
}

std::optional<ReadAhead::Wanted> ReadAhead::next(TimePs now) {
  if (!running_ || depth_ == 0) return std::nullopt;
  // What is held already is taken over; one round over everything held is enough.
  for (std::size_t skipped = 0; !finished_ && skipped <= pages_.size(); ++skipped) {
    const std::uint64_t page = table_[entry_].page + in_entry_;
    const auto found = by_page_.find(page);
    if (found == by_page_.end()) {
      if (pages_.size() >= depth_ && !make_room()) return std::nullopt;
      advance_walker();
      Held held;
      held.page = page;
      held.token = next_token_++;
      held.order = next_order_++;
      held.pass = pass_;
      held.requested = now;
      if (functional_) {
        if (buffers_.empty()) {
          held.data = std::make_unique<std::uint8_t[]>(kPageBytes);
        } else {
          held.data = std::move(buffers_.back());
          buffers_.pop_back();
        }
      }
      pages_.push_back(std::move(held));
      const auto it = std::prev(pages_.end());
      by_page_[page] = it;
      by_token_[it->token] = it;
      ++counters_.requested;
      return Wanted{it->token, page, it->data.get()};
    }
    const auto it = found->second;
    if (it->pass == pass_ && !it->touched) return std::nullopt;
    it->pass = pass_;
    it->order = next_order_++;
    it->delivered = 0;
    it->touched = false;
    pages_.splice(pages_.end(), pages_, it);
    advance_walker();
  }
  return std::nullopt;
}

/// Drops a page from before the last restart, the one that the walker comes to last; or what has been passed.
bool ReadAhead::make_room() {
  auto victim = pages_.end();
  for (auto it = pages_.begin(); it != pages_.end() && it->pass != pass_; ++it) {
    if (it->here && it->waiters.empty()) victim = it;
  }
  if (victim != pages_.end()) {
    drop(victim);
    return true;
  }
  sweep();
  return pages_.size() < depth_;
}

void ReadAhead::sweep() {
  if (newest_touched_ < swept_ + kPassed / 4) return;  // not at every page
  swept_ = newest_touched_;
  for (auto it = pages_.begin(); it != pages_.end();) {
    if (it->order + kPassed > newest_touched_) return;
    const auto here = it++;
    if (!here->here || here->dropped) continue;
    if (here->touched || here->order + depth_ <= newest_touched_) drop(here);
  }
}

bool ReadAhead::still_wanted(std::uint64_t token) const {
  const auto found = by_token_.find(token);
  return found != by_token_.end() && !found->second->dropped;
}

void ReadAhead::arrived(std::uint64_t token, TimePs now, bool good, std::vector<Waiter>& served,
                        std::vector<Waiter>& refused, std::uint32_t user) {
  const auto it = by_token_.find(token)->second;
  by_token_.erase(token);
  Held& held = *it;
  held.here = true;
  held.latency = now - held.requested;
  held.user = user;
  std::vector<Waiter> waiters;
  waiters.swap(held.waiters);
  if (!good) {
    refused.insert(refused.end(), waiters.begin(), waiters.end());
    if (!held.dropped) by_page_.erase(held.page);
    forget(it);
    return;
  }
  if (!waiters.empty() && !held.counted) {
    held.counted = true;
    const TimePs exposed = std::min(now - waiters.front().since, held.latency);
    counters_.exposed += exposed;
    counters_.hidden += held.latency - exposed;
  }
  const bool dropped = held.dropped;
  if (!dropped) held.dropped = true;  // keeps the page until all are served
  for (const Waiter& part : waiters) {
    touch(it, part);
    served.push_back(part);
  }
  held.dropped = dropped;
  if (dropped) {
    if (waiters.empty()) ++counters_.wasted;
    forget(it);
  } else if (held.delivered == ~std::uint64_t{0}) {
    by_page_.erase(held.page);
    forget(it);
  }
}

ReadAhead::Lookup ReadAhead::demand(std::uint64_t page, const Waiter& part, std::uint32_t* user) {
  const auto found = by_page_.find(page);
  if (found == by_page_.end()) return Lookup::kMiss;
  const auto it = found->second;
  if (!it->here) {
    it->waiters.push_back(part);
    return Lookup::kWaits;
  }
  if (!it->counted) {
    it->counted = true;
    counters_.hidden += it->latency;
  }
  if (user != nullptr) *user = it->user;
  touch(it, part);
  return Lookup::kHere;
}

/// Delivers a part of a page that is here.
void ReadAhead::touch(Pages::iterator it, const Waiter& part) {
  Held& held = *it;
  ++counters_.hits;
  if (part.out != nullptr && held.data != nullptr)
    std::memcpy(part.out, held.data.get() + part.offset, part.bytes);
  held.touched = true;
  held.delivered |= chunks_of(part.offset, part.bytes);
  newest_touched_ = std::max(newest_touched_, held.order);
  if (held.dropped || held.delivered != ~std::uint64_t{0}) return;
  by_page_.erase(held.page);
  forget(it);
}

void ReadAhead::drop(std::uint64_t page) {
  const auto found = by_page_.find(page);
  if (found != by_page_.end()) drop(found->second);
}

void ReadAhead::drop(Pages::iterator it) {
  by_page_.erase(it->page);
  it->dropped = true;
  if (!it->here) return;
  if (!it->touched && !it->counted) ++counters_.wasted;
  forget(it);
}

void ReadAhead::forget(Pages::iterator it) {
  if (it->data != nullptr) buffers_.push_back(std::move(it->data));
  pages_.erase(it);
}

}  // namespace memwall::hbf
