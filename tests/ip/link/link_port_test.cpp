// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Two ports on two chips as firmware sees them: registers, memory, inbox, interrupt.
#include <gtest/gtest.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <functional>
#include <systemc>
#include <vector>

#include "common/rng.h"
#include "common/sc_time.h"
#include "common/tlm_traffic.h"
#include "link/link_port.h"
#include "regs/link_regs.h"
#include "support/tlm_checker.h"

namespace memwall::link {
namespace {
using memwall::testing_support::TlmChecker;
using regs::LinkRegs;

/// Memory with a fixed latency per access and a bandwidth of 64 B/ns; tells its time as a delay or waits.
struct Ram : sc_core::sc_module {
  Ram(const sc_core::sc_module_name& name, std::size_t bytes) : sc_module(name), data(bytes) {
    tsock.register_b_transport(this, &Ram::b_transport);
  }
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    const std::uint64_t address = payload.get_address();
    const unsigned bytes = payload.get_data_length();
    const Access access = access_of(payload);
    delay += latency + sc_core::sc_time(bytes / 64.0, sc_core::SC_NS);
    if (waits) {
      sc_core::wait(delay);
      delay = sc_core::SC_ZERO_TIME;
    }
    if (address + bytes > data.size()) {
      payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
      return;
    }
    if (access.has_data && access.is_write)
      std::copy_n(payload.get_data_ptr(), bytes, data.begin() + address);
    if (access.has_data && !access.is_write)
      std::copy_n(data.begin() + address, bytes, payload.get_data_ptr());
    ++accesses;
    if (!access.has_data) ++without_data;
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }
  tlm_utils::simple_target_socket<Ram> tsock{"tsock"};
  std::vector<unsigned char> data;
  sc_core::sc_time latency{20, sc_core::SC_NS};
  bool waits = false;
  unsigned accesses = 0;
  unsigned without_data = 0;
};

struct Chip : sc_core::sc_module {
  Chip(const sc_core::sc_module_name& name, const Config& config)
      : sc_module(name), port("port", config), memory("memory", 1 << 21), inbox("inbox", config.inbox_bytes) {
    ctrl_isock.bind(port.ctrl_tsock);
    port.mem_isock.bind(to_memory.tsock);
    to_memory.isock.bind(memory.tsock);
    port.inbox_isock.bind(to_inbox.tsock);
    to_inbox.isock.bind(inbox.tsock);
    port.irq_out.bind(irq);
  }
  std::uint32_t reg(std::uint32_t offset) {
    std::uint32_t value = 0;
    EXPECT_EQ(access(tlm::TLM_READ_COMMAND, offset, value), tlm::TLM_OK_RESPONSE);
    return value;
  }
  void set(std::uint32_t offset, std::uint32_t value) {
    EXPECT_EQ(access(tlm::TLM_WRITE_COMMAND, offset, value), tlm::TLM_OK_RESPONSE);
  }
  tlm::tlm_response_status access(tlm::tlm_command command, std::uint32_t offset, std::uint32_t& value) {
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(offset);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(&value));
    payload.set_data_length(4);
    payload.set_streaming_width(4);
    sc_core::sc_time delay = ahead;
    ctrl_isock->b_transport(payload, delay);
    return payload.get_response_status();
  }
  void post(std::uint64_t source, std::uint32_t offset, std::uint32_t length, unsigned signal) {
    set(LinkRegs::kTxSrcLoOffset, static_cast<std::uint32_t>(source));
    set(LinkRegs::kTxSrcHiOffset, static_cast<std::uint32_t>(source >> 32));
    set(LinkRegs::kTxDstOffset, offset);
    set(LinkRegs::kTxLengthOffset, length);
    set(LinkRegs::kTxSignalOffset, signal);
    set(LinkRegs::kTxPostOffset, 1);
  }
  std::uint32_t signal(unsigned index) { return reg(LinkRegs::kSignalCountOffset + 4 * index); }

  tlm_utils::simple_initiator_socket<Chip> ctrl_isock{"ctrl_isock"};
  LinkPort port;
  Ram memory;
  Ram inbox;
  TlmChecker to_memory{"to_memory"}, to_inbox{"to_inbox"};
  sc_core::sc_signal<bool> irq{"irq"};
  sc_core::sc_time ahead;  // of the initiator's local time
};

/// Two chips and a script that runs as firmware would.
struct System : sc_core::sc_module {
  explicit System(const Config& config) : System(config, config) {}
  System(const Config& config_a, const Config& config_b) : System("system", config_a, config_b) {}
  System(const sc_core::sc_module_name& name, Config config_a, Config config_b)
      : sc_module(name), a("a", (config_a.chip_id = 1, config_a)), b("b", (config_b.chip_id = 2, config_b)) {
    // As connect(), with the base protocol watched on the way.
    a.port.tx_isock.bind(a_to_b.tsock);
    a_to_b.isock.bind(b.port.rx_tsock);
    b.port.tx_isock.bind(b_to_a.tsock);
    b_to_a.isock.bind(a.port.rx_tsock);
    SC_HAS_PROCESS(System);
    SC_THREAD(run);
    Rng rng(1, "memory");
    for (unsigned char& byte : a.memory.data) byte = static_cast<unsigned char>(rng.next());
    for (unsigned char& byte : b.memory.data) byte = static_cast<unsigned char>(rng.next());
  }
  ~System() override {
    for (const TlmChecker* checker : {&a.to_memory, &a.to_inbox, &b.to_memory, &b.to_inbox, &a_to_b, &b_to_a})
      EXPECT_EQ(checker->text(), "");
  }
  void run() {
    if (train) {
      a.set(LinkRegs::kControlOffset, 1);
      b.set(LinkRegs::kControlOffset, 1);
      wait(3, sc_core::SC_US);
    }
    script();
    finished = true;
    if (stops) sc_core::sc_stop();
  }
  void start(std::function<void()> what) {
    script = std::move(what);
    sc_core::sc_start(100, sc_core::SC_MS);
    EXPECT_TRUE(finished);
  }
  bool arrived(std::uint64_t source, std::uint32_t offset, std::uint32_t length) {
    return std::equal(a.memory.data.begin() + source, a.memory.data.begin() + source + length,
                      b.inbox.data.begin() + offset);
  }
  Chip a;
  Chip b;
  TlmChecker a_to_b{"a_to_b"}, b_to_a{"b_to_a"};
  std::function<void()> script;
  bool train = true;
  bool stops = true;  ///< the simulation, at the script's end
  bool finished = false;
};

TEST(LinkPort, MessageTravelsFromMemoryToInboxAndRaisesItsSignal) {
  System system{Config{}};
  system.start([&] {
    EXPECT_EQ(system.a.reg(LinkRegs::kStatusOffset) & 0xff07, 0x0201u);  // up, peer is chip 2
    system.a.post(4096, 8192, 100000 / 32 * 32, 7);
    EXPECT_EQ(system.a.reg(LinkRegs::kTxPostedOffset), 1u);
    EXPECT_NE(system.a.reg(LinkRegs::kStatusOffset) & LinkRegs::kStatusTxBusyMask, 0u);
    EXPECT_EQ(system.a.reg(LinkRegs::kTxPostOffset), 0u);
    wait(5, sc_core::SC_US);
    EXPECT_EQ(system.b.signal(7), 1u);
    EXPECT_TRUE(system.arrived(4096, 8192, 100000 / 32 * 32));
    EXPECT_EQ(system.a.reg(LinkRegs::kTxAckedOffset), 1u);
    EXPECT_EQ(system.a.reg(LinkRegs::kStatusOffset) & LinkRegs::kStatusTxBusyMask, 0u);
  });
}

TEST(LinkPort, SignalMovesOnlyAfterTheLastByteHasLanded) {
  System system{Config{}};
  system.b.inbox.latency = sc_core::sc_time(300, sc_core::SC_NS);
  system.start([&] {
    for (unsigned round = 0; round < 20; ++round) {
      const std::uint32_t length = 32 + 992 * round;
      system.a.post(round * 32768, 0, length, round);
      while (system.b.signal(round) == 0) {
        wait(1, sc_core::SC_NS);
      }
      ASSERT_TRUE(system.arrived(round * 32768, 0, length)) << round;
    }
  });
}

TEST(LinkPort, TimeFromPostToSignalIsMemoryLinkAndInbox) {
  System system{Config{}};
  system.start([&] {
    wait(500, sc_core::SC_PS);
    const sc_core::sc_time begin = sc_core::sc_time_stamp();
    system.a.post(0, 0, 32, 0);
    while (system.b.signal(0) == 0) wait(100, sc_core::SC_PS);
    // 20 ns + 32 B / 64 B/ns each for source and inbox, one flit, the latency; seen within 100 ps.
    const double expected = 20.5 + 1 + 10 + 20.5;
    const double measured = (sc_core::sc_time_stamp() - begin) / sc_core::sc_time(1, sc_core::SC_NS);
    EXPECT_GE(measured, expected);
    EXPECT_LE(measured, expected + 0.1);
  });
}

/// Posts messages of several lengths both ways, and one whose source does not exist; when each has landed or
/// was rejected.
void note_landing_times(System& system, std::vector<sc_core::sc_time>& times) {
  const sc_core::sc_time begin = sc_core::sc_time_stamp();
  const std::uint32_t lengths[] = {32, 4096, 65536, 320, 131072};
  for (unsigned i = 0; i < 5; ++i) {
    system.a.post(i * 131072, i * 131072, lengths[i], i);
    system.b.post(i * 131072, i * 131072, lengths[4 - i], i);
  }
  system.a.post(1u << 21, 0, 64, 9);
  times.assign(11, sc_core::SC_ZERO_TIME);
  const auto note = [&](std::size_t which, bool happened) {
    if (happened && times[which] == sc_core::SC_ZERO_TIME) times[which] = sc_core::sc_time_stamp() - begin;
  };
  while (std::count(times.begin(), times.end(), sc_core::SC_ZERO_TIME) > 0) {
    wait(100, sc_core::SC_PS);
    for (unsigned i = 0; i < 5; ++i) {
      note(i, system.b.signal(i) == 1);
      note(5 + i, system.a.signal(i) == 1);
    }
    note(10, system.a.reg(LinkRegs::kTxRejectedOffset) == 1);
    ASSERT_LT(sc_core::sc_time_stamp() - begin, sc_core::sc_time(100, sc_core::SC_US));
  }
  for (unsigned i = 0; i < 5; ++i) EXPECT_TRUE(system.arrived(i * 131072, i * 131072, lengths[i])) << i;
}

TEST(LinkPort, AMemoryThatWaitsGivesTheTimesOfOneThatTellsItsTime) {
  System tells("tells", Config{}, Config{}), waits("waits", Config{}, Config{});
  std::vector<sc_core::sc_time> told, waited;
  for (System* system : {&tells, &waits}) {
    for (Chip* chip : {&system->a, &system->b}) {
      chip->memory.waits = chip->inbox.waits = system == &waits;
      chip->memory.latency = sc_core::sc_time(150, sc_core::SC_NS);
    }
  }
  tells.script = [&] { note_landing_times(tells, told); };
  tells.stops = false;
  waits.start([&] {
    note_landing_times(waits, waited);
    wait(1, sc_core::SC_US);
  });
  EXPECT_TRUE(tells.finished);
  ASSERT_EQ(told.size(), waited.size());
  // The script looks every 100 ps and may look before or after what happens in that moment.
  const sc_core::sc_time look(100, sc_core::SC_PS);
  for (std::size_t i = 0; i < told.size(); ++i) {
    EXPECT_LE(told[i], waited[i] + look) << i;
    EXPECT_LE(waited[i], told[i] + look) << i;
  }
}

TEST(LinkPort, PostOfAnInitiatorThatRunsAheadTakesEffectAtItsLocalTime) {
  System system{Config{}};
  system.start([&] {
    const sc_core::sc_time begin = sc_core::sc_time_stamp();
    system.a.ahead = sc_core::sc_time(700, sc_core::SC_NS);
    system.a.post(0, 0, 32, 0);
    while (system.b.signal(0) == 0) wait(1, sc_core::SC_NS);
    EXPECT_GE(sc_core::sc_time_stamp() - begin, sc_core::sc_time(752, sc_core::SC_NS));
    EXPECT_LE(sc_core::sc_time_stamp() - begin, sc_core::sc_time(754, sc_core::SC_NS));
  });
}

TEST(LinkPort, InterruptFollowsCausesAndEnables) {
  System system{Config{}};
  system.start([&] {
    system.a.post(0, 0, 32, 0);
    wait(1, sc_core::SC_US);
    EXPECT_FALSE(system.b.irq.read());
    EXPECT_EQ(system.b.reg(LinkRegs::kIrqStatusOffset), LinkRegs::kIrqStatusSignalMask);
    system.b.set(LinkRegs::kIrqEnableOffset, LinkRegs::kIrqEnableSignalMask);
    wait(1, sc_core::SC_NS);
    EXPECT_TRUE(system.b.irq.read());
    system.b.set(LinkRegs::kIrqStatusOffset, LinkRegs::kIrqStatusSignalMask);
    wait(1, sc_core::SC_NS);
    EXPECT_FALSE(system.b.irq.read());
    EXPECT_EQ(system.a.reg(LinkRegs::kIrqStatusOffset), LinkRegs::kIrqStatusTxDoneMask);
    system.a.set(LinkRegs::kIrqEnableOffset, LinkRegs::kIrqEnableTxDoneMask);
    wait(1, sc_core::SC_NS);
    EXPECT_TRUE(system.a.irq.read());
  });
}

TEST(LinkPort, GarbagePostsAreRejectedAndCounted) {
  System system{Config{}};
  system.start([&] {
    system.a.post(0, 0, 0, 0);
    system.a.post(0, 0, 40, 0);
    system.a.post(8, 0, 32, 0);
    system.a.post(0, 0xffffffe0u, 64, 0);
    system.a.post(0, 0, 0xffffe0, 0);
    EXPECT_EQ(system.a.reg(LinkRegs::kTxRejectedOffset), 5u);
    EXPECT_EQ(system.a.reg(LinkRegs::kTxPostedOffset), 0u);
    EXPECT_EQ(system.a.reg(LinkRegs::kIrqStatusOffset), LinkRegs::kIrqStatusTxErrorMask);
    wait(5, sc_core::SC_US);
    EXPECT_EQ(system.b.inbox.accesses, 0u);
  });
}

TEST(LinkPort, DisabledPortRejectsPosts) {
  System system{Config{}};
  system.train = false;
  system.start([&] {
    system.a.post(0, 0, 32, 0);
    EXPECT_EQ(system.a.reg(LinkRegs::kTxRejectedOffset), 1u);
    EXPECT_EQ(system.a.reg(LinkRegs::kStatusOffset) & LinkRegs::kStatusUpMask, 0u);
  });
}

TEST(LinkPort, UnreadableSourceRaisesTxErrorAndNoSignal) {
  System system{Config{}};
  system.start([&] {
    system.a.post(std::uint64_t{1} << 40, 0, 64, 3);
    wait(5, sc_core::SC_US);
    EXPECT_EQ(system.a.reg(LinkRegs::kTxRejectedOffset), 1u);
    EXPECT_EQ(system.a.reg(LinkRegs::kIrqStatusOffset), LinkRegs::kIrqStatusTxErrorMask);
    EXPECT_EQ(system.b.signal(3), 0u);
    EXPECT_EQ(system.a.reg(LinkRegs::kStatusOffset) & LinkRegs::kStatusTxBusyMask, 0u);
  });
}

TEST(LinkPort, InboxThatRefusesAMessageCountsItAndKeepsItsSignalDown) {
  Config small;
  small.inbox_bytes = 4096;
  System system(Config{}, small);  // a believes in 1 MiB, b has 4 KiB
  system.start([&] {
    system.a.post(0, 8192, 1024, 3);
    system.a.post(0, 0, 1024, 4);
    wait(5, sc_core::SC_US);
    EXPECT_EQ(system.b.signal(3), 0u);
    EXPECT_EQ(system.b.signal(4), 1u);
    EXPECT_EQ(system.b.reg(LinkRegs::kRxErrorsOffset), 1u);
  });
}

TEST(LinkPort, BitErrorsAreReplayedAndCounted) {
  Config config;
  config.flit_error_rate = 0.02;
  System system(config);
  system.start([&] {
    system.a.post(0, 0, 1 << 20, 3);
    wait(100, sc_core::SC_US);
    EXPECT_EQ(system.b.signal(3), 1u);
    EXPECT_TRUE(system.arrived(0, 0, 1 << 20));
    EXPECT_GT(system.b.reg(LinkRegs::kCrcErrorsOffset), 20u);
    EXPECT_GT(system.a.reg(LinkRegs::kReplaysOffset), 20u);
  });
}

TEST(LinkPort, DeadLinkGoesDownWithinTheLimitAndInterrupts) {
  System system{Config{}};
  system.start([&] {
    system.a.set(LinkRegs::kReplayLimitOffset, 4);
    system.a.set(LinkRegs::kIrqEnableOffset, LinkRegs::kIrqEnableDownMask);
    system.a.port.faults().die_at(0);
    system.a.post(0, 0, 4096, 3);
    wait(4900, sc_core::SC_NS);
    EXPECT_FALSE(system.a.irq.read());
    EXPECT_EQ(system.a.reg(LinkRegs::kReplaysOffset), 4u);
    wait(200, sc_core::SC_NS);
    EXPECT_TRUE(system.a.irq.read());
    EXPECT_EQ(system.a.reg(LinkRegs::kStatusOffset) & 7, LinkRegs::kStatusDownMask);
    system.a.post(0, 0, 4096, 3);
    EXPECT_EQ(system.a.reg(LinkRegs::kTxRejectedOffset), 1u);
    // Recovery: the wire heals, software resets the port.
    system.a.port.faults().die_at(kNever);
    system.a.set(LinkRegs::kIrqStatusOffset, ~0u);
    system.a.set(LinkRegs::kControlOffset, LinkRegs::kControlEnableMask | LinkRegs::kControlResetMask);
    EXPECT_EQ(system.a.reg(LinkRegs::kControlOffset), LinkRegs::kControlEnableMask);
    wait(3, sc_core::SC_US);
    EXPECT_FALSE(system.a.irq.read());
    EXPECT_EQ(system.a.reg(LinkRegs::kStatusOffset) & 7, LinkRegs::kStatusUpMask);
    EXPECT_EQ(system.a.reg(LinkRegs::kTxRejectedOffset), 0u);
    system.a.post(0, 0, 4096, 3);
    wait(3, sc_core::SC_US);
    EXPECT_EQ(system.b.signal(3), 1u);
  });
}

TEST(LinkPort, TrafficWithoutDataTakesTheSameTimeAndMovesNoBytes) {
  Config with_data;
  Config without_data;
  without_data.traffic_only = true;
  System real(with_data, with_data);
  System bare("bare", without_data, without_data);
  std::vector<sc_core::sc_time> times[2];
  const auto measure = [](System& system, std::vector<sc_core::sc_time>& to) {
    for (unsigned i = 0; i < 4; ++i) system.a.post(0, 0, 40000, 1);
    for (unsigned i = 1; i <= 4; ++i) {
      while (system.b.signal(1) < i) sc_core::wait(100, sc_core::SC_PS);
      to.push_back(sc_core::sc_time_stamp());
    }
    sc_core::wait(1, sc_core::SC_MS);
  };
  bare.script = [&] { measure(bare, times[1]); };
  real.start([&] { measure(real, times[0]); });
  ASSERT_EQ(times[0].size(), 4u);
  EXPECT_EQ(times[0], times[1]);
  EXPECT_EQ(real.a.memory.without_data, 0u);
  EXPECT_EQ(bare.a.memory.without_data, bare.a.memory.accesses);
  EXPECT_EQ(bare.b.inbox.without_data, bare.b.inbox.accesses);
  EXPECT_EQ(bare.b.inbox.accesses, real.b.inbox.accesses);
  EXPECT_EQ(std::count(bare.b.inbox.data.begin(), bare.b.inbox.data.end(), 0),
            static_cast<std::ptrdiff_t>(bare.b.inbox.data.size()));
}

TEST(LinkPort, ManyRandomMessagesBothWaysOverABadWireArriveEqual) {
  Config config;
  config.flit_error_rate = 0.05;
  config.replay_limit = 200;
  config.receive_buffer_flits = 16;
  System system(config);
  system.start([&] {
    Rng rng(5, "messages");
    std::vector<unsigned char> at_a = system.a.inbox.data;
    std::vector<unsigned char> at_b = system.b.inbox.data;
    std::uint32_t signals_a[32] = {};
    std::uint32_t signals_b[32] = {};
    for (unsigned i = 0; i < 300; ++i) {
      const bool forward = rng.below(2) == 0;
      Chip& from = forward ? system.a : system.b;
      const auto length = static_cast<std::uint32_t>(32 * (1 + rng.below(100)));
      const auto offset = static_cast<std::uint32_t>(32 * rng.below(((1 << 20) - length) / 32));
      const std::uint64_t source = 32 * rng.below(60000);
      const auto signal = static_cast<unsigned>(rng.below(32));
      while ((from.reg(LinkRegs::kStatusOffset) & LinkRegs::kStatusTxFreeMask) == 0)
        wait(100, sc_core::SC_NS);
      from.post(source, offset, length, signal);
      std::copy_n(from.memory.data.begin() + source, length, (forward ? at_b : at_a).begin() + offset);
      ++(forward ? signals_b : signals_a)[signal];
    }
    wait(1, sc_core::SC_MS);
    for (unsigned i = 0; i < 32; ++i) {
      EXPECT_EQ(system.a.signal(i), signals_a[i]) << i;
      EXPECT_EQ(system.b.signal(i), signals_b[i]) << i;
    }
    EXPECT_TRUE(system.a.inbox.data == at_a);
    EXPECT_TRUE(system.b.inbox.data == at_b);
    EXPECT_GT(system.b.reg(LinkRegs::kCrcErrorsOffset), 10u);
  });
}

/// What a third party may put between two ports: forwards flits both ways, later.
struct Retimer : sc_core::sc_module {
  explicit Retimer(const sc_core::sc_module_name& name) : sc_module(name) {
    left_tsock.register_b_transport(this, &Retimer::from_left);
    right_tsock.register_b_transport(this, &Retimer::from_right);
  }
  void from_left(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    delay += sc_core::sc_time(90, sc_core::SC_NS);
    ++flits;
    right_isock->b_transport(payload, delay);
  }
  void from_right(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    delay += sc_core::sc_time(90, sc_core::SC_NS);
    left_isock->b_transport(payload, delay);
  }
  tlm_utils::simple_target_socket<Retimer> left_tsock{"left_tsock"};
  tlm_utils::simple_target_socket<Retimer> right_tsock{"right_tsock"};
  tlm_utils::simple_initiator_socket<Retimer> left_isock{"left_isock"};
  tlm_utils::simple_initiator_socket<Retimer> right_isock{"right_isock"};
  unsigned flits = 0;
};

TEST(LinkPort, SomebodyElsesModuleMaySitBetweenTwoPorts) {
  struct Far : sc_core::sc_module {
    explicit Far(const sc_core::sc_module_name& name) : sc_module(name) {
      a.port.tx_isock.bind(retimer.left_tsock);
      retimer.right_isock.bind(b.port.rx_tsock);
      b.port.tx_isock.bind(retimer.right_tsock);
      retimer.left_isock.bind(a.port.rx_tsock);
      SC_HAS_PROCESS(Far);
      SC_THREAD(run);
    }
    void run() {
      a.set(LinkRegs::kControlOffset, 1);
      b.set(LinkRegs::kControlOffset, 1);
      wait(3, sc_core::SC_US);
      std::fill(a.memory.data.begin(), a.memory.data.end(), static_cast<unsigned char>(0x5a));
      const sc_core::sc_time begin = sc_core::sc_time_stamp();
      a.post(0, 0, 32, 0);
      while (b.signal(0) == 0) wait(100, sc_core::SC_PS);
      time = sc_core::sc_time_stamp() - begin;
      sc_core::sc_stop();
    }
    Chip a{"a", Config{}};
    Chip b{"b", Config{}};
    Retimer retimer{"retimer"};
    sc_core::sc_time time;
  };
  Far far("far");
  sc_core::sc_start(1, sc_core::SC_MS);
  EXPECT_GE(far.time, sc_core::sc_time(20.5 + 1 + 10 + 90 + 20.5, sc_core::SC_NS));
  EXPECT_LE(far.time, sc_core::sc_time(20.5 + 1 + 10 + 90 + 20.6, sc_core::SC_NS));
  EXPECT_EQ(far.b.inbox.data[31], 0x5a);
  EXPECT_EQ(far.b.inbox.data[32], 0);
  EXPECT_GE(far.retimer.flits, 2u);
}

TEST(LinkPort, ReportCountsBytesFlitsAndEnergy) {
  System system{Config{}};
  system.start([&] {
    system.a.post(0, 0, 2400 / 32 * 32, 3);
    wait(5, sc_core::SC_US);
  });
  std::vector<Stat> stats;
  StatSink sink(stats);
  system.a.port.report(sink);
  const auto value = [&](const std::string& name) {
    for (const Stat& stat : stats) {
      if (stat.name == name) return std::visit([](auto v) { return static_cast<double>(v); }, stat.value);
    }
    ADD_FAILURE() << name;
    return 0.0;
  };
  EXPECT_EQ(value("messages_sent"), 1);
  EXPECT_EQ(value("tx_bytes"), 2400);
  EXPECT_EQ(value("flits_replayed"), 0);
  EXPECT_EQ(value("energy_pj"), value("flits_sent") * 256 * 8 * 0.5);
  EXPECT_EQ(value("line_busy_ns"), value("flits_sent"));
  EXPECT_EQ(value("peak_gbytes_per_s"), 240);
  for (const Stat& stat : stats) EXPECT_FALSE(stat.unit.empty() || stat.description.empty()) << stat.name;
}

}  // namespace
}  // namespace memwall::link
