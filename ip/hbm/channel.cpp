// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/channel.h"

#include <algorithm>
#include <cstring>

namespace memwall::hbm {
namespace {

/// Refresh commands that refresh every row of a bank once (8K per retention period in all standards
/// modelled).
constexpr std::uint32_t kRefreshCommands = 8192;

void push_entry(Queue& q, const Place& place, bool hit, std::uint32_t train) {
  const auto slot = static_cast<std::uint8_t>(lowest(q.free_slots));
  q.free_slots &= q.free_slots - 1;
  const std::uint32_t at = q.size++;
  q.row[at] = place.row;
  q.bank[at] = static_cast<std::uint8_t>(place.bank);
  q.slot[at] = slot;
  q.train[slot] = train;
  q.column[slot] = static_cast<std::uint16_t>(place.column);
  q.flags[slot] = 0;
  ++q.pending[place.bank];
  q.pending_banks |= bit(place.bank);
  if (hit) {
    q.hits |= bit(at);
    ++q.hit_count[place.bank];
    q.hit_banks |= bit(place.bank);
  }
}

/// Removes a hit.
void erase_entry(Queue& q, std::uint32_t position) {
  const std::uint8_t bank = q.bank[position];
  q.free_slots |= bit(q.slot[position]);
  const std::size_t behind = q.size - position - 1;
  std::memmove(&q.row[position], &q.row[position] + 1, behind * sizeof q.row[0]);
  std::memmove(&q.bank[position], &q.bank[position] + 1, behind * sizeof q.bank[0]);
  std::memmove(&q.slot[position], &q.slot[position] + 1, behind * sizeof q.slot[0]);
  --q.size;
  const std::uint64_t before = bit(position) - 1;
  q.hits = (q.hits & before) | (q.hits >> 1 & ~before);
  if (--q.pending[bank] == 0) q.pending_banks &= ~bit(bank);
  if (--q.hit_count[bank] == 0) q.hit_banks &= ~bit(bank);
}

void row_opened(Queue& q, std::uint32_t bank, std::uint32_t row) {
  std::uint8_t count = 0;
  std::uint8_t left = q.pending[bank];
  for (std::uint32_t i = 0; left != 0; ++i) {
    if (q.bank[i] != bank) continue;
    --left;
    if (q.row[i] != row) continue;
    q.hits |= bit(i);
    ++count;
  }
  q.hit_count[bank] = count;
  if (count != 0) q.hit_banks |= bit(bank);
}

void rows_closed(Queue& q, std::uint64_t banks) {
  if ((q.hit_banks & banks) == 0) return;
  for (std::uint64_t left = q.hits; left != 0; left &= left - 1) {
    if ((banks & bit(q.bank[lowest(left)])) != 0) q.hits &= ~bit(lowest(left));
  }
  for (std::uint64_t left = q.hit_banks & banks; left != 0; left &= left - 1) q.hit_count[lowest(left)] = 0;
  q.hit_banks &= ~banks;
}

}  // namespace

Device::Device(const Preset& source)
    : preset(source),
      scheduler(make_scheduler(preset)),
      page(make_page_policy(preset)),
      drain(make_drain_policy(preset)),
      refresh(make_refresh_policy(preset)),
      table(preset, refresh->per_bank()),
      burst(preset.burst()),
      read_latency(preset.cycles("tRL") + burst),
      write_latency(preset.cycles("tWL") + burst),
      refresh_interval(preset.refresh_interval()),
      banks(preset.organisation.banks_total()),
      pcs(preset.organisation.pseudo_channels),
      raaimt(preset.refresh_management.present ? preset.refresh_management.raaimt : 0),
      capacity{preset.controller.read_queue, preset.controller.write_queue},
      closes_idle_rows(page->close_from(0) != kNever),
      amends(scheduler->banks_are_independent() && !closes_idle_rows &&
             table.rows_and_columns_meet_in_banks()),
      has_power_states(preset.controller.power_down_after > 0 || preset.controller.self_refresh_after > 0),
      oldest_first(serves_oldest_source(preset)) {
  if (refresh->per_bank()) refresh_interval = std::max<Cycle>(1, refresh_interval / banks);
}

Channel::Channel(const Device& device, SteadyState* steady)
    : device_(&device), steady_(steady), gates_(device.table), pcs_(device.pcs), picks_(device.pcs) {
  next_refreshed_.assign(device.preset.controller.row_hammer_counters ? pcs_.size() * device.banks : 0, 0);
  for (PseudoChannel& pc : pcs_) {
    for (auto& direction : pc.head) direction.fill(kNoTrain);
    for (auto& direction : pc.tail) direction.fill(kNoTrain);
    pc.last_source.fill(Engine::kSources - 1);
    pc.refresh_due = device.refresh_interval;
  }
}

void Channel::set_command_sink(const CommandSink* sink, std::uint32_t channel) {
  sink_ = sink;
  channel_ = channel;
}

void Channel::push(std::uint32_t index, Train train) {
  PseudoChannel& pc = pcs_[index];
  train.next = train.begin;
  train.left = train.end - train.begin;
  train.first_done = kNever;
  train.last_done = 0;
  train.behind = kNoTrain;
  train.may_forward = false;
  if (train.is_write) {
    ++pc.writes_in_flight;
    for (Train& other : pc.trains) {
      const bool shares =
          other.left != 0 && !other.is_write && other.next < train.end && train.begin < other.end;
      if (!shares || other.may_forward) continue;
      other.may_forward = true;
      if (!other.report_acceptance) ++pc.watched;
    }
  } else {
    if (pc.writes_in_flight != 0) {
      for (const Train& other : pc.trains) {
        if (other.left != 0 && other.is_write && other.begin < train.end && train.begin < other.end)
          train.may_forward = true;
      }
    }
  }
  if (train.report_acceptance || train.may_forward) ++pc.watched;
  std::uint32_t slot;
  if (pc.free_trains.empty()) {
    slot = static_cast<std::uint32_t>(pc.trains.size());
    pc.trains.push_back(train);
  } else {
    slot = pc.free_trains.back();
    pc.free_trains.pop_back();
    pc.trains[slot] = train;
  }
  const std::size_t direction = train.is_write ? 1 : 0;
  std::uint32_t& head = pc.head[direction][train.source];
  std::uint32_t& tail = pc.tail[direction][train.source];
  if (head == kNoTrain) {
    head = slot;
    pc.waiting[direction] = static_cast<std::uint16_t>(pc.waiting[direction] | 1u << train.source);
    pc.admit_at = std::min(pc.admit_at, std::max(train.arrival, now_));
  } else {
    pc.trains[tail].behind = slot;
  }
  tail = slot;
  ++trains_in_flight_;
  next_event_known_ = false;
  anchor_.valid = false;
}

bool Channel::admit_one(std::uint32_t index, bool is_write) {
  PseudoChannel& pc = pcs_[index];
  const std::size_t direction = is_write ? 1 : 0;
  Queue& queue = pc.queues[direction];
  if (queue.size >= device_->capacity[direction]) return false;
  std::uint32_t source = Engine::kSources;
  const std::uint32_t waiting = pc.waiting[direction];
  if (device_->oldest_first) {
    Cycle arrival = now_;
    std::uint64_t order = 0;
    for (std::uint32_t left = waiting; left != 0; left &= left - 1) {
      const auto s = static_cast<std::uint32_t>(__builtin_ctz(left));
      const Train& train = pc.trains[pc.head[direction][s]];
      if (train.arrival > now_) continue;
      if (source == Engine::kSources || train.arrival < arrival ||
          (train.arrival == arrival && train.order < order)) {
        source = s;
        arrival = train.arrival;
        order = train.order;
      }
    }
  } else {
    // Sources behind the last one first, then from the beginning.
    const std::uint32_t behind = waiting & ~((2u << pc.last_source[direction]) - 1);
    std::uint32_t left = behind != 0 ? behind : waiting;
    while (left != 0 && source == Engine::kSources) {
      const auto s = static_cast<std::uint32_t>(__builtin_ctz(left));
      if (pc.trains[pc.head[direction][s]].arrival <= now_) source = s;
      const bool is_last_behind = left == (left & -left) && (left & behind) != 0;
      left = is_last_behind ? waiting & ~behind : left & (left - 1);
    }
  }
  if (source == Engine::kSources) return false;

  pc.last_source[direction] = static_cast<std::uint8_t>(source);
  const std::uint32_t slot = pc.head[direction][source];
  Train& train = pc.trains[slot];
  const Place place = device_->preset.map.place(train.next);
  if (train.next == train.begin) {
    anchor_.valid = false;
    if (train.report_acceptance) admission_events_.push_back({train.request, true, 0, now_ + 1});
  }
  if (++train.next == train.end) {
    pc.head[direction][source] = train.behind;
    if (train.behind == kNoTrain) {
      pc.tail[direction][source] = kNoTrain;
      pc.waiting[direction] = static_cast<std::uint16_t>(waiting & ~(1u << source));
    }
  }
  idle_since_ = now_ + 1;
  if (!is_write) {
    const Queue& writes = pc.queues[1];
    if (writes.pending[place.bank] != 0) {
      for (std::uint32_t i = 0; i < writes.size; ++i) {
        if (writes.bank[i] != place.bank || writes.row[i] != place.row ||
            writes.column[writes.slot[i]] != place.column) {
          continue;
        }
        ++counters_.forwarded;
        burst_done(pc, slot, now_ + 1, admission_events_);
        return true;
      }
    }
  }
  push_entry(queue, place, pc.banks[place.bank].row == static_cast<std::int64_t>(place.row), slot);
  return true;
}

void Channel::admit(std::uint32_t index) {
  PseudoChannel& pc = pcs_[index];
  const bool was_draining = pc.draining;
  const std::uint32_t before = pc.queues[was_draining ? 1 : 0].size;
  while (pc.waiting[1] != 0 && admit_one(index, true)) {
  }
  while (pc.waiting[0] != 0 && admit_one(index, false)) {
  }
  pc.admit_at = kNever;
  for (std::size_t direction = 0; direction < 2; ++direction) {
    if (pc.queues[direction].size >= device_->capacity[direction]) continue;
    for (std::uint32_t left = pc.waiting[direction]; left != 0; left &= left - 1) {
      const Train& train = pc.trains[pc.head[direction][static_cast<std::uint32_t>(__builtin_ctz(left))]];
      pc.admit_at = std::min(pc.admit_at, train.arrival);
    }
  }
  Picks& picks = picks_[index];
  if (picks.valid && device_->amends && pc.maintenance == Maintenance::kNone) {
    amend_after_admission(index, was_draining, pc.queues[was_draining ? 1 : 0].size - before);
  } else {
    choose_direction(pc);  // also in power-down, where nothing is chosen
    picks.valid = false;
  }
}

void Channel::account_refresh(std::uint32_t index) {
  PseudoChannel& pc = pcs_[index];
  while (pc.refresh_due <= now_) {
    ++pc.owed;
    pc.refresh_due += device_->refresh_interval;
  }
  pc.check_at = now_;
}

void Channel::start_maintenance(std::uint32_t index) {
  PseudoChannel& pc = pcs_[index];
  pc.check_at = kNever;
  if (pc.maintenance != Maintenance::kNone) return;
  if (pc.owed > 0 && device_->refresh->starts(pc.owed, pc.queues_empty())) {
    const bool one = device_->refresh->per_bank();
    pc.maintenance = one ? Maintenance::kRefreshBank : Maintenance::kRefreshAll;
    pc.maintenance_bank = pc.rotation;
  } else if ((pc.managed_banks & ~pc.open_banks) != 0) {
    const bool one = device_->preset.refresh_management.per_bank;
    pc.maintenance = one ? Maintenance::kManageBank : Maintenance::kManageAll;
    pc.maintenance_bank = static_cast<std::uint32_t>(lowest(pc.managed_banks & ~pc.open_banks));
  } else {
    return;
  }
  picks_[index].valid = false;
}

bool Channel::step(Cycle limit, std::vector<TrainEvent>& events) {
  const auto count = static_cast<std::uint32_t>(pcs_.size());
  // When does something happen next?
  Cycle next = kNever;  // but commands
  Cycle best_at = kNever;
  std::uint32_t best_pc = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    PseudoChannel& pc = pcs_[i];
    next = std::min({next, pc.admit_at, pc.refresh_due, pc.check_at});
    if (power_ != Power::kUp) continue;
    const Picks& picks = picks_[i];
    if (!picks.valid) {
      if (just_served_ == i) {
        choose_direction(pc);
        if (admission_comes_first(pc)) continue;
      }
      choose(i);
    }
    const Cycle at = picks.best().at;
    if (at > best_at || at == kNever) continue;
    if (at == best_at) {
      const Class mine = picks.best_class;
      const Class best = picks_[best_pc].best_class;
      if (mine > best || (mine == best && pc.last_issue >= pcs_[best_pc].last_issue)) continue;
    }
    best_at = at;
    best_pc = i;
  }
  just_served_ = kNobody;
  Pick power;
  if (device_->has_power_states) power = power_pick();
  const Cycle command = std::min(best_at, power.at);
  if (std::min(next, command) >= limit) return false;
  if (command < next) {
    now_ = std::max(now_, command);
    if (best_at > now_) {
      issue_power(power);
      return true;
    }
    const Picks& picks = picks_[best_pc];
    issue(best_pc, Pick(picks.best()), picks.best_class, events);
    if (at_anchor_) {
      at_anchor_ = false;
      if (steady_ != nullptr) steady_->anchor(*this, limit);
    }
    return true;
  }
  now_ = std::max(now_, next);
  for (std::uint32_t i = 0; i < count; ++i) {
    PseudoChannel& pc = pcs_[i];
    if (pc.admit_at <= now_) admit(i);
    if (pc.refresh_due <= now_) account_refresh(i);
    if (pc.check_at <= now_) start_maintenance(i);
  }
  if (!admission_events_.empty()) {
    events.insert(events.end(), admission_events_.begin(), admission_events_.end());
    admission_events_.clear();
  }
  return true;
}

void Channel::run(Cycle limit, std::vector<TrainEvent>& events) {
  next_event_known_ = false;
  while (step(limit, events)) {
  }
  now_ = std::max(now_, limit);
}

void Channel::finish(std::vector<TrainEvent>& events) {
  next_event_known_ = false;
  while (trains_in_flight_ != 0) step(kNever, events);
}

void Channel::set_background(PseudoChannel& pc, Background background) {
  const auto cycles = static_cast<std::uint64_t>(now_ - pc.background_since);
  switch (pc.background) {
    case Background::kActive:
      counters_.active_cycles += cycles;
      break;
    case Background::kPrecharged:
      counters_.precharged_cycles += cycles;
      break;
    case Background::kPowerDown:
      counters_.power_down_cycles += cycles;
      break;
    case Background::kSelfRefresh:
      counters_.self_refresh_cycles += cycles;
      break;
  }
  pc.background = background;
  pc.background_since = now_;
}

void Channel::settle() {
  for (PseudoChannel& pc : pcs_) set_background(pc, pc.background);
}

const ChannelCounters& Channel::settled_counters() {
  settle();
  return counters_;
}

void Channel::command(Command command, std::uint32_t index, std::uint32_t bank, std::uint32_t row,
                      std::uint32_t column) {
  gates_.issue(command, index, bank, now_);
  ++counters_.commands[static_cast<std::size_t>(command)];
  pcs_[index].last_issue = ++issued_;
  for (std::uint32_t i = 0; i < pcs_.size(); ++i) {
    Picks& picks = picks_[i];
    if (i == index) {
      picks.valid = false;
      continue;
    }
    if (!picks.valid || picks.best().at == kNever) continue;
    // Shared buses, or rules between pseudo-channels, may forbid now what the others chose.
    for (const Pick& pick : picks.of) {
      if (pick.at != kNever && pick.at < gates_.common(pick.command, i)) picks.valid = false;
    }
  }
  if (sink_ == nullptr) return;
  const Organisation& o = device_->preset.organisation;
  CommandRecord record;
  record.at = now_;
  record.command = command;
  record.where.channel = channel_;
  record.where.pseudo_channel = index;
  record.where.bank = bank;
  record.where.group = bank / o.banks;
  record.where.stack_id = record.where.group / o.bank_groups;
  record.where.row = row;
  record.where.column = column;
  (*sink_)(record);
}

void Channel::open_row(std::uint32_t index, std::uint32_t bank, std::uint32_t row) {
  PseudoChannel& pc = pcs_[index];
  if (pc.open_banks == 0) set_background(pc, Background::kActive);
  pc.open_banks |= bit(bank);
  Bank& b = pc.banks[bank];
  b.row = row;
  b.served = 0;
  b.last_use = now_;
  if (device_->raaimt != 0 && ++b.activates >= device_->raaimt) pc.managed_banks |= bit(bank);
  for (Queue& queue : pc.queues) row_opened(queue, bank, row);
  if (device_->preset.controller.row_hammer_counters) count_activate(index, bank, row);
}

void Channel::count_activate(std::uint32_t index, std::uint32_t bank, std::uint32_t row) {
  const std::uint64_t key = (std::uint64_t{index} * device_->banks + bank) << 32 | row;
  const std::uint32_t count = ++activates_[key];
  if (count > most_opened_.activates) most_opened_ = {count, index, bank, row};
}

void Channel::forget_refreshed(std::uint32_t index, std::uint32_t first, std::uint32_t last) {
  const std::uint32_t rows = device_->preset.organisation.rows;
  const std::uint32_t at_once = (rows + kRefreshCommands - 1) / kRefreshCommands;
  for (std::uint32_t b = first; b < last; ++b) {
    const std::uint64_t bank = std::uint64_t{index} * device_->banks + b;
    std::uint32_t& row = next_refreshed_[bank];
    for (std::uint32_t i = 0; i < at_once; ++i) activates_.erase(bank << 32 | ((row + i) % rows));
    row = (row + at_once) % rows;
  }
}

void Channel::close_banks(std::uint32_t index, std::uint64_t banks) {
  PseudoChannel& pc = pcs_[index];
  banks &= pc.open_banks;
  for (std::uint64_t left = banks; left != 0; left &= left - 1) pc.banks[lowest(left)].row = -1;
  pc.open_banks &= ~banks;
  for (Queue& queue : pc.queues) rows_closed(queue, banks);
  if (banks != 0 && pc.open_banks == 0) set_background(pc, Background::kPrecharged);
  if ((pc.managed_banks & banks) != 0) pc.check_at = now_ + 1;
}

void Channel::end_maintenance(std::uint32_t index) {
  PseudoChannel& pc = pcs_[index];
  const bool all = pc.maintenance == Maintenance::kRefreshAll || pc.maintenance == Maintenance::kManageAll;
  const bool refresh =
      pc.maintenance == Maintenance::kRefreshAll || pc.maintenance == Maintenance::kRefreshBank;
  const std::uint32_t first = all ? 0 : pc.maintenance_bank;
  const std::uint32_t last = all ? device_->banks : first + 1;
  if (refresh && device_->preset.controller.row_hammer_counters) forget_refreshed(index, first, last);
  if (device_->raaimt != 0) {
    for (std::uint32_t b = first; b < last; ++b) {
      std::uint32_t& activates = pc.banks[b].activates;
      activates -= std::min(activates, device_->raaimt);
      if (activates < device_->raaimt) pc.managed_banks &= ~bit(b);
    }
  }
  if (refresh) {
    --pc.owed;
    if (!all && ++pc.rotation == device_->banks) pc.rotation = 0;
    at_anchor_ = index == 0 && pc.rotation == 0;
  }
  pc.maintenance = Maintenance::kNone;
  if (pc.owed > 0 || pc.managed_banks != 0) pc.check_at = now_ + 1;
}

void Channel::burst_done(PseudoChannel& pc, std::uint32_t slot, Cycle done, std::vector<TrainEvent>& events) {
  Train& train = pc.trains[slot];
  train.first_done = std::min(train.first_done, done);
  train.last_done = std::max(train.last_done, done);
  if (--train.left != 0) return;
  events.push_back({train.request, false, train.first_done, train.last_done});
  if (train.is_write) --pc.writes_in_flight;
  if (train.report_acceptance || train.may_forward) --pc.watched;
  pc.free_trains.push_back(slot);
  --trains_in_flight_;
}

void Channel::column(std::uint32_t index, const Pick& pick, std::vector<TrainEvent>& events) {
  PseudoChannel& pc = pcs_[index];
  const bool is_write = pick.command == Command::kWR;
  Queue& queue = pc.queues[is_write ? 1 : 0];
  const std::uint8_t slot = queue.slot[pick.position];
  const std::uint32_t train = queue.train[slot];
  const std::uint8_t flags = queue.flags[slot];
  command(pick.command, index, pick.bank, queue.row[pick.position], queue.column[slot]);
  Bank& bank = pc.banks[pick.bank];
  ++bank.served;
  bank.last_use = now_;
  if ((flags & Queue::kClosedRow) != 0) {
    ++counters_.row_conflicts;
  } else if ((flags & Queue::kOpenedRow) != 0) {
    ++counters_.row_misses;
  } else {
    ++counters_.row_hits;
  }
  if (pc.trains[train].pins) ++(is_write ? counters_.pin_writes : counters_.pin_reads);
  erase_entry(queue, pick.position);
  if (pc.waiting[is_write ? 1 : 0] != 0) {
    pc.admit_at = std::min(pc.admit_at, now_ + 1);
    just_served_ = index;
  }
  if (pc.owed > 0 && pc.queues_empty()) pc.check_at = now_ + 1;
  burst_done(pc, train, now_ + (is_write ? device_->write_latency : device_->read_latency), events);
}

void Channel::issue(std::uint32_t index, const Pick& pick, Class kind, std::vector<TrainEvent>& events) {
  PseudoChannel& pc = pcs_[index];
  idle_since_ = now_ + 1;
  const bool amends = device_->amends && pc.maintenance == Maintenance::kNone;
  // What the other kind of command would have been.
  const Pick other = picks_[index].of[kind == kRow ? kColumn : kRow];
  switch (pick.command) {
    case Command::kRD:
    case Command::kWR:
      column(index, pick, events);
      if (amends) amend_after_column(index, other, pick);
      break;
    case Command::kACT:
    case Command::kPRE: {
      const bool opens = pick.command == Command::kACT;
      std::uint32_t row = 0;
      if (kind == kRow) {
        // For the oldest entry of the bank that is no hit.
        Queue& queue = pc.queues[pc.draining ? 1 : 0];
        std::uint32_t position = opens ? pick.position : 0;
        while (queue.bank[position] != pick.bank || (queue.hits & bit(position)) != 0) ++position;
        queue.flags[queue.slot[position]] |= opens ? Queue::kOpenedRow : Queue::kClosedRow;
        row = queue.row[position];
      }
      command(pick.command, index, pick.bank, row, 0);
      if (opens) {
        open_row(index, pick.bank, row);
      } else {
        close_banks(index, bit(pick.bank));
      }
      if (amends && kind == kRow) amend_after_row(index, other, pick);
      break;
    }
    case Command::kPREab:
      command(Command::kPREab, index, 0, 0, 0);
      close_banks(index, ~std::uint64_t{0});
      break;
    default:  // the maintenance command itself
      command(pick.command, index, pick.bank, 0, 0);
      end_maintenance(index);
      break;
  }
}

void Channel::issue_power(const Pick& pick) {
  const Cycle idle_since = idle_since_;
  if (pick.command == Command::kPREab) {
    const std::uint32_t index = pick.bank;
    command(Command::kPREab, index, 0, 0, 0);
    close_banks(index, ~std::uint64_t{0});
    idle_since_ = idle_since;
    return;
  }
  const std::uint64_t last_issue = pcs_[0].last_issue;
  command(pick.command, 0, 0, 0, 0);
  pcs_[0].last_issue = last_issue;  // a command of the channel, not of a pseudo-channel
  for (Picks& picks : picks_) picks.valid = false;
  const bool entry = pick.command == Command::kPDE || pick.command == Command::kSRE;
  const Background down = pick.command == Command::kPDE ? Background::kPowerDown : Background::kSelfRefresh;
  for (PseudoChannel& pc : pcs_) {
    const Background up = pc.open_banks != 0 ? Background::kActive : Background::kPrecharged;
    set_background(pc, entry ? down : up);
    if (pick.command == Command::kSRE) pc.refresh_due = kNever;
    if (pick.command == Command::kSRX) {
      pc.owed = 0;
      pc.refresh_due = now_ + device_->refresh_interval;
    }
  }
  if (pick.command == Command::kPDE) power_ = Power::kPowerDown;
  if (pick.command == Command::kSRE) {
    power_ = Power::kSelfRefresh;
    activates_.clear();
  }
  if (!entry) power_ = Power::kUp;
  if (pick.command == Command::kSRE || pick.command == Command::kSRX) idle_since_ = now_ + 1;
}

}  // namespace memwall::hbm
