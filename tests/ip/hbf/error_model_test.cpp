// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/error_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "common/rng.h"

namespace memwall::hbf {
namespace {

/// P(X > k) by going through every pattern of n bits.
double tail_by_enumeration(unsigned n, double p, unsigned k) {
  double sum = 0;
  for (unsigned pattern = 0; pattern < 1u << n; ++pattern) {
    unsigned ones = 0;
    for (unsigned bit = 0; bit < n; ++bit) ones += pattern >> bit & 1u;
    if (ones > k) sum += std::pow(p, ones) * std::pow(1 - p, n - ones);
  }
  return sum;
}

/// P(X > k), every term from logarithms of factorials.
long double tail_by_logarithms(unsigned n, long double p, unsigned k) {
  long double sum = 0;
  for (unsigned i = n; i > k; --i) {  // small terms first
    sum += std::exp(std::lgamma(n + 1.0L) - std::lgamma(i + 1.0L) - std::lgamma(n - i + 1.0L) +
                    i * std::log(p) + (n - i) * std::log1p(-p));
  }
  return sum;
}

Reliability tlc() {
  Reliability r;
  r.base_rber = 1.48e-3;
  r.wear_factor = 3.90e-10;
  r.wear_exponent = 2.05;
  r.retention_factor = 6.28e-5;
  r.retention_wear_exponent = 0.14;
  r.retention_exponent = 0.54;
  r.read_factor = 3.73e-9;
  r.read_wear_exponent = 0.33;
  r.read_exponent = 1.71;
  r.codeword_bytes = 1024;
  r.correctable_bits = 72;
  r.high_bits = 50;
  r.retry_gain = 0.7;
  r.retry_stages = 4;
  return r;
}

TEST(HbfErrorModel, BinomialTailOfFewBitsIsThatOfEveryPattern) {
  for (unsigned n : {1u, 2u, 7u, 12u}) {
    for (double p : {1e-6, 0.01, 0.25, 0.5, 0.9}) {
      for (unsigned k = 0; k < n; ++k) {
        const double expected = tail_by_enumeration(n, p, k);
        EXPECT_NEAR(ErrorModel::binomial_tail(n, p, k), expected, 1e-12 * expected)
            << n << " " << p << " " << k;
      }
    }
  }
  EXPECT_DOUBLE_EQ(ErrorModel::binomial_tail(3, 0.25, 1), 10.0 / 64);  // 3 x 3/64 + 1/64
}

TEST(HbfErrorModel, BinomialTailOfACodewordIsThatOfASummationByLogarithms) {
  double worst = 0;
  for (unsigned n : {4096u, 8192u, 32768u}) {
    for (double p : {1e-9, 1e-5, 1.28e-3, 5e-3, 2e-2, 0.3}) {
      for (unsigned k : {0u, 8u, 40u, 120u, n / 4, n / 2}) {
        const auto expected = static_cast<double>(tail_by_logarithms(n, p, k));
        if (expected < 1e-300) continue;
        const double got = ErrorModel::binomial_tail(n, p, k);
        worst = std::max(worst, std::abs(got - expected) / expected);
        EXPECT_NEAR(got, expected, 1e-12 * expected) << n << " " << p << " " << k;
      }
    }
  }
  std::printf("binomial tail: expected within 1e-12, worst relative deviation %.2g\n", worst);
}

TEST(HbfErrorModel, BinomialTailHasItsLimits) {
  EXPECT_EQ(ErrorModel::binomial_tail(8192, 0, 0), 0);
  EXPECT_EQ(ErrorModel::binomial_tail(8192, 1, 8191), 1);
  EXPECT_EQ(ErrorModel::binomial_tail(8192, 0.5, 8192), 0);
  EXPECT_EQ(ErrorModel::binomial_tail(8192, 1e-30, 40), 0);               // below 1e-300
  EXPECT_NEAR(ErrorModel::binomial_tail(32767, 0.5, 16383), 0.5, 1e-13);  // by symmetry
}

TEST(HbfErrorModel, RateIsThePublishedFormula) {
  const ErrorModel model(tlc());
  EXPECT_DOUBLE_EQ(model.rber(0, 0, 0), 1.48e-3);
  // 3.90e-10 x 1000^2.05 = 5.50890e-4; 6.28e-5 x 1000^0.14 x 24^0.54 = 9.18911e-4.
  EXPECT_NEAR(model.rber(1000, 24, 0), 1.48e-3 + 5.50890e-4 + 9.18911e-4, 2e-9);
  // 3.73e-9 x 1000^0.33 x 500^1.71 = 1.50296e-3.
  EXPECT_NEAR(model.rber(1000, 0, 500), 1.48e-3 + 5.50890e-4 + 1.50296e-3, 2e-9);
  EXPECT_EQ(model.rber(1e9, 1e9, 1e9), 0.5);
}

TEST(HbfErrorModel, RateGrowsWithWearHoursTemperatureAndReads) {
  const ErrorModel model(tlc());
  Rng rng(1, "rber");
  for (int i = 0; i < 1000; ++i) {
    const double pec = 1 + rng.uniform() * 3000, hours = rng.uniform() * 100, reads = rng.uniform() * 500;
    const double rate = model.rber(pec, hours, reads);
    EXPECT_GT(model.rber(pec * 1.1, hours, reads), rate);
    EXPECT_GT(model.rber(pec, hours + 1, reads), rate);
    EXPECT_GT(model.rber(pec, hours, reads + 10), rate);
    const double celsius = 20 + rng.uniform() * 80;
    EXPECT_GT(model.equivalent_hours(hours + 1, celsius + 1), model.equivalent_hours(hours + 1, celsius));
  }
}

TEST(HbfErrorModel, AnHourAtFortyFiveDegreesIsFortySecondsAtEightyFive) {
  Reliability r;
  r.activation_ev = 1.1;
  r.reference_c = 85;
  const ErrorModel model(r);
  // 1.1 eV / 8.617333e-5 eV/K x (1 / 318.15 K - 1 / 358.15 K) = 4.4810; e^-4.4810 = 0.011322 h = 40.8 s.
  EXPECT_NEAR(model.equivalent_hours(1, 45), 0.011322, 2e-6);
  EXPECT_DOUBLE_EQ(model.equivalent_hours(7, 85), 7);
  EXPECT_NEAR(model.equivalent_hours(1, 105), std::exp(1.1 / 8.617333262e-5 * (1 / 358.15 - 1 / 378.15)),
              1e-9);
}

TEST(HbfErrorModel, OddsAreThoseOfFourCodewords) {
  const Reliability r = tlc();
  const ErrorModel model(r);
  const double rate = 7e-3;
  const Odds odds = model.odds(rate);
  const auto page_fails = [&](double p, unsigned bits) {
    return 1 - std::pow(1 - static_cast<double>(tail_by_logarithms(8192, p, bits)), 4);
  };
  const double at_0 = page_fails(rate, 72), at_1 = page_fails(rate * 0.7, 72);
  EXPECT_NEAR(odds.corrected_high, page_fails(rate, 50) - at_0, 1e-12);
  EXPECT_NEAR(odds.retry[1], at_0 - at_1, 1e-12);
  EXPECT_EQ(odds.retry[0], 0);
  EXPECT_EQ(odds.retry[5], 0) << "no such stage";
  EXPECT_NEAR(odds.uncorrectable, page_fails(rate * 0.7 * 0.7 * 0.7 * 0.7, 72), 1e-15);
}

TEST(HbfErrorModel, OddsStayProbabilitiesAndWorsenWithTheRate) {
  for (unsigned stages : {0u, 1u, 3u, 7u}) {
    for (unsigned codeword : {512u, 1024u, 2048u, 4096u}) {
      Reliability r = tlc();
      r.retry_stages = stages;
      r.codeword_bytes = codeword;
      const ErrorModel model(r);
      double unread = 0, late = 0;
      for (double rate = 1e-9; rate < 0.5; rate *= 1.3) {
        const Odds odds = model.odds(rate);
        EXPECT_GE(odds.corrected_high, 0);
        for (double p : odds.retry) EXPECT_GE(p, 0);
        EXPECT_GE(odds.uncorrectable, unread);
        EXPECT_LE(odds.any(), 1 + 1e-15);
        EXPECT_GE(odds.any(), late - 1e-15);
        unread = odds.uncorrectable;
        late = odds.any();
      }
      const Odds hopeless = model.odds(0.5);
      EXPECT_DOUBLE_EQ(hopeless.any(), 1);
    }
  }
}

TEST(HbfErrorModel, WithoutErrorsThereAreNone) {
  const Odds odds = ErrorModel(Reliability()).odds(0);
  EXPECT_EQ(odds.any(), 0);
}

}  // namespace
}  // namespace memwall::hbf
