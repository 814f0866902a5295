// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Small synthetic Llama checkpoints of any shape for tests: the same reproducible weights as GGUF in each
/// format and as llama2.c files. Weights are multiples of 1/64 below 2 in magnitude, exact in every format.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "common/rng.h"
#include "support/gguf_writer.h"

namespace memwall::test {

struct TinyShape {
  std::uint32_t dim = 32;
  std::uint32_t hidden_dim = 64;
  std::uint32_t n_layers = 2;
  std::uint32_t n_heads = 4;
  std::uint32_t n_kv_heads = 2;
  std::uint32_t head_dim = 8;  ///< llama2.c needs dim / n_heads
  std::uint32_t max_context = 16;
  bool tied = true;
  std::uint32_t vocab_size = 0;  ///< 0: TinyVocabulary's own; more are filled up
};

/// Special tokens, bytes, then pieces with falling scores, up to `at_least` tokens. Byte ids are 3 to 258.
struct TinyVocabulary {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<float> scores = {0, 0, 0};
  std::vector<std::int32_t> types = {2, 3, 3};

  explicit TinyVocabulary(std::uint32_t at_least = 0) {
    for (int byte = 0; byte < 256; ++byte) {
      char spelling[8];
      std::snprintf(spelling, sizeof spelling, "<0x%02X>", static_cast<unsigned>(byte));
      tokens.push_back(spelling);
      scores.push_back(0);
      types.push_back(6);
    }
    const std::string space = "\xe2\x96\x81";
    for (const std::string& piece : {space + "t",
                                     std::string("he"),
                                     std::string("in"),
                                     space + "the",
                                     std::string("an"),
                                     space + "s",
                                     std::string("ing"),
                                     std::string("and"),
                                     space + "and",
                                     std::string("on"),
                                     std::string("er"),
                                     std::string("\xc3\xa9t"),
                                     space,
                                     std::string("e"),
                                     std::string("t"),
                                     std::string("a"),
                                     std::string("h"),
                                     std::string("i"),
                                     std::string("n"),
                                     std::string("s"),
                                     std::string("o"),
                                     std::string("r"),
                                     std::string("d"),
                                     std::string("g"),
                                     std::string("\xc3\xa9")}) {
      tokens.push_back(piece);
      scores.push_back(-static_cast<float>(tokens.size() - 260));
      types.push_back(1);
    }
    while (tokens.size() < at_least) {
      tokens.push_back("x" + std::to_string(tokens.size()));
      scores.push_back(-static_cast<float>(tokens.size() - 260));
      types.push_back(1);
    }
  }
  std::uint32_t size() const { return static_cast<std::uint32_t>(tokens.size()); }
};

/// The values of one tensor; the name alone decides them, so every file format gets the same.
inline std::vector<float> tiny_weights(const std::string& name, std::uint64_t count) {
  Rng rng(7, name);
  const bool norm = name.find("norm") != std::string::npos;
  std::vector<float> out(count);
  for (float& value : out) {
    const auto step = static_cast<int>(rng.below(norm ? 32 : 33)) - 16;
    value = (norm ? 64.0f + static_cast<float>(step) : static_cast<float>(step)) / 64.0f;
  }
  return out;
}

inline GgufWriter tiny_gguf(const TinyShape& shape = {}, std::uint32_t matrix_type = kGgmlF16) {
  const TinyVocabulary vocabulary(shape.vocab_size);
  GgufWriter gguf;
  gguf.set_string("general.architecture", "llama");
  gguf.set_string("general.name", "tiny");
  gguf.set_string("general.license", "apache-2.0");
  gguf.set_u32("llama.context_length", shape.max_context);
  gguf.set_u32("llama.embedding_length", shape.dim);
  gguf.set_u32("llama.block_count", shape.n_layers);
  gguf.set_u32("llama.feed_forward_length", shape.hidden_dim);
  gguf.set_u32("llama.attention.head_count", shape.n_heads);
  gguf.set_u32("llama.attention.head_count_kv", shape.n_kv_heads);
  if (shape.n_heads * shape.head_dim != shape.dim) gguf.set_u32("llama.attention.key_length", shape.head_dim);
  gguf.set_u32("llama.rope.dimension_count", shape.head_dim);
  gguf.set_f32("llama.rope.freq_base", 10000.0f);
  gguf.set_f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  gguf.set_string("tokenizer.ggml.model", "llama");
  gguf.set_array("tokenizer.ggml.tokens", vocabulary.tokens);
  gguf.set_array("tokenizer.ggml.scores", vocabulary.scores);
  gguf.set_array("tokenizer.ggml.token_type", vocabulary.types);
  gguf.set_u32("tokenizer.ggml.bos_token_id", 1);
  gguf.set_u32("tokenizer.ggml.eos_token_id", 2);

  const auto add = [&](const std::string& name, std::uint64_t rows, std::uint64_t cols) {
    gguf.add_tensor(name + ".weight", rows, cols, rows == 1 ? kGgmlF32 : matrix_type,
                    tiny_weights(name, rows * cols));
  };
  const std::uint32_t q = shape.n_heads * shape.head_dim, kv = shape.n_kv_heads * shape.head_dim;
  add("token_embd", vocabulary.size(), shape.dim);
  for (std::uint32_t i = 0; i < shape.n_layers; ++i) {
    const std::string prefix = "blk." + std::to_string(i) + ".";
    add(prefix + "attn_norm", 1, shape.dim);
    add(prefix + "attn_q", q, shape.dim);
    add(prefix + "attn_k", kv, shape.dim);
    add(prefix + "attn_v", kv, shape.dim);
    add(prefix + "attn_output", shape.dim, q);
    add(prefix + "ffn_norm", 1, shape.dim);
    add(prefix + "ffn_gate", shape.hidden_dim, shape.dim);
    add(prefix + "ffn_up", shape.hidden_dim, shape.dim);
    add(prefix + "ffn_down", shape.dim, shape.hidden_dim);
  }
  add("output_norm", 1, shape.dim);
  if (!shape.tied) add("output", vocabulary.size(), shape.dim);
  return gguf;
}

/// A llama2.c checkpoint with the weights of tiny_gguf(shape). `version` is 0 (legacy) or 1.
inline ByteVector tiny_llama2c(const TinyShape& shape, int version) {
  const std::uint32_t vocab = TinyVocabulary(shape.vocab_size).size();
  const std::uint32_t q = shape.n_heads * shape.head_dim, kv = shape.n_kv_heads * shape.head_dim;
  ByteVector out;
  if (version == 1) {
    append<std::uint32_t>(out, 0x616b3432u);
    append<std::int32_t>(out, 1);
  }
  for (std::uint32_t field : {shape.dim, shape.hidden_dim, shape.n_layers, shape.n_heads, shape.n_kv_heads})
    append(out, field);
  append<std::int32_t>(out, static_cast<std::int32_t>(vocab) * (version == 0 && !shape.tied ? -1 : 1));
  append(out, shape.max_context);
  if (version == 1) {
    append<std::uint8_t>(out, shape.tied ? 1 : 0);
    out.resize(256);
  }
  const auto add = [&](const std::string& name, std::uint64_t rows, std::uint64_t cols) {
    for (float value : tiny_weights(name, rows * cols)) append(out, value);
  };
  const auto add_layers = [&](const std::string& name, std::uint64_t rows, std::uint64_t cols) {
    for (std::uint32_t i = 0; i < shape.n_layers; ++i)
      add("blk." + std::to_string(i) + "." + name, rows, cols);
  };
  if (version == 0) {
    add("token_embd", vocab, shape.dim);
    add_layers("attn_norm", 1, shape.dim);
  } else {
    add_layers("attn_norm", 1, shape.dim);
    add_layers("ffn_norm", 1, shape.dim);
    add("output_norm", 1, shape.dim);
    add("token_embd", vocab, shape.dim);
  }
  add_layers("attn_q", q, shape.dim);
  add_layers("attn_k", kv, shape.dim);
  add_layers("attn_v", kv, shape.dim);
  add_layers("attn_output", shape.dim, q);
  if (version == 0) add_layers("ffn_norm", 1, shape.dim);
  add_layers("ffn_gate", shape.hidden_dim, shape.dim);
  add_layers("ffn_down", shape.dim, shape.hidden_dim);
  add_layers("ffn_up", shape.hidden_dim, shape.dim);
  if (version == 0) {
    add("output_norm", 1, shape.dim);
    for (std::uint32_t i = 0; i < shape.max_context * shape.head_dim; ++i) append(out, 0.5f);  // RoPE tables
  }
  if (!shape.tied) add("output", vocab, shape.dim);
  return out;
}

/// llama2.c's tokenizer.bin for TinyVocabulary: pieces spell a space as a space.
inline ByteVector tiny_llama2c_tokenizer(std::uint32_t vocab_size = 0) {
  const TinyVocabulary vocabulary(vocab_size);
  ByteVector out;
  append<std::int32_t>(out, 6);
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    std::string piece = vocabulary.tokens[id];
    const std::size_t space = piece.find("\xe2\x96\x81");
    if (space != std::string::npos) piece.replace(space, 3, " ");
    if (id == 1 || id == 2) piece = "\n" + piece + "\n";
    append(out, vocabulary.scores[id]);
    append(out, static_cast<std::int32_t>(piece.size()));
    out.insert(out.end(), piece.begin(), piece.end());
  }
  return out;
}

}  // namespace memwall::test
