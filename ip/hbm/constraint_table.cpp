// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/constraint_table.h"

#include <algorithm>

namespace memwall::hbm {

ConstraintTable::ConstraintTable(const Preset& preset, bool per_bank_refresh) {
  const Organisation& o = preset.organisation;
  stack_ids_ = o.stack_ids;
  groups_ = o.groups_total();
  banks_ = o.banks_total();
  const std::uint32_t groups_from = kWide + stack_ids_ * kNarrow;
  const std::uint32_t banks_from = groups_from + groups_ * kNarrow;
  pc_stride_ = banks_from + banks_ * kNarrow;
  size_ = kWide + o.pseudo_channels * pc_stride_;
  for (std::uint32_t bank = 0; bank < banks_; ++bank) {
    const std::uint32_t group = bank / o.banks;
    places_.push_back({kWide + group / o.bank_groups * kNarrow, groups_from + group * kNarrow,
                       banks_from + bank * kNarrow});
  }
  // Rows that lead only to commands that are never issued need not be followed.
  const ControllerConfig& c = preset.controller;
  const bool power = c.power_down_after > 0 || c.self_refresh_after > 0;
  const auto is_used = [&](Command command) {
    switch (command) {
      case Command::kREFab:
        return !per_bank_refresh;
      case Command::kREFpb:
        return per_bank_refresh;
      case Command::kRFMab:
        return preset.refresh_management.present && !preset.refresh_management.per_bank;
      case Command::kRFMpb:
        return preset.refresh_management.present && preset.refresh_management.per_bank;
      case Command::kPDE:
      case Command::kPDX:
      case Command::kSRE:
      case Command::kSRX:
        return power;
      default:
        return true;
    }
  };
  const std::uint32_t instances[kLevels] = {1, o.pseudo_channels, o.pseudo_channels * stack_ids_,
                                            o.pseudo_channels * groups_, o.pseudo_channels * banks_};

  for (const Constraint& row : preset.constraints) {
    std::int16_t window = -1;
    if (row.window > 1) {
      window = static_cast<std::int16_t>(windows_.size());
      const std::uint32_t count = instances[static_cast<std::size_t>(row.level)];
      windows_.push_back(
          {row.level, row.window, static_cast<std::int32_t>(row.latency), window_times_, window_instances_});
      window_times_ += count * row.window;
      window_instances_ += count;
    }
    for (const Command next : row.next) {
      if (row.level == Level::kBankGroup) levels_[static_cast<std::size_t>(next)] |= kByGroup;
      if (row.level == Level::kStackId) levels_[static_cast<std::size_t>(next)] |= kByStackId;
    }
    const bool wide = row.level == Level::kChannel || row.level == Level::kPseudoChannel;
    for (const Command prev : row.prev) {
      for (const Command next : row.next) {
        if (!is_used(prev) || !is_used(next)) continue;
        const auto is_column = [](Command one) { return one == Command::kRD || one == Command::kWR; };
        const auto is_row = [](Command one) { return one == Command::kACT || one == Command::kPRE; };
        const bool mixed = (is_row(prev) && is_column(next)) || (is_column(prev) && is_row(next));
        if (mixed && (row.different || row.level == Level::kBankGroup || row.level == Level::kStackId))
          meet_in_banks_ = false;
        const auto slot =
            static_cast<std::uint8_t>(wide ? static_cast<std::uint32_t>(next) : bank_slot(next));
        const auto latency = static_cast<std::int32_t>(row.latency);
        if (window >= 0 || row.different) {
          rare_effects_[static_cast<std::size_t>(prev)].push_back(
              {row.level, row.different, slot, window, latency});
          continue;
        }
        // Of several rows about the same pair the longest holds.
        auto& effects = effects_[static_cast<std::size_t>(prev)];
        const auto level = static_cast<std::uint8_t>(row.level);
        const auto same = std::find_if(effects.begin(), effects.end(),
                                       [&](const Effect& e) { return e.level == level && e.slot == slot; });
        if (same != effects.end()) {
          same->latency = std::max(same->latency, latency);
        } else {
          effects.push_back({level, slot, latency});
        }
      }
    }
  }
}

Gates::Gates(const ConstraintTable& table)
    : table_(&table),
      ready_(table.size(), kLongAgo),
      window_times_(table.window_times(), kLongAgo),
      window_next_(table.window_instances(), 0) {}

std::uint32_t Gates::instance(Level level, std::uint32_t pc, std::uint32_t bank) const {
  switch (level) {
    case Level::kChannel:
      return 0;
    case Level::kPseudoChannel:
      return pc;
    case Level::kStackId:
      return pc * table_->stack_ids_ + bank / (table_->banks_ / table_->stack_ids_);
    case Level::kBankGroup:
      return pc * table_->groups_ + bank / (table_->banks_ / table_->groups_);
    case Level::kBank:
      break;
  }
  return pc * table_->banks_ + bank;
}

void Gates::raise_others(const ConstraintTable::RareEffect& effect, std::uint32_t pc, std::uint32_t bank,
                         Cycle to) {
  const auto raise = [&](std::uint32_t index) { ready_[index] = max(ready_[index], to); };
  const std::uint32_t base = table_->pc_base(pc);
  switch (effect.level) {
    case Level::kChannel:
      break;  // the loader refuses it: there is no parent
    case Level::kPseudoChannel:
      for (std::uint32_t other = 0; table_->pc_base(other) < table_->size(); ++other) {
        if (other != pc) raise(table_->pc_base(other) + effect.slot);
      }
      break;
    case Level::kStackId: {
      const std::uint32_t self = table_->stack_id_at(bank);
      for (std::uint32_t i = 0; i < table_->stack_ids_; ++i) {
        const std::uint32_t at = ConstraintTable::kWide + i * ConstraintTable::kNarrow;
        if (at != self) raise(base + at + effect.slot);
      }
      break;
    }
    case Level::kBankGroup:
    case Level::kBank: {
      // Siblings have the same parent: walk the banks of the stack id (bank group) and skip the own instance.
      const bool by_group = effect.level == Level::kBankGroup;
      const std::uint32_t parents = by_group ? table_->stack_ids_ : table_->groups_;
      const std::uint32_t span = table_->banks_ / parents;
      const std::uint32_t first = bank / span * span;
      for (std::uint32_t b = first; b < first + span; ++b) {
        const std::uint32_t at = by_group ? table_->group_at(b) : table_->bank_at(b);
        if (at != (by_group ? table_->group_at(bank) : table_->bank_at(bank))) raise(base + at + effect.slot);
      }
      break;
    }
  }
}

void Gates::issue(Command command, std::uint32_t pc, std::uint32_t bank, Cycle at) {
  Cycle* const ready = ready_.data();
  Cycle* const base = ready + table_->pc_base(pc);
  const ConstraintTable::Places& places = table_->places_[bank];
  Cycle* const instances[kLevels] = {ready, base, base + places.stack_id, base + places.group,
                                     base + places.bank};
  for (const ConstraintTable::Effect& effect : table_->effects_[static_cast<std::size_t>(command)]) {
    Cycle& when = instances[effect.level][effect.slot];
    const Cycle to = at + effect.latency;
    if (to > when) when = to;
  }
  std::int32_t recorded = -1;  // the window in which this command was entered already
  for (const ConstraintTable::RareEffect& effect : table_->rare_effects_[static_cast<std::size_t>(command)]) {
    Cycle from = at;
    if (effect.window >= 0) {
      const ConstraintTable::Window& window = table_->windows()[static_cast<std::size_t>(effect.window)];
      const std::uint32_t which = instance(window.level, pc, bank);
      Cycle* const times = window_times_.data() + window.offset + which * window.length;
      std::uint8_t& next = window_next_[window.counter + which];
      if (recorded != effect.window) {
        times[next] = at;
        next = static_cast<std::uint8_t>(next + 1u == window.length ? 0 : next + 1u);
        recorded = effect.window;
      }
      from = times[next];  // the oldest of the last `length`
    }
    const Cycle to = from + effect.latency;
    if (effect.different) {
      raise_others(effect, pc, bank, to);
    } else {
      Cycle& when = instances[static_cast<std::size_t>(effect.level)][effect.slot];
      when = max(when, to);
    }
  }
}

}  // namespace memwall::hbm
