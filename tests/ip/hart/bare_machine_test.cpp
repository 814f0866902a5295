// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hart/bare_machine.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "asm.h"
#include "common/error.h"
#include "tiny_elf.h"

namespace memwall::hart {
namespace {

using namespace rv;

ElfRunOptions program(const char* name) {
  ElfRunOptions options;
  options.file = std::string(PROGRAMS "/") + name + ".elf";
  return options;
}

/// Runs `code` at the start of RAM; the mailbox `tohost` is 64 KiB further on.
ElfRunOptions words(std::initializer_list<Word> code, const char* name) {
  ElfRunOptions options;
  options.file = testing::TempDir() + "memwall_bare_" + name + std::to_string(getpid()) + ".elf";
  const auto file = tiny_elf(code, 0x80010000);
  std::ofstream(options.file, std::ios::binary)
      .write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  options.max_instructions = 100000;
  return options;
}

TEST(BareMachine, CompiledIntegerProgramComputesTheRightResults) {
  const ElfRunResult result = run_bare_elf(program("compute"));
  EXPECT_EQ(result.code, 0);
  EXPECT_GT(result.instructions, 10'000'000u);
  EXPECT_GE(result.cycles, result.instructions);
  EXPECT_GT(result.mips(), 0);
}

TEST(BareMachine, CompiledFloatingPointProgramComputesTheRightResults) {
  EXPECT_EQ(run_bare_elf(program("floating")).code, 0);
}

TEST(BareMachine, HostCallsWriteToTheConsoleAndReturnTheCode) {
  std::ostringstream console;
  ElfRunOptions options = program("hello");
  options.console = &console;
  EXPECT_EQ(run_bare_elf(options).code, 42);
  EXPECT_EQ(console.str(), "hello from the hart\n!");
}

TEST(BareMachine, TracesOneLinePerInstruction) {
  ElfRunOptions options = program("hello");
  std::ostringstream console;
  options.console = &console;
  options.trace_file = testing::TempDir() + "memwall_trace_" + std::to_string(getpid());
  const ElfRunResult result = run_bare_elf(options);
  std::ifstream in(options.trace_file);
  std::string line;
  std::getline(in, line);
  EXPECT_EQ(line.substr(0, 25), "0000000080000000 00003197");
  EXPECT_NE(line.find(" x3="), std::string::npos) << line;
  std::uint64_t lines = 1;
  while (std::getline(in, line)) ++lines;
  EXPECT_EQ(lines, result.instructions);
  std::remove(options.trace_file.c_str());
}

TEST(BareMachine, AnInstructionLimitIsAWorkloadError) {
  ElfRunOptions options = program("compute");
  options.max_instructions = 1000;
  EXPECT_THROW(run_bare_elf(options), WorkloadError);
}

TEST(BareMachine, AHartThatOnlyTrapsIsAWorkloadError) {
  // Jumps to nowhere without a trap handler.
  const ElfRunOptions options = words({lui(a0, 0x12345), jalr(zero, a0, 0)}, "lost");
  EXPECT_THROW(run_bare_elf(options), WorkloadError);
}

TEST(BareMachine, WaitingForAnInterruptThatCannotComeIsAWorkloadError) {
  EXPECT_THROW(run_bare_elf(words({wfi(), jal(zero, 0)}, "wait")), WorkloadError);
}

TEST(BareMachine, TheTimerWakesAWaitingHart) {
  // mie.MTIE, mtimecmp = 50, wait; then code 7 by tohost (15 = 7 << 1 | 1).
  const ElfRunOptions options =
      words({addi(a0, zero, 0x80), csrw(mie, a0), lui(a1, 0x2004), addi(a2, zero, 50), sd(a2, a1, 0), wfi(),
             csrr(a3, time_), lui(a4, 0x80010), slli(a4, a4, 32), i(32, a4, 5, a4, 0x13), addi(a5, zero, 15),
             sd(a5, a4, 0), jal(zero, 0)},
            "timer");
  const ElfRunResult result = run_bare_elf(options);
  EXPECT_EQ(result.code, 7);
  EXPECT_GE(result.cycles, 50u * 100);
  EXPECT_LT(result.cycles, 50u * 100 + 100);
}

TEST(BareMachine, Rv32IsRefusedByName) {
  ElfRunOptions options = program("hello");
  options.isa = "rv32";
  try {
    run_bare_elf(options);
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.code(), ExitCode::kConfiguration);
    EXPECT_NE(std::string(e.what()).find("rv32"), std::string::npos);
  }
  options.isa = "sparc";
  EXPECT_THROW(run_bare_elf(options), ConfigError);
}

}  // namespace
}  // namespace memwall::hart
