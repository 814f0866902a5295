// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <sstream>

#include "common/error.h"
#include "common/rng.h"
#include "hbf/config.h"
#include "ip/hbf/hbf_test_config.h"

namespace memwall::hbf {
namespace {

const std::string kFolder = MEMWALL_SOURCE_DIR "/scenarios/memories/";
const std::string kPreset = kFolder + "hbf_slc_1us.toml";

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

/// `key = { ... }` of the preset with another value. Keys are unique in the file.
std::string with(const std::string& key, const std::string& value) {
  const std::string text = preset_text();
  const std::size_t at = text.find("\n" + key + " = {") + 1;
  EXPECT_NE(at, 0u) << key;
  return text.substr(0, at) + key + " = { " + value + ", source = \"assumed\" }" +
         text.substr(text.find('}', at) + 1);
}

/// "line:column" of the first place of `what` in `text`.
std::string place_of(const std::string& text, const std::string& what) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  const std::size_t line_begin = text.rfind('\n', at) + 1;
  return std::to_string(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1) +
         ":" + std::to_string(at - line_begin + 1);
}

/// Expects a ConfigError at "p.toml:line:column: " that says every one of `words`.
void expect_refused(const std::string& text, const std::vector<std::string>& words) {
  try {
    parse_preset(text, "p.toml");
    ADD_FAILURE() << "accepted; expected " << (words.empty() ? "" : words.front());
  } catch (const ConfigError& error) {
    const std::string what = error.what();
    unsigned line = 0, column = 0;
    int used = 0;
    EXPECT_EQ(std::sscanf(what.c_str(), "p.toml:%u:%u: %n", &line, &column, &used), 2) << what;
    EXPECT_GT(used, 0) << what;
    for (const std::string& word : words) EXPECT_NE(what.find(word), std::string::npos) << what;
  }
}

bool is_assumed(const Config& config, const std::string& key) {
  return std::find(config.assumed.begin(), config.assumed.end(), key) != config.assumed.end();
}

// --- The presets ---

TEST(HbfPreset, EveryPresetLoadsAndDeliversWhatItClaims) {
  unsigned found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string file = entry.path().filename().string();
    if (file.rfind("hbf_", 0) != 0) continue;
    ++found;
    const Config config = load_preset(entry.path().string());
    EXPECT_GE(config.peak_read_gbytes_per_s(), config.read_gbytes_per_s) << file;
    EXPECT_GE(config.array_gbytes_per_s(), config.read_gbytes_per_s) << file;
    EXPECT_LT(config.read_gbytes_per_s, config.array_gbytes_per_s() * 1.01)
        << file << " claims less than it has";
    EXPECT_FALSE(config.assumed.empty()) << file;
    EXPECT_TRUE(config.reliability.rate_scale == 1 && config.reliability.extra_retry == 0) << file;
    // What hides the latency: 2 x bandwidth x latency, in bytes of SRAM and pages in flight.
    const double latency =
        static_cast<double>(config.timing.tR + config.timing.tECC + 100 * kPsPerNs) * 1e-12;
    const double hidden = 2 * config.array_gbytes_per_s() * 1e9 * latency;
    EXPECT_GE(static_cast<double>(config.controller.prefetch_bytes), 0.98 * hidden) << file;
    EXPECT_GE(static_cast<double>(config.controller.outstanding_per_channel) * config.channels * kPageBytes,
              0.98 * hidden)
        << file;
  }
  EXPECT_GE(found, 5u);
}

TEST(HbfPreset, QuarterCubeIsAQuarterOfTheOneMicrosecondCube) {
  const Config whole = load_preset(kPreset), quarter = load_preset(kFolder + "hbf_slc_1us_quarter.toml");
  EXPECT_EQ(quarter.channels * 4, whole.channels);
  EXPECT_EQ(quarter.capacity_bytes * 4, whole.capacity_bytes);
  EXPECT_DOUBLE_EQ(quarter.read_gbytes_per_s * 4, whole.read_gbytes_per_s);
  EXPECT_DOUBLE_EQ(quarter.array_gbytes_per_s() * 4, whole.array_gbytes_per_s());
  EXPECT_EQ(quarter.channel_bytes(), whole.channel_bytes());
  EXPECT_EQ(quarter.timing.tR, whole.timing.tR);
  // Two page buffers per plane and the SRAM do not hold the bundled model.
  EXPECT_LT(2 * quarter.planes() + quarter.controller.prefetch_bytes / kPageBytes, 544u);
}

TEST(HbfPreset, SlcOneMicrosecondHoldsHalfATebibyteAtSixteenHundredGigabytesPerSecond) {
  const Config config = load_preset(kPreset);
  EXPECT_EQ(config.capacity_bytes, std::uint64_t{512} << 30);
  EXPECT_EQ(config.planes(), 400u);
  EXPECT_DOUBLE_EQ(config.array_gbytes_per_s(), 1638.4);
  EXPECT_EQ(config.peak_read_gbytes_per_s(), config.array_gbytes_per_s());
  EXPECT_EQ(config.timing.tR, 1 * kPsPerUs);
  EXPECT_EQ(config.timing.tPROG, 75 * kPsPerUs);
  EXPECT_EQ(config.rows(), 1311u);
  EXPECT_EQ(config.rows() % config.zones_per_channel, 0u);
  EXPECT_EQ(config.max_outstanding(), 4096u);
  EXPECT_TRUE(is_assumed(config, "timing.tR"));
  EXPECT_FALSE(is_assumed(config, "timing.tPROG"));
}

TEST(HbfPreset, FourMicrosecondsOfTheExampleTopologyAreOneTerabytePerSecond) {
  const Config config = load_preset(kFolder + "hbf_slc_4us.toml");
  EXPECT_EQ(config.planes(), 1024u);
  EXPECT_NEAR(config.array_gbytes_per_s(), 1048.576, 1e-9);
  EXPECT_EQ(config.timing.tR, 4 * kPsPerUs);
  EXPECT_EQ(config.timing.tPROG, 75 * kPsPerUs);
  EXPECT_EQ(config.rows(), 512u);
  EXPECT_FALSE(is_assumed(config, "timing.tR")) << "the base assumes its tR, this preset does not";
  EXPECT_TRUE(is_assumed(config, "timing.tBERS")) << "taken over from the base";
}

TEST(HbfPreset, TwentyMicrosecondsAreAFifthOfATerabytePerSecond) {
  const Config config = load_preset(kFolder + "hbf_20us.toml");
  EXPECT_EQ(config.dies_per_channel, 4u);
  EXPECT_EQ(config.planes_per_die, 16u);
  EXPECT_EQ(config.channels, 16u);
  EXPECT_NEAR(config.array_gbytes_per_s(), 209.7152, 1e-9);
  EXPECT_DOUBLE_EQ(config.energy.sense_pj_per_bit + config.energy.transfer_pj_per_bit, 8.5);
}

TEST(HbfPreset, TlcHasItsHeat) {
  const Config config = load_preset(kFolder + "hbf_tlc.toml");
  EXPECT_TRUE(config.thermal.enabled);
  EXPECT_NEAR(config.array_gbytes_per_s(), 524.288, 1e-9);
  const double pj = config.energy.sense_pj_per_bit + config.energy.transfer_pj_per_bit;
  EXPECT_NEAR(202e9 * 8 * pj * 1e-12, 53.7, 0.1) << "202 GB/s cost 53.7 W";
  EXPECT_NEAR(config.thermal.ambient_c + 53.7 * config.thermal.resistance_k_per_w, config.thermal.light_c,
              0.01);
}

// --- Bandwidth, links, capacity ---

TEST(HbfPreset, BandwidthThatThePlanesCannotSenseIsRefusedWithTheMissingPlanes) {
  // 3 us needs 75 planes per die; 1200 - 400 = 800 are missing.
  const std::string text = with("tR", "ns = 3000");
  expect_refused(text, {"800 planes are missing", "1638", "400 planes x 4096 B / 3000 ns",
                        "p.toml:", place_of(text, "{ gbytes_per_s = 1638")});
  // 20 us: 1638 GB/s x 20 us / 4 KiB = 7998.05, rounded up, less 400.
  expect_refused(with("tR", "ns = 20000"), {"7599 planes are missing"});
  const std::string fewer =
      replaced(preset_text(), "planes_per_die = { count = 25", "planes_per_die = { count = 24");
  expect_refused(replaced(fewer, "count = 1337", "count = 1400"), {"16 planes are missing"});
  EXPECT_NO_THROW(parse_preset(preset_text(), "p.toml"));
}

TEST(HbfPreset, OneMissingPlaneIsNamed) {
  // The claim of 102.3 GB/s in one channel needs 24.98 planes.
  std::string text = with("channels", "count = 1");
  text = replaced(text, "gbytes_per_s = 1638", "gbytes_per_s = 102.3");
  text = replaced(text, "gib = 512", "gib = 32");
  EXPECT_NO_THROW(parse_preset(text, "p.toml"));
  text = replaced(text, "planes_per_die = { count = 25", "planes_per_die = { count = 24");
  text = replaced(text, "blocks_per_plane = { count = 1337", "blocks_per_plane = { count = 1400");
  expect_refused(text, {": 1 plane is missing"});
}

TEST(HbfPreset, BandwidthThatTheLinksCannotCarryIsRefused) {
  // Grade 1: 48 / 14 x 64 B / 4 ns = 54.86 GB/s.
  const std::string text = with("grade", "count = 1");
  expect_refused(text, {"16 channels x 54.9 GB/s", place_of(text, "{ gbytes_per_s = 1638")});
}

TEST(HbfPreset, CapacityThatTheBlocksDoNotHoldIsRefused) {
  const std::string text = with("blocks_per_plane", "count = 1309");
  expect_refused(text, {"2 more blocks per plane", place_of(text, "{ count = 1309")});
}

// --- Form ---

TEST(HbfPreset, UnknownKeyIsRefusedWithItsPlaceAndTheAcceptedKeys) {
  std::string text = replaced(preset_text(), "[link]\n", "[link]\nspeed = 3\n");
  expect_refused(text, {"speed", "grade", "latency"});
  expect_refused(preset_text() + "\n[bandwidths]\nlimit = 1\n", {"bandwidths"});
  expect_refused(replaced(preset_text(), "{ ns = 1000, source = \"assumed\" }",
                          "{ ns = 1000, source = \"assumed\", note = 1 }"),
                 {"note"});
  expect_refused(preset_text() + "\n[readings]\ncrossing = \"perhaps\"\n", {"crossing", "out_of_range"});
  expect_refused(preset_text() + "\n[readings]\nmistake = true\n", {"mistake", "overwrite"});
}

TEST(HbfPreset, EveryKeyIsRequired) {
  const std::string text = preset_text();
  std::string section;
  std::istringstream lines(text);
  unsigned keys = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind('[', 0) == 0) section = line.substr(1, line.find(']') - 1);
    if (line.find(" = {") == std::string::npos) continue;
    const std::string key = line.substr(0, line.find(' '));
    ++keys;
    SCOPED_TRACE(key);
    expect_refused(replaced(text, line + "\n", ""), {section + "." + key + " is missing", "source"});
  }
  EXPECT_EQ(keys, 16u + 16 + 11 + 21 + 11 + 5 + 3 + 1 - 2);
  expect_refused(replaced(text, "name = \"HBF, SLC, 1 us, 512 GiB\"", ""), {"name"});
}

TEST(HbfPreset, WrongUnitIsRefused) {
  expect_refused(replaced(preset_text(), "tR = { ns = 1000,", "tR = { us = 1,"), {"ns"});
  expect_refused(with("enabled", "count = 1"), {"value"});
  expect_refused(with("enabled", "value = 1"), {"value"});
}

TEST(HbfPreset, NumberWithoutAKnownSourceIsRefused) {
  std::string text =
      replaced(preset_text(), "tR = { ns = 1000, source = \"assumed\" }", "tR = { ns = 1000 }");
  expect_refused(text, {"timing.tR has no source", place_of(text, "{ ns = 1000 }")});
  text = replaced(preset_text(), "source = \"flash\"", "source = \"hearsay\"");
  expect_refused(text, {"hearsay", "timing.tPROG", "assumed", "ocp", place_of(text, "\"hearsay\"")});
  text = replaced(preset_text(), "[sources]\n", "[sources]\nassumed = \"x\"\n");
  expect_refused(text, {"sources.assumed"});
  text = replaced(preset_text(), "[sources]\n", "[sources]\nempty = \"\"\n");
  expect_refused(text, {"sources.empty is empty"});
}

TEST(HbfPreset, UnreadableFileIsNamed) {
  try {
    load_preset("/nonexistent/x.toml");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent/x.toml"), std::string::npos);
  }
  expect_refused("name = ", {});
}

TEST(HbfPreset, ReadingsChooseAmongTheGapsOfTheSpecification) {
  const Config plain = parse_preset(preset_text(), "p.toml");
  EXPECT_EQ(plain.readings.crossing, Readings::Crossing::kUndefinedUser);
  EXPECT_EQ(plain.readings.overwrite, Readings::Overwrite::kOverlap);
  const Config other = parse_preset(preset_text() +
                                        "\n[readings]\ncrossing = \"out_of_range\"\nbatch = \"immediate\"\n"
                                        "overwrite = \"order\"\nsevere_in_flight = \"blocked\"\n"
                                        "max_pec = \"limit\"\npower_on_erase = true\n",
                                    "p.toml");
  EXPECT_EQ(other.readings.crossing, Readings::Crossing::kOutOfRange);
  EXPECT_EQ(other.readings.batch, Readings::Batch::kImmediate);
  EXPECT_EQ(other.readings.overwrite, Readings::Overwrite::kOrder);
  EXPECT_EQ(other.readings.severe_in_flight, Readings::SevereInFlight::kBlocked);
  EXPECT_EQ(other.readings.max_pec, Readings::MaxPec::kLimit);
  const Config third = parse_preset(preset_text() +
                                        "\n[readings]\naddress_unit = \"chunks\"\nbatch_hint = \"reserved\"\n"
                                        "snapshot_interval = \"whole\"\nlog_counts = \"eight_bytes\"\n"
                                        "lockout = \"read_only\"\ncattrip = \"storage\"\nbitmap = \"bits\"\n",
                                    "p.toml");
  EXPECT_EQ(third.readings.address_unit, Readings::AddressUnit::kChunks);
  EXPECT_EQ(third.readings.batch_hint, Readings::BatchHint::kReserved);
  EXPECT_EQ(third.readings.snapshot_interval, Readings::SnapshotInterval::kWhole);
  EXPECT_EQ(third.readings.log_counts, Readings::LogCounts::kEightBytes);
  EXPECT_EQ(third.readings.lockout, Readings::Lockout::kReadOnly);
  EXPECT_EQ(third.readings.cattrip, Readings::Cattrip::kStorage);
  EXPECT_EQ(third.readings.bitmap, Readings::Bitmap::kBits);
  EXPECT_TRUE(other.readings.power_on_erase);
}

// --- Impossible values, each at its place ---

TEST(HbfPreset, ImpossibleValuesAreRefusedAtTheirPlace) {
  const struct {
    const char* key;
    const char* value;
    const char* word;
  } cases[] = {
      {"channels", "count = 17", "1 to 16"},
      {"channels", "count = 0", "1 to 16"},
      {"channels", "count = \"many\"", "count"},
      {"ports_per_channel", "count = 3", "1, 2 or 4"},
      {"dies_per_channel", "count = 17", "1 to 16"},
      {"planes_per_die", "count = 0", "1 to 4096"},
      {"pages_per_block", "count = 4097", "1 to 4096"},
      {"page", "bytes = 16384", "4096"},
      {"capacity", "gib = 0", "multiple"},
      {"zones_per_channel", "count = 33", "at most 32"},
      {"scratchpad", "bytes = 100", "multiple of 64"},
      {"mocs", "code = 6", "7 to 13"},
      {"mocs", "code = 14", "7 to 13"},
      {"open_dlus", "count = 0", "1 to"},
      {"tR", "ns = 0", "timing.tR"},
      {"tR", "ns = nan", "ns"},
      {"tR", "ns = -1", "ns"},
      {"tPROG", "ns = 1e13", "timing.tPROG"},
      {"tR", "ns = 0.999", "timing.tR = 0.999 ns is outside 1 to 4294967295 ns"},
      {"tPROG", "ns = 0.999", "outside 1 to 4294967295 ns"},
      {"tPROG", "ns = 4294967296", "outside 1 to 4294967295 ns"},
      {"tBERS", "ns = 0.999", "timing.tBERS = 0.999 ns is outside 1 to"},
      {"tECC", "ns = 1000000001", "outside 0 to 1000000000 ns"},
      {"tBASE", "ns = 1000000001", "outside 0 to 1000000000 ns"},
      {"tRDY", "ns = 127500000001", "outside 0 to 127500000000 ns"},
      {"latency", "ns = 1000000001", "link.latency"},
      {"retention", "hours = 5000001", "outside 1e-06 to 5000000"},
      {"grade", "count = 4", "1 to 3"},
      {"r_granules", "granules = 14", "count"},
      {"r_granules", "count = 0", "1 to 1024"},
      {"ar_credits", "granules = 2", "one message of 3"},
      {"r_credits", "granules = 13", "one message of 14"},
      {"w_credits", "granules = 13", "one message of 14"},
      {"b_credits", "granules = 0", "one message of 1"},
      {"base_rber", "rate = 0.6", "0.5"},
      {"codeword", "bytes = 1000", "divide"},
      {"codeword", "bytes = 0", "divide"},
      {"correctable", "bits = 9000", "8192"},
      {"high", "bits = 41", "above"},
      {"retry_stages", "count = 8", "at most 7"},
      {"retry_gain", "factor = 1.5", "1"},
      {"program_fail", "rate = 2", "1"},
      {"endurance", "cycles = 0", "1"},
      {"max_read_threshold", "senses = 0", "1"},
      {"light", "celsius = 59", "60"},
      {"light", "celsius = 106", "must hold"},
      {"recover", "celsius = 96", "must hold"},
      {"release", "celsius = 106", "must hold"},
      {"shutdown", "celsius = 105", "must hold"},
      {"light_factor", "factor = 0.5", "1"},
      {"resistance", "k_per_w = 0", "thermal.resistance"},
      {"prefetch", "bytes = 1000", "multiple of 4096"},
      {"prefetch", "bytes = 268435456", "outside 0 to 268431360"},  // 65536 pages
      {"outstanding_per_channel", "count = 4097", "4096"},
      {"programs_per_channel", "count = 129", "128"},
      {"sense", "pj_per_bit = -1", "pj_per_bit"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.key) + " = " + c.value);
    const std::string text = with(c.key, c.value);
    expect_refused(
        text, {c.word, "p.toml:" + std::to_string(std::count(text.begin(),
                                                             text.begin() +
                                                                 static_cast<std::ptrdiff_t>(text.find(
                                                                     "\n" + std::string(c.key) + " = {")) +
                                                                 1,
                                                             '\n') +
                                                  1)});
  }
}

TEST(HbfPreset, TooManyBlocksAndTooLargePortsAreRefused) {
  expect_refused(with("blocks_per_plane", "count = 1000000"), {"400000000 blocks"});
  std::string text = with("pages_per_block", "count = 4096");
  text = replaced(text, "gib = 512", "gib = 2048");
  expect_refused(text, {"36 address bits"});  // 128 GiB in one port
  text = replaced(text, "ports_per_channel = { count = 1", "ports_per_channel = { count = 2");
  EXPECT_NO_THROW(parse_preset(text, "p.toml"));
}

TEST(HbfConfig, CheckNamesThePlaceItIsGiven) {
  Config config = testing_support::small_cube();
  EXPECT_NO_THROW(check(config, "here"));
  config.reliability.rate_scale = std::numeric_limits<double>::quiet_NaN();
  try {
    check(config, "scenario.toml:3:4");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_EQ(std::string(error.what()).rfind("scenario.toml:3:4: reliability.rate_scale", 0), 0u)
        << error.what();
  }
}

TEST(HbfConfig, ValuesThatNoPresetHoldsAreCheckedToo) {
  const auto refused = [](const std::function<void(Config&)>& change, const std::string& word) {
    Config config = testing_support::small_cube();
    change(config);
    try {
      check(config, "x");
      ADD_FAILURE() << "accepted; expected " << word;
    } catch (const ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
    }
  };
  refused([](Config& c) { c.reliability.extra_corrected = 1.5; }, "extra_corrected");
  refused([](Config& c) { c.reliability.extra_uncorrectable = -0.1; }, "extra_uncorrectable");
  refused(
      [](Config& c) {
        c.reliability.extra_retry = 0.1;
        c.reliability.retry_stages = 0;
      },
      "no retry stages");
  refused([](Config& c) { c.reliability.pec_at_start = -1; }, "pec_at_start");
  refused([](Config& c) { c.reliability.hours_at_start = -1; }, "hours_at_start");
  refused([](Config& c) { c.reliability.hours_at_start = 5.1e6; }, "0 to 5000000");
  refused([](Config& c) { c.timing.tR = std::uint64_t{4294967296} * kPsPerNs; }, "1 to 4294967295 ns");
  refused(
      [](Config& c) {
        c.dies_per_channel = 16;
        c.planes_per_die = 4096;
      },
      "65536 lanes per channel; at most 65535");
  refused([](Config& c) { c.zones_per_channel = 5; }, "4 rows");
  refused([](Config& c) { c.capacity_bytes += kPageBytes; }, "multiple");
  refused([](Config& c) { c.faults.push_back({2, 0, FaultKind::kCorrected, 1, 0}); }, "channel 2");
  refused(
      [](Config& c) {
        c.faults.push_back({1, 32 * kPageBytes, FaultKind::kCorrected, 1, 0});
      },
      "address");
  refused([](Config& c) { c.faults.push_back({0, 0, FaultKind::kRetry, 0, 0}); }, "stages are 1 to 7");
  refused([](Config& c) { c.faults.push_back({0, 0, FaultKind::kUnusable, 1, 5}); }, "4 channel");
}

TEST(HbfConfig, LargestValuesThatRegistersCanTellAreAccepted) {
  Config config = testing_support::small_cube();
  config.controller.prefetch_bytes = 65535 * kPageBytes;
  config.timing.tR = config.timing.tPROG = std::uint64_t{4294967295} * kPsPerNs;
  config.timing.tECC = config.timing.tBASE = config.link.latency = 1000 * kPsPerMs;
  config.timing.tRDY = std::uint64_t{127500} * kPsPerMs;
  config.reliability.retention_hours = config.reliability.hours_at_start = 5e6;
  config.read_gbytes_per_s = 1e-6;
  EXPECT_NO_THROW(check(config, "x"));
  config.timing.tR = config.timing.tPROG = config.timing.tBERS = kPsPerNs;
  EXPECT_NO_THROW(check(config, "x"));
}

TEST(HbfPreset, DamagedPresetsAreReadOrRefusedWithTheirPlace) {
  const std::string whole = preset_text();
  Rng rng(7, "damage");
  unsigned refused = 0;
  for (int i = 0; i < 1500; ++i) {
    std::string text = whole;
    for (std::uint64_t n = 1 + rng.below(3); n > 0; --n) {
      const std::size_t at = rng.below(text.size());
      switch (rng.below(4)) {
        case 0:
          text[at] = static_cast<char>(rng.below(256));
          break;
        case 1:
          text.erase(at, 1 + rng.below(20));
          break;
        case 2:
          text.insert(at, text.substr(rng.below(text.size()), rng.below(40)));
          break;
        default:
          text.insert(at, std::to_string(rng.next() >> rng.below(64)));
      }
    }
    try {
      const Config config = parse_preset(text, "p.toml");
      EXPECT_NO_THROW(check(config, "again"));
    } catch (const ConfigError& error) {
      ++refused;
      EXPECT_EQ(std::string(error.what()).rfind("p.toml", 0), 0u) << error.what();
    }
  }
  EXPECT_GT(refused, 500u);
}

// --- Inheritance ---

class HbfPresetFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("hbf_preset_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(folder_);
    std::filesystem::copy_file(kPreset, folder_ / "under.toml",
                               std::filesystem::copy_options::overwrite_existing);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  void expect_refused(const std::string& file, const std::vector<std::string>& words) {
    try {
      load_preset(file);
      ADD_FAILURE() << "accepted";
    } catch (const ConfigError& error) {
      for (const std::string& word : words) {
        EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
      }
    }
  }
  std::filesystem::path folder_;
};

TEST_F(HbfPresetFiles, PresetIsTheDifferenceFromItsBase) {
  const std::string file = write("over.toml",
                                 "base = \"under.toml\"\nname = \"over\"\n[sources]\nx = \"paper\"\n"
                                 "[timing]\ntPROG = { ns = 50000, source = \"assumed\" }\n"
                                 "tECC = { ns = 50, source = \"x\" }\n");
  const Config over = load_preset(file), under = load_preset((folder_ / "under.toml").string());
  EXPECT_EQ(over.name, "over");
  EXPECT_EQ(over.timing.tPROG, 50 * kPsPerUs);
  EXPECT_EQ(over.timing.tECC, 50 * kPsPerNs);
  EXPECT_EQ(over.timing.tBERS, under.timing.tBERS);
  EXPECT_EQ(over.capacity_bytes, under.capacity_bytes);
  EXPECT_TRUE(is_assumed(over, "timing.tPROG"));
  EXPECT_FALSE(is_assumed(over, "timing.tECC"));
}

TEST_F(HbfPresetFiles, ErrorsOfADifferenceAreAtTheirFile) {
  std::string file = write("over.toml",
                           "base = \"under.toml\"\nname = \"over\"\n[link]\n"
                           "grade = { count = 9, source = \"ocp\" }\n");
  expect_refused(file, {"over.toml:4:9: ", "1 to 3"});
  // The claim of the base is what the new tR breaks.
  file =
      write("over.toml",
            "base = \"under.toml\"\nname = \"over\"\n[timing]\ntR = { ns = 3000, source = \"assumed\" }\n");
  expect_refused(file, {"under.toml:", "800 planes are missing"});
  file = write("over.toml", "base = \"under.toml\"\n");
  expect_refused(file, {"over.toml", "name is missing", "not taken over"});
  file = write("over.toml", "base = \"under.toml\"\nname = \"over\"\n[sources]\nocp = \"mine\"\n");
  expect_refused(file, {"over.toml:4:7: ", "already a source of the base"});
  file = write("over.toml", "base = \"missing.toml\"\nname = \"over\"\n");
  expect_refused(file, {"over.toml:1:8: ", "there is no file"});
  file = write("over.toml", "base = \"\"\nname = \"over\"\n");
  expect_refused(file, {"base is empty"});
  file = write("over.toml", "base = \"over.toml\"\nname = \"over\"\n");
  expect_refused(file, {"leads back"});
}

}  // namespace
}  // namespace memwall::hbf
