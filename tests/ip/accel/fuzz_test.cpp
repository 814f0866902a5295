// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Hostile descriptors: every one must end in a status, in bounded time and memory.
#include <array>
#include <cstring>
#include <map>

#include "ip/accel/accel_bench.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT

constexpr std::uint64_t kSram = 0x30000000;
constexpr std::uint64_t kMem = AccelBench::kMemory;

/// Runs `d` and resumes; a queue that did not take it, or a status outside the contract, is a failure.
Status end_of(AccelBench& bench, const ComputeDescriptor& d, std::uint32_t& count) {
  const CompletionRecord record = bench.run(d);
  EXPECT_EQ(bench.host.read(Regs::kHeadOffset), ++count);
  EXPECT_LE(record.status, static_cast<std::uint32_t>(Status::kBadReserved));
  EXPECT_EQ(record.tag, d.tag);
  const bool halted = (bench.host.read(Regs::kStatusOffset) & Regs::kStatusHaltedMask) != 0;
  EXPECT_EQ(halted, record.status != 0);
  if (halted) bench.resume();
  return static_cast<Status>(record.status);
}

TestMemory::Config small_memory() {
  TestMemory::Config memory;
  memory.bytes = 64 << 20;
  return memory;
}

TEST(AccelFuzz, RandomBytesAlwaysEndInAStatus) {
  AccelBench bench({}, small_memory());
  bench.enable();
  Rng rng(1, "bytes");
  std::uint32_t count = 0;
  for (int i = 0; i < 10000; ++i) {
    std::array<std::uint64_t, 16> words;
    for (auto& w : words) w = rng.next();
    ComputeDescriptor d;
    std::memcpy(static_cast<void*>(&d), words.data(), sizeof d);
    if (i % 2 == 0) d.opcode %= 11;
    EXPECT_NE(end_of(bench, d, count), Status::kOk);
    ASSERT_FALSE(testing::Test::HasFailure()) << "descriptor " << i;
  }
}

/// Descriptors with plausible fields, a few of them hostile: most pass the early checks and fail late, or
/// run.
TEST(AccelFuzz, PlausibleDescriptorsAlwaysEndInAStatus) {
  accel::Config config;
  config.sram_bytes = 1 << 20;
  AccelBench bench(config, small_memory());
  bench.enable();
  Rng rng(2, "plausible");
  std::uint32_t count = 0;
  std::map<Status, int> ends;
  const auto size = [&]() -> std::uint32_t {
    switch (rng.below(12)) {
      case 0:
        return 0;
      case 1:
        return static_cast<std::uint32_t>(rng.next());
      case 2:
        return 1u << rng.below(32);
      default:
        return static_cast<std::uint32_t>(1 + rng.below(200));
    }
  };
  const auto address = [&]() -> std::uint64_t {
    switch (rng.below(12)) {
      case 0:
        return rng.next();
      case 1:
        return kSram + config.sram_bytes - 32 * rng.below(8);
      case 2:
        return kMem + (64ull << 20) - 32 * rng.below(64);
      case 3:
        return ~std::uint64_t{31};
      case 4:
      case 5:
        return kMem + 0x1000000 + 32 * rng.below(1000);
      default:
        return kSram + 32 * rng.below(config.sram_bytes / 32);
    }
  };
  const auto maybe = [&](bool used) { return used || rng.below(60) == 0; };
  for (int i = 0; i < 6000; ++i) {
    ComputeDescriptor d;
    const auto opcode = static_cast<Opcode>(rng.below(11));
    d.opcode = static_cast<std::uint8_t>(opcode);
    const bool stream = opcode == Opcode::kMatvec || opcode == Opcode::kAttention;
    const bool convert = opcode == Opcode::kConvert, nop = opcode == Opcode::kNop;
    if (maybe(stream || convert)) d.format = static_cast<std::uint8_t>(rng.below(5));
    if (maybe(convert)) d.dst_format = static_cast<std::uint8_t>(rng.below(4));
    d.tag = static_cast<std::uint32_t>(rng.next());
    const bool mx = opcode == Opcode::kMatvec && d.format == 3;
    const bool rows = stream || convert || opcode == Opcode::kCopy || opcode == Opcode::kRmsnorm;
    if (maybe(!nop)) d.n = size(), d.dst = address(), d.src0 = address();
    if (maybe(stream || opcode == Opcode::kRmsnorm || opcode == Opcode::kRope || opcode == Opcode::kSwiglu ||
              opcode == Opcode::kAdd)) {
      d.src1 = address();
    }
    if (maybe(opcode == Opcode::kAttention || mx)) d.src2 = address();
    if (maybe(stream || opcode == Opcode::kRope)) d.k = size();
    if (maybe(rows || opcode == Opcode::kRope || opcode == Opcode::kTopk))
      d.m = rng.below(2) != 0 ? 1 : size();
    const auto stride = [&] {
      return rng.below(8) == 0 ? size() : 32 * static_cast<std::uint32_t>(1 + rng.below(40));
    };
    if (maybe(rows || opcode == Opcode::kRope)) d.stride0 = stride(), d.stride3 = stride();
    if (maybe(stream || opcode == Opcode::kRope)) d.stride1 = stride();
    if (maybe(opcode == Opcode::kAttention || mx)) d.stride2 = stride();
    if (maybe(stream)) {
      d.tile_rows = size(), d.work = address(), d.work_bytes = rng.below(4) == 0 ? size() : 0x10000;
    }
    ++ends[end_of(bench, d, count)];
    ASSERT_FALSE(testing::Test::HasFailure()) << "descriptor " << i << ", opcode " << int(d.opcode);
  }
  for (const auto& [status, number] : ends)
    std::printf("status %u: %d\n", static_cast<unsigned>(status), number);
  EXPECT_GT(ends[Status::kOk], 500);
  EXPECT_GT(ends[Status::kBusError], 50);
  EXPECT_GT(ends[Status::kBadRange], 50);
  EXPECT_GT(ends[Status::kTileTooLarge], 10);
}

TEST(AccelFuzz, RandomRegisterWritesNeverWedgeTheModel) {
  AccelBench bench({}, small_memory());
  Rng rng(3, "registers");
  for (int i = 0; i < 3000; ++i) {
    const auto index = rng.below(Regs::kTableSize);
    const std::uint32_t offset = Regs::kTable[index].offset;
    std::uint32_t value = rng.below(3) == 0 ? static_cast<std::uint32_t>(rng.next())
                                            : static_cast<std::uint32_t>(rng.below(32));
    // A TAIL far ahead is legal and means that many descriptors; keep the run short.
    if (std::string(Regs::kTable[index].name).rfind("TAIL", 0) == 0)
      value = bench.host.read(offset + 4) + value % 5;
    bench.host.write(offset, value);
    sc_core::sc_start(1, sc_core::SC_US);
  }
  // After a reset of both queues the accelerator works.
  for (const unsigned queue : {0u, 1u}) {
    bench.host.write(queue * AccelBench::kQueueStride + Regs::kControlOffset, Regs::kControlResetMask);
  }
  sc_core::sc_start();
  bench.enable(0);
  std::uint32_t count = 0;
  EXPECT_EQ(end_of(bench, {}, count), Status::kOk);
}

}  // namespace
}  // namespace memwall
