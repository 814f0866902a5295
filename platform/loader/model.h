// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A Llama-architecture checkpoint on the host: shape, tokenizer and tensors that stay in their file until
/// they are read. Formats: GGUF version 3 (F32, F16, BF16, Q8_0) and llama2.c checkpoints (legacy and version
/// 1). What the platform does not support is refused by name with a ConfigError. See README.md for the list.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "loader/tokenizer.h"

namespace memwall::loader {

class Bytes;

struct ModelConfig {
  std::uint32_t dim = 0;         ///< width of the residual stream
  std::uint32_t hidden_dim = 0;  ///< width of the feed-forward layer
  std::uint32_t n_layers = 0;
  std::uint32_t n_heads = 0;     ///< query heads
  std::uint32_t n_kv_heads = 0;  ///< divides n_heads
  std::uint32_t head_dim = 0;    ///< even; n_heads * head_dim need not be dim
  std::uint32_t vocab_size = 0;
  std::uint32_t max_context = 0;  ///< tokens
  float rms_eps = 0.0f;
  float rope_theta = 0.0f;
  bool tied_output = false;  ///< the output matrix is the token embedding
};

/// Element format in the file. Q8_0: blocks of 32 along a row, one f16 scale and 32 int8 each.
enum class SourceFormat : std::uint8_t { kF32, kF16, kBf16, kQ8_0 };
const char* name_of(SourceFormat format);
/// Bytes of a row of `cols` elements; cols is a multiple of 32 for Q8_0.
std::uint64_t row_bytes(SourceFormat format, std::uint64_t cols);

/// A matrix (rows = outputs, cols = reduction), row-major; a vector is one row. Copies share the file's
/// bytes.
struct Tensor {
  std::string name;
  std::uint64_t rows = 0;
  std::uint64_t cols = 0;
  SourceFormat format = SourceFormat::kF32;
  const std::uint8_t* data = nullptr;
  std::shared_ptr<const Bytes> storage;  ///< keeps `data` alive

  /// Exact for f32, f16 and bf16; for Q8_0 the product element * scale, rounded once to f32.
  /// Throws ModelError("contract") for rows outside the tensor. `out` has n_rows * cols floats.
  void to_f32(std::uint64_t row_begin, std::uint64_t n_rows, float* out) const;
  std::vector<float> row_f32(std::uint64_t row) const;
};

/// Weights of one layer. Query and key rows are in the order of interleaved RoPE: pairs (2i, 2i+1) of a head.
struct Layer {
  Tensor attn_norm;  ///< (1, dim)
  Tensor wq;         ///< (n_heads * head_dim, dim)
  Tensor wk;         ///< (n_kv_heads * head_dim, dim)
  Tensor wv;         ///< (n_kv_heads * head_dim, dim)
  Tensor wo;         ///< (dim, n_heads * head_dim)
  Tensor ffn_norm;   ///< (1, dim)
  Tensor w1;         ///< (hidden_dim, dim), gate
  Tensor w2;         ///< (dim, hidden_dim), down
  Tensor w3;         ///< (hidden_dim, dim), up
};

struct Model {
  std::string name;     ///< general.name of a GGUF file, else the file's name
  std::string license;  ///< general.license of a GGUF file, else empty
  ModelConfig config;
  Tokenizer tokenizer;
  std::vector<Layer> layers;
  Tensor token_embedding;  ///< (vocab_size, dim)
  Tensor output_norm;      ///< (1, dim)
  Tensor output;           ///< (vocab_size, dim); the token embedding when tied
};

/// Loads a GGUF file, or else a llama2.c checkpoint with the tokenizer at `tokenizer_path` (by default
/// tokenizer.bin in the checkpoint's folder). Throws ConfigError.
Model load_model(const std::string& path, const std::string& tokenizer_path = "");

/// The same from bytes in memory; `file` is the name in messages. A llama2.c checkpoint needs `tokenizer`.
Model load_model(std::shared_ptr<const Bytes> checkpoint, const std::string& file,
                 std::shared_ptr<const Bytes> tokenizer, const std::string& tokenizer_file);

}  // namespace memwall::loader
