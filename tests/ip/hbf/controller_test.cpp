// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The host side of a cube: mapping, ids, limits, data, events, read-ahead, programs, resets.
#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "controller_bench.h"

namespace memwall::hbf {
namespace {
using namespace testing_support;
using Bytes = std::vector<std::uint8_t>;

Bytes slice(const Bytes& from, std::uint64_t begin, std::uint64_t bytes) {
  return Bytes(from.begin() + static_cast<std::ptrdiff_t>(begin),
               from.begin() + static_cast<std::ptrdiff_t>(begin + bytes));
}

/// A cube whose window is programmed with pattern(seed 5).
struct Loaded : ControllerBench {
  explicit Loaded(const Config& config = small_cube())
      : ControllerBench(config), contents(pattern(config.capacity_bytes, 5)) {
    controller.debug_write(0, contents.data(), contents.size());
  }
  Bytes contents;
};

/// F + L + B + tR + tECC + flits + L, contract for a cold read of `beats`.
TimePs cold_read(const Config& c, unsigned beats) {
  const unsigned flits = (beats * c.link.r_granules + 47) / 48;
  return c.link.flit_time() * (1 + flits) + 2 * c.link.latency + c.timing.tBASE + c.timing.tR + c.timing.tECC;
}

// The map.

TEST(AddressMap, PagesWalkChannelsAndBackAgain) {
  Config config = small_cube();
  config.ports_per_channel = 2;
  const AddressMap map(config);
  std::set<std::pair<unsigned, std::uint64_t>> seen;
  for (std::uint64_t page = 0; page < 64; ++page) {
    const AddressMap::Place at = map.place(page);
    EXPECT_EQ(at.channel, page % 2);
    EXPECT_EQ(at.page, page / 2);
    EXPECT_EQ(map.window_page(at), page);
    EXPECT_EQ(map.port(at.page), at.page / 16);
    EXPECT_EQ(map.port_address(at.page), at.page % 16 * kPageBytes);
    seen.insert({at.channel, at.page});
  }
  EXPECT_EQ(seen.size(), 64u);
  // Lane d % 2, page d / 2 % 4, row d / 8 of channel page d.
  EXPECT_EQ(map.block(2 * 13 + 1).channel, 1u);
  EXPECT_EQ(map.block(2 * 13 + 1).lane, 1u);
  EXPECT_EQ(map.block(2 * 13 + 1).row, 1u);
  EXPECT_EQ(map.page_in_block(2 * 13 + 1), 2u);
}

TEST(AddressMap, BlocksMoveToAnyChannelAndBack) {
  AddressMap map(small_cube());
  const AddressMap::Block from{1, 0, 1}, to{3, 1, 0};
  EXPECT_FALSE(map.set(AddressMap::kEntries, from, to));
  EXPECT_FALSE(map.set(0, from, {4, 0, 0})) << "no such row";
  EXPECT_FALSE(map.set(0, from, {0, 2, 0})) << "no such channel";
  EXPECT_FALSE(map.set(0, {0, 0, 2}, to)) << "no such lane";
  EXPECT_FALSE(map.remapped());
  EXPECT_TRUE(map.set(63, from, to));
  for (unsigned page = 0; page < 4; ++page) {
    const std::uint64_t window = 2 * (8 + 2 * page + 1);
    const AddressMap::Place at = map.place(window);
    EXPECT_EQ(at.channel, 1u);
    EXPECT_EQ(at.page, 24 + 2 * page);
    EXPECT_EQ(map.window_page(at), window);
    EXPECT_EQ(map.place(window + 2).channel, 0u) << "its neighbours stay";
  }
  EXPECT_TRUE(map.clear(63));
  EXPECT_EQ(map.place(2 * 9).channel, 0u);
}

TEST(IdPool, IdsAreUniqueAndTheLowestComesFirst) {
  IdPool ids(100);
  std::set<std::uint16_t> taken;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(taken.insert(ids.take()).second);
  EXPECT_EQ(*taken.rbegin(), 99u);
  EXPECT_EQ(ids.free(), 0u);
  ids.give_back(70);
  ids.give_back(3);
  EXPECT_EQ(ids.take(), 3u);
  EXPECT_EQ(ids.take(), 70u);
}

TEST(EventQueue, TellsThatEventsWereLost) {
  EventQueue events;
  for (unsigned i = 0; i < EventQueue::kDepth; ++i) events.push({i, false, false, false, 4, 2});
  EXPECT_FALSE(events.lost());
  events.push({99, false, false, false, 4, 2});
  EXPECT_TRUE(events.lost());
  EXPECT_EQ(events.front().address, 0u);
  events.pop();
  EXPECT_FALSE(events.lost());
  EXPECT_EQ(events.front().address, 1u);
  EXPECT_EQ(events.recorded(), EventQueue::kDepth + 1);
}

// Reads and writes.

TEST(Controller, ReadsOfAnyLengthAndAlignmentGiveTheContents) {
  for (const bool burst : {true, false}) {
    for (const unsigned ports : {1u, 2u}) {
      Config config = small_cube();
      config.burst_reads = burst;
      config.ports_per_channel = ports;
      if (ports == 2) config.readings.address_unit = Readings::AddressUnit::kChunks;
      Loaded host(config);
      Rng rng(3, "reads");
      for (int i = 0; i < 100; ++i) {
        const std::uint64_t bytes = 1 + rng.below(3 * kPageBytes);
        const std::uint64_t at = rng.below(config.capacity_bytes - bytes);
        Bytes got(bytes);
        ASSERT_TRUE(host.read(at, got).good);
        ASSERT_EQ(got, slice(host.contents, at, bytes)) << at << " " << bytes;
      }
    }
  }
}

TEST(Controller, ColdReadTakesTheTimesOfLinkBaseDieAndMedia) {
  for (const unsigned beats : {1u, 7u, 64u}) {
    Loaded host;
    const Config config = small_cube();
    EXPECT_EQ(host.read(page(6), beats * 64).time, cold_read(config, beats)) << beats;
  }
  // Across a page boundary: another channel does the rest at the same time.
  Loaded host;
  EXPECT_EQ(host.read(page(7) - 64, 128).time, cold_read(small_cube(), 1));
}

TEST(Controller, NoMorePageReadsAreInFlightThanAllowed) {
  Config config = small_cube();
  config.controller.outstanding_per_channel = 3;
  for (const bool burst : {true, false}) {
    config.burst_reads = burst;
    Loaded host(config);
    for (unsigned i = 0; i < 40; ++i) host.begin(false, page(i), kPageBytes);
    std::size_t most = 0;
    while (host.controller.next_event() != kNever) {
      for (unsigned c = 0; c < 2; ++c) most = std::max(most, host.controller.cube().channel(c).in_flight());
      host.controller.advance(host.controller.next_event());
      host.take();
    }
    EXPECT_EQ(most, burst ? 3u : 3u * kChunksPerPage);
    EXPECT_TRUE(host.is_done(40));
  }
}

TEST(Controller, OutstandingReadsStayBelowTheCommandsThatTheCubeAccepts) {
  Config config = small_cube();
  config.mocs_code = 7;  // 256
  config.burst_reads = false;
  config.controller.outstanding_per_channel = 1000;
  Loaded host(config);
  for (unsigned i = 0; i < 40; ++i) host.begin(false, page(i), kPageBytes);
  EXPECT_EQ(host.controller.cube().channel(0).in_flight(), 256u);
}

TEST(Controller, WriteIsAnsweredWhenItsPagesAreProgrammed) {
  const Config config = small_cube();
  for (const bool burst : {true, false}) {
    Config c = config;
    c.burst_writes = burst;
    if (!burst) c.readings.address_unit = Readings::AddressUnit::kChunks;
    ControllerBench host(c);
    const Bytes data = pattern(4 * kPageBytes, 9);
    const auto written = host.write(0, data);
    EXPECT_TRUE(written.good);
    EXPECT_GT(written.time, config.timing.tBERS + config.timing.tPROG);
    EXPECT_LT(written.time, config.timing.tBERS + config.timing.tPROG + ns(1000));
    Bytes got(data.size());
    EXPECT_TRUE(host.read(0, got).good);
    EXPECT_EQ(got, data);
    EXPECT_FALSE(host.read(page(8), 64).good) << "never written";
  }
}

TEST(Controller, ChunksFromSeveralAccessesGatherIntoOnePage) {
  ControllerBench host(small_cube());
  const Bytes data = pattern(kPageBytes, 3);
  Bytes copy = data;
  std::vector<std::uint64_t> tags;
  for (unsigned i = 0; i < 64; ++i) {
    const unsigned chunk = i * 37 % 64;
    tags.push_back(host.begin(true, chunk * 64, 64, copy.data() + chunk * 64));
  }
  for (const std::uint64_t tag : tags) EXPECT_TRUE(host.finish(tag).good);
  EXPECT_EQ(host.controller.cube().channel(0).media().counters().programs, 1u);
  Bytes got(kPageBytes);
  EXPECT_TRUE(host.read(0, got).good);
  EXPECT_EQ(got, data);
}

TEST(Controller, PageThatNeverCompletesTimesOutWithAnEvent) {
  const Config config = small_cube();
  ControllerBench host(config);
  const auto result = host.write(128, pattern(64, 1));
  EXPECT_FALSE(result.good);
  EXPECT_GE(result.time, config.timing.tGATHER);
  const auto events = host.take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events[0].is_write);
  EXPECT_EQ(events[0].code, 5u);
  EXPECT_EQ(events[0].address, 128u);
  EXPECT_FALSE(events[0].data_valid);
  // The page has not been used up.
  EXPECT_TRUE(host.write(0, pattern(kPageBytes, 2)).good);
}

TEST(Controller, PagesInFlightAreLimitedButChunksOfAnOpenPageAreNot) {
  Config config = small_cube();
  config.controller.programs_per_channel = 2;
  ControllerBench host(config);
  // Two pages of channel 0 are open; a third waits; the rest of the first two still goes through.
  Bytes data = pattern(kPageBytes, 1);
  std::vector<std::uint64_t> tags;
  for (const unsigned p : {0u, 2u, 16u}) tags.push_back(host.begin(true, page(p), 64, data.data()));
  for (const unsigned p : {0u, 2u, 16u})
    tags.push_back(host.begin(true, page(p) + 64, kPageBytes - 64, data.data() + 64));
  for (const std::uint64_t tag : tags) EXPECT_TRUE(host.finish(tag).good);
  EXPECT_EQ(host.controller.cube().channel(0).media().counters().programs, 3u);
}

TEST(Controller, TrafficWithoutDataHasTheSameTimesAndOutcomes) {
  const Config config = small_cube();
  Config bare_config = config;
  bare_config.functional = false;
  Loaded real(config);
  ControllerBench bare(bare_config);
  bare.controller.debug_write(0, nullptr, config.capacity_bytes);
  Rng rng(7, "traffic");
  Bytes data(8 * kPageBytes);
  for (int i = 0; i < 300; ++i) {
    const bool is_write = rng.below(4) == 0;
    const std::uint64_t bytes = is_write ? page(1 + rng.below(3)) : 1 + rng.below(3 * kPageBytes);
    const std::uint64_t most = config.capacity_bytes - bytes;
    const std::uint64_t at = is_write ? page(rng.below(most / kPageBytes + 1)) : rng.below(most);
    const auto a = real.finish(real.begin(is_write, at, bytes, data.data()));
    const auto b = bare.finish(bare.begin(is_write, at, bytes));
    ASSERT_EQ(a.good, b.good) << i;
    ASSERT_EQ(a.time, b.time) << i;
  }
  EXPECT_EQ(real.take_events().size(), bare.take_events().size());
}

TEST(Controller, LongReadsWithoutDataTakeAsLongAsPageByPage) {
  Config config = small_cube();
  config.blocks_per_plane = 100;
  config.capacity_bytes = 2 * 768 * kPageBytes;
  config.zones_per_channel = 0;
  config.controller.outstanding_per_channel = 4;
  for (const unsigned ports : {1u, 2u}) {
    config.ports_per_channel = ports;
    ControllerBench host(config), same(config);
    for (ControllerBench* h : {&host, &same}) h->controller.debug_write(0, nullptr, config.capacity_bytes);
    const std::uint64_t pages = 300;
    const auto stream = host.read(page(4), pages * kPageBytes);
    EXPECT_TRUE(stream.good);
    std::uint64_t next = 4;
    const TimePs singly = same.load(1000, [&](ControllerBench::Access& access) {
      access.address = page(next);
      return next++ < 4 + pages;
    });
    EXPECT_EQ(stream.time, singly) << ports;
    EXPECT_EQ(host.controller.counters().pages_read, pages);
  }
}

TEST(Controller, LongReadReportsThePagesThatFailed) {
  Config config = small_cube();
  config.blocks_per_plane = 100;
  config.capacity_bytes = 2 * 768 * kPageBytes;
  config.zones_per_channel = 0;
  ControllerBench host(config);
  host.controller.debug_write(0, nullptr, config.capacity_bytes);
  host.controller.inject(page(77), FaultKind::kUncorrectable, 1, 0);
  host.controller.inject(page(78), FaultKind::kCorrectedHigh, 1, 0);
  EXPECT_FALSE(host.read(100, 200 * kPageBytes).good);
  const auto events = host.take_events();
  ASSERT_EQ(events.size(), 2u);
  const unsigned bad = events[0].code == 4 ? 0 : 1;
  EXPECT_EQ(events[bad].address, page(77));
  EXPECT_EQ(events[bad].code, 4u);
  EXPECT_FALSE(events[bad].data_valid);
  EXPECT_EQ(events[1 - bad].address, page(78));
  EXPECT_EQ(events[1 - bad].code, 5u);
  EXPECT_TRUE(events[1 - bad].data_valid);
}

// Events.

TEST(Controller, EveryPageThatIsNotPlainOkIsAnEvent) {
  Loaded host;
  Controller& c = host.controller;
  Bytes got(kPageBytes);
  EXPECT_TRUE(host.read(page(1), got).good);
  EXPECT_TRUE(host.take_events().empty());
  EXPECT_EQ(host.causes, 0u);

  c.inject(page(2), FaultKind::kUncorrectable, 1, 0);
  EXPECT_FALSE(host.read(page(2), got).good);
  EXPECT_EQ(got, Bytes(kPageBytes, 0xff));
  EXPECT_EQ(host.causes, Controller::kEvent);
  c.inject(page(3), FaultKind::kCorrectedHigh, 1, 0);
  EXPECT_TRUE(host.read(page(3), got).good) << "the data are valid";
  EXPECT_EQ(got, slice(host.contents, page(3), kPageBytes));
  EXPECT_FALSE(host.write(page(4), pattern(kPageBytes, 1)).good) << "page 1 of a full block";

  const auto events = host.take_events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].address, page(2));
  EXPECT_EQ(events[0].code, 4u);
  EXPECT_EQ(events[0].info, 2u);
  EXPECT_FALSE(events[0].is_write || events[0].data_valid || events[0].prefetch);
  EXPECT_EQ(events[1].code, 5u);
  EXPECT_TRUE(events[1].data_valid);
  EXPECT_EQ(events[2].code, 2u);
  EXPECT_TRUE(events[2].is_write);
  EXPECT_EQ(c.counters().refresh_hints, 2u);
  EXPECT_EQ(c.counters().refused_writes, 1u);
}

TEST(Controller, OnlyThePartOfAnAccessThatFailedIsAllOnes) {
  Loaded host;
  host.controller.inject(page(3), FaultKind::kUncorrectable, 1, 0);
  Bytes got(3 * kPageBytes);
  EXPECT_FALSE(host.read(page(2), got).good);
  Bytes expected = slice(host.contents, page(2), 3 * kPageBytes);
  std::fill(expected.begin() + page(1), expected.begin() + page(2), std::uint8_t{0xff});
  EXPECT_EQ(got, expected);
}

TEST(Controller, RetryStageGoesWithThePageReadsThatFollow) {
  Loaded host;
  // Feature kRetryMode = 1 on channel 0, by an admin command.
  host.controller.set_admin_word(0, 1);
  host.controller.admin({true, 0, 0, false, 0, 0x01u | std::uint64_t{3} << 8});
  host.run_until([&] { return host.controller.admin_state().done; });
  ASSERT_EQ(host.controller.admin_state().code, 0u);
  host.controller.inject(page(2), FaultKind::kRetry, 2, 0);
  Bytes got(kPageBytes);
  unsigned rounds = 0;
  while (!host.read(page(2), got).good && rounds < 8) {
    const auto events = host.take_events();
    ASSERT_EQ(events.size(), 1u);
    ASSERT_EQ(events[0].code, 6u);
    EXPECT_EQ(events[0].info, ++rounds);
    host.controller.set_retry_stage(events[0].info);
  }
  EXPECT_EQ(rounds, 2u);
  EXPECT_EQ(got, slice(host.contents, page(2), kPageBytes));
}

TEST(Controller, RemappedBlockIsReadAndWrittenInItsNewPlace) {
  Loaded host;
  const std::uint32_t from = 1u << 16 | 0u << 12 | 1u, to = 3u << 16 | 1u << 12 | 0u;
  EXPECT_FALSE(host.controller.remap(0, from, 9u << 16));
  ASSERT_TRUE(host.controller.remap(0, from, to));
  // Page i of the block: channel page 8 + 2 i + 1 of channel 0 = window page 18 + 4 i.
  std::vector<Bytes> data;
  for (unsigned i = 0; i < 4; ++i) {
    data.push_back(pattern(kPageBytes, 100 + i));
    ASSERT_TRUE(host.write(page(18 + 4 * i), data[i]).good) << i;
  }
  Bytes got(kPageBytes);
  for (unsigned i = 0; i < 4; ++i) {
    EXPECT_TRUE(host.read(page(18 + 4 * i), got).good);
    EXPECT_EQ(got, data[i]);
  }
  EXPECT_EQ(host.controller.cube().channel(0).media().counters().programs, 0u);
  EXPECT_EQ(host.controller.cube().channel(1).media().counters().programs, 4u);
  // An event names the page of the window, not the place.
  host.controller.inject(page(22), FaultKind::kUncorrectable, 1, 0);
  EXPECT_FALSE(host.read(page(22), 64).good);
  EXPECT_EQ(host.take_events()[0].address, page(22));
  // Without the entry the old contents are there again.
  ASSERT_TRUE(host.controller.clear_remap(0));
  EXPECT_TRUE(host.read(page(18), got).good);
  EXPECT_EQ(got, slice(host.contents, page(18), kPageBytes));
}

// Read-ahead.

struct Ahead : Loaded {
  explicit Ahead(const Config& config = small_cube()) : Loaded(config) { put_table({{page(0), page(32)}}); }
  void start(unsigned depth = 8, bool wrap = false) {
    controller.start_stream({0, 1}, depth, wrap);
    take();
  }
};

TEST(Controller, PagesReadAheadAreServedWithoutWaiting) {
  Ahead host;
  host.start();
  host.run_for(ns(10000));
  EXPECT_EQ(host.controller.read_ahead().held(), 8u);
  Bytes got(kPageBytes);
  for (unsigned i = 0; i < 32; ++i) {
    const auto read = host.read(page(i), got);
    EXPECT_TRUE(read.good);
    EXPECT_EQ(read.time, 0u) << i;
    EXPECT_EQ(got, slice(host.contents, page(i), kPageBytes)) << i;
    host.run_for(ns(2000));
  }
  EXPECT_EQ(host.controller.counters().misses, 0u);
  EXPECT_EQ(host.controller.read_ahead().counters().hits, 32u);
  EXPECT_EQ(host.controller.read_ahead().counters().exposed, 0u);
  EXPECT_GE(host.controller.read_ahead().counters().hidden, 32 * cold_read(small_cube(), 64));
  EXPECT_EQ(host.controller.read_ahead().held(), 0u);
  // Not in the table.
  EXPECT_EQ(host.read(page(40), 4096).time, cold_read(small_cube(), 64));
  EXPECT_EQ(host.controller.counters().misses, 1u);
  EXPECT_EQ(host.controller.counters().exposed, cold_read(small_cube(), 64));
}

TEST(Controller, ReadOfAPageOnItsWayWaitsForIt) {
  Ahead host;
  host.start();
  host.run_for(ns(100 + 500));  // the table has come after 100
  const auto read = host.read(page(1), 4096);
  EXPECT_EQ(read.time, cold_read(small_cube(), 64) - ns(500));
  EXPECT_EQ(host.controller.read_ahead().counters().exposed, read.time);
  EXPECT_EQ(host.controller.read_ahead().counters().hidden, ns(500));
}

TEST(Controller, TableThatCannotBeReadOrIsNoneIsAnError) {
  Ahead host;
  host.controller.start_stream({100000, 1}, 8, false);
  host.take();
  host.run_for(ns(1000));
  EXPECT_TRUE(host.controller.stream_error());
  EXPECT_FALSE(host.controller.read_ahead().running());
  for (const auto& [offset, bytes] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {1, 4096}, {0, 100}, {page(63), page(2)}, {~std::uint64_t{0} - 4095, 4096}}) {
    host.put_table({{0, 4096}, {offset, bytes}});
    host.controller.start_stream({0, 2}, 8, false);
    host.take();
    EXPECT_FALSE(host.controller.stream_error());
    host.run_for(ns(1000));
    EXPECT_TRUE(host.controller.stream_error()) << offset;
  }
  host.put_table({{0, page(64)}});
  host.controller.start_stream({0, 1}, 8, false);
  host.take();
  host.run_for(ns(1000));
  EXPECT_FALSE(host.controller.stream_error());
  EXPECT_EQ(host.controller.read_ahead().held(), 8u);
}

TEST(Controller, LongTableComesInPieces) {
  Ahead host;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> table;
  for (unsigned i = 0; i < 1000; ++i) table.push_back({page(i * 7 % 64), page(1)});
  host.put_table(table);
  host.controller.start_stream({0, 1000}, 8, false);
  host.take();
  EXPECT_EQ(host.fetches, 4u);
  host.run_for(ns(5000));
  EXPECT_EQ(host.read(page(21), 4096).time, 0u);
}

TEST(Controller, PageReadAheadWithAnErrorIsReadAgainByItsReader) {
  Ahead host;
  host.controller.inject(page(2), FaultKind::kUncorrectable, 1, 0);
  host.controller.inject(page(3), FaultKind::kCorrectedHigh, 1, 0);
  host.start();
  host.run_for(ns(100 + 500));
  Bytes got(kPageBytes);
  EXPECT_FALSE(host.read(page(2), got).good);
  EXPECT_EQ(got, Bytes(kPageBytes, 0xff));
  EXPECT_TRUE(host.read(page(3), got).good);
  host.drain();
  unsigned ahead = 0, direct = 0;
  for (const PageEvent& event : host.take_events()) {
    (event.prefetch ? ahead : direct) += event.code == 4 ? 1 : 0;
    if (event.code == 5) {
      EXPECT_TRUE(event.prefetch && event.data_valid);
    }
  }
  EXPECT_EQ(ahead, 1u);
  EXPECT_EQ(direct, 1u);
}

TEST(Controller, StalePagesAreNeverServedAfterAProgram) {
  // Random reads, writes and restarts over a table that covers everything; a reader never sees what was there
  // before the last write that has been answered.
  Config config = small_cube();
  config.timing.tPROG = ns(3000);
  config.timing.tBERS = ns(5000);
  for (unsigned seed = 0; seed < 4; ++seed) {
    Loaded host(config);
    host.put_table({{0, page(64)}});
    host.controller.start_stream({0, 1}, 16, true);
    host.take();
    Rng rng(seed, "stale");
    std::vector<Bytes> now(64);
    for (unsigned i = 0; i < 64; ++i) now[i] = slice(host.contents, page(i), kPageBytes);
    std::vector<unsigned> frontier(16, 4);
    std::uint64_t hits = 0;
    Bytes got(kPageBytes);
    for (int round = 0; round < 800; ++round) {
      const std::uint64_t p = rng.below(64);
      // Block of window page p: channel p % 2, channel page d = p / 2, lane d % 2, row d / 8.
      const std::uint64_t d = p / 2;
      const std::uint64_t block = p % 2 + 2 * (d % 2) + 4 * (d / 8);
      if (rng.below(3) == 0) {
        const std::uint64_t first = (d / 8 * 8 + d % 2) * 2 + p % 2;  // page 0 of the block
        unsigned& f = frontier[block];
        if (f == 4) f = 0;
        const std::uint64_t target = first + 4 * f;
        const Bytes data = pattern(kPageBytes, static_cast<unsigned>(rng.below(256)));
        Bytes copy = data;
        const std::uint64_t tag = host.begin(true, page(target), kPageBytes, copy.data());
        // Readers while the write is under way get the old or the new.
        if (rng.below(2) == 0) host.run_for(ns(rng.below(9000)));
        host.read(page(target), got);
        ASSERT_TRUE(host.finish(tag).good);
        if (f == 0) {
          for (unsigned i = 0; i < 4; ++i) now[first + 4 * i].clear();
        }
        now[target] = data;
        ++f;
        if (rng.below(2) == 0) {
          ASSERT_TRUE(host.read(page(target), got).good);
          ASSERT_EQ(got, data) << round;
        }
      } else {
        const auto read = host.read(page(p), got);
        ASSERT_EQ(read.good, !now[p].empty()) << round << " page " << p;
        if (read.good) {
          ASSERT_EQ(got, now[p]) << round << " page " << p;
        }
      }
      if (rng.below(20) == 0) host.controller.restart_stream();
      host.run_for(ns(rng.below(3000)));
      hits = host.controller.read_ahead().counters().hits;
    }
    EXPECT_GT(hits, 20u);
  }
}

// Programs.

TEST(Controller, ProgramQueueWritesPagesFromMemory) {
  ControllerBench host(small_cube());
  host.memory = pattern(64 * kPageBytes, 1);
  EXPECT_FALSE(host.controller.program({0, 0, 1, 0, 1})) << "no pages";
  EXPECT_TRUE(host.controller.program({kPageBytes, page(0), 1, 16, 7}));  // 4 blocks in step
  EXPECT_TRUE(host.controller.program({page(40), page(16), 4, 4, 8}));    // one block
  host.run_until([&] { return host.controller.programs().done().size() == 2; });
  EXPECT_EQ(host.causes, Controller::kProgram);
  for (const unsigned tag : {7u, 8u}) {
    EXPECT_EQ(host.controller.programs().done().front().tag, tag);
    EXPECT_FALSE(host.controller.programs().done().front().failed);
    host.controller.pop_program();
  }
  Bytes got(16 * kPageBytes);
  EXPECT_TRUE(host.read(0, got).good);
  EXPECT_EQ(got, slice(host.memory, page(1), page(16)));
  for (unsigned i = 0; i < 4; ++i) {
    got.resize(kPageBytes);
    EXPECT_TRUE(host.read(page(16 + 4 * i), got).good);
    EXPECT_EQ(got, slice(host.memory, page(40 + i), kPageBytes));
  }
}

TEST(Controller, ProgramThatFailsNamesItsPages) {
  ControllerBench host(small_cube());
  host.memory = pattern(64 * kPageBytes, 1);
  host.controller.inject(page(4), FaultKind::kProgramFail, 1, 0);
  host.controller.program({0, page(0), 4, 4, 7});
  host.run_until([&] { return !host.controller.programs().done().empty(); });
  EXPECT_TRUE(host.controller.programs().done().front().failed);
  EXPECT_FALSE(host.controller.programs().done().front().bus_error);
  const auto events = host.take_events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].address, page(4));
  EXPECT_EQ(events[0].code, 7u);
  for (unsigned i = 1; i < 3; ++i) {
    EXPECT_EQ(events[i].address, page(4 + 4 * i));
    EXPECT_EQ(events[i].code, 6u);
    EXPECT_EQ(events[i].info, 2u);
  }
}

TEST(Controller, ProgramFromNowhereOrToNowhereFails) {
  ControllerBench host(small_cube());
  host.memory = pattern(4 * kPageBytes, 1);
  host.controller.program({page(2), page(0), 1, 4, 1});       // two pages of the source are not there
  host.controller.program({page(0), page(62), 1, 4, 2});      // two pages of the target are not there
  host.controller.program({page(0), page(1) + 64, 1, 1, 3});  // inside a page
  host.run_until([&] { return host.controller.programs().done().size() == 3; });
  std::map<unsigned, ProgramQueue::Done> done;
  for (const auto& d : host.controller.programs().done()) done[d.tag] = d;
  EXPECT_TRUE(done[1].bus_error);
  EXPECT_TRUE(done[1].failed);
  EXPECT_FALSE(done[2].bus_error);
  EXPECT_TRUE(done[2].failed);
  EXPECT_TRUE(done[3].failed);
  EXPECT_TRUE(host.read(page(0), 4096).good);
  EXPECT_TRUE(host.read(page(1), 4096).good);
  EXPECT_FALSE(host.read(page(2), 4096).good);
}

TEST(Controller, NoMoreProgramsAreInFlightThanAllowed) {
  Config config = small_cube();
  config.controller.programs_per_channel = 3;
  ControllerBench host(config);
  host.memory = pattern(64 * kPageBytes, 1);
  host.controller.program({0, 0, 1, 64, 7});
  host.take();
  std::size_t most = 0;
  while (host.controller.next_event() != kNever) {
    for (unsigned c = 0; c < 2; ++c) most = std::max(most, host.controller.cube().channel(c).in_flight());
    host.controller.advance(host.controller.next_event());
    host.take();
  }
  EXPECT_EQ(most, 3u);
  ASSERT_EQ(host.controller.programs().done().size(), 1u);
  EXPECT_FALSE(host.controller.programs().done().front().failed);
}

// Management, reset, power.

TEST(Controller, AdminCommandsAndSidebandReachTheSameRegisters) {
  Loaded host;
  // BUCSTS (MMIO 0x10) of channel 1 by both ways.
  host.controller.admin({false, 1, 0, true, 0, 0x20u | std::uint64_t{0x10} << 8});
  EXPECT_TRUE(host.controller.admin_state().busy);
  host.controller.admin({false, 0, 0, true, 0, 0});  // ignored while busy
  host.run_until([&] { return host.controller.admin_state().done; });
  EXPECT_EQ(host.controller.admin_state().code, 0u);
  EXPECT_EQ(host.causes, Controller::kAdmin);
  std::uint32_t value = 0;
  EXPECT_TRUE(host.controller.sideband_read(1, Space::kMmio, 0x10, value));
  EXPECT_EQ(value, host.controller.admin_word(0));
  EXPECT_EQ(value & 1u, 1u) << "RDY";
  EXPECT_FALSE(host.controller.sideband_read(2, Space::kMmio, 0x10, value));
  EXPECT_FALSE(host.controller.sideband_read(1, Space::kMmio, 0x2f0, value) && false);
  host.controller.admin({false, 2, 0, true, 0, 0x20u});  // no such channel
  EXPECT_TRUE(host.controller.admin_state().done);
  EXPECT_EQ(host.controller.admin_state().code, 1u);
}

TEST(Controller, NotBroughtUpTheCubeAnswersBlocked) {
  Config config = small_cube();
  config.brought_up = false;
  Loaded host(config);
  EXPECT_FALSE(host.read(0, 64).good);
  EXPECT_EQ(host.take_events()[0].code, 9u);
  // BUCC.EN through the sideband, then RDY.
  std::uint32_t bucc = 0;
  ASSERT_TRUE(host.controller.sideband_read(0, Space::kMmio, 0x0c, bucc));
  ASSERT_TRUE(host.controller.sideband_write(0, Space::kMmio, 0x0c, bucc | 1u));
  host.run_for(config.timing.tRDY);
  EXPECT_TRUE(host.read(0, 64).good);
  EXPECT_FALSE(host.read(page(1), 64).good) << "channel 1 is still off";
}

TEST(Controller, CommandsLostInAResetAreAnsweredAndTheChannelGoesOn) {
  for (const std::uint32_t type : {0u, 1u, 2u}) {
    Loaded host;
    std::vector<std::uint64_t> tags;
    std::vector<Bytes> data(12, Bytes(kPageBytes));
    for (unsigned i = 0; i < 12; ++i) tags.push_back(host.begin(false, page(i), kPageBytes, data[i].data()));
    const std::uint64_t write = host.begin(true, page(16), kPageBytes, data[0].data());
    host.run_for(ns(300));
    ASSERT_TRUE(host.controller.sideband_write(0, Space::kMmio, 0x14, 0x48424600u | type));
    host.run_until([&] {
      for (const std::uint64_t tag : tags)
        if (!host.is_done(tag)) return false;
      return host.is_done(write);
    });
    for (unsigned i = 0; i < 12; ++i) EXPECT_EQ(host.result(tags[i]).good, i % 2 == 1) << type << " " << i;
    EXPECT_EQ(data[2], Bytes(kPageBytes, 0xff));
    for (const PageEvent& event : host.take_events()) EXPECT_EQ(event.code, 9u);
    // Once it is ready again, everything works.
    std::uint32_t bucc = 0;
    host.run_for(small_cube().timing.tRESET);
    host.controller.sideband_read(0, Space::kMmio, 0x0c, bucc);
    host.controller.sideband_write(0, Space::kMmio, 0x0c, bucc | 1u);
    host.run_for(small_cube().timing.tRDY + small_cube().timing.tRESET);
    EXPECT_TRUE(host.read(page(2), 4096).good) << type;
  }
}

TEST(Controller, CommandsLostInAResetByTheMainbandAreAnsweredUnderLoad) {
  for (const std::uint32_t type : {0u, 1u, 2u}) {
    Loaded host;
    std::vector<std::uint64_t> tags;
    for (unsigned i = 0; i < 6; ++i) tags.push_back(host.begin(false, page(2 * i), kPageBytes));
    host.controller.set_admin_word(0, 0x48424600u | type);
    host.controller.admin({true, 0, 0, true, 0, 0x20u | std::uint64_t{0x14} << 8});
    // Others keep the channel busy all the time: it is never without a command.
    const auto all_done = [&] {
      return std::all_of(tags.begin(), tags.end(), [&](std::uint64_t tag) { return host.is_done(tag); });
    };
    const TimePs end = ns(1000) + small_cube().timing.tRESET;
    while (!all_done() && host.controller.now() < end) {
      host.begin(false, page(2 * (host.controller.now() / ns(10) % 32)), 64);
      host.run_for(ns(10));
    }
    EXPECT_TRUE(all_done()) << "type " << type;
    EXPECT_TRUE(host.controller.admin_state().done);
    for (const std::uint64_t tag : tags) {
      if (host.is_done(tag)) {
        EXPECT_FALSE(host.result(tag).good);
      }
    }
  }
}

TEST(Controller, AccessesWaitWhileReadyIsLow) {
  Loaded host;
  const TimePs boot = small_cube().timing.tBOOT;
  std::vector<std::uint64_t> tags;
  for (unsigned i = 0; i < 4; ++i) tags.push_back(host.begin(false, page(i), 4096));
  host.run_for(ns(100));
  host.causes = 0;
  host.controller.reset_base_die();
  host.take();
  for (const std::uint64_t tag : tags) {
    ASSERT_TRUE(host.is_done(tag));
    EXPECT_FALSE(host.result(tag).good);
  }
  EXPECT_EQ(host.causes & Controller::kPins, Controller::kPins);
  EXPECT_FALSE(host.controller.ready());
  const auto read = host.read(0, 64);
  EXPECT_FALSE(read.good) << "channels are off after a reset";
  EXPECT_GE(read.time, boot);
  EXPECT_TRUE(host.controller.ready());
}

TEST(Controller, ShutDownCubeRefusesEverythingUntilThePowerCycle) {
  Config config = small_cube();
  config.thermal.enabled = true;
  Ahead host(config);
  host.memory.resize(16 * kPageBytes);
  host.start(8, true);
  host.run_for(ns(600));
  std::vector<std::uint64_t> tags;
  for (unsigned i = 0; i < 4; ++i) tags.push_back(host.begin(false, page(40 + i), 4096));
  tags.push_back(host.begin(false, page(2), 4096));  // on its way, read ahead
  host.controller.cube().set_temperature(config.thermal.shutdown_c + 5);
  host.run_for(ns(1000));
  for (const std::uint64_t tag : tags) {
    ASSERT_TRUE(host.is_done(tag));
    EXPECT_FALSE(host.result(tag).good);
  }
  host.take_events();
  Bytes got(100);
  EXPECT_FALSE(host.read(page(9), got).good);
  EXPECT_EQ(got, Bytes(100, 0xff));
  EXPECT_FALSE(host.write(page(0), pattern(kPageBytes, 1)).good);
  EXPECT_FALSE(host.read(0, page(64)).good) << "long, without data";
  for (const PageEvent& event : host.take_events()) {
    EXPECT_EQ(event.code, 9u);
    EXPECT_EQ(event.info, 1u);
  }
  host.controller.program({0, 0, 1, 3, 7});
  host.run_for(ns(1000));
  ASSERT_EQ(host.controller.programs().done().size(), 1u);
  EXPECT_TRUE(host.controller.programs().done().front().failed);
  host.controller.admin({false, 1, 0, true, 0, 0x20u | std::uint64_t{0x10} << 8});
  EXPECT_TRUE(host.controller.admin_state().done);
  EXPECT_EQ(host.controller.admin_state().code, 4u);
  EXPECT_TRUE(host.controller.stream_error());
  EXPECT_EQ(host.controller.read_ahead().held(), 0u);
  // Cool again, and after a power cycle it boots.
  host.controller.cube().set_temperature(40);
  host.controller.power_cycle();
  host.run_for(config.timing.tBOOT);
  EXPECT_TRUE(host.controller.ready());
}

TEST(Controller, ReaderOfAPageThatIsStillQueuedForReadAheadOvertakesTheOthers) {
  Config config = small_cube();
  config.controller.outstanding_per_channel = 1;
  Ahead host(config);
  host.start(16);
  host.run_for(host.memory_latency);
  // Pages 0, 2, .. 14 of channel 0 are asked for, one at a time; page 14 is the last of them.
  EXPECT_LT(host.read(page(14), 4096).time, 2 * cold_read(config, 64) + ns(10));
}

TEST(Controller, PowerCycleDropsWhatWasReadAhead) {
  Ahead host;
  host.start();
  host.run_for(ns(5000));
  EXPECT_EQ(host.controller.read_ahead().held(), 8u);
  host.controller.power_cycle();
  host.run_for(ns(1000));
  EXPECT_FALSE(host.is_done(host.begin(false, page(0), 64)));
}

}  // namespace
}  // namespace memwall::hbf
