// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Wall speed of the decode unit's model; reported, never judged.
#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>

#include "ip/pnm/pnm_bench.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT

TEST(PnmSpeed, AttentionOverTwoHundredTokens) {
  PnmBench bench("pnm", pnm::make_pnm_tlm);
  bench.enable();
  Rng rng(1, "speed");
  const PnmJob job = attention_job(rng, Format::kF16, 200, 32, 2);
  job.place(bench);
  bench.run(job.d);
  const int count = 2000;
  const std::uint64_t before = bench.unit->busy_cycles();
  const std::clock_t start = std::clock();
  for (int i = 0; i < count; ++i) bench.run(job.d);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  std::printf("decode unit, model: %.0f us per attention of 200 tokens x 32 x 2 heads, %.1f M cycles/s\n",
              1e6 * seconds / count,
              static_cast<double>(bench.unit->busy_cycles() - before) / seconds * 1e-6);
}

}  // namespace
}  // namespace memwall
