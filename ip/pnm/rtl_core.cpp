// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "pnm/rtl_core.h"

#include <verilated.h>
#include <verilated_fst_c.h>

#include <array>
#include <cstring>
#include <deque>
#include <utility>

#include "Vpnm_decode.h"
#include "common/error.h"

namespace memwall::pnm {
namespace {

constexpr unsigned kRegisterTimeoutCycles = 64;
constexpr std::uint64_t kPageBytes = 4096;

std::string hex(std::uint64_t value) {
  char text[19];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

/// Thrown out of an evaluation by vl_stop below.
struct AssertionFailed {
  std::string where;
};

}  // namespace

struct RtlCore::State {
  State(std::string name, TimePs clock_period, RtlMemory& mem)
      : place(std::move(name)), period(clock_period), memory(mem), dut(&context) {}

  std::string place;
  TimePs period;
  RtlMemory& memory;
  VerilatedContext context;
  Vpnm_decode dut;
  std::unique_ptr<VerilatedFstC> trace;
  TimePs now = 0;
  Counters counters;
  std::deque<ReadBurst> reads;                // asked for, not all beats given
  std::uint32_t next_beat = 0;                // of the oldest
  std::deque<std::uint64_t> write_addresses;  // AW taken, W not yet
  std::deque<WriteBeat> writes;               // W taken, response not given

  [[noreturn]] void violation(std::uint64_t address, const std::string& what) const {
    throw ModelError("contract", place,
                     "AXI memory port: " + what + ", address " + hex(address) + ", cycle " +
                         std::to_string(counters.cycles));
  }

  void accept_read() {
    const std::uint64_t address = dut.mem_ar_addr_o;
    const std::uint32_t beats = dut.mem_ar_len_o + 1u;
    if (dut.mem_ar_size_o != 5 || dut.mem_ar_burst_o != 1)
      violation(address, "not an INCR burst of 32-byte beats");
    if (beats > kMaxBurstBeats) violation(address, "read burst of " + std::to_string(beats) + " beats");
    if (address % kBeatBytes != 0) violation(address, "unaligned read burst");
    if (address % kPageBytes + std::uint64_t{beats} * kBeatBytes > kPageBytes) {
      violation(address, "read burst crosses a 4 KiB boundary");
    }
    reads.emplace_back();
    ReadBurst& burst = reads.back();
    burst.address = address;
    burst.beats = beats;
    burst.at = now;
    ++counters.read_bursts;
    counters.read_beats += beats;
    memory.read(burst);
  }

  void accept_write() {
    writes.emplace_back();
    WriteBeat& beat = writes.back();
    beat.address = write_addresses.front();
    write_addresses.pop_front();
    for (unsigned i = 0; i < kBeatBytes / 4; ++i) {
      const std::uint32_t word = dut.mem_w_data_o[i];
      std::memcpy(&beat.data[4 * i], &word, 4);
    }
    beat.strobes = dut.mem_w_strb_o;
    beat.at = now;
    ++counters.write_beats;
    memory.write(beat);
  }

  // A response comes a cycle after its request at the earliest.
  bool awaits_answer() const {
    return (!reads.empty() && !reads.front().answered && reads.front().at < now) ||
           (!writes.empty() && !writes.front().answered && writes.front().at < now);
  }

  /// Drives the responses that are due at this edge.
  void drive_responses() {
    dut.mem_r_valid_i = 0;
    if (!reads.empty()) {
      const ReadBurst& burst = reads.front();
      if (burst.answered && burst.done <= now && burst.at < now) {
        dut.mem_r_valid_i = 1;
        for (unsigned i = 0; i < kBeatBytes / 4; ++i) {
          std::memcpy(&dut.mem_r_data_i[i], &burst.data[next_beat * kBeatBytes + 4 * i], 4);
        }
        dut.mem_r_resp_i = static_cast<std::uint8_t>(burst.responses[next_beat]);
        dut.mem_r_last_i = ++next_beat == burst.beats;
        if (dut.mem_r_last_i) {
          reads.pop_front();
          next_beat = 0;
        }
      } else {
        ++counters.read_stall_cycles;
      }
    }
    dut.mem_b_valid_i = 0;
    if (!writes.empty()) {
      const WriteBeat& beat = writes.front();
      if (beat.answered && beat.done <= now && beat.at < now) {
        dut.mem_b_valid_i = 1;
        dut.mem_b_resp_i = static_cast<std::uint8_t>(beat.response);
        writes.pop_front();
      }
    }
  }

  void edge() {
    context.time(now);
    try {
      dut.clk_i = 1;
      dut.eval();
      if (trace) trace->dump(now);
      dut.clk_i = 0;
      dut.eval();
      if (trace) trace->dump(now + period / 2);
    } catch (const AssertionFailed& failed) {
      throw ModelError(
          "contract", place,
          "RTL assertion failed at " + failed.where + ", cycle " + std::to_string(counters.cycles));
    }
    now += period;
    ++counters.cycles;
  }

  /// All outputs are registered, so what is valid now is what the edge at `now` transfers.
  void accept_requests() {
    if (dut.mem_ar_valid_o) accept_read();
    if (dut.mem_aw_valid_o) {
      if (dut.mem_aw_len_o != 0 || dut.mem_aw_size_o != 5 || dut.mem_aw_addr_o % kBeatBytes != 0) {
        violation(dut.mem_aw_addr_o, "write is not one aligned 32-byte beat");
      }
      write_addresses.push_back(dut.mem_aw_addr_o);
    }
    if (dut.mem_w_valid_o) {
      if (write_addresses.empty()) violation(0, "write data ahead of its address");
      if (!dut.mem_w_last_o) violation(write_addresses.front(), "WLAST missing");
      accept_write();
    }
  }

  void step() {
    if (awaits_answer()) memory.await_answer(now);
    drive_responses();
    edge();
    accept_requests();  // before their edge, so that memory hears of them in time
  }
};

RtlCore::RtlCore(std::string place, TimePs clock_period_ps, RtlMemory& memory,
                 const std::string& trace_file) {
  if (clock_period_ps == 0) throw ConfigError(place, "the clock period must not be 0");
  state_ = std::make_unique<State>(std::move(place), clock_period_ps, memory);
  State& s = *state_;
  if (!trace_file.empty()) {
    s.context.traceEverOn(true);
    s.trace = std::make_unique<VerilatedFstC>();
    s.dut.trace(s.trace.get(), 99);
    s.trace->set_time_unit("1ps");
    s.trace->set_time_resolution("1ps");
    s.trace->open(trace_file.c_str());
    if (!s.trace->isOpen()) throw ConfigError(trace_file, "cannot be written");
  }
  s.dut.mem_ar_ready_i = 1;
  s.dut.mem_aw_ready_i = 1;
  s.dut.mem_w_ready_i = 1;
  s.dut.csr_b_ready_i = 1;
  s.dut.csr_r_ready_i = 1;
  s.dut.csr_w_strb_i = 0xf;
  // A pulse on the asynchronous reset; the clock has not started yet.
  s.dut.rst_ni = 1;
  s.dut.eval();
  s.dut.rst_ni = 0;
  s.dut.eval();
  s.dut.rst_ni = 1;
  s.dut.eval();
}

RtlCore::~RtlCore() {
  // The model's destructor uses the thread's current context, which may belong to a unit that is gone
  // already.
  Verilated::threadContextp(&state_->context);
  state_->dut.final();
  if (state_->trace) state_->trace->close();
  state_.reset();
  Verilated::threadContextp(Verilated::defaultContextp());
}

void RtlCore::step() { state_->step(); }

bool RtlCore::awaits_answer() const { return state_->awaits_answer(); }

bool RtlCore::active() const {
  return state_->dut.active_o || !state_->reads.empty() || !state_->writes.empty();
}

TimePs RtlCore::now() const { return state_->now; }

void RtlCore::skip_to(TimePs time) {
  if (time <= state_->now) return;
  const TimePs cycles = (time - state_->now + state_->period - 1) / state_->period;
  state_->now += cycles * state_->period;
}

bool RtlCore::read_register(std::uint32_t offset, std::uint32_t& value) {
  State& s = *state_;
  s.dut.csr_ar_valid_i = 1;
  s.dut.csr_ar_addr_i = static_cast<std::uint16_t>(offset & 0xfffu);
  bool accepted = false;
  for (unsigned i = 0; i < kRegisterTimeoutCycles; ++i) {
    const bool transfer = !accepted && s.dut.csr_ar_ready_o;
    s.step();
    if (transfer) {
      s.dut.csr_ar_valid_i = 0;
      accepted = true;
    }
    if (accepted && s.dut.csr_r_valid_o) {
      value = s.dut.csr_r_data_o;
      const bool ok = s.dut.csr_r_resp_o == static_cast<std::uint8_t>(AxiResponse::kOkay);
      s.step();  // takes the response
      return ok;
    }
  }
  throw ModelError("contract", s.place, "no answer to a read of register offset " + hex(offset));
}

bool RtlCore::write_register(std::uint32_t offset, std::uint32_t value) {
  State& s = *state_;
  s.dut.csr_aw_valid_i = 1;
  s.dut.csr_aw_addr_i = static_cast<std::uint16_t>(offset & 0xfffu);
  s.dut.csr_w_valid_i = 1;
  s.dut.csr_w_data_i = value;
  s.dut.eval();  // the ready signals depend on the valid ones
  bool accepted = false;
  for (unsigned i = 0; i < kRegisterTimeoutCycles; ++i) {
    const bool transfer = !accepted && s.dut.csr_aw_ready_o && s.dut.csr_w_ready_o;
    s.step();
    if (transfer) {
      s.dut.csr_aw_valid_i = 0;
      s.dut.csr_w_valid_i = 0;
      accepted = true;
    }
    if (accepted && s.dut.csr_b_valid_o) {
      const bool ok = s.dut.csr_b_resp_o == static_cast<std::uint8_t>(AxiResponse::kOkay);
      s.step();  // takes the response
      return ok;
    }
  }
  throw ModelError("contract", s.place, "no answer to a write of register offset " + hex(offset));
}

std::uint32_t RtlCore::debug_register(std::uint32_t offset) const {
  Vpnm_decode& dut = state_->dut;
  if (offset > 0xfffu) return 0;
  dut.debug_i = 1;
  dut.debug_addr_i = static_cast<std::uint16_t>(offset);
  dut.eval();
  const std::uint32_t value = dut.debug_data_o;
  dut.debug_i = 0;
  dut.eval();
  return value;
}

bool RtlCore::irq() const { return state_->dut.irq_o; }

const RtlCore::Counters& RtlCore::counters() const { return state_->counters; }

}  // namespace memwall::pnm

// Called by an assertion that fails in the RTL, in place of Verilator's own, which aborts.
void vl_stop(const char* filename, int linenum, const char*) {
  throw memwall::pnm::AssertionFailed{std::string(filename) + ':' + std::to_string(linenum)};
}
