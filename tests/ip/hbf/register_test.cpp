// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The controller's registers through its TLM socket.
#include "support/register_tests.h"

#include "hbf/module.h"
#include "hbf_test_config.h"
#include "regs/hbf_regs.h"
#include "support/bus_driver.h"

namespace memwall::hbf {
namespace {

using Regs = regs::HbfRegs;
using memwall::testing_support::BusDriver;
using memwall::testing_support::RegisterTestOptions;
using memwall::testing_support::run_register_tests;
using testing_support::page;

struct Bench {
  Bench() {
    bus.mem_isock.bind(hbf.ctrl_tsock);
    data.mem_isock.bind(hbf.data_tsock);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
  HbfModule hbf{"hbf", testing_support::small_cube()};
  BusDriver bus{"bus"}, data{"data"};
};

TEST(HbfRegisters, FollowTheirDefinitionOnTheBus) {
  Bench bench;
  RegisterTestOptions options;
  options.w1s_self_clears = true;
  // Of the preset.
  options.skip_reset_value = {"CAPACITY_MIB", "GEOMETRY0", "GEOMETRY1", "T_READ_NS", "T_PROGRAM_NS"};
  run_register_tests(
      Regs::kTable, Regs::kTableSize,
      [&](std::uint32_t offset, std::uint32_t& value) {
        value = bench.bus.read32(offset);
        return bench.bus.ok();
      },
      [&](std::uint32_t offset, std::uint32_t value) {
        bench.bus.write32(offset, value);
        return bench.bus.ok();
      },
      options);
  bench.bus.read32(Regs::kSizeBytes);
  EXPECT_EQ(bench.bus.response, tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

TEST(HbfRegisters, DescribeTheCube) {
  Bench bench;
  const Config& config = bench.hbf.core().config();
  const std::uint32_t geometry0 = bench.bus.read32(Regs::kGeometry0Offset);
  EXPECT_EQ(geometry0 & 0xff, config.channels);
  EXPECT_EQ(geometry0 >> 8 & 0xff, config.dies_per_channel);
  EXPECT_EQ(geometry0 >> 16, config.planes_per_die);
  const std::uint32_t geometry1 = bench.bus.read32(Regs::kGeometry1Offset);
  EXPECT_EQ(geometry1 & 0xffff, config.pages_per_block);
  EXPECT_EQ(geometry1 >> 16, kPageBytes);
  EXPECT_EQ(bench.bus.read32(Regs::kTReadNsOffset), config.timing.tR / kPsPerNs);
  EXPECT_EQ(bench.bus.read32(Regs::kTProgramNsOffset), config.timing.tPROG / kPsPerNs);
}

TEST(HbfRegisters, AnUndefinedFaultKindChangesNothing) {
  Bench bench;
  std::vector<unsigned char> bytes(2 * kPageBytes, 0x5a);
  bench.data.debug(tlm::TLM_WRITE_COMMAND, page(1), bytes.data(), 2 * kPageBytes);
  const auto inject = [&](std::uint64_t address, std::uint32_t kind) {
    bench.bus.write32(Regs::kInjectAddressLoOffset, static_cast<std::uint32_t>(address));
    bench.bus.write32(Regs::kInjectOffset, Regs::kInjectFireMask | kind);
  };
  inject(page(2), static_cast<std::uint32_t>(FaultKind::kUncorrectable));
  for (std::uint32_t kind = 5; kind < 16; ++kind) {
    inject(page(1), kind);
    EXPECT_EQ(bench.data.read<std::uint32_t>(page(1)), 0x5a5a5a5au) << kind;
    EXPECT_TRUE(bench.data.ok()) << kind;
    inject(page(2), kind);
    bench.data.read<std::uint32_t>(page(2));
    EXPECT_EQ(bench.data.response, tlm::TLM_GENERIC_ERROR_RESPONSE) << kind << " replaced the fault";
  }
}

}  // namespace
}  // namespace memwall::hbf
