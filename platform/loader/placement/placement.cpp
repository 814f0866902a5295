// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "loader/placement/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/error.h"
#include "loader/model.h"
#include "manifest.h"
#include "map/chip_map.h"

namespace memwall::loader {
namespace {

using numerics::Format;

constexpr std::uint64_t kRowAlign = 32;       // engines want rows on 32 bytes
constexpr std::uint64_t kTensorAlign = 4096;  // a page of HBF; tensors never share one
constexpr std::uint64_t kMib = 1024 * 1024;

std::uint64_t align_up(std::uint64_t value, std::uint64_t to) { return (value + to - 1) / to * to; }

/// Hands out addresses in one memory.
struct Region {
  std::string name;
  std::uint64_t base = 0;
  std::uint64_t bytes = 0;
  std::uint64_t used = 0;

  std::uint64_t take(std::uint64_t size) {
    const std::uint64_t at = align_up(used, kTensorAlign);
    if (at > bytes || size > bytes - at) {
      throw ConfigError(
          "model placement",
          fmt::format("{} is full: {} MiB needed, {} MiB offered; add stacks or cubes, use more "
                      "chips, or a narrower model.format",
                      name, (at + size + kMib - 1) / kMib, bytes / kMib));
    }
    used = at + size;
    return base + at;
  }
};

/// Part of a source tensor: rows [row, row + rows), columns [col, col + cols).
struct Window {
  const Tensor* tensor;
  std::uint32_t row, rows, col, cols;
};

class ChipPlacer {
 public:
  ChipPlacer(const Model& model, const PlacementOptions& options, std::uint32_t chip,
             const ImageWriter& write)
      : model_(model), options_(options), chip_(chip), write_(write) {
    for (std::uint32_t i = 0; i < options.hbm_stacks; ++i) {
      stacks_.push_back({fmt::format("chip{}.hbm{}", chip, i), map::hbm_base(i), options.hbm_bytes, 0});
    }
    for (std::uint32_t j = 0; j < options.hbf_cubes; ++j) {
      cubes_.push_back({fmt::format("chip{}.hbf{}", chip, j), map::hbf_base(j), options.hbf_bytes, 0});
    }
  }

  void run(Placement& out) {
    const ModelConfig& c = model_.config;
    const std::uint32_t local_slices = options_.n_slices / options_.n_chips;
    const std::uint64_t layer_bytes = sizeof(manifest_norms_t) + local_slices * sizeof(manifest_slice_t);
    const std::uint64_t table_bytes = layer_bytes * c.n_layers;

    manifest_t m{};
    m.magic = MANIFEST_MAGIC;
    m.version = MANIFEST_VERSION;
    m.size_bytes = sizeof(manifest_t);
    m.chip = chip_;
    m.n_chips = options_.n_chips;
    m.n_slices = options_.n_slices;
    m.dim = c.dim;
    m.hidden_dim = c.hidden_dim;
    m.n_layers = c.n_layers;
    m.n_heads = c.n_heads;
    m.n_kv_heads = c.n_kv_heads;
    m.head_dim = c.head_dim;
    m.vocab_size = c.vocab_size;
    m.max_context = c.max_context;
    m.rms_epsilon = c.rms_eps;
    m.kv_format = static_cast<std::uint32_t>(options_.kv_format);
    m.prefill_batch = options_.prefill_batch;
    m.n_arenas = options_.hbm_stacks;

    const std::uint64_t manifest_address = stacks_[0].take(sizeof(manifest_t));
    m.layers_address = stacks_[0].take(table_bytes);

    // Embedding rows are converted to f32 one at a time; MXINT8 models keep them in f16.
    const Format embedding_format = options_.format == Format::kF32 ? Format::kF32 : Format::kF16;
    m.token_embedding = matrix(whole(model_.token_embedding), embedding_format, true);
    m.output_norm = matrix(whole(model_.output_norm), Format::kF32, false);
    const auto vocab_begin = [&](std::uint32_t chip) {
      return static_cast<std::uint32_t>(std::uint64_t{c.vocab_size} * chip / options_.n_chips);
    };
    const std::uint32_t first = vocab_begin(chip_), last = vocab_begin(chip_ + 1);
    if (c.tied_output && embedding_format == options_.format) {
      m.output = m.token_embedding;
      m.output.address += std::uint64_t{first} * m.output.row_stride;
      m.output.rows = last - first;
    } else {
      m.output = matrix({&model_.output, first, last - first, 0, c.dim}, options_.format, true);
    }
    m.rope_table = rope_table();

    std::vector<std::uint8_t> table(table_bytes);
    for (std::uint32_t l = 0; l < c.n_layers; ++l) {
      std::uint8_t* at = table.data() + l * layer_bytes;
      const Layer& layer = model_.layers[l];
      const manifest_norms_t norms = {matrix(whole(layer.attn_norm), Format::kF32, false),
                                      matrix(whole(layer.ffn_norm), Format::kF32, false)};
      std::memcpy(at, &norms, sizeof norms);
      at += sizeof norms;
      for (std::uint32_t s = chip_ * local_slices; s < (chip_ + 1) * local_slices; ++s) {
        const manifest_slice_t slice = place_slice(layer, s);
        std::memcpy(at, &slice, sizeof slice);
        at += sizeof slice;
      }
    }

    for (std::uint32_t i = 0; i < options_.hbm_stacks; ++i) {
      const std::uint64_t used = align_up(stacks_[i].used, kTensorAlign);
      m.arenas[i] = {stacks_[i].base + used, options_.hbm_bytes - std::min(used, options_.hbm_bytes),
                     options_.pnm ? 1u : 0u, 0};
      out.hbm_bytes_used += stacks_[i].used;
    }
    m.hbf_load = options_.hbf_load ? 1 : 0;
    m.kv_in_hbf = options_.kv_in_hbf ? 1 : 0;
    m.n_hbf_ranges = options_.hbf_cubes;
    for (std::uint32_t j = 0; j < options_.hbf_cubes; ++j) {
      m.hbf_ranges[j] = {cubes_[j].base, align_up(cubes_[j].used, kTensorAlign)};
      out.hbf_bytes_used += cubes_[j].used;
    }
    out.weight_bytes += weight_bytes_;
    write_(chip_, m.layers_address, table.data(), table.size());
    write_(chip_, manifest_address, &m, sizeof m);
    out.manifest_address.push_back(manifest_address);
  }

 private:
  static Window whole(const Tensor& t) {
    return {&t, 0, static_cast<std::uint32_t>(t.rows), 0, static_cast<std::uint32_t>(t.cols)};
  }

  manifest_slice_t place_slice(const Layer& layer, std::uint32_t s) {
    const ModelConfig& c = model_.config;
    const std::uint32_t n = options_.n_slices;
    const std::uint32_t group = c.n_heads / c.n_kv_heads;
    const std::uint32_t kv0 = manifest_kv_head_begin(c.n_kv_heads, n, s) * c.head_dim;
    const std::uint32_t kv1 = manifest_kv_head_begin(c.n_kv_heads, n, s + 1) * c.head_dim;
    const std::uint32_t h0 = manifest_hidden_begin(c.hidden_dim, n, s);
    const std::uint32_t h1 = manifest_hidden_begin(c.hidden_dim, n, s + 1);
    const Format f = options_.format;
    manifest_slice_t slice{};
    slice.wq = matrix({&layer.wq, kv0 * group, (kv1 - kv0) * group, 0, c.dim}, f, true);
    slice.wk = matrix({&layer.wk, kv0, kv1 - kv0, 0, c.dim}, f, true);
    slice.wv = matrix({&layer.wv, kv0, kv1 - kv0, 0, c.dim}, f, true);
    slice.wo = matrix({&layer.wo, 0, c.dim, kv0 * group, (kv1 - kv0) * group}, f, true);
    slice.w1 = matrix({&layer.w1, h0, h1 - h0, 0, c.dim}, f, true);
    slice.w3 = matrix({&layer.w3, h0, h1 - h0, 0, c.dim}, f, true);
    slice.w2 = matrix({&layer.w2, 0, c.dim, h0, h1 - h0}, f, true);
    return slice;
  }

  Region& region(bool is_weight) {
    std::vector<Region>& pool = is_weight && options_.weights_in_hbf ? cubes_ : stacks_;
    return pool[next_++ % pool.size()];
  }

  /// Converts and writes one matrix; an empty window gives a tensor without address.
  manifest_tensor_t matrix(const Window& w, Format format, bool is_weight) {
    manifest_tensor_t t{};
    t.rows = w.rows;
    t.cols = w.cols;
    t.format = static_cast<std::uint32_t>(format);
    if (w.rows == 0 || w.cols == 0) return t;
    const std::size_t blocks = (w.cols + numerics::kMxBlock - 1) / numerics::kMxBlock;
    const std::size_t elements = format == Format::kMxint8 ? blocks * numerics::kMxBlock : w.cols;
    const std::uint64_t stride = align_up(elements * numerics::bytes_per_element(format), kRowAlign);
    const std::uint64_t scale_stride = format == Format::kMxint8 ? align_up(blocks, kRowAlign) : 0;
    if (stride > UINT32_MAX) throw ConfigError("model placement", w.tensor->name + ": rows are too long");
    t.row_stride = static_cast<std::uint32_t>(stride);
    t.scale_stride = static_cast<std::uint32_t>(scale_stride);
    Region& where = region(is_weight);
    t.address = where.take(stride * w.rows);
    if (scale_stride) t.scale_address = where.take(scale_stride * w.rows);
    if (is_weight) weight_bytes_ += (stride + scale_stride) * w.rows;
    if (!options_.contents) {
      write_(chip_, t.address, nullptr, stride * w.rows);
      if (scale_stride) write_(chip_, t.scale_address, nullptr, scale_stride * w.rows);
      return t;
    }

    // A page of rows at a time: HBF takes whole pages, and the host copy stays small.
    const std::uint32_t chunk = static_cast<std::uint32_t>(std::max<std::uint64_t>(1, 65536 / stride));
    std::vector<float> source(w.tensor->cols * chunk);
    std::vector<std::uint8_t> rows, scales;
    for (std::uint32_t r = 0; r < w.rows; r += chunk) {
      const std::uint32_t n = std::min(chunk, w.rows - r);
      w.tensor->to_f32(w.row + r, n, source.data());
      rows.assign(stride * n, 0);
      scales.assign(scale_stride * n, 0);
      for (std::uint32_t i = 0; i < n; ++i) {
        const float* from = source.data() + i * w.tensor->cols + w.col;
        if (format == Format::kMxint8) {
          quantise_row(from, w.cols, rows.data() + i * stride, scales.data() + i * scale_stride);
        } else {
          numerics::from_f32(format, from, rows.data() + i * stride, w.cols);
        }
      }
      write_(chip_, t.address + stride * r, rows.data(), rows.size());
      if (scale_stride) write_(chip_, t.scale_address + scale_stride * r, scales.data(), scales.size());
    }
    return t;
  }

  static void quantise_row(const float* from, std::size_t cols, std::uint8_t* to, std::uint8_t* scales) {
    for (std::size_t b = 0; b * numerics::kMxBlock < cols; ++b) {
      float block[numerics::kMxBlock] = {};
      std::copy_n(from + b * numerics::kMxBlock, std::min(numerics::kMxBlock, cols - b * numerics::kMxBlock),
                  block);
      scales[b] =
          numerics::quantise_mxint8(block, reinterpret_cast<std::int8_t*>(to) + b * numerics::kMxBlock);
    }
  }

  /// (max_context, head_dim): cos and sin of position * theta^(-2j / head_dim) at 2j and 2j + 1, computed in
  /// double and rounded once.
  manifest_tensor_t rope_table() {
    const ModelConfig& c = model_.config;
    manifest_tensor_t t{};
    t.rows = c.max_context;
    t.cols = c.head_dim;
    t.format = FORMAT_F32;
    t.row_stride = static_cast<std::uint32_t>(align_up(c.head_dim * sizeof(float), kRowAlign));
    t.address = region(false).take(std::uint64_t{t.row_stride} * t.rows);
    if (!options_.contents) {
      write_(chip_, t.address, nullptr, std::uint64_t{t.row_stride} * t.rows);
      return t;
    }
    std::vector<std::uint8_t> row(t.row_stride, 0);
    for (std::uint32_t p = 0; p < c.max_context; ++p) {
      for (std::uint32_t j = 0; j < c.head_dim / 2; ++j) {
        const double angle = p * std::pow(double{c.rope_theta}, -2.0 * j / c.head_dim);
        const float pair[2] = {static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle))};
        std::memcpy(row.data() + j * sizeof pair, pair, sizeof pair);
      }
      write_(chip_, t.address + std::uint64_t{t.row_stride} * p, row.data(), row.size());
    }
    return t;
  }

  const Model& model_;
  const PlacementOptions& options_;
  std::uint32_t chip_;
  const ImageWriter& write_;
  std::vector<Region> stacks_;
  std::vector<Region> cubes_;
  std::size_t next_ = 0;
  std::uint64_t weight_bytes_ = 0;
};

}  // namespace

Placement place_model(const Model& model, const PlacementOptions& options, const ImageWriter& write) {
  if (options.n_chips == 0 || options.n_slices == 0 || options.n_slices % options.n_chips != 0) {
    throw ConfigError("model placement", fmt::format("{} reduction slices cannot be shared by {} chips",
                                                     options.n_slices, options.n_chips));
  }
  if (options.hbm_stacks == 0 || options.hbm_stacks > MANIFEST_MAX_STACKS) {
    throw ConfigError("model placement", fmt::format("{} HBM stacks per chip; 1 to {} can be described",
                                                     options.hbm_stacks, MANIFEST_MAX_STACKS));
  }
  if (options.hbf_cubes > MANIFEST_MAX_CUBES) {
    throw ConfigError("model placement", fmt::format("{} HBF cubes per chip; at most {} can be described",
                                                     options.hbf_cubes, MANIFEST_MAX_CUBES));
  }
  if (options.weights_in_hbf && options.hbf_cubes == 0) {
    throw ConfigError("model placement", "weights are to go to HBF, but there is no cube");
  }
  Placement out;
  for (std::uint32_t chip = 0; chip < options.n_chips; ++chip)
    ChipPlacer(model, options, chip, write).run(out);
  return out;
}

}  // namespace memwall::loader
