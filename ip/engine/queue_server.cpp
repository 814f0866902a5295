// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "engine/queue_server.h"

#include <utility>

#include "common/sc_time.h"

namespace memwall::engine {
namespace {

constexpr const char* kOpcodes[] = {"nop", "matvec",  "attention", "rmsnorm", "rope",   "swiglu",
                                    "add", "softmax", "topk",      "copy",    "convert"};
constexpr const char* kStatuses[] = {
    "ok",        "bad_opcode", "bad_format",    "bad_alignment", "bad_shape", "tile_too_large",
    "bad_range", "bus_error",  "uncorrectable", "bad_reserved"};

}  // namespace

QueueServer::QueueServer(CommandQueue& queue, MemoryPort& port, const EngineRules& rules,
                         const Timing& timing, Execute execute, Changed changed)
    : queue_(queue),
      port_(port),
      rules_(rules),
      timing_(timing),
      execute_(std::move(execute)),
      changed_(std::move(changed)) {}

void QueueServer::wait_until(TimePs when) {
  const TimePs now = to_ps(sc_core::sc_time_stamp());
  if (when > now) sc_core::wait(to_sc(when - now));
}

void QueueServer::run() {
  for (;;) {
    if (queue_.ready()) {
      // The doorbell may have been rung by an initiator whose time runs ahead.
      const TimePs now = to_ps(sc_core::sc_time_stamp()), posted = queue_.posted_at();
      if (posted > now) {
        sc_core::wait(to_sc(posted - now), doorbell_);
      } else {
        serve_one();
      }
    } else {
      changed_();
      sc_core::wait(doorbell_);
    }
  }
}

void QueueServer::serve_one() {
  queue_.begin();
  changed_();
  const TimePs start = to_ps(sc_core::sc_time_stamp());
  desc::ComputeDescriptor descriptor;
  const AccessResult fetch =
      port_.access(false, queue_.descriptor_address(), &descriptor, sizeof descriptor, start);
  wait_until(fetch.done);
  Outcome outcome = fetch.outcome;
  if (!outcome.ok()) {
    descriptor = {};
  } else {
    wait_until(fetch.done + timing_.decode_ps);
    outcome = check(descriptor, rules_);
    if (descriptor.opcode < by_opcode_.size()) {
      ++by_opcode_[descriptor.opcode];
    } else {
      ++rejected_opcodes_;
    }
    if (outcome.ok()) outcome = execute_(descriptor, queue_.sequence());
  }
  const TimePs end = to_ps(sc_core::sc_time_stamp());
  desc::CompletionRecord record;
  record.tag = descriptor.tag;
  record.status = static_cast<std::uint32_t>(outcome.status);
  record.fault_address = outcome.fault_address;
  record.cycles = (end - start + timing_.clock_period_ps - 1) / timing_.clock_period_ps;
  record.sequence = queue_.sequence();
  const AccessResult write = port_.access(true, queue_.record_address(), &record, sizeof record, end);
  wait_until(write.done);
  if (outcome.ok()) outcome = write.outcome;
  ++by_status_[static_cast<std::size_t>(outcome.status)];
  queue_.complete(outcome, descriptor.tag, (descriptor.flags & 1u) != 0);
  changed_();
}

void QueueServer::report(StatSink& sink) const {
  for (std::size_t i = 0; i < by_opcode_.size(); ++i) {
    sink.count(std::string("descriptors_") + kOpcodes[i], by_opcode_[i], "descriptors",
               std::string("Descriptors fetched with opcode ") + kOpcodes[i] + ".");
  }
  sink.count("descriptors_unknown", rejected_opcodes_, "descriptors",
             "Descriptors fetched with an opcode outside the contract.");
  for (std::size_t i = 0; i < by_status_.size(); ++i) {
    sink.count(std::string("ended_") + kStatuses[i], by_status_[i], "descriptors",
               std::string("Descriptors that ended with status ") + kStatuses[i] + ".");
  }
}

}  // namespace memwall::engine
