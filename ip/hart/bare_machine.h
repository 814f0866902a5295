// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Runs a bare RISC-V ELF on the functional hart alone, without SystemC: RAM, CLINT, HTIF mailbox, and the
/// transmit side of a serial port and the test finisher at the addresses of QEMU's `virt` machine.
///
///   0x0010'0000  finisher: 0x5555 ends with code 0, 0x3333 | code << 16 with that code
///   0x0200'0000  CLINT: msip, mtimecmp (+0x4000), mtime (+0xbff8), one tick per 100 cycles (assumed)
///   0x1000'0000  serial port: byte writes go to the console, line status always says "ready"
///   0x8000'0000  RAM, 128 MiB; segments elsewhere get RAM of their own
///
/// HTIF (symbol `tohost`): an odd value ends with code value >> 1; an even one is the address of a system
/// call block {number, arguments...} of which write (64) and exit (93) exist; device 1 command 1 is a
/// character.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

namespace memwall::hart {

struct ElfRunOptions {
  std::string file;
  std::string isa = "rv64";  ///< "rv32" is refused by name
  std::uint64_t max_instructions = 10'000'000'000;
  std::string trace_file;           ///< one line per instruction if not empty: pc, encoding, register written
  std::ostream* console = nullptr;  ///< where program output goes; nullptr: standard output
};

struct ElfRunResult {
  int code = 0;
  std::uint64_t instructions = 0;
  std::uint64_t cycles = 0;
  double host_seconds = 0;
  double mips() const {
    return host_seconds > 0 ? static_cast<double>(instructions) / host_seconds / 1e6 : 0;
  }
};

/// Throws ConfigError (bad file, rv32) and WorkloadError (instruction limit, a hart that cannot go on).
ElfRunResult run_bare_elf(const ElfRunOptions& options);

}  // namespace memwall::hart
