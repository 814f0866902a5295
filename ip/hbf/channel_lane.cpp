// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Lanes: one operation at a time in order, two page buffers.
#include <algorithm>
#include <cmath>

#include "hbf/channel_state.h"

namespace memwall::hbf {

std::uint32_t Channel::State::new_op() {
  std::uint32_t op = kNone;
  if (free_ops.empty()) {
    op = static_cast<std::uint32_t>(ops.size());
    ops.emplace_back();
  } else {
    op = free_ops.back();
    free_ops.pop_back();
    ops[op] = Op();
  }
  return op;
}

void Channel::State::free_op(std::uint32_t op) { free_ops.push_back(op); }

void Channel::State::flag(unsigned lane) {
  if (lanes[lane].flagged) return;
  lanes[lane].flagged = true;
  flagged.push_back(lane);
}

void Channel::State::enqueue(std::uint32_t op) {
  const unsigned lane = ops[op].lane;
  Lane& l = lanes[lane];
  ops[op].next = kNone;
  if (l.head == kNone) {
    l.head = op;
  } else {
    ops[l.tail].next = op;
  }
  l.tail = op;
  flag(lane);
}

void Channel::State::start_lanes() {
  for (std::size_t i = 0; i < flagged.size(); ++i) {
    lanes[flagged[i]].flagged = false;
    start_lane(flagged[i]);
  }
  flagged.clear();
}

void Channel::State::start_lane(unsigned lane) {
  Lane& l = lanes[lane];
  if (l.running != kNone || l.head == kNone) return;
  const std::uint32_t op = l.head;
  unsigned buffer = 0;
  if (!ops[op].program && !choose_buffer(lane, buffer)) return;
  l.head = ops[op].next;
  ops[op].next = kNone;
  if (ops[op].program) {
    start_program(op);
  } else {
    start_sense(op, buffer);
  }
  l.running = op;
  l.end = time + ops[op].duration;
  lane_events.push({l.end, lane});
}

/// A buffer without a page, else the older one; when every response from it has left. False: not yet.
bool Channel::State::choose_buffer(unsigned lane, unsigned& chosen) {
  Lane& l = lanes[lane];
  const auto empty = [&](unsigned b) { return !l.buffers[b].valid && !l.buffers[b].filling; };
  const unsigned older = 1 - l.newest;
  TimePs at = kNever;
  for (const unsigned b : {older, l.newest}) {
    const Buffer& buffer = l.buffers[b];
    const bool candidate = empty(b) || (b == older && !empty(l.newest));
    if (!candidate || buffer.filling || buffer.waiting > 0) continue;
    const TimePs when = std::max(time, buffer.link_until);
    if (when < at) at = when, chosen = b;
  }
  if (at <= time) return true;
  if (at != kNever) lane_events.push({at, lane});
  return false;
}

TimePs Channel::State::scaled(TimePs duration) const {
  if (!light) return duration;
  return static_cast<TimePs>(std::llround(static_cast<double>(duration) * config.thermal.light_factor));
}

void Channel::State::start_sense(std::uint32_t index_of_op, unsigned b) {
  Op& op = ops[index_of_op];
  Lane& l = lanes[op.lane];
  Buffer& buffer = l.buffers[b];
  if (buffer.valid) ++counters.evictions;
  buffer.dlu = op.dlu;
  buffer.valid = false;
  buffer.filling = true;
  l.newest = b;
  op.buffer = b;
  op.sensed = media.sense(time, op.dlu, registers.host_retry, op.stage);
  if (op.sensed.status != ReadStatus::kOk || op.sensed.stages != 0) disturb();
  const Timing& t = config.timing;
  op.duration = scaled((op.stage > 0 ? t.tRETRY : t.tR) + op.sensed.stages * t.tRETRY);
}

void Channel::State::start_program(std::uint32_t index_of_op) {
  Op& op = ops[index_of_op];
  op.started = media.start_program(time, op.dlu);
  const Timing& t = config.timing;
  op.duration = scaled(op.started.erases * t.tBERS + (op.started.programs ? t.tPROG : 0));
}

void Channel::State::end_operation(unsigned lane) {
  Lane& l = lanes[lane];
  const std::uint32_t op = l.running;
  l.running = kNone;
  if (ops[op].program) {
    counters.program_busy += ops[op].duration;
    program_done(op);
  } else {
    counters.sense_busy += ops[op].duration;
    decodes.push_back({time + config.timing.tECC, op});
  }
  if (l.head != kNone) flag(lane);
}

}  // namespace memwall::hbf
