// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "link/flit.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "common/error.h"

namespace memwall::link {
namespace {

using CrcTables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr CrcTables make_crc_tables() {
  CrcTables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    tables[0][i] = crc;
  }
  for (std::size_t t = 1; t < 8; ++t) {
    for (std::uint32_t i = 0; i < 256; ++i) {
      tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 0xff];
    }
  }
  return tables;
}

constexpr CrcTables kCrcTables = make_crc_tables();

void put16(unsigned char* to, std::uint16_t value) {
  to[0] = static_cast<unsigned char>(value);
  to[1] = static_cast<unsigned char>(value >> 8);
}
void put32(unsigned char* to, std::uint32_t value) {
  put16(to, static_cast<std::uint16_t>(value));
  put16(to + 2, static_cast<std::uint16_t>(value >> 16));
}
std::uint16_t get16(const unsigned char* from) { return static_cast<std::uint16_t>(from[0] | from[1] << 8); }
std::uint32_t get32(const unsigned char* from) {
  return static_cast<std::uint32_t>(get16(from)) | static_cast<std::uint32_t>(get16(from + 2)) << 16;
}

}  // namespace

std::uint32_t crc32(const unsigned char* data, std::size_t bytes) {
  const CrcTables& t = kCrcTables;
  std::uint32_t crc = 0xffffffffu;
  for (; bytes >= 8; data += 8, bytes -= 8) {
    const std::uint32_t low = crc ^ get32(data);
    crc = t[7][low & 0xff] ^ t[6][low >> 8 & 0xff] ^ t[5][low >> 16 & 0xff] ^ t[4][low >> 24] ^
          t[3][data[4]] ^ t[2][data[5]] ^ t[1][data[6]] ^ t[0][data[7]];
  }
  for (; bytes > 0; ++data, --bytes) crc = crc >> 8 ^ t[0][(crc ^ *data) & 0xff];
  return ~crc;
}

WireFlit encode(const Flit& flit, unsigned flit_bytes) {
  WireFlit wire(flit_bytes);
  wire[0] = static_cast<unsigned char>(static_cast<unsigned>(flit.type) | (flit.last ? 4u : 0u) |
                                       (flit.signal & 31u) << 3);
  wire[1] = static_cast<unsigned char>(flit.payload.size() / 16);
  put16(&wire[2], flit.sequence);
  put16(&wire[4], flit.ack);
  put16(&wire[6], flit.credit_limit);
  put32(&wire[8], flit.offset);
  if (!flit.payload.empty()) std::memcpy(&wire[kHeaderBytes], flit.payload.data(), flit.payload.size());
  put32(&wire[flit_bytes - kCrcBytes], crc32(wire.data(), flit_bytes - kCrcBytes));
  return wire;
}

bool decode(const unsigned char* wire, std::size_t bytes, unsigned flit_bytes, Flit& flit) {
  if (bytes != flit_bytes) return false;
  if (get32(wire + flit_bytes - kCrcBytes) != crc32(wire, flit_bytes - kCrcBytes)) return false;
  const std::size_t length = std::size_t{wire[1]} * 16;
  if (length > flit_bytes - kHeaderBytes - kCrcBytes) return false;
  flit.type = static_cast<FlitType>(wire[0] & 3);
  if (flit.type == FlitType::kData && length == 0) return false;
  flit.last = (wire[0] & 4) != 0;
  flit.signal = wire[0] >> 3;
  flit.sequence = get16(wire + 2);
  flit.ack = get16(wire + 4);
  flit.credit_limit = get16(wire + 6);
  flit.offset = get32(wire + 8);
  flit.payload.assign(wire + kHeaderBytes, wire + kHeaderBytes + length);
  return true;
}

void check(const Config& config, const char* place) {
  const auto refuse = [&](const std::string& why) { throw ConfigError(place, why); };
  const unsigned overhead = kHeaderBytes + kCrcBytes;
  if (config.flit_bytes < overhead + 16 || config.flit_bytes > overhead + 255 * 16 ||
      config.payload_bytes() % 16 != 0) {
    refuse(
        fmt::format("flit_bytes is {}; accepted are {} plus 1 to 255 times 16", config.flit_bytes, overhead));
  }
  if (!(config.gbytes_per_s > 0 && config.gbytes_per_s <= 1e5)) refuse("gbytes_per_s must be in 0 to 100000");
  if (config.receive_buffer_flits < 1 || config.receive_buffer_flits > 16384) {
    refuse("receive_buffer_flits must be in 1 to 16384");
  }
  if (config.replay_window_flits < 1 || config.replay_window_flits > 16384) {
    refuse("replay_window_flits must be in 1 to 16384");
  }
  if (config.ack_every_flits < 1) refuse("ack_every_flits must be at least 1");
  const TimePs round_trip = 2 * (config.latency + config.flit_time()) + config.ack_delay;
  if (config.replay_timeout <= round_trip) {
    refuse(fmt::format("replay_timeout must be longer than a round trip of {} ps", round_trip));
  }
  if (config.train_interval == 0) refuse("train_interval must not be 0");
  if (config.tx_queue_messages < 1 || config.tx_queue_messages > 255)
    refuse("tx_queue_messages must be in 1 to 255");
  if (config.replay_limit > 255) refuse("replay_limit must be at most 255");
  if (config.fetch_bytes < 32 || config.fetch_bytes % 32 != 0) refuse("fetch_bytes must be a multiple of 32");
  if (!(config.flit_error_rate >= 0 && config.flit_error_rate <= 1))
    refuse("flit_error_rate must be in 0 to 1");
}

}  // namespace memwall::link
