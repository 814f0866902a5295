// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
#include "gdb/server.h"

#include <fmt/format.h>

#include <boost/asio.hpp>
#include <cstring>

#include "common/error.h"
#include "gdb/packet.h"
#include "gdb/target_description.h"

namespace memwall::gdb {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {
constexpr std::size_t kLargestMemoryAccess = 16 * 1024;
constexpr unsigned kGeneralRegisters = 33;  // what 'g' carries: x0-x31, pc

std::string thread_id(std::size_t index) { return fmt::format("{:x}", index + 1); }

bool starts_with(const std::string& text, const char* prefix) { return text.rfind(prefix, 0) == 0; }

}  // namespace

struct Server::Impl {
  asio::io_context io;
  tcp::acceptor acceptor{io};
  tcp::socket socket{io};
  Deframer deframer;
  std::vector<Thread*> threads;
  std::function<std::string()> time_text;
  bool connected = false;
  bool acknowledge = true;
  std::string last_sent;
  std::size_t general_thread = 0;  // of g, G, p, P, m, M
  std::size_t stopped_thread = 0;
  Stop stop;

  void send(const std::string& data) {
    last_sent = frame(data);
    write(last_sent);
  }

  void write(const std::string& bytes) {
    boost::system::error_code error;
    asio::write(socket, asio::buffer(bytes), error);
    if (error) disconnect();
  }

  void disconnect() {
    boost::system::error_code ignored;
    socket.close(ignored);
    connected = false;
  }

  /// Blocks for the next item; nullopt: gdb went away.
  std::optional<Deframer::Item> receive() {
    for (;;) {
      if (auto item = deframer.next()) return item;
      char bytes[4096];
      boost::system::error_code error;
      const std::size_t count = socket.read_some(asio::buffer(bytes), error);
      if (error) {
        disconnect();
        return std::nullopt;
      }
      deframer.push(bytes, count);
    }
  }

  std::string stop_reply() const {
    const std::string thread = fmt::format("thread:{};", thread_id(stopped_thread));
    switch (stop.kind) {
      case Stop::Kind::kWatchpoint: {
        const char* name = stop.watch_kind == WatchKind::kRead    ? "rwatch"
                           : stop.watch_kind == WatchKind::kWrite ? "watch"
                                                                  : "awatch";
        return fmt::format("T05{}{}:{:x};", thread, name, stop.watch_address);
      }
      case Stop::Kind::kBreakpoint:
        return fmt::format("T05{}hwbreak:;", thread);
      case Stop::Kind::kInterrupt:
        return "T02" + thread;
      case Stop::Kind::kStart:
      case Stop::Kind::kStep:
        break;
    }
    return "T05" + thread;
  }

  std::string register_hex(unsigned number) const {
    const auto value = threads[general_thread]->read_register(number);
    // CSRs that the hart does not have are unavailable, not an error.
    return value ? to_hex(&*value, sizeof *value) : "xxxxxxxxxxxxxxxx";
  }

  std::string read_memory(const std::string& arguments) {
    std::size_t at = 0;
    const auto address = parse_hex(arguments, at);
    if (!address || at >= arguments.size() || arguments[at++] != ',') return "E01";
    const auto count = parse_hex(arguments, at);
    if (!count || *count > kLargestMemoryAccess) return "E01";
    std::vector<std::uint8_t> bytes(*count);
    if (!threads[general_thread]->read_memory(*address, bytes.data(), bytes.size())) return "E14";
    return to_hex(bytes.data(), bytes.size());
  }

  std::string write_memory(const std::string& arguments, bool binary) {
    std::size_t at = 0;
    const auto address = parse_hex(arguments, at);
    if (!address || at >= arguments.size() || arguments[at++] != ',') return "E01";
    const auto count = parse_hex(arguments, at);
    if (!count || at >= arguments.size() || arguments[at++] != ':') return "E01";
    const std::string rest = arguments.substr(at);
    std::vector<std::uint8_t> bytes;
    if (binary) {
      bytes.assign(rest.begin(), rest.end());
    } else {
      const auto decoded = from_hex(rest);
      if (!decoded) return "E01";
      bytes = *decoded;
    }
    if (bytes.size() != *count) return "E01";
    if (bytes.empty()) return "OK";
    return threads[general_thread]->write_memory(*address, bytes.data(), bytes.size()) ? "OK" : "E14";
  }

  std::string write_register(const std::string& arguments) {
    std::size_t at = 0;
    const auto number = parse_hex(arguments, at);
    if (!number || at >= arguments.size() || arguments[at++] != '=') return "E01";
    const auto bytes = from_hex(arguments.substr(at));
    std::uint64_t value = 0;
    if (!bytes || bytes->size() > sizeof value) return "E01";
    std::memcpy(&value, bytes->data(), bytes->size());
    return threads[general_thread]->write_register(static_cast<unsigned>(*number), value) ? "OK" : "E01";
  }

  std::string write_general(const std::string& arguments) {
    const auto bytes = from_hex(arguments);
    if (!bytes || bytes->size() % 8 != 0 || bytes->size() / 8 > kGeneralRegisters) return "E01";
    for (unsigned i = 0; i < bytes->size() / 8; ++i) {
      std::uint64_t value = 0;
      std::memcpy(&value, bytes->data() + 8 * i, sizeof value);
      threads[general_thread]->write_register(i, value);
    }
    return "OK";
  }

  /// Z and z: type,address,kind. All harts share one program, so all get it.
  std::string point(const std::string& arguments, bool on) {
    std::size_t at = 0;
    const auto type = parse_hex(arguments, at);
    if (!type || at >= arguments.size() || arguments[at++] != ',') return "E01";
    const auto address = parse_hex(arguments, at);
    if (!address || at >= arguments.size() || arguments[at++] != ',') return "E01";
    const auto bytes = parse_hex(arguments, at);
    if (!bytes) return "E01";
    for (Thread* thread : threads) {
      switch (*type) {
        case 0:
        case 1:
          thread->set_breakpoint(*address, on);
          break;
        case 2:
          thread->set_watchpoint(*address, *bytes, WatchKind::kWrite, on);
          break;
        case 3:
          thread->set_watchpoint(*address, *bytes, WatchKind::kRead, on);
          break;
        case 4:
          thread->set_watchpoint(*address, *bytes, WatchKind::kAccess, on);
          break;
        default:
          return "";
      }
    }
    return "OK";
  }

  std::optional<std::size_t> parse_thread(const std::string& text) const {
    std::size_t at = 0;
    const auto id = parse_hex(text, at);
    if (!id || *id == 0 || *id > threads.size()) return std::nullopt;
    return static_cast<std::size_t>(*id - 1);
  }

  std::string select_thread(const std::string& arguments) {
    const std::string id = arguments.substr(1);
    if (id == "-1" || id == "0") return "OK";
    const auto index = parse_thread(id);
    if (!index) return "E01";
    if (arguments[0] == 'g') general_thread = *index;
    return "OK";
  }

  std::string features(const std::string& arguments) const {
    const std::size_t colon = arguments.rfind(':');
    if (arguments.substr(0, colon) != "target.xml") return "E00";
    std::size_t at = colon + 1;
    const auto offset = parse_hex(arguments, at);
    if (!offset || at >= arguments.size() || arguments[at++] != ',') return "E01";
    const auto count = parse_hex(arguments, at);
    if (!count) return "E01";
    const std::string& xml = target_description();
    if (*offset >= xml.size()) return "l";
    const std::string part = xml.substr(*offset, *count);
    return (*offset + part.size() < xml.size() ? "m" : "l") + part;
  }

  std::string monitor(const std::string& hex) const {
    const auto bytes = from_hex(hex);
    const std::string command = bytes ? std::string(bytes->begin(), bytes->end()) : "";
    const std::string answer = command == "time" ? time_text() + "\n" : "monitor commands: time\n";
    return to_hex(answer.data(), answer.size());
  }

  std::string query(const std::string& q) {
    if (starts_with(q, "qSupported")) {
      return "PacketSize=8000;qXfer:features:read+;QStartNoAckMode+;hwbreak+;vContSupported+";
    }
    if (starts_with(q, "qXfer:features:read:")) return features(q.substr(20));
    if (q == "qfThreadInfo") {
      std::string list = "m";
      for (std::size_t i = 0; i < threads.size(); ++i) list += (i ? "," : "") + thread_id(i);
      return list;
    }
    if (q == "qsThreadInfo") return "l";
    if (q == "qC") return "QC" + thread_id(stopped_thread);
    if (q == "qAttached") return "1";
    if (starts_with(q, "qThreadExtraInfo,")) {
      const auto index = parse_thread(q.substr(17));
      if (!index) return "E01";
      const std::string name = threads[*index]->name();
      return to_hex(name.data(), name.size());
    }
    if (starts_with(q, "qRcmd,")) return monitor(q.substr(6));
    if (starts_with(q, "qSymbol")) return "OK";
    return "";
  }

  /// Handles one packet; a value means that gdb wants to go on.
  std::optional<Resume> handle(const std::string& p) {
    const std::string rest = p.empty() ? "" : p.substr(1);
    switch (p.empty() ? '\0' : p[0]) {
      case '?':
        send(stop_reply());
        break;
      case 'g': {
        std::string all;
        for (unsigned i = 0; i < kGeneralRegisters; ++i) all += register_hex(i);
        send(all);
        break;
      }
      case 'G':
        send(write_general(rest));
        break;
      case 'p': {
        std::size_t at = 0;
        const auto number = parse_hex(rest, at);
        send(number ? register_hex(static_cast<unsigned>(*number)) : "E01");
        break;
      }
      case 'P':
        send(write_register(rest));
        break;
      case 'm':
        send(read_memory(rest));
        break;
      case 'M':
        send(write_memory(rest, false));
        break;
      case 'X':
        send(write_memory(rest, true));
        break;
      case 'Z':
        send(point(rest, true));
        break;
      case 'z':
        send(point(rest, false));
        break;
      case 'H':
        send(rest.size() >= 2 ? select_thread(rest) : "E01");
        break;
      case 'T':
        send(parse_thread(rest) ? "OK" : "E01");
        break;
      case 'q':
        send(query(p));
        break;
      case 'Q':
        if (p == "QStartNoAckMode") {
          send("OK");
          acknowledge = false;
        } else {
          send("");
        }
        break;
      case 'c':
        return Resume::kContinue;
      case 's':
        return Resume::kStep;
      case 'v':
        if (p == "vCont?") {
          send("vCont;c;C;s;S");
        } else if (starts_with(p, "vCont;")) {
          return resume_of(p.substr(6));
        } else if (starts_with(p, "vKill")) {
          send("OK");
          return Resume::kKill;
        } else {
          send("");
        }
        break;
      case 'D':
        send("OK");
        disconnect();
        return Resume::kContinue;
      case 'k':
        return Resume::kKill;
      default:
        send("");
        break;
    }
    return std::nullopt;
  }

  /// "s:1;c" and the like: step if the stopped hart is to step. Another hart cannot step while this one is in
  /// the simulation's hand, so a step of another hart is taken as continue and ends at its next stop.
  Resume resume_of(const std::string& actions) const {
    std::size_t begin = 0;
    while (begin < actions.size()) {
      const std::size_t end = std::min(actions.find(';', begin), actions.size());
      const std::string action = actions.substr(begin, end - begin);
      begin = end + 1;
      const std::size_t colon = action.find(':');
      const bool is_step = action[0] == 's' || action[0] == 'S';
      if (colon == std::string::npos) return is_step ? Resume::kStep : Resume::kContinue;
      if (parse_thread(action.substr(colon + 1)) == stopped_thread || action.substr(colon + 1) == "-1") {
        return is_step ? Resume::kStep : Resume::kContinue;
      }
    }
    return Resume::kContinue;
  }
};

Server::Server(std::uint16_t port, std::vector<Thread*> threads, std::function<std::string()> time_text)
    : impl_(std::make_unique<Impl>()) {
  impl_->threads = std::move(threads);
  impl_->time_text = std::move(time_text);
  try {
    const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port);
    impl_->acceptor.open(endpoint.protocol());
    impl_->acceptor.set_option(tcp::acceptor::reuse_address(true));
    impl_->acceptor.bind(endpoint);
    impl_->acceptor.listen();
  } catch (const boost::system::system_error& error) {
    throw ConfigError("--port", fmt::format("cannot listen on 127.0.0.1:{}: {}", port, error.what()));
  }
}

Server::~Server() = default;

std::uint16_t Server::port() const { return impl_->acceptor.local_endpoint().port(); }

void Server::accept() {
  impl_->acceptor.accept(impl_->socket);
  impl_->socket.set_option(tcp::no_delay(true));
  impl_->connected = true;
}

Resume Server::stopped(std::size_t thread, const Stop& stop) {
  Impl& s = *impl_;
  if (!s.connected) return Resume::kContinue;
  s.stopped_thread = s.general_thread = thread;
  s.stop = stop;
  // gdb asks for the first stop itself, with '?'.
  if (stop.kind != Stop::Kind::kStart) s.send(s.stop_reply());
  while (s.connected) {
    const auto item = s.receive();
    if (!item) break;
    switch (item->kind) {
      case Deframer::Kind::kPacket: {
        if (s.acknowledge) s.write("+");
        if (const auto resume = s.handle(item->data)) return *resume;
        break;
      }
      case Deframer::Kind::kBadChecksum:
        s.write("-");
        break;
      case Deframer::Kind::kNak:
        s.write(s.last_sent);
        break;
      case Deframer::Kind::kAck:
      case Deframer::Kind::kInterrupt:
        break;
    }
  }
  return Resume::kContinue;
}

bool Server::poll() {
  Impl& s = *impl_;
  if (!s.connected) return false;
  boost::system::error_code error;
  const std::size_t waiting = s.socket.available(error);
  if (error) {
    s.disconnect();
    return false;
  }
  if (waiting == 0) return false;
  char bytes[256];
  const std::size_t count = s.socket.read_some(asio::buffer(bytes), error);
  if (error) {
    s.disconnect();
    return false;
  }
  s.deframer.push(bytes, count);
  while (auto item = s.deframer.next()) {
    if (item->kind != Deframer::Kind::kInterrupt) continue;
    return true;
  }
  return false;
}

void Server::exited(int code) {
  if (impl_->connected) impl_->send(fmt::format("W{:02x}", code & 0xff));
}

}  // namespace memwall::gdb
