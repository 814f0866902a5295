// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The Verilated decode unit, descriptor by descriptor, against ip/numerics: every result word, every status.
#include <gtest/gtest.h>

#include <array>

#include "rtl/rtl_bench.h"

namespace memwall::pnm {
namespace {

using desc::Status;
using numerics::Format;

void run_and_compare(RtlBench& bench, const Case& test) {
  const desc::CompletionRecord record = bench.execute(test.descriptor);
  ASSERT_EQ(record.status, static_cast<std::uint32_t>(Status::kOk));
  ASSERT_EQ(record.tag, test.descriptor.tag);
  ASSERT_EQ(record.sequence, bench.posted - 1);
  ASSERT_EQ(record.fault_address, 0u);
  ASSERT_EQ(compare(bench, test), "");
}

void matvec_shapes(Format format) {
  RtlBench bench;
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
  RtlBench bench;
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

TEST(PnmCore, RandomDescriptorsEqualNumericsUnderAnyMemoryLatency) {
  RtlBench bench;
  bench.start();
  Rng rng(2, "random descriptors");
  for (int i = 0; i < 300; ++i) {
    bench.reuse_memory();
    bench.memory.latency_ps = rng.below(4) * rng.below(150'000);
    const auto n = static_cast<std::uint32_t>(1 + rng.below(rng.below(2) ? 20 : 300));
    const auto gap = static_cast<std::uint32_t>(32 * rng.below(3));
    if (rng.below(2)) {
      const auto k = static_cast<std::uint32_t>(1 + rng.below(700));
      run_and_compare(bench, make_matvec(bench, rng, static_cast<Format>(rng.below(4)), n, k, gap));
    } else {
      const auto k = static_cast<std::uint32_t>(1 + rng.below(128));
      const auto m = static_cast<std::uint32_t>(1 + rng.below(rng.below(2) ? 4 : 16));
      run_and_compare(bench, make_attention(bench, rng, static_cast<Format>(rng.below(3)), n, k, m, gap));
    }
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(PnmCore, AnyBitPatternOfTheOperandsGivesTheSameBits) {
  RtlBench bench;
  bench.start();
  Rng rng(3, "any bits");
  bench.any_bits = true;  // infinities, NaNs, subnormals, scales 0 and 255
  for (int i = 0; i < 400; ++i) {
    bench.reuse_memory();
    const auto n = static_cast<std::uint32_t>(1 + rng.below(40));
    const auto k = static_cast<std::uint32_t>(1 + rng.below(80));
    if (rng.below(3)) {
      run_and_compare(bench, make_matvec(bench, rng, static_cast<Format>(rng.below(4)), n, k));
    } else {
      const auto m = static_cast<std::uint32_t>(1 + rng.below(4));
      run_and_compare(bench, make_attention(bench, rng, static_cast<Format>(rng.below(3)), n, k, m));
    }
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(PnmCore, LimitsOfTheCapabilityRegistersWork) {
  RtlBench bench;
  bench.start();
  Rng rng(4, "limits");
  for (const Format format : {Format::kF32, Format::kF16, Format::kBf16, Format::kMxint8}) {
    bench.reuse_memory();
    run_and_compare(bench, make_matvec(bench, rng, format, 3, 16384));
    run_and_compare(bench, make_matvec(bench, rng, format, 2, 16383, 32));
  }
  for (const auto& shape : {std::array{2048u, 16u, 16u}, std::array{10922u, 16u, 3u},
                            std::array{32768u, 8u, 1u}, std::array{128u, 256u, 16u}}) {
    bench.reuse_memory();
    run_and_compare(bench, make_attention(bench, rng, Format::kF16, shape[0], shape[1], shape[2]));
  }
}

// More results than the writer can have on their way: the streams must stop and lose nothing.
TEST(PnmCore, SlowWritesHoldTheStreamsUp) {
  for (const TimePs latency : {0u, 1'000'000u, 3'000'000u}) {
    RtlBench bench;
    bench.start();
    bench.memory.write_latency_ps = latency;
    Rng rng(6, "slow writes");
    run_and_compare(bench, make_matvec(bench, rng, Format::kF16, 4000, 8));
    run_and_compare(bench, make_matvec(bench, rng, Format::kMxint8, 2001, 32));
    run_and_compare(bench, make_attention(bench, rng, Format::kF16, 3, 256, 16));
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace memwall::pnm
