// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What a KV cache in HBF would do to cube 0 of a chip, where all of it lies: how much is written per token,
/// how fast at most, how long the cube endures it. Arithmetic on the settings; the report has the figures of
/// the run.
#pragma once

#include <cstdint>
#include <string>

#include "hbf/config.h"
#include "loader/model.h"

namespace memwall::system {

struct KvEndurance {
  std::uint64_t rows_per_token = 0;  ///< keys and values of each layer and KV head of a chip, a page each
  double payload_bytes = 0;          ///< of a row
  double tokens_per_s = 0;           ///< at most: each slice of each layer waits for its program
  double write_bytes_per_s = 0;      ///< then
  /// Endurance x capacity / write rate: wear spread evenly, and every erased block filled. The report's
  /// figure counts the erases of the run, most of whose blocks are not full.
  double lifetime_years = 0;
  std::string text(const hbf::Config& hbf) const;
};

/// `element_bytes` of the KV format.
KvEndurance kv_endurance(const loader::ModelConfig& model, std::uint32_t chips, std::uint32_t slices,
                         double element_bytes, const hbf::Config& hbf);

}  // namespace memwall::system
