// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "noc/core.h"

#include <algorithm>
#include <cmath>

#include "common/error.h"

namespace memwall::noc {

RouterCore::RouterCore(const RouterConfig& config)
    : initiator_names_(config.initiators),
      flows_(config.initiators.size() * config.targets.size()),
      decode_errors_(config.initiators.size()) {
  if (!(config.hop_latency_ns >= 0)) throw ConfigError("noc.hop_latency_ns", "must not be negative");
  hop_ = static_cast<TimePs>(std::llround(config.hop_latency_ns * 1e3));
  for (const TargetConfig& target : config.targets) {
    const std::string place = "noc target " + target.name;
    const double rate = target.bandwidth_gbytes_per_s;
    if (!(rate >= 0)) throw ConfigError(place, "bandwidth_gbytes_per_s must not be negative");
    for (const Range& range : target.ranges) {
      if (range.size_bytes == 0 || range.size_bytes - 1 > ~range.base)
        throw ConfigError(place, "a range is empty or wraps");
      entries_.push_back({range, static_cast<std::uint32_t>(targets_.size())});
    }
    std::uint32_t local_to = kNoInitiator;
    if (!target.local_to.empty()) {
      const auto found = std::find(config.initiators.begin(), config.initiators.end(), target.local_to);
      if (found == config.initiators.end())
        throw ConfigError(place, "local_to names no initiator: " + target.local_to);
      local_to = static_cast<std::uint32_t>(found - config.initiators.begin());
    }
    targets_.push_back({target.name, rate > 0 ? 1e3 / rate : 0.0, local_to, {}, 0, 0});
  }
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.range.base < b.range.base; });
  for (std::size_t i = 1; i < entries_.size(); ++i) {
    const Entry& before = entries_[i - 1];
    if (entries_[i].range.base - before.range.base < before.range.size_bytes) {
      throw ConfigError("noc", "ranges of targets " + targets_[before.target].name + " and " +
                                   targets_[entries_[i].target].name + " overlap");
    }
  }
}

RouterCore::Route RouterCore::route(std::uint64_t address) const {
  auto next = std::upper_bound(entries_.begin(), entries_.end(), address,
                               [](std::uint64_t a, const Entry& entry) { return a < entry.range.base; });
  if (next == entries_.begin()) return {};
  const Entry& entry = *std::prev(next);
  const std::uint64_t distance = address - entry.range.base;
  if (distance >= entry.range.size_bytes) return {};
  return {entry.target, entry.range.target_offset + distance, entry.range.size_bytes - distance, entry.range};
}

RouterCore::Slot RouterCore::transfer(std::uint32_t initiator, std::uint32_t target, std::uint64_t bytes,
                                      bool is_write, TimePs at, TimePs horizon) {
  Target& port = targets_[target];
  const auto duration = static_cast<TimePs>(std::llround(static_cast<double>(bytes) * port.ps_per_byte));
  const TimePs arrival = at + hop(initiator, target);
  port.calendar.forget_before(horizon);
  const TimePs start = port.calendar.reserve(arrival, duration);
  port.busy += duration;
  port.waited += start - arrival;
  Flow& flow = flows_[initiator * targets_.size() + target];
  ++flow.requests;
  (is_write ? flow.bytes_written : flow.bytes_read) += bytes;
  return {start, start + duration};
}

void RouterCore::report(StatSink& sink) const {
  for (std::size_t i = 0; i < initiator_names_.size(); ++i) {
    StatSink from = sink.scope(initiator_names_[i]);
    from.count("decode_errors", decode_errors_[i], "requests", "Requests that no target answers.");
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      const Flow& flow = flows_[i * targets_.size() + t];
      if (flow.requests == 0) continue;
      StatSink to = from.scope(targets_[t].name);
      to.count("requests", flow.requests, "requests", "Requests from this initiator to this target.");
      to.count("bytes_read", flow.bytes_read, "bytes", "Bytes that the initiator read from the target.");
      to.count("bytes_written", flow.bytes_written, "bytes", "Bytes that the initiator wrote to the target.");
    }
  }
  for (const Target& target : targets_) {
    if (target.ps_per_byte == 0) continue;
    StatSink port = sink.scope("port").scope(target.name);
    port.amount("busy", static_cast<double>(target.busy) / 1e3, "ns", "Time in which the port moved bytes.");
    port.amount("waited", static_cast<double>(target.waited) / 1e3, "ns",
                "Time that requests waited for the port.");
  }
}

}  // namespace memwall::noc
