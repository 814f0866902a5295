// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/steady_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"
#include "hbm/channel.h"

namespace memwall::hbm {
namespace {

/// Everything about a preset that decides what a channel does.
std::string behaviour_of(const Preset& preset) {
  const Organisation& o = preset.organisation;
  std::string text = fmt::format("{} {} {} {} {} {} {};", o.pseudo_channels, o.stack_ids, o.bank_groups,
                                 o.banks, o.rows, o.columns, preset.map.pattern_bits());
  // The map is linear over single bits, hashes included.
  for (unsigned bit = 0; bit < preset.map.address_bits(); ++bit) {
    const std::uint64_t local = std::uint64_t{1} << bit;
    if (local >= o.capacity_bytes / o.access_bytes / o.pseudo_channels_total()) break;
    const Place place = preset.map.place(local);
    text += fmt::format("{} {} {};", place.bank, place.row, place.column);
  }
  for (const Constraint& row : preset.constraints) {
    text += fmt::format("{} {} {} {}:", static_cast<int>(row.level), row.different, row.latency, row.window);
    for (const Command c : row.prev) text += to_string(c);
    text += '>';
    for (const Command c : row.next) text += to_string(c);
  }
  for (const char* parameter : {"tBL", "tRL", "tWL"}) text += fmt::format(" {}", preset.cycles(parameter));
  const ControllerConfig& c = preset.controller;
  return text +
         fmt::format(" {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", c.scheduler, c.page, c.write_drain,
                     c.refresh, c.arbitration, c.read_queue, c.write_queue, c.drain_high, c.drain_low,
                     c.row_hit_cap, c.page_timeout, c.refresh_max_postponed, c.power_down_after,
                     c.self_refresh_after, preset.refresh_interval(),
                     preset.refresh_management.present
                         ? preset.refresh_management.raaimt * 2 + (preset.refresh_management.per_bank ? 1 : 0)
                         : 0);
}

/// A train that feeds a queue: the oldest of its source and direction.
struct Head {
  std::uint32_t pc;
  std::uint32_t slot;
  Train* train;
};

std::uint64_t hash_of(const std::vector<std::int64_t>& words) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const std::int64_t word : words) {
    hash = (hash ^ static_cast<std::uint64_t>(word)) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
  }
  return hash;
}

}  // namespace

/// Writes the state of a channel as words relative to now and to its trains, or sets it from such words.
class StateCodec {
 public:
  /// `absolute`: rows and places as they are, for comparing channels at one time.
  StateCodec(Channel& channel, bool absolute)
      : channel_(channel), device_(*channel.device_), absolute_(absolute), now_(channel.now_) {}

  /// Finds the heads; false if the channel is not in a state that can be described by them alone.
  bool find_heads() {
    for (std::uint32_t p = 0; p < channel_.pcs_.size(); ++p) {
      PseudoChannel& pc = channel_.pcs_[p];
      const std::size_t first = heads_.size();
      for (std::size_t direction = 0; direction < 2; ++direction) {
        for (std::uint32_t left = pc.waiting[direction]; left != 0; left &= left - 1) {
          const std::uint32_t slot = pc.head[direction][static_cast<std::uint32_t>(__builtin_ctz(left))];
          Train& train = pc.trains[slot];
          if (train.arrival > now_) {
            next_arrival_ = std::min(next_arrival_, train.arrival);
            continue;
          }
          if (train.first_done == kNever) return false;
          heads_.push_back({p, slot, &train});
        }
      }
      const unsigned bits = device_.preset.map.pattern_bits();
      for (std::size_t a = first; a < heads_.size(); ++a) {
        for (std::size_t b = a + 1; b < heads_.size(); ++b) {
          const Train& x = *heads_[a].train;
          const Train& y = *heads_[b].train;
          if (x.begin >> bits <= (y.end - 1) >> bits && y.begin >> bits <= (x.end - 1) >> bits) return false;
        }
      }
      for (const Queue& queue : pc.queues) {
        for (std::uint32_t i = 0; i < queue.size; ++i) {
          if (ordinal(p, queue.train[queue.slot[i]]) < 0) return false;
        }
      }
      for (std::uint64_t left = pc.open_banks; left != 0; left &= left - 1) {
        if (owner(p, pc.banks[lowest(left)].row) < 0) return false;
      }
    }
    return true;
  }

  void encode(std::vector<std::int64_t>& words) {
    words_ = &words;
    words.clear();
    decoding_ = false;
    visit();
  }
  /// The heads must be those, and at those places modulo the pattern, of the encoded state.
  void decode(std::vector<std::int64_t>& words) {
    words_ = &words;
    at_ = 0;
    decoding_ = true;
    visit();
  }

  const std::vector<Head>& heads() const { return heads_; }
  void move_to(Cycle now) { now_ = now; }
  Cycle next_arrival() const { return next_arrival_; }

  /// All trains in flight in order, for comparing channels.
  void encode_trains(std::vector<std::int64_t>& words) {
    for (const PseudoChannel& pc : channel_.pcs_) {
      std::vector<const Train*> trains;
      for (const Train& train : pc.trains) {
        if (train.left != 0) trains.push_back(&train);
      }
      std::sort(trains.begin(), trains.end(), [](auto* a, auto* b) { return a->order < b->order; });
      words.push_back(static_cast<std::int64_t>(trains.size()));
      for (const Train* t : trains) {
        for (const std::uint64_t word :
             {t->order, t->begin, t->next, t->end, t->left, static_cast<std::uint64_t>(t->arrival),
              static_cast<std::uint64_t>(t->first_done), static_cast<std::uint64_t>(t->last_done),
              std::uint64_t{t->request}, std::uint64_t{t->source}, std::uint64_t{t->is_write},
              std::uint64_t{t->pins}}) {
          words.push_back(static_cast<std::int64_t>(word));
        }
      }
    }
  }

 private:
  // Every field goes through one of these, in both directions.
  void word(std::int64_t& value) {
    if (decoding_) {
      value = (*words_)[at_++];
    } else {
      words_->push_back(value);
    }
  }
  template <class T>
  void value(T& field) {
    auto w = static_cast<std::int64_t>(field);
    word(w);
    if (decoding_) field = static_cast<T>(w);
  }
  /// A time that matters only while it is not more than `horizon` in the past.
  void time(Cycle& t, Cycle horizon = 0) {
    std::int64_t w = t >= kNever / 2 ? kNever : std::max(t - now_, -horizon);
    word(w);
    if (decoding_) t = w == kNever ? kNever : now_ + w;
  }

  int ordinal(std::uint32_t pc, std::uint32_t slot) const {
    for (std::size_t i = 0; i < heads_.size(); ++i) {
      if (heads_[i].pc == pc && heads_[i].slot == slot) return static_cast<int>(i);
    }
    return -1;
  }
  /// The head whose rows include `row`.
  int owner(std::uint32_t pc, std::int64_t row) const {
    const AddressMap& map = device_.preset.map;
    const auto pattern = static_cast<std::uint64_t>(row) / map.row_step();
    for (std::size_t i = 0; i < heads_.size(); ++i) {
      const Train& train = *heads_[i].train;
      const bool inside =
          train.begin >> map.pattern_bits() <= pattern && pattern <= (train.end - 1) >> map.pattern_bits();
      if (heads_[i].pc == pc && inside) return static_cast<int>(i);
    }
    return -1;
  }
  std::int64_t base_row(int head) const {
    const AddressMap& map = device_.preset.map;
    return static_cast<std::int64_t>(heads_[static_cast<std::size_t>(head)].train->next >>
                                     map.pattern_bits()) *
           map.row_step();
  }
  template <class T>
  void row(T& row, int head) {
    const std::int64_t base = absolute_ ? 0 : base_row(head);
    std::int64_t w = static_cast<std::int64_t>(row) - base;
    word(w);
    if (decoding_) row = static_cast<T>(w + base);
  }

  void visit() {
    for (Cycle& ready : channel_.gates_.ready()) time(ready);
    visit_windows();
    if (!absolute_) {
      for (Head& head : heads_) visit_head(head);
    }
    visit_issue_order();
    for (std::uint32_t p = 0; p < channel_.pcs_.size(); ++p) visit_pc(p);
    value(channel_.power_);
    const ControllerConfig& config = device_.preset.controller;
    time(channel_.idle_since_,
         device_.has_power_states ? std::max(config.power_down_after, config.self_refresh_after) : 0);
    if (decoding_) {
      for (auto& picks : channel_.picks_) picks.valid = false;
    }
  }

  void visit_windows() {
    Gates& gates = channel_.gates_;
    for (const ConstraintTable::Window& window : gates.table().windows()) {
      const bool last = &window == &gates.table().windows().back();
      const std::size_t end = last ? gates.window_next().size() : (&window + 1)->counter;
      for (std::size_t i = window.counter; i < end; ++i) {
        Cycle* const times =
            gates.window_times().data() + window.offset + (i - window.counter) * window.length;
        std::uint8_t& next = gates.window_next()[i];
        if (decoding_) next = 0;
        for (std::uint32_t n = 0; n < window.length; ++n) {
          time(times[(next + n) % window.length], window.latency);
        }
      }
    }
  }

  /// The place itself is set by the caller; it must agree.
  void visit_head(Head& head) {
    const std::uint64_t mask = (std::uint64_t{1} << device_.preset.map.pattern_bits()) - 1;
    std::int64_t pc = head.pc;
    std::int64_t place = static_cast<std::int64_t>(head.train->next & mask);
    std::int64_t kind =
        (head.train->source * 2 + (head.train->is_write ? 1 : 0)) * 2 + (head.train->pins ? 1 : 0);
    word(pc);
    word(place);
    word(kind);
    if (device_.oldest_first) {
      std::int64_t rank = 0;
      for (const Head& other : heads_) {
        const auto key = [](const Train& t) { return std::make_pair(t.arrival, t.order); };
        if (other.pc == head.pc && key(*other.train) < key(*head.train)) ++rank;
      }
      word(rank);
    }
  }

  void visit_issue_order() {
    const std::size_t count = channel_.pcs_.size();
    std::vector<std::int64_t> rank(count, 0);
    for (std::size_t p = 0; p < count; ++p) {
      for (std::size_t q = 0; q < count; ++q) {
        const std::uint64_t a = channel_.pcs_[p].last_issue;
        const std::uint64_t b = channel_.pcs_[q].last_issue;
        if (b < a || (b == a && q < p)) ++rank[p];
      }
      word(rank[p]);
    }
    if (!decoding_) return;
    channel_.issued_ += count;
    for (std::size_t p = 0; p < count; ++p) {
      channel_.pcs_[p].last_issue = channel_.issued_ - count + 1 + static_cast<std::uint64_t>(rank[p]);
    }
  }

  void visit_pc(std::uint32_t p) {
    PseudoChannel& pc = channel_.pcs_[p];
    value(pc.draining);
    for (auto& source : pc.last_source) value(source);
    // A train that arrives later is no part of the state: nothing happens to it before.
    const Cycle arrival = next_arrival(pc);
    Cycle admit_at = pc.admit_at >= arrival ? kNever : pc.admit_at;
    time(admit_at);
    if (decoding_) pc.admit_at = std::min(admit_at, arrival);
    time(pc.refresh_due);
    value(pc.owed);
    value(pc.rotation);
    value(pc.maintenance);
    value(pc.maintenance_bank);
    time(pc.check_at);
    value(pc.background);
    if (decoding_) pc.background_since = now_;
    visit_banks(p, pc);
    for (Queue& queue : pc.queues) visit_queue(p, pc, queue);
    if (!decoding_) return;
    for (const Head& head : heads_) {
      if (head.pc != p) continue;
      head.train->left = head.train->end - head.train->next;
    }
    for (const Queue& queue : pc.queues) {
      for (std::uint32_t i = 0; i < queue.size; ++i) ++pc.trains[queue.train[queue.slot[i]]].left;
    }
  }

  /// Of a train that waits for its time; kNever if there is none.
  Cycle next_arrival(const PseudoChannel& pc) const {
    Cycle next = kNever;
    for (std::size_t direction = 0; direction < 2; ++direction) {
      for (std::uint32_t left = pc.waiting[direction]; left != 0; left &= left - 1) {
        const auto source = static_cast<std::uint32_t>(__builtin_ctz(left));
        const Cycle arrival = pc.trains[pc.head[direction][source]].arrival;
        if (arrival > now_) next = std::min(next, arrival);
      }
    }
    return next;
  }

  void visit_banks(std::uint32_t p, PseudoChannel& pc) {
    value(pc.open_banks);
    value(pc.managed_banks);
    const std::uint32_t served_horizon = device_.scheduler->served_horizon();
    const Cycle horizon = device_.page->horizon();
    for (std::size_t b = 0; b < device_.banks; ++b) {
      Bank& bank = pc.banks[b];
      if (device_.raaimt != 0) value(bank.activates);
      if ((pc.open_banks & bit(b)) == 0) {
        if (decoding_) bank.row = -1;
        continue;
      }
      std::int64_t head = decoding_ || absolute_ ? 0 : owner(p, bank.row);
      word(head);
      row(bank.row, static_cast<int>(head));
      if (served_horizon != 0) {
        std::uint32_t served = std::min(bank.served, served_horizon);
        value(served);
        bank.served = served;
      }
      if (horizon > 0) time(bank.last_use, horizon);
    }
  }

  void visit_queue(std::uint32_t p, PseudoChannel& pc, Queue& queue) {
    if (decoding_) queue = Queue();
    std::uint32_t size = queue.size;
    value(size);
    for (std::uint32_t i = 0; i < size; ++i) {
      const std::uint8_t slot = decoding_ ? static_cast<std::uint8_t>(i) : queue.slot[i];
      queue.slot[i] = slot;
      std::int64_t train = 0;
      if (!decoding_) {
        const Train& t = pc.trains[queue.train[slot]];
        train = absolute_ ? static_cast<std::int64_t>(t.order) : ordinal(p, queue.train[slot]);
      }
      word(train);
      if (decoding_) queue.train[slot] = heads_[static_cast<std::size_t>(train)].slot;
      row(queue.row[i], static_cast<int>(train));
      value(queue.bank[i]);
      value(queue.column[slot]);
      value(queue.flags[slot]);
      if (!decoding_) continue;
      queue.free_slots &= ~bit(slot);
      const std::uint8_t bank = queue.bank[i];
      ++queue.pending[bank];
      queue.pending_banks |= bit(bank);
      if (pc.banks[bank].row == static_cast<std::int64_t>(queue.row[i])) {
        queue.hits |= bit(i);
        ++queue.hit_count[bank];
        queue.hit_banks |= bit(bank);
      }
    }
    queue.size = size;
  }

  Channel& channel_;
  const Device& device_;
  bool absolute_;
  bool decoding_ = false;
  Cycle now_;
  Cycle next_arrival_ = kNever;
  std::vector<Head> heads_;
  std::vector<std::int64_t>* words_ = nullptr;
  std::size_t at_ = 0;
};

std::vector<std::int64_t> Channel::state_words() {
  std::vector<std::int64_t> words;
  StateCodec codec(*this, true);
  codec.encode(words);
  codec.encode_trains(words);
  return words;
}

std::shared_ptr<SteadyState> make_periods() { return std::make_shared<SteadyState>(); }

void SteadyState::join(const Preset& preset) {
  const std::string behaviour = behaviour_of(preset);
  if (behaviour_.empty()) behaviour_ = behaviour;
  if (behaviour != behaviour_)
    throw ModelError("contract", preset.name, "periods are shared with engines of another preset");
}

std::uint32_t SteadyState::node_of(const std::vector<std::int64_t>& words) {
  const std::uint64_t hash = hash_of(words);
  const auto [first, last] = by_hash_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    if (nodes_[it->second].words == words) return it->second;
  }
  node_words_ += words.size();
  if (node_words_ > kMaxWords) {
    node_words_ = words.size();
    nodes_.clear();
    by_hash_.clear();
    ++generation_;
  }
  const auto index = static_cast<std::uint32_t>(nodes_.size());
  nodes_.emplace_back();
  nodes_.back().words = words;
  by_hash_.emplace(hash, index);
  return index;
}

void SteadyState::anchor(Channel& channel, Cycle limit) {
  Anchor& last = channel.anchor_;
  const Anchor before = std::move(last);
  last = {};
  StateCodec codec(channel, false);
  if (!codec.find_heads()) return;
  std::vector<Head> heads = codec.heads();
  std::vector<std::uint64_t> orders;
  std::vector<std::uint64_t> left;
  for (const Head& head : heads) {
    orders.push_back(head.train->order);
    left.push_back(head.train->end - head.train->next);
    if (left.back() < kLeastBursts) return;
  }
  channel.settle();
  codec.encode(words_);
  std::uint32_t at = node_of(words_);

  if (before.valid && before.generation == generation_ && before.trains == orders) {
    Edge& edge = nodes_[before.node].edge;
    if (!edge.known) {
      edge.known = true;
      edge.to = at;
      edge.cycles = channel.now_ - before.at;
      for (std::size_t i = 0; i < heads.size(); ++i)
        edge.bursts.push_back(heads[i].train->next - before.places[i]);
      edge.counters = channel.counters_.since(before.counters);
      ++edges_;
    }
  }

  // Walk as far as the edges are known and fit.
  const Cycle room = std::min(limit, codec.next_arrival()) - channel.now_;
  Way way{0, std::vector<std::uint64_t>(heads.size(), 0), {}};
  std::vector<Way> ways;
  ++walk_;
  for (;;) {
    Node& node = nodes_[at];
    const Edge& edge = node.edge;
    if (!edge.known || way.cycles + edge.cycles >= room) break;
    bool fits = true;
    for (std::size_t i = 0; i < left.size(); ++i) fits = fits && way.bursts[i] + edge.bursts[i] < left[i];
    if (!fits) break;
    if (node.walk == walk_) {
      // A circle: as many whole ones as fit, and less than one remains.
      const Way& start = ways[node.step];
      const Cycle period = way.cycles - start.cycles;
      auto times = static_cast<std::uint64_t>((room - 1 - way.cycles) / period);
      for (std::size_t i = 0; i < left.size(); ++i) {
        const std::uint64_t bursts = way.bursts[i] - start.bursts[i];
        if (bursts != 0) times = std::min(times, (left[i] - 1 - way.bursts[i]) / bursts);
      }
      const ChannelCounters counters = way.counters.since(start.counters);
      for (std::size_t i = 0; i < left.size(); ++i) {
        way.bursts[i] += times * (way.bursts[i] - start.bursts[i]);
      }
      way.cycles += static_cast<Cycle>(times) * period;
      way.counters.add(counters, times);
      ++walk_;
      ways.clear();
      continue;
    }
    node.walk = walk_;
    node.step = ways.size();
    ways.push_back(way);
    way.cycles += edge.cycles;
    for (std::size_t i = 0; i < left.size(); ++i) way.bursts[i] += edge.bursts[i];
    way.counters.add(edge.counters);
    at = edge.to;
  }

  if (way.cycles > 0) {
    channel.now_ += way.cycles;
    channel.counters_.add(way.counters);
    for (std::size_t i = 0; i < heads.size(); ++i) {
      heads[i].train->next += way.bursts[i];
      jumped_bursts_ += way.bursts[i];
    }
    jumped_cycles_ += static_cast<std::uint64_t>(way.cycles);
    codec.move_to(channel.now_);
    codec.decode(nodes_[at].words);
  }
  last.valid = true;
  last.node = at;
  last.generation = generation_;
  last.at = channel.now_;
  last.trains = std::move(orders);
  for (const Head& head : heads) last.places.push_back(head.train->next);
  last.counters = channel.counters_;
}

}  // namespace memwall::hbm
