// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// One pseudo-channel behind finite read and write queues: FR-FCFS (row hits first, then the oldest), open
/// page, writes held back and drained in batches. Event-driven over the same gates as the in-order core: each
/// step issues the command that can go first and jumps there.
///
/// Drain: starts when the write queue reaches `drain_high` or no read waits; ends when it is empty, or at
/// `drain_low` while reads wait. A read of a burst that sits in the write queue is answered from there one
/// cycle later. An open row that has hits in the active queue is not closed, unless the oldest request waited
/// longer than `starvation_nck`.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "hbm/gates.h"

namespace memwall::hbm {

struct Request {
  std::uint64_t id = 0;
  Cycle arrival = 0;  ///< enters the queue
  Location at;
  bool is_write = false;
};

struct Served {
  std::uint64_t id = 0;
  Cycle done = 0;  ///< end of the data burst
  bool is_write = false;
};

class QueuedChannel {
 public:
  QueuedChannel(const Preset& preset, std::uint32_t channel);

  bool full(bool is_write) const;
  bool idle() const { return reads_.empty() && writes_.empty(); }
  /// The queue must not be full; arrivals do not decrease and are not before what run_until() has reached.
  void push(const Request& request, std::vector<Served>& served);

  /// Issues everything that happens before `limit`.
  void run_until(Cycle limit, std::vector<Served>& served);
  /// Runs until the queue of that kind has a free entry; returns the cycle from which it can be used.
  Cycle run_until_space(bool is_write, std::vector<Served>& served);
  /// Runs until both queues are empty.
  void drain(std::vector<Served>& served);
  /// Refreshes that fall into idle time up to `cycle`. Both queues must be empty.
  void idle_until(Cycle cycle) { gates_.refresh_idle(cycle); }

  const CommandCounts& counts() const { return gates_.counts(); }
  std::uint64_t row_hits() const { return row_hits_; }
  std::uint64_t row_misses() const { return row_misses_; }
  std::uint64_t row_conflicts() const { return row_conflicts_; }
  std::uint64_t forwarded() const { return forwarded_; }
  void set_command_sink(const CommandSink* sink) { gates_.set_command_sink(sink); }

 private:
  static constexpr std::size_t kMaxEntries = 64;  // the preset loader refuses deeper queues
  struct Entry {
    Request request;
    bool closed_row = false;  // a precharge was issued for it
    bool opened_row = false;  // an activate was issued for it
  };
  /// Entries in slots; what the choice looks at for every entry lies densely, oldest first.
  struct Queue {
    std::size_t size = 0;
    std::array<std::uint32_t, kMaxEntries> row;
    std::array<std::uint8_t, kMaxEntries> bank;
    std::array<std::uint8_t, kMaxEntries> slot;
    std::array<Entry, kMaxEntries> entries;
    std::uint64_t free_slots = ~std::uint64_t{0};
    std::uint64_t hits = 0;  // bit per position: its row is open

    bool empty() const { return size == 0; }
    Entry& at(std::size_t position) { return entries[slot[position]]; }
    const Entry& at(std::size_t position) const { return entries[slot[position]]; }
    void push(const Request& request, bool hit);
    void erase(std::size_t position);
    void row_opened(const Location& opened);
    void row_closed(std::uint32_t closed_bank);
  };
  struct Choice {
    Cycle at = std::numeric_limits<Cycle>::max();
    std::size_t position = 0;
  };

  /// Issues the next command if it is before `limit`; false if there is none.
  bool step(Cycle limit, std::vector<Served>& served);
  bool starved(const Queue& queue) const {
    return now_ - queue.at(0).request.arrival > config_.starvation_nck && (queue.hits & 1) == 0;
  }
  Cycle row_gate(const Request& request) const;
  void choose(const Queue& queue);
  void choose_column(const Queue& queue);
  /// Keeps the choice true after a column command to `bank` left the active queue at `position`, or drops it.
  void amend_choice_after_column(const Queue& queue, std::size_t position, std::uint32_t bank);
  /// Keeps the choice true after a push to the active queue, or drops it.
  void amend_choice(const Queue& queue);
  void issue_row(Entry& entry, Cycle at);
  void issue_column(Queue& queue, std::size_t position, Cycle at, std::vector<Served>& served);

  Timing t_;
  ControllerConfig config_;
  Gates gates_;
  Queue reads_, writes_;
  bool draining_ = false;
  bool chosen_ = false;  // column_ and row_ hold for the active queue
  Choice column_, row_;
  bool against_hits_ = false;  // chosen for a starved request
  Cycle now_ = 0;
  Cycle last_row_command_ = -1;
  std::uint64_t row_hits_ = 0, row_misses_ = 0, row_conflicts_ = 0, forwarded_ = 0;
};

}  // namespace memwall::hbm
