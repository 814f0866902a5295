// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "gdb/packet.h"

#include <fmt/format.h>

namespace memwall::gdb {
namespace {

constexpr std::size_t kLargestPacket = 64 * 1024;

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string frame(const std::string& data) {
  std::string body;
  for (char c : data) {
    if (c == '$' || c == '#' || c == '}' || c == '*') {
      body += '}';
      body += static_cast<char>(c ^ 0x20);
    } else {
      body += c;
    }
  }
  unsigned sum = 0;
  for (char c : body) sum += static_cast<unsigned char>(c);
  return fmt::format("${}#{:02x}", body, sum & 0xffu);
}

void Deframer::push(const char* bytes, std::size_t count) { buffer_.append(bytes, count); }

std::optional<Deframer::Item> Deframer::next() {
  while (!buffer_.empty()) {
    switch (buffer_[0]) {
      case '\x03':
        buffer_.erase(0, 1);
        return Item{Kind::kInterrupt, ""};
      case '+':
        buffer_.erase(0, 1);
        return Item{Kind::kAck, ""};
      case '-':
        buffer_.erase(0, 1);
        return Item{Kind::kNak, ""};
      case '$':
        break;
      default:
        buffer_.erase(0, 1);
        continue;
    }
    const std::size_t hash = buffer_.find('#');
    if (hash == std::string::npos || hash + 2 >= buffer_.size()) {
      if (buffer_.size() <= kLargestPacket) return std::nullopt;
      buffer_.clear();
      return Item{Kind::kBadChecksum, ""};
    }
    unsigned sum = 0;
    std::string data;
    for (std::size_t i = 1; i < hash; ++i) {
      sum += static_cast<unsigned char>(buffer_[i]);
      if (buffer_[i] == '}' && i + 1 < hash) {
        ++i;
        sum += static_cast<unsigned char>(buffer_[i]);
        data += static_cast<char>(buffer_[i] ^ 0x20);
      } else {
        data += buffer_[i];
      }
    }
    const int high = digit(buffer_[hash + 1]), low = digit(buffer_[hash + 2]);
    buffer_.erase(0, hash + 3);
    if (high < 0 || low < 0 || static_cast<unsigned>(high * 16 + low) != (sum & 0xffu)) {
      return Item{Kind::kBadChecksum, ""};
    }
    return Item{Kind::kPacket, data};
  }
  return std::nullopt;
}

std::string to_hex(const void* bytes, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += fmt::format("{:02x}", static_cast<const std::uint8_t*>(bytes)[i]);
  }
  return out;
}

std::optional<std::vector<std::uint8_t>> from_hex(const std::string& text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return out;
}

std::optional<std::uint64_t> parse_hex(const std::string& text, std::size_t& at) {
  std::uint64_t value = 0;
  std::size_t digits = 0;
  for (; at < text.size() && digit(text[at]) >= 0; ++at, ++digits) {
    value = value << 4 | static_cast<unsigned>(digit(text[at]));
  }
  if (digits == 0 || digits > 16) return std::nullopt;
  return value;
}

}  // namespace memwall::gdb
