// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A TLM initiator for tests: reads and writes from sc_main, keeps the last response and the delay it cost.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <cstdint>
#include <cstring>
#include <systemc>
#include <tlm>

#include "common/tlm_traffic.h"

namespace memwall::testing_support {

class BusDriver : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<BusDriver> mem_isock{"mem_isock"};
  sc_core::sc_time start;  ///< local time at which accesses begin, relative to the kernel's
  sc_core::sc_time cost;   ///< of the last access
  tlm::tlm_response_status response = tlm::TLM_INCOMPLETE_RESPONSE;
  std::uint64_t address_after = 0;
  bool dmi_hint = false;
  std::uint64_t invalidated_first = 0, invalidated_last = 0;

  explicit BusDriver(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
    mem_isock.register_invalidate_direct_mem_ptr(this, &BusDriver::invalidate);
  }

  tlm::tlm_response_status access(tlm::tlm_command command, std::uint64_t address, void* data,
                                  unsigned length, unsigned streaming_width = 0) {
    tlm::tlm_generic_payload payload;
    prepare(payload, command, address, data, length);
    if (streaming_width != 0) payload.set_streaming_width(streaming_width);
    return send(payload);
  }
  tlm::tlm_response_status with_byte_enables(tlm::tlm_command command, std::uint64_t address, void* data,
                                             unsigned length) {
    unsigned char enables[1] = {0xff};
    tlm::tlm_generic_payload payload;
    prepare(payload, command, address, data, length);
    payload.set_byte_enable_ptr(enables);
    payload.set_byte_enable_length(1);
    return send(payload);
  }
  /// An access that moves no data (TrafficExtension).
  tlm::tlm_response_status traffic(bool is_write, std::uint64_t address, unsigned length) {
    tlm::tlm_generic_payload payload;
    TrafficExtension extension;
    extension.is_write = is_write;
    prepare(payload, tlm::TLM_IGNORE_COMMAND, address, nullptr, length);
    payload.set_extension(&extension);
    send(payload);
    payload.clear_extension(&extension);
    return response;
  }
  template <class T>
  T read(std::uint64_t address) {
    T value{};
    access(tlm::TLM_READ_COMMAND, address, &value, sizeof value);
    return value;
  }
  template <class T>
  void write(std::uint64_t address, T value) {
    access(tlm::TLM_WRITE_COMMAND, address, &value, sizeof value);
  }
  std::uint32_t read32(std::uint64_t address) { return read<std::uint32_t>(address); }
  void write32(std::uint64_t address, std::uint32_t value) { write(address, value); }
  bool ok() const { return response == tlm::TLM_OK_RESPONSE; }

  unsigned debug(tlm::tlm_command command, std::uint64_t address, void* data, unsigned length) {
    tlm::tlm_generic_payload payload;
    prepare(payload, command, address, data, length);
    const unsigned served = mem_isock->transport_dbg(payload);
    address_after = payload.get_address();
    return served;
  }
  bool dmi(std::uint64_t address, tlm::tlm_dmi& region) {
    tlm::tlm_generic_payload payload;
    prepare(payload, tlm::TLM_READ_COMMAND, address, nullptr, 8);
    region.init();
    return mem_isock->get_direct_mem_ptr(payload, region);
  }

 private:
  static void prepare(tlm::tlm_generic_payload& payload, tlm::tlm_command command, std::uint64_t address,
                      void* data, unsigned length) {
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(static_cast<unsigned char*>(data));
    payload.set_data_length(length);
    payload.set_streaming_width(length);
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  }
  tlm::tlm_response_status send(tlm::tlm_generic_payload& payload) {
    sc_core::sc_time delay = start;
    mem_isock->b_transport(payload, delay);
    cost = delay - start;
    response = payload.get_response_status();
    address_after = payload.get_address();
    dmi_hint = payload.is_dmi_allowed();
    return response;
  }
  void invalidate(sc_dt::uint64 first, sc_dt::uint64 last) {
    invalidated_first = first;
    invalidated_last = last;
  }
};

}  // namespace memwall::testing_support
