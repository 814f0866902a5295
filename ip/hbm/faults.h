// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Wrong bits of a stack and what an access makes of them: faults by address and by rate, on-die correction,
/// SECDED, poison. Contents without a fault need no code words: their check bits are right by construction,
/// so only words with wrong bits are looked at, and both codes are linear: what they do depends on the wrong
/// bits alone. Traffic without data therefore meets the same errors as traffic with data.
///
/// A chip fault takes one byte lane of an access: in every 64-bit word of the burst the same eight bits are
/// inverted. (An HBM access comes from one die; the lane stands for what shares a data byte, e.g. its TSVs.)
///
/// Faults by rate are a Poisson process over time and the addresses of the stack, uniform over both, made up
/// of one process per 64 KiB that is drawn when those are accessed: idle time and what is never accessed cost
/// nothing, and which faults there are depends on seed and time, not on who accesses what. They are
/// transient. Not modelled: wrong check bits, faults of rows, banks or pins over time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "common/rng.h"
#include "common/sparse_memory.h"
#include "common/time.h"

namespace memwall::hbm {

enum class FaultKind : std::uint8_t {
  kSingle,  ///< one bit of a 64-bit word
  kDouble,  ///< two bits of a 64-bit word
  kChip,    ///< one byte lane of a burst
};

struct FaultRate {
  double per_gib_hour = 0;  ///< faults per GiB and hour; 0: none
  FaultKind kind = FaultKind::kSingle;
};

/// What the controller does with what it reads.
struct EccMode {
  bool secded = true;  ///< false: raw data, nothing is corrected or counted except inside the DRAM
  /// A word found uncorrectable is marked: until it is rewritten, accesses to it fail as `poisoned` and are
  /// not counted as uncorrected again.
  bool poison = true;
};

/// What happened to one access, in bursts: one with several such words counts once.
struct EccOutcome {
  std::uint64_t on_die_corrected = 0;
  std::uint64_t corrected = 0;        ///< by SECDED
  std::uint64_t uncorrected = 0;      ///< found now
  std::uint64_t poisoned = 0;         ///< found earlier and not rewritten since
  std::uint64_t silent = 0;           ///< wrong data taken for right: what only a model can count
  std::uint64_t failing_address = 0;  ///< of the last uncorrected word
  bool failed() const { return uncorrected != 0 || poisoned != 0; }
};

class FaultMap {
 public:
  struct Config {
    std::uint64_t burst_bytes = 32;
    bool on_die = false;
    FaultRate rate;
    std::uint64_t seed = 1;  ///< of the faults by rate
    std::string stream;      ///< name of their random stream, one per stack
  };
  /// `memory` has the contents without wrong bits, except those that a code has corrected wrongly.
  FaultMap(Config config, SparseMemory& memory);

  /// Lets the faults by rate happen in [address, address + bytes) up to and including `now`, which must not
  /// decrease; before every access.
  void advance(std::uint64_t address, std::uint64_t bytes, TimePs now) {
    if (mean_gap_ps_ != 0) strike(address, bytes, static_cast<double>(now));
  }
  /// No wrong bits anywhere: accesses need not ask.
  bool empty() const { return faults_.empty(); }
  /// 64-bit words with wrong bits or poison.
  std::size_t words() const { return faults_.size(); }

  /// Flips `bits` (0 to 64) further bits of the word that holds `address`; the positions follow from the
  /// address. A persistent fault survives writes, any other is healed by a write of the whole word.
  void flip_bits(std::uint64_t address, unsigned bits, bool persistent);
  /// Inverts a byte lane, which follows from the address, in the burst that holds `address`.
  void fail_lane(std::uint64_t address, bool persistent);
  void inject(std::uint64_t address, FaultKind kind, bool persistent);

  /// A read of [address, address + bytes). `out` holds the contents without faults and receives what the
  /// reader sees; null for traffic without data.
  EccOutcome read(std::uint64_t address, std::uint64_t bytes, std::uint8_t* out, const EccMode& mode);
  /// A write of [address, address + bytes), before it changes the contents. Words written in part are read,
  /// corrected and rewritten; one that cannot be corrected keeps its fault and fails the write.
  EccOutcome write(std::uint64_t address, std::uint64_t bytes, const EccMode& mode);
  /// The burst at `address` is written back as a read of it saw it: what a code corrected is right
  /// afterwards.
  void write_back(std::uint64_t address, const EccMode& mode);

 private:
  struct Word {
    std::uint64_t transient = 0;  // flipped bits
    std::uint64_t stuck = 0;      // flipped bits that writes do not heal
    bool poisoned = false;
    std::uint64_t mask() const { return transient ^ stuck; }
  };
  using Words = std::map<std::uint64_t, Word>;  // by address of the 64-bit word
  enum class Fate : std::uint8_t { kClean, kOnDie, kCorrected, kUncorrectable, kPoisoned };
  struct Seen {
    Fate fate;
    std::uint64_t wrong;  // bits that the reader gets wrong
  };

  class Tally;

  void strike(std::uint64_t address, std::uint64_t bytes, double now_ps);
  void flip(std::uint64_t word, unsigned bits, Rng& rng, bool persistent);
  void invert_lane(std::uint64_t address, unsigned lane, bool persistent);
  std::uint64_t wrong_bits(std::uint64_t word) const;
  Seen look(std::uint64_t word, const Word& fault, const EccMode& mode) const;
  static void note(std::uint64_t word, Word& fault, const Seen& seen, const EccMode& mode, Tally& tally);
  void rewrite(std::uint64_t word, Word& fault, const Seen& seen);
  Words::iterator erase_if_right(Words::iterator it);

  Config config_;
  SparseMemory& memory_;
  Words faults_;
  /// The process of one region.
  struct Region {
    Rng rng;
    double next_ps;
  };
  static constexpr std::uint64_t kRegionBytes = 64 * 1024;
  std::unordered_map<std::uint64_t, Region> regions_;  // those accessed, by number
  std::uint64_t region_seed_ = 0;
  double mean_gap_ps_ = 0;  // between the faults of a region; 0: none
};

}  // namespace memwall::hbm
