// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What crosses an HBF channel's AXI port: commands, responses, the nine USER bits and the status codes of
/// the OCP HBF architecture specification v0.7.0 (5.2, tables 8 and 10 to 13). Plain data, no model. Names
/// follow the specification (AR, AW, R, B, USER); a field is `user` for all four channels.
#pragma once

#include <cstdint>

#include "common/time.h"

namespace memwall::hbf {

/// One NAND page and one device logical unit, DLU (specification 4.6).
inline constexpr std::uint64_t kPageBytes = 4096;
/// One beat; the smallest unit that crosses the link (specification 4.1).
inline constexpr std::uint64_t kChunkBytes = 64;
inline constexpr unsigned kChunksPerPage = 64;
inline constexpr unsigned kIdBits = 14;
inline constexpr unsigned kAddressBits = 36;
inline constexpr unsigned kUserBits = 9;
inline constexpr TimePs kNever = ~TimePs{0};

/// xUSER[1:0], echoed in the response.
enum class Packet : std::uint8_t { kFlash = 0, kScratchpad = 1, kAdmin = 2, kReserved = 3 };

/// RUSER[5:2] of a flash or scratchpad read.
enum class ReadStatus : std::uint8_t {
  kOk = 0x0,
  kOutOfRange = 0x1,     ///< beyond the capacity, or retired
  kRestricted = 0x2,     ///< temporarily restricted range; info vendor-defined
  kUndefinedUser = 0x3,  ///< also misaligned, crossing or too long, by Readings::crossing
  kUncorrectable = 0x4,  ///< refresh the block; info 1 read count, 2 block health
  kCorrectedHigh = 0x5,  ///< data valid, refresh recommended; info 1 read count, 2 block health
  kRetryWanted = 0x6,    ///< host-driven retry: info is the stage to ask for
  kErased = 0x7,
  kUnusable = 0x8,      ///< info 1 block, 2 bank, 3 die, 4 channel
  kBlocked = 0x9,       ///< die temporarily blocked; info 1 severe throttling
  kPendingChunk = 0xA,  ///< a chunk that an open DLU has not received yet
  kVendorD = 0xD,
  kVendorE = 0xE,
  kVendorF = 0xF,
};

/// BUSER[5:2] of a flash or scratchpad write.
enum class WriteStatus : std::uint8_t {
  kOk = 0x0,  ///< programmed
  kOutOfRange = 0x1,
  kOverlap = 0x2,  ///< chunk already pending, or page already in NAND
  kUndefinedUser = 0x3,
  kOpenLimit = 0x4,  ///< too many open DLUs
  kGatherTimeout = 0x5,
  kOrderViolation = 0x6,  ///< info 1 page skipped, 2 earlier page failed to program
  kProgramFail = 0x7,     ///< replay the block from page 0
  kUnusable = 0x8,        ///< info 1 block, 2 bank, 3 die, 4 channel
  kBlocked = 0x9,         ///< info 1 severe throttling
  kVendorD = 0xD,
  kVendorE = 0xE,
  kVendorF = 0xF,
};

/// USER fields. Bits that a command's packet type does not define must be 0.
namespace user {
constexpr Packet packet(std::uint32_t user) { return static_cast<Packet>(user & 3u); }
constexpr bool bit2(std::uint32_t user) { return (user >> 2 & 1u) != 0; }
constexpr unsigned status(std::uint32_t user) { return user >> 2 & 15u; }
constexpr unsigned info(std::uint32_t user) { return user >> 6 & 7u; }
/// ARUSER[8:6]: read-retry stage.
constexpr unsigned stage(std::uint32_t user) { return user >> 6 & 7u; }
/// A flash read; `batch` is bit 2 (gap 3).
constexpr std::uint16_t flash_read(bool batch = false, unsigned stage = 0) {
  return static_cast<std::uint16_t>((batch ? 4u : 0u) | stage << 6);
}
constexpr std::uint16_t flash_write() { return 0; }
constexpr std::uint16_t scratchpad() { return 1; }
/// Bit 2 chooses MMIO for register access.
constexpr std::uint16_t admin(bool mmio = false) { return static_cast<std::uint16_t>(mmio ? 6u : 2u); }
constexpr std::uint16_t response(Packet packet, unsigned status, unsigned info) {
  return static_cast<std::uint16_t>(static_cast<unsigned>(packet) | status << 2 | info << 6);
}
}  // namespace user

/// Admin opcodes, xADDR[7:0] (specification 5.2.4).
enum class Opcode : std::uint8_t {
  kSetFeature = 0x01,       // AW
  kGetFeature = 0x02,       // AR
  kSecureErase = 0x03,      // AW
  kGetLogPage = 0x04,       // AR
  kBist = 0x07,             // AW
  kZoneRemap = 0x08,        // AW
  kReadUcieErrors = 0x09,   // AR
  kReducedCapacity = 0x0A,  // AR
  kRegister = 0x20,         // AR, AW
};

/// One AR, or one AW with its W beats.
struct Command {
  std::uint64_t cookie = 0;  ///< the caller's, returned in the response
  bool is_write = false;
  std::uint8_t port = 0;
  std::uint16_t id = 0;    ///< 14 bits
  std::uint8_t len = 0;    ///< beats - 1 (xLEN)
  std::uint16_t user = 0;  ///< 9 bits
  /// 36 bits. Flash and scratchpad: port-local byte address (gap 1: bytes, not 64 B units). Admin: [7:0]
  /// opcode, the rest its arguments.
  std::uint64_t address = 0;
  /// (len + 1) * 64 bytes. A write's are taken at submit(); a read's are there when the response is. Null:
  /// traffic without data, same timing (not for admin commands that carry data).
  std::uint8_t* data = nullptr;

  unsigned beats() const { return len + 1u; }
};

/// The last R beat, or B, as the host receives it.
struct Response {
  std::uint64_t cookie = 0;
  unsigned channel = 0;
  TimePs at = 0;          ///< last beat at the host
  TimePs first_beat = 0;  ///< first beat at the host; reads only, else `at`
  bool is_write = false;
  std::uint8_t port = 0;
  std::uint16_t id = 0;
  std::uint16_t user = 0;
  std::uint8_t resp = 0;  ///< xRESP: 0 OKAY if the data are valid or programmed, 2 SLVERR (gap 24)

  unsigned status() const { return user::status(user); }
  unsigned info() const { return user::info(user); }
};

}  // namespace memwall::hbf
