// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "engine/streamer.h"

#include <algorithm>
#include <cstring>

#include "engine/checks.h"
#include "numerics/kernels.h"

namespace memwall::engine {
namespace {

using desc::ComputeDescriptor;
using desc::Format;

/// Size of the buffer in which merged rows land.
constexpr std::uint64_t kGatherBytes = 64 * 1024;

std::uint8_t* advance(std::uint8_t* data, std::uint64_t bytes) {
  return data == nullptr ? nullptr : data + bytes;
}

}  // namespace

/// The in-flight window of a series of accesses: one more may start when the oldest is done.
class Streamer::Window {
 public:
  Window(TimePs start, std::uint32_t outstanding) : done_(std::max(outstanding, 1u), start), last_(start) {}
  TimePs next_start() const { return done_[next_]; }
  void add(TimePs done) {
    done_[next_] = done;
    next_ = (next_ + 1) % done_.size();
    last_ = std::max(last_, done);
  }
  TimePs last() const { return last_; }

 private:
  std::vector<TimePs> done_;
  std::size_t next_ = 0;
  TimePs last_;
};

Outcome Streamer::transfer(bool is_write, std::uint64_t address, void* data, std::uint64_t bytes,
                           const StreamShape& shape, Window& window) {
  auto* cursor = static_cast<std::uint8_t*>(data);
  for (std::uint64_t offset = 0; offset < bytes;) {
    const std::uint64_t chunk = std::min<std::uint64_t>(shape.chunk_bytes, bytes - offset);
    const AccessResult result = backend_.access(is_write, address + offset, advance(cursor, offset),
                                                static_cast<std::uint32_t>(chunk), window.next_start());
    window.add(result.done);
    if (!result.outcome.ok()) return result.outcome;
    offset += chunk;
  }
  return {};
}

Outcome Streamer::read_rows(std::uint64_t address, std::uint64_t stride, std::uint64_t row_bytes,
                            std::uint32_t rows, std::uint8_t* data, const StreamShape& shape,
                            Window& window) {
  if (rows == 1 || stride == row_bytes)
    return transfer(false, address, data, row_bytes * rows, shape, window);
  const bool dense = stride - row_bytes < 32;
  // Merged rows land in a buffer of bounded size.
  const auto group =
      static_cast<std::uint32_t>(dense ? std::max<std::uint64_t>(1, kGatherBytes / stride) : 1);
  for (std::uint32_t first = 0; first < rows; first += group) {
    const std::uint32_t count = std::min(group, rows - first);
    const std::uint64_t bytes = (count - 1) * stride + row_bytes;
    std::uint8_t* to = advance(data, first * row_bytes);
    std::uint8_t* landing = to;
    if (count > 1 && data != nullptr) {
      gather_.resize(std::max<std::size_t>(gather_.size(), bytes));
      landing = gather_.data();
    }
    const Outcome outcome = transfer(false, address + first * stride, landing, bytes, shape, window);
    if (!outcome.ok()) return outcome;
    if (landing != to) {
      for (std::uint32_t r = 0; r < count; ++r)
        std::memcpy(to + r * row_bytes, landing + r * stride, row_bytes);
    }
  }
  return {};
}

AccessResult Streamer::read_rows(std::uint64_t address, std::uint64_t stride, std::uint64_t row_bytes,
                                 std::uint32_t rows, std::uint8_t* data, TimePs at,
                                 const StreamShape& shape) {
  Window window(at, shape.outstanding);
  const Outcome outcome = read_rows(address, stride, row_bytes, rows, data, shape, window);
  return {outcome, window.last()};
}

AccessResult Streamer::write_rows(std::uint64_t address, std::uint64_t stride, std::uint64_t row_bytes,
                                  std::uint32_t rows, std::uint8_t* data, TimePs at,
                                  const StreamShape& shape) {
  Window window(at, shape.outstanding);
  Outcome outcome;
  if (rows == 1 || stride == row_bytes) {
    outcome = transfer(true, address, data, row_bytes * rows, shape, window);
  } else {
    for (std::uint32_t r = 0; r < rows && outcome.ok(); ++r) {
      outcome = transfer(true, address + r * stride, advance(data, r * row_bytes), row_bytes, shape, window);
    }
  }
  return {outcome, window.last()};
}

void Streamer::account(const TilePipeline& pipeline) {
  loading_ += pipeline.loading();
  working_ += pipeline.working();
  waiting_for_load_ += pipeline.waiting_for_load();
  waiting_for_work_ += pipeline.waiting_for_work();
}

Outcome Streamer::matvec(const ComputeDescriptor& d, const StreamShape& shape) {
  const bool has_data = shape.tiles[0] != nullptr;
  const auto format = static_cast<Format>(d.format);
  const bool mx = format == Format::kMxint8;
  const std::uint64_t row_bytes =
      std::uint64_t{d.k} * numerics::bytes_per_element(static_cast<numerics::Format>(format));
  const std::uint64_t scale_bytes = mx ? (std::uint64_t{d.k} + 31) / 32 : 0;
  const std::uint32_t tiles = d.n / shape.tile_rows + (d.n % shape.tile_rows != 0 ? 1 : 0);

  std::vector<float> x(has_data ? std::size_t{d.m} * d.k : 0);  // (m, k)
  const AccessResult operand =
      read_rows(d.src0, d.stride0, 4ull * d.k, d.m,
                reinterpret_cast<std::uint8_t*>(has_data ? x.data() : nullptr), backend_.now(), shape);
  backend_.wait_until(operand.done);
  if (!operand.outcome.ok()) return operand.outcome;

  std::vector<float> y[2];  // (m, rows) of the tiles in the two buffers
  TilePipeline pipeline(backend_.now());
  TimePs written = 0;
  const auto rows_of = [&](std::uint32_t tile) {
    return std::min(shape.tile_rows, d.n - tile * shape.tile_rows);
  };
  const auto store = [&](std::uint32_t tile) {
    const std::uint32_t rows = rows_of(tile);
    auto* data = reinterpret_cast<std::uint8_t*>(has_data ? y[tile % 2].data() : nullptr);
    const AccessResult result = write_rows(d.dst + 4ull * tile * shape.tile_rows, d.stride3, 4ull * rows, d.m,
                                           data, backend_.now(), shape);
    written = std::max(written, result.done);
    return result.outcome;
  };

  // Step i works on tile i - 1, loads tile i and stores tile i - 2, whose results are complete.
  for (std::uint32_t i = 0; i < tiles + 2; ++i) {
    backend_.wait_until(pipeline.next_step());
    if (i >= 2) {
      const Outcome outcome = store(i - 2);
      if (!outcome.ok()) {
        backend_.wait_until(written);
        return outcome;
      }
    }
    if (i >= 1 && i <= tiles) {
      const std::uint32_t tile = i - 1, rows = rows_of(tile);
      const TileWork work{TileWork::Kind::kMatvec, format, rows, d.k, d.m, (row_bytes + scale_bytes) * rows};
      const Span span = backend_.work(work, backend_.now());
      pipeline.worked(span.begin, span.end);
      if (has_data) {
        std::uint8_t* base = shape.tiles[tile % 2];
        const numerics::Matrix w{static_cast<numerics::Format>(format), base, row_bytes,
                                 base + row_bytes * rows, scale_bytes};
        y[tile % 2].resize(std::size_t{d.m} * rows);
        numerics::matvec_batch(w, x.data(), y[tile % 2].data(), d.m, rows, d.k);
      }
    }
    if (i < tiles) {
      const std::uint32_t rows = rows_of(i);
      const std::uint64_t first = std::uint64_t{i} * shape.tile_rows;
      std::uint8_t* to = shape.tiles[i % 2];
      const TimePs begin = backend_.now();
      Window window(begin, shape.outstanding);
      Outcome outcome = read_rows(d.src1 + first * d.stride1, d.stride1, row_bytes, rows, to, shape, window);
      if (outcome.ok() && mx) {
        outcome = read_rows(d.src2 + first * d.stride2, d.stride2, scale_bytes, rows,
                            advance(to, row_bytes * rows), shape, window);
      }
      AccessResult load{outcome, window.last()};
      load.done = backend_.landed((row_bytes + scale_bytes) * rows, begin, load.done);
      pipeline.loaded(begin, load.done);
      if (!load.outcome.ok()) {
        backend_.wait_until(std::max(load.done, written));
        account(pipeline);
        return load.outcome;
      }
    }
  }
  backend_.wait_until(written);
  account(pipeline);
  return {};
}

Outcome Streamer::attention(const ComputeDescriptor& d, const StreamShape& shape) {
  const bool has_data = shape.tiles[0] != nullptr;
  const auto format = static_cast<Format>(d.format);
  const std::uint64_t row_bytes =
      std::uint64_t{d.k} * numerics::bytes_per_element(static_cast<numerics::Format>(format));
  const std::uint32_t tiles = d.n / shape.tile_rows + (d.n % shape.tile_rows != 0 ? 1 : 0);  // of K, and of V

  std::vector<float> q(has_data ? std::size_t{d.m} * d.k : 0);  // (m, k)
  const AccessResult operand =
      read_rows(d.src0, d.stride0, 4ull * d.k, d.m,
                reinterpret_cast<std::uint8_t*>(has_data ? q.data() : nullptr), backend_.now(), shape);
  backend_.wait_until(operand.done);
  if (!operand.outcome.ok()) return operand.outcome;

  numerics::AttentionShape a;
  a.heads = d.m;
  a.tokens = d.n;
  a.head_dim = d.k;
  a.format = static_cast<numerics::Format>(format);
  a.scale = d.scalar0;
  a.q_stride = 4ull * d.k;
  a.k_stride = row_bytes;
  a.v_stride = row_bytes;
  a.out_stride = 4ull * d.k;
  std::vector<float> sums(q.size(), 0.0f), inverse(d.m);
  TimePs weights_ready = 0;
  TilePipeline pipeline(backend_.now());
  for (std::uint32_t i = 0; i <= 2 * tiles; ++i) {
    backend_.wait_until(pipeline.next_step());
    if (i >= 1) {
      const std::uint32_t tile = i - 1;
      const bool is_keys = tile < tiles;
      const std::uint32_t first = (is_keys ? tile : tile - tiles) * shape.tile_rows;
      const std::uint32_t rows = std::min(shape.tile_rows, d.n - first);
      const TileWork work{is_keys ? TileWork::Kind::kScores : TileWork::Kind::kValues,
                          format,
                          rows,
                          d.k,
                          d.m,
                          row_bytes * rows};
      const Span span = backend_.work(work, std::max(backend_.now(), is_keys ? 0 : weights_ready));
      pipeline.worked(span.begin, span.end);
      if (has_data && is_keys)
        numerics::attention_scores(a, q.data(), shape.tiles[tile % 2], first, rows, shape.scores);
      if (has_data && !is_keys) {
        numerics::attention_values(a, shape.tiles[tile % 2], first, rows, shape.scores, sums.data());
      }
      if (tile + 1 == tiles) {
        if (has_data) numerics::attention_weights(a, shape.scores, inverse.data());
        weights_ready = backend_.softmax(d.m, d.n, span.end).end;
      }
    }
    if (i < 2 * tiles) {
      const bool is_keys = i < tiles;
      const std::uint32_t first = (is_keys ? i : i - tiles) * shape.tile_rows;
      const std::uint64_t stride = is_keys ? d.stride1 : d.stride2;
      const TimePs begin = backend_.now();
      const AccessResult load =
          read_rows((is_keys ? d.src1 : d.src2) + first * stride, stride, row_bytes,
                    std::min(shape.tile_rows, d.n - first), shape.tiles[i % 2], begin, shape);
      pipeline.loaded(begin, load.done);
      if (!load.outcome.ok()) {
        backend_.wait_until(load.done);
        account(pipeline);
        return load.outcome;
      }
    }
  }
  backend_.wait_until(pipeline.next_step());
  account(pipeline);
  std::vector<float> out(q.size());
  if (has_data) numerics::attention_finish(a, sums.data(), inverse.data(), out.data());
  const AccessResult result =
      write_rows(d.dst, d.stride3, 4ull * d.k, d.m,
                 reinterpret_cast<std::uint8_t*>(has_data ? out.data() : nullptr), backend_.now(), shape);
  backend_.wait_until(result.done);
  return result.outcome;
}

}  // namespace memwall::engine
