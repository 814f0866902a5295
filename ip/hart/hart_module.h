// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// SystemC shell of the hart: a loosely timed TLM-2.0 initiator with temporal decoupling.
///
/// Time of an instruction: its class's cycles (CycleModel), plus what the memory takes. An access over the
/// socket adds the whole delay that b_transport returned, rounded up to clock cycles. An access through a
/// direct pointer adds the granted latency less the instruction's own cycle, so tightly coupled memory of one
/// cycle costs nothing extra. Instructions outside direct memory are fetched in 64-byte lines when they are
/// first decoded; decoded code is not fetched again before the next fence.i (an ideal instruction cache).
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/tlm_quantumkeeper.h>

#include <cstdint>
#include <functional>
#include <systemc>
#include <tlm>
#include <vector>

#include "common/stats.h"
#include "common/time.h"
#include "hart/hart.h"

namespace memwall::hart {

class HartModule : public sc_core::sc_module, private Bus {
 public:
  struct Config {
    std::uint64_t hart_id = 0;
    std::uint64_t reset_pc = 0;
    TimePs clock_period_ps = 1000;      ///< 1 GHz, assumed
    TimePs quantum_ps = 10 * kPsPerUs;  ///< how far the hart may run ahead; 0 synchronises at every block
    CycleModel cycles;
    bool stop_at_start = false;  ///< call the debug hook before the first instruction
  };
  /// What the debugger wants next.
  enum class Resume { kContinue, kStep };
  /// Called in the simulation thread when the hart has stopped for the debugger; simulated time stands until
  /// it returns. Registers are accessible through hart(), memory through debug_read() and debug_write().
  using DebugHook = std::function<Resume(HartModule&, StopReason)>;

  tlm_utils::simple_initiator_socket<HartModule> bus_isock;
  sc_core::sc_in<bool> msip_in;
  sc_core::sc_in<bool> mtip_in;
  sc_core::sc_in<bool> meip_in;

  HartModule(const sc_core::sc_module_name& name, const Config& config);
  ~HartModule() override;

  Hart& hart() { return hart_; }
  const Hart& hart() const { return hart_; }
  /// The hart's own time, ahead of sc_time_stamp() by its local time.
  sc_core::sc_time now() const;

  /// Value of the time CSR at a given (local) time.
  void set_time_source(std::function<std::uint64_t(const sc_core::sc_time& now)> source);
  void set_debug_hook(DebugHook hook);
  /// Memory as the hart sees it, without time or side effects. Returns the bytes transferred.
  std::uint64_t debug_read(std::uint64_t address, void* out, std::uint64_t bytes);
  std::uint64_t debug_write(std::uint64_t address, const void* in, std::uint64_t bytes);

  void report(StatSink& sink) const;

 private:
  /// A quantum of this hart's own instead of the global one.
  class Keeper : public tlm_utils::tlm_quantumkeeper {
   public:
    explicit Keeper(sc_core::sc_time quantum) : quantum_(quantum) {}
    sc_core::sc_time next_sync() const { return m_next_sync_point; }

   protected:
    sc_core::sc_time compute_local_quantum() override;

   private:
    sc_core::sc_time quantum_;
  };

  void run();
  void wait_for_interrupt();
  void on_interrupt_lines();
  void synchronise(bool force);
  void debug_stop(StopReason reason);

  BusResult fetch(std::uint64_t address, void* out, unsigned bytes) override;
  BusResult load(std::uint64_t address, void* out, unsigned bytes) override;
  BusResult store(std::uint64_t address, const void* in, unsigned bytes) override;
  DirectRegion dmi(std::uint64_t address) override;
  BusResult transport(tlm::tlm_command command, std::uint64_t address, std::uint8_t* data, unsigned bytes);
  void request_direct();
  void invalidate_direct_mem_ptr(sc_dt::uint64 start, sc_dt::uint64 end);
  std::uint64_t debug_transport(tlm::tlm_command command, std::uint64_t address, std::uint8_t* data,
                                std::uint64_t bytes);
  std::uint64_t to_cycles(TimePs time) const { return (time + period_ - 1) / period_; }

  Config config_;
  TimePs period_;
  Hart hart_;
  Keeper keeper_;
  // The hart's cycle counter read anchor_cycles_ at anchor_time_.
  TimePs anchor_time_ = 0;
  std::uint64_t anchor_cycles_ = 0;
  sc_core::sc_event interrupt_event_;
  tlm::tlm_generic_payload payload_;
  std::vector<DirectRegion> regions_;
  DebugHook debug_hook_;
  bool stepping_ = false;
  TimePs wfi_time_ = 0;
};

}  // namespace memwall::hart
