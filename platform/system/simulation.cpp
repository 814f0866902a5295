// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "system/simulation.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <systemc>
#include <vector>

#include "common/sc_time.h"
#include "common/sparse_memory.h"
#include "hbf/config.h"
#include "hbm/preset.h"
#include "host/host.h"
#include "host_protocol.h"
#include "link/link_port.h"
#include "loader/elf/elf.h"
#include "loader/model.h"
#include "loader/placement/placement.h"
#include "map/chip_map.h"
#include "reference/generator.h"
#include "soc/mailbox_module.h"
#include "soc/peripherals.h"
#include "system/chip.h"
#include "system/debugger.h"
#include "system/host_image.h"
#include "system/kv_endurance.h"

namespace memwall::system {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

const char* status_text(std::uint32_t status) {
  switch (status) {
    case HOST_STATUS_OK:
      return "ok";
    case HOST_STATUS_CONTEXT_FULL:
      return "context full";
    case HOST_STATUS_BAD_REQUEST:
      return "bad request";
    case HOST_STATUS_HARDWARE:
      return "hardware error";
    case HOST_STATUS_UNSUPPORTED:
      return "unsupported model or configuration";
    default:
      return "unknown status";
  }
}

numerics::Format format_of(config::WeightFormat format) {
  switch (format) {
    case config::WeightFormat::kF32:
      return numerics::Format::kF32;
    case config::WeightFormat::kF16:
      return numerics::Format::kF16;
    case config::WeightFormat::kMxint8:
      return numerics::Format::kMxint8;
  }
  return numerics::Format::kF16;
}

/// Settings without a published source, apart from those that the memory presets mark. The files named give
/// each figure.
std::vector<std::string> assumed_settings() {
  return {
      "accel (ip/accel/config.h): clock, vector_lanes, op_latency_cycles, sram_bytes_per_cycle, "
      "sram_latency, dma_outstanding, copy_buffer, register access",
      "hart (ip/hart/hart_module.h, hart.h): clock, cycles per instruction class",
      "link (ip/link/config.h): credits, replay window, acknowledgement delay, replay time-out, training",
      "noc (platform/config/scenario.h): port_gbytes_per_s, hop_latency_ns",
      "pnm (ip/pnm/pnm_unit.h): clock, register access",
      "soc (ip/soc): memory and register latencies, timebase, baud rate, host bus latency"};
}

/// A chip's console: to DIR/uart_chip<N>.log, or line by line to the terminal; the last lines are kept for
/// error messages.
class Console {
 public:
  Console(const config::UartSettings& settings, const std::string& dir, std::uint32_t chip) : chip_(chip) {
    if (settings.output == config::UartOutput::kTerminal) {
      terminal_ = true;
    } else {
      const std::string path = fmt::format("{}/uart_chip{}.log", dir, chip);
      file_.open(path, std::ios::binary);
      if (!file_) throw ConfigError(path, "cannot be written");
    }
  }
  void put(std::uint8_t byte) {
    if (file_.is_open()) file_.put(static_cast<char>(byte));
    if (byte == '\r') return;
    if (byte != '\n') {
      line_ += static_cast<char>(byte);
      return;
    }
    if (file_.is_open()) file_.flush();
    if (terminal_) fmt::print(stderr, "chip{}: {}\n", chip_, line_);
    if (!line_.empty()) last_ = line_;
    line_.clear();
  }
  /// The last line that was printed.
  std::string last() const { return line_.empty() ? last_ : line_; }

 private:
  std::uint32_t chip_;
  bool terminal_ = false;
  std::ofstream file_;
  std::string line_;
  std::string last_;
};

/// Ends the simulation when every chip has exited, or when one has with an error.
class Supervisor : public sc_core::sc_module {
 public:
  Supervisor(const sc_core::sc_module_name& name, std::vector<Chip*> chips)
      : sc_module(name), chips_(std::move(chips)) {
    SC_HAS_PROCESS(Supervisor);
    SC_METHOD(look);
    for (Chip* chip : chips_) sensitive << chip->sysctrl().exit_event();
    dont_initialize();
  }
  /// True once every chip has ended well.
  bool all_ended() const { return all_ended_; }
  /// Index of a chip that ended with an error, -1 for none.
  int failed_chip() const { return failed_; }

 private:
  void look() {
    bool all = true;
    for (std::size_t i = 0; i < chips_.size(); ++i) {
      const soc::SysCtrl& sysctrl = chips_[i]->sysctrl();
      all = all && sysctrl.exited();
      if (sysctrl.exited() && sysctrl.exit_code() != 0 && failed_ < 0) failed_ = static_cast<int>(i);
    }
    all_ended_ = all && failed_ < 0;
    if (all || failed_ >= 0) sc_core::sc_stop();
  }
  std::vector<Chip*> chips_;
  int failed_ = -1;
  bool all_ended_ = false;
};

class Run {
 public:
  Run(const config::Scenario& scenario, const RunOptions& options) : scenario_(scenario), options_(options) {}

  RunOutcome execute() {
    const auto start = Clock::now();
    for (const std::string& warning : scenario_.warnings) note("warning: " + warning);
    make_out_dir();
    model_ = loader::load_model(scenario_.model.path, scenario_.model.tokenizer);
    prompt_ = model_.tokenizer.encode(scenario_.workload.prompt);
    if (prompt_.empty()) throw ConfigError(scenario_.file, "workload.prompt gives no token");
    if (prompt_.size() >= model_.config.max_context) {
      throw ConfigError(
          scenario_.file,
          fmt::format("workload.prompt is {} tokens long; the model's context is {} and at least "
                      "one token must be left",
                      prompt_.size(), model_.config.max_context));
    }
    if (scenario_.workload.frozen_prefix_tokens >= prompt_.size()) {
      throw ConfigError(
          scenario_.file,
          fmt::format("workload.frozen_prefix_tokens = {} leaves nothing of a prompt of {} tokens; "
                      "accepted: 0 to {}",
                      scenario_.workload.frozen_prefix_tokens, prompt_.size(), prompt_.size() - 1));
    }
    build();
    describe();
    outcome_.host.build_seconds = seconds_since(start);

    const auto simulation_start = Clock::now();
    simulate();
    outcome_.host.wall_seconds = seconds_since(simulation_start);
    collect();
    // A run that failed before its first token has nothing to compare.
    const bool silent = outcome_.code != ExitCode::kOk && outcome_.result.tokens.empty();
    if (scenario_.data == config::DataKind::kFunctional && scenario_.workload.check_reference && !silent)
      check_reference();
    return std::move(outcome_);
  }

 private:
  void note(const std::string& text) {
    if (options_.on_note) options_.on_note(text);
  }

  void make_out_dir() {
    std::error_code error;
    std::filesystem::create_directories(options_.out_dir, error);
    if (error) throw ConfigError(options_.out_dir, "cannot be created: " + error.message());
  }

  loader::PlacementOptions placement_options() const {
    loader::PlacementOptions o;
    o.n_chips = scenario_.system.chips;
    o.n_slices = scenario_.model.reduction_slices;
    o.format = format_of(scenario_.model.format);
    o.kv_format = format_of(scenario_.model.kv_format);
    o.prefill_batch = scenario_.model.prefill_batch;
    o.weights_in_hbf = scenario_.model.weights == config::WeightPlacement::kHbf;
    o.hbm_stacks = scenario_.hbm.stacks;
    o.hbm_bytes = chip_config_.hbm_stack_bytes;
    o.hbf_cubes = scenario_.hbf.cubes;
    o.hbf_bytes = chip_config_.hbf_cube_bytes;
    o.kv_in_hbf = scenario_.model.kv == config::WeightPlacement::kHbf;
    o.hbf_load = scenario_.hbf.load == config::HbfLoad::kDriver;
    o.pnm = scenario_.pnm.implementation != config::PnmImplementation::kNone;
    o.contents = scenario_.data == config::DataKind::kFunctional;
    return o;
  }

  void load_presets() {
    chip_config_.scenario = &scenario_;
    chip_config_.hbm = hbm::load_preset(scenario_.hbm.preset);
    chip_config_.hbm_stack_bytes = chip_config_.hbm.organisation.capacity_bytes;
    if (scenario_.hbm.capacity_mib != 0) {
      const std::uint64_t cap = scenario_.hbm.capacity_mib << 20;
      if (cap > chip_config_.hbm_stack_bytes) {
        throw ConfigError(scenario_.file,
                          fmt::format("hbm.capacity_mib = {} exceeds the preset's {} MiB",
                                      scenario_.hbm.capacity_mib, chip_config_.hbm_stack_bytes >> 20));
      }
      chip_config_.hbm_stack_bytes = cap;
    }
    for (const config::HbmFault& fault : scenario_.hbm.faults) {
      if (fault.address >= chip_config_.hbm_stack_bytes) {
        throw ConfigError(fault.place, fmt::format("hbm.fault address {:#x} is outside the stack of {} MiB",
                                                   fault.address, chip_config_.hbm_stack_bytes >> 20));
      }
    }
    if (scenario_.hbf.cubes > 0) {
      hbf::Config& hbf = chip_config_.hbf;
      const config::HbfConfig& wanted = scenario_.hbf;
      hbf = hbf::load_preset(wanted.preset);
      hbf.seed = scenario_.seed;
      hbf.functional = scenario_.data == config::DataKind::kFunctional;
      hbf.brought_up = wanted.load == config::HbfLoad::kPreloaded;
      if (!wanted.prefetch) hbf.controller.prefetch_bytes = 0;
      hbf.reliability.rate_scale = wanted.rate_scale;
      hbf.reliability.pec_at_start = wanted.wear_cycles;
      hbf.reliability.hours_at_start = wanted.age_hours;
      hbf.reliability.extra_corrected = wanted.corrected_rate;
      hbf.reliability.extra_retry = wanted.retry_rate;
      hbf.reliability.extra_uncorrectable = wanted.uncorrectable_rate;
      chip_config_.hbf_cube_bytes = chip_config_.hbf.capacity_bytes;
    }
    chip_config_.waveform_dir = options_.out_dir;
    chip_config_.stop_at_start = options_.gdb_port.has_value();
  }

  /// Per-token writes wear flash out: refused unless the scenario insists, and then said.
  void check_kv() {
    if (scenario_.model.kv != config::WeightPlacement::kHbf) return;
    const hbf::Config& hbf = chip_config_.hbf;
    const KvEndurance wear =
        kv_endurance(model_.config, scenario_.system.chips, scenario_.model.reduction_slices,
                     scenario_.model.kv_format == config::WeightFormat::kF32 ? 4 : 2, hbf);
    if (!scenario_.hbf.allow_kv) {
      throw ConfigError(
          scenario_.file,
          fmt::format("model.kv = \"hbf\" would wear the cubes out: {}. Accepted: model.kv = \"hbm\" "
                      "(workload.frozen_prefix_tokens keeps a fixed context in HBF), or hbf.allow_kv = "
                      "true to do it all the same",
                      wear.text(hbf)));
    }
    note("KV cache in HBF: " + wear.text(hbf));
  }

  void build() {
    load_presets();
    check_kv();
    const std::string elf = scenario_.firmware.path.empty() ? options_.firmware : scenario_.firmware.path;
    const loader::ElfImage firmware = loader::load_elf(elf);
    if (firmware.bits != 64) throw ConfigError(elf, "is a 32-bit ELF; the hart is RV64");
    if (firmware.entry != map::kRomBase) {
      throw ConfigError(elf, fmt::format("entry point 0x{:x} is not the reset address 0x{:x}", firmware.entry,
                                         map::kRomBase));
    }

    try {
      build_node(firmware, elf);
    } catch (const ConfigError& error) {
      // The blocks name themselves; add the file whose settings they did not like.
      throw ConfigError(scenario_.file, error.what());
    }
  }

  void build_node(const loader::ElfImage& firmware, const std::string& elf) {
    std::vector<Chip*> chips;
    for (std::uint32_t c = 0; c < scenario_.system.chips; ++c) {
      consoles_.push_back(std::make_unique<Console>(scenario_.uart, options_.out_dir, c));
      chips_.push_back(std::make_unique<Chip>(fmt::format("chip{}", c).c_str(), chip_config_, c));
      chips.push_back(chips_.back().get());
      chips_.back()->uart().set_sink([console = consoles_.back().get()](std::uint8_t b) { console->put(b); });
    }
    for (std::uint32_t a = 0; a < scenario_.system.chips; ++a) {
      for (std::uint32_t b = a + 1; b < scenario_.system.chips; ++b) {
        link::connect(chips_[a]->link(b - 1), chips_[b]->link(a));
      }
    }
    supervisor_ = std::make_unique<Supervisor>("supervisor", chips);

    host::Request request;
    request.prompt = prompt_;
    request.frozen_tokens = scenario_.workload.frozen_prefix_tokens;
    request.max_new_tokens = scenario_.workload.max_new_tokens;
    // Stand-in tokens mean nothing, so none of them ends the text.
    if (scenario_.data == config::DataKind::kFunctional) request.eos_token = model_.tokenizer.eos();
    request.temperature = static_cast<float>(scenario_.workload.temperature);
    request.top_p = static_cast<float>(scenario_.workload.top_p);
    request.top_k = scenario_.workload.temperature > 0 ? scenario_.workload.top_k : 1;
    request.seed = scenario_.workload.seed;
    host::Events events;
    events.ready = [this] { mark(ready_); };
    events.frozen = [this] {
      mark(frozen_);
      note(fmt::format("the first {} tokens of the prompt are frozen in HBF",
                       scenario_.workload.frozen_prefix_tokens));
    };
    events.posted = [this] {
      mark(posted_);
      if (options_.on_text) options_.on_text(outcome_.result.text);  // the prompt, after all notes of loading
    };
    events.token = [this](std::uint32_t token) { on_token(token); };
    events.finished = [this](std::uint32_t) { mark(finished_); };
    images_.resize(scenario_.system.chips);
    for (std::uint32_t c = 0; c < scenario_.system.chips; ++c) {
      soc::Mailbox& mailbox = chips_[c]->mailbox();
      const host::MailboxPort port = {&mailbox.host_irq_event(), [&mailbox] { return mailbox.host_irq(); },
                                      soc::Mailbox::kHostRamOffset, kMailboxRamBytes};
      host::LoadSource source;
      if (scenario_.data == config::DataKind::kFunctional) {
        source.read = [image = &images_[c]](std::uint64_t address, void* out, std::uint64_t bytes) {
          return image->read(address, out, bytes);
        };
      }
      // Whole MiB are too coarse for a small model: the image's size is said instead.
      const auto progress = [this, c](std::uint32_t percent, std::uint32_t) { on_load(c, percent); };
      if (c == 0) {
        host_ = std::make_unique<host::Host>("host", request, events, port, source, progress);
        host_->mailbox_isock.bind(mailbox.host_tsock);
      } else {
        servers_.push_back(
            std::make_unique<host::LoadServer>(fmt::format("host{}", c).c_str(), port, source, progress));
        servers_.back()->mailbox_isock.bind(mailbox.host_tsock);
      }
    }
    if (options_.gdb_port) {
      debugger_ = std::make_unique<Debugger>("debugger", *options_.gdb_port, chips);
      note(fmt::format("gdb: waiting on 127.0.0.1:{}; in gdb-multiarch: file {} , then: target remote :{}",
                       debugger_->port(), elf, debugger_->port()));
    }

    for (auto& chip : chips_) chip->load(firmware);
    const bool in_hbf = scenario_.model.weights == config::WeightPlacement::kHbf;
    const bool by_driver = in_hbf && scenario_.hbf.load == config::HbfLoad::kDriver;
    note(fmt::format("loading {} into {}", model_.name,
                     !in_hbf     ? "HBM (preloaded: no simulated time passes)"
                     : by_driver ? "HBF through the firmware's driver"
                                 : "HBF (the cubes hold it already: no simulated time passes)"));
    const auto placement = loader::place_model(
        model_, placement_options(),
        [this, by_driver](std::uint32_t chip, std::uint64_t address, const void* bytes, std::size_t size) {
          if (HostImage::covers(address)) {
            images_[chip].write(address, bytes, size);
            if (by_driver) return;
          }
          const bool there = bytes != nullptr ? chips_[chip]->debug_write(address, bytes, size)
                                              : chips_[chip]->debug_mark(address, size);
          if (!there) {
            throw ModelError("contract", "loader",
                             fmt::format("no memory at 0x{:x} of chip {}", address, chip));
          }
        });
    outcome_.result.footprint = {{"weights", placement.weight_bytes},
                                 {"hbm", placement.hbm_bytes_used},
                                 {"hbf", placement.hbf_bytes_used}};
    for (std::uint64_t address : placement.manifest_address) {
      if (address != map::hbm_base(0)) throw ModelError("contract", "loader", "manifest is not at its place");
    }
  }

  struct Moment {
    bool reached = false;
    TimePs time = 0;
    std::vector<Stat> stats;
  };

  std::vector<Stat> snapshot() const {
    std::vector<Stat> stats;
    const StatSink sink(stats);
    for (std::size_t c = 0; c < chips_.size(); ++c) chips_[c]->report(sink.scope(fmt::format("chip{}", c)));
    return stats;
  }

  void mark(Moment& moment) { moment = {true, to_ps(sc_core::sc_time_stamp()), snapshot()}; }

  void on_load(std::uint32_t chip, std::uint32_t percent) {
    if (percent == 0 && chip == 0) mark(load_);
    note(fmt::format("chip{}: {} % of {} in HBF after {:.3f} ms", chip, percent,
                     report::bytes_text(static_cast<double>(images_[chip].bytes())),
                     static_cast<double>(to_ps(sc_core::sc_time_stamp())) / kPsPerMs));
  }

  void on_token(std::uint32_t token) {
    report::RunResult& r = outcome_.result;
    if (r.tokens.empty()) mark(first_token_);
    last_token_time_ = to_ps(sc_core::sc_time_stamp());
    const std::uint32_t previous = r.tokens.empty() ? prompt_.back() : r.tokens.back();
    r.tokens.push_back(token);
    const std::string piece = model_.tokenizer.decode(token, previous);
    r.text += piece;
    if (scenario_.data == config::DataKind::kNone) return;  // stand-in tokens are no text to show
    if (options_.on_text && !piece.empty()) options_.on_text(piece);
  }

  void describe() {
    report::RunResult& r = outcome_.result;
    r.scenario = scenario_.name;
    r.description = scenario_.description;
    r.model = model_.name;
    r.seed = scenario_.seed;
    r.prompt_tokens = prompt_;
    r.text = model_.tokenizer.decode(prompt_);
    r.settings = config::settings_of(scenario_);
    r.assumed = assumed_settings();
    const auto assume = [&r](const std::string& preset, const std::vector<std::string>& keys) {
      for (const std::string& key : keys) r.assumed.push_back(preset + ": " + key);
    };
    assume(r.settings["hbm.preset"], chip_config_.hbm.assumed);
    if (scenario_.hbf.cubes > 0) {
      r.settings["hbf.preset"] = std::filesystem::path(scenario_.hbf.preset).filename().string();
      assume(r.settings["hbf.preset"], chip_config_.hbf.assumed);
    }
    // As simulated: periods are whole picoseconds.
    const auto mhz = [](TimePs period) { return 1e6 / static_cast<double>(period); };
    r.clocks_mhz = {{"hart", mhz(period_ps(scenario_.hart.clock_mhz))},
                    {"accel", mhz(scenario_.accel.clock_period_ps)}};
    if (scenario_.pnm.implementation != config::PnmImplementation::kNone) {
      r.clocks_mhz["pnm"] = mhz(period_ps(scenario_.pnm.clock_mhz));
    }
  }

  void simulate() {
    sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
    const TimePs limit = scenario_.system.time_limit_ms * kPsPerMs;
    sc_core::sc_start(to_sc(limit), sc_core::SC_EXIT_ON_STARVATION);
    timed_out_ = sc_core::sc_pending_activity();
    rethrow_simulation_error();
    if (debugger_) debugger_->finished(supervisor_->failed_chip() >= 0 ? 1 : 0);
  }

  void fail(const std::string& why) {
    if (outcome_.code != ExitCode::kOk) return;
    outcome_.code = ExitCode::kWorkloadFailed;
    outcome_.failure = why;
  }

  void collect() {
    report::RunResult& r = outcome_.result;
    r.simulated = to_ps(sc_core::sc_time_stamp());
    r.counters = snapshot();
    outcome_.host.instructions =
        static_cast<std::uint64_t>(report::sum(r.counters, ".hart", ".instructions"));

    const int failed = supervisor_->failed_chip();
    if (failed >= 0) {
      fail(fmt::format("chip {} ended with code {}; its last words: {}", failed,
                       chips_[static_cast<std::size_t>(failed)]->sysctrl().exit_code(),
                       consoles_[static_cast<std::size_t>(failed)]->last()));
    }
    if (!host_->finished()) {
      fail(supervisor_->all_ended() ? "the firmware ended without answering the request"
           : timed_out_
               ? fmt::format("no answer within system.time_limit_ms = {}", scenario_.system.time_limit_ms)
               : "the simulation ran out of events before the firmware answered");
    } else if (host_->status() != HOST_STATUS_OK && host_->status() != HOST_STATUS_CONTEXT_FULL) {
      fail(fmt::format("firmware reports: {}; its last words: {}", status_text(host_->status()),
                       consoles_[0]->last()));
    }
    if (outcome_.code != ExitCode::kOk) {
      r.finish = "error: " + outcome_.failure;
    } else if (host_->status() == HOST_STATUS_CONTEXT_FULL) {
      r.finish = "context_full";
    } else {
      // The firmware keeps the end-of-sequence token to itself.
      r.finish = r.tokens.size() < scenario_.workload.max_new_tokens ? "stop" : "length";
    }

    if (first_token_.reached) {
      r.time_to_first_token = first_token_.time - posted_.time;
      if (r.tokens.size() > 1) {
        r.time_per_output_token = (last_token_time_ - first_token_.time) / (r.tokens.size() - 1);
      }
    }
    // Boot ends where something else begins: loading, freezing, or the request.
    Moment last;
    const auto until = [&](const char* name, const Moment& end, std::uint64_t tokens) {
      if (!end.reached) return;
      r.phases.push_back({name, last.time, end.time, tokens,
                          last.reached ? report::difference(last.stats, end.stats) : end.stats});
      last = end;
    };
    if (load_.reached && ready_.reached) {
      until("boot", load_, 0);
      until("load", ready_, 0);
    }
    if (frozen_.reached) {
      if (!last.reached) until("boot", ready_, 0);
      until("freeze", frozen_, scenario_.workload.frozen_prefix_tokens);
    }
    if (!last.reached) until("boot", posted_, 0);
    if (first_token_.reached) {
      r.phases.push_back({"prefill", posted_.time, first_token_.time, prompt_.size(),
                          report::difference(posted_.stats, first_token_.stats)});
    }
    if (first_token_.reached && finished_.reached) {
      r.phases.push_back({"decode", first_token_.time, finished_.time, r.tokens.size() - 1,
                          report::difference(first_token_.stats, finished_.stats)});
    }
  }

  void check_reference() {
    const auto start = Clock::now();
    // The same placement on one chip, every slice local: by the numerics contract the tokens are the same.
    loader::PlacementOptions one = placement_options();
    one.n_chips = 1;
    one.weights_in_hbf = false;
    one.kv_in_hbf = false;
    one.pnm = false;
    one.hbm_bytes = map::kHbmSize;  // whatever the chips share must fit one
    SparseMemory image(map::kHbmSize * one.hbm_stacks);
    const auto placement = loader::place_model(
        model_, one, [&image](std::uint32_t, std::uint64_t address, const void* bytes, std::size_t size) {
          image.write(address - map::kHbmBase, bytes, size);
        });
    reference::Generator generator(
        [&image](std::uint64_t address, void* out, std::uint64_t bytes) {
          image.read(address - map::kHbmBase, out, bytes);
        },
        placement.manifest_address[0]);
    reference::Request request;
    request.prompt = prompt_;
    request.max_new_tokens = scenario_.workload.max_new_tokens;
    request.eos_token = model_.tokenizer.eos();
    request.temperature = static_cast<float>(scenario_.workload.temperature);
    request.top_p = static_cast<float>(scenario_.workload.top_p);
    request.top_k = scenario_.workload.temperature > 0 ? scenario_.workload.top_k : 1;
    request.seed = scenario_.workload.seed;
    const reference::Result expected = generator.generate(request);

    report::RunResult& r = outcome_.result;
    r.reference_checked = true;
    // A chip with less memory may stop earlier, with its context full; what it said must still be the same.
    std::vector<std::uint32_t> wanted = expected.tokens;
    if (r.finish == "context_full" && wanted.size() > r.tokens.size()) wanted.resize(r.tokens.size());
    r.reference_match = wanted == r.tokens;
    if (!r.reference_match) {
      std::size_t i = 0;
      while (i < r.tokens.size() && i < expected.tokens.size() && r.tokens[i] == expected.tokens[i]) ++i;
      r.first_mismatch = static_cast<std::int64_t>(i);
      fail(fmt::format("tokens differ from the host reference from token {} on", i));
    }
    outcome_.host.reference_seconds = seconds_since(start);
  }

  const config::Scenario& scenario_;
  const RunOptions& options_;
  RunOutcome outcome_;
  loader::Model model_;
  std::vector<std::uint32_t> prompt_;
  ChipConfig chip_config_;
  std::vector<std::unique_ptr<Console>> consoles_;
  std::vector<std::unique_ptr<Chip>> chips_;
  std::vector<HostImage> images_;                           // of the chips
  std::vector<std::unique_ptr<host::LoadServer>> servers_;  // of chips 1 and up
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<host::Host> host_;
  std::unique_ptr<Debugger> debugger_;
  Moment load_, ready_, frozen_, posted_, first_token_, finished_;
  TimePs last_token_time_ = 0;
  bool timed_out_ = false;
};

}  // namespace

RunOutcome run(const config::Scenario& scenario, const RunOptions& options) {
  // Kept until the process ends: SystemC objects must not be destroyed before the kernel is done with them.
  static std::unique_ptr<Run> current;
  current = std::make_unique<Run>(scenario, options);
  return current->execute();
}

}  // namespace memwall::system
