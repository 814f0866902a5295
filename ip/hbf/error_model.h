// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// From the state of a block to the odds of a page sense. No state, no random numbers.
///
/// Raw bit error rate: base + alpha pec^k + beta pec^m hours^n + gamma pec^p reads^q, the additive form of
/// wear, retention and read disturb in Kim, Choi and Min, "Design Tradeoffs for SSD Reliability", FAST 2019;
/// hours are scaled to the reference temperature by Arrhenius' law. A page is pages / codeword_bytes
/// codewords; a codeword of n bits has Binomial(n, rber) errors. Stage s of a read retry sees rber *
/// retry_gain^s.
///
/// Not modelled: page types, layers and dies that differ, soft decoding, correlation between codewords,
/// parity bits of the codeword.
#pragma once

#include <array>
#include <cstdint>

#include "hbf/config.h"

namespace memwall::hbf {

/// Probabilities of one page sense with automatic retry, each in [0, 1]; what is left is plain OK.
struct Odds {
  double corrected_high = 0;      ///< decodes at stage 0 with more than high_bits in a codeword
  std::array<double, 8> retry{};  ///< [s], s in 1..retry_stages: decodes first at stage s
  double uncorrectable = 0;
  double any() const;  ///< sum
};

class ErrorModel {
 public:
  explicit ErrorModel(const Reliability& reliability) : r_(reliability) {}

  /// Hours at the reference temperature that age a page as `hours` at `celsius` do.
  double equivalent_hours(double hours, double celsius) const;
  /// `hours` at the reference temperature. At most 0.5.
  double rber(double pec, double hours, double reads) const;
  Odds odds(double rber) const;
  /// P(Binomial(bits, p) > k), exact to 1e-12 relative where it exceeds 1e-300.
  static double binomial_tail(unsigned bits, double p, unsigned k);

 private:
  Reliability r_;
};

}  // namespace memwall::hbf
