// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Host speed of the memory engine. Reported, never a pass/fail. items/s are bursts (requests) per second of
// host time; dram_cycles is simulated DRAM cycles of the stack per second of host time.
#include <benchmark/benchmark.h>

#include "common/rng.h"
#include "hbm/engine.h"

namespace memwall::hbm {
namespace {

Preset load(const char* file) {
  return load_preset(std::string(MEMWALL_SOURCE_DIR "/scenarios/memories/") + file);
}

enum Pattern { kSequential, kRandom, kMixed };

/// Keeps `outstanding` single-burst requests in flight, as a saturated queue does.
class Feeder {
 public:
  Feeder(const Preset& preset, const Engine::Options& options, Pattern pattern, std::uint32_t pcs,
         std::size_t outstanding)
      : preset_(preset), engine_(preset, options), pattern_(pattern), pcs_(pcs), outstanding_(outstanding) {}

  /// Until `requests` more are done.
  void run(std::uint64_t requests) {
    const std::uint64_t goal = done_ + requests;
    while (done_ < goal) {
      while (engine_.in_flight() < outstanding_) submit();
      events_.clear();
      now_ = std::max(now_, *engine_.next_event());
      engine_.advance(now_, events_);
      done_ += events_.size();
    }
  }
  TimePs now() const { return now_; }

 private:
  void submit() {
    const Organisation& o = preset_.organisation;
    Request request;
    request.tag = next_;
    request.arrival = now_;
    request.bytes = o.access_bytes;
    const auto pc = static_cast<std::uint32_t>(next_ % pcs_);
    const std::uint64_t bursts = o.capacity_bytes / o.access_bytes / o.pseudo_channels_total();
    const std::uint64_t local = pattern_ == kSequential ? next_ / pcs_ % bursts : rng_.below(bursts);
    request.is_write = pattern_ == kMixed && rng_.below(3) == 0;
    request.address = preset_.map.address(pc, local);
    ++next_;
    engine_.submit(request);
  }

  const Preset& preset_;
  Engine engine_;
  Pattern pattern_;
  std::uint32_t pcs_;
  std::size_t outstanding_;
  Rng rng_{1, "bench"};
  std::vector<Event> events_;
  std::uint64_t next_ = 0, done_ = 0;
  TimePs now_ = 0;
};

void report(benchmark::State& state, TimePs simulated, TimePs tck, const char* label) {
  state.counters["dram_cycles"] =
      benchmark::Counter(static_cast<double>(simulated / tck), benchmark::Counter::kIsRate);
  state.SetLabel(label);
}

/// range(0): pattern. 64 requests in flight for one pseudo-channel: its queue is always full.
void one_pseudo_channel(benchmark::State& state) {
  const Preset preset = load("hbm3_6400.toml");
  Feeder feeder(preset, {}, static_cast<Pattern>(state.range(0)), 1, 64);
  for (auto _ : state) feeder.run(1000);
  state.SetItemsProcessed(state.iterations() * 1000);
  const char* labels[] = {"single bursts, sequential", "single bursts, random; target >= 2 M/s",
                          "single bursts, random, reads and writes 2:1"};
  report(state, feeder.now(), preset.tCK_ps, labels[state.range(0)]);
}
BENCHMARK(one_pseudo_channel)->Arg(kSequential)->Arg(kRandom)->Arg(kMixed);

/// All pseudo-channels of HBM3 loaded with single bursts.
void whole_stack(benchmark::State& state) {
  const Preset preset = load("hbm3_6400.toml");
  const std::uint32_t pcs = preset.organisation.pseudo_channels_total();
  Feeder feeder(preset, {}, static_cast<Pattern>(state.range(0)), pcs, 64 * pcs);
  for (auto _ : state) feeder.run(10000);
  state.SetItemsProcessed(state.iterations() * 10000);
  report(state, feeder.now(), preset.tCK_ps, "32 pseudo-channels; target >= 0.5 M DRAM cycles/s");
}
BENCHMARK(whole_stack)->Arg(kSequential)->Arg(kRandom)->Arg(kMixed)->Unit(benchmark::kMillisecond);

/// One train after the other on one pseudo-channel's share. range(0): MiB; range(1): fast-forward;
/// range(2): equal channels simulated once.
void trains(benchmark::State& state) {
  const Preset preset = load("hbm3_6400.toml");
  Engine engine(preset, {state.range(1) != 0, state.range(2) != 0});
  const std::uint64_t bytes = static_cast<std::uint64_t>(state.range(0)) << 20;
  std::vector<Event> events;
  Request request;
  TimePs now = 0;
  for (auto _ : state) {
    request.arrival = now;
    request.bytes = bytes;
    engine.submit(request);
    events.clear();
    engine.finish(events);
    now = events.back().at;
    request.address = (request.address + bytes) % preset.organisation.capacity_bytes;
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<std::int64_t>(bytes / preset.organisation.access_bytes));
  report(state, now, preset.tCK_ps, "bursts of the whole stack");
}
BENCHMARK(trains)
    ->ArgNames({"MiB", "ff", "share"})
    ->Args({16, 0, 0})
    ->Args({16, 0, 1})
    ->Args({16, 1, 1})
    ->Args({1024, 1, 0})
    ->Args({1024, 1, 1})
    ->Args({16384, 1, 1})
    ->Unit(benchmark::kMillisecond);

/// One read per simulated `range(0)` us: the cost must not follow simulated time.
void near_idle(benchmark::State& state) {
  const Preset preset = load("hbm3_6400.toml");
  Engine engine(preset);
  std::vector<Event> events;
  Request request;
  request.bytes = preset.organisation.access_bytes;
  for (auto _ : state) {
    request.arrival += static_cast<TimePs>(state.range(0)) * kPsPerUs;
    engine.submit(request);
    events.clear();
    engine.finish(events);
  }
  state.SetItemsProcessed(state.iterations());
  report(state, request.arrival, preset.tCK_ps, "");
}
BENCHMARK(near_idle)->Arg(100)->Arg(10000)->Arg(1000000);

/// 100 GB of weights through eight HBM4 stacks, a train per stack.
void weights_through_eight_stacks(benchmark::State& state) {
  const Preset preset = load("hbm4_8000.toml");
  TimePs done = 0;
  for (auto _ : state) {
    done = 0;
    for (int stack = 0; stack < 8; ++stack) {
      Engine engine(preset);
      std::vector<Event> events;
      Request request;
      request.bytes = 12'500'000'000;
      engine.submit(request);
      engine.finish(events);
      done = std::max(done, events.back().at);
    }
  }
  state.counters["simulated_ms"] = static_cast<double>(done) * 1e-9;
  state.SetBytesProcessed(state.iterations() * 100'000'000'000);
  state.SetLabel("target < 1 s");
}
BENCHMARK(weights_through_eight_stacks)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace memwall::hbm

/// Never called: the SystemC library, which the block links, refers to it.
extern "C" int sc_main(int, char**) { return 0; }

BENCHMARK_MAIN();
