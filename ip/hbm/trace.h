// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A trace of memory requests, one per line:
///
///     [cycle] R|W hexaddress [bytes] [@initiator]
///
/// `cycle`: arrival in cycles of tCK, decimal, not decreasing; all lines have one or none has. `bytes`:
/// decimal; without it the request is one burst and its address a multiple of the burst. `@initiator`: 0 to
/// 15, 0 if absent. `#` starts a comment.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "hbm/preset.h"

namespace memwall::hbm {

struct TraceRequest {
  std::uint64_t cycle = 0;  ///< arrival in cycles of tCK; 0 if the trace has no cycles
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  std::uint8_t initiator = 0;
  bool is_write = false;
};

struct Trace {
  bool timed = false;            ///< the lines have arrival cycles
  std::uint64_t first_line = 0;  ///< line of the first request
  std::vector<TraceRequest> requests;
};

/// Latest cycle that a request may be given, so that times stay far from overflow.
std::uint64_t last_arrival_cycle(const Preset& preset);

/// ConfigError "name:line: ..." for a malformed line, a request that is empty, unaligned or not inside the
/// memory of `preset`, cycles that decrease or are on some lines only, and for requests of the same cycle
/// that overlap if one of them writes: which of them comes first is not defined. "name: ..." if there is no
/// request.
///
/// Overlapping requests of different cycles are in order and accepted, whether or not the earlier one is
/// still in flight: what is a valid trace does not depend on the speed of the memory. Without cycles requests
/// of one initiator are in order; the order of different initiators' follows from the memory's speed, and
/// overlapping ones are accepted, for a trace carries no contents.
Trace parse_trace(std::istream& in, const std::string& name, const Preset& preset);
/// The same from a file; ConfigError if it cannot be read.
Trace load_trace(const std::string& path, const Preset& preset);

}  // namespace memwall::hbm
