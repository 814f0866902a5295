// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/hbm_module.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"
#include "common/register_tlm.h"
#include "common/sc_time.h"
#include "common/tlm_check.h"
#include "common/tlm_traffic.h"
#include "regs/hbm_regs.h"

namespace memwall::hbm {

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
    owner_.inject_fault(address, inject_bits(), inject_persistent() != 0);
  }
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
      core_(config.preset),
      memory_(config.preset.organisation.capacity_bytes),
      faults_(config.preset.organisation.access_bytes),
      registers_(std::make_unique<HbmRegisterFile>(*this)),
      requests_("requests"),
      done_("done"),
      endings_("endings") {
  if (config.required_capacity_bytes > memory_.size()) {
    throw ConfigError(config.preset.path,
                      fmt::format("{} needs {} bytes, the stack '{}' has {}", this->name(),
                                  config.required_capacity_bytes, config.preset.name, memory_.size()));
  }
  registers_->set_capacity_mib(static_cast<std::uint32_t>(memory_.size() >> 20));
  registers_->set_channels_pseudo_channels(config.preset.organisation.pseudo_channels);
  registers_->set_ecc_control_enable(config.secded && config.preset.secded ? 1 : 0);

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
  SC_METHOD(on_requests);
  sensitive << requests_.get_event();
  dont_initialize();
  SC_METHOD(on_done);
  sensitive << done_.get_event();
  dont_initialize();
  SC_METHOD(on_endings);
  sensitive << endings_.get_event();
  dont_initialize();
  SC_METHOD(drive_irq);
  sensitive << irq_changed_;
}

HbmModule::~HbmModule() = default;

void HbmModule::inject_fault(std::uint64_t address, unsigned bits, bool persistent) {
  if (!memory_.contains(address, 1)) {
    throw ModelError("contract", name(), fmt::format("fault injected at {:#x}, outside the stack", address));
  }
  faults_.inject(address, bits, persistent);
}

TimePs HbmModule::execute(Port port, Payload& payload, TimePs start) {
  const Access access = access_of(payload);
  payload.set_dmi_allowed(false);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
  if (!access.valid) return start;
  const tlm::tlm_response_status status = check_payload(payload, memory_.size());
  if (status != tlm::TLM_OK_RESPONSE) {
    payload.set_response_status(status);
    return start;
  }
  const std::uint64_t address = payload.get_address();
  const std::uint64_t bytes = payload.get_data_length();
  std::uint8_t* const data = access.has_data ? payload.get_data_ptr() : nullptr;
  const TimePs done = core_.access(start, address, bytes, access.is_write, port).done;
  if (data != nullptr) {
    if (access.is_write) {
      memory_.write(address, data, bytes);
    } else {
      memory_.read(address, data, bytes);
    }
  }
  if (!faults_.empty()) {
    const bool enabled = registers_->ecc_control_enable() != 0;
    const FaultMap::Outcome outcome = access.is_write ? faults_.write(address, bytes, enabled)
                                                      : faults_.read(address, bytes, memory_, data, enabled);
    count_ecc(outcome, done);
    if (outcome.uncorrected != 0) payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
  }
  return done;
}

void HbmModule::count_ecc(const FaultMap::Outcome& outcome, TimePs when) {
  const auto add = [](std::uint32_t value, std::uint64_t more) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(value + more, 0xffffffffu));
  };
  corrected_ += outcome.corrected;
  registers_->set_ecc_corrected(add(registers_->ecc_corrected(), outcome.corrected));
  if (outcome.uncorrected == 0) return;
  uncorrected_ += outcome.uncorrected;
  registers_->set_ecc_uncorrected(add(registers_->ecc_uncorrected(), outcome.uncorrected));
  registers_->set_ecc_address_lo(static_cast<std::uint32_t>(outcome.failing_address));
  registers_->set_ecc_address_hi(static_cast<std::uint32_t>(outcome.failing_address >> 32));
  registers_->set_irq_status_uncorrected(1);
  irq_changed_.notify(to_sc(when) - sc_core::sc_time_stamp());
}

void HbmModule::drive_irq() { irq_out.write(registers_->irq()); }

void HbmModule::data_b_transport(int port, Payload& payload, sc_core::sc_time& delay) {
  const TimePs start = to_ps(sc_core::sc_time_stamp() + delay);
  delay += to_sc(execute(static_cast<Port>(port), payload, start) - start);
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

void HbmModule::ctrl_b_transport(Payload& payload, sc_core::sc_time& delay) {
  delay += to_sc(config_.register_latency_ps);
  serve_registers(*registers_, payload);
}

unsigned HbmModule::ctrl_transport_dbg(Payload& payload) { return debug_registers(*registers_, payload); }

// Four phases. The queue entry of a request is taken at END_REQ and given back at END_RESP.

tlm::tlm_sync_enum HbmModule::data_nb_transport(int port, Payload& payload, tlm::tlm_phase& phase,
                                                sc_core::sc_time& delay) {
  if (phase == tlm::BEGIN_REQ) {
    InFlight state;
    state.port = static_cast<std::size_t>(port);
    if (!in_flight_.emplace(&payload, state).second) {
      raise_in_simulation(
          ModelError("contract", name(), "BEGIN_REQ for a transaction that is still in flight"));
      return tlm::TLM_ACCEPTED;
    }
    if (payload.has_mm()) payload.acquire();
    requests_.notify(payload, delay);
  } else if (phase == tlm::END_RESP) {
    finish(payload, delay);
    return tlm::TLM_COMPLETED;
  }
  return tlm::TLM_ACCEPTED;
}

void HbmModule::on_requests() {
  while (Payload* payload = requests_.get_next_transaction()) {
    const std::size_t port = in_flight_.at(payload).port;
    channels_[port].waiting.push_back(payload);
    accept_waiting(port);
  }
}

void HbmModule::accept_waiting(std::size_t port) {
  Channel& channel = channels_[port];
  while (!channel.waiting.empty()) {
    Payload& payload = *channel.waiting.front();
    InFlight& state = in_flight_.at(&payload);
    state.is_write = access_of(payload).is_write;
    std::uint32_t& used = state.is_write ? channel.writes : channel.reads;
    const ControllerConfig& queues = config_.preset.controller;
    if (used >= (state.is_write ? queues.write_queue : queues.read_queue)) return;
    channel.waiting.pop_front();
    ++used;
    const TimePs now = to_ps(sc_core::sc_time_stamp());
    const TimePs end = execute(static_cast<Port>(port), payload, now);
    done_.notify(payload, to_sc(end - now));
    tlm::tlm_phase phase = tlm::END_REQ;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    (*channel.socket)->nb_transport_bw(payload, phase, delay);
  }
}

void HbmModule::on_done() {
  while (Payload* payload = done_.get_next_transaction()) {
    const std::size_t port = in_flight_.at(payload).port;
    channels_[port].responses.push_back(payload);
    send_responses(port);
  }
}

void HbmModule::send_responses(std::size_t port) {
  Channel& channel = channels_[port];
  while (!channel.response_open && !channel.responses.empty()) {
    Payload& payload = *channel.responses.front();
    channel.responses.pop_front();
    channel.response_open = true;
    in_flight_.at(&payload).responded = true;
    tlm::tlm_phase phase = tlm::BEGIN_RESP;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    const tlm::tlm_sync_enum status = (*channel.socket)->nb_transport_bw(payload, phase, delay);
    if (status == tlm::TLM_COMPLETED || (status == tlm::TLM_UPDATED && phase == tlm::END_RESP)) {
      finish(payload, delay);
    }
  }
}

void HbmModule::finish(Payload& payload, const sc_core::sc_time& delay) {
  const auto it = in_flight_.find(&payload);
  if (it == in_flight_.end() || !it->second.responded) {
    raise_in_simulation(ModelError("contract", name(), "END_RESP without BEGIN_RESP"));
    return;
  }
  Channel& channel = channels_[it->second.port];
  channel.ending_is_write = it->second.is_write;
  in_flight_.erase(it);
  if (payload.has_mm()) payload.release();
  endings_.notify(channel, delay);
}

void HbmModule::on_endings() {
  while (Channel* channel = endings_.get_next_transaction()) {
    --(channel->ending_is_write ? channel->writes : channel->reads);
    channel->response_open = false;
    const auto port = static_cast<std::size_t>(channel - channels_);
    accept_waiting(port);
    send_responses(port);
  }
}

void HbmModule::report(StatSink& sink) const {
  const TimePs now = to_ps(sc_core::sc_time_stamp());
  const Counters c = core_.counters(now);
  const char* const names[kPorts] = {"data", "pnm"};
  for (std::size_t i = 0; i < kPorts; ++i) {
    const PortCounters& port = c.port[i];
    StatSink scope = sink.scope(names[i]);
    scope.count("read_bytes", port.read_bytes, "bytes", "Bytes read through this port, as asked for.");
    scope.count("write_bytes", port.write_bytes, "bytes", "Bytes written through this port, as asked for.");
    scope.count("read_requests", port.read_requests, "requests", "Read transactions.");
    scope.count("write_requests", port.write_requests, "requests", "Write transactions.");
    scope.count("read_bursts", port.read_bursts, "bursts", "Array accesses that the reads took.");
    scope.count("write_bursts", port.write_bursts, "bursts", "Array accesses that the writes took.");
  }
  sink.count("row_hits", c.row_hits, "bursts", "Bursts that found their row open.");
  sink.count("row_misses", c.row_misses, "bursts", "Bursts that found their bank closed.");
  sink.count("row_conflicts", c.row_conflicts, "bursts", "Bursts that found another row open.");
  sink.count("activates", c.commands.activates, "commands", "ACT commands.");
  sink.count("precharges", c.commands.precharges, "commands", "PRE commands of one bank.");
  sink.count("precharge_alls", c.commands.precharge_alls, "commands", "PREab commands before refresh.");
  sink.count("reads", c.commands.reads, "commands", "RD commands.");
  sink.count("writes", c.commands.writes, "commands", "WR commands.");
  sink.count("refreshes", c.commands.refreshes, "commands", "REFab commands, all pseudo-channels.");
  sink.count("late_bursts", c.late_bursts, "bursts",
             "Bursts that arrived out of order in time and were placed into gaps of the schedule.");
  sink.amount("energy_activate_pj", c.energy.activate_pj, "pJ", "Energy of activates and precharges.");
  sink.amount("energy_array_pj", c.energy.array_pj, "pJ", "Energy of reads and writes up to the base die.");
  sink.amount("energy_phy_pj", c.energy.phy_pj, "pJ", "Energy of the way through PHY and pins.");
  sink.amount("energy_refresh_pj", c.energy.refresh_pj, "pJ", "Energy of refresh.");
  sink.amount("energy_background_pj", c.energy.background_pj, "pJ",
              "Background energy over the simulated time.");
  sink.amount("energy_pj", c.energy.total_pj(), "pJ", "All energy of the stack.");
  sink.amount("busy_ns",
              static_cast<double>(c.bus_busy_ps) / (1e3 * config_.preset.organisation.pseudo_channels), "ns",
              "Time the data buses moved data, averaged over the pseudo-channels.");
  sink.level("peak_gbytes_per_s", config_.preset.peak_gbytes_per_s(), "gbytes_per_s",
             "Data bus limit of the stack.");
  sink.level("capacity_bytes", static_cast<double>(memory_.size()), "bytes", "Capacity of the stack.");
  sink.count("ecc_corrected", corrected_, "bursts", "Bursts with a corrected single-bit error.");
  sink.count("ecc_uncorrected", uncorrected_, "bursts", "Bursts with an uncorrectable error.");
}

}  // namespace memwall::hbm
