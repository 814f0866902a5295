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
