// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Parameters of one chip-to-chip port. Defaults describe a UCIe-class link between neighbouring chips of a
/// package.
#pragma once

#include <cstdint>

#include "common/time.h"

namespace memwall::link {

/// Bytes of a flit that are not payload: header and CRC (see flit.h).
inline constexpr unsigned kHeaderBytes = 12;
inline constexpr unsigned kCrcBytes = 4;

struct Config {
  unsigned chip_id = 0;  ///< told to the peer at training

  /// UCIe and CXL 3 use flits of 256 B. AXI-over-UCIe leaves 240 B of them for its payload, as we do.
  unsigned flit_bytes = 256;
  /// Raw bytes per direction and second, decimal. Source: RPU chiplet neighbour link, 256 GB/s, at most 10
  /// ns.
  double gbytes_per_s = 256;
  /// Last bit sent to flit accepted at the far end.
  TimePs latency = 10 * kPsPerNs;

  unsigned receive_buffer_flits = 64;    ///< credits; assumed
  unsigned replay_window_flits = 128;    ///< sent and not yet acknowledged; assumed
  unsigned ack_every_flits = 8;          ///< an acknowledgement waits for so many flits ...
  TimePs ack_delay = 20 * kPsPerNs;      ///< ... but no longer than this; assumed
  TimePs replay_timeout = 1 * kPsPerUs;  ///< without progress; assumed
  TimePs train_interval = 1 * kPsPerUs;  ///< between training flits until the peer answers; assumed
  unsigned replay_limit = 16;            ///< reset value of REPLAY_LIMIT

  unsigned tx_queue_messages = 8;
  std::uint32_t inbox_bytes = 1 << 20;  ///< size of the peer's inbox SRAM; messages past it are refused
  std::uint64_t inbox_base = 0;         ///< added to the offset of arriving bytes at inbox_isock
  unsigned fetch_bytes = 4096;          ///< one read of the transmit engine; two are on their way at most
  bool traffic_only = false;            ///< read and write memory without data (see common/tlm_traffic.h)

  /// UCIe standard package, published: 0.5 pJ/bit; between packages 4 to 5.
  double energy_pj_per_bit = 0.5;

  std::uint64_t seed = 1;
  double flit_error_rate = 0;     ///< probability that a sent flit gets 1 to 3 wrong bits
  TimePs dead_from = ~TimePs{0};  ///< everything sent from this time on is lost

  unsigned payload_bytes() const { return flit_bytes - kHeaderBytes - kCrcBytes; }
  TimePs flit_time() const {
    return static_cast<TimePs>(static_cast<double>(flit_bytes) / gbytes_per_s * 1000.0 + 0.5);
  }
  double peak_payload_gbytes_per_s() const { return gbytes_per_s * payload_bytes() / flit_bytes; }
};

/// Throws ConfigError, with `place` in front, when a value is impossible.
void check(const Config& config, const char* place);

}  // namespace memwall::link
