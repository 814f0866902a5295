// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Devices and random loads for the tests of the engine: all DRAM presets of the repository, a small made-up
/// device on which everything collides, and request streams with chosen locality, direction, length, gaps.
#pragma once

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "common/rng.h"
#include "hbm/engine.h"
#include "hbm/preset.h"

namespace memwall::hbm::testing_support {

/// Files of all DRAM presets in scenarios/memories.
const std::vector<std::string>& preset_paths();
/// The file's name without folder and ending, as part of a test name.
std::string preset_test_name(const std::string& path);

/// A map of the organisation with low bits [column 0], bank group, pseudo-channel, channel, then column,
/// bank, stack id and row; sets the capacity too.
void remap(Preset& preset, const std::vector<std::string>& hashes = {});
/// The device reduced to its first `channels`.
Preset with_channels(Preset preset, std::uint32_t channels);

/// Two channels of two pseudo-channels with 2 stack ids x 2 bank groups x 2 banks and short timings; a
/// constraint table with every kind of rule.
Preset small_preset();
/// The preset with the latencies of all its rules and its refresh interval drawn anew. Rules that keep the
/// data bus free stay as they are if `keep_bus`.
Preset with_random_latencies(Preset preset, Rng& rng, bool keep_bus);

/// A random load. Counts are upper limits of uniform draws.
struct Load {
  const char* name;
  std::uint64_t banks = 64, rows = 1000, columns = 1024;  ///< in use
  std::uint64_t gap = 1;                                  ///< cycles between arrivals, below
  std::uint64_t idle_every = 0;                           ///< requests between idle times, 0: none
  std::uint64_t idle = 20000;                             ///< cycles of an idle time, below
  std::uint64_t write_tenths = 0;
  std::uint64_t phase = 1;   ///< requests that go in the same direction
  std::uint64_t bursts = 1;  ///< of a request, at most
  std::uint64_t sources = 1;
};
/// Loads from the list above that between them saturate, trickle, idle, collide and stream.
const std::vector<Load>& loads();

/// `count` requests whose tags are their numbers.
std::vector<Request> random_requests(const Preset& preset, const Load& load, std::uint64_t seed,
                                     std::size_t count);

/// Small groups of requests that lie to each other in every way (row, bank, group, stack id, pseudo-channel,
/// direction) at small distances in time, with anything from nothing to several refresh intervals between the
/// groups: so that every rule decides somewhere.
std::vector<Request> probing_requests(const Preset& preset, std::uint64_t seed, std::size_t count);

/// Ways to configure the controller: every policy and power mode at least once.
struct Variant {
  const char* name;
  void (*apply)(Preset&);
};
/// For GoogleTest.
inline void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.name; }
const std::vector<Variant>& variants();

/// Ways in which probing_requests() make as many rules as possible decide: refresh and refresh management
/// much more often than any device needs, low-power states at once.
const std::vector<Variant>& probing_variants();
/// Does the table have rules for the refresh and refresh management that are configured?
bool has_rules_for_maintenance(const Preset& preset);

/// Rules of the preset that no traffic makes decide, with the reason: the contract does not issue the
/// commands at that distance, or other rules of the table imply them.
std::map<std::string, std::string> rules_that_never_decide(const Preset& preset);
/// Rules that may be met exactly, but only when other rules of the table ask for the same.
std::map<std::string, std::string> rules_that_others_imply(const Preset& preset);

/// Name for a test: letters, digits and underscores.
std::string test_name(std::string text);

}  // namespace memwall::hbm::testing_support
