// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/module.h"

#include <algorithm>
#include <cstring>

#include "common/register_tlm.h"
#include "common/sc_time.h"
#include "common/tlm_check.h"
#include "common/tlm_traffic.h"
#include "regs/hbf_regs.h"

namespace memwall::hbf {

/// Register side effects: retry control and fault injection.
class HbfModule::Registers : public regs::HbfRegs {
 public:
  explicit Registers(Core& core) : core_(core) {
    const Config& config = core.config();
    set_capacity_mib(static_cast<std::uint32_t>(config.capacity_bytes >> 20));
    set_geometry0_channels(config.channels);
    set_geometry0_dies(config.dies_per_channel);
    set_geometry0_planes(config.planes_per_die);
    set_geometry1_pages_per_block(config.pages_per_block);
    set_t_read_ns(static_cast<std::uint32_t>(config.timing.tR / kPsPerNs));
    set_t_program_ns(static_cast<std::uint32_t>(config.timing.tPROG / kPsPerNs));
  }

  void record_failure(const Completion& failure) {
    set_status_code(failure.code);
    set_status_info(failure.info);
    set_status_write(failure.is_write ? 1 : 0);
    set_fault_address_lo(static_cast<std::uint32_t>(failure.fault_address));
    set_fault_address_hi(static_cast<std::uint32_t>(failure.fault_address >> 32));
  }

 protected:
  void on_write_control(std::uint32_t /*written*/) override {
    core_.set_retry(control_retry_mode() != 0 ? Core::RetryMode::kHost : Core::RetryMode::kAuto,
                    control_retry_stage());
    if (control_clear_status() != 0) {
      set_control_clear_status(0);
      record_failure(Completion{});
    }
  }
  void on_write_inject(std::uint32_t /*written*/) override {
    if (inject_fire() == 0) return;
    set_inject_fire(0);
    if (inject_kind() > static_cast<std::uint32_t>(FaultKind::kProgramFail)) return;
    const std::uint64_t address = std::uint64_t{inject_address_hi()} << 32 | inject_address_lo();
    core_.inject({address, static_cast<FaultKind>(inject_kind()), inject_retry_stages()});
  }

 private:
  Core& core_;
};

HbfModule::HbfModule(const sc_core::sc_module_name& name, const Config& config)
    : sc_module(name),
      data_tsock("data_tsock"),
      ctrl_tsock("ctrl_tsock"),
      core_((check(config, config.name), config), this->name()),
      contents_(config.capacity_bytes, 0xff),
      registers_(std::make_unique<Registers>(core_)) {
  data_tsock.register_b_transport(this, &HbfModule::data_b_transport);
  data_tsock.register_nb_transport_fw(this, &HbfModule::data_nb_transport);
  data_tsock.register_transport_dbg(this, &HbfModule::data_transport_dbg);
  ctrl_tsock.register_b_transport(this, &HbfModule::ctrl_b_transport);
  ctrl_tsock.register_transport_dbg(this, &HbfModule::ctrl_transport_dbg);
  SC_HAS_PROCESS(HbfModule);
  SC_METHOD(respond_process);
  sensitive << respond_event_;
  dont_initialize();
}

HbfModule::~HbfModule() = default;

void HbfModule::data_b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  const Access access = access_of(payload);
  if (!access.valid) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    return;
  }
  const tlm::tlm_response_status shape = check_shape(payload);
  if (shape != tlm::TLM_OK_RESPONSE) {
    payload.set_response_status(shape);
    return;
  }
  const std::uint64_t address = payload.get_address();
  const std::uint64_t bytes = payload.get_data_length();
  const TimePs now = to_ps(sc_core::sc_time_stamp());
  const TimePs arrival = now + to_ps(delay);
  unsigned char* data = access.has_data ? payload.get_data_ptr() : nullptr;
  Completion failure;
  const TimePs done = access.is_write ? write(arrival, address, bytes, data, failure)
                                      : read(arrival, address, bytes, data, failure);
  delay = to_sc(done - now);
  if (failure.ok()) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    return;
  }
  registers_->record_failure(failure);
  payload.set_response_status(contents_.contains(address, bytes) ? tlm::TLM_GENERIC_ERROR_RESPONSE
                                                                 : tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

tlm::tlm_sync_enum HbfModule::data_nb_transport(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                                sc_core::sc_time& delay) {
  if (phase == tlm::BEGIN_REQ) {
    if (payload.has_mm()) payload.acquire();
    sc_core::sc_time done = delay;
    data_b_transport(payload, done);
    responses_.emplace(to_ps(sc_core::sc_time_stamp() + done), &payload);
    respond_event_.notify(sc_core::SC_ZERO_TIME);
    phase = tlm::END_REQ;
    return tlm::TLM_UPDATED;
  }
  if (phase == tlm::END_RESP) {
    end_response(payload, delay);
    return tlm::TLM_COMPLETED;
  }
  return tlm::TLM_ACCEPTED;
}

void HbfModule::respond_process() {
  if (responding_ || responses_.empty()) return;
  const TimePs now = to_ps(sc_core::sc_time_stamp());
  const auto next = responses_.begin();
  const TimePs due = std::max(next->first, response_free_);
  if (due > now) {
    respond_event_.notify(to_sc(due - now));
    return;
  }
  tlm::tlm_generic_payload& payload = *next->second;
  responses_.erase(next);
  responding_ = true;
  tlm::tlm_phase phase = tlm::BEGIN_RESP;
  sc_core::sc_time delay;
  const tlm::tlm_sync_enum answer = data_tsock->nb_transport_bw(payload, phase, delay);
  const bool ended = answer == tlm::TLM_COMPLETED || (answer == tlm::TLM_UPDATED && phase == tlm::END_RESP);
  if (ended) end_response(payload, delay);
}

void HbfModule::end_response(tlm::tlm_generic_payload& payload, const sc_core::sc_time& delay) {
  responding_ = false;
  response_free_ = to_ps(sc_core::sc_time_stamp() + delay);
  if (payload.has_mm()) payload.release();
  respond_event_.notify(delay);
}

TimePs HbfModule::read(TimePs arrival, std::uint64_t address, std::uint64_t bytes, unsigned char* out,
                       Completion& first_failure) {
  first_failure = core_.access(arrival, address, bytes, false);
  if (out != nullptr) {
    if (first_failure.ok()) {
      contents_.read(address, out, bytes);
    } else {
      std::memset(out, 0xff, bytes);
    }
  }
  return first_failure.done;
}

TimePs HbfModule::write(TimePs arrival, std::uint64_t address, std::uint64_t bytes, const unsigned char* in,
                        Completion& first_failure) {
  if (!contents_.contains(address, bytes)) {
    first_failure = core_.access(arrival, address, bytes, true);
    return first_failure.done;
  }
  TimePs done = arrival;
  for (std::uint64_t at = address; at < address + bytes;) {
    const std::uint64_t n = std::min(kPageBytes - at % kPageBytes, address + bytes - at);
    const std::uint64_t erases = core_.counters().erases;
    const Completion page = core_.access(arrival, at, n, true);
    done = std::max(done, page.done);
    if (core_.counters().erases != erases) erase_contents(at);
    if (page.ok() && in != nullptr) contents_.write(at, in + (at - address), n);
    if (first_failure.ok() && !page.ok()) first_failure = page;
    at += n;
  }
  return done;
}

void HbfModule::erase_contents(std::uint64_t address) {
  const Core::BlockPages pages = core_.block_pages(address);
  for (std::uint64_t i = 0; i < pages.count; ++i) contents_.clear(pages.first + i * pages.stride, kPageBytes);
}

unsigned HbfModule::data_transport_dbg(tlm::tlm_generic_payload& payload) {
  const Access access = access_of(payload);
  const std::uint64_t address = payload.get_address();
  if (!access.valid || address >= contents_.size()) return 0;
  const std::uint64_t bytes = std::min<std::uint64_t>(payload.get_data_length(), contents_.size() - address);
  if (access.is_write) {
    if (access.has_data) contents_.write(address, payload.get_data_ptr(), bytes);
    core_.mark_programmed(address, bytes);
  } else if (access.has_data) {
    contents_.read(address, payload.get_data_ptr(), bytes);
  }
  return static_cast<unsigned>(bytes);
}

void HbfModule::update_counter_registers() {
  const Counters& counters = core_.counters();
  registers_->set_ecc_corrected(static_cast<std::uint32_t>(counters.corrected));
  registers_->set_ecc_retried(static_cast<std::uint32_t>(counters.retried));
  registers_->set_ecc_uncorrected(static_cast<std::uint32_t>(counters.uncorrectable));
  registers_->set_senses(static_cast<std::uint32_t>(counters.senses));
  registers_->set_programs(static_cast<std::uint32_t>(counters.programs));
  registers_->set_erases(static_cast<std::uint32_t>(counters.erases));
}

void HbfModule::ctrl_b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& /*delay*/) {
  update_counter_registers();
  serve_registers(*registers_, payload);
}

unsigned HbfModule::ctrl_transport_dbg(tlm::tlm_generic_payload& payload) {
  update_counter_registers();
  return debug_registers(*registers_, payload);
}

void HbfModule::report(StatSink& sink) const {
  const Counters& c = core_.counters();
  const Config& config = core_.config();
  const auto ns = [](TimePs t) { return static_cast<double>(t) / kPsPerNs; };
  sink.count("read_bytes", c.read_bytes, "bytes", "Bytes delivered by reads, in whole 64 B chunks.");
  sink.count("write_bytes", c.write_bytes, "bytes", "Bytes programmed.");
  sink.count("page_reads", c.reads, "pages", "Pages touched by reads.");
  sink.count("senses", c.senses, "senses", "Page senses, retries included.");
  sink.count("buffer_hits", c.buffer_hits, "pages", "Page reads served from a page buffer without a sense.");
  sink.count("evictions", c.evictions, "pages", "Pages displaced from a page buffer by a later sense.");
  sink.count("programs", c.programs, "pages", "Page programs.");
  sink.count("erases", c.erases, "blocks", "Block erases, each by a write to page 0.");
  sink.count("refused_writes", c.refused_writes, "pages",
             "Page writes refused: partial, out of order or after a failure.");
  sink.count("ecc_corrected", c.corrected, "senses", "Senses with corrected bit errors.");
  sink.count("ecc_retried", c.retried, "pages", "Page reads that needed a retry stage.");
  sink.count("ecc_uncorrectable", c.uncorrectable, "pages", "Page reads that stayed uncorrectable.");
  sink.amount("sense_busy_ns", ns(c.sense_busy), "ns", "Time spent sensing, summed over banks.");
  sink.amount("program_busy_ns", ns(c.program_busy), "ns",
              "Time spent programming and erasing, summed over banks.");
  sink.amount("read_latency_ns", ns(c.read_latency), "ns",
              "Time from arrival to last byte, summed over read transactions (sense time that prefetching "
              "did not hide).");
  sink.count("read_accesses", c.read_accesses, "requests", "Read transactions.");
  sink.amount(
      "energy_pj", core_.energy_pj(), "pJ",
      "Sensed, programmed and moved bits times the preset's energies per bit; sensing is a bound derived "
      "from published power and bandwidth.");
  sink.level("peak_read_gbytes_per_s", config.peak_read_gbytes_per_s(), "gbytes_per_s",
             "The smaller of planes x page / tR and the channel links together.");
  sink.level("capacity_bytes", static_cast<double>(config.capacity_bytes), "bytes", "Addressable capacity.");
  sink.level("resident_host_bytes", static_cast<double>(contents_.resident_bytes()), "bytes",
             "Host memory that holds the cube's contents.");
}

}  // namespace memwall::hbf
