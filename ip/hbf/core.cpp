// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbf/core.h"

#include <algorithm>
#include <cmath>

namespace memwall::hbf {

Core::Core(const Config& config, std::string_view stream)
    : config_(config),
      rng_(config.seed, stream),
      random_faults_(config.corrected_per_sense > 0 || config.retry_per_sense > 0 ||
                     config.uncorrectable_per_sense > 0),
      ps_per_byte_(1000.0 / config.link_gbytes_per_s),
      row_pages_(std::uint64_t{config.lanes_per_channel()} * config.pages_per_block),
      banks_(config.planes()),
      blocks_(config.planes() * config.blocks_per_plane),
      channels_(config.channels) {
  for (const Fault& fault : config_.faults) inject(fault);
}

Core::Place Core::place_of(std::uint64_t address) const {
  // Consecutive DLUs walk the channels; inside a channel the banks of a die, then the dies, then the next
  // page, then the next row of blocks (OCP HBF v0.7.0, 4.6 and 5.7).
  const std::uint64_t lanes = config_.lanes_per_channel();
  const std::uint64_t number = address / kPageBytes;
  const std::uint64_t local = number / config_.channels;
  const std::uint64_t row = local / row_pages_;
  const std::uint64_t index = local % row_pages_;
  const auto channel = static_cast<unsigned>(number % config_.channels);
  const std::uint64_t bank = channel * lanes + index % lanes;
  return {channel, bank, bank * config_.blocks_per_plane + row, static_cast<unsigned>(index / lanes), number};
}

Core::Block& Core::block(std::uint64_t index) {
  std::unique_ptr<Block>& slot = blocks_[index];
  if (!slot) {
    slot = std::make_unique<Block>();
    slot->programmed.resize((config_.pages_per_block + 63) / 64);
  }
  return *slot;
}

bool Core::programmed(const Place& place) const {
  const Block* block = blocks_[place.block].get();
  return block != nullptr && (block->programmed[place.page / 64] >> (place.page % 64) & 1) != 0;
}

bool Core::is_programmed(std::uint64_t address) const {
  return address < config_.capacity_bytes && programmed(place_of(address));
}

Core::BlockPages Core::block_pages(std::uint64_t address) const {
  const Place place = place_of(address);
  const std::uint64_t stride = std::uint64_t{config_.channels} * config_.lanes_per_channel() * kPageBytes;
  const std::uint64_t first = place.number * kPageBytes - place.page * stride;
  // The last row of blocks may reach past the addressable capacity.
  const std::uint64_t fitting = (config_.capacity_bytes - first + stride - 1) / stride;
  return {first, stride, std::min<std::uint64_t>(config_.pages_per_block, fitting)};
}

void Core::mark_programmed(std::uint64_t address, std::uint64_t bytes) {
  if (bytes == 0 || address >= config_.capacity_bytes) return;
  const std::uint64_t end = address + std::min(bytes, config_.capacity_bytes - address);
  for (std::uint64_t page = address / kPageBytes; page * kPageBytes < end; ++page) {
    const Place place = place_of(page * kPageBytes);
    Block& target = block(place.block);
    target.programmed[place.page / 64] |= std::uint64_t{1} << (place.page % 64);
    target.frontier = std::max(target.frontier, place.page + 1);
    forget_buffers(place, false);
  }
}

void Core::inject(const Fault& fault) {
  const std::uint64_t page = fault.address / kPageBytes;
  if (fault.kind == FaultKind::kNone) {
    faults_.erase(page);
  } else {
    faults_[page] = fault;
  }
  if (fault.address < config_.capacity_bytes) forget_buffers(place_of(fault.address), false);
}

void Core::set_retry(RetryMode mode, unsigned stage) {
  retry_mode_ = mode;
  retry_stage_ = stage;
}

double Core::energy_pj() const {
  const double page_bits = 8.0 * kPageBytes;
  const double moved_bits =
      8.0 * static_cast<double>(counters_.read_bytes) + page_bits * static_cast<double>(counters_.programs);
  return page_bits * (static_cast<double>(counters_.senses) * config_.sense_pj_per_bit +
                      static_cast<double>(counters_.programs) * config_.program_pj_per_bit) +
         moved_bits * config_.transfer_pj_per_bit;
}

TimePs Core::transfer_time(std::uint64_t bytes) const {
  return static_cast<TimePs>(std::ceil(static_cast<double>(bytes) * ps_per_byte_));
}

void Core::forget_buffers(const Place& place, bool whole_block) {
  for (Buffer& buffer : banks_[place.bank].buffers) {
    if (buffer.page == kNoPage) continue;
    const bool gone =
        whole_block ? place_of(buffer.page * kPageBytes).block == place.block : buffer.page == place.number;
    if (gone) buffer.page = kNoPage;
  }
}

Completion Core::access(TimePs arrival, std::uint64_t address, std::uint64_t bytes, bool is_write) {
  latest_arrival_ = std::max(latest_arrival_, arrival);
  Completion result;
  result.done = arrival;
  result.is_write = is_write;
  if (bytes == 0) return result;
  if (address >= config_.capacity_bytes || bytes > config_.capacity_bytes - address) {
    result.done = arrival + 2 * config_.link_latency;
    result.code = is_write ? static_cast<std::uint8_t>(WriteStatus::kOutOfRange)
                           : static_cast<std::uint8_t>(ReadStatus::kOutOfRange);
    result.fault_address = address;
    return result;
  }
  const std::uint64_t end = address + bytes;
  for (std::uint64_t at = address; at < end;) {
    const std::uint64_t n = std::min(kPageBytes - at % kPageBytes, end - at);
    const Completion page = is_write ? write_page(arrival, at, n) : read_page(arrival, at, n);
    result.done = std::max(result.done, page.done);
    if (result.ok() && !page.ok()) {
      result.code = page.code;
      result.info = page.info;
      result.fault_address = page.fault_address;
    }
    at += n;
  }
  if (!is_write) {
    counters_.read_latency += result.done - arrival;
    ++counters_.read_accesses;
  }
  counters_.last_done = std::max(counters_.last_done, result.done);
  return result;
}

Completion Core::read_page(TimePs arrival, std::uint64_t address, std::uint64_t bytes) {
  const Place place = place_of(address);
  Bank& bank = banks_[place.bank];
  const TimePs command = arrival + config_.link_latency;
  ++counters_.reads;

  Completion result;
  Buffer* buffer = nullptr;
  for (Buffer& candidate : bank.buffers) {
    if (candidate.page == place.number) buffer = &candidate;
  }
  TimePs ready = 0;
  if (buffer != nullptr) {
    ++counters_.buffer_hits;
    ready = std::max(command, buffer->ready);
    result.code = static_cast<std::uint8_t>(buffer->status);
  } else {
    buffer = &bank.buffers[bank.oldest];
    bank.oldest ^= 1;
    if (buffer->page != kNoPage) ++counters_.evictions;
    const Decode outcome = decode(place);
    // A sense waits for the earlier ones of its bank and until its page buffer has been sent off.
    const TimePs start = std::max({command, bank.free, buffer->drained});
    const bool first_is_retry = retry_mode_ == RetryMode::kHost && retry_stage_ > 0;
    const TimePs busy =
        (first_is_retry ? config_.timing.tRETRY : config_.timing.tR) + outcome.stages * config_.timing.tRETRY;
    bank.free = start + busy;
    counters_.senses += 1 + outcome.stages;
    counters_.retry_senses += outcome.stages + (first_is_retry ? 1 : 0);
    counters_.sense_busy += busy;
    ready = bank.free + config_.timing.tECC;
    const bool holds_data = outcome.status == ReadStatus::kOk || outcome.status == ReadStatus::kErased;
    buffer->page = holds_data ? place.number : kNoPage;
    buffer->ready = ready;
    buffer->status = outcome.status;
    result.code = static_cast<std::uint8_t>(outcome.status);
    result.info = outcome.info;
  }
  if (!result.ok()) result.fault_address = address;

  const std::uint64_t first_chunk = address / kChunkBytes;
  const std::uint64_t last_chunk = (address + bytes - 1) / kChunkBytes;
  const std::uint64_t moved = (last_chunk - first_chunk + 1) * kChunkBytes;
  const TimePs duration = transfer_time(moved);
  Calendar& up = channels_[place.channel].up;
  up.forget_before(latest_arrival_ > kHorizon ? latest_arrival_ - kHorizon : 0);
  const TimePs sent = up.reserve(ready, duration) + duration;
  buffer->drained = std::max(buffer->drained, sent);
  counters_.read_bytes += moved;
  result.done = sent + config_.link_latency;
  return result;
}

Core::Decode Core::decode(const Place& place) {
  const std::uint64_t page = place.number;
  if (!programmed(place)) return {ReadStatus::kErased, 0, 0};

  // A fault planted by address wins over chance; chance that a host retry is still working on stays as it
  // was.
  Fault fault;
  const auto planted = faults_.find(page);
  const auto pending = pending_retries_.find(page);
  if (planted != faults_.end() && planted->second.kind != FaultKind::kProgramFail) {
    fault = planted->second;
  } else if (pending != pending_retries_.end()) {
    fault = pending->second;
  } else if (random_faults_) {
    double draw = rng_.uniform();
    if (draw < config_.uncorrectable_per_sense) {
      fault.kind = FaultKind::kUncorrectable;
    } else if ((draw -= config_.uncorrectable_per_sense) < config_.retry_per_sense) {
      fault.kind = FaultKind::kRetry;
      fault.retry_stages = 1 + static_cast<unsigned>(rng_.below(std::max(1u, config_.retry_stages)));
    } else if (draw - config_.retry_per_sense < config_.corrected_per_sense) {
      fault.kind = FaultKind::kCorrected;
    }
  }

  unsigned needed = 0;
  if (fault.kind == FaultKind::kCorrected) ++counters_.corrected;
  if (fault.kind == FaultKind::kRetry) needed = fault.retry_stages;
  if (fault.kind == FaultKind::kUncorrectable) needed = config_.retry_stages + 1;
  if (needed == 0) return {};

  if (retry_mode_ == RetryMode::kAuto) {
    const unsigned stages = std::min(needed, config_.retry_stages);
    if (stages > 0) ++counters_.retried;
    if (needed <= config_.retry_stages) return {ReadStatus::kOk, 0, stages};
    ++counters_.uncorrectable;
    return {ReadStatus::kUncorrectable, 2, stages};
  }
  if (retry_stage_ >= needed && needed <= config_.retry_stages) {
    ++counters_.retried;
    pending_retries_.erase(page);
    return {};
  }
  if (retry_stage_ >= config_.retry_stages) {
    ++counters_.uncorrectable;
    pending_retries_.erase(page);
    return {ReadStatus::kUncorrectable, 2, 0};
  }
  if (planted == faults_.end()) pending_retries_[page] = fault;
  return {ReadStatus::kRetryWanted, static_cast<std::uint8_t>(retry_stage_ + 1), 0};
}

Completion Core::refuse(TimePs arrival, std::uint64_t address, WriteStatus status, unsigned info) {
  ++counters_.refused_writes;
  Completion result;
  result.done = arrival + 2 * config_.link_latency;
  result.code = static_cast<std::uint8_t>(status);
  result.info = static_cast<std::uint8_t>(info);
  result.is_write = true;
  result.fault_address = address;
  return result;
}

Completion Core::write_page(TimePs arrival, std::uint64_t address, std::uint64_t bytes) {
  if (bytes != kPageBytes) return refuse(arrival, address, WriteStatus::kGatherTimeout, 0);
  const Place place = place_of(address);
  Block& target = block(place.block);
  if (place.page != 0) {
    if (target.failed) return refuse(arrival, address, WriteStatus::kOrderViolation, 2);
    if (place.page < target.frontier) return refuse(arrival, address, WriteStatus::kOverlap, 0);
    if (place.page > target.frontier) return refuse(arrival, address, WriteStatus::kOrderViolation, 1);
  }

  Calendar& down = channels_[place.channel].down;
  down.forget_before(latest_arrival_ > kHorizon ? latest_arrival_ - kHorizon : 0);
  const TimePs duration = transfer_time(kPageBytes);
  const TimePs arrived = down.reserve(arrival, duration) + duration + config_.link_latency;
  Bank& bank = banks_[place.bank];
  TimePs busy = config_.timing.tPROG;
  if (place.page == 0) {
    busy += config_.timing.tBERS;
    ++counters_.erases;
    std::fill(target.programmed.begin(), target.programmed.end(), 0);
    target.failed = false;
    forget_buffers(place, true);
    const BlockPages pages = block_pages(address);
    for (std::uint64_t i = 0; i < pages.count && !faults_.empty(); ++i) {
      const auto fault = faults_.find((pages.first + i * pages.stride) / kPageBytes);
      if (fault != faults_.end() && fault->second.kind != FaultKind::kProgramFail) faults_.erase(fault);
    }
  }
  bank.free = std::max(arrived, bank.free) + busy;
  counters_.program_busy += busy;
  ++counters_.programs;
  target.frontier = place.page + 1;
  forget_buffers(place, false);

  Completion result;
  result.is_write = true;
  result.done = bank.free + config_.link_latency;
  const auto fault = faults_.find(place.number);
  if (fault != faults_.end() && fault->second.kind == FaultKind::kProgramFail) {
    faults_.erase(fault);
    target.failed = true;
    result.code = static_cast<std::uint8_t>(WriteStatus::kProgramFailure);
    result.fault_address = address;
    return result;
  }
  target.programmed[place.page / 64] |= std::uint64_t{1} << (place.page % 64);
  counters_.write_bytes += kPageBytes;
  return result;
}

}  // namespace memwall::hbf
