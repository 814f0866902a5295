// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/management.h"

#include <algorithm>
#include <cmath>

namespace memwall::hbf {

// The services may not be complete yet: nothing is asked of them here.
Management::Management(const Config& config, unsigned channel, ChannelServices& services)
    : config_(config),
      channel_(channel),
      services_(services),
      max_read_threshold_(config.reliability.max_read_threshold) {
  load_reset_values();
}

void Management::set_throttle(bool light, bool severe) {
  if (light && !light_) ++light_entries_;
  if (severe && !cattrip_) ++severe_entries_;
  light_ = light;
  cattrip_ = severe;
  ces_ = ces_ || severe;
}

void Management::log_error(TimePs now, bool is_write, unsigned status, unsigned info, std::uint64_t address) {
  LogEntry entry;
  entry.number = ++hbf_logged_;
  entry.at = now;
  entry.is_write = is_write ? 1 : 0;
  entry.status = static_cast<std::uint8_t>(status);
  entry.info = static_cast<std::uint8_t>(info);
  entry.address = address;
  entry.millidegrees = std::llround(services_.celsius() * 1000);
  hbf_log_.push_front(entry);
  if (hbf_log_.size() > kMaxHbfEntries) hbf_log_.pop_back();
}

void Management::log_ucie(TimePs now, UcieEvent event) {
  LogEntry entry;
  entry.number = ++ucie_logged_;
  entry.at = now;
  entry.kind = static_cast<std::uint8_t>(event);
  entry.millidegrees = std::llround(services_.celsius() * 1000);
  ucie_log_.push_front(entry);
  if (ucie_log_.size() > kMaxUcieEntries) ucie_log_.pop_back();
}

void Management::take_snapshot(TimePs at) {
  const ChannelServices::Wear wear = services_.wear();
  const std::vector<std::uint64_t> smart = services_.smart();
  std::array<std::uint64_t, kSnapshotBytes / 8> words{};
  words[0] = ++snapshots_taken_;
  words[1] = at / kPsPerNs;
  words[2] = static_cast<std::uint64_t>(std::llround(services_.celsius() * 1000));
  words[3] = static_cast<std::uint64_t>(wear.max_pec);
  words[4] = wear.retired_blocks;
  const auto counter = [&smart](SmartCounter which) {
    const auto i = static_cast<std::size_t>(which);
    return i < smart.size() ? smart[i] : 0;
  };
  words[5] = counter(SmartCounter::kReadBytes);
  words[6] = counter(SmartCounter::kWriteBytes);
  words[7] = counter(SmartCounter::kSenses);
  snapshots_.push_front(words);
  if (snapshots_.size() > kSnapshotsKept) snapshots_.pop_back();
}

void Management::stop_operations() {
  erase_end_ = 0;
  if (bist_end_ > advanced_) bist_result_ = 0;
  bist_end_ = 0;
}

void Management::reset(TimePs now, ResetType type) {
  advance(now);
  ++resets_;
  if (type == ResetType::kPhy) log_ucie(now, UcieEvent::kPhyReset);
  if (type == ResetType::kAou) log_ucie(now, UcieEvent::kAouReset);
  if (type == ResetType::kChannel) {
    stop_operations();
    load_reset_values();
    host_retry_ = false;
    max_read_threshold_ = config_.reliability.max_read_threshold;
    chosen_block_ = 0;
    ready_at_ = kNever;
    unready_at_ = 0;
    services_.set_wear_levelling(true);
    announce_thresholds();
  }
  boot_end_ = std::max(boot_end_, now + config_.timing.tRESET);
}

void Management::hbf_reset(TimePs now) {
  reset(now, ResetType::kChannel);
  disabled_ = false;
  boot_end_ = now + config_.timing.tBOOT;
}

void Management::power_on(TimePs now) {
  hbf_reset(now);
  resets_ = 0;
  ++power_cycles_;
  lockout_ = false;
  ces_ = cattrip_;
  fatal_ = false;
  bist_type_ = bist_result_ = 0;
  hbf_log_.clear();
  ucie_log_.clear();
  snapshots_.clear();
  hbf_logged_ = ucie_logged_ = snapshots_taken_ = 0;
  light_entries_ = severe_entries_ = 0;
}

TimePs Management::next_event() const {
  TimePs next = kNever;
  const auto due = [&](TimePs at) {
    if (at > advanced_) next = std::min(next, at);
  };
  if (enabled()) {
    due(ready_at_);
  } else {
    due(unready_at_);
  }
  due(boot_end_);
  due(erase_end_);
  due(bist_end_);
  due(snapshot_at_);
  return next;
}

void Management::advance(TimePs now) {
  if (now < advanced_) return;
  while (snapshot_at_ <= now) {
    take_snapshot(snapshot_at_);
    snapshot_at_ += interval_;
  }
  if (bist_result_ == 3 && bist_end_ <= now)
    bist_result_ = services_.wear().reduced && bist_type_ == 2 ? 2 : 1;
  advanced_ = now;
}

void Management::set_disabled(bool disabled) {
  if (disabled) set_enable(advanced_, false);
  disabled_ = disabled;
}

void Management::set_fatal(TimePs now, UcieEvent cause) {
  if (fatal_) return;
  fatal_ = true;
  log_ucie(now, cause);
}

void Management::restore(const Sticky& sticky) {
  lockout_ = sticky.lockout;
  ces_ = sticky.ces || cattrip_;
}

}  // namespace memwall::hbf
