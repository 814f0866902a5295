// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Cycles of the model (expected) against cycles of the RTL (measured), record by record.
#include <cstdio>
#include <cstdlib>

#include "ip/pnm/pnm_pair.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT

/// Stated tolerance: 0.1 % and 4 cycles. The cycles allow for pipeline bubbles at phase changes.
void check(PnmPair& pair, const char* name, const PnmJob& job) {
  const CompletionRecord record = pair.run(job);
  const auto expected = static_cast<double>(record.cycles), measured = static_cast<double>(pair.rtl_cycles);
  std::printf("%-34s expected %8.0f measured %8.0f deviation %+6.2f %% (%+.0f cycles)\n", name, expected,
              measured, 100 * (measured - expected) / expected, measured - expected);
  EXPECT_EQ(record.status, 0u);
  EXPECT_LE(std::abs(measured - expected), 0.001 * expected + 4) << name;
}

void check_all(const TestMemory::Config& memory) {
  PnmPair pair(memory);
  Rng rng(1, "calibration");
  std::printf("memory: latency %llu ps, %llu bytes/ns\n", static_cast<unsigned long long>(memory.latency_ps),
              static_cast<unsigned long long>(memory.bytes_per_ns));
  ComputeDescriptor nop;
  const std::uint64_t nop_cycles = pair.run(nop).cycles;
  std::printf("%-34s expected %8llu measured %8llu\n", "nop", static_cast<unsigned long long>(nop_cycles),
              static_cast<unsigned long long>(pair.rtl_cycles));
  EXPECT_LE(std::llabs(static_cast<long long>(nop_cycles) - static_cast<long long>(pair.rtl_cycles)), 4);
  check(pair, "matvec f16 1 x 16", matvec_job(rng, Format::kF16, 1, 16));
  check(pair, "matvec f16 64 x 64", matvec_job(rng, Format::kF16, 64, 64));
  check(pair, "matvec f16 256 x 16 (writes)", matvec_job(rng, Format::kF16, 256, 16));
  check(pair, "matvec f16 256 x 256", matvec_job(rng, Format::kF16, 256, 256));
  check(pair, "matvec f16 512 x 288", matvec_job(rng, Format::kF16, 512, 288));
  check(pair, "matvec f16 200 x 100 + gap", matvec_job(rng, Format::kF16, 200, 100, 64));
  check(pair, "matvec f32 128 x 256", matvec_job(rng, Format::kF32, 128, 256));
  check(pair, "matvec f32 128 x 72 (odd beats)", matvec_job(rng, Format::kF32, 128, 72));
  check(pair, "matvec bf16 64 x 4096", matvec_job(rng, Format::kBf16, 64, 4096));
  check(pair, "matvec mxint8 256 x 256", matvec_job(rng, Format::kMxint8, 256, 256));
  check(pair, "matvec mxint8 64 x 2048", matvec_job(rng, Format::kMxint8, 64, 2048));
  check(pair, "attention f16 1 x 64, 1 head", attention_job(rng, Format::kF16, 1, 64, 1));
  check(pair, "attention f16 16 x 64, 2 heads", attention_job(rng, Format::kF16, 16, 64, 2));
  check(pair, "attention f16 256 x 64, 1 head", attention_job(rng, Format::kF16, 256, 64, 1));
  check(pair, "attention f16 256 x 64, 4 heads", attention_job(rng, Format::kF16, 256, 64, 4));
  check(pair, "attention f16 1024 x 16, 2 heads", attention_job(rng, Format::kF16, 1024, 16, 2));
  check(pair, "attention f16 300 x 48, 3 heads + gap", attention_job(rng, Format::kF16, 300, 48, 3, 96));
  check(pair, "attention bf16 2000 x 128, 8 heads", attention_job(rng, Format::kBf16, 2000, 128, 8));
  check(pair, "attention f32 256 x 64, 4 heads", attention_job(rng, Format::kF32, 256, 64, 4));
}

TEST(PnmCalibration, ModelCyclesMeetRtlCyclesOnFastMemory) { check_all({0, 1ull << 32, 30000, 64}); }
TEST(PnmCalibration, ModelCyclesMeetRtlCyclesOnDistantMemory) { check_all({0, 1ull << 32, 400000, 64}); }
TEST(PnmCalibration, ModelCyclesMeetRtlCyclesOnNarrowMemory) { check_all({0, 1ull << 32, 60000, 8}); }

}  // namespace
}  // namespace memwall
