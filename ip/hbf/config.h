// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What a High Bandwidth Flash cube is made of, and how a preset file describes it. Plain data, no model.
/// Words follow the OCP HBF architecture specification v0.7.0 (cube, channel, die, bank = plane, DLU = page).
/// tR, tPROG, tBERS, energy and the number of planes are vendor-defined there, so they come from a preset.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/time.h"

namespace memwall::hbf {

/// One NAND page and one device logical unit (specification 4.6).
inline constexpr std::uint64_t kPageBytes = 4096;
/// Smallest unit that crosses the link (specification 4.1).
inline constexpr std::uint64_t kChunkBytes = 64;

/// Media times; datasheet spelling.
struct Timing {
  TimePs tR = 1 * kPsPerUs;      ///< one page sense
  TimePs tPROG = 75 * kPsPerUs;  ///< one page program
  TimePs tBERS = 2 * kPsPerMs;   ///< one block erase
  TimePs tECC = 100 * kPsPerNs;  ///< decode of one page, pipelined behind the sense
  TimePs tRETRY = 1 * kPsPerUs;  ///< one more sense with shifted read voltages
};

enum class FaultKind : std::uint8_t { kNone, kCorrected, kRetry, kUncorrectable, kProgramFail };

/// A fault planted at the page that holds `address`. Read faults stay until they are replaced by kNone or the
/// block is erased; kProgramFail hits the next program of the page once.
struct Fault {
  std::uint64_t address = 0;  ///< cube-local byte address
  FaultKind kind = FaultKind::kNone;
  unsigned retry_stages = 1;  ///< kRetry: stages needed until the page decodes
};

struct Config {
  std::string name = "hbf";

  unsigned channels = 16;
  unsigned dies_per_channel = 1;
  unsigned planes_per_die = 25;  ///< planes (banks) that sense independently
  unsigned pages_per_block = 256;
  unsigned blocks_per_plane = 1311;
  std::uint64_t capacity_bytes = std::uint64_t{512}
                                 << 30;  ///< addressable; the rest of the blocks are spares

  Timing timing;
  unsigned retry_stages = 3;

  double link_gbytes_per_s = 109.7;     ///< payload of one channel, per direction
  TimePs link_latency = 10 * kPsPerNs;  ///< one way, host controller to base die

  double read_gbytes_per_s = 1638;   ///< what the preset claims for the cube
  double sense_pj_per_bit = 5.6;     ///< per bit of a sensed page
  double transfer_pj_per_bit = 0.5;  ///< per bit on a channel link, either way
  double program_pj_per_bit = 100;   ///< per bit of a programmed page
  std::vector<std::string> assumed;  ///< preset keys without a published source, e.g. "timing.ecc_ns"

  std::uint64_t seed = 1;  ///< of the random outcomes below
  double corrected_per_sense = 0;
  double retry_per_sense = 0;
  double uncorrectable_per_sense = 0;
  std::vector<Fault> faults;  ///< planted before the run

  unsigned lanes_per_channel() const { return dies_per_channel * planes_per_die; }
  std::uint64_t planes() const { return std::uint64_t{channels} * lanes_per_channel(); }
  /// Decimal GB/s that all planes together can sense: planes x page / tR.
  double array_gbytes_per_s() const {
    return static_cast<double>(planes() * kPageBytes) / static_cast<double>(timing.tR) * 1000.0;
  }
  double all_links_gbytes_per_s() const { return channels * link_gbytes_per_s; }
  /// The smaller of both: the cube's peak read bandwidth.
  double peak_read_gbytes_per_s() const;
};

/// Throws ConfigError when a value is impossible or the claimed bandwidth does not follow from planes x page
/// / tR; `place` goes in front of the message.
void check(const Config& config, const std::string& place);

/// Reads a preset (scenarios/memories/hbf_*.toml). Unknown keys, missing keys, wrong types, a number without
/// source and a bandwidth the planes cannot deliver are ConfigErrors with file:line:column.
Config load_preset(const std::string& path);
/// The same from text; `path` is only used in messages.
Config parse_preset(const std::string& text, const std::string& path);

}  // namespace memwall::hbf
