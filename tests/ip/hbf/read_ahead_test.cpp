// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Which pages are read ahead, which are kept, and what leaves the SRAM.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "hbf/program_queue.h"
#include "hbf/read_ahead.h"
#include "hbf_test_config.h"

namespace memwall::hbf {
namespace {
using namespace testing_support;

/// A walker whose pages arrive when the test says so.
struct Walker {
  explicit Walker(unsigned capacity) : ahead(capacity, true) {}

  /// Requests what there is room for; the pages.
  std::vector<std::uint64_t> request(TimePs now = 0) {
    std::vector<std::uint64_t> pages;
    while (const auto wanted = ahead.next(now)) {
      std::memset(wanted->data, static_cast<int>(wanted->page & 0xff), kPageBytes);
      pages.push_back(wanted->page);
      on_the_way.push_back(wanted->token);
    }
    return pages;
  }
  void arrive(TimePs now = 0, bool good = true) {
    for (const std::uint64_t token : on_the_way) ahead.arrived(token, now, good, served, refused);
    on_the_way.clear();
  }
  ReadAhead::Lookup read(std::uint64_t page, std::uint32_t offset = 0, std::uint32_t bytes = kPageBytes,
                         TimePs since = 0) {
    return ahead.demand(page, {page, offset, bytes, data.data(), since});
  }

  ReadAhead ahead;
  std::vector<std::uint64_t> on_the_way;
  std::vector<ReadAhead::Waiter> served, refused;
  std::vector<std::uint8_t> data = std::vector<std::uint8_t>(kPageBytes);
};

std::vector<std::uint64_t> range(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> out;
  for (std::uint64_t page = from; page < to; ++page) out.push_back(page);
  return out;
}

using Lookup = ReadAhead::Lookup;

TEST(ReadAhead, WalksTheTableAsFarAsTheDepthAllows) {
  Walker w(100);
  EXPECT_TRUE(w.request().empty());
  w.ahead.start({{10, 3}, {20, 0}, {30, 5}}, 6, false);
  EXPECT_EQ(w.request(), (std::vector<std::uint64_t>{10, 11, 12, 30, 31, 32}));
  EXPECT_EQ(w.ahead.held(), 6u);
  w.arrive();
  EXPECT_EQ(w.read(10), Lookup::kHere);
  EXPECT_EQ(w.data[17], 10);
  EXPECT_EQ(w.ahead.held(), 5u);
  EXPECT_EQ(w.request(), (std::vector<std::uint64_t>{33}));
  for (const std::uint64_t page : {11, 12, 30, 31}) EXPECT_EQ(w.read(page), Lookup::kHere);
  EXPECT_EQ(w.request(), (std::vector<std::uint64_t>{34}));
  EXPECT_EQ(w.read(10), Lookup::kMiss);
  EXPECT_EQ(w.read(50), Lookup::kMiss);
}

TEST(ReadAhead, DepthIsLimitedByTheSram) {
  Walker w(4);
  w.ahead.start({{0, 50}}, 10, false);
  EXPECT_EQ(w.request(), range(0, 4));
}

TEST(ReadAhead, PageLeavesWhenAllItsChunksHaveBeenDelivered) {
  Walker w(4);
  w.ahead.start({{0, 2}}, 4, false);
  w.request();
  w.arrive();
  EXPECT_EQ(w.read(0, 0, 2048), Lookup::kHere);
  EXPECT_EQ(w.read(0, 100, 50), Lookup::kHere);
  EXPECT_EQ(w.read(0, 2048, 1984), Lookup::kHere);
  EXPECT_EQ(w.read(0, 4032, 1), Lookup::kHere);  // the last chunk
  EXPECT_EQ(w.read(0, 0, 64), Lookup::kMiss);
  EXPECT_EQ(w.ahead.held(), 1u);
}

TEST(ReadAhead, ReaderOfAPageOnItsWayWaitsAndLatencyIsToldApart) {
  Walker w(4);
  w.ahead.start({{0, 2}}, 4, false);
  w.request(ns(100));
  EXPECT_EQ(w.read(0, 0, 4096, ns(700)), Lookup::kWaits);
  EXPECT_EQ(w.read(0, 64, 64, ns(800)), Lookup::kWaits);
  w.arrive(ns(1100));
  ASSERT_EQ(w.served.size(), 2u);
  EXPECT_EQ(w.served[0].bytes, 4096u);
  EXPECT_EQ(w.data[0], 0);
  EXPECT_EQ(w.read(1), Lookup::kHere);
  const ReadAhead::Counters& c = w.ahead.counters();
  EXPECT_EQ(c.hits, 3u);
  EXPECT_EQ(c.exposed, ns(400));
  EXPECT_EQ(c.hidden, ns(600 + 1000));
}

TEST(ReadAhead, BadPageIsNotKeptAndItsReadersAreRefused) {
  Walker w(4);
  w.ahead.start({{0, 1}}, 4, false);
  w.request();
  w.read(0, 0, 64);
  w.arrive(0, false);
  EXPECT_TRUE(w.served.empty());
  ASSERT_EQ(w.refused.size(), 1u);
  EXPECT_EQ(w.read(0), Lookup::kMiss);
  EXPECT_EQ(w.ahead.held(), 0u);
  EXPECT_EQ(w.ahead.counters().hits, 0u);
}

TEST(ReadAhead, RestartKeepsWhatIsHereAndDropsForRoomWhatIsNeededLast) {
  Walker w(4);
  w.ahead.start({{0, 8}}, 4, false);
  w.request();
  w.arrive();
  w.read(0);
  w.read(1);
  EXPECT_EQ(w.request(), range(4, 6));  // 2 to 5 are held
  w.arrive();
  w.ahead.restart();
  EXPECT_EQ(w.request(), range(0, 2)) << "in place of 5 and 4; 2 and 3 are here from the pass before";
  w.arrive();
  for (std::uint64_t page = 0; page < 4; ++page) EXPECT_EQ(w.read(page), Lookup::kHere) << page;
  EXPECT_EQ(w.request(), range(4, 8));
  EXPECT_EQ(w.ahead.counters().wasted, 2u);
}

TEST(ReadAhead, WrapGoesRoundAndWaitsAtAPageThatNobodyHasRead) {
  Walker w(8);
  w.ahead.start({{0, 3}}, 8, true);
  EXPECT_EQ(w.request(), range(0, 3));
  w.arrive();
  EXPECT_TRUE(w.request().empty());
  w.read(1);
  EXPECT_TRUE(w.request().empty());
  w.read(0);
  EXPECT_EQ(w.request(), range(0, 2));
  w.arrive();
  w.read(2);
  EXPECT_EQ(w.request(), range(2, 3));
}

TEST(ReadAhead, EndOfATensorThatNobodyReadsDoesNotStayForEver) {
  Walker w(100);
  w.ahead.start({{0, 400}}, 80, false);
  w.request();
  w.arrive();
  w.read(0, 0, 64);  // the rest of it is padding
  for (std::uint64_t page = 1; page < 200; ++page) {
    ASSERT_NE(w.read(page), Lookup::kMiss) << page;
    w.request();
    w.arrive();
  }
  EXPECT_EQ(w.read(0, 0, 64), Lookup::kMiss);
  EXPECT_EQ(w.ahead.held(), 80u);
}

TEST(ReadAhead, PageThatNobodyReadsLeavesOnceTheDepthHasPassedIt) {
  Walker w(100);
  w.ahead.start({{0, 400}}, 80, false);
  w.request();
  w.arrive();
  std::uint64_t gone = 0;
  for (std::uint64_t page = 1; page < 200; ++page) {
    ASSERT_NE(w.read(page), Lookup::kMiss) << page;
    w.request();
    w.arrive();
    if (w.ahead.counters().wasted != 0 && gone == 0) gone = page;
  }
  // At least `depth` later, and soon then.
  EXPECT_GE(gone, 80u);
  EXPECT_LE(gone, 80u + ReadAhead::kPassed);
}

TEST(ReadAhead, DroppedPageIsNotServedWhetherItIsHereOrOnItsWay) {
  Walker w(8);
  w.ahead.start({{0, 4}}, 8, false);
  w.request();
  w.read(1, 0, 64);  // was asked for before the page changed: still served
  w.ahead.drop(0);
  w.ahead.drop(1);
  EXPECT_EQ(w.read(0), Lookup::kMiss);
  EXPECT_EQ(w.read(1), Lookup::kMiss);
  w.arrive();
  EXPECT_EQ(w.served.size(), 1u);
  EXPECT_EQ(w.read(0), Lookup::kMiss);
  EXPECT_EQ(w.read(1), Lookup::kMiss);
  w.ahead.drop_if([](std::uint64_t page) { return page == 2; });
  EXPECT_EQ(w.read(2), Lookup::kMiss);
  EXPECT_EQ(w.read(3), Lookup::kHere);
  EXPECT_EQ(w.ahead.held(), 0u);
  EXPECT_EQ(w.ahead.counters().wasted, 2u);
}

TEST(ReadAhead, StopDropsEverythingAndStartsAnew) {
  Walker w(8);
  w.ahead.start({{0, 4}}, 8, false);
  w.request();
  w.arrive();
  w.ahead.stop();
  EXPECT_EQ(w.ahead.held(), 0u);
  EXPECT_TRUE(w.request().empty());
  w.ahead.start({{7, 1}}, 8, false);
  EXPECT_EQ(w.request(), range(7, 8));
}

// The queue of programs.

struct Programs {
  ProgramQueue queue{true};
  std::vector<ProgramQueue::Fetch> fetch() {
    std::vector<ProgramQueue::Fetch> out;
    while (const auto next = queue.next_fetch()) out.push_back(*next);
    return out;
  }
  std::vector<ProgramQueue::Page> pages() {
    std::vector<ProgramQueue::Page> out;
    bool ended = false;
    while (const auto next = queue.next_page(ended)) {
      out.push_back(*next);
      queue.sent(next->id);
    }
    return out;
  }
};

TEST(ProgramQueue, PagesComeInOrderWhateverTheOrderOfTheFetches) {
  Programs p;
  EXPECT_TRUE(p.queue.push({0x1000, 5, 1, 2, 7}));
  EXPECT_TRUE(p.queue.push({0x8000, 9, 16, 3, 8}));
  const auto fetches = p.fetch();
  ASSERT_EQ(fetches.size(), 5u);
  EXPECT_EQ(fetches[1].address, 0x2000u);
  EXPECT_EQ(fetches[4].address, 0x8000u + 2 * kPageBytes);
  for (unsigned i = 1; i < 5; ++i) p.queue.fetched(fetches[i].id, true);
  EXPECT_TRUE(p.pages().empty());
  p.queue.fetched(fetches[0].id, true);
  const auto pages = p.pages();
  ASSERT_EQ(pages.size(), 5u);
  const std::uint64_t expected[] = {5, 6, 9, 25, 41};
  for (unsigned i = 0; i < 5; ++i) EXPECT_EQ(pages[i].page, expected[i]);
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(p.queue.answered(pages[i].id, i != 3), i == 1);
  EXPECT_TRUE(p.queue.answered(pages[4].id, true));
  ASSERT_EQ(p.queue.done().size(), 2u);
  EXPECT_EQ(p.queue.done()[0].tag, 7u);
  EXPECT_FALSE(p.queue.done()[0].failed);
  EXPECT_EQ(p.queue.done()[1].tag, 8u);
  EXPECT_TRUE(p.queue.done()[1].failed);
  EXPECT_FALSE(p.queue.done()[1].bus_error);
}

TEST(ProgramQueue, EntryEndsAtAFetchThatFails) {
  Programs p;
  p.queue.push({0, 0, 1, 100, 1});
  p.queue.push({0, 500, 1, 1, 2});
  const auto fetches = p.fetch();
  ASSERT_EQ(fetches.size(), ProgramQueue::kSlots);
  for (unsigned i = 0; i < fetches.size(); ++i) p.queue.fetched(fetches[i].id, i != 2);
  const auto pages = p.pages();
  ASSERT_EQ(pages.size(), 2u);
  EXPECT_FALSE(p.queue.answered(pages[0].id, true));
  EXPECT_TRUE(p.queue.answered(pages[1].id, true));
  EXPECT_TRUE(p.queue.done()[0].failed);
  EXPECT_TRUE(p.queue.done()[0].bus_error);
  const auto next = p.fetch();
  ASSERT_EQ(next.size(), 1u);
  p.queue.fetched(next[0].id, true);
  EXPECT_EQ(p.pages()[0].page, 500u);
}

TEST(ProgramQueue, EntriesDoneAndNotTakenCountAgainstTheFreeOnes) {
  Programs p;
  EXPECT_FALSE(p.queue.push({0, 0, 1, 0, 1})) << "no page";
  for (unsigned i = 0; i < ProgramQueue::kEntries; ++i) EXPECT_TRUE(p.queue.push({0, i, 1, 1, 1}));
  EXPECT_FALSE(p.queue.push({0, 0, 1, 1, 1}));
  for (const auto& fetch : p.fetch()) p.queue.fetched(fetch.id, true);
  for (const auto& page : p.pages()) p.queue.answered(page.id, true);
  EXPECT_TRUE(p.queue.idle());
  EXPECT_EQ(p.queue.free(), 0u);
  p.queue.pop();
  EXPECT_EQ(p.queue.free(), 1u);
}

}  // namespace
}  // namespace memwall::hbf
