// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "common/error.h"
#include "hbf/config.h"

namespace memwall::hbf {
namespace {

const std::string kPreset = MEMWALL_SOURCE_DIR "/scenarios/memories/hbf_slc_1us.toml";

std::string preset_text() {
  std::ifstream file(kPreset);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

/// Expects a ConfigError at "p.toml:line:column" that says every one of `words`.
void expect_refused(const std::string& text, const std::vector<std::string>& words) {
  try {
    parse_preset(text, "p.toml");
    ADD_FAILURE() << "accepted";
  } catch (const ConfigError& error) {
    const std::string what = error.what();
    EXPECT_EQ(what.rfind("p.toml:", 0), 0u) << what;
    for (const std::string& word : words) EXPECT_NE(what.find(word), std::string::npos) << what;
  }
}

TEST(HbfPreset, SlcOneMicrosecondHoldsHalfATebibyteAtSixteenHundredGigabytesPerSecond) {
  const Config config = load_preset(kPreset);
  EXPECT_EQ(config.capacity_bytes, std::uint64_t{512} << 30);
  EXPECT_EQ(config.planes(), 400u);
  EXPECT_DOUBLE_EQ(config.array_gbytes_per_s(), 1638.4);
  EXPECT_EQ(config.peak_read_gbytes_per_s(), config.array_gbytes_per_s());
  EXPECT_EQ(config.timing.tR, 1 * kPsPerUs);
  EXPECT_EQ(config.timing.tPROG, 75 * kPsPerUs);
  EXPECT_NE(std::find(config.assumed.begin(), config.assumed.end(), "tR"), config.assumed.end());
}

TEST(HbfPreset, BandwidthThatThePlanesCannotSenseIsRefusedWithTheMissingPlanes) {
  // 3 us needs 75 planes per die; 1200 - 400 = 800 are missing.
  expect_refused(replaced(preset_text(), "tR = { ns = 1000,", "tR = { ns = 3000,"),
                 {"800 planes are missing", "1638"});
  expect_refused(replaced(preset_text(), "planes_per_die = { count = 25", "planes_per_die = { count = 24"),
                 {});
  EXPECT_NO_THROW(parse_preset(preset_text(), "p.toml"));
}

TEST(HbfPreset, OneMissingPlaneIsNamed) {
  // 399 planes: the claim of 1638 GB/s needs 399.9.
  std::string text = replaced(preset_text(), "channels = { count = 16,", "channels = { count = 1,");
  text = replaced(text, "planes_per_die = { count = 25", "planes_per_die = { count = 399");
  text = replaced(text, "gbytes_per_s = 109.7", "gbytes_per_s = 2000");
  text = replaced(text, "blocks_per_plane = { count = 1311", "blocks_per_plane = { count = 1400");
  expect_refused(text, {": 1 planes are missing"});
  text = replaced(text, "planes_per_die = { count = 399", "planes_per_die = { count = 400");
  EXPECT_NO_THROW(parse_preset(text, "p.toml"));
}

TEST(HbfPreset, BandwidthThatTheLinksCannotCarryIsRefused) {
  expect_refused(replaced(preset_text(), "gbytes_per_s = 109.7", "gbytes_per_s = 94"), {"16 channels x 94"});
}

TEST(HbfPreset, CapacityThatTheBlocksDoNotHoldIsRefused) {
  expect_refused(replaced(preset_text(), "count = 1311", "count = 1310"), {"1 more blocks per plane"});
}

TEST(HbfPreset, UnknownKeyIsRefusedWithItsPlaceAndTheAcceptedKeys) {
  expect_refused(replaced(preset_text(), "[link]\n", "[link]\nspeed = 3\n"),
                 {"speed", "channel_payload", "latency"});
  expect_refused(preset_text() + "\n[thermal]\nlimit = 1\n", {"thermal"});
}

TEST(HbfPreset, WrongUnitIsRefused) {
  expect_refused(replaced(preset_text(), "tR = { ns = 1000,", "tR = { us = 1,"), {"ns"});
}

TEST(HbfPreset, NumberWithoutAKnownSourceIsRefused) {
  expect_refused(replaced(preset_text(), "tR = { ns = 1000, source = \"assumed\" }", "tR = { ns = 1000 }"),
                 {"source"});
  expect_refused(replaced(preset_text(), "source = \"flash\"", "source = \"hearsay\""), {"hearsay", "tPROG"});
}

TEST(HbfPreset, MissingKeyIsRefused) {
  expect_refused(replaced(preset_text(), "tPROG = { ns = 75000, source = \"flash\" }", ""), {"tPROG"});
}

TEST(HbfPreset, ImpossibleValuesAreRefused) {
  expect_refused(replaced(preset_text(), "channels = { count = 16", "channels = { count = 17"), {"1", "16"});
  expect_refused(replaced(preset_text(), "channels = { count = 16", "channels = { count = \"many\""), {});
  expect_refused(replaced(preset_text(), "bytes = 4096", "bytes = 16384"), {"4096"});
  expect_refused(replaced(preset_text(), "tR = { ns = 1000", "tR = { ns = nan"), {});
  expect_refused(replaced(preset_text(), "tR = { ns = 1000", "tR = { ns = -1"), {});
  expect_refused("name = ", {});
}

TEST(HbfPreset, UnreadableFileIsNamed) { EXPECT_THROW(load_preset("/nonexistent/x.toml"), ConfigError); }

}  // namespace
}  // namespace memwall::hbf
