// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Functional core of the RISC-V hart: RV64GC (IMAFDC, Zicsr, Zifencei), M and U modes, PMP, precise traps.
/// Plain C++; the SystemC shell is hart_module.h. Instruction-accurate, with a static cycle cost per
/// instruction class. Not modelled: pipeline, branch prediction, caches (README.md).
///
/// Speed comes from decoded basic blocks that link to each other, threaded dispatch, and a direct-mapped
/// table from pages to host memory for loads and stores.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "hart/block.h"
#include "hart/bus.h"
#include "hart/isa.h"
#include "hart/pmp.h"

namespace memwall::hart {

/// Clock cycles of the hart's clock per instruction. All assumed: a small in-order core.
struct CycleModel {
  unsigned base = 1;
  unsigned multiply = 3;
  unsigned divide = 20;
  unsigned fp = 4;
  unsigned fp_divide = 20;  ///< division and square root
  unsigned trap = 4;        ///< entering a handler
};

enum class StopReason {
  kLimit,        ///< the instructions or cycles asked for have passed
  kStep,         ///< step() has executed its instruction
  kWfi,          ///< waiting, no enabled interrupt is pending
  kBreakpoint,   ///< before the instruction at pc
  kWatchpoint,   ///< after the instruction that touched it; see watch_hit()
  kEbreak,       ///< at an ebreak that belongs to the debugger
  kStopRequest,  ///< request_stop()
};

enum class WatchKind { kRead, kWrite, kAccess };

struct WatchHit {
  std::uint64_t address = 0;  ///< of the access
  bool is_write = false;
};

/// What the last step() executed.
struct Retired {
  std::uint64_t pc = 0;
  std::uint32_t bits = 0;
  unsigned length = 0;
  Writes writes = Writes::kNothing;
  unsigned rd = 0;
  bool trapped = false;
};

class Hart {
 public:
  struct Config {
    std::uint64_t hart_id = 0;
    std::uint64_t reset_pc = 0x80000000;
    CycleModel cycles;
  };
  struct Counters {
    std::uint64_t traps = 0;  ///< synchronous exceptions
    std::uint64_t interrupts = 0;
    std::uint64_t waits = 0;         ///< WFI that found nothing pending
    std::uint64_t bus_accesses = 0;  ///< loads and stores that went over the bus
    std::uint64_t blocks_decoded = 0;
  };

  /// `bus` must outlive the hart.
  Hart(const Config& config, Bus& bus);
  Hart(const Hart&) = delete;
  Hart& operator=(const Hart&) = delete;

  void reset();

  /// Executes exactly `max_instructions` unless something stops it before. An instruction that traps counts
  /// here (so that a hart lost in traps still comes back), although minstret does not count it.
  StopReason run(std::uint64_t max_instructions);
  /// Executes until at least `cycles` have passed, overshooting by no more than one block.
  StopReason run_cycles(std::uint64_t cycles);
  /// Executes one instruction (or takes one trap), ignoring breakpoints.
  StopReason step();
  const Retired& last_step() const { return retired_; }

  /// Instructions retired and cycles passed since construction; CSR writes do not change them.
  std::uint64_t instructions() const { return instret_; }
  std::uint64_t cycles() const {
    return cycle_base_ - static_cast<std::uint64_t>(left_) - static_cast<std::uint64_t>(ahead_);
  }
  /// Time in which the hart waited: mcycle counts it.
  void add_cycles(std::uint64_t cycles) { cycle_base_ += cycles; }
  const Counters& counters() const { return counters_; }

  /// Drives an interrupt line. Same thread as run().
  void set_interrupt(Interrupt line, bool level);
  /// True if WFI would fall through.
  bool interrupt_pending() const { return (mip_ & mie_) != 0; }
  bool waiting() const { return waiting_; }
  /// Source of the time CSR.
  void set_time_source(std::function<std::uint64_t()> source) { time_source_ = std::move(source); }

  /// Forgets decoded instructions, e.g. after a debugger changed memory. Safe during a bus access.
  void flush_code();
  /// Forgets direct regions. Safe during a bus access.
  void flush_direct();

  // Debugger interface. Values are architectural state between two instructions.
  std::uint64_t x(unsigned i) const { return x_[i]; }
  void set_x(unsigned i, std::uint64_t value) {
    if (i != 0) x_[i] = value;
  }
  std::uint64_t f(unsigned i) const { return f_[i]; }
  void set_f(unsigned i, std::uint64_t value) { f_[i] = value; }
  std::uint64_t pc() const { return pc_; }
  void set_pc(std::uint64_t pc) { pc_ = pc & ~std::uint64_t{1}; }
  Privilege privilege() const { return privilege_; }
  /// nullopt: no such CSR. Ignores privilege, has no side effect.
  std::optional<std::uint64_t> read_csr(unsigned number) const;
  /// False: no such CSR or read-only.
  bool write_csr(unsigned number, std::uint64_t value);

  void set_breakpoint(std::uint64_t pc);
  void clear_breakpoint(std::uint64_t pc);
  void set_watchpoint(std::uint64_t address, std::uint64_t bytes, WatchKind kind);
  void clear_watchpoint(std::uint64_t address, std::uint64_t bytes, WatchKind kind);
  const WatchHit& watch_hit() const { return watch_hit_; }
  /// With a debugger attached, ebreak stops the hart instead of trapping.
  void set_ebreak_stops(bool stops) { ebreak_stops_ = stops; }
  /// Stops run() at the next block. From any thread.
  void request_stop() { attention_.fetch_or(kAttentionStop, std::memory_order_relaxed); }

 private:
  friend struct Interpreter;
  friend struct FpAccess;

  enum class Access { kOk, kTrap, kStop };
  enum Attention : std::uint32_t {
    kAttentionInterrupt = 1,
    kAttentionFlush = 2,
    kAttentionStop = 4,
    kAttentionHalt = 8,  ///< halt_reason_ says why
  };
  struct DirectEntry {
    std::uint64_t tag;     ///< page address; kNoTag if empty
    std::uint64_t addend;  ///< host address minus physical address
  };
  static constexpr std::uint64_t kPageBytes = 4096;
  static constexpr std::uint64_t kNoTag =
      8;  // never equal to a masked address: at most bits 0-2 and the page survive
  static constexpr std::size_t kDirectEntries = 256;
  struct Watch {
    std::uint64_t address, bytes;
    WatchKind kind;
  };

  // Running (hart.cpp).
  StopReason loop();
  bool attend(StopReason& reason);
  void stop_with(StopReason reason);
  void raise(std::uint64_t cause, std::uint64_t tval) {
    trap_cause_ = cause;
    trap_value_ = tval;
  }
  void enter_trap(std::uint64_t cause, std::uint64_t tval);
  void return_from_trap();
  bool interrupt_takeable() const;
  void notice_interrupts();
  Privilege data_privilege() const;
  void privilege_changed();

  // Blocks (blocks.cpp).
  Block* lookup(std::uint64_t pc);
  Block* build(std::uint64_t pc, Block* into, unsigned max_instructions, bool honour_breakpoints);
  enum class Fetch { kOk, kFault };
  Fetch fetch_parcel(std::uint64_t address, std::uint16_t& parcel);
  unsigned cost_of(const Decoded& d) const;

  // Data accesses (memory.cpp).
  Access load_slow(const Block& b, const Op& op, std::uint64_t address, void* out, unsigned bytes);
  Access store_slow(const Block& b, const Op& op, std::uint64_t address, const void* in, unsigned bytes);
  bool load_part(std::uint64_t address, void* out, unsigned bytes);
  bool store_part(std::uint64_t address, const void* in, unsigned bytes);
  Access load_reserved(const Block& b, const Op& op);
  Access store_conditional(const Block& b, const Op& op);
  Access amo(const Block& b, const Op& op);
  bool allowed(std::uint64_t address, unsigned bytes, AccessKind kind) const;
  const DirectRegion* region_at(std::uint64_t address, unsigned bytes);
  void fill_entry(std::array<DirectEntry, kDirectEntries>& table, const DirectRegion& region,
                  std::uint64_t address, AccessKind kind);
  void clear_direct_entries();
  bool check_watch(std::uint64_t address, unsigned bytes, bool is_write);
  void charge(std::uint64_t cycles) { left_ -= static_cast<std::int64_t>(cycles); }

  // CSRs (csr.cpp).
  bool execute_csr(const Op& op);
  bool csr_exists(unsigned number) const;
  bool csr_accessible(unsigned number, bool write) const;
  std::uint64_t csr_value(unsigned number) const;
  void csr_assign(unsigned number, std::uint64_t value);
  std::uint64_t mstatus() const;

  // Hot state first.
  std::uint64_t x_[33] = {};
  std::int64_t left_ = 0;      // cycles left of the current run; cycles() derives from it
  std::uint64_t instret_ = 0;  // counts a block when it is entered
  std::atomic<std::uint32_t> attention_{0};
  std::array<DirectEntry, kDirectEntries> load_entries_;
  std::array<DirectEntry, kDirectEntries> store_entries_;
  std::uint64_t f_[32] = {};
  std::uint8_t fflags_ = 0;
  std::uint8_t frm_ = 0;
  std::uint64_t pc_ = 0;
  std::uint64_t cycle_base_ = 0;
  std::int64_t ahead_ = 0;  // cycles that left_ already counts but that have not passed yet (mid-block)

  Config config_;
  Bus& bus_;
  BlockCache blocks_;
  Privilege privilege_ = kMachine;
  Privilege entries_privilege_ = kMachine;  // that load_entries_ and store_entries_ hold for
  bool waiting_ = false;
  std::uint64_t trap_cause_ = 0, trap_value_ = 0;

  std::uint64_t mstatus_ = 0, mie_ = 0, mip_ = 0, mtvec_ = 0, mscratch_ = 0, mepc_ = 0, mcause_ = 0,
                mtval_ = 0;
  std::uint64_t mcounteren_ = 0, menvcfg_ = 0;
  std::uint64_t mcycle_offset_ = 0, minstret_offset_ = 0;
  Pmp pmp_;
  std::function<std::uint64_t()> time_source_;

  bool reserved_ = false;
  std::uint64_t reserved_address_ = 0, reserved_value_ = 0;
  unsigned reserved_bytes_ = 0;

  std::vector<DirectRegion> regions_;
  std::array<std::uint8_t, 64> line_{};
  std::uint64_t line_address_ = ~std::uint64_t{0};

  StopReason halt_reason_ = StopReason::kLimit;
  std::set<std::uint64_t> breakpoints_;
  std::uint64_t pass_breakpoint_ = ~std::uint64_t{0};
  std::vector<Watch> watches_;
  WatchHit watch_hit_;
  bool ebreak_stops_ = false;
  Retired retired_;
  std::unique_ptr<std::uint64_t[]> scratch_;
  Counters counters_;
};

}  // namespace memwall::hart
