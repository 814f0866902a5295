// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Runs without data: the same time, the same accesses, the same counters; and what the statistics say.
#include <map>
#include <vector>

#include "ip/accel/accel_bench.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT

constexpr std::uint64_t kSram = 0x30000000;
constexpr std::uint64_t kMem = AccelBench::kMemory;

std::vector<ComputeDescriptor> one_of_each() {
  std::vector<ComputeDescriptor> list;
  const auto add = [&](Opcode opcode) -> ComputeDescriptor& {
    ComputeDescriptor d;
    d.opcode = static_cast<std::uint8_t>(opcode);
    d.tag = static_cast<std::uint32_t>(list.size());
    d.n = 96, d.src0 = kSram, d.dst = kSram + 0x10000;
    list.push_back(d);
    return list.back();
  };
  ComputeDescriptor* d = &add(Opcode::kMatvec);
  d->format = 1, d->k = 100, d->m = 3, d->src1 = kMem + 0x1000000, d->stride0 = 400, d->stride1 = 224,
  d->stride3 = 384;
  d->tile_rows = 20, d->work = kSram + 0x40000, d->work_bytes = 0x10000;
  d = &add(Opcode::kMatvec);
  d->format = 3, d->k = 100, d->m = 1, d->src1 = kMem + 0x1000000, d->src2 = kMem + 0x2000000,
  d->stride1 = 128, d->stride2 = 32;
  d->tile_rows = 20, d->work = kSram + 0x40000, d->work_bytes = 0x10000;
  d = &add(Opcode::kAttention);
  d->format = 1, d->k = 48, d->m = 3, d->src1 = kMem + 0x1000000, d->src2 = kMem + 0x2000000,
  d->stride0 = 192, d->stride1 = 96, d->stride2 = 160, d->stride3 = 192, d->scalar0 = 0.1f;
  d->tile_rows = 20, d->work = kSram + 0x40000, d->work_bytes = 0x10000;
  d = &add(Opcode::kRmsnorm);
  d->m = 2, d->src1 = kSram + 0x8000, d->stride0 = 384, d->stride3 = 384;
  d = &add(Opcode::kRope);
  d->n = 2, d->m = 3, d->k = 16, d->src1 = kSram + 0x8000, d->stride0 = 192, d->stride1 = 64,
  d->stride3 = 192;
  add(Opcode::kSwiglu).src1 = kSram + 0x8000;
  add(Opcode::kAdd).src1 = kSram + 0x8000;
  add(Opcode::kSoftmax).scalar0 = 1.0f;
  d = &add(Opcode::kTopk);
  d->m = 4, d->index_base = 1000, d->dst = kSram + 0x20000;
  d = &add(Opcode::kCopy);
  d->n = 200000, d->m = 1, d->src0 = kMem + 0x1000003;
  d = &add(Opcode::kCopy);
  d->n = 100, d->m = 50, d->stride0 = 300, d->stride3 = 100, d->dst = kMem + 0x3000000;
  d = &add(Opcode::kConvert);
  d->format = 0, d->dst_format = 1, d->n = 500, d->m = 8, d->stride0 = 2000, d->stride3 = 1024,
  d->dst = kMem + 0x3000000;
  return list;
}

struct Trace {
  std::vector<std::uint64_t> cycles;
  std::vector<TestMemory::Entry> log;
  std::map<std::string, double> stats;
  std::vector<std::uint32_t> topk;
};

Trace run_all(AccelBench& bench) {
  bench.enable();
  Trace trace;
  for (const ComputeDescriptor& d : one_of_each()) {
    const CompletionRecord record = bench.run(d);
    EXPECT_EQ(record.status, 0u) << int(d.opcode);
    trace.cycles.push_back(record.cycles);
  }
  trace.log = bench.memory.log();
  trace.topk = bench.get_sram<std::uint32_t>(kSram + 0x20000, 8);
  std::vector<Stat> stats;
  StatSink sink(stats);
  bench.accel.report(sink);
  for (const Stat& s : stats) {
    trace.stats[s.name] = std::visit([](auto v) { return static_cast<double>(v); }, s.value);
    EXPECT_FALSE(s.unit.empty()) << s.name;
    EXPECT_FALSE(s.description.empty()) << s.name;
    EXPECT_EQ(s.unit == "cycles", !s.clock.empty()) << s.name;
  }
  return trace;
}

TEST(AccelTraffic, RunsWithoutDataTakeTheSameTimeAccessesAndCounters) {
  accel::Config without;
  without.functional = false;
  AccelBench real({}, {}, "real", false), none(without, {}, "none", false);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  const Trace a = run_all(real), b = run_all(none);
  EXPECT_EQ(a.cycles, b.cycles);
  EXPECT_EQ(a.stats, b.stats);
  ASSERT_EQ(a.log.size(), b.log.size());
  for (std::size_t i = 0; i < a.log.size(); ++i) {
    EXPECT_EQ(a.log[i].address, b.log[i].address);
    EXPECT_EQ(a.log[i].bytes, b.log[i].bytes);
    EXPECT_EQ(a.log[i].is_write, b.log[i].is_write);
    EXPECT_TRUE(a.log[i].has_data);
    const bool control =
        b.log[i].address >= AccelBench::kRing && b.log[i].address < AccelBench::kRing + 0x200000;
    EXPECT_EQ(b.log[i].has_data, control) << std::hex << b.log[i].address;
  }
}

TEST(AccelTraffic, TopkWithoutDataStandsInDeterministically) {
  accel::Config without;
  without.functional = false;
  AccelBench first(without, {}, "first", false), second(without, {}, "second", false);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  const Trace a = run_all(first), b = run_all(second);
  EXPECT_EQ(a.topk, b.topk);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_GE(a.topk[2 * i + 1], 1000u);
    EXPECT_LT(a.topk[2 * i + 1], 1096u);
  }
  EXPECT_NE(a.topk[1], a.topk[3]);
}

TEST(AccelTraffic, StatisticsAddUp) {
  AccelBench bench;
  const Trace real = run_all(bench);
  const double macs = 96.0 * 100 * 3 + 96.0 * 100 + 2 * 96.0 * 48 * 3;
  EXPECT_EQ(real.stats.at("macs"), macs);
  EXPECT_DOUBLE_EQ(real.stats.at("mac_energy_pj"), macs * 0.4);
  std::uint64_t read = 0, written = 0;
  for (const auto& entry : real.log) (entry.is_write ? written : read) += entry.bytes;
  EXPECT_EQ(real.stats.at("queue0.dma_read_bytes"), static_cast<double>(read));
  EXPECT_EQ(real.stats.at("queue0.dma_write_bytes"), static_cast<double>(written));
  EXPECT_EQ(real.stats.at("queue0.descriptors_matvec"), 2);
  EXPECT_EQ(real.stats.at("queue0.descriptors_copy"), 2);
  EXPECT_EQ(real.stats.at("queue0.ended_ok"), static_cast<double>(one_of_each().size()));
  EXPECT_EQ(real.stats.at("queue1.ended_ok"), 0);
  EXPECT_GT(real.stats.at("sram_energy_pj"), 0);
  EXPECT_GT(real.stats.at("queue0.stall_memory_ps"), 0);
}

}  // namespace
}  // namespace memwall
