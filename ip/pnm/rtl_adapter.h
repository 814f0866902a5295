// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// PnmUnit as the Verilated rtl/pnm_decode. The clock runs only while the unit is busy or a register access
/// is in flight, inside one SystemC process and at most kAheadCycles ahead of it, so that register accesses
/// meet the unit in the cycle of their time, or up to that bound later. Each AXI burst is one TLM transaction
/// issued at its cycle's time; when it is done decides the cycles of the R beats or the B response. The clock
/// stands while the next response is that of an access which memory has not answered and whose time may have
/// come: memory may answer at once with a delay, or wait. An AXI beat outside the stack gets DECERR. If
/// memory refuses a burst of several beats, each beat is read again alone, to find which one failed: an
/// uncorrectable error costs those extra reads. A register access ahead of SystemC time waits for it if the
/// unit is busy.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include "engine/access_pool.h"
#include "pnm/pnm_unit.h"
#include "pnm/rtl_core.h"

namespace memwall {
class Error;
}

namespace memwall::pnm {

class PnmRtl final : public PnmUnit,
                     private RtlMemory,
                     private engine::MemoryPort,
                     private engine::AccessClient {
 public:
  SC_HAS_PROCESS(PnmRtl);

  /// Cycles that the clock may run ahead of SystemC time.
  static constexpr unsigned kAheadCycles = 32;

  /// ConfigError if `config` asks for traffic without data or for a waveform other than .fst.
  PnmRtl(const sc_core::sc_module_name& name, const PnmConfig& config);
  ~PnmRtl() override;

  void report(StatSink& sink) const override;
  std::uint64_t busy_cycles() const override;

 private:
  void run();
  void drive_irq();
  void serve_ctrl(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned debug_ctrl(tlm::tlm_generic_payload& payload);
  void step();
  void note_irq();
  void fail(const Error& error);

  void read(ReadBurst& burst) override;
  void write(WriteBeat& beat) override;
  void await_answer(TimePs edge) override;
  engine::AccessResult access(bool is_write, std::uint64_t address, void* data, std::uint32_t bytes,
                              TimePs at) override;
  void access_done(std::uint64_t, const engine::AccessResult&) override {}
  void serve_read(ReadBurst& burst);
  void serve_write(WriteBeat& beat);
  AxiResponse transport(bool is_write, std::uint64_t address, std::uint8_t* data, std::uint32_t bytes,
                        TimePs& done);
  bool inside(std::uint64_t address) const;
  void watch_fetch(std::uint64_t address, std::uint32_t beats, const std::uint8_t* data);
  void watch_record(std::uint64_t address, const std::uint8_t* data);

  PnmConfig config_;
  std::unique_ptr<RtlCore> core_;
  engine::AccessPool pool_{*this};
  sc_core::sc_event answered_;
  bool failed_ = false;    // a model error was raised; the unit is dead
  bool stepping_ = false;  // inside a step or a register access, perhaps waiting for an answer
  unsigned waiting_ = 0;   // register accesses that wait for the end of that
  bool irq_level_ = false;
  std::deque<std::pair<TimePs, bool>> irq_changes_;
  sc_core::sc_event wake_;
  sc_core::sc_event irq_event_;
  std::uint64_t register_reads_ = 0, register_writes_ = 0;
  std::uint64_t macs_ = 0;          // of completed descriptors, seen on the memory port
  std::uint64_t fetched_macs_ = 0;  // of the descriptor fetched last
};

}  // namespace memwall::pnm
