// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "ip/hbm/auditor.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace memwall::hbm::testing_support {
namespace {

bool is_row_command(Command c) { return c != Command::kRead && c != Command::kWrite; }
bool is_column(Command c) { return c == Command::kRead || c == Command::kWrite; }

/// Least distance that `b` must keep from an earlier `a`, with the rule's name; 0 if no rule applies.
std::pair<Cycle, const char*> distance(const Timing& t, const CommandRecord& a, const CommandRecord& b) {
  const bool same_bank = a.where.bank == b.where.bank;
  const bool same_group = a.where.group == b.where.group;
  const bool same_stack = a.where.stack_id == b.where.stack_id;
  const Cycle write_end = t.nWL + t.nBL;
  using C = Command;
  std::pair<Cycle, const char*> worst{0, ""};
  const auto rule = [&](bool applies, Cycle gap, const char* name) {
    if (applies && gap > worst.first) worst = {gap, name};
  };
  const C x = a.command;
  const C y = b.command;
  rule(x == C::kActivate && y == C::kActivate && same_bank, t.nRC, "tRC");
  rule(x == C::kActivate && y == C::kActivate && same_group, t.nRRDL, "tRRD_L");
  rule(x == C::kActivate && y == C::kActivate, t.nRRDS, "tRRD_S");
  rule(x == C::kActivate && y == C::kRead && same_bank, t.nRCDRD, "tRCDRD");
  rule(x == C::kActivate && y == C::kWrite && same_bank, t.nRCDWR, "tRCDWR");
  rule(x == C::kActivate && y == C::kPrecharge && same_bank, t.nRAS, "tRAS");
  rule(x == C::kActivate && y == C::kPrechargeAll, t.nRAS, "tRAS before PREab");
  rule(x == C::kActivate && y == C::kRefresh, t.nRC, "tRC before refresh");
  rule(x == C::kPrecharge && y == C::kActivate && same_bank, t.nRP, "tRP");
  rule(x == C::kPrecharge && y == C::kRefresh, t.nRP, "tRP before refresh");
  rule(x == C::kPrechargeAll && (y == C::kActivate || y == C::kRefresh), t.nRP, "tRP after PREab");
  rule(x == C::kRead && y == C::kRead && same_group, t.nCCDL, "tCCD_L");
  rule(x == C::kWrite && y == C::kWrite && same_group, t.nCCDL, "tCCD_L");
  rule(x == y && is_column(x) && same_stack, t.nCCDS, "tCCD_S");
  rule(x == y && is_column(x) && !same_stack, t.nCCDR, "tCCD_R");
  rule(x == C::kRead && y == C::kWrite, t.nRTW, "tRTW");
  rule(x == C::kWrite && y == C::kRead && same_group, write_end + t.nWTRL, "tWTR_L");
  rule(x == C::kWrite && y == C::kRead, write_end + t.nWTRS, "tWTR_S");
  rule(x == C::kRead && y == C::kPrecharge && same_bank, t.nRTP, "tRTP");
  rule(x == C::kRead && y == C::kPrechargeAll, t.nRTP, "tRTP before PREab");
  rule(x == C::kWrite && y == C::kPrecharge && same_bank, write_end + t.nWR, "tWR");
  rule(x == C::kWrite && y == C::kPrechargeAll, write_end + t.nWR, "tWR before PREab");
  rule(x == C::kRefresh, y == C::kRefresh ? t.nRFCab + t.nRP : t.nRFCab, "tRFCab");
  rule(is_row_command(x) == is_row_command(y), 1, "one command per cycle and bus");
  return worst;
}

struct ChannelAudit {
  const Preset& preset;
  AuditResult& result;

  void fail(const CommandRecord& at, const std::string& why) {
    if (result.violations.size() < 10) {
      result.violations.push_back(fmt::format("pc {} cycle {} {} bank {} row {}: {}", at.where.channel, at.at,
                                              to_string(at.command), at.where.bank, at.where.row, why));
    }
  }

  void run(const std::vector<CommandRecord>& log) {
    const Timing& t = preset.timing;
    const Cycle horizon = t.nRFCab + t.nRP + t.nRC + t.nWL + t.nBL + t.nWR + t.nFAW;
    std::map<std::uint32_t, std::uint32_t> open;  // bank -> row
    std::vector<Cycle> activates;
    Cycle bus_free = 0;
    std::int64_t refreshes = 0;
    std::size_t oldest = 0;
    for (std::size_t i = 0; i < log.size(); ++i) {
      const CommandRecord& b = log[i];
      while (log[oldest].at + horizon < b.at) ++oldest;
      for (std::size_t j = oldest; j < i; ++j) {
        ++result.pairs;
        const auto [gap, name] = distance(t, log[j], b);
        if (b.at - log[j].at < gap) {
          fail(b, fmt::format("{} needs {} cycles after {} at {}", name, gap, to_string(log[j].command),
                              log[j].at));
        }
      }
      const Cycle due = (refreshes + 1) * t.nREFI;
      if (b.at >= due && b.command != Command::kRefresh && b.command != Command::kPrechargeAll) {
        fail(b, "issued while a refresh is due");
      }
      state(b, open, activates, bus_free, refreshes, due);
    }
  }

  void state(const CommandRecord& b, std::map<std::uint32_t, std::uint32_t>& open,
             std::vector<Cycle>& activates, Cycle& bus_free, std::int64_t& refreshes, Cycle due) {
    const Timing& t = preset.timing;
    const auto row = open.find(b.where.bank);
    switch (b.command) {
      case Command::kActivate:
        if (row != open.end()) fail(b, "the bank is open");
        open[b.where.bank] = b.where.row;
        if (activates.size() >= 4 && b.at - activates[activates.size() - 4] < t.nFAW) fail(b, "tFAW");
        activates.push_back(b.at);
        break;
      case Command::kPrecharge:
        if (row == open.end()) fail(b, "the bank is closed");
        open.erase(b.where.bank);
        break;
      case Command::kPrechargeAll:
        open.clear();
        break;
      case Command::kRead:
      case Command::kWrite: {
        if (row == open.end()) {
          fail(b, "the bank is closed");
        } else if (row->second != b.where.row) {
          fail(b, fmt::format("row {} is open", row->second));
        }
        const Cycle data = b.at + (b.command == Command::kRead ? t.nRL : t.nWL);
        if (data < bus_free) fail(b, "data bus conflict");
        bus_free = data + t.nBL;
        break;
      }
      case Command::kRefresh:
        if (!open.empty()) fail(b, "refresh with open rows");
        if (b.at < due) fail(b, "refresh before it is due");
        if (b.at >= due + t.nREFI) fail(b, "refresh later than the next one is due");
        ++refreshes;
        break;
    }
  }
};

}  // namespace

Cycle required_distance(const Timing& t, const CommandRecord& a, const CommandRecord& b) {
  return distance(t, a, b).first;
}

AuditResult audit(const Preset& preset, std::vector<CommandRecord> log) {
  AuditResult result;
  result.commands = log.size();
  std::stable_sort(log.begin(), log.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  std::map<std::uint32_t, std::vector<CommandRecord>> channels;
  for (const CommandRecord& record : log) channels[record.where.channel].push_back(record);
  for (const auto& [index, records] : channels) ChannelAudit{preset, result}.run(records);
  return result;
}

}  // namespace memwall::hbm::testing_support
