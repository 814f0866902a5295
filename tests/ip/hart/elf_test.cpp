// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "loader/elf/elf.h"

#include <gtest/gtest.h>

#include "common/error.h"
#include "common/rng.h"
#include "tiny_elf.h"

namespace memwall::loader {
namespace {

std::vector<std::uint8_t> good() { return tiny_elf({0x13, 0x13}, 0x80010000); }
ElfImage parse(const std::vector<std::uint8_t>& bytes) {
  return parse_elf(bytes.data(), bytes.size(), "test.elf");
}
void put(std::vector<std::uint8_t>& file, std::size_t at, std::uint64_t value, unsigned bytes) {
  std::memcpy(&file[at], &value, bytes);
}
/// The message of the ConfigError that parsing throws.
std::string refusal(const std::vector<std::uint8_t>& file) {
  try {
    parse(file);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "accepted";
}

TEST(Elf, ReadsSegmentsEntryAndSymbols) {
  const ElfImage image = parse(good());
  EXPECT_EQ(image.bits, 64u);
  EXPECT_EQ(image.entry, 0x80000000u);
  ASSERT_EQ(image.segments.size(), 1u);
  EXPECT_EQ(image.segments[0].paddr, 0x80000000u);
  EXPECT_EQ(image.segments[0].bytes.size(), 8u);
  EXPECT_EQ(image.segments[0].memsz, 0x20000u);
  EXPECT_EQ(image.tohost(), 0x80010000u);
  EXPECT_FALSE(image.symbol("main").has_value());
}

TEST(Elf, RefusalsNameTheFileAndTheReason) {
  auto file = good();
  file[0] = 0;
  EXPECT_EQ(refusal(file), "test.elf: is not an ELF file");
  file = good();
  put(file, 18, 62, 2);
  EXPECT_EQ(refusal(file), "test.elf: is for machine 62, not RISC-V (243)");
  file = good();
  put(file, 16, 3, 2);
  EXPECT_NE(refusal(file).find("type 3"), std::string::npos);
  file = good();
  file[5] = 2;
  EXPECT_EQ(refusal(file), "test.elf: is not little-endian");
  file = good();
  put(file, 96, 0x30000, 8);  // file size above memory size
  EXPECT_NE(refusal(file).find("exceeds memory size"), std::string::npos);
  file = good();
  put(file, 72, 1 << 20, 8);  // data beyond the file
  EXPECT_NE(refusal(file).find("outside the file"), std::string::npos);
  file = good();
  put(file, 72, ~std::uint64_t{0}, 8);
  EXPECT_NE(refusal(file).find("outside the file"), std::string::npos);
  file = good();
  put(file, 88, ~std::uint64_t{0} - 16, 8);  // wraps
  EXPECT_NE(refusal(file).find("wrap"), std::string::npos);
  EXPECT_EQ(refusal({}), "test.elf: is not an ELF file");
  EXPECT_THROW(load_elf("/nonexistent/file.elf"), ConfigError);
  EXPECT_THROW(load_elf("/"), ConfigError);
}

TEST(Elf, TruncatedFilesAreRefusedAtEveryLength) {
  const auto whole = good();
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const std::vector<std::uint8_t> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_NE(refusal(cut), "accepted") << n;
  }
}

TEST(Elf, DamagedFilesAreReadOrRefusedButNeverCrash) {
  Rng rng(1, "elf");
  unsigned refused = 0;
  for (unsigned n = 0; n < 20000; ++n) {
    auto file = good();
    for (unsigned k = 0; k <= rng.below(4); ++k) {
      static constexpr std::size_t kPlaces[] = {16, 24, 32, 40, 52, 56, 58, 60, 64, 72, 88, 96, 104};
      if (rng.below(2) != 0) {
        put(file, kPlaces[rng.below(13)], rng.next() >> rng.below(64), 8);
      } else {
        file[rng.below(1600)] = static_cast<std::uint8_t>(rng.next());
      }
    }
    refused += refusal(file) == "accepted" ? 0 : 1;
  }
  EXPECT_GT(refused, 5000u);
  EXPECT_LT(refused, 20000u);
}

}  // namespace
}  // namespace memwall::loader
