// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Named, reproducible random streams (splitmix64). One per instance and purpose, e.g. Rng(seed,
/// "link0.errors").
#pragma once

#include <cstdint>
#include <string_view>

namespace memwall {

/// splitmix64 (Steele, Lea, Flood 2014), seeded from the scenario seed and the stream's name (FNV-1a).
class Rng {
 public:
  Rng(std::uint64_t seed, std::string_view stream) : state_(seed) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (char c : stream) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    state_ = next() ^ hash;
  }
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  /// Uniform in [0, n); n > 0. The modulo bias is below n / 2^64.
  std::uint64_t below(std::uint64_t n) { return next() % n; }

 private:
  std::uint64_t state_;
};

}  // namespace memwall
