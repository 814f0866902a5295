// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// What a channel could do next, and when: nothing here changes banks, queues or gates.
#include <algorithm>

#include "hbm/channel.h"

namespace memwall::hbm {
namespace {

/// Up to this many trains of a pseudo-channel are looked at one by one to tell when the first may end.
constexpr std::size_t kFewTrains = 4;

}  // namespace

Pick Channel::maintenance_pick(std::uint32_t index) const {
  const PseudoChannel& pc = pcs_[index];
  Pick pick;
  switch (pc.maintenance) {
    case Maintenance::kNone:
      return pick;
    case Maintenance::kRefreshAll:
    case Maintenance::kManageAll:
      if (pc.open_banks != 0) {
        pick.command = Command::kPREab;
      } else {
        pick.command = pc.maintenance == Maintenance::kRefreshAll ? Command::kREFab : Command::kRFMab;
      }
      pick.at = std::max(now_, gates_.common(pick.command, index));
      return pick;
    case Maintenance::kRefreshBank:
    case Maintenance::kManageBank:
      if ((pc.open_banks & bit(pc.maintenance_bank)) != 0) {
        pick.command = Command::kPRE;
      } else {
        pick.command = pc.maintenance == Maintenance::kRefreshBank ? Command::kREFpb : Command::kRFMpb;
      }
      pick.bank = static_cast<std::uint8_t>(pc.maintenance_bank);
      pick.at = std::max(now_, gates_.earliest(pick.command, index, pick.bank));
      return pick;
  }
  return pick;
}

Pick Channel::page_pick(std::uint32_t index) const {
  const PseudoChannel& pc = pcs_[index];
  Pick best;
  const std::uint64_t wanted = pc.queues[0].hit_banks | pc.queues[1].hit_banks | pc.maintained_bank();
  const Cycle least = std::max(now_, gates_.common(Command::kPRE, index));
  for (std::uint64_t left = pc.open_banks & ~wanted; left != 0; left &= left - 1) {
    const auto bank = static_cast<std::uint8_t>(lowest(left));
    const Cycle at = std::max(
        {least, gates_.own(Command::kPRE, index, bank), device_->page->close_from(pc.banks[bank].last_use)});
    if (at < best.at) best = {at, Command::kPRE, 0, bank};
  }
  return best;
}

void Channel::choose_direction(PseudoChannel& pc) const {
  const std::uint32_t reads = pc.queues[0].size;
  const std::uint32_t writes = pc.queues[1].size;
  if (writes == 0) {
    if (reads != 0) pc.draining = false;
  } else {
    pc.draining = reads == 0 || device_->drain->drains(pc.draining, reads, writes);
  }
}

bool Channel::admission_comes_first(const PseudoChannel& pc) const {
  // In this cycle only a row command could go, the data bus being taken by the column command before.
  if (pc.admit_at != now_ + 1 || pc.maintenance != Maintenance::kNone || device_->closes_idle_rows)
    return false;
  const Queue& queue = pc.queues[pc.draining ? 1 : 0];
  return queue.size != 0 && (queue.pending_banks & ~queue.hit_banks) == 0 && device_->amends;
}

void Channel::choose(std::uint32_t index) {
  PseudoChannel& pc = pcs_[index];
  Picks& picks = picks_[index];
  picks.valid = true;
  for (Pick& pick : picks.of) pick.at = kNever;
  picks.best_class = kMaintain;
  choose_direction(pc);
  if (pc.maintenance != Maintenance::kNone) picks.of[kMaintain] = maintenance_pick(index);
  if (pc.maintenance == Maintenance::kRefreshAll || pc.maintenance == Maintenance::kManageAll) return;
  const QueueView view = view_of(index);
  if (view.queue.size != 0) {
    picks.of[kColumn] = device_->scheduler->column(view);
    picks.of[kRow] = device_->scheduler->row(view);
  }
  if (device_->closes_idle_rows) picks.of[kClosePage] = page_pick(index);
  picks.rank();
}

void Channel::amend_after_row(std::uint32_t index, const Pick& column, const Pick& issued) {
  const QueueView view = view_of(index);
  Picks& picks = picks_[index];
  bool again = column.at < gates_.common(view.column_command(), index);
  if (issued.command == Command::kACT && view.queue.hit_count[issued.bank] != 0) {
    // The row's own hits come in addition.
    again = again || gates_.own(view.column_command(), index, issued.bank) <= column.at;
  }
  picks.of[kColumn] = again ? device_->scheduler->column(view) : column;
  picks.of[kRow] = device_->scheduler->row(view);
  picks.rank();
  picks.valid = true;
}

void Channel::amend_after_column(std::uint32_t index, Pick row, const Pick& issued) {
  PseudoChannel& pc = pcs_[index];
  const bool was_draining = pc.draining;
  choose_direction(pc);
  const QueueView view = view_of(index);
  if (pc.draining != was_draining || view.queue.size == 0) return;
  if (just_served_ == index && admission_comes_first(pc)) return;
  Picks& picks = picks_[index];
  picks.of[kColumn] = device_->scheduler->column(view);
  bool again = row.at != kNever && row.at < gates_.common(row.command, index);
  if (row.position > issued.position) --row.position;
  const std::uint8_t bank = issued.bank;
  if (view.queue.pending[bank] != 0 && view.queue.hit_count[bank] == 0) {
    // The bank may be closed now.
    const Cycle at = std::max(view.floor(Command::kPRE), gates_.own(Command::kPRE, index, bank));
    again = again || at == row.at;
    if (at < row.at) row = {at, Command::kPRE, 0, bank};
  }
  picks.of[kRow] = again ? device_->scheduler->row(view) : row;
  picks.rank();
  picks.valid = true;
}

void Channel::amend_after_admission(std::uint32_t index, bool was_draining, std::uint32_t admitted) {
  PseudoChannel& pc = pcs_[index];
  Picks& picks = picks_[index];
  choose_direction(pc);
  const QueueView view = view_of(index);
  if (pc.draining != was_draining || admitted > 1 || view.queue.size <= admitted) {
    picks.valid = false;
    return;
  }
  if (admitted == 0) return;
  const auto newest = static_cast<std::uint8_t>(view.queue.size - 1);
  const std::uint8_t bank = view.queue.bank[newest];
  Pick& row = picks.of[kRow];
  if ((view.queue.hits & bit(newest)) != 0) {
    Pick& column = picks.of[kColumn];
    const Command command = view.column_command();
    const Cycle at = std::max(view.column_floor(command), gates_.own(command, index, bank));
    if (at < column.at) column = {at, command, newest, bank};
    if (row.at != kNever && row.bank == bank) row = device_->scheduler->row(view);  // it may stay open
  } else if (view.queue.pending[bank] == 1) {
    const Pick own = view.first_row(bit(bank), bit(newest));
    if (own.at < row.at) row = own;
  }
  picks.rank();
}

bool Channel::idle() const {
  for (const PseudoChannel& pc : pcs_) {
    if (!pc.queues_empty() || pc.maintenance != Maintenance::kNone) return false;
  }
  return true;
}

Pick Channel::power_pick() const {
  const ControllerConfig& config = device_->preset.controller;
  Pick pick;
  const auto at = [&](Command command, Cycle from) {
    pick.command = command;
    pick.at = std::max({from, now_, gates_.channel(command)});
    return pick;
  };
  const Cycle sleep = config.self_refresh_after > 0 ? idle_since_ + config.self_refresh_after : kNever;
  if (power_ == Power::kSelfRefresh) return idle() ? pick : at(Command::kSRX, now_);
  if (power_ == Power::kPowerDown) {
    if (!idle()) return at(Command::kPDX, now_);
    return sleep == kNever ? pick : at(Command::kPDX, sleep);
  }
  if (!idle()) return pick;
  const Cycle down = config.power_down_after > 0 ? idle_since_ + config.power_down_after : kNever;
  if (down < sleep && now_ < sleep) {
    at(Command::kPDE, down);
    if (pick.at < sleep) return pick;
  }
  if (sleep == kNever) return pick;
  for (std::uint32_t i = 0; i < pcs_.size(); ++i) {
    if (pcs_[i].open_banks == 0) continue;
    pick.bank = static_cast<std::uint8_t>(i);  // here the pseudo-channel
    pick.command = Command::kPREab;
    pick.at = std::max({sleep, now_, gates_.common(Command::kPREab, i)});
    return pick;
  }
  return at(Command::kSRE, sleep);
}

Cycle Channel::next_step() {
  Cycle next = kNever;
  for (std::uint32_t i = 0; i < pcs_.size(); ++i) {
    if (!picks_[i].valid) choose(i);
    const PseudoChannel& pc = pcs_[i];
    next = std::min({next, pc.admit_at, pc.refresh_due, pc.check_at});
    for (const Pick& pick : picks_[i].of) next = std::min(next, pick.at);
  }
  if (device_->has_power_states) next = std::min(next, power_pick().at);
  return std::max(next, now_);
}

Cycle Channel::next_event() {
  if (!next_event_known_) next_event_ = find_next_event();
  next_event_known_ = true;
  return next_event_;
}

Cycle Channel::find_next_event() {
  if (trains_in_flight_ == 0) return kNever;
  Cycle next = kNever;
  bool step = false;  // the next step may bring something
  for (const PseudoChannel& pc : pcs_) {
    const Cycle soonest =
        now_ + (pc.writes_in_flight != 0 ? std::min(device_->read_latency, device_->write_latency)
                                         : device_->read_latency);
    if (pc.watched == 0 && pc.trains.size() - pc.free_trains.size() > kFewTrains) {
      // One of so many may have a single burst left.
      next = std::min(next, soonest);
      continue;
    }
    for (const Train& train : pc.trains) {
      if (next <= soonest && pc.watched == 0) break;
      if (train.left == 0) continue;
      const bool new_here = train.report_acceptance && train.next == train.begin;
      const bool forwards = train.may_forward && train.next != train.end;
      if (new_here || forwards) {
        if (train.arrival >= now_) {
          next = std::min(next, train.arrival + 1);
        } else {
          step = true;
        }
      }
      if (forwards || next <= soonest) continue;
      // The remaining bursts follow one another on the data bus at best.
      const Cycle latency = train.is_write ? device_->write_latency : device_->read_latency;
      next = std::min(next, std::max(now_, train.arrival) +
                                static_cast<Cycle>(train.left - 1) * device_->burst + latency);
    }
  }
  return step ? std::min(next, next_step() + 1) : next;
}

}  // namespace memwall::hbm
