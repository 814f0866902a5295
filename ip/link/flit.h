// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What travels on the wire: flits of a fixed size, little-endian.
///
///     byte 0       type[1:0], last[2], signal[7:3]
///     byte 1       payload length in units of 16 B (data flits)
///     bytes 2-3    sequence number (data), session (init)
///     bytes 4-5    acknowledgement: the sequence number expected next; chip id (init)
///     bytes 6-7    credit limit: first sequence number that may not be sent yet
///     bytes 8-11   byte offset in the receiver's inbox (data), session that is answered (init)
///     bytes 12..   payload, padded with zeros
///     last 4       CRC-32 (IEEE 802.3) over everything before
///
/// The layout is ours, in the spirit of UCIe (256 B flits with sequence number, acknowledgement and CRC);
/// UCIe itself uses two 16-bit CRCs, each over 128 B.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "link/config.h"

namespace memwall::link {

enum class FlitType : std::uint8_t {
  kInit = 0,  ///< training; signal bit 0 set: an answer
  kData = 1,
  kAck = 2,
  kNak = 3,  ///< asks for everything from `ack` on, and for an acknowledgement
};

struct Flit {
  FlitType type = FlitType::kAck;
  bool last = false;        ///< data: the message ends here
  std::uint8_t signal = 0;  ///< data: raised after the last byte, 0 to 31
  std::uint16_t sequence = 0;
  std::uint16_t ack = 0;
  std::uint16_t credit_limit = 0;
  std::uint32_t offset = 0;
  std::vector<unsigned char> payload;  ///< a multiple of 16 B
};

using WireFlit = std::vector<unsigned char>;

std::uint32_t crc32(const unsigned char* data, std::size_t bytes);

/// `flit_bytes` bytes.
WireFlit encode(const Flit& flit, unsigned flit_bytes);
/// False if size, CRC or length are wrong, or a data flit is empty.
bool decode(const unsigned char* wire, std::size_t bytes, unsigned flit_bytes, Flit& flit);

}  // namespace memwall::link
