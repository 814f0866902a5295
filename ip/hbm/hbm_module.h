// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// One HBM stack with its controller as a TLM-2.0 target. Blocking (b_transport) and in four phases
/// (nb_transport) over the same engine: equal requests have equal times, whichever way they come. Contents
/// live in a sparse memory; wrong bits and what the codes make of them are in faults.h.
///
/// Ports: `data_tsock` is what the noc sees; `pnm_tsock` is the base die, same addresses and banks without
/// the way over PHY and pins. Both take addresses from 0. Payloads of any length and alignment: what covers a
/// burst only in part moves the whole burst. Contents move when a request arrives: the order of arrival is
/// the order of reads and writes. A refused request (address, byte enables, burst) takes no time.
///
/// Blocking: waits until the request has begun (the annotated delay) and until it is done; returns with no
/// delay; from SC_THREADs only. Four phases: END_REQ at the end of the clock cycle in which the first burst
/// has entered its queue, so a full queue holds it back; BEGIN_RESP when done, one open response per port;
/// the initiator may complete early (TLM_COMPLETED, or END_RESP in the return). A break of the order of
/// phases is a ModelError.
///
/// Arbitration: by SourceExtension (common/tlm_source.h) modulo 16; without one the base die is source 1, all
/// others are source 0. The scrubber is source 15.
///
/// Not modelled: what engine.h and faults.h exclude; register access contention.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <systemc>
#include <unordered_map>
#include <vector>

#include "common/sparse_memory.h"
#include "common/stats.h"
#include "common/tlm_traffic.h"
#include "hbm/engine.h"
#include "hbm/faults.h"

namespace memwall::hbm {

class HbmRegisterFile;

class HbmModule : public sc_core::sc_module {
 public:
  struct Config {
    Preset preset;                              ///< load_preset("scenarios/memories/hbm3_6400.toml")
    std::uint64_t required_capacity_bytes = 0;  ///< ConfigError if the preset has less
    bool secded = true;  ///< reset value of ECC_CONTROL.ENABLE; false also if the preset has none
    FaultRate fault_rate;
    std::uint64_t seed = 1;                      ///< of the faults by rate
    TimePs register_latency_ps = 10 * kPsPerNs;  ///< assumed
    Engine::Options engine;
  };
  static constexpr std::uint32_t kScrubSource = Engine::kSources - 1;

  tlm_utils::simple_target_socket_tagged<HbmModule> data_tsock;
  tlm_utils::simple_target_socket_tagged<HbmModule> pnm_tsock;
  tlm_utils::simple_target_socket<HbmModule> ctrl_tsock;
  sc_core::sc_out<bool> irq_out;

  HbmModule(const sc_core::sc_module_name& name, const Config& config);
  ~HbmModule() override;

  std::uint64_t capacity_bytes() const { return memory_.size(); }
  const Preset& preset() const { return config_.preset; }
  /// As the INJECT register does; out of range is a ModelError. The first flips `bits` further bits of the
  /// 64-bit word at `address`.
  void inject_fault(std::uint64_t address, unsigned bits, bool persistent);
  void inject_fault(std::uint64_t address, FaultKind kind, bool persistent);
  /// Commands of the engine, for audits; before the first request.
  void set_command_sink(CommandSink sink) { engine_->set_command_sink(std::move(sink)); }

  /// Counters since the start, energy and refreshes up to the current simulation time.
  void report(StatSink& sink) const;

 private:
  friend class HbmRegisterFile;
  using Payload = tlm::tlm_generic_payload;
  enum class Role : std::uint8_t { kBlocking, kFourPhase, kScrubRead, kScrubWrite };

  /// What is on its way through the engine, in slots that are used again. A tag is the slot's number and, in
  /// the upper half, how often the slot has been used.
  struct Transaction {
    Role role = Role::kBlocking;
    std::uint32_t uses = 0;
    std::size_t port = 0;
    bool accepted = false;       // four phases: END_REQ sent
    Payload* payload = nullptr;  // four phases
    std::uint64_t address = 0;   // scrubber
    EccOutcome outcome;          // counted when done
    tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
    sc_core::sc_event finished;  // blocking
  };
  /// What the driving process does at a time; equal times in the order in which they were added.
  struct Action {
    enum class Kind : std::uint8_t { kBegin, kAccepted, kDone, kResponseEnded, kScrub };
    TimePs at;
    std::uint64_t order;
    Kind kind;
    std::uint64_t id;  // tag; port of kResponseEnded; which start of the scrubber of kScrub
    bool operator>(const Action& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  /// Four-phase state of one data port.
  struct Channel {
    tlm_utils::simple_target_socket_tagged<HbmModule>* socket = nullptr;
    Payload* requesting = nullptr;        // BEGIN_REQ received, END_REQ not yet sent
    std::deque<std::uint64_t> responses;  // done, BEGIN_RESP not yet sent
    Payload* responding = nullptr;        // BEGIN_RESP sent, END_RESP not yet received
    bool response_open = false;           // as above, but until the time of END_RESP
  };
  struct Scrubber {
    std::uint64_t starts = 0;  // counts writes of its registers: older actions are void
    bool busy = false;
    bool late = false;  // the next burst is due, but the one before is not done
    std::uint64_t reads = 0, writes = 0, corrected = 0, uncorrected = 0;
  };

  void data_b_transport(int port, Payload& payload, sc_core::sc_time& delay);
  tlm::tlm_sync_enum data_nb_transport(int port, Payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay);
  unsigned data_transport_dbg(int port, Payload& payload);
  void ctrl_b_transport(Payload& payload, sc_core::sc_time& delay);
  unsigned ctrl_transport_dbg(Payload& payload);

  std::uint64_t claim(Role role, std::size_t port);
  Transaction* find(std::uint64_t tag);
  void give_back(std::uint64_t tag);
  bool start(std::uint64_t tag, Payload& payload);
  EccOutcome move_contents(Payload& payload, const Access& access, TimePs now);

  void drive();
  void catch_up(TimePs now) const;
  void add(TimePs at, Action::Kind kind, std::uint64_t id) const;
  void schedule();
  void begin(std::uint64_t tag);
  void accepted(std::uint64_t tag);
  void done(std::uint64_t tag);
  void send_response(Channel& channel);
  void end_response(Channel& channel, const sc_core::sc_time& delay);
  tlm::tlm_sync_enum refuse(const char* what);

  EccMode ecc_mode() const;
  void count(const EccOutcome& outcome);
  void report_uncorrectable(std::uint64_t address);
  void restart_scrubber();
  void scrub_due(std::uint64_t start);
  void scrub_next();
  void scrub_submit(Role role, std::uint64_t address, const EccOutcome& outcome);
  void scrub_done(std::uint64_t tag);
  void drive_irq();

  Config config_;
  std::unique_ptr<Engine> engine_;
  SparseMemory memory_;
  FaultMap faults_;
  std::unique_ptr<HbmRegisterFile> registers_;
  EccOutcome totals_;
  Scrubber scrubber_;
  TimePs register_time_ = 0;  // local time of the register access being served

  std::vector<std::unique_ptr<Transaction>> transactions_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<Payload*, std::uint64_t> four_phase_;  // tag by payload
  Channel channels_[kPorts];
  // report() is const and may advance the engine; what it learns of is kept for the driving process.
  mutable std::priority_queue<Action, std::vector<Action>, std::greater<>> agenda_;
  mutable std::uint64_t next_order_ = 0;
  mutable std::vector<Event> events_;
  bool driving_ = false;  // drive() is running
  sc_core::sc_event drive_event_;
  sc_core::sc_event irq_changed_;
};

}  // namespace memwall::hbm
