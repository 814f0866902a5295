// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Image of a base die's firmware as the IEEE 1500 update takes it (specification 8.8 leaves the format to
/// the vendor; this one is ours). Little endian:
///
/// | bytes | field |
/// |---|---|
/// | 0-3 | magic 0x57464248 ("HBFW") |
/// | 4-7 | header version, 1 |
/// | 8-11 | target: 0 mission firmware, 1 self-test firmware |
/// | 12-15 | image version, 24 bits |
/// | 16-19 | payload bytes, 1 to 1 MiB |
/// | 20-23 | CRC-32 (IEEE 802.3) of the payload |
/// | 24-31 | signature of bytes 0 to 23 and the payload |
/// | 32- | payload, then zeros up to a multiple of kFirmwareTransferBytes |
///
/// The signature is a keyed 64-bit hash with a key that is public: it stands for ECDSA or RSA, so that the
/// checks and their order can be exercised, and protects nothing.
#pragma once

#include <cstdint>
#include <vector>

namespace memwall::hbf {

enum class FirmwareTarget : std::uint32_t { kMission = 0, kSelfTest = 1 };

/// One DATA shift: 32 words of 8 bytes.
inline constexpr std::size_t kFirmwareTransferBytes = 256;
inline constexpr std::size_t kFirmwareHeaderBytes = 32;
inline constexpr std::size_t kFirmwareMaxPayload = std::size_t{1} << 20;

/// IEEE 1500 GET_STATUS (0x36), eight bits; ours.
enum class FirmwareStatus : std::uint8_t {
  kIdle = 0x00,
  kReceiving = 0x01,  ///< START taken
  kBusy = 0x02,       ///< COMMIT: NVM is being written, or a self-test runs
  kCommitted = 0x03,  ///< becomes active with HBF_RESET (mission) or at once (self-test)
  kTestDone = 0x04,   ///< GET_RESULT has the results
  // Errors; the image that was active stays so.
  kBadTarget = 0x81,
  kBadHeader = 0x82,
  kBadSignature = 0x83,
  kBadCrc = 0x84,
  kBadSequence = 0x85,  ///< no START, a channel enabled, or busy
  kBadLength = 0x86,    ///< a DATA shift that is not 32 words, or too many, too few
  kNoSelfTest = 0x87,   ///< SW_BIST_EXECUTE without self-test firmware
};

std::uint32_t firmware_crc(const std::uint8_t* bytes, std::size_t size);

/// A valid image, padded; version is cut to 24 bits.
std::vector<std::uint8_t> make_firmware_image(FirmwareTarget target, std::uint32_t version,
                                              const std::vector<std::uint8_t>& payload);

/// Signs whatever header and payload say.
void sign_firmware_image(std::vector<std::uint8_t>& image);
/// kCommitted if everything about `image` is right, else the first error: header, length, signature, CRC.
FirmwareStatus check_firmware_image(FirmwareTarget target, const std::vector<std::uint8_t>& image);
std::uint32_t firmware_version(const std::vector<std::uint8_t>& image);

}  // namespace memwall::hbf
