// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// One cube behind its controller with an initiator on its sockets and a RAM as the chip's memory, driven by
/// test bodies that run as SystemC threads.
#pragma once

#define SC_INCLUDE_DYNAMIC_PROCESSES
#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/rng.h"
#include "common/sc_time.h"
#include "common/tlm_traffic.h"
#include "hbf/controller.h"
#include "hbf/module.h"
#include "hbf_test_config.h"
#include "regs/hbf_regs.h"
#include "soc/ram.h"

namespace memwall::hbf::testing_support {

using Payload = tlm::tlm_generic_payload;
using Regs = regs::HbfRegs;
using Bytes = std::vector<unsigned char>;

inline TimePs now_ps() { return to_ps(sc_core::sc_time_stamp()); }

inline Bytes pattern(std::size_t bytes, unsigned seed) {
  Bytes data(bytes);
  for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<unsigned char>(seed + i * 7 + (i >> 8));
  return data;
}

/// Initiator of both sockets. Records every backward call.
class Initiator : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Initiator> data_isock{"data_isock"};
  tlm_utils::simple_initiator_socket<Initiator> ctrl_isock{"ctrl_isock"};
  sc_core::sc_signal<bool> irq{"irq"};

  struct Times {
    TimePs begin_req = 0, end_req = kNever, begin_resp = 0;
  };
  std::map<Payload*, Times> times;
  sc_core::sc_event response_event;
  bool hold = false;  ///< keep the response open
  Payload* open_response = nullptr;
  unsigned responses = 0;
  TimePs took = 0;  ///< of the last blocking access

  Initiator(const sc_core::sc_module_name& name, HbfModule& target) : sc_module(name) {
    data_isock.register_nb_transport_bw(this, &Initiator::nb_bw);
    data_isock.bind(target.data_tsock);
    ctrl_isock.bind(target.ctrl_tsock);
    target.irq_out.bind(irq);
  }

  static void fill(Payload& payload, tlm::tlm_command command, std::uint64_t address, void* data,
                   unsigned bytes) {
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(static_cast<unsigned char*>(data));
    payload.set_data_length(bytes);
    payload.set_streaming_width(bytes);
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  }
  tlm::tlm_response_status send(Payload& payload, TimePs delay_ps = 0) {
    sc_core::sc_time delay = to_sc(delay_ps);
    const TimePs begin = now_ps() + delay_ps;
    data_isock->b_transport(payload, delay);
    EXPECT_EQ(delay, sc_core::SC_ZERO_TIME);
    took = now_ps() - begin;
    return payload.get_response_status();
  }
  tlm::tlm_response_status access(tlm::tlm_command command, std::uint64_t address, void* data,
                                  unsigned bytes) {
    Payload payload;
    fill(payload, command, address, data, bytes);
    return send(payload);
  }
  tlm::tlm_response_status read(std::uint64_t address, Bytes& data) {
    return access(tlm::TLM_READ_COMMAND, address, data.data(), static_cast<unsigned>(data.size()));
  }
  tlm::tlm_response_status write(std::uint64_t address, Bytes data) {
    return access(tlm::TLM_WRITE_COMMAND, address, data.data(), static_cast<unsigned>(data.size()));
  }
  tlm::tlm_response_status traffic(bool is_write, std::uint64_t address, unsigned bytes) {
    TrafficExtension extension;
    extension.is_write = is_write;
    Payload payload;
    fill(payload, tlm::TLM_IGNORE_COMMAND, address, nullptr, bytes);
    payload.set_extension(&extension);
    send(payload);
    payload.clear_extension(&extension);
    return payload.get_response_status();
  }
  unsigned debug(tlm::tlm_command command, std::uint64_t address, Bytes& data) {
    Payload payload;
    fill(payload, command, address, data.data(), static_cast<unsigned>(data.size()));
    return data_isock->transport_dbg(payload);
  }
  void begin(Payload& payload, TimePs delay_ps = 0) {
    times[&payload].begin_req = now_ps() + delay_ps;
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    sc_core::sc_time delay = to_sc(delay_ps);
    EXPECT_EQ(data_isock->nb_transport_fw(payload, phase, delay), tlm::TLM_ACCEPTED);
  }
  void end_response() {
    Payload& payload = *open_response;
    open_response = nullptr;
    tlm::tlm_phase phase = tlm::END_RESP;
    sc_core::sc_time delay;
    EXPECT_EQ(data_isock->nb_transport_fw(payload, phase, delay), tlm::TLM_COMPLETED);
  }
  /// The calling thread waits for the request to be accepted, or for the n-th response.
  void accepted(Payload& payload) {
    while (times[&payload].end_req == kNever) sc_core::wait(response_event);
  }
  void await(unsigned n) {
    while (responses < n) sc_core::wait(response_event);
  }

  std::uint32_t reg(std::uint32_t offset) {
    std::uint32_t value = 0;
    ctrl(tlm::TLM_READ_COMMAND, offset, value);
    return value;
  }
  void set_reg(std::uint32_t offset, std::uint32_t value) { ctrl(tlm::TLM_WRITE_COMMAND, offset, value); }
  void set_reg64(std::uint32_t offset, std::uint64_t value) {
    set_reg(offset, static_cast<std::uint32_t>(value));
    set_reg(offset + 4, static_cast<std::uint32_t>(value >> 32));
  }
  void inject(std::uint64_t address, Regs::InjectKind kind, unsigned stages = 1, unsigned info = 0) {
    set_reg64(Regs::kInjectAddressLoOffset, address);
    set_reg(Regs::kInjectOffset, static_cast<std::uint32_t>(kind) << Regs::kInjectKindShift |
                                     stages << Regs::kInjectStagesShift | info << Regs::kInjectInfoShift |
                                     Regs::kInjectFireMask);
    EXPECT_EQ(reg(Regs::kInjectOffset) & Regs::kInjectFireMask, 0u);
  }
  std::uint64_t event_address() {
    return std::uint64_t{reg(Regs::kEventAddressHiOffset)} << 32 | reg(Regs::kEventAddressLoOffset);
  }
  void ctrl(tlm::tlm_command command, std::uint32_t offset, std::uint32_t& value, TimePs delay_ps = 0) {
    Payload payload;
    fill(payload, command, offset, &value, 4);
    sc_core::sc_time delay = to_sc(delay_ps);
    ctrl_isock->b_transport(payload, delay);
    EXPECT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE) << std::hex << offset;
  }

 private:
  tlm::tlm_sync_enum nb_bw(Payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay) {
    Times& t = times.at(&payload);
    response_event.notify();
    if (phase == tlm::END_REQ) {
      t.end_req = now_ps() + to_ps(delay);
      return tlm::TLM_ACCEPTED;
    }
    EXPECT_EQ(phase, tlm::BEGIN_RESP);
    EXPECT_NE(t.end_req, kNever);
    EXPECT_EQ(open_response, nullptr) << "BEGIN_RESP while another response is open";
    t.begin_resp = now_ps() + to_ps(delay);
    ++responses;
    if (!hold) return tlm::TLM_COMPLETED;
    open_response = &payload;
    return tlm::TLM_ACCEPTED;
  }
};

struct ModuleBench {
  explicit ModuleBench(const Config& config = small_cube(), const std::string& suffix = "")
      : hbf(("hbf" + suffix).c_str(), config),
        ram(("ram" + suffix).c_str(), soc::Ram::Config{}),
        io(("io" + suffix).c_str(), hbf) {
    hbf.mem_isock.bind(ram.mem_tsock);
  }
  /// Contents of the chip's memory.
  void put(std::uint64_t address, const void* data, std::size_t bytes) {
    Payload payload;
    Initiator::fill(payload, tlm::TLM_WRITE_COMMAND, address, const_cast<void*>(data),
                    static_cast<unsigned>(bytes));
    ram.transport_dbg(payload);
  }
  double stat(const std::string& name) const {
    std::vector<Stat> stats;
    StatSink sink(stats);
    hbf.report(sink);
    for (const Stat& s : stats) {
      if (s.name == name) return std::visit([](auto v) { return static_cast<double>(v); }, s.value);
    }
    ADD_FAILURE() << "no statistic " << name;
    return -1;
  }

  HbfModule hbf;
  soc::Ram ram;
  Initiator io;
};

/// Runs the bodies as threads, started in order, until nothing is left to do. An error that was raised fails
/// the test.
inline void run_to_end(const std::vector<std::function<void()>>& bodies) {
  unsigned ended = 0;
  for (const auto& body : bodies) {
    sc_core::sc_spawn([&ended, body] {
      body();
      ++ended;
    });
  }
  sc_core::sc_start(to_sc(1000 * kPsPerMs), sc_core::SC_EXIT_ON_STARVATION);
  EXPECT_NO_THROW(rethrow_simulation_error());
  EXPECT_EQ(ended, bodies.size()) << "a thread still waits";
}

}  // namespace memwall::hbf::testing_support
