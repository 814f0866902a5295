// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The constraint table of a preset, compiled for the engine: issuing a command raises the earliest times of
/// later commands at each level that the two share; a command may go when it is allowed at all of its levels.
/// One `Gates` holds these times for one channel with its pseudo-channels.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "hbm/command.h"
#include "hbm/preset.h"

namespace memwall::hbm {

inline constexpr Cycle kLongAgo = -(std::int64_t{1} << 60);
inline constexpr Cycle kNever = std::int64_t{1} << 60;

class ConstraintTable {
 public:
  ConstraintTable(const Preset& preset, bool per_bank_refresh);

  /// Raise `slot` of the instance at `level` that the command addresses to issue + latency.
  struct Effect {
    std::uint8_t level;
    std::uint8_t slot;
    std::int32_t latency;
  };
  /// The same for the other instances in the same parent (`different`), or counted from an earlier issue.
  struct RareEffect {
    Level level;
    bool different;
    std::uint8_t slot;
    std::int16_t window;  ///< index into windows(), or -1
    std::int32_t latency;
  };
  struct Window {
    Level level;
    std::uint32_t length;
    std::int32_t latency;
    std::uint32_t offset;   ///< of the first instance's times
    std::uint32_t counter;  ///< index of the first instance's ring position
  };

  const std::vector<Window>& windows() const { return windows_; }
  /// Between row and column commands there are only rules within a bank or by the whole pseudo-channel or
  /// channel.
  bool rows_and_columns_meet_in_banks() const { return meet_in_banks_; }

  // Layout of the times of one channel: the channel, then per pseudo-channel itself, its stack ids, bank
  // groups and banks. Channel and pseudo-channel have a slot for each command, the others for bank commands.
  static constexpr std::uint32_t kWide = 16;
  static constexpr std::uint32_t kNarrow = 8;
  /// Slot of a bank command below the pseudo-channel.
  static constexpr std::uint32_t bank_slot(Command command) {
    constexpr std::array<std::uint8_t, kCommands> slots = {0, 1, 7, 2, 3, 7, 4, 7, 5, 7, 7, 7, 7};
    return slots[static_cast<std::size_t>(command)];
  }
  std::uint32_t pc_base(std::uint32_t pc) const { return kWide + pc * pc_stride_; }
  /// Relative to pc_base().
  std::uint32_t stack_id_at(std::uint32_t bank) const { return places_[bank].stack_id; }
  std::uint32_t group_at(std::uint32_t bank) const { return places_[bank].group; }
  std::uint32_t bank_at(std::uint32_t bank) const { return places_[bank].bank; }
  std::uint32_t size() const { return size_; }
  std::uint32_t window_times() const { return window_times_; }
  std::uint32_t window_instances() const { return window_instances_; }

 private:
  friend class Gates;
  struct Places {
    std::uint32_t stack_id, group, bank;
  };
  std::array<std::vector<Effect>, kCommands> effects_;
  std::array<std::vector<RareEffect>, kCommands> rare_effects_;
  std::vector<Window> windows_;
  std::vector<Places> places_;
  bool meet_in_banks_ = true;
  std::uint32_t stack_ids_ = 0, groups_ = 0, banks_ = 0;  // per pseudo-channel
  static constexpr std::uint8_t kByGroup = 1, kByStackId = 2;
  std::array<std::uint8_t, kCommands> levels_{};  // where rows lead to the command, above the bank
  std::uint32_t pc_stride_ = 0, size_ = 0, window_times_ = 0, window_instances_ = 0;
};

/// Earliest times of one channel. A value; the table must outlive it.
class Gates {
 public:
  explicit Gates(const ConstraintTable& table);

  /// By the channel and the pseudo-channel alone: a lower bound for every bank.
  Cycle common(Command command, std::uint32_t pc) const {
    const auto slot = static_cast<std::uint32_t>(command);
    return max(ready_[slot], ready_[table_->pc_base(pc) + slot]);
  }
  Cycle channel(Command command) const { return ready_[static_cast<std::uint32_t>(command)]; }
  /// By stack id, bank group and bank alone; `command` is a bank command.
  Cycle own(Command command, std::uint32_t pc, std::uint32_t bank) const {
    const Cycle* const base = ready_.data() + table_->pc_base(pc) + ConstraintTable::bank_slot(command);
    const ConstraintTable::Places& places = table_->places_[bank];
    const std::uint8_t levels = table_->levels_[static_cast<std::size_t>(command)];
    Cycle at = base[places.bank];
    if ((levels & ConstraintTable::kByGroup) != 0) at = max(at, base[places.group]);
    if ((levels & ConstraintTable::kByStackId) != 0) at = max(at, base[places.stack_id]);
    return at;
  }
  /// The least that the stack ids of the pseudo-channel ask for.
  Cycle every_stack_id(Command command, std::uint32_t pc) const {
    const Cycle* at =
        ready_.data() + table_->pc_base(pc) + ConstraintTable::kWide + ConstraintTable::bank_slot(command);
    Cycle least = *at;
    for (std::uint32_t i = 1; i < table_->stack_ids_; ++i) {
      at += ConstraintTable::kNarrow;
      least = *at < least ? *at : least;
    }
    return least;
  }
  Cycle earliest(Command command, std::uint32_t pc, std::uint32_t bank) const {
    return max(common(command, pc), own(command, pc, bank));
  }

  /// `bank` counts for bank commands, `pc` for all but those of the channel.
  void issue(Command command, std::uint32_t pc, std::uint32_t bank, Cycle at);

  // For snapshots.
  std::vector<Cycle>& ready() { return ready_; }
  std::vector<Cycle>& window_times() { return window_times_; }
  std::vector<std::uint8_t>& window_next() { return window_next_; }
  const ConstraintTable& table() const { return *table_; }

 private:
  static Cycle max(Cycle a, Cycle b) { return a > b ? a : b; }
  std::uint32_t instance(Level level, std::uint32_t pc, std::uint32_t bank) const;
  void raise_others(const ConstraintTable::RareEffect& effect, std::uint32_t pc, std::uint32_t bank,
                    Cycle to);

  const ConstraintTable* table_;
  std::vector<Cycle> ready_;
  std::vector<Cycle> window_times_;
  std::vector<std::uint8_t> window_next_;
};

}  // namespace memwall::hbm
