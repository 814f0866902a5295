// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Checkpoints other than the bundled one, made here with random weights, through the command line tool: odd
// shapes, a vocabulary that fills no power of two, an output matrix of its own, both file formats. Every run
// must match the host reference.
#include <gtest/gtest.h>

#include "support/tiny_model.h"
#include "system/cli.h"

namespace memwall::test {
namespace {

void write_file(const std::filesystem::path& path, const ByteVector& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

TinyShape large_shape() {
  TinyShape s;
  s.dim = 96;
  s.hidden_dim = 200;
  s.n_heads = 6;
  s.n_kv_heads = 3;
  s.head_dim = 16;
  s.max_context = 64;
  s.tied = false;
  s.vocab_size = 33000;
  return s;
}

using Overrides = std::vector<std::string>;

/// Six tokens of the model at `model` that match the host reference.
nlohmann::json tokens(const std::string& name, const std::string& model, Overrides overrides = {}) {
  overrides.insert(overrides.end(), {"model.path=" + model, "workload.max_new_tokens=6",
                                     "workload.prompt=the hat and the tin on the sand"});
  const RunResult r = run(name, overrides);
  EXPECT_EQ(r.code, 0) << name << ": " << r.err << r.uart0;
  EXPECT_EQ(r.result["reference_match"], true) << name;
  EXPECT_EQ(r.result["tokens"].size(), 6u) << name;
  return r.result["tokens"];
}

class OtherModelsInFormat : public testing::TestWithParam<const char*> {};

TEST_P(OtherModelsInFormat, AVocabularyOf33000AndThreeKvHeadsMatchTheReferenceEverywhere) {
  const Workspace dir;
  const std::string model = dir / "large.gguf";
  write_file(model, tiny_gguf(large_shape()).bytes());
  const std::string format = std::string("model.format=") + GetParam();
  const nlohmann::json expected = tokens("all_hbm", model, {format});
  EXPECT_EQ(tokens("two_chips", model, {format}), expected);
  EXPECT_EQ(tokens("pnm_model", model, {format}), expected);
  EXPECT_EQ(tokens("hbf_weights", model, {format}), expected);
}
INSTANTIATE_TEST_SUITE_P(Formats, OtherModelsInFormat, testing::Values("f32", "f16", "mxint8"));

TEST(OtherModels, AChipWithoutKvHeadsTakesPart) {
  // Three KV heads in four slices: one chip has no attention at all.
  const Workspace dir;
  const std::string model = dir / "large.gguf";
  write_file(model, tiny_gguf(large_shape()).bytes());
  const std::string slices = "model.reduction_slices=4";
  const nlohmann::json expected = tokens("all_hbm", model, {slices});
  EXPECT_EQ(tokens("two_chips", model, {slices, "system.chips=4"}), expected);
  EXPECT_EQ(tokens("first_light", model, {slices, "system.chips=4"}), expected);
}

TEST(OtherModels, OneKvHeadOfOddSizeInRtlMatchesTheReference) {
  // Rows of 10 elements are no multiple of the unit's 32-byte beats, and one chip has no KV head.
  TinyShape shape;
  shape.dim = 30;
  shape.hidden_dim = 77;
  shape.n_heads = 3;
  shape.n_kv_heads = 1;
  shape.head_dim = 10;
  shape.max_context = 64;
  const Workspace dir;
  const std::string model = dir / "odd.gguf";
  write_file(model, tiny_gguf(shape).bytes());
  const nlohmann::json expected = tokens("all_hbm", model);
  EXPECT_EQ(tokens("pnm_rtl", model), expected);
  EXPECT_EQ(tokens("first_light", model), expected);
}

TEST(OtherModels, Llama2cAndGgufFilesOfTheSameWeightsGiveTheSameTokens) {
  const Workspace dir;
  TinyShape shape = large_shape();
  shape.vocab_size = 0;
  const std::string gguf = dir / "model.gguf";
  write_file(gguf, tiny_gguf(shape, kGgmlF32).bytes());
  write_file(dir / "tokenizer.bin", tiny_llama2c_tokenizer());
  const nlohmann::json expected = tokens("all_hbm", gguf);
  for (int version : {0, 1}) {
    const std::string file = dir / ("v" + std::to_string(version) + ".bin");
    write_file(file, tiny_llama2c(shape, version));
    EXPECT_EQ(tokens("two_chips", file), expected) << "llama2.c version " << version;
  }
}

}  // namespace
}  // namespace memwall::test
