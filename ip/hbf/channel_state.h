// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The inside of hbf::Channel, shared by channel*.cpp only. Everything that waits is in exactly one queue;
/// the queues of one instant are worked off in the order of README.md ("The rules of time").
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/sparse_memory.h"
#include "hbf/channel.h"
#include "hbf/page_index.h"

namespace memwall::hbf {

struct Channel::State {
  static constexpr std::uint32_t kNone = ~0u;
  static constexpr std::uint64_t kNoPage = ~std::uint64_t{0};

  /// A command from its offer to its response.
  struct Txn {
    Command c;
    std::uint64_t order = 0;  // of offers
    std::uint64_t dlu = 0;    // channel-local page
    TimePs ready_at = 0;
    TimePs first_beat = 0;
    std::uint32_t stream = kNone;
    std::uint32_t next_same_id = kNone;
    std::uint32_t next_reader = kNone;  // of the same sense
    std::uint32_t hold = kNone;         // page buffer that it keeps: 2 * lane + buffer
    unsigned messages_sent = 0;         // AW and W; R
    std::uint16_t user = 0;             // of the response
    bool live = false;
    bool looked_up = false;
    bool turn = false;               // no earlier response of its id is open
    bool ready = false;              // has its answer
    std::vector<std::uint8_t> data;  // of a write
  };

  /// What the array does for a page.
  struct Op {
    bool program = false;
    bool stale = false;      // contents changed since: must not stay in a buffer
    bool abandoned = false;  // a program whose end media does not hear of
    unsigned stage = 0;
    unsigned buffer = 0;
    unsigned lane = 0;
    std::uint64_t dlu = 0;
    std::uint32_t next = kNone;  // in the lane's queue
    std::uint32_t first_reader = kNone, last_reader = kNone;
    std::uint32_t gather = kNone;
    TimePs duration = 0;
    Media::Sensed sensed;
    Media::Started started;
  };

  struct Buffer {
    std::uint64_t dlu = kNoPage;
    bool valid = false;    // serves hits
    bool filling = false;  // from the start of the sense to the end of decoding
    ReadStatus status = ReadStatus::kOk;
    unsigned info = 0;
    unsigned waiting = 0;   // responses from it that have not been sent
    TimePs link_until = 0;  // end of the last flit with a response from it
  };

  struct Lane {
    std::uint32_t head = kNone, tail = kNone;  // queue of operations
    std::uint32_t running = kNone;
    TimePs end = 0;  // of the running operation
    bool flagged = false;
    unsigned newest = 1;  // buffer that was filled last
    std::array<Buffer, 2> buffers;
  };

  /// A DLU from its first chunk to the end of its program.
  struct Gather {
    std::uint64_t dlu = 0;
    std::uint64_t mask = 0;
    TimePs deadline = 0;
    bool has_data = false;
    std::vector<std::uint32_t> commands;
    std::vector<std::uint8_t> data;
  };

  struct PageRecord {
    unsigned open = 0;  // commands without response
    std::uint16_t user = 0;
  };
  struct StreamState {
    Stream s;
    bool live = false;
    bool started = false;
    std::uint64_t issued = 0;
    std::uint64_t done = 0;
    std::uint64_t front = 0;  // page of records.front()
    std::deque<PageRecord> records;
    TimePs first_beat = kNever;
    std::uint16_t user = 0;
  };

  struct Timed {
    TimePs at;
    std::uint32_t slot;
    bool operator>(const Timed& other) const { return at != other.at ? at > other.at : slot > other.slot; }
  };
  struct Offer {
    TimePs at;
    std::uint64_t sequence;
    std::uint32_t slot;
    bool stream;
    bool operator>(const Offer& other) const {
      return at != other.at ? at > other.at : sequence > other.sequence;
    }
  };
  template <class T>
  using EarliestFirst = std::priority_queue<T, std::vector<T>, std::greater<T>>;

  State(const Config& c, unsigned i);

  // The loop (channel.cpp).
  void run(TimePs to, std::vector<Response>& out, std::vector<Notice>& to_notices);
  TimePs next_time() const;
  void instant(TimePs t);
  void settle_throttle() const;
  std::uint32_t new_txn();
  void free_txn(std::uint32_t slot);
  std::uint32_t new_op();
  void check_command(const Command& c) const;
  void check_stream(const Stream& s) const;

  // The host and the link (channel_host.cpp).
  void take_offers();
  void offer(std::uint32_t slot);
  std::uint32_t next_request(bool is_write) const;
  bool has_place(std::uint32_t slot) const;
  void begin_request(std::uint32_t slot);
  bool may_send() const { return !severe && time >= link_up; }
  bool overlaps(const Txn& a, const Txn& b) const;
  bool overtakes(std::uint32_t slot, const std::deque<std::uint32_t>& others) const;
  void send_down();
  bool send_ar();
  bool send_aw();
  void send_up();
  bool send_r();
  bool send_b();
  void sent(std::uint32_t slot, TimePs last);
  void arrive(std::uint32_t slot, TimePs at);
  void feed(std::uint32_t stream);
  void arrive_of_stream(std::uint32_t slot, TimePs at);
  TimePs next_down() const;
  TimePs next_up() const;

  // The base die: commands (channel.cpp), reads, writes.
  void look_up(std::uint32_t slot);
  void look_up_admin(std::uint32_t slot);
  void look_up_scratchpad(std::uint32_t slot);
  void look_up_read(std::uint32_t slot);
  void look_up_write(std::uint32_t slot);
  void register_id(std::uint32_t slot);
  static std::size_t id_key(const Command& c) {
    return (std::size_t{c.port} * 2 + (c.is_write ? 1 : 0)) << kIdBits | c.id;
  }
  /// The answer is there; `hold` is the page buffer that has the data.
  void respond(std::uint32_t slot, unsigned status, unsigned info, std::uint32_t hold = kNone);
  void queue_response(std::uint32_t slot, std::uint32_t hold);
  bool misshapen(const Txn& x) const;
  unsigned misshapen_status() const;

  // Reads.
  bool refuse_read(std::uint32_t slot);
  bool refuse_page(std::uint32_t slot);
  bool serve_from_gather(std::uint32_t slot);
  bool serve_from_buffer(std::uint32_t slot);
  std::uint32_t join_or_miss(std::uint32_t slot);
  void collect(std::uint32_t op, bool batch);
  void release_all(std::vector<std::uint32_t>& set, TimePs& deadline);
  void expire_sets();
  void copy_out(const Txn& x);
  void decoded(std::uint32_t op);
  static std::uint64_t sense_key(std::uint64_t dlu, unsigned stage) { return dlu << 3 | stage; }

  // Lanes.
  void flag(unsigned lane);
  void start_lanes();
  void start_lane(unsigned lane);
  bool choose_buffer(unsigned lane, unsigned& buffer);
  void start_sense(std::uint32_t op, unsigned buffer);
  void start_program(std::uint32_t op);
  void end_operation(unsigned lane);
  TimePs scaled(TimePs duration) const;
  void enqueue(std::uint32_t op);
  void free_op(std::uint32_t op);

  // Writes.
  static std::uint64_t chunk_mask(const Txn& x);
  std::uint32_t open_gather(std::uint64_t dlu);
  void join_gather(std::uint32_t gather, std::uint32_t slot);
  void complete_gather(std::uint32_t gather);
  void answer_gather(std::uint32_t gather, unsigned status, unsigned info);
  void expire_gathers();
  void program_done(std::uint32_t op);
  void forget_accepted(std::uint64_t dlu);
  void invalidate_for_write(std::uint64_t dlu);

  // Resets and the like (channel_services.cpp).
  using PageTest = std::function<bool(std::uint64_t dlu)>;
  void invalidate(const PageTest& gone);
  void erase_pages(const PageTest& gone);
  void close_gathers(const PageTest& which, unsigned status, unsigned info);
  std::vector<std::uint32_t> withdraw(const std::function<bool(const Op&)>& test);
  void abandon_queued(std::vector<std::uint32_t>& taken, unsigned status, unsigned info);
  void abandon_running(std::uint32_t op);
  void drop_commands(std::uint32_t keep);
  void drop_array();
  void block_in_flight();
  void restart_link(TimePs at);
  void answer_readers(std::uint32_t op, unsigned status, unsigned info, std::uint32_t hold);
  template <class Visit>
  void for_each_op(const Visit& visit) {
    for (const std::uint32_t op : regular_set) visit(op);
    for (const std::uint32_t op : batch_run) visit(op);
    for (const Lane& lane : lanes) {
      if (lane.running != kNone) visit(lane.running);
      for (std::uint32_t op = lane.head; op != kNone; op = ops[op].next) visit(op);
    }
    for (const Timed& decode : decodes) visit(decode.slot);
  }

  // Fast-forward (channel_stream.cpp).
  /// What was learned does not hold any more.
  void disturb();
  /// The media may answer otherwise than was found out.
  void forget_plain();
  /// Registers may have been written, or time has changed them.
  void sample_management();
  /// At the end of an instant; true if time was jumped, which is then at most `to`.
  bool try_jump(TimePs to);
  bool jump(TimePs to);
  void skip(std::uint32_t stream, std::uint64_t periods);
  bool only_stream(std::uint32_t& stream) const;
  std::uint64_t next_dlu(const StreamState& stream) const;
  void describe(std::uint32_t stream, std::vector<std::uint64_t>& words);
  std::vector<std::uint64_t> unsensed(const StreamState& stream) const;
  std::uint64_t known_plain(const StreamState& stream, std::uint64_t enough, std::uint64_t most);
  std::uint64_t plain_periods(const StreamState& stream, std::uint64_t periods);
  void shift_commands(const StreamState& stream, TimePs by, std::uint64_t pages);
  void shift_array(TimePs by, std::uint64_t pages);
  /// What grows with a stream; the last one counts senses.
  using Totals = std::array<std::uint64_t, 9>;
  Totals totals() const;

  Config config;
  unsigned index;
  Media media;
  std::unique_ptr<Management> management;
  mutable ChannelCounters counters;
  TimePs time = 0;
  TimePs flit;

  /// What the registers say. They change between two runs, with admin commands and when management is due.
  struct Registers {
    bool ready = false, host_retry = false;
    unsigned limit = 0;
    TimePs accumulate = 0;
    std::uint64_t max_reads = 0;
    bool operator==(const Registers& o) const {
      return ready == o.ready && host_retry == o.host_retry && limit == o.limit &&
             accumulate == o.accumulate && max_reads == o.max_reads;
    }
  };
  Registers registers;
  TimePs management_due = 0;

  // Host.
  std::vector<Txn> txns;
  std::vector<std::uint32_t> free_txns;
  std::size_t live_txns = 0;
  EarliestFirst<Offer> offers;
  std::uint64_t sequence = 0;  // of submit()
  std::uint64_t order = 0;     // of offers
  struct Port {
    std::deque<std::uint32_t> ar, aw;  // offered, in front of the link
  };
  std::vector<Port> ports;
  unsigned ar_turn = 0, aw_turn = 0;  // port that goes first
  bool write_turn = false;            // whose the last place of MOCS is
  std::uint32_t burst = kNone;        // first AW of its port, some of whose W are on their way
  unsigned outstanding = 0;           // begun, not answered
  std::vector<StreamState> streams;
  unsigned started_streams = 0;
  std::size_t offered = 0;  // commands in `offers`

  // Link.
  LinkDirection down, up;
  Credits ar_credits, w_credits, r_credits, b_credits;
  TimePs link_up = 0;                          // nothing is sent before
  std::deque<Timed> lookups;                   // on the way down
  std::deque<std::uint32_t> r_queue, b_queue;  // ready, in order of (ready_at, order)
  std::deque<Timed> arrivals;                  // on the way up

  // Base die.
  std::vector<std::uint32_t> last_of_id;  // (port, direction, id) -> newest command
  std::uint32_t current = kNone;          // command in look_up
  std::uint64_t io_pending = 0;           // looked up, response not sent
  EarliestFirst<Timed> delayed;           // admin and scratchpad answers
  std::vector<Op> ops;
  std::vector<std::uint32_t> free_ops;
  PageIndex senses;  // from miss to the end of decoding
  std::vector<std::uint32_t> regular_set, batch_run;
  TimePs regular_deadline = kNever, batch_deadline = kNever;
  bool run_open = false;  // a batch read has missed, no regular read came since
  std::vector<Lane> lanes;
  EarliestFirst<Timed> lane_events;
  std::vector<unsigned> flagged;
  std::deque<Timed> decodes;
  std::vector<Gather> gathers;
  std::vector<std::uint32_t> free_gathers;
  std::unordered_map<std::uint64_t, std::uint32_t> open_gathers;
  std::unordered_map<std::uint64_t, unsigned> accepted;
  std::set<std::pair<TimePs, std::uint32_t>> gather_deadlines;
  SparseMemory scratchpad;

  // Throttle.
  bool light = false, severe = false;
  double degrees;
  mutable TimePs throttle_since = 0;

  std::vector<Response>* responses = nullptr;
  std::vector<Notice>* notices = nullptr;

  // Fast-forward.
  struct Reference {
    bool valid = false;
    std::uint32_t stream = 0;
    std::uint64_t steps = 0, patience = 1;
    TimePs at = 0;
    std::uint64_t issued = 0;
    Totals totals{};
    std::vector<std::uint64_t> words;
  };
  struct Period {
    std::uint64_t pages = 0;
    TimePs time = 0;
    Totals totals{};
  };
  bool fast_forward = true;
  Reference reference;
  Period period;
  std::vector<std::uint64_t> description;
  bool around = false;    // a stream has passed the last lane
  bool at_match = false;  // nothing has happened since the description was found equal
  TimePs plain_time = 0;  // until then, and as long as not more pages are issued, all senses are plain
  std::uint64_t plain_issued = 0;
  TimePs quiet_until = 0;  // nothing can be seen from outside before
};

}  // namespace memwall::hbf
