// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// One command queue as its registers describe it (accel/regs.toml, pnm/regs.toml: the same 0x00..0x37
/// layout): HEAD and TAIL, ENABLE, RESUME, RESET, halting, interrupt causes. State only; who fetches and
/// executes is queue_server.h. The register values live in the block's generated bank.
///
/// Where the register text leaves room, the rule is:
/// - A failed descriptor counts as completed: its record is written and HEAD moves past it before the queue
/// halts.
/// - DONE needs the IRQ flag and status OK; ERROR is set whenever the queue halts.
/// - QUEUE_SIZE (BAD_SHAPE) and the alignment of both bases (BAD_ALIGNMENT) are checked whenever an enabled
/// queue
///   looks for work; such a halt moves no HEAD and has tag and address 0.
/// - A descriptor or a record that cannot be accessed halts the queue with the access's status and address.
/// If the
///   descriptor failed too, its own error stays.
/// - RESUME leaves the error registers and ERROR_CODE for a late reader; RESET clears them.
/// - RESET leaves ENABLE, the ring registers and the interrupt registers alone. The sequence number is HEAD.
#pragma once

#include <cstdint>
#include <deque>
#include <tuple>

#include "common/time.h"
#include "engine/outcome.h"

namespace memwall::engine {

/// The hardware side of one queue's registers.
class QueueRegisters {
 public:
  virtual ~QueueRegisters() = default;
  virtual std::uint64_t queue_base() const = 0;
  virtual std::uint64_t completion_base() const = 0;
  virtual std::uint32_t entries() const = 0;
  virtual std::uint32_t head() const = 0;
  virtual void set_head(std::uint32_t value) = 0;
  virtual std::uint32_t tail() const = 0;
  virtual void set_tail(std::uint32_t value) = 0;
  virtual bool enable() const = 0;
  virtual bool resume() const = 0;
  virtual void clear_resume() = 0;
  virtual bool reset_requested() const = 0;
  virtual void clear_reset() = 0;
  virtual bool halted() const = 0;
  virtual void set_halted(bool halted) = 0;
  virtual void set_error_code(Status code) = 0;
  virtual void set_busy(bool busy) = 0;
  virtual std::uint32_t irq_status() const = 0;
  virtual std::uint32_t irq_enable() const = 0;
  virtual void set_irq_done() = 0;
  virtual void set_irq_error() = 0;
  virtual void set_error(std::uint32_t tag, std::uint64_t address) = 0;
};

/// QueueRegisters on a generated bank; `Index` is std::uint32_t for a bank with arrays of queues, or absent.
template <class Bank, class... Index>
class BankQueueRegisters final : public QueueRegisters {
 public:
  explicit BankQueueRegisters(Bank& bank, Index... index) : bank_(bank), index_(index...) {}

  std::uint64_t queue_base() const override {
    return on([this](auto... i) { return join(bank_.queue_base_hi(i...), bank_.queue_base_lo(i...)); });
  }
  std::uint64_t completion_base() const override {
    return on(
        [this](auto... i) { return join(bank_.completion_base_hi(i...), bank_.completion_base_lo(i...)); });
  }
  std::uint32_t entries() const override {
    return on([this](auto... i) { return bank_.queue_size_entries(i...); });
  }
  std::uint32_t head() const override {
    return on([this](auto... i) { return bank_.head(i...); });
  }
  void set_head(std::uint32_t value) override {
    on([&](auto... i) { bank_.set_head(i..., value); });
  }
  std::uint32_t tail() const override {
    return on([this](auto... i) { return bank_.tail(i...); });
  }
  void set_tail(std::uint32_t value) override {
    on([&](auto... i) { bank_.set_tail(i..., value); });
  }
  bool enable() const override {
    return on([this](auto... i) { return bank_.control_enable(i...) != 0; });
  }
  bool resume() const override {
    return on([this](auto... i) { return bank_.control_resume(i...) != 0; });
  }
  void clear_resume() override {
    on([this](auto... i) { bank_.set_control_resume(i..., 0); });
  }
  bool reset_requested() const override {
    return on([this](auto... i) { return bank_.control_reset(i...) != 0; });
  }
  void clear_reset() override {
    on([this](auto... i) { bank_.set_control_reset(i..., 0); });
  }
  bool halted() const override {
    return on([this](auto... i) { return bank_.status_halted(i...) != 0; });
  }
  void set_halted(bool halted) override {
    on([&](auto... i) { bank_.set_status_halted(i..., halted ? 1u : 0u); });
  }
  void set_error_code(Status code) override {
    on([&](auto... i) { bank_.set_status_error_code(i..., static_cast<std::uint32_t>(code)); });
  }
  void set_busy(bool busy) override {
    on([&](auto... i) { bank_.set_status_busy(i..., busy ? 1u : 0u); });
  }
  std::uint32_t irq_status() const override {
    return on([this](auto... i) { return bank_.irq_status(i...); });
  }
  std::uint32_t irq_enable() const override {
    return on([this](auto... i) { return bank_.irq_enable(i...); });
  }
  void set_irq_done() override {
    on([this](auto... i) { bank_.set_irq_status_done(i..., 1); });
  }
  void set_irq_error() override {
    on([this](auto... i) { bank_.set_irq_status_error(i..., 1); });
  }
  void set_error(std::uint32_t tag, std::uint64_t address) override {
    on([&](auto... i) {
      bank_.set_error_tag(i..., tag);
      bank_.set_error_address_lo(i..., static_cast<std::uint32_t>(address));
      bank_.set_error_address_hi(i..., static_cast<std::uint32_t>(address >> 32));
    });
  }

 private:
  static std::uint64_t join(std::uint32_t high, std::uint32_t low) { return std::uint64_t{high} << 32 | low; }
  template <class Function>
  decltype(auto) on(Function&& function) const {
    return std::apply(function, index_);
  }
  Bank& bank_;
  std::tuple<Index...> index_;
};

class CommandQueue {
 public:
  static constexpr std::uint32_t kDescriptorBytes = 128;
  static constexpr std::uint32_t kRecordBytes = 32;
  static constexpr std::uint32_t kMaxEntries = 1024;

  explicit CommandQueue(QueueRegisters& registers) : registers_(registers) {}

  /// Software wrote CONTROL at `at` (its own time, which may run ahead of the simulation). Requests are taken
  /// at once if no descriptor is in work, else after it.
  void on_control_written(TimePs at);
  /// Software wrote TAIL at `at`.
  void on_tail_written(TimePs at);
  /// Between descriptors: takes requests, checks the configuration; true if a descriptor waits.
  bool ready();
  /// When software posted the descriptor at HEAD: it must not be taken up before.
  TimePs posted_at();
  /// Takes up the descriptor at HEAD; the next three are valid until complete(), whatever software writes.
  void begin();
  std::uint64_t descriptor_address() const { return descriptor_address_; }
  std::uint64_t record_address() const { return record_address_; }
  std::uint32_t sequence() const { return registers_.head(); }
  /// The descriptor at HEAD ended and its record is written (or could not be).
  void complete(const Outcome& outcome, std::uint32_t tag, bool irq_flag);
  bool busy() const { return busy_; }
  /// Level of this queue's interrupt.
  bool irq() const { return (registers_.irq_status() & registers_.irq_enable()) != 0; }

 private:
  void take_requests();
  void halt(Status code, std::uint32_t tag, std::uint64_t address);

  QueueRegisters& registers_;
  struct Post {
    std::uint32_t tail;
    TimePs at;
  };

  bool busy_ = false;
  std::deque<Post> posts_;  ///< TAIL writes not yet overtaken by HEAD
  TimePs control_at_ = 0;
  std::uint64_t descriptor_address_ = 0;
  std::uint64_t record_address_ = 0;
};

}  // namespace memwall::engine
