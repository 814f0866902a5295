// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Every operation of the contract on the accelerator gives the bits of the numerics kernels.
#include <cstring>

#include "ip/accel/accel_bench.h"
#include "numerics/kernels.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT
using numerics::Format;

constexpr std::uint64_t kSram = 0x30000000;
constexpr std::uint64_t kMem = AccelBench::kMemory;

void expect_same_bits(const std::vector<float>& expected, const std::vector<float>& actual) {
  ASSERT_EQ(expected.size(), actual.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(numerics::bits_of(expected[i]), numerics::bits_of(actual[i])) << "element " << i;
  }
}

ComputeDescriptor of(Opcode opcode) {
  ComputeDescriptor d;
  d.opcode = static_cast<std::uint8_t>(opcode);
  return d;
}

std::uint32_t align32(std::uint32_t bytes) { return (bytes + 31) / 32 * 32; }

struct MatvecCase {
  Format format;
  std::uint32_t n, k, m, tile_rows, extra_stride;
};

void run_matvec(const MatvecCase& c) {
  SCOPED_TRACE(testing::Message() << "format " << int(c.format) << " n " << c.n << " k " << c.k << " m "
                                  << c.m << " tile_rows " << c.tile_rows << " extra " << c.extra_stride);
  AccelBench bench;
  bench.enable();
  Rng rng(7, "matvec");
  const auto element = static_cast<std::uint32_t>(numerics::bytes_per_element(c.format));
  const std::uint32_t stride = align32(c.k * element) + c.extra_stride;
  const std::uint32_t blocks = (c.k + 31) / 32, scale_stride = align32(blocks) + c.extra_stride;
  std::vector<std::uint8_t> w(std::size_t{c.n} * stride), scales(std::size_t{c.n} * scale_stride);
  for (std::uint32_t r = 0; r < c.n; ++r) {
    std::vector<float> row = random_floats(rng, blocks * 32, 0.5f);
    std::fill(row.begin() + c.k, row.end(), 0.0f);
    if (c.format == Format::kMxint8) {
      for (std::uint32_t b = 0; b < blocks; ++b) {
        std::int8_t q[32];
        scales[r * scale_stride + b] = numerics::quantise_mxint8(&row[b * 32], q);
        std::memcpy(&w[r * stride + b * 32], q, std::min(32u, c.k - b * 32));
      }
    } else {
      numerics::from_f32(c.format, row.data(), &w[r * stride], c.k);
    }
  }
  const std::vector<float> x = random_floats(rng, c.m * c.k);
  std::vector<float> expected(c.m * c.n);
  const numerics::Matrix matrix{c.format, w.data(), stride, scales.data(), scale_stride};
  for (std::uint32_t b = 0; b < c.m; ++b) numerics::matvec(matrix, &x[b * c.k], &expected[b * c.n], c.n, c.k);

  ComputeDescriptor d = of(Opcode::kMatvec);
  d.format = static_cast<std::uint8_t>(c.format);
  d.tag = 0x1234;
  d.src0 = kSram + 0x1000;
  d.src1 = kMem + 0x1000000;
  d.dst = kSram + 0x80000;
  d.n = c.n, d.k = c.k, d.m = c.m;
  d.stride0 = 4 * c.k, d.stride1 = stride, d.stride3 = 4 * c.n;
  if (c.format == Format::kMxint8) d.src2 = kMem + 0x2000000, d.stride2 = scale_stride;
  d.tile_rows = c.tile_rows;
  d.work = kSram + 0x100000;
  d.work_bytes = 0x100000;
  bench.put_sram(d.src0, x);
  bench.memory.put(d.src1, w);
  if (d.src2 != 0) bench.memory.put(d.src2, scales);
  const CompletionRecord record = bench.run(d);
  EXPECT_EQ(record.status, 0u);
  EXPECT_EQ(record.tag, 0x1234u);
  EXPECT_GT(record.cycles, 0u);
  expect_same_bits(expected, bench.get_sram<float>(d.dst, expected.size()));
}

TEST(AccelOperations, MatvecF16GivesTheKernelsBits) { run_matvec({Format::kF16, 64, 96, 1, 8, 0}); }
TEST(AccelOperations, MatvecF32GivesTheKernelsBits) { run_matvec({Format::kF32, 33, 40, 1, 5, 0}); }
TEST(AccelOperations, MatvecBf16WithPaddedRowsGivesTheKernelsBits) {
  run_matvec({Format::kBf16, 31, 50, 1, 7, 0});
}
TEST(AccelOperations, MatvecWithDistantRowsGivesTheKernelsBits) {
  run_matvec({Format::kF16, 31, 50, 1, 7, 96});
}
TEST(AccelOperations, MatvecMxint8GivesTheKernelsBits) { run_matvec({Format::kMxint8, 40, 128, 1, 16, 0}); }
TEST(AccelOperations, MatvecMxint8WithRaggedTailGivesTheKernelsBits) {
  run_matvec({Format::kMxint8, 17, 75, 2, 4, 32});
}
TEST(AccelOperations, MatvecBatchGivesTheKernelsBits) { run_matvec({Format::kF16, 48, 64, 5, 48, 0}); }
TEST(AccelOperations, MatvecOfOneRowGivesTheKernelsBits) { run_matvec({Format::kF16, 1, 2048, 1, 4, 0}); }

TEST(AccelOperations, AttentionGivesTheKernelsBits) {
  AccelBench bench;
  bench.enable();
  Rng rng(9, "attention");
  const std::uint32_t heads = 3, tokens = 37, dim = 48, kv_stride = 2 * dim * 2 + 64, q_stride = 4 * dim + 8;
  std::vector<std::uint8_t> keys(tokens * kv_stride), values(tokens * kv_stride);
  for (std::uint32_t t = 0; t < tokens; ++t) {
    numerics::from_f32(Format::kF16, random_floats(rng, dim).data(), &keys[t * kv_stride], dim);
    numerics::from_f32(Format::kF16, random_floats(rng, dim).data(), &values[t * kv_stride], dim);
  }
  const std::vector<float> q = random_floats(rng, heads * q_stride / 4);
  numerics::AttentionShape shape;
  shape.heads = heads, shape.tokens = tokens, shape.head_dim = dim, shape.scale = 0.144337567f;
  shape.q_stride = q_stride, shape.k_stride = kv_stride, shape.v_stride = kv_stride,
  shape.out_stride = 4 * dim;
  std::vector<float> expected(heads * dim), scores(heads * tokens);
  numerics::attention(shape, q.data(), keys.data(), values.data(), expected.data(), scores.data());

  ComputeDescriptor d = of(Opcode::kAttention);
  d.format = static_cast<std::uint8_t>(Format::kF16);
  d.n = tokens, d.k = dim, d.m = heads;
  d.src0 = kSram, d.src1 = kMem + 0x1000000, d.src2 = kMem + 0x2000000, d.dst = kSram + 0x8000;
  d.stride0 = q_stride, d.stride1 = kv_stride, d.stride2 = kv_stride, d.stride3 = 4 * dim;
  d.scalar0 = shape.scale;
  d.tile_rows = 8, d.work = kSram + 0x10000, d.work_bytes = 0x4000;
  bench.put_sram(d.src0, q);
  bench.memory.put(d.src1, keys);
  bench.memory.put(d.src2, values);
  EXPECT_EQ(bench.status(d), Status::kOk);
  expect_same_bits(expected, bench.get_sram<float>(d.dst, expected.size()));
}

TEST(AccelOperations, RmsnormOfSeveralRowsGivesTheKernelsBits) {
  AccelBench bench;
  bench.enable();
  Rng rng(1, "rmsnorm");
  const std::uint32_t n = 77, m = 3;
  const std::vector<float> x = random_floats(rng, n * m), w = random_floats(rng, n);
  std::vector<float> expected(n * m);
  for (std::uint32_t r = 0; r < m; ++r) numerics::rmsnorm(&x[r * n], w.data(), &expected[r * n], n, 1e-5f);
  ComputeDescriptor d = of(Opcode::kRmsnorm);
  d.n = n, d.m = m, d.scalar0 = 1e-5f;
  d.src0 = kSram, d.src1 = kSram + 0x4000, d.dst = kSram + 0x8000, d.stride0 = 4 * n, d.stride3 = 4 * n;
  bench.put_sram(d.src0, x);
  bench.put_sram(d.src1, w);
  EXPECT_EQ(bench.status(d), Status::kOk);
  expect_same_bits(expected, bench.get_sram<float>(d.dst, expected.size()));
}

TEST(AccelOperations, RopeTurnsEveryHeadOfEveryTokenByItsTokensRow) {
  AccelBench bench;
  bench.enable();
  Rng rng(2, "rope");
  const std::uint32_t tokens = 3, heads = 4, dim = 16;
  const std::vector<float> x = random_floats(rng, tokens * heads * dim),
                           table = random_floats(rng, tokens * dim);
  std::vector<float> expected(x.size());
  for (std::uint32_t t = 0; t < tokens; ++t) {
    for (std::uint32_t h = 0; h < heads; ++h) {
      const std::uint32_t at = (t * heads + h) * dim;
      numerics::rope(&x[at], &table[t * dim], &expected[at], dim);
    }
  }
  ComputeDescriptor d = of(Opcode::kRope);
  d.n = tokens, d.m = heads, d.k = dim;
  d.src0 = kSram, d.src1 = kSram + 0x4000, d.dst = kSram;  // in place
  d.stride0 = d.stride3 = 4 * heads * dim, d.stride1 = 4 * dim;
  bench.put_sram(d.src0, x);
  bench.put_sram(d.src1, table);
  EXPECT_EQ(bench.status(d), Status::kOk);
  expect_same_bits(expected, bench.get_sram<float>(d.dst, expected.size()));
}

TEST(AccelOperations, SwigluAddAndSoftmaxGiveTheKernelsBits) {
  AccelBench bench;
  bench.enable();
  Rng rng(3, "vector");
  const std::uint32_t n = 1001;
  const std::vector<float> a = random_floats(rng, n, 9.0f), b = random_floats(rng, n, 3.0f);
  std::vector<float> expected(n);
  bench.put_sram(kSram, a);
  bench.put_sram(kSram + 0x4000, b);
  ComputeDescriptor d = of(Opcode::kSwiglu);
  d.n = n, d.src0 = kSram, d.src1 = kSram + 0x4000, d.dst = kSram + 0x8000;
  EXPECT_EQ(bench.status(d), Status::kOk);
  numerics::swiglu(a.data(), b.data(), expected.data(), n);
  expect_same_bits(expected, bench.get_sram<float>(d.dst, n));
  d.opcode = static_cast<std::uint8_t>(Opcode::kAdd);
  EXPECT_EQ(bench.status(d), Status::kOk);
  numerics::add(a.data(), b.data(), expected.data(), n);
  expect_same_bits(expected, bench.get_sram<float>(d.dst, n));
  d.opcode = static_cast<std::uint8_t>(Opcode::kSoftmax);
  d.src1 = 0, d.scalar0 = 1.25f;
  EXPECT_EQ(bench.status(d), Status::kOk);
  numerics::softmax(a.data(), expected.data(), n, 1.25f);
  expect_same_bits(expected, bench.get_sram<float>(d.dst, n));
}

TEST(AccelOperations, TopkGivesGlobalIndices) {
  AccelBench bench;
  bench.enable();
  ComputeDescriptor d = of(Opcode::kTopk);
  d.n = 6, d.m = 3, d.index_base = 1000, d.src0 = kSram, d.dst = kSram + 0x100;
  bench.put_sram<float>(d.src0, {1.0f, 5.0f, 5.0f, -2.0f, 7.0f, 0.0f});
  EXPECT_EQ(bench.status(d), Status::kOk);
  const auto words = bench.get_sram<std::uint32_t>(d.dst, 6);
  EXPECT_EQ(words, (std::vector<std::uint32_t>{numerics::bits_of(7.0f), 1004, numerics::bits_of(5.0f), 1001,
                                               numerics::bits_of(5.0f), 1002}));
}

TEST(AccelOperations, CopyMovesRowsBetweenMemoryAndScratchpad) {
  AccelBench bench;
  bench.enable();
  Rng rng(4, "copy");
  std::vector<std::uint8_t> bytes(300000);
  for (auto& b : bytes) b = static_cast<std::uint8_t>(rng.next());
  bench.memory.put(kMem + 0x1000001, bytes);
  ComputeDescriptor d = of(Opcode::kCopy);
  d.n = 150000, d.m = 1, d.src0 = kMem + 0x1000001, d.dst = kSram + 3;
  EXPECT_EQ(bench.status(d), Status::kOk);
  EXPECT_EQ(bench.get_sram<std::uint8_t>(d.dst, d.n),
            std::vector<std::uint8_t>(bytes.begin(), bytes.begin() + d.n));
  // Rows: gather every third 100-byte row of a 300-byte pitch, back to memory packed.
  d.n = 100, d.m = 500, d.stride0 = 300, d.stride3 = 100, d.src0 = kSram + 3, d.dst = kMem + 0x3000000;
  EXPECT_EQ(bench.status(d), Status::kOk);
  const auto out = bench.memory.get<std::uint8_t>(d.dst, 50000);
  for (std::size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], bytes[i / 100 * 300 + i % 100]) << i;
}

TEST(AccelOperations, ConvertRoundsAsTheFormatsSay) {
  AccelBench bench;
  bench.enable();
  Rng rng(5, "convert");
  const std::uint32_t n = 1000, m = 7;
  const std::vector<float> x = random_floats(rng, n * m, 100.0f);
  bench.put_sram(kSram, x);
  ComputeDescriptor d = of(Opcode::kConvert);
  d.n = n, d.m = m, d.src0 = kSram, d.dst = kMem + 0x1000000, d.stride0 = 4 * n, d.stride3 = 2 * n + 48;
  d.format = static_cast<std::uint8_t>(Format::kF32), d.dst_format = static_cast<std::uint8_t>(Format::kF16);
  EXPECT_EQ(bench.status(d), Status::kOk);
  for (std::uint32_t r = 0; r < m; ++r) {
    const auto row = bench.memory.get<std::uint16_t>(d.dst + r * d.stride3, n);
    for (std::uint32_t i = 0; i < n; ++i) ASSERT_EQ(row[i], numerics::f16_from_f32(x[r * n + i]));
  }
}

}  // namespace
}  // namespace memwall
