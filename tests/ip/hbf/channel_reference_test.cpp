// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The channel against a second model that was written from the rules alone: every response of random
// traffic, to the picosecond and to the byte.
#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "common/rng.h"
#include "hbf/channel.h"
#include "ip/hbf/channel_reference.h"

namespace memwall::hbf {
namespace {

using testing_support::ChannelReference;

TimePs ns(std::uint64_t n) { return n * kPsPerNs; }

std::uint8_t filling(std::uint64_t dlu, std::uint64_t byte) {
  return static_cast<std::uint8_t>(dlu * 37 + byte * 11 + byte / 64);
}

class Traffic {
 public:
  explicit Traffic(std::uint64_t seed) : rng_(seed, "hbf.traffic"), config_(draw_config()) {
    for (unsigned lane = 0; lane < config_.lanes_per_channel(); ++lane) {
      for (std::uint64_t row = 0; row < config_.rows(); ++row) {
        loaded_.push_back(static_cast<unsigned>(pick(config_.pages_per_block + 1)));
        frontier_.push_back(loaded_.back());
      }
    }
    const unsigned groups = 30 + static_cast<unsigned>(pick(60));
    const TimePs span = ns(200 + pick(20000));
    for (unsigned i = 0; i < groups; ++i) add_group(pick(span));
    if (pick(3) == 0) draw_throttle(span);
  }

  const Config& config() const { return config_; }
  const std::vector<ChannelReference::Ask>& asks() const { return asks_; }
  const std::vector<ChannelReference::Throttle>& throttle() const { return throttle_; }
  unsigned loaded(unsigned lane, std::uint64_t row) const { return loaded_[lane * config_.rows() + row]; }

 private:
  std::uint64_t pick(std::uint64_t n) { return rng_.below(n); }
  bool chance(unsigned percent) { return pick(100) < percent; }

  Config draw_config() {
    Config c;
    c.name = "random";
    c.channels = 1;
    c.ports_per_channel = 1u << pick(3);
    c.dies_per_channel = 1 + static_cast<unsigned>(pick(2));
    c.planes_per_die = 1 + static_cast<unsigned>(pick(3));
    c.pages_per_block = 4 * (1 + static_cast<unsigned>(pick(2)));
    const std::uint64_t rows = 1 + pick(3);
    c.blocks_per_plane = static_cast<unsigned>(rows + 1);
    c.capacity_bytes = rows * c.lanes_per_channel() * c.pages_per_block * kPageBytes;
    c.scratchpad_bytes = 16384;
    c.mocs_code = chance(20) ? 0 : 7;
    c.open_dlus = 1 + static_cast<unsigned>(pick(5));
    c.burst_reads = !chance(15);
    c.burst_writes = !chance(15);
    c.link.grade = 1 + static_cast<unsigned>(pick(3));
    c.link.latency = ns(pick(20)) + pick(3) * 333;
    if (chance(40)) {
      c.link.ar_credits = 3 * (1 + static_cast<unsigned>(pick(8)));
      c.link.w_credits = 14 * (1 + static_cast<unsigned>(pick(100)));
      c.link.r_credits = 14 * (1 + static_cast<unsigned>(pick(100)));
      c.link.b_credits = 1 + static_cast<unsigned>(pick(4));
    }
    Timing& t = c.timing;
    t.tR = ns(pick(1500));
    t.tPROG = ns(pick(4000));
    t.tBERS = ns(pick(8000));
    t.tECC = ns(pick(2) * pick(300));
    t.tRETRY = ns(100 + pick(1500));
    t.tBASE = ns(pick(8));
    t.tGATHER = ns(300 + pick(4000));
    t.tACCUMULATE = chance(50) ? 0 : ns(1 + pick(800));
    t.tSCRATCHPAD = ns(pick(30));
    c.thermal.light_factor = 1 + static_cast<double>(pick(20)) / 7;
    if (chance(30)) c.readings.batch = Readings::Batch::kImmediate;
    if (chance(50)) c.readings.severe_in_flight = Readings::SevereInFlight::kBlocked;
    return c;
  }

  void draw_throttle(TimePs span) {
    TimePs at = 0;
    while (at < 2 * span) {
      at += 1 + pick(span / 2 + 1);
      throttle_.push_back({at, chance(50), chance(30)});
    }
    throttle_.push_back({at + 1, false, false});
  }

  ChannelReference::Ask& add(TimePs at, bool is_write, unsigned packet, std::uint64_t address,
                             unsigned beats) {
    asks_.emplace_back();
    ChannelReference::Ask& ask = asks_.back();
    ask.at = at;
    ask.c.cookie = asks_.size() - 1;
    ask.c.is_write = is_write;
    ask.c.user = static_cast<std::uint16_t>(packet);
    ask.c.len = static_cast<std::uint8_t>(beats - 1);
    ask.c.id = static_cast<std::uint16_t>(chance(50) ? pick(4) : pick(1u << kIdBits));
    ask.c.address = address;
    if (is_write) {
      for (unsigned i = 0; i < 64 * beats; ++i) ask.data.push_back(static_cast<std::uint8_t>(rng_.next()));
    }
    return ask;
  }

  /// A page of the channel as port and local address.
  std::uint64_t aim(std::uint64_t dlu, std::uint8_t& port) const {
    const std::uint64_t port_pages = config_.port_bytes() / kPageBytes;
    port = static_cast<std::uint8_t>(dlu / port_pages);
    return dlu % port_pages * kPageBytes;
  }

  void add_group(TimePs at) {
    const std::uint64_t kind = pick(100);
    if (kind < 45) {
      add_reads(at);
    } else if (kind < 80) {
      add_writes(at);
    } else if (kind < 92) {
      const unsigned beats = 1 + static_cast<unsigned>(pick(8));
      ChannelReference::Ask& ask = add(at, chance(50), 1, pick(60) * 64, beats);
      ask.c.port = static_cast<std::uint8_t>(pick(config_.ports_per_channel));
      if (chance(20)) ask.c.user |= 4;
    } else {
      add_nonsense(at);
    }
  }

  void add_reads(TimePs at) {
    const std::uint64_t dlu = chance(60) ? pick(std::min<std::uint64_t>(6, config_.channel_pages()))
                                         : pick(config_.channel_pages());
    std::uint8_t port = 0;
    const std::uint64_t address = aim(dlu, port);
    const unsigned n = 1 + static_cast<unsigned>(pick(6));
    for (unsigned i = 0; i < n; ++i) {
      const unsigned beats = !config_.burst_reads || chance(50) ? 1 : 1 + static_cast<unsigned>(pick(64));
      ChannelReference::Ask& ask =
          add(at + (chance(50) ? 0 : pick(ns(400))), false, 0, address + pick(65 - beats) * 64, beats);
      ask.c.port = port;
      if (chance(25)) ask.c.user |= 4;
      if (chance(10)) ask.c.user |= static_cast<std::uint16_t>(1 + pick(2)) << 6;
    }
  }

  /// All of a page or not quite, as one burst or in pieces.
  void add_writes(TimePs at) {
    const std::uint64_t block = pick(frontier_.size());
    const std::uint64_t lane = block / config_.rows(), row = block % config_.rows();
    unsigned& frontier = frontier_[block];
    unsigned page = frontier % config_.pages_per_block;
    if (chance(20)) page = static_cast<unsigned>(pick(config_.pages_per_block));
    frontier = page + 1;
    std::uint8_t port = 0;
    const std::uint64_t dlu = (row * config_.pages_per_block + page) * config_.lanes_per_channel() + lane;
    const std::uint64_t address = aim(dlu, port);
    const unsigned piece = config_.burst_writes ? 1u << (chance(60) ? 6 : pick(7)) : 1u;
    for (unsigned chunk = 0; chunk < kChunksPerPage; chunk += piece) {
      if (chance(1)) continue;
      add(at + (chance(70) ? 0 : pick(ns(600))), true, 0, address + chunk * 64, piece).c.port = port;
      if (chance(5)) add(at + pick(ns(600)), false, 0, address + chunk * 64, 1).c.port = port;
      if (chance(2)) add(at, true, 0, address + chunk * 64, 1).c.port = port;
    }
  }

  void add_nonsense(TimePs at) {
    const unsigned beats = 1 + static_cast<unsigned>(pick(chance(50) ? 4 : 256));
    ChannelReference::Ask& ask =
        add(at, chance(50), static_cast<unsigned>(chance(70) ? 0 : pick(2) * 2 + 1), 0, beats);
    ask.c.port = static_cast<std::uint8_t>(pick(config_.ports_per_channel));
    ask.c.address = chance(30)   ? config_.port_bytes() + pick(9) * 64
                    : chance(50) ? pick(config_.port_bytes())
                                 : pick(config_.port_bytes() / 64) * 64;
    if (chance(40)) ask.c.user |= static_cast<std::uint16_t>(1u << (2 + pick(7)));
  }

  Rng rng_;
  Config config_;
  std::vector<unsigned> loaded_, frontier_;
  std::vector<ChannelReference::Ask> asks_;
  std::vector<ChannelReference::Throttle> throttle_;
};

bool by_cookie(const ChannelReference::Answer& a, const ChannelReference::Answer& b) {
  return a.cookie < b.cookie;
}

struct Outcome {
  std::vector<ChannelReference::Answer> answers;
  ChannelReference::Totals totals;
};

Outcome run_channel(const Traffic& traffic) {
  const Config& config = traffic.config();
  Channel channel(config, 0);
  channel.management().enable_now(0);
  const unsigned lanes = config.lanes_per_channel();
  for (unsigned lane = 0; lane < lanes; ++lane) {
    for (std::uint64_t row = 0; row < config.rows(); ++row) {
      for (unsigned page = 0; page < traffic.loaded(lane, row); ++page) {
        const std::uint64_t dlu = (row * config.pages_per_block + page) * lanes + lane;
        std::vector<std::uint8_t> bytes;
        for (unsigned i = 0; i < kPageBytes; ++i) bytes.push_back(filling(dlu, i));
        channel.media().mark_programmed(dlu * kPageBytes, kPageBytes);
        channel.media().contents().write(dlu * kPageBytes, bytes.data(), kPageBytes);
      }
    }
  }
  std::deque<std::vector<std::uint8_t>> buffers;
  for (const ChannelReference::Ask& ask : traffic.asks()) {
    Command c = ask.c;
    buffers.push_back(ask.data);
    if (!c.is_write) buffers.back().assign(c.beats() * kChunkBytes, 0xee);
    c.data = buffers.back().data();
    channel.submit(ask.at, c);
  }
  std::vector<Response> responses;
  std::vector<Notice> notices;
  for (const ChannelReference::Throttle& t : traffic.throttle()) {
    channel.advance(t.at, responses, notices);
    channel.set_throttle(t.light, t.severe, 50);
  }
  channel.advance(TimePs{1} << 60, responses, notices);
  EXPECT_EQ(channel.in_flight(), 0u);
  Outcome out;
  TimePs before = 0;
  for (const Response& r : responses) {
    EXPECT_LE(before, r.at);
    before = r.at;
    const bool read = !r.is_write;
    out.answers.push_back({r.cookie, r.at, r.first_beat, r.status(), r.info(),
                           read ? buffers[r.cookie] : std::vector<std::uint8_t>()});
  }
  const ChannelCounters& c = channel.counters();
  const Media::Counters& m = channel.media().counters();
  out.totals = {m.senses,   c.buffer_hits, c.gather_hits, c.evictions,
                m.programs, m.erases,      c.flits_down,  c.flits_up};
  return out;
}

Outcome run_reference(const Traffic& traffic) {
  const Config& config = traffic.config();
  ChannelReference reference(config, config.timing.tACCUMULATE, config.timing.tGATHER);
  for (unsigned lane = 0; lane < config.lanes_per_channel(); ++lane) {
    for (std::uint64_t row = 0; row < config.rows(); ++row) {
      reference.preload(lane, row, traffic.loaded(lane, row), filling);
    }
  }
  Outcome out;
  out.answers = reference.run(traffic.asks(), traffic.throttle());
  out.totals = reference.totals();
  EXPECT_EQ(reference.unanswered(), 0u);
  return out;
}

class AgainstTheReference : public ::testing::TestWithParam<int> {};

/// Per test.
constexpr std::uint64_t kSeeds = 12;

TEST_P(AgainstTheReference, EveryResponseOfRandomTrafficIsTheSame) {
  std::map<unsigned, unsigned> statuses;
  for (std::uint64_t i = 0; i < kSeeds; ++i) {
    const std::uint64_t seed = static_cast<std::uint64_t>(GetParam()) * kSeeds + i;
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Traffic traffic(seed);
    Outcome measured = run_channel(traffic);
    Outcome expected = run_reference(traffic);
    std::sort(measured.answers.begin(), measured.answers.end(), by_cookie);
    std::sort(expected.answers.begin(), expected.answers.end(), by_cookie);
    ASSERT_EQ(measured.answers.size(), expected.answers.size());
    std::size_t earliest = measured.answers.size();
    for (std::size_t k = 0; k < measured.answers.size(); ++k) {
      ++statuses[measured.answers[k].status | (traffic.asks()[k].c.is_write ? 16u : 0u)];
      if (measured.answers[k] == expected.answers[k]) continue;
      if (earliest == measured.answers.size() || expected.answers[k].at < expected.answers[earliest].at) {
        earliest = k;
      }
    }
    if (earliest < measured.answers.size()) {
      const auto& m = measured.answers[earliest];
      const auto& e = expected.answers[earliest];
      const Command& c = traffic.asks()[earliest].c;
      FAIL() << (c.is_write ? "write " : "read ") << earliest << " user " << c.user << " address "
             << c.address << " beats " << c.beats() << " offered at " << traffic.asks()[earliest].at
             << ": expected at " << e.at << " first " << e.first_beat << " status " << e.status << "/"
             << e.info << ", measured at " << m.at << " first " << m.first_beat << " status " << m.status
             << "/" << m.info << (m.data == e.data ? "" : ", other data");
    }
    EXPECT_EQ(measured.totals.senses, expected.totals.senses);
    EXPECT_EQ(measured.totals.hits, expected.totals.hits);
    EXPECT_EQ(measured.totals.gather_hits, expected.totals.gather_hits);
    EXPECT_EQ(measured.totals.evictions, expected.totals.evictions);
    EXPECT_EQ(measured.totals.programs, expected.totals.programs);
    EXPECT_EQ(measured.totals.erases, expected.totals.erases);
    EXPECT_EQ(measured.totals.flits_down, expected.totals.flits_down);
    EXPECT_EQ(measured.totals.flits_up, expected.totals.flits_up);
    if (HasFailure()) return;
  }
  for (const auto& [status, n] : statuses) {
    std::printf("%s status 0x%x: %u responses\n", status < 16 ? "read " : "write", status % 16, n);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, AgainstTheReference, ::testing::Range(0, 4));

}  // namespace
}  // namespace memwall::hbf
