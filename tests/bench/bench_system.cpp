// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Speed of the whole platform: tokens per second of host time of the bundled model, through the command line
// tool, from the host.json that every run writes. Simulation only: set-up, model placement and the host
// reference are not in it. Reported, never a pass/fail.
#include <benchmark/benchmark.h>

#include "system/cli.h"

namespace memwall::test {
namespace {

void tokens_per_second(benchmark::State& state, const char* name, const char* target) {
  double tokens = 0;
  for (auto _ : state) {
    const Workspace dir;
    const CliResult r = cli({"run", scenario(name), "--quiet", "--out", dir / "o"});
    if (r.code != 0) {
      state.SkipWithError(r.err.c_str());
      return;
    }
    const auto host = nlohmann::json::parse(slurp(dir / "o/host.json"));
    state.SetIterationTime(host["wall_seconds"].get<double>());
    tokens += static_cast<double>(nlohmann::json::parse(slurp(dir / "o/result.json"))["tokens"].size());
  }
  state.counters["tokens"] = benchmark::Counter(tokens, benchmark::Counter::kIsRate);
  state.SetLabel(target);
}

#define MEMWALL_SCENARIO(name, target)                      \
  BENCHMARK_CAPTURE(tokens_per_second, name, #name, target) \
      ->UseManualTime()                                     \
      ->Iterations(1)                                       \
      ->Unit(benchmark::kSecond)
MEMWALL_SCENARIO(pnm_model, "target >= 20 tokens/s, PNM as model");
MEMWALL_SCENARIO(pnm_rtl, "target >= 2 tokens/s, attention in RTL");
MEMWALL_SCENARIO(first_light, "target >= 2 tokens/s, attention in RTL");

}  // namespace
}  // namespace memwall::test

BENCHMARK_MAIN();
