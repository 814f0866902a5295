// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The SystemC shell that all register peripherals share: a TLM socket in front of a generated bank, time
/// handed to the core, outputs refreshed after every access and whenever the core says that they change.
/// Every access costs `register_access_ns`, so that polling advances time. No DMI.
#pragma once

#include <tlm_utils/simple_target_socket.h>
#include <cstdint>
#include <systemc>
#include <tlm>

#include "common/register_bank.h"
#include "soc/timed_device.h"

namespace memwall::soc {

class Peripheral : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<Peripheral> ctrl_tsock;

 protected:
  Peripheral(const sc_core::sc_module_name& name, double register_access_ns);
  /// The derived module's constructor hands in its core.
  template <class Core>
  void attach(Core& core) {
    bank_ = &core;
    device_ = &core;
  }

  /// Writes the core's outputs to the ports.
  virtual void drive() = 0;
  /// Called after every access, at the initiator's local time.
  virtual void accessed() {}
  /// Refreshes the outputs in the next delta cycle, e.g. after an input has changed.
  void refresh() { refresh_event_.notify(sc_core::SC_ZERO_TIME); }
  /// The initiator's local time relative to the kernel's, during an access.
  const sc_core::sc_time& local_offset() const { return local_offset_; }
  /// What ctrl_tsock does with a payload; a module with a second socket hands payloads in here.
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned transport_dbg(tlm::tlm_generic_payload& payload);

 private:
  void update();

  RegisterBank* bank_ = nullptr;
  TimedDevice* device_ = nullptr;
  sc_core::sc_time access_time_;
  sc_core::sc_time local_offset_;
  sc_core::sc_event refresh_event_;
  sc_core::sc_event change_event_;
};

}  // namespace memwall::soc
