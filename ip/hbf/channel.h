// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// One channel of an HBF cube behind its UCIe link: event-exact, plain C++. The host side's AXI ports, the
/// link in both directions, the base die (lookup, page buffers, gather buffers, ordering), the lanes' queues
/// of senses and programs. README.md ("The rules of time") is the contract. Media decides what an array
/// operation yields, Management what registers and admin commands say.
///
/// Commands are accepted in the order of their offers; contents move in the order of lookup at the base die
/// (a read takes its data there, a DLU its place), and reads and writes of one address keep the order of
/// their offers. A command that may not be sent (outstanding limit, no credits, READY low while severe) waits
/// on the host side in the order of its offer; nothing is lost.
///
/// Long sequential reads are streams: the same as one 4 KiB (or, without burst reads, 64 B x 64) read after
/// the other with `window` pages outstanding, and may be fast-forwarded: when the state recurs relative to
/// the next page, whole periods are jumped. Every time, counter and outcome is the same with fast-forward
/// off.
///
/// Not modelled: a bus between core dies and base die; program and erase suspend; reordering of senses.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "hbf/axi.h"
#include "hbf/config.h"
#include "hbf/link.h"
#include "hbf/management.h"
#include "hbf/media.h"

namespace memwall::hbf {

/// A long sequential flash read without data (traffic), page by page. A page is offered when an earlier one
/// is answered. One Response at the end: `at` of the last beat, `first_beat` of the first, `id` first_id, and
/// the status of the first page whose data were not valid, else 0x0.
struct Stream {
  std::uint64_t cookie = 0;
  std::uint8_t port = 0;
  std::uint64_t address = 0;  ///< port-local byte address, a multiple of 4096
  std::uint64_t pages = 0;
  unsigned window = 1;         ///< page reads in flight, at least 1; first_id + window at most 2^14
  std::uint16_t first_id = 0;  ///< page i has id first_id + i % window
};

/// A page of a stream that was not plain OK; without burst reads with the first such answer of its chunks.
struct Notice {
  TimePs at = 0;
  unsigned channel = 0;
  std::uint16_t user = 0;
  std::uint64_t cookie = 0;
  std::uint64_t address = 0;  ///< channel-local bytes
};

struct ChannelCounters {
  std::uint64_t read_commands = 0, write_commands = 0, admin_commands = 0;
  std::uint64_t read_bytes = 0;   ///< R payload
  std::uint64_t write_bytes = 0;  ///< W payload
  std::uint64_t page_reads = 0;   ///< flash read commands that reached a page
  std::uint64_t buffer_hits = 0;  ///< of those: page valid or being sensed
  std::uint64_t gather_hits = 0;  ///< of those: forwarded from a gather buffer
  std::uint64_t evictions = 0;
  std::uint64_t scratchpad_reads = 0, scratchpad_writes = 0;
  std::uint64_t flits_down = 0, flits_up = 0;
  TimePs sense_busy = 0;             ///< summed over lanes
  TimePs program_busy = 0;           ///< summed over lanes, with erases
  TimePs light_time = 0;             ///< with LTMS = 1
  TimePs severe_time = 0;            ///< with CATTRIP
  std::uint64_t fast_forwarded = 0;  ///< pages; host cost only, differs with fast-forward off
  double energy_pj = 0;              ///< media and link, without idle power
};

class Channel final : public ChannelServices {
 public:
  /// ConfigError if the link's credits do not hold one message.
  Channel(const Config& config, unsigned index);
  ~Channel() override;

  /// The host offers `command` at `at`, not before now(). ModelError for a port, id, user or address that has
  /// more bits than the port.
  void submit(TimePs at, const Command& command);
  void submit(TimePs at, const Stream& stream);
  /// Commands offered and not yet answered.
  std::size_t in_flight() const;

  TimePs now() const { return now_; }
  /// Nothing can be seen from outside before that time, unless somebody interferes; kNever: nothing is due.
  TimePs next_event() const;
  /// Everything up to and including `to`; responses in order of time.
  void advance(TimePs to, std::vector<Response>& responses, std::vector<Notice>& notices);

  void set_fast_forward(bool on);
  /// For the cube: throttle state from now on.
  void set_throttle(bool light, bool severe, double celsius);
  /// Power loss now: nothing in flight is answered, buffers and scratchpad are lost, pages in the array are
  /// torn.
  void lose_power();
  void power_on(TimePs at, bool obfuscate);
  void hbf_reset(TimePs at);

  Media& media();
  const Media& media() const;
  /// Registers may be written between two advance(); the next one finds it.
  Management& management();
  const Management& management() const;
  const ChannelCounters& counters() const;
  /// Port-local to channel-local byte address; kNever-like ~0 when outside the port.
  std::uint64_t local(unsigned port, std::uint64_t address) const;

  // ChannelServices.
  bool io_active() const override;
  void secure_erase(TimePs now, unsigned port, EraseScope scope, std::uint32_t zones) override;
  void swap_zones(TimePs now, unsigned a, unsigned b) override;
  void set_wear_levelling(bool base_die) override;
  void reset(TimePs now, ResetType type) override;
  void set_thresholds(bool light_enable, double light_c, double recover_c, bool severe_enable,
                      double severe_c) override;
  double celsius() const override;
  Wear wear() const override;
  std::uint64_t logical_blocks() const override;
  bool block_unusable(std::uint64_t block) const override;
  std::vector<std::uint64_t> smart() const override;
  BlockState block_state(TimePs now, std::uint64_t block) override;

 private:
  void hop(TimePs at);
  struct State;
  TimePs now_ = 0;
  std::unique_ptr<State> state_;
};

}  // namespace memwall::hbf
