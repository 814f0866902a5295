// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Flits, granules and credits; then the message classes of a channel.
#include "hbf/link.h"

#include <gtest/gtest.h>

#include "ip/hbf/channel_host.h"

namespace memwall::hbf {
namespace {

using namespace testing_support;

constexpr TimePs kFlit = 2000, kLatency = 10000;
constexpr unsigned kPlenty = 1u << 30;
constexpr unsigned kPages = 300;

TEST(Link, ALoneMessageIsThereAFlitAndALatencyLater) {
  LinkDirection link(kFlit, kLatency);
  Credits credits(kPlenty);
  const LinkDirection::Sent sent = link.send(777, 1, 3, credits);
  EXPECT_EQ(sent.first, 777 + kFlit + kLatency);
  EXPECT_EQ(sent.last, sent.first);
  EXPECT_EQ(link.flits(), 1u);
}

TEST(Link, AFlitHolds48Granules) {
  LinkDirection link(kFlit, kLatency);
  Credits credits(kPlenty);
  for (unsigned i = 0; i < 16; ++i) {
    EXPECT_EQ(link.send(0, 1, 3, credits).last, kFlit + kLatency) << "AR " << i;
  }
  EXPECT_EQ(link.send(0, 1, 3, credits).last, 2 * kFlit + kLatency);
  EXPECT_EQ(link.flits(), 2u);
}

TEST(Link, AFlitTakesMessagesUntilItBegins) {
  Credits credits(kPlenty);
  LinkDirection in_time(kFlit, kLatency), late(kFlit, kLatency);
  in_time.send(500, 1, 3, credits);
  EXPECT_EQ(in_time.send(500, 1, 3, credits).last, 500 + kFlit + kLatency);
  late.send(500, 1, 3, credits);
  EXPECT_EQ(late.send(501, 1, 3, credits).last, 500 + 2 * kFlit + kLatency);
  // A flit that waits for its predecessor is open for longer.
  EXPECT_EQ(late.send(500 + kFlit, 1, 3, credits).last, 500 + 2 * kFlit + kLatency);
  EXPECT_EQ(late.send(501 + kFlit, 1, 3, credits).last, 500 + 3 * kFlit + kLatency);
}

TEST(Link, AnIdleLinkBeginsAFlitAtOnce) {
  LinkDirection link(kFlit, kLatency);
  Credits credits(kPlenty);
  link.send(0, 1, 3, credits);
  EXPECT_EQ(link.send(123456, 1, 3, credits).last, 123456 + kFlit + kLatency);
}

TEST(Link, AMessageMayCrossFlits) {
  LinkDirection link(kFlit, kLatency);
  Credits credits(kPlenty);
  // 14, 28, 42, 56, 70 granules: the fourth ends in the second flit.
  EXPECT_EQ(link.send(0, 3, 14, credits).last, kFlit + kLatency);
  EXPECT_EQ(link.send(0, 1, 14, credits).last, 2 * kFlit + kLatency);
  EXPECT_EQ(link.send(0, 1, 100, credits).last, 4 * kFlit + kLatency) << "156 granules";
  EXPECT_EQ(link.flits(), 4u);
}

TEST(Link, PagesTake18Point67FlitsEach) {
  LinkDirection link(kFlit, kLatency);
  Credits credits(kPlenty);
  LinkDirection::Sent sent;
  for (unsigned i = 0; i < kPages; ++i) {
    sent = link.send(0, kChunksPerPage, 14, credits);
    EXPECT_EQ(sent.last, ((i + 1) * 896 + 47) / 48 * kFlit + kLatency) << "page " << i;
    EXPECT_EQ(sent.first, (i * 896 + 14 + 47) / 48 * kFlit + kLatency) << "page " << i;
  }
  const double measured = static_cast<double>(link.flits()) / kPages, expected = 64.0 * 14 / 48;
  std::printf("flits per page: expected %.4f measured %.4f deviation %.4f\n", expected, measured,
              measured - expected);
  EXPECT_EQ(link.flits(), kPages * 56 / 3);
}

TEST(Link, OneCallWithManyMessagesIsTheSameAsManyCalls) {
  for (const unsigned granules : {1u, 3u, 14u, 47u, 48u, 49u, 97u}) {
    LinkDirection once(kFlit, kLatency), each(kFlit, kLatency);
    Credits a(kPlenty), b(kPlenty);
    once.send(5, 1, 7, a), each.send(5, 1, 7, b);
    const LinkDirection::Sent sent = once.send(6, 20, granules, a);
    for (unsigned i = 0; i < 20; ++i) {
      const LinkDirection::Sent one = each.send(6, 1, granules, b);
      if (i == 0) {
        EXPECT_EQ(sent.first, one.first);
      }
      if (i == 19) {
        EXPECT_EQ(sent.last, one.last);
      }
    }
    EXPECT_EQ(once.flits(), each.flits());
    for (TimePs t = 0; t < 200 * kFlit; t += kFlit / 2) EXPECT_EQ(a.free(t), b.free(t)) << granules;
  }
}

TEST(Link, CreditsAreBackOneFlitAndOneLatencyAfterArrival) {
  LinkDirection link(kFlit, kLatency);
  Credits credits(6);
  const TimePs arrival = link.send(0, 2, 3, credits).last;
  const TimePs back = arrival + kFlit + kLatency;
  EXPECT_EQ(credits.free(back - 1), 0u);
  EXPECT_EQ(credits.when(100, 3), back);
  EXPECT_EQ(credits.when(100, 6), back);
  EXPECT_EQ(credits.when(100, 7), kNever);
  EXPECT_EQ(credits.when(back + 5, 6), back + 5);
  EXPECT_EQ(credits.free(back), 6u);
}

TEST(Link, AFullBufferOfCreditsIsEnoughForMessagesOfAnySize) {
  LinkDirection link(kFlit, kLatency);
  Credits credits(28);
  EXPECT_EQ(credits.when(0, 28), 0u);
  link.send(0, 2, 14, credits);
  EXPECT_GT(credits.when(0, 14), 0u);
}

// --- The classes of a channel ---

TEST(LinkClasses, ReadsWaitForArCreditsToThePicosecond) {
  Config c = small_channel();
  c.link.ar_credits = 6;
  ChannelHost h(c);
  const std::uint64_t first = h.read(0, page(0), 1, 1), second = h.read(0, page(1), 1, 2);
  const std::uint64_t third = h.read(0, page(2), 1, 3);
  h.run();
  EXPECT_EQ(h.at(first), cold_read(c, 1));
  EXPECT_EQ(h.at(second), cold_read(c, 1)) << "both share a flit each way";
  EXPECT_EQ(h.at(third), 2 * (flit(c) + c.link.latency) + cold_read(c, 1));
}

TEST(LinkClasses, WritesWithoutCreditsDoNotHoldUpReads) {
  Config c = small_channel();
  c.link.w_credits = 14;
  ChannelHost h(c);
  h.write(0, page(0), 64, 1);
  const std::uint64_t read = h.read(ns(300), page(1), 1, 2);
  h.run();
  // At most one flit with a W is in the way.
  EXPECT_GE(h.at(read), ns(300) + cold_read(c, 1));
  EXPECT_LE(h.at(read), ns(300) + cold_read(c, 1) + flit(c));
}

TEST(LinkClasses, ReadsWithoutCreditsDoNotHoldUpWrites) {
  Config c = small_channel();
  c.link.ar_credits = 3;
  ChannelHost h(c);
  for (unsigned i = 0; i < 100; ++i) h.read(0, page(2), 1, i);
  const std::uint64_t write = h.offer(ns(30), true, 0, 1, 1, user::scratchpad());
  h.run();
  const TimePs expected = ns(30) + write_lookup(c, 1) + c.timing.tSCRATCHPAD + flit(c) + c.link.latency;
  EXPECT_GE(h.at(write), expected);
  EXPECT_LE(h.at(write), expected + 2 * flit(c)) << "a flit with an AR, and one with an R";
}

TEST(LinkClasses, ResponsesWithoutCreditsDoNotHoldUpB) {
  Config c = small_channel();
  c.link.r_credits = 14;
  ChannelHost h(c);
  // One beat per credit loop of 2 x (flit + latency): the page takes more than 1.5 us to leave.
  const std::uint64_t slow = h.read(0, page(0), 64, 1);
  const TimePs begun = cold_read(c, 1) + ns(200);
  const std::uint64_t write = h.offer(begun, true, 0, 1, 1, user::scratchpad());
  h.run();
  EXPECT_GE(h.at(slow), cold_read(c, 1) + 63 * 2 * (flit(c) + c.link.latency));
  EXPECT_LE(h.at(slow), cold_read(c, 1) + 63 * 2 * (flit(c) + c.link.latency) + flit(c)) << "the flit with B";
  const TimePs expected = begun + write_lookup(c, 1) + c.timing.tSCRATCHPAD + flit(c) + c.link.latency;
  EXPECT_LE(h.at(write), expected + flit(c));
}

TEST(LinkClasses, ReadsGoBeforeWritesAtOneInstant) {
  const Config c = small_channel();
  ChannelHost h(c);
  h.write(0, page(0), 64, 1);
  const std::uint64_t read = h.read(0, page(1), 1, 1);
  h.run();
  EXPECT_EQ(h.at(read), cold_read(c, 1));
}

TEST(LinkClasses, AReadDoesNotOvertakeAWriteOfItsChunkNorTheOtherWayRound) {
  Config c = small_channel();
  c.link.w_credits = 14;
  ChannelHost h(c, false);
  h.channel.media().mark_programmed(page(0), kPageBytes);
  const std::uint64_t before = h.read(0, page(0) + 64, 1, 1);
  const std::uint64_t write = h.write(0, page(0), 64, 1, 0x55);
  const std::uint64_t after = h.read(0, page(0) + 64, 1, 2);
  h.run();
  EXPECT_EQ(h.status(before), 0u);
  EXPECT_EQ(h.byte(before), 0xff) << "programmed without data";
  EXPECT_EQ(h.status(write), 0u);
  EXPECT_EQ(h.status(after), 0u) << "from the gather buffer";
  EXPECT_EQ(h.byte(after), 0x55);
}

TEST(LinkClasses, CreditsThatHoldNoMessageAreAnErrorWithTheAcceptedValues) {
  Config c = small_channel();
  c.link.r_credits = 13;
  try {
    Channel channel(c, 0);
    FAIL() << "accepted";
  } catch (const std::exception& e) {
    EXPECT_NE(std::string(e.what()).find("link.r_credits = 13"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("accepted"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace memwall::hbf
