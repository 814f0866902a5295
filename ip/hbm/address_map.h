// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Address mapping of a stack, written in the preset as bit ranges ("row[33:20] bank[18:17] ..."), most
/// significant field first. Purely a permutation of bits: no XOR hashing, power-of-two organisations only.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace memwall::hbm {

/// Where a 32-byte access lands. `bank` is flat over stack ids, bank groups and banks of a pseudo-channel;
/// `group` is flat over stack ids and bank groups.
struct Location {
  std::uint32_t channel = 0;
  std::uint32_t stack_id = 0;
  std::uint32_t group = 0;
  std::uint32_t bank = 0;
  std::uint32_t row = 0;
  std::uint32_t column = 0;
};

/// Number of address bits of each field.
struct FieldBits {
  unsigned offset = 0, channel = 0, stack_id = 0, bank_group = 0, bank = 0, row = 0, column = 0;
};

class AddressMap {
 public:
  AddressMap() = default;
  /// Throws ConfigError at `place` if the text is malformed, a field is unknown or has the wrong number of
  /// bits, or the ranges do not cover every address bit exactly once.
  AddressMap(const std::string& text, const FieldBits& bits, const std::string& place);

  Location decode(std::uint64_t address) const {
    Location at;
    at.channel = extract(kChannel, address);
    at.stack_id = extract(kStackId, address);
    at.group = (at.stack_id << bits_.bank_group) | extract(kBankGroup, address);
    at.bank = (at.group << bits_.bank) | extract(kBank, address);
    at.row = extract(kRow, address);
    at.column = extract(kColumn, address);
    return at;
  }
  /// Inverse of decode(); the address of byte 0 of the access.
  std::uint64_t encode(const Location& at) const;
  unsigned address_bits() const { return address_bits_; }

 private:
  enum Field : unsigned { kOffset, kChannel, kStackId, kBankGroup, kBank, kRow, kColumn, kFieldCount };
  struct Piece {
    std::uint8_t from = 0;   // lowest address bit
    std::uint8_t to = 0;     // lowest bit within the field
    std::uint32_t mask = 0;  // width ones
  };
  static constexpr unsigned kMaxPieces = 4;
  struct Pieces {
    unsigned count = 0;
    std::array<Piece, kMaxPieces> piece;
  };

  std::uint32_t extract(Field field, std::uint64_t address) const {
    const Pieces& pieces = fields_[field];
    std::uint32_t value = 0;
    for (unsigned i = 0; i < pieces.count; ++i) {
      const Piece& piece = pieces.piece[i];
      value |= (static_cast<std::uint32_t>(address >> piece.from) & piece.mask) << piece.to;
    }
    return value;
  }

  std::array<Pieces, kFieldCount> fields_;
  FieldBits bits_;
  unsigned address_bits_ = 0;
};

}  // namespace memwall::hbm
