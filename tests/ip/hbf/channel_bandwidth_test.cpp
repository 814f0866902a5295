// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Sustained bandwidth of one channel against closed formulas: 25 planes at 1 us behind a grade 2 link, as in
// hbf_slc_1us.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/rng.h"
#include "hbf/channel.h"

namespace memwall::hbf {
namespace {

TimePs ns(std::uint64_t n) { return n * kPsPerNs; }

Config slc() {
  Config c;
  c.channels = 1;
  c.blocks_per_plane = 16;
  c.capacity_bytes = std::uint64_t{15} * 25 * 256 * kPageBytes;
  c.mocs_code = 13;
  c.functional = false;
  return c;
}

void check(const std::string& what, double expected, double measured, double low, double high) {
  std::printf("%-44s expected %9.3f measured %9.3f GB/s deviation %+7.3f %%\n", what.c_str(), expected,
              measured, 100 * (measured / expected - 1));
  EXPECT_GE(measured, expected * (1 + low)) << what;
  EXPECT_LE(measured, expected * (1 + high)) << what;
}

double gbytes_per_s(double bytes, TimePs time) { return bytes / static_cast<double>(time) * 1000; }

double stream(const Config& config, unsigned window, std::uint64_t pages) {
  Channel channel(config, 0);
  channel.management().enable_now(0);
  channel.media().mark_programmed(0, config.channel_bytes());
  Stream s;
  s.pages = pages;
  s.window = window;
  channel.submit(0, s);
  std::vector<Response> responses;
  std::vector<Notice> notices;
  channel.advance(TimePs{1} << 60, responses, notices);
  return gbytes_per_s(static_cast<double>(pages * kPageBytes), responses.at(0).at);
}

/// `n` commands, `window` of them outstanding.
template <class Next>
TimePs closed_loop(Channel& channel, unsigned window, unsigned n, const Next& next) {
  std::vector<Response> responses;
  std::vector<Notice> notices;
  unsigned offered = 0, answered = 0;
  while (answered < n) {
    while (offered < n && offered - answered < window) {
      Command c = next(offered);
      c.id = static_cast<std::uint16_t>(offered++ & 0x3fffu);
      channel.submit(channel.now(), c);
    }
    responses.clear();
    channel.advance(channel.next_event(), responses, notices);
    for (const Response& r : responses) EXPECT_EQ(r.status(), 0u);
    answered += static_cast<unsigned>(responses.size());
  }
  return channel.now();
}

double random_reads(const Config& config, unsigned bytes, unsigned window, unsigned n) {
  Channel channel(config, 0);
  channel.management().enable_now(0);
  channel.media().mark_programmed(0, config.channel_bytes());
  Rng rng(1, "random reads");
  const TimePs time = closed_loop(channel, window, n, [&](unsigned) {
    Command c;
    c.len = static_cast<std::uint8_t>(bytes / kChunkBytes - 1);
    c.address = rng.below(config.channel_bytes() / bytes) * bytes;
    return c;
  });
  return gbytes_per_s(static_cast<double>(n) * bytes, time);
}

TEST(Bandwidth, OfAStreamIsItsWindowPerColdReadUntilThePlanesAreBusy) {
  const Config c = slc();
  const double cold = 1165e3;
  for (const unsigned window : {1u, 5u, 25u}) {
    check("stream, window " + std::to_string(window) + ": window x page / cold read",
          gbytes_per_s(window * 4096.0, ns(1165)), stream(c, window, 20000), -0.001, 0.001);
  }
  const double array = 25 * 4096.0 / 1e6 * 1000;
  for (const unsigned window : {32u, 50u, 100u}) {
    const double expected = std::min(array, window * 4096.0 / cold * 1000);
    check("stream, window " + std::to_string(window) + ": planes x page / tR", expected,
          stream(c, window, 96000), -0.05, 0.0);
  }
}

TEST(Bandwidth, OfAStreamIsTheLinksIfThatIsLess) {
  Config c = slc();
  c.timing.tR = ns(500);
  for (const unsigned grade : {1u, 2u, 3u}) {
    c.link.grade = grade;
    const double array = 25 * 4096.0 / 500e3 * 1000;
    const double link = 48.0 / 14 * 64 / (8.0 / (1u << grade));
    check("stream at 500 ns, grade " + std::to_string(grade) + (array < link ? ": planes" : ": link"),
          std::min(array, link), stream(c, 100, 96000), -0.05, 0.0001);
  }
}

TEST(Bandwidth, OfRandomPagesReaches90PercentOfThePlanesWithEnoughOutstanding) {
  const Config c = slc();
  check("random 4 KiB, 800 outstanding: planes x page / tR", 25 * 4096.0 / 1e6 * 1000,
        random_reads(c, 4096, 800, 40000), -0.1, 0.0);
}

TEST(Bandwidth, OfRandomChunksIsA64thOfThat) {
  const Config c = slc();
  check("random 64 B, 800 outstanding: planes x 64 B / tR", 25 * 64.0 / 1e6 * 1000,
        random_reads(c, 64, 800, 40000), -0.1, 0.0);
}

TEST(Bandwidth, OfWritesIsThatOfReadsTimesTrByTprog) {
  const Config config = slc();
  Channel channel(config, 0);
  channel.management().enable_now(0);
  // Page 0 of a row of blocks is there, so nothing is erased.
  channel.media().mark_programmed(0, 25 * kPageBytes);
  const unsigned pages = 25 * 200;
  const TimePs time = closed_loop(channel, 60, pages, [&](unsigned i) {
    Command x;
    x.is_write = true;
    x.len = kChunksPerPage - 1;
    x.address = (25 + i) * kPageBytes;
    return x;
  });
  check("sequential write: planes x page / tPROG", 25 * 4096.0 / 75e6 * 1000,
        gbytes_per_s(pages * 4096.0, time), -0.05, 0.0);
}

}  // namespace
}  // namespace memwall::hbf
