// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Host speed of the link's protocol machine. Reported, never a pass/fail. items/s are data flits, with CRC at
// both ends, per second of host time.
#include <benchmark/benchmark.h>

#include "ip/link/pair.h"

namespace memwall::link::testing_support {
namespace {

/// Messages of `range(0)` bytes one way, eight in the queue.
void messages_one_way(benchmark::State& state) {
  Pair pair(test_config());
  pair.bring_up();
  const auto length = static_cast<std::uint32_t>(state.range(0));
  pair.a.memory = pattern(length, 1);
  for (auto _ : state) {
    while (pair.a.endpoint.post({0, 0, length, 0}, pair.now)) {
    }
    pair.run(pair.now + ns(length / 240 + 1));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(pair.a.endpoint.counters().data_flits_sent));
}
BENCHMARK(messages_one_way)->Arg(1024)->Arg(65536);

void crc_of_a_flit(benchmark::State& state) {
  const std::vector<unsigned char> flit = pattern(252, 1);
  for (auto _ : state) benchmark::DoNotOptimize(crc32(flit.data(), flit.size()));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(crc_of_a_flit);

}  // namespace
}  // namespace memwall::link::testing_support

BENCHMARK_MAIN();
