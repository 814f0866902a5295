// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Preset loader, address map, SECDED code and trace tool: what they accept and what they refuse, by name and
// place.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/error.h"
#include "common/rng.h"
#include "hbm/ecc.h"
#include "hbm/trace_tool.h"

namespace memwall::hbm {
namespace {

const char* const kPresetPath = MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml";

std::string preset_text() {
  std::ifstream in(kPresetPath);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The preset with the first `from` replaced.
std::string replaced(const std::string& from, const std::string& to) {
  std::string text = preset_text();
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

/// The message with which a changed preset is refused; "" if it is not.
std::string refusal(const std::string& from, const std::string& to) {
  try {
    parse_preset(replaced(from, to), "p.toml");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

void expect_refused(const std::string& from, const std::string& to, const std::string& part) {
  const std::string message = refusal(from, to);
  EXPECT_NE(message.find(part), std::string::npos) << from << " -> " << to << ": " << message;
  EXPECT_EQ(message.rfind("p.toml:", 0), 0u) << message;
}

TEST(HbmPreset, LoadsWithTheFiguresOfTheFile) {
  const Preset p = load_preset(kPresetPath);
  EXPECT_EQ(p.organisation.capacity_bytes, std::uint64_t{16} << 30);
  EXPECT_EQ(p.organisation.banks_per_channel(), 32u);
  EXPECT_EQ(p.timing.nREFI, 6240);
  EXPECT_EQ(p.timing.nRFCab, 560);
  EXPECT_NEAR(p.peak_gbytes_per_s(), 819.2, 1e-9);
  EXPECT_EQ(p.controller.drain_high, 26u);
  EXPECT_EQ(p.controller.drain_low, 6u);
  EXPECT_EQ(p.assumed,
            (std::vector<std::string>{"energy.write_array", "energy.write_phy", "energy.background"}));
}

TEST(HbmPreset, RefusesUnknownMissingAndImpossibleTimings) {
  expect_refused("tRP    = { nck = 26", "tRP    = { nck = 0", "out of range");
  expect_refused("tRP    = { nck = 26", "tRP    = { nck = -3", "out of range");
  expect_refused("tRP    = { nck = 26", "tRP    = { nck = 2.5", "integer");
  expect_refused("tRFCab = { ns = 350", "tRFCab = { ns = 0.0", "out of range");
  expect_refused("tRFCab = { ns = 350", "tRFCab = { ns = nan", "out of range");
  expect_refused("tRFCab = { ns = 350", "tRFCab = { ns = 350, nck = 3", "either nck or ns");
  expect_refused("tRTW   = ", "tRTX   = ", "tRTW is missing");
  expect_refused("tRTW   = ", "tXYZ = 3\ntRTW = ", "tXYZ");
  expect_refused("tCK = { ps = 625", "tCK = { ps = 0", "out of range");
  expect_refused("tRP    = { nck = 26, source = \"sim\"", "tRP    = { nck = 26", "source");
  expect_refused("tRP    = { nck = 26, source = \"sim\"", "tRP    = { nck = 26, source = \"hearsay\"",
                 "hearsay");
}

TEST(HbmPreset, RefusesContradictions) {
  expect_refused("tRC    = { nck = 72", "tRC    = { nck = 70", "tRC = 70 is less than tRAS + tRP = 71");
  expect_refused("tCCDS  = { nck = 2", "tCCDS  = { nck = 1", "bursts would overlap");
  expect_refused("tCCDL  = { nck = 4", "tCCDL  = { nck = 1", "tCCDL");
  expect_refused("tRTW   = { nck = 20", "tRTW   = { nck = 5", "tRTW");
  expect_refused("tREFI  = { ns = 3900", "tREFI  = { ns = 360", "tREFI");
  expect_refused("capacity_gib = 16", "capacity_gib = 24", "contradicts the organisation");
  expect_refused("rows = 16384", "rows = 16383", "power of two");
  expect_refused("drain_low_percent = 20", "drain_low_percent = 80", "drain_low_percent");
}

TEST(HbmPreset, NamesLineAndColumn) {
  EXPECT_EQ(refusal("capacity_gib = 16", "capacity_gib = \"a\"").rfind("p.toml:20:16:", 0), 0u)
      << refusal("capacity_gib = 16", "capacity_gib = \"a\"");
  EXPECT_THROW(load_preset("/nonexistent.toml"), ConfigError);
}

TEST(HbmAddressMap, RefusesMapsThatDoNotCoverEveryBitOnce) {
  expect_refused("row[33:20]", "row[33:21]", "row has 13 of the 14 bits");
  expect_refused("stack_id[19]", "stack_id[20]", "used twice");
  expect_refused("row[33:20]", "row[34:20]", "bits 0 to 33");
  expect_refused("bank[18:17]", "bank[17:18]", "is not field[msb:lsb]");
  expect_refused("bank[18:17]", "bonk[18:17]", "unknown field 'bonk'");
  expect_refused("bank[18:17]", "bank[", "is not field[msb:lsb]");
  expect_refused("stack_id[19] bank[18:17]", "stack_id[19:18] bank[17]", "more than the 1 bits");
  expect_refused("bank_group[6:5] offset[4:0]", "offset[6:2] bank_group[1:0]", "low bits");
}

TEST(HbmAddressMap, DecodeAndEncodeAreInverseAlsoWithSplitFields) {
  for (const std::string& map :
       {std::string(
            "row[33:20] stack_id[19] bank[18:17] column[16:12] channel[11:7] bank_group[6:5] offset[4:0]"),
        std::string(
            "row[33:30] column[29:28] row[27:18] bank[17] channel[16:12] column[11:9] bank[8] stack_id[7] "
            "bank_group[6:5] offset[4:0]")}) {
    const Preset p = parse_preset(
        replaced(
            "row[33:20] stack_id[19] bank[18:17] column[16:12] channel[11:7] bank_group[6:5] offset[4:0]",
            map),
        "p");
    Rng rng(1, "map");
    for (int i = 0; i < 10000; ++i) {
      const std::uint64_t address = rng.below(p.organisation.capacity_bytes / 32) * 32;
      const Location at = p.map.decode(address);
      ASSERT_LT(at.channel, 32u);
      ASSERT_LT(at.bank, 32u);
      ASSERT_EQ(at.bank / 4, at.group);
      ASSERT_EQ(at.group / 4, at.stack_id);
      ASSERT_LT(at.row, 16384u);
      ASSERT_LT(at.column, 32u);
      ASSERT_EQ(p.map.encode(at), address);
    }
  }
}

TEST(HbmPreset, SurvivesRandomDamageWithoutCrashing) {
  const std::string good = preset_text();
  Rng rng(11, "damage");
  unsigned refused = 0;
  for (int i = 0; i < 400; ++i) {
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
    try {
      parse_preset(text, "p.toml");
    } catch (const ConfigError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 100u);
}

TEST(HbmSecded, CorrectsEverySingleAndDetectsEveryDoubleError) {
  Rng rng(5, "secded");
  for (int word = 0; word < 4; ++word) {
    const std::uint64_t data = word == 0 ? 0 : rng.next();
    const std::uint8_t check = secded::encode(data);
    ASSERT_EQ(secded::decode(data, check).verdict, secded::Verdict::kClean);
    const auto flip = [&](unsigned bit, std::uint64_t& d, std::uint8_t& c) {
      if (bit < 64) {
        d ^= std::uint64_t{1} << bit;
      } else {
        c = static_cast<std::uint8_t>(c ^ 1u << (bit - 64));
      }
    };
    for (unsigned i = 0; i < 72; ++i) {
      std::uint64_t d = data;
      std::uint8_t c = check;
      flip(i, d, c);
      const auto one = secded::decode(d, c);
      ASSERT_EQ(one.verdict, secded::Verdict::kCorrected) << i;
      ASSERT_EQ(one.data, data) << i;
      for (unsigned j = i + 1; j < 72; ++j) {
        std::uint64_t d2 = d;
        std::uint8_t c2 = c;
        flip(j, d2, c2);
        ASSERT_EQ(secded::decode(d2, c2).verdict, secded::Verdict::kUncorrectable) << i << " " << j;
      }
    }
  }
}

class HbmTrace : public testing::Test {
 protected:
  std::string write(const std::string& text) {
    const std::string path = testing::TempDir() + "hbm_trace_" +
                             testing::UnitTest::GetInstance()->current_test_info()->name() + ".txt";
    std::ofstream(path) << text;
    return path;
  }
  std::string refusal(const std::string& text, std::optional<std::uint64_t> interval = {}) {
    try {
      run_trace({kPresetPath, write(text), interval});
    } catch (const ConfigError& error) {
      const std::string what = error.what();
      return what.substr(what.find(".txt") + 4);
    }
    return "accepted";
  }
};

TEST_F(HbmTrace, SmallTraceHasTheLatenciesOfTheFormulas) {
  const TraceResult r = run_trace({kPresetPath, MEMWALL_SOURCE_DIR "/tests/ip/hbm/data/small.trace", {}});
  // A closed row at 0, a hit, a conflict, and a write to a closed row, all far apart: see the file.
  EXPECT_EQ(r.reads, 3u);
  EXPECT_EQ(r.writes, 1u);
  EXPECT_EQ(r.read_latency.max, 26u + 31 + 20 + 2);
  EXPECT_EQ(r.read_latency.p50, 31u + 20 + 2);
  EXPECT_EQ(r.write_latency.max, 15u + 10 + 2);
  EXPECT_DOUBLE_EQ(r.read_latency.mean, (53.0 + 22 + 79) / 3);
  EXPECT_EQ(r.row_hits, 1u);
  EXPECT_EQ(r.row_misses, 2u);
  EXPECT_EQ(r.row_conflicts, 1u);
  EXPECT_EQ(r.cycles, 900u + 27);
  EXPECT_EQ(r.commands.refreshes, 0u);
  std::ostringstream text;
  print(r, text);
  EXPECT_NE(text.str().find("row hit rate            25.0 %"), std::string::npos) << text.str();
  const auto json = nlohmann::json::parse(to_json(r));
  EXPECT_EQ(json["reads"], 3);
  EXPECT_DOUBLE_EQ(json["latency"]["read"]["max_ns"], 79 * 0.625);
}

TEST_F(HbmTrace, IntervalPacesTheRequests) {
  const std::string path = write("R 0\nR 20\nR 40\nR 60\n");
  const TraceResult fast = run_trace({kPresetPath, path, {}});
  const TraceResult paced = run_trace({kPresetPath, path, 1000});
  EXPECT_EQ(paced.cycles, 3000u + 53);
  EXPECT_LT(fast.cycles, 100u);
  EXPECT_EQ(paced.read_latency.max, 53u);
}

TEST_F(HbmTrace, BadLinesAreRefusedWithFileAndLine) {
  EXPECT_EQ(refusal("R 0\nX 0\n").rfind(":2: 'X' is neither R nor W", 0), 0u);
  EXPECT_EQ(refusal("R\n").rfind(":1: expected", 0), 0u);
  EXPECT_EQ(refusal("# c\n\n1 R 0 0\n").rfind(":3: expected", 0), 0u);
  EXPECT_EQ(refusal("R 0x\n").rfind(":1: address has no digits", 0), 0u);
  EXPECT_EQ(refusal("R 0xfg\n").rfind(":1: address 'fg'", 0), 0u);
  EXPECT_EQ(refusal("R 11\n").rfind(":1: address 0x11 is not a multiple", 0), 0u);
  EXPECT_EQ(refusal("R 400000000\n").rfind(":1: address 0x400000000 is outside", 0), 0u);
  EXPECT_EQ(refusal("R ffffffffffffffffffff\n").rfind(":1: address 'ffffffffffffffffffff' is too large", 0),
            0u);
  EXPECT_EQ(refusal("5 R 0\n4 R 0\n").rfind(":2: arrival cycle 4 is before", 0), 0u);
  EXPECT_EQ(refusal("5 R 0\nR 0\n").rfind(":2: either all", 0), 0u);
  EXPECT_EQ(refusal("-5 R 0\n").rfind(":1: arrival cycle '-5'", 0), 0u);
  EXPECT_EQ(refusal("99999999999999999 R 0\n").rfind(":1: arrival cycle", 0), 0u);
  EXPECT_EQ(refusal("5 R 0\n", 3).rfind(":1: the trace has its own", 0), 0u);
  EXPECT_EQ(refusal("# nothing\n"), ": holds no request");
  EXPECT_THROW(run_trace({kPresetPath, "/nonexistent/trace", {}}), ConfigError);
}

}  // namespace
}  // namespace memwall::hbm
