// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The scheduling contract (ip/hbm/README.md) written plainly: every cycle of one channel looks at every queue
/// entry and asks, against the list of past commands, whether its next command may go. Slow and obvious. Rules
/// come straight from the constraint table of the preset; nothing is shared with the engine under test, nor
/// with the auditor, but the headers that describe preset, commands and requests.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "hbm/command.h"
#include "hbm/counters.h"
#include "hbm/engine.h"
#include "hbm/preset.h"

namespace memwall::hbm::testing_support {

/// The part of a request that falls to one pseudo-channel, in ascending order of addresses.
struct Train {
  std::uint64_t tag = 0;
  Cycle arrival = 0;
  std::uint32_t pseudo_channel = 0;  ///< within the channel
  std::uint32_t source = 0;
  bool is_write = false;
  Port port = Port::kPins;
  std::vector<Place> bursts;
};

struct Outcome {
  struct Times {
    Cycle accepted = -1;  ///< end of the cycle in which the first burst entered its queue
    Cycle first = -1;     ///< end of data of the burst that was done first
    Cycle last = -1;      ///< end of data of the burst that was done last
  };
  std::map<std::uint64_t, Times> requests;  ///< by tag
  std::vector<CommandRecord> log;
  ChannelCounters counters;
  Cycle end = 0;  ///< counters cover the cycles before this one
};

/// Trains of a channel that `requests` (in order of arrival) make there.
std::vector<Train> trains_of(const Preset& preset, const std::vector<Request>& requests,
                             std::uint32_t channel);

/// Runs one channel until all trains (in order of submission, arrivals not decreasing) are through and at
/// least up to cycle `until`. Throws std::runtime_error if nothing moves for a very long time.
Outcome reference_schedule(const Preset& preset, const std::vector<Train>& trains, std::uint32_t channel = 0,
                           Cycle until = 0);

/// The same for a whole stack: channels one after the other, results merged, the log by channel.
Outcome reference_stack(const Preset& preset, const std::vector<Request>& requests, Cycle until = 0);

}  // namespace memwall::hbm::testing_support
