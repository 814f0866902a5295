// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Every error status of the accelerator, its fault address and what the queue does afterwards.
#include <vector>

#include "ip/accel/accel_bench.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT

constexpr std::uint64_t kSram = 0x30000000;
constexpr std::uint64_t kMem = AccelBench::kMemory;

ComputeDescriptor matvec() {
  ComputeDescriptor d;
  d.opcode = static_cast<std::uint8_t>(Opcode::kMatvec);
  d.format = static_cast<std::uint8_t>(desc::Format::kF16);
  d.n = 64, d.k = 128, d.m = 1;
  d.src0 = kSram, d.src1 = kMem + 0x1000000, d.dst = kSram + 0x1000;
  d.stride1 = 256;
  d.tile_rows = 16, d.work = kSram + 0x10000, d.work_bytes = 2 * 16 * 256;
  return d;
}

ComputeDescriptor vector_op(Opcode opcode) {
  ComputeDescriptor d;
  d.opcode = static_cast<std::uint8_t>(opcode);
  d.n = 16, d.src0 = kSram, d.src1 = kSram + 0x100, d.dst = kSram + 0x200;
  return d;
}

TEST(AccelStatus, ChecksFollowTheContractsOrder) {
  AccelBench bench;
  bench.enable();
  const ComputeDescriptor good = matvec();
  ComputeDescriptor d = good;
  d.opcode = 77, d.format = 5, d.reserved0 = 1, d.n = 0, d.src1 += 2, d.dst = 0x100, d.tile_rows = 99;
  const auto status = [&] {
    const Status result = bench.status(d);
    bench.resume();
    return result;
  };
  EXPECT_EQ(status(), Status::kBadOpcode);
  d.opcode = good.opcode;
  EXPECT_EQ(status(), Status::kBadFormat);
  d.format = good.format;
  EXPECT_EQ(status(), Status::kBadReserved);
  d.reserved0 = 0;
  EXPECT_EQ(status(), Status::kBadShape);
  d.n = good.n;
  EXPECT_EQ(status(), Status::kBadAlignment);
  d.src1 = good.src1;
  const CompletionRecord record = bench.run(d);
  EXPECT_EQ(static_cast<Status>(record.status), Status::kBadRange);
  EXPECT_EQ(record.fault_address, d.dst);
  bench.resume();
  d.dst = good.dst;
  EXPECT_EQ(status(), Status::kTileTooLarge);
  d.tile_rows = good.tile_rows;
  EXPECT_EQ(status(), Status::kOk);
}

TEST(AccelStatus, ATileFitsExactlyOrIsTooLarge) {
  AccelBench bench;
  bench.enable();
  ComputeDescriptor d = matvec();
  EXPECT_EQ(bench.status(d), Status::kOk);
  d.work_bytes -= 1;
  EXPECT_EQ(bench.status(d), Status::kTileTooLarge);
  bench.resume();
  // MXINT8: 128 elements and 4 scales, rounded up to 160 bytes per row.
  d.format = static_cast<std::uint8_t>(desc::Format::kMxint8);
  d.src2 = kMem + 0x2000000, d.stride1 = 128, d.stride2 = 32;
  d.work_bytes = 2 * 16 * 160;
  EXPECT_EQ(bench.status(d), Status::kOk);
  d.work_bytes -= 1;
  EXPECT_EQ(bench.status(d), Status::kTileTooLarge);
  bench.resume();
  // ATTENTION keeps m * n scores behind the tiles.
  ComputeDescriptor a = matvec();
  a.opcode = static_cast<std::uint8_t>(Opcode::kAttention);
  a.k = 32, a.m = 2, a.src2 = kMem + 0x2000000, a.stride0 = 128, a.stride1 = 64, a.stride2 = 64,
  a.stride3 = 128;
  a.work_bytes = 2 * 16 * 64 + 4 * 2 * 64;
  EXPECT_EQ(bench.status(a), Status::kOk);
  a.work_bytes -= 1;
  EXPECT_EQ(bench.status(a), Status::kTileTooLarge);
}

TEST(AccelStatus, UnusedFieldsMustBeZero) {
  AccelBench bench;
  bench.enable();
  const auto expect_reserved = [&](ComputeDescriptor d) {
    EXPECT_EQ(bench.status(d), Status::kBadReserved);
    bench.resume();
  };
  ComputeDescriptor d = vector_op(Opcode::kAdd);
  EXPECT_EQ(bench.status(d), Status::kOk);
  d.m = 1;
  expect_reserved(d);
  d = vector_op(Opcode::kAdd);
  d.format = 1;
  expect_reserved(d);
  d = vector_op(Opcode::kAdd);
  d.scalar0 = -0.0f;
  expect_reserved(d);
  d = vector_op(Opcode::kAdd);
  d.reserved_96[31] = 1;
  expect_reserved(d);
  d = vector_op(Opcode::kAdd);
  d.flags = 4;
  expect_reserved(d);
  d = matvec();
  d.src2 = 32;
  expect_reserved(d);
  d = {};
  d.n = 1;
  expect_reserved(d);
  d = {};
  EXPECT_EQ(bench.status(d), Status::kOk) << "all zeros is a NOP";
}

TEST(AccelStatus, VectorsOutsideSramAreBadRange) {
  AccelBench bench;
  bench.enable();
  const std::uint64_t end = kSram + bench.config_.sram_bytes;
  for (const Opcode opcode : {Opcode::kAdd, Opcode::kSwiglu}) {
    for (const std::uint64_t address : {kMem, end, end - 60, kSram - 4, std::uint64_t{0xfffffffffffffffc}}) {
      ComputeDescriptor d = vector_op(opcode);
      d.src1 = address;
      const CompletionRecord record = bench.run(d);
      EXPECT_EQ(static_cast<Status>(record.status), Status::kBadRange) << address;
      EXPECT_EQ(record.fault_address, address);
      bench.resume();
    }
    ComputeDescriptor d = vector_op(opcode);
    d.src1 = end - 64;
    EXPECT_EQ(bench.status(d), Status::kOk);
  }
}

TEST(AccelStatus, ShapesBeyondTheLimitsAreRefused) {
  AccelBench bench;
  bench.enable();
  const auto expect_shape = [&](ComputeDescriptor d) {
    EXPECT_EQ(bench.status(d), Status::kBadShape);
    bench.resume();
  };
  ComputeDescriptor d = matvec();
  d.k = (1u << 20) + 1;
  expect_shape(d);
  d = matvec();
  d.n = (1u << 24) + 1;
  expect_shape(d);
  d = matvec();
  d.m = 0;
  expect_shape(d);
  d = matvec();
  d.tile_rows = 0;
  expect_shape(d);
  d = vector_op(Opcode::kRope);
  d.m = 1, d.k = 7;
  expect_shape(d);
}

TEST(AccelStatus, AMemoryErrorInAnyTileEndsTheDescriptorWithItsAddress) {
  AccelBench bench;
  bench.enable();
  const ComputeDescriptor d = matvec();
  // Chunks of 4096 bytes: the bad word lies in the tile of rows 32..47, which is one chunk.
  bench.memory.inject(d.src1 + 40 * 256, tlm::TLM_GENERIC_ERROR_RESPONSE);
  const CompletionRecord record = bench.run(d);
  EXPECT_EQ(static_cast<Status>(record.status), Status::kUncorrectable);
  EXPECT_EQ(record.fault_address, d.src1 + 32 * 256);
  EXPECT_EQ(bench.host.read(Regs::kErrorAddressLoOffset), static_cast<std::uint32_t>(d.src1 + 32 * 256));
  EXPECT_TRUE(bench.irq.read());
  bench.memory.heal();
  bench.host.write(Regs::kIrqStatusOffset, 3);
  bench.resume();
  EXPECT_EQ(bench.status(d), Status::kOk);
  EXPECT_FALSE(bench.irq.read());
}

TEST(AccelStatus, LeavingMemoryIsABusErrorOnTheFirstFailingChunk) {
  TestMemory::Config memory;
  memory.bytes = 0x2000000;
  AccelBench bench({}, memory);
  bench.enable();
  ComputeDescriptor d = matvec();
  d.src1 = kMem + memory.bytes - 48 * 256;  // the fourth tile of 16 rows lies outside
  const CompletionRecord record = bench.run(d);
  EXPECT_EQ(static_cast<Status>(record.status), Status::kBusError);
  EXPECT_EQ(record.fault_address, kMem + memory.bytes);
}

TEST(AccelStatus, AnUnreachableRingHaltsTheQueueWithItsAddress) {
  AccelBench bench;
  bench.enable();
  bench.host.write(Regs::kQueueBaseHiOffset, 0x7fff);
  bench.host.write(Regs::kTailOffset, 1);
  sc_core::sc_start();
  EXPECT_EQ(bench.host.read(Regs::kStatusOffset) >> 8, static_cast<std::uint32_t>(Status::kBusError));
  EXPECT_EQ(bench.host.read(Regs::kErrorAddressHiOffset), 0x7fffu);
  EXPECT_EQ(bench.host.read(Regs::kHeadOffset), 1u);
}

TEST(AccelStatus, AnUnwritableRecordHaltsTheQueue) {
  AccelBench bench;
  bench.enable();
  bench.host.write(Regs::kCompletionBaseHiOffset, 0x7ffe);
  bench.post({});
  sc_core::sc_start();
  EXPECT_EQ(bench.host.read(Regs::kStatusOffset) >> 8, static_cast<std::uint32_t>(Status::kBusError));
  EXPECT_EQ(bench.host.read(Regs::kErrorAddressHiOffset), 0x7ffeu);
}

TEST(AccelStatus, DescriptorsMayLieInTheScratchpad) {
  AccelBench bench;
  bench.enable();
  bench.host.write(Regs::kQueueBaseLoOffset, kSram + 0x8000);
  bench.host.write(Regs::kQueueBaseHiOffset, 0);
  ComputeDescriptor d = vector_op(Opcode::kAdd);
  d.tag = 5;
  bench.put_sram<ComputeDescriptor>(kSram + 0x8000, {d});
  bench.put_sram<float>(kSram, {1.5f});
  bench.put_sram<float>(kSram + 0x100, {2.0f});
  bench.host.write(Regs::kTailOffset, 1);
  sc_core::sc_start();
  EXPECT_EQ(bench.memory.get<CompletionRecord>(AccelBench::records(0), 1)[0].tag, 5u);
  EXPECT_EQ(bench.get_sram<float>(kSram + 0x200, 1)[0], 3.5f);
}

TEST(AccelStatus, AFailureInOneQueueLeavesTheOtherRunning) {
  AccelBench bench;
  bench.enable(0);
  bench.enable(1);
  ComputeDescriptor bad = vector_op(Opcode::kAdd);
  bad.n = 0;
  bench.post(bad, 0);
  bench.post(vector_op(Opcode::kAdd), 0);
  bench.post(vector_op(Opcode::kAdd), 1);
  sc_core::sc_start();
  EXPECT_EQ(bench.host.read(Regs::kHeadOffset), 1u);
  EXPECT_EQ(bench.host.read(AccelBench::kQueueStride + Regs::kHeadOffset), 1u);
  EXPECT_EQ(bench.host.read(AccelBench::kQueueStride + Regs::kStatusOffset), 0u);
  bench.resume();
  sc_core::sc_start();
  EXPECT_EQ(bench.host.read(Regs::kHeadOffset), 2u);
}

TEST(AccelStatus, DoneIsRaisedByTheFlagAndClearedByWritingOne) {
  AccelBench bench;
  bench.enable();
  ComputeDescriptor d = vector_op(Opcode::kAdd);
  EXPECT_EQ(bench.status(d), Status::kOk);
  EXPECT_FALSE(bench.irq.read());
  d.flags = 1;
  EXPECT_EQ(bench.status(d), Status::kOk);
  EXPECT_TRUE(bench.irq.read());
  EXPECT_EQ(bench.host.read(Regs::kIrqStatusOffset), Regs::kIrqStatusDoneMask);
  bench.host.write(Regs::kIrqStatusOffset, Regs::kIrqStatusDoneMask);
  sc_core::sc_start(1, sc_core::SC_NS);
  EXPECT_FALSE(bench.irq.read());
  bench.host.write(Regs::kIrqEnableOffset, 0);
  EXPECT_EQ(bench.status(d), Status::kOk);
  EXPECT_FALSE(bench.irq.read());
  EXPECT_EQ(bench.host.read(Regs::kIrqStatusOffset), Regs::kIrqStatusDoneMask);
}

TEST(AccelStatus, TheScratchpadSocketRefusesWhatItCannotServe) {
  AccelBench bench;
  std::uint32_t word = 7;
  tlm::tlm_response_status status;
  const TimePs delay = bench.sram.timed(true, 0x40, &word, 4, &status);
  EXPECT_EQ(status, tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(delay, bench.config_.sram_latency_ps + bench.config_.clock_period_ps);
  EXPECT_EQ(bench.get_sram<std::uint32_t>(kSram + 0x40, 1)[0], 7u);
  bench.sram.timed(false, bench.config_.sram_bytes - 2, &word, 4, &status);
  EXPECT_EQ(status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(bench.sram.debug(false, bench.config_.sram_bytes - 2, &word, 4), 2u);
}

}  // namespace
}  // namespace memwall
