// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// What may not change a token: implementation of the decode unit, quantum, chips, placement, prefill batch,
// clocks. What may: device format, KV format, reduction slices. See ip/numerics/README.md.
#include <gtest/gtest.h>

#include "system/cli.h"

namespace memwall::test {
namespace {

using Overrides = std::vector<std::string>;

/// Tokens of a run that must succeed and match the host reference.
nlohmann::json tokens(const std::string& name, Overrides overrides) {
  overrides.push_back("workload.max_new_tokens=24");
  const RunResult r = run(name, overrides);
  EXPECT_EQ(r.code, 0) << name << ": " << r.err;
  EXPECT_EQ(r.result["reference_match"], true) << name;
  EXPECT_EQ(r.result["tokens"].size(), 24u) << name;
  return r.result["tokens"];
}

TEST(Invariance, PlacementImplementationAndChipsNeverChangeATokenInF16) {
  const nlohmann::json expected = tokens("all_hbm", {});
  for (const char* name : {"hbf_weights", "pnm_model", "pnm_rtl", "two_chips", "first_light"}) {
    EXPECT_EQ(tokens(name, {}), expected) << name;
  }
}

TEST(Invariance, TheQuantumNeverChangesAToken) {
  const nlohmann::json expected = tokens("first_light", {"pnm.implementation=tlm"});
  for (const char* quantum : {"100", "1000", "100000"}) {
    EXPECT_EQ(tokens("first_light", {"pnm.implementation=tlm", std::string("system.quantum_ns=") + quantum}),
              expected)
        << quantum;
    EXPECT_EQ(tokens("first_light", {std::string("system.quantum_ns=") + quantum}), expected)
        << quantum << " rtl";
  }
}

TEST(Invariance, ModelAndRtlDoTheSameWork) {
  const Overrides few = {"workload.max_new_tokens=8"};
  const RunResult model = run("pnm_model", few), rtl = run("pnm_rtl", few);
  for (const char* leaf : {".macs", ".read_bytes", ".write_bytes"}) {
    EXPECT_GT(counter(model.result, ".pnm", leaf), 0) << leaf;
    EXPECT_EQ(counter(model.result, ".pnm", leaf), counter(rtl.result, ".pnm", leaf)) << leaf;
  }
}

TEST(Invariance, StacksPrefillBatchAndClocksNeverChangeAToken) {
  const nlohmann::json expected = tokens("pnm_model", {});
  for (const Overrides& change : std::vector<Overrides>{{"hbm.stacks=1"},
                                                        {"hbm.stacks=4"},
                                                        {"model.prefill_batch=1"},
                                                        {"model.prefill_batch=3"},
                                                        {"hart.clock_mhz=400"},
                                                        {"accel.sram_kib=512"},
                                                        {"accel.macs_per_cycle=64"}}) {
    EXPECT_EQ(tokens("pnm_model", change), expected) << change[0];
  }
}

TEST(Invariance, FourChipsAgreeWithOneWhenTheSlicesAreTheSame) {
  const Overrides slices = {"model.reduction_slices=4"};
  const nlohmann::json expected = tokens("all_hbm", slices);
  EXPECT_EQ(tokens("two_chips", slices), expected);
  EXPECT_EQ(tokens("two_chips", {"model.reduction_slices=4", "system.chips=4"}), expected);
}

class InvarianceOfFormat : public testing::TestWithParam<const char*> {};

TEST_P(InvarianceOfFormat, ChipsAndImplementationNeverChangeAToken) {
  const std::string format = std::string("model.format=") + GetParam();
  const nlohmann::json expected = tokens("all_hbm", {format});
  EXPECT_EQ(tokens("first_light", {format}), expected);
  EXPECT_EQ(tokens("pnm_model", {format}), expected);
}
INSTANTIATE_TEST_SUITE_P(AllFormats, InvarianceOfFormat, testing::Values("f32", "f16", "mxint8"));

TEST(Invariance, AnF32CacheIsReadBitForBitAlikeByModelAndRtl) {
  EXPECT_EQ(tokens("pnm_rtl", {"model.kv_format=f32"}), tokens("pnm_model", {"model.kv_format=f32"}));
}

TEST(Invariance, SampledTokensDependOnTheSeedAndOnNothingElse) {
  const Overrides sampled = {"workload.temperature=0.9", "workload.top_p=0.95", "workload.top_k=40"};
  const nlohmann::json expected = tokens("all_hbm", sampled);
  EXPECT_EQ(tokens("first_light", sampled), expected);
  Overrides other = sampled;
  other.push_back("workload.seed=2");
  EXPECT_NE(tokens("all_hbm", other), expected);
}

TEST(Determinism, TheSameCommandTwiceGivesTheSameBytes) {
  const Overrides few = {"workload.max_new_tokens=12", "link.flit_error_rate=0.01", "hbf.retry_rate=0.05"};
  const RunResult first = run("first_light", few), second = run("first_light", few);
  ASSERT_EQ(first.code, 0) << first.err;
  ASSERT_FALSE(first.result_text.empty());
  EXPECT_EQ(first.result_text, second.result_text);
}

}  // namespace
}  // namespace memwall::test
