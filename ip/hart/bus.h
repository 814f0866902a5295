// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// What the hart's functional core needs from the world around it: reads, writes and, where memory has no
/// timing of its own, a host pointer. Implemented by the SystemC shell (TLM) and by the bare machine.
#pragma once

#include <cstdint>

namespace memwall::hart {

/// Outcome of one bus access. `latency_cycles` is what it cost beyond the instruction's own cycle.
struct BusResult {
  bool ok = true;
  std::uint64_t latency_cycles = 0;
};

/// A range of physical memory that the hart may touch through a host pointer, without telling the bus.
/// `host` is the address of the byte at physical address `base`; nullptr means "no direct access".
struct DirectRegion {
  std::uint64_t base = 0;
  std::uint64_t size = 0;
  std::uint8_t* host = nullptr;
  bool readable = true;
  bool writable = true;
  /// Cycles per access beyond the instruction's own; 0 for tightly coupled memory.
  std::uint64_t read_latency_cycles = 0;
  std::uint64_t write_latency_cycles = 0;

  /// True if [address, address + bytes) lies inside.
  bool contains(std::uint64_t address, std::uint64_t bytes) const {
    return host != nullptr && address >= base && address - base <= size && bytes <= size - (address - base);
  }
};

/// Data is little-endian; any alignment and any length up to 64 bytes may be asked for.
class Bus {
 public:
  virtual ~Bus() = default;
  virtual BusResult fetch(std::uint64_t address, void* out, unsigned bytes) = 0;
  virtual BusResult load(std::uint64_t address, void* out, unsigned bytes) = 0;
  virtual BusResult store(std::uint64_t address, const void* in, unsigned bytes) = 0;
  /// The direct region around `address`, if there is one. Regions stay valid until Hart::flush_direct().
  virtual DirectRegion dmi(std::uint64_t address) = 0;
};

}  // namespace memwall::hart
