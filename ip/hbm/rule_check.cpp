// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/rule_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"

namespace memwall::hbm {
namespace {

constexpr std::array<std::pair<Relation, const char*>, 5> kRelations = {{
    {kSameBank, "the same bank"},
    {kSameGroup, "another bank of the bank group"},
    {kSameStack, "another bank group"},
    {kOtherStack, "another stack id"},
    {kOtherPseudoChannel, "another pseudo-channel"},
}};

bool has(const std::vector<Command>& commands, Command command) {
  return std::find(commands.begin(), commands.end(), command) != commands.end();
}

class RuleCheck {
 public:
  RuleCheck(const Preset& preset, const std::function<std::string(const Constraint&)>& where,
            const std::string& missing)
      : p_(preset), where_(where), missing_(missing), existing_(relations_in(preset.organisation)) {}

  void run() {
    need_rows_and_columns();
    need_refresh();
    need_refresh_management();
    need_power();
    need_command_buses();
    check_rows();
    check_data_bus();
    check_windows();
    check_refresh_time();
  }

 private:
  using C = Command;

  /// The row that decides how long `next` waits for `prev` in one relation; null if there is none.
  const Constraint* governing(C prev, C next, unsigned relation) const {
    const Constraint* found = nullptr;
    for (const Constraint& row : p_.constraints) {
      if (row.window != 1 || (relations_of(row.level, row.different) & relation) == 0) continue;
      if (!has(row.prev, prev) || !has(row.next, next)) continue;
      const bool longer = !found || row.latency > found->latency;
      if (longer || (row.latency == found->latency && found->level == Level::kChannel)) found = &row;
    }
    return found;
  }
  Cycle latency(C prev, C next, unsigned relation) const {
    const Constraint* row = governing(prev, next, relation);
    return row ? row->latency : 0;
  }

  /// What happens within a pseudo-channel has to have its own row: the command buses do not count for it.
  bool has_rule(C prev, C next, unsigned relation, bool on_bus) const {
    return std::any_of(p_.constraints.begin(), p_.constraints.end(), [&](const Constraint& row) {
      return row.window == 1 && (on_bus || row.level != Level::kChannel) &&
             (relations_of(row.level, row.different) & relation) != 0 && has(row.prev, prev) &&
             has(row.next, next);
    });
  }

  void need(C prev, C next, unsigned relations, const char* what) const {
    const bool on_bus = relations == kWithinChannel;
    for (const auto& [relation, name] : kRelations) {
      if ((relations & existing_ & relation) == 0 || has_rule(prev, next, relation, on_bus)) continue;
      throw ConfigError(missing_, fmt::format("missing rule: no constraint from {} to {} in {} ({})",
                                              to_string(prev), to_string(next), name, what));
    }
  }

  void need_rows_and_columns() const {
    need(C::kACT, C::kRD, kSameBank, "row to column delay");
    need(C::kACT, C::kWR, kSameBank, "row to column delay");
    need(C::kACT, C::kPRE, kSameBank, "row active time");
    need(C::kPRE, C::kACT, kSameBank, "precharge time");
    need(C::kACT, C::kACT, kWithinStack, "row cycle and row to row delay");
    need(C::kRD, C::kPRE, kSameBank, "read to precharge");
    need(C::kWR, C::kPRE, kSameBank, "write recovery");
    need(C::kRD, C::kRD, kWithinPseudoChannel, "column to column delay");
    need(C::kWR, C::kWR, kWithinPseudoChannel, "column to column delay");
    need(C::kRD, C::kWR, kWithinPseudoChannel, "read to write turnaround");
    need(C::kWR, C::kRD, kWithinPseudoChannel, "write to read turnaround");
    need(C::kACT, C::kPREab, kWithinPseudoChannel, "row active time");
    need(C::kRD, C::kPREab, kWithinPseudoChannel, "read to precharge");
    need(C::kWR, C::kPREab, kWithinPseudoChannel, "write recovery");
    need(C::kPREab, C::kACT, kWithinPseudoChannel, "precharge time");
  }

  /// A bank command that takes its bank away for a while.
  void need_bank_operation(C op) const {
    need(C::kPRE, op, kSameBank, "precharge time");
    need(C::kPREab, op, kWithinPseudoChannel, "precharge time");
    need(C::kACT, op, kWithinStack, "row to row delay");
    need(op, C::kACT, kWithinStack, "refresh time");
    need(op, op, kWithinStack, "refresh time");
    // The distance to other banks holds for the bank itself, too, but is not how long it is away.
    const bool own = std::any_of(p_.constraints.begin(), p_.constraints.end(), [&](const Constraint& row) {
      return row.level == Level::kBank && !row.different && has(row.prev, op) && has(row.next, C::kACT);
    });
    if (!own) {
      throw ConfigError(missing_,
                        fmt::format("missing rule: no constraint of level bank from {} to ACT (refresh "
                                    "time)",
                                    to_string(op)));
    }
  }
  void need_all_bank_operation(C op) const {
    need(C::kPRE, op, kWithinPseudoChannel, "precharge time");
    need(C::kPREab, op, kWithinPseudoChannel, "precharge time");
    need(C::kACT, op, kWithinPseudoChannel, "row cycle time");
    need(op, C::kACT, kWithinPseudoChannel, "refresh time");
    need(op, op, kWithinPseudoChannel, "refresh time");
  }

  bool refreshes_per_bank() const { return p_.controller.refresh == "per_bank"; }
  /// What the configured policies issue.
  std::vector<C> maintenance() const {
    std::vector<C> out = {C::kREFab};
    if (refreshes_per_bank()) out.push_back(C::kREFpb);
    if (p_.refresh_management.present) {
      out.push_back(p_.refresh_management.per_bank ? C::kRFMpb : C::kRFMab);
    }
    return out;
  }

  void need_refresh() const {
    need_all_bank_operation(C::kREFab);
    if (!refreshes_per_bank()) return;
    need_bank_operation(C::kREFpb);
    need(C::kREFpb, C::kREFab, kWithinPseudoChannel, "refresh time");
    need(C::kREFab, C::kREFpb, kWithinPseudoChannel, "refresh time");
  }

  void need_refresh_management() const {
    if (!p_.refresh_management.present) return;
    const C op = p_.refresh_management.per_bank ? C::kRFMpb : C::kRFMab;
    if (op == C::kRFMpb) {
      need_bank_operation(op);
    } else {
      need_all_bank_operation(op);
    }
    for (const C other : maintenance()) {
      const bool banks = scope_of(other) == Level::kBank && scope_of(op) == Level::kBank;
      const unsigned relations = banks ? kWithinStack : kWithinPseudoChannel;
      need(other, op, relations, "refresh time");
      need(op, other, relations, "refresh time");
    }
  }

  void need_power() const {
    const bool power_down = p_.controller.power_down_after > 0;
    const bool self_refresh = p_.controller.self_refresh_after > 0;
    std::vector<C> others = {C::kACT, C::kPRE, C::kPREab, C::kRD, C::kWR};
    for (const C op : maintenance()) others.push_back(op);
    if (power_down) {
      for (const C other : others) {
        need(other, C::kPDE, kWithinChannel, "power-down entry");
        need(C::kPDX, other, kWithinChannel, "power-down exit");
      }
      need(C::kPDE, C::kPDX, kWithinChannel, "power-down time");
      need(C::kPDX, C::kPDE, kWithinChannel, "power-down exit");
    }
    if (self_refresh) {
      for (const C other : others) {
        if (other != C::kACT) need(other, C::kSRE, kWithinChannel, "self-refresh entry");
        need(C::kSRX, other, kWithinChannel, "self-refresh exit");
      }
      need(C::kSRE, C::kSRX, kWithinChannel, "self-refresh time");
      need(C::kSRX, C::kSRE, kWithinChannel, "self-refresh exit");
    }
    if (power_down && self_refresh) {
      need(C::kPDX, C::kSRE, kWithinChannel, "power-down exit");
      need(C::kSRX, C::kPDE, kWithinChannel, "self-refresh exit");
    }
  }

  void need_command_buses() const {
    std::vector<C> rows = {C::kACT, C::kPRE, C::kPREab};
    for (const C op : maintenance()) rows.push_back(op);
    for (const C prev : rows) {
      for (const C next : rows) need(prev, next, kWithinChannel, "row command bus");
    }
    for (const C prev : {C::kRD, C::kWR}) {
      for (const C next : {C::kRD, C::kWR}) need(prev, next, kWithinChannel, "column command bus");
    }
  }

  [[noreturn]] void contradiction(const Constraint& row, const std::string& text) const {
    throw ConfigError(where_(row), fmt::format("constraint {} ({} = {} cycles) contradicts others: {}",
                                               row.id, row.formula, row.latency, text));
  }

  void check_rows() const {
    const Constraint& rc = *governing(C::kACT, C::kACT, kSameBank);
    const Constraint& ras = *governing(C::kACT, C::kPRE, kSameBank);
    const Constraint& rp = *governing(C::kPRE, C::kACT, kSameBank);
    if (rc.latency < ras.latency + rp.latency) {
      contradiction(rc, fmt::format("ACT to ACT is less than ACT to PRE plus PRE to ACT, {} + {} = {}",
                                    ras.latency, rp.latency, ras.latency + rp.latency));
    }
    const Constraint& rcd = *governing(C::kACT, C::kRD, kSameBank);
    if (ras.latency < rcd.latency) {
      contradiction(
          ras, fmt::format("the row would close before it can be read, {} cycles after ACT", rcd.latency));
    }
    const Constraint& wr = *governing(C::kWR, C::kPRE, kSameBank);
    if (wr.latency < p_.cycles("tWL") + p_.burst()) {
      contradiction(wr, fmt::format("the row would close before the data of the write have come, {} cycles",
                                    p_.cycles("tWL") + p_.burst()));
    }
  }

  void check_data_bus() const {
    const Cycle read = p_.cycles("tRL");
    const Cycle write = p_.cycles("tWL");
    const Cycle burst = p_.burst();
    const struct {
      C prev, next;
      Cycle least;
      const char* formula;
    } buses[] = {{C::kRD, C::kRD, burst, "tBL"},
                 {C::kWR, C::kWR, burst, "tBL"},
                 {C::kRD, C::kWR, read + burst - write, "tRL + tBL - tWL"},
                 {C::kWR, C::kRD, write + burst - read, "tWL + tBL - tRL"}};
    for (const auto& bus : buses) {
      for (const auto& [relation, name] : kRelations) {
        if ((relation & existing_ & kWithinPseudoChannel) == 0) continue;
        const Constraint& row = *governing(bus.prev, bus.next, relation);
        if (row.latency < bus.least) {
          contradiction(row,
                        fmt::format("bursts of {} and {} in {} would meet on the data bus; at least {} = "
                                    "{}",
                                    to_string(bus.prev), to_string(bus.next), name, bus.formula, bus.least));
        }
      }
    }
  }

  void check_windows() const {
    for (const Constraint& row : p_.constraints) {
      if (row.window == 1) continue;
      for (const C command : row.prev) {
        if (!has(row.next, command)) continue;
        Cycle closest = 0;
        for (const auto& [relation, name] : kRelations) {
          if ((relations_of(row.level, row.different) & existing_ & relation) == 0) continue;
          const Cycle here = latency(command, command, relation);
          closest = closest == 0 ? here : std::min(closest, here);
        }
        if (row.latency < closest) {
          contradiction(row, fmt::format("a window of {} {} is shorter than from one to the next, {}",
                                         row.window, to_string(command), closest));
        }
      }
    }
  }

  void check_refresh_time() const {
    const Constraint& rfc = *governing(C::kREFab, C::kACT, kSameBank);
    const Cycle interval = p_.refresh_interval();
    const Cycle beside = 2 * latency(C::kACT, C::kACT, kSameBank) + latency(C::kWR, C::kPRE, kSameBank);
    if (interval <= rfc.latency + beside) {
      contradiction(rfc, fmt::format("a refresh every tREFI = {} cycles leaves no time beside it", interval));
    }
    if (!refreshes_per_bank()) return;
    const Cycle each = interval / p_.organisation.banks_total();
    for (const auto& [relation, name] : kRelations) {
      if ((relation & existing_ & kWithinPseudoChannel) == 0 || relation == kSameBank) continue;
      const Constraint* next = governing(C::kREFpb, C::kREFpb, relation);
      if (next && each <= next->latency) {
        contradiction(*next, fmt::format("per-bank refresh comes every {} cycles", each));
      }
    }
    const Constraint& own = *governing(C::kREFpb, C::kACT, kSameBank);
    if (interval <= own.latency + beside) {
      contradiction(own,
                    fmt::format("a refresh of the bank every tREFI = {} cycles leaves no time", interval));
    }
  }

  const Preset& p_;
  const std::function<std::string(const Constraint&)>& where_;
  const std::string& missing_;
  unsigned existing_;
};

}  // namespace

unsigned relations_of(Level level, bool different) {
  switch (level) {
    case Level::kBank:
      return different ? kSameGroup : kSameBank;
    case Level::kBankGroup:
      return different ? kSameStack : kSameBank | kSameGroup;
    case Level::kStackId:
      return different ? kOtherStack : kSameBank | kSameGroup | kSameStack;
    case Level::kPseudoChannel:
      return different ? kOtherPseudoChannel : kWithinPseudoChannel;
    case Level::kChannel:
      break;
  }
  return different ? 0u : unsigned{kWithinChannel};
}

unsigned relations_in(const Organisation& o) {
  return kSameBank | (o.banks > 1 ? kSameGroup : 0u) | (o.bank_groups > 1 ? kSameStack : 0u) |
         (o.stack_ids > 1 ? kOtherStack : 0u) | (o.pseudo_channels > 1 ? kOtherPseudoChannel : 0u);
}

void check_rules(const Preset& preset, const std::function<std::string(const Constraint&)>& where,
                 const std::string& missing) {
  RuleCheck(preset, where, missing).run();
}

}  // namespace memwall::hbm
