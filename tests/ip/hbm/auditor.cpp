// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "ip/hbm/auditor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace memwall::hbm::testing_support {
namespace {

using C = Command;

bool contains(const std::vector<Command>& commands, Command command) {
  return std::find(commands.begin(), commands.end(), command) != commands.end();
}

bool is_column(Command command) { return command == C::kRD || command == C::kWR; }

/// The fields of a location from the outermost in.
std::array<std::uint32_t, kLevels> path(const Location& l) {
  return {l.channel, l.pseudo_channel, l.stack_id, l.group, l.bank};
}

/// Do the two lie in the same instance of every level down to `level`, as far as both have one?
bool same(Level level, const CommandRecord& a, const CommandRecord& b) {
  const auto depth =
      std::min({static_cast<std::size_t>(level), static_cast<std::size_t>(scope_of(a.command)),
                static_cast<std::size_t>(scope_of(b.command))});
  for (std::size_t i = 0; i <= depth; ++i) {
    if (path(a.where)[i] != path(b.where)[i]) return false;
  }
  return true;
}

/// Largest latency of a rule about a later `command`.
Cycle longest_before(const Preset& preset, Command command) {
  Cycle longest = 0;
  for (const Constraint& rule : preset.constraints) {
    if (contains(rule.next, command)) longest = std::max(longest, rule.latency);
  }
  return longest;
}

class ChannelAudit {
 public:
  ChannelAudit(const Preset& preset, AuditResult& result)
      : preset_(preset),
        result_(result),
        tRL_(preset.cycles("tRL")),
        tWL_(preset.cycles("tWL")),
        tBL_(preset.burst()) {
    for (const Constraint& rule : preset.constraints) {
      for (std::size_t next = 0; next < kCommands; ++next) {
        if (contains(rule.next, static_cast<Command>(next))) rules_[next].push_back(&rule);
      }
    }
    pcs_.resize(preset.organisation.pseudo_channels);
    for (PseudoChannel& pc : pcs_) {
      pc.banks.resize(preset.organisation.banks_total());
      pc.refreshes_of.resize(preset.organisation.banks_total());
    }
    const bool per_bank = preset.controller.refresh == "per_bank";
    interval_ = preset.refresh_interval() / (per_bank ? preset.organisation.banks_total() : 1);
    postponed_ = preset.controller.refresh == "postponed" ? preset.controller.refresh_max_postponed : 0;
    // A refresh that is due waits until the row commands before it, a refresh management command and an exit
    // from power-down have gone, each with what they wait for.
    grace_ = longest_before(preset, C::kPDX) + longest_before(preset, C::kPRE) +
             longest_before(preset, C::kPREab) +
             longest_before(preset, per_bank ? C::kREFpb : C::kREFab) + 8;
    if (preset.refresh_management.present) {
      grace_ += longest_before(preset, preset.refresh_management.per_bank ? C::kRFMpb : C::kRFMab);
    }
  }

  void run(const std::vector<CommandRecord>& log, Cycle until) {
    for (const CommandRecord& b : log) {
      if (b.at < now_) fail(b, "order", "the trace goes backwards");
      now_ = b.at;
      distances(b);
      data_bus(b);
      power(b);
      banks(b);
      refresh(b);
      past_[static_cast<std::size_t>(b.command)].push_back(b);
    }
    now_ = std::max(now_, until);
    if (!log.empty() && !self_refresh_) {
      for (std::uint32_t pc = 0; pc < pcs_.size(); ++pc) debt(log.back(), pc);
    }
  }

 private:
  struct Bank {
    bool open = false;
    std::uint32_t row = 0;
    std::uint32_t activates = 0;  ///< rolling count of refresh management
  };
  struct PseudoChannel {
    std::vector<Bank> banks;
    Cycle refresh_base = 0;  ///< start or the last exit from self-refresh
    std::int64_t refreshes = 0;
    std::vector<std::int64_t> refreshes_of;  ///< per bank
    bool any_open() const {
      return std::any_of(banks.begin(), banks.end(), [](const Bank& bank) { return bank.open; });
    }
  };

  void fail(const CommandRecord& b, const std::string& rule, const std::string& why) {
    result_.broken.insert(rule);
    if (result_.violations.size() < 10) {
      result_.violations.push_back(fmt::format("channel {} pc {} cycle {} {} bank {} row {}: {}: {}",
                                               b.where.channel, b.where.pseudo_channel, b.at,
                                               to_string(b.command), b.where.bank, b.where.row, rule, why));
    }
  }

  /// Every rule about `b`: fewer than `window` of the commands it speaks of may lie nearer than its latency.
  void distances(const CommandRecord& b) {
    for (const Constraint* rule : rules_[static_cast<std::size_t>(b.command)]) {
      unsigned nearer = 0;
      unsigned nearer_or_exact = 0;
      for (const Command prev : rule->prev) {
        const auto& past = past_[static_cast<std::size_t>(prev)];
        for (auto a = past.rbegin(); a != past.rend() && b.at - a->at <= rule->latency; ++a) {
          ++result_.pairs;
          if (!applies(*rule, *a, b)) continue;
          ++nearer_or_exact;
          if (b.at - a->at < rule->latency) ++nearer;
        }
      }
      if (nearer >= rule->window) {
        fail(b, rule->id,
             fmt::format("{} within the {} cycles before, {} may", nearer, rule->latency, rule->window - 1));
      } else if (nearer_or_exact >= rule->window) {
        result_.tight.insert(rule->id);
      }
    }
  }

  Cycle data_at(const CommandRecord& r) const { return r.at + (r.command == C::kRD ? tRL_ : tWL_); }
  void data_bus(const CommandRecord& b) {
    if (!is_column(b.command)) return;
    const Cycle horizon = std::max(tRL_, tWL_) + tBL_;
    for (const Command prev : {C::kRD, C::kWR}) {
      const auto& past = past_[static_cast<std::size_t>(prev)];
      for (auto a = past.rbegin(); a != past.rend() && b.at - a->at <= horizon; ++a) {
        if (a->where.pseudo_channel != b.where.pseudo_channel) continue;
        if (data_at(*a) < data_at(b) + tBL_ && data_at(b) < data_at(*a) + tBL_) {
          fail(b, "data bus", fmt::format("data overlap those of {} at {}", to_string(a->command), a->at));
        }
      }
    }
  }

  void power(const CommandRecord& b) {
    switch (b.command) {
      case C::kPDE:
        if (power_down_ || self_refresh_) fail(b, "power", "entry in a low-power state");
        power_down_ = true;
        break;
      case C::kPDX:
        if (!power_down_) fail(b, "power", "not in power-down");
        power_down_ = false;
        break;
      case C::kSRE:
        if (power_down_ || self_refresh_) fail(b, "power", "entry in a low-power state");
        for (PseudoChannel& pc : pcs_) {
          if (pc.any_open()) fail(b, "power", "self-refresh with an open row");
        }
        self_refresh_ = true;
        break;
      case C::kSRX:
        if (!self_refresh_) fail(b, "power", "not in self-refresh");
        self_refresh_ = false;
        for (PseudoChannel& pc : pcs_) {
          pc.refresh_base = b.at;
          pc.refreshes = 0;
          std::fill(pc.refreshes_of.begin(), pc.refreshes_of.end(), 0);
        }
        break;
      default:
        if (power_down_ || self_refresh_) fail(b, "power", "a command in a low-power state");
    }
  }

  void banks(const CommandRecord& b) {
    if (scope_of(b.command) == Level::kChannel) return;
    PseudoChannel& pc = pcs_.at(b.where.pseudo_channel);
    Bank& bank = pc.banks.at(b.where.bank);
    const std::uint32_t raaimt = preset_.refresh_management.raaimt;
    const auto relieve = [raaimt](Bank& of) { of.activates -= std::min(of.activates, raaimt); };
    switch (b.command) {
      case C::kACT:
        if (bank.open) fail(b, "state", "the bank is open");
        bank.open = true;
        bank.row = b.where.row;
        if (preset_.refresh_management.present && bank.activates >= raaimt) {
          fail(b, "refresh management", "the bank has used up its activates");
        }
        ++bank.activates;
        break;
      case C::kPRE:
        if (!bank.open) fail(b, "state", "the bank is closed");
        bank.open = false;
        break;
      case C::kPREab:
        for (Bank& each : pc.banks) each.open = false;
        break;
      case C::kRD:
      case C::kWR:
        if (!bank.open) {
          fail(b, "state", "the bank is closed");
        } else if (bank.row != b.where.row) {
          fail(b, "state", fmt::format("row {} is open", bank.row));
        }
        break;
      case C::kREFab:
      case C::kRFMab:
        if (pc.any_open()) fail(b, "state", "a row is open");
        for (Bank& each : pc.banks) relieve(each);
        break;
      default:  // REFpb, RFMpb
        if (bank.open) fail(b, "state", "the bank is open");
        relieve(bank);
    }
  }

  /// Counts refreshes and holds their number against the time passed.
  void refresh(const CommandRecord& b) {
    if (self_refresh_ || b.command == C::kSRX || b.command == C::kPDX) return;
    if (scope_of(b.command) == Level::kChannel) {
      for (std::uint32_t pc = 0; pc < pcs_.size(); ++pc) debt(b, pc);
      return;
    }
    PseudoChannel& pc = pcs_.at(b.where.pseudo_channel);
    if (b.command == C::kREFab || b.command == C::kREFpb) {
      if ((b.command == C::kREFpb) != (preset_.controller.refresh == "per_bank")) {
        fail(b, "refresh", "not the kind of refresh of this policy");
      }
      ++pc.refreshes;
      if (pc.refreshes > (now_ - pc.refresh_base) / interval_) fail(b, "refresh", "before it is due");
      if (b.command == C::kREFpb) {
        ++pc.refreshes_of.at(b.where.bank);
        const auto [least, most] = std::minmax_element(pc.refreshes_of.begin(), pc.refreshes_of.end());
        // After self-refresh the rotation goes on where it was, which leaves this difference at one too.
        if (*most - *least > 1) fail(b, "refresh", "some bank is left out");
      }
    }
    debt(b, b.where.pseudo_channel);
  }

  void debt(const CommandRecord& b, std::uint32_t index) {
    const PseudoChannel& pc = pcs_[index];
    const std::int64_t must = (now_ - pc.refresh_base - grace_) / interval_ - postponed_;
    if (pc.refreshes < must) {
      fail(b, "refresh", fmt::format("{} refreshes until {}, at least {} needed", pc.refreshes, now_, must));
    }
  }

  const Preset& preset_;
  AuditResult& result_;
  std::array<std::vector<const Constraint*>, kCommands> rules_;  ///< by the later command
  std::array<std::vector<CommandRecord>, kCommands> past_;       ///< by command
  std::vector<PseudoChannel> pcs_;
  bool power_down_ = false, self_refresh_ = false;
  Cycle now_ = 0;
  Cycle interval_ = 1, grace_ = 0;
  Cycle tRL_, tWL_, tBL_;
  std::int64_t postponed_ = 0;
};

}  // namespace

bool applies(const Constraint& rule, const CommandRecord& a, const CommandRecord& b) {
  if (!contains(rule.prev, a.command) || !contains(rule.next, b.command)) return false;
  if (!rule.different) return same(rule.level, a, b);
  if (scope_of(a.command) < rule.level || scope_of(b.command) < rule.level) return false;
  const auto parent = static_cast<Level>(static_cast<unsigned>(rule.level) - 1);
  if (rule.level != Level::kChannel && !same(parent, a, b)) return false;
  return !same(rule.level, a, b);
}

Cycle required_distance(const Preset& preset, const CommandRecord& a, const CommandRecord& b) {
  Cycle distance = 0;
  for (const Constraint& rule : preset.constraints) {
    if (rule.window == 1 && applies(rule, a, b)) distance = std::max(distance, rule.latency);
  }
  return distance;
}

AuditResult audit(const Preset& preset, const std::vector<CommandRecord>& log, Cycle until) {
  AuditResult result;
  result.commands = log.size();
  std::map<std::uint32_t, std::vector<CommandRecord>> channels;
  for (const CommandRecord& record : log) channels[record.where.channel].push_back(record);
  for (const auto& [index, records] : channels) ChannelAudit(preset, result).run(records, until);
  return result;
}

}  // namespace memwall::hbm::testing_support
