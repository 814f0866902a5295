// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The checks that memory targets share.
#include "common/tlm_check.h"

#include <gtest/gtest.h>

namespace memwall {
namespace {

constexpr std::uint64_t kSize = 4096;

struct Request {
  unsigned char data[64] = {};
  unsigned char enables[64] = {};
  tlm::tlm_generic_payload payload;

  explicit Request(std::uint64_t address, unsigned length = 64) {
    payload.set_command(tlm::TLM_READ_COMMAND);
    payload.set_address(address);
    payload.set_data_ptr(data);
    payload.set_data_length(length);
    payload.set_streaming_width(length);
  }
};

TEST(TlmCheck, TheLastBytesAreInsideAndOneMoreIsNot) {
  EXPECT_EQ(check_payload(Request(kSize - 64).payload, kSize), tlm::TLM_OK_RESPONSE);
  EXPECT_EQ(check_payload(Request(kSize - 63).payload, kSize), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(check_payload(Request(kSize, 1).payload, kSize), tlm::TLM_ADDRESS_ERROR_RESPONSE);
  EXPECT_EQ(check_payload(Request(~0ull).payload, kSize), tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

TEST(TlmCheck, ByteEnablesStreamingAndEmptyRequestsAreRefusedByTheirNames) {
  Request enabled(0);
  enabled.payload.set_byte_enable_ptr(enabled.enables);
  EXPECT_EQ(check_shape(enabled.payload), tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
  Request streamed(0);
  streamed.payload.set_streaming_width(63);
  EXPECT_EQ(check_shape(streamed.payload), tlm::TLM_BURST_ERROR_RESPONSE);
  EXPECT_EQ(check_shape(Request(0, 0).payload), tlm::TLM_BURST_ERROR_RESPONSE);
  EXPECT_EQ(check_shape(Request(~0ull).payload), tlm::TLM_OK_RESPONSE) << "the address is not its affair";
}

TEST(TlmCheck, ABadShapeIsNamedBeforeABadAddress) {
  Request both(kSize);
  both.payload.set_streaming_width(1);
  EXPECT_EQ(check_payload(both.payload, kSize), tlm::TLM_BURST_ERROR_RESPONSE);
}

}  // namespace
}  // namespace memwall
