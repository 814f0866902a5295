// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Latencies and bandwidths of every preset against closed formulas, printed as expected / measured /
// deviation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <map>

#include "common/rng.h"
#include "ip/hbm/engine_run.h"
#include "ip/hbm/traffic.h"

namespace memwall::hbm {
namespace {

using testing_support::EngineRun;
using testing_support::Log;

class HbmCalibration : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { std::printf("%s\n", p.name.c_str()); }

  /// Fails if the deviation is above `tolerance_percent`.
  void row(const char* what, const char* formula, double expected, double measured, const char* unit,
           double tolerance_percent) {
    const double deviation = 100.0 * (measured - expected) / expected;
    std::printf("  %-32s %-40s %10.3f %10.3f %-5s %+7.2f %%\n", what, formula, expected, measured, unit,
                deviation);
    EXPECT_LE(std::abs(deviation), tolerance_percent) << what;
  }
  /// Of a rule of the table; 0 if the preset has it not.
  Cycle rule(const char* id) const {
    for (const Constraint& constraint : p.constraints) {
      if (constraint.id == id) return constraint.latency;
    }
    return 0;
  }
  Cycle done(bool write) const { return p.cycles(write ? "tWL" : "tRL") + p.burst(); }
  Cycle rcd(bool write) const { return rule(write ? "rcd_wr" : "rcd_rd"); }
  TimePs time(Cycle cycles) const { return static_cast<TimePs>(cycles) * p.tCK_ps; }
  double ns(Cycle cycles) const { return static_cast<double>(time(cycles)) * 1e-3; }
  /// GB/s of one pseudo-channel that moves a burst every `cycles`.
  double rate(double cycles) const {
    return 1e3 * p.organisation.access_bytes / (cycles * static_cast<double>(p.tCK_ps));
  }
  double without_refresh() const {
    return 1.0 - static_cast<double>(p.cycles("tRFCab")) / static_cast<double>(p.refresh_interval());
  }
  std::uint64_t address(std::uint32_t group, std::uint32_t bank, std::uint32_t row_index,
                        std::uint32_t column = 0) const {
    Location l;
    l.group = group;
    l.stack_id = group / p.organisation.bank_groups;
    l.bank = group * p.organisation.banks + bank;
    l.row = row_index;
    l.column = column;
    return p.map.encode(l);
  }
  Request burst(std::uint64_t tag, Cycle arrival, std::uint64_t at, bool write) const {
    Request request;
    request.tag = tag;
    request.arrival = time(arrival);
    request.address = at;
    request.bytes = p.organisation.access_bytes;
    request.is_write = write;
    return request;
  }
  /// Cycles from arrival to completion of each request, in order.
  std::vector<Cycle> latencies(const std::vector<Request>& requests) const {
    const EngineRun run = testing_support::run_engine(p, requests, 0, Log::kNo);
    std::vector<Cycle> out;
    for (const Request& request : requests) {
      const TimePs latency = run.done.at(request.tag).at - request.arrival;
      EXPECT_EQ(latency % p.tCK_ps, 0u);
      out.push_back(static_cast<Cycle>(latency / p.tCK_ps));
    }
    return out;
  }
  /// Cycles per burst when all requests wait from the beginning.
  double saturated(const std::vector<Request>& requests) const {
    const EngineRun run = testing_support::run_engine(p, requests, 0, Log::kNo);
    TimePs last = 0;
    for (const auto& [tag, event] : run.done) last = std::max(last, event.at);
    return static_cast<double>(last / p.tCK_ps) / static_cast<double>(requests.size());
  }

  Preset p = load_preset(GetParam());
};

TEST_P(HbmCalibration, UnloadedLatenciesEqualTheFormula) {
  for (const bool write : {false, true}) {
    const std::vector<Cycle> measured =
        latencies({burst(0, 0, address(0, 0, 0, 0), write), burst(1, 700, address(0, 0, 0, 1), write),
                   burst(2, 1400, address(0, 0, 1, 0), write)});
    ASSERT_LT(1500, p.refresh_interval());
    row(write ? "write, closed row" : "read, closed row", write ? "tRCDWR + tWL + tBL" : "tRCDRD + tRL + tBL",
        ns(rcd(write) + done(write)), ns(measured[0]), "ns", 0);
    row(write ? "write, row hit" : "read, row hit", write ? "tWL + tBL" : "tRL + tBL", ns(done(write)),
        ns(measured[1]), "ns", 0);
    row(write ? "write, row conflict" : "read, row conflict",
        write ? "tRP + tRCDWR + tWL + tBL" : "tRP + tRCDRD + tRL + tBL",
        ns(rule("rp") + rcd(write) + done(write)), ns(measured[2]), "ns", 0);
  }
}

TEST_P(HbmCalibration, EveryUnloadedLatencyEqualsTheFormulaForWhatItMeets) {
  // Far enough apart that nothing of the one before is under way; none while a refresh is, or falls due
  // before it is done.
  constexpr Cycle kTolerance = 2;
  const Cycle interval = p.refresh_interval();
  const Cycle before_refresh = rule("rp") + std::max(rcd(false) + done(false), rcd(true) + done(true)) +
                               std::max(rule("rtp_all"), rule("wr_all"));
  const Cycle after_refresh = rule("ref_rp_all") + rule("rfc") + 10;
  const Cycle apart = rule("rc") + rule("rfc");
  ASSERT_GT(interval, before_refresh + after_refresh + apart);
  Rng rng(4, p.name);
  const auto below = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(rng.below(limit)); };
  const char* const names[] = {"closed row", "row hit", "row conflict"};
  struct Open {
    Cycle interval;
    std::uint32_t row;
  };
  std::map<std::uint32_t, Open> banks;  // by number within the stack: the row opened last, and when
  std::vector<Request> requests;
  std::vector<Cycle> expected;
  std::vector<std::size_t> kinds;
  std::size_t met[2][std::size(names)] = {};
  Cycle now = 0;
  for (std::uint64_t tag = 0; tag < 200; ++tag) {
    now += apart + static_cast<Cycle>(rng.below(static_cast<std::uint64_t>(apart)));
    const Cycle since = now >= interval ? now % interval : after_refresh;
    if (since < after_refresh) now += after_refresh - since;
    if (now % interval > interval - before_refresh) now += before_refresh + after_refresh;
    // Few banks, so that their rows are met again.
    const Organisation& o = p.organisation;
    Location at;
    at.channel = below(std::min(o.channels, 2u));
    at.pseudo_channel = below(o.pseudo_channels);
    at.bank = below(2) * (o.banks_total() - 1);
    at.group = at.bank / o.banks;
    at.stack_id = at.group / o.bank_groups;
    at.row = below(o.rows);
    at.column = below(o.columns);
    const std::uint32_t bank =
        (at.channel * o.pseudo_channels + at.pseudo_channel) * o.banks_total() + at.bank;
    const auto known = banks.find(bank);
    if (known != banks.end() && below(2) == 0) at.row = known->second.row;
    std::size_t kind = 0;
    if (known != banks.end() && known->second.interval == now / interval) {
      kind = known->second.row == at.row ? 1 : 2;
    }
    banks[bank] = {now / interval, at.row};
    const bool write = below(2) == 0;
    requests.push_back(burst(tag, now, p.map.encode(at), write));
    expected.push_back((kind == 2 ? rule("rp") : 0) + (kind == 1 ? 0 : rcd(write)) + done(write));
    kinds.push_back(kind);
    ++met[write ? 1 : 0][kind];
  }
  const std::vector<Cycle> measured = latencies(requests);
  Cycle largest = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Cycle deviation = measured[i] - expected[i];
    if (std::abs(deviation) > std::abs(largest)) largest = deviation;
    EXPECT_LE(std::abs(deviation), kTolerance)
        << (requests[i].is_write ? "write " : "read ") << i << " at "
        << static_cast<Cycle>(requests[i].arrival / p.tCK_ps) % interval << " of " << interval << ", "
        << names[kinds[i]] << ": expected " << expected[i] << " cycles, measured " << measured[i];
  }
  for (const std::size_t write : {0, 1}) {
    std::printf("  200 unloaded accesses, %s:", write ? "writes" : "reads");
    for (std::size_t kind = 0; kind < std::size(names); ++kind) {
      std::printf(" %zu %s%s", met[write][kind], names[kind], kind + 1 < std::size(names) ? "," : "\n");
      EXPECT_GT(met[write][kind], 5u) << names[kind];
    }
  }
  std::printf("  largest deviation %+d of %d cycles allowed\n", static_cast<int>(largest),
              static_cast<int>(kTolerance));
}

TEST_P(HbmCalibration, AReadDuringRefreshWaitsForItsEnd) {
  const Cycle due = p.refresh_interval();
  const std::vector<Cycle> measured = latencies({burst(0, due, address(0, 0, 0), false)});
  row("read, refresh just started", "tRFC + tRCDRD + tRL + tBL", ns(rule("rfc") + rcd(false) + done(false)),
      ns(measured[0]), "ns", 0);
}

TEST_P(HbmCalibration, SequentialStreamReachesTheRefreshLimit) {
  // A hundred refresh intervals of the whole stack.
  const double interval_ns = ns(p.refresh_interval());
  const auto bytes =
      std::min(p.organisation.capacity_bytes,
               static_cast<std::uint64_t>(100 * interval_ns * p.peak_gbytes_per_s()) >> 20 << 20);
  for (const bool write : {false, true}) {
    Request train = burst(0, 0, 0, write);
    train.bytes = bytes;
    const auto run = [&] { return testing_support::run_engine(p, {train}, 0, Log::kNo); };
    const auto gbytes_per_s = [&](const EngineRun& of) {
      return 1e3 * static_cast<double>(bytes) / static_cast<double>(of.done.at(0).at);
    };
    const double limit = p.peak_gbytes_per_s() * without_refresh();
    // From the last column command before a refresh to the first one after it.
    const Cycle gap = rule(write ? "wr_all" : "rtp_all") + rule("ref_rp_all") + rule("rfc") + rcd(write) -
                      rule(write ? "ccd_s_wr" : "ccd_s_rd");
    const double with_gap =
        p.peak_gbytes_per_s() * (1 - static_cast<double>(gap) / static_cast<double>(p.refresh_interval()));
    const EngineRun shallow = run();
    // With 32 entries a read queue may look less far ahead than a row change takes.
    row(write ? "stack, one write" : "stack, one read", "peak (1 - tRFC/tREFI)", limit, gbytes_per_s(shallow),
        "GB/s", 8);
    p.controller.read_queue = p.controller.write_queue = 64;
    const EngineRun deep = run();
    p.controller.read_queue = p.controller.write_queue = 32;
    row("  64 entries", "peak (1 - tRFC/tREFI)", limit, gbytes_per_s(deep), "GB/s", 3.5);
    row("  64 entries", "peak (1 - gap/tREFI), gap with PREab, ACT", with_gap, gbytes_per_s(deep), "GB/s",
        1.5);
    EXPECT_LE(gbytes_per_s(deep), limit);
    const auto interval = time(p.refresh_interval());
    const auto refreshes = deep.counters.channels.count(Command::kREFab);
    const std::uint64_t pcs = p.organisation.pseudo_channels_total();
    row("  refreshes", "pseudo-channels x floor(time/tREFI)",
        static_cast<double>((deep.reached - time(gap)) / interval * pcs), static_cast<double>(refreshes), "",
        0);
  }
}

TEST_P(HbmCalibration, OneBankGroupIsLimitedByTccdL) {
  for (const bool write : {false, true}) {
    std::vector<Request> requests;
    for (std::uint32_t i = 0; i < 12000; ++i) {
      requests.push_back(
          burst(i, 0, address(0, i % p.organisation.banks, 0, i / p.organisation.banks % 16), write));
    }
    const Cycle distance =
        std::max({rule(write ? "ccd_l_wr" : "ccd_l_rd"), rule(write ? "ccd_s_wr" : "ccd_s_rd")});
    row(write ? "writes within a bank group" : "reads within a bank group", "burst/tCCD_L (1 - tRFC/tREFI)",
        rate(static_cast<double>(distance)) * without_refresh(), rate(saturated(requests)), "GB/s", 3);
  }
}

TEST_P(HbmCalibration, RandomRowsAreLimitedByFourActivates) {
  // Bank after bank, so that no bank is asked again within tRC; rows at random. Where the rule holds in a
  // stack id, banks of one.
  Rng rng(2, "faw");
  const bool one_stack = std::any_of(p.constraints.begin(), p.constraints.end(), [](const Constraint& c) {
    return c.id == "faw" && c.level == Level::kStackId;
  });
  const std::uint32_t groups = one_stack ? p.organisation.bank_groups : p.organisation.groups_total();
  std::vector<Request> requests;
  for (std::uint32_t i = 0; i < 12000; ++i) {
    const std::uint32_t group = i % groups;
    const std::uint32_t bank = i / groups % p.organisation.banks;
    const auto row_index = static_cast<std::uint32_t>(rng.below(p.organisation.rows));
    requests.push_back(burst(i, 0, address(group, bank, row_index), false));
  }
  const Cycle window = std::max(rule("faw"), 4 * rule("rrd_s"));
  row("random rows, bank after bank", "4 bursts/max(tFAW, 4 tRRD_S) (1-tRFC/tREFI)",
      rate(static_cast<double>(window) / 4) * without_refresh(), rate(saturated(requests)), "GB/s", 6);
}

TEST_P(HbmCalibration, TurnaroundsEqualTheRules) {
  // Two open rows; then a read and a write at once, or a read one cycle after a write.
  const struct {
    const char* name;
    std::uint32_t group, bank;
    const char* read_to_write;
    const char* write_to_read;
  } places[] = {{"same bank group", 0, 1, "rtw", "wtr_l"},
                {"another bank group", 1, 0, "rtw", "wtr_s"},
                {"another stack id", p.organisation.bank_groups, 0, rule("rtw_r") ? "rtw_r" : "rtw",
                 rule("wtr_r") ? "wtr_r" : "wtr_s"}};
  for (const auto& place : places) {
    if (place.group >= p.organisation.groups_total()) continue;
    const std::uint64_t here = address(0, 0, 0);
    const std::uint64_t there = address(place.group, place.bank, 0, 3);
    const std::vector<Cycle> measured =
        latencies({burst(0, 0, here, false), burst(1, 400, there, false), burst(2, 800, here, false),
                   burst(3, 800, there, true), burst(4, 1600, here, true), burst(5, 1601, there, false)});
    std::printf("  %s\n", place.name);
    row("  write behind a read", "tRTW + tWL + tBL", ns(rule(place.read_to_write) + done(true)),
        ns(measured[3]), "ns", 0);
    row("  read behind a write", "tWL + tBL + tWTR + tRL + tBL", ns(rule(place.write_to_read) + done(false)),
        ns(measured[5] + 1), "ns", 0);
  }
}

TEST_P(HbmCalibration, CommandsAndTimeCostTheEnergyOfThePreset) {
  const Energy& e = p.energy;
  const std::uint64_t bytes = 1 << 20;
  const double bursts = static_cast<double>(bytes) / p.organisation.access_bytes;
  for (const bool write : {false, true}) {
    Request train = burst(0, 0, 0, write);
    train.bytes = bytes;
    const EngineRun run = testing_support::run_engine(p, {train}, time(3 * p.refresh_interval()), Log::kNo);
    const EnergySums& sums = run.counters.energy;
    const ChannelCounters& c = run.counters.channels;
    const double bits = 8.0 * static_cast<double>(bytes);
    row(write ? "array, write" : "array, read", "burst energy/burst bits",
        (write ? e.write_array_pj : e.read_array_pj) * bursts / bits, sums.array_pj / bits, "pJ/b", 1e-6);
    row(write ? "pins, write" : "pins, read", "burst energy/burst bits",
        (write ? e.write_phy_pj : e.read_phy_pj) * bursts / bits, sums.phy_pj / bits, "pJ/b", 1e-6);
    row("activates", "ACT x energy", static_cast<double>(c.count(Command::kACT)) * e.activate_pj * 1e-3,
        sums.activate_pj * 1e-3, "nJ", 1e-6);
    row("refresh", "REFab x energy", static_cast<double>(c.count(Command::kREFab)) * e.refresh_ab_pj * 1e-3,
        sums.refresh_pj * 1e-3, "nJ", 1e-6);
    // mW x ns = pJ.
    const double active = ns(static_cast<Cycle>(c.active_cycles)) * e.active_standby_mw;
    const double idle = ns(static_cast<Cycle>(c.precharged_cycles)) * e.precharge_standby_mw;
    row("background", "state time x power", (active + idle) * 1e-3, sums.background_pj * 1e-3, "nJ", 1e-6);
    EXPECT_EQ(c.active_cycles + c.precharged_cycles,
              run.reached / p.tCK_ps * p.organisation.pseudo_channels_total());
  }
}

INSTANTIATE_TEST_SUITE_P(Presets, HbmCalibration, testing::ValuesIn(testing_support::preset_paths()),
                         [](const auto& path) { return testing_support::preset_test_name(path.param); });

}  // namespace
}  // namespace memwall::hbm
