// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "hbm/formula.h"

#include <fmt/format.h>

#include <cctype>

#include "common/error.h"

namespace memwall::hbm {
namespace {

/// Recursive descent: sum = product {(+|-) product}, product = factor {* factor},
/// factor = integer | name | ( sum ) | max ( sum , sum ).
class Parser {
 public:
  Parser(const std::string& text, const std::map<std::string, Cycle>& parameters, std::set<std::string>& used,
         const std::string& place)
      : text_(text), parameters_(parameters), used_(used), place_(place) {}

  Cycle value() {
    const Cycle result = sum();
    if (peek() != '\0') refuse(fmt::format("'{}' is not expected here", text_[at_]));
    return result;
  }

 private:
  static constexpr int kMaxDepth = 64;

  [[noreturn]] void refuse(const std::string& why) const {
    throw ConfigError(place_, fmt::format("formula \"{}\", character {}: {}", text_, at_ + 1, why));
  }

  char peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  void expect(char symbol) {
    if (peek() != symbol) refuse(fmt::format("'{}' is missing", symbol));
    ++at_;
  }

  Cycle checked(bool overflow, Cycle result) const {
    if (overflow) refuse("the value is beyond 64 bits");
    return result;
  }

  Cycle sum() {
    Cycle left = product();
    for (char symbol = peek(); symbol == '+' || symbol == '-'; symbol = peek()) {
      ++at_;
      const Cycle right = product();
      Cycle result = 0;
      const bool overflow = symbol == '+' ? __builtin_add_overflow(left, right, &result)
                                          : __builtin_sub_overflow(left, right, &result);
      left = checked(overflow, result);
    }
    return left;
  }

  Cycle product() {
    Cycle left = factor();
    while (peek() == '*') {
      ++at_;
      const Cycle right = factor();
      Cycle result = 0;
      const bool overflow = __builtin_mul_overflow(left, right, &result);
      left = checked(overflow, result);
    }
    return left;
  }

  Cycle factor() {
    if (depth_ >= kMaxDepth) refuse("too deeply nested");
    ++depth_;
    const Cycle result = unnested_factor();
    --depth_;
    return result;
  }

  Cycle unnested_factor() {
    const char first = peek();
    if (first == '(') {
      ++at_;
      const Cycle result = sum();
      expect(')');
      return result;
    }
    if (std::isdigit(static_cast<unsigned char>(first)) != 0) {
      Cycle result = 0;
      while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0) {
        result = result * 10 + (text_[at_++] - '0');
        if (result > 1'000'000'000) refuse("an integer above 1000000000");
      }
      return result;
    }
    std::string name;
    const std::size_t start = at_;
    while (at_ < text_.size() && std::isalnum(static_cast<unsigned char>(text_[at_])) != 0) {
      name += text_[at_++];
    }
    if (name.empty()) refuse("an integer, a timing parameter, max(a, b) or a parenthesis is missing");
    if (name == "max") {
      expect('(');
      const Cycle left = sum();
      expect(',');
      const Cycle right = sum();
      expect(')');
      return left < right ? right : left;
    }
    const auto found = parameters_.find(name);
    if (found == parameters_.end()) {
      at_ = start;
      refuse(fmt::format("no timing parameter {}", name));
    }
    used_.insert(name);
    return found->second;
  }

  const std::string& text_;
  const std::map<std::string, Cycle>& parameters_;
  std::set<std::string>& used_;
  const std::string& place_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Cycle evaluate_formula(const std::string& text, const std::map<std::string, Cycle>& parameters,
                       std::set<std::string>& used, const std::string& place) {
  return Parser(text, parameters, used, place).value();
}

}  // namespace memwall::hbm
