// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A memory target for tests of engines: fixed latency, a port of stated bandwidth that serves one burst
/// after another, contents in a sparse store, faults by address, and a log of accesses. Serves traffic
/// without data. It either tells its time as a delay or waits until the data are there.
#pragma once

#ifndef SC_INCLUDE_DYNAMIC_PROCESSES
#define SC_INCLUDE_DYNAMIC_PROCESSES
#endif

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <systemc>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <vector>

#include "common/sc_time.h"
#include "common/sparse_memory.h"
#include "common/tlm_traffic.h"

namespace memwall::testing_support {

class TestMemory : public sc_core::sc_module {
 public:
  struct Config {
    std::uint64_t base = 0;  ///< address of the first byte on this socket
    std::uint64_t bytes = 1ull << 32;
    TimePs latency_ps = 50000;
    std::uint64_t bytes_per_ns = 64;  ///< bandwidth of the data port
    bool waits = false;               ///< b_transport returns when the access is done, with no delay
  };
  struct Entry {
    bool is_write;
    std::uint64_t address;
    std::uint32_t bytes;
    bool has_data;
    TimePs at;
    bool operator==(const Entry& o) const {
      return is_write == o.is_write && address == o.address && bytes == o.bytes && at == o.at;
    }
  };

  tlm_utils::simple_target_socket<TestMemory> tsock{"tsock"};

  TestMemory(const sc_core::sc_module_name& name, const Config& config)
      : sc_module(name), config_(config), store_(config.bytes) {
    tsock.register_b_transport(this, &TestMemory::b_transport);
  }

  /// Accesses that touch `address` fail with `response`.
  void inject(std::uint64_t address, tlm::tlm_response_status response) { faults_[address] = response; }
  void heal() { faults_.clear(); }
  void poke(std::uint64_t address, const void* data, std::size_t bytes) {
    store_.write(address - config_.base, data, bytes);
  }
  void peek(std::uint64_t address, void* data, std::size_t bytes) const {
    store_.read(address - config_.base, data, bytes);
  }
  template <class T>
  std::vector<T> get(std::uint64_t address, std::size_t count) const {
    std::vector<T> out(count);
    peek(address, out.data(), count * sizeof(T));
    return out;
  }
  template <class T>
  void put(std::uint64_t address, const std::vector<T>& values) {
    poke(address, values.data(), values.size() * sizeof(T));
  }
  const std::vector<Entry>& log() const { return log_; }

 private:
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    const Access access = access_of(payload);
    const std::uint64_t address = payload.get_address();
    const std::uint32_t bytes = payload.get_data_length();
    if (config_.waits && delay > sc_core::SC_ZERO_TIME) {
      sc_core::wait(delay);
      delay = sc_core::SC_ZERO_TIME;
    }
    const TimePs now = to_ps(sc_core::sc_time_stamp());
    log_.push_back({access.is_write, address, bytes, access.has_data, now + to_ps(delay)});
    if (!access.valid || address < config_.base || !store_.contains(address - config_.base, bytes)) {
      payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
      return;
    }
    const TimePs start = std::max(free_at_, now + to_ps(delay));
    free_at_ = start + (std::uint64_t{bytes} * 1000 + config_.bytes_per_ns - 1) / config_.bytes_per_ns;
    delay = to_sc(free_at_ + config_.latency_ps - now);
    if (config_.waits) {
      sc_core::wait(delay);
      delay = sc_core::SC_ZERO_TIME;
    }
    const auto fault = faults_.lower_bound(address);
    if (fault != faults_.end() && fault->first < address + bytes) {
      payload.set_response_status(fault->second);
      return;
    }
    if (access.has_data && access.is_write)
      store_.write(address - config_.base, payload.get_data_ptr(), bytes);
    if (access.has_data && !access.is_write)
      store_.read(address - config_.base, payload.get_data_ptr(), bytes);
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }

  Config config_;
  SparseMemory store_;
  std::map<std::uint64_t, tlm::tlm_response_status> faults_;
  std::vector<Entry> log_;
  TimePs free_at_ = 0;
};

/// Bytes to write into the descriptor ring and how firmware would drive a queue, over a control socket.
class TestHost : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<TestHost> ctrl_isock{"ctrl_isock"};
  sc_core::sc_in<bool> irq_in{"irq_in"};

  explicit TestHost(const sc_core::sc_module_name& name) : sc_module(name) {}

  /// Accesses come from a process of their own, because the target may wait; the simulation runs until they
  /// are served.
  void use_process() {
    process_ = true;
    sc_core::sc_spawn([this] {
      for (;;) {
        while (!work_) sc_core::wait(wake_);
        work_();
        work_ = nullptr;
      }
    });
  }

  /// `ahead`: how far this initiator's time is ahead of the simulation's; its time afterwards if `after`.
  tlm::tlm_response_status access(bool is_write, std::uint32_t offset, std::uint32_t& value,
                                  sc_core::sc_time ahead = sc_core::SC_ZERO_TIME, TimePs* after = nullptr) {
    if (!process_ || sc_core::sc_get_status() == sc_core::SC_RUNNING)
      return transport(is_write, offset, value, ahead, after);
    std::optional<tlm::tlm_response_status> status;
    work_ = [&] { status = transport(is_write, offset, value, ahead, after); };
    wake_.notify(sc_core::SC_ZERO_TIME);
    sc_core::sc_time step = sc_core::SC_ZERO_TIME;
    for (; !status && step != sc_core::sc_max_time(); step = sc_core::sc_time_to_pending_activity())
      sc_core::sc_start(step);
    if (!status) throw std::logic_error("nothing moves, and the access is not served");
    return *status;
  }
  std::uint32_t read(std::uint32_t offset) {
    std::uint32_t value = 0;
    access(false, offset, value);
    return value;
  }
  void write(std::uint32_t offset, std::uint32_t value) { access(true, offset, value); }

 private:
  tlm::tlm_response_status transport(bool is_write, std::uint32_t offset, std::uint32_t& value,
                                     sc_core::sc_time ahead, TimePs* after) {
    tlm::tlm_generic_payload payload;
    payload.set_command(is_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    payload.set_address(offset);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(&value));
    payload.set_data_length(4);
    payload.set_streaming_width(4);
    payload.set_byte_enable_ptr(nullptr);
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    ctrl_isock->b_transport(payload, ahead);
    if (after != nullptr) *after = to_ps(sc_core::sc_time_stamp() + ahead);
    return payload.get_response_status();
  }

  bool process_ = false;
  std::function<void()> work_;
  sc_core::sc_event wake_;
};

}  // namespace memwall::testing_support
