// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include "common/error.h"
#include "common/register_tlm.h"
#include "common/sc_time.h"
#include "engine/access_pool.h"
#include "engine/checks.h"
#include "engine/command_queue.h"
#include "engine/queue_server.h"
#include "engine/tlm_access.h"
#include "pnm/cycle_model.h"
#include "pnm/decode_core.h"
#include "pnm/pnm_unit.h"
#include "regs/pnm_regs.h"

namespace memwall::pnm {
namespace {

using Regs = regs::PnmRegs;

engine::EngineRules rules_of() {
  using desc::Opcode;
  engine::EngineRules rules;
  rules.opcodes = engine::opcode_bit(Opcode::kNop) | engine::opcode_bit(Opcode::kMatvec) |
                  engine::opcode_bit(Opcode::kAttention);
  rules.max_elements = 1u << 24;
  rules.max_matvec_k = Regs::kCapsKReset;
  rules.max_head_dim = (Regs::kCapsReset & Regs::kCapsMaxHeadDimMask) >> Regs::kCapsMaxHeadDimShift;
  rules.max_batch = 1;
  rules.max_heads = (Regs::kCapsReset & Regs::kCapsMaxHeadsMask) >> Regs::kCapsMaxHeadsShift;
  rules.max_scores = Regs::kCapsScoresReset;
  return rules;
}

/// Transaction-level model: DecodeCore behind the queue that all engines share.
class PnmTlm final : public PnmUnit, private engine::MemoryPort {
 public:
  SC_HAS_PROCESS(PnmTlm);

  PnmTlm(const sc_core::sc_module_name& module_name, const PnmConfig& config)
      : PnmUnit(module_name),
        config_(config),
        registers_(*this),
        queue_registers_(registers_),
        queue_(queue_registers_),
        server_(
            queue_, *this, rules_of(), {config.clock_period_ps, cycles(model_.check)},
            [this](const desc::ComputeDescriptor& d, std::uint32_t) {
              const bool nop = static_cast<desc::Opcode>(d.opcode) == desc::Opcode::kNop;
              return nop ? engine::Outcome{} : core_.run(d, config_.functional);
            },
            [this] { changed(); }),
        port_(*this),
        core_(port_, model_, config.clock_period_ps) {
    if (config.clock_period_ps == 0) throw ConfigError("pnm", "clock_period_ps must be positive");
    if (config.memory_bytes == 0) throw ConfigError("pnm", "memory_bytes must be positive");
    using Transport = void (PnmUnit::*)(tlm::tlm_generic_payload&, sc_core::sc_time&);
    using Debug = unsigned (PnmUnit::*)(tlm::tlm_generic_payload&);
    ctrl_tsock.register_b_transport(this, static_cast<Transport>(&PnmTlm::serve_ctrl));
    ctrl_tsock.register_transport_dbg(this, static_cast<Debug>(&PnmTlm::debug_ctrl));
    SC_THREAD(run);
    SC_METHOD(drive_irq);
    sensitive << irq_changed_;
  }

  void report(StatSink& sink) const override;
  std::uint64_t busy_cycles() const override { return busy_ps(now()) / config_.clock_period_ps; }

 private:
  /// The generated bank; its hooks ring the queue.
  class Registers final : public Regs {
   public:
    explicit Registers(PnmTlm& owner) : owner_(owner) {}

   protected:
    void on_write_tail(std::uint32_t) override {
      owner_.queue_.on_tail_written(owner_.access_time_);
      owner_.server_.doorbell();
    }
    void on_write_control(std::uint32_t) override {
      owner_.queue_.on_control_written(owner_.access_time_);
      owner_.server_.doorbell();
    }
    void on_write_irq_status(std::uint32_t) override { owner_.irq_changed_.notify(sc_core::SC_ZERO_TIME); }
    void on_write_irq_enable(std::uint32_t) override { owner_.irq_changed_.notify(sc_core::SC_ZERO_TIME); }

   private:
    PnmTlm& owner_;
  };

  void serve_ctrl(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    access_time_ = now() + to_ps(delay);
    update_counters(now());
    delay += to_sc(config_.register_access_ps);
    serve_registers(registers_, payload);
  }
  unsigned debug_ctrl(tlm::tlm_generic_payload& payload) { return debug_registers(registers_, payload); }
  void run() { server_.run(); }
  void drive_irq() { irq_out.write(queue_.irq()); }

  TimePs cycles(std::uint64_t count) const { return count * config_.clock_period_ps; }
  TimePs busy_ps(TimePs at) const { return busy_ps_ + (busy_ && at > busy_since_ ? at - busy_since_ : 0); }
  void changed();
  void update_counters(TimePs at);

  engine::AccessResult access(bool is_write, std::uint64_t address, void* data, std::uint32_t bytes,
                              TimePs at) override;
  engine::AccessResult access_once(bool is_write, std::uint64_t address, void* data, std::uint32_t bytes,
                                   TimePs at);
  static TimePs now() { return to_ps(sc_core::sc_time_stamp()); }
  static void wait_until(TimePs when) {
    if (when > now()) sc_core::wait(to_sc(when - now()));
  }

  /// The core's bursts and result beats in flight.
  class Port final : public CorePort {
   public:
    explicit Port(MemoryPort& memory) : pool_(memory) {}
    void submit(const engine::AccessRequest& request, engine::AccessClient& client,
                std::uint64_t cookie) override {
      pool_.submit(request, client, cookie);
    }
    std::uint32_t cancel(const engine::AccessClient& client, TimePs from) override {
      return pool_.cancel(client, from);
    }
    void wait_for_progress() override { pool_.wait_for_progress(); }
    void progress() override { pool_.progress(); }
    TimePs now() const override { return PnmTlm::now(); }
    void wait_until(TimePs when) override { PnmTlm::wait_until(when); }

   private:
    engine::AccessPool pool_;
  };

  PnmConfig config_;
  CycleModel model_;
  Registers registers_;
  engine::BankQueueRegisters<Regs> queue_registers_;
  engine::CommandQueue queue_;
  engine::QueueServer server_;
  Port port_;
  DecodeCore core_;
  sc_core::sc_event irq_changed_;
  TimePs access_time_ = 0;  ///< of the register access being served, in its initiator's time
  bool busy_ = false;
  TimePs busy_since_ = 0, busy_ps_ = 0;
  std::uint64_t read_beats_ = 0, write_beats_ = 0;
};

engine::AccessResult PnmTlm::access_once(bool is_write, std::uint64_t address, void* data,
                                         std::uint32_t bytes, TimePs at) {
  const std::uint64_t offset = address - config_.memory_base;
  if (address < config_.memory_base || offset > config_.memory_bytes ||
      bytes > config_.memory_bytes - offset) {
    return {{engine::Status::kBusError, address}, at};
  }
  return engine::tlm_access(mem_isock, is_write, offset, data, bytes, at, address);
}

engine::AccessResult PnmTlm::access(bool is_write, std::uint64_t address, void* data, std::uint32_t bytes,
                                    TimePs at) {
  at = std::max(at, now());
  (is_write ? write_beats_ : read_beats_) += (bytes + CycleModel::kBeatBytes - 1) / CycleModel::kBeatBytes;
  engine::AccessResult result = access_once(is_write, address, data, bytes, at);
  if (result.outcome.ok() || bytes <= CycleModel::kBeatBytes) return result;
  // The bus answers beat by beat: find the first beat that fails.
  result.outcome = {};
  for (std::uint32_t done = 0; done < bytes && result.outcome.ok(); done += CycleModel::kBeatBytes) {
    auto* const to = data == nullptr ? nullptr : static_cast<std::uint8_t*>(data) + done;
    wait_until(result.done);
    result = access_once(is_write, address + done, to, std::min(CycleModel::kBeatBytes, bytes - done),
                         result.done);
  }
  return result;
}

void PnmTlm::changed() {
  const TimePs at = now();
  update_counters(at);
  busy_ps_ = busy_ps(at);
  busy_since_ = at;
  busy_ = queue_.busy();
  irq_changed_.notify(sc_core::SC_ZERO_TIME);
}

void PnmTlm::update_counters(TimePs at) {
  const std::uint64_t busy = busy_ps(at) / config_.clock_period_ps;
  registers_.set_cycles_lo(static_cast<std::uint32_t>(busy));
  registers_.set_cycles_hi(static_cast<std::uint32_t>(busy >> 32));
  registers_.set_read_beats(static_cast<std::uint32_t>(read_beats_));
  registers_.set_write_beats(static_cast<std::uint32_t>(write_beats_));
}

void PnmTlm::report(StatSink& sink) const {
  sink.count("busy_cycles", busy_cycles(), "cycles", "Cycles in which the unit was busy.", "pnm");
  sink.count("lane_busy_cycles", core_.lanes_busy() / config_.clock_period_ps, "cycles",
             "Cycles in which the multiply-add lanes worked.", "pnm");
  sink.count("macs", core_.macs(), "macs", "Multiply-adds.");
  sink.amount("mac_energy_pj", static_cast<double>(core_.macs()) * config_.mac_pj, "pJ",
              "Energy of the multiply-adds.");
  sink.count("read_bytes", read_beats_ * CycleModel::kBeatBytes, "bytes",
             "Bytes read over the memory port, descriptors included.");
  sink.count("write_bytes", write_beats_ * CycleModel::kBeatBytes, "bytes",
             "Bytes written over the memory port, records included, as whole beats.");
  sink.count("stall_memory_ps", core_.waiting_for_data(), "ps", "Time in which the lanes waited for memory.");
  sink.count("stall_compute_ps", core_.waiting_for_room(), "ps",
             "Time in which the reader waited for room in its FIFO.");
  server_.report(sink);
}

}  // namespace

std::unique_ptr<PnmUnit> make_pnm_tlm(const sc_core::sc_module_name& name, const PnmConfig& config) {
  return std::make_unique<PnmTlm>(name, config);
}

}  // namespace memwall::pnm
