// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "common/error.h"
#include "common/preset_chain.h"
#include "common/toml_reader.h"
#include "hbf/config.h"
#include "hbf/config_check.h"

namespace memwall::hbf {
namespace {

/// One section of `key = { <unit> = value, source = "..." }`.
class Section {
 public:
  Section(TomlTable& root, TomlTable& sources, std::vector<std::string>& assumed,
          std::map<std::string, std::string>& places, const char* name)
      : table_(root.table(name)), sources_(sources), assumed_(assumed), places_(places), name_(name) {}

  template <typename Get>
  auto figure(const char* key, const char* unit, Get get) {
    const std::string full = name_ + "." + key;
    if (!table_.has(key)) {
      throw ConfigError(
          table_.place(),
          fmt::format("{} is missing; expected {} = {{ {} = ..., source = \"...\" }}", full, key, unit));
    }
    places_[full] = table_.place(key);
    TomlTable entry = table_.table(key);
    const auto value = get(entry);
    if (!entry.has("source")) {
      throw ConfigError(entry.place(),
                        fmt::format("{} has no source; say \"assumed\" if nobody published it", full));
    }
    const std::string source = entry.required_text("source");
    if (source == "assumed") {
      assumed_.push_back(full);
    } else if (!sources_.has(source)) {
      throw ConfigError(entry.place("source"),
                        fmt::format("source \"{}\" of {} is neither \"assumed\" nor one of [sources]: {}",
                                    source, full, fmt::join(sources_.keys(), ", ")));
    }
    entry.finish();
    return value;
  }

  std::uint64_t whole(const char* key, const char* unit, std::uint64_t max = std::uint64_t{1} << 40) {
    return figure(key, unit, [&](TomlTable& entry) { return entry.required_integer(unit, 0, max); });
  }
  unsigned count(const char* key, const char* unit = "count") {
    return static_cast<unsigned>(whole(key, unit, 0xffffffffu));
  }
  double real(const char* key, const char* unit, double min = 0, double max = 1e30) {
    return figure(key, unit, [&](TomlTable& entry) { return entry.required_real(unit, min, max); });
  }
  /// In nanoseconds.
  TimePs time(const char* key) {
    return static_cast<TimePs>(std::llround(real(key, "ns", 0, 1e13) * static_cast<double>(kPsPerNs)));
  }
  bool flag(const char* key) {
    return figure(key, "value", [&](TomlTable& entry) {
      if (!entry.has("value")) entry.required_integer("value", 0, 1);  // throws: missing
      return entry.boolean("value", false);
    });
  }
  void finish() const { table_.finish(); }

 private:
  TomlTable table_;
  TomlTable& sources_;
  std::vector<std::string>& assumed_;
  std::map<std::string, std::string>& places_;
  std::string name_;
};

class Reader {
 public:
  explicit Reader(PresetChain& chain)
      : path_(chain.paths.front()), root_(chain.file.root()), sources_(root_.table("sources")) {}

  Config read() {
    Config config;
    root_.text("base", "");
    if (root_.has("name") && root_.file("name") != path_) {
      throw ConfigError(path_, "name is missing; it is not taken over from the base");
    }
    config.name = root_.required_text("name");
    if (config.name.empty()) throw ConfigError(root_.place("name"), "name is empty");
    for (const std::string& key : sources_.keys()) {
      const std::string text = sources_.required_text(key);
      if (text.empty()) throw ConfigError(sources_.place(key), "sources." + key + " is empty");
      if (key == "assumed") throw ConfigError(sources_.place(key), "sources.assumed: the word has a meaning");
    }
    read_geometry(config);
    read_timing(config.timing);
    read_link(config.link);
    read_reliability(config.reliability);
    read_thermal(config.thermal);
    read_energy(config.energy);
    read_controller(config.controller);
    read_readings(config.readings);
    Section bandwidth = section("bandwidth");
    config.read_gbytes_per_s = bandwidth.real("read", "gbytes_per_s");
    bandwidth.finish();
    root_.finish();
    config.assumed = std::move(assumed_);
    if (const auto problem = find_problem(config)) {
      const auto place = places_.find(problem->key);
      throw ConfigError(place == places_.end() ? path_ : place->second, problem->text);
    }
    return config;
  }

 private:
  Section section(const char* name) { return {root_, sources_, assumed_, places_, name}; }

  void read_geometry(Config& c) {
    Section s = section("geometry");
    c.channels = s.count("channels");
    c.ports_per_channel = s.count("ports_per_channel");
    c.dies_per_channel = s.count("dies_per_channel");
    c.planes_per_die = s.count("planes_per_die");
    c.pages_per_block = s.count("pages_per_block");
    c.blocks_per_plane = s.count("blocks_per_plane");
    const std::uint64_t page = s.whole("page", "bytes");
    if (page != kPageBytes) {
      throw ConfigError(places_.at("geometry.page"),
                        fmt::format("geometry.page = {} bytes: a page has {} (4.6)", page, kPageBytes));
    }
    c.capacity_bytes = s.whole("capacity", "gib", 65536) << 30;
    c.zones_per_channel = s.count("zones_per_channel");
    c.scratchpad_bytes = s.whole("scratchpad", "bytes");
    c.mocs_code = s.count("mocs", "code");
    c.open_dlus = s.count("open_dlus");
    c.burst_reads = s.flag("burst_reads");
    c.burst_writes = s.flag("burst_writes");
    s.finish();
  }

  void read_timing(Timing& t) {
    Section s = section("timing");
    t.tR = s.time("tR");
    t.tPROG = s.time("tPROG");
    t.tBERS = s.time("tBERS");
    t.tECC = s.time("tECC");
    t.tRETRY = s.time("tRETRY");
    t.tBASE = s.time("tBASE");
    t.tGATHER = s.time("tGATHER");
    t.tACCUMULATE = s.time("tACCUMULATE");
    t.tSCRATCHPAD = s.time("tSCRATCHPAD");
    t.tSECURE_ERASE = s.time("tSECURE_ERASE");
    t.tZONE_REMAP = s.time("tZONE_REMAP");
    t.tBIST = s.time("tBIST");
    t.tRDY = s.time("tRDY");
    t.tRESET = s.time("tRESET");
    t.tBOOT = s.time("tBOOT");
    t.tFWCOM = s.time("tFWCOM");
    s.finish();
  }

  void read_link(LinkConfig& l) {
    Section s = section("link");
    l.grade = s.count("grade");
    l.latency = s.time("latency");
    l.ar_granules = s.count("ar_granules");
    l.r_granules = s.count("r_granules");
    l.aw_granules = s.count("aw_granules");
    l.w_granules = s.count("w_granules");
    l.b_granules = s.count("b_granules");
    l.ar_credits = s.count("ar_credits", "granules");
    l.w_credits = s.count("w_credits", "granules");
    l.r_credits = s.count("r_credits", "granules");
    l.b_credits = s.count("b_credits", "granules");
    s.finish();
  }

  void read_reliability(Reliability& r) {
    Section s = section("reliability");
    r.base_rber = s.real("base_rber", "rate");
    r.wear_factor = s.real("wear_factor", "rate");
    r.wear_exponent = s.real("wear_exponent", "power");
    r.retention_factor = s.real("retention_factor", "rate");
    r.retention_wear_exponent = s.real("retention_wear_exponent", "power");
    r.retention_exponent = s.real("retention_exponent", "power");
    r.read_factor = s.real("read_factor", "rate");
    r.read_wear_exponent = s.real("read_wear_exponent", "power");
    r.read_exponent = s.real("read_exponent", "power");
    r.activation_ev = s.real("activation_energy", "ev");
    r.reference_c = s.real("reference_temperature", "celsius", -273.15);
    r.codeword_bytes = s.count("codeword", "bytes");
    r.correctable_bits = s.count("correctable", "bits");
    r.high_bits = s.count("high", "bits");
    r.retry_gain = s.real("retry_gain", "factor");
    r.retry_stages = s.count("retry_stages");
    r.program_fail_rate = s.real("program_fail", "rate");
    r.erase_fail_rate = s.real("erase_fail", "rate");
    r.endurance_cycles = s.real("endurance", "cycles");
    r.max_read_threshold = s.whole("max_read_threshold", "senses");
    r.retention_hours = s.real("retention", "hours");
    s.finish();
  }

  void read_thermal(ThermalConfig& t) {
    Section s = section("thermal");
    t.enabled = s.flag("enabled");
    t.ambient_c = s.real("ambient", "celsius", -273.15);
    t.resistance_k_per_w = s.real("resistance", "k_per_w");
    t.capacity_j_per_k = s.real("capacity", "j_per_k");
    t.light_c = s.real("light", "celsius");
    t.recover_c = s.real("recover", "celsius");
    t.severe_c = s.real("severe", "celsius");
    t.release_c = s.real("release", "celsius");
    t.shutdown_c = s.real("shutdown", "celsius");
    t.light_factor = s.real("light_factor", "factor");
    t.step = s.time("step");
    s.finish();
  }

  void read_energy(EnergyConfig& e) {
    Section s = section("energy");
    e.sense_pj_per_bit = s.real("sense", "pj_per_bit");
    e.transfer_pj_per_bit = s.real("transfer", "pj_per_bit");
    e.program_pj_per_bit = s.real("program", "pj_per_bit");
    e.erase_pj_per_bit = s.real("erase", "pj_per_bit");
    e.idle_w = s.real("idle", "w");
    s.finish();
  }

  void read_controller(ControllerConfig& h) {
    Section s = section("controller");
    h.prefetch_bytes = s.whole("prefetch", "bytes");
    h.outstanding_per_channel = s.count("outstanding_per_channel");
    h.programs_per_channel = s.count("programs_per_channel");
    s.finish();
  }

  /// Switches, not figures: no source, and each has a default.
  void read_readings(Readings& r) {
    TomlTable t = root_.table("readings");
    const auto second = [&](const char* key, const char* first_word, const char* second_word) {
      return t.choice(key, first_word, {first_word, second_word}) == second_word;
    };
    if (second("crossing", "undefined_user", "out_of_range")) r.crossing = Readings::Crossing::kOutOfRange;
    if (second("batch", "until_regular", "immediate")) r.batch = Readings::Batch::kImmediate;
    if (second("overwrite", "overlap", "order")) r.overwrite = Readings::Overwrite::kOrder;
    if (second("severe_in_flight", "finish", "blocked"))
      r.severe_in_flight = Readings::SevereInFlight::kBlocked;
    if (second("max_pec", "current", "limit")) r.max_pec = Readings::MaxPec::kLimit;
    if (second("address_unit", "bytes", "chunks")) r.address_unit = Readings::AddressUnit::kChunks;
    if (second("batch_hint", "bit2", "reserved")) r.batch_hint = Readings::BatchHint::kReserved;
    if (second("snapshot_interval", "split", "whole"))
      r.snapshot_interval = Readings::SnapshotInterval::kWhole;
    if (second("log_counts", "four_bytes", "eight_bytes")) r.log_counts = Readings::LogCounts::kEightBytes;
    if (second("lockout", "write_one", "read_only")) r.lockout = Readings::Lockout::kReadOnly;
    if (second("cattrip", "write_one_clears", "storage")) r.cattrip = Readings::Cattrip::kStorage;
    if (second("bitmap", "words", "bits")) r.bitmap = Readings::Bitmap::kBits;
    r.power_on_erase = t.boolean("power_on_erase", false);
    t.finish();
  }

  std::string path_;
  TomlTable root_;
  TomlTable sources_;
  std::vector<std::string> assumed_;
  std::map<std::string, std::string> places_;  // of each figure's value
};

Config read_preset(TomlFile file, const std::string& path) {
  PresetChain chain = with_bases(std::move(file), path);
  return Reader(chain).read();
}

}  // namespace

Config parse_preset(const std::string& text, const std::string& path) {
  return read_preset(TomlFile::parse(text, path), path);
}

Config load_preset(const std::string& path) { return read_preset(TomlFile::load(path), path); }

}  // namespace memwall::hbf
