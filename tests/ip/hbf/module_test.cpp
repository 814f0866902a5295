// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The SystemC shell through TLM initiators: data, errors, traffic without data, blocking and four phases, the
// way into the chip's memory, interrupts, report.
#include "hbf/axi_extension.h"
#include "module_bench.h"

namespace memwall::hbf {
namespace {
using namespace testing_support;
using sc_core::wait;

class HbfShell : public testing::Test, public ModuleBench {
 protected:
  Bytes load(std::uint64_t pages = 64) {
    Bytes data = pattern(pages * kPageBytes, 5);
    EXPECT_EQ(io.debug(tlm::TLM_WRITE_COMMAND, 0, data), data.size());
    return data;
  }
};
Bytes slice(const Bytes& from, std::uint64_t begin, std::uint64_t bytes) {
  return Bytes(from.begin() + static_cast<std::ptrdiff_t>(begin),
               from.begin() + static_cast<std::ptrdiff_t>(begin + bytes));
}

constexpr TimePs kCold = ns(2 + 10 + 5 + 1000 + 100 + 38 + 10);

TEST_F(HbfShell, LoadedBytesAreReadAtAnyAlignment) {
  const Bytes loaded = load(4);
  run_to_end({[&] {
    for (const std::uint64_t from : {0u, 1u, 63u, 3096u, 5000u}) {
      Bytes got(4099);
      EXPECT_EQ(io.read(from, got), tlm::TLM_OK_RESPONSE);
      EXPECT_EQ(got, slice(loaded, from, 4099)) << from;
    }
  }});
}

TEST_F(HbfShell, BlockingAccessWaitsForItsAnnotatedDelayAndUntilItIsDone) {
  load();
  run_to_end({[&] {
    Bytes got(kPageBytes);
    Payload payload;
    Initiator::fill(payload, tlm::TLM_READ_COMMAND, page(3), got.data(), kPageBytes);
    EXPECT_EQ(io.send(payload, ns(77)), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(io.took, kCold);
    EXPECT_EQ(now_ps(), ns(77) + kCold);
  }});
}

TEST_F(HbfShell, WrittenPagesReadBackAndTheRestOfTheBlockIsErased) {
  const Bytes old = load();
  run_to_end({[&] {
    EXPECT_EQ(io.write(0, pattern(kPageBytes, 9)), tlm::TLM_OK_RESPONSE);
    EXPECT_GE(io.took, small_cube().timing.tBERS + small_cube().timing.tPROG);
    Bytes got(kPageBytes);
    EXPECT_EQ(io.read(0, got), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(got, pattern(kPageBytes, 9));
    EXPECT_EQ(io.read(page(4), got), tlm::TLM_GENERIC_ERROR_RESPONSE);
    EXPECT_EQ(got, Bytes(kPageBytes, 0xff));
    EXPECT_EQ(io.read(page(5), got), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(got, slice(old, page(5), kPageBytes));
  }});
  EXPECT_EQ(stat("erases"), 1);
  EXPECT_EQ(stat("blocks_rewritten"), 1);
  EXPECT_EQ(stat("write_bytes"), 4096);
}

TEST_F(HbfShell, RefusedWriteKeepsTheOldContentsAndLeavesAnEvent) {
  Bytes old = load();
  run_to_end({[&] {
    EXPECT_EQ(io.write(page(4), pattern(kPageBytes, 9)), tlm::TLM_GENERIC_ERROR_RESPONSE);
    EXPECT_EQ(io.reg(Regs::kEventStatusOffset),
              Regs::kEventStatusValidMask | Regs::kEventStatusWriteMask | 2u << Regs::kEventStatusCodeShift);
    EXPECT_EQ(io.event_address(), page(4));
    io.set_reg(Regs::kEventPopOffset, 1);
    EXPECT_EQ(io.reg(Regs::kEventStatusOffset), 0u);
    Bytes got(old.size());
    EXPECT_EQ(io.debug(tlm::TLM_READ_COMMAND, 0, got), got.size());
    EXPECT_EQ(got, old);
  }});
}

TEST_F(HbfShell, WriteThatIsNotWholeChunksIsABurstError) {
  run_to_end({[&] {
    for (const auto& [at, bytes] : {std::pair{32u, 64u}, {0u, 65u}, {0u, 4u}, {4095u, 64u}}) {
      EXPECT_EQ(io.write(at, Bytes(bytes)), tlm::TLM_BURST_ERROR_RESPONSE);
      EXPECT_EQ(io.took, 0u);
    }
    EXPECT_EQ(io.reg(Regs::kEventStatusOffset), 0u);
  }});
}

TEST_F(HbfShell, WhatLiesBeyondTheWindowIsAnAddressErrorAndMalformedPayloadsAreRefused) {
  run_to_end({[&] {
    Bytes got(128);
    EXPECT_EQ(io.read(page(64) - 64, got), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(io.write(~std::uint64_t{0} - 4095, Bytes(4096)), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(io.traffic(true, page(64), 4096), tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(io.took, 0u);
    EXPECT_EQ(io.debug(tlm::TLM_READ_COMMAND, page(64), got), 0u);
    EXPECT_EQ(io.debug(tlm::TLM_READ_COMMAND, page(64) - 64, got), 64u);
    unsigned char enables[1] = {0xff};
    Payload payload;
    Initiator::fill(payload, tlm::TLM_READ_COMMAND, 0, got.data(), 64);
    payload.set_byte_enable_ptr(enables);
    payload.set_byte_enable_length(1);
    EXPECT_EQ(io.send(payload), tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
    Initiator::fill(payload, tlm::TLM_READ_COMMAND, 0, got.data(), 64);
    payload.set_byte_enable_ptr(nullptr);
    payload.set_streaming_width(8);
    EXPECT_EQ(io.send(payload), tlm::TLM_BURST_ERROR_RESPONSE);
    Initiator::fill(payload, tlm::TLM_IGNORE_COMMAND, 0, nullptr, 64);
    EXPECT_EQ(io.send(payload), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(io.took, 0u);
  }});
  EXPECT_EQ(stat("senses"), 0);
}

TEST_F(HbfShell, BlockingAccessFromOutsideAThreadIsAnError) {
  Bytes got(64);
  EXPECT_THROW(io.read(0, got), ModelError);
}

TEST_F(HbfShell, SoftwareRetryLoopRecoversAPageInHostMode) {
  const Bytes loaded = load();
  run_to_end({[&] {
    // Set Feature kRetryMode = 1 on channel 0.
    io.set_reg(Regs::kAdminIndexOffset, 0);
    io.set_reg(Regs::kAdminDataOffset, 1);
    io.set_reg(Regs::kAdminUserOffset, 0);
    io.set_reg(Regs::kAdminAddressLoOffset, 0x01u | 3u << 8);
    io.set_reg(Regs::kIrqEnableOffset, Regs::kIrqEnableAdminMask);
    io.set_reg(Regs::kAdminGoOffset, static_cast<std::uint32_t>(Regs::AdminGoAction::kWrite));
    EXPECT_EQ(io.reg(Regs::kAdminStatusOffset), Regs::kAdminStatusBusyMask);
    wait(io.irq.posedge_event());
    EXPECT_EQ(io.reg(Regs::kAdminStatusOffset), Regs::kAdminStatusDoneMask);
    io.set_reg(Regs::kIrqStatusOffset, Regs::kIrqStatusAdminMask);
    io.inject(0, Regs::InjectKind::kRetry, 2);
    Bytes got(kPageBytes);
    unsigned rounds = 0;
    while (io.read(0, got) != tlm::TLM_OK_RESPONSE && rounds < 8) {
      const std::uint32_t event = io.reg(Regs::kEventStatusOffset);
      ASSERT_EQ((event & Regs::kEventStatusCodeMask) >> Regs::kEventStatusCodeShift, 6u);
      const std::uint32_t stage = (event & Regs::kEventStatusInfoMask) >> Regs::kEventStatusInfoShift;
      EXPECT_EQ(stage, ++rounds);
      io.set_reg(Regs::kEventPopOffset, 1);
      io.set_reg(Regs::kControlOffset, stage << Regs::kControlRetryStageShift);
    }
    EXPECT_EQ(rounds, 2u);
    EXPECT_EQ(got, slice(loaded, 0, kPageBytes));
    EXPECT_FALSE(io.irq.read());
  }});
}

/// An access with its AxiExtension, by either transport.
struct WithExtension {
  tlm::tlm_response_status tlm = tlm::TLM_INCOMPLETE_RESPONSE;
  AxiExtension axi;
  Bytes data;
};
WithExtension access_with(Initiator& io, bool phased, bool is_write, std::uint64_t address, Bytes data,
                          std::optional<unsigned> stage = std::nullopt) {
  WithExtension out;
  out.data = std::move(data);
  out.axi.retry_stage = stage;
  out.axi.status = out.axi.info = 15;  // of an access before
  out.axi.data_valid = true;
  out.axi.offset = 7;
  Payload payload;
  payload.set_extension(&out.axi);
  Initiator::fill(payload, is_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND, address,
                  out.data.data(), static_cast<unsigned>(out.data.size()));
  if (phased) {
    const unsigned before = io.responses;
    io.begin(payload);
    io.await(before + 1);
    wait(1, sc_core::SC_NS);
  } else {
    io.send(payload);
  }
  out.tlm = payload.get_response_status();
  payload.clear_extension(&out.axi);
  return out;
}
void expect_axi(const WithExtension& got, tlm::tlm_response_status tlm, unsigned status, unsigned info,
                bool data_valid, std::uint64_t offset) {
  EXPECT_EQ(got.tlm, tlm);
  EXPECT_EQ(got.axi.status, status);
  EXPECT_EQ(got.axi.info, info);
  EXPECT_EQ(got.axi.data_valid, data_valid);
  EXPECT_EQ(got.axi.offset, offset);
}

class HbfShellExtension : public HbfShell, public testing::WithParamInterface<bool> {
 protected:
  WithExtension read(std::uint64_t address, std::uint64_t bytes = kPageBytes,
                     std::optional<unsigned> stage = std::nullopt) {
    return access_with(io, GetParam(), false, address, Bytes(bytes), stage);
  }
  WithExtension write(std::uint64_t address) {
    return access_with(io, GetParam(), true, address, pattern(kPageBytes, 9));
  }
  static constexpr std::uint64_t kNone = AxiExtension::kNoOffset;
};
INSTANTIATE_TEST_SUITE_P(Transports, HbfShellExtension, testing::Bool(),
                         [](const auto& phased) { return phased.param ? "FourPhases" : "Blocking"; });

TEST_P(HbfShellExtension, ReadsAnswerStatusInfoAndValidityInTheExtension) {
  const Bytes loaded = load();
  run_to_end({[&] {
    const auto ok = tlm::TLM_OK_RESPONSE, bad = tlm::TLM_GENERIC_ERROR_RESPONSE;
    io.inject(page(1), Regs::InjectKind::kCorrectedHigh);
    WithExtension got = read(page(1) + 100, 64);
    expect_axi(got, ok, 0x5, 2, true, page(1) + 100);
    EXPECT_EQ(got.data, slice(loaded, page(1) + 100, 64));
    expect_axi(read(page(5)), ok, 0x0, 0, true, kNone);  // clears it
    io.inject(page(2), Regs::InjectKind::kUncorrectable);
    got = read(page(2));
    expect_axi(got, bad, 0x4, 2, false, page(2));
    EXPECT_EQ(got.data, Bytes(kPageBytes, 0xff));
    EXPECT_EQ(io.write(page(0), pattern(kPageBytes, 9)), ok);
    expect_axi(read(page(4)), bad, 0x7, 0, false, page(4));  // erased with page 0
    // The failure with the lowest offset, before a hint below it.
    io.inject(page(17), Regs::InjectKind::kCorrectedHigh);
    io.inject(page(18), Regs::InjectKind::kUncorrectable);
    io.inject(page(19), Regs::InjectKind::kUnusable, 1, 1);
    expect_axi(read(page(16), 4 * kPageBytes), bad, 0x4, 2, false, page(18));
    io.inject(page(22), Regs::InjectKind::kCorrectedHigh);
    io.inject(page(21), Regs::InjectKind::kCorrectedHigh);
    expect_axi(read(page(20), 3 * kPageBytes), ok, 0x5, 2, true, page(21));
    expect_axi(read(page(64)), tlm::TLM_ADDRESS_ERROR_RESPONSE, 0, 0, false, kNone);
  }});
}

TEST_P(HbfShellExtension, WritesAnswerTheirStatusInTheExtension) {
  run_to_end({[&] {
    const auto ok = tlm::TLM_OK_RESPONSE, bad = tlm::TLM_GENERIC_ERROR_RESPONSE;
    expect_axi(write(page(1)), ok, 0x0, 0, false, kNone);
    expect_axi(write(page(1) + 4 * kPageBytes), ok, 0x0, 0, false, kNone);
    expect_axi(write(page(5)), bad, 0x2, 0, false, page(5));    // is programmed already
    expect_axi(write(page(13)), bad, 0x6, 1, false, page(13));  // skips page 9
    io.inject(page(0), Regs::InjectKind::kProgramFail);
    expect_axi(write(page(0)), bad, 0x7, 0, false, page(0));
    expect_axi(write(page(4)), bad, 0x6, 2, false, page(4));
    expect_axi(access_with(io, GetParam(), true, 32, Bytes(64)), tlm::TLM_BURST_ERROR_RESPONSE, 0, 0, false,
               kNone);
  }});
}

TEST_P(HbfShellExtension, HintOfAPageReadAheadReachesItsReader) {
  load();
  const std::uint64_t table[] = {page(8), page(4)};
  put(0x100, table, sizeof table);
  run_to_end({[&] {
    io.inject(page(9), Regs::InjectKind::kCorrectedHigh);
    io.inject(page(8), Regs::InjectKind::kCorrectedHigh);
    io.set_reg64(Regs::kStreamTableLoOffset, 0x100);
    io.set_reg(Regs::kStreamCountOffset, 1);
    io.set_reg(Regs::kStreamDepthOffset, 4);
    io.set_reg(Regs::kStreamControlOffset, Regs::kStreamControlEnableMask);
    wait(to_sc(ns(500)));  // on its way
    expect_axi(read(page(8)), tlm::TLM_OK_RESPONSE, 0x5, 2, true, page(8));
    wait(to_sc(ns(5000)));  // here
    expect_axi(read(page(9) + 64, 64), tlm::TLM_OK_RESPONSE, 0x5, 2, true, page(9) + 64);
    expect_axi(read(page(10)), tlm::TLM_OK_RESPONSE, 0x0, 0, true, kNone);
    EXPECT_EQ(io.reg(Regs::kCountPrefetchHitsOffset), 3u);
    EXPECT_EQ(io.reg(Regs::kCountPrefetchMissesOffset), 0u);
  }});
}

TEST_P(HbfShellExtension, RetryStageOfTheExtensionGoesBeforeThatOfTheRegister) {
  const Bytes loaded = load();
  run_to_end({[&] {
    io.set_reg(Regs::kAdminIndexOffset, 0);
    io.set_reg(Regs::kAdminDataOffset, 1);
    io.set_reg(Regs::kAdminUserOffset, 0);
    io.set_reg(Regs::kAdminAddressLoOffset, 0x01u | 3u << 8);  // retries by the host
    io.set_reg(Regs::kAdminGoOffset, static_cast<std::uint32_t>(Regs::AdminGoAction::kWrite));
    wait(to_sc(ns(1000)));
    io.inject(0, Regs::InjectKind::kRetry, 2);
    expect_axi(read(0), tlm::TLM_GENERIC_ERROR_RESPONSE, 0x6, 1, false, 0);
    expect_axi(read(0, kPageBytes, 1), tlm::TLM_GENERIC_ERROR_RESPONSE, 0x6, 2, false, 0);
    io.set_reg(Regs::kControlOffset, 1u << Regs::kControlRetryStageShift);
    const WithExtension got = read(0, kPageBytes, 2);
    expect_axi(got, tlm::TLM_OK_RESPONSE, 0x0, 0, true, kNone);
    EXPECT_EQ(got.data, slice(loaded, 0, kPageBytes));
  }});
}

TEST_F(HbfShell, RetryStageAboveSevenIsAnError) {
  load();
  sc_core::sc_spawn([&] {
    EXPECT_EQ(access_with(io, false, false, 0, Bytes(64), 8).tlm, tlm::TLM_GENERIC_ERROR_RESPONSE);
  });
  sc_core::sc_start(to_sc(ns(10000)));
  EXPECT_THROW(rethrow_simulation_error(), Error);
}

TEST_F(HbfShell, LongReadWithoutDataTellsItsFirstFailedPageInTheExtension) {
  Config config = small_cube();
  config.functional = false;
  config.blocks_per_plane = 500;
  config.capacity_bytes = 2 * 3968 * kPageBytes;
  config.zones_per_channel = 0;
  ModuleBench long_one(config, "_long");
  long_one.hbf.controller().debug_write(0, nullptr, config.capacity_bytes);
  run_to_end({[&] {
    long_one.io.inject(page(700), Regs::InjectKind::kUncorrectable);
    long_one.io.inject(page(601), Regs::InjectKind::kUncorrectable);
    long_one.io.inject(page(500), Regs::InjectKind::kCorrectedHigh);
    TrafficExtension traffic;
    AxiExtension axi;
    Payload payload;
    Initiator::fill(payload, tlm::TLM_IGNORE_COMMAND, 0, nullptr, 1000 * kPageBytes);
    payload.set_extension(&traffic);
    payload.set_extension(&axi);
    EXPECT_EQ(long_one.io.send(payload), tlm::TLM_GENERIC_ERROR_RESPONSE);
    EXPECT_EQ(axi.status, 4u);
    EXPECT_EQ(axi.offset, page(601));
    payload.clear_extension(&traffic);
    payload.clear_extension(&axi);
  }});
}

TEST_F(HbfShell, InterruptFollowsCausesAndEnables) {
  load();
  run_to_end({[&] {
    io.inject(page(1), Regs::InjectKind::kCorrectedHigh);
    Bytes got(64);
    EXPECT_EQ(io.read(page(1), got), tlm::TLM_OK_RESPONSE) << "valid, with a hint";
    wait(1, sc_core::SC_NS);
    EXPECT_FALSE(io.irq.read());
    EXPECT_EQ(io.reg(Regs::kIrqStatusOffset), Regs::kIrqStatusEventMask);
    io.set_reg(Regs::kIrqEnableOffset, Regs::kIrqEnableEventMask);
    wait(1, sc_core::SC_NS);
    EXPECT_TRUE(io.irq.read());
    EXPECT_TRUE((io.reg(Regs::kEventStatusOffset) & Regs::kEventStatusDataValidMask) != 0);
    io.set_reg(Regs::kIrqStatusOffset, Regs::kIrqStatusEventMask);
    wait(1, sc_core::SC_NS);
    EXPECT_FALSE(io.irq.read());
  }});
}

TEST_F(HbfShell, ReadAheadFetchesItsTableFromMemory) {
  const Bytes loaded = load();
  const std::uint64_t table[] = {page(8), page(4), page(0), page(8)};
  put(0x100, table, sizeof table);
  run_to_end({[&] {
    io.set_reg64(Regs::kStreamTableLoOffset, 0x100);
    io.set_reg(Regs::kStreamCountOffset, 2);
    io.set_reg(Regs::kStreamDepthOffset, 8);
    io.set_reg(Regs::kStreamControlOffset, Regs::kStreamControlEnableMask);
    wait(to_sc(ns(5000)));
    EXPECT_EQ(io.reg(Regs::kStreamStatusOffset) & 0xffff, 8u);
    EXPECT_EQ(io.reg(Regs::kStreamStatusOffset) >> 16, 1u);
    Bytes got(kPageBytes);
    for (const std::uint64_t p : {8u, 9u, 10u, 11u, 0u, 1u, 2u, 3u, 4u}) {
      EXPECT_EQ(io.read(page(p), got), tlm::TLM_OK_RESPONSE);
      EXPECT_EQ(io.took, 0u) << p;
      EXPECT_EQ(got, slice(loaded, page(p), kPageBytes));
      wait(to_sc(ns(3000)));
    }
    EXPECT_EQ(io.reg(Regs::kCountPrefetchHitsOffset), 9u);
    EXPECT_EQ(io.reg(Regs::kCountPrefetchMissesOffset), 0u);
    // From the beginning again.
    io.set_reg(Regs::kStreamControlOffset, Regs::kStreamControlEnableMask | Regs::kStreamControlRestartMask);
    EXPECT_EQ(io.reg(Regs::kStreamControlOffset), Regs::kStreamControlEnableMask);
    wait(to_sc(ns(3000)));
    EXPECT_EQ(io.read(page(8), got), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(io.took, 0u);
    io.set_reg(Regs::kStreamControlOffset, 0);
    wait(to_sc(ns(3000)));
    EXPECT_EQ(io.reg(Regs::kStreamStatusOffset) & 0xffff, 0u);
    io.read(page(20), got);
    EXPECT_EQ(io.took, kCold);
    EXPECT_EQ(io.reg(Regs::kCountPrefetchMissesOffset), 1u);
  }});
  EXPECT_EQ(stat("prefetch_hits"), 10);
  EXPECT_EQ(stat("exposed_latency_ns"), kCold / 1000);
  EXPECT_GE(stat("hidden_latency_ns"), 10 * kCold / 1000);
}

TEST_F(HbfShell, TableOutsideTheMemoryIsShownInTheControlRegister) {
  run_to_end({[&] {
    io.set_reg64(Regs::kStreamTableLoOffset, std::uint64_t{1} << 40);
    io.set_reg(Regs::kStreamCountOffset, 2);
    io.set_reg(Regs::kStreamDepthOffset, 8);
    io.set_reg(Regs::kStreamControlOffset, Regs::kStreamControlEnableMask);
    wait(to_sc(ns(500)));
    EXPECT_EQ(io.reg(Regs::kStreamControlOffset),
              Regs::kStreamControlEnableMask | Regs::kStreamControlErrorMask);
  }});
}

TEST_F(HbfShell, ProgramEntriesCopyPagesFromMemoryIntoTheCube) {
  const Bytes source = pattern(16 * kPageBytes, 77);
  put(0x2000, source.data(), source.size());
  run_to_end({[&] {
    const std::uint32_t entries = io.reg(Regs::kConfig1Offset) >> 16;
    EXPECT_EQ(io.reg(Regs::kProgramStatusOffset), entries);
    io.set_reg(Regs::kIrqEnableOffset, Regs::kIrqEnableProgramMask);
    io.set_reg64(Regs::kProgramSourceLoOffset, 0x2000);
    io.set_reg64(Regs::kProgramTargetLoOffset, page(0));
    io.set_reg(Regs::kProgramStrideOffset, 1);
    io.set_reg(Regs::kProgramGoOffset, 0);  // no page: ignored
    EXPECT_EQ(io.reg(Regs::kProgramStatusOffset), entries);
    io.set_reg(Regs::kProgramGoOffset, 16u | 0xabcdu << 16);
    EXPECT_EQ(io.reg(Regs::kProgramStatusOffset), entries - 1);
    wait(io.irq.posedge_event());
    EXPECT_EQ(io.reg(Regs::kProgramStatusOffset), (entries - 1) | 1u << 16);
    EXPECT_EQ(io.reg(Regs::kProgramDoneOffset), Regs::kProgramDoneValidMask | 0xabcdu << 16);
    io.set_reg(Regs::kProgramPopOffset, 1);
    EXPECT_EQ(io.reg(Regs::kProgramDoneOffset), 0u);
    EXPECT_EQ(io.reg(Regs::kProgramStatusOffset), entries);
    Bytes got(source.size());
    EXPECT_EQ(io.read(0, got), tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(got, source);
    // A source that is not there.
    io.set_reg64(Regs::kProgramSourceLoOffset, std::uint64_t{1} << 40);
    io.set_reg64(Regs::kProgramTargetLoOffset, page(32));
    io.set_reg(Regs::kProgramGoOffset, 4u);
    wait(to_sc(ns(1000)));
    EXPECT_EQ(io.reg(Regs::kProgramDoneOffset),
              Regs::kProgramDoneValidMask | Regs::kProgramDoneFailedMask | Regs::kProgramDoneBusErrorMask);
  }});
  EXPECT_EQ(stat("programs"), 16);
}

TEST_F(HbfShell, RegisterAccessHappensAtItsAnnotatedTime) {
  load();
  run_to_end({[&] {
    std::uint32_t value = static_cast<std::uint32_t>(Regs::PowerAction::kResetbd);
    io.ctrl(tlm::TLM_WRITE_COMMAND, Regs::kPowerOffset, value, ns(4000));
    EXPECT_GE(now_ps(), ns(4000));
    EXPECT_EQ(io.reg(Regs::kPinsOffset) & Regs::kPinsReadyMask, 0u);
    wait(to_sc(small_cube().timing.tBOOT - ns(100)));
    EXPECT_EQ(io.reg(Regs::kPinsOffset) & Regs::kPinsReadyMask, 0u);
    wait(to_sc(ns(200)));
    EXPECT_EQ(io.reg(Regs::kPinsOffset) & Regs::kPinsReadyMask, Regs::kPinsReadyMask);
    EXPECT_EQ(io.reg(Regs::kIrqStatusOffset), Regs::kIrqStatusPinsMask);
  }});
}

TEST_F(HbfShell, TrafficWithoutDataHasTheSameTimesCountersAndErrorsAsTrafficWithData) {
  Config config = small_cube();
  config.functional = false;
  ModuleBench bare(config, "_bare");
  load();
  TrafficExtension marking;
  marking.is_write = true;
  Payload mark;
  Initiator::fill(mark, tlm::TLM_IGNORE_COMMAND, 0, nullptr, 64 * kPageBytes);
  mark.set_extension(&marking);
  EXPECT_EQ(bare.io.data_isock->transport_dbg(mark), 64 * kPageBytes);
  mark.clear_extension(&marking);
  std::vector<std::pair<TimePs, tlm::tlm_response_status>> real_log, bare_log;
  const auto body = [](bool real, Initiator& initiator, auto& log) {
    Rng rng(11, "traffic");
    Bytes data(8 * kPageBytes);
    for (int i = 0; i < 200; ++i) {
      const bool is_write = rng.below(4) == 0;
      const std::uint64_t address = is_write ? page(rng.below(64)) : rng.below(page(64));
      const auto bytes =
          static_cast<unsigned>(is_write ? page(1 + rng.below(3)) : 1 + rng.below(3 * kPageBytes));
      const tlm::tlm_response_status status =
          real ? initiator.access(is_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND, address,
                                  data.data(), bytes)
               : initiator.traffic(is_write, address, bytes);
      log.push_back({initiator.took, status});
    }
  };
  run_to_end({[&] { body(true, io, real_log); }, [&] { body(false, bare.io, bare_log); }});
  EXPECT_EQ(real_log, bare_log);
  for (const char* name : {"senses", "programs", "erases", "read_bytes", "write_bytes", "energy_pj"}) {
    EXPECT_EQ(stat(name), bare.stat(name)) << name;
  }
  EXPECT_GT(stat("programs"), 10);
  EXPECT_GT(stat("resident_host_bytes"), 0);
  EXPECT_EQ(bare.stat("resident_host_bytes"), 0);
}

TEST_F(HbfShell, LongReadWithoutDataTakesAsLongAsItsPages) {
  Config config = small_cube();
  config.functional = false;
  config.blocks_per_plane = 500;
  config.capacity_bytes = 2 * 3968 * kPageBytes;
  config.zones_per_channel = 0;
  ModuleBench whole(config, "_whole"), pages(config, "_pages");
  for (ModuleBench* b : {&whole, &pages}) b->hbf.controller().debug_write(0, nullptr, config.capacity_bytes);
  const unsigned n = 2000;
  TimePs took = 0, last = 0;
  std::vector<std::function<void()>> bodies = {[&] {
    EXPECT_EQ(whole.io.traffic(false, 0, n * kPageBytes), tlm::TLM_OK_RESPONSE);
    took = whole.io.took;
  }};
  for (unsigned i = 0; i < n; ++i) {
    bodies.emplace_back([&, i] {
      EXPECT_EQ(pages.io.traffic(false, page(i), kPageBytes), tlm::TLM_OK_RESPONSE);
      last = std::max(last, now_ps());
    });
  }
  run_to_end(bodies);
  EXPECT_EQ(took, last);
  EXPECT_EQ(whole.stat("senses"), n);
  EXPECT_EQ(whole.stat("read_bytes"), pages.stat("read_bytes"));
  EXPECT_EQ(whole.stat("prefetch_misses"), pages.stat("prefetch_misses"));
}

TEST_F(HbfShell, BlockingAndFourPhasesHaveTheSameTimes) {
  ModuleBench other(small_cube(), "_nb");
  load();
  Bytes loaded = pattern(64 * kPageBytes, 5);
  other.io.debug(tlm::TLM_WRITE_COMMAND, 0, loaded);
  // Requests at the same times: a thread each on one side, phases on the other.
  struct Request {
    TimePs at;
    std::uint64_t address;
    unsigned bytes;
  };
  std::vector<Request> requests;
  Rng rng(5, "requests");
  TimePs at = 0;
  for (int i = 0; i < 60; ++i) {
    at += ns(1 + rng.below(400));
    requests.push_back({at, rng.below(page(60)), 1 + static_cast<unsigned>(rng.below(3 * kPageBytes))});
  }
  std::vector<TimePs> blocking(requests.size()), phased(requests.size());
  std::vector<std::function<void()>> bodies;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    bodies.emplace_back([&, i] {
      const Request& r = requests[i];
      wait(to_sc(r.at));
      Bytes data(r.bytes);
      EXPECT_EQ(io.read(r.address, data), tlm::TLM_OK_RESPONSE);
      blocking[i] = now_ps();
    });
  }
  bodies.emplace_back([&] {
    std::vector<Payload> payloads(requests.size());
    std::vector<Bytes> data;
    for (const Request& r : requests) data.emplace_back(r.bytes);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      wait(to_sc(requests[i].at - now_ps()));
      Initiator::fill(payloads[i], tlm::TLM_READ_COMMAND, requests[i].address, data[i].data(),
                      requests[i].bytes);
      other.io.begin(payloads[i]);
    }
    other.io.await(static_cast<unsigned>(requests.size()));
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(payloads[i].get_response_status(), tlm::TLM_OK_RESPONSE);
      EXPECT_EQ(data[i], slice(loaded, requests[i].address, requests[i].bytes));
      phased[i] = other.io.times[&payloads[i]].begin_resp;
    }
  });
  run_to_end(bodies);
  EXPECT_EQ(blocking, phased);
}

TEST_F(HbfShell, AnOpenResponseKeepsTheOthersBack) {
  load();
  io.hold = true;
  std::vector<Payload> payloads(3);
  Bytes data(64);
  run_to_end({[&] {
    // Pages 0 and 1 lie in different channels, page 4 in the bank of page 0.
    const std::uint64_t addresses[] = {page(0), page(1), page(4)};
    for (unsigned i = 0; i < 3; ++i) {
      Initiator::fill(payloads[i], tlm::TLM_READ_COMMAND, addresses[i], data.data(), 64);
      io.begin(payloads[i], ns(i));
      io.accepted(payloads[i]);
      EXPECT_EQ(io.times[&payloads[i]].end_req, io.times[&payloads[i]].begin_req);
    }
    for (unsigned i = 1; i <= 3; ++i) {
      io.await(i);
      wait(to_sc(ns(30)));
      EXPECT_EQ(io.responses, i);
      io.end_response();
    }
  }});
  const TimePs first = io.times[&payloads[0]].begin_resp;
  EXPECT_EQ(io.times[&payloads[1]].begin_resp, first + ns(30));
  EXPECT_GE(io.times[&payloads[2]].begin_resp, first + ns(1000));
}

TEST_F(HbfShell, BreaksOfTheOrderOfPhasesAreErrors) {
  load();
  Bytes data(64);
  Payload one, two;
  sc_core::sc_spawn([&] {
    Initiator::fill(one, tlm::TLM_READ_COMMAND, 0, data.data(), 64);
    Initiator::fill(two, tlm::TLM_READ_COMMAND, 0, data.data(), 64);
    io.begin(one, ns(5));
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    sc_core::sc_time delay;
    io.times[&two] = {};
    io.data_isock->nb_transport_fw(two, phase, delay);  // before END_REQ
  });
  sc_core::sc_start(to_sc(ns(10000)));
  EXPECT_THROW(rethrow_simulation_error(), Error);
}

TEST_F(HbfShell, PowerCutWhileReadsAreInFlightAnswersThem) {
  load();
  run_to_end({[&] {
                Bytes got(kPageBytes);
                EXPECT_EQ(io.read(0, got), tlm::TLM_GENERIC_ERROR_RESPONSE);
                EXPECT_EQ(got, Bytes(kPageBytes, 0xff));
                EXPECT_EQ(now_ps(), ns(500));
              },
              [&] {
                wait(to_sc(ns(500)));
                io.set_reg(Regs::kPowerOffset, static_cast<std::uint32_t>(Regs::PowerAction::kPowerCycle));
              }});
}

}  // namespace
}  // namespace memwall::hbf
