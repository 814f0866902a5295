// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The cores of the peripherals, without SystemC.
#include <gtest/gtest.h>

#include <string>

#include "common/error.h"
#include "soc/clint.h"
#include "soc/mailbox.h"
#include "soc/plic.h"
#include "soc/sysctrl.h"
#include "soc/timer.h"
#include "soc/uart.h"

namespace memwall::soc {
namespace {

std::uint32_t get(RegisterBank& bank, std::uint32_t offset) {
  std::uint32_t value = 0;
  EXPECT_TRUE(bank.read(offset, value));
  return value;
}
void put(RegisterBank& bank, std::uint32_t offset, std::uint32_t value) {
  EXPECT_TRUE(bank.write(offset, value));
}

// 1 Mbaud, 10 bits per byte: one byte every 10 us.
UartConfig slow_uart() {
  UartConfig config;
  config.baud = 1e6;
  config.fifo_bytes = 2;
  return config;
}
constexpr TimePs kByte = 10 * kPsPerUs;

TEST(Uart, BytesReachTheSinkInOrder) {
  UartCore uart{UartConfig{}};
  std::string text;
  uart.set_sink([&](std::uint8_t byte) { text += static_cast<char>(byte); });
  for (const char c : std::string("once upon"))
    put(uart, UartCore::kTxdataOffset, static_cast<std::uint8_t>(c));
  EXPECT_EQ(text, "once upon");
  EXPECT_EQ(uart.bytes_sent(), 9u);
}

TEST(Uart, TransmitterIsFullUntilAByteHasLeftTheLine) {
  UartCore uart(slow_uart());
  put(uart, UartCore::kTxdataOffset, 'a');
  put(uart, UartCore::kTxdataOffset, 'b');
  uart.advance(kByte - 1);
  EXPECT_EQ(uart.status_tx_full(), 1u);
  uart.advance(kByte);
  EXPECT_EQ(uart.status_tx_full(), 0u);
  uart.advance(2 * kByte - 1);
  EXPECT_EQ(uart.status_tx_idle(), 0u);
  uart.advance(2 * kByte);
  EXPECT_EQ(uart.status_tx_idle(), 1u);
}

TEST(Uart, AByteBeyondTheFifoIsLostAndReported) {
  UartCore uart(slow_uart());
  std::string text;
  uart.set_sink([&](std::uint8_t byte) { text += static_cast<char>(byte); });
  for (const char c : {'a', 'b', 'c'}) put(uart, UartCore::kTxdataOffset, static_cast<std::uint8_t>(c));
  EXPECT_EQ(text, "ab");
  EXPECT_NE(get(uart, UartCore::kStatusOffset) & UartCore::kStatusTxOverrunMask, 0u);
  put(uart, UartCore::kStatusOffset, UartCore::kStatusTxOverrunMask);
  EXPECT_EQ(get(uart, UartCore::kStatusOffset) & UartCore::kStatusTxOverrunMask, 0u);
}

TEST(Uart, ReceivedBytesAreReadOnceInOrder) {
  UartCore uart(slow_uart());
  uart.receive('x');
  uart.receive('y');
  uart.receive('z');
  EXPECT_NE(get(uart, UartCore::kStatusOffset) & UartCore::kStatusRxOverrunMask, 0u);
  EXPECT_EQ(get(uart, UartCore::kRxdataOffset), UartCore::kRxdataValidMask | 'x');
  EXPECT_EQ(get(uart, UartCore::kRxdataOffset), UartCore::kRxdataValidMask | 'y');
  EXPECT_EQ(get(uart, UartCore::kRxdataOffset), 0u);
}

TEST(Uart, InterruptsFollowTheirCauses) {
  UartCore uart(slow_uart());
  EXPECT_FALSE(uart.irq());
  uart.receive('x');
  EXPECT_FALSE(uart.irq());
  put(uart, UartCore::kIrqEnableOffset, UartCore::kIrqEnableRxValidMask);
  EXPECT_TRUE(uart.irq());
  get(uart, UartCore::kRxdataOffset);
  EXPECT_FALSE(uart.irq());
  put(uart, UartCore::kIrqEnableOffset, UartCore::kIrqEnableTxIdleMask);
  EXPECT_TRUE(uart.irq());
  put(uart, UartCore::kTxdataOffset, 'a');
  EXPECT_FALSE(uart.irq());
  EXPECT_EQ(uart.next_change(), kByte);
  uart.advance(kByte);
  EXPECT_TRUE(uart.irq());
}

TEST(Uart, ImpossibleConfigurationsAreRefused) {
  UartConfig config;
  config.baud = 0;
  EXPECT_THROW(UartCore{config}, ConfigError);
  config = {};
  config.fifo_bytes = 0;
  EXPECT_THROW(UartCore{config}, ConfigError);
}

// 100 MHz: one tick is 10 ns.
constexpr TimePs kTick = 10 * kPsPerNs;

TEST(Timer, CountsInputClocksThroughThePrescaler) {
  TimerCore timer{TimerConfig{}};
  timer.advance(1000 * kTick);
  EXPECT_EQ(get(timer, TimerCore::kCountLoOffset), 1000u);
  put(timer, TimerCore::kPrescalerOffset, 9);  // restarts at 0
  timer.advance(1000 * kTick + 99 * kTick);
  EXPECT_EQ(get(timer, TimerCore::kCountLoOffset), 9u);
  timer.advance(1000 * kTick + 100 * kTick);
  EXPECT_EQ(get(timer, TimerCore::kCountLoOffset), 10u);
}

TEST(Timer, CountHighBelongsToTheLastReadOfCountLow) {
  TimerCore timer{TimerConfig{}};
  timer.advance(((std::uint64_t{1} << 32) - 1) * kTick);
  EXPECT_EQ(get(timer, TimerCore::kCountLoOffset), 0xffffffffu);
  timer.advance((std::uint64_t{1} << 32) * kTick);
  EXPECT_EQ(get(timer, TimerCore::kCountHiOffset), 0u);
  EXPECT_EQ(get(timer, TimerCore::kCountLoOffset), 0u);
  EXPECT_EQ(get(timer, TimerCore::kCountHiOffset), 1u);
}

TEST(Timer, OneShotExpiresOnceAtItsTick) {
  TimerCore timer{TimerConfig{}};
  put(timer, TimerCore::kCompareLoOffset, 100);
  put(timer, TimerCore::kControlOffset, TimerCore::kControlEnableMask | TimerCore::kControlIrqEnableMask);
  EXPECT_EQ(timer.next_change(), 100 * kTick);
  timer.advance(100 * kTick - 1);
  EXPECT_FALSE(timer.irq());
  timer.advance(100 * kTick);
  EXPECT_TRUE(timer.irq());
  EXPECT_EQ(timer.control_enable(0), 0u);
  EXPECT_EQ(timer.next_change(), TimedDevice::kNever);
  put(timer, TimerCore::kStatusOffset, TimerCore::kStatusExpiredMask);
  timer.advance(300 * kTick);
  EXPECT_FALSE(timer.irq());
}

TEST(Timer, PeriodicKeepsItsRhythm) {
  TimerCore timer{TimerConfig{}};
  constexpr std::uint32_t kSecond = 0x20;  // channel 1
  put(timer, TimerCore::kCompareLoOffset + kSecond, 50);
  put(timer, TimerCore::kPeriodOffset + kSecond, 20);
  put(timer, TimerCore::kControlOffset + kSecond, 7);
  timer.advance(50 * kTick);
  EXPECT_EQ(timer.status_expired(1), 1u);
  EXPECT_EQ(timer.status_expired(0), 0u);
  EXPECT_EQ(timer.next_change(), 70 * kTick);
  timer.advance(95 * kTick);  // slept through 70 and 90
  EXPECT_EQ(timer.next_change(), 110 * kTick);
}

TEST(Timer, AComparePastExpiresAtOnce) {
  TimerCore timer{TimerConfig{}};
  timer.advance(500 * kTick);
  put(timer, TimerCore::kCompareLoOffset, 499);
  put(timer, TimerCore::kControlOffset, TimerCore::kControlEnableMask);
  timer.advance(500 * kTick);
  EXPECT_EQ(timer.status_expired(0), 1u);
}

TEST(Timer, AClockWithoutAWholePeriodIsRefused) {
  TimerConfig config;
  config.clock_hz = 3e9;
  EXPECT_THROW(TimerCore{config}, ConfigError);
  config.clock_hz = 0;
  EXPECT_THROW(TimerCore{config}, ConfigError);
}

// 10 MHz: one tick is 100 ns.
constexpr TimePs kMtick = 100 * kPsPerNs;

TEST(Clint, MtimeFollowsSimulatedTimeAndWrites) {
  ClintCore clint{ClintConfig{}};
  clint.advance(1234 * kMtick + 1);
  EXPECT_EQ(get(clint, ClintCore::kMtimeLoOffset), 1234u);
  put(clint, ClintCore::kMtimeHiOffset, 7);
  put(clint, ClintCore::kMtimeLoOffset, 5);
  clint.advance(1236 * kMtick);
  EXPECT_EQ(clint.mtime(), (std::uint64_t{7} << 32) + 7);
  EXPECT_EQ(get(clint, ClintCore::kMtimeHiOffset), 7u);
}

TEST(Clint, TimerInterruptIsTightFromBothSides) {
  ClintCore clint{ClintConfig{}};
  EXPECT_FALSE(clint.mtip()) << "mtimecmp starts at its maximum";
  put(clint, ClintCore::kMtimecmpLoOffset, 100);
  put(clint, ClintCore::kMtimecmpHiOffset, 0);
  EXPECT_EQ(clint.next_change(), 100 * kMtick);
  clint.advance(100 * kMtick - 1);
  EXPECT_FALSE(clint.mtip());
  clint.advance(100 * kMtick);
  EXPECT_TRUE(clint.mtip());
  EXPECT_EQ(clint.next_change(), TimedDevice::kNever);
  put(clint, ClintCore::kMtimecmpLoOffset, 101);
  EXPECT_FALSE(clint.mtip());
}

TEST(Clint, ACompareThatTimeCannotReachIsNever) {
  ClintCore clint{ClintConfig{}};
  EXPECT_EQ(clint.next_change(), TimedDevice::kNever);
}

class PlicTest : public testing::Test {
 protected:
  void SetUp() override {
    put(plic, PlicCore::kEnableOffset, 0xffffffffu);
    put(plic, PlicCore::kEnableOffset + 4, 0xffffffffu);
  }
  void priority(std::uint32_t source, std::uint32_t level) { put(plic, 4 * source, level); }
  std::uint32_t claim() { return get(plic, PlicCore::kClaimOffset); }
  void complete(std::uint32_t source, TimePs at) {
    plic.begin_access(at);
    put(plic, PlicCore::kClaimOffset, source);
  }
  PlicCore plic;
};

TEST_F(PlicTest, HighestPriorityWinsAndTiesGoToTheLowestNumber) {
  priority(3, 1);
  priority(5, 7);
  priority(40, 7);
  for (const std::uint32_t source : {40u, 5u, 3u}) plic.set_level(source, true);
  EXPECT_EQ(get(plic, PlicCore::kPendingOffset), 1u << 3 | 1u << 5);
  EXPECT_EQ(get(plic, PlicCore::kPendingOffset + 4), 1u << 8);
  EXPECT_EQ(claim(), 5u);
  EXPECT_EQ(claim(), 40u);
  EXPECT_EQ(claim(), 3u);
  EXPECT_EQ(claim(), 0u);
}

TEST_F(PlicTest, ThresholdMasksTheInterruptButNotTheClaim) {
  priority(9, 3);
  plic.set_level(9, true);
  EXPECT_TRUE(plic.meip());
  put(plic, PlicCore::kThresholdOffset, 3);
  EXPECT_FALSE(plic.meip());
  put(plic, PlicCore::kThresholdOffset, 2);
  EXPECT_TRUE(plic.meip());
  put(plic, PlicCore::kThresholdOffset, 7);
  EXPECT_EQ(claim(), 9u);
}

TEST_F(PlicTest, PriorityZeroAndDisabledSourcesNeverInterrupt) {
  priority(9, 0);
  plic.set_level(9, true);
  EXPECT_FALSE(plic.meip());
  EXPECT_EQ(claim(), 0u);
  priority(9, 1);
  put(plic, PlicCore::kEnableOffset, ~(1u << 9));
  EXPECT_FALSE(plic.meip());
  EXPECT_EQ(get(plic, PlicCore::kPendingOffset), 1u << 9) << "pending does not depend on enable";
}

TEST_F(PlicTest, AClaimLowersTheInterruptUntilCompletion) {
  priority(9, 1);
  plic.set_level(9, true);
  EXPECT_EQ(claim(), 9u);
  EXPECT_FALSE(plic.meip());
  plic.advance(10);
  EXPECT_FALSE(plic.meip()) << "the gateway is closed while the source is in service";
  complete(9, 20);
  plic.advance(19);
  EXPECT_FALSE(plic.meip());
  plic.advance(20);
  EXPECT_TRUE(plic.meip()) << "the level is still high, so completion brings the next request";
}

TEST_F(PlicTest, ASourceThatWasServedDoesNotReturn) {
  priority(9, 1);
  plic.set_level(9, true);
  EXPECT_EQ(claim(), 9u);
  complete(9, 20);
  plic.set_level(9, false);
  plic.advance(20);
  EXPECT_FALSE(plic.meip());
  plic.set_level(9, true);
  EXPECT_TRUE(plic.meip());
}

TEST_F(PlicTest, ARequestStaysPendingWhenItsLineFalls) {
  priority(9, 1);
  plic.set_level(9, true);
  plic.set_level(9, false);
  EXPECT_TRUE(plic.meip());
  EXPECT_EQ(claim(), 9u);
}

TEST_F(PlicTest, GarbageCompletionsAreIgnored) {
  priority(9, 1);
  plic.set_level(9, true);
  for (const std::uint32_t source : {0u, 9u, 10u, 63u, 64u, 1023u, 0xffffffffu}) complete(source, 5);
  plic.advance(5);
  EXPECT_TRUE(plic.meip());
  EXPECT_EQ(claim(), 9u);
  complete(10, 6);
  plic.advance(6);
  EXPECT_FALSE(plic.meip()) << "completing another source must not open this gateway";
}

TEST_F(PlicTest, SourceZeroDoesNotExist) {
  priority(0, 7);
  plic.set_level(0, true);
  EXPECT_FALSE(plic.meip());
  EXPECT_EQ(get(plic, PlicCore::kPendingOffset), 0u);
}

TEST(Mailbox, EachSideRingsAndTheOtherClears) {
  MailboxCore mailbox{MailboxConfig{}};
  put(mailbox, MailboxCore::kChipDoorbellSetOffset, 0x5);
  put(mailbox, MailboxCore::kChipDoorbellSetOffset, 0x2);
  EXPECT_EQ(get(mailbox, MailboxCore::kChipDoorbellOffset), 0x7u);
  EXPECT_FALSE(mailbox.chip_irq());
  put(mailbox, MailboxCore::kChipIrqEnableOffset, 0x4);
  EXPECT_TRUE(mailbox.chip_irq());
  put(mailbox, MailboxCore::kChipDoorbellOffset, 0x4);
  EXPECT_FALSE(mailbox.chip_irq());
  EXPECT_EQ(get(mailbox, MailboxCore::kChipDoorbellOffset), 0x3u);
  EXPECT_FALSE(mailbox.host_irq());
  put(mailbox, MailboxCore::kHostDoorbellSetOffset, 0x80000000u);
  EXPECT_TRUE(mailbox.host_irq());
  put(mailbox, MailboxCore::kHostDoorbellOffset, 0xffffffffu);
  EXPECT_FALSE(mailbox.host_irq());
  EXPECT_EQ(mailbox.rings_to_chip(), 2u);
  EXPECT_EQ(mailbox.rings_to_host(), 1u);
}

TEST(SysCtrl, ShowsItsConfigurationAndNothingWritesIt) {
  SysCtrlConfig config;
  config.chip_id = 1;
  config.num_chips = 2;
  config.hbm_stack_bytes = 0x123456789a;
  config.manifest_address = 0x1000000040;
  SysCtrlCore sysctrl(config);
  EXPECT_EQ(get(sysctrl, SysCtrlCore::kChipIdOffset), 1u);
  EXPECT_EQ(get(sysctrl, SysCtrlCore::kNumChipsOffset), 2u);
  EXPECT_EQ(get(sysctrl, SysCtrlCore::kHbmStackBytesLoOffset), 0x3456789au);
  EXPECT_EQ(get(sysctrl, SysCtrlCore::kHbmStackBytesHiOffset), 0x12u);
  EXPECT_EQ(get(sysctrl, SysCtrlCore::kManifestHiOffset), 0x10u);
  EXPECT_EQ(get(sysctrl, SysCtrlCore::kPlatformVersionOffset), 0x000100u);
  put(sysctrl, SysCtrlCore::kChipIdOffset, 9);
  EXPECT_EQ(get(sysctrl, SysCtrlCore::kChipIdOffset), 1u);
}

TEST(SysCtrl, TheFirstValidExitCodeCounts) {
  SysCtrlCore sysctrl{SysCtrlConfig{}};
  put(sysctrl, SysCtrlCore::kExitOffset, 7);
  EXPECT_FALSE(sysctrl.exited());
  put(sysctrl, SysCtrlCore::kExitOffset, SysCtrlCore::kExitValidMask | 3);
  put(sysctrl, SysCtrlCore::kExitOffset, SysCtrlCore::kExitValidMask | 4);
  EXPECT_TRUE(sysctrl.exited());
  EXPECT_EQ(sysctrl.exit_code(), 3u);
}

}  // namespace
}  // namespace memwall::soc
