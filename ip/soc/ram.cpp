// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "soc/ram.h"

#include <algorithm>
#include <cstring>

#include "common/tlm_check.h"
#include "common/tlm_traffic.h"

namespace memwall::soc {

Ram::Ram(const sc_core::sc_module_name& name, const Config& config)
    : sc_core::sc_module(name),
      mem_tsock("mem_tsock"),
      config_(config),
      data_(config.size_bytes),
      latency_(config.latency_ns, sc_core::SC_NS) {
  mem_tsock.register_b_transport(this, &Ram::b_transport);
  mem_tsock.register_transport_dbg(this, &Ram::transport_dbg);
  mem_tsock.register_get_direct_mem_ptr(this, &Ram::get_direct_mem_ptr);
}

tlm::tlm_response_status Ram::serve(tlm::tlm_generic_payload& payload) {
  const std::uint64_t address = payload.get_address();
  const unsigned length = payload.get_data_length();
  const Access access = access_of(payload);
  const tlm::tlm_response_status status = check_payload(payload, data_.size());
  if (status != tlm::TLM_OK_RESPONSE) return status;
  if (!access.valid) return tlm::TLM_OK_RESPONSE;
  if (access.is_write && config_.read_only) return tlm::TLM_COMMAND_ERROR_RESPONSE;
  (access.is_write ? bytes_written_ : bytes_read_) += length;
  if (!access.has_data) return tlm::TLM_OK_RESPONSE;
  unsigned char* mine = data_.data() + address;
  if (access.is_write) {
    std::memcpy(mine, payload.get_data_ptr(), length);
  } else {
    std::memcpy(payload.get_data_ptr(), mine, length);
  }
  return tlm::TLM_OK_RESPONSE;
}

void Ram::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  delay += latency_;
  if (config_.bandwidth_gbytes_per_s > 0) {
    delay += sc_core::sc_time(payload.get_data_length() / config_.bandwidth_gbytes_per_s, sc_core::SC_NS);
  }
  const tlm::tlm_response_status status = serve(payload);
  payload.set_dmi_allowed(config_.grant_dmi && status == tlm::TLM_OK_RESPONSE);
  payload.set_response_status(status);
}

unsigned Ram::transport_dbg(tlm::tlm_generic_payload& payload) {
  const std::uint64_t address = payload.get_address();
  if (address >= data_.size()) return 0;
  const auto length =
      static_cast<unsigned>(std::min<std::uint64_t>(payload.get_data_length(), data_.size() - address));
  if (payload.is_read()) {
    std::memcpy(payload.get_data_ptr(), data_.data() + address, length);
  } else if (payload.is_write()) {
    std::memcpy(data_.data() + address, payload.get_data_ptr(), length);
  } else {
    return 0;
  }
  return length;
}

bool Ram::get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
  dmi.init();
  if (payload.get_address() >= data_.size()) {
    dmi.set_start_address(data_.size());  // what is refused
    return false;
  }
  dmi.set_start_address(0);
  dmi.set_end_address(data_.size() - 1);
  if (!config_.grant_dmi || (payload.is_write() && config_.read_only)) return false;
  dmi.set_dmi_ptr(data_.data());
  dmi.set_read_latency(latency_);
  dmi.set_write_latency(latency_);
  if (config_.read_only) {
    dmi.allow_read();
  } else {
    dmi.allow_read_write();
  }
  return true;
}

void Ram::report(StatSink& sink) const {
  sink.count("bytes_read", bytes_read_, "bytes", "Bytes read by transactions (not through DMI).");
  sink.count("bytes_written", bytes_written_, "bytes", "Bytes written by transactions (not through DMI).");
}

}  // namespace memwall::soc
