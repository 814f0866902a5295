// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/media.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "common/error.h"

namespace memwall::hbf {
namespace {

constexpr std::uint32_t kNone = 0xffffffffu;
constexpr std::uint32_t kSpare = 0xffffffffu;  // owner of a physical block
constexpr std::uint32_t kBad = 0xfffffffeu;
constexpr double kPsPerHour = 3600e12;

/// Hazards are in units of 2^-57. A budget is at most -ln(2^-53) = 36.8, a certain outcome counts 64.
constexpr double kHazardUnit = 0x1p57;
constexpr std::uint64_t kCertain = std::uint64_t{1} << 63;

constexpr unsigned kReadsShift = 10;  // 1024 senses
constexpr double kAgeStepsPerHour = 64;
constexpr unsigned kUncorrectableStage = 8;

/// Buckets of a growing quantity: 0 to 7 one each, then eight per octave.
std::uint64_t bucket_edge(unsigned bucket) {
  if (bucket < 8) return bucket;
  return std::uint64_t{8 + (bucket & 7)} << (bucket / 8 - 1);
}
unsigned bucket_of(std::uint64_t value) {
  if (value < 8) return static_cast<unsigned>(value);
  unsigned shift = 0;
  while ((value >> shift) >= 16) ++shift;
  return (shift + 1) * 8 + static_cast<unsigned>((value >> shift) & 7);
}

std::uint64_t budget_from(Rng& rng) {
  // 1 - uniform() is in (0, 1].
  const double budget = -std::log(1.0 - rng.uniform());
  return static_cast<std::uint64_t>(budget * kHazardUnit) + 1;
}

}  // namespace

/// A logical block; one line of the cache.
struct alignas(64) Media::Block {
  enum Flag : std::uint16_t {
    kFailed = 1,  // only page 0 helps
    kLost = 2,    // what is visible reads as uncorrectable
    kTorn = 4,    // the last visible page reads as uncorrectable
    kRestricted = 8,
    kCountFull = 16,   // planted kReadCount
    kRetired = 32,     // has no physical block any more
    kEraseFails = 64,  // planted
    kNoted = 128,      // lane.notes has pages of it
    kPending = 256,    // lane.pending has programs of it
    kNotPlain = kLost | kRestricted | kCountFull | kRetired | kPending,
  };
  double born = 0;              // reading of the ageing clock when page 0 was programmed
  std::uint64_t reads = 0;      // since the erase
  std::uint64_t reads_end = 0;  // `entry` holds for fewer reads, before `until`, in `epoch`
  TimePs until = 0;
  std::uint64_t hazard = 0;  // of `entry`
  std::uint32_t entry = kNone;
  std::uint32_t epoch = 0;
  std::uint32_t physical = 0;
  std::uint16_t floor = 0;       // pages below read as never written
  std::uint16_t accepted = 0;    // pages from here on read as never written
  std::uint16_t programmed = 0;  // of the accepted ones, those in the array
  std::uint16_t flags = 0;

  bool has(unsigned flag) const { return (flags & flag) != 0; }
  void set(unsigned flag) { flags = static_cast<std::uint16_t>(flags | flag); }
  void clear(unsigned flag) { flags = static_cast<std::uint16_t>(flags & ~flag); }
  bool visible(std::uint32_t page) const { return page >= floor && page < accepted; }
  bool holds_nothing() const { return accepted == 0 && !has(kPending); }
};

struct Media::Physical {
  std::uint32_t erases = 0;
  std::uint32_t owner : 31;   // row, kSpare or kBad (their low 31 bits)
  std::uint32_t suspect : 1;  // a program failed here
};

/// A page that was accepted and is not finished.
struct Media::Pending {
  std::uint16_t page = 0;
  bool current = true;  // false: the block was restarted or emptied since
  bool doomed = false;  // an earlier page failed
};

/// Faults of one page.
struct Media::Note {
  FaultKind read = FaultKind::kNone;
  unsigned stages = 0;
  Outcome drawn;  // the host is retrying an outcome of the error model
  bool program_fails = false;
  bool vendor = false;
  unsigned vendor_code = 0;
  bool forgotten = false;

  bool nothing() const {
    return read == FaultKind::kNone && drawn.stage == 0 && !program_fails && !vendor && !forgotten;
  }
};

struct Media::Lane {
  Lane(std::uint64_t seed, const std::string& name, std::uint32_t rows, std::uint32_t physicals)
      : blocks(rows),
        physical(physicals),
        sense_rng(seed, name + ".sense"),
        program_rng(seed, name + ".program") {
    for (std::uint32_t i = 0; i < physicals; ++i) {
      physical[i].owner = (i < rows ? i : kSpare) & 0x7fffffffu;
      physical[i].suspect = 0;
    }
    for (std::uint32_t i = 0; i < rows; ++i) blocks[i].physical = i;
    budget = budget_from(sense_rng);
  }
  static std::uint64_t key(std::uint32_t row, std::uint32_t page) { return std::uint64_t{row} << 12 | page; }
  std::uint32_t owner(std::uint32_t index) const {
    const std::uint32_t owner = physical[index].owner;
    return owner == (kSpare & 0x7fffffffu) ? kSpare : owner == (kBad & 0x7fffffffu) ? kBad : owner;
  }
  void set_owner(std::uint32_t index, std::uint32_t owner) { physical[index].owner = owner & 0x7fffffffu; }

  std::uint64_t budget = 0;
  std::vector<Block> blocks;  // by row
  std::vector<Physical> physical;
  std::map<std::uint64_t, Note> notes;
  std::unordered_map<std::uint32_t, std::deque<Pending>> pending;  // by row, in order of acceptance
  Rng sense_rng, program_rng;
};

Media::Media(const Config& config, unsigned channel)
    : config_(config),
      channel_(channel),
      model_(config.reliability),
      pages_(config.channel_pages()),
      lanes_count_(config.lanes_per_channel()),
      row_pages_(std::uint64_t{config.lanes_per_channel()} * config.pages_per_block),
      max_reads_(config.reliability.max_read_threshold),
      lanes_(config.lanes_per_channel()),
      die_blocked_(config.dies_per_channel),
      contents_(std::make_unique<SparseMemory>(config.channel_bytes(), std::uint8_t{0xff})) {
  const Reliability& r = config_.reliability;
  error_free_ = r.rate_scale == 0 ||
                (r.base_rber == 0 && r.wear_factor == 0 && r.retention_factor == 0 && r.read_factor == 0 &&
                 r.extra_corrected == 0 && r.extra_retry == 0 && r.extra_uncorrectable == 0);
  for (unsigned lane = 0; lane < lanes_count_; ++lane) spares_ += config_.blocks_per_plane - lane_rows(lane);
  celsius_ = config_.thermal.ambient_c;
  rate_ = model_.equivalent_hours(1.0, celsius_);
  for (const Fault& fault : config_.faults) {
    if (fault.channel == channel_) inject(fault);
  }
}

Media::~Media() = default;

Media::Place Media::place_of(std::uint64_t dlu) const {
  std::uint32_t row = 0, in_row = 0;
  if (dlu >> 32 == 0 && row_pages_ >> 32 == 0) {
    // Narrow divisions are much cheaper, and this is done for every page.
    const auto narrow = static_cast<std::uint32_t>(dlu), row_pages = static_cast<std::uint32_t>(row_pages_);
    row = narrow / row_pages;
    in_row = narrow - row * row_pages;
  } else {
    row = static_cast<std::uint32_t>(dlu / row_pages_);
    in_row = static_cast<std::uint32_t>(dlu % row_pages_);
  }
  const std::uint32_t page = in_row / lanes_count_;
  return {in_row - page * lanes_count_, row, page};
}

std::uint64_t Media::dlu_of(const Place& place) const {
  return place.row * row_pages_ + std::uint64_t{place.page} * lanes_count_ + place.lane;
}

bool Media::exists(unsigned lane, std::uint64_t row) const { return row * row_pages_ + lane < pages_; }

std::uint32_t Media::lane_rows(unsigned lane) const {
  return pages_ <= lane ? 0 : static_cast<std::uint32_t>((pages_ - lane - 1) / row_pages_ + 1);
}

Media::Lane& Media::lane_at(unsigned lane) {
  auto& slot = lanes_[lane];
  if (!slot) {
    slot = std::make_unique<Lane>(config_.seed, fmt::format("hbf.channel{}.lane{}", channel_, lane),
                                  lane_rows(lane), config_.blocks_per_plane);
    if (obfuscated_) obfuscate(*slot);
  }
  return *slot;
}

const Media::Loss* Media::loss_of(unsigned lane, std::uint32_t row) const {
  for (const Loss& loss : losses_) {
    const bool same_die = loss.lane / config_.planes_per_die == lane / config_.planes_per_die;
    if (loss.info == 4 || (loss.info == 3 && same_die) || (loss.info == 2 && loss.lane == lane) ||
        (loss.info == 1 && loss.lane == lane && loss.row == row)) {
      return &loss;
    }
  }
  return nullptr;
}

Media::Loss* Media::loss_of(unsigned lane, std::uint32_t row) {
  return const_cast<Loss*>(static_cast<const Media*>(this)->loss_of(lane, row));
}

// --- Ageing and odds ---

double Media::clock(TimePs now) const {
  const double ps = now >= segment_begin_ ? static_cast<double>(now - segment_begin_)
                                          : -static_cast<double>(segment_begin_ - now);
  return segment_hours_ + ps * (rate_ / kPsPerHour);
}

void Media::set_temperature(TimePs now, double celsius) {
  if (std::abs(celsius - celsius_) < 0.5) return;
  segment_hours_ = clock(now);
  segment_begin_ = now;
  celsius_ = celsius;
  rate_ = model_.equivalent_hours(1.0, celsius);
  ++epoch_;
}

TimePs Media::age_edge(double born, unsigned bucket) const {
  const double hours = born + static_cast<double>(bucket_edge(bucket)) / kAgeStepsPerHour - segment_hours_;
  const double at = static_cast<double>(segment_begin_) + hours * (kPsPerHour / rate_);
  if (!(at > 0)) return 0;
  return at >= 0x1p64 ? kNever : static_cast<TimePs>(at);
}

Media::Entry Media::make_entry(std::uint32_t erases, unsigned reads_bucket, unsigned age_bucket) const {
  const Reliability& r = config_.reliability;
  const double reads = static_cast<double>(bucket_edge(reads_bucket) << kReadsShift);
  const double hours = static_cast<double>(bucket_edge(age_bucket)) / kAgeStepsPerHour;
  Entry entry;
  // What can be sensed was programmed, so its block was erased at least once.
  entry.odds = model_.odds(model_.rber(std::max(1.0, r.pec_at_start + erases), hours, reads));
  entry.odds.uncorrectable += r.extra_uncorrectable;
  entry.corrected = r.extra_corrected;
  entry.retried = r.extra_retry;
  const double sum = entry.odds.any() + entry.corrected + entry.retried;
  const double scale = sum * r.rate_scale > 1 ? 1 / sum : r.rate_scale;
  entry.odds.corrected_high *= scale;
  entry.odds.uncorrectable *= scale;
  for (double& p : entry.odds.retry) p *= scale;
  entry.corrected *= scale;
  entry.retried *= scale;
  entry.any = entry.odds.any() + entry.corrected + entry.retried;
  const double hazard = -std::log1p(-std::min(1.0, entry.any)) * kHazardUnit;
  entry.hazard = hazard >= 0x1p63 ? kCertain : static_cast<std::uint64_t>(std::llround(hazard));
  return entry;
}

const Media::Entry& Media::entry_at(std::uint32_t erases, unsigned reads_bucket, unsigned age_bucket) {
  const std::uint64_t key = std::uint64_t{erases} << 32 | reads_bucket << 16 | age_bucket;
  if (key != last_key_) {
    const auto [found, is_new] = entry_index_.try_emplace(key, static_cast<std::uint32_t>(entries_.size()));
    if (is_new) entries_.push_back(make_entry(erases, reads_bucket, age_bucket));
    last_key_ = key;
    last_entry_ = found->second;
  }
  return entries_[last_entry_];
}

/// Makes block.entry and block.hazard those of the next sense. Which bucket the age is in depends on `now`
/// and the block alone, not on earlier calls.
inline void Media::update_entry(const Lane& lane, Block& block, TimePs now) {
  if (block.entry == kNone || block.epoch != epoch_ || now >= block.until || block.reads >= block.reads_end) {
    find_entry(lane, block, now);
  }
}

void Media::find_entry(const Lane& lane, Block& block, TimePs now) {
  unsigned age = bucket_of(
      static_cast<std::uint64_t>(std::clamp((clock(now) - block.born) * kAgeStepsPerHour, 0.0, 0x1p50)));
  while (age > 0 && now < age_edge(block.born, age)) --age;
  while (now >= age_edge(block.born, age + 1)) ++age;
  const unsigned reads = bucket_of(block.reads >> kReadsShift);
  block.hazard = entry_at(lane.physical[block.physical].erases, reads, age).hazard;
  block.entry = last_entry_;
  block.epoch = epoch_;
  block.until = age_edge(block.born, age + 1);
  block.reads_end = bucket_edge(reads + 1) << kReadsShift;
}

// --- Reads ---

Media::ReadVerdict Media::look(std::uint64_t dlu) {
  if (dlu >= pages_) return {ReadStatus::kOutOfRange, 0};
  const Place place = place_of(dlu);
  Loss* loss = losses_.empty() ? nullptr : loss_of(place.lane, place.row);
  if (loss && loss->announced) return {ReadStatus::kOutOfRange, 0};
  if (obfuscated_) lane_at(place.lane);
  const Lane* lane = lanes_[place.lane].get();
  if (!lane) {
    // Nothing was ever written there.
    return {ReadStatus::kErased, 0};
  }
  const Block& block = lane->blocks[place.row];
  if (block.has(Block::kRetired)) return {ReadStatus::kOutOfRange, 0};
  if (block.has(Block::kRestricted)) return {ReadStatus::kRestricted, 0};
  if (!block.visible(place.page)) return {ReadStatus::kErased, 0};
  const Note* note = nullptr;
  if (block.has(Block::kNoted)) {
    const auto found = lane->notes.find(Lane::key(place.row, place.page));
    if (found != lane->notes.end()) note = &found->second;
  }
  if (note && note->forgotten) return {ReadStatus::kErased, 0};
  if (loss) {
    loss->announced = true;
    return {ReadStatus::kUnusable, loss->info};
  }
  if (die_blocked_[place.lane / config_.planes_per_die]) return {ReadStatus::kBlocked, 0};
  if (note && note->vendor) {
    return {static_cast<ReadStatus>(static_cast<unsigned>(ReadStatus::kVendorD) + note->vendor_code), 0};
  }
  return {};
}

/// The budget is used up.
Media::Outcome Media::draw(Lane& lane, const Entry& entry) {
  lane.budget = budget_from(lane.sense_rng);
  double u = lane.sense_rng.uniform() * entry.any;
  const auto is = [&u](double p) {
    u -= p;
    return u < 0;
  };
  if (is(entry.odds.uncorrectable)) return {kUncorrectableStage, false, false};
  for (unsigned stage = config_.reliability.retry_stages; stage > 0; --stage) {
    if (is(entry.odds.retry[stage])) return {stage, true, true};
  }
  if (is(entry.retried)) return {1, false, false};
  // What rounding leaves goes to the likelier of the last two.
  const double high_p = entry.odds.corrected_high;
  const bool high = entry.corrected > high_p ? is(high_p) : !is(entry.corrected);
  return {0, true, high};
}

/// What the cells yield, whoever retries.
Media::Outcome Media::outcome(TimePs now, const Place& place, Lane& lane, Block& block, const Note* note) {
  // A page that an accepted restart of its block replaces is still in NAND: its lane senses it before it
  // programs.
  const bool there = block.visible(place.page) || block.has(Block::kPending);
  if (!there || block.has(Block::kLost | Block::kRetired) ||
      (block.has(Block::kTorn) && place.page + 1u == block.accepted)) {
    return {kUncorrectableStage, false, false};
  }
  if (note && note->read == FaultKind::kCorrected) return {0, true, false};
  if (note && note->read == FaultKind::kCorrectedHigh) return {0, true, true};
  if (note && note->read == FaultKind::kUncorrectable) return {kUncorrectableStage, false, false};
  if (note && note->read == FaultKind::kRetry) return {note->stages, false, false};
  if (note && note->drawn.stage > 0) return note->drawn;
  if (error_free_) return {};
  update_entry(lane, block, now);
  if (block.hazard >= lane.budget) return draw(lane, entries_[block.entry]);
  lane.budget -= block.hazard;
  return {};
}

Media::Sensed Media::sense(TimePs now, std::uint64_t dlu, bool host_retry, unsigned stage) {
  const Place place = place_of(dlu);
  Lane& lane = lane_at(place.lane);
  Block& block = lane.blocks[place.row];
  Note* note = nullptr;
  if (block.has(Block::kNoted)) {
    const auto found = lane.notes.find(Lane::key(place.row, place.page));
    if (found != lane.notes.end()) note = &found->second;
  }
  Outcome outcome = this->outcome(now, place, lane, block, note);
  const unsigned last_stage = config_.reliability.retry_stages;
  if (outcome.stage > last_stage) outcome.stage = kUncorrectableStage;

  Sensed result;
  const unsigned tried = host_retry ? stage : last_stage;
  const bool decoded = outcome.stage <= tried;
  if (!host_retry) result.stages = std::min(outcome.stage, last_stage);
  const unsigned retries = host_retry ? (stage > 0 ? 1 : 0) : result.stages;
  const unsigned senses = host_retry ? 1 : 1 + retries;
  counters_.senses += senses;
  counters_.retry_senses += retries;
  block.reads += senses;
  if (!decoded && tried < last_stage) {
    // The host comes back for the same cells, and finds them as they are.
    if (!note || note->read == FaultKind::kNone) {
      lane.notes[Lane::key(place.row, place.page)].drawn = outcome;
      block.set(Block::kNoted);
    }
    result.status = ReadStatus::kRetryWanted;
    result.info = stage + 1;
    return result;
  }
  if (note && note->drawn.stage > 0) {
    note->drawn = {};
    if (note->nothing()) lane.notes.erase(Lane::key(place.row, place.page));
  }

  const bool many_reads = block.reads > max_reads_ || block.has(Block::kCountFull);
  if (!decoded) {
    ++counters_.uncorrectable;
    result.status = ReadStatus::kUncorrectable;
  } else {
    if (outcome.stage > 0) ++counters_.retried;
    if (outcome.corrected) ++counters_.corrected;
    if (!outcome.high && !many_reads) return result;
    result.status = ReadStatus::kCorrectedHigh;
  }
  result.info = many_reads ? 1 : 2;
  if (many_reads) {
    ++counters_.hints_reads;
  } else if (decoded) {
    ++counters_.hints_health;
  }
  return result;
}

/// Within one block, with what is left of the lane's budget.
std::uint32_t Media::plain_in_block(TimePs now, TimePs until, const Place& from, std::uint32_t pages,
                                    std::uint64_t& budget) {
  if (!losses_.empty() && loss_of(from.lane, from.row)) return 0;
  Lane& lane = *lanes_[from.lane];
  Block& block = lane.blocks[from.row];
  if (block.has(Block::kNotPlain) || from.page < block.floor || from.page >= block.programmed) return 0;
  std::uint64_t most = std::min<std::uint64_t>(pages, block.programmed - from.page);
  if (block.has(Block::kTorn)) most = std::min<std::uint64_t>(most, block.accepted - 1u - from.page);
  // In the last row a block may be addressable in part.
  const std::uint64_t first_dlu = dlu_of(from);
  if (first_dlu >= pages_) return 0;
  most = std::min(most, (pages_ - first_dlu - 1) / lanes_count_ + 1);
  if (block.has(Block::kNoted)) {
    const std::uint64_t key = Lane::key(from.row, from.page);
    const auto next = lane.notes.lower_bound(key);
    if (next != lane.notes.end()) most = std::min(most, next->first - key);
  }
  if (block.reads >= max_reads_) return 0;
  most = std::min(most, max_reads_ - block.reads);
  if (error_free_ || most == 0) return static_cast<std::uint32_t>(most);

  update_entry(lane, block, now);
  if (until >= block.until) return 0;
  const Block before = block;
  std::uint64_t left = most;
  while (left > 0) {
    update_entry(lane, block, now);
    const std::uint64_t segment = std::min(left, block.reads_end - block.reads);
    const std::uint64_t affordable = block.hazard == 0 ? segment : (budget - 1) / block.hazard;
    const std::uint64_t taken = std::min(segment, affordable);
    budget -= taken * block.hazard;
    block.reads += taken;
    left -= taken;
    if (taken < segment) break;
  }
  block = before;
  return static_cast<std::uint32_t>(most - left);
}

std::uint32_t Media::plain_run(TimePs now, TimePs until, const Place& from, std::uint32_t pages) {
  if (!lanes_[from.lane] || die_blocked_[from.lane / config_.planes_per_die]) return 0;
  std::uint64_t budget = lanes_[from.lane]->budget;
  std::uint32_t found = 0;
  for (Place place = from; found < pages && exists(place.lane, place.row); ++place.row, place.page = 0) {
    const std::uint32_t wanted = std::min(pages - found, config_.pages_per_block - place.page);
    const std::uint32_t plain = plain_in_block(now, until, place, wanted, budget);
    found += plain;
    if (plain < wanted) break;
  }
  return found;
}

void Media::sense_run(TimePs now, const Place& from, std::uint32_t pages) {
  Lane& lane = lane_at(from.lane);
  counters_.senses += pages;
  for (Place place = from; pages > 0; ++place.row, place.page = 0) {
    if (place.row >= lane.blocks.size()) {
      throw ModelError("contract", fmt::format("hbf channel {}", channel_),
                       "run of senses past the last block");
    }
    Block& block = lane.blocks[place.row];
    std::uint64_t left = std::min(pages, config_.pages_per_block - place.page);
    pages -= static_cast<std::uint32_t>(left);
    if (error_free_) {
      block.reads += left;
      continue;
    }
    while (left > 0) {
      update_entry(lane, block, now);
      const std::uint64_t taken = std::min(left, block.reads_end - block.reads);
      if (block.hazard > 0 && taken > (lane.budget - 1) / block.hazard) {
        throw ModelError("contract", fmt::format("hbf channel {}", channel_),
                         "run of senses that plain_run() did not promise");
      }
      lane.budget -= taken * block.hazard;
      block.reads += taken;
      left -= taken;
    }
  }
}

// --- Writes ---

Media::WriteVerdict Media::check_chunk(std::uint64_t dlu) {
  if (dlu >= pages_) return {WriteStatus::kOutOfRange, 0};
  const Place place = place_of(dlu);
  Loss* loss = losses_.empty() ? nullptr : loss_of(place.lane, place.row);
  if (loss && loss->announced) return {WriteStatus::kOutOfRange, 0};
  const Lane* lane = lanes_[place.lane].get();
  if (lane) {
    const Block& block = lane->blocks[place.row];
    if (block.has(Block::kRetired)) return {WriteStatus::kOutOfRange, 0};
    bool overlap = false;
    if (place.page == 0) {
      if (block.has(Block::kPending)) {
        const auto& queue = lane->pending.at(place.row);
        overlap = std::any_of(queue.begin(), queue.end(),
                              [](const Pending& p) { return p.page == 0 && p.current; });
      }
    } else if (block.visible(place.page) && !block.has(Block::kLost) &&
               !(block.has(Block::kTorn) && place.page + 1u == block.accepted)) {
      overlap = config_.readings.overwrite == Readings::Overwrite::kOverlap;
    }
    if (overlap) return {WriteStatus::kOverlap, 0};
  }
  if (loss) {
    loss->announced = true;
    return {WriteStatus::kUnusable, loss->info};
  }
  if (die_blocked_[place.lane / config_.planes_per_die]) return {WriteStatus::kBlocked, 0};
  if (lane && lane->blocks[place.row].has(Block::kNoted)) {
    const auto note = lane->notes.find(Lane::key(place.row, place.page));
    if (note != lane->notes.end() && note->second.vendor) {
      return {
          static_cast<WriteStatus>(static_cast<unsigned>(WriteStatus::kVendorD) + note->second.vendor_code),
          0};
    }
  }
  return {};
}

void Media::clear_contents(unsigned lane, std::uint32_t row, std::uint32_t first, std::uint32_t last) {
  if (!config_.functional) return;
  for (std::uint32_t page = first; page < last; ++page) {
    const std::uint64_t dlu = dlu_of({lane, row, page});
    if (dlu < pages_) contents_->clear(dlu * kPageBytes, kPageBytes);
  }
}

/// The block reads as never written; its faults of reading are gone.
void Media::blank(Lane& lane, std::uint32_t row) {
  Block& block = lane.blocks[row];
  block.clear(Block::kFailed | Block::kLost | Block::kTorn | Block::kCountFull);
  block.floor = block.accepted = block.programmed = 0;
  block.reads = 0;
  block.entry = kNone;
  if (block.has(Block::kNoted)) {
    auto note = lane.notes.lower_bound(Lane::key(row, 0));
    const auto end = lane.notes.lower_bound(Lane::key(row + 1, 0));
    bool any = false;
    while (note != end) {
      note->second.read = FaultKind::kNone;
      note->second.drawn = {};
      note->second.forgotten = false;
      any = any || !note->second.nothing();
      note = note->second.nothing() ? lane.notes.erase(note) : std::next(note);
    }
    if (!any) block.clear(Block::kNoted);
  }
  if (block.has(Block::kPending)) {
    for (Pending& p : lane.pending[row]) p.current = false;
  }
}

Media::WriteVerdict Media::accept(std::uint64_t dlu, const std::uint8_t* data) {
  const Place place = place_of(dlu);
  Lane& lane = lane_at(place.lane);
  Block& block = lane.blocks[place.row];
  if (place.page == 0) {
    clear_contents(place.lane, place.row, 1, block.accepted);
    blank(lane, place.row);
  } else if (block.has(Block::kFailed)) {
    return {WriteStatus::kOrderViolation, 2};
  } else if (place.page != block.accepted) {
    return {WriteStatus::kOrderViolation, 1};
  }
  ++block.accepted;
  block.set(Block::kPending);
  lane.pending[place.row].push_back({static_cast<std::uint16_t>(place.page), true, false});
  if (data && config_.functional) contents_->write(dlu * kPageBytes, data, kPageBytes);
  return {};
}

std::uint32_t Media::least_worn(const Lane& lane, std::uint32_t row) const {
  std::uint32_t best = lane.blocks[row].physical;
  for (std::uint32_t i = 0; i < lane.physical.size(); ++i) {
    if (lane.physical[i].erases >= lane.physical[best].erases) continue;
    if (lane.physical[i].suspect != 0) continue;
    const std::uint32_t owner = lane.owner(i);
    const bool free = owner == kSpare || (owner != kBad && lane.blocks[owner].holds_nothing() &&
                                          !lane.blocks[owner].has(Block::kRetired));
    if (free) best = i;
  }
  return best;
}

void Media::retire(Lane& lane, std::uint32_t physical) {
  if (lane.owner(physical) == kBad) return;
  if (lane.owner(physical) == kSpare) --spares_;
  lane.set_owner(physical, kBad);
  ++retired_;
  ++counters_.retired;
}

/// Erases a physical block for `row`. False: none is left.
bool Media::erase(Lane& lane, std::uint32_t row, unsigned& erases) {
  Block& block = lane.blocks[row];
  const auto spare = [&] {
    std::uint32_t best = kNone;
    for (std::uint32_t i = 0; i < lane.physical.size(); ++i) {
      if (lane.owner(i) != kSpare) continue;
      if (best == kNone || lane.physical[i].erases < lane.physical[best].erases) best = i;
    }
    return best;
  };
  const auto take_spare = [&](std::uint32_t index) {
    retire(lane, block.physical);
    --spares_;
    lane.set_owner(index, row);
    block.physical = index;
  };
  if (lane.physical[block.physical].suspect != 0) {
    // Without a spare it has to do.
    lane.physical[block.physical].suspect = 0;
    const std::uint32_t index = spare();
    if (index != kNone) take_spare(index);
  } else if (wear_levelling_) {
    const std::uint32_t index = least_worn(lane, row);
    if (index != block.physical) {
      const std::uint32_t owner = lane.owner(index);
      lane.set_owner(block.physical, owner);
      if (owner != kSpare) {
        lane.blocks[owner].physical = block.physical;
        lane.blocks[owner].entry = kNone;
      }
      lane.set_owner(index, row);
      block.physical = index;
    }
  }
  block.entry = kNone;
  const double fail_rate =
      std::min(1.0, config_.reliability.erase_fail_rate * config_.reliability.rate_scale);
  while (true) {
    Physical& physical = lane.physical[block.physical];
    ++physical.erases;
    ++erases;
    ++all_erases_;
    ++counters_.erases;
    max_erases_ = std::max(max_erases_, physical.erases);
    bool fails = block.has(Block::kEraseFails);
    block.clear(Block::kEraseFails);
    if (fail_rate > 0 && lane.program_rng.uniform() < fail_rate) fails = true;
    if (!fails) return true;
    ++counters_.erase_fails;
    const std::uint32_t index = spare();
    if (index == kNone) {
      retire(lane, block.physical);
      return false;
    }
    take_spare(index);
  }
}

Media::Started Media::start_program(TimePs, std::uint64_t dlu) {
  const Place place = place_of(dlu);
  Lane& lane = lane_at(place.lane);
  Block& block = lane.blocks[place.row];
  const auto queue = lane.pending.find(place.row);
  if (queue == lane.pending.end() || queue->second.empty() || queue->second.front().page != place.page) {
    throw ModelError("contract", fmt::format("hbf channel {}", channel_),
                     fmt::format("program of DLU {} that is not the next accepted one of its block", dlu));
  }
  const Pending& pending = queue->second.front();
  Started started;
  if (pending.doomed || block.has(Block::kRetired)) {
    started.verdict = {WriteStatus::kOrderViolation, 2};
    started.programs = false;
    return started;
  }
  if (!losses_.empty()) {
    if (Loss* loss = loss_of(place.lane, place.row)) {
      started.verdict = {WriteStatus::kUnusable, loss->info};
      loss->announced = true;
      started.programs = false;
      return started;
    }
  }
  if (place.page == 0 && !erase(lane, place.row, started.erases)) {
    started.verdict = {WriteStatus::kUnusable, 1};
    started.programs = false;
    return started;
  }
  const double fail_rate =
      std::min(1.0, config_.reliability.program_fail_rate * config_.reliability.rate_scale);
  bool fails = fail_rate > 0 && lane.program_rng.uniform() < fail_rate;
  if (block.has(Block::kNoted)) {
    const auto note = lane.notes.find(Lane::key(place.row, place.page));
    if (note != lane.notes.end() && note->second.program_fails) {
      fails = true;
      note->second.program_fails = false;
      if (note->second.nothing()) lane.notes.erase(note);
    }
  }
  if (fails) started.verdict = {WriteStatus::kProgramFail, 0};
  return started;
}

void Media::finish_program(TimePs now, std::uint64_t dlu, const WriteVerdict& verdict) {
  const Place place = place_of(dlu);
  Lane& lane = lane_at(place.lane);
  Block& block = lane.blocks[place.row];
  const auto queue = lane.pending.find(place.row);
  if (queue == lane.pending.end() || queue->second.empty() || queue->second.front().page != place.page) {
    throw ModelError("contract", fmt::format("hbf channel {}", channel_),
                     fmt::format("end of a program of DLU {} that has not started", dlu));
  }
  const bool current = queue->second.front().current;
  queue->second.pop_front();
  const bool doom = verdict.status == WriteStatus::kProgramFail || verdict.status == WriteStatus::kUnusable;
  if (doom) {
    // What follows in the same generation of the block fails with it.
    for (Pending& p : queue->second) {
      if (p.current != current) break;
      p.doomed = true;
    }
  }
  if (queue->second.empty()) {
    lane.pending.erase(queue);
    block.clear(Block::kPending);
  }
  if (verdict.status == WriteStatus::kOk) {
    ++counters_.programs;
    if (!current) return;
    block.programmed = static_cast<std::uint16_t>(place.page + 1);
    if (place.page == 0) {
      block.born = clock(now);
      block.entry = kNone;
    }
    return;
  }
  if (verdict.status == WriteStatus::kProgramFail) {
    ++counters_.program_fails;
    lane.physical[block.physical].suspect = 1;
  }
  if (!current || !doom) return;
  block.accepted = block.programmed = static_cast<std::uint16_t>(place.page);
  if (verdict.status == WriteStatus::kProgramFail) {
    block.set(Block::kFailed);
  } else if (!block.has(Block::kRetired) && lane.owner(block.physical) == kBad) {
    block.set(Block::kRetired);
    ++unusable_blocks_;
  }
}

void Media::abandon(std::uint64_t dlu, bool started) {
  const Place place = place_of(dlu);
  Lane& lane = lane_at(place.lane);
  Block& block = lane.blocks[place.row];
  const auto found = lane.pending.find(place.row);
  if (found == lane.pending.end()) return;
  auto& queue = found->second;
  // The started one is the first; of those that are not, the last with this page.
  auto entry = queue.begin();
  if (!started) {
    entry = queue.end();
    for (auto i = queue.begin(); i != queue.end(); ++i) {
      if (i->page == place.page) entry = i;
    }
  }
  if (entry == queue.end() || entry->page != place.page) return;
  const bool current = entry->current;
  queue.erase(entry);
  if (queue.empty()) {
    lane.pending.erase(found);
    block.clear(Block::kPending);
  }
  if (!current) return;
  if (!started) {
    // Behind a torn page everything is lost anyway.
    if (block.has(Block::kLost | Block::kTorn)) return;
    block.accepted = std::min(block.accepted, static_cast<std::uint16_t>(place.page));
    return;
  }
  block.set(Block::kFailed);
  if (place.page == 0) {
    block.set(Block::kLost);
    block.accepted = static_cast<std::uint16_t>(config_.pages_per_block);
  } else {
    block.set(Block::kTorn);
    block.accepted = static_cast<std::uint16_t>(place.page + 1);
  }
}

// --- Management ---

/// Calls part(lane, row, first page, end page) for every block that has a page in [first_dlu, end_dlu).
template <typename Part>
void Media::for_each_part(std::uint64_t first_dlu, std::uint64_t end_dlu, Part part) {
  end_dlu = std::min(end_dlu, pages_);
  for (std::uint64_t row = first_dlu / row_pages_; row * row_pages_ < end_dlu; ++row) {
    const std::uint64_t begin = row * row_pages_;
    const std::uint64_t from = std::max(first_dlu, begin) - begin;
    const std::uint64_t to = std::min(end_dlu, begin + row_pages_) - begin;
    for (unsigned lane = 0; lane < lanes_count_; ++lane) {
      // Page p of the block is number p x lanes + lane of the row.
      const auto page = [&](std::uint64_t in_row) {
        return in_row <= lane ? 0 : static_cast<std::uint32_t>((in_row - lane - 1) / lanes_count_ + 1);
      };
      if (page(from) < page(to)) part(lane, static_cast<std::uint32_t>(row), page(from), page(to));
    }
  }
}

void Media::forget(std::uint64_t first_dlu, std::uint64_t dlus) {
  const std::uint64_t end = dlus > pages_ ? pages_ : first_dlu + dlus;
  for_each_part(first_dlu, end, [&](unsigned l, std::uint32_t row, std::uint32_t first, std::uint32_t last) {
    if (!lanes_[l] && !obfuscated_) return;
    Lane& lane = lane_at(l);
    Block& block = lane.blocks[row];
    if (block.accepted <= first || block.floor >= last) return;
    clear_contents(l, row, first, std::min<std::uint32_t>(last, block.accepted));
    if (first <= block.floor && last >= block.accepted) {
      blank(lane, row);
    } else if (last >= block.accepted) {
      block.accepted = static_cast<std::uint16_t>(first);
      block.programmed = std::min(block.programmed, block.accepted);
      block.clear(Block::kTorn);
      if (block.has(Block::kPending)) {
        for (Pending& p : lane.pending[row]) p.current = p.current && p.page < first;
      }
    } else if (first <= block.floor) {
      block.floor = static_cast<std::uint16_t>(last);
    } else {
      for (std::uint32_t page = first; page < last; ++page) {
        lane.notes[Lane::key(row, page)].forgotten = true;
      }
      block.set(Block::kNoted);
    }
  });
}

void Media::obfuscate() {
  obfuscated_ = true;
  for (const auto& lane : lanes_) {
    if (lane) obfuscate(*lane);
  }
}

void Media::obfuscate(Lane& lane) {
  for (Block& block : lane.blocks) {
    block.set(Block::kLost | Block::kFailed);
    block.floor = 0;
    block.accepted = static_cast<std::uint16_t>(config_.pages_per_block);
  }
}

std::uint64_t Media::zone_dlus(unsigned) const {
  return config_.zones_per_channel == 0 ? 0 : config_.rows() / config_.zones_per_channel * row_pages_;
}

std::uint64_t Media::zone_first_dlu(unsigned zone) const { return zone * zone_dlus(zone); }

void Media::swap_zones(unsigned a, unsigned b) {
  if (a >= config_.zones_per_channel || b >= config_.zones_per_channel) {
    throw ModelError("contract", fmt::format("hbf channel {}", channel_),
                     fmt::format("zones {} and {} of {}", a, b, config_.zones_per_channel));
  }
  for (const unsigned zone : {a, b}) forget(zone_first_dlu(zone), zone_dlus(zone));
  const std::uint64_t rows = config_.rows() / config_.zones_per_channel;
  for (unsigned l = 0; l < lanes_count_; ++l) {
    Lane& lane = lane_at(l);
    for (std::uint64_t i = 0; i < rows; ++i) {
      const auto x = static_cast<std::uint32_t>(a * rows + i), y = static_cast<std::uint32_t>(b * rows + i);
      if (!exists(l, x) || !exists(l, y)) continue;
      Block& one = lane.blocks[x];
      Block& other = lane.blocks[y];
      if (one.has(Block::kRetired) || other.has(Block::kRetired)) continue;
      std::swap(one.physical, other.physical);
      lane.set_owner(one.physical, x);
      lane.set_owner(other.physical, y);
      one.entry = other.entry = kNone;
    }
  }
}

void Media::inject(const Fault& fault) {
  const std::uint64_t dlu = fault.address / kPageBytes;
  if (dlu >= pages_) {
    throw ConfigError(fmt::format("hbf fault at {:#x} of channel {}: the channel has {:#x} bytes",
                                  fault.address, channel_, config_.channel_bytes()));
  }
  const Place place = place_of(dlu);
  Lane& lane = lane_at(place.lane);
  Block& block = lane.blocks[place.row];
  const std::uint64_t key = Lane::key(place.row, place.page);
  const auto note = [&]() -> Note& {
    block.set(Block::kNoted);
    return lane.notes[key];
  };
  switch (fault.kind) {
    case FaultKind::kNone:
      lane.notes.erase(key);
      block.clear(Block::kRestricted | Block::kCountFull | Block::kEraseFails);
      die_blocked_[place.lane / config_.planes_per_die] = false;
      break;
    case FaultKind::kCorrected:
    case FaultKind::kRetry:
    case FaultKind::kUncorrectable:
    case FaultKind::kCorrectedHigh:
      note().read = fault.kind;
      note().stages = fault.stages;
      break;
    case FaultKind::kProgramFail:
      note().program_fails = true;
      break;
    case FaultKind::kReadCount:
      block.set(Block::kCountFull);
      break;
    case FaultKind::kUnusable: {
      const unsigned info = std::clamp(fault.info, 1u, 4u);
      losses_.push_back({info, place.lane, place.row, false});
      for (unsigned l = 0; l < lanes_count_; ++l) {
        const bool same_die = l / config_.planes_per_die == place.lane / config_.planes_per_die;
        if (!(info == 4 || (info == 3 && same_die) || l == place.lane)) continue;
        Lane& victim = lane_at(l);
        for (std::uint32_t i = 0; i < victim.physical.size(); ++i) {
          if (info > 1 || i == block.physical) retire(victim, i);
        }
      }
      break;
    }
    case FaultKind::kRestricted:
      block.set(Block::kRestricted);
      break;
    case FaultKind::kDieBlocked:
      die_blocked_[place.lane / config_.planes_per_die] = true;
      break;
    case FaultKind::kVendor:
      note().vendor = true;
      note().vendor_code = fault.info % 3;
      break;
    case FaultKind::kEraseFail:
      block.set(Block::kEraseFails);
      break;
  }
}

void Media::mark_programmed(std::uint64_t address, std::uint64_t bytes) {
  if (bytes == 0 || address >= config_.channel_bytes()) return;
  bytes = std::min(bytes, config_.channel_bytes() - address);
  for_each_part(address / kPageBytes, (address + bytes - 1) / kPageBytes + 1,
                [&](unsigned l, std::uint32_t row, std::uint32_t first, std::uint32_t last) {
                  Block& block = lane_at(l).blocks[row];
                  if (block.accepted == 0 || block.has(Block::kLost)) {
                    block.accepted = 0;
                    block.floor = static_cast<std::uint16_t>(first);
                    block.born = -config_.reliability.hours_at_start;
                  }
                  block.floor = static_cast<std::uint16_t>(std::min<std::uint32_t>(block.floor, first));
                  block.accepted = static_cast<std::uint16_t>(std::max<std::uint32_t>(block.accepted, last));
                  block.programmed = block.accepted;
                  block.clear(Block::kFailed | Block::kLost | Block::kTorn);
                  block.entry = kNone;
                });
}

Media::BlockInfo Media::block_info(TimePs now, unsigned lane, std::uint32_t row) {
  BlockInfo info;
  info.physical = row;
  info.pec = config_.reliability.pec_at_start;
  if (!exists(lane, row)) {
    info.retired = true;
    return info;
  }
  info.retired = loss_of(lane, row) != nullptr;
  if (!lanes_[lane]) return info;
  const Block& block = lanes_[lane]->blocks[row];
  info.frontier = block.programmed;
  info.pec += lanes_[lane]->physical[block.physical].erases;
  info.reads = block.reads;
  info.hours = block.programmed > 0 ? clock(now) - block.born : 0;
  info.failed = block.has(Block::kFailed);
  info.retired = info.retired || block.has(Block::kRetired);
  info.physical = block.physical;
  return info;
}

Media::Wear Media::wear() const {
  Wear wear;
  const double start = config_.reliability.pec_at_start;
  wear.max_pec = start + max_erases_;
  const double blocks = static_cast<double>(lanes_count_) * config_.blocks_per_plane;
  wear.average_pec = start + static_cast<double>(all_erases_) / blocks;
  wear.retired_blocks = retired_;
  wear.spares_left = spares_;
  return wear;
}

std::uint64_t Media::logical_blocks() const {
  const std::uint64_t rows = pages_ / row_pages_;
  return rows * lanes_count_ + std::min<std::uint64_t>(lanes_count_, pages_ - rows * row_pages_);
}

bool Media::block_unusable(std::uint64_t block) const {
  if (block >= logical_blocks()) return true;
  const auto lane = static_cast<unsigned>(block % lanes_count_);
  const auto row = static_cast<std::uint32_t>(block / lanes_count_);
  if (loss_of(lane, row)) return true;
  return lanes_[lane] && lanes_[lane]->blocks[row].has(Block::kRetired);
}

std::uint64_t Media::host_bytes() const {
  std::uint64_t bytes = lanes_.size() * sizeof(lanes_[0]) + entries_.size() * (sizeof(Entry) + 32);
  for (const auto& lane : lanes_) {
    if (!lane) continue;
    bytes += sizeof(Lane) + lane->blocks.size() * sizeof(Block) + lane->physical.size() * sizeof(Physical) +
             lane->notes.size() * (sizeof(Note) + 48) + lane->pending.size() * 600;
  }
  return bytes;
}

bool Media::reduced_capacity() const { return unusable_blocks_ > 0 || !losses_.empty(); }

}  // namespace memwall::hbf
