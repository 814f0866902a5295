// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/trace_tool.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>
#include <vector>

#include "common/error.h"
#include "hbm/queued_channel.h"

namespace memwall::hbm {
namespace {

struct TraceLine {
  bool timed = false;
  std::uint64_t cycle = 0;  // if timed
  bool is_write = false;
  std::uint64_t address = 0;
};

/// A request may lie at most this far in the future, so that times stay far from overflow.
constexpr std::uint64_t kMaxCycle = std::uint64_t{1} << 48;

class TraceReader {
 public:
  TraceReader(const std::string& path, const Preset& preset) : path_(path), preset_(preset), in_(path) {
    if (!in_) throw ConfigError(path, "cannot be read");
  }

  /// The next request; false at the end of the file.
  bool next(TraceLine& request) {
    for (std::string line; std::getline(in_, line);) {
      ++number_;
      const std::size_t comment = line.find('#');
      if (comment != std::string::npos) line.resize(comment);
      std::istringstream stream(line);
      std::vector<std::string> words;
      for (std::string word; stream >> word;) words.push_back(word);
      if (words.empty()) continue;
      parse(words, request);
      return true;
    }
    if (in_.bad()) throw ConfigError(path_, "reading failed");
    return false;
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw ConfigError(fmt::format("{}:{}", path_, number_), why);
  }

 private:
  void parse(const std::vector<std::string>& words, TraceLine& request) {
    if (words.size() != 2 && words.size() != 3) refuse("expected [cycle] R|W hexaddress");
    request.timed = false;
    const std::size_t kind = words.size() - 2;
    if (kind == 1) {
      request.timed = true;
      request.cycle = number(words[0], 10, "arrival cycle");
      if (request.cycle > kMaxCycle) refuse(fmt::format("arrival cycle {} is above {}", words[0], kMaxCycle));
      if (request.cycle < last_cycle_) {
        refuse(fmt::format("arrival cycle {} is before the previous one, {}", request.cycle, last_cycle_));
      }
      last_cycle_ = request.cycle;
    }
    if (timed_ && *timed_ != request.timed) {
      refuse("either all requests have an arrival cycle or none");
    }
    timed_ = request.timed;
    const std::string& letter = words[kind];
    if (letter != "R" && letter != "W") refuse(fmt::format("'{}' is neither R nor W", letter));
    request.is_write = letter == "W";
    std::string digits = words[kind + 1];
    if (digits.rfind("0x", 0) == 0 || digits.rfind("0X", 0) == 0) digits.erase(0, 2);
    request.address = number(digits, 16, "address");
    const Organisation& o = preset_.organisation;
    if (request.address >= o.capacity_bytes) {
      refuse(fmt::format("address {:#x} is outside the stack of {:#x} bytes", request.address,
                         o.capacity_bytes));
    }
    if (request.address % o.access_bytes != 0) {
      refuse(fmt::format("address {:#x} is not a multiple of the {}-byte access", request.address,
                         o.access_bytes));
    }
  }

  std::uint64_t number(const std::string& digits, unsigned base, const char* what) const {
    std::uint64_t value = 0;
    for (const char c : digits) {
      unsigned digit = 99;
      if (c >= '0' && c <= '9') digit = static_cast<unsigned>(c - '0');
      if (c >= 'a' && c <= 'f') digit = static_cast<unsigned>(c - 'a') + 10;
      if (c >= 'A' && c <= 'F') digit = static_cast<unsigned>(c - 'A') + 10;
      if (digit >= base) refuse(fmt::format("{} '{}' is not a base-{} number", what, digits, base));
      if (value > (~std::uint64_t{0} - digit) / base)
        refuse(fmt::format("{} '{}' is too large", what, digits));
      value = value * base + digit;
    }
    if (digits.empty()) refuse(fmt::format("{} has no digits", what));
    return value;
  }

  std::string path_;
  const Preset& preset_;
  std::ifstream in_;
  std::uint64_t number_ = 0;
  std::uint64_t last_cycle_ = 0;
  std::optional<bool> timed_;
};

/// Exact distribution of latencies without keeping every one of them.
class Histogram {
 public:
  void add(std::uint64_t cycles) {
    if (cycles < kDense) {
      if (cycles >= dense_.size()) dense_.resize(cycles + 1);
      ++dense_[cycles];
    } else {
      ++sparse_[cycles];
    }
    ++count_;
    sum_ += static_cast<double>(cycles);
  }
  LatencySummary summary() const {
    LatencySummary s;
    s.requests = count_;
    if (count_ == 0) return s;
    s.mean = sum_ / static_cast<double>(count_);
    const std::uint64_t ranks[] = {(count_ * 50 + 99) / 100, (count_ * 95 + 99) / 100,
                                   (count_ * 99 + 99) / 100, count_};
    std::uint64_t* const values[] = {&s.p50, &s.p95, &s.p99, &s.max};
    std::uint64_t seen = 0;
    std::size_t next = 0;
    const auto visit = [&](std::uint64_t cycles, std::uint64_t n) {
      seen += n;
      while (next < 4 && seen >= ranks[next]) *values[next++] = cycles;
    };
    for (std::size_t i = 0; i < dense_.size(); ++i) visit(i, dense_[i]);
    for (const auto& [cycles, n] : sparse_) visit(cycles, n);
    return s;
  }

 private:
  static constexpr std::uint64_t kDense = 1 << 20;
  std::vector<std::uint64_t> dense_;
  std::map<std::uint64_t, std::uint64_t> sparse_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

/// Queues of the whole stack and the bookkeeping of who waits since when.
class Run {
 public:
  explicit Run(const Preset& preset, const CommandSink& sink) : preset_(preset) {
    for (std::uint32_t i = 0; i < preset.organisation.pseudo_channels; ++i) {
      channels_.push_back(std::make_unique<QueuedChannel>(preset, i));
      if (sink) channels_.back()->set_command_sink(&sink);
    }
  }

  /// `given`: the arrival that the trace or the interval asks for.
  void request(const TraceLine& line, std::optional<Cycle> given) {
    now_ = std::max(now_, given.value_or(now_));
    const Location at = preset_.map.decode(line.address);
    QueuedChannel& channel = *channels_[at.channel];
    channel.run_until(now_, served_);
    if (channel.full(line.is_write)) {
      now_ = std::max(now_, channel.run_until_space(line.is_write, served_));
      channel.run_until(now_, served_);
    }
    const Cycle since = given.value_or(now_);
    if (!first_) first_ = since;
    std::size_t slot = since_.size();
    if (!free_.empty()) {
      slot = free_.back();
      free_.pop_back();
      since_[slot] = since;
    } else {
      since_.push_back(since);
    }
    channel.push({slot, now_, at, line.is_write}, served_);
    collect();
  }

  TraceResult finish() {
    for (const auto& channel : channels_) {
      channel->drain(served_);
      collect();
    }
    TraceResult r;
    r.preset_name = preset_.name;
    r.tck_ps = preset_.timing.tCK_ps;
    r.peak_gbytes_per_s = preset_.peak_gbytes_per_s();
    r.read_latency = reads_.summary();
    r.write_latency = writes_.summary();
    r.latency = all_.summary();
    r.reads = r.read_latency.requests;
    r.writes = r.write_latency.requests;
    r.bytes = (r.reads + r.writes) * preset_.organisation.access_bytes;
    r.cycles = static_cast<std::uint64_t>(last_ - first_.value_or(0));
    if (r.cycles > 0) {
      r.gbytes_per_s = 1e3 * static_cast<double>(r.bytes) /
                       (static_cast<double>(r.cycles) * static_cast<double>(r.tck_ps));
    }
    for (const auto& channel : channels_) {
      channel->idle_until(last_);
      r.commands += channel->counts();
      r.row_hits += channel->row_hits();
      r.row_misses += channel->row_misses();
      r.row_conflicts += channel->row_conflicts();
      r.forwarded += channel->forwarded();
    }
    r.energy = energy_of(preset_, r.commands, r.commands.reads, r.commands.writes,
                         static_cast<TimePs>(last_) * r.tck_ps);
    return r;
  }

 private:
  void collect() {
    for (const Served& served : served_) {
      const auto latency = static_cast<std::uint64_t>(served.done - since_[served.id]);
      (served.is_write ? writes_ : reads_).add(latency);
      all_.add(latency);
      last_ = std::max(last_, served.done);
      free_.push_back(served.id);
    }
    served_.clear();
  }

  const Preset& preset_;
  std::vector<std::unique_ptr<QueuedChannel>> channels_;
  std::vector<Served> served_;
  std::vector<Cycle> since_;       // by slot; slots are the request ids
  std::vector<std::size_t> free_;  // slots
  Cycle now_ = 0;
  std::optional<Cycle> first_;
  Cycle last_ = 0;
  Histogram reads_, writes_, all_;
};

double ns(const TraceResult& r, double cycles) { return cycles * static_cast<double>(r.tck_ps) * 1e-3; }

}  // namespace

TraceResult run_trace(const TraceOptions& options, const CommandSink& sink) {
  const Preset preset = load_preset(options.preset_path);
  TraceReader reader(options.trace_path, preset);
  Run run(preset, sink);
  std::uint64_t index = 0;
  for (TraceLine line; reader.next(line); ++index) {
    std::optional<Cycle> given;
    if (line.timed) given = static_cast<Cycle>(line.cycle);
    if (options.interval_cycles) {
      if (line.timed) reader.refuse("the trace has its own arrival cycles, which contradicts --interval");
      if (*options.interval_cycles > kMaxCycle / (index + 1)) {
        throw ConfigError("--interval",
                          fmt::format("{} cycles are too many for this trace", *options.interval_cycles));
      }
      given = static_cast<Cycle>(index * *options.interval_cycles);
    }
    run.request(line, given);
  }
  if (index == 0) throw ConfigError(options.trace_path, "holds no request");
  return run.finish();
}

void print(const TraceResult& r, std::ostream& out) {
  const auto row = [&](const std::string& name, const std::string& value) {
    out << fmt::format("{:<24}{}\n", name, value);
  };
  row("memory", r.preset_name);
  row("clock", fmt::format("tCK = {} ps", r.tck_ps));
  row("requests", fmt::format("{} reads, {} writes, {} bytes", r.reads, r.writes, r.bytes));
  row("time", fmt::format("{:.1f} ns = {} cycles", ns(r, static_cast<double>(r.cycles)), r.cycles));
  row("bandwidth", fmt::format("{:.3f} GB/s of {:.1f} GB/s peak ({:.1f} %)", r.gbytes_per_s,
                               r.peak_gbytes_per_s, 100.0 * r.gbytes_per_s / r.peak_gbytes_per_s));
  out << fmt::format("{:<24}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "latency [ns]", "mean", "p50", "p95", "p99",
                     "max");
  const auto latency = [&](const char* name, const LatencySummary& s) {
    if (s.requests == 0) return;
    out << fmt::format("{:<24}{:>10.1f}{:>10.1f}{:>10.1f}{:>10.1f}{:>10.1f}\n", name, ns(r, s.mean),
                       ns(r, static_cast<double>(s.p50)), ns(r, static_cast<double>(s.p95)),
                       ns(r, static_cast<double>(s.p99)), ns(r, static_cast<double>(s.max)));
  };
  latency("  read", r.read_latency);
  latency("  write", r.write_latency);
  latency("  all", r.latency);
  row("row hit rate", fmt::format("{:.1f} % ({} hits, {} misses, {} conflicts)", 100.0 * r.row_hit_rate(),
                                  r.row_hits, r.row_misses, r.row_conflicts));
  row("reads from write queue", fmt::format("{}", r.forwarded));
  const CommandCounts& c = r.commands;
  row("commands", fmt::format("ACT {}  PRE {}  PREab {}  RD {}  WR {}  REFab {}", c.activates, c.precharges,
                              c.precharge_alls, c.reads, c.writes, c.refreshes));
  const EnergySums& e = r.energy;
  row("energy [nJ]",
      fmt::format("{:.1f} = activate {:.1f} + array {:.1f} + phy {:.1f} + refresh {:.1f} + background {:.1f}",
                  e.total_pj() * 1e-3, e.activate_pj * 1e-3, e.array_pj * 1e-3, e.phy_pj * 1e-3,
                  e.refresh_pj * 1e-3, e.background_pj * 1e-3));
  row("energy per bit", fmt::format("{:.2f} pJ/bit", e.total_pj() / (8.0 * static_cast<double>(r.bytes))));
}

std::string to_json(const TraceResult& r) {
  const auto latency = [&](const LatencySummary& s) {
    return nlohmann::ordered_json{{"requests", s.requests},
                                  {"mean_ns", ns(r, s.mean)},
                                  {"p50_ns", ns(r, static_cast<double>(s.p50))},
                                  {"p95_ns", ns(r, static_cast<double>(s.p95))},
                                  {"p99_ns", ns(r, static_cast<double>(s.p99))},
                                  {"max_ns", ns(r, static_cast<double>(s.max))}};
  };
  const CommandCounts& c = r.commands;
  const EnergySums& e = r.energy;
  nlohmann::ordered_json json{
      {"memory", r.preset_name},
      {"tck_ps", r.tck_ps},
      {"reads", r.reads},
      {"writes", r.writes},
      {"bytes", r.bytes},
      {"cycles", r.cycles},
      {"time_ns", ns(r, static_cast<double>(r.cycles))},
      {"bandwidth_gbytes_per_s", r.gbytes_per_s},
      {"peak_gbytes_per_s", r.peak_gbytes_per_s},
      {"latency",
       {{"read", latency(r.read_latency)}, {"write", latency(r.write_latency)}, {"all", latency(r.latency)}}},
      {"row_hit_rate", r.row_hit_rate()},
      {"row_hits", r.row_hits},
      {"row_misses", r.row_misses},
      {"row_conflicts", r.row_conflicts},
      {"reads_from_write_queue", r.forwarded},
      {"commands",
       {{"activate", c.activates},
        {"precharge", c.precharges},
        {"precharge_all", c.precharge_alls},
        {"read", c.reads},
        {"write", c.writes},
        {"refresh_all", c.refreshes}}},
      {"energy_pj",
       {{"total", e.total_pj()},
        {"activate", e.activate_pj},
        {"array", e.array_pj},
        {"phy", e.phy_pj},
        {"refresh", e.refresh_pj},
        {"background", e.background_pj}}},
  };
  return json.dump(2) + "\n";
}

}  // namespace memwall::hbm
