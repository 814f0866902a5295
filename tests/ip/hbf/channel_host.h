// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A host on one channel: 2 dies x 2 planes (4 lanes), 4 pages per block, 4 rows of blocks, so 64 pages; page
/// n is in lane n % 4. Commands may be offered at any time from now on; run() takes time to its end.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <vector>

#include "hbf/channel.h"

namespace memwall::hbf::testing_support {

inline constexpr TimePs ns(std::uint64_t n) { return n * kPsPerNs; }
inline constexpr std::uint64_t page(std::uint64_t n) { return n * kPageBytes; }

inline Config small_channel() {
  Config c;
  c.name = "small";
  c.channels = 1;
  c.dies_per_channel = 2;
  c.planes_per_die = 2;
  c.pages_per_block = 4;
  c.blocks_per_plane = 6;
  c.capacity_bytes = 64 * kPageBytes;
  c.zones_per_channel = 4;
  c.scratchpad_bytes = 64 * 1024;
  c.open_dlus = 4;
  c.mocs_code = 7;
  c.timing.tPROG = ns(10000);
  c.timing.tBERS = ns(50000);
  c.timing.tGATHER = ns(20000);
  return c;
}

class ChannelHost {
 public:
  explicit ChannelHost(const Config& config = small_channel(), bool loaded = true) : channel(config, 0) {
    channel.management().enable_now(0);
    if (loaded) channel.media().mark_programmed(0, config.channel_bytes());
  }
  Channel channel;
  std::uint8_t port = 0;

  std::uint64_t offer(TimePs at, bool is_write, std::uint64_t address, unsigned beats, unsigned id,
                      std::uint16_t user, std::uint8_t fill = 0xEE) {
    std::vector<std::uint8_t>& data = buffers_.emplace_back(beats * kChunkBytes, fill);
    Command c;
    c.cookie = buffers_.size() - 1;
    c.is_write = is_write;
    c.port = port;
    c.id = static_cast<std::uint16_t>(id);
    c.len = static_cast<std::uint8_t>(beats - 1);
    c.user = user;
    c.address = address;
    c.data = data.data();
    channel.submit(at, c);
    return c.cookie;
  }
  std::uint64_t read(TimePs at, std::uint64_t address, unsigned beats, unsigned id,
                     std::uint16_t user = user::flash_read()) {
    return offer(at, false, address, beats, id, user);
  }
  std::uint64_t write(TimePs at, std::uint64_t address, unsigned beats, unsigned id, std::uint8_t fill = 1) {
    return offer(at, true, address, beats, id, user::flash_write(), fill);
  }
  /// Up to and including `to`.
  void run(TimePs to = TimePs{1} << 60) {
    std::vector<Response> fresh;
    channel.advance(to, fresh, notices);
    for (const Response& r : fresh) {
      order.push_back(r.cookie);
      answers[r.cookie] = r;
    }
  }
  TimePs at(std::uint64_t cookie) {
    EXPECT_EQ(answers.count(cookie), 1u) << "command " << cookie << " has no answer";
    return answers[cookie].at;
  }
  unsigned status(std::uint64_t cookie) {
    EXPECT_EQ(answers.count(cookie), 1u) << "command " << cookie << " has no answer";
    return answers[cookie].status();
  }
  std::uint8_t byte(std::uint64_t cookie, std::size_t i = 0) const { return buffers_[cookie][i]; }
  std::uint64_t senses() const { return channel.media().counters().senses; }

  std::map<std::uint64_t, Response> answers;
  std::vector<std::uint64_t> order;
  std::vector<Notice> notices;

 private:
  std::deque<std::vector<std::uint8_t>> buffers_;
};

// The formulas of ip/hbf/README.md.

inline TimePs flit(const Config& c) { return ns(8) / (2u << (c.link.grade - 1)); }
/// A lone AR that is offered at 0 is looked up.
inline TimePs lookup(const Config& c) { return flit(c) + c.link.latency + c.timing.tBASE; }
/// From a lone response of `beats` being ready to its last beat at the host.
inline TimePs home(const Config& c, unsigned beats) {
  return (beats * c.link.r_granules + 47) / 48 * flit(c) + c.link.latency;
}
inline TimePs cold_read(const Config& c, unsigned beats) {
  return lookup(c) + c.timing.tR + c.timing.tECC + home(c, beats);
}
/// A lone write of `beats` that is offered at 0 is looked up.
inline TimePs write_lookup(const Config& c, unsigned beats) {
  return (c.link.aw_granules + beats * c.link.w_granules + 47) / 48 * flit(c) + c.link.latency +
         c.timing.tBASE;
}

}  // namespace memwall::hbf::testing_support
