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
  ASSERT_EQ(clean.code, 0) << clean.err;
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
  // Without reading ahead: that would hide them.
  const std::vector<std::string> base = {"workload.max_new_tokens=8", "hbf.prefetch=false"};
  const RunResult clean = run("hbf_weights", base);
  const RunResult worn =
      run("hbf_weights", {base[0], base[1], "hbf.retry_rate=0.2", "hbf.corrected_rate=0.3"});
  ASSERT_EQ(clean.code, 0) << clean.err;
  ASSERT_EQ(worn.code, 0) << worn.err;
  EXPECT_EQ(worn.result["tokens"], clean.result["tokens"]);
  EXPECT_GT(counter(worn.result, ".hbf0", ".ecc_retried"), 0);
  EXPECT_GT(counter(worn.result, ".hbf0", ".ecc_corrected"), 0);
  EXPECT_GT(worn.result["time_to_first_token_ns"].get<double>(),
            clean.result["time_to_first_token_ns"].get<double>());
}

TEST(Faults, PagesThatStayUncorrectableEndInAMessageThatNamesThemAndExitCodeOne) {
  const RunResult r = run("hbf_weights", {"hbf.uncorrectable_rate=1"});
  EXPECT_EQ(r.code, 1) << r.out;
  EXPECT_NE(r.err.find("hardware error"), std::string::npos) << r.err;
  EXPECT_NE(r.out.find("not compared: no tokens"), std::string::npos) << r.out;
  EXPECT_TRUE(r.result["reference_match"].is_null());
  EXPECT_NE(r.uart0.find("UNCORRECTABLE"), std::string::npos) << r.uart0;
  EXPECT_NE(r.uart0.find("is retired"), std::string::npos) << r.uart0;
  EXPECT_NE(r.err.find("read status 0x4 info 2: again and again, on a spare block too"), std::string::npos)
      << r.err;
}

TEST(Faults, AFullContextIsNotAnError) {
  const RunResult r =
      run("all_hbm", {"workload.max_new_tokens=100000", "workload.temperature=1.5", "workload.seed=3"});
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_TRUE(r.result["finish"] == "context_full" || r.result["finish"] == "stop") << r.result["finish"];
  EXPECT_EQ(r.result["reference_match"], true);
}

/// faults.elf answers no request: it exits with 0 if all was as expected, which ends the run with code 1.
void expect_every_fault_seen(const RunResult& r, const std::vector<std::string>& lines) {
  EXPECT_EQ(r.code, 1) << r.err;
  EXPECT_NE(r.err.find("the firmware ended without answering the request"), std::string::npos) << r.err;
  EXPECT_NE(r.uart0.find("faults: 0 wrong"), std::string::npos) << r.uart0;
  EXPECT_EQ(r.uart0.find("WRONG"), std::string::npos) << r.uart0;
  for (const std::string& line : lines) {
    EXPECT_NE(r.uart0.find("fault " + line), std::string::npos) << line << " in: " << r.uart0;
  }
}

const std::vector<std::string> kCommonFaults = {
    "jump to nowhere: instruction access fault, tval 0x900000000, as expected",
    "write to ROM: store access fault, tval 0x100000, as expected",
    "load from nowhere: load access fault, tval 0x900000000, as expected",
    "store to nowhere: store access fault, tval 0x900000000, as expected",
    "illegal instruction: illegal instruction",
    "environment call: environment call from M",
    "garbage descriptor: descriptor status 1, as expected",
    "one flipped bit in HBM: 1 corrected, 0 uncorrectable, as expected",
    "two flipped bits in HBM: 0 corrected, 1 uncorrectable, as expected",
    "copy from nowhere: copy engine code 1, as expected",
    "copy to nowhere: copy engine code 3, as expected"};

const std::vector<std::string> kNearMemoryFaults = {
    "garbage near memory: descriptor status 1, as expected",
    "COPY near memory: descriptor status 1, as expected",
    "batch of 2 near memory: descriptor status 4, as expected",
    "unaligned weights near memory: descriptor status 3, as expected",
    "weights out of reach: descriptor status 7, as expected",
    "ring out of reach: descriptor status 7, as expected",
    "NOP near memory: descriptor status 0, as expected"};

TEST(Faults, TheFirmwareSeesEveryFaultAsTheHardwareDefinesIt) {
  const RunResult r = run("all_hbm", {fault_elf("faults"), "system.time_limit_ms=100"});
  expect_every_fault_seen(r, kCommonFaults);
  EXPECT_EQ(r.uart0.find("near memory"), std::string::npos) << "there is no unit: " << r.uart0;
}

TEST(Faults, TheNearMemoryModelRefusesWhatTheHardwareDefines) {
  const RunResult r = run("pnm_model", {fault_elf("faults"), "system.time_limit_ms=100"});
  expect_every_fault_seen(r, kCommonFaults);
  expect_every_fault_seen(r, kNearMemoryFaults);
}

TEST(Faults, TheNearMemoryRtlRefusesTheSameAsTheModel) {
  const RunResult rtl = run("pnm_rtl", {fault_elf("faults"), "system.time_limit_ms=100"});
  expect_every_fault_seen(rtl, kCommonFaults);
  expect_every_fault_seen(rtl, kNearMemoryFaults);
  EXPECT_EQ(rtl.uart0, run("pnm_model", {fault_elf("faults"), "system.time_limit_ms=100"}).uart0);
}

/// A run whose firmware does one thing wrong and does not catch it.
void expect_end(const std::string& elf, int code, const std::string& last_words) {
  const RunResult r = run("all_hbm", {fault_elf(elf), "system.time_limit_ms=100"});
  EXPECT_EQ(r.code, 1) << r.err;
  EXPECT_NE(r.err.find("chip 0 ended with code " + std::to_string(code) + "; its last words: " + last_words),
            std::string::npos)
      << r.err;
  EXPECT_NE(r.uart0.find(last_words), std::string::npos) << r.uart0;
  EXPECT_EQ(r.result["finish"].get<std::string>().rfind("error: chip 0 ended with code", 0), 0u)
      << r.result["finish"];
}

constexpr int kExitTrap = 64;    // BOOT_EXIT_TRAP of firmware/boot/boot.h, plus mcause
constexpr int kExitStatus = 32;  // EXIT_STATUS of firmware/apps/faults_main.c, plus the status

TEST(Faults, AJumpToNowhereEndsInATrapReport) {
  expect_end("fault_jump", kExitTrap + 1,
             "trap: instruction access fault (cause 0x1) at pc 0x900000000, tval 0x900000000");
}

TEST(Faults, AWriteToRomEndsInATrapReport) {
  expect_end("fault_rom", kExitTrap + 7, "trap: store access fault (cause 0x7) at pc 0x10");
}

TEST(Faults, ALoadFromNowhereEndsInATrapReport) {
  expect_end("fault_load", kExitTrap + 5, "trap: load access fault (cause 0x5) at pc 0x10");
}

TEST(Faults, AGarbageDescriptorEndsInAStatus) {
  expect_end("fault_descriptor", kExitStatus + 1, "accel: garbage descriptor: status 1");
}

TEST(Faults, ARunThatIsNotDoneWithinTheTimeLimitFails) {
  const RunResult r = run("all_hbm", {"system.time_limit_ms=1"});
  EXPECT_EQ(r.code, 1) << r.out;
  EXPECT_NE(r.err.find("no answer within system.time_limit_ms = 1"), std::string::npos) << r.err;
  EXPECT_LE(r.result["simulated_ns"].get<double>(), 1e6);  // of the last event before the limit
  EXPECT_GT(r.result["simulated_ns"].get<double>(), 0.9e6);
}

/// Stack-local byte in the middle of the bundled model's weights, which every token reads.
const char* const kWeightWord = "address=0x80000";

TEST(Faults, AFlippedBitInAnHbmWeightIsCorrectedCountedAndChangesNoToken) {
  const RunResult clean = run("all_hbm", {"workload.max_new_tokens=8"});
  const RunResult flipped =
      run("all_hbm", {"workload.max_new_tokens=8", std::string("hbm.fault=[{bits=1, ") + kWeightWord + "}]"});
  ASSERT_EQ(clean.code, 0) << clean.err;
  ASSERT_EQ(flipped.code, 0) << flipped.err;
  EXPECT_EQ(flipped.result["tokens"], clean.result["tokens"]);
  EXPECT_EQ(flipped.result["reference_match"], true);
  EXPECT_EQ(counter(clean.result, ".hbm", ".ecc_corrected"), 0);
  EXPECT_GE(counter(flipped.result, ".hbm0", ".ecc_corrected"), 8) << "once a token";
  EXPECT_EQ(counter(flipped.result, ".hbm1", ".ecc_corrected"), 0) << "the other stack has no fault";
  EXPECT_EQ(counter(flipped.result, ".hbm", ".ecc_uncorrected"), 0);
}

void expect_uncorrectable(const RunResult& r) {
  EXPECT_EQ(r.code, 1) << r.out;
  EXPECT_NE(r.err.find("hardware error"), std::string::npos) << r.err;
  EXPECT_NE(r.uart0.find("UNCORRECTABLE at 0x1000080000"), std::string::npos) << r.uart0;
  EXPECT_NE(r.uart0.find("is tried again (1)"), std::string::npos) << r.uart0;
  EXPECT_GT(counter(r.result, ".hbm0", ".ecc_uncorrected"), 0);
  EXPECT_NE(r.result["finish"].get<std::string>().find("hardware error"), std::string::npos);
}

TEST(Faults, TwoFlippedBitsInAnHbmWeightEndInAMessageThatNamesTheAddress) {
  expect_uncorrectable(run("all_hbm", {std::string("hbm.fault=[{bits=2, ") + kWeightWord + "}]"}));
}

TEST(Faults, AByteLaneOfAnHbmWeightEndsLikeTwoFlippedBits) {
  expect_uncorrectable(run("all_hbm", {std::string("hbm.fault=[{kind=\"chip\", ") + kWeightWord + "}]"}));
}

TEST(Faults, SingleFaultsByRateAreCorrectedAndChangeNoTokenAndDependOnTheSeedAlone) {
  // Far above any real rate, so that a run of a millisecond over some MiB meets a few.
  const auto faulty = [](const std::string& seed) {
    return run("all_hbm", {"workload.max_new_tokens=4", "hbm.fault_rate_per_gib_hour=3e11", "seed=" + seed});
  };
  const RunResult one = faulty("1"), again = faulty("1"), other = faulty("2");
  ASSERT_EQ(one.code, 0) << one.err;
  ASSERT_EQ(other.code, 0) << other.err;
  EXPECT_EQ(one.result["reference_match"], true);
  EXPECT_EQ(other.result["reference_match"], true);
  EXPECT_GT(counter(one.result, ".hbm", ".ecc_corrected"), 0);
  EXPECT_EQ(one.result, again.result);
  EXPECT_NE(counter(one.result, ".hbm", ".ecc_corrected"), counter(other.result, ".hbm", ".ecc_corrected"));
}

TEST(Faults, TwoFlippedBitsStopTheNearMemoryModelAndRtlAlike) {
  for (const char* name : {"pnm_model", "pnm_rtl"}) {
    SCOPED_TRACE(name);
    expect_uncorrectable(run(name, {std::string("hbm.fault=[{bits=2, ") + kWeightWord + "}]"}));
  }
}

TEST(Faults, AnHbmFaultIsOnTheChipThatTheScenarioNames) {
  const RunResult r = run(
      "two_chips", {"workload.max_new_tokens=2", std::string("hbm.fault=[{chip=1, ") + kWeightWord + "}]"});
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(counter(r.result, "chip0.hbm", ".ecc_corrected"), 0);
  EXPECT_GT(counter(r.result, "chip1.hbm0", ".ecc_corrected"), 0);
}

}  // namespace
}  // namespace memwall::test
