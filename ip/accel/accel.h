// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Inference accelerator: two in-order command queues that run side by side and share a matrix engine, a
/// vector engine and a scratchpad SRAM; each queue has a DMA channel. Loosely timed: one process per queue,
/// which synchronises at tile boundaries. Registers: regs.toml; operations: numerics/README.md; timing:
/// README.md.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <systemc>

#include <memory>

#include "accel/config.h"
#include "common/stats.h"

namespace memwall::accel {

/// `ctrl_tsock`: registers, local addresses. `mem_isock`: descriptors, records and operands outside the
/// scratchpad, chip addresses. `sram_tsock`: the scratchpad for hart, DMA and links, local addresses from 0.
/// `irq_out`: level, the OR of both queues' enabled causes.
class AccelModule : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<AccelModule> ctrl_tsock{"ctrl_tsock"};
  tlm_utils::simple_initiator_socket<AccelModule> mem_isock{"mem_isock"};
  tlm_utils::simple_target_socket<AccelModule> sram_tsock{"sram_tsock"};
  sc_core::sc_out<bool> irq_out{"irq_out"};

  AccelModule(const sc_core::sc_module_name& name, const Config& config);
  ~AccelModule() override;

  void report(StatSink& sink) const;

 private:
  class Impl;
  void serve_ctrl(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned debug_ctrl(tlm::tlm_generic_payload& payload);
  void serve_sram(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned debug_sram(tlm::tlm_generic_payload& payload);
  void drive_irq();
  void serve_queue0();
  void serve_queue1();
  std::unique_ptr<Impl> impl_;
};

}  // namespace memwall::accel
