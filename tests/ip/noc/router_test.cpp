// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The router module between test initiators and memories.
#include "noc/router.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <vector>

#include "common/tlm_source.h"
#include "soc/ram.h"
#include "support/bus_driver.h"

namespace memwall::noc {
namespace {

using sc_core::SC_NS;
using sc_core::sc_time;
using testing_support::BusDriver;

/// A target that lets time pass inside b_transport and can invalidate DMI.
struct SlowTarget : sc_core::sc_module {
  tlm_utils::simple_target_socket<SlowTarget> mem_tsock{"mem_tsock"};
  std::uint64_t seen_address = 0;
  std::vector<std::uint32_t> seen_sources;
  explicit SlowTarget(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
    mem_tsock.register_b_transport(this, &SlowTarget::b_transport);
  }
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    seen_address = payload.get_address();
    seen_sources.push_back(source_of(payload));
    if (payload.get_data_length() > 8) {
      sc_core::wait(delay + sc_time(100, SC_NS));
      delay = sc_core::SC_ZERO_TIME;
    }
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
  }
};

// hart and accel -> tcm at 0x20000000 (4 KiB), sram at 0x30000000 (4 KiB of 64, 8 gbytes_per_s), slow at
// 0x100000.
struct Bench {
  BusDriver hart{"hart"}, accel{"accel"};
  Router router{"router",
                {{"hart", "accel"},
                 {{"tcm", {{0x20000000, 0x1000, 0}}, 0},
                  {"sram", {{0x30000000, 0x800, 0x800}}, 8.0},
                  {"slow", {{0x100000, 0x1000, 0}}, 1.0}},
                 10.0}};
  soc::Ram tcm{"tcm", {0x1000, 2.0, 0, false, true}};
  soc::Ram sram{"sram", {0x10000, 3.0, 0, false, true}};
  SlowTarget slow{"slow"};
  Bench() {
    hart.mem_isock.bind(router.init_tsock[0]);
    accel.mem_isock.bind(router.init_tsock[1]);
    router.targ_isock[0].bind(tcm.mem_tsock);
    router.targ_isock[1].bind(sram.mem_tsock);
    router.targ_isock[2].bind(slow.mem_tsock);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
};

TEST(Router, TranslatesAddressesAndRestoresThem) {
  Bench bench;
  bench.hart.write<std::uint64_t>(0x30000010, 0xabcdef);
  EXPECT_TRUE(bench.hart.ok());
  EXPECT_EQ(bench.hart.address_after, 0x30000010u);
  EXPECT_EQ(bench.accel.read<std::uint64_t>(0x30000010), 0xabcdefu);
  bench.hart.read32(0x100123);
  EXPECT_EQ(bench.hart.response, tlm::TLM_GENERIC_ERROR_RESPONSE) << "the target's error comes back";
  EXPECT_EQ(bench.slow.seen_address, 0x123u);
  std::uint64_t value = 0;
  EXPECT_EQ(bench.hart.debug(tlm::TLM_READ_COMMAND, 0x30000010, &value, 8), 8u);
  EXPECT_EQ(value, 0xabcdefu);
  EXPECT_EQ(bench.hart.address_after, 0x30000010u);
}

TEST(Router, ThePayloadCarriesItsInitiatorForTheTimeOfTheCall) {
  Bench bench;
  bench.hart.read32(0x100000);
  bench.accel.read32(0x100000);
  EXPECT_EQ(bench.slow.seen_sources, (std::vector<std::uint32_t>{0, 1}));

  std::uint32_t word = 0;
  tlm::tlm_generic_payload payload;
  const auto send = [&] {
    payload.set_command(tlm::TLM_READ_COMMAND);
    payload.set_address(0x100000);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(&word));
    payload.set_data_length(4);
    payload.set_streaming_width(4);
    sc_time delay;
    bench.accel.mem_isock->b_transport(payload, delay);
  };
  send();
  EXPECT_EQ(payload.get_extension<SourceExtension>(), nullptr) << "nothing stays behind";
  // A payload that comes from another router already has one.
  SourceExtension outer;
  outer.source = 7;
  payload.set_extension(&outer);
  send();
  EXPECT_EQ(bench.slow.seen_sources.back(), 1u);
  EXPECT_EQ(payload.get_extension<SourceExtension>(), &outer);
  EXPECT_EQ(outer.source, 7u);
  payload.clear_extension<SourceExtension>();
}

TEST(Router, DelayIsHopsPlusTheLaterOfPortAndTarget) {
  Bench bench;
  std::array<unsigned char, 64> data{};
  bench.hart.access(tlm::TLM_READ_COMMAND, 0x20000000, data.data(), 64);
  EXPECT_EQ(bench.hart.cost, sc_time(10 + 2 + 10, SC_NS));
  bench.accel.access(tlm::TLM_READ_COMMAND, 0x30000000, data.data(), 64);
  EXPECT_EQ(bench.accel.cost, sc_time(10 + 8 + 10, SC_NS))
      << "64 bytes at 8 gbytes_per_s hide the target's 3 ns";
  bench.accel.access(tlm::TLM_READ_COMMAND, 0x30000000, data.data(), 8);
  EXPECT_EQ(bench.accel.cost, sc_time(10 + 8 + 3 + 10, SC_NS))
      << "waits for the port, then the target is slower";
}

TEST(Router, TimingIsTheSameWithoutData) {
  Bench bench;
  std::array<unsigned char, 512> data{};
  bench.accel.start = sc_time(1000, SC_NS);
  bench.accel.access(tlm::TLM_WRITE_COMMAND, 0x30000000, data.data(), 512);
  const sc_time with_data = bench.accel.cost;
  bench.accel.start = sc_time(2000, SC_NS);
  EXPECT_EQ(bench.accel.traffic(true, 0x30000000, 512), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(bench.accel.cost, with_data);
}

TEST(Router, NothingThereAndAcrossTheEndAreAddressErrors) {
  Bench bench;
  std::array<unsigned char, 16> data{};
  bench.hart.read32(0);
  EXPECT_EQ(bench.hart.response, tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_GT(bench.hart.cost, sc_core::SC_ZERO_TIME) << "polling a hole advances time";
  EXPECT_EQ(bench.hart.access(tlm::TLM_READ_COMMAND, 0x30000000 + 0x800 - 8, data.data(), 16),
            tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(bench.hart.access(tlm::TLM_READ_COMMAND, 0x30000000 + 0x800 - 8, data.data(), 8),
            tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(bench.hart.debug(tlm::TLM_READ_COMMAND, 0x30000000 + 0x800 - 8, data.data(), 16), 8u);
  EXPECT_EQ(bench.hart.debug(tlm::TLM_READ_COMMAND, 0x50000000, data.data(), 16), 0u);
}

TEST(Router, DmiIsCutToTheWindowAndMoved) {
  Bench bench;
  tlm::tlm_dmi region;
  ASSERT_TRUE(bench.hart.dmi(0x30000100, region));
  EXPECT_EQ(region.get_start_address(), 0x30000000u);
  EXPECT_EQ(region.get_end_address(), 0x300007ffu);
  EXPECT_EQ(region.get_read_latency(), sc_time(10 + 3 + 10, SC_NS));
  region.get_dmi_ptr()[0x20] = 0x5a;
  EXPECT_EQ(bench.accel.read<unsigned char>(0x30000020), 0x5a);
  EXPECT_FALSE(bench.hart.dmi(0x100000, region));
  EXPECT_FALSE(bench.hart.dmi(0x50000000, region));
}

TEST(Router, ATargetOnTheLocalBusCostsItsInitiatorNoHop) {
  BusDriver hart("hart"), accel("accel");
  Router router("router", {{"hart", "accel"}, {{"tcm", {{0x1000, 0x1000, 0}}, 0, "hart"}}, 10.0});
  soc::Ram tcm("tcm", {0x1000, 2.0, 0, false, true});
  hart.mem_isock.bind(router.init_tsock[0]);
  accel.mem_isock.bind(router.init_tsock[1]);
  router.targ_isock[0].bind(tcm.mem_tsock);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  hart.read32(0x1000);
  EXPECT_EQ(hart.cost, sc_time(2, SC_NS));
  accel.read32(0x1000);
  EXPECT_EQ(accel.cost, sc_time(22, SC_NS));
  tlm::tlm_dmi region;
  ASSERT_TRUE(hart.dmi(0x1000, region));
  EXPECT_EQ(region.get_read_latency(), sc_time(2, SC_NS));
  ASSERT_TRUE(accel.dmi(0x1000, region));
  EXPECT_EQ(region.get_read_latency(), sc_time(22, SC_NS));
}

TEST(Router, DmiInvalidationReachesEveryInitiatorInItsAddresses) {
  Bench bench;
  bench.sram.mem_tsock->invalidate_direct_mem_ptr(0x900, 0xffff);
  for (const BusDriver* initiator : {&bench.hart, &bench.accel}) {
    EXPECT_EQ(initiator->invalidated_first, 0x30000100u);
    EXPECT_EQ(initiator->invalidated_last, 0x300007ffu);
  }
  bench.hart.invalidated_last = 0;
  bench.sram.mem_tsock->invalidate_direct_mem_ptr(0, 0x7ff);  // below the window
  EXPECT_EQ(bench.hart.invalidated_last, 0u);
}

TEST(Router, ATargetThatWaitsIsAccountedOnce) {
  Bench bench;
  sc_time finished;
  sc_core::sc_spawn([&] {
    std::array<unsigned char, 50> data{};
    bench.accel.access(tlm::TLM_READ_COMMAND, 0x100000, data.data(), 50);
    sc_core::wait(bench.accel.cost);
    finished = sc_core::sc_time_stamp();
  });
  sc_core::sc_start(1, sc_core::SC_US);
  // Hop 10, then 100 inside the target (the port's 50 ns pass meanwhile), hop 10.
  EXPECT_EQ(finished, sc_time(120, SC_NS));
}

}  // namespace
}  // namespace memwall::noc
