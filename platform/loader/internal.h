// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What the readers of the two checkpoint formats share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "loader/bytes.h"
#include "loader/model.h"

namespace memwall::loader {

/// Overflow-checked product for sizes that a file states.
inline std::uint64_t checked_product(std::uint64_t a, std::uint64_t b, const std::string& file,
                                     const char* what) {
  std::uint64_t product;
  if (__builtin_mul_overflow(a, b, &product))
    throw ConfigError(file, std::string(what) + " overflows 64 bits");
  return product;
}

/// Refuses shapes that no Llama model has (and all that would divide by zero or overflow later).
void check_config(const ModelConfig& config, const std::string& file);

bool is_gguf(const Bytes& bytes);
Model load_gguf(std::shared_ptr<const Bytes> bytes, const std::string& file);
/// Without the tokenizer.
Model load_llama2c(std::shared_ptr<const Bytes> bytes, const std::string& file);
Tokenizer load_llama2c_tokenizer(const Bytes& bytes, std::uint32_t vocab_size, const std::string& file);

}  // namespace memwall::loader
