// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Mailbox core: doorbells in both directions, registers in mailbox.regs.toml. The same registers are seen
/// from the chip and from the host; each side clears what the other rang.
#pragma once

#include <cstdint>

#include "regs/mailbox_regs.h"
#include "soc/timed_device.h"

namespace memwall::soc {

struct MailboxConfig {
  std::uint32_t ram_bytes = 1024 * 1024;
  double register_access_ns = 5.0;  ///< assumed
  double ram_latency_ns = 5.0;      ///< assumed: on-chip SRAM
  double host_latency_ns = 500.0;   ///< of every host access, one way over the host bus (assumed: PCIe class)
};

class MailboxCore : public regs::MailboxRegs, public TimedDevice {
 public:
  explicit MailboxCore(const MailboxConfig& config) { set_ram_bytes(config.ram_bytes); }

  bool chip_irq() const { return (chip_doorbell() & chip_irq_enable()) != 0; }
  bool host_irq() const { return (host_doorbell() & host_irq_enable()) != 0; }
  /// Doorbells rung so far, in each direction; a write that sets no new bit counts too.
  std::uint64_t rings_to_chip() const { return rings_to_chip_; }
  std::uint64_t rings_to_host() const { return rings_to_host_; }

  void advance(TimePs) override {}

 protected:
  void on_write_chip_doorbell_set(std::uint32_t written) override {
    set_chip_doorbell(chip_doorbell() | written);
    ++rings_to_chip_;
  }
  void on_write_host_doorbell_set(std::uint32_t written) override {
    set_host_doorbell(host_doorbell() | written);
    ++rings_to_host_;
  }

 private:
  std::uint64_t rings_to_chip_ = 0;
  std::uint64_t rings_to_host_ = 0;
};

}  // namespace memwall::soc
