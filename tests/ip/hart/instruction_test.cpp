// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "test_machine.h"

namespace memwall::hart {
namespace {

using namespace rv;
constexpr std::uint64_t kMin = 0x8000000000000000u;
constexpr std::uint64_t kOnes = ~std::uint64_t{0};

TEST(HartInteger, DivisionByZeroAndOverflowGiveTheDefinedResults) {
  TestMachine m;
  const auto op = [&](Word f3, bool word_op, std::uint64_t a, std::uint64_t b) {
    return m.compute(r(1, a2, a1, f3, a0, word_op ? 0x3b : 0x33), a, b);
  };
  EXPECT_EQ(op(4, false, 7, 0), kOnes);
  EXPECT_EQ(op(5, false, 7, 0), kOnes);
  EXPECT_EQ(op(6, false, 7, 0), 7u);
  EXPECT_EQ(op(7, false, 7, 0), 7u);
  EXPECT_EQ(op(4, false, kMin, kOnes), kMin);
  EXPECT_EQ(op(6, false, kMin, kOnes), 0u);
  EXPECT_EQ(op(4, true, 0x80000000u, kOnes), 0xffffffff80000000u);
  EXPECT_EQ(op(6, true, 0x80000000u, kOnes), 0u);
  EXPECT_EQ(op(6, true, 0x80000001u, 0), 0xffffffff80000001u);
  EXPECT_EQ(op(7, true, 0x80000001u, 0), 0xffffffff80000001u);
  EXPECT_EQ(op(5, true, 0x80000001u, 1), 0xffffffff80000001u);
}

TEST(HartInteger, HighProductsHonourTheSignsOfTheirOperands) {
  TestMachine m;
  EXPECT_EQ(m.compute(r(1, a2, a1, 1, a0, 0x33), kOnes, kOnes), 0u);
  EXPECT_EQ(m.compute(r(1, a2, a1, 2, a0, 0x33), kOnes, kOnes), kOnes);
  EXPECT_EQ(m.compute(r(1, a2, a1, 3, a0, 0x33), kOnes, kOnes), kOnes - 1);
  EXPECT_EQ(m.compute(r(1, a2, a1, 1, a0, 0x33), kMin, kMin), kMin >> 1);
}

TEST(HartInteger, WordShiftsUseFiveBitsAndSignExtend) {
  TestMachine m;
  EXPECT_EQ(m.compute(r(0, a2, a1, 1, a0, 0x3b), 1, 63), 0xffffffff80000000u);
  EXPECT_EQ(m.compute(r(0, a2, a1, 5, a0, 0x3b), 0xffffffff80000000u, 32), 0xffffffff80000000u);
  EXPECT_EQ(m.compute(r(0x20, a2, a1, 5, a0, 0x3b), 0x80000000u, 31), kOnes);
  EXPECT_EQ(m.compute(r(0, a2, a1, 1, a0, 0x33), 1, 64), 1u);
}

TEST(HartInteger, RegisterZeroIgnoresWrites) {
  TestMachine m;
  m.run({addi(zero, zero, 5), add(a0, zero, zero)});
  EXPECT_EQ(m.hart.x(0), 0u);
  EXPECT_EQ(m.hart.x(a0), 0u);
}

TEST(HartInteger, BranchesAndJumpsLinkTheNextInstruction) {
  TestMachine m;
  m.put(kRamBase, {jal(ra, 12), addi(a0, a0, 1), addi(a0, a0, 2), auipc(a1, 0), jalr(t0, ra, 4), nop()});
  m.hart.set_pc(kRamBase);
  m.hart.run(4);
  EXPECT_EQ(m.hart.x(ra), kRamBase + 4);
  EXPECT_EQ(m.hart.x(a1), kRamBase + 12);
  EXPECT_EQ(m.hart.x(t0), kRamBase + 20);
  EXPECT_EQ(m.hart.x(a0), 2u);
  EXPECT_EQ(m.hart.pc(), kRamBase + 12);
}

TEST(HartInteger, RunExecutesExactlyAsManyInstructionsAsAskedFor) {
  TestMachine m;
  m.put(kRamBase, {addi(a0, a0, 1), mul(a1, a0, a0), jal(zero, -8)});
  m.hart.set_pc(kRamBase);
  for (std::uint64_t n : {1u, 2u, 31u, 100u, 1000u, 12345u}) {
    const std::uint64_t before = m.hart.instructions();
    EXPECT_EQ(m.hart.run(n), StopReason::kLimit);
    EXPECT_EQ(m.hart.instructions() - before, n);
  }
}

TEST(HartCompressed, ExpandsToTheInstructionsOfTheManual) {
  EXPECT_EQ(expand_compressed(0x0000), 0u);                 // defined illegal
  EXPECT_EQ(expand_compressed(0x1141), addi(sp, sp, -16));  // c.addi sp,-16
  EXPECT_EQ(expand_compressed(0x7139), addi(sp, sp, -64));  // c.addi16sp
  EXPECT_EQ(expand_compressed(0x0808), addi(a0, sp, 16));   // c.addi4spn a0,sp,16
  EXPECT_EQ(expand_compressed(0x4505), addi(a0, zero, 1));  // c.li
  EXPECT_EQ(expand_compressed(0x6785), lui(a5, 1));         // c.lui
  EXPECT_EQ(expand_compressed(0x77fd), lui(a5, 0xfffff));   // c.lui a5,-1
  EXPECT_EQ(expand_compressed(0x6105), addi(sp, sp, 32));   // c.addi16sp sp,32
  EXPECT_EQ(expand_compressed(0x8082), jalr(zero, ra, 0));  // c.jr ra
  EXPECT_EQ(expand_compressed(0x9782), jalr(ra, a5, 0));    // c.jalr a5
  EXPECT_EQ(expand_compressed(0x9002), ebreak());           // c.ebreak
  EXPECT_EQ(expand_compressed(0x852e), add(a0, zero, a1));  // c.mv
  EXPECT_EQ(expand_compressed(0x952e), add(a0, a0, a1));    // c.add
  EXPECT_EQ(expand_compressed(0x60a2), ld(ra, sp, 8));      // c.ldsp
  EXPECT_EQ(expand_compressed(0xe406), sd(ra, sp, 8));      // c.sdsp
  EXPECT_EQ(expand_compressed(0x4588), lw(a0, a1, 8));      // c.lw
  EXPECT_EQ(expand_compressed(0xc588), sw(a0, a1, 8));      // c.sw
  EXPECT_EQ(expand_compressed(0xa001), jal(zero, 0));       // c.j .
  EXPECT_EQ(expand_compressed(0xbff5), jal(zero, -4));      // c.j .-4
  EXPECT_EQ(expand_compressed(0xdd75), beq(a0, zero, -4));  // c.beqz a0,.-4
  EXPECT_EQ(expand_compressed(0x2501), addiw(a0, a0, 0));   // c.addiw
  EXPECT_EQ(expand_compressed(0x2001), 0u);                 // c.addiw x0 is reserved
  EXPECT_EQ(expand_compressed(0x6101), 0u);                 // c.addi16sp 0 is reserved
  EXPECT_EQ(expand_compressed(0x8002), 0u);                 // c.jr x0 is reserved
}

TEST(HartMemory, MisalignedAccessesWorkAcrossPagesOfRam) {
  TestMachine m;
  const std::uint64_t at = kData + 4096 - 3;
  m.hart.set_x(a1, at);
  m.hart.set_x(a2, 0x1122334455667788u);
  m.run({sd(a2, a1, 0), ld(a0, a1, 0), lw(a3, a1, 1)});
  EXPECT_EQ(m.hart.x(a0), 0x1122334455667788u);
  EXPECT_EQ(m.hart.x(a3), 0x44556677u);
  EXPECT_EQ(m.bus.ram[at - kRamBase], 0x88);
  EXPECT_EQ(m.bus.bus_loads + m.bus.bus_stores, 0u);
}

TEST(HartMemory, WithoutDirectAccessEveryLoadAndStoreIsABusAccess) {
  TestMachine m;
  m.bus.allow_direct = false;
  m.bus.ram_latency = 5;
  m.hart.set_x(a1, kData);
  m.hart.set_x(a2, 42);
  m.hart.run(0);
  m.run({sd(a2, a1, 0), ld(a0, a1, 0), lw(a3, a1, 0), csrr(a4, mcycle)});
  EXPECT_EQ(m.hart.x(a0), 42u);
  EXPECT_EQ(m.bus.bus_stores, 1u);
  EXPECT_EQ(m.bus.bus_loads, 2u);
  // Three instructions, three accesses of 5 cycles, one fetch of 5 cycles.
  EXPECT_EQ(m.hart.x(a4), 3u + 3 * 5 + 5);
}

TEST(HartMemory, DirectRegionsMayCostCycles) {
  class Slow : public TestBus {
   public:
    DirectRegion dmi(std::uint64_t address) override {
      DirectRegion region = TestBus::dmi(address);
      if (address >= kData) return {kData, 0x10000, region.host + (kData - kRamBase), true, true, 3, 2};
      region.size = kData - kRamBase;
      return region;
    }
  } bus;
  Hart hart({}, bus);
  const Word code[] = {ld(a0, a1, 0), sd(a0, a1, 8), csrr(a4, mcycle)};
  std::memcpy(bus.ram.data(), code, sizeof code);
  hart.set_x(a1, kData);
  hart.run(3);
  EXPECT_EQ(hart.x(a4), 2u + 3 + 2);
}

TEST(HartMemory, TheBusSeesTheTimeOfTheInstructionAndNotOfItsBlock) {
  TestMachine m;
  std::uint64_t seen = 0, pc = 0;
  m.bus.on_device_store = [&] {
    seen = m.hart.cycles();
    pc = m.hart.pc();
  };
  m.hart.set_x(a1, kDevice);
  m.run({nop(), nop(), sd(a0, a1, 0), mul(a2, a2, a2), mul(a2, a2, a2)});
  EXPECT_EQ(seen, 2u);
  EXPECT_EQ(pc, kRamBase + 8);
  EXPECT_EQ(m.hart.cycles(), 3u + 7 + 6);
}

TEST(HartAtomics, ReservationIsLostWhenMemoryChanges) {
  TestMachine m;
  m.hart.set_x(a1, kData);
  m.hart.set_x(a2, 9);
  m.poke(kData, 5);
  m.run({lr_w(a0, a1), sc_w(a3, a2, a1), sc_w(a4, a2, a1)});
  EXPECT_EQ(m.hart.x(a0), 5u);
  EXPECT_EQ(m.hart.x(a3), 0u);
  EXPECT_EQ(m.hart.x(a4), 1u);
  EXPECT_EQ(m.peek(kData), 9u);
  m.run({lr_w(a0, a1)});
  m.poke(kData, 77);  // another agent
  m.put(m.hart.pc(), {sc_w(a3, a2, a1)});
  m.hart.run(1);
  EXPECT_EQ(m.hart.x(a3), 1u);
  EXPECT_EQ(m.peek(kData), 77u);
}

TEST(HartAtomics, MisalignedAtomicTraps) {
  TestMachine m;
  m.hart.set_x(a1, kData + 4);
  m.run({amoadd_d(a0, a2, a1)});
  EXPECT_EQ(m.hart.read_csr(mcause), kStoreMisaligned);
  EXPECT_EQ(m.hart.read_csr(mtval), kData + 4);
  EXPECT_EQ(m.hart.pc(), kHandler);
}

TEST(HartCode, OldCodeMayRunUntilFenceIButNeverAfterIt) {
  TestMachine m;
  // The loop at +0x40 returns a constant; the program patches it and calls it again.
  const std::uint64_t function = kRamBase + 0x40;
  m.put(function, {addi(a0, zero, 1), jalr(zero, ra, 0)});
  m.hart.set_x(a1, function);
  m.hart.set_x(a2, addi(a0, zero, 2));
  m.put(kRamBase,
        {jalr(ra, a1, 0), addi(s0, a0, 0), sw(a2, a1, 0), fence_i(), jalr(ra, a1, 0), addi(s1, a0, 0)});
  m.hart.set_pc(kRamBase);
  m.hart.run(10);
  EXPECT_EQ(m.hart.x(s0), 1u);
  EXPECT_EQ(m.hart.x(s1), 2u);
}

TEST(HartCode, FenceIShowsWhatAnotherAgentWrote) {
  for (const bool direct : {true, false}) {
    TestMachine m;
    m.bus.allow_direct = direct;
    m.put(kRamBase, {addi(a0, a0, 1), fence_i(), jal(zero, -8)});
    m.hart.set_pc(kRamBase);
    m.hart.run(30);
    EXPECT_EQ(m.hart.x(a0), 10u);
    const Word changed = addi(a0, a0, 100);
    std::memcpy(m.bus.at(kRamBase, 4), &changed, 4);
    m.hart.run(4);
    // Before the fence.i old and new code are both legal; after it only new code is.
    EXPECT_TRUE(m.hart.x(a0) == 10 + 1 + 100 || m.hart.x(a0) == 10 + 100 + 100) << m.hart.x(a0);
  }
}

TEST(HartCode, AProgramThatRewritesItselfEverywhereStaysCorrect) {
  TestMachine m;
  // Writes an instruction over the next one of its own block, fences, and executes it; 1000 rounds.
  m.hart.set_x(a1, kRamBase + 16);
  m.hart.set_x(a2, addi(a0, a0, 3));
  m.hart.set_x(a3, addi(a0, a0, 5) ^ addi(a0, a0, 3));
  m.put(kRamBase, {sw(a2, a1, 0), r(0, a3, a2, 4, a2, 0x33), fence_i(), nop(), nop(), jal(zero, -20)});
  m.hart.set_pc(kRamBase);
  m.hart.run(6000);
  EXPECT_EQ(m.hart.x(a0), 500u * 3 + 500u * 5);
}

TEST(HartCode, MoreCodeThanTheCacheHoldsStillRuns) {
  TestMachine m;
  // 100,000 blocks of two instructions, decoded again and again after fence.i.
  for (std::uint64_t at = kRamBase; at < kRamBase + kRamBytes - 16; at += 8) {
    const Word code[] = {addi(a0, a0, 1), jal(zero, 4)};
    std::memcpy(m.bus.at(at, 8), code, 8);
  }
  m.hart.set_pc(kRamBase);
  m.hart.run(200000);
  EXPECT_EQ(m.hart.x(a0), 100000u);
}

}  // namespace
}  // namespace memwall::hart
