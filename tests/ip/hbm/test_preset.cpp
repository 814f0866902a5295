// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Presets: every file in scenarios/memories loads and means what the tables of the standards say; what the
// loader refuses, by name and place. Formulas of the constraint table.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/rng.h"
#include "common/toml_reader.h"
#include "hbm/formula.h"
#include "hbm/preset.h"

namespace memwall::hbm {
namespace {

const std::string kFolder = MEMWALL_SOURCE_DIR "/scenarios/memories/";

std::string file_text(const std::string& name) {
  std::ifstream in(kFolder + name);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> dram_presets() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() == ".toml" && name.rfind("hbf_", 0) != 0) out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

/// The message with which a preset is refused, "accepted" if it is not. `name` stands in the folder of the
/// presets, so that a base is found.
std::string refusal(const std::string& text) {
  try {
    parse_preset(text, kFolder + "p.toml");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

/// 1-based line of the first occurrence.
std::size_t line_of(const std::string& text, const std::string& part) {
  const std::size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  if (at == std::string::npos) return 0;
  return 1 + static_cast<std::size_t>(
                 std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

/// The change is refused, and the message names the line it stands in and the reason.
void expect_refused_in(const std::string& text, const std::string& from, const std::string& to,
                       const std::string& part) {
  const std::string changed = with(text, from, to);
  const std::string message = refusal(changed);
  EXPECT_NE(message.find(part), std::string::npos) << from << " -> " << to << "\n  " << message;
  const std::string place = kFolder + "p.toml:" + std::to_string(line_of(changed, to)) + ":";
  EXPECT_EQ(message.rfind(place, 0), 0u)
      << from << " -> " << to << "\n  " << message << "\n  not at " << place;
}

const std::string& hbm2() {
  static const std::string text = file_text("hbm2_2000.toml");
  return text;
}

void expect_refused(const std::string& from, const std::string& to, const std::string& part) {
  expect_refused_in(hbm2(), from, to, part);
}

/// A preset on top of HBM2.
std::string derived(const std::string& rest) {
  return "base = \"hbm2_2000.toml\"\nname = \"n\"\nstandard = \"HBM2\"\n" + rest;
}

// ---------------------------------------------------------------------------------------------------------
// The presets of the project.

TEST(HbmPreset, EveryPresetLoads) {
  EXPECT_EQ(dram_presets(), (std::vector<std::string>{"ddr5_6400.toml", "hbm2_2000.toml", "hbm2e_3600.toml",
                                                      "hbm3_6400.toml", "hbm3e_9600.toml", "hbm4_8000.toml",
                                                      "lpddr5x_8533.toml", "stacked3d.toml"}));
  for (const std::string& name : dram_presets()) {
    SCOPED_TRACE(name);
    const Preset p = load_preset(kFolder + name);
    EXPECT_EQ(std::uint64_t{1} << p.map.address_bits(), p.organisation.capacity_bytes);
    EXPECT_LE(p.organisation.banks_total(), 64u);
    // The row is on top of the map, so that streams repeat early.
    EXPECT_LE(p.map.pattern_bits(), 19u);
    for (const Constraint& row : p.constraints) {
      EXPECT_FALSE(row.source.empty()) << row.id;
      EXPECT_NE(row.place.find(".toml:"), std::string::npos) << row.id;
    }
    EXPECT_EQ(p.controller.read_queue, 32u);
    EXPECT_EQ(p.controller.write_queue, 32u);
    EXPECT_EQ(p.controller.drain_high, 26u);  // 0.8 x 32, rounded up
    EXPECT_EQ(p.controller.drain_low, 6u);    // 0.2 x 32, rounded down
    EXPECT_EQ(p.controller.scheduler, "fr_fcfs");
    EXPECT_EQ(p.controller.page, "open");
  }
}

TEST(HbmPreset, PeakBandwidthsAreThoseOfTheStandards) {
  const struct {
    const char* file;
    double bits, gbits_per_s;  // data pins of the stack, package or module; rate per pin
  } rows[] = {{"hbm2_2000.toml", 1024, 2.0},  {"hbm2e_3600.toml", 1024, 3.6},  {"hbm3_6400.toml", 1024, 6.4},
              {"hbm3e_9600.toml", 1024, 9.6}, {"hbm4_8000.toml", 2048, 8.0},   {"stacked3d.toml", 16384, 4.0},
              {"ddr5_6400.toml", 64, 6.4},    {"lpddr5x_8533.toml", 64, 8.533}};
  std::printf("%-20s %10s %10s %9s\n", "GB/s", "expected", "measured", "deviation");
  for (const auto& row : rows) {
    const double expected = row.bits * row.gbits_per_s / 8;
    const double measured = load_preset(kFolder + row.file).peak_gbytes_per_s();
    const double deviation = measured / expected - 1;
    std::printf("%-20s %10.2f %10.2f %+8.3f %%\n", row.file, expected, measured, deviation * 100);
    EXPECT_LT(std::abs(deviation), 0.0017) << "more than tCK in whole picoseconds explains";
  }
}

TEST(HbmPreset, EachRuleOfOneStandardIsPresentOrExplicitlyAbsentInEveryOther) {
  std::map<std::string, Preset> presets;
  std::set<std::string> all;
  for (const std::string& name : dram_presets()) {
    const Preset& p = presets.emplace(name, load_preset(kFolder + name)).first->second;
    for (const Constraint& row : p.constraints) all.insert(row.id);
  }
  EXPECT_GE(all.size(), 85u);
  for (const auto& [name, p] : presets) {
    std::map<std::string, int> said;
    for (const Constraint& row : p.constraints) ++said[row.id];
    for (const AbsentRule& rule : p.absent) ++said[rule.id];
    for (const std::string& id : all) EXPECT_EQ(said[id], 1) << name << ": " << id;
    for (const auto& [id, count] : said)
      EXPECT_EQ(all.count(id), 1u) << name << " lacks a rule nobody has: " << id;
  }
}

TEST(HbmPreset, Hbm3KeepsItsFigures) {
  const Preset p = load_preset(kFolder + "hbm3_6400.toml");
  EXPECT_EQ(p.organisation.capacity_bytes, std::uint64_t{16} << 30);
  EXPECT_EQ(p.organisation.pseudo_channels_total(), 32u);
  EXPECT_EQ(p.organisation.banks_total(), 32u);
  EXPECT_EQ(p.tCK_ps, 625u);
  EXPECT_EQ(p.burst(), 2);
  EXPECT_EQ(p.cycles("tREFI"), 6240);
  EXPECT_EQ(p.cycles("tRFCab"), 560);
  // Closed row, hit, conflict: tRCDRD + tRL + tBL, tRL + tBL, tRP + tRCDRD + tRL + tBL.
  EXPECT_EQ(p.cycles("tRCDRD") + p.cycles("tRL") + p.burst(), 53);
  EXPECT_EQ(p.cycles("tRL") + p.burst(), 22);
  EXPECT_EQ(p.cycles("tRP") + p.cycles("tRCDRD") + p.cycles("tRL") + p.burst(), 79);
  EXPECT_EQ(p.energy.activate_pj, 900);
  EXPECT_EQ(p.energy.read_array_pj + p.energy.read_phy_pj, 890);
  EXPECT_EQ(p.energy.refresh_ab_pj, 57600);
  EXPECT_EQ(p.energy.active_standby_mw, 125);
  EXPECT_TRUE(p.refresh_management.present);
  EXPECT_EQ(p.map.stripe_bytes(), 4096u);
  EXPECT_EQ(p.map.decode(128).pseudo_channel, 1u);
  EXPECT_EQ(p.map.decode(256).channel, 1u);
  const std::set<std::string> assumed(p.assumed.begin(), p.assumed.end());
  EXPECT_EQ(assumed.size(), p.assumed.size());
  for (const char* key : {"energy.write_array", "energy.write_phy", "energy.active_standby",
                          "energy.precharge_standby", "timing.tXS", "refresh_management.raaimt"}) {
    EXPECT_EQ(assumed.count(key), 1u) << key;
  }
  EXPECT_EQ(assumed.count("timing.tRP"), 0u);
}

TEST(HbmPreset, RowsOfTheTableAreReadAsWritten) {
  const Preset p = load_preset(kFolder + "hbm3_6400.toml");
  const auto row = [&](const std::string& id) {
    const auto found = std::find_if(p.constraints.begin(), p.constraints.end(),
                                    [&](const Constraint& c) { return c.id == id; });
    EXPECT_NE(found, p.constraints.end()) << id;
    return *found;
  };
  const Constraint faw = row("faw");
  EXPECT_EQ(faw.level, Level::kPseudoChannel);
  EXPECT_EQ(faw.window, 4u);
  EXPECT_EQ(faw.latency, 24);
  EXPECT_EQ(faw.prev, (std::vector<Command>{Command::kACT, Command::kREFpb}));
  const Constraint stack = row("ccd_r_rd");
  EXPECT_EQ(stack.level, Level::kStackId);
  EXPECT_TRUE(stack.different);
  EXPECT_EQ(stack.latency, 3);
  const Constraint wtr = row("wtr_l");
  EXPECT_EQ(wtr.formula, "tWL + tBL + tWTRL");
  EXPECT_EQ(wtr.latency, 10 + 2 + 10);
  EXPECT_FALSE(wtr.different);
  EXPECT_EQ(wtr.window, 1u);
  // The row of HBM2 is replaced by that of HBM3, and each says where it stands.
  EXPECT_EQ(row("rtw").latency, 20);
  EXPECT_NE(row("rtw").place.find("hbm3_6400.toml:"), std::string::npos);
  EXPECT_NE(row("rcd_rd").place.find("hbm2_2000.toml:"), std::string::npos);
  EXPECT_EQ(load_preset(kFolder + "hbm2_2000.toml").cycles("tRTP"), 5);
}

TEST(HbmPreset, RefreshComesMoreOftenWhenHot) {
  std::string text = file_text("stacked3d.toml");
  const auto interval = [&](const std::string& celsius) {
    const Preset p =
        parse_preset(text + "[controller]\ntemperature_c = " + celsius + "\n", kFolder + "p.toml");
    return p.refresh_interval();
  };
  EXPECT_EQ(interval("45"), 7800);  // 3900 ns at 500 ps
  EXPECT_EQ(interval("84.9"), 7800);
  EXPECT_EQ(interval("85"), 3900);
  EXPECT_EQ(interval("94.9"), 3900);
  EXPECT_EQ(interval("95"), 1950);
}

TEST(HbmPreset, DurationsAreRoundedToTheSafeSide) {
  const std::string text = with(with(hbm2(), "tRP    = { nck = 14", "tRP    = { ns = 13.001"),
                                "tREFI  = { ns = 3900", "tREFI  = { ns = 3900.9");
  const Preset p = parse_preset(text, "p.toml");
  EXPECT_EQ(p.cycles("tRP"), 14);
  EXPECT_EQ(p.cycles("tREFI"), 3900);
  EXPECT_THROW(p.cycles("tXYZ"), ModelError);
}

// ---------------------------------------------------------------------------------------------------------
// Bad input.

TEST(HbmPreset, RefusesTimingsThatAreUnknownMissingOrNotPositive) {
  expect_refused("tRP    = { nck = 14", "tRP    = { nck = 0", "timing.tRP.nck = 0 is out of range");
  expect_refused("tRP    = { nck = 14", "tRP    = { nck = -3", "out of range");
  expect_refused("tRP    = { nck = 14", "tRP    = { nck = 2.5", "integer");
  expect_refused("tRFCab = { ns = 260", "tRFCab = { ns = 0.0", "out of range");
  expect_refused("tRFCab = { ns = 260", "tRFCab = { ns = -1", "out of range");
  expect_refused("tRFCab = { ns = 260", "tRFCab = { ns = nan", "out of range");
  expect_refused("tRFCab = { ns = 260", "tRFCab = { ns = 260, nck = 3", "either nck or ns");
  expect_refused("tRFCab = { ns = 260, source", "tRFCab = { source", "either nck or ns");
  expect_refused("tRFCab = { ns = 260", "tRFCab = { ns = 260, us = 1", "unknown key timing.tRFCab.us");
  expect_refused("tCK = { ps = 1000", "tCK = { ps = 0", "out of range");
  expect_refused("tRP    = { nck = 14, source = \"hbm2\"", "tRP    = { nck = 14, source = \"hearsay\"",
                 "source 'hearsay' is not \"assumed\" and not in [sources]");
  expect_refused("tRP    = { nck = 14, source = \"hbm2\" }", "tRP    = { nck = 14 }", "source is missing");
  expect_refused("tRP    = ", "t_RP   = 3\ntRP    = ", "timing.t_RP: a timing parameter is a t");
  expect_refused("tRP    = ", "nRP   = 3\ntRP    = ", "timing.nRP: a timing parameter is a t");
  EXPECT_NE(refusal(with(hbm2(), "tBL    = ", "tBLX   = ")).find("timing.tBL is missing"), std::string::npos);
  // Named by a formula: the row of the first formula that lacks it.
  const std::string without = with(hbm2(), "tRTP   = { nck = 5, source = \"hbm2\" }", "");
  EXPECT_EQ(
      refusal(without).rfind(kFolder + "p.toml:" + std::to_string(line_of(without, "\"rtp\"")) + ":", 0), 0u);
  EXPECT_NE(refusal(without).find("no timing parameter tRTP"), std::string::npos);
}

TEST(HbmPreset, RefusesAParameterThatNoRuleNames) {
  expect_refused("tXP    = ", "tXPDLL = { nck = 3, source = \"assumed\" }\ntXP    = ",
                 "timing.tXPDLL does nothing: no constraint's latency names it");
}

TEST(HbmPreset, RefusesContradictoryTimings) {
  expect_refused(
      "tRC    = { nck = 48", "tRC    = { nck = 47",
      "constraint rc (tRC = 47 cycles) contradicts others: ACT to ACT is less than ACT to PRE plus PRE to "
      "ACT, 34 + 14 = 48");
  expect_refused("tRAS   = { nck = 34", "tRAS   = { nck = 13",
                 "would close before it can be read, 14 cycles");
  expect_refused("tCCDS  = { nck = 2", "tCCDS  = { nck = 1",
                 "bursts of RD and RD in another bank group would meet");
  expect_refused("tCCDL  = { nck = 4", "tCCDL  = { nck = 1", "tCCDL = 1 is less than tCCDS = 2");
  expect_refused("tRRDL  = { ns = 4", "tRRDL  = { ns = 3", "tRRDL = 3 is less than tRRDS = 4");
  expect_refused("tWTRL  = { nck = 8", "tWTRL  = { nck = 5", "tWTRL = 5 is less than tWTRS = 6");
  expect_refused("tFAW   = { ns = 15", "tFAW   = { ns = 3",
                 "a window of 4 ACT is shorter than from one to the next");
  expect_refused(
      "latency = \"tRL + tBL + 2 - tWL\"", "latency = \"tRL + tBL - 1 - tWL\"",
      "bursts of RD and WR in the same bank would meet on the data bus; at least tRL + tBL - tWL = 11");
  expect_refused("latency = \"tWL + tBL + tWR\"", "latency = \"tWL + 1\"",
                 "before the data of the write have come");
  expect_refused("tRFCab = { ns = 260", "tRFCab = { ns = 3850",
                 "a refresh every tREFI = 3900 cycles leaves no time beside it");
}

TEST(HbmPreset, RefusesContradictoryRefreshOfSingleBanks) {
  const std::string text = with(hbm2(), "refresh = \"all_bank\"", "refresh = \"per_bank\"");
  EXPECT_EQ(refusal(text), "accepted");
  // 3900 / 16 banks = 243 cycles from one to the next.
  expect_refused_in(with(text, "tFAW   = { ns = 15", "tFAW   = { ns = 300"), "tRREFD = { ns = 8",
                    "tRREFD = { ns = 243", "per-bank refresh comes every 243 cycles");
  expect_refused_in(text, "tRFCpb = { ns = 160", "tRFCpb = { ns = 3800", "leaves no time");
}

TEST(HbmPreset, RefusesMalformedRows) {
  const std::string rtp =
      "{ id = \"rtp\", level = \"bank\", prev = [\"RD\"], next = [\"PRE\"], latency = \"tRTP\", ";
  const auto row = [&](const std::string& text) { return text; };
  expect_refused(
      rtp, row("{ id = \"rtp\", level = \"banks\", prev = [\"RD\"], next = [\"PRE\"], latency = \"tRTP\", "),
      "level = \"banks\" is not one of: channel, pseudo_channel, stack_id, bank_group, bank");
  expect_refused(rtp, "{ id = \"rtp\", prev = [\"RD\"], next = [\"PRE\"], latency = \"tRTP\", ",
                 "level is missing");
  expect_refused(rtp, "{ id = \"rtp\", level = \"bank\", next = [\"PRE\"], latency = \"tRTP\", ",
                 "prev is missing");
  expect_refused(rtp, "{ id = \"rtp\", level = \"bank\", prev = [\"RD\"], latency = \"tRTP\", ",
                 "next is missing");
  expect_refused(rtp, "{ id = \"rtp\", level = \"bank\", prev = [\"RD\"], next = [\"PRE\"], ",
                 "latency is missing");
  expect_refused(rtp, "{ id = \"rtp\", level = \"bank\", prev = [], next = [\"PRE\"], latency = \"tRTP\", ",
                 "prev is empty");
  expect_refused(
      rtp, "{ id = \"rtp\", level = \"bank\", prev = [\"READ\"], next = [\"PRE\"], latency = \"tRTP\", ",
      "unknown command \"READ\" in prev; accepted: ACT, PRE, PREab, RD, WR, REFab");
  expect_refused(rtp,
                 "{ id = \"rtp\", level = \"bank\", prev = \"RD\", next = [\"PRE\"], latency = \"tRTP\", ",
                 "must be an array of strings");
  expect_refused(
      rtp, "{ id = \"rtp\", level = \"bank\", prev = [\"RD\", 3], next = [\"PRE\"], latency = \"tRTP\", ",
      "must be a string");
  expect_refused(
      rtp,
      "{ id = \"rtp\", level = \"bank\", prev = [\"RD\", \"RD\"], next = [\"PRE\"], latency = \"tRTP\", ",
      "RD is twice in prev");
  expect_refused(
      rtp, "{ id = \"r t p\", level = \"bank\", prev = [\"RD\"], next = [\"PRE\"], latency = \"tRTP\", ",
      "id \"r t p\" is not a word");
  expect_refused(rtp, "{ level = \"bank\", prev = [\"RD\"], next = [\"PRE\"], latency = \"tRTP\", ",
                 "id is missing");
  expect_refused(rtp, rtp + "retires = 3, ", "unknown key constraint[");
  expect_refused(rtp, rtp + "relation = \"other\", ", "is not one of: same, different");
  expect_refused(rtp, rtp + "window = 1, ", "window = 1 is out of range: accepted 2 to 32");
  expect_refused("id = \"column_bus\", level = \"channel\"",
                 "id = \"column_bus\", relation = \"different\", level = \"channel\"",
                 "\"different\" has no meaning at level channel");
}

TEST(HbmPreset, RefusesAWindowOverOtherInstances) {
  const std::string rtp =
      "{ id = \"rtp\", level = \"bank\", prev = [\"RD\"], next = [\"PRE\"], latency = \"tRTP\", ";
  expect_refused(
      rtp, rtp + "relation = \"different\", window = 4, ",
      "constraint rtp: a window counts commands of one instance, relation = \"different\" is about "
      "another");
  // Either alone is a row.
  for (const char* alone : {"relation = \"different\", ", "window = 4, "}) {
    EXPECT_EQ(refusal(with(hbm2(), rtp, rtp + alone)).find("a window counts"), std::string::npos) << alone;
  }
}

TEST(HbmPreset, RefusesACommandThatIsWiderThanTheLevel) {
  expect_refused("id = \"rp_all\", level = \"pseudo_channel\"", "id = \"rp_all\", level = \"bank\"",
                 "constraint rp_all: PREab addresses a whole pseudo_channel, so the level cannot be bank");
  expect_refused("id = \"xp\", level = \"channel\"", "id = \"xp\", level = \"pseudo_channel\"",
                 "constraint xp: PDX addresses a whole channel, so the level cannot be pseudo_channel");
}

TEST(HbmPreset, RefusesBadFormulasAndLatenciesBelowOneCycle) {
  const std::string good = "latency = \"tRTP\"";
  expect_refused(good, "latency = \"tRTP +\"", "formula \"tRTP +\", character 7: an integer");
  expect_refused(good, "latency = \"tRTPX\"", "no timing parameter tRTPX");
  expect_refused(good, "latency = \"tRTP - 5\"",
                 "constraint rtp: latency tRTP - 5 = 0 cycles; accepted 1 to");
  expect_refused(good, "latency = \"tRTP - 9\"", "= -4 cycles; accepted 1 to");
  expect_refused(good, "latency = \"tRTP * 1000000\"", "cycles; accepted 1 to 1000000");
  expect_refused(good, "latency = 5", "must be a string");
}

TEST(HbmPreset, RefusesTwoRowsOfOneIdAndRowsThatAreAlsoAbsent) {
  const std::string twice = with(hbm2(), "{ id = \"rrd_l\"", "{ id = \"rrd_s\"");
  EXPECT_NE(refusal(twice).find("constraint rrd_s stands twice, first at"), std::string::npos)
      << refusal(twice);
  expect_refused("{ id = \"ppd\", why", "{ id = \"faw\", why", "absent faw contradicts the constraint at");
  EXPECT_NE(refusal(with(hbm2(), "{ id = \"rtw_r\", why", "{ id = \"ccd_r_wr\", why"))
                .find("absent ccd_r_wr stands twice, first at"),
            std::string::npos);
  expect_refused("why = \"rtw holds in the whole pseudo-channel\"", "why = \"\"",
                 "absent rtw_r: why is empty");
  expect_refused("why = \"rtw holds in the whole pseudo-channel\"", "because = \"\"", "why is missing");
}

/// The table without one row.
std::string without_row(const std::string& text, const std::string& id) {
  const std::size_t at = text.find("  { id = \"" + id + "\", level");
  EXPECT_NE(at, std::string::npos) << id;
  return std::string(text).erase(at, text.find('\n', at) + 1 - at);
}

TEST(HbmPreset, RefusesAMissingRule) {
  const struct {
    const char* id;
    const char* message;
  } rows[] = {
      {"rcd_rd", "missing rule: no constraint from ACT to RD in the same bank (row to column delay)"},
      {"rcd_wr", "from ACT to WR in the same bank"},
      {"ras", "from ACT to PRE in the same bank"},
      {"ras_all", "from ACT to PREab in the same bank"},
      {"rp", "from PRE to ACT in the same bank"},
      {"rp_all", "from PREab to ACT"},
      {"rc", "ACT to ACT is less than"},  // what is left, tRRD, contradicts tRAS + tRP
      {"rrd_s", "from ACT to ACT in another bank group"},
      {"ccd_s_rd", "from RD to RD in another bank group"},
      {"ccd_s_wr", "from WR to WR in another bank group"},
      {"rtw", "from RD to WR"},
      {"wtr_s", "from WR to RD in another bank group"},
      {"rtp", "from RD to PRE in the same bank"},
      {"wr", "from WR to PRE in the same bank"},
      {"wr_all", "from WR to PREab"},
      {"ref_rp", "from PRE to REFab"},
      {"ref_rp_all", "from PREab to REFab"},
      {"ref_rc", "from ACT to REFab"},
      {"rfc", "from REFab to ACT"},
      {"row_bus", "(row command bus)"},
      {"row_bus_act", "from ACT to ACT in another pseudo-channel (row command bus)"},
      {"column_bus", "from RD to RD in another pseudo-channel (column command bus)"},
  };
  for (const auto& row : rows) {
    const std::string message = refusal(without_row(hbm2(), row.id));
    EXPECT_NE(message.find(row.message), std::string::npos) << row.id << ": " << message;
    EXPECT_EQ(message.rfind(kFolder + "p.toml", 0), 0u) << message;
  }
}

TEST(HbmPreset, ARuleBetweenStackIdsDoesNotStandInForOneWithinThemNorTheOtherWayRound) {
  const std::string ddr5 = file_text("ddr5_6400.toml");
  for (const char* id : {"ccd_s_rd", "ccd_s_wr", "wtr_s"}) {
    EXPECT_NE(refusal(without_row(ddr5, id)).find("in another bank group"), std::string::npos) << id;
  }
  for (const char* id : {"ccd_r_rd", "ccd_r_wr", "rtw_r", "wtr_r"}) {
    EXPECT_NE(refusal(without_row(ddr5, id)).find("in another stack id"), std::string::npos) << id;
  }
}

TEST(HbmPreset, EveryRuleThatNothingElseImpliesIsMissedWhenAllPoliciesNeedTheTable) {
  // Per-bank refresh, power-down and self-refresh on: these rows may go, because others hold in their place.
  const std::set<std::string> spare = {"rrd_l", "faw",      "ccd_l_rd",    "ccd_l_wr",
                                       "wtr_l", "refpb_rc", "refpb_rrd_l", "sre_rc"};
  std::string text = with(hbm2(), "refresh = \"all_bank\"", "refresh = \"per_bank\"");
  text = with(text, "page = \"open\"",
              "page = \"open\"\npower_down_after_nck = 100\nself_refresh_after_nck = 10000");
  EXPECT_EQ(refusal(text), "accepted");
  const Preset p = parse_preset(text, "p.toml");
  for (const Constraint& row : p.constraints) {
    std::string less = without_row(text, row.id);
    // A parameter that only this row names must go as well: keep it alive in a window that says nothing.
    std::string formula = "1";
    for (const auto& [name, cycles] : p.timing) formula += " + " + name;
    less = with(less, "constraint = [\n",
                "constraint = [\n{ id = \"all_names\", level = \"bank\", prev = [\"RD\"], next = [\"WR\"], "
                "latency = \"" +
                    formula + "\", window = 2, source = \"rules\" },\n");
    EXPECT_EQ(refusal(less) == "accepted", spare.count(row.id) == 1) << row.id << ": " << refusal(less);
  }
}

TEST(HbmPreset, RefusesPoliciesWhoseRulesAreNotInTheTable) {
  const std::string ddr5 = file_text("ddr5_6400.toml");
  EXPECT_NE(refusal(with(ddr5, "refresh = \"all_bank\"", "refresh = \"per_bank\"")).find("to REFpb"),
            std::string::npos);
  EXPECT_NE(refusal(with(ddr5, "scope = \"all_bank\"", "scope = \"per_bank\"")).find("to RFMpb"),
            std::string::npos);
  EXPECT_EQ(refusal(with(ddr5, "page = \"open\"", "page = \"open\"\npower_down_after_nck = 100")),
            "accepted");
  for (const char* id : {"pde_act", "pde_rd", "pd", "xp"}) {
    const std::string less = without_row(ddr5, id);
    EXPECT_NE(refusal(with(less, "page = \"open\"", "page = \"open\"\npower_down_after_nck = 100"))
                  .find("missing rule"),
              std::string::npos)
        << id;
  }
}

TEST(HbmPreset, RefusesOrganisationsThatContradictThemselves) {
  expect_refused("capacity_gib = 8", "capacity_gib = 24",
                 "contradicts the organisation, which holds 8589934592 bytes");
  expect_refused("capacity_gib = 8", "capacity_gib = 0", "out of range");
  expect_refused("rows = 32768", "rows = 32767", "must be a power of two");
  expect_refused("channels = 8\npseudo", "channels = 0\npseudo", "out of range");
  expect_refused("banks = 4   ", "banks = 32  ", "out of range");
  EXPECT_NE(refusal(with(hbm2(), "stack_ids = 1 ", "stack_ids = 8 "))
                .find("128 banks in a pseudo-channel; at most 64"),
            std::string::npos);
  expect_refused("access_bytes = 32", "access_bytes = 4", "must be 8 or more");
  expect_refused("banks = 4   ", "baenke = 3\nbanks = 4   ", "unknown key organisation.baenke");
  expect_refused("address_map = \"row[32:18]", "address_map = \"row[32:19]", "row has 14 of the 15 bits");
  expect_refused("address_map = \"row[32:18] bank[17:16]", "address_map = \"row[32:18] bank[18:17]",
                 "used twice");
  const std::string map = "address_map = ";
  expect_refused(map, "address_hash = [\"bank[0] ^ row[15]\"]\naddress_map = ", "row has 15 bits");
  expect_refused(
      map, "address_hash = [\"channel[0] ^ bank[0]\"]\naddress_map = ", "must be a bit of row or column");
  expect_refused(map, "address_hash = \"bank[0] ^ row[1]\"\naddress_map = ", "must be an array of strings");
}

TEST(HbmPreset, RefusesPoliciesThatDoNotExistAndSettingsThatDoNothing) {
  expect_refused("scheduler = \"fr_fcfs\"", "scheduler = \"best\"",
                 "controller.scheduler = \"best\" is not one of: ");
  expect_refused("page = \"open\"", "page = \"ajar\"", "is not one of: ");
  expect_refused("write_drain = \"watermark\"", "write_drain = \"never\"", "is not one of: ");
  expect_refused("refresh = \"all_bank\"", "refresh = \"never\"", "is not one of: ");
  expect_refused("arbitration = \"round_robin\"", "arbitration = \"loudest\"",
                 "is not one of: round_robin, oldest");
  expect_refused("read_queue = 32", "read_queue = 65", "out of range: accepted 1 to 64");
  expect_refused("write_queue = 32", "write_queue = 0", "out of range");
  expect_refused("drain_low_percent = 20", "drain_low_percent = 80", "must be below drain_high_percent = 80");
  const std::string page = "page = \"open\"";
  EXPECT_NE(refusal(with(hbm2(), page, page + "\nrow_hit_cap = 4"))
                .find("controller.row_hit_cap does nothing: scheduler is \"fr_fcfs\", not \"fr_fcfs_cap\""),
            std::string::npos);
  for (const char* setting : {"page_timeout_nck = 10", "refresh_max_postponed = 4"}) {
    EXPECT_NE(refusal(with(hbm2(), page, page + "\n" + setting)).find("does nothing"), std::string::npos)
        << setting;
  }
  EXPECT_NE(refusal(with(hbm2(), "write_drain = \"watermark\"", "write_drain = \"read_first\""))
                .find("does nothing"),
            std::string::npos);
  EXPECT_NE(refusal(with(hbm2(), page, page + "\nself_refresh_after_nck = 10\npower_down_after_nck = 10"))
                .find("self-refresh comes first"),
            std::string::npos);
  EXPECT_NE(refusal(with(hbm2(), page, page + "\nstarvation_nck = 10"))
                .find("unknown key controller.starvation_nck"),
            std::string::npos);
  const std::string no_derating = with(
      hbm2(),
      "[[derating]]\nabove_c = 85\ninterval_factor = 0.5     # as in DDR4 and DDR5\nsource = \"assumed\"\n",
      "");
  EXPECT_EQ(refusal(no_derating), "accepted");
  EXPECT_NE(refusal(with(no_derating, page, page + "\ntemperature_c = 90"))
                .find("temperature_c does nothing: the preset has no [[derating]]"),
            std::string::npos);
}

TEST(HbmPreset, AcceptsTheSettingsOfAChosenPolicy) {
  std::string text = with(hbm2(), "scheduler = \"fr_fcfs\"", "scheduler = \"fr_fcfs_cap\"\nrow_hit_cap = 4");
  text = with(text, "page = \"open\"", "page = \"timeout\"\npage_timeout_nck = 77");
  text = with(text, "refresh = \"all_bank\"", "refresh = \"postponed\"\nrefresh_max_postponed = 3");
  text = with(text, "read_queue = 32", "read_queue = 16\nrow_hammer_counters = true\ntemperature_c = 91.5");
  text = with(text, "write_queue = 32", "write_queue = 11");
  const Preset p = parse_preset(text, "p.toml");
  EXPECT_EQ(p.controller.row_hit_cap, 4u);
  EXPECT_EQ(p.controller.page_timeout, 77);
  EXPECT_EQ(p.controller.refresh_max_postponed, 3u);
  EXPECT_EQ(p.controller.read_queue, 16u);
  EXPECT_EQ(p.controller.drain_high, 9u);  // 8.8
  EXPECT_EQ(p.controller.drain_low, 2u);   // 2.2
  EXPECT_TRUE(p.controller.row_hammer_counters);
  EXPECT_EQ(p.refresh_interval(), 1950);
}

TEST(HbmPreset, RefusesBadRefreshManagementDeratingEnergyAndSources) {
  expect_refused("absent = \"came with HBM3\"", "absent = \"\"", "refresh_management.absent is empty");
  EXPECT_NE(
      refusal(with(hbm2(), "absent = \"came with HBM3\"", "")).find("needs raaimt and scope, or absent"),
      std::string::npos);
  expect_refused("absent = \"came with HBM3\"", "scope = \"per_bank\"\nabsent = \"x\"",
                 "does nothing: it is absent");
  expect_refused("absent = \"came with HBM3\"",
                 "absent = \"x\"\nscope = \"per_bank\"\nraaimt = { value = 3, source = \"assumed\" }",
                 "contradicts raaimt");
  EXPECT_NE(refusal(with(hbm2(), "absent = \"came with HBM3\"",
                         "scope = \"per_bank\"\nraaimt = { value = 3, source = \"assumed\" }"))
                .find("missing rule: no constraint from PRE to RFMpb"),
            std::string::npos);
  EXPECT_NE(
      refusal(with(file_text("hbm3_6400.toml"),
                   "raaimt = { value = 64, source = \"assumed\" }\nscope = \"per_bank\"", "absent = \"no\""))
          .find("names RFMab, but the preset has no refresh management"),
      std::string::npos);
  expect_refused("interval_factor = 0.5", "interval_factor = 0", "out of range");
  const std::string step = "[[derating]]\nabove_c = 85\ninterval_factor = 0.5\nsource = \"assumed\"\n\n";
  EXPECT_NE(refusal(with(hbm2(), "[[derating]]\n", step + "[[derating]]\n"))
                .find("derating.above_c = 85 does not ascend"),
            std::string::npos);
  expect_refused("activate    = { pj = 900", "activate    = { pj = -1", "out of range");
  expect_refused("activate    = { pj = 900", "activate    = { nj = 900", "energy.activate.pj is missing");
  expect_refused("self_refresh      = { mw", "selbst = 3\nself_refresh      = { mw",
                 "unknown key energy.selbst");
  EXPECT_NE(refusal(with(hbm2(), "refresh_pb  = ", "refresh_px  = ")).find("energy.refresh_pb is missing"),
            std::string::npos);
  EXPECT_NE(refusal(with(file_text("ddr5_6400.toml"),
                         "refresh_ab  = ", "refresh_pb = { pj = 3, source = \"assumed\" }\nrefresh_ab  = "))
                .find("energy.refresh_pb does nothing"),
            std::string::npos);
  expect_refused("hbm2 = \"Ramulator", "hbm2 = \"\"\nhbm2b = \"Ramulator", "sources.hbm2 is empty");
  expect_refused("hbm2 = \"Ramulator", "assumed = \"x\"\nhbm2 = \"Ramulator", "the word has a meaning");
  expect_refused("standard = \"HBM2\"", "standard = \"HBM1\"", "is not one of: HBM2, HBM2E");
  expect_refused("name = ", "nom = \"x\"\nname = ", "unknown key nom");
}

// ---------------------------------------------------------------------------------------------------------
// Differences.

TEST(HbmPreset, ADerivedPresetOverridesKeyByKeyAndARowById) {
  const Preset p = parse_preset(
      derived(
          "constraint = [\n  { id = \"rtp\", level = \"bank\", prev = [\"RD\"], next = [\"PRE\"], latency = "
          "\"tRTPX\", source = \"assumed\" },\n]\n"
          "[timing]\ntRP = { ns = 10.5, source = \"assumed\" }\ntRTPX = { nck = 7, source = \"assumed\" }\n"),
      kFolder + "p.toml");
  EXPECT_EQ(p.cycles("tRP"), 11);  // ns replaces nck: { ... } is one value
  EXPECT_EQ(p.cycles("tRAS"), 34);
  std::size_t found = 0;
  for (const Constraint& row : p.constraints) {
    if (row.id != "rtp") continue;
    ++found;
    EXPECT_EQ(row.latency, 7);
    EXPECT_EQ(row.place, kFolder + "p.toml:5:10");
  }
  EXPECT_EQ(found, 1u);
  EXPECT_EQ(p.constraints.size(), load_preset(kFolder + "hbm2_2000.toml").constraints.size());
  EXPECT_EQ(p.cycles("tRTP"), 5);  // still named by rtp_all
  const std::vector<std::string>& assumed = p.assumed;
  for (const char* key : {"timing.tRP", "timing.tRTPX", "constraint.rtp"}) {
    EXPECT_EQ(std::count(assumed.begin(), assumed.end(), key), 1) << key;
  }
}

TEST(HbmPreset, ADerivedPresetMaySayThatARuleIsAbsentAndThenNeedsNotItsParameter) {
  const Preset p =
      parse_preset(derived("absent = [ { id = \"faw\", why = \"wide\" } ]\n"), kFolder + "p.toml");
  EXPECT_TRUE(std::none_of(p.constraints.begin(), p.constraints.end(),
                           [](const Constraint& row) { return row.id == "faw"; }));
  EXPECT_TRUE(std::any_of(p.absent.begin(), p.absent.end(),
                          [](const AbsentRule& rule) { return rule.id == "faw" && rule.why == "wide"; }));
  EXPECT_EQ(p.timing.count("tFAW"), 0u);
  // But a parameter of its own has to be named.
  EXPECT_NE(
      refusal(derived("absent = [ { id = \"faw\", why = \"wide\" } ]\n[timing]\ntFAW = { nck = 3, source = "
                      "\"assumed\" }\n"))
          .find("p.toml:6:8: timing.tFAW does nothing"),
      std::string::npos);
}

TEST(HbmPreset, ErrorsInADifferenceNameTheFileThatTheBadValueStandsIn) {
  const auto starts = [](const std::string& text, const std::string& place, const std::string& part) {
    const std::string message = refusal(text);
    EXPECT_EQ(message.rfind(place, 0), 0u) << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  const std::string self = kFolder + "p.toml";
  starts(derived("[timing]\ntRP = { nck = 0, source = \"assumed\" }\n"), self + ":5:15", "out of range");
  starts(derived("[timing]\ntRC = { nck = 40, source = \"assumed\" }\n"), self + ":5:7",
         "contradicts others");
  // A longer precharge contradicts the row cycle of the base, which is where the figure stands.
  const std::string base_line =
      kFolder + "hbm2_2000.toml:" + std::to_string(line_of(hbm2(), "tRC    = ")) + ":";
  starts(derived("[timing]\ntRP = { nck = 40, source = \"assumed\" }\n"), base_line, "constraint rc");
  starts(derived("[timing]\ntRP = { nck = 3, source = \"nowhere\" }\n"), self + ":5:", "'nowhere'");
  starts(derived("[organisation]\nrows = 16384\n"),
         kFolder + "hbm2_2000.toml:", "contradicts the organisation");
}

TEST(HbmPreset, RefusesBadBases) {
  const auto with_base = [](const std::string& base) {
    return refusal("base = " + base + "\nname = \"n\"\nstandard = \"HBM2\"\n");
  };
  const std::string place = kFolder + "p.toml:1:8: ";
  EXPECT_EQ(with_base("\"nothing.toml\""),
            place + "base = \"nothing.toml\": there is no file " + kFolder + "nothing.toml");
  EXPECT_EQ(with_base("\"\""), place + "base is empty");
  EXPECT_EQ(with_base("3").rfind(place, 0), 0u);
  EXPECT_NE(with_base("\"p.toml\"").find("leads back"), std::string::npos);
  EXPECT_NE(with_base("\"../memories/./p.toml\"").find("leads back"), std::string::npos);
  EXPECT_NE(refusal("base = \"hbm2_2000.toml\"\nstandard = \"HBM2\"\n")
                .find("name is missing; it is not taken over"),
            std::string::npos);
  EXPECT_NE(refusal("base = \"hbm2_2000.toml\"\nname = \"n\"\n").find("standard is missing"),
            std::string::npos);
  EXPECT_NE(refusal(derived("[sources]\nhbm2 = \"something else\"\n"))
                .find("p.toml:5:8: sources.hbm2 is already a source of the base, at " + kFolder +
                      "hbm2_2000.toml:"),
            std::string::npos);
  EXPECT_THROW(load_preset("/nonexistent.toml"), ConfigError);
}

TEST(HbmPreset, RefusesACycleOfBases) {
  const std::string folder = testing::TempDir() + "hbm_preset_cycle/";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "a.toml") << "base = \"b.toml\"\nname = \"a\"\nstandard = \"HBM2\"\n";
  std::ofstream(folder + "b.toml") << "base = \"c.toml\"\nname = \"b\"\nstandard = \"HBM2\"\n";
  std::ofstream(folder + "c.toml") << "base = \"a.toml\"\nname = \"c\"\nstandard = \"HBM2\"\n";
  try {
    load_preset(folder + "a.toml");
    ADD_FAILURE() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_EQ(std::string(error.what()),
              folder + "c.toml:1:8: base = \"a.toml\" leads back to a preset that is based on this one");
  }
}

TEST(HbmPreset, SettingsLeftOverFromTheBaseDoNotBindADerivedPreset) {
  const Preset p = parse_preset(derived("[controller]\nwrite_drain = \"read_first\"\n"), kFolder + "p.toml");
  EXPECT_EQ(p.controller.write_drain, "read_first");
  EXPECT_NE(refusal(derived("[controller]\nwrite_drain = \"read_first\"\ndrain_low_percent = 3\n"))
                .find("p.toml:6:21: controller.drain_low_percent does nothing"),
            std::string::npos);
}

TEST(TomlOverlay, OverridesKeyByKeyAndKeepsPlaces) {
  TomlFile under =
      TomlFile::parse("a = 1\nlist = [1, 2]\n[t]\nx = 1\ny = 2\n[t.u]\nz = 3\n[[row]]\nid = 1\n", "u.toml");
  TomlFile over =
      TomlFile::parse("b = 5\nlist = [3]\n[t]\ny = 20\n[t.u]\nw = 4\n[[row]]\nid = 2\n", "o.toml");
  under.overlay(std::move(over), {"row"});
  TomlTable root = under.root();
  EXPECT_EQ(root.integer("a", 0, 0, 9), 1u);
  EXPECT_EQ(root.integer("b", 0, 0, 9), 5u);
  EXPECT_EQ(root.place("a"), "u.toml:1:5");
  EXPECT_EQ(root.place("b"), "o.toml:1:5");
  EXPECT_EQ(root.place("list"), "o.toml:2:8");
  TomlTable t = root.table("t");
  EXPECT_EQ(t.integer("x", 0, 0, 99), 1u);
  EXPECT_EQ(t.integer("y", 0, 0, 99), 20u);
  EXPECT_EQ(t.place("x"), "u.toml:4:5");
  EXPECT_EQ(t.place("y"), "o.toml:4:5");
  EXPECT_EQ(t.file("x"), "u.toml");
  EXPECT_EQ(t.file("y"), "o.toml");
  EXPECT_EQ(t.table("u").keys(), (std::vector<std::string>{"w", "z"}));
  std::vector<TomlTable> rows = root.tables("row");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].place("id"), "u.toml:9:6");
  EXPECT_EQ(rows[1].place("id"), "o.toml:8:6");
}

// ---------------------------------------------------------------------------------------------------------
// Formulas.

TEST(HbmFormula, FollowsTheRulesOfArithmetic) {
  const std::map<std::string, Cycle> t = {{"tA", 7}, {"tB2", 3}, {"maxi", 5}};
  const struct {
    const char* text;
    Cycle value;
  } rows[] = {{"5", 5},
              {"tA", 7},
              {" tA+tB2 ", 10},
              {"tA - tB2 - 1", 3},
              {"2 + 3 * tA", 23},
              {"(2 + 3) * tA", 35},
              {"tA - (tB2 - 1)", 5},
              {"max(tA, tB2)", 7},
              {"max(tB2, 2 * tA - 1) + 1", 14},
              {"max(max(1, 2), max(3, tB2 * 4))", 12},
              {"1 - tA", -6},
              {"maxi", 5}};
  for (const auto& row : rows) {
    std::set<std::string> used;
    EXPECT_EQ(evaluate_formula(row.text, t, used, "p"), row.value) << row.text;
  }
  std::set<std::string> used;
  evaluate_formula("max(tA, 3) * tA", t, used, "p");
  EXPECT_EQ(used, (std::set<std::string>{"tA"}));
}

TEST(HbmFormula, RefusesEverythingElseWithThePlaceInTheText) {
  const std::map<std::string, Cycle> t = {{"tA", 7}};
  const struct {
    const char* text;
    const char* message;
  } rows[] = {{"", "character 1: an integer, a timing parameter, max(a, b) or a parenthesis is missing"},
              {"tA +", "character 5: an integer, a timing parameter"},
              {"tA tA", "character 4: 't' is not expected here"},
              {"tA / 2", "character 4: '/' is not expected here"},
              {"-3", "character 1: an integer"},
              {"(tA", "character 4: ')' is missing"},
              {"tA)", "character 3: ')' is not expected here"},
              {"max(tA)", "character 7: ',' is missing"},
              {"max tA, 3", "character 5: '(' is missing"},
              {"max(tA, 3, 4)", "character 10: ')' is missing"},
              {"2 * tB", "character 5: no timing parameter tB"},
              {"99999999999", "an integer above 1000000000"},
              {"1000000000 * 1000000000 * 1000000000", "the value is beyond 64 bits"},
              {"tA \xc3\xa9", "is not expected here"}};
  for (const auto& row : rows) {
    std::set<std::string> used;
    try {
      evaluate_formula(row.text, t, used, "p.toml:3:4");
      ADD_FAILURE() << "accepted: " << row.text;
    } catch (const ConfigError& error) {
      const std::string what = error.what();
      EXPECT_EQ(what.rfind("p.toml:3:4: formula \"", 0), 0u) << what;
      EXPECT_NE(what.find(row.message), std::string::npos) << row.text << ": " << what;
    }
  }
  std::set<std::string> used;
  EXPECT_THROW(evaluate_formula(std::string(100000, '('), t, used, "p"), ConfigError);
}

// ---------------------------------------------------------------------------------------------------------

TEST(HbmPreset, SurvivesRandomDamageWithoutCrashing) {
  Rng rng(11, "damage");
  for (const char* file : {"hbm2_2000.toml", "hbm3_6400.toml"}) {
    const std::string good = file_text(file);
    unsigned refused = 0;
    for (int i = 0; i < 150; ++i) {
      std::string text = good;
      for (std::uint64_t n = 1 + rng.below(4); n > 0; --n) {
        const std::size_t at = rng.below(text.size());
        switch (rng.below(3)) {
          case 0:
            text[at] = static_cast<char>(rng.next());
            break;
          case 1:
            text.erase(at, rng.below(30));
            break;
          default:
            text.insert(at, text.substr(rng.below(text.size()), rng.below(20)));
        }
      }
      if (refusal(text) != "accepted") ++refused;
    }
    EXPECT_GT(refused, 50u) << file;
  }
}

}  // namespace
}  // namespace memwall::hbm
