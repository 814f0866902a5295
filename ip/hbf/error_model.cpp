// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/error_model.h"

#include <algorithm>
#include <cmath>

namespace memwall::hbf {
namespace {

constexpr double kKelvin = 273.15;
constexpr double kBoltzmannEvPerK = 8.617333262e-5;

/// x^e with 0^0 = 1: a factor without exponent is a constant.
double power(double x, double e) { return e == 0 ? 1.0 : std::pow(x, e); }

/// Term of the binomial distribution, C(n, k) p^k (1 - p)^(n - k), as mantissa x 2^exponent: its factors
/// leave the range of a double long before it does.
struct Scaled {
  long double mantissa = 1;
  int exponent = 0;
  void times(long double factor) {
    int shift = 0;
    mantissa = std::frexp(mantissa * factor, &shift);
    exponent += shift;
  }
  /// base^count, base in (0, 1), given its natural logarithm.
  void times_power(long double log_base, unsigned count) {
    const long double bits = count * log_base / std::log(2.0L);
    const long double whole = std::floor(bits);
    exponent += static_cast<int>(whole);
    times(std::exp2(bits - whole));
  }
};

}  // namespace

double Odds::any() const {
  double sum = corrected_high + uncorrectable;
  for (const double p : retry) sum += p;
  return sum;
}

double ErrorModel::equivalent_hours(double hours, double celsius) const {
  const double inverse = 1.0 / (r_.reference_c + kKelvin) - 1.0 / (celsius + kKelvin);
  return hours * std::exp(r_.activation_ev / kBoltzmannEvPerK * inverse);
}

double ErrorModel::rber(double pec, double hours, double reads) const {
  const double wear = r_.wear_factor * power(pec, r_.wear_exponent);
  const double retention =
      r_.retention_factor * power(pec, r_.retention_wear_exponent) * power(hours, r_.retention_exponent);
  const double disturb = r_.read_factor * power(pec, r_.read_wear_exponent) * power(reads, r_.read_exponent);
  return std::min(0.5, r_.base_rber + wear + retention + disturb);
}

double ErrorModel::binomial_tail(unsigned bits, double p, unsigned k) {
  if (k >= bits || !(p > 0)) return 0;
  if (p >= 1) return 1;
  const unsigned n = bits;
  const long double odds = static_cast<long double>(p) / (1.0L - p);
  // The side of the distribution that lies away from the mean is summed, so that the terms fall.
  const bool upper = k + 1 > static_cast<double>(n) * p;
  const unsigned first = upper ? k + 1 : k;
  Scaled term;
  term.times_power(std::log1p(-static_cast<long double>(p)), n - first);
  for (unsigned i = 1; i <= first; ++i) {
    term.times(static_cast<long double>(n - i + 1) / i * p);
  }
  long double relative = 1;  // term / first term
  long double sum = 1;
  for (unsigned i = first; upper ? i < n : i > 0; upper ? ++i : --i) {
    relative *= upper ? static_cast<long double>(n - i) / (i + 1) * odds
                      : static_cast<long double>(i) / (n - i + 1) / odds;
    sum += relative;
    if (relative < sum * 1e-21L) break;
  }
  const auto result = static_cast<double>(std::ldexp(term.mantissa * sum, term.exponent));
  return std::clamp(upper ? result : 1.0 - result, 0.0, 1.0);
}

Odds ErrorModel::odds(double rber) const {
  const unsigned bits = r_.codeword_bytes * 8;
  const double codewords = static_cast<double>(kPageBytes) / r_.codeword_bytes;
  // P(some codeword of the page has more than k errors).
  const auto beyond = [&](double rate, unsigned k) {
    return -std::expm1(codewords * std::log1p(-binomial_tail(bits, rate, k)));
  };
  Odds odds;
  // The stages read the same cells: what a stage decodes, the ones after it would decode too.
  double left = beyond(rber, r_.correctable_bits);
  odds.corrected_high = std::max(0.0, beyond(rber, r_.high_bits) - left);
  double rate = rber;
  for (unsigned stage = 1; stage <= r_.retry_stages; ++stage) {
    rate *= r_.retry_gain;
    const double after = std::min(left, beyond(rate, r_.correctable_bits));
    odds.retry[stage] = left - after;
    left = after;
  }
  odds.uncorrectable = left;
  return odds;
}

}  // namespace memwall::hbf
