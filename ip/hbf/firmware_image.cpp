// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/firmware_image.h"

#include <algorithm>

namespace memwall::hbf {
namespace {

constexpr std::uint32_t kMagic = 0x57464248;
constexpr std::uint64_t kKey = 0x6d656d77616c6c00;  // public: see the header
constexpr std::size_t kSignatureAt = 24;

std::uint64_t load(const std::vector<std::uint8_t>& bytes, std::size_t at, unsigned count) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < count; ++i) value |= std::uint64_t{bytes[at + i]} << (8 * i);
  return value;
}

void store(std::vector<std::uint8_t>& bytes, std::size_t at, std::uint64_t value, unsigned count) {
  for (unsigned i = 0; i < count; ++i) bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

// FNV-1a with the key as prefix.
std::uint64_t signature(const std::vector<std::uint8_t>& image, std::size_t payload) {
  std::uint64_t hash = 0xcbf29ce484222325 ^ kKey;
  const auto take = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (std::size_t i = 0; i < kSignatureAt; ++i) take(image[i]);
  payload = std::min(payload, image.size() - kFirmwareHeaderBytes);
  for (std::size_t i = 0; i < payload; ++i) take(image[kFirmwareHeaderBytes + i]);
  return hash;
}

std::size_t padded(std::size_t bytes) {
  return (bytes + kFirmwareTransferBytes - 1) / kFirmwareTransferBytes * kFirmwareTransferBytes;
}

}  // namespace

std::uint32_t firmware_crc(const std::uint8_t* bytes, std::size_t size) {
  std::uint32_t crc = ~0u;
  for (std::size_t i = 0; i < size; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1u) != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

std::vector<std::uint8_t> make_firmware_image(FirmwareTarget target, std::uint32_t version,
                                              const std::vector<std::uint8_t>& payload) {
  std::vector<std::uint8_t> image(padded(kFirmwareHeaderBytes + payload.size()));
  store(image, 0, kMagic, 4);
  store(image, 4, 1, 4);
  store(image, 8, static_cast<std::uint32_t>(target), 4);
  store(image, 12, version & 0xffffffu, 4);
  store(image, 16, payload.size(), 4);
  store(image, 20, firmware_crc(payload.data(), payload.size()), 4);
  std::copy(payload.begin(), payload.end(),
            image.begin() + static_cast<std::ptrdiff_t>(kFirmwareHeaderBytes));
  sign_firmware_image(image);
  return image;
}

void sign_firmware_image(std::vector<std::uint8_t>& image) {
  store(image, kSignatureAt, signature(image, load(image, 16, 4)), 8);
}

FirmwareStatus check_firmware_image(FirmwareTarget target, const std::vector<std::uint8_t>& image) {
  if (image.size() < kFirmwareHeaderBytes) return FirmwareStatus::kBadLength;
  const std::uint64_t payload = load(image, 16, 4);
  if (load(image, 0, 4) != kMagic || load(image, 4, 4) != 1 ||
      load(image, 8, 4) != static_cast<std::uint32_t>(target) || load(image, 12, 4) >> 24 != 0 ||
      payload == 0 || payload > kFirmwareMaxPayload) {
    return FirmwareStatus::kBadHeader;
  }
  if (image.size() != padded(kFirmwareHeaderBytes + payload)) return FirmwareStatus::kBadLength;
  if (load(image, kSignatureAt, 8) != signature(image, payload)) return FirmwareStatus::kBadSignature;
  if (load(image, 20, 4) != firmware_crc(image.data() + kFirmwareHeaderBytes, payload)) {
    return FirmwareStatus::kBadCrc;
  }
  return FirmwareStatus::kCommitted;
}

std::uint32_t firmware_version(const std::vector<std::uint8_t>& image) {
  return static_cast<std::uint32_t>(load(image, 12, 4));
}

}  // namespace memwall::hbf
