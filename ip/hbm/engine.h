// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Timing engine of one stack behind its controller: requests in, command schedule and completion times out.
/// Exact at the level of DRAM commands (README.md, "Scheduling contract"), event-driven, advanced lazily: no
/// cycle in which nothing happens is ever looked at, and an idle stack costs nothing.
///
/// A request of any length is a burst train that the address map spreads over the pseudo-channels; trains of
/// different sources are interleaved burst by burst. Channels whose state and traffic are equal are simulated
/// once (`share_equal_channels`), and a channel that repeats itself under a regular train, or under none,
/// jumps over whole periods (`fast_forward`). Neither changes any result: both may be switched off to show
/// it.
///
/// Plain C++; not thread-safe. Not modelled: controller and PHY pipeline latency (add the way through the
/// noc).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/time.h"
#include "hbm/counters.h"
#include "hbm/preset.h"

namespace memwall::hbm {

struct Request {
  std::uint64_t tag = 0;  ///< comes back in events; the caller keeps it unique among requests in flight
  TimePs arrival = 0;     ///< rounded up to the next clock edge
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;  ///< at least 1; what covers a burst in part moves the whole burst
  bool is_write = false;
  std::uint32_t source = 0;  ///< initiator for arbitration, 0 to 15
  Port port = Port::kPins;
  bool report_acceptance = false;  ///< an event when the first burst has entered its queue
};

struct Event {
  enum class Kind : std::uint8_t { kAccepted, kDone };
  Kind kind = Kind::kDone;
  std::uint64_t tag = 0;
  /// kAccepted: end of the cycle in which the first burst entered its queue. kDone: end of the last burst's
  /// data; may lie in the future of the time that was advanced to.
  TimePs at = 0;
  TimePs first = 0;  ///< kDone: end of the first burst's data
};

class SteadyState;

/// What engines of equal presets learned about periods. Engines that are given the same one must be used by
/// one thread; a preset that behaves differently is a ModelError.
std::shared_ptr<SteadyState> make_periods();

class Engine {
 public:
  static constexpr std::uint32_t kSources = 16;
  struct Options {
    bool fast_forward = true;
    bool share_equal_channels = true;
    std::shared_ptr<SteadyState> periods = nullptr;  ///< null: of this engine alone
  };

  explicit Engine(const Preset& preset);  ///< both options on
  Engine(const Preset& preset, const Options& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const Preset& preset() const;

  /// Adds a request. Arrivals must not decrease and not lie before what advance() has reached; the request
  /// must lie inside the stack and not be empty: ModelError otherwise.
  void submit(const Request& request);

  /// Commits everything that no request arriving at `now` or later can change, i.e. all clock cycles before
  /// the first edge at or after `now`. Appends what became known, in order of time; at least every event
  /// whose `at` is not after `now`.
  void advance(TimePs now, std::vector<Event>& events);

  /// No event that is not yet reported has an `at` before this time; empty if no request is in flight. So a
  /// caller that calls advance() at these times learns of every event at or before its `at`.
  std::optional<TimePs> next_event() const;

  /// Advances until no request is in flight; returns the time reached.
  TimePs finish(std::vector<Event>& events);

  std::size_t in_flight() const;

  /// Everything up to `now` (not before what was reached), refreshes and background included.
  Counters counters(TimePs now);

  /// With controller.row_hammer_counters: the row that was opened most often between two refreshes of it.
  /// Rows are refreshed in order, all of them by 8192 refresh commands to their bank; self-refresh counts as
  /// all, refresh management as none. The counters switch sharing and fast-forward off.
  struct MostOpened {
    std::uint32_t activates = 0;
    std::uint64_t address = 0;  ///< of the first byte of the row
  };
  MostOpened most_opened() const;

  /// Every command in order of issue within a channel. Switches sharing and fast-forward off; call it before
  /// the first request.
  void set_command_sink(CommandSink sink);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace memwall::hbm
