// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Host speed of the HBF model. Reported, never a pass/fail. items/s are page senses per second of host time.
#include <benchmark/benchmark.h>

#include "common/rng.h"
#include "hbf/core.h"

namespace memwall::hbf {
namespace {

constexpr std::uint64_t kLoaded = std::uint64_t{4} << 30;

Core loaded_core() {
  Core core(load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbf_slc_1us.toml"));
  core.mark_programmed(0, kLoaded);
  return core;
}

/// `range(0)` KiB per read, sequential, with everything outstanding that the planes can take.
void sequential_reads(benchmark::State& state) {
  Core core = loaded_core();
  const auto bytes = static_cast<std::uint64_t>(state.range(0)) << 10;
  const auto step =
      static_cast<TimePs>(static_cast<double>(bytes) / core.config().peak_read_gbytes_per_s() * 1000.0);
  std::uint64_t address = 0;
  TimePs now = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(core.access(now, address, bytes, false));
    address = (address + bytes) % kLoaded;
    now += step;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(core.counters().senses));
}
BENCHMARK(sequential_reads)->Arg(4)->Arg(64)->Arg(1024);

/// Random 64 B reads at the rate of the planes.
void random_chunks(benchmark::State& state) {
  Core core = loaded_core();
  Rng rng(1, "bench");
  std::vector<std::uint64_t> addresses(1 << 16);
  for (std::uint64_t& address : addresses) address = rng.below(kLoaded / 64) * 64;
  std::size_t i = 0;
  TimePs now = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(core.access(now, addresses[i++ % addresses.size()], 64, false));
    now += 2500;  // 400 planes / 1 us
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(core.counters().senses));
}
BENCHMARK(random_chunks);

}  // namespace
}  // namespace memwall::hbf

BENCHMARK_MAIN();
