// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "loader/model.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <utility>

#include "loader/internal.h"
#include "numerics/formats.h"

namespace memwall::loader {
namespace {

constexpr std::uint64_t kQ8Block = 32;
constexpr std::uint64_t kQ8BlockBytes = 2 + kQ8Block;

void q8_0_to_f32(const std::uint8_t* in, float* out, std::uint64_t count) {
  for (std::uint64_t block = 0; block < count / kQ8Block; ++block, in += kQ8BlockBytes) {
    std::uint16_t scale_bits;
    std::memcpy(&scale_bits, in, sizeof scale_bits);
    const float scale = numerics::f32_from_f16(scale_bits);
    for (std::uint64_t i = 0; i < kQ8Block; ++i)
      *out++ = static_cast<float>(static_cast<std::int8_t>(in[2 + i])) * scale;
  }
}

}  // namespace

const char* name_of(SourceFormat format) {
  switch (format) {
    case SourceFormat::kF32:
      return "F32";
    case SourceFormat::kF16:
      return "F16";
    case SourceFormat::kBf16:
      return "BF16";
    case SourceFormat::kQ8_0:
      return "Q8_0";
  }
  return "?";
}

std::uint64_t row_bytes(SourceFormat format, std::uint64_t cols) {
  switch (format) {
    case SourceFormat::kF32:
      return cols * 4;
    case SourceFormat::kF16:
    case SourceFormat::kBf16:
      return cols * 2;
    case SourceFormat::kQ8_0:
      return cols / kQ8Block * kQ8BlockBytes;
  }
  return 0;
}

void Tensor::to_f32(std::uint64_t row_begin, std::uint64_t n_rows, float* out) const {
  if (row_begin > rows || n_rows > rows - row_begin)
    throw ModelError("contract", name,
                     "rows " + std::to_string(row_begin) + " to " + std::to_string(row_begin + n_rows) +
                         " of " + std::to_string(rows) + " were asked for");
  const std::uint8_t* in = data + row_begin * row_bytes(format, cols);
  const std::uint64_t count = n_rows * cols;
  switch (format) {
    case SourceFormat::kF32:
      return numerics::to_f32(numerics::Format::kF32, in, out, count);
    case SourceFormat::kF16:
      return numerics::to_f32(numerics::Format::kF16, in, out, count);
    case SourceFormat::kBf16:
      return numerics::to_f32(numerics::Format::kBf16, in, out, count);
    case SourceFormat::kQ8_0:
      return q8_0_to_f32(in, out, count);
  }
}

std::vector<float> Tensor::row_f32(std::uint64_t row) const {
  std::vector<float> out(cols);
  to_f32(row, 1, out.data());
  return out;
}

void check_config(const ModelConfig& c, const std::string& file) {
  const auto refuse = [&](const std::string& what) { throw ConfigError(file, what); };
  const std::pair<const char*, std::uint32_t> sizes[] = {
      {"embedding length", c.dim},       {"feed-forward length", c.hidden_dim},
      {"block count", c.n_layers},       {"head count", c.n_heads},
      {"KV head count", c.n_kv_heads},   {"head dimension", c.head_dim},
      {"vocabulary size", c.vocab_size}, {"context length", c.max_context},
  };
  for (const auto& [what, value] : sizes)
    if (value == 0 || value > 0x7fffffffu)
      refuse(std::string(what) + " " + std::to_string(value) + " is not between 1 and 2147483647");
  if (c.n_heads % c.n_kv_heads != 0)
    refuse("head count " + std::to_string(c.n_heads) + " is not a multiple of KV head count " +
           std::to_string(c.n_kv_heads));
  if (c.head_dim % 2 != 0)
    refuse("head dimension " + std::to_string(c.head_dim) + " is odd; RoPE turns pairs");
  if (!(std::isfinite(c.rms_eps) && c.rms_eps >= 0.0f))
    refuse("RMS norm epsilon is not a finite number >= 0");
  if (!(std::isfinite(c.rope_theta) && c.rope_theta > 0.0f)) refuse("RoPE base is not a finite number > 0");
}

Model load_model(std::shared_ptr<const Bytes> checkpoint, const std::string& file,
                 std::shared_ptr<const Bytes> tokenizer, const std::string& tokenizer_file) {
  if (is_gguf(*checkpoint)) return load_gguf(std::move(checkpoint), file);
  Model model = load_llama2c(std::move(checkpoint), file);
  if (!tokenizer) throw ConfigError(file, "a llama2.c checkpoint needs its tokenizer file");
  model.tokenizer = load_llama2c_tokenizer(*tokenizer, model.config.vocab_size, tokenizer_file);
  return model;
}

Model load_model(const std::string& path, const std::string& tokenizer_path) {
  const auto checkpoint = Bytes::map_file(path);
  if (is_gguf(*checkpoint)) {
    if (!tokenizer_path.empty())
      throw ConfigError(tokenizer_path,
                        "a GGUF file brings its own tokenizer (" + path + "); leave this one out");
    return load_gguf(checkpoint, path);
  }
  // The shape first: "not a checkpoint" is a better message than "no tokenizer".
  Model model = load_llama2c(checkpoint, path);
  const std::string tokenizer_file =
      tokenizer_path.empty() ? (std::filesystem::path(path).parent_path() / "tokenizer.bin").string()
                             : tokenizer_path;
  model.tokenizer =
      load_llama2c_tokenizer(*Bytes::map_file(tokenizer_file), model.config.vocab_size, tokenizer_file);
  return model;
}

}  // namespace memwall::loader
