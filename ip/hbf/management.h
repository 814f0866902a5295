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
#include <deque>
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
  /// SMART counters of this channel, in the order of SmartCounter.
  virtual std::vector<std::uint64_t> smart() const = 0;
  struct BlockState {
    double pec = 0;
    std::uint64_t reads = 0;  ///< page senses since the erase
    double hours = 0;         ///< age at the reference temperature
    std::uint32_t frontier = 0;
    bool failed = false;
  };
  /// Logical block `block` = row * lanes + lane. Not const: reading settles its age.
  virtual BlockState block_state(TimePs, std::uint64_t) { return {}; }
};

/// Where each of ChannelServices::smart() stands; totals since the model started.
enum class SmartCounter : std::uint8_t {
  kReadBytes = 0,  ///< R payload
  kWriteBytes,     ///< W payload
  kPageReads,
  kBufferHits,
  kSenses,  ///< retries included
  kRetrySenses,
  kCorrected,
  kHintsReads,   ///< 0x5 or 0x4 with info 1
  kHintsHealth,  ///< 0x5 with info 2
  kRetried,
  kUncorrectable,
  kPrograms,
  kProgramFails,
  kErases,
  kEraseFails,
  kSenseBusyNs,
  kProgramBusyNs,
  kLightNs,
  kSevereNs,
  kEnergyUj,
  kCount,
};

/// Features (0x01, 0x02): addresses are ours (gaps 8 and 22). The value is [63:0] of the beat.
enum class Feature : std::uint32_t {
  kGeometry = 0x0001,   ///< RO: [15:0] lanes (R5), [31:16] pages per block (R3), [47:32] banks per die (R2),
                        ///< [63:48] dies (R1)
  kTimes = 0x0002,      ///< RO: [31:0] tR ns, [63:32] tPROG ns
  kRetryMode = 0x0003,  ///< RW: 0 base die, 1 host; reset 0
  kRetryStages = 0x0004,       ///< RO: stages of the device
  kMaxReadThreshold = 0x0005,  ///< RW: page senses of a block, at least 1
  kRetention = 0x0006,         ///< RO: ns, at the reference temperature
  kEndurance = 0x0007,         ///< RO: P/E cycles
  kEraseTime = 0x0008,         ///< RO: tBERS ns
  kOpenDlus = 0x0009,          ///< RO: limit
  kTemperature = 0x000A,       ///< RO: millidegrees Celsius, signed
  kZones = 0x000B,             ///< RO: [31:0] zones, [63:32] blocks per zone
  kBlocks = 0x000C,            ///< RO: [31:0] logical blocks, [63:32] spares left
  kRetired = 0x000D,           ///< RO: retired blocks
  kFirmware = 0x000E,          ///< RO: version of the active base-die firmware
  kBist = 0x000F,        ///< RO: [7:0] last BIST type, [15:8] result: 0 none, 1 passed, 2 failed, 3 running
  kBlockReads = 0x0100,  ///< written: chooses a block (row * lanes + lane); read: page senses since its erase
  kBlockCycles = 0x0101,  ///< RO: P/E cycles of the chosen block
  kBlockState = 0x0102,   ///< RO: [31:0] pages programmed, [32] unusable, [33] program failed
  kBlockAge = 0x0103,     ///< RO: ns since page 0 was written, at the reference temperature
};

/// What goes with admin status 0x4, xUSER[8:6]; ours.
enum class AdminDetail : std::uint8_t {
  kNone = 0,
  kUnknownOpcode = 1,   ///< reserved opcodes too
  kWrongDirection = 2,  ///< AR for a write command or the other way round
  kUndefinedUser = 3,   ///< USER bits that the opcode does not define
  kNoScratchpad = 4,
};

class Management {
 public:
  Management(const Config& config, unsigned channel, ChannelServices& services);

  struct Answer {
    unsigned status = 0;
    TimePs busy = 0;                 ///< from lookup to the response being ready
    std::vector<std::uint8_t> data;  ///< of a read, (len + 1) * 64 bytes
    unsigned info = 0;               ///< xUSER[8:6], AdminDetail
  };
  /// A mainband admin command at the time of its lookup. Write data are in command.data (ModelError without).
  Answer admin(TimePs now, const Command& command);

  /// 32-bit register access by any path. False at an undefined or unaligned offset. Registers wider than 32
  /// bits are reached by their dwords. Reserved offsets are undefined; RO registers ignore writes. An illegal
  /// value of a field (SSG, WLS, MOCS, a timer's unit) leaves that
  /// field as it is. A BUCR write orders ChannelServices::reset() before it returns.
  bool read_register(TimePs now, Space space, std::uint32_t offset, std::uint32_t& value);
  bool write_register(TimePs now, Space space, std::uint32_t offset, std::uint32_t value);

  // What the channel needs to know.
  bool ready(TimePs now) const;        ///< BUCSTS.RDY and BUCC.EN: accepts flash and scratchpad IO
  unsigned outstanding_limit() const;  ///< BUCC.MOCS selected
  TimePs gather_timeout() const { return timer(0); }   ///< TMR0
  TimePs accumulate_time() const { return timer(1); }  ///< TMR1
  bool host_retry() const { return host_retry_; }      ///< feature kRetryMode
  std::uint64_t max_read_threshold() const { return max_read_threshold_; }

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

  // For the cube.
  /// EN = 1 and RDY at once.
  void enable_now(TimePs now);
  bool enabled() const;  ///< BUCC.EN
  /// IEEE 1500 CHANNEL_DISABLE: EN is held at 0 until a reset of the base die; BUCSTS.SHST reads 2.
  void set_disabled(bool disabled);
  bool disabled() const { return disabled_; }
  /// BUCSTS.BUCFS, until power-on; `cause` goes to the UCIe error log.
  enum class UcieEvent : std::uint8_t { kNone = 0, kPhyReset = 1, kAouReset = 2, kThermalShutdown = 3 };
  void set_fatal(TimePs now, UcieEvent cause);
  std::uint32_t thresholds() const { return mmio_space_[0x150 / 4]; }  ///< TTTEMP
  /// LOCKOUT and CES: what a reset of the base die keeps and the loss of power does not.
  struct Sticky {
    bool lockout = false;
    bool ces = false;
  };
  Sticky sticky() const { return {lockout_, ces_}; }
  void restore(const Sticky& sticky);
  void set_firmware_version(std::uint32_t version) { firmware_version_ = version; }
  /// Eight bytes of a log page (admin 0x04) at `word` * 8; false where admin would refuse.
  bool log_word(TimePs now, unsigned type, std::uint32_t word, std::uint64_t& value);

  // Sizes and identity of our own making (README.md has the layouts).
  static constexpr std::uint16_t kVendorId = 0x4d57;
  static constexpr std::uint16_t kDeviceId = 0x4846;
  static constexpr std::uint32_t kRevisionId = 1;
  static constexpr std::uint32_t kSmartBytes = 512;
  static constexpr std::uint32_t kLogEntryBytes = 64;
  static constexpr std::uint32_t kMaxHbfEntries = 64;
  static constexpr std::uint32_t kMaxUcieEntries = 16;
  static constexpr std::uint32_t kSnapshotBytes = 64;
  static constexpr std::uint32_t kSnapshotsKept = 16;
  static constexpr std::uint32_t kTimers = 16;
  static constexpr std::uint32_t kResetKey = 0x484246;
  /// Timers and intervals saturate here, so that adding one to a point in time is safe.
  static constexpr TimePs kLongest = TimePs{1} << 62;

 private:
  struct RegisterRow;
  struct AdminRow;
  struct FeatureRow;
  static const std::vector<RegisterRow>& register_rows();
  static const RegisterRow* find_register(Space space, std::uint32_t offset);
  bool present(const RegisterRow& row) const;
  static const std::vector<AdminRow>& admin_rows();
  static const std::vector<FeatureRow>& feature_rows();
  static const FeatureRow* find_feature(std::uint64_t address);

  // Registers (management_registers.cpp).
  std::uint32_t& stored(Space space, std::uint32_t offset);
  std::uint32_t stored(Space space, std::uint32_t offset) const;
  void load_reset_values();
  std::uint32_t read_sts(TimePs now, unsigned dword) const;
  std::uint32_t read_bucsts(TimePs now, unsigned dword) const;
  std::uint32_t read_tmon(TimePs now, unsigned dword) const;
  std::uint32_t read_lockout(TimePs now, unsigned dword) const;
  std::uint32_t read_maxpec(TimePs now, unsigned dword) const;
  std::uint32_t read_avgpec(TimePs now, unsigned dword) const;
  std::uint32_t read_redcap(TimePs now, unsigned dword) const;
  void write_bucc(TimePs now, unsigned dword, std::uint32_t value);
  void write_bucr(TimePs now, unsigned dword, std::uint32_t value);
  void write_tmon(TimePs now, unsigned dword, std::uint32_t value);
  void write_vstsz(TimePs now, unsigned dword, std::uint32_t value);
  void write_timer(TimePs now, unsigned dword, std::uint32_t value);
  void write_lockout(TimePs now, unsigned dword, std::uint32_t value);
  void write_tttemp(TimePs now, unsigned dword, std::uint32_t value);
  void set_enable(TimePs now, bool on);
  void announce_thresholds();
  bool rdy(TimePs now) const;
  TimePs timer(unsigned index) const { return timers_[index]; }

  // Admin commands (admin_commands.cpp).
  Answer set_feature(TimePs now, const Command& command);
  Answer get_feature(TimePs now, const Command& command);
  Answer secure_erase(TimePs now, const Command& command);
  Answer get_log_page(TimePs now, const Command& command);
  Answer bist(TimePs now, const Command& command);
  Answer zone_remap(TimePs now, const Command& command);
  Answer read_ucie_errors(TimePs now, const Command& command);
  Answer reduced_capacity(TimePs now, const Command& command);
  Answer register_read(TimePs now, const Command& command);
  Answer register_write(TimePs now, const Command& command);
  unsigned log_page(TimePs now, unsigned type, std::vector<std::uint8_t>& page);
  std::vector<std::uint8_t> smart_page(TimePs now) const;
  void log_ucie(TimePs now, UcieEvent event);
  void take_snapshot(TimePs at);
  void stop_operations();

  const Config config_;
  unsigned channel_;
  ChannelServices& services_;

  std::array<std::uint32_t, 0x400 / 4> config_space_{};
  std::array<std::uint32_t, 0x300 / 4> mmio_space_{};
  std::array<TimePs, kTimers> timers_{};  // decoded TMR

  TimePs boot_end_ = 0;       // a reset or boot runs until then
  TimePs ready_at_ = kNever;  // RDY rises, with EN = 1
  TimePs unready_at_ = 0;     // RDY falls, with EN = 0
  TimePs erase_end_ = 0;      // secure erase runs until then
  TimePs bist_end_ = 0;
  TimePs snapshot_at_ = kNever;
  TimePs advanced_ = 0;  // up to and including
  TimePs interval_ = 0;  // between snapshots; 0: none
  bool light_ = false, cattrip_ = false, ces_ = false, lockout_ = false, fatal_ = false, disabled_ = false;

  bool host_retry_ = false;
  std::uint64_t max_read_threshold_ = 0;
  std::uint64_t chosen_block_ = 0;
  unsigned bist_type_ = 0, bist_result_ = 0;
  std::uint32_t firmware_version_ = 1;

  struct LogEntry {
    std::uint64_t number = 0;
    TimePs at = 0;
    std::uint8_t is_write = 0, status = 0, info = 0, kind = 0;
    std::uint64_t address = 0;
    std::int64_t millidegrees = 0;
  };
  std::deque<LogEntry> hbf_log_, ucie_log_;  // newest first
  std::deque<std::array<std::uint64_t, kSnapshotBytes / 8>> snapshots_;
  std::uint64_t hbf_logged_ = 0, ucie_logged_ = 0, snapshots_taken_ = 0;
  std::uint64_t power_cycles_ = 0, resets_ = 0, light_entries_ = 0, severe_entries_ = 0;
};

}  // namespace memwall::hbf
