// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Chooses the function that executes a floating-point instruction.
#pragma once

#include "hart/isa.h"

namespace memwall::hart {

struct FpChoice {
  FpFunction function = nullptr;  ///< nullptr: reserved encoding
  bool uses_rm = false;
  bool integer_result = false;
  bool slow = false;  ///< division or square root
};

/// OP-FP: fields funct7[6:2], funct7[1:0], rs2 and funct3.
FpChoice choose_fp(std::uint32_t funct5, std::uint32_t format, std::uint32_t rs2, std::uint32_t funct3);
/// `which`: 0 FMADD, 1 FMSUB, 2 FNMSUB, 3 FNMADD.
FpChoice choose_fused(std::uint32_t which, std::uint32_t format);

}  // namespace memwall::hart
