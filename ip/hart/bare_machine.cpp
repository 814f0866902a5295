// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hart/bare_machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <vector>

#include "common/error.h"
#include "hart/hart.h"
#include "loader/elf/elf.h"

namespace memwall::hart {
namespace {

using U64 = std::uint64_t;

constexpr U64 kRamBase = 0x80000000, kRamBytes = 128u << 20;
constexpr U64 kMaxRam = U64{1} << 30;
constexpr U64 kFinisher = 0x100000, kClint = 0x2000000, kClintBytes = 0x10000, kUart = 0x10000000;
constexpr U64 kMtimecmp = 0x4000, kMtime = 0xbff8;
constexpr U64 kCyclesPerTick = 100;
constexpr U64 kPage = 4096;
constexpr U64 kSysWrite = 64, kSysExit = 93;

struct FreeDeleter {
  void operator()(std::uint8_t* p) const { std::free(p); }
};
struct Ram {
  U64 base, size;
  std::unique_ptr<std::uint8_t[], FreeDeleter> host;  // calloc: untouched pages cost nothing
};

class BareMachine : public Bus {
 public:
  BareMachine(const loader::ElfImage& image, std::ostream& console)
      : image_(image), console_(console), tohost_(image.tohost().value_or(0)), has_tohost_(image.tohost()) {
    // RAM where programs expect it, and wherever the segments are; what touches becomes one piece.
    std::map<U64, U64> pieces{{kRamBase, kRamBase + kRamBytes}};
    for (const loader::ElfSegment& s : image.segments) {
      if (s.paddr + s.memsz > ~kPage)
        throw ConfigError(image.file, fmt::format("segment at {:#x} is not memory", s.paddr));
      U64 first = s.paddr & ~(kPage - 1), last = (s.paddr + s.memsz + kPage - 1) & ~(kPage - 1);
      for (auto it = pieces.begin(); it != pieces.end();) {
        if (it->first > last || it->second < first) {
          ++it;
          continue;
        }
        first = std::min(first, it->first);
        last = std::max(last, it->second);
        it = pieces.erase(it);
      }
      pieces[first] = last;
    }
    U64 total = 0;
    for (const auto& [first, last] : pieces) {
      if (last - first > kMaxRam || (total += last - first) > kMaxRam) {
        throw ConfigError(image.file, "segments need more than 1 GiB of memory");
      }
      add_ram(first, last - first);
    }
    for (const loader::ElfSegment& s : image.segments) poke(s.paddr, s.bytes.data(), s.bytes.size());
  }

  BusResult fetch(U64 address, void* out, unsigned bytes) override { return {peek(address, out, bytes), 0}; }
  BusResult load(U64 address, void* out, unsigned bytes) override {
    if (peek(address, out, bytes)) return {};
    U64 value = 0;
    const bool ok = device_load(address, value);
    std::memcpy(out, &value, bytes);
    return {ok, 0};
  }
  BusResult store(U64 address, const void* in, unsigned bytes) override {
    if (poke(address, in, bytes)) {
      if (has_tohost_ && address <= tohost_ && tohost_ - address < bytes) host_call();
      return {};
    }
    U64 value = 0;
    std::memcpy(&value, in, bytes);
    return {device_store(address, value, bytes), 0};
  }
  DirectRegion dmi(U64 address) override {
    const Ram* ram = ram_at(address, 1);
    if (ram == nullptr) return {};
    // The mailbox's page stays on the bus, so that writes to it are seen.
    U64 base = ram->base, end = ram->base + ram->size;
    if (has_tohost_) {
      const U64 page = tohost_ & ~(kPage - 1);
      if (address >= page && address - page < kPage) return {};
      if (page >= base && page < end) (address < page ? end : base) = address < page ? page : page + kPage;
    }
    return {base, end - base, ram->host.get() + (base - ram->base)};
  }

  /// Drives the timer and software interrupt lines, and ends the run when the program has.
  void attach(Hart& hart) {
    hart_ = &hart;
    hart.set_time_source([this] { return mtime(); });
  }
  bool ended() const { return ended_; }
  int code() const { return code_; }
  U64 mtime() const { return hart_->cycles() / kCyclesPerTick + mtime_offset_; }
  void update_timer() { hart_->set_interrupt(kTimerInterrupt, mtime() >= mtimecmp_); }
  /// Cycles until the timer interrupt line rises; 0 if it is up or will not rise soon.
  U64 cycles_to_timer() const {
    const U64 now = mtime();
    if (mtimecmp_ <= now || mtimecmp_ - now > (U64{1} << 40)) return 0;
    return (mtimecmp_ - now) * kCyclesPerTick - hart_->cycles() % kCyclesPerTick;
  }

 private:
  void add_ram(U64 base, U64 size) {
    auto* host = static_cast<std::uint8_t*>(std::calloc(size, 1));
    if (host == nullptr)
      throw ConfigError(image_.file, fmt::format("no host memory for {} bytes of RAM", size));
    ram_.push_back({base, size, std::unique_ptr<std::uint8_t[], FreeDeleter>(host)});
  }
  const Ram* ram_at(U64 address, U64 bytes) const {
    for (const Ram& r : ram_) {
      if (address >= r.base && address - r.base < r.size && bytes <= r.size - (address - r.base)) return &r;
    }
    return nullptr;
  }
  bool peek(U64 address, void* out, U64 bytes) const {
    const Ram* ram = ram_at(address, bytes);
    if (ram == nullptr) return false;
    std::memcpy(out, ram->host.get() + (address - ram->base), bytes);
    return true;
  }
  bool poke(U64 address, const void* in, U64 bytes) {
    if (bytes == 0) return true;
    const Ram* ram = ram_at(address, bytes);
    if (ram == nullptr) return false;
    std::memcpy(ram->host.get() + (address - ram->base), in, bytes);
    return true;
  }

  bool device_load(U64 address, U64& value) const {
    if (address >= kUart && address < kUart + 8) {
      value = address == kUart + 5 ? 0x60 : 0;  // transmitter empty
      return true;
    }
    if (address < kClint || address >= kClint + kClintBytes) return false;
    const U64 offset = address - kClint;
    if (offset == 0) value = msip_ ? 1 : 0;
    if (offset / 8 == kMtimecmp / 8) value = mtimecmp_ >> (8 * (offset % 8));
    if (offset / 8 == kMtime / 8) value = mtime() >> (8 * (offset % 8));
    return true;
  }
  bool device_store(U64 address, U64 value, unsigned bytes) {
    if (address >= kUart && address < kUart + 8) {
      if (address == kUart) console_.put(static_cast<char>(value));
      return true;
    }
    if (address == kFinisher) {
      if ((value & 0xffff) == 0x5555) end(0);
      if ((value & 0xffff) == 0x3333) end(static_cast<int>(value >> 16 & 0xffff));
      return true;
    }
    if (address < kClint || address >= kClint + kClintBytes) return false;
    const U64 offset = address - kClint;
    const auto merge = [&](U64 old) {
      const U64 mask = (bytes == 8 ? ~U64{0} : (U64{1} << (8 * bytes)) - 1) << (8 * (offset % 8));
      return (old & ~mask) | (value << (8 * (offset % 8)) & mask);
    };
    if (offset == 0) {
      msip_ = (value & 1) != 0;
      hart_->set_interrupt(kSoftwareInterrupt, msip_);
    } else if (offset / 8 == kMtimecmp / 8) {
      mtimecmp_ = merge(mtimecmp_);
      reschedule();
    } else if (offset / 8 == kMtime / 8) {
      mtime_offset_ += merge(mtime()) - mtime();
      reschedule();
    }
    return true;
  }
  /// The running slice may be longer than the new time to the interrupt: end it.
  void reschedule() {
    update_timer();
    hart_->request_stop();
  }

  void end(int code) {
    ended_ = true;
    code_ = code;
    hart_->request_stop();
  }

  void host_call() {
    U64 value = 0;
    peek(tohost_, &value, 8);
    if (value == 0) return;
    const U64 device = value >> 56, command = value >> 48 & 0xff, payload = value & 0xffffffffffff;
    U64 answer = 1;
    if (device == 1 && command == 1) {
      console_.put(static_cast<char>(payload));
      answer = U64{1} << 56 | U64{1} << 48;
    } else if ((value & 1) != 0) {
      end(static_cast<int>(value >> 1));
      return;
    } else if (device == 0 && command == 0) {
      system_call(payload);
    }
    const U64 zero = 0;
    poke(tohost_, &zero, 8);
    if (const auto fromhost = image_.symbol("fromhost")) poke(*fromhost, &answer, 8);
  }

  void system_call(U64 block) {
    U64 words[4] = {};
    if (!peek(block, words, sizeof words)) return;
    U64 result = static_cast<U64>(-38);  // no such call
    if (words[0] == kSysWrite) {
      const U64 address = words[2], bytes = words[3];
      result = static_cast<U64>(-14);  // bad address
      if (const Ram* ram = ram_at(address, bytes)) {
        console_.write(reinterpret_cast<const char*>(ram->host.get() + (address - ram->base)),
                       static_cast<std::streamsize>(bytes));
        result = bytes;
      }
    } else if (words[0] == kSysExit) {
      end(static_cast<int>(words[1]));
      return;
    }
    poke(block, &result, 8);
  }

  const loader::ElfImage& image_;
  std::ostream& console_;
  std::vector<Ram> ram_;
  U64 tohost_;
  bool has_tohost_;
  Hart* hart_ = nullptr;
  bool msip_ = false;
  U64 mtimecmp_ = ~U64{0};
  U64 mtime_offset_ = 0;
  bool ended_ = false;
  int code_ = 0;
};

class Trace {
 public:
  explicit Trace(const std::string& path) {
    if (path.empty()) return;
    file_ = std::fopen(path.c_str(), "w");
    if (file_ == nullptr) throw ConfigError(path, "cannot be written");
  }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;
  ~Trace() {
    if (file_ != nullptr) std::fclose(file_);
  }
  bool on() const { return file_ != nullptr; }
  void line(const Hart& hart) {
    const Retired& r = hart.last_step();
    fmt::print(file_, "{:016x} {:0{}x}", r.pc, r.bits, r.length == 2 ? 4 : 8);
    if (r.trapped) fmt::print(file_, " trap {:x}", hart.read_csr(0x342).value_or(0));
    if (r.writes == Writes::kInteger) fmt::print(file_, " x{}={:016x}", r.rd, hart.x(r.rd));
    if (r.writes == Writes::kFloat) fmt::print(file_, " f{}={:016x}", r.rd, hart.f(r.rd));
    fmt::print(file_, "\n");
  }

 private:
  std::FILE* file_ = nullptr;
};

/// The hart does nothing but trap: its handler cannot be executed.
[[noreturn]] void report_lost(const Hart& hart, const std::string& file) {
  throw WorkloadError(fmt::format(
      "{}: the hart only traps: handler at {:#x}, mcause {}, mepc {:#x}, mtval {:#x}", file, hart.pc(),
      hart.read_csr(0x342).value_or(0), hart.read_csr(0x341).value_or(0), hart.read_csr(0x343).value_or(0)));
}

}  // namespace

ElfRunResult run_bare_elf(const ElfRunOptions& options) {
  if (options.isa == "rv32") throw ConfigError("--isa", "rv32 is not supported; the hart is RV64GC");
  if (options.isa != "rv64")
    throw ConfigError("--isa", "unknown value '" + options.isa + "'; accepted: rv64");
  const loader::ElfImage image = loader::load_elf(options.file);
  if (image.bits == 32)
    throw ConfigError(options.file, "is an ELF32 (rv32) file; the hart is RV64GC (rv32 is not supported)");
  std::ostream& console = options.console != nullptr ? *options.console : std::cout;
  BareMachine machine(image, console);
  Hart::Config config;
  config.reset_pc = image.entry;
  Hart hart(config, machine);
  machine.attach(hart);
  Trace trace(options.trace_file);

  const auto started = std::chrono::steady_clock::now();
  const auto progress = [&] { return hart.instructions() + hart.counters().traps; };
  while (!machine.ended()) {
    const U64 before = hart.instructions();
    const U64 done = progress();
    if (done >= options.max_instructions) {
      throw WorkloadError(fmt::format("{}: instruction limit of {} reached at pc {:#x}", options.file,
                                      options.max_instructions, hart.pc()));
    }
    machine.update_timer();
    U64 slice = std::min<U64>(options.max_instructions - done, 1u << 20);
    // Instructions cost a cycle or more, so the timer is never overslept by more than the slowest of them.
    if (const U64 wait = machine.cycles_to_timer(); wait != 0) slice = std::min(slice, wait);
    const StopReason reason = trace.on() ? hart.step() : hart.run(slice);
    if (trace.on() && reason == StopReason::kStep) trace.line(hart);
    if (reason == StopReason::kWfi) {
      const U64 wait = machine.cycles_to_timer();
      if (wait == 0) {
        throw WorkloadError(
            fmt::format("{}: waits at pc {:#x} for an interrupt that cannot come", options.file, hart.pc()));
      }
      hart.add_cycles(wait);
    } else if (!trace.on() && hart.instructions() == before && progress() - done > 1000) {
      report_lost(hart, options.file);
    }
  }
  ElfRunResult result;
  result.code = machine.code();
  result.instructions = hart.instructions();
  result.cycles = hart.cycles();
  result.host_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  console.flush();
  return result;
}

}  // namespace memwall::hart
