// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// PnmRtl, the SystemC side of the Verilated unit: time, errors, interrupts, waveforms.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "common/error.h"
#include "ip/pnm/pnm_bench.h"
#include "pnm/rtl_adapter.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT
using Regs = regs::PnmRegs;

constexpr TimePs kAheadPs = pnm::PnmRtl::kAheadCycles * 1000;

void expect_result(const PnmBench& bench, const PnmJob& job) {
  const std::vector<float> actual = job.result(bench);
  ASSERT_EQ(actual.size(), job.expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(numerics::bits_of(job.expected[i]), numerics::bits_of(actual[i])) << "element " << i;
  }
}

TEST(PnmRtl, GivesTheKernelsBitsBehindItsSockets) {
  PnmBench bench("pnm", pnm::make_pnm_rtl);
  bench.enable();
  Rng rng(1, "adapter");
  for (int i = 0; i < 30; ++i) {
    const auto n = static_cast<std::uint32_t>(1 + rng.below(100)),
               k = static_cast<std::uint32_t>(1 + rng.below(200)),
               m = static_cast<std::uint32_t>(1 + rng.below(8)),
               gap = static_cast<std::uint32_t>(32 * rng.below(2));
    const PnmJob job = i % 2 ? matvec_job(rng, static_cast<Format>(rng.below(4)), n, k, gap)
                             : attention_job(rng, static_cast<Format>(rng.below(3)), n, k, m, gap);
    job.place(bench);
    const CompletionRecord record = bench.run(job.d);
    ASSERT_EQ(record.status, 0u);
    ASSERT_EQ(record.tag, job.d.tag);
    expect_result(bench, job);
  }
}

TEST(PnmRtl, TakesItsCyclesInSimulatedTimeAndThenStopsTheClock) {
  PnmBench bench("pnm", pnm::make_pnm_rtl);
  bench.enable();
  Rng rng(2, "time");
  PnmJob job = matvec_job(rng, Format::kF16, 64, 512);
  job.d.flags = 1;
  job.place(bench);
  const TimePs start = to_ps(sc_core::sc_time_stamp());
  bench.post(job.d);
  while (!bench.irq.read()) sc_core::sc_start(100, sc_core::SC_NS);
  const TimePs took = to_ps(sc_core::sc_time_stamp()) - start;
  const std::uint64_t cycles = bench.record().cycles;
  EXPECT_GE(took, cycles * 1000);
  EXPECT_LT(took, (cycles + 400) * 1000);  // doorbell, record, the steps of this loop
  const std::uint64_t busy = bench.unit->busy_cycles();
  EXPECT_GE(busy, cycles);
  sc_core::sc_start(1, sc_core::SC_MS);
  EXPECT_EQ(bench.unit->busy_cycles(), busy);
  EXPECT_EQ(bench.host.read(Regs::kCyclesLoOffset), busy);
}

TEST(PnmRtl, ClearingTheCauseOfAnIdleUnitLowersTheInterruptLine) {
  PnmBench bench("pnm", pnm::make_pnm_rtl);
  bench.enable();
  ComputeDescriptor nop;
  nop.flags = 1;
  bench.post(nop);
  sc_core::sc_start(10, sc_core::SC_US);
  EXPECT_TRUE(bench.irq.read());
  bench.host.write(Regs::kIrqStatusOffset, Regs::kIrqStatusDoneMask);
  sc_core::sc_start(1, sc_core::SC_US);
  EXPECT_FALSE(bench.irq.read());
}

// A slower memory costs what it is slower, not more; data arrive when memory said.
TEST(PnmRtl, MemoryDelaysBecomeCycles) {
  TestMemory::Config slow;
  slow.latency_ps = 250'000;
  PnmBench near("near", pnm::make_pnm_rtl), far("far", pnm::make_pnm_rtl, true, slow);
  near.enable();
  far.enable();
  ComputeDescriptor nop;
  const auto near_cycles = near.run(nop).cycles, far_cycles = far.run(nop).cycles;
  EXPECT_EQ(far_cycles - near_cycles, 200u);  // one fetch
}

TEST(PnmRtl, ANarrowMemoryBoundsTheStream) {
  TestMemory::Config narrow;
  narrow.bytes_per_ns = 8;  // a quarter of the unit's port
  PnmBench bench("pnm", pnm::make_pnm_rtl, true, narrow);
  bench.enable();
  Rng rng(2, "narrow");
  const PnmJob job = matvec_job(rng, Format::kF16, 64, 1024);
  job.place(bench);
  const std::uint64_t beats = 64 * 64;
  const auto cycles = bench.run(job.d).cycles;
  EXPECT_GE(cycles, 4 * beats);
  EXPECT_LT(cycles, 4 * beats + 4 * beats / 10);
}

TEST(PnmRtl, RegisterAccessesMeetTheUnitAtTheirTime) {
  PnmBench bench("pnm", pnm::make_pnm_rtl);
  bench.enable();
  Rng rng(3, "access");
  const PnmJob job = matvec_job(rng, Format::kF16, 64, 512);
  job.place(bench);
  bench.post(job.d);
  // An initiator that runs ahead of SystemC time sees the unit as it will be then.
  std::uint32_t value = 0;
  TimePs after = 0;
  const auto access = [&](TimePs at, std::uint32_t offset) {
    const TimePs ahead = at - to_ps(sc_core::sc_time_stamp());
    EXPECT_EQ(bench.host.access(false, offset, value, to_sc(ahead), &after), tlm::TLM_OK_RESPONSE);
    EXPECT_GE(after, at + 5'000);
    EXPECT_LE(after, at + 5'000 + kAheadPs);
  };
  access(300'000, Regs::kStatusOffset);
  EXPECT_EQ(value, Regs::kStatusBusyMask);
  access(600'000, Regs::kHeadOffset);
  EXPECT_EQ(value, 0u);
  access(20'000'000, Regs::kHeadOffset);
  EXPECT_EQ(value, 1u);
  expect_result(bench, job);
}

TEST(PnmRtl, ErrorsOfMemoryAndRangeBecomeStatuses) {
  PnmBench bench("pnm", pnm::make_pnm_rtl);
  bench.enable();
  Rng rng(4, "errors");
  const PnmJob job = matvec_job(rng, Format::kF16, 64, 512);
  job.place(bench);
  const auto run = [&](const ComputeDescriptor& d) {
    const CompletionRecord record = bench.run(d);
    EXPECT_EQ((bench.host.read(Regs::kStatusOffset) & Regs::kStatusHaltedMask) != 0, record.status != 0);
    bench.memory.heal();
    bench.resume();
    return record;
  };
  bench.memory.inject(PnmBench::kW - PnmBench::kBase + 1234, tlm::TLM_GENERIC_ERROR_RESPONSE);
  CompletionRecord record = run(job.d);
  EXPECT_EQ(static_cast<Status>(record.status), Status::kUncorrectable);
  EXPECT_EQ(record.fault_address, PnmBench::kW + 1234 / 32 * 32);
  bench.memory.inject(job.d.src0 - PnmBench::kBase, tlm::TLM_ADDRESS_ERROR_RESPONSE);
  record = run(job.d);
  EXPECT_EQ(static_cast<Status>(record.status), Status::kBusError);
  EXPECT_EQ(record.fault_address, job.d.src0);
  ComputeDescriptor d = job.d;
  d.src1 = PnmBench::kBase + PnmBench::kBytes - 64;
  const std::size_t accesses = bench.memory.log().size();
  record = run(d);
  EXPECT_EQ(static_cast<Status>(record.status), Status::kBusError);
  EXPECT_EQ(record.fault_address, PnmBench::kBase + PnmBench::kBytes);
  for (std::size_t i = accesses; i < bench.memory.log().size(); ++i) {
    EXPECT_LT(bench.memory.log()[i].address, PnmBench::kBytes);  // nothing outside left the unit
  }
  EXPECT_EQ(run(job.d).status, 0u);
  expect_result(bench, job);
}

TEST(PnmRtl, RefusesRegisterAccessesThatTheMapDoesNotHave) {
  PnmBench bench("pnm", pnm::make_pnm_rtl);
  std::uint32_t value = 0;
  EXPECT_EQ(bench.host.access(false, 0x38, value), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(bench.host.access(true, 2, value), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(bench.host.access(false, Regs::kIdOffset, value), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(value, Regs::kIdReset);
}

TEST(PnmRtl, WritesAWaveformOnlyWhereAsked) {
  const std::string file = MEMWALL_BINARY_DIR "/pnm_adapter_test.fst";
  std::remove(file.c_str());
  {
    pnm::PnmConfig config;
    config.memory_bytes = 1 << 20;
    config.trace_file = file;
    TestMemory memory("memory", {});
    TestHost host("host");
    sc_core::sc_signal<bool> irq;
    auto unit = pnm::make_pnm_rtl("unit", config);
    unit->mem_isock.bind(memory.tsock);
    host.ctrl_isock.bind(unit->ctrl_tsock);
    unit->irq_out(irq);
    host.irq_in(irq);
    host.write(Regs::kIrqEnableOffset, 3);
    EXPECT_EQ(host.read(Regs::kIrqEnableOffset), 3u);
  }
  std::ifstream wave(file, std::ios::binary | std::ios::ate);
  ASSERT_TRUE(wave.good());
  EXPECT_GT(wave.tellg(), 1000);
  std::remove(file.c_str());
}

TEST(PnmRtl, RefusesWhatItCannotDo) {
  pnm::PnmConfig config;
  config.memory_bytes = 1 << 20;
  config.functional = false;
  EXPECT_THROW(pnm::make_pnm_rtl("traffic", config), ConfigError);
  config.functional = true;
  config.trace_file = "wave.vcd";
  EXPECT_THROW(pnm::make_pnm_rtl("vcd", config), ConfigError);
  config.trace_file = "/nonexistent/wave.fst";
  EXPECT_THROW(pnm::make_pnm_rtl("unwritable", config), ConfigError);
  config.trace_file = "";
  config.clock_period_ps = 0;
  EXPECT_THROW(pnm::make_pnm_rtl("clock", config), ConfigError);
  config.clock_period_ps = 1000;
  config.memory_bytes = 0;
  EXPECT_THROW(pnm::make_pnm_rtl("empty", config), ConfigError);
}

TEST(PnmRtl, SameRunTakesTheSameTime) {
  PnmBench first("first", pnm::make_pnm_rtl), second("second", pnm::make_pnm_rtl);
  for (PnmBench* bench : {&first, &second}) {
    bench->enable();
    Rng rng(6, "repeat");
    for (int i = 0; i < 5; ++i) {
      const PnmJob job = attention_job(rng, Format::kF16, 50 + 10 * i, 32, 4);
      job.place(*bench);
      bench->run(job.d);
    }
  }
  EXPECT_EQ(first.unit->busy_cycles(), second.unit->busy_cycles());
  EXPECT_GT(first.unit->busy_cycles(), 0u);
}

}  // namespace
}  // namespace memwall
