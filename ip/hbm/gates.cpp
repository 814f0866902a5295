// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/gates.h"

namespace memwall::hbm {

const char* to_string(Command command) {
  switch (command) {
    case Command::kActivate:
      return "ACT";
    case Command::kPrecharge:
      return "PRE";
    case Command::kPrechargeAll:
      return "PREab";
    case Command::kRead:
      return "RD";
    case Command::kWrite:
      return "WR";
    case Command::kRefresh:
      return "REFab";
  }
  return "?";
}

CommandCounts& CommandCounts::operator+=(const CommandCounts& other) {
  activates += other.activates;
  precharges += other.precharges;
  precharge_alls += other.precharge_alls;
  reads += other.reads;
  writes += other.writes;
  refreshes += other.refreshes;
  return *this;
}

Cycle Gates::CommandBus::free(Cycle from) const {
  for (Cycle word = from >> 6;; ++word) {
    const Word& slot = words_[static_cast<std::size_t>(word) % words_.size()];
    std::uint64_t open = slot.tag == word ? ~slot.bits : ~std::uint64_t{0};
    if (word == from >> 6) open &= ~std::uint64_t{0} << (from & 63);
    if (open != 0) return (word << 6) + __builtin_ctzll(open);
  }
}

void Gates::CommandBus::take(Cycle cycle) {
  const Cycle word = cycle >> 6;
  Word& slot = words_[static_cast<std::size_t>(word) % words_.size()];
  if (slot.tag > word) return;
  if (slot.tag < word) slot = {word, 0};
  slot.bits |= std::uint64_t{1} << (cycle & 63);
}

Gates::Gates(const Preset& preset, std::uint32_t channel, bool refreshes)
    : t_(preset.timing),
      channel_(channel),
      write_to_read_short_(t_.nWL + t_.nBL + t_.nWTRS),
      write_to_read_long_(t_.nWL + t_.nBL + t_.nWTRL),
      write_to_close_(t_.nWL + t_.nBL + t_.nWR),
      banks_(preset.organisation.banks_per_channel()),
      groups_(preset.organisation.groups_per_channel()),
      refresh_due_(refreshes ? t_.nREFI : std::numeric_limits<Cycle>::max()) {
  activates_.fill(kLongAgo);
}

Plan Gates::plan_with_row(const Location& at, bool write, Cycle from) const {
  Plan plan;
  Cycle open_from = from;
  if (any_row_open(at)) {
    plan.precharge = precharge_ready(at, from);
    open_from = plan.precharge + t_.nRP;
  }
  plan.activate = activate_ready(at, open_from);
  plan.column = max(plan.activate + (write ? t_.nRCDWR : t_.nRCDRD), group_column(at, write));
  return plan;
}

void Gates::precharge(const Location& at, Cycle cycle) {
  Bank& bank = banks_[at.bank];
  bank.row = -1;
  bank.open_ok = max(bank.open_ok, cycle + t_.nRP);
  row_bus_.take(cycle);
  ++counts_.precharges;
  record(cycle, Command::kPrecharge, at);
}

void Gates::activate(const Location& at, Cycle cycle) {
  Bank& bank = banks_[at.bank];
  bank.row = at.row;
  bank.open_ok = cycle + t_.nRC;
  bank.close_ok = cycle + t_.nRAS;
  bank.read_ok = cycle + t_.nRCDRD;
  bank.write_ok = cycle + t_.nRCDWR;
  groups_[at.group].open_ok = cycle + t_.nRRDL;
  last_activate_ = cycle;
  activates_[next_activate_] = cycle;
  next_activate_ = (next_activate_ + 1) % 4;
  row_bus_.take(cycle);
  ++counts_.activates;
  record(cycle, Command::kActivate, at);
}

void Gates::column(const Location& at, bool write, Cycle cycle) {
  Bank& bank = banks_[at.bank];
  Group& group = groups_[at.group];
  if (write) {
    bank.close_ok = max(bank.close_ok, cycle + write_to_close_);
    group.write_ok = cycle + t_.nCCDL;
    group.read_ok = max(group.read_ok, cycle + write_to_read_long_);
    last_write_ = cycle;
    last_write_stack_ = at.stack_id;
    ++counts_.writes;
    record(cycle, Command::kWrite, at);
  } else {
    bank.close_ok = max(bank.close_ok, cycle + t_.nRTP);
    group.read_ok = cycle + t_.nCCDL;
    last_read_ = cycle;
    last_read_stack_ = at.stack_id;
    ++counts_.reads;
    record(cycle, Command::kRead, at);
  }
}

Cycle Gates::refresh() {
  bool open = false;
  Cycle close_at = refresh_due_;
  Cycle refresh_at = refresh_due_;
  for (const Bank& bank : banks_) {
    refresh_at = max(refresh_at, bank.open_ok);
    if (bank.row < 0) continue;
    open = true;
    close_at = max(close_at, bank.close_ok);
  }
  Location at;
  at.channel = channel_;
  if (open) {
    close_at = row_bus_.free(close_at);
    row_bus_.take(close_at);
    ++counts_.precharge_alls;
    record(close_at, Command::kPrechargeAll, at);
    refresh_at = max(refresh_at, close_at + t_.nRP);
  }
  refresh_at = row_bus_.free(refresh_at);
  row_bus_.take(refresh_at);
  ++counts_.refreshes;
  record(refresh_at, Command::kRefresh, at);
  for (Bank& bank : banks_) {
    bank.row = -1;
    bank.open_ok = refresh_at + t_.nRFCab;
  }
  refresh_due_ += t_.nREFI;
  return refresh_at;
}

Cycle Gates::refresh_idle(Cycle cycle) {
  Cycle last = -1;
  while (cycle >= refresh_due_) {
    last = refresh();
    // From here on every refresh is issued exactly when due, and only the last one can still matter.
    const Cycle behind = (cycle - refresh_due_) / t_.nREFI;
    if (sink_ == nullptr && cycle >= refresh_due_ && behind > 1) {
      counts_.refreshes += static_cast<std::uint64_t>(behind - 1);
      refresh_due_ += (behind - 1) * t_.nREFI;
    }
  }
  return last;
}

}  // namespace memwall::hbm
