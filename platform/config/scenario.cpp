// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "config/scenario.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "common/error.h"
#include "common/toml_reader.h"

namespace memwall::config {
namespace {

namespace fs = std::filesystem;

std::string resolve(const std::string& path, const std::string& scenario_file) {
  if (path.empty() || fs::path(path).is_absolute()) return path;
  return (fs::path(scenario_file).parent_path() / path).lexically_normal().string();
}

/// Of a path that must be there; `key` is its full name.
std::string resolve_required(const std::string& text, const std::string& place, const std::string& key,
                             const std::string& scenario_file) {
  if (text.empty()) throw ConfigError(place, key + " is empty; accepted is the path of a file");
  return resolve(text, scenario_file);
}

WeightFormat weight_format(const std::string& word) {
  return word == "f32" ? WeightFormat::kF32 : word == "f16" ? WeightFormat::kF16 : WeightFormat::kMxint8;
}

/// Settings that are accepted but have no effect here; a knob that does nothing must say so.
void collect_warnings(Scenario& s, TomlTable& hbm, TomlTable& link, TomlTable& hbf, TomlTable& pnm,
                      TomlTable& workload) {
  if (s.hbf.cubes > 0 && s.model.weights == WeightPlacement::kHbm && s.workload.frozen_prefix_tokens == 0 &&
      s.model.kv == WeightPlacement::kHbm) {
    s.warnings.push_back(hbf.place() +
                         ": [hbf] has no effect on tokens or time with model.weights = \"hbm\"");
  }
  if (s.hbm.fault_rate_per_gib_hour == 0 && hbm.has("fault_rate_kind")) {
    s.warnings.push_back(hbm.place("fault_rate_kind") +
                         ": hbm.fault_rate_kind has no effect with hbm.fault_rate_per_gib_hour = 0");
  }
  if (s.data == DataKind::kNone && workload.has("check_reference")) {
    s.warnings.push_back(workload.place("check_reference") +
                         ": workload.check_reference has no effect with data = \"none\"");
  }
  if (s.system.chips == 1 && !link.keys().empty()) {
    s.warnings.push_back(link.place() + ": [link] has no effect with system.chips = 1");
  }
  if (s.hbf.cubes > 0 && s.hbf.load == HbfLoad::kDriver && hbf.has("age_hours")) {
    s.warnings.push_back(hbf.place("age_hours") +
                         ": hbf.age_hours has no effect with hbf.load = \"driver\" (contents are new)");
  }
  if (s.hbf.cubes > 0 && s.hbf.allow_kv && s.model.kv == WeightPlacement::kHbm) {
    s.warnings.push_back(hbf.place("allow_kv") + ": hbf.allow_kv has no effect with model.kv = \"hbm\"");
  }
  if (s.hbf.cubes > 0 && s.hbf.rate_scale == 0) {
    for (const char* key : {"corrected_rate", "retry_rate", "uncorrectable_rate"}) {
      if (!hbf.has(key)) continue;
      s.warnings.push_back(
          fmt::format("{}: hbf.{} has no effect with hbf.rate_scale = 0", hbf.place(key), key));
    }
  }
  if (s.hbf.cubes == 0 && !hbf.keys().empty() && !(hbf.keys().size() == 1 && hbf.has("cubes"))) {
    s.warnings.push_back(hbf.place() + ": [hbf] has no effect with hbf.cubes = 0");
  }
  if (s.pnm.implementation == PnmImplementation::kNone && pnm.has("clock_mhz")) {
    s.warnings.push_back(pnm.place("clock_mhz") +
                         ": pnm.clock_mhz has no effect with pnm.implementation = \"none\"");
  }
  if (s.workload.temperature == 0) {
    for (const char* key : {"top_p", "top_k", "seed"}) {
      if (!workload.has(key)) continue;
      s.warnings.push_back(fmt::format("{}: workload.{} has no effect with workload.temperature = 0 (greedy)",
                                       workload.place(key), key));
    }
  }
}

const std::vector<std::string> kHbmFaultKinds = {"single", "double", "chip"};

HbmFaultKind hbm_fault_kind(const std::string& word) {
  return word == "chip"     ? HbmFaultKind::kChip
         : word == "double" ? HbmFaultKind::kDouble
                            : HbmFaultKind::kSingle;
}

HbmFault hbm_fault(TomlTable& fault, const Scenario& s) {
  HbmFault f;
  f.chip = static_cast<std::uint32_t>(fault.integer("chip", f.chip, 0, s.system.chips - 1));
  f.stack = static_cast<std::uint32_t>(fault.integer("stack", f.stack, 0, s.hbm.stacks - 1));
  f.address = fault.required_integer("address", 0, INT64_MAX);
  f.kind = hbm_fault_kind(fault.choice("kind", "single", kHbmFaultKinds));
  const std::uint64_t bits = fault.integer("bits", 1, 1, 2);  // other words for single and double
  if (fault.has("bits")) {
    if (fault.has("kind")) {
      throw ConfigError(fault.place("bits"), "hbm.fault has both kind and bits; accepted is one of them");
    }
    f.kind = bits == 2 ? HbmFaultKind::kDouble : HbmFaultKind::kSingle;
  }
  f.persistent = fault.boolean("persistent", f.persistent);
  f.place = fault.place("address");
  fault.finish();
  return f;
}

Scenario read(TomlFile& file, const std::string& path) {
  TomlTable root = file.root();
  Scenario s;
  s.file = path;
  s.name = root.required_text("name");
  s.description = root.required_text("description");
  s.seed = root.integer("seed", s.seed, 0, INT64_MAX);
  s.data = root.choice("data", "functional", {"functional", "none"}) == "none" ? DataKind::kNone
                                                                               : DataKind::kFunctional;

  TomlTable system = root.table("system");
  const std::uint64_t chips = system.integer("chips", s.system.chips, 1, 4);
  if (chips == 3) throw ConfigError(system.place("chips"), "system.chips = 3 is not one of: 1, 2, 4");
  s.system.chips = static_cast<std::uint32_t>(chips);
  s.system.quantum_ns = system.integer("quantum_ns", s.system.quantum_ns, 1, 1000000000);
  s.system.time_limit_ms = system.integer("time_limit_ms", s.system.time_limit_ms, 1, 1000000000);
  system.finish();

  TomlTable hart = root.table("hart");
  s.hart.clock_mhz = hart.real("clock_mhz", s.hart.clock_mhz, 1, 10000);
  hart.finish();

  TomlTable accel = root.table("accel");
  const double accel_mhz =
      accel.real("clock_mhz", 1e6 / static_cast<double>(s.accel.clock_period_ps), 1, 10000);
  s.accel.clock_period_ps = static_cast<TimePs>(std::lround(1e6 / accel_mhz));
  s.accel.macs_per_cycle =
      static_cast<std::uint32_t>(accel.integer("macs_per_cycle", s.accel.macs_per_cycle, 1, 1u << 24));
  s.accel.vector_lanes =
      static_cast<std::uint32_t>(accel.integer("vector_lanes", s.accel.vector_lanes, 1, 1u << 16));
  s.accel.sram_bytes = accel.integer("sram_kib", s.accel.sram_bytes / 1024, 64, 65536) * 1024;
  s.accel.sram_bytes_per_cycle = static_cast<std::uint32_t>(
      accel.integer("sram_bytes_per_cycle", s.accel.sram_bytes_per_cycle, 4, 1u << 20));
  s.accel.dma_outstanding =
      static_cast<std::uint32_t>(accel.integer("dma_outstanding", s.accel.dma_outstanding, 1, 65536));
  accel.finish();

  TomlTable noc = root.table("noc");
  s.noc.port_gbytes_per_s = noc.real("port_gbytes_per_s", s.noc.port_gbytes_per_s, 0.001, 1e6);
  s.noc.hop_latency_ns = noc.real("hop_latency_ns", s.noc.hop_latency_ns, 0, 1e6);
  noc.finish();

  TomlTable hbm = root.table("hbm");
  s.hbm.preset = resolve_required(hbm.required_text("preset"), hbm.place("preset"), "hbm.preset", path);
  s.hbm.stacks = static_cast<std::uint32_t>(hbm.integer("stacks", s.hbm.stacks, 1, 16));
  s.hbm.capacity_mib = hbm.integer("capacity_mib", 0, 0, 65536);
  for (TomlTable& fault : hbm.tables("fault")) s.hbm.faults.push_back(hbm_fault(fault, s));
  s.hbm.fault_rate_per_gib_hour = hbm.real("fault_rate_per_gib_hour", 0, 0, 1e12);
  s.hbm.fault_rate_kind = hbm_fault_kind(hbm.choice("fault_rate_kind", "single", kHbmFaultKinds));
  hbm.finish();

  TomlTable hbf = root.table("hbf");
  s.hbf.cubes = static_cast<std::uint32_t>(hbf.integer("cubes", s.hbf.cubes, 0, 8));
  s.hbf.preset = s.hbf.cubes
                     ? resolve_required(hbf.required_text("preset"), hbf.place("preset"), "hbf.preset", path)
                     : resolve(hbf.text("preset", ""), path);
  s.hbf.load = hbf.choice("load", "preloaded", {"preloaded", "driver"}) == "driver" ? HbfLoad::kDriver
                                                                                    : HbfLoad::kPreloaded;
  s.hbf.allow_kv = hbf.boolean("allow_kv", s.hbf.allow_kv);
  s.hbf.prefetch = hbf.boolean("prefetch", s.hbf.prefetch);
  s.hbf.rate_scale = hbf.real("rate_scale", s.hbf.rate_scale, 0, 1e12);
  s.hbf.wear_cycles = hbf.real("wear_cycles", s.hbf.wear_cycles, 0, 1e9);
  s.hbf.age_hours = hbf.real("age_hours", s.hbf.age_hours, 0, 5e6);
  s.hbf.corrected_rate = hbf.real("corrected_rate", 0, 0, 1);
  s.hbf.retry_rate = hbf.real("retry_rate", 0, 0, 1);
  s.hbf.uncorrectable_rate = hbf.real("uncorrectable_rate", 0, 0, 1);
  const double rates = s.hbf.corrected_rate + s.hbf.retry_rate + s.hbf.uncorrectable_rate;
  if (rates > 1) {
    throw ConfigError(
        hbf.place(), fmt::format("hbf.corrected_rate, hbf.retry_rate and hbf.uncorrectable_rate add to {:g}; "
                                 "a page sense has one outcome: accepted is a sum of 0 to 1",
                                 rates));
  }
  hbf.finish();

  TomlTable pnm = root.table("pnm");
  const std::string implementation = pnm.choice("implementation", "none", {"none", "tlm", "rtl"});
  s.pnm.implementation = implementation == "rtl"   ? PnmImplementation::kRtl
                         : implementation == "tlm" ? PnmImplementation::kTlm
                                                   : PnmImplementation::kNone;
  s.pnm.clock_mhz = pnm.real("clock_mhz", s.pnm.clock_mhz, 1, 10000);
  s.pnm.waveform = pnm.boolean("waveform", false);
  if (s.pnm.waveform && s.pnm.implementation != PnmImplementation::kRtl) {
    throw ConfigError(pnm.place("waveform"), "pnm.waveform = true needs pnm.implementation = \"rtl\"");
  }
  if (s.data == DataKind::kNone && s.pnm.implementation == PnmImplementation::kRtl) {
    throw ConfigError(
        pnm.place("implementation"),
        "pnm.implementation = \"rtl\" needs data = \"functional\"; accepted with data = \"none\": none, tlm");
  }
  pnm.finish();

  TomlTable link = root.table("link");
  s.link.gbytes_per_s = link.real("gbytes_per_s", s.link.gbytes_per_s, 0.001, 1e6);
  s.link.latency_ns = link.real("latency_ns", s.link.latency_ns, 0, 1e6);
  s.link.flit_error_rate = link.real("flit_error_rate", 0, 0, 1);
  s.link.dead_after_us = link.real("dead_after_us", 0, 0, 1e12);
  link.finish();

  TomlTable model = root.table("model");
  s.model.path = resolve_required(model.required_text("path"), model.place("path"), "model.path", path);
  s.model.tokenizer = resolve(model.text("tokenizer", ""), path);
  s.model.format = weight_format(model.choice("format", "f16", {"f32", "f16", "mxint8"}));
  s.model.kv_format = weight_format(model.choice("kv_format", "f16", {"f32", "f16"}));
  s.model.weights =
      model.choice("weights", "hbm", {"hbm", "hbf"}) == "hbf" ? WeightPlacement::kHbf : WeightPlacement::kHbm;
  if (s.model.weights == WeightPlacement::kHbf && s.hbf.cubes == 0) {
    throw ConfigError(model.place("weights"), "model.weights = \"hbf\" needs hbf.cubes of at least 1");
  }
  s.model.kv =
      model.choice("kv", "hbm", {"hbm", "hbf"}) == "hbf" ? WeightPlacement::kHbf : WeightPlacement::kHbm;
  if (s.model.kv == WeightPlacement::kHbf && s.hbf.cubes == 0) {
    throw ConfigError(model.place("kv"), "model.kv = \"hbf\" needs hbf.cubes of at least 1");
  }
  s.model.reduction_slices =
      static_cast<std::uint32_t>(model.integer("reduction_slices", s.model.reduction_slices, 1, 64));
  if (s.model.reduction_slices % s.system.chips != 0) {
    throw ConfigError(model.place("reduction_slices"),
                      fmt::format("model.reduction_slices = {} must be a multiple of system.chips = {}",
                                  s.model.reduction_slices, s.system.chips));
  }
  s.model.prefill_batch =
      static_cast<std::uint32_t>(model.integer("prefill_batch", s.model.prefill_batch, 1, 64));
  model.finish();

  TomlTable workload = root.table("workload");
  s.workload.prompt = workload.text("prompt", "");
  s.workload.max_new_tokens =
      static_cast<std::uint32_t>(workload.integer("max_new_tokens", s.workload.max_new_tokens, 1, 1u << 20));
  s.workload.temperature = workload.real("temperature", 0, 0, 100);
  s.workload.top_p = workload.real("top_p", 1, 1e-6, 1);
  s.workload.top_k = static_cast<std::uint32_t>(workload.integer("top_k", s.workload.top_k, 1, 256));
  s.workload.seed = workload.integer("seed", s.workload.seed, 0, INT64_MAX);
  s.workload.frozen_prefix_tokens =
      static_cast<std::uint32_t>(workload.integer("frozen_prefix_tokens", 0, 0, 1u << 20));
  if (s.workload.frozen_prefix_tokens != 0 && s.hbf.cubes == 0) {
    throw ConfigError(workload.place("frozen_prefix_tokens"),
                      "workload.frozen_prefix_tokens needs hbf.cubes of at least 1");
  }
  if (s.workload.frozen_prefix_tokens != 0 && s.model.kv == WeightPlacement::kHbf) {
    throw ConfigError(
        workload.place("frozen_prefix_tokens"),
        "workload.frozen_prefix_tokens is restored into a KV cache in HBM; accepted with model.kv = "
        "\"hbm\"");
  }
  s.workload.check_reference = workload.boolean("check_reference", true);
  workload.finish();

  TomlTable uart = root.table("uart");
  s.uart.output = uart.choice("output", "file", {"file", "terminal"}) == "terminal" ? UartOutput::kTerminal
                                                                                    : UartOutput::kFile;
  uart.finish();

  TomlTable firmware = root.table("firmware");
  s.firmware.path = resolve(firmware.text("path", ""), path);
  firmware.finish();

  collect_warnings(s, hbm, link, hbf, pnm, workload);
  root.finish();
  return s;
}

}  // namespace

Scenario load_scenario(const std::string& path, const std::vector<std::string>& overrides) {
  TomlFile file = TomlFile::load(path);
  for (const std::string& assignment : overrides) file.set(assignment);
  return read(file, path);
}

Scenario parse_scenario(const std::string& text, const std::string& name) {
  TomlFile file = TomlFile::parse(text, name);
  return read(file, name);
}

std::map<std::string, std::string> settings_of(const Scenario& s) {
  const auto file = [](const std::string& path) { return fs::path(path).filename().string(); };
  const auto mhz = [](TimePs period) { return fmt::format("{:g}", 1e6 / static_cast<double>(period)); };
  const auto number = [](auto value) { return fmt::format("{}", value); };
  std::map<std::string, std::string> out = {
      {"data", s.data == DataKind::kNone ? "none" : "functional"},
      {"system.chips", number(s.system.chips)},
      {"system.quantum_ns", number(s.system.quantum_ns)},
      {"system.time_limit_ms", number(s.system.time_limit_ms)},
      {"hart.clock_mhz", number(s.hart.clock_mhz)},
      {"accel.clock_mhz", mhz(s.accel.clock_period_ps)},
      {"accel.macs_per_cycle", number(s.accel.macs_per_cycle)},
      {"accel.vector_lanes", number(s.accel.vector_lanes)},
      {"accel.sram_kib", number(s.accel.sram_bytes / 1024)},
      {"accel.sram_bytes_per_cycle", number(s.accel.sram_bytes_per_cycle)},
      {"accel.dma_outstanding", number(s.accel.dma_outstanding)},
      {"noc.port_gbytes_per_s", number(s.noc.port_gbytes_per_s)},
      {"noc.hop_latency_ns", number(s.noc.hop_latency_ns)},
      {"hbm.preset", file(s.hbm.preset)},
      {"hbm.stacks", number(s.hbm.stacks)},
      {"hbm.capacity_mib", number(s.hbm.capacity_mib)},
      {"hbf.cubes", number(s.hbf.cubes)},
      {"pnm.implementation", to_string(s.pnm.implementation)},
      {"model.path", file(s.model.path)},
      {"model.format", to_string(s.model.format)},
      {"model.kv_format", to_string(s.model.kv_format)},
      {"model.weights", to_string(s.model.weights)},
      {"model.kv", to_string(s.model.kv)},
      {"model.reduction_slices", number(s.model.reduction_slices)},
      {"model.prefill_batch", number(s.model.prefill_batch)},
      {"workload.prompt", s.workload.prompt},
      {"workload.max_new_tokens", number(s.workload.max_new_tokens)},
      {"workload.temperature", number(s.workload.temperature)},
  };
  for (const HbmFault& f : s.hbm.faults) {
    std::string& text = out["hbm.fault"];
    text += fmt::format("{}chip {} stack {} address {:#x} {}{}", text.empty() ? "" : "; ", f.chip, f.stack,
                        f.address, to_string(f.kind), f.persistent ? " persistent" : "");
  }
  if (s.hbm.fault_rate_per_gib_hour > 0) {
    out["hbm.fault_rate_per_gib_hour"] = number(s.hbm.fault_rate_per_gib_hour);
    out["hbm.fault_rate_kind"] = to_string(s.hbm.fault_rate_kind);
  }
  if (s.hbf.cubes > 0) {
    out["hbf.preset"] = file(s.hbf.preset);
    out["hbf.load"] = to_string(s.hbf.load);
    out["hbf.prefetch"] = s.hbf.prefetch ? "true" : "false";
    out["hbf.rate_scale"] = number(s.hbf.rate_scale);
    out["hbf.wear_cycles"] = number(s.hbf.wear_cycles);
    out["hbf.age_hours"] = number(s.hbf.age_hours);
    out["hbf.corrected_rate"] = number(s.hbf.corrected_rate);
    out["hbf.retry_rate"] = number(s.hbf.retry_rate);
    out["hbf.uncorrectable_rate"] = number(s.hbf.uncorrectable_rate);
  }
  if (s.pnm.implementation != PnmImplementation::kNone) out["pnm.clock_mhz"] = number(s.pnm.clock_mhz);
  if (s.system.chips > 1) {
    out["link.gbytes_per_s"] = number(s.link.gbytes_per_s);
    out["link.latency_ns"] = number(s.link.latency_ns);
    out["link.flit_error_rate"] = number(s.link.flit_error_rate);
    out["link.dead_after_us"] = number(s.link.dead_after_us);
  }
  if (s.workload.frozen_prefix_tokens > 0)
    out["workload.frozen_prefix_tokens"] = number(s.workload.frozen_prefix_tokens);
  if (s.workload.temperature > 0) {
    out["workload.top_p"] = number(s.workload.top_p);
    out["workload.top_k"] = number(s.workload.top_k);
    out["workload.seed"] = number(s.workload.seed);
  }
  return out;
}

const char* to_string(HbmFaultKind value) {
  switch (value) {
    case HbmFaultKind::kSingle:
      return "single";
    case HbmFaultKind::kDouble:
      return "double";
    case HbmFaultKind::kChip:
      return "chip";
  }
  return "?";
}

const char* to_string(PnmImplementation value) {
  switch (value) {
    case PnmImplementation::kNone:
      return "none";
    case PnmImplementation::kTlm:
      return "tlm";
    case PnmImplementation::kRtl:
      return "rtl";
  }
  return "?";
}

const char* to_string(WeightFormat value) {
  switch (value) {
    case WeightFormat::kF32:
      return "f32";
    case WeightFormat::kF16:
      return "f16";
    case WeightFormat::kMxint8:
      return "mxint8";
  }
  return "?";
}

const char* to_string(WeightPlacement value) { return value == WeightPlacement::kHbf ? "hbf" : "hbm"; }

const char* to_string(HbfLoad value) { return value == HbfLoad::kDriver ? "driver" : "preloaded"; }

}  // namespace memwall::config
