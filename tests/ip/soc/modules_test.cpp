// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The SystemC modules: interrupts arrive when they should, memories and DMA move bytes and time.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "common/error.h"
#include "ip/engine/test_memory.h"
#include "soc/dma.h"
#include "soc/mailbox_module.h"
#include "soc/peripherals.h"
#include "soc/ram.h"
#include "support/bus_driver.h"

namespace memwall::soc {
namespace {

using sc_core::SC_NS;
using sc_core::sc_signal;
using sc_core::sc_start;
using sc_core::sc_time;
using sc_core::sc_time_stamp;
using sc_core::SC_US;
using testing_support::BusDriver;

/// Records when a line changes.
struct EdgeProbe : sc_core::sc_module {
  sc_core::sc_in<bool> irq_in{"irq_in"};
  std::vector<std::pair<sc_time, bool>> edges;
  explicit EdgeProbe(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
    sc_core::sc_spawn_options options;
    options.spawn_method();
    options.dont_initialize();
    options.set_sensitivity(&irq_in.value_changed());
    sc_core::sc_spawn([this] { edges.emplace_back(sc_time_stamp(), irq_in.read()); }, "record", &options);
  }
};

TEST(PeripheralModule, AnAccessCostsTheConfiguredTimeAndNothingMore) {
  BusDriver bus("bus");
  TimerConfig config;
  config.register_access_ns = 7;
  Timer timer("timer", config);
  sc_signal<bool> irq;
  timer.irq_out(irq);
  bus.mem_isock.bind(timer.ctrl_tsock);
  bus.start = sc_time(100, SC_NS);
  bus.read32(0);
  EXPECT_TRUE(bus.ok());
  EXPECT_EQ(bus.cost, sc_time(7, SC_NS));
  EXPECT_FALSE(bus.dmi_hint);
  sc_start(1, SC_US);
  // The counter is read at the initiator's local time: 1000 + 100 + 7 ns at 10 ns per tick.
  EXPECT_EQ(bus.read32(regs::TimerRegs::kCountLoOffset), 110u);
}

TEST(PeripheralModule, PollingSeesTheTimerExpireWithoutAnyWait) {
  BusDriver bus("bus");
  Timer timer("timer", TimerConfig{});
  sc_signal<bool> irq;
  timer.irq_out(irq);
  bus.mem_isock.bind(timer.ctrl_tsock);
  bus.write32(regs::TimerRegs::kCompareLoOffset, 50);
  bus.write32(regs::TimerRegs::kControlOffset, 1);
  int polls = 0;
  while ((bus.read32(regs::TimerRegs::kStatusOffset) & 1u) == 0 && polls < 1000) {
    bus.start += bus.cost;
    ++polls;
  }
  EXPECT_EQ(bus.start + bus.cost, sc_time(500, SC_NS));
}

TEST(TimerModule, PeriodicInterruptsArriveOnTheirTicks) {
  BusDriver bus("bus");
  Timer timer("timer", TimerConfig{});
  EdgeProbe probe("probe");
  sc_signal<bool> irq;
  timer.irq_out(irq);
  probe.irq_in(irq);
  bus.mem_isock.bind(timer.ctrl_tsock);
  sc_start(sc_core::SC_ZERO_TIME);
  bus.write32(regs::TimerRegs::kCompareLoOffset, 100);
  bus.write32(regs::TimerRegs::kPeriodOffset, 30);
  bus.write32(regs::TimerRegs::kControlOffset, 7);
  sc_start(1, SC_US);
  for (int i = 0; i < 3; ++i) {
    sc_start(1, SC_NS);
    bus.write32(regs::TimerRegs::kStatusOffset, 1);
    sc_start(298, SC_NS);
    EXPECT_FALSE(irq.read());
    sc_start(1, SC_NS);
  }
  ASSERT_GE(probe.edges.size(), 6u);
  EXPECT_EQ(probe.edges[0], std::make_pair(sc_time(1000, SC_NS), true));
  EXPECT_EQ(probe.edges[2], std::make_pair(sc_time(1300, SC_NS), true));
  EXPECT_EQ(probe.edges[4], std::make_pair(sc_time(1600, SC_NS), true));
}

TEST(ClintModule, TimerInterruptRisesAtMtimecmpAndFallsWithIt) {
  BusDriver bus("bus");
  Clint clint("clint", ClintConfig{});
  EdgeProbe probe("probe");
  sc_signal<bool> msip, mtip;
  clint.msip_out(msip);
  clint.mtip_out(mtip);
  probe.irq_in(mtip);
  bus.mem_isock.bind(clint.ctrl_tsock);
  sc_start(sc_core::SC_ZERO_TIME);
  bus.write<std::uint64_t>(0x4000, 25);
  EXPECT_TRUE(bus.ok());
  bus.write32(0, 1);
  sc_start(5, SC_US);
  EXPECT_TRUE(msip.read());
  ASSERT_EQ(probe.edges.size(), 1u);
  EXPECT_EQ(probe.edges[0], std::make_pair(sc_time(2500, SC_NS), true));
  EXPECT_EQ(bus.read<std::uint64_t>(0xbff8), 50u);
  EXPECT_EQ(clint.mtime(sc_time(7, SC_US)), 70u);
  bus.write<std::uint64_t>(0x4000, ~0ull);
  bus.write32(0, 0);
  sc_start(1, SC_NS);
  EXPECT_FALSE(mtip.read());
  EXPECT_FALSE(msip.read());
}

TEST(UartModule, TransmitterIdleInterruptComesWhenTheLineIsQuiet) {
  BusDriver bus("bus");
  UartConfig config;
  config.baud = 1e6;
  Uart uart("uart", config);
  EdgeProbe probe("probe");
  sc_signal<bool> irq;
  uart.irq_out(irq);
  probe.irq_in(irq);
  bus.mem_isock.bind(uart.ctrl_tsock);
  sc_start(sc_core::SC_ZERO_TIME);
  bus.write32(regs::UartRegs::kTxdataOffset, 'a');
  bus.write32(regs::UartRegs::kTxdataOffset, 'b');
  bus.write32(regs::UartRegs::kIrqEnableOffset, regs::UartRegs::kIrqEnableTxIdleMask);
  sc_start(100, SC_US);
  ASSERT_EQ(probe.edges.size(), 1u);
  // Both bytes were written 5 ns after the start of their access.
  EXPECT_EQ(probe.edges[0], std::make_pair(sc_time(20005, SC_NS), true));
  std::vector<Stat> stats;
  StatSink sink(stats);
  uart.report(sink);
  EXPECT_EQ(std::get<std::uint64_t>(stats.at(0).value), 2u);
}

TEST(UartModule, AReceivedByteInterrupts) {
  BusDriver bus("bus");
  Uart uart("uart", UartConfig{});
  sc_signal<bool> irq;
  uart.irq_out(irq);
  bus.mem_isock.bind(uart.ctrl_tsock);
  bus.write32(regs::UartRegs::kIrqEnableOffset, regs::UartRegs::kIrqEnableRxValidMask);
  sc_start(1, SC_NS);
  EXPECT_FALSE(irq.read());
  uart.receive('q');
  sc_start(1, SC_NS);
  EXPECT_TRUE(irq.read());
  EXPECT_EQ(bus.read32(regs::UartRegs::kRxdataOffset) & 0xffu, static_cast<unsigned>('q'));
  sc_start(1, SC_NS);
  EXPECT_FALSE(irq.read());
}

TEST(PlicModule, AServedSourceDoesNotInterruptAgainWithinOneQuantum) {
  BusDriver bus("bus"), mail("mail");
  Plic plic("plic", PlicConfig{});
  Mailbox mailbox("mailbox", MailboxConfig{});
  BusDriver ram("ram"), host("host");
  EdgeProbe probe("probe");
  sc_signal<bool> irq, meip;
  mailbox.irq_out(irq);
  plic.irq_in[map::kMailboxIrq].bind(irq);
  plic.meip_out(meip);
  probe.irq_in(meip);
  bus.mem_isock.bind(plic.ctrl_tsock);
  mail.mem_isock.bind(mailbox.ctrl_tsock);
  ram.mem_isock.bind(mailbox.ram_tsock());
  host.mem_isock.bind(mailbox.host_tsock);
  bus.write32(4 * map::kMailboxIrq, 1);
  bus.write32(regs::PlicRegs::kEnableOffset, 1u << map::kMailboxIrq);
  mail.write32(regs::MailboxRegs::kChipIrqEnableOffset, ~0u);
  host.write32(regs::MailboxRegs::kChipDoorbellSetOffset, 1);
  sc_start(10, SC_NS);
  ASSERT_TRUE(meip.read());
  // A decoupled hart claims, serves and completes without letting the kernel run in between.
  EXPECT_EQ(bus.read32(regs::PlicRegs::kClaimOffset), map::kMailboxIrq);
  mail.start = bus.start = sc_time(20, SC_NS);
  mail.write32(regs::MailboxRegs::kChipDoorbellOffset, 1);
  bus.start = sc_time(40, SC_NS);
  bus.write32(regs::PlicRegs::kClaimOffset, map::kMailboxIrq);
  sc_start(1, SC_US);
  EXPECT_FALSE(meip.read());
  EXPECT_EQ(probe.edges.size(), 2u) << "one rise, one fall";
  // And the next doorbell gets through.
  host.write32(regs::MailboxRegs::kChipDoorbellSetOffset, 2);
  sc_start(10, SC_NS);
  EXPECT_TRUE(meip.read());
}

TEST(MailboxModule, HostAndChipShareRamAndRegisters) {
  Mailbox mailbox("mailbox", MailboxConfig{});
  BusDriver host("host"), chip("chip"), ram("ram");
  sc_signal<bool> irq;
  mailbox.irq_out(irq);
  host.mem_isock.bind(mailbox.host_tsock);
  chip.mem_isock.bind(mailbox.ctrl_tsock);
  ram.mem_isock.bind(mailbox.ram_tsock());
  host.write<std::uint64_t>(Mailbox::kHostRamOffset + 0x100, 0x1122334455667788ull);
  EXPECT_TRUE(host.ok());
  EXPECT_EQ(host.address_after, Mailbox::kHostRamOffset + 0x100);
  EXPECT_EQ(host.cost, sc_time(505, SC_NS));
  EXPECT_EQ(ram.read<std::uint64_t>(0x100), 0x1122334455667788ull);
  EXPECT_EQ(ram.cost, sc_time(5, SC_NS));
  std::uint32_t word = 0;
  EXPECT_EQ(host.debug(tlm::TLM_READ_COMMAND, Mailbox::kHostRamOffset + 0x104, &word, 4), 4u);
  EXPECT_EQ(word, 0x11223344u);
  EXPECT_EQ(host.debug(tlm::TLM_READ_COMMAND, 0, &word, 4), 4u);
  EXPECT_EQ(word, regs::MailboxRegs::kIdReset);
  host.read<std::uint32_t>(Mailbox::kHostRamOffset + 1024 * 1024);
  EXPECT_EQ(host.response, tlm::TLM_ADDRESS_ERROR_RESPONSE);
  host.write32(regs::MailboxRegs::kHostWordOffset, 42);
  EXPECT_EQ(chip.read32(regs::MailboxRegs::kHostWordOffset), 42u);
  tlm::tlm_dmi region;
  EXPECT_FALSE(ram.dmi(0, region));
}

TEST(MailboxModule, TheHostIsWokenAtTheChipsLocalTime) {
  Mailbox mailbox("mailbox", MailboxConfig{});
  BusDriver host("host"), chip("chip"), ram("ram");
  sc_signal<bool> irq;
  mailbox.irq_out(irq);
  host.mem_isock.bind(mailbox.host_tsock);
  chip.mem_isock.bind(mailbox.ctrl_tsock);
  ram.mem_isock.bind(mailbox.ram_tsock());
  std::vector<sc_time> woken;
  sc_core::sc_spawn([&] {
    while (true) {
      sc_core::wait(mailbox.host_irq_event());
      woken.push_back(sc_time_stamp());
    }
  });
  sc_start(sc_core::SC_ZERO_TIME);
  chip.start = sc_time(300, SC_NS);
  chip.write32(regs::MailboxRegs::kHostDoorbellSetOffset, 1);
  chip.write32(regs::MailboxRegs::kHostDoorbellSetOffset, 2);  // no new edge
  sc_start(304, SC_NS);
  EXPECT_FALSE(mailbox.host_irq()) << "rung at a time that has not come yet";
  sc_start(1, SC_US);
  ASSERT_EQ(woken.size(), 1u);
  EXPECT_EQ(woken[0], sc_time(305, SC_NS));
  EXPECT_TRUE(mailbox.host_irq());
  host.write32(regs::MailboxRegs::kHostDoorbellOffset, 3);
  EXPECT_FALSE(mailbox.host_irq());
}

TEST(SysCtrlModule, ExitIsAnEventAtTheHartsLocalTime) {
  SysCtrl sysctrl("sysctrl", SysCtrlConfig{});
  BusDriver bus("bus");
  bus.mem_isock.bind(sysctrl.ctrl_tsock);
  sc_time ended;
  sc_core::sc_spawn([&] {
    sc_core::wait(sysctrl.exit_event());
    ended = sc_time_stamp();
  });
  sc_start(sc_core::SC_ZERO_TIME);
  bus.start = sc_time(95, SC_NS);
  bus.write32(regs::SysctrlRegs::kExitOffset, regs::SysctrlRegs::kExitValidMask | 2);
  sc_start(1, SC_US);
  EXPECT_EQ(ended, sc_time(100, SC_NS));
  EXPECT_TRUE(sysctrl.exited());
  EXPECT_EQ(sysctrl.exit_code(), 2u);
}

TEST(RamModule, ServesAnyLengthInsideItsSize) {
  Ram ram("ram", {4096, 3.0, 10.0, false, true});
  BusDriver bus("bus");
  bus.mem_isock.bind(ram.mem_tsock);
  std::vector<unsigned char> out(1000), in(1000);
  std::iota(out.begin(), out.end(), static_cast<unsigned char>(1));
  EXPECT_EQ(bus.access(tlm::TLM_WRITE_COMMAND, 3096, out.data(), 1000), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(bus.cost, sc_time(103, SC_NS)) << "3 ns and 1000 bytes at 10 gbytes_per_s";
  EXPECT_EQ(bus.access(tlm::TLM_READ_COMMAND, 3096, in.data(), 1000), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(in, out);
  EXPECT_EQ(bus.access(tlm::TLM_READ_COMMAND, 3097, in.data(), 1000), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(bus.access(tlm::TLM_READ_COMMAND, ~0ull, in.data(), 8), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(bus.access(tlm::TLM_READ_COMMAND, 0, in.data(), 8, 4), tlm::TLM_BURST_ERROR_RESPONSE);
  EXPECT_EQ(bus.with_byte_enables(tlm::TLM_READ_COMMAND, 0, in.data(), 8),
            tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
}

TEST(RamModule, TrafficWithoutDataCostsAndCountsTheSameAndChangesNothing) {
  Ram ram("ram", {4096, 3.0, 10.0, false, true});
  BusDriver bus("bus");
  bus.mem_isock.bind(ram.mem_tsock);
  bus.write<std::uint64_t>(64, 77);
  const sc_time with_data = bus.cost;
  EXPECT_EQ(bus.traffic(true, 64, 8), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(bus.cost, with_data);
  EXPECT_EQ(bus.traffic(true, 4090, 8), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(bus.read<std::uint64_t>(64), 77u);
  std::vector<Stat> stats;
  StatSink sink(stats);
  ram.report(sink);
  EXPECT_EQ(std::get<std::uint64_t>(stats.at(0).value), 8u);
  EXPECT_EQ(std::get<std::uint64_t>(stats.at(1).value), 16u);
}

TEST(RamModule, RomIsLoadedByDebugAndRefusesWrites) {
  Ram rom("rom", {4096, 1.0, 0.0, true, true});
  BusDriver bus("bus");
  bus.mem_isock.bind(rom.mem_tsock);
  std::uint32_t word = 0x13;
  EXPECT_EQ(bus.debug(tlm::TLM_WRITE_COMMAND, 0x80, &word, 4), 4u);
  EXPECT_EQ(bus.read32(0x80), 0x13u);
  bus.write32(0x80, 0);
  EXPECT_EQ(bus.response, tlm::TLM_COMMAND_ERROR_RESPONSE);
  EXPECT_EQ(bus.traffic(true, 0x80, 4), tlm::TLM_COMMAND_ERROR_RESPONSE);
  EXPECT_EQ(bus.read32(0x80), 0x13u);
  tlm::tlm_dmi region;
  ASSERT_TRUE(bus.dmi(0x80, region));
  EXPECT_TRUE(region.is_read_allowed());
  EXPECT_FALSE(region.is_write_allowed());
  EXPECT_EQ(region.get_dmi_ptr()[0x80], 0x13);
}

TEST(RamModule, DmiCoversAllOfATcm) {
  Ram tcm("tcm", {8192, 2.0, 0.0, false, true});
  BusDriver bus("bus");
  bus.mem_isock.bind(tcm.mem_tsock);
  tlm::tlm_dmi region;
  ASSERT_TRUE(bus.dmi(4096, region));
  EXPECT_TRUE(region.is_read_write_allowed());
  EXPECT_EQ(region.get_start_address(), 0u);
  EXPECT_EQ(region.get_end_address(), 8191u);
  EXPECT_EQ(region.get_read_latency(), sc_time(2, SC_NS));
  region.get_dmi_ptr()[5] = 9;
  unsigned char byte = 0;
  EXPECT_EQ(bus.debug(tlm::TLM_READ_COMMAND, 5, &byte, 1), 1u);
  EXPECT_EQ(byte, 9);
  EXPECT_EQ(bus.debug(tlm::TLM_READ_COMMAND, 8192, &byte, 1), 0u);
}

struct DmaBench {
  BusDriver bus{"bus"};
  Dma dma;
  Ram ram{"ram", {64 * 1024, 10.0, 1.0, false, true}};
  sc_signal<bool> irq;

  explicit DmaBench(const DmaConfig& config = {}) : dma("dma", config) {
    bus.mem_isock.bind(dma.ctrl_tsock);
    dma.mem_isock.bind(ram.mem_tsock);
    dma.irq_out(irq);
    sc_start(sc_core::SC_ZERO_TIME);
  }
  void start(std::uint64_t source, std::uint64_t destination, std::uint32_t bytes) {
    bus.write32(regs::DmaRegs::kSrcLoOffset, static_cast<std::uint32_t>(source));
    bus.write32(regs::DmaRegs::kSrcHiOffset, static_cast<std::uint32_t>(source >> 32));
    bus.write32(regs::DmaRegs::kDstLoOffset, static_cast<std::uint32_t>(destination));
    bus.write32(regs::DmaRegs::kDstHiOffset, static_cast<std::uint32_t>(destination >> 32));
    bus.write32(regs::DmaRegs::kLengthOffset, bytes);
    bus.write32(regs::DmaRegs::kControlOffset,
                regs::DmaRegs::kControlStartMask | regs::DmaRegs::kControlIrqEnableMask);
  }
  std::uint32_t status() { return bus.read32(regs::DmaRegs::kStatusOffset); }
  std::uint32_t code() {
    return (status() & regs::DmaRegs::kStatusErrorCodeMask) >> regs::DmaRegs::kStatusErrorCodeShift;
  }
  std::vector<unsigned char> bytes(std::uint64_t address, unsigned n) {
    std::vector<unsigned char> data(n);
    move(tlm::TLM_READ_COMMAND, address, data);
    return data;
  }
  void fill(std::uint64_t address, std::vector<unsigned char> data) {
    move(tlm::TLM_WRITE_COMMAND, address, data);
  }

 private:
  void move(tlm::tlm_command command, std::uint64_t address, std::vector<unsigned char>& data) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(data.data());
    payload.set_data_length(static_cast<unsigned>(data.size()));
    EXPECT_EQ(ram.transport_dbg(payload), data.size());
  }
};

TEST(DmaModule, CopiesEveryByteAndInterrupts) {
  DmaBench bench;
  std::vector<unsigned char> data(10001);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<unsigned char>(i * 7 + i / 256);
  bench.fill(3, data);
  bench.start(3, 30001, 10001);
  EXPECT_NE(bench.status() & regs::DmaRegs::kStatusBusyMask, 0u);
  sc_start(1, sc_core::SC_MS);
  EXPECT_EQ(bench.bytes(30001, 10001), data);
  EXPECT_EQ(bench.bytes(30000, 1)[0], 0);
  EXPECT_EQ(bench.bytes(40002, 1)[0], 0);
  EXPECT_EQ(bench.status(), regs::DmaRegs::kStatusDoneMask);
  EXPECT_EQ(bench.bus.read32(regs::DmaRegs::kDoneBytesOffset), 10001u);
  EXPECT_TRUE(bench.irq.read());
  bench.bus.write32(regs::DmaRegs::kStatusOffset, regs::DmaRegs::kStatusDoneMask);
  sc_start(1, SC_NS);
  EXPECT_FALSE(bench.irq.read());
}

TEST(DmaModule, TimeIsThatOfItsReadsAndWrites) {
  DmaBench bench;
  bench.start(0, 16384, 8192);
  // Two chunks of 4096: each read and each write costs 10 ns + 4096 bytes at 1 gbytes_per_s; START costs 5
  // ns.
  const sc_time expected = sc_time(5 + 4 * (10 + 4096), SC_NS);
  sc_start(expected - sc_time(1, SC_NS));
  EXPECT_FALSE(bench.irq.read());
  sc_start(2, SC_NS);
  EXPECT_TRUE(bench.irq.read());
}

TEST(DmaModule, AMemoryThatWaitsTakesTheSameTime) {
  testing_support::TestMemory::Config config;
  config.waits = true;
  BusDriver bus("bus");
  Dma dma("dma", {});
  testing_support::TestMemory memory("memory", config);
  sc_signal<bool> irq;
  bus.mem_isock.bind(dma.ctrl_tsock);
  dma.mem_isock.bind(memory.tsock);
  dma.irq_out(irq);
  sc_start(sc_core::SC_ZERO_TIME);
  bus.write32(regs::DmaRegs::kDstLoOffset, 16384);
  bus.write32(regs::DmaRegs::kLengthOffset, 8192);
  bus.write32(regs::DmaRegs::kControlOffset,
              regs::DmaRegs::kControlStartMask | regs::DmaRegs::kControlIrqEnableMask);
  // As above: two chunks, each read and written in 50 ns + 4096 bytes at 64 gbytes_per_s.
  const sc_time expected = sc_time(5 + 4 * (50 + 64), SC_NS);
  sc_start(expected - sc_time(1, SC_NS));
  EXPECT_FALSE(irq.read());
  sc_start(2, SC_NS);
  EXPECT_TRUE(irq.read());
}

TEST(DmaModule, ErrorsStopTheCopyAndSayWhere) {
  DmaBench bench;
  using Code = regs::DmaRegs::StatusErrorCode;
  bench.start(60 * 1024, 0, 8192);  // the second read runs off the end
  sc_start(1, sc_core::SC_MS);
  EXPECT_EQ(bench.code(), static_cast<std::uint32_t>(Code::kReadAddress));
  EXPECT_EQ(bench.bus.read32(regs::DmaRegs::kDoneBytesOffset), 4096u);
  bench.start(0, 0x100000000ull, 16);
  sc_start(1, sc_core::SC_MS);
  EXPECT_EQ(bench.code(), static_cast<std::uint32_t>(Code::kWriteAddress));
  EXPECT_EQ(bench.bus.read32(regs::DmaRegs::kDoneBytesOffset), 0u);
  bench.start(0, 128, 16);
  sc_start(1, sc_core::SC_MS);
  EXPECT_EQ(bench.code(), static_cast<std::uint32_t>(Code::kOk)) << "an error does not stick";
}

TEST(DmaModule, AStartWhileBusyIsReportedAndIgnored) {
  DmaBench bench;
  bench.fill(0, {1, 2, 3, 4});
  bench.start(0, 1024, 4);
  bench.start(0, 2048, 4);
  sc_start(1, sc_core::SC_MS);
  EXPECT_NE(bench.status() & regs::DmaRegs::kStatusStartIgnoredMask, 0u);
  EXPECT_EQ(bench.bytes(1024, 4), (std::vector<unsigned char>{1, 2, 3, 4}));
  EXPECT_EQ(bench.bytes(2048, 4), (std::vector<unsigned char>{0, 0, 0, 0}));
}

TEST(DmaModule, ACopyOfNothingFinishes) {
  DmaBench bench;
  bench.start(0, ~0ull, 0);
  sc_start(1, SC_US);
  EXPECT_EQ(bench.status(), regs::DmaRegs::kStatusDoneMask);
}

TEST(DmaModule, AChunkOfNothingIsRefused) {
  DmaConfig config;
  config.chunk_bytes = 0;
  EXPECT_THROW(Dma("dma", config), ConfigError);
}

}  // namespace
}  // namespace memwall::soc
