// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Errors as software sees them: responses, counters, addresses, interrupt, poison, the patrol scrubber,
// faults by rate.
#include <cmath>
#include <cstdio>

#include "module_bench.h"

namespace memwall::hbm {
namespace {

using sc_core::wait;
constexpr TimePs kUs = 1000 * kPsPerNs;

TimePs now_ps() { return to_ps(sc_core::sc_time_stamp()); }
std::vector<std::uint8_t> pattern(std::size_t bytes) { return std::vector<std::uint8_t>(bytes, 0xa5); }

HbmModule::Config on_die_config() {
  HbmModule::Config config = make_config();
  config.preset.on_die_ecc = true;
  return config;
}

class HbmErrors : public testing::Test, public ModuleBench {
 protected:
  HbmErrors() = default;
  explicit HbmErrors(const HbmModule::Config& config) : ModuleBench(config) {}
  std::vector<std::uint8_t> got;
  tlm::tlm_response_status read(std::uint64_t address, std::size_t bytes) {
    got.assign(bytes, 0);
    return io.read(address, got);
  }
};

TEST_F(HbmErrors, SingleBitErrorIsCorrectedAndCountedWhenTheAccessIsDone) {
  run_to_end({
      [&] {
        ASSERT_EQ(io.write(0x1000, pattern(64)), tlm::TLM_OK_RESPONSE);
        io.inject(0x1010, 1);
        EXPECT_EQ(read(0x1000, 64), tlm::TLM_OK_RESPONSE);
        EXPECT_EQ(got, pattern(64));
        EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset), 1u);
        EXPECT_EQ(io.read_register(Regs::kEccUncorrectedOffset), 0u);
        // Not corrected, not counted with ECC off.
        io.write_register(Regs::kEccControlOffset, 0);
        EXPECT_EQ(read(0x1000, 64), tlm::TLM_OK_RESPONSE);
        EXPECT_NE(got, pattern(64));
        EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset), 1u);
        EXPECT_EQ(stat("ecc_silent"), 1) << "the model knows";
        io.write_register(Regs::kEccControlOffset, Regs::kEccControlReset);
        // A write heals it; part of the word is enough, the controller reads, corrects and rewrites.
        EXPECT_EQ(io.write(0x1010, {1}), tlm::TLM_OK_RESPONSE);
        EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset), 2u);
        EXPECT_EQ(read(0x1000, 64), tlm::TLM_OK_RESPONSE);
        EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset), 2u);
        EXPECT_EQ(stat("ecc_corrected"), 2);
      },
  });
}

TEST_F(HbmErrors, CountersMoveAtTheEndOfTheAccessNotAtItsBegin) {
  hbm.inject_fault(0, 1, false);
  run_to_end({
      [&] { EXPECT_EQ(read(0, 32), tlm::TLM_OK_RESPONSE); },
      [&] {
        wait(1, sc_core::SC_NS);
        EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset), 0u);
        wait(2, sc_core::SC_US);
        EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset), 1u);
      },
  });
}

TEST_F(HbmErrors, DoubleBitErrorIsReportedByResponseCounterAddressAndInterrupt) {
  const std::uint64_t bad = (std::uint64_t{5} << 30) + 0x48;
  TimePs raised = 0, done = 0;
  run_to_end({
      [&] {
        io.inject(bad, 2);
        io.write_register(Regs::kIrqEnableOffset, Regs::kIrqEnableUncorrectedMask);
        EXPECT_EQ(read(bad & ~std::uint64_t{0xff}, 256), tlm::TLM_GENERIC_ERROR_RESPONSE);
        done = now_ps();
        EXPECT_GT(io.took, 0u);
        wait(1, sc_core::SC_PS);
        EXPECT_EQ(raised, done) << "the interrupt comes with the response";
        EXPECT_EQ(io.read_register(Regs::kEccUncorrectedOffset), 1u);
        EXPECT_EQ(io.read_register(Regs::kEccAddressLoOffset), static_cast<std::uint32_t>(bad));
        EXPECT_EQ(io.read_register(Regs::kEccAddressHiOffset), static_cast<std::uint32_t>(bad >> 32));
        io.write_register(Regs::kIrqStatusOffset, Regs::kIrqStatusUncorrectedMask);
        wait(1, sc_core::SC_PS);
        EXPECT_FALSE(io.irq.read());
      },
      [&] {
        wait(io.irq.posedge_event());
        raised = now_ps();
      },
  });
}

TEST_F(HbmErrors, APoisonedWordFailsWithoutCountingAgainUntilItIsRewritten) {
  run_to_end({[&] {
    const std::uint64_t bad = 0x2048;
    io.inject(bad, 2);
    EXPECT_EQ(read(0x2000, 256), tlm::TLM_GENERIC_ERROR_RESPONSE);
    io.write_register(Regs::kIrqStatusOffset, Regs::kIrqStatusUncorrectedMask);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(read(bad, 8), tlm::TLM_GENERIC_ERROR_RESPONSE);
    EXPECT_EQ(io.write(bad + 1, {1, 2}), tlm::TLM_GENERIC_ERROR_RESPONSE) << "a part cannot be merged";
    EXPECT_EQ(io.read_register(Regs::kEccUncorrectedOffset), 1u);
    EXPECT_EQ(io.read_register(Regs::kEccPoisonedOffset), 4u);
    EXPECT_EQ(io.read_register(Regs::kIrqStatusOffset), 0u);
    EXPECT_EQ(read(bad + 8, 8), tlm::TLM_OK_RESPONSE) << "the neighbour";
    // Without the mark the word is decoded again.
    io.write_register(Regs::kEccControlOffset, Regs::kEccControlEnableMask);
    EXPECT_EQ(read(bad, 8), tlm::TLM_GENERIC_ERROR_RESPONSE);
    EXPECT_EQ(io.read_register(Regs::kEccUncorrectedOffset), 2u);
    io.write_register(Regs::kEccControlOffset, Regs::kEccControlReset);
    EXPECT_EQ(io.write(bad, std::vector<std::uint8_t>(8, 3)), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(read(bad, 8), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(got[0], 3);
    io.write_register(Regs::kEccClearOffset, Regs::kEccClearClearMask);
    for (const std::uint32_t offset : {Regs::kEccUncorrectedOffset, Regs::kEccPoisonedOffset,
                                       Regs::kEccAddressLoOffset, Regs::kEccClearOffset})
      EXPECT_EQ(io.read_register(offset), 0u);
    EXPECT_EQ(stat("ecc_uncorrected"), 2) << "the report goes on";
    EXPECT_EQ(stat("ecc_poisoned"), 4);
  }});
}

TEST_F(HbmErrors, FourPhaseResponsesCarryTheSameErrors) {
  hbm.inject_fault(0x40, 2, false);
  run_to_end({[&] {
    for (unsigned i = 1; i <= 2; ++i) {
      ManagedPayload p(tlm::TLM_READ_COMMAND, 0x40, 8);
      io.begin(p.payload);
      io.await(i);
      EXPECT_EQ(p.payload.get_response_status(), tlm::TLM_GENERIC_ERROR_RESPONSE);
    }
    EXPECT_EQ(io.read_register(Regs::kEccUncorrectedOffset), 1u);
    EXPECT_EQ(io.read_register(Regs::kEccPoisonedOffset), 1u);
  }});
}

TEST_F(HbmErrors, PersistentAndChipFaultsAreInjectedByRegister) {
  run_to_end({[&] {
    io.inject(0x80, 2 | Regs::kInjectPersistentMask);
    EXPECT_EQ(io.write(0x80, std::vector<std::uint8_t>(8, 9)), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(read(0x80, 8), tlm::TLM_GENERIC_ERROR_RESPONSE);
    io.inject(0x100, Regs::kInjectChipMask);
    for (std::uint64_t at = 0x100; at < 0x120; at += 8)
      EXPECT_EQ(read(at, 8), tlm::TLM_GENERIC_ERROR_RESPONSE);
    EXPECT_EQ(read(0x120, 8), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(io.read_register(Regs::kEccUncorrectedOffset), 5u);
    io.inject(hbm.capacity_bytes(), 1);  // no such cell: nothing happens
    EXPECT_EQ(io.read_register(Regs::kInjectOffset) & Regs::kInjectFireMask, 0u);
  }});
}

class HbmOnDie : public HbmErrors {
 protected:
  HbmOnDie() : HbmErrors(on_die_config()) {}
};

TEST_F(HbmOnDie, OnDieCorrectionIsCountedApartAndSecdedSeesNothing) {
  run_to_end({[&] {
    EXPECT_EQ(io.read_register(Regs::kFeaturesOffset) & Regs::kFeaturesOnDieMask, Regs::kFeaturesOnDieMask);
    io.inject(0x40, 1);
    EXPECT_EQ(read(0x40, 8), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(io.read_register(Regs::kEccOnDieCorrectedOffset), 1u);
    EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset), 0u);
    io.inject(0x48, 1);  // the other half of the 128-bit codeword
    EXPECT_EQ(read(0x40, 16), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(io.read_register(Regs::kEccOnDieCorrectedOffset), 1u);
    EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset), 1u);
    io.inject(0x40, 1);
    EXPECT_EQ(read(0x40, 16), tlm::TLM_GENERIC_ERROR_RESPONSE);
    io.write_register(Regs::kEccClearOffset, Regs::kEccClearClearMask);
    EXPECT_EQ(io.read_register(Regs::kEccOnDieCorrectedOffset), 0u);
  }});
}

// The scrubber.

class HbmScrub : public HbmErrors {
 protected:
  void scrub_from(std::uint64_t address, std::uint32_t interval_ns) {
    io.write_register(Regs::kScrubAddressLoOffset, static_cast<std::uint32_t>(address));
    io.write_register(Regs::kScrubAddressHiOffset, static_cast<std::uint32_t>(address >> 32));
    io.write_register(Regs::kScrubIntervalOffset, interval_ns);
    io.write_register(Regs::kScrubControlOffset, 1);
  }
  std::uint64_t next_address() {
    return std::uint64_t{io.read_register(Regs::kScrubAddressHiOffset)} << 32 |
           io.read_register(Regs::kScrubAddressLoOffset);
  }
  void stop() { io.write_register(Regs::kScrubControlOffset, 0); }
};

TEST_F(HbmScrub, DisabledItCostsNoEventAndNoTraffic) {
  run_to_end({[&] {
    wait(10, sc_core::SC_US);
    scrub_from(0, 0);  // an interval of 0 is no scrubbing
    wait(10, sc_core::SC_US);
    scrub_from(0, 100);
    stop();
  }});
  EXPECT_EQ(now_ps(), 20 * kUs + (100 + 10) * kPsPerNs)
      << "what was scheduled is void; 10 ns of register access";
  EXPECT_EQ(stat("scrub_reads"), 0);
  EXPECT_EQ(stat("reads"), 0);
}

TEST_F(HbmScrub, ReadsOneBurstPerIntervalAsTrafficOfItsOwn) {
  run_to_end({[&] {
    scrub_from(0x1000, 500);
    wait(to_sc(100 * 500 * kPsPerNs + 250 * kPsPerNs));
    stop();
    EXPECT_EQ(next_address(), 0x1000u + 100 * 32);
  }});
  EXPECT_EQ(stat("scrub_reads"), 100);
  EXPECT_EQ(stat("reads"), 100);
  EXPECT_EQ(stat("data.read_requests") + stat("data.read_bytes") + stat("data.read_bursts"), 0)
      << "not taken for somebody's traffic";
  EXPECT_DOUBLE_EQ(stat("energy_phy_pj"), 100 * hbm.preset().energy.read_phy_pj) << "it goes over the pins";
}

TEST_F(HbmScrub, WritesBackWhatItCorrectsAndCountsWhatItCannot) {
  run_to_end({[&] {
    io.write(0x2000, pattern(256));
    hbm.inject_fault(0x2008, 1, false);
    hbm.inject_fault(0x2040, 2, false);
    hbm.inject_fault(0x2048, 1, false);
    hbm.inject_fault(0x2060, 1, true);
    scrub_from(0x2000, 1000);
    wait(8500, sc_core::SC_NS);
    stop();
    EXPECT_EQ(io.read_register(Regs::kScrubCorrectedOffset), 3u);
    EXPECT_EQ(io.read_register(Regs::kScrubUncorrectedOffset), 1u);
    EXPECT_EQ(io.read_register(Regs::kEccAddressLoOffset), 0x2040u);
    EXPECT_EQ(io.read_register(Regs::kIrqStatusOffset), Regs::kIrqStatusUncorrectedMask);
    EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset) + io.read_register(Regs::kEccUncorrectedOffset),
              0u);
    EXPECT_EQ(stat("scrub_writes"), 3);
    EXPECT_EQ(stat("writes"), 3 + 8) << "three write-backs and the 256 bytes at the start";
    EXPECT_EQ(stat("data.write_bursts"), 8);
    // Afterwards: healed, poisoned, healed beside the poison, stuck.
    EXPECT_EQ(read(0x2000, 0x40), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(got, pattern(0x40));
    EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset), 0u);
    EXPECT_EQ(read(0x2040, 8), tlm::TLM_GENERIC_ERROR_RESPONSE);
    EXPECT_EQ(io.read_register(Regs::kEccPoisonedOffset), 1u);
    EXPECT_EQ(read(0x2048, 8), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset), 0u);
    EXPECT_EQ(read(0x2060, 8), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(io.read_register(Regs::kEccCorrectedOffset), 1u);
    // The next pass finds the poisoned word again and does not count it again.
    scrub_from(0x2040, 1000);
    wait(1500, sc_core::SC_NS);
    stop();
    EXPECT_EQ(io.read_register(Regs::kScrubUncorrectedOffset), 1u);
  }});
}

TEST_F(HbmScrub, KeepsTwoSingleErrorsFromBecomingADoubleOne) {
  run_to_end({[&] {
    hbm.inject_fault(0x40, 1, false);
    scrub_from(0x40, 1000);
    wait(1500, sc_core::SC_NS);
    stop();
    hbm.inject_fault(0x40, 1, false);
    EXPECT_EQ(read(0x40, 8), tlm::TLM_OK_RESPONSE);
  }});
}

TEST_F(HbmScrub, WrapsAtTheEndOfTheStackAndCountsPasses) {
  run_to_end({[&] {
    scrub_from(hbm.capacity_bytes() - 40, 100);  // in the middle of the last burst but one
    wait(350, sc_core::SC_NS);
    stop();
    EXPECT_EQ(io.read_register(Regs::kScrubPassesOffset), 1u);
    EXPECT_EQ(next_address(), 32u);
    scrub_from(hbm.capacity_bytes() + 64, 100);
    wait(150, sc_core::SC_NS);
    stop();
    EXPECT_EQ(next_address(), 32u) << "outside the stack stands for 0";
  }});
}

TEST_F(HbmScrub, UnderLoadItHasOneBurstAtATimeInFlight) {
  // An interval far below the latency: a burst starts when the one before is done.
  TimePs latency = 0;
  run_to_end({
      [&] {
        got.assign(32, 0);
        io.read(0x100000, got);
        latency = io.took;
        scrub_from(0, 1);
        wait(20, sc_core::SC_US);
        stop();
      },
  });
  const double most =
      static_cast<double>(20 * kUs) / static_cast<double>(hbm.preset().cycles("tRL") * hbm.preset().tCK_ps);
  EXPECT_GT(latency, 0u);
  EXPECT_GT(stat("scrub_reads"), most / 10);
  EXPECT_LE(stat("scrub_reads"), most);
}

// Faults by rate.

HbmModule::Config rate_config(double per_gib_hour, FaultKind kind) {
  HbmModule::Config config = make_config();
  config.fault_rate = {per_gib_hour, kind};
  config.seed = 4;
  return config;
}

TEST(HbmFaultRate, FaultsOfTheTimeThatPassedAreMetByTheNextAccess) {
  constexpr double kRate = 1.5e11;
  constexpr unsigned kBytes = 8 << 20;
  ModuleBench bench(rate_config(kRate, FaultKind::kSingle));
  double seconds = 0;
  run_to_end({[&] {
    std::vector<std::uint8_t> data(kBytes);
    bench.io.write(0, data);
    wait(1, sc_core::SC_MS);
    seconds = static_cast<double>(now_ps()) * 1e-12;
    EXPECT_EQ(bench.io.read(0, data), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(data, std::vector<std::uint8_t>(kBytes, 0));
  }});
  const double expected = kRate / 3600 * seconds * kBytes / (1 << 30);
  std::printf("expected %.0f, measured %.0f\n", expected, bench.stat("ecc_corrected"));
  EXPECT_NEAR(bench.stat("ecc_corrected"), expected, 4 * std::sqrt(expected));
}

TEST(HbmFaultRate, KindAndSeedAreThoseOfTheConfiguration) {
  const HbmModule::Config config = rate_config(1e11, FaultKind::kDouble);
  HbmModule::Config other = config;
  other.seed = 5;
  ModuleBench a(config, "_a"), b(other, "_b");
  double found[2];
  std::uint32_t address[2];
  run_to_end({[&] {
    wait(1, sc_core::SC_MS);
    int i = 0;
    for (ModuleBench* bench : {&a, &b}) {
      std::vector<std::uint8_t> data(4 << 20);
      EXPECT_EQ(bench->io.read(0, data), tlm::TLM_GENERIC_ERROR_RESPONSE);
      found[i] = bench->stat("ecc_uncorrected");
      address[i++] = bench->io.read_register(Regs::kEccAddressLoOffset);
      EXPECT_EQ(bench->stat("ecc_corrected"), 0);
    }
  }});
  EXPECT_GT(found[0], 0);
  EXPECT_NE(address[0], address[1]);
}

}  // namespace
}  // namespace memwall::hbm
