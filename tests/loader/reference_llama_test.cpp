// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The independent forward pass itself, and what the bundled checkpoint writes with it. golden_story.txt
/// changes only on request: run this test with MEMWALL_REGENERATE_GOLDEN=1 in the environment and say why in
/// the commit.
#include "support/reference_llama.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "loader/bytes.h"
#include "loader/model.h"
#include "support/tiny_model.h"

namespace memwall {
namespace {

const char* const kBundled = MEMWALL_SOURCE_DIR "/scenarios/models/memwall-stories-1m.gguf";
const char* const kTrainingLog = MEMWALL_SOURCE_DIR "/scenarios/models/memwall-stories-1m.train.log";
const char* const kGoldenStory = MEMWALL_SOURCE_DIR "/tests/loader/golden_story.txt";
const char* const kPrompt = "Once upon a time";

std::string read_text(const char* path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

/// Runs of letters, in lower case.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  bool inside = false;
  for (const char c : text) {
    const auto letter = static_cast<unsigned char>(c);
    if (std::isalpha(letter)) {
      if (!inside) words.emplace_back();
      words.back() += static_cast<char>(std::tolower(letter));
    }
    inside = std::isalpha(letter) != 0;
  }
  return words;
}

/// Words that stand in the string literals of Python source; comments, docstrings and what an f-string puts
/// between braces are not text.
std::set<std::string> words_of_literals(const std::string& source) {
  std::string text;
  for (std::size_t i = 0; i < source.size(); ++i) {
    const char quote = source[i];
    if (source.compare(i, 3, "\"\"\"") == 0) {
      i = source.find("\"\"\"", i + 3);
      if (i == std::string::npos) break;
      i += 2;
    } else if (quote == '#') {
      i = std::min(source.find('\n', i), source.size());
    } else if (quote == '"' || quote == '\'') {
      int braces = 0;
      for (++i; i < source.size() && source[i] != quote; ++i) {
        if (source[i] == '\\') {
          ++i;
        } else if (source[i] == '{' || source[i] == '}') {
          braces += source[i] == '{' ? 1 : -1;
          text += ' ';
        } else if (braces == 0) {
          text += source[i];
        }
      }
      text += ' ';
    }
  }
  const std::vector<std::string> words = words_of(text);
  return {words.begin(), words.end()};
}

std::string greedy_story(const loader::Model& model) {
  test::ReferenceLlama reference(model);
  const auto prompt = model.tokenizer.encode(kPrompt);
  auto ids = prompt;
  for (auto id : reference.greedy(prompt, model.config.max_context, model.tokenizer.eos())) ids.push_back(id);
  return model.tokenizer.decode(ids);
}

TEST(ReferenceLlama, OneLayerWithoutContributionIsTheNormalisedEmbedding) {
  test::TinyShape shape;
  shape.n_layers = 1;
  test::GgufWriter gguf = test::tiny_gguf(shape, test::kGgmlF32);
  for (const char* name : {"blk.0.attn_output.weight", "blk.0.ffn_down.weight"})
    std::fill(gguf.tensor(name).data.begin(), gguf.tensor(name).data.end(), std::uint8_t{0});
  const auto model = loader::load_model(loader::Bytes::from_memory(gguf.bytes()), "m", nullptr, "");
  test::ReferenceLlama reference(model);
  const std::uint32_t token = 17;
  const auto logits = reference.forward(token);
  const auto x = model.token_embedding.row_f32(token), weight = model.output_norm.row_f32(0);
  double squares = 0;
  for (float value : x) squares += double{value} * value;
  for (std::uint32_t row = 0; row < model.config.vocab_size; ++row) {
    const auto w = model.output.row_f32(row);
    double expected = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      expected += double{x[i]} / std::sqrt(squares / 32 + model.config.rms_eps) * weight[i] * w[i];
    EXPECT_NEAR(logits[row], expected, 1e-12) << row;
  }
}

TEST(ReferenceLlama, AttentionOfEqualKeysAveragesTheValues) {
  // wk = 0 makes every score 0, so position t attends to the mean of the values of positions 0 to t. With the
  // feed-forward silent the logits then follow from the definition alone.
  test::TinyShape shape;
  shape.n_layers = 1;
  test::GgufWriter gguf = test::tiny_gguf(shape, test::kGgmlF32);
  for (const char* name : {"blk.0.attn_k.weight", "blk.0.ffn_down.weight"})
    std::fill(gguf.tensor(name).data.begin(), gguf.tensor(name).data.end(), std::uint8_t{0});
  const auto model = loader::load_model(loader::Bytes::from_memory(gguf.bytes()), "m", nullptr, "");
  const loader::Layer& layer = model.layers[0];
  const auto norm = [&](const std::vector<double>& x, const loader::Tensor& weight) {
    double squares = 0;
    for (double value : x) squares += value * value;
    std::vector<double> y;
    for (std::size_t i = 0; i < x.size(); ++i)
      y.push_back(x[i] / std::sqrt(squares / double(x.size()) + model.config.rms_eps) * weight.row_f32(0)[i]);
    return y;
  };
  const auto dot = [](const loader::Tensor& w, std::uint64_t row, const std::vector<double>& x) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += double{w.row_f32(row)[i]} * x[i];
    return sum;
  };
  const std::vector<std::uint32_t> tokens = {9, 200, 31};
  test::ReferenceLlama reference(model);
  std::vector<double> logits, mean(16, 0.0), last;
  for (std::uint32_t token : tokens) {
    logits = reference.forward(token);
    const auto row = model.token_embedding.row_f32(token);
    last.assign(row.begin(), row.end());
    const auto h = norm(last, layer.attn_norm);
    for (std::uint64_t i = 0; i < 16; ++i) mean[i] += dot(layer.wv, i, h) / double(tokens.size());
  }
  std::vector<double> heads(32);  // query heads 0, 1 read KV head 0; 2, 3 read KV head 1
  for (std::size_t h = 0; h < 4; ++h)
    for (std::size_t d = 0; d < 8; ++d) heads[8 * h + d] = mean[8 * (h / 2) + d];
  for (std::uint64_t i = 0; i < 32; ++i) last[i] += dot(layer.wo, i, heads);
  const auto final_norm = norm(last, model.output_norm);
  for (std::uint32_t row = 0; row < model.config.vocab_size; ++row)
    EXPECT_NEAR(logits[row], dot(model.output, row, final_norm), 1e-12) << row;
}

TEST(ReferenceLlama, RepeatedTokensRepeatTheirLogitsAndOrderMatters) {
  test::TinyShape shape;
  shape.n_layers = 1;
  const auto model = loader::load_model(
      loader::Bytes::from_memory(test::tiny_gguf(shape, test::kGgmlF32).bytes()), "m", nullptr, "");
  test::ReferenceLlama reference(model);
  std::vector<std::vector<double>> logits;
  for (int i = 0; i < 3; ++i) logits.push_back(reference.forward(42));
  // Every position averages equal values, whatever the scores.
  for (std::size_t i = 0; i < logits[0].size(); ++i) EXPECT_NEAR(logits[0][i], logits[2][i], 1e-9);
  // RoPE: the order of earlier tokens matters to the last one.
  reference.reset();
  reference.forward(9);
  reference.forward(77);
  const auto forwards = reference.forward(42);
  reference.reset();
  reference.forward(77);
  reference.forward(9);
  const auto backwards = reference.forward(42);
  double difference = 0;
  for (std::size_t i = 0; i < forwards.size(); ++i)
    difference = std::max(difference, std::abs(forwards[i] - backwards[i]));
  EXPECT_GT(difference, 1e-3);
}

TEST(ReferenceLlama, GreedyStopsAtTheEndOfTheContext) {
  const auto model =
      loader::load_model(loader::Bytes::from_memory(test::tiny_gguf().bytes()), "m", nullptr, "");
  test::ReferenceLlama reference(model);
  const std::uint32_t no_eos = 0xffffffff;
  // 16 positions: 3 of the prompt, 13 fed back, and one more token that needs no position.
  EXPECT_EQ(reference.greedy({1, 5, 9}, 1000, no_eos).size(), 14u);
  EXPECT_EQ(reference.position(), 16u);
  EXPECT_THROW(reference.forward(1), std::out_of_range);
  EXPECT_EQ(reference.greedy({1, 5, 9}, 4, no_eos).size(), 4u);
}

TEST(BundledModel, HasTheDocumentedShape) {
  const auto model = loader::load_model(kBundled);
  EXPECT_EQ(model.name, "memwall-stories-1m");
  EXPECT_EQ(model.license, "apache-2.0");
  EXPECT_EQ(model.config.dim, 128u);
  EXPECT_EQ(model.config.hidden_dim, 384u);
  EXPECT_EQ(model.config.n_layers, 5u);
  EXPECT_EQ(model.config.n_heads, 8u);
  EXPECT_EQ(model.config.n_kv_heads, 4u);
  EXPECT_EQ(model.config.head_dim, 16u);
  EXPECT_EQ(model.config.vocab_size, 1024u);
  EXPECT_EQ(model.config.max_context, 256u);
  EXPECT_TRUE(model.config.tied_output);
}

TEST(BundledModel, GreedyStoryIsTheGoldenOne) {
  const std::string story = greedy_story(loader::load_model(kBundled)) + "\n";
  if (std::getenv("MEMWALL_REGENERATE_GOLDEN")) {
    std::ofstream(kGoldenStory) << story;
    GTEST_SKIP() << "golden_story.txt written: " << story;
  }
  EXPECT_EQ(story, read_text(kGoldenStory));
}

TEST(BundledModel, GreedyStoryIsTheOneThatTheTrainingFrameworkWrote) {
  // The training script samples the exported (f16) weights with its own forward pass; its last report counts.
  const std::string log = read_text(kTrainingLog), mark = "\n  greedy:  ";
  const std::size_t begin = log.rfind(mark);
  ASSERT_NE(begin, std::string::npos);
  const std::size_t text = begin + mark.size();
  EXPECT_EQ(greedy_story(loader::load_model(kBundled)), log.substr(text, log.find('\n', text) - text));
}

TEST(BundledModel, GreedyStoryIsWrittenInWordsOfTheTrainingText) {
  // Reads as English: sentences, an end, and no word that the grammar could not have written.
  const std::set<std::string> vocabulary =
      words_of_literals(read_text(MEMWALL_SOURCE_DIR "/scenarios/models/story_grammar.py"));
  EXPECT_EQ(vocabulary.count("kite"), 1u);
  EXPECT_EQ(vocabulary.count("kit"), 0u) << "part of a word";
  EXPECT_EQ(vocabulary.count("def"), 0u) << "a keyword";
  EXPECT_EQ(vocabulary.count("pronouns"), 0u) << "documentation";
  const std::string story = greedy_story(loader::load_model(kBundled));
  EXPECT_EQ(story.rfind(kPrompt, 0), 0u);
  EXPECT_NE(std::string(".!\"").find(story.back()), std::string::npos) << story;
  const std::vector<std::string> words = words_of(story);
  for (const std::string& word : words) EXPECT_EQ(vocabulary.count(word), 1u) << word;
  EXPECT_GT(words.size(), 60u);
}

}  // namespace
}  // namespace memwall
