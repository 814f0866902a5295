// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The tile pipeline against its closed formula.
#include "engine/tile_pipeline.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <vector>

namespace memwall::engine {
namespace {

/// Runs loads and works of the given lengths; returns the end.
TimePs run(TilePipeline& pipeline, const std::vector<TimePs>& loads, const std::vector<TimePs>& works) {
  for (std::size_t i = 0; i <= loads.size(); ++i) {
    const TimePs at = pipeline.next_step();
    if (i >= 1) pipeline.worked(at, at + works[i - 1]);
    if (i < loads.size()) pipeline.loaded(at, at + loads[i]);
  }
  return pipeline.next_step();
}

TEST(TilePipeline, ConstantTilesTakeTheClosedFormula) {
  for (const TimePs load : {TimePs{1}, TimePs{70}, TimePs{100}}) {
    for (const TimePs work : {TimePs{1}, TimePs{70}, TimePs{99}, TimePs{1000}}) {
      for (const std::size_t n : {1u, 2u, 3u, 50u}) {
        TilePipeline pipeline(500);
        const TimePs measured =
            run(pipeline, std::vector<TimePs>(n, load), std::vector<TimePs>(n, work)) - 500;
        const TimePs expected = load + (n - 1) * std::max(load, work) + work;
        EXPECT_EQ(measured, expected) << "load " << load << " work " << work << " tiles " << n;
        EXPECT_EQ(pipeline.loading(), n * load);
        EXPECT_EQ(pipeline.working(), n * work);
        EXPECT_EQ(pipeline.waiting_for_load(), load + (n - 1) * (load > work ? load - work : 0));
        EXPECT_EQ(measured, pipeline.working() + pipeline.waiting_for_load());
      }
    }
  }
}

TEST(TilePipeline, WaitingForWorkIsTheTimeWithoutALoadWhileBothBuffersAreFull) {
  TilePipeline pipeline(0);
  run(pipeline, std::vector<TimePs>(10, 30), std::vector<TimePs>(10, 100));
  // Loads 2 to 9 each wait 70 for a buffer; so does the last step, which has nothing left to load.
  EXPECT_EQ(pipeline.waiting_for_work(), 9 * TimePs{70});
}

TEST(TilePipeline, ALateTileDelaysOnlyWhatFollows) {
  TilePipeline pipeline(0);
  const TimePs end = run(pipeline, {10, 10, 500, 10}, {50, 50, 50, 50});
  // Load 2 starts when work 0 ends (60), is there at 560; then works 2 and 3 follow each other.
  EXPECT_EQ(end, 560 + 50 + 50u);
  EXPECT_EQ(pipeline.waiting_for_load(), 10 + (560 - 110u));
}

TEST(Timeline, ServesOneUserAtATimeInOrderOfCalls) {
  Timeline line;
  EXPECT_EQ(line.take(10, 5), 10u);
  EXPECT_EQ(line.take(12, 5), 15u);
  EXPECT_EQ(line.take(100, 5), 100u);
  EXPECT_EQ(line.busy(), 15u);
}

TEST(Timeline, AVisitorFromTheFutureDoesNotBlockThePresent) {
  Timeline line;
  line.take(0, 10);
  EXPECT_EQ(line.visit(0, 5, 3), 10u);  // waits for its turn
  EXPECT_EQ(line.free_at(), 13u);
  EXPECT_EQ(line.visit(0, 1000, 3), 1000u);  // far ahead of time
  EXPECT_EQ(line.take(20, 4), 20u);
  EXPECT_EQ(line.visit(30, 30, 3), 30u);  // on time: now it is in the way
  EXPECT_EQ(line.take(31, 4), 33u);
}

}  // namespace
}  // namespace memwall::engine
