// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// GDB remote protocol server (Boost.Asio, loopback only), one gdb thread per hart. It knows nothing of
/// SystemC: the simulation calls stopped() when a hart stops, which serves gdb until it says continue or step
/// (simulated time stands), and poll() now and then while it runs, which notices gdb's interrupt.
///
/// Supported: registers (x, pc, f, the machine CSRs), memory, hardware breakpoints and watchpoints, step,
/// continue, interrupt, threads, detach, kill, `monitor time`. Not supported: software breakpoints that patch
/// memory (break works through hardware breakpoints), reverse execution, non-stop mode.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace memwall::gdb {

/// gdb's register numbers: x0-x31 are 0-31, pc is 32, f0-f31 are 33-64, CSR n is 65 + n.
inline constexpr unsigned kPcRegister = 32;
inline constexpr unsigned kFirstFRegister = 33;
inline constexpr unsigned kFirstCsrRegister = 65;

enum class WatchKind { kWrite, kRead, kAccess };

/// One hart, as gdb sees it.
class Thread {
 public:
  virtual ~Thread() = default;
  virtual std::string name() const = 0;
  /// nullopt: no such register.
  virtual std::optional<std::uint64_t> read_register(unsigned number) const = 0;
  virtual bool write_register(unsigned number, std::uint64_t value) = 0;
  /// Without side effects on devices. False if any byte is not there.
  virtual bool read_memory(std::uint64_t address, void* out, std::size_t bytes) = 0;
  virtual bool write_memory(std::uint64_t address, const void* in, std::size_t bytes) = 0;
  virtual void set_breakpoint(std::uint64_t address, bool on) = 0;
  virtual void set_watchpoint(std::uint64_t address, std::uint64_t bytes, WatchKind kind, bool on) = 0;
};

/// Why a hart stopped.
struct Stop {
  enum class Kind { kStart, kBreakpoint, kWatchpoint, kStep, kInterrupt } kind = Kind::kStart;
  std::uint64_t watch_address = 0;
  WatchKind watch_kind = WatchKind::kWrite;
};

/// What gdb wants next.
enum class Resume {
  kContinue,
  kStep,  ///< execute one instruction of the stopped hart, then report again
  kKill,  ///< end the simulation
};

class Server {
 public:
  /// Listens on 127.0.0.1:`port` (0: a free port, see port()). Throws ConfigError if it cannot.
  Server(std::uint16_t port, std::vector<Thread*> threads, std::function<std::string()> time_text);
  ~Server();

  std::uint16_t port() const;
  /// Waits for gdb to connect.
  void accept();
  /// Serves gdb while hart `thread` is stopped. A connection that closes counts as detach: kContinue from
  /// then on. A hart that stops while gdb wanted to step another one is reported like any other.
  Resume stopped(std::size_t thread, const Stop& stop);
  /// While running: true once if gdb asked for an interrupt. The caller then reports a stop.
  bool poll();
  /// Tells gdb that the program ended.
  void exited(int code);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace memwall::gdb
