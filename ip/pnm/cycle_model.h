// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Sizes and latencies of the near-memory decode unit, from the structure of rtl/pnm_decode: 16 multiply-add
/// lanes take one step of 16 elements (MXINT8: one block of 32) per cycle and head, a 32-byte beat per cycle
/// comes over the memory port, every stage is pipelined. Plain numbers; README.md compares the model with the
/// RTL.
#pragma once

#include <cstdint>

namespace memwall::pnm {

struct CycleModel {
  static constexpr std::uint32_t kBeatBytes = 32;
  static constexpr std::uint32_t kLanes = 16;
  static constexpr std::uint32_t kFifoBeats =
      256;  ///< read FIFO; room is reserved before a burst is asked for
  static constexpr std::uint32_t kBurstBeats = 16;       ///< longest read burst
  static constexpr std::uint32_t kBoundaryBytes = 4096;  ///< no burst crosses it
  static constexpr std::uint32_t kOutstanding = 64;      ///< read bursts in flight
  static constexpr std::uint32_t kWritesInFlight = 57;  ///< so many writes without a response stall the lanes
  static constexpr std::uint32_t kResultsPerBeat = 8;

  // Fixed latencies in cycles.
  std::uint32_t check = 9;        ///< fetch (4 beats) and check of a descriptor, beside the memory's time
  std::uint32_t pop = 3;          ///< a beat leaves the FIFO until its room can be asked for again
  std::uint32_t first_step = 2;   ///< last beat of x to the first step
  std::uint32_t result = 12;      ///< last step of a row to its result on the bus: lanes, tree, packing
  std::uint32_t drain = 9;        ///< last step of K to the start of exp: lanes, tree, scaling
  std::uint32_t exp = 20;         ///< start of exp to the first weight
  std::uint32_t last_sum = 4;     ///< last weight to the start of the reciprocals
  std::uint32_t reciprocal = 32;  ///< a head's tree and 1 / sum, heads one after another
  std::uint32_t drain_value = 7;  ///< last step of V to the final scaling
  std::uint32_t scale = 4;        ///< final scaling, per 16 results
  std::uint32_t finish = 2;       ///< last write response to the record
};

}  // namespace memwall::pnm
