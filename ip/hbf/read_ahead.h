// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Pages read ahead of their use. Software gives a table of extents in the order of use; the walker keeps up
/// to `depth` pages of it in SRAM or on their way. Plain state, no time of its own: the controller asks for
/// pages to request, says when they arrive, and looks up what the chip reads.
///
/// A page leaves the SRAM when every 64 B chunk of it has been delivered; when some of it has and a page
/// requested kPassed later has been touched (ends of tensors that nobody reads); when none of it has and a
/// page requested `depth` later has been touched; when it stems from before the last restart() and room is
/// needed; and when what the cube holds has changed (drop). With wrap, the walker waits at a page that is
/// still held untouched.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "common/time.h"
#include "hbf/axi.h"

namespace memwall::hbf {

class ReadAhead {
 public:
  static constexpr std::uint64_t kPassed = 64;

  /// Pages [page, page + pages) of the window.
  struct Extent {
    std::uint64_t page = 0;
    std::uint64_t pages = 0;
  };
  /// A part of a page that the chip reads and that waits for the page.
  struct Waiter {
    std::uint64_t cookie = 0;
    std::uint32_t offset = 0;  ///< in the page
    std::uint32_t bytes = 0;
    std::uint8_t* out = nullptr;  ///< null: traffic without data
    TimePs since = 0;
  };
  struct Wanted {
    std::uint64_t token = 0;
    std::uint64_t page = 0;
    std::uint8_t* data = nullptr;  ///< 4096 bytes to fill; null if not functional
  };
  struct Counters {
    std::uint64_t requested = 0;  ///< pages
    std::uint64_t hits = 0;       ///< page parts served from SRAM
    std::uint64_t wasted = 0;     ///< pages dropped without a byte delivered
    TimePs hidden = 0;   ///< per page: from its request to its arrival, less what its first reader waited
    TimePs exposed = 0;  ///< per page: what its first reader waited
  };

  /// SRAM of `capacity` pages; no data are kept if not `functional`.
  ReadAhead(unsigned capacity, bool functional) : capacity_(capacity), functional_(functional) {}

  void start(std::vector<Extent> table, unsigned depth, bool wrap);
  /// Drops everything. What is on its way and waited for is still served.
  void stop();
  void restart();
  void set(unsigned depth, bool wrap);
  bool running() const { return running_; }
  /// Pages here or on the way.
  unsigned held() const { return static_cast<unsigned>(pages_.size()); }
  /// Table entry that the walker is at.
  unsigned entry() const { return static_cast<unsigned>(entry_); }

  /// The next page to request, if there is one and room for it. From now on it is held.
  std::optional<Wanted> next(TimePs now);
  /// False: the page was dropped before its request has left; arrived() may be told at once.
  bool still_wanted(std::uint64_t token) const;
  /// The page of `token` is there. Good: `served` are done, now, with their bytes. Else they are `refused`.
  /// `user`: RUSER of the answer.
  void arrived(std::uint64_t token, TimePs now, bool good, std::vector<Waiter>& served,
               std::vector<Waiter>& refused, std::uint32_t user = 0);

  enum class Lookup : std::uint8_t { kMiss, kHere, kWaits };
  /// The chip reads part of a page. kHere: done, bytes moved, `user` what arrived() was told. kWaits: `part`
  /// comes back from arrived().
  Lookup demand(std::uint64_t page, const Waiter& part, std::uint32_t* user = nullptr);

  // What the cube holds changes.
  void drop(std::uint64_t page);
  template <typename Predicate>
  void drop_if(Predicate matches) {
    for (auto it = pages_.begin(); it != pages_.end();) {
      const auto here = it++;
      if (!here->dropped && matches(here->page)) drop(here);
    }
  }
  void drop_all() {
    drop_if([](std::uint64_t) { return true; });
  }

  const Counters& counters() const { return counters_; }

 private:
  using Buffer = std::unique_ptr<std::uint8_t[]>;
  struct Held {
    std::uint64_t page = 0;
    std::uint64_t token = 0;
    std::uint64_t order = 0;  ///< of its last request or adoption by the walker
    std::uint64_t pass = 0;
    TimePs requested = 0;
    bool here = false;
    bool dropped = false;  ///< on its way, not to be kept
    bool counted = false;  ///< its latency has been told apart
    bool touched = false;
    std::uint64_t delivered = 0;  ///< bit i: chunk i
    TimePs latency = 0;
    std::uint32_t user = 0;
    Buffer data;
    std::vector<Waiter> waiters;
  };
  using Pages = std::list<Held>;  // by order

  void advance_walker();
  bool make_room();
  void sweep();
  void touch(Pages::iterator it, const Waiter& part);
  void drop(Pages::iterator it);
  void forget(Pages::iterator it);

  unsigned capacity_;
  bool functional_;
  bool running_ = false;
  bool wrap_ = false;
  unsigned depth_ = 0;
  std::vector<Extent> table_;
  std::size_t entry_ = 0;
  std::uint64_t in_entry_ = 0;
  bool finished_ = true;
  std::uint64_t pass_ = 0;
  std::uint64_t next_token_ = 0;
  std::uint64_t next_order_ = 0;
  std::uint64_t newest_touched_ = 0;
  std::uint64_t swept_ = 0;
  Pages pages_;
  std::unordered_map<std::uint64_t, Pages::iterator> by_page_;   // not dropped
  std::unordered_map<std::uint64_t, Pages::iterator> by_token_;  // on their way
  std::vector<Buffer> buffers_;                                  // free
  Counters counters_;
};

}  // namespace memwall::hbf
