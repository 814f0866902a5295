// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Model of the host computer: posts one generation request to chip 0 through the mailbox (rings and
/// doorbell, firmware/include/host_protocol.h), takes tokens from the completion ring and then asks the
/// firmware to shut down. Until then, and before, it serves what the chip loads into its HBF (mailbox_end.h).
/// It computes nothing that belongs to the model. Not modelled: more than one request in flight.
#pragma once

#include <systemc>

#include <cstdint>
#include <functional>
#include <vector>

#include "host/mailbox_end.h"

namespace memwall::host {

struct Request {
  std::vector<std::uint32_t> prompt;  ///< at least one token
  std::uint32_t frozen_tokens = 0;    ///< first tokens of it that are frozen in HBF before the request
  std::uint32_t max_new_tokens = 1;
  std::uint32_t eos_token = 0xffffffff;
  float temperature = 0;
  float top_p = 1;
  std::uint32_t top_k = 1;
  std::uint64_t seed = 1;
};

/// What the host saw, as it happens.
struct Events {
  std::function<void()> ready;                         ///< the firmware takes requests from now on
  std::function<void()> frozen;                        ///< the context is in HBF
  std::function<void()> posted;                        ///< the request's doorbell has been rung
  std::function<void(std::uint32_t token)> token;      ///< a token has arrived
  std::function<void(std::uint32_t status)> finished;  ///< HOST_STATUS_*; before the shutdown request
};

class Host : public MailboxEnd {
 public:
  Host(const sc_core::sc_module_name& name, Request request, Events events, MailboxPort port,
       LoadSource source, Progress progress);

  /// True once the firmware has answered the request, well or badly.
  bool finished() const { return finished_; }
  std::uint32_t status() const { return status_; }

 private:
  void run();
  void freeze();
  void generate();
  void finish(std::uint32_t status);
  void ask(std::uint32_t opcode, std::uint32_t tokens, std::uint32_t frozen_tokens);
  bool answered_ = false;
  void completed(const Completion& completion) override;

  Request request_;
  Events events_;
  bool ready_ = false;
  bool finished_ = false;
  std::uint32_t status_ = 0;
};

}  // namespace memwall::host
