// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The "llama" architecture in a GGUF file: metadata keys and tensor names as llama.cpp writes them. Query
/// and key rows are already in interleaved-RoPE order there. Anything that would change the computation and
/// is not implemented is refused: ignoring it would give wrong tokens.
#include <algorithm>
#include <set>
#include <utility>

#include "loader/gguf.h"
#include "loader/internal.h"

namespace memwall::loader {
namespace {

void refuse_unsupported(const GgufFile& gguf) {
  const std::string& file = gguf.file();
  const std::string architecture = gguf.get_string("general.architecture");
  if (architecture != "llama")
    throw ConfigError(file, "architecture \"" + architecture + "\" is not supported; only \"llama\" is");
  if (gguf.get_u32("split.count", 1) > 1)
    throw ConfigError(file, "checkpoints split over several files are not supported");
  if (gguf.get_u32("llama.expert_count", 0) != 0)
    throw ConfigError(file, "mixture of experts (llama.expert_count) is not supported");
  const std::string scaling = gguf.get_string("llama.rope.scaling.type", "none");
  if (scaling != "none")
    throw ConfigError(file, "RoPE scaling \"" + scaling + "\" is not supported; only \"none\" is");
  for (const char* key : {"llama.rope.scale_linear", "llama.rope.scaling.factor"})
    if (gguf.get_f32(key, 1.0f) != 1.0f)
      throw ConfigError(file, std::string(key) + " other than 1 is not supported");
  for (const char* key :
       {"llama.attention.head_count", "llama.attention.head_count_kv", "llama.feed_forward_length"})
    if (gguf.has(key))
      gguf.get_u32(key);  // one value per layer (an array) is refused here, by the key's name
  if (gguf.get_u32("llama.attention.sliding_window", 0) != 0)
    throw ConfigError(file, "sliding-window attention (llama.attention.sliding_window) is not supported");
  if (!gguf.get_bool("llama.attention.causal", true))
    throw ConfigError(file, "attention that is not causal (llama.attention.causal) is not supported");
  for (const char* key :
       {"llama.attention.scale", "llama.attention.clamp_kqv", "llama.logit_scale", "llama.embedding_scale",
        "llama.residual_scale", "llama.attn_logit_softcapping", "llama.final_logit_softcapping"})
    if (gguf.has(key)) throw ConfigError(file, std::string(key) + " is not supported");
}

ModelConfig read_config(const GgufFile& gguf) {
  ModelConfig c;
  c.dim = gguf.get_u32("llama.embedding_length");
  c.hidden_dim = gguf.get_u32("llama.feed_forward_length");
  c.n_layers = gguf.get_u32("llama.block_count");
  c.n_heads = gguf.get_u32("llama.attention.head_count");
  c.n_kv_heads = gguf.get_u32("llama.attention.head_count_kv", c.n_heads);
  c.max_context = gguf.get_u32("llama.context_length");
  c.rms_eps = gguf.get_f32("llama.attention.layer_norm_rms_epsilon");
  c.rope_theta = gguf.get_f32("llama.rope.freq_base", 10000.0f);
  const std::string& file = gguf.file();
  if (!gguf.has("llama.attention.key_length") && c.n_heads != 0 && c.dim % c.n_heads != 0)
    throw ConfigError(file, "embedding length " + std::to_string(c.dim) +
                                " is not a multiple of head count " + std::to_string(c.n_heads) +
                                " and llama.attention.key_length is missing");
  c.head_dim = gguf.get_u32("llama.attention.key_length", c.n_heads == 0 ? 0 : c.dim / c.n_heads);
  const auto same_as_head = [&](const char* key) {
    const std::uint32_t value = gguf.get_u32(key, c.head_dim);
    if (c.head_dim != 0 && value != c.head_dim)  // a head dimension of 0 is refused by check_config
      throw ConfigError(file, std::string(key) + " " + std::to_string(value) +
                                  " differs from the head dimension " + std::to_string(c.head_dim) +
                                  ", which is not supported");
  };
  same_as_head("llama.attention.value_length");
  same_as_head("llama.rope.dimension_count");
  c.vocab_size = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(gguf.get_array("tokenizer.ggml.tokens").strings.size(), 0xffffffffu));
  const std::uint32_t stated = gguf.get_u32("llama.vocab_size", c.vocab_size);
  if (stated != c.vocab_size)
    throw ConfigError(file, "llama.vocab_size is " + std::to_string(stated) +
                                " but tokenizer.ggml.tokens has " + std::to_string(c.vocab_size) +
                                " entries");
  return c;
}

Tokenizer read_tokenizer(const GgufFile& gguf) {
  const std::string& file = gguf.file();
  const std::string kind = gguf.get_string("tokenizer.ggml.model");
  if (kind != "llama")
    throw ConfigError(file, "tokenizer \"" + kind + "\" is not supported; only \"llama\" (SentencePiece) is");
  const GgufArray& tokens = gguf.get_array("tokenizer.ggml.tokens");
  const GgufArray& scores = gguf.get_array("tokenizer.ggml.scores");
  const GgufArray& types = gguf.get_array("tokenizer.ggml.token_type");
  const std::size_t size = tokens.strings.size();
  if (scores.floats.size() != size || types.integers.size() != size)
    throw ConfigError(file, "tokenizer.ggml.tokens, scores and token_type have " + std::to_string(size) +
                                ", " + std::to_string(scores.floats.size()) + " and " +
                                std::to_string(types.integers.size()) + " entries; they must have as many");
  TokenizerConfig config;
  config.vocabulary.resize(size);
  for (std::size_t id = 0; id < size; ++id) {
    const std::int64_t type = types.integers[id];
    if (type < 1 || type > 6)
      throw ConfigError(file,
                        "token " + std::to_string(id) + " has unknown token_type " + std::to_string(type));
    config.vocabulary[id] = {tokens.strings[id], scores.floats[id], static_cast<TokenType>(type)};
  }
  config.bos = gguf.get_u32("tokenizer.ggml.bos_token_id", 1);
  config.eos = gguf.get_u32("tokenizer.ggml.eos_token_id", 2);
  config.unknown = gguf.get_u32("tokenizer.ggml.unknown_token_id", 0);
  config.add_bos = gguf.get_bool("tokenizer.ggml.add_bos_token", true);
  config.add_space_prefix = gguf.get_bool("tokenizer.ggml.add_space_prefix", true);
  if (gguf.get_bool("tokenizer.ggml.add_eos_token", false))
    throw ConfigError(file, "tokenizer.ggml.add_eos_token true is not supported");
  return Tokenizer(std::move(config), file);
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Names why a tensor that the computation does not use cannot be left out.
std::string unused_tensor_reason(const std::string& name) {
  if (name == "rope_freqs.weight") return "RoPE frequency factors are not supported";
  if (ends_with(name, ".bias")) return "biases are not supported";
  if (name.find("_exps.") != std::string::npos || name.find("_gate_inp.") != std::string::npos)
    return "mixture of experts is not supported";
  if (name.find("attn_q_norm.") != std::string::npos || name.find("attn_k_norm.") != std::string::npos)
    return "norms of queries and keys are not supported";
  return "it has no place in a llama model of this shape";
}

}  // namespace

Model load_gguf(std::shared_ptr<const Bytes> bytes, const std::string& file) {
  const GgufFile gguf(std::move(bytes), file);
  refuse_unsupported(gguf);
  Model model;
  model.name = gguf.get_string("general.name", file);
  model.license = gguf.get_string("general.license", "");
  model.tokenizer = read_tokenizer(gguf);
  model.config = read_config(gguf);
  ModelConfig& c = model.config;
  check_config(c, file);

  std::set<std::string> used;
  const auto take = [&](const std::string& name, std::uint64_t rows, std::uint64_t cols) {
    used.insert(name);
    return gguf.tensor(name, rows, cols);
  };
  const std::uint64_t q = std::uint64_t{c.n_heads} * c.head_dim,
                      kv = std::uint64_t{c.n_kv_heads} * c.head_dim;
  model.token_embedding = take("token_embd.weight", c.vocab_size, c.dim);
  // A missing tensor ends this loop, so a huge block count costs nothing.
  for (std::uint32_t i = 0; i < c.n_layers; ++i) {
    const std::string prefix = "blk." + std::to_string(i) + ".";
    Layer layer;
    layer.attn_norm = take(prefix + "attn_norm.weight", 1, c.dim);
    layer.wq = take(prefix + "attn_q.weight", q, c.dim);
    layer.wk = take(prefix + "attn_k.weight", kv, c.dim);
    layer.wv = take(prefix + "attn_v.weight", kv, c.dim);
    layer.wo = take(prefix + "attn_output.weight", c.dim, q);
    layer.ffn_norm = take(prefix + "ffn_norm.weight", 1, c.dim);
    layer.w1 = take(prefix + "ffn_gate.weight", c.hidden_dim, c.dim);
    layer.w2 = take(prefix + "ffn_down.weight", c.dim, c.hidden_dim);
    layer.w3 = take(prefix + "ffn_up.weight", c.hidden_dim, c.dim);
    model.layers.push_back(std::move(layer));
  }
  model.output_norm = take("output_norm.weight", 1, c.dim);
  bool has_output = false;
  for (const GgufTensor& tensor : gguf.tensors()) has_output = has_output || tensor.name == "output.weight";
  model.output = has_output ? take("output.weight", c.vocab_size, c.dim) : model.token_embedding;
  c.tied_output = !has_output;
  for (const GgufTensor& tensor : gguf.tensors())
    if (used.count(tensor.name) == 0)
      throw ConfigError(file, "tensor " + tensor.name + " is not used: " + unused_tensor_reason(tensor.name));
  return model;
}

}  // namespace memwall::loader
