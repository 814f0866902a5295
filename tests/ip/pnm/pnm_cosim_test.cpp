// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The RTL against the model: every result word, status, fault address and register after random and directed
// descriptors.
#include <limits>

#include "ip/pnm/pnm_pair.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT

std::uint32_t below(Rng& rng, std::uint64_t n) { return static_cast<std::uint32_t>(rng.below(n)); }

/// Magnitudes over the whole range, subnormals, zeros of both signs; now and then infinity or NaN.
float wild_value(Rng& rng) {
  switch (rng.below(16)) {
    case 0:
      return 0.0f;
    case 1:
      return -0.0f;
    case 2:
      return numerics::float_of(below(rng, 0x800000));
    case 3:
      return numerics::float_of(0x80000000u | below(rng, 0x800000));
    case 4:
      return std::ldexp(uniform_value(rng), static_cast<int>(rng.below(30)) - 15);
    case 5:
      if (rng.below(40) != 0) return uniform_value(rng);
      return numerics::float_of(rng.below(2) != 0 ? 0x7f800000u : 0xff800000u);
    case 6:
      if (rng.below(80) != 0) return uniform_value(rng);
      return std::numeric_limits<float>::quiet_NaN();
    case 7:
      return std::ldexp(uniform_value(rng), static_cast<int>(rng.below(250)) - 125);
    default:
      return uniform_value(rng);
  }
}

void random_matvecs(Format format, std::uint64_t seed, int count, const Fill& fill) {
  PnmPair pair;
  Rng rng(seed, "matvec");
  for (int i = 0; i < count; ++i) {
    const std::uint32_t n = 1 + below(rng, i % 5 == 0 ? 400 : 40),
                        k = 1 + below(rng, i % 7 == 0 ? 1500 : 130);
    const PnmJob job = matvec_job(rng, format, n, k, 32 * below(rng, 3), fill);
    EXPECT_EQ(pair.run(job).status, 0u);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(PnmCosim, MatvecF32) { random_matvecs(Format::kF32, 1, 60, uniform_value); }
TEST(PnmCosim, MatvecF16) { random_matvecs(Format::kF16, 2, 60, uniform_value); }
TEST(PnmCosim, MatvecBf16) { random_matvecs(Format::kBf16, 3, 60, uniform_value); }
TEST(PnmCosim, MatvecMxint8) { random_matvecs(Format::kMxint8, 4, 60, uniform_value); }
TEST(PnmCosim, MatvecF32OfWildValues) { random_matvecs(Format::kF32, 5, 40, wild_value); }
TEST(PnmCosim, MatvecF16OfWildValues) { random_matvecs(Format::kF16, 6, 40, wild_value); }
TEST(PnmCosim, MatvecBf16OfWildValues) { random_matvecs(Format::kBf16, 7, 40, wild_value); }
TEST(PnmCosim, MatvecMxint8OfWildValues) { random_matvecs(Format::kMxint8, 8, 40, wild_value); }

void random_attentions(Format format, std::uint64_t seed, int count, const Fill& fill) {
  PnmPair pair;
  Rng rng(seed, "attention");
  for (int i = 0; i < count; ++i) {
    const std::uint32_t tokens = 1 + below(rng, i % 4 == 0 ? 300 : 40),
                        dim = 1 + below(rng, i % 5 == 0 ? 256 : 64);
    const std::uint32_t heads = 1 + below(rng, i % 6 == 0 ? 16 : 5);
    const PnmJob job = attention_job(rng, format, tokens, dim, heads, 32 * below(rng, 3), fill);
    EXPECT_EQ(pair.run(job).status, 0u);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(PnmCosim, AttentionF32) { random_attentions(Format::kF32, 11, 40, uniform_value); }
TEST(PnmCosim, AttentionF16) { random_attentions(Format::kF16, 12, 60, uniform_value); }
TEST(PnmCosim, AttentionBf16) { random_attentions(Format::kBf16, 13, 40, uniform_value); }
TEST(PnmCosim, AttentionF16OfWildValues) { random_attentions(Format::kF16, 14, 40, wild_value); }
TEST(PnmCosim, AttentionF32OfWildValues) { random_attentions(Format::kF32, 15, 30, wild_value); }

TEST(PnmCosim, LargestShapes) {
  PnmPair pair;
  Rng rng(16, "largest");
  EXPECT_EQ(pair.run(matvec_job(rng, Format::kF16, 9, 16384)).status, 0u);
  EXPECT_EQ(pair.run(matvec_job(rng, Format::kF32, 3, 16384)).status, 0u);
  EXPECT_EQ(pair.run(matvec_job(rng, Format::kMxint8, 9, 16384)).status, 0u);
  EXPECT_EQ(pair.run(attention_job(rng, Format::kF16, 2048, 64, 16)).status, 0u);
  EXPECT_EQ(pair.run(attention_job(rng, Format::kF16, 100, 256, 16)).status, 0u);
  EXPECT_EQ(pair.run(attention_job(rng, Format::kBf16, 32768, 16, 1)).status, 0u);
}

TEST(PnmCosim, SmallestShapes) {
  PnmPair pair;
  Rng rng(17, "smallest");
  for (const Format format : {Format::kF32, Format::kF16, Format::kBf16, Format::kMxint8}) {
    for (std::uint32_t k : {1u, 7u, 8u, 9u, 15u, 16u, 17u, 31u, 32u, 33u}) {
      EXPECT_EQ(pair.run(matvec_job(rng, format, 1, k)).status, 0u);
      EXPECT_EQ(pair.run(matvec_job(rng, format, 9, k)).status, 0u);
      if (format == Format::kMxint8) continue;
      EXPECT_EQ(pair.run(attention_job(rng, format, 1, k, 1)).status, 0u);
      EXPECT_EQ(pair.run(attention_job(rng, format, 2, k, 3)).status, 0u);
    }
  }
}

TEST(PnmCosim, OneRowNeedsNoStride) {
  PnmPair pair;
  Rng rng(18, "one row");
  PnmJob job = matvec_job(rng, Format::kF16, 1, 40);
  job.d.stride1 = 0;
  EXPECT_EQ(pair.run(job).status, 0u);
  job.d.stride1 = 17;
  EXPECT_EQ(pair.run(job).status, 0u);
  job = attention_job(rng, Format::kF16, 1, 40, 1);
  job.d.stride0 = job.d.stride1 = job.d.stride2 = job.d.stride3 = 0;
  EXPECT_EQ(pair.run(job).status, 0u);
}

TEST(PnmCosim, InterruptFlagsAndCausesAgree) {
  PnmPair pair;
  Rng rng(19, "irq");
  PnmJob job = matvec_job(rng, Format::kF16, 8, 16);
  pair.run(job);
  EXPECT_FALSE(pair.tlm.irq.read());
  job.d.flags = 1;
  pair.run(job);
  EXPECT_TRUE(pair.tlm.irq.read());
  pair.acknowledge();
  ComputeDescriptor bad = job.d;
  bad.opcode = 99;
  EXPECT_EQ(static_cast<Status>(pair.run(bad).status), Status::kBadOpcode);
  pair.acknowledge();
  pair.resume();
  EXPECT_EQ(pair.run(job).status, 0u);
}

/// Every field of a legal descriptor in turn set to hostile values. Addresses that would fail in two places
/// at once are excluded: which access fails first is a matter of timing there.
TEST(PnmCosim, HostileFieldsEndInTheSameStatus) {
  PnmPair pair;
  Rng rng(20, "hostile");
  int failed = 0;
  for (int trial = 0; trial < 600; ++trial) {
    const bool attention = rng.below(2) != 0;
    const auto format = static_cast<Format>(rng.below(attention ? 3 : 4));
    const PnmJob job =
        attention ? attention_job(rng, format, 1 + below(rng, 20), 1 + below(rng, 64), 1 + below(rng, 4))
                  : matvec_job(rng, format, 1 + below(rng, 20), 1 + below(rng, 64));
    job.place(pair.tlm);
    job.place(pair.rtl);
    ComputeDescriptor d = job.d;
    const auto value32 = [&] {
      const std::uint32_t values[] = {
          0, 1, 16, 31, 32, 33, 257, 16385, 0x80000000u, 0xffffffffu, static_cast<std::uint32_t>(rng.next())};
      return values[rng.below(11)];
    };
    const auto address = [&]() -> std::uint64_t {
      const std::uint64_t values[] = {0,
                                      PnmBench::kBase - 32,
                                      PnmBench::kBase + PnmBench::kBytes - 32,
                                      PnmBench::kBase + PnmBench::kBytes,
                                      ~std::uint64_t{31},
                                      PnmBench::kW + 8,
                                      rng.next(),
                                      rng.next() & ~std::uint64_t{31}};
      return values[rng.below(8)];
    };
    switch (rng.below(18)) {
      case 0:
        d.opcode = static_cast<std::uint8_t>(rng.next());
        break;
      case 1:
        d.format = static_cast<std::uint8_t>(rng.next());
        break;
      case 2:
        d.dst_format = static_cast<std::uint8_t>(rng.next());
        break;
      case 3:
        d.flags = static_cast<std::uint8_t>(rng.next());
        break;
      case 4:
        d.dst = address();
        break;
      case 5:
        d.src0 = address();
        break;
      case 6:
        d.src1 = address();
        break;
      case 7:
        d.src2 = address();
        break;
      case 8:
        d.k = value32();
        break;
      case 9:
        d.m = value32();
        break;
      case 10:
        d.index_base = value32();
        break;
      case 11:
        d.stride0 = value32();
        break;
      case 12:
        d.stride3 = value32();
        break;
      case 13:
        d.tile_rows = value32();
        break;
      case 14:
        d.work = value32();
        break;
      case 15:
        d.work_bytes = value32();
        break;
      case 16:
        d.reserved0 = value32();
        break;
      case 17:
        d.reserved_96[rng.below(32)] = static_cast<std::uint8_t>(rng.next());
        break;
    }
    if (pair.run(d).status != 0) ++failed;
    pair.acknowledge();
    pair.resume();
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(failed, 300);
}

TEST(PnmCosim, MemoryErrorsHaveTheSameStatusAndAddress) {
  PnmPair pair;
  Rng rng(21, "faults");
  for (int trial = 0; trial < 120; ++trial) {
    const bool attention = rng.below(2) != 0;
    const PnmJob job = attention ? attention_job(rng, Format::kF16, 1 + below(rng, 60), 1 + below(rng, 100),
                                                 1 + below(rng, 4), 32 * below(rng, 2))
                                 : matvec_job(rng, trial % 3 == 0 ? Format::kMxint8 : Format::kF16,
                                              1 + below(rng, 60), 1 + below(rng, 300), 32 * below(rng, 2));
    job.place(pair.tlm);
    job.place(pair.rtl);
    // One bad word in one operand or in the result.
    std::uint64_t base = 0, bytes = 0;
    switch (rng.below(4)) {
      case 0:
        base = job.d.src0, bytes = job.x.size() * 4;
        break;
      case 1:
        base = job.d.src1, bytes = job.w.size();
        break;
      case 2:
        base = job.d.src2 != 0 ? job.d.src2 : job.d.src1,
        bytes = job.d.src2 != 0 ? job.s.size() : job.w.size();
        break;
      default:
        base = job.d.dst, bytes = attention ? job.d.k * 4ull : job.d.n * 4ull;
        break;
    }
    const std::uint64_t at = base + rng.below(bytes) / 4 * 4 - PnmBench::kBase;
    const auto response =
        rng.below(2) != 0 ? tlm::TLM_GENERIC_ERROR_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE;
    pair.tlm.memory.inject(at, response);
    pair.rtl.memory.inject(at, response);
    pair.run(job.d);
    pair.tlm.memory.heal();
    pair.rtl.memory.heal();
    pair.acknowledge();
    pair.resume();
    if (testing::Test::HasFailure()) {
      ADD_FAILURE() << "bad word at 0x" << std::hex << at;
      return;
    }
    EXPECT_EQ(pair.run(job).status, 0u) << "a job after an error";
  }
}

/// Writes a register on both units.
void write_both(PnmPair& pair, std::uint32_t offset, std::uint32_t value) {
  pair.tlm.host.write(offset, value);
  pair.rtl.host.write(offset, value);
}

void expect_same_queue(PnmPair& pair, const char* when) {
  using Regs = regs::PnmRegs;
  for (const std::uint32_t offset : {Regs::kHeadOffset, Regs::kTailOffset, Regs::kControlOffset,
                                     Regs::kStatusOffset, Regs::kIrqStatusOffset, Regs::kErrorTagOffset,
                                     Regs::kErrorAddressLoOffset, Regs::kErrorAddressHiOffset}) {
    EXPECT_EQ(pair.tlm.host.read(offset), pair.rtl.host.read(offset))
        << when << ", register offset " << offset;
  }
  EXPECT_EQ(pair.tlm.irq.read(), pair.rtl.irq.read()) << when;
}

TEST(PnmCosim, ResetDisableAndResumeInTheMiddleOfWorkAgree) {
  using Regs = regs::PnmRegs;
  PnmPair pair;
  Rng rng(23, "reset");
  const PnmJob job = matvec_job(rng, Format::kF16, 100, 256);
  job.place(pair.tlm);
  job.place(pair.rtl);
  const auto post = [&](int count) {
    for (int i = 0; i < count; ++i) pair.tlm.post(job.d), pair.rtl.post(job.d);
  };
  post(3);
  sc_core::sc_start(1, sc_core::SC_US);
  expect_same_queue(pair, "busy");
  write_both(pair, Regs::kControlOffset, 0);
  sc_core::sc_start(20, sc_core::SC_US);
  expect_same_queue(pair, "disabled");
  EXPECT_EQ(pair.rtl.host.read(Regs::kHeadOffset), 1u);
  write_both(pair, Regs::kControlOffset, 1);
  sc_core::sc_start(1, sc_core::SC_US);
  write_both(pair, Regs::kControlOffset, Regs::kControlEnableMask | Regs::kControlResetMask);
  expect_same_queue(pair, "reset requested");
  sc_core::sc_start(20, sc_core::SC_US);
  expect_same_queue(pair, "reset done");
  EXPECT_EQ(pair.rtl.host.read(Regs::kHeadOffset), 0u);
  pair.tlm.tail = pair.rtl.tail = 0;
  EXPECT_EQ(pair.run(job).status, 0u);
  // A halted queue stays halted until RESUME, whatever is posted.
  ComputeDescriptor bad = job.d;
  bad.opcode = 42;
  pair.run(bad);
  post(2);
  sc_core::sc_start(20, sc_core::SC_US);
  expect_same_queue(pair, "halted with work waiting");
  pair.resume();
  sc_core::sc_start(20, sc_core::SC_US);
  expect_same_queue(pair, "resumed");
  EXPECT_EQ(pair.rtl.host.read(Regs::kHeadOffset), pair.rtl.tail);
}

TEST(PnmCosim, BadRingsEndInTheSameState) {
  using Regs = regs::PnmRegs;
  PnmPair pair;
  struct Bad {
    std::uint32_t offset, value;
  };
  const Bad list[] = {{Regs::kQueueSizeOffset, 0},
                      {Regs::kQueueSizeOffset, 3},
                      {Regs::kQueueSizeOffset, 2048},
                      {Regs::kQueueBaseLoOffset, 32},
                      {Regs::kCompletionBaseLoOffset, 16},
                      {Regs::kQueueBaseHiOffset, 0x7fff},
                      {Regs::kCompletionBaseHiOffset, 0x7fff},
                      {Regs::kQueueBaseLoOffset, 0xffffff80u}};
  for (const Bad& bad : list) {
    write_both(pair, Regs::kControlOffset, Regs::kControlResetMask);
    write_both(pair, Regs::kIrqStatusOffset, 3);
    sc_core::sc_start(1, sc_core::SC_US);
    pair.tlm.tail = pair.rtl.tail = 0;
    pair.tlm.enable();
    pair.rtl.enable();
    write_both(pair, bad.offset, bad.value);
    pair.tlm.post({});
    pair.rtl.post({});
    sc_core::sc_start(20, sc_core::SC_US);
    EXPECT_NE(pair.rtl.host.read(Regs::kStatusOffset) & Regs::kStatusHaltedMask, 0u) << bad.offset;
    expect_same_queue(pair, "bad ring");
    if (testing::Test::HasFailure()) {
      ADD_FAILURE() << "register offset " << bad.offset << " value " << bad.value;
      return;
    }
  }
}

TEST(PnmCosim, BeatCountersAgree) {
  PnmPair pair;
  Rng rng(22, "beats");
  for (int i = 0; i < 20; ++i) {
    pair.run(matvec_job(rng, i % 2 == 0 ? Format::kF16 : Format::kMxint8, 1 + below(rng, 50),
                        1 + below(rng, 200)));
    pair.run(attention_job(rng, Format::kF16, 1 + below(rng, 50), 1 + below(rng, 100), 1 + below(rng, 4)));
    for (const std::uint32_t offset : {regs::PnmRegs::kReadBeatsOffset, regs::PnmRegs::kWriteBeatsOffset}) {
      ASSERT_EQ(pair.tlm.host.read(offset), pair.rtl.host.read(offset)) << offset;
    }
  }
}

}  // namespace
}  // namespace memwall
