// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "gdb/packet.h"

#include <gtest/gtest.h>

namespace memwall::gdb {
namespace {

TEST(GdbPacket, FrameAddsTheSumOfTheBytes) {
  EXPECT_EQ(frame("OK"), "$OK#9a");  // 'O' + 'K' = 0x4f + 0x4b
  EXPECT_EQ(frame(""), "$#00");
}

TEST(GdbPacket, WhatIsFramedComesBackWhateverTheBytes) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  Deframer deframer;
  const std::string framed = frame(all);
  for (char c : framed) deframer.push(&c, 1);
  const auto item = deframer.next();
  ASSERT_TRUE(item);
  EXPECT_EQ(item->kind, Deframer::Kind::kPacket);
  EXPECT_EQ(item->data, all);
  EXPECT_FALSE(deframer.next());
}

TEST(GdbPacket, AWrongChecksumIsReported) {
  Deframer deframer;
  deframer.push("$OK#9b", 6);
  EXPECT_EQ(deframer.next()->kind, Deframer::Kind::kBadChecksum);
}

TEST(GdbPacket, InterruptAckAndNakAreItemsAndNoiseIsNot) {
  Deframer deframer;
  deframer.push("\x03xx+-", 5);
  EXPECT_EQ(deframer.next()->kind, Deframer::Kind::kInterrupt);
  EXPECT_EQ(deframer.next()->kind, Deframer::Kind::kAck);
  EXPECT_EQ(deframer.next()->kind, Deframer::Kind::kNak);
  EXPECT_FALSE(deframer.next());
}

TEST(GdbPacket, AnEndlessPacketIsDropped) {
  Deframer deframer;
  const std::string endless(70000, 'a');
  deframer.push("$", 1);
  deframer.push(endless.data(), endless.size());
  EXPECT_EQ(deframer.next()->kind, Deframer::Kind::kBadChecksum);
  EXPECT_FALSE(deframer.next());
}

TEST(GdbPacket, HexadecimalBothWays) {
  const unsigned char bytes[] = {0x00, 0x7f, 0xff};
  EXPECT_EQ(to_hex(bytes, 3), "007fff");
  EXPECT_EQ(from_hex("007FfF"), (std::vector<std::uint8_t>{0x00, 0x7f, 0xff}));
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
  std::size_t at = 1;
  EXPECT_EQ(parse_hex("x1f,2", at), 0x1fu);
  EXPECT_EQ(at, 3u);
  at = 0;
  EXPECT_FALSE(parse_hex("12345678901234567", at));
}

}  // namespace
}  // namespace memwall::gdb
