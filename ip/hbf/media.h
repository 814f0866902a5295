// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The NAND of one channel: what is programmed, worn, aged, broken, spare or retired, and the contents. It
/// knows the time only as an argument and takes none: lanes, links and latencies are channel.h. Calls come in
/// the order in which the base die accepts commands (look, check_chunk, accept) or the array carries them out
/// (sense, start_program, finish_program).
///
/// Address map (4.6, 5.7): consecutive DLUs of a channel walk lanes (banks, then dies), then pages, then
/// block rows. A logical block is (lane, row); the base die may put it on any physical block of its lane.
///
/// Random outcomes: every lane carries a budget drawn from an exponential distribution; each sense takes the
/// hazard -ln(1 - p) of its block from it, and the outcome is drawn when the budget is used up. Hazards are
/// integers, so n senses at once leave the same state as n senses one by one. A block's read count enters
/// its hazard in steps of 1024 senses (an eighth of an octave above 8192), its age in steps of 1/64 hour (an
/// eighth of an octave above 1/8 hour), both rounded down.
///
/// Not modelled: paired pages, open-block retention, read disturb of neighbours other than by the block's
/// count, garbage of a torn page (it reads as uncorrectable).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/rng.h"
#include "common/sparse_memory.h"
#include "hbf/axi.h"
#include "hbf/config.h"
#include "hbf/error_model.h"

namespace memwall::hbf {

class Media {
 public:
  Media(const Config& config, unsigned channel);
  ~Media();

  struct Place {
    unsigned lane = 0;
    std::uint32_t row = 0;
    std::uint32_t page = 0;
  };
  Place place_of(std::uint64_t dlu) const;
  std::uint64_t dlu_of(const Place& place) const;

  struct ReadVerdict {
    ReadStatus status = ReadStatus::kOk;
    unsigned info = 0;
  };
  struct WriteVerdict {
    WriteStatus status = WriteStatus::kOk;
    unsigned info = 0;
  };

  // Reads.
  /// Before a sense: kOk, or the status that needs none (0x1 0x2 0x7 0x8 0x9 0xD-F), for DLU `dlu`. A page
  /// that is accepted for programming but not yet programmed counts as programmed.
  ReadVerdict look(std::uint64_t dlu);
  /// What the error model has decoded by a retry comes with a refresh hint too; planted and extra retries do
  /// not.
  struct Sensed {
    ReadStatus status = ReadStatus::kOk;  ///< kOk, kCorrectedHigh, kRetryWanted, kUncorrectable
    unsigned info = 0;
    unsigned stages = 0;  ///< retry senses that the base die added (automatic mode)
  };
  /// One page sense that starts at `now`; counts as a read of its block. `host_retry`: the host retries,
  /// `stage` is its ARUSER[8:6].
  Sensed sense(TimePs now, std::uint64_t dlu, bool host_retry, unsigned stage);
  /// How many of `pages` consecutive pages of one lane (page by page, then the next row) from `from` on would
  /// be sensed as plain kOk, whenever their senses start in [now, until]: what sense_run() may take at once.
  /// All of a lane's pages have to be asked for together: they draw on the same budget.
  std::uint32_t plain_run(TimePs now, TimePs until, const Place& from, std::uint32_t pages);
  /// ModelError if plain_run() would not have promised it.
  void sense_run(TimePs now, const Place& from, std::uint32_t pages);

  // Writes.
  /// On arrival of a chunk for a DLU that is not open: 0x1 0x2 (page in NAND or accepted) 0x8 0x9 0xD-F or
  /// kOk.
  WriteVerdict check_chunk(std::uint64_t dlu);
  /// All chunks of a DLU are here. kOk: the page is accepted (page 0: the block is erased as reads see it,
  /// and its failure is forgotten), `data` (4096 B, or null) is its contents. Else 0x6 and nothing changes.
  WriteVerdict accept(std::uint64_t dlu, const std::uint8_t* data);
  struct Started {
    WriteVerdict verdict;  ///< how it will end; 0x6 info 2 ends at once
    unsigned erases = 0;   ///< block erases before the program (page 0; more if an erase fails)
    bool programs = true;
  };
  Started start_program(TimePs now, std::uint64_t dlu);
  /// With the verdict of start_program().
  void finish_program(TimePs now, std::uint64_t dlu, const WriteVerdict& verdict);
  /// An accepted page that never finishes (reset, power loss). `started`: the array was at it; then the page,
  /// and with page 0 the whole block, is lost and reads as 0x4 until page 0 is written. Not started: the page
  /// and those above read as never written, with page 0 the whole block.
  void abandon(std::uint64_t dlu, bool started);

  // Management.
  /// Every page of [first_dlu, first_dlu + dlus) reads as never written. Wear stays.
  void forget(std::uint64_t first_dlu, std::uint64_t dlus);
  /// Power-on erase (12.1): every page of every block reads as 0x4 until its block is written anew from page
  /// 0 or forgotten.
  void obfuscate();
  /// Swaps the mapping of two zones; both lose their contents (11.4.1). Zones are [0, zones_per_channel).
  void swap_zones(unsigned a, unsigned b);
  /// First DLU of a zone and its length. Zones are rows() / zones_per_channel whole rows of blocks each; rows
  /// that are left over belong to none.
  std::uint64_t zone_first_dlu(unsigned zone) const;
  std::uint64_t zone_dlus(unsigned zone) const;
  /// From `now` on contents age as at this temperature (in steps of half a degree).
  void set_temperature(TimePs now, double celsius);
  /// More senses of a block than this are a refresh hint (info 1).
  void set_max_read_threshold(std::uint64_t senses) { max_reads_ = senses; }
  /// Base-die wear levelling (WLS = 01): page 0 moves the block to the least worn free block of its lane. Off
  /// (10): it stays where it is.
  void set_wear_levelling(bool base_die) { wear_levelling_ = base_die; }
  void inject(const Fault& fault);

  // Contents without time: before the simulation, and for debuggers. Channel-local bytes.
  /// Whole pages, also those between two marked parts of one block. Counts as no erase, but ages and errs as
  /// if there had been one.
  void mark_programmed(std::uint64_t address, std::uint64_t bytes);
  SparseMemory& contents() { return *contents_; }
  const SparseMemory& contents() const { return *contents_; }

  struct BlockInfo {
    std::uint32_t frontier = 0;  ///< pages programmed
    double pec = 0;
    std::uint64_t reads = 0;  ///< senses since the erase
    double hours = 0;         ///< age of page 0 at the reference temperature
    bool failed = false;      ///< a program failed; only page 0 helps
    bool retired = false;
    std::uint32_t physical = 0;
  };
  BlockInfo block_info(TimePs now, unsigned lane, std::uint32_t row);
  struct Wear {
    double max_pec = 0;
    double average_pec = 0;  ///< over all blocks, spares too
    std::uint64_t retired_blocks = 0;
    std::uint64_t spares_left = 0;
  };
  Wear wear() const;
  /// Bit i: logical block i = row * lanes + lane of this channel is unusable (opcode 0x0A).
  bool block_unusable(std::uint64_t block) const;
  std::uint64_t logical_blocks() const;
  bool reduced_capacity() const;

  struct Counters {
    std::uint64_t senses = 0;  ///< including retries
    std::uint64_t retry_senses = 0;
    std::uint64_t corrected = 0;     ///< page senses with a planted or drawn correction, 0x5 included
    std::uint64_t hints_reads = 0;   ///< 0x5 or 0x4 with info 1
    std::uint64_t hints_health = 0;  ///< 0x5 with info 2
    std::uint64_t retried = 0;       ///< page reads that needed a stage
    std::uint64_t uncorrectable = 0;
    std::uint64_t programs = 0;
    std::uint64_t program_fails = 0;
    std::uint64_t erases = 0;
    std::uint64_t erase_fails = 0;
    std::uint64_t retired = 0;  ///< blocks
  };
  const Counters& counters() const { return counters_; }
  /// Host memory for the state of blocks and lanes, without the contents.
  std::uint64_t host_bytes() const;

 private:
  struct Block;
  struct Physical;
  struct Pending;
  struct Note;
  struct Lane;
  /// What one sense found.
  struct Outcome {
    unsigned stage = 0;  // that decodes; 8: none
    bool corrected = false;
    bool high = false;  // worth a refresh
  };
  /// Outcomes of a page sense at one wear, age and read count.
  struct Entry {
    std::uint64_t hazard = 0;  // -ln(1 - any), in units of 2^-57
    double any = 0;
    double corrected = 0;  // extra_corrected and
    double retried = 0;    // extra_retry, scaled
    Odds odds;
  };
  /// Capacity lost by a planted fault.
  struct Loss {
    unsigned info = 0;  // 1 block, 2 bank, 3 die, 4 channel
    unsigned lane = 0;
    std::uint32_t row = 0;
    bool announced = false;  // 0x8 was answered
  };

  template <typename Part>
  void for_each_part(std::uint64_t first_dlu, std::uint64_t end_dlu, Part part);
  Lane& lane_at(unsigned lane);
  void obfuscate(Lane& lane);
  bool exists(unsigned lane, std::uint64_t row) const;
  std::uint32_t lane_rows(unsigned lane) const;
  Loss* loss_of(unsigned lane, std::uint32_t row);
  const Loss* loss_of(unsigned lane, std::uint32_t row) const;
  double clock(TimePs now) const;
  TimePs age_edge(double born, unsigned bucket) const;
  std::uint32_t plain_in_block(TimePs now, TimePs until, const Place& from, std::uint32_t pages,
                               std::uint64_t& budget);
  void update_entry(const Lane& lane, Block& block, TimePs now);
  void find_entry(const Lane& lane, Block& block, TimePs now);
  const Entry& entry_at(std::uint32_t erases, unsigned reads_bucket, unsigned age_bucket);
  Entry make_entry(std::uint32_t erases, unsigned reads_bucket, unsigned age_bucket) const;
  Outcome draw(Lane& lane, const Entry& entry);
  Outcome outcome(TimePs now, const Place& place, Lane& lane, Block& block, const Note* note);
  bool erase(Lane& lane, std::uint32_t row, unsigned& erases);
  std::uint32_t least_worn(const Lane& lane, std::uint32_t row) const;
  void retire(Lane& lane, std::uint32_t physical);
  void blank(Lane& lane, std::uint32_t row);
  void clear_contents(unsigned lane, std::uint32_t row, std::uint32_t first, std::uint32_t last);

  const Config config_;
  const unsigned channel_;
  const ErrorModel model_;
  const std::uint64_t pages_;  // addressable DLUs
  const std::uint32_t lanes_count_;
  const std::uint64_t row_pages_;
  std::uint64_t max_reads_;
  bool error_free_;
  bool wear_levelling_ = true;
  bool obfuscated_ = false;  // lanes that are made later are so from the start
  Counters counters_;
  std::vector<std::unique_ptr<Lane>> lanes_;  // made when first touched
  std::vector<bool> die_blocked_;
  std::vector<Loss> losses_;
  std::uint64_t spares_ = 0;
  std::uint64_t unusable_blocks_ = 0;  // logical ones without a physical block
  std::uint64_t retired_ = 0;
  std::uint32_t max_erases_ = 0;
  std::uint64_t all_erases_ = 0;
  // Ageing clock: hours at the reference temperature.
  double celsius_ = 0;
  double rate_ = 1;
  TimePs segment_begin_ = 0;
  double segment_hours_ = 0;
  std::uint32_t epoch_ = 0;
  std::unordered_map<std::uint64_t, std::uint32_t> entry_index_;
  std::deque<Entry> entries_;  // stable addresses
  std::uint64_t last_key_ = ~std::uint64_t{0};
  std::uint32_t last_entry_ = 0;
  std::unique_ptr<SparseMemory> contents_;
};

}  // namespace memwall::hbf
