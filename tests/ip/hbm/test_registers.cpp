// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The controller's registers through its TLM socket.
#define SC_INCLUDE_DYNAMIC_PROCESSES
#include "support/register_tests.h"

#include <functional>
#include <map>
#include <vector>

#include "common/sc_time.h"
#include "hbm/hbm_module.h"
#include "regs/hbm_regs.h"
#include "support/bus_driver.h"

namespace memwall::hbm {
namespace {

using Regs = regs::HbmRegs;
using testing_support::BusDriver;
using testing_support::RegisterTestOptions;

/// One stack with an initiator on each socket, elaborated and reset. Data accesses wait: they run in threads.
struct Bench {
  explicit Bench(bool secded = true) : Bench(config(secded)) {}
  explicit Bench(const HbmModule::Config& config) : hbm("hbm", config) {
    bus.mem_isock.bind(hbm.ctrl_tsock);
    data.mem_isock.bind(hbm.data_tsock);
    pnm.mem_isock.bind(hbm.pnm_tsock);
    hbm.irq_out(irq);
    settle();
  }
  static HbmModule::Config config(bool secded) {
    HbmModule::Config config;
    config.preset = load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml");
    config.secded = secded;
    return config;
  }
  /// Lets a notified interrupt line follow; the injected accesses of these tests end within a microsecond.
  static void settle() { sc_core::sc_start(1, sc_core::SC_US); }
  static void in_thread(const std::function<void()>& body) {
    bool ended = false;
    sc_core::sc_spawn([&] {
      body();
      ended = true;
    });
    settle();
    EXPECT_TRUE(ended);
  }
  void inject(std::uint64_t address, unsigned bits) {
    bus.write32(Regs::kInjectAddressLoOffset, static_cast<std::uint32_t>(address));
    bus.write32(Regs::kInjectAddressHiOffset, static_cast<std::uint32_t>(address >> 32));
    bus.write32(Regs::kInjectOffset, Regs::kInjectFireMask | bits);
  }

  HbmModule hbm;
  BusDriver bus{"bus"}, data{"data"}, pnm{"pnm"};
  sc_core::sc_signal<bool> irq{"irq"};
};

TEST(HbmRegisters, FollowTheirDefinitionOnTheBus) {
  Bench bench;
  RegisterTestOptions options;
  options.w1s_self_clears = true;
  options.skip_reset_value = {"CAPACITY_MIB", "CHANNELS", "FEATURES", "TEMPERATURE", "REFRESH_INTERVAL"};
  testing_support::run_register_tests(
      Regs::kTable, Regs::kTableSize,
      [&](std::uint32_t offset, std::uint32_t& value) {
        value = bench.bus.read32(offset);
        return bench.bus.ok();
      },
      [&](std::uint32_t offset, std::uint32_t value) {
        bench.bus.write32(offset, value);
        return bench.bus.ok();
      },
      options);
  bench.bus.read32(Regs::kSizeBytes);
  EXPECT_EQ(bench.bus.response, tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

TEST(HbmRegisters, DescribeThePreset) {
  Bench bench(false);
  EXPECT_EQ(std::uint64_t{bench.bus.read32(Regs::kCapacityMibOffset)} << 20, bench.hbm.capacity_bytes());
  EXPECT_EQ(bench.bus.read32(Regs::kChannelsOffset), bench.hbm.preset().organisation.pseudo_channels_total());
  EXPECT_EQ(bench.bus.read32(Regs::kEccControlOffset), Regs::kEccControlPoisonMask) << "SECDED starts off";
  EXPECT_EQ(bench.bus.read32(Regs::kFeaturesOffset), Regs::kFeaturesSecdedMask);
  EXPECT_EQ(bench.bus.read32(Regs::kTemperatureOffset), 45000u);
  EXPECT_EQ(bench.bus.read32(Regs::kRefreshIntervalOffset), 3'900'000u) << "tREFI of HBM3";
  EXPECT_EQ(bench.bus.read32(Regs::kRowHammerMaxOffset), 0u);
}

TEST(HbmRegisters, TemperatureSelectsTheRefreshIntervalAndMayBeNegative) {
  HbmModule::Config config = Bench::config(true);
  config.preset.derating = {{85, 0.5}};
  config.preset.controller.temperature_c = 95.25;
  Bench hot(config);
  EXPECT_EQ(hot.bus.read32(Regs::kTemperatureOffset), 95250u);
  EXPECT_EQ(hot.bus.read32(Regs::kRefreshIntervalOffset), 1'950'000u);
}

TEST(HbmRegisters, ColdIsTwosComplement) {
  HbmModule::Config config = Bench::config(true);
  config.preset.controller.temperature_c = -12.5;
  Bench cold(config);
  EXPECT_EQ(static_cast<std::int32_t>(cold.bus.read32(Regs::kTemperatureOffset)), -12500);
}

TEST(HbmRegisters, AnUncorrectableReadFillsThemAndWritingOnesClearsThem) {
  Bench bench;
  const std::uint64_t address = 0x12340;
  bench.bus.write32(Regs::kIrqEnableOffset, Regs::kIrqEnableUncorrectedMask);
  bench.in_thread([&] {
    bench.data.write<std::uint64_t>(address, 0);
    bench.inject(address, 2);
    bench.data.read<std::uint64_t>(address);
  });
  EXPECT_EQ(bench.data.response, tlm::TLM_GENERIC_ERROR_RESPONSE);
  bench.settle();
  EXPECT_TRUE(bench.irq.read());
  EXPECT_EQ(bench.bus.read32(Regs::kEccUncorrectedOffset), 1u);
  EXPECT_EQ(bench.bus.read32(Regs::kEccAddressLoOffset), address);
  EXPECT_EQ(bench.bus.read32(Regs::kEccAddressHiOffset), 0u);
  EXPECT_EQ(bench.bus.read32(Regs::kIrqStatusOffset), Regs::kIrqStatusUncorrectedMask);

  bench.bus.write32(Regs::kIrqStatusOffset, 0);
  EXPECT_EQ(bench.bus.read32(Regs::kIrqStatusOffset), Regs::kIrqStatusUncorrectedMask) << "w1c: 0 keeps it";
  bench.bus.write32(Regs::kIrqStatusOffset, Regs::kIrqStatusUncorrectedMask);
  EXPECT_EQ(bench.bus.read32(Regs::kIrqStatusOffset), 0u);
  bench.settle();
  EXPECT_FALSE(bench.irq.read());
  bench.bus.write32(Regs::kEccClearOffset, Regs::kEccClearClearMask);
  EXPECT_EQ(bench.bus.read32(Regs::kEccUncorrectedOffset), 0u);
  EXPECT_EQ(bench.bus.read32(Regs::kEccAddressLoOffset), 0u);
}

TEST(HbmRegisters, RowHammerMaxCountsTheActivatesOfTheRowOpenedMostOften) {
  HbmModule::Config config = Bench::config(true);
  config.preset.controller.row_hammer_counters = true;
  Bench bench(config);
  EXPECT_NE(bench.bus.read32(Regs::kFeaturesOffset) & Regs::kFeaturesRowHammerMask, 0u);
  EXPECT_EQ(bench.bus.read32(Regs::kRowHammerMaxOffset), 0u);
  Location at;
  at.channel = 3;
  at.row = 100;
  const std::uint64_t first = config.preset.map.encode(at);
  at.row = 200;
  const std::uint64_t second = config.preset.map.encode(at);
  std::map<std::uint32_t, std::uint32_t> activates;  // by row
  bench.hbm.set_command_sink([&](const CommandRecord& record) {
    if (record.command == Command::kACT) ++activates[record.where.row];
  });
  // Thirteen reads take less than a microsecond: the first refresh comes later.
  bench.in_thread([&] {
    for (int i = 0; i < 13; ++i) bench.data.read<std::uint64_t>(i % 2 == 0 ? first : second);
  });
  EXPECT_EQ(bench.bus.read32(Regs::kRowHammerMaxOffset), 7u);
  EXPECT_EQ(activates, (std::map<std::uint32_t, std::uint32_t>{{100, 7}, {200, 6}}));
  // The same requests to the engine alone.
  Engine engine(config.preset);
  std::vector<Event> events;
  for (std::uint64_t i = 0; i < 13; ++i) {
    Request read;
    read.tag = i;
    read.address = i % 2 == 0 ? first : second;
    read.bytes = 8;
    read.arrival = i * 70 * kPsPerNs;
    engine.advance(read.arrival, events);
    engine.submit(read);
  }
  engine.finish(events);
  EXPECT_EQ(engine.most_opened().activates, 7u);
  EXPECT_EQ(engine.most_opened().address, first);
}

TEST(HbmRegisters, AnInjectionBeyondTheStackDoesNothing) {
  Bench bench;
  bench.inject(bench.hbm.capacity_bytes(), 2);
  EXPECT_TRUE(bench.bus.ok());
  bench.in_thread([&] { bench.data.read<std::uint64_t>(bench.hbm.capacity_bytes() - 8); });
  EXPECT_TRUE(bench.data.ok());
  EXPECT_EQ(bench.bus.read32(Regs::kEccUncorrectedOffset), 0u);
}

}  // namespace
}  // namespace memwall::hbm
