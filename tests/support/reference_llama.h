// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// An independent forward pass of a Llama model on the host, written from the model's definition: f32
/// weights, every sum and function in double, naive loops, its own RoPE. It shares no code with ip/numerics'
/// kernels or with the firmware, so that those and this cannot be wrong together. Slow on purpose.
#pragma once

#include <cstdint>
#include <vector>

namespace memwall::loader {
struct Model;
}

namespace memwall::test {

class ReferenceLlama {
 public:
  /// Copies all weights as f32.
  explicit ReferenceLlama(const loader::Model& model);

  /// Feeds one token at the next position and returns its logits (vocab_size).
  std::vector<double> forward(std::uint32_t token);
  /// The number of tokens fed since the start or reset().
  std::uint32_t position() const { return position_; }
  void reset();

  /// Feeds the prompt from an empty cache, then the token of the largest logit (the lowest id of equals)
  /// until `eos`, `max_new` tokens, or a full context. Returns the new tokens without eos.
  std::vector<std::uint32_t> greedy(const std::vector<std::uint32_t>& prompt, std::uint32_t max_new,
                                    std::uint32_t eos);

 private:
  struct Matrix {
    std::uint64_t rows = 0, cols = 0;
    std::vector<float> values;
  };
  struct Block {
    Matrix attn_norm, wq, wk, wv, wo, ffn_norm, w1, w2, w3;
    std::vector<std::vector<double>> keys, values;  // per position: (n_kv_heads * head_dim)
  };

  static std::vector<double> multiply(const Matrix& w, const std::vector<double>& x);
  std::vector<double> normalise(const Matrix& weight, const std::vector<double>& x) const;
  void rotate(std::vector<double>& heads) const;
  std::vector<double> attend(const Block& block, const std::vector<double>& q) const;

  std::uint32_t n_heads_, n_kv_heads_, head_dim_, max_context_;
  double epsilon_, theta_;
  Matrix embedding_, output_norm_, output_;
  bool tied_;
  std::vector<Block> blocks_;
  std::uint32_t position_ = 0;
};

}  // namespace memwall::test
