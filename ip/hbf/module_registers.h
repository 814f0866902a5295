// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The controller's registers (regs.toml) with their side effects. Everything happens at the controller's
/// now().
#pragma once

#include <cstdint>

#include "hbf/controller.h"
#include "regs/hbf_regs.h"

namespace memwall::hbf {

class ControllerRegisters : public regs::HbfRegs {
 public:
  explicit ControllerRegisters(Controller& controller);

  /// Interrupt causes of the controller (Controller::Cause).
  void raise(std::uint32_t causes) { set_irq_status(irq_status() | causes); }
  bool irq() const { return (irq_status() & irq_enable()) != 0; }
  /// Brings what only shows the controller's state up to date; before any access.
  void refresh();

 protected:
  void on_read_pins() override {}
  void on_write_power(std::uint32_t written) override;
  void on_write_irq_status(std::uint32_t) override {}
  void on_write_irq_enable(std::uint32_t) override {}
  void on_write_control(std::uint32_t written) override;
  void on_write_admin_go(std::uint32_t written) override;
  void on_read_admin_status() override {}
  void on_read_admin_data() override;
  void on_write_admin_data(std::uint32_t written) override;
  void on_read_sb_data() override;
  void on_write_sb_data(std::uint32_t written) override;
  void on_write_event_pop(std::uint32_t written) override;
  void on_write_stream_control(std::uint32_t written) override;
  void on_read_stream_status() override {}
  void on_write_program_go(std::uint32_t written) override;
  void on_read_program_status() override {}
  void on_write_program_pop(std::uint32_t written) override;
  void on_write_remap_go(std::uint32_t written) override;
  void on_read_count_pages() override {}
  void on_read_count_senses() override {}
  void on_read_count_prefetch_hits() override {}
  void on_read_count_prefetch_misses() override {}
  void on_read_count_programs() override {}
  void on_read_count_erases() override {}
  void on_read_count_retries() override {}
  void on_read_count_events() override {}
  void on_write_inject(std::uint32_t written) override;

 private:
  void refresh_counters();

  Controller& controller_;
  bool streaming_ = false;  // ENABLE as it was last written
};

}  // namespace memwall::hbf
