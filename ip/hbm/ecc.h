// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// SECDED: single error correction, double error detection over 64-bit words with 8 check bits, and the
/// faults that it is tested with. Contents without a fault need no code words: their check bits are right by
/// construction, so only words with an injected fault are encoded, flipped and decoded.
#pragma once

#include <cstdint>
#include <map>

#include "common/sparse_memory.h"

namespace memwall::hbm {

/// Extended Hamming code (72,64): data bits at the positions 3..71 that are no power of two, check bits at
/// the powers of two, one parity bit over everything.
namespace secded {

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

/// Injected faults by 64-bit word, and what an access makes of them.
class FaultMap {
 public:
  /// What happened to one access.
  struct Outcome {
    std::uint64_t corrected = 0;        ///< 32-byte bursts with a corrected word
    std::uint64_t uncorrected = 0;      ///< bursts with an uncorrectable word
    std::uint64_t failing_address = 0;  ///< of the last uncorrectable word
  };

  explicit FaultMap(std::uint64_t burst_bytes) : burst_bytes_(burst_bytes) {}

  bool empty() const { return faults_.empty(); }
  /// Flips `bits` (0 to 64) further data bits of the word that holds `address`; the positions follow from the
  /// address. A persistent fault survives writes, any other is healed by a write that rewrites the word.
  void inject(std::uint64_t address, unsigned bits, bool persistent);

  /// A read of [address, address + bytes). `out` holds the contents without faults and receives what the
  /// reader sees; null for traffic without data. With `enabled` false nothing is corrected or counted.
  Outcome read(std::uint64_t address, std::uint64_t bytes, const SparseMemory& memory, std::uint8_t* out,
               bool enabled) const;
  /// A write of [address, address + bytes). Words written in part are read, corrected and rewritten; one that
  /// cannot be corrected keeps its fault and fails the write.
  Outcome write(std::uint64_t address, std::uint64_t bytes, bool enabled);

 private:
  struct Fault {
    std::uint64_t transient = 0;  // flipped bits
    std::uint64_t stuck = 0;      // flipped bits that writes do not heal
    std::uint64_t mask() const { return transient ^ stuck; }
  };
  std::uint64_t burst_bytes_;
  std::map<std::uint64_t, Fault> faults_;  // by word address
};

}  // namespace memwall::hbm
