// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Placement of a model: every element of every matrix lies on exactly one chip and slice, where the manifest
// says; what lies where; and what is refused. Read back as the firmware would, from the image alone.
#include "loader/placement/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/sparse_memory.h"
#include "loader/bytes.h"
#include "loader/model.h"
#include "manifest.h"
#include "map/chip_map.h"
#include "support/tiny_model.h"

namespace memwall::test {
namespace {

using loader::PlacementOptions;
using numerics::Format;

constexpr std::uint64_t kMib = 1024 * 1024, kPage = 4096;

TinyShape shape_of(std::uint32_t dim, std::uint32_t hidden, std::uint32_t heads, std::uint32_t kv_heads,
                   std::uint32_t head_dim) {
  TinyShape s;
  s.dim = dim;
  s.hidden_dim = hidden;
  s.n_heads = heads;
  s.n_kv_heads = kv_heads;
  s.head_dim = head_dim;
  return s;
}

loader::Model load(const GgufWriter& gguf) {
  return loader::load_model(loader::Bytes::from_memory(gguf.bytes()), "test.gguf", nullptr, "");
}

/// A model whose every matrix element is its own index (row * cols + col), exact in f32.
loader::Model numbered_model(const TinyShape& shape) {
  GgufWriter gguf = tiny_gguf(shape, kGgmlF32);
  for (GgufWriter::TensorEntry& tensor : gguf.tensors) {
    for (std::size_t i = 0; i < tensor.data.size() / 4; ++i) {
      const auto value = static_cast<float>(i);
      std::memcpy(&tensor.data[4 * i], &value, 4);
    }
  }
  return load(gguf);
}

/// What place_model wrote, per chip, by physical address.
struct Image {
  explicit Image(const loader::Model& model, const PlacementOptions& options) {
    for (std::uint32_t c = 0; c < options.n_chips; ++c) memory.emplace_back(~std::uint64_t{0});
    written.resize(options.n_chips);
    placement = loader::place_model(
        model, options, [&](std::uint32_t chip, std::uint64_t address, const void* bytes, std::size_t size) {
          ASSERT_LT(chip, memory.size());
          ASSERT_GT(size, 0u);
          const auto next = written[chip].lower_bound(address);
          if (next != written[chip].end()) {
            EXPECT_LE(address + size, next->first) << std::hex << address << " is written twice";
          }
          if (next != written[chip].begin()) {
            EXPECT_LE(std::prev(next)->second, address) << std::hex << address << " is written twice";
          }
          written[chip][address] = address + size;
          memory[chip].write(address, bytes, size);
        });
    EXPECT_EQ(placement.manifest_address.size(), options.n_chips);
  }

  template <typename T>
  T get(std::uint32_t chip, std::uint64_t address) const {
    T value;
    memory[chip].read(address, &value, sizeof value);
    return value;
  }
  manifest_t manifest(std::uint32_t chip) const {
    return get<manifest_t>(chip, placement.manifest_address[chip]);
  }
  manifest_norms_t norms(std::uint32_t chip, std::uint32_t layer) const {
    return get<manifest_norms_t>(chip, layer_address(chip, layer));
  }
  manifest_slice_t slice(std::uint32_t chip, std::uint32_t layer, std::uint32_t local) const {
    return get<manifest_slice_t>(
        chip, layer_address(chip, layer) + sizeof(manifest_norms_t) + local * sizeof(manifest_slice_t));
  }
  /// Element of an F32 matrix.
  float f32(std::uint32_t chip, const manifest_tensor_t& t, std::uint32_t row, std::uint32_t col) const {
    return get<float>(chip, t.address + std::uint64_t{row} * t.row_stride + 4 * col);
  }

  std::vector<SparseMemory> memory;
  std::vector<std::map<std::uint64_t, std::uint64_t>> written;  ///< begin -> end
  loader::Placement placement;

 private:
  std::uint64_t layer_address(std::uint32_t chip, std::uint32_t layer) const {
    const manifest_t m = manifest(chip);
    return m.layers_address +
           layer * (sizeof(manifest_norms_t) + m.n_slices / m.n_chips * sizeof(manifest_slice_t));
  }
};

PlacementOptions options_of(std::uint32_t chips, std::uint32_t slices, Format format = Format::kF32) {
  PlacementOptions o;
  o.n_chips = chips;
  o.n_slices = slices;
  o.format = format;
  o.hbm_stacks = 2;
  o.hbm_bytes = 64 * kMib;
  return o;
}

/// Every tensor that a manifest names, with what it is called.
std::vector<std::pair<std::string, manifest_tensor_t>> tensors(const Image& image, std::uint32_t chip) {
  const manifest_t m = image.manifest(chip);
  std::vector<std::pair<std::string, manifest_tensor_t>> all = {
      {"token_embedding", m.token_embedding}, {"output_norm", m.output_norm}, {"rope_table", m.rope_table}};
  if (m.output.address < m.token_embedding.address ||
      m.output.address >=
          m.token_embedding.address + std::uint64_t{m.token_embedding.row_stride} * m.token_embedding.rows)
    all.emplace_back("output", m.output);
  for (std::uint32_t l = 0; l < m.n_layers; ++l) {
    const std::string layer = "layer " + std::to_string(l) + " ";
    const manifest_norms_t norms = image.norms(chip, l);
    all.emplace_back(layer + "attention_norm", norms.attention_norm);
    all.emplace_back(layer + "ffn_norm", norms.ffn_norm);
    for (std::uint32_t s = 0; s < m.n_slices / m.n_chips; ++s) {
      const manifest_slice_t t = image.slice(chip, l, s);
      const std::pair<const char*, manifest_tensor_t> parts[] = {
          {"wq", t.wq}, {"wk", t.wk}, {"wv", t.wv}, {"wo", t.wo}, {"w1", t.w1}, {"w3", t.w3}, {"w2", t.w2}};
      for (const auto& [name, tensor] : parts)
        if (tensor.rows != 0 && tensor.cols != 0) all.emplace_back(layer + name, tensor);
    }
  }
  return all;
}

/// Walks the slices of one matrix in order and takes each one's elements off a list of all of them. The cut
/// is followed by what the slices before took, not by the formula that placed them.
class Cut {
 public:
  Cut(std::string name, std::uint64_t rows, std::uint64_t cols, bool by_rows)
      : name_(std::move(name)), rows_(rows), cols_(cols), by_rows_(by_rows), seen_(rows * cols, 0) {}

  void take(const Image& image, std::uint32_t chip, const manifest_tensor_t& t) {
    if (t.rows == 0 || t.cols == 0) {
      EXPECT_EQ(t.address, 0u) << name_ << ": an empty slice has no address";
      return;
    }
    EXPECT_EQ(by_rows_ ? t.cols : t.rows, by_rows_ ? cols_ : rows_) << name_;
    for (std::uint32_t r = 0; r < t.rows; ++r) {
      for (std::uint32_t c = 0; c < t.cols; ++c) {
        const std::uint64_t row = r + (by_rows_ ? taken_ : 0), col = c + (by_rows_ ? 0 : taken_);
        ASSERT_TRUE(row < rows_ && col < cols_) << name_ << ": slices hold more than the matrix";
        ASSERT_EQ(image.f32(chip, t, r, c), static_cast<float>(row * cols_ + col))
            << name_ << " row " << row << " col " << col;
        ++seen_[row * cols_ + col];
      }
    }
    taken_ += by_rows_ ? t.rows : t.cols;
  }
  void finish() const {
    EXPECT_TRUE(std::all_of(seen_.begin(), seen_.end(), [](int n) { return n == 1; }))
        << name_ << ": " << std::count(seen_.begin(), seen_.end(), 0) << " elements are on no slice";
  }

 private:
  std::string name_;
  std::uint64_t rows_, cols_, taken_ = 0;
  bool by_rows_;
  std::vector<int> seen_;
};

struct CutCase {
  const char* name;
  TinyShape shape;
  std::uint32_t slices;
  std::uint32_t empty_attention, empty_hidden;  ///< slices without KV heads, without hidden units
};

class PlacementCut : public testing::TestWithParam<CutCase> {};

TEST_P(PlacementCut, EveryElementIsOnExactlyOneSliceOnOneTwoAndFourChips) {
  const CutCase& p = GetParam();
  const loader::Model model = numbered_model(p.shape);
  const std::uint64_t q = p.shape.n_heads * p.shape.head_dim, kv = p.shape.n_kv_heads * p.shape.head_dim;
  for (std::uint32_t chips : {1u, 2u, 4u}) {
    if (p.slices % chips != 0) continue;
    const Image image(model, options_of(chips, p.slices));
    for (std::uint32_t l = 0; l < p.shape.n_layers; ++l) {
      const std::uint64_t dim = p.shape.dim, hidden = p.shape.hidden_dim;
      Cut wq("wq", q, dim, true), wk("wk", kv, dim, true), wv("wv", kv, dim, true), wo("wo", dim, q, false),
          w1("w1", hidden, dim, true), w3("w3", hidden, dim, true), w2("w2", dim, hidden, false);
      std::uint32_t empty_attention = 0, empty_hidden = 0;
      std::uint64_t hidden_taken = 0;
      for (std::uint32_t s = 0; s < p.slices; ++s) {
        const std::uint32_t local = p.slices / chips, chip = s / local;
        const manifest_slice_t t = image.slice(chip, l, s % local);
        wq.take(image, chip, t.wq);
        wk.take(image, chip, t.wk);
        wv.take(image, chip, t.wv);
        wo.take(image, chip, t.wo);
        w1.take(image, chip, t.w1);
        w3.take(image, chip, t.w3);
        w2.take(image, chip, t.w2);
        if (HasFatalFailure()) return;
        // A slice has whole KV heads with all the query heads that read them, and whole blocks of 32 units.
        EXPECT_EQ(t.wk.rows % p.shape.head_dim, 0u);
        EXPECT_EQ(t.wv.rows, t.wk.rows);
        EXPECT_EQ(t.wq.rows, t.wk.rows * (p.shape.n_heads / p.shape.n_kv_heads));
        EXPECT_EQ(t.wo.cols, t.wq.rows);
        EXPECT_EQ(t.w3.rows, t.w1.rows);
        EXPECT_EQ(t.w2.cols, t.w1.rows);
        EXPECT_TRUE(t.w1.rows == 0 || hidden_taken % 32 == 0) << "a slice begins inside a block";
        hidden_taken += t.w1.rows;
        empty_attention += t.wk.rows == 0 ? 1 : 0;
        empty_hidden += t.w1.rows == 0 ? 1 : 0;
      }
      for (const Cut* cut : {&wq, &wk, &wv, &wo, &w1, &w3, &w2}) cut->finish();
      EXPECT_EQ(empty_attention, p.empty_attention);
      EXPECT_EQ(empty_hidden, p.empty_hidden);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, PlacementCut,
    testing::Values(CutCase{"EvenHeads", shape_of(32, 64, 4, 2, 8), 2, 0, 0},
                    CutCase{"ThreeKvHeadsOnTwoSlices", shape_of(48, 100, 6, 3, 8), 2, 0, 0},
                    CutCase{"ThreeKvHeadsOnFourSlices", shape_of(48, 100, 6, 3, 8), 4, 1, 0},
                    CutCase{"OneKvHeadLeavesASliceEmpty", shape_of(30, 77, 3, 1, 10), 2, 1, 0},
                    CutCase{"OneKvHeadOnFourSlices", shape_of(30, 77, 3, 1, 10), 4, 3, 1},
                    CutCase{"HiddenBelowOneBlock", shape_of(32, 20, 4, 4, 8), 4, 0, 3},
                    CutCase{"HeadsWiderThanTheModel", shape_of(16, 33, 4, 2, 12), 2, 0, 0},
                    CutCase{"OneSlice", shape_of(48, 100, 6, 3, 8), 1, 0, 0},
                    CutCase{"EightSlices", shape_of(64, 300, 16, 8, 4), 8, 0, 0}),
    [](const auto& p) { return std::string(p.param.name); });

TEST(Placement, TheManifestSaysWhatTheModelAndTheOptionsSay) {
  const TinyShape shape = shape_of(48, 100, 6, 3, 8);
  const loader::Model model = numbered_model(shape);
  PlacementOptions options = options_of(2, 4);
  options.kv_format = Format::kF32;
  options.prefill_batch = 5;
  options.pnm = true;
  const Image image(model, options);
  for (std::uint32_t chip = 0; chip < 2; ++chip) {
    EXPECT_EQ(image.placement.manifest_address[chip], map::hbm_base(0));
    const manifest_t m = image.manifest(chip);
    EXPECT_EQ(m.magic, MANIFEST_MAGIC);
    EXPECT_EQ(m.version, MANIFEST_VERSION);
    EXPECT_EQ(m.size_bytes, sizeof m);
    EXPECT_EQ(m.chip, chip);
    EXPECT_EQ(m.n_chips, 2u);
    EXPECT_EQ(m.n_slices, 4u);
    EXPECT_EQ(m.dim, 48u);
    EXPECT_EQ(m.hidden_dim, 100u);
    EXPECT_EQ(m.n_layers, 2u);
    EXPECT_EQ(m.n_heads, 6u);
    EXPECT_EQ(m.n_kv_heads, 3u);
    EXPECT_EQ(m.head_dim, 8u);
    EXPECT_EQ(m.vocab_size, model.config.vocab_size);
    EXPECT_EQ(m.max_context, 16u);
    EXPECT_EQ(m.rms_epsilon, 1e-5f);
    EXPECT_EQ(m.kv_format, static_cast<std::uint32_t>(FORMAT_F32));
    EXPECT_EQ(m.prefill_batch, 5u);
    EXPECT_EQ(m.n_arenas, 2u);
    EXPECT_EQ(m.layers_address % 8, 0u);
    for (std::uint32_t i = 0; i < 2; ++i) {
      EXPECT_EQ(m.arenas[i].has_pnm, 1u);
      EXPECT_EQ(m.arenas[i].base % kPage, 0u);
      EXPECT_EQ(m.arenas[i].base + m.arenas[i].bytes, map::hbm_base(i) + options.hbm_bytes)
          << "an arena ends with its stack";
      for (const auto& [begin, end] : image.written[chip])
        EXPECT_TRUE(end <= m.arenas[i].base || begin >= m.arenas[i].base + m.arenas[i].bytes)
            << "something was placed in an arena";
    }
    for (std::uint32_t i = 2; i < MANIFEST_MAX_STACKS; ++i) EXPECT_EQ(m.arenas[i].bytes, 0u);
  }
  options.pnm = false;
  EXPECT_EQ(Image(model, options).manifest(1).arenas[1].has_pnm, 0u);
}

TEST(Placement, NormsEmbeddingAndRopeTableAreOnEveryChip) {
  const TinyShape shape = shape_of(48, 100, 6, 3, 8);
  const loader::Model model = numbered_model(shape);
  const Image image(model, options_of(4, 4));
  for (std::uint32_t chip = 0; chip < 4; ++chip) {
    const manifest_t m = image.manifest(chip);
    ASSERT_EQ(m.token_embedding.rows, model.config.vocab_size);
    ASSERT_EQ(m.token_embedding.cols, 48u);
    for (std::uint32_t r = 0; r < m.token_embedding.rows; ++r)
      for (std::uint32_t c = 0; c < 48; ++c)
        ASSERT_EQ(image.f32(chip, m.token_embedding, r, c), static_cast<float>(r * 48 + c));
    for (std::uint32_t l = 0; l < 2; ++l) {
      const manifest_norms_t norms = image.norms(chip, l);
      for (const manifest_tensor_t& t : {norms.attention_norm, norms.ffn_norm, m.output_norm}) {
        ASSERT_EQ(t.rows, 1u);
        ASSERT_EQ(t.cols, 48u);
        for (std::uint32_t c = 0; c < 48; ++c) EXPECT_EQ(image.f32(chip, t, 0, c), static_cast<float>(c));
      }
    }
    ASSERT_EQ(m.rope_table.rows, 16u);
    ASSERT_EQ(m.rope_table.cols, 8u);
    for (std::uint32_t position = 0; position < 16; ++position) {
      for (std::uint32_t j = 0; j < 4; ++j) {
        const double angle = position / std::pow(10000.0, j / 4.0);
        EXPECT_NEAR(image.f32(chip, m.rope_table, position, 2 * j), std::cos(angle), 6e-8);
        EXPECT_NEAR(image.f32(chip, m.rope_table, position, 2 * j + 1), std::sin(angle), 6e-8);
      }
    }
  }
}

class PlacementOfFormat : public testing::TestWithParam<Format> {};

TEST_P(PlacementOfFormat, RowsAreOn32BytesAndTensorsOnPagesOfTheirOwn) {
  for (bool in_hbf : {false, true}) {
    PlacementOptions options = options_of(2, 2, GetParam());
    options.weights_in_hbf = in_hbf;
    options.hbf_cubes = in_hbf ? 3 : 0;
    options.hbf_bytes = 64 * kMib;
    const Image image(load(tiny_gguf(shape_of(30, 77, 3, 1, 10))), options);
    for (std::uint32_t chip = 0; chip < 2; ++chip) {
      const auto all = tensors(image, chip);
      std::map<std::uint64_t, std::string> pages;  // page -> who has it
      const auto own = [&](const std::string& name, std::uint64_t address, std::uint64_t bytes) {
        EXPECT_EQ(address % kPage, 0u) << name;
        for (std::uint64_t page = address / kPage; page <= (address + bytes - 1) / kPage; ++page)
          EXPECT_TRUE(pages.emplace(page, name).second) << name << " shares a page with " << pages[page];
      };
      for (const auto& [name, t] : all) {
        const auto format = static_cast<Format>(t.format);
        EXPECT_EQ(t.row_stride % 32, 0u) << name;
        EXPECT_GE(t.row_stride, t.cols * numerics::bytes_per_element(format)) << name;
        own(name, t.address, std::uint64_t{t.row_stride} * t.rows);
        EXPECT_EQ(t.scale_address != 0, format == Format::kMxint8) << name;
        EXPECT_EQ(t.scale_stride != 0, format == Format::kMxint8) << name;
        if (format == Format::kMxint8) {
          EXPECT_EQ(t.scale_stride % 32, 0u) << name;
          EXPECT_GE(t.scale_stride, (t.cols + 31) / 32) << name;
          own(name + " scales", t.scale_address, std::uint64_t{t.scale_stride} * t.rows);
        }
        // Frozen matrices go where the option says; what is small and f32 always stays in HBM.
        const bool is_small = name.find("norm") != std::string::npos || name == "rope_table";
        EXPECT_TRUE(!is_small || format == Format::kF32) << name;
        const bool hbf = in_hbf && !is_small;
        EXPECT_EQ(t.address >= map::hbf_base(0), hbf) << name;
        EXPECT_LE(t.address, (hbf ? map::hbf_base(2) : map::hbm_base(1)) + 64 * kMib) << name;
      }
      for (const auto& [begin, end] : image.written[chip]) {
        const bool in_stack = (begin >= map::hbm_base(0) && end <= map::hbm_base(0) + 64 * kMib) ||
                              (begin >= map::hbm_base(1) && end <= map::hbm_base(1) + 64 * kMib);
        bool in_cube = false;
        for (std::uint32_t j = 0; j < options.hbf_cubes; ++j)
          in_cube = in_cube || (begin >= map::hbf_base(j) && end <= map::hbf_base(j) + 64 * kMib);
        EXPECT_TRUE(in_stack || in_cube) << std::hex << begin;
      }
    }
    EXPECT_EQ(image.placement.hbf_bytes_used != 0, in_hbf);
    EXPECT_GT(image.placement.weight_bytes, 0u);
    EXPECT_LE(image.placement.weight_bytes,
              in_hbf ? image.placement.hbf_bytes_used : image.placement.hbm_bytes_used);
  }
}

TEST_P(PlacementOfFormat, ValuesAreTheModelsAndPaddingIsZero) {
  // The weights are multiples of 1/64 below 1/2, exact in every format.
  const TinyShape shape = shape_of(48, 100, 6, 3, 8);
  const loader::Model model = load(tiny_gguf(shape));
  const Image image(model, options_of(2, 2, GetParam()));
  for (std::uint32_t chip = 0; chip < 2; ++chip) {
    for (std::uint32_t l = 0; l < 2; ++l) {
      const manifest_slice_t t = image.slice(chip, l, 0);
      const loader::Layer& layer = model.layers[l];
      struct Part {
        const manifest_tensor_t* placed;
        const loader::Tensor* source;
        std::uint32_t row, col;
      };
      // 3 KV heads: 1 and 2; 100 hidden units in 4 blocks: 64 and 36.
      const std::uint32_t kv = chip * 8, q = chip * 16, h = chip * 64;
      const Part parts[] = {{&t.wq, &layer.wq, q, 0}, {&t.wk, &layer.wk, kv, 0}, {&t.wv, &layer.wv, kv, 0},
                            {&t.wo, &layer.wo, 0, q}, {&t.w1, &layer.w1, h, 0},  {&t.w3, &layer.w3, h, 0},
                            {&t.w2, &layer.w2, 0, h}};
      for (const Part& part : parts) {
        const manifest_tensor_t& p = *part.placed;
        const auto format = static_cast<Format>(p.format);
        ASSERT_EQ(format, GetParam());
        const std::size_t size = numerics::bytes_per_element(format);
        for (std::uint32_t r = 0; r < p.rows; ++r) {
          const std::vector<float> source = part.source->row_f32(part.row + r);
          const std::uint64_t row = p.address + std::uint64_t{r} * p.row_stride;
          for (std::uint32_t c = 0; c < p.cols; ++c) {
            const std::uint64_t at = row + c * size;
            double value;
            if (format == Format::kF32) {
              value = image.get<float>(chip, at);
            } else if (format == Format::kF16) {
              value = numerics::f32_from_f16(image.get<std::uint16_t>(chip, at));
            } else {  // element * 2^-6 * 2^(scale - 127); blocks count from the slice's first column
              const auto scale =
                  image.get<std::uint8_t>(chip, p.scale_address + std::uint64_t{r} * p.scale_stride + c / 32);
              value = std::ldexp(image.get<std::int8_t>(chip, at), -6 + scale - 127);
            }
            ASSERT_EQ(value, double{source[part.col + c]}) << part.source->name << " " << r << " " << c;
          }
          for (std::uint64_t at = row + p.cols * size; at < row + p.row_stride; ++at)
            ASSERT_EQ(image.get<std::uint8_t>(chip, at), 0u) << part.source->name << " padding";
        }
      }
    }
  }
}

std::string format_name(const testing::TestParamInfo<Format>& info) {
  return info.param == Format::kF32 ? "F32" : info.param == Format::kF16 ? "F16" : "Mxint8";
}
INSTANTIATE_TEST_SUITE_P(Formats, PlacementOfFormat,
                         testing::Values(Format::kF32, Format::kF16, Format::kMxint8), format_name);

TEST(Placement, TheOutputMatrixIsCutByVocabularyRowsAndATiedOneIsTheEmbedding) {
  for (bool tied : {true, false}) {
    TinyShape shape = shape_of(32, 64, 4, 2, 8);
    shape.tied = tied;
    shape.vocab_size = 286;  // not a multiple of four
    const loader::Model model = numbered_model(shape);
    for (std::uint32_t chips : {1u, 2u, 4u}) {
      const Image image(model, options_of(chips, 4));
      std::uint32_t next = 0;
      for (std::uint32_t chip = 0; chip < chips; ++chip) {
        const manifest_t m = image.manifest(chip);
        const std::uint64_t embedding_end =
            m.token_embedding.address + std::uint64_t{m.token_embedding.row_stride} * m.token_embedding.rows;
        const bool inside = m.output.address >= m.token_embedding.address && m.output.address < embedding_end;
        EXPECT_EQ(inside, tied);
        ASSERT_EQ(m.output.cols, 32u);
        for (std::uint32_t r = 0; r < m.output.rows; ++r, ++next)
          for (std::uint32_t c = 0; c < 32; ++c)
            ASSERT_EQ(image.f32(chip, m.output, r, c), static_cast<float>(next * 32 + c));
      }
      EXPECT_EQ(next, 286u) << chips << " chips";
    }
  }
}

TEST(Placement, ATiedOutputInMxint8IsASecondMatrixBesideTheF16Embedding) {
  const Image image(load(tiny_gguf(shape_of(32, 64, 4, 2, 8))), options_of(2, 2, Format::kMxint8));
  for (std::uint32_t chip = 0; chip < 2; ++chip) {
    const manifest_t m = image.manifest(chip);
    EXPECT_EQ(m.token_embedding.format, static_cast<std::uint32_t>(FORMAT_F16));
    EXPECT_EQ(m.output.format, static_cast<std::uint32_t>(FORMAT_MXINT8));
    EXPECT_NE(m.output.scale_address, 0u);
    EXPECT_EQ(m.output.rows, m.vocab_size / 2 + (chip == 1 ? m.vocab_size % 2 : 0));
  }
}

TEST(Placement, ModelsThatDoNotFitAreRefusedWithTheMemoryAndBothSizes) {
  const loader::Model model = load(tiny_gguf(shape_of(512, 1024, 4, 2, 128)));
  const auto refusal = [&](const PlacementOptions& options) -> std::string {
    try {
      loader::place_model(model, options, [](std::uint32_t, std::uint64_t, const void*, std::size_t) {});
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "accepted";
  };
  PlacementOptions options = options_of(2, 2);
  EXPECT_EQ(refusal(options), "accepted");
  options.hbm_bytes = 3 * kMib;
  std::string what = refusal(options);
  EXPECT_NE(what.find("chip0.hbm"), std::string::npos) << what;
  EXPECT_NE(what.find("3 MiB offered"), std::string::npos) << what;
  EXPECT_NE(what.find(" MiB needed"), std::string::npos) << what;
  const std::size_t needed = what.find(" MiB needed");
  EXPECT_GT(std::stoi(what.substr(what.rfind(' ', needed - 1))), 3) << what;

  options = options_of(2, 2);
  options.weights_in_hbf = true;
  options.hbf_cubes = 2;
  options.hbf_bytes = 2 * kMib;
  what = refusal(options);
  EXPECT_NE(what.find("chip0.hbf"), std::string::npos) << what;
  EXPECT_NE(what.find("2 MiB offered"), std::string::npos) << what;

  options.hbf_cubes = 0;
  EXPECT_NE(refusal(options).find("no cube"), std::string::npos);
  options = options_of(2, 3);
  EXPECT_NE(refusal(options).find("3 reduction slices cannot be shared by 2 chips"), std::string::npos);
  options = options_of(1, 0);
  EXPECT_NE(refusal(options).find("0 reduction slices"), std::string::npos);
  options = options_of(1, 1);
  options.hbm_stacks = 0;
  EXPECT_NE(refusal(options).find("0 HBM stacks"), std::string::npos);
  options.hbm_stacks = MANIFEST_MAX_STACKS + 1;
  EXPECT_NE(refusal(options).find("17 HBM stacks"), std::string::npos);
}

TEST(Placement, MemoryThatJustSufficesIsEnoughAndAByteLessIsNot) {
  const loader::Model model = load(tiny_gguf(shape_of(48, 100, 6, 3, 8)));
  PlacementOptions options = options_of(1, 2);
  options.hbm_stacks = 1;
  const auto place = [&] {
    return loader::place_model(model, options, [](std::uint32_t, std::uint64_t, const void*, std::size_t) {});
  };
  const std::uint64_t exact = place().hbm_bytes_used;
  options.hbm_bytes = exact;
  EXPECT_EQ(place().hbm_bytes_used, exact);
  EXPECT_EQ(Image(model, options).manifest(0).arenas[0].bytes, 0u);
  options.hbm_bytes = exact - 1;
  EXPECT_THROW(place(), ConfigError);
}

TEST(Placement, TensorsAreDealtOverStacksAndCubesInTurn) {
  const loader::Model model = load(tiny_gguf(shape_of(32, 64, 4, 2, 8)));
  PlacementOptions options = options_of(1, 2, Format::kF16);
  options.weights_in_hbf = true;
  options.hbf_cubes = 4;
  options.hbf_bytes = 64 * kMib;
  const Image image(model, options);
  std::map<std::uint64_t, int> per_cube;
  for (const auto& [name, t] : tensors(image, 0))
    if (t.address >= map::hbf_base(0)) ++per_cube[(t.address - map::hbf_base(0)) / map::kHbfSize];
  EXPECT_EQ(per_cube.size(), 4u);
  for (const auto& [cube, count] : per_cube) EXPECT_GE(count, 4) << "cube " << cube;
}

}  // namespace
}  // namespace memwall::test
