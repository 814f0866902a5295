// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hart/hart_module.h"

#include <algorithm>

#include "common/error.h"
#include "common/sc_time.h"

namespace memwall::hart {
namespace {

/// Targets and the debug hook run on the hart's own stack.
constexpr std::size_t kStackBytes = 512 * 1024;
/// Delta cycles from a device's register to the hart's line: device, interrupt controller, signals between.
constexpr int kSettleDeltas = 4;

Hart::Config core_config(const HartModule::Config& config) {
  if (config.clock_period_ps == 0) throw ConfigError("hart", "clock_period_ps must not be 0");
  Hart::Config core;
  core.hart_id = config.hart_id;
  core.reset_pc = config.reset_pc;
  core.cycles = config.cycles;
  return core;
}

}  // namespace

sc_core::sc_time HartModule::Keeper::compute_local_quantum() {
  if (quantum_ == sc_core::SC_ZERO_TIME) return quantum_;
  const TimePs quantum = to_ps(quantum_);
  return to_sc(quantum - to_ps(sc_core::sc_time_stamp()) % quantum);
}

HartModule::HartModule(const sc_core::sc_module_name& name, const Config& config)
    : sc_core::sc_module(name),
      bus_isock("bus_isock"),
      msip_in("msip_in"),
      mtip_in("mtip_in"),
      meip_in("meip_in"),
      config_(config),
      period_(config.clock_period_ps),
      hart_(core_config(config), *this),
      keeper_(to_sc(config.quantum_ps)) {
  SC_HAS_PROCESS(HartModule);
  SC_THREAD(run);
  set_stack_size(kStackBytes);
  SC_METHOD(on_interrupt_lines);
  sensitive << msip_in << mtip_in << meip_in;
  bus_isock.register_invalidate_direct_mem_ptr(this, &HartModule::invalidate_direct_mem_ptr);
}

HartModule::~HartModule() = default;

sc_core::sc_time HartModule::now() const {
  return to_sc(anchor_time_ + (hart_.cycles() - anchor_cycles_) * period_);
}

void HartModule::set_time_source(std::function<std::uint64_t(const sc_core::sc_time& now)> source) {
  hart_.set_time_source([this, source = std::move(source)] { return source(now()); });
}

void HartModule::set_debug_hook(DebugHook hook) {
  debug_hook_ = std::move(hook);
  hart_.set_ebreak_stops(debug_hook_ != nullptr);
}

void HartModule::run() {
  keeper_.reset();
  anchor_time_ = to_ps(sc_core::sc_time_stamp());
  anchor_cycles_ = hart_.cycles();
  if (config_.stop_at_start) debug_stop(StopReason::kStopRequest);
  for (;;) {
    const TimePs here = to_ps(now()), end = to_ps(keeper_.next_sync());
    const StopReason reason =
        stepping_ ? hart_.step() : hart_.run_cycles(end > here ? to_cycles(end - here) : 1);
    switch (reason) {
      case StopReason::kLimit:
        synchronise(false);
        break;
      case StopReason::kWfi:
        wait_for_interrupt();
        break;
      default:
        synchronise(false);
        debug_stop(reason);
        break;
    }
  }
}

/// Lets the rest of the model catch up if the quantum is used up (or at once).
void HartModule::synchronise(bool force) {
  keeper_.set(now() - sc_core::sc_time_stamp());
  if (force || keeper_.need_sync()) keeper_.sync();
}

void HartModule::wait_for_interrupt() {
  synchronise(true);
  if (!hart_.interrupt_pending()) {
    const TimePs from = to_ps(sc_core::sc_time_stamp());
    if (debug_hook_) {
      // The debugger's stop request comes from outside the simulation: look up now and then.
      sc_core::wait(to_sc(std::max<TimePs>(config_.quantum_ps, kPsPerUs)), interrupt_event_);
    } else {
      sc_core::wait(interrupt_event_);
    }
    const TimePs slept = to_ps(sc_core::sc_time_stamp()) - from;
    wfi_time_ += slept;
    hart_.add_cycles(slept / period_);
    keeper_.reset();
  }
  anchor_time_ = to_ps(sc_core::sc_time_stamp());
  anchor_cycles_ = hart_.cycles();
  if (stepping_) debug_stop(StopReason::kStep);
}

void HartModule::on_interrupt_lines() {
  hart_.set_interrupt(kSoftwareInterrupt, msip_in.read());
  hart_.set_interrupt(kTimerInterrupt, mtip_in.read());
  hart_.set_interrupt(kExternalInterrupt, meip_in.read());
  if (hart_.interrupt_pending()) interrupt_event_.notify();
}

void HartModule::debug_stop(StopReason reason) {
  stepping_ = false;
  if (debug_hook_) stepping_ = debug_hook_(*this, reason) == Resume::kStep;
}

BusResult HartModule::fetch(std::uint64_t address, void* out, unsigned bytes) {
  return transport(tlm::TLM_READ_COMMAND, address, static_cast<std::uint8_t*>(out), bytes);
}
BusResult HartModule::load(std::uint64_t address, void* out, unsigned bytes) {
  return transport(tlm::TLM_READ_COMMAND, address, static_cast<std::uint8_t*>(out), bytes);
}
BusResult HartModule::store(std::uint64_t address, const void* in, unsigned bytes) {
  // TLM's data pointer is not const; a target does not write through it on a write command.
  return transport(tlm::TLM_WRITE_COMMAND, address, static_cast<std::uint8_t*>(const_cast<void*>(in)), bytes);
}

BusResult HartModule::transport(tlm::tlm_command command, std::uint64_t address, std::uint8_t* data,
                                unsigned bytes) {
  payload_.set_command(command);
  payload_.set_address(address);
  payload_.set_data_ptr(data);
  payload_.set_data_length(bytes);
  payload_.set_streaming_width(bytes);
  payload_.set_byte_enable_ptr(nullptr);
  payload_.set_dmi_allowed(false);
  payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  const TimePs start = to_ps(now());
  sc_core::sc_time delay = to_sc(start - to_ps(sc_core::sc_time_stamp()));
  bus_isock->b_transport(payload_, delay);
  const TimePs end = to_ps(sc_core::sc_time_stamp() + delay);
  const bool ok = payload_.is_response_ok();
  // While an interrupt is pending, the access may be the one that takes its cause away (a claim, a clear).
  // Let the line settle, or the hart would see the old level until its quantum ends and serve it again and
  // again.
  if (hart_.interrupt_pending() && end > to_ps(sc_core::sc_time_stamp())) {
    sc_core::wait(to_sc(end - to_ps(sc_core::sc_time_stamp())));
  }
  for (int delta = 0; delta < kSettleDeltas && hart_.interrupt_pending(); ++delta) {
    sc_core::wait(sc_core::SC_ZERO_TIME);
  }
  if (ok && payload_.is_dmi_allowed()) request_direct();
  return {ok, end > start ? to_cycles(end - start) : 0};
}

/// Asks for a direct pointer around the payload's address; the newest grant is found first.
void HartModule::request_direct() {
  tlm::tlm_dmi dmi_data;
  if (!bus_isock->get_direct_mem_ptr(payload_, dmi_data)) return;
  const std::uint64_t first = dmi_data.get_start_address(), last = dmi_data.get_end_address();
  if (last < first || dmi_data.get_dmi_ptr() == nullptr) return;
  const auto extra = [this](const sc_core::sc_time& latency) {
    const std::uint64_t cycles = to_cycles(to_ps(latency));
    return cycles > 1 ? cycles - 1 : 0;
  };
  DirectRegion region;
  region.base = first;
  region.size = last - first == ~std::uint64_t{0} ? last : last - first + 1;
  region.host = dmi_data.get_dmi_ptr();
  region.readable = dmi_data.is_read_allowed();
  region.writable = dmi_data.is_write_allowed();
  region.read_latency_cycles = extra(dmi_data.get_read_latency());
  region.write_latency_cycles = extra(dmi_data.get_write_latency());
  regions_.erase(std::remove_if(regions_.begin(), regions_.end(),
                                [&](const DirectRegion& r) { return r.base == region.base; }),
                 regions_.end());
  regions_.insert(regions_.begin(), region);
  hart_.flush_direct();
}

void HartModule::invalidate_direct_mem_ptr(sc_dt::uint64 start, sc_dt::uint64 end) {
  regions_.erase(
      std::remove_if(regions_.begin(), regions_.end(),
                     [&](const DirectRegion& r) { return r.base <= end && start <= r.base + (r.size - 1); }),
      regions_.end());
  hart_.flush_direct();
}

DirectRegion HartModule::dmi(std::uint64_t address) {
  for (const DirectRegion& region : regions_) {
    if (region.contains(address, 1)) return region;
  }
  return {};
}

std::uint64_t HartModule::debug_transport(tlm::tlm_command command, std::uint64_t address, std::uint8_t* data,
                                          std::uint64_t bytes) {
  std::uint64_t done = 0;
  while (done < bytes) {
    const auto piece = static_cast<unsigned>(std::min<std::uint64_t>(bytes - done, 1u << 20));
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(address + done);
    payload.set_data_ptr(data + done);
    payload.set_data_length(piece);
    payload.set_streaming_width(piece);
    const unsigned moved = bus_isock->transport_dbg(payload);
    done += std::min(moved, piece);
    if (moved < piece) break;
  }
  return done;
}

std::uint64_t HartModule::debug_read(std::uint64_t address, void* out, std::uint64_t bytes) {
  return debug_transport(tlm::TLM_READ_COMMAND, address, static_cast<std::uint8_t*>(out), bytes);
}

std::uint64_t HartModule::debug_write(std::uint64_t address, const void* in, std::uint64_t bytes) {
  auto* data = static_cast<std::uint8_t*>(const_cast<void*>(in));
  const std::uint64_t done = debug_transport(tlm::TLM_WRITE_COMMAND, address, data, bytes);
  hart_.flush_code();
  return done;
}

void HartModule::report(StatSink& sink) const {
  const Hart::Counters& c = hart_.counters();
  sink.count("instructions", hart_.instructions(), "instructions", "Instructions retired.");
  sink.count("cycles", hart_.cycles(), "cycles", "Clock cycles passed, waiting included.", "hart");
  sink.count("traps", c.traps, "traps", "Synchronous exceptions taken.");
  sink.count("interrupts", c.interrupts, "interrupts", "Interrupts taken.");
  sink.count("waits", c.waits, "waits", "WFI instructions that found no interrupt pending.");
  sink.amount("wfi_time", static_cast<double>(wfi_time_) / static_cast<double>(kPsPerNs), "ns",
              "Simulated time spent waiting in WFI.");
  sink.count("bus_accesses", c.bus_accesses, "accesses",
             "Loads and stores that went over the bus as transactions.");
  sink.count("blocks_decoded", c.blocks_decoded, "blocks", "Basic blocks decoded, single steps included.");
}

}  // namespace memwall::hart
