// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// HBF in the whole platform: loading through the driver, faults that may not change a token, reading ahead,
// refresh, streaming bandwidth as firmware sees it.
#include <gtest/gtest.h>

#include <cstdio>

#include "system/cli.h"

namespace memwall::test {
namespace {

const std::string kFew = "workload.max_new_tokens=8";

std::string preset(const std::string& name) {
  return "hbf.preset=" MEMWALL_SOURCE_DIR "/scenarios/memories/" + name + ".toml";
}

/// Number behind `key` in `text`.
double number_after(const std::string& text, const std::string& key) {
  const std::size_t at = text.find(key);
  return at == std::string::npos ? -1 : std::strtod(text.c_str() + at + key.size(), nullptr);
}

double stat(const nlohmann::json& result, const std::string& suffix) {
  return counter(result, ".hbf", suffix);
}

TEST(Hbf, WeightsAreLoadedThroughTheDriverAndSayTheSameAsInHbm) {
  const RunResult hbm = run("all_hbm", {kFew}), hbf = run("hbf_weights", {kFew});
  ASSERT_EQ(hbm.code, 0) << hbm.err;
  ASSERT_EQ(hbf.code, 0) << hbf.err;
  EXPECT_EQ(hbf.result["tokens"], hbm.result["tokens"]);
  EXPECT_EQ(hbf.result["reference_match"], true);
  EXPECT_NE(hbf.err.find("into HBF through the firmware's driver"), std::string::npos) << hbf.err;
  EXPECT_NE(hbf.err.find("chip0: 0 %"), std::string::npos) << hbf.err;
  EXPECT_NE(hbf.err.find("chip0: 100 % of 2.12 MiB"), std::string::npos) << hbf.err;
  // Every page is programmed once; a page is 4 KiB of what was placed.
  const double pages = stat(hbf.result, ".programs");
  EXPECT_NE(hbf.uart0.find("hbf0: 16 channels"), std::string::npos) << hbf.uart0;
  EXPECT_GT(pages, 100);
  EXPECT_GE(stat(hbf.result, ".write_bytes"), pages * 4096);
  EXPECT_NE(hbf.uart0.find(std::to_string(static_cast<long>(pages)) + " pages programmed"), std::string::npos)
      << hbf.uart0;
  EXPECT_EQ(stat(hbf.result, ".pec_max"), 1);
  const auto phase = [&](const char* name) {
    for (const auto& p : hbf.result["phases"])
      if (p["name"] == name) return true;
    return false;
  };
  EXPECT_TRUE(phase("load"));
}

TEST(Hbf, ALoadedCubeIsTakenAsItIsAndTheRunSaysSo) {
  const RunResult r = run("hbf_weights", {kFew, "hbf.load=preloaded"});
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(r.result["reference_match"], true);
  EXPECT_NE(r.err.find("the cubes hold it already"), std::string::npos) << r.err;
  EXPECT_NE(r.uart0.find("already holds"), std::string::npos) << r.uart0;
  EXPECT_EQ(stat(r.result, ".programs"), 0);
}

TEST(Hbf, EveryChipLoadsItsOwnCubes) {
  const RunResult r = run("first_light", {"workload.max_new_tokens=4", "hbf.load=driver", "hbf.cubes=2"});
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(r.result["reference_match"], true);
  for (const char* chip : {"chip0", "chip1"}) {
    EXPECT_NE(r.err.find(std::string(chip) + ": 100 %"), std::string::npos) << r.err;
    for (const char* cube : {".hbf0", ".hbf1"})
      EXPECT_GT(counter(r.result, std::string(chip) + cube, ".programs"), 50) << chip << cube;
  }
}

TEST(Hbf, EveryFormatSaysTheSameFromHbf) {
  for (const char* format : {"f32", "mxint8"}) {
    const std::string set = std::string("model.format=") + format;
    const RunResult hbm = run("all_hbm", {kFew, set}), hbf = run("hbf_weights", {kFew, set, "hbf.cubes=2"});
    ASSERT_EQ(hbf.code, 0) << hbf.err;
    EXPECT_EQ(hbf.result["tokens"], hbm.result["tokens"]) << format;
    EXPECT_EQ(hbf.result["reference_match"], true) << format;
  }
}

TEST(Hbf, ReadingAheadHidesTheSensesAndChangesNoToken) {
  // The first pass is felt: from then on page buffers hold the model.
  const std::vector<std::string> common = {kFew, "hbf.load=preloaded", preset("hbf_20us")};
  std::vector<std::string> without = common;
  without.push_back("hbf.prefetch=false");
  const RunResult on = run("hbf_weights", common), off = run("hbf_weights", without);
  ASSERT_EQ(on.code, 0) << on.err;
  ASSERT_EQ(off.code, 0) << off.err;
  EXPECT_EQ(on.result["tokens"], off.result["tokens"]);
  EXPECT_EQ(on.result["reference_match"], true);
  EXPECT_GT(stat(on.result, ".prefetch_hits"), 1000);
  EXPECT_EQ(stat(off.result, ".prefetch_hits"), 0);
  std::printf("exposed latency: %.0f ns with, %.0f ns without reading ahead; first token %.0f and %.0f ns\n",
              stat(on.result, ".exposed_latency_ns"), stat(off.result, ".exposed_latency_ns"),
              on.result["time_to_first_token_ns"].get<double>(),
              off.result["time_to_first_token_ns"].get<double>());
  EXPECT_LT(stat(on.result, ".exposed_latency_ns"), 0.5 * stat(off.result, ".exposed_latency_ns"));
  EXPECT_LT(on.result["time_to_first_token_ns"].get<double>(),
            off.result["time_to_first_token_ns"].get<double>());
}

/// A preset on top of the bundled one.
class Preset {
 public:
  explicit Preset(const std::string& changes) {
    std::ofstream(dir_ / "p.toml") << "base = \"" MEMWALL_SOURCE_DIR
                                      "/scenarios/memories/hbf_slc_1us.toml\"\n"
                                   << "name = \"test\"\n"
                                   << changes;
  }
  std::string setting() const { return "hbf.preset=" + (dir_ / "p.toml").string(); }

 private:
  Workspace dir_;
};

TEST(Hbf, ReadingAheadHidesTheSensesOfAModelThatTheSramDoesNotHold) {
  // 128 pages of SRAM for 544 of weights; 16 lanes with two page buffers each.
  const Preset small(
      "[geometry]\nplanes_per_die = { count = 4, source = \"assumed\" }\n"
      "blocks_per_plane = { count = 8400, source = \"assumed\" }\n"
      "[controller]\nprefetch = { bytes = 524288, source = \"assumed\" }\n"
      "[bandwidth]\nread = { gbytes_per_s = 262, source = \"assumed\" }\n");
  const std::vector<std::string> common = {kFew, "hbf.load=preloaded", small.setting()};
  std::vector<std::string> without = common;
  without.push_back("hbf.prefetch=false");
  const RunResult on = run("hbf_weights", common), off = run("hbf_weights", without);
  ASSERT_EQ(on.code, 0) << on.err;
  ASSERT_EQ(off.code, 0) << off.err;
  EXPECT_EQ(on.result["tokens"], off.result["tokens"]);
  EXPECT_EQ(on.result["reference_match"], true);
  std::printf("exposed latency: %.0f ns with, %.0f ns without reading ahead; a token %.0f and %.0f ns\n",
              stat(on.result, ".exposed_latency_ns"), stat(off.result, ".exposed_latency_ns"),
              on.result["time_per_output_token_ns"].get<double>(),
              off.result["time_per_output_token_ns"].get<double>());
  EXPECT_LT(stat(on.result, ".exposed_latency_ns"), 0.5 * stat(off.result, ".exposed_latency_ns"));
  EXPECT_GT(stat(on.result, ".hidden_latency_ns"), 0);
  EXPECT_LT(on.result["time_per_output_token_ns"].get<double>(),
            off.result["time_per_output_token_ns"].get<double>());
}

TEST(Hbf, FaultsAtAHundredTimesTheRateChangeNoToken) {
  // Odds as a worn device has them, times 100, and the three rates, so that a run this short meets each kind;
  // the whole of first_light. What a cube holds after faults is read back in hbf_driver_test.cpp.
  const Preset worn(
      "[reliability]\n"
      "program_fail = { rate = 1e-4, source = \"assumed\" }\n"
      "erase_fail = { rate = 1e-5, source = \"assumed\" }\n");
  const std::vector<std::string> base = {"pnm.implementation=tlm", "hbf.load=driver"};
  std::vector<std::string> faulty = base;
  for (const std::string& set :
       {worn.setting(), std::string("hbf.rate_scale=100"), std::string("hbf.wear_cycles=90000"),
        std::string("hbf.corrected_rate=1e-3"), std::string("hbf.retry_rate=1e-3"),
        std::string("hbf.uncorrectable_rate=1e-4")})
    faulty.push_back(set);
  const RunResult r = run("first_light", faulty);
  ASSERT_EQ(r.code, 0) << r.err << r.uart0;
  EXPECT_EQ(r.result["reference_match"], true);
  EXPECT_GT(r.result["tokens"].size(), 100u);
  EXPECT_GT(stat(r.result, ".program_fails"), 0);
  EXPECT_GT(stat(r.result, ".ecc_retried"), 0);
  EXPECT_GT(stat(r.result, ".ecc_uncorrectable"), 0);
  std::printf("%.0f program fails, %.0f retried, %.0f uncorrectable, %.0f programs\n",
              stat(r.result, ".program_fails"), stat(r.result, ".ecc_retried"),
              stat(r.result, ".ecc_uncorrectable"), stat(r.result, ".programs"));
}

TEST(Hbf, UncorrectablePagesAreWrittenAgainFromTheHostsCopy) {
  for (const char* load : {"hbf.load=driver", "hbf.load=preloaded"}) {
    const RunResult r = run("hbf_weights", {kFew, load, "hbf.uncorrectable_rate=0.01", "hbf.prefetch=false"});
    ASSERT_EQ(r.code, 0) << r.err << r.uart0;
    EXPECT_EQ(r.result["reference_match"], true) << load;
    EXPECT_GT(stat(r.result, ".ecc_uncorrectable"), 0) << load;
    EXPECT_GT(number_after(r.uart0, "refreshes, "), 0) << "rewrites: " << r.uart0;
  }
}

TEST(Hbf, ContentsThatAgeBeyondRetentionAreRefreshedBetweenPasses) {
  // 3.6 ms of retention: everything is overdue after some tens of tokens.
  const Preset old("[reliability]\nretention = { hours = 1e-6, source = \"assumed\" }\n");
  const RunResult r = run("hbf_weights", {"workload.max_new_tokens=64", "hbf.load=preloaded", old.setting()});
  ASSERT_EQ(r.code, 0) << r.err << r.uart0;
  EXPECT_EQ(r.result["reference_match"], true);
  EXPECT_GT(number_after(r.uart0, "hints, "), 0) << "refreshes: " << r.uart0;
  EXPECT_GT(stat(r.result, ".erases"), 0);
}

const std::string kLongPrompt =
    "workload.prompt=\"Once upon a time, there was a little girl named Lily. She had a good friend, a boy "
    "named Ben. "
    "One morning, Lily and Ben saw a blue kite in the park.\"";

TEST(Hbf, AFrozenPrefixComesBackFromHbfAndSavesItsPrefill) {
  for (const char* name : {"hbf_weights", "first_light"}) {
    SCOPED_TRACE(name);
    const std::vector<std::string> base = {kFew, kLongPrompt, "pnm.implementation=none"};
    std::vector<std::string> frozen = base;
    frozen.push_back("workload.frozen_prefix_tokens=33");
    const RunResult computed = run(name, base), restored = run(name, frozen);
    ASSERT_EQ(computed.code, 0) << computed.err;
    ASSERT_EQ(restored.code, 0) << restored.err << restored.uart0;
    EXPECT_EQ(restored.result["tokens"], computed.result["tokens"]);
    EXPECT_EQ(restored.result["reference_match"], true);
    EXPECT_NE(restored.uart0.find("pages of context frozen"), std::string::npos) << restored.uart0;
    EXPECT_EQ(restored.uart0.find("frozen context is lost"), std::string::npos) << restored.uart0;
    EXPECT_LT(restored.result["time_to_first_token_ns"].get<double>(),
              0.6 * computed.result["time_to_first_token_ns"].get<double>());
    // Keys and values of 5 layers x 4 heads, 33 rows of 32 bytes: a page each, on all chips together.
    EXPECT_EQ(stat(restored.result, ".programs") - stat(computed.result, ".programs"), 5 * 4 * 2);
  }
}

TEST(Hbf, AFrozenPrefixThatIsLostIsComputedAgain) {
  const RunResult r = run("all_hbm", {kFew, kLongPrompt, preset("hbf_slc_1us"), "hbf.cubes=1",
                                      "workload.frozen_prefix_tokens=33", "hbf.uncorrectable_rate=1"});
  ASSERT_EQ(r.code, 0) << r.err << r.uart0;
  EXPECT_EQ(r.result["reference_match"], true);
  EXPECT_NE(r.uart0.find("frozen context is lost: 33 tokens are computed again"), std::string::npos)
      << r.uart0;
}

TEST(Hbf, AKvCacheInHbfIsRefusedWithItsEnduranceInNumbers) {
  const RunResult r = run("hbf_weights", {"model.kv=hbf"});
  EXPECT_EQ(r.code, 2);
  // 2 x 5 layers x 4 heads; 1 / (5 x 2 x (75 us + 2 ms / 256)) tokens per second; 1e5 x 512 GiB.
  for (const char* words : {"programs 40 pages of 4096 B", "write amplification 128", "1208 tokens/s",
                            "198 MB/s", "on cube 0 of each chip", "100000 cycles of its 512 GiB",
                            "8.81 years if every erased block is filled", "hbf.allow_kv = true"})
    EXPECT_NE(r.err.find(words), std::string::npos) << words << ": " << r.err;
}

TEST(Hbf, AKvCacheInHbfSaysTheSameAndReportsTheLifetime) {
  for (const char* name : {"hbf_weights", "first_light"}) {
    SCOPED_TRACE(name);
    const RunResult hbm = run(name, {kFew, "pnm.implementation=none"});
    const RunResult hbf = run(name, {kFew, "pnm.implementation=none", "model.kv=hbf", "hbf.allow_kv=true"});
    ASSERT_EQ(hbf.code, 0) << hbf.err << hbf.uart0;
    EXPECT_EQ(hbf.result["tokens"], hbm.result["tokens"]);
    EXPECT_EQ(hbf.result["reference_match"], true);
    EXPECT_NE(hbf.err.find("KV cache in HBF: every token programs"), std::string::npos) << hbf.err;
    // 5 prompt tokens and 7 that are fed back, 40 rows each on all chips; and idle ones.
    const double kv = stat(hbf.result, ".programs") - stat(hbm.result, ".programs");
    EXPECT_GE(kv, 12 * 40);
    EXPECT_LE(kv, 12 * (40 + 2));
    EXPECT_GT(hbf.result["time_per_output_token_ns"].get<double>(),
              10 * hbm.result["time_per_output_token_ns"].get<double>());
    EXPECT_NE(hbf.out.find("hbf lifetime"), std::string::npos) << hbf.out;
  }
}

TEST(Hbf, AKvCacheInHbfSurvivesProgramFailures) {
  const Preset failing("[reliability]\nprogram_fail = { rate = 0.005, source = \"assumed\" }\n");
  const RunResult r = run("hbf_weights", {"workload.max_new_tokens=40", "model.kv=hbf", "hbf.allow_kv=true",
                                          "hbf.load=preloaded", failing.setting()});
  ASSERT_EQ(r.code, 0) << r.err << r.uart0;
  EXPECT_EQ(r.result["reference_match"], true);
  EXPECT_GT(stat(r.result, ".program_fails"), 0);
}

TEST(Hbf, FirmwareStreamsAndWritesAtWhatArrayLinksAndStagingAllow) {
  struct Row {
    const char* name;
    double program_us, erase_us;  // tPROG and tBERS of the preset
  };
  for (const Row& row : {Row{"hbf_slc_1us", 75, 2000}, Row{"hbf_slc_4us", 75, 2000},
                         Row{"hbf_20us", 250, 3500}, Row{"hbf_tlc", 80, 3500}}) {
    const char* name = row.name;
    const RunResult r =
        run("hbf_weights", {preset(name), "noc.port_gbytes_per_s=4096",
                            std::string("firmware.path=") + MEMWALL_BINARY_DIR + "/firmware/hbf_stream.elf"});
    EXPECT_NE(r.uart0.find("stream: done"), std::string::npos) << r.uart0 << r.err;
    EXPECT_NE(r.uart0.find("lost its power; brought up again"), std::string::npos) << r.uart0;
    const double direct = number_after(r.uart0, "stream without reading ahead: ");
    const double ahead = number_after(r.uart0, "stream at the computed depth: ");
    // min(planes x page / tR, channels x links), from the counters of the run.
    const double limit = stat(r.result, ".peak_read_gbytes_per_s") * 1000;
    std::printf(
        "%s: expected at least 95 %% of %.0f MB/s, measured %.0f (%.1f %%), without reading ahead %.0f\n",
        name, limit, ahead, 100 * ahead / limit, direct);
    EXPECT_GE(ahead, 0.95 * limit) << r.uart0;
    EXPECT_LE(ahead, 1.001 * limit) << r.uart0;
    EXPECT_LT(direct, 0.8 * ahead);
    // The staging area keeps 128 pages in flight; a page costs its program and its share of its block's
    // erase.
    const double pages_per_block = stat(r.result, ".programs") / stat(r.result, ".erases");
    const double in_flight = 128 * 4096 / (row.program_us + row.erase_us / pages_per_block);
    const double writing = number_after(r.uart0, "pages written at ");
    std::printf("%s: expected up to %.0f MB/s of writing, measured %.0f (%+.1f %%)\n", name, in_flight,
                writing, 100 * (writing / in_flight - 1));
    EXPECT_GE(writing, 0.85 * in_flight);
    EXPECT_LE(writing, 1.01 * in_flight);
  }
}

TEST(Hbf, BadSettingsAreRefusedWithTheirPlace) {
  const auto refused = [](const std::string& set, const std::string& words) {
    const RunResult r = run("hbf_weights", {set});
    EXPECT_EQ(r.code, 2) << set << r.err;
    EXPECT_NE(r.err.find(words), std::string::npos) << set << ": " << r.err;
  };
  refused("hbf.load=sideways", "driver");
  refused("hbf.prefetch=3", "hbf.prefetch");
  refused("hbf.rate_scale=-1", "hbf.rate_scale");
  refused("hbf.cubes=0", "model.weights");
  refused("hbf.preset=", "hbf.preset is empty");
  refused("workload.frozen_prefix_tokens=5", "accepted: 0 to 4");
  refused("workload.frozen_prefix_tokens=-1", "workload.frozen_prefix_tokens");
  for (const char* set : {"workload.frozen_prefix_tokens=2", "model.kv=hbf"}) {
    const RunResult r = run("all_hbm", {set});
    EXPECT_EQ(r.code, 2);
    EXPECT_NE(r.err.find("needs hbf.cubes"), std::string::npos) << r.err;
  }
  const RunResult both =
      run("hbf_weights", {"workload.frozen_prefix_tokens=2", "model.kv=hbf", "hbf.allow_kv=true"});
  EXPECT_EQ(both.code, 2);
  EXPECT_NE(both.err.find("restored into a KV cache in HBM"), std::string::npos) << both.err;
}

}  // namespace
}  // namespace memwall::test
