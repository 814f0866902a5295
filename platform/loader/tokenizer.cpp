// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "loader/tokenizer.h"

#include <cmath>
#include <cstddef>
#include <queue>
#include <utility>

#include "common/error.h"

namespace memwall::loader {
namespace {

constexpr std::string_view kSpace = "\xe2\x96\x81";  // U+2581

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// The byte that "<0xHH>" spells, or -1.
int byte_of(std::string_view piece) {
  if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece[5] != '>') return -1;
  const int high = hex_digit(piece[3]), low = hex_digit(piece[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/// Length of the UTF-8 character at the front of `text`; 1 where the bytes are no whole character.
std::size_t character_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 1;
  if (length > text.size()) return 1;
  for (std::size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 1;
  return length;
}

/// One node of the doubly linked list of symbols; size 0 once it has been joined to its left neighbour.
struct Symbol {
  std::size_t begin, size;
  std::ptrdiff_t previous, next;  // -1 at the ends
};

struct Join {
  float score;
  std::ptrdiff_t left, right;
  std::size_t size;  // of the joined text; a join whose symbols have changed since is stale
  bool operator<(const Join& other) const {
    return score != other.score ? score < other.score : left > other.left;
  }
};

}  // namespace

Tokenizer::Tokenizer(TokenizerConfig config, const std::string& file) : config_(std::move(config)) {
  const std::size_t size = config_.vocabulary.size();
  const auto in_range = [&](TokenId id, const char* what) {
    if (id >= size)
      throw ConfigError(file, std::string(what) + " token " + std::to_string(id) +
                                  " is outside the vocabulary of " + std::to_string(size));
  };
  in_range(config_.unknown, "unknown");
  in_range(config_.bos, "bos");
  in_range(config_.eos, "eos");
  byte_ids_.fill(kNoToken);
  ids_.reserve(size);
  for (std::size_t id = 0; id < size; ++id) {
    const VocabularyEntry& entry = config_.vocabulary[id];
    if (std::isnan(entry.score))
      throw ConfigError(file, "the score of token " + std::to_string(id) + " is not a number");
    if (entry.type == TokenType::kByte) {
      const int byte = byte_of(entry.piece);
      if (byte < 0) throw ConfigError(file, "byte token " + std::to_string(id) + " is not spelled <0xHH>");
      std::int32_t& slot = byte_ids_[static_cast<std::size_t>(byte)];
      if (slot == kNoToken) slot = static_cast<std::int32_t>(id);
    } else if (entry.type == TokenType::kNormal || entry.type == TokenType::kUserDefined) {
      if (!entry.piece.empty()) ids_.emplace(entry.piece, static_cast<TokenId>(id));  // the lowest id wins
    }
  }
}

std::vector<TokenId> Tokenizer::encode(std::string_view input) const {
  std::string text;
  if (config_.add_space_prefix && !input.empty()) text += kSpace;
  for (char c : input) {
    if (c == ' ')
      text += kSpace;
    else
      text += c;
  }
  std::vector<Symbol> symbols;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character_length(std::string_view(text).substr(at));
    const auto index = static_cast<std::ptrdiff_t>(symbols.size());
    symbols.push_back({at, length, index - 1, index + 1});
    at += length;
  }
  if (!symbols.empty()) symbols.back().next = -1;

  std::priority_queue<Join> joins;
  const auto offer = [&](std::ptrdiff_t left, std::ptrdiff_t right) {
    if (left < 0 || right < 0) return;
    const std::size_t length = symbols[left].size + symbols[right].size;
    const auto piece = ids_.find(text.substr(symbols[left].begin, length));
    if (piece != ids_.end()) joins.push({config_.vocabulary[piece->second].score, left, right, length});
  };
  for (std::size_t i = 1; i < symbols.size(); ++i)
    offer(static_cast<std::ptrdiff_t>(i) - 1, static_cast<std::ptrdiff_t>(i));
  while (!joins.empty()) {
    const Join join = joins.top();
    joins.pop();
    Symbol &left = symbols[join.left], &right = symbols[join.right];
    if (left.size == 0 || right.size == 0 || left.size + right.size != join.size) continue;
    left.size = join.size;
    left.next = right.next;
    right.size = 0;
    if (left.next >= 0) symbols[left.next].previous = join.left;
    offer(left.previous, join.left);
    offer(join.left, left.next);
  }

  std::vector<TokenId> out;
  if (config_.add_bos) out.push_back(config_.bos);
  for (std::ptrdiff_t i = symbols.empty() ? -1 : 0; i >= 0; i = symbols[i].next) {
    const std::string piece = text.substr(symbols[i].begin, symbols[i].size);
    const auto known = ids_.find(piece);
    if (known != ids_.end()) {
      out.push_back(known->second);
      continue;
    }
    for (char c : piece) {
      const std::int32_t byte = byte_ids_[static_cast<unsigned char>(c)];
      out.push_back(byte == kNoToken ? config_.unknown : static_cast<TokenId>(byte));
    }
  }
  return out;
}

std::string Tokenizer::decode(TokenId id, TokenId previous) const {
  if (id >= config_.vocabulary.size()) return {};
  const VocabularyEntry& entry = config_.vocabulary[id];
  switch (entry.type) {
    case TokenType::kByte:
      return std::string(1, static_cast<char>(byte_of(entry.piece)));
    case TokenType::kNormal:
    case TokenType::kUserDefined:
      break;
    default:
      return {};
  }
  std::string out;
  for (std::size_t at = 0; at < entry.piece.size();) {
    if (entry.piece.compare(at, kSpace.size(), kSpace) == 0) {
      out += ' ';
      at += kSpace.size();
    } else {
      out += entry.piece[at++];
    }
  }
  if (config_.add_space_prefix && previous == config_.bos && !out.empty() && out[0] == ' ') out.erase(0, 1);
  return out;
}

std::string Tokenizer::decode(const std::vector<TokenId>& ids) const {
  std::string out;
  TokenId previous = config_.bos;
  for (TokenId id : ids) {
    out += decode(id, previous);
    previous = id;
  }
  return out;
}

}  // namespace memwall::loader
