// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/counters.h"

namespace memwall::hbm {
namespace {

/// Every field, so that sums, differences and comparisons forget none.
template <class Counters, class Visit>
void visit(Counters& a, const ChannelCounters& b, Visit f) {
  for (std::size_t i = 0; i < kCommands; ++i) f(a.commands[i], b.commands[i]);
  f(a.row_hits, b.row_hits);
  f(a.row_misses, b.row_misses);
  f(a.row_conflicts, b.row_conflicts);
  f(a.forwarded, b.forwarded);
  f(a.pin_reads, b.pin_reads);
  f(a.pin_writes, b.pin_writes);
  f(a.active_cycles, b.active_cycles);
  f(a.precharged_cycles, b.precharged_cycles);
  f(a.power_down_cycles, b.power_down_cycles);
  f(a.self_refresh_cycles, b.self_refresh_cycles);
}

}  // namespace

void ChannelCounters::add(const ChannelCounters& other, std::uint64_t times) {
  visit(*this, other, [times](std::uint64_t& a, std::uint64_t b) { a += times * b; });
}

ChannelCounters ChannelCounters::since(const ChannelCounters& earlier) const {
  ChannelCounters difference = *this;
  visit(difference, earlier, [](std::uint64_t& a, std::uint64_t b) { a -= b; });
  return difference;
}

bool ChannelCounters::operator==(const ChannelCounters& other) const {
  bool equal = true;
  visit(*this, other, [&equal](std::uint64_t a, std::uint64_t b) { equal = equal && a == b; });
  return equal;
}

EnergySums energy_of(const Preset& preset, const ChannelCounters& counters) {
  const Energy& e = preset.energy;
  const auto real = [](std::uint64_t n) { return static_cast<double>(n); };
  const auto count = [&](Command command) { return real(counters.count(command)); };
  EnergySums sums;
  sums.activate_pj = count(Command::kACT) * e.activate_pj;
  sums.array_pj = count(Command::kRD) * e.read_array_pj + count(Command::kWR) * e.write_array_pj;
  sums.phy_pj = real(counters.pin_reads) * e.read_phy_pj + real(counters.pin_writes) * e.write_phy_pj;
  sums.refresh_pj = (count(Command::kREFab) + count(Command::kRFMab)) * e.refresh_ab_pj +
                    (count(Command::kREFpb) + count(Command::kRFMpb)) * e.refresh_pb_pj;
  // 1 mW for 1 ps is 10^-15 J.
  sums.background_pj = 1e-3 * real(preset.tCK_ps) *
                       (real(counters.active_cycles) * e.active_standby_mw +
                        real(counters.precharged_cycles) * e.precharge_standby_mw +
                        real(counters.power_down_cycles) * e.power_down_mw +
                        real(counters.self_refresh_cycles) * e.self_refresh_mw);
  return sums;
}

}  // namespace memwall::hbm
