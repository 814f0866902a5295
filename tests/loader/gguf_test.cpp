// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <limits>

#include "loader/bytes.h"
#include "loader/model.h"
#include "support/tiny_model.h"

namespace memwall {
namespace {

using loader::load_model;
using loader::Model;
using loader::SourceFormat;
using loader::Tensor;
using test::ByteVector;
using test::GgufWriter;
using test::tiny_gguf;
using test::tiny_weights;
using test::TinyShape;

Model load(const ByteVector& bytes) {
  return load_model(loader::Bytes::from_memory(bytes), "m.gguf", nullptr, "");
}

/// The message of the ConfigError that loading ends in; anything else fails the test.
std::string refusal(const ByteVector& bytes) {
  try {
    load(bytes);
  } catch (const ConfigError& error) {
    return error.what();
  }
  ADD_FAILURE() << "the file was accepted";
  return "";
}

void expect_tensor(const Tensor& tensor, const std::string& name, std::uint64_t rows, std::uint64_t cols,
                   SourceFormat format) {
  SCOPED_TRACE(name);
  EXPECT_EQ(tensor.name, name + ".weight");
  ASSERT_EQ(tensor.rows, rows);
  ASSERT_EQ(tensor.cols, cols);
  EXPECT_EQ(tensor.format, format);
  std::vector<float> values(rows * cols);
  tensor.to_f32(0, rows, values.data());
  EXPECT_EQ(values, tiny_weights(name, rows * cols));
}

void expect_model(const Model& model, const TinyShape& shape, SourceFormat format) {
  const std::uint32_t q = shape.n_heads * shape.head_dim, kv = shape.n_kv_heads * shape.head_dim;
  const std::uint32_t vocab = test::TinyVocabulary().size();
  EXPECT_EQ(model.config.dim, shape.dim);
  EXPECT_EQ(model.config.hidden_dim, shape.hidden_dim);
  EXPECT_EQ(model.config.n_layers, shape.n_layers);
  EXPECT_EQ(model.config.n_heads, shape.n_heads);
  EXPECT_EQ(model.config.n_kv_heads, shape.n_kv_heads);
  EXPECT_EQ(model.config.head_dim, shape.head_dim);
  EXPECT_EQ(model.config.vocab_size, vocab);
  EXPECT_EQ(model.config.max_context, shape.max_context);
  EXPECT_EQ(model.config.rms_eps, 1e-5f);
  EXPECT_EQ(model.config.rope_theta, 10000.0f);
  EXPECT_EQ(model.config.tied_output, shape.tied);
  EXPECT_EQ(model.tokenizer.vocab_size(), vocab);
  expect_tensor(model.token_embedding, "token_embd", vocab, shape.dim, format);
  expect_tensor(model.output_norm, "output_norm", 1, shape.dim, SourceFormat::kF32);
  expect_tensor(model.output, shape.tied ? "token_embd" : "output", vocab, shape.dim, format);
  ASSERT_EQ(model.layers.size(), shape.n_layers);
  for (std::uint32_t i = 0; i < shape.n_layers; ++i) {
    const std::string prefix = "blk." + std::to_string(i) + ".";
    const loader::Layer& layer = model.layers[i];
    expect_tensor(layer.attn_norm, prefix + "attn_norm", 1, shape.dim, SourceFormat::kF32);
    expect_tensor(layer.wq, prefix + "attn_q", q, shape.dim, format);
    expect_tensor(layer.wk, prefix + "attn_k", kv, shape.dim, format);
    expect_tensor(layer.wv, prefix + "attn_v", kv, shape.dim, format);
    expect_tensor(layer.wo, prefix + "attn_output", shape.dim, q, format);
    expect_tensor(layer.ffn_norm, prefix + "ffn_norm", 1, shape.dim, SourceFormat::kF32);
    expect_tensor(layer.w1, prefix + "ffn_gate", shape.hidden_dim, shape.dim, format);
    expect_tensor(layer.w2, prefix + "ffn_down", shape.dim, shape.hidden_dim, format);
    expect_tensor(layer.w3, prefix + "ffn_up", shape.hidden_dim, shape.dim, format);
  }
}

TEST(Gguf, EveryFormatGivesTheSameValues) {
  const std::pair<std::uint32_t, SourceFormat> formats[] = {{test::kGgmlF32, SourceFormat::kF32},
                                                            {test::kGgmlF16, SourceFormat::kF16},
                                                            {test::kGgmlBf16, SourceFormat::kBf16},
                                                            {test::kGgmlQ8_0, SourceFormat::kQ8_0}};
  for (const auto& [type, format] : formats) {
    SCOPED_TRACE(loader::name_of(format));
    const Model model = load(tiny_gguf({}, type).bytes());
    expect_model(model, {}, format);
    EXPECT_EQ(model.name, "tiny");
    EXPECT_EQ(model.license, "apache-2.0");
  }
}

TEST(Gguf, UntiedOutputIsItsOwnTensor) {
  TinyShape shape;
  shape.tied = false;
  expect_model(load(tiny_gguf(shape).bytes()), shape, SourceFormat::kF16);
}

TEST(Gguf, OddHeadCountsAndAHeadDimensionOfTheirOwnAreLegal) {
  TinyShape shape;
  shape.n_heads = 9;
  shape.n_kv_heads = 3;
  shape.head_dim = 6;
  shape.hidden_dim = 50;
  shape.n_layers = 1;
  expect_model(load(tiny_gguf(shape).bytes()), shape, SourceFormat::kF16);
}

TEST(Gguf, OptionalKeysHaveTheirDefaults) {
  GgufWriter gguf = tiny_gguf();
  for (const char* key :
       {"general.name", "general.license", "llama.rope.freq_base", "llama.rope.dimension_count",
        "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id"})
    gguf.remove(key);
  const Model model = load(gguf.bytes());
  expect_model(model, {}, SourceFormat::kF16);
  EXPECT_EQ(model.name, "m.gguf");
  EXPECT_EQ(model.tokenizer.bos(), 1u);
  EXPECT_EQ(model.tokenizer.eos(), 2u);
}

TEST(Gguf, IntegersOfAnyWidthAndOtherAlignmentsAreRead) {
  GgufWriter gguf = tiny_gguf();
  gguf.set_u64("llama.block_count", 2);
  gguf.set_i32("llama.embedding_length", 32);
  gguf.alignment = 4096;
  gguf.set_u32("general.alignment", 4096);
  expect_model(load(gguf.bytes()), {}, SourceFormat::kF16);
}

TEST(Gguf, AMissingKvHeadCountMeansAsManyAsQueryHeads) {
  TinyShape shape;
  shape.n_kv_heads = shape.n_heads;
  GgufWriter gguf = tiny_gguf(shape);
  gguf.remove("llama.attention.head_count_kv");
  expect_model(load(gguf.bytes()), shape, SourceFormat::kF16);
}

TEST(Gguf, HalfFloatsOfEveryKindAreExact) {
  GgufWriter gguf = tiny_gguf();
  ByteVector& data = gguf.tensor("token_embd.weight").data;
  const std::pair<std::uint16_t, float> values[] = {
      {0x0001, 0x1p-24f},    {0x03ff, 0x3ffp-24f}, {0x0400, 0x1p-14f}, {0x7bff, 65504.0f},
      {0xbc01, -0x1.004p0f}, {0x8000, -0.0f},      {0x7c00, INFINITY}, {0xfc00, -INFINITY}};
  for (std::size_t i = 0; i < std::size(values); ++i) std::memcpy(data.data() + 2 * i, &values[i].first, 2);
  const std::vector<float> row = load(gguf.bytes()).token_embedding.row_f32(0);
  for (std::size_t i = 0; i < std::size(values); ++i) {
    EXPECT_EQ(row[i], values[i].second) << i;
    EXPECT_EQ(std::signbit(row[i]), std::signbit(values[i].second)) << i;
  }
}

TEST(Gguf, Q8BlocksHaveSignedScalesAndElements) {
  GgufWriter gguf = tiny_gguf({}, test::kGgmlQ8_0);
  ByteVector& data = gguf.tensor("token_embd.weight").data;
  // Row 1 (32 columns, one block of 34 bytes): scale -3, elements -128 and 127.
  const std::uint16_t scale = test::exact_f16(-3.0f);
  std::memcpy(data.data() + 34, &scale, 2);
  data[36] = 0x80;
  data[37] = 0x7f;
  const std::vector<float> row = load(gguf.bytes()).token_embedding.row_f32(1);
  EXPECT_EQ(row[0], 384.0f);
  EXPECT_EQ(row[1], -381.0f);
}

TEST(Gguf, RowsOutsideATensorAreAContractViolation) {
  const Model model = load(tiny_gguf().bytes());
  std::vector<float> out(model.token_embedding.rows * model.token_embedding.cols);
  EXPECT_THROW(model.token_embedding.to_f32(model.token_embedding.rows, 1, out.data()), ModelError);
  EXPECT_THROW(model.token_embedding.to_f32(1, model.token_embedding.rows, out.data()), ModelError);
  EXPECT_THROW(model.token_embedding.to_f32(1, ~std::uint64_t{0}, out.data()), ModelError);
  EXPECT_NO_THROW(model.token_embedding.to_f32(1, model.token_embedding.rows - 1, out.data()));
}

TEST(Gguf, TensorsOutliveTheModel) {
  Tensor tensor = load(tiny_gguf().bytes()).token_embedding;
  EXPECT_EQ(tensor.row_f32(0), tiny_weights("token_embd", 32));
}

struct Refusal {
  std::function<void(GgufWriter&)> damage;
  std::string message;  ///< after "m.gguf: "
};

void expect_refusals(const std::vector<Refusal>& refusals) {
  for (const Refusal& refused : refusals) {
    GgufWriter gguf = tiny_gguf();
    refused.damage(gguf);
    EXPECT_EQ(refusal(gguf.bytes()), "m.gguf: " + refused.message);
  }
}

TEST(Gguf, OtherVersionsAndByteOrdersAreRefusedByName) {
  expect_refusals({
      {[](GgufWriter& g) { g.version = 2; }, "GGUF version 2 is not supported; only version 3 is"},
      {[](GgufWriter& g) { g.version = 4; }, "GGUF version 4 is not supported; only version 3 is"},
      {[](GgufWriter& g) { g.version = 0x03000000; },
       "big-endian GGUF is not supported; only little endian is"},
  });
}

TEST(Gguf, OtherArchitecturesAndFeaturesAreRefusedByName) {
  expect_refusals({
      {[](GgufWriter& g) { g.set_string("general.architecture", "qwen2"); },
       "architecture \"qwen2\" is not supported; only \"llama\" is"},
      {[](GgufWriter& g) { g.set_u32("llama.expert_count", 8); },
       "mixture of experts (llama.expert_count) is not supported"},
      {[](GgufWriter& g) { g.set_string("llama.rope.scaling.type", "yarn"); },
       "RoPE scaling \"yarn\" is not supported; only \"none\" is"},
      {[](GgufWriter& g) { g.set_f32("llama.rope.scaling.factor", 2.0f); },
       "llama.rope.scaling.factor other than 1 is not supported"},
      {[](GgufWriter& g) { g.set_f32("llama.rope.scale_linear", 4.0f); },
       "llama.rope.scale_linear other than 1 is not supported"},
      {[](GgufWriter& g) { g.set_u32("llama.attention.sliding_window", 4096); },
       "sliding-window attention (llama.attention.sliding_window) is not supported"},
      {[](GgufWriter& g) { g.set_bool("llama.attention.causal", false); },
       "attention that is not causal (llama.attention.causal) is not supported"},
      {[](GgufWriter& g) { g.set_f32("llama.logit_scale", 2.0f); }, "llama.logit_scale is not supported"},
      {[](GgufWriter& g) { g.set_u32("split.count", 3); },
       "checkpoints split over several files are not supported"},
      {[](GgufWriter& g) { g.set_string("tokenizer.ggml.model", "gpt2"); },
       "tokenizer \"gpt2\" is not supported; only \"llama\" (SentencePiece) is"},
      {[](GgufWriter& g) { g.set_bool("tokenizer.ggml.add_eos_token", true); },
       "tokenizer.ggml.add_eos_token true is not supported"},
      {[](GgufWriter& g) {
         g.set_array("llama.attention.head_count_kv", std::vector<std::int32_t>{2, 2});
       },
       "metadata key llama.attention.head_count_kv is not a single integer"},
      {[](GgufWriter& g) { g.tensor("blk.1.attn_k.weight").type = test::kGgmlQ4K; },
       "tensor blk.1.attn_k.weight has format Q4_K, supported are F32, F16, BF16, Q8_0"},
      {[](GgufWriter& g) { g.tensor("blk.1.attn_k.weight").type = 99; },
       "tensor blk.1.attn_k.weight has format type 99, supported are F32, F16, BF16, Q8_0"},
      {[](GgufWriter& g) { g.add_tensor("blk.0.attn_q.bias", 1, 32, 0, tiny_weights("b", 32)); },
       "tensor blk.0.attn_q.bias is not used: biases are not supported"},
      {[](GgufWriter& g) { g.add_tensor("rope_freqs.weight", 1, 4, 0, tiny_weights("f", 4)); },
       "tensor rope_freqs.weight is not used: RoPE frequency factors are not supported"},
      {[](GgufWriter& g) { g.add_tensor("blk.0.ffn_gate_inp.weight", 8, 32, 0, tiny_weights("e", 256)); },
       "tensor blk.0.ffn_gate_inp.weight is not used: mixture of experts is not supported"},
      {[](GgufWriter& g) { g.add_tensor("blk.0.attn_q_norm.weight", 1, 8, 0, tiny_weights("n", 8)); },
       "tensor blk.0.attn_q_norm.weight is not used: norms of queries and keys are not supported"},
      {[](GgufWriter& g) { g.add_tensor("blk.2.attn_norm.weight", 1, 32, 0, tiny_weights("n", 32)); },
       "tensor blk.2.attn_norm.weight is not used: it has no place in a llama model of this shape"},
  });
}

TEST(Gguf, ImpossibleShapesAreRefusedByName) {
  expect_refusals({
      {[](GgufWriter& g) { g.set_u32("llama.attention.head_count_kv", 3); },
       "head count 4 is not a multiple of KV head count 3"},
      {[](GgufWriter& g) { g.set_u32("llama.attention.head_count_kv", 0); },
       "KV head count 0 is not between 1 and 2147483647"},
      {[](GgufWriter& g) { g.set_u32("llama.attention.head_count", 0); },
       "head count 0 is not between 1 and 2147483647"},
      {[](GgufWriter& g) { g.set_u32("llama.attention.head_count", 5); },
       "embedding length 32 is not a multiple of head count 5 and llama.attention.key_length is missing"},
      {[](GgufWriter& g) {
         g.set_u32("llama.attention.key_length", 7);
         g.set_u32("llama.rope.dimension_count", 7);
       },
       "head dimension 7 is odd; RoPE turns pairs"},
      {[](GgufWriter& g) { g.set_u32("llama.rope.dimension_count", 4); },
       "llama.rope.dimension_count 4 differs from the head dimension 8, which is not supported"},
      {[](GgufWriter& g) { g.set_u32("llama.attention.value_length", 16); },
       "llama.attention.value_length 16 differs from the head dimension 8, which is not supported"},
      {[](GgufWriter& g) { g.set_u32("llama.context_length", 0); },
       "context length 0 is not between 1 and 2147483647"},
      {[](GgufWriter& g) { g.set_u32("llama.block_count", 0); },
       "block count 0 is not between 1 and 2147483647"},
      {[](GgufWriter& g) { g.set_u32("llama.block_count", 0x7fffffff); },
       "tensor blk.2.attn_norm.weight is missing"},
      {[](GgufWriter& g) { g.set_u64("llama.block_count", 0x100000000); },
       "metadata key llama.block_count does not fit into 32 bits"},
      {[](GgufWriter& g) { g.set_i32("llama.block_count", -1); },
       "metadata key llama.block_count does not fit into 32 bits"},
      {[](GgufWriter& g) { g.set_f32("llama.rope.freq_base", 0.0f); },
       "RoPE base is not a finite number > 0"},
      {[](GgufWriter& g) { g.set_f32("llama.rope.freq_base", NAN); },
       "metadata key llama.rope.freq_base is not a finite number"},
      {[](GgufWriter& g) { g.set_f32("llama.attention.layer_norm_rms_epsilon", -1.0f); },
       "RMS norm epsilon is not a finite number >= 0"},
      {[](GgufWriter& g) { g.set_u32("llama.vocab_size", 1000); },
       "llama.vocab_size is 1000 but tokenizer.ggml.tokens has 284 entries"},
  });
}

TEST(Gguf, WrongMetadataIsRefusedByKey) {
  expect_refusals({
      {[](GgufWriter& g) { g.remove("llama.embedding_length"); },
       "metadata key llama.embedding_length is missing"},
      {[](GgufWriter& g) { g.set_string("llama.embedding_length", "32"); },
       "metadata key llama.embedding_length is not a single integer"},
      {[](GgufWriter& g) { g.set_u32("general.architecture", 1); },
       "metadata key general.architecture is not a string"},
      {[](GgufWriter& g) { g.set_u32("llama.rope.freq_base", 10000); },
       "metadata key llama.rope.freq_base is not a single floating-point number"},
      {[](GgufWriter& g) { g.set_u32("tokenizer.ggml.add_bos_token", 1); },
       "metadata key tokenizer.ggml.add_bos_token is not a boolean"},
      {[](GgufWriter& g) { g.set_u32("tokenizer.ggml.scores", 1); },
       "metadata key tokenizer.ggml.scores is not an array"},
      {[](GgufWriter& g) { g.duplicate("general.name"); }, "duplicate metadata key general.name"},
      {[](GgufWriter& g) {
         g.set_raw("x.y", 13, {0, 0, 0, 0});
       },
       "key x.y has unknown value type 13"},
      {[](GgufWriter& g) {
         g.set_raw("x.y", 9, {9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
       },
       "key x.y is an array of arrays, which is not supported"},
      {[](GgufWriter& g) {
         g.set_raw("x.y", 9, {77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
       },
       "key x.y has unknown value type 77"},
      {[](GgufWriter& g) {
         g.set_raw("x.y", 9, {10, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f});
       },
       "truncated: array x.y of 9223372036854775807 elements is longer than the file"},
      {[](GgufWriter& g) { g.set_u32("general.alignment", 48); },
       "general.alignment 48 is not a power of two between 8 and 65536"},
      {[](GgufWriter& g) { g.set_u32("general.alignment", 0); },
       "general.alignment 0 is not a power of two between 8 and 65536"},
  });
}

TEST(Gguf, WrongTokenizersAreRefused) {
  expect_refusals({
      {[](GgufWriter& g) { g.set_array("tokenizer.ggml.scores", std::vector<float>{1.0f}); },
       "tokenizer.ggml.tokens, scores and token_type have 284, 1 and 284 entries; they must have as many"},
      {[](GgufWriter& g) {
         auto types = test::TinyVocabulary().types;
         types[5] = 7;
         g.set_array("tokenizer.ggml.token_type", types);
       },
       "token 5 has unknown token_type 7"},
      {[](GgufWriter& g) {
         auto types = test::TinyVocabulary().types;
         types[270] = 6;
         g.set_array("tokenizer.ggml.token_type", types);
       },
       "byte token 270 is not spelled <0xHH>"},
      {[](GgufWriter& g) {
         auto scores = test::TinyVocabulary().scores;
         scores[270] = NAN;
         g.set_array("tokenizer.ggml.scores", scores);
       },
       "the score of token 270 is not a number"},
      {[](GgufWriter& g) { g.set_u32("tokenizer.ggml.eos_token_id", 284); },
       "eos token 284 is outside the vocabulary of 284"},
      {[](GgufWriter& g) { g.set_u32("tokenizer.ggml.bos_token_id", 5000); },
       "bos token 5000 is outside the vocabulary of 284"},
  });
}

TEST(Gguf, WrongTensorsAreRefusedByName) {
  expect_refusals({
      {[](GgufWriter& g) {
         g.tensor("blk.0.attn_q.weight").extent = {32, 31};
       },
       "tensor blk.0.attn_q.weight has shape (31, 32), expected (32, 32)"},
      {[](GgufWriter& g) {
         g.tensor("blk.1.ffn_down.weight").extent = {32, 64};
       },
       "tensor blk.1.ffn_down.weight has shape (64, 32), expected (32, 64)"},
      {[](GgufWriter& g) {
         g.tensor("output_norm.weight").extent = {32, 2};
       },
       "tensor output_norm.weight has shape (2, 32), expected (32)"},
      {[](GgufWriter& g) { g.tensor("output_norm.weight").extent = {}; },
       "tensor output_norm.weight has 0 dimensions, allowed are 1 to 4"},
      {[](GgufWriter& g) {
         g.tensor("output_norm.weight").extent = {32, 1, 1, 1, 1};
       },
       "tensor output_norm.weight has 5 dimensions, allowed are 1 to 4"},
      {[](GgufWriter& g) { g.remove_tensor("blk.1.ffn_up.weight"); },
       "tensor blk.1.ffn_up.weight is missing"},
      {[](GgufWriter& g) { g.tensors.push_back(GgufWriter::TensorEntry(g.tensor("output_norm.weight"))); },
       "duplicate tensor output_norm.weight"},
  });
}

TEST(Gguf, TensorsOffTheirAlignmentAreRefused) {
  TinyShape shape;
  shape.dim = 36;  // a norm of 144 bytes, not a multiple of 32
  GgufWriter gguf = tiny_gguf(shape);
  gguf.set_u32("llama.attention.key_length", 8);
  gguf.alignment = 8;
  EXPECT_EQ(refusal(gguf.bytes()),
            "m.gguf: tensor blk.0.attn_q.weight is at offset 20592, not a multiple of the alignment 32");
  gguf.set_u32("general.alignment", 8);
  expect_model(load(gguf.bytes()), shape, SourceFormat::kF16);
}

TEST(Gguf, Q8RowsThatAreNoWholeBlocksAreRefused) {
  TinyShape shape;
  shape.hidden_dim = 48;
  GgufWriter gguf = tiny_gguf(shape);
  gguf.tensor("blk.0.ffn_down.weight").type = test::kGgmlQ8_0;
  EXPECT_EQ(
      refusal(gguf.bytes()),
      "m.gguf: tensor blk.0.ffn_down.weight has format Q8_0 but rows of 48 elements, not a multiple of 32");
}

TEST(Gguf, AFileCutAnywhereIsRefused) {
  const ByteVector whole = tiny_gguf().bytes();
  // Every length of the metadata and directory, then steps through the data; the last cut misses one byte.
  std::size_t cuts = 0;
  for (std::size_t size = 4; size < whole.size(); size += size < 14000 ? 1 : 97, ++cuts) {
    const std::string message =
        refusal(ByteVector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    ASSERT_NE(message.find("truncated: "), std::string::npos) << "at " << size << ": " << message;
  }
  EXPECT_GT(cuts, 14000u);
  const std::string message = refusal(ByteVector(whole.begin(), whole.end() - 1));
  EXPECT_NE(message.find("truncated: tensor output_norm.weight needs 128 bytes"), std::string::npos)
      << message;
}

TEST(Gguf, CountsThatCannotFitAreRefusedBeforeAnyAllocation) {
  ByteVector bytes = {'G', 'G', 'U', 'F'};
  test::append<std::uint32_t>(bytes, 3);
  test::append<std::uint64_t>(bytes, std::numeric_limits<std::uint64_t>::max());
  test::append<std::uint64_t>(bytes, 0);
  EXPECT_EQ(refusal(bytes), "m.gguf: truncated: 18446744073709551615 tensors do not fit into the file");
  ByteVector keys(bytes.begin(), bytes.begin() + 8);
  test::append<std::uint64_t>(keys, 0);
  test::append<std::uint64_t>(keys, std::uint64_t{1} << 60);
  EXPECT_EQ(refusal(keys),
            "m.gguf: truncated: 1152921504606846976 metadata entries do not fit into the file");
}

TEST(Gguf, FilesOnDiskAreMappedAndBadPathsNamed) {
  const std::string path = testing::TempDir() + "memwall_gguf_test.gguf";
  const ByteVector bytes = tiny_gguf().bytes();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  expect_model(load_model(path), {}, SourceFormat::kF16);
  const auto message = [](const std::string& checkpoint, const std::string& tokenizer) {
    try {
      load_model(checkpoint, tokenizer);
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(message(path, "/t.bin"),
            "/t.bin: a GGUF file brings its own tokenizer (" + path + "); leave this one out");
  EXPECT_EQ(message("/does/not/exist.gguf", ""),
            "/does/not/exist.gguf: cannot open: No such file or directory");
  EXPECT_EQ(message(testing::TempDir(), ""), testing::TempDir() + ": is not a regular file");
  std::ofstream(path, std::ios::trunc).flush();
  EXPECT_EQ(message(path, ""), path + ": is empty");
  std::remove(path.c_str());
}

}  // namespace
}  // namespace memwall
