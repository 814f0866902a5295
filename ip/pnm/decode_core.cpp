// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "pnm/decode_core.h"

#include <algorithm>
#include <cstring>

#include "engine/work.h"
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

std::uint8_t* advance_by(std::uint8_t* data, std::uint64_t bytes) {
  return data == nullptr ? nullptr : data + bytes;
}

}  // namespace

Outcome DecodeCore::run(const ComputeDescriptor& d, bool functional) {
  begin(d, functional);
  advance();
  while (!complete()) port_.wait_for_progress();
  return finish();
}

void DecodeCore::begin(const ComputeDescriptor& d, bool functional) {
  d_ = d;
  functional_ = functional;
  matvec_ = static_cast<desc::Opcode>(d.opcode) == desc::Opcode::kMatvec;
  x_beats_ = ceil_div(d.k, 8);
  beats_ = ceil_div(row_bytes_of(d), kBeat);
  side_beats_ =
      matvec_ && static_cast<Format>(d.format) == Format::kMxint8 ? ceil_div(ceil_div(d.k, 32), kBeat) : 0;
  const std::size_t results = matvec_ ? kRowGroup : std::size_t{d.m} * d.k;
  x_.resize((matvec_ ? 1 : d.m) * x_beats_ * 8);
  buffer_.resize(kRowGroup * beats_ * kBeat);
  scales_.resize(kRowGroup * side_beats_ * kBeat);
  y_.resize(results);
  scores_.resize(functional && !matvec_ ? std::size_t{d.m} * d.n : 0);
  sums_.assign(functional && !matvec_ ? results : 0, 0.0f);
  inverse_.resize(d.m);

  const TimePs now = port_.now();
  reading_ = taking_ = Phase::kOperand;
  reading_row_ = group_ = group_row_ = burst_beat_ = 0;
  side_taken_ = false;
  portion_ = {};
  plan_.clear();
  next_request_ = bus_end_ = lanes_free_ = read_done_ = written_ = now;
  asked_ = asked_beats_ = taken_bursts_ = taken_beats_ = 0;
  taken_.clear();
  results_written_ = 0;
  writes_.clear();
  first_write_ = 0;
  settled_ = true;
  unanswered_ = 0;
  faulted_at_ = kNever;
  fault_ = {};
}

void DecodeCore::advance() {
  while (take() || ask() || write_last_results()) {
  }
  if (complete()) port_.progress();
}

bool DecodeCore::complete() const {
  if (unanswered_ > 0) return false;
  // After a fault nothing more is asked for once its time has come.
  return faulted_at_ != kNever || (taking_ == Phase::kEnd && last_results_written());
}

void DecodeCore::access_done(std::uint64_t cookie, const engine::AccessResult& result) {
  --unanswered_;
  if (!result.outcome.ok() && result.done < faulted_at_) {
    faulted_at_ = result.done;
    fault_ = result.outcome;
    unanswered_ -= port_.cancel(*this, faulted_at_);
  }
  if ((cookie & kWriteCookie) != 0) {
    Write& write = writes_[(cookie & ~kWriteCookie) - first_write_];
    write.answered = true;
    write.done = result.done;
    written_ = std::max(written_, result.done);
  } else {
    Burst& answered = burst(cookie);
    answered.answered = true;
    answered.result = result;
    read_done_ = std::max(read_done_, result.done);
  }
  advance();
}

Outcome DecodeCore::finish() {
  const bool faulted = faulted_at_ != kNever;
  if (!faulted) macs_ += engine::multiply_adds(d_);
  const TimePs end = std::max(written_, faulted ? read_done_ : lanes_free_);
  port_.wait_until(end + cycles(model_.finish));
  return fault_;
}

// The reader.

DecodeCore::Phase DecodeCore::after(Phase phase) const {
  if (phase == Phase::kOperand) return Phase::kRows;
  return phase == Phase::kRows && !matvec_ ? Phase::kValues : Phase::kEnd;
}

bool DecodeCore::plan() {
  if (reading_ == Phase::kEnd) return false;
  const std::uint64_t rows = rows_of(reading_), row = reading_row_;
  const std::uint64_t beats = reading_ == Phase::kOperand ? x_beats_ : beats_;
  const bool has_side = reading_ == Phase::kRows && side_beats_ > 0;
  const std::uint64_t base = reading_ == Phase::kOperand ? d_.src0
                             : reading_ == Phase::kRows  ? d_.src1
                                                         : d_.src2;
  const std::uint64_t stride = reading_ == Phase::kOperand ? d_.stride0
                               : reading_ == Phase::kRows  ? d_.stride1
                                                           : d_.stride2;
  if (has_side) plan_.push_back({d_.src2 + row * d_.stride2, side_beats_});
  const bool merged = !has_side && stride == beats * kBeat;
  plan_.push_back({base + row * stride, merged ? rows * beats : beats});
  reading_row_ += merged ? rows : 1;
  if (reading_row_ == rows) {
    reading_ = after(reading_);
    reading_row_ = 0;
  }
  return true;
}

bool DecodeCore::room_for(std::uint64_t beats, TimePs& at) {
  if (asked_beats_ + beats > CycleModel::kFifoBeats) {
    const std::uint64_t needed = asked_beats_ + beats - CycleModel::kFifoBeats;  // must have left the FIFO
    if (taken_beats_ < needed) return false;
    while (taken_.front().beats < needed) taken_.pop_front();
    const Taken& taken = taken_.front();
    at = std::max(
        at, taken.at - std::min(taken.at, (taken.beats - needed) * taken.per_beat) + cycles(model_.pop));
  }
  if (asked_ >= CycleModel::kOutstanding) {
    if (taken_bursts_ + CycleModel::kOutstanding <= asked_) return false;
    at = std::max(at, burst(asked_).bus_end);  // of the burst that had this place before
  }
  return true;
}

bool DecodeCore::ask() {
  if (plan_.empty() && !plan()) return false;
  Segment& segment = plan_.front();
  const std::uint64_t to_boundary =
      (CycleModel::kBoundaryBytes - segment.address % CycleModel::kBoundaryBytes) / kBeat;
  const std::uint64_t beats = std::min({segment.beats, std::uint64_t{CycleModel::kBurstBeats}, to_boundary});
  // One request per cycle, with room in the FIFO and in the list of bursts.
  TimePs at = next_request_;
  if (!room_for(beats, at) || at >= faulted_at_) return false;
  waiting_for_room_ += at - next_request_;
  next_request_ = at + period_;
  Burst& next = burst(asked_);
  next.beats = static_cast<std::uint32_t>(beats);
  next.answered = false;
  ++unanswered_;
  port_.submit({false, segment.address, functional_ ? next.data.data() : nullptr,
                static_cast<std::uint32_t>(beats * kBeat), at},
               *this, asked_);
  ++asked_;
  asked_beats_ += beats;
  segment.address += beats * kBeat;
  segment.beats -= beats;
  if (segment.beats == 0) plan_.pop_front();
  return true;
}

// The lanes.

void DecodeCore::next_portion() {
  std::uint8_t* const to = functional_ ? buffer_.data() : nullptr;
  const std::uint32_t rows = std::min(kRowGroup, d_.n - group_);
  const Pace pace{row_cycles(d_, beats_), beats_};
  if (taking_ == Phase::kOperand) {
    portion_ = {rows_of(taking_) * x_beats_,
                functional_ ? reinterpret_cast<std::uint8_t*>(x_.data()) : nullptr,
                {},
                true};
  } else if (side_beats_ == 0) {
    portion_ = {rows * beats_, to, pace, true};
  } else if (!side_taken_) {
    portion_ = {side_beats_, functional_ ? &scales_[group_row_ * side_beats_ * kBeat] : nullptr, {}, false};
    side_taken_ = true;
  } else {
    portion_ = {beats_, advance_by(to, group_row_ * beats_ * kBeat), pace, group_row_ + 1 == rows};
    side_taken_ = false;
    group_row_ = portion_.ends_group ? 0 : group_row_ + 1;
  }
}

bool DecodeCore::take() {
  if (taken_bursts_ == asked_) return false;
  Burst& next = burst(taken_bursts_);
  if (!next.answered || !next.result.outcome.ok() || !lanes_settled()) return false;
  if (burst_beat_ == 0) {
    // The bus gives the beats one per cycle once the burst is there.
    next.bus_begin = std::max(bus_end_ + period_, next.result.done);
    bus_end_ = next.bus_end = next.bus_begin + cycles(next.beats - 1);
  }
  if (portion_.beats == 0) next_portion();
  const std::uint64_t beats = std::min<std::uint64_t>(portion_.beats, next.beats - burst_beat_);
  if (portion_.to != nullptr) std::memcpy(portion_.to, &next.data[burst_beat_ * kBeat], beats * kBeat);
  // The lanes take the first beat when it comes, and the last one not before it comes.
  const TimePs first_beat = next.bus_begin + cycles(burst_beat_);
  const TimePs first = std::max(lanes_free_, first_beat);
  waiting_for_data_ += first - lanes_free_;
  const TimePs work = period_ * beats * portion_.pace.cycles / portion_.pace.beats;
  lanes_busy_ += work;
  lanes_free_ = std::max(first + work, first_beat + cycles(beats));
  taken_beats_ += beats;
  taken_.push_back({taken_beats_, lanes_free_, work / beats});
  burst_beat_ += static_cast<std::uint32_t>(beats);
  if (burst_beat_ == next.beats) {
    ++taken_bursts_;
    burst_beat_ = 0;
  }
  portion_.to = advance_by(portion_.to, beats * kBeat);
  portion_.beats -= beats;
  if (portion_.beats == 0 && portion_.ends_group) group_taken();
  return true;
}

/// What follows the last beat of the operand or of a group.
void DecodeCore::group_taken() {
  if (taking_ == Phase::kOperand) {
    lanes_free_ += cycles(model_.first_step);
    taking_ = after(taking_);
    return;
  }
  const std::uint32_t first = group_, rows = std::min(kRowGroup, d_.n - first);
  const bool keys = taking_ == Phase::kRows, last = first + rows == d_.n;
  group_ = last ? 0 : first + rows;
  if (last) taking_ = after(taking_);
  const auto format = static_cast<numerics::Format>(d_.format);
  if (matvec_) {
    if (functional_) {
      const numerics::Matrix w{format, buffer_.data(), beats_ * kBeat, scales_.data(), side_beats_ * kBeat};
      numerics::matvec(w, x_.data(), y_.data(), rows, d_.k);
    }
    write(d_.dst + 4ull * first, functional_ ? y_.data() : nullptr, 4 * rows,
          lanes_free_ + cycles(model_.result));
    return;
  }

  numerics::AttentionShape shape;
  shape.heads = d_.m;
  shape.tokens = d_.n;
  shape.head_dim = d_.k;
  shape.format = format;
  shape.scale = d_.scalar0;
  shape.q_stride = 4 * 8 * x_beats_;
  shape.k_stride = shape.v_stride = beats_ * kBeat;
  shape.out_stride = 4ull * d_.k;
  if (functional_ && keys)
    numerics::attention_scores(shape, x_.data(), buffer_.data(), first, rows, scores_.data());
  if (functional_ && !keys)
    numerics::attention_values(shape, buffer_.data(), first, rows, scores_.data(), sums_.data());
  if (!last) return;
  if (keys) {
    if (functional_) numerics::attention_weights(shape, scores_.data(), inverse_.data());
    exp_started_ = lanes_free_ + cycles(model_.drain);
    lanes_free_ = exp_started_ + cycles(model_.exp);
  } else {
    if (functional_) numerics::attention_finish(shape, sums_.data(), inverse_.data(), y_.data());
    lanes_free_ += cycles(model_.drain_value);
  }
}

bool DecodeCore::last_results_written() const { return matvec_ || results_written_ == d_.m * x_beats_; }

/// The next beat of ATTENTION's result, if it may go; false otherwise.
bool DecodeCore::write_last_results() {
  if (taking_ != Phase::kEnd || last_results_written() || !lanes_settled()) return false;
  const std::uint64_t head = results_written_ / x_beats_, beat = results_written_ % x_beats_;
  // Reciprocals start when the last weight has been made: one score per cycle from the start of exp.
  const TimePs weights_made =
      exp_started_ + cycles(model_.exp + std::uint64_t{d_.m} * d_.n + model_.last_sum);
  if (beat == 0) lanes_free_ = std::max(lanes_free_, weights_made + cycles((head + 1) * model_.reciprocal));
  if (beat % 2 == 0) lanes_free_ += cycles(model_.scale);
  const auto bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(kBeat, 4ull * d_.k - beat * kBeat));
  ++results_written_;
  write(d_.dst + head * d_.stride3 + beat * kBeat, functional_ ? &y_[head * d_.k + beat * 8] : nullptr, bytes,
        lanes_free_);
  return true;
}

void DecodeCore::write(std::uint64_t address, const void* data, std::uint32_t bytes, TimePs at) {
  if (at >= faulted_at_) return;
  writes_.emplace_back();
  Write& next = writes_.back();
  if (data != nullptr) std::memcpy(next.data.data(), data, bytes);
  settled_ = false;
  ++unanswered_;
  port_.submit({true, address, data != nullptr ? next.data.data() : nullptr, bytes, at}, *this,
               kWriteCookie | (first_write_ + writes_.size() - 1));
}

bool DecodeCore::lanes_settled() {
  if (settled_) return true;
  // Of the writes in flight the oldest must be done.
  if (writes_.size() >= CycleModel::kWritesInFlight) {
    if (!writes_.front().answered) return false;
    lanes_free_ = std::max(lanes_free_, writes_.front().done);
    writes_.pop_front();
    ++first_write_;
  }
  settled_ = true;
  return true;
}

}  // namespace memwall::pnm
