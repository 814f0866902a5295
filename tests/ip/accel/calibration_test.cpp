// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Time of operations on the accelerator against closed formulas over clock, peak rates, SRAM and memory.
#include <algorithm>
#include <cstdio>

#include "ip/accel/accel_bench.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT

constexpr std::uint64_t kSram = 0x30000000;
constexpr std::uint64_t kMem = AccelBench::kMemory;

std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

void expect_cycles(const char* name, double expected, double measured, double tolerance) {
  std::printf("%-30s expected %9.1f measured %9.0f cycles, deviation %+.3f %%\n", name, expected, measured,
              100 * (measured - expected) / expected);
  EXPECT_LE(std::abs(measured - expected), tolerance * expected + 1) << name;
}

struct Case {
  const char* name;
  std::uint32_t n, k, m, tile_rows;
  std::uint64_t memory_bytes_per_ns;
  TimePs latency_ps;
};

/// Tiles of W come in dma_chunk_bytes accesses, all in flight, over one memory port: latency + bytes /
/// bandwidth.
void check_matvec(const Case& c) {
  accel::Config config;
  config.dma_outstanding = 4096;
  TestMemory::Config memory;
  memory.bytes_per_ns = c.memory_bytes_per_ns;
  memory.latency_ps = c.latency_ps;
  AccelBench bench(config, memory);
  bench.enable();
  ComputeDescriptor d;
  d.opcode = static_cast<std::uint8_t>(Opcode::kMatvec);
  d.format = static_cast<std::uint8_t>(desc::Format::kF16);
  d.n = c.n, d.k = c.k, d.m = c.m, d.stride0 = 4 * c.k, d.stride1 = 2 * c.k, d.stride3 = 4 * c.n;
  d.src0 = kSram, d.src1 = kMem + 0x1000000, d.dst = kSram + 0x200000;
  d.tile_rows = c.tile_rows, d.work = kSram + 0x400000, d.work_bytes = 4 * c.tile_rows * c.k;
  const CompletionRecord record = bench.run(d);
  ASSERT_EQ(record.status, 0u);

  const double period = static_cast<double>(config.clock_period_ps);
  const double tile_bytes = 2.0 * c.tile_rows * c.k, tiles = static_cast<double>(c.n / c.tile_rows);
  const double memory_ps_per_byte = 1000.0 / static_cast<double>(c.memory_bytes_per_ns);
  const auto sram = [&](double bytes) {
    return static_cast<double>(ceil_div(static_cast<std::uint64_t>(bytes), config.sram_bytes_per_cycle)) *
           period;
  };
  const double fetch = static_cast<double>(c.latency_ps) + 128 * memory_ps_per_byte;
  const double operand = sram(4.0 * c.k * c.m);
  const double load =
      std::max(static_cast<double>(c.latency_ps) + tile_bytes * memory_ps_per_byte, sram(tile_bytes));
  const double macs = static_cast<double>(c.tile_rows) * c.k * c.m;
  const double work = std::max(std::ceil(macs / config.macs_per_cycle) * period, sram(tile_bytes));
  const double store = sram(4.0 * c.tile_rows) * c.m;
  // The write port also takes the results of the tile before.
  const double next_load = std::max(load, sram(tile_bytes) + store);
  const double expected = fetch + config.op_latency_cycles * period + operand + load +
                          (tiles - 1) * std::max(next_load, work) + work + store;
  expect_cycles(c.name, expected / period, static_cast<double>(record.cycles), 0.005);
}

TEST(AccelCalibration, MatvecBoundByMemory) {
  check_matvec({"matvec, memory", 4096, 1024, 1, 64, 64, 100000});
}
TEST(AccelCalibration, MatvecBoundByMemoryLatency) {
  check_matvec({"matvec, latency", 512, 256, 1, 8, 1000, 2000000});
}
TEST(AccelCalibration, MatvecBoundBySram) {
  check_matvec({"matvec, SRAM", 4096, 1024, 1, 256, 100000, 1000});
}
TEST(AccelCalibration, MatvecBoundByTheMatrixEngine) {
  check_matvec({"matvec, 64 rows of x", 4096, 1024, 64, 64, 4096, 10000});
}

TEST(AccelCalibration, VectorOperationsTakeLanesOrPorts) {
  accel::Config config;
  TestMemory::Config memory;
  memory.latency_ps = 10000;
  AccelBench bench(config, memory);
  bench.enable();
  const auto check = [&](const char* name, const ComputeDescriptor& d, double lane_cycles, double bytes) {
    const CompletionRecord record = bench.run(d);
    ASSERT_EQ(record.status, 0u);
    const double fetch = 10 + 128.0 / static_cast<double>(memory.bytes_per_ns);
    const double expected = fetch + config.op_latency_cycles +
                            std::max(std::ceil(lane_cycles / config.vector_lanes),
                                     std::ceil(bytes / config.sram_bytes_per_cycle));
    expect_cycles(name, expected, static_cast<double>(record.cycles), 0);
  };
  ComputeDescriptor d;
  d.n = 100000, d.src0 = kSram, d.src1 = kSram + 0x100000, d.dst = kSram + 0x200000;
  d.opcode = static_cast<std::uint8_t>(Opcode::kAdd);
  check("add", d, 100000.0, 800000.0);
  d.opcode = static_cast<std::uint8_t>(Opcode::kSwiglu);
  check("swiglu", d, 12 * 100000.0, 800000.0);
  d.opcode = static_cast<std::uint8_t>(Opcode::kRmsnorm);
  d.m = 2, d.stride0 = d.stride3 = 400000;
  check("rmsnorm, 2 rows", d, 3 * 200000.0, 1600000.0);
}

TEST(AccelCalibration, CopyOverlapsItsReadsAndWrites) {
  // Memory to scratchpad: bound by the memory's port, apart from the last piece's way into the SRAM.
  accel::Config config;
  TestMemory::Config memory;
  memory.bytes_per_ns = 64;
  AccelBench bench(config, memory);
  bench.enable();
  ComputeDescriptor d;
  d.opcode = static_cast<std::uint8_t>(Opcode::kCopy);
  d.n = 4 << 20, d.m = 1, d.src0 = kMem + 0x1000000, d.dst = kSram;
  const CompletionRecord record = bench.run(d);
  const double pieces = d.n / double(config.copy_buffer_bytes);
  const double piece = 50 + config.copy_buffer_bytes / 64.0,
               last = config.copy_buffer_bytes / double(config.sram_bytes_per_cycle);
  expect_cycles("copy 4 MiB to scratchpad", 52 + config.op_latency_cycles + pieces * piece + last,
                static_cast<double>(record.cycles), 0.005);
}

TEST(AccelCalibration, QueuesShareTheVectorEngineAndOverlapWithDma) {
  TestMemory::Config memory;
  memory.latency_ps = 10000;
  AccelBench bench({}, memory);
  bench.enable(0);
  bench.enable(1);
  ComputeDescriptor swiglu;
  swiglu.opcode = static_cast<std::uint8_t>(Opcode::kSwiglu);
  swiglu.n = 200000, swiglu.src0 = kSram, swiglu.src1 = kSram + 0x100000, swiglu.dst = kSram + 0x200000;
  ComputeDescriptor copy;
  copy.opcode = static_cast<std::uint8_t>(Opcode::kCopy);
  copy.n = 1 << 19, copy.m = 1, copy.src0 = kMem + 0x1000000, copy.dst = kSram + 0x300000;
  const auto elapsed = [&](const ComputeDescriptor* a, const ComputeDescriptor* b) {
    const TimePs start = to_ps(sc_core::sc_time_stamp());
    if (a != nullptr) bench.post(*a, 0);
    if (b != nullptr) bench.post(*b, 1);
    sc_core::sc_start();
    return static_cast<double>(to_ps(sc_core::sc_time_stamp()) - start) / 1000;
  };
  const double one = elapsed(&swiglu, nullptr), moved = elapsed(nullptr, &copy);
  const double work = 12.0 * 200000 / 256;
  expect_cycles("two vector operations", one + work, elapsed(&swiglu, &swiglu), 0.005);
  expect_cycles("vector operation and copy", std::max(one, moved), elapsed(&swiglu, &copy), 0.02);
}

}  // namespace
}  // namespace memwall
