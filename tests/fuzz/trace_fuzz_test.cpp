// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Hostile memory traces: accepted or refused by line, and what is accepted lies inside the memory.
#include <gtest/gtest.h>

#include <sstream>

#include "fuzz/mutator.h"
#include "hbm/engine.h"
#include "hbm/trace.h"

namespace memwall {
namespace {

TEST(TraceFuzz, DamagedTracesAreAcceptedOrRefusedNeverWorse) {
  const hbm::Preset preset = hbm::load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml");
  const auto consume = [&preset](const std::vector<std::uint8_t>& bytes) {
    std::istringstream in(std::string(bytes.begin(), bytes.end()));
    const hbm::Trace trace = hbm::parse_trace(in, "t", preset);
    ASSERT_FALSE(trace.requests.empty());
    std::uint64_t cycle = 0;
    for (const hbm::TraceRequest& r : trace.requests) {
      ASSERT_GT(r.bytes, 0u);
      ASSERT_LT(r.address, preset.organisation.capacity_bytes);
      ASSERT_LE(r.bytes, preset.organisation.capacity_bytes - r.address);
      ASSERT_LT(r.initiator, hbm::Engine::kSources);
      ASSERT_GE(r.cycle, cycle);
      ASSERT_LE(r.cycle, hbm::last_arrival_cycle(preset));
      cycle = r.cycle;
    }
  };
  test::FuzzReport total;
  for (const bool timed : {false, true}) {
    std::ostringstream text;
    text << "# a comment\n\n";
    for (int i = 0; i < 12; ++i) {
      if (timed) text << std::dec << i / 3 * 100 << ' ';
      text << (i % 4 == 3 ? "W " : "R 0x") << std::hex << i * 0x1020 << std::dec;
      if (i % 2 == 1) text << ' ' << 7 * i;
      if (i % 3 == 1) text << " @" << i;
      text << (i % 5 == 4 ? "\r\n" : "\n");
    }
    const std::string valid = text.str();
    const test::FuzzReport report = test::fuzz(timed ? "timed trace" : "trace", {valid.begin(), valid.end()},
                                               valid.size(), 10000, consume);
    total.accepted += report.accepted;
    total.refused += report.refused;
    total.messages.insert(report.messages.begin(), report.messages.end());
  }
  printf("%zu accepted, %zu refused, %zu messages\n", total.accepted, total.refused, total.messages.size());
  EXPECT_GT(total.accepted, 500u);
  EXPECT_GT(total.refused, 5000u);
  EXPECT_GT(total.messages.size(), 15u);
}

}  // namespace
}  // namespace memwall
