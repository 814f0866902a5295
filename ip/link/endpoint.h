// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// One end of a link as a protocol machine, without SystemC: training, messages cut into flits, credits, CRC,
/// go-back-N replay, acknowledgements. The owner gives it time, memory and a wire.
///
/// Rules. Data flits carry consecutive 16-bit sequence numbers and are accepted in order only. Every flit
/// carries the sender's acknowledgement and credit limit, cumulative, so that a lost one is repaired by the
/// next. A flit with a wrong CRC or a gap is answered by a NAK; NAK and time-out both replay everything not
/// acknowledged. After `replay_limit` replays without progress the port is down. Credits are the receive
/// buffer: a sequence number is sent only below the limit that the peer announced.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "common/time.h"
#include "link/config.h"
#include "link/flit.h"

namespace memwall::link {

inline constexpr TimePs kNever = ~TimePs{0};

struct Message {
  std::uint64_t source = 0;  ///< local address, 32-byte aligned
  std::uint32_t offset = 0;  ///< in the peer's inbox, 32-byte aligned
  std::uint32_t length = 0;  ///< bytes, a multiple of 32, 32 to 1 MiB
  unsigned signal = 0;       ///< 0 to 31
};

struct Counters {
  std::uint64_t messages_posted = 0;
  std::uint64_t messages_acked = 0;
  std::uint64_t messages_rejected = 0;  ///< refused at post or because their source could not be read
  std::uint64_t messages_received = 0;
  std::uint64_t payload_bytes_sent = 0;  ///< first transmissions
  std::uint64_t payload_bytes_received = 0;
  std::uint64_t flits_sent = 0;  ///< of every kind
  std::uint64_t data_flits_sent = 0;
  std::uint64_t flits_replayed = 0;
  std::uint64_t flits_received = 0;
  std::uint64_t crc_errors = 0;
  std::uint64_t replays = 0;
  std::uint64_t timeouts = 0;
  std::uint64_t credit_stalls = 0;  ///< times a ready flit found no credit
  std::uint64_t overflows = 0;      ///< flits beyond the credits we gave
};

class Endpoint {
 public:
  enum class State { kOff, kTraining, kUp, kDown };

  /// `config` must have passed check().
  explicit Endpoint(const Config& config);

  const Config& config() const { return config_; }
  State state() const { return state_; }
  unsigned peer_chip() const { return peer_chip_; }
  unsigned tx_free() const { return config_.tx_queue_messages - static_cast<unsigned>(queue_.size()); }
  bool tx_busy() const { return !queue_.empty(); }
  const Counters& counters() const { return counters_; }
  void set_replay_limit(unsigned limit) { replay_limit_ = limit; }

  /// Starts training, or drops everything and falls silent.
  void enable(bool on, TimePs now);
  /// Drops everything queued, leaves kDown and trains again if the port was enabled.
  void reset(TimePs now);

  /// Queues a message that may start at `start`; false (and counted) if it is malformed, the queue is full or
  /// the port is not up.
  bool post(const Message& message, TimePs start);

  /// A piece of source memory the transmit engine wants to read now.
  struct Fetch {
    std::uint64_t message;  ///< serial number
    std::uint64_t address;
    std::uint32_t bytes;
  };
  std::optional<Fetch> next_fetch(TimePs now);
  /// The bytes of a fetch, usable from `ready` on.
  void supply(const Fetch& fetch, const unsigned char* data, TimePs ready);
  /// The source cannot be read: the message ends here and counts as rejected; the peer sees no signal.
  void fetch_failed(const Fetch& fetch);

  /// Called when the line is free: a flit to send now, or nothing and in `wake` when to ask again at the
  /// latest (any other call may make it earlier).
  std::optional<WireFlit> transmit(TimePs now, TimePs& wake);
  /// A flit has arrived completely.
  void receive(TimePs now, const unsigned char* wire, std::size_t bytes);

  /// Adjacent bytes of one message in arrival order.
  struct Delivery {
    std::uint32_t offset = 0;
    std::vector<unsigned char> data;
    bool last = false;  ///< raise `signal` once the data have landed
    unsigned signal = 0;
    unsigned flits = 0;
  };
  std::optional<Delivery> next_delivery();
  /// The delivery has landed: its flits become credits again.
  void delivered(const Delivery& delivery, TimePs now);

  /// What happened since the last call.
  struct Events {
    bool went_down = false;
    bool message_acked = false;
    bool message_rejected = false;
  };
  Events take_events();

 private:
  struct Chunk {
    std::uint32_t end;  // offset in the message
    TimePs ready;
  };
  struct TxMessage {
    Message message;
    std::uint64_t serial;
    TimePs start;
    std::uint32_t requested = 0;  // bytes asked for
    std::uint32_t sent = 0;       // bytes put into flits
    std::vector<unsigned char> data;
    std::deque<Chunk> chunks;
  };

  void train(TimePs now);
  WireFlit init_flit(bool answer);
  unsigned pending_flits() const { return static_cast<unsigned>(arrived_.size()) + in_delivery_; }
  void go_up(const Flit& init);
  void go_down();
  void drop_transmit_state();
  TxMessage* find(std::uint64_t serial);
  /// The message that the next new data flit comes from, if all of that flit's bytes are there; else the time
  /// when.
  TxMessage* sendable(TimePs now, TimePs& when);
  Flit cut_flit(TxMessage& message);
  /// Stamps acknowledgement and credits and encodes.
  WireFlit finish(Flit& flit);
  WireFlit control_flit(FlitType type);
  bool has_credit() const { return static_cast<std::int16_t>(credit_limit_ - next_sequence_) > 0; }
  void take_ack(const Flit& flit, TimePs now);
  void take_data(Flit& flit, TimePs now);
  void take_init(const Flit& flit);
  void owe_ack(TimePs now, bool at_once);
  void ask_for_replay(TimePs now);
  void give_up_or_try_again(TimePs now);
  std::uint16_t my_credit_limit() const {
    return static_cast<std::uint16_t>(consumed_ + config_.receive_buffer_flits);
  }

  Config config_;
  State state_ = State::kOff;
  bool enabled_ = false;
  unsigned replay_limit_;
  unsigned peer_chip_ = 0;
  std::uint16_t session_ = 0;
  std::uint16_t peer_session_ = 0;
  TimePs next_train_ = 0;
  bool owe_init_answer_ = false;

  // Transmit side.
  std::deque<TxMessage> queue_;  // posted, not all acknowledged
  std::uint64_t next_serial_ = 0;
  std::deque<Flit> window_;    // sent, not acknowledged; front has sequence next_sequence_ - size
  std::size_t replay_at_ = 0;  // window entries before this are on their way
  std::uint16_t next_sequence_ = 0;
  std::uint16_t credit_limit_ = 0;
  bool stalled_ = false;
  unsigned attempts_ = 0;
  TimePs deadline_ = kNever;  // replay or probe
  bool owe_nak_ = false;

  // Receive side.
  std::deque<Flit> arrived_;
  unsigned in_delivery_ = 0;  // flits taken by next_delivery(), not yet delivered()
  std::uint16_t expected_ = 0;
  std::uint16_t consumed_ = 0;
  std::uint16_t told_ack_ = 0;
  std::uint16_t told_credit_ = 0;
  TimePs ack_due_ = kNever;
  TimePs nak_allowed_ = 0;

  Counters counters_;
  Events events_;
};

}  // namespace memwall::link
