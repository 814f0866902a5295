// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/memory_tool.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <queue>

#include "common/error.h"
#include "common/rng.h"
#include "hbm/engine.h"
#include "hbm/trace.h"

namespace memwall::hbm {
namespace {

constexpr TimePs kNoTime = ~TimePs{0};
constexpr std::uint64_t kMaxRequests = 1'000'000'000'000;
constexpr std::uint64_t kMaxBytes = 1'000'000'000'000'000;  // of all requests, so that times stay in range
/// More than the queues of any stack hold; beyond that they only cost host time.
constexpr std::uint64_t kMaxOutstanding = 16384;

// -- Options ------------------------------------------------------------------------------------------------

void check_range(const char* option, const std::optional<std::uint64_t>& value, std::uint64_t least,
                 std::uint64_t most) {
  if (!value || (*value >= least && *value <= most)) return;
  throw ConfigError(option, fmt::format("{}; accepted: {} to {}", *value, least, most));
}

void check(const MemoryOptions& o) {
  if (o.trace_path.has_value() == o.pattern.has_value()) {
    throw ConfigError("--trace, --pattern", o.pattern ? "contradict each other; accepted: one of them"
                                                      : "what to do? Accepted: one of them");
  }
  if (o.trace_path) {
    const auto useless = [](const char* option, bool given) {
      if (given) throw ConfigError(option, "has no effect on a trace; accepted with --pattern");
    };
    useless("--requests", o.requests.has_value());
    useless("--seed", o.seed.has_value());
    useless("--bytes", o.bytes.has_value());
    useless("--write-percent", o.write_percent.has_value());
    useless("--initiators", o.initiators.has_value());
  } else {
    if (*o.pattern != "seq" && *o.pattern != "random" && *o.pattern != "mix") {
      throw ConfigError("--pattern", fmt::format("'{}'; accepted: seq, random, mix", *o.pattern));
    }
    if (!o.requests) throw ConfigError("--requests", "is missing; --pattern needs a number of requests");
  }
  check_range("--requests", o.requests, 1, kMaxRequests);
  check_range("--write-percent", o.write_percent, 0, 100);
  check_range("--initiators", o.initiators, 1, Engine::kSources);
  check_range("--outstanding", o.outstanding, 1, kMaxOutstanding);
  check_range("--interval", o.interval_cycles, 1, std::uint64_t{1} << 48);
}

// -- Loads --------------------------------------------------------------------------------------------------

/// Where the requests of the initiators come from.
class Load {
 public:
  virtual ~Load() = default;
  /// Next request of an initiator; false if there is none.
  virtual bool next(std::uint32_t initiator, TraceRequest& request) = 0;
  virtual std::string describe() const = 0;
  std::uint32_t initiators = 0;   ///< number of them that have requests
  bool timed = false;             ///< requests have arrival cycles
  double bursts_per_request = 1;  ///< on average
};

class TraceLoad : public Load {
 public:
  TraceLoad(const MemoryOptions& options, const Preset& preset)
      : path_(*options.trace_path), trace_(load_trace(path_, preset)), interval_(options.interval_cycles) {
    if (interval_) {
      if (trace_.timed) {
        throw ConfigError(fmt::format("{}:{}", path_, trace_.first_line),
                          "the trace has its own arrival cycles, which contradicts --interval");
      }
      if (*interval_ > last_arrival_cycle(preset) / trace_.requests.size()) {
        throw ConfigError("--interval", fmt::format("{} cycles are too many for {} requests", *interval_,
                                                    trace_.requests.size()));
      }
    }
    timed = trace_.timed || interval_.has_value();
    std::array<bool, Engine::kSources> seen{};
    double bursts = 0;
    const std::uint64_t burst = preset.organisation.access_bytes;
    for (const TraceRequest& request : trace_.requests) {
      seen[request.initiator] = true;
      bursts += static_cast<double>((request.bytes + burst - 1) / burst);
    }
    bursts_per_request = bursts / static_cast<double>(trace_.requests.size());
    initiators = static_cast<std::uint32_t>(std::count(seen.begin(), seen.end(), true));
  }
  bool next(std::uint32_t initiator, TraceRequest& request) override {
    std::size_t& i = cursor_[initiator];
    while (i < trace_.requests.size() && trace_.requests[i].initiator != initiator) ++i;
    if (i == trace_.requests.size()) return false;
    request = trace_.requests[i];
    if (interval_) request.cycle = i * *interval_;
    ++i;
    return true;
  }
  std::string describe() const override {
    return fmt::format("trace {}, {}", path_,
                       trace_.timed ? "arrivals as given"
                       : interval_  ? fmt::format("a request every {} cycles", *interval_)
                                    : "as fast as accepted");
  }

 private:
  const std::string path_;
  const Trace trace_;
  const std::optional<std::uint64_t> interval_;
  std::array<std::size_t, Engine::kSources> cursor_{};
};

class PatternLoad : public Load {
 public:
  PatternLoad(const MemoryOptions& options, const Preset& preset)
      : pattern_(*options.pattern),
        requests_(*options.requests),
        seed_(options.seed.value_or(1)),
        bytes_(options.bytes.value_or(preset.organisation.access_bytes)),
        write_percent_(options.write_percent.value_or(pattern_ == "mix" ? 33 : 0)),
        interval_(options.interval_cycles) {
    initiators = static_cast<std::uint32_t>(options.initiators.value_or(1));
    timed = interval_.has_value();
    const std::uint64_t burst = preset.organisation.access_bytes;
    const bool sequential = pattern_ == "seq";
    const std::uint64_t part =
        (sequential ? preset.organisation.capacity_bytes / initiators : preset.organisation.capacity_bytes) /
        burst * burst;
    check_range("--bytes", bytes_, 1, part);
    if (requests_ > kMaxBytes / bytes_) {
      throw ConfigError("--requests", fmt::format("{} requests of {} bytes; accepted: {} bytes in all",
                                                  requests_, bytes_, kMaxBytes));
    }
    const std::uint64_t each = (requests_ + initiators - 1) / initiators;
    if (interval_ && *interval_ > last_arrival_cycle(preset) / each) {
      throw ConfigError("--interval",
                        fmt::format("{} cycles are too many for {} requests", *interval_, each));
    }
    stride_ = (bytes_ + burst - 1) / burst * burst;
    places_ = part / stride_;
    bursts_per_request = static_cast<double>(stride_ / burst);
    for (std::uint32_t i = 0; i < initiators; ++i) {
      Stream stream{i < requests_ ? (requests_ - i - 1) / initiators + 1 : 0, 0, sequential ? i * part : 0,
                    Rng(seed_, fmt::format("memory.initiator{}.address", i)),
                    Rng(seed_, fmt::format("memory.initiator{}.direction", i))};
      streams_.push_back(stream);
    }
  }
  bool next(std::uint32_t initiator, TraceRequest& request) override {
    if (initiator >= streams_.size()) return false;
    Stream& s = streams_[initiator];
    if (s.index == s.requests) return false;
    request.cycle = s.index * interval_.value_or(0);
    request.address = s.base + stride_ * (pattern_ == "seq" ? s.index % places_ : s.addresses.below(places_));
    request.bytes = bytes_;
    request.initiator = static_cast<std::uint8_t>(initiator);
    request.is_write = s.directions.below(100) < write_percent_;
    ++s.index;
    return true;
  }
  std::string describe() const override {
    return fmt::format(
        "pattern {}, {} requests of {} bytes, {} % writes, {} {}, {}, seed {}", pattern_, requests_, bytes_,
        write_percent_, initiators, initiators == 1 ? "initiator" : "initiators",
        interval_ ? fmt::format("each a request every {} cycles", *interval_) : "as fast as accepted", seed_);
  }

 private:
  struct Stream {
    std::uint64_t requests, index, base;
    Rng addresses, directions;
  };
  const std::string pattern_;
  const std::uint64_t requests_, seed_, bytes_, write_percent_;
  const std::optional<std::uint64_t> interval_;
  std::uint64_t stride_ = 0, places_ = 0;
  std::vector<Stream> streams_;
};

// -- Latencies ----------------------------------------------------------------------------------------------

/// Exact distribution of latencies without keeping every one of them.
class Histogram {
 public:
  void add(std::uint64_t cycles, std::uint64_t times = 1) {
    if (cycles < kDense) {
      if (cycles >= dense_.size()) dense_.resize(cycles + 1);
      dense_[cycles] += times;
    } else {
      sparse_[cycles] += times;
    }
    count_ += times;
    sum_ += static_cast<double>(cycles) * static_cast<double>(times);
  }
  void add(const Histogram& other) {
    other.for_each([this](std::uint64_t cycles, std::uint64_t times) {
      if (times > 0) add(cycles, times);
    });
  }
  LatencySummary summary() const {
    LatencySummary s;
    s.requests = count_;
    if (count_ == 0) return s;
    s.mean = sum_ / static_cast<double>(count_);
    const auto rank = [this](std::uint64_t percent) {
      return count_ / 100 * percent + (count_ % 100 * percent + 99) / 100;
    };
    const std::uint64_t ranks[] = {rank(50), rank(95), rank(99), count_};
    std::uint64_t* const values[] = {&s.p50, &s.p95, &s.p99, &s.max};
    std::uint64_t seen = 0;
    std::size_t next = 0;
    for_each([&](std::uint64_t cycles, std::uint64_t times) {
      seen += times;
      while (next < 4 && seen >= ranks[next]) *values[next++] = cycles;
    });
    return s;
  }

 private:
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < dense_.size(); ++i) visit(i, dense_[i]);
    for (const auto& [cycles, times] : sparse_) visit(cycles, times);
  }

  static constexpr std::uint64_t kDense = 1 << 16;
  std::vector<std::uint64_t> dense_;
  std::map<std::uint64_t, std::uint64_t> sparse_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

struct Latencies {
  Histogram read, write;
  void add(const Latencies& other) {
    read.add(other.read);
    write.add(other.write);
  }
  DirectionLatencies summary() const {
    Histogram all = read;
    all.add(write);
    return {read.summary(), write.summary(), all.summary()};
  }
};

// -- Run ----------------------------------------------------------------------------------------------------

double gbytes_per_s(std::uint64_t bytes, std::uint64_t cycles, TimePs tck) {
  return cycles == 0
             ? 0.0
             : 1e3 * static_cast<double>(bytes) / (static_cast<double>(cycles) * static_cast<double>(tck));
}

class Run {
 public:
  Run(const Preset& preset, Load& load, std::uint64_t outstanding, const CommandSink& sink)
      : preset_(preset),
        load_(load),
        outstanding_(outstanding),
        sink_(sink),
        engine_(preset),
        least_latency_((std::min(preset.cycles("tRL"), preset.cycles("tWL")) + preset.burst()) *
                       static_cast<Cycle>(preset.tCK_ps)) {
    if (sink_) engine_.set_command_sink([this](const CommandRecord& record) { records_.push_back(record); });
  }

  MemoryResult run() {
    start();
    while (more_ > 0 || engine_.in_flight() > 0) step();
    return result();
  }

 private:
  struct Initiator {
    bool more = false;       ///< `next` is a request
    TraceRequest next;       ///< to be presented
    TimePs arrival = 0;      ///< of `next`
    std::uint64_t free = 0;  ///< requests that may still be outstanding
    Latencies latencies;
    std::uint64_t reads = 0, writes = 0, bytes = 0;
    TimePs first = kNoTime, last = 0;
  };
  struct Flight {
    std::uint32_t initiator = 0;
    bool is_write = false;
    TimePs since = 0;  ///< its arrival
  };
  struct Release {
    TimePs at;
    std::uint64_t order;
    std::uint32_t initiator;
    bool operator<(const Release& other) const {  // the earliest is on top
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  void fetch(std::uint32_t index) {
    Initiator& i = initiators_[index];
    const bool had = i.more;
    i.more = load_.next(index, i.next);
    i.arrival = i.next.cycle * preset_.tCK_ps;
    if (i.more && !had) ++more_;
    if (!i.more && had) --more_;
  }

  void start() {
    for (std::uint32_t i = 0; i < Engine::kSources; ++i) {
      initiators_[i].free = outstanding_;
      fetch(i);
    }
    now_ = next_submission();
    first_ = now_;
    pass_idle_time(0, now_);
    if (now_ > 0) before_ = engine_.counters(now_).channels;
  }

  /// Earliest time at which an initiator may present a request; kNoTime if none can before another is done.
  TimePs next_submission() const {
    TimePs next = kNoTime;
    for (const Initiator& i : initiators_) {
      if (i.more && i.free > 0) next = std::min(next, std::max(i.arrival, now_));
    }
    return next;
  }

  /// Presents everything that may be presented at now_, initiators by turns.
  void submit() {
    for (bool any = true; any;) {
      any = false;
      for (std::uint32_t index = 0; index < Engine::kSources; ++index) {
        Initiator& i = initiators_[index];
        if (!i.more || i.free == 0 || i.arrival > now_) continue;
        any = true;
        std::uint64_t tag;
        if (free_tags_.empty()) {
          tag = flights_.size();
          flights_.emplace_back();
        } else {
          tag = free_tags_.back();
          free_tags_.pop_back();
        }
        const TimePs since = load_.timed ? i.arrival : now_;
        flights_[tag] = {index, i.next.is_write, since};
        Request request;
        request.tag = tag;
        request.arrival = now_;
        request.address = i.next.address;
        request.bytes = i.next.bytes;
        request.is_write = i.next.is_write;
        request.source = index;
        engine_.submit(request);
        ++(request.is_write ? i.writes : i.reads);
        i.bytes += request.bytes;
        i.first = std::min(i.first, since);
        --i.free;
        fetch(index);
      }
    }
  }

  /// A stretch of time. What is submitted in it cannot be done within `least_latency_`, a read answered from
  /// the write queue excepted; so all that happens up to then is known beforehand.
  void step() {
    submit();
    TimePs end = now_ + least_latency_;
    TimePs next = next_moment();
    if (quiet_ && next >= end) {
      const auto event = engine_.next_event();
      end = std::max(end, std::min(next, event.value_or(next)));
    }
    while (next < end) {
      now_ = next;
      while (!releases_.empty() && releases_.top().at <= now_) {
        ++initiators_[releases_.top().initiator].free;
        releases_.pop();
      }
      submit();
      next = next_moment();
    }
    now_ = end;
    if (engine_.in_flight() == 0) {
      if (next != kNoTime) pass_idle_time(now_, std::max(now_, next));
      return;
    }
    events_.clear();
    engine_.advance(now_, events_);
    quiet_ = events_.empty();
    for (const Event& event : events_) take(event);
    if (records_.size() >= kRecords) deliver_records();
  }

  TimePs next_moment() const {
    const TimePs submission = next_submission();
    return releases_.empty() ? submission : std::min(submission, std::max(releases_.top().at, now_));
  }

  void take(const Event& event) {
    const Flight& flight = flights_[event.tag];
    Initiator& i = initiators_[flight.initiator];
    const std::uint64_t cycles = (event.at - flight.since) / preset_.tCK_ps;
    (flight.is_write ? i.latencies.write : i.latencies.read).add(cycles);
    i.last = std::max(i.last, event.at);
    releases_.push({event.at, releases_made_++, flight.initiator});
    free_tags_.push_back(event.tag);
  }

  /// Moves now_ to `to`. Commands of long idle times are delivered in between, so that they fit in memory.
  void pass_idle_time(TimePs from, TimePs to) {
    const TimePs step = kIdleIntervals * static_cast<TimePs>(preset_.refresh_interval()) * preset_.tCK_ps;
    for (now_ = from; sink_ && to - now_ > step; deliver_records()) now_ += step;
    now_ = to;
  }

  /// All commands before now_, in order of time.
  void deliver_records() {
    engine_.counters(now_);  // idle channels catch up
    std::stable_sort(records_.begin(), records_.end(), [](const CommandRecord& a, const CommandRecord& b) {
      return a.at != b.at ? a.at < b.at : a.where.channel < b.where.channel;
    });
    for (const CommandRecord& record : records_) sink_(record);
    records_.clear();
  }

  MemoryResult result() {
    TimePs end = first_;
    for (const Initiator& i : initiators_) end = std::max(end, i.last);
    now_ = end;
    const Counters counters = engine_.counters(end);
    if (sink_) deliver_records();

    MemoryResult r;
    r.preset_name = preset_.name;
    r.load = load_.describe();
    r.tck_ps = preset_.tCK_ps;
    r.pseudo_channels = preset_.organisation.pseudo_channels_total();
    r.outstanding = outstanding_;
    r.peak_gbytes_per_s = preset_.peak_gbytes_per_s();
    r.assumed = preset_.assumed;
    r.cycles = (end - first_) / preset_.tCK_ps;
    Latencies latencies;
    for (std::uint32_t index = 0; index < Engine::kSources; ++index) {
      const Initiator& i = initiators_[index];
      if (i.reads + i.writes == 0) continue;
      r.reads += i.reads;
      r.writes += i.writes;
      r.bytes += i.bytes;
      const std::uint64_t cycles = (i.last - i.first) / preset_.tCK_ps;
      r.initiators.push_back({index, i.reads, i.writes, i.bytes, cycles,
                              gbytes_per_s(i.bytes, cycles, preset_.tCK_ps), i.latencies.summary()});
      latencies.add(i.latencies);
    }
    r.latency = latencies.summary();
    r.gbytes_per_s = gbytes_per_s(r.bytes, r.cycles, preset_.tCK_ps);
    for (const PortCounters& port : counters.port) r.bursts += port.read_bursts + port.write_bursts;
    r.channels = counters.channels.since(before_);
    r.energy = energy_of(preset_, r.channels);
    const std::uint64_t on_bus = r.channels.count(Command::kRD) + r.channels.count(Command::kWR);
    if (r.cycles > 0) {
      r.bus_busy = static_cast<double>(on_bus) * static_cast<double>(preset_.burst()) /
                   (static_cast<double>(r.cycles) * static_cast<double>(r.pseudo_channels));
    }
    return r;
  }

  static constexpr std::size_t kRecords = 1 << 16;
  static constexpr TimePs kIdleIntervals = 1024;  // refresh intervals
  const Preset& preset_;
  Load& load_;
  const std::uint64_t outstanding_;
  const CommandSink& sink_;
  Engine engine_;
  const TimePs least_latency_;  ///< from a column command to the end of its data
  std::array<Initiator, Engine::kSources> initiators_;
  std::uint32_t more_ = 0;       ///< initiators with further requests
  std::vector<Flight> flights_;  ///< by tag
  std::vector<std::uint64_t> free_tags_;
  std::priority_queue<Release> releases_;
  std::uint64_t releases_made_ = 0;
  std::vector<Event> events_;
  std::vector<CommandRecord> records_;
  ChannelCounters before_;  ///< until the first arrival
  TimePs now_ = 0, first_ = 0;
  bool quiet_ = true;  ///< the last stretch brought nothing
};

std::uint64_t default_outstanding(const Preset& preset, const Load& load) {
  const double entries = static_cast<double>(preset.controller.read_queue + preset.controller.write_queue) *
                         static_cast<double>(preset.organisation.pseudo_channels_total());
  const double each = std::ceil(entries / load.bursts_per_request / static_cast<double>(load.initiators));
  return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(each), 2, kMaxOutstanding);
}

class CommandFile {
 public:
  CommandFile(const std::string& path, const MemoryOptions& options, const Preset& preset)
      : path_(path), preset_(preset) {
    for (const std::string& input : {options.preset_path, options.trace_path.value_or("")}) {
      std::error_code ignored;
      if (std::filesystem::equivalent(path, input, ignored)) {
        throw ConfigError("--commands", fmt::format("{} is what is read; accepted: another file", path));
      }
    }
    const std::string end = ".toml";
    if (path.size() >= end.size() && path.compare(path.size() - end.size(), end.size(), end) == 0)
      throw ConfigError("--commands",
                        fmt::format("{} has the name of a preset; accepted: another ending", path));
    out_.open(path);
    out_ << command_file_header(preset);
    if (!out_) throw ConfigError(path, "cannot be written");
  }
  void write(const CommandRecord& record) {
    out_ << command_file_line(preset_, record);
    ++commands_;
  }
  std::uint64_t close() {
    out_.close();
    if (!out_) throw ConfigError(path_, "writing failed");
    return commands_;
  }

 private:
  const std::string path_;
  const Preset& preset_;
  std::ofstream out_;
  std::uint64_t commands_ = 0;
};

double ns(const MemoryResult& r, double cycles) { return cycles * static_cast<double>(r.tck_ps) * 1e-3; }
double ns(const MemoryResult& r, std::uint64_t cycles) { return ns(r, static_cast<double>(cycles)); }

double pj_per_bit(const MemoryResult& r, double pj) { return pj / (8.0 * static_cast<double>(r.bytes)); }

struct EnergyKind {
  const char* name;
  double pj;
};
std::array<EnergyKind, 6> energy_kinds(const EnergySums& e) {
  return {{{"total", e.total_pj()},
           {"activate", e.activate_pj},
           {"array", e.array_pj},
           {"phy", e.phy_pj},
           {"refresh", e.refresh_pj},
           {"background", e.background_pj}}};
}

struct BackgroundState {
  const char* name;
  std::uint64_t cycles;
};
std::array<BackgroundState, 4> background_states(const ChannelCounters& c) {
  return {{{"active", c.active_cycles},
           {"precharged", c.precharged_cycles},
           {"power_down", c.power_down_cycles},
           {"self_refresh", c.self_refresh_cycles}}};
}

}  // namespace

MemoryResult run_memory(const MemoryOptions& options, const CommandSink& sink) {
  check(options);
  const Preset preset = load_preset(options.preset_path);
  std::unique_ptr<Load> load;
  if (options.trace_path) {
    load = std::make_unique<TraceLoad>(options, preset);
  } else {
    load = std::make_unique<PatternLoad>(options, preset);
  }
  const std::uint64_t outstanding = options.outstanding.value_or(default_outstanding(preset, *load));
  if (!options.commands_path) return Run(preset, *load, outstanding, sink).run();
  CommandFile file(*options.commands_path, options, preset);
  const CommandSink both = [&](const CommandRecord& record) {
    file.write(record);
    if (sink) sink(record);
  };
  MemoryResult result = Run(preset, *load, outstanding, both).run();
  result.commands_path = options.commands_path;
  result.commands_written = file.close();
  return result;
}

std::string command_file_header(const Preset& preset) {
  return fmt::format(
      "# Commands of {}, every one since the start.\n"
      "# cycle: clock edge, in periods of tCK = {} ps; time_ps: the same in ps. The others are indices, "
      "each\n"
      "# within the one before it, the column in bursts of {} bytes. Empty: the command does not address "
      "it.\n"
      "cycle,time_ps,command,channel,pseudo_channel,stack_id,bank_group,bank,row,column\n",
      preset.name, preset.tCK_ps, preset.organisation.access_bytes);
}

std::string command_file_line(const Preset& preset, const CommandRecord& record) {
  const Organisation& o = preset.organisation;
  const Location& at = record.where;
  std::string line =
      fmt::format("{},{},{},{},", record.at, static_cast<std::uint64_t>(record.at) * preset.tCK_ps,
                  to_string(record.command), at.channel);
  const Level scope = scope_of(record.command);
  const auto field = [&line](bool addressed, std::uint32_t value, char end) {
    if (addressed) line += std::to_string(value);
    line += end;
  };
  const bool bank = scope == Level::kBank;
  const bool column = record.command == Command::kRD || record.command == Command::kWR;
  field(scope != Level::kChannel, at.pseudo_channel, ',');
  field(bank, at.stack_id, ',');
  field(bank, at.group % o.bank_groups, ',');
  field(bank, at.bank % o.banks, ',');
  field(column || record.command == Command::kACT, at.row, ',');
  field(column, at.column, '\n');
  return line;
}

void print(const MemoryResult& r, std::ostream& out) {
  const auto row = [&](const std::string& name, const std::string& value) {
    out << fmt::format("{:<24}{}\n", name, value);
  };
  const ChannelCounters& c = r.channels;
  row("memory", r.preset_name);
  row("load", r.load);
  row("clock", fmt::format("tCK = {} ps", r.tck_ps));
  row("requests",
      fmt::format("{} reads, {} writes, {} bytes in {} bursts; at most {} outstanding per initiator", r.reads,
                  r.writes, r.bytes, r.bursts, r.outstanding));
  row("time", fmt::format("{:.1f} ns = {} cycles", ns(r, r.cycles), r.cycles));
  row("bandwidth",
      fmt::format("{:.3f} GB/s of {:.1f} GB/s peak ({:.1f} %); data bus {:.1f} % busy", r.gbytes_per_s,
                  r.peak_gbytes_per_s, 100.0 * r.gbytes_per_s / r.peak_gbytes_per_s, 100.0 * r.bus_busy));
  const auto latency = [&](const std::string& name, const LatencySummary& s, const std::string& more = "") {
    if (s.requests == 0) return;
    out << fmt::format("{:<24}{:>10.1f}{:>10.1f}{:>10.1f}{:>10.1f}{:>10.1f}{}\n", name, ns(r, s.mean),
                       ns(r, s.p50), ns(r, s.p95), ns(r, s.p99), ns(r, s.max), more);
  };
  const auto heading = [&](const char* name, const char* more) {
    out << fmt::format("{:<24}{:>10}{:>10}{:>10}{:>10}{:>10}{}\n", name, "mean", "p50", "p95", "p99", "max",
                       more);
  };
  heading("latency [ns]", "   from arrival to end of data");
  latency("  read", r.latency.read);
  latency("  write", r.latency.write);
  latency("  all", r.latency.all);
  if (r.initiators.size() > 1) {
    heading("initiators [ns]", "      GB/s");
    for (const InitiatorResult& i : r.initiators) {
      const std::string bandwidth = fmt::format("{:>10.3f}", i.gbytes_per_s);
      latency(fmt::format("  {} read", i.initiator), i.latency.read, i.writes == 0 ? bandwidth : "");
      latency(fmt::format("  {} write", i.initiator), i.latency.write, i.reads == 0 ? bandwidth : "");
      if (i.reads != 0 && i.writes != 0)
        latency(fmt::format("  {} all", i.initiator), i.latency.all, bandwidth);
    }
  }
  row("row hit rate", fmt::format("{:.1f} % ({} hits, {} misses, {} conflicts)", 100.0 * r.row_hit_rate(),
                                  c.row_hits, c.row_misses, c.row_conflicts));
  row("reads from write queue", fmt::format("{}", c.forwarded));
  std::string commands;
  for (std::size_t i = 0; i < kCommands; ++i) {
    if (c.commands[i] == 0) continue;
    commands += fmt::format("{}{} {}", commands.empty() ? "" : "  ", kCommandNames[i], c.commands[i]);
  }
  row("commands", commands);
  row("refreshes", fmt::format("{}", r.refreshes()));
  std::uint64_t all_cycles = 0;
  for (const BackgroundState& state : background_states(c)) all_cycles += state.cycles;
  std::string background;
  for (const BackgroundState& state : background_states(c)) {
    if (state.cycles == 0) continue;
    background += fmt::format("{}{} {:.1f} %", background.empty() ? "" : "  ", state.name,
                              100.0 * static_cast<double>(state.cycles) / static_cast<double>(all_cycles));
  }
  row("pseudo-channels are", background);
  // In a unit that leaves at most four digits before the point.
  const char* const units[] = {"nJ", "uJ", "mJ", "J"};
  double scale = 1e-3;
  std::size_t unit = 0;
  for (; unit + 1 < std::size(units) && r.energy.total_pj() * scale >= 1e4; ++unit) scale *= 1e-3;
  out << fmt::format("{:<24}", "energy");
  for (const EnergyKind& kind : energy_kinds(r.energy)) out << fmt::format("{:>12}", kind.name);
  out << fmt::format("\n{:<24}", fmt::format("  [{}]", units[unit]));
  for (const EnergyKind& kind : energy_kinds(r.energy)) out << fmt::format("{:>12.1f}", kind.pj * scale);
  out << fmt::format("\n{:<24}", "  [pJ/bit]");
  for (const EnergyKind& kind : energy_kinds(r.energy)) {
    out << fmt::format("{:>12.6g}", pj_per_bit(r, kind.pj));
  }
  out << "\n";
  if (!r.assumed.empty()) {
    row("assumed",
        fmt::format("{} figures of the preset have no source (listed by --json)", r.assumed.size()));
  }
  if (r.commands_path) {
    row("commands written to",
        fmt::format("{} ({} commands since cycle 0)", *r.commands_path, r.commands_written));
  }
}

std::string to_json(const MemoryResult& r) {
  using Json = nlohmann::ordered_json;
  const auto summary = [&](const LatencySummary& s) {
    return Json{{"requests", s.requests}, {"mean_ns", ns(r, s.mean)}, {"p50_ns", ns(r, s.p50)},
                {"p95_ns", ns(r, s.p95)}, {"p99_ns", ns(r, s.p99)},   {"max_ns", ns(r, s.max)}};
  };
  const auto directions = [&](const DirectionLatencies& d) {
    return Json{{"read", summary(d.read)}, {"write", summary(d.write)}, {"all", summary(d.all)}};
  };
  const ChannelCounters& c = r.channels;
  Json commands = Json::object();
  for (std::size_t i = 0; i < kCommands; ++i) commands[kCommandNames[i]] = c.commands[i];
  Json background = Json::object();
  for (const BackgroundState& state : background_states(c)) background[state.name] = state.cycles;
  Json energy = Json::object();
  Json per_bit = Json::object();
  for (const EnergyKind& kind : energy_kinds(r.energy)) {
    energy[kind.name] = kind.pj;
    per_bit[kind.name] = pj_per_bit(r, kind.pj);
  }
  Json initiators = Json::array();
  for (const InitiatorResult& i : r.initiators) {
    initiators.push_back({{"initiator", i.initiator},
                          {"reads", i.reads},
                          {"writes", i.writes},
                          {"bytes", i.bytes},
                          {"time_ns", ns(r, i.cycles)},
                          {"bandwidth_gbytes_per_s", i.gbytes_per_s},
                          {"latency", directions(i.latency)}});
  }
  Json json{
      {"memory", r.preset_name},
      {"load", r.load},
      {"tck_ps", r.tck_ps},
      {"pseudo_channels", r.pseudo_channels},
      {"outstanding_per_initiator", r.outstanding},
      {"reads", r.reads},
      {"writes", r.writes},
      {"bytes", r.bytes},
      {"bursts", r.bursts},
      {"cycles", r.cycles},
      {"time_ns", ns(r, r.cycles)},
      {"bandwidth_gbytes_per_s", r.gbytes_per_s},
      {"peak_gbytes_per_s", r.peak_gbytes_per_s},
      {"data_bus_busy", r.bus_busy},
      {"latency", directions(r.latency)},
      {"initiators", initiators},
      {"row_hit_rate", r.row_hit_rate()},
      {"row_hits", c.row_hits},
      {"row_misses", c.row_misses},
      {"row_conflicts", c.row_conflicts},
      {"reads_from_write_queue", c.forwarded},
      {"commands", commands},
      {"refreshes", r.refreshes()},
      {"background_cycles", background},
      {"energy_pj", energy},
      {"energy_pj_per_bit", per_bit},
      {"assumed", r.assumed},
  };
  if (r.commands_path) {
    json["command_file"] = {{"path", *r.commands_path}, {"commands", r.commands_written}};
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace memwall::hbm
