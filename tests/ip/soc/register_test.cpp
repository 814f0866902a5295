// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The same register tests that the plain banks pass, through each module's TLM socket. Registers whose access
// does something by design are left out by name; the tests of the module cover them.
#include "support/register_tests.h"

#include "soc/dma.h"
#include "soc/mailbox_module.h"
#include "soc/peripherals.h"
#include "soc/ram.h"
#include "support/bus_driver.h"

namespace memwall::soc {
namespace {

using sc_core::sc_signal;
using testing_support::BusDriver;
using testing_support::RegisterTestOptions;

template <class Regs>
void run(BusDriver& bus, const RegisterTestOptions& options) {
  testing_support::run_register_tests(
      Regs::kTable, Regs::kTableSize,
      [&](std::uint32_t offset, std::uint32_t& value) {
        value = bus.read32(offset);
        return bus.ok();
      },
      [&](std::uint32_t offset, std::uint32_t value) {
        bus.write32(offset, value);
        return bus.ok();
      },
      options);
  bus.read32(Regs::kSizeBytes);
  EXPECT_EQ(bus.response, tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

TEST(UartRegisters, FollowTheirDefinitionOnTheBus) {
  BusDriver bus("bus");
  Uart dut("dut", UartConfig{});
  sc_signal<bool> irq;
  dut.irq_out(irq);
  bus.mem_isock.bind(dut.ctrl_tsock);
  RegisterTestOptions options;
  options.skip_write = {"TXDATA"};  // sends
  run<regs::UartRegs>(bus, options);
}

TEST(TimerRegisters, FollowTheirDefinitionOnTheBus) {
  BusDriver bus("bus");
  Timer dut("dut", TimerConfig{});
  sc_signal<bool> irq;
  dut.irq_out(irq);
  bus.mem_isock.bind(dut.ctrl_tsock);
  RegisterTestOptions options;
  options.skip_reset_value = {"CLOCK_HZ"};
  // COUNT runs only with time, which stands in this test; an enabled channel expires at once.
  options.skip_write = {"CONTROL", "STATUS"};
  run<regs::TimerRegs>(bus, options);
}

TEST(ClintRegisters, FollowTheirDefinitionOnTheBus) {
  BusDriver bus("bus");
  Clint dut("dut", ClintConfig{});
  sc_signal<bool> msip, mtip;
  dut.msip_out(msip);
  dut.mtip_out(mtip);
  bus.mem_isock.bind(dut.ctrl_tsock);
  run<regs::ClintRegs>(bus, {});
}

TEST(PlicRegisters, FollowTheirDefinitionOnTheBus) {
  BusDriver bus("bus");
  Plic dut("dut", PlicConfig{});
  sc_signal<bool> meip;
  dut.meip_out(meip);
  bus.mem_isock.bind(dut.ctrl_tsock);
  RegisterTestOptions options;
  options.skip_write = {"CLAIM"};  // a read claims
  run<regs::PlicRegs>(bus, options);
}

TEST(MailboxRegisters, FollowTheirDefinitionOnTheBus) {
  BusDriver bus("bus"), host("host"), ram("ram");
  Mailbox dut("dut", MailboxConfig{});
  sc_signal<bool> irq;
  dut.irq_out(irq);
  bus.mem_isock.bind(dut.ctrl_tsock);
  host.mem_isock.bind(dut.host_tsock);
  ram.mem_isock.bind(dut.ram_tsock());
  RegisterTestOptions options;
  options.skip_reset_value = {"RAM_BYTES"};
  run<regs::MailboxRegs>(bus, options);
}

TEST(SysCtrlRegisters, FollowTheirDefinitionOnTheBus) {
  BusDriver bus("bus");
  SysCtrl dut("dut", SysCtrlConfig{});
  bus.mem_isock.bind(dut.ctrl_tsock);
  RegisterTestOptions options;
  options.skip_reset_value = {"PLATFORM_VERSION", "NUM_CHIPS", "TIMEBASE_HZ"};
  run<regs::SysctrlRegs>(bus, options);
}

TEST(DmaRegisters, FollowTheirDefinitionOnTheBus) {
  BusDriver bus("bus");
  Dma dut("dut", DmaConfig{});
  Ram ram("ram", {});
  sc_signal<bool> irq;
  dut.irq_out(irq);
  bus.mem_isock.bind(dut.ctrl_tsock);
  dut.mem_isock.bind(ram.mem_tsock);
  RegisterTestOptions options;
  options.skip_write = {"CONTROL"};  // starts a copy
  run<regs::DmaRegs>(bus, options);
}

}  // namespace
}  // namespace memwall::soc
