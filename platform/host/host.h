// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Model of the host computer: posts one generation request to chip 0 through the mailbox (rings and
/// doorbell, firmware/include/host_protocol.h), takes tokens from the completion ring and then asks the
/// firmware to shut down. It computes nothing that belongs to the model. Not modelled: host software time,
/// more than one request in flight.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <systemc>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/time.h"

namespace memwall::host {

struct Request {
  std::vector<std::uint32_t> prompt;  ///< at least one token
  std::uint32_t max_new_tokens = 1;
  std::uint32_t eos_token = 0xffffffff;
  float temperature = 0;
  float top_p = 1;
  std::uint32_t top_k = 1;
  std::uint64_t seed = 1;
};

/// What the host saw, as it happens.
struct Events {
  std::function<void()> posted;                        ///< the request's doorbell has been rung
  std::function<void(std::uint32_t token)> token;      ///< a token has arrived
  std::function<void(std::uint32_t status)> finished;  ///< HOST_STATUS_*; before the shutdown request
};

class Host : public sc_core::sc_module {
 public:
  /// To the mailbox's host side: registers at 0, shared RAM at `ram_offset`.
  tlm_utils::simple_initiator_socket<Host> mailbox_isock{"mailbox_isock"};

  /// `irq` is the mailbox's event to the host, `irq_level` its interrupt line; both must outlive this module.
  Host(const sc_core::sc_module_name& name, Request request, Events events, const sc_core::sc_event& irq,
       std::function<bool()> irq_level, std::uint64_t ram_offset, std::uint64_t ram_bytes);

  /// True once the firmware has answered the request, well or badly.
  bool finished() const { return finished_; }
  std::uint32_t status() const { return status_; }

 private:
  void run();
  void generate();
  bool drain();
  void transport(tlm::tlm_command command, std::uint64_t address, void* bytes, unsigned count);
  std::uint32_t read_word(std::uint64_t address);
  void write_word(std::uint64_t address, std::uint32_t value);
  void post(const void* request);
  void wait_for_chip();

  Request request_;
  Events events_;
  const sc_core::sc_event& irq_;
  std::function<bool()> irq_level_;
  std::uint64_t ram_offset_;
  std::uint64_t ram_bytes_;
  std::uint32_t produced_ = 0;
  std::uint32_t consumed_ = 0;
  bool ready_ = false;
  bool finished_ = false;
  std::uint32_t status_ = 0;
};

}  // namespace memwall::host
