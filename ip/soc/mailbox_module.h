// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The SystemC module around the mailbox: chip side (ctrl_tsock for registers, ram_tsock for the shared RAM)
/// and host side (host_tsock for both). Not modelled: the host bus's ordering rules and bandwidth; a host
/// access costs a fixed latency.
#pragma once

#include <tlm_utils/simple_target_socket.h>
#include <cstdint>
#include <systemc>
#include <tlm>

#include "common/stats.h"
#include "soc/mailbox.h"
#include "soc/peripheral.h"
#include "soc/ram.h"

namespace memwall::soc {

class Mailbox : public Peripheral {
 public:
  using Config = MailboxConfig;
  /// What the host sees at host_tsock: the registers at 0, the shared RAM at kHostRamOffset.
  static constexpr std::uint64_t kHostRamOffset = 0x100000;

  tlm_utils::simple_target_socket<Mailbox> host_tsock;
  sc_core::sc_out<bool> irq_out{"irq_out"};  ///< to the PLIC

  Mailbox(const sc_core::sc_module_name& name, const Config& config);

  /// Bind the chip's bus here to reach the shared RAM.
  tlm_utils::simple_target_socket<Ram>& ram_tsock() { return ram_.mem_tsock; }
  /// The host's interrupt line, as a level and as an event on each rising edge, both at the ringing side's
  /// local time. The host looks at the level before it waits for the event, or it can miss an edge.
  bool host_irq() const { return core_.host_irq() && sc_core::sc_time_stamp() >= host_irq_rise_; }
  const sc_core::sc_event& host_irq_event() const { return host_irq_event_; }
  void report(StatSink& sink) const;

 private:
  void drive() override { irq_out.write(core_.chip_irq()); }
  void accessed() override;
  void host_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned host_transport_dbg(tlm::tlm_generic_payload& payload);

  MailboxCore core_;
  Ram ram_;
  sc_core::sc_time host_latency_;
  bool host_irq_before_ = false;
  sc_core::sc_time host_irq_rise_;
  sc_core::sc_event host_irq_event_;
};

}  // namespace memwall::soc
