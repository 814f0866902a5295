// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// MATVEC and ATTENTION on any engine that streams the big operand (rows of W; K, then V) in tiles through
/// two buffers. Moves the data, calls the numerics kernels on each tile and drives the TilePipeline; how long
/// work takes and where tiles live is the engine's affair. No SystemC here.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "desc/compute_descriptor.h"
#include "engine/access_window.h"
#include "engine/memory_port.h"
#include "engine/tile_pipeline.h"

namespace memwall::engine {

/// Work on one tile.
struct TileWork {
  enum class Kind { kMatvec, kScores, kValues } kind = Kind::kMatvec;
  desc::Format format = desc::Format::kF32;
  std::uint32_t rows = 0;        ///< rows of W, or tokens
  std::uint32_t k = 0;           ///< elements per row
  std::uint32_t vectors = 0;     ///< batch rows or heads that meet each row
  std::uint64_t tile_bytes = 0;  ///< what the engine reads from the tile buffer
  std::uint64_t macs() const { return std::uint64_t{rows} * k * vectors; }
};

struct Span {
  TimePs begin = 0, end = 0;
};

/// What the streamer needs from the engine.
class StreamBackend : public AccessPort {
 public:
  virtual TimePs now() const = 0;
  virtual void wait_until(TimePs when) = 0;
  /// Reserves the multiply-add array, not before `earliest`.
  virtual Span work(const TileWork& work, TimePs earliest) = 0;
  /// `bytes` of a tile, loaded from `begin` on, go into the tile buffer; returns when the last one can be in.
  virtual TimePs landing(std::uint64_t bytes, TimePs begin) = 0;
  /// Reserves what turns `heads` x `tokens` scores into softmax weights.
  virtual Span softmax(std::uint32_t heads, std::uint32_t tokens, TimePs earliest) = 0;
};

/// How this engine streams.
struct StreamShape {
  std::uint32_t tile_rows = 1;
  std::uint32_t chunk_bytes = 4096;  ///< longest single access
  std::uint32_t outstanding = 16;    ///< accesses in flight per transfer
  std::uint8_t* tiles[2] = {nullptr,
                            nullptr};  ///< tile_row_bytes() x tile_rows each; null: traffic without data
  float* scores = nullptr;             ///< (heads, tokens); null: traffic without data
};

/// Rows on their way between memory and packed data, in accesses of at most chunk_bytes, up to `outstanding`
/// in flight. Stops at the first failure. Data must stay where they are until finish() has returned and
/// simulated time has reached the result's `done`; what was read is there when finish() returns.
class RowTransfer {
 public:
  /// The first accesses start at `at`.
  RowTransfer(AccessPort& port, const StreamShape& shape, TimePs at)
      : chunk_bytes_(shape.chunk_bytes), window_(port, at, shape.outstanding) {}

  /// `rows` rows of `row_bytes`, `stride` apart, to packed `data` (null: traffic only). Rows less than 32
  /// bytes apart are merged, gaps included.
  void read(std::uint64_t address, std::uint64_t stride, std::uint64_t row_bytes, std::uint32_t rows,
            std::uint8_t* data);
  void write(std::uint64_t address, std::uint64_t stride, std::uint64_t row_bytes, std::uint32_t rows,
             std::uint8_t* data);
  /// Keeps `values` until the transfer is gone; returns their place.
  std::uint8_t* keep(std::vector<float> values);

  /// Every result is known, though `done` may lie in the future.
  bool finished() const { return window_.finished(); }
  /// Suspends the calling process until finished().
  AccessResult finish();

 private:
  struct Gather {
    std::vector<std::uint8_t> landing;
    std::uint8_t* to;
    std::uint64_t stride, row_bytes;
    std::uint32_t rows;
  };
  void move(bool is_write, std::uint64_t address, std::uint8_t* data, std::uint64_t bytes);

  std::uint32_t chunk_bytes_;
  std::vector<Gather> gathers_;
  std::vector<float> kept_;
  AccessWindow window_;
};

class Streamer {
 public:
  explicit Streamer(StreamBackend& backend) : backend_(backend) {}

  /// A checked descriptor; returns after waiting for its end.
  Outcome matvec(const desc::ComputeDescriptor& descriptor, const StreamShape& shape);
  Outcome attention(const desc::ComputeDescriptor& descriptor, const StreamShape& shape);

  // Sums over all streams so far.
  TimePs loading() const { return loading_; }
  TimePs working() const { return working_; }
  TimePs waiting_for_load() const { return waiting_for_load_; }
  TimePs waiting_for_work() const { return waiting_for_work_; }

 private:
  /// Stores of results, in flight beside loads and work, in the order of their tiles.
  class Stores;
  AccessResult read_now(std::uint64_t address, std::uint64_t stride, std::uint64_t row_bytes,
                        std::uint32_t rows, void* data, const StreamShape& shape);
  void account(const TilePipeline& pipeline);

  StreamBackend& backend_;
  TimePs loading_ = 0, working_ = 0, waiting_for_load_ = 0, waiting_for_work_ = 0;
};

}  // namespace memwall::engine
