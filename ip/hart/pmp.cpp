// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hart/pmp.h"

namespace memwall::hart {
namespace {
constexpr std::uint8_t kRead = 1, kWrite = 2, kExecute = 4, kLock = 0x80, kImplemented = 0x9f;
enum Mode : unsigned { kOff = 0, kTor = 1, kNa4 = 2, kNapot = 3 };
constexpr unsigned mode_of(std::uint8_t config) { return config >> 3 & 3; }
constexpr std::uint64_t kAddressMask = (std::uint64_t{1} << 54) - 1;
}  // namespace

void Pmp::reset() {
  config_.fill(0);
  address_.fill(0);
  update_ranges();
}

bool Pmp::allows(std::uint64_t address, std::uint64_t bytes, AccessKind kind, Privilege privilege) const {
  const std::uint64_t last = address + bytes - 1;
  const std::uint8_t need = kind == AccessKind::kRead    ? kRead
                            : kind == AccessKind::kWrite ? kWrite
                                                         : kExecute;
  for (unsigned i = 0; i < active_; ++i) {
    const Range& r = ranges_[i];
    if (r.empty() || last < r.first || address > r.last) continue;
    if (address < r.first || last > r.last) return false;
    if (privilege == kMachine && (config_[i] & kLock) == 0) return true;
    return (config_[i] & need) != 0;
  }
  return privilege == kMachine;
}

bool Pmp::uniform(std::uint64_t page, std::uint64_t bytes) const {
  const std::uint64_t last = page + bytes - 1;
  for (unsigned i = 0; i < active_; ++i) {
    const Range& r = ranges_[i];
    if (r.empty() || last < r.first || page > r.last) continue;
    return page >= r.first && last <= r.last;
  }
  return true;
}

bool Pmp::write_config(unsigned i, std::uint8_t value) {
  if ((config_[i] & kLock) != 0) return false;
  value &= kImplemented;
  // R=0 with W=1 is reserved; W is dropped.
  if ((value & (kRead | kWrite)) == kWrite) value = static_cast<std::uint8_t>(value & ~kWrite);
  if (config_[i] == value) return false;
  config_[i] = value;
  update_ranges();
  return true;
}

bool Pmp::write_address(unsigned i, std::uint64_t value) {
  if ((config_[i] & kLock) != 0) return false;
  // The bottom of a locked top-of-range entry is locked with it.
  if (i + 1 < kEntries && (config_[i + 1] & kLock) != 0 && mode_of(config_[i + 1]) == kTor) return false;
  value &= kAddressMask;
  if (address_[i] == value) return false;
  address_[i] = value;
  update_ranges();
  return true;
}

void Pmp::update_ranges() {
  active_ = 0;
  for (unsigned i = 0; i < kEntries; ++i) {
    Range& r = ranges_[i];
    const std::uint64_t a = address_[i];
    switch (mode_of(config_[i])) {
      case kOff:
        r = {};
        continue;
      case kTor: {
        const std::uint64_t bottom = i == 0 ? 0 : address_[i - 1] << 2;
        r = {bottom, (a << 2) - 1};
        if (bottom >= a << 2) r = {};
        break;
      }
      case kNa4:
        r = {a << 2, (a << 2) + 3};
        break;
      default: {
        // Trailing ones give the size: yyy0 is 8 bytes, yy01 is 16, ...
        const std::uint64_t ones = a ^ (a + 1);  // mask up to and including the lowest zero
        r.first = (a & ~ones) << 2;
        r.last = r.first | ones << 2 | 3;
        break;
      }
    }
    active_ = i + 1;
  }
}

}  // namespace memwall::hart
