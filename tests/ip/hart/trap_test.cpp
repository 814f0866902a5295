// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "test_machine.h"

namespace memwall::hart {
namespace {

using namespace rv;

struct TrapState {
  std::uint64_t cause, epc, tval;
};
TrapState trap_of(TestMachine& m) {
  return {*m.hart.read_csr(mcause), *m.hart.read_csr(mepc), *m.hart.read_csr(mtval)};
}

TEST(HartTraps, IllegalInstructionIsPreciseAndReportsItsBits) {
  TestMachine m;
  const Word bad = 0x0000000b;  // custom-0
  m.run({addi(a0, zero, 1), bad});
  const TrapState t = trap_of(m);
  EXPECT_EQ(t.cause, kIllegalInstruction);
  EXPECT_EQ(t.epc, kRamBase + 4);
  EXPECT_EQ(t.tval, bad);
  EXPECT_EQ(m.hart.x(a0), 1u);
  EXPECT_EQ(m.hart.pc(), kHandler);
}

TEST(HartTraps, InstructionsAfterAFaultHaveNotHappenedAndAreNotCounted) {
  TestMachine m;
  m.hart.set_x(a1, 0x1000);  // nothing there
  m.put(kRamBase, {addi(a0, zero, 1), ld(a2, a1, 0), addi(a0, zero, 2), mul(a0, a0, a0)});
  m.put(kHandler, {csrr(s0, minstret), jal(zero, 0)});
  m.hart.set_pc(kRamBase);
  m.hart.run(3);
  EXPECT_EQ(m.hart.x(a0), 1u);
  EXPECT_EQ(m.hart.x(s0), 1u);
  const TrapState t = trap_of(m);
  EXPECT_EQ(t.cause, kLoadFault);
  EXPECT_EQ(t.tval, 0x1000u);
}

TEST(HartTraps, StoreFaultAndFetchFaultHaveTheirCauses) {
  TestMachine m;
  m.hart.set_x(a1, 0x1000);
  m.run({sd(a0, a1, 8)});
  EXPECT_EQ(trap_of(m).cause, kStoreFault);
  EXPECT_EQ(trap_of(m).tval, 0x1008u);
  m.hart.set_x(a1, 0x2000);
  m.run({jalr(zero, a1, 0), nop()});
  EXPECT_EQ(trap_of(m).cause, kInstructionFault);
  EXPECT_EQ(trap_of(m).epc, 0x2000u);
}

TEST(HartTraps, AnInstructionThatStraddlesTheEndOfMemoryFaultsAtItsSecondHalf) {
  TestMachine m;
  const std::uint64_t last = kRamBase + kRamBytes - 2;
  m.put_half(last, 0x0013);  // low half of a 32-bit nop
  m.hart.set_pc(last);
  m.hart.run(1);
  EXPECT_EQ(trap_of(m).cause, kInstructionFault);
  EXPECT_EQ(trap_of(m).epc, last);
  EXPECT_EQ(trap_of(m).tval, last + 2);
}

TEST(HartTraps, UserModeMayNotTouchMachineCsrsAndReturnsByEcall) {
  TestMachine m;
  m.hart.write_csr(pmpaddr0, ~std::uint64_t{0});
  m.hart.write_csr(pmpcfg0, 0x1f);  // NAPOT over everything, rwx
  m.hart.write_csr(mepc, kRamBase + 0x100);
  m.hart.write_csr(mstatus, 0);  // MPP = U
  m.put(kRamBase + 0x100, {csrr(a0, mscratch)});
  m.put(kRamBase + 0x200, {ecall()});
  m.run({mret()});
  EXPECT_EQ(m.hart.privilege(), kUser);
  m.hart.run(1);
  EXPECT_EQ(trap_of(m).cause, kIllegalInstruction);
  EXPECT_EQ(m.hart.privilege(), kMachine);
  EXPECT_EQ(*m.hart.read_csr(mstatus) & kMstatusMpp, 0u);
  m.hart.write_csr(mepc, kRamBase + 0x200);
  m.run({mret()});
  m.hart.run(1);
  EXPECT_EQ(trap_of(m).cause, kEcallUser);
}

TEST(HartTraps, MachineEcallAndEbreakHaveTheirCauses) {
  TestMachine m;
  m.run({ecall()});
  EXPECT_EQ(trap_of(m).cause, kEcallMachine);
  m.run({ebreak()});
  EXPECT_EQ(trap_of(m).cause, kBreakpointTrap);
}

TEST(HartTraps, FloatingPointIsIllegalWhileSwitchedOff) {
  TestMachine m;
  m.hart.write_csr(mstatus, 0);
  m.run({fadd_d(0, 1, 2)});
  EXPECT_EQ(trap_of(m).cause, kIllegalInstruction);
  m.run({csrr(a0, fcsr)});
  EXPECT_EQ(trap_of(m).cause, kIllegalInstruction);
}

TEST(HartTraps, ReservedRoundingModeIsIllegal) {
  TestMachine m;
  m.run({fadd_d(0, 1, 2, 5)});
  EXPECT_EQ(trap_of(m).cause, kIllegalInstruction);
  m.hart.write_csr(frm, 6);
  m.hart.write_csr(mcause, 0);
  m.run({fadd_d(0, 1, 2, 7)});
  EXPECT_EQ(trap_of(m).cause, kIllegalInstruction);
  m.hart.write_csr(mcause, 0);
  m.run({fadd_d(0, 1, 2, 0)});
  EXPECT_EQ(trap_of(m).cause, 0u);
}

TEST(HartTraps, AHartLostInItsOwnTrapHandlerStillComesBack) {
  TestMachine m;
  m.hart.write_csr(mtvec, 0);
  m.hart.set_pc(0);
  EXPECT_EQ(m.hart.run(100000), StopReason::kLimit);
  EXPECT_EQ(m.hart.run_cycles(100000), StopReason::kLimit);
  EXPECT_EQ(m.hart.instructions(), 0u);
}

TEST(HartInterrupts, AreTakenInPriorityOrderAndVectored) {
  TestMachine m;
  m.hart.write_csr(mtvec, kHandler | 1);
  m.hart.write_csr(mie, 0x888);
  m.put(kRamBase, {nop(), jal(zero, -4)});
  m.hart.set_pc(kRamBase);
  m.hart.set_interrupt(kTimerInterrupt, true);
  m.hart.set_interrupt(kSoftwareInterrupt, true);
  m.hart.run(10);
  EXPECT_EQ(m.hart.counters().interrupts, 0u);  // mstatus.MIE is off
  m.hart.write_csr(mstatus, kMstatusMie);
  m.put(kHandler + 4 * 3, {nop()});
  m.hart.run(1);
  EXPECT_EQ(trap_of(m).cause, std::uint64_t{1} << 63 | 3);
  EXPECT_EQ(m.hart.pc(), kHandler + 4 * 3 + 4);
  EXPECT_EQ(*m.hart.read_csr(mstatus) & (kMstatusMie | kMstatusMpie), kMstatusMpie);
  m.hart.set_interrupt(kSoftwareInterrupt, false);
  m.hart.set_interrupt(kExternalInterrupt, true);
  m.hart.write_csr(mstatus, kMstatusMie);
  m.put(kHandler + 4 * 11, {nop()});
  m.hart.run(1);
  EXPECT_EQ(trap_of(m).cause, std::uint64_t{1} << 63 | 11);
}

TEST(HartInterrupts, WfiWaitsUntilAnEnabledInterruptIsPending) {
  TestMachine m;
  m.hart.write_csr(mie, 0x80);
  EXPECT_EQ(m.run({wfi(), addi(a0, zero, 1)}), StopReason::kWfi);
  EXPECT_EQ(m.hart.run(1), StopReason::kWfi);
  m.hart.set_interrupt(kExternalInterrupt, true);  // not enabled
  EXPECT_EQ(m.hart.run(1), StopReason::kWfi);
  m.hart.set_interrupt(kTimerInterrupt, true);  // enabled, though not taken: MIE is off
  EXPECT_EQ(m.hart.run(1), StopReason::kLimit);
  EXPECT_EQ(m.hart.x(a0), 1u);
}

TEST(HartCsrs, CountersCountAndMayBeWritten) {
  TestMachine m;
  m.run({nop(), nop(), csrr(a0, minstret), csrr(a1, mcycle)});
  EXPECT_EQ(m.hart.x(a0), 2u);
  EXPECT_EQ(m.hart.x(a1), 3u);
  m.hart.set_x(a2, 1000);
  m.run({csrw(minstret, a2), csrr(a0, minstret), csrr(a1, minstret)});
  EXPECT_EQ(m.hart.x(a0), 1000u);
  EXPECT_EQ(m.hart.x(a1), 1001u);
}

TEST(HartCsrs, CyclesFollowTheClassModel) {
  TestMachine m;
  m.hart.set_x(a1, 12);
  m.run({csrr(s0, mcycle), mul(a2, a1, a1), csrr(s1, mcycle), div(a2, a1, a1), csrr(s2, mcycle),
         fadd_d(0, 1, 2), csrr(s3, mcycle)});
  EXPECT_EQ(m.hart.x(s1) - m.hart.x(s0), 1u + 3);
  EXPECT_EQ(m.hart.x(s2) - m.hart.x(s1), 1u + 20);
  EXPECT_EQ(m.hart.x(s3) - m.hart.x(s2), 1u + 4);
}

TEST(HartCsrs, UserCountersNeedMcounteren) {
  TestMachine m;
  m.hart.write_csr(pmpaddr0, ~std::uint64_t{0});
  m.hart.write_csr(pmpcfg0, 0x1f);
  m.put(kRamBase + 0x100, {csrr(a0, instret), csrr(a0, cycle)});
  m.hart.write_csr(mstatus, 0);
  m.hart.write_csr(mepc, kRamBase + 0x100);
  m.hart.write_csr(mcounteren, 4);  // IR only
  m.run({mret()});
  m.hart.run(2);
  EXPECT_EQ(trap_of(m).cause, kIllegalInstruction);
  EXPECT_EQ(trap_of(m).epc, kRamBase + 0x104);
}

TEST(HartCsrs, UnknownAndReadOnlyCsrsTrap) {
  TestMachine m;
  for (const unsigned number : {0x100u, 0x180u, 0x302u, 0x3a1u, 0x7b0u, 0x3c0u}) {
    m.hart.write_csr(mcause, 0);
    m.run({csrr(a0, number)});
    EXPECT_EQ(trap_of(m).cause, kIllegalInstruction) << std::hex << number;
  }
  m.hart.write_csr(mcause, 0);
  m.run({csrrs(a0, mhartid, zero)});
  EXPECT_EQ(trap_of(m).cause, 0u);
  m.run({csrrs(a0, mhartid, a1)});
  EXPECT_EQ(trap_of(m).cause, kIllegalInstruction);
}

TEST(HartCsrs, FieldsAreLegalisedOnWrite) {
  TestMachine m;
  m.hart.write_csr(mstatus, ~std::uint64_t{0});
  EXPECT_EQ(*m.hart.read_csr(mstatus), 0x8000000200227888u);
  m.hart.write_csr(mstatus, 1u << 11);  // MPP = S does not exist: MPP stays M
  EXPECT_EQ(*m.hart.read_csr(mstatus) & kMstatusMpp, kMstatusMpp);
  m.hart.write_csr(mepc, 7);
  EXPECT_EQ(*m.hart.read_csr(mepc), 6u);
  m.hart.write_csr(mie, ~std::uint64_t{0});
  EXPECT_EQ(*m.hart.read_csr(mie), 0x888u);
  EXPECT_EQ(*m.hart.read_csr(misa), 0x800000000010112du);
}

TEST(HartPmp, UserModeNeedsAMatchingEntryAndMachineModeALockedOne) {
  TestMachine m;
  // Entry 0: NA4 at kData, read only. Entry 1: TOR from there to the end of RAM, no access, locked.
  m.hart.write_csr(pmpaddr0, kData >> 2);
  m.hart.write_csr(pmpaddr0 + 1, (kData + 0x1000) >> 2);
  m.hart.write_csr(pmpcfg0, 0x11 | 0x88 << 8);
  m.hart.set_x(a1, kData);
  m.run({sw(a0, a1, 0)});  // machine mode ignores an unlocked entry
  EXPECT_EQ(trap_of(m).cause, 0u);
  m.run({lw(a0, a1, 4)});  // but obeys the locked one
  EXPECT_EQ(trap_of(m).cause, kLoadFault);
  EXPECT_EQ(trap_of(m).tval, kData + 4);
  m.run({ld(a0, a1, 0)});  // half in entry 0, half in entry 1
  EXPECT_EQ(trap_of(m).cause, kLoadFault);
  EXPECT_EQ(trap_of(m).tval, kData);
  m.hart.write_csr(mcause, 0);
  m.hart.write_csr(mstatus, kMstatusMprv);  // data accesses as user
  m.run({lw(a0, a1, 0)});
  EXPECT_EQ(trap_of(m).cause, 0u);
  m.hart.write_csr(mstatus, kMstatusMprv);
  m.run({sw(a0, a1, 0)});
  EXPECT_EQ(trap_of(m).cause, kStoreFault);
  m.hart.write_csr(mstatus, kMstatusMprv);
  m.run({lw(a0, a1, -4)});  // nothing matches
  EXPECT_EQ(trap_of(m).cause, kLoadFault);
}

TEST(HartPmp, LockedEntriesKeepTheirValue) {
  TestMachine m;
  m.hart.write_csr(pmpaddr0 + 1, 0x1234);
  m.hart.write_csr(pmpaddr0 + 2, 0x5678);
  m.hart.write_csr(pmpcfg0, 0x88u << 16);  // entry 2: TOR, locked; locks pmpaddr1, too
  m.hart.write_csr(pmpcfg0, 0);
  m.hart.write_csr(pmpaddr0 + 1, 0);
  m.hart.write_csr(pmpaddr0 + 2, 0);
  EXPECT_EQ(*m.hart.read_csr(pmpcfg0), 0x88u << 16);
  EXPECT_EQ(*m.hart.read_csr(pmpaddr0 + 1), 0x1234u);
  EXPECT_EQ(*m.hart.read_csr(pmpaddr0 + 2), 0x5678u);
}

TEST(HartPmp, ChangingProtectionTakesEffectOnCodeAlreadyDecoded) {
  TestMachine m;
  m.put(kRamBase + 0x100, {nop(), nop(), nop()});
  m.hart.set_pc(kRamBase + 0x100);
  m.hart.run(2);
  m.hart.write_csr(pmpaddr0, (kRamBase + 0x100) >> 2);
  m.hart.write_csr(pmpcfg0, 0x90);  // NA4, locked, no rights
  m.hart.set_pc(kRamBase + 0x100);
  m.hart.run(1);
  EXPECT_EQ(trap_of(m).cause, kInstructionFault);
  EXPECT_EQ(trap_of(m).epc, kRamBase + 0x100);
}

}  // namespace
}  // namespace memwall::hart
