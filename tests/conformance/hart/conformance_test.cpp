// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// The hart against Debian's qemu-system-riscv64: the same random program must leave the same registers,
/// CSRs, memory, results and traps on both. Differences that the standards allow are kept out of the
/// programs; they are listed in ip/hart/README.md.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "hart/bare_machine.h"
#include "hart/isa.h"
#include "program.h"

namespace conformance {
namespace {

constexpr std::size_t kStateBytes = 768;

bool qemu_installed() { return std::system("command -v qemu-system-riscv64 >/dev/null 2>&1") == 0; }

std::string run_qemu(const std::string& elf, const std::string& out) {
  std::remove(out.c_str());
  const std::string command =
      "timeout 10 qemu-system-riscv64 -machine virt -m 128 -bios none -display none -monitor none "
      "-cpu rv64,s=false,h=false,zba=false,zbb=false,zbc=false,zbs=false,sstc=false "
      "-serial file:" +
      out + " -kernel " + elf + " >/dev/null 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  std::ifstream in(out, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string run_ours(const std::string& elf, std::uint64_t& instructions, const char* trace = "") {
  std::ostringstream console;
  memwall::hart::ElfRunOptions options;
  options.file = elf;
  options.max_instructions = 20'000'000;
  options.console = &console;
  options.trace_file = trace;
  const auto result = memwall::hart::run_bare_elf(options);
  EXPECT_EQ(result.code, 0);
  instructions += result.instructions;
  return console.str();
}

std::uint64_t word_at(const std::string& s, std::size_t at) {
  std::uint64_t value = 0;
  if (at + 8 <= s.size()) std::memcpy(&value, &s[at], 8);
  return value;
}

/// Names the first few differences.
std::string explain(const Program& p, const std::string& qemu, const std::string& ours) {
  std::ostringstream out;
  out << std::hex << "sizes qemu " << qemu.size() << " ours " << ours.size() << "\n";
  const std::size_t log_at = kStateBytes + kDataBytes, traps_at = log_at + p.log_bytes;
  unsigned shown = 0;
  const std::size_t total = std::max(qemu.size(), ours.size());
  for (std::size_t step = 0; step < total && shown < 12; step += 8) {
    // Traps first: the first wrong one explains the most.
    const std::size_t at = total > traps_at ? (step + traps_at) % (total & ~std::size_t{7}) : step;
    const std::uint64_t q = word_at(qemu, at), o = word_at(ours, at);
    if (q == o) continue;
    ++shown;
    if (at < kStateBytes) {
      const std::size_t n = at / 8;
      out << (n < 32 ? "x" : n < 64 ? "f" : "csr slot ") << std::dec << n % 32 << std::hex;
    } else if (at < log_at) {
      out << "data+" << at - kStateBytes;
    } else if (at < traps_at) {
      out << "log: " << p.log_origin[(at - log_at) / 8];
    } else {
      static const char* const kFields[] = {"mcause", "mtval", "mepc", "mstatus"};
      const std::size_t record = (at - traps_at) / 32 * 32 + traps_at;
      out << "trap " << std::dec << (at - traps_at) / 32 << std::hex << " "
          << kFields[(at - traps_at) / 8 % 4] << " (qemu mcause " << word_at(qemu, record) << " mepc "
          << word_at(qemu, record + 16) << ", ours mcause " << word_at(ours, record) << " mepc "
          << word_at(ours, record + 16) << ")";
    }
    out << ": qemu " << q << " ours " << o << "\n";
  }
  return out.str();
}

void compare(Kind kind, const char* name, std::uint64_t first_seed, unsigned programs, unsigned items) {
  if (!qemu_installed())
    GTEST_SKIP() << "qemu-system-riscv64 is not installed: the hart is not compared with it";
  // A longer soak: MEMWALL_CONFORMANCE_FACTOR=20 runs twenty times as many programs.
  if (const char* factor = std::getenv("MEMWALL_CONFORMANCE_FACTOR")) {
    programs *= static_cast<unsigned>(std::max(1, std::atoi(factor)));
  }
  const std::string base = testing::TempDir() + "memwall_" + name + "_" + std::to_string(getpid());
  std::uint64_t instructions = 0, traps = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + programs; ++seed) {
    const Program program = make_program(kind, seed, items);
    const std::string elf = base + ".elf";
    std::ofstream(elf, std::ios::binary)
        .write(reinterpret_cast<const char*>(program.elf.data()),
               static_cast<std::streamsize>(program.elf.size()));
    const std::string qemu = run_qemu(elf, base + ".out");
    const std::string ours = run_ours(elf, instructions);
    ASSERT_GE(qemu.size(), kStateBytes + kDataBytes + program.log_bytes) << name << " seed " << seed;
    ASSERT_TRUE(qemu == ours) << name << " seed " << seed << ": " << explain(program, qemu, ours)
                              << "program: " << elf;
    traps += (qemu.size() - kStateBytes - kDataBytes - program.log_bytes) / 32;
  }
  std::remove((base + ".elf").c_str());
  std::remove((base + ".out").c_str());
  std::printf("%s: %u programs, %llu instructions with their dumps, %llu traps: equal\n", name, programs,
              static_cast<unsigned long long>(instructions), static_cast<unsigned long long>(traps));
}

TEST(HartAgainstQemu, TheProgramsContainEveryInstruction) {
  using memwall::hart::Opcode;
  std::set<Opcode> opcodes;
  std::set<memwall::hart::FpFunction> fp, all_fp;
  std::set<std::uint32_t> atomics, csr_forms, compressed;
  const auto count = [&](Kind kind, std::uint64_t seed, unsigned items) {
    for (const std::uint32_t bits : make_program(kind, seed, items).subjects) {
      const bool is_short = (bits & 3) != 3;
      const auto d = memwall::hart::decode(
          is_short ? memwall::hart::expand_compressed(static_cast<std::uint16_t>(bits)) : bits);
      opcodes.insert(d.opcode);
      if (d.fp != nullptr) fp.insert(d.fp);
      if (is_short && d.opcode != Opcode::kIllegal) compressed.insert((bits >> 13) << 2 | (bits & 3));
      if ((bits & 0x7f) == 0x2f && d.opcode != Opcode::kIllegal)
        atomics.insert((bits >> 27) << 3 | (bits >> 12 & 7));
      if (d.opcode == Opcode::kCsr) csr_forms.insert(bits >> 12 & 7);
    }
  };
  count(Kind::kInteger, 1, 3000);
  count(Kind::kFloat, 1, 3000);
  count(Kind::kUser, 1, 1500);
  count(Kind::kCsr, 1, 1500);
  count(Kind::kInterrupt, 1, 300);
  // Plain jumps, branches and fences are the frame of the programs and not among the subjects.
  using O = Opcode;
  const std::set<Opcode> frame = {O::kBeq, O::kBne,   O::kBlt, O::kBge,        O::kBltu,       O::kBgeu,
                                  O::kJal, O::kFence, O::kLi,  O::kFetchFault, O::kBreakpoint, O::kBlockEnd};
  for (unsigned n = 0; n < static_cast<unsigned>(O::kCount); ++n) {
    if (frame.count(static_cast<O>(n)) != 0) continue;
    EXPECT_EQ(opcodes.count(static_cast<O>(n)), 1u) << "opcode " << n;
  }
  for (std::uint32_t bits = 0; bits < 1u << 17; ++bits) {  // funct7, rs2, funct3 of OP-FP
    const auto d =
        memwall::hart::decode((bits >> 10 & 0x7f) << 25 | (bits >> 5 & 31) << 20 | (bits & 7) << 12 | 0x53);
    if (d.fp != nullptr) all_fp.insert(d.fp);
  }
  for (std::uint32_t n = 0; n < 8; ++n) {
    all_fp.insert(memwall::hart::decode((n & 1) << 25 | 0x43 | (n >> 1) << 2).fp);
  }
  for (const auto function : all_fp) EXPECT_EQ(fp.count(function), 1u);
  EXPECT_EQ(fp.size(), all_fp.size());
  EXPECT_EQ(atomics.size(), 22u);
  EXPECT_EQ(csr_forms.size(), 6u);
  EXPECT_EQ(compressed.size(), 23u);  // of 24, one quadrant-0 group is reserved
  std::printf("%zu operations, %zu floating-point functions, %zu atomics, %zu compressed groups\n",
              opcodes.size(), fp.size(), atomics.size(), compressed.size());
}

// Needs no QEMU: a traced run executes one instruction at a time, an untraced one whole linked blocks.
TEST(HartAgainstItself, SteppingAndBlocksGiveTheSameStateTrapsAndCounts) {
  const std::string elf = testing::TempDir() + "memwall_step_" + std::to_string(getpid()) + ".elf";
  for (const Kind kind :
       {Kind::kInteger, Kind::kFloat, Kind::kUser, Kind::kCsr, Kind::kPmp, Kind::kInterrupt}) {
    const Program program = make_program(kind, 99, 500);
    std::ofstream(elf, std::ios::binary)
        .write(reinterpret_cast<const char*>(program.elf.data()),
               static_cast<std::streamsize>(program.elf.size()));
    std::uint64_t in_blocks = 0, in_steps = 0;
    const std::string blocks = run_ours(elf, in_blocks);
    const std::string steps = run_ours(elf, in_steps, "/dev/null");
    ASSERT_TRUE(blocks == steps) << explain(program, blocks, steps);
    EXPECT_EQ(in_blocks, in_steps);
  }
  std::remove(elf.c_str());
}

TEST(HartAgainstQemu, IntegerMemoryAtomicAndCompressedInstructions) {
  compare(Kind::kInteger, "integer", 1, 10, 3000);
}
TEST(HartAgainstQemu, FloatingPointResultsAndFlags) { compare(Kind::kFloat, "float", 1, 16, 3000); }
TEST(HartAgainstQemu, UserModeAndItsTraps) { compare(Kind::kUser, "user", 1, 4, 1500); }
TEST(HartAgainstQemu, ControlAndStatusRegisters) { compare(Kind::kCsr, "csr", 1, 4, 1500); }
TEST(HartAgainstQemu, PhysicalMemoryProtection) { compare(Kind::kPmp, "pmp", 1, 8, 1000); }
TEST(HartAgainstQemu, SoftwareInterrupts) { compare(Kind::kInterrupt, "interrupt", 1, 2, 300); }

}  // namespace
}  // namespace conformance
