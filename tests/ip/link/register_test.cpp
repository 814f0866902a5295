// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The port's registers through its TLM socket.
#include "support/register_tests.h"

#include "link/link_port.h"
#include "regs/link_regs.h"
#include "soc/ram.h"
#include "support/bus_driver.h"

namespace memwall::link {
namespace {

using Regs = regs::LinkRegs;
using testing_support::BusDriver;
using testing_support::RegisterTestOptions;

/// A port with what surrounds it on its chip.
struct Port {
  explicit Port(const std::string& name)
      : port((name + "_port").c_str(), Config{}),
        memory((name + "_memory").c_str(), {}),
        bus((name + "_bus").c_str()) {
    bus.mem_isock.bind(port.ctrl_tsock);
    port.mem_isock.bind(memory.mem_tsock);
    port.inbox_isock.bind(inbox.mem_tsock);
    port.irq_out(irq);
  }
  LinkPort port;
  soc::Ram memory;
  soc::Ram inbox{sc_core::sc_gen_unique_name("inbox"), {}};
  BusDriver bus;
  sc_core::sc_signal<bool> irq;
};

struct Bench {
  Bench() {
    connect(a.port, b.port);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
  Port a{"a"}, b{"b"};
};

TEST(LinkRegisters, FollowTheirDefinitionOnTheBus) {
  Bench bench;
  BusDriver& bus = bench.a.bus;
  RegisterTestOptions options;
  options.w1s_self_clears = true;
  // An enabled port trains only with time, which stands in this test, so every post is refused.
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

TEST(LinkRegisters, ARefusedPostCountsAndItsCauseIsClearedByWritingOne) {
  Bench bench;
  BusDriver& bus = bench.a.bus;
  bus.write32(Regs::kIrqEnableOffset, Regs::kIrqEnableTxErrorMask);
  bus.write32(Regs::kTxPostOffset, Regs::kTxPostPostMask);  // the port is off
  sc_core::sc_start(1, sc_core::SC_NS);
  EXPECT_TRUE(bench.a.irq.read());
  EXPECT_EQ(bus.read32(Regs::kTxRejectedOffset), 1u);
  EXPECT_EQ(bus.read32(Regs::kTxPostedOffset), 0u);
  EXPECT_EQ(bus.read32(Regs::kIrqStatusOffset), Regs::kIrqStatusTxErrorMask);
  bus.write32(Regs::kIrqStatusOffset, ~Regs::kIrqStatusTxErrorMask);
  EXPECT_EQ(bus.read32(Regs::kIrqStatusOffset), Regs::kIrqStatusTxErrorMask) << "w1c: 0 keeps it";
  bus.write32(Regs::kIrqStatusOffset, Regs::kIrqStatusTxErrorMask);
  EXPECT_EQ(bus.read32(Regs::kIrqStatusOffset), 0u);
  sc_core::sc_start(1, sc_core::SC_NS);
  EXPECT_FALSE(bench.a.irq.read());
}

}  // namespace
}  // namespace memwall::link
