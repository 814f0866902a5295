// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// PLIC with one context (hart 0, machine mode): registers in plic.regs.toml, behaviour after the RISC-V PLIC
/// specification 1.0.0. Sources are level-triggered: a request is latched until it is claimed, and a gateway
/// forwards the next one only after completion. Not modelled: more contexts, edge-triggered gateways.
#pragma once

#include <bitset>
#include <cstdint>

#include "map/chip_map.h"
#include "regs/plic_regs.h"
#include "soc/timed_device.h"

namespace memwall::soc {

struct PlicConfig {
  double register_access_ns = 5.0;  ///< assumed
};

class PlicCore : public regs::PlicRegs, public TimedDevice {
 public:
  static constexpr std::uint32_t kSources = map::kPlicSources;

  /// The level of a source's line; source 0 does not exist.
  void set_level(std::uint32_t source, bool level);
  /// The external interrupt of context 0.
  bool meip() const;

  /// A completion opens its gateway when the kernel's time, not the hart's local time, reaches the moment of
  /// the write: by then the line that the source lowered has arrived here.
  void advance(TimePs now) override;
  void begin_access(TimePs local_time) override { access_time_ = local_time; }
  TimePs next_change() const override { return reopening_.any() ? reopen_at_ : kNever; }

 protected:
  void on_read_claim() override;
  void on_write_claim(std::uint32_t written) override;

 private:
  bool enabled(std::uint32_t source) const { return (enable(source / 32) >> (source % 32) & 1u) != 0; }
  std::uint32_t best(std::uint32_t above) const;
  void forward();
  void publish();

  TimePs access_time_ = 0;
  TimePs reopen_at_ = 0;
  std::bitset<kSources> level_;
  std::bitset<kSources> waiting_;    ///< pending
  std::bitset<kSources> in_flight_;  ///< gateway closed: forwarded and not yet completed
  std::bitset<kSources> claimed_;
  std::bitset<kSources> reopening_;  ///< completed, gateway opens at reopen_at_
};

}  // namespace memwall::soc
