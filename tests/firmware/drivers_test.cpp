// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Every driver function against the exact list of its register accesses.
#include <gtest/gtest.h>

#include "firmware/mmio_mock.h"

extern "C" {
#include "drivers/accel.h"
#include "drivers/cmdq.h"
#include "drivers/dma.h"
#include "drivers/hbf.h"
#include "drivers/hbm.h"
#include "drivers/link.h"
#include "drivers/mailbox.h"
#include "drivers/pnm.h"
#include "drivers/sysctrl.h"
#include "drivers/timer.h"
#include "drivers/uart.h"

uint32_t mmio_read32(mmio_t base, uint32_t offset) {
  return memwall::test::MmioMock::current()->access(false, base, offset, 0);
}
void mmio_write32(mmio_t base, uint32_t offset, uint32_t value) {
  memwall::test::MmioMock::current()->access(true, base, offset, value);
}
}

namespace memwall::test {
namespace {

class CmdqDriver : public MmioMock {};
class LinkDriver : public MmioMock {};
class HbfDriver : public MmioMock {};
class Drivers : public MmioMock {};

TEST_F(CmdqDriver, StartStopsTheQueueSetsTheRingsAndResets) {
  expect_write(0x1c, 0);
  expect_write(0x00, 0x20000080);
  expect_write(0x04, 0x1);
  expect_write(0x14, 0x20001020);
  expect_write(0x18, 0x1);
  expect_write(0x08, 64);
  expect_write(0x28, 3);
  expect_write(0x1c, 5);
  expect_read(0x1c, 5);  // reset not done yet
  expect_read(0x1c, 1);
  EXPECT_EQ(cmdq_start(kBase, 0x120000080, 0x120001020, 64), STATUS_OK);
}

TEST_F(CmdqDriver, StartRefusesBadRingsWithoutTouchingTheHardware) {
  EXPECT_EQ(cmdq_start(kBase, 0x1040, 0x2000, 64), STATUS_BAD_ARGUMENT);
  EXPECT_EQ(cmdq_start(kBase, 0x1000, 0x2010, 64), STATUS_BAD_ARGUMENT);
  EXPECT_EQ(cmdq_start(kBase, 0x1000, 0x2000, 0), STATUS_BAD_ARGUMENT);
  EXPECT_EQ(cmdq_start(kBase, 0x1000, 0x2000, 48), STATUS_BAD_ARGUMENT);
  EXPECT_EQ(cmdq_start(kBase, 0x1000, 0x2000, 2048), STATUS_BAD_ARGUMENT);
}

TEST_F(CmdqDriver, ResetThatNeverEndsTimesOut) {
  expect_write(0x1c, 5);
  for (std::uint32_t i = 0; i < CMDQ_RESET_POLLS; ++i) expect_read(0x1c, 4);
  EXPECT_EQ(cmdq_reset(kBase), STATUS_TIMEOUT);
}

TEST_F(CmdqDriver, DoorbellAndHeadAreOneAccessEach) {
  expect_write(0x0c, 17);
  cmdq_ring(kBase, 17);
  expect_read(0x10, 16);
  EXPECT_EQ(cmdq_head(kBase), 16u);
}

TEST_F(CmdqDriver, ErrorReadsTheDetailsOnlyWhenHalted) {
  expect_read(0x20, 0x1);  // busy
  EXPECT_FALSE(cmdq_error(kBase).halted);
  expect_read(0x20, 0x802);
  expect_read(0x2c, 0x77);
  expect_read(0x30, 0x40);
  expect_read(0x34, 0x10);
  const cmdq_error_t error = cmdq_error(kBase);
  EXPECT_TRUE(error.halted);
  EXPECT_EQ(error.code, 8u);
  EXPECT_EQ(error.tag, 0x77u);
  EXPECT_EQ(error.address, 0x1000000040u);
}

TEST_F(CmdqDriver, ClearInterruptWritesBackExactlyWhatItRead) {
  expect_read(0x24, 0);
  cmdq_clear_interrupt(kBase);
  expect_read(0x24, 2);
  expect_write(0x24, 2);
  cmdq_clear_interrupt(kBase);
}

TEST_F(LinkDriver, StartChecksTheIdAndEnablesInterruptsFirst) {
  expect_read(0x00, 0);
  EXPECT_EQ(link_start(kBase), STATUS_NOT_FOUND);
  expect_read(0x00, 0x4c4e4b01);
  expect_write(0x40, 3);
  expect_write(0x04, 1);
  EXPECT_EQ(link_start(kBase), STATUS_OK);
}

TEST_F(LinkDriver, PostDescribesTheMessageThenPosts) {
  expect_read(0x08, 0x00080101);
  expect_read(0x24, 41);
  expect_write(0x0c, 0x30000040);
  expect_write(0x10, 0x2);
  expect_write(0x14, 0x1000);
  expect_write(0x18, 96);
  expect_write(0x1c, 3);
  expect_write(0x20, 1);
  expect_read(0x24, 42);
  EXPECT_EQ(link_post(kBase, 0x230000040, 0x1000, 96, 3), STATUS_OK);
}

TEST_F(LinkDriver, PostThatThePortRefusedIsAnError) {
  expect_read(0x08, 0x00080101);
  expect_read(0x24, 41);
  expect_write(0x0c, 0);
  expect_write(0x10, 0);
  expect_write(0x14, 0);
  expect_write(0x18, 32);
  expect_write(0x1c, 0);
  expect_write(0x20, 1);
  expect_read(0x24, 41);
  EXPECT_EQ(link_post(kBase, 0, 0, 32, 0), STATUS_HARDWARE);
}

TEST_F(LinkDriver, PostWaitsForNothing) {
  EXPECT_EQ(link_post(kBase, 4, 0, 32, 0), STATUS_BAD_ARGUMENT);
  EXPECT_EQ(link_post(kBase, 0, 4, 32, 0), STATUS_BAD_ARGUMENT);
  EXPECT_EQ(link_post(kBase, 0, 0, 33, 0), STATUS_BAD_ARGUMENT);
  EXPECT_EQ(link_post(kBase, 0, 0, 0, 0), STATUS_BAD_ARGUMENT);
  EXPECT_EQ(link_post(kBase, 0, 0, LINK_MAX_MESSAGE + 32, 0), STATUS_BAD_ARGUMENT);
  EXPECT_EQ(link_post(kBase, 0, 0, 32, 32), STATUS_BAD_ARGUMENT);
  expect_read(0x08, 0x00080000);  // training
  EXPECT_EQ(link_post(kBase, 0, 0, 32, 0), STATUS_HARDWARE);
  expect_read(0x08, 0x00080005);  // down
  EXPECT_EQ(link_post(kBase, 0, 0, 32, 0), STATUS_HARDWARE);
  expect_read(0x08, 0x00000003);  // up, queue full
  EXPECT_EQ(link_post(kBase, 0, 0, 32, 0), STATUS_FULL);
}

TEST_F(LinkDriver, ResetStatusSignalsCountersAndInterrupts) {
  expect_write(0x04, 3);
  link_reset(kBase);
  expect_read(0x08, 0x00070302);
  const link_status_t status = link_status(kBase);
  EXPECT_FALSE(status.up);
  EXPECT_FALSE(status.down);
  EXPECT_EQ(status.peer, 3u);
  EXPECT_EQ(status.tx_free, 7u);
  expect_read(0x80 + 4 * 5, 9);
  EXPECT_EQ(link_signal_count(kBase, 5), 9u);
  expect_read(0x24, 1);
  expect_read(0x28, 2);
  expect_read(0x2c, 3);
  expect_read(0x30, 4);
  expect_read(0x34, 5);
  const link_counters_t counters = link_counters(kBase);
  EXPECT_EQ(counters.posted, 1u);
  EXPECT_EQ(counters.acked, 2u);
  EXPECT_EQ(counters.rejected, 3u);
  EXPECT_EQ(counters.crc_errors, 4u);
  EXPECT_EQ(counters.replays, 5u);
  expect_read(0x3c, 5);
  expect_write(0x3c, 5);
  link_clear_interrupt(kBase);
}

TEST_F(HbfDriver, SidebandReadLooksAtTheErrorOnlyWhenAllOnes) {
  expect_write(0x50, 0x03100010);  // channel 3, MMIO, offset 0x10
  expect_read(0x54, 1);
  std::uint32_t value = 0;
  EXPECT_EQ(hbf_sideband_read(kBase, 3, HBF_SPACE_MMIO, 0x10, &value), STATUS_OK);
  EXPECT_EQ(value, 1u);
  expect_write(0x50, 0x00000018);
  expect_read(0x54, 0xffffffff);
  expect_read(0x58, 1);
  EXPECT_EQ(hbf_sideband_read(kBase, 0, HBF_SPACE_CONFIG, 0x18, &value), STATUS_NOT_FOUND);
}

TEST_F(HbfDriver, SidebandWriteReportsItsError) {
  expect_write(0x50, 0x0010000c);
  expect_write(0x54, 0x1);
  expect_read(0x58, 0);
  EXPECT_EQ(hbf_sideband_write(kBase, 0, HBF_SPACE_MMIO, 0x0c, 1), STATUS_OK);
}

hbf_os_t no_os() {
  hbf_os_t os{};
  os.now_us = [](void*) { return std::uint64_t{0}; };
  os.wait_us = [](void*, std::uint32_t) {};
  return os;
}

TEST_F(HbfDriver, AdminReadSendsTheAddressThenTakesTheData) {
  const hbf_os_t os = no_os();
  expect_read(0x40, 0);
  expect_write(0x30, 0x00000005);  // channel 5, one beat
  expect_write(0x34, 0x00000202);  // feature 2, opcode 2
  expect_write(0x38, 0);
  expect_write(0x3c, 1);
  expect_read(0x40, 1);
  expect_read(0x40, 2);
  expect_write(0x44, 0);
  expect_read(0x48, 1000);
  expect_read(0x48, 75000);
  std::uint64_t value = 0;
  EXPECT_EQ(hbf_get_feature(kBase, &os, 5, HBF_FEATURE_TIMES, &value), STATUS_OK);
  EXPECT_EQ(value, 1000u | 75000ull << 32);
}

TEST_F(HbfDriver, AdminWriteFillsTheBeatFirst) {
  const hbf_os_t os = no_os();
  expect_read(0x40, 0);
  expect_write(0x44, 0);
  expect_write(0x48, 7);
  for (int i = 1; i < 16; ++i) expect_write(0x48, 0);
  expect_write(0x30, 0);
  expect_write(0x34, 0x00000501);
  expect_write(0x38, 0);
  expect_write(0x3c, 2);
  expect_read(0x40, 0x22);  // done, code 2: bad value
  EXPECT_EQ(hbf_set_feature(kBase, &os, 0, HBF_FEATURE_MAX_READ_THRESHOLD, 7), STATUS_UNSUPPORTED);
}

TEST_F(HbfDriver, AnAdminCommandIsNotSentWhileOneIsWaiting) {
  const hbf_os_t os = no_os();
  expect_read(0x40, 1);
  std::uint64_t value = 0;
  EXPECT_EQ(hbf_get_feature(kBase, &os, 0, HBF_FEATURE_TIMES, &value), STATUS_FULL);
}

TEST_F(HbfDriver, AnAdminCommandThatIsNotAnsweredTimesOut) {
  hbf_os_t os{};
  static std::uint64_t now;
  now = 0;
  os.now_us = [](void*) { return now; };
  os.wait_us = [](void*, std::uint32_t) { now += HBF_ADMIN_TIMEOUT_US / 2 + 1; };
  expect_read(0x40, 0);
  expect_write(0x30, 0);
  expect_write(0x34, 0x00000202);
  expect_write(0x38, 0);
  expect_write(0x3c, 1);
  for (int i = 0; i < 19; ++i) expect_read(0x40, 1);
  std::uint64_t value = 0;
  EXPECT_EQ(hbf_get_feature(kBase, &os, 0, HBF_FEATURE_TIMES, &value), STATUS_TIMEOUT);
}

TEST_F(HbfDriver, EventsAreReadThenTaken) {
  hbf_t hbf{};
  hbf.registers = kBase;
  hbf_event_t event{};
  expect_read(0x60, 0x255);  // valid, data valid, code 5, info 2
  expect_read(0x64, 0x2000);
  expect_read(0x68, 0x3);
  expect_write(0x6c, 1);
  ASSERT_TRUE(hbf_take_event(&hbf, &event));
  EXPECT_EQ(event.code, 5u);
  EXPECT_EQ(event.info, 2u);
  EXPECT_TRUE(event.data_valid);
  EXPECT_FALSE(event.write);
  EXPECT_EQ(event.offset, 0x300002000u);
  expect_read(0x60, 0);
  EXPECT_FALSE(hbf_take_event(&hbf, &event));
}

TEST_F(HbfDriver, RetryStagesBeyondTheFieldAreRefused) {
  hbf_t hbf{};
  hbf.registers = kBase;
  expect_write(0x28, 0x30);
  EXPECT_EQ(hbf_set_retry_stage(&hbf, 3), STATUS_OK);
  EXPECT_EQ(hbf_set_retry_stage(&hbf, 8), STATUS_BAD_ARGUMENT);
}

TEST_F(HbfDriver, NothingIsFoundWithoutTheControllersId) {
  hbf_t hbf;
  const hbf_os_t os = no_os();
  const hbf_policy_t policy{};
  expect_read(0x00, 0x48424601);
  EXPECT_EQ(hbf_open(&hbf, kBase, &os, &policy), STATUS_NOT_FOUND);
}

TEST_F(Drivers, UartPutsOneByteIfThereIsRoom) {
  expect_read(0x0c, 0);
  expect_write(0x04, 'x');
  EXPECT_EQ(uart_put(kBase, 'x'), STATUS_OK);
  expect_read(0x0c, 1);
  EXPECT_EQ(uart_put(kBase, 'x'), STATUS_FULL);
  expect_read(0x0c, 2);
  EXPECT_TRUE(uart_is_idle(kBase));
  expect_write(0x10, 2);
  uart_interrupt_when_idle(kBase, true);
  expect_write(0x10, 0);
  uart_interrupt_when_idle(kBase, false);
}

TEST_F(Drivers, AcceleratorProbeReadsIdAndScratchpad) {
  expect_read(0x80, 0x12345601);
  accel_config_t config;
  EXPECT_EQ(accel_probe(kBase, &config), STATUS_NOT_FOUND);
  expect_read(0x80, 0x41434301);
  expect_read(0x84, 4 << 20);
  EXPECT_EQ(accel_probe(kBase, &config), STATUS_OK);
  EXPECT_EQ(config.sram_bytes, 4u << 20);
}

TEST_F(Drivers, PnmProbeReadsIdAndLimits) {
  pnm_config_t config;
  expect_read(0x80, 0x504e4d02);
  EXPECT_EQ(pnm_probe(kBase, &config), STATUS_NOT_FOUND);
  expect_read(0x80, 0x504e4d01);
  expect_read(0x84, 256u << 16 | 16u << 8 | 16u);
  expect_read(0x88, 32768);
  expect_read(0x8c, 16384);
  EXPECT_EQ(pnm_probe(kBase, &config), STATUS_OK);
  EXPECT_EQ(config.max_heads, 16u);
  EXPECT_EQ(config.max_head_dim, 256u);
  EXPECT_EQ(config.max_scores, 32768u);
  EXPECT_EQ(config.max_k, 16384u);
}

TEST_F(Drivers, MailboxStartTakeAndRing) {
  std::uint32_t bytes = 0;
  expect_read(0x00, 0x4d425801);
  expect_read(0x1c, 0x100000);
  expect_write(0x0c, 3);
  EXPECT_EQ(mailbox_start(kBase, 3, &bytes), STATUS_OK);
  EXPECT_EQ(bytes, 0x100000u);
  expect_read(0x04, 0);
  EXPECT_EQ(mailbox_take(kBase), 0u);
  expect_read(0x04, 2);
  expect_write(0x04, 2);
  EXPECT_EQ(mailbox_take(kBase), 2u);
  expect_write(0x14, 1);
  mailbox_ring_host(kBase, 1);
}

TEST_F(Drivers, TimerReadsTheLowHalfFirstAndArmsOneShot) {
  expect_read(0x08, 0x10);
  expect_read(0x0c, 0x2);
  EXPECT_EQ(timer_now(kBase), 0x200000010u);
  expect_write(0x40, 0);
  expect_write(0x44, 0x55);
  expect_write(0x48, 0x1);
  expect_write(0x40, 5);
  EXPECT_EQ(timer_start(kBase, 1, 0x100000055), STATUS_OK);
  EXPECT_EQ(timer_start(kBase, 2, 0), STATUS_BAD_ARGUMENT);
  expect_write(0x20, 0);
  EXPECT_EQ(timer_stop(kBase, 0), STATUS_OK);
  expect_read(0x30, 0);
  EXPECT_FALSE(timer_take_expiry(kBase, 0));
  expect_read(0x30, 1);
  expect_write(0x30, 1);
  EXPECT_TRUE(timer_take_expiry(kBase, 0));
}

TEST_F(Drivers, DmaStartsWhenIdleAndReportsTheErrorCode) {
  expect_read(0x1c, 1);
  EXPECT_EQ(dma_start(kBase, 0, 0, 64), STATUS_FULL);
  expect_read(0x1c, 0);
  expect_write(0x04, 0x100);
  expect_write(0x08, 0x1);
  expect_write(0x0c, 0x200);
  expect_write(0x10, 0x2);
  expect_write(0x14, 64);
  expect_write(0x18, 3);
  EXPECT_EQ(dma_start(kBase, 0x200000200, 0x100000100, 64), STATUS_OK);
  status_t result = STATUS_OK;
  std::uint32_t code = 0;
  expect_read(0x1c, 1);
  EXPECT_FALSE(dma_take_result(kBase, &result, &code));
  expect_read(0x1c, 0x32);
  expect_write(0x1c, 2);
  EXPECT_TRUE(dma_take_result(kBase, &result, &code));
  EXPECT_EQ(result, STATUS_HARDWARE);
  EXPECT_EQ(code, 3u);
}

TEST_F(Drivers, HbmErrorsAndInjection) {
  expect_read(0x10, 5);
  expect_read(0x14, 1);
  expect_read(0x18, 0x40);
  expect_read(0x1c, 0x3);
  const hbm_errors_t errors = hbm_errors(kBase);
  EXPECT_EQ(errors.corrected, 5u);
  EXPECT_EQ(errors.uncorrected, 1u);
  EXPECT_EQ(errors.address, 0x300000040u);
  expect_write(0x20, 1);
  hbm_clear_errors(kBase);
  expect_write(0x24, 0x80);
  expect_write(0x28, 0x1);
  expect_write(0x2c, 0x80000002);
  EXPECT_EQ(hbm_inject(kBase, 0x100000080, 2), STATUS_OK);
  EXPECT_EQ(hbm_inject(kBase, 0, 0), STATUS_BAD_ARGUMENT);
  expect_write(0x24, 0x40);
  expect_write(0x28, 0x2);
  expect_write(0x2c, 0x80000200);
  hbm_inject_chip(kBase, 0x200000040);
}

TEST_F(Drivers, HbmReliabilityScrubAndTemperature) {
  const std::uint32_t offsets[] = {0x38, 0x3c, 0x54, 0x58, 0x50};
  for (std::uint32_t i = 0; i < 5; ++i) expect_read(offsets[i], i + 1);
  const hbm_reliability_t counts = hbm_reliability(kBase);
  EXPECT_EQ(counts.on_die_corrected, 1u);
  EXPECT_EQ(counts.poisoned, 2u);
  EXPECT_EQ(counts.scrub_corrected, 3u);
  EXPECT_EQ(counts.scrub_uncorrected, 4u);
  EXPECT_EQ(counts.scrub_passes, 5u);
  EXPECT_EQ(hbm_scrub_start(kBase, 0, 0), STATUS_BAD_ARGUMENT);
  expect_write(0x48, 0x1000);
  expect_write(0x4c, 0x3);
  expect_write(0x44, 500);
  expect_write(0x40, 1);
  EXPECT_EQ(hbm_scrub_start(kBase, 0x300001000, 500), STATUS_OK);
  expect_write(0x40, 0);
  hbm_scrub_stop(kBase);
  expect_read(0x60, 0xffffcf2c);
  EXPECT_EQ(hbm_temperature(kBase), -12500);
}

TEST_F(Drivers, SysctrlInventoryReadsEachRegisterOnce) {
  sysctrl_inventory_t chip;
  expect_read(0x00, 0);
  EXPECT_EQ(sysctrl_read_inventory(kBase, &chip), STATUS_NOT_FOUND);
  expect_read(0x00, 0x53595301);
  const std::uint32_t offsets[] = {0x08, 0x0c, 0x10, 0x14, 0x18, 0x1c, 0x24, 0x28, 0x2c, 0x48};
  for (std::uint32_t i = 0; i < 10; ++i) expect_read(offsets[i], i + 1);
  expect_read(0x40, 0x1000);
  expect_read(0x44, 0x10);
  EXPECT_EQ(sysctrl_read_inventory(kBase, &chip), STATUS_OK);
  EXPECT_EQ(chip.chip, 1u);
  EXPECT_EQ(chip.n_link, 6u);
  EXPECT_EQ(chip.timebase_hz, 10u);
  EXPECT_EQ(chip.manifest, 0x1000001000u);
  expect_read(0x64, 7);
  EXPECT_EQ(sysctrl_scratch(kBase, 1), 7u);
}

}  // namespace
}  // namespace memwall::test
