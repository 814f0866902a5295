// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// DRAM commands, the levels of the hierarchy that constraints speak of, and the line of a command trace.
/// Names as in the JEDEC texts; "REFpb" is what HBM calls REFsb ("single bank").
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "hbm/address_map.h"

namespace memwall::hbm {

/// A point in time or a duration in cycles of tCK. Signed, so that "long before the start" is representable.
using Cycle = std::int64_t;

enum class Command : std::uint8_t {
  kACT,    ///< open a row
  kPRE,    ///< close a bank
  kPREab,  ///< close all banks of the pseudo-channel
  kRD,
  kWR,
  kREFab,  ///< refresh all banks of the pseudo-channel
  kREFpb,  ///< refresh one bank
  kRFMab,  ///< refresh management, all banks of the pseudo-channel
  kRFMpb,  ///< refresh management, one bank
  kPDE,    ///< power-down entry of the channel
  kPDX,
  kSRE,  ///< self-refresh entry of the channel
  kSRX,
};
inline constexpr std::size_t kCommands = 13;
inline constexpr std::array<const char*, kCommands> kCommandNames = {
    "ACT", "PRE", "PREab", "RD", "WR", "REFab", "REFpb", "RFMab", "RFMpb", "PDE", "PDX", "SRE", "SRX"};
inline const char* to_string(Command command) { return kCommandNames[static_cast<std::size_t>(command)]; }

/// From the outermost in. A pseudo-channel owns a data bus; the channel owns the command buses that its
/// pseudo-channels share. `kStackId` is the rank of other standards.
enum class Level : std::uint8_t { kChannel, kPseudoChannel, kStackId, kBankGroup, kBank };
inline constexpr std::size_t kLevels = 5;
inline constexpr std::array<const char*, kLevels> kLevelNames = {"channel", "pseudo_channel", "stack_id",
                                                                 "bank_group", "bank"};
inline const char* to_string(Level level) { return kLevelNames[static_cast<std::size_t>(level)]; }

/// What a command addresses: one bank, a pseudo-channel or the whole channel.
inline Level scope_of(Command command) {
  switch (command) {
    case Command::kPREab:
    case Command::kREFab:
    case Command::kRFMab:
      return Level::kPseudoChannel;
    case Command::kPDE:
    case Command::kPDX:
    case Command::kSRE:
    case Command::kSRX:
      return Level::kChannel;
    default:
      return Level::kBank;
  }
}

/// One line of the command trace. `where.row` is meaningful for ACT, `where.column` for RD and WR; of a
/// command of wider scope only the fields down to its level are meaningful.
struct CommandRecord {
  Cycle at = 0;
  Command command = Command::kACT;
  Location where;
};
using CommandSink = std::function<void(const CommandRecord&)>;

}  // namespace memwall::hbm
