// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Streams: what they are (one page read after the other) and that fast-forward changes nothing but host time.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

#include "common/rng.h"
#include "hbf/cube.h"

namespace memwall::hbf {
namespace {

TimePs ns(std::uint64_t n) { return n * kPsPerNs; }
constexpr TimePs kEnd = TimePs{1} << 60;

struct Plan {
  Config config;
  std::uint64_t programmed = 0;  // pages from 0 on
  std::vector<std::pair<TimePs, Stream>> streams;
  std::vector<std::pair<TimePs, Command>> commands;
  std::vector<std::pair<TimePs, Fault>> faults;
  std::vector<TimePs> throttles;  // light on, off, on, ...
};

struct Outcome {
  std::vector<Response> responses;
  std::vector<Notice> notices;
  ChannelCounters counters;
  Media::Counters media;
  std::vector<std::uint64_t> block_reads;
};

enum class Stepping { kOneGo, kRandomSteps, kNextEvent };

Outcome run(const Plan& plan, bool fast_forward, Stepping stepping = Stepping::kOneGo) {
  Channel channel(plan.config, 0);
  channel.set_fast_forward(fast_forward);
  channel.management().enable_now(0);
  channel.media().mark_programmed(0, plan.programmed * kPageBytes);
  for (const auto& [at, stream] : plan.streams) channel.submit(at, stream);
  for (const auto& [at, command] : plan.commands) channel.submit(at, command);
  Outcome out;
  Rng rng(7, "steps");
  const auto advance = [&](TimePs to) {
    while (stepping == Stepping::kRandomSteps && channel.in_flight() > 0) {
      const TimePs step = 1 + rng.below(plan.config.timing.tR * 300 + 1);
      if (channel.now() + step >= to) break;
      channel.advance(channel.now() + step, out.responses, out.notices);
    }
    while (stepping == Stepping::kNextEvent) {
      const TimePs next = channel.next_event();
      if (next >= to) break;
      const std::size_t seen = out.responses.size() + out.notices.size();
      channel.advance(next, out.responses, out.notices);
      // What next_event() promises: nothing to be seen before it.
      for (std::size_t i = seen; i < out.responses.size(); ++i) EXPECT_LE(out.responses[i].at, next);
    }
    channel.advance(to, out.responses, out.notices);
  };
  std::map<TimePs, std::vector<std::function<void()>>> acts;
  for (const auto& entry : plan.faults) {
    acts[entry.first].push_back([&channel, fault = entry.second] { channel.media().inject(fault); });
  }
  for (std::size_t i = 0; i < plan.throttles.size(); ++i) {
    acts[plan.throttles[i]].push_back([&channel, i] { channel.set_throttle(i % 2 == 0, false, 50); });
  }
  for (const auto& [at, list] : acts) {
    advance(at);
    for (const auto& act : list) act();
  }
  advance(kEnd);
  EXPECT_EQ(channel.in_flight(), 0u);
  out.counters = channel.counters();
  out.media = channel.media().counters();
  for (unsigned lane = 0; lane < plan.config.lanes_per_channel(); ++lane) {
    for (std::uint32_t row = 0; row < plan.config.rows(); ++row) {
      out.block_reads.push_back(channel.media().block_info(kEnd, lane, row).reads);
    }
  }
  return out;
}

void expect_equal(const Outcome& a, const Outcome& b) {
  ASSERT_EQ(a.responses.size(), b.responses.size());
  for (std::size_t i = 0; i < a.responses.size(); ++i) {
    const Response &x = a.responses[i], &y = b.responses[i];
    EXPECT_EQ(x.cookie, y.cookie);
    EXPECT_EQ(x.at, y.at) << "cookie " << x.cookie;
    EXPECT_EQ(x.first_beat, y.first_beat);
    EXPECT_EQ(x.user, y.user);
    EXPECT_EQ(x.resp, y.resp);
    EXPECT_EQ(x.id, y.id);
  }
  ASSERT_EQ(a.notices.size(), b.notices.size());
  for (std::size_t i = 0; i < a.notices.size(); ++i) {
    EXPECT_EQ(a.notices[i].at, b.notices[i].at);
    EXPECT_EQ(a.notices[i].user, b.notices[i].user);
    EXPECT_EQ(a.notices[i].address, b.notices[i].address);
  }
  const ChannelCounters &c = a.counters, &d = b.counters;
  EXPECT_EQ(c.read_commands, d.read_commands);
  EXPECT_EQ(c.write_commands, d.write_commands);
  EXPECT_EQ(c.read_bytes, d.read_bytes);
  EXPECT_EQ(c.page_reads, d.page_reads);
  EXPECT_EQ(c.buffer_hits, d.buffer_hits);
  EXPECT_EQ(c.evictions, d.evictions);
  EXPECT_EQ(c.flits_down, d.flits_down);
  EXPECT_EQ(c.flits_up, d.flits_up);
  EXPECT_EQ(c.sense_busy, d.sense_busy);
  EXPECT_EQ(c.program_busy, d.program_busy);
  EXPECT_EQ(c.light_time, d.light_time);
  EXPECT_EQ(c.energy_pj, d.energy_pj);
  EXPECT_EQ(a.media.senses, b.media.senses);
  EXPECT_EQ(a.media.retry_senses, b.media.retry_senses);
  EXPECT_EQ(a.media.corrected, b.media.corrected);
  EXPECT_EQ(a.media.hints_reads, b.media.hints_reads);
  EXPECT_EQ(a.media.uncorrectable, b.media.uncorrectable);
  EXPECT_EQ(a.block_reads, b.block_reads);
}

Config cube(unsigned dies, unsigned planes, unsigned pages_per_block, std::uint64_t rows) {
  Config c;
  c.name = "stream";
  c.channels = 1;
  c.dies_per_channel = dies;
  c.planes_per_die = planes;
  c.pages_per_block = pages_per_block;
  c.blocks_per_plane = static_cast<unsigned>(rows + 1);
  c.capacity_bytes = rows * dies * planes * pages_per_block * kPageBytes;
  c.functional = false;
  return c;
}

Stream whole(const Config& config, unsigned window) {
  Stream s;
  s.pages = config.port_bytes() / kPageBytes;
  s.window = window;
  return s;
}

/// Page reads by hand, `window` at a time, each offered at the instant when one is answered.
std::vector<Response> by_hand(const Plan& plan, const Stream& stream) {
  Channel channel(plan.config, 0);
  channel.management().enable_now(0);
  channel.media().mark_programmed(0, plan.programmed * kPageBytes);
  std::vector<Response> all, fresh;
  std::vector<Notice> notices;
  std::vector<unsigned> open(stream.pages, plan.config.burst_reads ? 1 : kChunksPerPage);
  std::uint64_t next = 0;
  const auto offer = [&](TimePs at) {
    for (unsigned i = 0; i < (plan.config.burst_reads ? 1u : kChunksPerPage); ++i) {
      Command c;
      c.cookie = next;
      c.id = static_cast<std::uint16_t>(stream.first_id + next % stream.window);
      c.len = plan.config.burst_reads ? kChunksPerPage - 1 : 0;
      c.address = stream.address + next * kPageBytes + i * kChunkBytes;
      channel.submit(at, c);
    }
    ++next;
  };
  while (next < std::min<std::uint64_t>(stream.window, stream.pages)) offer(0);
  while (channel.in_flight() > 0) {
    fresh.clear();
    channel.advance(channel.next_event(), fresh, notices);
    for (const Response& r : fresh) {
      if (--open[r.cookie] == 0 && next < stream.pages) offer(r.at);
      all.push_back(r);
    }
  }
  return all;
}

TEST(Stream, IsTheSameAsPageReadsOneAfterTheOther) {
  for (const bool bursts : {true, false}) {
    for (const unsigned window : {1u, 2u, 5u, 13u}) {
      Plan plan;
      plan.config = cube(1, 5, 8, 4);
      plan.config.burst_reads = bursts;
      plan.programmed = plan.config.channel_pages();
      Stream s = whole(plan.config, window);
      s.pages = bursts ? 150 : 40;
      plan.streams.push_back({0, s});
      const Outcome stream = run(plan, true);
      const std::vector<Response> hand = by_hand(plan, s);
      ASSERT_EQ(stream.responses.size(), 1u);
      EXPECT_EQ(stream.responses[0].at, hand.back().at) << "window " << window << " bursts " << bursts;
      EXPECT_EQ(stream.responses[0].first_beat, hand.front().first_beat);
    }
  }
}

TEST(Stream, AFullChannelIsJumpedNearlyWhole) {
  Plan plan;
  plan.config = cube(1, 25, 256, 4);
  plan.programmed = plan.config.channel_pages();
  plan.streams.push_back({0, whole(plan.config, 50)});
  const Outcome on = run(plan, true), off = run(plan, false);
  expect_equal(on, off);
  EXPECT_EQ(off.counters.fast_forwarded, 0u);
  EXPECT_GT(on.counters.fast_forwarded, plan.config.channel_pages() - 500);
  EXPECT_EQ(on.media.senses, plan.config.channel_pages());
}

TEST(Stream, ALinkSlowerThanTheArrayIsJumpedTooAndSetsTheBandwidth) {
  for (const unsigned credits : {14u * 1024, 14u * 100, 14u * 7}) {
    Plan plan;
    plan.config = cube(1, 4, 64, 20);
    plan.config.link.grade = 1;
    plan.config.link.r_credits = credits;
    plan.config.timing.tR = ns(30);
    plan.programmed = plan.config.channel_pages();
    plan.streams.push_back({0, whole(plan.config, 16)});
    const Outcome on = run(plan, true), off = run(plan, false);
    expect_equal(on, off);
    EXPECT_GT(on.counters.fast_forwarded, plan.config.channel_pages() / 2);
    if (credits < 14 * 1000) continue;
    const double seconds = static_cast<double>(on.responses[0].at) * 1e-12;
    const double measured = static_cast<double>(plan.config.channel_bytes()) / seconds * 1e-9;
    const double expected = plan.config.link.read_gbytes_per_s();
    std::printf("link bandwidth: expected %.3f measured %.3f GB/s deviation %.3f %%\n", expected, measured,
                100 * (measured / expected - 1));
    EXPECT_NEAR(measured, expected, 0.005 * expected);
  }
}

TEST(Stream, BeyondTheProgrammedPagesAnswersErasedPageByPage) {
  Plan plan;
  plan.config = cube(1, 5, 16, 6);
  plan.programmed = 300;
  plan.streams.push_back({0, whole(plan.config, 10)});
  const Outcome on = run(plan, true), off = run(plan, false);
  expect_equal(on, off);
  EXPECT_GT(on.counters.fast_forwarded, 100u);
  ASSERT_EQ(on.notices.size(), plan.config.channel_pages() - 300);
  EXPECT_EQ(on.notices[0].address, 300 * kPageBytes);
  EXPECT_EQ(user::status(on.notices[0].user), static_cast<unsigned>(ReadStatus::kErased));
  EXPECT_EQ(on.responses[0].status(), static_cast<unsigned>(ReadStatus::kErased));
  EXPECT_EQ(on.responses[0].resp, 2);
}

TEST(Stream, ReadsOfOthersBoundTheJumpAndLeaveNoTrace) {
  Plan plan;
  plan.config = cube(2, 4, 16, 40);
  plan.programmed = plan.config.channel_pages();
  plan.streams.push_back({0, whole(plan.config, 16)});
  for (unsigned i = 0; i < 5; ++i) {
    Command c;
    c.cookie = 100 + i;
    c.id = 9000;
    c.address = i * 777 * kPageBytes;
    plan.commands.push_back({ns(100000 * (i + 1)) + 17 * i, c});
  }
  const Outcome on = run(plan, true), off = run(plan, false);
  expect_equal(on, off);
  EXPECT_GT(on.counters.fast_forwarded, 3000u);
}

TEST(Stream, WhoeverWaitsForNextEventStillJumps) {
  Plan plan;
  plan.config = cube(1, 8, 64, 20);
  plan.programmed = plan.config.channel_pages();
  plan.streams.push_back({0, whole(plan.config, 16)});
  const Outcome on = run(plan, true, Stepping::kNextEvent), off = run(plan, false, Stepping::kNextEvent);
  expect_equal(on, off);
  EXPECT_GT(on.counters.fast_forwarded, plan.config.channel_pages() - 1000);
}

TEST(Stream, FaultsPlantedAheadAreMetAtTheirPage) {
  Plan plan;
  plan.config = cube(1, 8, 32, 20);
  plan.programmed = plan.config.channel_pages();
  plan.streams.push_back({0, whole(plan.config, 16)});
  const FaultKind kinds[] = {FaultKind::kCorrectedHigh, FaultKind::kRetry,  FaultKind::kUncorrectable,
                             FaultKind::kReadCount,     FaultKind::kVendor, FaultKind::kRestricted};
  for (unsigned i = 0; i < 6; ++i) {
    Fault f;
    f.kind = kinds[i];
    f.address = (700 + 613 * i) * kPageBytes;
    plan.faults.push_back({ns(1000 + 20000 * i), f});
  }
  const Outcome on = run(plan, true), off = run(plan, false);
  expect_equal(on, off);
  EXPECT_GT(on.notices.size(), 5u);
  EXPECT_GT(on.counters.fast_forwarded, 1000u);
}

TEST(Stream, ACubeThatHeatsUpIntoLightThrottlingIsJumpedStepByStep) {
  struct Run {
    std::vector<Response> responses;
    double celsius = 0, energy = 0;
    std::uint64_t jumped = 0;
    TimePs light = 0;
  } runs[2];
  for (const bool on : {false, true}) {
    Config c = cube(1, 10, 64, 20);
    c.channels = 2;
    c.capacity_bytes *= 2;
    c.thermal.enabled = true;
    c.thermal.ambient_c = 85;
    c.thermal.capacity_j_per_k = 5e-4;
    c.thermal.step = ns(50000);
    c.energy.idle_w = 18;
    Cube device(c);
    device.set_fast_forward(on);
    device.enable_all();
    for (unsigned i = 0; i < 2; ++i) {
      device.channel(i).media().mark_programmed(0, c.channel_bytes());
      device.submit(i, ns(30000) * i, whole(c, 20));
    }
    Run& run = runs[on ? 1 : 0];
    std::vector<Notice> notices;
    device.advance(ns(20000000), run.responses, notices);
    EXPECT_TRUE(notices.empty());
    run.celsius = device.celsius();
    run.energy = device.energy_pj();
    for (unsigned i = 0; i < 2; ++i) {
      run.jumped += device.channel(i).counters().fast_forwarded;
      run.light += device.channel(i).counters().light_time;
    }
  }
  ASSERT_EQ(runs[0].responses.size(), 2u);
  ASSERT_EQ(runs[1].responses.size(), 2u);
  for (unsigned i = 0; i < 2; ++i) EXPECT_EQ(runs[0].responses[i].at, runs[1].responses[i].at);
  EXPECT_EQ(runs[0].celsius, runs[1].celsius);
  EXPECT_EQ(runs[0].energy, runs[1].energy);
  EXPECT_EQ(runs[0].light, runs[1].light);
  EXPECT_GT(runs[0].light, 0u) << "else the test shows nothing";
  EXPECT_EQ(runs[0].jumped, 0u);
  EXPECT_GT(runs[1].jumped, 5000u);
}

class RandomStreams : public ::testing::TestWithParam<int> {};

Plan draw(std::uint64_t seed) {
  Rng rng(seed, "streams");
  const auto pick = [&rng](std::uint64_t n) { return rng.below(n); };
  Plan plan;
  const unsigned dies = 1 + static_cast<unsigned>(pick(3)), planes = 1 + static_cast<unsigned>(pick(9));
  const auto pages = static_cast<unsigned>(4 + pick(60));
  const std::uint64_t row_pages = std::uint64_t{dies} * planes * pages;
  plan.config = cube(dies, planes, pages, 2 + (2000 + pick(4000)) / row_pages);
  Config& c = plan.config;
  c.seed = seed;
  // A last row that is there in part.
  if (pick(2) == 0) c.capacity_bytes -= pick(row_pages) * kPageBytes;
  if (pick(3) == 0 && c.capacity_bytes % (2 * kPageBytes) == 0) c.ports_per_channel = 2;
  c.link.grade = 1 + static_cast<unsigned>(pick(3));
  c.link.latency = ns(pick(30)) + pick(2) * 457;
  c.timing.tR = ns(20 + pick(3000)) + pick(2) * 331;
  // Faster than the link: the buffers hold the lanes up.
  if (pick(3) == 0) c.timing.tR = ns(20 + pick(60));
  c.timing.tECC = ns(pick(300));
  c.timing.tPROG = ns(2000);
  c.timing.tBERS = ns(5000);
  if (pick(4) == 0) c.timing.tACCUMULATE = ns(1 + pick(300));
  c.burst_reads = pick(8) != 0;
  if (pick(3) == 0) c.link.r_credits = 14 * (1 + static_cast<unsigned>(pick(200)));
  if (pick(3) == 0) c.link.ar_credits = 3 * (1 + static_cast<unsigned>(pick(20)));
  if (pick(3) == 0) c.mocs_code = 7;
  if (pick(3) == 0) {
    c.reliability.extra_corrected = 1e-4 * static_cast<double>(pick(20));
    c.reliability.extra_retry = 1e-4 * static_cast<double>(pick(10));
    c.reliability.extra_uncorrectable = 1e-4 * static_cast<double>(pick(5));
  }
  const std::uint64_t port_pages = c.port_bytes() / kPageBytes;
  plan.programmed = pick(3) == 0 ? pick(c.channel_pages()) : c.channel_pages();
  const unsigned streams = pick(4) == 0 ? 2 : 1;
  for (unsigned i = 0; i < streams; ++i) {
    Stream s;
    s.cookie = i;
    s.port = static_cast<std::uint8_t>(pick(c.ports_per_channel));
    s.address = (pick(2) == 0 ? 0 : pick(port_pages)) * kPageBytes;
    s.pages = c.burst_reads ? port_pages + pick(50) : 60 + pick(400);
    if (pick(3) == 0) s.pages = 1 + pick(s.pages);
    s.window = 1 + static_cast<unsigned>(pick(pick(2) == 0 ? 4 : 3 * dies * planes));
    s.first_id = static_cast<std::uint16_t>(1000 * i);
    plan.streams.push_back({ns(pick(200000)) * i, s});
  }
  const unsigned others = pick(3) == 0 ? static_cast<unsigned>(pick(12)) : 0;
  for (unsigned i = 0; i < others; ++i) {
    Command x;
    x.cookie = 50 + i;
    x.port = static_cast<std::uint8_t>(pick(c.ports_per_channel));
    x.id = static_cast<std::uint16_t>(pick(4) == 0 ? pick(5) : 5000 + pick(5));
    x.is_write = pick(4) == 0;
    x.address = pick(port_pages) * kPageBytes;
    plan.commands.push_back({pick(ns(400000)), x});
  }
  if (pick(4) == 0) {
    for (TimePs at = 0; plan.throttles.size() < 6;) plan.throttles.push_back(at += 1 + pick(ns(200000)));
  }
  return plan;
}

/// Per test.
constexpr std::uint64_t kSeeds = 25;

TEST_P(RandomStreams, FastForwardOnAndOffAreEqual) {
  std::uint64_t jumped = 0, runs_with_jumps = 0, pages = 0;
  for (std::uint64_t i = 0; i < kSeeds; ++i) {
    const std::uint64_t seed = static_cast<std::uint64_t>(GetParam()) * kSeeds + i;
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Plan plan = draw(seed);
    const Outcome off = run(plan, false);
    EXPECT_EQ(off.counters.fast_forwarded, 0u);
    for (const Stepping stepping : {Stepping::kOneGo, Stepping::kRandomSteps, Stepping::kNextEvent}) {
      const Outcome on = run(plan, true, stepping);
      expect_equal(on, off);
      if (stepping != Stepping::kOneGo) continue;
      jumped += on.counters.fast_forwarded;
      runs_with_jumps += on.counters.fast_forwarded > 0 ? 1 : 0;
      pages += plan.streams[0].second.pages;
    }
    if (HasFailure()) return;
  }
  std::printf("%llu of %llu runs jumped, %llu of %llu pages\n",
              static_cast<unsigned long long>(runs_with_jumps), static_cast<unsigned long long>(kSeeds),
              static_cast<unsigned long long>(jumped), static_cast<unsigned long long>(pages));
  EXPECT_GT(runs_with_jumps, kSeeds / 2);
  EXPECT_GT(jumped, pages / 4);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomStreams, ::testing::Range(0, 4));

}  // namespace
}  // namespace memwall::hbf
