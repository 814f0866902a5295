// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Admin commands (specification 5.2.4): a table of opcodes, a table of features, and the logs' layouts.
// Where several checks fail, the lowest status wins.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "common/error.h"
#include "hbf/management.h"

namespace memwall::hbf {
namespace {

constexpr std::uint64_t bits(std::uint64_t word, unsigned high, unsigned low) {
  return word >> low & ((std::uint64_t{1} << (high - low + 1)) - 1);
}

std::uint64_t load(const std::uint8_t* bytes, unsigned count) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < count; ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
  return value;
}

void store(std::vector<std::uint8_t>& bytes, std::size_t at, std::uint64_t value, unsigned count) {
  for (unsigned i = 0; i < count; ++i) bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

std::uint64_t ns(TimePs time) { return time / kPsPerNs; }
std::uint64_t millidegrees(double celsius) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(std::llround(celsius * 1000)));
}

// Secure erase, ADDR[11:10].
constexpr std::uint64_t kSesNone = 0;
constexpr std::uint64_t kSesHbf = 1;

// BIST types, ours.
constexpr unsigned kBistLogic = 0;       // keeps everything
constexpr unsigned kBistScratchpad = 1;  // scratchpad is lost
constexpr unsigned kBistMedia = 2;       // flash contents are lost

constexpr unsigned kBistFailed = 5;  // product status: the media test met unusable blocks

// BUCC.WLS = 10.
constexpr std::uint32_t kBucc = 0x00C;
constexpr std::uint32_t kWlsHost = 2;

/// At most 2^63.
std::uint64_t hours_in_ns(double hours) {
  return static_cast<std::uint64_t>(std::min(hours * 3.6e12, 0x1p63));
}

}  // namespace

struct Management::AdminRow {
  Opcode opcode;
  bool is_write;
  Answer (Management::*run)(TimePs now, const Command& command);
};

const std::vector<Management::AdminRow>& Management::admin_rows() {
  using M = Management;
  static const std::vector<AdminRow> rows = {
      {Opcode::kSetFeature, true, &M::set_feature},
      {Opcode::kGetFeature, false, &M::get_feature},
      {Opcode::kSecureErase, true, &M::secure_erase},
      {Opcode::kGetLogPage, false, &M::get_log_page},
      {Opcode::kBist, true, &M::bist},
      {Opcode::kZoneRemap, true, &M::zone_remap},
      {Opcode::kReadUcieErrors, false, &M::read_ucie_errors},
      {Opcode::kReducedCapacity, false, &M::reduced_capacity},
      {Opcode::kRegister, false, &M::register_read},
      {Opcode::kRegister, true, &M::register_write},
  };
  return rows;
}

Management::Answer Management::admin(TimePs now, const Command& command) {
  advance(now);
  if (command.is_write && command.data == nullptr) {
    throw ModelError("contract", "hbf channel " + std::to_string(channel_),
                     "an admin write command without data");
  }
  const auto refused = [](AdminDetail detail) {
    Answer answer;
    answer.status = 4;
    answer.info = static_cast<unsigned>(detail);
    return answer;
  };
  const auto opcode = static_cast<Opcode>(command.address & 0xffu);
  bool known = false;
  const AdminRow* found = nullptr;
  for (const AdminRow& row : admin_rows()) {
    if (row.opcode != opcode) continue;
    known = true;
    if (row.is_write == command.is_write) found = &row;
  }
  // USER[2] chooses the space of a register access; nothing else is defined.
  const unsigned defined = opcode == Opcode::kRegister ? 7u : 3u;
  Answer answer;
  if (!known) {
    answer = refused(AdminDetail::kUnknownOpcode);
  } else if (found == nullptr) {
    answer = refused(AdminDetail::kWrongDirection);
  } else if ((command.user & ~defined) != 0) {
    answer = refused(AdminDetail::kUndefinedUser);
  } else {
    answer = (this->*found->run)(now, command);
  }
  if (!command.is_write) answer.data.resize(command.beats() * kChunkBytes);
  return answer;
}

// Features.

struct Management::FeatureRow {
  Feature feature;
  std::uint64_t (*get)(Management& m, TimePs now);
  bool (*set)(Management& m, std::uint64_t value) = nullptr;  // null: denied; false: bad value
};

const std::vector<Management::FeatureRow>& Management::feature_rows() {
  using M = Management;
  static const std::vector<FeatureRow> rows = {
      {Feature::kGeometry,
       [](M& m, TimePs) {
         return std::uint64_t{m.config_.lanes_per_channel() & 0xffffu} |
                std::uint64_t{m.config_.pages_per_block & 0xffffu} << 16 |
                std::uint64_t{m.config_.planes_per_die & 0xffffu} << 32 |
                std::uint64_t{m.config_.dies_per_channel & 0xffffu} << 48;
       }},
      {Feature::kTimes,
       [](M& m, TimePs) {
         return (ns(m.config_.timing.tR) & 0xffffffffu) | ns(m.config_.timing.tPROG) << 32;
       }},
      {Feature::kRetryMode, [](M& m, TimePs) { return std::uint64_t{m.host_retry_ ? 1u : 0u}; },
       [](M& m, std::uint64_t value) {
         if (value > 1) return false;
         m.host_retry_ = value == 1;
         return true;
       }},
      {Feature::kRetryStages, [](M& m, TimePs) { return std::uint64_t{m.config_.reliability.retry_stages}; }},
      {Feature::kMaxReadThreshold, [](M& m, TimePs) { return m.max_read_threshold_; },
       [](M& m, std::uint64_t value) {
         if (value == 0) return false;
         m.max_read_threshold_ = value;
         return true;
       }},
      {Feature::kRetention, [](M& m, TimePs) { return hours_in_ns(m.config_.reliability.retention_hours); }},
      {Feature::kEndurance,
       [](M& m, TimePs) { return static_cast<std::uint64_t>(m.config_.reliability.endurance_cycles); }},
      {Feature::kEraseTime, [](M& m, TimePs) { return ns(m.config_.timing.tBERS); }},
      {Feature::kOpenDlus, [](M& m, TimePs) { return std::uint64_t{m.config_.open_dlus}; }},
      {Feature::kTemperature, [](M& m, TimePs) { return millidegrees(m.services_.celsius()); }},
      {Feature::kZones,
       [](M& m, TimePs) {
         const std::uint64_t zones = m.config_.zones_per_channel;
         return zones | (zones == 0 ? 0 : m.config_.rows() / zones * m.config_.lanes_per_channel() << 32);
       }},
      {Feature::kBlocks,
       [](M& m, TimePs) {
         return (m.services_.logical_blocks() & 0xffffffffu) | m.services_.wear().spares_left << 32;
       }},
      {Feature::kRetired, [](M& m, TimePs) { return m.services_.wear().retired_blocks; }},
      {Feature::kFirmware, [](M& m, TimePs) { return std::uint64_t{m.firmware_version_}; }},
      {Feature::kBist,
       [](M& m, TimePs) { return std::uint64_t{m.bist_type_} | std::uint64_t{m.bist_result_} << 8; }},
      {Feature::kBlockReads,
       [](M& m, TimePs now) { return m.services_.block_state(now, m.chosen_block_).reads; },
       [](M& m, std::uint64_t value) {
         if (value >= m.services_.logical_blocks()) return false;
         m.chosen_block_ = value;
         return true;
       }},
      {Feature::kBlockCycles,
       [](M& m, TimePs now) {
         return static_cast<std::uint64_t>(m.services_.block_state(now, m.chosen_block_).pec);
       }},
      {Feature::kBlockState,
       [](M& m, TimePs now) {
         const ChannelServices::BlockState state = m.services_.block_state(now, m.chosen_block_);
         return state.frontier | std::uint64_t{m.services_.block_unusable(m.chosen_block_) ? 1u : 0u} << 32 |
                std::uint64_t{state.failed ? 1u : 0u} << 33;
       }},
      {Feature::kBlockAge,
       [](M& m, TimePs now) { return hours_in_ns(m.services_.block_state(now, m.chosen_block_).hours); }},
  };
  return rows;
}

const Management::FeatureRow* Management::find_feature(std::uint64_t address) {
  for (const FeatureRow& row : feature_rows()) {
    if (static_cast<std::uint64_t>(row.feature) == address) return &row;
  }
  return nullptr;
}

Management::Answer Management::set_feature(TimePs, const Command& command) {
  Answer answer;
  const FeatureRow* row = find_feature(bits(command.address, 35, 8));
  if (row == nullptr) {
    answer.status = 1;
  } else if (command.len != 0) {
    answer.status = 2;
  } else if (row->set == nullptr) {
    answer.status = 3;
  } else if (!row->set(*this, load(command.data, 8))) {
    answer.status = 2;
  }
  return answer;
}

Management::Answer Management::get_feature(TimePs now, const Command& command) {
  Answer answer;
  const FeatureRow* row = find_feature(bits(command.address, 35, 8));
  if (row == nullptr || command.len != 0) {
    answer.status = 1;
    return answer;
  }
  answer.data.resize(kChunkBytes);
  store(answer.data, 0, row->get(*this, now), 8);
  return answer;
}

// What destroys or moves contents.

Management::Answer Management::secure_erase(TimePs now, const Command& command) {
  Answer answer;
  const auto scope = static_cast<EraseScope>(bits(command.address, 9, 8));
  const std::uint64_t ses = bits(command.address, 11, 10);
  const auto zones = static_cast<std::uint32_t>(load(command.data, 4));
  const std::uint32_t all =
      static_cast<std::uint32_t>((std::uint64_t{1} << std::min(32u, config_.zones_per_channel)) - 1);
  if (ses != kSesNone && ses != kSesHbf) {
    answer.status = 1;
  } else if (scope == EraseScope::kZones && (zones == 0 || (zones & ~all) != 0)) {
    answer.status = 2;
  } else if (now < erase_end_ || now < bist_end_) {
    answer.status = 3;
  } else if (scope == EraseScope::kScratchpad && config_.scratchpad_bytes == 0) {
    answer.status = 4;
    answer.info = static_cast<unsigned>(AdminDetail::kNoScratchpad);
  } else if (ses == kSesHbf) {  // kSesNone: nothing to do
    erase_end_ = now + config_.timing.tSECURE_ERASE;
    answer.busy = config_.timing.tSECURE_ERASE;
    services_.secure_erase(now, command.port, scope, scope == EraseScope::kZones ? zones : 0);
  }
  return answer;
}

Management::Answer Management::bist(TimePs now, const Command& command) {
  Answer answer;
  const auto type = static_cast<unsigned>(bits(command.address, 15, 8));
  if (type > kBistMedia || (type == kBistScratchpad && config_.scratchpad_bytes == 0)) {
    answer.status = 1;
    return answer;
  }
  if (services_.io_active() || now < bist_end_ || now < erase_end_) {
    answer.status = 2;
    return answer;
  }
  bist_type_ = type;
  bist_result_ = 3;
  bist_end_ = now + config_.timing.tBIST;
  answer.busy = config_.timing.tBIST;
  const bool passes = type != kBistMedia || !services_.wear().reduced;
  answer.status = passes ? 0 : kBistFailed;
  if (type == kBistLogic) return answer;
  for (unsigned port = 0; port < config_.ports_per_channel; ++port) {
    services_.secure_erase(now, port, type == kBistMedia ? EraseScope::kFlash : EraseScope::kScratchpad, 0);
  }
  return answer;
}

Management::Answer Management::zone_remap(TimePs now, const Command& command) {
  Answer answer;
  const bool host_levelling = (stored(Space::kMmio, kBucc) >> 6 & 3u) == kWlsHost;
  if (bits(command.address, 15, 8) != 0 || !host_levelling) {
    answer.status = 2;
    return answer;
  }
  std::vector<std::pair<unsigned, unsigned>> pairs;
  std::set<unsigned> seen;
  for (unsigned i = 0; i < 16; ++i) {
    const auto word = static_cast<std::uint32_t>(load(command.data + 4 * i, 4));
    if (word == 0 || word == 0xffffffffu) continue;  // no pair here
    const unsigned source = word & 0xffffu;
    const unsigned target = word >> 16;
    if (source >= config_.zones_per_channel || target >= config_.zones_per_channel ||
        !seen.insert(source).second || !seen.insert(target).second) {
      answer.status = 1;
      return answer;
    }
    pairs.emplace_back(target, source);
  }
  for (const auto& [target, source] : pairs) services_.swap_zones(now, target, source);
  answer.busy = config_.timing.tZONE_REMAP;
  return answer;
}

// What is read.

std::vector<std::uint8_t> Management::smart_page(TimePs now) const {
  const ChannelServices::Wear wear = services_.wear();
  const double endurance = config_.reliability.endurance_cycles;
  const std::vector<std::uint64_t> own = {
      1u | std::uint64_t{kSmartBytes} << 16 | std::uint64_t{channel_} << 32,
      ns(now),
      millidegrees(services_.celsius()),
      static_cast<std::uint64_t>(wear.max_pec),
      static_cast<std::uint64_t>(wear.average_pec * 1000),
      endurance > 0 ? static_cast<std::uint64_t>(wear.average_pec / endurance * 100) : 0,
      wear.retired_blocks,
      wear.spares_left,
      services_.logical_blocks(),
      (wear.reduced ? 1u : 0u) | (light_ ? 2u : 0u) | (cattrip_ ? 4u : 0u) | (ces_ ? 8u : 0u) |
          (fatal_ ? 16u : 0u) | (disabled_ ? 32u : 0u),
      hbf_logged_,
      ucie_logged_,
      power_cycles_,
      resets_,
      light_entries_ | severe_entries_ << 32,
      firmware_version_,
  };
  std::vector<std::uint8_t> page(kSmartBytes);
  std::size_t at = 0;
  for (const std::uint64_t word : own) {
    store(page, at, word, 8);
    at += 8;
  }
  for (const std::uint64_t word : services_.smart()) {
    if (at + 8 > page.size()) break;
    store(page, at, word, 8);
    at += 8;
  }
  return page;
}

// The whole log; status 1, 3 or 5 if there is none.
unsigned Management::log_page(TimePs now, unsigned type, std::vector<std::uint8_t>& page) {
  const auto entries = [&](const std::deque<LogEntry>& log, std::uint32_t most) {
    page.assign(most * kLogEntryBytes, 0);
    std::size_t at = 0;
    for (const LogEntry& entry : log) {
      store(page, at + 0, 1, 1);
      store(page, at + 1, entry.is_write, 1);
      store(page, at + 2, entry.status, 1);
      store(page, at + 3, entry.info, 1);
      store(page, at + 4, entry.kind, 1);
      store(page, at + 6, channel_, 2);
      store(page, at + 8, entry.number, 8);
      store(page, at + 16, ns(entry.at), 8);
      store(page, at + 24, entry.address, 8);
      store(page, at + 32, static_cast<std::uint64_t>(entry.millidegrees), 8);
      at += kLogEntryBytes;
    }
    return log.empty() ? 3u : 0u;
  };
  const bool media_taken = now < erase_end_ || now < bist_end_;
  switch (type) {
    case 0:
      if (media_taken) return 5;
      page = smart_page(now);
      return 0;
    case 1:
      return entries(hbf_log_, kMaxHbfEntries);
    case 2:
      return entries(ucie_log_, kMaxUcieEntries);
    case 3: {
      page.assign(kSnapshotsKept * kSnapshotBytes, 0);
      std::size_t at = 0;
      for (const auto& snapshot : snapshots_) {
        for (const std::uint64_t word : snapshot) {
          store(page, at, word, 8);
          at += 8;
        }
      }
      return snapshots_.empty() ? 3 : media_taken ? 5 : 0;
    }
    default:
      return 1;
  }
}

Management::Answer Management::get_log_page(TimePs now, const Command& command) {
  Answer answer;
  std::vector<std::uint8_t> page;
  answer.status = log_page(now, static_cast<unsigned>(bits(command.address, 11, 8)), page);
  if (answer.status == 1) return answer;
  const std::uint64_t size = page.empty() ? kSmartBytes : page.size();
  const std::uint64_t from = bits(command.address, 31, 16) * kChunkBytes;
  const std::uint64_t length = command.beats() * kChunkBytes;
  if (from + length > size) {
    answer.status = 2;
  } else if (answer.status == 0) {
    answer.data.assign(page.begin() + static_cast<std::ptrdiff_t>(from),
                       page.begin() + static_cast<std::ptrdiff_t>(from + length));
  }
  return answer;
}

bool Management::log_word(TimePs now, unsigned type, std::uint32_t word, std::uint64_t& value) {
  std::vector<std::uint8_t> page;
  if (log_page(now, type, page) != 0 || std::size_t{word} * 8 + 8 > page.size()) return false;
  value = load(page.data() + std::size_t{word} * 8, 8);
  return true;
}

Management::Answer Management::read_ucie_errors(TimePs, const Command&) {
  Answer answer;
  answer.data.resize(kChunkBytes);
  std::uint64_t resets = 0;
  for (const LogEntry& entry : ucie_log_) {
    if (entry.kind != static_cast<std::uint8_t>(UcieEvent::kThermalShutdown)) ++resets;
  }
  store(answer.data, 0, ucie_logged_, 4);
  store(answer.data, 4, resets, 4);
  return answer;  // CRC errors and retries are not modelled: 0
}

Management::Answer Management::reduced_capacity(TimePs, const Command& command) {
  Answer answer;
  if (bits(command.address, 15, 8) != 0) {
    answer.status = 1;
    return answer;
  }
  const std::uint64_t most = config_.readings.bitmap == Readings::Bitmap::kBits ? 1024 : ~std::uint64_t{0};
  const std::uint64_t blocks = std::min(services_.logical_blocks(), most);
  const std::uint64_t beats = (blocks + 8 * kChunkBytes - 1) / (8 * kChunkBytes);
  const std::uint64_t from = bits(command.address, 31, 16);
  if (from + command.beats() > beats) {
    answer.status = 2;
    return answer;
  }
  answer.data.resize(command.beats() * kChunkBytes);
  const std::uint64_t first = from * kChunkBytes * 8;
  const std::uint64_t end = std::min(blocks, first + answer.data.size() * 8);
  for (std::uint64_t block = first; block < end; ++block) {
    if (services_.block_unusable(block)) {
      answer.data[(block - first) / 8] |= static_cast<std::uint8_t>(1u << (block % 8));
    }
  }
  return answer;
}

// Registers.

Management::Answer Management::register_read(TimePs now, const Command& command) {
  Answer answer;
  std::uint32_t value = 0;
  const auto offset = static_cast<std::uint32_t>(bits(command.address, 31, 8));
  if (!read_register(now, user::bit2(command.user) ? Space::kMmio : Space::kConfig, offset, value)) {
    answer.status = 1;
    return answer;
  }
  answer.data.resize(kChunkBytes);
  store(answer.data, 0, value, 4);
  return answer;
}

Management::Answer Management::register_write(TimePs now, const Command& command) {
  Answer answer;
  const auto offset = static_cast<std::uint32_t>(bits(command.address, 31, 8));
  const auto value = static_cast<std::uint32_t>(load(command.data, 4));
  if (!write_register(now, user::bit2(command.user) ? Space::kMmio : Space::kConfig, offset, value)) {
    answer.status = 1;
  }
  return answer;
}

}  // namespace memwall::hbf
