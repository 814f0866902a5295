// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "ip/hbm/reference_scheduler.h"

#include <algorithm>
#include <array>
#include <deque>
#include <stdexcept>

namespace memwall::hbm::testing_support {
namespace {

using C = Command;

/// The past commands as the constraint table sees them: for each rule those of `prev`.
class PastCommands {
 public:
  explicit PastCommands(const Preset& preset) : o_(preset.organisation) {
    rules_.reserve(preset.constraints.size());
    for (const Constraint& row : preset.constraints) {
      rules_.push_back({&row, {}});
      for (const Command prev : row.prev) after_[static_cast<std::size_t>(prev)].push_back(&rules_.back());
      for (const Command next : row.next) before_[static_cast<std::size_t>(next)].push_back(&rules_.back());
    }
    for (auto& memo : memo_) memo.assign(o_.pseudo_channels * o_.banks_total(), kUnknown);
  }

  /// First cycle in which the table allows `command`, if nothing else is issued before.
  Cycle earliest(Command command, std::uint32_t pc, std::uint32_t bank) {
    Cycle& at = memo_[static_cast<std::size_t>(command)][pc * o_.banks_total() + bank];
    if (at == kUnknown) at = look_up({command, pc, bank});
    return at;
  }

  void add(Command command, std::uint32_t pc, std::uint32_t bank, Cycle at) {
    for (Rule* rule : after_[static_cast<std::size_t>(command)]) {
      while (!rule->past.empty() && rule->past.back().at + rule->row->latency <= at) rule->past.pop_back();
      rule->past.push_front({{command, pc, bank}, at});
    }
    for (auto& memo : memo_) std::fill(memo.begin(), memo.end(), kUnknown);
  }

 private:
  static constexpr Cycle kUnknown = -1;
  struct Target {
    Command command;
    std::uint32_t pc, bank;
  };
  struct Past {
    Target target;
    Cycle at;
  };
  struct Rule {
    const Constraint* row;
    std::deque<Past> past;  ///< latest first
  };

  /// Number of the instance of `level` that holds a bank.
  std::uint32_t instance(Level level, const Target& t) const {
    const std::uint32_t bank = t.pc * o_.banks_total() + t.bank;
    switch (level) {
      case Level::kChannel:
        return 0;
      case Level::kPseudoChannel:
        return t.pc;
      case Level::kStackId:
        return bank / (o_.bank_groups * o_.banks);
      case Level::kBankGroup:
        return bank / o_.banks;
      default:
        return bank;
    }
  }
  bool concerns(const Constraint& row, const Target& a, const Target& b) const {
    const auto narrow = [](const Target& t, Level level) { return scope_of(t.command) >= level; };
    if (!row.different) {
      // A command to a whole pseudo-channel lies in each of its banks.
      const Level level = std::min({row.level, scope_of(a.command), scope_of(b.command)});
      return instance(level, a) == instance(level, b);
    }
    if (row.level == Level::kChannel || !narrow(a, row.level) || !narrow(b, row.level)) return false;
    const auto parent = static_cast<Level>(static_cast<int>(row.level) - 1);
    return instance(parent, a) == instance(parent, b) && instance(row.level, a) != instance(row.level, b);
  }
  Cycle look_up(const Target& target) const {
    Cycle at = 0;
    for (const Rule* rule : before_[static_cast<std::size_t>(target.command)]) {
      unsigned seen = 0;
      for (const Past& past : rule->past) {
        if (!concerns(*rule->row, past.target, target)) continue;
        if (++seen < rule->row->window) continue;
        at = std::max(at, past.at + rule->row->latency);
        break;
      }
    }
    return at;
  }

  Organisation o_;
  std::vector<Rule> rules_;
  std::array<std::vector<Rule*>, kCommands> after_, before_;  ///< rules by earlier and by later command
  std::array<std::vector<Cycle>, kCommands> memo_;
};

struct Entry {
  std::uint64_t tag;
  Port port;
  Place place;
  bool precharged = false, activated = false;  ///< for this entry
};
using Queue = std::deque<Entry>;  // oldest first

struct Bank {
  bool open = false;
  std::uint32_t row = 0;
  std::uint32_t columns = 0;  ///< column commands to the open row
  Cycle last_use = 0;         ///< last ACT, RD or WR
  std::uint32_t activates = 0;
};

struct Waiting {
  const Train* train;
  std::size_t next_burst;
  std::size_t order;
};

struct Maintenance {
  bool active = false;
  bool all_banks = false;
  bool is_refresh = false;
  Command command = C::kREFab;
  std::uint32_t bank = 0;
};

struct PseudoChannel {
  std::uint32_t index = 0;
  std::array<std::array<std::deque<Waiting>, Engine::kSources>, 2> trains;  ///< [is_write][source]
  std::array<std::uint32_t, 2> next_source{};                               ///< round robin, [is_write]
  std::array<Queue, 2> queue;                                               ///< [is_write]
  std::vector<Bank> banks;
  bool draining = false;
  std::int64_t owed = 0;
  Cycle due = 0;
  std::uint32_t rotation = 0;
  Maintenance maintenance;
  std::uint64_t last_command = 0;  ///< running number of its last command in the channel, 0: none yet

  Queue& active() { return queue[draining]; }
  bool queued() const { return !queue[0].empty() || !queue[1].empty(); }
  bool any_open() const {
    return std::any_of(banks.begin(), banks.end(), [](const Bank& bank) { return bank.open; });
  }
};

class Reference {
 public:
  Reference(const Preset& preset, std::uint32_t channel)
      : p_(preset), o_(preset.organisation), c_(preset.controller), channel_(channel), past_(preset) {
    interval_ = p_.refresh_interval();
    if (per_bank_) interval_ /= o_.banks_total();
    pcs_.resize(o_.pseudo_channels);
    for (std::uint32_t i = 0; i < pcs_.size(); ++i) {
      pcs_[i].index = i;
      pcs_[i].banks.resize(o_.banks_total());
      pcs_[i].due = interval_;
    }
  }

  Outcome run(const std::vector<Train>& trains, Cycle until) {
    std::size_t bursts = 0;
    for (std::size_t i = 0; i < trains.size(); ++i) {
      PseudoChannel& pc = pcs_.at(trains[i].pseudo_channel);
      pc.trains[trains[i].is_write].at(trains[i].source).push_back({&trains[i], 0, i});
      bursts += trains[i].bursts.size();
      sources_ = std::max(sources_, trains[i].source + 1);
    }
    const Cycle latest = trains.empty() ? 0 : trains.back().arrival;
    while (bursts_done_ < bursts || now_ < until) {
      tick();
      if (now_ > latest + until + 100'000 + 1000 * static_cast<Cycle>(bursts)) {
        throw std::runtime_error("the reference scheduler is stuck");
      }
    }
    out_.end = now_;
    return std::move(out_);
  }

 private:
  enum class Power { kUp, kDown, kSelfRefresh };

  void tick() {
    issued_ = false;
    bool busy = visible();
    for (PseudoChannel& pc : pcs_) admit(pc);
    for (const PseudoChannel& pc : pcs_) busy = busy || pc.queued();
    if (busy) idle_since_ = now_ + 1;
    for (PseudoChannel& pc : pcs_) account_for_refresh(pc);
    for (PseudoChannel& pc : pcs_) choose_maintenance(pc);
    leave_low_power();
    choose_directions();
    while (power_ == Power::kUp && issue_one()) choose_directions();
    enter_low_power();
    count_background();
    ++now_;
  }

  // 1. Admission

  bool visible(const PseudoChannel& pc, bool write, std::uint32_t source) const {
    const auto& trains = pc.trains[write][source];
    return !trains.empty() && trains.front().train->arrival <= now_;
  }
  bool visible() const {
    for (const PseudoChannel& pc : pcs_) {
      for (std::uint32_t source = 0; source < sources_; ++source) {
        if (visible(pc, false, source) || visible(pc, true, source)) return true;
      }
    }
    return false;
  }

  /// The source to be admitted next, or kSources.
  std::uint32_t arbitrate(const PseudoChannel& pc, bool write) const {
    std::uint32_t chosen = Engine::kSources;
    for (std::uint32_t i = 0; i < sources_; ++i) {
      const std::uint32_t source = (pc.next_source[write] + i) % sources_;
      if (!visible(pc, write, source)) continue;
      if (round_robin_) return source;
      // Order of submission implies order of arrival.
      if (chosen == Engine::kSources ||
          pc.trains[write][source].front().order < pc.trains[write][chosen].front().order) {
        chosen = source;
      }
    }
    return chosen;
  }

  void admit(PseudoChannel& pc) {
    for (const bool write : {true, false}) {
      Queue& queue = pc.queue[write];
      while (queue.size() < (write ? c_.write_queue : c_.read_queue)) {
        const std::uint32_t source = arbitrate(pc, write);
        if (source == Engine::kSources) break;
        pc.next_source[write] = (source + 1) % sources_;
        Waiting& waiting = pc.trains[write][source].front();
        const Train& train = *waiting.train;
        const Place place = train.bursts[waiting.next_burst];
        auto& times = out_.requests[train.tag];
        if (waiting.next_burst == 0 && times.accepted < 0) times.accepted = now_ + 1;
        if (++waiting.next_burst == train.bursts.size()) pc.trains[write][source].pop_front();
        if (!write && is_queued_write(pc, place)) {
          ++out_.counters.forwarded;
          done(train.tag, now_ + 1);
        } else {
          queue.push_back({train.tag, train.port, place});
        }
      }
    }
  }
  static bool is_queued_write(const PseudoChannel& pc, const Place& place) {
    return std::any_of(pc.queue[1].begin(), pc.queue[1].end(), [&](const Entry& write) {
      return write.place.bank == place.bank && write.place.row == place.row &&
             write.place.column == place.column;
    });
  }
  void done(std::uint64_t tag, Cycle at) {
    auto& times = out_.requests[tag];
    times.first = times.first < 0 ? at : std::min(times.first, at);
    times.last = std::max(times.last, at);
    ++bursts_done_;
  }

  // 2. and 3. Maintenance

  void account_for_refresh(PseudoChannel& pc) const {
    if (power_ == Power::kSelfRefresh) return;
    for (; pc.due <= now_; pc.due += interval_) ++pc.owed;
  }

  bool wants_refresh(const PseudoChannel& pc) const {
    if (pc.owed == 0) return false;
    if (!postponed_) return true;
    return pc.owed >= static_cast<std::int64_t>(c_.refresh_max_postponed) + 1 || !pc.queued();
  }

  bool used_up(const Bank& bank) const {
    return p_.refresh_management.present && bank.activates >= p_.refresh_management.raaimt;
  }

  void choose_maintenance(PseudoChannel& pc) const {
    if (pc.maintenance.active) return;
    if (wants_refresh(pc)) {
      const bool all = !per_bank_;
      pc.maintenance = {true, all, true, all ? C::kREFab : C::kREFpb, all ? 0 : pc.rotation};
      return;
    }
    for (std::uint32_t bank = 0; bank < pc.banks.size(); ++bank) {
      if (!used_up(pc.banks[bank]) || pc.banks[bank].open) continue;
      const bool all = !p_.refresh_management.per_bank;
      pc.maintenance = {true, all, false, all ? C::kRFMab : C::kRFMpb, all ? 0 : bank};
      return;
    }
  }

  // 4. Direction

  void choose_directions() {
    for (PseudoChannel& pc : pcs_) {
      if (!pc.queued()) continue;
      const std::size_t reads = pc.queue[0].size();
      const std::size_t writes = pc.queue[1].size();
      if (read_first_) {
        pc.draining = reads == 0 || writes >= c_.write_queue;
      } else if (pc.draining) {
        if (writes == 0 || (writes <= c_.drain_low && reads != 0)) pc.draining = false;
      } else if (reads == 0 || writes >= c_.drain_high) {
        pc.draining = true;
      }
    }
  }

  // 5. Commands

  bool ready(Command command, const PseudoChannel& pc, std::uint32_t bank) {
    return past_.earliest(command, pc.index, bank) <= now_;
  }

  void issue(Command command, PseudoChannel& pc, std::uint32_t bank, std::uint32_t row = 0,
             std::uint32_t column = 0) {
    Location where;
    where.channel = channel_;
    if (scope_of(command) != Level::kChannel) where.pseudo_channel = pc.index;
    if (scope_of(command) == Level::kBank) {
      where.bank = bank;
      where.group = bank / o_.banks;
      where.stack_id = where.group / o_.bank_groups;
      where.row = row;
      where.column = column;
    }
    out_.log.push_back({now_, command, where});
    ++out_.counters.commands[static_cast<std::size_t>(command)];
    past_.add(command, pc.index, bank, now_);
    issued_ = true;
    if (scope_of(command) != Level::kChannel) pc.last_command = out_.log.size();
    if (command != C::kPDE && command != C::kPDX) idle_since_ = now_ + 1;
  }

  void activate(PseudoChannel& pc, std::uint32_t bank, std::uint32_t row) {
    issue(C::kACT, pc, bank, row);
    pc.banks[bank] = {true, row, 0, now_, pc.banks[bank].activates + 1};
  }
  void precharge(PseudoChannel& pc, std::uint32_t bank) {
    issue(C::kPRE, pc, bank);
    pc.banks[bank].open = false;
  }
  void precharge_all(PseudoChannel& pc) {
    issue(C::kPREab, pc, 0);
    for (Bank& bank : pc.banks) bank.open = false;
  }

  /// Issues the next command of this cycle, if one may go.
  bool issue_one() {
    auto& order = order_;
    order.clear();
    for (PseudoChannel& pc : pcs_) order.push_back(&pc);
    std::stable_sort(order.begin(), order.end(), [](const PseudoChannel* a, const PseudoChannel* b) {
      return a->last_command < b->last_command;
    });
    for (PseudoChannel* pc : order) {
      if (issue_maintenance(*pc)) return true;
    }
    for (PseudoChannel* pc : order) {
      if (issue_column(*pc)) return true;
    }
    for (PseudoChannel* pc : order) {
      if (issue_row(*pc)) return true;
    }
    for (PseudoChannel* pc : order) {
      if (issue_page_policy(*pc)) return true;
    }
    return false;
  }

  /// No command for requests or the page policy goes to this bank.
  static bool reserved(const PseudoChannel& pc, std::uint32_t bank) {
    return pc.maintenance.active && (pc.maintenance.all_banks || pc.maintenance.bank == bank);
  }

  bool issue_maintenance(PseudoChannel& pc) {
    Maintenance& m = pc.maintenance;
    if (!m.active) return false;
    if (m.all_banks && pc.any_open()) {
      if (!ready(C::kPREab, pc, 0)) return false;
      precharge_all(pc);
      return true;
    }
    if (!m.all_banks && pc.banks[m.bank].open) {
      if (!ready(C::kPRE, pc, m.bank)) return false;
      precharge(pc, m.bank);
      return true;
    }
    if (!ready(m.command, pc, m.bank)) return false;
    issue(m.command, pc, m.bank);
    for (std::uint32_t bank = 0; bank < pc.banks.size(); ++bank) {
      if (!m.all_banks && bank != m.bank) continue;
      std::uint32_t& activates = pc.banks[bank].activates;
      activates -= std::min(activates, p_.refresh_management.raaimt);
    }
    if (m.is_refresh) {
      --pc.owed;
      pc.rotation = (pc.rotation + 1) % o_.banks_total();
    }
    m.active = false;
    return true;
  }

  static bool is_hit(const PseudoChannel& pc, const Entry& entry) {
    const Bank& bank = pc.banks[entry.place.bank];
    return bank.open && bank.row == entry.place.row;
  }

  /// Have the hits of this bank had their share while another row waits?
  bool capped(PseudoChannel& pc, std::uint32_t index) {
    if (!cap_) return false;
    const Bank& bank = pc.banks[index];
    if (!bank.open || bank.columns < c_.row_hit_cap) return false;
    const Queue& queue = pc.active();
    return std::any_of(queue.begin(), queue.end(), [&](const Entry& entry) {
      return entry.place.bank == index && entry.place.row != bank.row;
    });
  }

  bool issue_column(PseudoChannel& pc) {
    Queue& queue = pc.active();
    const Command command = pc.draining ? C::kWR : C::kRD;
    for (std::size_t i = 0; i < queue.size(); ++i) {
      const Entry entry = queue[i];
      const Place& place = entry.place;
      if (is_hit(pc, entry) && !reserved(pc, place.bank) && ready(command, pc, place.bank) &&
          !capped(pc, place.bank)) {
        issue(command, pc, place.bank, place.row, place.column);
        pc.banks[place.bank].last_use = now_;
        ++pc.banks[place.bank].columns;
        done(entry.tag, now_ + (pc.draining ? write_done_ : read_done_));
        ++(entry.precharged  ? out_.counters.row_conflicts
           : entry.activated ? out_.counters.row_misses
                             : out_.counters.row_hits);
        if (entry.port == Port::kPins) ++(pc.draining ? out_.counters.pin_writes : out_.counters.pin_reads);
        queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(i));
        return true;
      }
      if (fcfs_) return false;  // only the oldest counts
    }
    return false;
  }

  /// PRE or ACT, whichever the entry needs next, if it may go.
  bool issue_row_for(PseudoChannel& pc, Entry& entry) {
    const std::uint32_t bank = entry.place.bank;
    if (reserved(pc, bank)) return false;
    if (pc.banks[bank].open) {
      if (!ready(C::kPRE, pc, bank)) return false;
      precharge(pc, bank);
      entry.precharged = true;
      return true;
    }
    if (used_up(pc.banks[bank]) || !ready(C::kACT, pc, bank)) return false;
    activate(pc, bank, entry.place.row);
    entry.activated = true;
    return true;
  }

  bool issue_row(PseudoChannel& pc) {
    Queue& queue = pc.active();
    if (fcfs_) {
      return !queue.empty() && !is_hit(pc, queue.front()) && issue_row_for(pc, queue.front());
    }
    std::vector<bool> settled(pc.banks.size());  // banks with hits, or whose oldest entry was looked at
    for (const Entry& entry : queue) {
      if (is_hit(pc, entry) && !capped(pc, entry.place.bank)) settled[entry.place.bank] = true;
    }
    for (Entry& entry : queue) {
      if (is_hit(pc, entry) || settled[entry.place.bank]) continue;
      settled[entry.place.bank] = true;
      if (issue_row_for(pc, entry)) return true;
    }
    return false;
  }

  bool issue_page_policy(PseudoChannel& pc) {
    if (open_page_) return false;
    for (std::uint32_t bank = 0; bank < pc.banks.size(); ++bank) {
      if (!pc.banks[bank].open || reserved(pc, bank) || is_wanted(pc, bank)) continue;
      if (timeout_ && now_ < pc.banks[bank].last_use + c_.page_timeout) continue;
      if (!ready(C::kPRE, pc, bank)) continue;
      precharge(pc, bank);
      return true;
    }
    return false;
  }
  static bool is_wanted(const PseudoChannel& pc, std::uint32_t bank) {
    for (const Queue& queue : pc.queue) {
      for (const Entry& entry : queue) {
        if (entry.place.bank == bank && is_hit(pc, entry)) return true;
      }
    }
    return false;
  }

  // 6. Power

  bool wanted() const {
    for (const PseudoChannel& pc : pcs_) {
      if (pc.queued()) return true;
    }
    return visible();
  }
  bool any_maintenance() const {
    return std::any_of(pcs_.begin(), pcs_.end(), [](const auto& pc) { return pc.maintenance.active; });
  }

  void leave_low_power() {
    if (power_ == Power::kDown && (wanted() || any_maintenance()) && ready(C::kPDX, pcs_[0], 0)) {
      issue(C::kPDX, pcs_[0], 0);
      power_ = Power::kUp;
    }
    if (power_ == Power::kSelfRefresh && wanted() && ready(C::kSRX, pcs_[0], 0)) {
      issue(C::kSRX, pcs_[0], 0);
      power_ = Power::kUp;
      for (PseudoChannel& pc : pcs_) {
        pc.owed = 0;
        pc.due = now_ + interval_;
      }
    }
  }

  void enter_low_power() {
    if (issued_ || wanted() || any_maintenance() || power_ == Power::kSelfRefresh) return;
    if (c_.self_refresh_after > 0 && now_ >= idle_since_ + c_.self_refresh_after) {
      enter_self_refresh();
    } else if (power_ == Power::kUp && c_.power_down_after > 0 &&
               now_ >= idle_since_ + c_.power_down_after && ready(C::kPDE, pcs_[0], 0)) {
      issue(C::kPDE, pcs_[0], 0);
      power_ = Power::kDown;
    }
  }

  /// One step on the way.
  void enter_self_refresh() {
    if (power_ == Power::kDown) {
      if (!ready(C::kPDX, pcs_[0], 0)) return;
      issue(C::kPDX, pcs_[0], 0);
      power_ = Power::kUp;
      return;
    }
    for (PseudoChannel& pc : pcs_) {
      if (!pc.any_open()) continue;
      if (!ready(C::kPREab, pc, 0)) return;
      const Cycle idle_since = idle_since_;
      precharge_all(pc);
      idle_since_ = idle_since;
      return;
    }
    if (!ready(C::kSRE, pcs_[0], 0)) return;
    issue(C::kSRE, pcs_[0], 0);
    power_ = Power::kSelfRefresh;
  }

  /// The state after the commands of this cycle lasts for this cycle.
  void count_background() {
    ChannelCounters& counters = out_.counters;
    for (const PseudoChannel& pc : pcs_) {
      ++(power_ == Power::kSelfRefresh ? counters.self_refresh_cycles
         : power_ == Power::kDown      ? counters.power_down_cycles
         : pc.any_open()               ? counters.active_cycles
                                       : counters.precharged_cycles);
    }
  }

  const Preset& p_;
  const Organisation& o_;
  const ControllerConfig& c_;
  const bool fcfs_ = c_.scheduler == "fcfs", cap_ = c_.scheduler == "fr_fcfs_cap";
  const bool round_robin_ = c_.arbitration == "round_robin", read_first_ = c_.write_drain == "read_first";
  const bool per_bank_ = c_.refresh == "per_bank", postponed_ = c_.refresh == "postponed";
  const bool open_page_ = c_.page == "open", timeout_ = c_.page == "timeout";
  const Cycle read_done_ = p_.cycles("tRL") + p_.burst(), write_done_ = p_.cycles("tWL") + p_.burst();
  std::uint32_t channel_;
  PastCommands past_;
  std::vector<PseudoChannel> pcs_;
  std::vector<PseudoChannel*> order_;  ///< in which they are asked for commands
  Outcome out_;
  std::size_t bursts_done_ = 0;
  std::uint32_t sources_ = 0;  ///< in use
  Cycle now_ = 0;
  Cycle interval_ = 0;
  Cycle idle_since_ = 0;
  Power power_ = Power::kUp;
  bool issued_ = false;
};

}  // namespace

std::vector<Train> trains_of(const Preset& preset, const std::vector<Request>& requests,
                             std::uint32_t channel) {
  std::vector<Train> trains;
  const std::uint64_t burst = preset.organisation.access_bytes;
  for (const Request& request : requests) {
    std::vector<Train> of(preset.organisation.pseudo_channels);
    const std::uint64_t start = request.address / burst * burst;
    for (std::uint64_t address = start; address < request.address + request.bytes; address += burst) {
      const Location at = preset.map.decode(address);
      if (at.channel == channel) of[at.pseudo_channel].bursts.push_back({at.bank, at.row, at.column});
    }
    for (std::uint32_t pc = 0; pc < of.size(); ++pc) {
      if (of[pc].bursts.empty()) continue;
      of[pc].tag = request.tag;
      of[pc].arrival = static_cast<Cycle>((request.arrival + preset.tCK_ps - 1) / preset.tCK_ps);
      of[pc].pseudo_channel = pc;
      of[pc].source = request.source;
      of[pc].is_write = request.is_write;
      of[pc].port = request.port;
      trains.push_back(std::move(of[pc]));
    }
  }
  return trains;
}

Outcome reference_schedule(const Preset& preset, const std::vector<Train>& trains, std::uint32_t channel,
                           Cycle until) {
  return Reference(preset, channel).run(trains, until);
}

Outcome reference_stack(const Preset& preset, const std::vector<Request>& requests, Cycle until) {
  Outcome all;
  for (std::uint32_t channel = 0; channel < preset.organisation.channels; ++channel) {
    Outcome one = reference_schedule(preset, trains_of(preset, requests, channel), channel, until);
    for (const auto& [tag, times] : one.requests) {
      auto [known, is_new] = all.requests.emplace(tag, times);
      if (is_new) continue;
      known->second.accepted = std::min(known->second.accepted, times.accepted);
      known->second.first = std::min(known->second.first, times.first);
      known->second.last = std::max(known->second.last, times.last);
    }
    all.log.insert(all.log.end(), one.log.begin(), one.log.end());
    all.counters.add(one.counters);
    all.end = std::max(all.end, one.end);
  }
  return all;
}

}  // namespace memwall::hbm::testing_support
