// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Programs that mean no good: random bytes as code, random damage to real code while it runs. The host must
/// survive, and the hart must come back after the instructions asked for.
#include <gtest/gtest.h>

#include "common/rng.h"
#include "test_machine.h"

namespace memwall::hart {
namespace {

TEST(HartFuzz, RandomBytesAsCodeNeverHarmTheHost) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Rng rng(seed, "hart.fuzz");
    TestMachine m;
    m.bus.allow_direct = rng.below(4) != 0;
    for (std::size_t at = 0; at < m.bus.ram.size(); at += 8) {
      const std::uint64_t word = rng.next();
      std::memcpy(&m.bus.ram[at], &word, 8);
    }
    // Registers mostly point into memory, so that loads, stores and jumps find something.
    for (unsigned reg = 1; reg < 32; ++reg) {
      m.hart.set_x(reg, rng.below(4) == 0 ? rng.next() : kRamBase + rng.below(kRamBytes));
    }
    m.hart.set_pc(kRamBase + rng.below(kRamBytes));
    for (unsigned round = 0; round < 40; ++round) {
      if (rng.below(8) == 0) m.hart.set_interrupt(kTimerInterrupt, rng.below(2) != 0);
      if (rng.below(8) == 0) m.hart.set_breakpoint(kRamBase + rng.below(kRamBytes));
      if (rng.below(16) == 0) m.hart.set_watchpoint(kRamBase + rng.below(kRamBytes), 8, WatchKind::kAccess);
      if (rng.below(8) == 0) m.hart.flush_direct();
      const std::uint64_t before = m.hart.instructions() + m.hart.counters().traps;
      const StopReason reason = rng.below(2) != 0 ? m.hart.run(500) : m.hart.run_cycles(500);
      const std::uint64_t executed = m.hart.instructions() + m.hart.counters().traps - before;
      EXPECT_LE(executed, 500u + kMaxBlockInstructions);
      // A lost hart is put somewhere else.
      if (reason == StopReason::kWfi || m.hart.pc() < kRamBase)
        m.hart.set_pc(kRamBase + rng.below(kRamBytes));
      if (m.hart.read_csr(rv::mtvec) != kHandler) m.hart.write_csr(rv::mtvec, kHandler + rng.below(2));
    }
    EXPECT_EQ(m.hart.x(0), 0u);
  }
}

}  // namespace
}  // namespace memwall::hart
