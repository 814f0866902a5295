// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Host speed of the Verilated decode unit behind its SystemC adapter, in cycles of the unit's clock per
// second of host time, on a memory of fixed latency. Reported, never a pass/fail. Cycles are those in which
// the unit was busy; registers and queue are driven as firmware does.
#include <benchmark/benchmark.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <systemc>

#include "ip/pnm/pnm_bench.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT

constexpr int kRepeats = 8;  // descriptors per iteration

/// Built before the first run, because SystemC elaborates once.
std::unique_ptr<PnmBench> bench;

void run_jobs(benchmark::State& state, const PnmJob& job) {
  job.place(*bench);
  if (bench->run(job.d).status != 0) throw std::runtime_error("the unit refuses the descriptor");
  std::uint64_t cycles = 0;
  const std::clock_t cpu_start = std::clock();
  for (auto _ : state) {
    const std::uint64_t before = bench->unit->busy_cycles();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kRepeats; ++i) bench->post(job.d);
    bench->settle();
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    cycles += bench->unit->busy_cycles() - before;
  }
  const double cpu_seconds = static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;
  if (bench->record().status != 0 || job.result(*bench) != job.expected)
    throw std::runtime_error("the unit computes something else than the kernels");
  state.counters["cycles"] = benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
  // On a host with other work to do, the processor's time says more than the clock on the wall.
  state.counters["cycles_per_cpu_s"] = static_cast<double>(cycles) / cpu_seconds;
  state.SetLabel("target >= 200 k cycles/s");
}

/// tokens, head dimension, query heads; f16.
void attention(benchmark::State& state) {
  Rng rng(1, "attention");
  run_jobs(state, attention_job(rng, Format::kF16, static_cast<std::uint32_t>(state.range(0)),
                                static_cast<std::uint32_t>(state.range(1)),
                                static_cast<std::uint32_t>(state.range(2))));
}
BENCHMARK(attention)->Args({2048, 64, 8})->Args({256, 16, 2})->UseManualTime()->Unit(benchmark::kMillisecond);

/// format, rows, columns.
void matvec(benchmark::State& state) {
  Rng rng(2, "matvec");
  run_jobs(state,
           matvec_job(rng, static_cast<Format>(state.range(0)), static_cast<std::uint32_t>(state.range(1)),
                      static_cast<std::uint32_t>(state.range(2))));
}
BENCHMARK(matvec)
    ->Args({static_cast<long>(Format::kF16), 512, 2048})
    ->Args({static_cast<long>(Format::kMxint8), 512, 2048})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace memwall

int sc_main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  benchmark::Initialize(&argc, arguments.data());
  memwall::bench = std::make_unique<memwall::PnmBench>("rtl", memwall::pnm::make_pnm_rtl);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  memwall::bench->enable();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
