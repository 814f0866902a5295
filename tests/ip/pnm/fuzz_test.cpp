// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Hostile descriptors and registers on the model of the decode unit: every descriptor ends in a status.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>

#include "ip/pnm/pnm_bench.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT
using Regs = regs::PnmRegs;

TEST(PnmFuzz, RandomBytesAlwaysEndInAStatus) {
  PnmBench bench("pnm", pnm::make_pnm_tlm);
  bench.enable();
  Rng rng(1, "bytes");
  for (int i = 0; i < 10000; ++i) {
    std::array<std::uint64_t, 16> words;
    for (auto& w : words) w = rng.next();
    ComputeDescriptor d;
    std::memcpy(static_cast<void*>(&d), words.data(), sizeof d);
    if (i % 2 == 0) d.opcode %= 3;
    const CompletionRecord record = bench.run(d);
    ASSERT_NE(record.status, 0u);
    ASSERT_LE(record.status, static_cast<std::uint32_t>(Status::kBadReserved));
    ASSERT_EQ(record.tag, d.tag);
    bench.resume();
  }
}

TEST(PnmFuzz, PlausibleDescriptorsAlwaysEndInAStatus) {
  PnmBench bench("pnm", pnm::make_pnm_tlm);
  bench.enable();
  Rng rng(2, "plausible");
  std::map<std::uint32_t, int> ends;
  const auto size = [&]() -> std::uint32_t {
    switch (rng.below(14)) {
      case 0:
        return 0;
      case 1:
        return static_cast<std::uint32_t>(rng.next());
      case 2:
        return 1u << rng.below(26);
      default:
        return static_cast<std::uint32_t>(1 + rng.below(200));
    }
  };
  const auto address = [&]() -> std::uint64_t {
    switch (rng.below(16)) {
      case 0:
        return rng.next();
      case 1:
        return PnmBench::kBase + PnmBench::kBytes - 32 * rng.below(64);
      case 2:
        return PnmBench::kBase - 32 * rng.below(64);
      case 3:
        return ~std::uint64_t{31} - 32 * rng.below(4);
      default:
        return PnmBench::kX + 32 * rng.below(1 << 20);
    }
  };
  const auto stride = [&] {
    return rng.below(12) == 0 ? size() : 32 * static_cast<std::uint32_t>(1 + rng.below(40));
  };
  for (int i = 0; i < 4000; ++i) {
    const bool attention = rng.below(2) != 0;
    ComputeDescriptor d;
    d.opcode = static_cast<std::uint8_t>(attention ? Opcode::kAttention : Opcode::kMatvec);
    d.format = static_cast<std::uint8_t>(rng.below(attention ? 4 : 5));
    d.tag = static_cast<std::uint32_t>(rng.next());
    d.n = size(), d.k = size(), d.m = attention ? static_cast<std::uint32_t>(rng.below(18)) : 1;
    d.dst = address(), d.src0 = address(), d.src1 = address();
    d.stride1 = stride();
    if (attention) d.stride0 = stride(), d.stride3 = stride();
    if (attention || d.format == 3) d.src2 = address(), d.stride2 = stride();
    const CompletionRecord record = bench.run(d);
    ASSERT_LE(record.status, static_cast<std::uint32_t>(Status::kBadReserved));
    ASSERT_EQ(record.tag, d.tag);
    ++ends[record.status];
    if (record.status != 0) bench.resume();
  }
  for (const auto& [status, number] : ends) std::printf("status %u: %d\n", status, number);
  EXPECT_GT(ends[static_cast<std::uint32_t>(Status::kOk)], 300);
  EXPECT_GT(ends[static_cast<std::uint32_t>(Status::kBusError)], 300);
}

TEST(PnmFuzz, RandomRegisterWritesNeverWedgeTheModel) {
  PnmBench bench("pnm", pnm::make_pnm_tlm);
  Rng rng(3, "registers");
  for (int i = 0; i < 3000; ++i) {
    const RegisterInfo& info = Regs::kTable[rng.below(Regs::kTableSize)];
    std::uint32_t value = rng.below(3) == 0 ? static_cast<std::uint32_t>(rng.next())
                                            : static_cast<std::uint32_t>(rng.below(32));
    // A TAIL far ahead is legal and means that many descriptors; keep the run short.
    if (info.offset == Regs::kTailOffset) value = bench.host.read(Regs::kHeadOffset) + value % 5;
    bench.host.write(info.offset, value);
    sc_core::sc_start(1, sc_core::SC_US);
  }
  bench.host.write(Regs::kControlOffset, Regs::kControlResetMask);
  sc_core::sc_start(1, sc_core::SC_MS);
  bench.enable();
  EXPECT_EQ(bench.run({}).status, 0u);
}

}  // namespace
}  // namespace memwall
