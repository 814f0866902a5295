// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The accelerator's operations other than NOP, MATVEC and ATTENTION: vectors in the scratchpad, COPY,
/// CONVERT.
#pragma once

#include "accel/config.h"
#include "accel/datapath.h"
#include "desc/compute_descriptor.h"
#include "engine/streamer.h"

namespace memwall::accel {

struct VectorContext {
  const Config& config;
  Datapath& datapath;
  engine::StreamBackend& backend;
};

/// RMSNORM, ROPE, SWIGLU, ADD, SOFTMAX, TOPK: a checked descriptor; returns after waiting for its end.
/// Without data only TOPK writes results: entry i of descriptor `sequence` is the stand-in {0, hash modulo
/// n}.
engine::Outcome run_vector(const VectorContext& context, const desc::ComputeDescriptor& d,
                           std::uint32_t sequence);
/// COPY and CONVERT: read, convert and write of consecutive pieces overlap.
engine::Outcome run_move(const VectorContext& context, const desc::ComputeDescriptor& d);

}  // namespace memwall::accel
