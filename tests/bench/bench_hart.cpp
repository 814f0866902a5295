// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
// Host speed of the hart on compiled code (sieve, matrix product, sorting), in millions of instructions per
// second of host CPU time, by quantum: of the functional core alone, and in SystemC with a memory behind TLM
// that grants direct access. Reported, never a pass/fail.
#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <tlm_utils/simple_target_socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <ctime>
#include <systemc>
#include <vector>

#include "hart/hart.h"
#include "hart/hart_module.h"
#include "loader/elf/elf.h"

namespace memwall::hart {
namespace {

constexpr std::uint64_t kBase = 0x80000000;
constexpr std::uint64_t kBytes = 1 << 20;

std::vector<std::uint8_t> program() {
  const loader::ElfImage image = loader::load_elf(HART_BENCH_PROGRAM);
  std::vector<std::uint8_t> ram(kBytes);
  for (const loader::ElfSegment& s : image.segments) {
    std::memcpy(&ram.at(s.paddr - kBase), s.bytes.data(), s.bytes.size());
  }
  return ram;
}

class RamBus : public Bus {
 public:
  std::vector<std::uint8_t> ram = program();
  BusResult fetch(std::uint64_t, void*, unsigned) override { return {false, 0}; }
  BusResult load(std::uint64_t, void*, unsigned) override { return {false, 0}; }
  BusResult store(std::uint64_t, const void*, unsigned) override { return {false, 0}; }
  DirectRegion dmi(std::uint64_t) override { return {kBase, kBytes, ram.data()}; }
};

void core(benchmark::State& state) {
  RamBus bus;
  Hart hart({}, bus);
  const auto quantum = static_cast<std::uint64_t>(state.range(0));
  hart.run(1'000'000);
  const std::uint64_t before = hart.instructions();
  for (auto _ : state) hart.run_cycles(quantum);
  state.counters["MIPS"] = benchmark::Counter(static_cast<double>(hart.instructions() - before) / 1e6,
                                              benchmark::Counter::kIsRate);
  state.SetLabel("target >= 150 MIPS");
}
BENCHMARK(core)->Arg(100)->Arg(1'000)->Arg(10'000)->Arg(100'000);

class Memory : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<Memory> tsock{"tsock"};
  std::vector<std::uint8_t> ram = program();
  explicit Memory(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
    tsock.register_b_transport(this, &Memory::b_transport);
    tsock.register_get_direct_mem_ptr(this, &Memory::direct);
  }

 private:
  void b_transport(tlm::tlm_generic_payload& p, sc_core::sc_time&) {
    std::uint8_t* at = &ram.at(p.get_address() - kBase);
    if (p.is_read()) std::memcpy(p.get_data_ptr(), at, p.get_data_length());
    if (p.is_write()) std::memcpy(at, p.get_data_ptr(), p.get_data_length());
    p.set_dmi_allowed(true);
    p.set_response_status(tlm::TLM_OK_RESPONSE);
  }
  bool direct(tlm::tlm_generic_payload&, tlm::tlm_dmi& dmi) {
    dmi.set_dmi_ptr(ram.data());
    dmi.set_start_address(kBase);
    dmi.set_end_address(kBase + kBytes - 1);
    dmi.allow_read_write();
    return true;
  }
};

struct Measured {
  double instructions = 0;
  double seconds = 0;
};

/// In a process of its own, because the SystemC kernel is global: `ms` simulated milliseconds.
Measured simulate(std::uint64_t quantum_cycles, unsigned ms) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    HartModule::Config config;
    config.reset_pc = kBase;
    config.quantum_ps = quantum_cycles * config.clock_period_ps;
    HartModule module("hart", config);
    Memory memory("memory");
    sc_core::sc_signal<bool> off;
    module.bus_isock.bind(memory.tsock);
    module.msip_in(off);
    module.mtip_in(off);
    module.meip_in(off);
    sc_core::sc_start(1, sc_core::SC_MS);
    const std::uint64_t before = module.hart().instructions();
    const std::clock_t start = std::clock();
    sc_core::sc_start(sc_core::sc_time(ms, sc_core::SC_MS));
    Measured m;
    m.seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    m.instructions = static_cast<double>(module.hart().instructions() - before);
    const ssize_t written = write(ends[1], &m, sizeof m);
    _exit(written == sizeof m ? 0 : 1);
  }
  Measured m;
  const ssize_t got = read(ends[0], &m, sizeof m);
  close(ends[0]);
  close(ends[1]);
  waitpid(child, nullptr, 0);
  return got == sizeof m ? m : Measured{};
}

void systemc(benchmark::State& state) {
  double instructions = 0;
  for (auto _ : state) {
    const Measured m = simulate(static_cast<std::uint64_t>(state.range(0)), 200);
    state.SetIterationTime(m.seconds);
    instructions += m.instructions;
  }
  state.counters["MIPS"] = benchmark::Counter(instructions / 1e6, benchmark::Counter::kIsRate);
  state.SetLabel("target >= 150 MIPS");
}
BENCHMARK(systemc)->Arg(100)->Arg(1'000)->Arg(10'000)->Arg(100'000)->UseManualTime()->Iterations(2);

}  // namespace
}  // namespace memwall::hart

int sc_main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  benchmark::Initialize(&argc, arguments.data());
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
