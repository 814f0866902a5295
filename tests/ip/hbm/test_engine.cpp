// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The engine as its callers see it: requests, events, time, errors.
#include "hbm/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

#include "common/error.h"
#include "ip/hbm/auditor.h"
#include "ip/hbm/engine_run.h"
#include "ip/hbm/traffic.h"

namespace memwall::hbm {
namespace {

using testing_support::EngineRun;
using testing_support::Log;
using testing_support::run_engine;

class HbmEngine : public testing::Test {
 protected:
  /// Address of a place; unnamed fields are 0.
  std::uint64_t address(std::uint32_t channel, std::uint32_t bank, std::uint32_t row,
                        std::uint32_t column = 0) const {
    Location at;
    at.channel = channel;
    at.bank = bank;
    at.group = bank / p.organisation.banks;
    at.stack_id = at.group / p.organisation.bank_groups;
    at.row = row;
    at.column = column;
    return p.map.encode(at);
  }
  Request read(std::uint64_t tag, TimePs arrival, std::uint64_t address, std::uint64_t bytes = 32) const {
    Request request;
    request.tag = tag;
    request.arrival = arrival;
    request.address = address;
    request.bytes = bytes;
    return request;
  }
  Request write(std::uint64_t tag, TimePs arrival, std::uint64_t address, std::uint64_t bytes = 32) const {
    Request request = read(tag, arrival, address, bytes);
    request.is_write = true;
    return request;
  }
  TimePs time(Cycle cycles) const { return static_cast<TimePs>(cycles) * p.tCK_ps; }
  Cycle t(const char* parameter) const { return p.cycles(parameter); }
  /// Runs `requests` and returns the end of each, by tag.
  std::vector<TimePs> ends(const std::vector<Request>& requests) const {
    const EngineRun run = run_engine(p, requests, 0, Log::kNo);
    std::vector<TimePs> out;
    for (const auto& [tag, event] : run.done) out.push_back(event.at);
    return out;
  }

  Preset p = load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml");
};

TEST_F(HbmEngine, ArrivalBetweenClockEdgesWaitsForTheNextEdge) {
  EXPECT_EQ(ends({read(0, 1, 0)}), ends({read(0, p.tCK_ps, 0)}));
  EXPECT_EQ(ends({read(0, 1, 0)})[0], ends({read(0, 0, 0)})[0] + p.tCK_ps);
}

TEST_F(HbmEngine, ARequestMovesEveryBurstItTouchesAndCountsTheBytesAskedFor) {
  const EngineRun run =
      run_engine(p, {read(0, 0, 31, 2), write(1, 0, 4096 + 40, 1), write(2, 0, 8192, 64)}, 0, Log::kNo);
  EXPECT_EQ(run.counters.port[0].read_requests, 1u);
  EXPECT_EQ(run.counters.port[0].read_bursts, 2u);
  EXPECT_EQ(run.counters.port[0].read_bytes, 2u);
  EXPECT_EQ(run.counters.port[0].write_requests, 2u);
  EXPECT_EQ(run.counters.port[0].write_bursts, 3u);
  EXPECT_EQ(run.counters.port[0].write_bytes, 65u);
  EXPECT_EQ(run.counters.channels.count(Command::kRD), 2u);
  EXPECT_EQ(run.counters.channels.count(Command::kWR), 3u);
  EXPECT_EQ(run.counters.bus_busy_ps, time(5 * p.burst()));
}

TEST_F(HbmEngine, BadRequestsAreRefusedAndLeaveNothingBehind) {
  Engine engine(p);
  const std::uint64_t size = p.organisation.capacity_bytes;
  engine.submit(read(0, time(10), size - 1, 1));
  EXPECT_THROW(engine.submit(read(1, time(10), size, 1)), ModelError);
  EXPECT_THROW(engine.submit(read(1, time(10), size - 1, 2)), ModelError);
  EXPECT_THROW(engine.submit(read(1, time(10), 8, ~std::uint64_t{0})), ModelError);
  EXPECT_THROW(engine.submit(read(1, time(10), ~std::uint64_t{0}, 1)), ModelError);
  EXPECT_THROW(engine.submit(read(1, time(10), 0, 0)), ModelError);
  EXPECT_THROW(engine.submit(read(1, time(9), 0, 1)), ModelError) << "before the last arrival";
  Request source = read(1, time(10), 0);
  source.source = Engine::kSources;
  EXPECT_THROW(engine.submit(source), ModelError);
  EXPECT_EQ(engine.in_flight(), 1u);
  std::vector<Event> events;
  engine.advance(time(500), events);
  EXPECT_THROW(engine.submit(read(1, time(499), 0, 1)), ModelError) << "before the time advanced to";
  engine.submit(read(1, time(500), 0, 1));
  engine.finish(events);
  EXPECT_EQ(events.size(), 2u);
  EXPECT_EQ(engine.in_flight(), 0u);
  EXPECT_EQ(engine.counters(time(100000)).port[0].read_requests, 2u);
}

TEST_F(HbmEngine, AdvancingToThePastChangesNothing) {
  Engine engine(p);
  std::vector<Event> events;
  engine.submit(read(0, 0, 0));
  engine.advance(time(20), events);
  engine.advance(time(3), events);
  EXPECT_THROW(engine.submit(read(1, time(19), 0)), ModelError);
  engine.finish(events);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].at, ends({read(0, 0, 0)})[0]);
}

TEST_F(HbmEngine, AnyNumberOfRequestsMayWait) {
  constexpr std::uint64_t kMany = 70'000;  // more than 16 bits number
  Engine engine(p);
  for (std::uint64_t i = 0; i < kMany; ++i) {
    engine.submit(read(
        i, 0, address(0, static_cast<std::uint32_t>(i % 16), 0, static_cast<std::uint32_t>(i / 16 % 32))));
  }
  EXPECT_EQ(engine.in_flight(), kMany);
  EngineRun run;
  std::vector<Event> events;
  for (TimePs now = 0; engine.in_flight() > 0; now += 100 * kPsPerUs) {
    ASSERT_LT(now, kMany * 10 * kPsPerNs);
    engine.advance(now, events);
  }
  run.take(events);
  EXPECT_EQ(run.done.size(), kMany);
  EXPECT_EQ(engine.counters(kPsPerMs * 10).channels.count(Command::kRD), kMany);
}

TEST_F(HbmEngine, ALogIsStartedBeforeTheFirstRequest) {
  Engine engine(p);
  engine.submit(read(0, 0, 0));
  EXPECT_THROW(engine.set_command_sink([](const CommandRecord&) {}), ModelError);
}

TEST_F(HbmEngine, PoliciesThatDoNotExistAreRefusedWithTheNamesOfThoseThatDo) {
  const auto refuses = [&](std::string ControllerConfig::*policy, const char* accepted) {
    Preset wrong = p;
    wrong.controller.*policy = "no_such_policy";
    try {
      Engine engine(wrong);
      ADD_FAILURE() << "accepted, instead of " << accepted;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("no_such_policy"), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(accepted), std::string::npos) << error.what();
    }
  };
  refuses(&ControllerConfig::scheduler, "fr_fcfs");
  refuses(&ControllerConfig::page, "timeout");
  refuses(&ControllerConfig::write_drain, "watermark");
  refuses(&ControllerConfig::refresh, "per_bank");
  refuses(&ControllerConfig::arbitration, "round_robin");
}

TEST_F(HbmEngine, AcceptanceIsReportedOnceWhenTheFirstBurstEntersItsQueue) {
  p.controller.read_queue = 2;
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < 4; ++i) {
    requests.push_back(read(i, 0, address(0, 0, 0, static_cast<std::uint32_t>(i))));
    requests.back().report_acceptance = i != 1;
  }
  const EngineRun run = run_engine(p, requests, 0, Log::kNo);
  ASSERT_EQ(run.accepted.size(), 3u);
  EXPECT_EQ(run.accepted.at(0), time(1));
  EXPECT_EQ(run.accepted.count(1), 0u);
  // Entries are free one cycle after their column commands, which go at tRCDRD and tCCD later.
  EXPECT_EQ(run.accepted.at(2), time(t("tRCDRD") + 2));
  EXPECT_EQ(run.accepted.at(3), run.done.at(1).at - time(t("tRL") + p.burst()) + time(2));
}

TEST_F(HbmEngine, BaseDieAccessHasEqualTimingAndNoPhyEnergy) {
  Request request = read(0, 0, 0, 4096);
  const EngineRun pins = run_engine(p, {request}, time(5000), Log::kNo);
  request.port = Port::kBaseDie;
  const EngineRun base = run_engine(p, {request}, time(5000), Log::kNo);
  EXPECT_EQ(pins.done.at(0).at, base.done.at(0).at);
  const double bursts = 4096.0 / p.organisation.access_bytes;
  EXPECT_DOUBLE_EQ(pins.counters.energy.phy_pj, bursts * p.energy.read_phy_pj);
  EXPECT_EQ(base.counters.energy.phy_pj, 0.0);
  EXPECT_EQ(pins.counters.energy.array_pj, base.counters.energy.array_pj);
  EXPECT_EQ(pins.counters.energy.background_pj, base.counters.energy.background_pj);
  EXPECT_EQ(base.counters.port[1].read_bytes, 4096u);
  EXPECT_EQ(base.counters.port[0].read_bytes, 0u);
}

// Scheduling, seen from outside

TEST_F(HbmEngine, RowHitOvertakesAnOlderConflict) {
  const auto end =
      ends({read(0, 0, address(0, 0, 1)), read(1, 0, address(0, 0, 2)), read(2, 0, address(0, 0, 1, 5))});
  EXPECT_LT(end[0], end[2]);
  EXPECT_LT(end[2], end[1]);
  p.controller.scheduler = "fcfs";
  const auto in_order =
      ends({read(0, 0, address(0, 0, 1)), read(1, 0, address(0, 0, 2)), read(2, 0, address(0, 0, 1, 5))});
  EXPECT_LT(in_order[0], in_order[1]);
  EXPECT_LT(in_order[1], in_order[2]);
}

TEST_F(HbmEngine, RowHitCapBoundsTheWaitOfAnotherRow) {
  std::vector<Request> requests = {read(0, 0, address(0, 0, 1)), read(1, 0, address(0, 0, 2))};
  for (std::uint64_t i = 2; i < 30; ++i) {
    requests.push_back(read(i, 0, address(0, 0, 1, static_cast<std::uint32_t>(i))));
  }
  const auto behind = [&](const std::vector<TimePs>& end) {
    return std::count_if(end.begin(), end.end(), [&](TimePs other) { return other < end[1]; });
  };
  EXPECT_EQ(behind(ends(requests)), 29);
  p.controller.scheduler = "fr_fcfs_cap";
  p.controller.row_hit_cap = 10;
  EXPECT_EQ(behind(ends(requests)), 10);
}

TEST_F(HbmEngine, WritesWaitForTheHighWatermarkWhileReadsKeepComing) {
  // A read every few cycles; writes up to the watermark, or one less.
  for (const bool reaches : {false, true}) {
    std::vector<Request> requests;
    const std::uint32_t writes = p.controller.drain_high - (reaches ? 0 : 1);
    for (std::uint32_t i = 0; i < 2000; ++i) {
      requests.push_back(read(i, time(i * p.burst() / 2), address(0, 0, 0, i % 32)));
      if (i >= 100 && i < 100 + writes) {
        requests.push_back(
            write(10000 + i, requests.back().arrival, address(0, p.organisation.banks, 0, i - 100)));
      }
    }
    const EngineRun run = run_engine(p, requests, 0, Log::kYes);
    // Column commands before the last read that are writes.
    std::uint64_t early = 0;
    const auto last_read = std::find_if(run.log.rbegin(), run.log.rend(),
                                        [](const CommandRecord& r) { return r.command == Command::kRD; });
    for (auto r = last_read; r != run.log.rend(); ++r) early += r->command == Command::kWR ? 1 : 0;
    EXPECT_EQ(early, reaches ? writes - p.controller.drain_low : 0u);
  }
}

TEST_F(HbmEngine, ReadOfAQueuedWriteIsAnsweredFromTheQueue) {
  const EngineRun run = run_engine(p, {write(0, time(5), 64), read(1, time(5), 64)}, 0, Log::kNo);
  EXPECT_EQ(run.done.at(1).at, time(6));
  EXPECT_EQ(run.counters.channels.forwarded, 1u);
  EXPECT_EQ(run.counters.channels.count(Command::kRD), 0u);
  EXPECT_EQ(run.counters.port[0].read_bursts, 1u);
}

TEST_F(HbmEngine, SourcesShareAPseudoChannelBurstByBurst) {
  // A long train of source 0 does not keep a short one of source 1 waiting.
  Request bulk = read(0, 0, 0, 16 << 20);
  Request small = read(1, time(2000), (64 << 20), 4096);
  small.source = 1;
  const auto shared = ends({bulk, small});
  small.source = 0;
  const auto behind = ends({bulk, small});
  EXPECT_GT(behind[1], behind[0]);
  EXPECT_LT(shared[1] - small.arrival, (behind[1] - small.arrival) / 4);
}

TEST_F(HbmEngine, AccessDuringRefreshWaitsForItsEnd) {
  const Cycle due = p.refresh_interval();
  EXPECT_EQ(ends({read(0, time(due + 10), 0)})[0],
            time(due + t("tRFCab") + t("tRCDRD") + t("tRL") + p.burst()));
}

TEST_F(HbmEngine, EveryCommandToTheWholeStackObeysTheTable) {
  for (const auto& load : testing_support::loads()) {
    const auto requests = testing_support::random_requests(p, load, 3, load.bursts > 100 ? 20 : 1000);
    const EngineRun run = run_engine(p, requests, 0, Log::kYes);
    EXPECT_EQ(run.done.size(), requests.size());
    for (const auto& violation : testing_support::audit(p, run.log).violations) {
      ADD_FAILURE() << load.name << ": " << violation;
    }
  }
}

// Time

// Row-hammer counters: the most activates of a row between two refreshes of it, counted from the command log.

/// A device with few rows, so that all are refreshed soon, with the counters on.
Preset hammered_preset() {
  Preset p = testing_support::small_preset();
  p.controller.row_hammer_counters = true;
  return p;
}

Location row_of(const Preset& p, std::uint32_t channel, std::uint32_t pc, std::uint32_t bank,
                std::uint32_t row) {
  Location at;
  at.channel = channel;
  at.pseudo_channel = pc;
  at.bank = bank;
  at.group = bank / p.organisation.banks;
  at.stack_id = at.group / p.organisation.bank_groups;
  at.row = row;
  return at;
}

class Hammer {
 public:
  explicit Hammer(const Preset& preset) : p_(preset), engine_(preset) {
    engine_.set_command_sink([this](const CommandRecord& record) { take(record); });
  }
  /// `reads` of the places in turn, each once the one before is done.
  void read(const std::vector<Location>& places, unsigned reads) {
    for (unsigned i = 0; i < reads; ++i) {
      Request request;
      request.tag = tag_++;
      request.arrival = now_;
      request.address = p_.map.encode(places[i % places.size()]);
      request.bytes = p_.organisation.access_bytes;
      engine_.advance(now_, events_);
      engine_.submit(request);
      now_ = std::max(now_, engine_.finish(events_));
    }
  }
  void idle(TimePs time) { engine_.advance(now_ += time, events_); }
  Engine::MostOpened most() const { return engine_.most_opened(); }
  std::uint32_t activates(std::uint32_t row) const {
    const auto known = activates_of_row_.find(row);
    return known == activates_of_row_.end() ? 0 : known->second;
  }
  /// What most() should be, of a device of one channel.
  Engine::MostOpened expected() const { return expected_; }
  std::uint64_t refreshes() const { return refreshes_; }
  TimePs now() const { return now_; }

 private:
  using Bank = std::pair<std::uint32_t, std::uint32_t>;  ///< pseudo-channel, bank
  void take(const CommandRecord& record) {
    const Location& at = record.where;
    switch (record.command) {
      case Command::kACT: {
        ++activates_of_row_[at.row];
        const std::uint32_t count = ++counts_[{at.pseudo_channel, at.bank}][at.row];
        Location row = at;
        row.column = 0;
        if (count > expected_.activates) expected_ = {count, p_.map.encode(row)};
        break;
      }
      case Command::kREFab:
        for (std::uint32_t bank = 0; bank < p_.organisation.banks_total(); ++bank)
          refresh({at.pseudo_channel, bank});
        break;
      case Command::kREFpb:
        refresh({at.pseudo_channel, at.bank});
        break;
      case Command::kSRE:
        counts_.clear();
        break;
      default:
        break;
    }
  }
  /// The bank's n-th refresh takes the n-th part of its rows.
  void refresh(const Bank& bank) {
    ++refreshes_;
    const std::uint32_t rows = p_.organisation.rows;
    const std::uint32_t at_once = std::max(1u, rows / 8192);
    const std::uint32_t parts = rows / at_once;
    const std::uint32_t part = refreshes_of_[bank]++ % parts;
    for (std::uint32_t row = part * at_once; row < (part + 1) * at_once; ++row) counts_[bank].erase(row);
  }

  Preset p_;
  Engine engine_;
  std::vector<Event> events_;
  std::uint64_t tag_ = 0;
  TimePs now_ = 0;
  std::map<std::uint32_t, std::uint32_t> activates_of_row_;
  std::map<Bank, std::map<std::uint32_t, std::uint32_t>> counts_;  ///< by bank and row, since its refresh
  std::map<Bank, std::uint32_t> refreshes_of_;
  Engine::MostOpened expected_;
  std::uint64_t refreshes_ = 0;
};

TEST(HbmRowHammer, AlternatingReadsOfTwoRowsAreCountedPerActivate) {
  const Preset p = hammered_preset();
  const Location first = row_of(p, 1, 1, 5, 40);
  const Location second = row_of(p, 1, 1, 5, 41);
  // Within the first refresh interval, and with some refreshes of other rows in between.
  for (const unsigned reads : {11u, 12u, 101u}) {
    SCOPED_TRACE(std::to_string(reads) + " reads");
    Hammer hammer(p);
    hammer.read({first, second}, reads);
    EXPECT_GE(hammer.activates(40), (reads + 1) / 2);
    EXPECT_LT(hammer.now(), static_cast<TimePs>(40 * p.refresh_interval()) * p.tCK_ps)
        << "row 40 is refreshed";
    EXPECT_EQ(hammer.most().activates, std::max(hammer.activates(40), hammer.activates(41)));
    EXPECT_EQ(hammer.most().address,
              p.map.encode(hammer.activates(40) >= hammer.activates(41) ? first : second));
  }
}

TEST(HbmRowHammer, ReadsOfAnOpenRowAreNotCounted) {
  const Preset p = hammered_preset();
  Hammer hammer(p);
  hammer.read({row_of(p, 0, 0, 2, 40)}, 20);
  EXPECT_EQ(hammer.most().activates, 1u);
}

TEST(HbmRowHammer, WithoutTheCountersNothingIsReported) {
  Preset p = hammered_preset();
  p.controller.row_hammer_counters = false;
  Hammer hammer(p);
  hammer.read({row_of(p, 0, 0, 2, 40), row_of(p, 0, 0, 2, 41)}, 20);
  EXPECT_EQ(hammer.most().activates, 0u);
  EXPECT_EQ(hammer.most().address, 0u);
}

TEST(HbmRowHammer, AFullSetOfRefreshesStartsTheCountAgain) {
  for (const bool per_bank : {false, true}) {
    SCOPED_TRACE(per_bank ? "per-bank refresh" : "all-bank refresh");
    Preset p = hammered_preset();
    if (per_bank) p.controller.refresh = "per_bank";
    const std::vector<Location> rows = {row_of(p, 0, 1, 3, 40), row_of(p, 0, 1, 3, 41)};
    const TimePs set = static_cast<TimePs>(p.organisation.rows * p.refresh_interval()) * p.tCK_ps;
    Hammer hammer(p);
    hammer.read(rows, 10);
    EXPECT_EQ(hammer.most().activates, 5u);
    hammer.idle(set);
    hammer.read(rows, 8);
    EXPECT_EQ(hammer.most().activates, 5u) << "4 since the refresh of the row, 9 in all";
    // An eighth of a set later other rows were refreshed.
    hammer.idle(set / 8);
    hammer.read({rows[1], rows[0]}, 8);
    EXPECT_EQ(hammer.most().activates, 8u);
    EXPECT_EQ(hammer.activates(40), 13u);
    EXPECT_EQ(hammer.most().address, p.map.encode(rows[1])) << "it is the first that is opened 8 times";
  }
}

TEST(HbmRowHammer, SelfRefreshStartsTheCountAgain) {
  Preset p = hammered_preset();
  p.controller.self_refresh_after = 100;
  const std::vector<Location> rows = {row_of(p, 0, 0, 1, 50), row_of(p, 0, 0, 1, 51)};
  Hammer hammer(p);
  for (int i = 0; i < 3; ++i) {
    hammer.read(rows, 6);
    hammer.idle(10'000 * p.tCK_ps);
  }
  EXPECT_EQ(hammer.activates(50), 9u);
  EXPECT_EQ(hammer.most().activates, 3u);
}

TEST(HbmRowHammer, EqualsTheCommandLogForAnyTrafficAndEveryKindOfRefresh) {
  for (const testing_support::Variant& variant : testing_support::variants()) {
    for (const std::uint32_t rows : {64u, 16384u}) {
      SCOPED_TRACE(std::string(variant.name) + ", rows " + std::to_string(rows));
      Preset p = hammered_preset();
      p.organisation.rows = rows;
      p = testing_support::with_channels(p, 1);
      variant.apply(p);
      p.controller.row_hammer_counters = true;
      Rng rng(6, variant.name);
      Hammer hammer(p);
      for (int round = 0; round < 60; ++round) {
        // Two rows among the first, which are refreshed first, of one bank.
        const auto below = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(rng.below(limit)); };
        const std::uint32_t pc = below(p.organisation.pseudo_channels);
        const std::uint32_t bank = below(2);
        hammer.read({row_of(p, 0, pc, bank, below(64)), row_of(p, 0, pc, bank, below(64))}, 1 + below(12));
        if (below(3) == 0) hammer.idle(below(10'000) * p.tCK_ps);
        ASSERT_EQ(hammer.most().activates, hammer.expected().activates) << "round " << round;
        ASSERT_EQ(hammer.most().address, hammer.expected().address) << "round " << round;
      }
      EXPECT_GT(hammer.most().activates, 2u);
      if (p.controller.self_refresh_after == 0) {
        EXPECT_GT(hammer.refreshes(), 100u);
      }
    }
  }
}

class HbmEngineSteps : public testing::TestWithParam<testing_support::Variant> {
 protected:
  HbmEngineSteps() {
    p = testing_support::small_preset();
    GetParam().apply(p);
  }
  std::vector<Request> requests(const testing_support::Load& load) const {
    auto list = testing_support::random_requests(p, load, 5, load.bursts > 100 ? 8 : 150);
    for (std::size_t i = 0; i < list.size(); i += 2) list[i].report_acceptance = true;
    return list;
  }
  void expect_same(const EngineRun& a, const EngineRun& b) {
    ASSERT_EQ(a.done.size(), b.done.size());
    for (const auto& [tag, event] : a.done) {
      ASSERT_EQ(event.at, b.done.at(tag).at) << tag;
      ASSERT_EQ(event.first, b.done.at(tag).first) << tag;
    }
    EXPECT_EQ(a.accepted, b.accepted);
    EXPECT_TRUE(a.counters.channels == b.counters.channels);
  }
  Preset p;
};

TEST_P(HbmEngineSteps, CuttingTheWayIntoAnyStepsChangesNothing) {
  Rng rng(5, "steps");
  for (const auto& load : testing_support::loads()) {
    SCOPED_TRACE(load.name);
    const auto list = requests(load);
    // All requests known from the beginning, one jump to the end.
    EngineRun at_once;
    Engine engine(p);
    std::vector<Event> events;
    for (const Request& request : list) engine.submit(request);
    const TimePs end = engine.finish(events) + 100 * p.tCK_ps;
    engine.advance(end, events);
    at_once.take(events);
    at_once.counters = engine.counters(end);

    EngineRun in_steps;
    Engine other(p);
    events.clear();
    TimePs now = 0;
    const auto walk = [&](TimePs to) {
      // Mostly steps of a few cycles near the ends, longer ones in between.
      while (now < to) {
        const TimePs step = rng.below(to - now > 500 * p.tCK_ps ? 300 * p.tCK_ps : 3 * p.tCK_ps);
        now = std::min(to, now + step);
        other.advance(now, events);
        if (rng.below(50) == 0) other.counters(now);
      }
    };
    for (const Request& request : list) {
      // Some are sent before their time.
      if (rng.below(4) != 0) walk(request.arrival);
      other.submit(request);
    }
    walk(end);
    in_steps.take(events);
    in_steps.counters = other.counters(end);
    expect_same(at_once, in_steps);
    if (HasFailure()) return;
  }
}

TEST_P(HbmEngineSteps, ACallerThatWaitsForNextEventSeesEveryCompletionInTime) {
  for (const auto& load : testing_support::loads()) {
    SCOPED_TRACE(load.name);
    const auto list = requests(load);
    const EngineRun expected = run_engine(p, list, 0, Log::kNo);
    Engine engine(p);
    EngineRun run;
    TimePs now = 0;
    std::size_t sent = 0;
    unsigned waits = 0;  // without progress
    EXPECT_EQ(engine.next_event(), std::nullopt);
    while (sent < list.size() || engine.in_flight() > 0) {
      const auto event = engine.next_event();
      ASSERT_EQ(event.has_value(), engine.in_flight() > 0);
      ASSERT_GE(event.value_or(now), now);
      const bool send = sent < list.size() && (!event || list[sent].arrival <= *event);
      const TimePs before = now;
      now = send ? list[sent].arrival : *event;
      std::vector<Event> events;
      engine.advance(now, events);
      for (const Event& e : events) {
        EXPECT_GE(e.at, now) << "tag " << e.tag << " was over before the caller woke up";
        EXPECT_GE(e.at, *event) << "tag " << e.tag << " was over before the time promised";
      }
      run.take(events);
      if (send) engine.submit(list[sent++]);
      waits = send || !events.empty() || now != before ? 0 : waits + 1;
      ASSERT_LT(waits, 2u) << "next_event() does not move on";
    }
    ASSERT_EQ(run.done.size(), list.size());
    for (const auto& [tag, event] : expected.done) EXPECT_EQ(run.done.at(tag).at, event.at) << tag;
    EXPECT_EQ(run.accepted, expected.accepted);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Variants, HbmEngineSteps, testing::ValuesIn(testing_support::variants()),
                         [](const auto& variant) { return testing_support::test_name(variant.param.name); });

}  // namespace
}  // namespace memwall::hbm
