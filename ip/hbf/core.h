// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Timing and state of one HBF controller with its cube; no SystemC and no data bytes. Models, per OCP HBF
/// v0.7.0: striping of 4 KiB pages over channels, banks and dies (4.6), two page buffers per bank with
/// in-order senses (5.3.1), full-duplex channel links, sequential-page programming with implicit erase at
/// page 0 (5.4.1), read retry driven by the device or by the host (11.5.1.6), status codes (5.5, 5.6). Not
/// modelled: AXI ids and ports, accumulate timer and batch hint, gathering of 64 B writes, scratchpad SRAM,
/// wear levelling, retention, read disturb, thermal states, program suspend.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "common/calendar.h"
#include "common/rng.h"
#include "common/time.h"
#include "hbf/config.h"

namespace memwall::hbf {

/// Read status, RUSER[5:2] (specification, table of 5.5).
enum class ReadStatus : std::uint8_t {
  kOk = 0x0,
  kOutOfRange = 0x1,
  kUncorrectable = 0x4,  ///< info 2: block health
  kRetryWanted = 0x6,    ///< info: stage to ask for
  kErased = 0x7,
};

/// Write status, BUSER[5:2] (specification, table of 5.6).
enum class WriteStatus : std::uint8_t {
  kOk = 0x0,
  kOutOfRange = 0x1,
  kOverlap = 0x2,         ///< the page is programmed already
  kGatherTimeout = 0x5,   ///< the 4 KiB of the page did not all arrive
  kOrderViolation = 0x6,  ///< info 1: a page was skipped, 2: an earlier page failed to program
  kProgramFailure = 0x7,
};

/// Answer to one access.
struct Completion {
  TimePs done = 0;        ///< when the last byte or the write response is back at the initiator
  std::uint8_t code = 0;  ///< ReadStatus or WriteStatus
  std::uint8_t info = 0;  ///< goes with `code`
  bool is_write = false;
  std::uint64_t fault_address = 0;  ///< cube-local byte address of the first failing page, if !ok()

  bool ok() const { return code == 0; }
};

/// Everything the core counts since the start.
struct Counters {
  std::uint64_t read_bytes = 0;   ///< delivered over the links, whole chunks
  std::uint64_t write_bytes = 0;  ///< accepted for programming
  std::uint64_t reads = 0;        ///< page visits by reads
  std::uint64_t senses = 0;       ///< including retries
  std::uint64_t buffer_hits = 0;  ///< page visits served from a page buffer
  std::uint64_t evictions = 0;    ///< valid page buffers reused for another page
  std::uint64_t programs = 0;
  std::uint64_t erases = 0;
  std::uint64_t corrected = 0;      ///< senses with corrected errors
  std::uint64_t retried = 0;        ///< page reads that needed a retry stage
  std::uint64_t retry_senses = 0;   ///< senses spent in retry stages
  std::uint64_t uncorrectable = 0;  ///< page reads that stayed uncorrectable
  std::uint64_t refused_writes = 0;
  TimePs sense_busy = 0;            ///< summed over banks
  TimePs program_busy = 0;          ///< summed over banks, with erases
  TimePs read_latency = 0;          ///< summed over calls of access() for reads
  std::uint64_t read_accesses = 0;  ///< calls of access() for reads
  TimePs last_done = 0;             ///< end of the latest access
};

class Core {
 public:
  /// Who retries a sense that does not decode.
  enum class RetryMode { kAuto, kHost };

  /// `config` must have passed check(). `stream` names the random stream (instance name).
  explicit Core(const Config& config, std::string_view stream = "hbf");

  const Config& config() const { return config_; }

  /// One access of any length. Calls come in the order in which the controller accepts the commands;
  /// `arrival` may go back by less than kHorizon (temporal decoupling). Reads are charged in whole 64 B
  /// chunks. Every page of a long access is sensed or programmed in its own bank at once. The first failing
  /// page gives code, info and fault_address; the other pages are served all the same.
  Completion access(TimePs arrival, std::uint64_t address, std::uint64_t bytes, bool is_write);

  /// Pages in [address, address + bytes) count as programmed from now on, without time or counters: contents
  /// that were there before the simulation began.
  void mark_programmed(std::uint64_t address, std::uint64_t bytes);
  bool is_programmed(std::uint64_t address) const;
  /// First page of the block of `address`, its page count and the distance between its pages, all in bytes:
  /// what an erase returns to all ones.
  struct BlockPages {
    std::uint64_t first;
    std::uint64_t stride;
    std::uint64_t count;
  };
  BlockPages block_pages(std::uint64_t address) const;

  void inject(const Fault& fault);
  /// `stage` applies to senses in kHost mode: the read-voltage set to use, 0 = the normal one.
  void set_retry(RetryMode mode, unsigned stage);

  const Counters& counters() const { return counters_; }
  double energy_pj() const;

  static constexpr TimePs kHorizon = 1 * kPsPerMs;

 private:
  static constexpr std::uint64_t kNoPage = ~std::uint64_t{0};

  struct Place {
    unsigned channel;
    std::uint64_t bank;    // over the cube
    std::uint64_t block;   // over the cube
    unsigned page;         // within the block
    std::uint64_t number;  // DLU number over the cube
  };
  struct Buffer {
    std::uint64_t page = kNoPage;  // DLU number
    TimePs ready = 0;              // decoded
    TimePs drained = 0;            // end of the last transfer out of it
    ReadStatus status = ReadStatus::kOk;
  };
  struct Bank {
    TimePs free = 0;  // media idle
    Buffer buffers[2];
    unsigned oldest = 0;
  };
  struct Block {
    unsigned frontier = 0;  // next page to program
    bool failed = false;    // a program failed; only page 0 helps
    std::vector<std::uint64_t> programmed;
  };
  struct Channel {
    Calendar down;  // to the cube
    Calendar up;    // from the cube
  };
  struct Decode {
    ReadStatus status = ReadStatus::kOk;
    std::uint8_t info = 0;
    unsigned stages = 0;  // retry stages spent
  };

  Place place_of(std::uint64_t address) const;
  Block& block(std::uint64_t index);
  bool programmed(const Place& place) const;
  void forget_buffers(const Place& place, bool whole_block);
  TimePs transfer_time(std::uint64_t bytes) const;

  Completion read_page(TimePs arrival, std::uint64_t address, std::uint64_t bytes);
  Completion write_page(TimePs arrival, std::uint64_t address, std::uint64_t bytes);
  Decode decode(const Place& place);
  Completion refuse(TimePs arrival, std::uint64_t address, WriteStatus status, unsigned info);

  Config config_;
  Rng rng_;
  bool random_faults_;
  double ps_per_byte_;
  std::uint64_t row_pages_;  // DLUs of one block row of one channel
  std::vector<Bank> banks_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<Channel> channels_;
  std::unordered_map<std::uint64_t, Fault> faults_;  // by DLU number
  std::unordered_map<std::uint64_t, Fault>
      pending_retries_;  // random outcomes a host retry has to work through
  RetryMode retry_mode_ = RetryMode::kAuto;
  unsigned retry_stage_ = 0;
  TimePs latest_arrival_ = 0;
  Counters counters_;
};

}  // namespace memwall::hbf
