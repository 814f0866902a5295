// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// RtlCore on bad_unit/pnm_decode.sv: RTL that breaks a rule ends in a ModelError with its place and cycle,
// not in an abort.
#include <gtest/gtest.h>

#include <string>

#include "common/error.h"
#include "pnm/rtl_core.h"

namespace memwall::pnm {
namespace {

/// Nothing that breaks a rule reaches memory.
struct NoMemory final : RtlMemory {
  unsigned accesses = 0;
  void read(ReadBurst&) override { ++accesses; }
  void write(WriteBeat&) override { ++accesses; }
  void await_answer(TimePs) override {}
};

struct Broken {
  std::uint32_t rule;  ///< number in bad_unit/pnm_decode.sv
  const char* message;
};

class RtlContract : public testing::TestWithParam<Broken> {};

TEST_P(RtlContract, ABrokenRuleIsAModelErrorThatNamesPlaceAndCycle) {
  NoMemory memory;
  RtlCore core("chip0.pnm1", 1000, memory, "");
  ASSERT_TRUE(core.write_register(0, 0)) << "this unit works until it is told not to";
  const std::string cycle = "cycle " + std::to_string(core.counters().cycles + 1);
  std::string message;
  try {
    core.write_register(0, GetParam().rule);
  } catch (const ModelError& error) {
    message = error.what();
  }
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
  EXPECT_NE(message.find("chip0.pnm1"), std::string::npos) << message;
  EXPECT_NE(message.find(cycle), std::string::npos) << message << ", expected " << cycle;
  EXPECT_EQ(memory.accesses, 0u);
}

INSTANTIATE_TEST_SUITE_P(Rules, RtlContract,
                         testing::Values(Broken{1, "RTL assertion failed at "},
                                         Broken{2, "read burst of 17 beats, address 0x1000"},
                                         Broken{3, "unaligned read burst, address 0x1010"},
                                         Broken{4, "read burst crosses a 4 KiB boundary, address 0x1fe0"},
                                         Broken{5, "not an INCR burst of 32-byte beats"},
                                         Broken{6, "write is not one aligned 32-byte beat, address 0x1010"},
                                         Broken{7, "write data ahead of its address"},
                                         Broken{8, "WLAST missing, address 0x1000"}));

TEST(RtlContractTimeout, AUnitThatDoesNotAnswerIsAModelError) {
  NoMemory memory;
  RtlCore core("unit", 1000, memory, "");
  EXPECT_THROW(core.write_register(0, 9), ModelError);
  std::uint32_t value = 0;
  EXPECT_THROW(core.read_register(0, value), ModelError);
}

}  // namespace
}  // namespace memwall::pnm
