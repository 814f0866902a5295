// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Memory as an engine sees it: timed accesses by chip address, with or without data, one at a time or
/// several in flight. No SystemC here; a shell turns an access into a TLM transaction.
#pragma once

#include <cstdint>

#include "common/time.h"
#include "engine/outcome.h"

namespace memwall::engine {

struct AccessResult {
  Outcome outcome;
  TimePs done = 0;  ///< when the last byte has arrived, also if the access failed
};

class MemoryPort {
 public:
  virtual ~MemoryPort() = default;
  /// One access of `bytes` > 0 that starts at `at` (not before now). `data` null: traffic without data, with
  /// the same timing. BUS_ERROR or UNCORRECTABLE carry `address`. Time may pass until it returns, up to
  /// `done`.
  virtual AccessResult access(bool is_write, std::uint64_t address, void* data, std::uint32_t bytes,
                              TimePs at) = 0;
};

/// One access of an AccessPort; `data` stays valid until it is done.
struct AccessRequest {
  bool is_write = false;
  std::uint64_t address = 0;
  void* data = nullptr;
  std::uint32_t bytes = 0;
  TimePs at = 0;
};

/// Who asked for an access.
class AccessClient {
 public:
  /// The access that was submitted with `cookie` has this result. Called once the result is known: at
  /// result.done at the latest, earlier if the memory says ahead of time how long it takes. What a client
  /// does must depend on result.done, never on the time of the call.
  virtual void access_done(std::uint64_t cookie, const AccessResult& result) = 0;

 protected:
  ~AccessClient() = default;
};

/// Memory with any number of accesses in flight.
class AccessPort {
 public:
  virtual ~AccessPort() = default;
  /// Starts an access at request.at and returns at once. Accesses reach memory in the order of their times;
  /// of those known for a time writes before reads, then by cookie.
  virtual void submit(const AccessRequest& request, AccessClient& client, std::uint64_t cookie) = 0;
  /// Drops what `client` submitted for `from` or later and what has not started; returns how many. They get
  /// no call.
  virtual std::uint32_t cancel(const AccessClient& client, TimePs from) = 0;
  /// Suspends the calling process until progress() is called, or longer.
  virtual void wait_for_progress() = 0;
  /// A client has something new for the process that waits for it.
  virtual void progress() = 0;
};

}  // namespace memwall::engine
