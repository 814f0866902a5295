// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "system/debugger.h"

#include <fmt/format.h>

#include "common/error.h"
#include "common/sc_time.h"
#include "hart/hart_module.h"

namespace memwall::system {
namespace {

hart::WatchKind to_hart(gdb::WatchKind kind) {
  switch (kind) {
    case gdb::WatchKind::kRead:
      return hart::WatchKind::kRead;
    case gdb::WatchKind::kWrite:
      return hart::WatchKind::kWrite;
    case gdb::WatchKind::kAccess:
      break;
  }
  return hart::WatchKind::kAccess;
}

}  // namespace

class Debugger::HartThread : public gdb::Thread {
 public:
  HartThread(std::size_t index, Chip& chip) : index_(index), chip_(chip) {}

  std::string name() const override { return fmt::format("chip{}.hart", index_); }

  std::optional<std::uint64_t> read_register(unsigned number) const override {
    const hart::Hart& hart = chip_.hart().hart();
    if (number < gdb::kPcRegister) return hart.x(number);
    if (number == gdb::kPcRegister) return hart.pc();
    if (number < gdb::kFirstCsrRegister) return hart.f(number - gdb::kFirstFRegister);
    return hart.read_csr(number - gdb::kFirstCsrRegister);
  }
  bool write_register(unsigned number, std::uint64_t value) override {
    hart::Hart& hart = chip_.hart().hart();
    if (number < gdb::kPcRegister) {
      hart.set_x(number, value);
    } else if (number == gdb::kPcRegister) {
      hart.set_pc(value);
    } else if (number < gdb::kFirstCsrRegister) {
      hart.set_f(number - gdb::kFirstFRegister, value);
    } else {
      return hart.write_csr(number - gdb::kFirstCsrRegister, value);
    }
    return true;
  }
  bool read_memory(std::uint64_t address, void* out, std::size_t bytes) override {
    return chip_.debug_read(address, out, bytes);
  }
  bool write_memory(std::uint64_t address, const void* in, std::size_t bytes) override {
    const bool ok = chip_.debug_write(address, in, bytes);
    chip_.hart().hart().flush_code();
    return ok;
  }
  void set_breakpoint(std::uint64_t address, bool on) override {
    hart::Hart& hart = chip_.hart().hart();
    on ? hart.set_breakpoint(address) : hart.clear_breakpoint(address);
  }
  void set_watchpoint(std::uint64_t address, std::uint64_t bytes, gdb::WatchKind kind, bool on) override {
    hart::Hart& hart = chip_.hart().hart();
    on ? hart.set_watchpoint(address, bytes, to_hart(kind))
       : hart.clear_watchpoint(address, bytes, to_hart(kind));
  }

  /// A step that gdb asked for while the hart was not itself stopped: taken at its next chance.
  bool step_pending = false;

  gdb::Stop stop_of(hart::StopReason reason) const {
    using Kind = gdb::Stop::Kind;
    gdb::Stop stop;
    switch (reason) {
      case hart::StopReason::kBreakpoint:
      case hart::StopReason::kEbreak:
        stop.kind = Kind::kBreakpoint;
        break;
      case hart::StopReason::kWatchpoint: {
        const hart::WatchHit& hit = chip_.hart().hart().watch_hit();
        stop.kind = Kind::kWatchpoint;
        stop.watch_address = hit.address;
        stop.watch_kind = hit.is_write ? gdb::WatchKind::kWrite : gdb::WatchKind::kRead;
        break;
      }
      case hart::StopReason::kStep:
        stop.kind = Kind::kStep;
        break;
      default:
        stop.kind = Kind::kInterrupt;
        break;
    }
    return stop;
  }
  Chip& chip() { return chip_; }

 private:
  std::size_t index_;
  Chip& chip_;
};

Debugger::Debugger(const sc_core::sc_module_name& name, std::uint16_t port, const std::vector<Chip*>& chips)
    : sc_module(name) {
  std::vector<gdb::Thread*> threads;
  for (std::size_t i = 0; i < chips.size(); ++i) {
    threads_.push_back(std::make_unique<HartThread>(i, *chips[i]));
    threads.push_back(threads_.back().get());
  }
  server_ = std::make_unique<gdb::Server>(port, threads, [] {
    return fmt::format("{} ns simulated", static_cast<double>(to_ps(sc_core::sc_time_stamp())) / 1e3);
  });
  for (std::size_t i = 0; i < chips.size(); ++i) {
    chips[i]->hart().set_debug_hook([this, i](hart::HartModule&, hart::StopReason reason) {
      HartThread& thread = *threads_[i];
      if (thread.step_pending) {
        thread.step_pending = false;
        return hart::HartModule::Resume::kStep;
      }
      // All harts stop before their first instruction; gdb hears of the first one only.
      if (reason == hart::StopReason::kStopRequest) {
        if (started_) return hart::HartModule::Resume::kContinue;
        started_ = true;
        report_stop(i, gdb::Stop{});
      } else {
        report_stop(i, thread.stop_of(reason));
      }
      const bool step = thread.step_pending;
      thread.step_pending = false;
      return step ? hart::HartModule::Resume::kStep : hart::HartModule::Resume::kContinue;
    });
  }
  SC_HAS_PROCESS(Debugger);
  SC_THREAD(watch);
}

Debugger::~Debugger() = default;

void Debugger::start_of_simulation() { server_->accept(); }

void Debugger::report_stop(std::size_t index, const gdb::Stop& stop) {
  switch (server_->stopped(index, stop)) {
    case gdb::Resume::kContinue:
      break;
    case gdb::Resume::kStep:
      threads_[index]->step_pending = true;
      break;
    case gdb::Resume::kKill:
      raise_in_simulation(WorkloadError("killed by gdb"));
      break;
  }
}

void Debugger::watch() {
  for (;;) {
    wait(to_sc(10 * kPsPerUs));
    if (!server_->poll()) continue;
    // Every hart is between two instructions here, so this process may speak for them.
    gdb::Stop stop;
    stop.kind = gdb::Stop::Kind::kInterrupt;
    report_stop(0, stop);
    if (threads_[0]->step_pending) threads_[0]->chip().hart().hart().request_stop();
  }
}

}  // namespace memwall::system
