// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Bad input: a clear error that names the place, exit code 2, and nothing else happens.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "system/cli.h"

namespace memwall::test {
namespace {

const std::string kMemoryPreset = MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml";

void expect_refused(const CliResult& r, const std::vector<std::string>& words) {
  EXPECT_EQ(r.code, 2) << r.out << r.err;
  for (const std::string& word : words)
    EXPECT_NE(r.err.find(word), std::string::npos) << word << " in: " << r.err;
}

TEST(BadInput, AScenarioThatIsNotThere) { expect_refused(cli({"run", "/nowhere.toml"}), {"/nowhere.toml"}); }

TEST(BadInput, AnUnknownSettingNamesWhatIsAccepted) {
  expect_refused(run("all_hbm", {"hbm.stakcs=2"}), {"--set hbm.stakcs", "unknown key", "stacks"});
}

TEST(BadInput, AModelThatIsNotThere) {
  expect_refused(run("all_hbm", {"model.path=/no.gguf"}), {"/no.gguf"});
}

TEST(BadInput, ATruncatedModel) {
  const Workspace dir;
  const std::string whole = slurp(MEMWALL_SOURCE_DIR "/scenarios/models/memwall-stories-1m.gguf");
  const std::string path = dir / "cut.gguf";
  std::ofstream(path, std::ios::binary) << whole.substr(0, whole.size() / 2);
  expect_refused(run("all_hbm", {"model.path=" + path}), {"cut.gguf"});
}

TEST(BadInput, AModelLargerThanTheMemory) {
  expect_refused(run("all_hbm", {"hbm.stacks=1", "hbm.capacity_mib=1"}), {"hbm0 is full", "MiB"});
}

TEST(BadInput, AFirmwareThatIsNoElf) {
  const std::string path = MEMWALL_SOURCE_DIR "/README.md";
  expect_refused(run("all_hbm", {"firmware.path=" + path}), {"README.md: is not an ELF file"});
}

TEST(BadInput, ATruncatedElfSaysWhatLiesOutsideTheFile) {
  const Workspace dir;
  const std::string whole = slurp(MEMWALL_BINARY_DIR "/firmware/llm.elf");
  ASSERT_GT(whole.size(), 4096u);
  const std::string path = dir / "cut.elf";
  for (const auto& [bytes, complaint] : std::vector<std::pair<std::size_t, std::string>>{
           {0, "is not an ELF file"},
           {3, "is not an ELF file"},
           {30, "the ELF header at offset 0x0 (64 bytes) lies outside the file of 30 bytes"},
           {64, "lies outside the file"},
           {4096, "lies outside the file"},
           {whole.size() / 2, "lies outside the file"},
           {whole.size() - 1, "lies outside the file"}}) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, bytes);
    SCOPED_TRACE(bytes);
    expect_refused(run("all_hbm", {"firmware.path=" + path}), {"cut.elf", complaint});
  }
}

TEST(BadInput, AWrongUnitInAKeyIsRefusedWithPlaceAndTheRightKey) {
  // Taking 1 us for 1 ns in silence would be the worst answer.
  const Workspace dir;
  const std::string path = dir / "units.toml";
  const std::string original = slurp(scenario("two_chips"));
  std::ofstream(path) << original << "\n[link]\nlatency_us = 1\n";
  const long line = std::count(original.begin(), original.end(), '\n') + 3;
  expect_refused(cli({"run", path, "--out", dir / "o"}),
                 {"units.toml:" + std::to_string(line) + ":", "unknown key link.latency_us", "latency_ns"});
  EXPECT_FALSE(std::filesystem::exists(dir / "o"));
  expect_refused(run("all_hbm", {"hbm.capacity_gib=1"}), {"--set hbm.capacity_gib", "capacity_mib"});
}

TEST(BadInput, AnHbmFaultOutsideTheStackNamesItsPlace) {
  expect_refused(run("all_hbm", {"hbm.fault=[{address=0x1000000000}]"}),
                 {"--set hbm.fault[0].address", "outside the stack", "MiB"});
}

TEST(BadInput, APresetThatIsNotThere) {
  expect_refused(run("all_hbm", {"hbm.preset=/no.toml"}), {"/no.toml"});
}

TEST(BadInput, APromptLongerThanTheContext) {
  std::string words;
  for (int i = 0; i < 300; ++i) words += "cat ";
  expect_refused(run("all_hbm", {"workload.prompt=" + words}), {"all_hbm.toml", "context is 256"});
}

TEST(BadInput, ASettingThatABlockRefusesNamesTheScenario) {
  expect_refused(run("two_chips", {"link.gbytes_per_s=0.001"}), {"two_chips.toml", "chip0.link0"});
}

TEST(BadInput, ACommandThatDoesNotExist) { EXPECT_EQ(cli({"frobnicate"}).code, 2); }

TEST(BadInput, ElfFor32BitsIsRefusedByName) {
  const std::string elf = MEMWALL_BINARY_DIR "/firmware/llm.elf";
  expect_refused(cli({"elf", elf, "--isa", "rv32"}), {"rv32"});
}

TEST(BadInput, ATraceWithABadLineNamesTheLine) {
  const Workspace dir;
  const std::string path = dir / "t.trace";
  std::ofstream(path) << "R 0x40\nX 0x80\n";
  expect_refused(cli({"memory", kMemoryPreset, "--trace", path}), {"t.trace:2"});
}

TEST(BadInput, MemoryOptionsThatMeanNothingTogetherAreRefusedByName) {
  const Workspace dir;
  const std::string path = dir / "t.trace";
  std::ofstream(path) << "R 0x40\n";
  expect_refused(cli({"memory", kMemoryPreset}), {"--trace", "--pattern"});
  expect_refused(cli({"memory", kMemoryPreset, "--trace", path, "--seed", "1"}), {"--seed", "no effect"});
  expect_refused(cli({"memory", kMemoryPreset, "--trace", path, "--pattern", "seq"}), {"contradict"});
  expect_refused(cli({"memory", kMemoryPreset, "--pattern", "seq"}), {"--requests"});
  expect_refused(cli({"memory", kMemoryPreset, "--pattern", "up", "--requests", "9"}), {"seq, random, mix"});
  expect_refused(cli({"memory", kMemoryPreset, "--pattern", "seq", "--requests", "-9"}), {"--requests"});
  expect_refused(
      cli({"memory", kMemoryPreset, "--pattern", "seq", "--requests", "9", "--commands", "/no/file"}),
      {"/no/file", "cannot be written"});
}

TEST(Help, EveryCommandExplainsItself) {
  for (const char* command : {"run", "list", "elf", "memory", "gdb"}) {
    const CliResult r = cli({command, "--help"});
    EXPECT_EQ(r.code, 0) << command;
    EXPECT_NE(r.out.find("Usage"), std::string::npos) << command;
  }
}

TEST(List, EveryScenarioIsDescribed) {
  const CliResult r = cli({"list"});
  EXPECT_EQ(r.code, 0) << r.err;
  for (const char* name : {"first_light", "all_hbm", "hbf_weights", "pnm_model", "pnm_rtl", "two_chips"}) {
    EXPECT_NE(r.out.find(std::string(name) + ".toml"), std::string::npos) << name;
  }
}

TEST(Memory, ATraceGivesBandwidthLatencyAndEnergy) {
  const Workspace dir;
  const std::string path = dir / "t.trace";
  std::ofstream trace(path);
  for (int i = 0; i < 4096; ++i) trace << "R " << std::hex << i * 32 << "\n";
  trace.close();
  const CliResult text = cli({"memory", kMemoryPreset, "--trace", path});
  EXPECT_EQ(text.code, 0) << text.err;
  for (const char* word : {"bandwidth", "latency", "row", "energy"}) {
    EXPECT_NE(text.out.find(word), std::string::npos) << word << " in " << text.out;
  }
  const CliResult as_json = cli({"memory", kMemoryPreset, "--trace", path, "--json"});
  ASSERT_EQ(as_json.code, 0) << as_json.err;
  const auto j = nlohmann::json::parse(as_json.out);
  EXPECT_EQ(j["reads"], 4096);
  EXPECT_EQ(j["writes"], 0);
  EXPECT_EQ(j["bytes"], 4096 * 32);
  const double time_ns = j["time_ns"], bandwidth = j["bandwidth_gbytes_per_s"], peak = j["peak_gbytes_per_s"];
  EXPECT_NEAR(bandwidth, 4096 * 32 / time_ns, 1e-6 * bandwidth);
  EXPECT_DOUBLE_EQ(time_ns, j["cycles"].get<double>() * j["tck_ps"].get<double>() / 1e3);
  EXPECT_DOUBLE_EQ(peak, 819.2);
  EXPECT_GT(bandwidth, 0.7 * peak);
  EXPECT_LE(bandwidth, peak);

  const auto& latency = j["latency"]["read"];
  EXPECT_EQ(latency["requests"], 4096);
  EXPECT_EQ(j["latency"]["write"]["requests"], 0);
  EXPECT_EQ(j["latency"]["all"], latency);
  double last = 0;
  for (const char* key : {"p50_ns", "p95_ns", "p99_ns", "max_ns"}) {
    EXPECT_GE(latency[key].get<double>(), last) << key;
    last = latency[key];
  }
  EXPECT_GE(latency["p50_ns"].get<double>(), 22 * 0.625) << "faster than RL + burst";
  EXPECT_LE(latency["mean_ns"].get<double>(), latency["max_ns"].get<double>());
  EXPECT_LE(latency["max_ns"].get<double>(), time_ns);

  // 128 KiB over 1 KiB rows: one activate each, every other burst finds its row open.
  EXPECT_EQ(j["commands"]["ACT"], 128);
  EXPECT_EQ(j["commands"]["RD"], 4096);
  EXPECT_EQ(j["commands"]["WR"], 0);
  EXPECT_EQ(j["row_misses"], 128);
  EXPECT_EQ(j["row_hits"], 4096 - 128);
  EXPECT_DOUBLE_EQ(j["row_hit_rate"], (4096.0 - 128) / 4096);

  double sum = 0;
  for (const char* key : {"activate", "array", "phy", "refresh", "background"}) {
    const double part = j["energy_pj"][key];
    EXPECT_GE(part, 0) << key;
    sum += part;
  }
  EXPECT_NEAR(j["energy_pj"]["total"], sum, 1e-6 * sum);
  EXPECT_GT(j["energy_pj"]["array"], 0);
  printf("reads: p50 %.1f ns, p99 %.1f ns, %.1f of %.1f GB/s, row hit rate %.1f %%, %.0f nJ\n",
         latency["p50_ns"].get<double>(), latency["p99_ns"].get<double>(), bandwidth, peak,
         100 * j["row_hit_rate"].get<double>(), sum / 1e3);
}

TEST(Memory, GeneratedLoadsOfSeveralInitiatorsAndTheirCommands) {
  const Workspace dir;
  const std::string file = dir / "commands.csv";
  const std::vector<std::string> arguments = {
      "memory", kMemoryPreset, "--pattern", "mix",          "--requests", "3000",       "--seed",
      "5",      "--bytes",     "64",        "--initiators", "3",          "--commands", file};
  const CliResult text = cli(arguments);
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_NE(text.out.find("commands written to     " + file), std::string::npos) << text.out;
  for (const char* word : {"  0 read", "  1 write", "  2 all"}) {
    EXPECT_NE(text.out.find(word), std::string::npos) << word << " in " << text.out;
  }
  const std::string commands = slurp(file);
  std::vector<std::string> again = arguments;
  again.push_back("--json");
  const CliResult as_json = cli(again);
  ASSERT_EQ(as_json.code, 0) << as_json.err;
  EXPECT_EQ(slurp(file), commands);
  const auto j = nlohmann::json::parse(as_json.out);
  EXPECT_EQ(j["bytes"], 3000 * 64);
  ASSERT_EQ(j["initiators"].size(), 3u);
  EXPECT_EQ(j["initiators"][2]["bytes"], 1000 * 64);
  std::uint64_t lines = 0;
  for (const char c : commands) lines += c == '\n' ? 1 : 0;
  EXPECT_EQ(j["command_file"]["commands"].get<std::uint64_t>() + 4, lines)
      << "three lines of units, one of names";
}

}  // namespace
}  // namespace memwall::test
