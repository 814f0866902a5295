// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "system/chip.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "accel/accel.h"
#include "common/error.h"
#include "common/tlm_traffic.h"
#include "hart/hart_module.h"
#include "hbf/module.h"
#include "hbm/hbm_module.h"
#include "link/link_port.h"
#include "loader/elf/elf.h"
#include "map/chip_map.h"
#include "noc/router.h"
#include "pnm/pnm_unit.h"
#include "soc/dma.h"
#include "soc/mailbox_module.h"
#include "soc/peripherals.h"
#include "soc/ram.h"
#include "system/idle_initiator.h"

namespace memwall::system {
namespace {

std::unique_ptr<pnm::PnmUnit> make_unit(config::PnmImplementation implementation, const std::string& name,
                                        const pnm::PnmConfig& config) {
  if (implementation == config::PnmImplementation::kTlm) return pnm::make_pnm_tlm(name.c_str(), config);
#ifdef MEMWALL_HAS_RTL
  return pnm::make_pnm_rtl(name.c_str(), config);
#else
  throw ConfigError("pnm.implementation",
                    "= \"rtl\", but this build has no RTL (MEMWALL_BUILD_RTL=OFF); accepted: tlm, none");
#endif
}

/// Collects the router's targets in socket order, with what is to be bound to each.
class Targets {
 public:
  using Bind = std::function<void(noc::Router&, std::size_t)>;

  template <typename Socket>
  void add(const std::string& name, std::uint64_t base, std::uint64_t bytes, Socket& socket,
           double gbytes_per_s = 0, const std::string& local_to = "") {
    config_.push_back({name, {{base, bytes, 0}}, gbytes_per_s, local_to});
    binds_.push_back([&socket](noc::Router& router, std::size_t i) { router.targ_isock[i].bind(socket); });
  }
  const std::vector<noc::TargetConfig>& config() const { return config_; }
  void bind(noc::Router& router) const {
    for (std::size_t i = 0; i < binds_.size(); ++i) binds_[i](router, i);
  }

 private:
  std::vector<noc::TargetConfig> config_;
  std::vector<Bind> binds_;
};

hbm::FaultKind fault_kind(config::HbmFaultKind kind) {
  switch (kind) {
    case config::HbmFaultKind::kSingle:
      return hbm::FaultKind::kSingle;
    case config::HbmFaultKind::kDouble:
      return hbm::FaultKind::kDouble;
    case config::HbmFaultKind::kChip:
      break;
  }
  return hbm::FaultKind::kChip;
}

}  // namespace

TimePs period_ps(double mhz) { return static_cast<TimePs>(std::lround(1e6 / mhz)); }

struct Chip::Parts {
  std::unique_ptr<hart::HartModule> hart;
  std::unique_ptr<soc::Ram> rom, tcm, inbox;
  std::unique_ptr<soc::Clint> clint;
  std::unique_ptr<soc::Plic> plic;
  std::unique_ptr<soc::Uart> uart;
  std::unique_ptr<soc::Timer> timer;
  std::unique_ptr<soc::Mailbox> mailbox;
  std::unique_ptr<soc::Dma> dma;
  std::unique_ptr<soc::SysCtrl> sysctrl;
  std::unique_ptr<accel::AccelModule> accel;
  std::vector<std::unique_ptr<hbm::HbmModule>> hbm;
  std::vector<std::unique_ptr<hbf::HbfModule>> hbf;
  std::vector<std::unique_ptr<pnm::PnmUnit>> pnm;
  std::vector<std::unique_ptr<link::LinkPort>> links;
  std::vector<std::unique_ptr<IdleInitiator>> idle;
  std::unique_ptr<noc::Router> router;
  std::vector<std::unique_ptr<sc_core::sc_signal<bool>>> wires;

  sc_core::sc_signal<bool>& wire() {
    wires.push_back(std::make_unique<sc_core::sc_signal<bool>>());
    return *wires.back();
  }
  void interrupt(sc_core::sc_out<bool>& from, std::uint32_t source) {
    sc_core::sc_signal<bool>& line = wire();
    from.bind(line);
    plic->irq_in[source].bind(line);
  }
  void line(sc_core::sc_out<bool>& from, sc_core::sc_in<bool>& to) {
    sc_core::sc_signal<bool>& signal = wire();
    from.bind(signal);
    to.bind(signal);
  }
};

Chip::Chip(const sc_core::sc_module_name& name, const ChipConfig& config, std::uint32_t index)
    : sc_module(name), debug_isock_("debug_isock"), parts_(std::make_unique<Parts>()) {
  const config::Scenario& s = *config.scenario;
  const bool functional = s.data == config::DataKind::kFunctional;
  const std::uint32_t n_links = s.system.chips - 1;
  const bool has_pnm = s.pnm.implementation != config::PnmImplementation::kNone;
  Parts& p = *parts_;

  hart::HartModule::Config hart_config;
  hart_config.hart_id = index;
  hart_config.reset_pc = map::kRomBase;
  hart_config.clock_period_ps = period_ps(s.hart.clock_mhz);
  hart_config.quantum_ps = s.system.quantum_ns * kPsPerNs;
  hart_config.stop_at_start = config.stop_at_start;
  p.hart = std::make_unique<hart::HartModule>("hart", hart_config);

  soc::Ram::Config rom;
  rom.size_bytes = map::kRomSize;
  rom.read_only = true;
  p.rom = std::make_unique<soc::Ram>("rom", rom);
  soc::Ram::Config tcm;
  tcm.size_bytes = map::kTcmSize;
  p.tcm = std::make_unique<soc::Ram>("tcm", tcm);
  soc::Ram::Config inbox;
  inbox.size_bytes = kInboxBytes;
  inbox.grant_dmi = false;
  p.inbox = std::make_unique<soc::Ram>("inbox", inbox);

  soc::MailboxConfig mailbox;
  mailbox.ram_bytes = kMailboxRamBytes;
  p.mailbox = std::make_unique<soc::Mailbox>("mailbox", mailbox);
  const soc::ClintConfig clint;
  p.clint = std::make_unique<soc::Clint>("clint", clint);
  p.plic = std::make_unique<soc::Plic>("plic", soc::PlicConfig{});
  p.uart = std::make_unique<soc::Uart>("uart", soc::UartConfig{});
  p.timer = std::make_unique<soc::Timer>("timer", soc::TimerConfig{});
  p.dma = std::make_unique<soc::Dma>("dma", soc::DmaConfig{});

  soc::SysCtrlConfig sysctrl;
  sysctrl.chip_id = index;
  sysctrl.num_chips = s.system.chips;
  sysctrl.num_hbm = s.hbm.stacks;
  sysctrl.num_hbf = s.hbf.cubes;
  sysctrl.num_pnm = has_pnm ? s.hbm.stacks : 0;
  sysctrl.num_link = n_links;
  sysctrl.tcm_bytes = static_cast<std::uint32_t>(map::kTcmSize);
  sysctrl.sram_bytes = static_cast<std::uint32_t>(s.accel.sram_bytes);
  sysctrl.inbox_bytes = kInboxBytes;
  sysctrl.mailbox_ram_bytes = kMailboxRamBytes;
  sysctrl.hbm_stack_bytes = config.hbm_stack_bytes;
  sysctrl.hbf_cube_bytes = config.hbf_cube_bytes;
  sysctrl.manifest_address = map::hbm_base(0);
  sysctrl.timebase_hz = clint.timebase_hz;
  p.sysctrl = std::make_unique<soc::SysCtrl>("sysctrl", sysctrl);

  accel::Config accel = s.accel;
  accel.sram_base = map::kSramBase;
  accel.functional = functional;
  p.accel = std::make_unique<accel::AccelModule>("accel", accel);

  for (std::uint32_t i = 0; i < s.hbm.stacks; ++i) {
    hbm::HbmModule::Config hbm;
    hbm.preset = config.hbm;
    hbm.engine.periods = config.hbm_periods;
    hbm.fault_rate = {s.hbm.fault_rate_per_gib_hour, fault_kind(s.hbm.fault_rate_kind)};
    hbm.seed = s.seed;
    p.hbm.push_back(std::make_unique<hbm::HbmModule>(fmt::format("hbm{}", i).c_str(), hbm));
    for (const config::HbmFault& fault : s.hbm.faults) {
      if (fault.chip == index && fault.stack == i)
        p.hbm.back()->inject_fault(fault.address, fault_kind(fault.kind), fault.persistent);
    }
    if (!has_pnm) {
      p.idle.push_back(std::make_unique<IdleInitiator>(fmt::format("idle{}", i).c_str()));
      p.idle.back()->idle_isock.bind(p.hbm.back()->pnm_tsock);
      continue;
    }
    pnm::PnmConfig pnm;
    pnm.clock_period_ps = period_ps(s.pnm.clock_mhz);
    pnm.memory_base = map::hbm_base(i);
    pnm.memory_bytes = config.hbm_stack_bytes;
    pnm.functional = functional;
    if (s.pnm.waveform) pnm.trace_file = fmt::format("{}/pnm_{}_{}.fst", config.waveform_dir, index, i);
    const std::string pnm_name = fmt::format("pnm{}", i);
    p.pnm.push_back(make_unit(s.pnm.implementation, pnm_name, pnm));
  }
  for (std::uint32_t j = 0; j < s.hbf.cubes; ++j) {
    hbf::Config hbf = config.hbf;
    hbf.name = fmt::format("chip{}.hbf{}", index, j);
    p.hbf.push_back(std::make_unique<hbf::HbfModule>(fmt::format("hbf{}", j).c_str(), hbf));
  }
  for (std::uint32_t port = 0; port < n_links; ++port) {
    link::Config link;
    link.chip_id = index;
    link.seed = s.seed;
    link.inbox_base = map::kInboxBase;
    link.inbox_bytes = kInboxBytes;
    link.gbytes_per_s = s.link.gbytes_per_s;
    link.latency = static_cast<TimePs>(std::lround(s.link.latency_ns * 1e3));
    link.flit_error_rate = s.link.flit_error_rate;
    if (s.link.dead_after_us > 0)
      link.dead_from = static_cast<TimePs>(std::llround(s.link.dead_after_us * 1e6));
    p.links.push_back(std::make_unique<link::LinkPort>(fmt::format("link{}", port).c_str(), link));
  }

  Targets targets;  // those of the hart's local bus cost the hart no hop
  targets.add("rom", map::kRomBase, map::kRomSize, p.rom->mem_tsock, 0, "hart");
  targets.add("clint", map::kClintBase, map::kClintSize, p.clint->ctrl_tsock, 0, "hart");
  targets.add("plic", map::kPlicBase, map::kPlicSize, p.plic->ctrl_tsock, 0, "hart");
  targets.add("uart", map::kUartBase, map::kUartSize, p.uart->ctrl_tsock, 0, "hart");
  targets.add("timer", map::kTimerBase, map::kTimerSize, p.timer->ctrl_tsock, 0, "hart");
  targets.add("mailbox", map::kMailboxBase, map::kMailboxSize, p.mailbox->ctrl_tsock);
  targets.add("dma", map::kDmaBase, map::kDmaSize, p.dma->ctrl_tsock);
  targets.add("sysctrl", map::kSysctrlBase, map::kSysctrlSize, p.sysctrl->ctrl_tsock, 0, "hart");
  targets.add("accel", map::kAccelBase, map::kAccelSize, p.accel->ctrl_tsock);
  targets.add("tcm", map::kTcmBase, map::kTcmSize, p.tcm->mem_tsock, 0, "hart");
  targets.add("sram", map::kSramBase, s.accel.sram_bytes, p.accel->sram_tsock, s.noc.port_gbytes_per_s);
  targets.add("inbox", map::kInboxBase, kInboxBytes, p.inbox->mem_tsock, s.noc.port_gbytes_per_s);
  targets.add("mailbox_ram", map::kMailboxRamBase, kMailboxRamBytes, p.mailbox->ram_tsock());
  for (std::uint32_t i = 0; i < p.hbm.size(); ++i) {
    targets.add(fmt::format("hbm_ctrl{}", i), map::hbm_ctrl_base(i), map::kHbmCtrlSize, p.hbm[i]->ctrl_tsock);
    targets.add(fmt::format("hbm{}", i), map::hbm_base(i), config.hbm_stack_bytes, p.hbm[i]->data_tsock,
                s.noc.port_gbytes_per_s);
  }
  for (std::uint32_t i = 0; i < p.pnm.size(); ++i) {
    targets.add(fmt::format("pnm{}", i), map::pnm_base(i), map::kPnmSize, p.pnm[i]->ctrl_tsock);
    p.pnm[i]->mem_isock.bind(p.hbm[i]->pnm_tsock);
  }
  for (std::uint32_t j = 0; j < p.hbf.size(); ++j) {
    targets.add(fmt::format("hbf_ctrl{}", j), map::hbf_ctrl_base(j), map::kHbfCtrlSize, p.hbf[j]->ctrl_tsock);
    targets.add(fmt::format("hbf{}", j), map::hbf_base(j), config.hbf_cube_bytes, p.hbf[j]->data_tsock,
                s.noc.port_gbytes_per_s);
  }
  for (std::uint32_t port = 0; port < p.links.size(); ++port) {
    targets.add(fmt::format("link{}", port), map::link_base(port), map::kLinkSize, p.links[port]->ctrl_tsock);
  }

  noc::RouterConfig router;
  router.targets = targets.config();
  router.hop_latency_ns = s.noc.hop_latency_ns;
  router.initiators = {"hart", "accel", "dma", "debug"};
  for (std::uint32_t port = 0; port < p.links.size(); ++port) {
    router.initiators.push_back(fmt::format("link{}_tx", port));
    router.initiators.push_back(fmt::format("link{}_rx", port));
  }
  const std::size_t hbf_port = router.initiators.size();
  for (std::uint32_t j = 0; j < p.hbf.size(); ++j) router.initiators.push_back(fmt::format("hbf{}_mem", j));
  p.router = std::make_unique<noc::Router>("router", router);
  targets.bind(*p.router);
  p.hart->bus_isock.bind(p.router->init_tsock[0]);
  p.accel->mem_isock.bind(p.router->init_tsock[1]);
  p.dma->mem_isock.bind(p.router->init_tsock[2]);
  debug_isock_.bind(p.router->init_tsock[3]);
  for (std::uint32_t port = 0; port < p.links.size(); ++port) {
    p.links[port]->mem_isock.bind(p.router->init_tsock[4 + 2 * port]);
    p.links[port]->inbox_isock.bind(p.router->init_tsock[5 + 2 * port]);
  }
  for (std::uint32_t j = 0; j < p.hbf.size(); ++j)
    p.hbf[j]->mem_isock.bind(p.router->init_tsock[hbf_port + j]);

  p.hart->set_time_source([&p](const sc_core::sc_time& now) { return p.clint->mtime(now); });
  p.line(p.clint->msip_out, p.hart->msip_in);
  p.line(p.clint->mtip_out, p.hart->mtip_in);
  p.line(p.plic->meip_out, p.hart->meip_in);
  p.interrupt(p.uart->irq_out, map::kUartIrq);
  p.interrupt(p.timer->irq_out, map::kTimerIrq);
  p.interrupt(p.mailbox->irq_out, map::kMailboxIrq);
  p.interrupt(p.dma->irq_out, map::kDmaIrq);
  p.interrupt(p.accel->irq_out, map::kAccelIrq);
  for (std::uint32_t i = 0; i < p.hbm.size(); ++i) p.interrupt(p.hbm[i]->irq_out, map::hbm_irq(i));
  for (std::uint32_t j = 0; j < p.hbf.size(); ++j) p.interrupt(p.hbf[j]->irq_out, map::hbf_irq(j));
  for (std::uint32_t i = 0; i < p.pnm.size(); ++i) p.interrupt(p.pnm[i]->irq_out, map::pnm_irq(i));
  for (std::uint32_t i = 0; i < p.links.size(); ++i) p.interrupt(p.links[i]->irq_out, map::link_irq(i));
}

Chip::~Chip() = default;

hart::HartModule& Chip::hart() { return *parts_->hart; }
soc::Mailbox& Chip::mailbox() { return *parts_->mailbox; }
soc::SysCtrl& Chip::sysctrl() { return *parts_->sysctrl; }
soc::Uart& Chip::uart() { return *parts_->uart; }
link::LinkPort& Chip::link(std::uint32_t port) { return *parts_->links.at(port); }

bool Chip::debug(tlm::tlm_command command, std::uint64_t address, unsigned char* bytes, std::uint64_t count) {
  TrafficExtension traffic;
  traffic.is_write = true;
  // A window at a time: the router refuses what crosses the end of one.
  while (count > 0) {
    const map::Decoded at = map::decode(address);
    if (!at.valid) return false;
    const std::uint64_t left = map::kWindows[static_cast<std::size_t>(at.id)].size_bytes - at.offset;
    const std::uint64_t n = std::min<std::uint64_t>({count, left, 1u << 20});
    tlm::tlm_generic_payload payload;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(bytes);
    payload.set_data_length(static_cast<unsigned>(n));
    payload.set_streaming_width(static_cast<unsigned>(n));
    if (command == tlm::TLM_IGNORE_COMMAND) payload.set_extension(&traffic);
    const unsigned done = debug_isock_->transport_dbg(payload);
    payload.clear_extension(&traffic);
    if (command != tlm::TLM_IGNORE_COMMAND && done != n) return false;
    address += n, count -= n;
    if (bytes != nullptr) bytes += n;
  }
  return true;
}

bool Chip::debug_mark(std::uint64_t address, std::uint64_t bytes) {
  return debug(tlm::TLM_IGNORE_COMMAND, address, nullptr, bytes);
}

bool Chip::debug_read(std::uint64_t address, void* out, std::uint64_t bytes) {
  return debug(tlm::TLM_READ_COMMAND, address, static_cast<unsigned char*>(out), bytes);
}

bool Chip::debug_write(std::uint64_t address, const void* in, std::uint64_t bytes) {
  return debug(tlm::TLM_WRITE_COMMAND, address,
               const_cast<unsigned char*>(static_cast<const unsigned char*>(in)), bytes);
}

void Chip::load(const loader::ElfImage& image) {
  for (const loader::ElfSegment& segment : image.segments) {
    const map::Decoded at = map::decode(segment.paddr);
    const bool loadable =
        at.valid && (at.id == map::WindowId::kRom || at.id == map::WindowId::kTcm) &&
        segment.memsz <= map::kWindows[static_cast<std::size_t>(at.id)].size_bytes - at.offset;
    if (!loadable) {
      throw ConfigError(image.file,
                        fmt::format("segment at 0x{:x}, {} bytes, is not inside ROM (0x{:x}, {} KiB) or TCM "
                                    "(0x{:x}, {} KiB)",
                                    segment.paddr, segment.memsz, map::kRomBase, map::kRomSize / 1024,
                                    map::kTcmBase, map::kTcmSize / 1024));
    }
    debug_write(segment.paddr, segment.bytes.data(), segment.bytes.size());
  }
}

void Chip::report(const StatSink& sink) const {
  const Parts& p = *parts_;
  const auto scoped = [&](const std::string& block, const auto& part) {
    StatSink scope = sink.scope(block);
    part.report(scope);
  };
  scoped("hart", *p.hart);
  scoped("noc", *p.router);
  scoped("uart", *p.uart);
  scoped("mailbox", *p.mailbox);
  scoped("dma", *p.dma);
  scoped("tcm", *p.tcm);
  scoped("rom", *p.rom);
  scoped("inbox", *p.inbox);
  scoped("accel", *p.accel);
  for (std::size_t i = 0; i < p.hbm.size(); ++i) scoped(fmt::format("hbm{}", i), *p.hbm[i]);
  for (std::size_t i = 0; i < p.hbf.size(); ++i) scoped(fmt::format("hbf{}", i), *p.hbf[i]);
  for (std::size_t i = 0; i < p.pnm.size(); ++i) scoped(fmt::format("pnm{}", i), *p.pnm[i]);
  for (std::size_t i = 0; i < p.links.size(); ++i) scoped(fmt::format("link{}", i), *p.links[i]);
}

}  // namespace memwall::system
