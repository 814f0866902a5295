// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The HBF driver over the model of controller and cube: register accesses of the driver become accesses of
/// the controller's registers, each 20 ns long; when the driver waits, simulated time passes. Chip memory is
/// the test's own memory, so a chip address is a pointer. No SystemC.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/rng.h"
#include "hbf/controller.h"
#include "hbf/module_registers.h"

extern "C" {
#include "drivers/hbf_health.h"
#include "drivers/hbf_stream.h"
}

namespace memwall::test {

/// What is behind mmio_read32() and mmio_write32() of a test.
class MmioTarget {
 public:
  MmioTarget() { current() = this; }
  virtual ~MmioTarget() {
    if (current() == this) current() = nullptr;
  }
  virtual std::uint32_t read(std::uint32_t offset) = 0;
  virtual void write(std::uint32_t offset, std::uint32_t value) = 0;
  static MmioTarget*& current() {
    static MmioTarget* target = nullptr;
    return target;
  }

 protected:
  MmioTarget(const MmioTarget&) = delete;
};

/// 2 channels x 2 dies x 2 planes, blocks of 8 pages, 6 rows and one hidden spare per plane: 384 pages.
inline hbf::Config bridge_cube() {
  hbf::Config c;
  c.name = "bridge";
  c.channels = 2;
  c.dies_per_channel = 2;
  c.planes_per_die = 2;
  c.pages_per_block = 8;
  c.blocks_per_plane = 7;
  c.capacity_bytes = std::uint64_t{2} * 4 * 8 * 6 * hbf::kPageBytes;
  c.zones_per_channel = 2;
  c.mocs_code = 7;
  c.open_dlus = 32;
  c.timing.tPROG = 20 * kPsPerUs;
  c.timing.tBERS = 100 * kPsPerUs;
  c.timing.tBOOT = 200 * kPsPerUs;
  c.read_gbytes_per_s = 1;
  c.controller.prefetch_bytes = 64 * hbf::kPageBytes;
  c.controller.programs_per_channel = 16;
  c.brought_up = false;
  return c;
}

class HbfBridge : public MmioTarget {
 public:
  explicit HbfBridge(const hbf::Config& config = bridge_cube())
      : controller(config), registers_(controller) {}

  hbf::Controller controller;
  std::string console;
  /// Called once simulated time has reached the key.
  std::multimap<TimePs, std::function<void()>> at;

  TimePs now() const { return controller.now(); }

  std::uint32_t read(std::uint32_t offset) override {
    run_until(now() + kAccess);
    registers_.refresh();
    std::uint32_t value = 0;
    EXPECT_TRUE(registers_.read(offset, value)) << "offset " << offset;
    return value;
  }
  void write(std::uint32_t offset, std::uint32_t value) override {
    run_until(now() + kAccess);
    registers_.refresh();
    EXPECT_TRUE(registers_.write(offset, value)) << "offset " << offset;
    collect();
  }

  void run_until(TimePs to, bool until_interrupt = false) {
    while (now() < to) {
      collect();
      if (until_interrupt && registers_.irq()) return;
      TimePs next = std::min(to, controller.next_event());
      if (!at.empty()) next = std::min(next, at.begin()->first);
      controller.advance(std::max(next, now()));
      while (!at.empty() && at.begin()->first <= now()) {
        const auto action = at.begin()->second;
        at.erase(at.begin());
        action();
      }
    }
    collect();
  }

  hbf_os_t os() {
    hbf_os_t os{};
    os.context = this;
    os.now_us = [](void* context) { return static_cast<HbfBridge*>(context)->now() / kPsPerUs; };
    os.wait_us = [](void* context, std::uint32_t us) {
      auto* self = static_cast<HbfBridge*>(context);
      self->run_until(self->now() + us * kPsPerUs, true);
      self->clear_interrupt();
    };
    os.print = print;
    return os;
  }
  static hbf_policy_t policy() {
    hbf_policy_t policy{};
    policy.gather_us = 1000;
    policy.lockout = true;
    return policy;
  }

  /// A read by the chip.
  struct Read {
    bool good = false;
    std::vector<std::uint8_t> data;
  };
  Read demand(std::uint64_t offset, std::uint64_t bytes) {
    Read out;
    out.data.resize(bytes, 0xee);
    hbf::Controller::Request request;
    request.tag = ++tag_;
    request.address = offset;
    request.bytes = bytes;
    request.data = out.data.data();
    controller.submit(request);
    collect();
    for (unsigned i = 0; i < 1000000 && done_.count(request.tag) == 0; ++i)
      run_until(std::clamp(controller.next_event(), now() + 1, now() + kPsPerMs));
    EXPECT_EQ(done_.count(request.tag), 1u) << "read at " << offset << " is never answered";
    out.good = done_[request.tag];
    return out;
  }
  /// The page's contents without time or fault.
  std::vector<std::uint8_t> peek(std::uint64_t page) const {
    std::vector<std::uint8_t> data(hbf::kPageBytes);
    controller.debug_read(page * hbf::kPageBytes, data.data(), data.size());
    return data;
  }
  hbf::Media::BlockInfo block(hbf_block_t block) {
    return controller.cube()
        .channel(hbf_block_channel(block))
        .media()
        .block_info(now(), hbf_block_lane(block), hbf_block_row(block));
  }
  hbf::Media::Counters media() const {
    hbf::Media::Counters sum;
    for (unsigned c = 0; c < controller.config().channels; ++c) {
      const hbf::Media::Counters& m = controller.cube().channel(c).media().counters();
      sum.senses += m.senses;
      sum.programs += m.programs;
      sum.erases += m.erases;
      sum.program_fails += m.program_fails;
      sum.erase_fails += m.erase_fails;
      sum.corrected += m.corrected;
      sum.retried += m.retried;
      sum.uncorrectable += m.uncorrectable;
    }
    return sum;
  }

 private:
  static constexpr TimePs kAccess = 20 * kPsPerNs;
  static constexpr TimePs kFetch = 100 * kPsPerNs;

  __attribute__((format(printf, 2, 3))) static void print(void* context, const char* format, ...) {
    char line[256];
    va_list args;
    va_start(args, format);
    std::vsnprintf(line, sizeof line, format, args);
    va_end(args);
    static_cast<HbfBridge*>(context)->console += std::string(line) + "\n";
  }
  void collect() {
    for (const hbf::Controller::Fetch& fetch : controller.take_fetches()) {
      const bool good = fetch.address >= 4096;  // a null pointer is no memory
      if (good && fetch.data != nullptr)
        std::memcpy(fetch.data, reinterpret_cast<const void*>(fetch.address), fetch.bytes);
      controller.fetched(now() + kFetch, fetch.id, good);
    }
    for (const hbf::Controller::Done& done : controller.take_done()) done_[done.tag] = done.good;
    registers_.raise(controller.take_causes());
  }
  void clear_interrupt() { (void)hbf_clear_interrupt(0); }

  hbf::ControllerRegisters registers_;
  std::uint64_t tag_ = 0;
  std::map<std::uint64_t, bool> done_;
};

/// Contents of the whole window, as a source.
class Image {
 public:
  Image(std::uint64_t pages, std::uint64_t seed, std::uint32_t slots = 4, std::uint32_t slot_pages = 8)
      : bytes(pages * hbf::kPageBytes), buffers_(std::size_t{slots} * slot_pages * hbf::kPageBytes) {
    Rng rng(seed, "image");
    for (std::size_t i = 0; i < bytes.size(); i += 8) {
      const std::uint64_t word = rng.next();
      std::memcpy(&bytes[i], &word, 8);
    }
    source.context = this;
    source.slots = slots;
    source.slot_pages = slot_pages;
    source.get = get;
  }
  Image(const Image&) = delete;

  bool equals(std::uint64_t page, const std::uint8_t* data) const {
    return std::memcmp(&bytes[page * hbf::kPageBytes], data, hbf::kPageBytes) == 0;
  }

  std::vector<std::uint8_t> bytes;
  hbf_source_t source{};
  std::uint64_t pages_given = 0;
  bool broken = false;  ///< get() fails

 private:
  static status_t get(void* context, std::uint32_t slot, std::uint64_t first, std::uint32_t stride,
                      std::uint32_t* pages, std::uint64_t* address) {
    auto* self = static_cast<Image*>(context);
    if (self->broken) return STATUS_NOT_FOUND;
    std::uint8_t* to = &self->buffers_[std::size_t{slot} * self->source.slot_pages * hbf::kPageBytes];
    for (std::uint32_t i = 0; i < *pages; ++i)
      std::memcpy(to + i * hbf::kPageBytes,
                  &self->bytes[(first + std::uint64_t{i} * stride) * hbf::kPageBytes], hbf::kPageBytes);
    self->pages_given += *pages;
    *address = reinterpret_cast<std::uint64_t>(to);
    return STATUS_OK;
  }
  std::vector<std::uint8_t> buffers_;
};

}  // namespace memwall::test
