// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// One direction of a channel's UCIe link: flits, granules, credits. A flit leaves every flit time and
/// carries 48 granules; a message takes a place in the next flit that has not left, is packed behind its
/// predecessor, may cross flits, and is there one latency after the end of the flit with its last granule. A
/// message class starts a message only with credits for all its granules, which come back one flit and one
/// latency after the message has arrived. Classes do not hold one another up. Not modelled: flit errors and
/// retry (raw BER 1e-15 or better), header bytes (in the flit's 256 B), the room that credit returns take in
/// the other direction.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "hbf/config.h"

namespace memwall::hbf {

/// Credits of one message class: granules of the receiver's buffer.
class Credits {
 public:
  explicit Credits(unsigned granules) : free_(granules) {}
  /// Earliest time at or after `at` when `granules` are free; kNever if what is under way does not suffice.
  TimePs when(TimePs at, unsigned granules) const;
  /// How many are free at `at`, which is not before the call before.
  unsigned free(TimePs at);
  /// Takes `granules` that are free.
  void take(unsigned granules) { free_ -= granules; }
  /// `at` not before the call before.
  void give_back(TimePs at, unsigned granules);

  // For fast-forward: appends what decides the future, relative to `now`; moves it.
  void describe(TimePs now, std::vector<std::uint64_t>& words);
  void shift(TimePs by);

 private:
  struct Return {
    TimePs at;
    unsigned granules;
  };
  unsigned free_;
  std::deque<Return> returns_;  // ascending
};

class LinkDirection {
 public:
  LinkDirection(TimePs flit_time, TimePs latency) : flit_time_(flit_time), latency_(latency) {}

  struct Sent {
    TimePs first = 0;  ///< first message at the receiver
    TimePs last = 0;   ///< last message at the receiver
  };
  /// Sends `messages` (at least one) of `granules` each, back to back, that are ready at `at` (not before the
  /// call before). Takes their credits, which must be free, and gives them back when they are due.
  Sent send(TimePs at, unsigned messages, unsigned granules, Credits& credits);
  std::uint64_t flits() const { return flits_; }
  /// The link comes up again at `at`: no flit under way.
  void restart(TimePs at);

  // For fast-forward.
  void describe(TimePs now, std::vector<std::uint64_t>& words) const;
  void shift(TimePs by, std::uint64_t flits);

 private:
  TimePs flit_time_;
  TimePs latency_;
  TimePs flit_end_ = 0;  // of the flit that is being filled
  unsigned room_ = 0;    // granules left in it
  std::uint64_t flits_ = 0;
};

}  // namespace memwall::hbf
