// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// A memory that waits until the data are there and one of the same speed that tells its time at once give the
// same cycles, the same accesses at the same times and the same bytes.
#include "ip/accel/accel_bench.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT

constexpr std::uint64_t kSram = 0x30000000;
constexpr std::uint64_t kMem = AccelBench::kMemory;
constexpr std::uint64_t kOut = kMem + 0x4000000;

std::uint32_t below(Rng& rng, std::uint64_t n) { return static_cast<std::uint32_t>(rng.below(n)); }

ComputeDescriptor random_descriptor(Rng& rng) {
  ComputeDescriptor d;
  d.format = static_cast<std::uint8_t>(desc::Format::kF16);
  d.src1 = kMem + 0x1000000;
  switch (rng.below(4)) {
    case 0:
      d.opcode = static_cast<std::uint8_t>(Opcode::kMatvec);
      d.n = 1 + below(rng, 300), d.k = 32 * (1 + below(rng, 20)), d.m = 1 + below(rng, 2);
      d.stride0 = 4 * d.k, d.stride1 = 2 * d.k + 32 * below(rng, 3), d.stride3 = 4 * d.n;
      d.src0 = kSram, d.dst = kSram + 0x200000;
      d.tile_rows = 1 + below(rng, 40), d.work = kSram + 0x400000, d.work_bytes = 4 * d.tile_rows * d.k;
      break;
    case 1:
      d.opcode = static_cast<std::uint8_t>(Opcode::kAttention);
      d.n = 1 + below(rng, 200), d.k = 32 * (1 + below(rng, 3)), d.m = 1 + below(rng, 4);
      d.stride0 = d.stride3 = 4 * d.k, d.stride1 = d.stride2 = 2 * d.k + 32 * below(rng, 3);
      d.src0 = kSram, d.src2 = kMem + 0x2000000, d.dst = kSram + 0x200000, d.scalar0 = 0.125f;
      d.tile_rows = 1 + below(rng, 40), d.work = kSram + 0x400000;
      d.work_bytes = 4 * d.tile_rows * d.k + 4 * d.m * d.n;
      break;
    case 2:
      d = {};
      d.opcode = static_cast<std::uint8_t>(Opcode::kCopy);
      d.n = 32 * (1 + below(rng, 1000)), d.m = 1 + below(rng, 3);
      d.stride0 = d.n + 32 * below(rng, 3), d.stride3 = d.n + 32 * below(rng, 3);
      d.src0 = kMem + 0x1000000, d.dst = rng.below(2) != 0 ? kOut : kSram;
      break;
    default:
      d = {};
      d.opcode = static_cast<std::uint8_t>(Opcode::kConvert);
      d.format = static_cast<std::uint8_t>(desc::Format::kF16);
      d.dst_format = static_cast<std::uint8_t>(desc::Format::kF32);
      d.n = 32 * (1 + below(rng, 600)), d.m = 1 + below(rng, 3);
      d.stride0 = 2 * d.n + 64 * below(rng, 2), d.stride3 = 4 * d.n + 64 * below(rng, 2);
      d.src0 = kMem + 0x1000000, d.dst = rng.below(2) != 0 ? kOut : kSram;
      break;
  }
  return d;
}

struct TwoMemories {
  AccelBench tells, waits;
  std::size_t seen = 0;

  explicit TwoMemories(TestMemory::Config memory)
      : tells({}, memory, "tells", false), waits({}, waiting(memory), "waits", false) {
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    Rng rng(1, "contents");
    const std::vector<float> floats = random_floats(rng, 1 << 20);
    for (AccelBench* bench : {&tells, &waits}) {
      bench->enable(0);
      bench->enable(1);
      bench->memory.put(kMem + 0x1000000, floats);
      bench->memory.put(kMem + 0x2000000, floats);
      bench->put_sram(kSram, std::vector<float>(floats.begin(), floats.begin() + 4096));
    }
  }
  static TestMemory::Config waiting(TestMemory::Config memory) {
    memory.waits = true;
    return memory;
  }
  void post(const ComputeDescriptor& d, unsigned queue = 0) {
    tells.post(d, queue);
    waits.post(d, queue);
  }
  /// Runs what was posted and compares; returns the record.
  CompletionRecord run(unsigned queue = 0) {
    sc_core::sc_start();
    const CompletionRecord a = tells.record(queue), b = waits.record(queue);
    EXPECT_EQ(a.cycles, b.cycles);
    EXPECT_EQ(a.status, b.status);
    EXPECT_EQ(a.fault_address, b.fault_address);
    const auto &x = tells.memory.log(), &y = waits.memory.log();
    EXPECT_EQ(x.size(), y.size());
    for (std::size_t i = seen; i < std::min(x.size(), y.size()) && !testing::Test::HasFailure(); ++i)
      EXPECT_TRUE(x[i] == y[i]) << "access " << i - seen << " at " << x[i].at << " and " << y[i].at << " ps";
    seen = x.size();
    EXPECT_EQ(tells.memory.get<std::uint8_t>(kOut, 1 << 18), waits.memory.get<std::uint8_t>(kOut, 1 << 18));
    EXPECT_EQ(tells.get_sram<std::uint8_t>(kSram, 1 << 22), waits.get_sram<std::uint8_t>(kSram, 1 << 22));
    return a;
  }
};

void check(TimePs latency_ps, std::uint64_t bytes_per_ns) {
  TestMemory::Config memory;
  memory.latency_ps = latency_ps;
  memory.bytes_per_ns = bytes_per_ns;
  TwoMemories both(memory);
  Rng rng(2, "descriptors");
  for (int i = 0; i < 40 && !testing::Test::HasFailure(); ++i) {
    const ComputeDescriptor d = random_descriptor(rng);
    SCOPED_TRACE(testing::Message() << i << " opcode " << int(d.opcode));
    both.post(d);
    EXPECT_EQ(both.run().status, 0u);
  }
}

TEST(AccelWaitingMemory, DescriptorsTakeTheSameTimeOnFastMemory) { check(50'000, 256); }
TEST(AccelWaitingMemory, DescriptorsTakeTheSameTimeOnSlowMemory) { check(1'000'300, 17); }

// Which of two queues comes first in the same picosecond is open, and a busy memory brings both onto one grid
// of times: a chunk may change its place with one of the other queue.
TEST(AccelWaitingMemory, BothQueuesTogetherTakeTheSameTimeUpToAChunk) {
  TwoMemories both({});
  Rng rng(3, "queues");
  for (int i = 0; i < 20; ++i) {
    SCOPED_TRACE(i);
    for (const unsigned queue : {0u, 1u}) both.post(random_descriptor(rng), queue);
    sc_core::sc_start();
    for (const unsigned queue : {0u, 1u}) {
      const CompletionRecord a = both.tells.record(queue), b = both.waits.record(queue);
      EXPECT_EQ(a.status, 0u);
      EXPECT_EQ(b.status, 0u);
      const double chunk = 4096.0 / 64;  // cycles of the memory
      EXPECT_NEAR(static_cast<double>(a.cycles), static_cast<double>(b.cycles), chunk);
    }
  }
}

TEST(AccelWaitingMemory, ErrorsEndADescriptorAtTheSameTime) {
  TwoMemories both({});
  Rng rng(4, "faults");
  for (int i = 0; i < 30 && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(i);
    const ComputeDescriptor d = random_descriptor(rng);
    const std::uint64_t source = d.src1 != 0 ? d.src1 : d.src0;
    const std::uint64_t at = (rng.below(4) == 0 ? kOut : source) + rng.below(20000) / 4 * 4;
    const auto response =
        rng.below(2) != 0 ? tlm::TLM_GENERIC_ERROR_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE;
    for (AccelBench* bench : {&both.tells, &both.waits}) bench->memory.inject(at, response);
    both.post(d);
    both.run();
    for (AccelBench* bench : {&both.tells, &both.waits}) {
      bench->memory.heal();
      bench->resume();
    }
  }
}

}  // namespace
}  // namespace memwall
