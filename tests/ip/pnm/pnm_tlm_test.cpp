// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The transaction-level decode unit: results of the kernels, statuses, register behaviour, traffic without
// data.
#include <gtest/gtest.h>

#include "ip/pnm/pnm_bench.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT
using Regs = regs::PnmRegs;

void expect_result(const PnmBench& bench, const PnmJob& job) {
  const std::vector<float> actual = job.result(bench);
  ASSERT_EQ(actual.size(), job.expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(numerics::bits_of(job.expected[i]), numerics::bits_of(actual[i])) << "element " << i;
  }
}

TEST(PnmTlm, MatvecGivesTheKernelsBitsInEveryFormat) {
  PnmBench bench("pnm", pnm::make_pnm_tlm);
  bench.enable();
  Rng rng(1, "matvec");
  for (const Format format : {Format::kF32, Format::kF16, Format::kBf16, Format::kMxint8}) {
    for (int i = 0; i < 12; ++i) {
      const auto n = static_cast<std::uint32_t>(1 + rng.below(150)),
                 k = static_cast<std::uint32_t>(1 + rng.below(300));
      const PnmJob job = matvec_job(rng, format, n, k, 32 * static_cast<std::uint32_t>(rng.below(3)));
      SCOPED_TRACE(testing::Message() << "format " << int(format) << " n " << n << " k " << k);
      job.place(bench);
      const CompletionRecord record = bench.run(job.d);
      EXPECT_EQ(record.status, 0u);
      EXPECT_EQ(record.tag, job.d.tag);
      EXPECT_EQ(record.sequence, bench.tail - 1);
      expect_result(bench, job);
    }
  }
}

TEST(PnmTlm, AttentionGivesTheKernelsBitsInEveryFormat) {
  PnmBench bench("pnm", pnm::make_pnm_tlm);
  bench.enable();
  Rng rng(2, "attention");
  for (const Format format : {Format::kF32, Format::kF16, Format::kBf16}) {
    for (int i = 0; i < 12; ++i) {
      const auto tokens = static_cast<std::uint32_t>(1 + rng.below(200));
      const auto dim = static_cast<std::uint32_t>(1 + rng.below(256)),
                 heads = static_cast<std::uint32_t>(1 + rng.below(8));
      const PnmJob job =
          attention_job(rng, format, tokens, dim, heads, 32 * static_cast<std::uint32_t>(rng.below(3)));
      SCOPED_TRACE(testing::Message() << "format " << int(format) << " tokens " << tokens << " dim " << dim);
      job.place(bench);
      EXPECT_EQ(bench.run(job.d).status, 0u);
      expect_result(bench, job);
    }
  }
}

TEST(PnmTlm, OperationsOfTheAcceleratorAreBadOpcodes) {
  PnmBench bench("pnm", pnm::make_pnm_tlm);
  bench.enable();
  for (unsigned opcode = 3; opcode < 256; opcode += opcode < 12 ? 1 : 40) {
    ComputeDescriptor d;
    d.opcode = static_cast<std::uint8_t>(opcode);
    d.tag = 77;
    EXPECT_EQ(static_cast<Status>(bench.run(d).status), Status::kBadOpcode) << opcode;
    EXPECT_EQ(bench.host.read(Regs::kErrorTagOffset), 77u);
    bench.resume();
  }
}

TEST(PnmTlm, ChecksFollowTheContractsOrder) {
  PnmBench bench("pnm", pnm::make_pnm_tlm);
  bench.enable();
  Rng rng(3, "order");
  const PnmJob job = matvec_job(rng, Format::kF16, 8, 32);
  job.place(bench);
  // Everything wrong at once; then the first fault is repaired, step by step.
  ComputeDescriptor d = job.d;
  d.opcode = 200, d.format = 9, d.flags = 2, d.k = 0, d.src1 += 4;
  const auto status = [&] {
    const auto result = static_cast<Status>(bench.run(d).status);
    bench.resume();
    return result;
  };
  EXPECT_EQ(status(), Status::kBadOpcode);
  d.opcode = job.d.opcode;
  EXPECT_EQ(status(), Status::kBadFormat);
  d.format = job.d.format;
  EXPECT_EQ(status(), Status::kBadReserved);
  d.flags = 0;
  EXPECT_EQ(status(), Status::kBadShape);
  d.k = job.d.k;
  EXPECT_EQ(status(), Status::kBadAlignment);
  d.src1 = PnmBench::kBase + PnmBench::kBytes;
  CompletionRecord record = bench.run(d);
  EXPECT_EQ(static_cast<Status>(record.status), Status::kBusError);
  EXPECT_EQ(record.fault_address, d.src1);
  bench.resume();
  d.src1 = job.d.src1;
  EXPECT_EQ(status(), Status::kOk);
  expect_result(bench, job);
}

TEST(PnmTlm, MemoryErrorsBecomeStatusesWithTheirAddress) {
  PnmBench bench("pnm", pnm::make_pnm_tlm);
  bench.enable();
  Rng rng(4, "errors");
  const PnmJob job = matvec_job(rng, Format::kF16, 64, 512);
  job.place(bench);
  bench.memory.inject(PnmBench::kW - PnmBench::kBase, tlm::TLM_GENERIC_ERROR_RESPONSE);
  CompletionRecord record = bench.run(job.d);
  EXPECT_EQ(static_cast<Status>(record.status), Status::kUncorrectable);
  EXPECT_EQ(record.fault_address, PnmBench::kW);
  EXPECT_TRUE(bench.irq.read());
  EXPECT_EQ(bench.host.read(Regs::kStatusOffset), Regs::kStatusHaltedMask | 8u << 8);
  EXPECT_EQ(bench.host.read(Regs::kErrorAddressLoOffset), static_cast<std::uint32_t>(PnmBench::kW));
  EXPECT_EQ(bench.host.read(Regs::kErrorAddressHiOffset), static_cast<std::uint32_t>(PnmBench::kW >> 32));
  bench.memory.heal();
  bench.memory.inject(job.d.dst - PnmBench::kBase, tlm::TLM_ADDRESS_ERROR_RESPONSE);
  bench.resume();
  record = bench.run(job.d);
  EXPECT_EQ(static_cast<Status>(record.status), Status::kBusError);
  EXPECT_EQ(record.fault_address, job.d.dst);
  bench.memory.heal();
  bench.resume();
  EXPECT_EQ(bench.run(job.d).status, 0u);
  expect_result(bench, job);
}

TEST(PnmTlm, TrafficWithoutDataTakesTheSameTimeAndTheSameAccesses) {
  PnmBench real("real", pnm::make_pnm_tlm), none("none", pnm::make_pnm_tlm, false);
  real.enable();
  none.enable();
  Rng rng(5, "none");
  const PnmJob jobs[] = {matvec_job(rng, Format::kF16, 200, 288), matvec_job(rng, Format::kMxint8, 100, 128),
                         attention_job(rng, Format::kF16, 130, 48, 3)};
  for (const PnmJob& job : jobs) {
    job.place(real);
    const CompletionRecord a = real.run(job.d), b = none.run(job.d);
    EXPECT_EQ(a.status, 0u);
    EXPECT_EQ(b.status, 0u);
    EXPECT_EQ(a.cycles, b.cycles);
  }
  ASSERT_EQ(real.memory.log().size(), none.memory.log().size());
  for (std::size_t i = 0; i < real.memory.log().size(); ++i) {
    EXPECT_EQ(real.memory.log()[i].address, none.memory.log()[i].address);
    EXPECT_EQ(real.memory.log()[i].bytes, none.memory.log()[i].bytes);
  }
}

TEST(PnmTlm, SlowMemoryMakesTheOperationSlower) {
  TestMemory::Config slow;
  slow.bytes_per_ns = 8;
  PnmBench fast("fast", pnm::make_pnm_tlm), narrow("narrow", pnm::make_pnm_tlm, true, slow);
  fast.enable();
  narrow.enable();
  Rng rng(6, "slow");
  const PnmJob job = matvec_job(rng, Format::kF16, 256, 1024);
  job.place(fast);
  job.place(narrow);
  const std::uint64_t fast_cycles = fast.run(job.d).cycles, slow_cycles = narrow.run(job.d).cycles;
  // 256 * 2048 bytes at 8 bytes/ns and 1 GHz cannot take less than 65536 cycles; at 32 bytes/cycle it can.
  EXPECT_GE(slow_cycles, 65536u);
  EXPECT_LT(fast_cycles, 65536u);
}

TEST(PnmTlm, CountersGrowWithTheWork) {
  PnmBench bench("pnm", pnm::make_pnm_tlm);
  bench.enable();
  Rng rng(7, "counters");
  const PnmJob job = matvec_job(rng, Format::kF16, 64, 64);
  job.place(bench);
  bench.run(job.d);
  // Descriptor 4 beats, x 8, W 64 * 4; results 8, record 1.
  EXPECT_EQ(bench.host.read(Regs::kReadBeatsOffset), 4u + 8u + 64u * 4u);
  EXPECT_EQ(bench.host.read(Regs::kWriteBeatsOffset), 8u + 1u);
  EXPECT_EQ(bench.host.read(Regs::kCyclesLoOffset), bench.unit->busy_cycles());
  EXPECT_GT(bench.unit->busy_cycles(), 64u * 4u);
}

}  // namespace
}  // namespace memwall
