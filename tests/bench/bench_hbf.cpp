// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Host speed of the HBF model. Reported, never a pass/fail. items/s are page senses per second of host time.
#include <benchmark/benchmark.h>

#include "common/rng.h"
#include "hbf/cube.h"

namespace memwall::hbf {
namespace {

constexpr TimePs kEnd = TimePs{1} << 60;

Config preset(const char* name) {
  Config config = load_preset(std::string(MEMWALL_SOURCE_DIR "/scenarios/memories/") + name);
  config.functional = false;
  config.thermal.enabled = false;
  return config;
}

/// One channel under commands: as many in flight as `window`, each answered one replaced at once.
class Host {
 public:
  explicit Host(const Config& config, unsigned window) : channel_(config, 0), window_(window) {
    channel_.management().enable_now(0);
    channel_.media().mark_programmed(0, config.channel_bytes());
  }
  template <class Next>
  void run(std::uint64_t commands, const Next& next) {
    std::uint64_t offered = 0, answered = 0;
    while (answered < commands) {
      while (offered < commands && offered - answered < window_) {
        Command c = next();
        c.id = static_cast<std::uint16_t>(offered++ & ((1u << kIdBits) - 1));
        channel_.submit(channel_.now(), c);
      }
      responses_.clear();
      channel_.advance(channel_.next_event(), responses_, notices_);
      answered += responses_.size();
    }
  }
  std::uint64_t senses() const { return channel_.media().counters().senses; }

 private:
  Channel channel_;
  unsigned window_;
  std::vector<Response> responses_;
  std::vector<Notice> notices_;
};

/// 4 KiB bursts in order, two per plane in flight.
void sequential_pages(benchmark::State& state) {
  const Config config = preset("hbf_slc_1us.toml");
  Host host(config, 2 * config.lanes_per_channel());
  std::uint64_t page = 0;
  for (auto _ : state) {
    host.run(10000, [&] {
      Command c;
      c.len = kChunksPerPage - 1;
      c.address = page++ % config.channel_pages() * kPageBytes;
      return c;
    });
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(host.senses()));
}
BENCHMARK(sequential_pages)->Unit(benchmark::kMillisecond);

/// Random 64 B reads, eight per plane in flight.
void random_chunks(benchmark::State& state) {
  const Config config = preset("hbf_slc_1us.toml");
  Host host(config, 8 * config.lanes_per_channel());
  Rng rng(1, "bench");
  for (auto _ : state) {
    host.run(10000, [&] {
      Command c;
      c.address = rng.below(config.channel_bytes() / kChunkBytes) * kChunkBytes;
      return c;
    });
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(host.senses()));
}
BENCHMARK(random_chunks)->Unit(benchmark::kMillisecond);

/// `range(0)`: fast-forward; 1 GiB of one channel.
void stream(benchmark::State& state) {
  const Config config = preset("hbf_slc_1us.toml");
  std::uint64_t senses = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Channel channel(config, 0);
    channel.set_fast_forward(state.range(0) != 0);
    channel.management().enable_now(0);
    channel.media().mark_programmed(0, config.channel_bytes());
    Stream s;
    s.pages = (std::uint64_t{1} << 30) / kPageBytes;
    s.window = 2 * config.lanes_per_channel();
    channel.submit(0, s);
    std::vector<Response> responses;
    std::vector<Notice> notices;
    state.ResumeTiming();
    channel.advance(kEnd, responses, notices);
    senses += channel.media().counters().senses;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(senses));
}
BENCHMARK(stream)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

/// All of a cube, every channel streaming its share.
void whole_cube(benchmark::State& state, const char* name) {
  const Config config = preset(name);
  std::uint64_t senses = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Cube cube(config);
    cube.enable_all();
    for (unsigned i = 0; i < config.channels; ++i) {
      cube.channel(i).media().mark_programmed(0, config.channel_bytes());
    }
    state.ResumeTiming();
    for (unsigned i = 0; i < config.channels; ++i) {
      for (unsigned port = 0; port < config.ports_per_channel; ++port) {
        Stream s;
        s.port = static_cast<std::uint8_t>(port);
        s.pages = config.port_bytes() / kPageBytes;
        s.window = 2 * config.lanes_per_channel();
        // Port after port: one stream at a time.
        std::vector<Response> responses;
        std::vector<Notice> notices;
        cube.submit(i, cube.now(), s);
        if (port + 1 < config.ports_per_channel) cube.advance(kEnd, responses, notices);
      }
    }
    std::vector<Response> responses;
    std::vector<Notice> notices;
    cube.advance(kEnd, responses, notices);
    for (unsigned i = 0; i < config.channels; ++i) senses += cube.channel(i).media().counters().senses;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(senses));
}
BENCHMARK_CAPTURE(whole_cube, slc_1us, "hbf_slc_1us.toml")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(whole_cube, slc_4us, "hbf_slc_4us.toml")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(whole_cube, tlc, "hbf_tlc.toml")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace memwall::hbf

BENCHMARK_MAIN();
