// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "accel/accel.h"

#include <algorithm>
#include <cstring>

#include "accel/datapath.h"
#include "accel/vector_ops.h"
#include "common/error.h"
#include "common/register_tlm.h"
#include "common/sc_time.h"
#include "common/tlm_traffic.h"
#include "engine/access_pool.h"
#include "engine/checks.h"
#include "engine/command_queue.h"
#include "engine/queue_server.h"
#include "engine/streamer.h"
#include "engine/tlm_access.h"
#include "regs/accel_regs.h"

namespace memwall::accel {
namespace {

constexpr unsigned kQueues = 2;

engine::EngineRules rules_of(const Config& config) {
  engine::EngineRules rules;
  rules.opcodes = 0x7ff;
  rules.vector_alignment = 4;
  rules.has_scratchpad = true;
  rules.sram_base = config.sram_base;
  rules.sram_bytes = config.sram_bytes;
  return rules;
}

void require(bool ok, const char* what) {
  if (!ok) throw ConfigError("accel", what);
}

void check_config(const Config& config) {
  require(config.clock_period_ps > 0, "clock_period_ps must be positive");
  require(config.macs_per_cycle > 0, "macs_per_cycle must be positive");
  require(config.vector_lanes > 0, "vector_lanes must be positive");
  require(config.sram_bytes > 0 && config.sram_bytes <= 0xffffffffu && config.sram_bytes % 32 == 0,
          "sram_bytes must be a positive multiple of 32 below 4 GiB");
  require(config.sram_base % 32 == 0, "sram_base must be a multiple of 32");
  require(config.sram_bytes_per_cycle > 0, "sram_bytes_per_cycle must be positive");
  require(config.dma_chunk_bytes >= 32, "dma_chunk_bytes must be at least 32");
  require(config.dma_outstanding > 0, "dma_outstanding must be positive");
  require(config.copy_buffer_bytes >= 32, "copy_buffer_bytes must be at least 32");
}

}  // namespace

class AccelModule::Impl {
 public:
  Impl(AccelModule& module, const Config& config)
      : config_(config),
        module_(module),
        datapath_(config),
        registers_(*this),
        channels_{{*this, 0}, {*this, 1}} {
    registers_.set_sram_bytes(static_cast<std::uint32_t>(config.sram_bytes));
  }

  void serve_registers(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    access_time_ = to_ps(sc_core::sc_time_stamp() + delay);
    update_cycles(to_ps(sc_core::sc_time_stamp()));
    delay += to_sc(config_.register_access_ps);
    memwall::serve_registers(registers_, payload);
  }
  unsigned debug(tlm::tlm_generic_payload& payload) { return debug_registers(registers_, payload); }

  void serve_sram(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  unsigned debug_sram(tlm::tlm_generic_payload& payload);

  void run(unsigned queue) { channels_[queue].server.run(); }
  bool irq() const { return channels_[0].queue.irq() || channels_[1].queue.irq(); }
  const sc_core::sc_event& irq_changed() const { return irq_changed_; }
  void report(StatSink& sink) const;

 private:
  /// The generated bank; its hooks ring the queue concerned.
  class Registers final : public regs::AccelRegs {
   public:
    explicit Registers(Impl& owner) : owner_(owner) {}

   protected:
    void on_write_tail(std::uint32_t index, std::uint32_t) override {
      owner_.channels_[index].queue.on_tail_written(owner_.access_time_);
      owner_.channels_[index].server.doorbell();
    }
    void on_write_control(std::uint32_t index, std::uint32_t) override {
      owner_.channels_[index].queue.on_control_written(owner_.access_time_);
      owner_.channels_[index].server.doorbell();
    }
    void on_write_irq_status(std::uint32_t, std::uint32_t) override { owner_.notify_irq(); }
    void on_write_irq_enable(std::uint32_t, std::uint32_t) override { owner_.notify_irq(); }

   private:
    Impl& owner_;
  };

  /// One queue with its DMA channel.
  class Channel final : public engine::StreamBackend, private engine::MemoryPort {
   public:
    Channel(Impl& owner, std::uint32_t index);

    void submit(const engine::AccessRequest& request, engine::AccessClient& client,
                std::uint64_t cookie) override {
      pool_.submit(request, client, cookie);
    }
    std::uint32_t cancel(const engine::AccessClient& client, TimePs from) override {
      return pool_.cancel(client, from);
    }
    void wait_for_progress() override { pool_.wait_for_progress(); }
    void progress() override { pool_.progress(); }
    TimePs now() const override { return to_ps(sc_core::sc_time_stamp()); }
    void wait_until(TimePs when) override {
      if (when > now()) sc_core::wait(to_sc(when - now()));
    }
    engine::Span work(const engine::TileWork& work, TimePs earliest) override {
      return owner_.datapath_.tile(work, earliest);
    }
    engine::Span softmax(std::uint32_t heads, std::uint32_t tokens, TimePs earliest) override {
      const std::uint64_t scores = std::uint64_t{heads} * tokens;
      return owner_.datapath_.vector(scores * VectorCost::kSoftmax, 4 * scores, 4 * scores, earliest);
    }
    TimePs landing(std::uint64_t bytes, TimePs begin) override {
      return owner_.datapath_.sram_transfer(true, bytes, begin);
    }
    engine::Outcome execute(const desc::ComputeDescriptor& descriptor, std::uint32_t sequence);
    void report(StatSink& sink) const;

    engine::BankQueueRegisters<regs::AccelRegs, std::uint32_t> registers;
    engine::CommandQueue queue;
    engine::QueueServer server;
    engine::Streamer streamer;

   private:
    engine::AccessResult access(bool is_write, std::uint64_t address, void* data, std::uint32_t bytes,
                                TimePs at) override;

    Impl& owner_;
    engine::AccessPool pool_;
    std::uint64_t read_bytes_ = 0, write_bytes_ = 0;
  };

  static engine::QueueServer::Timing timing_of(const Config& config) {
    return {config.clock_period_ps, config.op_latency_cycles * config.clock_period_ps};
  }
  void notify_irq() { irq_changed_.notify(sc_core::SC_ZERO_TIME); }
  /// A queue's busy state changed, or its interrupt.
  void changed();
  void update_cycles(TimePs now);

  Config config_;
  AccelModule& module_;
  Datapath datapath_;
  Registers registers_;
  Channel channels_[kQueues];
  sc_core::sc_event irq_changed_;
  TimePs access_time_ = 0;  ///< of the register access being served, in its initiator's time
  bool busy_ = false;
  TimePs busy_since_ = 0, busy_ps_ = 0;
};

AccelModule::Impl::Channel::Channel(Impl& owner, std::uint32_t index)
    : registers(owner.registers_, index),
      queue(registers),
      server(
          queue, *this, rules_of(owner.config_), timing_of(owner.config_),
          [this](const desc::ComputeDescriptor& d, std::uint32_t sequence) { return execute(d, sequence); },
          [&owner] { owner.changed(); }),
      streamer(*this),
      owner_(owner),
      pool_(*this) {}

engine::AccessResult AccelModule::Impl::Channel::access(bool is_write, std::uint64_t address, void* data,
                                                        std::uint32_t bytes, TimePs at) {
  const Config& config = owner_.config_;
  at = std::max(at, now());
  if (address >= config.sram_base && address - config.sram_base < config.sram_bytes) {
    const std::uint64_t offset = address - config.sram_base;
    if (!owner_.datapath_.sram().contains(offset, bytes)) {
      return {{engine::Status::kBusError, address}, at};
    }
    if (data != nullptr && is_write) std::memmove(owner_.datapath_.sram().at(offset), data, bytes);
    if (data != nullptr && !is_write) std::memmove(data, owner_.datapath_.sram().at(offset), bytes);
    return {{}, owner_.datapath_.sram_transfer(is_write, bytes, at)};
  }
  (is_write ? write_bytes_ : read_bytes_) += bytes;
  return engine::tlm_access(owner_.module_.mem_isock, is_write, address, data, bytes, at, address);
}

engine::Outcome AccelModule::Impl::Channel::execute(const desc::ComputeDescriptor& d,
                                                    std::uint32_t sequence) {
  using desc::Opcode;
  const Config& config = owner_.config_;
  const VectorContext context{config, owner_.datapath_, *this};
  const auto opcode = static_cast<Opcode>(d.opcode);
  switch (opcode) {
    case Opcode::kNop:
      return {};
    case Opcode::kCopy:
    case Opcode::kConvert:
      return run_move(context, d);
    case Opcode::kMatvec:
    case Opcode::kAttention: {
      engine::StreamShape shape;
      shape.tile_rows = d.tile_rows;
      shape.chunk_bytes = config.dma_chunk_bytes;
      shape.outstanding = config.dma_outstanding;
      if (config.functional) {
        std::uint8_t* const work = owner_.datapath_.sram().at(d.work - config.sram_base);
        const std::uint64_t tile =
            d.tile_rows * engine::tile_row_bytes(static_cast<desc::Format>(d.format), d.k);
        shape.tiles[0] = work;
        shape.tiles[1] = work + tile;
        shape.scores = reinterpret_cast<float*>(work + 2 * tile);
      }
      return opcode == Opcode::kMatvec ? streamer.matvec(d, shape) : streamer.attention(d, shape);
    }
    default:
      return run_vector(context, d, sequence);
  }
}

void AccelModule::Impl::Channel::report(StatSink& sink) const {
  server.report(sink);
  sink.count("dma_read_bytes", read_bytes_, "bytes",
             "Bytes read over the chip's network, descriptors included.");
  sink.count("dma_write_bytes", write_bytes_, "bytes",
             "Bytes written over the chip's network, records included.");
  sink.count("tile_memory_ps", streamer.loading(), "ps",
             "Time with a tile load of MATVEC or ATTENTION in flight.");
  sink.count("tile_compute_ps", streamer.working(), "ps",
             "Time in which the matrix engine worked on a tile.");
  sink.count("stall_memory_ps", streamer.waiting_for_load(), "ps",
             "Time in which the matrix engine waited for a tile to arrive.");
  sink.count("stall_compute_ps", streamer.waiting_for_work(), "ps",
             "Time in which tile loads waited for a free tile buffer.");
}

void AccelModule::Impl::changed() {
  const TimePs now = to_ps(sc_core::sc_time_stamp());
  update_cycles(now);
  const bool busy = channels_[0].queue.busy() || channels_[1].queue.busy();
  if (busy && !busy_) busy_since_ = now;
  busy_ = busy;
  notify_irq();
}

void AccelModule::Impl::update_cycles(TimePs now) {
  if (busy_ && now > busy_since_) {
    busy_ps_ += now - busy_since_;
    busy_since_ = now;
  }
  const std::uint64_t cycles = busy_ps_ / config_.clock_period_ps;
  registers_.set_cycles_lo(static_cast<std::uint32_t>(cycles));
  registers_.set_cycles_hi(static_cast<std::uint32_t>(cycles >> 32));
}

void AccelModule::Impl::serve_sram(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  const Access access = access_of(payload);
  const unsigned length = payload.get_data_length();
  if (!access.valid) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    return;
  }
  if (payload.get_byte_enable_ptr() != nullptr) {
    payload.set_response_status(tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
    return;
  }
  if (payload.get_streaming_width() < length) {
    payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
    return;
  }
  if (!datapath_.sram().contains(payload.get_address(), length)) {
    payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  if (access.has_data) {
    std::uint8_t* const at = datapath_.sram().at(payload.get_address());
    if (access.is_write) {
      std::memcpy(at, payload.get_data_ptr(), length);
    } else {
      std::memcpy(payload.get_data_ptr(), at, length);
    }
  }
  const TimePs now = to_ps(sc_core::sc_time_stamp());
  const TimePs done = datapath_.sram_visit(access.is_write, length, now, now + to_ps(delay));
  delay = to_sc(done - now + config_.sram_latency_ps);
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

unsigned AccelModule::Impl::debug_sram(tlm::tlm_generic_payload& payload) {
  const std::uint64_t address = payload.get_address();
  if (address >= config_.sram_bytes) return 0;
  const auto length =
      static_cast<unsigned>(std::min<std::uint64_t>(payload.get_data_length(), config_.sram_bytes - address));
  if (payload.is_read()) {
    std::memcpy(payload.get_data_ptr(), datapath_.sram().at(address), length);
  } else if (payload.is_write()) {
    std::memcpy(datapath_.sram().at(address), payload.get_data_ptr(), length);
  } else {
    return 0;
  }
  return length;
}

void AccelModule::Impl::report(StatSink& sink) const {
  TimePs busy = busy_ps_;
  const TimePs now = to_ps(sc_core::sc_time_stamp());
  if (busy_ && now > busy_since_) busy += now - busy_since_;
  sink.count("busy_cycles", busy / config_.clock_period_ps, "cycles", "Cycles in which any queue was busy.",
             "accel");
  datapath_.report(sink);
  for (unsigned i = 0; i < kQueues; ++i) {
    StatSink child = sink.scope("queue" + std::to_string(i));
    channels_[i].report(child);
  }
}

AccelModule::AccelModule(const sc_core::sc_module_name& name, const Config& config) : sc_module(name) {
  check_config(config);
  impl_ = std::make_unique<Impl>(*this, config);
  ctrl_tsock.register_b_transport(this, &AccelModule::serve_ctrl);
  ctrl_tsock.register_transport_dbg(this, &AccelModule::debug_ctrl);
  sram_tsock.register_b_transport(this, &AccelModule::serve_sram);
  sram_tsock.register_transport_dbg(this, &AccelModule::debug_sram);
  SC_HAS_PROCESS(AccelModule);
  SC_THREAD(serve_queue0);
  SC_THREAD(serve_queue1);
  SC_METHOD(drive_irq);
  sensitive << impl_->irq_changed();
}

AccelModule::~AccelModule() = default;

void AccelModule::serve_ctrl(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  impl_->serve_registers(payload, delay);
}
unsigned AccelModule::debug_ctrl(tlm::tlm_generic_payload& payload) { return impl_->debug(payload); }
void AccelModule::serve_sram(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  impl_->serve_sram(payload, delay);
}
unsigned AccelModule::debug_sram(tlm::tlm_generic_payload& payload) { return impl_->debug_sram(payload); }
void AccelModule::serve_queue0() { impl_->run(0); }
void AccelModule::serve_queue1() { impl_->run(1); }
void AccelModule::drive_irq() { irq_out.write(impl_->irq()); }
void AccelModule::report(StatSink& sink) const { impl_->report(sink); }

}  // namespace memwall::accel
