// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "report/hbf_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace memwall::report {
namespace {

constexpr double kSecondsPerYear = 365.25 * 24 * 3600;

/// "chip0.hbf1.senses" -> "chip0.hbf1", or nothing if it is no cube's.
std::string cube_of(const std::string& name) {
  const std::size_t chip = name.find('.');
  if (chip == std::string::npos || name.compare(chip + 1, 3, "hbf") != 0) return "";
  const std::size_t end = name.find('.', chip + 1);
  if (end == std::string::npos) return "";
  const std::string index = name.substr(chip + 4, end - chip - 4);
  const bool digits = !index.empty() && index.find_first_not_of("0123456789") == std::string::npos;
  return digits ? name.substr(0, end) : "";
}

}  // namespace

HbfSummary hbf_summary(const std::vector<Stat>& stats, TimePs span) {
  std::map<std::string, std::map<std::string, double>> cubes;
  for (const Stat& s : stats) {
    const std::string cube = cube_of(s.name);
    if (cube.empty()) continue;
    cubes[cube][s.name.substr(cube.size() + 1)] =
        std::visit([](auto value) { return static_cast<double>(value); }, s.value);
  }
  HbfSummary out;
  const double ns = static_cast<double>(span) / 1e3;
  out.cubes = static_cast<unsigned>(cubes.size());
  for (auto& [name, stat] : cubes) {
    const double written = stat["write_bytes"];
    out.read_bytes += stat["read_bytes"];
    out.write_bytes += written;
    out.peak_gbytes_per_s += stat["peak_read_gbytes_per_s"];
    out.page_reads += stat["page_reads"];
    out.senses += stat["senses"];
    out.prefetch_hits += stat["prefetch_hits"];
    out.prefetch_misses += stat["prefetch_misses"];
    out.prefetch_wasted += stat["prefetch_wasted"];
    out.hidden_ns += stat["hidden_latency_ns"];
    out.exposed_ns += stat["exposed_latency_ns"];
    out.corrected += stat["ecc_corrected"];
    out.retries += stat["ecc_retried"];
    out.uncorrectable += stat["ecc_uncorrectable"];
    out.refresh_hints += stat["refresh_hints"];
    out.blocks_rewritten += stat["blocks_rewritten"];
    out.programs += stat["programs"];
    out.program_fails += stat["program_fails"];
    out.erases += stat["erases"];
    out.blocks_retired += stat["blocks_retired"];
    out.pec_max = std::max(out.pec_max, stat["pec_max"]);
    out.pec_average += stat["pec_average"] / static_cast<double>(cubes.size());
    out.write_amplification = std::max(out.write_amplification, stat["write_amplification"]);
    if (written > 0 && ns > 0) {
      const double bytes_per_s = written / ns * 1e9 * std::max(1.0, stat["write_amplification"]);
      const double years = stat["endurance_cycles"] * stat["capacity_bytes"] / bytes_per_s / kSecondsPerYear;
      out.lifetime_years = std::min(out.lifetime_years.value_or(years), years);
    }
  }
  if (ns > 0) {
    out.read_gbytes_per_s = out.read_bytes / ns;
    out.write_gbytes_per_s = out.write_bytes / ns;
  }
  const double parts = out.prefetch_hits + out.prefetch_misses;
  if (parts > 0) {
    out.hidden_per_page_ns = out.hidden_ns / parts;
    out.exposed_per_page_ns = out.exposed_ns / parts;
  }
  return out;
}

std::string lifetime_text(const HbfSummary& summary) {
  if (!summary.lifetime_years) return "no writes";
  return fmt::format("{:.3g} years", *summary.lifetime_years);
}

}  // namespace memwall::report
