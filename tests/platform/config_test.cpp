// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "config/scenario.h"

#include <gtest/gtest.h>

#include <string>

#include "common/error.h"
#include "common/toml_reader.h"

namespace memwall::config {
namespace {

const char* const kMinimal = R"(name = "t"
description = "d"
[hbm]
preset = "m/hbm.toml"
[model]
path = "m.gguf"
)";

/// What parse_scenario says about the minimal scenario plus `extra`, empty if it is accepted.
std::string complaint(const std::string& extra) {
  try {
    parse_scenario(kMinimal + extra, "dir/s.toml");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(Scenario, DefaultsAndRelativePathsOfAMinimalFile) {
  const Scenario s = parse_scenario(kMinimal, "dir/s.toml");
  EXPECT_EQ(s.system.chips, 1u);
  EXPECT_EQ(s.model.path, "dir/m.gguf");
  EXPECT_EQ(s.hbm.preset, "dir/m/hbm.toml");
  EXPECT_EQ(s.pnm.implementation, PnmImplementation::kNone);
  EXPECT_TRUE(s.warnings.empty());
}

TEST(Scenario, AnUnknownKeyIsRefusedWithPlaceAndAcceptedKeys) {
  const std::string text = complaint("[system]\nchpis = 2\n");
  EXPECT_NE(text.find("dir/s.toml:8:"), std::string::npos) << text;
  EXPECT_NE(text.find("system.chpis"), std::string::npos) << text;
  EXPECT_NE(text.find("chips, quantum_ns"), std::string::npos) << text;
}

TEST(Scenario, AnUnknownTableIsRefused) {
  EXPECT_NE(complaint("[hbn]\nstacks = 2\n").find("unknown key hbn"), std::string::npos);
}

TEST(Scenario, AValueOutOfRangeNamesTheRange) {
  const std::string text = complaint("[system]\nquantum_ns = 0\n");
  EXPECT_NE(text.find("system.quantum_ns = 0 is out of range: accepted 1 to"), std::string::npos) << text;
}

TEST(Scenario, AWrongTypeIsRefused) {
  EXPECT_NE(complaint("[system]\nchips = \"two\"\n").find("must be an integer"), std::string::npos);
  EXPECT_NE(complaint("[workload]\nprompt = 3\n").find("must be a string"), std::string::npos);
}

TEST(Scenario, AWordThatIsNotAcceptedListsThoseThatAre) {
  const std::string text = complaint("[pnm]\nimplementation = \"verilog\"\n");
  EXPECT_NE(text.find("is not one of: none, tlm, rtl"), std::string::npos) << text;
}

TEST(Scenario, AnEmptyPathNamesItsKey) {
  const std::string text = complaint("[hbf]\ncubes = 1\npreset = \"\"\n");
  EXPECT_NE(text.find("dir/s.toml:9:"), std::string::npos) << text;
  EXPECT_NE(text.find("hbf.preset is empty"), std::string::npos) << text;
}

TEST(Scenario, RatesOfOutcomesThatExcludeEachOtherAddToAtMostOne) {
  const std::string hbf = "[hbf]\ncubes = 1\npreset = \"p\"\n";
  const std::string text =
      complaint(hbf + "corrected_rate = 0.7\nretry_rate = 0.7\nuncorrectable_rate = 0.7\n");
  EXPECT_NE(text.find("add to 2.1"), std::string::npos) << text;
  EXPECT_EQ(complaint(hbf + "corrected_rate = 0.5\nretry_rate = 0.5\n"), "");
}

TEST(Scenario, HbfSettingsWithoutEffectAreNamed) {
  const auto warnings = [](const std::string& extra) {
    std::string all;
    for (const std::string& w :
         parse_scenario(std::string(kMinimal) + "weights = \"hbf\"\n" + extra, "s.toml").warnings)
      all += w + "\n";
    return all;
  };
  const std::string hbf = "[hbf]\ncubes = 1\npreset = \"p\"\n";
  EXPECT_EQ(warnings(hbf + "retry_rate = 0.1\nrate_scale = 2\n"), "");
  const std::string kv = warnings(hbf + "allow_kv = true\n");
  EXPECT_NE(kv.find("hbf.allow_kv has no effect with model.kv = \"hbm\""), std::string::npos) << kv;
  const std::string rates = warnings(hbf + "retry_rate = 0.1\nrate_scale = 0\n");
  EXPECT_NE(rates.find("s.toml:11:"), std::string::npos) << rates;
  EXPECT_NE(rates.find("hbf.retry_rate has no effect with hbf.rate_scale = 0"), std::string::npos) << rates;
}

TEST(Scenario, HbmFaultsAreReadWithTheirDefaults) {
  const Scenario s = parse_scenario(R"(name = "t"
description = "d"
[system]
chips = 2
[hbm]
preset = "m/hbm.toml"
stacks = 2
[[hbm.fault]]
address = 0x80000
[[hbm.fault]]
chip = 1
stack = 1
address = 8
kind = "double"
persistent = false
[[hbm.fault]]
address = 64
kind = "chip"
[[hbm.fault]]
address = 128
bits = 2
[model]
path = "m.gguf"
)",
                                    "s.toml");
  ASSERT_EQ(s.hbm.faults.size(), 4u);
  EXPECT_EQ(s.hbm.faults[0].chip, 0u);
  EXPECT_EQ(s.hbm.faults[0].stack, 0u);
  EXPECT_EQ(s.hbm.faults[0].address, 0x80000u);
  EXPECT_EQ(s.hbm.faults[0].kind, HbmFaultKind::kSingle);
  EXPECT_TRUE(s.hbm.faults[0].persistent);
  EXPECT_EQ(s.hbm.faults[0].place, "s.toml:9:11");
  EXPECT_EQ(s.hbm.faults[1].chip, 1u);
  EXPECT_EQ(s.hbm.faults[1].stack, 1u);
  EXPECT_EQ(s.hbm.faults[1].kind, HbmFaultKind::kDouble);
  EXPECT_FALSE(s.hbm.faults[1].persistent);
  EXPECT_EQ(settings_of(s).at("hbm.fault"),
            "chip 0 stack 0 address 0x80000 single persistent; chip 1 stack 1 address 0x8 double; "
            "chip 0 stack 0 address 0x40 chip persistent; chip 0 stack 0 address 0x80 double persistent");
  EXPECT_EQ(settings_of(parse_scenario(kMinimal, "s.toml")).count("hbm.fault"), 0u);
}

TEST(Scenario, ImpossibleHbmFaultsAreRefused) {
  const std::string hbm = "[[hbm.fault]]\n";
  for (const auto& [fault, word] : std::vector<std::pair<std::string, std::string>>{
           {"bits = 1", "hbm.fault[0].address is missing"},
           {"address = 0\nbits = 0", "hbm.fault[0].bits = 0 is out of range: accepted 1 to 2"},
           {"address = 0\nbits = 3", "hbm.fault[0].bits = 3 is out of range: accepted 1 to 2"},
           {"address = 0\nchip = 1", "hbm.fault[0].chip = 1 is out of range: accepted 0 to 0"},
           {"address = 0\nstack = 1", "hbm.fault[0].stack = 1 is out of range: accepted 0 to 0"},
           {"address = -8", "hbm.fault[0].address = -8 is out of range"},
           {"addres = 0", "hbm.fault[0].address is missing"},
           {"address = 0\nbit = 1", "unknown key hbm.fault[0].bit; accepted here: address, bits, chip"},
           {"address = 0\nkind = \"triple\"", "is not one of: single, double, chip"},
           {"address = 0\nkind = \"single\"\nbits = 1", "hbm.fault has both kind and bits"}}) {
    const std::string text = complaint(hbm + fault + "\n");
    EXPECT_NE(text.find(word), std::string::npos) << fault << ": " << text;
    EXPECT_EQ(text.rfind("dir/s.toml:", 0), 0u) << text;
  }
  EXPECT_NE(complaint("[hbm.fault]\naddress = 0\n").find("must be an array of tables"), std::string::npos);
}

TEST(Scenario, HbmFaultRateIsReadCheckedAndNamedInTheSettings) {
  const std::string head =
      "name = \"t\"\ndescription = \"d\"\n[model]\npath = \"m.gguf\"\n[hbm]\npreset = \"h.toml\"\n";
  const Scenario s =
      parse_scenario(head + "fault_rate_per_gib_hour = 2.5e9\nfault_rate_kind = \"chip\"\n", "s.toml");
  EXPECT_EQ(s.hbm.fault_rate_per_gib_hour, 2.5e9);
  EXPECT_EQ(s.hbm.fault_rate_kind, HbmFaultKind::kChip);
  EXPECT_EQ(settings_of(s).at("hbm.fault_rate_per_gib_hour"), "2500000000");
  EXPECT_EQ(settings_of(s).at("hbm.fault_rate_kind"), "chip");
  const Scenario none = parse_scenario(head, "s.toml");
  EXPECT_EQ(none.hbm.fault_rate_per_gib_hour, 0);
  EXPECT_EQ(settings_of(none).count("hbm.fault_rate_per_gib_hour"), 0u);
  const Scenario idle = parse_scenario(head + "fault_rate_kind = \"chip\"\n", "s.toml");
  ASSERT_EQ(idle.warnings.size(), 1u);
  EXPECT_NE(idle.warnings[0].find("s.toml:7:"), std::string::npos) << idle.warnings[0];
  EXPECT_NE(idle.warnings[0].find("hbm.fault_rate_kind has no effect"), std::string::npos)
      << idle.warnings[0];
  for (const auto& [line, word] : std::vector<std::pair<std::string, std::string>>{
           {"fault_rate_per_gib_hour = -1", "hbm.fault_rate_per_gib_hour"},
           {"fault_rate_per_gib_hour = 2e12", "out of range"},
           {"fault_rate_per_gib_hour = nan", "hbm.fault_rate_per_gib_hour"},
           {"fault_rate_kind = \"all\"", "is not one of: single, double, chip"}}) {
    try {
      parse_scenario(head + line + "\n", "s.toml");
      ADD_FAILURE() << line << " was accepted";
    } catch (const ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
      EXPECT_EQ(std::string(error.what()).rfind("s.toml:7:", 0), 0u) << error.what();
    }
  }
}

TEST(TomlFile, WhatIsInsideAnOverriddenValueIsPlacedAtTheOverride) {
  TomlFile file = TomlFile::parse("[a]\nbc = 1\n", "s.toml");
  file.set("a.b=[{x=1}]");
  TomlTable a = file.root().table("a");
  EXPECT_EQ(a.tables("b").at(0).place("x"), "--set a.b[0].x");
  EXPECT_EQ(a.place("bc"), "s.toml:2:6") << "only begins like the override";
}

TEST(Scenario, ThreeChipsAreRefused) {
  EXPECT_NE(complaint("[system]\nchips = 3\n").find("is not one of: 1, 2, 4"), std::string::npos);
}

TEST(Scenario, SlicesThatChipsCannotShareAreRefused) {
  const Scenario s =
      parse_scenario(std::string(kMinimal) + "reduction_slices = 4\n[system]\nchips = 4\n", "s.toml");
  EXPECT_EQ(s.model.reduction_slices, 4u);
  EXPECT_NE(
      complaint("reduction_slices = 3\n[system]\nchips = 2\n").find("must be a multiple of system.chips"),
      std::string::npos);
}

TEST(Scenario, WeightsInHbfNeedACube) {
  EXPECT_NE(complaint("weights = \"hbf\"\n").find("needs hbf.cubes"), std::string::npos);
}

TEST(Scenario, HbfSettingsAreReadAndCompared) {
  const std::string text =
      std::string(kMinimal) + "weights = \"hbf\"\n[hbf]\npreset = \"p.toml\"\ncubes = 1\n";
  const Scenario plain = parse_scenario(text, "s.toml");
  EXPECT_EQ(plain.hbf.load, HbfLoad::kPreloaded);
  EXPECT_TRUE(plain.hbf.prefetch);
  EXPECT_EQ(plain.hbf.rate_scale, 1.0);
  const Scenario s = parse_scenario(text +
                                        "load = \"driver\"\nprefetch = false\nrate_scale = 100\n"
                                        "wear_cycles = 5e4\n",
                                    "s.toml");
  EXPECT_TRUE(s.warnings.empty());
  auto settings = settings_of(s);
  EXPECT_EQ(settings["hbf.load"], "driver");
  EXPECT_EQ(settings["hbf.prefetch"], "false");
  EXPECT_EQ(settings["hbf.rate_scale"], "100");
  EXPECT_EQ(settings["hbf.wear_cycles"], "50000");
  EXPECT_EQ(settings["hbf.age_hours"], "0");
  // New contents have no age.
  const Scenario aged = parse_scenario(text + "load = \"driver\"\nage_hours = 5\n", "s.toml");
  ASSERT_EQ(aged.warnings.size(), 1u);
  EXPECT_NE(aged.warnings[0].find("hbf.age_hours has no effect with hbf.load = \"driver\""),
            std::string::npos);
  EXPECT_TRUE(parse_scenario(text + "age_hours = 5\n", "s.toml").warnings.empty());
}

TEST(Scenario, ImpossibleHbfSettingsNameThePlace) {
  for (const auto& [line, word] : std::vector<std::pair<std::string, std::string>>{
           {"load = \"later\"", "is not one of: preloaded, driver"},
           {"prefetch = 1", "hbf.prefetch"},
           {"rate_scale = -1", "out of range"},
           {"wear_cycles = 2e9", "out of range"},
           {"age_hours = nan", "hbf.age_hours"},
           {"age = 1", "age"}}) {
    const std::string what = complaint("[hbf]\n" + line + "\n");
    EXPECT_NE(what.find(word), std::string::npos) << line << ": " << what;
    EXPECT_EQ(what.rfind("dir/s.toml:8:", 0), 0u) << what;
  }
}

TEST(Scenario, RtlNeedsData) {
  const std::string text = std::string("data = \"none\"\n") + kMinimal + "[pnm]\nimplementation = \"rtl\"\n";
  EXPECT_THROW(parse_scenario(text, "s.toml"), ConfigError);
}

TEST(Scenario, ASettingWithoutEffectWarns) {
  const Scenario s =
      parse_scenario(std::string(kMinimal) + "[link]\nlatency_ns = 3\n[workload]\ntop_k = 3\n", "s.toml");
  ASSERT_EQ(s.warnings.size(), 2u);
  EXPECT_NE(s.warnings[0].find("[link] has no effect"), std::string::npos);
  EXPECT_NE(s.warnings[1].find("workload.top_k has no effect"), std::string::npos);
}

TEST(Scenario, AMissingFileIsAConfigurationError) {
  EXPECT_THROW(load_scenario("/does/not/exist.toml"), ConfigError);
}

TEST(Scenario, ASyntaxErrorNamesLineAndColumn) {
  try {
    parse_scenario("name = \n", "s.toml");
    FAIL() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_EQ(std::string(error.what()).rfind("s.toml:1:", 0), 0u) << error.what();
  }
}

TEST(TomlFile, SetOverridesAndCreatesKeys) {
  TomlFile file = TomlFile::parse("a = 1\n[t]\nb = 2\n", "f");
  file.set("a=7");
  file.set("t.b=\"word\"");
  file.set("u.v.w=bare text");
  TomlTable root = file.root();
  EXPECT_EQ(root.integer("a", 0, 0, 10), 7u);
  EXPECT_EQ(root.table("t").text("b", ""), "word");
  EXPECT_EQ(root.table("u").table("v").text("w", ""), "bare text");
}

TEST(TomlFile, AnErrorInAnOverrideNamesTheOverride) {
  TomlFile file = TomlFile::parse("a = 1\n", "f");
  file.set("a=99");
  TomlTable root = file.root();
  try {
    root.integer("a", 0, 0, 10);
    FAIL() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_EQ(std::string(error.what()).rfind("--set a:", 0), 0u) << error.what();
  }
}

TEST(TomlFile, AnOverrideWithoutEqualsSignIsRefused) {
  TomlFile file = TomlFile::parse("a = 1\n", "f");
  EXPECT_THROW(file.set("a"), ConfigError);
  EXPECT_THROW(file.set("=1"), ConfigError);
  EXPECT_THROW(file.set("a.b=1"), ConfigError);  // a is not a table
}

}  // namespace
}  // namespace memwall::config
