// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "support/reference_llama.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "loader/model.h"

namespace memwall::test {

ReferenceLlama::ReferenceLlama(const loader::Model& model)
    : n_heads_(model.config.n_heads),
      n_kv_heads_(model.config.n_kv_heads),
      head_dim_(model.config.head_dim),
      max_context_(model.config.max_context),
      epsilon_(model.config.rms_eps),
      theta_(model.config.rope_theta),
      tied_(model.config.tied_output) {
  const auto copy = [](const loader::Tensor& tensor) {
    Matrix out{tensor.rows, tensor.cols, std::vector<float>(tensor.rows * tensor.cols)};
    tensor.to_f32(0, tensor.rows, out.values.data());
    return out;
  };
  embedding_ = copy(model.token_embedding);
  output_norm_ = copy(model.output_norm);
  if (!tied_) output_ = copy(model.output);
  for (const loader::Layer& layer : model.layers) {
    Block block;
    block.attn_norm = copy(layer.attn_norm);
    block.wq = copy(layer.wq);
    block.wk = copy(layer.wk);
    block.wv = copy(layer.wv);
    block.wo = copy(layer.wo);
    block.ffn_norm = copy(layer.ffn_norm);
    block.w1 = copy(layer.w1);
    block.w2 = copy(layer.w2);
    block.w3 = copy(layer.w3);
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
  std::vector<double> y(w.rows, 0.0);
  for (std::uint64_t r = 0; r < w.rows; ++r)
    for (std::uint64_t c = 0; c < w.cols; ++c) y[r] += static_cast<double>(w.values[r * w.cols + c]) * x[c];
  return y;
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
    block.keys.push_back(std::move(k));
    block.values.push_back(multiply(block.wv, attn_in));
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
