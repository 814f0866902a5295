// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Policies of the controller. Each is one file in policies/ that defines `register_<file name>`, and the
/// build finds it; the preset loader knows their names only to tell which settings belong to which. Policies
/// hold configuration only: what changes lives in the pseudo-channel, so that it can be copied, compared and
/// jumped over.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hbm/pseudo_channel.h"

namespace memwall::hbm {

/// Chooses commands for the requests of the active queue (README.md, "Scheduling contract", step 5): the one
/// that can go first; of several at one time the oldest entry's. A pick with at == kNever means that there is
/// none.
class SchedulerPolicy {
 public:
  virtual ~SchedulerPolicy() = default;
  virtual Pick column(const QueueView& view) const = 0;
  virtual Pick row(const QueueView& view) const = 0;
  /// Every hit is a candidate, and so is every bank without hits, whatever other banks do. The channel then
  /// keeps a choice that a command or a new entry cannot have changed.
  virtual bool banks_are_independent() const { return false; }
  /// Column commands to an open row (Bank::served) that it tells apart; more are alike.
  virtual std::uint32_t served_horizon() const { return 0; }
};

/// Closes rows that no entry goes to.
class PagePolicy {
 public:
  virtual ~PagePolicy() = default;
  /// From when such a row may be closed, given the cycle of the bank's last ACT, RD or WR; kNever: not at
  /// all.
  virtual Cycle close_from(Cycle last_use) const = 0;
  /// How far back last_use matters.
  virtual Cycle horizon() const { return 0; }
};

/// When writes are served instead of reads. Asked only while both queues have entries; else the queue that
/// has some is served, and `draining` follows.
class DrainPolicy {
 public:
  virtual ~DrainPolicy() = default;
  virtual bool drains(bool draining, std::uint32_t reads, std::uint32_t writes) const = 0;
};

class RefreshPolicy {
 public:
  virtual ~RefreshPolicy() = default;
  virtual bool per_bank() const { return false; }
  /// `owed`: refreshes that are due, at least 1; `idle`: both queues of the pseudo-channel are empty.
  virtual bool starts(std::uint32_t owed, bool idle) const = 0;
};

template <class Policy>
using PolicyMap =
    std::map<std::string, std::function<std::unique_ptr<Policy>(const ControllerConfig& config)>>;

/// All policies by name.
struct Policies {
  PolicyMap<SchedulerPolicy> scheduler;
  PolicyMap<PagePolicy> page;
  PolicyMap<DrainPolicy> write_drain;
  PolicyMap<RefreshPolicy> refresh;
};

const Policies& policies();
std::vector<std::string> scheduler_names();
std::vector<std::string> page_names();
std::vector<std::string> write_drain_names();
std::vector<std::string> refresh_names();

/// The policies that the controller of a preset names; ModelError with the accepted names for others.
std::unique_ptr<SchedulerPolicy> make_scheduler(const Preset& preset);
std::unique_ptr<PagePolicy> make_page_policy(const Preset& preset);
std::unique_ptr<DrainPolicy> make_drain_policy(const Preset& preset);
std::unique_ptr<RefreshPolicy> make_refresh_policy(const Preset& preset);
/// Arbitration between initiators: the oldest request first, else round-robin.
bool serves_oldest_source(const Preset& preset);

}  // namespace memwall::hbm
