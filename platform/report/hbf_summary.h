// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What the cubes of a run did in a span of time, from their counters: bandwidth, latency hidden by reading
/// ahead, errors, wear, and how long the cubes would last at that rate of writing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/stats.h"
#include "common/time.h"

namespace memwall::report {

struct HbfSummary {
  unsigned cubes = 0;
  std::uint64_t read_bytes = 0, write_bytes = 0;
  double read_gbytes_per_s = 0, write_gbytes_per_s = 0;
  double peak_gbytes_per_s = 0;        ///< read, all cubes
  double peak_write_gbytes_per_s = 0;  ///< all cubes, erases apart
  std::uint64_t page_reads = 0, senses = 0;
  std::uint64_t prefetch_hits = 0, prefetch_misses = 0, prefetch_wasted = 0;
  double hidden_ns = 0, exposed_ns = 0;                    ///< summed over pages
  double hidden_per_page_ns = 0, exposed_per_page_ns = 0;  ///< per page part that the chip read
  std::uint64_t retries = 0, uncorrectable = 0;
  std::uint64_t refresh_hints = 0, blocks_rewritten = 0;
  std::uint64_t programs = 0, program_fails = 0, erases = 0, blocks_retired = 0;
  double pec_max = 0;              ///< of all cubes
  double pec_average = 0;          ///< mean over cubes
  double write_amplification = 0;  ///< of the span: erases x block / bytes written; the worst cube's
  /// Of the cube that wears most: endurance x capacity / (write rate x write amplification, at least 1), all
  /// of the span, if it went on for ever. None without writes.
  std::optional<double> lifetime_years;
};

/// `stats` are the counters of the span (report::difference) of length `span`.
HbfSummary hbf_summary(const std::vector<Stat>& stats, TimePs span);
/// "no writes", or the lifetime in years, below one in days, below one in hours.
std::string lifetime_text(const HbfSummary& summary);

}  // namespace memwall::report
