// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A memory device as data: what `scenarios/memories/hbm*.toml` says, checked. All figures of the timing
/// model come from here; the code has no numbers of its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/time.h"
#include "hbm/address_map.h"

namespace memwall::hbm {

struct Organisation {
  std::uint32_t pseudo_channels = 0;
  std::uint32_t stack_ids = 0;
  std::uint32_t bank_groups = 0;  ///< per stack id
  std::uint32_t banks = 0;        ///< per bank group
  std::uint32_t rows = 0;         ///< per bank
  std::uint32_t columns = 0;      ///< accesses per row
  std::uint32_t access_bytes = 0;
  std::uint64_t capacity_bytes = 0;

  std::uint32_t groups_per_channel() const { return stack_ids * bank_groups; }
  std::uint32_t banks_per_channel() const { return stack_ids * bank_groups * banks; }
};

/// In clock cycles of tCK, except tCK itself. Names as in the JEDEC texts.
struct Timing {
  TimePs tCK_ps = 0;
  std::int64_t nBL = 0, nRL = 0, nWL = 0, nRCDRD = 0, nRCDWR = 0, nRP = 0, nRAS = 0, nRC = 0;
  std::int64_t nCCDS = 0, nCCDL = 0, nCCDR = 0, nRRDS = 0, nRRDL = 0, nFAW = 0;
  std::int64_t nWR = 0, nRTP = 0, nWTRS = 0, nWTRL = 0, nRTW = 0, nREFI = 0, nRFCab = 0;
};

struct ControllerConfig {
  std::uint32_t read_queue = 0;   ///< entries per pseudo-channel
  std::uint32_t write_queue = 0;  ///< entries per pseudo-channel
  std::uint32_t drain_high = 0;   ///< entries in the write queue that start a drain
  std::uint32_t drain_low = 0;    ///< entries at which it ends if reads wait
  std::int64_t starvation_nck = 0;
};

/// Per command in pJ; background per pseudo-channel.
struct Energy {
  double activate_pj = 0, read_array_pj = 0, read_phy_pj = 0, write_array_pj = 0, write_phy_pj = 0;
  double refresh_pj = 0, background_mw = 0;
};

struct Preset {
  std::string path;
  std::string name;
  std::string standard;
  Organisation organisation;
  AddressMap map;
  Timing timing;
  ControllerConfig controller;
  Energy energy;
  bool secded = true;
  std::vector<std::string> assumed;  ///< keys whose source is "assumed", e.g. "energy.background"

  /// Data bus limit of the stack in 10^9 bytes per second.
  double peak_gbytes_per_s() const {
    return 1e3 * organisation.pseudo_channels * organisation.access_bytes /
           static_cast<double>(static_cast<std::uint64_t>(timing.nBL) * timing.tCK_ps);
  }
};

/// Throws ConfigError("file:line:column: ...") for anything missing, unknown, zero, negative or
/// contradictory.
Preset load_preset(const std::string& path);
/// For tests and fuzzing: `name` stands for the path in messages.
Preset parse_preset(const std::string& text, const std::string& name);

}  // namespace memwall::hbm
