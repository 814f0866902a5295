// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "llm/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "common/rng.h"
#include "numerics/formats.h"
#include "numerics/kernels.h"

namespace memwall::test {
namespace {

using Candidates = std::vector<candidate_t>;

std::vector<double> frequencies(const Candidates& c, float temperature, float top_p, int draws) {
  sampler_t s{temperature, top_p, 99};
  std::vector<double> count(c.size());
  for (int i = 0; i < draws; ++i) {
    const std::uint32_t token = sampler_choose(&s, c.data(), static_cast<std::uint32_t>(c.size()));
    for (std::size_t j = 0; j < c.size(); ++j) count[j] += c[j].index == token;
  }
  for (double& v : count) v /= draws;
  return count;
}

TEST(Sampler, ExponentialEqualsTheContractsToTheBit) {
  Rng rng(5, "sampler exp");
  for (int i = 0; i < 2000000; ++i) {
    const float x = numerics::float_of(static_cast<std::uint32_t>(rng.next()));
    ASSERT_EQ(numerics::bits_of(sampler_exp(x)), numerics::bits_of(numerics::exp_f32(x))) << x;
    const float y = static_cast<float>((rng.uniform() - 0.5) * 180);
    ASSERT_EQ(numerics::bits_of(sampler_exp(y)), numerics::bits_of(numerics::exp_f32(y))) << y;
  }
}

TEST(Sampler, RandomNumbersAreSplitmix64) {
  // First outputs for seed 1234567, from the reference implementation by S. Vigna.
  std::uint64_t state = 1234567;
  EXPECT_EQ(sampler_next_random(&state), 6457827717110365317ull);
  EXPECT_EQ(sampler_next_random(&state), 3203168211198807973ull);
  EXPECT_EQ(sampler_next_random(&state), 9817491932198370423ull);
}

TEST(Sampler, GreedyTakesTheFirstAndNoRandomNumber) {
  const Candidates c = {{2.0f, 7}, {2.0f, 9}};
  sampler_t s{0.0f, 1.0f, 42};
  EXPECT_EQ(sampler_choose(&s, c.data(), 2), 7u);
  EXPECT_EQ(s.random, 42u);
}

TEST(Sampler, FrequenciesFollowTheSoftmaxAtTheTemperature) {
  const Candidates c = {{2.0f, 4}, {1.0f, 1}, {0.5f, 8}, {-1.0f, 2}};
  const int draws = 200000;
  for (float temperature : {0.5f, 1.0f, 2.0f}) {
    const std::vector<double> seen = frequencies(c, temperature, 1.0f, draws);
    double total = 0;
    for (const auto& e : c) total += std::exp(e.value / temperature);
    for (std::size_t i = 0; i < c.size(); ++i) {
      const double p = std::exp(c[i].value / temperature) / total;
      // Five standard deviations of a binomial frequency.
      EXPECT_NEAR(seen[i], p, 5 * std::sqrt(p * (1 - p) / draws))
          << "temperature " << temperature << " rank " << i;
    }
  }
}

TEST(Sampler, NucleusIsTheShortestPrefixThatReachesTopP) {
  // Probabilities 1/2, 1/4, 1/8, 1/8.
  const float half = std::log(2.0f);
  const Candidates c = {{0, 0}, {-half, 1}, {-2 * half, 2}, {-2 * half, 3}};
  const std::vector<double> narrow = frequencies(c, 1.0f, 0.45f, 1000);
  EXPECT_EQ(narrow[0], 1.0);
  const std::vector<double> two = frequencies(c, 1.0f, 0.6f, 30000);
  EXPECT_EQ(two[2] + two[3], 0.0);
  EXPECT_NEAR(two[0], 2.0 / 3, 0.015);
  const std::vector<double> three = frequencies(c, 1.0f, 0.8f, 30000);
  EXPECT_GT(three[2], 0.0);
  EXPECT_EQ(three[3], 0.0);
}

TEST(Sampler, TinyTemperatureIsGreedyButForTies) {
  const Candidates distinct = {{1.0f, 3}, {0.999f, 1}};
  EXPECT_EQ(frequencies(distinct, 1e-30f, 1.0f, 1000)[0], 1.0);
  const Candidates tie = {{1.0f, 3}, {1.0f, 5}, {0.0f, 1}};
  const std::vector<double> seen = frequencies(tie, 1e-30f, 1.0f, 20000);
  EXPECT_NEAR(seen[0], 0.5, 0.02);
  EXPECT_EQ(seen[2], 0.0);
}

TEST(Sampler, AbsentAndInfiniteCandidatesAreNeverChosen) {
  const float low = -std::numeric_limits<float>::infinity();
  const Candidates c = {{1.0f, 3}, {low, 6}, {low, 0xffffffffu}};
  EXPECT_EQ(frequencies(c, 1.0f, 1.0f, 5000)[0], 1.0);
  const Candidates all_nan = {{std::nanf(""), 2}, {std::nanf(""), 3}};
  EXPECT_EQ(frequencies(all_nan, 1.0f, 1.0f, 10)[0], 1.0);
}

TEST(Sampler, MergeOfChipsEqualsTopkOfTheWhole) {
  Rng rng(11, "sampler merge");
  for (int round = 0; round < 200; ++round) {
    const std::uint32_t n = 40, lists = 4, k = 1 + static_cast<std::uint32_t>(rng.below(16));
    std::vector<float> logits(n);
    for (float& v : logits) v = static_cast<float>(rng.below(6));  // many ties
    if (round % 3 == 0) logits[rng.below(n)] = std::nanf("");
    std::vector<numerics::TopkEntry> want(k), parts(lists * k);
    numerics::topk(logits.data(), n, want.data(), k, 0);
    for (std::uint32_t i = 0; i < lists; ++i) numerics::topk(&logits[i * 10], 10, &parts[i * k], k, i * 10);
    Candidates in(lists * k), out(k);
    for (std::size_t i = 0; i < in.size(); ++i) in[i] = {parts[i].value, parts[i].index};
    sampler_merge(in.data(), lists, k, out.data());
    for (std::uint32_t i = 0; i < k; ++i)
      EXPECT_EQ(out[i].index, want[i].index) << "round " << round << " rank " << i;
  }
}

}  // namespace
}  // namespace memwall::test
