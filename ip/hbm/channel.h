// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// One channel with its pseudo-channels behind the controller: the scheduling contract of README.md, event by
/// event. A channel does not know which channel it is: equal channels share one object (engine.h), and a copy
/// of the object is a channel of its own.
///
/// Time moves only in run(): from one thing that happens to the next, however far apart they are.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "hbm/counters.h"
#include "hbm/policy.h"
#include "hbm/pseudo_channel.h"
#include "hbm/steady_state.h"

namespace memwall::hbm {

/// What all channels of a stack have in common.
struct Device {
  explicit Device(const Preset& preset);

  Preset preset;
  std::unique_ptr<SchedulerPolicy> scheduler;
  std::unique_ptr<PagePolicy> page;
  std::unique_ptr<DrainPolicy> drain;
  std::unique_ptr<RefreshPolicy> refresh;
  ConstraintTable table;
  Cycle burst, read_latency, write_latency;  ///< latency: column command to the end of the data
  Cycle refresh_interval;                    ///< between two refresh commands of a pseudo-channel
  std::uint32_t banks, pcs;                  ///< per pseudo-channel, per channel
  std::uint32_t raaimt;                      ///< 0: no refresh management
  std::array<std::uint32_t, 2> capacity;     ///< of the queues: reads, writes
  bool closes_idle_rows, amends, has_power_states, oldest_first;
};

/// A completion, or the acceptance of a train.
struct TrainEvent {
  std::uint32_t request;
  bool accepted;
  Cycle first;  ///< end of the data of the first burst
  Cycle at;     ///< end of the data of the last burst; of an acceptance the cycle after the admission
};

class Channel {
 public:
  /// `steady` remembers periods; null: every burst is run.
  Channel(const Device& device, SteadyState* steady);

  /// Adds bursts [begin, end) of pseudo-channel `pc`; counts of `train` are set here. Arrivals do not
  /// decrease.
  void push(std::uint32_t pc, Train train);
  /// Everything that happens before `limit`.
  void run(Cycle limit, std::vector<TrainEvent>& events);
  /// Everything up to the completion of the last train.
  void finish(std::vector<TrainEvent>& events);

  bool busy() const { return trains_in_flight_ != 0; }
  /// No event to come has a time before this cycle; kNever if no train is in flight. Stays true, if no train
  /// is added, however far the channel is run.
  Cycle next_event();
  Cycle now() const { return now_; }

  /// Background states counted up to what was run.
  const ChannelCounters& settled_counters();
  void clear_counters() {
    // The anchor's are compared with later ones.
    anchor_.counters = anchor_.counters.since(counters_);
    counters_ = {};
  }

  /// See Engine::most_opened().
  struct MostOpened {
    std::uint32_t activates = 0, pc = 0, bank = 0, row = 0;
  };
  const MostOpened& most_opened() const { return most_opened_; }

  /// Called with every train in flight.
  template <class Visit>
  void for_each_train(Visit visit) const {
    for (const PseudoChannel& pc : pcs_) {
      for (const Train& train : pc.trains) {
        if (train.left != 0) visit(train);
      }
    }
  }
  /// Equal words and equal now(): equal behaviour from now on, completions included.
  std::vector<std::int64_t> state_words();

  /// `channel`: what to call it in the records.
  void set_command_sink(const CommandSink* sink, std::uint32_t channel);

 private:
  friend class StateCodec;
  friend class SteadyState;
  enum class Power : std::uint8_t { kUp, kPowerDown, kSelfRefresh };
  enum Class : std::uint8_t { kMaintain, kColumn, kRow, kClosePage, kClasses };
  struct Picks {
    bool valid = false;
    Class best_class = kMaintain;  ///< the first of those with the least time
    std::array<Pick, kClasses> of;

    const Pick& best() const { return of[best_class]; }
    void rank() {
      best_class = kMaintain;
      for (std::uint8_t c = 1; c < kClasses; ++c) {
        if (of[c].at < best().at) best_class = static_cast<Class>(c);
      }
    }
  };

  /// One thing that happens, if it happens before `limit`.
  bool step(Cycle limit, std::vector<TrainEvent>& events);
  void choose(std::uint32_t pc);
  void choose_direction(PseudoChannel& pc) const;
  // Keep what is still true of the picks of before, if the scheduler's banks are independent.
  void amend_after_row(std::uint32_t pc, const Pick& column, const Pick& issued);
  void amend_after_column(std::uint32_t pc, Pick row, const Pick& issued);
  void amend_after_admission(std::uint32_t pc, bool was_draining, std::uint32_t admitted);
  QueueView view_of(std::uint32_t pc) const {
    const PseudoChannel& p = pcs_[pc];
    return {p, p.queues[p.draining ? 1 : 0], p.draining, gates_, pc, now_};
  }
  /// Nothing can be issued before the next admission, which is due in the next cycle.
  bool admission_comes_first(const PseudoChannel& pc) const;
  Pick maintenance_pick(std::uint32_t pc) const;
  Pick page_pick(std::uint32_t pc) const;
  /// Earliest power command, or kNever.
  Pick power_pick() const;
  bool idle() const;
  /// Nothing happens before it.
  Cycle next_step();
  Cycle find_next_event();

  void admit(std::uint32_t pc);
  bool admit_one(std::uint32_t pc, bool is_write);
  void account_refresh(std::uint32_t pc);
  void start_maintenance(std::uint32_t pc);

  void issue(std::uint32_t pc, const Pick& pick, Class kind, std::vector<TrainEvent>& events);
  void issue_power(const Pick& pick);
  void command(Command command, std::uint32_t pc, std::uint32_t bank, std::uint32_t row,
               std::uint32_t column);
  void column(std::uint32_t pc, const Pick& pick, std::vector<TrainEvent>& events);
  void open_row(std::uint32_t pc, std::uint32_t bank, std::uint32_t row);
  void close_banks(std::uint32_t pc, std::uint64_t banks);
  void end_maintenance(std::uint32_t pc);
  void burst_done(PseudoChannel& pc, std::uint32_t train, Cycle done, std::vector<TrainEvent>& events);
  void set_background(PseudoChannel& pc, Background background);
  void settle();
  void count_activate(std::uint32_t pc, std::uint32_t bank, std::uint32_t row);
  /// The next rows of banks [first, last) were refreshed.
  void forget_refreshed(std::uint32_t pc, std::uint32_t first, std::uint32_t last);

  const Device* device_;
  SteadyState* steady_;
  Gates gates_;
  std::vector<PseudoChannel> pcs_;
  std::vector<Picks> picks_;
  Cycle now_ = 0;  ///< all earlier cycles are over
  Cycle next_event_ = kNever;
  bool next_event_known_ = true;
  std::uint64_t issued_ = 0;
  std::uint32_t trains_in_flight_ = 0;
  Power power_ = Power::kUp;
  Cycle idle_since_ = 0;
  ChannelCounters counters_;
  SteadyState::Anchor anchor_;
  static constexpr std::uint32_t kNobody = ~std::uint32_t{0};
  std::uint32_t just_served_ = kNobody;  ///< pseudo-channel whose column command freed an entry
  bool at_anchor_ = false;               ///< the command just issued ends a refresh period
  const CommandSink* sink_ = nullptr;
  std::uint32_t channel_ = 0;
  std::vector<TrainEvent> admission_events_;
  // Row-hammer counters, if wanted: activates by row since its refresh, next row to refresh by bank.
  std::unordered_map<std::uint64_t, std::uint32_t> activates_;
  std::vector<std::uint32_t> next_refreshed_;
  MostOpened most_opened_;
};

}  // namespace memwall::hbm
