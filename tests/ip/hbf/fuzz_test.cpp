// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Hostile input: presets with random damage, and random payloads and register accesses. The promise is an
// answer: ConfigError or a preset that passes check(), a TLM response for every payload, contents as a simple
// model says.
#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>

#include <fstream>
#include <sstream>
#include <systemc>

#include "common/error.h"
#include "common/rng.h"
#include "common/sc_time.h"
#include "common/tlm_traffic.h"
#include "hbf/module.h"
#include "hbf_test_config.h"
#include "regs/hbf_regs.h"

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
  std::vector<unsigned char> data = std::vector<unsigned char>(kPageBytes, 0xff);
};

TEST(HbfFuzz, RandomAccessesAlwaysGetAnAnswerAndContentsFollowTheModel) {
  struct Host : sc_core::sc_module {
    Host(const sc_core::sc_module_name& name, const Config& config) : sc_module(name), hbf("hbf", config) {
      data_isock.bind(hbf.data_tsock);
      ctrl_isock.bind(hbf.ctrl_tsock);
    }
    tlm_utils::simple_initiator_socket<Host> data_isock{"data_isock"};
    tlm_utils::simple_initiator_socket<Host> ctrl_isock{"ctrl_isock"};
    HbfModule hbf;
  };
  const Config config = small_cube();
  Host host("host", config);
  const std::uint64_t pages = config.capacity_bytes / kPageBytes;
  std::vector<ModelPage> model(pages);
  std::vector<unsigned> frontier(pages);  // per block, kept at its first page
  Rng rng(2, "hbf_access_fuzz");
  std::vector<unsigned char> data(6 * kPageBytes);
  sc_core::sc_time delay;
  unsigned good_reads = 0;
  unsigned good_writes = 0;
  const auto block_of = [&](std::uint64_t p) { return p / 16 * 16 + p % 4; };
  for (int round = 0; round < 30000; ++round) {
    tlm::tlm_generic_payload payload;
    payload.set_data_ptr(data.data());
    if (rng.below(10) == 0) {  // a register, anywhere, any size, any value
      const unsigned length = 1u << rng.below(5);
      for (unsigned i = 0; i < length; ++i) data[i] = static_cast<unsigned char>(rng.next());
      payload.set_command(rng.below(2) == 0 ? tlm::TLM_READ_COMMAND : tlm::TLM_WRITE_COMMAND);
      std::uint64_t address = rng.below(0x80);
      // Planted read faults would hide the contents from the comparison; everything else is free.
      if (payload.is_write() && address / 8 * 8 == 0x48) address = 0x24;
      if (payload.is_write() && address >= 0x20 && address < 0x28) data[0] = data[4] = 0;
      payload.set_address(address);
      payload.set_data_length(length);
      payload.set_streaming_width(length);
      host.ctrl_isock->b_transport(payload, delay);
      EXPECT_NE(payload.get_response_status(), tlm::TLM_INCOMPLETE_RESPONSE);
      continue;
    }
    const bool is_write = rng.below(3) != 0;
    std::uint64_t address = 0;
    unsigned length = 0;
    if (is_write && rng.below(8) != 0) {
      // Mostly the page that a block wants next, so that blocks fill up.
      const std::uint64_t first = rng.below(pages / 16) * 16 + rng.below(4);
      const std::uint64_t p = rng.below(4) == 0 ? rng.below(pages) : first + 4 * (frontier[first] % 4);
      address = p * kPageBytes;
      length = kPageBytes;
    } else {
      address = rng.below(config.capacity_bytes + kPageBytes);
      length = 1 + static_cast<unsigned>(rng.below(5 * kPageBytes));
    }
    if (is_write) {
      for (unsigned i = 0; i < length; i += 64) data[i] = static_cast<unsigned char>(rng.next());
    }
    payload.set_command(is_write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    payload.set_address(address);
    payload.set_data_length(length);
    payload.set_streaming_width(length);
    const sc_core::sc_time before = delay;
    host.data_isock->b_transport(payload, delay);
    EXPECT_GE(delay, before);
    if (address + length > config.capacity_bytes) {
      EXPECT_EQ(payload.get_response_status(), tlm::TLM_ADDRESS_ERROR_RESPONSE);
      continue;
    }
    bool ok = true;
    for (std::uint64_t at = address; at < address + length;) {
      const std::uint64_t p = at / kPageBytes;
      const std::uint64_t n = std::min(kPageBytes - at % kPageBytes, address + length - at);
      if (!is_write) {
        ok = ok && model[p].programmed;
      } else if (n != kPageBytes) {
        ok = false;
      } else {
        const std::uint64_t first = block_of(p);
        const auto in_block = static_cast<unsigned>((p - first) / 4);
        if (in_block == 0) {
          for (unsigned i = 0; i < 4; ++i) model[first + 4 * i] = ModelPage{};
        }
        if (in_block == 0 || in_block == frontier[first]) {
          frontier[first] = in_block + 1;
          model[p].programmed = true;
          std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(at - address), kPageBytes,
                      model[p].data.begin());
        } else {
          ok = false;
        }
      }
      at += n;
    }
    ASSERT_EQ(payload.get_response_status(), ok ? tlm::TLM_OK_RESPONSE : tlm::TLM_GENERIC_ERROR_RESPONSE)
        << round;
    if (ok) ++(is_write ? good_writes : good_reads);
    if (ok && !is_write) {
      for (unsigned i = 0; i < length; ++i) {
        const std::uint64_t at = address + i;
        ASSERT_EQ(data[i], model[at / kPageBytes].data[at % kPageBytes]) << round << " at " << at;
      }
    }
  }
  EXPECT_GT(good_reads, 500u);
  EXPECT_GT(good_writes, 2000u);
}

}  // namespace
}  // namespace memwall::hbf
