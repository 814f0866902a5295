// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The JEDEC gates of one pseudo-channel: when may which command be issued, and what it forbids afterwards.
/// Event-driven: times are computed, no cycle is ever ticked. Both schedulers (in order in core.h, FR-FCFS in
/// queued_channel.h) issue through this class, so a constraint exists in one place.
///
/// Modelled: banks, bank groups and stack ids; tRCD rd/wr, tRP, tRAS, tRC, tCCD S/L/R, tRRD S/L, tFAW, tWR,
/// tRTP, tWTR S/L, tRTW; all-bank refresh every tREFI over all stack ids together, never postponed; a row and
/// a column command bus of one command per cycle each. Not modelled: command buses shared by the two
/// pseudo-channels of a channel, two-cycle activates, per-bank refresh, power-down.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "hbm/preset.h"

namespace memwall::hbm {

/// A point in time or a duration in cycles of tCK. Signed, so that "long before the start" is representable.
using Cycle = std::int64_t;

enum class Command : std::uint8_t { kActivate, kPrecharge, kPrechargeAll, kRead, kWrite, kRefresh };
const char* to_string(Command command);

/// One line of the command trace. `where.row` is meaningful for activates, `where.column` for reads and
/// writes.
struct CommandRecord {
  Cycle at;
  Command command;
  Location where;
};
using CommandSink = std::function<void(const CommandRecord&)>;

struct CommandCounts {
  std::uint64_t activates = 0, precharges = 0, precharge_alls = 0, reads = 0, writes = 0, refreshes = 0;
  CommandCounts& operator+=(const CommandCounts& other);
};

/// Commands that serve one access; absent ones are negative.
struct Plan {
  Cycle precharge = -1;
  Cycle activate = -1;
  Cycle column = -1;
};

class Gates {
 public:
  Gates(const Preset& preset, std::uint32_t channel, bool refreshes = true);

  // When: the earliest cycle not before `from`. No state changes.
  bool row_open(const Location& at) const { return banks_[at.bank].row == static_cast<std::int64_t>(at.row); }
  bool any_row_open(const Location& at) const { return banks_[at.bank].row >= 0; }
  /// The row must be open.
  Cycle column_ready(const Location& at, bool write, Cycle from) const {
    const Bank& bank = banks_[at.bank];
    const Cycle group = group_column(at, write);
    Cycle ready = from > group ? from : group;
    const Cycle own = write ? bank.write_ok : bank.read_ok;
    return ready > own ? ready : own;
  }
  /// The bank must be closed.
  Cycle activate_ready(const Location& at, Cycle from) const {
    return row_bus_.free(activate_gate(at, from));
  }
  /// The bank must be open.
  Cycle precharge_ready(const Location& at, Cycle from) const {
    return row_bus_.free(max(from, banks_[at.bank].close_ok));
  }
  /// The same without the row command bus, for schedulers that compare many candidates and then ask
  /// row_bus().
  Cycle activate_gate(const Location& at, Cycle from) const {
    const Cycle own = max(banks_[at.bank].open_ok, groups_[at.group].open_ok);
    return max(max(from, own), max(last_activate_ + t_.nRRDS, activates_[next_activate_] + t_.nFAW));
  }
  Cycle precharge_gate(std::uint32_t bank, Cycle from) const { return max(from, banks_[bank].close_ok); }
  /// -1: closed.
  std::int64_t open_row(std::uint32_t bank) const { return banks_[bank].row; }
  /// All commands an access needs, each as early as possible.
  Plan plan(const Location& at, bool write, Cycle from) const {
    if (row_open(at)) return {-1, -1, column_ready(at, write, from)};
    return plan_with_row(at, write, from);
  }

  // Issue: the caller obeys the times above.
  void precharge(const Location& at, Cycle cycle);
  void activate(const Location& at, Cycle cycle);
  void column(const Location& at, bool write, Cycle cycle);
  void commit(const Location& at, bool write, const Plan& plan) {
    if (plan.precharge >= 0) precharge(at, plan.precharge);
    if (plan.activate >= 0) activate(at, plan.activate);
    column(at, write, plan.column);
  }

  /// No command may be issued at or after this cycle before refresh() was called.
  Cycle refresh_due() const { return refresh_due_; }
  /// Closes all rows, refreshes, and moves refresh_due() by tREFI. Returns the cycle of the refresh command.
  Cycle refresh();
  /// All refreshes due up to `cycle` while no request waits; cost independent of the length of the idle time
  /// unless commands are traced. Returns the cycle of the last refresh, or -1 if none was due.
  Cycle refresh_idle(Cycle cycle);

  const CommandCounts& counts() const { return counts_; }
  void set_command_sink(const CommandSink* sink) { sink_ = sink; }

 private:
  static constexpr Cycle kLongAgo = std::numeric_limits<Cycle>::min() / 4;

  struct Bank {
    std::int64_t row = -1;  // -1: closed
    Cycle open_ok = kLongAgo;
    Cycle close_ok = kLongAgo;
    Cycle read_ok = kLongAgo;
    Cycle write_ok = kLongAgo;
  };
  struct Group {
    Cycle open_ok = kLongAgo;
    Cycle read_ok = kLongAgo;
    Cycle write_ok = kLongAgo;
  };
  /// Occupied cycles of the row command bus; remembers the last 4096 cycles.
  class CommandBus {
   public:
    Cycle free(Cycle from) const;
    void take(Cycle cycle);

   private:
    struct Word {
      Cycle tag = -1;
      std::uint64_t bits = 0;
    };
    std::array<Word, 64> words_;
  };

  static Cycle max(Cycle a, Cycle b) { return a > b ? a : b; }

  Cycle group_column(const Location& at, bool write) const {
    const Group& group = groups_[at.group];
    if (write) {
      const Cycle bus = last_write_ + (at.stack_id == last_write_stack_ ? t_.nCCDS : t_.nCCDR);
      return max(max(group.write_ok, bus), last_read_ + t_.nRTW);
    }
    const Cycle bus = last_read_ + (at.stack_id == last_read_stack_ ? t_.nCCDS : t_.nCCDR);
    return max(max(group.read_ok, bus), last_write_ + write_to_read_short_);
  }
  Plan plan_with_row(const Location& at, bool write, Cycle from) const;
  void record(Cycle cycle, Command command, const Location& at) const {
    if (sink_ != nullptr) (*sink_)({cycle, command, at});
  }

  Timing t_;
  std::uint32_t channel_;
  Cycle write_to_read_short_, write_to_read_long_, write_to_close_;
  std::vector<Bank> banks_;
  std::vector<Group> groups_;
  CommandBus row_bus_;
  Cycle last_activate_ = kLongAgo;
  std::array<Cycle, 4> activates_;  // of the last four, oldest at next_activate_
  unsigned next_activate_ = 0;
  Cycle last_read_ = kLongAgo, last_write_ = kLongAgo;
  std::uint32_t last_read_stack_ = 0, last_write_stack_ = 0;
  Cycle refresh_due_;
  CommandCounts counts_;
  const CommandSink* sink_ = nullptr;
};

}  // namespace memwall::hbm
