// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Runs the command line tool as a user would, in a folder of its own, and reads back what it wrote.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace memwall::test {

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// A folder that is removed again.
class Workspace {
 public:
  Workspace() {
    std::string name = (std::filesystem::temp_directory_path() / "memwall-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Workspace() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

struct CliResult {
  int code = -1;  ///< exit code; 128 + signal if it died of one
  std::string out, err;
};

/// Starts a program with its output and errors going to files; the caller waits. `environment` is set on top
/// of the caller's.
inline pid_t start_program(std::vector<std::string> words, const std::string& out, const std::string& err,
                           const std::map<std::string, std::string>& environment = {}) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    dup2(open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
    dup2(open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    signal(SIGINT, SIG_DFL);  // a shell may have started the tests with it ignored
    execvp(argv[0], argv.data());
    _exit(127);
  }
  return child;
}

/// Starts the tool; the caller waits.
inline pid_t start_cli(const std::vector<std::string>& arguments, const std::string& out,
                       const std::string& err) {
  std::vector<std::string> words = {MEMWALL_BINARY_DIR "/platform/cli/memwall"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return start_program(words, out, err, {{"SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1"}});
}

inline int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

inline CliResult cli(const std::vector<std::string>& arguments) {
  const Workspace dir;
  CliResult result;
  result.code = wait_for(start_cli(arguments, dir / "out", dir / "err"));
  result.out = slurp(dir / "out");
  result.err = slurp(dir / "err");
  return result;
}

inline std::string scenario(const std::string& name) {
  return MEMWALL_SOURCE_DIR "/scenarios/" + name + ".toml";
}

struct RunResult : CliResult {
  nlohmann::json result;    ///< null if there is no result.json
  std::string result_text;  ///< its bytes
  std::string uart0;        ///< console of chip 0
};

/// `memwall run` of a scenario with overrides.
inline RunResult run(const std::string& name, const std::vector<std::string>& overrides = {}) {
  const Workspace dir;
  std::vector<std::string> arguments = {"run", scenario(name), "--out", dir / "o"};
  for (const std::string& assignment : overrides) {
    arguments.push_back("--set");
    arguments.push_back(assignment);
  }
  RunResult r;
  static_cast<CliResult&>(r) = cli(arguments);
  r.result_text = slurp(dir / "o/result.json");
  if (!r.result_text.empty()) r.result = nlohmann::json::parse(r.result_text);
  r.uart0 = slurp(dir / "o/uart_chip0.log");
  return r;
}

/// Sum of all counters of result.json whose name contains `part` and ends in `suffix`.
inline double counter(const nlohmann::json& result, const std::string& part, const std::string& suffix) {
  double total = 0;
  for (const auto& c : result["counters"]) {
    const std::string name = c["name"];
    const bool ends =
        name.size() >= suffix.size() && name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0;
    if (ends && name.find(part) != std::string::npos) total += c["value"].get<double>();
  }
  return total;
}

}  // namespace memwall::test
