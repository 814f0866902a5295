// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The generated decoder, at both ends of every window.
#include "map/chip_map.h"

#include <gtest/gtest.h>

namespace memwall::map {
namespace {

TEST(ChipMap, KnownAddressesDecodeToTheirBlock) {
  static_assert(decode(0x100000).valid && decode(0x100000).id == WindowId::kRom);
  EXPECT_EQ(kUartBase, 0x10000000u);
  EXPECT_EQ(pnm_base(15), 0x1002f000u);
  EXPECT_EQ(hbm_base(1), 0x2000000000u);
  EXPECT_EQ(hbf_base(7), 0x170000000000u);
  EXPECT_EQ(pnm_irq(15), 23u);
  EXPECT_EQ(link_irq(0), 24u);
  EXPECT_EQ(hbf_irq(7), 55u);
  const Decoded far = decode(hbm_base(3) + 0x123456789);
  EXPECT_TRUE(far.valid);
  EXPECT_EQ(far.id, WindowId::kHbm);
  EXPECT_EQ(far.index, 3u);
  EXPECT_EQ(far.offset, 0x123456789u);
}

TEST(ChipMap, EveryWindowEndsWhereItEnds) {
  for (const Window& w : kWindows) {
    for (std::uint32_t i = 0; i < w.count; ++i) {
      const std::uint64_t first = w.base + i * w.stride;
      const Decoded low = decode(first);
      const Decoded high = decode(first + w.size_bytes - 1);
      EXPECT_TRUE(low.valid && low.id == w.id && low.index == i && low.offset == 0) << w.name << i;
      EXPECT_TRUE(high.valid && high.id == w.id && high.index == i && high.offset == w.size_bytes - 1)
          << w.name << i;
      const Decoded after = decode(first + w.size_bytes);
      EXPECT_FALSE(after.valid && after.id == w.id && after.index == i) << w.name << i;
    }
  }
}

TEST(ChipMap, HolesDecodeToNothing) {
  for (const std::uint64_t address :
       {0ull, 0xfffffull, 0x200000ull, 0x10005000ull, 0x10058000ull, 0x34000000ull, 0x40100000ull,
        0x11000000000ull, 0x180000000000ull, ~0ull}) {
    EXPECT_FALSE(decode(address).valid) << std::hex << address;
  }
}

}  // namespace
}  // namespace memwall::map
