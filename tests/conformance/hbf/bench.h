// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A host on a small cube's AXI ports: 2 channels x 2 dies x 2 planes (4 lanes), blocks of 4 pages, 4
/// addressable block rows and 2 spare blocks per lane, so 64 pages per channel. DLU n of a channel is lane n
/// % 4, page n / 4 % 4, row n / 16.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "hbf/cube.h"

namespace memwall::hbf::conformance {

inline constexpr TimePs ns(std::uint64_t n) { return n * kPsPerNs; }
inline constexpr TimePs us(std::uint64_t n) { return n * kPsPerUs; }
inline constexpr std::uint64_t dlu(std::uint64_t number) { return number * kPageBytes; }
inline constexpr std::uint64_t kLanes = 4, kPages = 4, kRows = 4;

inline Config small() {
  Config c;
  c.name = "small";
  c.channels = 2;
  c.dies_per_channel = 2;
  c.planes_per_die = 2;
  c.pages_per_block = 4;
  c.blocks_per_plane = 6;
  c.capacity_bytes = 2 * kLanes * kPages * kRows * kPageBytes;
  c.zones_per_channel = 4;
  c.scratchpad_bytes = 64 * 1024;
  c.open_dlus = 4;
  c.mocs_code = 7;
  c.timing.tPROG = us(10);
  c.timing.tBERS = us(50);
  c.timing.tGATHER = us(20);
  c.read_gbytes_per_s = 1;
  return c;
}

using Bytes = std::vector<std::uint8_t>;

/// Contents that differ from chunk to chunk and with `salt`.
inline Bytes pattern(std::uint64_t bytes, unsigned salt) {
  Bytes data(bytes);
  for (std::uint64_t i = 0; i < bytes; ++i)
    data[i] = static_cast<std::uint8_t>(i * 7 + i / 64 * 13 + salt * 101 + 1);
  return data;
}
inline Bytes all_ones(std::uint64_t bytes) { return Bytes(bytes, 0xff); }

/// An address in [31:8] and an opcode.
constexpr std::uint64_t admin_address(Opcode opcode, std::uint64_t arguments = 0) {
  return static_cast<std::uint64_t>(opcode) | arguments << 8;
}

class Host {
 public:
  explicit Host(const Config& config = small(), bool enabled = true) : cube(config) {
    if (enabled) cube.enable_all();
  }
  Cube cube;
  /// Submit here; defaults of the calls below.
  unsigned channel = 0;
  std::uint8_t port = 0;

  TimePs now() const { return cube.now(); }

  /// Sends a command now; returns its cookie. Reads get a buffer, filled with 0xEE until the answer is there.
  std::uint64_t send(bool is_write, std::uint64_t address, unsigned beats, std::uint16_t user, unsigned id,
                     const Bytes& data = {}) {
    Bytes& buffer = buffers_.emplace_back(is_write ? data : Bytes(beats * kChunkBytes, 0xEE));
    buffer.resize(beats * kChunkBytes);
    Command c;
    c.cookie = buffers_.size() - 1;
    c.is_write = is_write;
    c.port = port;
    c.id = static_cast<std::uint16_t>(id);
    c.len = static_cast<std::uint8_t>(beats - 1);
    c.user = user;
    c.address = address;
    c.data = buffer.data();
    cube.submit(channel, cube.now(), c);
    return c.cookie;
  }
  std::uint64_t read(std::uint64_t address, unsigned beats, unsigned id,
                     std::uint16_t user = user::flash_read()) {
    return send(false, address, beats, user, id);
  }
  std::uint64_t write(std::uint64_t address, const Bytes& data, unsigned id,
                      std::uint16_t user = user::flash_write()) {
    return send(true, address, static_cast<unsigned>(data.size() / kChunkBytes), user, id, data);
  }
  std::uint64_t admin(bool is_write, std::uint64_t address, unsigned beats = 1, const Bytes& data = {},
                      bool mmio = false) {
    return send(is_write, address, beats, user::admin(mmio), 0x3000, data);
  }

  void run_until(TimePs to) {
    std::vector<Response> responses;
    std::vector<Notice> notices;
    cube.advance(to, responses, notices);
    for (const Response& r : responses) {
      order.push_back(r.cookie);
      answers[r.cookie] = r;
    }
  }
  void run_for(TimePs time) { run_until(cube.now() + time); }
  /// Until the cookie is answered; fails the test after 100 simulated seconds' worth of events.
  const Response& wait(std::uint64_t cookie) {
    for (unsigned i = 0; i < 1000000 && answers.count(cookie) == 0; ++i) {
      const TimePs next = cube.next_event();
      if (next == kNever) break;
      run_until(next);
    }
    EXPECT_EQ(answers.count(cookie), 1u) << "command " << cookie << " was never answered";
    return answers[cookie];
  }
  void wait_all(const std::vector<std::uint64_t>& cookies) {
    for (std::uint64_t c : cookies) wait(c);
  }
  const Bytes& data(std::uint64_t cookie) const { return buffers_[cookie]; }
  std::size_t position(std::uint64_t cookie) const {
    for (std::size_t i = 0; i < order.size(); ++i)
      if (order[i] == cookie) return i;
    return order.size();
  }

  /// One after the other: sent, answered.
  const Response& read_now(std::uint64_t address, unsigned beats = 1,
                           std::uint16_t user = user::flash_read()) {
    return wait(last = read(address, beats, 1, user));
  }
  const Response& write_now(std::uint64_t address, const Bytes& data) {
    return wait(last = write(address, data, 2));
  }
  const Response& admin_now(bool is_write, std::uint64_t address, unsigned beats = 1, const Bytes& data = {},
                            bool mmio = false) {
    return wait(last = admin(is_write, address, beats, data, mmio));
  }
  std::uint64_t last = 0;
  /// Programs page `n` of the channel with pattern(4096, salt); expects status 0.
  void program(std::uint64_t n, unsigned salt) {
    const Response& r = write_now(dlu(n), pattern(kPageBytes, salt));
    EXPECT_EQ(r.status(), 0u) << "page " << n;
  }
  /// Contents that were there before, without time.
  void preload(std::uint64_t n, unsigned salt) {
    const Bytes bytes = pattern(kPageBytes, salt);
    Media& media = cube.channel(channel).media();
    media.mark_programmed(dlu(n), kPageBytes);
    media.contents().write(dlu(n), bytes.data(), bytes.size());
  }
  std::uint64_t senses() const { return cube.channel(channel).media().counters().senses; }

  /// Registers, by the sideband.
  std::uint32_t reg(Space space, std::uint32_t offset) {
    std::uint32_t value = 0;
    EXPECT_TRUE(cube.sideband_read(channel, space, offset, value)) << "offset " << offset;
    return value;
  }
  void set_reg(Space space, std::uint32_t offset, std::uint32_t value) {
    EXPECT_TRUE(cube.sideband_write(channel, space, offset, value)) << "offset " << offset;
  }
  void set_feature(Feature feature, std::uint64_t value) {
    Bytes beat(kChunkBytes, 0);
    for (unsigned i = 0; i < 8; ++i) beat[i] = static_cast<std::uint8_t>(value >> 8 * i);
    EXPECT_EQ(
        admin_now(true, admin_address(Opcode::kSetFeature, static_cast<std::uint32_t>(feature)), 1, beat)
            .status(),
        0u);
  }
  std::uint64_t feature(Feature f) {
    EXPECT_EQ(admin_now(false, admin_address(Opcode::kGetFeature, static_cast<std::uint32_t>(f))).status(),
              0u);
    std::uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i) value |= std::uint64_t{data(last)[i]} << 8 * i;
    return value;
  }
  void inject(std::uint64_t n, FaultKind kind, unsigned stages = 1, unsigned info = 0) {
    Fault fault;
    fault.channel = channel;
    fault.address = dlu(n);
    fault.kind = kind;
    fault.stages = stages;
    fault.info = info;
    cube.inject(fault);
  }

  std::vector<std::uint64_t> order;  ///< cookies as they were answered
  std::map<std::uint64_t, Response> answers;

 private:
  std::deque<Bytes> buffers_;
};

/// Registers of MMIO space that the tests use (specification 5.9.2).
namespace mmio {
inline constexpr std::uint32_t kBuccap = 0x000, kVs = 0x008, kBucc = 0x00C, kBucsts = 0x010, kBucr = 0x014,
                               kTmon = 0x018, kTmr = 0x100, kLockout = 0x140, kMaxPec = 0x144,
                               kAvgPec = 0x148, kRedCap = 0x14C, kTtTemp = 0x150, kFiosz = 0x03C,
                               kSmemsz = 0x024;
}
/// A TMR word: value in [31:8], unit code 0 (ns).
constexpr std::uint32_t timer_ns(std::uint32_t value) { return value << 8; }

/// Idle cold read of `beats` beats: AR flit, way, lookup, sense, decode, R flits, way (README "The rules of
/// time").
inline TimePs cold_read(const Config& c, unsigned beats) {
  const TimePs flit = c.link.flit_time();
  const unsigned flits = (beats * c.link.r_granules + 47) / 48;
  return flit + c.link.latency + c.timing.tBASE + c.timing.tR + c.timing.tECC + flits * flit + c.link.latency;
}
inline TimePs hit_read(const Config& c, unsigned beats) {
  return cold_read(c, beats) - c.timing.tR - c.timing.tECC;
}

}  // namespace memwall::hbf::conformance
