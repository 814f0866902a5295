// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <vector>

#include "common/error.h"
#include "common/register_tlm.h"
#include "common/sc_time.h"
#include "engine/checks.h"
#include "engine/command_queue.h"
#include "engine/queue_server.h"
#include "engine/streamer.h"
#include "engine/tlm_access.h"
#include "pnm/cycle_model.h"
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

/// Transaction-level model: the functional core is engine::Streamer on the numerics kernels, time comes from
/// CycleModel and from what the memory delivers.
class PnmTlm final : public PnmUnit, private engine::StreamBackend {
 public:
  SC_HAS_PROCESS(PnmTlm);

  PnmTlm(const sc_core::sc_module_name& module_name, const PnmConfig& config)
      : PnmUnit(module_name),
        config_(config),
        registers_(*this),
        queue_registers_(registers_),
        queue_(queue_registers_),
        server_(
            queue_, *this, rules_of(), {config.clock_period_ps, cycles(model_.decode_cycles)},
            [this](const desc::ComputeDescriptor& d, std::uint32_t) { return execute(d); },
            [this] { changed(); }),
        streamer_(*this) {
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
    void on_write_tail(std::uint32_t) override { owner_.server_.doorbell(); }
    void on_write_control(std::uint32_t) override {
      owner_.queue_.on_control_written();
      owner_.server_.doorbell();
    }
    void on_write_irq_status(std::uint32_t) override { owner_.irq_changed_.notify(sc_core::SC_ZERO_TIME); }
    void on_write_irq_enable(std::uint32_t) override { owner_.irq_changed_.notify(sc_core::SC_ZERO_TIME); }

   private:
    PnmTlm& owner_;
  };

  void serve_ctrl(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    update_counters(now() + to_ps(delay));
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
  engine::Outcome execute(const desc::ComputeDescriptor& descriptor);

  engine::AccessResult access(bool is_write, std::uint64_t address, void* data, std::uint32_t bytes,
                              TimePs at) override;
  TimePs now() const override { return to_ps(sc_core::sc_time_stamp()); }
  void wait_until(TimePs when) override {
    if (when > now()) sc_core::wait(to_sc(when - now()));
  }
  engine::Span work(const engine::TileWork& work, TimePs earliest) override;
  /// The tile buffer takes a beat per cycle, which the port has already accounted for.
  TimePs landed(std::uint64_t, TimePs, TimePs done) override { return done; }
  engine::Span softmax(std::uint32_t heads, std::uint32_t tokens, TimePs earliest) override {
    const TimePs duration = cycles(model_.softmax(heads, tokens));
    const TimePs begin = lanes_.take(earliest, duration);
    return {begin, begin + duration};
  }

  PnmConfig config_;
  CycleModel model_;
  Registers registers_;
  engine::BankQueueRegisters<Regs> queue_registers_;
  engine::CommandQueue queue_;
  engine::QueueServer server_;
  engine::Streamer streamer_;
  engine::Timeline lanes_, port_;
  sc_core::sc_event irq_changed_;
  std::vector<std::uint8_t> tiles_[2];
  std::vector<float> scores_;
  bool busy_ = false;
  TimePs busy_since_ = 0, busy_ps_ = 0;
  std::uint64_t macs_ = 0, read_beats_ = 0, write_beats_ = 0;
};

engine::AccessResult PnmTlm::access(bool is_write, std::uint64_t address, void* data, std::uint32_t bytes,
                                    TimePs at) {
  at = std::max(at, now());
  const std::uint64_t offset = address - config_.memory_base;
  if (address < config_.memory_base || offset > config_.memory_bytes ||
      bytes > config_.memory_bytes - offset) {
    return {{engine::Status::kBusError, address}, at};
  }
  const std::uint64_t beats = CycleModel::beats(bytes);
  (is_write ? write_beats_ : read_beats_) += beats;
  const TimePs transfer = cycles(beats);
  const TimePs begin = port_.take(at, transfer);
  engine::AccessResult result = engine::tlm_access(mem_isock, is_write, offset, data, bytes, begin, address);
  result.done = std::max(result.done, begin + transfer);
  return result;
}

engine::Span PnmTlm::work(const engine::TileWork& work, TimePs earliest) {
  const TimePs duration = cycles(model_.tile(work));
  const TimePs begin = lanes_.take(earliest, duration);
  macs_ += work.macs();
  return {begin, begin + duration};
}

engine::Outcome PnmTlm::execute(const desc::ComputeDescriptor& d) {
  const auto opcode = static_cast<desc::Opcode>(d.opcode);
  if (opcode == desc::Opcode::kNop) return {};
  const std::uint64_t row_bytes = engine::tile_row_bytes(static_cast<desc::Format>(d.format), d.k);
  engine::StreamShape shape;
  shape.tile_rows = CycleModel::tile_rows(row_bytes);
  shape.chunk_bytes = CycleModel::kBurstBytes;
  shape.boundary_bytes = CycleModel::kBoundaryBytes;
  shape.scales_with_rows = true;
  shape.outstanding = CycleModel::kOutstanding;
  if (config_.functional) {
    for (unsigned i = 0; i < 2; ++i) {
      tiles_[i].resize(std::max<std::size_t>(tiles_[i].size(), shape.tile_rows * row_bytes));
      shape.tiles[i] = tiles_[i].data();
    }
    if (opcode == desc::Opcode::kAttention) {
      scores_.resize(std::max<std::size_t>(scores_.size(), std::size_t{d.m} * d.n));
      shape.scores = scores_.data();
    }
  }
  return opcode == desc::Opcode::kMatvec ? streamer_.matvec(d, shape) : streamer_.attention(d, shape);
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
  sink.count("lane_busy_cycles", lanes_.busy() / config_.clock_period_ps, "cycles",
             "Cycles in which the multiply-add lanes or the softmax path worked.", "pnm");
  sink.count("macs", macs_, "macs", "Multiply-adds.");
  sink.count("read_bytes", read_beats_ * CycleModel::kBeatBytes, "bytes", "Bytes read over the memory port.");
  sink.count("write_bytes", write_beats_ * CycleModel::kBeatBytes, "bytes",
             "Bytes written over the memory port.");
  sink.count("stall_memory_ps", streamer_.waiting_for_load(), "ps",
             "Time in which the lanes waited for memory.");
  sink.count("stall_compute_ps", streamer_.waiting_for_work(), "ps",
             "Time in which the memory port waited for a free buffer.");
  server_.report(sink);
}

}  // namespace

std::unique_ptr<PnmUnit> make_pnm_tlm(const sc_core::sc_module_name& name, const PnmConfig& config) {
  return std::make_unique<PnmTlm>(name, config);
}

}  // namespace memwall::pnm
