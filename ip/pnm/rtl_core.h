// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The Verilated rtl/pnm_decode with its clock, its register port and its memory port, without SystemC. One
/// step() is one clock cycle. Memory answers an access with the time when it is done; the AXI responses are
/// given on the cycles that follow from that, a burst's beats one per cycle once the whole burst is done. Not
/// modelled: back-pressure on AR, AW and W (always ready; the unit itself limits what it has on its way);
/// beats that come before their burst is complete.
#pragma once

#include <array>
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

/// A read on its way. Memory fills in data, responses and `done`, then sets `answered`.
struct ReadBurst {
  std::uint64_t address = 0;  ///< a multiple of 32
  std::uint32_t beats = 0;
  TimePs at = 0;          ///< edge on which the unit asks
  bool answered = false;  ///< done may lie in the future
  TimePs done = 0;        ///< the last beat has left memory
  std::array<std::uint8_t, kMaxBurstBeats * kBeatBytes> data;
  std::array<AxiResponse, kMaxBurstBeats> responses;
};

/// A write of one beat on its way. Memory fills in `response` and `done`, then sets `answered`.
struct WriteBeat {
  std::uint64_t address = 0;
  std::array<std::uint8_t, kBeatBytes> data;
  std::uint32_t strobes = 0;  ///< bytes to write, one bit each
  TimePs at = 0;
  bool answered = false;
  TimePs done = 0;
  AxiResponse response = AxiResponse::kOkay;
};

/// Memory behind the AXI port, by the addresses that the unit uses.
class RtlMemory {
 public:
  virtual ~RtlMemory() = default;
  /// Takes an access that starts at access.at, the edge that comes next. It stays where it is until it is
  /// answered, in the call or later.
  virtual void read(ReadBurst& burst) = 0;
  virtual void write(WriteBeat& beat) = 0;
  /// The unit waits for an access that is not answered: returns when it is, or when it is certain that it is
  /// not done by `edge`.
  virtual void await_answer(TimePs edge) = 0;
};

/// Throws ModelError, with address and cycle, if the unit breaks a rule of its ports or an assertion fails.
class RtlCore {
 public:
  /// `place` names the unit in errors; `trace_file` is an FST file, empty for none.
  RtlCore(std::string place, TimePs clock_period_ps, RtlMemory& memory, const std::string& trace_file);
  ~RtlCore();

  /// One clock cycle: the rising edge at now(), then now() is a period later.
  void step();
  /// The response that comes next is that of an access without an answer, and may be due at now().
  bool awaits_answer() const;
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
