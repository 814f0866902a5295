// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The RISC-V images as the platform will load them.
#include <gtest/gtest.h>

#include <string>

#include "loader/elf/elf.h"
#include "map/chip_map.h"

namespace memwall::test {
namespace {

class FirmwareImage : public ::testing::TestWithParam<const char*> {};

TEST_P(FirmwareImage, StartsAtResetAndFitsIntoRomAndTcm) {
  const loader::ElfImage image =
      loader::load_elf(std::string(MEMWALL_BINARY_DIR) + "/firmware/" + GetParam() + ".elf");
  EXPECT_EQ(image.bits, 64u);
  EXPECT_EQ(image.entry, map::kRomBase);
  std::uint64_t rom_bytes = 0, tcm_end = 0;
  for (const loader::ElfSegment& s : image.segments) {
    const bool rom = s.paddr >= map::kRomBase && s.paddr + s.memsz <= map::kRomBase + map::kRomSize;
    const bool tcm = s.paddr >= map::kTcmBase && s.paddr + s.memsz <= map::kTcmBase + map::kTcmSize;
    EXPECT_TRUE(rom || tcm) << std::hex << s.paddr;
    if (rom) rom_bytes += s.memsz;
    if (tcm) tcm_end = std::max(tcm_end, s.paddr + s.memsz - map::kTcmBase);
    // ROM is all that is loaded: crt0 sets the TCM up.
    if (tcm) {
      EXPECT_TRUE(s.bytes.empty());
    }
  }
  EXPECT_GT(rom_bytes, 1000u);
  std::printf("%s: ROM %llu bytes of %llu, TCM %llu of %llu\n", GetParam(),
              static_cast<unsigned long long>(rom_bytes), static_cast<unsigned long long>(map::kRomSize),
              static_cast<unsigned long long>(tcm_end), static_cast<unsigned long long>(map::kTcmSize));
}

INSTANTIATE_TEST_SUITE_P(All, FirmwareImage,
                         ::testing::Values("llm", "faults", "fault_jump", "fault_rom", "fault_load",
                                           "fault_descriptor"),
                         [](const auto& image) { return std::string(image.param); });

}  // namespace
}  // namespace memwall::test
