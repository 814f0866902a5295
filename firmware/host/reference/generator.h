// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The firmware's decode loop on the host, over the reference kernels: the same llm/*.c sources with the
/// engines replaced by memwall::numerics on a memory image. What it generates is what the chips must
/// generate. Not a timing model. One chip: give it an image whose manifest has n_chips = 1 and every slice
/// local.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace memwall::reference {

/// Reads the image: manifest, tables and tensors, by chip physical address.
using MemoryReader = std::function<void(std::uint64_t address, void* out, std::uint64_t bytes)>;

struct Options {
  std::uint64_t sram_bytes = 64ull << 20;  ///< scratchpad; changes the size of a prefill pass, never a bit
};

struct Request {
  std::vector<std::uint32_t> prompt;  ///< token ids, at least one
  std::uint32_t max_new_tokens = 0;
  std::uint32_t eos_token = 0xffffffffu;  ///< 0xffffffff: never
  float temperature = 0.0f;               ///< 0: greedy
  float top_p = 1.0f;
  std::uint32_t top_k = 1;
  std::uint64_t seed = 0;
};

struct Result {
  std::uint32_t status = 0;  ///< HOST_STATUS_* of host_protocol.h
  std::vector<std::uint32_t> tokens;
};

/// Called for each new token with its position; logits() are then those it was chosen from.
using TokenCallback = std::function<void(std::uint32_t token, std::uint32_t position)>;

class Generator {
 public:
  /// Throws ConfigError with the firmware's own words if it refuses the model.
  Generator(MemoryReader reader, std::uint64_t manifest_address, const Options& options = {});
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  Result generate(const Request& request, const TokenCallback& on_token = {});
  /// (vocab_size) of the last step.
  const std::vector<float>& logits() const;
  /// Tokens that fit into the KV cache.
  std::uint32_t context_capacity() const;
  /// Prompt tokens per pass.
  std::uint32_t prefill_batch() const;
  /// What the firmware printed on its console.
  const std::string& console() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace memwall::reference
