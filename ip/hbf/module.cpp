// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/module.h"

#include <algorithm>

#include "common/error.h"
#include "common/register_tlm.h"
#include "common/sc_time.h"
#include "common/tlm_check.h"
#include "common/tlm_traffic.h"
#include "engine/tlm_access.h"
#include "hbf/axi_extension.h"
#include "hbf/controller.h"
#include "hbf/module_registers.h"

namespace memwall::hbf {
namespace {

constexpr TimePs kRegisterLatency = 10 * kPsPerNs;  // assumed

TimePs now_ps() { return to_ps(sc_core::sc_time_stamp()); }

bool in_thread() { return sc_core::sc_get_current_process_handle().proc_kind() == sc_core::SC_THREAD_PROC_; }

}  // namespace

HbfModule::HbfModule(const sc_core::sc_module_name& name, const Config& config)
    : sc_module(name),
      data_tsock("data_tsock"),
      ctrl_tsock("ctrl_tsock"),
      mem_isock("mem_isock"),
      irq_out("irq_out"),
      controller_(std::make_unique<Controller>((check(config, config.name), config))),
      registers_(std::make_unique<ControllerRegisters>(*controller_)) {
  data_tsock.register_b_transport(this, &HbfModule::data_b_transport);
  data_tsock.register_nb_transport_fw(this, &HbfModule::data_nb_transport);
  data_tsock.register_transport_dbg(this, &HbfModule::data_transport_dbg);
  ctrl_tsock.register_b_transport(this, &HbfModule::ctrl_b_transport);
  ctrl_tsock.register_transport_dbg(this, &HbfModule::ctrl_transport_dbg);
  SC_HAS_PROCESS(HbfModule);
  SC_METHOD(drive);
  sensitive << drive_event_;
  SC_METHOD(drive_irq);
  sensitive << irq_changed_;
}

HbfModule::~HbfModule() = default;

// Requests.

std::uint32_t HbfModule::claim() {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(transactions_.size()));
    transactions_.emplace_back();
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  Transaction& t = transactions_[slot];
  t.payload = nullptr;
  t.status = tlm::TLM_OK_RESPONSE;
  t.code = t.info = 0;
  t.offset = AxiExtension::kNoOffset;
  return slot;
}

void HbfModule::answer(const Transaction& t, Payload& payload) const {
  payload.set_response_status(t.status);
  auto* const axi = payload.get_extension<AxiExtension>();
  if (axi == nullptr) return;
  const Access access = access_of(payload);
  axi->status = t.code;
  axi->info = t.info;
  axi->data_valid = access.valid && !access.is_write && t.status == tlm::TLM_OK_RESPONSE;
  axi->offset = t.offset;
}

/// The request arrives now. False if it takes no time: refused, or nothing to do.
bool HbfModule::start(std::uint32_t slot, Payload& payload) {
  Transaction& t = transactions_[slot];
  payload.set_dmi_allowed(false);
  const Access access = access_of(payload);
  if (!access.valid) return false;
  t.status = check_payload(payload, controller_->config().capacity_bytes);
  if (t.status != tlm::TLM_OK_RESPONSE) return false;
  if (access.is_write && (payload.get_address() | payload.get_data_length()) % kChunkBytes != 0) {
    t.status = tlm::TLM_BURST_ERROR_RESPONSE;
    return false;
  }
  Controller::Request request;
  if (const auto* axi = payload.get_extension<AxiExtension>()) {
    request.stage = axi->retry_stage;
    if (request.stage.value_or(0) > 7) {
      raise_in_simulation(ModelError("contract", name(), "AxiExtension: retry_stage is above 7"));
      t.status = tlm::TLM_GENERIC_ERROR_RESPONSE;
      return false;
    }
  }
  request.tag = slot;
  request.is_write = access.is_write;
  request.address = payload.get_address();
  request.bytes = payload.get_data_length();
  request.data = access.has_data ? payload.get_data_ptr() : nullptr;
  controller_->advance(now_ps());
  controller_->submit(request);
  return true;
}

void HbfModule::data_b_transport(Payload& payload, sc_core::sc_time& delay) {
  if (!in_thread()) {
    const ModelError error("contract", name(), "b_transport waits: it must be called from an SC_THREAD");
    if (sc_core::sc_get_current_process_handle().proc_kind() == sc_core::SC_NO_PROC_) throw error;
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    raise_in_simulation(error);
    return;
  }
  if (delay != sc_core::SC_ZERO_TIME) wait(delay);
  delay = sc_core::SC_ZERO_TIME;
  const std::uint32_t slot = claim();
  if (start(slot, payload)) {
    schedule();
    wait(transactions_[slot].finished);
  }
  answer(transactions_[slot], payload);
  free_.push_back(slot);
}

unsigned HbfModule::data_transport_dbg(Payload& payload) {
  const Access access = access_of(payload);
  const std::uint64_t address = payload.get_address(), size = controller_->config().capacity_bytes;
  if (!access.valid || address >= size) return 0;
  const auto bytes =
      static_cast<unsigned>(std::min<std::uint64_t>(payload.get_data_length(), size - address));
  if (access.is_write) {
    controller_->debug_write(address, access.has_data ? payload.get_data_ptr() : nullptr, bytes);
  } else if (access.has_data) {
    controller_->debug_read(address, payload.get_data_ptr(), bytes);
  }
  return bytes;
}

// Four phases.

tlm::tlm_sync_enum HbfModule::refuse(const char* what) {
  raise_in_simulation(ModelError("contract", name(), what));
  return tlm::TLM_ACCEPTED;
}

tlm::tlm_sync_enum HbfModule::data_nb_transport(Payload& payload, tlm::tlm_phase& phase,
                                                sc_core::sc_time& delay) {
  if (phase == tlm::BEGIN_REQ) {
    if (requesting_ != nullptr) return refuse("BEGIN_REQ before END_REQ of the request before it");
    if (four_phase_.count(&payload) != 0)
      return refuse("BEGIN_REQ for a transaction that is still in flight");
    if (payload.has_mm()) payload.acquire();
    const std::uint32_t slot = claim();
    transactions_[slot].payload = &payload;
    four_phase_.emplace(&payload, slot);
    requesting_ = &payload;
    add(now_ps() + to_ps(delay), Action::Kind::kBegin, slot);
    schedule();
    return tlm::TLM_ACCEPTED;
  }
  if (phase == tlm::END_RESP) {
    if (responding_ != &payload) return refuse("END_RESP without BEGIN_RESP");
    end_response(delay);
    schedule();
    return tlm::TLM_COMPLETED;
  }
  return refuse("a phase that an initiator does not send");
}

void HbfModule::begin(std::uint32_t slot) {
  Payload& payload = *transactions_[slot].payload;
  const bool started = start(slot, payload);
  requesting_ = nullptr;
  tlm::tlm_phase phase = tlm::END_REQ;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  data_tsock->nb_transport_bw(payload, phase, delay);
  if (!started) add(now_ps(), Action::Kind::kDone, slot);
}

void HbfModule::send_response() {
  if (response_open_ || responses_.empty()) return;
  Transaction& t = transactions_[responses_.front()];
  responses_.pop_front();
  Payload& payload = *t.payload;
  answer(t, payload);
  responding_ = &payload;
  response_open_ = true;
  tlm::tlm_phase phase = tlm::BEGIN_RESP;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  const tlm::tlm_sync_enum answer = data_tsock->nb_transport_bw(payload, phase, delay);
  const bool ended = answer == tlm::TLM_COMPLETED || (answer == tlm::TLM_UPDATED && phase == tlm::END_RESP);
  if (!ended) return;
  if (responding_ != &payload) {
    refuse("a response that has ended is ended again");
    return;
  }
  end_response(delay);
}

/// The initiator has ended the open response; the next one may begin after `delay`.
void HbfModule::end_response(const sc_core::sc_time& delay) {
  Payload& payload = *responding_;
  responding_ = nullptr;
  const auto it = four_phase_.find(&payload);
  free_.push_back(it->second);
  four_phase_.erase(it);
  if (payload.has_mm()) payload.release();
  add(now_ps() + to_ps(delay), Action::Kind::kResponseEnded, 0);
}

// The process that drives the controller.

void HbfModule::add(TimePs at, Action::Kind kind, std::uint32_t slot) {
  agenda_.push({at, next_order_++, kind, slot});
}

void HbfModule::schedule() {
  if (driving_) return;  // drive() does it when it is through
  if (controller_->has_news()) {
    drive_event_.notify(sc_core::SC_ZERO_TIME);
    return;
  }
  TimePs next = controller_->next_event();
  if (!agenda_.empty()) next = std::min(next, agenda_.top().at);
  if (next == kNever) return;
  const TimePs now = now_ps();
  drive_event_.notify(to_sc(next > now ? next - now : 0));
}

/// Takes what has come up in the controller.
void HbfModule::collect() {
  for (const Controller::Done& d : controller_->take_done()) {
    const auto slot = static_cast<std::uint32_t>(d.tag);
    Transaction& t = transactions_[slot];
    if (!d.good) t.status = tlm::TLM_GENERIC_ERROR_RESPONSE;
    t.code = d.outcome.code;
    t.info = d.outcome.info;
    t.offset = d.outcome.address;
    add(d.at, Action::Kind::kDone, slot);
  }
  for (const Controller::Fetch& fetch : controller_->take_fetches())
    pool_.submit({false, fetch.address, fetch.data, fetch.bytes, now_ps()}, *this, fetch.id);
  const std::uint32_t causes = controller_->take_causes();
  if (causes == 0) return;
  registers_->raise(causes);
  irq_changed_.notify(sc_core::SC_ZERO_TIME);
}

void HbfModule::drive() {
  const TimePs now = now_ps();
  driving_ = true;
  controller_->advance(now);
  collect();
  while (!agenda_.empty() && agenda_.top().at <= now) {
    const Action action = agenda_.top();
    agenda_.pop();
    switch (action.kind) {
      case Action::Kind::kBegin:
        begin(action.slot);
        break;
      case Action::Kind::kDone:
        done(action.slot);
        break;
      case Action::Kind::kResponseEnded:
        response_open_ = false;
        send_response();
        break;
    }
    collect();
  }
  driving_ = false;
  schedule();
}

void HbfModule::done(std::uint32_t slot) {
  Transaction& t = transactions_[slot];
  if (t.payload == nullptr) {
    t.finished.notify();
    return;
  }
  responses_.push_back(slot);
  send_response();
}

// Memory of the chip.

engine::AccessResult HbfModule::access(bool is_write, std::uint64_t address, void* data, std::uint32_t bytes,
                                       TimePs at) {
  return engine::tlm_access(mem_isock, is_write, address, data, bytes, at, address);
}

void HbfModule::access_done(std::uint64_t cookie, const engine::AccessResult& result) {
  controller_->fetched(result.done, cookie, result.outcome.ok());
  schedule();
}

// Registers.

void HbfModule::drive_irq() { irq_out.write(registers_->irq()); }

void HbfModule::ctrl_b_transport(Payload& payload, sc_core::sc_time& delay) {
  if (delay != sc_core::SC_ZERO_TIME && in_thread()) {
    wait(delay);
    delay = sc_core::SC_ZERO_TIME;
  }
  controller_->advance(now_ps());
  const std::uint32_t causes = controller_->take_causes();
  registers_->raise(causes);
  registers_->refresh();
  serve_registers(*registers_, payload);
  if (causes != 0 || payload.is_write()) irq_changed_.notify(sc_core::SC_ZERO_TIME);
  schedule();
  delay += to_sc(kRegisterLatency);
}

unsigned HbfModule::ctrl_transport_dbg(Payload& payload) {
  registers_->refresh();
  return debug_registers(*registers_, payload);
}

}  // namespace memwall::hbf
