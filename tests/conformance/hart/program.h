// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Randomised programs that run alike on QEMU's `virt` machine and on the bare machine. A program sets random
/// registers, executes random instructions, logs results and traps, and finally sends its data memory, logs
/// and architectural state byte by byte to the serial port.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/rng.h"
#include "ip/hart/asm.h"

namespace conformance {

/// Where things are. Registers x2, x8, x25-x30 keep their values; random code writes the others.
enum Layout : std::uint64_t {
  kCode = 0x80000000,
  kSave = 0x80100000,  ///< x27: scratch of the trap handler; final state from +256 on
  kData = 0x80110000,  ///< x30 = +2048, x8 = +1024, x2 = +512
  kDataBytes = 8192,
  kTable = 0x80114000,  ///< x25 = +2048: operands
  kTableWords = 512,
  kInit = 0x80116000,  ///< initial registers
  kLog = 0x80120000,   ///< x26 walks through it
  kLogBytes = 0x40000,
  kTraps = 0x80180000,  ///< 32 bytes per trap: mcause, mtval, mepc, mstatus
  kTrapBytes = 0x20000,
};

enum class Kind { kInteger, kFloat, kUser, kCsr, kPmp, kInterrupt };

struct Program {
  std::vector<std::uint8_t> elf;
  /// For messages: the instruction whose result is in log slot i (8 bytes each).
  std::vector<std::string> log_origin;
  std::uint64_t log_bytes = 0;
  std::vector<std::uint32_t> subjects;  ///< instructions under test (16-bit ones as they are)
};

Program make_program(Kind kind, std::uint64_t seed, unsigned items);

}  // namespace conformance
