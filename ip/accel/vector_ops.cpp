// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "accel/vector_ops.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "engine/tile_pipeline.h"
#include "numerics/kernels.h"

namespace memwall::accel {
namespace {

using desc::ComputeDescriptor;
using desc::Opcode;
using engine::Outcome;

float* floats(const VectorContext& context, std::uint64_t address) {
  return reinterpret_cast<float*>(context.datapath.sram().at(address - context.config.sram_base));
}

std::uint64_t hash(std::uint32_t tag, std::uint32_t sequence, std::uint32_t entry) {
  std::uint64_t z = (std::uint64_t{tag} << 32 | sequence) + 0x9e3779b97f4a7c15u * (entry + 1ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

void topk(const VectorContext& context, const ComputeDescriptor& d, std::uint32_t sequence) {
  std::vector<numerics::TopkEntry> entries(d.m);
  if (context.config.functional) {
    numerics::topk(floats(context, d.src0), d.n, entries.data(), d.m, d.index_base);
  } else {
    for (std::uint32_t i = 0; i < d.m; ++i) {
      entries[i] = {0.0f, static_cast<std::uint32_t>(hash(d.tag, sequence, i) % d.n) + d.index_base};
    }
  }
  std::memcpy(floats(context, d.dst), entries.data(), entries.size() * sizeof entries[0]);
}

void compute(const VectorContext& context, const ComputeDescriptor& d) {
  float* const dst = floats(context, d.dst);
  const float* const src0 = floats(context, d.src0);
  switch (static_cast<Opcode>(d.opcode)) {
    case Opcode::kRmsnorm:
      for (std::uint32_t r = 0; r < d.m; ++r) {
        const std::size_t in = std::size_t{r} * d.stride0 / 4, out = std::size_t{r} * d.stride3 / 4;
        numerics::rmsnorm(src0 + in, floats(context, d.src1), dst + out, d.n, d.scalar0);
      }
      break;
    case Opcode::kRope:
      for (std::uint32_t t = 0; t < d.n; ++t) {
        const std::size_t in = std::size_t{t} * d.stride0 / 4, out = std::size_t{t} * d.stride3 / 4;
        const float* const table = floats(context, d.src1) + std::size_t{t} * d.stride1 / 4;
        for (std::uint32_t h = 0; h < d.m; ++h) {
          const std::size_t head = std::size_t{h} * d.k;
          numerics::rope(src0 + in + head, table, dst + out + head, d.k);
        }
      }
      break;
    case Opcode::kSwiglu:
      numerics::swiglu(src0, floats(context, d.src1), dst, d.n);
      break;
    case Opcode::kAdd:
      numerics::add(src0, floats(context, d.src1), dst, d.n);
      break;
    case Opcode::kSoftmax:
      numerics::softmax(src0, dst, d.n, d.scalar0);
      break;
    default:
      break;
  }
}

}  // namespace

Outcome run_vector(const VectorContext& context, const ComputeDescriptor& d, std::uint32_t sequence) {
  const std::uint64_t n = d.n, k = d.k, m = d.m;
  std::uint64_t elements = n, cost = 0, read = 0, written = 0;  // elements, cycles per element, bytes
  const auto opcode = static_cast<Opcode>(d.opcode);
  switch (opcode) {
    case Opcode::kRmsnorm:
      elements = m * n, cost = VectorCost::kRmsnorm, read = 8 * m * n, written = 4 * m * n;
      break;
    case Opcode::kRope:
      elements = n * m * k, cost = VectorCost::kRope, read = 4 * (n * m * k + n * k), written = 4 * n * m * k;
      break;
    case Opcode::kSwiglu:
      cost = VectorCost::kSwiglu, read = 8 * n, written = 4 * n;
      break;
    case Opcode::kAdd:
      cost = VectorCost::kAdd, read = 8 * n, written = 4 * n;
      break;
    case Opcode::kSoftmax:
      cost = VectorCost::kSoftmax, read = 4 * n, written = 4 * n;
      break;
    case Opcode::kTopk:
      cost = VectorCost::kTopk, read = 4 * n, written = 8 * m;
      break;
    default:
      break;
  }
  const engine::Span span = context.datapath.vector(elements * cost, read, written, context.backend.now());
  if (opcode == Opcode::kTopk) {
    topk(context, d, sequence);
  } else if (context.config.functional) {
    compute(context, d);
  }
  context.backend.wait_until(span.end);
  return {};
}

Outcome run_move(const VectorContext& context, const ComputeDescriptor& d) {
  const bool convert = static_cast<Opcode>(d.opcode) == Opcode::kConvert;
  const auto from = convert ? static_cast<numerics::Format>(d.format) : numerics::Format::kF32;
  const auto to = convert ? static_cast<numerics::Format>(d.dst_format) : numerics::Format::kF32;
  const std::uint64_t from_bytes = convert ? numerics::bytes_per_element(from) : 1;
  const std::uint64_t to_bytes = convert ? numerics::bytes_per_element(to) : 1;

  std::uint64_t elements = d.n, rows = d.m;  // per row
  if (rows == 1 || (d.stride0 == elements * from_bytes && d.stride3 == elements * to_bytes)) {
    elements *= rows;
    rows = 1;
  }
  // A piece is as many whole rows as fit the staging buffer, or a part of one long row.
  const std::uint64_t widest = std::max(from_bytes, to_bytes);
  const std::uint64_t piece_elements =
      std::min<std::uint64_t>(elements, context.config.copy_buffer_bytes / widest);
  const std::uint64_t piece_rows =
      piece_elements < elements
          ? 1
          : std::min<std::uint64_t>(
                rows, std::max<std::uint64_t>(1, context.config.copy_buffer_bytes / (elements * widest)));
  engine::StreamShape shape;
  shape.chunk_bytes = context.config.dma_chunk_bytes;
  shape.outstanding = context.config.dma_outstanding;

  const auto inside = [&](std::uint64_t address, std::uint64_t stride, std::uint64_t row_bytes) {
    const std::uint64_t span = (rows - 1) * stride + row_bytes;
    return address >= context.config.sram_base &&
           context.datapath.sram().contains(address - context.config.sram_base, span);
  };
  // Without data only copies inside the scratchpad move bytes: they may be control data.
  const bool has_data =
      context.config.functional || (inside(d.src0, d.stride0, elements * from_bytes) &&
                                    inside(d.dst, d.stride3, elements * to_bytes) && !convert);
  std::vector<std::uint8_t> in(has_data ? piece_rows * piece_elements * from_bytes : 0), out[2];
  std::vector<float> wide(has_data && convert ? piece_rows * piece_elements : 0);

  engine::TilePipeline pipeline(context.backend.now());
  const std::uint64_t pieces_per_row = (elements + piece_elements - 1) / piece_elements;
  const std::uint64_t pieces = pieces_per_row * ((rows + piece_rows - 1) / piece_rows);
  struct Piece {
    std::uint64_t row, column, elements;
    std::uint32_t rows;
  };
  const auto piece = [&](std::uint64_t i) {
    const std::uint64_t row = i / pieces_per_row * piece_rows, column = i % pieces_per_row * piece_elements;
    return Piece{row, column, std::min(piece_elements, elements - column),
                 static_cast<std::uint32_t>(std::min(piece_rows, rows - row))};
  };
  // Step i writes piece i - 1 and reads piece i, both at a time.
  for (std::uint64_t i = 0; i <= pieces; ++i) {
    context.backend.wait_until(pipeline.next_step());
    const TimePs now = context.backend.now();
    std::optional<engine::RowTransfer> write, read;
    if (i >= 1) {
      const Piece p = piece(i - 1);
      TimePs begin = now;
      if (convert) {
        const std::uint64_t count = p.elements * p.rows;
        begin = context.datapath.vector(count * VectorCost::kConvert, 0, 0, now).end;
      }
      write.emplace(context.backend, shape, begin);
      write->write(d.dst + p.row * d.stride3 + p.column * to_bytes, d.stride3, p.elements * to_bytes, p.rows,
                   has_data ? out[(i - 1) % 2].data() : nullptr);
    }
    if (i < pieces) {
      const Piece p = piece(i);
      read.emplace(context.backend, shape, now);
      read->read(d.src0 + p.row * d.stride0 + p.column * from_bytes, d.stride0, p.elements * from_bytes,
                 p.rows, has_data ? in.data() : nullptr);
    }
    engine::AccessResult written, loaded;
    if (write) {
      written = write->finish();
      pipeline.worked(now, written.done);
    }
    if (read) {
      loaded = read->finish();
      pipeline.loaded(now, loaded.done);
    }
    if (!written.outcome.ok() || !loaded.outcome.ok()) {
      context.backend.wait_until(pipeline.next_step());
      return written.outcome.ok() ? loaded.outcome : written.outcome;
    }
    if (read && has_data) {
      const Piece p = piece(i);
      const std::size_t count = p.elements * p.rows;
      out[i % 2].resize(count * to_bytes);
      if (convert) {
        numerics::to_f32(from, in.data(), wide.data(), count);
        numerics::from_f32(to, wide.data(), out[i % 2].data(), count);
      } else {
        std::memcpy(out[i % 2].data(), in.data(), count);
      }
    }
  }
  context.backend.wait_until(pipeline.next_step());
  return {};
}

}  // namespace memwall::accel
