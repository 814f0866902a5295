// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The two codes between cells and reader. SECDED in the controller: single error correction, double error
/// detection over 64-bit words with 8 check bits. On-die correction in the DRAM (`[ecc] on_die`): one wrong
/// bit per 128-bit codeword. Which faults they meet is in faults.h.
///
/// Not modelled: wrong check bits; what vendors do not publish of their on-die codes. A codeword with two or
/// more wrong bits leaves the DRAM unchanged: real single-error-correcting codes may flip a further bit then.
/// 128 data bits with 8 check bits are those of DDR5 (JESD79-5); the HBM3 part of Ryu et al., JSSC 58(4),
/// 2023 corrects a symbol of 16 bits.
#pragma once

#include <cstdint>

namespace memwall::hbm {

/// Extended Hamming code (72,64): data bits at the positions 3..71 that are no power of two, check bits at
/// the powers of two, one parity bit over everything. Data bits are spread so that a byte with all bits
/// inverted, which in plain order can look right, is always detected.
namespace secded {

inline constexpr std::uint64_t kWordBytes = 8;

enum class Verdict : std::uint8_t { kClean, kCorrected, kUncorrectable };

struct Decoded {
  Verdict verdict;
  std::uint64_t data;  ///< corrected if that was possible, else as read
};

/// The 8 check bits of `data`: bits 6:0 Hamming, bit 7 overall parity.
std::uint8_t encode(std::uint64_t data);
/// Three or more flipped bits can look like one: the code then corrects wrongly, as hardware does.
Decoded decode(std::uint64_t data, std::uint8_t check);

}  // namespace secded

namespace on_die {

/// True if the DRAM corrects a codeword whose two 64-bit halves have these wrong bits.
inline bool corrects(std::uint64_t wrong, std::uint64_t wrong_in_other_half) {
  return __builtin_popcountll(wrong) + __builtin_popcountll(wrong_in_other_half) == 1;
}

}  // namespace on_die

}  // namespace memwall::hbm
