// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// On-chip memory: boot ROM, TCM, mailbox RAM. Fixed latency plus an optional bandwidth; one access does not
/// delay another (no port conflict). Grants DMI if asked to. Not modelled: ECC, banks, byte enables
/// (refused).
#pragma once

#include <tlm_utils/simple_target_socket.h>
#include <cstdint>
#include <systemc>
#include <tlm>
#include <vector>

#include "common/stats.h"

namespace memwall::soc {

class Ram : public sc_core::sc_module {
 public:
  struct Config {
    std::uint64_t size_bytes = 1024 * 1024;
    double latency_ns = 1.0;            ///< of any access (assumed: one cycle at 1 GHz)
    double bandwidth_gbytes_per_s = 0;  ///< added bytes / bandwidth; 0: none
    bool read_only = false;             ///< ROM: writes get TLM_COMMAND_ERROR; transport_dbg still loads it
    bool grant_dmi = true;
  };

  tlm_utils::simple_target_socket<Ram> mem_tsock;

  Ram(const sc_core::sc_module_name& name, const Config& config);

  std::uint64_t size_bytes() const { return data_.size(); }
  void report(StatSink& sink) const;

  /// What mem_tsock does; for a module that owns the memory and has a second way in.
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned transport_dbg(tlm::tlm_generic_payload& payload);

 private:
  bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi);
  tlm::tlm_response_status serve(tlm::tlm_generic_payload& payload);

  Config config_;
  std::vector<unsigned char> data_;
  sc_core::sc_time latency_;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t bytes_written_ = 0;
};

}  // namespace memwall::soc
