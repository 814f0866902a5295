// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The decode unit's registers over its control socket.
#include "support/register_tests.h"

#include "ip/pnm/pnm_bench.h"

namespace memwall {
namespace {

using namespace testing_support;  // NOLINT
using Regs = regs::PnmRegs;

TEST(PnmRegisters, EveryRegisterFollowsItsDefinitionOverTheSocket) {
  PnmBench bench("pnm", pnm::make_pnm_tlm);
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  RegisterTestOptions options;
  options.w1s_self_clears = true;
  run_register_tests(
      Regs::kTable, Regs::kTableSize,
      [&](std::uint32_t offset, std::uint32_t& value) {
        return bench.host.access(false, offset, value) == tlm::TLM_OK_RESPONSE;
      },
      [&](std::uint32_t offset, std::uint32_t value) {
        return bench.host.access(true, offset, value) == tlm::TLM_OK_RESPONSE;
      },
      options);
}

TEST(PnmRegisters, DebugReadsEqualReads) {
  PnmBench bench("pnm", pnm::make_pnm_tlm);
  bench.enable();
  Rng rng(1, "debug");
  const PnmJob job = matvec_job(rng, Format::kF16, 20, 40);
  job.place(bench);
  bench.run(job.d);
  for (const RegisterInfo& info : Regs::kTable) {
    std::uint32_t value = 0;
    tlm::tlm_generic_payload payload;
    payload.set_read();
    payload.set_address(info.offset);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(&value));
    payload.set_data_length(4);
    EXPECT_EQ(bench.host.ctrl_isock->transport_dbg(payload), 4u);
    EXPECT_EQ(value, bench.host.read(info.offset)) << info.name;
  }
}

TEST(PnmRegisters, RegisterAccessesTakeTheirTime) {
  PnmBench bench("pnm", pnm::make_pnm_tlm);
  std::uint32_t value = 0;
  tlm::tlm_generic_payload payload;
  payload.set_read();
  payload.set_address(Regs::kIdOffset);
  payload.set_data_ptr(reinterpret_cast<unsigned char*>(&value));
  payload.set_data_length(4);
  payload.set_streaming_width(4);
  sc_core::sc_time delay(3, sc_core::SC_NS);
  bench.host.ctrl_isock->b_transport(payload, delay);
  EXPECT_EQ(to_ps(delay), 3000 + pnm::PnmConfig{}.register_access_ps);
  EXPECT_EQ(value, Regs::kIdReset);
}

}  // namespace
}  // namespace memwall
