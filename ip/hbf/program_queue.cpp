// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/program_queue.h"

#include <algorithm>

namespace memwall::hbf {

bool ProgramQueue::push(const Entry& entry) {
  if (entry.pages == 0 || free() == 0) return false;
  Running running;
  running.entry = entry;
  running.first_id = next_id_;
  next_id_ += entry.pages;
  running_.push_back(running);
  return true;
}

ProgramQueue::Running& ProgramQueue::running_of(std::uint64_t id) {
  return *std::find_if(running_.begin(), running_.end(),
                       [&](const Running& r) { return id >= r.first_id && id - r.first_id < r.entry.pages; });
}

std::unique_ptr<std::uint8_t[]> ProgramQueue::buffer() {
  if (!functional_) return nullptr;
  if (buffers_.empty()) return std::make_unique<std::uint8_t[]>(kPageBytes);
  std::unique_ptr<std::uint8_t[]> out = std::move(buffers_.back());
  buffers_.pop_back();
  return out;
}

std::optional<ProgramQueue::Fetch> ProgramQueue::next_fetch() {
  if (slots_.size() + sending_.size() >= kSlots) return std::nullopt;
  const auto next = std::find_if(running_.begin(), running_.end(),
                                 [](const Running& r) { return !r.bus_error && r.fetching < r.entry.pages; });
  if (next == running_.end()) return std::nullopt;
  Slot slot;
  slot.id = next->first_id + next->fetching;
  slot.data = buffer();
  const Fetch fetch{slot.id, next->entry.source + next->fetching * kPageBytes, slot.data.get()};
  ++next->fetching;
  ++next->slots;
  slots_.push_back(std::move(slot));
  return fetch;
}

void ProgramQueue::fetched(std::uint64_t id, bool good) {
  const auto slot = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& s) { return s.id == id; });
  slot->there = true;
  slot->good = good;
}

void ProgramQueue::drop_front() {
  --running_of(slots_.front().id).slots;
  if (slots_.front().data != nullptr) buffers_.push_back(std::move(slots_.front().data));
  slots_.pop_front();
}

std::optional<ProgramQueue::Page> ProgramQueue::next_page(bool& ended) {
  while (!slots_.empty() && slots_.front().there) {
    Running& running = running_of(slots_.front().id);
    running.bus_error = running.bus_error || !slots_.front().good;
    if (!running.bus_error) {
      Slot slot = std::move(slots_.front());
      slots_.pop_front();
      --running.slots;
      ++running.given;
      const Page page{slot.id,
                      running.entry.target_page + (slot.id - running.first_id) * running.entry.stride,
                      slot.data.get()};
      sending_.push_back(std::move(slot));
      return page;
    }
    drop_front();
    ended = collect() || ended;
  }
  return std::nullopt;
}

void ProgramQueue::sent(std::uint64_t id) {
  const auto slot = std::find_if(sending_.begin(), sending_.end(), [&](const Slot& s) { return s.id == id; });
  if (slot->data != nullptr) buffers_.push_back(std::move(slot->data));
  sending_.erase(slot);
}

bool ProgramQueue::answered(std::uint64_t id, bool good) {
  Running& running = running_of(id);
  ++running.answered;
  running.failed = running.failed || !good;
  return collect();
}

/// Moves entries that are over to the done queue.
bool ProgramQueue::collect() {
  bool any = false;
  for (auto it = running_.begin(); it != running_.end();) {
    if (!it->over()) {
      ++it;
      continue;
    }
    done_.push_back({it->entry.tag, it->failed || it->bus_error, it->bus_error});
    it = running_.erase(it);
    any = true;
  }
  return any;
}

}  // namespace memwall::hbf
