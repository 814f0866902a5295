// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// SystemC shell of one HBF controller with its cube: sockets around hbf::Controller, which has the times.
///
/// `data_tsock`: the cube's window from 0. Reads of any length and alignment; writes of whole 64 B chunks,
/// any other is a TLM_BURST_ERROR. A page that failed answers TLM_GENERIC_ERROR (read 0x5 is no failure),
/// what lies beyond the window TLM_ADDRESS_ERROR, before any time passes; the event queue has the details,
/// and so has an AxiExtension that the payload carries (axi_extension.h).
/// Bytes of pages that could not be read are 0xff. A write is answered when its pages are programmed: chunks
/// of a page come from several transactions in flight, or the page times out. Contents move in the order of
/// the base die's look-ups.
///
/// Blocking: waits until the request has begun (the annotated delay) and until it is done; returns with no
/// delay; from SC_THREADs only. Four phases: END_REQ when the request has begun (requests that wait in the
/// controller are not limited), BEGIN_RESP when done, one open response; the initiator may complete early. A
/// break of the order of phases is a ModelError. transport_dbg writes count as contents programmed before the
/// simulation; an ignore command with a TrafficExtension write marks its range as programmed without
/// contents.
///
/// `ctrl_tsock`: registers. A blocking access from an SC_THREAD waits its annotated delay first: what
/// software orders happens when it orders it. `mem_isock`: reads of chip memory for the read-ahead table, and
/// for programs (without data if the cube keeps none). `irq_out`: level, IRQ_STATUS and IRQ_ENABLE.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <queue>
#include <systemc>
#include <unordered_map>
#include <vector>

#include "common/stats.h"
#include "engine/access_pool.h"
#include "hbf/config.h"

namespace memwall::hbf {

class Controller;
class ControllerRegisters;

class HbfModule : public sc_core::sc_module, private engine::MemoryPort, private engine::AccessClient {
 public:
  /// Throws ConfigError.
  HbfModule(const sc_core::sc_module_name& name, const Config& config);
  ~HbfModule() override;

  tlm_utils::simple_target_socket<HbfModule> data_tsock;
  tlm_utils::simple_target_socket<HbfModule> ctrl_tsock;
  tlm_utils::simple_initiator_socket<HbfModule> mem_isock;
  sc_core::sc_out<bool> irq_out;

  const Controller& controller() const { return *controller_; }
  Controller& controller() { return *controller_; }
  /// Counters up to the current simulation time.
  void report(StatSink& sink) const;

 private:
  using Payload = tlm::tlm_generic_payload;
  /// What is on its way, in slots that are used again.
  struct Transaction {
    Payload* payload = nullptr;  // four phases; null: blocking
    tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
    unsigned code = 0, info = 0;  // for an AxiExtension
    std::uint64_t offset = kNever;
    sc_core::sc_event finished;  // blocking
  };
  /// What the driving process does at a time; equal times in the order in which they were added.
  struct Action {
    enum class Kind : std::uint8_t { kBegin, kDone, kResponseEnded };
    TimePs at;
    std::uint64_t order;
    Kind kind;
    std::uint32_t slot;
    bool operator>(const Action& other) const { return at != other.at ? at > other.at : order > other.order; }
  };

  void data_b_transport(Payload& payload, sc_core::sc_time& delay);
  tlm::tlm_sync_enum data_nb_transport(Payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay);
  unsigned data_transport_dbg(Payload& payload);
  void ctrl_b_transport(Payload& payload, sc_core::sc_time& delay);
  unsigned ctrl_transport_dbg(Payload& payload);

  std::uint32_t claim();
  bool start(std::uint32_t slot, Payload& payload);
  void drive();
  void schedule();
  void collect();
  void add(TimePs at, Action::Kind kind, std::uint32_t slot);
  void done(std::uint32_t slot);
  void answer(const Transaction& t, Payload& payload) const;
  void begin(std::uint32_t slot);
  void send_response();
  void end_response(const sc_core::sc_time& delay);
  tlm::tlm_sync_enum refuse(const char* what);
  void drive_irq();

  engine::AccessResult access(bool is_write, std::uint64_t address, void* data, std::uint32_t bytes,
                              TimePs at) override;
  void access_done(std::uint64_t cookie, const engine::AccessResult& result) override;

  std::unique_ptr<Controller> controller_;
  std::unique_ptr<ControllerRegisters> registers_;
  engine::AccessPool pool_{*this};
  std::deque<Transaction> transactions_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<Payload*, std::uint32_t> four_phase_;  // slot by payload
  Payload* requesting_ = nullptr;                           // BEGIN_REQ received, END_REQ not yet sent
  std::deque<std::uint32_t> responses_;                     // done, BEGIN_RESP not yet sent
  Payload* responding_ = nullptr;                           // BEGIN_RESP sent, END_RESP not yet received
  bool response_open_ = false;                              // as above, but until the time of END_RESP
  std::priority_queue<Action, std::vector<Action>, std::greater<>> agenda_;
  std::uint64_t next_order_ = 0;
  bool driving_ = false;
  sc_core::sc_event drive_event_;
  sc_core::sc_event irq_changed_;
};

}  // namespace memwall::hbf
