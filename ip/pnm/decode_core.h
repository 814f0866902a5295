// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The decode unit's execution of MATVEC and ATTENTION: reads operands as the RTL's reader does (one stream
/// of bursts that runs ahead of the lanes as far as the FIFO has room), computes with the numerics kernels,
/// writes results beat by beat. Time is worked out burst by burst; no SystemC.
///
/// The lanes stand still while too many writes are on their way; how long is predicted from the last write's
/// latency, because the writes themselves are issued in time order with the reads.
///
/// Not modelled: cycles in which single beats of a burst arrive late (a burst's beats follow each other).
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
class CorePort : public engine::MemoryPort {
 public:
  virtual TimePs now() const = 0;
  virtual void wait_until(TimePs when) = 0;
};

class DecodeCore {
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
  /// How fast the lanes take beats: `cycles` for each `beats`.
  struct Pace {
    std::uint64_t cycles = 1, beats = 1;
  };
  struct Fault {
    engine::Outcome outcome;
    TimePs at = 0;
  };

  void begin();
  /// Reads consecutive beats into `data` (null: none); the lanes take them at `pace`. False after a fault.
  bool read(std::uint64_t address, std::uint64_t beats, std::uint8_t* data, const Pace& pace);
  /// Hands over one result beat, complete at `at`; it is written once time and the reads before it have
  /// passed.
  void write(std::uint64_t address, const void* data, std::uint32_t bytes, TimePs at);
  /// Writes the result beats handed over for times up to `until`.
  void flush_writes(TimePs until);
  engine::Outcome finish();
  void note(const engine::Outcome& outcome, TimePs at);
  bool matvec(const desc::ComputeDescriptor& d, bool functional);
  bool attention(const desc::ComputeDescriptor& d, bool functional);
  /// `rows` of `beats`, `stride` bytes apart, packed to whole beats in `data`.
  bool read_rows(std::uint64_t address, std::uint64_t stride, std::uint64_t rows, std::uint64_t beats,
                 std::uint8_t* data, const Pace& pace);
  TimePs cycles(std::uint64_t count) const { return count * period_; }

  CorePort& port_;
  CycleModel model_;
  TimePs period_;

  TimePs next_request_ = 0;  ///< earliest time of the next burst's request
  TimePs bus_free_ = 0;      ///< end of the last beat on the read bus
  TimePs lanes_free_ = 0;    ///< the lanes have taken every beat so far
  std::uint64_t asked_ = 0;  ///< beats asked for
  struct Taken {
    std::uint64_t beats;  ///< running count when the burst was taken
    TimePs at;            ///< when the lanes had taken its last beat
    TimePs per_beat;
  };
  std::deque<Taken> taken_;  ///< bursts whose beats may still fill the FIFO
  std::deque<TimePs> in_flight_;
  struct PendingWrite {
    std::uint64_t address;
    std::uint32_t bytes;
    bool has_data;
    TimePs at;
    std::array<std::uint8_t, CycleModel::kBeatBytes> data;
  };
  std::deque<PendingWrite> pending_writes_;
  TimePs write_latency_ = 0;  ///< of the last write, or at first of the last read: predicts the next
  std::array<TimePs, CycleModel::kWritesInFlight> writes_{};  ///< predicted ends of the latest writes
  std::size_t next_write_ = 0;
  TimePs written_ = 0;
  bool faulted_ = false;
  Fault fault_;

  std::vector<std::uint8_t> buffer_, scales_;
  std::vector<float> x_, y_, scores_, sums_, inverse_;
  std::uint64_t macs_ = 0;
  TimePs lanes_busy_ = 0, waiting_for_data_ = 0, waiting_for_room_ = 0;
};

}  // namespace memwall::pnm
