// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/ecc.h"

#include <algorithm>
#include <array>

namespace memwall::hbm {
namespace secded {
namespace {

constexpr unsigned kPositions = 71;

/// Code position of each data bit: eight apart, in numbers of data positions, from bit to bit of a byte.
constexpr std::array<std::uint8_t, 64> make_positions() {
  std::array<std::uint8_t, 64> positions{};
  unsigned n = 0;
  for (unsigned position = 1; position <= kPositions; ++position) {
    if ((position & (position - 1)) == 0) continue;
    positions[n % 8 * 8 + n / 8] = static_cast<std::uint8_t>(position);
    ++n;
  }
  return positions;
}
constexpr std::array<std::uint8_t, 64> kPositionOf = make_positions();

/// XOR of the code positions of the set data bits.
unsigned hamming(std::uint64_t data) {
  unsigned sum = 0;
  for (; data != 0; data &= data - 1) sum ^= kPositionOf[static_cast<unsigned>(__builtin_ctzll(data))];
  return sum;
}

unsigned parity(std::uint64_t bits) { return static_cast<unsigned>(__builtin_parityll(bits)); }

}  // namespace

std::uint8_t encode(std::uint64_t data) {
  const unsigned check = hamming(data);
  return static_cast<std::uint8_t>(check | (parity(data) ^ parity(check)) << 7);
}

Decoded decode(std::uint64_t data, std::uint8_t check) {
  const unsigned syndrome = hamming(data) ^ (check & 0x7fu);
  const bool odd = (parity(data) ^ parity(check)) != 0;
  if (!odd) return {syndrome == 0 ? Verdict::kClean : Verdict::kUncorrectable, data};
  if ((syndrome & (syndrome - 1)) == 0) return {Verdict::kCorrected, data};  // a check bit or the parity bit
  const auto* const at = std::find(kPositionOf.begin(), kPositionOf.end(), syndrome);
  if (at == kPositionOf.end()) return {Verdict::kUncorrectable, data};
  return {Verdict::kCorrected, data ^ (std::uint64_t{1} << (at - kPositionOf.begin()))};
}

}  // namespace secded
}  // namespace memwall::hbm
