// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The host's end of one chip's mailbox: rings, doorbells, and the contents that the chip asks for to write
/// them into its HBF (firmware/include/host_protocol.h). A host access costs the mailbox's host latency,
/// whatever its length; not modelled: the host's memory and bus bandwidth, host software time.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <systemc>

#include <cstdint>
#include <functional>
#include <string>

namespace memwall::host {

/// What belongs into the HBF cubes of a chip.
struct LoadSource {
  /// Copies `bytes` bytes of what belongs at chip address `address`. False: nothing belongs there. Null:
  /// contents do not exist (data = "none"), only the time to fetch them passes.
  std::function<bool(std::uint64_t address, void* out, std::uint64_t bytes)> read;
};

/// Where one chip's mailbox is.
struct MailboxPort {
  const sc_core::sc_event* irq = nullptr;  ///< the mailbox's event to the host
  std::function<bool()> irq_level;         ///< its interrupt line
  std::uint64_t ram_offset = 0;
  std::uint64_t ram_bytes = 0;
};

class MailboxEnd : public sc_core::sc_module {
 public:
  /// To the mailbox's host side: registers at 0, shared RAM at `ram_offset`.
  tlm_utils::simple_initiator_socket<MailboxEnd> mailbox_isock{"mailbox_isock"};

  /// A chip loads: so many percent, so many MiB written.
  using Progress = std::function<void(std::uint32_t percent, std::uint32_t mib)>;

  MailboxEnd(const sc_core::sc_module_name& name, MailboxPort port, LoadSource source, Progress progress);

  std::uint64_t loaded_bytes() const { return loaded_bytes_; }

 protected:
  /// host_completion_t.
  struct Completion {
    std::uint32_t type, id, token, position, status, reserved[3];
  };
  /// Everything that is not about loading.
  virtual void completed(const Completion& completion) = 0;

  /// Says which protocol this host speaks. In a process.
  void hello();
  /// Takes completions, or sleeps until there are some.
  void wait_for_chip();
  /// Posts a host_request_t and rings.
  void post(const void* request);
  void write_ram(std::uint64_t offset, const void* bytes, std::uint64_t count);
  std::uint64_t ram_bytes() const { return port_.ram_bytes; }
  /// Ends the simulation because of what the firmware did.
  void refuse(const std::string& what) const;

 private:
  bool drain();
  void serve(const Completion& load);
  void transport(tlm::tlm_command command, std::uint64_t address, void* bytes, std::uint64_t count);
  std::uint32_t read_word(std::uint64_t address);
  void write_word(std::uint64_t address, std::uint32_t value);

  MailboxPort port_;
  LoadSource source_;
  Progress progress_;
  std::uint32_t produced_ = 0;
  std::uint32_t consumed_ = 0;
  std::uint64_t loaded_bytes_ = 0;
};

/// Serves the loads of a chip that generates nothing by itself.
class LoadServer : public MailboxEnd {
 public:
  LoadServer(const sc_core::sc_module_name& name, MailboxPort port, LoadSource source, Progress progress);

 private:
  void run();
  void completed(const Completion& completion) override;
};

}  // namespace memwall::host
