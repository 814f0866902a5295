// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The SystemC shell: contents, responses, registers and traffic without data, as an initiator sees them.
#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <map>
#include <systemc>

#include "common/sc_time.h"
#include "common/tlm_traffic.h"
#include "hbf/module.h"
#include "hbf_test_config.h"
#include "regs/hbf_regs.h"

namespace memwall::hbf {
namespace {
using namespace testing_support;
using regs::HbfRegs;

struct Host : sc_core::sc_module {
  explicit Host(const Config& config) : Host("host", config) {}
  Host(const sc_core::sc_module_name& name, const Config& config) : sc_module(name), hbf("hbf", config) {
    data_isock.bind(hbf.data_tsock);
    ctrl_isock.bind(hbf.ctrl_tsock);
  }

  struct Answer {
    tlm::tlm_response_status status;
    TimePs time;
  };
  Answer send(tlm::tlm_command command, std::uint64_t address, unsigned char* data, unsigned bytes,
              TrafficExtension* traffic = nullptr) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(data);
    payload.set_data_length(bytes);
    payload.set_streaming_width(bytes);
    if (traffic != nullptr) payload.set_extension(traffic);
    sc_core::sc_time delay = to_sc(clock);
    data_isock->b_transport(payload, delay);
    if (traffic != nullptr) payload.clear_extension(traffic);
    const TimePs took = to_ps(delay) - clock;
    clock = to_ps(delay);
    return {payload.get_response_status(), took};
  }
  Answer read(std::uint64_t address, std::vector<unsigned char>& data) {
    return send(tlm::TLM_READ_COMMAND, address, data.data(), static_cast<unsigned>(data.size()));
  }
  Answer write(std::uint64_t address, std::vector<unsigned char> data) {
    return send(tlm::TLM_WRITE_COMMAND, address, data.data(), static_cast<unsigned>(data.size()));
  }
  unsigned debug(tlm::tlm_command command, std::uint64_t address, std::vector<unsigned char>& data) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(data.data());
    payload.set_data_length(static_cast<unsigned>(data.size()));
    return data_isock->transport_dbg(payload);
  }
  std::uint32_t reg(std::uint32_t offset) {
    std::uint32_t value = 0;
    EXPECT_EQ(access_reg(tlm::TLM_READ_COMMAND, offset, value), tlm::TLM_OK_RESPONSE);
    return value;
  }
  void set_reg(std::uint32_t offset, std::uint32_t value) {
    EXPECT_EQ(access_reg(tlm::TLM_WRITE_COMMAND, offset, value), tlm::TLM_OK_RESPONSE);
  }
  tlm::tlm_response_status access_reg(tlm::tlm_command command, std::uint32_t offset, std::uint32_t& value) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(offset);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(&value));
    payload.set_data_length(4);
    payload.set_streaming_width(4);
    sc_core::sc_time delay;
    ctrl_isock->b_transport(payload, delay);
    return payload.get_response_status();
  }
  void inject(std::uint64_t address, HbfRegs::InjectKind kind, unsigned stages = 1) {
    set_reg(HbfRegs::kInjectAddressLoOffset, static_cast<std::uint32_t>(address));
    set_reg(HbfRegs::kInjectAddressHiOffset, static_cast<std::uint32_t>(address >> 32));
    set_reg(HbfRegs::kInjectOffset, static_cast<std::uint32_t>(kind) << HbfRegs::kInjectKindShift |
                                        stages << HbfRegs::kInjectRetryStagesShift |
                                        HbfRegs::kInjectFireMask);
    EXPECT_EQ(reg(HbfRegs::kInjectOffset) & HbfRegs::kInjectFireMask, 0u);
  }

  tlm_utils::simple_initiator_socket<Host> data_isock{"data_isock"};
  tlm_utils::simple_initiator_socket<Host> ctrl_isock{"ctrl_isock"};
  HbfModule hbf;
  TimePs clock = 0;
};

std::vector<unsigned char> pattern(std::size_t bytes, unsigned seed) {
  std::vector<unsigned char> data(bytes);
  for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<unsigned char>(seed + i * 7 + (i >> 8));
  return data;
}

TEST(HbfModule, LoadedBytesAreReadAtAnyAlignment) {
  Host host(small_cube());
  std::vector<unsigned char> loaded = pattern(3 * kPageBytes, 5);
  EXPECT_EQ(host.debug(tlm::TLM_WRITE_COMMAND, 1000, loaded), loaded.size());
  for (const std::uint64_t from : {0u, 1u, 63u, 3096u, 5000u}) {
    std::vector<unsigned char> got(4099);
    EXPECT_EQ(host.read(1000 + from, got).status, tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(got, std::vector<unsigned char>(loaded.begin() + from, loaded.begin() + from + 4099)) << from;
  }
}

TEST(HbfModule, WrittenPagesReadBackAndTheRestOfTheBlockIsErased) {
  Host host(small_cube());
  std::vector<unsigned char> old = pattern(16 * kPageBytes, 1);
  host.debug(tlm::TLM_WRITE_COMMAND, 0, old);
  EXPECT_EQ(host.write(0, pattern(kPageBytes, 9)).status, tlm::TLM_OK_RESPONSE);
  std::vector<unsigned char> got(kPageBytes);
  EXPECT_EQ(host.read(0, got).status, tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(got, pattern(kPageBytes, 9));
  EXPECT_EQ(host.read(page(4), got).status, tlm::TLM_GENERIC_ERROR_RESPONSE);
  EXPECT_EQ(got, std::vector<unsigned char>(kPageBytes, 0xff));
  host.debug(tlm::TLM_READ_COMMAND, page(8), got);
  EXPECT_EQ(got, std::vector<unsigned char>(kPageBytes, 0xff));
  EXPECT_EQ(host.read(page(5), got).status, tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(got, std::vector<unsigned char>(old.begin() + page(5), old.begin() + page(6)));
}

TEST(HbfModule, RefusedWriteKeepsTheOldContents) {
  Host host(small_cube());
  std::vector<unsigned char> old = pattern(16 * kPageBytes, 1);
  host.debug(tlm::TLM_WRITE_COMMAND, 0, old);
  EXPECT_EQ(host.write(page(4), pattern(kPageBytes, 9)).status, tlm::TLM_GENERIC_ERROR_RESPONSE);
  EXPECT_EQ(host.reg(HbfRegs::kStatusOffset), HbfRegs::kStatusWriteMask | 0x2u);
  EXPECT_EQ(host.write(page(0), pattern(64, 9)).status, tlm::TLM_GENERIC_ERROR_RESPONSE);
  EXPECT_EQ(host.reg(HbfRegs::kStatusOffset), HbfRegs::kStatusWriteMask | 0x5u);
  std::vector<unsigned char> got(old.size());
  host.debug(tlm::TLM_READ_COMMAND, 0, got);
  EXPECT_EQ(got, old);
}

TEST(HbfModule, FailureIsLeftInTheRegistersUntilItIsCleared) {
  Host host(small_cube());
  std::vector<unsigned char> got(64);
  EXPECT_EQ(host.reg(HbfRegs::kStatusOffset), 0u);
  EXPECT_EQ(host.read(page(7) + 128, got).status, tlm::TLM_GENERIC_ERROR_RESPONSE);
  EXPECT_EQ(host.reg(HbfRegs::kStatusOffset), 0x7u);
  EXPECT_EQ(host.reg(HbfRegs::kFaultAddressLoOffset), page(7) + 128);
  host.set_reg(HbfRegs::kControlOffset, HbfRegs::kControlClearStatusMask);
  EXPECT_EQ(host.reg(HbfRegs::kControlOffset), 0u);
  EXPECT_EQ(host.reg(HbfRegs::kStatusOffset), 0u);
  EXPECT_EQ(host.reg(HbfRegs::kFaultAddressLoOffset), 0u);
}

TEST(HbfModule, AddressPastTheCapacityIsAnAddressError) {
  Host host(small_cube());
  std::vector<unsigned char> got(128);
  EXPECT_EQ(host.read(page(48) - 64, got).status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(host.reg(HbfRegs::kStatusOffset), 0x1u);
  EXPECT_EQ(host.write(~std::uint64_t{0} - 4095, pattern(kPageBytes, 0)).status,
            tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(host.debug(tlm::TLM_READ_COMMAND, page(48), got), 0u);
  EXPECT_EQ(host.debug(tlm::TLM_READ_COMMAND, page(48) - 64, got), 64u);
}

TEST(HbfModule, InjectedFaultsReachTheRegisters) {
  Host host(small_cube());
  std::vector<unsigned char> loaded = pattern(16 * kPageBytes, 1);
  host.debug(tlm::TLM_WRITE_COMMAND, 0, loaded);
  std::vector<unsigned char> got(64);
  host.inject(page(1), HbfRegs::InjectKind::kCorrected);
  host.inject(page(2), HbfRegs::InjectKind::kRetry, 3);
  host.inject(page(3), HbfRegs::InjectKind::kUncorrectable);
  EXPECT_EQ(host.read(page(1), got).status, tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(host.read(page(2), got).status, tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(got, std::vector<unsigned char>(loaded.begin() + page(2), loaded.begin() + page(2) + 64));
  EXPECT_EQ(host.read(page(3), got).status, tlm::TLM_GENERIC_ERROR_RESPONSE);
  EXPECT_EQ(host.reg(HbfRegs::kStatusOffset), 0x4u | 2u << HbfRegs::kStatusInfoShift);
  EXPECT_EQ(host.reg(HbfRegs::kEccCorrectedOffset), 1u);
  EXPECT_EQ(host.reg(HbfRegs::kEccRetriedOffset), 2u);
  EXPECT_EQ(host.reg(HbfRegs::kEccUncorrectedOffset), 1u);
  EXPECT_EQ(host.reg(HbfRegs::kSensesOffset), 1u + 4u + 4u);
}

TEST(HbfModule, SoftwareRetryLoopRecoversAPageInHostMode) {
  Host host(small_cube());
  std::vector<unsigned char> loaded = pattern(kPageBytes, 1);
  host.debug(tlm::TLM_WRITE_COMMAND, 0, loaded);
  host.inject(0, HbfRegs::InjectKind::kRetry, 2);
  host.set_reg(HbfRegs::kControlOffset, 1);
  std::vector<unsigned char> got(kPageBytes);
  unsigned rounds = 0;
  while (host.read(0, got).status != tlm::TLM_OK_RESPONSE && rounds < 8) {
    const std::uint32_t status = host.reg(HbfRegs::kStatusOffset);
    ASSERT_EQ(status & HbfRegs::kStatusCodeMask, 0x6u);
    const std::uint32_t stage = (status & HbfRegs::kStatusInfoMask) >> HbfRegs::kStatusInfoShift;
    EXPECT_EQ(stage, ++rounds);
    host.set_reg(HbfRegs::kControlOffset, 1u | stage << HbfRegs::kControlRetryStageShift);
  }
  EXPECT_EQ(rounds, 2u);
  EXPECT_EQ(got, loaded);
}

TEST(HbfModule, InjectedProgramFailureIsReportedAndReplayedFromPageZero) {
  Host host(small_cube());
  host.inject(page(4), HbfRegs::InjectKind::kProgramFail);
  EXPECT_EQ(host.write(page(0), pattern(kPageBytes, 1)).status, tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(host.write(page(4), pattern(kPageBytes, 2)).status, tlm::TLM_GENERIC_ERROR_RESPONSE);
  EXPECT_EQ(host.reg(HbfRegs::kStatusOffset), HbfRegs::kStatusWriteMask | 0x7u);
  EXPECT_EQ(host.write(page(0), pattern(kPageBytes, 1)).status, tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(host.write(page(4), pattern(kPageBytes, 2)).status, tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(host.reg(HbfRegs::kErasesOffset), 2u);
  EXPECT_EQ(host.reg(HbfRegs::kProgramsOffset), 4u);
}

TEST(HbfModule, TrafficWithoutDataHasTheSameTimesCountersAndErrorsAsTrafficWithData) {
  Host real("real", small_cube());
  Host bare("bare", small_cube());
  TrafficExtension reading;
  TrafficExtension writing;
  writing.is_write = true;
  // Preloaded contents on both sides; without data they are only declared.
  std::vector<unsigned char> loaded = pattern(16 * kPageBytes, 1);
  real.debug(tlm::TLM_WRITE_COMMAND, page(16), loaded);
  tlm::tlm_generic_payload declare;
  declare.set_command(tlm::TLM_IGNORE_COMMAND);
  declare.set_address(page(16));
  declare.set_data_length(static_cast<unsigned>(loaded.size()));
  declare.set_extension(&writing);
  EXPECT_EQ(bare.data_isock->transport_dbg(declare), loaded.size());
  declare.clear_extension(&writing);

  Rng rng(11, "traffic");
  std::vector<unsigned char> data(20 * kPageBytes);
  for (int i = 0; i < 500; ++i) {
    const bool is_write = rng.below(4) == 0;
    const std::uint64_t address = is_write ? page(rng.below(49)) : rng.below(page(48));
    const auto bytes =
        static_cast<unsigned>(is_write ? page(1 + rng.below(4)) : 1 + rng.below(3 * kPageBytes));
    const Host::Answer a =
        real.send(is_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND, address, data.data(), bytes);
    const Host::Answer b =
        bare.send(tlm::TLM_IGNORE_COMMAND, address, nullptr, bytes, is_write ? &writing : &reading);
    ASSERT_EQ(a.time, b.time) << i;
    ASSERT_EQ(a.status, b.status) << i;
    ASSERT_EQ(real.reg(HbfRegs::kStatusOffset), bare.reg(HbfRegs::kStatusOffset)) << i;
  }
  EXPECT_EQ(real.reg(HbfRegs::kSensesOffset), bare.reg(HbfRegs::kSensesOffset));
  EXPECT_GT(bare.hbf.core().counters().programs, 10u);
  EXPECT_GT(bare.hbf.core().counters().senses, 100u);
}

TEST(HbfModule, PlainIgnoreCommandDoesNothing) {
  Host host(small_cube());
  const Host::Answer answer = host.send(tlm::TLM_IGNORE_COMMAND, 0, nullptr, 64);
  EXPECT_EQ(answer.status, tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(answer.time, 0u);
  EXPECT_EQ(host.reg(HbfRegs::kSensesOffset), 0u);
}

TEST(HbfModule, NonBlockingInitiatorHasSeveralReadsOutstanding) {
  struct Initiator : sc_core::sc_module {
    explicit Initiator(const sc_core::sc_module_name& name) : sc_module(name), hbf("hbf", small_cube()) {
      data_isock.register_nb_transport_bw(this, &Initiator::nb_transport_bw);
      data_isock.bind(hbf.data_tsock);
      ctrl_isock.bind(hbf.ctrl_tsock);
      SC_HAS_PROCESS(Initiator);
      SC_THREAD(run);
      SC_METHOD(answer);
      sensitive << answered;
      dont_initialize();
    }
    void run() {
      std::vector<unsigned char> loaded(8 * kPageBytes, 0x11);
      payloads[0].set_command(tlm::TLM_WRITE_COMMAND);
      payloads[0].set_address(0);
      payloads[0].set_data_ptr(loaded.data());
      payloads[0].set_data_length(static_cast<unsigned>(loaded.size()));
      data_isock->transport_dbg(payloads[0]);
      // Pages 0 and 1 lie in different channels, page 4 in the bank of page 0.
      const std::uint64_t addresses[] = {page(0), page(1), page(4)};
      for (unsigned i = 0; i < 3; ++i) {
        payloads[i].set_command(tlm::TLM_READ_COMMAND);
        payloads[i].set_address(addresses[i]);
        payloads[i].set_data_ptr(data[i]);
        payloads[i].set_data_length(64);
        payloads[i].set_streaming_width(64);
        tlm::tlm_phase phase = tlm::BEGIN_REQ;
        sc_core::sc_time delay;
        EXPECT_EQ(data_isock->nb_transport_fw(payloads[i], phase, delay), tlm::TLM_UPDATED);
        EXPECT_EQ(phase, tlm::END_REQ);
      }
      wait(5, sc_core::SC_US);
    }
    tlm::tlm_sync_enum nb_transport_bw(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                       sc_core::sc_time& delay) {
      EXPECT_EQ(phase, tlm::BEGIN_RESP);
      EXPECT_EQ(payload.get_response_status(), tlm::TLM_OK_RESPONSE);
      ends[&payload - payloads] = to_ps(sc_core::sc_time_stamp() + delay);
      if (++responses > 1) return tlm::TLM_COMPLETED;
      held = &payload;  // the first response is kept for 3 ns
      answered.notify(3, sc_core::SC_NS);
      return tlm::TLM_ACCEPTED;
    }
    void answer() {
      tlm::tlm_phase phase = tlm::END_RESP;
      sc_core::sc_time delay;
      EXPECT_EQ(data_isock->nb_transport_fw(*held, phase, delay), tlm::TLM_COMPLETED);
    }
    tlm_utils::simple_initiator_socket<Initiator> data_isock{"data_isock"};
    tlm_utils::simple_initiator_socket<Initiator> ctrl_isock{"ctrl_isock"};
    HbfModule hbf;
    tlm::tlm_generic_payload payloads[3];
    unsigned char data[3][64] = {};
    TimePs ends[3] = {};
    unsigned responses = 0;
    tlm::tlm_generic_payload* held = nullptr;
    sc_core::sc_event answered;
  };
  Initiator initiator("initiator");
  sc_core::sc_start(10, sc_core::SC_US);
  EXPECT_EQ(initiator.responses, 3u);
  EXPECT_EQ(initiator.data[2][63], 0x11);
  EXPECT_EQ(initiator.ends[0], ns(1121));
  EXPECT_EQ(initiator.ends[1], ns(1121 + 3));  // due at the same time, behind the response that was kept
  EXPECT_EQ(initiator.ends[2], ns(2121));
}

TEST(HbfModule, MalformedPayloadsAreRefused) {
  Host host(small_cube());
  std::vector<unsigned char> data(128);
  unsigned char enable = 0xff;
  tlm::tlm_generic_payload payload;
  payload.set_command(tlm::TLM_READ_COMMAND);
  payload.set_address(0);
  payload.set_data_ptr(data.data());
  payload.set_data_length(128);
  payload.set_streaming_width(128);
  payload.set_byte_enable_ptr(&enable);
  payload.set_byte_enable_length(1);
  sc_core::sc_time delay;
  host.data_isock->b_transport(payload, delay);
  EXPECT_EQ(payload.get_response_status(), tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
  payload.set_byte_enable_ptr(nullptr);
  payload.set_streaming_width(64);
  host.data_isock->b_transport(payload, delay);
  EXPECT_EQ(payload.get_response_status(), tlm::TLM_BURST_ERROR_RESPONSE);
  EXPECT_EQ(delay, sc_core::SC_ZERO_TIME);
}

TEST(HbfModule, GeometryRegistersDescribeThePreset) {
  Host host(load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbf_slc_1us.toml"));
  EXPECT_EQ(host.reg(HbfRegs::kCapacityMibOffset), 512u << 10);
  EXPECT_EQ(host.reg(HbfRegs::kGeometry0Offset), 16u | 1u << 8 | 25u << 16);
  EXPECT_EQ(host.reg(HbfRegs::kGeometry1Offset), 256u | 4096u << 16);
  EXPECT_EQ(host.reg(HbfRegs::kTReadNsOffset), 1000u);
  EXPECT_EQ(host.reg(HbfRegs::kTProgramNsOffset), 75000u);
}

TEST(HbfModule, UndefinedRegisterIsAnAddressError) {
  Host host(small_cube());
  std::uint32_t value = 0;
  EXPECT_EQ(host.access_reg(tlm::TLM_READ_COMMAND, 0x800, value), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(host.access_reg(tlm::TLM_WRITE_COMMAND, 0x6, value), tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

TEST(HbfModule, FarEndOfAHalfTebibyteCubeCostsLittleHostMemory) {
  Host host(load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbf_slc_1us.toml"));
  std::vector<unsigned char> data = pattern(kPageBytes, 3);
  const std::uint64_t last = (std::uint64_t{512} << 30) - kPageBytes;
  host.debug(tlm::TLM_WRITE_COMMAND, last, data);
  std::vector<unsigned char> got(kPageBytes);
  EXPECT_EQ(host.read(last, got).status, tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(got, data);
  std::vector<Stat> stats;
  StatSink sink(stats);
  host.hbf.report(sink);
  std::map<std::string, double> by_name;
  for (const Stat& stat : stats) {
    by_name[stat.name] = std::visit([](auto value) { return static_cast<double>(value); }, stat.value);
    EXPECT_FALSE(stat.unit.empty()) << stat.name;
    EXPECT_FALSE(stat.description.empty()) << stat.name;
  }
  EXPECT_EQ(by_name.at("resident_host_bytes"), 65536);
  EXPECT_EQ(by_name.at("read_bytes"), 4096);
  EXPECT_EQ(by_name.at("senses"), 1);
  EXPECT_DOUBLE_EQ(by_name.at("energy_pj"), 32768 * (5.6 + 0.5));
  EXPECT_DOUBLE_EQ(by_name.at("peak_read_gbytes_per_s"), 1638.4);
}

}  // namespace
}  // namespace memwall::hbf
