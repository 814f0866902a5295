// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Traffic without data. With `data = "none"` tensor regions have no bytes: engines send TLM_IGNORE_COMMAND
/// with this extension, and a memory answers with the timing, the counters and the errors that the read or
/// write would have had, without touching contents. See TLM-2.0 (IEEE 1666-2011, 14.7): an ignore command
/// with an extension is the standard's own way to say this.
#pragma once

#include <tlm>

namespace memwall {

/// Set on a TLM_IGNORE_COMMAND payload; the payload's data pointer is not used.
struct TrafficExtension : tlm::tlm_extension<TrafficExtension> {
  bool is_write = false;
  tlm::tlm_extension_base* clone() const override { return new TrafficExtension(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    *this = static_cast<const TrafficExtension&>(other);
  }
};

/// What a payload asks for, whether or not it carries data.
struct Access {
  bool valid = true;  ///< false: a plain ignore command, nothing to do
  bool is_write = false;
  bool has_data = true;  ///< false: timing only
};

inline Access access_of(tlm::tlm_generic_payload& payload) {
  switch (payload.get_command()) {
    case tlm::TLM_READ_COMMAND:
      return {true, false, true};
    case tlm::TLM_WRITE_COMMAND:
      return {true, true, true};
    default:
      break;
  }
  if (const auto* traffic = payload.get_extension<TrafficExtension>())
    return {true, traffic->is_write, false};
  return {false, false, false};
}

}  // namespace memwall
