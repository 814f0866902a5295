// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Accesses in flight on a memory that answers at once with a time and on one that waits: the same times, by
// the closed recursion begin[i] = max(start, done[i - outstanding]).
#define SC_INCLUDE_DYNAMIC_PROCESSES
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "common/rng.h"
#include "common/sc_time.h"
#include "engine/access_pool.h"
#include "engine/access_window.h"

namespace memwall::engine {
namespace {

TimePs now() { return to_ps(sc_core::sc_time_stamp()); }

/// Answers after latency(address), either at once with the time or by waiting; keeps a log.
struct FakeMemory final : MemoryPort {
  bool waits = false;
  std::function<TimePs(std::uint64_t)> latency = [](std::uint64_t) { return TimePs{100}; };
  std::function<Outcome(std::uint64_t)> outcome = [](std::uint64_t) { return Outcome{}; };
  struct Entry {
    TimePs at;
    bool is_write;
    std::uint64_t address;
    bool operator==(const Entry& o) const {
      return at == o.at && is_write == o.is_write && address == o.address;
    }
  };
  std::vector<Entry> log;
  std::size_t in_flight = 0, most_in_flight = 0;

  AccessResult access(bool is_write, std::uint64_t address, void*, std::uint32_t, TimePs) override {
    log.push_back({now(), is_write, address});
    const TimePs done = now() + latency(address);
    if (waits) {
      most_in_flight = std::max(most_in_flight, ++in_flight);
      sc_core::wait(to_sc(done - now()));
      --in_flight;
    }
    return {outcome(address), done};
  }
};

/// A process that runs a script on its own pool.
struct Runner {
  FakeMemory memory;
  AccessPool pool{memory};
  bool finished = false;

  explicit Runner(bool waits) { memory.waits = waits; }
  void start(std::function<void()> script) {
    sc_core::sc_spawn([this, script] {
      script();
      finished = true;
    });
  }
};

/// Runs the script with both kinds of memory at a time.
void on_both(const std::function<void(Runner&)>& script) {
  static std::vector<std::unique_ptr<Runner>> runners;  // processes outlive the function
  const std::size_t first = runners.size();
  for (const bool waits : {false, true}) {
    runners.push_back(std::make_unique<Runner>(waits));
    Runner& runner = *runners.back();
    runner.start([&runner, script] {
      SCOPED_TRACE(runner.memory.waits ? "memory waits" : "memory tells its time");
      script(runner);
    });
  }
  sc_core::sc_start(1, sc_core::SC_MS);
  for (std::size_t i = first; i < runners.size(); ++i) EXPECT_TRUE(runners[i]->finished) << i;
  EXPECT_EQ(runners[first]->memory.log, runners[first + 1]->memory.log);
}

TEST(AccessWindow, StartsAnAccessWhenTheOneThatManyPlacesBeforeIsDone) {
  on_both([](Runner& r) {
    sc_core::wait(to_sc(7));
    AccessWindow window(r.pool, now(), 3);
    for (std::uint64_t i = 0; i < 8; ++i) window.add(i % 2 != 0, i, nullptr, 4);
    window.wait();
    EXPECT_TRUE(window.result().outcome.ok());
    EXPECT_EQ(window.result().done, 7u + 3 * 100);
    std::vector<TimePs> starts;
    for (const auto& entry : r.memory.log) starts.push_back(entry.at);
    EXPECT_EQ(starts, (std::vector<TimePs>{7, 7, 7, 107, 107, 107, 207, 207}));
    EXPECT_EQ(r.memory.most_in_flight, r.memory.waits ? 3u : 0u);
  });
}

TEST(AccessWindow, FollowsTheRecursionForAnyLatencies) {
  on_both([](Runner& r) {
    Rng rng(1, "latencies");
    std::vector<TimePs> latencies(400);
    for (TimePs& latency : latencies) latency = 1 + rng.below(rng.below(5) == 0 ? 5000 : 100);
    r.memory.latency = [&](std::uint64_t address) { return latencies[address]; };
    for (std::uint32_t outstanding : {1u, 2u, 7u, 16u}) {
      const TimePs start = now() + rng.below(50);
      r.memory.log.clear();
      AccessWindow window(r.pool, start, outstanding);
      std::vector<FakeMemory::Entry> expected;
      std::vector<TimePs> done;
      for (std::size_t i = 0; i < latencies.size(); ++i) {
        window.add(false, i, nullptr, 4);
        const TimePs begin = i < outstanding ? start : done[i - outstanding];
        expected.push_back({begin, false, i});
        done.push_back(begin + latencies[i]);
      }
      window.wait();
      const AccessResult result = window.result();
      EXPECT_EQ(result.done, *std::max_element(done.begin(), done.end()));
      if (result.done > now()) sc_core::wait(to_sc(result.done - now()));
      // Accesses of the same time may come in any order.
      const auto by_time = [](const FakeMemory::Entry& a, const FakeMemory::Entry& b) {
        return a.at != b.at ? a.at < b.at : a.address < b.address;
      };
      std::sort(expected.begin(), expected.end(), by_time);
      EXPECT_TRUE(std::is_sorted(r.memory.log.begin(), r.memory.log.end(),
                                 [](const auto& a, const auto& b) { return a.at < b.at; }));
      std::sort(r.memory.log.begin(), r.memory.log.end(), by_time);
      EXPECT_EQ(r.memory.log, expected);
    }
  });
}

TEST(AccessWindow, TwoWindowsOverlap) {
  on_both([](Runner& r) {
    AccessWindow load(r.pool, now(), 1), store(r.pool, now() + 30, 1);
    for (std::uint64_t i = 0; i < 3; ++i) load.add(false, i, nullptr, 4);
    for (std::uint64_t i = 0; i < 3; ++i) store.add(true, 10 + i, nullptr, 4);
    load.wait();
    store.wait();
    EXPECT_EQ(load.result().done, 300u);
    EXPECT_EQ(store.result().done, 330u);
  });
}

TEST(AccessWindow, TheFirstFailureInOrderWinsAndNothingStartsAfterIt) {
  on_both([](Runner& r) {
    // 2 fails at 500, 3 at 200: three more start before 200, at 100 after 0 and 1 and at 150 after 4.
    r.memory.latency = [](std::uint64_t address) {
      return TimePs{address == 2 ? 500u : address == 3 ? 200u : address == 4 ? 150u : 100u};
    };
    r.memory.outcome = [](std::uint64_t address) {
      const bool fails = address == 2 || address == 3;
      return fails ? Outcome{address == 2 ? Status::kUncorrectable : Status::kBusError, address} : Outcome{};
    };
    AccessWindow window(r.pool, now(), 5);
    for (std::uint64_t i = 0; i < 20; ++i) window.add(false, i, nullptr, 4);
    window.wait();
    const AccessResult result = window.result();
    EXPECT_EQ(result.outcome.status, Status::kUncorrectable);
    EXPECT_EQ(result.outcome.fault_address, 2u);
    EXPECT_EQ(result.done, 500u);
    std::vector<std::uint64_t> started;
    for (const auto& entry : r.memory.log) started.push_back(entry.address);
    std::sort(started.begin(), started.end());
    EXPECT_EQ(started, (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 9}));
    EXPECT_EQ(r.memory.log.back().at, 150u);
    // The pool is as good as before.
    AccessWindow next(r.pool, 600, 2);
    next.add(false, 0, nullptr, 4);
    next.wait();
    EXPECT_EQ(next.result().done, 700u);
  });
}

TEST(AccessPool, CarriesAccessesOutInTheOrderOfTheirTimesWritesFirst) {
  struct Client final : AccessClient {
    unsigned answers = 0;
    void access_done(std::uint64_t, const AccessResult&) override { ++answers; }
  };
  on_both([](Runner& r) {
    Client client;
    r.pool.submit({false, 1, nullptr, 4, 300}, client, 1);
    r.pool.submit({false, 3, nullptr, 4, 50}, client, 3);
    r.pool.submit({false, 2, nullptr, 4, 50}, client, 2);
    r.pool.submit({true, 4, nullptr, 4, 50}, client, 4);
    r.pool.submit({false, 5, nullptr, 4, 60}, client, 5);
    r.pool.submit({false, 6, nullptr, 4, 70}, client, 6);
    sc_core::wait(to_sc(65));
    EXPECT_EQ(r.pool.cancel(client, 300), 1u);
    r.pool.submit({true, 7, nullptr, 4, 68}, client, 7);  // earlier than the one that is waited for
    sc_core::wait(to_sc(1000));
    EXPECT_EQ(client.answers, 6u);
    EXPECT_EQ(
        r.memory.log,
        (std::vector<FakeMemory::Entry>{
            {50, true, 4}, {50, false, 2}, {50, false, 3}, {60, false, 5}, {68, true, 7}, {70, false, 6}}));
  });
}

TEST(AccessPool, HasAsManyWorkersAsAccessesInFlightAndOneToTakeOver) {
  on_both([](Runner& r) {
    for (TimePs start = 0; start < 1'000'000; start += 50'000) {
      AccessWindow window(r.pool, start, 10);
      for (std::uint64_t i = 0; i < 500; ++i) window.add(false, i, nullptr, 4);
      window.wait();
    }
    EXPECT_LE(r.pool.workers(), r.memory.waits ? 11u : 2u);
  });
}

}  // namespace
}  // namespace memwall::engine
