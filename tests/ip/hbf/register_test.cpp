// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The controller's registers through its TLM socket.
#include "support/register_tests.h"

#include "module_bench.h"
#include "support/bus_driver.h"

namespace memwall::hbf {
namespace {
using namespace testing_support;
using memwall::testing_support::BusDriver;
using memwall::testing_support::RegisterTestOptions;
using memwall::testing_support::run_register_tests;

struct Bench {
  Bench() {
    bus.mem_isock.bind(hbf.ctrl_tsock);
    data.mem_isock.bind(hbf.data_tsock);
    hbf.mem_isock.bind(ram.mem_tsock);
    hbf.irq_out.bind(irq);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
  std::uint32_t field(std::uint32_t offset, std::uint32_t mask, unsigned shift) {
    return (bus.read32(offset) & mask) >> shift;
  }
  HbfModule hbf{"hbf", small_cube()};
  soc::Ram ram{"ram", {}};
  sc_core::sc_signal<bool> irq;
  BusDriver bus{"bus"}, data{"data"};
};

TEST(HbfRegisters, FollowTheirDefinitionOnTheBus) {
  Bench bench;
  RegisterTestOptions options;
  options.w1s_self_clears = true;
  // Of the configuration.
  options.skip_reset_value = {"CONFIG0", "CONFIG1", "CAPACITY_MIB",  "LINK",
                              "LATENCY", "PINS",    "PROGRAM_STATUS"};
  // Windows to what is behind them, and what starts something.
  options.skip = {"ADMIN_DATA", "ADMIN_INDEX", "SB_DATA"};
  options.skip_write = {"ADMIN_GO", "POWER", "STREAM_CONTROL", "PROGRAM_GO", "IRQ_STATUS"};
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

TEST(HbfRegisters, DescribeTheController) {
  Bench bench;
  const Config config = small_cube();
  EXPECT_EQ(bench.bus.read32(Regs::kIdOffset), 0x48424602u) << "HBF, 2";
  EXPECT_EQ(bench.bus.read32(Regs::kConfig0Offset),
            config.channels | config.ports_per_channel << 8 | 64u << 16);
  EXPECT_EQ(bench.bus.read32(Regs::kConfig1Offset), 16u | 64u << 16);
  EXPECT_EQ(bench.bus.read32(Regs::kCapacityMibOffset), config.capacity_bytes >> 20);
  EXPECT_EQ(bench.bus.read32(Regs::kLinkOffset), 109714u) << "48 / 14 x 64 B in 2 ns";
  EXPECT_EQ(bench.bus.read32(Regs::kLatencyOffset), 2u + 10 + 5 + 100 + 38 + 10) << "a cold read without tR";
  EXPECT_EQ(bench.bus.read32(Regs::kPinsOffset), Regs::kPinsReadyMask);
}

TEST(HbfRegisters, AdminDataIsABufferWithAMovingIndex) {
  Bench bench;
  bench.bus.write32(Regs::kAdminIndexOffset, 1022);
  for (std::uint32_t i = 0; i < 4; ++i) bench.bus.write32(Regs::kAdminDataOffset, 100 + i);
  EXPECT_EQ(bench.bus.read32(Regs::kAdminIndexOffset), 2u) << "1024 dwords, then from 0 on";
  bench.bus.write32(Regs::kAdminIndexOffset, 1023);
  EXPECT_EQ(bench.bus.read32(Regs::kAdminDataOffset), 101u);
  EXPECT_EQ(bench.bus.read32(Regs::kAdminDataOffset), 102u);
  EXPECT_EQ(bench.bus.read32(Regs::kAdminDataOffset), 103u);
}

TEST(HbfRegisters, SidebandReachesEveryChannelAndSaysWhatIsNotThere) {
  Bench bench;
  const auto at = [&](std::uint32_t channel, bool mmio, std::uint32_t offset) {
    bench.bus.write32(Regs::kSbAddressOffset, offset | (mmio ? Regs::kSbAddressMmioMask : 0) |
                                                  channel << Regs::kSbAddressChannelShift);
  };
  for (std::uint32_t channel = 0; channel < 2; ++channel) {
    at(channel, true, 0x10);  // BUCSTS
    EXPECT_EQ(bench.bus.read32(Regs::kSbDataOffset) & 1u, 1u);
    EXPECT_EQ(bench.bus.read32(Regs::kSbStatusOffset), 0u);
    at(channel, true, 0x100);  // TMR 0
    bench.bus.write32(Regs::kSbDataOffset, 0x500u + channel);
    EXPECT_EQ(bench.bus.read32(Regs::kSbDataOffset), 0x500u + channel);
  }
  for (const auto& [channel, offset] : {std::pair{2u, 0x10u}, {15u, 0x10u}, {0u, 0x11u}, {0u, 0xfff00u}}) {
    at(channel, true, offset);
    EXPECT_EQ(bench.bus.read32(Regs::kSbDataOffset), ~0u) << channel << " " << offset;
    EXPECT_EQ(bench.bus.read32(Regs::kSbStatusOffset), 1u);
    bench.bus.write32(Regs::kSbDataOffset, 0);
    EXPECT_EQ(bench.bus.read32(Regs::kSbStatusOffset), 1u);
  }
}

TEST(HbfRegisters, RemapEntriesMoveBlocks) {
  Bench bench;
  std::vector<unsigned char> bytes(kPageBytes, 0x5a);
  // Window page 18 is page 0 of row 1, channel 0, lane 1; the same of row 3, channel 1, lane 0 is 2 * 24 + 1.
  bench.data.debug(tlm::TLM_WRITE_COMMAND, page(49), bytes.data(), kPageBytes);
  bench.bus.write32(Regs::kRemapIndexOffset, 5);
  bench.bus.write32(Regs::kRemapFromOffset, 1u << 16 | 0u << 12 | 1u);
  bench.bus.write32(Regs::kRemapToOffset, 3u << 16 | 1u << 12 | 0u);
  const auto first = [&] {
    unsigned char byte = 0;
    bench.data.debug(tlm::TLM_READ_COMMAND, page(18), &byte, 1);
    return byte;
  };
  EXPECT_EQ(first(), 0xff);
  bench.bus.write32(Regs::kRemapGoOffset, static_cast<std::uint32_t>(Regs::RemapGoAction::kSet));
  EXPECT_EQ(first(), 0x5a);
  bench.bus.write32(Regs::kRemapGoOffset, static_cast<std::uint32_t>(Regs::RemapGoAction::kClear));
  EXPECT_EQ(first(), 0xff);
}

TEST(HbfRegisters, DebugReadsChangeNothing) {
  Bench bench;
  bench.bus.write32(Regs::kAdminIndexOffset, 7);
  std::uint32_t value = 0;
  for (std::uint32_t at = 0; at < Regs::kSizeBytes; at += 4)
    EXPECT_EQ(bench.bus.debug(tlm::TLM_READ_COMMAND, at, &value, 4), 4u);
  EXPECT_EQ(bench.bus.read32(Regs::kAdminIndexOffset), 7u);
}

// Registers that need time to pass are in module_test.cpp.

TEST(HbfRegisters, UndefinedFaultKindsAndAddressesOutsideChangeNothing) {
  ModuleBench bench;
  Bytes bytes(2 * kPageBytes, 0x5a);
  bench.io.debug(tlm::TLM_WRITE_COMMAND, page(1), bytes);
  run_to_end({[&] {
    Initiator& io = bench.io;
    io.inject(page(2), Regs::InjectKind::kUncorrectable);
    for (std::uint32_t kind = 12; kind < 16; ++kind) {
      io.inject(page(1), static_cast<Regs::InjectKind>(kind));
      Bytes got(64);
      EXPECT_EQ(io.read(page(1), got), tlm::TLM_OK_RESPONSE) << kind;
      io.inject(page(2), static_cast<Regs::InjectKind>(kind));
      EXPECT_EQ(io.read(page(2), got), tlm::TLM_GENERIC_ERROR_RESPONSE) << kind << " replaced the fault";
    }
    io.inject(std::uint64_t{1} << 40, Regs::InjectKind::kUncorrectable);
    io.inject(page(2), Regs::InjectKind::kNone);
    Bytes got(64);
    EXPECT_EQ(io.read(page(2), got), tlm::TLM_OK_RESPONSE);
  }});
}

}  // namespace
}  // namespace memwall::hbf
