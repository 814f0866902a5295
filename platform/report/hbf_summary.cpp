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
    const auto count = [&stat = stat](const char* what) { return static_cast<std::uint64_t>(stat[what]); };
    out.read_bytes += count("read_bytes");
    out.write_bytes += count("write_bytes");
    out.peak_gbytes_per_s += stat["peak_read_gbytes_per_s"];
    out.peak_write_gbytes_per_s += stat["peak_write_gbytes_per_s"];
    out.page_reads += count("page_reads");
    out.senses += count("senses");
    out.prefetch_hits += count("prefetch_hits");
    out.prefetch_misses += count("prefetch_misses");
    out.prefetch_wasted += count("prefetch_wasted");
    out.hidden_ns += stat["hidden_latency_ns"];
    out.exposed_ns += stat["exposed_latency_ns"];
    out.retries += count("ecc_retried");
    out.uncorrectable += count("ecc_uncorrectable");
    out.refresh_hints += count("refresh_hints");
    out.blocks_rewritten += count("blocks_rewritten");
    out.programs += count("programs");
    out.program_fails += count("program_fails");
    out.erases += count("erases");
    out.blocks_retired += count("blocks_retired");
    out.pec_max = std::max(out.pec_max, stat["pec_max"]);
    out.pec_average += stat["pec_average"] / static_cast<double>(cubes.size());
    // Not the cube's own level, which is since the start: another phase may have erased far more or less.
    const double written = stat["write_bytes"];
    const double amplification = written > 0 ? stat["erases"] * stat["block_bytes"] / written : 0;
    out.write_amplification = std::max(out.write_amplification, amplification);
    if (written > 0 && ns > 0) {
      const double bytes_per_s = written / ns * 1e9 * std::max(1.0, amplification);
      const double years = stat["endurance_cycles"] * stat["capacity_bytes"] / bytes_per_s / kSecondsPerYear;
      out.lifetime_years = std::min(out.lifetime_years.value_or(years), years);
    }
  }
  if (ns > 0) {
    out.read_gbytes_per_s = static_cast<double>(out.read_bytes) / ns;
    out.write_gbytes_per_s = static_cast<double>(out.write_bytes) / ns;
  }
  const auto parts = static_cast<double>(out.prefetch_hits + out.prefetch_misses);
  if (parts > 0) {
    out.hidden_per_page_ns = out.hidden_ns / parts;
    out.exposed_per_page_ns = out.exposed_ns / parts;
  }
  return out;
}

std::string lifetime_text(const HbfSummary& summary) {
  if (!summary.lifetime_years) return "no writes";
  const double years = *summary.lifetime_years, days = years * kSecondsPerYear / 86400;
  if (years >= 1) return fmt::format("{:.3g} years", years);
  if (days >= 1) return fmt::format("{:.3g} days", days);
  return fmt::format("{:.3g} hours", days * 24);
}

}  // namespace memwall::report
