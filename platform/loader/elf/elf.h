// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Reader of statically linked RISC-V ELF executables. Every offset and size in the file is checked before it
/// is used; anything wrong is a ConfigError "file: what". Not supported: relocation, dynamic linking,
/// big-endian. Source: System V ABI, "ELF-64 Object File Format" 1.5 and the RISC-V ELF psABI (machine 243).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace memwall::loader {

/// One PT_LOAD segment: `bytes` at `paddr`, then zeros up to `memsz` bytes.
struct ElfSegment {
  std::uint64_t paddr = 0;
  std::uint64_t vaddr = 0;
  std::uint64_t memsz = 0;
  std::vector<std::uint8_t> bytes;
};

struct ElfImage {
  std::string file;
  unsigned bits = 64;  ///< ELF class: 32 or 64
  std::uint64_t entry = 0;
  std::vector<ElfSegment> segments;  ///< none with memsz 0; address ranges do not wrap
  std::map<std::string, std::uint64_t> symbols;

  std::optional<std::uint64_t> symbol(const std::string& name) const;
  /// Address of the HTIF mailbox, if the program has one.
  std::optional<std::uint64_t> tohost() const { return symbol("tohost"); }
};

/// Throws ConfigError. Files above 1 GiB are refused.
ElfImage load_elf(const std::string& path);
/// The same for bytes in memory; `name` appears in messages.
ElfImage parse_elf(const std::uint8_t* data, std::size_t size, const std::string& name);

}  // namespace memwall::loader
