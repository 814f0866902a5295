// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/ecc.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "common/rng.h"

namespace memwall::hbm {
namespace secded {
namespace {

constexpr unsigned kPositions = 71;

/// Code position of each data bit.
constexpr std::array<std::uint8_t, 64> make_positions() {
  std::array<std::uint8_t, 64> positions{};
  unsigned bit = 0;
  for (unsigned position = 1; position <= kPositions; ++position) {
    if ((position & (position - 1)) != 0) positions[bit++] = static_cast<std::uint8_t>(position);
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

namespace {

constexpr std::uint64_t kWordBytes = 8;

/// Counts every burst once per kind; words come in ascending order.
class BurstCounter {
 public:
  explicit BurstCounter(std::uint64_t burst_bytes) : burst_bytes_(burst_bytes) {}
  void count(std::uint64_t address, std::uint64_t& counter, std::uint64_t& last) const {
    const std::uint64_t burst = address / burst_bytes_ + 1;
    if (last == burst) return;
    last = burst;
    ++counter;
  }

 private:
  std::uint64_t burst_bytes_;
};

}  // namespace

void FaultMap::inject(std::uint64_t address, unsigned bits, bool persistent) {
  const std::uint64_t word = address / kWordBytes * kWordBytes;
  Fault& fault = faults_[word];
  Rng rng(word, "hbm.fault");
  std::uint64_t free = ~(fault.transient | fault.stuck);
  std::uint64_t flips = 0;
  for (unsigned i = 0; i < bits && free != 0; ++i) {
    std::uint64_t chosen = free;
    for (std::uint64_t skip = rng.below(static_cast<std::uint64_t>(__builtin_popcountll(free))); skip > 0;
         --skip) {
      chosen &= chosen - 1;
    }
    chosen &= ~chosen + 1;
    flips |= chosen;
    free &= ~chosen;
  }
  (persistent ? fault.stuck : fault.transient) ^= flips;
  if (fault.mask() == 0) faults_.erase(word);
}

FaultMap::Outcome FaultMap::read(std::uint64_t address, std::uint64_t bytes, const SparseMemory& memory,
                                 std::uint8_t* out, bool enabled) const {
  Outcome outcome;
  const BurstCounter bursts(burst_bytes_);
  std::uint64_t last_corrected = 0;
  std::uint64_t last_uncorrected = 0;
  const std::uint64_t end = address + bytes;
  for (auto it = faults_.lower_bound(address / kWordBytes * kWordBytes);
       it != faults_.end() && it->first < end; ++it) {
    const std::uint64_t word = it->first;
    std::uint64_t stored = 0;
    if (out != nullptr) memory.read(word, &stored, kWordBytes);
    secded::Decoded decoded{secded::Verdict::kClean, stored ^ it->second.mask()};
    if (enabled) decoded = secded::decode(decoded.data, secded::encode(stored));
    if (decoded.verdict == secded::Verdict::kCorrected) bursts.count(word, outcome.corrected, last_corrected);
    if (decoded.verdict == secded::Verdict::kUncorrectable) {
      bursts.count(word, outcome.uncorrected, last_uncorrected);
      outcome.failing_address = word;
    }
    if (out == nullptr) continue;
    const std::uint64_t from = std::max(word, address);
    const std::uint64_t to = std::min(word + kWordBytes, end);
    std::memcpy(out + (from - address), reinterpret_cast<const std::uint8_t*>(&decoded.data) + (from - word),
                to - from);
  }
  return outcome;
}

FaultMap::Outcome FaultMap::write(std::uint64_t address, std::uint64_t bytes, bool enabled) {
  Outcome outcome;
  const BurstCounter bursts(burst_bytes_);
  std::uint64_t last_corrected = 0;
  std::uint64_t last_uncorrected = 0;
  const std::uint64_t end = address + bytes;
  for (auto it = faults_.lower_bound(address / kWordBytes * kWordBytes);
       it != faults_.end() && it->first < end;) {
    const std::uint64_t word = it->first;
    const bool whole = word >= address && word + kWordBytes <= end;
    bool heals = whole;
    if (!whole && enabled) {
      // The code is linear: whether a word decodes depends on the flipped bits alone.
      const secded::Verdict verdict = secded::decode(it->second.mask(), 0).verdict;
      if (verdict == secded::Verdict::kUncorrectable) {
        bursts.count(word, outcome.uncorrected, last_uncorrected);
        outcome.failing_address = word;
      } else {
        bursts.count(word, outcome.corrected, last_corrected);
        heals = true;
      }
    }
    if (heals) it->second.transient = 0;
    it = it->second.mask() == 0 ? faults_.erase(it) : std::next(it);
  }
  return outcome;
}

}  // namespace memwall::hbm
