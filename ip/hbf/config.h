// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What a High Bandwidth Flash cube and its host controller are made of, and how a preset file describes it.
/// Plain data, no model. Words follow the OCP HBF architecture specification v0.7.0 (cube, channel, die, bank
/// = plane, DLU = page, port). What the specification leaves to the vendor (tR, tPROG, tBERS, planes, block
/// size, endurance, error rates, energy, timers) comes from a preset; where it contradicts itself or is
/// silent, Readings says how we read it. A "lane" is one bank of one die of a channel: lane = die *
/// planes_per_die + plane.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/time.h"
#include "hbf/axi.h"

namespace memwall::hbf {

/// Media and base-die times; datasheet spelling. All assumed unless the preset names a source.
struct Timing {
  TimePs tR = 1 * kPsPerUs;            ///< one page sense
  TimePs tPROG = 75 * kPsPerUs;        ///< one page program
  TimePs tBERS = 2 * kPsPerMs;         ///< one block erase
  TimePs tECC = 100 * kPsPerNs;        ///< decode of one page, pipelined behind the sense
  TimePs tRETRY = 1100 * kPsPerNs;     ///< one more sense with shifted read voltages, and its decode
  TimePs tBASE = 5 * kPsPerNs;         ///< base die: from the last flit of a command to its lookup
  TimePs tGATHER = 1 * kPsPerMs;       ///< reset value of TMR0: first to last chunk of a DLU (5.4.1)
  TimePs tACCUMULATE = 0;              ///< reset value of TMR1: a regular read waits at most so long (5.3.2)
  TimePs tSCRATCHPAD = 10 * kPsPerNs;  ///< scratchpad access
  TimePs tSECURE_ERASE = 5 * kPsPerMs;
  TimePs tZONE_REMAP = 10 * kPsPerUs;
  TimePs tBIST = 1 * kPsPerMs;
  TimePs tRDY = 10 * kPsPerUs;     ///< BUCC.EN to BUCSTS.RDY, either way
  TimePs tRESET = 100 * kPsPerUs;  ///< BUCR reset
  TimePs tBOOT = 10 * kPsPerMs;    ///< RESETBD_n to READY, and HBF_RESET
  TimePs tFWCOM = 5 * kPsPerMs;    ///< firmware COMMIT
};

/// UCIe link and AXI-over-UCIe messages of one channel. One flit is 256 B = 48 granules of 5 B plus headers.
struct LinkConfig {
  unsigned grade = 2;              ///< 1, 2, 3: 8, 16, 32 GT/s on 64 lanes: 64, 128, 256 GB/s raw
  TimePs latency = 10 * kPsPerNs;  ///< one way, from the last bit of a flit to its use on the other side
  unsigned ar_granules = 3;        ///< published, second-hand
  unsigned r_granules = 14;        ///< per 64 B beat; published, second-hand
  unsigned aw_granules = 3;        ///< assumed: as AR
  unsigned w_granules = 14;        ///< per 64 B beat; assumed: as R
  unsigned b_granules = 1;         ///< assumed
  /// Receive buffers in granules per message class; a message takes its granules when it starts and gives
  /// them back when the receiver has taken it, one flit and one latency later. Assumed.
  unsigned ar_credits = 3 * 64;
  unsigned w_credits = 14 * 128;  ///< AW and W share it
  unsigned r_credits = 14 * 1024;
  unsigned b_credits = 128;

  static constexpr unsigned kGranulesPerFlit = 48;
  static constexpr unsigned kFlitBytes = 256;
  double raw_gbytes_per_s() const { return 64.0 * (1u << (grade - 1)); }
  /// 4, 2, 1 ns.
  TimePs flit_time() const { return 4 * kPsPerNs >> (grade - 1); }
  /// R payload: 48 / r_granules beats of 64 B per flit time.
  double read_gbytes_per_s() const {
    return 48.0 / r_granules * 64.0 / static_cast<double>(flit_time()) * 1000.0;
  }
  double write_gbytes_per_s() const {  ///< W payload of 64-beat bursts
    return 64.0 * 64.0 * 48.0 / (64.0 * w_granules + aw_granules) / static_cast<double>(flit_time()) * 1000.0;
  }
};

/// How a media fault shows. Planted by address (Fault) or drawn by the error model.
enum class FaultKind : std::uint8_t {
  kNone = 0,           ///< takes planted faults of this address away
  kCorrected = 1,      ///< read 0x0 with corrected bits
  kRetry = 2,          ///< decodes from stage `stages` on
  kUncorrectable = 3,  ///< read 0x4, info 2
  kProgramFail = 4,    ///< next program of the page: 0x7, once
  kCorrectedHigh = 5,  ///< read 0x5, info 2
  kReadCount = 6,      ///< the block's read counter stands at its threshold: 0x5 info 1
  kUnusable =
      7,  ///< capacity lost at once, granularity by `info` 1 block 2 bank 3 die 4 channel: 0x8, then 0x1
  kRestricted = 8,  ///< the block answers reads with 0x2 until kNone
  kDieBlocked = 9,  ///< the die answers 0x9 info 0 until kNone
  kVendor = 10,     ///< read and write 0xD + `info` % 3 at this page until kNone
  kEraseFail = 11,  ///< next erase of the block fails: the base die takes a spare, or 0x8 without one
};

/// Read faults stay until kNone or until the block is erased.
struct Fault {
  unsigned channel = 0;
  std::uint64_t address = 0;  ///< channel-local byte address
  FaultKind kind = FaultKind::kNone;
  unsigned stages = 1;
  unsigned info = 0;
};

/// Raw bit error rate of a page and what the code makes of it (error_model.h has the formula and its source).
struct Reliability {
  double base_rber = 0;    ///< fresh, just written
  double wear_factor = 0;  ///< alpha of alpha * pec^wear_exponent
  double wear_exponent = 1;
  double retention_factor = 0;  ///< beta of beta * pec^retention_wear_exponent * hours^retention_exponent
  double retention_wear_exponent = 0;
  double retention_exponent = 1;
  double read_factor = 0;  ///< gamma of gamma * pec^read_wear_exponent * reads^read_exponent
  double read_wear_exponent = 0;
  double read_exponent = 1;
  double activation_ev = 1.1;  ///< Arrhenius energy that scales hours to the reference temperature
  double reference_c = 85;
  unsigned codeword_bytes = 1024;
  unsigned correctable_bits = 40;  ///< per codeword
  unsigned high_bits = 30;         ///< more than this: corrected, with a refresh hint (0x5 info 2)
  double retry_gain = 0.5;         ///< RBER factor of each retry stage
  unsigned retry_stages = 3;       ///< at most 7
  double program_fail_rate = 0;    ///< per page program
  double erase_fail_rate = 0;      ///< per block erase
  double endurance_cycles = 1e5;
  std::uint64_t max_read_threshold = 1000000;  ///< page senses of a block that trigger info 1
  double retention_hours = 24;                 ///< at reference_c, power on (9)
  double pec_at_start = 0;                     ///< wear of every block when the model starts
  double hours_at_start = 0;                   ///< age of contents that were there before the simulation
  double rate_scale = 1;  ///< multiplies the probability of every outcome that is not plain OK
  /// Per page sense, in addition to the model's odds (and scaled with them).
  double extra_corrected = 0;
  double extra_retry = 0;  ///< decodes at stage 1
  double extra_uncorrectable = 0;
};

/// First-order thermal model: C dT/dt = P - (T - ambient) / R.
struct ThermalConfig {
  bool enabled = false;
  double ambient_c = 45;
  double resistance_k_per_w = 0.5;
  double capacity_j_per_k = 5;
  double light_c = 95;  ///< reset values of TTTEMP: LTT, RTT, STT (60 C + 0.5 C x code)
  double recover_c = 90;
  double severe_c = 105;
  double release_c = 100;  ///< CATTRIP falls below this
  double shutdown_c = 120;
  double light_factor = 2;  ///< sense and program times while LTMS = 1
  TimePs step = 100 * kPsPerUs;
};

struct EnergyConfig {
  double sense_pj_per_bit = 5.6;     ///< per bit of a sensed page
  double transfer_pj_per_bit = 0.5;  ///< per bit on a channel link, either way
  double program_pj_per_bit = 100;   ///< per bit of a programmed page
  double erase_pj_per_bit = 1;       ///< per bit of the erased block
  double idle_w = 0;                 ///< whole cube
};

/// Host-side controller.
struct ControllerConfig {
  std::uint64_t prefetch_bytes = 4u << 20;  ///< SRAM for pages read ahead, whole cube
  unsigned outstanding_per_channel = 128;   ///< page reads in flight; at most MOCS
  unsigned programs_per_channel = 64;       ///< page writes in flight; at most the open-DLU limit
};

/// Where v0.7.0 is silent or contradicts itself: tests/conformance/hbf/plan.toml lists the gaps and which
/// switch is for which.
struct Readings {
  enum class Crossing : std::uint8_t { kUndefinedUser, kOutOfRange };
  Crossing crossing = Crossing::kUndefinedUser;  ///< status of misaligned, crossing, too long: 0x3 or 0x1
  enum class Batch : std::uint8_t { kUntilRegular, kImmediate };
  Batch batch = Batch::kUntilRegular;  ///< run of batch reads: waits for a regular one (or TMR1), or never
  enum class Overwrite : std::uint8_t { kOverlap, kOrder };
  Overwrite overwrite = Overwrite::kOverlap;  ///< page already in NAND: 0x2, or 0x6 info 1
  enum class SevereInFlight : std::uint8_t { kFinish, kBlocked };
  SevereInFlight severe_in_flight = SevereInFlight::kFinish;  ///< 0x0, or 0x9 info 1
  enum class MaxPec : std::uint8_t { kCurrent, kLimit };
  MaxPec max_pec = MaxPec::kCurrent;
  enum class AddressUnit : std::uint8_t { kBytes, kChunks };
  AddressUnit address_unit = AddressUnit::kBytes;  ///< of flash and scratchpad xADDR: bytes, or 64 bytes
  enum class BatchHint : std::uint8_t { kBit2, kReserved };
  BatchHint batch_hint = BatchHint::kBit2;  ///< ARUSER[2] of a flash read: the hint, or undefined (0x3)
  enum class SnapshotInterval : std::uint8_t { kSplit, kWhole };
  SnapshotInterval snapshot_interval = SnapshotInterval::kSplit;  ///< VSTSZ: value [31:18], or [31:16]
  enum class LogCounts : std::uint8_t { kFourBytes, kEightBytes };
  LogCounts log_counts = LogCounts::kFourBytes;  ///< size of register ENC
  enum class Lockout : std::uint8_t { kWriteOne, kReadOnly };
  Lockout lockout = Lockout::kWriteOne;  ///< whether the host can set LOCKOUT
  enum class Cattrip : std::uint8_t { kWriteOneClears, kStorage };
  Cattrip cattrip = Cattrip::kWriteOneClears;  ///< TMON.CES while CATTRIP is low: cleared by 1, or plain RW
  enum class Bitmap : std::uint8_t { kWords, kBits };
  Bitmap bitmap = Bitmap::kWords;  ///< opcode 0x0A: a bit per block, or only those of the first 1024 blocks
  bool power_on_erase = false;     ///< optional: contents are obfuscated at power-on (12.1)
};

struct Config {
  std::string name = "hbf";

  unsigned channels = 16;
  unsigned ports_per_channel = 1;  ///< 1, 2, 4
  unsigned dies_per_channel = 1;
  unsigned planes_per_die = 25;  ///< banks that sense independently
  unsigned pages_per_block = 256;
  unsigned blocks_per_plane = 1311;
  std::uint64_t capacity_bytes = std::uint64_t{512}
                                 << 30;  ///< addressable; the rest of the blocks are spares
  unsigned zones_per_channel = 16;       ///< at most 32; 0: host-managed wear levelling not supported
  std::uint64_t scratchpad_bytes = 0;    ///< per channel; 0: none
  unsigned mocs_code = 11;               ///< BUCCAP.MOCS: 0 -> 1, 7..13 -> 2^(n+1) outstanding per channel
  unsigned open_dlus = 128;              ///< per channel
  bool burst_reads = true;               ///< BUCCAP.BCS
  bool burst_writes = true;

  Timing timing;
  LinkConfig link;
  Reliability reliability;
  ThermalConfig thermal;
  EnergyConfig energy;
  ControllerConfig controller;
  Readings readings;
  double read_gbytes_per_s = 1638;   ///< what the preset claims for the cube
  std::vector<std::string> assumed;  ///< preset keys without a published source, e.g. "timing.tECC"

  std::uint64_t seed = 1;
  bool functional = true;     ///< false: no contents are kept
  bool brought_up = true;     ///< every channel is enabled when the model starts; false: software does it
  std::vector<Fault> faults;  ///< planted before the run

  unsigned lanes_per_channel() const { return dies_per_channel * planes_per_die; }
  std::uint64_t planes() const { return std::uint64_t{channels} * lanes_per_channel(); }
  std::uint64_t channel_bytes() const { return capacity_bytes / channels; }
  std::uint64_t channel_pages() const { return channel_bytes() / kPageBytes; }
  std::uint64_t port_bytes() const { return channel_bytes() / ports_per_channel; }
  /// Block rows of a channel that are addressable, the last one perhaps in part.
  std::uint64_t rows() const {
    const std::uint64_t row_pages = std::uint64_t{lanes_per_channel()} * pages_per_block;
    return (channel_pages() + row_pages - 1) / row_pages;
  }
  std::uint64_t block_bytes() const { return pages_per_block * kPageBytes; }
  unsigned max_outstanding() const { return mocs_code == 0 ? 1u : 1u << (mocs_code + 1); }
  /// Decimal GB/s that all planes together can sense: planes x page / tR.
  double array_gbytes_per_s() const {
    return static_cast<double>(planes() * kPageBytes) / static_cast<double>(timing.tR) * 1000.0;
  }
  double all_links_gbytes_per_s() const { return channels * link.read_gbytes_per_s(); }
  /// The smaller of both: the cube's peak read bandwidth.
  double peak_read_gbytes_per_s() const;
};

/// Throws ConfigError when a value is impossible or the claimed bandwidth does not follow from planes x page
/// / tR (the message says how many planes are missing); `place` goes in front of the message.
void check(const Config& config, const std::string& place);

/// Reads a preset (scenarios/memories/hbf_*.toml; `base` inheritance as the DRAM presets). Unknown keys,
/// missing keys, wrong types, a number without source and a bandwidth the planes cannot deliver are
/// ConfigErrors with file:line:column.
Config load_preset(const std::string& path);
/// The same from text; `path` is only used in messages.
Config parse_preset(const std::string& text, const std::string& path);

}  // namespace memwall::hbf
