// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/faults.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "hbm/ecc.h"

namespace memwall::hbm {
namespace {

using secded::kWordBytes;
constexpr double kPsPerHour = 3600e12;
constexpr double kBytesPerGib = 1024.0 * 1024 * 1024;

std::uint64_t word_of(std::uint64_t address) { return address / kWordBytes * kWordBytes; }

}  // namespace

/// Adds to the counters of an outcome, each burst once per counter; words come in ascending order.
class FaultMap::Tally {
 public:
  Tally(EccOutcome& outcome, std::uint64_t burst_bytes) : outcome_(outcome), burst_bytes_(burst_bytes) {}
  void count(std::uint64_t EccOutcome::*counter, std::uint64_t word) {
    const std::uint64_t burst = word / burst_bytes_ + 1;
    std::uint64_t& last = last_.*counter;
    if (last == burst) return;
    last = burst;
    ++(outcome_.*counter);
  }
  void fail(std::uint64_t word) { outcome_.failing_address = word; }

 private:
  EccOutcome& outcome_;
  EccOutcome last_;  // number of the burst counted last, plus one
  std::uint64_t burst_bytes_;
};

FaultMap::FaultMap(Config config, SparseMemory& memory) : config_(std::move(config)), memory_(memory) {
  if (config_.rate.per_gib_hour <= 0) return;
  region_seed_ = Rng(config_.seed, config_.stream).next();
  mean_gap_ps_ = kPsPerHour * kBytesPerGib / (config_.rate.per_gib_hour * static_cast<double>(kRegionBytes));
}

void FaultMap::strike(std::uint64_t address, std::uint64_t bytes, double now_ps) {
  const auto gap = [&](Rng& rng) { return -std::log1p(-rng.uniform()) * mean_gap_ps_; };
  for (std::uint64_t number = address / kRegionBytes; number * kRegionBytes < address + bytes; ++number) {
    const auto [it, is_new] = regions_.try_emplace(number, Region{Rng(region_seed_ + number, "region"), 0});
    Region& region = it->second;
    if (is_new) region.next_ps = gap(region.rng);
    for (; region.next_ps <= now_ps; region.next_ps += gap(region.rng)) {
      const std::uint64_t at = number * kRegionBytes + region.rng.below(kRegionBytes);
      if (config_.rate.kind == FaultKind::kChip) {
        invert_lane(at, static_cast<unsigned>(region.rng.below(kWordBytes)), false);
      } else {
        flip(word_of(at), config_.rate.kind == FaultKind::kDouble ? 2 : 1, region.rng, false);
      }
    }
  }
}

void FaultMap::flip(std::uint64_t word, unsigned bits, Rng& rng, bool persistent) {
  Word& fault = faults_[word];
  std::uint64_t free = ~(fault.transient | fault.stuck);
  for (unsigned i = 0; i < bits && free != 0; ++i) {
    std::uint64_t chosen = free;
    for (std::uint64_t skip = rng.below(static_cast<std::uint64_t>(__builtin_popcountll(free))); skip > 0;
         --skip) {
      chosen &= chosen - 1;
    }
    chosen &= ~chosen + 1;
    (persistent ? fault.stuck : fault.transient) |= chosen;
    free &= ~chosen;
  }
  erase_if_right(faults_.find(word));
}

void FaultMap::invert_lane(std::uint64_t address, unsigned lane, bool persistent) {
  const std::uint64_t burst = address / config_.burst_bytes * config_.burst_bytes;
  for (std::uint64_t at = 0; at < config_.burst_bytes; at += kWordBytes) {
    Word& fault = faults_[burst + at];
    const std::uint64_t bits = (std::uint64_t{0xff} << (8 * lane)) & ~(fault.transient | fault.stuck);
    (persistent ? fault.stuck : fault.transient) |= bits;
  }
}

void FaultMap::flip_bits(std::uint64_t address, unsigned bits, bool persistent) {
  Rng rng(word_of(address), "hbm.fault");
  flip(word_of(address), bits, rng, persistent);
}

void FaultMap::fail_lane(std::uint64_t address, bool persistent) {
  Rng rng(address / config_.burst_bytes, "hbm.lane");
  invert_lane(address, static_cast<unsigned>(rng.below(kWordBytes)), persistent);
}

void FaultMap::inject(std::uint64_t address, FaultKind kind, bool persistent) {
  if (kind == FaultKind::kChip) {
    fail_lane(address, persistent);
  } else {
    flip_bits(address, kind == FaultKind::kDouble ? 2 : 1, persistent);
  }
}

std::uint64_t FaultMap::wrong_bits(std::uint64_t word) const {
  const auto it = faults_.find(word);
  return it == faults_.end() ? 0 : it->second.mask();
}

FaultMap::Seen FaultMap::look(std::uint64_t word, const Word& fault, const EccMode& mode) const {
  const std::uint64_t wrong = fault.mask();
  if (mode.secded && mode.poison && fault.poisoned) return {Fate::kPoisoned, wrong};
  if (config_.on_die && on_die::corrects(wrong, wrong_bits(word ^ kWordBytes)) && wrong != 0)
    return {Fate::kOnDie, 0};
  if (!mode.secded) return {Fate::kClean, wrong};
  const secded::Decoded decoded = secded::decode(wrong, 0);  // linear: as if the contents were all zeros
  switch (decoded.verdict) {
    case secded::Verdict::kClean:
      return {Fate::kClean, decoded.data};
    case secded::Verdict::kCorrected:
      return {Fate::kCorrected, decoded.data};
    case secded::Verdict::kUncorrectable:
      break;
  }
  return {Fate::kUncorrectable, decoded.data};
}

void FaultMap::note(std::uint64_t word, Word& fault, const Seen& seen, const EccMode& mode, Tally& tally) {
  switch (seen.fate) {
    case Fate::kClean:
      break;
    case Fate::kOnDie:
      tally.count(&EccOutcome::on_die_corrected, word);
      break;
    case Fate::kCorrected:
      tally.count(&EccOutcome::corrected, word);
      break;
    case Fate::kUncorrectable:
      tally.count(&EccOutcome::uncorrected, word);
      tally.fail(word);
      fault.poisoned = mode.poison;
      return;
    case Fate::kPoisoned:
      tally.count(&EccOutcome::poisoned, word);
      return;
  }
  if (seen.wrong != 0) tally.count(&EccOutcome::silent, word);
}

/// The word was read as `seen` and is rewritten with that; its check bits fit then, whether it is right or
/// not.
void FaultMap::rewrite(std::uint64_t word, Word& fault, const Seen& seen) {
  const std::uint64_t wrong = seen.wrong & ~fault.stuck;
  fault.transient = 0;
  if (wrong == 0) return;
  std::uint64_t stored = 0;
  memory_.read(word, &stored, kWordBytes);
  stored ^= wrong;
  memory_.write(word, &stored, kWordBytes);
}

FaultMap::Words::iterator FaultMap::erase_if_right(Words::iterator it) {
  return it->second.mask() == 0 && !it->second.poisoned ? faults_.erase(it) : std::next(it);
}

EccOutcome FaultMap::read(std::uint64_t address, std::uint64_t bytes, std::uint8_t* out,
                          const EccMode& mode) {
  EccOutcome outcome;
  Tally tally(outcome, config_.burst_bytes);
  const std::uint64_t end = address + bytes;
  for (auto it = faults_.lower_bound(word_of(address)); it != faults_.end() && it->first < end; ++it) {
    const std::uint64_t word = it->first;
    const Seen seen = look(word, it->second, mode);
    note(word, it->second, seen, mode, tally);
    if (out == nullptr) continue;
    for (std::uint64_t at = std::max(word, address); at < std::min(word + kWordBytes, end); ++at)
      out[at - address] ^= static_cast<std::uint8_t>(seen.wrong >> (8 * (at - word)));
  }
  return outcome;
}

EccOutcome FaultMap::write(std::uint64_t address, std::uint64_t bytes, const EccMode& mode) {
  EccOutcome outcome;
  Tally tally(outcome, config_.burst_bytes);
  const std::uint64_t end = address + bytes;
  const std::uint64_t first_whole = word_of(address + kWordBytes - 1);
  // The words written in part, at most two, are read before anything changes: they may share a codeword.
  struct Part {
    Words::iterator at;
    Seen seen;
  };
  std::array<Part, 2> parts;
  std::size_t n_parts = 0;
  const auto take = [&](std::uint64_t word) {
    const auto it = faults_.find(word);
    if (it != faults_.end()) parts[n_parts++] = {it, look(word, it->second, mode)};
  };
  if (address % kWordBytes != 0) take(word_of(address));
  if (end % kWordBytes != 0 && word_of(end) >= first_whole) take(word_of(end));
  for (std::size_t i = 0; i < n_parts; ++i) {
    const std::uint64_t word = parts[i].at->first;
    Word& fault = parts[i].at->second;
    const Seen& seen = parts[i].seen;
    note(word, fault, seen, mode, tally);
    if (seen.fate == Fate::kUncorrectable || seen.fate == Fate::kPoisoned) continue;
    if (mode.secded || seen.fate == Fate::kOnDie) {
      rewrite(word, fault, seen);
    } else {
      for (std::uint64_t at = std::max(word, address); at < std::min(word + kWordBytes, end); ++at)
        fault.transient &= ~(std::uint64_t{0xff} << (8 * (at - word)));
    }
    erase_if_right(parts[i].at);
  }
  for (auto it = faults_.lower_bound(first_whole); it != faults_.end() && it->first + kWordBytes <= end;) {
    it->second.transient = 0;
    it->second.poisoned = false;
    it = erase_if_right(it);
  }
  return outcome;
}

void FaultMap::write_back(std::uint64_t address, const EccMode& mode) {
  const std::uint64_t burst = address / config_.burst_bytes * config_.burst_bytes;
  const auto begin = faults_.lower_bound(burst);
  const auto end = faults_.lower_bound(burst + config_.burst_bytes);
  std::vector<Seen> seen;
  for (auto it = begin; it != end; ++it) seen.push_back(look(it->first, it->second, mode));
  std::size_t i = 0;
  for (auto it = begin; it != end;) {
    const Seen& word = seen[i++];
    if (word.fate == Fate::kOnDie || word.fate == Fate::kCorrected) rewrite(it->first, it->second, word);
    it = erase_if_right(it);
  }
}

}  // namespace memwall::hbm
