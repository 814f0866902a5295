// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <istream>
#include <string_view>

#include "common/error.h"
#include "hbm/engine.h"

namespace memwall::hbm {
namespace {

constexpr const char* kSpace = " \t\r\v\f";
constexpr std::size_t kMostShown = 40;  ///< characters of a word, in messages
constexpr const char* kForm = "expected [cycle] R|W hexaddress [bytes] [@initiator]";

class Parser {
 public:
  Parser(const std::string& name, const Preset& preset)
      : name_(name), preset_(preset), last_cycle_(last_arrival_cycle(preset)) {}

  Trace parse(std::istream& in) {
    for (std::string line; std::getline(in, line);) {
      ++line_;
      split(line);
      if (!words_.empty()) request();
    }
    if (in.bad()) throw ConfigError(name_, "reading failed");
    if (trace_.requests.empty()) throw ConfigError(name_, "holds no request");
    refuse_overlap();
    return std::move(trace_);
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const { refuse_at(line_, why); }
  [[noreturn]] void refuse_at(std::uint64_t line, const std::string& why) const {
    throw ConfigError(fmt::format("{}:{}", name_, line), why);
  }

  /// A word as it may be printed.
  static std::string shown(std::string_view word) {
    std::string text(word.substr(0, kMostShown));
    for (char& c : text) {
      if (c < ' ' || c > '~') c = '?';
    }
    return word.size() > kMostShown ? text + "..." : text;
  }

  void split(std::string_view line) {
    words_.clear();
    line = line.substr(0, line.find('#'));
    for (;;) {
      const std::size_t begin = line.find_first_not_of(kSpace);
      if (begin == std::string_view::npos) return;
      line.remove_prefix(begin);
      const std::size_t length = std::min(line.find_first_of(kSpace), line.size());
      words_.push_back(line.substr(0, length));
      line.remove_prefix(length);
      if (words_.size() > 5) refuse(kForm);
    }
  }

  void request() {
    TraceRequest r;
    std::size_t next = 0;
    if (words_.size() == 1) refuse(kForm);
    const bool timed = words_[0] != "R" && words_[0] != "W" &&
                       ((words_[0][0] >= '0' && words_[0][0] <= '9') || words_[1] == "R" || words_[1] == "W");
    if (trace_.requests.empty()) {
      trace_.timed = timed;
      trace_.first_line = line_;
    }
    if (timed) r.cycle = number(words_[next++], 10, "arrival cycle");
    if (words_[next] != "R" && words_[next] != "W") {
      refuse(fmt::format("'{}' is neither R nor W", shown(words_[next])));
    }
    if (timed != trace_.timed) refuse("either all requests have an arrival cycle or none");
    r.is_write = words_[next++] == "W";
    if (next == words_.size()) refuse(kForm);
    std::string_view digits = words_[next++];
    if (digits.substr(0, 2) == "0x" || digits.substr(0, 2) == "0X") digits.remove_prefix(2);
    r.address = number(digits, 16, "address");
    const bool sized = next < words_.size() && words_[next][0] != '@';
    const Organisation& o = preset_.organisation;
    r.bytes = sized ? number(words_[next++], 10, "number of bytes") : o.access_bytes;
    if (next < words_.size() && words_[next][0] == '@') {
      const std::uint64_t initiator = number(words_[next++].substr(1), 10, "initiator");
      if (initiator >= Engine::kSources) {
        refuse(fmt::format("initiator {}; accepted: 0 to {}", initiator, Engine::kSources - 1));
      }
      r.initiator = static_cast<std::uint8_t>(initiator);
    }
    if (next != words_.size()) refuse(fmt::format("'{}' is too much; {}", shown(words_[next]), kForm));

    if (r.bytes == 0) refuse("a request of 0 bytes");
    if (r.address >= o.capacity_bytes || r.bytes > o.capacity_bytes - r.address) {
      refuse(sized ? fmt::format("{} bytes at address {:#x} are not inside the stack of {:#x} bytes", r.bytes,
                                 r.address, o.capacity_bytes)
                   : fmt::format("address {:#x} is outside the stack of {:#x} bytes", r.address,
                                 o.capacity_bytes));
    }
    if (!sized && r.address % o.access_bytes != 0) {
      refuse(
          fmt::format("address {:#x} is not a multiple of the {}-byte burst; give the bytes of the request "
                      "if it begins there",
                      r.address, o.access_bytes));
    }
    if (timed) {
      if (r.cycle > last_cycle_) {
        refuse(fmt::format("arrival cycle {} is above {}", r.cycle, last_cycle_));
      }
      const std::uint64_t before = trace_.requests.empty() ? 0 : trace_.requests.back().cycle;
      if (r.cycle < before) {
        refuse(fmt::format("arrival cycle {} is before the previous one, {}", r.cycle, before));
      }
      if (r.cycle != before) refuse_overlap();
      together_.push_back({r.address, r.address + r.bytes, line_, r.is_write});
    }
    trace_.requests.push_back(r);
  }

  /// Two requests of one cycle that overlap, one of them a write.
  void refuse_overlap() {
    if (together_.size() > 1) {
      std::sort(together_.begin(), together_.end(),
                [](const Span& a, const Span& b) { return a.begin < b.begin; });
      Span read, write;  // of those that begin earlier, the one that ends last
      for (const Span& span : together_) {
        const Span& other = span.is_write && read.end > write.end ? read : write;
        if (span.begin < other.end) {
          refuse_at(
              std::max(span.line, other.line),
              fmt::format("overlaps the request of line {} in the same cycle, and one of them writes: their "
                          "order is not defined",
                          std::min(span.line, other.line)));
        }
        Span& furthest = span.is_write ? write : read;
        if (span.end > furthest.end) furthest = span;
      }
    }
    together_.clear();
  }

  std::uint64_t number(std::string_view digits, unsigned base, const char* what) const {
    std::uint64_t value = 0;
    for (const char c : digits) {
      unsigned digit = 99;
      if (c >= '0' && c <= '9') digit = static_cast<unsigned>(c - '0');
      if (c >= 'a' && c <= 'f') digit = static_cast<unsigned>(c - 'a') + 10;
      if (c >= 'A' && c <= 'F') digit = static_cast<unsigned>(c - 'A') + 10;
      if (digit >= base) refuse(fmt::format("{} '{}' is not a base-{} number", what, shown(digits), base));
      if (value > (~std::uint64_t{0} - digit) / base) {
        refuse(fmt::format("{} '{}' is too large", what, shown(digits)));
      }
      value = value * base + digit;
    }
    if (digits.empty()) refuse(fmt::format("{} has no digits", what));
    return value;
  }

  struct Span {
    std::uint64_t begin = 0, end = 0, line = 0;
    bool is_write = false;
  };

  const std::string& name_;
  const Preset& preset_;
  const std::uint64_t last_cycle_;
  std::uint64_t line_ = 0;
  std::vector<std::string_view> words_;
  std::vector<Span> together_;  ///< requests of one cycle
  Trace trace_;
};

}  // namespace

std::uint64_t last_arrival_cycle(const Preset& preset) {
  return std::min(std::uint64_t{1} << 48, (std::uint64_t{1} << 62) / preset.tCK_ps);
}

Trace parse_trace(std::istream& in, const std::string& name, const Preset& preset) {
  return Parser(name, preset).parse(in);
}

Trace load_trace(const std::string& path, const Preset& preset) {
  std::ifstream in(path);
  if (!in) throw ConfigError(path, "cannot be read");
  return parse_trace(in, path, preset);
}

}  // namespace memwall::hbm
