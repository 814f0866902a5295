// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Exact fast-forward. After each refresh of its first pseudo-channel (each round of per-bank refresh) a
/// channel that only works on long trains, or on nothing, is described relative to its time and to the
/// trains' places: gates as distances from now (those in the past cannot be told apart), rows as distances
/// from the train's row, trains by their place within the pattern of the address map. Equal descriptions
/// behave equally, so what happened between two of them is remembered as an edge: time, bursts, counters,
/// next description. Where an edge is known it is taken instead of run, and where edges form a circle, whole
/// circles are.
///
/// An edge is taken only if no train would run out, no request arrives and the time limit is not reached on
/// the way; so it holds no completion, and a run with fast-forward differs from one without in nothing but
/// host time. Not covered: channels with several trains of one source in flight at the point of description,
/// trains that share rows, open rows that belong to no train.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "hbm/counters.h"

namespace memwall::hbm {

class Channel;

class SteadyState {
 public:
  /// Where a channel was described last, and with which trains.
  struct Anchor {
    bool valid = false;
    std::uint32_t node = 0;
    std::uint64_t generation = 0;
    Cycle at = 0;
    std::vector<std::uint64_t> trains;  ///< orders of submission
    std::vector<std::uint64_t> places;  ///< their next local indices
    ChannelCounters counters;
  };

  /// Describes the channel, learns from its last anchor, and jumps if the future is known. Everything happens
  /// before `limit`.
  void anchor(Channel& channel, Cycle limit);

  /// Throws ModelError if engines of a preset that behaves differently use it already.
  void join(const Preset& preset);

  /// Periods learned, and cycles and bursts of all channels that were jumped over.
  std::size_t edges() const { return edges_; }
  std::uint64_t jumped_cycles() const { return jumped_cycles_; }
  std::uint64_t jumped_bursts() const { return jumped_bursts_; }

 private:
  static constexpr std::size_t kMaxWords = std::size_t{8} << 20;  ///< of all nodes: 64 MiB
  static constexpr std::uint64_t kLeastBursts = 1024;  ///< shorter trains are not worth a description
  struct Edge {
    bool known = false;
    std::uint32_t to = 0;
    Cycle cycles = 0;
    std::vector<std::uint64_t> bursts;  ///< by train
    ChannelCounters counters;
  };
  struct Node {
    std::vector<std::int64_t> words;
    Edge edge;
    std::uint64_t walk = 0;  ///< the last walk that came here
    std::size_t step = 0;    ///< and its number of steps until then
  };
  /// What was passed on a walk.
  struct Way {
    Cycle cycles;
    std::vector<std::uint64_t> bursts;  ///< by train
    ChannelCounters counters;
  };
  std::uint32_t node_of(const std::vector<std::int64_t>& words);

  std::vector<Node> nodes_;
  std::vector<std::int64_t> words_;
  std::unordered_multimap<std::uint64_t, std::uint32_t> by_hash_;
  std::string behaviour_;  ///< of the presets that use it
  std::size_t node_words_ = 0;
  std::uint64_t generation_ = 0;
  std::uint64_t walk_ = 0;
  std::size_t edges_ = 0;
  std::uint64_t jumped_cycles_ = 0, jumped_bursts_ = 0;
};

}  // namespace memwall::hbm
