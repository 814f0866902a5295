// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Hostile input: presets with random damage, random payloads and register accesses. The promise is an answer:
// ConfigError or a preset that passes check(), a TLM response for every payload, contents as a simple model
// says.
#include "module_bench.h"

#include <array>
#include <fstream>
#include <sstream>

namespace memwall::hbf {
namespace {
using namespace testing_support;

TEST(HbfFuzz, DamagedPresetIsRefusedOrSound) {
  std::ifstream file(MEMWALL_SOURCE_DIR "/scenarios/memories/hbf_slc_1us.toml");
  std::ostringstream whole;
  whole << file.rdbuf();
  const std::string good = whole.str();
  const std::string pieces[] = {"=",
                                "{",
                                "}",
                                "\"",
                                "\n",
                                "[",
                                "]",
                                "0",
                                "-1",
                                "1e309",
                                "nan",
                                "9223372036854775807",
                                "count",
                                "ns",
                                "tR",
                                "source",
                                "assumed",
                                "\xff",
                                std::string(1, '\0'),
                                "true"};
  Rng rng(1, "hbf_preset_fuzz");
  unsigned accepted = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string text = good;
    for (std::uint64_t n = 1 + rng.below(3); n > 0; --n) {
      const std::size_t at = rng.below(text.size());
      switch (rng.below(4)) {
        case 0:
          text.erase(at, 1 + rng.below(40));
          break;
        case 1:
          text.insert(at, pieces[rng.below(std::size(pieces))]);
          break;
        case 2:
          text[at] = static_cast<char>(rng.next());
          break;
        default:
          text.replace(at, 1 + rng.below(4), pieces[rng.below(std::size(pieces))]);
          break;
      }
    }
    try {
      const Config config = parse_preset(text, "fuzz.toml");
      EXPECT_NO_THROW(check(config, "fuzz"));
      ++accepted;  // comments, names and sources may change freely
    } catch (const ConfigError& error) {
      EXPECT_EQ(std::string(error.what()).rfind("fuzz.toml", 0), 0u) << error.what();
    }
  }
  EXPECT_GT(accepted, 100u);
  EXPECT_LT(accepted, 3500u);
}

/// A page as the specification sees it; the simple model that contents are compared with.
struct ModelPage {
  bool programmed = false;
  Bytes data = Bytes(kPageBytes, 0xff);
};

TEST(HbfFuzz, ContentsFollowTheModelWhateverIsReadWrittenAndReadAhead) {
  Config config = small_cube();
  config.timing.tPROG = ns(2000);
  config.timing.tBERS = ns(4000);
  config.timing.tGATHER = ns(9000);
  ModuleBench bench(config);
  const std::uint64_t table[] = {0, page(64)};
  bench.put(0, table, sizeof table);
  run_to_end({[&] {
    Initiator& io = bench.io;
    io.set_reg(Regs::kStreamCountOffset, 1);
    io.set_reg(Regs::kStreamDepthOffset, 12);
    io.set_reg(Regs::kStreamControlOffset, Regs::kStreamControlEnableMask | Regs::kStreamControlWrapMask);
    constexpr std::uint64_t kPages = 64;
    std::vector<ModelPage> model(kPages);
    std::array<unsigned, kPages> frontier{};  // per block, kept at its page 0
    // Page p of the window: channel p % 2, lane p / 2 % 2, page p / 4 % 4, row p / 16.
    const auto page_0 = [](std::uint64_t p) { return p / 16 * 16 + p % 4; };
    const auto in_block = [](std::uint64_t p) { return static_cast<unsigned>(p / 4 % 4); };
    Rng rng(2, "hbf_access_fuzz");
    unsigned good_reads = 0, good_writes = 0, refused = 0;
    for (int round = 0; round < 6000; ++round) {
      const bool is_write = rng.below(3) != 0;
      std::uint64_t address = 0, length = 0;
      if (is_write && rng.below(8) != 0) {
        // Mostly the page that a block wants next, so that blocks fill up.
        const std::uint64_t first = page_0(rng.below(kPages));
        address = page(rng.below(4) == 0 ? rng.below(kPages) : first + 4 * (frontier[first] % 4));
        length = kPageBytes;
      } else {
        address = rng.below(config.capacity_bytes + kPageBytes);
        length = 1 + rng.below(3 * kPageBytes);
        if (is_write && rng.below(4) != 0) address = address / 64 * 64, length = (length + 63) / 64 * 64;
      }
      Bytes data(length);
      if (is_write) {
        for (std::uint64_t i = 0; i < length; i += 64) data[i] = static_cast<unsigned char>(rng.next());
      }
      const tlm::tlm_response_status status =
          io.access(is_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND, address, data.data(),
                    static_cast<unsigned>(length));
      if (address + length > config.capacity_bytes) {
        ASSERT_EQ(status, tlm::TLM_ADDRESS_ERROR_RESPONSE);
        continue;
      }
      if (is_write && (address % 64 != 0 || length % 64 != 0)) {
        ASSERT_EQ(status, tlm::TLM_BURST_ERROR_RESPONSE);
        continue;
      }
      bool ok = true;
      for (std::uint64_t at = address; at < address + length;) {
        const std::uint64_t p = at / kPageBytes;
        const std::uint64_t n = std::min(kPageBytes - at % kPageBytes, address + length - at);
        const std::uint64_t first = page_0(p);
        if (!is_write) {
          ok = ok && model[p].programmed;
        } else if (n == kPageBytes && (in_block(p) == 0 || in_block(p) == frontier[first])) {
          if (in_block(p) == 0) {
            for (unsigned i = 0; i < 4; ++i) model[first + 4 * i] = ModelPage{};
          }
          frontier[first] = in_block(p) + 1;
          model[p].programmed = true;
          std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(at - address), kPageBytes,
                      model[p].data.begin());
        } else {
          ok = false;  // out of order, or never complete
        }
        at += n;
      }
      ASSERT_EQ(status, ok ? tlm::TLM_OK_RESPONSE : tlm::TLM_GENERIC_ERROR_RESPONSE)
          << round << (is_write ? " write " : " read ") << address << " " << length;
      ++(!ok ? refused : is_write ? good_writes : good_reads);
      if (!is_write) {
        for (std::uint64_t i = 0; i < length; ++i) {
          const ModelPage& m = model[(address + i) / kPageBytes];
          ASSERT_EQ(data[i], m.programmed ? m.data[(address + i) % kPageBytes] : 0xff)
              << round << " at " << address + i;
        }
      }
      if (rng.below(4) == 0) sc_core::wait(to_sc(ns(rng.below(5000))));
      if (rng.below(64) == 0)
        io.set_reg(Regs::kStreamControlOffset, Regs::kStreamControlEnableMask | Regs::kStreamControlWrapMask |
                                                   Regs::kStreamControlRestartMask);
    }
    EXPECT_GT(good_reads, 100u);
    EXPECT_GT(good_writes, 500u);
    EXPECT_GT(refused, 100u);
    io.set_reg(Regs::kStreamControlOffset, 0);
  }});
  EXPECT_GT(bench.stat("prefetch_hits"), 20);
}

TEST(HbfFuzz, EveryAccessIsAnsweredWhateverTheRegistersAreToldMeanwhile) {
  Config config = small_cube();
  config.timing.tPROG = ns(2000);
  config.timing.tBERS = ns(4000);
  config.timing.tGATHER = ns(9000);
  config.timing.tBOOT = ns(20000);
  config.timing.tRESET = ns(3000);
  config.timing.tRDY = ns(1000);
  ModuleBench bench(config);
  bool over = false;
  const auto traffic = [&](std::uint64_t seed) {
    Rng rng(seed, "traffic");
    Bytes data(8 * kPageBytes);
    for (int i = 0; i < 1500; ++i) {
      const bool is_write = rng.below(2) == 0;
      const std::uint64_t unit = rng.below(4) == 0 ? 1 : rng.below(3) == 0 ? 64 : kPageBytes;
      const std::uint64_t length = unit * (1 + rng.below(unit == kPageBytes ? 3 : 100));
      const std::uint64_t address = rng.below(config.capacity_bytes + kPageBytes) / unit * unit;
      const tlm::tlm_response_status status =
          rng.below(5) == 0 ? bench.io.traffic(is_write, address, static_cast<unsigned>(length))
                            : bench.io.access(is_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND,
                                              address, data.data(), static_cast<unsigned>(length));
      ASSERT_NE(status, tlm::TLM_INCOMPLETE_RESPONSE);
      if (rng.below(3) == 0) sc_core::wait(to_sc(ns(rng.below(3000))));
    }
    over = true;
  };
  const auto registers = [&] {
    Rng rng(9, "registers");
    // Registers that start something, and values that make sense to some of them.
    const std::uint32_t starts[] = {
        Regs::kAdminGoOffset, Regs::kStreamControlOffset, Regs::kProgramGoOffset, Regs::kRemapGoOffset,
        Regs::kInjectOffset,  Regs::kSbDataOffset,        Regs::kEventPopOffset,  Regs::kProgramPopOffset,
        Regs::kPowerOffset,   Regs::kIrqStatusOffset,     Regs::kControlOffset};
    while (!over) {
      unsigned char bytes[16];
      for (unsigned char& b : bytes) b = static_cast<unsigned char>(rng.next());
      Payload payload;
      std::uint64_t address = rng.below(0x150);
      unsigned length = 1u << rng.below(5);
      if (rng.below(2) == 0) address = address / 4 * 4, length = 4;
      if (rng.below(3) == 0) address = starts[rng.below(std::size(starts))];
      std::uint32_t word = static_cast<std::uint32_t>(rng.next());
      switch (rng.below(6)) {
        case 0:
          word &= 0x0f0f000fu;
          break;
        case 1:
          word = static_cast<std::uint32_t>(rng.below(64)) * 4096;
          break;
        case 2:
          word = static_cast<std::uint32_t>(rng.below(8)) | (rng.below(2) == 0 ? 0x80000000u : 0u);
          break;
        case 3:  // an admin opcode
          address = Regs::kAdminAddressLoOffset;
          word = static_cast<std::uint32_t>(rng.below(0x24)) | static_cast<std::uint32_t>(rng.below(64)) << 8;
          break;
        case 4:  // a register of the cube: enable, reset
          address = Regs::kSbAddressOffset;
          word = 0x100000u | (rng.below(2) == 0 ? 0x0cu : 0x14u) |
                 static_cast<std::uint32_t>(rng.below(3)) << 24;
          break;
        default:
          if (rng.below(8) == 0) {
            address = Regs::kSbDataOffset;
            word = 0x48424600u | static_cast<std::uint32_t>(rng.below(4));
          }
          break;
      }
      // Power and reset of everything only now and then, or nothing else would happen.
      if (address / 4 * 4 == Regs::kPowerOffset && rng.below(20) != 0) continue;
      std::memcpy(bytes, &word, 4);
      Initiator::fill(payload, rng.below(3) == 0 ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND, address,
                      bytes, length);
      sc_core::sc_time delay = to_sc(ns(rng.below(3)));
      bench.io.ctrl_isock->b_transport(payload, delay);
      ASSERT_NE(payload.get_response_status(), tlm::TLM_INCOMPLETE_RESPONSE);
      sc_core::wait(to_sc(ns(rng.below(4000))));
      // Let the channels work most of the time.
      if (rng.below(8) != 0) continue;
      for (std::uint32_t channel = 0; channel < 2; ++channel) {
        bench.io.set_reg(Regs::kSbAddressOffset, 0x10000cu | channel << 24);
        const std::uint32_t bucc = bench.io.reg(Regs::kSbDataOffset);
        if (bucc != ~0u) bench.io.set_reg(Regs::kSbDataOffset, bucc | 1u);
      }
    }
    bench.io.set_reg(Regs::kStreamControlOffset, 0);
  };
  run_to_end({[&] { traffic(1); }, [&] { traffic(2); }, [&] { traffic(3); }, registers});
  EXPECT_GT(bench.stat("senses"), 100);
  EXPECT_GT(bench.stat("programs"), 20);
}

}  // namespace
}  // namespace memwall::hbf
