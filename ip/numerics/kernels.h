// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The operations of the numerics contract, defined by their order of IEEE 754 binary32 operations. Every
/// multiply, add, divide and square root rounds to nearest even on its own (no fused multiply-add),
/// subnormals are kept. Accelerator, PNM model, RTL and host reference give these bits. See README.md for the
/// page that states the contract; this header gives shapes.
///
/// sum16 order: term i is added to partial[i % 16] in ascending i, partials start at +0; then for s = 8, 4,
/// 2, 1: partial[l] += partial[l + s] for l < s; the result is partial[0]. Absent terms change nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "numerics/formats.h"

namespace memwall::numerics {

/// e^x: x < -87 gives +0, x > 88 gives +infinity, NaN gives NaN. Otherwise
/// t = x * log2e + 0x1.8p23, n = t - 0x1.8p23, r = (x - n * kLn2High) - n * kLn2Low,
/// p = Horner of the Taylor coefficients 1/720, 1/120, 1/24, 1/6, 1/2, 1, 1 (multiply, then add),
/// result = p with n added to its exponent field.
float exp_f32(float x);

/// sum16 of a[i] * b[i], i < k.
float dot(const float* a, const float* b, std::size_t k);
/// sum16 of values[i].
float sum16(const float* values, std::size_t count);

/// A weight matrix in device layout: `rows` rows of `k` elements, `stride` bytes apart. MXINT8 has one E8M0
/// byte per block of 32 in `scales`, rows `scale_stride` bytes apart; elements beyond k in the last block are
/// 0.
struct Matrix {
  Format format = Format::kF32;
  const std::uint8_t* data = nullptr;
  std::size_t stride = 0;
  const std::uint8_t* scales = nullptr;
  std::size_t scale_stride = 0;
};

/// y[r] = sum16 of f32(W[r][i]) * x[i], for f32, f16, bf16. For MXINT8 x is quantised block by block with
/// quantise_mxint8 (the tail padded with zeros); each block is an exact integer dot product d, its value
/// d * 2^(scale_w + scale_x - 254 - 12) rounded once to f32, and blocks are added in ascending order to an
/// accumulator that starts at +0. A block with scale 255 on either side is NaN.
void matvec(const Matrix& w, const float* x, float* y, std::size_t rows, std::size_t k);
/// matvec of each row of x (batch, k) into y (batch, rows); the same bits as one by one, and faster.
void matvec_batch(const Matrix& w, const float* x, float* y, std::size_t batch, std::size_t rows,
                  std::size_t k);

/// Attention of one group of query heads on one KV head.
/// q (heads, head_dim), keys (tokens, head_dim), values (tokens, head_dim), out (heads, head_dim), all
/// row-major with strides in bytes. s[t] = dot(q, f32(K[t])) * scale; m = running maximum from s[0], replaced
/// where s[t] > m, ascending; e[t] = exp(s[t] - m); sum = sum16(e); inverse = 1 / sum; o[d] = o[d] + e[t] *
/// f32(V[t][d]) for ascending t from +0; result o[d] * inverse.
struct AttentionShape {
  std::size_t heads = 0, tokens = 0, head_dim = 0;
  Format format = Format::kF16;
  float scale = 1.0f;
  std::size_t q_stride = 0, k_stride = 0, v_stride = 0, out_stride = 0;  ///< bytes
};
/// `scores` is workspace of heads * tokens floats.
void attention(const AttentionShape& shape, const void* q, const void* keys, const void* values, void* out,
               float* scores);

/// The four steps of attention(), for engines that stream K and V in tiles: `keys` and `values` point at
/// token `first`, `count` tokens are taken, tokens ascending from call to call. scores and sums are whole:
/// (heads, tokens) and (heads, head_dim); sums starts at +0; inverse is (heads).
void attention_scores(const AttentionShape& shape, const void* q, const void* keys, std::size_t first,
                      std::size_t count, float* scores);
/// scores -> exp(s - m); inverse = 1 / sum.
void attention_weights(const AttentionShape& shape, float* scores, float* inverse);
void attention_values(const AttentionShape& shape, const void* values, std::size_t first, std::size_t count,
                      const float* scores, float* sums);
void attention_finish(const AttentionShape& shape, const float* sums, const float* inverse, void* out);

/// y[i] = (x[i] * r) * w[i], r = 1 / sqrt(sum16(x[i] * x[i]) / n + epsilon).
void rmsnorm(const float* x, const float* w, float* y, std::size_t n, float epsilon);
/// Pairs (2j, 2j+1) of one head: (a, b) -> (a*c - b*s, a*s + b*c), table[2j] = c, table[2j+1] = s.
void rope(const float* x, const float* table, float* y, std::size_t head_dim);
/// y[i] = (g / (1 + exp(-g))) * u, g = gate[i], u = up[i].
void swiglu(const float* gate, const float* up, float* y, std::size_t n);
void add(const float* a, const float* b, float* y, std::size_t n);
/// t[i] = x[i] * scale; maximum m as in attention; e = exp(t - m); y = e * (1 / sum16(e)).
void softmax(const float* x, float* y, std::size_t n, float scale);

struct TopkEntry {
  float value;
  std::uint32_t index;
};
/// The `m` largest of x in descending order, ties by ascending index, NaN below everything; index +
/// index_base. m > n fills the rest with {-infinity, 0xffffffff}.
void topk(const float* x, std::size_t n, TopkEntry* out, std::size_t m, std::uint32_t index_base);

}  // namespace memwall::numerics
