// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A memory device as data: what `scenarios/memories/*.toml` of kind DRAM say, checked. Organisation, clock,
/// timing parameters, the constraint table, controller, energy: the code has no numbers of its own. A preset
/// may be written as the difference from another one (`base = "file.toml"`).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/time.h"
#include "hbm/address_map.h"
#include "hbm/command.h"

namespace memwall::hbm {

// Limits of the engine's bit masks; the loader refuses more.
inline constexpr std::size_t kMaxBanks = 64;    ///< of a pseudo-channel
inline constexpr std::size_t kMaxEntries = 64;  ///< of a read or write queue

/// Counts; all powers of two.
struct Organisation {
  std::uint32_t channels = 0;         ///< of the stack; each has its own command buses
  std::uint32_t pseudo_channels = 0;  ///< per channel: 2 in HBM, 1 elsewhere
  std::uint32_t stack_ids = 0;        ///< per pseudo-channel; ranks in other standards
  std::uint32_t bank_groups = 0;      ///< per stack id
  std::uint32_t banks = 0;            ///< per bank group
  std::uint32_t rows = 0;             ///< per bank
  std::uint32_t columns = 0;          ///< accesses per row
  std::uint32_t access_bytes = 0;     ///< one burst
  std::uint64_t capacity_bytes = 0;

  /// Per pseudo-channel.
  std::uint32_t groups_total() const { return stack_ids * bank_groups; }
  std::uint32_t banks_total() const { return stack_ids * bank_groups * banks; }
  /// Of the stack.
  std::uint32_t pseudo_channels_total() const { return channels * pseudo_channels; }
};

/// One row of the constraint table: between a command of `prev` and a later one of `next` that lie in the
/// same instance of `level` (`different`: in different instances of `level` within the same parent) at least
/// `latency` cycles pass. With `window` > 1 the distance counts from the window-th last command of `prev`.
struct Constraint {
  std::string id;  ///< unique in a preset; the same rule has the same id in every standard
  Level level = Level::kBank;
  bool different = false;
  std::vector<Command> prev, next;
  std::string formula;  ///< as written, e.g. "tWL + tBL + tWTRL"
  Cycle latency = 0;    ///< its value in cycles, positive
  unsigned window = 1;
  std::string source;  ///< text of the source
  std::string place;   ///< file:line:column
};

/// A rule that other standards have and this one has not.
struct AbsentRule {
  std::string id;
  std::string why;
};

struct ControllerConfig {
  std::string scheduler = "fr_fcfs";        ///< fcfs, fr_fcfs, fr_fcfs_cap: files in policies/
  std::string page = "open";                ///< open, closed, timeout
  std::string write_drain = "watermark";    ///< watermark, read_first
  std::string refresh = "all_bank";         ///< all_bank, per_bank, postponed
  std::string arbitration = "round_robin";  ///< between initiators: round_robin, oldest
  std::uint32_t read_queue = 32;            ///< entries per pseudo-channel, at most kMaxEntries
  std::uint32_t write_queue = 32;           ///< entries per pseudo-channel, at most kMaxEntries
  std::uint32_t drain_high = 26;            ///< entries in the write queue that start a drain
  std::uint32_t drain_low = 6;              ///< entries at which it ends if reads wait
  std::uint32_t row_hit_cap = 16;  ///< fr_fcfs_cap: column commands to an open row while another row waits
  Cycle page_timeout = 200;        ///< timeout: cycles after the last column command
  std::uint32_t refresh_max_postponed = 8;  ///< postponed: intervals owed before a refresh is forced
  Cycle power_down_after = 0;               ///< idle cycles before PDE; 0: never
  Cycle self_refresh_after = 0;             ///< idle cycles before SRE; 0: never
  double temperature_c = 45.0;              ///< selects the refresh derating
  bool row_hammer_counters = false;         ///< counts activates per row between refreshes of the row
};

/// Refresh management (RFM). A bank whose rolling count of activates reaches `raaimt` is not opened again
/// before an RFM command; REFab takes `raaimt` off the count of every bank, REFpb and RFM off that of theirs.
struct RefreshManagement {
  bool present = false;
  std::uint32_t raaimt = 0;
  bool per_bank = true;  ///< RFMpb, else RFMab
};

/// From `above_c` on, refresh commands come every tREFI * interval_factor.
struct RefreshDerating {
  double above_c = 0;
  double interval_factor = 1;
};

/// Per command in pJ; background per pseudo-channel.
struct Energy {
  double activate_pj = 0;                                                           ///< ACT and its precharge
  double read_array_pj = 0, read_phy_pj = 0, write_array_pj = 0, write_phy_pj = 0;  ///< per burst
  double refresh_ab_pj = 0, refresh_pb_pj = 0;                                      ///< also RFMab, RFMpb
  double active_standby_mw = 0;     ///< a row is open in the pseudo-channel
  double precharge_standby_mw = 0;  ///< all banks closed
  double power_down_mw = 0, self_refresh_mw = 0;
};

struct Preset {
  std::string path;
  std::string name;
  std::string standard;  ///< HBM2, HBM2E, HBM3, HBM3E, HBM4, LPDDR5X, DDR5, custom
  Organisation organisation;
  AddressMap map;
  TimePs tCK_ps = 0;
  std::map<std::string, Cycle> timing;  ///< "tRCDRD" -> cycles; what the constraint formulas may name
  std::vector<Constraint> constraints;
  std::vector<AbsentRule> absent;
  ControllerConfig controller;
  RefreshManagement refresh_management;
  std::vector<RefreshDerating> derating;  ///< ascending above_c
  Energy energy;
  bool secded = true;                ///< [ecc] secded
  bool on_die_ecc = false;           ///< [ecc] on_die
  std::vector<std::string> assumed;  ///< keys whose source is "assumed", e.g. "energy.activate"

  /// Cycles of a timing parameter; ModelError if the preset has none of that name.
  Cycle cycles(const std::string& parameter) const;
  /// Data bus time of a burst, and from a column command to the first data. tBL, tRL, tWL.
  Cycle burst() const { return cycles("tBL"); }
  /// tREFI after derating at controller.temperature_c, in cycles, at least 1.
  Cycle refresh_interval() const;
  /// Data bus limit of the stack in 10^9 bytes per second.
  double peak_gbytes_per_s() const;
};

/// Throws ConfigError("file:line:column: ...") for anything missing, unknown, zero, negative or
/// contradictory.
Preset load_preset(const std::string& path);
/// For tests and fuzzing: `name` stands for the path in messages and for the folder of `base`.
Preset parse_preset(const std::string& text, const std::string& name);

}  // namespace memwall::hbm
