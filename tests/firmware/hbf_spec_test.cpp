// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What the firmware's drivers/hbf_spec.h says of the cube against the model: codes at compile time,
/// registers by their contents.
#include <gtest/gtest.h>

#include <memory>

#include "hbf/axi.h"
#include "hbf/management.h"

extern "C" {
#include "drivers/hbf_spec.h"
}

namespace memwall::hbf {
namespace {

template <typename Model>
constexpr bool same(unsigned firmware, Model model) {
  return firmware == static_cast<unsigned>(model);
}

static_assert(HBF_PAGE_BYTES == kPageBytes && HBF_BEAT_BYTES == kChunkBytes &&
              HBF_CHUNKS_PER_PAGE == kChunksPerPage);

static_assert(same(HBF_OPCODE_SET_FEATURE, Opcode::kSetFeature));
static_assert(same(HBF_OPCODE_GET_FEATURE, Opcode::kGetFeature));
static_assert(same(HBF_OPCODE_SECURE_ERASE, Opcode::kSecureErase));
static_assert(same(HBF_OPCODE_GET_LOG_PAGE, Opcode::kGetLogPage));
static_assert(same(HBF_OPCODE_BIST, Opcode::kBist));
static_assert(same(HBF_OPCODE_ZONE_REMAP, Opcode::kZoneRemap));
static_assert(same(HBF_OPCODE_REDUCED_CAPACITY, Opcode::kReducedCapacity));
static_assert(same(HBF_OPCODE_REGISTER, Opcode::kRegister));

static_assert(same(HBF_FEATURE_GEOMETRY, Feature::kGeometry));
static_assert(same(HBF_FEATURE_TIMES, Feature::kTimes));
static_assert(same(HBF_FEATURE_RETRY_MODE, Feature::kRetryMode));
static_assert(same(HBF_FEATURE_RETRY_STAGES, Feature::kRetryStages));
static_assert(same(HBF_FEATURE_MAX_READ_THRESHOLD, Feature::kMaxReadThreshold));
static_assert(same(HBF_FEATURE_RETENTION, Feature::kRetention));
static_assert(same(HBF_FEATURE_ENDURANCE, Feature::kEndurance));
static_assert(same(HBF_FEATURE_ERASE_TIME, Feature::kEraseTime));
static_assert(same(HBF_FEATURE_OPEN_DLUS, Feature::kOpenDlus));
static_assert(same(HBF_FEATURE_TEMPERATURE, Feature::kTemperature));
static_assert(same(HBF_FEATURE_BLOCK_READS, Feature::kBlockReads));
static_assert(same(HBF_FEATURE_BLOCK_AGE, Feature::kBlockAge));

static_assert(same(HBF_READ_OK, ReadStatus::kOk));
static_assert(same(HBF_READ_OUT_OF_RANGE, ReadStatus::kOutOfRange));
static_assert(same(HBF_READ_RESTRICTED, ReadStatus::kRestricted));
static_assert(same(HBF_READ_UNDEFINED_USER, ReadStatus::kUndefinedUser));
static_assert(same(HBF_READ_UNCORRECTABLE, ReadStatus::kUncorrectable));
static_assert(same(HBF_READ_CORRECTED_HIGH, ReadStatus::kCorrectedHigh));
static_assert(same(HBF_READ_RETRY_WANTED, ReadStatus::kRetryWanted));
static_assert(same(HBF_READ_ERASED, ReadStatus::kErased));
static_assert(same(HBF_READ_UNUSABLE, ReadStatus::kUnusable));
static_assert(same(HBF_READ_BLOCKED, ReadStatus::kBlocked));
static_assert(same(HBF_READ_PENDING_CHUNK, ReadStatus::kPendingChunk));
static_assert(same(HBF_STATUS_VENDOR, ReadStatus::kVendorD));

static_assert(same(HBF_WRITE_OK, WriteStatus::kOk));
static_assert(same(HBF_WRITE_OUT_OF_RANGE, WriteStatus::kOutOfRange));
static_assert(same(HBF_WRITE_OVERLAP, WriteStatus::kOverlap));
static_assert(same(HBF_WRITE_UNDEFINED_USER, WriteStatus::kUndefinedUser));
static_assert(same(HBF_WRITE_OPEN_LIMIT, WriteStatus::kOpenLimit));
static_assert(same(HBF_WRITE_GATHER_TIMEOUT, WriteStatus::kGatherTimeout));
static_assert(same(HBF_WRITE_ORDER_VIOLATION, WriteStatus::kOrderViolation));
static_assert(same(HBF_WRITE_PROGRAM_FAIL, WriteStatus::kProgramFail));
static_assert(same(HBF_WRITE_UNUSABLE, WriteStatus::kUnusable));
static_assert(same(HBF_WRITE_BLOCKED, WriteStatus::kBlocked));
static_assert(same(HBF_STATUS_VENDOR, WriteStatus::kVendorD));

/// A channel that has what the test says and does nothing.
class StillChannel : public ChannelServices {
 public:
  bool io_active() const override { return false; }
  void secure_erase(TimePs, unsigned, EraseScope, std::uint32_t) override {}
  void swap_zones(TimePs, unsigned, unsigned) override {}
  void set_wear_levelling(bool) override {}
  void reset(TimePs, ResetType) override {}
  void set_thresholds(bool light_on, double, double, bool severe_on, double) override {
    light = light_on;
    severe = severe_on;
  }
  double celsius() const override { return 50; }
  Wear wear() const override { return {4711, 815, 0, 0, true}; }
  std::uint64_t logical_blocks() const override { return 1; }
  bool block_unusable(std::uint64_t) const override { return false; }
  std::vector<std::uint64_t> smart() const override { return {}; }
  bool light = false, severe = false;
};

class HbfSpec : public ::testing::Test {
 protected:
  void SetUp() override {
    config.ports_per_channel = 2;
    config.mocs_code = 9;
    config.link.grade = 2;
    config.dies_per_channel = 4;
    config.zones_per_channel = 2;
    config.scratchpad_bytes = 0;
    config.burst_reads = true;
    config.burst_writes = false;
    config.timing.tRDY = 1600 * kPsPerMs;
    management = std::make_unique<Management>(config, 0, channel);
    management->power_on(0);
    later = 100000 * kPsPerMs;
    management->advance(later);
  }
  std::uint32_t read(Space space, std::uint32_t offset) {
    std::uint32_t value = 0;
    EXPECT_TRUE(management->read_register(later, space, offset, value)) << "no register at " << offset;
    return value;
  }
  std::uint32_t mmio(std::uint32_t offset) { return read(Space::kMmio, offset); }
  void write(std::uint32_t offset, std::uint32_t value) {
    EXPECT_TRUE(management->write_register(later, Space::kMmio, offset, value));
  }

  Config config;
  StillChannel channel;
  std::unique_ptr<Management> management;
  TimePs later = 0;
};

// Field of a register, as the firmware cuts it.
#define CUT(NAME, value) (((value)&NAME##_MASK) >> NAME##_SHIFT)

TEST_F(HbfSpec, ConfigurationSpaceIsWhereTheFirmwareReadsIt) {
  const auto cfg = [&](std::uint32_t offset) { return read(Space::kConfig, offset); };
  EXPECT_EQ(CUT(HBF_CFG_ID_VENDOR, cfg(HBF_CFG_ID_OFFSET)), Management::kVendorId);
  EXPECT_EQ(cfg(HBF_CFG_RID_OFFSET), Management::kRevisionId);
  EXPECT_EQ(CUT(HBF_CFG_UCONFIG_PORTS, cfg(HBF_CFG_UCONFIG_OFFSET)), 1u) << "two ports";
  EXPECT_EQ(CUT(HBF_CFG_CAP_MAX_READ, cfg(HBF_CFG_CAP_OFFSET)), 3u) << "4096 bytes";
  EXPECT_EQ(CUT(HBF_CFG_CAP_MAX_WRITE, cfg(HBF_CFG_CAP_OFFSET)), 0u) << "64 bytes";
  management->enable_now(later);
  EXPECT_EQ(CUT(HBF_CFG_STS_CSR, cfg(HBF_CFG_STS_OFFSET)), 1u);
  EXPECT_EQ(CUT(HBF_CFG_STS_ISR, cfg(HBF_CFG_STS_OFFSET)), 1u);
  EXPECT_EQ(CUT(HBF_CFG_STS_SPR, cfg(HBF_CFG_STS_OFFSET)), 0u) << "no scratchpad";
  config.scratchpad_bytes = 1 << 20;
  Management with(config, 0, channel);
  with.power_on(0);
  with.enable_now(later);
  std::uint32_t value = 0;
  ASSERT_TRUE(with.read_register(later, Space::kConfig, HBF_CFG_STS_OFFSET, value));
  EXPECT_EQ(CUT(HBF_CFG_STS_SPR, value), 1u);
  ASSERT_TRUE(with.read_register(later, Space::kMmio, HBF_MM_BUCCAP_LO_OFFSET, value));
  EXPECT_EQ(CUT(HBF_MM_BUCCAP_SMEMS, value), 1u);
}

TEST_F(HbfSpec, CapabilitiesReadAsConfigured) {
  const std::uint32_t low = mmio(HBF_MM_BUCCAP_LO_OFFSET), high = mmio(HBF_MM_BUCCAP_HI_OFFSET);
  EXPECT_EQ(CUT(HBF_MM_BUCCAP_TO, low), 4u) << "1600 ms in 500 ms, rounded up";
  EXPECT_EQ(CUT(HBF_MM_BUCCAP_SSG, low), 2u) << "grade 2";
  EXPECT_EQ(CUT(HBF_MM_BUCCAP_BCS, low), 2u) << "reads only";
  EXPECT_EQ(CUT(HBF_MM_BUCCAP_WLS, low), 3u) << "base die, and host by zones";
  EXPECT_EQ(CUT(HBF_MM_BUCCAP_SMEMS, low), 0u);
  EXPECT_EQ(CUT(HBF_MM_BUCCAP_NCDU, high), 2u) << "four dies";
  EXPECT_EQ(CUT(HBF_MM_BUCCAP_NCBB, high), 1u);
  EXPECT_EQ(CUT(HBF_MM_BUCCAP_MOCS, high), 9u);
  EXPECT_EQ(mmio(HBF_MM_VS_OFFSET), 7u) << "0.7";
  for (unsigned port = 0; port < 2; ++port)
    EXPECT_EQ(mmio(HBF_MM_FIOSZ_OFFSET(port)), config.port_bytes() / kPageBytes);
  EXPECT_EQ(mmio(HBF_MM_FIOSZ_OFFSET(2)), 0u) << "no such port";
}

TEST_F(HbfSpec, ControlAndStatusActAsTheFirmwareExpects) {
  EXPECT_EQ(CUT(HBF_MM_BUCSTS_RDY, mmio(HBF_MM_BUCSTS_OFFSET)), 0u);
  write(HBF_MM_BUCC_OFFSET, 8u << HBF_MM_BUCC_MOCS_SHIFT | 2u << HBF_MM_BUCC_SSG_SHIFT |
                                1u << HBF_MM_BUCC_WLS_SHIFT | 1u << HBF_MM_BUCC_SNAU_SHIFT |
                                1u << HBF_MM_BUCC_EN_SHIFT);
  const std::uint32_t control = mmio(HBF_MM_BUCC_OFFSET);
  EXPECT_EQ(CUT(HBF_MM_BUCC_MOCS, control), 8u);
  EXPECT_EQ(CUT(HBF_MM_BUCC_SSG, control), 2u);
  EXPECT_EQ(CUT(HBF_MM_BUCC_WLS, control), 1u);
  EXPECT_EQ(CUT(HBF_MM_BUCC_SNAU, control), 1u);
  EXPECT_EQ(CUT(HBF_MM_BUCC_EN, control), 1u);
  EXPECT_EQ(management->outstanding_limit(), 512u) << "2^(8+1)";
  later += config.timing.tRDY;
  EXPECT_EQ(CUT(HBF_MM_BUCSTS_RDY, mmio(HBF_MM_BUCSTS_OFFSET)), 1u);
  management->set_fatal(later, Management::UcieEvent::kThermalShutdown);
  EXPECT_EQ(CUT(HBF_MM_BUCSTS_FATAL, mmio(HBF_MM_BUCSTS_OFFSET)), 1u);

  management->set_throttle(true, false);
  EXPECT_EQ(CUT(HBF_MM_TMON_LTMS, mmio(HBF_MM_TMON_OFFSET)), 1u);
  EXPECT_EQ(CUT(HBF_MM_TMON_CES, mmio(HBF_MM_TMON_OFFSET)), 0u);
  management->set_throttle(false, true);
  EXPECT_EQ(CUT(HBF_MM_TMON_CES, mmio(HBF_MM_TMON_OFFSET)), 1u);
  management->set_throttle(false, false);
  write(HBF_MM_TMON_OFFSET, HBF_MM_TMON_CES_MASK);
  EXPECT_EQ(mmio(HBF_MM_TMON_OFFSET), 0u);

  const std::uint32_t time = 77u << HBF_MM_TMR_VALUE_SHIFT | HBF_MM_TMR_UNIT_US << HBF_MM_TMR_UNIT_SHIFT;
  write(HBF_MM_TMR_OFFSET(HBF_TIMER_GATHER), time);
  EXPECT_EQ(management->gather_timeout(), 77 * kPsPerUs);
  write(HBF_MM_TMR_OFFSET(HBF_TIMER_ACCUMULATE), time + (1u << HBF_MM_TMR_VALUE_SHIFT));
  EXPECT_EQ(management->accumulate_time(), 78 * kPsPerUs);

  EXPECT_EQ(mmio(HBF_MM_MAXPEC_OFFSET), 4711u);
  EXPECT_EQ(mmio(HBF_MM_AVGPEC_OFFSET), 815u);
  EXPECT_EQ(mmio(HBF_MM_REDCAP_OFFSET), 1u);
  EXPECT_FALSE(management->sticky().lockout);
  write(HBF_MM_LOCKOUT_OFFSET, HBF_MM_LOCKOUT_ON);
  EXPECT_TRUE(management->sticky().lockout);

  write(HBF_MM_TTTEMP_OFFSET, HBF_MM_TTTEMP_LIGHT_ENABLE_MASK);
  EXPECT_TRUE(channel.light);
  EXPECT_FALSE(channel.severe);
  write(HBF_MM_TTTEMP_OFFSET, HBF_MM_TTTEMP_SEVERE_ENABLE_MASK);
  EXPECT_FALSE(channel.light);
  EXPECT_TRUE(channel.severe);
}

}  // namespace
}  // namespace memwall::hbf
