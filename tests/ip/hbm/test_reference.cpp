// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The event-driven FR-FCFS channel against a scheduler that ticks every cycle.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "common/rng.h"
#include "ip/hbm/auditor.h"
#include "ip/hbm/reference_scheduler.h"

namespace memwall::hbm {
namespace {

struct Load {
  const char* name;
  std::uint64_t rows;          ///< rows per bank in use
  std::uint64_t max_gap;       ///< cycles between arrivals, below
  std::uint64_t write_tenths;  ///< of ten requests
  std::uint64_t banks;
};

class HbmReference : public testing::TestWithParam<Load> {};

TEST_P(HbmReference, EveryRequestIsDoneInTheSameCycle) {
  const Load& load = GetParam();
  Preset p = load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml");
  p.controller.starvation_nck = 1'000'000'000;
  Rng rng(9, load.name);
  std::vector<Request> requests;
  Cycle arrival = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    if (load.max_gap > 0) arrival += static_cast<Cycle>(rng.below(load.max_gap));
    if (load.max_gap > 0 && rng.below(400) == 0) arrival += static_cast<Cycle>(rng.below(20000));
    Location l;
    l.bank = static_cast<std::uint32_t>(rng.below(load.banks));
    l.group = l.bank / p.organisation.banks;
    l.stack_id = l.group / p.organisation.bank_groups;
    l.row = static_cast<std::uint32_t>(rng.below(load.rows));
    l.column = static_cast<std::uint32_t>(rng.below(32));
    requests.push_back({i, arrival, l, rng.below(10) < load.write_tenths});
  }

  std::vector<CommandRecord> reference_log;
  const std::vector<Cycle> expected = testing_support::reference_schedule(p, requests, reference_log);

  QueuedChannel channel(p, 0);
  std::vector<CommandRecord> log;
  const CommandSink sink = [&](const CommandRecord& record) { log.push_back(record); };
  channel.set_command_sink(&sink);
  std::vector<Served> served;
  Cycle now = 0;
  for (Request request : requests) {
    now = std::max(now, request.arrival);
    channel.run_until(now, served);
    if (channel.full(request.is_write)) {
      now = std::max(now, channel.run_until_space(request.is_write, served));
      channel.run_until(now, served);
    }
    request.arrival = now;
    channel.push(request, served);
  }
  channel.drain(served);

  ASSERT_EQ(served.size(), requests.size());
  Cycle last = 0;
  unsigned different = 0;
  for (const Served& s : served) {
    if (s.done != expected[s.id] && different++ == 0) {
      ADD_FAILURE() << "request " << s.id << ": " << s.done << ", reference " << expected[s.id];
    }
    last = std::max(last, s.done);
  }
  EXPECT_EQ(different, 0u);
  EXPECT_TRUE(testing_support::audit(p, reference_log).violations.empty());
  const auto refreshes = [](const std::vector<CommandRecord>& commands) {
    return std::count_if(commands.begin(), commands.end(),
                         [](const auto& c) { return c.command == Command::kRefresh; });
  };
  EXPECT_EQ(refreshes(log), refreshes(reference_log));
  std::printf("%-24s last %lld, reference %lld cycles\n", load.name, static_cast<long long>(last),
              static_cast<long long>(*std::max_element(expected.begin(), expected.end())));
}

INSTANTIATE_TEST_SUITE_P(Loads, HbmReference,
                         testing::Values(Load{"saturated random reads", 1000, 0, 0, 32},
                                         Load{"saturated random mixed", 1000, 0, 4, 32},
                                         Load{"saturated local mixed", 2, 0, 4, 8},
                                         Load{"saturated writes", 20, 0, 10, 32},
                                         Load{"sparse mixed", 4, 80, 3, 32},
                                         Load{"dense mixed", 8, 12, 3, 16}),
                         [](const auto& load) {
                           std::string name = load.param.name;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

}  // namespace
}  // namespace memwall::hbm
