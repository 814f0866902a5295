// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The Verilated decode unit, descriptor by descriptor, against ip/numerics: every result word, every status.
#include <gtest/gtest.h>

#include <cstdio>

#include "rtl/pnm_bench.h"

namespace memwall::pnm {
namespace {

using desc::Status;
using numerics::Format;

void run_and_compare(PnmBench& bench, const Case& test) {
  const desc::CompletionRecord record = bench.execute(test.descriptor);
  ASSERT_EQ(record.status, static_cast<std::uint32_t>(Status::kOk));
  ASSERT_EQ(record.tag, test.descriptor.tag);
  ASSERT_EQ(record.sequence, bench.posted - 1);
  ASSERT_EQ(record.fault_address, 0u);
  ASSERT_EQ(compare(bench, test), "");
}

void matvec_shapes(Format format) {
  PnmBench bench;
  bench.start();
  Rng rng(1, "matvec");
  for (std::uint32_t k :
       {1u, 2u, 7u, 8u, 9u, 15u, 16u, 17u, 24u, 31u, 32u, 33u, 48u, 63u, 64u, 100u, 256u, 1000u}) {
    for (std::uint32_t n : {1u, 2u, 7u, 8u, 9u, 40u}) {
      for (std::uint32_t gap : {0u, 32u}) {
        run_and_compare(bench, make_matvec(bench, rng, format, n, k, gap));
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(PnmCore, MatvecF16EqualsNumericsForEveryShape) { matvec_shapes(Format::kF16); }
TEST(PnmCore, MatvecBf16EqualsNumericsForEveryShape) { matvec_shapes(Format::kBf16); }
TEST(PnmCore, MatvecF32EqualsNumericsForEveryShape) { matvec_shapes(Format::kF32); }
TEST(PnmCore, MatvecMxint8EqualsNumericsForEveryShape) { matvec_shapes(Format::kMxint8); }

TEST(PnmCore, AttentionEqualsNumericsForEveryShape) {
  PnmBench bench;
  bench.start();
  Rng rng(1, "attention");
  for (std::uint32_t k : {1u, 8u, 16u, 17u, 32u, 48u, 64u, 256u}) {
    for (std::uint32_t m : {1u, 2u, 3u, 16u}) {
      for (std::uint32_t n : {1u, 2u, 15u, 17u, 80u}) {
        const auto format = static_cast<Format>(rng.below(3));
        run_and_compare(bench, make_attention(bench, rng, format, n, k, m, rng.below(2) ? 32 : 0));
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace memwall::pnm
