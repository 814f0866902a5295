// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "system/kv_endurance.h"

#include <fmt/format.h>

namespace memwall::system {
namespace {
constexpr double kSecondsPerYear = 365.25 * 24 * 3600;
}

KvEndurance kv_endurance(const loader::ModelConfig& model, std::uint32_t chips, std::uint32_t slices,
                         double element_bytes, const hbf::Config& hbf) {
  KvEndurance e;
  const std::uint32_t heads = (model.n_kv_heads + chips - 1) / chips;
  e.rows_per_token = std::uint64_t{2} * model.n_layers * heads;
  e.payload_bytes = model.head_dim * element_bytes;
  const double seconds_per_row = static_cast<double>(hbf.timing.tPROG) * 1e-12 +
                                 static_cast<double>(hbf.timing.tBERS) * 1e-12 / hbf.pages_per_block;
  e.tokens_per_s = 1 / (seconds_per_row * model.n_layers * (static_cast<double>(slices) / chips));
  e.write_bytes_per_s = e.tokens_per_s * static_cast<double>(e.rows_per_token * hbf::kPageBytes);
  e.lifetime_years = hbf.reliability.endurance_cycles * static_cast<double>(hbf.capacity_bytes) /
                     e.write_bytes_per_s / kSecondsPerYear;
  return e;
}

std::string KvEndurance::text(const hbf::Config& hbf) const {
  return fmt::format(
      "every token programs {} pages of {} B on cube 0 of each chip for rows of {:.0f} B (write "
      "amplification "
      "{:.0f}); at the {:.0f} tokens/s that programming allows that is {:.3g} MB/s, and {:.0f} cycles of its "
      "{} GiB are used up in {:.3g} years if every erased block is filled, sooner if not (the report has the "
      "figure of a run)",
      rows_per_token, hbf::kPageBytes, payload_bytes, static_cast<double>(hbf::kPageBytes) / payload_bytes,
      tokens_per_s, write_bytes_per_s / 1e6, hbf.reliability.endurance_cycles, hbf.capacity_bytes >> 30,
      lifetime_years);
}

}  // namespace memwall::system
