// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The SystemC shell through TLM initiators: data, errors, traffic without data, four phases, registers, ECC.
#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <functional>
#include <map>

#include "common/error.h"
#include "common/rng.h"
#include "common/sc_time.h"
#include "common/tlm_traffic.h"
#include "hbm/hbm_module.h"
#include "regs/hbm_regs.h"

namespace memwall::hbm {
namespace {

using Payload = tlm::tlm_generic_payload;
using Regs = regs::HbmRegs;

HbmModule::Config make_config() {
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
  void free(Payload*) override { freed = true; }
  std::vector<std::uint8_t> data;
  Payload payload;
  bool freed = false;
};

/// Initiator of all ports. Records every backward call and checks the base protocol's order of phases.
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
  bool hold_responses = false;       ///< do not send END_RESP
  bool complete_early = false;       ///< answer BEGIN_RESP with TLM_COMPLETED
  Payload* open_response = nullptr;  ///< BEGIN_RESP received, END_RESP not sent
  unsigned responses = 0;

  Initiator(const sc_core::sc_module_name& name, HbmModule& target) : sc_core::sc_module(name) {
    data_isock.bind(target.data_tsock);
    pnm_isock.bind(target.pnm_tsock);
    ctrl_isock.bind(target.ctrl_tsock);
    target.irq_out.bind(irq);
    data_isock.register_nb_transport_bw(this, &Initiator::nb_bw, 0);
    pnm_isock.register_nb_transport_bw(this, &Initiator::nb_bw, 1);
    SC_HAS_PROCESS(Initiator);
    SC_THREAD(run);
  }
  std::function<void()> body;
  void run() { body(); }

  void begin(Payload& payload, TimePs delay_ps = 0) {
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    sc_core::sc_time delay = to_sc(delay_ps);
    times[&payload] = {};
    times[&payload].begin_req = to_ps(sc_core::sc_time_stamp()) + delay_ps;
    times[&payload].phase = phase;
    ASSERT_EQ(data_isock->nb_transport_fw(payload, phase, delay), tlm::TLM_ACCEPTED);
  }
  void end_response() {
    ASSERT_NE(open_response, nullptr);
    Payload& payload = *open_response;
    open_response = nullptr;
    tlm::tlm_phase phase = tlm::END_RESP;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    ASSERT_EQ(data_isock->nb_transport_fw(payload, phase, delay), tlm::TLM_COMPLETED);
  }

  tlm::tlm_sync_enum nb_bw(int, Payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay) {
    Times& t = times.at(&payload);
    const TimePs now = to_ps(sc_core::sc_time_stamp() + delay);
    if (phase == tlm::END_REQ) {
      EXPECT_EQ(t.phase, tlm::BEGIN_REQ);
      t.end_req = now;
      t.phase = phase;
      response_event.notify();
      return tlm::TLM_ACCEPTED;
    }
    EXPECT_EQ(phase, tlm::BEGIN_RESP);
    EXPECT_EQ(t.phase, tlm::END_REQ);
    EXPECT_EQ(open_response, nullptr) << "BEGIN_RESP while another response is open";
    t.begin_resp = now;
    t.phase = phase;
    ++responses;
    response_event.notify();
    if (complete_early) return tlm::TLM_COMPLETED;
    open_response = &payload;
    if (hold_responses) return tlm::TLM_ACCEPTED;
    open_response = nullptr;
    phase = tlm::END_RESP;
    return tlm::TLM_UPDATED;
  }

  /// Blocking access; returns the response and leaves the added delay in `took`.
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
  tlm::tlm_response_status send(Payload& payload, bool base_die = false) {
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    if (base_die) {
      pnm_isock->b_transport(payload, delay);
    } else {
      data_isock->b_transport(payload, delay);
    }
    took = to_ps(delay);
    return payload.get_response_status();
  }
  tlm::tlm_response_status write(std::uint64_t address, const std::vector<std::uint8_t>& data) {
    return access(tlm::TLM_WRITE_COMMAND, address, const_cast<std::uint8_t*>(data.data()),
                  static_cast<unsigned>(data.size()));
  }
  std::uint32_t read_register(std::uint32_t offset) {
    std::uint32_t value = 0;
    ctrl(tlm::TLM_READ_COMMAND, offset, value);
    return value;
  }
  void write_register(std::uint32_t offset, std::uint32_t value) {
    ctrl(tlm::TLM_WRITE_COMMAND, offset, value);
  }
  void inject(std::uint64_t address, std::uint32_t bits, bool persistent) {
    write_register(Regs::kInjectAddressLoOffset, static_cast<std::uint32_t>(address));
    write_register(Regs::kInjectAddressHiOffset, static_cast<std::uint32_t>(address >> 32));
    write_register(Regs::kInjectOffset, bits << Regs::kInjectBitsShift |
                                            (persistent ? Regs::kInjectPersistentMask : 0) |
                                            Regs::kInjectFireMask);
  }
  TimePs took = 0;

 private:
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

class HbmShell : public testing::Test {
 protected:
  void run(std::function<void()> body) {
    io.body = std::move(body);
    sc_core::sc_start(1, sc_core::SC_MS);
    EXPECT_NO_THROW(rethrow_simulation_error());
  }
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
  HbmModule hbm{"hbm", make_config()};
  Initiator io{"io", hbm};
};

TEST_F(HbmShell, ReadsBackWhatWasWrittenAtAnyLengthAndAlignment) {
  run([&] {
    Rng rng(3, "data");
    std::vector<std::uint8_t> shadow(1 << 16, 0);
    for (int i = 0; i < 300; ++i) {
      const std::uint64_t bytes = 1 + rng.below(rng.below(4) == 0 ? 9000 : 70);
      const std::uint64_t at = rng.below(shadow.size() - bytes);
      if (rng.below(2) != 0) {
        std::vector<std::uint8_t> data(bytes);
        for (auto& b : data) b = static_cast<std::uint8_t>(rng.next());
        std::copy(data.begin(), data.end(), shadow.begin() + static_cast<std::ptrdiff_t>(at));
        ASSERT_EQ(io.write(at, data), tlm::TLM_OK_RESPONSE);
      } else {
        std::vector<std::uint8_t> got(bytes, 0xee);
        const bool base_die = rng.below(2) != 0;
        ASSERT_EQ(io.access(tlm::TLM_READ_COMMAND, at, got.data(), static_cast<unsigned>(bytes), base_die),
                  tlm::TLM_OK_RESPONSE);
        ASSERT_TRUE(std::equal(got.begin(), got.end(), shadow.begin() + static_cast<std::ptrdiff_t>(at)));
      }
      ASSERT_GT(io.took, 0u);
    }
  });
}

TEST_F(HbmShell, ErrorsAreResponsesAndTakeNoTime) {
  run([&] {
    std::uint8_t data[64] = {};
    EXPECT_EQ(io.access(tlm::TLM_READ_COMMAND, hbm.capacity_bytes() - 32, data, 64),
              tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(io.took, 0u);
    EXPECT_EQ(io.access(tlm::TLM_WRITE_COMMAND, ~std::uint64_t{0} - 3, data, 64),
              tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(io.access(tlm::TLM_READ_COMMAND, 0, data, 0), tlm::TLM_BURST_ERROR_RESPONSE);
    Payload payload;
    payload.set_command(tlm::TLM_WRITE_COMMAND);
    payload.set_address(0);
    payload.set_data_ptr(data);
    payload.set_data_length(64);
    payload.set_streaming_width(32);
    EXPECT_EQ(io.send(payload), tlm::TLM_BURST_ERROR_RESPONSE);
    payload.set_streaming_width(64);
    std::uint8_t enables[1] = {0xff};
    payload.set_byte_enable_ptr(enables);
    payload.set_byte_enable_length(1);
    EXPECT_EQ(io.send(payload), tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
    EXPECT_EQ(stat("data.read_requests") + stat("data.write_requests"), 0);
  });
}

TEST_F(HbmShell, TrafficWithoutDataHasTheTimingCountersAndErrorsOfTheRealAccess) {
  run([&] {
    std::vector<std::uint8_t> data(5000, 7);
    ASSERT_EQ(io.write(0, data), tlm::TLM_OK_RESPONSE);
    wait(500, sc_core::SC_NS);
    ASSERT_EQ(io.access(tlm::TLM_READ_COMMAND, 64 << 20, data.data(), 5000), tlm::TLM_OK_RESPONSE);
    const TimePs real = io.took;
    const double bytes = stat("data.read_bytes");
    wait(500, sc_core::SC_NS);

    TrafficExtension traffic;
    Payload payload;
    payload.set_command(tlm::TLM_IGNORE_COMMAND);
    payload.set_extension(&traffic);
    payload.set_address(128 << 20);  // another row, as the real one was
    payload.set_data_ptr(nullptr);
    payload.set_data_length(5000);
    payload.set_streaming_width(5000);
    EXPECT_EQ(io.send(payload), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(io.took, real);
    EXPECT_EQ(stat("data.read_bytes"), 2 * bytes);
    payload.set_address(hbm.capacity_bytes());
    EXPECT_EQ(io.send(payload), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    hbm.inject_fault(1 << 20, 2, false);
    payload.set_address(1 << 20);
    EXPECT_EQ(io.send(payload), tlm::TLM_GENERIC_ERROR_RESPONSE);
    payload.clear_extension(&traffic);
    EXPECT_EQ(io.send(payload), tlm::TLM_OK_RESPONSE);  // a plain ignore command asks for nothing
    EXPECT_EQ(io.took, 0u);
  });
}

TEST_F(HbmShell, DebugAccessReachesEveryByteWithoutTimeOrCounters) {
  std::uint8_t bytes[4] = {1, 2, 3, 4};
  Payload payload;
  payload.set_command(tlm::TLM_WRITE_COMMAND);
  payload.set_address(hbm.capacity_bytes() - 2);
  payload.set_data_ptr(bytes);
  payload.set_data_length(4);
  EXPECT_EQ(io.data_isock->transport_dbg(payload), 2u);
  std::uint8_t got[4] = {};
  payload.set_command(tlm::TLM_READ_COMMAND);
  payload.set_data_ptr(got);
  EXPECT_EQ(io.pnm_isock->transport_dbg(payload), 2u);
  EXPECT_EQ(got[0], 1);
  EXPECT_EQ(got[1], 2);
  payload.set_address(hbm.capacity_bytes());
  EXPECT_EQ(io.data_isock->transport_dbg(payload), 0u);
  EXPECT_EQ(stat("reads") + stat("writes"), 0);
}

TEST_F(HbmShell, FourPhasesTakeTheTimeOfABlockingAccess) {
  run([&] {
    for (const unsigned bytes : {1u, 32u, 64u, 4096u, 65536u}) {
      // The same place relative to open rows for both: a fresh bank row each time, far from any other.
      ManagedPayload p(tlm::TLM_READ_COMMAND, 0, bytes);
      wait(1000, sc_core::SC_NS);
      io.begin(p.payload, 12345);
      while (io.times[&p.payload].begin_resp == 0) wait(io.response_event);
      const auto& t = io.times[&p.payload];
      EXPECT_EQ(p.payload.get_response_status(), tlm::TLM_OK_RESPONSE);
      EXPECT_EQ(t.end_req, t.begin_req);
      // Reference: a core that sees the same sequence.
      static Core reference(hbm.preset());
      EXPECT_EQ(t.begin_resp, reference.access(t.begin_req, 0, bytes, false).done) << bytes;
      wait(1000, sc_core::SC_NS);
      std::vector<std::uint8_t> buffer(bytes);
      ASSERT_EQ(io.access(tlm::TLM_READ_COMMAND, 1 << 20, buffer.data(), bytes), tlm::TLM_OK_RESPONSE);
      const TimePs now = to_ps(sc_core::sc_time_stamp());
      EXPECT_EQ(io.took, reference.access(now, 1 << 20, bytes, false).done - now) << bytes;
      p.payload.release();
      EXPECT_TRUE(p.freed) << "the target kept a reference";
    }
  });
}

TEST_F(HbmShell, FourPhaseDataArriveAndWritesCanBeReadBack) {
  run([&] {
    ManagedPayload w(tlm::TLM_WRITE_COMMAND, 100, 300);
    for (std::size_t i = 0; i < 300; ++i) w.data[i] = static_cast<std::uint8_t>(i);
    io.begin(w.payload);
    while (io.responses < 1) wait(io.response_event);
    ManagedPayload r(tlm::TLM_READ_COMMAND, 100, 300);
    io.begin(r.payload);
    while (io.responses < 2) wait(io.response_event);
    EXPECT_EQ(r.data, w.data);
    ManagedPayload bad(tlm::TLM_READ_COMMAND, hbm.capacity_bytes(), 32);
    io.begin(bad.payload);
    while (io.responses < 3) wait(io.response_event);
    EXPECT_EQ(bad.payload.get_response_status(), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  });
}

TEST_F(HbmShell, FullQueueHoldsBackEndOfRequestUntilAResponseEnds) {
  run([&] {
    io.hold_responses = true;
    const std::uint32_t depth = hbm.preset().controller.read_queue;
    std::vector<std::unique_ptr<ManagedPayload>> all;
    for (std::uint32_t i = 0; i <= depth; ++i) {
      all.push_back(std::make_unique<ManagedPayload>(tlm::TLM_READ_COMMAND, i * 4096, 32));
      io.begin(all.back()->payload);
      wait(1, sc_core::SC_NS);
      const bool accepted = io.times[&all.back()->payload].phase != tlm::BEGIN_REQ;
      ASSERT_EQ(accepted, i < depth) << i;
    }
    wait(2, sc_core::SC_US);
    EXPECT_EQ(io.responses, 1u) << "a second BEGIN_RESP before END_RESP";
    EXPECT_EQ(io.times[&all.back()->payload].phase, tlm::BEGIN_REQ);
    io.end_response();
    wait(1, sc_core::SC_NS);
    EXPECT_NE(io.times[&all.back()->payload].phase, tlm::BEGIN_REQ);
    // A write is not held back by full reads.
    ManagedPayload w(tlm::TLM_WRITE_COMMAND, 0, 32);
    io.begin(w.payload);
    wait(1, sc_core::SC_NS);
    EXPECT_NE(io.times[&w.payload].phase, tlm::BEGIN_REQ);
    while (io.responses < depth + 2) {
      if (io.open_response != nullptr) io.end_response();
      wait(1, sc_core::SC_US);
    }
    io.end_response();
    for (auto& p : all) {
      p->payload.release();
      EXPECT_TRUE(p->freed);
    }
  });
}

TEST_F(HbmShell, EarlyCompletionOfAResponseIsUnderstood) {
  run([&] {
    io.complete_early = true;
    for (unsigned i = 0; i < 100; ++i) {
      ManagedPayload p(tlm::TLM_READ_COMMAND, i * 64, 64);
      io.begin(p.payload);
      while (io.responses <= i) wait(io.response_event);
      wait(sc_core::SC_ZERO_TIME);
      p.payload.release();
      ASSERT_TRUE(p.freed);
    }
  });
}

TEST_F(HbmShell, ProtocolViolationIsAModelErrorNotACrash) {
  io.body = [&] {
    ManagedPayload p(tlm::TLM_READ_COMMAND, 0, 32);
    tlm::tlm_phase phase = tlm::END_RESP;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    io.data_isock->nb_transport_fw(p.payload, phase, delay);
  };
  sc_core::sc_start(1, sc_core::SC_US);
  try {
    rethrow_simulation_error();
    ADD_FAILURE() << "nothing was raised";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kModel) << error.what();
  }
}

TEST_F(HbmShell, SingleBitErrorIsCorrectedAndCounted) {
  run([&] {
    const std::vector<std::uint8_t> data(64, 0xa5);
    ASSERT_EQ(io.write(0x1000, data), tlm::TLM_OK_RESPONSE);
    io.inject(0x1010, 1, false);
    std::vector<std::uint8_t> got(64);
    EXPECT_EQ(io.access(tlm::TLM_READ_COMMAND, 0x1000, got.data(), 64), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(got, data);
    EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset), 1u);
    EXPECT_EQ(io.read_register(Regs::kEccUncorrectedOffset), 0u);
    // Not corrected, not counted with ECC off.
    io.write_register(Regs::kEccControlOffset, 0);
    EXPECT_EQ(io.access(tlm::TLM_READ_COMMAND, 0x1000, got.data(), 64), tlm::TLM_OK_RESPONSE);
    unsigned wrong_bits = 0;
    for (std::size_t i = 0; i < 64; ++i)
      wrong_bits += static_cast<unsigned>(__builtin_popcount(got[i] ^ data[i]));
    EXPECT_EQ(wrong_bits, 1u);
    EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset), 1u);
    io.write_register(Regs::kEccControlOffset, 1);
    // A write heals it; part of the word is enough, the controller reads, corrects and rewrites.
    EXPECT_EQ(io.write(0x1010, {1}), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset), 2u);
    EXPECT_EQ(io.access(tlm::TLM_READ_COMMAND, 0x1000, got.data(), 64), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset), 2u);
    EXPECT_EQ(stat("ecc_corrected"), 2);
  });
}

TEST_F(HbmShell, DoubleBitErrorIsReportedByResponseCounterAddressAndInterrupt) {
  run([&] {
    const std::uint64_t bad = (std::uint64_t{5} << 30) + 0x48;
    io.inject(bad, 2, false);
    io.write_register(Regs::kIrqEnableOffset, Regs::kIrqEnableUncorrectedMask);
    std::vector<std::uint8_t> got(256);
    EXPECT_EQ(io.access(tlm::TLM_READ_COMMAND, bad & ~std::uint64_t{0xff}, got.data(), 256),
              tlm::TLM_GENERIC_ERROR_RESPONSE);
    const TimePs took = io.took;
    EXPECT_GT(took, 0u);
    EXPECT_EQ(io.read_register(Regs::kEccUncorrectedOffset), 1u);
    EXPECT_EQ(io.read_register(Regs::kEccAddressLoOffset), static_cast<std::uint32_t>(bad));
    EXPECT_EQ(io.read_register(Regs::kEccAddressHiOffset), static_cast<std::uint32_t>(bad >> 32));
    EXPECT_FALSE(io.irq.read());
    wait(to_sc(took) + sc_core::sc_time(1, sc_core::SC_PS));
    EXPECT_TRUE(io.irq.read());
    io.write_register(Regs::kIrqStatusOffset, Regs::kIrqStatusUncorrectedMask);
    wait(1, sc_core::SC_PS);
    EXPECT_FALSE(io.irq.read());
    // The neighbours are fine, a write of part of the word fails, of the whole word heals.
    EXPECT_EQ(io.access(tlm::TLM_READ_COMMAND, bad + 8, got.data(), 8), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(io.write(bad + 1, {1, 2}), tlm::TLM_GENERIC_ERROR_RESPONSE);
    EXPECT_EQ(io.write(bad, std::vector<std::uint8_t>(8, 3)), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(io.access(tlm::TLM_READ_COMMAND, bad, got.data(), 8), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(got[0], 3);
    io.write_register(Regs::kEccClearOffset, 1);
    EXPECT_EQ(io.read_register(Regs::kEccUncorrectedOffset), 0u);
    EXPECT_EQ(io.read_register(Regs::kEccAddressHiOffset), 0u);
    EXPECT_EQ(io.read_register(Regs::kEccClearOffset), 0u);
    EXPECT_EQ(stat("ecc_uncorrected"), 2);
  });
}

TEST_F(HbmShell, PersistentFaultSurvivesWrites) {
  run([&] {
    io.inject(0x80, 2, true);
    std::vector<std::uint8_t> got(8);
    EXPECT_EQ(io.write(0x80, std::vector<std::uint8_t>(8, 9)), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(io.access(tlm::TLM_READ_COMMAND, 0x80, got.data(), 8), tlm::TLM_GENERIC_ERROR_RESPONSE);
    io.inject(hbm.capacity_bytes(), 1, false);  // no such cell: nothing happens
    EXPECT_EQ(io.read_register(Regs::kInjectOffset) & Regs::kInjectFireMask, 0u);
  });
}

TEST_F(HbmShell, RegistersNameCapacityAndOrganisation) {
  run([&] {
    EXPECT_EQ(io.read_register(Regs::kCapacityMibOffset), 16384u);
    EXPECT_EQ(io.read_register(Regs::kChannelsOffset), 32u);
    EXPECT_EQ(io.read_register(Regs::kIdOffset), Regs::kIdReset);
  });
}

TEST_F(HbmShell, ReportSeparatesPortsAndSumsEnergy) {
  run([&] {
    std::vector<std::uint8_t> data(4096);
    io.access(tlm::TLM_READ_COMMAND, 0, data.data(), 4096, false);
    io.access(tlm::TLM_READ_COMMAND, 8192, data.data(), 2048, true);
    EXPECT_EQ(stat("data.read_bytes"), 4096);
    EXPECT_EQ(stat("pnm.read_bytes"), 2048);
    EXPECT_EQ(stat("reads"), 192);
    const Energy& e = hbm.preset().energy;
    EXPECT_DOUBLE_EQ(stat("energy_phy_pj"), 128 * e.read_phy_pj);
    EXPECT_DOUBLE_EQ(stat("energy_array_pj"), 192 * e.read_array_pj);
    EXPECT_DOUBLE_EQ(stat("energy_pj"), stat("energy_phy_pj") + stat("energy_array_pj") +
                                            stat("energy_activate_pj") + stat("energy_refresh_pj") +
                                            stat("energy_background_pj"));
    EXPECT_NEAR(stat("peak_gbytes_per_s"), 819.2, 1e-9);
  });
}

TEST(HbmShellConfig, TooSmallAStackIsAConfigurationError) {
  HbmModule::Config config = make_config();
  config.required_capacity_bytes = config.preset.organisation.capacity_bytes + 1;
  EXPECT_THROW(HbmModule("hbm", config), ConfigError);
}

}  // namespace
}  // namespace memwall::hbm
