// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "soc/dma.h"

#include <algorithm>

#include "common/error.h"

namespace memwall::soc {

bool DmaCore::take_start() {
  const bool start = start_;
  start_ = false;
  return start;
}

void DmaCore::on_write_control(std::uint32_t written) {
  set_control_start(0);
  if ((written & kControlStartMask) == 0) return;
  if (status_busy() != 0) {
    set_status_start_ignored(1);
    return;
  }
  set_status_busy(1);
  set_status_error_code(StatusErrorCode::kOk);
  set_done_bytes(0);
  copy_ = {static_cast<std::uint64_t>(src_hi()) << 32 | src_lo(),
           static_cast<std::uint64_t>(dst_hi()) << 32 | dst_lo(), length()};
  start_ = true;
}

void DmaCore::finish(StatusErrorCode code) {
  set_status_busy(0);
  set_status_done(1);
  set_status_error_code(code);
}

Dma::Dma(const sc_core::sc_module_name& name, const Config& config)
    : Peripheral(name, config.register_access_ns), mem_isock("mem_isock"), buffer_(config.chunk_bytes) {
  if (config.chunk_bytes == 0) throw ConfigError("dma.chunk_bytes", "must be positive");
  attach(core_);
  sc_core::sc_spawn([this] { run(); }, "run");
}

void Dma::accessed() {
  if (core_.take_start()) start_event_.notify(local_offset());
}

void Dma::run() {
  using Code = regs::DmaRegs::StatusErrorCode;
  while (true) {
    sc_core::wait(start_event_);
    const DmaCore::Copy copy = core_.copy();
    Code code = Code::kOk;
    for (std::uint64_t at = 0; at < copy.bytes && code == Code::kOk;) {
      const auto bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(buffer_.size(), copy.bytes - at));
      code = copy_chunk(copy.source + at, copy.destination + at, bytes);
      if (code == Code::kOk) core_.progress(bytes);
      at += bytes;
    }
    ++copies_;
    core_.finish(code);
    refresh();
  }
}

regs::DmaRegs::StatusErrorCode Dma::copy_chunk(std::uint64_t source, std::uint64_t destination,
                                               std::uint32_t bytes) {
  using Code = regs::DmaRegs::StatusErrorCode;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  const auto read = transfer(tlm::TLM_READ_COMMAND, source, bytes, delay);
  sc_core::wait(delay);
  if (read != tlm::TLM_OK_RESPONSE) {
    return read == tlm::TLM_ADDRESS_ERROR_RESPONSE ? Code::kReadAddress : Code::kReadFailed;
  }
  delay = sc_core::SC_ZERO_TIME;
  const auto write = transfer(tlm::TLM_WRITE_COMMAND, destination, bytes, delay);
  sc_core::wait(delay);
  if (write != tlm::TLM_OK_RESPONSE) {
    return write == tlm::TLM_ADDRESS_ERROR_RESPONSE ? Code::kWriteAddress : Code::kWriteFailed;
  }
  bytes_copied_ += bytes;
  return Code::kOk;
}

tlm::tlm_response_status Dma::transfer(tlm::tlm_command command, std::uint64_t address, std::uint32_t bytes,
                                       sc_core::sc_time& delay) {
  tlm::tlm_generic_payload payload;
  payload.set_command(command);
  payload.set_address(address);
  payload.set_data_ptr(buffer_.data());
  payload.set_data_length(bytes);
  payload.set_streaming_width(bytes);
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  mem_isock->b_transport(payload, delay);
  return payload.get_response_status();
}

void Dma::report(StatSink& sink) const {
  sink.count("copies", copies_, "copies", "Copies finished or failed.");
  sink.count("bytes_copied", bytes_copied_, "bytes", "Bytes read and written.");
}

}  // namespace memwall::soc
