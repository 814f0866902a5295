// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Address mapping of a stack, written in the preset as bit ranges, most significant field first
/// ("row[33:20] bank[18:17] ..."), with optional XOR hashing of a field by row and column bits
/// ("bank[0] ^ row[0] ^ row[4]"). Power-of-two organisations only.
///
/// Local index: the number of a burst within its pseudo-channel, i.e. the address without the offset bits and
/// without the bits of channel and pseudo_channel. A contiguous range of addresses is a contiguous range of
/// local indices in every pseudo-channel; the constructor refuses hashes that would break this.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace memwall::hbm {

/// Where a burst lands. `bank` is flat over stack ids, bank groups and banks of a pseudo-channel, `group`
/// flat over stack ids and bank groups.
struct Location {
  std::uint32_t channel = 0;
  std::uint32_t pseudo_channel = 0;  ///< within the channel
  std::uint32_t stack_id = 0;
  std::uint32_t group = 0;
  std::uint32_t bank = 0;
  std::uint32_t row = 0;
  std::uint32_t column = 0;
};

/// The part of a location that lies within a pseudo-channel.
struct Place {
  std::uint32_t bank = 0;  ///< flat, as above
  std::uint32_t row = 0;
  std::uint32_t column = 0;
};

/// Number of address bits of each field.
struct FieldBits {
  unsigned offset = 0, channel = 0, pseudo_channel = 0, stack_id = 0, bank_group = 0, bank = 0, row = 0,
           column = 0;
};

class AddressMap {
 public:
  AddressMap() = default;
  /// Throws ConfigError at `place` if the text is malformed, a field is unknown or has the wrong number of
  /// bits, the ranges do not cover every address bit exactly once, or a hash is malformed, names a bit that
  /// does not exist, hashes a bit twice, or would break the local index.
  AddressMap(const std::string& text, const std::vector<std::string>& hashes, const FieldBits& bits,
             const std::string& place);

  Location decode(std::uint64_t address) const {
    const std::uint64_t index = local(address);
    const Place at = place(index);
    const std::uint32_t pc = narrow(pc_from_address_.gather(address)) ^ pc_hash_.of(index);
    return {pc >> pseudo_channel_bits_,
            pc & ((1u << pseudo_channel_bits_) - 1),
            at.bank >> (group_shift_ + bank_group_bits_),
            at.bank >> group_shift_,
            at.bank,
            at.row,
            at.column};
  }
  /// Inverse of decode(); the address of byte 0 of the burst. Takes the flat `bank`; `group` and `stack_id`
  /// follow from it.
  std::uint64_t encode(const Location& at) const {
    std::uint64_t index = row_from_local_.scatter(at.row) | column_from_local_.scatter(at.column);
    index |= bank_from_local_.scatter(at.bank ^ bank_hash_.of(index));
    return address(at.channel << pseudo_channel_bits_ | at.pseudo_channel, index);
  }
  unsigned address_bits() const { return address_bits_; }

  /// Local index of the burst that holds `address`.
  std::uint64_t local(std::uint64_t address) const { return local_from_address_.gather(address); }
  /// The same in every pseudo-channel.
  Place place(std::uint64_t local) const {
    return {narrow(bank_from_local_.gather(local)) ^ bank_hash_.of(local),
            narrow(row_from_local_.gather(local)), narrow(column_from_local_.gather(local))};
  }
  /// Address of a burst. `pc` = channel * pseudo-channels per channel + pseudo-channel.
  std::uint64_t address(std::uint32_t pc, std::uint64_t local) const {
    return local_from_address_.scatter(local) | pc_from_address_.scatter(pc ^ pc_hash_.of(local));
  }
  /// Smallest local index whose address in `pc` is not below `address`, a multiple of the burst size that may
  /// be the capacity.
  std::uint64_t first_local(std::uint32_t pc, std::uint64_t address) const;
  /// Least power of two of bytes such that an aligned range of it holds equally many bursts of every
  /// pseudo-channel, at the same local indices.
  std::uint64_t stripe_bytes() const { return stripe_bytes_; }
  /// From this bit of the local index on there are only row bits, in ascending order and in no hash: adding
  /// 1 << pattern_bits() to a local index adds row_step() to the row and changes nothing else.
  unsigned pattern_bits() const { return pattern_bits_; }
  std::uint32_t row_step() const { return row_step_; }

 private:
  static constexpr unsigned kMaxRuns = 12;
  static constexpr unsigned kMaxHashes = 16;

  static std::uint32_t narrow(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

  /// Bits of a packed value taken from a word, in runs of neighbours.
  struct Bits {
    struct Run {
      std::uint64_t mask = 0;  ///< of the value, before shifting
      std::uint8_t word = 0;   ///< lowest bit in the word
      std::uint8_t value = 0;  ///< lowest bit in the value
    };
    std::array<Run, kMaxRuns> run{};
    unsigned count = 0;

    std::uint64_t gather(std::uint64_t from) const {
      std::uint64_t value = 0;
      for (unsigned i = 0; i < count; ++i) value |= ((from >> run[i].word) & run[i].mask) << run[i].value;
      return value;
    }
    std::uint64_t scatter(std::uint64_t value) const {
      std::uint64_t word = 0;
      for (unsigned i = 0; i < count; ++i) word |= ((value >> run[i].value) & run[i].mask) << run[i].word;
      return word;
    }
  };

  /// What to XOR a value with: bit `bit` with the parity of the masked local index.
  struct Hash {
    struct Bit {
      std::uint64_t sources = 0;
      std::uint8_t bit = 0;
    };
    std::array<Bit, kMaxHashes> bits{};
    unsigned count = 0;

    std::uint32_t of(std::uint64_t local) const {
      std::uint32_t value = 0;
      for (unsigned i = 0; i < count; ++i) {
        value |= static_cast<std::uint32_t>(__builtin_parityll(local & bits[i].sources)) << bits[i].bit;
      }
      return value;
    }
  };

  struct Builder;

  Bits local_from_address_, pc_from_address_;                  // pc: channel and pseudo-channel
  Bits bank_from_local_, row_from_local_, column_from_local_;  // bank: flat
  Hash bank_hash_, pc_hash_;
  std::uint64_t stripe_bytes_ = 0;
  std::uint64_t pc_mask_ = 0, local_mask_ = 0;  // of the address
  unsigned pattern_bits_ = 0;
  std::uint32_t row_step_ = 1;
  unsigned address_bits_ = 0;
  unsigned pseudo_channel_bits_ = 0, bank_group_bits_ = 0, group_shift_ = 0;
};

}  // namespace memwall::hbm
