// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// One timed access as a blocking TLM transaction, for the shells of the engines.
#pragma once

#include <systemc>
#include <tlm>

#include <cstdint>

#include "common/sc_time.h"
#include "common/tlm_traffic.h"
#include "engine/memory_port.h"

namespace memwall::engine {

/// Issues an access at `at` and returns when it is done. A TLM_GENERIC_ERROR_RESPONSE is UNCORRECTABLE, any
/// other error BUS_ERROR, both with `fault_address` (the address before a shell made it local). May wait if
/// the target waits.
template <class Socket>
AccessResult tlm_access(Socket& socket, bool is_write, std::uint64_t address, void* data, std::uint32_t bytes,
                        TimePs at, std::uint64_t fault_address) {
  tlm::tlm_generic_payload payload;
  TrafficExtension traffic;
  unsigned char unused[8] = {};
  payload.set_address(address);
  payload.set_data_length(bytes);
  payload.set_streaming_width(bytes);
  payload.set_byte_enable_ptr(nullptr);
  payload.set_dmi_allowed(false);
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  if (data != nullptr) {
    payload.set_command(is_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    payload.set_data_ptr(static_cast<unsigned char*>(data));
  } else {
    traffic.is_write = is_write;
    payload.set_command(tlm::TLM_IGNORE_COMMAND);
    payload.set_data_ptr(unused);
    payload.set_extension(&traffic);
  }
  const TimePs now = to_ps(sc_core::sc_time_stamp());
  sc_core::sc_time delay = to_sc(at > now ? at - now : 0);
  socket->b_transport(payload, delay);
  payload.clear_extension(&traffic);
  AccessResult result;
  result.done = to_ps(sc_core::sc_time_stamp()) + to_ps(delay);
  if (payload.get_response_status() != tlm::TLM_OK_RESPONSE) {
    const bool generic = payload.get_response_status() == tlm::TLM_GENERIC_ERROR_RESPONSE;
    result.outcome = {generic ? Status::kUncorrectable : Status::kBusError, fault_address};
  }
  return result;
}

}  // namespace memwall::engine
