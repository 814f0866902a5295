// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The Verilated rtl/pnm_decode with its clock, its register port and its memory port, without SystemC. One
/// step() is one clock cycle. Memory is a callback that says when an access is done; the AXI responses are
/// given on the cycle that follows from that. Not modelled: back-pressure on AR, AW and W (always ready; the
/// unit itself limits what it has on its way).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/time.h"

namespace memwall::pnm {

inline constexpr std::uint32_t kBeatBytes = 32;
/// Longest burst the unit may ask for, beats.
inline constexpr std::uint32_t kMaxBurstBeats = 16;

/// AXI response of one beat.
enum class AxiResponse : std::uint8_t { kOkay = 0, kSlvErr = 2, kDecErr = 3 };

/// Memory behind the AXI port, by the addresses that the unit uses.
class RtlMemory {
 public:
  virtual ~RtlMemory() = default;
  /// Reads `beats` beats from a 32-byte aligned address into `data`, one response per beat. Returns the time
  /// at which the last beat has arrived (not before `at`); earlier beats then arrive one clock cycle apart.
  virtual TimePs read(std::uint64_t address, std::uint32_t beats, std::uint8_t* data, AxiResponse* responses,
                      TimePs at) = 0;
  /// Writes the bytes of one beat whose strobe bit is set. Returns the time of the response.
  virtual TimePs write(std::uint64_t address, const std::uint8_t* data, std::uint32_t strobes,
                       AxiResponse& response, TimePs at) = 0;
};

/// Throws ModelError, with address and cycle, if the unit breaks a rule of its ports or an assertion fails.
class RtlCore {
 public:
  /// `place` names the unit in errors; `trace_file` is an FST file, empty for none.
  RtlCore(std::string place, TimePs clock_period_ps, RtlMemory& memory, const std::string& trace_file);
  ~RtlCore();

  /// One clock cycle: the rising edge at now(), then now() is a period later.
  void step();
  /// True while the clock must run: the unit has work or a response is on its way.
  bool active() const;
  /// Time of the next rising edge.
  TimePs now() const;
  /// While not active: the clock stands until the first edge at or after `time`.
  void skip_to(TimePs time);

  /// Register accesses; they step the clock until the response. False: the unit answered with an error.
  bool read_register(std::uint32_t offset, std::uint32_t& value);
  bool write_register(std::uint32_t offset, std::uint32_t value);
  /// No clock edge, no side effect; 0 where no register is.
  std::uint32_t debug_register(std::uint32_t offset) const;

  bool irq() const;

  struct Counters {
    std::uint64_t cycles = 0;  ///< clock edges run
    std::uint64_t read_bursts = 0;
    std::uint64_t read_beats = 0;
    std::uint64_t write_beats = 0;
    std::uint64_t read_stall_cycles = 0;  ///< cycles with read data asked for and none arriving
  };
  const Counters& counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace memwall::pnm
