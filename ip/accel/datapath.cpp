// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "accel/datapath.h"

#include <algorithm>
#include <new>

namespace memwall::accel {

Scratchpad::Scratchpad(std::uint64_t bytes)
    : bytes_(bytes), data_(static_cast<std::uint8_t*>(std::calloc(bytes == 0 ? 1 : bytes, 1))) {
  if (data_ == nullptr) throw std::bad_alloc();
}

Datapath::Datapath(const Config& config) : config_(config), sram_(config.sram_bytes) {}

TimePs Datapath::sram_time(std::uint64_t bytes) const {
  return cycles((bytes + config_.sram_bytes_per_cycle - 1) / config_.sram_bytes_per_cycle);
}

engine::Span Datapath::tile(const engine::TileWork& work, TimePs earliest) {
  const TimePs compute = cycles((work.macs() + config_.macs_per_cycle - 1) / config_.macs_per_cycle);
  const TimePs port = sram_time(work.tile_bytes);
  const TimePs start = std::max({earliest, matrix_.free_at(), sram_read_port_.free_at()});
  const TimePs duration = std::max(compute, port);
  matrix_.take(start, duration);
  sram_read_port_.take(start, port);
  macs_ += work.macs();
  count_sram(false, work.tile_bytes);
  return {start, start + duration};
}

engine::Span Datapath::vector(std::uint64_t lane_cycles, std::uint64_t read_bytes, std::uint64_t write_bytes,
                              TimePs earliest) {
  const TimePs compute = cycles((lane_cycles + config_.vector_lanes - 1) / config_.vector_lanes);
  const TimePs read = sram_time(read_bytes), write = sram_time(write_bytes);
  const TimePs start =
      std::max({earliest, vector_.free_at(), sram_read_port_.free_at(), sram_write_port_.free_at()});
  const TimePs duration = std::max({compute, read, write});
  vector_.take(start, duration);
  sram_read_port_.take(start, read);
  sram_write_port_.take(start, write);
  lane_cycles_ += lane_cycles;
  count_sram(false, read_bytes);
  count_sram(true, write_bytes);
  return {start, start + duration};
}

TimePs Datapath::sram_transfer(bool is_write, std::uint64_t bytes, TimePs earliest) {
  engine::Timeline& port = is_write ? sram_write_port_ : sram_read_port_;
  const TimePs duration = sram_time(bytes);
  count_sram(is_write, bytes);
  return port.take(earliest, duration) + duration;
}

TimePs Datapath::sram_visit(bool is_write, std::uint64_t bytes, TimePs now, TimePs earliest) {
  engine::Timeline& port = is_write ? sram_write_port_ : sram_read_port_;
  const TimePs duration = sram_time(bytes);
  count_sram(is_write, bytes);
  return port.visit(now, earliest, duration) + duration;
}

void Datapath::report(StatSink& sink) const {
  const char* const clock = "accel";
  sink.count("macs", macs_, "macs", "Multiply-adds of the matrix engine.");
  sink.count("matrix_busy_cycles", matrix_.busy() / config_.clock_period_ps, "cycles",
             "Cycles in which the matrix engine worked or waited for the SRAM port.", clock);
  sink.count("vector_busy_cycles", vector_.busy() / config_.clock_period_ps, "cycles",
             "Cycles in which the vector engine worked or waited for the SRAM ports.", clock);
  sink.count("vector_lane_cycles", lane_cycles_, "operations", "Lane operations of the vector engine.");
  sink.count("sram_read_bytes", sram_read_, "bytes",
             "Bytes read from the scratchpad, by engines and from outside.");
  sink.count("sram_write_bytes", sram_written_, "bytes",
             "Bytes written to the scratchpad, by engines and from outside.");
  sink.amount("mac_energy_pj", static_cast<double>(macs_) * config_.mac_pj, "pJ",
              "Energy of the matrix engine's multiply-adds.");
  sink.amount("sram_energy_pj",
              8.0 * (static_cast<double>(sram_read_) * config_.sram_read_pj_per_bit +
                     static_cast<double>(sram_written_) * config_.sram_write_pj_per_bit),
              "pJ", "Energy of the scratchpad's reads and writes.");
}

}  // namespace memwall::accel
