// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "ip/hbm/traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

namespace memwall::hbm::testing_support {
namespace {

unsigned bits_of(std::uint64_t power_of_two) {
  unsigned bits = 0;
  while ((std::uint64_t{1} << bits) < power_of_two) ++bits;
  return bits;
}

using C = Command;

class Table {
 public:
  explicit Table(Preset& preset) : preset_(preset) {}
  void same(const char* id, Level level, std::vector<Command> prev, std::vector<Command> next, Cycle latency,
            unsigned window = 1) {
    Constraint rule;
    rule.id = id;
    rule.level = level;
    rule.prev = std::move(prev);
    rule.next = std::move(next);
    rule.latency = latency;
    rule.window = window;
    preset_.constraints.push_back(rule);
  }
  void different(const char* id, Level level, std::vector<Command> prev, std::vector<Command> next,
                 Cycle latency) {
    same(id, level, std::move(prev), std::move(next), latency);
    preset_.constraints.back().different = true;
  }

 private:
  Preset& preset_;
};

}  // namespace

const std::vector<std::string>& preset_paths() {
  static const std::vector<std::string> paths = [] {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(MEMWALL_SOURCE_DIR "/scenarios/memories")) {
      // High-bandwidth flash is another kind of memory.
      if (entry.path().extension() == ".toml" && entry.path().filename().string().rfind("hbf", 0) != 0) {
        found.push_back(entry.path().string());
      }
    }
    std::sort(found.begin(), found.end());
    return found;
  }();
  return paths;
}

std::string preset_test_name(const std::string& path) {
  return test_name(std::filesystem::path(path).stem().string());
}

void remap(Preset& preset, const std::vector<std::string>& hashes) {
  Organisation& o = preset.organisation;
  FieldBits bits;
  bits.offset = bits_of(o.access_bytes);
  bits.channel = bits_of(o.channels);
  bits.pseudo_channel = bits_of(o.pseudo_channels);
  bits.stack_id = bits_of(o.stack_ids);
  bits.bank_group = bits_of(o.bank_groups);
  bits.bank = bits_of(o.banks);
  bits.row = bits_of(o.rows);
  bits.column = bits_of(o.columns);
  const struct {
    const char* name;
    unsigned width;
  } from_the_lowest[] = {{"offset", bits.offset},         {"column", 1},
                         {"bank_group", bits.bank_group}, {"pseudo_channel", bits.pseudo_channel},
                         {"channel", bits.channel},       {"column", bits.column - 1},
                         {"bank", bits.bank},             {"stack_id", bits.stack_id},
                         {"row", bits.row}};
  std::string text;
  unsigned low = 0;
  for (const auto& field : from_the_lowest) {
    if (field.width == 0) continue;
    text = fmt::format("{}[{}:{}] {}", field.name, low + field.width - 1, low, text);
    low += field.width;
  }
  o.capacity_bytes = std::uint64_t{1} << low;
  preset.map = AddressMap(text, hashes, bits, "test");
}

Preset with_channels(Preset preset, std::uint32_t channels) {
  preset.organisation.channels = channels;
  remap(preset);
  return preset;
}

Preset small_preset() {
  Preset p;
  p.path = p.name = "small";
  p.standard = "custom";
  p.tCK_ps = 1000;
  p.organisation.channels = 2;
  p.organisation.pseudo_channels = 2;
  p.organisation.stack_ids = 2;
  p.organisation.bank_groups = 2;
  p.organisation.banks = 2;
  p.organisation.rows = 64;
  p.organisation.columns = 16;
  p.organisation.access_bytes = 32;
  remap(p);
  p.timing = {{"tBL", 2},     {"tRL", 9},  {"tWL", 5},    {"tRCDRD", 9}, {"tRCDWR", 7},
              {"tREFI", 700}, {"tRP", 8},  {"tRFCab", 60}, {"tRFCpb", 30}};
  const std::vector<Command> row = {C::kACT,   C::kPRE,   C::kPREab, C::kREFab, C::kREFpb, C::kRFMab,
                                    C::kRFMpb, C::kPDE,   C::kPDX,   C::kSRE,   C::kSRX};
  const std::vector<Command> column = {C::kRD, C::kWR};
  const std::vector<Command> all = {C::kACT, C::kPRE, C::kPREab, C::kRD,    C::kWR,
                                    C::kREFab, C::kREFpb, C::kRFMab, C::kRFMpb, C::kSRE, C::kPDE};
  const Level channel = Level::kChannel;
  const Level pc = Level::kPseudoChannel;
  const Level bank = Level::kBank;
  Table t(p);
  t.same("row_bus", channel, row, row, 1);
  t.same("row_bus_act", channel, {C::kACT}, row, 2);
  t.same("column_bus", channel, column, column, 1);
  t.same("RC", bank, {C::kACT}, {C::kACT}, 27);
  t.same("RCDRD", bank, {C::kACT}, {C::kRD}, 9);
  t.same("RCDWR", bank, {C::kACT}, {C::kWR}, 7);
  t.same("RAS", bank, {C::kACT}, {C::kPRE}, 18);
  t.same("RAS_PREab", pc, {C::kACT}, {C::kPREab}, 18);
  t.same("RC_REFab", pc, {C::kACT}, {C::kREFab, C::kRFMab}, 27);
  t.same("RC_REFpb", bank, {C::kACT}, {C::kREFpb, C::kRFMpb}, 27);
  t.same("RP", bank, {C::kPRE}, {C::kACT, C::kREFpb, C::kRFMpb}, 8);
  t.same("RP_REFab", pc, {C::kPRE, C::kPREab}, {C::kREFab, C::kRFMab}, 8);
  t.same("RP_PREab", pc, {C::kPREab}, {C::kACT, C::kREFpb, C::kRFMpb}, 8);
  t.same("RRDL", Level::kBankGroup, {C::kACT}, {C::kACT}, 5);
  t.same("RRDS", pc, {C::kACT}, {C::kACT}, 3);
  t.same("FAW", pc, {C::kACT}, {C::kACT}, 20, 4);
  t.same("CCDL", Level::kBankGroup, {C::kRD}, {C::kRD}, 4);
  t.same("CCDL_WR", Level::kBankGroup, {C::kWR}, {C::kWR}, 4);
  t.same("CCDS", Level::kStackId, {C::kRD}, {C::kRD}, 2);
  t.same("CCDS_WR", Level::kStackId, {C::kWR}, {C::kWR}, 2);
  t.different("CCDR", Level::kStackId, {C::kRD}, {C::kRD}, 3);
  t.different("CCDR_WR", Level::kStackId, {C::kWR}, {C::kWR}, 3);
  t.same("RTW", pc, {C::kRD}, {C::kWR}, 8);
  t.same("WTRL", Level::kBankGroup, {C::kWR}, {C::kRD}, 5 + 2 + 6);
  t.same("WTRS", pc, {C::kWR}, {C::kRD}, 5 + 2 + 3);
  t.same("RTP", bank, {C::kRD}, {C::kPRE}, 4);
  t.same("RTP_PREab", pc, {C::kRD}, {C::kPREab}, 4);
  t.same("WR", bank, {C::kWR}, {C::kPRE}, 5 + 2 + 9);
  t.same("WR_PREab", pc, {C::kWR}, {C::kPREab}, 5 + 2 + 9);
  t.same("RFCab", pc, {C::kREFab}, {C::kACT, C::kREFab, C::kREFpb, C::kRFMab, C::kRFMpb}, 60);
  t.same("RFCpb", bank, {C::kREFpb}, {C::kACT, C::kREFpb, C::kRFMpb}, 30);
  t.same("RREFD", pc, {C::kREFpb}, {C::kACT, C::kREFpb, C::kRFMpb}, 6);
  t.same("RFMpb", bank, {C::kRFMpb}, {C::kACT, C::kREFpb, C::kRFMpb}, 25);
  t.same("RFMab", pc, {C::kRFMab}, {C::kACT, C::kREFab, C::kREFpb, C::kRFMab, C::kRFMpb}, 40);
  t.same("XP", channel, {C::kPDX}, all, 7);
  t.same("PD", channel, {C::kPDE}, {C::kPDX}, 6);
  t.same("RD_PDE", channel, {C::kRD}, {C::kPDE, C::kSRE}, 12);
  t.same("WR_PDE", channel, {C::kWR}, {C::kPDE, C::kSRE}, 17);
  t.same("ACT_PDE", channel, {C::kACT, C::kPRE, C::kPREab}, {C::kPDE}, 2);
  t.same("REF_PDE", channel, {C::kREFab, C::kREFpb, C::kRFMab, C::kRFMpb}, {C::kPDE}, 3);
  t.same("RP_SRE", channel, {C::kPRE, C::kPREab}, {C::kSRE}, 8);
  t.same("RFC_SRE", channel, {C::kREFab, C::kRFMab}, {C::kSRE}, 60);
  t.same("RFCpb_SRE", channel, {C::kREFpb, C::kRFMpb}, {C::kSRE}, 30);
  t.same("SR", channel, {C::kSRE}, {C::kSRX}, 10);
  t.same("XS", channel, {C::kSRX}, all, 70);
  return p;
}

Preset with_random_latencies(Preset preset, Rng& rng, bool keep_bus) {
  const auto is_column = [](Command c) { return c == C::kRD || c == C::kWR; };
  for (Constraint& rule : preset.constraints) {
    const bool bus = std::any_of(rule.prev.begin(), rule.prev.end(), is_column) &&
                     std::any_of(rule.next.begin(), rule.next.end(), is_column);
    if (bus && keep_bus) continue;
    // Mostly near the original, sometimes far from it.
    const auto limit = static_cast<std::uint64_t>(rng.below(4) == 0 ? 50 : rule.latency + 3);
    rule.latency = 1 + static_cast<Cycle>(rng.below(limit));
  }
  preset.timing["tREFI"] = 600 + static_cast<Cycle>(rng.below(3000));
  return preset;
}

const std::vector<Load>& loads() {
  static const std::vector<Load> list = [] {
    std::vector<Load> all;
    const auto add = [&](const char* name) -> Load& {
      all.push_back(Load{name});
      return all.back();
    };
    add("random reads");
    {
      Load& l = add("random mixed");
      l.write_tenths = 4;
    }
    {
      Load& l = add("local mixed");
      l.banks = 8, l.rows = 2, l.write_tenths = 4, l.sources = 3;
    }
    {
      Load& l = add("one bank");
      l.banks = 1, l.rows = 3, l.columns = 4, l.write_tenths = 5, l.gap = 30, l.idle_every = 50;
    }
    {
      Load& l = add("writes");
      l.rows = 20, l.write_tenths = 10;
    }
    {
      Load& l = add("sparse mixed");
      l.rows = 4, l.gap = 80, l.write_tenths = 3, l.idle_every = 40, l.sources = 2;
    }
    {
      Load& l = add("dense mixed");
      l.banks = 16, l.rows = 8, l.gap = 12, l.write_tenths = 3, l.idle_every = 300, l.phase = 20;
    }
    {
      Load& l = add("trains");
      l.rows = 50, l.bursts = 64, l.gap = 300, l.write_tenths = 3, l.sources = 5, l.idle_every = 100;
    }
    {
      Load& l = add("long trains");
      l.bursts = 2000, l.gap = 100, l.write_tenths = 5, l.sources = 16;
    }
    {
      Load& l = add("few columns");
      l.banks = 4, l.rows = 1, l.columns = 4, l.gap = 6, l.write_tenths = 5, l.idle_every = 100, l.idle = 400;
    }
    {
      Load& l = add("trickle");
      l.banks = 4, l.rows = 2, l.gap = 600, l.write_tenths = 3, l.idle_every = 10, l.idle = 6000;
    }
    return all;
  }();
  return list;
}

std::vector<Request> random_requests(const Preset& preset, const Load& load, std::uint64_t seed,
                                     std::size_t count) {
  Rng rng(seed, load.name);
  const Organisation& o = preset.organisation;
  std::vector<Request> requests;
  std::uint64_t cycle = 0;
  bool write = false;
  for (std::size_t i = 0; i < count; ++i) {
    cycle += rng.below(load.gap);
    if (load.idle_every > 0 && rng.below(load.idle_every) == 0) cycle += rng.below(load.idle);
    if (i % load.phase == 0) write = rng.below(10) < load.write_tenths;
    Location at;
    at.channel = static_cast<std::uint32_t>(rng.below(o.channels));
    at.pseudo_channel = static_cast<std::uint32_t>(rng.below(o.pseudo_channels));
    // Spread over bank groups and stack ids when few are in use.
    const auto bank = static_cast<std::uint32_t>(rng.below(std::min<std::uint64_t>(load.banks, o.banks_total())));
    at.bank = bank % o.groups_total() * o.banks + bank / o.groups_total();
    at.group = at.bank / o.banks;
    at.stack_id = at.group / o.bank_groups;
    at.row = static_cast<std::uint32_t>(rng.below(std::min<std::uint64_t>(load.rows, o.rows)));
    at.column = static_cast<std::uint32_t>(rng.below(std::min<std::uint64_t>(load.columns, o.columns)));
    Request request;
    request.tag = i;
    // Anywhere between two clock edges.
    request.arrival = cycle * preset.tCK_ps - (cycle > 0 ? rng.below(preset.tCK_ps) : 0);
    request.address = preset.map.encode(at);
    request.bytes = o.access_bytes * (1 + rng.below(load.bursts));
    if (load.bursts > 1) {
      request.address += rng.below(o.access_bytes);
      request.bytes -= rng.below(o.access_bytes);
    }
    request.bytes = std::min(request.bytes, o.capacity_bytes - request.address);
    request.is_write = write;
    request.source = static_cast<std::uint32_t>(rng.below(load.sources));
    request.port = rng.below(4) == 0 ? Port::kBaseDie : Port::kPins;
    if (!requests.empty()) request.arrival = std::max(request.arrival, requests.back().arrival);
    requests.push_back(request);
  }
  return requests;
}

std::vector<Request> probing_requests(const Preset& preset, std::uint64_t seed, std::size_t count) {
  Rng rng(seed, "probe");
  const Organisation& o = preset.organisation;
  std::vector<Request> requests;
  std::uint64_t cycle = 0;
  Location at;
  const auto some = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(rng.below(limit)); };
  std::uint32_t pc = 0, stack = 0, group = 0, bank = 0;
  while (requests.size() < count) {
    // Nothing, less than any rule, less than a refresh, several refresh intervals.
    const std::uint64_t idle[] = {1, 60, 400, 3000, 3 * static_cast<std::uint64_t>(preset.refresh_interval())};
    cycle += rng.below(idle[rng.below(rng.below(4) == 0 ? 5 : 4)]);
    const bool crowd = rng.below(30) == 0;
    const std::uint64_t gap = crowd ? 1 : 1 + rng.below(3) * rng.below(60);
    const std::uint32_t rows = 1 + some(3);
    const bool turns = rng.below(2) == 0;
    bool write = rng.below(2) == 0;
    for (std::uint64_t left = crowd ? 20 + rng.below(80) : 1 + rng.below(8); left > 0; --left) {
      switch (rng.below(crowd ? 5 : 7)) {
        case 0:
          pc = some(o.pseudo_channels);
          [[fallthrough]];
        case 1:
          stack = some(o.stack_ids);
          [[fallthrough]];
        case 2:
          group = some(o.bank_groups);
          [[fallthrough]];
        case 3:
          bank = some(o.banks);
          [[fallthrough]];
        case 4:
          at.row = some(rows);
          break;
        default:
          break;
      }
      if (turns && rng.below(3) == 0) write = !write;
      at.pseudo_channel = pc;
      at.stack_id = stack;
      at.group = stack * o.bank_groups + group;
      at.bank = at.group * o.banks + bank;
      at.column = some(o.columns);
      Request request;
      request.tag = requests.size();
      request.arrival = cycle * preset.tCK_ps;
      request.address = preset.map.encode(at);
      request.bytes = o.access_bytes;
      request.is_write = write;
      requests.push_back(request);
      cycle += rng.below(gap);
    }
  }
  return requests;
}

const std::vector<Variant>& variants() {
  static const std::vector<Variant> list = {
      {"default", [](Preset&) {}},
      {"fcfs", [](Preset& p) { p.controller.scheduler = "fcfs"; }},
      {"fr_fcfs_cap",
       [](Preset& p) {
         p.controller.scheduler = "fr_fcfs_cap";
         p.controller.row_hit_cap = 3;
       }},
      {"page closed", [](Preset& p) { p.controller.page = "closed"; }},
      {"page timeout",
       [](Preset& p) {
         p.controller.page = "timeout";
         p.controller.page_timeout = 60;
       }},
      {"read first", [](Preset& p) { p.controller.write_drain = "read_first"; }},
      {"oldest, short queues",
       [](Preset& p) {
         p.controller.arbitration = "oldest";
         p.controller.read_queue = 5;
         p.controller.write_queue = 4;
         p.controller.drain_high = 3;
         p.controller.drain_low = 1;
       }},
      {"per bank refresh", [](Preset& p) { p.controller.refresh = "per_bank"; }},
      {"per bank refresh, closed, cap",
       [](Preset& p) {
         p.controller.refresh = "per_bank";
         p.controller.page = "closed";
         p.controller.scheduler = "fr_fcfs_cap";
         p.controller.row_hit_cap = 1;
       }},
      {"postponed refresh",
       [](Preset& p) {
         p.controller.refresh = "postponed";
         p.controller.refresh_max_postponed = 3;
       }},
      {"refresh management per bank",
       [](Preset& p) {
         p.refresh_management = {true, 6, true};
         p.controller.refresh = "per_bank";
       }},
      {"refresh management all banks", [](Preset& p) { p.refresh_management = {true, 9, false}; }},
      {"power down", [](Preset& p) { p.controller.power_down_after = 25; }},
      {"power down, closed, per bank",
       [](Preset& p) {
         p.controller.power_down_after = 8;
         p.controller.page = "closed";
         p.controller.refresh = "per_bank";
       }},
      {"self refresh",
       [](Preset& p) {
         p.controller.self_refresh_after = 150;
         p.controller.power_down_after = 30;
       }},
      {"self refresh at once",
       [](Preset& p) {
         p.controller.self_refresh_after = 1;
         p.controller.refresh = "postponed";
       }},
      {"everything",
       [](Preset& p) {
         p.controller.scheduler = "fr_fcfs_cap";
         p.controller.row_hit_cap = 4;
         p.controller.page = "timeout";
         p.controller.page_timeout = 90;
         p.controller.refresh = "postponed";
         p.controller.refresh_max_postponed = 2;
         p.controller.arbitration = "oldest";
         p.controller.power_down_after = 40;
         p.controller.self_refresh_after = 300;
         p.refresh_management = {true, 12, true};
       }},
  };
  return list;
}

std::string test_name(std::string text) {
  std::string name;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c))) {
      name += c;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  return name;
}

}  // namespace memwall::hbm::testing_support
