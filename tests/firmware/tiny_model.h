// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A small random llama-architecture model, its device image with manifest, and a naive forward pass in
/// double that knows nothing of tiles, slices (but for where MXINT8 blocks start), caches or the firmware.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "manifest.h"

namespace memwall::test {

struct TinyShape {
  std::uint32_t dim = 48, hidden = 100, layers = 2, heads = 4, kv_heads = 2, head_dim = 12, vocab = 61,
                context = 40;
  std::uint32_t slices = 2, chips = 1, batch = 4, arenas = 2, pnm_arenas = 0;
  std::uint32_t format = FORMAT_F16, kv_format = FORMAT_F16;
  std::uint64_t arena_bytes = 1 << 20;
  float epsilon = 1e-5f;
  std::uint64_t seed = 1;
};

/// Row-major (rows, cols), as the checkpoint would have it.
struct Weights {
  std::uint32_t rows = 0, cols = 0;
  std::vector<float> values;
  float at(std::uint32_t r, std::uint32_t c) const { return values[std::size_t{r} * cols + c]; }
};

struct TinyLayer {
  Weights wq, wk, wv, wo, w1, w2, w3, attention_norm, ffn_norm;
};

class TinyModel {
 public:
  explicit TinyModel(const TinyShape& shape);

  const TinyShape& shape() const { return shape_; }
  /// Image of one chip, memory by address; the manifest is at kManifest.
  static constexpr std::uint64_t kManifest = 0x1000000000;
  std::map<std::uint64_t, std::vector<std::uint8_t>> image(std::uint32_t chip) const;
  /// Logits (vocab) after each of `tokens`, by plain attention over all of them.
  std::vector<std::vector<double>> naive_logits(const std::vector<std::uint32_t>& tokens) const;

 private:
  class Builder;
  std::vector<double> project(const Weights& w, const std::vector<double>& x,
                              const std::vector<std::uint32_t>& block_starts) const;

  TinyShape shape_;
  Weights embedding_, output_, output_norm_;
  std::vector<TinyLayer> layers_;
};

/// Reads an image; bytes outside every part are an error that fails the test.
void read_image(const std::map<std::uint64_t, std::vector<std::uint8_t>>& image, std::uint64_t address,
                void* out, std::uint64_t bytes);

}  // namespace memwall::test
