// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// An accelerator with a host and a memory around it, and helpers that post descriptors. What the accelerator
/// sends to memory is held against the base protocol.
#pragma once

#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <systemc>

#include <cstdint>
#include <string>
#include <vector>

#include "accel/accel.h"
#include "common/rng.h"
#include "desc/completion_record.h"
#include "desc/compute_descriptor.h"
#include "ip/engine/test_memory.h"
#include "regs/accel_regs.h"
#include "support/tlm_checker.h"

namespace memwall::testing_support {

using desc::CompletionRecord;
using desc::ComputeDescriptor;
using desc::Opcode;
using desc::Status;
using Regs = regs::AccelRegs;

class SramHost : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<SramHost> isock{"isock"};
  explicit SramHost(const sc_core::sc_module_name& name) : sc_module(name) {}
  unsigned debug(bool is_write, std::uint64_t address, void* data, unsigned bytes) {
    tlm::tlm_generic_payload payload;
    payload.set_command(is_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    payload.set_address(address);
    payload.set_data_ptr(static_cast<unsigned char*>(data));
    payload.set_data_length(bytes);
    return isock->transport_dbg(payload);
  }
  /// Timed access; returns the delay.
  TimePs timed(bool is_write, std::uint64_t address, void* data, unsigned bytes,
               tlm::tlm_response_status* status) {
    tlm::tlm_generic_payload payload;
    payload.set_command(is_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    payload.set_address(address);
    payload.set_data_ptr(static_cast<unsigned char*>(data));
    payload.set_data_length(bytes);
    payload.set_streaming_width(bytes);
    payload.set_byte_enable_ptr(nullptr);
    sc_core::sc_time delay;
    isock->b_transport(payload, delay);
    *status = payload.get_response_status();
    return to_ps(delay);
  }
};

struct AccelBench {
  static constexpr std::uint64_t kMemory = 0x1000000000;  // HBM stack 0 of the chip map
  static constexpr std::uint64_t kRing = kMemory + 0x100000;
  static constexpr std::uint64_t kRecords = kMemory + 0x200000;
  static constexpr std::uint32_t kQueueStride = 0x40;

  explicit AccelBench(const accel::Config& config = {}, TestMemory::Config memory_config = {},
                      const std::string& name = "chip", bool start = true)
      : config_(config),
        irq((name + "_irq").c_str()),
        memory((name + "_memory").c_str(), with_base(memory_config)),
        checker((name + "_checker").c_str()),
        accel((name + "_accel").c_str(), config),
        host((name + "_host").c_str()),
        sram((name + "_sram").c_str()) {
    accel.mem_isock.bind(checker.tsock);
    checker.isock.bind(memory.tsock);
    host.ctrl_isock.bind(accel.ctrl_tsock);
    sram.isock.bind(accel.sram_tsock);
    accel.irq_out(irq);
    host.irq_in(irq);
    if (start) sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }

  ~AccelBench() { EXPECT_EQ(checker.text(), ""); }

  void enable(unsigned queue = 0, std::uint32_t entries = 64) {
    const std::uint32_t base = queue * kQueueStride;
    host.write(base + Regs::kQueueBaseLoOffset, static_cast<std::uint32_t>(ring(queue)));
    host.write(base + Regs::kQueueBaseHiOffset, static_cast<std::uint32_t>(ring(queue) >> 32));
    host.write(base + Regs::kQueueSizeOffset, entries);
    host.write(base + Regs::kCompletionBaseLoOffset, static_cast<std::uint32_t>(records(queue)));
    host.write(base + Regs::kCompletionBaseHiOffset, static_cast<std::uint32_t>(records(queue) >> 32));
    host.write(base + Regs::kIrqEnableOffset, 3);
    host.write(base + Regs::kControlOffset, 1);
    entries_ = entries;
  }
  static std::uint64_t ring(unsigned queue) { return kRing + queue * 0x40000; }
  static std::uint64_t records(unsigned queue) { return kRecords + queue * 0x40000; }

  /// Writes the descriptor at the tail of the ring and rings the doorbell.
  void post(const ComputeDescriptor& d, unsigned queue = 0) {
    memory.poke(ring(queue) + 128 * (tail_[queue] % entries_), &d, sizeof d);
    host.write(queue * kQueueStride + Regs::kTailOffset, ++tail_[queue]);
  }
  CompletionRecord record(unsigned queue = 0) const {
    CompletionRecord r;
    memory.peek(records(queue) + 32 * ((tail_[queue] - 1) % entries_), &r, sizeof r);
    return r;
  }
  /// Posts, runs until nothing moves, returns the record.
  CompletionRecord run(const ComputeDescriptor& d, unsigned queue = 0) {
    post(d, queue);
    sc_core::sc_start();
    return record(queue);
  }
  Status status(const ComputeDescriptor& d) { return static_cast<Status>(run(d).status); }
  void resume(unsigned queue = 0) { host.write(queue * kQueueStride + Regs::kControlOffset, 3); }

  std::uint64_t sram_address(std::uint64_t offset) const { return config_.sram_base + offset; }
  template <class T>
  void put_sram(std::uint64_t address, const std::vector<T>& values) {
    std::vector<T> copy = values;
    sram.debug(true, address - config_.sram_base, copy.data(),
               static_cast<unsigned>(copy.size() * sizeof(T)));
  }
  template <class T>
  std::vector<T> get_sram(std::uint64_t address, std::size_t count) {
    std::vector<T> out(count);
    sram.debug(false, address - config_.sram_base, out.data(), static_cast<unsigned>(count * sizeof(T)));
    return out;
  }

  accel::Config config_;
  sc_core::sc_signal<bool> irq;
  TestMemory memory;
  TlmChecker checker;
  accel::AccelModule accel;
  TestHost host;
  SramHost sram;

 private:
  static TestMemory::Config with_base(TestMemory::Config config) {
    config.base = kMemory;
    return config;
  }
  std::uint32_t entries_ = 64;
  std::uint32_t tail_[2] = {0, 0};
};

inline std::vector<float> random_floats(Rng& rng, std::size_t count, float scale = 1.0f) {
  std::vector<float> out(count);
  for (float& x : out) x = static_cast<float>(2.0 * rng.uniform() - 1.0) * scale;
  return out;
}

}  // namespace memwall::testing_support
