// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "fuzz/mutator.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <new>

#include "common/error.h"

namespace {
std::size_t g_heap = 0, g_peak = 0;

void* counted_new(std::size_t size) {
  void* block = std::malloc(size ? size : 1);
  if (!block) throw std::bad_alloc();
  g_heap += malloc_usable_size(block);
  g_peak = std::max(g_peak, g_heap);
  return block;
}
void counted_delete(void* block) {
  if (!block) return;
  g_heap -= malloc_usable_size(block);
  std::free(block);
}
}  // namespace

void* operator new(std::size_t size) { return counted_new(size); }
void* operator new[](std::size_t size) { return counted_new(size); }
void operator delete(void* block) noexcept { counted_delete(block); }
void operator delete[](void* block) noexcept { counted_delete(block); }
void operator delete(void* block, std::size_t) noexcept { counted_delete(block); }
void operator delete[](void* block, std::size_t) noexcept { counted_delete(block); }

namespace memwall::test {

std::size_t heap_bytes() { return g_heap; }
std::size_t peak_heap_bytes() { return g_peak; }
void reset_peak() { g_peak = g_heap; }

std::vector<std::uint8_t> mutate(std::vector<std::uint8_t> bytes, std::size_t hot_bytes, Rng& rng) {
  const auto place = [&](std::size_t room) -> std::size_t {
    if (bytes.size() <= room) return 0;
    const std::size_t end = bytes.size() - room + 1;
    return rng.below(rng.below(2) ? std::min(end, hot_bytes) : end);
  };
  const auto overwrite = [&](std::uint64_t value, std::size_t width) {
    if (bytes.size() >= width) std::memcpy(bytes.data() + place(width), &value, width);
  };
  const std::uint64_t edges[] = {
      0,          1,          2,          0x7f,       0x80,       0xff,         0x7fff,
      0xffff,     0x7fffffff, 0x80000000, 0xffffffff, 0x10000000, 1ull << 32,   1ull << 60,
      ~0ull >> 1, ~0ull,      ~0ull - 31, 1ull << 63, 24,         bytes.size(), bytes.size() - 1};
  for (std::uint64_t changes = 1 + rng.below(4); changes > 0 && !bytes.empty(); --changes) {
    switch (rng.below(8)) {
      case 0:
        bytes[place(1)] ^= static_cast<std::uint8_t>(1u << rng.below(8));
        break;
      case 1:
        bytes[place(1)] = static_cast<std::uint8_t>(rng.next());
        break;
      case 2:
        overwrite(edges[rng.below(std::size(edges))], 4);
        break;
      case 3:
        overwrite(edges[rng.below(std::size(edges))], 8);
        break;
      case 4: {  // a small step of a small field: counts, lengths, offsets
        const std::size_t at = place(1);
        bytes[at] = static_cast<std::uint8_t>(bytes[at] + (rng.below(2) ? 1 : 255));
        break;
      }
      case 5:
        bytes.resize(rng.below(bytes.size() + 1));
        break;
      case 6: {  // remove a run
        const std::size_t at = place(1), length = std::min<std::size_t>(1 + rng.below(40), bytes.size() - at);
        bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    bytes.begin() + static_cast<std::ptrdiff_t>(at + length));
        break;
      }
      default: {  // repeat a run somewhere else
        const std::size_t from = place(1),
                          length = std::min<std::size_t>(1 + rng.below(80), bytes.size() - from);
        const std::vector<std::uint8_t> run(bytes.begin() + static_cast<std::ptrdiff_t>(from),
                                            bytes.begin() + static_cast<std::ptrdiff_t>(from + length));
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(place(1)), run.begin(), run.end());
        break;
      }
    }
  }
  return bytes;
}

FuzzReport fuzz(const std::string& stream, const std::vector<std::uint8_t>& valid, std::size_t hot_bytes,
                std::size_t rounds, const std::function<void(const std::vector<std::uint8_t>&)>& consume) {
  FuzzReport report;
  Rng rng(2026, stream);
  EXPECT_NO_THROW(consume(valid)) << stream;
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::vector<std::uint8_t> bytes = mutate(valid, hot_bytes, rng);
    const std::size_t before = heap_bytes();
    reset_peak();
    try {
      consume(bytes);
      ++report.accepted;
    } catch (const ConfigError& error) {
      ++report.refused;
      std::string message;
      for (const char* c = error.what(); *c; ++c)
        if (std::isalpha(static_cast<unsigned char>(*c)) || *c == ' ') message += *c;
      report.messages.insert(message.substr(0, 90));
    } catch (const std::exception& error) {
      ADD_FAILURE() << stream << " round " << round << " threw something else: " << error.what();
    }
    const std::size_t used = peak_heap_bytes() - before, allowed = 64 * bytes.size() + (std::size_t{1} << 20);
    EXPECT_LE(used, allowed) << stream << " round " << round << ", a file of " << bytes.size() << " bytes";
  }
  return report;
}

}  // namespace memwall::test
