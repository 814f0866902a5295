// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "link/endpoint.h"

#include <algorithm>

namespace memwall::link {
namespace {
constexpr std::uint32_t kGranule = 32;
constexpr std::uint32_t kLongestMessage = 1 << 20;

std::int16_t distance(std::uint16_t from, std::uint16_t to) { return static_cast<std::int16_t>(to - from); }
}  // namespace

Endpoint::Endpoint(const Config& config) : config_(config), replay_limit_(config.replay_limit) {}

void Endpoint::enable(bool on, TimePs now) {
  enabled_ = on;
  drop_transmit_state();
  arrived_.clear();
  state_ = State::kOff;
  if (on) train(now);
}

void Endpoint::reset(TimePs now) {
  counters_.messages_posted = counters_.messages_acked = counters_.messages_rejected = 0;
  enable(enabled_, now);
}

void Endpoint::train(TimePs now) {
  state_ = State::kTraining;
  ++session_;
  next_train_ = now;
}

void Endpoint::drop_transmit_state() {
  queue_.clear();
  window_.clear();
  replay_at_ = 0;
  attempts_ = 0;
  deadline_ = kNever;
  ack_due_ = kNever;
  stalled_ = owe_nak_ = owe_init_answer_ = false;
}

void Endpoint::go_up(const Flit& init) {
  drop_transmit_state();
  state_ = State::kUp;
  peer_session_ = init.sequence;
  peer_chip_ = init.ack & 0xff;
  credit_limit_ = init.credit_limit;
  next_sequence_ = expected_ = told_ack_ = 0;
  consumed_ = static_cast<std::uint16_t>(-static_cast<int>(pending_flits()));
  told_credit_ = my_credit_limit();
  nak_allowed_ = 0;
}

void Endpoint::go_down() {
  drop_transmit_state();
  state_ = State::kDown;
  events_.went_down = true;
}

bool Endpoint::post(const Message& message, TimePs start) {
  const bool well_formed = message.source % kGranule == 0 && message.offset % kGranule == 0 &&
                           message.length % kGranule == 0 && message.length >= kGranule &&
                           message.length <= kLongestMessage && message.length <= config_.inbox_bytes &&
                           message.offset <= config_.inbox_bytes - message.length && message.signal < 32;
  if (state_ != State::kUp || tx_free() == 0 || !well_formed) {
    ++counters_.messages_rejected;
    events_.message_rejected = true;
    return false;
  }
  ++counters_.messages_posted;
  TxMessage entry;
  entry.message = message;
  entry.serial = next_serial_++;
  entry.start = start;
  queue_.push_back(std::move(entry));
  return true;
}

std::optional<Endpoint::Fetch> Endpoint::next_fetch(TimePs now) {
  std::uint32_t ahead = 0;
  for (TxMessage& entry : queue_) {
    ahead += entry.requested - entry.sent;
    if (entry.requested == entry.message.length) continue;
    if (now < entry.start || ahead >= 2 * config_.fetch_bytes) return std::nullopt;
    const Fetch fetch{entry.serial, entry.message.source + entry.requested,
                      std::min(config_.fetch_bytes, entry.message.length - entry.requested)};
    entry.requested += fetch.bytes;
    return fetch;
  }
  return std::nullopt;
}

Endpoint::TxMessage* Endpoint::find(std::uint64_t serial) {
  for (TxMessage& entry : queue_) {
    if (entry.serial == serial) return &entry;
  }
  return nullptr;  // dropped by a reset meanwhile
}

void Endpoint::supply(const Fetch& fetch, const unsigned char* data, TimePs ready) {
  TxMessage* entry = find(fetch.message);
  if (entry == nullptr) return;
  entry->data.insert(entry->data.end(), data, data + fetch.bytes);
  entry->chunks.push_back({static_cast<std::uint32_t>(entry->data.size()), ready});
}

void Endpoint::fetch_failed(const Fetch& fetch) {
  const auto entry = std::find_if(queue_.begin(), queue_.end(), [&](const TxMessage& candidate) {
    return candidate.serial == fetch.message;
  });
  if (entry == queue_.end()) return;
  queue_.erase(entry);
  ++counters_.messages_rejected;
  events_.message_rejected = true;
}

Endpoint::TxMessage* Endpoint::sendable(TimePs now, TimePs& when) {
  when = kNever;
  for (TxMessage& entry : queue_) {
    if (entry.sent == entry.message.length) continue;
    if (now < entry.start) {
      when = entry.start;
      return nullptr;
    }
    const std::uint32_t end = std::min(entry.message.length, entry.sent + config_.payload_bytes());
    if (entry.data.size() < end) return nullptr;  // supply() will tell
    TimePs ready = 0;
    for (const Chunk& chunk : entry.chunks) {
      ready = std::max(ready, chunk.ready);
      if (chunk.end >= end) break;
    }
    if (now >= ready) return &entry;
    when = ready;
    return nullptr;
  }
  return nullptr;
}

Flit Endpoint::cut_flit(TxMessage& entry) {
  const std::uint32_t bytes = std::min(config_.payload_bytes(), entry.message.length - entry.sent);
  Flit flit;
  flit.type = FlitType::kData;
  flit.sequence = next_sequence_++;
  flit.offset = entry.message.offset + entry.sent;
  flit.signal = static_cast<std::uint8_t>(entry.message.signal);
  flit.payload.assign(entry.data.begin() + entry.sent, entry.data.begin() + entry.sent + bytes);
  entry.sent += bytes;
  flit.last = entry.sent == entry.message.length;
  while (!entry.chunks.empty() && entry.chunks.front().end <= entry.sent) entry.chunks.pop_front();
  if (flit.last) std::vector<unsigned char>().swap(entry.data);
  counters_.payload_bytes_sent += bytes;
  return flit;
}

WireFlit Endpoint::finish(Flit& flit) {
  flit.ack = told_ack_ = expected_;
  flit.credit_limit = told_credit_ = my_credit_limit();
  ack_due_ = kNever;
  ++counters_.flits_sent;
  return encode(flit, config_.flit_bytes);
}

WireFlit Endpoint::control_flit(FlitType type) {
  Flit flit;
  flit.type = type;
  return finish(flit);
}

WireFlit Endpoint::init_flit(bool answer) {
  Flit flit;
  flit.type = FlitType::kInit;
  flit.signal = answer ? 1 : 0;
  flit.sequence = session_;
  flit.offset = answer ? peer_session_ : 0;
  flit.ack = static_cast<std::uint16_t>(config_.chip_id);
  flit.credit_limit =
      answer ? my_credit_limit() : static_cast<std::uint16_t>(config_.receive_buffer_flits - pending_flits());
  ++counters_.flits_sent;
  return encode(flit, config_.flit_bytes);
}

std::optional<WireFlit> Endpoint::transmit(TimePs now, TimePs& wake) {
  wake = kNever;
  if (state_ == State::kTraining) {
    if (now >= next_train_) {
      next_train_ = now + config_.train_interval;
      return init_flit(false);
    }
    wake = next_train_;
    return std::nullopt;
  }
  if (state_ != State::kUp) return std::nullopt;

  if (owe_init_answer_) {
    owe_init_answer_ = false;
    return init_flit(true);
  }
  if (now >= deadline_) {
    ++counters_.timeouts;
    give_up_or_try_again(now);
    if (state_ != State::kUp) return std::nullopt;
  }
  if (owe_nak_) {
    owe_nak_ = false;
    // Long enough for the first replayed flit to arrive.
    nak_allowed_ = now + 2 * config_.latency + 6 * config_.flit_time();
    return control_flit(FlitType::kNak);
  }
  if (replay_at_ < window_.size()) {
    ++counters_.flits_replayed;
    ++counters_.data_flits_sent;
    return finish(window_[replay_at_++]);
  }
  TimePs data_ready = kNever;
  if (TxMessage* entry = sendable(now, data_ready)) {
    if (!has_credit()) {
      if (!stalled_) ++counters_.credit_stalls;
      stalled_ = true;
      if (deadline_ == kNever) deadline_ = now + config_.replay_timeout;
    } else if (window_.size() < config_.replay_window_flits) {
      stalled_ = false;
      if (window_.empty()) deadline_ = now + config_.replay_timeout;
      window_.push_back(cut_flit(*entry));
      replay_at_ = window_.size();
      ++counters_.data_flits_sent;
      return finish(window_.back());
    }
  }
  if (now >= ack_due_) return control_flit(FlitType::kAck);
  wake = std::min({deadline_, ack_due_, data_ready});
  return std::nullopt;
}

void Endpoint::give_up_or_try_again(TimePs now) {
  if (attempts_ >= replay_limit_) {
    go_down();
    return;
  }
  ++attempts_;
  deadline_ = now + config_.replay_timeout;
  if (window_.empty()) {
    owe_nak_ = true;  // no credit: ask the peer to say its limit again
  } else {
    ++counters_.replays;
    replay_at_ = 0;
  }
}

void Endpoint::receive(TimePs now, const unsigned char* wire, std::size_t bytes) {
  Flit flit;
  if (state_ == State::kOff || state_ == State::kDown) return;
  ++counters_.flits_received;
  if (!decode(wire, bytes, config_.flit_bytes, flit)) {
    ++counters_.crc_errors;
    if (state_ == State::kUp) ask_for_replay(now);
    return;
  }
  if (flit.type == FlitType::kInit) {
    take_init(flit);
    return;
  }
  if (state_ != State::kUp) return;
  take_ack(flit, now);
  if (flit.type == FlitType::kNak) {
    owe_ack(now, true);
    if (!window_.empty()) give_up_or_try_again(now);
  } else if (flit.type == FlitType::kData) {
    take_data(flit, now);
  }
}

void Endpoint::take_init(const Flit& flit) {
  const bool wants_answer = (flit.signal & 1) == 0;
  if (state_ == State::kUp && flit.sequence != peer_session_) {
    // The peer started over. What it had not acknowledged is lost; without such messages nobody needs to
    // know.
    if (!queue_.empty()) {
      go_down();
      return;
    }
    go_up(flit);
  } else if (state_ == State::kTraining) {
    if (!wants_answer && flit.offset != session_) return;  // answers a training of ours that we gave up
    go_up(flit);
  }
  owe_init_answer_ = owe_init_answer_ || wants_answer;
}

void Endpoint::take_ack(const Flit& flit, TimePs now) {
  const auto oldest = static_cast<std::uint16_t>(next_sequence_ - window_.size());
  const int acked = distance(oldest, flit.ack);
  if (acked > 0 && static_cast<std::size_t>(acked) <= window_.size()) {
    for (int i = 0; i < acked; ++i) {
      if (window_.front().last) {
        queue_.pop_front();
        ++counters_.messages_acked;
        events_.message_acked = true;
      }
      window_.pop_front();
    }
    replay_at_ -= std::min<std::size_t>(replay_at_, static_cast<std::size_t>(acked));
    attempts_ = 0;
    deadline_ = window_.empty() ? kNever : now + config_.replay_timeout;
  }
  if (distance(credit_limit_, flit.credit_limit) > 0) credit_limit_ = flit.credit_limit;
  if (window_.empty()) attempts_ = 0;  // the peer is alive, it only has no room
}

void Endpoint::take_data(Flit& flit, TimePs now) {
  const int ahead = distance(expected_, flit.sequence);
  if (ahead > 0) {
    ask_for_replay(now);
    return;
  }
  if (ahead < 0) {
    owe_ack(now, true);  // our acknowledgement was lost
    return;
  }
  if (pending_flits() >= config_.receive_buffer_flits) {
    ++counters_.overflows;
    return;
  }
  ++expected_;
  nak_allowed_ = 0;
  owe_nak_ = false;
  counters_.payload_bytes_received += flit.payload.size();
  const bool last = flit.last;
  if (last) ++counters_.messages_received;
  arrived_.push_back(std::move(flit));
  owe_ack(now, last);
}

void Endpoint::ask_for_replay(TimePs now) {
  if (now >= nak_allowed_) owe_nak_ = true;
}

void Endpoint::owe_ack(TimePs now, bool at_once) {
  const auto every = static_cast<int>(config_.ack_every_flits);
  if (at_once || distance(told_ack_, expected_) >= every ||
      distance(told_credit_, my_credit_limit()) >= every) {
    ack_due_ = now;
  } else {
    ack_due_ = std::min(ack_due_, now + config_.ack_delay);
  }
}

std::optional<Endpoint::Delivery> Endpoint::next_delivery() {
  if (arrived_.empty()) return std::nullopt;
  Delivery delivery;
  delivery.offset = arrived_.front().offset;
  while (!arrived_.empty() && !delivery.last &&
         arrived_.front().offset == delivery.offset + delivery.data.size()) {
    const Flit& flit = arrived_.front();
    delivery.data.insert(delivery.data.end(), flit.payload.begin(), flit.payload.end());
    delivery.last = flit.last;
    delivery.signal = flit.signal;
    ++delivery.flits;
    arrived_.pop_front();
  }
  in_delivery_ += delivery.flits;
  return delivery;
}

void Endpoint::delivered(const Delivery& delivery, TimePs now) {
  in_delivery_ -= delivery.flits;
  if (state_ != State::kUp) return;
  consumed_ = static_cast<std::uint16_t>(consumed_ + delivery.flits);
  owe_ack(now, false);
}

Endpoint::Events Endpoint::take_events() {
  const Events events = events_;
  events_ = Events{};
  return events;
}

}  // namespace memwall::link
