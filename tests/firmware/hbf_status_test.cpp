// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What the HBF driver does for every status of the specification's read and write tables, also for those
/// that neither our controller nor a healthy cube gives: over a scripted controller that answers as it is
/// told.
#include <gtest/gtest.h>

#include <cstdarg>
#include <cstdio>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#define _Static_assert static_assert  // the generated C headers in C++
extern "C" {
#include "drivers/hbf_health.h"
#include "regs/hbf.h"
}

namespace memwall::test {
namespace {

/// 2 channels x 2 lanes, 4 pages per block, 4 rows. Programs are carried out at once, in order.
class Scripted {
 public:
  struct Answer {
    std::uint32_t code, info;
  };
  std::map<std::uint64_t, std::deque<Answer>> script;  ///< window page -> answers to its next programs
  std::vector<std::uint64_t> programs;                 ///< window pages, as they came
  std::set<std::uint64_t> programmed;
  std::deque<std::uint32_t> events;  ///< status words
  std::deque<std::uint64_t> event_addresses;
  std::deque<std::uint32_t> done;
  std::map<std::uint32_t, std::uint32_t> registers;  ///< last written
  std::vector<std::pair<std::uint32_t, std::uint32_t>> remaps;
  std::uint64_t now_us = 0, hot_until_us = 0;
  bool enabled = true, ready = true, lose_events = false, reading = false;
  std::uint32_t pages_read = 0;
  std::string console;

  void read_event(std::uint64_t page, std::uint32_t code, std::uint32_t info = 0, bool prefetch = false) {
    const bool valid = code == HBF_READ_CORRECTED_HIGH;
    push_event(1u | (valid ? 4u : 0u) | (prefetch ? 8u : 0u) | code << 4 | info << 8, page * HBF_PAGE_BYTES);
  }

  std::uint32_t read(std::uint32_t offset) {
    switch (offset) {
      case HBF_PINS_OFFSET:
        return (ready ? 1u : 0u) | (now_us < hot_until_us ? 2u : 0u);
      case HBF_EVENT_STATUS_OFFSET:
        return events.empty() ? 0 : events.front();
      case HBF_EVENT_ADDRESS_LO_OFFSET:
        return event_addresses.empty() ? 0 : static_cast<std::uint32_t>(event_addresses.front());
      case HBF_EVENT_ADDRESS_HI_OFFSET:
        return 0;
      case HBF_PROGRAM_DONE_OFFSET:
        return done.empty() ? 0 : done.front();
      case HBF_SB_DATA_OFFSET:
        return (registers[HBF_SB_ADDRESS_OFFSET] & 0xfffffu) == HBF_MM_BUCSTS_OFFSET ? (enabled ? 1u : 0u)
                                                                                     : 0u;
      case HBF_SB_STATUS_OFFSET:
        return 0;
      case HBF_COUNT_PAGES_OFFSET:
        return pages_read += reading ? 1 : 0;
      default:
        ADD_FAILURE() << "read of register " << offset;
        return 0;
    }
  }
  void write(std::uint32_t offset, std::uint32_t value) {
    registers[offset] = value;
    switch (offset) {
      case HBF_EVENT_POP_OFFSET:
        events.pop_front();
        event_addresses.pop_front();
        break;
      case HBF_PROGRAM_POP_OFFSET:
        done.pop_front();
        break;
      case HBF_PROGRAM_GO_OFFSET:
        program(FIELD(HBF_PROGRAM_GO_PAGES, value), FIELD(HBF_PROGRAM_GO_TAG, value));
        break;
      case HBF_REMAP_GO_OFFSET:
        remaps.emplace_back(registers[HBF_REMAP_FROM_OFFSET], registers[HBF_REMAP_TO_OFFSET]);
        break;
      default:
        break;
    }
  }
  static Scripted*& current() {
    static Scripted* scripted = nullptr;
    return scripted;
  }

 private:
  void push_event(std::uint32_t status, std::uint64_t address) {
    events.push_back(status | (lose_events ? HBF_EVENT_STATUS_LOST_MASK : 0u));
    event_addresses.push_back(address);
  }
  void program(std::uint32_t pages, std::uint32_t tag) {
    bool failed = false;
    for (std::uint32_t i = 0; i < pages; ++i) {
      const std::uint64_t page =
          registers[HBF_PROGRAM_TARGET_LO_OFFSET] / HBF_PAGE_BYTES + i * registers[HBF_PROGRAM_STRIDE_OFFSET];
      programs.push_back(page);
      std::deque<Answer>& answers = script[page];
      if (answers.empty()) {
        programmed.insert(page);
        continue;
      }
      const Answer a = answers.front();
      answers.pop_front();
      failed = true;
      if (!lose_events || events.empty()) push_event(3u | a.code << 4 | a.info << 8, page * HBF_PAGE_BYTES);
    }
    done.push_back(1u | (failed ? 2u : 0u) | tag << 16);
  }
};

extern "C" {
uint32_t mmio_read32(mmio_t, uint32_t offset) { return Scripted::current()->read(offset); }
void mmio_write32(mmio_t, uint32_t offset, uint32_t value) { Scripted::current()->write(offset, value); }
}

class HbfStatus : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kStripe = 4;  // pages between the pages of a block
  static constexpr std::uint64_t kBad = 6;     // page 1 of the block whose page 0 is window page 2

  HbfStatus() {
    Scripted::current() = &cube;
    hbf.geometry = {2, 1, 1, 2, 4, 2, 32};
    hbf.remap_entries = 4;
    hbf.os.context = &cube;
    hbf.os.now_us = [](void* context) { return static_cast<Scripted*>(context)->now_us; };
    hbf.os.wait_us = [](void* context, std::uint32_t us) { static_cast<Scripted*>(context)->now_us += us; };
    hbf.os.print = print;
    source.slots = 2;
    source.slot_pages = 4;
    source.get = [](void*, std::uint32_t, std::uint64_t first, std::uint32_t, std::uint32_t*,
                    std::uint64_t* at) {
      *at = 0x1000 + first;
      return STATUS_OK;
    };
    hbf_health_init(&health, &hbf, nullptr, 0);
  }
  ~HbfStatus() override { Scripted::current() = nullptr; }

  __attribute__((format(printf, 2, 3))) static void print(void* context, const char* format, ...) {
    char line[256];
    va_list args;
    va_start(args, format);
    std::vsnprintf(line, sizeof line, format, args);
    va_end(args);
    static_cast<Scripted*>(context)->console += std::string(line) + "\n";
  }
  /// Writes one row with an answer for page kBad, `times` times.
  status_t write(std::uint32_t code, std::uint32_t info, unsigned times = 1) {
    for (unsigned i = 0; i < times; ++i) cube.script[kBad].push_back({code, info});
    hbf_range_t range{};
    range.pages = 16;
    range.source = &source;
    return hbf_health_load(&health, &range, nullptr, nullptr);
  }
  /// How often a page was sent to the cube.
  long sent(std::uint64_t page) const { return std::count(cube.programs.begin(), cube.programs.end(), page); }
  void expect_all_programmed() const {
    for (std::uint64_t page = 0; page < 16; ++page) EXPECT_EQ(cube.programmed.count(page), 1u) << page;
  }
  const hbf_writer_counters_t& counters() const { return health.writer.counters; }

  Scripted cube;
  hbf_t hbf{};
  hbf_source_t source{};
  hbf_health_t health{};
};

// Write table.

TEST_F(HbfStatus, WritesThatAreAnsweredWithZeroAreSentOnce) {
  ASSERT_EQ(write(0, 0, 0), STATUS_OK);
  expect_all_programmed();
  EXPECT_EQ(cube.programs.size(), 16u);
}

TEST_F(HbfStatus, RefusedPagesAreSentAgainFromThereOn) {
  // Open limit, gather timeout, page skipped: nothing was consumed.
  for (const auto& [code, info] : {std::pair{4u, 0u}, {5u, 0u}, {6u, 1u}}) {
    SCOPED_TRACE(code);
    cube = {};
    hbf_health_init(&health, &hbf, nullptr, 0);
    ASSERT_EQ(write(code, info), STATUS_OK) << cube.console;
    expect_all_programmed();
    EXPECT_EQ(sent(kBad - kStripe), 1) << "page 0 stays";
    EXPECT_EQ(sent(kBad), 2);
    EXPECT_EQ(counters().resends, 1u);
    EXPECT_EQ(counters().replays, 0u);
  }
}

TEST_F(HbfStatus, PagesThatKeepBeingRefusedAreReplayedFromPageZero) {
  ASSERT_EQ(write(HBF_WRITE_ORDER_VIOLATION, HBF_ORDER_SKIPPED, 3), STATUS_OK) << cube.console;
  EXPECT_EQ(counters().resends, 2u);
  EXPECT_EQ(counters().replays, 1u);
  EXPECT_EQ(sent(kBad - kStripe), 2) << "page 0 is written again";
}

TEST_F(HbfStatus, FailedBlocksAreReplayedFromPageZero) {
  // Overlap, program failure, behind a failed page.
  for (const auto& [code, info] : {std::pair{2u, 0u}, {7u, 0u}, {6u, 2u}}) {
    SCOPED_TRACE(code);
    cube = {};
    hbf_health_init(&health, &hbf, nullptr, 0);
    ASSERT_EQ(write(code, info), STATUS_OK) << cube.console;
    expect_all_programmed();
    EXPECT_EQ(sent(kBad - kStripe), 2) << "page 0 is written again";
    EXPECT_EQ(sent(1), 1) << "other blocks are not";
    EXPECT_EQ(counters().replays, 1u);
  }
}

TEST_F(HbfStatus, ABlockThatKeepsFailingIsRetired) {
  ASSERT_EQ(write(HBF_WRITE_PROGRAM_FAIL, 0, HBF_WRITE_ATTEMPTS + 1), STATUS_OK) << cube.console;
  EXPECT_EQ(counters().replays, HBF_WRITE_ATTEMPTS);
  EXPECT_EQ(counters().retired, 1u);
  ASSERT_EQ(cube.remaps.size(), 1u);
  EXPECT_EQ(cube.remaps[0].first, hbf_block_at(&hbf.geometry, kBad));
}

TEST_F(HbfStatus, UnusableAndRetiredBlocksAreReplacedAndWrittenWhole) {
  for (std::uint32_t code : {HBF_WRITE_OUT_OF_RANGE, HBF_WRITE_UNUSABLE}) {
    SCOPED_TRACE(code);
    cube = {};
    hbf.n_bad = hbf.n_unfit = hbf.n_lost = hbf.next_spare = 0;
    hbf_health_init(&health, &hbf, nullptr, 0);
    ASSERT_EQ(write(code, code == HBF_WRITE_UNUSABLE ? HBF_GRANULE_BLOCK : 0), STATUS_OK) << cube.console;
    EXPECT_EQ(sent(kBad - kStripe), 2);
    ASSERT_EQ(cube.remaps.size(), 1u);
    EXPECT_EQ(cube.remaps[0].second, hbf_block_of(3, 0, 0)) << "the last row's first block";
  }
}

TEST_F(HbfStatus, SparesAreNotTakenFromWhatIsLostAlongWithTheBlock) {
  // Bank, die, channel of page kBad: channel 0, lane 1. One die per channel here.
  const std::uint32_t spare[] = {0, 0, hbf_block_of(3, 0, 0), hbf_block_of(3, 1, 0), hbf_block_of(3, 1, 0)};
  for (std::uint32_t granule : {HBF_GRANULE_BANK, HBF_GRANULE_DIE, HBF_GRANULE_CHANNEL}) {
    SCOPED_TRACE(granule);
    cube = {};
    hbf.n_bad = hbf.n_unfit = hbf.n_lost = hbf.next_spare = 0;
    hbf_health_init(&health, &hbf, nullptr, 0);
    ASSERT_EQ(write(HBF_WRITE_UNUSABLE, granule), STATUS_OK) << cube.console;
    ASSERT_EQ(cube.remaps.size(), 1u);
    EXPECT_EQ(cube.remaps[0].second, spare[granule]);
  }
}

TEST_F(HbfStatus, ASpareThatFailsIsReplacedInItsTurn) {
  cube.script[kBad] = {};
  ASSERT_EQ(write(HBF_WRITE_UNUSABLE, HBF_GRANULE_BLOCK, 3), STATUS_OK) << cube.console;
  ASSERT_EQ(cube.remaps.size(), 3u);
  EXPECT_EQ(hbf.n_bad, 1u) << "one entry, moved";
  EXPECT_EQ(hbf.n_unfit, 2u);
  EXPECT_NE(cube.remaps[1].second, cube.remaps[0].second);
  EXPECT_NE(cube.remaps[2].second, cube.remaps[1].second);
}

TEST_F(HbfStatus, ABlockThatNoSpareCuresEndsTheWriteAndSaysWhyOnce) {
  EXPECT_EQ(write(HBF_WRITE_PROGRAM_FAIL, 5, 100000), STATUS_FULL);
  EXPECT_EQ(counters().retired, HBF_WRITE_SPARES);
  EXPECT_EQ(cube.remaps.size(), HBF_WRITE_SPARES) << "the other spares are left for other blocks";
  const std::string why = "write status 0x7 info 5, ";
  for (const std::string& line : {why + "needs a spare block", why + "no better on several spare blocks"}) {
    const std::size_t at = cube.console.find(line);
    ASSERT_NE(at, std::string::npos) << line << "\n" << cube.console;
    EXPECT_EQ(cube.console.find(line, at + 1), std::string::npos) << "once\n" << cube.console;
  }
}

TEST_F(HbfStatus, WithoutARemapEntryTheWriteEndsAsFull) {
  hbf.remap_entries = 0;
  EXPECT_EQ(write(HBF_WRITE_UNUSABLE, HBF_GRANULE_BLOCK), STATUS_FULL);
  EXPECT_NE(cube.console.find("no remap entry left"), std::string::npos) << cube.console;
}

TEST_F(HbfStatus, ABlockedDieIsWaitedForAndContinued) {
  ASSERT_EQ(write(HBF_WRITE_BLOCKED, 0, 5), STATUS_OK) << cube.console;
  EXPECT_EQ(counters().waits, 5u);
  EXPECT_EQ(cube.now_us, 10u + 20 + 40 + 80 + 160) << "backs off";
  EXPECT_EQ(sent(kBad - kStripe), 1);
}

TEST_F(HbfStatus, SevereHeatIsWaitedOutByThePins) {
  cube.hot_until_us = 30000;
  ASSERT_EQ(write(HBF_WRITE_BLOCKED, HBF_BLOCKED_SEVERE), STATUS_OK) << cube.console;
  EXPECT_GE(cube.now_us, 30000u);
  EXPECT_NE(cube.console.find("too hot"), std::string::npos);
}

TEST_F(HbfStatus, HeatThatDoesNotEndIsReported) {
  cube.hot_until_us = ~0ull;
  EXPECT_EQ(write(HBF_WRITE_BLOCKED, HBF_BLOCKED_SEVERE), STATUS_TIMEOUT);
  EXPECT_NE(cube.console.find("still too hot"), std::string::npos) << cube.console;
}

TEST_F(HbfStatus, AChannelThatIsNotEnabledAnyMoreMeansAReset) {
  cube.enabled = false;
  EXPECT_EQ(write(HBF_WRITE_BLOCKED, 0), STATUS_RESET);
  cube.enabled = true;
  cube.ready = false;
  EXPECT_EQ(write(HBF_WRITE_BLOCKED, 0), STATUS_RESET);
}

TEST_F(HbfStatus, WhatCannotBeCuredIsGivenUpAtOnceAndReported) {
  for (std::uint32_t code : {HBF_WRITE_UNDEFINED_USER + 0u, 0xau, 0xbu, 0xcu}) {
    SCOPED_TRACE(code);
    cube = {};
    hbf_health_init(&health, &hbf, nullptr, 0);
    EXPECT_EQ(write(code, 0), STATUS_HARDWARE);
    EXPECT_EQ(sent(kBad), 1);
    EXPECT_NE(cube.console.find("page 1: write status 0x"), std::string::npos) << cube.console;
  }
}

TEST_F(HbfStatus, VendorStatusesAreTriedAFewTimes) {
  for (std::uint32_t code : {0xdu, 0xeu, 0xfu}) {
    SCOPED_TRACE(code);
    cube = {};
    hbf_health_init(&health, &hbf, nullptr, 0);
    ASSERT_EQ(write(code, 5, HBF_WRITE_VENDOR_ATTEMPTS - 1), STATUS_OK) << cube.console;
    expect_all_programmed();
    cube = {};
    hbf_health_init(&health, &hbf, nullptr, 0);
    EXPECT_EQ(write(code, 5, 100), STATUS_HARDWARE);
    EXPECT_EQ(sent(kBad), static_cast<long>(HBF_WRITE_VENDOR_ATTEMPTS));
    EXPECT_NE(cube.console.find("info 5, given up"), std::string::npos) << cube.console;
  }
}

TEST_F(HbfStatus, BlocksWhoseEventWasLostAreReplayedToo) {
  cube.lose_events = true;
  cube.script[5].push_back({HBF_WRITE_PROGRAM_FAIL, 0});
  ASSERT_EQ(write(HBF_WRITE_PROGRAM_FAIL, 0), STATUS_OK) << cube.console;
  expect_all_programmed();
  EXPECT_EQ(sent(1), 2) << "page 0 of the block of page 5";
  EXPECT_EQ(sent(2), 2);
}

// Read table.

class HbfReadStatus : public HbfStatus {
 protected:
  HbfReadStatus() {
    EXPECT_EQ(write(0, 0, 0), STATUS_OK);
    cube.programs.clear();
    cube.now_us = 0;
  }
  bool recover(std::uint32_t code, std::uint32_t info = 0) {
    cube.read_event(kBad, code, info);
    return hbf_health_recover(&health, 1);
  }
};

TEST_F(HbfReadStatus, LostAndErasedPagesAreWrittenFromTheirSource) {
  for (std::uint32_t code : {HBF_READ_UNCORRECTABLE, HBF_READ_ERASED}) {
    cube.programs.clear();
    EXPECT_TRUE(recover(code, HBF_HINT_HEALTH));
    EXPECT_EQ(cube.programs, (std::vector<std::uint64_t>{2, 6, 10, 14})) << "the whole block";
  }
  EXPECT_EQ(health.counters.rewrites, 2u);
}

TEST_F(HbfReadStatus, ABlockThatIsLostAgainAndAgainIsRetired) {
  for (unsigned i = 0; i < HBF_LOST_ATTEMPTS; ++i) EXPECT_TRUE(recover(HBF_READ_UNCORRECTABLE, 2));
  EXPECT_TRUE(cube.remaps.empty());
  EXPECT_TRUE(recover(HBF_READ_UNCORRECTABLE, 2));
  EXPECT_EQ(cube.remaps.size(), 1u);
  EXPECT_EQ(hbf_health_settle(&health), STATUS_OK);
  EXPECT_TRUE(recover(HBF_READ_UNCORRECTABLE, 2));
  EXPECT_EQ(cube.remaps.size(), 1u) << "a read went through: it counts anew";
  hbf.remap_entries = 0;
  hbf.n_bad = 0;
  for (unsigned i = 1; i < HBF_LOST_ATTEMPTS; ++i) EXPECT_TRUE(recover(HBF_READ_UNCORRECTABLE, 2));
  EXPECT_FALSE(recover(HBF_READ_UNCORRECTABLE, 2)) << "no spare is left";
}

TEST_F(HbfReadStatus, ABlockThatIsLostOnItsSpareTooIsGivenUp) {
  for (unsigned i = 0; i < 2 * HBF_LOST_ATTEMPTS; ++i) EXPECT_TRUE(recover(HBF_READ_UNCORRECTABLE, 2));
  EXPECT_FALSE(recover(HBF_READ_UNCORRECTABLE, 2));
  EXPECT_EQ(cube.remaps.size(), 1u);
  EXPECT_NE(cube.console.find("again and again"), std::string::npos) << cube.console;
}

TEST_F(HbfReadStatus, UnusableAndRetiredBlocksAreReplacedAndReloaded) {
  EXPECT_TRUE(recover(HBF_READ_UNUSABLE, HBF_GRANULE_BLOCK));
  EXPECT_TRUE(recover(HBF_READ_OUT_OF_RANGE));
  EXPECT_EQ(cube.programs, (std::vector<std::uint64_t>{2, 6, 10, 14, 2, 6, 10, 14}));
  ASSERT_EQ(cube.remaps.size(), 2u) << "the spare failed too";
  EXPECT_EQ(cube.remaps[0].first, cube.remaps[1].first);
}

TEST_F(HbfReadStatus, RetryUsesTheStageThatIsAskedForUntilTheReadIsThrough) {
  EXPECT_TRUE(recover(HBF_READ_RETRY_WANTED, 1));
  EXPECT_EQ(cube.registers[HBF_CONTROL_OFFSET], 1u << 4);
  EXPECT_TRUE(recover(HBF_READ_RETRY_WANTED, 2));
  EXPECT_EQ(cube.registers[HBF_CONTROL_OFFSET], 2u << 4);
  EXPECT_EQ(hbf_health_settle(&health), STATUS_OK);
  EXPECT_EQ(cube.registers[HBF_CONTROL_OFFSET], 0u);
  EXPECT_TRUE(cube.programs.empty());
}

TEST_F(HbfReadStatus, RestrictionsBlockedDiesAndPendingChunksAreWaitedFor) {
  for (std::uint32_t code : {HBF_READ_RESTRICTED, HBF_READ_BLOCKED, HBF_READ_PENDING_CHUNK}) {
    const std::uint64_t before = cube.now_us;
    EXPECT_TRUE(recover(code));
    EXPECT_EQ(cube.now_us, before + 10) << code;
  }
  EXPECT_TRUE(cube.programs.empty());
  cube.hot_until_us = cube.now_us + 5000;
  EXPECT_TRUE(recover(HBF_READ_BLOCKED, HBF_BLOCKED_SEVERE));
  EXPECT_GE(cube.now_us, cube.hot_until_us);
}

TEST_F(HbfReadStatus, WaitingEndsAfterASecondWithAMessage) {
  std::uint32_t attempt = 1;
  for (; attempt < 5000; ++attempt) {
    cube.read_event(kBad, HBF_READ_RESTRICTED);
    if (!hbf_health_recover(&health, attempt)) break;
  }
  EXPECT_LT(attempt, 5000u);
  EXPECT_GT(cube.now_us, 900000u);
  EXPECT_NE(cube.console.find("read status 0x2"), std::string::npos) << cube.console;
}

TEST_F(HbfReadStatus, AChannelThatIsNotEnabledIsNotWaitedFor) {
  cube.enabled = false;
  EXPECT_FALSE(recover(HBF_READ_BLOCKED));
  EXPECT_NE(cube.console.find("not enabled"), std::string::npos) << cube.console;
}

TEST_F(HbfReadStatus, MalformedCommandsAreReported) {
  EXPECT_FALSE(recover(HBF_READ_UNDEFINED_USER));
  EXPECT_NE(cube.console.find("malformed"), std::string::npos) << cube.console;
}

TEST_F(HbfReadStatus, VendorAndReservedStatusesAreReadAgainAFewTimes) {
  for (std::uint32_t code : {0xbu, 0xcu, 0xdu, 0xeu, 0xfu}) {
    SCOPED_TRACE(code);
    for (unsigned i = 0; i < HBF_READ_VENDOR_ATTEMPTS; ++i) EXPECT_TRUE(recover(code, 3));
    EXPECT_FALSE(recover(code, 3));
  }
}

TEST_F(HbfReadStatus, HintsAreCollapsedPerBlockAndRefreshedInOrder) {
  cube.read_event(5, HBF_READ_CORRECTED_HIGH, HBF_HINT_READ_COUNT);
  cube.read_event(kBad, HBF_READ_CORRECTED_HIGH, HBF_HINT_HEALTH);
  cube.read_event(kBad + kStripe, HBF_READ_CORRECTED_HIGH, HBF_HINT_HEALTH, true);
  cube.read_event(200, HBF_READ_CORRECTED_HIGH, HBF_HINT_HEALTH);  // beyond the window
  hbf_health_take_events(&health);
  EXPECT_EQ(health.n_queue, 2u);
  EXPECT_EQ(health.counters.hints_reads, 1u);
  EXPECT_EQ(health.counters.hints_health, 2u);
  EXPECT_EQ(health.counters.collapsed, 1u);
  bool done = false;
  ASSERT_EQ(hbf_health_service(&health, false, &done), STATUS_OK);
  EXPECT_FALSE(done) << "two blocks can wait for an idle moment";
  ASSERT_EQ(hbf_health_service(&health, true, &done), STATUS_OK);
  EXPECT_TRUE(done);
  EXPECT_EQ(cube.programs, (std::vector<std::uint64_t>{1, 5, 9, 13}));
  // A request for the block that is being refreshed is answered by that refresh.
  cube.script[2].push_back({HBF_WRITE_BLOCKED, 0});
  cube.read_event(kBad, HBF_READ_CORRECTED_HIGH, HBF_HINT_HEALTH);
  ASSERT_EQ(hbf_health_service(&health, true, &done), STATUS_OK);
  EXPECT_EQ(health.n_queue, 0u);
}

TEST_F(HbfReadStatus, ARefreshWaitsWhileTheCubeIsReadButNotForEver) {
  cube.read_event(kBad, HBF_READ_CORRECTED_HIGH, HBF_HINT_HEALTH);
  cube.reading = true;
  bool done = false;
  for (unsigned i = 0; i < HBF_REFRESH_DEFERRALS; ++i) {
    ASSERT_EQ(hbf_health_service(&health, true, &done), STATUS_OK);
    EXPECT_FALSE(done);
  }
  ASSERT_EQ(hbf_health_service(&health, true, &done), STATUS_OK);
  EXPECT_TRUE(done);
}

TEST_F(HbfReadStatus, AFailureWithoutAnEventIsTriedAFewTimes) {
  unsigned tries = 0;
  while (hbf_health_recover(&health, tries + 1) && tries < 100) ++tries;
  EXPECT_EQ(tries, 4u);
  EXPECT_EQ(health.counters.unexplained, 5u);
  EXPECT_EQ(hbf_health_settle(&health), STATUS_OK);
  EXPECT_TRUE(hbf_health_recover(&health, 1)) << "after a success it counts anew";
}

TEST_F(HbfReadStatus, ManyFaultsOfOneBlockAreCuredOnce) {
  for (std::uint64_t page : {2u, 6u, 10u, 14u, 3u}) cube.read_event(page, HBF_READ_UNCORRECTABLE);
  EXPECT_TRUE(hbf_health_recover(&health, 1));
  EXPECT_EQ(cube.programs, (std::vector<std::uint64_t>{2, 6, 10, 14, 3, 7, 11, 15}));
}

TEST_F(HbfReadStatus, ContentsWithoutASourceAreReportedAsLost) {
  health.ranges[0].source = nullptr;
  EXPECT_FALSE(recover(HBF_READ_UNCORRECTABLE));
  EXPECT_NE(cube.console.find("could not be written again"), std::string::npos) << cube.console;
}

}  // namespace
}  // namespace memwall::test
