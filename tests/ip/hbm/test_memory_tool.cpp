// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Memory tool: its results against formulas and against the engine driven directly, the command file read
// back by the auditor, and what is refused, by name and place.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <queue>
#include <set>
#include <sstream>

#include "common/error.h"
#include "common/rng.h"
#include "hbm/engine.h"
#include "hbm/memory_tool.h"
#include "ip/hbm/auditor.h"

namespace memwall::hbm {
namespace {

std::string preset_path(const std::string& name) {
  return MEMWALL_SOURCE_DIR "/scenarios/memories/" + name + ".toml";
}
const std::string kHbm3 = preset_path("hbm3_6400");

std::string file_of_test(const std::string& suffix) {
  return testing::TempDir() + "hbm_memory_" + testing::UnitTest::GetInstance()->current_test_info()->name() +
         suffix;
}

std::string write_trace(const std::string& text) {
  const std::string path = file_of_test(".trace");
  std::ofstream(path) << text;
  return path;
}

MemoryOptions trace_options(const std::string& path) {
  MemoryOptions options;
  options.preset_path = kHbm3;
  options.trace_path = path;
  return options;
}

MemoryOptions pattern_options(const std::string& pattern, std::uint64_t requests) {
  MemoryOptions options;
  options.preset_path = kHbm3;
  options.pattern = pattern;
  options.requests = requests;
  return options;
}

/// The message of the refusal, or "accepted".
std::string refusal(const MemoryOptions& options) {
  try {
    run_memory(options);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

/// The same behind the name of the trace.
std::string trace_refusal(const std::string& text, std::optional<std::uint64_t> interval = {}) {
  MemoryOptions options = trace_options(write_trace(text));
  options.interval_cycles = interval;
  const std::string what = refusal(options);
  const std::size_t name = what.find(".trace:");
  return name == std::string::npos ? what : what.substr(name + 6);
}

void expect_begins(const std::string& text, const std::string& begin) {
  EXPECT_EQ(text.substr(0, begin.size()), begin);
}

// -- Results ------------------------------------------------------------------------------------------------

TEST(MemoryTool, SmallTraceHasTheLatenciesOfTheFormulas) {
  const MemoryResult r = run_memory(trace_options(MEMWALL_SOURCE_DIR "/tests/ip/hbm/data/small.trace"));
  // A closed row at 0, a hit, a conflict, and a write to a closed row, all far apart: see the file.
  EXPECT_EQ(r.reads, 3u);
  EXPECT_EQ(r.writes, 1u);
  EXPECT_EQ(r.latency.read.max, 26u + 31 + 20 + 2);
  EXPECT_EQ(r.latency.read.p50, 31u + 20 + 2);
  EXPECT_EQ(r.latency.write.max, 15u + 10 + 2);
  EXPECT_DOUBLE_EQ(r.latency.read.mean, (53.0 + 22 + 79) / 3);
  EXPECT_EQ(r.channels.row_hits, 1u);
  EXPECT_EQ(r.channels.row_misses, 2u);
  EXPECT_EQ(r.channels.row_conflicts, 1u);
  EXPECT_EQ(r.cycles, 900u + 27);
  EXPECT_EQ(r.refreshes(), 0u);
  std::ostringstream text;
  print(r, text);
  EXPECT_NE(text.str().find("row hit rate            25.0 %"), std::string::npos) << text.str();
}

TEST(MemoryTool, IntervalPacesTheRequests) {
  MemoryOptions options = trace_options(write_trace("R 0\nR 20\nR 40\nR 60\n"));
  const MemoryResult fast = run_memory(options);
  options.interval_cycles = 1000;
  const MemoryResult paced = run_memory(options);
  EXPECT_EQ(paced.cycles, 3000u + 53);
  EXPECT_LT(fast.cycles, 100u);
  EXPECT_EQ(paced.latency.read.max, 53u);

  MemoryOptions pattern = pattern_options("seq", 4);
  pattern.interval_cycles = 1000;
  EXPECT_EQ(run_memory(pattern).cycles, 3000u + 53);
}

TEST(MemoryTool, OnlyTheTimeSinceTheFirstArrivalCounts) {
  // 20 refresh intervals later in the same phase: the same in everything.
  const Preset preset = load_preset(kHbm3);
  const auto late = static_cast<std::uint64_t>(20 * preset.refresh_interval());
  const auto trace = [](std::uint64_t start) {
    std::string text;
    for (std::uint64_t i = 0; i < 100; ++i) {
      text += std::to_string(start + 1000 + 200 * i) + " R " + std::to_string(40000 * i % 8) + "000\n";
    }
    return text;
  };
  const MemoryResult a = run_memory(trace_options(write_trace(trace(0))));
  const MemoryResult b = run_memory(trace_options(write_trace(trace(late))));
  EXPECT_GT(a.refreshes(), 0u);
  EXPECT_EQ(to_json(a), to_json(b));
}

struct Direct {
  std::vector<std::uint64_t> latencies[2];  // by direction, in cycles
  std::uint64_t bytes = 0;
  TimePs first = ~TimePs{0}, last = 0;
};

LatencySummary summary_of(std::vector<std::uint64_t> values) {
  std::sort(values.begin(), values.end());
  LatencySummary s;
  s.requests = values.size();
  if (values.empty()) return s;
  double sum = 0;
  for (const std::uint64_t value : values) sum += static_cast<double>(value);
  s.mean = sum / static_cast<double>(values.size());
  const auto percentile = [&](std::size_t p) { return values[(values.size() * p + 99) / 100 - 1]; };
  s.p50 = percentile(50);
  s.p95 = percentile(95);
  s.p99 = percentile(99);
  s.max = values.back();
  return s;
}

void expect_equal(const LatencySummary& got, const LatencySummary& want) {
  EXPECT_EQ(got.requests, want.requests);
  EXPECT_NEAR(got.mean, want.mean, 1e-9 * want.mean);
  EXPECT_EQ(got.p50, want.p50);
  EXPECT_EQ(got.p95, want.p95);
  EXPECT_EQ(got.p99, want.p99);
  EXPECT_EQ(got.max, want.max);
}

/// `by_initiator`: what the engine said when driven directly.
void expect_equal(const MemoryResult& r, std::vector<Direct>& by_initiator, const Counters& counters,
                  TimePs tck) {
  std::vector<std::uint64_t> latencies[2];
  TimePs first = ~TimePs{0}, last = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < by_initiator.size(); ++i) {
    const Direct& direct = by_initiator[i];
    if (direct.bytes == 0) continue;
    ASSERT_LT(at, r.initiators.size());
    const InitiatorResult& initiator = r.initiators[at++];
    EXPECT_EQ(initiator.initiator, i);
    EXPECT_EQ(initiator.bytes, direct.bytes);
    EXPECT_EQ(initiator.cycles, (direct.last - direct.first) / tck);
    EXPECT_DOUBLE_EQ(initiator.gbytes_per_s, 1e3 * static_cast<double>(direct.bytes) /
                                                 static_cast<double>(direct.last - direct.first));
    expect_equal(initiator.latency.read, summary_of(direct.latencies[0]));
    expect_equal(initiator.latency.write, summary_of(direct.latencies[1]));
    for (int d = 0; d < 2; ++d) {
      latencies[d].insert(latencies[d].end(), direct.latencies[d].begin(), direct.latencies[d].end());
    }
    first = std::min(first, direct.first);
    last = std::max(last, direct.last);
  }
  EXPECT_EQ(at, r.initiators.size());
  EXPECT_EQ(r.cycles, (last - first) / tck);
  expect_equal(r.latency.read, summary_of(latencies[0]));
  expect_equal(r.latency.write, summary_of(latencies[1]));
  latencies[0].insert(latencies[0].end(), latencies[1].begin(), latencies[1].end());
  expect_equal(r.latency.all, summary_of(latencies[0]));
  EXPECT_TRUE(r.channels == counters.channels);
  EXPECT_DOUBLE_EQ(r.energy.total_pj(), counters.energy.total_pj());
  EXPECT_EQ(r.bursts, counters.port[0].read_bursts + counters.port[0].write_bursts);
}

TEST(MemoryTool, ATraceWithCyclesGivesWhatTheEngineGives) {
  const Preset preset = load_preset(kHbm3);
  Engine engine(preset);
  std::vector<Event> events;
  std::vector<Request> requests;
  Rng rng(3, "trace");
  std::string text = "# cycle R|W address bytes @initiator\n";
  std::uint64_t cycle = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    Request r;
    r.tag = i;
    r.arrival = cycle * preset.tCK_ps;
    r.address = rng.below(1 << 18);
    r.bytes = 1 + rng.below(i % 50 == 0 ? 20000 : 100);
    r.is_write = rng.below(3) == 0;
    r.source = static_cast<std::uint32_t>(rng.below(5)) * 3;
    std::ostringstream line;
    line << cycle << (r.is_write ? " W 0x" : " R ") << std::hex << r.address << std::dec << " " << r.bytes;
    if (r.source != 0) line << " @" << r.source;
    text += line.str() + "\n";
    cycle += 1 + rng.below(30);
    requests.push_back(r);
    engine.submit(r);
  }
  engine.finish(events);
  std::vector<Direct> direct(Engine::kSources);
  TimePs last = 0;
  for (const Event& event : events) {
    const Request& r = requests[event.tag];
    Direct& d = direct[r.source];
    d.latencies[r.is_write].push_back((event.at - r.arrival) / preset.tCK_ps);
    d.bytes += r.bytes;
    d.first = std::min(d.first, r.arrival);
    d.last = std::max(d.last, event.at);
    last = std::max(last, event.at);
  }
  const MemoryResult result = run_memory(trace_options(write_trace(text)));
  EXPECT_GT(result.channels.forwarded, 0u);
  expect_equal(result, direct, engine.counters(last), preset.tCK_ps);
}

TEST(MemoryTool, ATraceWithoutCyclesKeepsSoManyRequestsOutstandingPerInitiator) {
  // Reads only; the engine is looked at whenever something can have happened.
  const Preset preset = load_preset(kHbm3);
  for (const std::size_t outstanding : {1, 7, 40}) {
    std::vector<std::vector<Request>> streams(3);
    Rng rng(outstanding, "closed");
    std::string text;
    for (std::uint64_t i = 0; i < 1500; ++i) {
      Request r;
      r.source = static_cast<std::uint32_t>(rng.below(3));
      r.address = rng.below(1 << 24) / 32 * 32;
      r.bytes = 32;
      streams[r.source].push_back(r);
      std::ostringstream line;
      line << "R " << std::hex << r.address << std::dec << " @" << r.source << "\n";
      text += line.str();
    }
    Engine engine(preset);
    using Release = std::pair<TimePs, std::uint32_t>;
    std::priority_queue<Release, std::vector<Release>, std::greater<>> releases;
    std::vector<Direct> direct(Engine::kSources);
    std::vector<Request> sent;
    std::size_t next[3] = {0, 0, 0};
    std::size_t free[3] = {outstanding, outstanding, outstanding};
    TimePs now = 0, last = 0;
    std::vector<Event> events;
    for (;;) {
      for (bool any = true; any;) {
        any = false;
        for (std::uint32_t s = 0; s < 3; ++s) {
          if (free[s] == 0 || next[s] == streams[s].size()) continue;
          any = true;
          Request r = streams[s][next[s]++];
          r.tag = sent.size();
          r.arrival = now;
          sent.push_back(r);
          engine.submit(r);
          --free[s];
        }
      }
      TimePs then = ~TimePs{0};
      if (!releases.empty()) then = releases.top().first;
      if (const auto event = engine.next_event()) then = std::min(then, *event);
      if (then == ~TimePs{0}) break;
      now = std::max(now, then);
      events.clear();
      engine.advance(now, events);
      for (const Event& event : events) {
        const Request& r = sent[event.tag];
        Direct& d = direct[r.source];
        d.latencies[0].push_back((event.at - r.arrival) / preset.tCK_ps);
        d.bytes += r.bytes;
        d.first = std::min(d.first, r.arrival);
        d.last = std::max(d.last, event.at);
        last = std::max(last, event.at);
        releases.push({event.at, r.source});
      }
      while (!releases.empty() && releases.top().first <= now) {
        ++free[releases.top().second];
        releases.pop();
      }
    }
    ASSERT_EQ(sent.size(), 1500u);
    MemoryOptions options = trace_options(write_trace(text));
    options.outstanding = outstanding;
    const MemoryResult result = run_memory(options);
    EXPECT_EQ(result.outstanding, outstanding);
    expect_equal(result, direct, engine.counters(last), preset.tCK_ps);
  }
}

TEST(MemoryTool, PatternsAreWhatTheirNamesSay) {
  MemoryOptions options = pattern_options("seq", 100000);
  const MemoryResult sequential = run_memory(options);
  EXPECT_EQ(sequential.reads, 100000u);
  EXPECT_EQ(sequential.writes, 0u);
  EXPECT_EQ(sequential.bytes, 3200000u);
  EXPECT_GT(sequential.row_hit_rate(), 0.9);
  EXPECT_GT(sequential.gbytes_per_s, 0.85 * sequential.peak_gbytes_per_s);
  EXPECT_NEAR(sequential.bus_busy, sequential.gbytes_per_s / sequential.peak_gbytes_per_s, 1e-9);

  options.pattern = "random";
  options.requests = 50000;
  const MemoryResult random = run_memory(options);
  EXPECT_EQ(random.reads, 50000u);
  EXPECT_LT(random.row_hit_rate(), 0.01);
  // At most four activates per tFAW in each pseudo-channel.
  const Preset preset = load_preset(kHbm3);
  const double limit = 4.0 * 32 * 1e3 / static_cast<double>(preset.cycles("tFAW") * 625) * 32;
  printf("random reads: %.1f GB/s, four-activate limit %.1f GB/s\n", random.gbytes_per_s, limit);
  EXPECT_GT(random.gbytes_per_s, 0.8 * limit);
  EXPECT_LE(random.gbytes_per_s, limit);

  options.pattern = "mix";
  const MemoryResult mix = run_memory(options);
  EXPECT_EQ(mix.reads + mix.writes, 50000u);
  EXPECT_NEAR(static_cast<double>(mix.writes), 0.33 * 50000, 4 * std::sqrt(50000 * 0.33 * 0.67));
  options.write_percent = 100;
  EXPECT_EQ(run_memory(options).writes, 50000u);
  options.bytes = 1000;
  options.requests = 10;
  const MemoryResult large = run_memory(options);
  EXPECT_EQ(large.bytes, 10000u);
  EXPECT_EQ(large.bursts, 10u * 32);
}

TEST(MemoryTool, SequentialInitiatorsHaveRegionsOfTheirOwnAndShareTheBandwidth) {
  MemoryOptions options = pattern_options("seq", 40001);
  options.initiators = 4;
  std::set<std::uint32_t> all;
  const MemoryResult r = run_memory(options, [&](const CommandRecord& record) {
    if (record.command == Command::kACT) all.insert(record.where.row);
  });
  ASSERT_EQ(r.initiators.size(), 4u);
  EXPECT_EQ(r.initiators[0].reads, 10001u);
  EXPECT_EQ(r.initiators[3].reads, 10000u);
  // 312 KiB each, in the first row of each quarter of 16384 rows.
  EXPECT_EQ(all, (std::set<std::uint32_t>{0, 4096, 8192, 12288}));
  for (const InitiatorResult& i : r.initiators) {
    EXPECT_NEAR(i.gbytes_per_s, r.gbytes_per_s / 4, 0.15 * r.gbytes_per_s / 4);
  }
}

TEST(MemoryTool, TheSameSeedGivesTheSameResultAndAnotherSeedAnother) {
  MemoryOptions options = pattern_options("mix", 5000);
  options.initiators = 3;
  options.seed = 7;
  const std::string first = to_json(run_memory(options));
  EXPECT_EQ(first, to_json(run_memory(options)));
  options.seed = 8;
  EXPECT_NE(first, to_json(run_memory(options)));
  // Absent means 1.
  options.seed = 1;
  const std::string one = to_json(run_memory(options));
  options.seed.reset();
  EXPECT_EQ(one, to_json(run_memory(options)));
}

TEST(MemoryTool, DirectionsDoNotChangeTheAddresses) {
  const auto places = [](std::uint64_t write_percent) {
    MemoryOptions options = pattern_options("random", 500);
    options.write_percent = write_percent;
    options.interval_cycles = 100;
    std::vector<std::uint32_t> columns;
    run_memory(options, [&](const CommandRecord& r) {
      if (r.command == Command::kRD || r.command == Command::kWR) columns.push_back(r.where.column);
    });
    std::sort(columns.begin(), columns.end());
    return columns;
  };
  EXPECT_EQ(places(0), places(100));
}

TEST(MemoryTool, LongRequestsAreJumpedOver) {
  // 20 GiB in 20 requests. Burst by burst this would take a minute; no time is checked but that of the
  // runner.
  MemoryOptions options = pattern_options("seq", 20);
  options.bytes = std::uint64_t{1} << 30;
  const MemoryResult r = run_memory(options);
  EXPECT_EQ(r.bytes, std::uint64_t{20} << 30);
  EXPECT_EQ(r.channels.count(Command::kRD), (std::uint64_t{20} << 30) / 32);
  EXPECT_NEAR(r.gbytes_per_s, 819.2 * (1 - 350.0 / 3900), 0.02 * 819.2);
}

TEST(MemoryTool, JsonHoldsEveryFigureWithItsUnit) {
  MemoryOptions options = pattern_options("mix", 40000);
  options.initiators = 2;
  const MemoryResult r = run_memory(options);
  const auto j = nlohmann::json::parse(to_json(r));
  EXPECT_EQ(j["memory"], r.preset_name);
  EXPECT_EQ(j["tck_ps"], 625);
  EXPECT_EQ(j["reads"].get<std::uint64_t>() + j["writes"].get<std::uint64_t>(), 40000u);
  EXPECT_EQ(j["bytes"], 40000 * 32);
  EXPECT_DOUBLE_EQ(j["time_ns"], static_cast<double>(r.cycles) * 0.625);
  EXPECT_DOUBLE_EQ(j["bandwidth_gbytes_per_s"], 40000.0 * 32 / j["time_ns"].get<double>());
  EXPECT_DOUBLE_EQ(j["peak_gbytes_per_s"], 819.2);
  for (const char* direction : {"read", "write", "all"}) {
    const auto& latency = j["latency"][direction];
    double last = 0;
    for (const char* key : {"p50_ns", "p95_ns", "p99_ns", "max_ns"}) {
      EXPECT_GE(latency[key].get<double>(), last) << key;
      last = latency[key];
    }
    EXPECT_GT(latency["mean_ns"].get<double>(), 0);
  }
  EXPECT_DOUBLE_EQ(j["latency"]["read"]["max_ns"], static_cast<double>(r.latency.read.max) * 0.625);
  ASSERT_EQ(j["initiators"].size(), 2u);
  EXPECT_EQ(j["initiators"][1]["initiator"], 1);
  EXPECT_EQ(
      j["initiators"][1]["reads"].get<std::uint64_t>() + j["initiators"][1]["writes"].get<std::uint64_t>(),
      20000u);
  EXPECT_GT(j["initiators"][1]["bandwidth_gbytes_per_s"].get<double>(), 0);
  EXPECT_GT(j["initiators"][1]["latency"]["write"]["mean_ns"].get<double>(), 0);
  for (std::size_t c = 0; c < kCommands; ++c) {
    EXPECT_EQ(j["commands"][kCommandNames[c]], r.channels.commands[c]) << kCommandNames[c];
  }
  // Every burst is a column command or answered from the write queue.
  EXPECT_EQ(j["commands"]["RD"].get<std::uint64_t>() + j["commands"]["WR"].get<std::uint64_t>() +
                j["reads_from_write_queue"].get<std::uint64_t>(),
            j["bursts"].get<std::uint64_t>());
  EXPECT_EQ(j["row_hits"].get<std::uint64_t>() + j["row_misses"].get<std::uint64_t>() +
                j["row_conflicts"].get<std::uint64_t>(),
            j["commands"]["RD"].get<std::uint64_t>() + j["commands"]["WR"].get<std::uint64_t>());
  EXPECT_EQ(j["refreshes"], j["commands"]["REFab"]);
  std::uint64_t background = 0;
  for (const char* state : {"active", "precharged", "power_down", "self_refresh"}) {
    background += j["background_cycles"][state].get<std::uint64_t>();
  }
  EXPECT_EQ(background, r.cycles * 32);
  double pj = 0, pj_per_bit = 0;
  for (const char* kind : {"activate", "array", "phy", "refresh", "background"}) {
    EXPECT_GT(j["energy_pj"][kind].get<double>(), 0) << kind;
    pj += j["energy_pj"][kind].get<double>();
    pj_per_bit += j["energy_pj_per_bit"][kind].get<double>();
  }
  EXPECT_NEAR(j["energy_pj"]["total"], pj, 1e-9 * pj);
  EXPECT_NEAR(j["energy_pj_per_bit"]["total"], pj_per_bit, 1e-9 * pj_per_bit);
  EXPECT_NEAR(pj_per_bit, pj / (8.0 * 40000 * 32), 1e-9 * pj_per_bit);
  EXPECT_FALSE(j.contains("command_file"));
}

// -- Command file -------------------------------------------------------------------------------------------

/// Reads a command file; checks its form.
std::vector<CommandRecord> read_commands(const std::string& path, const Preset& preset) {
  const Organisation& o = preset.organisation;
  std::ifstream in(path);
  std::vector<CommandRecord> log;
  std::string line;
  bool units = false, names = false;
  while (std::getline(in, line)) {
    if (line[0] == '#') {
      units = units || line.find("tCK = " + std::to_string(preset.tCK_ps) + " ps") != std::string::npos;
      continue;
    }
    if (!names) {
      EXPECT_EQ(line, "cycle,time_ps,command,channel,pseudo_channel,stack_id,bank_group,bank,row,column");
      names = true;
      continue;
    }
    std::vector<std::string> fields(1);
    for (const char c : line) {
      if (c == ',') {
        fields.emplace_back();
      } else {
        fields.back() += c;
      }
    }
    EXPECT_EQ(fields.size(), 10u) << line;
    const auto number = [&](std::size_t i) { return fields[i].empty() ? 0 : std::stoull(fields[i]); };
    const auto index = [&](std::size_t i) { return static_cast<std::uint32_t>(number(i)); };
    CommandRecord r;
    r.at = static_cast<Cycle>(number(0));
    EXPECT_EQ(number(1), number(0) * preset.tCK_ps) << line;
    const auto name = std::find(kCommandNames.begin(), kCommandNames.end(), fields[2]);
    EXPECT_NE(name, kCommandNames.end()) << line;
    r.command = static_cast<Command>(name - kCommandNames.begin());
    r.where.channel = index(3);
    r.where.pseudo_channel = index(4);
    r.where.stack_id = index(5);
    r.where.group = r.where.stack_id * o.bank_groups + index(6);
    r.where.bank = r.where.group * o.banks + index(7);
    r.where.row = index(8);
    r.where.column = index(9);
    const bool column = r.command == Command::kRD || r.command == Command::kWR;
    EXPECT_EQ(fields[9].empty(), !column) << line;
    EXPECT_EQ(fields[8].empty(), !column && r.command != Command::kACT) << line;
    EXPECT_EQ(fields[7].empty(), scope_of(r.command) != Level::kBank) << line;
    EXPECT_EQ(fields[4].empty(), scope_of(r.command) == Level::kChannel) << line;
    EXPECT_GE(r.at, log.empty() ? 0 : log.back().at) << line;
    log.push_back(r);
  }
  EXPECT_TRUE(units);
  return log;
}

TEST(MemoryTool, TheCommandFileSatisfiesTheAuditorAndTheCounters) {
  for (const char* name : {"hbm2_2000", "hbm3_6400", "hbm4_8000", "ddr5_6400", "lpddr5x_8533", "stacked3d"}) {
    MemoryOptions options = pattern_options("mix", 30000);
    options.preset_path = preset_path(name);
    options.initiators = 2;
    options.commands_path = file_of_test(".csv");
    const MemoryResult r = run_memory(options);
    const Preset preset = load_preset(options.preset_path);
    const std::vector<CommandRecord> log = read_commands(*options.commands_path, preset);
    EXPECT_EQ(log.size(), r.commands_written);
    std::array<std::uint64_t, kCommands> counts{};
    for (const CommandRecord& record : log) ++counts[static_cast<std::size_t>(record.command)];
    EXPECT_EQ(counts, r.channels.commands) << name;
    const auto audit = testing_support::audit(preset, log, static_cast<Cycle>(r.cycles));
    EXPECT_TRUE(audit.clean()) << name << ": " << (audit.violations.empty() ? "" : audit.violations.front());
    printf("%s: %llu commands, %llu pairs compared\n", name, static_cast<unsigned long long>(audit.commands),
           static_cast<unsigned long long>(audit.pairs));

    // Writing them down changes nothing, and is told.
    auto told = nlohmann::json::parse(to_json(r));
    EXPECT_EQ(told["command_file"]["path"], *options.commands_path);
    EXPECT_EQ(told["command_file"]["commands"], log.size());
    std::ostringstream text;
    print(r, text);
    EXPECT_NE(text.str().find("commands written to     " + *options.commands_path), std::string::npos);
    options.commands_path.reset();
    told.erase("command_file");
    EXPECT_EQ(told, nlohmann::json::parse(to_json(run_memory(options)))) << name;
  }
}

TEST(MemoryTool, ACommandFileThatCannotBeWrittenIsRefusedByName) {
  MemoryOptions options = pattern_options("seq", 10);
  options.commands_path = "/nonexistent/commands.csv";
  EXPECT_EQ(refusal(options), "/nonexistent/commands.csv: cannot be written");
  options.commands_path = "/dev/full";
  EXPECT_EQ(refusal(options), "/dev/full: writing failed");
  options = trace_options(write_trace("R 0\n"));
  options.commands_path = options.trace_path;
  expect_begins(refusal(options), "--commands: " + *options.trace_path + " is what is read");
  EXPECT_EQ(run_memory(trace_options(*options.trace_path)).reads, 1u) << "the trace is still there";
}

// -- Bad input ----------------------------------------------------------------------------------------------

TEST(MemoryTool, BadLinesAreRefusedWithFileAndLine) {
  expect_begins(trace_refusal("R 0\nX 0\n"), ":2: 'X' is neither R nor W");
  expect_begins(trace_refusal("R\n"), ":1: expected [cycle] R|W hexaddress");
  expect_begins(trace_refusal("5\n"), ":1: expected");
  expect_begins(trace_refusal("5 R\n"), ":1: expected");
  expect_begins(trace_refusal("5 X 0\n"), ":1: 'X' is neither");
  expect_begins(trace_refusal("1 R 0 32 @1 7\n"), ":1: expected");
  expect_begins(trace_refusal("R 0 32 7\n"), ":1: '7' is too much");
  expect_begins(trace_refusal("R 0 @1 32\n"), ":1: '32' is too much");
  expect_begins(trace_refusal("# c\n\n1 R 0 0\n"), ":3: a request of 0 bytes");
  expect_begins(trace_refusal("R 0 3x\n"), ":1: number of bytes '3x' is not a base-10 number");
  expect_begins(trace_refusal("R 0 @\n"), ":1: initiator has no digits");
  expect_begins(trace_refusal("R 0 @16\n"), ":1: initiator 16; accepted: 0 to 15");
  expect_begins(trace_refusal("R 0x\n"), ":1: address has no digits");
  expect_begins(trace_refusal("R 0xfg\n"), ":1: address 'fg'");
  expect_begins(trace_refusal("R 11\n"), ":1: address 0x11 is not a multiple of the 32-byte burst");
  expect_begins(trace_refusal("R 400000000\n"), ":1: address 0x400000000 is outside");
  expect_begins(trace_refusal("R 3ffffffe0 33\n"), ":1: 33 bytes at address 0x3ffffffe0 are not inside");
  expect_begins(trace_refusal("R 1 18446744073709551615\n"), ":1: 18446744073709551615 bytes at address 0x1");
  expect_begins(trace_refusal("R ffffffffffffffffffff\n"), ":1: address 'ffffffffffffffffffff' is too large");
  expect_begins(trace_refusal("5 R 0\n4 R 0\n"), ":2: arrival cycle 4 is before the previous one, 5");
  expect_begins(trace_refusal("5 R 0\nR 0\n"), ":2: either all");
  expect_begins(trace_refusal("R 0\n5 R 0\n"), ":2: either all");
  expect_begins(trace_refusal("-5 R 0\n"), ":1: arrival cycle '-5'");
  expect_begins(trace_refusal("99999999999999999 R 0\n"), ":1: arrival cycle");
  expect_begins(trace_refusal("# c\n5 R 0\n", 3), ":2: the trace has its own");
  expect_begins(trace_refusal("R 0 \x01\xff\n"), ":1: number of bytes '?\?'");
  EXPECT_EQ(trace_refusal("# nothing\n"), ": holds no request");
  EXPECT_EQ(refusal(trace_options("/nonexistent/trace")), "/nonexistent/trace: cannot be read");
  EXPECT_EQ(refusal(trace_options(testing::TempDir())), testing::TempDir() + ": reading failed");
}

TEST(MemoryTool, WhatIsNoErrorIsAccepted) {
  EXPECT_EQ(trace_refusal("R 0\r\n\tW\t0X40\t# comment\n"), "accepted");
  EXPECT_EQ(trace_refusal("R 11 1\nW 3ffffffe0 32 @15"), "accepted");
}

TEST(MemoryTool, RequestsOfOneCycleThatOverlapAreRefusedIfOneWrites) {
  expect_begins(trace_refusal("5 R 0\n5 R 20\n5 W 20\n"),
                ":3: overlaps the request of line 2 in the same cycle");
  expect_begins(trace_refusal("5 W 0 100 @1\n5 R 10 4 @2\n6 R 0\n"), ":2: overlaps the request of line 1");
  expect_begins(trace_refusal("5 R 0 1000\n5 R 10 4\n5 W 200 4\n"), ":3: overlaps the request of line 1");
  expect_begins(trace_refusal("5 W 300 4\n5 W 200 100\n5 W 0 1000\n"), ":3: overlaps the request of line");
  // Order is defined, nobody writes, or they only touch.
  EXPECT_EQ(trace_refusal("5 W 0\n6 R 0\n6 R 0\n"), "accepted");
  EXPECT_EQ(trace_refusal("W 0\nR 0\n"), "accepted");
  EXPECT_EQ(trace_refusal("5 W 0 16\n5 W 10 16\n5 R 20\n"), "accepted");
}

TEST(MemoryTool, OptionsThatContradictOrHaveNoEffectAreRefusedByName) {
  MemoryOptions options;
  options.preset_path = kHbm3;
  expect_begins(refusal(options), "--trace, --pattern: ");
  options = pattern_options("seq", 10);
  options.trace_path = "t";
  expect_begins(refusal(options), "--trace, --pattern: contradict each other");
  options = pattern_options("zigzag", 10);
  EXPECT_EQ(refusal(options), "--pattern: 'zigzag'; accepted: seq, random, mix");
  options = pattern_options("seq", 10);
  options.requests.reset();
  expect_begins(refusal(options), "--requests: is missing");

  const std::string trace = write_trace("R 0\n");
  const auto with_trace = [&](auto set) {
    MemoryOptions o = trace_options(trace);
    set(o);
    return refusal(o);
  };
  const std::string no_effect = ": has no effect on a trace; accepted with --pattern";
  EXPECT_EQ(with_trace([](MemoryOptions& o) { o.seed = 1; }), "--seed" + no_effect);
  EXPECT_EQ(with_trace([](MemoryOptions& o) { o.requests = 1; }), "--requests" + no_effect);
  EXPECT_EQ(with_trace([](MemoryOptions& o) { o.bytes = 32; }), "--bytes" + no_effect);
  EXPECT_EQ(with_trace([](MemoryOptions& o) { o.write_percent = 0; }), "--write-percent" + no_effect);
  EXPECT_EQ(with_trace([](MemoryOptions& o) { o.initiators = 1; }), "--initiators" + no_effect);

  const auto with_pattern = [&](auto set) {
    MemoryOptions o = pattern_options("seq", 10);
    set(o);
    return refusal(o);
  };
  expect_begins(with_pattern([](MemoryOptions& o) { o.requests = 0; }), "--requests: 0; accepted: 1 to ");
  expect_begins(with_pattern([](MemoryOptions& o) { o.initiators = 17; }),
                "--initiators: 17; accepted: 1 to 16");
  expect_begins(with_pattern([](MemoryOptions& o) { o.write_percent = 101; }),
                "--write-percent: 101; accepted: 0");
  expect_begins(with_pattern([](MemoryOptions& o) { o.outstanding = 0; }),
                "--outstanding: 0; accepted: 1 to 16384");
  expect_begins(with_pattern([](MemoryOptions& o) { o.interval_cycles = 0; }),
                "--interval: 0; accepted: 1 to ");
  expect_begins(with_pattern([](MemoryOptions& o) { o.interval_cycles = std::uint64_t{1} << 46; }),
                "--interval: 70368744177664 cycles are too many for 10 requests");
  expect_begins(with_pattern([](MemoryOptions& o) { o.bytes = 0; }),
                "--bytes: 0; accepted: 1 to 17179869184");
  expect_begins(with_pattern([](MemoryOptions& o) {
                  o.bytes = 17179869184;
                  o.initiators = 2;
                }),
                "--bytes: 17179869184; accepted: 1 to 8589934592");
  expect_begins(with_pattern([](MemoryOptions& o) {
                  o.bytes = 1 << 30;
                  o.requests = 10'000'000;
                }),
                "--requests: 10000000 requests of 1073741824 bytes; accepted");
  EXPECT_EQ(
      with_pattern([](MemoryOptions& o) { o.preset_path = "/nonexistent.toml"; }).find("/nonexistent.toml"),
      0u);
}

}  // namespace
}  // namespace memwall::hbm
