// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "firmware/tiny_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/rng.h"
#include "numerics/formats.h"

namespace memwall::test {
namespace {

using numerics::Format;

Weights random_weights(Rng& rng, std::uint32_t rows, std::uint32_t cols, double scale, double offset = 0) {
  Weights w{rows, cols, {}};
  w.values.resize(std::size_t{rows} * cols);
  for (float& v : w.values) v = static_cast<float>(offset + scale * (2 * rng.uniform() - 1));
  return w;
}

std::uint32_t round_up(std::uint32_t value, std::uint32_t to) { return (value + to - 1) / to * to; }

/// What the device format makes of a weight. MXINT8 blocks start at `first` and are cut at `last`.
std::vector<float> stored_row(std::uint32_t format, const float* row, std::uint32_t first,
                              std::uint32_t last) {
  std::vector<float> out(row + first, row + last);
  if (format == FORMAT_F16 || format == FORMAT_BF16) {
    std::vector<std::uint16_t> half(out.size());
    numerics::from_f32(static_cast<Format>(format), out.data(), half.data(), out.size());
    numerics::to_f32(static_cast<Format>(format), half.data(), out.data(), out.size());
  } else if (format == FORMAT_MXINT8) {
    for (std::size_t b = 0; b < out.size(); b += 32) {
      float block[32] = {};
      std::int8_t q[32];
      const std::size_t n = std::min<std::size_t>(32, out.size() - b);
      std::copy_n(out.begin() + b, n, block);
      const int scale = numerics::quantise_mxint8(block, q);
      for (std::size_t i = 0; i < n; ++i) out[b + i] = static_cast<float>(std::ldexp(q[i], scale - 127 - 6));
    }
  }
  return out;
}

std::vector<double> rms(const std::vector<double>& x, const Weights& w, double epsilon) {
  double sum = 0;
  for (double v : x) sum += v * v;
  const double r = 1 / std::sqrt(sum / x.size() + epsilon);
  std::vector<double> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] * r * w.values[i];
  return y;
}

float angle_of(std::uint32_t position, std::uint32_t pair, std::uint32_t head_dim) {
  return static_cast<float>(position / std::pow(10000.0, 2.0 * pair / head_dim));
}

void rotate(std::vector<double>& x, std::uint32_t head_dim, std::uint32_t position) {
  for (std::size_t i = 0; i < x.size(); i += 2) {
    const float angle = angle_of(position, static_cast<std::uint32_t>(i % head_dim / 2), head_dim);
    const double c = std::cos(angle), s = std::sin(angle), a = x[i], b = x[i + 1];
    x[i] = a * c - b * s;
    x[i + 1] = a * s + b * c;
  }
}

double round_to(std::uint32_t format, double value) {
  const float f = static_cast<float>(value);
  return format == FORMAT_F16 ? numerics::f32_from_f16(numerics::f16_from_f32(f)) : f;
}

}  // namespace

TinyModel::TinyModel(const TinyShape& shape) : shape_(shape) {
  Rng rng(shape.seed, "tiny model");
  const TinyShape& s = shape;
  const double in = 1.7 / std::sqrt(s.dim);
  embedding_ = random_weights(rng, s.vocab, s.dim, 1.0);
  output_ = random_weights(rng, s.vocab, s.dim, in);
  output_norm_ = random_weights(rng, 1, s.dim, 0.2, 1.0);
  for (std::uint32_t l = 0; l < s.layers; ++l) {
    TinyLayer layer;
    layer.wq = random_weights(rng, s.heads * s.head_dim, s.dim, in);
    layer.wk = random_weights(rng, s.kv_heads * s.head_dim, s.dim, in);
    layer.wv = random_weights(rng, s.kv_heads * s.head_dim, s.dim, in);
    layer.wo = random_weights(rng, s.dim, s.heads * s.head_dim, in);
    layer.w1 = random_weights(rng, s.hidden, s.dim, in);
    layer.w3 = random_weights(rng, s.hidden, s.dim, in);
    layer.w2 = random_weights(rng, s.dim, s.hidden, in);
    layer.attention_norm = random_weights(rng, 1, s.dim, 0.2, 1.0);
    layer.ffn_norm = random_weights(rng, 1, s.dim, 0.2, 1.0);
    layers_.push_back(std::move(layer));
  }
}

/// Lays one chip's image out: tensors one after the other in the HBF window, tables behind the manifest.
class TinyModel::Builder {
 public:
  explicit Builder(const TinyShape& shape) : shape_(shape) {}

  manifest_tensor_t matrix(const Weights& w, std::uint32_t format, std::uint32_t row0, std::uint32_t row1,
                           std::uint32_t col0, std::uint32_t col1) {
    manifest_tensor_t t = {};
    t.rows = row1 - row0;
    t.cols = col1 - col0;
    t.format = format;
    if (t.rows == 0 || t.cols == 0) return t;
    const std::size_t element = numerics::bytes_per_element(static_cast<Format>(format));
    t.row_stride = round_up(static_cast<std::uint32_t>(t.cols * element), 32);
    std::vector<std::uint8_t> data(std::size_t{t.rows} * t.row_stride, 0xa5), scales;
    const bool mx = format == FORMAT_MXINT8;
    if (mx) {
      t.scale_stride = round_up((t.cols + 31) / 32, 32);
      scales.assign(std::size_t{t.rows} * t.scale_stride, 0xa5);
    }
    for (std::uint32_t r = 0; r < t.rows; ++r) {
      const float* row = &w.values[std::size_t{row0 + r} * w.cols + col0];
      std::uint8_t* to = &data[std::size_t{r} * t.row_stride];
      if (!mx) {
        numerics::from_f32(static_cast<Format>(format), row, to, t.cols);
        continue;
      }
      for (std::uint32_t b = 0; b < t.cols; b += 32) {
        float block[32] = {};
        std::int8_t q[32];
        const std::uint32_t n = std::min(32u, t.cols - b);
        std::copy_n(row + b, n, block);
        scales[std::size_t{r} * t.scale_stride + b / 32] = numerics::quantise_mxint8(block, q);
        std::memcpy(to + b, q, n);
      }
    }
    t.address = place(std::move(data));
    if (mx) t.scale_address = place(std::move(scales));
    return t;
  }
  manifest_tensor_t all(const Weights& w, std::uint32_t format) {
    return matrix(w, format, 0, w.rows, 0, w.cols);
  }

  std::map<std::uint64_t, std::vector<std::uint8_t>> image;

 private:
  std::uint64_t place(std::vector<std::uint8_t> bytes) {
    const std::uint64_t address = next_;
    next_ = (next_ + bytes.size() + 31) / 32 * 32 + 64;  // a gap, so that reading past the end is noticed
    image[address] = std::move(bytes);
    return address;
  }
  const TinyShape& shape_;
  std::uint64_t next_ = 0x100000000000;
};

std::map<std::uint64_t, std::vector<std::uint8_t>> TinyModel::image(std::uint32_t chip) const {
  const TinyShape& s = shape_;
  Builder b(s);
  manifest_t m = {};
  m.magic = MANIFEST_MAGIC;
  m.version = MANIFEST_VERSION;
  m.size_bytes = sizeof m;
  m.chip = chip;
  m.n_chips = s.chips;
  m.n_slices = s.slices;
  m.dim = s.dim;
  m.hidden_dim = s.hidden;
  m.n_layers = s.layers;
  m.n_heads = s.heads;
  m.n_kv_heads = s.kv_heads;
  m.head_dim = s.head_dim;
  m.vocab_size = s.vocab;
  m.max_context = s.context;
  m.rms_epsilon = s.epsilon;
  m.kv_format = s.kv_format;
  m.prefill_batch = s.batch;
  m.n_arenas = s.arenas;
  m.layers_address = kManifest + 0x1000;
  m.token_embedding = b.all(embedding_, s.format == FORMAT_F16 ? FORMAT_F16 : FORMAT_F32);
  m.output_norm = b.all(output_norm_, FORMAT_F32);
  m.output = b.matrix(output_, s.format, chip * s.vocab / s.chips, (chip + 1) * s.vocab / s.chips, 0, s.dim);
  Weights rope{s.context, s.head_dim, std::vector<float>(std::size_t{s.context} * s.head_dim)};
  for (std::uint32_t p = 0; p < s.context; ++p) {
    for (std::uint32_t j = 0; j < s.head_dim / 2; ++j) {
      const float angle = angle_of(p, j, s.head_dim);
      rope.values[std::size_t{p} * s.head_dim + 2 * j] =
          static_cast<float>(std::cos(static_cast<double>(angle)));
      rope.values[std::size_t{p} * s.head_dim + 2 * j + 1] =
          static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  }
  m.rope_table = b.all(rope, FORMAT_F32);
  for (std::uint32_t i = 0; i < s.arenas; ++i)
    m.arenas[i] = {0x2000000000 + i * 0x1000000000ull, s.arena_bytes, i < s.pnm_arenas ? 1u : 0u, 0};

  std::vector<std::uint8_t> tables;
  const auto append = [&tables](const auto& record) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&record);
    tables.insert(tables.end(), bytes, bytes + sizeof record);
  };
  const std::uint32_t group = s.heads / s.kv_heads, local = s.slices / s.chips, hd = s.head_dim;
  for (const TinyLayer& layer : layers_) {
    append(manifest_norms_t{b.all(layer.attention_norm, FORMAT_F32), b.all(layer.ffn_norm, FORMAT_F32)});
    for (std::uint32_t i = chip * local; i < (chip + 1) * local; ++i) {
      const std::uint32_t kv0 = manifest_kv_head_begin(s.kv_heads, s.slices, i) * hd;
      const std::uint32_t kv1 = manifest_kv_head_begin(s.kv_heads, s.slices, i + 1) * hd;
      const std::uint32_t h0 = manifest_hidden_begin(s.hidden, s.slices, i);
      const std::uint32_t h1 = manifest_hidden_begin(s.hidden, s.slices, i + 1);
      manifest_slice_t t = {};
      t.wq = b.matrix(layer.wq, s.format, kv0 * group, kv1 * group, 0, s.dim);
      t.wk = b.matrix(layer.wk, s.format, kv0, kv1, 0, s.dim);
      t.wv = b.matrix(layer.wv, s.format, kv0, kv1, 0, s.dim);
      t.wo = b.matrix(layer.wo, s.format, 0, s.dim, kv0 * group, kv1 * group);
      t.w1 = b.matrix(layer.w1, s.format, h0, h1, 0, s.dim);
      t.w3 = b.matrix(layer.w3, s.format, h0, h1, 0, s.dim);
      t.w2 = b.matrix(layer.w2, s.format, 0, s.dim, h0, h1);
      append(t);
    }
  }
  std::vector<std::uint8_t> manifest(sizeof m);
  std::memcpy(manifest.data(), &m, sizeof m);
  b.image[kManifest] = std::move(manifest);
  b.image[m.layers_address] = std::move(tables);
  return std::move(b.image);
}

/// y = W x with what the format makes of both; `block_starts` are the columns where a slice starts.
std::vector<double> TinyModel::project(const Weights& w, const std::vector<double>& x,
                                       const std::vector<std::uint32_t>& block_starts) const {
  std::vector<double> y(w.rows, 0.0);
  for (std::size_t i = 0; i < block_starts.size(); ++i) {
    const std::uint32_t first = block_starts[i],
                        last = i + 1 < block_starts.size() ? block_starts[i + 1] : w.cols;
    if (first == last) continue;
    std::vector<float> in(x.begin(), x.end());
    const std::vector<float> activations = shape_.format == FORMAT_MXINT8
                                               ? stored_row(FORMAT_MXINT8, in.data(), first, last)
                                               : std::vector<float>(in.begin() + first, in.begin() + last);
    for (std::uint32_t r = 0; r < w.rows; ++r) {
      const std::vector<float> row =
          stored_row(shape_.format, &w.values[std::size_t{r} * w.cols], first, last);
      for (std::uint32_t c = 0; c < last - first; ++c) y[r] += static_cast<double>(row[c]) * activations[c];
    }
  }
  return y;
}

std::vector<std::vector<double>> TinyModel::naive_logits(const std::vector<std::uint32_t>& tokens) const {
  const TinyShape& s = shape_;
  const std::uint32_t group = s.heads / s.kv_heads, hd = s.head_dim;
  std::vector<std::uint32_t> whole = {0}, head_starts, hidden_starts;
  for (std::uint32_t i = 0; i < s.slices; ++i) {
    head_starts.push_back(manifest_kv_head_begin(s.kv_heads, s.slices, i) * group * hd);
    hidden_starts.push_back(manifest_hidden_begin(s.hidden, s.slices, i));
  }
  std::vector<std::vector<std::vector<double>>> keys(s.layers), values(s.layers);
  std::vector<std::vector<double>> result;
  for (std::uint32_t position = 0; position < tokens.size(); ++position) {
    std::vector<double> x(s.dim);
    for (std::uint32_t i = 0; i < s.dim; ++i)
      x[i] = round_to(s.format == FORMAT_F16 ? FORMAT_F16 : FORMAT_F32, embedding_.at(tokens[position], i));
    for (std::uint32_t l = 0; l < s.layers; ++l) {
      const TinyLayer& layer = layers_[l];
      const std::vector<double> xn = rms(x, layer.attention_norm, s.epsilon);
      std::vector<double> q = project(layer.wq, xn, whole), k = project(layer.wk, xn, whole),
                          v = project(layer.wv, xn, whole);
      rotate(q, hd, position);
      rotate(k, hd, position);
      for (double& e : k) e = round_to(s.kv_format, e);
      for (double& e : v) e = round_to(s.kv_format, e);
      keys[l].push_back(k);
      values[l].push_back(v);
      std::vector<double> attended(s.heads * hd, 0.0);
      for (std::uint32_t h = 0; h < s.heads; ++h) {
        const std::uint32_t kv = h / group * hd;
        std::vector<double> score(position + 1);
        for (std::uint32_t t = 0; t <= position; ++t) {
          for (std::uint32_t d = 0; d < hd; ++d) score[t] += q[h * hd + d] * keys[l][t][kv + d];
          score[t] = std::exp(score[t] / std::sqrt(hd));
        }
        double total = 0;
        for (double e : score) total += e;
        for (std::uint32_t t = 0; t <= position; ++t)
          for (std::uint32_t d = 0; d < hd; ++d)
            attended[h * hd + d] += score[t] / total * values[l][t][kv + d];
      }
      const std::vector<double> o = project(layer.wo, attended, head_starts);
      for (std::uint32_t i = 0; i < s.dim; ++i) x[i] += o[i];
      const std::vector<double> fn = rms(x, layer.ffn_norm, s.epsilon);
      std::vector<double> gate = project(layer.w1, fn, whole);
      const std::vector<double> up = project(layer.w3, fn, whole);
      for (std::uint32_t i = 0; i < s.hidden; ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
      const std::vector<double> down = project(layer.w2, gate, hidden_starts);
      for (std::uint32_t i = 0; i < s.dim; ++i) x[i] += down[i];
    }
    result.push_back(project(output_, rms(x, output_norm_, s.epsilon), whole));
  }
  return result;
}

void read_image(const std::map<std::uint64_t, std::vector<std::uint8_t>>& image, std::uint64_t address,
                void* out, std::uint64_t bytes) {
  auto part = image.upper_bound(address);
  if (part != image.begin()) {
    --part;
    const std::uint64_t offset = address - part->first;
    if (offset <= part->second.size() && bytes <= part->second.size() - offset) {
      std::memcpy(out, part->second.data() + offset, bytes);
      return;
    }
  }
  std::memset(out, 0, bytes);
  ADD_FAILURE() << "read of " << bytes << " bytes at 0x" << std::hex << address << " outside the image";
}

}  // namespace memwall::test
