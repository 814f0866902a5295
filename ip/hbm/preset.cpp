// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/preset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "common/error.h"
#include "common/preset_chain.h"
#include "common/toml_reader.h"
#include "hbm/formula.h"
#include "hbm/policy.h"
#include "hbm/rule_check.h"

namespace memwall::hbm {
namespace {

constexpr std::uint64_t kMaxCycles = 1'000'000;
constexpr std::uint64_t kMaxWindow = 32;

unsigned log2_of(std::uint64_t power_of_two) {
  unsigned bits = 0;
  while ((std::uint64_t{1} << bits) < power_of_two) ++bits;
  return bits;
}

bool is_word(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_';
  });
}

class Reader {
 public:
  explicit Reader(PresetChain& chain) : root_(chain.file.root()), paths_(chain.paths) {}

  Preset read() {
    Preset preset;
    preset.path = paths_.front();
    root_.text("base", "");
    preset.name = own_text("name");
    preset.standard = own_text("standard");
    root_.choice("standard", "", {"HBM2", "HBM2E", "HBM3", "HBM3E", "HBM4", "LPDDR5X", "DDR5", "custom"});
    read_sources();
    read_organisation(preset);
    read_timing(preset);
    read_constraints(preset);
    read_refresh_management(preset);
    read_derating(preset);
    read_controller(preset);
    read_energy(preset);
    TomlTable ecc = root_.table("ecc");
    preset.secded = ecc.boolean("secded", true);
    preset.on_die_ecc = ecc.boolean("on_die", false);
    ecc.finish();
    root_.finish();
    check_timing(preset);
    check_commands(preset);
    check_rules(
        preset, [this](const Constraint& row) { return where(row); }, preset.path);
    check_parameters(preset);
    preset.assumed = assumed_;
    return preset;
  }

 private:
  /// Text that a preset does not take over from its base.
  std::string own_text(const std::string& key) {
    if (root_.has(key) && root_.file(key) != paths_.front()) {
      throw ConfigError(paths_.front(), key + " is missing; it is not taken over from the base");
    }
    std::string text = root_.required_text(key);
    if (text.empty()) throw ConfigError(root_.place(key), key + " is empty");
    return text;
  }

  /// 0: stands in the preset itself; the higher, the further down the chain of bases.
  std::size_t depth(const std::string& file) const {
    return static_cast<std::size_t>(std::find(paths_.begin(), paths_.end(), file) - paths_.begin());
  }

  void read_sources() {
    TomlTable sources = root_.table("sources");
    for (const std::string& key : sources.keys()) {
      std::string text = sources.required_text(key);
      if (text.empty()) throw ConfigError(sources.place(key), "sources." + key + " is empty");
      if (key == "assumed") throw ConfigError(sources.place(key), "sources.assumed: the word has a meaning");
      sources_.emplace(key, std::move(text));
    }
  }

  /// Text of the source.
  std::string source(TomlTable& table, const std::string& what) {
    const std::string key = table.required_text("source");
    if (key == "assumed") {
      assumed_.push_back(what);
      return key;
    }
    const auto found = sources_.find(key);
    if (found == sources_.end()) {
      throw ConfigError(table.place("source"),
                        fmt::format("{}: source '{}' is not \"assumed\" and not in [sources]", what, key));
    }
    return found->second;
  }

  std::uint32_t count(TomlTable& table, const std::string& key, std::uint64_t max) {
    const std::uint64_t value = table.required_integer(key, 1, max);
    if ((value & (value - 1)) != 0) {
      throw ConfigError(
          table.place(key),
          fmt::format("organisation.{} = {} must be a power of two (addresses are bit ranges)", key, value));
    }
    return static_cast<std::uint32_t>(value);
  }

  void read_organisation(Preset& preset) {
    Organisation& o = preset.organisation;
    TomlTable table = root_.table("organisation");
    source(table, "organisation");
    const double capacity_gib = table.required_real("capacity_gib", 1e-6, 4096);
    o.channels = count(table, "channels", 128);
    o.pseudo_channels = count(table, "pseudo_channels", 4);
    o.stack_ids = count(table, "stack_ids", 8);
    o.bank_groups = count(table, "bank_groups", 16);
    o.banks = count(table, "banks", 16);
    o.rows = count(table, "rows", 1u << 22);
    o.columns = count(table, "columns", 1024);
    o.access_bytes = count(table, "access_bytes", 256);
    if (o.banks_total() > kMaxBanks) {
      throw ConfigError(
          table.place("banks"),
          fmt::format("organisation: {} banks in a pseudo-channel; at most {}", o.banks_total(), kMaxBanks));
    }
    if (o.access_bytes < 8) throw ConfigError(table.place("access_bytes"), "access_bytes must be 8 or more");
    o.capacity_bytes =
        std::uint64_t{o.pseudo_channels_total()} * o.banks_total() * o.rows * o.columns * o.access_bytes;
    if (static_cast<double>(o.capacity_bytes) != capacity_gib * 0x1p30) {
      throw ConfigError(
          table.place("capacity_gib"),
          fmt::format("capacity_gib = {} contradicts the organisation, which holds {} bytes = {} MiB",
                      capacity_gib, o.capacity_bytes, o.capacity_bytes >> 20));
    }
    FieldBits bits;
    bits.offset = log2_of(o.access_bytes);
    bits.channel = log2_of(o.channels);
    bits.pseudo_channel = log2_of(o.pseudo_channels);
    bits.stack_id = log2_of(o.stack_ids);
    bits.bank_group = log2_of(o.bank_groups);
    bits.bank = log2_of(o.banks);
    bits.row = log2_of(o.rows);
    bits.column = log2_of(o.columns);
    const std::string map = table.required_text("address_map");
    const std::vector<std::string> hashes = table.texts("address_hash");
    preset.map = AddressMap(map, {}, bits, table.place("address_map"));
    if (!hashes.empty()) preset.map = AddressMap(map, hashes, bits, table.place("address_hash"));
    table.finish();
  }

  /// A positive duration, given in cycles or in ns, in whole cycles. A minimum is rounded up; the interval
  /// tREFI, a maximum, is rounded down.
  Cycle duration(TomlTable& timing, const std::string& key, TimePs tck_ps) {
    TomlTable entry = timing.table(key);
    if (entry.has("nck") == entry.has("ns")) {
      throw ConfigError(timing.place(key), fmt::format("timing.{} needs either nck or ns", key));
    }
    std::uint64_t value = 0;
    if (entry.has("nck")) {
      value = entry.required_integer("nck", 1, kMaxCycles);
    } else {
      const double cycles = entry.required_real("ns", 1e-3, 1e6) * 1e3 / static_cast<double>(tck_ps);
      value =
          static_cast<std::uint64_t>(key == "tREFI" ? std::floor(cycles + 1e-9) : std::ceil(cycles - 1e-9));
      if (value == 0 || value > kMaxCycles) {
        throw ConfigError(timing.place(key),
                          fmt::format("timing.{} is {} cycles: accepted 1 to {}", key, value, kMaxCycles));
      }
    }
    source(entry, "timing." + key);
    entry.finish();
    return static_cast<Cycle>(value);
  }

  void read_timing(Preset& preset) {
    TomlTable clock = root_.table("clock");
    if (!clock.has("tCK")) throw ConfigError(clock.place(), "clock.tCK is missing");
    TomlTable tck = clock.table("tCK");
    preset.tCK_ps = tck.required_integer("ps", 1, 1'000'000);
    source(tck, "clock.tCK");
    tck.finish();
    clock.finish();

    TomlTable timing = root_.table("timing");
    for (const char* key : {"tBL", "tRL", "tWL", "tREFI"}) {
      if (!timing.has(key)) throw ConfigError(timing.place(), fmt::format("timing.{} is missing", key));
      used_.insert(key);
    }
    for (const std::string& key : timing.keys()) {
      const bool named =
          key.size() > 1 && key[0] == 't' &&
          std::all_of(key.begin(), key.end(), [](unsigned char c) { return std::isalnum(c) != 0; });
      if (!named) {
        throw ConfigError(timing.place(key),
                          fmt::format("timing.{}: a timing parameter is a t with letters and digits", key));
      }
      preset.timing[key] = duration(timing, key, preset.tCK_ps);
      timing_places_[key] = timing.place(key);
      timing_files_[key] = timing.file(key);
    }
  }

  std::vector<Command> commands(TomlTable& row, const std::string& key, const std::string& id, Level level) {
    if (!row.has(key)) throw ConfigError(row.place(), fmt::format("constraint {}: {} is missing", id, key));
    std::vector<Command> out;
    for (const std::string& name : row.texts(key)) {
      const auto found = std::find(kCommandNames.begin(), kCommandNames.end(), name);
      if (found == kCommandNames.end()) {
        throw ConfigError(row.place(key),
                          fmt::format("constraint {}: unknown command \"{}\" in {}; accepted: {}", id, name,
                                      key, fmt::join(kCommandNames, ", ")));
      }
      const auto command = static_cast<Command>(found - kCommandNames.begin());
      if (std::find(out.begin(), out.end(), command) != out.end()) {
        throw ConfigError(row.place(key), fmt::format("constraint {}: {} is twice in {}", id, name, key));
      }
      if (scope_of(command) < level) {
        throw ConfigError(row.place(key),
                          fmt::format("constraint {}: {} addresses a whole {}, so the level cannot be {}", id,
                                      name, to_string(scope_of(command)), to_string(level)));
      }
      out.push_back(command);
    }
    if (out.empty()) throw ConfigError(row.place(key), fmt::format("constraint {}: {} is empty", id, key));
    return out;
  }

  Constraint constraint(TomlTable& row, const std::string& id, const Preset& preset) {
    Constraint c;
    c.id = id;
    c.place = row.place("id");
    if (!row.has("level")) throw ConfigError(row.place(), fmt::format("constraint {}: level is missing", id));
    const std::string level = row.choice("level", "", {kLevelNames.begin(), kLevelNames.end()});
    c.level =
        static_cast<Level>(std::find(kLevelNames.begin(), kLevelNames.end(), level) - kLevelNames.begin());
    c.different = row.choice("relation", "same", {"same", "different"}) == "different";
    if (c.different && c.level == Level::kChannel) {
      throw ConfigError(
          row.place("relation"),
          fmt::format("constraint {}: channels have nothing in common, so that \"different\" has "
                      "no meaning at level channel",
                      id));
    }
    c.prev = commands(row, "prev", id, c.level);
    c.next = commands(row, "next", id, c.level);
    if (!row.has("latency"))
      throw ConfigError(row.place(), fmt::format("constraint {}: latency is missing", id));
    c.formula = row.required_text("latency");
    c.latency = evaluate_formula(c.formula, preset.timing, used_, row.place("latency"));
    if (c.latency < 1 || c.latency > static_cast<Cycle>(kMaxCycles)) {
      throw ConfigError(row.place("latency"),
                        fmt::format("constraint {}: latency {} = {} cycles; accepted 1 to {}", id, c.formula,
                                    c.latency, kMaxCycles));
    }
    c.window = static_cast<unsigned>(row.integer("window", 1, 2, kMaxWindow));
    if (c.window > 1 && c.different) {
      throw ConfigError(row.place("window"),
                        fmt::format("constraint {}: a window counts commands of one instance, relation = "
                                    "\"different\" is about another",
                                    id));
    }
    c.source = source(row, "constraint." + id);
    row.finish();
    return c;
  }

  struct Entry {
    std::size_t depth;  ///< of the file it stands in
    std::size_t index;  ///< in its array
    std::string place;
  };

  /// The entries of [[constraint]] or [[absent]] by id, each from the topmost file that has it.
  std::map<std::string, Entry> by_id(std::vector<TomlTable>& rows, const std::string& what) {
    std::map<std::string, Entry> out;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::string id = rows[i].required_text("id");
      if (!is_word(id)) {
        throw ConfigError(rows[i].place("id"),
                          fmt::format("{}: id \"{}\" is not a word of a-z, 0-9 and _", what, id));
      }
      const Entry entry = {depth(rows[i].file("id")), i, rows[i].place("id")};
      const auto [old, is_new] = out.emplace(id, entry);
      if (is_new) continue;
      if (old->second.depth == entry.depth) {
        throw ConfigError(entry.place,
                          fmt::format("{} {} stands twice, first at {}", what, id, old->second.place));
      }
      old->second = entry;  // bases come first
    }
    return out;
  }

  void read_constraints(Preset& preset) {
    std::vector<TomlTable> rows = root_.tables("constraint");
    std::vector<TomlTable> absents = root_.tables("absent");
    std::map<std::string, Entry> row_of = by_id(rows, "constraint");
    std::map<std::string, Entry> absent_of = by_id(absents, "absent");
    for (auto absent = absent_of.begin(); absent != absent_of.end();) {
      const auto row = row_of.find(absent->first);
      if (row == row_of.end()) {
        ++absent;
      } else if (row->second.depth == absent->second.depth) {
        throw ConfigError(absent->second.place, fmt::format("absent {} contradicts the constraint at {}",
                                                            absent->first, row->second.place));
      } else if (row->second.depth > absent->second.depth) {
        row_of.erase(row);
        ++absent;
      } else {
        absent = absent_of.erase(absent);
      }
    }
    std::vector<std::pair<std::size_t, std::string>> order;
    for (const auto& [id, entry] : row_of) order.emplace_back(entry.index, id);
    std::sort(order.begin(), order.end());
    for (const auto& [index, id] : order) preset.constraints.push_back(constraint(rows[index], id, preset));
    for (const auto& [id, entry] : absent_of) {
      TomlTable& row = absents[entry.index];
      preset.absent.push_back({id, row.required_text("why")});
      if (preset.absent.back().why.empty()) {
        throw ConfigError(row.place("why"), fmt::format("absent {}: why is empty", id));
      }
      row.finish();
    }
  }

  void read_refresh_management(Preset& preset) {
    RefreshManagement& r = preset.refresh_management;
    TomlTable table = root_.table("refresh_management");
    const std::string why = table.text("absent", "");
    const bool says_absent = table.has("absent");
    const bool says_present = table.has("raaimt");
    if (!says_absent && !says_present) {
      throw ConfigError(table.place(), "refresh_management needs raaimt and scope, or absent = \"why\"");
    }
    if (says_absent && says_present) {
      const std::size_t absent_depth = depth(table.file("absent"));
      const std::size_t present_depth = depth(table.file("raaimt"));
      if (absent_depth == present_depth) {
        throw ConfigError(table.place("absent"), "refresh_management.absent contradicts raaimt");
      }
      r.present = present_depth < absent_depth;
    } else {
      r.present = says_present;
    }
    if (r.present) {
      TomlTable raaimt = table.table("raaimt");
      r.raaimt = static_cast<std::uint32_t>(raaimt.required_integer("value", 1, 1'000'000));
      source(raaimt, "refresh_management.raaimt");
      raaimt.finish();
      if (!table.has("scope")) throw ConfigError(table.place(), "refresh_management.scope is missing");
      r.per_bank = table.choice("scope", "", {"per_bank", "all_bank"}) == "per_bank";
    } else {
      if (why.empty()) throw ConfigError(table.place("absent"), "refresh_management.absent is empty");
      if (table.has("scope") && depth(table.file("scope")) == 0) {
        throw ConfigError(table.place("scope"), "refresh_management.scope does nothing: it is absent");
      }
      table.text("scope", "");
      if (says_present) table.table("raaimt");
    }
    table.finish();
  }

  void read_derating(Preset& preset) {
    for (TomlTable& row : root_.tables("derating")) {
      RefreshDerating d;
      d.above_c = row.required_real("above_c", -60, 150);
      d.interval_factor = row.required_real("interval_factor", 0.01, 8);
      if (!preset.derating.empty() && d.above_c <= preset.derating.back().above_c) {
        throw ConfigError(row.place("above_c"),
                          fmt::format("derating.above_c = {} does not ascend", d.above_c));
      }
      source(row, fmt::format("derating.{}", d.above_c));
      row.finish();
      preset.derating.push_back(d);
    }
  }

  /// A setting that only one choice of `policy` reads; an error if it stands beside another.
  void belongs_to(TomlTable& table, const char* key, const char* policy, const std::string& chosen,
                  const std::string& owner) {
    if (!table.has(key) || chosen == owner) return;
    if (depth(table.file(key)) > 0 && depth(table.file(policy)) == 0) return;  // left over from the base
    throw ConfigError(table.place(key), fmt::format("controller.{} does nothing: {} is \"{}\", not \"{}\"",
                                                    key, policy, chosen, owner));
  }

  void read_controller(Preset& preset) {
    ControllerConfig& c = preset.controller;
    TomlTable table = root_.table("controller");
    c.scheduler = table.choice("scheduler", c.scheduler, scheduler_names());
    c.page = table.choice("page", c.page, page_names());
    c.write_drain = table.choice("write_drain", c.write_drain, write_drain_names());
    c.refresh = table.choice("refresh", c.refresh, refresh_names());
    c.arbitration = table.choice("arbitration", c.arbitration, {"round_robin", "oldest"});
    c.read_queue = static_cast<std::uint32_t>(table.integer("read_queue", c.read_queue, 1, kMaxEntries));
    c.write_queue = static_cast<std::uint32_t>(table.integer("write_queue", c.write_queue, 1, kMaxEntries));
    belongs_to(table, "drain_high_percent", "write_drain", c.write_drain, "watermark");
    belongs_to(table, "drain_low_percent", "write_drain", c.write_drain, "watermark");
    const std::uint64_t high = table.integer("drain_high_percent", 80, 1, 100);
    const std::uint64_t low = table.integer("drain_low_percent", 20, 0, 99);
    if (low >= high) {
      const char* key = table.has("drain_low_percent") ? "drain_low_percent" : "drain_high_percent";
      throw ConfigError(
          table.place(key),
          fmt::format("controller.drain_low_percent = {} must be below drain_high_percent = {}", low, high));
    }
    c.drain_high = static_cast<std::uint32_t>((c.write_queue * high + 99) / 100);
    c.drain_low = static_cast<std::uint32_t>(c.write_queue * low / 100);
    belongs_to(table, "row_hit_cap", "scheduler", c.scheduler, "fr_fcfs_cap");
    c.row_hit_cap = static_cast<std::uint32_t>(table.integer("row_hit_cap", c.row_hit_cap, 1, 1'000'000));
    const auto cycles = [&](const char* key, Cycle fallback, std::uint64_t min) {
      return static_cast<Cycle>(
          table.integer(key, static_cast<std::uint64_t>(fallback), min, kMaxCycles * 1000));
    };
    belongs_to(table, "page_timeout_nck", "page", c.page, "timeout");
    c.page_timeout = cycles("page_timeout_nck", c.page_timeout, 1);
    belongs_to(table, "refresh_max_postponed", "refresh", c.refresh, "postponed");
    c.refresh_max_postponed =
        static_cast<std::uint32_t>(table.integer("refresh_max_postponed", c.refresh_max_postponed, 1, 64));
    c.power_down_after = cycles("power_down_after_nck", 0, 0);
    c.self_refresh_after = cycles("self_refresh_after_nck", 0, 0);
    if (c.power_down_after > 0 && c.self_refresh_after > 0 && c.self_refresh_after <= c.power_down_after) {
      throw ConfigError(table.place("power_down_after_nck"),
                        "controller.power_down_after_nck does nothing: self-refresh comes first");
    }
    if (table.has("temperature_c") && preset.derating.empty()) {
      throw ConfigError(table.place("temperature_c"),
                        "controller.temperature_c does nothing: the preset has no [[derating]]");
    }
    c.temperature_c = table.real("temperature_c", c.temperature_c, -60, 150);
    c.row_hammer_counters = table.boolean("row_hammer_counters", false);
    table.finish();
  }

  double figure(TomlTable& energy, const char* key, const char* unit) {
    if (!energy.has(key)) throw ConfigError(energy.place(), fmt::format("energy.{} is missing", key));
    TomlTable entry = energy.table(key);
    const double value = entry.required_real(unit, 0.0, 1e9);
    source(entry, std::string("energy.") + key);
    entry.finish();
    return value;
  }

  void read_energy(Preset& preset) {
    Energy& e = preset.energy;
    TomlTable table = root_.table("energy");
    e.activate_pj = figure(table, "activate", "pj");
    e.read_array_pj = figure(table, "read_array", "pj");
    e.read_phy_pj = figure(table, "read_phy", "pj");
    e.write_array_pj = figure(table, "write_array", "pj");
    e.write_phy_pj = figure(table, "write_phy", "pj");
    e.refresh_ab_pj = figure(table, "refresh_ab", "pj");
    if (has_rule(preset, {Command::kREFpb, Command::kRFMpb})) {
      e.refresh_pb_pj = figure(table, "refresh_pb", "pj");
    } else {
      if (table.has("refresh_pb") && depth(table.file("refresh_pb")) == 0) {
        throw ConfigError(table.place("refresh_pb"),
                          "energy.refresh_pb does nothing: no constraint names REFpb or RFMpb");
      }
      if (table.has("refresh_pb")) table.table("refresh_pb");
    }
    e.active_standby_mw = figure(table, "active_standby", "mw");
    e.precharge_standby_mw = figure(table, "precharge_standby", "mw");
    e.power_down_mw = figure(table, "power_down", "mw");
    e.self_refresh_mw = figure(table, "self_refresh", "mw");
    table.finish();
  }

  static bool has_rule(const Preset& preset, std::initializer_list<Command> commands) {
    for (const Constraint& row : preset.constraints) {
      for (const std::vector<Command>* side : {&row.prev, &row.next}) {
        for (const Command command : *side) {
          if (std::find(commands.begin(), commands.end(), command) != commands.end()) return true;
        }
      }
    }
    return false;
  }

  /// The long form of a delay (same bank group) is not below the short one.
  void check_timing(const Preset& preset) const {
    for (const auto& [name, shorter] : preset.timing) {
      for (const char* stem : {"tCCD", "tRRD", "tWTR"}) {
        const std::string prefix = std::string(stem) + "S";
        if (name.compare(0, prefix.size(), prefix) != 0) continue;
        const std::string long_name = std::string(stem) + "L" + name.substr(prefix.size());
        const auto longer = preset.timing.find(long_name);
        if (longer == preset.timing.end() || longer->second >= shorter) continue;
        throw ConfigError(timing_places_.at(long_name),
                          fmt::format("timing contradicts itself: {} = {} is less than {} = {}", long_name,
                                      longer->second, name, shorter));
      }
    }
  }

  void check_commands(const Preset& preset) const {
    for (const Constraint& row : preset.constraints) {
      for (const std::vector<Command>* side : {&row.prev, &row.next}) {
        for (const Command command : *side) {
          const bool is_rfm = command == Command::kRFMab || command == Command::kRFMpb;
          if (!is_rfm || preset.refresh_management.present) continue;
          throw ConfigError(row.place,
                            fmt::format("constraint {} names {}, but the preset has no refresh management",
                                        row.id, to_string(command)));
        }
      }
    }
  }

  void check_parameters(Preset& preset) {
    // A parameter that no formula names does nothing. A base may have more than this preset needs.
    for (auto parameter = preset.timing.begin(); parameter != preset.timing.end();) {
      const std::string& key = parameter->first;
      if (used_.count(key) != 0) {
        ++parameter;
        continue;
      }
      if (depth(timing_files_[key]) == 0) {
        throw ConfigError(timing_places_[key],
                          fmt::format("timing.{} does nothing: no constraint's latency names it", key));
      }
      assumed_.erase(std::remove(assumed_.begin(), assumed_.end(), "timing." + key), assumed_.end());
      parameter = preset.timing.erase(parameter);
    }
  }

  /// Where a row's figure stands: the timing parameter if the formula is nothing else, else the row.
  std::string where(const Constraint& row) const {
    const auto found = timing_places_.find(row.formula);
    return found == timing_places_.end() ? row.place : found->second;
  }

  TomlTable root_;
  const std::vector<std::string>& paths_;
  std::map<std::string, std::string> sources_;
  std::vector<std::string> assumed_;
  std::set<std::string> used_;
  std::map<std::string, std::string> timing_places_, timing_files_;
};

Preset read_preset(TomlFile file, const std::string& path) {
  PresetChain chain = with_bases(std::move(file), path, {"constraint", "absent"});
  return Reader(chain).read();
}

}  // namespace

Cycle Preset::cycles(const std::string& parameter) const {
  const auto found = timing.find(parameter);
  if (found == timing.end()) {
    throw ModelError("contract", path, "the preset has no timing parameter " + parameter);
  }
  return found->second;
}

Cycle Preset::refresh_interval() const {
  double factor = 1;
  for (const RefreshDerating& d : derating) {
    if (controller.temperature_c >= d.above_c) factor = d.interval_factor;
  }
  return std::max<Cycle>(
      1, static_cast<Cycle>(std::floor(static_cast<double>(cycles("tREFI")) * factor + 1e-9)));
}

double Preset::peak_gbytes_per_s() const {
  const double bytes = static_cast<double>(organisation.pseudo_channels_total()) * organisation.access_bytes;
  const double burst_ps = static_cast<double>(burst()) * static_cast<double>(tCK_ps);
  return bytes / burst_ps * 1e3;  // bytes per ps = 1000 GB/s
}

Preset load_preset(const std::string& path) { return read_preset(TomlFile::load(path), path); }

Preset parse_preset(const std::string& text, const std::string& name) {
  return read_preset(TomlFile::parse(text, name), name);
}

}  // namespace memwall::hbm
