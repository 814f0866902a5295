// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// A third party's initiator writes and reads back 1 KiB of an installed Memwall HBM stack, with an installed
// preset; then a near-memory unit under the stack multiplies a matrix that lies there.
#include <tlm_utils/simple_initiator_socket.h>

#include <systemc>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include <desc/completion_record.h>
#include <desc/compute_descriptor.h>
#include <hbm/hbm_module.h>
#include <pnm/pnm_unit.h>
#include <regs/pnm_regs.h>

namespace {

using memwall::desc::CompletionRecord;
using memwall::desc::ComputeDescriptor;
using Regs = memwall::regs::PnmRegs;

constexpr std::uint64_t kRing = 0x1000, kRecords = 0x2000, kVector = 0x3000, kMatrix = 0x4000,
                        kResult = 0x5000;
constexpr std::uint32_t kRows = 4, kColumns = 8;

struct Initiator : sc_core::sc_module {
  tlm_utils::simple_initiator_socket<Initiator> memory{"memory"}, unit{"unit"}, control{"control"};
  bool ok = false;
  sc_core::sc_time read_time;

  explicit Initiator(const sc_core::sc_module_name& name) : sc_module(name) {
    SC_HAS_PROCESS(Initiator);
    SC_THREAD(run);
  }

  sc_core::sc_time transfer(tlm_utils::simple_initiator_socket<Initiator>& socket, tlm::tlm_command command,
                            std::uint64_t address, void* bytes, std::size_t count) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(static_cast<unsigned char*>(bytes));
    payload.set_data_length(static_cast<unsigned>(count));
    payload.set_streaming_width(static_cast<unsigned>(count));
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    // A target may say how long it takes or let the time pass.
    const sc_core::sc_time begin = sc_core::sc_time_stamp();
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    socket->b_transport(payload, delay);
    wait(delay);
    ok = ok && payload.is_response_ok();
    return sc_core::sc_time_stamp() - begin;
  }
  template <class T>
  sc_core::sc_time put(std::uint64_t address, std::vector<T> values) {
    return transfer(memory, tlm::TLM_WRITE_COMMAND, address, values.data(), values.size() * sizeof(T));
  }
  template <class T>
  std::vector<T> get(std::uint64_t address, std::size_t count) {
    std::vector<T> values(count);
    read_time = transfer(memory, tlm::TLM_READ_COMMAND, address, values.data(), count * sizeof(T));
    return values;
  }
  void set(std::uint32_t offset, std::uint32_t value) {
    transfer(unit, tlm::TLM_WRITE_COMMAND, offset, &value, sizeof value);
  }

  bool memory_keeps_its_bytes() {
    std::vector<unsigned char> written(1024);
    for (std::size_t i = 0; i < written.size(); ++i) written[i] = static_cast<unsigned char>(i * 7);
    put(0x10000, written);
    const bool same = get<unsigned char>(0x10000, written.size()) == written;
    std::printf("1 KiB read back in %s\n", read_time.to_string().c_str());
    return same && read_time > sc_core::SC_ZERO_TIME;
  }

  // y = W x with small integers, so that the result is exact.
  bool unit_multiplies() {
    std::vector<float> x(kColumns), w(kRows * kColumns), expected(kRows);
    for (std::uint32_t c = 0; c < kColumns; ++c) x[c] = static_cast<float>(c + 1);
    for (std::uint32_t r = 0; r < kRows; ++r) {
      for (std::uint32_t c = 0; c < kColumns; ++c) {
        w[r * kColumns + c] = static_cast<float>(r) - static_cast<float>(c);
        expected[r] += w[r * kColumns + c] * x[c];
      }
    }
    put(kVector, x);
    put(kMatrix, w);
    ComputeDescriptor d;
    d.opcode = static_cast<std::uint8_t>(memwall::desc::Opcode::kMatvec);
    d.format = static_cast<std::uint8_t>(memwall::desc::Format::kF32);
    d.tag = 77;
    d.n = kRows, d.k = kColumns, d.m = 1;
    d.src0 = kVector, d.src1 = kMatrix, d.dst = kResult;
    d.stride1 = kColumns * sizeof(float);
    put(kRing, std::vector<ComputeDescriptor>{d});
    set(Regs::kQueueBaseLoOffset, kRing);
    set(Regs::kQueueSizeOffset, 16);
    set(Regs::kCompletionBaseLoOffset, kRecords);
    set(Regs::kControlOffset, Regs::kControlEnableMask);
    set(Regs::kTailOffset, 1);
    wait(100, sc_core::SC_US);
    const CompletionRecord record = get<CompletionRecord>(kRecords, 1)[0];
    std::printf("matrix-vector product in %u unit cycles, status %u\n", static_cast<unsigned>(record.cycles),
                static_cast<unsigned>(record.status));
    return record.tag == d.tag && record.status == 0 && record.cycles > 0 &&
           get<float>(kResult, kRows) == expected;
  }

  void run() {
    ok = true;
    const bool kept = memory_keeps_its_bytes(), multiplied = unit_multiplies();
    ok = ok && kept && multiplied;
  }
};

}  // namespace

int sc_main(int, char**) {
  memwall::hbm::HbmModule::Config config;
  config.preset = memwall::hbm::load_preset(MEMORIES_DIR "/hbm3_6400.toml");
  memwall::hbm::HbmModule stack("stack", config);
  memwall::pnm::PnmConfig unit_config;
  unit_config.memory_bytes = 16ull << 30;
  const auto unit = memwall::pnm::make_pnm_tlm("decode_unit", unit_config);
  Initiator initiator("initiator");
  sc_core::sc_signal<bool> stack_irq, unit_irq;
  initiator.memory.bind(stack.data_tsock);
  initiator.control.bind(stack.ctrl_tsock);
  initiator.unit.bind(unit->ctrl_tsock);
  unit->mem_isock.bind(stack.pnm_tsock);
  stack.irq_out.bind(stack_irq);
  unit->irq_out.bind(unit_irq);
  sc_core::sc_start();
  return initiator.ok ? 0 : 1;
}
