// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// What others do to a channel: throttle, resets, power, secure erase; and what it tells about itself.
#include <algorithm>
#include <cmath>
#include <string>

#include "common/error.h"
#include "hbf/channel_state.h"

namespace memwall::hbf {

/// Pages whose contents change: no buffer serves them any more, and no sense under way may.
void Channel::State::invalidate(const PageTest& gone) {
  for (unsigned lane = 0; lane < lanes.size(); ++lane) {
    for (Buffer& buffer : lanes[lane].buffers) {
      if (buffer.valid && gone(buffer.dlu)) {
        buffer.valid = false;
        if (lanes[lane].head != kNone) flag(lane);
      }
    }
  }
  for_each_op([&](std::uint32_t op) {
    if (ops[op].program || !gone(ops[op].dlu)) return;
    ops[op].stale = true;
    senses.erase(sense_key(ops[op].dlu, ops[op].stage), op);
  });
}

/// Takes operations that have not started and for which `test` holds out of the sets and queues, in their
/// order.
std::vector<std::uint32_t> Channel::State::withdraw(const std::function<bool(const Op&)>& test) {
  std::vector<std::uint32_t> taken;
  for (std::vector<std::uint32_t>* set : {&regular_set, &batch_run}) {
    const auto kept =
        std::stable_partition(set->begin(), set->end(), [&](std::uint32_t op) { return !test(ops[op]); });
    taken.insert(taken.end(), kept, set->end());
    set->erase(kept, set->end());
  }
  if (regular_set.empty()) regular_deadline = kNever;
  if (batch_run.empty()) batch_deadline = kNever;
  for (Lane& lane : lanes) {
    std::uint32_t op = lane.head;
    lane.head = lane.tail = kNone;
    while (op != kNone) {
      const std::uint32_t next = ops[op].next;
      if (test(ops[op])) {
        taken.push_back(op);
      } else {
        ops[op].next = kNone;
        (lane.head == kNone ? lane.head : ops[lane.tail].next) = op;
        lane.tail = op;
      }
      op = next;
    }
  }
  for (const std::uint32_t op : taken) {
    if (!ops[op].program) senses.erase(sense_key(ops[op].dlu, ops[op].stage), op);
  }
  return taken;
}

/// Accepted programs that never start, newest first.
void Channel::State::abandon_queued(std::vector<std::uint32_t>& taken, unsigned status, unsigned info) {
  for (auto op = taken.rbegin(); op != taken.rend(); ++op) {
    if (!ops[*op].program) continue;
    media.abandon(ops[*op].dlu, false);
    forget_accepted(ops[*op].dlu);
  }
  for (const std::uint32_t op : taken) {
    if (!ops[op].program) continue;
    answer_gather(ops[op].gather, status, info);
    free_gathers.push_back(ops[op].gather);
    free_op(op);
  }
}

void Channel::State::close_gathers(const PageTest& which, unsigned status, unsigned info) {
  const auto deadlines = gather_deadlines;
  for (const auto& [deadline, slot] : deadlines) {
    if (!which(gathers[slot].dlu)) continue;
    gather_deadlines.erase({deadline, slot});
    open_gathers.erase(gathers[slot].dlu);
    answer_gather(slot, status, info);
    free_gathers.push_back(slot);
  }
}

/// Contents of these pages are wiped: their DLUs have to be sent again, their waiting reads find nothing.
void Channel::State::erase_pages(const PageTest& gone) {
  const auto resend = static_cast<unsigned>(WriteStatus::kGatherTimeout);
  close_gathers(gone, resend, 0);
  std::vector<std::uint32_t> taken = withdraw([&](const Op& op) { return gone(op.dlu); });
  for (const std::uint32_t op : taken) {
    if (ops[op].program) continue;
    answer_readers(op, static_cast<unsigned>(ReadStatus::kErased), 0, kNone);
    free_op(op);
  }
  abandon_queued(taken, resend, 0);
  for (const Lane& lane : lanes) {
    if (lane.running == kNone || !ops[lane.running].program || !gone(ops[lane.running].dlu)) continue;
    abandon_running(lane.running);
    answer_gather(ops[lane.running].gather, resend, 0);
  }
  invalidate(gone);
}

/// A program that has started: the array goes on, but nobody wants the page.
void Channel::State::abandon_running(std::uint32_t op) {
  if (ops[op].abandoned) return;
  media.abandon(ops[op].dlu, true);
  forget_accepted(ops[op].dlu);
  ops[op].abandoned = true;
}

/// Severe throttling with Readings::kBlocked: everything in flight ends with 0x9, info 1; what the array has
/// begun it finishes.
void Channel::State::block_in_flight() {
  const auto blocked = static_cast<unsigned>(WriteStatus::kBlocked);
  const PageTest every = [](std::uint64_t) { return true; };
  close_gathers(every, blocked, 1);
  std::vector<std::uint32_t> taken = withdraw([](const Op&) { return true; });
  for (const std::uint32_t op : taken) {
    if (ops[op].program) continue;
    answer_readers(op, blocked, 1, kNone);
    free_op(op);
  }
  abandon_queued(taken, blocked, 1);
  for_each_op([&](std::uint32_t op) {
    if (ops[op].program) {
      answer_gather(ops[op].gather, blocked, 1);
    } else {
      answer_readers(op, blocked, 1, kNone);
    }
  });
}

/// Every command but `keep` ends without a response.
void Channel::State::drop_commands(std::uint32_t keep) {
  for_each_op([&](std::uint32_t op) { ops[op].first_reader = ops[op].last_reader = kNone; });
  for (Gather& gather : gathers) gather.commands.clear();
  offers = {};
  delayed = {};
  ports.assign(ports.size(), Port());
  burst = kNone;
  lookups.clear();
  r_queue.clear();
  b_queue.clear();
  arrivals.clear();
  for (Lane& lane : lanes) {
    for (Buffer& buffer : lane.buffers) buffer.waiting = 0, buffer.link_until = 0;
  }
  offered = 0;
  for (StreamState& stream : streams) stream.live = stream.started = false;
  started_streams = 0;
  for (std::uint32_t slot = 0; slot < txns.size(); ++slot) {
    if (txns[slot].live && slot != keep) free_txn(slot);
  }
  std::fill(last_of_id.begin(), last_of_id.end(), kNone);
  outstanding = 0;
  io_pending = 0;
  if (keep != kNone) {
    txns[keep].next_same_id = kNone;
    register_id(keep);
    outstanding = 1;
  }
  for (unsigned lane = 0; lane < lanes.size(); ++lane) {
    if (lanes[lane].head != kNone) flag(lane);
  }
}

/// Queues, running operations, buffers and open DLUs are gone. Their commands have been dropped.
void Channel::State::drop_array() {
  std::vector<std::uint32_t> taken = withdraw([](const Op&) { return true; });
  abandon_queued(taken, 0, 0);
  for (const std::uint32_t op : taken) {
    if (!ops[op].program) free_op(op);
  }
  for (Lane& lane : lanes) {
    if (lane.running == kNone) continue;
    const Op& op = ops[lane.running];
    // What the array has done of it has been done.
    const TimePs begun = lane.end - op.duration;
    (op.program ? counters.program_busy : counters.sense_busy) += time - begun;
    if (op.program) {
      abandon_running(lane.running);
      free_gathers.push_back(op.gather);
    }
    free_op(lane.running);
  }
  for (const Timed& decode : decodes) free_op(decode.slot);
  decodes.clear();
  senses.clear();
  run_open = false;
  lane_events = {};
  flagged.clear();
  lanes.assign(lanes.size(), Lane());
  close_gathers([](std::uint64_t) { return true; }, 0, 0);
}

void Channel::State::restart_link(TimePs at) {
  link_up = at;
  down.restart(at);
  up.restart(at);
  ar_credits = Credits(config.link.ar_credits);
  w_credits = Credits(config.link.w_credits);
  r_credits = Credits(config.link.r_credits);
  b_credits = Credits(config.link.b_credits);
}

void Channel::State::settle_throttle() const {
  if (light) counters.light_time += time - throttle_since;
  if (severe) counters.severe_time += time - throttle_since;
  throttle_since = time;
}

void Channel::set_fast_forward(bool on) {
  state_->fast_forward = on;
  state_->disturb();
}

void Channel::set_throttle(bool light, bool severe, double celsius) {
  State& s = *state_;
  s.degrees = celsius;
  s.media.set_temperature(now_, celsius);
  s.forget_plain();
  if (s.light == light && s.severe == severe) return;
  s.disturb();
  s.settle_throttle();
  s.management->set_throttle(light, severe);
  const bool rises = severe && !s.severe;
  s.light = light;
  s.severe = severe;
  if (rises && s.config.readings.severe_in_flight == Readings::SevereInFlight::kBlocked) s.block_in_flight();
}

void Channel::lose_power() {
  State& s = *state_;
  s.disturb();
  s.settle_throttle();
  s.drop_commands(State::kNone);
  s.drop_array();
  s.restart_link(now_);
  s.scratchpad = SparseMemory(s.config.scratchpad_bytes);
}

void Channel::power_on(TimePs at, bool obfuscate) {
  hop(at);
  State& s = *state_;
  s.disturb();
  if (obfuscate) s.media.obfuscate();
  s.management->power_on(at);
  s.restart_link(at + s.config.timing.tBOOT);
}

void Channel::hbf_reset(TimePs at) {
  hop(at);
  State& s = *state_;
  s.disturb();
  s.drop_commands(State::kNone);
  s.drop_array();
  s.management->hbf_reset(at);
  s.restart_link(at + s.config.timing.tBOOT);
}

void Channel::hop(TimePs at) {
  if (at < now_) throw ModelError("contract", state_->config.name, "a reset in the past");
  now_ = at;
  state_->settle_throttle();
  state_->time = std::max(state_->time, at);
}

Media& Channel::media() {
  state_->forget_plain();
  return state_->media;
}
const Media& Channel::media() const { return state_->media; }
Management& Channel::management() { return *state_->management; }
const Management& Channel::management() const { return *state_->management; }

const ChannelCounters& Channel::counters() const {
  State& s = *state_;
  s.settle_throttle();
  ChannelCounters& c = s.counters;
  c.flits_down = s.down.flits();
  c.flits_up = s.up.flits();
  const Media::Counters& m = s.media.counters();
  const EnergyConfig& e = s.config.energy;
  const auto bits = [](std::uint64_t units, std::uint64_t bytes) {
    return static_cast<double>(units) * static_cast<double>(bytes * 8);
  };
  c.energy_pj = bits(m.senses, kPageBytes) * e.sense_pj_per_bit +
                bits(m.programs + m.program_fails, kPageBytes) * e.program_pj_per_bit +
                bits(m.erases, s.config.block_bytes()) * e.erase_pj_per_bit +
                bits(c.read_bytes + c.write_bytes, 1) * e.transfer_pj_per_bit;
  return c;
}

bool Channel::io_active() const {
  return state_->io_pending > 0 || !state_->open_gathers.empty() || !state_->accepted.empty();
}

void Channel::secure_erase(TimePs, unsigned port, EraseScope scope, std::uint32_t zones) {
  State& s = *state_;
  s.disturb();
  const auto wipe = [&s](std::uint64_t first, std::uint64_t dlus) {
    s.erase_pages([=](std::uint64_t dlu) { return dlu - first < dlus; });
    s.media.forget(first, dlus);
  };
  const std::uint64_t port_pages = s.config.port_bytes() / kPageBytes;
  if (scope == EraseScope::kPort || scope == EraseScope::kFlash) wipe(port * port_pages, port_pages);
  if (scope == EraseScope::kZones) {
    for (unsigned zone = 0; zone < s.config.zones_per_channel; ++zone) {
      if ((zones >> zone & 1u) != 0) wipe(s.media.zone_first_dlu(zone), s.media.zone_dlus(zone));
    }
  }
  if (scope == EraseScope::kPort || scope == EraseScope::kScratchpad) {
    const std::uint64_t size = s.config.scratchpad_bytes / s.config.ports_per_channel;
    s.scratchpad.clear(port * size, size);
  }
}

void Channel::swap_zones(TimePs, unsigned a, unsigned b) {
  State& s = *state_;
  s.disturb();
  for (const unsigned zone : {a, b}) {
    const std::uint64_t first = s.media.zone_first_dlu(zone), dlus = s.media.zone_dlus(zone);
    s.erase_pages([=](std::uint64_t dlu) { return dlu - first < dlus; });
  }
  s.media.swap_zones(a, b);
}

void Channel::set_wear_levelling(bool base_die) { state_->media.set_wear_levelling(base_die); }

void Channel::reset(TimePs now, ResetType type) {
  State& s = *state_;
  s.disturb();
  s.drop_commands(s.current);
  if (type == ResetType::kChannel) s.drop_array();
  s.restart_link(now + s.config.timing.tRESET);
}

void Channel::set_thresholds(bool, double, double, bool, double) {
  // The cube reads TTTEMP.
}

double Channel::celsius() const { return state_->degrees; }

Channel::Wear Channel::wear() const {
  const Media::Wear wear = state_->media.wear();
  return {wear.max_pec, wear.average_pec, wear.retired_blocks, wear.spares_left,
          state_->media.reduced_capacity()};
}

std::uint64_t Channel::logical_blocks() const { return state_->media.logical_blocks(); }
bool Channel::block_unusable(std::uint64_t block) const { return state_->media.block_unusable(block); }

std::vector<std::uint64_t> Channel::smart() const {
  const ChannelCounters& c = counters();
  const Media::Counters& m = state_->media.counters();
  std::vector<std::uint64_t> words(static_cast<std::size_t>(SmartCounter::kCount));
  const auto set = [&words](SmartCounter which, std::uint64_t value) {
    words[static_cast<std::size_t>(which)] = value;
  };
  set(SmartCounter::kReadBytes, c.read_bytes);
  set(SmartCounter::kWriteBytes, c.write_bytes);
  set(SmartCounter::kPageReads, c.page_reads);
  set(SmartCounter::kBufferHits, c.buffer_hits);
  set(SmartCounter::kSenses, m.senses);
  set(SmartCounter::kRetrySenses, m.retry_senses);
  set(SmartCounter::kCorrected, m.corrected);
  set(SmartCounter::kHintsReads, m.hints_reads);
  set(SmartCounter::kHintsHealth, m.hints_health);
  set(SmartCounter::kRetried, m.retried);
  set(SmartCounter::kUncorrectable, m.uncorrectable);
  set(SmartCounter::kPrograms, m.programs);
  set(SmartCounter::kProgramFails, m.program_fails);
  set(SmartCounter::kErases, m.erases);
  set(SmartCounter::kEraseFails, m.erase_fails);
  set(SmartCounter::kSenseBusyNs, c.sense_busy / kPsPerNs);
  set(SmartCounter::kProgramBusyNs, c.program_busy / kPsPerNs);
  set(SmartCounter::kLightNs, c.light_time / kPsPerNs);
  set(SmartCounter::kSevereNs, c.severe_time / kPsPerNs);
  set(SmartCounter::kEnergyUj, static_cast<std::uint64_t>(std::llround(c.energy_pj * 1e-6)));
  return words;
}

Channel::BlockState Channel::block_state(TimePs now, std::uint64_t block) {
  const unsigned lane_count = state_->config.lanes_per_channel();
  const Media::BlockInfo info = state_->media.block_info(now, static_cast<unsigned>(block % lane_count),
                                                         static_cast<std::uint32_t>(block / lane_count));
  return {info.pec, info.reads, info.hours, info.frontier, info.failed};
}

}  // namespace memwall::hbf
