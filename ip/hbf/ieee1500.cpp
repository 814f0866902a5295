// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// The cube's IEEE 1500 port (specification 8): opcodes as a table. What is not in it is BYPASS.
#include <algorithm>
#include <cmath>

#include "hbf/cube.h"
#include "hbf/cube_state.h"

namespace memwall::hbf {
namespace {

using Words = std::vector<std::uint64_t>;

constexpr unsigned kOpcodeBits = 8;
constexpr std::uint64_t kValid = std::uint64_t{1} << 32;
constexpr unsigned kTemperatureBits = 9;
constexpr std::uint64_t kNoWord = ~std::uint64_t{0};

std::uint64_t word(const Words& in, std::size_t i) { return i < in.size() ? in[i] : 0; }

/// WIR[13:8]: one channel, a half, a quarter, or all; bit i of the result is channel i.
std::uint32_t selected_channels(std::uint16_t wir, unsigned channels) {
  const unsigned select = wir >> kOpcodeBits & 0x3fu;
  const unsigned low = select & 0xfu;
  std::uint32_t mask = 0;
  if (select < 0x10) {
    mask = 1u << low;
  } else if (select == 0x3f) {
    mask = 0xffff;
  } else if (select >> 4 == 3 && (low == 0x8 || low == 0x9)) {
    mask = 0xffu << (8 * (low - 0x8));
  } else if (select >> 4 == 3 && low >= 0xA && low <= 0xD) {
    mask = 0xfu << (4 * (low - 0xA));
  }
  return mask & ((1u << std::min(channels, 16u)) - 1);
}

/// Nine bits: 0.5 C steps from 0 C.
std::uint64_t nine_bits(double celsius) {
  return static_cast<std::uint64_t>(std::clamp(std::lround(celsius * 2), 0L, 511L));
}

}  // namespace

struct Cube::Ieee1500Row {
  std::uint8_t opcode;
  // For the device, or for one selected channel.
  Words (*device)(State& s, TimePs now, std::uint32_t selected, const Words& in);
  std::uint64_t (*channel)(State& s, TimePs now, unsigned index, const Words& in);
};

const std::vector<Cube::Ieee1500Row>& Cube::ieee1500_rows() {
  using S = State;
  using Status = FirmwareStatus;
  // {offset} or {offset | value << 32} in; value, with bit 32 set if the offset exists, out.
  static const auto get = [](S& s, TimePs now, unsigned index, Space space, const Words& in) {
    std::uint32_t value = 0;
    const bool done =
        s.sideband(now, space) && s.channels[index]->management().read_register(
                                      now, space, static_cast<std::uint32_t>(word(in, 0)), value);
    return done ? kValid | value : 0;
  };
  static const auto set = [](S& s, TimePs now, unsigned index, Space space, const Words& in) {
    const std::uint64_t access = word(in, 0);
    const bool done = s.sideband(now, space) && s.channels[index]->management().write_register(
                                                    now, space, static_cast<std::uint32_t>(access),
                                                    static_cast<std::uint32_t>(access >> 32));
    return done ? kValid : 0;
  };
  static const auto any_enabled = [](const S& s) {
    return std::any_of(s.channels.begin(), s.channels.end(),
                       [](const auto& channel) { return channel->management().enabled(); });
  };
  static const auto fail = [](S& s, Status status) {
    s.update_status = status;
    s.image.clear();
    return Words{};
  };

  static const std::vector<Ieee1500Row> rows = {
      // HBF_RESET
      {0x05,
       [](S& s, TimePs now, std::uint32_t, const Words&) {
         s.hbf_reset(now);
         return Words{};
       },
       nullptr},
      // DEVICE_ID
      {0x0E,
       [](S& s, TimePs, std::uint32_t, const Words&) {
         return Words{std::uint64_t{Management::kVendorId} | std::uint64_t{Management::kDeviceId} << 16 |
                      std::uint64_t{Management::kRevisionId} << 32 | std::uint64_t{s.mission_version} << 40};
       },
       nullptr},
      // TEMPERATURE
      {0x0F, [](S& s, TimePs, std::uint32_t, const Words&) { return Words{nine_bits(s.celsius())}; },
       nullptr},
      // CHANNEL_DISABLE
      {0x14, nullptr,
       [](S& s, TimePs, unsigned index, const Words& in) {
         s.channels[index]->management().set_disabled(in.empty() || (in[0] & 1u) != 0);
         return std::uint64_t{s.channels[index]->management().disabled() ? 1u : 0u};
       }},
      // CHANNEL_TEMPERATURE: 16 x 9 bits
      {0x15,
       [](S& s, TimePs, std::uint32_t, const Words&) {
         Words out(3);
         for (unsigned i = 0; i < 16 * kTemperatureBits; ++i) {
           if ((nine_bits(s.celsius()) >> (i % kTemperatureBits) & 1u) != 0) {
             out[i / 64] |= std::uint64_t{1} << (i % 64);
           }
         }
         return out;
       },
       nullptr},
      // Registers
      {0x20, nullptr,
       [](S& s, TimePs now, unsigned index, const Words& in) {
         return set(s, now, index, Space::kConfig, in);
       }},
      {0x21, nullptr,
       [](S& s, TimePs now, unsigned index, const Words& in) {
         return get(s, now, index, Space::kConfig, in);
       }},
      {0x22, nullptr,
       [](S& s, TimePs now, unsigned index, const Words& in) {
         return set(s, now, index, Space::kMmio, in);
       }},
      {0x23, nullptr,
       [](S& s, TimePs now, unsigned index, const Words& in) {
         return get(s, now, index, Space::kMmio, in);
       }},
      // Device info: eight bytes of a log page
      {0x24, nullptr,
       [](S& s, TimePs now, unsigned index, const Words& in) {
         const std::uint64_t which = word(in, 0);
         std::uint64_t value = 0;
         const bool there = s.channels[index]->management().log_word(
             now, static_cast<unsigned>(which & 0xfu), static_cast<std::uint32_t>(which >> 16 & 0xffffu),
             value);
         return there ? value : kNoWord;
       }},
      // Firmware START; the port ignores what comes while it is busy
      {0x30,
       [](S& s, TimePs now, std::uint32_t, const Words& in) {
         const std::uint64_t target = word(in, 0);
         if (now < s.busy_until) return Words{};
         if (!s.up(now) || any_enabled(s)) return fail(s, Status::kBadSequence);
         if (in.size() != 1 || target > 1) return fail(s, Status::kBadTarget);
         s.update_target = static_cast<FirmwareTarget>(target);
         s.update_status = Status::kReceiving;
         s.image.clear();
         return Words{};
       },
       nullptr},
      // DATA
      {0x31,
       [](S& s, TimePs now, std::uint32_t, const Words& in) {
         if (now < s.busy_until) return Words{};
         if (s.update_status != Status::kReceiving) return fail(s, Status::kBadSequence);
         if (in.size() * 8 != kFirmwareTransferBytes ||
             s.image.size() + kFirmwareTransferBytes >
                 kFirmwareHeaderBytes + kFirmwareMaxPayload + kFirmwareTransferBytes) {
           return fail(s, Status::kBadLength);
         }
         for (const std::uint64_t w : in) {
           for (unsigned i = 0; i < 8; ++i) s.image.push_back(static_cast<std::uint8_t>(w >> (8 * i)));
         }
         return Words{};
       },
       nullptr},
      // COMMIT
      {0x32,
       [](S& s, TimePs now, std::uint32_t, const Words&) {
         if (now < s.busy_until) return Words{};
         if (s.update_status != Status::kReceiving) return fail(s, Status::kBadSequence);
         s.update_status = check_firmware_image(s.update_target, s.image);
         if (s.update_status != Status::kCommitted) return fail(s, s.update_status);
         s.busy_until = now + s.config.timing.tFWCOM;
         if (s.update_target == FirmwareTarget::kSelfTest) {
           s.self_test = true;
         } else {
           s.committed = true;
           s.committed_version = hbf::firmware_version(s.image);
           s.committed_at = s.busy_until;
         }
         return Words{};
       },
       nullptr},
      // SW_BIST_EXECUTE
      {0x33,
       [](S& s, TimePs now, std::uint32_t selected, const Words&) {
         if (now < s.busy_until) return Words{};
         if (any_enabled(s)) return fail(s, Status::kBadSequence);
         if (!s.self_test) return fail(s, Status::kNoSelfTest);
         s.test_results.assign(s.channels.size(), 0);
         for (unsigned i = 0; i < s.channels.size(); ++i) {
           if ((selected >> i & 1u) == 0) continue;
           for (unsigned port = 0; port < s.config.ports_per_channel; ++port) {
             s.channels[i]->secure_erase(now, port, EraseScope::kScratchpad, 0);
           }
           s.test_results[i] = s.channels[i]->wear().reduced ? 2 : 1;
         }
         s.busy_until = now + s.config.timing.tBIST;
         s.update_status = Status::kTestDone;
         return Words{};
       },
       nullptr},
      // GET_RESULT
      {0x35, nullptr,
       [](S& s, TimePs now, unsigned index, const Words&) {
         return now < s.busy_until || index >= s.test_results.size() ? 0
                                                                     : std::uint64_t{s.test_results[index]};
       }},
      // GET_STATUS
      {0x36,
       [](S& s, TimePs now, std::uint32_t, const Words&) {
         return Words{static_cast<std::uint64_t>(s.firmware_status(now))};
       },
       nullptr},
  };
  return rows;
}

std::vector<std::uint64_t> Cube::ieee1500(std::uint16_t wir, const std::vector<std::uint64_t>& in) {
  State& s = *state_;
  const std::uint32_t selected = selected_channels(wir, config_.channels);
  if (!s.powered || s.da_high || selected == 0) return {};
  for (const Ieee1500Row& row : ieee1500_rows()) {
    if (row.opcode != (wir & 0xffu)) continue;
    for (unsigned i = 0; i < config_.channels; ++i) s.touch(i, now_);
    Words out;
    if (row.device != nullptr) {
      out = row.device(s, now_, selected, in);
    } else {
      for (unsigned i = 0; i < config_.channels; ++i) {
        if ((selected >> i & 1u) != 0) out.push_back(row.channel(s, now_, i, in));
      }
    }
    s.apply_thresholds(now_);
    return out;
  }
  return {};
}

}  // namespace memwall::hbf
