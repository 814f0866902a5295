// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The descriptor queue against a small engine behind the register mock: order, batches, ring wrap, recovery.
#include <gtest/gtest.h>

#include <cstdarg>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#define _Static_assert static_assert  // the generated C headers in C++
extern "C" {
#include "hal/event.h"
#include "hal/mmio.h"
#include "regs/pnm.h"
#include "runtime/console.h"
#include "runtime/format.h"
#include "runtime/queue.h"
}

namespace memwall::test {
namespace {

/// Completes what the doorbell shows only when the firmware sleeps, a few descriptors at a time.
struct Engine {
  std::vector<std::uint32_t> ran;         ///< values of field n, in order
  std::map<std::uint32_t, int> failures;  ///< n -> how often it fails
  std::uint32_t code = 8;
  std::uint64_t ring = 0, address = 0x100000001000;
  std::uint32_t entries = 0, tail = 0, head = 0, tag = 0;
  bool halted = false, dead = false, racing = false;
  unsigned doorbells = 0, resets = 0, interrupts = 0;
  std::uint64_t time = 0;
  std::string console;
  std::vector<std::uint32_t> attempts;

  void work(unsigned count) {
    for (; count != 0 && head != tail && !halted && !dead; --count) {
      compute_descriptor_t d;
      std::memcpy(&d, reinterpret_cast<void*>(ring + head % entries * sizeof d), sizeof d);
      ++head;
      if (failures[d.n] > 0) {
        --failures[d.n];
        halted = true;
        tag = d.tag;
        return;
      }
      ran.push_back(d.n);
      interrupts += d.flags & 1u;
    }
  }
};
Engine* engine = nullptr;

extern "C" {
uint32_t mmio_read32(mmio_t, uint32_t offset) {
  switch (offset) {
    case PNM_CONTROL_OFFSET:
      return 1;
    case PNM_HEAD_OFFSET: {
      const uint32_t head = engine->head;
      if (engine->racing) engine->work(1);  // goes on between two register reads
      return head;
    }
    case PNM_STATUS_OFFSET: {
      const uint32_t status = engine->halted ? 2u | engine->code << 8 : 0;
      if (engine->racing) engine->work(1);
      return status;
    }
    case PNM_ERROR_TAG_OFFSET:
      return engine->tag;
    case PNM_ERROR_ADDRESS_LO_OFFSET:
      return static_cast<uint32_t>(engine->address);
    case PNM_ERROR_ADDRESS_HI_OFFSET:
      return static_cast<uint32_t>(engine->address >> 32);
    default:
      ADD_FAILURE() << "read of register " << offset;
      return 0;
  }
}
void mmio_write32(mmio_t, uint32_t offset, uint32_t value) {
  switch (offset) {
    case PNM_QUEUE_BASE_LO_OFFSET:
      engine->ring = (engine->ring & ~0xffffffffull) | value;
      break;
    case PNM_QUEUE_BASE_HI_OFFSET:
      engine->ring = (engine->ring & 0xffffffffull) | static_cast<uint64_t>(value) << 32;
      break;
    case PNM_QUEUE_SIZE_OFFSET:
      engine->entries = value;
      break;
    case PNM_TAIL_OFFSET:
      engine->tail = value;
      ++engine->doorbells;
      break;
    case PNM_CONTROL_OFFSET:
      if ((value & 4u) == 0) break;
      engine->head = engine->tail = 0;
      engine->halted = false;
      ++engine->resets;
      break;
    default:
      break;
  }
}
void event_attach(uint32_t, event_handler_t, void*) {}
uint64_t event_deadline(uint32_t microseconds) { return engine->time + microseconds; }
bool event_wait(uint64_t deadline) {
  engine->work(3);
  engine->time += 1000;
  return engine->time < deadline;
}
void console_print(const char* format, ...) {
  char line[CONSOLE_LINE];
  va_list args;
  va_start(args, format);
  format_line(line, sizeof line, format, args);
  va_end(args);
  engine->console += std::string(line) + "\n";
}
}

class FirmwareQueue : public ::testing::Test {
 protected:
  FirmwareQueue() : shadow_(QUEUE_ENTRIES + 1), remote_(QUEUE_ENTRIES + 1), records_(QUEUE_ENTRIES + 1) {
    engine = &engine_;
    start(false);
  }
  ~FirmwareQueue() override { engine = nullptr; }

  template <typename T>
  static T* aligned(std::vector<T>& storage, std::uintptr_t to) {
    return reinterpret_cast<T*>((reinterpret_cast<std::uintptr_t>(storage.data()) + to - 1) / to * to);
  }
  void start(bool remote) {
    const auto ring = remote ? reinterpret_cast<std::uint64_t>(aligned(remote_, 128)) : 0;
    ASSERT_EQ(queue_init(&queue_, "pnm3", 0x1000, aligned(shadow_, 128), ring,
                         reinterpret_cast<std::uint64_t>(aligned(records_, 32))),
              STATUS_OK);
    queue_.retry = [](void* context, std::uint32_t, std::uint64_t, std::uint32_t attempt) {
      static_cast<FirmwareQueue*>(context)->engine_.attempts.push_back(attempt);
      return attempt <= 3;
    };
    queue_.retry_context = this;
    engine_.resets = 0;
  }
  void post(std::uint32_t from, std::uint32_t to) {
    for (std::uint32_t n = from; n < to; ++n) {
      compute_descriptor_t* d = queue_next(&queue_);
      d->opcode = COMPUTE_DESCRIPTOR_OPCODE_MATVEC;
      d->n = n;
    }
  }
  static std::vector<std::uint32_t> numbers(std::uint32_t to) {
    std::vector<std::uint32_t> v(to);
    for (std::uint32_t i = 0; i < to; ++i) v[i] = i;
    return v;
  }

  Engine engine_;
  std::vector<compute_descriptor_t> shadow_, remote_;
  std::vector<completion_record_t> records_;
  queue_t queue_;
};

TEST_F(FirmwareQueue, RunsInOrderWithOneInterruptAndFewDoorbells) {
  post(0, 20);
  EXPECT_EQ(queue_fence(&queue_), STATUS_OK);
  EXPECT_EQ(engine_.ran, numbers(20));
  EXPECT_EQ(engine_.interrupts, 1u);
  EXPECT_EQ(engine_.doorbells, 3u);  // 8, 16, 20
}

TEST_F(FirmwareQueue, FenceWithoutWorkTouchesNothing) {
  EXPECT_EQ(queue_fence(&queue_), STATUS_OK);
  EXPECT_EQ(engine_.doorbells, 0u);
  EXPECT_EQ(engine_.time, 0u);
}

TEST_F(FirmwareQueue, MoreDescriptorsThanTheRingHoldsAreAllRunInOrder) {
  for (bool remote : {false, true}) {
    engine_.ran.clear();
    start(remote);
    post(0, 300);
    EXPECT_EQ(queue_fence(&queue_), STATUS_OK);
    EXPECT_EQ(engine_.ran, numbers(300));
  }
}

TEST_F(FirmwareQueue, RetriedDescriptorIsPostedAgainWithTheRestInOrder) {
  for (bool remote : {false, true}) {
    engine_.ran.clear();
    engine_.attempts.clear();
    start(remote);
    engine_.failures[70] = 2;
    engine_.failures[75] = 1;
    post(0, 100);
    EXPECT_EQ(queue_fence(&queue_), STATUS_OK);
    EXPECT_EQ(engine_.ran, numbers(100));
    EXPECT_EQ(engine_.attempts, (std::vector<std::uint32_t>{1, 2, 1}));
    EXPECT_EQ(engine_.resets, 3u);
    EXPECT_NE(engine_.console.find("pnm3: descriptor 70 MATVEC: UNCORRECTABLE at 0x100000001000"),
              std::string::npos);
  }
}

TEST_F(FirmwareQueue, FailureAtTheLastDescriptorIsNoticed) {
  engine_.failures[9] = 9;
  post(0, 10);
  EXPECT_EQ(queue_fence(&queue_), STATUS_HARDWARE);
  EXPECT_EQ(engine_.attempts, (std::vector<std::uint32_t>{1, 2, 3, 4}));
}

TEST_F(FirmwareQueue, FailureBetweenTwoRegisterReadsIsNotTakenForSuccess) {
  engine_.racing = true;
  for (std::uint32_t count = 1; count < 6; ++count) {
    engine_.failures = {{count - 1, 100}};
    post(0, count);
    EXPECT_EQ(queue_fence(&queue_), STATUS_HARDWARE) << count << " descriptors";
  }
}

TEST_F(FirmwareQueue, GivingUpDropsTheRestUntilTheFenceAndThenGoesOn) {
  engine_.failures[2] = 100;
  post(0, 100);
  EXPECT_EQ(queue_fence(&queue_), STATUS_HARDWARE);
  EXPECT_EQ(engine_.ran, numbers(2));
  engine_.failures.clear();
  engine_.ran.clear();
  post(0, 5);
  EXPECT_EQ(queue_fence(&queue_), STATUS_OK);
  EXPECT_EQ(engine_.ran, numbers(5));
}

TEST_F(FirmwareQueue, SilentEngineTimesOutWithAName) {
  engine_.dead = true;
  post(0, 3);
  EXPECT_EQ(queue_fence(&queue_), STATUS_TIMEOUT);
  EXPECT_NE(engine_.console.find("pnm3: descriptor 0 MATVEC: no answer for 5000000 us"), std::string::npos);
}

TEST_F(FirmwareQueue, DescriptorsAreZeroButForTheirTag) {
  post(0, 80);
  EXPECT_EQ(queue_fence(&queue_), STATUS_OK);
  compute_descriptor_t* d = queue_next(&queue_);
  EXPECT_EQ(d->tag, 80u);
  compute_descriptor_t blank = {};
  blank.tag = 80;
  EXPECT_EQ(std::memcmp(d, &blank, sizeof blank), 0);
}

}  // namespace
}  // namespace memwall::test
