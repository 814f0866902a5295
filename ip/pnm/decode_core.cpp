// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "pnm/decode_core.h"
#include "engine/work.h"

#include <algorithm>
#include <cstring>

#include "numerics/kernels.h"

namespace memwall::pnm {
namespace {

using desc::ComputeDescriptor;
using desc::Format;
using engine::Outcome;

constexpr std::uint64_t kBeat = CycleModel::kBeatBytes;
/// Rows that are computed together: their results fill a beat.
constexpr std::uint32_t kRowGroup = CycleModel::kResultsPerBeat;

std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

std::uint64_t row_bytes_of(const ComputeDescriptor& d) {
  return std::uint64_t{d.k} * numerics::bytes_per_element(static_cast<numerics::Format>(d.format));
}

/// Cycles in which the lanes take a row of `beats`: a step of one beat, or of two (f32), is held for every
/// head.
std::uint64_t row_cycles(const ComputeDescriptor& d, std::uint64_t beats) {
  if (static_cast<Format>(d.format) != Format::kF32) return beats * d.m;
  return beats / 2 * std::max(2u, d.m) + beats % 2 * d.m;
}

std::uint8_t* advance(std::uint8_t* data, std::uint64_t bytes) {
  return data == nullptr ? nullptr : data + bytes;
}

}  // namespace

Outcome DecodeCore::run(const ComputeDescriptor& d, bool functional) {
  begin();
  const bool ok = static_cast<desc::Opcode>(d.opcode) == desc::Opcode::kMatvec ? matvec(d, functional)
                                                                               : attention(d, functional);
  if (ok) macs_ += engine::multiply_adds(d);
  return finish();
}

void DecodeCore::begin() {
  const TimePs now = port_.now();
  next_request_ = now;
  bus_free_ = now;
  lanes_free_ = now;
  asked_ = 0;
  taken_.clear();
  in_flight_.clear();
  writes_.fill(0);
  next_write_ = 0;
  written_ = 0;
  pending_writes_.clear();
  faulted_ = false;
}

void DecodeCore::note(const Outcome& outcome, TimePs at) {
  if (outcome.ok() || (faulted_ && fault_.at <= at)) return;
  faulted_ = true;
  fault_ = {outcome, at};
}

bool DecodeCore::read(std::uint64_t address, std::uint64_t beats, std::uint8_t* data, const Pace& pace) {
  while (beats > 0) {
    const std::uint64_t to_boundary =
        (CycleModel::kBoundaryBytes - address % CycleModel::kBoundaryBytes) / kBeat;
    const std::uint64_t burst = std::min({beats, std::uint64_t{CycleModel::kBurstBeats}, to_boundary});
    // Request: one per cycle, with room in the FIFO and in the list of bursts.
    TimePs at = next_request_;
    if (asked_ + burst > CycleModel::kFifoBeats) {
      const std::uint64_t needed =
          asked_ + burst - CycleModel::kFifoBeats;  // beats that must have left the FIFO
      while (taken_.front().beats < needed) taken_.pop_front();
      const Taken& taken = taken_.front();
      at = std::max(
          at, taken.at - std::min(taken.at, (taken.beats - needed) * taken.per_beat) + cycles(model_.pop));
    }
    if (in_flight_.size() == CycleModel::kOutstanding) {
      at = std::max(at, in_flight_.front());
      in_flight_.pop_front();
    }
    waiting_for_room_ += at - next_request_;
    flush_writes(at);
    if (faulted_ && fault_.at <= at) return false;
    port_.wait_until(at);
    const engine::AccessResult result =
        port_.access(false, address, data, static_cast<std::uint32_t>(burst * kBeat), at);
    if (written_ == 0) write_latency_ = result.done - at;
    next_request_ = at + period_;
    asked_ += burst;
    bus_free_ = std::max(bus_free_ + cycles(burst), result.done);
    in_flight_.push_back(bus_free_);
    if (!result.outcome.ok()) {
      note(result.outcome, result.done);
      return false;
    }
    // The lanes take the first beat when it is there and the last not before it is there.
    const TimePs first = std::max(lanes_free_, bus_free_ - cycles(burst - 1));
    waiting_for_data_ += first - lanes_free_;
    const TimePs work = period_ * burst * pace.cycles / pace.beats;
    lanes_busy_ += work;
    lanes_free_ = std::max(first + work, bus_free_ + period_);
    taken_.push_back({asked_, lanes_free_, work / burst});
    address += burst * kBeat;
    data = advance(data, burst * kBeat);
    beats -= burst;
  }
  return true;
}

bool DecodeCore::read_rows(std::uint64_t address, std::uint64_t stride, std::uint64_t rows,
                           std::uint64_t beats, std::uint8_t* data, const Pace& pace) {
  if (rows == 1 || stride == beats * kBeat) return read(address, rows * beats, data, pace);
  for (std::uint64_t r = 0; r < rows; ++r) {
    if (!read(address + r * stride, beats, advance(data, r * beats * kBeat), pace)) return false;
  }
  return true;
}

void DecodeCore::write(std::uint64_t address, const void* data, std::uint32_t bytes, TimePs at) {
  PendingWrite pending{address, bytes, data != nullptr, at, {}};
  if (data != nullptr) std::memcpy(pending.data.data(), data, bytes);
  pending_writes_.push_back(pending);
  // With kWritesInFlight on their way the lanes stand still until the oldest is done.
  writes_[next_write_] = at + write_latency_;
  next_write_ = (next_write_ + 1) % writes_.size();
  lanes_free_ = std::max(lanes_free_, writes_[next_write_]);
}

void DecodeCore::flush_writes(TimePs until) {
  while (!pending_writes_.empty() && pending_writes_.front().at <= until) {
    PendingWrite& pending = pending_writes_.front();
    const TimePs at = std::max(pending.at, port_.now());
    port_.wait_until(at);
    const engine::AccessResult result = port_.access(
        true, pending.address, pending.has_data ? pending.data.data() : nullptr, pending.bytes, at);
    note(result.outcome, result.done);
    written_ = std::max(written_, result.done);
    write_latency_ = result.done - at;
    pending_writes_.pop_front();
  }
}

Outcome DecodeCore::finish() {
  if (!faulted_) flush_writes(~TimePs{0});
  pending_writes_.clear();
  const TimePs end = faulted_ ? std::max({fault_.at, bus_free_, written_}) : std::max(lanes_free_, written_);
  port_.wait_until(end + cycles(model_.finish));
  return faulted_ ? fault_.outcome : Outcome{};
}

bool DecodeCore::matvec(const ComputeDescriptor& d, bool functional) {
  const auto format = static_cast<numerics::Format>(d.format);
  const bool mx = format == numerics::Format::kMxint8;
  const std::uint64_t x_beats = ceil_div(d.k, 8), beats = ceil_div(row_bytes_of(d), kBeat);
  const std::uint64_t side_beats = mx ? ceil_div(ceil_div(d.k, 32), kBeat) : 0;
  x_.resize(x_beats * 8);
  if (!read(d.src0, x_beats, functional ? reinterpret_cast<std::uint8_t*>(x_.data()) : nullptr, {}))
    return false;
  lanes_free_ += cycles(model_.first_step);

  buffer_.resize(kRowGroup * beats * kBeat);
  scales_.resize(kRowGroup * side_beats * kBeat);
  y_.resize(kRowGroup);
  const Pace pace{row_cycles(d, beats), beats}, side_pace{1, 1};
  for (std::uint32_t first = 0; first < d.n; first += kRowGroup) {
    const std::uint32_t rows = std::min(kRowGroup, d.n - first);
    const std::uint64_t address = d.src1 + std::uint64_t{first} * d.stride1;
    bool ok = true;
    if (mx) {
      for (std::uint32_t r = 0; r < rows && ok; ++r) {
        ok = read(d.src2 + (std::uint64_t{first} + r) * d.stride2, side_beats,
                  functional ? &scales_[r * side_beats * kBeat] : nullptr, side_pace) &&
             read(address + std::uint64_t{r} * d.stride1, beats,
                  functional ? &buffer_[r * beats * kBeat] : nullptr, pace);
      }
    } else {
      ok = read_rows(address, d.stride1, rows, beats, functional ? buffer_.data() : nullptr, pace);
    }
    if (!ok) return false;
    if (functional) {
      const numerics::Matrix w{format, buffer_.data(), beats * kBeat, scales_.data(), side_beats * kBeat};
      numerics::matvec(w, x_.data(), y_.data(), rows, d.k);
    }
    write(d.dst + 4ull * first, functional ? y_.data() : nullptr, 4 * rows,
          lanes_free_ + cycles(model_.result));
  }
  return true;
}

bool DecodeCore::attention(const ComputeDescriptor& d, bool functional) {
  const std::uint64_t x_beats = ceil_div(d.k, 8), beats = ceil_div(row_bytes_of(d), kBeat);
  const std::uint64_t row_floats = x_beats * 8;  // q in the buffer: (m, row_floats)
  x_.resize(d.m * row_floats);
  if (!read_rows(d.src0, d.stride0, d.m, x_beats,
                 functional ? reinterpret_cast<std::uint8_t*>(x_.data()) : nullptr, {})) {
    return false;
  }
  lanes_free_ += cycles(model_.first_step);

  numerics::AttentionShape shape;
  shape.heads = d.m;
  shape.tokens = d.n;
  shape.head_dim = d.k;
  shape.format = static_cast<numerics::Format>(d.format);
  shape.scale = d.scalar0;
  shape.q_stride = 4 * row_floats;
  shape.k_stride = shape.v_stride = beats * kBeat;
  shape.out_stride = 4ull * d.k;
  buffer_.resize(CycleModel::kResultsPerBeat * beats * kBeat);
  scores_.resize(functional ? std::size_t{d.m} * d.n : 0);
  sums_.assign(functional ? std::size_t{d.m} * d.k : 0, 0.0f);
  inverse_.resize(d.m);
  const Pace pace{row_cycles(d, beats), beats};
  TimePs exp_started = 0;
  for (const bool keys : {true, false}) {
    const std::uint64_t base = keys ? d.src1 : d.src2, stride = keys ? d.stride1 : d.stride2;
    for (std::uint32_t first = 0; first < d.n; first += CycleModel::kResultsPerBeat) {
      const std::uint32_t rows = std::min(CycleModel::kResultsPerBeat, d.n - first);
      if (!read_rows(base + first * stride, stride, rows, beats, functional ? buffer_.data() : nullptr, pace))
        return false;
      if (functional && keys)
        numerics::attention_scores(shape, x_.data(), buffer_.data(), first, rows, scores_.data());
      if (functional && !keys)
        numerics::attention_values(shape, buffer_.data(), first, rows, scores_.data(), sums_.data());
    }
    if (keys) {
      if (functional) numerics::attention_weights(shape, scores_.data(), inverse_.data());
      exp_started = lanes_free_ + cycles(model_.drain);
      lanes_free_ = exp_started + cycles(model_.exp);
    }
  }

  // Reciprocals start when the last weight has been made: one score per cycle from the start of exp.
  y_.resize(std::size_t{d.m} * d.k);
  if (functional) numerics::attention_finish(shape, sums_.data(), inverse_.data(), y_.data());
  const TimePs weights_made = exp_started + cycles(model_.exp + std::uint64_t{d.m} * d.n + model_.last_sum);
  lanes_free_ += cycles(model_.drain_value);
  for (std::uint32_t h = 0; h < d.m; ++h) {
    lanes_free_ = std::max(lanes_free_, weights_made + cycles((h + 1ull) * model_.reciprocal));
    for (std::uint64_t beat = 0; beat < x_beats; ++beat) {
      if (beat % 2 == 0) lanes_free_ += cycles(model_.scale);
      const auto bytes =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(kBeat, 4ull * d.k - beat * kBeat));
      write(d.dst + std::uint64_t{h} * d.stride3 + beat * kBeat,
            functional ? &y_[std::size_t{h} * d.k + beat * 8] : nullptr, bytes, lanes_free_);
    }
  }
  return true;
}

}  // namespace memwall::pnm
