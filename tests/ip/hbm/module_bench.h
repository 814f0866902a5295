// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// One stack with initiators on all its ports, driven by test bodies that run as SystemC threads.
#pragma once

#define SC_INCLUDE_DYNAMIC_PROCESSES
#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/sc_time.h"
#include "common/tlm_source.h"
#include "common/tlm_traffic.h"
#include "hbm/hbm_module.h"
#include "regs/hbm_regs.h"

namespace memwall::hbm {

using Payload = tlm::tlm_generic_payload;
using Regs = regs::HbmRegs;

inline HbmModule::Config make_config() {
  HbmModule::Config config;
  config.preset = load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml");
  return config;
}

/// A payload with memory management whose use count can be looked at.
class ManagedPayload : public tlm::tlm_mm_interface {
 public:
  ManagedPayload(tlm::tlm_command command, std::uint64_t address, unsigned bytes) : data(bytes, 0) {
    payload.set_mm(this);
    payload.acquire();
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(data.data());
    payload.set_data_length(bytes);
    payload.set_streaming_width(bytes);
    payload.set_byte_enable_ptr(nullptr);
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  }
  void set_source(std::uint32_t source) {
    extension.source = source;
    payload.set_extension(&extension);
  }
  ~ManagedPayload() override { payload.clear_extension(&extension); }
  void free(Payload*) override { freed = true; }
  std::vector<std::uint8_t> data;
  SourceExtension extension;
  Payload payload;
  bool freed = false;
};

/// Initiator of all ports. Records every backward call.
class Initiator : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket_tagged<Initiator> data_isock{"data_isock"};
  tlm_utils::simple_initiator_socket_tagged<Initiator> pnm_isock{"pnm_isock"};
  tlm_utils::simple_initiator_socket<Initiator> ctrl_isock{"ctrl_isock"};
  sc_core::sc_signal<bool> irq{"irq"};

  struct Times {
    TimePs begin_req = 0, end_req = 0, begin_resp = 0;
    tlm::tlm_phase phase = tlm::UNINITIALIZED_PHASE;
  };
  std::map<Payload*, Times> times;
  sc_core::sc_event response_event;
  /// What to answer to BEGIN_RESP.
  enum class Answer { kUpdated, kCompleted, kAcceptedAndEnded, kHeld } answer = Answer::kUpdated;
  TimePs response_time = 0;  ///< from BEGIN_RESP to END_RESP of kUpdated and kCompleted
  Payload* open_response = nullptr;
  unsigned responses = 0;

  Initiator(const sc_core::sc_module_name& name, HbmModule& target) : sc_core::sc_module(name) {
    data_isock.bind(target.data_tsock);
    pnm_isock.bind(target.pnm_tsock);
    ctrl_isock.bind(target.ctrl_tsock);
    target.irq_out.bind(irq);
    data_isock.register_nb_transport_bw(this, &Initiator::nb_bw, 0);
    pnm_isock.register_nb_transport_bw(this, &Initiator::nb_bw, 1);
  }

  tlm::tlm_sync_enum forward(Payload& payload, tlm::tlm_phase phase, TimePs delay_ps, bool base_die = false) {
    sc_core::sc_time delay = to_sc(delay_ps);
    return base_die ? pnm_isock->nb_transport_fw(payload, phase, delay)
                    : data_isock->nb_transport_fw(payload, phase, delay);
  }
  void begin(Payload& payload, TimePs delay_ps = 0, bool base_die = false) {
    Times& t = times[&payload];
    t = {};
    t.begin_req = to_ps(sc_core::sc_time_stamp()) + delay_ps;
    t.phase = tlm::BEGIN_REQ;
    ASSERT_EQ(forward(payload, tlm::BEGIN_REQ, delay_ps, base_die), tlm::TLM_ACCEPTED);
  }
  void end_response() {
    ASSERT_NE(open_response, nullptr);
    Payload& payload = *open_response;
    open_response = nullptr;
    ASSERT_EQ(forward(payload, tlm::END_RESP, 0), tlm::TLM_COMPLETED);
  }
  /// The calling thread waits for the n-th response.
  void await(unsigned n) {
    while (responses < n) sc_core::wait(response_event);
  }

  /// Blocking access by the calling thread; leaves the time that it took in `took`.
  tlm::tlm_response_status access(tlm::tlm_command command, std::uint64_t address, void* data, unsigned bytes,
                                  bool base_die = false) {
    Payload payload;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(static_cast<std::uint8_t*>(data));
    payload.set_data_length(bytes);
    payload.set_streaming_width(bytes);
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    return send(payload, base_die);
  }
  tlm::tlm_response_status send(Payload& payload, bool base_die = false, TimePs delay_ps = 0) {
    sc_core::sc_time delay = to_sc(delay_ps);
    const sc_core::sc_time begin = sc_core::sc_time_stamp() + delay;
    if (base_die) {
      pnm_isock->b_transport(payload, delay);
    } else {
      data_isock->b_transport(payload, delay);
    }
    EXPECT_EQ(delay, sc_core::SC_ZERO_TIME);
    took = to_ps(sc_core::sc_time_stamp() - begin);
    return payload.get_response_status();
  }
  tlm::tlm_response_status write(std::uint64_t address, const std::vector<std::uint8_t>& data) {
    return access(tlm::TLM_WRITE_COMMAND, address, const_cast<std::uint8_t*>(data.data()),
                  static_cast<unsigned>(data.size()));
  }
  tlm::tlm_response_status read(std::uint64_t address, std::vector<std::uint8_t>& data) {
    return access(tlm::TLM_READ_COMMAND, address, data.data(), static_cast<unsigned>(data.size()));
  }
  std::uint32_t read_register(std::uint32_t offset) {
    std::uint32_t value = 0;
    ctrl(tlm::TLM_READ_COMMAND, offset, value);
    return value;
  }
  void write_register(std::uint32_t offset, std::uint32_t value) {
    ctrl(tlm::TLM_WRITE_COMMAND, offset, value);
  }
  void inject(std::uint64_t address, std::uint32_t control) {
    write_register(Regs::kInjectAddressLoOffset, static_cast<std::uint32_t>(address));
    write_register(Regs::kInjectAddressHiOffset, static_cast<std::uint32_t>(address >> 32));
    write_register(Regs::kInjectOffset, control | Regs::kInjectFireMask);
  }
  TimePs took = 0;

 private:
  tlm::tlm_sync_enum nb_bw(int port, Payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay) {
    Times& t = times.at(&payload);
    const TimePs now = to_ps(sc_core::sc_time_stamp() + delay);
    response_event.notify();
    if (phase == tlm::END_REQ) {
      EXPECT_EQ(t.phase, tlm::BEGIN_REQ);
      t.end_req = now;
      t.phase = phase;
      return tlm::TLM_ACCEPTED;
    }
    EXPECT_EQ(phase, tlm::BEGIN_RESP);
    EXPECT_EQ(t.phase, tlm::END_REQ);
    EXPECT_EQ(open_response, nullptr) << "BEGIN_RESP while another response is open";
    t.begin_resp = now;
    t.phase = phase;
    ++responses;
    delay += to_sc(response_time);
    switch (answer) {
      case Answer::kUpdated:
        phase = tlm::END_RESP;
        return tlm::TLM_UPDATED;
      case Answer::kCompleted:
        return tlm::TLM_COMPLETED;
      case Answer::kAcceptedAndEnded:
        EXPECT_EQ(forward(payload, tlm::END_RESP, response_time, port == 1), tlm::TLM_COMPLETED);
        return tlm::TLM_ACCEPTED;
      case Answer::kHeld:
        open_response = &payload;
        return tlm::TLM_ACCEPTED;
    }
    return tlm::TLM_ACCEPTED;
  }
  void ctrl(tlm::tlm_command command, std::uint32_t offset, std::uint32_t& value) {
    Payload payload;
    payload.set_command(command);
    payload.set_address(offset);
    payload.set_data_ptr(reinterpret_cast<std::uint8_t*>(&value));
    payload.set_data_length(4);
    payload.set_streaming_width(4);
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    ctrl_isock->b_transport(payload, delay);
    ASSERT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
  }
};

/// A stack, its initiator and its statistics.
struct ModuleBench {
  explicit ModuleBench(const HbmModule::Config& config = make_config(), const std::string& suffix = "")
      : hbm(("hbm" + suffix).c_str(), config), io(("io" + suffix).c_str(), hbm) {}

  double stat(const std::string& name) const {
    std::vector<Stat> stats;
    StatSink sink(stats);
    hbm.report(sink);
    for (const Stat& s : stats) {
      if (s.name == name) return std::visit([](auto v) { return static_cast<double>(v); }, s.value);
    }
    ADD_FAILURE() << "no statistic " << name;
    return -1;
  }

  HbmModule hbm;
  Initiator io;
};

/// Runs the bodies as threads, started in order, until nothing is left to do.
inline void run_threads(const std::vector<std::function<void()>>& bodies,
                        TimePs limit = 100 * kPsPerNs * 1000000) {
  for (const auto& body : bodies) sc_core::sc_spawn(body);
  sc_core::sc_start(to_sc(limit), sc_core::SC_EXIT_ON_STARVATION);
}
/// As above; a raised error fails the test.
inline void run_to_end(const std::vector<std::function<void()>>& bodies) {
  unsigned ended = 0;
  std::vector<std::function<void()>> counted;
  for (const auto& body : bodies) {
    counted.emplace_back([&ended, body] {
      body();
      ++ended;
    });
  }
  run_threads(counted);
  EXPECT_NO_THROW(rethrow_simulation_error());
  EXPECT_EQ(ended, bodies.size()) << "a thread still waits";
}

}  // namespace memwall::hbm
