// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Every memory and bus block under the base-protocol checker: blocking and non-blocking traffic on all its
// sockets at once. Each block is there twice, once with debug accesses and DMI requests in between: both must
// take the same times.
#define SC_INCLUDE_DYNAMIC_PROCESSES
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "accel/accel.h"
#include "common/error.h"
#include "hbf/module.h"
#include "hbm/hbm_module.h"
#include "ip/hbf/hbf_test_config.h"
#include "link/link_port.h"
#include "noc/router.h"
#include "pnm/pnm_unit.h"
#include "regs/dma_regs.h"
#include "soc/dma.h"
#include "soc/mailbox_module.h"
#include "soc/peripherals.h"
#include "soc/ram.h"
#include "support/bus_driver.h"
#include "support/protocol_driver.h"
#include "support/tlm_checker.h"

namespace memwall {
namespace {

using testing_support::BusDriver;
using testing_support::ProtocolDriver;
using testing_support::ProtocolProfile;
using testing_support::TlmChecker;
using Socket = tlm::tlm_target_socket<>;

/// A block with what it needs around it, and the sockets to test.
struct Block {
  virtual ~Block() = default;
  struct Port {
    std::string name;
    Socket* socket;
    ProtocolProfile profile;
  };
  std::vector<Port> ports;
  std::vector<TlmChecker*> inner;  // on the block's own way out
};
using Make = std::function<std::unique_ptr<Block>(const std::string& suffix)>;

void check(const Make& make) {
  std::unique_ptr<Block> blocks[2];
  std::vector<std::unique_ptr<ProtocolDriver>> drivers[2];
  for (const bool disturb : {false, true}) {
    blocks[disturb] = make(disturb ? "_disturbed" : "_plain");
    for (const Block::Port& port : blocks[disturb]->ports) {
      drivers[disturb].push_back(std::make_unique<ProtocolDriver>(
          (port.name + (disturb ? "_driver_disturbed" : "_driver_plain")).c_str(), port.profile,
          drivers[disturb].size(), disturb));
      drivers[disturb].back()->checker.isock.bind(*port.socket);
    }
  }
  sc_core::sc_start(1, sc_core::SC_SEC);
  EXPECT_NO_THROW(rethrow_simulation_error());
  for (std::size_t i = 0; i < drivers[0].size(); ++i) {
    drivers[0][i]->expect_clean();
    drivers[1][i]->expect_clean();
    EXPECT_EQ(drivers[0][i]->done, drivers[1][i]->done)
        << "debug accesses changed the times of " << drivers[0][i]->name();
  }
  for (const auto& block : blocks) {
    for (TlmChecker* checker : block->inner) {
      checker->finish();
      EXPECT_EQ(checker->text(), "");
      EXPECT_GT(checker->seen.blocking + checker->seen.requests, 0u) << checker->name() << " saw nothing";
    }
  }
}

ProtocolProfile memory_profile(std::uint64_t bytes) {
  ProtocolProfile profile;
  profile.bytes = bytes;
  profile.lengths = {1, 4, 8, 32, 64, 100, 256, 4096};
  profile.alignment = 1;
  profile.traffic = true;
  profile.debug_writes = true;
  return profile;
}
/// Reads only: what a write of any register would start is another test's affair.
ProtocolProfile register_profile(std::uint64_t first = 0, std::uint64_t bytes = 0x80) {
  ProtocolProfile profile;
  profile.first = first;
  profile.bytes = bytes;
  profile.lengths = {4, 4, 4, 8, 2};
  profile.writes = false;
  return profile;
}

struct HbmBlock : Block {
  hbm::HbmModule hbm;
  sc_core::sc_signal<bool> irq;
  static hbm::HbmModule::Config config() {
    hbm::HbmModule::Config config;
    config.preset = hbm::load_preset(MEMWALL_SOURCE_DIR "/scenarios/memories/hbm3_6400.toml");
    return config;
  }
  explicit HbmBlock(const std::string& suffix) : hbm(("hbm" + suffix).c_str(), config()) {
    hbm.irq_out(irq);
    for (std::uint64_t at = 0; at < 65536; at += 1024) hbm.inject_fault(at, at % 4096 == 0 ? 2 : 1, true);
    ProtocolProfile data = memory_profile(1 << 20);
    data.native_phases = true;
    data.accesses = 1500;
    ProtocolProfile pnm = data;
    pnm.first = hbm.capacity_bytes() - pnm.bytes;  // some accesses end outside
    ports = {{"hbm_data", &hbm.data_tsock, data},
             {"hbm_pnm", &hbm.pnm_tsock, pnm},
             {"hbm_ctrl", &hbm.ctrl_tsock, register_profile()}};
  }
};
TEST(BaseProtocol, Hbm) {
  check([](const std::string& suffix) { return std::make_unique<HbmBlock>(suffix); });
}

struct HbfBlock : Block {
  hbf::HbfModule hbf;
  soc::Ram memory;
  sc_core::sc_signal<bool> irq;
  explicit HbfBlock(const std::string& suffix)
      : hbf(("hbf" + suffix).c_str(), hbf::testing_support::small_cube()),
        memory(("memory" + suffix).c_str(), {}) {
    hbf.mem_isock.bind(memory.mem_tsock);
    hbf.irq_out(irq);
    ProtocolProfile data = memory_profile(hbf::testing_support::small_cube().capacity_bytes);
    data.native_phases = true;
    data.lengths = {64, 100, 4096, 8192};
    data.alignment = 4096;
    data.debug_writes = false;  // they count as programming
    ports = {{"hbf_data", &hbf.data_tsock, data}, {"hbf_ctrl", &hbf.ctrl_tsock, register_profile()}};
  }
};
TEST(BaseProtocol, Hbf) {
  check([](const std::string& suffix) { return std::make_unique<HbfBlock>(suffix); });
}

struct RamBlock : Block {
  soc::Ram ram, rom;
  static soc::Ram::Config config(bool read_only) {
    soc::Ram::Config config;
    config.size_bytes = 65536;
    config.read_only = read_only;
    config.bandwidth_gbytes_per_s = 10;
    config.grant_dmi = true;
    return config;
  }
  explicit RamBlock(const std::string& suffix)
      : ram(("ram" + suffix).c_str(), config(false)), rom(("rom" + suffix).c_str(), config(true)) {
    ports = {{"ram", &ram.mem_tsock, memory_profile(65536)}, {"rom", &rom.mem_tsock, memory_profile(65536)}};
  }
};
TEST(BaseProtocol, Ram) {
  check([](const std::string& suffix) { return std::make_unique<RamBlock>(suffix); });
}

struct AccelBlock : Block {
  accel::AccelModule accel;
  soc::Ram memory;
  sc_core::sc_signal<bool> irq;
  explicit AccelBlock(const std::string& suffix)
      : accel(("accel" + suffix).c_str(), accel::Config{}), memory(("memory" + suffix).c_str(), {}) {
    accel.mem_isock.bind(memory.mem_tsock);
    accel.irq_out(irq);
    ports = {{"accel_sram", &accel.sram_tsock, memory_profile(accel::Config{}.sram_bytes)},
             {"accel_ctrl", &accel.ctrl_tsock, register_profile()}};
  }
};
TEST(BaseProtocol, Accelerator) {
  check([](const std::string& suffix) { return std::make_unique<AccelBlock>(suffix); });
}

struct PeripheralBlock : Block {
  soc::Uart uart;
  soc::Timer timer;
  soc::Clint clint;
  soc::Plic plic;
  soc::SysCtrl sysctrl;
  soc::Mailbox mailbox;
  std::vector<std::unique_ptr<sc_core::sc_signal<bool>>> wires;
  void wire(sc_core::sc_out<bool>& from) {
    wires.push_back(std::make_unique<sc_core::sc_signal<bool>>());
    from(*wires.back());
  }
  explicit PeripheralBlock(const std::string& suffix)
      : uart(("uart" + suffix).c_str(), {}),
        timer(("timer" + suffix).c_str(), {}),
        clint(("clint" + suffix).c_str(), {}),
        plic(("plic" + suffix).c_str(), {}),
        sysctrl(("sysctrl" + suffix).c_str(), {}),
        mailbox(("mailbox" + suffix).c_str(), {}) {
    for (sc_core::sc_out<bool>* out :
         {&uart.irq_out, &timer.irq_out, &clint.msip_out, &clint.mtip_out, &plic.meip_out, &mailbox.irq_out})
      wire(*out);
    ProtocolProfile host = register_profile();
    ProtocolProfile shared = memory_profile(soc::MailboxConfig{}.ram_bytes);
    ProtocolProfile clint_profile = register_profile(0xbff0, 0x10);
    ports = {{"uart_ctrl", &uart.ctrl_tsock, register_profile()},
             {"timer_ctrl", &timer.ctrl_tsock, register_profile()},
             {"clint_ctrl", &clint.ctrl_tsock, clint_profile},
             {"plic_ctrl", &plic.ctrl_tsock, register_profile()},
             {"sysctrl_ctrl", &sysctrl.ctrl_tsock, register_profile()},
             {"mailbox_ctrl", &mailbox.ctrl_tsock, register_profile()},
             {"mailbox_ram", &mailbox.ram_tsock(), shared},
             {"mailbox_host", &mailbox.host_tsock, host}};
  }
};
TEST(BaseProtocol, Peripherals) {
  check([](const std::string& suffix) { return std::make_unique<PeripheralBlock>(suffix); });
}

/// Two initiators, a RAM and a stack behind a router, with a checker on each of the router's ways out.
struct RouterBlock : Block {
  noc::Router router;
  soc::Ram ram;
  hbm::HbmModule hbm;
  sc_core::sc_signal<bool> irq;
  TlmChecker to_ram, to_hbm;
  BusDriver idle, ctrl;
  static constexpr std::uint64_t kRam = 0x10000, kHbm = 0x100000;
  static noc::RouterConfig config() {
    noc::RouterConfig config;
    config.initiators = {"a", "b"};
    config.targets = {{"ram", {{kRam, 65536, 0}}, 100, ""}, {"hbm", {{kHbm, 1 << 20, 4096}}, 0, ""}};
    return config;
  }
  explicit RouterBlock(const std::string& suffix)
      : router(("router" + suffix).c_str(), config()),
        ram(("ram" + suffix).c_str(), RamBlock::config(false)),
        hbm(("hbm" + suffix).c_str(), HbmBlock::config()),
        to_ram(("to_ram" + suffix).c_str()),
        to_hbm(("to_hbm" + suffix).c_str()),
        idle(("idle" + suffix).c_str()),
        ctrl(("ctrl" + suffix).c_str()) {
    hbm.irq_out(irq);
    router.targ_isock[0].bind(to_ram.tsock);
    to_ram.isock.bind(ram.mem_tsock);
    router.targ_isock[1].bind(to_hbm.tsock);
    to_hbm.isock.bind(hbm.data_tsock);
    idle.mem_isock.bind(hbm.pnm_tsock);
    ctrl.mem_isock.bind(hbm.ctrl_tsock);
    inner = {&to_ram, &to_hbm};
    ProtocolProfile a = memory_profile(65536);
    a.first = kRam;
    a.bytes = 65536 + 1024;  // the last of it is nowhere
    a.lengths = {4, 8, 64, 256};
    ProtocolProfile b = memory_profile(1 << 20);
    b.first = kHbm;
    ports = {{"router_a", &router.init_tsock[0], a}, {"router_b", &router.init_tsock[1], b}};
  }
};
TEST(BaseProtocol, Router) {
  check([](const std::string& suffix) { return std::make_unique<RouterBlock>(suffix); });
}

struct PnmBlock : Block {
  std::unique_ptr<pnm::PnmUnit> unit;
  soc::Ram memory;
  sc_core::sc_signal<bool> irq;
  explicit PnmBlock(const std::string& suffix) : memory(("memory" + suffix).c_str(), {}) {
    pnm::PnmConfig config;
    config.memory_bytes = soc::Ram::Config{}.size_bytes;
    unit = pnm::make_pnm_tlm(("pnm" + suffix).c_str(), config);
    unit->mem_isock.bind(memory.mem_tsock);
    unit->irq_out(irq);
    ports = {{"pnm_ctrl", &unit->ctrl_tsock, register_profile()}};
  }
};
TEST(BaseProtocol, NearMemoryUnit) {
  check([](const std::string& suffix) { return std::make_unique<PnmBlock>(suffix); });
}

struct LinkBlock : Block {
  link::LinkPort a, b;
  BusDriver b_ctrl;
  soc::Ram memory[4];
  sc_core::sc_signal<bool> irq[2];
  static link::Config config(std::uint32_t chip) {
    link::Config config;
    config.chip_id = chip;
    return config;
  }
  explicit LinkBlock(const std::string& suffix)
      : a(("link_a" + suffix).c_str(), config(0)),
        b(("link_b" + suffix).c_str(), config(1)),
        b_ctrl(("b_ctrl" + suffix).c_str()),
        memory{{("m0" + suffix).c_str(), {}},
               {("m1" + suffix).c_str(), {}},
               {("m2" + suffix).c_str(), {}},
               {("m3" + suffix).c_str(), {}}} {
    link::connect(a, b);
    b_ctrl.mem_isock.bind(b.ctrl_tsock);
    a.mem_isock.bind(memory[0].mem_tsock);
    a.inbox_isock.bind(memory[1].mem_tsock);
    b.mem_isock.bind(memory[2].mem_tsock);
    b.inbox_isock.bind(memory[3].mem_tsock);
    a.irq_out(irq[0]);
    b.irq_out(irq[1]);
    ports = {{"link_ctrl", &a.ctrl_tsock, register_profile()}};
  }
};
TEST(BaseProtocol, Link) {
  check([](const std::string& suffix) { return std::make_unique<LinkBlock>(suffix); });
}

TEST(BaseProtocol, DmaAsAnInitiator) {
  using Regs = regs::DmaRegs;
  soc::Dma dma("dma", {});
  soc::Ram ram("ram", RamBlock::config(false));
  BusDriver bus("bus");
  TlmChecker checker("checker");
  sc_core::sc_signal<bool> irq;
  dma.irq_out(irq);
  bus.mem_isock.bind(dma.ctrl_tsock);
  dma.mem_isock.bind(checker.tsock);
  checker.isock.bind(ram.mem_tsock);
  sc_core::sc_start(1, sc_core::SC_NS);
  for (const std::uint32_t destination : {32768u, 65536u}) {  // the second copy ends in an error
    bus.write32(Regs::kSrcLoOffset, 0);
    bus.write32(Regs::kDstLoOffset, destination);
    bus.write32(Regs::kLengthOffset, 20000);
    bus.write32(Regs::kControlOffset, Regs::kControlStartMask);
    sc_core::sc_start(1, sc_core::SC_MS);
  }
  checker.finish();
  EXPECT_EQ(checker.text(), "");
  EXPECT_GE(checker.seen.blocking + checker.seen.requests, 11u);
}

}  // namespace
}  // namespace memwall
