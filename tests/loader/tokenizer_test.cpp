// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "loader/tokenizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

#include "common/error.h"
#include "common/rng.h"
#include "loader/model.h"
#include "support/tiny_model.h"

namespace memwall {
namespace {

using loader::TokenId;
using loader::Tokenizer;
using loader::TokenizerConfig;
using loader::TokenType;

const std::string kSpace = "\xe2\x96\x81";

TokenizerConfig tiny_config() {
  const test::TinyVocabulary vocabulary;
  TokenizerConfig config;
  for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i)
    config.vocabulary.push_back(
        {vocabulary.tokens[i], vocabulary.scores[i], static_cast<TokenType>(vocabulary.types[i])});
  return config;
}

std::vector<std::string> pieces(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<std::string> out;
  for (TokenId id : tokenizer.encode(text)) out.push_back(tokenizer.entry(id).piece);
  return out;
}

/// The algorithm once more, without its data structures: after each join all pairs are looked at again.
std::vector<TokenId> plain_encode(const Tokenizer& tokenizer, const std::string& input) {
  const auto find = [&](const std::string& piece) {
    for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
      const auto& entry = tokenizer.entry(id);
      if (entry.type == TokenType::kNormal && entry.piece == piece) return static_cast<int>(id);
    }
    return -1;
  };
  std::string text = input.empty() ? "" : kSpace;
  for (char c : input) text += c == ' ' ? kSpace : std::string(1, c);
  std::vector<std::string> symbols;
  for (std::size_t i = 0; i < text.size();) {
    // A whole UTF-8 character, or else one byte.
    const int lead = static_cast<unsigned char>(text[i]);
    std::size_t length = 1;
    for (const auto& [bits, mask, bytes] : {std::tuple{0xc0, 0xe0, 2}, {0xe0, 0xf0, 3}, {0xf0, 0xf8, 4}}) {
      bool whole = (lead & mask) == bits && i + bytes <= text.size();
      for (int n = 1; whole && n < bytes; ++n) whole = (text[i + n] & 0xc0) == 0x80;
      if (whole) length = bytes;
    }
    symbols.push_back(text.substr(i, length));
    i += length;
  }
  for (;;) {
    int best = -1;
    float best_score = -INFINITY;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const int id = find(symbols[i] + symbols[i + 1]);
      if (id >= 0 && tokenizer.entry(static_cast<TokenId>(id)).score > best_score) {
        best_score = tokenizer.entry(static_cast<TokenId>(id)).score;
        best = static_cast<int>(i);
      }
    }
    if (best < 0) break;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + best + 1);
  }
  std::vector<TokenId> out = {tokenizer.bos()};
  for (const std::string& symbol : symbols) {
    const int id = find(symbol);
    if (id >= 0)
      out.push_back(static_cast<TokenId>(id));
    else
      for (char c : symbol) out.push_back(3u + static_cast<unsigned char>(c));
  }
  return out;
}

TEST(Tokenizer, JoinsByBestScoreNotByLength) {
  const Tokenizer tokenizer(tiny_config(), "t");
  using Pieces = std::vector<std::string>;
  EXPECT_EQ(pieces(tokenizer, "the"), (Pieces{"<s>", kSpace + "the"}));
  // "an" outranks "and", and "and" is then reached through "an" + "d".
  EXPECT_EQ(pieces(tokenizer, "then and thing"),
            (Pieces{"<s>", kSpace + "the", "n", kSpace + "and", kSpace + "t", "h", "ing"}));
  // "in" (rank 2) beats "an" (rank 4) although "an" is further left.
  EXPECT_EQ(pieces(tokenizer, "ain"), (Pieces{"<s>", kSpace, "a", "in"}));
}

TEST(Tokenizer, EqualScoresJoinTheLeftmostPair) {
  TokenizerConfig config = tiny_config();
  config.vocabulary.push_back({"aa", 5.0f, TokenType::kNormal});
  const Tokenizer tokenizer(config, "t");
  EXPECT_EQ(pieces(tokenizer, "aaa"), (std::vector<std::string>{"<s>", kSpace, "aa", "a"}));
}

TEST(Tokenizer, UnknownCharactersBecomeBytes) {
  const Tokenizer tokenizer(tiny_config(), "t");
  EXPECT_EQ(tokenizer.encode("1"), (std::vector<TokenId>{1, 271, 3 + '1'}));
  EXPECT_EQ(pieces(tokenizer, "\xe2\x82\xac"),
            (std::vector<std::string>{"<s>", kSpace, "<0xE2>", "<0x82>", "<0xAC>"}));
  // A two-byte character that is a piece, and one that joins.
  EXPECT_EQ(pieces(tokenizer, "\xc3\xa9\xc3\xa9t"),
            (std::vector<std::string>{"<s>", kSpace, "\xc3\xa9", "\xc3\xa9t"}));
}

TEST(Tokenizer, WithoutByteTokensTheUnknownTokenStandsIn) {
  TokenizerConfig config;
  config.vocabulary = {{"<unk>", 0, TokenType::kUnknown},
                       {"<s>", 0, TokenType::kControl},
                       {"</s>", 0, TokenType::kControl},
                       {"a", 0, TokenType::kNormal}};
  config.add_space_prefix = false;
  EXPECT_EQ(Tokenizer(config, "t").encode("ab"), (std::vector<TokenId>{1, 3, 0}));
}

TEST(Tokenizer, ControlAndByteTokensNeverComeFromTheirSpelling) {
  TokenizerConfig config = tiny_config();
  for (const char* piece : {"<", "/", ">", "<s", "</", "</s", "<0", "<0x", "x", "0"})
    config.vocabulary.push_back({piece, -50.0f, TokenType::kNormal});
  const Tokenizer tokenizer(config, "t");
  for (const char* text : {"<s>", "</s>", "<unk>", "<0x0A>"}) {
    const std::vector<TokenId> ids = tokenizer.encode(text);
    for (std::size_t i = 1; i < ids.size(); ++i) EXPECT_GT(ids[i], 2u) << text;
    EXPECT_EQ(tokenizer.decode(ids), text);
  }
}

TEST(Tokenizer, EmptyTextIsOnlyBos) {
  EXPECT_EQ(Tokenizer(tiny_config(), "t").encode(""), (std::vector<TokenId>{1}));
}

TEST(Tokenizer, BosAndSpacePrefixFollowTheConfiguration) {
  TokenizerConfig config = tiny_config();
  config.add_bos = false;
  EXPECT_EQ(pieces(Tokenizer(config, "t"), "the"), (std::vector<std::string>{kSpace + "the"}));
  config.add_space_prefix = false;
  const Tokenizer bare(config, "t");
  EXPECT_EQ(pieces(bare, "the"), (std::vector<std::string>{"t", "he"}));
  EXPECT_EQ(bare.decode(bare.encode(" the")), " the");
}

TEST(Tokenizer, DecodeDropsTheSpaceAfterBosOnly) {
  const Tokenizer tokenizer(tiny_config(), "t");
  const TokenId the = tokenizer.encode("the")[1];
  EXPECT_EQ(tokenizer.decode(the, tokenizer.bos()), "the");
  EXPECT_EQ(tokenizer.decode(the, the), " the");
  EXPECT_EQ(tokenizer.decode({tokenizer.bos(), the, the, tokenizer.eos()}), "the the");
}

TEST(Tokenizer, ControlTokensAndStrayIdsPrintNothing) {
  const Tokenizer tokenizer(tiny_config(), "t");
  for (TokenId id : {0u, 1u, 2u, 284u, 0xffffffffu}) EXPECT_EQ(tokenizer.decode(id, 5), "");
  EXPECT_EQ(tokenizer.decode(3 + 0xff, 5), "\xff");
  EXPECT_EQ(tokenizer.decode(3, 5), std::string(1, '\0'));
}

/// Random bytes, text in the vocabulary's letters, and pieces of UTF-8.
std::string random_text(Rng& rng) {
  std::string text;
  const std::uint64_t kind = rng.below(3), length = rng.below(60);
  for (std::uint64_t i = 0; i < length; ++i) {
    if (kind == 0)
      text += static_cast<char>(rng.below(256));
    else if (kind == 1)
      text += "theandigosr  "[rng.below(13)];
    else
      text += std::vector<std::string>{
          "\xc3\xa9", "t", "\xe2\x96\x81", "\xf0\x9f\x90\xb8", " ", "\xc3", "he"}[rng.below(7)];
  }
  return text;
}

TEST(Tokenizer, AgreesWithThePlainAlgorithm) {
  const Tokenizer tokenizer(tiny_config(), "t");
  Rng rng(1, "tokenizer");
  for (int i = 0; i < 3000; ++i) {
    const std::string text = random_text(rng);
    EXPECT_EQ(tokenizer.encode(text), plain_encode(tokenizer, text)) << testing::PrintToString(text);
  }
}

TEST(Tokenizer, EveryByteStringSurvivesARoundTrip) {
  const Tokenizer tokenizer(tiny_config(), "t");
  Rng rng(2, "tokenizer");
  for (int i = 0; i < 3000; ++i) {
    std::string text = random_text(rng);
    // U+2581 itself stands for a space in this kind of vocabulary.
    for (std::size_t at; (at = text.find(kSpace)) != std::string::npos;) text.replace(at, 3, " ");
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text) << testing::PrintToString(text);
  }
}

TEST(Tokenizer, BundledVocabularyAgreesWithThePlainAlgorithm) {
  const Tokenizer tokenizer =
      loader::load_model(MEMWALL_SOURCE_DIR "/scenarios/models/memwall-stories-1m.gguf").tokenizer;
  for (const char* text :
       {"Once upon a time, there was a little girl named Lily.", "\"Oh no! Where is my ball?\" said Tom.",
        "an unexpected wor\xc3\xa9 with 42 numbers", "  two  spaces  ", "Zzyzx", "\xf0\x9f\x90\xb8"}) {
    EXPECT_EQ(tokenizer.encode(text), plain_encode(tokenizer, text)) << text;
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
  // Words of the stories are single tokens.
  EXPECT_EQ(tokenizer.encode("Once upon a time").size(), 5u);
}

TEST(Tokenizer, LongTextsTakeLinearithmicTime) {
  const Tokenizer tokenizer(tiny_config(), "t");
  std::string text;
  while (text.size() < 400000) text += "then and the ing ";
  // The plain algorithm would need about 10^11 steps here.
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
}

TEST(Tokenizer, WrongVocabulariesAreRefused) {
  const auto message = [](const TokenizerConfig& config) -> std::string {
    try {
      Tokenizer(config, "t.bin");
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message({}), "t.bin: unknown token 0 is outside the vocabulary of 0");
  TokenizerConfig config = tiny_config();
  config.eos = 284;
  EXPECT_EQ(message(config), "t.bin: eos token 284 is outside the vocabulary of 284");
  config = tiny_config();
  config.vocabulary[7].piece = "<0xZZ>";
  EXPECT_EQ(message(config), "t.bin: byte token 7 is not spelled <0xHH>");
}

}  // namespace
}  // namespace memwall
