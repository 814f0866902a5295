// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "pnm/cycle_model.h"

namespace memwall::pnm {

std::uint64_t CycleModel::tile(const engine::TileWork& work) const {
  // An MXINT8 beat holds 32 elements and the integer lanes take them at once.
  const std::uint32_t per_cycle = work.format == desc::Format::kMxint8 ? 2 * lanes : lanes;
  const std::uint64_t steps = (std::uint64_t{work.k} + per_cycle - 1) / per_cycle;
  const std::uint64_t overhead = work.kind == engine::TileWork::Kind::kValues ? 0 : row_overhead_cycles;
  return std::uint64_t{work.rows} * work.vectors * (steps + overhead);
}

}  // namespace memwall::pnm
