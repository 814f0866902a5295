// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The firmware's HBF driver over the model: bring-up, map, load and read back, every fault that the cube can
/// be made to show, random faults, loss of power at any moment.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "firmware/hbf_bridge.h"

extern "C" {
uint32_t mmio_read32(mmio_t, uint32_t offset) { return memwall::test::MmioTarget::current()->read(offset); }
void mmio_write32(mmio_t, uint32_t offset, uint32_t value) {
  memwall::test::MmioTarget::current()->write(offset, value);
}
}

namespace memwall::test {
namespace {

using hbf::FaultKind;
using hbf::kPageBytes;

constexpr mmio_t kRegisters = 0;

/// A cube that the driver has brought up.
class HbfDriver : public ::testing::Test {
 protected:
  void start(const hbf::Config& config = bridge_cube(), hbf_policy_t policy = HbfBridge::policy()) {
    bridge = std::make_unique<HbfBridge>(config);
    policy_ = policy;
    const hbf_os_t os = bridge->os();
    ASSERT_EQ(hbf_open(&dev, kRegisters, &os, &policy), STATUS_OK) << bridge->console;
    rows.assign(64, 0);
    hbf_health_init(&health, &dev, rows.data(), static_cast<std::uint32_t>(rows.size()));
    pages = hbf_window_pages(&dev.geometry);
    stripe = hbf_stripe_pages(&dev.geometry);
    image = std::make_unique<Image>(pages, config.seed);
  }
  /// Writes the first `n` pages of the image; the rest stays for spares.
  status_t load(std::uint64_t n) {
    loaded = n;
    hbf_range_t range{};
    range.pages = n;
    range.source = &image->source;
    return hbf_health_load(&health, &range, nullptr, nullptr);
  }
  void inject(std::uint64_t page, FaultKind kind, unsigned stages = 1, unsigned info = 0) {
    ASSERT_TRUE(bridge->controller.inject(page * kPageBytes, kind, stages, info));
  }
  /// Reads a page as the chip does: again whenever the driver says so. False: lost.
  bool read(std::uint64_t page, std::vector<std::uint8_t>& data) {
    for (std::uint32_t attempt = 1;; ++attempt) {
      const HbfBridge::Read r = bridge->demand(page * kPageBytes, kPageBytes);
      data = r.data;
      if (r.good) {
        EXPECT_EQ(hbf_health_settle(&health), STATUS_OK);
        hbf_health_take_events(&health);
        return true;
      }
      if (!hbf_health_recover(&health, attempt)) return false;
    }
  }
  void expect_contents(const std::string& when) {
    std::vector<std::uint8_t> data;
    for (std::uint64_t page = 0; page < loaded; ++page) {
      ASSERT_TRUE(read(page, data)) << when << ", page " << page << ": " << bridge->console;
      ASSERT_TRUE(image->equals(page, data.data())) << when << ", page " << page << " differs";
    }
  }

  std::unique_ptr<HbfBridge> bridge;
  std::unique_ptr<Image> image;
  hbf_t dev{};
  hbf_health_t health{};
  hbf_policy_t policy_{};
  std::vector<std::uint32_t> rows;
  std::uint64_t pages = 0, loaded = 0;
  std::uint32_t stripe = 0;
};

// Bring-up.

TEST_F(HbfDriver, BringUpFindsWhatTheCubeIsAndLeavesItReady) {
  hbf::Config config = bridge_cube();
  config.ports_per_channel = 2;
  start(config);
  EXPECT_EQ(dev.geometry.channels, 2u);
  EXPECT_EQ(dev.geometry.ports, 2u);
  EXPECT_EQ(dev.geometry.dies, 2u);
  EXPECT_EQ(dev.geometry.banks, 2u);
  EXPECT_EQ(dev.geometry.lanes, 4u);
  EXPECT_EQ(dev.geometry.block_pages, 8u);
  EXPECT_EQ(hbf_bytes(&dev), config.capacity_bytes);
  EXPECT_EQ(dev.tr_ns, config.timing.tR / kPsPerNs);
  EXPECT_EQ(dev.tprog_ns, config.timing.tPROG / kPsPerNs);
  EXPECT_EQ(dev.tbers_ns, config.timing.tBERS / kPsPerNs);
  EXPECT_EQ(dev.grade, config.link.grade);
  EXPECT_EQ(dev.outstanding, config.max_outstanding());
  EXPECT_EQ(dev.retry_stages, config.reliability.retry_stages);
  EXPECT_EQ(dev.max_reads, config.reliability.max_read_threshold);
  EXPECT_EQ(dev.endurance, static_cast<std::uint64_t>(config.reliability.endurance_cycles));
  EXPECT_EQ(dev.open_dlus, config.open_dlus);
  for (unsigned c = 0; c < 2; ++c) {
    std::uint32_t value = 0;
    EXPECT_EQ(hbf_sideband_read(kRegisters, c, HBF_SPACE_MMIO, HBF_MM_BUCSTS_OFFSET, &value), STATUS_OK);
    EXPECT_EQ(value & HBF_MM_BUCSTS_RDY_MASK, 1u);
    EXPECT_EQ(hbf_sideband_read(kRegisters, c, HBF_SPACE_MMIO, HBF_MM_LOCKOUT_OFFSET, &value), STATUS_OK);
    EXPECT_EQ(value & 0xffu, HBF_MM_LOCKOUT_ON);
    EXPECT_EQ(hbf_sideband_read(kRegisters, c, HBF_SPACE_MMIO, HBF_MM_TMR_OFFSET(0), &value), STATUS_OK);
    EXPECT_EQ(value, 1000u << 8 | 1u) << "gather timeout of 1000 us";
  }
}

TEST_F(HbfDriver, BringUpServesACubeThatIsEnabledAlready) {
  hbf::Config config = bridge_cube();
  config.brought_up = true;
  start(config);
  ASSERT_EQ(load(stripe), STATUS_OK);
  expect_contents("enabled before");
}

TEST_F(HbfDriver, MainbandAndSidebandAgreeOnARegister) {
  start();
  for (std::uint32_t offset : {HBF_MM_BUCCAP_LO_OFFSET, HBF_MM_VS_OFFSET, HBF_MM_BUCC_OFFSET}) {
    std::uint32_t side = 0, main = 1;
    EXPECT_EQ(hbf_sideband_read(kRegisters, 1, HBF_SPACE_MMIO, offset, &side), STATUS_OK);
    EXPECT_EQ(hbf_mainband_read(kRegisters, &dev.os, 1, HBF_SPACE_MMIO, offset, &main), STATUS_OK);
    EXPECT_EQ(side, main) << offset;
  }
  std::uint32_t value = 0;
  EXPECT_EQ(hbf_mainband_read(kRegisters, &dev.os, 0, HBF_SPACE_MMIO, 0x2f0, &value), STATUS_UNSUPPORTED);
  EXPECT_EQ(hbf_sideband_read(kRegisters, 0, HBF_SPACE_MMIO, 0x2f0, &value), STATUS_NOT_FOUND);
  EXPECT_EQ(hbf_sideband_read(kRegisters, 9, HBF_SPACE_MMIO, 0, &value), STATUS_NOT_FOUND);
}

TEST_F(HbfDriver, AFeatureThatIsNotThereIsRefused) {
  start();
  std::uint64_t value = 0;
  EXPECT_EQ(hbf_get_feature(kRegisters, &dev.os, 0, 0xdead, &value), STATUS_UNSUPPORTED);
  EXPECT_EQ(hbf_set_feature(kRegisters, &dev.os, 0, HBF_FEATURE_GEOMETRY, 1), STATUS_UNSUPPORTED);
  EXPECT_EQ(hbf_set_feature(kRegisters, &dev.os, 0, HBF_FEATURE_MAX_READ_THRESHOLD, 77), STATUS_OK);
  EXPECT_EQ(hbf_get_feature(kRegisters, &dev.os, 0, HBF_FEATURE_MAX_READ_THRESHOLD, &value), STATUS_OK);
  EXPECT_EQ(value, 77u);
}

TEST_F(HbfDriver, BringUpWaitsForReadyAfterPowerOn) {
  start();
  const TimePs before = bridge->now();
  EXPECT_EQ(hbf_power_cycle(&dev), STATUS_OK);
  EXPECT_GE(bridge->now() - before, bridge_cube().timing.tBOOT);
  EXPECT_EQ(hbf_reopen(&dev, &policy_), STATUS_OK) << bridge->console;
}

// Map.

TEST(HbfMap, WorkedExampleOfTheSpecification) {
  // 4 dies x 16 banks, 256 pages; chunk 3557701 is DLU 55589: row 3, lane 37, page 100, block 49189..65509.
  hbf_geometry_t g{};
  g.channels = g.ports = 1;
  g.dies = 4;
  g.banks = 16;
  g.lanes = 64;
  g.block_pages = 256;
  g.channel_pages = 8u << 20;
  ASSERT_TRUE(hbf_geometry_valid(&g));
  const hbf_place_t at = hbf_place(&g, 3557701 / 64);
  EXPECT_EQ(at.dlu, 55589u);
  EXPECT_EQ(at.row, 3u);
  EXPECT_EQ(at.lane, 37u);
  EXPECT_EQ(at.page, 100u);
  const hbf_block_t block = hbf_block_at(&g, 55589);
  EXPECT_EQ(hbf_block_first(&g, block), 49189u);
  EXPECT_EQ(hbf_window_page(&g, 0, 37, 3, 255), 65509u);
  EXPECT_EQ(hbf_block_pages_before(&g, block, 49189), 0u);
  EXPECT_EQ(hbf_block_pages_before(&g, block, 49190), 1u);
  EXPECT_EQ(hbf_block_pages_before(&g, block, 49189 + 64), 1u);
  EXPECT_EQ(hbf_block_pages_before(&g, block, 49189 + 65), 2u);
  EXPECT_EQ(hbf_block_pages_before(&g, block, 65510), 256u);
  EXPECT_EQ(hbf_block_pages_before(&g, block, 8u << 20), 256u);
}

TEST_F(HbfDriver, MapAgreesWithTheModelOnEveryPageAndBack) {
  hbf::Config config = bridge_cube();
  config.channels = 3;
  config.ports_per_channel = 2;
  config.planes_per_die = 3;
  config.capacity_bytes = std::uint64_t{3} * 6 * 8 * 5 * kPageBytes;
  start(config);
  std::set<std::uint64_t> seen;
  for (std::uint64_t page = 0; page < pages; ++page) {
    const hbf_place_t at = hbf_place(&dev.geometry, page);
    const hbf::Media::Place there = bridge->controller.cube().channel(at.channel).media().place_of(at.dlu);
    EXPECT_EQ(at.lane, there.lane);
    EXPECT_EQ(at.row, there.row);
    EXPECT_EQ(at.page, there.page);
    EXPECT_EQ(bridge->controller.cube().channel(at.channel).local(at.port, at.port_dlu * kPageBytes),
              at.dlu * kPageBytes);
    EXPECT_EQ(hbf_window_page(&dev.geometry, at.channel, at.lane, at.row, at.page), page);
    EXPECT_EQ(
        hbf_block_first(&dev.geometry, hbf_block_at(&dev.geometry, page)) + std::uint64_t{at.page} * stripe,
        page);
    seen.insert(page);
  }
  EXPECT_EQ(seen.size(), pages);
}

// Load and read back.

TEST_F(HbfDriver, WhatIsLoadedReadsBackToTheByte) {
  start();
  ASSERT_EQ(load(3 * hbf_row_pages(&dev.geometry) + 21), STATUS_OK) << bridge->console;
  expect_contents("after loading");
  EXPECT_EQ(health.writer.counters.pages, loaded);
  EXPECT_EQ(health.writer.counters.replays, 0u);
  EXPECT_EQ(bridge->media().programs, loaded);
  EXPECT_EQ(bridge->media().erases, 4u * stripe) << "one per block: all of row 3 have a page";
}

TEST_F(HbfDriver, LoadWithoutBurstsGathersChunks) {
  hbf::Config config = bridge_cube();
  config.burst_writes = config.burst_reads = false;
  start(config);
  EXPECT_FALSE(dev.burst_writes);
  ASSERT_EQ(load(3 * stripe), STATUS_OK) << bridge->console;
  expect_contents("without bursts");
}

TEST_F(HbfDriver, WritingOverlapsTheLanes) {
  // 64 pages over 8 lanes: 8 deep each, so about 8 programs and an erase of time, not 64.
  start();
  const TimePs before = bridge->now();
  ASSERT_EQ(load(64), STATUS_OK);
  const hbf::Timing t = bridge_cube().timing;
  EXPECT_LT(bridge->now() - before, 2 * (t.tBERS + 8 * t.tPROG));
}

TEST_F(HbfDriver, BadRangesAreRefusedWithoutAWrite) {
  start();
  hbf_range_t range{};
  range.source = &image->source;
  range.first = 1;
  range.pages = 4;
  EXPECT_EQ(hbf_health_load(&health, &range, nullptr, nullptr), STATUS_BAD_ARGUMENT) << "not at a row";
  range.first = 0;
  range.pages = pages + 1;
  EXPECT_EQ(hbf_health_load(&health, &range, nullptr, nullptr), STATUS_BAD_ARGUMENT) << "beyond the window";
  range.pages = 0;
  EXPECT_EQ(hbf_health_load(&health, &range, nullptr, nullptr), STATUS_BAD_ARGUMENT) << "empty";
  EXPECT_EQ(bridge->media().programs, 0u);
}

TEST_F(HbfDriver, ASourceThatFailsEndsTheWriteWithItsStatus) {
  start();
  image->broken = true;
  EXPECT_EQ(load(10), STATUS_NOT_FOUND);
}

TEST_F(HbfDriver, RunsThatTouchABlockOnceFillItPageByPage) {
  // As a cache grows: 3 rows per token, 2 tokens at a time, pages in ascending order.
  for (bool faults : {false, true}) {
    start();
    hbf_writer_t writer;
    hbf_writer_init(&writer, &dev, &image->source);
    if (faults) {
      inject(3 * stripe + 2, FaultKind::kProgramFail);
      inject(5 * stripe + 6, FaultKind::kUnusable, 1, HBF_GRANULE_BLOCK);
    }
    for (std::uint64_t token = 0; token < 40; token += 2) {
      hbf_run_t runs[3];
      for (unsigned r = 0; r < 3; ++r) runs[r] = {token * 3 + r, 3, 2};
      ASSERT_EQ(hbf_write_runs(&writer, runs, 3), STATUS_OK) << token << ": " << bridge->console;
      // What has been written can be read at once, to the newest row.
      loaded = token * 3 + 6;
      std::vector<std::uint8_t> data;
      ASSERT_TRUE(read(loaded - 1, data));
      ASSERT_TRUE(image->equals(loaded - 1, data.data()));
    }
    expect_contents("a cache");
    EXPECT_EQ(writer.counters.replays, faults ? 1u : 0u);
    EXPECT_EQ(dev.n_bad, faults ? 1u : 0u);
  }
}

// Write faults.

TEST_F(HbfDriver, AProgramFailureReplaysItsBlockFromPageZero) {
  start();
  const std::uint64_t page = 3 * stripe + 5;
  inject(page, FaultKind::kProgramFail);
  ASSERT_EQ(load(6 * stripe), STATUS_OK) << bridge->console;
  EXPECT_EQ(bridge->media().program_fails, 1u);
  EXPECT_EQ(health.writer.counters.replays, 1u);
  EXPECT_EQ(health.writer.counters.retired, 0u);
  expect_contents("after a program failure");
}

TEST_F(HbfDriver, ManyProgramFailuresAtOnceLoseMoreEventsThanTheQueueHoldsAndNothingElse) {
  hbf::Config config = bridge_cube();
  config.planes_per_die = 16;  // 64 lanes
  config.open_dlus = 128;
  config.controller.programs_per_channel = 64;
  config.capacity_bytes = std::uint64_t{2} * 32 * 8 * 4 * kPageBytes;
  start(config);
  image = std::make_unique<Image>(pages, 7, 8, 16);
  for (std::uint64_t page = 64; page < 128; ++page) inject(page, FaultKind::kProgramFail);
  ASSERT_EQ(load(4 * stripe), STATUS_OK) << bridge->console;
  EXPECT_GE(health.writer.counters.replays, 64u);
  expect_contents("after 64 program failures");
}

TEST_F(HbfDriver, AnEraseFailureTakesASpareOfTheBaseDieUnseen) {
  start();
  inject(3, FaultKind::kEraseFail);
  ASSERT_EQ(load(3 * stripe), STATUS_OK) << bridge->console;
  EXPECT_EQ(bridge->media().erase_fails, 1u);
  EXPECT_EQ(dev.n_bad, 0u);
  expect_contents("after an erase failure");
}

TEST_F(HbfDriver, AnEraseFailureWithoutSparesRetiresTheBlockToTheEndOfTheWindow) {
  hbf::Config config = bridge_cube();
  config.blocks_per_plane = 6;  // no hidden spares
  start(config);
  inject(3, FaultKind::kEraseFail);
  ASSERT_EQ(load(3 * stripe), STATUS_OK) << bridge->console;
  ASSERT_EQ(dev.n_bad, 1u);
  EXPECT_EQ(dev.bad[0].from, hbf_block_at(&dev.geometry, 3));
  EXPECT_EQ(hbf_block_row(dev.bad[0].to), 5u);
  expect_contents("on a spare");
}

TEST_F(HbfDriver, UnusableCapacityOfEverySizeIsRemappedWhileWriting) {
  for (unsigned granule : {1u, 2u, 3u}) {
    start();
    inject(2 * stripe + 5, FaultKind::kUnusable, 1, granule);
    ASSERT_EQ(load(3 * stripe), STATUS_OK) << bridge->console;
    EXPECT_GE(dev.n_bad, 1u) << granule;
    for (std::uint32_t i = 0; i < dev.n_bad; ++i) {
      if (granule == 1) continue;
      EXPECT_FALSE(hbf_block_channel(dev.bad[i].to) == hbf_block_channel(dev.bad[i].from) &&
                   hbf_block_lane(dev.bad[i].to) == hbf_block_lane(dev.bad[i].from))
          << "a spare in a bank that is gone";
    }
    expect_contents("granule " + std::to_string(granule));
  }
}

TEST_F(HbfDriver, WithoutASpareBlockTheWriteEndsAsFull) {
  start();
  inject(5, FaultKind::kUnusable, 1, HBF_GRANULE_BLOCK);
  EXPECT_EQ(load(pages), STATUS_FULL) << "every row is in use";
  EXPECT_NE(bridge->console.find("no spare block left"), std::string::npos) << bridge->console;
}

TEST_F(HbfDriver, ABlockedDieIsWaitedFor) {
  start();
  inject(stripe + 2, FaultKind::kDieBlocked);
  bridge->at.emplace(bridge->now() + 5 * kPsPerMs, [&] { inject(stripe + 2, FaultKind::kNone); });
  ASSERT_EQ(load(3 * stripe), STATUS_OK) << bridge->console;
  EXPECT_GT(health.writer.counters.waits, 0u);
  expect_contents("after a blocked die");
}

TEST_F(HbfDriver, ADieThatStaysBlockedEndsTheWriteWithTimeout) {
  start();
  inject(stripe + 2, FaultKind::kDieBlocked);
  EXPECT_EQ(load(3 * stripe), STATUS_TIMEOUT);
  EXPECT_NE(bridge->console.find("blocked"), std::string::npos) << bridge->console;
}

TEST_F(HbfDriver, AVendorStatusIsTriedAgainAndThenReported) {
  start();
  inject(stripe + 2, FaultKind::kVendor, 1, 1);
  EXPECT_EQ(load(3 * stripe), STATUS_HARDWARE);
  EXPECT_NE(bridge->console.find("write status 0xe info"), std::string::npos) << bridge->console;
}

TEST_F(HbfDriver, SevereHeatHoldsTheWriteAndLosesNothing) {
  for (auto reading : {hbf::Readings::SevereInFlight::kFinish, hbf::Readings::SevereInFlight::kBlocked}) {
    hbf::Config config = bridge_cube();
    config.thermal.enabled = true;
    config.thermal.step = 10 * kPsPerUs;
    config.thermal.capacity_j_per_k = 0.001;
    config.readings.severe_in_flight = reading;
    start(config);
    bridge->at.emplace(bridge->now() + kPsPerMs / 4, [&] { bridge->controller.cube().set_temperature(115); });
    ASSERT_EQ(load(12 * stripe), STATUS_OK) << bridge->console;
    expect_contents("after severe heat");
    std::uint32_t tmon = 0;
    bool light = true;
    EXPECT_EQ(hbf_cool_down(&dev, 1000000, &light), STATUS_OK);
    EXPECT_EQ(hbf_sideband_read(kRegisters, 0, HBF_SPACE_MMIO, HBF_MM_TMON_OFFSET, &tmon), STATUS_OK);
    EXPECT_EQ(tmon & HBF_MM_TMON_CES_MASK, 0u) << "the sticky bit has been cleared";
  }
}

// Read faults.

TEST_F(HbfDriver, AHintIsQueuedOnceAndRefreshedWhenIdle) {
  start();
  ASSERT_EQ(load(4 * stripe), STATUS_OK);
  inject(5, FaultKind::kCorrectedHigh);
  inject(stripe + 5, FaultKind::kCorrectedHigh);  // of the same block
  expect_contents("with hints");
  expect_contents("with hints again");
  EXPECT_EQ(health.n_queue, 1u);
  EXPECT_EQ(health.counters.collapsed, 3u);
  const std::uint64_t erases = bridge->media().erases, programs = bridge->media().programs;
  bool done = false;
  ASSERT_EQ(hbf_health_service(&health, false, &done), STATUS_OK);
  EXPECT_FALSE(done) << "one hint is not urgent";
  ASSERT_EQ(hbf_health_service(&health, true, &done), STATUS_OK);
  EXPECT_TRUE(done);
  EXPECT_EQ(health.n_queue, 0u);
  EXPECT_EQ(bridge->media().erases, erases + 1);
  EXPECT_EQ(bridge->media().programs, programs + 4) << "pages of the block that are in use";
  expect_contents("after the refresh");
  EXPECT_EQ(health.n_queue, 0u) << "the fault is gone with the erase";
}

TEST_F(HbfDriver, ReadCountsAreRefreshedBeforeTheDeviceHasToAsk) {
  hbf::Config config = bridge_cube();
  config.reliability.max_read_threshold = 40;
  start(config);
  ASSERT_EQ(load(4 * stripe), STATUS_OK);
  std::vector<std::uint8_t> data;
  while (bridge->block(hbf_block_at(&dev.geometry, 6)).reads < 37) {
    ASSERT_TRUE(read(6, data));
    ASSERT_TRUE(read(6 + stripe, data));
    ASSERT_TRUE(read(6 + 2 * stripe, data));  // evicts: two page buffers per lane
  }
  std::uint64_t reads = 0;
  ASSERT_EQ(hbf_block_reads(&dev, hbf_block_at(&dev.geometry, 6), &reads), STATUS_OK);
  EXPECT_EQ(reads, bridge->block(hbf_block_at(&dev.geometry, 6)).reads);
  EXPECT_EQ(health.n_queue, 0u);
  ASSERT_EQ(hbf_health_scan(&health, stripe), STATUS_OK);
  EXPECT_EQ(health.n_queue, 1u);
  EXPECT_EQ(health.counters.due_reads, 1u);
  bool done = false;
  ASSERT_EQ(hbf_health_service(&health, true, &done), STATUS_OK);
  EXPECT_TRUE(done);
  EXPECT_EQ(bridge->block(hbf_block_at(&dev.geometry, 6)).reads, 0u);
  // And when it does ask: info 1.
  for (unsigned i = 0; i < 20; ++i)
    for (unsigned k = 0; k < 3; ++k) ASSERT_TRUE(read(6 + k * stripe, data));
  EXPECT_GT(health.counters.hints_reads, 0u);
  EXPECT_EQ(health.n_queue, 1u);
}

TEST_F(HbfDriver, OldRowsAreRefreshedWhenIdleAndOverdueOnesBetweenPasses) {
  hbf::Config config = bridge_cube();
  config.reliability.retention_hours = 0.1 / 3600;  // 100 ms
  start(config);
  EXPECT_EQ(dev.retention_ns, 100000000u);
  ASSERT_EQ(load(2 * hbf_row_pages(&dev.geometry)), STATUS_OK);
  EXPECT_FALSE(hbf_health_pending(&health, false));
  bridge->run_until(bridge->now() + 60 * kPsPerMs);
  EXPECT_TRUE(hbf_health_pending(&health, false));
  EXPECT_FALSE(hbf_health_pending(&health, true));
  bridge->run_until(bridge->now() + 20 * kPsPerMs);
  EXPECT_TRUE(hbf_health_pending(&health, true));
  const std::uint64_t erases = bridge->media().erases;
  for (unsigned i = 0; i < 100 && hbf_health_pending(&health, false); ++i) {
    bool done = false;
    ASSERT_EQ(hbf_health_service(&health, i >= 4, &done), STATUS_OK);
  }
  EXPECT_FALSE(hbf_health_pending(&health, false));
  EXPECT_EQ(bridge->media().erases - erases, 2u * stripe) << "every block of both rows, once";
  EXPECT_EQ(health.counters.due_age, 2u);
  expect_contents("after the refresh");
}

TEST_F(HbfDriver, PreloadedContentsAreAsOldAsTheDeviceSays) {
  // Of a retention time of 100 hours: refreshed when idle from 50 on, between passes from 75 on.
  for (double hours : {0.0, 49.0, 51.0, 74.0, 76.0, 1e6}) {
    SCOPED_TRACE(hours);
    hbf::Config config = bridge_cube();
    config.reliability.retention_hours = 100;
    config.reliability.hours_at_start = hours;
    start(config);
    loaded = hbf_row_pages(&dev.geometry) + stripe / 2;
    bridge->controller.debug_write(0, image->bytes.data(), loaded * kPageBytes);
    std::uint64_t ns = 0;
    ASSERT_EQ(hbf_block_age(&dev, hbf_block_at(&dev.geometry, 1), &ns), STATUS_OK);
    EXPECT_NEAR(static_cast<double>(ns), hours * 3.6e12, 1e9 + hours * 1e3);
    hbf_range_t range{};
    range.pages = loaded;
    range.source = &image->source;
    ASSERT_EQ(hbf_health_add_present(&health, &range), STATUS_OK) << bridge->console;
    EXPECT_EQ(hbf_health_pending(&health, false), hours > 50);
    EXPECT_EQ(hbf_health_pending(&health, true), hours > 75);
    const std::uint64_t erases = bridge->media().erases;
    for (unsigned i = 0; i < 100 && hbf_health_pending(&health, false); ++i) {
      bool done = false;
      ASSERT_EQ(hbf_health_service(&health, hours < 75 || i > 3, &done), STATUS_OK) << bridge->console;
    }
    EXPECT_FALSE(hbf_health_pending(&health, false));
    EXPECT_EQ(health.counters.refreshes, hours > 50 ? stripe + stripe / 2 : 0u);
    EXPECT_EQ(bridge->media().erases - erases, health.counters.refreshes);
    EXPECT_EQ(health.counters.due_age, hours > 50 ? 2u : 0u);
    ASSERT_EQ(hbf_block_age(&dev, hbf_block_at(&dev.geometry, 1), &ns), STATUS_OK);
    EXPECT_NEAR(static_cast<double>(ns), hours > 50 ? 0 : hours * 3.6e12, 1e9);
    expect_contents("preloaded");
  }
}

TEST_F(HbfDriver, AgesOfManyRowsTakeABoundedNumberOfCommands) {
  hbf::Config config = bridge_cube();
  config.pages_per_block = 1;
  config.blocks_per_plane = 501;
  config.capacity_bytes = std::uint64_t{2} * 4 * 500 * kPageBytes;
  config.reliability.retention_hours = 1e5;  // more milliseconds than 32 bits hold
  config.reliability.hours_at_start = 6e4;
  start(config);
  rows.assign(490, 0);
  hbf_health_init(&health, &dev, rows.data(), static_cast<std::uint32_t>(rows.size()));
  hbf_range_t range{};
  range.pages = 495 * stripe;
  range.source = &image->source;
  bridge->controller.debug_write(0, image->bytes.data(), range.pages * kPageBytes);
  const TimePs before = bridge->now();
  std::uint64_t ns = 0;
  ASSERT_EQ(hbf_block_age(&dev, 0, &ns), STATUS_OK);
  const TimePs one = bridge->now() - before;
  ASSERT_EQ(hbf_health_add_present(&health, &range), STATUS_OK) << bridge->console;
  EXPECT_LE(bridge->now() - before, (HBF_AGE_BLOCKS * HBF_AGE_ROWS + 2) * one * 11 / 10);
  EXPECT_NE(bridge->console.find("contents in 495 rows of blocks: only rows below 490"), std::string::npos)
      << bridge->console;
  EXPECT_TRUE(hbf_health_pending(&health, false)) << "60 % of the retention time";
  EXPECT_FALSE(hbf_health_pending(&health, true));
  for (std::uint32_t row = 0; row < rows.size(); ++row)
    ASSERT_NEAR(0.0 - static_cast<std::int32_t>(rows[row]), 6e4 * 3.6e6 / health.age_unit_ms, 10) << row;
}

TEST_F(HbfDriver, AnUncorrectablePageIsWrittenAgainFromItsSource) {
  start();
  ASSERT_EQ(load(6 * stripe), STATUS_OK);
  inject(stripe + 4, FaultKind::kUncorrectable);
  inject(2 * stripe + 7, FaultKind::kReadCount);
  expect_contents("with an uncorrectable page");
  EXPECT_EQ(health.counters.rewrites, 1u);
}

TEST_F(HbfDriver, HostDrivenRetryAsksForTheStageThatTheDeviceNames) {
  hbf_policy_t policy = HbfBridge::policy();
  policy.host_retry = true;
  start(bridge_cube(), policy);
  ASSERT_EQ(load(3 * stripe), STATUS_OK);
  inject(stripe + 4, FaultKind::kRetry, 1);
  inject(stripe + 6, FaultKind::kRetry, 3);
  expect_contents("with retries");
  EXPECT_EQ(health.counters.retries, 4u) << "one stage, and three";
  EXPECT_EQ(health.counters.rewrites, 0u);
}

TEST_F(HbfDriver, RetriesOfTheBaseDieAreUnseen) {
  start();
  ASSERT_EQ(load(3 * stripe), STATUS_OK);
  inject(stripe + 6, FaultKind::kRetry, 3);
  expect_contents("with retries");
  EXPECT_EQ(health.counters.retries, 0u);
  EXPECT_EQ(bridge->media().retried, 1u);
}

TEST_F(HbfDriver, UnusableCapacityIsRemappedAndReloadedWhileReading) {
  for (unsigned granule : {1u, 2u, 3u}) {
    start();
    ASSERT_EQ(load(3 * stripe), STATUS_OK);
    inject(stripe + 5, FaultKind::kUnusable, 1, granule);
    expect_contents("granule " + std::to_string(granule));
    EXPECT_GE(dev.n_bad, 1u);
    expect_contents("again, granule " + std::to_string(granule));
  }
}

TEST_F(HbfDriver, ARestrictedRangeAndABlockedDieAreWaitedForWhileReading) {
  for (FaultKind kind : {FaultKind::kRestricted, FaultKind::kDieBlocked}) {
    start();
    ASSERT_EQ(load(3 * stripe), STATUS_OK);
    inject(stripe + 5, kind);
    bridge->at.emplace(bridge->now() + 3 * kPsPerMs, [&] { inject(stripe + 5, FaultKind::kNone); });
    expect_contents("after waiting");
    EXPECT_GT(health.counters.waits, 0u);
  }
}

TEST_F(HbfDriver, ARangeThatStaysRestrictedIsReported) {
  start();
  ASSERT_EQ(load(stripe), STATUS_OK);
  inject(5, FaultKind::kRestricted);
  std::vector<std::uint8_t> data;
  EXPECT_FALSE(read(5, data));
  EXPECT_NE(bridge->console.find("read status 0x2"), std::string::npos) << bridge->console;
}

TEST_F(HbfDriver, AVendorStatusIsReadAgainAndThenReported) {
  start();
  ASSERT_EQ(load(stripe), STATUS_OK);
  inject(5, FaultKind::kVendor, 1, 2);
  std::vector<std::uint8_t> data;
  EXPECT_FALSE(read(5, data));
  EXPECT_NE(bridge->console.find("read status 0xf"), std::string::npos) << bridge->console;
  inject(5, FaultKind::kNone);
  expect_contents("after the vendor's condition");
}

TEST_F(HbfDriver, ReadingWhatWasNeverWrittenIsReported) {
  start();
  ASSERT_EQ(load(stripe), STATUS_OK);
  std::vector<std::uint8_t> data;
  EXPECT_FALSE(read(5 * hbf_row_pages(&dev.geometry), data));
  EXPECT_NE(bridge->console.find("read status 0x7 info 0: nothing was written there"), std::string::npos)
      << bridge->console;
}

TEST_F(HbfDriver, AChunkThatIsStillMissingIsWaitedFor) {
  start();
  ASSERT_EQ(load(stripe), STATUS_OK);
  // Half of page 1 of block 0: the rest never comes, so the page times out and reads as never written.
  std::vector<std::uint8_t> half(kPageBytes / 2, 0x5a);
  hbf::Controller::Request request;
  request.tag = ~0ull;
  request.is_write = true;
  request.address = std::uint64_t{stripe} * kPageBytes;
  request.bytes = half.size();
  request.data = half.data();
  bridge->controller.submit(request);
  bridge->run_until(bridge->now() + kPsPerUs);
  std::vector<std::uint8_t> data;
  loaded = 2 * stripe;
  health.ranges[0].pages = loaded;
  ASSERT_TRUE(read(stripe, data)) << bridge->console;
  EXPECT_TRUE(image->equals(stripe, data.data())) << "0xa, then 0x7, then written from the source";
  EXPECT_GT(health.counters.waits, 0u);
  EXPECT_GT(health.counters.rewrites, 0u);
}

// Wear, bad blocks, power.

TEST_F(HbfDriver, WearCountsErases) {
  start();
  ASSERT_EQ(load(2 * stripe), STATUS_OK);
  for (unsigned i = 0; i < 4; ++i) ASSERT_EQ(hbf_health_reload(&health), STATUS_OK);
  hbf_wear_t wear;
  ASSERT_EQ(hbf_wear(&dev, &wear), STATUS_OK);
  EXPECT_GE(wear.max_cycles, 1u);
  EXPECT_EQ(wear.endurance, 100000u);
  EXPECT_FALSE(wear.reduced);
}

TEST_F(HbfDriver, BadBlocksAreFoundInTheBitmapAndRemappedBeforeTheFirstWrite) {
  start();
  inject(5, FaultKind::kUnusable, 1, HBF_GRANULE_BLOCK);
  std::vector<std::uint8_t> data;
  (void)bridge->demand(5 * kPageBytes, kPageBytes);  // the device notices
  ASSERT_EQ(hbf_open(&dev, kRegisters, &dev.os, &policy_), STATUS_OK);
  ASSERT_EQ(dev.n_unfit, 1u) << bridge->console;
  EXPECT_EQ(dev.unfit[0], hbf_block_at(&dev.geometry, 5));
  hbf_wear_t wear;
  ASSERT_EQ(hbf_wear(&dev, &wear), STATUS_OK);
  EXPECT_TRUE(wear.reduced);
  ASSERT_EQ(load(3 * stripe), STATUS_OK) << bridge->console;
  EXPECT_EQ(dev.n_bad, 1u);
  EXPECT_EQ(health.writer.counters.retired, 0u) << "known before";
  expect_contents("with a block from the bitmap");
}

TEST_F(HbfDriver, ContentsThatAPowerCycleErasedAreReloaded) {
  hbf::Config config = bridge_cube();
  config.readings.power_on_erase = true;
  start(config);
  ASSERT_EQ(load(10 * stripe), STATUS_OK);
  ASSERT_EQ(hbf_power_cycle(&dev), STATUS_OK);
  EXPECT_FALSE(bridge->demand(0, kPageBytes).good) << "not enabled";
  ASSERT_EQ(hbf_reopen(&dev, &policy_), STATUS_OK) << bridge->console;
  EXPECT_FALSE(bridge->demand(0, kPageBytes).good) << "obfuscated";
  ASSERT_EQ(hbf_health_reload(&health), STATUS_OK) << bridge->console;
  expect_contents("after reloading");
}

TEST_F(HbfDriver, RemappedBlocksSurviveAPowerCycle) {
  start();
  inject(5, FaultKind::kUnusable, 1, HBF_GRANULE_BLOCK);
  ASSERT_EQ(load(3 * stripe), STATUS_OK);
  ASSERT_EQ(dev.n_bad, 1u);
  ASSERT_EQ(hbf_power_cycle(&dev), STATUS_OK);
  ASSERT_EQ(hbf_reopen(&dev, &policy_), STATUS_OK) << bridge->console;
  expect_contents("after a power cycle");
  EXPECT_EQ(health.counters.rewrites, 0u);
}

/// One power loss while an image is written over an older one. Every page is then old, new, or reported as
/// lost; nothing else may be read.
void lose_power(Rng& rng, std::uint64_t seed, unsigned& old_pages, unsigned& new_pages,
                unsigned& lost_pages) {
  HbfBridge bridge;
  const hbf_os_t os = bridge.os();
  const hbf_policy_t policy = HbfBridge::policy();
  hbf_t dev{};
  ASSERT_EQ(hbf_open(&dev, kRegisters, &os, &policy), STATUS_OK) << bridge.console;
  const std::uint64_t rows = 2 * hbf_row_pages(&dev.geometry), pages = hbf_window_pages(&dev.geometry);
  Image before(pages, seed), after(pages, seed + 1000);
  hbf_writer_t writer;
  hbf_writer_init(&writer, &dev, &before.source);
  const TimePs begin = bridge.now();
  ASSERT_EQ(hbf_write(&writer, 0, rows), STATUS_OK);
  const TimePs when = rng.below(bridge.now() - begin);
  SCOPED_TRACE("power lost after " + std::to_string(when) + " ps");
  bridge.at.emplace(bridge.now() + when, [&] { bridge.controller.power_cycle(); });
  hbf_writer_init(&writer, &dev, &after.source);
  ASSERT_EQ(hbf_write(&writer, 0, rows), STATUS_RESET) << bridge.console;
  while (!hbf_is_ready(&dev)) bridge.run_until(bridge.now() + 100 * kPsPerUs);
  ASSERT_EQ(hbf_reopen(&dev, &policy), STATUS_OK) << bridge.console;
  std::set<hbf_block_t> begun;  // blocks with a new page
  for (std::uint64_t page = 0; page < rows; ++page) {
    const hbf_block_t block = hbf_block_at(&dev.geometry, page);
    hbf_event_t event{};
    const HbfBridge::Read r = bridge.demand(page * kPageBytes, kPageBytes);
    if (r.good) {
      const bool is_old = before.equals(page, r.data.data()), is_new = after.equals(page, r.data.data());
      ASSERT_TRUE(is_old || is_new) << "page " << page << " is corrupt";
      // A block is written from its start, after an erase.
      ASSERT_FALSE(is_old && begun.count(block) != 0) << "page " << page << " is old, behind a new one";
      if (is_new) begun.insert(block);
      (is_new ? new_pages : old_pages) += 1;
      continue;
    }
    ASSERT_TRUE(hbf_take_event(&dev, &event));
    EXPECT_EQ(event.offset / kPageBytes, page);
    EXPECT_TRUE(event.code == HBF_READ_UNCORRECTABLE || event.code == HBF_READ_ERASED) << event.code;
    for (std::uint8_t byte : r.data) ASSERT_EQ(byte, 0xff);
    ++lost_pages;
  }
  ASSERT_EQ(hbf_write(&writer, 0, rows), STATUS_OK) << bridge.console;
  for (std::uint64_t page = 0; page < rows; ++page) {
    const HbfBridge::Read r = bridge.demand(page * kPageBytes, kPageBytes);
    ASSERT_TRUE(r.good && after.equals(page, r.data.data())) << "page " << page << " after loading again";
  }
}

TEST(HbfPowerLoss, AtAnyMomentOfAWriteLeavesOldNewOrReportedBlocks) {
  Rng rng(5, "power");
  unsigned old_pages = 0, new_pages = 0, lost_pages = 0;
  for (unsigned i = 0; i < 25; ++i) {
    lose_power(rng, i, old_pages, new_pages, lost_pages);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(old_pages, 0u);
  EXPECT_GT(new_pages, 0u);
  EXPECT_GT(lost_pages, 0u);
  RecordProperty("old", static_cast<int>(old_pages));
  std::printf("pages: %u old, %u new, %u reported as lost\n", old_pages, new_pages, lost_pages);
}

TEST_F(HbfDriver, ALossOfPowerDuringARefreshLosesNothingThatTheSourceHas) {
  for (unsigned i = 0; i < 8; ++i) {
    start();
    ASSERT_EQ(load(6 * stripe), STATUS_OK);
    inject(5, FaultKind::kCorrectedHigh);
    std::vector<std::uint8_t> data;
    ASSERT_TRUE(read(5, data));
    bridge->at.emplace(bridge->now() + (10 + i * 27) * kPsPerUs, [&] { bridge->controller.power_cycle(); });
    bool done = false;
    EXPECT_EQ(hbf_health_service(&health, true, &done), STATUS_RESET) << i;
    while (!hbf_is_ready(&dev)) bridge->run_until(bridge->now() + 100 * kPsPerUs);
    ASSERT_EQ(hbf_reopen(&dev, &policy_), STATUS_OK);
    expect_contents("after a power loss in a refresh");
  }
}

// Random faults.

TEST_F(HbfDriver, RandomFaultsAtAHundredTimesTheRateLoseNoData) {
  hbf::Config config = bridge_cube();
  config.reliability.program_fail_rate = 1e-4;
  config.reliability.erase_fail_rate = 1e-5;
  config.reliability.extra_corrected = 1e-4;
  config.reliability.extra_retry = 1e-4;
  config.reliability.extra_uncorrectable = 2e-5;
  config.reliability.base_rber = 1.6e-3;  // a tail beyond high_bits: refresh hints
  config.reliability.rate_scale = 100;
  config.blocks_per_plane = 12;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    config.seed = seed;
    start(config);
    ASSERT_EQ(load(4 * hbf_row_pages(&dev.geometry)), STATUS_OK) << bridge->console;
    for (unsigned pass = 0; pass < 12; ++pass) {
      expect_contents("pass " + std::to_string(pass));
      bool done = true;
      while (done) ASSERT_EQ(hbf_health_service(&health, true, &done), STATUS_OK) << bridge->console;
    }
    EXPECT_GT(bridge->media().program_fails + bridge->media().uncorrectable, 0u);
    std::printf(
        "seed %u: %u program fails, %u erase fails, %u uncorrectable; %u replays, %u rewrites, %u "
        "refreshes\n",
        unsigned(seed), unsigned(bridge->media().program_fails), unsigned(bridge->media().erase_fails),
        unsigned(bridge->media().uncorrectable), unsigned(health.writer.counters.replays),
        unsigned(health.counters.rewrites), unsigned(health.counters.refreshes));
  }
}

// Read-ahead.

TEST_F(HbfDriver, DepthIsTwiceBandwidthTimesLatencyWithinTheSram) {
  start();
  // 8 lanes x 4096 B / 1000 ns = 32768 MB/s; latency = tR + what the controller says.
  EXPECT_EQ(hbf_read_mbytes_per_s(&dev), 32768u);
  const double latency = 1000.0 + dev.latency_ns;
  const auto expected = static_cast<std::uint32_t>(std::ceil(2 * 32768e6 * latency * 1e-9 / 4096));
  EXPECT_EQ(hbf_stream_depth(&dev), expected);
  dev.prefetch_pages = 5;
  EXPECT_EQ(hbf_stream_depth(&dev), 5u);
}

TEST_F(HbfDriver, AStreamArrivesBeforeItIsReadAndReadsTheSame) {
  start();
  ASSERT_EQ(load(4 * stripe), STATUS_OK);
  alignas(64) static hbf_extent_t table[4];
  std::uint32_t n = hbf_stream_add(table, 0, 4, 0, 2 * stripe * kPageBytes);
  n = hbf_stream_add(table, n, 4, 2 * stripe * kPageBytes, stripe * kPageBytes);
  EXPECT_EQ(n, 1u) << "adjacent extents are one";
  ASSERT_EQ(hbf_stream_start(&dev, reinterpret_cast<std::uint64_t>(table), n, hbf_stream_depth(&dev), false),
            STATUS_OK);
  bridge->run_until(bridge->now() + 100 * kPsPerUs);
  EXPECT_EQ(hbf_stream_held(kRegisters), hbf_stream_depth(&dev));
  for (std::uint64_t page = 0; page < 3 * stripe; ++page) {
    const HbfBridge::Read r = bridge->demand(page * kPageBytes, kPageBytes);
    ASSERT_TRUE(r.good && image->equals(page, r.data.data())) << page;
    bridge->run_until(bridge->now() + 10 * kPsPerUs);
  }
  EXPECT_EQ(bridge->controller.read_ahead().counters().hits, 3u * stripe);
  EXPECT_EQ(bridge->controller.counters().misses, 0u);
}

TEST(HbfStream, TheTableListsEveryPageOnceInTheOrderOfUse) {
  hbf_extent_t t[4];
  std::uint32_t n = hbf_stream_add(t, 0, 4, 100, 4000);  // pages 0
  n = hbf_stream_add(t, n, 4, 4100, 100);                // page 1, joined
  ASSERT_EQ(n, 1u);
  EXPECT_EQ(t[0].bytes, 8192u);
  n = hbf_stream_add(t, n, 4, 0x10000, 100);  // scales of a tile
  n = hbf_stream_add(t, n, 4, 8192, 4096);    // next tile
  ASSERT_EQ(n, 3u);
  n = hbf_stream_add(t, n, 4, 0x10064, 100);  // scales in the page that is listed already
  ASSERT_EQ(n, 3u);
  n = hbf_stream_add(t, n, 4, 0x20000, 1);
  ASSERT_EQ(n, 4u);
  EXPECT_EQ(hbf_stream_add(t, n, 4, 0x30000, 1), 4u) << "full";
}

}  // namespace
}  // namespace memwall::test
