// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What every memory target asks of a payload before it serves it, in the order of TLM-2.0 (IEEE 1666-2011,
/// 14.17): no byte enables, at least one byte, no streaming, all bytes inside. Not specified here: the
/// command, whose meaning with traffic that carries no data is in common/tlm_traffic.h.
#pragma once

#include <cstdint>
#include <tlm>

namespace memwall {

/// TLM_BYTE_ENABLE_ERROR, TLM_BURST_ERROR (no bytes, or streaming) or TLM_OK_RESPONSE.
inline tlm::tlm_response_status check_shape(const tlm::tlm_generic_payload& payload) {
  if (payload.get_byte_enable_ptr() != nullptr) return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
  const unsigned length = payload.get_data_length();
  if (length == 0 || payload.get_streaming_width() < length) return tlm::TLM_BURST_ERROR_RESPONSE;
  return tlm::TLM_OK_RESPONSE;
}

/// check_shape, then TLM_ADDRESS_ERROR unless every byte is in [0, size_bytes).
inline tlm::tlm_response_status check_payload(const tlm::tlm_generic_payload& payload,
                                              std::uint64_t size_bytes) {
  const tlm::tlm_response_status shape = check_shape(payload);
  if (shape != tlm::TLM_OK_RESPONSE) return shape;
  const std::uint64_t address = payload.get_address();
  const bool inside = address <= size_bytes && payload.get_data_length() <= size_bytes - address;
  return inside ? tlm::TLM_OK_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE;
}

}  // namespace memwall
