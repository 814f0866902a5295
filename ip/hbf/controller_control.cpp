// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// What registers ask of the controller, and contents without time.
#include <algorithm>
#include <cstring>

#include "hbf/controller.h"

namespace memwall::hbf {
namespace {

/// Admin commands after which what was read ahead may be wrong: secure erase, self-test, zone remap.
bool changes_contents(std::uint64_t address) {
  const auto opcode = static_cast<Opcode>(address & 0xff);
  return opcode == Opcode::kSecureErase || opcode == Opcode::kBist || opcode == Opcode::kZoneRemap;
}

std::uint64_t little_endian(const std::uint8_t* bytes) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
  return value;
}

}  // namespace

// Admin, sideband, pins.

void Controller::admin(const AdminCommand& command) {
  if (admin_state_.busy) return;
  admin_state_ = {};
  if (command.channel >= config_.channels || command.port >= config_.ports_per_channel) {
    admin_state_.busy = true;
    admin_command_.is_write = true;  // no data come back
    finish_admin(1, 0);
    return;
  }
  admin_command_ = command;
  admin_issued_ = false;
  admin_state_.busy = true;
  admin_beats_.assign((command.len + 1) * kChunkBytes, 0);
  if (command.is_write) {
    const std::size_t bytes = std::min<std::size_t>(admin_beats_.size(), kAdminWords * 4);
    std::memcpy(admin_beats_.data(), admin_data_.data(), bytes);
    if (changes_contents(command.address)) read_ahead_.drop_all();
  }
  ahead_dirty_ = true;
  pump();
}

void Controller::finish_admin(unsigned code, unsigned info) {
  if (!admin_command_.is_write) {
    const std::size_t bytes = std::min<std::size_t>(admin_beats_.size(), kAdminWords * 4);
    std::memcpy(admin_data_.data(), admin_beats_.data(), bytes);
  } else if (changes_contents(admin_command_.address)) {
    read_ahead_.drop_all();
    ahead_dirty_ = true;
  }
  admin_state_ = {false, true, code, info};
  admin_issued_ = false;
  causes_ |= kAdmin;
}

bool Controller::sideband_read(unsigned channel, Space space, std::uint32_t offset, std::uint32_t& value) {
  return channel < config_.channels && cube_.sideband_read(channel, space, offset, value);
}

bool Controller::sideband_write(unsigned channel, Space space, std::uint32_t offset, std::uint32_t value) {
  if (channel >= config_.channels) return false;
  channels_[channel].watched = true;
  const bool there = cube_.sideband_write(channel, space, offset, value);
  step(now_);
  return there;
}

void Controller::reset_base_die() {
  cube_.reset_base_die(now_);
  for (Channel& channel : channels_) channel.watched = true;
  step(now_);
}

void Controller::power_cycle() {
  cube_.power_off(now_);
  cube_.power_on(now_);
  read_ahead_.drop_all();
  ahead_dirty_ = true;
  for (Channel& channel : channels_) channel.watched = true;
  step(now_);
}

bool Controller::inject(std::uint64_t address, FaultKind kind, unsigned stages, unsigned info) {
  if (address >= config_.capacity_bytes || kind > FaultKind::kEraseFail) return false;
  const AddressMap::Place at = map_.place(address / kPageBytes);
  cube_.inject({at.channel, at.page * kPageBytes, kind, stages, info});
  return true;
}

// Read-ahead.

void Controller::start_stream(const StreamTable& table, unsigned depth, bool wrap) {
  stop_stream();
  stream_error_ = false;
  stream_depth_ = depth;
  stream_wrap_ = wrap;
  ++table_;
  if (table.entries == 0) return;
  TableFetch& fetch = table_fetches_[table_];
  fetch.bytes.resize(std::size_t{table.entries} * 16);
  for (std::size_t at = 0; at < fetch.bytes.size(); at += kPageBytes) {
    const auto bytes = static_cast<std::uint32_t>(std::min<std::size_t>(kPageBytes, fetch.bytes.size() - at));
    fetches_.push_back({table_ << 1, table.address + at, bytes, fetch.bytes.data() + at});
    ++fetch.pieces;
  }
}

/// All pieces of a table have come. One that is not the last asked for is of no use any more.
void Controller::table_fetched() {
  for (auto it = table_fetches_.begin(); it != table_fetches_.end();) {
    const TableFetch& fetch = it->second;
    if (fetch.pieces != 0) {
      ++it;
      continue;
    }
    if (it->first == table_) {
      std::vector<ReadAhead::Extent> extents;
      bool good = fetch.good;
      for (std::size_t at = 0; good && at < fetch.bytes.size(); at += 16) {
        const std::uint64_t offset = little_endian(&fetch.bytes[at]);
        const std::uint64_t bytes = little_endian(&fetch.bytes[at + 8]);
        good = offset % kPageBytes == 0 && bytes % kPageBytes == 0 && offset <= config_.capacity_bytes &&
               bytes <= config_.capacity_bytes - offset;
        extents.push_back({offset / kPageBytes, bytes / kPageBytes});
      }
      stream_error_ = !good;
      if (good) read_ahead_.start(std::move(extents), stream_depth_, stream_wrap_);
      ahead_dirty_ = true;
    }
    it = table_fetches_.erase(it);
  }
}

void Controller::set_stream(unsigned depth, bool wrap) {
  stream_depth_ = depth;
  stream_wrap_ = wrap;
  read_ahead_.set(depth, wrap);
  ahead_dirty_ = true;
  pump();
}

void Controller::restart_stream() {
  read_ahead_.restart();
  ahead_dirty_ = true;
  pump();
}

void Controller::stop_stream() {
  ++table_;  // a table on its way comes too late
  read_ahead_.stop();
}

// Programs and remapping.

bool Controller::program(const Program& entry) {
  ProgramQueue::Entry queued;
  queued.source = entry.source;
  queued.target_page = entry.target / kPageBytes;
  queued.stride = entry.stride;
  queued.pages = entry.pages;
  queued.tag = entry.tag;
  // A target inside a page is no target: beyond every window.
  if (entry.target % kPageBytes != 0) queued.target_page = ~std::uint64_t{0} >> 1;
  const bool taken = programs_.push(queued);
  pump();
  return taken;
}

bool Controller::remap(unsigned entry, std::uint32_t from, std::uint32_t to) {
  if (!map_.set(entry, AddressMap::unpack(from), AddressMap::unpack(to))) return false;
  read_ahead_.drop_all();
  ahead_dirty_ = true;
  pump();
  return true;
}

bool Controller::clear_remap(unsigned entry) {
  if (!map_.clear(entry)) return false;
  read_ahead_.drop_all();
  ahead_dirty_ = true;
  pump();
  return true;
}

// Contents without time.

void Controller::debug_read(std::uint64_t address, std::uint8_t* data, std::uint64_t bytes) const {
  for (std::uint64_t done = 0; done < bytes;) {
    const std::uint64_t offset = (address + done) % kPageBytes;
    const std::uint64_t n = std::min(kPageBytes - offset, bytes - done);
    const AddressMap::Place at = map_.place((address + done) / kPageBytes);
    cube_.channel(at.channel).media().contents().read(at.page * kPageBytes + offset, data + done, n);
    done += n;
  }
}

void Controller::debug_write(std::uint64_t address, const std::uint8_t* data, std::uint64_t bytes) {
  if (bytes == 0) return;
  const std::uint64_t first = address / kPageBytes, end = (address + bytes - 1) / kPageBytes + 1;
  if (read_ahead_.held() != 0) {
    read_ahead_.drop_if([&](std::uint64_t page) { return page >= first && page < end; });
    ahead_dirty_ = true;
  }
  if (map_.remapped()) {
    for (std::uint64_t page = first; page < end; ++page) {
      const AddressMap::Place at = map_.place(page);
      cube_.channel(at.channel).media().mark_programmed(at.page * kPageBytes, kPageBytes);
    }
  } else {
    const std::uint64_t n = config_.channels;
    for (unsigned c = 0; c < n; ++c) {
      // Channel pages from the first one at or above `page` on.
      const auto from = [&](std::uint64_t page) { return page > c ? (page - c + n - 1) / n : 0; };
      const std::uint64_t pages = from(end) - from(first);
      if (pages != 0) cube_.channel(c).media().mark_programmed(from(first) * kPageBytes, pages * kPageBytes);
    }
  }
  if (data == nullptr || !config_.functional) return;
  for (std::uint64_t done = 0; done < bytes;) {
    const std::uint64_t offset = (address + done) % kPageBytes;
    const std::uint64_t n = std::min(kPageBytes - offset, bytes - done);
    const AddressMap::Place at = map_.place((address + done) / kPageBytes);
    cube_.channel(at.channel).media().contents().write(at.page * kPageBytes + offset, data + done, n);
    done += n;
  }
}

}  // namespace memwall::hbf
