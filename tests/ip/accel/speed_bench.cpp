// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Wall speed of functional runs: host CPU time of the accelerator per million weights. Reported, never
// judged.
#include <cstdio>
#include <ctime>

#include "ip/accel/accel_bench.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT

TEST(AccelSpeed, MatvecOfAMillionWeights) {
  AccelBench bench;
  bench.enable();
  ComputeDescriptor d;
  d.opcode = static_cast<std::uint8_t>(Opcode::kMatvec);
  d.format = static_cast<std::uint8_t>(desc::Format::kF16);
  d.n = 256, d.k = 256, d.m = 1, d.stride1 = 512;
  d.src0 = 0x30000000, d.src1 = AccelBench::kMemory + 0x1000000, d.dst = 0x30010000;
  d.tile_rows = 32, d.work = 0x30100000, d.work_bytes = 32768;
  Rng rng(1, "weights");
  std::vector<std::uint16_t> w(256 * 256);
  for (auto& h : w) h = static_cast<std::uint16_t>(0x2000 + rng.below(0x1000));
  bench.memory.put(d.src1, w);
  bench.run(d);
  const int tokens = 50;
  const std::clock_t start = std::clock();
  for (int i = 0; i < 16 * tokens; ++i) bench.run(d);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  std::printf("accelerator: %.2f ms per million f16 weights (256 x 256 descriptors)\n",
              1000 * seconds / tokens);
}

}  // namespace
}  // namespace memwall
