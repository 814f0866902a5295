// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Serves TLM payloads from a register bank. Legal: 4 or 8 aligned bytes; 8 bytes are two registers, the
/// lower one first, and both must exist or neither is touched. Errors are TLM responses: other sizes
/// TLM_BURST_ERROR, undefined or unaligned offsets TLM_ADDRESS_ERROR, byte enables TLM_BYTE_ENABLE_ERROR.
/// Time is the caller's affair.
#pragma once

#include <cstdint>
#include <cstring>
#include <tlm>

#include "common/register_bank.h"

namespace memwall {

/// Runs `payload` on `bank` and sets its response. The payload's address is the offset in the block.
inline void serve_registers(RegisterBank& bank, tlm::tlm_generic_payload& payload) {
  if (payload.get_byte_enable_ptr() != nullptr) {
    payload.set_response_status(tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
    return;
  }
  const unsigned length = payload.get_data_length();
  if ((length != 4 && length != 8) || payload.get_streaming_width() < length) {
    payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
    return;
  }
  const std::uint64_t address = payload.get_address();
  bool ok = address % length == 0 && address <= 0xffffffffu - (length - 1);
  const auto offset = static_cast<std::uint32_t>(address);
  for (unsigned at = 0; ok && at < length; at += 4) ok = bank.defined(offset + at);
  if (!ok) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  for (unsigned at = 0; at < length; at += 4) {
    std::uint32_t value = 0;
    if (payload.is_write()) {
      std::memcpy(&value, payload.get_data_ptr() + at, 4);
      bank.write(offset + at, value);
    } else if (payload.is_read()) {
      bank.read(offset + at, value);
      std::memcpy(payload.get_data_ptr() + at, &value, 4);
    }
  }
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

/// transport_dbg: any length and alignment, reads only, undefined registers read 0. Returns the bytes served.
inline unsigned debug_registers(const RegisterBank& bank, tlm::tlm_generic_payload& payload) {
  if (!payload.is_read()) return 0;
  for (unsigned i = 0; i < payload.get_data_length(); ++i) {
    const std::uint64_t address = payload.get_address() + i;
    std::uint32_t value = 0;
    if (address <= 0xffffffffu) bank.debug_read(static_cast<std::uint32_t>(address) & ~3u, value);
    payload.get_data_ptr()[i] = static_cast<unsigned char>(value >> (8 * (address & 3)));
  }
  return payload.get_data_length();
}

}  // namespace memwall
