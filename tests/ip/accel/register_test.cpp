// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The accelerator's registers over its control socket.
#include "support/register_tests.h"

#include "ip/accel/accel_bench.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT

TEST(AccelRegisters, EveryRegisterFollowsItsDefinitionOverTheSocket) {
  AccelBench bench;
  RegisterTestOptions options;
  options.skip_reset_value = {"SRAM_BYTES"};
  options.w1s_self_clears = true;
  run_register_tests(
      Regs::kTable, Regs::kTableSize,
      [&](std::uint32_t offset, std::uint32_t& value) {
        return bench.host.access(false, offset, value) == tlm::TLM_OK_RESPONSE;
      },
      [&](std::uint32_t offset, std::uint32_t value) {
        return bench.host.access(true, offset, value) == tlm::TLM_OK_RESPONSE;
      },
      options);
}

TEST(AccelRegisters, SramBytesTellsTheConfiguration) {
  accel::Config config;
  config.sram_bytes = 3 << 20;
  AccelBench bench(config);
  EXPECT_EQ(bench.host.read(Regs::kSramBytesOffset), 3u << 20);
}

TEST(AccelRegisters, UndefinedOffsetsAreAddressErrors) {
  AccelBench bench;
  std::uint32_t value = 0;
  EXPECT_EQ(bench.host.access(false, 0x3c, value), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(bench.host.access(true, 0xffc, value), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(bench.host.access(false, 0x2, value), tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

TEST(AccelRegisters, ResetStopsAfterTheCurrentDescriptorAndClearsTheQueue) {
  AccelBench bench;
  bench.enable();
  ComputeDescriptor copy;
  copy.opcode = static_cast<std::uint8_t>(Opcode::kCopy);
  copy.n = 1 << 20, copy.m = 1, copy.src0 = AccelBench::kMemory + 0x1000000, copy.dst = 0x30000000;
  bench.post(copy);
  bench.post(copy);
  sc_core::sc_start(1, sc_core::SC_US);
  EXPECT_EQ(bench.host.read(Regs::kStatusOffset), Regs::kStatusBusyMask);
  bench.host.write(Regs::kControlOffset, Regs::kControlEnableMask | Regs::kControlResetMask);
  EXPECT_EQ(bench.host.read(Regs::kControlOffset), Regs::kControlEnableMask | Regs::kControlResetMask);
  sc_core::sc_start();
  EXPECT_EQ(bench.host.read(Regs::kControlOffset), Regs::kControlEnableMask);
  EXPECT_EQ(bench.host.read(Regs::kHeadOffset), 0u);
  EXPECT_EQ(bench.host.read(Regs::kTailOffset), 0u);
  EXPECT_EQ(bench.memory.get<CompletionRecord>(AccelBench::records(0) + 32, 1)[0].tag, 0u);
}

TEST(AccelRegisters, DisableTakesEffectBetweenDescriptors) {
  AccelBench bench;
  bench.enable();
  ComputeDescriptor copy;
  copy.opcode = static_cast<std::uint8_t>(Opcode::kCopy);
  copy.n = 1 << 20, copy.m = 1, copy.src0 = AccelBench::kMemory + 0x1000000, copy.dst = 0x30000000;
  bench.post(copy);
  bench.post(copy);
  sc_core::sc_start(1, sc_core::SC_US);
  bench.host.write(Regs::kControlOffset, 0);
  sc_core::sc_start();
  EXPECT_EQ(bench.host.read(Regs::kHeadOffset), 1u);
  EXPECT_EQ(bench.host.read(Regs::kStatusOffset), 0u);
  bench.host.write(Regs::kControlOffset, 1);
  sc_core::sc_start();
  EXPECT_EQ(bench.host.read(Regs::kHeadOffset), 2u);
}

TEST(AccelRegisters, BadQueueSizeOrBaseHaltsTheQueueWhenItIsEnabled) {
  AccelBench bench;
  for (const std::uint32_t entries : {0u, 3u, 2048u, 0xffffu}) {
    bench.enable(0, entries);
    sc_core::sc_start();
    EXPECT_EQ(bench.host.read(Regs::kStatusOffset),
              Regs::kStatusHaltedMask | static_cast<std::uint32_t>(Status::kBadShape)
                                            << Regs::kStatusErrorCodeShift);
    EXPECT_TRUE(bench.irq.read());
    bench.host.write(Regs::kControlOffset, Regs::kControlResetMask);
    bench.host.write(Regs::kIrqStatusOffset, 3);
    sc_core::sc_start();
    EXPECT_FALSE(bench.irq.read());
    EXPECT_EQ(bench.host.read(Regs::kStatusOffset), 0u);
  }
  bench.enable(0, 4);
  bench.host.write(Regs::kQueueBaseLoOffset, 64);
  sc_core::sc_start();
  EXPECT_EQ(bench.host.read(Regs::kStatusOffset) >> 8, static_cast<std::uint32_t>(Status::kBadAlignment));
}

TEST(AccelRegisters, TheRingWrapsAndHeadRunsFree) {
  AccelBench bench;
  bench.enable(1, 4);
  ComputeDescriptor nop;
  for (std::uint32_t i = 0; i < 11; ++i) {
    nop.tag = 100 + i;
    const CompletionRecord record = bench.run(nop, 1);
    EXPECT_EQ(record.tag, 100 + i);
    EXPECT_EQ(record.sequence, i);
  }
  EXPECT_EQ(bench.host.read(AccelBench::kQueueStride + Regs::kHeadOffset), 11u);
  EXPECT_EQ(bench.host.read(Regs::kHeadOffset), 0u);
}

TEST(AccelRegisters, ADoorbellFromAnInitiatorAheadOfTimeRingsAtItsTime) {
  AccelBench bench;
  bench.enable();
  bench.post({});
  sc_core::sc_start();
  const TimePs posted = to_ps(sc_core::sc_time_stamp()) + 9 * kPsPerUs;
  std::uint32_t tail = 2;
  const std::size_t before = bench.memory.log().size();
  bench.memory.poke(AccelBench::ring(0) + 128, std::vector<std::uint8_t>(128, 0).data(), 128);
  bench.host.access(true, Regs::kTailOffset, tail, sc_core::sc_time(9, sc_core::SC_US));
  sc_core::sc_start();
  EXPECT_EQ(bench.host.read(Regs::kHeadOffset), 2u);
  ASSERT_GT(bench.memory.log().size(), before);
  EXPECT_EQ(bench.memory.log()[before].at, posted);
}

TEST(AccelRegisters, BusyCyclesCountTheUnionOfBothQueues) {
  AccelBench bench;
  bench.enable(0);
  bench.enable(1);
  ComputeDescriptor copy;
  copy.opcode = static_cast<std::uint8_t>(Opcode::kCopy);
  copy.n = 1 << 20, copy.m = 1, copy.src0 = AccelBench::kMemory + 0x1000000, copy.dst = 0x30000000;
  const TimePs start = to_ps(sc_core::sc_time_stamp());
  bench.post(copy, 0);
  bench.post(copy, 1);
  sc_core::sc_start();
  const std::uint64_t cycles = bench.host.read(Regs::kCyclesLoOffset);
  const std::uint64_t elapsed = (to_ps(sc_core::sc_time_stamp()) - start) / 1000;
  EXPECT_GT(cycles, 2 * (1u << 20) / 64 - 1);  // both copies share 64 bytes per cycle
  EXPECT_LE(cycles, elapsed);
}

}  // namespace
}  // namespace memwall
