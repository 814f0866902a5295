// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "engine/command_queue.h"

#include <algorithm>

namespace memwall::engine {

void CommandQueue::on_control_written(TimePs at) {
  control_at_ = at;
  if (!busy_) take_requests();
}

void CommandQueue::on_tail_written(TimePs at) {
  if (posts_.size() == kMaxEntries) posts_.pop_front();
  posts_.push_back({registers_.tail(), at});
}

TimePs CommandQueue::posted_at() {
  const auto overtaken = [this](const Post& post) {
    return static_cast<std::int32_t>(post.tail - registers_.head()) <= 0;
  };
  while (!posts_.empty() && overtaken(posts_.front())) posts_.pop_front();
  return std::max(control_at_, posts_.empty() ? 0 : posts_.front().at);
}

void CommandQueue::take_requests() {
  if (registers_.reset_requested()) {
    registers_.set_head(0);
    registers_.set_tail(0);
    posts_.clear();
    registers_.set_halted(false);
    registers_.set_error_code(Status::kOk);
    registers_.set_error(0, 0);
    registers_.clear_reset();
  }
  if (registers_.resume()) {
    registers_.set_halted(false);
    registers_.clear_resume();
  }
}

bool CommandQueue::ready() {
  take_requests();
  if (!registers_.enable() || registers_.halted()) return false;
  const std::uint32_t entries = registers_.entries();
  if (entries == 0 || entries > kMaxEntries || (entries & (entries - 1)) != 0) {
    halt(Status::kBadShape, 0, 0);
    return false;
  }
  if (registers_.queue_base() % kDescriptorBytes != 0 || registers_.completion_base() % kRecordBytes != 0) {
    halt(Status::kBadAlignment, 0, 0);
    return false;
  }
  return registers_.head() != registers_.tail();
}

void CommandQueue::begin() {
  const std::uint32_t entry = registers_.head() % registers_.entries();
  descriptor_address_ = registers_.queue_base() + std::uint64_t{kDescriptorBytes} * entry;
  record_address_ = registers_.completion_base() + std::uint64_t{kRecordBytes} * entry;
  busy_ = true;
  registers_.set_busy(true);
}

void CommandQueue::complete(const Outcome& outcome, std::uint32_t tag, bool irq_flag) {
  registers_.set_head(registers_.head() + 1);
  busy_ = false;
  registers_.set_busy(false);
  if (!outcome.ok()) {
    halt(outcome.status, tag, outcome.fault_address);
  } else if (irq_flag) {
    registers_.set_irq_done();
  }
}

void CommandQueue::halt(Status code, std::uint32_t tag, std::uint64_t address) {
  registers_.set_halted(true);
  registers_.set_error_code(code);
  registers_.set_error(tag, address);
  registers_.set_irq_error();
}

}  // namespace memwall::engine
