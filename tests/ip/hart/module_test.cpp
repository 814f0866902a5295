// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstring>
#include <string>
#include <systemc>
#include <vector>

#include "asm.h"
#include "common/sc_time.h"
#include "hart/hart_module.h"

namespace memwall::hart {
namespace {

using namespace rv;
constexpr std::uint64_t kBytes = 0x20000;
constexpr std::uint64_t kSlow = 0x10000;    // the upper half has no direct access
constexpr std::uint64_t kSignal = 0x1fff8;  // writing here raises or lowers the external interrupt

/// Memory at 0: the lower half direct, the upper half 50 ns per access; addresses above are errors.
class Target : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<Target> tsock{"tsock"};
  sc_core::sc_out<bool> irq_out{"irq_out"};
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(kBytes);
  std::vector<sc_core::sc_time> slow_times;  // local time of each slow access
  unsigned direct_accesses = 0;
  bool blocking = false;
  bool settle_at_once = false;  // clearing the signal lowers the line without the delay
  sc_core::sc_time interrupt_delay = sc_core::sc_time(1, sc_core::SC_US);

  explicit Target(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
    tsock.register_b_transport(this, &Target::b_transport);
    tsock.register_get_direct_mem_ptr(this, &Target::get_direct);
    tsock.register_transport_dbg(this, &Target::debug);
    SC_HAS_PROCESS(Target);
    SC_METHOD(drive);
    dont_initialize();
    sensitive << raise_;
  }
  void load(std::uint64_t at, std::initializer_list<Word> code) {
    for (Word w : code) {
      std::memcpy(&bytes[at], &w, 4);
      at += 4;
    }
  }
  void revoke() { tsock->invalidate_direct_mem_ptr(0, kSlow - 1); }

 private:
  void b_transport(tlm::tlm_generic_payload& p, sc_core::sc_time& delay) {
    const std::uint64_t at = p.get_address();
    if (at + p.get_data_length() > kBytes) {
      p.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
      return;
    }
    if (at < kSlow) {
      ++direct_accesses;
      p.set_dmi_allowed(true);
    } else {
      if (blocking) {
        wait(delay + sc_core::sc_time(50, sc_core::SC_NS));
        delay = sc_core::SC_ZERO_TIME;
      } else {
        delay += sc_core::sc_time(50, sc_core::SC_NS);
      }
      slow_times.push_back(sc_core::sc_time_stamp() + delay);
    }
    debug(p);
    p.set_response_status(tlm::TLM_OK_RESPONSE);
    if (at == kSignal && p.is_write()) {
      const bool lower = bytes[kSignal] == 0 && settle_at_once;
      raise_.notify(lower ? delay : delay + interrupt_delay);
    }
  }
  bool get_direct(tlm::tlm_generic_payload&, tlm::tlm_dmi& dmi) {
    dmi.set_dmi_ptr(bytes.data());
    dmi.set_start_address(0);
    dmi.set_end_address(kSlow - 1);
    dmi.allow_read_write();
    dmi.set_read_latency(sc_core::sc_time(1, sc_core::SC_NS));
    dmi.set_write_latency(sc_core::sc_time(1, sc_core::SC_NS));
    return true;
  }
  unsigned debug(tlm::tlm_generic_payload& p) {
    const std::uint64_t at = p.get_address();
    if (at >= kBytes) return 0;
    const auto n = static_cast<unsigned>(std::min<std::uint64_t>(p.get_data_length(), kBytes - at));
    if (p.is_write()) std::memcpy(&bytes[at], p.get_data_ptr(), n);
    if (p.is_read()) std::memcpy(p.get_data_ptr(), &bytes[at], n);
    return n;
  }
  void drive() { irq_out.write(bytes[kSignal] != 0); }
  sc_core::sc_event raise_;
};

struct System {
  HartModule::Config config;
  HartModule module;
  Target target{"target"};
  sc_core::sc_signal<bool> msip, mtip, meip;

  explicit System(const HartModule::Config& c = {}) : config(c), module("hart", c) {
    module.bus_isock.bind(target.tsock);
    module.msip_in(msip);
    module.mtip_in(mtip);
    module.meip_in(meip);
    target.irq_out(meip);
  }
};

sc_core::sc_time ns(double n) { return sc_core::sc_time(n, sc_core::SC_NS); }

TEST(HartModule, DirectMemoryTakesOneCyclePerInstructionAfterTheFirstAccess) {
  System s;
  s.target.load(0, {addi(a0, a0, 1), lw(a1, zero, 0x100), sw(a0, zero, 0x104), jal(zero, -12)});
  sc_core::sc_start(ns(100000));
  EXPECT_NEAR(static_cast<double>(s.module.hart().instructions()), 100000, 10100);
  EXPECT_EQ(s.module.hart().instructions(), s.module.hart().cycles());
  EXPECT_EQ(s.target.direct_accesses, 1u);  // the first fetch brought the grant
  std::uint32_t stored;
  std::memcpy(&stored, &s.target.bytes[0x104], 4);
  EXPECT_NEAR(stored, s.module.hart().instructions() / 4, 2);
}

TEST(HartModule, SlowMemoryDelaysTheHartByWhatItAnswers) {
  System s;
  s.target.load(0, {lui(a1, 0x10), nop(), lw(a0, a1, 0), lw(a0, a1, 8), wfi()});
  sc_core::sc_start();
  ASSERT_EQ(s.target.slow_times.size(), 2u);
  EXPECT_EQ(s.target.slow_times[0], ns(2 + 50));
  EXPECT_EQ(s.target.slow_times[1], ns(2 + 50 + 1 + 50));
  EXPECT_EQ(s.module.now(), ns(105));
}

TEST(HartModule, ATargetThatWaitsGivesTheSameTimes) {
  System s;
  s.target.blocking = true;
  s.target.load(0, {lui(a1, 0x10), nop(), lw(a0, a1, 0), lw(a0, a1, 8), wfi()});
  sc_core::sc_start();
  ASSERT_EQ(s.target.slow_times.size(), 2u);
  EXPECT_EQ(s.target.slow_times[0], ns(2 + 50));
  EXPECT_EQ(s.target.slow_times[1], ns(2 + 50 + 1 + 50));
}

TEST(HartModule, BusErrorsBecomeAccessFaults) {
  System s;
  s.target.load(0, {addi(a1, zero, 0x40), csrw(mtvec, a1), lui(a2, 0x100), sd(zero, a2, 0)});
  s.target.load(0x40, {csrr(a3, mcause), csrr(a4, mtval), wfi()});
  sc_core::sc_start();
  EXPECT_EQ(s.module.hart().x(a3), kStoreFault);
  EXPECT_EQ(s.module.hart().x(a4), 0x100000u);
}

TEST(HartModule, WfiSleepsUntilTheInterruptAndTakesIt) {
  System s;
  // Arm: external interrupt on, handler at 0x80. Ring the device, wait.
  s.target.load(0, {addi(a1, zero, 0x80), csrw(mtvec, a1), lui(a2, 1), addi(a2, a2, -0x800), csrw(mie, a2),
                    addi(a3, zero, 8), csrrs(zero, mstatus, a3), lui(a4, 0x20), addi(a5, zero, 1),
                    sb(a5, a4, -8), wfi(), jal(zero, -4)});
  s.target.load(0x80, {csrr(a6, mcause), csrr(a7, mcycle), sb(zero, a4, -8), wfi(), jal(zero, -4)});
  sc_core::sc_start();
  EXPECT_EQ(s.module.hart().x(a6), std::uint64_t{1} << 63 | 11);
  // 10 instructions and the 50 ns write, then 1 us until the line rises; wfi ran 1 cycle of that; trap 4; 1.
  EXPECT_EQ(s.module.hart().x(a7), 9u + 50 + 1000 + 4 + 1);
  EXPECT_EQ(s.module.hart().counters().interrupts, 1u);
}

TEST(HartModule, AnAcknowledgedInterruptIsTakenOnceWhateverTheQuantum) {
  HartModule::Config config;
  config.quantum_ps = 1000 * kPsPerUs;
  System s(config);
  s.target.interrupt_delay = sc_core::sc_time(20, sc_core::SC_NS);
  // Ten times: ring, wait. The handler clears the device, counts and returns.
  s.target.load(0, {addi(a1, zero, 0x80), csrw(mtvec, a1), lui(a2, 1), addi(a2, a2, -0x800), csrw(mie, a2),
                    addi(a3, zero, 8), csrrs(zero, mstatus, a3), lui(a4, 0x20), addi(a5, zero, 1),
                    addi(t0, zero, 10), sb(a5, a4, -8), wfi(), addi(t0, t0, -1), bne(t0, zero, -12), wfi()});
  s.target.load(0x80, {addi(s0, s0, 1), sb(zero, a4, -8), nop(), mret()});
  s.target.settle_at_once = true;
  sc_core::sc_start();
  EXPECT_EQ(s.module.hart().x(t0), 0u);
  EXPECT_EQ(s.module.hart().x(s0), 10u);
  EXPECT_EQ(s.module.hart().counters().interrupts, 10u);
}

TEST(HartModule, RevokedDirectAccessGoesBackToTheBus) {
  System s;
  s.target.load(0, {addi(a0, a0, 1), lw(a1, zero, 0x100), jal(zero, -8)});
  sc_core::sc_start(ns(50000));
  EXPECT_EQ(s.target.direct_accesses, 1u);
  s.target.revoke();
  sc_core::sc_start(ns(50000));
  EXPECT_EQ(s.target.direct_accesses, 2u);
  EXPECT_GT(s.module.hart().instructions(), 90000u);
}

/// A hart on a target of its own. One kernel per process: harts that are compared run side by side.
struct Pairing {
  HartModule hart;
  Target target;
  sc_core::sc_signal<bool> off, line;

  Pairing(const std::string& name, TimePs quantum_ps, bool blocking)
      : hart((name + "_hart").c_str(), with(quantum_ps)), target((name + "_target").c_str()) {
    hart.bus_isock.bind(target.tsock);
    hart.msip_in(off);
    hart.mtip_in(off);
    hart.meip_in(line);
    target.irq_out(line);
    target.blocking = blocking;
  }
  static HartModule::Config with(TimePs quantum_ps) {
    HartModule::Config config;
    config.quantum_ps = quantum_ps;
    return config;
  }
};

TEST(HartModule, NeitherQuantumNorATargetThatWaitsChangeWhatIsComputedOrHowLongItTakes) {
  Pairing a("a", 0, false), b("b", 100 * kPsPerUs, false), c("c", 0, true), d("d", 100 * kPsPerUs, true);
  for (Pairing* p : {&a, &b, &c, &d}) {
    p->target.load(0, {lui(a1, 0x10), addi(a2, zero, 100), lw(a0, a1, 0), add(a3, a3, a2), sw(a3, a1, 0),
                       addi(a2, a2, -1), bne(a2, zero, -16), wfi()});
  }
  sc_core::sc_start();
  for (Pairing* p : {&a, &b, &c, &d}) {
    EXPECT_EQ(p->hart.hart().x(a3), 5050u);
    EXPECT_EQ(p->hart.hart().cycles(), a.hart.hart().cycles());
    EXPECT_EQ(p->target.slow_times, a.target.slow_times);
  }
}

TEST(HartModule, InterruptsComeAtTheSameTimeIfTheTargetWaits) {
  Pairing tells("tells", 10 * kPsPerUs, false), waits("waits", 10 * kPsPerUs, true);
  for (Pairing* p : {&tells, &waits}) {
    p->target.interrupt_delay = sc_core::sc_time(700, sc_core::SC_NS);
    p->target.settle_at_once = true;
    // Ten times: ring, then wait. The handler reads the cycle counter, clears the device and returns.
    p->target.load(
        0, {addi(a1, zero, 0x80), csrw(mtvec, a1), lui(a2, 1), addi(a2, a2, -0x800), csrw(mie, a2),
            addi(a3, zero, 8), csrrs(zero, mstatus, a3), lui(a4, 0x20), addi(a5, zero, 1), addi(t0, zero, 10),
            sb(a5, a4, -8), wfi(), addi(t0, t0, -1), bne(t0, zero, -12), wfi()});
    p->target.load(0x80, {addi(s0, s0, 1), csrr(a7, mcycle), add(s1, s1, a7), sb(zero, a4, -8), mret()});
  }
  sc_core::sc_start();
  for (Pairing* p : {&tells, &waits}) EXPECT_EQ(p->hart.hart().x(s0), 10u);
  EXPECT_EQ(tells.hart.hart().x(s1), waits.hart.hart().x(s1)) << "sum of the times of ten interrupts";
  EXPECT_EQ(tells.hart.hart().cycles(), waits.hart.hart().cycles());
  EXPECT_EQ(tells.target.slow_times, waits.target.slow_times);
}

TEST(HartModule, TheDebugHookHoldsTimeAndStepsOneInstruction) {
  HartModule::Config config;
  config.stop_at_start = true;
  System s(config);
  s.target.load(0, {addi(a0, a0, 1), addi(a0, a0, 1), addi(a0, a0, 1), addi(a0, a0, 1), wfi()});
  std::vector<std::pair<StopReason, std::uint64_t>> stops;
  s.module.set_debug_hook([&](HartModule& m, StopReason reason) {
    stops.push_back({reason, m.hart().pc()});
    if (stops.size() == 1) {
      m.hart().set_breakpoint(4);
      return HartModule::Resume::kContinue;
    }
    if (stops.size() == 2) {
      Word word = 0;
      EXPECT_EQ(m.debug_read(8, &word, 4), 4u);
      EXPECT_EQ(word, addi(a0, a0, 1));
      word = addi(a0, a0, 100);
      EXPECT_EQ(m.debug_write(8, &word, 4), 4u);
      return HartModule::Resume::kStep;
    }
    return HartModule::Resume::kContinue;
  });
  sc_core::sc_start(ns(5000));
  ASSERT_EQ(stops.size(), 3u);
  EXPECT_EQ(stops[0], std::make_pair(StopReason::kStopRequest, std::uint64_t{0}));
  EXPECT_EQ(stops[1], std::make_pair(StopReason::kBreakpoint, std::uint64_t{4}));
  EXPECT_EQ(stops[2], std::make_pair(StopReason::kStep, std::uint64_t{8}));
  EXPECT_EQ(s.module.hart().x(a0), 103u);
}

TEST(HartModule, ReportsItsCounters) {
  System s;
  s.target.load(0, {nop(), nop(), wfi()});
  sc_core::sc_start();
  std::vector<Stat> stats;
  StatSink sink(stats, "hart.");
  s.module.report(sink);
  ASSERT_FALSE(stats.empty());
  EXPECT_EQ(stats[0].name, "hart.instructions");
  EXPECT_EQ(std::get<std::uint64_t>(stats[0].value), 3u);
  for (const Stat& stat : stats) EXPECT_FALSE(stat.unit.empty() || stat.description.empty()) << stat.name;
}

}  // namespace
}  // namespace memwall::hart
