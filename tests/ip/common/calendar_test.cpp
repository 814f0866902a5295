// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Busy intervals of a shared resource.
#include "common/calendar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/rng.h"

namespace memwall {
namespace {

TEST(Calendar, ReservesTheEarliestGapThatFits) {
  Calendar calendar;
  EXPECT_EQ(calendar.reserve(100, 50), 100u);
  EXPECT_EQ(calendar.reserve(200, 50), 200u);
  EXPECT_EQ(calendar.reserve(120, 51), 250u) << "one too long for the gap";
  EXPECT_EQ(calendar.reserve(120, 50), 150u) << "exactly the gap";
  EXPECT_EQ(calendar.size(), 1u) << "neighbours that touch are one interval";
  EXPECT_EQ(calendar.reserve(0, 100), 0u) << "exactly before";
  EXPECT_EQ(calendar.reserve(0, 1), 301u);
}

TEST(Calendar, NothingToReserveTakesNoTimeAndNoPlace) {
  Calendar calendar;
  calendar.reserve(0, 100);
  EXPECT_EQ(calendar.reserve(50, 0), 50u);
  EXPECT_EQ(calendar.size(), 1u);
}

TEST(Calendar, ForgetsWhatHasPassedAndNothingElse) {
  Calendar calendar;
  calendar.reserve(0, 10);
  calendar.reserve(100, 10);
  calendar.forget_before(105);
  EXPECT_EQ(calendar.size(), 1u);
  EXPECT_EQ(calendar.reserve(105, 10), 110u);
}

TEST(Calendar, RandomReservationsNeverOverlapAndNoneComesLateWithoutReason) {
  Rng rng(7, "calendar");
  Calendar calendar;
  std::vector<std::pair<TimePs, TimePs>> taken;
  for (int i = 0; i < 3000; ++i) {
    const TimePs at = rng.below(20000);
    const TimePs duration = 1 + rng.below(12);
    const TimePs start = calendar.reserve(at, duration);
    // The earliest start by exhaustive search over the ends of what is taken.
    TimePs expected = at;
    std::sort(taken.begin(), taken.end());
    for (const auto& [begin, end] : taken) {
      if (begin < expected + duration && expected < end) expected = end;
    }
    ASSERT_EQ(start, expected) << "reservation " << i;
    taken.emplace_back(start, start + duration);
  }
}

}  // namespace
}  // namespace memwall
