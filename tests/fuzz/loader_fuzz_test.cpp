// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "common/error.h"
#include "fuzz/mutator.h"
#include "loader/bytes.h"
#include "loader/elf/elf.h"
#include "loader/model.h"
#include "support/tiny_model.h"

namespace memwall {
namespace {

using loader::Bytes;
using test::ByteVector;
using test::FuzzReport;

/// Touches everything that a loaded model offers, so that a wrong size or pointer is met.
void read_all(const loader::Model& model) {
  const auto read = [](const loader::Tensor& tensor) {
    std::vector<float> row(tensor.cols);
    for (std::uint64_t r = 0; r < tensor.rows; ++r) tensor.to_f32(r, 1, row.data());
  };
  read(model.token_embedding);
  read(model.output_norm);
  read(model.output);
  for (const loader::Layer& layer : model.layers)
    for (auto member : {&loader::Layer::attn_norm, &loader::Layer::wq, &loader::Layer::wk, &loader::Layer::wv,
                        &loader::Layer::wo, &loader::Layer::ffn_norm, &loader::Layer::w1, &loader::Layer::w2,
                        &loader::Layer::w3})
      read(layer.*member);
  const auto ids = model.tokenizer.encode("then the \xc3\xa9t\xc3 and <s>1");
  model.tokenizer.decode(ids);
  for (loader::TokenId id = 0; id < model.tokenizer.vocab_size(); ++id) model.tokenizer.decode(id, 1);
}

test::TinyShape small_shape() {
  test::TinyShape shape;
  shape.hidden_dim = 32;
  shape.n_layers = 1;
  return shape;
}

TEST(LoaderFuzz, DamagedGgufIsAcceptedOrRefusedNeverWorse) {
  const auto consume = [](const ByteVector& bytes) {
    read_all(loader::load_model(Bytes::from_memory(bytes), "f", nullptr, ""));
  };
  FuzzReport total;
  for (std::uint32_t type : {test::kGgmlF32, test::kGgmlF16, test::kGgmlBf16, test::kGgmlQ8_0}) {
    test::TinyShape shape = small_shape();
    shape.tied = type != test::kGgmlQ8_0;
    const FuzzReport report =
        test::fuzz("gguf " + std::to_string(type), test::tiny_gguf(shape, type).bytes(), 1500, 4000, consume);
    total.accepted += report.accepted;
    total.refused += report.refused;
    total.messages.insert(report.messages.begin(), report.messages.end());
  }
  // Harmless changes (weights, spare bytes) pass; the others reach many different checks.
  EXPECT_GT(total.accepted, 100u);
  EXPECT_GT(total.refused, 10000u);
  EXPECT_GT(total.messages.size(), 100u);
}

TEST(LoaderFuzz, DamagedGgufDirectoriesAreRefused) {
  // The tensor directory alone: names, extents, types, offsets.
  const ByteVector valid = test::tiny_gguf(small_shape(), test::kGgmlF16).bytes();
  const std::string first = "token_embd.weight";
  const auto at = std::search(valid.begin(), valid.end(), first.begin(), first.end()) - valid.begin() - 8;
  Rng rng(5, "directory");
  std::size_t refused = 0;
  for (int round = 0; round < 1500; ++round) {
    ByteVector bytes = valid;
    for (std::uint64_t changes = 1 + rng.below(3); changes > 0; --changes) {
      const std::uint64_t value = rng.below(2) ? rng.next() : rng.next() >> rng.below(64);
      std::memcpy(bytes.data() + at + rng.below(700), &value, 1 + rng.below(8));
    }
    try {
      read_all(loader::load_model(Bytes::from_memory(bytes), "f", nullptr, ""));
    } catch (const ConfigError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1400u);
}

TEST(LoaderFuzz, DamagedLlama2cIsAcceptedOrRefusedNeverWorse) {
  const ByteVector tokenizer = test::tiny_llama2c_tokenizer();
  for (int version : {0, 1}) {
    const FuzzReport report = test::fuzz(
        "llama2c " + std::to_string(version), test::tiny_llama2c(small_shape(), version), 40, 6000,
        [&](const ByteVector& bytes) {
          read_all(loader::load_model(Bytes::from_memory(bytes), "f", Bytes::from_memory(tokenizer), "t"));
        });
    EXPECT_GT(report.accepted, 50u);
    EXPECT_GT(report.refused, 500u);
    EXPECT_GE(report.messages.size(), 4u);  // truncated, no numbers, no heads, other length
  }
}

TEST(LoaderFuzz, DamagedTokenizerFilesAreAcceptedOrRefusedNeverWorse) {
  const ByteVector checkpoint = test::tiny_llama2c(small_shape(), 1);
  const FuzzReport report =
      test::fuzz("tokenizer", test::tiny_llama2c_tokenizer(), 400, 3000, [&](const ByteVector& bytes) {
        read_all(loader::load_model(Bytes::from_memory(checkpoint), "f", Bytes::from_memory(bytes), "t"));
      });
  EXPECT_GT(report.accepted, 100u);
  EXPECT_GT(report.refused, 500u);
}

// -- ELF ----------------------------------------------------------------------------------------------------

/// A field of an ELF header: narrow in ELF-32, wide in ELF-64.
void append_address(ByteVector& out, bool wide, std::uint64_t value) {
  if (wide)
    test::append<std::uint64_t>(out, value);
  else
    test::append<std::uint32_t>(out, static_cast<std::uint32_t>(value));
}

struct ElfLayout {
  std::uint16_t n_segments = 1;
  std::uint16_t n_symbol_tables = 1;
  std::uint64_t n_symbols = 2;
  std::string names = std::string("\0tohost\0main\0", 13);
  bool names_overlap = false;  ///< symbol i is named by names from byte i on
  std::uint64_t code_bytes = 16;
};

/// ELF header, program headers, code, symbols, names, section headers (none, symbol tables, names).
ByteVector elf_file(bool wide, const ElfLayout& layout) {
  const std::uint64_t header = wide ? 64 : 52, segment = wide ? 56 : 32, section = wide ? 64 : 40,
                      symbol = wide ? 24 : 16;
  const std::uint64_t code = header + segment * layout.n_segments, symbols = code + layout.code_bytes;
  const std::uint64_t names = symbols + symbol * layout.n_symbols, sections = names + layout.names.size();
  ByteVector out = {0x7f, 'E', 'L', 'F', static_cast<std::uint8_t>(wide ? 2 : 1), 1, 1};
  out.resize(16);
  const auto u16 = [&](std::uint64_t value) { test::append(out, static_cast<std::uint16_t>(value)); };
  const auto u32 = [&](std::uint64_t value) { test::append(out, static_cast<std::uint32_t>(value)); };
  const auto address = [&](std::uint64_t value) { append_address(out, wide, value); };
  u16(2), u16(243), u32(1);
  address(0x80000000), address(header), address(sections);
  u32(0), u16(header), u16(segment), u16(layout.n_segments), u16(section), u16(2u + layout.n_symbol_tables),
      u16(0);
  for (std::uint16_t i = 0; i < layout.n_segments; ++i) {
    u32(1);
    if (wide) u32(5);
    address(code), address(0x80000000), address(0x80000000), address(layout.code_bytes);
    address(layout.code_bytes + 8);
    if (!wide) u32(5);
    address(16);
  }
  out.resize(symbols, 0x13);
  for (std::uint64_t i = 0; i < layout.n_symbols; ++i) {
    u32(layout.names_overlap ? 1 + i : i == 0 ? 1 : 8);
    if (wide) {
      u16(0), u16(1);
      address(0x80000000 + 4 * i), address(4);
    } else {
      address(0x80000000 + 4 * i), address(4);
      u16(0), u16(1);
    }
  }
  out.insert(out.end(), layout.names.begin(), layout.names.end());
  const auto section_header = [&](std::uint32_t type, std::uint64_t offset, std::uint64_t size,
                                  std::uint32_t link) {
    u32(0), u32(type);
    address(0), address(0), address(offset), address(size);
    u32(link), u32(0);
    address(1), address(0);
  };
  section_header(0, 0, 0, 0);
  for (std::uint16_t i = 0; i < layout.n_symbol_tables; ++i)
    section_header(2, symbols, symbol * layout.n_symbols, 1u + layout.n_symbol_tables);
  section_header(3, names, layout.names.size(), 0);
  return out;
}

void read_elf(const ByteVector& bytes) {
  const loader::ElfImage image = loader::parse_elf(bytes.data(), bytes.size(), "f");
  for (const loader::ElfSegment& segment : image.segments) ASSERT_LE(segment.bytes.size(), segment.memsz);
  image.tohost();
}

TEST(LoaderFuzz, DamagedElfIsAcceptedOrRefusedNeverWorse) {
  for (bool wide : {false, true}) {
    const ByteVector valid = elf_file(wide, {});
    const auto image = loader::parse_elf(valid.data(), valid.size(), "f");
    ASSERT_EQ(image.tohost(), 0x80000000u);
    const FuzzReport report = test::fuzz(wide ? "elf64" : "elf32", valid, valid.size(), 20000, read_elf);
    EXPECT_GT(report.accepted, 500u);
    EXPECT_GT(report.refused, 5000u);
    EXPECT_GT(report.messages.size(), 15u);
  }
}

/// Files that are well-formed field by field but ask for far more than they hold.
void expect_refused_cheaply(const ByteVector& bytes, const std::string& message) {
  const std::size_t before = test::heap_bytes();
  test::reset_peak();
  try {
    read_elf(bytes);
    ADD_FAILURE() << "the file was accepted";
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.what(), "f: " + message);
  }
  EXPECT_LE(test::peak_heap_bytes() - before, 64 * bytes.size() + (std::size_t{1} << 20));
}

TEST(LoaderFuzz, ElfSegmentsThatShareTheirBytesDoNotMultiplyMemory) {
  ElfLayout layout;
  layout.n_segments = 20000;
  layout.code_bytes = 100000;
  expect_refused_cheaply(elf_file(true, layout), "has segments that overlap in the file");
}

TEST(LoaderFuzz, ElfSymbolTablesThatShareTheirBytesDoNotMultiplyTime) {
  ElfLayout layout;
  layout.n_symbol_tables = 60000;
  layout.n_symbols = 50000;
  expect_refused_cheaply(elf_file(true, layout), "has more than one symbol table");
}

TEST(LoaderFuzz, ElfSymbolNamesThatOverlapDoNotMultiplyMemory) {
  ElfLayout layout;
  layout.names = '\0' + std::string(30000, 'n') + '\0';
  layout.n_symbols = 29000;
  layout.names_overlap = true;
  expect_refused_cheaply(elf_file(true, layout), "has symbol names far longer than the file");
}

}  // namespace
}  // namespace memwall
