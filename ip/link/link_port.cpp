// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "link/link_port.h"

#include <algorithm>

#include "common/register_tlm.h"
#include "common/sc_time.h"
#include "common/tlm_traffic.h"
#include "engine/tlm_access.h"
#include "regs/link_regs.h"

namespace memwall::link {
namespace {
TimePs sim_now() { return to_ps(sc_core::sc_time_stamp()); }
}  // namespace

/// Register side effects: enable, reset, post, interrupt causes.
class LinkPort::Registers : public regs::LinkRegs {
 public:
  explicit Registers(LinkPort& port) : port_(port) { set_replay_limit_count(port.config_.replay_limit); }

  void raise(std::uint32_t causes) { set_irq_status(irq_status() | causes); }
  bool irq() const { return (irq_status() & irq_enable()) != 0; }

 protected:
  void on_write_control(std::uint32_t /*written*/) override {
    const bool on = control_enable() != 0;
    const bool reset = control_reset() != 0;
    set_control_reset(0);
    Endpoint& endpoint = port_.endpoint_;
    if (on != (endpoint.state() != Endpoint::State::kOff)) {
      endpoint.enable(on, port_.local_now_);
    } else if (reset) {
      endpoint.reset(port_.local_now_);
    }
    if (reset) {
      for (std::uint32_t i = 0; i < kSignalCountCount; ++i) set_signal_count(i, 0);
    }
  }
  void on_write_tx_post(std::uint32_t /*written*/) override {
    if (tx_post_post() == 0) return;
    set_tx_post_post(0);
    Message message;
    message.source = std::uint64_t{tx_src_hi()} << 32 | tx_src_lo();
    message.offset = tx_dst();
    message.length = tx_length_bytes();
    message.signal = tx_signal_index();
    port_.endpoint_.post(message, port_.local_now_);
  }
  void on_write_irq_status(std::uint32_t /*written*/) override {}
  void on_write_irq_enable(std::uint32_t /*written*/) override {}

 private:
  LinkPort& port_;
};

LinkPort::LinkPort(const sc_core::sc_module_name& name, const Config& config)
    : sc_module(name),
      ctrl_tsock("ctrl_tsock"),
      mem_isock("mem_isock"),
      inbox_isock("inbox_isock"),
      tx_isock("tx_isock"),
      rx_tsock("rx_tsock"),
      irq_out("irq_out"),
      config_(config),
      endpoint_((check(config, this->name()), config)),
      faults_(config, this->name()),
      registers_(std::make_unique<Registers>(*this)) {
  ctrl_tsock.register_b_transport(this, &LinkPort::ctrl_b_transport);
  ctrl_tsock.register_transport_dbg(this, &LinkPort::ctrl_transport_dbg);
  rx_tsock.register_b_transport(this, &LinkPort::rx_b_transport);
  SC_HAS_PROCESS(LinkPort);
  SC_THREAD(transmit_process);
  SC_METHOD(receive_process);
  sensitive << receive_event_;
  dont_initialize();
  SC_THREAD(deliver_process);
  SC_METHOD(irq_process);
  sensitive << irq_event_;
}

LinkPort::~LinkPort() = default;

void LinkPort::ctrl_b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  local_now_ = sim_now() + to_ps(delay);
  refresh_registers();
  serve_registers(*registers_, payload);
  if (!payload.is_write()) return;
  endpoint_.set_replay_limit(registers_->replay_limit_count());
  take_events();
  update_irq();
  transmit_event_.notify(sc_core::SC_ZERO_TIME);
}

unsigned LinkPort::ctrl_transport_dbg(tlm::tlm_generic_payload& payload) {
  refresh_registers();
  return debug_registers(*registers_, payload);
}

void LinkPort::refresh_registers() {
  const Counters& counters = endpoint_.counters();
  Registers& r = *registers_;
  r.set_status_up(endpoint_.state() == Endpoint::State::kUp ? 1 : 0);
  r.set_status_down(endpoint_.state() == Endpoint::State::kDown ? 1 : 0);
  r.set_status_tx_busy(endpoint_.tx_busy() ? 1 : 0);
  r.set_status_peer(endpoint_.peer_chip());
  r.set_status_tx_free(endpoint_.tx_free());
  r.set_tx_posted(static_cast<std::uint32_t>(counters.messages_posted));
  r.set_tx_acked(static_cast<std::uint32_t>(counters.messages_acked));
  r.set_tx_rejected(static_cast<std::uint32_t>(counters.messages_rejected));
  r.set_crc_errors(static_cast<std::uint32_t>(counters.crc_errors));
  r.set_replays(static_cast<std::uint32_t>(counters.replays));
  r.set_rx_errors(static_cast<std::uint32_t>(delivery_errors_));
}

void LinkPort::take_events() {
  const Endpoint::Events events = endpoint_.take_events();
  std::uint32_t causes = 0;
  if (events.went_down) causes |= regs::LinkRegs::kIrqStatusDownMask;
  if (events.message_acked) causes |= regs::LinkRegs::kIrqStatusTxDoneMask;
  if (events.message_rejected) causes |= regs::LinkRegs::kIrqStatusTxErrorMask;
  if (causes == 0) return;
  registers_->raise(causes);
  update_irq();
}

void LinkPort::update_irq() { irq_event_.notify(sc_core::SC_ZERO_TIME); }

void LinkPort::irq_process() { irq_out.write(registers_->irq()); }

void LinkPort::transmit_process() {
  for (;;) {
    const TimePs now = sim_now();
    while (const auto request = endpoint_.next_fetch(now)) fetch(*request);
    const TimePs fetched = take_fetched(now);
    TimePs wake = kNever;
    std::optional<WireFlit> flit = endpoint_.transmit(now, wake);
    wake = std::min(wake, fetched);
    take_events();
    if (flit) {
      send(std::move(*flit));
      wait(to_sc(config_.flit_time()));
    } else if (wake == kNever) {
      wait(transmit_event_);
    } else {
      wait(to_sc(wake - now), transmit_event_);
    }
  }
}

void LinkPort::fetch(const Endpoint::Fetch& request) {
  readings_.push_back({request, std::vector<unsigned char>(request.bytes), false, {}});
  void* const data = config_.traffic_only ? nullptr : readings_.back().data.data();
  pool_.submit({false, request.address, data, request.bytes, sim_now()}, *this,
               readings_before_ + readings_.size() - 1);
}

engine::AccessResult LinkPort::access(bool is_write, std::uint64_t address, void* data, std::uint32_t bytes,
                                      TimePs at) {
  return engine::tlm_access(mem_isock, is_write, address, data, bytes, at, address);
}

void LinkPort::access_done(std::uint64_t cookie, const engine::AccessResult& result) {
  Reading& reading = readings_[cookie - readings_before_];
  reading.answered = true;
  reading.result = result;
  transmit_event_.notify(sc_core::SC_ZERO_TIME);
}

TimePs LinkPort::take_fetched(TimePs now) {
  while (!readings_.empty() && readings_.front().answered) {
    const Reading& reading = readings_.front();
    // In order: one that fails counts once those before it are there.
    fetched_until_ = std::max(fetched_until_, reading.result.done);
    if (reading.result.outcome.ok()) {
      endpoint_.supply(reading.request, reading.data.data(), fetched_until_);
    } else if (fetched_until_ > now) {
      return fetched_until_;
    } else {
      endpoint_.fetch_failed(reading.request);
    }
    readings_.pop_front();
    ++readings_before_;
  }
  return kNever;
}

void LinkPort::send(WireFlit flit) {
  line_busy_ += config_.flit_time();
  if (!faults_.apply(sim_now(), flit)) return;
  tlm::tlm_generic_payload payload;
  payload.set_command(tlm::TLM_WRITE_COMMAND);
  payload.set_address(0);
  payload.set_data_ptr(flit.data());
  payload.set_data_length(static_cast<unsigned>(flit.size()));
  payload.set_streaming_width(static_cast<unsigned>(flit.size()));
  sc_core::sc_time delay = to_sc(config_.flit_time() + config_.latency);
  tx_isock->b_transport(payload, delay);
}

void LinkPort::rx_b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  if (!payload.is_write() || payload.get_byte_enable_ptr() != nullptr) {
    payload.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
    return;
  }
  const unsigned char* data = payload.get_data_ptr();
  Arrival arrival{sim_now() + to_ps(delay), WireFlit(data, data + payload.get_data_length())};
  const auto later = std::upper_bound(wire_.begin(), wire_.end(), arrival.time,
                                      [](TimePs t, const Arrival& other) { return t < other.time; });
  wire_.insert(later, std::move(arrival));
  receive_event_.notify(to_sc(wire_.front().time - sim_now()));
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

void LinkPort::receive_process() {
  const TimePs now = sim_now();
  while (!wire_.empty() && wire_.front().time <= now) {
    const WireFlit flit = std::move(wire_.front().flit);
    wire_.pop_front();
    endpoint_.receive(now, flit.data(), flit.size());
  }
  if (!wire_.empty()) receive_event_.notify(to_sc(wire_.front().time - now));
  take_events();
  transmit_event_.notify(sc_core::SC_ZERO_TIME);
  deliver_event_.notify(sc_core::SC_ZERO_TIME);
}

void LinkPort::deliver_process() {
  bool message_failed = false;
  for (;;) {
    auto delivery = endpoint_.next_delivery();
    if (!delivery) {
      wait(deliver_event_);
      continue;
    }
    TrafficExtension traffic;
    traffic.is_write = true;
    tlm::tlm_generic_payload payload;
    payload.set_address(config_.inbox_base + delivery->offset);
    payload.set_data_ptr(delivery->data.data());
    payload.set_data_length(static_cast<unsigned>(delivery->data.size()));
    payload.set_streaming_width(static_cast<unsigned>(delivery->data.size()));
    payload.set_command(config_.traffic_only ? tlm::TLM_IGNORE_COMMAND : tlm::TLM_WRITE_COMMAND);
    if (config_.traffic_only) payload.set_extension(&traffic);
    sc_core::sc_time delay;
    inbox_isock->b_transport(payload, delay);
    if (config_.traffic_only) payload.clear_extension(&traffic);
    if (delay != sc_core::SC_ZERO_TIME) wait(delay);
    if (!payload.is_response_ok()) message_failed = true;
    if (delivery->last) {
      if (message_failed) {
        ++delivery_errors_;
      } else {
        registers_->set_signal_count(delivery->signal, registers_->signal_count(delivery->signal) + 1);
        registers_->raise(regs::LinkRegs::kIrqStatusSignalMask);
        update_irq();
      }
      message_failed = false;
    }
    endpoint_.delivered(*delivery, sim_now());
    transmit_event_.notify(sc_core::SC_ZERO_TIME);
  }
}

void LinkPort::report(StatSink& sink) const {
  const Counters& c = endpoint_.counters();
  const double wire_bits = 8.0 * config_.flit_bytes * static_cast<double>(c.flits_sent);
  sink.count("messages_sent", c.messages_acked, "messages", "Messages acknowledged by the peer.");
  sink.count("messages_received", c.messages_received, "messages", "Messages received completely.");
  sink.count("messages_rejected", c.messages_rejected, "messages",
             "Posts refused and messages whose source could not be read.");
  sink.count("tx_bytes", c.payload_bytes_sent, "bytes", "Payload bytes sent, without replays.");
  sink.count("rx_bytes", c.payload_bytes_received, "bytes", "Payload bytes accepted.");
  sink.count("flits_sent", c.flits_sent, "flits",
             "Flits sent: data, replays, acknowledgements and training.");
  sink.count("flits_replayed", c.flits_replayed, "flits", "Data flits sent again.");
  sink.count("crc_errors", c.crc_errors, "flits", "Flits received with a wrong CRC.");
  sink.count("replays", c.replays, "replays", "Replays of the transmit window, by NAK or time-out.");
  sink.count("timeouts", c.timeouts, "timeouts", "Times nothing was acknowledged for the replay time-out.");
  sink.count("credit_stalls", c.credit_stalls, "stalls",
             "Times a flit was ready and the peer had no buffer for it.");
  sink.count("delivery_errors", delivery_errors_, "messages", "Messages that the inbox memory refused.");
  sink.amount("line_busy_ns", static_cast<double>(line_busy_) / kPsPerNs, "ns",
              "Time this port drove its line.");
  sink.amount("energy_pj", wire_bits * config_.energy_pj_per_bit, "pJ",
              "Bits driven, headers and replays included, times the energy per bit.");
  sink.level("peak_gbytes_per_s", config_.peak_payload_gbytes_per_s(), "gbytes_per_s",
             "Payload bandwidth of one direction: raw bandwidth less header and CRC.");
}

}  // namespace memwall::link
