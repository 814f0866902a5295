// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "soc/uart.h"

#include "common/error.h"

namespace memwall::soc {

UartCore::UartCore(const UartConfig& config) : fifo_bytes_(config.fifo_bytes) {
  if (!(config.baud > 0) || config.bits_per_byte == 0 || config.fifo_bytes == 0) {
    throw ConfigError("uart", "baud, bits_per_byte and fifo_bytes must be positive");
  }
  byte_time_ = static_cast<TimePs>(1e12 * config.bits_per_byte / config.baud);
}

void UartCore::advance(TimePs now) {
  now_ = now;
  update_status();
}

TimePs UartCore::next_change() const {
  return irq_enable_tx_idle() != 0 && tx_done_ > now_ ? tx_done_ : kNever;
}

std::uint64_t UartCore::tx_waiting() const {
  return tx_done_ > now_ ? (tx_done_ - now_ + byte_time_ - 1) / byte_time_ : 0;
}

void UartCore::update_status() {
  const std::uint64_t waiting = tx_waiting();
  set_status_tx_full(waiting >= fifo_bytes_);
  set_status_tx_idle(waiting == 0);
  set_status_rx_valid(!rx_.empty());
}

void UartCore::on_write_txdata(std::uint32_t written) {
  if (tx_waiting() >= fifo_bytes_) {
    set_status_tx_overrun(1);
    return;
  }
  tx_done_ = (tx_done_ > now_ ? tx_done_ : now_) + byte_time_;
  ++sent_;
  if (sink_) sink_(static_cast<std::uint8_t>(written));
}

void UartCore::on_read_rxdata() {
  set_rxdata(0);
  if (rx_.empty()) return;
  set_rxdata_byte(rx_.front());
  set_rxdata_valid(1);
  rx_.pop_front();
}

void UartCore::receive(std::uint8_t byte) {
  if (rx_.size() >= fifo_bytes_) {
    set_status_rx_overrun(1);
    return;
  }
  rx_.push_back(byte);
  ++received_;
}

bool UartCore::irq() const {
  return (irq_enable_rx_valid() != 0 && !rx_.empty()) || (irq_enable_tx_idle() != 0 && tx_waiting() == 0);
}

}  // namespace memwall::soc
