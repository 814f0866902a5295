// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "pnm/rtl_adapter.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "common/error.h"
#include "common/register_bank.h"
#include "common/register_tlm.h"
#include "common/sc_time.h"
#include "desc/completion_record.h"
#include "desc/compute_descriptor.h"
#include "engine/tlm_access.h"
#include "engine/work.h"
#include "regs/pnm_regs.h"

namespace memwall::pnm {
namespace {

TimePs system_now() { return to_ps(sc_core::sc_time_stamp()); }

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// The unit's registers as a bank, so that the rules for sizes and undefined offsets are everyone's.
class CoreBank final : public RegisterBank {
 public:
  explicit CoreBank(RtlCore& core) : core_(core) {}
  bool defined(std::uint32_t offset) const override {
    for (const auto& info : regs::PnmRegs::kTable) {
      if (info.offset == offset) return true;
    }
    return false;
  }
  bool read(std::uint32_t offset, std::uint32_t& value) override {
    return core_.read_register(offset, value);
  }
  bool write(std::uint32_t offset, std::uint32_t value) override {
    return core_.write_register(offset, value);
  }
  bool debug_read(std::uint32_t offset, std::uint32_t& value) const override {
    value = core_.debug_register(offset);
    return defined(offset);
  }

 private:
  RtlCore& core_;
};

}  // namespace

PnmRtl::PnmRtl(const sc_core::sc_module_name& name, const PnmConfig& config)
    : PnmUnit(name), config_(config) {
  if (!config.functional) {
    throw ConfigError(this->name(), "RTL needs data: it cannot run with data = \"none\"; use the model");
  }
  if (!config.trace_file.empty() && !ends_with(config.trace_file, ".fst")) {
    throw ConfigError(config.trace_file, "waveforms are written as .fst");
  }
  core_ = std::make_unique<RtlCore>(this->name(), config.clock_period_ps, static_cast<RtlMemory&>(*this),
                                    config.trace_file);
  if (config.memory_bytes == 0) throw ConfigError(this->name(), "memory_bytes must be positive");
  using Transport = void (PnmUnit::*)(tlm::tlm_generic_payload&, sc_core::sc_time&);
  using Debug = unsigned (PnmUnit::*)(tlm::tlm_generic_payload&);
  ctrl_tsock.register_b_transport(this, static_cast<Transport>(&PnmRtl::serve_ctrl));
  ctrl_tsock.register_transport_dbg(this, static_cast<Debug>(&PnmRtl::debug_ctrl));
  SC_THREAD(run);
  SC_METHOD(drive_irq);
  sensitive << irq_event_;
  dont_initialize();
}

PnmRtl::~PnmRtl() = default;

void PnmRtl::fail(const Error& error) {
  failed_ = true;
  raise_in_simulation(error);
}

void PnmRtl::step() {
  stepping_ = true;
  core_->step();
  stepping_ = false;
  note_irq();
}

void PnmRtl::note_irq() {
  if (core_->irq() == irq_level_) return;
  irq_level_ = core_->irq();
  irq_changes_.emplace_back(core_->now(), irq_level_);
  irq_event_.notify(to_sc(core_->now() - std::min(core_->now(), system_now())));
}

void PnmRtl::run() {
  for (;;) {
    while (failed_ || stepping_ || !core_->active()) sc_core::wait(wake_);
    const TimePs now = system_now();
    if (core_->now() > now) {  // also where a register access took the clock further
      sc_core::wait(to_sc(core_->now() - now));
      continue;
    }
    try {
      for (unsigned i = 0; i < kAheadCycles && core_->active() && waiting_ == 0; ++i) step();
    } catch (const Error& error) {
      stepping_ = false;
      fail(error);
    }
    if (waiting_ > 0) wake_.notify(sc_core::SC_ZERO_TIME);
  }
}

void PnmRtl::drive_irq() {
  const TimePs now = system_now();
  while (!irq_changes_.empty() && irq_changes_.front().first <= now) {
    irq_out.write(irq_changes_.front().second);
    irq_changes_.pop_front();
  }
  if (!irq_changes_.empty()) irq_event_.notify(to_sc(irq_changes_.front().first - now));
}

void PnmRtl::serve_ctrl(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  // A busy unit gets there in simulated time, because its memory does.
  TimePs at = system_now() + to_ps(delay);
  if (!failed_ && core_->active() && at > system_now()) sc_core::wait(to_sc(at - system_now()));
  while (stepping_) {
    ++waiting_;
    sc_core::wait(wake_);
    --waiting_;
  }
  at = std::max(at, system_now());
  delay = to_sc(at - system_now());
  if (failed_) {
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    return;
  }
  stepping_ = true;
  try {
    while (core_->active() && core_->now() < at) core_->step();
    note_irq();
    core_->skip_to(at);
    CoreBank bank(*core_);
    serve_registers(bank, payload);
    note_irq();  // a write that clears the cause of an idle unit is followed by no further step
  } catch (const Error& error) {
    fail(error);
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
  }
  stepping_ = false;
  (payload.is_write() ? register_writes_ : register_reads_) += 1;
  delay = to_sc(std::max(core_->now(), at + config_.register_access_ps) - system_now());
  wake_.notify(sc_core::SC_ZERO_TIME);
}

unsigned PnmRtl::debug_ctrl(tlm::tlm_generic_payload& payload) {
  return debug_registers(CoreBank(*core_), payload);
}

bool PnmRtl::inside(std::uint64_t address) const {
  return address >= config_.memory_base && address - config_.memory_base < config_.memory_bytes &&
         config_.memory_bytes - (address - config_.memory_base) >= kBeatBytes;
}

/// One transaction from `done` on; moves `done` to its end.
AxiResponse PnmRtl::transport(bool is_write, std::uint64_t address, std::uint8_t* data, std::uint32_t bytes,
                              TimePs& done) {
  const TimePs now = system_now();
  if (done > now) sc_core::wait(to_sc(done - now));
  const engine::AccessResult result = engine::tlm_access(mem_isock, is_write, address - config_.memory_base,
                                                         data, bytes, done, address - config_.memory_base);
  done = result.done;
  if (result.outcome.ok()) return AxiResponse::kOkay;
  return result.outcome.status == desc::Status::kUncorrectable ? AxiResponse::kSlvErr : AxiResponse::kDecErr;
}

void PnmRtl::read(ReadBurst& burst) {
  pool_.submit({false, burst.address, &burst, burst.beats * kBeatBytes, burst.at}, *this, 0);
}

void PnmRtl::write(WriteBeat& beat) {
  // The unit's strobes are a prefix of the beat.
  if ((beat.strobes & (beat.strobes + 1)) != 0) {
    throw ModelError("contract", name(),
                     "write strobes with a gap at address " + std::to_string(beat.address));
  }
  pool_.submit({true, beat.address, &beat, kBeatBytes, beat.at}, *this, 0);
}

/// In a worker's process; `data` is the burst or the beat.
engine::AccessResult PnmRtl::access(bool is_write, std::uint64_t, void* data, std::uint32_t, TimePs) {
  if (is_write) {
    serve_write(*static_cast<WriteBeat*>(data));
  } else {
    serve_read(*static_cast<ReadBurst*>(data));
  }
  answered_.notify(sc_core::SC_ZERO_TIME);
  return {};
}

void PnmRtl::serve_read(ReadBurst& burst) {
  TimePs done = burst.at;
  bool whole = inside(burst.address) && inside(burst.address + (burst.beats - 1) * kBeatBytes);
  if (whole) {
    const AxiResponse response =
        transport(false, burst.address, burst.data.data(), burst.beats * kBeatBytes, done);
    std::fill_n(burst.responses.begin(), burst.beats, response);
    if (response == AxiResponse::kOkay) watch_fetch(burst.address, burst.beats, burst.data.data());
    whole = response == AxiResponse::kOkay || burst.beats == 1;
  }
  for (std::uint32_t beat = 0; beat < burst.beats && !whole; ++beat) {
    const std::uint64_t address = burst.address + beat * kBeatBytes;
    std::uint8_t* const to = &burst.data[beat * kBeatBytes];
    AxiResponse& response = burst.responses[beat];
    response = inside(address) ? transport(false, address, to, kBeatBytes, done) : AxiResponse::kDecErr;
    if (response != AxiResponse::kOkay) std::memset(to, 0, kBeatBytes);
  }
  burst.done = done;
  burst.answered = true;
}

void PnmRtl::serve_write(WriteBeat& beat) {
  TimePs done = beat.at;
  beat.response = AxiResponse::kDecErr;
  if (inside(beat.address)) {
    std::uint32_t bytes = 0;
    while (bytes < kBeatBytes && (beat.strobes >> bytes & 1u) != 0) ++bytes;
    beat.response = transport(true, beat.address, beat.data.data(), bytes, done);
    if (beat.response == AxiResponse::kOkay && bytes == kBeatBytes)
      watch_record(beat.address, beat.data.data());
  }
  beat.done = done;
  beat.answered = true;
}

void PnmRtl::await_answer(TimePs edge) {
  // What is done by the edge is answered once simulated time has passed the edge.
  while (core_->awaits_answer()) {
    const TimePs now = system_now();
    if (now > edge) return;
    sc_core::wait(to_sc(edge + 1 - now), answered_);
  }
}

/// The unit has no counter of multiply-adds; the adapter reads them off the descriptors that pass by.
void PnmRtl::watch_fetch(std::uint64_t address, std::uint32_t beats, const std::uint8_t* data) {
  using Regs = regs::PnmRegs;
  desc::ComputeDescriptor d;
  if (std::uint64_t{beats} * kBeatBytes != sizeof d) return;
  const std::uint64_t ring = std::uint64_t{core_->debug_register(Regs::kQueueBaseHiOffset)} << 32 |
                             core_->debug_register(Regs::kQueueBaseLoOffset);
  const std::uint64_t size = std::uint64_t{core_->debug_register(Regs::kQueueSizeOffset)} * sizeof d;
  if (address < ring || address - ring >= size || (address - ring) % sizeof d != 0) return;
  std::memcpy(&d, data, sizeof d);
  fetched_macs_ = engine::multiply_adds(d);
}

void PnmRtl::watch_record(std::uint64_t address, const std::uint8_t* data) {
  using Regs = regs::PnmRegs;
  desc::CompletionRecord record;
  static_assert(sizeof record == kBeatBytes);
  const std::uint64_t ring = std::uint64_t{core_->debug_register(Regs::kCompletionBaseHiOffset)} << 32 |
                             core_->debug_register(Regs::kCompletionBaseLoOffset);
  const std::uint64_t size = std::uint64_t{core_->debug_register(Regs::kQueueSizeOffset)} * sizeof record;
  if (address < ring || address - ring >= size) return;
  std::memcpy(&record, data, sizeof record);
  if (static_cast<desc::Status>(record.status) == desc::Status::kOk) macs_ += fetched_macs_;
  fetched_macs_ = 0;
}

std::uint64_t PnmRtl::busy_cycles() const {
  return std::uint64_t{core_->debug_register(regs::PnmRegs::kCyclesHiOffset)} << 32 |
         core_->debug_register(regs::PnmRegs::kCyclesLoOffset);
}

void PnmRtl::report(StatSink& sink) const {
  const RtlCore::Counters& counters = core_->counters();
  sink.count("busy_cycles", busy_cycles(), "cycles", "Cycles in which the unit had a descriptor.", "pnm");
  sink.count("clocked_cycles", counters.cycles, "cycles", "Cycles for which the RTL's clock ran.", "pnm");
  sink.count("read_stall_cycles", counters.read_stall_cycles, "cycles",
             "Cycles in which read data were asked for and none arrived.", "pnm");
  sink.count("descriptors", core_->debug_register(regs::PnmRegs::kHeadOffset), "descriptors",
             "Descriptors completed since the last queue reset.");
  sink.count("macs", macs_, "macs", "Multiply-adds of completed descriptors.");
  sink.amount("mac_energy_pj", static_cast<double>(macs_) * config_.mac_pj, "pJ",
              "Energy of the multiply-adds.");
  sink.count("read_bytes", counters.read_beats * kBeatBytes, "bytes",
             "Bytes read over the memory port, descriptors included.");
  sink.count("write_bytes", counters.write_beats * kBeatBytes, "bytes",
             "Bytes written over the memory port, records included, as whole beats.");
  sink.count("read_bursts", counters.read_bursts, "requests", "AXI read bursts.");
  sink.count("register_reads", register_reads_, "requests", "Reads of registers.");
  sink.count("register_writes", register_writes_, "requests", "Writes of registers.");
}

std::unique_ptr<PnmUnit> make_pnm_rtl(const sc_core::sc_module_name& name, const PnmConfig& config) {
  return std::make_unique<PnmRtl>(name, config);
}

}  // namespace memwall::pnm
