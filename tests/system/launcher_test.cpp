// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// ./memwall where it answers or refuses before it builds. Each test runs it through a link in a folder of its
// own with fakes first in PATH, so that one which would install or build is caught and harms nothing.
#include <gtest/gtest.h>

#include "system/cli.h"

namespace memwall::test {
namespace {

class Launcher : public testing::Test {
 protected:
  Launcher() {
    std::filesystem::create_directory(dir_ / "bin");
    std::filesystem::create_symlink(MEMWALL_SOURCE_DIR "/memwall", dir_ / "memwall");
    std::filesystem::create_symlink(MEMWALL_SOURCE_DIR "/tests", dir_ / "tests");
    for (const char* tool : {"apt-get", "sudo", "cmake", "ninja", "ctest"}) {
      fake(tool, "echo \"" + std::string(tool) + " $*\" >>'" + called().string() + "'\nexit 1\n");
    }
    fake("dpkg-query", "exit 0\n");  // nothing is installed
  }

  void fake(const std::string& tool, const std::string& script) {
    std::ofstream(dir_ / ("bin/" + tool)) << "#!/bin/sh\n" << script;
    std::filesystem::permissions(dir_ / ("bin/" + tool), std::filesystem::perms::owner_all);
  }

  /// Runs ./memwall; nothing may have been installed, configured or built by it.
  CliResult launch(const std::vector<std::string>& arguments) {
    std::vector<std::string> words = {dir_ / "memwall"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    CliResult r;
    r.code = wait_for(start_program(words, dir_ / "out", dir_ / "err",
                                    {{"PATH", (dir_ / "bin").string() + ":" + std::getenv("PATH")}}));
    r.out = slurp(dir_ / "out");
    r.err = slurp(dir_ / "err");
    EXPECT_EQ(slurp(called()), "") << "was called";
    for (const char* folder : {"build", "build-asan", "build-release", "out/first_light"}) {
      EXPECT_FALSE(std::filesystem::exists(dir_ / folder)) << folder;
    }
    return r;
  }

  std::filesystem::path called() const { return dir_ / "called"; }

  Workspace dir_;
};

void expect_words(const std::string& text, const std::vector<std::string>& words) {
  for (const std::string& word : words)
    EXPECT_NE(text.find(word), std::string::npos) << word << " in " << text;
}

TEST_F(Launcher, HelpNamesEveryCommandOptionAndExitCode) {
  for (const char* help : {"--help", "-h", "help"}) {
    const CliResult r = launch({help});
    EXPECT_EQ(r.code, 0) << r.err;
    expect_words(r.out, {"usage: ./memwall COMMAND", "run SCENARIO", "list", "test ", "bench ", "elf ",
                         "memory ", "gdb ", "build ", "--no-install", "--preset", "Exit codes"});
    EXPECT_EQ(r.err, "");
  }
}

TEST_F(Launcher, HelpOfACommandNeedsNoBuild) {
  const CliResult test = launch({"test", "--help"});
  EXPECT_EQ(test.code, 0) << test.err;
  expect_words(test.out, {"usage: ./memwall test", "--layer", "--no-sanitizers", "golden"});
  const CliResult bench = launch({"bench", "--help"});
  EXPECT_EQ(bench.code, 0) << bench.err;
  expect_words(bench.out, {"usage: ./memwall bench", "hart", "memory", "hbf", "link", "pnm", "system"});
  const CliResult build = launch({"build", "--help"});
  EXPECT_EQ(build.code, 0) << build.err;
  expect_words(build.out, {"build [TARGET]"});
  for (const char* command : {"run", "list", "elf", "memory", "gdb"}) {
    const CliResult r = launch({command, "--help"});  // the tool itself is not there yet
    EXPECT_EQ(r.code, 0) << command << r.err;
    expect_words(r.out, {"usage: ./memwall", command});
  }
}

TEST_F(Launcher, NoCommandIsRefusedWithTheUsage) {
  const CliResult r = launch({});
  EXPECT_EQ(r.code, 2);
  expect_words(r.err, {"usage: ./memwall COMMAND"});
}

TEST_F(Launcher, AnUnknownCommandIsRefusedByName) {
  const CliResult r = launch({"frobnicate"});
  EXPECT_EQ(r.code, 2);
  expect_words(r.err, {"unknown command 'frobnicate'", "usage: ./memwall COMMAND"});
}

TEST_F(Launcher, AnUnknownOptionIsRefusedByName) {
  const CliResult r = launch({"--frobnicate", "list"});
  EXPECT_EQ(r.code, 2);
  expect_words(r.err, {"unknown option --frobnicate"});
}

TEST_F(Launcher, AnUnknownPresetNamesThoseThatAreAccepted) {
  for (const auto& arguments : {std::vector<std::string>{"--preset", "fast", "list"},
                                std::vector<std::string>{"--preset=fast", "list"}}) {
    const CliResult r = launch(arguments);
    EXPECT_EQ(r.code, 2);
    expect_words(r.err, {"unknown preset 'fast'", "dev, release, asan"});
  }
  const CliResult r = launch({"--preset"});
  EXPECT_EQ(r.code, 2);
  expect_words(r.err, {"--preset needs a name"});
}

TEST_F(Launcher, WithNoInstallMissingPackagesAreNamedAndNothingIsInstalled) {
  const std::vector<std::string> build_packages = {
      "missing Debian packages", "build-essential", "cmake",
      "libsystemc-dev",          "verilator",       "gcc-riscv64-unknown-elf"};
  const std::vector<std::string> test_packages = {"libgtest-dev", "gdb-multiarch", "clang-tidy"};
  for (const char* command : {"run", "list", "elf", "memory", "gdb", "build", "test", "bench"}) {
    const CliResult r = launch({"--no-install", command, "scenarios/first_light.toml"});
    EXPECT_EQ(r.code, 2) << command;
    expect_words(r.err, build_packages);
    const bool tests = std::string("build test bench").find(command) != std::string::npos;
    for (const std::string& name : test_packages) {
      EXPECT_EQ(r.err.find(name) != std::string::npos, tests) << command << " and " << name;
    }
  }
}

TEST_F(Launcher, NoInstallAlsoCountsBehindTheCommand) {
  const CliResult r = launch({"list", "--no-install"});
  EXPECT_EQ(r.code, 2);
  expect_words(r.err, {"missing Debian packages", "libsystemc-dev"});
}

TEST_F(Launcher, OnlyWhatIsMissingIsNamed) {
  // As dpkg answers after a removal that kept the configuration: known, but not installed.
  fake("dpkg-query", "echo 'installed:cmake installed:verilator config-files:ccache '\n");
  const CliResult r = launch({"--no-install", "list"});
  EXPECT_EQ(r.code, 2);
  const std::string line = r.err.substr(r.err.find("missing Debian packages"));
  expect_words(line, {" ccache", " build-essential"});
  EXPECT_EQ(line.find(" cmake"), std::string::npos) << line;
  EXPECT_EQ(line.find(" verilator"), std::string::npos) << line;
}

}  // namespace
}  // namespace memwall::test
