// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Time for the pure C++ cores, which know nothing of SystemC: unsigned picoseconds since the start.
/// 2^64 ps is 213 days of simulated time.
#pragma once

#include <cstdint>

namespace memwall {

/// Picoseconds: a point in simulated time or a duration.
using TimePs = std::uint64_t;

inline constexpr TimePs kPsPerNs = 1000;
inline constexpr TimePs kPsPerUs = 1000 * kPsPerNs;
inline constexpr TimePs kPsPerMs = 1000 * kPsPerUs;

}  // namespace memwall
