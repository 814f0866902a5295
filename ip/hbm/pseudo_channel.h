// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// State of one pseudo-channel as the controller sees it: queues, banks, trains that feed the queues, refresh
/// debt. Plain data without behaviour of its own; channel.h moves it, policies look at it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "hbm/constraint_table.h"
#include "hbm/engine.h"

namespace memwall::hbm {

inline constexpr std::uint32_t kNoTrain = ~std::uint32_t{0};

/// Bit `n` of a mask over banks or queue positions.
inline std::uint64_t bit(std::size_t n) { return std::uint64_t{1} << n; }
inline std::size_t lowest(std::uint64_t mask) { return static_cast<std::size_t>(__builtin_ctzll(mask)); }

/// Bursts of one direction that wait for column commands, oldest first. What a choice looks at for every
/// entry lies densely; the rest is in slots that do not move.
struct Queue {
  std::uint32_t size = 0;
  std::uint64_t hits = 0;  ///< positions whose row is open
  std::uint64_t free_slots = ~std::uint64_t{0};
  std::array<std::uint32_t, kMaxEntries> row{};     ///< by position
  std::array<std::uint8_t, kMaxEntries> bank{};     ///< by position
  std::array<std::uint8_t, kMaxEntries> slot{};     ///< by position
  std::array<std::uint32_t, kMaxEntries> train{};   ///< by slot
  std::array<std::uint16_t, kMaxEntries> column{};  ///< by slot
  std::array<std::uint8_t, kMaxEntries> flags{};    ///< by slot: kClosedRow, kOpenedRow

  static constexpr std::uint8_t kClosedRow = 1;  ///< a PRE was issued for it
  static constexpr std::uint8_t kOpenedRow = 2;  ///< an ACT was issued for it

  std::array<std::uint8_t, kMaxBanks> pending{};    ///< entries, by bank
  std::array<std::uint8_t, kMaxBanks> hit_count{};  ///< entries whose row is open, by bank
  std::uint64_t pending_banks = 0, hit_banks = 0;   ///< banks where these are not 0
};

/// The bursts of one request in this pseudo-channel.
struct Train {
  std::uint64_t begin = 0, next = 0, end = 0;  ///< local indices; [next, end) are not yet admitted
  std::uint64_t left = 0;                      ///< bursts without completion
  Cycle arrival = 0;
  Cycle first_done = kNever, last_done = 0;
  std::uint64_t order = 0;    ///< of submission
  std::uint32_t request = 0;  ///< the engine's number
  std::uint8_t source = 0;
  bool is_write = false, pins = true, report_acceptance = false;
  bool may_forward = false;         ///< a read that shares bursts with a write in flight
  std::uint32_t behind = kNoTrain;  ///< next of the same source and direction
};

struct Bank {
  std::int64_t row = -1;  ///< -1: closed
  Cycle last_use = kLongAgo;
  std::uint32_t served = 0;     ///< column commands since ACT
  std::uint32_t activates = 0;  ///< rolling count for refresh management
};

enum class Maintenance : std::uint8_t { kNone, kRefreshAll, kRefreshBank, kManageAll, kManageBank };
enum class Background : std::uint8_t { kPrecharged, kActive, kPowerDown, kSelfRefresh };

struct PseudoChannel {
  std::array<Queue, 2> queues;  ///< reads, writes
  bool draining = false;        ///< the active queue is that of the writes

  std::vector<Train> trains;  ///< in slots
  std::vector<std::uint32_t> free_trains;
  std::array<std::array<std::uint32_t, Engine::kSources>, 2> head, tail;  ///< by direction and source
  std::uint32_t watched = 0;                  ///< trains that may be accepted or forwarded at any step
  std::uint32_t writes_in_flight = 0;         ///< trains
  std::array<std::uint16_t, 2> waiting{};     ///< sources with bursts that are not admitted, by direction
  std::array<std::uint8_t, 2> last_source{};  ///< admitted last, by direction
  Cycle admit_at = kNever;                    ///< next cycle at which an admission may succeed

  std::array<Bank, kMaxBanks> banks;
  std::uint64_t open_banks = 0;
  std::uint64_t managed_banks = 0;  ///< raaimt reached: no ACT

  Cycle refresh_due = kNever;
  std::uint32_t owed = 0;
  std::uint32_t rotation = 0;  ///< next bank of per-bank refresh
  Maintenance maintenance = Maintenance::kNone;
  std::uint32_t maintenance_bank = 0;
  Cycle check_at = kNever;  ///< next cycle at which maintenance may have to start

  std::uint64_t last_issue = 0;  ///< number of the last command of the channel that was this one's; 0: none
  Background background = Background::kPrecharged;
  Cycle background_since = 0;

  bool queues_empty() const { return queues[0].size == 0 && queues[1].size == 0; }
  std::uint64_t maintained_bank() const {
    const bool one = maintenance == Maintenance::kRefreshBank || maintenance == Maintenance::kManageBank;
    return one ? bit(maintenance_bank) : 0;
  }
};

/// A command that could be issued, and when.
struct Pick {
  Cycle at = kNever;
  Command command = Command::kRD;
  std::uint8_t position = 0;  ///< in the active queue; not of a PRE
  std::uint8_t bank = 0;
};

/// What a scheduler sees of a pseudo-channel.
struct QueueView {
  const PseudoChannel& pc;
  const Queue& queue;  ///< the active one; not empty
  bool is_write;
  const Gates& gates;
  std::uint32_t index;  ///< of the pseudo-channel
  Cycle now;

  Command column_command() const { return is_write ? Command::kWR : Command::kRD; }
  /// No time before this is possible for the command.
  Cycle floor(Command command) const {
    const Cycle common = gates.common(command, index);
    return now > common ? now : common;
  }
  /// The same for a column command, stack ids considered: what all of them forbid.
  Cycle column_floor(Command command) const {
    const Cycle every = gates.every_stack_id(command, index);
    const Cycle least = floor(command);
    return every > least ? every : least;
  }
  /// Banks to which no request command goes, because maintenance has them.
  std::uint64_t blocked_banks() const { return pc.maintained_bank(); }

  /// Those of `positions` whose bank is not among `banks`.
  std::uint64_t without(std::uint64_t positions, std::uint64_t banks) const {
    for (std::uint64_t left = positions; left != 0 && banks != 0; left &= left - 1) {
      if ((banks & bit(queue.bank[lowest(left)])) != 0) positions &= ~bit(lowest(left));
    }
    return positions;
  }
  /// Oldest of the entries at `positions` (hits) whose column command can go first.
  Pick first_column(std::uint64_t positions) const {
    const Command command = column_command();
    Pick best;
    if (positions == 0) return best;
    const Cycle least = column_floor(command);
    for (; positions != 0; positions &= positions - 1) {
      const std::size_t i = lowest(positions);
      const Cycle own = gates.own(command, index, queue.bank[i]);
      if (own <= least) return {least, command, static_cast<std::uint8_t>(i), queue.bank[i]};
      if (own < best.at) best = {own, command, static_cast<std::uint8_t>(i), queue.bank[i]};
    }
    return best;
  }
  /// First of `positions` whose bank is among `banks`; there must be one.
  std::size_t oldest_of(std::uint64_t banks, std::uint64_t positions) const {
    while ((banks & bit(queue.bank[lowest(positions)])) == 0) positions &= positions - 1;
    return lowest(positions);
  }
  /// Among `banks`, each represented by its oldest entry at `positions` (no hits), the row command that can
  /// go first: PRE if the bank is open, else ACT.
  Pick first_row(std::uint64_t banks, std::uint64_t positions) const {
    Pick best;
    const std::uint64_t open = banks & pc.open_banks;
    const std::uint64_t closed = banks & ~pc.open_banks & ~pc.managed_banks;
    if ((open | closed) == 0) return best;
    if (open != 0) {
      // Banks are seldom ready to close as soon as the bus is free, so all are looked at; of the first ones,
      // the one with the oldest entry.
      const Cycle least = floor(Command::kPRE);
      std::uint64_t first = 0;
      for (std::uint64_t left = open; left != 0; left &= left - 1) {
        const std::size_t b = lowest(left);
        const Cycle own = gates.own(Command::kPRE, index, static_cast<std::uint32_t>(b));
        const Cycle at = own > least ? own : least;
        if (at > best.at) continue;
        if (at < best.at) first = 0;
        best.at = at;
        first |= bit(b);
      }
      best.command = Command::kPRE;
      best.bank = static_cast<std::uint8_t>(lowest(first));
      if ((first & (first - 1)) != 0) best.bank = queue.bank[oldest_of(first, positions)];
    }
    if (closed == 0) return best;
    // Banks are mostly ready before the pseudo-channel allows the next ACT: the oldest such entry decides.
    const Cycle least = floor(Command::kACT);
    const std::uint64_t all = positions;
    std::uint64_t seen = 0;
    for (; positions != 0 && least <= best.at; positions &= positions - 1) {
      const std::size_t i = lowest(positions);
      const std::uint8_t b = queue.bank[i];
      if ((closed & ~seen & bit(b)) == 0) continue;
      seen |= bit(b);
      const Cycle own = gates.own(Command::kACT, index, b);
      const Cycle at = own > least ? own : least;
      if (at < best.at || (at == best.at && i < oldest_of(bit(best.bank), all))) {
        best = {at, Command::kACT, static_cast<std::uint8_t>(i), b};
      }
      if (at == least || seen == closed) break;
    }
    return best;
  }
  std::uint64_t all_positions() const {
    return queue.size == kMaxEntries ? ~std::uint64_t{0} : bit(queue.size) - 1;
  }
};

}  // namespace memwall::hbm
