// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The management plane of one channel (specification 5.2.4, 5.9): both register spaces, admin commands,
/// features, logs, and the state behind them. Mainband commands, sideband and IEEE 1500 accesses all end
/// here, so they see the same registers. It keeps no NAND and no queues: what it orders is done by
/// ChannelServices.
///
/// Features, SMART and log layouts are ours, since the specification leaves them to the product; README.md
/// has the tables. Not modelled: power states (TBD in the specification), voltage regulation, vendor
/// configuration space.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "hbf/axi.h"
#include "hbf/config.h"

namespace memwall::hbf {

/// What a register access reaches (specification 5.9.1, 5.9.2).
enum class Space : std::uint8_t { kConfig, kMmio };

/// BUCR[1:0].
enum class ResetType : std::uint8_t { kPhy = 0, kAou = 1, kChannel = 2 };

/// What Secure Erase (0x03) is for, xADDR[9:8].
enum class EraseScope : std::uint8_t { kPort = 0, kFlash = 1, kZones = 2, kScratchpad = 3 };

/// The rest of the channel, as its management sees it.
class ChannelServices {
 public:
  virtual ~ChannelServices() = default;
  /// Commands in flight other than admin ones, or open DLUs.
  virtual bool io_active() const = 0;
  /// Contents are gone at once; `zones` is a bitmap for kZones.
  virtual void secure_erase(TimePs now, unsigned port, EraseScope scope, std::uint32_t zones) = 0;
  virtual void swap_zones(TimePs now, unsigned a, unsigned b) = 0;
  virtual void set_wear_levelling(bool base_die) = 0;
  /// Drops what is in flight as the reset type says.
  virtual void reset(TimePs now, ResetType type) = 0;
  virtual void set_thresholds(bool light_enable, double light_c, double recover_c, bool severe_enable,
                              double severe_c) = 0;
  virtual double celsius() const = 0;
  struct Wear {
    double max_pec = 0, average_pec = 0;
    std::uint64_t retired_blocks = 0, spares_left = 0;
    bool reduced = false;
  };
  virtual Wear wear() const = 0;
  virtual std::uint64_t logical_blocks() const = 0;
  virtual bool block_unusable(std::uint64_t block) const = 0;
  /// SMART counters of this channel, in the order of README.md.
  virtual std::vector<std::uint64_t> smart() const = 0;
};

/// Features (0x01, 0x02): addresses are ours (gaps 8 and 22).
enum class Feature : std::uint32_t {
  kGeometry = 0x0001,   ///< RO: [15:0] lanes (R5), [31:16] pages per block (R3), [47:32] banks per die (R2),
                        ///< [63:48] dies (R1)
  kTimes = 0x0002,      ///< RO: [31:0] tR ns, [63:32] tPROG ns
  kRetryMode = 0x0003,  ///< RW: 0 base die, 1 host; reset 0
  kRetryStages = 0x0004,       ///< RO: stages of the device
  kMaxReadThreshold = 0x0005,  ///< RW: page senses of a block
  kRetention = 0x0006,         ///< RO: ns, at the reference temperature
  kEndurance = 0x0007,         ///< RO: P/E cycles
  kEraseTime = 0x0008,         ///< RO: tBERS ns
  kOpenDlus = 0x0009,          ///< RO: limit
  kTemperature = 0x000A,       ///< RO: millidegrees Celsius
  kBlockReads = 0x0100,  ///< RO, address bits above: none; written first with the block number (RW select)
};

class Management {
 public:
  Management(const Config& config, unsigned channel, ChannelServices& services);

  struct Answer {
    unsigned status = 0;
    TimePs busy = 0;                 ///< from lookup to the response being ready
    std::vector<std::uint8_t> data;  ///< of a read, (len + 1) * 64 bytes
  };
  /// A mainband admin command at the time of its lookup. Write data are in command.data.
  Answer admin(TimePs now, const Command& command);

  /// 32-bit register access by any path. False at an undefined or unaligned offset. Registers wider than 32
  /// bits are reached by their dwords.
  bool read_register(TimePs now, Space space, std::uint32_t offset, std::uint32_t& value);
  bool write_register(TimePs now, Space space, std::uint32_t offset, std::uint32_t value);

  // What the channel needs to know.
  bool ready(TimePs now) const;        ///< BUCSTS.RDY: accepts flash and scratchpad IO
  unsigned outstanding_limit() const;  ///< BUCC.MOCS selected
  TimePs gather_timeout() const;       ///< TMR0
  TimePs accumulate_time() const;      ///< TMR1
  bool host_retry() const;             ///< feature kRetryMode
  std::uint64_t max_read_threshold() const;

  /// Throttle state changed (TMON). CES is sticky.
  void set_throttle(bool light, bool severe);
  /// An error worth a log entry: status and info of a response, channel-local address.
  void log_error(TimePs now, bool is_write, unsigned status, unsigned info, std::uint64_t address);

  /// Reset scopes: HBF_RESET and power-on (all, LOCKOUT and CES kept by the first), BUCR types.
  void reset(TimePs now, ResetType type);
  void power_on(TimePs now);
  void hbf_reset(TimePs now);

  /// Time at which something changes by itself (RDY, end of a secure erase or of BIST), kNever if nothing is
  /// due.
  TimePs next_event() const;
  void advance(TimePs now);

 private:
  const Config config_;
  unsigned channel_;
  ChannelServices& services_;
  // The rest is up to the implementation.
};

}  // namespace memwall::hbf
