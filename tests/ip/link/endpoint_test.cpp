// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>

#include "common/error.h"
#include "pair.h"

namespace memwall::link {
namespace {
using namespace testing_support;

TEST(LinkFlit, CrcIsTheIeeeOne) {
  const char* text = "123456789";
  EXPECT_EQ(crc32(reinterpret_cast<const unsigned char*>(text), 9), 0xcbf43926u);
  EXPECT_EQ(crc32(nullptr, 0), 0u);
}

TEST(LinkFlit, EveryFieldSurvivesTheWire) {
  Flit flit;
  flit.type = FlitType::kData;
  flit.last = true;
  flit.signal = 21;
  flit.sequence = 0xfedc;
  flit.ack = 0x1234;
  flit.credit_limit = 0x8001;
  flit.offset = 0xdeadbee0;
  flit.payload = pattern(224, 1);
  const WireFlit wire = encode(flit, 256);
  ASSERT_EQ(wire.size(), 256u);
  Flit got;
  ASSERT_TRUE(decode(wire.data(), wire.size(), 256, got));
  EXPECT_EQ(got.type, flit.type);
  EXPECT_EQ(got.last, flit.last);
  EXPECT_EQ(got.signal, flit.signal);
  EXPECT_EQ(got.sequence, flit.sequence);
  EXPECT_EQ(got.ack, flit.ack);
  EXPECT_EQ(got.credit_limit, flit.credit_limit);
  EXPECT_EQ(got.offset, flit.offset);
  EXPECT_EQ(got.payload, flit.payload);
}

TEST(LinkFlit, EverySingleBitErrorIsDetected) {
  Flit flit;
  flit.type = FlitType::kData;
  flit.payload = pattern(240, 2);
  WireFlit wire = encode(flit, 256);
  Flit got;
  for (std::size_t bit = 0; bit < 256 * 8; ++bit) {
    wire[bit / 8] ^= static_cast<unsigned char>(1u << (bit % 8));
    EXPECT_FALSE(decode(wire.data(), wire.size(), 256, got)) << bit;
    wire[bit / 8] ^= static_cast<unsigned char>(1u << (bit % 8));
  }
  EXPECT_TRUE(decode(wire.data(), wire.size(), 256, got));
  EXPECT_FALSE(decode(wire.data(), 255, 256, got));
}

TEST(LinkFlit, LengthBeyondThePayloadIsRefusedInSpiteOfAGoodCrc) {
  WireFlit wire(256);
  wire[1] = 16;  // 256 B in a payload of 240
  const std::uint32_t crc = crc32(wire.data(), 252);
  std::memcpy(&wire[252], &crc, 4);
  Flit got;
  EXPECT_FALSE(decode(wire.data(), wire.size(), 256, got));
}

TEST(LinkConfig, ImpossibleValuesAreRefused) {
  const auto refused = [](auto change) {
    Config config;
    change(config);
    EXPECT_THROW(check(config, "test"), ConfigError);
  };
  EXPECT_NO_THROW(check(Config{}, "test"));
  refused([](Config& c) { c.flit_bytes = 16; });
  refused([](Config& c) { c.flit_bytes = 250; });
  refused([](Config& c) { c.flit_bytes = 8192; });
  refused([](Config& c) { c.gbytes_per_s = 0; });
  refused([](Config& c) { c.receive_buffer_flits = 0; });
  refused([](Config& c) { c.replay_timeout = 2 * c.latency; });
  refused([](Config& c) { c.flit_error_rate = 1.5; });
  refused([](Config& c) { c.tx_queue_messages = 0; });
}

TEST(LinkEndpoint, BothEndsComeUpAndKnowEachOther) {
  Config config_a = test_config();
  Config config_b = test_config();
  config_a.chip_id = 3;
  config_b.chip_id = 5;
  Pair pair(config_a, config_b);
  pair.bring_up();
  EXPECT_EQ(pair.a.endpoint.state(), Endpoint::State::kUp);
  EXPECT_EQ(pair.b.endpoint.state(), Endpoint::State::kUp);
  EXPECT_EQ(pair.a.endpoint.peer_chip(), 5u);
  EXPECT_EQ(pair.b.endpoint.peer_chip(), 3u);
}

TEST(LinkEndpoint, TrainingWaitsForALatePeerAndSurvivesErrors) {
  Pair pair(test_config());
  pair.a.endpoint.enable(true, 0);
  pair.run(ns(20000));
  EXPECT_EQ(pair.a.endpoint.state(), Endpoint::State::kTraining);
  pair.b.faults.corrupt_next(1);
  pair.a.faults.lose_next(2);
  pair.b.endpoint.enable(true, pair.now);
  pair.run(pair.now + ns(10000));
  EXPECT_EQ(pair.a.endpoint.state(), Endpoint::State::kUp);
  EXPECT_EQ(pair.b.endpoint.state(), Endpoint::State::kUp);
}

TEST(LinkEndpoint, PortThatIsNotUpRefusesMessages) {
  Pair pair(test_config());
  EXPECT_FALSE(pair.a.endpoint.post({0, 0, 32, 0}, 0));
  pair.a.endpoint.enable(true, 0);
  EXPECT_FALSE(pair.a.endpoint.post({0, 0, 32, 0}, 0));
  EXPECT_EQ(pair.a.endpoint.counters().messages_rejected, 2u);
}

TEST(LinkEndpoint, MessageLandsAtItsOffsetAndRaisesItsSignalOnce) {
  for (const std::uint32_t length : {32u, 224u, 256u, 480u, 960u, 4096u, 65536u, 1048576u}) {
    Pair pair(test_config());
    pair.bring_up();
    pair.a.memory = pattern(length + 64, length);
    ASSERT_TRUE(pair.a.endpoint.post({64, 4096, length, 17}, pair.now));
    pair.run(pair.now + ns(100000));
    EXPECT_TRUE(std::equal(pair.a.memory.begin() + 64, pair.a.memory.end(), pair.b.inbox.begin() + 4096))
        << length;
    EXPECT_EQ(pair.b.inbox[4095], 0);
    EXPECT_EQ(pair.b.inbox[4096 + length], 0);
    EXPECT_EQ(pair.b.signals, (std::map<unsigned, unsigned>{{17, 1}}));
    EXPECT_EQ(pair.a.endpoint.counters().messages_acked, 1u);
    EXPECT_FALSE(pair.a.endpoint.tx_busy());
    EXPECT_EQ(pair.a.endpoint.counters().replays, 0u);
  }
}

TEST(LinkEndpoint, GarbageMessagesAreRefused) {
  Config config = test_config();
  config.inbox_bytes = 65536;
  Pair pair(config);
  pair.bring_up();
  const Message good{0, 0, 32, 0};
  const auto refused = [&](auto change) {
    Message message = good;
    change(message);
    EXPECT_FALSE(pair.a.endpoint.post(message, pair.now));
  };
  refused([](Message& m) { m.length = 0; });
  refused([](Message& m) { m.length = 33; });
  refused([](Message& m) { m.length = (1 << 20) + 32; });
  refused([](Message& m) { m.offset = 1; });
  refused([](Message& m) { m.source = 16; });
  refused([](Message& m) { m.offset = 65536; });
  refused([](Message& m) { m.offset = 65536 - 32, m.length = 64; });
  refused([](Message& m) { m.offset = 0xffffffe0u, m.length = 64; });
  refused([](Message& m) { m.signal = 32; });
  EXPECT_EQ(pair.a.endpoint.counters().messages_rejected, 9u);
  EXPECT_EQ(pair.a.endpoint.tx_free(), config.tx_queue_messages);
  EXPECT_TRUE(pair.a.endpoint.post(good, pair.now));
}

TEST(LinkEndpoint, FullQueueRefusesUntilAMessageIsAcknowledged) {
  Pair pair(test_config());
  pair.bring_up();
  pair.a.memory = pattern(4096, 1);
  for (unsigned i = 0; i < 8; ++i) EXPECT_TRUE(pair.a.endpoint.post({0, 0, 4096, i}, pair.now));
  EXPECT_EQ(pair.a.endpoint.tx_free(), 0u);
  EXPECT_FALSE(pair.a.endpoint.post({0, 0, 4096, 8}, pair.now));
  pair.run(pair.now + ns(2000));
  EXPECT_EQ(pair.a.endpoint.tx_free(), 8u);
  for (unsigned i = 0; i < 8; ++i) EXPECT_EQ(pair.b.signal_log.at(i).second, i);
}

TEST(LinkEndpoint, FlitWithABitErrorIsReplayedAndDataStayIntact) {
  Pair pair(test_config());
  pair.bring_up();
  pair.a.memory = pattern(8192, 3);
  pair.a.endpoint.post({0, 0, 8192, 1}, pair.now);
  pair.run(pair.now + ns(12));
  pair.a.faults.corrupt_next(1);
  pair.run(pair.now + ns(900));  // by NAK, before any time-out
  EXPECT_EQ(pair.b.endpoint.counters().crc_errors, 1u);
  EXPECT_EQ(pair.a.endpoint.counters().replays, 1u);
  EXPECT_EQ(pair.a.endpoint.counters().timeouts, 0u);
  EXPECT_EQ(pair.b.signals[1], 1u);
  EXPECT_TRUE(std::equal(pair.a.memory.begin(), pair.a.memory.end(), pair.b.inbox.begin()));
  EXPECT_FALSE(pair.a.endpoint.tx_busy());
}

TEST(LinkEndpoint, LostLastFlitIsReplayedByTimeOut) {
  Pair pair(test_config());
  pair.bring_up();
  pair.a.memory = pattern(32, 3);
  pair.a.faults.lose_next(1);
  const TimePs begin = pair.now;
  pair.a.endpoint.post({0, 0, 32, 1}, begin);
  pair.run(begin + ns(3000));
  EXPECT_EQ(pair.a.endpoint.counters().timeouts, 1u);
  ASSERT_EQ(pair.b.signal_log.size(), 1u);
  EXPECT_EQ(pair.b.signal_log[0].first, begin + ns(1000) + ns(11));
}

TEST(LinkEndpoint, LostAcknowledgementNeverRaisesASignalTwice) {
  Pair pair(test_config());
  pair.bring_up();
  pair.a.memory = pattern(512, 3);
  pair.b.faults.lose_next(1);
  pair.a.endpoint.post({0, 0, 512, 1}, pair.now);
  pair.run(pair.now + ns(5000));
  EXPECT_EQ(pair.a.endpoint.counters().replays, 1u);
  EXPECT_EQ(pair.b.signals[1], 1u);
  EXPECT_EQ(pair.a.endpoint.counters().messages_acked, 1u);
}

TEST(LinkEndpoint, SlowReceiverStallsTheSenderByCreditsAndLosesNothing) {
  Config config = test_config();
  config.receive_buffer_flits = 8;
  Pair pair(config);
  pair.bring_up();
  pair.b.delivery_time = ns(500);
  pair.a.memory = pattern(65536, 4);
  pair.a.endpoint.post({0, 0, 65536, 2}, pair.now);
  pair.run(pair.now + ns(100000));
  EXPECT_GT(pair.a.endpoint.counters().credit_stalls, 10u);
  EXPECT_EQ(pair.b.endpoint.counters().overflows, 0u);
  EXPECT_EQ(pair.a.endpoint.counters().replays, 0u);
  EXPECT_EQ(pair.b.signals[2], 1u);
  EXPECT_TRUE(std::equal(pair.a.memory.begin(), pair.a.memory.end(), pair.b.inbox.begin()));
}

TEST(LinkEndpoint, LostCreditsAreAskedForAgain) {
  Config config = test_config();
  config.receive_buffer_flits = 2;
  Pair pair(config);
  pair.bring_up();
  pair.b.delivery_time = ns(100);
  pair.a.memory = pattern(2400, 4);
  pair.a.endpoint.post({0, 0, 2400 / 32 * 32, 2}, pair.now);
  pair.run(pair.now + ns(60));
  pair.b.faults.lose_next(4);  // the credits of the first deliveries
  pair.run(pair.now + ns(20000));
  EXPECT_EQ(pair.b.signals[2], 1u);
  EXPECT_GE(pair.a.endpoint.counters().timeouts, 1u);
}

TEST(LinkEndpoint, ReceiverThatIsOnlySlowNeverTakesThePortDown) {
  Config config = test_config();
  config.receive_buffer_flits = 4;
  config.replay_limit = 2;
  Pair pair(config);
  pair.bring_up();
  pair.b.delivery_time = 50 * kPsPerUs;  // far beyond limit x time-out
  pair.a.memory = pattern(4800, 4);
  pair.a.endpoint.post({0, 0, 4800, 2}, pair.now);
  pair.run(pair.now + 2 * kPsPerMs);
  EXPECT_FALSE(pair.a.down);
  EXPECT_EQ(pair.b.signals[2], 1u);
}

TEST(LinkEndpoint, DeadLinkGoesDownWithinTheLimit) {
  for (const unsigned limit : {0u, 1u, 16u}) {
    Pair pair(test_config());
    pair.bring_up();
    pair.a.memory = pattern(4096, 5);
    pair.a.endpoint.set_replay_limit(limit);
    pair.a.faults.die_at(pair.now);
    const TimePs begin = pair.now;
    pair.a.endpoint.post({0, 0, 4096, 2}, begin);
    pair.run(begin + ns(1000) * (limit + 1) - 1);
    EXPECT_FALSE(pair.a.down) << limit;
    pair.run(begin + ns(1000) * (limit + 1));
    EXPECT_TRUE(pair.a.down) << limit;
    EXPECT_EQ(pair.a.endpoint.state(), Endpoint::State::kDown);
    EXPECT_EQ(pair.a.endpoint.counters().replays, limit);
    EXPECT_FALSE(pair.a.endpoint.tx_busy());
    EXPECT_FALSE(pair.a.endpoint.post({0, 0, 4096, 2}, pair.now));
    EXPECT_TRUE(pair.b.signals.empty());
  }
}

TEST(LinkEndpoint, PortThatWentDownWorksAgainAfterReset) {
  Pair pair(test_config());
  pair.bring_up();
  pair.a.memory = pattern(4096, 5);
  pair.a.faults.die_at(pair.now);
  pair.a.endpoint.post({0, 0, 4096, 2}, pair.now);
  pair.run(pair.now + ns(20000));
  ASSERT_TRUE(pair.a.down);
  pair.a.faults.die_at(kNever);
  pair.a.endpoint.reset(pair.now);
  pair.run(pair.now + ns(5000));
  EXPECT_EQ(pair.a.endpoint.state(), Endpoint::State::kUp);
  ASSERT_TRUE(pair.a.endpoint.post({0, 0, 4096, 2}, pair.now));
  pair.run(pair.now + ns(2000));
  EXPECT_EQ(pair.b.signals[2], 1u);
}

TEST(LinkEndpoint, PeerThatStartsOverTakesAPortWithUnfinishedMessagesDown) {
  Pair pair(test_config());
  pair.bring_up();
  pair.a.memory = pattern(65536, 5);
  pair.a.endpoint.post({0, 0, 65536, 2}, pair.now);
  pair.run(pair.now + ns(50));
  pair.b.endpoint.reset(pair.now);
  pair.run(pair.now + ns(3000));
  EXPECT_TRUE(pair.a.down);
  EXPECT_EQ(pair.b.endpoint.state(), Endpoint::State::kTraining);
  pair.a.endpoint.reset(pair.now);
  pair.run(pair.now + ns(3000));
  EXPECT_EQ(pair.a.endpoint.state(), Endpoint::State::kUp);
  EXPECT_EQ(pair.b.endpoint.state(), Endpoint::State::kUp);
  EXPECT_TRUE(pair.b.signals.empty());
}

TEST(LinkEndpoint, PeerThatStartsOverIsFollowedWhenNothingIsLost) {
  Pair pair(test_config());
  pair.bring_up();
  pair.a.memory = pattern(4096, 5);
  for (unsigned i = 0; i < 3; ++i) {
    pair.a.endpoint.post({0, 0, 4096, 2}, pair.now);
    pair.run(pair.now + ns(2000));
    pair.b.endpoint.reset(pair.now);
    pair.run(pair.now + ns(2000));
  }
  EXPECT_FALSE(pair.a.down);
  EXPECT_EQ(pair.b.signals[2], 3u);
}

TEST(LinkEndpoint, FlitsStillInTheBufferAreNotGivenAsCreditsToAPeerThatStartsOver) {
  Config config = test_config();
  config.receive_buffer_flits = 8;
  Pair pair(config);
  pair.bring_up();
  pair.b.delivery_time = ns(1000);
  pair.a.memory = pattern(8 * 224, 8);
  pair.a.endpoint.post({0, 0, 8 * 224, 1}, pair.now);
  pair.run(pair.now + ns(60));  // all arrived and acknowledged, hardly any landed
  ASSERT_FALSE(pair.a.endpoint.tx_busy());
  pair.a.endpoint.reset(pair.now);
  pair.run(pair.now + ns(60));
  ASSERT_EQ(pair.a.endpoint.state(), Endpoint::State::kUp);
  pair.a.endpoint.post({0, 4096, 8 * 224, 2}, pair.now);
  pair.run(pair.now + ns(40000));
  EXPECT_EQ(pair.b.endpoint.counters().overflows, 0u);
  EXPECT_EQ(pair.b.signals, (std::map<unsigned, unsigned>{{1, 1}, {2, 1}}));
}

TEST(LinkEndpoint, AnswerToATrainingThatWasGivenUpIsIgnored) {
  Endpoint endpoint(test_config());
  TimePs wake = 0;
  endpoint.enable(true, 0);
  ASSERT_TRUE(endpoint.transmit(0, wake));
  endpoint.reset(0);  // second session
  Flit answer;
  answer.type = FlitType::kInit;
  answer.signal = 1;
  answer.credit_limit = 8;
  answer.offset = 1;
  const WireFlit late = encode(answer, 256);
  endpoint.receive(ns(1), late.data(), late.size());
  EXPECT_EQ(endpoint.state(), Endpoint::State::kTraining);
  answer.offset = 2;
  const WireFlit right = encode(answer, 256);
  endpoint.receive(ns(2), right.data(), right.size());
  EXPECT_EQ(endpoint.state(), Endpoint::State::kUp);
}

TEST(LinkEndpoint, TransmitEngineReadsTwoPiecesAheadAndNoMore) {
  const Config config = test_config();
  Pair pair(config);
  pair.bring_up();
  Endpoint& endpoint = pair.a.endpoint;
  endpoint.post({0, 0, 1 << 20, 0}, pair.now);
  endpoint.post({0, 0, 1 << 20, 0}, pair.now);
  std::uint32_t bytes = 0;
  while (const auto fetch = endpoint.next_fetch(pair.now)) {
    EXPECT_EQ(fetch->address, bytes);
    bytes += fetch->bytes;
  }
  EXPECT_EQ(bytes, 2 * config.fetch_bytes);
}

TEST(LinkEndpoint, UnreadableSourceDropsTheMessageAndKeepsTheOthers) {
  Pair pair(test_config());
  pair.bring_up();
  pair.a.memory = pattern(16384, 6);
  pair.a.endpoint.post({0, 0, 1024, 1}, pair.now);
  pair.a.endpoint.post({8192, 0, 65536, 2}, pair.now);  // runs off the end after 8 KiB
  pair.a.endpoint.post({0, 8192, 1024, 3}, pair.now);
  pair.run(pair.now + ns(5000));
  EXPECT_EQ(pair.b.signals, (std::map<unsigned, unsigned>{{1, 1}, {3, 1}}));
  EXPECT_EQ(pair.a.endpoint.counters().messages_rejected, 1u);
  EXPECT_EQ(pair.a.endpoint.counters().messages_acked, 2u);
  EXPECT_FALSE(pair.a.endpoint.tx_busy());
}

TEST(LinkEndpoint, SequenceNumbersWrapAround) {
  Config config = test_config();
  Pair pair(config);
  pair.bring_up();
  pair.a.memory = pattern(1 << 20, 7);
  for (unsigned i = 0; i < 40; ++i) {  // 4370 flits each
    ASSERT_TRUE(pair.a.endpoint.post({0, 0, 1 << 20, i % 32}, pair.now));
    pair.run(pair.now + ns(5000));
  }
  EXPECT_GT(pair.a.endpoint.counters().data_flits_sent, 2u * 65536);
  EXPECT_EQ(pair.a.endpoint.counters().replays, 0u);
  EXPECT_EQ(pair.a.endpoint.counters().messages_acked, 40u);
}

/// Random messages both ways over wires with errors, small buffers and slow memories.
void soak(std::uint64_t seed, double error_rate) {
  Config config = test_config();
  Rng rng(seed, "soak");
  config.seed = seed;
  config.flit_error_rate = error_rate;
  config.inbox_bytes = 1 << 16;
  config.receive_buffer_flits = 1 + static_cast<unsigned>(rng.below(64));
  config.replay_window_flits = 1 + static_cast<unsigned>(rng.below(128));
  config.flit_bytes = 32u << rng.below(4);
  config.replay_limit = 255;
  Pair pair(config);
  pair.bring_up();
  struct Direction {
    Side& from;
    Side& to;
    std::vector<unsigned char> expected;
    std::map<unsigned, unsigned> signals;
  };
  Direction directions[] = {{pair.a, pair.b, pair.b.inbox, {}}, {pair.b, pair.a, pair.a.inbox, {}}};
  for (Direction& d : directions) {
    d.from.memory = pattern(1 << 16, seed);
    d.from.memory_latency = rng.below(ns(100));
    d.from.delivery_time = rng.below(ns(100));
  }
  for (int i = 0; i < 60; ++i) {
    for (Direction& d : directions) {
      const auto length = static_cast<std::uint32_t>(32 * (1 + rng.below(200)));
      const auto offset = static_cast<std::uint32_t>(32 * rng.below((config.inbox_bytes - length) / 32));
      const std::uint64_t source = 32 * rng.below((d.from.memory.size() - length) / 32);
      const auto signal = static_cast<unsigned>(rng.below(32));
      if (!d.from.endpoint.post({source, offset, length, signal}, pair.now)) continue;
      std::copy_n(d.from.memory.begin() + source, length, d.expected.begin() + offset);
      ++d.signals[signal];
    }
    pair.run(pair.now + rng.below(ns(2000)));
  }
  pair.run(pair.now + 20 * kPsPerMs);
  for (Direction& d : directions) {
    EXPECT_FALSE(d.from.down);
    EXPECT_EQ(d.to.signals, d.signals);
    EXPECT_TRUE(d.to.inbox == d.expected);
    EXPECT_EQ(d.from.endpoint.counters().messages_acked, d.from.endpoint.counters().messages_posted);
    EXPECT_GT(d.from.endpoint.counters().messages_posted, 10u);
    EXPECT_EQ(d.to.endpoint.counters().overflows, 0u);
    EXPECT_EQ(d.to.endpoint.counters().crc_errors > 0, error_rate > 0);
  }
}

TEST(LinkEndpoint, RandomMessagesArriveEqualOverACleanWire) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    soak(seed, 0);
  }
}

TEST(LinkEndpoint, RandomMessagesArriveEqualOverABadWire) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    soak(seed, seed % 2 == 0 ? 0.01 : 0.2);
  }
}

}  // namespace
}  // namespace memwall::link
