// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Every gate from both sides.
#include <gtest/gtest.h>

#include "pair.h"

namespace memwall::link {
namespace {
using namespace testing_support;

TEST(LinkTiming, OneFlitTakesItsTimeOnTheWirePlusTheLatency) {
  EXPECT_EQ(message_time(test_config(), 32), ns(1 + 10));
  EXPECT_EQ(message_time(test_config(), 224), ns(1 + 10));
  EXPECT_EQ(message_time(test_config(), 256), ns(2 + 10));  // the payload of a flit is 240 B
}

TEST(LinkTiming, MessageDoesNotLeaveBeforeItsStart) {
  Pair pair(test_config());
  pair.bring_up();
  pair.a.memory = pattern(32, 1);
  const TimePs start = pair.now + ns(77);
  pair.a.endpoint.post({0, 0, 32, 0}, start);
  pair.run(start + ns(100));
  ASSERT_EQ(pair.b.signal_log.size(), 1u);
  EXPECT_EQ(pair.b.signal_log[0].first, start + ns(11));
}

TEST(LinkTiming, FirstFlitWaitsForTheSourceMemory) {
  Pair pair(test_config());
  pair.bring_up();
  pair.a.memory = pattern(32, 1);
  pair.a.memory_latency = ns(33);
  const TimePs begin = pair.now;
  pair.a.endpoint.post({0, 0, 32, 0}, begin);
  pair.run(begin + ns(1000));
  ASSERT_EQ(pair.b.signal_log.size(), 1u);
  EXPECT_EQ(pair.b.signal_log[0].first, begin + ns(33 + 11));
}

TEST(LinkTiming, AcknowledgementOfAMessageReturnsAtOnce) {
  for (const TimePs early : {TimePs{1}, TimePs{0}}) {
    Pair pair(test_config());
    pair.bring_up();
    pair.a.memory = pattern(32, 1);
    const TimePs begin = pair.now;
    pair.a.endpoint.post({0, 0, 32, 0}, begin);
    pair.run(begin + ns(2 * 11) - early);
    EXPECT_EQ(pair.a.endpoint.counters().messages_acked, early == 0 ? 1u : 0u);
  }
}

TEST(LinkTiming, SenderWithoutCreditWaitsForTheReturnOfOne) {
  Config config = test_config();
  config.receive_buffer_flits = 1;
  config.ack_every_flits = 1;
  // Second flit: credit back at 22 ns, 11 ns for the flit itself.
  EXPECT_EQ(message_time(config, 224), ns(11));
  EXPECT_EQ(message_time(config, 256), ns(22 + 11));
}

TEST(LinkTiming, SenderWithAFullReplayWindowWaitsForAnAcknowledgement) {
  Config config = test_config();
  config.replay_window_flits = 1;
  config.ack_every_flits = 1;
  EXPECT_EQ(message_time(config, 224), ns(11));
  EXPECT_EQ(message_time(config, 256), ns(22 + 11));
}

TEST(LinkTiming, AcknowledgementWaitsForItsDelayAndNoLonger) {
  // Three flits of a long message, then the source dries up: nothing but the delay returns the
  // acknowledgement.
  for (const TimePs early : {TimePs{1}, TimePs{0}}) {
    Config config = test_config();
    config.fetch_bytes = 480;
    Pair pair(config);
    pair.bring_up();
    pair.b.delivery_time = ns(5000);  // no credits come back either
    pair.a.memory = pattern(480, 1);
    const TimePs begin = pair.now;
    pair.a.endpoint.post({0, 0, 4800, 0}, begin);
    const auto first = pair.a.endpoint.next_fetch(begin);
    ASSERT_TRUE(first);
    pair.a.endpoint.supply(*first, pair.a.memory.data(), begin);
    const auto second = pair.a.endpoint.next_fetch(begin);  // never answered
    ASSERT_TRUE(second);
    // First flit accepted at 11 ns, acknowledged 20 ns later, back after another 11.
    pair.run(begin + ns(11 + 20 + 11) - early);
    const auto sent = pair.b.endpoint.counters().flits_sent;
    EXPECT_EQ(pair.a.endpoint.counters().flits_received, early == 0 ? sent : sent - 1);
  }
}

TEST(LinkTiming, ReplayStartsExactlyAtTheTimeOut) {
  for (const TimePs early : {TimePs{1}, TimePs{0}}) {
    Pair pair(test_config());
    pair.bring_up();
    pair.a.memory = pattern(32, 1);
    pair.a.faults.lose_next(1);
    const TimePs begin = pair.now;
    pair.a.endpoint.post({0, 0, 32, 0}, begin);
    pair.run(begin + ns(1000) - early);
    EXPECT_EQ(pair.a.endpoint.counters().replays, early == 0 ? 1u : 0u);
  }
}

}  // namespace
}  // namespace memwall::link
