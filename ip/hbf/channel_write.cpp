// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Flash writes at the base die: gathering of DLUs, their programs, and what they make invalid.
#include <algorithm>
#include <cstring>

#include "hbf/channel_state.h"

namespace memwall::hbf {

std::uint64_t Channel::State::chunk_mask(const Txn& x) {
  const std::uint64_t first = x.c.address % kPageBytes / kChunkBytes;
  const unsigned n = x.c.beats();
  return (n >= kChunksPerPage ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1) << first;
}

void Channel::State::look_up_write(std::uint32_t slot) {
  const Txn& x = txns[slot];
  const auto refuse = [&](WriteStatus status, unsigned info = 0) {
    respond(slot, static_cast<unsigned>(status), info);
  };
  if (x.dlu == kNoPage) return refuse(WriteStatus::kOutOfRange);
  if ((x.c.user & ~3u) != 0 || (x.c.beats() > 1 && !config.burst_writes)) {
    return refuse(WriteStatus::kUndefinedUser);
  }
  if (misshapen(x)) return respond(slot, misshapen_status(), 0);
  const auto open = open_gathers.find(x.dlu);
  if (open != open_gathers.end()) {
    if ((gathers[open->second].mask & chunk_mask(x)) != 0) return refuse(WriteStatus::kOverlap);
    return join_gather(open->second, slot);
  }
  const Media::WriteVerdict verdict = media.check_chunk(x.dlu);
  // In the order of the codes: what is wrong with the place, the limit, what is wrong with the die.
  const bool place_is_bad = verdict.status == WriteStatus::kOutOfRange ||
                            verdict.status == WriteStatus::kOverlap ||
                            verdict.status == WriteStatus::kOrderViolation;
  if (!place_is_bad && open_gathers.size() >= config.open_dlus) return refuse(WriteStatus::kOpenLimit);
  if (verdict.status == WriteStatus::kUnusable) {
    management->log_error(time, true, static_cast<unsigned>(verdict.status), verdict.info,
                          x.dlu * kPageBytes);
  }
  if (verdict.status != WriteStatus::kOk) return refuse(verdict.status, verdict.info);
  join_gather(open_gather(x.dlu), slot);
}

std::uint32_t Channel::State::open_gather(std::uint64_t dlu) {
  std::uint32_t slot = kNone;
  if (free_gathers.empty()) {
    slot = static_cast<std::uint32_t>(gathers.size());
    gathers.emplace_back();
  } else {
    slot = free_gathers.back();
    free_gathers.pop_back();
  }
  Gather& gather = gathers[slot];
  gather.dlu = dlu;
  gather.mask = 0;
  gather.has_data = false;
  gather.commands.clear();
  gather.deadline = time + management->gather_timeout();
  open_gathers[dlu] = slot;
  gather_deadlines.insert({gather.deadline, slot});
  return slot;
}

void Channel::State::join_gather(std::uint32_t index_of_gather, std::uint32_t slot) {
  Gather& gather = gathers[index_of_gather];
  const Txn& x = txns[slot];
  gather.mask |= chunk_mask(x);
  gather.commands.push_back(slot);
  if (!x.data.empty() && config.functional) {
    if (!gather.has_data) gather.data.assign(kPageBytes, 0);
    gather.has_data = true;
    std::memcpy(gather.data.data() + x.c.address % kPageBytes, x.data.data(), x.data.size());
  }
  if (gather.mask == ~std::uint64_t{0}) complete_gather(index_of_gather);
}

void Channel::State::complete_gather(std::uint32_t index_of_gather) {
  Gather& gather = gathers[index_of_gather];
  open_gathers.erase(gather.dlu);
  gather_deadlines.erase({gather.deadline, index_of_gather});
  const Media::WriteVerdict verdict =
      media.accept(gather.dlu, gather.has_data ? gather.data.data() : nullptr);
  if (verdict.status != WriteStatus::kOk) {
    answer_gather(index_of_gather, static_cast<unsigned>(verdict.status), verdict.info);
    free_gathers.push_back(index_of_gather);
    return;
  }
  if (media.place_of(gather.dlu).page == 0) {
    // Reads of what the block holds now must not come behind its erase.
    release_all(regular_set, regular_deadline);
    release_all(batch_run, batch_deadline);
  }
  invalidate_for_write(gather.dlu);
  ++accepted[gather.dlu];
  const std::uint32_t op = new_op();
  ops[op].program = true;
  ops[op].dlu = gather.dlu;
  ops[op].lane = media.place_of(gather.dlu).lane;
  ops[op].gather = index_of_gather;
  enqueue(op);
}

void Channel::State::answer_gather(std::uint32_t index_of_gather, unsigned status, unsigned info) {
  std::vector<std::uint32_t> commands;
  commands.swap(gathers[index_of_gather].commands);
  for (const std::uint32_t slot : commands) respond(slot, status, info);
}

void Channel::State::expire_gathers() {
  while (!gather_deadlines.empty() && gather_deadlines.begin()->first <= time) {
    const std::uint32_t slot = gather_deadlines.begin()->second;
    gather_deadlines.erase(gather_deadlines.begin());
    open_gathers.erase(gathers[slot].dlu);
    answer_gather(slot, static_cast<unsigned>(WriteStatus::kGatherTimeout), 0);
    free_gathers.push_back(slot);
  }
}

void Channel::State::program_done(std::uint32_t index_of_op) {
  const Op op = ops[index_of_op];
  const Media::WriteVerdict& verdict = op.started.verdict;
  if (op.abandoned) {
    free_gathers.push_back(op.gather);
    return free_op(index_of_op);
  }
  media.finish_program(time, op.dlu, verdict);
  if (verdict.status == WriteStatus::kProgramFail || verdict.status == WriteStatus::kUnusable) {
    management->log_error(time, true, static_cast<unsigned>(verdict.status), verdict.info,
                          op.dlu * kPageBytes);
  }
  forget_accepted(op.dlu);
  answer_gather(op.gather, static_cast<unsigned>(verdict.status), verdict.info);
  free_gathers.push_back(op.gather);
  free_op(index_of_op);
}

void Channel::State::forget_accepted(std::uint64_t dlu) {
  const auto entry = accepted.find(dlu);
  if (--entry->second == 0) accepted.erase(entry);
}

/// Page buffers and senses under way of what an accepted page replaces: the page, with page 0 its block.
void Channel::State::invalidate_for_write(std::uint64_t dlu) {
  const Media::Place place = media.place_of(dlu);
  invalidate([&](std::uint64_t page) {
    if (page == dlu) return true;
    if (place.page != 0) return false;
    const Media::Place other = media.place_of(page);
    return other.lane == place.lane && other.row == place.row;
  });
}

}  // namespace memwall::hbf
