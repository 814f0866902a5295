// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Deterministic mutation fuzzing: damages a valid file a few times per round, always in the same way for a
/// given seed, and checks that a loader either accepts the result or throws ConfigError, and that it never
/// holds more memory than a small multiple of the file. Meant to run under sanitizers too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "common/rng.h"

namespace memwall::test {

/// Heap bytes that operator new has handed out and not got back: now, and the most since reset_peak().
std::size_t heap_bytes();
std::size_t peak_heap_bytes();
void reset_peak();

/// Applies one to four random changes: flipped bits, values at the edges of their types in place of fields,
/// cut, repeated, moved or removed runs. Half of them hit the first `hot_bytes`, where headers are.
std::vector<std::uint8_t> mutate(std::vector<std::uint8_t> bytes, std::size_t hot_bytes, Rng& rng);

struct FuzzReport {
  std::size_t accepted = 0;
  std::size_t refused = 0;
  std::set<std::string> messages;  ///< distinct refusals, numbers left out
};

/// Calls `consume` with `rounds` mutants of `valid` (and first with `valid` itself, which it must accept).
/// Anything but ConfigError, or more than 64 times the file plus 1 MiB of heap, is a test failure.
FuzzReport fuzz(const std::string& stream, const std::vector<std::uint8_t>& valid, std::size_t hot_bytes,
                std::size_t rounds, const std::function<void(const std::vector<std::uint8_t>&)>& consume);

}  // namespace memwall::test
