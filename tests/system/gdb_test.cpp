// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// A real gdb-multiarch in batch mode against `memwall gdb`.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <functional>
#include <regex>
#include <thread>

#include "system/cli.h"

namespace memwall::test {
namespace {

using Seconds = std::chrono::seconds;

/// Polls until `done` or the time is over; the limits here only end a run that hangs.
bool poll(Seconds limit, const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

/// A running gdb and where to look at what it and the server do.
struct Session {
  pid_t gdb;
  std::filesystem::path log;    ///< of gdb
  std::filesystem::path uart0;  ///< console of chip 0: grows only while the program runs
};

/// Output of gdb for a list of commands, run after connecting to a scenario's server; the tool has ended
/// then. `meanwhile` runs beside gdb.
std::string debug(const std::vector<std::string>& commands, const std::vector<std::string>& overrides = {},
                  int* exit_code = nullptr, const std::function<void(const Session&)>& meanwhile = {}) {
  const Workspace dir;
  std::vector<std::string> arguments = {
      "gdb", scenario("two_chips"), "--port", "0", "--out", dir / "o", "--set", "workload.max_new_tokens=2"};
  for (const std::string& assignment : overrides) {
    arguments.push_back("--set");
    arguments.push_back(assignment);
  }
  const pid_t server = start_cli(arguments, dir / "out", dir / "err");
  std::string port;
  poll(Seconds(60), [&] {
    std::smatch found;
    const std::string text = slurp(dir / "err");
    if (std::regex_search(text, found, std::regex("127\\.0\\.0\\.1:([0-9]+)"))) port = found[1];
    return !port.empty();
  });
  if (port.empty()) {
    kill(server, SIGKILL);
    wait_for(server);
    return "server did not start: " + slurp(dir / "err");
  }
  std::string script = "set pagination off\nset confirm off\ntarget remote 127.0.0.1:" + port + "\n";
  for (const std::string& command : commands) script += command + "\n";
  std::ofstream(dir / "script") << script;
  const Session session = {start_program({"gdb-multiarch", "-nx", "-batch", "-x", dir / "script",
                                          MEMWALL_BINARY_DIR "/firmware/llm.elf"},
                                         dir / "gdb", dir / "gdb.err"),
                           dir / "gdb", dir / "o/uart_chip0.log"};
  if (meanwhile) meanwhile(session);
  int status = 0;
  const bool ended = poll(Seconds(240), [&] { return waitpid(session.gdb, &status, WNOHANG) != 0; });
  if (!ended) {
    kill(session.gdb, SIGKILL);
    wait_for(session.gdb);
  }
  if (!ended || status != 0) kill(server, SIGTERM);
  const int code = wait_for(server);
  if (exit_code != nullptr) *exit_code = code;
  return slurp(dir / "gdb") + slurp(dir / "gdb.err");
}

/// The values that gdb printed as $1, $2 ..., in order.
std::vector<std::string> printed(const std::string& out) {
  std::vector<std::string> values;
  const std::regex line("\\$[0-9]+ = (.*)");
  for (std::sregex_iterator i(out.begin(), out.end(), line), end; i != end; ++i) values.push_back((*i)[1]);
  return values;
}

bool shows(const std::string& out, const std::string& pattern) {
  return std::regex_search(out, std::regex(pattern));
}

TEST(Gdb, StopsAtResetAndShowsOneThreadPerHart) {
  const std::string out = debug({"info threads", "print/x $pc", "kill"});
  EXPECT_NE(out.find("chip0.hart"), std::string::npos) << out;
  EXPECT_NE(out.find("chip1.hart"), std::string::npos) << out;
  EXPECT_NE(out.find("= 0x100000"), std::string::npos) << out;
}

TEST(Gdb, BreakpointBacktraceRegistersAndMemory) {
  int code = -1;
  const std::string out = debug({"hbreak main",
                                 "continue",
                                 "backtrace",
                                 "info registers pc sp mstatus",
                                 "x/2i $pc",
                                 "print/x $misa",
                                 "set var $a5 = 0x1234",
                                 "print/x $a5",
                                 "print/x $pc",
                                 "stepi",
                                 "print/x $pc",
                                 "stepi",
                                 "print/x $pc",
                                 "print decoder.model.m.dim",
                                 "set var decoder.model.m.dim = 77",
                                 "print decoder.model.m.dim",
                                 "print/x (unsigned long)&decoder.model.m.dim",
                                 "x/1dw &decoder.model.m.dim",
                                 "monitor time",
                                 "kill"},
                                {}, &code);
  EXPECT_TRUE(shows(out, "Breakpoint 1, main \\(\\) at .*llm_main\\.c")) << out;
  EXPECT_TRUE(shows(out, "#0 +main \\(\\) at .*llm_main\\.c")) << out;
  EXPECT_TRUE(shows(out, "pc +0x[0-9a-f]+\\s+0x[0-9a-f]+ <main>")) << out;
  EXPECT_TRUE(shows(out, "sp +0x2[0-9a-f]{7}\\s")) << "the stack is not in the TCM: " << out;
  EXPECT_TRUE(shows(out, "mstatus +0x[0-9a-f]+")) << out;
  EXPECT_TRUE(shows(out, "=> 0x[0-9a-f]+ <main>:\\s+[a-z]+.*\\n +0x[0-9a-f]+ <main\\+[24]>:\\s+[a-z]+"))
      << "not two instructions of main: " << out;
  EXPECT_TRUE(shows(out, "[0-9.]+ ns simulated")) << out;

  const std::vector<std::string> values = printed(out);
  ASSERT_EQ(values.size(), 8u) << out;
  EXPECT_EQ(values[0], "0x800000000010112d") << "misa is not RV64 IMAFDC with U";
  EXPECT_EQ(values[1], "0x1234") << "a register does not keep what was written";
  const std::uint64_t pc[] = {std::stoull(values[2], nullptr, 16), std::stoull(values[3], nullptr, 16),
                              std::stoull(values[4], nullptr, 16)};
  for (const int step : {0, 1}) {  // main begins without a jump, so the next instruction follows
    EXPECT_GE(pc[step + 1], pc[step] + 2) << out;
    EXPECT_LE(pc[step + 1], pc[step] + 4) << out;
  }
  EXPECT_EQ(values[5], "0") << "main has not read the manifest yet";
  EXPECT_EQ(values[6], "77") << "memory does not keep what was written";
  EXPECT_TRUE(shows(out, values[7] + " <decoder\\+[0-9]+>:\\s+77")) << out;
  EXPECT_EQ(code, 1) << "killed by gdb";
}

TEST(Gdb, MemoryThatIsNotThereIsAnErrorAndTheSessionGoesOn) {
  // A failed command ends a gdb script, so Python catches it.
  const std::string out =
      debug({"python", "try: gdb.execute('x/1xw 0x900000000')",
             "except gdb.MemoryError as e: print('refused:', e)", "end", "x/1xw 0x100000", "kill"});
  EXPECT_TRUE(shows(out, "refused: Cannot access memory at address 0x900000000")) << out;
  EXPECT_TRUE(shows(out, "0x100000 <_start>:\\s+0x[0-9a-f]+")) << out;
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
  // The longest request on the slowest model; Ctrl-C comes when the program has begun to print.
  bool ran = false;
  const std::string out =
      debug({"continue", "print $pc != 0", "info threads", "kill"},
            {"workload.max_new_tokens=100000", "pnm.implementation=rtl", "model.prefill_batch=1"}, nullptr,
            [&](const Session& session) {
              ran = poll(Seconds(120), [&] { return !slurp(session.uart0).empty(); });
              for (int attempt = 0; attempt < 3; ++attempt) {
                kill(session.gdb, SIGINT);
                if (poll(Seconds(30), [&] { return shows(slurp(session.log), "SIGINT|exited"); })) break;
              }
            });
  EXPECT_TRUE(ran) << out;
  EXPECT_TRUE(shows(out, "received signal SIGINT, Interrupt")) << out;
  EXPECT_EQ(out.find("exited normally"), std::string::npos) << out;
  EXPECT_EQ(printed(out), std::vector<std::string>{"1"}) << "no command after the interrupt: " << out;
  EXPECT_NE(out.find("chip1.hart"), std::string::npos) << out;
}

}  // namespace
}  // namespace memwall::test
