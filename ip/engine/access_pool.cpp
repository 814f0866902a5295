// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Workers are spawned while the simulation runs.
#ifndef SC_INCLUDE_DYNAMIC_PROCESSES
#define SC_INCLUDE_DYNAMIC_PROCESSES
#endif
#include "engine/access_pool.h"

#include <algorithm>

#include "common/sc_time.h"

namespace memwall::engine {
namespace {

/// A worker's stack carries the client's work, too: kernels, and targets on the way.
constexpr int kStackBytes = 256 * 1024;

TimePs now() { return to_ps(sc_core::sc_time_stamp()); }

}  // namespace

bool AccessPool::later(const Job& a, const Job& b) {
  if (a.request.at != b.request.at) return a.request.at > b.request.at;
  if (a.request.is_write != b.request.is_write) return b.request.is_write;
  return a.cookie != b.cookie ? a.cookie > b.cookie : a.sequence > b.sequence;
}

void AccessPool::submit(const AccessRequest& request, AccessClient& client, std::uint64_t cookie) {
  jobs_.push_back({request, &client, cookie, submitted_++});
  std::push_heap(jobs_.begin(), jobs_.end(), later);
  arm();
}

std::uint32_t AccessPool::cancel(const AccessClient& client, TimePs from) {
  const auto last = std::remove_if(jobs_.begin(), jobs_.end(), [&](const Job& job) {
    return job.client == &client && job.request.at >= from;
  });
  const auto dropped = static_cast<std::uint32_t>(jobs_.end() - last);
  jobs_.erase(last, jobs_.end());
  std::make_heap(jobs_.begin(), jobs_.end(), later);
  return dropped;
}

/// Sees to it that a worker wakes for the job in front.
void AccessPool::arm() {
  if (jobs_.empty()) return;
  if (next_ == nullptr) {
    if (idle_.empty()) {
      workers_.push_back(std::make_unique<Worker>());
      Worker* const worker = workers_.back().get();
      idle_.push_back(worker);
      sc_core::sc_spawn_options options;
      options.set_stack_size(kStackBytes);
      // Runs up to its wait() before the notification below takes effect.
      sc_core::sc_spawn([this, worker] { serve(*worker); }, sc_core::sc_gen_unique_name("access"), &options);
    }
    next_ = idle_.back();
    idle_.pop_back();
  }
  const TimePs at = jobs_.front().request.at, here = now();
  // An earlier notification takes the place of a later one.
  next_->wake.notify(at > here ? to_sc(at - here) : sc_core::SC_ZERO_TIME);
}

void AccessPool::serve(Worker& worker) {
  for (;;) {
    do {
      sc_core::wait(worker.wake);
    } while (next_ != &worker);  // another one took over in the moment of the event
    next_ = nullptr;
    const std::uint64_t moment = sc_core::sc_delta_count();
    // After a target that let time pass another worker goes on, in the next delta cycle: other answers of the
    // same time come first, and what they ask for is sorted in.
    while (!jobs_.empty() && jobs_.front().request.at <= now() && sc_core::sc_delta_count() == moment) {
      // Nobody else wakes for the job in front: if somebody should, he is not needed.
      if (next_ != nullptr) {
        next_->wake.cancel();
        idle_.push_back(next_);
        next_ = nullptr;
      }
      std::pop_heap(jobs_.begin(), jobs_.end(), later);
      const Job job = jobs_.back();
      jobs_.pop_back();
      arm();  // this worker may be away for a while
      const AccessRequest& r = job.request;
      job.client->access_done(job.cookie, memory_.access(r.is_write, r.address, r.data, r.bytes, r.at));
    }
    idle_.push_back(&worker);
    if (next_ == nullptr) arm();
  }
}

}  // namespace memwall::engine
