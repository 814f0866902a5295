// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A decode unit, either implementation, with a host and a stack's memory around it, and a generator of legal
/// descriptors with their operands. Several benches may live in one simulation: build all before the first
/// run.
#pragma once

#include <gtest/gtest.h>

#include <systemc>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/rng.h"
#include "desc/completion_record.h"
#include "desc/compute_descriptor.h"
#include "ip/engine/test_memory.h"
#include "numerics/kernels.h"
#include "pnm/pnm_unit.h"
#include "regs/pnm_regs.h"
#include "support/tlm_checker.h"

namespace memwall::testing_support {

using desc::CompletionRecord;
using desc::ComputeDescriptor;
using desc::Opcode;
using desc::Status;
using numerics::Format;

struct PnmBench {
  using Regs = regs::PnmRegs;
  using Make = std::unique_ptr<pnm::PnmUnit> (*)(const sc_core::sc_module_name&, const pnm::PnmConfig&);
  static constexpr std::uint64_t kBase = 0x1000000000;
  static constexpr std::uint64_t kBytes = 64ull << 20;
  static constexpr std::uint64_t kRing = kBase;
  static constexpr std::uint64_t kRecords = kBase + 0x8000;
  static constexpr std::uint64_t kX = kBase + 0x100000;   // x or q
  static constexpr std::uint64_t kW = kBase + 0x200000;   // W or K
  static constexpr std::uint64_t kS = kBase + 0x1200000;  // scales or V
  static constexpr std::uint64_t kY = kBase + 0x2200000;  // result
  static constexpr std::uint32_t kEntries = 64;

  PnmBench(const std::string& name, Make make, bool functional = true, TestMemory::Config memory_config = {},
           const std::string& trace_file = "")
      : irq((name + "_irq").c_str()),
        memory((name + "_memory").c_str(), sized(memory_config)),
        checker((name + "_checker").c_str()),
        host((name + "_host").c_str()) {
    pnm::PnmConfig config;
    config.memory_base = kBase;
    config.memory_bytes = kBytes;
    config.functional = functional;
    config.trace_file = trace_file;
    unit = make((name + "_unit").c_str(), config);
    unit->mem_isock.bind(checker.tsock);
    checker.isock.bind(memory.tsock);
    host.ctrl_isock.bind(unit->ctrl_tsock);
    unit->irq_out(irq);
    host.irq_in(irq);
    host.use_process();
  }

  ~PnmBench() { EXPECT_EQ(checker.text(), ""); }

  void enable() {
    host.write(Regs::kQueueBaseLoOffset, static_cast<std::uint32_t>(kRing));
    host.write(Regs::kQueueBaseHiOffset, static_cast<std::uint32_t>(kRing >> 32));
    host.write(Regs::kQueueSizeOffset, kEntries);
    host.write(Regs::kCompletionBaseLoOffset, static_cast<std::uint32_t>(kRecords));
    host.write(Regs::kCompletionBaseHiOffset, static_cast<std::uint32_t>(kRecords >> 32));
    host.write(Regs::kIrqEnableOffset, 3);
    host.write(Regs::kControlOffset, 1);
  }
  // Contents go straight into the memory model; its addresses are stack-local.
  template <class T>
  void put(std::uint64_t address, const std::vector<T>& values) {
    memory.put(address - kBase, values);
  }
  template <class T>
  std::vector<T> get(std::uint64_t address, std::size_t count) const {
    return memory.get<T>(address - kBase, count);
  }
  void post(const ComputeDescriptor& d) {
    memory.poke(kRing - kBase + 128 * (tail % kEntries), &d, sizeof d);
    host.write(Regs::kTailOffset, ++tail);
  }
  CompletionRecord record() const {
    CompletionRecord r;
    memory.peek(kRecords - kBase + 32 * ((tail - 1) % kEntries), &r, sizeof r);
    return r;
  }
  CompletionRecord run(const ComputeDescriptor& d) {
    post(d);
    settle();
    return record();
  }
  /// Runs until the queue is idle or halted.
  void settle() {
    do {
      sc_core::sc_start(10, sc_core::SC_US);
    } while ((host.read(Regs::kStatusOffset) & Regs::kStatusHaltedMask) == 0 &&
             host.read(Regs::kHeadOffset) != tail);
  }
  void resume() { host.write(Regs::kControlOffset, 3); }

  sc_core::sc_signal<bool> irq;
  TestMemory memory;
  TlmChecker checker;  ///< what the unit sends to memory is held against the base protocol
  std::unique_ptr<pnm::PnmUnit> unit;
  TestHost host;
  std::uint32_t tail = 0;

 private:
  static TestMemory::Config sized(TestMemory::Config config) {
    config.base = 0;
    config.bytes = kBytes;
    return config;
  }
};

inline std::uint32_t align32(std::uint32_t bytes) { return (bytes + 31) / 32 * 32; }

/// A descriptor with operands in place and its result by the kernels.
struct PnmJob {
  ComputeDescriptor d;
  std::vector<std::uint8_t> w, s;  // W and scales, or K and V, rows by stride
  std::vector<float> x;            // operand, rows by stride0
  std::vector<float> expected;     // rows packed
  std::uint32_t result_rows = 1, result_row_floats = 0, result_stride = 0;

  void place(PnmBench& bench) const {
    bench.put(d.src0, x);
    bench.put(d.src1, w);
    if (d.src2 != 0) bench.put(d.src2, s);
  }
  std::vector<float> result(const PnmBench& bench) const {
    std::vector<float> out;
    for (std::uint32_t r = 0; r < result_rows; ++r) {
      const auto row = bench.get<float>(d.dst + std::uint64_t{r} * result_stride, result_row_floats);
      out.insert(out.end(), row.begin(), row.end());
    }
    return out;
  }
};

using Fill = std::function<float(Rng&)>;
inline float uniform_value(Rng& rng) { return static_cast<float>(2.0 * rng.uniform() - 1.0); }

inline void fill_rows(Rng& rng, const Fill& fill, Format format, std::uint32_t rows, std::uint32_t k,
                      std::uint32_t stride, std::vector<std::uint8_t>& out) {
  out.assign(std::size_t{rows} * stride, 0);
  std::vector<float> row(k);
  for (std::uint32_t r = 0; r < rows; ++r) {
    for (float& v : row) v = fill(rng);
    numerics::from_f32(format, row.data(), &out[std::size_t{r} * stride], k);
  }
}

inline PnmJob matvec_job(Rng& rng, Format format, std::uint32_t n, std::uint32_t k, std::uint32_t gap = 0,
                         const Fill& fill = uniform_value) {
  PnmJob job;
  ComputeDescriptor& d = job.d;
  d.opcode = static_cast<std::uint8_t>(Opcode::kMatvec);
  d.format = static_cast<std::uint8_t>(format);
  d.tag = static_cast<std::uint32_t>(rng.next());
  d.n = n, d.k = k, d.m = 1;
  d.src0 = PnmBench::kX, d.src1 = PnmBench::kW, d.dst = PnmBench::kY;
  d.stride1 = align32(k * static_cast<std::uint32_t>(numerics::bytes_per_element(format))) + gap;
  job.x.resize(k);
  for (float& v : job.x) v = fill(rng);
  if (format == Format::kMxint8) {
    const std::uint32_t blocks = (k + 31) / 32;
    d.src2 = PnmBench::kS;
    d.stride2 = align32(blocks) + gap;
    job.w.assign(std::size_t{n} * d.stride1, 0);
    job.s.assign(std::size_t{n} * d.stride2, 0);
    for (std::uint32_t r = 0; r < n; ++r) {
      for (std::uint32_t b = 0; b < blocks; ++b) {
        float block[32] = {};
        std::int8_t q[32];
        const std::uint32_t valid = std::min(32u, k - 32 * b);
        for (std::uint32_t i = 0; i < valid; ++i) block[i] = fill(rng);
        job.s[std::size_t{r} * d.stride2 + b] = numerics::quantise_mxint8(block, q);
        std::memcpy(&job.w[std::size_t{r} * d.stride1 + 32 * b], q, valid);
      }
    }
  } else {
    fill_rows(rng, fill, format, n, k, d.stride1, job.w);
  }
  job.expected.resize(n);
  const numerics::Matrix matrix{format, job.w.data(), d.stride1, job.s.data(), d.stride2};
  numerics::matvec(matrix, job.x.data(), job.expected.data(), n, k);
  job.result_row_floats = n;
  return job;
}

inline PnmJob attention_job(Rng& rng, Format format, std::uint32_t tokens, std::uint32_t dim,
                            std::uint32_t heads, std::uint32_t gap = 0, const Fill& fill = uniform_value) {
  PnmJob job;
  ComputeDescriptor& d = job.d;
  d.opcode = static_cast<std::uint8_t>(Opcode::kAttention);
  d.format = static_cast<std::uint8_t>(format);
  d.tag = static_cast<std::uint32_t>(rng.next());
  d.n = tokens, d.k = dim, d.m = heads;
  d.src0 = PnmBench::kX, d.src1 = PnmBench::kW, d.src2 = PnmBench::kS, d.dst = PnmBench::kY;
  d.stride0 = d.stride3 = align32(4 * dim) + gap;
  d.stride1 = d.stride2 =
      align32(dim * static_cast<std::uint32_t>(numerics::bytes_per_element(format))) + gap;
  d.scalar0 = 0.2f + static_cast<float>(rng.uniform());
  job.x.resize(std::size_t{heads} * d.stride0 / 4);
  for (float& v : job.x) v = fill(rng);
  fill_rows(rng, fill, format, tokens, dim, d.stride1, job.w);
  fill_rows(rng, fill, format, tokens, dim, d.stride2, job.s);
  numerics::AttentionShape shape;
  shape.heads = heads, shape.tokens = tokens, shape.head_dim = dim, shape.format = format,
  shape.scale = d.scalar0;
  shape.q_stride = d.stride0, shape.k_stride = d.stride1, shape.v_stride = d.stride2,
  shape.out_stride = 4 * dim;
  job.expected.resize(std::size_t{heads} * dim);
  std::vector<float> scores(std::size_t{heads} * tokens);
  numerics::attention(shape, job.x.data(), job.w.data(), job.s.data(), job.expected.data(), scores.data());
  job.result_rows = heads;
  job.result_row_floats = dim;
  job.result_stride = d.stride3;
  return job;
}

}  // namespace memwall::testing_support
