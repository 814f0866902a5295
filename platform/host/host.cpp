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
    case HOST_COMPLETION_ERROR:
      finished_ = true;
      status_ = completion.status;
      if (events_.finished) events_.finished(status_);
      break;
    default:
      refuse(fmt::format("wrote a completion of unknown type {}", completion.type));
  }
}

void Host::run() {
  hello();
  while (!ready_ && !finished_) wait_for_chip();
  if (ready_) generate();

  host_request_t shutdown{};
  shutdown.opcode = HOST_REQUEST_SHUTDOWN;
  shutdown.id = 2;
  post(&shutdown);
  for (;;) wait_for_chip();
}

void Host::generate() {
  write_ram(HOST_TOKENS_OFFSET, request_.prompt.data(), request_.prompt.size() * sizeof(std::uint32_t));
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
