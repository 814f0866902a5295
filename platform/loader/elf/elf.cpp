// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "loader/elf/elf.h"

#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <limits>

#include "common/error.h"

namespace memwall::loader {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30;
constexpr std::uint16_t kTypeExecutable = 2;
constexpr std::uint16_t kMachineRiscv = 243;
constexpr std::uint32_t kSegmentLoad = 1;
constexpr std::uint32_t kSectionSymbols = 2;

/// Reads little-endian fields at checked offsets. `wide` selects the ELF-64 layouts.
class Reader {
 public:
  Reader(const std::uint8_t* data, std::uint64_t size, const std::string& name)
      : data_(data), size_(size), name_(name) {}

  [[noreturn]] void fail(const std::string& what) const { throw ConfigError(name_, what); }
  void require(std::uint64_t offset, std::uint64_t bytes, const char* what) const {
    if (offset > size_ || bytes > size_ - offset) {
      fail(fmt::format("{} at offset {:#x} ({} bytes) lies outside the file of {} bytes", what, offset, bytes,
                       size_));
    }
  }
  std::uint64_t number(std::uint64_t offset, unsigned bytes) const {
    require(offset, bytes, "a header field");
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= std::uint64_t{data_[offset + i]} << (8 * i);
    return value;
  }
  std::uint16_t half(std::uint64_t offset) const { return static_cast<std::uint16_t>(number(offset, 2)); }
  std::uint32_t word(std::uint64_t offset) const { return static_cast<std::uint32_t>(number(offset, 4)); }
  /// An address-sized field.
  std::uint64_t address(std::uint64_t offset) const { return number(offset, wide ? 8 : 4); }
  const std::uint8_t* at(std::uint64_t offset) const { return data_ + offset; }
  std::uint64_t size() const { return size_; }

  bool wide = true;

 private:
  const std::uint8_t* data_;
  std::uint64_t size_;
  const std::string& name_;
};

/// A table of `count` entries of `entry` bytes; checks that it lies in the file and returns each entry's
/// offset.
std::uint64_t entry_offset(const Reader& r, std::uint64_t table, std::uint64_t index, std::uint64_t entry) {
  if (table > r.size() || (r.size() - table) / entry <= index) r.fail("a header table lies outside the file");
  return table + index * entry;
}

void read_segments(const Reader& r, ElfImage& image) {
  const std::uint64_t table = r.address(r.wide ? 32 : 28);
  const std::uint64_t entry = r.half(r.wide ? 54 : 42);
  const std::uint64_t count = r.half(r.wide ? 56 : 44);
  if (count == 0) r.fail("has no program headers: not an executable image");
  if (entry < (r.wide ? 56u : 32u)) r.fail(fmt::format("program header size {} is too small", entry));
  std::uint64_t total = 0;  // segments that share bytes of the file could ask for any amount of memory
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t h = entry_offset(r, table, i, entry);
    if (r.word(h) != kSegmentLoad) continue;
    const std::uint64_t offset = r.address(h + (r.wide ? 8 : 4));
    const std::uint64_t filesz = r.address(h + (r.wide ? 32 : 16));
    ElfSegment s;
    s.vaddr = r.address(h + (r.wide ? 16 : 8));
    s.paddr = r.address(h + (r.wide ? 24 : 12));
    s.memsz = r.address(h + (r.wide ? 40 : 20));
    if (filesz > s.memsz) {
      r.fail(fmt::format("segment {}: file size {:#x} exceeds memory size {:#x}", i, filesz, s.memsz));
    }
    if (s.memsz > ~std::uint64_t{0} - s.paddr) {
      r.fail(
          fmt::format("segment {}: {:#x} bytes at {:#x} wrap around the address space", i, s.memsz, s.paddr));
    }
    r.require(offset, filesz, "a segment's data");
    total += filesz;  // both at most the file's size, so no overflow
    if (total > r.size()) r.fail("has segments that overlap in the file");
    if (s.memsz == 0) continue;
    s.bytes.assign(r.at(offset), r.at(offset) + filesz);
    image.segments.push_back(std::move(s));
  }
  if (image.segments.empty()) r.fail("has no loadable segment");
}

void read_symbols(const Reader& r, ElfImage& image) {
  const std::uint64_t table = r.address(r.wide ? 40 : 32);
  const std::uint64_t entry = r.half(r.wide ? 58 : 46);
  const std::uint64_t count = r.half(r.wide ? 60 : 48);
  if (table == 0 || count == 0) return;  // stripped
  if (entry < (r.wide ? 64u : 40u)) r.fail(fmt::format("section header size {} is too small", entry));
  const auto offset_of = [&](std::uint64_t h) { return r.address(h + (r.wide ? 24 : 16)); };
  const auto size_of = [&](std::uint64_t h) { return r.address(h + (r.wide ? 32 : 20)); };
  bool found = false;
  std::uint64_t name_bytes = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t h = entry_offset(r, table, i, entry);
    if (r.word(h + 4) != kSectionSymbols) continue;
    if (found) r.fail("has more than one symbol table");
    found = true;
    const std::uint64_t link = r.word(h + (r.wide ? 40 : 24));
    if (link >= count) r.fail(fmt::format("symbol table names section {} of {}", link, count));
    const std::uint64_t strings = entry_offset(r, table, link, entry);
    const std::uint64_t symbols_at = offset_of(h), symbols_size = size_of(h);
    const std::uint64_t names_at = offset_of(strings), names_size = size_of(strings);
    r.require(symbols_at, symbols_size, "the symbol table");
    r.require(names_at, names_size, "the string table");
    const std::uint64_t step = r.wide ? 24 : 16;
    for (std::uint64_t s = 0; s + step <= symbols_size; s += step) {
      const std::uint64_t name = r.word(symbols_at + s);
      if (name == 0) continue;
      if (name >= names_size) r.fail(fmt::format("symbol name at {:#x} lies outside the string table", name));
      const char* text = reinterpret_cast<const char*>(r.at(names_at + name));
      const std::uint64_t value = r.address(symbols_at + s + (r.wide ? 8 : 4));
      const std::uint64_t length = strnlen(text, names_size - name);
      // Linkers let a name be the tail of another, so some overlap is normal.
      name_bytes += length;
      if (name_bytes > 16 * r.size()) r.fail("has symbol names far longer than the file");
      image.symbols.emplace(std::string(text, length), value);
    }
  }
}

}  // namespace

std::optional<std::uint64_t> ElfImage::symbol(const std::string& name) const {
  const auto it = symbols.find(name);
  if (it == symbols.end()) return std::nullopt;
  return it->second;
}

ElfImage parse_elf(const std::uint8_t* data, std::size_t size, const std::string& name) {
  Reader r(data, size, name);
  if (size < 20 || std::memcmp(data,
                               "\x7f"
                               "ELF",
                               4) != 0) {
    r.fail("is not an ELF file");
  }
  if (data[4] != 1 && data[4] != 2) r.fail(fmt::format("unknown ELF class {}", data[4]));
  if (data[5] != 1) r.fail("is not little-endian");
  r.wide = data[4] == 2;
  ElfImage image;
  image.file = name;
  image.bits = r.wide ? 64 : 32;
  if (r.half(18) != kMachineRiscv) r.fail(fmt::format("is for machine {}, not RISC-V (243)", r.half(18)));
  if (r.half(16) != kTypeExecutable) {
    r.fail(fmt::format("has ELF type {}; only statically linked executables (type 2) are supported",
                       r.half(16)));
  }
  r.require(0, r.wide ? 64 : 52, "the ELF header");
  image.entry = r.address(24);
  read_segments(r, image);
  read_symbols(r, image);
  return image;
}

ElfImage load_elf(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) throw ConfigError(path, "cannot be opened");
  const auto end = static_cast<std::int64_t>(in.tellg());
  if (end < 0 || end == std::numeric_limits<std::int64_t>::max())
    throw ConfigError(path, "is not a readable file");
  const auto size = static_cast<std::uint64_t>(end);
  if (size > kMaxFileBytes) throw ConfigError(path, fmt::format("has {} bytes; the limit is 1 GiB", size));
  std::vector<std::uint8_t> bytes(size);
  in.seekg(0);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!in) throw ConfigError(path, "cannot be read");
  return parse_elf(bytes.data(), bytes.size(), path);
}

}  // namespace memwall::loader
