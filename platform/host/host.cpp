// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "host/host.h"

#include <fmt/format.h>

#include <cstddef>

#include "common/error.h"
#include "host_protocol.h"
#include "regs/mailbox_regs.h"

namespace memwall::host {
namespace {
using Regs = regs::MailboxRegs;
constexpr std::uint32_t kDoorbell = 1;
}  // namespace

Host::Host(const sc_core::sc_module_name& name, Request request, Events events, const sc_core::sc_event& irq,
           std::function<bool()> irq_level, std::uint64_t ram_offset, std::uint64_t ram_bytes)
    : sc_module(name),
      request_(std::move(request)),
      events_(std::move(events)),
      irq_(irq),
      irq_level_(std::move(irq_level)),
      ram_offset_(ram_offset),
      ram_bytes_(ram_bytes) {
  const std::uint64_t room = (ram_bytes_ - HOST_TOKENS_OFFSET) / sizeof(std::uint32_t);
  if (request_.prompt.empty()) throw ConfigError("workload.prompt", "gives no token");
  if (request_.prompt.size() > room) {
    throw ConfigError("workload.prompt", fmt::format("is {} tokens long; the mailbox RAM takes {}",
                                                     request_.prompt.size(), room));
  }
  SC_HAS_PROCESS(Host);
  SC_THREAD(run);
}

void Host::transport(tlm::tlm_command command, std::uint64_t address, void* bytes, unsigned count) {
  tlm::tlm_generic_payload payload;
  payload.set_command(command);
  payload.set_address(address);
  payload.set_data_ptr(static_cast<unsigned char*>(bytes));
  payload.set_data_length(count);
  payload.set_streaming_width(count);
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

std::uint32_t Host::read_word(std::uint64_t address) {
  std::uint32_t value = 0;
  transport(tlm::TLM_READ_COMMAND, address, &value, sizeof value);
  return value;
}

void Host::write_word(std::uint64_t address, std::uint32_t value) {
  transport(tlm::TLM_WRITE_COMMAND, address, &value, sizeof value);
}

void Host::post(const void* request) {
  host_request_t entry;
  std::memcpy(&entry, request, sizeof entry);
  const std::uint64_t slot = produced_ % HOST_RING_ENTRIES;
  transport(tlm::TLM_WRITE_COMMAND, ram_offset_ + HOST_REQUEST_OFFSET + slot * sizeof entry, &entry,
            sizeof entry);
  ++produced_;
  write_word(ram_offset_ + HOST_HEADER_OFFSET + offsetof(host_header_t, request_produced), produced_);
  write_word(Regs::kChipDoorbellSetOffset, kDoorbell);
}

/// Takes what the chip has completed. True if there was anything.
bool Host::drain() {
  const std::uint32_t pending = read_word(Regs::kHostDoorbellOffset);
  if (pending) write_word(Regs::kHostDoorbellOffset, pending);
  const std::uint32_t produced =
      read_word(ram_offset_ + HOST_HEADER_OFFSET + offsetof(host_header_t, completion_produced));
  const bool any = produced != consumed_;
  while (consumed_ != produced) {
    host_completion_t completion{};
    const std::uint64_t slot = consumed_ % HOST_RING_ENTRIES;
    transport(tlm::TLM_READ_COMMAND, ram_offset_ + HOST_COMPLETION_OFFSET + slot * sizeof completion,
              &completion, sizeof completion);
    ++consumed_;
    write_word(ram_offset_ + HOST_HEADER_OFFSET + offsetof(host_header_t, completion_consumed), consumed_);
    switch (completion.type) {
      case HOST_COMPLETION_READY:
        ready_ = true;
        break;
      case HOST_COMPLETION_PREFILL_DONE:
        break;
      case HOST_COMPLETION_TOKEN:
        if (events_.token) events_.token(completion.token);
        break;
      case HOST_COMPLETION_DONE:
      case HOST_COMPLETION_ERROR:
        finished_ = true;
        status_ = completion.status;
        if (events_.finished) events_.finished(status_);
        break;
      default:
        raise_in_simulation(
            WorkloadError(fmt::format("firmware wrote a completion of unknown type {}", completion.type)));
        return any;
    }
  }
  return any;
}

void Host::wait_for_chip() {
  // The event marks a rising edge. An edge that came while drain() spent time on the bus shows in the level.
  if (!drain() && !irq_level_()) wait(irq_);
}

void Host::run() {
  write_word(ram_offset_ + HOST_HEADER_OFFSET + offsetof(host_header_t, version), HOST_PROTOCOL_VERSION);
  while (!ready_ && !finished_) wait_for_chip();
  if (ready_) generate();

  host_request_t shutdown{};
  shutdown.opcode = HOST_REQUEST_SHUTDOWN;
  shutdown.id = 2;
  post(&shutdown);
}

void Host::generate() {
  transport(tlm::TLM_WRITE_COMMAND, ram_offset_ + HOST_TOKENS_OFFSET, request_.prompt.data(),
            static_cast<unsigned>(request_.prompt.size() * sizeof(std::uint32_t)));
  host_request_t request{};
  request.opcode = HOST_REQUEST_GENERATE;
  request.id = 1;
  request.prompt_offset = HOST_TOKENS_OFFSET;
  request.prompt_tokens = static_cast<std::uint32_t>(request_.prompt.size());
  request.max_new_tokens = request_.max_new_tokens;
  request.eos_token = request_.eos_token;
  request.temperature = request_.temperature;
  request.top_p = request_.top_p;
  request.top_k = request_.top_k;
  request.seed = request_.seed;
  post(&request);
  if (events_.posted) events_.posted();
  while (!finished_) wait_for_chip();
}

}  // namespace memwall::host
