// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "soc/mailbox_module.h"

namespace memwall::soc {

namespace {
Ram::Config ram_config(const MailboxConfig& config) {
  Ram::Config ram;
  ram.size_bytes = config.ram_bytes;
  ram.latency_ns = config.ram_latency_ns;
  ram.grant_dmi = false;  // the host writes it behind the hart's back
  return ram;
}
}  // namespace

Mailbox::Mailbox(const sc_core::sc_module_name& name, const Config& config)
    : Peripheral(name, config.register_access_ns),
      host_tsock("host_tsock"),
      core_(config),
      ram_("ram", ram_config(config)),
      host_latency_(config.host_latency_ns, sc_core::SC_NS) {
  attach(core_);
  host_tsock.register_b_transport(this, &Mailbox::host_transport);
  host_tsock.register_transport_dbg(this, &Mailbox::host_transport_dbg);
}

void Mailbox::accessed() {
  const bool level = core_.host_irq();
  if (level && !host_irq_before_) {
    host_irq_rise_ = sc_core::sc_time_stamp() + local_offset();
    host_irq_event_.notify(local_offset());
  }
  host_irq_before_ = level;
}

void Mailbox::host_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  delay += host_latency_;
  const std::uint64_t address = payload.get_address();
  if (address < kHostRamOffset) {
    b_transport(payload, delay);
    return;
  }
  payload.set_address(address - kHostRamOffset);
  ram_.b_transport(payload, delay);
  payload.set_address(address);
}

unsigned Mailbox::host_transport_dbg(tlm::tlm_generic_payload& payload) {
  const std::uint64_t address = payload.get_address();
  if (address < kHostRamOffset) return transport_dbg(payload);
  payload.set_address(address - kHostRamOffset);
  const unsigned served = ram_.transport_dbg(payload);
  payload.set_address(address);
  return served;
}

void Mailbox::report(StatSink& sink) const {
  sink.count("rings_to_chip", core_.rings_to_chip(), "rings", "Doorbells that the host rang.");
  sink.count("rings_to_host", core_.rings_to_host(), "rings", "Doorbells that the chip rang.");
  StatSink ram = sink.scope("ram");
  ram_.report(ram);
}

}  // namespace memwall::soc
