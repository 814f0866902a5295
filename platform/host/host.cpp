// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "host/host.h"

#include <fmt/format.h>

#include "common/error.h"
#include "host_protocol.h"

namespace memwall::host {

Host::Host(const sc_core::sc_module_name& name, Request request, Events events, MailboxPort port,
           LoadSource source, Progress progress)
    : MailboxEnd(name, std::move(port), std::move(source), std::move(progress)),
      request_(std::move(request)),
      events_(std::move(events)) {
  const std::uint64_t room = (HOST_STAGING_OFFSET - HOST_TOKENS_OFFSET) / sizeof(std::uint32_t);
  if (request_.prompt.empty()) throw ConfigError("workload.prompt", "gives no token");
  if (request_.prompt.size() > room) {
    throw ConfigError("workload.prompt", fmt::format("is {} tokens long; the mailbox RAM takes {}",
                                                     request_.prompt.size(), room));
  }
  SC_HAS_PROCESS(Host);
  SC_THREAD(run);
}

void Host::completed(const Completion& completion) {
  switch (completion.type) {
    case HOST_COMPLETION_READY:
      ready_ = true;
      if (events_.ready) events_.ready();
      break;
    case HOST_COMPLETION_PREFILL_DONE:
      break;
    case HOST_COMPLETION_TOKEN:
      if (events_.token) events_.token(completion.token);
      break;
    case HOST_COMPLETION_DONE:
      answered_ = true;
      status_ = completion.status;
      break;
    case HOST_COMPLETION_ERROR:
      finish(completion.status);
      break;
    default:
      refuse(fmt::format("wrote a completion of unknown type {}", completion.type));
  }
}

/// The request has been answered, or will never be.
void Host::finish(std::uint32_t status) {
  answered_ = finished_ = true;
  status_ = status;
  if (events_.finished) events_.finished(status_);
}

void Host::run() {
  hello();
  while (!ready_ && !finished_) wait_for_chip();
  if (!finished_ && request_.frozen_tokens != 0) freeze();
  if (!finished_) generate();

  host_request_t shutdown{};
  shutdown.opcode = HOST_REQUEST_SHUTDOWN;
  shutdown.id = 3;
  post(&shutdown);
  for (;;) wait_for_chip();
}

void Host::ask(std::uint32_t opcode, std::uint32_t tokens, std::uint32_t frozen_tokens) {
  host_request_t request{};
  request.opcode = opcode;
  request.id = opcode == HOST_REQUEST_FREEZE ? 1 : 2;
  request.prompt_offset = HOST_TOKENS_OFFSET;
  request.prompt_tokens = tokens;
  request.frozen_tokens = frozen_tokens;
  request.max_new_tokens = request_.max_new_tokens;
  request.eos_token = request_.eos_token;
  request.temperature = request_.temperature;
  request.top_p = request_.top_p;
  request.top_k = request_.top_k;
  request.seed = request_.seed;
  answered_ = false;
  write_ram(HOST_TOKENS_OFFSET, request_.prompt.data(), tokens * sizeof(std::uint32_t));
  post(&request);
}

void Host::freeze() {
  ask(HOST_REQUEST_FREEZE, request_.frozen_tokens, 0);
  while (!answered_) wait_for_chip();
  if (finished_) return;
  if (status_ != HOST_STATUS_OK) return finish(status_);
  if (events_.frozen) events_.frozen();
}

void Host::generate() {
  ask(HOST_REQUEST_GENERATE, static_cast<std::uint32_t>(request_.prompt.size()), request_.frozen_tokens);
  if (events_.posted) events_.posted();
  while (!answered_) wait_for_chip();
  if (!finished_) finish(status_);
}

}  // namespace memwall::host
