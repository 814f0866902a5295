// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "host/mailbox_end.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "common/error.h"
#include "host_protocol.h"
#include "regs/mailbox_regs.h"

namespace memwall::host {
namespace {
using Regs = regs::MailboxRegs;
constexpr std::uint32_t kDoorbell = 1;
constexpr std::uint64_t kPageBytes = 4096;
}  // namespace

MailboxEnd::MailboxEnd(const sc_core::sc_module_name& name, MailboxPort port, LoadSource source,
                       Progress progress)
    : sc_module(name), port_(std::move(port)), source_(std::move(source)), progress_(std::move(progress)) {}

void MailboxEnd::transport(tlm::tlm_command command, std::uint64_t address, void* bytes,
                           std::uint64_t count) {
  tlm::tlm_generic_payload payload;
  payload.set_command(command);
  payload.set_address(address);
  payload.set_data_ptr(static_cast<unsigned char*>(bytes));
  payload.set_data_length(static_cast<unsigned>(count));
  payload.set_streaming_width(static_cast<unsigned>(count));
  payload.set_byte_enable_ptr(nullptr);
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  mailbox_isock->b_transport(payload, delay);
  wait(delay);
  if (payload.is_response_error()) {
    raise_in_simulation(ModelError(
        "contract", this->name(),
        fmt::format("mailbox access at 0x{:x} answered {}", address, payload.get_response_string())));
  }
}

std::uint32_t MailboxEnd::read_word(std::uint64_t address) {
  std::uint32_t value = 0;
  transport(tlm::TLM_READ_COMMAND, address, &value, sizeof value);
  return value;
}

void MailboxEnd::write_word(std::uint64_t address, std::uint32_t value) {
  transport(tlm::TLM_WRITE_COMMAND, address, &value, sizeof value);
}

void MailboxEnd::write_ram(std::uint64_t offset, const void* bytes, std::uint64_t count) {
  transport(tlm::TLM_WRITE_COMMAND, port_.ram_offset + offset, const_cast<void*>(bytes), count);
}

void MailboxEnd::hello() {
  write_word(port_.ram_offset + HOST_HEADER_OFFSET + offsetof(host_header_t, version), HOST_PROTOCOL_VERSION);
}

void MailboxEnd::post(const void* request) {
  const std::uint64_t slot = produced_ % HOST_RING_ENTRIES;
  write_ram(HOST_REQUEST_OFFSET + slot * sizeof(host_request_t), request, sizeof(host_request_t));
  ++produced_;
  write_word(port_.ram_offset + HOST_HEADER_OFFSET + offsetof(host_header_t, request_produced), produced_);
  write_word(Regs::kChipDoorbellSetOffset, kDoorbell);
}

bool MailboxEnd::drain() {
  const std::uint32_t pending = read_word(Regs::kHostDoorbellOffset);
  if (pending) write_word(Regs::kHostDoorbellOffset, pending);
  const std::uint32_t produced =
      read_word(port_.ram_offset + HOST_HEADER_OFFSET + offsetof(host_header_t, completion_produced));
  const bool any = produced != consumed_;
  while (consumed_ != produced) {
    Completion completion{};
    static_assert(sizeof completion == sizeof(host_completion_t));
    const std::uint64_t slot = consumed_ % HOST_RING_ENTRIES;
    transport(tlm::TLM_READ_COMMAND, port_.ram_offset + HOST_COMPLETION_OFFSET + slot * sizeof completion,
              &completion, sizeof completion);
    ++consumed_;
    write_word(port_.ram_offset + HOST_HEADER_OFFSET + offsetof(host_header_t, completion_consumed),
               consumed_);
    switch (completion.type) {
      case HOST_COMPLETION_LOAD:
        serve(completion);
        break;
      case HOST_COMPLETION_PROGRESS:
        if (progress_) progress_(completion.token, completion.position);
        break;
      default:
        completed(completion);
        break;
    }
  }
  return any;
}

void MailboxEnd::serve(const Completion& load) {
  const std::uint64_t bytes = load.token, offset = load.position;
  const std::uint64_t address = load.reserved[0] | std::uint64_t{load.reserved[1]} << 32;
  const std::uint64_t stride = load.reserved[2];
  if (offset < HOST_STAGING_OFFSET || offset > port_.ram_bytes || bytes > port_.ram_bytes - offset ||
      (stride != 0 && bytes % kPageBytes != 0)) {
    refuse(fmt::format("asks for {} bytes at mailbox RAM offset 0x{:x}, outside the staging area", bytes,
                       offset));
    return;
  }
  bool there = true;
  std::vector<std::uint8_t> contents(
      bytes);  // zeros if there are none: the transfer takes its time all the same
  if (source_.read) {
    if (stride == 0) {
      there = source_.read(address, contents.data(), bytes);
    } else {
      for (std::uint64_t page = 0; page * kPageBytes < bytes; ++page)
        there =
            source_.read(address + page * stride, contents.data() + page * kPageBytes, kPageBytes) && there;
    }
  }
  if (there && bytes != 0) write_ram(offset, contents.data(), contents.size());
  if (there) loaded_bytes_ += bytes;
  host_request_t loaded{};
  loaded.opcode = HOST_REQUEST_LOADED;
  loaded.id = load.id;
  loaded.max_new_tokens = there ? 0 : 1;
  post(&loaded);
}

void MailboxEnd::refuse(const std::string& what) const {
  raise_in_simulation(WorkloadError("firmware " + what));
}

void MailboxEnd::wait_for_chip() {
  // The event marks a rising edge. An edge that came while drain() spent time on the bus shows in the level.
  if (!drain() && !port_.irq_level()) wait(*port_.irq);
}

LoadServer::LoadServer(const sc_core::sc_module_name& name, MailboxPort port, LoadSource source,
                       Progress progress)
    : MailboxEnd(name, std::move(port), std::move(source), std::move(progress)) {
  SC_HAS_PROCESS(LoadServer);
  SC_THREAD(run);
}

void LoadServer::run() {
  hello();
  for (;;) wait_for_chip();
}

void LoadServer::completed(const Completion& completion) {
  refuse(fmt::format("wrote a completion of type {} on a chip that was asked nothing", completion.type));
}

}  // namespace memwall::host
