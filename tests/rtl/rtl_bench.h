// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The Verilated decode unit on a flat memory, and what its descriptors must give by ip/numerics.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "common/rng.h"
#include "desc/completion_record.h"
#include "desc/compute_descriptor.h"
#include "numerics/formats.h"
#include "pnm/rtl_core.h"
#include "regs/pnm_regs.h"

namespace memwall::pnm {

using Regs = regs::PnmRegs;

/// Memory with a fixed latency that gives one burst after another, a beat per cycle; beats outside [kBase,
/// kBase + kBytes) get DECERR, the beat at `poisoned` SLVERR.
class FlatMemory final : public RtlMemory {
 public:
  static constexpr std::uint64_t kBase = 0x40'0000'0000;
  static constexpr std::uint64_t kBytes = 32u << 20;

  FlatMemory() : bytes(kBytes) {}
  std::uint8_t* at(std::uint64_t address) { return &bytes[address - kBase]; }

  void read(ReadBurst& burst) override;
  void write(WriteBeat& beat) override;
  void await_answer(TimePs) override {}

  std::vector<std::uint8_t> bytes;
  TimePs latency_ps = 60'000;
  TimePs write_latency_ps = 60'000;
  TimePs period_ps = 1000;
  std::uint64_t poisoned = 0;
  std::uint64_t write_poisoned = 0;

 private:
  TimePs bus_free_ = 0;
};

/// One unit with a queue of 16 entries.
class RtlBench {
 public:
  static constexpr std::uint64_t kRing = FlatMemory::kBase;
  static constexpr std::uint64_t kRecords = FlatMemory::kBase + 0x1000;
  static constexpr std::uint64_t kData = FlatMemory::kBase + 0x2000;
  static constexpr std::uint32_t kEntries = 16;

  RtlBench() : core("bench", 1000, memory, "") {}

  void write(std::uint32_t offset, std::uint32_t value) { require(core.write_register(offset, value)); }
  std::uint32_t read(std::uint32_t offset) {
    std::uint32_t value = 0;
    require(core.read_register(offset, value));
    return value;
  }
  /// Rings and enable.
  void start();
  /// Places a descriptor at the ring's next entry without ringing.
  void post(const desc::ComputeDescriptor& descriptor);
  void ring() { write(Regs::kTailOffset, posted); }
  /// Steps until the clock may stop. Throws if it takes more than `limit` cycles.
  void run(std::uint64_t limit = 50'000'000);
  /// post, ring, run, and the record that it gave.
  desc::CompletionRecord execute(const desc::ComputeDescriptor& descriptor);

  /// Forgets what allocate() gave.
  void reuse_memory() { next_ = kData; }
  /// `bytes` of fresh memory with random contents, 32-byte aligned.
  std::uint64_t allocate(std::uint64_t size, Rng& rng);
  void fill_floats(std::uint64_t address, std::size_t count, Rng& rng, float magnitude = 1.0f);
  void fill_elements(numerics::Format format, std::uint64_t address, std::size_t count, Rng& rng);
  float word(std::uint64_t address) {
    float value;
    std::memcpy(&value, memory.at(address), 4);
    return value;
  }

  FlatMemory memory;
  RtlCore core;
  std::uint32_t posted = 0;
  bool any_bits = false;  ///< operands keep the random bits that allocate() gave them

 private:
  static void require(bool ok);
  void thin_out(std::uint64_t address, std::size_t count, std::size_t bytes, Rng& rng);
  std::uint64_t next_ = kData;
};

struct Case {
  desc::ComputeDescriptor descriptor;
  std::vector<float> expected;  // MATVEC: (n), ATTENTION: (m, k)
};

/// MATVEC with random operands; `gap` is added to the rows' strides (a multiple of 32).
Case make_matvec(RtlBench& bench, Rng& rng, numerics::Format format, std::uint32_t n, std::uint32_t k,
                 std::uint32_t gap = 0);
Case make_attention(RtlBench& bench, Rng& rng, numerics::Format format, std::uint32_t n, std::uint32_t k,
                    std::uint32_t m, std::uint32_t gap = 0);
/// Empty if every word of the result equals, else which one differs and how. Also checks that the bytes
/// behind each output row are untouched (they hold 0xa5).
std::string compare(RtlBench& bench, const Case& test);

}  // namespace memwall::pnm
