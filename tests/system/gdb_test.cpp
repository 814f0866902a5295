// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// A real gdb-multiarch in batch mode against `memwall gdb`.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <regex>
#include <thread>

#include "system/cli.h"

namespace memwall::test {
namespace {

/// Output of gdb for a list of commands, run after connecting to a scenario's server; the tool has ended
/// then.
std::string debug(const std::vector<std::string>& commands, const std::vector<std::string>& overrides = {},
                  int* exit_code = nullptr, const std::string& wrapper = "timeout 120") {
  const Workspace dir;
  std::vector<std::string> arguments = {
      "gdb", scenario("two_chips"), "--port", "0", "--out", dir / "o", "--set", "workload.max_new_tokens=2"};
  for (const std::string& assignment : overrides) {
    arguments.push_back("--set");
    arguments.push_back(assignment);
  }
  const pid_t server = start_cli(arguments, dir / "out", dir / "err");
  std::string port;
  for (int i = 0; i < 600 && port.empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::smatch found;
    const std::string text = slurp(dir / "err");
    if (std::regex_search(text, found, std::regex("127\\.0\\.0\\.1:([0-9]+)"))) port = found[1];
  }
  if (port.empty()) {
    kill(server, SIGKILL);
    wait_for(server);
    return "server did not start: " + slurp(dir / "err");
  }
  std::string script = "set pagination off\nset confirm off\ntarget remote 127.0.0.1:" + port + "\n";
  for (const std::string& command : commands) script += command + "\n";
  std::ofstream(dir / "script") << script;
  const std::string shell = wrapper + " gdb-multiarch -nx -batch -x " + (dir / "script").string() + " " +
                            MEMWALL_BINARY_DIR "/firmware/llm.elf >" + (dir / "gdb").string() + " 2>&1";
  const int status = std::system(shell.c_str());
  if (status != 0) kill(server, SIGTERM);
  const int code = wait_for(server);
  if (exit_code != nullptr) *exit_code = code;
  return slurp(dir / "gdb");
}

TEST(Gdb, StopsAtResetAndShowsOneThreadPerHart) {
  const std::string out = debug({"info threads", "print/x $pc", "kill"});
  EXPECT_NE(out.find("chip0.hart"), std::string::npos) << out;
  EXPECT_NE(out.find("chip1.hart"), std::string::npos) << out;
  EXPECT_NE(out.find("= 0x100000"), std::string::npos) << out;
}

TEST(Gdb, BreakpointBacktraceRegistersAndMemory) {
  const std::string out =
      debug({"hbreak main", "continue", "info registers pc sp mstatus", "print/x $misa", "backtrace",
             "x/2i $pc", "set var $a5 = 0x1234", "print/x $a5", "stepi", "stepi", "monitor time", "kill"});
  EXPECT_NE(out.find("main"), std::string::npos) << out;
  EXPECT_NE(out.find("mstatus"), std::string::npos) << out;
  EXPECT_NE(out.find("0x1234"), std::string::npos) << out;
  EXPECT_NE(out.find("ns simulated"), std::string::npos) << out;
}

TEST(Gdb, SimulatedTimeStandsWhileStopped) {
  const std::string out =
      debug({"hbreak main", "continue", "monitor time", "shell sleep 1", "monitor time", "kill"});
  std::smatch first;
  const std::regex time("([0-9.]+) ns simulated");
  ASSERT_TRUE(std::regex_search(out, first, time)) << out;
  const std::string rest = first.suffix();
  std::smatch second;
  ASSERT_TRUE(std::regex_search(rest, second, time)) << out;
  EXPECT_EQ(first[1], second[1]);
}

TEST(Gdb, AWatchpointStopsWhereTheValueChanges) {
  const std::string out =
      debug({"hbreak main", "continue", "delete 1", "watch decoder.model.m.dim", "continue", "kill"});
  EXPECT_NE(out.find("Hardware watchpoint"), std::string::npos) << out;
  EXPECT_NE(out.find("New value = 128"), std::string::npos) << out;
}

TEST(Gdb, AProgramThatIsContinuedRunsToItsEnd) {
  int code = -1;
  const std::string out = debug({"continue"}, {}, &code);
  EXPECT_NE(out.find("exited normally"), std::string::npos) << out;
  EXPECT_EQ(code, 0) << out;
}

TEST(Gdb, AnInterruptStopsARunningProgram) {
  // timeout presses Ctrl-C after two seconds, before the program ends.
  const std::string out =
      debug({"continue", "info threads", "kill"},
            {"workload.max_new_tokens=100000", "pnm.implementation=rtl", "model.prefill_batch=1"}, nullptr,
            "timeout -s INT --foreground 2");
  EXPECT_NE(out.find("SIGINT"), std::string::npos) << out;
}

}  // namespace
}  // namespace memwall::test
