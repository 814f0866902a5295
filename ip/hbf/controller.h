// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The host side of one HBF cube, with the cube behind it: plain C++, event-driven. It splits accesses of any
/// length into AXI commands of at most one page, gives them ids, keeps the limits of commands in flight,
/// reads ahead (read_ahead.h), programs pages from chip memory (program_queue.h), remaps blocks
/// (address_map.h), and carries admin commands, sideband accesses, power and reset. What the chip must do for
/// it (fetch from memory) and what it has to tell (accesses done, interrupt causes) is collected until it is
/// taken.
///
/// Order: reads and writes of a channel leave in the order in which they came, demand before read-ahead;
/// nothing is ordered between channels. A page that is read ahead is dropped when a write of it, or of page 0
/// of its block, comes and again when that write is answered, so what is served is never older than the last
/// write that has been answered. Accesses wait while READY is low; commands lost in a reset are answered as
/// 0x9 info 0, and those to a cube that has shut down as 0x9 info 1.
///
/// Not modelled: a limit of the accesses that wait in the controller; the time of its own logic and SRAM.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <unordered_map>
#include <vector>

#include "hbf/address_map.h"
#include "hbf/cube.h"
#include "hbf/event_queue.h"
#include "hbf/id_pool.h"
#include "hbf/program_queue.h"
#include "hbf/read_ahead.h"

namespace memwall::hbf {

class Controller {
 public:
  explicit Controller(const Config& config);

  /// An access of the chip. Inside the window; a write starts and ends at multiples of 64 bytes.
  struct Request {
    std::uint64_t tag = 0;
    bool is_write = false;
    std::uint64_t address = 0;  ///< window offset
    std::uint64_t bytes = 0;
    std::uint8_t* data = nullptr;  ///< null: traffic without data. Stays valid until it is done.
    std::optional<unsigned> stage = std::nullopt;  ///< read-retry stage of its pages; none: set_retry_stage()
  };
  /// Status of the failed page with the lowest offset, else of such a page that was not plain OK.
  struct Outcome {
    unsigned code = 0;
    unsigned info = 0;
    bool failed = false;
    std::uint64_t address = kNever;  ///< window offset; kNever: every page was plain OK
  };
  struct Done {
    std::uint64_t tag = 0;
    TimePs at = 0;
    bool good = false;  ///< false: a page failed; bytes of a read that failed are 0xff
    Outcome outcome = {};
  };
  /// A read of chip memory that the controller needs; answered by fetched().
  struct Fetch {
    std::uint64_t id = 0;
    std::uint64_t address = 0;
    std::uint32_t bytes = 0;
    std::uint8_t* data = nullptr;  ///< null: traffic without data
  };
  /// Bits of IRQ_STATUS.
  enum Cause : std::uint32_t { kEvent = 1, kAdmin = 2, kProgram = 4, kPins = 8 };

  // Time.
  TimePs now() const { return now_; }
  TimePs next_event() const;
  void advance(TimePs to);

  // What has come up since it was last taken.
  bool has_news() const { return !done_.empty() || !fetches_.empty() || causes_ != 0; }
  std::vector<Done> take_done();
  std::vector<Fetch> take_fetches();
  std::uint32_t take_causes();
  /// A fetch is done at `at`, now or later.
  void fetched(TimePs at, std::uint64_t id, bool good);

  // Everything below happens at now().
  void submit(const Request& request);
  /// Of the page reads that follow: ARUSER[8:6].
  void set_retry_stage(unsigned stage) { retry_stage_ = stage; }

  struct AdminCommand {
    bool is_write = false;
    unsigned channel = 0;
    unsigned port = 0;
    bool mmio = false;
    unsigned len = 0;           ///< beats - 1
    std::uint64_t address = 0;  ///< xADDR
  };
  struct AdminState {
    bool busy = false;
    bool done = false;
    unsigned code = 0;
    unsigned info = 0;
  };
  static constexpr unsigned kAdminWords = 1024;  ///< 64 beats
  /// Ignored while one is busy. A channel or port that does not exist answers 0x1 at once.
  void admin(const AdminCommand& command);
  const AdminState& admin_state() const { return admin_state_; }
  std::uint32_t admin_word(unsigned index) const { return admin_data_[index % kAdminWords]; }
  void set_admin_word(unsigned index, std::uint32_t value) { admin_data_[index % kAdminWords] = value; }

  bool sideband_read(unsigned channel, Space space, std::uint32_t offset, std::uint32_t& value);
  bool sideband_write(unsigned channel, Space space, std::uint32_t offset, std::uint32_t value);
  bool ready() const { return cube_.ready(); }
  bool cattrip() const { return cube_.cattrip(); }
  void reset_base_die();
  void power_cycle();
  /// False: no such fault, or outside the window.
  bool inject(std::uint64_t address, FaultKind kind, unsigned stages, unsigned info);

  const EventQueue& events() const { return events_; }
  void pop_event() { events_.pop(); }

  struct StreamTable {
    std::uint64_t address = 0;  ///< chip address of the entries
    unsigned entries = 0;
  };
  /// Fetches the table and reads ahead. A table that cannot be read, or an entry that is not whole pages of
  /// the window, ends it: stream_error().
  void start_stream(const StreamTable& table, unsigned depth, bool wrap);
  void set_stream(unsigned depth, bool wrap);
  void restart_stream();
  void stop_stream();
  bool stream_error() const { return stream_error_; }
  const ReadAhead& read_ahead() const { return read_ahead_; }

  struct Program {
    std::uint64_t source = 0;  ///< chip address
    std::uint64_t target = 0;  ///< window offset
    std::uint64_t stride = 1;  ///< pages
    std::uint32_t pages = 0;
    std::uint16_t tag = 0;
  };
  /// False: the queue is full, or there is no page.
  bool program(const Program& entry);
  const ProgramQueue& programs() const { return programs_; }
  void pop_program() { programs_.pop(); }

  /// False: no such entry or block.
  bool remap(unsigned entry, std::uint32_t from, std::uint32_t to);
  bool clear_remap(unsigned entry);

  // Contents without time: before the simulation, and for debuggers. Inside the window.
  void debug_read(std::uint64_t address, std::uint8_t* data, std::uint64_t bytes) const;
  /// Counts as programmed before the simulation. `data` null: only that.
  void debug_write(std::uint64_t address, const std::uint8_t* data, std::uint64_t bytes);

  struct Counters {
    std::uint64_t read_requests = 0;
    TimePs read_latency = 0;           ///< summed over them
    std::uint64_t pages_read = 0;      ///< page parts read from the cube, read-ahead included
    std::uint64_t misses = 0;          ///< page parts that were not read ahead
    TimePs exposed = 0;                ///< what they waited
    std::uint64_t written_bytes = 0;   ///< of pages that went to the cube
    std::uint64_t refused_writes = 0;  ///< page parts
    std::uint64_t refresh_hints = 0;   ///< page reads answered 0x5 or 0x4
    std::uint64_t rewritten = 0;       ///< blocks with contents that were written again from page 0
  };
  const Counters& counters() const { return counters_; }
  const Config& config() const { return config_; }
  Cube& cube() { return cube_; }
  const Cube& cube() const { return cube_; }

 private:
  using Index = std::uint32_t;
  /// A page, or a part of one, on its way; or a stream.
  struct Op {
    enum class Kind : std::uint8_t { kFree, kRead, kAhead, kWrite, kProgram, kStream };
    Kind kind = Kind::kFree;
    bool issued = false;
    std::uint32_t uses = 0;
    Index request = 0;  // kRead, kWrite, kStream
    unsigned channel = 0;
    unsigned stage = 0;
    std::uint64_t channel_page = 0;
    std::uint64_t window_page = 0;
    std::uint64_t pages = 1;  // kStream
    std::uint32_t offset = 0, bytes = 0;
    std::uint8_t* data = nullptr;  // of [offset, offset + bytes); null: none
    std::uint64_t token = 0;       // kAhead: of ReadAhead; kProgram: of ProgramQueue
    TimePs since = 0;
    std::uint32_t pending = 0;  // commands
    unsigned code = 0, info = 0;
    bool failed = false;
    std::vector<std::uint8_t> bounce;  // whole chunks around an unaligned read
  };
  struct Waiting {
    std::uint64_t tag = 0;
    bool is_write = false;
    bool good = true;
    std::uint64_t parts = 0;
    TimePs since = 0;
    std::optional<unsigned> stage = std::nullopt;
    Outcome outcome = {};
  };
  struct Channel {
    explicit Channel(unsigned ids) : read_ids(ids), write_ids(ids) {}
    std::deque<Index> reads, ahead, writes, streams;
    unsigned reading = 0;                              // page reads in flight
    std::unordered_map<std::uint64_t, unsigned> dlus;  // channel page -> page writes in flight
    std::uint64_t commands = 0;                        // in flight, as the cube counts them
    bool streaming = false;
    std::uint64_t stream_pages = 0, stream_base = 0;  // read_bytes when it began
    bool watched = false;                             // commands may get lost
    bool stalled = false;                             // some are
    IdPool read_ids, write_ids;
  };
  struct TableFetch {
    std::vector<std::uint8_t> bytes;
    unsigned pieces = 0;
    bool good = true;
  };
  struct FetchDone {
    TimePs at;
    std::uint64_t order;
    std::uint64_t id;
    bool good;
    bool operator>(const FetchDone& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  void step(TimePs to);
  bool quiet() const;
  TimePs streams_until() const;
  void pump();
  void refuse_all();
  void refuse(Index index);
  void pump_channel(unsigned channel);
  void pump_ahead();
  void pump_programs();

  Index claim(Op::Kind kind);
  void give_back(Index index);
  void read_part(Index request, std::uint64_t page, std::uint32_t offset, std::uint32_t bytes,
                 std::uint8_t* data);
  void queue_read(Index request, std::uint64_t page, std::uint32_t offset, std::uint32_t bytes,
                  std::uint8_t* data, TimePs since);
  void promote(std::uint64_t page);
  void queue_streams(Index request, std::uint64_t first_page, std::uint64_t pages);
  void place(Op& op);
  void issue(Index index);
  void issue_stream(Index index);
  void on_response(const Response& response);
  void on_notice(const Notice& notice);
  void finish(Index index, TimePs at);
  void finish_ahead(Index index, TimePs at);
  void part_done(Index request, TimePs at, bool good);
  void record(const Op& op, std::uint64_t address);
  void note(Index request, const Outcome& outcome);
  void accept_write(Index index);
  void drop_written(std::uint64_t window_page);
  void check_lost(unsigned channel);
  void check_pins();
  void table_fetched();
  void finish_admin(unsigned code, unsigned info);
  unsigned read_limit() const { return read_limit_; }

  Config config_;
  Cube cube_;
  AddressMap map_;
  EventQueue events_;
  ReadAhead read_ahead_;
  ProgramQueue programs_;
  TimePs now_ = 0;
  unsigned read_limit_;
  unsigned write_limit_;
  unsigned retry_stage_ = 0;
  std::uint64_t window_pages_;

  std::vector<Op> ops_;
  std::vector<Index> free_ops_;
  std::vector<Waiting> requests_;
  std::vector<Index> free_requests_;
  std::vector<Channel> channels_;
  std::uint32_t dirty_ = 0;  // channels that may be able to send
  bool ahead_dirty_ = false;
  std::uint64_t in_flight_ = 0;  // ops, queued ones too
  std::uint64_t streams_ = 0;    // of those

  bool last_ready_ = true;
  bool last_cattrip_ = false;
  AdminState admin_state_;
  AdminCommand admin_command_;
  std::vector<std::uint32_t> admin_data_;
  std::vector<std::uint8_t> admin_beats_;  // of the command in flight
  bool admin_issued_ = false;

  bool stream_error_ = false;
  unsigned stream_depth_ = 0;
  bool stream_wrap_ = false;
  std::uint64_t table_ = 0;  // number of the last table
  std::map<std::uint64_t, TableFetch> table_fetches_;

  std::vector<Done> done_;
  std::vector<Fetch> fetches_;
  std::uint32_t causes_ = 0;
  std::priority_queue<FetchDone, std::vector<FetchDone>, std::greater<>> agenda_;
  std::uint64_t next_order_ = 0;
  std::vector<Response> responses_;
  std::vector<Notice> notices_;
  std::vector<ReadAhead::Waiter> served_, refused_;
  Counters counters_;
};

}  // namespace memwall::hbf
