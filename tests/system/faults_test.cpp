// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Faults of the hardware and of the firmware: recovered where the hardware allows it, otherwise a clear
// message and exit code 1; never a crash, a hang or a wrong token.
#include <gtest/gtest.h>

#include "system/cli.h"

namespace memwall::test {
namespace {

std::string fault_elf(const std::string& name) {
  return std::string("firmware.path=") + MEMWALL_BINARY_DIR + "/firmware/" + name + ".elf";
}

TEST(Faults, RandomLinkErrorsAreReplayedAndChangeNoToken) {
  const RunResult clean = run("two_chips", {"workload.max_new_tokens=16"});
  const RunResult noisy = run("two_chips", {"workload.max_new_tokens=16", "link.flit_error_rate=0.02"});
  ASSERT_EQ(noisy.code, 0) << noisy.err;
  EXPECT_EQ(noisy.result["tokens"], clean.result["tokens"]);
  EXPECT_GT(counter(noisy.result, ".link", ".crc_errors"), 0);
  EXPECT_GT(counter(noisy.result, ".link", ".replays"), 0);
  EXPECT_EQ(counter(clean.result, ".link", ".replays"), 0);
}

TEST(Faults, ADeadLinkEndsInAMessageAndExitCodeOne) {
  const RunResult r = run("two_chips", {"link.dead_after_us=2000"});
  EXPECT_EQ(r.code, 1) << r.out;
  // Whether the port gives up first or the firmware's patience does depends on who was sending.
  EXPECT_NE(r.err.find("link0"), std::string::npos) << r.err;
  EXPECT_NE(r.uart0.find("link0"), std::string::npos) << r.uart0;
  EXPECT_NE(r.result["finish"].get<std::string>().find("error"), std::string::npos);
}

TEST(Faults, RetriedHbfPagesCostTimeAndChangeNoToken) {
  const RunResult clean = run("hbf_weights", {"workload.max_new_tokens=8"});
  const RunResult worn =
      run("hbf_weights", {"workload.max_new_tokens=8", "hbf.retry_rate=0.2", "hbf.corrected_rate=0.3"});
  ASSERT_EQ(worn.code, 0) << worn.err;
  EXPECT_EQ(worn.result["tokens"], clean.result["tokens"]);
  EXPECT_GT(counter(worn.result, ".hbf0", ".ecc_retried"), 0);
  EXPECT_GT(counter(worn.result, ".hbf0", ".ecc_corrected"), 0);
  EXPECT_GT(worn.result["time_to_first_token_ns"].get<double>(),
            clean.result["time_to_first_token_ns"].get<double>());
}

TEST(Faults, UncorrectablePagesEndInAMessageThatNamesThemAndExitCodeOne) {
  const RunResult r = run("hbf_weights", {"hbf.uncorrectable_rate=0.5"});
  EXPECT_EQ(r.code, 1) << r.out;
  EXPECT_NE(r.err.find("hardware error"), std::string::npos) << r.err;
  EXPECT_NE(r.uart0.find("UNCORRECTABLE"), std::string::npos) << r.uart0;
}

TEST(Faults, AFullContextIsNotAnError) {
  const RunResult r =
      run("all_hbm", {"workload.max_new_tokens=100000", "workload.temperature=1.5", "workload.seed=3"});
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_TRUE(r.result["finish"] == "context_full" || r.result["finish"] == "stop") << r.result["finish"];
  EXPECT_EQ(r.result["reference_match"], true);
}

TEST(Faults, TheFirmwareSeesEveryFaultAsTheHardwareDefinesIt) {
  const RunResult r = run("all_hbm", {fault_elf("faults"), "system.time_limit_ms=100"});
  EXPECT_NE(r.uart0.find("faults: 0 wrong"), std::string::npos) << r.uart0;
  EXPECT_EQ(r.uart0.find("WRONG"), std::string::npos) << r.uart0;
}

TEST(Faults, AJumpToNowhereEndsInATrapReport) {
  const RunResult r = run("all_hbm", {fault_elf("fault_jump"), "system.time_limit_ms=100"});
  EXPECT_EQ(r.code, 1);
  EXPECT_NE(r.uart0.find("instruction access fault"), std::string::npos) << r.uart0;
}

TEST(Faults, AWriteToRomEndsInATrapReport) {
  const RunResult r = run("all_hbm", {fault_elf("fault_rom"), "system.time_limit_ms=100"});
  EXPECT_EQ(r.code, 1);
  EXPECT_NE(r.uart0.find("store access fault"), std::string::npos) << r.uart0;
}

TEST(Faults, AGarbageDescriptorEndsInAStatus) {
  const RunResult r = run("all_hbm", {fault_elf("fault_descriptor"), "system.time_limit_ms=100"});
  EXPECT_EQ(r.code, 1);
  EXPECT_NE(r.err.find("ended with code"), std::string::npos) << r.err;
}

TEST(Faults, FirmwareThatNeverAnswersRunsIntoTheTimeLimit) {
  const RunResult r = run("all_hbm", {"system.time_limit_ms=1"});
  EXPECT_EQ(r.code, 1);
  EXPECT_NE(r.err.find("system.time_limit_ms = 1"), std::string::npos) << r.err;
}

}  // namespace
}  // namespace memwall::test
