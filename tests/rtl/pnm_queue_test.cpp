// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Command queue, counters and errors of the Verilated decode unit.
#include <gtest/gtest.h>

#include <array>

#include "engine/checks.h"
#include "rtl/rtl_bench.h"

namespace memwall::pnm {
namespace {

using desc::ComputeDescriptor;
using desc::Status;
using numerics::Format;

std::uint32_t status_register(bool halted, Status code) {
  return (halted ? Regs::kStatusHaltedMask : 0u) | static_cast<std::uint32_t>(code)
                                                       << Regs::kStatusErrorCodeShift;
}

std::uint64_t error_address(RtlBench& bench) {
  return std::uint64_t{bench.read(Regs::kErrorAddressHiOffset)} << 32 |
         bench.read(Regs::kErrorAddressLoOffset);
}

ComputeDescriptor nop(std::uint32_t tag, bool irq = false) {
  ComputeDescriptor d;
  d.tag = tag;
  d.flags = irq ? 1 : 0;
  return d;
}

TEST(PnmQueue, RunsAFullRingAndWrapsAround) {
  RtlBench bench;
  bench.start();
  for (std::uint32_t round = 0; round < 5; ++round) {
    for (std::uint32_t i = 0; i < RtlBench::kEntries; ++i) bench.post(nop(bench.posted * 7 + 1));
    bench.ring();
    bench.run();
    EXPECT_EQ(bench.read(Regs::kHeadOffset), bench.posted);
    for (std::uint32_t i = bench.posted - RtlBench::kEntries; i < bench.posted; ++i) {
      desc::CompletionRecord record;
      std::memcpy(&record, bench.memory.at(RtlBench::kRecords + i % RtlBench::kEntries * 32), sizeof record);
      EXPECT_EQ(record.sequence, i);
      EXPECT_EQ(record.tag, i * 7 + 1);
      EXPECT_EQ(record.status, 0u);
      // Fetch (latency 60 and four beats) and check.
      EXPECT_GE(record.cycles, 64u);
      EXPECT_LE(record.cycles, 72u);
    }
  }
  EXPECT_EQ(bench.read(Regs::kStatusOffset), 0u);
}

TEST(PnmQueue, DoorbellDuringAnOperationIsSeenAfterIt) {
  RtlBench bench;
  bench.start();
  Rng rng(1, "doorbell");
  const Case first = make_matvec(bench, rng, Format::kF16, 64, 512),
             second = make_matvec(bench, rng, Format::kF32, 9, 40);
  bench.post(first.descriptor);
  bench.ring();
  for (int i = 0; i < 300; ++i) bench.core.step();
  EXPECT_EQ(bench.read(Regs::kStatusOffset), Regs::kStatusBusyMask);
  EXPECT_EQ(bench.read(Regs::kHeadOffset), 0u);
  bench.post(second.descriptor);
  bench.ring();
  bench.run();
  EXPECT_EQ(bench.read(Regs::kHeadOffset), 2u);
  EXPECT_EQ(compare(bench, first), "");
  EXPECT_EQ(compare(bench, second), "");
}

TEST(PnmQueue, ClearedEnableStopsBetweenDescriptors) {
  RtlBench bench;
  bench.start();
  Rng rng(1, "enable");
  const Case test = make_matvec(bench, rng, Format::kF16, 64, 512);
  bench.post(test.descriptor);
  bench.post(nop(2));
  bench.ring();
  for (int i = 0; i < 100; ++i) bench.core.step();
  bench.write(Regs::kControlOffset, 0);
  bench.run();
  EXPECT_EQ(bench.read(Regs::kHeadOffset), 1u);
  EXPECT_EQ(compare(bench, test), "");
  bench.write(Regs::kControlOffset, Regs::kControlEnableMask);
  bench.run();
  EXPECT_EQ(bench.read(Regs::kHeadOffset), 2u);
}

TEST(PnmQueue, InterruptNeedsFlagAndEnableAndIsClearedByWritingOne) {
  RtlBench bench;
  bench.start();
  bench.execute(nop(1));
  EXPECT_EQ(bench.read(Regs::kIrqStatusOffset), 0u);
  bench.execute(nop(2, true));
  EXPECT_EQ(bench.read(Regs::kIrqStatusOffset), Regs::kIrqStatusDoneMask);
  EXPECT_FALSE(bench.core.irq());
  bench.write(Regs::kIrqEnableOffset, Regs::kIrqEnableDoneMask);
  EXPECT_TRUE(bench.core.irq());
  bench.write(Regs::kIrqStatusOffset, Regs::kIrqStatusErrorMask);
  EXPECT_TRUE(bench.core.irq());
  bench.write(Regs::kIrqStatusOffset, Regs::kIrqStatusDoneMask);
  EXPECT_FALSE(bench.core.irq());
}

TEST(PnmQueue, FailedDescriptorHaltsAndResumeGoesOnBehindIt) {
  RtlBench bench;
  bench.start();
  ComputeDescriptor bad = nop(0xbad0u, true);
  bad.opcode = 3;
  bench.post(nop(1));
  bench.post(bad);
  bench.post(nop(3));
  bench.ring();
  bench.run();
  EXPECT_EQ(bench.read(Regs::kHeadOffset), 2u);
  EXPECT_EQ(bench.read(Regs::kStatusOffset), status_register(true, Status::kBadOpcode));
  EXPECT_EQ(bench.read(Regs::kErrorTagOffset), 0xbad0u);
  EXPECT_EQ(bench.read(Regs::kIrqStatusOffset), Regs::kIrqStatusErrorMask);  // and no DONE
  bench.write(Regs::kControlOffset, Regs::kControlEnableMask | Regs::kControlResumeMask);
  bench.run();
  EXPECT_EQ(bench.read(Regs::kHeadOffset), 3u);
  EXPECT_EQ(bench.read(Regs::kStatusOffset), status_register(false, Status::kBadOpcode));
  EXPECT_EQ(bench.read(Regs::kControlOffset), Regs::kControlEnableMask);
}

TEST(PnmQueue, ResetClearsIndicesAndErrorsAndKeepsTheRest) {
  RtlBench bench;
  bench.start();
  ComputeDescriptor bad = nop(5);
  bad.opcode = 200;
  bench.execute(bad);
  bench.write(Regs::kControlOffset, Regs::kControlEnableMask | Regs::kControlResetMask);
  bench.run();
  EXPECT_EQ(bench.read(Regs::kHeadOffset), 0u);
  EXPECT_EQ(bench.read(Regs::kTailOffset), 0u);
  EXPECT_EQ(bench.read(Regs::kStatusOffset), 0u);
  EXPECT_EQ(bench.read(Regs::kErrorTagOffset), 0u);
  EXPECT_EQ(bench.read(Regs::kControlOffset), Regs::kControlEnableMask);
  EXPECT_EQ(bench.read(Regs::kIrqStatusOffset), Regs::kIrqStatusErrorMask);
  EXPECT_EQ(bench.read(Regs::kQueueSizeOffset), RtlBench::kEntries);
  bench.posted = 0;
  EXPECT_EQ(bench.execute(nop(6)).sequence, 0u);
}

TEST(PnmQueue, ImpossibleRingsHaltTheEnabledQueueWithoutMovingHead) {
  for (std::uint32_t entries : {0u, 3u, 12u, 1025u, 2048u}) {
    RtlBench bench;
    bench.start();
    bench.write(Regs::kQueueSizeOffset, entries);
    bench.run();
    EXPECT_EQ(bench.read(Regs::kStatusOffset), status_register(true, Status::kBadShape)) << entries;
    EXPECT_EQ(bench.read(Regs::kIrqStatusOffset), Regs::kIrqStatusErrorMask);
    EXPECT_EQ(bench.read(Regs::kHeadOffset), 0u);
  }
  for (std::uint32_t offset : {Regs::kQueueBaseLoOffset, Regs::kCompletionBaseLoOffset}) {
    RtlBench bench;
    bench.start();
    bench.write(offset, static_cast<std::uint32_t>(RtlBench::kRing) + 16);
    bench.run();
    EXPECT_EQ(bench.read(Regs::kStatusOffset), status_register(true, Status::kBadAlignment));
  }
}

engine::EngineRules rules() {
  engine::EngineRules rules;
  rules.opcodes = engine::opcode_bit(desc::Opcode::kNop) | engine::opcode_bit(desc::Opcode::kMatvec) |
                  engine::opcode_bit(desc::Opcode::kAttention);
  rules.max_matvec_k = 16384;
  rules.max_head_dim = 256;
  rules.max_batch = 1;
  rules.max_heads = 16;
  rules.max_scores = 32768;
  return rules;
}

// One to three random faults in a legal descriptor.
void corrupt(ComputeDescriptor& d, Rng& rng) {
  const std::array<std::uint32_t, 12> values = {
      0, 1, 2, 16, 31, 32, 17, 64, 257, 16385, 32769, static_cast<std::uint32_t>(rng.next())};
  const auto value = [&] { return values[rng.below(values.size())]; };
  for (std::uint64_t i = rng.below(3) + 1; i > 0; --i) {
    switch (rng.below(22)) {
      case 0:
        d.opcode = static_cast<std::uint8_t>(value());
        break;
      case 1:
        d.format = static_cast<std::uint8_t>(value());
        break;
      case 2:
        d.dst_format = static_cast<std::uint8_t>(value());
        break;
      case 3:
        d.flags = static_cast<std::uint8_t>(value());
        break;
      case 4:
        d.dst += value();
        break;
      case 5:
        d.src0 += value();
        break;
      case 6:
        d.src1 += value();
        break;
      case 7:
        d.src2 += value();
        break;
      case 8:
        d.n = value();
        break;
      case 9:
        d.k = value();
        break;
      case 10:
        d.m = value();
        break;
      case 11:
        d.index_base = value();
        break;
      case 12:
        d.stride0 = value();
        break;
      case 13:
        d.stride1 = value();
        break;
      case 14:
        d.stride2 = value();
        break;
      case 15:
        d.stride3 = value();
        break;
      case 16:
        d.scalar0 = static_cast<float>(value());
        break;
      case 17:
        d.tile_rows = value();
        break;
      case 18:
        d.work = std::uint64_t{value()} << 32;
        break;
      case 19:
        d.work_bytes = value();
        break;
      case 20:
        d.reserved0 = value();
        break;
      default:
        d.reserved_96[rng.below(32)] = static_cast<std::uint8_t>(value());
        break;
    }
  }
}

TEST(PnmQueue, ChecksOfCorruptedDescriptorsEqualTheContracts) {
  RtlBench bench;
  bench.start();
  Rng rng(1, "corrupted");
  std::array<unsigned, 10> seen{};
  for (int i = 0; i < 20'000; ++i) {
    bench.reuse_memory();
    ComputeDescriptor d;
    const std::uint64_t kind = rng.below(5);
    if (kind == 1) d = make_attention(bench, rng, Format::kF16, 2, 16, 2).descriptor;
    if (kind > 1) d = make_matvec(bench, rng, static_cast<Format>(rng.below(4)), 2, 16).descriptor;
    corrupt(d, rng);
    const Status expected = engine::check(d, rules()).status;
    ++seen[static_cast<std::size_t>(expected)];
    // A descriptor that became legal may be huge or point anywhere; the operation itself is other tests'
    // affair.
    if (expected == Status::kOk && (d.opcode != 0)) continue;
    const auto record = bench.execute(d);
    ASSERT_EQ(record.status, static_cast<std::uint32_t>(expected))
        << "opcode " << int{d.opcode} << " format " << int{d.format} << " n " << d.n << " k " << d.k << " m "
        << d.m << " strides " << d.stride0 << ' ' << d.stride1 << ' ' << d.stride2 << ' ' << d.stride3;
    ASSERT_EQ(record.tag, d.tag);
    if (expected != Status::kOk) {
      ASSERT_EQ(bench.read(Regs::kStatusOffset), status_register(true, expected));
      ASSERT_EQ(bench.read(Regs::kErrorTagOffset), d.tag);
      ASSERT_EQ(error_address(bench), 0u);
      bench.write(Regs::kControlOffset, Regs::kControlEnableMask | Regs::kControlResumeMask);
    }
  }
  for (Status status : {Status::kOk, Status::kBadOpcode, Status::kBadFormat, Status::kBadAlignment,
                        Status::kBadShape, Status::kBadReserved}) {
    EXPECT_GT(seen[static_cast<std::size_t>(status)], 50u) << static_cast<int>(status);
  }
}

// The operation fails with `status` at `address`, and the next one runs as if nothing had been.
void expect_fault(RtlBench& bench, const ComputeDescriptor& d, Status status, std::uint64_t address) {
  const auto record = bench.execute(d);
  EXPECT_EQ(record.status, static_cast<std::uint32_t>(status));
  EXPECT_EQ(record.fault_address, address);
  EXPECT_EQ(record.tag, d.tag);
  EXPECT_EQ(bench.read(Regs::kStatusOffset), status_register(true, status));
  EXPECT_EQ(error_address(bench), address);
  EXPECT_EQ(bench.read(Regs::kErrorTagOffset), d.tag);
  bench.memory.poisoned = bench.memory.write_poisoned = 0;
  bench.write(Regs::kControlOffset, Regs::kControlEnableMask | Regs::kControlResumeMask);
  Rng rng(9, "after a fault");
  bench.reuse_memory();
  const Case next = make_attention(bench, rng, Format::kF16, 20, 40, 3);
  EXPECT_EQ(bench.execute(next.descriptor).status, 0u);
  EXPECT_EQ(compare(bench, next), "");
}

TEST(PnmFaults, UncorrectableBeatsNameTheirAddressInEveryOperand) {
  RtlBench bench;
  bench.start();
  Rng rng(1, "poison");
  for (int round = 0; round < 40; ++round) {
    bench.reuse_memory();
    bench.memory.latency_ps = rng.below(100'000);
    const bool attention = round % 2 == 0;
    const Case test = attention ? make_attention(bench, rng, Format::kBf16, 60, 100, 4, 32)
                                : make_matvec(bench, rng, Format::kMxint8, 60, 1100, 32);
    const ComputeDescriptor& d = test.descriptor;
    const std::uint64_t operands[] = {d.src0, d.src1 + 7 * d.stride1, d.src2 + 5 * d.stride2};
    bench.memory.poisoned = operands[rng.below(3)] + 32 * rng.below(2);
    expect_fault(bench, d, Status::kUncorrectable, bench.memory.poisoned);
  }
}

TEST(PnmFaults, FailedWritesOfResultsNameTheirAddress) {
  RtlBench bench;
  bench.start();
  Rng rng(1, "write poison");
  const Case matvec = make_matvec(bench, rng, Format::kF16, 600, 64);
  bench.memory.write_poisoned = matvec.descriptor.dst + 32 * 20;
  expect_fault(bench, matvec.descriptor, Status::kUncorrectable, matvec.descriptor.dst + 32 * 20);
  bench.reuse_memory();
  const Case attention = make_attention(bench, rng, Format::kF16, 40, 64, 4);
  bench.memory.write_poisoned = attention.descriptor.dst + 3 * attention.descriptor.stride3;
  expect_fault(bench, attention.descriptor, Status::kUncorrectable, bench.memory.write_poisoned);
}

TEST(PnmFaults, AddressesOutsideTheStackAreBusErrorsAtTheFirstBeatOutside) {
  RtlBench bench;
  bench.start();
  Rng rng(1, "outside");
  const std::uint64_t end = FlatMemory::kBase + FlatMemory::kBytes;
  // W begins inside; its rows run far beyond the end.
  ComputeDescriptor d = make_matvec(bench, rng, Format::kF16, 4, 16).descriptor;
  d.n = 1u << 24;
  d.src1 = end - 32 * 21;
  expect_fault(bench, d, Status::kBusError, end);
  // Everything far away; below the stack; a row across the end.
  d.src1 = ~std::uint64_t{31};
  expect_fault(bench, d, Status::kBusError, d.src1);
  d.src0 = FlatMemory::kBase - 32;
  expect_fault(bench, d, Status::kBusError, d.src0);
  d = make_attention(bench, rng, Format::kF16, 4, 256, 2).descriptor;
  d.src2 = end - 3 * 512 - 64;
  expect_fault(bench, d, Status::kBusError, end);
  d = make_matvec(bench, rng, Format::kF16, 40, 16).descriptor;
  d.dst = end - 32;
  expect_fault(bench, d, Status::kBusError, end);
}

TEST(PnmFaults, UnreadableDescriptorCompletesWithoutTag) {
  RtlBench bench;
  bench.start();
  ComputeDescriptor d = nop(0x1234, true);
  bench.memory.poisoned = RtlBench::kRing + 64;
  const auto record = bench.execute(d);
  EXPECT_EQ(record.status, static_cast<std::uint32_t>(Status::kUncorrectable));
  EXPECT_EQ(record.fault_address, RtlBench::kRing + 64);
  EXPECT_EQ(record.tag, 0u);
  EXPECT_EQ(bench.read(Regs::kHeadOffset), 1u);
  bench.memory.poisoned = 0;
  bench.write(Regs::kControlOffset, Regs::kControlEnableMask | Regs::kControlResumeMask);
  EXPECT_EQ(bench.execute(nop(7)).status, 0u);
}

TEST(PnmFaults, UnwritableRecordHaltsTheQueue) {
  RtlBench bench;
  bench.start();
  bench.memory.write_poisoned = RtlBench::kRecords;
  bench.execute(nop(0x77, true));
  EXPECT_EQ(bench.read(Regs::kHeadOffset), 1u);
  EXPECT_EQ(bench.read(Regs::kStatusOffset), status_register(true, Status::kUncorrectable));
  EXPECT_EQ(error_address(bench), RtlBench::kRecords);
  EXPECT_EQ(bench.read(Regs::kErrorTagOffset), 0x77u);
  EXPECT_EQ(bench.read(Regs::kIrqStatusOffset), Regs::kIrqStatusErrorMask);
  bench.write(Regs::kControlOffset, Regs::kControlEnableMask | Regs::kControlResumeMask);
  EXPECT_EQ(bench.execute(nop(8)).status, 0u);
}

TEST(PnmCounters, CountBeatsAndBusyCycles) {
  RtlBench bench;
  bench.start();
  Rng rng(1, "counters");
  const Case test = make_matvec(bench, rng, Format::kF16, 100, 160);
  const auto record = bench.execute(test.descriptor);
  EXPECT_EQ(bench.read(Regs::kReadBeatsOffset), 4u + 20u + 100u * 10u);
  EXPECT_EQ(bench.read(Regs::kWriteBeatsOffset), 13u + 1u);
  const std::uint32_t busy = bench.read(Regs::kCyclesLoOffset);
  EXPECT_GT(busy, record.cycles);
  EXPECT_LT(busy, record.cycles + 70u);  // and the record's own write
  for (int i = 0; i < 50; ++i) bench.core.step();
  EXPECT_EQ(bench.read(Regs::kCyclesLoOffset), busy);
}

}  // namespace
}  // namespace memwall::pnm
