// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The SystemC modules around the cores of UART, timer, CLINT, PLIC and system controller.
#pragma once

#include <cstdint>
#include <functional>
#include <systemc>
#include <utility>

#include "common/stats.h"
#include "soc/clint.h"
#include "soc/peripheral.h"
#include "soc/plic.h"
#include "soc/sysctrl.h"
#include "soc/timer.h"
#include "soc/uart.h"

namespace memwall::soc {

class Uart : public Peripheral {
 public:
  using Config = UartConfig;
  sc_core::sc_out<bool> irq_out{"irq_out"};

  Uart(const sc_core::sc_module_name& name, const Config& config)
      : Peripheral(name, config.register_access_ns), core_(config) {
    attach(core_);
  }

  /// Where transmitted bytes go, at the moment they are written.
  void set_sink(UartCore::Sink sink) { core_.set_sink(std::move(sink)); }
  /// A byte arrives from outside, now.
  void receive(std::uint8_t byte) {
    core_.receive(byte);
    refresh();
  }
  void report(StatSink& sink) const;

 private:
  void drive() override { irq_out.write(core_.irq()); }
  UartCore core_;
};

class Timer : public Peripheral {
 public:
  using Config = TimerConfig;
  sc_core::sc_out<bool> irq_out{"irq_out"};

  Timer(const sc_core::sc_module_name& name, const Config& config)
      : Peripheral(name, config.register_access_ns), core_(config) {
    attach(core_);
  }

 private:
  void drive() override { irq_out.write(core_.irq()); }
  TimerCore core_;
};

class Clint : public Peripheral {
 public:
  using Config = ClintConfig;
  sc_core::sc_out<bool> msip_out{"msip_out"};
  sc_core::sc_out<bool> mtip_out{"mtip_out"};

  Clint(const sc_core::sc_module_name& name, const Config& config)
      : Peripheral(name, config.register_access_ns), core_(config) {
    attach(core_);
  }

  /// mtime at a hart's local time: the source of its time CSR.
  std::uint64_t mtime(const sc_core::sc_time& now) const { return core_.mtime_at(now.value()); }

 private:
  void drive() override {
    msip_out.write(core_.msip() != 0);
    mtip_out.write(core_.mtip());
  }
  ClintCore core_;
};

class Plic : public Peripheral {
 public:
  using Config = PlicConfig;
  /// Level inputs by source number; those without a device stay unbound.
  using IrqIn = sc_core::sc_port<sc_core::sc_signal_in_if<bool>, 1, sc_core::SC_ZERO_OR_MORE_BOUND>;
  sc_core::sc_vector<IrqIn> irq_in{"irq_in", PlicCore::kSources};
  sc_core::sc_out<bool> meip_out{"meip_out"};

  Plic(const sc_core::sc_module_name& name, const Config& config)
      : Peripheral(name, config.register_access_ns) {
    attach(core_);
  }

 private:
  void end_of_elaboration() override;
  void drive() override { meip_out.write(core_.meip()); }
  PlicCore core_;
};

class SysCtrl : public Peripheral {
 public:
  using Config = SysCtrlConfig;

  SysCtrl(const sc_core::sc_module_name& name, const Config& config)
      : Peripheral(name, config.register_access_ns), core_(config) {
    attach(core_);
  }

  bool exited() const { return core_.exited(); }
  std::uint8_t exit_code() const { return core_.exit_code(); }
  /// Notified when firmware ends this chip's run, at the hart's local time.
  const sc_core::sc_event& exit_event() const { return exit_event_; }

 private:
  void drive() override {}
  void accessed() override;
  SysCtrlCore core_;
  bool exit_seen_ = false;
  sc_core::sc_event exit_event_;
};

}  // namespace memwall::soc
