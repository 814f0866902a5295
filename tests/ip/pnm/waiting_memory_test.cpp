// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// A memory that waits until the data are there and one of the same speed that tells its time at once give the
// same cycles and the same accesses at the same times, for the model and for the RTL.
#include <gtest/gtest.h>

#include "ip/pnm/pnm_bench.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT

std::uint32_t below(Rng& rng, std::uint64_t n) { return static_cast<std::uint32_t>(rng.below(n)); }

PnmJob random_job(Rng& rng) {
  const std::uint32_t gap = 32 * below(rng, 2);
  if (rng.below(2) == 0) {
    return matvec_job(rng, static_cast<Format>(rng.below(4)), 1 + below(rng, 200), 1 + below(rng, 500), gap);
  }
  return attention_job(rng, static_cast<Format>(rng.below(3)), 1 + below(rng, 200), 1 + below(rng, 100),
                       1 + below(rng, 8), gap);
}

/// A unit with each kind of memory, in one simulation.
struct TwoMemories {
  PnmBench tells, waits;
  std::size_t seen = 0;

  TwoMemories(PnmBench::Make make, TestMemory::Config memory)
      : tells("tells", make, true, memory), waits("waits", make, true, waiting(memory)) {
    tells.enable();
    waits.enable();
  }
  static TestMemory::Config waiting(TestMemory::Config memory) {
    memory.waits = true;
    return memory;
  }
  /// Runs `d` on both and compares; returns the record.
  CompletionRecord run(const ComputeDescriptor& d) {
    const CompletionRecord a = tells.run(d), b = waits.run(d);
    EXPECT_EQ(a.cycles, b.cycles);
    EXPECT_EQ(a.status, b.status);
    EXPECT_EQ(a.fault_address, b.fault_address);
    const auto &x = tells.memory.log(), &y = waits.memory.log();
    EXPECT_EQ(x.size(), y.size());
    for (std::size_t i = seen; i < std::min(x.size(), y.size()) && !testing::Test::HasFailure(); ++i) {
      EXPECT_EQ(x[i].is_write, y[i].is_write) << "access " << i - seen;
      EXPECT_EQ(x[i].address, y[i].address) << "access " << i - seen;
      EXPECT_EQ(x[i].at - x[seen].at, y[i].at - y[seen].at) << "access " << i - seen;
    }
    seen = x.size();
    return a;
  }
};

void check(PnmBench::Make make, TimePs latency_ps, std::uint64_t bytes_per_ns) {
  TestMemory::Config memory;
  memory.latency_ps = latency_ps;
  memory.bytes_per_ns = bytes_per_ns;
  TwoMemories both(make, memory);
  Rng rng(1, "jobs");
  for (int i = 0; i < 20 && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(i);
    const PnmJob job = random_job(rng);
    for (PnmBench* bench : {&both.tells, &both.waits}) job.place(*bench);
    EXPECT_EQ(both.run(job.d).status, 0u);
    for (const PnmBench* bench : {&both.tells, &both.waits}) EXPECT_EQ(job.result(*bench), job.expected);
  }
}

TEST(PnmWaitingMemory, TheModelTakesTheSameTimeOnFastMemory) { check(pnm::make_pnm_tlm, 50'000, 64); }
TEST(PnmWaitingMemory, TheModelTakesTheSameTimeOnSlowMemory) { check(pnm::make_pnm_tlm, 300'300, 20); }
TEST(PnmWaitingMemory, TheRtlTakesTheSameTimeOnFastMemory) { check(pnm::make_pnm_rtl, 50'000, 64); }
TEST(PnmWaitingMemory, TheRtlTakesTheSameTimeOnSlowMemory) { check(pnm::make_pnm_rtl, 300'300, 20); }

void check_faults(PnmBench::Make make) {
  TwoMemories both(make, {});
  Rng rng(2, "faults");
  for (int i = 0; i < 20 && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(i);
    const PnmJob job = random_job(rng);
    const std::uint64_t at = job.d.src1 + rng.below(job.w.size()) / 4 * 4 - PnmBench::kBase;
    for (PnmBench* bench : {&both.tells, &both.waits}) {
      job.place(*bench);
      bench->memory.inject(at, tlm::TLM_GENERIC_ERROR_RESPONSE);
    }
    both.run(job.d);
    for (PnmBench* bench : {&both.tells, &both.waits}) {
      bench->memory.heal();
      bench->resume();
    }
  }
}

TEST(PnmWaitingMemory, ErrorsEndTheModelAtTheSameTime) { check_faults(pnm::make_pnm_tlm); }
TEST(PnmWaitingMemory, ErrorsEndTheRtlAtTheSameTime) { check_faults(pnm::make_pnm_rtl); }

}  // namespace
}  // namespace memwall
