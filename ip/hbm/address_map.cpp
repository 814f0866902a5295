// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/address_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <sstream>

#include "common/error.h"

namespace memwall::hbm {
namespace {

enum Field : unsigned {
  kOffset,
  kChannel,
  kPseudoChannel,
  kStackId,
  kBankGroup,
  kBank,
  kRow,
  kColumn,
  kFieldCount
};
constexpr std::array<const char*, kFieldCount> kFieldNames = {
    "offset", "channel", "pseudo_channel", "stack_id", "bank_group", "bank", "row", "column"};

constexpr const char* kMapKey = "address_map";
constexpr const char* kHashKey = "address_hash";

struct Range {
  std::string name;
  unsigned msb = 0, lsb = 0;
};

std::optional<unsigned> bit_number(const std::string& digits) {
  if (digits.empty() || digits.size() > 2) return std::nullopt;
  unsigned value = 0;
  for (const char c : digits) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value > 63) return std::nullopt;
  return value;
}

/// Reads "field[msb:lsb]" or "field[bit]".
std::optional<Range> parse_range(const std::string& word) {
  const std::size_t open = word.find('[');
  if (open == std::string::npos || open == 0 || word.back() != ']') return std::nullopt;
  const std::string range = word.substr(open + 1, word.size() - open - 2);
  const std::size_t colon = range.find(':');
  const auto msb = bit_number(range.substr(0, colon));
  const auto lsb = colon == std::string::npos ? msb : bit_number(range.substr(colon + 1));
  if (!msb || !lsb || *msb < *lsb) return std::nullopt;
  return Range{word.substr(0, open), *msb, *lsb};
}

std::optional<Field> field_of(const std::string& name) {
  for (unsigned f = 0; f < kFieldCount; ++f) {
    if (name == kFieldNames[f]) return static_cast<Field>(f);
  }
  return std::nullopt;
}

}  // namespace

struct AddressMap::Builder {
  AddressMap& map;
  const std::string& place;
  std::array<unsigned, kFieldCount> width;
  std::array<std::vector<unsigned>, kFieldCount> at;  ///< address bit of each bit of a field
  std::vector<unsigned> local_bits;                   ///< address bit of each bit of the local index

  Builder(AddressMap& m, const FieldBits& b, const std::string& p)
      : map(m), place(p), width{b.offset, b.channel, b.pseudo_channel, b.stack_id, b.bank_group,
                                b.bank,   b.row,     b.column} {}

  template <typename... Args>
  [[noreturn]] void refuse(const char* what, fmt::format_string<Args...> text, Args&&... args) const {
    throw ConfigError(place, fmt::format("{}: {}", what, fmt::format(text, std::forward<Args>(args)...)));
  }

  void read_map(const std::string& text) {
    for (const unsigned bits : width) map.address_bits_ += bits;
    if (map.address_bits_ > 63) refuse(kMapKey, "{} address bits; at most 63", map.address_bits_);
    std::uint64_t covered = 0;
    std::array<std::vector<unsigned>, kFieldCount> from_msb;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      const auto range = parse_range(word);
      if (!range) refuse(kMapKey, "'{}' is not field[msb:lsb] or field[bit]", word);
      const auto field = field_of(range->name);
      if (!field) {
        refuse(kMapKey, "unknown field '{}'; accepted: {}", range->name, fmt::join(kFieldNames, ", "));
      }
      for (unsigned bit = range->msb + 1; bit-- > range->lsb;) {
        if (bit >= map.address_bits_) {
          refuse(kMapKey, "{} uses bit {}, but the capacity has bits 0 to {}", word, bit,
                 map.address_bits_ - 1);
        }
        if ((covered >> bit & 1) != 0) refuse(kMapKey, "bit {} is used twice, again by {}", bit, word);
        covered |= std::uint64_t{1} << bit;
        from_msb[*field].push_back(bit);
      }
      if (from_msb[*field].size() > width[*field]) {
        refuse(kMapKey, "{} has more than the {} bits its count needs", range->name, width[*field]);
      }
    }
    for (unsigned f = 0; f < kFieldCount; ++f) {
      if (from_msb[f].size() != width[f]) {
        refuse(kMapKey, "{} has {} of the {} bits its count needs", kFieldNames[f], from_msb[f].size(),
               width[f]);
      }
      at[f].assign(from_msb[f].rbegin(), from_msb[f].rend());
    }
    // A burst is the unit of every command: its byte offset has to be the low bits.
    for (unsigned bit = 0; bit < width[kOffset]; ++bit) {
      if (at[kOffset][bit] != bit) {
        refuse(kMapKey, "offset must be the low bits, offset[{}:0]", width[kOffset] - 1);
      }
    }
  }

  bool in_pc(unsigned bit) const {
    const auto has = [&](Field f) { return std::find(at[f].begin(), at[f].end(), bit) != at[f].end(); };
    return has(kChannel) || has(kPseudoChannel);
  }

  unsigned local_of(unsigned address_bit) const {
    const auto found = std::find(local_bits.begin(), local_bits.end(), address_bit);
    return static_cast<unsigned>(found - local_bits.begin());
  }

  /// `word` holds for each bit of the value, least significant first, the bit of the word it is found in.
  Bits bits(const std::vector<unsigned>& word, const char* what) const {
    Bits out;
    for (unsigned i = 0; i < word.size(); ++i) {
      if (i != 0 && word[i] == word[i - 1] + 1) {
        Bits::Run& run = out.run[out.count - 1];
        run.mask = run.mask << 1 | 1;
        continue;
      }
      if (out.count == kMaxRuns) refuse(kMapKey, "{} is in more than {} pieces", what, kMaxRuns);
      out.run[out.count++] = {1, static_cast<std::uint8_t>(word[i]), static_cast<std::uint8_t>(i)};
    }
    return out;
  }

  std::vector<unsigned> joined(std::initializer_list<Field> low_to_high) const {
    std::vector<unsigned> out;
    for (const Field f : low_to_high) out.insert(out.end(), at[f].begin(), at[f].end());
    return out;
  }

  std::vector<unsigned> to_local(std::vector<unsigned> address_bits) const {
    for (unsigned& bit : address_bits) bit = local_of(bit);
    return address_bits;
  }

  void build_fields() {
    for (unsigned bit = width[kOffset]; bit < map.address_bits_; ++bit) {
      (in_pc(bit) ? map.pc_mask_ : map.local_mask_) |= std::uint64_t{1} << bit;
      if (!in_pc(bit)) local_bits.push_back(bit);
    }
    map.local_from_address_ = bits(local_bits, "the local index");
    map.pc_from_address_ = bits(joined({kPseudoChannel, kChannel}), "channel");
    map.bank_from_local_ = bits(to_local(joined({kBank, kBankGroup, kStackId})), "bank");
    map.row_from_local_ = bits(to_local(at[kRow]), "row");
    map.column_from_local_ = bits(to_local(at[kColumn]), "column");
    map.pseudo_channel_bits_ = width[kPseudoChannel];
    map.bank_group_bits_ = width[kBankGroup];
    map.group_shift_ = width[kBank];
    const unsigned stripe_bits =
        map.pc_mask_ == 0 ? width[kOffset] : 64 - static_cast<unsigned>(__builtin_clzll(map.pc_mask_));
    map.stripe_bytes_ = std::uint64_t{1} << stripe_bits;
  }

  /// A field bit of a hash, "row[4]".
  std::pair<Field, unsigned> hash_bit(const std::string& hash, const std::string& word) const {
    const auto range = parse_range(word);
    if (!range || range->msb != range->lsb) refuse(kHashKey, "'{}' in '{}' is not field[bit]", word, hash);
    const auto field = field_of(range->name);
    if (!field) {
      refuse(kHashKey, "unknown field '{}' in '{}'; accepted: {}", range->name, hash,
             fmt::join(kFieldNames, ", "));
    }
    if (range->msb >= width[*field]) {
      refuse(kHashKey, "'{}' in '{}': {} has {} bits", word, hash, range->name, width[*field]);
    }
    return {*field, range->msb};
  }

  void add_hash(const std::string& text) {
    std::vector<std::string> words;
    std::istringstream in(text);
    for (std::string word; in >> word;) words.push_back(word);
    if (words.size() < 3 || words.size() % 2 == 0) {
      refuse(kHashKey, "'{}' is not field[bit] ^ row[bit] ^ column[bit] ...", text);
    }
    for (std::size_t i = 1; i < words.size(); i += 2) {
      if (words[i] != "^") refuse(kHashKey, "'{}' where ^ is expected in '{}'", words[i], text);
    }
    const auto [field, bit] = hash_bit(text, words[0]);
    unsigned base = 0;
    bool is_pc = false;
    switch (field) {
      case kBank:
        break;
      case kBankGroup:
        base = width[kBank];
        break;
      case kStackId:
        base = width[kBank] + width[kBankGroup];
        break;
      case kChannel:
        base = width[kPseudoChannel];
        [[fallthrough]];
      case kPseudoChannel:
        is_pc = true;
        break;
      default:
        refuse(kHashKey,
               "'{}': {} cannot be hashed; accepted: bank, bank_group, stack_id, channel, pseudo_channel",
               text, kFieldNames[field]);
    }
    Hash& hash = is_pc ? map.pc_hash_ : map.bank_hash_;
    Hash::Bit entry;
    entry.bit = static_cast<std::uint8_t>(base + bit);
    for (unsigned i = 0; i < hash.count; ++i) {
      if (hash.bits[i].bit == entry.bit)
        refuse(kHashKey, "{} is hashed twice, again by '{}'", words[0], text);
    }
    for (std::size_t i = 2; i < words.size(); i += 2) {
      const auto [source, source_bit] = hash_bit(text, words[i]);
      if (source != kRow && source != kColumn) {
        refuse(kHashKey, "'{}': a source must be a bit of row or column, not {}", text, words[i]);
      }
      const unsigned address_bit = at[source][source_bit];
      if (is_pc && (map.pc_mask_ >> address_bit) != 0) {
        refuse(kHashKey,
               "'{}': {} is address bit {}, below a bit of channel or pseudo_channel; a contiguous range "
               "would no longer be contiguous in a pseudo-channel",
               text, words[i], address_bit);
      }
      const std::uint64_t mask = std::uint64_t{1} << local_of(address_bit);
      if ((entry.sources & mask) != 0) refuse(kHashKey, "'{}': {} is named twice", text, words[i]);
      entry.sources |= mask;
    }
    if (hash.count == kMaxHashes) refuse(kHashKey, "more than {} hashed bits", kMaxHashes);
    hash.bits[hash.count++] = entry;
  }

  void find_pattern() {
    std::uint64_t hashed = 0;
    for (const Hash* hash : {&map.bank_hash_, &map.pc_hash_}) {
      for (unsigned i = 0; i < hash->count; ++i) hashed |= hash->bits[i].sources;
    }
    map.pattern_bits_ = static_cast<unsigned>(local_bits.size());
    for (unsigned row = width[kRow]; row-- > 0;) {
      const unsigned bit = local_of(at[kRow][row]);
      if (bit + 1 != map.pattern_bits_ || (hashed >> bit & 1) != 0) break;
      map.pattern_bits_ = bit;
      map.row_step_ = 1u << row;
    }
  }
};

AddressMap::AddressMap(const std::string& text, const std::vector<std::string>& hashes, const FieldBits& bits,
                       const std::string& place) {
  Builder builder(*this, bits, place);
  builder.read_map(text);
  builder.build_fields();
  for (const std::string& hash : hashes) builder.add_hash(hash);
  builder.find_pattern();
}

std::uint64_t AddressMap::first_local(std::uint32_t pc, std::uint64_t address) const {
  if (address >> address_bits_ != 0) return local(~std::uint64_t{0}) + 1;  // the capacity
  const std::uint64_t index = local(address);
  // The address with the same local index in `pc`. Hashes look only at bits above all those of the
  // pseudo-channel, so they are equal for every address that differs from it below.
  const std::uint64_t here = address & pc_mask_;
  const std::uint64_t there = this->address(pc, index) & pc_mask_;
  if (here == there) return index;
  // The highest pseudo-channel bit that differs decides for all local indices that agree above it.
  const unsigned bit = 63 - static_cast<unsigned>(__builtin_clzll(here ^ there));
  const int below = __builtin_popcountll(local_mask_ & ((std::uint64_t{1} << bit) - 1));
  const std::uint64_t above = index >> below;
  return (there > here ? above : above + 1) << below;
}

}  // namespace memwall::hbm
