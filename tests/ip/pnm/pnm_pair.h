// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The model and the Verilated RTL side by side in one simulation, each with its own memory and host. Every
/// job runs on both; a difference names the job, the word and both values.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "ip/pnm/pnm_bench.h"

namespace memwall::testing_support {

struct PnmPair {
  using Regs = regs::PnmRegs;

  explicit PnmPair(TestMemory::Config memory = {})
      : tlm("tlm", pnm::make_pnm_tlm, true, memory),
        rtl("rtl", pnm::make_pnm_rtl, true, memory, trace_file()) {
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    tlm.enable();
    rtl.enable();
  }

  /// Runs `d` on both; returns the model's record. Statuses, addresses, registers must be equal.
  CompletionRecord run(const ComputeDescriptor& d) {
    tlm.post(d);
    rtl.post(d);
    tlm.settle();
    rtl.settle();
    const CompletionRecord a = tlm.record(), b = rtl.record();
    EXPECT_EQ(a.status, b.status) << describe(d);
    EXPECT_EQ(a.tag, b.tag) << describe(d);
    EXPECT_EQ(a.fault_address, b.fault_address)
        << describe(d) << std::hex << " model 0x" << a.fault_address << " RTL 0x" << b.fault_address;
    EXPECT_EQ(a.sequence, b.sequence) << describe(d);
    for (const std::uint32_t offset : {Regs::kHeadOffset, Regs::kTailOffset, Regs::kControlOffset,
                                       Regs::kStatusOffset, Regs::kIrqStatusOffset, Regs::kErrorTagOffset,
                                       Regs::kErrorAddressLoOffset, Regs::kErrorAddressHiOffset}) {
      EXPECT_EQ(tlm.host.read(offset), rtl.host.read(offset))
          << "register offset " << offset << ", " << describe(d);
    }
    EXPECT_EQ(tlm.irq.read(), rtl.irq.read()) << describe(d);
    rtl_cycles = b.cycles;
    return a;
  }
  CompletionRecord run(const PnmJob& job) {
    job.place(tlm);
    job.place(rtl);
    const CompletionRecord record = run(job.d);
    compare_results(job);
    return record;
  }
  /// Result rows word by word, with the gaps between rows and a guard behind the last.
  void compare_results(const PnmJob& job) {
    const std::uint32_t row = job.result_rows > 1 ? job.result_stride : 4 * job.result_row_floats;
    const std::size_t words = (std::size_t{job.result_rows} * row + 64) / 4;
    const auto a = tlm.get<std::uint32_t>(job.d.dst, words), b = rtl.get<std::uint32_t>(job.d.dst, words);
    for (std::size_t i = 0; i < words; ++i) {
      ASSERT_EQ(a[i], b[i]) << "result word " << i << " of " << describe(job.d) << std::hex << ": model 0x"
                            << a[i] << ", RTL 0x" << b[i] << waveform_hint();
    }
  }
  void resume() {
    tlm.resume();
    rtl.resume();
  }
  /// Clears interrupt causes on both.
  void acknowledge() {
    tlm.host.write(Regs::kIrqStatusOffset, 3);
    rtl.host.write(Regs::kIrqStatusOffset, 3);
  }
  static std::string describe(const ComputeDescriptor& d) {
    char text[256];
    std::snprintf(text, sizeof text,
                  "opcode %u format %u n %u k %u m %u dst 0x%llx src0 0x%llx src1 0x%llx src2 0x%llx strides "
                  "%u %u %u %u",
                  d.opcode, d.format, d.n, d.k, d.m, static_cast<unsigned long long>(d.dst),
                  static_cast<unsigned long long>(d.src0), static_cast<unsigned long long>(d.src1),
                  static_cast<unsigned long long>(d.src2), d.stride0, d.stride1, d.stride2, d.stride3);
    return text;
  }

  /// MEMWALL_COSIM_TRACE=FILE.fst in the environment records the RTL's waveform.
  static std::string trace_file() {
    const char* const name = std::getenv("MEMWALL_COSIM_TRACE");
    return name != nullptr ? name : "";
  }
  static std::string waveform_hint() {
    return trace_file().empty() ? "\nrun again with MEMWALL_COSIM_TRACE=FILE.fst for the RTL's waveform"
                                : "\nwaveform: " + trace_file();
  }

  PnmBench tlm, rtl;
  std::uint64_t rtl_cycles = 0;  ///< of the last job
};

}  // namespace memwall::testing_support
