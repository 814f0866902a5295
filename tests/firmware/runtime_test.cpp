// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// KV cache layout, slice arithmetic, address arenas and the console's formatter.
#include <gtest/gtest.h>

#include <cstdarg>
#include <map>
#include <string>

extern "C" {
#include "llm/kv_cache.h"
#include "manifest.h"
#include "runtime/arena.h"
#include "runtime/format.h"
}

namespace memwall::test {
namespace {

std::string format(std::uint32_t size, const char* text, ...) {
  std::string out(size, '?');
  va_list args;
  va_start(args, text);
  const std::uint32_t length = format_line(out.data(), size, text, args);
  va_end(args);
  EXPECT_LT(length, size);
  EXPECT_EQ(out[length], 0);
  return out.substr(0, length);
}

TEST(FirmwareFormat, KnowsTheConversionsThatTheConsoleUses) {
  EXPECT_EQ(format(64, "%s|%c|%u|%d|%x|%%", "text", '!', 42u, -7, 0xbeefu), "text|!|42|-7|beef|%");
  EXPECT_EQ(format(64, "0x%llx %llu %08x %3u", 0x1234567890ull, 18446744073709551615ull, 0x2au, 7u),
            "0x1234567890 18446744073709551615 0000002a   7");
  EXPECT_EQ(format(64, "%d", -2147483647 - 1), "-2147483648");
}

TEST(FirmwareFormat, CutsWhatDoesNotFit) { EXPECT_EQ(format(8, "%s", "0123456789"), "0123456"); }

TEST(FirmwareArena, AlignsRewindsAndNoticesOverflow) {
  arena_t arena;
  arena_init(&arena, 0x1000, 256);
  EXPECT_EQ(arena_alloc(&arena, 1), 0x1000u);
  const std::uint64_t mark = arena_mark(&arena);
  EXPECT_EQ(arena_alloc(&arena, 65), 0x1040u);
  EXPECT_EQ(arena_alloc(&arena, 64), 0x10c0u);
  EXPECT_FALSE(arena.overflow);
  arena_rewind(&arena, mark);
  EXPECT_EQ(arena_alloc(&arena, 192), 0x1040u);
  EXPECT_FALSE(arena.overflow);
  EXPECT_EQ(arena.peak, 256u);
  arena_alloc(&arena, 1);
  EXPECT_TRUE(arena.overflow);
}

TEST(ManifestSlices, CoverEveryHeadAndHiddenUnitOnce) {
  for (std::uint32_t slices = 1; slices <= 9; ++slices) {
    for (std::uint32_t total = 1; total <= 200; ++total) {
      EXPECT_EQ(manifest_kv_head_begin(total, slices, 0), 0u);
      EXPECT_EQ(manifest_kv_head_begin(total, slices, slices), total);
      EXPECT_EQ(manifest_hidden_begin(total, slices, 0), 0u);
      EXPECT_EQ(manifest_hidden_begin(total, slices, slices), total);
      for (std::uint32_t s = 0; s < slices; ++s) {
        EXPECT_LE(manifest_kv_head_begin(total, slices, s), manifest_kv_head_begin(total, slices, s + 1));
        EXPECT_LE(manifest_hidden_begin(total, slices, s), manifest_hidden_begin(total, slices, s + 1));
        const std::uint32_t begin = manifest_hidden_begin(total, slices, s);
        EXPECT_TRUE(begin % 32 == 0 || begin == total) << "MXINT8 blocks must not straddle slices";
      }
    }
  }
  // No overflow where 32 bits would.
  EXPECT_EQ(manifest_kv_head_begin(1u << 31, 8, 4), 1u << 30);
}

kv_shape_t shape() {
  kv_shape_t s = {};
  s.n_layers = 3;
  s.n_kv_heads = 2;
  s.head_dim = 12;
  s.element_bytes = 2;
  s.group = 3;
  s.batch = 4;
  s.max_context = 100;
  s.near_memory = true;
  return s;
}

TEST(KvCache, RowsAreAlignedAndNeverOverlap) {
  manifest_arena_t arenas[3] = {};
  for (std::uint64_t i = 0; i < 3; ++i) arenas[i] = {0x1000000040 + (i << 32), 1 << 20, i != 1, 0};
  kv_cache_t kv;
  const kv_shape_t s = shape();
  kv_init(&kv, &s, arenas, 3);
  EXPECT_TRUE(kv.near_memory);
  EXPECT_EQ(kv.n_used, 2u);  // the stack without a unit is left out
  EXPECT_EQ(kv.capacity, 100u);
  EXPECT_EQ(kv.kv_stride, 32u);

  std::map<std::uint64_t, std::uint64_t> ranges;  // begin, end
  const auto claim = [&](std::uint64_t begin, std::uint64_t bytes, std::uint32_t stack) {
    EXPECT_EQ(begin % KV_ALIGN, 0u);
    const manifest_arena_t& arena = arenas[kv.arena[stack]];
    EXPECT_GE(begin, arena.base + RT_ARENA_RESERVED_BYTES);
    EXPECT_LE(begin + bytes, arena.base + arena.bytes);
    const auto next = ranges.lower_bound(begin);
    if (next != ranges.end()) {
      EXPECT_LE(begin + bytes, next->first);
    }
    if (next != ranges.begin()) {
      EXPECT_LE(std::prev(next)->second, begin);
    }
    ranges[begin] = begin + bytes;
  };
  for (std::uint32_t layer = 0; layer < 3; ++layer) {
    for (std::uint32_t head = 0; head < 2; ++head) {
      const std::uint32_t stack = kv_stack(&kv, layer, head);
      for (std::uint32_t token = 0; token < 100; ++token) {
        claim(kv_key(&kv, layer, head, token), 24, stack);
        claim(kv_value(&kv, layer, head, token), 24, stack);
      }
    }
  }
  for (std::uint32_t head = 0; head < 2; ++head) {
    claim(kv_query(&kv, 0, head), kv.head_bytes, kv_stack(&kv, 0, head));
    claim(kv_result(&kv, 0, head), kv.head_bytes, kv_stack(&kv, 0, head));
  }
}

TEST(KvCache, HeadsOfALayerSpreadOverTheStacks) {
  manifest_arena_t arenas[2] = {{0x1000000000, 1 << 20, 1, 0}, {0x2000000000, 1 << 20, 1, 0}};
  kv_cache_t kv;
  const kv_shape_t s = shape();
  kv_init(&kv, &s, arenas, 2);
  for (std::uint32_t layer = 0; layer < 3; ++layer)
    EXPECT_NE(kv_stack(&kv, layer, 0), kv_stack(&kv, layer, 1));
}

TEST(KvCache, CapacityIsWhatTheFullestStackHolds) {
  kv_shape_t s = shape();
  s.near_memory = false;
  // Five streams on two stacks: three on the first.
  s.n_layers = 5;
  s.n_kv_heads = 1;
  const std::uint64_t first = RT_ARENA_RESERVED_BYTES + 3 * 2 * 32 * 50;
  manifest_arena_t arenas[2] = {{0x1000000000, first, 0, 0}, {0x2000000000, 1 << 20, 0, 0}};
  kv_cache_t kv;
  kv_init(&kv, &s, arenas, 2);
  EXPECT_EQ(kv.capacity, 50u);
  arenas[0].bytes = first - 1;
  kv_init(&kv, &s, arenas, 2);
  EXPECT_EQ(kv.capacity, 49u);
  arenas[0].bytes = 16;
  kv_init(&kv, &s, arenas, 2);
  EXPECT_EQ(kv.capacity, 0u);
}

TEST(KvCache, AChipWithoutHeadsNeedsNoRoom) {
  kv_shape_t s = shape();
  s.n_kv_heads = 0;
  manifest_arena_t arena = {0x1000000000, 64, 1, 0};
  kv_cache_t kv;
  kv_init(&kv, &s, &arena, 1);
  EXPECT_EQ(kv.capacity, 100u);
}

}  // namespace
}  // namespace memwall::test
