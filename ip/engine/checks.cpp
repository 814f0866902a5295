// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "engine/checks.h"

#include <cstring>

#include "numerics/formats.h"

namespace memwall::engine {
namespace {

using desc::ComputeDescriptor;
using desc::Format;
using desc::Opcode;

// Fields that an operation may use, beyond opcode, flags and tag.
enum Field : std::uint32_t {
  kFormat = 1u << 0,
  kDstFormat = 1u << 1,
  kDst = 1u << 2,
  kSrc0 = 1u << 3,
  kSrc1 = 1u << 4,
  kSrc2 = 1u << 5,
  kN = 1u << 6,
  kK = 1u << 7,
  kM = 1u << 8,
  kIndexBase = 1u << 9,
  kStride0 = 1u << 10,
  kStride1 = 1u << 11,
  kStride2 = 1u << 12,
  kStride3 = 1u << 13,
  kScalar0 = 1u << 14,
  kTile = 1u << 15,
};

std::uint32_t used_fields(const ComputeDescriptor& d, const EngineRules& rules) {
  const std::uint32_t tile = rules.has_scratchpad ? std::uint32_t{kTile} : 0u;
  switch (static_cast<Opcode>(d.opcode)) {
    case Opcode::kNop:
      return 0;
    case Opcode::kMatvec:
      return kFormat | kDst | kSrc0 | kSrc1 | kN | kK | kM | kStride0 | kStride1 | kStride3 | tile |
             (static_cast<Format>(d.format) == Format::kMxint8 ? kSrc2 | kStride2 : 0u);
    case Opcode::kAttention:
      return kFormat | kDst | kSrc0 | kSrc1 | kSrc2 | kN | kK | kM | kStride0 | kStride1 | kStride2 |
             kStride3 | kScalar0 | tile;
    case Opcode::kRmsnorm:
      return kDst | kSrc0 | kSrc1 | kN | kM | kStride0 | kStride3 | kScalar0;
    case Opcode::kRope:
      return kDst | kSrc0 | kSrc1 | kN | kK | kM | kStride0 | kStride1 | kStride3;
    case Opcode::kSwiglu:
    case Opcode::kAdd:
      return kDst | kSrc0 | kSrc1 | kN;
    case Opcode::kSoftmax:
      return kDst | kSrc0 | kN | kScalar0;
    case Opcode::kTopk:
      return kDst | kSrc0 | kN | kM | kIndexBase;
    case Opcode::kCopy:
      return kDst | kSrc0 | kN | kM | kStride0 | kStride3;
    case Opcode::kConvert:
      return kFormat | kDstFormat | kDst | kSrc0 | kN | kM | kStride0 | kStride3;
  }
  return 0;
}

std::uint32_t set_fields(const ComputeDescriptor& d) {
  std::uint32_t scalar_bits;
  std::memcpy(&scalar_bits, &d.scalar0, sizeof scalar_bits);
  const auto bit = [](bool set, Field field) { return set ? static_cast<std::uint32_t>(field) : 0u; };
  return bit(d.format != 0, kFormat) | bit(d.dst_format != 0, kDstFormat) | bit(d.dst != 0, kDst) |
         bit(d.src0 != 0, kSrc0) | bit(d.src1 != 0, kSrc1) | bit(d.src2 != 0, kSrc2) | bit(d.n != 0, kN) |
         bit(d.k != 0, kK) | bit(d.m != 0, kM) | bit(d.index_base != 0, kIndexBase) |
         bit(d.stride0 != 0, kStride0) | bit(d.stride1 != 0, kStride1) | bit(d.stride2 != 0, kStride2) |
         bit(d.stride3 != 0, kStride3) | bit(scalar_bits != 0, kScalar0) |
         bit(d.tile_rows != 0 || d.work != 0 || d.work_bytes != 0, kTile);
}

bool is_float_format(std::uint8_t format) { return format <= static_cast<std::uint8_t>(Format::kBf16); }

bool format_ok(const ComputeDescriptor& d) {
  switch (static_cast<Opcode>(d.opcode)) {
    case Opcode::kMatvec:
      return d.format <= static_cast<std::uint8_t>(Format::kMxint8);
    case Opcode::kAttention:
      return is_float_format(d.format);
    case Opcode::kConvert:
      return is_float_format(d.format) && is_float_format(d.dst_format);
    default:
      return true;
  }
}

bool reserved_ok(const ComputeDescriptor& d, const EngineRules& rules) {
  if ((d.flags & ~1u) != 0 || d.reserved0 != 0) return false;
  for (const std::uint8_t byte : d.reserved_96) {
    if (byte != 0) return false;
  }
  return (set_fields(d) & ~used_fields(d, rules)) == 0;
}

bool within(std::uint32_t value, std::uint32_t limit) { return value >= 1 && value <= limit; }

bool shape_ok(const ComputeDescriptor& d, const EngineRules& rules) {
  const bool n_ok = within(d.n, rules.max_elements);
  switch (static_cast<Opcode>(d.opcode)) {
    case Opcode::kNop:
      return true;
    case Opcode::kMatvec:
      return n_ok && within(d.k, rules.max_matvec_k) && within(d.m, rules.max_batch) &&
             (!rules.has_scratchpad || d.tile_rows != 0);
    case Opcode::kAttention:
      return n_ok && within(d.k, rules.max_head_dim) && within(d.m, rules.max_heads) &&
             std::uint64_t{d.m} * d.n <= rules.max_scores && (!rules.has_scratchpad || d.tile_rows != 0);
    case Opcode::kRope:
      return n_ok && within(d.k, rules.max_head_dim) && within(d.m, rules.max_rows) && d.k % 2 == 0;
    case Opcode::kSwiglu:
    case Opcode::kAdd:
    case Opcode::kSoftmax:
      return n_ok;
    case Opcode::kTopk:
    case Opcode::kRmsnorm:
    case Opcode::kConvert:
      return n_ok && within(d.m, rules.max_rows);
    case Opcode::kCopy:
      return within(d.n, rules.max_copy_bytes) && within(d.m, rules.max_rows);
  }
  return false;
}

/// A block of memory that an operation touches: `rows` rows of `row_bytes`, `stride` apart.
struct Operand {
  std::uint64_t address = 0;
  std::uint64_t rows = 1;
  std::uint64_t row_bytes = 0;
  std::uint64_t stride = 0;  ///< not used if rows == 1
  std::uint32_t alignment = 1;
  bool in_sram = false;  ///< must lie in the scratchpad, if the engine has one
};

struct OperandList {
  Operand items[5];
  unsigned count = 0;
  void add(const Operand& operand) { items[count++] = operand; }
};

OperandList operands_of(const ComputeDescriptor& d, const EngineRules& rules) {
  OperandList list;
  const std::uint64_t n = d.n, k = d.k, m = d.m;
  const auto vector = [&](std::uint64_t address, std::uint64_t rows, std::uint64_t row_bytes,
                          std::uint64_t stride) {
    list.add({address, rows, row_bytes, stride, rules.vector_alignment, true});
  };
  const auto stream = [&](std::uint64_t address, std::uint64_t rows, std::uint64_t row_bytes,
                          std::uint64_t stride) {
    list.add({address, rows, row_bytes, stride, 32, false});
  };
  const auto element = [](std::uint8_t format) {
    return numerics::bytes_per_element(static_cast<numerics::Format>(format));
  };
  // Order: dst, src0, src1, src2, work; the first one out of range is the one reported.
  switch (static_cast<Opcode>(d.opcode)) {
    case Opcode::kNop:
      break;
    case Opcode::kMatvec:
      vector(d.dst, m, 4 * n, d.stride3);
      vector(d.src0, m, 4 * k, d.stride0);
      stream(d.src1, n, k * element(d.format), d.stride1);
      if (static_cast<Format>(d.format) == Format::kMxint8) stream(d.src2, n, (k + 31) / 32, d.stride2);
      break;
    case Opcode::kAttention:
      vector(d.dst, m, 4 * k, d.stride3);
      vector(d.src0, m, 4 * k, d.stride0);
      stream(d.src1, n, k * element(d.format), d.stride1);
      stream(d.src2, n, k * element(d.format), d.stride2);
      break;
    case Opcode::kRmsnorm:
      vector(d.dst, m, 4 * n, d.stride3);
      vector(d.src0, m, 4 * n, d.stride0);
      vector(d.src1, 1, 4 * n, 0);
      break;
    case Opcode::kRope:
      vector(d.dst, n, 4 * m * k, d.stride3);
      vector(d.src0, n, 4 * m * k, d.stride0);
      vector(d.src1, n, 4 * k, d.stride1);
      break;
    case Opcode::kSwiglu:
    case Opcode::kAdd:
      vector(d.dst, 1, 4 * n, 0);
      vector(d.src0, 1, 4 * n, 0);
      vector(d.src1, 1, 4 * n, 0);
      break;
    case Opcode::kSoftmax:
      vector(d.dst, 1, 4 * n, 0);
      vector(d.src0, 1, 4 * n, 0);
      break;
    case Opcode::kTopk:
      vector(d.dst, 1, 8 * m, 0);
      vector(d.src0, 1, 4 * n, 0);
      break;
    case Opcode::kCopy:
      list.add({d.dst, m, n, d.stride3, 1, false});
      list.add({d.src0, m, n, d.stride0, 1, false});
      break;
    case Opcode::kConvert: {
      const auto to = static_cast<std::uint32_t>(element(d.dst_format));
      const auto from = static_cast<std::uint32_t>(element(d.format));
      list.add({d.dst, m, n * to, d.stride3, to, false});
      list.add({d.src0, m, n * from, d.stride0, from, false});
      break;
    }
  }
  if (rules.has_scratchpad && (used_fields(d, rules) & kTile) != 0) vector(d.work, 1, d.work_bytes, 0);
  return list;
}

bool aligned(const Operand& operand) {
  if (operand.address % operand.alignment != 0) return false;
  return operand.rows == 1 ||
         (operand.stride % operand.alignment == 0 && operand.stride >= operand.row_bytes);
}

bool in_sram(const Operand& operand, const EngineRules& rules) {
  const std::uint64_t bytes =
      (operand.rows - 1) * (operand.rows == 1 ? 0 : operand.stride) + operand.row_bytes;  // below 2^58
  if (operand.address < rules.sram_base) return false;
  const std::uint64_t offset = operand.address - rules.sram_base;
  return offset <= rules.sram_bytes && bytes <= rules.sram_bytes - offset;
}

std::uint64_t work_needed(const ComputeDescriptor& d) {
  std::uint64_t bytes = 2 * d.tile_rows * tile_row_bytes(static_cast<Format>(d.format), d.k);
  if (static_cast<Opcode>(d.opcode) == Opcode::kAttention) bytes += 4ull * d.m * d.n;
  return bytes;
}

}  // namespace

std::uint64_t tile_row_bytes(Format format, std::uint32_t k) {
  if (format != Format::kMxint8)
    return k * numerics::bytes_per_element(static_cast<numerics::Format>(format));
  return (k + (std::uint64_t{k} + 31) / 32 + 31) / 32 * 32;
}

Outcome check(const ComputeDescriptor& d, const EngineRules& rules) {
  if (d.opcode > static_cast<std::uint8_t>(Opcode::kConvert) || ((rules.opcodes >> d.opcode) & 1u) == 0) {
    return {Status::kBadOpcode, 0};
  }
  if (!format_ok(d)) return {Status::kBadFormat, 0};
  if (!reserved_ok(d, rules)) return {Status::kBadReserved, 0};
  if (!shape_ok(d, rules)) return {Status::kBadShape, 0};
  const OperandList operands = operands_of(d, rules);
  for (unsigned i = 0; i < operands.count; ++i) {
    if (!aligned(operands.items[i])) return {Status::kBadAlignment, 0};
  }
  if (!rules.has_scratchpad) return {};
  for (unsigned i = 0; i < operands.count; ++i) {
    const Operand& operand = operands.items[i];
    if (operand.in_sram && !in_sram(operand, rules)) return {Status::kBadRange, operand.address};
  }
  if ((used_fields(d, rules) & kTile) != 0 && work_needed(d) > d.work_bytes)
    return {Status::kTileTooLarge, 0};
  return {};
}

}  // namespace memwall::engine
