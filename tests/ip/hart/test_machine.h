// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// A hart with 1 MiB of RAM at 0x80000000 and one device register, for tests.
#pragma once

#include <cstring>
#include <functional>
#include <initializer_list>
#include <vector>

#include "asm.h"
#include "hart/hart.h"

namespace memwall::hart {

constexpr std::uint64_t kRamBase = 0x80000000;
constexpr std::uint64_t kRamBytes = 1 << 20;
constexpr std::uint64_t kData = kRamBase + 0x10000;
constexpr std::uint64_t kHandler = kRamBase + 0x8000;
constexpr std::uint64_t kDevice = 0x40000000;

class TestBus : public Bus {
 public:
  std::vector<std::uint8_t> ram = std::vector<std::uint8_t>(kRamBytes);
  bool allow_direct = true;
  std::uint64_t ram_latency = 0;
  std::uint64_t device_latency = 7;
  std::uint64_t device_value = 0;
  unsigned bus_loads = 0, bus_stores = 0, fetches = 0;
  std::function<void()> on_device_store;

  std::uint8_t* at(std::uint64_t address, std::uint64_t bytes) {
    if (address < kRamBase || address - kRamBase > kRamBytes || bytes > kRamBytes - (address - kRamBase))
      return nullptr;
    return ram.data() + (address - kRamBase);
  }
  BusResult fetch(std::uint64_t address, void* out, unsigned bytes) override {
    ++fetches;
    const std::uint8_t* p = at(address, bytes);
    if (p != nullptr) std::memcpy(out, p, bytes);
    return {p != nullptr, ram_latency};
  }
  BusResult load(std::uint64_t address, void* out, unsigned bytes) override {
    ++bus_loads;
    if (address == kDevice) {
      std::memcpy(out, &device_value, bytes);
      return {true, device_latency};
    }
    const std::uint8_t* p = at(address, bytes);
    if (p != nullptr) std::memcpy(out, p, bytes);
    return {p != nullptr, ram_latency};
  }
  BusResult store(std::uint64_t address, const void* in, unsigned bytes) override {
    ++bus_stores;
    if (address == kDevice) {
      device_value = 0;
      std::memcpy(&device_value, in, bytes);
      if (on_device_store) on_device_store();
      return {true, device_latency};
    }
    std::uint8_t* p = at(address, bytes);
    if (p != nullptr) std::memcpy(p, in, bytes);
    return {p != nullptr, ram_latency};
  }
  DirectRegion dmi(std::uint64_t address) override {
    if (!allow_direct || at(address, 1) == nullptr) return {};
    return {kRamBase, kRamBytes, ram.data()};
  }
};

struct TestMachine {
  TestBus bus;
  Hart hart;

  explicit TestMachine(const Hart::Config& config = {}) : hart(config, bus) {
    hart.write_csr(rv::mtvec, kHandler);
    hart.write_csr(rv::mstatus, kMstatusFs);
  }
  void put(std::uint64_t address, std::initializer_list<rv::Word> code) {
    for (rv::Word w : code) {
      std::memcpy(bus.at(address, 4), &w, 4);
      address += 4;
    }
    hart.flush_code();
  }
  void put_half(std::uint64_t address, std::uint16_t half) { std::memcpy(bus.at(address, 2), &half, 2); }
  std::uint64_t peek(std::uint64_t address) {
    std::uint64_t value;
    std::memcpy(&value, bus.at(address, 8), 8);
    return value;
  }
  void poke(std::uint64_t address, std::uint64_t value) { std::memcpy(bus.at(address, 8), &value, 8); }
  /// Loads `code` at the reset address and runs all of it.
  StopReason run(std::initializer_list<rv::Word> code) {
    put(kRamBase, code);
    hart.set_pc(kRamBase);
    return hart.run(code.size());
  }
  /// The result of one register-register instruction.
  std::uint64_t compute(rv::Word instruction, std::uint64_t rs1, std::uint64_t rs2) {
    hart.set_x(rv::a1, rs1);
    hart.set_x(rv::a2, rs2);
    run({instruction});
    return hart.x(rv::a0);
  }
};

}  // namespace memwall::hart
