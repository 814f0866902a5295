// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The data path: accesses, pages, commands. What registers ask for is in controller_control.cpp.
#include "hbf/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "common/error.h"

namespace memwall::hbf {
namespace {

/// Ids of page reads and writes; streams and admin commands have those above.
constexpr unsigned kPageIds = 8192;
constexpr std::uint16_t kStreamIds = 8192;
constexpr unsigned kMaxStreamWindow = 8191;
/// Reads without data from this many pages on are streams of the channels.
constexpr std::uint64_t kStreamPages = 64;

unsigned commands_per_page(bool burst) { return burst ? 1 : kChunksPerPage; }

}  // namespace

Controller::Controller(const Config& config)
    : config_(config),
      cube_(config),
      map_(config),
      read_ahead_(static_cast<unsigned>(config.controller.prefetch_bytes / kPageBytes), config.functional),
      programs_(config.functional),
      window_pages_(config.capacity_bytes / kPageBytes),
      channels_(config.channels, Channel(kPageIds)),
      admin_data_(kAdminWords) {
  const unsigned reads = commands_per_page(config.burst_reads);
  const unsigned writes = commands_per_page(config.burst_writes);
  const unsigned most_reads = std::min(config.max_outstanding(), kPageIds) / reads;
  read_limit_ = std::max(1u, std::min(config.controller.outstanding_per_channel, most_reads));
  write_limit_ =
      std::max(1u, std::min({config.controller.programs_per_channel, config.open_dlus, kPageIds / writes}));
  if (config.brought_up) cube_.enable_all();
  last_ready_ = cube_.ready();
  last_cattrip_ = cube_.cattrip();
}

// Time.

TimePs Controller::next_event() const {
  TimePs next = cube_.next_event();
  if (quiet()) next = std::max(next, streams_until());
  if (!agenda_.empty()) next = std::min(next, agenda_.top().at);
  return next;
}

/// Nothing that may happen makes the controller send anything before the streams are through.
bool Controller::quiet() const {
  return streams_ != 0 && in_flight_ == streams_ && !read_ahead_.running() && programs_.idle() &&
         !admin_state_.busy && std::all_of(channels_.begin(), channels_.end(), [](const Channel& channel) {
           return channel.streams.empty();
         });
}

/// No stream is through before this: pages come no faster than the link carries and the banks sense them. Two
/// pages of each bank may have been sensed and not yet sent.
TimePs Controller::streams_until() const {
  const std::uint64_t lanes = config_.lanes_per_channel();
  const TimePs link =
      kChunksPerPage * config_.link.r_granules * config_.link.flit_time() / LinkConfig::kGranulesPerFlit;
  TimePs until = kNever;
  for (unsigned c = 0; c < channels_.size(); ++c) {
    const Channel& channel = channels_[c];
    if (!channel.streaming) continue;
    const std::uint64_t sent =
        (cube_.channel(c).counters().read_bytes - channel.stream_base) / kPageBytes + 1;
    const std::uint64_t left = channel.stream_pages - std::min(sent, channel.stream_pages);
    const std::uint64_t unsensed = left - std::min(left, 2 * lanes);
    until = std::min(until, cube_.now() + std::max(left * link, unsensed * config_.timing.tR / lanes));
  }
  return until;
}

void Controller::advance(TimePs to) {
  while (now_ < to || next_event() <= to) {
    TimePs next = std::min(to, next_event());
    if (quiet()) next = agenda_.empty() ? to : std::min(to, agenda_.top().at);
    step(std::max(next, now_));
  }
}

void Controller::step(TimePs to) {
  responses_.clear();
  notices_.clear();
  cube_.advance(to, responses_, notices_);
  now_ = to;
  for (const Notice& notice : notices_) on_notice(notice);
  for (const Response& response : responses_) on_response(response);
  while (!agenda_.empty() && agenda_.top().at <= now_) {
    const FetchDone fetch = agenda_.top();
    agenda_.pop();
    if ((fetch.id & 1u) != 0) {
      programs_.fetched(fetch.id >> 1, fetch.good);
    } else {
      TableFetch& table = table_fetches_.at(fetch.id >> 1);
      table.good = table.good && fetch.good;
      if (--table.pieces == 0) table_fetched();
    }
  }
  check_pins();
  for (unsigned c = 0; c < channels_.size(); ++c) {
    if (channels_[c].watched) check_lost(c);
  }
  pump();
}

std::vector<Controller::Done> Controller::take_done() {
  std::vector<Done> out;
  out.swap(done_);
  return out;
}

std::vector<Controller::Fetch> Controller::take_fetches() {
  std::vector<Fetch> out;
  out.swap(fetches_);
  return out;
}

std::uint32_t Controller::take_causes() {
  const std::uint32_t out = causes_;
  causes_ = 0;
  return out;
}

void Controller::fetched(TimePs at, std::uint64_t id, bool good) {
  agenda_.push({std::max(at, now_), next_order_++, id, good});
}

// Accesses.

Controller::Index Controller::claim(Op::Kind kind) {
  if (free_ops_.empty()) {
    free_ops_.push_back(static_cast<Index>(ops_.size()));
    ops_.emplace_back();
  }
  const Index index = free_ops_.back();
  free_ops_.pop_back();
  Op& op = ops_[index];
  op.kind = kind;
  op.issued = false;
  op.since = now_;
  op.stage = 0;
  op.pages = 1;
  op.offset = 0;
  op.bytes = static_cast<std::uint32_t>(kPageBytes);
  op.data = nullptr;
  op.pending = 0;
  op.code = op.info = 0;
  op.failed = false;
  op.bounce.clear();
  ++in_flight_;
  if (kind == Op::Kind::kStream) ++streams_;
  return index;
}

void Controller::give_back(Index index) {
  Op& op = ops_[index];
  --in_flight_;
  if (op.kind == Op::Kind::kStream) --streams_;
  op.kind = Op::Kind::kFree;
  ++op.uses;
  free_ops_.push_back(index);
}

/// Channel, and page in it, of the op's page of the window.
void Controller::place(Op& op) {
  const AddressMap::Place at = map_.place(op.window_page);
  op.channel = at.channel;
  op.channel_page = at.page;
}

void Controller::submit(const Request& request) {
  Index slot = static_cast<Index>(requests_.size());
  if (free_requests_.empty()) {
    requests_.emplace_back();
  } else {
    slot = free_requests_.back();
    free_requests_.pop_back();
  }
  requests_[slot] = {request.tag, request.is_write, true, 1,
                     now_,        request.stage,    {}};  // one part stands for this call
  const std::uint64_t end = request.address + request.bytes;
  std::uint64_t at = request.address;
  if (!request.is_write && request.data == nullptr && !read_ahead_.running() && !map_.remapped() &&
      request.stage.value_or(0) == 0 && request.bytes > kStreamPages * kPageBytes) {
    const std::uint64_t first = (at + kPageBytes - 1) / kPageBytes, last = end / kPageBytes;
    const std::uint64_t head = first * kPageBytes - at;
    if (head != 0)
      read_part(slot, at / kPageBytes, static_cast<std::uint32_t>(at % kPageBytes),
                static_cast<std::uint32_t>(head), nullptr);
    queue_streams(slot, first, last - first);
    at = last * kPageBytes;
  }
  while (at < end) {
    const std::uint64_t page = at / kPageBytes;
    const auto offset = static_cast<std::uint32_t>(at % kPageBytes);
    const auto bytes = static_cast<std::uint32_t>(std::min(kPageBytes - offset, end - at));
    std::uint8_t* const data = request.data == nullptr ? nullptr : request.data + (at - request.address);
    if (request.is_write) {
      const Index index = claim(Op::Kind::kWrite);
      Op& op = ops_[index];
      op.request = slot;
      op.window_page = page;
      op.offset = offset;
      op.bytes = bytes;
      op.data = data;
      ++requests_[slot].parts;
      accept_write(index);
    } else {
      read_part(slot, page, offset, bytes, data);
    }
    at += bytes;
  }
  pump();
  part_done(slot, now_, true);
}

void Controller::read_part(Index request, std::uint64_t page, std::uint32_t offset, std::uint32_t bytes,
                           std::uint8_t* data) {
  ++requests_[request].parts;
  if (read_ahead_.held() != 0) {
    std::uint32_t user = 0;
    switch (read_ahead_.demand(page, {request, offset, bytes, data, now_}, &user)) {
      case ReadAhead::Lookup::kHere:
        note(request, {user::status(user), user::info(user), false, page * kPageBytes + offset});
        ahead_dirty_ = true;
        part_done(request, now_, true);
        return;
      case ReadAhead::Lookup::kWaits:
        promote(page);
        return;
      case ReadAhead::Lookup::kMiss:
        break;
    }
  }
  queue_read(request, page, offset, bytes, data, now_);
}

/// Somebody waits for a page that is read ahead: it goes to the other reads if it has not left yet.
void Controller::promote(std::uint64_t page) {
  Channel& channel = channels_[map_.place(page).channel];
  const auto at = std::find_if(channel.ahead.begin(), channel.ahead.end(),
                               [&](Index index) { return ops_[index].window_page == page; });
  if (at == channel.ahead.end()) return;
  channel.reads.push_back(*at);
  channel.ahead.erase(at);
}

void Controller::queue_read(Index request, std::uint64_t page, std::uint32_t offset, std::uint32_t bytes,
                            std::uint8_t* data, TimePs since) {
  const Index index = claim(Op::Kind::kRead);
  Op& op = ops_[index];
  op.request = request;
  op.window_page = page;
  op.offset = offset;
  op.bytes = bytes;
  op.data = data;
  op.stage = requests_[request].stage.value_or(retry_stage_);
  op.since = since;
  place(op);
  channels_[op.channel].reads.push_back(index);
  dirty_ |= 1u << op.channel;
}

/// Pages of the window as one stream per channel and port.
void Controller::queue_streams(Index request, std::uint64_t first_page, std::uint64_t pages) {
  for (unsigned c = 0; c < config_.channels; ++c) {
    // Channel pages [from, to): those n with first_page <= n * channels + c < first_page + pages.
    const auto below = [&](std::uint64_t page) {
      return page > c ? (page - c + config_.channels - 1) / config_.channels : 0;
    };
    std::uint64_t from = below(first_page);
    const std::uint64_t to = below(first_page + pages);
    while (from < to) {
      const std::uint64_t port_end = (map_.port(from) + std::uint64_t{1}) * map_.port_pages();
      const Index index = claim(Op::Kind::kStream);
      Op& op = ops_[index];
      op.request = request;
      op.channel = c;
      op.channel_page = from;
      op.window_page = from * config_.channels + c;
      op.pages = std::min(to, port_end) - from;
      from += op.pages;
      ++requests_[request].parts;
      channels_[c].streams.push_back(index);
      dirty_ |= 1u << c;
    }
  }
}

void Controller::accept_write(Index index) {
  Op& op = ops_[index];
  place(op);
  if (op.offset == 0 && map_.page_in_block(op.window_page) == 0) {
    Media& media = cube_.channel(op.channel).media();
    const Media::Place at = media.place_of(op.channel_page);
    if (media.block_info(now_, at.lane, at.row).frontier != 0) ++counters_.rewritten;
  }
  drop_written(op.window_page);
  channels_[op.channel].writes.push_back(index);
  dirty_ |= 1u << op.channel;
}

/// What was read ahead of a page that is written, and of its block if the write erases it.
void Controller::drop_written(std::uint64_t window_page) {
  if (read_ahead_.held() == 0) return;
  ahead_dirty_ = true;
  if (map_.page_in_block(window_page) != 0) {
    read_ahead_.drop(window_page);
    return;
  }
  const AddressMap::Block block = map_.block(window_page);
  read_ahead_.drop_if([&](std::uint64_t page) { return map_.block(page) == block; });
}

// What can be sent, is.

void Controller::pump() {
  pump_programs();
  pump_ahead();
  if (cube_.shut_down()) refuse_all();
  if (!cube_.ready()) return;  // READY marks every channel
  while (dirty_ != 0) {
    for (unsigned c = 0; c < channels_.size(); ++c) {
      if ((dirty_ >> c & 1u) == 0) continue;
      dirty_ &= ~(1u << c);
      pump_channel(c);
    }
    pump_ahead();
  }
  if (admin_state_.busy && !admin_issued_ && !channels_[admin_command_.channel].stalled) {
    Command command;
    command.cookie = kNever;
    command.is_write = admin_command_.is_write;
    command.port = static_cast<std::uint8_t>(admin_command_.port);
    command.id = (1u << kIdBits) - 1;
    command.len = static_cast<std::uint8_t>(admin_command_.len);
    command.user = user::admin(admin_command_.mmio);
    command.address = admin_command_.address;
    command.data = admin_beats_.data();
    admin_issued_ = true;
    Channel& channel = channels_[admin_command_.channel];
    ++channel.commands;
    channel.watched = true;
    cube_.submit(admin_command_.channel, now_, command);
  }
}

/// The cube has shut down, and only a power cycle helps: what waits is answered as 0x9 info 1.
void Controller::refuse_all() {
  if (read_ahead_.running()) {
    stop_stream();
    stream_error_ = true;
  }
  for (Channel& channel : channels_) {
    for (std::deque<Index>* queue : {&channel.ahead, &channel.reads, &channel.writes, &channel.streams}) {
      while (!queue->empty()) {
        const Index index = queue->front();
        queue->pop_front();
        refuse(index);
      }
    }
  }
  if (admin_state_.busy && !admin_issued_) finish_admin(4, 0);
}

void Controller::refuse(Index index) {
  Op& op = ops_[index];
  op.failed = true;
  if (op.kind == Op::Kind::kAhead) return finish_ahead(index, now_);
  op.code = static_cast<unsigned>(ReadStatus::kBlocked);
  op.info = 1;
  if (op.data != nullptr && op.kind == Op::Kind::kRead) std::memset(op.data, 0xff, op.bytes);
  record(op, op.window_page * kPageBytes + op.offset);
  const Op::Kind kind = op.kind;
  const Index request = op.request;
  const std::uint64_t token = op.token;
  if (kind != Op::Kind::kProgram)
    note(request, {op.code, op.info, true, op.window_page * kPageBytes + op.offset});
  give_back(index);
  if (kind != Op::Kind::kProgram) return part_done(request, now_, false);
  programs_.sent(token);
  if (programs_.answered(token, false)) causes_ |= kProgram;
}

void Controller::pump_channel(unsigned c) {
  Channel& channel = channels_[c];
  const auto next = [](std::deque<Index>& queue) {
    const Index index = queue.front();
    queue.pop_front();
    return index;
  };
  if (channel.stalled) return;
  while (channel.reading < read_limit_ && !channel.reads.empty()) issue(next(channel.reads));
  while (channel.reading < read_limit_ && !channel.ahead.empty()) issue(next(channel.ahead));
  if (!channel.streaming && !channel.streams.empty()) issue_stream(next(channel.streams));
  for (auto it = channel.writes.begin(); it != channel.writes.end();) {
    const bool open = channel.dlus.count(ops_[*it].channel_page) != 0;
    const bool room = channel.dlus.size() < write_limit_;
    if (channel.write_ids.free() < kChunksPerPage) break;
    if (!open && !room) {
      ++it;
      continue;
    }
    const Index index = *it;
    it = channel.writes.erase(it);
    issue(index);
  }
}

void Controller::pump_ahead() {
  if (!ahead_dirty_) return;
  ahead_dirty_ = false;
  while (const auto wanted = read_ahead_.next(now_)) {
    const Index index = claim(Op::Kind::kAhead);
    Op& op = ops_[index];
    op.window_page = wanted->page;
    op.data = wanted->data;
    op.token = wanted->token;
    place(op);
    channels_[op.channel].ahead.push_back(index);
    dirty_ |= 1u << op.channel;
  }
}

void Controller::pump_programs() {
  if (programs_.idle()) return;
  bool ended = false;
  while (const auto page = programs_.next_page(ended)) {
    const Index index = claim(Op::Kind::kProgram);
    Op& op = ops_[index];
    op.token = page->id;
    op.window_page = page->page;
    op.data = const_cast<std::uint8_t*>(page->data);
    if (page->page >= window_pages_) {
      programs_.sent(page->id);
      op.code = static_cast<unsigned>(WriteStatus::kOutOfRange);
      op.failed = true;
      record(op, page->page * kPageBytes);
      ended = programs_.answered(page->id, false) || ended;
      give_back(index);
      continue;
    }
    accept_write(index);
  }
  while (const auto fetch = programs_.next_fetch())
    fetches_.push_back(
        {fetch->id << 1 | 1u, fetch->address, static_cast<std::uint32_t>(kPageBytes), fetch->data});
  if (ended) causes_ |= kProgram;
}

void Controller::issue(Index index) {
  Op& op = ops_[index];
  Channel& channel = channels_[op.channel];
  const bool is_write = op.kind == Op::Kind::kWrite || op.kind == Op::Kind::kProgram;
  if (op.kind == Op::Kind::kAhead && !read_ahead_.still_wanted(op.token)) {
    op.failed = true;
    finish_ahead(index, now_);
    return;
  }
  op.issued = true;
  const unsigned first = op.offset / static_cast<unsigned>(kChunkBytes);
  const unsigned beats = (op.offset + op.bytes - 1) / static_cast<unsigned>(kChunkBytes) - first + 1;
  std::uint8_t* data = op.data;
  if (is_write) {
    ++channel.dlus[op.channel_page];
    counters_.written_bytes += op.bytes;
  } else {
    ++channel.reading;
    ++counters_.pages_read;
    if (data != nullptr && (op.offset % kChunkBytes != 0 || op.bytes % kChunkBytes != 0)) {
      op.bounce.resize(beats * kChunkBytes);
      data = op.bounce.data();
    }
  }
  // A page is written by one burst or chunk by chunk (specification 4.1, 5.4.1).
  const bool burst = is_write ? config_.burst_writes && beats == kChunksPerPage : config_.burst_reads;
  Command command;
  command.cookie = std::uint64_t{op.uses} << 32 | index;
  command.is_write = is_write;
  command.port = static_cast<std::uint8_t>(map_.port(op.channel_page));
  command.len = static_cast<std::uint8_t>(burst ? beats - 1 : 0);
  command.user = is_write ? user::flash_write() : user::flash_read(false, op.stage);
  command.address = map_.port_address(op.channel_page) + first * kChunkBytes;
  const bool in_chunks = config_.readings.address_unit == Readings::AddressUnit::kChunks;
  if (in_chunks) command.address /= kChunkBytes;
  const unsigned commands = burst ? 1 : beats;
  op.pending = commands;
  channel.commands += commands;
  IdPool& ids = is_write ? channel.write_ids : channel.read_ids;
  const unsigned c = op.channel;
  const bool program = op.kind == Op::Kind::kProgram;
  const std::uint64_t token = op.token;
  for (unsigned i = 0; i < commands; ++i) {
    command.id = ids.take();
    command.data = data == nullptr ? nullptr : data + i * kChunkBytes;
    cube_.submit(c, now_, command);
    command.address += in_chunks ? 1 : kChunkBytes;
  }
  if (program) {
    programs_.sent(token);
    if (programs_.idle()) return;
    while (const auto fetch = programs_.next_fetch())
      fetches_.push_back(
          {fetch->id << 1 | 1u, fetch->address, static_cast<std::uint32_t>(kPageBytes), fetch->data});
  }
}

void Controller::issue_stream(Index index) {
  Op& op = ops_[index];
  Channel& channel = channels_[op.channel];
  op.issued = true;
  op.pending = 1;
  channel.streaming = true;
  channel.stream_pages = op.pages;
  channel.stream_base = cube_.channel(op.channel).counters().read_bytes;
  counters_.pages_read += op.pages;
  Stream stream;
  stream.cookie = std::uint64_t{op.uses} << 32 | index;
  stream.port = static_cast<std::uint8_t>(map_.port(op.channel_page));
  stream.address = map_.port_address(op.channel_page);
  stream.pages = op.pages;
  stream.window = static_cast<unsigned>(std::min<std::uint64_t>({read_limit_, kMaxStreamWindow, op.pages}));
  stream.first_id = kStreamIds;
  cube_.submit(op.channel, now_, stream);
}

// What comes back.

void Controller::on_response(const Response& response) {
  if (response.cookie == kNever) {
    if (!admin_state_.busy || !admin_issued_) return;
    --channels_[response.channel].commands;
    finish_admin(response.status(), response.info());
    return;
  }
  const auto index = static_cast<Index>(response.cookie);
  if (index >= ops_.size()) return;
  Op& op = ops_[index];
  if (op.kind == Op::Kind::kFree || op.uses != response.cookie >> 32) return;  // given up
  Channel& channel = channels_[op.channel];
  if (op.kind == Op::Kind::kStream) {
    channel.streaming = false;
    finish(index, response.at);
    return;
  }
  --channel.commands;
  (response.is_write ? channel.write_ids : channel.read_ids).give_back(response.id);
  const unsigned status = response.status();
  const bool failed =
      status != 0 && (response.is_write || status != static_cast<unsigned>(ReadStatus::kCorrectedHigh));
  if (status != 0 && (op.code == 0 || (failed && !op.failed))) {
    op.code = status;
    op.info = response.info();
  }
  op.failed = op.failed || failed;
  if (--op.pending == 0) finish(index, response.at);
}

/// A page of a stream that was not plain OK.
void Controller::on_notice(const Notice& notice) {
  const auto index = static_cast<Index>(notice.cookie);
  if (index >= ops_.size()) return;
  Op& op = ops_[index];
  if (op.kind != Op::Kind::kStream || op.uses != notice.cookie >> 32) return;
  op.code = user::status(notice.user);
  op.info = user::info(notice.user);
  const bool failed = op.code != static_cast<unsigned>(ReadStatus::kCorrectedHigh);
  op.failed = op.failed || failed;
  Op page = op;
  page.kind = Op::Kind::kRead;
  page.failed = failed;
  const std::uint64_t address = map_.window_page({notice.channel, notice.address / kPageBytes}) * kPageBytes;
  note(op.request, {op.code, op.info, failed, address});
  record(page, address);
}

/// Part of an access has this status.
void Controller::note(Index request, const Outcome& outcome) {
  if (outcome.code == 0) return;
  Outcome& worst = requests_[request].outcome;
  const bool same = worst.failed == outcome.failed;
  if (worst.code != 0 && (same ? worst.address <= outcome.address : worst.failed)) return;
  worst = outcome;
}

void Controller::record(const Op& op, std::uint64_t address) {
  PageEvent event;
  event.address = address;
  event.is_write = op.kind == Op::Kind::kWrite || op.kind == Op::Kind::kProgram;
  event.data_valid = !event.is_write && !op.failed;
  event.prefetch = op.kind == Op::Kind::kAhead;
  event.code = op.code;
  event.info = op.info;
  if (!event.is_write && (op.code == static_cast<unsigned>(ReadStatus::kCorrectedHigh) ||
                          op.code == static_cast<unsigned>(ReadStatus::kUncorrectable)))
    ++counters_.refresh_hints;
  events_.push(event);
  causes_ |= kEvent;
}

void Controller::finish(Index index, TimePs at) {
  Op& op = ops_[index];
  Channel& channel = channels_[op.channel];
  dirty_ |= 1u << op.channel;
  if (op.code != 0 && op.kind != Op::Kind::kStream) record(op, op.window_page * kPageBytes + op.offset);
  switch (op.kind) {
    case Op::Kind::kFree:
      return;
    case Op::Kind::kAhead:
      --channel.reading;
      finish_ahead(index, at);
      return;
    case Op::Kind::kRead:
      --channel.reading;
      if (!op.bounce.empty()) std::memcpy(op.data, op.bounce.data() + op.offset % kChunkBytes, op.bytes);
      ++counters_.misses;
      counters_.exposed += at - op.since;
      break;
    case Op::Kind::kStream:
      counters_.misses += op.pages;
      counters_.exposed += at - op.since;
      break;
    case Op::Kind::kWrite:
    case Op::Kind::kProgram: {
      const auto dlu = channel.dlus.find(op.channel_page);
      if (--dlu->second == 0) channel.dlus.erase(dlu);
      drop_written(op.window_page);  // what was read ahead while the write was under way
      if (op.failed) ++counters_.refused_writes;
      break;
    }
  }
  const bool good = !op.failed;
  const Index request = op.request;
  const bool program = op.kind == Op::Kind::kProgram;
  const std::uint64_t token = op.token;
  if (!program && op.kind != Op::Kind::kStream)
    note(request, {op.code, op.info, op.failed, op.window_page * kPageBytes + op.offset});
  give_back(index);
  if (program) {
    if (programs_.answered(token, good)) causes_ |= kProgram;
  } else {
    part_done(request, at, good);
  }
}

void Controller::finish_ahead(Index index, TimePs at) {
  served_.clear();
  refused_.clear();
  const bool good = !ops_[index].failed;
  const std::uint64_t page = ops_[index].window_page, token = ops_[index].token;
  const unsigned code = ops_[index].code, info = ops_[index].info;
  give_back(index);
  read_ahead_.arrived(token, at, good, served_, refused_, user::response(Packet::kFlash, code, info));
  ahead_dirty_ = true;
  for (const ReadAhead::Waiter& part : served_) {
    note(static_cast<Index>(part.cookie), {code, info, false, page * kPageBytes + part.offset});
    part_done(static_cast<Index>(part.cookie), at, true);
  }
  for (const ReadAhead::Waiter& part : refused_)
    queue_read(static_cast<Index>(part.cookie), page, part.offset, part.bytes, part.out, part.since);
}

void Controller::part_done(Index request, TimePs at, bool good) {
  Waiting& waiting = requests_[request];
  waiting.good = waiting.good && good;
  if (--waiting.parts != 0) return;
  if (!waiting.is_write) {
    ++counters_.read_requests;
    counters_.read_latency += at - waiting.since;
  }
  done_.push_back({waiting.tag, at, waiting.good, waiting.outcome});
  free_requests_.push_back(request);
}

/// After a reset: once the channel has forgotten what was in flight, it is answered here.
void Controller::check_lost(unsigned c) {
  Channel& channel = channels_[c];
  const std::size_t there = cube_.channel(c).in_flight();
  if (there != 0) {
    // What has survived goes on; nothing new is sent until it is through.
    channel.stalled = there < channel.commands + (channel.streaming ? 1 : 0);
    return;
  }
  channel.watched = channel.stalled = false;
  dirty_ |= 1u << c;
  const bool admin_lost = admin_state_.busy && admin_issued_ && admin_command_.channel == c;
  if (channel.commands == 0 && !channel.streaming) return;
  if (admin_lost) finish_admin(4, 0);
  channel.commands = 0;
  channel.read_ids = IdPool(kPageIds);
  channel.write_ids = IdPool(kPageIds);
  channel.streaming = false;
  for (Index i = 0; i < ops_.size(); ++i) {
    Op& op = ops_[i];
    if (op.kind == Op::Kind::kFree || !op.issued || op.channel != c) continue;
    const bool is_write = op.kind == Op::Kind::kWrite || op.kind == Op::Kind::kProgram;
    op.failed = true;
    op.code =
        static_cast<unsigned>(is_write ? unsigned(WriteStatus::kBlocked) : unsigned(ReadStatus::kBlocked));
    op.info = 0;
    if (op.kind == Op::Kind::kStream) {
      record(op, op.window_page * kPageBytes);
      note(op.request, {op.code, op.info, true, op.window_page * kPageBytes});
    }
    if (!is_write && op.data != nullptr) {
      op.bounce.clear();
      std::memset(op.data, 0xff, op.bytes);
    }
    finish(i, now_);
  }
}

void Controller::check_pins() {
  const bool ready = cube_.ready(), cattrip = cube_.cattrip();
  if (ready == last_ready_ && cattrip == last_cattrip_) return;
  if (ready && !last_ready_) dirty_ = (1u << config_.channels) - 1;
  // Falling READY may have taken commands with it.
  for (Channel& channel : channels_) channel.watched = channel.watched || !ready;
  last_ready_ = ready;
  last_cattrip_ = cattrip;
  causes_ |= kPins;
}

}  // namespace memwall::hbf
