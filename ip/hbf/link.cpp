// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/link.h"

#include <algorithm>

namespace memwall::hbf {

TimePs Credits::when(TimePs at, unsigned granules) const {
  unsigned free = free_;
  TimePs time = at;
  for (auto next = returns_.begin(); free < granules; ++next) {
    if (next == returns_.end()) return kNever;
    free += next->granules;
    time = std::max(time, next->at);
  }
  return time;
}

unsigned Credits::free(TimePs at) {
  while (!returns_.empty() && returns_.front().at <= at) {
    free_ += returns_.front().granules;
    returns_.pop_front();
  }
  return free_;
}

void Credits::give_back(TimePs at, unsigned granules) {
  if (!returns_.empty() && returns_.back().at == at) {
    returns_.back().granules += granules;
  } else {
    returns_.push_back({at, granules});
  }
}

void Credits::describe(TimePs now, std::vector<std::uint64_t>& words) {
  words.push_back(free(now));
  words.push_back(returns_.size());
  for (const Return& r : returns_) {
    words.push_back(r.at - now);
    words.push_back(r.granules);
  }
}

void Credits::shift(TimePs by) {
  for (Return& r : returns_) r.at += by;
}

LinkDirection::Sent LinkDirection::send(TimePs at, unsigned messages, unsigned granules, Credits& credits) {
  credits.take(messages * granules);
  // A flit takes messages until it begins.
  if (room_ == 0 || at + flit_time_ > flit_end_) {
    flit_end_ = std::max(at, flit_end_) + flit_time_;
    room_ = LinkConfig::kGranulesPerFlit;
    ++flits_;
  }
  Sent sent;
  unsigned placed = 0;  // granules of the message at hand that are in earlier flits
  while (true) {
    const unsigned whole = std::min(messages, (placed + room_) / granules);
    if (whole > 0) {
      const TimePs arrival = flit_end_ + latency_;
      if (sent.first == 0) sent.first = arrival;
      sent.last = arrival;
      credits.give_back(arrival + flit_time_ + latency_, whole * granules);
      room_ -= whole * granules - placed;
      placed = 0;
      messages -= whole;
      if (messages == 0) return sent;
    }
    placed += room_;
    flit_end_ += flit_time_;
    room_ = LinkConfig::kGranulesPerFlit;
    ++flits_;
  }
}

void LinkDirection::restart(TimePs at) {
  flit_end_ = at;
  room_ = 0;
}

void LinkDirection::describe(TimePs now, std::vector<std::uint64_t>& words) const {
  // Of a flit that has begun only its end matters.
  const bool open = room_ > 0 && now + flit_time_ <= flit_end_;
  words.push_back(flit_end_ > now ? flit_end_ - now : 0);
  words.push_back(open ? room_ : 0);
}

void LinkDirection::shift(TimePs by, std::uint64_t flits) {
  flit_end_ += by;
  flits_ += flits;
}

}  // namespace memwall::hbf
