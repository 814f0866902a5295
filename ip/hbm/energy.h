// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Energy of a stack from what it did: commands, bursts over the pins, elapsed time. Linear in all of them;
/// no dependence on data or temperature.
#pragma once

#include <cstdint>

#include "hbm/gates.h"
#include "hbm/preset.h"

namespace memwall::hbm {

struct EnergySums {
  double activate_pj = 0, array_pj = 0, phy_pj = 0, refresh_pj = 0, background_pj = 0;
  double total_pj() const { return activate_pj + array_pj + phy_pj + refresh_pj + background_pj; }
};

/// `pin_reads` and `pin_writes` are bursts that crossed PHY and pins.
inline EnergySums energy_of(const Preset& preset, const CommandCounts& commands, std::uint64_t pin_reads,
                            std::uint64_t pin_writes, TimePs elapsed) {
  const Energy& e = preset.energy;
  const auto real = [](std::uint64_t n) { return static_cast<double>(n); };
  EnergySums sums;
  sums.activate_pj = real(commands.activates) * e.activate_pj;
  sums.array_pj = real(commands.reads) * e.read_array_pj + real(commands.writes) * e.write_array_pj;
  sums.phy_pj = real(pin_reads) * e.read_phy_pj + real(pin_writes) * e.write_phy_pj;
  sums.refresh_pj = real(commands.refreshes) * e.refresh_pj;
  // 1 mW for 1 ps is 10^-15 J.
  sums.background_pj = e.background_mw * 1e-3 * real(elapsed) * real(preset.organisation.pseudo_channels);
  return sums;
}

}  // namespace memwall::hbm
