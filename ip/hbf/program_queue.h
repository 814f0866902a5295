// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Pages that the controller programs by itself: entries of a source in chip memory and a target in the
/// window. Entries and their pages are taken strictly in order; up to kSlots pages are fetched ahead of the
/// cube. Plain state; the controller does the fetches and the writes. After a fetch that failed nothing more
/// of its entry is written.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "hbf/axi.h"

namespace memwall::hbf {

class ProgramQueue {
 public:
  static constexpr unsigned kEntries = 64;  ///< queued, running, and done but not taken
  static constexpr unsigned kSlots = 64;    ///< pages of SRAM

  struct Entry {
    std::uint64_t source = 0;       ///< chip address
    std::uint64_t target_page = 0;  ///< of the window
    std::uint64_t stride = 1;       ///< pages
    std::uint32_t pages = 0;
    std::uint16_t tag = 0;
  };
  struct Done {
    std::uint16_t tag = 0;
    bool failed = false;
    bool bus_error = false;
  };
  /// A page to read from chip memory.
  struct Fetch {
    std::uint64_t id = 0;
    std::uint64_t address = 0;
    std::uint8_t* data = nullptr;  ///< 4096 bytes; null if not functional
  };
  /// A page whose contents are there.
  struct Page {
    std::uint64_t id = 0;
    std::uint64_t page = 0;  ///< of the window
    const std::uint8_t* data = nullptr;
  };

  explicit ProgramQueue(bool functional) : functional_(functional) {}

  /// False: full, or no page.
  bool push(const Entry& entry);
  unsigned free() const { return kEntries - static_cast<unsigned>(running_.size() + done_.size()); }
  bool idle() const { return running_.empty(); }

  std::optional<Fetch> next_fetch();
  void fetched(std::uint64_t id, bool good);
  /// The next page in order, once its contents are there. `ended`: entries have ended by a fetch that failed.
  std::optional<Page> next_page(bool& ended);
  /// The cube has taken the contents of a page.
  void sent(std::uint64_t id);
  /// The cube has answered a page. True if an entry is done.
  bool answered(std::uint64_t id, bool good);

  const std::deque<Done>& done() const { return done_; }
  void pop() {
    if (!done_.empty()) done_.pop_front();
  }

 private:
  struct Running {
    Entry entry;
    std::uint64_t first_id = 0;  ///< of its page 0; page i has id first_id + i
    std::uint32_t fetching = 0;  ///< pages asked for
    std::uint32_t slots = 0;     ///< of those: still here
    std::uint32_t given = 0;     ///< pages given to the cube
    std::uint32_t answered = 0;
    bool failed = false;
    bool bus_error = false;  ///< nothing more is fetched or written
    bool over() const { return slots == 0 && answered == given && (bus_error || fetching == entry.pages); }
  };
  struct Slot {
    std::uint64_t id = 0;
    bool there = false;
    bool good = false;
    std::unique_ptr<std::uint8_t[]> data;
  };
  Running& running_of(std::uint64_t id);
  void drop_front();
  bool collect();
  std::unique_ptr<std::uint8_t[]> buffer();

  bool functional_;
  std::deque<Running> running_;
  std::deque<Done> done_;
  std::deque<Slot> slots_;     ///< being fetched, or there and not yet given to the cube; in order
  std::vector<Slot> sending_;  ///< given, not yet sent
  std::vector<std::unique_ptr<std::uint8_t[]>> buffers_;  ///< free
  std::uint64_t next_id_ = 0;
};

}  // namespace memwall::hbf
