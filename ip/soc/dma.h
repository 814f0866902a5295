// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// DMA: one memory-to-memory copy at a time, registers in dma.regs.toml. Core: the state that software sees.
/// Module: one thread that moves chunks through mem_isock, each read and then written before the next (store
/// and forward), in ascending order; overlapping ranges with DST above SRC are therefore not safe. Not
/// modelled: scatter-gather, several channels, reads that run ahead of writes.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <cstdint>
#include <systemc>
#include <tlm>
#include <vector>

#include "common/stats.h"
#include "regs/dma_regs.h"
#include "soc/peripheral.h"

namespace memwall::soc {

struct DmaConfig {
  std::uint32_t chunk_bytes = 4096;  ///< moved per read and per write
  double register_access_ns = 5.0;   ///< assumed
};

class DmaCore : public regs::DmaRegs, public TimedDevice {
 public:
  struct Copy {
    std::uint64_t source = 0;
    std::uint64_t destination = 0;
    std::uint32_t bytes = 0;
  };

  /// True once after START was written while idle.
  bool take_start();
  /// What the registers described when START was written.
  const Copy& copy() const { return copy_; }
  void progress(std::uint32_t bytes) { set_done_bytes(done_bytes() + bytes); }
  void finish(StatusErrorCode code);
  bool irq() const { return control_irq_enable() != 0 && status_done() != 0; }

  void advance(TimePs) override {}

 protected:
  void on_write_control(std::uint32_t written) override;

 private:
  bool start_ = false;
  Copy copy_;
};

class Dma : public Peripheral {
 public:
  using Config = DmaConfig;
  tlm_utils::simple_initiator_socket<Dma> mem_isock;
  sc_core::sc_out<bool> irq_out{"irq_out"};

  Dma(const sc_core::sc_module_name& name, const Config& config);
  void report(StatSink& sink) const;

 private:
  void drive() override { irq_out.write(core_.irq()); }
  void accessed() override;
  void run();
  regs::DmaRegs::StatusErrorCode copy_chunk(std::uint64_t source, std::uint64_t destination,
                                            std::uint32_t bytes);
  tlm::tlm_response_status transfer(tlm::tlm_command command, std::uint64_t address, std::uint32_t bytes,
                                    sc_core::sc_time& delay);

  DmaCore core_;
  std::vector<unsigned char> buffer_;
  sc_core::sc_event start_event_;
  std::uint64_t bytes_copied_ = 0;
  std::uint64_t copies_ = 0;
};

}  // namespace memwall::soc
