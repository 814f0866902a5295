// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What goes wrong on one direction of the wire: seeded random bit errors, single errors and losses on
/// demand, and a link that dies at a given time.
#pragma once

#include <string_view>

#include "common/rng.h"
#include "link/config.h"
#include "link/flit.h"

namespace memwall::link {

class WireFaults {
 public:
  WireFaults(const Config& config, std::string_view stream)
      : rng_(config.seed, stream), error_rate_(config.flit_error_rate), dead_from_(config.dead_from) {}

  /// The next `flits` flits get a wrong bit each.
  void corrupt_next(unsigned flits) { corrupt_ = flits; }
  /// The next `flits` flits vanish (before corrupt_next() counts).
  void lose_next(unsigned flits) { lose_ = flits; }
  void die_at(TimePs time) { dead_from_ = time; }

  /// Applies what happens to a flit sent at `now`; false: it never arrives.
  bool apply(TimePs now, WireFlit& flit) {
    if (now >= dead_from_) return false;
    if (lose_ > 0) {
      --lose_;
      return false;
    }
    if (corrupt_ > 0) {
      --corrupt_;
      flip(flit, 1);
    } else if (error_rate_ > 0 && rng_.uniform() < error_rate_) {
      flip(flit, 1 + static_cast<unsigned>(rng_.below(3)));
    }
    return true;
  }

 private:
  void flip(WireFlit& flit, unsigned bits) {
    for (unsigned i = 0; i < bits; ++i) {
      const std::uint64_t bit = rng_.below(flit.size() * 8);
      flit[bit / 8] = static_cast<unsigned char>(flit[bit / 8] ^ 1u << (bit % 8));
    }
  }

  Rng rng_;
  double error_rate_;
  TimePs dead_from_;
  unsigned corrupt_ = 0;
  unsigned lose_ = 0;
};

}  // namespace memwall::link
