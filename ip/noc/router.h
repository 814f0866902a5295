// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The SystemC module around RouterCore: init_tsock[i] for initiators, targ_isock[j] for targets. Addresses
/// are translated to offsets at the target and restored before the call returns; for the time of the call the
/// payload carries the initiator's index (common/tlm_source.h). b_transport only on the way
/// out (an initiator that uses nb_transport is converted by its socket). DMI and debug pass through; a
/// request that nothing answers, or that crosses the end of its range, gets TLM_ADDRESS_ERROR_RESPONSE.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <cstdint>
#include <systemc>
#include <tlm>

#include "noc/core.h"

namespace memwall::noc {

class Router : public sc_core::sc_module {
 public:
  using Config = RouterConfig;

  sc_core::sc_vector<tlm_utils::simple_target_socket_tagged<Router>> init_tsock;
  sc_core::sc_vector<tlm_utils::simple_initiator_socket_tagged<Router>> targ_isock;

  Router(const sc_core::sc_module_name& name, const Config& config);

  void report(StatSink& sink) const { core_.report(sink); }

 private:
  void b_transport(int initiator, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned transport_dbg(int initiator, tlm::tlm_generic_payload& payload);
  bool get_direct_mem_ptr(int initiator, tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi);
  void invalidate_direct_mem_ptr(int target, sc_dt::uint64 first, sc_dt::uint64 last);

  RouterCore core_;
  std::vector<std::vector<Range>> ranges_;  ///< by target
};

}  // namespace memwall::noc
