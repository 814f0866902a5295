// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Console UART: registers in uart.regs.toml. The transmitter has a FIFO that drains at the line rate; a byte
/// reaches the sink (terminal, file) when it is written, its time on the line shows in STATUS and the
/// interrupt. Not modelled: parity, framing errors, flow control, receive line timing.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

#include "regs/uart_regs.h"
#include "soc/timed_device.h"

namespace memwall::soc {

struct UartConfig {
  double baud = 3'000'000;          ///< line rate, bits/s (assumed: common upper rate of USB bridges)
  unsigned bits_per_byte = 10;      ///< start, eight data, stop
  unsigned fifo_bytes = 64;         ///< both directions; the byte on the line counts (assumed)
  double register_access_ns = 5.0;  ///< assumed
};

class UartCore : public regs::UartRegs, public TimedDevice {
 public:
  using Sink = std::function<void(std::uint8_t)>;

  explicit UartCore(const UartConfig& config);

  void set_sink(Sink sink) { sink_ = std::move(sink); }
  /// A byte arrives from outside; lost, with STATUS.RX_OVERRUN, when the FIFO is full.
  void receive(std::uint8_t byte);
  bool irq() const;
  std::uint64_t bytes_sent() const { return sent_; }
  std::uint64_t bytes_received() const { return received_; }

  void advance(TimePs now) override;
  TimePs next_change() const override;

 protected:
  void on_write_txdata(std::uint32_t written) override;
  void on_read_rxdata() override;
  void on_read_status() override { update_status(); }

 private:
  void update_status();
  std::uint64_t tx_waiting() const;  ///< bytes that have not left the line

  unsigned fifo_bytes_;
  TimePs byte_time_;
  TimePs now_ = 0;
  TimePs tx_done_ = 0;  ///< when the last byte written has left the line
  std::deque<std::uint8_t> rx_;
  Sink sink_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

}  // namespace memwall::soc
