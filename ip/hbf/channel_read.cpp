// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Flash reads at the base die: refusals, gather and page buffers, collecting misses, decoding.
#include <cstring>

#include "hbf/channel_state.h"

namespace memwall::hbf {
namespace {

constexpr TimePs kBatchFallback = kPsPerUs;
constexpr unsigned kUndefinedReadBits = 7u << 3;

}  // namespace

void Channel::State::look_up_read(std::uint32_t slot) {
  const Txn& x = txns[slot];
  const bool batch = user::bit2(x.c.user) && config.readings.batch_hint == Readings::BatchHint::kBit2;
  std::uint32_t missed = kNone;
  if (!refuse_read(slot)) {
    copy_out(x);
    if (!serve_from_gather(slot) && !refuse_page(slot)) {
      ++counters.page_reads;
      if (!serve_from_buffer(slot)) missed = join_or_miss(slot);
    }
  }
  if (batch) {
    if (missed == kNone) return;
    run_open = true;
    if (config.readings.batch == Readings::Batch::kUntilRegular) return collect(missed, true);
  } else if (!run_open && registers.accumulate > 0) {
    if (missed != kNone) collect(missed, false);
    return;
  } else {
    run_open = false;
  }
  // A regular read that is not delayed and the end of a run release everything that was collected before.
  release_all(regular_set, regular_deadline);
  release_all(batch_run, batch_deadline);
  if (missed != kNone) enqueue(missed);
}

/// What the command itself gets wrong.
bool Channel::State::refuse_read(std::uint32_t slot) {
  const Txn& x = txns[slot];
  const auto refuse = [&](ReadStatus status) {
    respond(slot, static_cast<unsigned>(status), 0);
    return true;
  };
  if (x.dlu == kNoPage) return refuse(ReadStatus::kOutOfRange);
  const bool hint = config.readings.batch_hint == Readings::BatchHint::kBit2;
  const bool undefined =
      (x.c.user & (kUndefinedReadBits | (hint ? 0u : 4u))) != 0 || (x.c.beats() > 1 && !config.burst_reads);
  if (!undefined && !misshapen(x)) return false;
  // Retired and restricted ranges come first in the order of the codes.
  const Media::ReadVerdict verdict = media.look(x.dlu);
  if (verdict.status == ReadStatus::kOutOfRange || verdict.status == ReadStatus::kRestricted) {
    respond(slot, static_cast<unsigned>(verdict.status), verdict.info);
    return true;
  }
  if (undefined) return refuse(ReadStatus::kUndefinedUser);
  respond(slot, misshapen_status(), 0);
  return true;
}

/// What the page's state forbids.
bool Channel::State::refuse_page(std::uint32_t slot) {
  const std::uint64_t dlu = txns[slot].dlu;
  const Media::ReadVerdict verdict = media.look(dlu);
  if (verdict.status == ReadStatus::kOk) return false;
  if (verdict.status == ReadStatus::kUnusable) {
    management->log_error(time, false, static_cast<unsigned>(verdict.status), verdict.info, dlu * kPageBytes);
  }
  disturb();
  respond(slot, static_cast<unsigned>(verdict.status), verdict.info);
  return true;
}

void Channel::State::copy_out(const Txn& x) {
  if (x.c.data == nullptr) return;
  const std::uint64_t bytes = x.c.beats() * kChunkBytes;
  if (config.functional) {
    media.contents().read(x.dlu * kPageBytes + x.c.address % kPageBytes, x.c.data, bytes);
  } else {
    std::memset(x.c.data, 0, bytes);
  }
}

/// Chunks of a DLU that is open, or accepted and not programmed yet.
bool Channel::State::serve_from_gather(std::uint32_t slot) {
  if (open_gathers.empty() && accepted.empty()) return false;
  const Txn& x = txns[slot];
  const auto open = open_gathers.find(x.dlu);
  if (open == open_gathers.end()) {
    if (accepted.count(x.dlu) == 0) return false;
    ++counters.page_reads, ++counters.gather_hits;
    respond(slot, 0, 0);
    return true;
  }
  const Gather& gather = gathers[open->second];
  const std::uint64_t mask = chunk_mask(x);
  ++counters.page_reads;
  if ((gather.mask & mask) != mask) {
    respond(slot, static_cast<unsigned>(ReadStatus::kPendingChunk), 0);
    return true;
  }
  ++counters.gather_hits;
  if (x.c.data != nullptr && gather.has_data) {
    std::memcpy(x.c.data, gather.data.data() + x.c.address % kPageBytes, x.c.beats() * kChunkBytes);
  }
  respond(slot, 0, 0);
  return true;
}

bool Channel::State::serve_from_buffer(std::uint32_t slot) {
  const std::uint64_t dlu = txns[slot].dlu;
  const unsigned lane = media.place_of(dlu).lane;
  for (unsigned b = 0; b < 2; ++b) {
    const Buffer& buffer = lanes[lane].buffers[b];
    if (!buffer.valid || buffer.dlu != dlu) continue;
    ++counters.buffer_hits;
    respond(slot, static_cast<unsigned>(buffer.status), buffer.info, 2 * lane + b);
    return true;
  }
  return false;
}

/// The new operation, or kNone if the page is on its way already.
std::uint32_t Channel::State::join_or_miss(std::uint32_t slot) {
  Txn& x = txns[slot];
  const unsigned stage = user::stage(x.c.user);
  const std::uint64_t key = sense_key(x.dlu, stage);
  std::uint32_t op = senses.find(key);
  const bool miss = op == kNone;
  if (miss) {
    op = new_op();
    ops[op].dlu = x.dlu;
    ops[op].stage = stage;
    ops[op].lane = media.place_of(x.dlu).lane;
    senses.insert(key, op);
  } else {
    ++counters.buffer_hits;
  }
  // A sense may have lost its readers (reset, severe throttling).
  const std::uint32_t before = ops[op].last_reader;
  (before == kNone ? ops[op].first_reader : txns[before].next_reader) = slot;
  ops[op].last_reader = slot;
  return miss ? op : kNone;
}

void Channel::State::collect(std::uint32_t op, bool batch) {
  std::vector<std::uint32_t>& set = batch ? batch_run : regular_set;
  if (set.empty()) {
    TimePs wait = registers.accumulate;
    if (wait == 0) wait = kBatchFallback;
    (batch ? batch_deadline : regular_deadline) = time + wait;
  }
  set.push_back(op);
}

void Channel::State::release_all(std::vector<std::uint32_t>& set, TimePs& deadline) {
  for (const std::uint32_t op : set) enqueue(op);
  set.clear();
  deadline = kNever;
}

void Channel::State::expire_sets() {
  if (regular_deadline <= time) release_all(regular_set, regular_deadline);
  if (batch_deadline <= time) release_all(batch_run, batch_deadline);
}

void Channel::State::answer_readers(std::uint32_t op, unsigned status, unsigned info, std::uint32_t hold) {
  std::uint32_t slot = ops[op].first_reader;
  ops[op].first_reader = ops[op].last_reader = kNone;
  while (slot != kNone) {
    const std::uint32_t next = txns[slot].next_reader;
    txns[slot].next_reader = kNone;
    respond(slot, status, info, hold);
    slot = next;
  }
}

void Channel::State::decoded(std::uint32_t index_of_op) {
  const Op op = ops[index_of_op];
  Buffer& buffer = lanes[op.lane].buffers[op.buffer];
  const bool good = op.sensed.status == ReadStatus::kOk || op.sensed.status == ReadStatus::kCorrectedHigh;
  buffer.filling = false;
  buffer.valid = good && !op.stale;
  buffer.status = op.sensed.status;
  buffer.info = op.sensed.info;
  if (op.sensed.status != ReadStatus::kOk) {
    management->log_error(time, false, static_cast<unsigned>(op.sensed.status), op.sensed.info,
                          op.dlu * kPageBytes);
  }
  answer_readers(index_of_op, static_cast<unsigned>(op.sensed.status), op.sensed.info,
                 2 * op.lane + op.buffer);
  senses.erase(sense_key(op.dlu, op.stage), index_of_op);
  free_op(index_of_op);
  if (lanes[op.lane].head != kNone) flag(op.lane);
}

}  // namespace memwall::hbf
