// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
/// @file
/// Watches one hop of the TLM-2.0 base protocol (IEEE 1666-2011, chapters 11, 14 and 15): put it between an
/// initiator and a target. It changes nothing and takes no time; what breaks a rule is added to violations()
/// in words, starting with the name of the rule.
///
/// Rules, by the word in brackets:
///   [phase]      order of phases, phases on the right path, legal phases in a return
///   [exclusion]  one request and one response at a time on a hop
///   [return]     TLM_ACCEPTED leaves phase and time alone; no other answer where only it is legal
///   [time]       effective times (kernel time plus annotation) of a transaction, of the requests and of the
///                responses of a hop do not go back; a callee only adds to an annotation
///   [blocking]   nb_transport, transport_dbg and get_direct_mem_ptr do not wait
///   [status]     TLM_INCOMPLETE before, another status with the response, unchanged after it
///   [attribute]  command, address, data pointer, length, byte enables and streaming width stay
///   [extension]  what the initiator attached is there afterwards, and nothing else
///   [memory]     nb_transport has a memory manager and a reference
///   [dmi]        the hint is clear before; set afterwards it is kept; a region covers what was asked for
///   [debug]      no more bytes than asked for
///   [open]       nothing is left in progress at finish()
/// Not checked: extended phases, contents, order of responses (the base protocol has none).
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <sstream>
#include <string>
#include <systemc>
#include <tlm>
#include <unordered_map>
#include <vector>

namespace memwall::testing_support {

class TlmChecker : public sc_core::sc_module {
 public:
  using Payload = tlm::tlm_generic_payload;

  tlm_utils::simple_target_socket<TlmChecker> tsock{"tsock"};     ///< for the initiator
  tlm_utils::simple_initiator_socket<TlmChecker> isock{"isock"};  ///< for the target

  /// What has passed, so that a test can show that it tested something.
  struct Seen {
    unsigned blocking = 0, requests = 0, end_requests = 0, responses = 0, end_responses = 0;
    unsigned early_completions = 0;  ///< TLM_COMPLETED as the answer to BEGIN_REQ
    unsigned debug = 0, dmi = 0, dmi_granted = 0;
  } seen;

  explicit TlmChecker(const sc_core::sc_module_name& name) : sc_core::sc_module(name) {
    tsock.register_b_transport(this, &TlmChecker::b_transport);
    tsock.register_nb_transport_fw(this, &TlmChecker::nb_transport_fw);
    tsock.register_transport_dbg(this, &TlmChecker::transport_dbg);
    tsock.register_get_direct_mem_ptr(this, &TlmChecker::get_direct_mem_ptr);
    isock.register_nb_transport_bw(this, &TlmChecker::nb_transport_bw);
    isock.register_invalidate_direct_mem_ptr(this, &TlmChecker::invalidate_direct_mem_ptr);
  }

  const std::vector<std::string>& violations() const { return violations_; }
  /// One per line; empty if there is none.
  std::string text() const {
    std::string all;
    for (const std::string& violation : violations_) all += violation + "\n";
    return all;
  }
  /// At the end of a test: nothing may be left in progress.
  void finish() {
    for (const auto& [payload, hop] : hops_)
      complain("open", "a transaction at " + address_text(hop.before.address) + " was never completed");
    if (blocking_ != 0) complain("open", "a blocking call has not returned");
  }

 private:
  enum class State { kRequest, kRequestEnded, kResponse };
  /// The attributes that stay as they are, and the extensions.
  struct Snapshot {
    tlm::tlm_command command;
    std::uint64_t address;
    unsigned char* data;
    unsigned length;
    unsigned char* enables;
    unsigned enables_length;
    unsigned width;
    std::array<tlm::tlm_extension_base*, 16> extensions{};  // more kinds than any test has

    explicit Snapshot(const Payload& p)
        : command(p.get_command()),
          address(p.get_address()),
          data(p.get_data_ptr()),
          length(p.get_data_length()),
          enables(p.get_byte_enable_ptr()),
          enables_length(p.get_byte_enable_length()),
          width(p.get_streaming_width()) {
      const std::size_t n = std::min<std::size_t>(tlm::max_num_extensions(), extensions.size());
      for (std::size_t i = 0; i < n; ++i) extensions[i] = p.get_extension(static_cast<unsigned>(i));
    }
  };
  struct Hop {
    Snapshot before;
    State state = State::kRequest;
    sc_core::sc_time last;  // effective time of the last phase
    tlm::tlm_response_status status = tlm::TLM_INCOMPLETE_RESPONSE;
    bool dmi = false;
    explicit Hop(const Payload& p) : before(p) {}
  };
  /// Kernel time at the begin of a call that must not wait.
  struct Instant {
    sc_core::sc_time time = sc_core::sc_time_stamp();
    sc_dt::uint64 delta = sc_core::sc_delta_count();
  };

  static std::string address_text(std::uint64_t address) {
    std::ostringstream text;
    text << std::hex << std::showbase << address;
    return text.str();
  }
  void complain(const char* rule, const std::string& what) {
    if (violations_.size() >= 100) return;
    violations_.push_back(std::string("[") + rule + "] " + what + " (" + name() + ", " +
                          sc_core::sc_time_stamp().to_string() + ")");
  }
  static const char* phase_text(const tlm::tlm_phase& phase) {
    if (phase == tlm::BEGIN_REQ) return "BEGIN_REQ";
    if (phase == tlm::END_REQ) return "END_REQ";
    if (phase == tlm::BEGIN_RESP) return "BEGIN_RESP";
    if (phase == tlm::END_RESP) return "END_RESP";
    return "another phase";
  }

  void did_not_wait(const Instant& before, const char* call) {
    if (sc_core::sc_time_stamp() != before.time || sc_core::sc_delta_count() != before.delta)
      complain("blocking", std::string(call) + " waited");
  }
  /// `who` may have changed `payload` since `before` was taken.
  void compare(const Snapshot& before, const Payload& payload, const char* who) {
    const Snapshot now(payload);
    const auto same = [&](bool equal, const char* attribute) {
      if (!equal) complain("attribute", std::string(who) + " changed the " + attribute);
    };
    same(before.command == now.command, "command");
    same(before.address == now.address, "address");
    same(before.data == now.data, "data pointer");
    same(before.length == now.length, "data length");
    same(before.enables == now.enables, "byte enable pointer");
    same(before.enables_length == now.enables_length, "byte enable length");
    same(before.width == now.width, "streaming width");
    for (std::size_t i = 0; i < now.extensions.size(); ++i) {
      tlm::tlm_extension_base* const was = before.extensions[i];
      if (was == now.extensions[i]) continue;
      complain("extension", std::string(who) + (was == nullptr                 ? " left an extension behind"
                                                : now.extensions[i] == nullptr ? " removed an extension"
                                                                               : " replaced an extension"));
    }
  }
  void check_request(const Payload& payload) {
    if (payload.get_response_status() != tlm::TLM_INCOMPLETE_RESPONSE)
      complain("status", "a request begins with a response status other than TLM_INCOMPLETE");
    if (payload.is_dmi_allowed()) complain("dmi", "a request begins with the DMI hint set");
    if (payload.get_command() == tlm::TLM_IGNORE_COMMAND) return;
    if (payload.get_data_ptr() == nullptr) complain("attribute", "a request without a data pointer");
    if (payload.get_data_length() == 0) complain("attribute", "a request without data");
    if (payload.get_streaming_width() == 0) complain("attribute", "a request with streaming width 0");
  }
  void check_response(const Payload& payload, const char* when) {
    if (payload.get_response_status() == tlm::TLM_INCOMPLETE_RESPONSE)
      complain("status", std::string(when) + " with TLM_INCOMPLETE");
  }
  /// Effective times must not go back; moves `last` on.
  void check_time(sc_core::sc_time& last, const sc_core::sc_time& now, const std::string& what) {
    if (now < last) complain("time", what + " goes back from " + last.to_string() + " to " + now.to_string());
    last = now;
  }

  void b_transport(Payload& payload, sc_core::sc_time& delay) {
    ++seen.blocking;
    check_request(payload);
    const Snapshot before(payload);
    const sc_core::sc_time begin = sc_core::sc_time_stamp() + delay;
    ++blocking_;
    isock->b_transport(payload, delay);
    --blocking_;
    compare(before, payload, "the target");
    check_response(payload, "b_transport returns");
    if (sc_core::sc_time_stamp() + delay < begin) complain("time", "b_transport returns before it began");
    if (!payload.is_dmi_allowed() || payload.get_command() == tlm::TLM_IGNORE_COMMAND) return;
    // A hint must be true.
    Payload asked;
    asked.set_command(payload.get_command());
    asked.set_address(payload.get_address());
    tlm::tlm_dmi region;
    if (!get_direct_mem_ptr(asked, region)) complain("dmi", "the hint promises a region that is not granted");
  }

  tlm::tlm_sync_enum nb_transport_fw(Payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay) {
    const tlm::tlm_phase sent = phase;
    const sc_core::sc_time sent_delay = delay;
    const sc_core::sc_time effective = sc_core::sc_time_stamp() + delay;
    const bool known = forward_phase(payload, sent, effective);
    const Instant instant;
    const tlm::tlm_sync_enum answer = isock->nb_transport_fw(payload, phase, delay);
    did_not_wait(instant, "nb_transport_fw");
    check_answer("nb_transport_fw", answer, sent, phase, sent_delay, delay);
    if (!known || sent != tlm::BEGIN_REQ) return answer;
    if (answer == tlm::TLM_UPDATED) {
      backward_phase(payload, phase, sc_core::sc_time_stamp() + delay);
    } else if (answer == tlm::TLM_COMPLETED) {
      ++seen.early_completions;
      complete_early(payload, sc_core::sc_time_stamp() + delay);
    }
    return answer;
  }

  tlm::tlm_sync_enum nb_transport_bw(Payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay) {
    const tlm::tlm_phase sent = phase;
    const sc_core::sc_time sent_delay = delay;
    const bool known = backward_phase(payload, sent, sc_core::sc_time_stamp() + delay);
    const Instant instant;
    // The initiator may let go of the payload in its answer.
    if (payload.has_mm()) payload.acquire();
    const tlm::tlm_sync_enum answer = tsock->nb_transport_bw(payload, phase, delay);
    did_not_wait(instant, "nb_transport_bw");
    check_answer("nb_transport_bw", answer, sent, phase, sent_delay, delay);
    if (known && sent == tlm::BEGIN_RESP) {
      if (answer == tlm::TLM_COMPLETED) {
        end_response(payload, sc_core::sc_time_stamp() + delay);
      } else if (answer == tlm::TLM_UPDATED) {
        if (phase == tlm::END_RESP) {
          end_response(payload, sc_core::sc_time_stamp() + delay);
        } else {
          complain("phase", std::string("BEGIN_RESP is answered with ") + phase_text(phase));
        }
      }
    }
    if (payload.has_mm()) payload.release();
    return answer;
  }

  void check_answer(const char* call, tlm::tlm_sync_enum answer, const tlm::tlm_phase& sent,
                    const tlm::tlm_phase& phase, const sc_core::sc_time& sent_delay,
                    const sc_core::sc_time& delay) {
    if (answer == tlm::TLM_ACCEPTED) {
      if (phase != sent)
        complain("return", std::string(call) + " returns TLM_ACCEPTED and changed the phase");
      if (delay != sent_delay)
        complain("return", std::string(call) + " returns TLM_ACCEPTED and changed the time");
      return;
    }
    if (delay < sent_delay) complain("time", std::string(call) + " took time off the annotation");
    if (sent == tlm::END_REQ)
      complain("return", std::string(call) + " answers END_REQ with something other than TLM_ACCEPTED");
    if (sent == tlm::END_RESP && answer == tlm::TLM_UPDATED)
      complain("return", std::string(call) + " answers END_RESP with TLM_UPDATED");
  }

  /// A phase from the initiator; true if it makes sense.
  bool forward_phase(Payload& payload, const tlm::tlm_phase& phase, const sc_core::sc_time& effective) {
    if (phase == tlm::END_RESP) {
      const auto it = hops_.find(&payload);
      if (it == hops_.end() || it->second.state != State::kResponse) {
        complain("phase", "END_RESP without BEGIN_RESP");
        return false;
      }
      end_response(payload, effective);
      return true;
    }
    if (phase != tlm::BEGIN_REQ) {
      complain("phase", std::string(phase_text(phase)) + " on the forward path");
      return false;
    }
    ++seen.requests;
    if (hops_.count(&payload) != 0) {
      complain("phase", "BEGIN_REQ for a transaction that is in progress");
      return false;
    }
    if (request_ != nullptr) complain("exclusion", "BEGIN_REQ before END_REQ of the request before it");
    if (effective < request_free_)
      complain("exclusion", "BEGIN_REQ takes effect before the END_REQ before it");
    check_time(last_request_, effective, "BEGIN_REQ");
    check_request(payload);
    if (!payload.has_mm()) {
      complain("memory", "nb_transport without a memory manager");
    } else if (payload.get_ref_count() < 1) {
      complain("memory", "nb_transport without a reference to the payload");
    }
    Hop& hop = hops_.emplace(&payload, Hop(payload)).first->second;
    hop.last = effective;
    request_ = &payload;
    return true;
  }

  /// A phase from the target, in a call or in a return; true if it makes sense.
  bool backward_phase(Payload& payload, const tlm::tlm_phase& phase, const sc_core::sc_time& effective) {
    const auto it = hops_.find(&payload);
    if (phase != tlm::END_REQ && phase != tlm::BEGIN_RESP) {
      complain("phase", std::string(phase_text(phase)) + " on the backward path");
      return false;
    }
    if (it == hops_.end()) {
      complain("phase", std::string(phase_text(phase)) + " for a transaction that is not in progress");
      return false;
    }
    Hop& hop = it->second;
    if (phase == tlm::END_REQ) {
      if (hop.state != State::kRequest) {
        complain("phase", hop.state == State::kResponse ? "END_REQ after BEGIN_RESP" : "END_REQ twice");
        return false;
      }
      ++seen.end_requests;
      check_time(hop.last, effective, "END_REQ");
      hop.state = State::kRequestEnded;
      end_request(payload, effective);
      return true;
    }
    if (hop.state == State::kResponse) {
      complain("phase", "BEGIN_RESP twice");
      return false;
    }
    ++seen.responses;
    if (response_ != nullptr) complain("exclusion", "BEGIN_RESP before END_RESP of the response before it");
    if (effective < response_free_)
      complain("exclusion", "BEGIN_RESP takes effect before the END_RESP before it");
    check_time(hop.last, effective, "BEGIN_RESP");
    check_time(last_response_, effective, "BEGIN_RESP");
    compare(hop.before, payload, "the target");
    check_response(payload, "BEGIN_RESP");
    if (hop.state == State::kRequest) end_request(payload, effective);  // implied
    hop.state = State::kResponse;
    hop.status = payload.get_response_status();
    hop.dmi = payload.is_dmi_allowed();
    response_ = &payload;
    return true;
  }

  void end_request(const Payload& payload, const sc_core::sc_time& effective) {
    if (request_ == &payload) request_ = nullptr;
    request_free_ = effective;
  }
  void end_response(Payload& payload, const sc_core::sc_time& effective) {
    const auto it = hops_.find(&payload);
    if (it == hops_.end()) {
      complain("phase", "a response ends twice");
      return;
    }
    ++seen.end_responses;
    Hop& hop = it->second;
    check_time(hop.last, effective, "END_RESP");
    compare(hop.before, payload, "the initiator");
    if (payload.get_response_status() != hop.status)
      complain("status", "the response status changed after BEGIN_RESP");
    if (payload.is_dmi_allowed() != hop.dmi) complain("dmi", "the hint changed after BEGIN_RESP");
    if (response_ == &payload) response_ = nullptr;
    response_free_ = effective;
    hops_.erase(it);
  }
  void complete_early(Payload& payload, const sc_core::sc_time& effective) {
    const auto it = hops_.find(&payload);
    if (it == hops_.end()) {
      complain("phase", "BEGIN_REQ is answered with TLM_COMPLETED after the transaction has ended");
      return;
    }
    check_time(it->second.last, effective, "TLM_COMPLETED");
    compare(it->second.before, payload, "the target");
    check_response(payload, "BEGIN_REQ is answered with TLM_COMPLETED");
    if (it->second.state == State::kRequest) end_request(payload, effective);
    if (response_ == &payload) response_ = nullptr;
    hops_.erase(it);
  }

  unsigned transport_dbg(Payload& payload) {
    ++seen.debug;
    const Snapshot before(payload);
    const tlm::tlm_response_status status = payload.get_response_status();
    const Instant instant;
    const unsigned served = isock->transport_dbg(payload);
    did_not_wait(instant, "transport_dbg");
    compare(before, payload, "the target of a debug access");
    if (served > before.length) complain("debug", "more bytes served than asked for");
    if (payload.get_response_status() != status && payload.get_response_status() != tlm::TLM_OK_RESPONSE)
      complain("debug", "a debug access ends with an error status instead of a count");
    return served;
  }

  bool get_direct_mem_ptr(Payload& payload, tlm::tlm_dmi& region) {
    ++seen.dmi;
    const Snapshot before(payload);
    const Instant instant;
    const bool granted = isock->get_direct_mem_ptr(payload, region);
    did_not_wait(instant, "get_direct_mem_ptr");
    compare(before, payload, "the target of a DMI request");
    if (!granted) return false;
    ++seen.dmi_granted;
    if (region.get_dmi_ptr() == nullptr) complain("dmi", "a region without a pointer is granted");
    if (before.address < region.get_start_address() || before.address > region.get_end_address())
      complain("dmi", "the region granted does not cover " + address_text(before.address));
    const bool enough =
        before.command == tlm::TLM_WRITE_COMMAND ? region.is_write_allowed() : region.is_read_allowed();
    if (!enough) complain("dmi", "the region granted does not allow the command");
    return true;
  }
  void invalidate_direct_mem_ptr(sc_dt::uint64 first, sc_dt::uint64 last) {
    if (first > last) complain("dmi", "a region that ends before it begins is invalidated");
    tsock->invalidate_direct_mem_ptr(first, last);
  }

  std::vector<std::string> violations_;
  std::unordered_map<Payload*, Hop> hops_;
  Payload* request_ = nullptr;   // BEGIN_REQ seen, END_REQ not
  Payload* response_ = nullptr;  // BEGIN_RESP seen, END_RESP not
  sc_core::sc_time request_free_, response_free_, last_request_, last_response_;
  unsigned blocking_ = 0;
};

}  // namespace memwall::testing_support
