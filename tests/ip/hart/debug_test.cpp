// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "test_machine.h"

namespace memwall::hart {
namespace {

using namespace rv;

TEST(HartDebug, StopsBeforeABreakpointAndPassesItOnTheNextRun) {
  TestMachine m;
  m.put(kRamBase, {addi(a0, a0, 1), addi(a1, a1, 1), jal(zero, -8)});
  m.hart.set_pc(kRamBase);
  m.hart.run(30);
  m.hart.set_breakpoint(kRamBase + 4);
  for (std::uint64_t round = 11; round < 14; ++round) {
    EXPECT_EQ(m.hart.run(1000), StopReason::kBreakpoint);
    EXPECT_EQ(m.hart.pc(), kRamBase + 4);
    EXPECT_EQ(m.hart.x(a0), round);
    EXPECT_EQ(m.hart.x(a1), round - 1);
  }
  EXPECT_EQ(m.hart.run_cycles(1000), StopReason::kBreakpoint);
  EXPECT_EQ(m.hart.x(a0), 14u);
  m.hart.clear_breakpoint(kRamBase + 4);
  EXPECT_EQ(m.hart.run(300), StopReason::kLimit);
}

TEST(HartDebug, ABreakpointIsFoundInTheLastInstructionsOfARun) {
  TestMachine m;
  m.put(kRamBase, {nop(), nop(), nop(), nop()});
  m.hart.set_breakpoint(kRamBase + 8);
  m.hart.set_pc(kRamBase);
  EXPECT_EQ(m.hart.run(4), StopReason::kBreakpoint);
  EXPECT_EQ(m.hart.pc(), kRamBase + 8);
  EXPECT_EQ(m.hart.run(2), StopReason::kLimit);
  EXPECT_EQ(m.hart.pc(), kRamBase + 16);
}

TEST(HartDebug, StepExecutesOneInstructionAndTellsWhatItWas) {
  TestMachine m;
  m.put(kRamBase, {addi(a0, zero, 7), sw(a0, sp, 0), ecall()});
  m.put_half(kRamBase + 0x100, 0x0505);  // c.addi a0,1
  m.hart.set_x(sp, kData);
  m.hart.set_breakpoint(kRamBase);  // step ignores it
  m.hart.set_pc(kRamBase);
  EXPECT_EQ(m.hart.step(), StopReason::kStep);
  EXPECT_EQ(m.hart.last_step().pc, kRamBase);
  EXPECT_EQ(m.hart.last_step().bits, addi(a0, zero, 7));
  EXPECT_EQ(m.hart.last_step().writes, Writes::kInteger);
  EXPECT_EQ(m.hart.last_step().rd, static_cast<unsigned>(a0));
  EXPECT_EQ(m.hart.step(), StopReason::kStep);
  EXPECT_EQ(m.hart.last_step().writes, Writes::kNothing);
  EXPECT_EQ(m.hart.step(), StopReason::kStep);
  EXPECT_TRUE(m.hart.last_step().trapped);
  EXPECT_EQ(m.hart.pc(), kHandler);
  m.hart.set_pc(kRamBase + 0x100);
  EXPECT_EQ(m.hart.step(), StopReason::kStep);
  EXPECT_EQ(m.hart.pc(), kRamBase + 0x102);
  EXPECT_EQ(m.hart.x(a0), 8u);
}

TEST(HartDebug, WatchpointsStopAfterTheAccessThatTouchesThem) {
  TestMachine m;
  m.poke(kData + 8, 55);
  m.hart.set_x(a1, kData);
  m.put(kRamBase,
        {lw(a0, a1, 0), sw(a2, a1, 4), lw(a0, a1, 8), sw(a2, a1, 8), addi(a3, a3, 1), jal(zero, -20)});
  m.hart.set_pc(kRamBase);
  m.hart.run(60);  // everything cached
  m.poke(kData + 8, 55);
  m.hart.set_watchpoint(kData + 8, 4, WatchKind::kRead);
  EXPECT_EQ(m.hart.run(1000), StopReason::kWatchpoint);
  EXPECT_EQ(m.hart.pc(), kRamBase + 12);
  EXPECT_EQ(m.hart.x(a0), 55u);
  EXPECT_EQ(m.hart.watch_hit().address, kData + 8);
  EXPECT_FALSE(m.hart.watch_hit().is_write);
  m.hart.clear_watchpoint(kData + 8, 4, WatchKind::kRead);
  m.hart.set_watchpoint(kData + 8, 4, WatchKind::kWrite);
  const std::uint64_t before = m.hart.instructions();
  EXPECT_EQ(m.hart.run(1000), StopReason::kWatchpoint);
  EXPECT_EQ(m.hart.instructions() - before, 1u);
  EXPECT_TRUE(m.hart.watch_hit().is_write);
  m.hart.clear_watchpoint(kData + 8, 4, WatchKind::kWrite);
  m.hart.set_watchpoint(kData, 8, WatchKind::kAccess);
  EXPECT_EQ(m.hart.run(1000), StopReason::kWatchpoint);
  EXPECT_EQ(m.hart.pc(), kRamBase + 4);
  EXPECT_EQ(m.hart.step(), StopReason::kWatchpoint);
  EXPECT_EQ(m.hart.pc(), kRamBase + 8);
  m.hart.clear_watchpoint(kData, 8, WatchKind::kAccess);
  EXPECT_EQ(m.hart.run(1000), StopReason::kLimit);
}

TEST(HartDebug, AStopRequestFromAnotherThreadEndsAnEndlessLoop) {
  TestMachine m;
  m.put(kRamBase, {jal(zero, 0)});
  m.hart.set_pc(kRamBase);
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    m.hart.request_stop();
  });
  EXPECT_EQ(m.hart.run(~std::uint64_t{0}), StopReason::kStopRequest);
  other.join();
  EXPECT_GT(m.hart.instructions(), 0u);
}

TEST(HartDebug, EbreakBelongsToTheDebuggerWhenItAsksForIt) {
  TestMachine m;
  m.hart.set_ebreak_stops(true);
  EXPECT_EQ(m.run({addi(a0, zero, 1), ebreak(), nop()}), StopReason::kEbreak);
  EXPECT_EQ(m.hart.pc(), kRamBase + 4);
  EXPECT_EQ(m.hart.instructions(), 1u);
  EXPECT_EQ(m.hart.counters().traps, 0u);
}

TEST(HartDebug, RegistersAndCsrsCanBeReadAndWritten) {
  TestMachine m;
  m.hart.set_x(5, 77);
  m.hart.set_x(0, 77);
  m.hart.set_f(3, 99);
  m.hart.set_pc(0x80000101);
  EXPECT_EQ(m.hart.x(5), 77u);
  EXPECT_EQ(m.hart.x(0), 0u);
  EXPECT_EQ(m.hart.f(3), 99u);
  EXPECT_EQ(m.hart.pc(), 0x80000100u);
  EXPECT_TRUE(m.hart.write_csr(mscratch, 5));
  EXPECT_EQ(m.hart.read_csr(mscratch), 5u);
  EXPECT_FALSE(m.hart.write_csr(mhartid, 5));
  EXPECT_FALSE(m.hart.read_csr(0x180).has_value());
}

}  // namespace
}  // namespace memwall::hart
