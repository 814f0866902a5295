// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/hbm_module.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "common/error.h"
#include "common/register_tlm.h"
#include "common/sc_time.h"
#include "common/tlm_check.h"
#include "common/tlm_source.h"
#include "regs/hbm_regs.h"

namespace memwall::hbm {
namespace {

/// A 32-bit counter register that stays at its maximum.
std::uint32_t saturate(std::uint64_t value) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}
std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }

TimePs now_ps() { return to_ps(sc_core::sc_time_stamp()); }

}  // namespace

/// Registers with the side effects that regs.toml lists as hooks.
class HbmRegisterFile : public regs::HbmRegs {
 public:
  explicit HbmRegisterFile(HbmModule& owner) : owner_(owner) {}

  bool irq() const { return (irq_status() & irq_enable()) != 0; }

 protected:
  void on_write_ecc_clear(std::uint32_t written) override {
    if ((written & kEccClearClearMask) != 0) {
      set_ecc_corrected(0);
      set_ecc_uncorrected(0);
      set_ecc_on_die_corrected(0);
      set_ecc_poisoned(0);
      set_scrub_corrected(0);
      set_scrub_uncorrected(0);
      set_ecc_address_lo(0);
      set_ecc_address_hi(0);
    }
    set_ecc_clear(0);
  }
  void on_write_inject(std::uint32_t written) override {
    set_inject_fire(0);
    const std::uint64_t address = std::uint64_t{inject_address_hi()} << 32 | inject_address_lo();
    // An address that does not exist has no cells to disturb.
    if ((written & kInjectFireMask) == 0 || address >= owner_.capacity_bytes()) return;
    if (inject_chip() != 0) {
      owner_.inject_fault(address, FaultKind::kChip, inject_persistent() != 0);
    } else {
      owner_.inject_fault(address, inject_bits(), inject_persistent() != 0);
    }
  }
  void on_write_scrub_control(std::uint32_t) override { owner_.restart_scrubber(); }
  void on_write_scrub_interval(std::uint32_t) override { owner_.restart_scrubber(); }
  void on_write_irq_status(std::uint32_t) override { owner_.irq_changed_.notify(sc_core::SC_ZERO_TIME); }
  void on_write_irq_enable(std::uint32_t) override { owner_.irq_changed_.notify(sc_core::SC_ZERO_TIME); }

 private:
  HbmModule& owner_;
};

HbmModule::HbmModule(const sc_core::sc_module_name& name, const Config& config)
    : sc_core::sc_module(name),
      data_tsock("data_tsock"),
      pnm_tsock("pnm_tsock"),
      ctrl_tsock("ctrl_tsock"),
      irq_out("irq_out"),
      config_(config),
      engine_(std::make_unique<Engine>(config.preset, config.engine)),
      memory_(config.preset.organisation.capacity_bytes),
      faults_({config.preset.organisation.access_bytes, config.preset.on_die_ecc, config.fault_rate,
               config.seed, std::string(this->name()) + ".faults"},
              memory_),
      registers_(std::make_unique<HbmRegisterFile>(*this)) {
  const Preset& preset = config.preset;
  if (config.required_capacity_bytes > memory_.size()) {
    throw ConfigError(preset.path, fmt::format("{} needs {} bytes, the stack '{}' has {}", this->name(),
                                               config.required_capacity_bytes, preset.name, memory_.size()));
  }
  registers_->set_capacity_mib(low(memory_.size() >> 20));
  registers_->set_channels_pseudo_channels(preset.organisation.pseudo_channels_total());
  registers_->set_ecc_control_enable(config.secded && preset.secded ? 1 : 0);
  registers_->set_features_secded(preset.secded ? 1 : 0);
  registers_->set_features_on_die(preset.on_die_ecc ? 1 : 0);
  registers_->set_features_row_hammer(preset.controller.row_hammer_counters ? 1 : 0);
  registers_->set_temperature_millicelsius(
      static_cast<std::uint32_t>(std::lround(preset.controller.temperature_c * 1000)));
  registers_->set_refresh_interval_ps(
      saturate(static_cast<std::uint64_t>(preset.refresh_interval()) * preset.tCK_ps));

  channels_[0].socket = &data_tsock;
  channels_[1].socket = &pnm_tsock;
  for (int port = 0; port < static_cast<int>(kPorts); ++port) {
    auto& socket = *channels_[port].socket;
    socket.register_b_transport(this, &HbmModule::data_b_transport, port);
    socket.register_nb_transport_fw(this, &HbmModule::data_nb_transport, port);
    socket.register_transport_dbg(this, &HbmModule::data_transport_dbg, port);
  }
  ctrl_tsock.register_b_transport(this, &HbmModule::ctrl_b_transport);
  ctrl_tsock.register_transport_dbg(this, &HbmModule::ctrl_transport_dbg);

  SC_HAS_PROCESS(HbmModule);
  SC_METHOD(drive);
  sensitive << drive_event_;
  dont_initialize();
  SC_METHOD(drive_irq);
  sensitive << irq_changed_;
}

HbmModule::~HbmModule() = default;

// Requests.

std::uint64_t HbmModule::claim(Role role, std::size_t port) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(transactions_.size()));
    transactions_.push_back(std::make_unique<Transaction>());
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  Transaction& t = *transactions_[slot];
  t.role = role;
  t.port = port;
  t.accepted = false;
  t.payload = nullptr;
  t.outcome = {};
  t.status = tlm::TLM_OK_RESPONSE;
  return std::uint64_t{t.uses} << 32 | slot;
}

HbmModule::Transaction* HbmModule::find(std::uint64_t tag) {
  Transaction& t = *transactions_[low(tag)];
  return t.uses == high(tag) ? &t : nullptr;
}

void HbmModule::give_back(std::uint64_t tag) {
  ++transactions_[low(tag)]->uses;
  free_.push_back(low(tag));
}

/// The request arrives now. False if it takes no time: refused, or nothing to do.
bool HbmModule::start(std::uint64_t tag, Payload& payload) {
  Transaction& t = *find(tag);
  payload.set_dmi_allowed(false);
  const Access access = access_of(payload);
  if (!access.valid) return false;
  t.status = check_payload(payload, memory_.size());
  if (t.status != tlm::TLM_OK_RESPONSE) return false;
  const TimePs now = now_ps();
  t.outcome = move_contents(payload, access, now);
  if (t.outcome.failed()) t.status = tlm::TLM_GENERIC_ERROR_RESPONSE;
  Request request;
  request.tag = tag;
  request.arrival = now;
  request.address = payload.get_address();
  request.bytes = payload.get_data_length();
  request.is_write = access.is_write;
  const auto* const source = payload.get_extension<SourceExtension>();
  request.source = source != nullptr ? source->source % Engine::kSources : static_cast<std::uint32_t>(t.port);
  request.port = static_cast<Port>(t.port);
  request.report_acceptance = t.role == Role::kFourPhase;
  engine_->submit(request);
  return true;
}

EccOutcome HbmModule::move_contents(Payload& payload, const Access& access, TimePs now) {
  const std::uint64_t address = payload.get_address();
  const std::uint64_t bytes = payload.get_data_length();
  std::uint8_t* const data = access.has_data ? payload.get_data_ptr() : nullptr;
  faults_.advance(address, bytes, now);
  EccOutcome outcome;
  if (access.is_write) {
    if (!faults_.empty()) outcome = faults_.write(address, bytes, ecc_mode());
    if (data != nullptr) memory_.write(address, data, bytes);
  } else {
    if (data != nullptr) memory_.read(address, data, bytes);
    if (!faults_.empty()) outcome = faults_.read(address, bytes, data, ecc_mode());
  }
  return outcome;
}

void HbmModule::data_b_transport(int port, Payload& payload, sc_core::sc_time& delay) {
  const sc_core::sc_curr_proc_kind kind = sc_core::sc_get_current_process_handle().proc_kind();
  if (kind != sc_core::SC_THREAD_PROC_) {
    const ModelError error("contract", name(), "b_transport waits: it must be called from an SC_THREAD");
    if (kind == sc_core::SC_NO_PROC_) throw error;
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    raise_in_simulation(error);
    return;
  }
  if (delay != sc_core::SC_ZERO_TIME) wait(delay);
  delay = sc_core::SC_ZERO_TIME;
  const std::uint64_t tag = claim(Role::kBlocking, static_cast<std::size_t>(port));
  const Transaction& t = *find(tag);
  if (start(tag, payload)) {
    schedule();
    wait(t.finished);
  }
  payload.set_response_status(t.status);
  give_back(tag);
}

unsigned HbmModule::data_transport_dbg(int, Payload& payload) {
  const std::uint64_t address = payload.get_address();
  if (address >= memory_.size()) return 0;
  const auto bytes =
      static_cast<unsigned>(std::min<std::uint64_t>(payload.get_data_length(), memory_.size() - address));
  if (payload.is_read()) {
    memory_.read(address, payload.get_data_ptr(), bytes);
  } else if (payload.is_write()) {
    memory_.write(address, payload.get_data_ptr(), bytes);
  } else {
    return 0;
  }
  return bytes;
}

// Four phases.

tlm::tlm_sync_enum HbmModule::refuse(const char* what) {
  raise_in_simulation(ModelError("contract", name(), what));
  return tlm::TLM_ACCEPTED;
}

tlm::tlm_sync_enum HbmModule::data_nb_transport(int port, Payload& payload, tlm::tlm_phase& phase,
                                                sc_core::sc_time& delay) {
  Channel& channel = channels_[port];
  if (phase == tlm::BEGIN_REQ) {
    if (channel.requesting != nullptr) return refuse("BEGIN_REQ before END_REQ of the request before it");
    if (four_phase_.count(&payload) != 0)
      return refuse("BEGIN_REQ for a transaction that is still in flight");
    if (payload.has_mm()) payload.acquire();
    const std::uint64_t tag = claim(Role::kFourPhase, static_cast<std::size_t>(port));
    find(tag)->payload = &payload;
    four_phase_.emplace(&payload, tag);
    channel.requesting = &payload;
    if (delay == sc_core::SC_ZERO_TIME) {
      begin(tag);
    } else {
      add(now_ps() + to_ps(delay), Action::Kind::kBegin, tag);
    }
    schedule();
    return tlm::TLM_ACCEPTED;
  }
  if (phase == tlm::END_RESP) {
    if (channel.responding != &payload) return refuse("END_RESP without BEGIN_RESP");
    end_response(channel, delay);
    schedule();
    return tlm::TLM_COMPLETED;
  }
  return refuse("a phase that an initiator does not send");
}

void HbmModule::begin(std::uint64_t tag) {
  if (start(tag, *find(tag)->payload)) return;
  const TimePs now = now_ps();
  add(now, Action::Kind::kAccepted, tag);
  add(now, Action::Kind::kDone, tag);
}

void HbmModule::accepted(std::uint64_t tag) {
  Transaction* const t = find(tag);
  if (t == nullptr || t->accepted) return;
  t->accepted = true;
  Channel& channel = channels_[t->port];
  channel.requesting = nullptr;
  tlm::tlm_phase phase = tlm::END_REQ;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  (*channel.socket)->nb_transport_bw(*t->payload, phase, delay);
}

void HbmModule::send_response(Channel& channel) {
  if (channel.response_open || channel.responses.empty()) return;
  Transaction& t = *find(channel.responses.front());
  channel.responses.pop_front();
  Payload& payload = *t.payload;
  payload.set_response_status(t.status);
  channel.responding = &payload;
  channel.response_open = true;
  tlm::tlm_phase phase = tlm::BEGIN_RESP;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  const tlm::tlm_sync_enum answer = (*channel.socket)->nb_transport_bw(payload, phase, delay);
  const bool ended = answer == tlm::TLM_COMPLETED || (answer == tlm::TLM_UPDATED && phase == tlm::END_RESP);
  if (!ended) return;
  if (channel.responding != &payload) {
    refuse("a response that has ended is ended again");
    return;
  }
  end_response(channel, delay);
}

/// The initiator has ended the response that is open on `channel`; the next one may begin after `delay`.
void HbmModule::end_response(Channel& channel, const sc_core::sc_time& delay) {
  Payload& payload = *channel.responding;
  channel.responding = nullptr;
  const auto it = four_phase_.find(&payload);
  give_back(it->second);
  four_phase_.erase(it);
  if (payload.has_mm()) payload.release();
  add(now_ps() + to_ps(delay), Action::Kind::kResponseEnded,
      static_cast<std::uint64_t>(&channel - channels_));
}

// The process that drives the engine.

void HbmModule::add(TimePs at, Action::Kind kind, std::uint64_t id) const {
  agenda_.push({at, next_order_++, kind, id});
}

void HbmModule::catch_up(TimePs now) const {
  events_.clear();
  engine_->advance(now, events_);
  for (const Event& event : events_)
    add(event.at, event.kind == Event::Kind::kDone ? Action::Kind::kDone : Action::Kind::kAccepted,
        event.tag);
}

void HbmModule::schedule() {
  if (driving_) return;  // drive() does it when it is through
  std::optional<TimePs> next = engine_->next_event();
  if (!agenda_.empty() && (!next || agenda_.top().at < *next)) next = agenda_.top().at;
  if (!next) return;
  const TimePs now = now_ps();
  drive_event_.notify(to_sc(*next > now ? *next - now : 0));
}

void HbmModule::drive() {
  const TimePs now = now_ps();
  catch_up(now);
  driving_ = true;
  while (!agenda_.empty() && agenda_.top().at <= now) {
    const Action action = agenda_.top();
    agenda_.pop();
    switch (action.kind) {
      case Action::Kind::kBegin:
        begin(action.id);
        break;
      case Action::Kind::kAccepted:
        accepted(action.id);
        break;
      case Action::Kind::kDone:
        done(action.id);
        break;
      case Action::Kind::kResponseEnded:
        channels_[action.id].response_open = false;
        send_response(channels_[action.id]);
        break;
      case Action::Kind::kScrub:
        scrub_due(action.id);
        break;
    }
  }
  driving_ = false;
  if (engine_->next_event().value_or(now + 1) <= now) {
    raise_in_simulation(
        ModelError("internal", name(), "the engine has an event that advancing does not reach"));
    return;
  }
  schedule();
}

void HbmModule::done(std::uint64_t tag) {
  Transaction* const t = find(tag);
  if (t == nullptr) return;
  switch (t->role) {
    case Role::kBlocking:
      count(t->outcome);
      t->finished.notify();
      break;
    case Role::kFourPhase:
      count(t->outcome);
      accepted(tag);
      channels_[t->port].responses.push_back(tag);
      send_response(channels_[t->port]);
      break;
    case Role::kScrubRead:
    case Role::kScrubWrite:
      scrub_done(tag);
      break;
  }
}

// Reliability.

void HbmModule::inject_fault(std::uint64_t address, unsigned bits, bool persistent) {
  if (!memory_.contains(address, 1)) {
    throw ModelError("contract", name(), fmt::format("fault injected at {:#x}, outside the stack", address));
  }
  faults_.flip_bits(address, bits, persistent);
}

void HbmModule::inject_fault(std::uint64_t address, FaultKind kind, bool persistent) {
  if (!memory_.contains(address, 1)) {
    throw ModelError("contract", name(), fmt::format("fault injected at {:#x}, outside the stack", address));
  }
  faults_.inject(address, kind, persistent);
}

EccMode HbmModule::ecc_mode() const {
  return {registers_->ecc_control_enable() != 0, registers_->ecc_control_poison() != 0};
}

void HbmModule::count(const EccOutcome& outcome) {
  totals_.on_die_corrected += outcome.on_die_corrected;
  totals_.corrected += outcome.corrected;
  totals_.uncorrected += outcome.uncorrected;
  totals_.poisoned += outcome.poisoned;
  totals_.silent += outcome.silent;
  HbmRegisterFile& r = *registers_;
  r.set_ecc_on_die_corrected(saturate(r.ecc_on_die_corrected() + outcome.on_die_corrected));
  r.set_ecc_corrected(saturate(r.ecc_corrected() + outcome.corrected));
  r.set_ecc_uncorrected(saturate(r.ecc_uncorrected() + outcome.uncorrected));
  r.set_ecc_poisoned(saturate(r.ecc_poisoned() + outcome.poisoned));
  if (outcome.uncorrected != 0) report_uncorrectable(outcome.failing_address);
}

void HbmModule::report_uncorrectable(std::uint64_t address) {
  registers_->set_ecc_address_lo(low(address));
  registers_->set_ecc_address_hi(high(address));
  registers_->set_irq_status_uncorrected(1);
  irq_changed_.notify(sc_core::SC_ZERO_TIME);
}

void HbmModule::drive_irq() { irq_out.write(registers_->irq()); }

/// Software wrote SCRUB_CONTROL or SCRUB_INTERVAL.
void HbmModule::restart_scrubber() {
  ++scrubber_.starts;
  scrubber_.late = false;
  const TimePs interval = registers_->scrub_interval() * kPsPerNs;
  if (registers_->scrub_control_enable() == 0 || interval == 0) return;
  add(register_time_ + interval, Action::Kind::kScrub, scrubber_.starts);
  schedule();
}

void HbmModule::scrub_due(std::uint64_t start) {
  if (start != scrubber_.starts) return;
  if (scrubber_.busy) {
    scrubber_.late = true;
  } else {
    scrub_next();
  }
}

void HbmModule::scrub_next() {
  HbmRegisterFile& r = *registers_;
  const TimePs now = now_ps();
  const std::uint64_t burst = config_.preset.organisation.access_bytes;
  std::uint64_t address = std::uint64_t{r.scrub_address_hi()} << 32 | r.scrub_address_lo();
  address = address < memory_.size() ? address / burst * burst : 0;
  scrubber_.busy = true;
  scrubber_.late = false;
  ++scrubber_.reads;
  faults_.advance(address, burst, now);
  scrub_submit(Role::kScrubRead, address, faults_.read(address, burst, nullptr, ecc_mode()));
  const std::uint64_t next = address + burst < memory_.size() ? address + burst : 0;
  r.set_scrub_address_lo(low(next));
  r.set_scrub_address_hi(high(next));
  if (next == 0) r.set_scrub_passes(r.scrub_passes() + 1);
  add(now + r.scrub_interval() * kPsPerNs, Action::Kind::kScrub, scrubber_.starts);
}

void HbmModule::scrub_submit(Role role, std::uint64_t address, const EccOutcome& outcome) {
  const std::uint64_t tag = claim(role, 0);
  Transaction& t = *find(tag);
  t.address = address;
  t.outcome = outcome;
  Request request;
  request.tag = tag;
  request.arrival = now_ps();
  request.address = address;
  request.bytes = config_.preset.organisation.access_bytes;
  request.is_write = role == Role::kScrubWrite;
  request.source = kScrubSource;
  engine_->submit(request);
}

void HbmModule::scrub_done(std::uint64_t tag) {
  const Transaction& t = *find(tag);
  const Role role = t.role;
  const std::uint64_t address = t.address;
  const EccOutcome outcome = t.outcome;
  give_back(tag);
  Scrubber& s = scrubber_;
  const bool corrected = outcome.corrected != 0 || outcome.on_die_corrected != 0;
  if (role == Role::kScrubRead) {
    HbmRegisterFile& r = *registers_;
    if (outcome.uncorrected != 0) {
      ++s.uncorrected;
      r.set_scrub_uncorrected(saturate(std::uint64_t{r.scrub_uncorrected()} + 1));
      report_uncorrectable(outcome.failing_address);
    }
    if (corrected) {
      ++s.corrected;
      ++s.writes;
      r.set_scrub_corrected(saturate(std::uint64_t{r.scrub_corrected()} + 1));
      faults_.write_back(address, ecc_mode());
      scrub_submit(Role::kScrubWrite, address, {});
      return;
    }
  }
  s.busy = false;
  if (s.late) scrub_next();
}

// Registers and report.

void HbmModule::ctrl_b_transport(Payload& payload, sc_core::sc_time& delay) {
  delay += to_sc(config_.register_latency_ps);
  register_time_ = now_ps() + to_ps(delay);
  if (config_.preset.controller.row_hammer_counters) {
    catch_up(now_ps());
    registers_->set_row_hammer_max_count(engine_->most_opened().activates);
  }
  serve_registers(*registers_, payload);
}

unsigned HbmModule::ctrl_transport_dbg(Payload& payload) { return debug_registers(*registers_, payload); }

void HbmModule::report(StatSink& sink) const {
  const TimePs now = now_ps();
  catch_up(now);
  Counters c = engine_->counters(now);
  const std::uint64_t access_bytes = config_.preset.organisation.access_bytes;
  // The scrubber's own traffic goes over the pins and is told apart.
  PortCounters& pins = c.port[static_cast<std::size_t>(Port::kPins)];
  std::uint64_t bursts = 0;
  for (const PortCounters& port : c.port) bursts += port.read_bursts + port.write_bursts;
  pins.read_requests -= scrubber_.reads;
  pins.read_bursts -= scrubber_.reads;
  pins.read_bytes -= scrubber_.reads * access_bytes;
  pins.write_requests -= scrubber_.writes;
  pins.write_bursts -= scrubber_.writes;
  pins.write_bytes -= scrubber_.writes * access_bytes;
  const char* const names[kPorts] = {"data", "pnm"};
  for (std::size_t i = 0; i < kPorts; ++i) {
    const PortCounters& port = c.port[i];
    StatSink scope = sink.scope(names[i]);
    scope.count("read_bytes", port.read_bytes, "bytes", "Bytes read through this port, as asked for.");
    scope.count("write_bytes", port.write_bytes, "bytes", "Bytes written through this port, as asked for.");
    scope.count("read_requests", port.read_requests, "requests", "Read transactions.");
    scope.count("write_requests", port.write_requests, "requests", "Write transactions.");
    scope.count("read_bursts", port.read_bursts, "bursts", "Bursts that the reads took.");
    scope.count("write_bursts", port.write_bursts, "bursts", "Bursts that the writes took.");
  }
  const ChannelCounters& channels = c.channels;
  sink.count("row_hits", channels.row_hits, "bursts", "Column commands that found their row open.");
  sink.count("row_misses", channels.row_misses, "bursts",
             "Column commands for which a closed bank was opened.");
  sink.count("row_conflicts", channels.row_conflicts, "bursts",
             "Column commands for which another row was closed.");
  sink.count("forwarded_reads", channels.forwarded, "bursts", "Reads answered from the write queue.");
  const auto command = [&](const char* name, Command which, const char* description) {
    sink.count(name, channels.count(which), "commands", description);
  };
  command("activates", Command::kACT, "ACT commands.");
  command("precharges", Command::kPRE, "PRE commands of one bank.");
  command("precharge_alls", Command::kPREab, "PREab commands: all banks of a pseudo-channel.");
  command("reads", Command::kRD, "RD commands.");
  command("writes", Command::kWR, "WR commands.");
  command("refreshes", Command::kREFab, "REFab commands, all pseudo-channels.");
  command("bank_refreshes", Command::kREFpb, "REFpb commands: refreshes of one bank.");
  command("refresh_managements", Command::kRFMab, "RFMab commands: refresh management of all banks.");
  command("bank_refresh_managements", Command::kRFMpb, "RFMpb commands: refresh management of one bank.");
  command("power_down_entries", Command::kPDE, "PDE commands: a channel enters power-down.");
  command("power_down_exits", Command::kPDX, "PDX commands: a channel leaves power-down.");
  command("self_refresh_entries", Command::kSRE, "SRE commands: a channel enters self-refresh.");
  command("self_refresh_exits", Command::kSRX, "SRX commands: a channel leaves self-refresh.");
  const auto state = [&](const char* name, std::uint64_t cycles, const char* description) {
    sink.amount(name, static_cast<double>(cycles) * static_cast<double>(config_.preset.tCK_ps) / kPsPerNs,
                "ns", description);
  };
  state("active_standby_ns", channels.active_cycles, "Time with an open row, summed over pseudo-channels.");
  state("precharge_standby_ns", channels.precharged_cycles,
        "Time with all banks closed, summed over pseudo-channels.");
  state("power_down_ns", channels.power_down_cycles, "Time in power-down, summed over pseudo-channels.");
  state("self_refresh_ns", channels.self_refresh_cycles,
        "Time in self-refresh, summed over pseudo-channels.");

  const double bits = 8.0 * static_cast<double>(bursts * access_bytes);
  const auto energy = [&](const std::string& kind, double pj, const char* description) {
    sink.amount("energy" + kind + "_pj", pj, "pJ", description);
    sink.level("energy" + kind + "_pj_per_bit", bits > 0 ? pj / bits : 0, "pJ/bit",
               "The same since the start, per bit moved by whole bursts over either port.");
  };
  energy("_activate", c.energy.activate_pj, "Energy of activates and precharges.");
  energy("_array", c.energy.array_pj, "Energy of reads and writes up to the base die.");
  energy("_phy", c.energy.phy_pj, "Energy of the way through PHY and pins.");
  energy("_refresh", c.energy.refresh_pj, "Energy of refresh and refresh management.");
  energy("_background", c.energy.background_pj, "Background energy over the simulated time.");
  energy("", c.energy.total_pj(), "All energy of the stack.");
  sink.amount(
      "busy_ns",
      static_cast<double>(c.bus_busy_ps) / (1e3 * config_.preset.organisation.pseudo_channels_total()), "ns",
      "Time the data buses moved data, averaged over the pseudo-channels.");
  sink.level("peak_gbytes_per_s", config_.preset.peak_gbytes_per_s(), "gbytes_per_s",
             "Data bus limit of the stack.");
  sink.level("capacity_bytes", static_cast<double>(memory_.size()), "bytes", "Capacity of the stack.");

  sink.count("ecc_on_die_corrected", totals_.on_die_corrected, "bursts",
             "Bursts of accesses with an error that the DRAM corrected itself.");
  sink.count("ecc_corrected", totals_.corrected, "bursts",
             "Bursts of accesses with an error that SECDED corrected.");
  sink.count("ecc_uncorrected", totals_.uncorrected, "bursts",
             "Bursts of accesses with an uncorrectable error.");
  sink.count("ecc_poisoned", totals_.poisoned, "bursts",
             "Bursts of accesses that failed on a poisoned word.");
  sink.count("ecc_silent", totals_.silent, "bursts",
             "Bursts of accesses with wrong data that no code noticed; only the model knows.");
  sink.count("scrub_reads", scrubber_.reads, "bursts", "Bursts that the scrubber read.");
  sink.count("scrub_writes", scrubber_.writes, "bursts", "Bursts that the scrubber wrote back.");
  sink.count("scrub_corrected", scrubber_.corrected, "bursts", "Bursts that the scrubber corrected.");
  sink.count("scrub_uncorrected", scrubber_.uncorrected, "bursts",
             "Bursts that the scrubber found uncorrectable.");
}

}  // namespace memwall::hbm
