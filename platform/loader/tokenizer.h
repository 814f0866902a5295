// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The SentencePiece-style byte-pair tokenizer of Llama models ("llama" in GGUF, tokenizer.bin in llama2.c).
/// Text is cut into Unicode characters with a space written as U+2581; the neighbouring pair whose joined
/// piece has the highest score (the leftmost of equals) is joined until no pair is a piece; what is then no
/// piece becomes byte tokens. Not modelled: the regex pre-tokenizers of "gpt2" vocabularies, special tokens
/// written out in the prompt (control tokens never come from text).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace memwall::loader {

using TokenId = std::uint32_t;

/// Numbered as in GGUF's tokenizer.ggml.token_type.
enum class TokenType : std::uint8_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

/// One vocabulary entry; `piece` uses U+2581 for a space, byte tokens are spelled <0xHH>.
struct VocabularyEntry {
  std::string piece;
  float score = 0.0f;
  TokenType type = TokenType::kNormal;
};

struct TokenizerConfig {
  std::vector<VocabularyEntry> vocabulary;  ///< by token id
  TokenId unknown = 0;
  TokenId bos = 1;
  TokenId eos = 2;
  bool add_bos = true;           ///< encode() begins with bos
  bool add_space_prefix = true;  ///< encode() puts a space before non-empty text; decode() drops it after bos
};

class Tokenizer {
 public:
  Tokenizer() = default;
  /// Throws ConfigError (with `file` as its place) for special ids outside the vocabulary, a byte token that
  /// is not spelled <0xHH>, or a score that is not a number.
  Tokenizer(TokenizerConfig config, const std::string& file);

  std::uint32_t vocab_size() const { return static_cast<std::uint32_t>(config_.vocabulary.size()); }
  TokenId bos() const { return config_.bos; }
  TokenId eos() const { return config_.eos; }
  TokenId unknown() const { return config_.unknown; }
  const VocabularyEntry& entry(TokenId id) const { return config_.vocabulary.at(id); }

  /// Any bytes are accepted; what is not UTF-8 becomes byte tokens. O(n log n).
  std::vector<TokenId> encode(std::string_view text) const;

  /// The bytes that `id` prints after `previous` (bos at the start of a text); control tokens and ids outside
  /// the vocabulary print nothing.
  std::string decode(TokenId id, TokenId previous) const;
  /// The bytes of a whole sequence; the first token is taken to follow bos.
  std::string decode(const std::vector<TokenId>& ids) const;

 private:
  static constexpr std::int32_t kNoToken = -1;
  TokenizerConfig config_;
  std::unordered_map<std::string, TokenId> ids_;  // pieces that text can become
  std::array<std::int32_t, 256> byte_ids_{};      // kNoToken where the vocabulary has none
};

}  // namespace memwall::loader
