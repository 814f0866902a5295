// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/address_map.h"

#include <fmt/format.h>

#include <cctype>
#include <sstream>
#include <vector>

#include "common/error.h"

namespace memwall::hbm {
namespace {

/// Reads "field[msb:lsb]" or "field[bit]".
bool parse_range(const std::string& word, std::string& name, unsigned& msb, unsigned& lsb) {
  const std::size_t open = word.find('[');
  if (open == std::string::npos || open == 0 || word.back() != ']') return false;
  name = word.substr(0, open);
  const std::string range = word.substr(open + 1, word.size() - open - 2);
  const std::size_t colon = range.find(':');
  const auto number = [](const std::string& digits, unsigned& value) {
    if (digits.empty() || digits.size() > 2) return false;
    value = 0;
    for (const char c : digits) {
      if (std::isdigit(static_cast<unsigned char>(c)) == 0) return false;
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value < 64;
  };
  if (colon == std::string::npos) {
    if (!number(range, msb)) return false;
    lsb = msb;
    return true;
  }
  return number(range.substr(0, colon), msb) && number(range.substr(colon + 1), lsb) && msb >= lsb;
}

}  // namespace

AddressMap::AddressMap(const std::string& text, const FieldBits& bits, const std::string& place)
    : bits_(bits) {
  const char* const names[kFieldCount] = {"offset", "channel", "stack_id", "bank_group",
                                          "bank",   "row",     "column"};
  const unsigned widths[kFieldCount] = {bits.offset, bits.channel, bits.stack_id, bits.bank_group,
                                        bits.bank,   bits.row,     bits.column};
  for (const unsigned width : widths) address_bits_ += width;

  std::uint64_t covered = 0;
  unsigned left[kFieldCount];
  for (unsigned f = 0; f < kFieldCount; ++f) left[f] = widths[f];
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    std::string name;
    unsigned msb = 0;
    unsigned lsb = 0;
    if (!parse_range(word, name, msb, lsb)) {
      throw ConfigError(place, fmt::format("address_map: '{}' is not field[msb:lsb] or field[bit]", word));
    }
    unsigned field = 0;
    while (field < kFieldCount && name != names[field]) ++field;
    if (field == kFieldCount) {
      throw ConfigError(place, fmt::format("address_map: unknown field '{}'; accepted: {}", name,
                                           fmt::join(names, names + kFieldCount, ", ")));
    }
    const unsigned width = msb - lsb + 1;
    for (unsigned bit = lsb; bit <= msb; ++bit) {
      if (bit >= address_bits_) {
        throw ConfigError(place, fmt::format("address_map: {} uses bit {}, but the capacity has bits 0 to {}",
                                             word, bit, address_bits_ - 1));
      }
      if ((covered >> bit & 1) != 0) {
        throw ConfigError(place, fmt::format("address_map: bit {} is used twice, again by {}", bit, word));
      }
      covered |= std::uint64_t{1} << bit;
    }
    if (width > left[field]) {
      throw ConfigError(place, fmt::format("address_map: {} has more than the {} bits its count needs", name,
                                           widths[field]));
    }
    left[field] -= width;
    Pieces& pieces = fields_[field];
    if (pieces.count == kMaxPieces) {
      throw ConfigError(place, fmt::format("address_map: {} is in more than {} pieces", name, kMaxPieces));
    }
    pieces.piece[pieces.count++] = {static_cast<std::uint8_t>(lsb), static_cast<std::uint8_t>(left[field]),
                                    static_cast<std::uint32_t>((std::uint64_t{1} << width) - 1)};
  }
  for (unsigned f = 0; f < kFieldCount; ++f) {
    if (left[f] != 0) {
      throw ConfigError(place, fmt::format("address_map: {} has {} of the {} bits its count needs", names[f],
                                           widths[f] - left[f], widths[f]));
    }
  }
  // The access is the unit of every command: its byte offset has to be the low bits.
  const Pieces& offset = fields_[kOffset];
  if (widths[kOffset] != 0 && (offset.count != 1 || offset.piece[0].from != 0)) {
    throw ConfigError(
        place, fmt::format("address_map: offset must be the low bits, offset[{}:0]", widths[kOffset] - 1));
  }
}

std::uint64_t AddressMap::encode(const Location& at) const {
  const std::uint32_t values[kFieldCount] = {0,
                                             at.channel,
                                             at.stack_id,
                                             at.group & ((1u << bits_.bank_group) - 1),
                                             at.bank & ((1u << bits_.bank) - 1),
                                             at.row,
                                             at.column};
  std::uint64_t address = 0;
  for (unsigned f = 0; f < kFieldCount; ++f) {
    for (unsigned i = 0; i < fields_[f].count; ++i) {
      const Piece& piece = fields_[f].piece[i];
      address |= static_cast<std::uint64_t>((values[f] >> piece.to) & piece.mask) << piece.from;
    }
  }
  return address;
}

}  // namespace memwall::hbm
