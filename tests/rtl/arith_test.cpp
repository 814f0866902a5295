// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The arithmetic units of rtl/common against the host FPU (add, multiply, divide) and against ip/numerics
// (the rest), bit for bit: directed patterns around every boundary, then random ones.
#include <gtest/gtest.h>
#include <verilated.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "Varith_tb.h"
#include "common/rng.h"
#include "numerics/formats.h"
#include "numerics/kernels.h"

namespace memwall {
namespace {

using numerics::bits_of;
using numerics::canonical;
using numerics::float_of;

constexpr int kRandomVectors = 2'000'000;

class Bench {
 public:
  Bench() {
    dut.rst_ni = 0;
    clock();
    dut.rst_ni = 1;
    clock();
  }
  void clock() {
    dut.clk_i = 1;
    dut.eval();
    dut.clk_i = 0;
    dut.eval();
  }
  Varith_tb dut;
};

// Signs, exponents at the borders of zero, subnormal, normal and infinity, and fractions whose sums and
// products tie, round up into the next exponent, or lose all but the sticky bit.
std::vector<std::uint32_t> directed_patterns() {
  const std::uint32_t exponents[] = {0,   1,   2,   3,   23,  24,  25,  26,  64,  100,
                                     101, 102, 103, 104, 125, 126, 127, 128, 129, 150,
                                     151, 152, 153, 190, 230, 252, 253, 254, 255};
  const std::uint32_t fractions[] = {0,        1,        2,        3,        0x3fffff, 0x400000,
                                     0x400001, 0x7ffffe, 0x7fffff, 0x2aaaaa, 0x555555, 0x000800};
  std::vector<std::uint32_t> patterns;
  for (std::uint32_t sign : {0u, 1u}) {
    for (std::uint32_t exponent : exponents) {
      for (std::uint32_t fraction : fractions) patterns.push_back(sign << 31 | exponent << 23 | fraction);
    }
  }
  return patterns;
}

// Random operands that meet often: any bits, close exponents, equal magnitudes, few fraction bits,
// subnormals.
void random_pair(Rng& rng, std::uint32_t& a, std::uint32_t& b) {
  const std::uint64_t bits = rng.next();
  a = static_cast<std::uint32_t>(bits);
  b = static_cast<std::uint32_t>(bits >> 32);
  switch (rng.below(6)) {
    case 0:
      b = (b & 0x807fffffu) | ((a & 0x7f800000u) + ((b >> 23 & 3u) << 23)) % 0x7f800000u;
      break;
    case 1:
      b = (a ^ 0x80000000u) + static_cast<std::uint32_t>(rng.below(5)) - 2;
      break;
    case 2:
      a &= 0xff800000u | 0x700000u;
      b &= 0xfff00000u;
      break;
    case 3:
      a &= 0x80ffffffu;
      break;
    case 4:
      a = (a & 0x807fffffu) | static_cast<std::uint32_t>(100 + rng.below(56)) << 23;
      b = (b & 0x807fffffu) | static_cast<std::uint32_t>(100 + rng.below(56)) << 23;
      break;
    default:
      break;
  }
}

template <typename Check>
void for_all_pairs(const char* stream, int random_count, Check check) {
  const auto patterns = directed_patterns();
  for (std::uint32_t a : patterns) {
    for (std::uint32_t b : patterns) check(a, b);
  }
  Rng rng(1, stream);
  for (int i = 0; i < random_count && !testing::Test::HasFailure(); ++i) {
    std::uint32_t a, b;
    random_pair(rng, a, b);
    check(a, b);
  }
}

TEST(Fp32Add, EqualsTheHostForDirectedAndRandomOperands) {
  Bench bench;
  bench.dut.add_en_i = 1;
  for_all_pairs("add", kRandomVectors, [&](std::uint32_t a, std::uint32_t b) {
    bench.dut.a_i = a;
    bench.dut.b_i = b;
    bench.dut.eval();
    const std::uint32_t expected = bits_of(canonical(float_of(a) + float_of(b)));
    ASSERT_EQ(bench.dut.sum_o, expected) << std::hex << a << " + " << b;
  });
}

TEST(Fp32Mul, EqualsTheHostForDirectedAndRandomOperands) {
  Bench bench;
  bench.dut.mul_en_i = 1;
  for_all_pairs("mul", kRandomVectors, [&](std::uint32_t a, std::uint32_t b) {
    bench.dut.a_i = a;
    bench.dut.b_i = b;
    bench.dut.eval();
    const std::uint32_t expected = bits_of(canonical(float_of(a) * float_of(b)));
    ASSERT_EQ(bench.dut.product_o, expected) << std::hex << a << " * " << b;
  });
}

TEST(Fp32Div, EqualsTheHostForDirectedAndRandomOperandsInItsStatedTime) {
  Bench bench;
  for_all_pairs("div", 100'000, [&](std::uint32_t a, std::uint32_t b) {
    bench.dut.a_i = a;
    bench.dut.b_i = b;
    bench.dut.div_start_i = 1;
    bench.clock();
    bench.dut.div_start_i = 0;
    int cycles = 1;
    while (!bench.dut.div_done_o && cycles < 27) {
      bench.clock();
      ++cycles;
    }
    const auto special = [](std::uint32_t x) {
      return (x & 0x7fffffffu) == 0 || (x & 0x7f800000u) == 0x7f800000u;
    };
    ASSERT_EQ(cycles, special(a) || special(b) ? 1 : 26) << std::hex << a << " / " << b;
    ASSERT_TRUE(bench.dut.div_done_o);
    const std::uint32_t expected = bits_of(canonical(float_of(a) / float_of(b)));
    ASSERT_EQ(bench.dut.quotient_o, expected) << std::hex << a << " / " << b;
    bench.clock();
  });
}

TEST(Fp32FromHalf, EqualsNumericsForEveryPattern) {
  Bench bench;
  bench.dut.half_en_i = 1;
  for (std::uint32_t half = 0; half < 0x10000; ++half) {
    const auto bits = static_cast<std::uint16_t>(half);
    bench.dut.half_i = bits;
    bench.dut.bf16_i = 0;
    bench.dut.eval();
    ASSERT_EQ(bench.dut.half_value_o, bits_of(numerics::f32_from_f16(bits))) << std::hex << half;
    bench.dut.bf16_i = 1;
    bench.dut.eval();
    ASSERT_EQ(bench.dut.half_value_o, bits_of(numerics::f32_from_bf16(bits))) << std::hex << half;
  }
}

TEST(Fp32Exp, EqualsNumericsAndKeepsOrderAtOneOperandPerCycle) {
  Bench bench;
  Rng rng(1, "exp");
  std::vector<std::uint32_t> operands = directed_patterns();
  for (float border : {-87.0f, 88.0f, 0.0f, 1.0f, -1.0f, 0.34657359f, -0.34657359f}) {
    for (int step = -64; step <= 64; ++step)
      operands.push_back(bits_of(border) + static_cast<std::uint32_t>(step));
  }
  for (int i = 0; i < 1'000'000; ++i) {
    operands.push_back(bits_of(static_cast<float>(rng.uniform() * 180.0 - 90.0)));
  }
  for (int i = 0; i < 100'000; ++i) operands.push_back(static_cast<std::uint32_t>(rng.next()));
  constexpr std::size_t kLatency = 18;
  for (std::size_t i = 0; i < operands.size() + kLatency; ++i) {
    bench.dut.exp_valid_i = i < operands.size();
    if (i < operands.size()) bench.dut.a_i = operands[i];
    bench.clock();
    if (i + 1 < kLatency) {
      ASSERT_FALSE(bench.dut.exp_valid_o);
      continue;
    }
    const std::size_t out = i + 1 - kLatency;
    if (out >= operands.size()) break;
    ASSERT_TRUE(bench.dut.exp_valid_o);
    ASSERT_EQ(bench.dut.exp_tag_o, operands[out] & 0xffu);
    ASSERT_EQ(bench.dut.exp_o, bits_of(numerics::exp_f32(float_of(operands[out]))))
        << std::hex << operands[out];
  }
}

TEST(Fp32Exp, SkipsCyclesWithoutAnOperand) {
  Bench bench;
  Rng rng(1, "exp bubbles");
  std::vector<std::uint32_t> sent;
  std::size_t received = 0;
  for (int cycle = 0; cycle < 20'000; ++cycle) {
    const bool send = cycle < 19'900 && rng.below(3) == 0;
    const std::uint32_t x = bits_of(static_cast<float>(rng.uniform() * 20.0 - 10.0));
    bench.dut.exp_valid_i = send;
    bench.dut.a_i = x;
    if (send) sent.push_back(x);
    bench.clock();
    if (!bench.dut.exp_valid_o) continue;
    ASSERT_LT(received, sent.size());
    ASSERT_EQ(bench.dut.exp_o, bits_of(numerics::exp_f32(float_of(sent[received++]))));
  }
  EXPECT_EQ(received, sent.size());
}

TEST(Sum16Tree, EqualsNumericsAtOneSetPerCycle) {
  Bench bench;
  Rng rng(1, "tree");
  std::vector<float> expected;
  constexpr std::size_t kSets = 200'000, kLatency = 4;
  for (std::size_t i = 0; i < kSets + kLatency; ++i) {
    bench.dut.tree_valid_i = i < kSets;
    float values[16];
    for (int l = 0; l < 16; ++l) {
      values[l] =
          static_cast<float>(rng.uniform() * 2.0 - 1.0) * std::ldexp(1.0f, static_cast<int>(rng.below(24)));
      bench.dut.partials_i[l] = bits_of(values[l]);
    }
    expected.push_back(numerics::sum16(values, 16));
    bench.clock();
    if (i + 1 < kLatency || i + 1 - kLatency >= kSets) continue;
    ASSERT_TRUE(bench.dut.tree_valid_o);
    ASSERT_EQ(bench.dut.tree_sum_o, bits_of(expected[i + 1 - kLatency]));
  }
  EXPECT_FALSE(bench.dut.tree_busy_o);
}

float random_activation(Rng& rng, std::uint64_t style) {
  switch (style) {
    case 0:
      return static_cast<float>(rng.uniform() * 2.0 - 1.0);
    case 1:
      return float_of(static_cast<std::uint32_t>(rng.next()) & 0x80ffffffu);  // subnormals and tiny ones
    case 2:
      return float_of(static_cast<std::uint32_t>(rng.next()));  // anything, also infinity and NaN
    case 3:
      return static_cast<float>(static_cast<int>(rng.below(513)) - 256) / 128.0f;  // ties
    case 4:
      return rng.below(4) ? 0.0f : -0.0f;
    default:
      return std::ldexp(static_cast<float>(rng.uniform()), static_cast<int>(rng.below(12)) - 6);
  }
}

TEST(MxQuantise, EqualsNumerics) {
  Bench bench;
  bench.dut.mx_en_i = 1;
  Rng rng(1, "quantise");
  for (int i = 0; i < 200'000; ++i) {
    float block[32];
    const std::uint64_t style = rng.below(7);
    for (auto& x : block) x = random_activation(rng, style);
    if (style == 2 && rng.below(2)) {
      for (auto& x : block) x = std::isfinite(x) ? x : 0.0f;
    }
    for (int e = 0; e < 32; ++e) bench.dut.values_i[e] = bits_of(block[e]);
    bench.dut.eval();
    std::int8_t elements[32];
    const std::uint8_t scale = numerics::quantise_mxint8(block, elements);
    ASSERT_EQ(bench.dut.scale_o, scale);
    for (int e = 0; e < 32; ++e) {
      const auto got = static_cast<std::int8_t>(bench.dut.elements_o[e / 4] >> (8 * (e % 4)));
      ASSERT_EQ(got, elements[e]) << "element " << e << " of " << block[e] << " scale " << int{scale};
    }
  }
}

TEST(MxBlockDot, EqualsNumericsForEveryScaleSum) {
  Bench bench;
  bench.dut.mx_en_i = 1;
  Rng rng(1, "block dot");
  for (int i = 0; i < 400'000; ++i) {
    const std::uint64_t style = rng.below(4);
    std::int32_t dot = 0;
    for (int e = 0; e < 32; ++e) {
      auto w = static_cast<std::int8_t>(rng.next());
      auto x = static_cast<std::int8_t>(static_cast<int>(rng.below(255)) - 127);
      if (style == 1) w = static_cast<std::int8_t>(e % 8 ? 0 : w);
      if (style == 2) x = -127, w = -128;
      if (style == 3) w = static_cast<std::int8_t>(e == 5), x = static_cast<std::int8_t>(rng.below(3) - 1);
      dot += w * x;
      const unsigned shift = 8 * (e % 4);
      bench.dut.weights_i[e / 4] =
          (e % 4 ? bench.dut.weights_i[e / 4] : 0u) | std::uint32_t{static_cast<std::uint8_t>(w)} << shift;
      bench.dut.activations_i[e / 4] = (e % 4 ? bench.dut.activations_i[e / 4] : 0u) |
                                       std::uint32_t{static_cast<std::uint8_t>(x)} << shift;
    }
    const int ws = i < 65536 ? i >> 8 : static_cast<int>(rng.below(256));
    const int xs = i < 65536 ? i & 255 : static_cast<int>(rng.below(256));
    bench.dut.weight_scale_i = static_cast<std::uint8_t>(ws);
    bench.dut.activation_scale_i = static_cast<std::uint8_t>(xs);
    bench.dut.eval();
    const float value = ws == 255 || xs == 255 ? float_of(numerics::kCanonicalNan)
                                               : std::ldexp(static_cast<float>(dot), ws + xs - 254 - 12);
    ASSERT_EQ(bench.dut.block_o, bits_of(value)) << dot << " scales " << ws << ' ' << xs;
  }
}

}  // namespace
}  // namespace memwall
