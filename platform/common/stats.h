// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Statistics: every figure a block reports has a name, a value, a unit, a clock if it counts cycles, and one
/// sentence. Blocks implement `void report(StatSink&) const`; names nest by dots ("chip0.hbm1.reads").
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace memwall {

/// How a figure behaves when a phase is cut out of a run.
enum class StatKind {
  kCounter,  ///< only grows; the phase value is the difference between two snapshots
  kLevel,    ///< a state or ratio; the phase value is the later snapshot's
};

struct Stat {
  std::string name;
  std::variant<std::uint64_t, double> value;
  std::string unit;         ///< "bytes", "requests", "ns", "pJ", "cycles", "gbytes_per_s", "1" for ratios
  std::string clock;        ///< the clock that a cycle count counts, else empty
  std::string description;  ///< one sentence
  StatKind kind = StatKind::kCounter;
};

/// Collects statistics under a prefix.
class StatSink {
 public:
  explicit StatSink(std::vector<Stat>& out, std::string prefix = "")
      : out_(out), prefix_(std::move(prefix)) {}

  /// Sink for a child block: names get "`name`." in front.
  StatSink scope(const std::string& name) const { return StatSink(out_, prefix_ + name + "."); }

  void count(const std::string& name, std::uint64_t value, const std::string& unit,
             const std::string& description, const std::string& clock = "") {
    out_.push_back({prefix_ + name, value, unit, clock, description, StatKind::kCounter});
  }
  /// A growing real quantity, e.g. energy in pJ.
  void amount(const std::string& name, double value, const std::string& unit,
              const std::string& description) {
    out_.push_back({prefix_ + name, value, unit, "", description, StatKind::kCounter});
  }
  void level(const std::string& name, double value, const std::string& unit, const std::string& description) {
    out_.push_back({prefix_ + name, value, unit, "", description, StatKind::kLevel});
  }

 private:
  std::vector<Stat>& out_;
  std::string prefix_;
};

}  // namespace memwall
