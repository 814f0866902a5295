// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A controller with its cube for tests without SystemC: accesses that are done when the call returns, loads
/// that keep a number of them in flight, and a memory of the chip that answers fetches after a latency.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <map>
#include <vector>

#include "common/rng.h"
#include "hbf/controller.h"
#include "hbf_test_config.h"

namespace memwall::hbf::testing_support {

class ControllerBench {
 public:
  explicit ControllerBench(const Config& config) : controller(config) {}

  struct Result {
    bool good = false;
    TimePs time = 0;
  };

  /// Starts an access now; its tag.
  std::uint64_t begin(bool is_write, std::uint64_t address, std::uint64_t bytes,
                      std::uint8_t* data = nullptr) {
    controller.submit({next_tag_, is_write, address, bytes, data});
    started_[next_tag_] = controller.now();
    take();
    return next_tag_++;
  }
  bool is_done(std::uint64_t tag) const { return results_.count(tag) != 0; }
  const Result& result(std::uint64_t tag) const { return results_.at(tag); }
  /// Advances until the access is done. Fails the test if nothing happens any more.
  Result finish(std::uint64_t tag) {
    run_until([&] { return is_done(tag); });
    return is_done(tag) ? result(tag) : Result{};
  }
  void run_until(const std::function<bool()>& there) {
    take();
    while (!there()) {
      const TimePs next = controller.next_event();
      ASSERT_NE(next, kNever) << "nothing will happen any more";
      controller.advance(next);
      take();
    }
  }
  void run_for(TimePs time) {
    const TimePs end = controller.now() + time;
    take();
    while (controller.next_event() <= end) {
      controller.advance(controller.next_event());
      take();
    }
    controller.advance(end);
    take();
  }
  /// Until nothing is to come.
  void drain() {
    take();
    while (controller.next_event() != kNever) {
      controller.advance(controller.next_event());
      take();
    }
  }

  Result read(std::uint64_t address, std::vector<std::uint8_t>& data) {
    return finish(begin(false, address, data.size(), data.data()));
  }
  Result read(std::uint64_t address, std::uint64_t bytes) { return finish(begin(false, address, bytes)); }
  Result write(std::uint64_t address, std::vector<std::uint8_t> data) {
    return finish(begin(true, address, data.size(), data.data()));
  }

  /// Keeps up to `outstanding` accesses in flight; the next comes from `next`, until it is false. How long it
  /// took.
  struct Access {
    std::uint64_t address = 0;
    std::uint64_t bytes = kPageBytes;
    bool is_write = false;
  };
  TimePs load(unsigned outstanding, const std::function<bool(Access&)>& next) {
    const TimePs begun = controller.now();
    unsigned in_flight = 0;
    bool more = true;
    while (more || in_flight != 0) {
      Access access;
      while (more && in_flight < outstanding && (more = next(access))) {
        begin(access.is_write, access.address, access.bytes);
        ++in_flight;
      }
      in_flight -= settled_;
      settled_ = 0;
      if (!more && in_flight == 0) break;
      if (in_flight < outstanding && more) continue;
      const TimePs at = controller.next_event();
      if (at == kNever) {
        ADD_FAILURE() << "nothing will happen any more";
        return 0;
      }
      controller.advance(at);
      take();
      in_flight -= settled_;
      settled_ = 0;
    }
    return controller.now() - begun;
  }

  /// Puts a table of extents (offset, bytes) at chip address 0.
  void put_table(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& extents) {
    memory.assign(std::max<std::size_t>(memory.size(), extents.size() * 16), 0);
    for (std::size_t i = 0; i < extents.size(); ++i) {
      std::memcpy(&memory[i * 16], &extents[i].first, 8);
      std::memcpy(&memory[i * 16 + 8], &extents[i].second, 8);
    }
  }

  std::vector<PageEvent> take_events() {
    std::vector<PageEvent> out;
    while (!controller.events().empty()) {
      out.push_back(controller.events().front());
      controller.pop_event();
    }
    return out;
  }

  /// For every fetch: 4 KiB and less from `memory`, beyond it a bus error.
  void take() {
    for (const Controller::Fetch& fetch : controller.take_fetches()) {
      const bool there = fetch.address + fetch.bytes <= memory.size();
      if (there && fetch.data != nullptr) std::memcpy(fetch.data, &memory[fetch.address], fetch.bytes);
      controller.fetched(controller.now() + memory_latency, fetch.id, there);
      ++fetches;
    }
    for (const Controller::Done& done : controller.take_done()) {
      results_[done.tag] = {done.good, done.at - started_[done.tag]};
      ++settled_;
    }
    causes |= controller.take_causes();
  }

  Controller controller;
  std::vector<std::uint8_t> memory;
  TimePs memory_latency = ns(100);
  std::uint64_t fetches = 0;
  std::uint32_t causes = 0;

 private:
  std::uint64_t next_tag_ = 1;
  std::map<std::uint64_t, TimePs> started_;
  std::map<std::uint64_t, Result> results_;
  unsigned settled_ = 0;
};

inline std::vector<std::uint8_t> pattern(std::size_t bytes, unsigned seed) {
  std::vector<std::uint8_t> data(bytes);
  for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<std::uint8_t>(seed + i * 7 + (i >> 8));
  return data;
}

}  // namespace memwall::hbf::testing_support
