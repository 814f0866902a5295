// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Loads, stores and atomics that the interpreter's direct table did not serve: protection, direct regions
/// with latency, misaligned accesses, watchpoints, the bus.
#include <algorithm>
#include <cstring>

#include "hart/hart.h"

namespace memwall::hart {

void Hart::clear_direct_entries() {
  load_entries_.fill({kNoTag, 0});
  store_entries_.fill({kNoTag, 0});
}

bool Hart::allowed(std::uint64_t address, unsigned bytes, AccessKind kind) const {
  return pmp_.allows(address, bytes, kind, data_privilege());
}

/// The direct region that holds all of [address, address + bytes), asked from the bus if not known yet.
const DirectRegion* Hart::region_at(std::uint64_t address, unsigned bytes) {
  for (const DirectRegion& region : regions_) {
    if (region.contains(address, bytes)) return &region;
  }
  const DirectRegion found = bus_.dmi(address);
  if (!found.contains(address, bytes)) return nullptr;
  regions_.push_back(found);
  return &regions_.back();
}

void Hart::fill_entry(std::array<DirectEntry, kDirectEntries>& table, const DirectRegion& region,
                      std::uint64_t address, AccessKind kind) {
  const std::uint64_t page = address & ~(kPageBytes - 1);
  if (!region.contains(page, kPageBytes) || !pmp_.uniform(page, kPageBytes)) return;
  if (kind == AccessKind::kRead ? region.read_latency_cycles != 0 : region.write_latency_cycles != 0) return;
  for (const Watch& watch : watches_) {
    if (watch.address < page + kPageBytes && page < watch.address + watch.bytes) return;
  }
  const auto host = reinterpret_cast<std::uintptr_t>(region.host);
  table[page / kPageBytes % kDirectEntries] = {page, host - region.base};
}

bool Hart::check_watch(std::uint64_t address, unsigned bytes, bool is_write) {
  for (const Watch& watch : watches_) {
    if (watch.kind == (is_write ? WatchKind::kRead : WatchKind::kWrite)) continue;
    if (address < watch.address + watch.bytes && watch.address < address + bytes) {
      watch_hit_ = {address, is_write};
      stop_with(StopReason::kWatchpoint);
      return true;
    }
  }
  return false;
}

/// A load inside one page (or over the bus in one piece). False: trap_cause_ is set.
bool Hart::load_part(std::uint64_t address, void* out, unsigned bytes) {
  if (!allowed(address, bytes, AccessKind::kRead)) {
    raise(kLoadFault, address);
    return false;
  }
  if (const DirectRegion* region = region_at(address, bytes); region != nullptr && region->readable) {
    std::memcpy(out, region->host + (address - region->base), bytes);
    charge(region->read_latency_cycles);
    fill_entry(load_entries_, *region, address, AccessKind::kRead);
    return true;
  }
  ++counters_.bus_accesses;
  const BusResult result = bus_.load(address, out, bytes);
  charge(result.latency_cycles);
  if (!result.ok) raise(kLoadFault, address);
  return result.ok;
}

bool Hart::store_part(std::uint64_t address, const void* in, unsigned bytes) {
  if (!allowed(address, bytes, AccessKind::kWrite)) {
    raise(kStoreFault, address);
    return false;
  }
  if (const DirectRegion* region = region_at(address, bytes); region != nullptr && region->writable) {
    std::memcpy(region->host + (address - region->base), in, bytes);
    charge(region->write_latency_cycles);
    fill_entry(store_entries_, *region, address, AccessKind::kWrite);
    return true;
  }
  ++counters_.bus_accesses;
  const BusResult result = bus_.store(address, in, bytes);
  charge(result.latency_cycles);
  if (!result.ok) raise(kStoreFault, address);
  return result.ok;
}

Hart::Access Hart::load_slow(const Block& b, const Op& op, std::uint64_t address, void* out, unsigned bytes) {
  // The bus must see the time at which this instruction runs, not the end of its block; so must a debugger
  // that looks while the bus waits.
  pc_ = b.pc + op.pc_offset;
  ahead_ = static_cast<std::int64_t>(b.cycles) - op.cycles_before;
  const unsigned in_page =
      static_cast<unsigned>(std::min<std::uint64_t>(bytes, kPageBytes - address % kPageBytes));
  bool ok = load_part(address, out, in_page);
  if (ok && in_page < bytes) {
    ok = load_part(address + in_page, static_cast<std::uint8_t*>(out) + in_page, bytes - in_page);
  }
  ahead_ = 0;
  if (!ok) return Access::kTrap;
  return !watches_.empty() && check_watch(address, bytes, false) ? Access::kStop : Access::kOk;
}

Hart::Access Hart::store_slow(const Block& b, const Op& op, std::uint64_t address, const void* in,
                              unsigned bytes) {
  pc_ = b.pc + op.pc_offset;
  ahead_ = static_cast<std::int64_t>(b.cycles) - op.cycles_before;
  const unsigned in_page =
      static_cast<unsigned>(std::min<std::uint64_t>(bytes, kPageBytes - address % kPageBytes));
  bool ok = true;
  if (in_page < bytes && !allowed(address + in_page, bytes - in_page, AccessKind::kWrite)) {
    raise(kStoreFault, address + in_page);
    ok = false;
  }
  ok = ok && store_part(address, in, in_page);
  if (ok && in_page < bytes) {
    ok = store_part(address + in_page, static_cast<const std::uint8_t*>(in) + in_page, bytes - in_page);
  }
  ahead_ = 0;
  if (!ok) return Access::kTrap;
  if (!watches_.empty() && check_watch(address, bytes, true)) return Access::kStop;
  // A store may have ended the run (a device that asks for a stop): leave at once.
  return (attention_.load(std::memory_order_relaxed) & kAttentionStop) != 0 ? Access::kStop : Access::kOk;
}

namespace {
std::uint64_t extend(std::uint64_t value, unsigned bytes) {
  return bytes == 4 ? static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(value)))
                    : value;
}

std::uint64_t combine(unsigned funct5, std::uint64_t memory, std::uint64_t operand, unsigned bytes) {
  // Word operands arrive sign-extended; their low halves compare as unsigned in the same order.
  const auto a = static_cast<std::int64_t>(memory), b = static_cast<std::int64_t>(extend(operand, bytes));
  const auto ua = static_cast<std::uint64_t>(a), ub = static_cast<std::uint64_t>(b);
  switch (funct5) {
    case 0x00:
      return ua + ub;
    case 0x01:
      return ub;
    case 0x04:
      return ua ^ ub;
    case 0x08:
      return ua | ub;
    case 0x0c:
      return ua & ub;
    case 0x10:
      return a < b ? ua : ub;
    case 0x14:
      return a < b ? ub : ua;
    case 0x18:
      return ua < ub ? ua : ub;
    default:
      return ua < ub ? ub : ua;
  }
}
}  // namespace

Hart::Access Hart::load_reserved(const Block& b, const Op& op) {
  const std::uint64_t address = x_[op.rs1];
  const auto bytes = static_cast<unsigned>(op.imm);
  if (address % bytes != 0) {
    raise(kLoadMisaligned, address);
    return Access::kTrap;
  }
  std::uint64_t value = 0;
  const Access access = load_slow(b, op, address, &value, bytes);
  if (access == Access::kTrap) return access;
  value = extend(value, bytes);
  reserved_ = true;
  reserved_address_ = address;
  reserved_value_ = value;
  reserved_bytes_ = bytes;
  x_[op.rd] = value;
  return access;
}

/// Succeeds if the reservation stands and memory still holds what LR saw. Stores by other agents are noticed
/// by their value (an ABA change is not), because direct access hides them.
Hart::Access Hart::store_conditional(const Block& b, const Op& op) {
  const std::uint64_t address = x_[op.rs1];
  const auto bytes = static_cast<unsigned>(op.imm);
  if (address % bytes != 0) {
    raise(kStoreMisaligned, address);
    return Access::kTrap;
  }
  const bool held = reserved_ && reserved_address_ == address && reserved_bytes_ == bytes;
  reserved_ = false;
  if (!allowed(address, bytes, AccessKind::kWrite)) {
    raise(kStoreFault, address);
    return Access::kTrap;
  }
  Access access = Access::kOk;
  bool success = held;
  if (held) {
    std::uint64_t now = 0;
    access = load_slow(b, op, address, &now, bytes);
    if (access == Access::kTrap) {
      trap_cause_ = kStoreFault;
      return access;
    }
    success = extend(now, bytes) == reserved_value_;
  }
  if (success) {
    const std::uint64_t value = x_[op.rs2];
    access = store_slow(b, op, address, &value, bytes);
    if (access == Access::kTrap) return access;
  }
  x_[op.rd] = success ? 0 : 1;
  return access;
}

Hart::Access Hart::amo(const Block& b, const Op& op) {
  const std::uint64_t address = x_[op.rs1];
  const auto bytes = static_cast<unsigned>(op.imm);
  if (address % bytes != 0) {
    raise(kStoreMisaligned, address);
    return Access::kTrap;
  }
  if (!allowed(address, bytes, AccessKind::kWrite)) {
    raise(kStoreFault, address);
    return Access::kTrap;
  }
  std::uint64_t memory = 0;
  Access access = load_slow(b, op, address, &memory, bytes);
  if (access == Access::kTrap) {
    trap_cause_ = kStoreFault;  // an AMO reports store faults only
    return access;
  }
  memory = extend(memory, bytes);
  const std::uint64_t result = combine(op.rm, memory, x_[op.rs2], bytes);
  const Access stored = store_slow(b, op, address, &result, bytes);
  if (stored == Access::kTrap) return stored;
  x_[op.rd] = memory;
  return stored == Access::kStop ? stored : access;
}

}  // namespace memwall::hart
