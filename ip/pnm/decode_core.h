// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The decode unit's execution of MATVEC and ATTENTION: reads operands as the RTL's reader does (one stream
/// of bursts that runs ahead of the lanes as far as the FIFO has room), computes with the numerics kernels,
/// writes results beat by beat. Time is worked out burst by burst; no SystemC.
///
/// Two hands of one program. The reader cuts the program's rows into bursts and asks for each as soon as what
/// it needs is known: the FIFO's room is that of bursts that the lanes have taken. The lanes take the bursts
/// in their order once memory has answered. Both go on whenever an answer comes, so a memory may answer at
/// once with a time to come or only when the data are there; every time follows from the answers' times
/// alone.
///
/// Not modelled: beats of a burst that leave memory before its last one (the bus gives a burst's beats once
/// the whole burst is there, one per cycle).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "desc/compute_descriptor.h"
#include "engine/memory_port.h"
#include "pnm/cycle_model.h"

namespace memwall::pnm {

/// Memory and time as the core sees them.
class CorePort : public engine::AccessPort {
 public:
  virtual TimePs now() const = 0;
  virtual void wait_until(TimePs when) = 0;
};

class DecodeCore : private engine::AccessClient {
 public:
  DecodeCore(CorePort& port, const CycleModel& model, TimePs clock_period_ps)
      : port_(port), model_(model), period_(clock_period_ps) {}

  /// A checked MATVEC or ATTENTION; returns after waiting for its end. Without `functional`: traffic only.
  engine::Outcome run(const desc::ComputeDescriptor& descriptor, bool functional);

  std::uint64_t macs() const { return macs_; }
  TimePs lanes_busy() const { return lanes_busy_; }
  TimePs waiting_for_data() const { return waiting_for_data_; }  ///< lanes idle, next beat not there
  TimePs waiting_for_room() const { return waiting_for_room_; }  ///< next burst not asked for, FIFO full

 private:
  static constexpr TimePs kNever = ~TimePs{0};
  static constexpr std::uint64_t kWriteCookie = std::uint64_t{1} << 63;

  /// How fast the lanes take beats: `cycles` for each `beats`.
  struct Pace {
    std::uint64_t cycles = 1, beats = 1;
  };
  /// Consecutive beats in memory.
  struct Segment {
    std::uint64_t address = 0, beats = 0;
  };
  struct Burst {
    std::uint32_t beats = 0;
    bool answered = false;
    engine::AccessResult result;
    TimePs bus_begin = 0, bus_end = 0;  ///< first and last beat on the bus; known once the lanes take it
    std::array<std::uint8_t, CycleModel::kBurstBeats * CycleModel::kBeatBytes> data;
  };
  /// Beats that the lanes take for the same purpose, and where they put them (null: nowhere).
  struct Portion {
    std::uint64_t beats = 0;  ///< left
    std::uint8_t* to = nullptr;
    Pace pace;
    bool ends_group = false;  ///< or the operand
  };
  struct Write {
    bool answered = false;
    TimePs done = 0;
    std::array<std::uint8_t, CycleModel::kBeatBytes> data;
  };

  void begin(const desc::ComputeDescriptor& d, bool functional);
  /// Goes on as far as the answers so far allow.
  void advance();
  bool complete() const;
  engine::Outcome finish();
  void access_done(std::uint64_t cookie, const engine::AccessResult& result) override;

  // The reader.
  /// Adds to the plan; false at the program's end.
  bool plan();
  /// Asks for the next burst if the time for it is known; false if there is none or it is not.
  bool ask();
  /// Moves `at` to when there is room for a burst; false if that is not yet known.
  bool room_for(std::uint64_t beats, TimePs& at);

  // The lanes.
  /// Takes the next burst if it has come and nothing holds the lanes; false otherwise.
  bool take();
  void next_portion();
  void group_taken();
  bool write_last_results();
  bool last_results_written() const;
  /// Hands over one result beat, complete at `at`.
  void write(std::uint64_t address, const void* data, std::uint32_t bytes, TimePs at);
  /// The lanes stand still while kWritesInFlight writes are on their way; false if it is not yet known how
  /// long.
  bool lanes_settled();

  TimePs cycles(std::uint64_t count) const { return count * period_; }
  Burst& burst(std::uint64_t index) { return bursts_[index % bursts_.size()]; }

  CorePort& port_;
  CycleModel model_;
  TimePs period_;

  // The program: the operand (x or q), then groups of rows of W; or of K, then of V.
  desc::ComputeDescriptor d_;
  bool functional_ = false;
  bool matvec_ = false;
  std::uint64_t beats_ = 0, x_beats_ = 0;  ///< per row of W, K or V; per row of the operand
  std::uint64_t side_beats_ = 0;           ///< per row of scales; 0: none

  enum class Phase { kOperand, kRows, kValues, kEnd };
  Phase after(Phase phase) const;
  std::uint64_t rows_of(Phase phase) const {
    return phase == Phase::kOperand && matvec_ ? 1 : phase == Phase::kOperand ? d_.m : d_.n;
  }

  // The reader's place: rows that follow each other in memory are one segment.
  Phase reading_ = Phase::kOperand;
  std::uint64_t reading_row_ = 0;
  std::deque<Segment> plan_;  ///< not asked for
  TimePs next_request_ = 0;   ///< earliest time of the next burst's request
  std::uint64_t asked_ = 0;   ///< bursts asked for
  std::uint64_t asked_beats_ = 0;
  std::array<Burst, CycleModel::kOutstanding> bursts_;

  // The lanes' place: kRowGroup rows are a group, whose results are made together.
  Phase taking_ = Phase::kOperand;
  std::uint32_t group_ = 0;      ///< its first row
  std::uint32_t group_row_ = 0;  ///< row in it, where scales come between the rows
  bool side_taken_ = false;      ///< its scales
  Portion portion_;
  std::uint32_t burst_beat_ = 0;  ///< taken of the burst in work
  std::uint64_t taken_bursts_ = 0, taken_beats_ = 0;
  struct Taken {
    std::uint64_t beats;  ///< running count when the burst was taken
    TimePs at;            ///< when the lanes had taken its last beat
    TimePs per_beat;
  };
  std::deque<Taken> taken_;  ///< bursts whose beats may still fill the FIFO
  TimePs bus_end_ = 0;       ///< the last beat taken is on the read bus
  TimePs lanes_free_ = 0;    ///< the lanes have taken every beat so far
  TimePs exp_started_ = 0;
  std::uint64_t results_written_ = 0;  ///< beats of ATTENTION's result

  std::deque<Write> writes_;  ///< the latest, up to kWritesInFlight; first_write_ counts those before
  std::uint64_t first_write_ = 0;
  bool settled_ = true;  ///< the lanes have seen that there is room for another write

  std::uint64_t unanswered_ = 0;
  TimePs read_done_ = 0, written_ = 0;  ///< latest answers
  TimePs faulted_at_ = kNever;
  engine::Outcome fault_;

  std::vector<std::uint8_t> buffer_, scales_;
  std::vector<float> x_, y_, scores_, sums_, inverse_;
  std::uint64_t macs_ = 0;
  TimePs lanes_busy_ = 0, waiting_for_data_ = 0, waiting_for_room_ = 0;
};

}  // namespace memwall::pnm
