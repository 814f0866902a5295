// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "support/reference_llama.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "loader/model.h"

namespace memwall::test {
namespace {

template <typename T>
T little_endian(const std::uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// By the definition of IEEE 754 binary16: (-1)^s * 2^(e - 15) * 1.f, or 2^-14 * 0.f for e = 0.
float read_f16(const std::uint8_t* at) {
  const auto bits = little_endian<std::uint16_t>(at);
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  if (exponent == 31) {
    magnitude =
        fraction == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  return static_cast<float>(bits >> 15 != 0 ? -magnitude : magnitude);
}

std::vector<float> read_tensor(const loader::Tensor& tensor) {
  std::vector<float> out(tensor.rows * tensor.cols);
  for (std::uint64_t i = 0; i < out.size(); ++i) {
    switch (tensor.format) {
      case loader::SourceFormat::kF32:
        out[i] = little_endian<float>(tensor.data + 4 * i);
        break;
      case loader::SourceFormat::kF16:
        out[i] = read_f16(tensor.data + 2 * i);
        break;
      case loader::SourceFormat::kBf16: {  // the upper half of a float
        const std::uint8_t bytes[4] = {0, 0, tensor.data[2 * i], tensor.data[2 * i + 1]};
        out[i] = little_endian<float>(bytes);
        break;
      }
      case loader::SourceFormat::kQ8_0: {  // an f16 scale, then 32 signed bytes
        const std::uint8_t* block = tensor.data + i / 32 * 34;
        out[i] = read_f16(block) * static_cast<float>(little_endian<std::int8_t>(block + 2 + i % 32));
        break;
      }
    }
  }
  return out;
}

}  // namespace

ReferenceLlama::ReferenceLlama(const loader::Model& model, const std::optional<Disturbance>& disturbance)
    : n_heads_(model.config.n_heads),
      n_kv_heads_(model.config.n_kv_heads),
      head_dim_(model.config.head_dim),
      max_context_(model.config.max_context),
      epsilon_(model.config.rms_eps),
      theta_(model.config.rope_theta),
      tied_(model.config.tied_output && !(disturbance && disturbance->mxint8)),
      disturbance_(disturbance),
      random_(disturbance ? disturbance->seed : 0, "disturbance") {
  const auto copy = [](const loader::Tensor& tensor) {
    return Matrix{tensor.rows, tensor.cols, read_tensor(tensor)};
  };
  const auto matrix = [&](const loader::Tensor& tensor) {
    Matrix out = copy(tensor);
    if (disturbance_ && disturbance_->mxint8)
      for (std::uint64_t r = 0; r < out.rows; ++r) disturb_blocks(&out.values[r * out.cols], out.cols);
    return out;
  };
  embedding_ = copy(model.token_embedding);
  output_norm_ = copy(model.output_norm);
  if (!tied_) output_ = matrix(model.output);
  for (const loader::Layer& layer : model.layers) {
    Block block;
    block.attn_norm = copy(layer.attn_norm);
    block.wq = matrix(layer.wq);
    block.wk = matrix(layer.wk);
    block.wv = matrix(layer.wv);
    block.wo = matrix(layer.wo);
    block.ffn_norm = copy(layer.ffn_norm);
    block.w1 = matrix(layer.w1);
    block.w2 = matrix(layer.w2);
    block.w3 = matrix(layer.w3);
    blocks_.push_back(std::move(block));
  }
}

void ReferenceLlama::reset() {
  position_ = 0;
  for (Block& block : blocks_) {
    block.keys.clear();
    block.values.clear();
  }
}

/// (rows) = w (rows, cols) * x (cols)
std::vector<double> ReferenceLlama::multiply(const Matrix& w, const std::vector<double>& x) {
  if (disturbance_) return disturbed_multiply(w, x);
  std::vector<double> y(w.rows, 0.0);
  for (std::uint64_t r = 0; r < w.rows; ++r)
    for (std::uint64_t c = 0; c < w.cols; ++c) y[r] += static_cast<double>(w.values[r * w.cols + c]) * x[c];
  return y;
}

std::vector<double> ReferenceLlama::disturbed_multiply(const Matrix& w, std::vector<double> x) {
  if (disturbance_->mxint8) disturb_blocks(x.data(), x.size());
  std::vector<double> y(w.rows, 0.0);
  const double factor = disturbance_->dot * (static_cast<double>(w.cols) / 16 + 6);
  for (std::uint64_t r = 0; r < w.rows; ++r) {
    double magnitude = 0;
    for (std::uint64_t c = 0; c < w.cols; ++c) {
      const double term = static_cast<double>(w.values[r * w.cols + c]) * x[c];
      y[r] += term;
      magnitude += std::abs(term);
    }
    y[r] += (random_.below(2) != 0 ? factor : -factor) * magnitude;
  }
  return y;
}

template <typename T>
void ReferenceLlama::disturb_blocks(T* row, std::uint64_t cols) {
  for (std::uint64_t begin = 0; begin < cols; begin += 32) {
    const std::uint64_t end = std::min<std::uint64_t>(cols, begin + 32);
    double largest = 0;
    for (std::uint64_t i = begin; i < end; ++i) largest = std::max(largest, std::abs(double{row[i]}));
    if (largest == 0) continue;
    const double half_step = std::ldexp(1.0, std::ilogb(largest) - 7);
    for (std::uint64_t i = begin; i < end; ++i)
      row[i] = static_cast<T>(row[i] + half_step * (2 * random_.uniform() - 1));
  }
}

void ReferenceLlama::disturb_cache(std::vector<double>& row) {
  if (!disturbance_) return;
  for (double& value : row) value *= 1 + (random_.below(2) != 0 ? disturbance_->cache : -disturbance_->cache);
}

/// x / sqrt(mean(x^2) + epsilon) * weight
std::vector<double> ReferenceLlama::normalise(const Matrix& weight, const std::vector<double>& x) const {
  double squares = 0.0;
  for (double value : x) squares += value * value;
  const double scale = 1.0 / std::sqrt(squares / static_cast<double>(x.size()) + epsilon_);
  std::vector<double> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] * scale * static_cast<double>(weight.values[i]);
  return y;
}

/// Turns pair (2i, 2i+1) of every head by position * theta^(-2i / head_dim).
void ReferenceLlama::rotate(std::vector<double>& heads) const {
  for (std::size_t base = 0; base < heads.size(); base += head_dim_) {
    for (std::uint32_t i = 0; i < head_dim_ / 2; ++i) {
      const double angle = position_ * std::pow(theta_, -2.0 * i / head_dim_);
      const double even = heads[base + 2 * i], odd = heads[base + 2 * i + 1];
      heads[base + 2 * i] = even * std::cos(angle) - odd * std::sin(angle);
      heads[base + 2 * i + 1] = even * std::sin(angle) + odd * std::cos(angle);
    }
  }
}

/// softmax(q . K / sqrt(head_dim)) . V; query head h reads KV head h / (n_heads / n_kv_heads).
std::vector<double> ReferenceLlama::attend(const Block& block, const std::vector<double>& q) const {
  std::vector<double> out(q.size(), 0.0);
  const std::size_t length = block.keys.size();
  for (std::uint32_t h = 0; h < n_heads_; ++h) {
    const std::size_t q_base = std::size_t{h} * head_dim_;
    const std::size_t kv_base = std::size_t{h / (n_heads_ / n_kv_heads_)} * head_dim_;
    std::vector<double> weight(length, 0.0);
    for (std::size_t t = 0; t < length; ++t) {
      for (std::uint32_t d = 0; d < head_dim_; ++d) weight[t] += q[q_base + d] * block.keys[t][kv_base + d];
      weight[t] /= std::sqrt(static_cast<double>(head_dim_));
    }
    const double largest = *std::max_element(weight.begin(), weight.end());
    double sum = 0.0;
    for (double& value : weight) sum += value = std::exp(value - largest);
    for (std::size_t t = 0; t < length; ++t)
      for (std::uint32_t d = 0; d < head_dim_; ++d)
        out[q_base + d] += weight[t] / sum * block.values[t][kv_base + d];
  }
  return out;
}

std::vector<double> ReferenceLlama::forward(std::uint32_t token) {
  if (token >= embedding_.rows) throw std::out_of_range("reference: token outside the vocabulary");
  if (position_ >= max_context_) throw std::out_of_range("reference: the context is full");
  const std::uint64_t dim = embedding_.cols;
  std::vector<double> x(embedding_.values.begin() + static_cast<std::ptrdiff_t>(token * dim),
                        embedding_.values.begin() + static_cast<std::ptrdiff_t>((token + 1) * dim));
  for (Block& block : blocks_) {
    const std::vector<double> attn_in = normalise(block.attn_norm, x);
    std::vector<double> q = multiply(block.wq, attn_in);
    std::vector<double> k = multiply(block.wk, attn_in);
    rotate(q);
    rotate(k);
    std::vector<double> v = multiply(block.wv, attn_in);
    disturb_cache(k);
    disturb_cache(v);
    block.keys.push_back(std::move(k));
    block.values.push_back(std::move(v));
    const std::vector<double> attn_out = multiply(block.wo, attend(block, q));
    for (std::uint64_t i = 0; i < dim; ++i) x[i] += attn_out[i];

    const std::vector<double> ffn_in = normalise(block.ffn_norm, x);
    std::vector<double> gate = multiply(block.w1, ffn_in);
    const std::vector<double> up = multiply(block.w3, ffn_in);
    for (std::size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1.0 + std::exp(-gate[i])) * up[i];
    const std::vector<double> ffn_out = multiply(block.w2, gate);
    for (std::uint64_t i = 0; i < dim; ++i) x[i] += ffn_out[i];
  }
  ++position_;
  return multiply(tied_ ? embedding_ : output_, normalise(output_norm_, x));
}

std::vector<std::uint32_t> ReferenceLlama::greedy(const std::vector<std::uint32_t>& prompt,
                                                  std::uint32_t max_new, std::uint32_t eos) {
  reset();
  std::vector<std::uint32_t> out;
  std::vector<double> logits;
  for (std::uint32_t token : prompt) logits = forward(token);
  while (!logits.empty() && out.size() < max_new) {
    const auto best = std::max_element(logits.begin(), logits.end());  // the first of equals
    const auto token = static_cast<std::uint32_t>(best - logits.begin());
    if (token == eos) break;
    out.push_back(token);
    if (position_ >= max_context_) break;
    logits = forward(token);
  }
  return out;
}

}  // namespace memwall::test
