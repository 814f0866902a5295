// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The kernels: bit for bit against restatements of the contract's order, and within derived bounds against
// exact or double-precision references. u is the unit roundoff of f32, 2^-24.
#include "numerics/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <vector>

#include "common/rng.h"

namespace memwall::numerics {
namespace {

constexpr double kU = 0x1p-24;
constexpr double kExpError = 3e-7;  // the contract's bound on exp

std::vector<float> random_floats(Rng& rng, std::size_t count, float scale = 1.0f) {
  std::vector<float> out(count);
  for (float& x : out) x = static_cast<float>(2.0 * rng.uniform() - 1.0) * scale;
  return out;
}

/// sum16 as the contract words it, term by term.
float restated_sum16(const std::vector<float>& terms) {
  float partial[16] = {0};
  for (std::size_t i = 0; i < terms.size(); ++i) {
    volatile float next = partial[i % 16] + terms[i];
    partial[i % 16] = next;
  }
  const float a0 = partial[0] + partial[8], a1 = partial[1] + partial[9], a2 = partial[2] + partial[10];
  const float a3 = partial[3] + partial[11], a4 = partial[4] + partial[12], a5 = partial[5] + partial[13];
  const float a6 = partial[6] + partial[14], a7 = partial[7] + partial[15];
  const float b0 = a0 + a4, b1 = a1 + a5, b2 = a2 + a6, b3 = a3 + a7;
  const float c0 = b0 + b2, c1 = b1 + b3;
  return c0 + c1;
}

TEST(Kernels, DotAndSum16FollowTheStatedOrder) {
  Rng rng(1, "sum16");
  for (std::size_t k = 1; k < 200; ++k) {
    const std::vector<float> a = random_floats(rng, k, 100.0f), b = random_floats(rng, k);
    std::vector<float> products(k);
    for (std::size_t i = 0; i < k; ++i) products[i] = a[i] * b[i];
    ASSERT_EQ(bits_of(dot(a.data(), b.data(), k)), bits_of(restated_sum16(products))) << k;
    ASSERT_EQ(bits_of(sum16(products.data(), k)), bits_of(restated_sum16(products))) << k;
  }
}

TEST(Kernels, TheOrderOfSum16IsVisible) {
  // A test of the tests: with these terms a plain left-to-right sum mostly gives other bits.
  Rng rng(2, "visible");
  int different = 0;
  for (int trial = 0; trial < 20; ++trial) {
    const std::vector<float> terms = random_floats(rng, 100, 100.0f);
    float plain = 0;
    for (const float t : terms) plain += t;
    if (bits_of(plain) != bits_of(sum16(terms.data(), terms.size()))) ++different;
  }
  EXPECT_GT(different, 10);
}

TEST(Kernels, AbsentTermsEqualAddedZeros) {
  Rng rng(3, "zeros");
  for (std::size_t k = 1; k < 40; ++k) {
    std::vector<float> terms = random_floats(rng, k);
    if (k % 3 == 0) std::fill(terms.begin(), terms.end(), -0.0f);
    const float absent = sum16(terms.data(), k);
    terms.resize(48, 0.0f);
    ASSERT_EQ(bits_of(absent), bits_of(sum16(terms.data(), terms.size()))) << k;
  }
}

TEST(Kernels, ExpIsWithinTheContractsBound) {
  double worst = 0;
  float worst_at = 0;
  std::uint64_t samples = 0;
  const auto check = [&](float x) {
    const long double exact = std::exp(static_cast<long double>(x));
    const auto error = static_cast<double>(std::fabs(static_cast<long double>(exp_f32(x)) - exact) / exact);
    if (error > worst) worst = error, worst_at = x;
    ++samples;
  };
  for (std::uint32_t bits = 0; bits <= bits_of(88.0f); bits += 1009) check(float_of(bits));
  for (std::uint32_t bits = 0x80000000u; bits <= bits_of(-87.0f); bits += 1009) check(float_of(bits));
  // Densely where the reduction has most work: every float of [64, 88] and [-87, -64] by a smaller step.
  for (std::uint32_t bits = bits_of(64.0f); bits <= bits_of(88.0f); bits += 7) check(float_of(bits));
  for (std::uint32_t bits = bits_of(-64.0f); bits <= bits_of(-87.0f); bits += 7) check(float_of(bits));
  check(88.0f);
  check(-87.0f);
  std::printf("exp: %llu samples, largest relative error %.4g at %.9g (bound %.1g)\n",
              static_cast<unsigned long long>(samples), worst, static_cast<double>(worst_at), kExpError);
  EXPECT_LT(worst, kExpError);
}

TEST(Kernels, ExpHasTheStatedEdges) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(bits_of(exp_f32(0.0f)), bits_of(1.0f));
  EXPECT_EQ(bits_of(exp_f32(-0.0f)), bits_of(1.0f));
  EXPECT_EQ(bits_of(exp_f32(std::nextafterf(-87.0f, -100.0f))), 0u);
  EXPECT_GT(exp_f32(-87.0f), 0.0f);
  EXPECT_EQ(exp_f32(std::nextafterf(88.0f, 100.0f)), infinity);
  EXPECT_LT(exp_f32(88.0f), infinity);
  EXPECT_EQ(bits_of(exp_f32(-infinity)), 0u);
  EXPECT_EQ(exp_f32(infinity), infinity);
  EXPECT_EQ(bits_of(exp_f32(float_of(0xffc00001u))), kCanonicalNan);
}

TEST(Kernels, MatvecOfHalvesIsTheDotOfTheWidenedRow) {
  Rng rng(4, "matvec");
  for (const Format format : {Format::kF32, Format::kF16, Format::kBf16}) {
    const std::size_t rows = 9, k = 61, stride = 512, batch = 3;
    std::vector<std::uint8_t> w(rows * stride, 0xee);
    const std::vector<float> x = random_floats(rng, batch * k);
    std::vector<float> y(rows), all(batch * rows);
    for (std::size_t r = 0; r < rows; ++r) from_f32(format, random_floats(rng, k).data(), &w[r * stride], k);
    const Matrix matrix{format, w.data(), stride, nullptr, 0};
    matvec_batch(matrix, x.data(), all.data(), batch, rows, k);
    for (std::size_t b = 0; b < batch; ++b) {
      matvec(matrix, &x[b * k], y.data(), rows, k);
      for (std::size_t r = 0; r < rows; ++r) {
        std::vector<float> terms(k);
        for (std::size_t i = 0; i < k; ++i) {
          float element;
          if (format == Format::kF32) {
            std::memcpy(&element, &w[r * stride + 4 * i], 4);
          } else {
            std::uint16_t half;
            std::memcpy(&half, &w[r * stride + 2 * i], 2);
            element = format == Format::kF16 ? f32_from_f16(half) : f32_from_bf16(half);
          }
          terms[i] = element * x[b * k + i];
        }
        ASSERT_EQ(bits_of(y[r]), bits_of(restated_sum16(terms)));
        ASSERT_EQ(bits_of(all[b * rows + r]), bits_of(y[r]));
      }
    }
  }
}

TEST(Kernels, MatvecNanIsStoredCanonical) {
  const float w[2] = {float_of(0xff800000u), float_of(0x7f800000u)};  // -inf, +inf
  const float x[2] = {1.0f, 1.0f};
  float y = 0;
  const Matrix matrix{Format::kF32, reinterpret_cast<const std::uint8_t*>(w), 8, nullptr, 0};
  matvec(matrix, x, &y, 1, 2);
  EXPECT_EQ(bits_of(y), kCanonicalNan);
}

TEST(Kernels, Mxint8BlocksAreExactDotsRoundedOnce) {
  Rng rng(5, "mx matvec");
  for (int trial = 0; trial < 300; ++trial) {
    const std::size_t k = 1 + rng.below(200), blocks = (k + 31) / 32, rows = 3;
    std::vector<std::int8_t> w(rows * blocks * 32);
    std::vector<std::uint8_t> scales(rows * blocks);
    for (auto& q : w) q = static_cast<std::int8_t>(static_cast<int>(rng.below(256)) - 128);
    // Scales over the whole range, so that block values also overflow and go subnormal.
    const std::uint64_t low = trial % 2 == 0 ? 0 : 100, span = trial % 2 == 0 ? 256 : 50;
    for (auto& s : scales) s = static_cast<std::uint8_t>(low + rng.below(span));
    std::vector<float> x = random_floats(rng, k, std::ldexp(1.0f, static_cast<int>(rng.below(200)) - 100));
    std::vector<float> y(rows);
    const Matrix matrix{Format::kMxint8, reinterpret_cast<const std::uint8_t*>(w.data()), blocks * 32,
                        scales.data(), blocks};
    matvec(matrix, x.data(), y.data(), rows, k);
    for (std::size_t r = 0; r < rows; ++r) {
      float sum = 0.0f;
      for (std::size_t b = 0; b < blocks; ++b) {
        float block[kMxBlock] = {};
        std::int8_t xq[kMxBlock];
        for (std::size_t i = 0; i < kMxBlock && b * 32 + i < k; ++i) block[i] = x[b * 32 + i];
        const int x_scale = quantise_mxint8(block, xq), w_scale = scales[r * blocks + b];
        // The exact rational: each product of element values, summed in long double without rounding.
        long double exact = 0;
        for (std::size_t i = 0; i < kMxBlock && b * 32 + i < k; ++i) {
          exact += static_cast<long double>(w[(r * blocks + b) * 32 + i]) / 64 *
                   (static_cast<long double>(xq[i]) / 64);
        }
        exact = std::ldexp(exact, w_scale - 127 + x_scale - 127);
        const bool nan = w_scale == 255 || x_scale == 255;
        sum += nan ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(exact);
      }
      ASSERT_EQ(bits_of(y[r]), bits_of(canonical(sum))) << "trial " << trial << " row " << r;
    }
  }
}

TEST(Kernels, AttentionStaysWithinItsDerivedBoundOfDouble) {
  Rng rng(6, "attention");
  for (const std::size_t tokens : {std::size_t{1}, std::size_t{17}, std::size_t{300}}) {
    const std::size_t heads = 3, dim = 48;
    std::vector<std::uint16_t> keys(tokens * dim), values(tokens * dim);
    for (auto& h : keys) h = f16_from_f32(static_cast<float>(4.0 * rng.uniform() - 2.0));
    for (auto& h : values) h = f16_from_f32(static_cast<float>(4.0 * rng.uniform() - 2.0));
    const std::vector<float> q = random_floats(rng, heads * dim, 2.0f);
    AttentionShape shape;
    shape.heads = heads, shape.tokens = tokens, shape.head_dim = dim, shape.scale = 0.25f;
    shape.q_stride = 4 * dim, shape.k_stride = shape.v_stride = 2 * dim, shape.out_stride = 4 * dim;
    std::vector<float> out(heads * dim), scores(heads * tokens);
    attention(shape, q.data(), keys.data(), values.data(), out.data(), scores.data());
    double worst_share = 0;
    for (std::size_t h = 0; h < heads; ++h) {
      std::vector<double> s(tokens);
      double score_error = 0, maximum = -1e300;
      for (std::size_t t = 0; t < tokens; ++t) {
        double sum = 0, magnitude = 0;
        for (std::size_t d = 0; d < dim; ++d) {
          const double p = double{q[h * dim + d]} * f32_from_f16(keys[t * dim + d]);
          sum += p, magnitude += std::fabs(p);
        }
        s[t] = sum * 0.25;
        maximum = std::max(maximum, s[t]);
        // One product, at most dim/16 + 4 additions, one scaling (exact here); then one subtraction.
        score_error =
            std::max(score_error, (dim / 16.0 + 5) * kU * magnitude * 0.25 + 2 * kU * std::fabs(s[t]));
      }
      double total = 0;
      for (double& x : s) total += x = std::exp(x - maximum);
      // Weights: score error of term and maximum, exp, sum and inverse; then n additions and products.
      const double n = static_cast<double>(tokens);
      const double relative =
          2 * (std::expm1(2 * score_error) + kExpError) + (n / 16 + 6) * kU + (n + 3) * kU;
      for (std::size_t d = 0; d < dim; ++d) {
        double sum = 0, magnitude = 0;
        for (std::size_t t = 0; t < tokens; ++t) {
          const double v = f32_from_f16(values[t * dim + d]);
          sum += s[t] / total * v, magnitude += s[t] / total * std::fabs(v);
        }
        const double bound = relative * magnitude, error = std::fabs(double{out[h * dim + d]} - sum);
        ASSERT_LE(error, bound) << "tokens " << tokens << " head " << h << " d " << d;
        worst_share = std::max(worst_share, error / bound);
      }
    }
    std::printf("attention, %zu tokens: largest error is %.3g of the bound\n", tokens, worst_share);
  }
}

TEST(Kernels, AttentionInTilesGivesTheSameBits) {
  Rng rng(7, "tiles");
  const std::size_t heads = 2, tokens = 45, dim = 20;
  std::vector<float> keys = random_floats(rng, tokens * dim), values = random_floats(rng, tokens * dim);
  const std::vector<float> q = random_floats(rng, heads * dim);
  AttentionShape shape;
  shape.heads = heads, shape.tokens = tokens, shape.head_dim = dim, shape.scale = 0.3f,
  shape.format = Format::kF32;
  shape.q_stride = shape.k_stride = shape.v_stride = shape.out_stride = 4 * dim;
  std::vector<float> whole(heads * dim), tiled(heads * dim), scores(heads * tokens), sums(heads * dim, 0.0f),
      inverse(heads);
  attention(shape, q.data(), keys.data(), values.data(), whole.data(), scores.data());
  for (std::size_t t = 0; t < tokens; t += 7) {
    attention_scores(shape, q.data(), &keys[t * dim], t, std::min<std::size_t>(7, tokens - t), scores.data());
  }
  attention_weights(shape, scores.data(), inverse.data());
  for (std::size_t t = 0; t < tokens; t += 11) {
    attention_values(shape, &values[t * dim], t, std::min<std::size_t>(11, tokens - t), scores.data(),
                     sums.data());
  }
  attention_finish(shape, sums.data(), inverse.data(), tiled.data());
  EXPECT_EQ(std::memcmp(whole.data(), tiled.data(), whole.size() * 4), 0);
}

TEST(Kernels, RmsnormStaysWithinItsDerivedBoundOfDouble) {
  Rng rng(8, "rmsnorm");
  for (const std::size_t n : {std::size_t{1}, std::size_t{64}, std::size_t{4097}}) {
    const std::vector<float> x = random_floats(rng, n, 3.0f), w = random_floats(rng, n);
    std::vector<float> y(n);
    rmsnorm(x.data(), w.data(), y.data(), n, 1e-5f);
    double sum = 0;
    for (const float v : x) sum += double{v} * v;
    const double r = 1 / std::sqrt(sum / static_cast<double>(n) + double{1e-5f});
    // The sum's relative error (all terms positive) halves under the root; five more roundings follow.
    const double bound = ((static_cast<double>(n) / 16 + 7) / 2 + 5) * kU;
    for (std::size_t i = 0; i < n; ++i) {
      const double exact = double{x[i]} * r * w[i];
      ASSERT_LE(std::fabs(y[i] - exact), bound * std::fabs(exact)) << i;
    }
  }
}

TEST(Kernels, SoftmaxStaysWithinItsDerivedBoundOfDouble) {
  Rng rng(9, "softmax");
  const std::size_t n = 1000;
  const std::vector<float> x = random_floats(rng, n, 20.0f);
  std::vector<float> y(n);
  softmax(x.data(), y.data(), n, 0.8f);
  std::vector<double> e(n);
  double maximum = -1e300, total = 0, sum = 0;
  for (std::size_t i = 0; i < n; ++i) maximum = std::max(maximum, x[i] * double{0.8f});
  for (std::size_t i = 0; i < n; ++i) total += e[i] = std::exp(x[i] * double{0.8f} - maximum);
  // t and m each carry half an ulp of up to 16, their difference one of up to 32.
  const double shift = (16 + 16 + 32) * kU;
  const double bound = 2 * (std::expm1(shift) + kExpError) + (n / 16.0 + 8) * kU;
  for (std::size_t i = 0; i < n; ++i) {
    ASSERT_LE(std::fabs(y[i] - e[i] / total), bound * e[i] / total) << i;
    sum += y[i];
  }
  EXPECT_NEAR(sum, 1.0, bound);
}

TEST(Kernels, RopeSwigluAndAddAreTheStatedExpressions) {
  Rng rng(10, "elementwise");
  const std::size_t n = 64;
  const std::vector<float> x = random_floats(rng, n, 4.0f), u = random_floats(rng, n);
  std::vector<float> y(n);
  rope(x.data(), u.data(), y.data(), n);
  for (std::size_t j = 0; j < n; j += 2) {
    const double re = double{x[j]} * u[j] - double{x[j + 1]} * u[j + 1];
    const double im = double{x[j]} * u[j + 1] + double{x[j + 1]} * u[j];
    const double magnitude = std::fabs(x[j]) + std::fabs(x[j + 1]);
    ASSERT_NEAR(y[j], re, 2 * kU * magnitude);
    ASSERT_NEAR(y[j + 1], im, 2 * kU * magnitude);
  }
  swiglu(x.data(), u.data(), y.data(), n);
  for (std::size_t i = 0; i < n; ++i) {
    const double exact = x[i] / (1 + std::exp(-double{x[i]})) * u[i];
    ASSERT_NEAR(y[i], exact, (kExpError + 4 * kU) * std::fabs(exact));
  }
  add(x.data(), u.data(), y.data(), n);
  for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(y[i], x[i] + u[i]);
  const float inf = std::numeric_limits<float>::infinity(), minus = -inf;
  add(&inf, &minus, y.data(), 1);
  EXPECT_EQ(bits_of(y[0]), kCanonicalNan);
}

TEST(Kernels, TopkOrdersTiesByIndexAndPutsNanLast) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const float x[] = {nan, 2.0f, 5.0f, -inf, 5.0f, 2.0f, -0.0f, 0.0f};
  TopkEntry out[10];
  topk(x, 8, out, 10, 100);
  const std::uint32_t order[] = {102, 104, 101, 105, 106, 107};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(out[i].index, order[i]) << i;
  // "NaN below everything": -infinity comes before NaN.
  EXPECT_EQ(out[6].index, 103u);
  EXPECT_EQ(out[7].index, 100u);
  EXPECT_EQ(bits_of(out[7].value), kCanonicalNan);
  for (std::size_t i = 8; i < 10; ++i) {
    EXPECT_EQ(out[i].index, 0xffffffffu);
    EXPECT_EQ(out[i].value, -inf);
  }
}

TEST(Kernels, TopkEqualsAFullStableSort) {
  Rng rng(11, "topk");
  std::vector<float> x(5000);
  for (float& v : x) v = static_cast<float>(rng.below(300));
  std::vector<std::uint32_t> order(x.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return x[a] > x[b]; });
  std::vector<TopkEntry> out(64);
  topk(x.data(), x.size(), out.data(), out.size(), 0);
  for (std::size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i].index, order[i]);
}

}  // namespace
}  // namespace memwall::numerics
