// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Two endpoints, two wires, two source memories and two inboxes, run by a small event loop without SystemC.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

#include "link/endpoint.h"
#include "link/wire_faults.h"

namespace memwall::link::testing_support {

struct Side {
  explicit Side(const Config& config, const char* name)
      : endpoint(config), faults(config, name), inbox(config.inbox_bytes) {}

  Endpoint endpoint;
  WireFaults faults;
  std::vector<unsigned char> memory;  // source addresses index this
  std::vector<unsigned char> inbox;
  std::map<unsigned, unsigned> signals;  // count per signal
  std::vector<std::pair<TimePs, unsigned>> signal_log;
  std::deque<std::pair<TimePs, WireFlit>> wire;  // on their way to this side
  TimePs memory_latency = 0;                     // of a source read
  TimePs delivery_time = 0;                      // to land a delivery
  TimePs line_free = 0;
  TimePs landed = 0;
  bool landing = false;
  Endpoint::Delivery delivery;
  bool down = false;
  TimePs down_at = 0;
};

class Pair {
 public:
  explicit Pair(const Config& config) : Pair(config, config) {}
  Pair(const Config& config_a, const Config& config_b) : a(config_a, "a"), b(config_b, "b") {}

  Side a;
  Side b;
  TimePs now = 0;

  void bring_up() {
    a.endpoint.enable(true, now);
    b.endpoint.enable(true, now);
    run(now + 5 * kPsPerUs);
  }
  /// Lets everything happen that happens up to and including `end`.
  void run(TimePs end) {
    while (now <= end) {
      const TimePs next = std::min(step(a, b), step(b, a));
      // A step may have made the other side's next event earlier, so look again before time moves.
      const TimePs again = std::min(step(a, b), step(b, a));
      const TimePs to = std::min(next, again);
      if (to > end) break;
      now = std::max(now, to);
    }
    now = end;
  }

 private:
  TimePs step(Side& side, Side& peer) {
    while (!side.wire.empty() && side.wire.front().first <= now) {
      const WireFlit flit = side.wire.front().second;
      side.wire.pop_front();
      side.endpoint.receive(now, flit.data(), flit.size());
    }
    for (;;) {
      if (side.landing) {
        if (side.landed > now) break;
        std::copy(side.delivery.data.begin(), side.delivery.data.end(),
                  side.inbox.begin() + side.delivery.offset);
        if (side.delivery.last) {
          ++side.signals[side.delivery.signal];
          side.signal_log.emplace_back(now, side.delivery.signal);
        }
        side.endpoint.delivered(side.delivery, now);
        side.landing = false;
      }
      const auto delivery = side.endpoint.next_delivery();
      if (!delivery) break;
      side.delivery = *delivery;
      side.landing = true;
      side.landed = now + side.delivery_time;
    }
    TimePs next = side.landing ? side.landed : kNever;
    while (const auto fetch = side.endpoint.next_fetch(now)) {
      if (fetch->address + fetch->bytes > side.memory.size()) {
        side.endpoint.fetch_failed(*fetch);
      } else {
        side.endpoint.supply(*fetch, side.memory.data() + fetch->address, now + side.memory_latency);
      }
    }
    if (side.line_free <= now) {
      TimePs wake = kNever;
      if (auto flit = side.endpoint.transmit(now, wake)) {
        const Config& config = side.endpoint.config();
        side.line_free = now + config.flit_time();
        if (side.faults.apply(now, *flit)) peer.wire.emplace_back(side.line_free + config.latency, *flit);
        next = std::min(next, side.line_free);
      } else {
        next = std::min(next, wake);
      }
    } else {
      next = std::min(next, side.line_free);
    }
    if (side.endpoint.take_events().went_down) {
      side.down = true;
      side.down_at = now;
    }
    if (!side.wire.empty()) next = std::min(next, side.wire.front().first);
    if (!peer.wire.empty()) next = std::min(next, peer.wire.front().first);
    return next;
  }
};

/// 256 B flits at 256 GB/s: 1 ns per flit, 240 B payload; 10 ns latency.
inline Config test_config() {
  Config config;
  config.inbox_bytes = 2 << 20;
  return config;
}

inline std::vector<unsigned char> pattern(std::size_t bytes, std::uint64_t seed) {
  Rng rng(seed, "pattern");
  std::vector<unsigned char> data(bytes);
  for (unsigned char& byte : data) byte = static_cast<unsigned char>(rng.next() >> 32);
  return data;
}

inline constexpr TimePs ns(std::uint64_t n) { return n * kPsPerNs; }

/// Time from post to signal of one message on an idle link; 0 if it never arrives.
inline TimePs message_time(const Config& config, std::uint32_t length) {
  Pair pair(config);
  pair.bring_up();
  pair.a.memory = pattern(length, 1);
  const TimePs begin = pair.now;
  pair.a.endpoint.post({0, 0, length, 0}, begin);
  pair.run(begin + 100 * kPsPerMs);
  return pair.b.signal_log.empty() ? 0 : pair.b.signal_log[0].first - begin;
}

}  // namespace memwall::link::testing_support
