// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Host speed of the HBM model. Reported, never a pass/fail. items/s are 32-byte bursts per second of host
// time.
#include <benchmark/benchmark.h>

#include "common/rng.h"
#include "hbm/core.h"
#include "hbm/queued_channel.h"

namespace memwall::hbm {
namespace {

const char* const kTarget = "target >= 1 M random 32 B requests/s per pseudo-channel";

const Preset& preset() {
  static const Preset p = load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml");
  return p;
}

Location random_place(Rng& rng, std::uint32_t channel) {
  const Organisation& o = preset().organisation;
  Location l;
  l.channel = channel;
  l.bank = static_cast<std::uint32_t>(rng.below(o.banks_per_channel()));
  l.group = l.bank / o.banks;
  l.stack_id = l.group / o.bank_groups;
  l.row = static_cast<std::uint32_t>(rng.below(o.rows));
  l.column = static_cast<std::uint32_t>(rng.below(o.columns));
  return l;
}

/// `range(0)` KiB per access over the whole stack, back to back.
void sequential_trains(benchmark::State& state) {
  Core core(preset());
  const auto bytes = static_cast<std::uint64_t>(state.range(0)) << 10;
  std::uint64_t address = 0;
  TimePs now = 0;
  for (auto _ : state) {
    now = core.access(now, address, bytes, false).done;
    address = (address + bytes) % preset().organisation.capacity_bytes;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(bytes / 32));
}
BENCHMARK(sequential_trains)->Arg(4)->Arg(64)->Arg(1024);

/// Random 32 B reads on one saturated pseudo-channel, served in order.
void random_in_order(benchmark::State& state) {
  Core core(preset());
  Rng rng(1, "bench");
  std::vector<std::uint64_t> addresses(1 << 16);
  for (auto& a : addresses) a = preset().map.encode(random_place(rng, 0));
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(core.access(0, addresses[i++ % addresses.size()], 32, false));
  state.SetItemsProcessed(state.iterations());
  state.SetLabel(kTarget);
}
BENCHMARK(random_in_order);

/// One saturated pseudo-channel behind FR-FCFS queues. range(0): 0 random reads, 1 sequential, 2 random mixed
/// 2:1.
void queued(benchmark::State& state) {
  QueuedChannel channel(preset(), 0);
  Rng rng(1, "bench");
  std::vector<Request> requests(1 << 16);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    requests[i].at = random_place(rng, 0);
    if (state.range(0) == 1) {
      const auto n = static_cast<std::uint32_t>(i);
      Location l;
      l.group = n % 4;
      l.bank = l.group * 4 + n / 128 % 4;
      l.row = n / 512;
      l.column = n / 4 % 32;
      requests[i].at = l;
    }
    requests[i].is_write = state.range(0) == 2 && rng.below(3) == 0;
  }
  std::vector<Served> served;
  std::size_t i = 0;
  Cycle now = 0;
  for (auto _ : state) {
    Request request = requests[i++ % requests.size()];
    if (channel.full(request.is_write)) {
      now = std::max(now, channel.run_until_space(request.is_write, served));
      channel.run_until(now, served);
    }
    request.arrival = now;
    channel.push(request, served);
    served.clear();
  }
  state.SetItemsProcessed(state.iterations());
  if (state.range(0) != 1) state.SetLabel(kTarget);
}
BENCHMARK(queued)->Arg(0)->Arg(1)->Arg(2);

/// One read per simulated millisecond: cost must not follow simulated time.
void near_idle(benchmark::State& state) {
  Core core(preset());
  TimePs now = 0;
  for (auto _ : state) benchmark::DoNotOptimize(core.access(now += kPsPerMs, 0, 32, false));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(near_idle);

/// An initiator far ahead of another one: the other's bursts are placed into gaps.
void out_of_order_trains(benchmark::State& state) {
  Core core(preset());
  TimePs now = 0;
  std::uint64_t address = 0;
  for (auto _ : state) {
    now += 200 * kPsPerNs;
    core.access(now + 10 * kPsPerUs, (address + (1 << 20)) % (1 << 30), 4096, false);
    core.access(now, address % (1 << 30), 65536, false);
    address += 65536;
  }
  state.SetItemsProcessed(state.iterations() * (128 + 2048));
}
BENCHMARK(out_of_order_trains);

}  // namespace
}  // namespace memwall::hbm

/// Never called: the SystemC library, which the block links, refers to it.
extern "C" int sc_main(int, char**) { return 0; }

BENCHMARK_MAIN();
