// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The generated C++ bank against expectations written by hand, so that generator and generic runner cannot be
// wrong together; and the TLM adapter on top of it.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "common/register_tlm.h"
#include "regs/sample_regs.h"

namespace memwall {
namespace {

class Sample : public regs::SampleRegs {
 public:
  std::vector<std::uint32_t> ctrl_writes;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> slot_writes;

 protected:
  void on_write_ctrl(std::uint32_t written) override { ctrl_writes.push_back(written); }
  void on_read_slot(std::uint32_t index) override { set_slot(index, slot(index) + 1); }
  void on_write_slot(std::uint32_t index, std::uint32_t written) override {
    slot_writes.emplace_back(index, written);
  }
};

TEST(GeneratedBank, ConstantsMatchTheDefinition) {
  EXPECT_EQ(Sample::kSizeBytes, 0x100u);
  EXPECT_EQ(Sample::kCtrlOffset, 0u);
  EXPECT_EQ(Sample::kCtrlReset, 0x50000214u);
  EXPECT_EQ(Sample::kCtrlModeMask, 0xeu);
  EXPECT_EQ(Sample::kCtrlModeShift, 1u);
  EXPECT_EQ(static_cast<std::uint32_t>(Sample::CtrlMode::kVeryFast), 2u);
  EXPECT_EQ(Sample::kSlotOffset, 0x10u);
  EXPECT_EQ(Sample::kSlotCount, 6u);
  EXPECT_EQ(Sample::kSlotStride, 8u);
  EXPECT_EQ(Sample::kTableSize, 8u);
  EXPECT_STREQ(Sample::kTable[1].name, "SLOT[0]");
  EXPECT_EQ(Sample::index_of(0x38), 6);
  EXPECT_EQ(Sample::index_of(0x14), 7);
  EXPECT_EQ(Sample::index_of(0x1c), -1);
  EXPECT_EQ(Sample::index_of(0x40), -1);
}

TEST(GeneratedBank, AWriteFollowsThePolicyOfEachBit) {
  Sample bank;
  EXPECT_EQ(bank.ctrl(), 0x50000214u);
  ASSERT_TRUE(bank.write(0, 0xffffffffu));
  // rw EN, MODE and wo KEY stored; ro BUSY and const VERSION kept; GO set; DONE cleared; reserved stay 0.
  EXPECT_EQ(bank.ctrl(), 0x50ff011fu);
  std::uint32_t value = 0;
  ASSERT_TRUE(bank.read(0, value));
  EXPECT_EQ(value, 0x5000011fu);
  ASSERT_TRUE(bank.write(0, 0));
  ASSERT_TRUE(bank.read(0, value));
  EXPECT_EQ(value, 0x50000110u);
  EXPECT_EQ(bank.ctrl_writes, (std::vector<std::uint32_t>{0xffffffffu, 0u}));
}

TEST(GeneratedBank, HardwareSideSetsFieldsAndKeepsConstants) {
  Sample bank;
  bank.set_ctrl_mode(Sample::CtrlMode::kSlow);
  EXPECT_EQ(bank.ctrl_mode(), 1u);
  bank.set_ctrl_busy(0);
  EXPECT_EQ(bank.ctrl_busy(), 0u);
  bank.set_ctrl_mode(0xffu);
  EXPECT_EQ(bank.ctrl(), 0x5000020eu) << "a field's setter must not spill into its neighbours";
  bank.set_ctrl(0);
  EXPECT_EQ(bank.ctrl_version(), 5u);
  bank.set_slot(5, 7);
  EXPECT_EQ(bank.slot_value(5), 7u);
  EXPECT_EQ(bank.slot(4), 0xdeadu);
  EXPECT_TRUE(bank.ctrl_writes.empty());
  EXPECT_TRUE(bank.slot_writes.empty());
}

TEST(GeneratedBank, ArrayHooksGetTheIndex) {
  Sample bank;
  ASSERT_TRUE(bank.write(0x10 + 3 * 8, 42));
  ASSERT_EQ(bank.slot_writes.size(), 1u);
  EXPECT_EQ(bank.slot_writes[0], std::make_pair(3u, 42u));
  std::uint32_t value = 0;
  ASSERT_TRUE(bank.read(0x10 + 3 * 8, value));
  EXPECT_EQ(value, 43u) << "the read hook runs before the value is returned";
  ASSERT_TRUE(bank.debug_read(0x10 + 3 * 8, value));
  EXPECT_EQ(value, 43u);
}

struct Payload {
  tlm::tlm_generic_payload trans;
  std::array<unsigned char, 16> data{};
  Payload(tlm::tlm_command command, std::uint64_t address, unsigned length) {
    trans.set_command(command);
    trans.set_address(address);
    trans.set_data_ptr(data.data());
    trans.set_data_length(length);
    trans.set_streaming_width(length);
  }
  std::uint32_t word(unsigned at) const {
    std::uint32_t value = 0;
    std::memcpy(&value, data.data() + at, 4);
    return value;
  }
};

tlm::tlm_response_status respond(RegisterBank& bank, Payload& payload) {
  serve_registers(bank, payload.trans);
  return payload.trans.get_response_status();
}

TEST(RegisterTlm, EightBytesAreTwoRegistersLowerFirst) {
  Sample bank;
  Payload write(tlm::TLM_WRITE_COMMAND, 0x10, 8);
  write.data = {1, 0, 0, 0, 2, 0, 0, 0};
  EXPECT_EQ(respond(bank, write), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(bank.slot(0), 1u);
  EXPECT_EQ(bank.between(), 2u);
  Payload read(tlm::TLM_READ_COMMAND, 0x10, 8);
  EXPECT_EQ(respond(bank, read), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(read.word(0), 2u);
  EXPECT_EQ(read.word(4), 2u);
}

TEST(RegisterTlm, EightBytesWithAHoleTouchNothing) {
  Sample bank;
  Payload write(tlm::TLM_WRITE_COMMAND, 0x18, 8);
  EXPECT_EQ(respond(bank, write), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(bank.slot(1), 0xdeadu);
  EXPECT_TRUE(bank.slot_writes.empty());
}

TEST(RegisterTlm, IllegalAccessesGetTheirTlmError) {
  Sample bank;
  for (const unsigned length : {1u, 2u, 3u, 5u, 12u, 16u}) {
    Payload odd(tlm::TLM_READ_COMMAND, 0, length);
    EXPECT_EQ(respond(bank, odd), tlm::TLM_BURST_ERROR_RESPONSE) << length;
  }
  Payload unaligned(tlm::TLM_READ_COMMAND, 2, 4);
  EXPECT_EQ(respond(bank, unaligned), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  Payload half_aligned(tlm::TLM_READ_COMMAND, 0x14, 8);
  EXPECT_EQ(respond(bank, half_aligned), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  Payload undefined(tlm::TLM_WRITE_COMMAND, 0x80, 4);
  EXPECT_EQ(respond(bank, undefined), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  Payload beyond(tlm::TLM_READ_COMMAND, 0x100000000ull, 4);
  EXPECT_EQ(respond(bank, beyond), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  Payload streaming(tlm::TLM_READ_COMMAND, 0x10, 8);
  streaming.trans.set_streaming_width(4);
  EXPECT_EQ(respond(bank, streaming), tlm::TLM_BURST_ERROR_RESPONSE);
  unsigned char enables[4] = {0xff, 0xff, 0xff, 0xff};
  Payload enabled(tlm::TLM_READ_COMMAND, 0, 4);
  enabled.trans.set_byte_enable_ptr(enables);
  enabled.trans.set_byte_enable_length(4);
  EXPECT_EQ(respond(bank, enabled), tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
  EXPECT_TRUE(bank.ctrl_writes.empty());
}

TEST(RegisterTlm, AnIgnoreCommandHasNoEffect) {
  Sample bank;
  Payload ignore(tlm::TLM_IGNORE_COMMAND, 0x10, 4);
  EXPECT_EQ(respond(bank, ignore), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(bank.slot(0), 0xdeadu);
}

TEST(RegisterTlm, DebugReadsAnyBytesWithoutSideEffects) {
  Sample bank;
  Payload read(tlm::TLM_READ_COMMAND, 0x11, 6);
  EXPECT_EQ(debug_registers(bank, read.trans), 6u);
  const std::array<unsigned char, 6> expected = {0xde, 0, 0, 0, 0, 0};
  EXPECT_EQ(std::memcmp(read.data.data(), expected.data(), expected.size()), 0);
  EXPECT_EQ(bank.slot(0), 0xdeadu);
  Payload write(tlm::TLM_WRITE_COMMAND, 0x10, 4);
  EXPECT_EQ(debug_registers(bank, write.trans), 0u);
  EXPECT_EQ(bank.slot(0), 0xdeadu);
}

}  // namespace
}  // namespace memwall
