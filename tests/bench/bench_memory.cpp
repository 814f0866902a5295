// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Host speed of the memory engine. Reported, never a pass/fail. items_per_second are bursts (32 bytes) and
// dram_cycles simulated cycles of tCK, both per second of host CPU time.
#include <benchmark/benchmark.h>

#include "common/rng.h"
#include "hbm/engine.h"

namespace memwall::hbm {
namespace {

const std::string kFolder = MEMWALL_SOURCE_DIR "/scenarios/memories/";

Preset hbm3() { return load_preset(kFolder + "hbm3_6400.toml"); }

/// One pseudo-channel of HBM3 as a device of its own, so that a train stays in it.
Preset one_pseudo_channel_of_hbm3() {
  return parse_preset(R"(
base = "hbm3_6400.toml"
name = "One pseudo-channel of HBM3 6.4 Gb/s"
standard = "HBM3"
[organisation]
capacity_gib = 0.5
channels = 1
pseudo_channels = 1
address_map = "row[28:15] stack_id[14] bank[13:12] column[11:7] bank_group[6:5] offset[4:0]"
)",
                      kFolder + "one_pseudo_channel.toml");
}

enum Pattern { kSequential, kRandom, kMixed };

/// Keeps the queues of the first `pcs` pseudo-channels full with requests of one burst.
class Feeder {
 public:
  Feeder(const Preset& preset, Pattern pattern, std::uint32_t pcs)
      : preset_(preset), engine_(preset), pattern_(pattern), pcs_(pcs), next_(pcs) {
    for (std::uint32_t pc = 0; pc < pcs; ++pc) {
      for (std::uint32_t i = 0; i < (pattern == kMixed ? 96 : 64); ++i) submit(pc);
    }
  }

  /// Until at least `requests` more are done; returns how many.
  std::int64_t run(std::int64_t requests) {
    std::int64_t done = 0;
    while (done < requests) {
      // At most 8 bursts of a pseudo-channel in this time: what waits outside its queue lasts longer.
      now_ += 16 * preset_.tCK_ps;
      events_.clear();
      engine_.advance(now_, events_);
      for (const Event& event : events_) submit(static_cast<std::uint32_t>(event.tag % pcs_));
      done += static_cast<std::int64_t>(events_.size());
    }
    return done;
  }
  TimePs now() const { return now_; }

 private:
  void submit(std::uint32_t pc) {
    const Organisation& o = preset_.organisation;
    const std::uint64_t bursts = o.capacity_bytes / o.access_bytes / o.pseudo_channels_total();
    const std::uint64_t count = next_[pc]++;
    Request request;
    request.tag = count * pcs_ + pc;
    request.arrival = now_;
    request.bytes = o.access_bytes;
    request.is_write = pattern_ == kMixed && rng_.below(3) == 0;
    request.address = preset_.map.address(pc, pattern_ == kSequential ? count % bursts : rng_.below(bursts));
    engine_.submit(request);
  }

  const Preset preset_;
  Engine engine_;
  Pattern pattern_;
  std::uint32_t pcs_;
  std::vector<std::uint64_t> next_;
  Rng rng_{1, "bench"};
  std::vector<Event> events_;
  TimePs now_ = 0;
};

void report(benchmark::State& state, std::int64_t bursts, TimePs simulated, TimePs tck,
            const std::string& label) {
  state.SetItemsProcessed(bursts);
  state.counters["dram_cycles"] =
      benchmark::Counter(static_cast<double>(simulated / tck), benchmark::Counter::kIsRate);
  state.SetLabel(label);
}

void feed(benchmark::State& state, std::uint32_t pcs, std::int64_t requests, const std::string& target) {
  const Preset preset = hbm3();
  const auto pattern = static_cast<Pattern>(state.range(0));
  Feeder feeder(preset, pattern, pcs);
  feeder.run(2000 * pcs);  // until the queues are in balance
  const TimePs start = feeder.now();
  std::int64_t bursts = 0;
  for (auto _ : state) bursts += feeder.run(requests);
  const char* const names[] = {"sequential", "random", "random, 1/3 writes"};
  report(state, bursts, feeder.now() - start, preset.tCK_ps, names[pattern] + target);
}

/// Saturated with requests of one burst.
void one_pseudo_channel(benchmark::State& state) {
  feed(state, 1, 1000, state.range(0) == kRandom ? "; target >= 2 M/s" : "");
}
BENCHMARK(one_pseudo_channel)->ArgName("load")->DenseRange(kSequential, kMixed);

void whole_stack(benchmark::State& state) {
  feed(state, hbm3().organisation.pseudo_channels_total(), 20000, "; target >= 0.5 M DRAM cycles/s");
}
BENCHMARK(whole_stack)->ArgName("load")->DenseRange(kSequential, kMixed)->Unit(benchmark::kMillisecond);

/// One sequential read after the other.
void run_trains(benchmark::State& state, const Preset& preset, std::uint64_t bytes,
                const Engine::Options& options, const std::string& label) {
  Engine engine(preset, options);
  std::vector<Event> events;
  Request request;
  request.bytes = bytes;
  TimePs now = 0;
  for (auto _ : state) {
    request.arrival = now;
    engine.submit(request);
    events.clear();
    engine.finish(events);
    now = events.back().at;
    request.address = (request.address + bytes) % preset.organisation.capacity_bytes;
  }
  report(state, state.iterations() * static_cast<std::int64_t>(bytes / preset.organisation.access_bytes), now,
         preset.tCK_ps, label);
}

/// On one pseudo-channel.
void trains_one_pseudo_channel(benchmark::State& state) {
  const bool jump = state.range(1) != 0;
  run_trains(state, one_pseudo_channel_of_hbm3(), static_cast<std::uint64_t>(state.range(0)) << 20,
             {jump, false}, jump ? "target >= 10 G/s for long ones" : "burst by burst; target >= 10 M/s");
}
BENCHMARK(trains_one_pseudo_channel)
    ->ArgNames({"MiB", "jump"})
    ->Args({1, 0})
    ->Args({1, 1})
    ->Args({32, 1})
    ->Args({512, 1});

/// On the whole stack. share: equal channels are simulated once.
void trains_whole_stack(benchmark::State& state) {
  run_trains(state, hbm3(), static_cast<std::uint64_t>(state.range(0)) << 20,
             {state.range(1) != 0, state.range(2) != 0}, "target >= 0.5 M DRAM cycles/s");
}
BENCHMARK(trains_whole_stack)
    ->ArgNames({"MiB", "jump", "share"})
    ->Args({1, 0, 0})
    ->Args({1, 1, 1})
    ->Args({64, 0, 0})
    ->Args({64, 0, 1})
    ->Args({64, 1, 0})
    ->Args({64, 1, 1})
    ->Args({16384, 1, 1})
    ->Unit(benchmark::kMillisecond);

/// A random read of one burst every so many us of simulated time: the cost of a request must not follow them.
void near_idle(benchmark::State& state) {
  const Preset preset = hbm3();
  const Organisation& o = preset.organisation;
  const bool whole_stack = state.range(1) != 0;
  const std::uint32_t pcs = whole_stack ? o.pseudo_channels_total() : 1;
  Engine engine(preset);
  Rng rng(1, "bench");
  std::vector<Event> events;
  Request request;
  request.bytes = o.access_bytes;
  for (auto _ : state) {
    request.arrival += static_cast<TimePs>(state.range(0)) * kPsPerUs;
    request.address = preset.map.address(static_cast<std::uint32_t>(rng.below(pcs)), rng.below(1 << 20));
    engine.submit(request);
    events.clear();
    engine.finish(events);
  }
  report(state, state.iterations(), request.arrival, preset.tCK_ps,
         whole_stack ? "whole stack" : "one pseudo-channel");
}
BENCHMARK(near_idle)
    ->ArgNames({"every_us", "stack"})
    ->ArgsProduct({{10, 1000, 1000000}, {0, 1}})
    ->Unit(benchmark::kMicrosecond);

/// 100 GB of weights through eight HBM4 stacks, from nothing: a train per stack. What one stack learned about
/// periods serves the others if they share it.
void weights_through_eight_stacks(benchmark::State& state) {
  const Preset preset = load_preset(kFolder + "hbm4_8000.toml");
  TimePs done = 0;
  for (auto _ : state) {
    done = 0;
    const auto periods = state.range(0) != 0 ? make_periods() : nullptr;
    for (int stack = 0; stack < 8; ++stack) {
      Engine engine(preset, {true, true, periods});
      std::vector<Event> events;
      Request request;
      request.bytes = 12'500'000'000;
      engine.submit(request);
      engine.finish(events);
      done = std::max(done, events.back().at);
    }
  }
  report(state, state.iterations() * (100'000'000'000 / preset.organisation.access_bytes),
         static_cast<TimePs>(state.iterations()) * done, preset.tCK_ps,
         "simulated " + std::to_string(done / kPsPerUs) + " us; target < 1 s");
}
BENCHMARK(weights_through_eight_stacks)->ArgName("share")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace memwall::hbm

/// Never called: the SystemC library, which the block links, refers to it.
extern "C" int sc_main(int, char**) { return 0; }

BENCHMARK_MAIN();
