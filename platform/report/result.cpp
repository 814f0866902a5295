// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "report/result.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "common/error.h"
#include "report/hbf_summary.h"

namespace memwall::report {
namespace {

using nlohmann::ordered_json;

double number(const Stat& stat) {
  return std::visit([](auto value) { return static_cast<double>(value); }, stat.value);
}

bool ends_with(const std::string& text, const std::string& suffix) {
  return text.size() >= suffix.size() &&
         text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

bool happens_once(const Phase& phase) { return phase.name == "load" || phase.name == "freeze"; }

ordered_json to_json(const Stat& stat) {
  ordered_json j;
  j["name"] = stat.name;
  std::visit([&](auto value) { j["value"] = value; }, stat.value);
  j["unit"] = stat.unit;
  if (!stat.clock.empty()) j["clock"] = stat.clock;
  j["description"] = stat.description;
  return j;
}

double to_ns(TimePs t) { return static_cast<double>(t) / 1e3; }

/// Name of the block a counter belongs to: "chip0.hbm1.port.bytes" -> "chip0.hbm1".
std::string block_of(const std::string& name) {
  const std::size_t first = name.find('.');
  const std::size_t second = first == std::string::npos ? first : name.find('.', first + 1);
  return name.substr(0, second);
}

/// Kind of block: "chip0.hbm1" -> "hbm".
std::string kind_of(const std::string& name) {
  std::string block = block_of(name);
  const std::size_t dot = block.find('.');
  if (dot != std::string::npos) block = block.substr(dot + 1);
  const std::size_t digits = block.find_last_not_of("0123456789");
  return block.substr(0, digits + 1);
}

/// Last part of a name: "chip0.hbm1.data.read_bytes" -> "read_bytes".
std::string leaf_of(const std::string& name) { return name.substr(name.rfind('.') + 1); }

/// Energy of each kind of block. A block that reports "energy_pj" has already added up its parts.
std::map<std::string, double> energy_by_kind(const std::vector<Stat>& stats) {
  std::set<std::string> has_total;
  for (const Stat& s : stats) {
    if (leaf_of(s.name) == "energy_pj") has_total.insert(block_of(s.name));
  }
  std::map<std::string, double> out;
  for (const Stat& s : stats) {
    if (s.unit != "pJ" || s.kind != StatKind::kCounter) continue;
    if (has_total.count(block_of(s.name)) && leaf_of(s.name) != "energy_pj") continue;
    out[kind_of(s.name)] += number(s);
  }
  return out;
}

/// Bytes by memory and direction, all ports of all stacks and cubes.
std::map<std::string, double> bytes_by_memory(const std::vector<Stat>& stats) {
  std::map<std::string, double> out;
  for (const Stat& s : stats) {
    const std::string kind = kind_of(s.name), leaf = leaf_of(s.name);
    if (kind != "hbm" && kind != "hbf") continue;
    if (leaf == "read_bytes") out[kind + "_read"] += number(s);
    if (leaf == "write_bytes") out[kind + "_written"] += number(s);
  }
  return out;
}

/// Decimal GB/s of all stacks (either way) or cubes (reading) together; 0 if there are none.
double peak_bandwidth(const std::vector<Stat>& stats, const std::string& kind) {
  double total = 0;
  for (const Stat& s : stats) {
    const std::string leaf = leaf_of(s.name);
    if (kind_of(s.name) != kind || s.unit != "gbytes_per_s") continue;
    if (leaf.rfind("peak", 0) == 0 && leaf.rfind("peak_write", 0) != 0) total += number(s);
  }
  return total;
}

std::string scaled(double value, const std::vector<std::pair<double, const char*>>& steps) {
  for (const auto& [size, unit] : steps) {
    if (std::abs(value) >= size) return fmt::format("{:.3g} {}", value / size, unit);
  }
  return fmt::format("{:.3g} {}", value / steps.back().first, steps.back().second);
}

std::string time_text(double ns) { return scaled(ns, {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1.0, "ns"}}); }

std::string energy_text(double pj) {
  return scaled(pj, {{1e12, "J"}, {1e9, "mJ"}, {1e6, "uJ"}, {1e3, "nJ"}, {1.0, "pJ"}});
}

/// What the cubes did in a phase. Loading and freezing happen once, so they say nothing about a lifetime.
HbfSummary cubes_of(const Phase& phase) {
  HbfSummary h = hbf_summary(phase.counters, phase.end - phase.begin);
  if (happens_once(phase)) h.lifetime_years.reset();
  return h;
}

ordered_json to_json(const HbfSummary& h) {
  ordered_json j;
  j["read_gbytes_per_s"] = h.read_gbytes_per_s;
  j["write_gbytes_per_s"] = h.write_gbytes_per_s;
  j["peak_read_gbytes_per_s"] = h.peak_gbytes_per_s;
  j["peak_write_gbytes_per_s"] = h.peak_write_gbytes_per_s;
  j["prefetch_hits"] = h.prefetch_hits;
  j["prefetch_misses"] = h.prefetch_misses;
  j["prefetch_wasted"] = h.prefetch_wasted;
  j["hidden_latency_ns"] = h.hidden_ns;
  j["exposed_latency_ns"] = h.exposed_ns;
  j["hidden_latency_per_page_ns"] = h.hidden_per_page_ns;
  j["exposed_latency_per_page_ns"] = h.exposed_per_page_ns;
  j["retries"] = h.retries;
  j["uncorrectable"] = h.uncorrectable;
  j["refresh_hints"] = h.refresh_hints;
  j["blocks_rewritten"] = h.blocks_rewritten;
  j["programs"] = h.programs;
  j["program_fails"] = h.program_fails;
  j["erases"] = h.erases;
  j["blocks_retired"] = h.blocks_retired;
  j["pec_max"] = h.pec_max;
  j["pec_average"] = h.pec_average;
  j["write_amplification"] = h.write_amplification;
  j["lifetime_years"] = h.lifetime_years ? ordered_json(*h.lifetime_years) : ordered_json(nullptr);
  return j;
}

ordered_json to_json(const Phase& phase, const std::map<std::string, double>& clocks_mhz) {
  const double ns = to_ns(phase.end - phase.begin);
  ordered_json j;
  j["name"] = phase.name;
  j["begin_ns"] = to_ns(phase.begin);
  j["end_ns"] = to_ns(phase.end);
  j["tokens"] = phase.tokens;
  const Bound bound = bound_of(phase, clocks_mhz);
  j["bound"] = bound.name;
  j["time_shares"] = bound.shares;
  const auto bytes = bytes_by_memory(phase.counters);
  j["bytes"] = bytes;
  ordered_json bandwidth;
  for (const char* kind : {"hbm", "hbf"}) {
    const double peak = peak_bandwidth(phase.counters, kind);
    if (peak == 0) continue;
    double moved = 0;
    // The peak of a cube is one of reading; what it wrote stands in "hbf".
    const std::string counted = kind == std::string("hbf") ? "hbf_read" : kind;
    for (const auto& [name, value] : bytes) moved += name.rfind(counted, 0) == 0 ? value : 0;
    bandwidth[kind] = {{"achieved_gbytes_per_s", ns > 0 ? moved / ns : 0.0}, {"peak_gbytes_per_s", peak}};
  }
  j["bandwidth"] = bandwidth;
  const HbfSummary hbf = cubes_of(phase);
  if (hbf.cubes > 0) j["hbf"] = to_json(hbf);
  j["link_bytes"] = sum(phase.counters, ".link", ".tx_bytes");
  j["energy_pj"] = energy_by_kind(phase.counters);
  const double macs = sum(phase.counters, "", ".macs");
  double moved = 0;
  for (const auto& [name, value] : bytes) moved += value;
  j["operations"] = 2 * macs;
  j["operational_intensity_ops_per_byte"] = moved > 0 ? 2 * macs / moved : 0.0;
  j["counters"] = ordered_json::array();
  for (const Stat& stat : phase.counters) {
    if (stat.kind == StatKind::kCounter && number(stat) == 0) continue;
    j["counters"].push_back(to_json(stat));
  }
  return j;
}

/// Lines of the table about the cubes. `line` takes a name and a value.
template <typename Line>
void add_hbf(const Phase& phase, Line line) {
  const HbfSummary h = cubes_of(phase);
  if (h.cubes == 0) return;
  if (h.page_reads > 0) {
    // A page that is still in its bank's buffers costs no sense; small models live there.
    line("hbf pages read / sensed", fmt::format("{} / {}", h.page_reads, h.senses));
  }
  if (h.senses == 0 && h.page_reads + h.prefetch_hits > 0) {
    line("", "no sense: everything is in page buffers or read-ahead SRAM");
  }
  if (h.prefetch_hits + h.prefetch_misses > 0) {
    line("hbf read ahead",
         fmt::format("{} hits, {} misses, {} wasted", h.prefetch_hits, h.prefetch_misses, h.prefetch_wasted));
    line("hbf latency hidden / exposed",
         fmt::format("{} / {} per page, {} / {} in total", time_text(h.hidden_per_page_ns),
                     time_text(h.exposed_per_page_ns), time_text(h.hidden_ns), time_text(h.exposed_ns)));
  }
  if (h.page_reads > 0) {
    line("hbf retries", fmt::format("{} pages, {} uncorrectable", h.retries, h.uncorrectable));
  }
  if (h.page_reads + h.programs > 0) {
    // A block is written again because it is old, or because it is lost; the cube cannot tell.
    line("hbf blocks rewritten",
         fmt::format("{} (refresh or replay), {} refresh hints", h.blocks_rewritten, h.refresh_hints));
  }
  if (h.programs > 0) {
    line("hbf programs / erases", fmt::format("{} / {}, {} failed, {} blocks retired", h.programs, h.erases,
                                              h.program_fails, h.blocks_retired));
  }
  line("hbf wear", fmt::format("{:.4g} max, {:.4g} average P/E cycles", h.pec_max, h.pec_average));
  if (happens_once(phase)) return;
  line("hbf lifetime", lifetime_text(h) + (h.lifetime_years ? " at this rate of writing" : ""));
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text << '\n';
  if (!out.flush()) throw ConfigError(path.string(), "cannot be written");
}

}  // namespace

std::string bytes_text(double bytes) {
  return scaled(bytes, {{1073741824.0, "GiB"}, {1048576.0, "MiB"}, {1024.0, "KiB"}, {1.0, "B"}});
}

std::vector<Stat> difference(const std::vector<Stat>& before, const std::vector<Stat>& after) {
  std::unordered_map<std::string, const Stat*> earlier;
  for (const Stat& s : before) earlier[s.name] = &s;
  std::vector<Stat> out = after;
  for (Stat& s : out) {
    const auto found = earlier.find(s.name);
    if (s.kind == StatKind::kLevel || found == earlier.end()) continue;
    if (auto* count = std::get_if<std::uint64_t>(&s.value)) {
      *count -= std::get<std::uint64_t>(found->second->value);
    } else {
      std::get<double>(s.value) -= std::get<double>(found->second->value);
    }
  }
  return out;
}

double sum(const std::vector<Stat>& stats, const std::string& part, const std::string& suffix) {
  double total = 0;
  for (const Stat& s : stats) {
    if (ends_with(s.name, suffix) && s.name.find(part) != std::string::npos) total += number(s);
  }
  return total;
}

Bound bound_of(const Phase& phase, const std::map<std::string, double>& clocks_mhz) {
  Bound bound;
  const double span_ps = static_cast<double>(phase.end - phase.begin);
  if (span_ps <= 0) return bound;
  const auto ps = [&](const Stat& s) {
    if (s.unit == "ps") return number(s);
    if (s.unit == "ns") return 1e3 * number(s);
    const auto clock = clocks_mhz.find(s.clock);
    return clock == clocks_mhz.end() ? 0.0 : number(s) * 1e6 / clock->second;
  };
  std::set<std::string> chips;
  double compute = 0, memory = 0;
  std::map<std::string, double> unit, link;  // by chip: the busiest
  for (const Stat& s : phase.counters) {
    const std::string chip = s.name.substr(0, s.name.find('.')), kind = kind_of(s.name),
                      leaf = leaf_of(s.name);
    chips.insert(chip);
    if (kind == "accel" && (leaf == "matrix_busy_cycles" || leaf == "vector_busy_cycles")) compute += ps(s);
    if (kind == "accel" && leaf == "stall_memory_ps") memory += ps(s);
    if (kind == "pnm" && leaf == "busy_cycles") unit[chip] = std::max(unit[chip], ps(s));
    if (kind == "link" && leaf == "line_busy_ns") link[chip] = std::max(link[chip], ps(s));
  }
  const auto total = [](const std::map<std::string, double>& by_chip) {
    double sum = 0;
    for (const auto& [chip, value] : by_chip) sum += value;
    return sum;
  };
  const double whole = span_ps * static_cast<double>(chips.size());
  bound.shares = {{"compute", compute / whole},
                  {"memory", memory / whole},
                  {"near-memory unit", total(unit) / whole},
                  {"link", total(link) / whole}};
  double known = 0;
  for (const auto& [name, value] : bound.shares) known += value;
  bound.shares["latency"] = std::max(0.0, 1.0 - known);
  bound.name = std::max_element(bound.shares.begin(), bound.shares.end(), [](const auto& x, const auto& y) {
                 return x.second < y.second;
               })->first;
  return bound;
}

std::string to_json(const RunResult& r) {
  ordered_json j;
  j["format_version"] = 1;
  j["scenario"] = r.scenario;
  j["description"] = r.description;
  j["model"] = r.model;
  j["seed"] = r.seed;
  j["settings"] = r.settings;
  j["clocks_mhz"] = r.clocks_mhz;
  j["prompt_tokens"] = r.prompt_tokens;
  j["tokens"] = r.tokens;
  j["text"] = r.text;
  j["finish"] = r.finish;
  j["reference_match"] = r.reference_checked ? ordered_json(r.reference_match) : ordered_json(nullptr);
  j["first_mismatch"] = r.first_mismatch >= 0 ? ordered_json(r.first_mismatch) : ordered_json(nullptr);
  j["time_to_first_token_ns"] = to_ns(r.time_to_first_token);
  j["time_per_output_token_ns"] = to_ns(r.time_per_output_token);
  j["tokens_per_second"] =
      r.time_per_output_token ? 1e12 / static_cast<double>(r.time_per_output_token) : 0.0;
  j["simulated_ns"] = to_ns(r.simulated);
  j["footprint_bytes"] = r.footprint;
  j["phases"] = ordered_json::array();
  for (const Phase& phase : r.phases) j["phases"].push_back(to_json(phase, r.clocks_mhz));
  j["counters"] = ordered_json::array();
  for (const Stat& stat : r.counters) j["counters"].push_back(to_json(stat));
  j["assumed"] = r.assumed;
  // Text may hold any bytes that the model emits; invalid UTF-8 becomes U+FFFD.
  return j.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

std::string to_json(const RunResult& r, const HostResult& host) {
  ordered_json j;
  j["scenario"] = r.scenario;
  j["build_seconds"] = host.build_seconds;
  j["wall_seconds"] = host.wall_seconds;
  j["reference_seconds"] = host.reference_seconds;
  j["tokens_per_wall_second"] =
      host.wall_seconds > 0 ? static_cast<double>(r.tokens.size()) / host.wall_seconds : 0.0;
  j["simulated_seconds_per_wall_second"] =
      host.wall_seconds > 0 ? static_cast<double>(r.simulated) * 1e-12 / host.wall_seconds : 0.0;
  j["instructions"] = host.instructions;
  return j.dump(2);
}

std::string to_table(const RunResult& r, const HostResult& host) {
  std::string out;
  const auto line = [&](const std::string& name, const std::string& value) {
    out += fmt::format("  {:<28} {}\n", name, value);
  };
  const auto heading = [&](const std::string& title) { out += fmt::format("\n{}\n", title); };

  out += fmt::format("{}: {}\n", r.scenario, r.description);
  heading("tokens");
  line("model", r.model);
  line("prompt / generated", fmt::format("{} / {} ({})", r.prompt_tokens.size(), r.tokens.size(), r.finish));
  line("host reference", !r.reference_checked
                             ? (r.tokens.empty() ? "not compared: no tokens" : "not compared")
                         : r.reference_match ? "identical"
                                             : fmt::format("DIFFERS from token {}", r.first_mismatch));
  line("time to first token", time_text(to_ns(r.time_to_first_token)));
  line("time per output token", time_text(to_ns(r.time_per_output_token)));
  if (r.time_per_output_token > 0) {
    line("tokens/s, simulated", fmt::format("{:.0f}", 1e12 / static_cast<double>(r.time_per_output_token)));
  }
  std::string clocks;
  for (const auto& [name, mhz] : r.clocks_mhz) {
    clocks += fmt::format("{}{} {:g} MHz", clocks.empty() ? "" : ", ", name, mhz);
  }
  line("clocks", clocks);

  for (const Phase& phase : r.phases) {
    const double ns = to_ns(phase.end - phase.begin);
    heading(fmt::format("{} ({} tokens, {})", phase.name, phase.tokens, time_text(ns)));
    const auto bytes = bytes_by_memory(phase.counters);
    for (const char* kind : {"hbm", "hbf"}) {
      const double peak = peak_bandwidth(phase.counters, kind);
      if (peak == 0) continue;
      const auto get = [&](const char* direction) {
        const auto found = bytes.find(std::string(kind) + direction);
        return found == bytes.end() ? 0.0 : found->second;
      };
      const double read = get("_read"), written = get("_written");
      const bool flash = kind == std::string("hbf");
      const double achieved = ns > 0 ? (flash ? read : read + written) / ns : 0;
      line(std::string(kind) + " read / written",
           fmt::format("{} / {}", bytes_text(read), bytes_text(written)));
      const auto of_peak = [](double rate, double limit) {
        return fmt::format("{:.3g} of {:.4g} GB/s ({:.3g} %)", rate, limit, 100 * rate / limit);
      };
      line(std::string(kind) + (flash ? " read bandwidth" : " bandwidth"), of_peak(achieved, peak));
      if (flash && written > 0 && ns > 0) {
        line("hbf write bandwidth", of_peak(written / ns, cubes_of(phase).peak_write_gbytes_per_s));
      }
    }
    add_hbf(phase, line);
    const double link = sum(phase.counters, ".link", ".tx_bytes");
    if (link > 0) line("link payload", bytes_text(link));
    const auto energy = energy_by_kind(phase.counters);
    double total = 0;
    std::string parts;
    for (const auto& [kind, pj] : energy) {
      total += pj;
      if (pj > 0) parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", kind, energy_text(pj));
    }
    line("energy", fmt::format("{} ({})", energy_text(total), parts));
    const Bound bound = bound_of(phase, r.clocks_mhz);
    std::string shares;
    for (const auto& [name, share] : bound.shares) {
      if (share >= 0.005)
        shares += fmt::format("{}{} {:.0f} %", shares.empty() ? "" : ", ", name, 100 * share);
    }
    line("bound by", fmt::format("{} ({})", bound.name, shares));
  }

  heading("host");
  line("wall time", fmt::format("{:.2f} s simulation, {:.2f} s set-up, {:.2f} s reference", host.wall_seconds,
                                host.build_seconds, host.reference_seconds));
  if (host.wall_seconds > 0) {
    line("tokens per wall-second",
         fmt::format("{:.1f}", static_cast<double>(r.tokens.size()) / host.wall_seconds));
    line("simulated s per wall-s",
         fmt::format("{:.3g}", static_cast<double>(r.simulated) * 1e-12 / host.wall_seconds));
  }
  return out;
}

void write_files(const std::string& dir, const RunResult& result, const HostResult& host) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) throw ConfigError(dir, "cannot be created: " + error.message());
  write_text(std::filesystem::path(dir) / "result.json", to_json(result));
  write_text(std::filesystem::path(dir) / "host.json", to_json(result, host));
}

}  // namespace memwall::report
