// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A second, independent model of one channel, written from the rules of time in ip/hbf/README.md as plainly
/// as possible: every command, page and flit is in a list, every rule looks through the lists, nothing is
/// fast. It shares no code with hbf::Channel but the plain data of axi.h and config.h. Media without errors:
/// blocks with a frontier. Not covered: admin commands, streams, resets, faults.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "hbf/axi.h"
#include "hbf/config.h"

namespace memwall::hbf::testing_support {

class ChannelReference {
 public:
  struct Ask {
    TimePs at = 0;
    Command c;                       ///< data are not used
    std::vector<std::uint8_t> data;  ///< of a write
  };
  struct Throttle {
    TimePs at = 0;
    bool light = false, severe = false;
  };
  struct Answer {
    std::uint64_t cookie = 0;
    TimePs at = 0, first_beat = 0;
    unsigned status = 0, info = 0;
    std::vector<std::uint8_t> data;  ///< of a read
    bool operator==(const Answer& o) const {
      return cookie == o.cookie && at == o.at && first_beat == o.first_beat && status == o.status &&
             info == o.info && data == o.data;
    }
  };
  struct Totals {
    std::uint64_t senses = 0, hits = 0, gather_hits = 0, evictions = 0, programs = 0, erases = 0;
    std::uint64_t flits_down = 0, flits_up = 0;
  };

  ChannelReference(const Config& config, TimePs accumulate, TimePs gather)
      : config_(config), accumulate_(accumulate), gather_time_(gather) {}

  /// Pages of a block that are there already, with contents `fill(dlu, byte)`.
  template <class Fill>
  void preload(unsigned lane, std::uint64_t row, unsigned pages, const Fill& fill) {
    frontier_[{lane, row}] = pages;
    for (unsigned page = 0; page < pages; ++page) {
      const std::uint64_t dlu = row * lanes() * config_.pages_per_block + page * lanes() + lane;
      for (unsigned i = 0; i < kPageBytes; ++i) bytes_of(dlu)[i] = fill(dlu, i);
    }
  }

  std::vector<Answer> run(std::vector<Ask> asks, const std::vector<Throttle>& throttle) {
    std::stable_sort(asks.begin(), asks.end(), [](const Ask& a, const Ask& b) { return a.at < b.at; });
    for (Ask& ask : asks) {
      Cmd cmd;
      cmd.ask = std::move(ask);
      cmds_.push_back(cmd);
      wake(cmd.ask.at);
    }
    for (const Throttle& t : throttle) wake(t.at);
    lanes_.resize(lanes());
    credits_[kAr].total = config_.link.ar_credits;
    credits_[kW].total = config_.link.w_credits;
    credits_[kR].total = config_.link.r_credits;
    credits_[kB].total = config_.link.b_credits;
    while (!wakes_.empty()) {
      now_ = *wakes_.begin();
      wakes_.erase(wakes_.begin());
      settle();
      for (const Throttle& t : throttle) {
        if (t.at != now_) continue;
        const bool rises = t.severe && !severe_;
        light_ = t.light, severe_ = t.severe;
        if (rises && config_.readings.severe_in_flight == Readings::SevereInFlight::kBlocked) block_all();
        settle();
      }
    }
    return answers_;
  }

  const Totals& totals() const { return totals_; }
  std::size_t unanswered() const {
    std::size_t n = 0;
    for (const Cmd& c : cmds_) n += c.stage == kAnswered ? 0 : 1;
    return n;
  }

 private:
  enum Stage {
    kFuture,     // not offered
    kWaiting,    // in front of the link
    kDown,       // on the link
    kDelayed,    // scratchpad
    kSensing,    // needs a page
    kGathering,  // chunk of an open or accepted DLU
    kReady,      // has its answer, waits for its turn or the link
    kUp,         // on the link
    kAnswered
  };
  enum Class { kAr, kW, kR, kB };

  struct Cmd {
    Ask ask;
    Stage stage = kFuture;
    TimePs due = 0;       // of the stage: lookup, scratchpad, arrival
    TimePs ready = 0;     // since when it may be sent
    bool may_go = false;  // no earlier one of its id
    unsigned sent = 0;    // messages
    unsigned status = 0, info = 0;
    int buffer = -1;  // that it keeps
    TimePs first_beat = 0;
    std::uint64_t looked_up = 0;  // rank
    std::vector<std::uint8_t> data;
  };
  struct Flit {
    TimePs begin;
    unsigned used;
  };
  struct Credit {
    unsigned total = 0;
    std::vector<std::pair<TimePs, unsigned>> taken;  // returned at
  };
  struct Job {
    bool program = false;
    std::uint64_t dlu = 0;
    unsigned stage = 0;
    std::vector<std::size_t> cmds;
    int state = 0;  // 0 collected, 1 in the lane's queue, 2 running, 3 decoding, 4 done
    bool batch = false;
    bool stale = false;
    bool joinable = true;
    int buffer = -1;
    TimePs end = 0;
    bool current = true;  // its block was not restarted since
  };
  struct Page {
    std::uint64_t dlu = ~std::uint64_t{0};
    bool valid = false, filling = false;
    std::uint64_t filled = 0;  // rank
    TimePs link_until = 0;
  };
  struct LaneState {
    std::vector<std::size_t> queue;
    int running = -1;
    Page pages[2];
  };
  struct Dlu {
    std::uint64_t dlu = 0;
    std::map<unsigned, std::vector<std::uint8_t>> chunks;
    std::vector<std::size_t> cmds;
    TimePs deadline = 0;
    int state = 0;  // 0 open, 1 accepted, 2 gone
    std::size_t job = 0;
  };

  // --- Geometry ---
  std::uint64_t lanes() const { return std::uint64_t{config_.dies_per_channel} * config_.planes_per_die; }
  std::uint64_t row_of(std::uint64_t dlu) const { return dlu / (lanes() * config_.pages_per_block); }
  unsigned lane_of(std::uint64_t dlu) const { return static_cast<unsigned>(dlu % lanes()); }
  unsigned page_of(std::uint64_t dlu) const {
    return static_cast<unsigned>(dlu / lanes() % config_.pages_per_block);
  }
  TimePs flit() const { return config_.link.grade == 1 ? 4000 : config_.link.grade == 2 ? 2000 : 1000; }
  static unsigned packet(const Cmd& c) { return c.ask.c.user & 3u; }
  std::uint64_t dlu_of(const Cmd& c) const {
    const std::uint64_t port_bytes = config_.capacity_bytes / config_.channels / config_.ports_per_channel;
    return (c.ask.c.port * port_bytes + c.ask.c.address) / kPageBytes;
  }
  bool beyond(const Cmd& c) const {
    return c.ask.c.address >= config_.capacity_bytes / config_.channels / config_.ports_per_channel;
  }

  std::vector<std::uint8_t>& bytes_of(std::uint64_t dlu) {
    std::vector<std::uint8_t>& bytes = memory_[dlu];
    if (bytes.empty()) bytes.assign(kPageBytes, 0xff);
    return bytes;
  }

  // --- Time ---
  void wake(TimePs at) {
    if (at >= now_ && at != kNever) wakes_.insert(at);
  }
  void settle() {
    again_ = true;
    while (again_) {
      again_ = false;
      arrivals();
      offers();
      send_down();
      ends();
      decodes();
      delays();
      lookups();
      timers();
      starts();
      send_up();
    }
    wakes_.erase(now_);
  }

  // --- Link ---
  TimePs place(std::vector<Flit>& wire, unsigned granules) {
    for (unsigned i = 0; i < granules; ++i) {
      const bool fits = !wire.empty() && wire.back().used < 48 && (i > 0 || now_ <= wire.back().begin);
      if (!fits) wire.push_back({wire.empty() ? now_ : std::max(now_, wire.back().begin + flit()), 0});
      ++wire.back().used;
    }
    return wire.back().begin + flit() + config_.link.latency;
  }
  bool affordable(Class cls, unsigned granules) {
    unsigned taken = 0;
    for (const auto& [returned, n] : credits_[cls].taken) taken += returned > now_ ? n : 0;
    return taken + granules <= credits_[cls].total;
  }
  /// One message; its arrival.
  TimePs message(std::vector<Flit>& wire, Class cls, unsigned granules) {
    const TimePs arrival = place(wire, granules);
    credits_[cls].taken.push_back({arrival + flit() + config_.link.latency, granules});
    wake(credits_[cls].taken.back().first);
    again_ = true;
    return arrival;
  }
  bool overlap(const Cmd& a, const Cmd& b) const {
    return packet(a) == packet(b) && a.ask.c.port == b.ask.c.port &&
           a.ask.c.address < b.ask.c.address + 64 * b.ask.c.beats() &&
           b.ask.c.address < a.ask.c.address + 64 * a.ask.c.beats();
  }
  /// The oldest command of a port and kind, if no older one of the other kind is in its way.
  Cmd* head_of(unsigned port, bool is_write) {
    for (std::size_t i = 0; i < cmds_.size(); ++i) {
      Cmd& c = cmds_[i];
      if (c.stage != kWaiting || c.ask.c.is_write != is_write || c.ask.c.port != port) continue;
      for (std::size_t j = 0; j < i; ++j) {
        const Cmd& other = cmds_[j];
        if (other.stage == kWaiting && other.ask.c.is_write != is_write && overlap(c, other)) return nullptr;
      }
      return &c;
    }
    return nullptr;
  }
  Cmd* begun_burst() {
    for (Cmd& c : cmds_) {
      if (c.stage == kWaiting && c.sent > 0) return &c;
    }
    return nullptr;
  }
  /// Ports take turns.
  Cmd* head(bool is_write) {
    for (unsigned i = 0; i < config_.ports_per_channel; ++i) {
      Cmd* c = head_of((turn_[is_write] + i) % config_.ports_per_channel, is_write);
      if (c != nullptr) return c;
    }
    return nullptr;
  }
  /// Kinds take turns for the last place.
  bool has_place(bool is_write) {
    const unsigned limit = config_.mocs_code == 0 ? 1 : 2u << config_.mocs_code;
    unsigned out = 0;
    for (const Cmd& c : cmds_) {
      const bool begun = c.stage == kWaiting ? c.sent > 0 : c.stage > kWaiting && c.stage < kAnswered;
      out += begun ? 1 : 0;
    }
    if (out + 1 != limit) return out < limit;
    if (is_write == last_place_is_of_writes_) return true;
    return is_write ? head(false) == nullptr : begun_burst() != nullptr || head(true) == nullptr;
  }
  void begin(const Cmd& c) {
    turn_[c.ask.c.is_write] = (c.ask.c.port + 1u) % config_.ports_per_channel;
    last_place_is_of_writes_ = !c.ask.c.is_write;
  }
  void send_down() {
    if (severe_) return;
    bool moved = true;
    while (moved) {
      moved = false;
      for (Cmd* c = head(false);
           c != nullptr && has_place(false) && affordable(kAr, config_.link.ar_granules); c = head(false)) {
        begin(*c);
        reached(*c, message(down_, kAr, config_.link.ar_granules));
        moved = true;
      }
      Cmd* c = begun_burst();
      TimePs last = 0;
      if (c == nullptr) {
        c = head(true);
        if (c == nullptr || !has_place(true) || !affordable(kW, config_.link.aw_granules)) continue;
        begin(*c);
        last = message(down_, kW, config_.link.aw_granules);
        c->sent = 1;
      }
      while (c->sent <= c->ask.c.beats() && affordable(kW, config_.link.w_granules)) {
        last = message(down_, kW, config_.link.w_granules);
        ++c->sent;
      }
      if (c->sent <= c->ask.c.beats()) continue;
      reached(*c, last);
      moved = true;
    }
    totals_.flits_down = down_.size();
  }
  void reached(Cmd& c, TimePs arrival) {
    c.stage = kDown;
    c.sent = 0;
    c.due = arrival + config_.timing.tBASE;
    c.looked_up = ++rank_;
    wake(c.due);
  }
  Cmd* next_up(bool is_write) {
    Cmd* best = nullptr;
    for (Cmd& c : cmds_) {
      if (c.stage != kReady || !c.may_go || c.ask.c.is_write != is_write) continue;
      if (c.sent > 0) return &c;
      if (best == nullptr || c.ready < best->ready) best = &c;
    }
    return best;
  }
  void send_up() {
    while (true) {
      if (Cmd* r = next_up(false); r != nullptr && affordable(kR, config_.link.r_granules)) {
        const TimePs arrival = message(up_, kR, config_.link.r_granules);
        if (r->sent == 0) r->first_beat = arrival;
        if (++r->sent == r->ask.c.beats()) leave(*r, arrival);
        continue;
      }
      Cmd* b = next_up(true);
      if (b == nullptr || !affordable(kB, config_.link.b_granules)) break;
      b->first_beat = message(up_, kB, config_.link.b_granules);
      leave(*b, b->first_beat);
    }
    totals_.flits_up = up_.size();
  }
  void leave(Cmd& c, TimePs arrival) {
    c.stage = kUp;
    c.due = arrival;
    wake(arrival);
    if (c.buffer >= 0) {
      TimePs& until = lanes_[c.buffer / 2].pages[c.buffer % 2].link_until;
      until = std::max(until, arrival - config_.link.latency);
      wake(until);
      c.buffer = -1;
    }
    turns();
  }
  /// Who is the first of its id may go; one that could not go before starts waiting now.
  void turns() {
    for (Cmd& c : cmds_) {
      if (c.stage < kDelayed || c.stage > kReady || c.may_go) continue;
      bool first = true;
      for (const Cmd& other : cmds_) {
        if (other.stage >= kDelayed && other.stage <= kReady && other.ask.c.is_write == c.ask.c.is_write &&
            other.ask.c.port == c.ask.c.port && other.ask.c.id == c.ask.c.id &&
            other.looked_up < c.looked_up) {
          first = false;
        }
      }
      if (!first) continue;
      c.may_go = true;
      c.ready = now_;
      c.buffer = -1;
      again_ = true;
    }
  }

  // --- Host ---
  void arrivals() {
    std::vector<Cmd*> here;
    for (Cmd& c : cmds_) {
      if (c.stage == kUp && c.due <= now_) here.push_back(&c);
    }
    for (Cmd* c : here) {
      c->stage = kAnswered;
      again_ = true;
      answers_.push_back({c->ask.c.cookie, now_, c->first_beat, c->status, c->info, c->data});
    }
  }
  void offers() {
    for (Cmd& c : cmds_) {
      if (c.stage == kFuture && c.ask.at <= now_) c.stage = kWaiting, again_ = true;
    }
  }

  // --- Base die ---
  void answer(Cmd& c, unsigned status, unsigned info = 0, int buffer = -1) {
    c.stage = kReady;
    c.status = status;
    c.info = info;
    c.ready = now_;
    c.buffer = c.may_go ? buffer : -1;
    if (!c.ask.c.is_write && status != 0) c.data.assign(64 * c.ask.c.beats(), 0xff);
    again_ = true;
  }
  void lookups() {
    while (true) {
      Cmd* next = nullptr;
      for (Cmd& c : cmds_) {
        if (c.stage == kDown && c.due <= now_ && (next == nullptr || c.looked_up < next->looked_up))
          next = &c;
      }
      if (next == nullptr) return;
      again_ = true;
      next->stage = kDelayed;
      next->due = kNever;
      turns();
      look_up(*next);
    }
  }
  void look_up(Cmd& c) {
    if (severe_ && config_.readings.severe_in_flight == Readings::SevereInFlight::kBlocked) {
      answer(c, 9, 1);
    } else if (packet(c) == 3) {
      answer(c, 3);
    } else if (packet(c) == 1) {
      scratchpad(c);
    } else if (c.ask.c.is_write) {
      write(c);
    } else {
      read(c);
    }
  }
  bool bad_shape(const Cmd& c) const {
    return c.ask.c.address % 64 != 0 || c.ask.c.address % kPageBytes + 64 * c.ask.c.beats() > kPageBytes;
  }
  void scratchpad(Cmd& c) {
    const std::uint64_t size = config_.scratchpad_bytes / config_.ports_per_channel;
    if (c.ask.c.address + 64 * c.ask.c.beats() > size) return answer(c, 1);
    if ((c.ask.c.user & 0x1f8u) != 0 || c.ask.c.address % 64 != 0 || c.ask.c.beats() > 64)
      return answer(c, 3);
    const std::uint64_t at = c.ask.c.port * size + c.ask.c.address;
    for (unsigned i = 0; i < 64 * c.ask.c.beats(); ++i) {
      if (c.ask.c.is_write) {
        scratch_[at + i] = c.ask.data[i];
      } else {
        c.data.push_back(scratch_[at + i]);
      }
    }
    c.due = now_ + config_.timing.tSCRATCHPAD;
    wake(c.due);
  }
  void delays() {
    for (Cmd& c : cmds_) {
      if (c.stage == kDelayed && c.due <= now_) answer(c, 0);
    }
  }

  void read(Cmd& c) {
    const bool batch = (c.ask.c.user & 4u) != 0;
    const std::size_t missed = read_page(c);
    const bool miss = missed != kNoJob;
    if (batch && !miss) return;
    if (batch) {
      run_ = true;
      jobs_[missed].batch = true;
      if (config_.readings.batch == Readings::Batch::kUntilRegular) {
        const TimePs wait = accumulate_ == 0 ? 1000000 : accumulate_;
        if (batch_deadline_ == kNever) batch_deadline_ = now_ + wait;
        wake(batch_deadline_);
        return;
      }
    } else if (!run_ && accumulate_ > 0) {
      if (miss && regular_deadline_ == kNever) regular_deadline_ = now_ + accumulate_;
      wake(regular_deadline_);
      return;
    } else {
      run_ = false;
    }
    release(true, true);
  }
  std::size_t read_page(Cmd& c) {
    if (beyond(c)) return answer(c, 1), kNoJob;
    if ((c.ask.c.user & 0x38u) != 0 || (c.ask.c.beats() > 1 && !config_.burst_reads) || bad_shape(c)) {
      return answer(c, 3), kNoJob;
    }
    const std::uint64_t dlu = dlu_of(c);
    const std::uint64_t first = c.ask.c.address % kPageBytes / 64;
    for (unsigned i = 0; i < 64 * c.ask.c.beats(); ++i) {
      c.data.push_back(bytes_of(dlu)[first * 64 + i]);
    }
    for (Dlu& d : dlus_) {
      if (d.dlu != dlu || d.state != 0) continue;
      for (unsigned i = 0; i < c.ask.c.beats(); ++i) {
        const auto chunk = d.chunks.find(static_cast<unsigned>(first) + i);
        if (chunk == d.chunks.end()) return answer(c, 0xA), kNoJob;
        std::copy(chunk->second.begin(), chunk->second.end(), c.data.begin() + 64 * i);
      }
      ++totals_.gather_hits;
      return answer(c, 0), kNoJob;
    }
    for (const Dlu& d : dlus_) {
      if (d.dlu == dlu && d.state == 1) return ++totals_.gather_hits, answer(c, 0), kNoJob;
    }
    if (page_of(dlu) >= frontier_[{lane_of(dlu), row_of(dlu)}]) return answer(c, 7), kNoJob;
    for (int b = 0; b < 2; ++b) {
      const Page& page = lanes_[lane_of(dlu)].pages[b];
      if (!page.valid || page.dlu != dlu) continue;
      ++totals_.hits;
      return answer(c, 0, 0, static_cast<int>(2 * lane_of(dlu)) + b), kNoJob;
    }
    c.stage = kSensing;
    const std::size_t me = static_cast<std::size_t>(&c - cmds_.data());
    const unsigned stage = c.ask.c.user >> 6;
    for (Job& job : jobs_) {
      if (job.program || job.state == 4 || job.dlu != dlu || job.stage != stage || !job.joinable) continue;
      ++totals_.hits;
      job.cmds.push_back(me);
      return kNoJob;
    }
    Job job;
    job.dlu = dlu;
    job.stage = stage;
    job.cmds.push_back(me);
    jobs_.push_back(job);
    return jobs_.size() - 1;
  }
  void release(bool regular, bool batch) {
    // Regular reads that still wait are older than any batch read that does.
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      Job& job = jobs_[i];
      if (job.program || job.state != 0 || !(job.batch ? batch : regular)) continue;
      job.state = 1;
      lanes_[lane_of(job.dlu)].queue.push_back(i);
      again_ = true;
    }
    if (regular) regular_deadline_ = kNever;
    if (batch) batch_deadline_ = kNever;
  }

  void write(Cmd& c) {
    if (beyond(c)) return answer(c, 1);
    if ((c.ask.c.user & 0x1fcu) != 0 || (c.ask.c.beats() > 1 && !config_.burst_writes) || bad_shape(c)) {
      return answer(c, 3);
    }
    const std::uint64_t dlu = dlu_of(c);
    const auto first = static_cast<unsigned>(c.ask.c.address % kPageBytes / 64);
    Dlu* mine = nullptr;
    std::size_t open = 0;
    bool page0_pending = false;
    for (Dlu& d : dlus_) {
      open += d.state == 0 ? 1 : 0;
      if (d.dlu == dlu && d.state == 0) mine = &d;
      page0_pending = page0_pending || (d.dlu == dlu && d.state == 1 && jobs_[d.job].current);
    }
    if (mine != nullptr) {
      for (unsigned i = 0; i < c.ask.c.beats(); ++i) {
        if (mine->chunks.count(first + i) != 0) return answer(c, 2);
      }
    } else {
      const bool there =
          page_of(dlu) == 0 ? page0_pending : page_of(dlu) < frontier_[{lane_of(dlu), row_of(dlu)}];
      if (there) return answer(c, 2);
      if (open >= config_.open_dlus) return answer(c, 4);
      dlus_.emplace_back();
      mine = &dlus_.back();
      mine->dlu = dlu;
      mine->deadline = now_ + gather_time_;
      wake(mine->deadline);
    }
    c.stage = kGathering;
    mine->cmds.push_back(static_cast<std::size_t>(&c - cmds_.data()));
    for (unsigned i = 0; i < c.ask.c.beats(); ++i) {
      mine->chunks[first + i].assign(c.ask.data.begin() + 64 * i, c.ask.data.begin() + 64 * (i + 1));
    }
    if (mine->chunks.size() == 64) accept(*mine);
  }
  void accept(Dlu& d) {
    unsigned& frontier = frontier_[{lane_of(d.dlu), row_of(d.dlu)}];
    const unsigned page = page_of(d.dlu);
    if (page != 0 && page != frontier) {
      d.state = 2;
      for (const std::size_t i : d.cmds) answer(cmds_[i], 6, 1);
      return;
    }
    if (page == 0) release(true, true);
    const auto replaced = [&](std::uint64_t dlu) {
      return dlu == d.dlu || (page == 0 && lane_of(dlu) == lane_of(d.dlu) && row_of(dlu) == row_of(d.dlu));
    };
    for (Page& p : lanes_[lane_of(d.dlu)].pages) {
      if (replaced(p.dlu)) p.valid = false;
    }
    for (Job& job : jobs_) {
      if (!replaced(job.dlu) || job.state == 4) continue;
      if (job.program) {
        job.current = job.current && page != 0;
      } else {
        job.stale = true, job.joinable = false;
      }
    }
    if (page == 0) {
      for (unsigned i = 1; i < config_.pages_per_block; ++i) {
        memory_.erase(d.dlu + i * lanes());
      }
    }
    for (const auto& [chunk, bytes] : d.chunks) {
      std::copy(bytes.begin(), bytes.end(), bytes_of(d.dlu).begin() + chunk * 64);
    }
    frontier = page + 1;
    d.state = 1;
    d.job = jobs_.size();
    Job job;
    job.program = true;
    job.dlu = d.dlu;
    job.state = 1;
    job.cmds = d.cmds;
    jobs_.push_back(job);
    lanes_[lane_of(d.dlu)].queue.push_back(d.job);
  }
  void timers() {
    if (regular_deadline_ <= now_) release(true, false);
    if (batch_deadline_ <= now_) release(false, true);
    for (Dlu& d : dlus_) {
      if (d.state != 0 || d.deadline > now_) continue;
      d.state = 2;
      for (const std::size_t i : d.cmds) answer(cmds_[i], 5);
    }
  }

  // --- Array ---
  TimePs slowed(TimePs time) const {
    return light_
               ? static_cast<TimePs>(std::llround(static_cast<double>(time) * config_.thermal.light_factor))
               : time;
  }
  void starts() {
    for (std::size_t l = 0; l < lanes_.size(); ++l) {
      LaneState& lane = lanes_[l];
      if (lane.running >= 0 || lane.queue.empty()) continue;
      Job& job = jobs_[lane.queue.front()];
      TimePs time = 0;
      if (job.program) {
        time = config_.timing.tPROG + (page_of(job.dlu) == 0 ? config_.timing.tBERS : 0);
        totals_.erases += page_of(job.dlu) == 0 ? 1 : 0;
        ++totals_.programs;
      } else {
        job.buffer = free_buffer(l);
        if (job.buffer < 0) continue;
        Page& page = lane.pages[job.buffer];
        totals_.evictions += page.valid ? 1 : 0;
        ++totals_.senses;
        page.dlu = job.dlu;
        page.valid = false;
        page.filling = true;
        page.filled = ++rank_;
        time = job.stage > 0 ? config_.timing.tRETRY : config_.timing.tR;
      }
      job.end = now_ + slowed(time);
      job.state = 2;
      wake(job.end);
      lane.running = static_cast<int>(lane.queue.front());
      lane.queue.erase(lane.queue.begin());
      again_ = true;
    }
  }
  int free_buffer(std::size_t l) const {
    const Page(&pages)[2] = lanes_[l].pages;
    const auto empty = [&](int b) { return !pages[b].valid && !pages[b].filling; };
    const int older = pages[0].filled <= pages[1].filled ? 0 : 1;
    const auto quiet = [&](int b) {
      if (pages[b].filling || pages[b].link_until > now_) return false;
      return std::none_of(cmds_.begin(), cmds_.end(), [&](const Cmd& c) {
        return c.stage == kReady && c.buffer == static_cast<int>(2 * l) + b;
      });
    };
    for (const int b : {older, 1 - older}) {
      const bool candidate = empty(b) || (b == older && !empty(1 - older));
      if (candidate && quiet(b)) return b;
    }
    return -1;
  }
  void ends() {
    for (LaneState& lane : lanes_) {
      if (lane.running < 0 || jobs_[lane.running].end > now_) continue;
      Job& job = jobs_[lane.running];
      lane.running = -1;
      again_ = true;
      if (!job.program) {
        job.state = 3;
        job.end = now_ + config_.timing.tECC;
        wake(job.end);
        continue;
      }
      job.state = 4;
      for (Dlu& d : dlus_) {
        if (d.state == 1 && &jobs_[d.job] == &job) d.state = 2;
      }
      for (const std::size_t i : job.cmds) answer(cmds_[i], 0);
    }
  }
  void decodes() {
    for (Job& job : jobs_) {
      if (job.state != 3 || job.end > now_) continue;
      job.state = 4;
      const unsigned lane = lane_of(job.dlu);
      Page& page = lanes_[lane].pages[job.buffer];
      page.filling = false;
      page.valid = !job.stale;
      for (const std::size_t i : job.cmds) answer(cmds_[i], 0, 0, static_cast<int>(2 * lane) + job.buffer);
      again_ = true;
    }
  }
  /// Severe throttling that answers what is in flight.
  void block_all() {
    for (Dlu& d : dlus_) {
      if (d.state == 0) {
        d.state = 2;
        for (const std::size_t i : d.cmds) answer(cmds_[i], 9, 1);
      }
    }
    for (std::size_t k = jobs_.size(); k-- > 0;) {
      Job& job = jobs_[k];
      if (job.state == 4) continue;
      for (const std::size_t i : job.cmds) answer(cmds_[i], 9, 1);
      job.cmds.clear();
      if (job.state >= 2) continue;
      job.state = 4;
      if (!job.program) continue;
      for (Dlu& d : dlus_) {
        if (d.state == 1 && d.job == k) d.state = 2;
      }
      unsigned& frontier = frontier_[{lane_of(job.dlu), row_of(job.dlu)}];
      if (job.current) frontier = std::min(frontier, page_of(job.dlu));
    }
    for (LaneState& lane : lanes_) lane.queue.clear();
    regular_deadline_ = batch_deadline_ = kNever;
  }

  static constexpr std::size_t kNoJob = ~std::size_t{0};
  Config config_;
  TimePs accumulate_, gather_time_;
  TimePs now_ = 0;
  bool again_ = false, last_place_is_of_writes_ = false, light_ = false, severe_ = false, run_ = false;
  std::uint64_t rank_ = 0;
  TimePs regular_deadline_ = kNever, batch_deadline_ = kNever;
  std::set<TimePs> wakes_;
  std::vector<Cmd> cmds_;  // in order of offer
  std::vector<Flit> down_, up_;
  Credit credits_[4];
  unsigned turn_[2] = {0, 0};  // port that goes first
  std::vector<LaneState> lanes_;
  std::vector<Job> jobs_;
  std::vector<Dlu> dlus_;
  std::map<std::pair<unsigned, std::uint64_t>, unsigned> frontier_;
  std::map<std::uint64_t, std::vector<std::uint8_t>> memory_;  // pages
  std::map<std::uint64_t, std::uint8_t> scratch_;
  std::vector<Answer> answers_;
  Totals totals_;
};

}  // namespace memwall::hbf::testing_support
