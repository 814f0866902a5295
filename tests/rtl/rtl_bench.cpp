// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "rtl/rtl_bench.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "numerics/kernels.h"

namespace memwall::pnm {

using numerics::Format;

void FlatMemory::read(ReadBurst& burst) {
  for (std::uint32_t beat = 0; beat < burst.beats; ++beat) {
    const std::uint64_t from = burst.address + beat * kBeatBytes;
    const bool inside = from >= kBase && from - kBase < kBytes;
    burst.responses[beat] = !inside            ? AxiResponse::kDecErr
                            : from == poisoned ? AxiResponse::kSlvErr
                                               : AxiResponse::kOkay;
    if (inside) std::memcpy(&burst.data[beat * kBeatBytes], this->at(from), kBeatBytes);
  }
  burst.done = std::max(bus_free_, burst.at + latency_ps) + period_ps;
  bus_free_ = burst.done + (burst.beats - 1) * period_ps;
  burst.answered = true;
}

void FlatMemory::write(WriteBeat& beat) {
  const bool inside = beat.address >= kBase && beat.address - kBase < kBytes;
  beat.response = !inside                          ? AxiResponse::kDecErr
                  : beat.address == write_poisoned ? AxiResponse::kSlvErr
                                                   : AxiResponse::kOkay;
  for (unsigned i = 0; inside && i < kBeatBytes; ++i) {
    if ((beat.strobes >> i & 1u) != 0) *this->at(beat.address + i) = beat.data[i];
  }
  beat.done = beat.at + write_latency_ps;
  beat.answered = true;
}

void RtlBench::require(bool ok) {
  if (!ok) throw std::runtime_error("register access refused");
}

void RtlBench::start() {
  write(Regs::kQueueBaseLoOffset, static_cast<std::uint32_t>(kRing));
  write(Regs::kQueueBaseHiOffset, static_cast<std::uint32_t>(kRing >> 32));
  write(Regs::kCompletionBaseLoOffset, static_cast<std::uint32_t>(kRecords));
  write(Regs::kCompletionBaseHiOffset, static_cast<std::uint32_t>(kRecords >> 32));
  write(Regs::kQueueSizeOffset, kEntries);
  write(Regs::kControlOffset, Regs::kControlEnableMask);
}

void RtlBench::post(const desc::ComputeDescriptor& descriptor) {
  std::memcpy(memory.at(kRing + posted % kEntries * sizeof descriptor), &descriptor, sizeof descriptor);
  ++posted;
}

void RtlBench::run(std::uint64_t limit) {
  for (std::uint64_t i = 0; core.active(); ++i) {
    if (i == limit) throw std::runtime_error("the unit does not come to rest");
    core.step();
  }
}

desc::CompletionRecord RtlBench::execute(const desc::ComputeDescriptor& descriptor) {
  post(descriptor);
  ring();
  run();
  desc::CompletionRecord record;
  std::memcpy(&record, memory.at(kRecords + (posted - 1) % kEntries * sizeof record), sizeof record);
  return record;
}

std::uint64_t RtlBench::allocate(std::uint64_t size, Rng& rng) {
  const std::uint64_t address = next_;
  next_ += (size + 31) / 32 * 32;
  if (next_ > FlatMemory::kBase + FlatMemory::kBytes) throw std::runtime_error("bench memory is full");
  for (std::uint64_t i = 0; i < (size + 31) / 32 * 32; i += 8) {
    const std::uint64_t bits = rng.next();
    std::memcpy(memory.at(address + i), &bits, 8);
  }
  return address;
}

// Random bits give a NaN in nearly every sum; most elements become 1, 0, or tiny, so that other cases
// survive.
void RtlBench::thin_out(std::uint64_t address, std::size_t count, std::size_t bytes, Rng& rng) {
  const std::uint64_t style = rng.below(4);
  for (std::size_t i = 0; i < count; ++i) {
    if (style == 0 || rng.below(count) == 0) continue;  // any bits
    const std::uint32_t exponent_mask =
        style == 1 ? 0x80ffffffu : 0xbfffffffu;  // tiny, or no infinity and NaN
    std::uint32_t bits = 0;
    std::memcpy(reinterpret_cast<std::uint8_t*>(&bits) + 4 - bytes, memory.at(address + bytes * i), bytes);
    bits &= exponent_mask;
    std::memcpy(memory.at(address + bytes * i), reinterpret_cast<std::uint8_t*>(&bits) + 4 - bytes, bytes);
  }
}

void RtlBench::fill_floats(std::uint64_t address, std::size_t count, Rng& rng, float magnitude) {
  if (any_bits) return thin_out(address, count, 4, rng);
  for (std::size_t i = 0; i < count; ++i) {
    const float value = static_cast<float>(rng.uniform() * 2.0 - 1.0) * magnitude;
    std::memcpy(memory.at(address + 4 * i), &value, 4);
  }
}

void RtlBench::fill_elements(Format format, std::uint64_t address, std::size_t count, Rng& rng) {
  if (any_bits) return thin_out(address, count, numerics::bytes_per_element(format), rng);
  std::vector<float> values(count);
  for (auto& value : values) value = static_cast<float>(rng.uniform() * 2.0 - 1.0);
  if (format != Format::kMxint8) numerics::from_f32(format, values.data(), memory.at(address), count);
}

namespace {

std::uint32_t round32(std::uint64_t bytes) { return static_cast<std::uint32_t>((bytes + 31) / 32 * 32); }

}  // namespace

Case make_matvec(RtlBench& bench, Rng& rng, Format format, std::uint32_t n, std::uint32_t k,
                 std::uint32_t gap) {
  Case test;
  desc::ComputeDescriptor& d = test.descriptor;
  d.opcode = static_cast<std::uint8_t>(desc::Opcode::kMatvec);
  d.format = static_cast<std::uint8_t>(format);
  d.tag = static_cast<std::uint32_t>(rng.next());
  d.n = n;
  d.k = k;
  d.m = 1;
  d.stride1 = round32(k * numerics::bytes_per_element(format)) + gap;
  d.src0 = bench.allocate(std::uint64_t{k} * 4, rng);
  d.src1 = bench.allocate(std::uint64_t{n} * d.stride1, rng);
  d.dst = bench.allocate(std::uint64_t{n} * 4 + 32, rng);
  bench.fill_floats(d.src0, k, rng);
  numerics::Matrix w;
  w.format = format;
  w.stride = d.stride1;
  if (format == Format::kMxint8) {
    const std::uint32_t blocks = (k + 31) / 32;
    d.stride2 = round32(blocks) + gap;
    d.src2 = bench.allocate(std::uint64_t{n} * d.stride2, rng);
    for (std::uint32_t row = 0; row < n; ++row) {
      for (std::uint32_t b = 0; b < blocks; ++b) {
        *bench.memory.at(d.src2 + row * d.stride2 + b) = static_cast<std::uint8_t>(
            bench.any_bits ? (rng.below(2) ? rng.next() : 120) : 120 + rng.below(10));
      }
      for (std::uint32_t i = k; i < blocks * 32; ++i) *bench.memory.at(d.src1 + row * d.stride1 + i) = 0;
    }
    w.scales = bench.memory.at(d.src2);
    w.scale_stride = d.stride2;
  } else {
    for (std::uint32_t row = 0; row < n; ++row) bench.fill_elements(format, d.src1 + row * d.stride1, k, rng);
  }
  w.data = bench.memory.at(d.src1);
  std::vector<float> x(k);
  std::memcpy(x.data(), bench.memory.at(d.src0), k * 4);
  test.expected.resize(n);
  numerics::matvec(w, x.data(), test.expected.data(), n, k);
  std::memset(bench.memory.at(d.dst), 0xa5, n * 4 + 32);
  return test;
}

Case make_attention(RtlBench& bench, Rng& rng, Format format, std::uint32_t n, std::uint32_t k,
                    std::uint32_t m, std::uint32_t gap) {
  Case test;
  desc::ComputeDescriptor& d = test.descriptor;
  d.opcode = static_cast<std::uint8_t>(desc::Opcode::kAttention);
  d.format = static_cast<std::uint8_t>(format);
  d.tag = static_cast<std::uint32_t>(rng.next());
  d.n = n;
  d.k = k;
  d.m = m;
  d.scalar0 = 1.0f / std::sqrt(static_cast<float>(k));
  const auto element = numerics::bytes_per_element(format);
  d.stride0 = round32(k * 4) + gap;
  d.stride1 = round32(k * element) + gap;
  d.stride2 = round32(k * element) + 2 * gap;
  d.stride3 = round32(k * 4) + gap;
  d.src0 = bench.allocate(std::uint64_t{m} * d.stride0, rng);
  d.src1 = bench.allocate(std::uint64_t{n} * d.stride1, rng);
  d.src2 = bench.allocate(std::uint64_t{n} * d.stride2, rng);
  d.dst = bench.allocate(std::uint64_t{m} * d.stride3 + 32, rng);
  for (std::uint32_t row = 0; row < m; ++row) bench.fill_floats(d.src0 + row * d.stride0, k, rng, 4.0f);
  for (std::uint32_t row = 0; row < n; ++row) {
    bench.fill_elements(format, d.src1 + row * d.stride1, k, rng);
    bench.fill_elements(format, d.src2 + row * d.stride2, k, rng);
  }
  numerics::AttentionShape shape;
  shape.heads = m;
  shape.tokens = n;
  shape.head_dim = k;
  shape.format = format;
  shape.scale = d.scalar0;
  shape.q_stride = d.stride0;
  shape.k_stride = d.stride1;
  shape.v_stride = d.stride2;
  shape.out_stride = k * 4;
  test.expected.resize(std::size_t{m} * k);
  std::vector<float> scores(std::size_t{m} * n);
  numerics::attention(shape, bench.memory.at(d.src0), bench.memory.at(d.src1), bench.memory.at(d.src2),
                      test.expected.data(), scores.data());
  std::memset(bench.memory.at(d.dst), 0xa5, m * d.stride3 + 32);
  return test;
}

std::string compare(RtlBench& bench, const Case& test) {
  const desc::ComputeDescriptor& d = test.descriptor;
  const bool matvec = d.opcode == static_cast<std::uint8_t>(desc::Opcode::kMatvec);
  const std::uint32_t rows = matvec ? 1 : d.m, columns = matvec ? d.n : d.k;
  char text[200];
  for (std::uint32_t r = 0; r < rows; ++r) {
    const std::uint64_t row = d.dst + std::uint64_t{r} * d.stride3;
    for (std::uint32_t c = 0; c < columns; ++c) {
      const std::uint32_t got = numerics::bits_of(bench.word(row + 4 * c));
      const std::uint32_t expected = numerics::bits_of(test.expected[std::size_t{r} * columns + c]);
      if (got != expected) {
        std::snprintf(text, sizeof text,
                      "opcode %u format %u n %u k %u m %u: word (%u, %u) is %08x, not %08x", d.opcode,
                      d.format, d.n, d.k, d.m, r, c, got, expected);
        return text;
      }
    }
    const std::uint64_t end = r + 1 < rows ? row + d.stride3 : row + 4 * columns + 32;
    for (std::uint64_t a = row + 4 * columns; a < end; ++a) {
      if (*bench.memory.at(a) != 0xa5) {
        std::snprintf(text, sizeof text, "n %u k %u m %u: byte %llu behind row %u was written", d.n, d.k, d.m,
                      static_cast<unsigned long long>(a - row), r);
        return text;
      }
    }
  }
  return "";
}

}  // namespace memwall::pnm
