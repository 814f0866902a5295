// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "backend.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "numerics/kernels.h"

namespace numerics = memwall::numerics;

namespace {

constexpr std::uint64_t kSramBase = 0x30000000, kInboxBase = 0x38000000;
constexpr std::uint32_t kPnmMaxHeads = 16, kPnmMaxHeadDim = 256, kPnmMaxScores = 32768;

numerics::Format format_of(std::uint32_t format) { return static_cast<numerics::Format>(format); }

}  // namespace

rt::rt(memwall::reference::MemoryReader reader, std::uint64_t sram_size)
    : image(std::move(reader)), sram(sram_size / sizeof(float)) {}

void rt::fail(const char* operation, const char* what, std::uint64_t address) {
  if (status != STATUS_OK) return;
  status = STATUS_HARDWARE;
  rt_print(this, "reference: %s: %s at 0x%llx", operation, what, static_cast<unsigned long long>(address));
}

bool rt::aligned(const char* operation, std::uint64_t value, std::uint64_t to) {
  if (value % to == 0) return true;
  fail(operation, "BAD_ALIGNMENT", value);
  return false;
}

float* rt::vector(const char* operation, std::uint64_t address, std::uint64_t elements) {
  if (!aligned(operation, address, 4)) return nullptr;
  const std::uint64_t offset = (address - kSramBase) / 4;
  if (address < kSramBase || elements > sram.size() || offset > sram.size() - elements) {
    fail(operation, "BAD_RANGE", address);
    return nullptr;
  }
  return sram.data() + offset;
}

void rt::read(std::uint64_t address, void* out, std::uint64_t bytes) {
  const std::uint64_t sram_bytes = sram.size() * sizeof(float);
  if (address >= kSramBase && address - kSramBase < sram_bytes) {
    if (bytes > sram_bytes - (address - kSramBase)) return fail("read", "BUS_ERROR", address);
    std::memcpy(out, reinterpret_cast<const std::uint8_t*>(sram.data()) + (address - kSramBase), bytes);
    return;
  }
  if (address >= kInboxBase && address - kInboxBase < inbox.size()) {
    if (bytes > inbox.size() - (address - kInboxBase)) return fail("read", "BUS_ERROR", address);
    std::memcpy(out, inbox.data() + (address - kInboxBase), bytes);
    return;
  }
  for (Arena& arena : arenas) {
    if (address < arena.base || address - arena.base >= arena.memory.size()) continue;
    if (!arena.memory.contains(address - arena.base, bytes)) return fail("read", "BUS_ERROR", address);
    return arena.memory.read(address - arena.base, out, bytes);
  }
  image(address, out, bytes);
}

void rt::write(std::uint64_t address, const void* in, std::uint64_t bytes) {
  const std::uint64_t sram_bytes = sram.size() * sizeof(float);
  if (address >= kSramBase && address - kSramBase < sram_bytes) {
    if (bytes > sram_bytes - (address - kSramBase)) return fail("write", "BUS_ERROR", address);
    std::memcpy(reinterpret_cast<std::uint8_t*>(sram.data()) + (address - kSramBase), in, bytes);
    return;
  }
  for (Arena& arena : arenas) {
    if (address < arena.base || !arena.memory.contains(address - arena.base, bytes)) continue;
    return arena.memory.write(address - arena.base, in, bytes);
  }
  fail("write", "BUS_ERROR", address);
}

extern "C" {

void rt_info(rt_t* rt, rt_info_t* info) {
  *info = rt_info_t{};
  info->chip = rt->chip;
  info->n_chips = rt->n_chips;
  info->inbox_base = kInboxBase;
  info->inbox_bytes = rt->inbox.size();
  info->sram_base = kSramBase;
  info->sram_bytes = rt->sram.size() * sizeof(float);
  info->pnm_max_heads = kPnmMaxHeads;
  info->pnm_max_head_dim = kPnmMaxHeadDim;
  info->pnm_max_scores = kPnmMaxScores;
}

status_t rt_start(rt_t* rt, const manifest_arena_t* arenas, uint32_t n_arenas) {
  for (uint32_t i = 0; i < n_arenas; ++i)
    rt->arenas.push_back({arenas[i].base, memwall::SparseMemory(arenas[i].bytes)});
  return STATUS_OK;
}

void rt_set_work(rt_t* rt, uint64_t address, uint32_t bytes) {
  rt->work_address = address;
  rt->work_bytes = bytes;
}

void rt_print(rt_t* rt, const char* format, ...) {
  char line[256];
  va_list args;
  va_start(args, format);
  std::vsnprintf(line, sizeof line, format, args);
  va_end(args);
  rt->console += line;
  rt->console += '\n';
}

void rt_read(rt_t* rt, uint64_t address, void* data, uint32_t bytes) {
  if (rt->aligned("load", address | bytes, 4)) rt->read(address, data, bytes);
}
void rt_write(rt_t* rt, uint64_t address, const void* data, uint32_t bytes) {
  if (rt->aligned("store", address | bytes, 4)) rt->write(address, data, bytes);
}

void rt_matvec(rt_t* rt, uint64_t y, uint64_t x, const manifest_tensor_t* w, uint32_t batch) {
  const char* name = "MATVEC";
  const float* in = rt->vector(name, x, std::uint64_t{batch} * w->cols);
  float* out = rt->vector(name, y, std::uint64_t{batch} * w->rows);
  const std::uint64_t row_bytes = std::uint64_t{w->row_stride} + w->scale_stride;
  if (in == nullptr || out == nullptr || !rt->aligned(name, w->address | w->row_stride, 32) ||
      !rt->aligned(name, w->scale_address | w->scale_stride, 32))
    return;
  if (2 * row_bytes > rt->work_bytes) return rt->fail(name, "TILE_TOO_LARGE", w->address);
  constexpr std::uint32_t rows_at_once = 64;
  std::vector<std::uint8_t> tile(rows_at_once * std::size_t{w->row_stride}),
      scales(rows_at_once * std::size_t{w->scale_stride});
  std::vector<float> result(rows_at_once);
  numerics::Matrix matrix{format_of(w->format), tile.data(), w->row_stride, scales.data(), w->scale_stride};
  const std::uint64_t last = std::uint64_t{w->cols} * numerics::bytes_per_element(matrix.format);
  for (std::uint32_t row = 0; row < w->rows; row += rows_at_once) {
    const std::uint32_t rows = std::min(rows_at_once, w->rows - row);
    rt->read(w->address + std::uint64_t{row} * w->row_stride, tile.data(),
             (rows - 1) * std::uint64_t{w->row_stride} + last);
    if (matrix.format == numerics::Format::kMxint8)
      rt->read(w->scale_address + std::uint64_t{row} * w->scale_stride, scales.data(),
               (rows - 1) * std::uint64_t{w->scale_stride} + (w->cols + 31) / 32);
    for (std::uint32_t b = 0; b < batch; ++b) {
      numerics::matvec(matrix, in + std::size_t{b} * w->cols, result.data(), rows, w->cols);
      std::copy_n(result.data(), rows, out + std::size_t{b} * w->rows + row);
    }
  }
}

void rt_rmsnorm(rt_t* rt, uint64_t y, uint64_t x, uint64_t w, uint32_t n, uint32_t rows, float epsilon) {
  const char* name = "RMSNORM";
  const float* in = rt->vector(name, x, std::uint64_t{rows} * n);
  const float* weight = rt->vector(name, w, n);
  float* out = rt->vector(name, y, std::uint64_t{rows} * n);
  if (in == nullptr || weight == nullptr || out == nullptr) return;
  for (uint32_t row = 0; row < rows; ++row)
    numerics::rmsnorm(in + std::size_t{row} * n, weight, out + std::size_t{row} * n, n, epsilon);
}

void rt_rope(rt_t* rt, uint64_t x, uint64_t table, uint32_t tokens, uint32_t heads, uint32_t head_dim) {
  const char* name = "ROPE";
  float* v = rt->vector(name, x, std::uint64_t{tokens} * heads * head_dim);
  const float* angles = rt->vector(name, table, std::uint64_t{tokens} * head_dim);
  if (v == nullptr || angles == nullptr) return;
  std::vector<float> rotated(head_dim);
  for (uint32_t i = 0; i < tokens * heads; ++i) {
    numerics::rope(v + std::size_t{i} * head_dim, angles + std::size_t{i / heads} * head_dim, rotated.data(),
                   head_dim);
    std::copy(rotated.begin(), rotated.end(), v + std::size_t{i} * head_dim);
  }
}

void rt_swiglu(rt_t* rt, uint64_t y, uint64_t gate, uint64_t up, uint32_t n) {
  const float* g = rt->vector("SWIGLU", gate, n);
  const float* u = rt->vector("SWIGLU", up, n);
  float* out = rt->vector("SWIGLU", y, n);
  if (g != nullptr && u != nullptr && out != nullptr) numerics::swiglu(g, u, out, n);
}

void rt_add(rt_t* rt, uint64_t y, uint64_t a, uint64_t b, uint32_t n) {
  const float* left = rt->vector("ADD", a, n);
  const float* right = rt->vector("ADD", b, n);
  float* out = rt->vector("ADD", y, n);
  if (left != nullptr && right != nullptr && out != nullptr) numerics::add(left, right, out, n);
}

void rt_topk(rt_t* rt, uint64_t dst, uint64_t x, uint32_t n, uint32_t m, uint32_t index_base) {
  const float* in = rt->vector("TOPK", x, n);
  float* out = rt->vector("TOPK", dst, std::uint64_t{m} * 2);
  if (in == nullptr || out == nullptr) return;
  std::vector<numerics::TopkEntry> best(m);
  numerics::topk(in, n, best.data(), m, index_base);
  std::memcpy(out, best.data(), m * sizeof best[0]);
  if (rt->logits.size() < std::size_t{index_base} + n) rt->logits.resize(std::size_t{index_base} + n);
  std::copy_n(in, n, rt->logits.begin() + index_base);
}

void rt_copy(rt_t* rt, uint64_t dst, uint32_t dst_stride, uint64_t src, uint32_t src_stride, uint32_t bytes,
             uint32_t rows) {
  std::vector<std::uint8_t> row(bytes);
  for (uint32_t i = 0; i < rows; ++i) {
    rt->read(src + std::uint64_t{i} * src_stride, row.data(), bytes);
    rt->write(dst + std::uint64_t{i} * dst_stride, row.data(), bytes);
  }
}

void rt_convert(rt_t* rt, uint64_t dst, uint32_t dst_stride, uint32_t dst_format, uint64_t src,
                uint32_t src_stride, uint32_t src_format, uint32_t n, uint32_t rows) {
  const numerics::Format to = format_of(dst_format), from = format_of(src_format);
  const std::size_t to_bytes = n * numerics::bytes_per_element(to),
                    from_bytes = n * numerics::bytes_per_element(from);
  if (!rt->aligned("CONVERT", dst | dst_stride, numerics::bytes_per_element(to)) ||
      !rt->aligned("CONVERT", src | src_stride, numerics::bytes_per_element(from)))
    return;
  std::vector<std::uint8_t> in(from_bytes), out(to_bytes);
  std::vector<float> values(n);
  for (uint32_t i = 0; i < rows; ++i) {
    rt->read(src + std::uint64_t{i} * src_stride, in.data(), from_bytes);
    numerics::to_f32(from, in.data(), values.data(), n);
    numerics::from_f32(to, values.data(), out.data(), n);
    rt->write(dst + std::uint64_t{i} * dst_stride, out.data(), to_bytes);
  }
}

void rt_attention(rt_t* rt, const rt_attention_t* a) {
  const char* name = "ATTENTION";
  const bool near_memory = a->unit != RT_ACCELERATOR;
  const std::uint64_t scores_count = std::uint64_t{a->heads} * a->tokens;
  if (!rt->aligned(name, a->k | a->v | a->kv_stride, 32)) return;
  if (near_memory) {
    if (!rt->aligned(name, a->q | a->out | a->q_stride | a->out_stride, 32)) return;
    if (a->heads > kPnmMaxHeads || a->head_dim > kPnmMaxHeadDim || scores_count > kPnmMaxScores)
      return rt->fail(name, "BAD_SHAPE", a->q);
  } else {
    if (2 * std::uint64_t{a->kv_stride} + 4 * scores_count > rt->work_bytes)
      return rt->fail(name, "TILE_TOO_LARGE", a->k);
    if (rt->vector(name, a->q, (a->heads - 1) * std::uint64_t{a->q_stride} / 4 + a->head_dim) == nullptr ||
        rt->vector(name, a->out, (a->heads - 1) * std::uint64_t{a->out_stride} / 4 + a->head_dim) == nullptr)
      return;
  }
  numerics::AttentionShape shape;
  shape.heads = a->heads;
  shape.tokens = a->tokens;
  shape.head_dim = a->head_dim;
  shape.format = format_of(a->format);
  shape.scale = a->scale;
  shape.q_stride = shape.out_stride = a->head_dim * sizeof(float);
  shape.k_stride = shape.v_stride = a->kv_stride;
  std::vector<float> q(std::size_t{a->heads} * a->head_dim), out(q.size()), scores(scores_count);
  const std::uint64_t kv_bytes =
      (a->tokens - 1) * std::uint64_t{a->kv_stride} + a->head_dim * numerics::bytes_per_element(shape.format);
  std::vector<std::uint8_t> k(kv_bytes), v(kv_bytes);
  for (uint32_t h = 0; h < a->heads; ++h)
    rt->read(a->q + std::uint64_t{h} * a->q_stride, &q[std::size_t{h} * a->head_dim], shape.q_stride);
  rt->read(a->k, k.data(), kv_bytes);
  rt->read(a->v, v.data(), kv_bytes);
  numerics::attention(shape, q.data(), k.data(), v.data(), out.data(), scores.data());
  for (uint32_t h = 0; h < a->heads; ++h)
    rt->write(a->out + std::uint64_t{h} * a->out_stride, &out[std::size_t{h} * a->head_dim],
              shape.out_stride);
}

void rt_pass(rt_t*) {}
int rt_learn(rt_t*) { return 0; }
status_t rt_kv_open(rt_t* rt, uint32_t, uint32_t, uint64_t, rt_kv_store_t*) {
  rt_print(rt, "reference: there is no HBF for a KV cache");
  return STATUS_UNSUPPORTED;
}
status_t rt_kv_append(rt_t*, const rt_kv_rows_t*, uint32_t) { return STATUS_UNSUPPORTED; }
status_t rt_freeze(rt_t* rt, uint32_t, uint64_t, rt_span_t, void*, uint64_t*) {
  rt_print(rt, "reference: there is no HBF to freeze a context in");
  return STATUS_UNSUPPORTED;
}

status_t rt_fence(rt_t* rt) { return rt->status; }

status_t rt_send(rt_t* rt, uint32_t peer, uint64_t src, uint32_t inbox_offset, uint32_t bytes,
                 uint32_t signal) {
  if (!rt->send) {
    rt->fail("send", "no such chip", peer);
    return rt->status;
  }
  if (!rt->aligned("send", src | inbox_offset | bytes, RT_LINK_ALIGN)) return rt->status;
  std::vector<std::uint8_t> message(bytes);
  rt->read(src, message.data(), bytes);
  return rt->send(peer, message, inbox_offset, signal);
}

status_t rt_receive(rt_t* rt, uint32_t peer, uint32_t, uint32_t signal, int) {
  if (!rt->receive) {
    rt->fail("receive", "no such chip", peer);
    return rt->status;
  }
  return rt->receive(peer, signal);
}

}  // extern "C"
