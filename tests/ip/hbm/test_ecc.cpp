// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The codes and the faults that they meet, without SystemC time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>
#include <vector>

#include "hbm/ecc.h"
#include "hbm/faults.h"

namespace memwall::hbm {
namespace {

using secded::Verdict;
constexpr std::uint64_t kMiB = 1 << 20;
constexpr TimePs kSecond = 1'000'000'000'000;

TEST(Secded, CorrectsEverySingleBitAndDetectsEveryDoubleBitOfAWord) {
  Rng rng(1, "data");
  for (int round = 0; round < 4; ++round) {
    const std::uint64_t data = rng.next();
    const std::uint8_t check = secded::encode(data);
    EXPECT_EQ(secded::decode(data, check).verdict, Verdict::kClean);
    for (unsigned i = 0; i < 72; ++i) {
      const auto flip = [](std::uint64_t& word, std::uint8_t& code, unsigned bit) {
        if (bit < 64) {
          word ^= std::uint64_t{1} << bit;
        } else {
          code = static_cast<std::uint8_t>(code ^ (1u << (bit - 64)));
        }
      };
      std::uint64_t word = data;
      std::uint8_t code = check;
      flip(word, code, i);
      const secded::Decoded one = secded::decode(word, code);
      ASSERT_EQ(one.verdict, Verdict::kCorrected) << i;
      ASSERT_EQ(one.data, data) << i;
      for (unsigned j = i + 1; j < 72; ++j) {
        std::uint64_t second = word;
        std::uint8_t second_code = code;
        flip(second, second_code, j);
        ASSERT_EQ(secded::decode(second, second_code).verdict, Verdict::kUncorrectable) << i << " " << j;
      }
    }
  }
}

TEST(Secded, WhatItDoesDependsOnTheWrongBitsAlone) {
  Rng rng(2, "linear");
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t data = rng.next();
    std::uint64_t wrong = rng.next() & rng.next() & rng.next() & rng.next();
    const secded::Decoded real = secded::decode(data ^ wrong, secded::encode(data));
    const secded::Decoded mask = secded::decode(wrong, 0);
    ASSERT_EQ(real.verdict, mask.verdict);
    ASSERT_EQ(real.data, data ^ mask.data);
  }
}

TEST(Secded, DetectsAWholeByteLaneInverted) {
  for (unsigned lane = 0; lane < 8; ++lane) {
    EXPECT_EQ(secded::decode(std::uint64_t{0xff} << (8 * lane), 0).verdict, Verdict::kUncorrectable) << lane;
  }
}

/// A stack of 1 MiB with known contents.
struct Stack {
  explicit Stack(bool on_die = false, FaultRate rate = {}, std::uint64_t seed = 1, std::uint64_t bytes = kMiB)
      : memory(bytes), faults({32, on_die, rate, seed, "stack.faults"}, memory), good(4096) {
    for (std::size_t i = 0; i < good.size(); ++i) good[i] = static_cast<std::uint8_t>(37 * i + i / 256);
    memory.write(0, good.data(), good.size());
  }
  EccOutcome read(std::uint64_t address, std::uint64_t bytes, EccMode mode = {}) {
    got.resize(bytes);
    memory.read(address, got.data(), bytes);
    return faults.read(address, bytes, got.data(), mode);
  }
  void advance(TimePs now) { faults.advance(0, memory.size(), now); }
  bool right(std::uint64_t address) const {
    return std::equal(got.begin(), got.end(), good.data() + address);
  }
  unsigned wrong_bits(std::uint64_t address) const {
    unsigned n = 0;
    for (std::size_t i = 0; i < got.size(); ++i)
      n += static_cast<unsigned>(__builtin_popcount(got[i] ^ good[address + i]));
    return n;
  }
  SparseMemory memory;
  FaultMap faults;
  std::vector<std::uint8_t> good, got;
};

TEST(Faults, ASingleBitIsCorrectedAndCountedInTheBurstsThatHaveOne) {
  Stack s;
  s.faults.inject(0x48, FaultKind::kSingle, false);
  s.faults.inject(0x50, FaultKind::kSingle, false);  // same burst, another word
  s.faults.inject(0x80, FaultKind::kSingle, false);
  const EccOutcome outcome = s.read(0, 4096);
  EXPECT_EQ(outcome.corrected, 2u);
  EXPECT_EQ(outcome.uncorrected + outcome.poisoned + outcome.on_die_corrected + outcome.silent, 0u);
  EXPECT_TRUE(s.right(0));
  EXPECT_EQ(s.read(0x4f, 2).corrected, 1u) << "the end of one word and the begin of the next, one burst";
  EXPECT_TRUE(s.right(0x4f));
  EXPECT_EQ(s.read(0x58, 8).corrected, 0u) << "another word of the burst";
}

TEST(Faults, WithSecdedOffWrongBitsReachTheReaderSilently) {
  Stack s;
  s.faults.inject(0x40, FaultKind::kDouble, false);
  const EccOutcome outcome = s.read(0x40, 32, {false, true});
  EXPECT_FALSE(outcome.failed());
  EXPECT_EQ(outcome.silent, 1u);
  EXPECT_EQ(s.wrong_bits(0x40), 2u);
  EXPECT_EQ(s.faults.write(0x42, 1, {false, true}).uncorrected, 0u);
}

TEST(Faults, ADoubleBitPoisonsTheWordUntilItIsRewritten) {
  Stack s;
  s.faults.inject(0x48, FaultKind::kDouble, false);
  EccOutcome outcome = s.read(0x40, 32);
  EXPECT_EQ(outcome.uncorrected, 1u);
  EXPECT_EQ(outcome.failing_address, 0x48u);
  EXPECT_TRUE(outcome.failed());
  outcome = s.read(0x48, 8);
  EXPECT_EQ(outcome.uncorrected, 0u);
  EXPECT_EQ(outcome.poisoned, 1u);
  EXPECT_TRUE(outcome.failed());
  EXPECT_FALSE(s.read(0x40, 8).failed()) << "a neighbour in the burst";
  outcome = s.faults.write(0x49, 2, {});
  EXPECT_EQ(outcome.poisoned, 1u) << "a part of the word cannot be merged into it";
  EXPECT_TRUE(s.read(0x48, 8).failed());
  EXPECT_FALSE(s.faults.write(0x48, 8, {}).failed());
  EXPECT_FALSE(s.read(0x40, 32).failed());
  EXPECT_TRUE(s.faults.empty());
}

TEST(Faults, WithPoisonOffEveryAccessDecodesAndCountsAnew) {
  Stack s;
  s.faults.inject(0x48, FaultKind::kDouble, false);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(s.read(0x40, 32, {true, false}).uncorrected, 1u);
  EXPECT_EQ(s.faults.write(0x4a, 1, {true, false}).uncorrected, 1u);
}

TEST(Faults, APartialWriteCorrectsAndHealsAndAWholeOneHealsWithoutReading) {
  Stack s;
  s.faults.inject(0x40, FaultKind::kSingle, false);
  s.faults.inject(0x60, FaultKind::kSingle, false);
  EXPECT_EQ(s.faults.write(0x44, 4, {}).corrected, 1u);
  EXPECT_EQ(s.faults.write(0x60, 8, {}).corrected, 0u);
  EXPECT_TRUE(s.faults.empty());
}

TEST(Faults, AWriteWithSecdedOffHealsTheBytesThatItWrites) {
  Stack s;
  s.faults.flip_bits(0x40, 64, false);
  s.faults.write(0x42, 3, {false, true});
  s.read(0x40, 8, {false, true});
  EXPECT_EQ(s.wrong_bits(0x40), 40u);
}

TEST(Faults, PersistentOnesSurviveWrites) {
  Stack s;
  s.faults.inject(0x80, FaultKind::kDouble, true);
  s.faults.write(0x80, 8, {});
  EXPECT_EQ(s.read(0x80, 8).uncorrected, 1u);
  s.faults.write(0x80, 8, {});
  EXPECT_EQ(s.read(0x80, 8).uncorrected, 1u) << "found anew: the write had lifted the poison";
}

TEST(Faults, AChipFaultInvertsOneByteLaneOfTheBurstAndIsDetected) {
  Stack s;
  s.faults.inject(0x70, FaultKind::kChip, false);
  s.read(0x60, 32, {false, true});
  EXPECT_EQ(s.wrong_bits(0x60), 32u);
  std::set<std::size_t> lanes;
  for (std::size_t i = 0; i < 32; ++i) {
    const unsigned wrong = s.got[i] ^ s.good[0x60 + i];
    ASSERT_TRUE(wrong == 0 || wrong == 0xff);
    if (wrong != 0) lanes.insert(i % 8);
  }
  EXPECT_EQ(lanes.size(), 1u);
  const EccOutcome outcome = s.read(0x60, 32);
  EXPECT_EQ(outcome.uncorrected, 1u);
  EXPECT_EQ(outcome.silent, 0u);
  EXPECT_EQ(s.read(0x40, 32).uncorrected + s.read(0x80, 32).uncorrected, 0u) << "the neighbours";
}

TEST(Faults, ThreeWrongBitsMayBeCorrectedWronglyAndAPartialWriteThenMakesThatPermanent) {
  Stack s;
  std::uint64_t at = 0;
  EccOutcome outcome;
  for (; at < 4096; at += 8) {  // a word whose three wrong bits look like one
    s.faults.flip_bits(at, 3, false);
    outcome = s.read(at, 8);
    if (outcome.corrected == 1) break;
  }
  ASSERT_EQ(outcome.corrected, 1u);
  EXPECT_EQ(outcome.silent, 1u);
  EXPECT_EQ(s.wrong_bits(at), 4u) << "the code flips a fourth bit";
  s.faults.write(at + 7, 1, {});
  outcome = s.read(at, 7);
  EXPECT_EQ(outcome.corrected + outcome.silent, 0u) << "the check bits fit the wrong word";
  EXPECT_GT(s.wrong_bits(at), 0u);
}

TEST(OnDie, OneWrongBitOfACodewordNeverLeavesTheDramAndTwoDo) {
  Stack s(true);
  s.faults.inject(0x40, FaultKind::kSingle, false);
  EccOutcome outcome = s.read(0x40, 16);
  EXPECT_EQ(outcome.on_die_corrected, 1u);
  EXPECT_EQ(outcome.corrected, 0u);
  EXPECT_TRUE(s.right(0x40));
  // A second wrong bit in the other half of the codeword: each word has one, which SECDED corrects.
  s.faults.inject(0x48, FaultKind::kSingle, false);
  outcome = s.read(0x40, 16);
  EXPECT_EQ(outcome.on_die_corrected, 0u);
  EXPECT_EQ(outcome.corrected, 1u);
  EXPECT_TRUE(s.right(0x40));
  // The next codeword is another one.
  s.faults.inject(0x50, FaultKind::kSingle, false);
  EXPECT_EQ(s.read(0x50, 8).on_die_corrected, 1u);
  s.faults.inject(0x80, FaultKind::kDouble, false);
  EXPECT_EQ(s.read(0x80, 8).uncorrected, 1u);
  s.faults.inject(0x100, FaultKind::kChip, false);
  EXPECT_EQ(s.read(0x100, 32).uncorrected, 1u);
}

TEST(OnDie, CorrectsWithSecdedOffToo) {
  Stack s(true);
  s.faults.inject(0x40, FaultKind::kSingle, false);
  EXPECT_EQ(s.read(0x40, 8, {false, true}).on_die_corrected, 1u);
  EXPECT_TRUE(s.right(0x40));
}

TEST(OnDie, TwoWordsOfACodewordWrittenInPartAreReadBeforeEitherChanges) {
  Stack s(true);
  s.faults.inject(0x40, FaultKind::kSingle, false);
  s.faults.inject(0x48, FaultKind::kSingle, false);
  const EccOutcome outcome = s.faults.write(0x44, 8, {});
  EXPECT_EQ(outcome.on_die_corrected, 0u);
  EXPECT_EQ(outcome.corrected, 1u);
  EXPECT_TRUE(s.faults.empty());
}

TEST(WriteBack, MakesRightWhatACodeCorrectedAndLeavesTheRest) {
  Stack s;
  s.faults.inject(0x40, FaultKind::kSingle, false);
  s.faults.inject(0x48, FaultKind::kDouble, false);
  s.faults.inject(0x50, FaultKind::kSingle, true);
  s.faults.inject(0x60, FaultKind::kSingle, false);
  s.read(0x40, 32);
  s.faults.write_back(0x40, {});
  EXPECT_EQ(s.read(0x40, 8).corrected, 0u);
  EXPECT_EQ(s.read(0x48, 8).poisoned, 1u);
  EXPECT_EQ(s.read(0x50, 8).corrected, 1u) << "stuck";
  EXPECT_EQ(s.read(0x60, 8).corrected, 1u) << "the next burst";
}

// Faults by rate.

/// Addresses of the wrong words of a stack, found by reading it all.
std::vector<std::uint64_t> wrong_words(Stack& s) {
  std::vector<std::uint64_t> words;
  for (std::uint64_t at = 0; at < s.memory.size() && !s.faults.empty(); at += 8) {
    const EccOutcome o = s.faults.read(at, 8, nullptr, {true, false});
    if (o.corrected + o.uncorrected + o.silent != 0) words.push_back(at);
  }
  return words;
}

TEST(FaultRate, NumberOfFaultsFollowsRateCapacityAndTime) {
  // Expected: rate * capacity * time; Poisson, so four standard deviations are allowed.
  for (const auto& [per_gib_hour, bytes, seconds] :
       {std::tuple{3.6e6, std::uint64_t{1} << 30, 1.0}, std::tuple{3.6e6, std::uint64_t{1} << 34, 0.25},
        std::tuple{3.6e9, std::uint64_t{1} << 30, 0.002}}) {
    Stack s(false, {per_gib_hour, FaultKind::kSingle}, 5, bytes);
    const double expected = per_gib_hour / 3600 * seconds * static_cast<double>(bytes) / (1 << 30);
    s.advance(static_cast<TimePs>(seconds * kSecond));
    const double measured = static_cast<double>(s.faults.words());
    std::printf("%.2g per GiB h, %.2g GiB, %.3g s: expected %.0f, measured %.0f, deviation %+.1f %%\n",
                per_gib_hour, static_cast<double>(bytes) / (1 << 30), seconds, expected, measured,
                100 * (measured - expected) / expected);
    EXPECT_NEAR(measured, expected, 4 * std::sqrt(expected));
  }
}

TEST(FaultRate, FaultsAreUniformOverTheStack) {
  Stack s(false, {3.6e9 * 1024, FaultKind::kSingle}, 6);
  s.advance(kSecond / 500);
  const std::vector<std::uint64_t> words = wrong_words(s);
  ASSERT_GT(words.size(), 1500u);
  std::vector<double> quarter(4, 0);
  for (const std::uint64_t word : words) ++quarter[word / (kMiB / 4)];
  const double expected = static_cast<double>(words.size()) / 4;
  for (const double n : quarter) EXPECT_NEAR(n, expected, 4 * std::sqrt(expected));
}

TEST(FaultRate, WhichFaultsThereAreDependsOnSeedAndTimeNotOnWhoAsksWhen) {
  const FaultRate rate{3.6e9 * 1024, FaultKind::kSingle};
  Stack once(false, rate, 7), often(false, rate, 7), other(false, rate, 8);
  once.advance(kSecond / 1000);
  other.advance(kSecond / 1000);
  Rng rng(1, "steps");
  for (TimePs t = 0; t < kSecond / 1000; t += rng.below(3000000)) {
    const std::uint64_t at = rng.below(kMiB / 32) * 32;
    often.faults.advance(at, 32, t);
    often.faults.read(at, 32, nullptr, {});
  }
  often.advance(kSecond / 1000);
  const auto words = wrong_words(once);
  EXPECT_GT(words.size(), 500u);
  EXPECT_EQ(words, wrong_words(often));
  EXPECT_NE(words, wrong_words(other));
}

TEST(FaultRate, AFaultHitsWhatWasWrittenBeforeItAndAWriteHealsWhatWasHitBefore) {
  const FaultRate rate{3.6e9 * 1024, FaultKind::kSingle};
  Stack s(false, rate, 9);
  s.advance(kSecond / 1000);
  const std::size_t before = s.faults.words();
  EXPECT_GT(before, 500u);
  s.faults.write(0, kMiB, {});
  EXPECT_TRUE(s.faults.empty());
  s.advance(kSecond / 500);
  EXPECT_GT(s.faults.words(), 500u) << "time goes on";
}

TEST(FaultRate, KindsAreThoseAskedFor) {
  Stack two(false, {3.6e7 * 1024, FaultKind::kDouble}, 3), chip(false, {3.6e7 * 1024, FaultKind::kChip}, 3);
  two.advance(kSecond / 1000);
  chip.advance(kSecond / 1000);
  ASSERT_GT(two.faults.words(), 2u);
  const EccOutcome o = two.faults.read(0, kMiB, nullptr, {});
  EXPECT_EQ(o.corrected, 0u);
  EXPECT_GT(o.uncorrected, 2u);
  ASSERT_GT(chip.faults.words(), 8u);
  EXPECT_EQ(chip.faults.words() % 4, 0u) << "every 64-bit word of a burst";
  EXPECT_EQ(chip.faults.read(0, kMiB, nullptr, {}).uncorrected, chip.faults.words() / 4);
}

TEST(FaultRate, NoRateNoFaults) {
  Stack s;
  s.advance(~TimePs{0});
  EXPECT_TRUE(s.faults.empty());
}

TEST(FaultRate, WhatIsNeverAccessedCostsNothing) {
  constexpr double kRate = 1e9;
  Stack s(false, {kRate, FaultKind::kSingle}, 1, std::uint64_t{1} << 36);
  s.faults.advance(std::uint64_t{1} << 35, 4096, 10 * kSecond);
  const double expected = kRate / 3600 * 10 * 65536 / (1 << 30);  // of the 64 KiB around, not of 64 GiB
  EXPECT_NEAR(static_cast<double>(s.faults.words()), expected, 4 * std::sqrt(expected));
}

}  // namespace
}  // namespace memwall::hbm
