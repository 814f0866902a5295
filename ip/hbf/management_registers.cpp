// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Both register spaces (specification 5.9.1, 5.9.2) as one table of rows; a row without hooks is plain
// storage.
#include <algorithm>
#include <cmath>

#include "hbf/management.h"

namespace memwall::hbf {
namespace {

// MMIO offsets that the code refers to by name.
constexpr std::uint32_t kBuccap = 0x000;
constexpr std::uint32_t kBucc = 0x00C;
constexpr std::uint32_t kVstsz = 0x054;
constexpr std::uint32_t kEncHigh = 0x068;
constexpr std::uint32_t kTmr = 0x100;
constexpr std::uint32_t kTttemp = 0x150;

constexpr std::uint32_t kEnable = 1u;
constexpr std::uint32_t kWlsShift = 6;
constexpr std::uint32_t kWlsBaseDie = 1;
constexpr std::uint32_t kWlsHost = 2;
constexpr std::uint32_t kSnauShift = 4;
constexpr std::uint32_t kSsgShift = 16;
constexpr std::uint32_t kMocsShift = 24;
constexpr TimePs kReadyUnit = 500 * kPsPerMs;  // BUCCAP.TO

constexpr TimePs kPsPerSecond = 1000 * kPsPerMs;
constexpr TimePs kTimerUnits[] = {kPsPerNs,     kPsPerUs,          kPsPerMs,
                                  kPsPerSecond, 60 * kPsPerSecond, 3600 * kPsPerSecond};
constexpr std::uint32_t kTimerMax = 0xffffff;

TimePs product(std::uint64_t value, TimePs unit) {
  return value > Management::kLongest / unit ? Management::kLongest : value * unit;
}

/// The finest unit in which the time fits, rounded up.
std::uint32_t encode_timer(TimePs time) {
  for (std::uint32_t unit = 0; unit < std::size(kTimerUnits); ++unit) {
    const std::uint64_t value = time / kTimerUnits[unit] + (time % kTimerUnits[unit] != 0 ? 1 : 0);
    if (value <= kTimerMax) return static_cast<std::uint32_t>(value) << 8 | unit;
  }
  return kTimerMax << 8 | 5;
}

TimePs decode_timer(std::uint32_t word) { return product(word >> 8, kTimerUnits[word & 0xffu]); }

/// 60 C + 0.5 C x code.
std::uint32_t encode_celsius(double celsius) {
  return static_cast<std::uint32_t>(std::clamp(std::lround((celsius - 60) * 2), 0L, 127L));
}
double decode_celsius(std::uint32_t code) { return 60 + 0.5 * (code & 127u); }

std::uint32_t ports_code(unsigned ports) { return ports == 4 ? 2u : ports == 2 ? 1u : 0u; }
std::uint32_t size_code(bool burst) { return burst ? 3u : 0u; }  // 4096 or 64 B

std::uint32_t ceil_log2(unsigned value) {
  std::uint32_t bits = 0;
  while ((1u << bits) < value) ++bits;
  return bits;
}

}  // namespace

struct Management::RegisterRow {
  const char* name;
  Space space;
  std::uint32_t offset;
  std::uint32_t bytes;
  std::uint32_t writable;  // bits of the first dword that are plain storage
  std::uint32_t (Management::*read)(TimePs now, unsigned dword) const = nullptr;
  void (Management::*write)(TimePs now, unsigned dword, std::uint32_t value) = nullptr;
};

const std::vector<Management::RegisterRow>& Management::register_rows() {
  constexpr Space cfg = Space::kConfig;
  constexpr Space mem = Space::kMmio;
  using M = Management;
  // What no row covers is reserved or not described: such an offset is refused.
  static const std::vector<RegisterRow> rows = {
      {"ID", cfg, 0x000, 4, 0},
      {"STS", cfg, 0x004, 4, 0, &M::read_sts},
      {"RID", cfg, 0x008, 4, 0},
      {"MADDR", cfg, 0x010, 8, ~0u},
      {"PWR", cfg, 0x018, 8, ~0u},
      {"UCONFIG", cfg, 0x058, 64, 0},
      {"CAP", cfg, 0x098, 256, 0},
      {"VPR", cfg, 0x200, 4, 0},
      {"VCONFIG", cfg, 0x204, 508, 0},

      {"BUCCAP", mem, 0x000, 8, 0},
      {"VS", mem, 0x008, 4, 0},
      {"BUCC", mem, kBucc, 4, 0, nullptr, &M::write_bucc},
      {"BUCSTS", mem, 0x010, 4, 0, &M::read_bucsts},
      {"BUCR", mem, 0x014, 4, 0, nullptr, &M::write_bucr},
      {"TMON", mem, 0x018, 4, 0, &M::read_tmon, &M::write_tmon},
      {"SMEMSA", mem, 0x01C, 8, 0},
      {"SMEMSZ", mem, 0x024, 16, 0},
      {"FIOSA", mem, 0x034, 8, 0},
      {"FIOSZ", mem, 0x03C, 16, 0},
      {"SMSZ", mem, 0x04C, 8, 0},
      {"VSTSZ", mem, kVstsz, 8, 0, nullptr, &M::write_vstsz},
      {"ESZ", mem, 0x05C, 8, 0},
      {"ENC", mem, 0x064, 4, 0},
      {"ENC, upper half", mem, kEncHigh, 4, 0},  // if the reading has one
      {"TMR", mem, kTmr, 64, 0, nullptr, &M::write_timer},
      {"LOCKOUT", mem, 0x140, 4, 0, &M::read_lockout, &M::write_lockout},
      {"MAXPEC", mem, 0x144, 4, 0, &M::read_maxpec},
      {"AVGPEC", mem, 0x148, 4, 0, &M::read_avgpec},
      {"REDCAP", mem, 0x14C, 4, 0, &M::read_redcap},
      {"TTTEMP", mem, kTttemp, 4, 0, nullptr, &M::write_tttemp},
  };
  return rows;
}

const Management::RegisterRow* Management::find_register(Space space, std::uint32_t offset) {
  if (offset % 4 != 0) return nullptr;
  for (const RegisterRow& row : register_rows()) {
    if (row.space == space && offset >= row.offset && offset < row.offset + row.bytes) return &row;
  }
  return nullptr;
}

bool Management::present(const RegisterRow& row) const {
  return row.space != Space::kMmio || row.offset != kEncHigh ||
         config_.readings.log_counts == Readings::LogCounts::kEightBytes;
}

std::uint32_t& Management::stored(Space space, std::uint32_t offset) {
  return space == Space::kConfig ? config_space_[offset / 4] : mmio_space_[offset / 4];
}
std::uint32_t Management::stored(Space space, std::uint32_t offset) const {
  return space == Space::kConfig ? config_space_[offset / 4] : mmio_space_[offset / 4];
}

bool Management::read_register(TimePs now, Space space, std::uint32_t offset, std::uint32_t& value) {
  const RegisterRow* row = find_register(space, offset);
  if (row == nullptr || !present(*row)) return false;
  value = row->read != nullptr ? (this->*row->read)(now, (offset - row->offset) / 4) : stored(space, offset);
  return true;
}

bool Management::write_register(TimePs now, Space space, std::uint32_t offset, std::uint32_t value) {
  const RegisterRow* row = find_register(space, offset);
  if (row == nullptr || !present(*row)) return false;
  if (row->write != nullptr) {
    (this->*row->write)(now, (offset - row->offset) / 4, value);
  } else if (offset == row->offset && row->writable != 0) {
    std::uint32_t& word = stored(space, offset);
    word = (word & ~row->writable) | (value & row->writable);
  }
  return true;
}

void Management::load_reset_values() {
  config_space_.fill(0);
  mmio_space_.fill(0);
  const bool scratchpad = config_.scratchpad_bytes > 0;
  const auto config = [this](std::uint32_t offset) -> std::uint32_t& {
    return stored(Space::kConfig, offset);
  };
  const auto mmio = [this](std::uint32_t offset) -> std::uint32_t& { return stored(Space::kMmio, offset); };

  config(0x000) = std::uint32_t{kDeviceId} << 16 | kVendorId;
  config(0x008) = kRevisionId;
  config(0x01C) = ~0u;  // PCAP: none
  const unsigned speed = config_.link.grade == 3 ? 4 : config_.link.grade;
  config(0x058) = speed << 8 | ports_code(config_.ports_per_channel);
  config(0x098) =
      7u << 16 |  // reset types 0, 1, 2 (our reading of the field)
      (scratchpad ? size_code(config_.burst_reads) << 14 | size_code(config_.burst_writes) << 12 : 0u) |
      size_code(config_.burst_reads) << 6 | size_code(config_.burst_writes) << 4;

  const TimePs ready_time = std::max<TimePs>(config_.timing.tRDY, 1);
  const auto timeout =
      static_cast<std::uint32_t>(std::min<TimePs>(255, (ready_time + kReadyUnit - 1) / kReadyUnit));
  const std::uint32_t grade = 1u << (config_.link.grade - 1);
  const bool zones = config_.zones_per_channel > 0;
  mmio(kBuccap) = timeout << 24 | grade << 16 | (config_.burst_reads ? 2u : 0u) << 8 |
                  (config_.burst_writes ? 1u : 0u) << 8 | (zones ? 3u : 1u) << 6 |
                  (scratchpad ? 1u : 0u) << 4 | 1u;
  mmio(kBuccap + 4) = ceil_log2(config_.dies_per_channel) << 8 | 1u << 4 | config_.mocs_code;
  mmio(0x008) = 7;  // 0.7
  mmio(kBucc) = config_.mocs_code << kMocsShift | grade << kSsgShift | kWlsBaseDie << kWlsShift |
                ports_code(config_.ports_per_channel) << kSnauShift;
  for (std::uint32_t port = 0; port < config_.ports_per_channel; ++port) {
    mmio(0x024 + 4 * port) =
        static_cast<std::uint32_t>(config_.scratchpad_bytes / config_.ports_per_channel / kChunkBytes);
    mmio(0x03C + 4 * port) = static_cast<std::uint32_t>(config_.port_bytes() / kPageBytes);
  }
  mmio(0x04C) = 1;
  mmio(0x050) = kSmartBytes;
  mmio(kVstsz) = 1;
  mmio(kVstsz + 4) = kSnapshotBytes << 8 | kSnapshotsKept;
  mmio(0x05C) = 1u << 16 | 1u;
  mmio(0x060) = kLogEntryBytes << 16 | kLogEntryBytes;
  mmio(0x064) = kMaxUcieEntries << 16 | kMaxHbfEntries;
  mmio(kTmr) = encode_timer(config_.timing.tGATHER);
  mmio(kTmr + 4) = encode_timer(config_.timing.tACCUMULATE);
  for (std::uint32_t i = 0; i < kTimers; ++i) timers_[i] = decode_timer(mmio(kTmr + 4 * i));
  mmio(kTttemp) = 1u << 23 | encode_celsius(config_.thermal.severe_c) << 16 | 1u << 15 |
                  encode_celsius(config_.thermal.light_c) << 8 | encode_celsius(config_.thermal.recover_c);
  interval_ = 0;
  snapshot_at_ = kNever;
}

bool Management::rdy(TimePs now) const {
  if (disabled_ || now < boot_end_ || now < bist_end_) return false;
  return enabled() ? now >= ready_at_ : now < unready_at_;
}

bool Management::enabled() const { return (stored(Space::kMmio, kBucc) & kEnable) != 0; }
bool Management::ready(TimePs now) const { return enabled() && rdy(now); }

unsigned Management::outstanding_limit() const {
  const std::uint32_t code = stored(Space::kMmio, kBucc) >> kMocsShift & 15u;
  return code == 0 ? 1u : 1u << (code + 1);
}

std::uint32_t Management::read_sts(TimePs now, unsigned) const {
  const bool io = rdy(now);
  return (io && config_.scratchpad_bytes > 0 ? 1u << 7 : 0u) | 1u << 6 | (io ? 1u << 5 : 0u);
}

std::uint32_t Management::read_bucsts(TimePs now, unsigned) const {
  return (disabled_ ? 2u << 2 : 0u) | (fatal_ ? 2u : 0u) | (rdy(now) ? 1u : 0u);
}

std::uint32_t Management::read_tmon(TimePs, unsigned) const { return (light_ ? 2u : 0u) | (ces_ ? 1u : 0u); }
std::uint32_t Management::read_lockout(TimePs, unsigned) const { return lockout_ ? 1u : 0u; }

std::uint32_t Management::read_maxpec(TimePs, unsigned) const {
  const double cycles = config_.readings.max_pec == Readings::MaxPec::kLimit
                            ? config_.reliability.endurance_cycles
                            : services_.wear().max_pec;
  return static_cast<std::uint32_t>(std::clamp(cycles, 0.0, 4294967295.0));
}
std::uint32_t Management::read_avgpec(TimePs, unsigned) const {
  return static_cast<std::uint32_t>(std::clamp(services_.wear().average_pec, 0.0, 4294967295.0));
}
std::uint32_t Management::read_redcap(TimePs, unsigned) const { return services_.wear().reduced ? 1u : 0u; }

void Management::write_bucc(TimePs now, unsigned, std::uint32_t value) {
  std::uint32_t& word = stored(Space::kMmio, kBucc);
  const std::uint32_t capabilities = stored(Space::kMmio, kBuccap);
  const auto select = [&](std::uint32_t shift, std::uint32_t mask, bool legal) {
    if (legal) word = (word & ~(mask << shift)) | (value & mask << shift);
  };
  const std::uint32_t mocs = value >> kMocsShift & 15u;
  select(kMocsShift, 15, mocs <= config_.mocs_code && (mocs == 0 || (mocs >= 7 && mocs <= 13)));
  const std::uint32_t grade = value >> kSsgShift & 0xffu;
  select(kSsgShift, 0xff, grade == (capabilities >> 16 & 0xffu));
  select(kSnauShift, 3, (value >> kSnauShift & 3u) == ports_code(config_.ports_per_channel));
  const std::uint32_t levelling = value >> kWlsShift & 3u;
  const std::uint32_t before = word >> kWlsShift & 3u;
  if ((levelling == kWlsBaseDie || levelling == kWlsHost) && (capabilities >> kWlsShift & levelling) != 0 &&
      levelling != before) {
    select(kWlsShift, 3, true);
    services_.set_wear_levelling(levelling == kWlsBaseDie);
  }
  set_enable(now, (value & kEnable) != 0);
}

void Management::set_enable(TimePs now, bool on) {
  if (on == enabled() || (on && disabled_)) return;
  std::uint32_t& word = stored(Space::kMmio, kBucc);
  const bool was_ready = rdy(now);
  word = (word & ~kEnable) | (on ? kEnable : 0u);
  const TimePs change = std::max(now, boot_end_) + config_.timing.tRDY;
  if (on) {
    ready_at_ = was_ready ? now : change;
  } else {
    unready_at_ = was_ready ? change : 0;
  }
}

void Management::enable_now(TimePs now) {
  if (disabled_) return;
  stored(Space::kMmio, kBucc) |= kEnable;
  boot_end_ = std::min(boot_end_, now);
  ready_at_ = now;
}

void Management::write_bucr(TimePs now, unsigned, std::uint32_t value) {
  const std::uint32_t type = value & 3u;
  if (value >> 8 != kResetKey || type == 3) return;
  services_.reset(now, static_cast<ResetType>(type));
  reset(now, static_cast<ResetType>(type));
}

void Management::write_tmon(TimePs, unsigned, std::uint32_t value) {
  if (cattrip_) return;
  if (config_.readings.cattrip == Readings::Cattrip::kStorage) {
    ces_ = (value & 1u) != 0;
  } else if ((value & 1u) != 0) {
    ces_ = false;
  }
}

void Management::write_vstsz(TimePs now, unsigned dword, std::uint32_t value) {
  if (dword != 0) return;
  const std::uint32_t unit = value >> 16 & 3u;
  if (unit == 3) return;
  std::uint32_t& word = stored(Space::kMmio, kVstsz);
  word = (word & 0xffffu) | (value & 0xffff0000u);
  const bool whole = config_.readings.snapshot_interval == Readings::SnapshotInterval::kWhole;
  interval_ = product(value >> (whole ? 16 : 18), kTimerUnits[3 + unit]);
  snapshot_at_ = interval_ == 0 ? kNever : now + interval_;
}

void Management::write_timer(TimePs, unsigned dword, std::uint32_t value) {
  std::uint32_t& word = stored(Space::kMmio, kTmr + 4 * dword);
  // An undefined unit leaves the timer as it is.
  if ((value & 0xffu) >= std::size(kTimerUnits)) return;
  word = value;
  timers_[dword] = decode_timer(word);
}

void Management::write_lockout(TimePs, unsigned, std::uint32_t value) {
  if (config_.readings.lockout == Readings::Lockout::kReadOnly) return;
  if ((value & 0xffu) == 0x01) lockout_ = true;
}

void Management::write_tttemp(TimePs, unsigned, std::uint32_t value) {
  stored(Space::kMmio, kTttemp) = value & 0xffffffu;
  announce_thresholds();
}

void Management::announce_thresholds() {
  const std::uint32_t word = stored(Space::kMmio, kTttemp);
  services_.set_thresholds((word >> 15 & 1u) != 0, decode_celsius(word >> 8), decode_celsius(word),
                           (word >> 23 & 1u) != 0, decode_celsius(word >> 16));
}

}  // namespace memwall::hbf
