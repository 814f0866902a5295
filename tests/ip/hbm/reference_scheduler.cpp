// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "ip/hbm/reference_scheduler.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "ip/hbm/auditor.h"

namespace memwall::hbm::testing_support {
namespace {

class Reference {
 public:
  Reference(const Preset& preset, std::vector<CommandRecord>& log)
      : t_(preset.timing), c_(preset.controller), log_(log), due_(preset.timing.nREFI) {}

  std::vector<Cycle> run(const std::vector<Request>& requests) {
    done_.assign(requests.size(), -1);
    std::size_t next = 0;
    for (now_ = 0; next < requests.size() || !reads_.empty() || !writes_.empty(); ++now_) {
      while (next < requests.size() && requests[next].arrival <= now_ && enter(requests[next])) ++next;
      while (issue_one()) {
      }
    }
    return done_;
  }

 private:
  bool enter(const Request& request) {
    auto& queue = request.is_write ? writes_ : reads_;
    if (queue.size() >= (request.is_write ? c_.write_queue : c_.read_queue)) return false;
    if (!request.is_write) {
      for (const Request& w : writes_) {
        if (w.at.bank == request.at.bank && w.at.row == request.at.row && w.at.column == request.at.column) {
          done_[request.id] = now_ + 1;
          return true;
        }
      }
    }
    queue.push_back(request);
    return true;
  }

  bool ready(Command command, const Location& at) const {
    const CommandRecord record{now_, command, at};
    Cycle activates = 0;
    for (auto past = log_.rbegin(); past != log_.rend() && past->at + horizon() >= now_; ++past) {
      if (now_ - past->at < required_distance(t_, *past, record)) return false;
      if (command == Command::kActivate && past->command == Command::kActivate && now_ - past->at < t_.nFAW &&
          ++activates == 4) {
        return false;
      }
    }
    return true;
  }
  Cycle horizon() const { return t_.nRFCab + t_.nRC + t_.nWL + t_.nBL + t_.nWR + t_.nFAW; }

  bool hit(const Location& at) const {
    const auto row = open_.find(at.bank);
    return row != open_.end() && row->second == at.row;
  }

  void issue(Command command, const Location& at) { log_.push_back({now_, command, at}); }

  /// The next command of this cycle, if one may go.
  bool issue_one() {
    if (now_ >= due_) return refresh();
    if (reads_.empty() && writes_.empty()) return false;
    if (draining_) {
      if (writes_.empty() || (writes_.size() <= c_.drain_low && !reads_.empty())) draining_ = false;
    } else if (reads_.empty() || writes_.size() >= c_.drain_high) {
      draining_ = true;
    }
    auto& queue = draining_ ? writes_ : reads_;
    const Command column = draining_ ? Command::kWrite : Command::kRead;
    for (auto it = queue.begin(); it != queue.end(); ++it) {
      if (!hit(it->at) || !ready(column, it->at)) continue;
      issue(column, it->at);
      done_[it->id] = now_ + (draining_ ? t_.nWL : t_.nRL) + t_.nBL;
      queue.erase(it);
      return true;
    }
    std::set<std::uint32_t> seen;
    for (const Request& request : queue) {
      if (hit(request.at)) seen.insert(request.at.bank);
    }
    for (const Request& request : queue) {
      if (!seen.insert(request.at.bank).second) continue;
      const bool open = open_.count(request.at.bank) != 0;
      if (!ready(open ? Command::kPrecharge : Command::kActivate, request.at)) continue;
      issue(open ? Command::kPrecharge : Command::kActivate, request.at);
      if (open) {
        open_.erase(request.at.bank);
      } else {
        open_[request.at.bank] = request.at.row;
      }
      return true;
    }
    return false;
  }

  bool refresh() {
    const Location all;
    if (!open_.empty()) {
      if (!ready(Command::kPrechargeAll, all)) return false;
      issue(Command::kPrechargeAll, all);
      open_.clear();
      return true;
    }
    if (!ready(Command::kRefresh, all)) return false;
    issue(Command::kRefresh, all);
    due_ += t_.nREFI;
    return true;
  }

  Timing t_;
  ControllerConfig c_;
  std::vector<CommandRecord>& log_;
  std::deque<Request> reads_, writes_;
  std::map<std::uint32_t, std::uint32_t> open_;
  std::vector<Cycle> done_;
  bool draining_ = false;
  Cycle now_ = 0;
  Cycle due_;
};

}  // namespace

std::vector<Cycle> reference_schedule(const Preset& preset, const std::vector<Request>& requests,
                                      std::vector<CommandRecord>& log) {
  return Reference(preset, log).run(requests);
}

}  // namespace memwall::hbm::testing_support
