// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// llama2.c checkpoints: seven int32 (with the legacy header the sign of the vocabulary size says whether the
/// output matrix is tied) or the 256-byte "ak42" header of version 1, then f32 tensors in a fixed order.
/// RoPE base 10000 and RMS epsilon 1e-5 are that program's constants. The order is that of export.py in
/// https://github.com/karpathy/llama2.c. Version 2 (int8 groups) is refused.
#include <array>
#include <filesystem>
#include <utility>

#include "loader/internal.h"

namespace memwall::loader {
namespace {

constexpr std::uint32_t kMagic = 0x616b3432u;
constexpr std::uint64_t kHeaderBytes = 256;

/// Hands out f32 tensors of `bytes` in sequence. Sizes are summed first, so every tensor fits.
class TensorSequence {
 public:
  TensorSequence(std::shared_ptr<const Bytes> bytes, std::uint64_t begin)
      : bytes_(std::move(bytes)), next_(bytes_->data() + begin) {}

  Tensor take(std::string name, std::uint64_t rows, std::uint64_t cols) {
    Tensor tensor{std::move(name), rows, cols, SourceFormat::kF32, next_, bytes_};
    next_ += rows * cols * sizeof(float);
    return tensor;
  }
  void take_layers(std::vector<Layer>& layers, Tensor Layer::*member, const char* name, std::uint64_t rows,
                   std::uint64_t cols) {
    for (std::size_t i = 0; i < layers.size(); ++i)
      layers[i].*member = take("layers." + std::to_string(i) + "." + name, rows, cols);
  }
  void skip(std::uint64_t floats) { next_ += floats * sizeof(float); }

 private:
  std::shared_ptr<const Bytes> bytes_;
  const std::uint8_t* next_;
};

/// Floats of all tensors, overflow-checked.
std::uint64_t total_floats(const ModelConfig& c, bool legacy, const std::string& file) {
  std::uint64_t total = 0;
  const auto add = [&](std::uint64_t count, std::uint64_t a, std::uint64_t b) {
    const std::uint64_t product =
        checked_product(checked_product(a, b, file, "tensor size"), count, file, "tensor size");
    if (__builtin_add_overflow(total, product, &total))
      throw ConfigError(file, "tensor size overflows 64 bits");
  };
  const std::uint64_t q = std::uint64_t{c.n_heads} * c.head_dim,
                      kv = std::uint64_t{c.n_kv_heads} * c.head_dim;
  add(c.tied_output ? 1 : 2, c.vocab_size, c.dim);
  add(std::uint64_t{2} * c.n_layers + 1, 1, c.dim);
  add(std::uint64_t{2} * c.n_layers, q, c.dim);
  add(std::uint64_t{2} * c.n_layers, kv, c.dim);
  add(std::uint64_t{3} * c.n_layers, c.hidden_dim, c.dim);
  if (legacy) add(1, c.max_context, c.head_dim);
  return total;
}

}  // namespace

Model load_llama2c(std::shared_ptr<const Bytes> bytes, const std::string& file) {
  ByteReader reader(*bytes, file);
  const bool legacy = bytes->size() < 4 || reader.read<std::uint32_t>("magic") != kMagic;
  if (legacy) {
    reader = ByteReader(*bytes, file);
  } else {
    const auto version = reader.read<std::int32_t>("version");
    if (version == 2)
      throw ConfigError(file, "llama2.c version 2 (int8 groups) is not supported; export as version 0 or 1");
    if (version != 1)
      throw ConfigError(file, "llama2.c version " + std::to_string(version) + " is not supported");
  }
  std::array<std::int32_t, 7>
      header;  // dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, max_seq_len
  for (auto& value : header) value = reader.read<std::int32_t>("llama2.c header");
  bool tied = header[5] > 0;
  if (!legacy) tied = reader.read<std::uint8_t>("shared classifier flag") != 0;
  if (legacy && header[5] < 0 && header[5] != INT32_MIN) header[5] = -header[5];
  const auto neither = [&](const std::string& why) {
    const std::string what =
        legacy ? "neither a GGUF file nor a llama2.c checkpoint" : "damaged llama2.c checkpoint";
    return ConfigError(file, what + " (" + why + ")");
  };
  for (auto value : header)
    if (value <= 0) throw neither("a header field is " + std::to_string(value));

  Model model;
  ModelConfig& c = model.config;
  const auto field = [&](std::size_t i) { return static_cast<std::uint32_t>(header[i]); };
  c.dim = field(0);
  c.hidden_dim = field(1);
  c.n_layers = field(2);
  c.n_heads = field(3);
  c.n_kv_heads = field(4);
  c.vocab_size = field(5);
  c.max_context = field(6);
  c.rms_eps = 1e-5f;
  c.rope_theta = 10000.0f;
  c.tied_output = tied;
  if (c.dim % c.n_heads != 0)
    throw neither("width " + std::to_string(c.dim) + " is no multiple of " + std::to_string(c.n_heads) +
                  " heads");
  c.head_dim = c.dim / c.n_heads;

  // The size decides whether this is a checkpoint at all, and bounds every loop and allocation below.
  const std::uint64_t begin = legacy ? reader.position() : kHeaderBytes;
  const std::uint64_t expected =
      checked_product(total_floats(c, legacy, file), sizeof(float), file, "tensor size");
  if (bytes->size() < begin || bytes->size() - begin != expected)
    throw neither("its header asks for " + std::to_string(expected) + " bytes of tensors after byte " +
                  std::to_string(begin) + ", the file has " + std::to_string(bytes->size()) + " bytes");
  check_config(c, file);

  model.name = std::filesystem::path(file).stem().string();
  model.layers.resize(c.n_layers);
  const std::uint64_t q = std::uint64_t{c.n_heads} * c.head_dim,
                      kv = std::uint64_t{c.n_kv_heads} * c.head_dim;
  TensorSequence next(std::move(bytes), begin);
  if (legacy) {
    model.token_embedding = next.take("token_embedding", c.vocab_size, c.dim);
    next.take_layers(model.layers, &Layer::attn_norm, "attn_norm", 1, c.dim);
  } else {
    next.take_layers(model.layers, &Layer::attn_norm, "attn_norm", 1, c.dim);
    next.take_layers(model.layers, &Layer::ffn_norm, "ffn_norm", 1, c.dim);
    model.output_norm = next.take("output_norm", 1, c.dim);
    model.token_embedding = next.take("token_embedding", c.vocab_size, c.dim);
  }
  next.take_layers(model.layers, &Layer::wq, "wq", q, c.dim);
  next.take_layers(model.layers, &Layer::wk, "wk", kv, c.dim);
  next.take_layers(model.layers, &Layer::wv, "wv", kv, c.dim);
  next.take_layers(model.layers, &Layer::wo, "wo", c.dim, q);
  if (legacy) next.take_layers(model.layers, &Layer::ffn_norm, "ffn_norm", 1, c.dim);
  next.take_layers(model.layers, &Layer::w1, "w1", c.hidden_dim, c.dim);
  next.take_layers(model.layers, &Layer::w2, "w2", c.dim, c.hidden_dim);
  next.take_layers(model.layers, &Layer::w3, "w3", c.hidden_dim, c.dim);
  if (legacy) {
    model.output_norm = next.take("output_norm", 1, c.dim);
    next.skip(std::uint64_t{c.max_context} * c.head_dim);  // RoPE tables, computed anew
  }
  model.output = c.tied_output ? model.token_embedding : next.take("output", c.vocab_size, c.dim);
  return model;
}

Tokenizer load_llama2c_tokenizer(const Bytes& bytes, std::uint32_t vocab_size, const std::string& file) {
  ByteReader reader(bytes, file);
  reader.read<std::int32_t>("longest token");
  // Every entry takes at least eight bytes; this bounds the allocation.
  if (reader.remaining() / 8 < vocab_size)
    throw ConfigError(file, "truncated: too short for a vocabulary of " + std::to_string(vocab_size));
  TokenizerConfig config;
  config.vocabulary.resize(vocab_size);
  for (std::uint32_t id = 0; id < vocab_size; ++id) {
    VocabularyEntry& entry = config.vocabulary[id];
    entry.score = reader.read<float>("token score");
    const auto length = reader.read<std::int32_t>("token length");
    if (length < 0)
      throw ConfigError(file, "token " + std::to_string(id) + " has length " + std::to_string(length));
    const std::string text = reader.read_string(static_cast<std::uint64_t>(length), "token text");
    for (char c : text) {
      if (c == ' ')
        entry.piece += "\xe2\x96\x81";
      else
        entry.piece += c;
    }
    // The file has no token types; the order is SentencePiece's: <unk>, <s>, </s>, 256 bytes, pieces.
    if (id == 0)
      entry.type = TokenType::kUnknown;
    else if (id <= 2)
      entry.type = TokenType::kControl;
    else if (id < 3 + 256)
      entry.type = TokenType::kByte;
  }
  if (reader.remaining() != 0)
    throw ConfigError(file, "has " + std::to_string(reader.remaining()) + " bytes after token " +
                                std::to_string(vocab_size - 1) + "; is it the tokenizer of this checkpoint?");
  return Tokenizer(std::move(config), file);
}

}  // namespace memwall::loader
