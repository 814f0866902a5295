// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "common/error.h"
#include "hbm/channel.h"

namespace memwall::hbm {
namespace {

/// Bursts of one request in one pseudo-channel, as local indices; empty if begin == end.
struct Segment {
  std::uint64_t begin = 0, end = 0;
  bool operator==(const Segment& other) const { return begin == other.begin && end == other.end; }
};

/// Up to this many bursts a request is looked at burst by burst.
constexpr std::uint64_t kFewBursts = 32;
constexpr std::uint32_t kDealtWith = ~std::uint32_t{0};

}  // namespace

class Engine::Impl {
 public:
  Impl(const Preset& preset, const Options& options)
      : device(preset), options_(options), segments_(preset.organisation.pseudo_channels_total()) {
    if (preset.controller.row_hammer_counters) options_.fast_forward = options_.share_equal_channels = false;
    steady_ = options.periods ? options.periods : make_periods();
    steady_->join(preset);
    reset();
  }

  void submit(const Request& request);
  void advance(Cycle limit, std::vector<Event>& events);
  void finish(std::vector<Event>& events);
  std::optional<TimePs> next_event();
  Counters counters(TimePs now);
  MostOpened most_opened() const;
  void set_command_sink(CommandSink sink) {
    if (orders_ != 0) throw ModelError("contract", name(), "command sink set after the first request");
    options_.fast_forward = options_.share_equal_channels = false;
    sink_ = std::move(sink);
    reset();
  }

  const Device device;
  std::size_t in_flight() const { return flights_.size() - free_flights_.size(); }
  const std::string& name() const { return device.preset.name; }
  Cycle reached() const { return reached_; }
  /// First clock edge at or after `time`.
  Cycle edge(TimePs time) const {
    return static_cast<Cycle>((time + device.preset.tCK_ps - 1) / device.preset.tCK_ps);
  }
  TimePs time(Cycle cycle) const { return static_cast<TimePs>(cycle) * device.preset.tCK_ps; }

 private:
  /// Channels that are in the same state and have the same traffic.
  struct Group {
    Group(Channel state, std::vector<std::uint32_t> who)
        : channel(std::move(state)), members(std::move(who)) {}
    Channel channel;
    std::vector<std::uint32_t> members;
  };
  struct Flight {
    std::uint64_t tag = 0, order = 0;
    std::uint32_t parts = 0;  ///< trains that are not done
    Cycle first = kNever, last = 0;
    Cycle accepted = kNever;
    bool report_acceptance = false;
  };

  void reset();
  /// Fills segments_; true if all pseudo-channels have the same one.
  bool split_into_segments(std::uint64_t begin, std::uint64_t end);
  Group& group_with(std::uint32_t channel);
  /// Makes a group of `members`, all of one group.
  Group& separate(Group& group, const std::vector<std::uint32_t>& members);
  void flush(Group& group);
  void merge_equal(Cycle now);
  /// Takes note of what the channels found out.
  void collect();
  void deliver(std::vector<Event>& events);
  bool same_segments(std::uint32_t a, std::uint32_t b) const;

  Options options_;
  std::shared_ptr<SteadyState> steady_;
  CommandSink sink_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<std::uint32_t> group_of_;  ///< by channel
  ChannelCounters flushed_;
  PortCounters ports_[kPorts];
  std::vector<Flight> flights_;
  std::vector<std::uint32_t> free_flights_;
  // Of the request being submitted:
  Segment everywhere_;                  ///< if all pseudo-channels have the same
  std::vector<Segment> segments_;       ///< else, by pseudo-channel of the stack
  std::vector<std::uint32_t> filled_;   ///< those that are not empty
  std::vector<std::uint32_t> touched_;  ///< their channels
  std::vector<std::uint32_t> alike_;
  std::vector<TrainEvent> train_events_;
  struct Known {
    Event event;
    std::uint64_t order;
  };
  std::vector<Known> known_;  ///< events that are not yet delivered
  Cycle reached_ = 0, last_arrival_ = 0, next_merge_ = 0;
  std::uint64_t orders_ = 0;
};

void Engine::Impl::reset() {
  const std::uint32_t channels = device.preset.organisation.channels;
  groups_.clear();
  group_of_.assign(channels, 0);
  const Channel fresh(device, options_.fast_forward ? steady_.get() : nullptr);
  if (options_.share_equal_channels) {
    std::vector<std::uint32_t> all;
    for (std::uint32_t c = 0; c < channels; ++c) all.push_back(c);
    groups_.push_back(std::make_unique<Group>(fresh, std::move(all)));
    return;
  }
  for (std::uint32_t c = 0; c < channels; ++c) {
    group_of_[c] = c;
    groups_.push_back(std::make_unique<Group>(fresh, std::vector<std::uint32_t>{c}));
    groups_.back()->channel.set_command_sink(sink_ ? &sink_ : nullptr, c);
  }
}

bool Engine::Impl::split_into_segments(std::uint64_t begin, std::uint64_t end) {
  const AddressMap& map = device.preset.map;
  const std::uint64_t burst = device.preset.organisation.access_bytes;
  if (begin % map.stripe_bytes() == 0 && end % map.stripe_bytes() == 0) {
    everywhere_ = {map.first_local(0, begin), map.first_local(0, end)};
    return true;
  }
  for (const std::uint32_t pc : filled_) segments_[pc] = {};
  filled_.clear();
  touched_.clear();
  const auto fill = [&](std::uint32_t pc, const Segment& segment) {
    segments_[pc] = segment;
    filled_.push_back(pc);
    const std::uint32_t channel = pc / device.pcs;
    if (std::find(touched_.begin(), touched_.end(), channel) == touched_.end()) touched_.push_back(channel);
  };
  if ((end - begin) / burst <= kFewBursts) {
    for (std::uint64_t at = begin; at < end; at += burst) {
      const Location where = map.decode(at);
      const std::uint32_t pc = where.channel * device.pcs + where.pseudo_channel;
      const std::uint64_t local = map.local(at);
      if (segments_[pc].begin == segments_[pc].end) fill(pc, {local, local});
      ++segments_[pc].end;
    }
    return false;
  }
  for (std::uint32_t pc = 0; pc < segments_.size(); ++pc) {
    const Segment segment = {map.first_local(pc, begin), map.first_local(pc, end)};
    if (segment.begin != segment.end) fill(pc, segment);
  }
  return false;
}

bool Engine::Impl::same_segments(std::uint32_t a, std::uint32_t b) const {
  return std::equal(segments_.begin() + a * device.pcs, segments_.begin() + (a + 1) * device.pcs,
                    segments_.begin() + b * device.pcs);
}

Engine::Impl::Group& Engine::Impl::group_with(std::uint32_t channel) { return *groups_[group_of_[channel]]; }

void Engine::Impl::flush(Group& group) {
  flushed_.add(group.channel.settled_counters(), group.members.size());
  group.channel.clear_counters();
}

Engine::Impl::Group& Engine::Impl::separate(Group& group, const std::vector<std::uint32_t>& members) {
  flush(group);
  groups_.push_back(std::make_unique<Group>(group.channel, members));
  for (const std::uint32_t member : members) {
    group_of_[member] = static_cast<std::uint32_t>(groups_.size() - 1);
    group.members.erase(std::find(group.members.begin(), group.members.end(), member));
  }
  groups_.back()->channel.for_each_train([&](const Train& train) { ++flights_[train.request].parts; });
  return *groups_.back();
}

void Engine::Impl::merge_equal(Cycle now) {
  std::vector<std::vector<std::int64_t>> words;
  for (const auto& group : groups_) {
    group->channel.run(now, train_events_);
    words.push_back(group->channel.state_words());
  }
  collect();
  for (std::size_t a = 0; a < groups_.size(); ++a) {
    for (std::size_t b = groups_.size() - 1; b > a; --b) {
      if (words[a] != words[b]) continue;
      Group& from = *groups_[b];
      flush(*groups_[a]);
      flush(from);
      from.channel.for_each_train([&](const Train& train) { --flights_[train.request].parts; });
      groups_[a]->members.insert(groups_[a]->members.end(), from.members.begin(), from.members.end());
      groups_.erase(groups_.begin() + static_cast<std::ptrdiff_t>(b));
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(b));
    }
  }
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (const std::uint32_t member : groups_[g]->members) group_of_[member] = static_cast<std::uint32_t>(g);
  }
}

void Engine::Impl::submit(const Request& request) {
  const Organisation& o = device.preset.organisation;
  if (request.bytes == 0 || request.address >= o.capacity_bytes ||
      request.bytes > o.capacity_bytes - request.address) {
    throw ModelError("contract", name(),
                     fmt::format("request of {} bytes at {:#x}; accepted: 1 byte or more inside the {} bytes",
                                 request.bytes, request.address, o.capacity_bytes));
  }
  if (request.source >= kSources) {
    throw ModelError("contract", name(),
                     fmt::format("source {}; accepted: 0 to {}", request.source, kSources - 1));
  }
  const Cycle arrival = edge(request.arrival);
  if (arrival < std::max(last_arrival_, reached_)) {
    throw ModelError("contract", name(),
                     fmt::format("request arrives at {} ps, but time has reached {} ps", request.arrival,
                                 time(std::max(last_arrival_, reached_))));
  }
  last_arrival_ = arrival;

  const std::uint64_t burst = o.access_bytes;
  const std::uint64_t begin = request.address / burst * burst;
  const std::uint64_t end = (request.address + request.bytes + burst - 1) / burst * burst;
  PortCounters& port = ports_[static_cast<std::size_t>(request.port)];
  ++(request.is_write ? port.write_requests : port.read_requests);
  (request.is_write ? port.write_bytes : port.read_bytes) += request.bytes;
  (request.is_write ? port.write_bursts : port.read_bursts) += (end - begin) / burst;

  std::uint32_t index;
  if (free_flights_.empty()) {
    index = static_cast<std::uint32_t>(flights_.size());
    flights_.emplace_back();
  } else {
    index = free_flights_.back();
    free_flights_.pop_back();
  }
  Flight& flight = flights_[index];
  flight = {};
  flight.tag = request.tag;
  flight.order = orders_++;
  flight.report_acceptance = request.report_acceptance;
  Train train;
  train.arrival = arrival;
  train.order = flight.order;
  train.request = index;
  train.source = static_cast<std::uint8_t>(request.source);
  train.is_write = request.is_write;
  train.pins = request.port == Port::kPins;
  train.report_acceptance = request.report_acceptance;

  const auto push = [&](Group& group, std::uint32_t channel, bool same) {
    for (std::uint32_t pc = 0; pc < device.pcs; ++pc) {
      const Segment& segment = same ? everywhere_ : segments_[channel * device.pcs + pc];
      if (segment.begin == segment.end) continue;
      train.begin = segment.begin;
      train.end = segment.end;
      group.channel.push(pc, train);
      ++flight.parts;
    }
  };

  const bool everywhere = split_into_segments(begin, end);
  if ((everywhere || touched_.size() == group_of_.size()) && groups_.size() > 1 &&
      options_.share_equal_channels && arrival >= next_merge_) {
    merge_equal(arrival);
    next_merge_ = arrival + device.refresh_interval;
  }
  if (everywhere) {
    for (const auto& group : groups_) push(*group, 0, true);
    return;
  }
  // Channels of a group that get different traffic part here.
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    const std::uint32_t channel = touched_[i];
    if (channel == kDealtWith) continue;
    Group& group = group_with(channel);
    if (group.members.size() == 1) {
      push(group, channel, false);
      continue;
    }
    alike_.clear();
    for (std::size_t j = i; j < touched_.size(); ++j) {
      const std::uint32_t other = touched_[j];
      if (other == kDealtWith || &group_with(other) != &group || !same_segments(channel, other)) continue;
      alike_.push_back(other);
      touched_[j] = kDealtWith;
    }
    push(alike_.size() == group.members.size() ? group : separate(group, alike_), channel, false);
  }
}

void Engine::Impl::collect() {
  for (const TrainEvent& event : train_events_) {
    Flight& flight = flights_[event.request];
    if (event.accepted) {
      flight.accepted = std::min(flight.accepted, event.at);
      continue;
    }
    flight.first = std::min(flight.first, event.first);
    flight.last = std::max(flight.last, event.at);
    --flight.parts;
  }
  for (const TrainEvent& event : train_events_) {
    Flight& flight = flights_[event.request];
    if (flight.report_acceptance && flight.accepted != kNever) {
      flight.report_acceptance = false;
      known_.push_back({{Event::Kind::kAccepted, flight.tag, time(flight.accepted), 0}, flight.order});
    }
    if (flight.parts != 0 || flight.last == 0) continue;
    known_.push_back({{Event::Kind::kDone, flight.tag, time(flight.last), time(flight.first)}, flight.order});
    flight.last = 0;  // delivered
    free_flights_.push_back(event.request);
  }
  train_events_.clear();
}

void Engine::Impl::advance(Cycle limit, std::vector<Event>& events) {
  reached_ = std::max(reached_, limit);
  // Channels that cannot learn of an event by then may stay behind: it is known when its column command is
  // issued.
  const Cycle known_by = limit + std::min(device.read_latency, device.write_latency);
  for (const auto& group : groups_) {
    if (group->channel.next_event() < known_by) group->channel.run(limit, train_events_);
  }
  deliver(events);
}

void Engine::Impl::finish(std::vector<Event>& events) {
  for (const auto& group : groups_) {
    group->channel.finish(train_events_);
    reached_ = std::max(reached_, group->channel.now());
  }
  deliver(events);
}

void Engine::Impl::deliver(std::vector<Event>& events) {
  collect();
  if (known_.empty()) return;
  // The order must not depend on which channels share a group.
  std::sort(known_.begin(), known_.end(), [](const Known& a, const Known& b) {
    return std::tie(a.event.at, a.order, a.event.kind) < std::tie(b.event.at, b.order, b.event.kind);
  });
  for (const Known& known : known_) events.push_back(known.event);
  known_.clear();
}

std::optional<TimePs> Engine::Impl::next_event() {
  Cycle next = kNever;
  for (const auto& group : groups_) next = std::min(next, group->channel.next_event());
  // What comes before that was reported; a channel that stayed behind may not have noticed.
  TimePs at = next == kNever ? ~TimePs{0} : time(std::max(next, reached_ + 1));
  for (const Known& known : known_) at = std::min(at, known.event.at);
  if (at == ~TimePs{0}) return std::nullopt;
  return at;
}

Counters Engine::Impl::counters(TimePs now) {
  reached_ = std::max(reached_, edge(now));
  Counters sum;
  for (const auto& group : groups_) {
    group->channel.run(reached_, train_events_);
    flush(*group);
  }
  collect();
  sum.channels = flushed_;
  std::copy(std::begin(ports_), std::end(ports_), std::begin(sum.port));
  const std::uint64_t bursts = flushed_.count(Command::kRD) + flushed_.count(Command::kWR);
  sum.bus_busy_ps = bursts * static_cast<std::uint64_t>(device.burst) * device.preset.tCK_ps;
  sum.energy = energy_of(device.preset, flushed_);
  return sum;
}

Engine::MostOpened Engine::Impl::most_opened() const {
  MostOpened most;
  for (const auto& group : groups_) {
    const Channel::MostOpened& here = group->channel.most_opened();
    if (here.activates <= most.activates) continue;
    const Organisation& o = device.preset.organisation;
    Location where;
    where.channel = group->members.front();
    where.pseudo_channel = here.pc;
    where.bank = here.bank;
    where.group = here.bank / o.banks;
    where.stack_id = where.group / o.bank_groups;
    where.row = here.row;
    most = {here.activates, device.preset.map.encode(where)};
  }
  return most;
}

Engine::Engine(const Preset& preset) : Engine(preset, Options()) {}
Engine::Engine(const Preset& preset, const Options& options)
    : impl_(std::make_unique<Impl>(preset, options)) {}
Engine::~Engine() = default;

const Preset& Engine::preset() const { return impl_->device.preset; }
void Engine::submit(const Request& request) { impl_->submit(request); }
void Engine::advance(TimePs now, std::vector<Event>& events) { impl_->advance(impl_->edge(now), events); }
std::optional<TimePs> Engine::next_event() const { return impl_->next_event(); }
std::size_t Engine::in_flight() const { return impl_->in_flight(); }
Counters Engine::counters(TimePs now) { return impl_->counters(now); }
Engine::MostOpened Engine::most_opened() const { return impl_->most_opened(); }
void Engine::set_command_sink(CommandSink sink) { impl_->set_command_sink(std::move(sink)); }

TimePs Engine::finish(std::vector<Event>& events) {
  impl_->finish(events);
  return impl_->time(impl_->reached());
}

}  // namespace memwall::hbm
