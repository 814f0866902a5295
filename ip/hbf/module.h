// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// SystemC shell of one HBF controller with its cube: sockets, contents and registers around hbf::Core.
/// Loosely timed by b_transport, which adds the access time to its delay argument and never waits;
/// approximately timed by nb_transport in four phases, with any number of commands outstanding. Both share
/// core and times.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <map>
#include <memory>
#include <systemc>

#include "common/sparse_memory.h"
#include "common/stats.h"
#include "hbf/core.h"

namespace memwall::hbf {

/// Data addresses are cube-local bytes from 0. Payloads may have any length and alignment; reads are charged
/// in 64 B chunks, writes must be whole aligned pages. A failed access answers TLM_GENERIC_ERROR
/// (TLM_ADDRESS_ERROR beyond the capacity) and leaves code, info and address in STATUS and FAULT_ADDRESS;
/// bytes of pages that failed to read are all ones. transport_dbg writes count as contents programmed before
/// the simulation, and may start and end anywhere; an ignore command with a TrafficExtension write marks its
/// range as programmed without contents.
class HbfModule : public sc_core::sc_module {
 public:
  HbfModule(const sc_core::sc_module_name& name, const Config& config);
  ~HbfModule() override;

  tlm_utils::simple_target_socket<HbfModule> data_tsock;
  tlm_utils::simple_target_socket<HbfModule> ctrl_tsock;

  const Core& core() const { return core_; }
  void inject(const Fault& fault) { core_.inject(fault); }
  void report(StatSink& sink) const;

 private:
  class Registers;

  void data_b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  tlm::tlm_sync_enum data_nb_transport(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay);
  void respond_process();
  void end_response(tlm::tlm_generic_payload& payload, const sc_core::sc_time& delay);
  unsigned data_transport_dbg(tlm::tlm_generic_payload& payload);
  void ctrl_b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned ctrl_transport_dbg(tlm::tlm_generic_payload& payload);

  TimePs read(TimePs arrival, std::uint64_t address, std::uint64_t bytes, unsigned char* out,
              Completion& first_failure);
  TimePs write(TimePs arrival, std::uint64_t address, std::uint64_t bytes, const unsigned char* in,
               Completion& first_failure);
  void erase_contents(std::uint64_t address);
  void update_counter_registers();

  Core core_;
  SparseMemory contents_;
  std::unique_ptr<Registers> registers_;
  std::multimap<TimePs, tlm::tlm_generic_payload*> responses_;  // non-blocking, by the time they are due
  bool responding_ = false;                                     // BEGIN_RESP sent, END_RESP not yet here
  TimePs response_free_ = 0;                                    // time of the last END_RESP
  sc_core::sc_event respond_event_;
};

}  // namespace memwall::hbf
