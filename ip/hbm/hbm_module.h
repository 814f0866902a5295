// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// One HBM stack with its controller as a TLM-2.0 target. Loosely timed (b_transport) and approximately timed
/// (nb_transport, four phases) over the same core; both give an isolated request the same completion time.
/// Contents live in a sparse memory; check bits exist where a fault was injected (ecc.h).
///
/// Ports: `data_tsock` is what the noc sees; `pnm_tsock` is the base die, same addresses and banks without
/// the way over PHY and pins. Both take addresses from 0. Payloads of any length and alignment: what covers a
/// burst only in part is a masked write. Not modelled: what core.h and gates.h exclude; register access
/// contention.
#pragma once

#include <tlm_utils/peq_with_get.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <systemc>
#include <unordered_map>

#include "common/sparse_memory.h"
#include "common/stats.h"
#include "hbm/core.h"
#include "hbm/ecc.h"

namespace memwall::hbm {

class HbmRegisterFile;

class HbmModule : public sc_core::sc_module {
 public:
  struct Config {
    Preset preset;                              ///< load_preset("scenarios/memories/hbm3_6400.toml")
    std::uint64_t required_capacity_bytes = 0;  ///< ConfigError if the preset has less
    bool secded = true;  ///< reset value of ECC_CONTROL; false also if the preset has none
    TimePs register_latency_ps = 10 * kPsPerNs;  ///< assumed
  };

  tlm_utils::simple_target_socket_tagged<HbmModule> data_tsock;
  tlm_utils::simple_target_socket_tagged<HbmModule> pnm_tsock;
  tlm_utils::simple_target_socket<HbmModule> ctrl_tsock;
  sc_core::sc_out<bool> irq_out;

  HbmModule(const sc_core::sc_module_name& name, const Config& config);
  ~HbmModule() override;

  std::uint64_t capacity_bytes() const { return memory_.size(); }
  const Preset& preset() const { return config_.preset; }
  /// Flips bits of the 64-bit word at `address`, as the INJECT register does; out of range is a ModelError.
  void inject_fault(std::uint64_t address, unsigned bits, bool persistent);
  /// Commands of the core, for audits.
  void set_command_sink(CommandSink sink) { core_.set_command_sink(std::move(sink)); }

  /// Counters since the start, energy and refreshes up to the current simulation time.
  void report(StatSink& sink) const;

 private:
  friend class HbmRegisterFile;
  using Payload = tlm::tlm_generic_payload;

  /// Four-phase state of one data port.
  struct Channel {
    tlm_utils::simple_target_socket_tagged<HbmModule>* socket = nullptr;
    std::deque<Payload*> waiting;         // BEGIN_REQ received, no queue entry yet
    std::deque<Payload*> responses;       // done, BEGIN_RESP not yet sent
    bool response_open = false;           // BEGIN_RESP sent, END_RESP not yet reached
    bool ending_is_write = false;         // of the transaction whose response is open
    std::uint32_t reads = 0, writes = 0;  // queue entries in use
  };
  struct InFlight {
    std::size_t port;
    bool is_write = false;
    bool responded = false;  // BEGIN_RESP sent
  };

  /// Does the whole access at `start`, sets the response, returns when it is done.
  TimePs execute(Port port, Payload& payload, TimePs start);
  void count_ecc(const FaultMap::Outcome& outcome, TimePs when);

  void data_b_transport(int port, Payload& payload, sc_core::sc_time& delay);
  tlm::tlm_sync_enum data_nb_transport(int port, Payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay);
  unsigned data_transport_dbg(int port, Payload& payload);
  void ctrl_b_transport(Payload& payload, sc_core::sc_time& delay);
  unsigned ctrl_transport_dbg(Payload& payload);

  void on_requests();
  void on_done();
  void on_endings();
  void accept_waiting(std::size_t port);
  void send_responses(std::size_t port);
  void finish(Payload& payload, const sc_core::sc_time& delay);
  void drive_irq();

  Config config_;
  Core core_;
  SparseMemory memory_;
  FaultMap faults_;
  std::unique_ptr<HbmRegisterFile> registers_;
  std::uint64_t corrected_ = 0, uncorrected_ = 0;

  Channel channels_[kPorts];
  std::unordered_map<Payload*, InFlight> in_flight_;
  tlm_utils::peq_with_get<Payload> requests_;
  tlm_utils::peq_with_get<Payload> done_;
  tlm_utils::peq_with_get<Channel> endings_;
  sc_core::sc_event irq_changed_;
};

}  // namespace memwall::hbm
