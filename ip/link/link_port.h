// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// SystemC shell of one chip-to-chip port around link::Endpoint: registers, transmit engine (reads messages
/// from local memory), receiver (writes them into the inbox SRAM, then raises their signal), interrupt.
///
/// The seam between chips is a pair of TLM sockets. A flit is a TLM_WRITE of `flit_bytes` bytes (the encoded
/// flit of flit.h, CRC included) at address 0; the delay argument is the time until it has arrived
/// completely. Nothing else is shared, so that a third party's switch, retimer or fault model may sit between
/// two ports.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <deque>
#include <memory>
#include <systemc>

#include "common/stats.h"
#include "engine/access_pool.h"
#include "link/endpoint.h"
#include "link/wire_faults.h"

namespace memwall::link {

/// Messages leave in the order of their posts. The bytes of a message are in the peer's inbox before its
/// signal counter moves. Three processes per port plus one for the interrupt, none per flit or credit; pieces
/// of messages are read ahead by the workers of an AccessPool.
class LinkPort : public sc_core::sc_module, private engine::MemoryPort, private engine::AccessClient {
 public:
  LinkPort(const sc_core::sc_module_name& name, const Config& config);
  ~LinkPort() override;

  tlm_utils::simple_target_socket<LinkPort> ctrl_tsock;
  tlm_utils::simple_initiator_socket<LinkPort> mem_isock;    ///< reads messages, chip addresses
  tlm_utils::simple_initiator_socket<LinkPort> inbox_isock;  ///< writes arriving bytes at inbox_base + offset
  tlm_utils::simple_initiator_socket<LinkPort> tx_isock;     ///< flits to the peer
  tlm_utils::simple_target_socket<LinkPort> rx_tsock;        ///< flits from the peer
  sc_core::sc_out<bool> irq_out;

  WireFaults& faults() { return faults_; }
  const Endpoint& endpoint() const { return endpoint_; }
  void report(StatSink& sink) const;

 private:
  class Registers;
  struct Arrival {
    TimePs time;
    WireFlit flit;
  };
  /// A piece of a message on its way from memory.
  struct Reading {
    Endpoint::Fetch request;
    std::vector<unsigned char> data;
    bool answered = false;
    engine::AccessResult result;
  };

  void ctrl_b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned ctrl_transport_dbg(tlm::tlm_generic_payload& payload);
  void rx_b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);

  void transmit_process();
  void receive_process();
  void deliver_process();
  void irq_process();

  void fetch(const Endpoint::Fetch& request);
  engine::AccessResult access(bool is_write, std::uint64_t address, void* data, std::uint32_t bytes,
                              TimePs at) override;
  void access_done(std::uint64_t cookie, const engine::AccessResult& result) override;
  /// Gives the endpoint what has been read, in order; returns when to look again.
  TimePs take_fetched(TimePs now);
  void send(WireFlit flit);
  void take_events();
  void refresh_registers();
  void update_irq();

  Config config_;
  Endpoint endpoint_;
  WireFaults faults_;
  std::unique_ptr<Registers> registers_;
  engine::AccessPool pool_{*this};
  std::deque<Reading> readings_;       // oldest first
  std::uint64_t readings_before_ = 0;  // taken already
  TimePs fetched_until_ = 0;           // when all of those are there
  std::deque<Arrival> wire_;           // flits on their way to us, by arrival
  sc_core::sc_event transmit_event_;
  sc_core::sc_event receive_event_;
  sc_core::sc_event deliver_event_;
  sc_core::sc_event irq_event_;
  TimePs local_now_ = 0;  // time of the register access being served
  TimePs line_busy_ = 0;
  std::uint64_t delivery_errors_ = 0;
};

/// Joins the ports of two chips in both directions.
inline void connect(LinkPort& a, LinkPort& b) {
  a.tx_isock.bind(b.rx_tsock);
  b.tx_isock.bind(a.rx_tsock);
}

}  // namespace memwall::link
