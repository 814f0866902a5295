// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Joins the gdb server to the harts of a node. A hart that stops serves gdb inside the simulation thread, so
/// simulated time stands; while the node runs, gdb's interrupt is looked for every 10 us of simulated time.
#pragma once

#include <systemc>

#include <cstdint>
#include <memory>
#include <vector>

#include "gdb/server.h"
#include "system/chip.h"

namespace memwall::system {

class Debugger : public sc_core::sc_module {
 public:
  /// Throws ConfigError if the port cannot be had.
  Debugger(const sc_core::sc_module_name& name, std::uint16_t port, const std::vector<Chip*>& chips);
  ~Debugger() override;

  std::uint16_t port() const { return server_->port(); }
  void finished(int code) { server_->exited(code); }

 private:
  class HartThread;
  void start_of_simulation() override;
  void watch();
  void report_stop(std::size_t index, const gdb::Stop& stop);

  std::vector<std::unique_ptr<HartThread>> threads_;
  std::unique_ptr<gdb::Server> server_;
  bool started_ = false;
};

}  // namespace memwall::system
