// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The decode loop on the host back-end against a naive forward pass, and what must never change a bit.
#include "reference/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "common/error.h"
#include "firmware/tiny_model.h"
#include "host_protocol.h"
#include "numerics/formats.h"

namespace memwall::test {
namespace {

using reference::Generator;
using reference::Request;
using reference::Result;

struct Output {
  Result result;
  std::vector<std::vector<float>> logits;  // one per new token
};

Output run(const TinyModel& model, const Request& request, std::uint64_t sram_bytes = 1 << 20) {
  const auto image = model.image(0);
  Generator generator([&image](std::uint64_t a, void* out, std::uint64_t n) { read_image(image, a, out, n); },
                      TinyModel::kManifest, {sram_bytes});
  Output output;
  output.result = generator.generate(
      request, [&](std::uint32_t, std::uint32_t) { output.logits.push_back(generator.logits()); });
  EXPECT_EQ(generator.console(), "");
  return output;
}

Request greedy(std::vector<std::uint32_t> prompt, std::uint32_t tokens) {
  Request r;
  r.prompt = std::move(prompt);
  r.max_new_tokens = tokens;
  return r;
}

void expect_same_bits(const Output& a, const Output& b) {
  EXPECT_EQ(a.result.tokens, b.result.tokens);
  ASSERT_EQ(a.logits.size(), b.logits.size());
  for (std::size_t i = 0; i < a.logits.size(); ++i) {
    ASSERT_EQ(a.logits[i].size(), b.logits[i].size());
    for (std::size_t j = 0; j < a.logits[i].size(); ++j)
      ASSERT_EQ(numerics::bits_of(a.logits[i][j]), numerics::bits_of(b.logits[i][j]))
          << "step " << i << " logit " << j;
  }
}

/// Largest difference of any logit from the naive pass, relative to the spread of the logits at that step.
double worst_error(const TinyModel& model, const Request& request, const Output& output) {
  std::vector<std::uint32_t> sequence = request.prompt;
  sequence.insert(sequence.end(), output.result.tokens.begin(), output.result.tokens.end());
  const auto naive = model.naive_logits(sequence);
  double worst = 0;
  for (std::size_t step = 0; step < output.logits.size(); ++step) {
    const auto& want = naive[request.prompt.size() - 1 + step];
    const auto [low, high] = std::minmax_element(want.begin(), want.end());
    EXPECT_EQ(output.logits[step].size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
      EXPECT_TRUE(std::isfinite(output.logits[step][i]) && std::isfinite(want[i]));
      worst = std::max(worst, std::abs(output.logits[step][i] - want[i]) / (*high - *low));
    }
  }
  std::printf("worst logit error relative to the logits' spread: %.2e\n", worst);
  return worst;
}

const std::vector<std::uint32_t> kPrompt = {3, 17, 9, 44, 60, 1, 25};

// f32 arithmetic against double over a few hundred operations: rounding alone.
constexpr double kF32Bound = 2e-6;
// With the KV cache in f16 a value near a rounding boundary may land one f16 step (2^-11) apart.
constexpr double kF16CacheBound = 1e-3;
// With MXINT8 rounding errors vanish in the quantisation (often to exactly 0), but an activation near a
// rounding boundary may land one int8 step (about 2^-6 of its block) apart.
constexpr double kMxint8Bound = 3e-2;

TEST(Reference, F32MatchesANaiveForwardPass) {
  TinyShape shape;
  shape.format = shape.kv_format = FORMAT_F32;
  const TinyModel model(shape);
  const Request request = greedy(kPrompt, 12);
  const Output output = run(model, request);
  EXPECT_EQ(output.result.status, static_cast<std::uint32_t>(HOST_STATUS_OK));
  ASSERT_EQ(output.result.tokens.size(), 12u);
  EXPECT_LT(worst_error(model, request, output), kF32Bound);
}

TEST(Reference, F16WeightsAndCacheMatchANaiveForwardPass) {
  TinyShape shape;
  const TinyModel model(shape);
  const Request request = greedy(kPrompt, 12);
  EXPECT_LT(worst_error(model, request, run(model, request)), kF16CacheBound);
}

TEST(Reference, Mxint8MatchesANaiveForwardPass) {
  TinyShape shape;
  shape.format = FORMAT_MXINT8;
  const TinyModel model(shape);
  const Request request = greedy(kPrompt, 12);
  EXPECT_LT(worst_error(model, request, run(model, request)), kMxint8Bound);
}

TEST(Reference, OddHeadCountsAndEmptySlicesMatchANaiveForwardPass) {
  for (std::uint32_t format : {FORMAT_F32, FORMAT_F16, FORMAT_MXINT8}) {
    TinyShape shape;
    shape.heads = 3;
    shape.kv_heads = 1;  // one of the two slices has no head at all
    shape.head_dim = 10;
    shape.dim = 30;
    shape.hidden = 77;
    shape.format = format;
    shape.kv_format = format == FORMAT_F32 ? FORMAT_F32 : FORMAT_F16;
    const TinyModel model(shape);
    const Request request = greedy(kPrompt, 8);
    const double bound = format == FORMAT_F32   ? kF32Bound
                         : format == FORMAT_F16 ? kF16CacheBound
                                                : kMxint8Bound;
    EXPECT_LT(worst_error(model, request, run(model, request)), bound) << "format " << format;
  }
}

TEST(Reference, EverySliceCountMatchesANaiveForwardPass) {
  for (std::uint32_t slices : {1u, 2u, 3u, 4u, 8u}) {
    TinyShape shape;
    shape.slices = slices;
    shape.heads = 8;
    shape.kv_heads = 4;
    shape.head_dim = 8;
    shape.hidden = 70;  // three blocks of 32: with four slices one is empty
    shape.format = shape.kv_format = FORMAT_F32;
    const TinyModel model(shape);
    const Request request = greedy(kPrompt, 4);
    EXPECT_LT(worst_error(model, request, run(model, request)), kF32Bound) << slices << " slices";
  }
}

TEST(Reference, PrefillBatchNeverChangesABit) {
  for (std::uint32_t format : {FORMAT_F16, FORMAT_MXINT8}) {
    TinyShape shape;
    shape.format = format;
    shape.batch = 1;
    const Output one = run(TinyModel(shape), greedy(kPrompt, 6));
    for (std::uint32_t batch : {2u, 3u, 7u, 64u}) {
      shape.batch = batch;
      expect_same_bits(one, run(TinyModel(shape), greedy(kPrompt, 6)));
    }
  }
}

TEST(Reference, ScratchpadSizeNeverChangesABit) {
  TinyShape shape;
  shape.batch = 8;
  const TinyModel model(shape);
  const Output large = run(model, greedy(kPrompt, 6), 16 << 20);
  expect_same_bits(large, run(model, greedy(kPrompt, 6), 64 << 10));
}

TEST(Reference, AttentionNearMemoryOrOnTheAcceleratorGivesTheSameBits) {
  TinyShape shape;
  const Output accelerator = run(TinyModel(shape), greedy(kPrompt, 6));
  for (std::uint32_t units : {1u, 2u}) {
    shape.pnm_arenas = units;
    expect_same_bits(accelerator, run(TinyModel(shape), greedy(kPrompt, 6)));
  }
  // More query heads per KV head than a unit takes at once.
  TinyShape wide;
  wide.heads = 40;
  wide.kv_heads = 2;
  wide.head_dim = 4;
  const Output whole = run(TinyModel(wide), greedy(kPrompt, 3));
  wide.pnm_arenas = 2;
  expect_same_bits(whole, run(TinyModel(wide), greedy(kPrompt, 3)));
}

TEST(Reference, StopsWithContextFullAndKeepsTheTokensSoFar) {
  TinyShape shape;
  shape.context = 10;
  const Output output = run(TinyModel(shape), greedy(kPrompt, 100));
  EXPECT_EQ(output.result.status, static_cast<std::uint32_t>(HOST_STATUS_CONTEXT_FULL));
  // Seven prompt tokens and three generated ones have been fed; the fourth was sampled from the last of them.
  EXPECT_EQ(output.result.tokens.size(), 4u);
  shape.context = 40;
  const Output longer = run(TinyModel(shape), greedy(kPrompt, 4));
  EXPECT_EQ(output.result.tokens, longer.result.tokens);
}

TEST(Reference, PromptLongerThanTheContextIsContextFullWithoutTokens) {
  TinyShape shape;
  shape.context = 5;
  const Output output = run(TinyModel(shape), greedy(kPrompt, 4));
  EXPECT_EQ(output.result.status, static_cast<std::uint32_t>(HOST_STATUS_CONTEXT_FULL));
  EXPECT_TRUE(output.result.tokens.empty());
}

TEST(Reference, SmallArenasLimitTheContext) {
  TinyShape shape;
  shape.arenas = 1;
  shape.arena_bytes = 0x4000 + 128 + 4 * 2 * 32 * 9;  // reserved, then nine tokens of four streams of K and V
  const TinyModel model(shape);
  const auto image = model.image(0);
  Generator generator([&image](std::uint64_t a, void* out, std::uint64_t n) { read_image(image, a, out, n); },
                      TinyModel::kManifest, {1 << 20});
  EXPECT_EQ(generator.context_capacity(), 9u);
}

TEST(Reference, EosEndsTheRequestUnreported) {
  const TinyModel model{TinyShape{}};
  Request request = greedy(kPrompt, 8);
  const std::vector<std::uint32_t> all = run(model, request).result.tokens;
  request.eos_token = all[3];
  const auto first = std::find(all.begin(), all.end(), all[3]);
  const Result stopped = run(model, request).result;
  EXPECT_EQ(stopped.status, static_cast<std::uint32_t>(HOST_STATUS_OK));
  EXPECT_EQ(stopped.tokens, std::vector<std::uint32_t>(all.begin(), first));
}

TEST(Reference, SameSeedSameTokensOtherSeedOtherTokens) {
  const TinyModel model{TinyShape{}};
  Request request = greedy(kPrompt, 20);
  request.temperature = 1.0f;
  request.top_p = 0.95f;
  request.top_k = 40;
  request.seed = 7;
  const Result a = run(model, request).result, b = run(model, request).result;
  EXPECT_EQ(a.tokens, b.tokens);
  request.seed = 8;
  EXPECT_NE(a.tokens, run(model, request).result.tokens);
}

TEST(Reference, ARequestLeavesNothingBehindForTheNext) {
  const TinyModel model{TinyShape{}};
  const auto image = model.image(0);
  Generator generator([&image](std::uint64_t a, void* out, std::uint64_t n) { read_image(image, a, out, n); },
                      TinyModel::kManifest, {1 << 20});
  const Result first = generator.generate(greedy(kPrompt, 20));
  generator.generate(greedy({60, 59, 58}, 30));
  EXPECT_EQ(generator.generate(greedy(kPrompt, 20)).tokens, first.tokens);
}

TEST(Reference, BadRequestsAreRefused) {
  const TinyModel model{TinyShape{}};
  const auto status = [&model](const Request& r) { return run(model, r).result.status; };
  const auto bad = static_cast<std::uint32_t>(HOST_STATUS_BAD_REQUEST);
  EXPECT_EQ(status(greedy({}, 1)), bad);
  EXPECT_EQ(status(greedy({61}, 1)), bad);
  Request r = greedy({1}, 1);
  r.temperature = -1;
  EXPECT_EQ(status(r), bad);
  r.temperature = std::nanf("");
  EXPECT_EQ(status(r), bad);
  r.temperature = 1;
  r.top_p = 0;
  EXPECT_EQ(status(r), bad);
  r.top_p = 1;
  r.top_k = 257;
  EXPECT_EQ(status(r), bad);
  r.top_k = 256;
  EXPECT_EQ(status(r), static_cast<std::uint32_t>(HOST_STATUS_OK));
}

TEST(Reference, WhatTheFirmwareCannotRunIsRefusedByName) {
  const auto refusal = [](const TinyShape& shape, std::uint64_t sram_bytes) -> std::string {
    const auto image = TinyModel(shape).image(0);
    try {
      Generator generator(
          [&image](std::uint64_t a, void* out, std::uint64_t n) { read_image(image, a, out, n); },
          TinyModel::kManifest, {sram_bytes});
    } catch (const ConfigError& e) {
      return e.what();
    }
    return "accepted";
  };
  TinyShape shape;
  EXPECT_EQ(refusal(shape, 1 << 20), "accepted");
  EXPECT_NE(refusal(shape, 8 << 10).find("scratchpad of 8 KiB"), std::string::npos);
  shape.kv_format = FORMAT_BF16;
  EXPECT_NE(refusal(shape, 1 << 20).find("KV format 2"), std::string::npos);
  shape = {};
  shape.arena_bytes = 0x4000;
  EXPECT_NE(refusal(shape, 1 << 20).find("no room for a KV cache"), std::string::npos);
}

}  // namespace
}  // namespace memwall::test
