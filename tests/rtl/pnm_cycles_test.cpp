// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Cycles of the Verilated decode unit against the closed formula of rtl/pnm_decode/README.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "rtl/rtl_bench.h"

namespace memwall::pnm {
namespace {

using numerics::Format;

// Cycles of a descriptor with a memory of `kLatency` cycles and one beat per cycle; README.md derives the
// terms.
struct CycleCase {
  Format format;
  std::uint32_t n, k, m;  // m = 0: MATVEC
};

std::uint64_t formula_cycles(const CycleCase& c, std::uint64_t latency) {
  const auto divide = [](std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; };
  const std::uint64_t element = numerics::bytes_per_element(c.format);
  const std::uint64_t beats = divide(c.k * element, 32), x_beats = divide(c.k, 8);
  const std::uint64_t steps = c.format == Format::kF32 ? divide(c.k, 16) : beats;
  const std::uint64_t fetch = latency + 10, operands = latency + 5, response = latency + 1;
  if (c.m == 0) {
    const std::uint64_t scales = c.format == Format::kMxint8 ? divide(c.k, 1024) : 0;
    return fetch + operands + x_beats + c.n * (beats + scales) + 8 + response;
  }
  const std::uint64_t row = std::max(beats, c.m * steps);
  // The last head's reciprocal and the scaled rows end the descriptor.
  return fetch + operands + c.m * x_beats + 2 * c.n * row + 36 +
         c.m * std::max<std::uint64_t>(33, 4 * divide(c.k, 16)) + response;
}

TEST(PnmCycles, FollowTheFormulaWithinFivePercent) {
  const CycleCase cases[] = {
      {Format::kF16, 512, 1024, 0},  {Format::kF16, 512, 64, 0},    {Format::kF16, 64, 4096, 0},
      {Format::kF32, 256, 1024, 0},  {Format::kBf16, 512, 512, 0},  {Format::kMxint8, 512, 1024, 0},
      {Format::kMxint8, 256, 64, 0}, {Format::kF16, 256, 64, 8},    {Format::kF16, 256, 32, 2},
      {Format::kF16, 256, 16, 1},    {Format::kF16, 1024, 128, 16}, {Format::kF32, 256, 64, 4},
      {Format::kBf16, 64, 256, 16},
  };
  std::printf("%-8s %6s %6s %4s %10s %10s %9s\n", "format", "n", "k", "m", "expected", "measured",
              "deviation");
  for (const CycleCase& c : cases) {
    RtlBench bench;
    bench.start();
    Rng rng(5, "cycles");
    const Case test = c.m == 0 ? make_matvec(bench, rng, c.format, c.n, c.k)
                               : make_attention(bench, rng, c.format, c.n, c.k, c.m);
    const auto record = bench.execute(test.descriptor);
    ASSERT_EQ(compare(bench, test), "");
    const std::uint64_t expected = formula_cycles(c, bench.memory.latency_ps / 1000);
    const double deviation = static_cast<double>(record.cycles) / static_cast<double>(expected) - 1.0;
    static constexpr const char* kNames[] = {"f32", "f16", "bf16", "mxint8"};
    std::printf("%-8s %6u %6u %4u %10llu %10llu %+8.2f%%\n", kNames[static_cast<int>(c.format)], c.n, c.k,
                c.m, static_cast<unsigned long long>(expected),
                static_cast<unsigned long long>(record.cycles), 100.0 * deviation);
    EXPECT_LT(std::abs(deviation), 0.05);
  }
}

}  // namespace
}  // namespace memwall::pnm
