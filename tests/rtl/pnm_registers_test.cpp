// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// What software sees of the Verilated decode unit's registers is what ip/pnm/regs.toml says.
#include <gtest/gtest.h>

#include "rtl/rtl_bench.h"
#include "support/register_tests.h"

namespace memwall::pnm {
namespace {

TEST(PnmRegisters, FollowRegsTomlThroughAxiLite) {
  RtlBench bench;
  testing_support::RegisterTestOptions options;
  options.w1s_self_clears = true;
  testing_support::run_register_tests(
      Regs::kTable, Regs::kTableSize,
      [&](std::uint32_t offset, std::uint32_t& value) { return bench.core.read_register(offset, value); },
      [&](std::uint32_t offset, std::uint32_t value) {
        const bool ok = bench.core.write_register(offset, value);
        bench.run();
        return ok;
      },
      options);
}

TEST(PnmRegisters, UndefinedAndUnalignedOffsetsAreRefusedAndDebugReadsThemAsZero) {
  RtlBench bench;
  for (std::uint32_t offset = 0; offset < 0x200; ++offset) {
    bool defined = false;
    for (const auto& info : Regs::kTable) defined |= info.offset == offset;
    std::uint32_t value = 0;
    ASSERT_EQ(bench.core.read_register(offset, value), defined) << offset;
    ASSERT_EQ(bench.core.debug_register(offset), value) << offset;
    if (!defined) {
      ASSERT_FALSE(bench.core.write_register(offset, ~0u)) << offset;
      ASSERT_EQ(value, 0u);
    }
  }
}

}  // namespace
}  // namespace memwall::pnm
