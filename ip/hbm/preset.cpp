// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/preset.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "common/error.h"
#include "common/toml_reader.h"

namespace memwall::hbm {
namespace {

constexpr std::uint64_t kMaxCycles = 1'000'000;

unsigned log2_of(std::uint64_t power_of_two) {
  unsigned bits = 0;
  while ((std::uint64_t{1} << bits) < power_of_two) ++bits;
  return bits;
}

class Reader {
 public:
  explicit Reader(TomlFile& file) : root_(file.root()) {}

  Preset read(const std::string& path) {
    Preset preset;
    preset.path = path;
    preset.name = root_.required_text("name");
    preset.standard = root_.choice("standard", "HBM3", {"HBM3"});
    TomlTable sources = root_.table("sources");
    for (const std::string& key : sources.keys()) {
      if (sources.required_text(key).empty())
        throw ConfigError(sources.place(key), "sources." + key + " is empty");
      sources_.insert(key);
    }
    read_timing(preset);
    read_organisation(preset);
    read_controller(preset.controller);
    read_energy(preset.energy);
    TomlTable ecc = root_.table("ecc");
    preset.secded = ecc.boolean("secded", true);
    ecc.finish();
    root_.finish();
    preset.assumed = assumed_;
    return preset;
  }

 private:
  void source(TomlTable& table, const std::string& what) {
    const std::string key = table.required_text("source");
    if (key == "assumed") {
      assumed_.push_back(what);
    } else if (sources_.count(key) == 0) {
      throw ConfigError(table.place("source"),
                        fmt::format("{}: source '{}' is not \"assumed\" and not in [sources]", what, key));
    }
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

  /// A positive duration, given in cycles or in ns, in whole cycles.
  std::int64_t cycles(TomlTable& timing, const std::string& key, TimePs tck_ps) {
    if (!timing.has(key)) throw ConfigError(timing.place(), fmt::format("timing.{} is missing", key));
    TomlTable entry = timing.table(key);
    if (entry.has("nck") == entry.has("ns")) {
      throw ConfigError(timing.place(key), fmt::format("timing.{} needs either nck or ns", key));
    }
    std::uint64_t value = 0;
    if (entry.has("nck")) {
      value = entry.required_integer("nck", 1, kMaxCycles);
    } else {
      const double ns = entry.required_real("ns", 1e-3, 1e6);
      value = static_cast<std::uint64_t>(std::ceil(ns * 1e3 / static_cast<double>(tck_ps) - 1e-9));
      if (value == 0 || value > kMaxCycles) {
        throw ConfigError(timing.place(key),
                          fmt::format("timing.{} is {} cycles: accepted 1 to {}", key, value, kMaxCycles));
      }
    }
    source(entry, "timing." + key);
    entry.finish();
    return static_cast<std::int64_t>(value);
  }

  void read_timing(Preset& preset) {
    Timing& t = preset.timing;
    TomlTable clock = root_.table("clock");
    if (!clock.has("tCK")) throw ConfigError(clock.place(), "clock.tCK is missing");
    TomlTable tck = clock.table("tCK");
    t.tCK_ps = tck.required_integer("ps", 1, 1'000'000);
    source(tck, "clock.tCK");
    tck.finish();
    clock.finish();

    TomlTable timing = root_.table("timing");
    const struct {
      const char* key;
      std::int64_t Timing::*value;
    } rows[] = {
        {"tBL", &Timing::nBL},       {"tRL", &Timing::nRL},       {"tWL", &Timing::nWL},
        {"tRCDRD", &Timing::nRCDRD}, {"tRCDWR", &Timing::nRCDWR}, {"tRP", &Timing::nRP},
        {"tRAS", &Timing::nRAS},     {"tRC", &Timing::nRC},       {"tCCDS", &Timing::nCCDS},
        {"tCCDL", &Timing::nCCDL},   {"tCCDR", &Timing::nCCDR},   {"tRRDS", &Timing::nRRDS},
        {"tRRDL", &Timing::nRRDL},   {"tFAW", &Timing::nFAW},     {"tWR", &Timing::nWR},
        {"tRTP", &Timing::nRTP},     {"tWTRS", &Timing::nWTRS},   {"tWTRL", &Timing::nWTRL},
        {"tRTW", &Timing::nRTW},     {"tREFI", &Timing::nREFI},   {"tRFCab", &Timing::nRFCab},
    };
    for (const auto& row : rows) t.*row.value = cycles(timing, row.key, t.tCK_ps);

    const auto require = [&](bool ok, const char* key, const std::string& rule) {
      if (!ok) throw ConfigError(timing.place(key), fmt::format("timing contradicts itself: {}", rule));
    };
    require(t.nRC >= t.nRAS + t.nRP, "tRC",
            fmt::format("tRC = {} is less than tRAS + tRP = {}", t.nRC, t.nRAS + t.nRP));
    require(t.nRAS >= t.nRCDRD, "tRAS", "tRAS is less than tRCDRD: a row would close before it can be read");
    require(t.nCCDS >= t.nBL, "tCCDS",
            fmt::format("tCCDS = {} is less than tBL = {}: bursts would overlap", t.nCCDS, t.nBL));
    require(t.nCCDL >= t.nCCDS, "tCCDL", "tCCDL is less than tCCDS");
    require(t.nCCDR >= t.nCCDS, "tCCDR", "tCCDR is less than tCCDS");
    require(t.nRRDL >= t.nRRDS, "tRRDL", "tRRDL is less than tRRDS");
    require(t.nFAW >= t.nRRDS, "tFAW", "tFAW is less than tRRDS");
    require(t.nWTRL >= t.nWTRS, "tWTRL", "tWTRL is less than tWTRS");
    require(t.nRTW + t.nWL >= t.nRL + t.nBL, "tRTW",
            fmt::format("tRTW = {} lets write data meet read data: tRL + tBL - tWL = {}", t.nRTW,
                        t.nRL + t.nBL - t.nWL));
    require(t.nREFI > t.nRFCab + 2 * t.nRC + t.nWL + t.nBL + t.nWR, "tREFI",
            fmt::format("tREFI = {} leaves no time beside tRFCab = {}", t.nREFI, t.nRFCab));
    timing.finish();
  }

  void read_organisation(Preset& preset) {
    Organisation& o = preset.organisation;
    TomlTable table = root_.table("organisation");
    source(table, "organisation");
    const std::uint64_t capacity_gib = table.required_integer("capacity_gib", 1, 4096);
    o.pseudo_channels = count(table, "pseudo_channels", 256);
    o.stack_ids = count(table, "stack_ids", 8);
    o.bank_groups = count(table, "bank_groups", 16);
    o.banks = count(table, "banks", 16);
    o.rows = count(table, "rows", 1u << 22);
    o.columns = count(table, "columns", 1024);
    o.access_bytes = count(table, "access_bytes", 256);
    if (o.banks_per_channel() > 64) {
      throw ConfigError(table.place("banks"), "more than 64 banks in a pseudo-channel");
    }
    if (o.access_bytes < 8) throw ConfigError(table.place("access_bytes"), "access_bytes must be 8 or more");
    o.capacity_bytes =
        std::uint64_t{o.pseudo_channels} * o.banks_per_channel() * o.rows * o.columns * o.access_bytes;
    if (o.capacity_bytes != capacity_gib << 30) {
      throw ConfigError(
          table.place("capacity_gib"),
          fmt::format("capacity_gib = {} contradicts the organisation, which holds {} bytes = {} MiB",
                      capacity_gib, o.capacity_bytes, o.capacity_bytes >> 20));
    }
    const FieldBits bits = {log2_of(o.access_bytes), log2_of(o.pseudo_channels), log2_of(o.stack_ids),
                            log2_of(o.bank_groups),  log2_of(o.banks),           log2_of(o.rows),
                            log2_of(o.columns)};
    const std::string map = table.required_text("address_map");
    preset.map = AddressMap(map, bits, table.place("address_map"));
    table.finish();
  }

  void read_controller(ControllerConfig& c) {
    TomlTable table = root_.table("controller");
    c.read_queue = static_cast<std::uint32_t>(table.integer("read_queue", 32, 1, 64));
    c.write_queue = static_cast<std::uint32_t>(table.integer("write_queue", 32, 1, 64));
    const std::uint64_t high = table.integer("drain_high_percent", 80, 1, 100);
    const std::uint64_t low = table.integer("drain_low_percent", 20, 0, 99);
    if (low >= high) {
      throw ConfigError(table.place("drain_low_percent"),
                        "controller.drain_low_percent must be below drain_high_percent");
    }
    c.drain_high = static_cast<std::uint32_t>((c.write_queue * high + 99) / 100);
    c.drain_low = static_cast<std::uint32_t>(c.write_queue * low / 100);
    c.starvation_nck = static_cast<std::int64_t>(table.integer("starvation_nck", 4096, 1, kMaxCycles));
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

  void read_energy(Energy& e) {
    TomlTable table = root_.table("energy");
    e.activate_pj = figure(table, "activate", "pj");
    e.read_array_pj = figure(table, "read_array", "pj");
    e.read_phy_pj = figure(table, "read_phy", "pj");
    e.write_array_pj = figure(table, "write_array", "pj");
    e.write_phy_pj = figure(table, "write_phy", "pj");
    e.refresh_pj = figure(table, "refresh", "pj");
    e.background_mw = figure(table, "background", "mw");
    table.finish();
  }

  TomlTable root_;
  std::set<std::string> sources_;
  std::vector<std::string> assumed_;
};

}  // namespace

Preset load_preset(const std::string& path) {
  TomlFile file = TomlFile::load(path);
  return Reader(file).read(path);
}

Preset parse_preset(const std::string& text, const std::string& name) {
  TomlFile file = TomlFile::parse(text, name);
  return Reader(file).read(name);
}

}  // namespace memwall::hbm
