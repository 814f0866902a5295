// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "numerics/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace memwall::numerics {
namespace {

constexpr std::size_t kLanes = 16;
constexpr float kLog2e = 0x1.715476p+0f;
constexpr float kRounder = 0x1.8p23f;
constexpr float kLn2High = 0x1.62ep-1f;     // 12 significant bits: n * kLn2High is exact for |n| < 2^11
constexpr float kLn2Low = 0x1.0bfbe8p-15f;  // ln 2 - kLn2High, rounded
constexpr float kExpCoefficients[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};

float tree(float partial[kLanes]) {
  for (std::size_t s = kLanes / 2; s >= 1; s /= 2) {
    for (std::size_t l = 0; l < s; ++l) partial[l] += partial[l + s];
  }
  return partial[0];
}

float maximum(const float* x, std::size_t n) {
  float m = x[0];
  for (std::size_t i = 1; i < n; ++i) {
    if (x[i] > m) m = x[i];
  }
  return m;
}

const float* row_f32(const void* base, std::size_t stride, std::size_t row) {
  return reinterpret_cast<const float*>(static_cast<const std::uint8_t*>(base) + row * stride);
}

std::int32_t integer_dot(const std::int8_t* a, const std::int8_t* b, std::size_t count) {
  std::int32_t d = 0;
  if (count == kMxBlock) {  // a constant trip count, for the vectoriser
    for (std::size_t i = 0; i < kMxBlock; ++i) d += a[i] * b[i];
  } else {
    for (std::size_t i = 0; i < count; ++i) d += a[i] * b[i];
  }
  return d;
}

/// d * 2^exponent rounded once to f32, also where the result is subnormal or overflows: |d| < 2^20 and
/// -266 <= exponent <= 244, so the product is exact in double.
float scaled(std::int32_t d, int exponent) {
  const std::uint64_t power_bits = static_cast<std::uint64_t>(exponent + 1023) << 52;
  double power;
  std::memcpy(&power, &power_bits, sizeof power);
  return static_cast<float>(static_cast<double>(d) * power);
}

void matvec_mxint8(const Matrix& w, const float* x, float* y, std::size_t batch, std::size_t rows,
                   std::size_t k) {
  const std::size_t blocks = (k + kMxBlock - 1) / kMxBlock;
  std::vector<std::int8_t> xq(batch * blocks * kMxBlock);
  std::vector<std::uint8_t> xs(batch * blocks);
  for (std::size_t i = 0; i < batch * blocks; ++i) {
    const std::size_t first = i % blocks * kMxBlock;
    float block[kMxBlock] = {};
    std::copy_n(x + i / blocks * k + first, std::min(kMxBlock, k - first), block);
    xs[i] = quantise_mxint8(block, &xq[i * kMxBlock]);
  }
  for (std::size_t r = 0; r < rows; ++r) {
    const auto* row = reinterpret_cast<const std::int8_t*>(w.data + r * w.stride);
    const std::uint8_t* scales = w.scales + r * w.scale_stride;
    for (std::size_t i = 0; i < batch; ++i) {
      float sum = 0.0f;
      for (std::size_t b = 0; b < blocks; ++b) {
        const std::uint8_t x_scale = xs[i * blocks + b];
        const std::size_t valid = std::min(kMxBlock, k - b * kMxBlock);
        const std::int32_t d = integer_dot(row + b * kMxBlock, &xq[(i * blocks + b) * kMxBlock], valid);
        const bool nan = scales[b] == 255 || x_scale == 255;
        sum += nan ? float_of(kCanonicalNan) : scaled(d, int{scales[b]} + int{x_scale} - 254 - 12);
      }
      y[i * rows + r] = canonical(sum);
    }
  }
}

}  // namespace

float exp_f32(float x) {
  if (x != x) return float_of(kCanonicalNan);
  if (x < -87.0f) return 0.0f;
  if (x > 88.0f) return std::numeric_limits<float>::infinity();
  const float t = x * kLog2e + kRounder;
  const float n = t - kRounder;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  float p = kExpCoefficients[0];
  for (std::size_t i = 1; i < 7; ++i) p = p * r + kExpCoefficients[i];
  // n is in the low bits of t; adding it to the exponent field scales by 2^n without rounding.
  return float_of(bits_of(p) + ((bits_of(t) - bits_of(kRounder)) << 23));
}

float dot(const float* a, const float* b, std::size_t k) {
  float partial[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= k; i += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) partial[l] += a[i + l] * b[i + l];
  }
  for (; i < k; ++i) partial[i % kLanes] += a[i] * b[i];
  return tree(partial);
}

float sum16(const float* values, std::size_t count) {
  float partial[kLanes] = {};
  for (std::size_t i = 0; i < count; ++i) partial[i % kLanes] += values[i];
  return tree(partial);
}

void matvec(const Matrix& w, const float* x, float* y, std::size_t rows, std::size_t k) {
  matvec_batch(w, x, y, 1, rows, k);
}

void matvec_batch(const Matrix& w, const float* x, float* y, std::size_t batch, std::size_t rows,
                  std::size_t k) {
  if (w.format == Format::kMxint8) {
    matvec_mxint8(w, x, y, batch, rows, k);
    return;
  }
  std::vector<float> row(k);
  for (std::size_t r = 0; r < rows; ++r) {
    to_f32(w.format, w.data + r * w.stride, row.data(), k);
    for (std::size_t b = 0; b < batch; ++b) y[b * rows + r] = canonical(dot(row.data(), x + b * k, k));
  }
}

void attention_scores(const AttentionShape& shape, const void* q, const void* keys, std::size_t first,
                      std::size_t count, float* scores) {
  std::vector<float> row(shape.head_dim);
  for (std::size_t t = 0; t < count; ++t) {
    to_f32(shape.format, static_cast<const std::uint8_t*>(keys) + t * shape.k_stride, row.data(),
           shape.head_dim);
    for (std::size_t h = 0; h < shape.heads; ++h) {
      scores[h * shape.tokens + first + t] =
          dot(row_f32(q, shape.q_stride, h), row.data(), shape.head_dim) * shape.scale;
    }
  }
}

void attention_weights(const AttentionShape& shape, float* scores, float* inverse) {
  for (std::size_t h = 0; h < shape.heads; ++h) {
    float* s = scores + h * shape.tokens;
    const float m = maximum(s, shape.tokens);
    for (std::size_t t = 0; t < shape.tokens; ++t) s[t] = exp_f32(s[t] - m);
    inverse[h] = 1.0f / sum16(s, shape.tokens);
  }
}

void attention_values(const AttentionShape& shape, const void* values, std::size_t first, std::size_t count,
                      const float* scores, float* sums) {
  std::vector<float> row(shape.head_dim);
  for (std::size_t t = 0; t < count; ++t) {
    to_f32(shape.format, static_cast<const std::uint8_t*>(values) + t * shape.v_stride, row.data(),
           shape.head_dim);
    for (std::size_t h = 0; h < shape.heads; ++h) {
      const float e = scores[h * shape.tokens + first + t];
      float* o = sums + h * shape.head_dim;
      for (std::size_t d = 0; d < shape.head_dim; ++d) o[d] += e * row[d];
    }
  }
}

void attention_finish(const AttentionShape& shape, const float* sums, const float* inverse, void* out) {
  for (std::size_t h = 0; h < shape.heads; ++h) {
    auto* to = reinterpret_cast<float*>(static_cast<std::uint8_t*>(out) + h * shape.out_stride);
    for (std::size_t d = 0; d < shape.head_dim; ++d)
      to[d] = canonical(sums[h * shape.head_dim + d] * inverse[h]);
  }
}

void attention(const AttentionShape& shape, const void* q, const void* keys, const void* values, void* out,
               float* scores) {
  std::vector<float> sums(shape.heads * shape.head_dim, 0.0f);
  std::vector<float> inverse(shape.heads);
  attention_scores(shape, q, keys, 0, shape.tokens, scores);
  attention_weights(shape, scores, inverse.data());
  attention_values(shape, values, 0, shape.tokens, scores, sums.data());
  attention_finish(shape, sums.data(), inverse.data(), out);
}

void rmsnorm(const float* x, const float* w, float* y, std::size_t n, float epsilon) {
  const float mean = dot(x, x, n) / static_cast<float>(n);
  const float r = 1.0f / std::sqrt(mean + epsilon);
  for (std::size_t i = 0; i < n; ++i) y[i] = canonical((x[i] * r) * w[i]);
}

void rope(const float* x, const float* table, float* y, std::size_t head_dim) {
  for (std::size_t j = 0; j + 1 < head_dim; j += 2) {
    const float a = x[j], b = x[j + 1], c = table[j], s = table[j + 1];
    y[j] = canonical(a * c - b * s);
    y[j + 1] = canonical(a * s + b * c);
  }
}

void swiglu(const float* gate, const float* up, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = canonical((gate[i] / (1.0f + exp_f32(-gate[i]))) * up[i]);
}

void add(const float* a, const float* b, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = canonical(a[i] + b[i]);
}

void softmax(const float* x, float* y, std::size_t n, float scale) {
  for (std::size_t i = 0; i < n; ++i) y[i] = x[i] * scale;
  const float m = maximum(y, n);
  for (std::size_t i = 0; i < n; ++i) y[i] = exp_f32(y[i] - m);
  const float inverse = 1.0f / sum16(y, n);
  for (std::size_t i = 0; i < n; ++i) y[i] = canonical(y[i] * inverse);
}

void topk(const float* x, std::size_t n, TopkEntry* out, std::size_t m, std::uint32_t index_base) {
  std::vector<std::uint32_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = static_cast<std::uint32_t>(i);
  const std::size_t taken = std::min(n, m);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(taken), order.end(),
                    [x](std::uint32_t a, std::uint32_t b) {
                      const bool a_nan = x[a] != x[a], b_nan = x[b] != x[b];
                      if (a_nan != b_nan) return b_nan;
                      if (!a_nan && x[a] != x[b]) return x[a] > x[b];
                      return a < b;
                    });
  for (std::size_t i = 0; i < m; ++i) {
    out[i] = i < taken ? TopkEntry{canonical(x[order[i]]), order[i] + index_base}
                       : TopkEntry{-std::numeric_limits<float>::infinity(), 0xffffffffu};
  }
}

}  // namespace memwall::numerics
