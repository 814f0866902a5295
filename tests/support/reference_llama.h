// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// An independent forward pass of a Llama model on the host, written from the model's definition: f32
/// weights, every sum and function in double, naive loops, its own RoPE, its own reading of f16, bf16 and
/// Q8_0. It shares no code with ip/numerics or with the firmware, so that those and this cannot be wrong
/// together; what both take from the loader is where each tensor lies in the file, and its shape. Slow on
/// purpose.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/rng.h"

namespace memwall::loader {
struct Model;
}

namespace memwall::test {

/// Errors that a device's arithmetic may make, drawn at random at full size and carried through the whole
/// pass. How far its logits then move says how far a device with that arithmetic may be away.
struct Disturbance {
  double dot = 0;    ///< of every dot product of n terms: +- dot * (n / 16 + 6) * sum of |terms|
  double cache = 0;  ///< of every element of K and V: +- cache * |element|
  bool mxint8 =
      false;  ///< of every element of a matrix (not the embedding) and of what it multiplies: up to
              ///< half a step of its block of 32, which is 2^-7 of the largest magnitude's power of 2
  std::uint64_t seed = 1;
};

class ReferenceLlama {
 public:
  /// Copies all weights as f32. `disturbance`: only to find out how far rounding may carry.
  explicit ReferenceLlama(const loader::Model& model,
                          const std::optional<Disturbance>& disturbance = std::nullopt);

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

  std::vector<double> multiply(const Matrix& w, const std::vector<double>& x);
  std::vector<double> disturbed_multiply(const Matrix& w, std::vector<double> x);
  /// Moves every block of 32 of a row by up to half a step of MXINT8.
  template <typename T>
  void disturb_blocks(T* row, std::uint64_t cols);
  void disturb_cache(std::vector<double>& row);
  std::vector<double> normalise(const Matrix& weight, const std::vector<double>& x) const;
  void rotate(std::vector<double>& heads) const;
  std::vector<double> attend(const Block& block, const std::vector<double>& q) const;

  std::uint32_t n_heads_, n_kv_heads_, head_dim_, max_context_;
  double epsilon_, theta_;
  Matrix embedding_, output_norm_, output_;
  bool tied_;
  std::optional<Disturbance> disturbance_;
  Rng random_;
  std::vector<Block> blocks_;
  std::uint32_t position_ = 0;
};

}  // namespace memwall::test
