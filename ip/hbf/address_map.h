// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// From the cube's window on the chip to channels and ports and back. Consecutive pages of the window walk
/// the channels; consecutive pages of a channel walk its lanes, then the pages of a block, then block rows
/// (media.h). The controller may put a block on another one: a table that software fills. No state of the
/// cube.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "hbf/config.h"

namespace memwall::hbf {

class AddressMap {
 public:
  static constexpr unsigned kEntries = 64;

  explicit AddressMap(const Config& config)
      : channels_(config.channels),
        lanes_(config.lanes_per_channel()),
        pages_per_block_(config.pages_per_block),
        port_pages_(config.channel_pages() / config.ports_per_channel),
        ports_(config.ports_per_channel),
        channel_pages_(config.channel_pages()) {}

  /// One block of the cube. In registers: row << 16 | channel << 12 | lane.
  struct Block {
    std::uint32_t row = 0;
    unsigned channel = 0;
    unsigned lane = 0;
    bool operator==(const Block& o) const { return row == o.row && channel == o.channel && lane == o.lane; }
  };
  static Block unpack(std::uint32_t word) { return {word >> 16, word >> 12 & 15u, word & 0xfffu}; }

  /// Where a page is.
  struct Place {
    unsigned channel = 0;
    std::uint64_t page = 0;  ///< of the channel
  };
  /// A page of the window, after remapping.
  Place place(std::uint64_t window_page) const {
    Place at = direct(window_page);
    if (used_ == 0) return at;
    const Block block = block_of(at);
    const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& e) { return e.used && e.from == block; });
    if (entry != entries_.end())
      at = {entry->to.channel, page_of(entry->to, at.page / lanes_ % pages_per_block_)};
    return at;
  }
  /// The page of the window that is at `at`. A place that a remapped block has left belongs to nobody; it is
  /// named by the page that would be there without the table.
  std::uint64_t window_page(const Place& at) const {
    Place from = at;
    if (used_ != 0) {
      const Block block = block_of(at);
      const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                      [&](const Entry& e) { return e.used && e.to == block; });
      if (entry != entries_.end())
        from = {entry->from.channel, page_of(entry->from, at.page / lanes_ % pages_per_block_)};
    }
    return from.page * channels_ + from.channel;
  }
  /// Port and port-local byte address of a channel's page. Past the end: the last port, beyond its capacity.
  unsigned port(std::uint64_t channel_page) const {
    return static_cast<unsigned>(std::min<std::uint64_t>(channel_page / port_pages_, ports_ - 1));
  }
  std::uint64_t port_address(std::uint64_t channel_page) const {
    return (channel_page - port(channel_page) * port_pages_) * kPageBytes;
  }
  std::uint64_t port_pages() const { return port_pages_; }

  /// The block that holds a page of the window, without remapping: pages of one erase.
  Block block(std::uint64_t window_page) const { return block_of(direct(window_page)); }
  unsigned page_in_block(std::uint64_t window_page) const {
    return static_cast<unsigned>(window_page / channels_ / lanes_ % pages_per_block_);
  }

  /// False, and no change, if a block is not there or the entry does not exist.
  bool set(unsigned entry, const Block& from, const Block& to) {
    if (entry >= kEntries || !exists(from) || !exists(to)) return false;
    used_ += entries_[entry].used ? 0 : 1;
    entries_[entry] = {true, from, to};
    return true;
  }
  bool clear(unsigned entry) {
    if (entry >= kEntries) return false;
    used_ -= entries_[entry].used ? 1 : 0;
    entries_[entry] = {};
    return true;
  }
  bool remapped() const { return used_ != 0; }

 private:
  struct Entry {
    bool used = false;
    Block from, to;
  };
  Place direct(std::uint64_t window_page) const {
    return {static_cast<unsigned>(window_page % channels_), window_page / channels_};
  }
  Block block_of(const Place& at) const {
    return {static_cast<std::uint32_t>(at.page / lanes_ / pages_per_block_), at.channel,
            static_cast<unsigned>(at.page % lanes_)};
  }
  std::uint64_t page_of(const Block& block, std::uint64_t page_in_block) const {
    return (std::uint64_t{block.row} * pages_per_block_ + page_in_block) * lanes_ + block.lane;
  }
  bool exists(const Block& block) const {
    return block.channel < channels_ && block.lane < lanes_ && page_of(block, 0) < channel_pages_;
  }

  unsigned channels_;
  unsigned lanes_;
  unsigned pages_per_block_;
  std::uint64_t port_pages_;
  unsigned ports_;
  std::uint64_t channel_pages_;
  std::array<Entry, kEntries> entries_;
  unsigned used_ = 0;
};

}  // namespace memwall::hbf
