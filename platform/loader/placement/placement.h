// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Places a model into the memories of each chip: converts weights to the device format, cuts them into
/// reduction slices, gives every tensor an address, and writes the manifest that the firmware reads
/// (firmware/include/manifest.h states the cut). Weights go round-robin, tensor by tensor, over the stacks or
/// cubes; what the stacks have left becomes arenas for the firmware.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "numerics/formats.h"

namespace memwall::loader {

struct Model;

struct PlacementOptions {
  std::uint32_t n_chips = 1;
  std::uint32_t n_slices = 2;                           ///< a multiple of n_chips
  numerics::Format format = numerics::Format::kF16;     ///< of the matrices: F32, F16 or MXINT8
  numerics::Format kv_format = numerics::Format::kF16;  ///< F32 or F16
  std::uint32_t prefill_batch = 8;
  bool weights_in_hbf = false;
  std::uint32_t hbm_stacks = 1;  ///< per chip
  std::uint64_t hbm_bytes = 0;   ///< per stack
  std::uint32_t hbf_cubes = 0;   ///< per chip
  std::uint64_t hbf_bytes = 0;   ///< per cube
  bool hbf_load = false;         ///< the firmware writes the cubes' contents itself
  bool kv_in_hbf = false;        ///< the firmware keeps its KV cache in the first cube
  bool pnm = false;              ///< every stack carries a decode unit
  bool contents = true;          ///< false: tensors get addresses but no bytes (data = "none")
};

/// Receives contents: (chip, chip physical address, bytes, size). `bytes` is null for a tensor without
/// contents.
using ImageWriter =
    std::function<void(std::uint32_t chip, std::uint64_t address, const void* bytes, std::size_t size)>;

struct Placement {
  std::vector<std::uint64_t> manifest_address;  ///< per chip
  std::uint64_t weight_bytes = 0;               ///< all chips, including scales
  std::uint64_t hbm_bytes_used = 0;             ///< all chips, without arenas
  std::uint64_t hbf_bytes_used = 0;
};

/// Throws ConfigError, naming the memory and both sizes, if the model does not fit, and for a shape or option
/// that cannot be placed. Calls `write` for every byte that has a value; everything else is left alone.
Placement place_model(const Model& model, const PlacementOptions& options, const ImageWriter& write);

}  // namespace memwall::loader
