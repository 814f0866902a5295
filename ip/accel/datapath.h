// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What the two queues of the accelerator share: scratchpad SRAM with one read and one write port, matrix
/// engine, vector engine. Reservations and contents; no SystemC.
///
/// Not modelled: SRAM banks and their conflicts (one port per direction, first come first served), operand
/// forwarding between operations.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "accel/config.h"
#include "common/stats.h"
#include "engine/streamer.h"
#include "engine/tile_pipeline.h"

namespace memwall::accel {

/// Scratchpad bytes from calloc, so that untouched pages cost no host memory.
class Scratchpad {
 public:
  explicit Scratchpad(std::uint64_t bytes);
  std::uint64_t size() const { return bytes_; }
  bool contains(std::uint64_t offset, std::uint64_t bytes) const {
    return offset <= bytes_ && bytes <= bytes_ - offset;
  }
  std::uint8_t* at(std::uint64_t offset) { return data_.get() + offset; }
  const std::uint8_t* at(std::uint64_t offset) const { return data_.get() + offset; }

 private:
  struct Free {
    void operator()(std::uint8_t* p) const { std::free(p); }
  };
  std::uint64_t bytes_;
  std::unique_ptr<std::uint8_t[], Free> data_;
};

class Datapath {
 public:
  explicit Datapath(const Config& config);

  /// Work on one tile: matrix engine and SRAM read port together; the slower one decides.
  engine::Span tile(const engine::TileWork& work, TimePs earliest);
  /// A vector operation: `lane_cycles` element-cycles on the vector engine, bytes over the SRAM ports.
  engine::Span vector(std::uint64_t lane_cycles, std::uint64_t read_bytes, std::uint64_t write_bytes,
                      TimePs earliest);
  /// A transfer over one SRAM port; returns its end.
  TimePs sram_transfer(bool is_write, std::uint64_t bytes, TimePs earliest);
  /// The same for an access from outside, whose initiator may run ahead of `now`.
  TimePs sram_visit(bool is_write, std::uint64_t bytes, TimePs now, TimePs earliest);

  Scratchpad& sram() { return sram_; }
  const Scratchpad& sram() const { return sram_; }
  void report(StatSink& sink) const;

 private:
  TimePs cycles(std::uint64_t count) const { return count * config_.clock_period_ps; }
  TimePs sram_time(std::uint64_t bytes) const;
  void count_sram(bool is_write, std::uint64_t bytes) { (is_write ? sram_written_ : sram_read_) += bytes; }

  Config config_;
  Scratchpad sram_;
  engine::Timeline matrix_, vector_, sram_read_port_, sram_write_port_;
  std::uint64_t macs_ = 0, lane_cycles_ = 0, sram_read_ = 0, sram_written_ = 0;
};

/// Element-cycles per element of the vector engine, by operation; assumed, from the count of dependent
/// passes: a pass is one fused lane operation per element, exp counts 8 (seven multiply-add pairs and the
/// scaling).
struct VectorCost {
  static constexpr std::uint64_t kAdd = 1;
  static constexpr std::uint64_t kRmsnorm = 3;   ///< square and sum, two multiplies
  static constexpr std::uint64_t kRope = 3;      ///< two multiplies, one add
  static constexpr std::uint64_t kSwiglu = 12;   ///< exp, add, divide, multiply
  static constexpr std::uint64_t kSoftmax = 12;  ///< scale, maximum, exp, sum, multiply
  static constexpr std::uint64_t kTopk = 2;      ///< compare and select
  static constexpr std::uint64_t kConvert = 1;
};

}  // namespace memwall::accel
