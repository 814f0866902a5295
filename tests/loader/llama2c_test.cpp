// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "loader/bytes.h"
#include "loader/model.h"
#include "support/tiny_model.h"

namespace memwall {
namespace {

using loader::load_model;
using loader::Model;
using test::ByteVector;
using test::tiny_llama2c;
using test::tiny_llama2c_tokenizer;
using test::TinyShape;

Model load(const ByteVector& checkpoint, const ByteVector& tokenizer = tiny_llama2c_tokenizer()) {
  return load_model(loader::Bytes::from_memory(checkpoint), "m.bin", loader::Bytes::from_memory(tokenizer),
                    "t.bin");
}

std::string refusal(const ByteVector& checkpoint, const ByteVector& tokenizer = tiny_llama2c_tokenizer()) {
  try {
    load(checkpoint, tokenizer);
  } catch (const ConfigError& error) {
    return error.what();
  }
  ADD_FAILURE() << "the file was accepted";
  return "";
}

std::vector<float> values(const loader::Tensor& tensor) {
  std::vector<float> out(tensor.rows * tensor.cols);
  tensor.to_f32(0, tensor.rows, out.data());
  return out;
}

void expect_equal(const loader::Tensor& actual, const loader::Tensor& expected) {
  SCOPED_TRACE(expected.name);
  EXPECT_EQ(actual.rows, expected.rows);
  EXPECT_EQ(actual.cols, expected.cols);
  EXPECT_EQ(values(actual), values(expected));
}

/// The same weights as GGUF, read by the other reader, are the expectation.
void expect_same_as_gguf(const Model& model, const TinyShape& shape) {
  const Model gguf = load_model(loader::Bytes::from_memory(test::tiny_gguf(shape, test::kGgmlF32).bytes()),
                                "m.gguf", nullptr, "");
  EXPECT_EQ(model.config.dim, gguf.config.dim);
  EXPECT_EQ(model.config.hidden_dim, gguf.config.hidden_dim);
  EXPECT_EQ(model.config.n_layers, gguf.config.n_layers);
  EXPECT_EQ(model.config.n_heads, gguf.config.n_heads);
  EXPECT_EQ(model.config.n_kv_heads, gguf.config.n_kv_heads);
  EXPECT_EQ(model.config.head_dim, gguf.config.head_dim);
  EXPECT_EQ(model.config.vocab_size, gguf.config.vocab_size);
  EXPECT_EQ(model.config.max_context, gguf.config.max_context);
  EXPECT_EQ(model.config.rms_eps, 1e-5f);
  EXPECT_EQ(model.config.rope_theta, 10000.0f);
  EXPECT_EQ(model.config.tied_output, shape.tied);
  expect_equal(model.token_embedding, gguf.token_embedding);
  expect_equal(model.output_norm, gguf.output_norm);
  expect_equal(model.output, gguf.output);
  ASSERT_EQ(model.layers.size(), gguf.layers.size());
  for (std::size_t i = 0; i < model.layers.size(); ++i)
    for (auto member : {&loader::Layer::attn_norm, &loader::Layer::wq, &loader::Layer::wk, &loader::Layer::wv,
                        &loader::Layer::wo, &loader::Layer::ffn_norm, &loader::Layer::w1, &loader::Layer::w2,
                        &loader::Layer::w3})
      expect_equal(model.layers[i].*member, gguf.layers[i].*member);
  const std::string text = "then the ing and \xc3\xa9t\xc3\xa9 1!";
  EXPECT_EQ(model.tokenizer.encode(text), gguf.tokenizer.encode(text));
  EXPECT_EQ(model.tokenizer.decode(model.tokenizer.encode(text)), text);
}

TEST(Llama2c, LegacyCheckpointHoldsTheSameModelAsGguf) {
  TinyShape shape;
  expect_same_as_gguf(load(tiny_llama2c(shape, 0)), shape);
  shape.tied = false;
  expect_same_as_gguf(load(tiny_llama2c(shape, 0)), shape);
}

TEST(Llama2c, VersionOneCheckpointHoldsTheSameModelAsGguf) {
  TinyShape shape;
  expect_same_as_gguf(load(tiny_llama2c(shape, 1)), shape);
  shape.tied = false;
  expect_same_as_gguf(load(tiny_llama2c(shape, 1)), shape);
}

TEST(Llama2c, OddShapesAreLegal) {
  TinyShape shape;
  shape.dim = 30;
  shape.n_heads = 5;
  shape.n_kv_heads = 1;
  shape.head_dim = 6;
  shape.hidden_dim = 37;
  shape.n_layers = 3;
  shape.max_context = 7;
  expect_same_as_gguf(load(tiny_llama2c(shape, 0)), shape);
  expect_same_as_gguf(load(tiny_llama2c(shape, 1)), shape);
}

void put(ByteVector& bytes, std::size_t at, std::int32_t value) { std::memcpy(bytes.data() + at, &value, 4); }

TEST(Llama2c, WrongHeadersAreRefusedByName) {
  ByteVector quantised = tiny_llama2c({}, 1);
  put(quantised, 4, 2);
  EXPECT_EQ(refusal(quantised),
            "m.bin: llama2.c version 2 (int8 groups) is not supported; export as version 0 or 1");
  put(quantised, 4, 9);
  EXPECT_EQ(refusal(quantised), "m.bin: llama2.c version 9 is not supported");
  ByteVector damaged = tiny_llama2c({}, 1);
  put(damaged, 8, 0);
  EXPECT_EQ(refusal(damaged), "m.bin: damaged llama2.c checkpoint (a header field is 0)");
  ByteVector heads = tiny_llama2c({}, 0);
  put(heads, 12, 5);
  EXPECT_EQ(refusal(heads),
            "m.bin: neither a GGUF file nor a llama2.c checkpoint (width 32 is no multiple of 5 heads)");
  ByteVector huge = tiny_llama2c({}, 0);
  for (std::size_t field = 0; field < 7; ++field) put(huge, 4 * field, field == 3 ? 1 : 0x7fffffff);
  EXPECT_EQ(refusal(huge), "m.bin: tensor size overflows 64 bits");
  TinyShape kv;
  kv.n_kv_heads = 3;
  EXPECT_EQ(refusal(tiny_llama2c(kv, 0)), "m.bin: head count 4 is not a multiple of KV head count 3");
  TinyShape odd;
  odd.dim = 28;
  odd.head_dim = 7;
  EXPECT_EQ(refusal(tiny_llama2c(odd, 1)), "m.bin: head dimension 7 is odd; RoPE turns pairs");
}

TEST(Llama2c, OtherFilesAreNoCheckpoint) {
  const std::string text = "This is a text file, and it is longer than the seven numbers of a header.";
  const std::string message = refusal(ByteVector(text.begin(), text.end()));
  EXPECT_EQ(message.rfind("m.bin: neither a GGUF file nor a llama2.c checkpoint (", 0), 0u) << message;
  EXPECT_EQ(refusal({1, 0}),
            "m.bin: truncated: llama2.c header at byte 0 needs 4 bytes, the file has 2 more");
}

TEST(Llama2c, AnyOtherLengthIsRefused) {
  for (int version : {0, 1}) {
    ByteVector bytes = tiny_llama2c({}, version);
    ByteVector longer = bytes;
    longer.push_back(0);
    EXPECT_NE(refusal(longer).find("its header asks for"), std::string::npos);
    bytes.pop_back();
    EXPECT_NE(refusal(bytes).find("its header asks for"), std::string::npos);
    for (std::size_t size = 0; size < 300; ++size) {
      const ByteVector cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      ASSERT_FALSE(refusal(cut).empty()) << size;
    }
  }
}

TEST(Llama2c, WrongTokenizersAreRefused) {
  const ByteVector checkpoint = tiny_llama2c({}, 1), good = tiny_llama2c_tokenizer();
  for (std::size_t size = 0; size < good.size(); size += 3) {
    const ByteVector cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_NE(refusal(checkpoint, cut).find("t.bin: truncated: "), std::string::npos) << size;
  }
  ByteVector longer = good;
  longer.push_back(0);
  EXPECT_EQ(refusal(checkpoint, longer),
            "t.bin: has 1 bytes after token 283; is it the tokenizer of this checkpoint?");
  ByteVector negative = good;
  put(negative, 8, -4);
  EXPECT_EQ(refusal(checkpoint, negative), "t.bin: token 0 has length -4");
}

TEST(Llama2c, TheTokenizerIsLookedForNextToTheCheckpoint) {
  const std::string folder = testing::TempDir() + "/memwall_llama2c_test";
  ASSERT_EQ(std::system(("mkdir -p '" + folder + "'").c_str()), 0);
  const auto write = [&](const std::string& name, const ByteVector& bytes) {
    std::ofstream(folder + "/" + name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  };
  write("model.bin", tiny_llama2c({}, 0));
  std::remove((folder + "/tokenizer.bin").c_str());
  EXPECT_THROW(load_model(folder + "/model.bin"), ConfigError);
  write("other.bin", tiny_llama2c_tokenizer());
  expect_same_as_gguf(load_model(folder + "/model.bin", folder + "/other.bin"), {});
  write("tokenizer.bin", tiny_llama2c_tokenizer());
  const Model model = load_model(folder + "/model.bin");
  expect_same_as_gguf(model, {});
  EXPECT_EQ(model.name, "model");
}

}  // namespace
}  // namespace memwall
