// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Bad input: a clear error that names the place, exit code 2, and nothing else happens.
#include <gtest/gtest.h>

#include "system/cli.h"

namespace memwall::test {
namespace {

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
  expect_refused(run("all_hbm", {"firmware.path=" + path}), {"README.md"});
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
  expect_refused(cli({"memory", MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml", "--trace", path}),
                 {"t.trace:2"});
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
  const std::string preset = MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml";
  const CliResult text = cli({"memory", preset, "--trace", path});
  EXPECT_EQ(text.code, 0) << text.err;
  for (const char* word : {"bandwidth", "latency", "row", "energy"}) {
    EXPECT_NE(text.out.find(word), std::string::npos) << word << " in " << text.out;
  }
  const CliResult as_json = cli({"memory", preset, "--trace", path, "--json"});
  EXPECT_FALSE(nlohmann::json::parse(as_json.out).empty());
}

}  // namespace
}  // namespace memwall::test
