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

std::uint8_t* advance(std::uint8_t* data, std::uint64_t bytes) {
  return data == nullptr ? nullptr : data + bytes;
}

}  // namespace

void RowTransfer::move(bool is_write, std::uint64_t address, std::uint8_t* data, std::uint64_t bytes) {
  for (std::uint64_t offset = 0; offset < bytes; offset += chunk_bytes_) {
    const std::uint64_t chunk = std::min<std::uint64_t>(chunk_bytes_, bytes - offset);
    window_.add(is_write, address + offset, advance(data, offset), static_cast<std::uint32_t>(chunk));
  }
}

void RowTransfer::read(std::uint64_t address, std::uint64_t stride, std::uint64_t row_bytes,
                       std::uint32_t rows, std::uint8_t* data) {
  if (rows == 1 || stride == row_bytes) {
    move(false, address, data, row_bytes * rows);
  } else if (stride - row_bytes < 32) {
    const std::uint64_t bytes = (rows - 1) * stride + row_bytes;
    std::uint8_t* landing = nullptr;
    if (data != nullptr) {
      gathers_.push_back({std::vector<std::uint8_t>(bytes), data, stride, row_bytes, rows});
      landing = gathers_.back().landing.data();
    }
    move(false, address, landing, bytes);
  } else {
    for (std::uint32_t r = 0; r < rows; ++r)
      move(false, address + r * stride, advance(data, r * row_bytes), row_bytes);
  }
}

void RowTransfer::write(std::uint64_t address, std::uint64_t stride, std::uint64_t row_bytes,
                        std::uint32_t rows, std::uint8_t* data) {
  if (rows == 1 || stride == row_bytes) {
    move(true, address, data, row_bytes * rows);
  } else {
    for (std::uint32_t r = 0; r < rows; ++r)
      move(true, address + r * stride, advance(data, r * row_bytes), row_bytes);
  }
}

std::uint8_t* RowTransfer::keep(std::vector<float> values) {
  kept_ = std::move(values);
  return kept_.empty() ? nullptr : reinterpret_cast<std::uint8_t*>(kept_.data());
}

AccessResult RowTransfer::finish() {
  window_.wait();
  const AccessResult result = window_.result();
  if (!result.outcome.ok()) return result;
  for (const Gather& gather : gathers_) {
    for (std::uint32_t r = 0; r < gather.rows; ++r) {
      std::memcpy(gather.to + r * gather.row_bytes, gather.landing.data() + r * gather.stride,
                  gather.row_bytes);
    }
  }
  gathers_.clear();
  return result;
}

class Streamer::Stores {
 public:
  explicit Stores(StreamBackend& backend) : backend_(backend) {}
  RowTransfer& begin(const StreamShape& shape) {
    transfers_.push_back(std::make_unique<RowTransfer>(backend_, shape, backend_.now()));
    return *transfers_.back();
  }
  /// A store has failed by now. Forgets the oldest ones that are done.
  bool failed() {
    const TimePs now = backend_.now();
    while (!transfers_.empty() && transfers_.front()->finished()) {
      const AccessResult result = transfers_.front()->finish();
      if (result.done > now) return false;
      if (!result.outcome.ok()) return true;
      transfers_.pop_front();
    }
    return false;
  }
  /// Waits for the end of all; the first failure in their order.
  Outcome finish() {
    Outcome outcome;
    TimePs last = 0;
    for (const auto& transfer : transfers_) {
      const AccessResult result = transfer->finish();
      last = std::max(last, result.done);
      if (outcome.ok()) outcome = result.outcome;
    }
    backend_.wait_until(last);
    transfers_.clear();
    return outcome;
  }

 private:
  StreamBackend& backend_;
  std::deque<std::unique_ptr<RowTransfer>> transfers_;
};

/// Reads rows and returns once they are there.
AccessResult Streamer::read_now(std::uint64_t address, std::uint64_t stride, std::uint64_t row_bytes,
                                std::uint32_t rows, void* data, const StreamShape& shape) {
  RowTransfer transfer(backend_, shape, backend_.now());
  transfer.read(address, stride, row_bytes, rows, static_cast<std::uint8_t*>(data));
  const AccessResult result = transfer.finish();
  backend_.wait_until(result.done);
  return result;
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
      read_now(d.src0, d.stride0, 4ull * d.k, d.m, has_data ? x.data() : nullptr, shape);
  if (!operand.outcome.ok()) return operand.outcome;

  std::vector<float> y[2];  // (m, rows) of the tiles in the two buffers
  TilePipeline pipeline(backend_.now());
  Stores stores(backend_);
  Outcome outcome;
  const auto rows_of = [&](std::uint32_t tile) {
    return std::min(shape.tile_rows, d.n - tile * shape.tile_rows);
  };

  // Step i works on tile i - 1, loads tile i and stores tile i - 2, whose results are complete.
  for (std::uint32_t i = 0; i < tiles + 2 && outcome.ok(); ++i) {
    backend_.wait_until(pipeline.next_step());
    if (stores.failed()) break;
    if (i >= 2) {
      const std::uint32_t tile = i - 2;
      RowTransfer& store = stores.begin(shape);
      store.write(d.dst + 4ull * tile * shape.tile_rows, d.stride3, 4ull * rows_of(tile), d.m,
                  store.keep(std::move(y[tile % 2])));
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
      RowTransfer load(backend_, shape, begin);
      load.read(d.src1 + first * d.stride1, d.stride1, row_bytes, rows, to);
      if (mx)
        load.read(d.src2 + first * d.stride2, d.stride2, scale_bytes, rows, advance(to, row_bytes * rows));
      const TimePs landed = backend_.landing((row_bytes + scale_bytes) * rows, begin);
      const AccessResult result = load.finish();
      pipeline.loaded(begin, std::max(result.done, landed));
      outcome = result.outcome;
    }
  }
  // A store began before the load that failed.
  const Outcome stored = stores.finish();
  if (!outcome.ok()) backend_.wait_until(pipeline.load_done());
  account(pipeline);
  return stored.ok() ? outcome : stored;
}

Outcome Streamer::attention(const ComputeDescriptor& d, const StreamShape& shape) {
  const bool has_data = shape.tiles[0] != nullptr;
  const auto format = static_cast<Format>(d.format);
  const std::uint64_t row_bytes =
      std::uint64_t{d.k} * numerics::bytes_per_element(static_cast<numerics::Format>(format));
  const std::uint32_t tiles = d.n / shape.tile_rows + (d.n % shape.tile_rows != 0 ? 1 : 0);  // of K, and of V

  std::vector<float> q(has_data ? std::size_t{d.m} * d.k : 0);  // (m, k)
  const AccessResult operand =
      read_now(d.src0, d.stride0, 4ull * d.k, d.m, has_data ? q.data() : nullptr, shape);
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
      RowTransfer transfer(backend_, shape, begin);
      transfer.read((is_keys ? d.src1 : d.src2) + first * stride, stride, row_bytes,
                    std::min(shape.tile_rows, d.n - first), shape.tiles[i % 2]);
      const AccessResult load = transfer.finish();
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
  RowTransfer store(backend_, shape, backend_.now());
  store.write(d.dst, d.stride3, 4ull * d.k, d.m,
              reinterpret_cast<std::uint8_t*>(has_data ? out.data() : nullptr));
  const AccessResult result = store.finish();
  backend_.wait_until(result.done);
  return result.outcome;
}

}  // namespace memwall::engine
