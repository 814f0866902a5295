// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The seam between the platform and a near-memory decode unit. Two implementations, chosen per scenario:
/// PnmTlm (transaction-level model) and PnmRtl (the Verilated rtl/pnm_decode behind AXI adapters). Same
/// registers (pnm/regs.toml), same descriptors (numerics/descriptor.toml), same memory port; firmware cannot
/// tell them apart, and every result word is the same.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <systemc>

#include <cstdint>
#include <memory>
#include <string>

#include "common/stats.h"
#include "common/time.h"

namespace memwall::pnm {

struct PnmConfig {
  TimePs clock_period_ps = 1000;   ///< unit clock; assumed 1 GHz
  std::uint64_t memory_base = 0;   ///< chip address of the stack's first byte; descriptors use chip addresses
  std::uint64_t memory_bytes = 0;  ///< size of the stack; anything else is a decode error
  TimePs register_access_ps = 5000;  ///< cost of one register access; assumed
  /// Energy of one multiply-add with f32 accumulation: 0.4 pJ, as published for 2-4 nm designs; one figure
  /// for all formats.
  double mac_pj = 0.4;
  bool functional = true;  ///< false: traffic without data (model only)
  std::string trace_file;  ///< RTL only: waveform file (.fst), empty for none
};

/// A unit under one HBM stack. `ctrl_tsock`: registers, 4-byte accesses, local addresses from 0.
/// `mem_isock`: reads and writes of its own stack, with stack-local addresses (descriptor address -
/// memory_base); bound to the HBM module's base-die port. An access outside the stack never leaves the unit:
/// BUS_ERROR. A TLM_GENERIC_ERROR_RESPONSE from memory is UNCORRECTABLE, any other error is BUS_ERROR.
class PnmUnit : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<PnmUnit> ctrl_tsock{"ctrl_tsock"};
  tlm_utils::simple_initiator_socket<PnmUnit> mem_isock{"mem_isock"};
  sc_core::sc_out<bool> irq_out{"irq_out"};

  ~PnmUnit() override = default;
  virtual void report(StatSink& sink) const = 0;
  /// Unit clock cycles in which the unit was busy, since the start.
  virtual std::uint64_t busy_cycles() const = 0;

 protected:
  explicit PnmUnit(const sc_core::sc_module_name& name) : sc_module(name) {}
};

std::unique_ptr<PnmUnit> make_pnm_tlm(const sc_core::sc_module_name& name, const PnmConfig& config);
std::unique_ptr<PnmUnit> make_pnm_rtl(const sc_core::sc_module_name& name, const PnmConfig& config);

}  // namespace memwall::pnm
